/* main.c - picks the subcommand */
#include <locale.h>
#include <string.h>
#include "app/app.h"
#include "base/clock.h"

int main(int argc, char **argv)
{
	int64_t start_us = clock_now_us();
	const char *word = argc > 1 ? argv[1] : "";

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");     /* numbers go to files and other programs */
	if (!strcmp(word, "host"))
		return app_host(argc - 1, argv + 1);
	if (!strcmp(word, "demo"))
		return app_demo(argc - 1, argv + 1, start_us);
	if (!strcmp(word, "ctl"))
		return app_ctl(argc - 1, argv + 1);
	if (!strcmp(word, "check"))
		return app_check(argc - 1, argv + 1);
	if (!strcmp(word, "sound") || !strcmp(word, "ssh"))
		return app_fail(EXIT_OTHER, "'ttymeet %s' is not built in yet", word);
	return app_call(argc, argv, start_us);
}
