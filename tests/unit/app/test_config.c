/* test_config.c - the config file as people edit it and /set changes it */
#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"

extern const struct CMUnitTest test_config[];

static char path[64];

static void put(const char *text)
{
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/ttymeet-test-%d.conf", (int)getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *get(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static void good_lines_count_bad_ones_are_counted(void **state)
{
	struct settings *s;

	(void)state;
	put("# mine\nname = Ada \n[audio]\nbitrate = 48\nbitrate = loud\nnonsense\n[nowhere]\nkey = 1\n");
	assert_int_equal(settings_new(&s), 0);
	assert_int_equal(config_load(s, path, true), 3);
	assert_string_equal(settings_text(s, "name"), "Ada");
	assert_int_equal(settings_int(s, "audio.bitrate"), 48);
	settings_free(&s);
	unlink(path);
}

static void a_missing_file_is_no_error_unless_it_was_named(void **state)
{
	struct settings *s;

	(void)state;
	assert_int_equal(settings_new(&s), 0);
	assert_int_equal(config_load(s, "/nonexistent/config", false), 0);
	assert_true(config_load(s, "/nonexistent/config", true) < 0);
	settings_free(&s);
}

static void saving_touches_one_line(void **state)
{
	char *why;

	(void)state;
	put("# mine\nname = Ada\n\n[audio]\n# loud enough\nbitrate = 48\n\n[ui]\nbell = off\n");
	assert_int_equal(config_save(path, "audio.bitrate", "64", &why), 0);
	assert_string_equal(get(), "# mine\nname = Ada\n\n[audio]\n# loud enough\nbitrate = 64\n\n[ui]\nbell = off\n");
	assert_int_equal(config_save(path, "audio.mic", "null", &why), 0);
	assert_non_null(strstr(get(), "bitrate = 64\n\nmic = null\n[ui]"));
	assert_int_equal(config_save(path, "keys.web", "on", &why), 0);
	assert_non_null(strstr(get(), "\n[keys]\nweb = on\n"));
	assert_int_equal(config_save(path, "server", "https://meet.example.org", &why), 0);
	assert_non_null(strstr(get(), "server = https://meet.example.org\n[audio]"));
	unlink(path);
}

const struct CMUnitTest test_config[] = {
	cmocka_unit_test(good_lines_count_bad_ones_are_counted),
	cmocka_unit_test(a_missing_file_is_no_error_unless_it_was_named),
	cmocka_unit_test(saving_touches_one_line),
	{ 0 }
};
