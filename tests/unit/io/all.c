/* all.c - unit tests of the room io */
#include "unit/unit.h"

extern const struct CMUnitTest test_net[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = { { "net", test_net }, { NULL, NULL } };

	return unit_main(argc, argv, lists);
}
