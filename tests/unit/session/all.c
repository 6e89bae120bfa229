/* all.c - unit tests of the room session */
#include "unit/unit.h"

extern const struct CMUnitTest test_settings[], test_commands[], test_reports[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "settings", test_settings }, { "commands", test_commands },
		{ "reports", test_reports }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
