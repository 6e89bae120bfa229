/* all.c - unit tests of the room host */
#include "unit/unit.h"

extern const struct CMUnitTest test_dominant[], test_forward[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "dominant", test_dominant }, { "forward", test_forward }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
