/* test_settings.c - the option table, and config.example that is kept with it */
#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "session/settings.h"

extern const struct CMUnitTest test_settings[];

static void values_are_checked(void **state)
{
	struct settings *s;
	char *why = NULL;

	(void)state;
	assert_int_equal(settings_new(&s), 0);
	assert_int_equal(settings_set(s, "audio.bitrate", "64", &why), 0);
	assert_int_equal(settings_int(s, "audio.bitrate"), 64);
	assert_int_equal(settings_set(s, "audio.bitrate", "5", &why), -22);
	assert_non_null(strstr(why, "audio.bitrate"));
	free(why);
	assert_int_equal(settings_set(s, "muted", "perhaps", &why), -22);
	free(why);
	assert_int_equal(settings_set(s, "muted", "Yes", &why), 0);
	assert_true(settings_bool(s, "muted"));
	assert_int_equal(settings_set(s, "nonsense", "1", &why), -2);
	free(why);
	assert_int_equal(settings_set(s, "reconnect_for", "90s", &why), 0);
	assert_int_equal(settings_duration_us(s, "reconnect_for"), 90000000);
	assert_int_equal(settings_set(s, "video", "rece", &why), -22);
	free(why);
	settings_free(&s);
}

/* Every default passes its own check: a table that contradicts itself would
 * fail only when somebody saves. */
static void defaults_are_valid(void **state)
{
	struct settings *s;
	size_t n;
	const struct setting *t = settings_table(&n);

	(void)state;
	assert_int_equal(settings_new(&s), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(settings_set(s, t[i].key, t[i].def, NULL), 0);
	settings_free(&s);
}

static const char *example_value(const char *text, const char *key, char *out, size_t size)
{
	const char *dot = strchr(key, '.');
	char section[64], line[128];
	const char *at = text, *end;

	snprintf(section, sizeof(section), "[%.*s]\n", dot ? (int)(dot - key) : 7, dot ? key : "general");
	at = strstr(text, section);
	if (!at)
		return NULL;
	end = strstr(at + 1, "\n[");
	snprintf(line, sizeof(line), "\n#%s =", dot ? dot + 1 : key);
	at = strstr(at, line);
	if (!at || (end && at > end))
		return NULL;
	at += strlen(line);
	snprintf(out, size, "%.*s", (int)strcspn(at + (*at == ' '), "\n"), at + (*at == ' '));
	return out;
}

static void example_has_every_option_at_its_default(void **state)
{
	size_t n;
	const struct setting *t = settings_table(&n);
	char *text = unit_data("../../config.example", NULL), value[256];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const char *v = example_value(text, t[i].key, value, sizeof(value));

		if (t[i].secret) {
			if (v)
				fail_msg("config.example shows the secret %s", t[i].key);
			continue;
		}
		if (!v)
			fail_msg("config.example lacks %s", t[i].key);
		assert_string_equal(v, t[i].def);
	}
	free(text);
}

const struct CMUnitTest test_settings[] = {
	cmocka_unit_test(values_are_checked),
	cmocka_unit_test(defaults_are_valid),
	cmocka_unit_test(example_has_every_option_at_its_default),
	{ 0 }
};
