/* all.c - unit tests of the room xmpp */
#include "unit/unit.h"

extern const struct CMUnitTest test_recorded[], test_xml[], test_stream[], test_jingle[],
	test_room[], test_source[], test_sm[], test_scram[], test_oom[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "recorded", test_recorded }, { "xml", test_xml }, { "stream", test_stream },
		{ "jingle", test_jingle }, { "room", test_room }, { "source", test_source },
		{ "sm", test_sm }, { "scram", test_scram }, { "oom", test_oom }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
