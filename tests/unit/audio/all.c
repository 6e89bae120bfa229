/* all.c - the tests of audio */
#include "unit/unit.h"

extern const struct CMUnitTest test_level[], test_mixer[], test_codec[], test_jbuf[],
	test_stretch[], test_files[], test_devices[], test_engine[], test_memory[], test_card[],
	test_plan[], test_rate[], test_gate[], test_mic[], test_process[], test_music[],
	test_jitter[], test_stereo[], test_player[], test_recorder[], test_evening[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "level", test_level },
		{ "plan", test_plan },
		{ "rate", test_rate },
		{ "gate", test_gate },
		{ "mic", test_mic },
		{ "process", test_process },
		{ "music", test_music },
		{ "mixer", test_mixer },
		{ "codec", test_codec },
		{ "stretch", test_stretch },
		{ "jitter", test_jitter },
		{ "jbuf", test_jbuf },
		{ "stereo", test_stereo },
		{ "files", test_files },
		{ "devices", test_devices },
		{ "engine", test_engine },
		{ "memory", test_memory },
		{ "card", test_card },
		{ "player", test_player },
		{ "recorder", test_recorder },
		{ "evening", test_evening },
		{0}
	};

	return unit_main(argc, argv, lists);
}
