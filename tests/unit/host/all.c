/* all.c - unit tests of the room host */
#include "unit/unit.h"

extern const struct CMUnitTest test_bridge[], test_conn[], test_dominant[], test_focus[],
	test_forward[], test_host[], test_http[], test_muc[], test_recordings[], test_session[],
	test_relays[], test_sm[], test_video[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "conn", test_conn }, { "muc", test_muc }, { "focus", test_focus },
		{ "session", test_session }, { "sm", test_sm }, { "http", test_http }, { "host", test_host }, { "recordings", test_recordings },
		{ "dominant", test_dominant }, { "forward", test_forward }, { "bridge", test_bridge },
		{ "relays", test_relays }, { "video", test_video }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
