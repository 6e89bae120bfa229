/* test_text.c - what strangers write cannot hurt who reads it */
#include "unit/fail_alloc.h"
#include "unit/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

extern const struct CMUnitTest test_text[];

static void clean_is(const char *in, size_t max, int flags, const char *out)
{
	char *s = text_clean(in, strlen(in), max, flags);

	assert_string_equal(s, out);
	assert_true(text_is_utf8(s, strlen(s)));
	free(s);
}

static void controls_and_hidden_characters_go(void **state)
{
	char *s;

	(void)state;
	clean_is("plain", 0, 0, "plain");
	clean_is("Zoë 日本 👍🏽", 0, 0, "Zoë 日本 👍🏽");
	clean_is("\033[2Jred\007", 0, 0, "[2Jred");
	clean_is("a\302\233" "31mb", 0, 0, "a31mb");                   /* C1 CSI */
	clean_is("abc\342\200\256gpj.exe", 0, 0, "abcgpj.exe");         /* override */
	clean_is("\342\201\246x\342\201\251", 0, 0, "x");               /* isolates */
	clean_is("a\342\200\213b\357\273\277c", 0, 0, "abc");           /* zero width, BOM */
	clean_is("\360\237\221\250\342\200\215\360\237\222\273", 0, 0,
		 "\360\237\221\250\342\200\215\360\237\222\273");       /* joiner of an emoji */
	clean_is("x\357\277\276y", 0, 0, "xy");                         /* U+FFFE: no XML */
	s = text_clean("a\0b", 3, 0, 0);
	assert_string_equal(s, "ab");
	free(s);
}

static void bytes_that_are_no_utf8_show_as_such(void **state)
{
	(void)state;
	clean_is("a\377b", 0, 0, "a\357\277\275b");
	clean_is("\300\257", 0, 0, "\357\277\275\357\277\275");         /* overlong '/' */
	clean_is("\355\240\200", 0, 0, "\357\277\275\357\277\275\357\277\275"); /* surrogate */
	clean_is("\364\220\200\200", 0, 0, "\357\277\275\357\277\275\357\277\275\357\277\275");
	clean_is("\342\202", 0, 0, "\357\277\275\357\277\275");         /* cut short */
	assert_false(text_is_utf8("\342\202", 2));
	assert_true(text_is_utf8("\342\202\254", 3));
	assert_true(text_is_utf8("\357\277\275", 3));                   /* U+FFFD itself */
}

static void lines_stay_where_they_may(void **state)
{
	(void)state;
	clean_is("a\nb\tc\r\n", 0, 0, "a b c ");
	clean_is("a\nb\tc\r\n", 0, TEXT_LINES, "a\nb c\n");
	clean_is("  \n a b \t", 0, TEXT_TRIM, "a b");
	clean_is(" \n ", 0, TEXT_TRIM | TEXT_LINES, "");
}

static void a_cut_falls_between_characters(void **state)
{
	char s[4];

	(void)state;
	clean_is("abcdef", 3, 0, "abc");
	clean_is("ab€", 4, 0, "ab");
	clean_is("€€", 3, 0, "€");
	assert_false(text_copy(s, sizeof(s), "ab€"));
	assert_string_equal(s, "ab");
	assert_false(text_copy(s, sizeof(s), "abcd"));
	assert_string_equal(s, "abc");
	assert_true(text_copy(s, sizeof(s), "€"));
	assert_false(text_copy(s, 1, "x"));
	assert_string_equal(s, "");
	assert_false(text_copy(s, 0, "x"));
}

static void characters_go_there_and_back(void **state)
{
	static const uint32_t some[] = { 0, 'a', 0x7F, 0x80, 0x7FF, 0x800, 0xFFFD, 0xFFFF,
					 0x10000, 0x1F44D, 0x10FFFF };
	uint32_t cp;
	char c[4];

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		size_t n = text_utf8_put(c, some[i]);

		assert_int_equal(text_utf8_next(c, n, &cp), n);
		assert_int_equal(cp, some[i]);
	}
	assert_int_equal(text_utf8_next("", 0, &cp), 0);
}

static void numbers_are_whole_and_in_range(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.5",
					   "18446744073709551616", "99999999999999999999" };
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_u64(bad[i], 0, UINT64_MAX, &n), -EINVAL);
	assert_int_equal(n, 7);
	assert_int_equal(text_u64("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(text_u64("65536", 1, 65535, &n), -EINVAL);
	assert_int_equal(text_u64("0", 1, 65535, &n), -EINVAL);
	assert_int_equal(text_u64("0443", 1, 65535, &n), 0);
	assert_int_equal(n, 443);
}

static void durations_have_units(void **state)
{
	static const struct { const char *s; int64_t us; } good[] = {
		{ "10s", 10000000 }, { "90", 90000000 }, { "500ms", 500000 }, { "5m", 300000000 },
		{ "1h", INT64_C(3600000000) }, { "0", 0 },
	};
	static const char *const bad[] = { "", "s", "1.5s", "-1s", "1x", "1 s", "10sec",
					   "99999999999", "4294967295h" };
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(text_duration_us(good[i].s, &us), 0);
		assert_true(us == good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_duration_us(bad[i], &us), -EINVAL);
}

static void percent_codes_go_there_and_back(void **state)
{
	char *s = text_percent_encode("a b/ä%~", NULL), *t;

	(void)state;
	assert_string_equal(s, "a%20b%2F%C3%A4%25~");
	t = text_percent_decode(s, strlen(s));
	assert_string_equal(t, "a b/ä%~");
	free(s);
	free(t);
	s = text_percent_encode("a/b", "/");
	assert_string_equal(s, "a/b");
	free(s);
	s = text_percent_decode("%zz%4%41%00%", 12);
	assert_string_equal(s, "%zz%4A%00%");
	free(s);
}

static void small_helpers(void **state)
{
	char *s = NULL;

	(void)state;
	assert_true(text_starts("wss://x", "wss:"));
	assert_false(text_starts("ws", "wss"));
	assert_true(text_ends("a.localhost", ".localhost"));
	assert_false(text_ends("t", "host"));
	assert_true(text_same_nocase("XMPP", "xmpp"));
	assert_false(text_same_nocase("xmp", "xmpp"));
	assert_false(text_same_nocase("\303\204", "\303\244"));         /* ASCII alone */
	assert_int_equal(text_set(&s, "one"), 0);
	assert_int_equal(text_set(&s, s), 0);
	assert_string_equal(s, "one");
	assert_int_equal(text_set(&s, NULL), 0);
	assert_null(s);
	assert_true(text_same_secret("pass", "pass"));
	assert_false(text_same_secret("pass", "pasS"));
	assert_false(text_same_secret("pass", "passw"));
	assert_false(text_same_secret("", "x"));
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	if (!fail_alloc_works())
		skip();
	for (int n = 0, bad = 0;; n++) {
		char *a, *b, *c;

		fail_alloc_at(n);
		a = text_clean("hello there", 11, 0, TEXT_TRIM);
		b = text_percent_encode("ä", NULL);
		c = text_percent_decode("%41", 3);
		fail_alloc_at(-1);
		bad += !a || !b || !c;
		free(a);
		free(b);
		free(c);
		if (!fail_alloc_came()) {
			assert_int_equal(bad, n);
			return;
		}
	}
}

static void secrets_are_forgotten(void **state)
{
	char *s = strdup("open sesame"), *none = NULL;

	(void)state;
	text_forget(&s);
	assert_null(s);
	text_forget(&none);
	assert_null(none);
}

const struct CMUnitTest test_text[] = {
	cmocka_unit_test(secrets_are_forgotten),
	cmocka_unit_test(controls_and_hidden_characters_go),
	cmocka_unit_test(bytes_that_are_no_utf8_show_as_such),
	cmocka_unit_test(lines_stay_where_they_may),
	cmocka_unit_test(a_cut_falls_between_characters),
	cmocka_unit_test(characters_go_there_and_back),
	cmocka_unit_test(numbers_are_whole_and_in_range),
	cmocka_unit_test(durations_have_units),
	cmocka_unit_test(percent_codes_go_there_and_back),
	cmocka_unit_test(small_helpers),
	cmocka_unit_test(each_allocation_may_fail),
	{ 0 }
};
