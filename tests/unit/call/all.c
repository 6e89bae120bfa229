/* all.c - the tests of call */
#include "unit/unit.h"

extern const struct CMUnitTest test_address[];
extern const struct CMUnitTest test_config_js[];
extern const struct CMUnitTest test_recorded[];
extern const struct CMUnitTest test_recovery[];
extern const struct CMUnitTest test_resume[];
extern const struct CMUnitTest test_odd[];
extern const struct CMUnitTest test_moves[];
extern const struct CMUnitTest test_door[];
extern const struct CMUnitTest test_shard[];
extern const struct CMUnitTest test_join[];
extern const struct CMUnitTest test_call[];
extern const struct CMUnitTest test_media[];
extern const struct CMUnitTest test_link[];
extern const struct CMUnitTest test_ice_restart[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "address", test_address }, { "config_js", test_config_js },
		{ "recovery", test_recovery }, { "resume", test_resume },
		{ "odd", test_odd }, { "moves", test_moves },
		{ "shard", test_shard }, { "door", test_door },
		{ "recorded", test_recorded }, { "join", test_join },
		{ "call", test_call }, { "media", test_media }, { "link", test_link },
		{ "ice_restart", test_ice_restart },
		{ NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
