/* all.c - the tests of call */
#include "unit/unit.h"

extern const struct CMUnitTest test_address[];
extern const struct CMUnitTest test_config_js[];
extern const struct CMUnitTest test_recorded[];
extern const struct CMUnitTest test_join[];
extern const struct CMUnitTest test_call[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "address", test_address }, { "config_js", test_config_js },
		{ "recorded", test_recorded }, { "join", test_join },
		{ "call", test_call }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
