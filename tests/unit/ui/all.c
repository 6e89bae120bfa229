/* all.c - unit tests of the room ui */
#include "unit/unit.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern const struct CMUnitTest test_width[], test_keys[], test_bindings[], test_input[],
	test_nicks[], test_layout[], test_screen[], test_chat[], test_transcript[], test_term[],
	test_full[], test_line_say[], test_line[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "width", test_width }, { "keys", test_keys }, { "bindings", test_bindings },
		{ "input", test_input }, { "nicks", test_nicks }, { "layout", test_layout },
		{ "screen", test_screen }, { "chat", test_chat },
		{ "transcript", test_transcript }, { "term", test_term }, { "full", test_full },
		{ "line_say", test_line_say }, { "line", test_line }, { NULL, NULL }
	};

	setenv("TZ", "UTC", 1);
	setenv("TERM", "xterm-256color", 1);
	unsetenv("NO_COLOR");
	tzset();
	if (!setlocale(LC_ALL, "C.UTF-8"))
		fprintf(stderr, "no locale C.UTF-8: widths cannot be tested\n");
	return unit_main(argc, argv, lists);
}
