/* all.c - unit tests of the room app */
#include "unit/unit.h"

extern const struct CMUnitTest test_config[], test_ctl_rpc[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "config", test_config }, { "ctl_rpc", test_ctl_rpc }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
