/* test_keys.c - what terminals send */
#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "ui/keys.h"

enum { MS = 1000 };

/* Names of all keys that come out by `until`, joined by blanks. */
static void drain(struct keys *k, int64_t until, char *out, size_t size)
{
	struct key key;
	char name[32];

	out[0] = 0;
	while (keys_next(k, until, &key)) {
		size_t used = strlen(out);

		if (key.code == K_PASTE)
			snprintf(name, sizeof(name), "PASTE");
		else
			keys_name(key, name, sizeof(name));
		snprintf(out + used, size - used, "%s%s", used ? " " : "", name);
	}
}

static void sends(const char *bytes, size_t len, const char *names)
{
	struct keys *k;
	char out[400];

	assert_int_equal(keys_new(&k), 0);
	keys_input(k, bytes, len, 1000 * MS);
	drain(k, 1000 * MS, out, sizeof(out));
	assert_string_equal(out, names);
	keys_free(&k);
	/* The same, byte for byte: a slow line tears sequences anywhere. */
	assert_int_equal(keys_new(&k), 0);
	out[0] = 0;
	for (size_t i = 0; i < len; i++) {
		char more[100];
		size_t used = strlen(out);

		keys_input(k, bytes + i, 1, 1000 * MS + (int64_t)i);
		drain(k, 1000 * MS + (int64_t)i, more, sizeof(more));
		snprintf(out + used, sizeof(out) - used, "%s%s", used && *more ? " " : "", more);
	}
	assert_string_equal(out, names);
	keys_free(&k);
}
#define SENDS(bytes, names) sends(bytes, sizeof(bytes) - 1, names)

static void plain(void **state)
{
	(void)state;
	SENDS("aZ ", "a Z Space");
	SENDS("ü李🎵", "ü 李 🎵");
	SENDS("\r\n\t\x7F\x08", "Enter Enter Tab Backspace Backspace");
	SENDS("\x01\x05\x17\x0C", "Ctrl+A Ctrl+E Ctrl+W Ctrl+L");
}

static void sequences(void **state)
{
	(void)state;
	SENDS("\033[A\033[B\033[C\033[D", "Up Down Right Left");
	SENDS("\033OA\033OH\033OF", "Up Home End");
	SENDS("\033[1~\033[4~\033[5~\033[6~\033[3~\033[7~", "Home End PageUp PageDown Delete Home");
	SENDS("\033OQ\033[12~\033[[B\033[24~", "F2 F2 F2 F12");
	SENDS("\033[1;3A\033[1;5C\033[1;9D", "Alt+Up Ctrl+Right Alt+Left");
	SENDS("\033[Z", "Shift+Tab");
	SENDS("\033m\033\x7F\0331", "Alt+m Alt+Backspace Alt+1");
	SENDS("\033\033[A", "Alt+Up");
	SENDS("\033ü", "Alt+ü");
	SENDS("\033[109;3u\033[27;5;119~", "Alt+m Ctrl+W");
}

static void unknown_sequences_vanish(void **state)
{
	(void)state;
	SENDS("a\033[99~b", "a b");
	SENDS("a\033[?1;2cb", "a b");           /* an answer that nobody asked for */
	SENDS("a\033[>0;276;0cb", "a b");
	SENDS("a\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mb", "a b");
	SENDS("a\033[999999999999999999~b", "a b");
	SENDS("a\xFF\x80\xC0" "b", "a b");
	SENDS("\033[<0;10;10M" "x", "x");       /* a mouse that we did not ask for */
}

static void escape_is_told_by_time(void **state)
{
	struct keys *k;
	char out[100];

	(void)state;
	assert_int_equal(keys_new(&k), 0);
	assert_true(keys_deadline(k) == CLOCK_NEVER);
	keys_input(k, "\033", 1, 1000 * MS);
	drain(k, 1040 * MS, out, sizeof(out));
	assert_string_equal(out, "");
	assert_true(keys_deadline(k) == 1050 * MS);
	drain(k, 1050 * MS, out, sizeof(out));
	assert_string_equal(out, "Esc");
	/* "Esc, then the key" is Alt ... */
	keys_input(k, "m", 1, 1800 * MS);
	drain(k, 1800 * MS, out, sizeof(out));
	assert_string_equal(out, "Alt+m");
	/* ... once ... */
	keys_input(k, "m", 1, 1900 * MS);
	drain(k, 1900 * MS, out, sizeof(out));
	assert_string_equal(out, "m");
	/* ... and not when it was long ago: no microphone opens by that. */
	keys_input(k, "\033", 1, 3000 * MS);
	drain(k, 3050 * MS, out, sizeof(out));
	assert_string_equal(out, "Esc");
	keys_input(k, "m", 1, 4600 * MS);
	drain(k, 4600 * MS, out, sizeof(out));
	assert_string_equal(out, "m");
	keys_free(&k);
}

static void a_torn_arrow_is_an_arrow(void **state)
{
	struct keys *k;
	char out[100];

	(void)state;
	assert_int_equal(keys_new(&k), 0);
	keys_input(k, "\033", 1, 1000 * MS);
	drain(k, 1100 * MS, out, sizeof(out));
	assert_string_equal(out, "Esc");
	keys_input(k, "[A", 2, 1150 * MS);
	drain(k, 1150 * MS, out, sizeof(out));
	assert_string_equal(out, "Up");
	keys_free(&k);
}

static void what_stays_torn_is_dropped(void **state)
{
	struct keys *k;
	char out[100];

	(void)state;
	assert_int_equal(keys_new(&k), 0);
	keys_input(k, "\033[1;", 4, 1000 * MS);
	drain(k, 1400 * MS, out, sizeof(out));
	assert_string_equal(out, "");
	drain(k, keys_deadline(k), out, sizeof(out));
	assert_string_equal(out, "");
	assert_true(keys_deadline(k) == CLOCK_NEVER);
	keys_input(k, "a", 1, 2000 * MS);
	drain(k, 2000 * MS, out, sizeof(out));
	assert_string_equal(out, "a");
	keys_free(&k);
}

static void pasting(void **state)
{
	static const char bytes[] = "x\033[200~/quit\rtwo\033[31m\033[201~y";
	struct keys *k;
	char out[100];
	size_t len;

	(void)state;
	SENDS("x\033[200~/quit\rtwo\033[201~y", "x PASTE y");
	assert_int_equal(keys_new(&k), 0);
	keys_input(k, bytes, sizeof(bytes) - 1, 1000 * MS);
	drain(k, 1000 * MS, out, sizeof(out));
	assert_string_equal(out, "x PASTE y");
	assert_string_equal(keys_pasted(k, &len), "/quit\rtwo\033[31m");
	assert_int_equal(len, 14);
	keys_free(&k);
}

static void a_paste_without_end_ends(void **state)
{
	struct keys *k;
	char out[100], *big = calloc(1, 200000);
	size_t len;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', 200000);
	assert_int_equal(keys_new(&k), 0);
	keys_input(k, "\033[200~", 6, 1000 * MS);
	for (int i = 0; i < 50; i++) {
		keys_input(k, big, 4000, 1000 * MS);
		drain(k, 1000 * MS, out, sizeof(out));
		assert_string_equal(out, "");
	}
	drain(k, 2000 * MS, out, sizeof(out));
	assert_string_equal(out, "PASTE");
	keys_pasted(k, &len);
	assert_true(len > 60000 && len <= 65536);
	free(big);
	keys_free(&k);
}

const struct CMUnitTest test_keys[] = {
	cmocka_unit_test(plain),
	cmocka_unit_test(sequences),
	cmocka_unit_test(unknown_sequences_vanish),
	cmocka_unit_test(escape_is_told_by_time),
	cmocka_unit_test(a_torn_arrow_is_an_arrow),
	cmocka_unit_test(what_stays_torn_is_dropped),
	cmocka_unit_test(pasting),
	cmocka_unit_test(a_paste_without_end_ends),
	{ 0 }
};
