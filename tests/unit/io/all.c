/* all.c - unit tests of the room io */
#include "unit/unit.h"

extern const struct CMUnitTest test_url[], test_loop[], test_net[], test_http[], test_tls[], test_netwatch[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "url", test_url }, { "loop", test_loop }, { "net", test_net }, { "http", test_http },
		{ "tls", test_tls }, { "netwatch", test_netwatch }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
