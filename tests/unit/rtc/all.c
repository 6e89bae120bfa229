/* all.c - the tests of rtc */
#include "unit/unit.h"

extern const struct CMUnitTest test_rtp[], test_rtcp[], test_colibri[], test_srtp[],
	test_dtls[], test_transport_fake[], test_peer[], test_transport_nice[], test_ice_mux[],
	test_data_channel[], test_tcc[], test_turn[], test_ice_ask[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "rtp", test_rtp },
		{ "rtcp", test_rtcp },
		{ "colibri", test_colibri },
		{ "srtp", test_srtp },
		{ "dtls", test_dtls },
		{ "transport_fake", test_transport_fake },
		{ "peer", test_peer },
		{ "transport_nice", test_transport_nice },
		{ "ice_mux", test_ice_mux },
		{ "data_channel", test_data_channel },
		{ "tcc", test_tcc },
		{ "turn", test_turn },
		{ "ice_ask", test_ice_ask },
		{0}
	};

	return unit_main(argc, argv, lists);
}
