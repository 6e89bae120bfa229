/* all.c - unit tests of the room xmpp */
#include "unit/unit.h"

extern const struct CMUnitTest test_recorded[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "recorded", test_recorded }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
