/* test_width.c - text in cells */
#include "unit/unit.h"
#include <stdio.h>
#include <string.h>
#include "ui/width.h"

static void columns_of_scripts(void **state)
{
	(void)state;
	assert_true(width_is_utf8());
	assert_int_equal(width_str(true, "Anna"), 4);
	assert_int_equal(width_str(true, "naïve"), 5);
	assert_int_equal(width_str(true, "李小龍"), 6);
	assert_int_equal(width_str(true, "🎵"), 2);
	assert_int_equal(width_str(true, "cafe\xCC\x81"), 4);           /* e and U+0301 */
	assert_int_equal(width_str(true, "\xEF\xB8\x8F"), 0);           /* U+FE0F alone */
	assert_int_equal(width_str(true, ""), 0);
}

static void marks_stand_in_one_cell_and_are_bounded(void **state)
{
	/* e with twenty acute accents, then x */
	char text[64] = "e";
	struct glyph g;
	size_t n;

	(void)state;
	for (int i = 0; i < 20; i++)
		memcpy(text + 1 + 2 * i, "\xCC\x81", 3);
	memcpy(text + 41, "x", 2);
	n = glyph_next(true, text, strlen(text), &g);
	assert_int_equal(n, 41);
	assert_int_equal(g.columns, 1);
	assert_int_equal(g.wc[0], 'e');
	assert_int_equal(g.wc[4], 0x301);
	assert_int_equal(g.wc[5], 0);
	glyph_next(true, text + n, 1, &g);
	assert_int_equal(g.wc[0], 'x');
}

static void a_lone_mark_gets_a_cell(void **state)
{
	struct glyph g;

	(void)state;
	glyph_next(true, "\xCC\x81", 2, &g);
	assert_int_equal(g.columns, 1);
	assert_int_equal(g.wc[0], ' ');
	assert_int_equal(g.wc[1], 0x301);
}

static void controls_never_come_out(void **state)
{
	struct glyph g;

	(void)state;
	for (int c = 1; c < 256; c++) {
		char s[3] = { (char)c, 0, 0 };

		if (c >= 0x80 && c < 0xA0) {    /* C1 as UTF-8 */
			s[0] = (char)0xC2;
			s[1] = (char)c;
		}
		for (int utf8 = 0; utf8 < 2; utf8++) {
			size_t n = glyph_next(utf8, s, strlen(s), &g);

			assert_int_equal(n, strlen(s));
			if (g.columns)
				assert_true(g.wc[0] >= 32 && (g.wc[0] < 127 || g.wc[0] >= 160));
			if (!utf8)
				assert_true(g.wc[0] < 127);
		}
	}
}

static void ascii_spells_what_it_can(void **state)
{
	static const char text[] = "Zoë – “naïve” 李 e\xCC\x81";
	char out[64];
	size_t at = 0, len = strlen(text), n, used = 0;
	struct glyph g;

	(void)state;
	for (; (n = glyph_next(false, text + at, len - at, &g)) > 0; at += n)
		out[used++] = (char)g.wc[0];
	out[used] = 0;
	assert_string_equal(out, "Zoe - \"naive\" ? e");
}

static void fitting_cuts_between_glyphs(void **state)
{
	int used;

	(void)state;
	assert_int_equal(width_fit(true, "李小龍", 9, 5, &used), 6);
	assert_int_equal(used, 4);
	assert_int_equal(width_fit(true, "cafe\xCC\x81s", 7, 4, &used), 6);
	assert_int_equal(used, 4);
	assert_int_equal(width_fit(true, "abc", 3, 0, &used), 0);
}

/* Rows joined by '|', the indentation as '>'. */
static const char *wrapped(char *out, size_t size, const char *text, int columns)
{
	struct wrap w;
	const char *row;
	size_t len, used = 0;

	wrap_start(&w, true, text, columns);
	out[0] = 0;
	while (wrap_next(&w, &row, &len)) {
		assert_true(width_of(true, row, len) + w.indent <= (columns < 2 ? 2 : columns));
		used += (size_t)snprintf(out + used, size - used, "%s%.*s%.*s", used ? "|" : "",
					 w.indent, ">>>>>>>>>>>>>>>>>>>>>>", (int)len, row);
	}
	return out;
}

static void wrapping(void **state)
{
	char out[400];

	(void)state;
	assert_string_equal(wrapped(out, sizeof(out), "one two three", 8), "one two|three");
	assert_string_equal(wrapped(out, sizeof(out), "one two", 7), "one two");
	assert_string_equal(wrapped(out, sizeof(out), "", 8), "");
	assert_int_equal(wrap_rows(true, "", 8), 1);
	assert_string_equal(wrapped(out, sizeof(out), "abcdefghij", 4), "abcd|efgh|ij");
	assert_string_equal(wrapped(out, sizeof(out), "a abcdefghij", 4), "a|abcd|efgh|ij");
	assert_string_equal(wrapped(out, sizeof(out), "a\nb\n\nc\n", 8), "a|b||c");
	assert_string_equal(wrapped(out, sizeof(out), "one     two", 4), "one|two");
	assert_string_equal(wrapped(out, sizeof(out), "日本語テキスト", 7), "日本語|テキス|ト");
	assert_string_equal(wrapped(out, sizeof(out), "see 日本語", 8), "see 日本|語");
	assert_string_equal(wrapped(out, sizeof(out), "one two\nthree", 7), "one two|three");
	assert_string_equal(wrapped(out, sizeof(out), "one \nthree", 3), "one|thr|ee");
	assert_string_equal(wrapped(out, sizeof(out), "aaaa🎵", 5), "aaaa|🎵");
	/* U+FE0F before a line end takes nothing with it */
	assert_string_equal(wrapped(out, sizeof(out), "\xEF\xB8\x8F\nb", 5), "\xEF\xB8\x8F|b");
}

static void lists_hang(void **state)
{
	char out[400];

	(void)state;
	assert_string_equal(wrapped(out, sizeof(out), "  Alt+m   mute and unmute yourself", 27),
			    "  Alt+m   mute and unmute|>>>>>>>>>>yourself");
	assert_string_equal(wrapped(out, sizeof(out), "  one two three four five six", 22),
			    "  one two three four|>>>>five six");
	assert_string_equal(wrapped(out, sizeof(out), "text  with gaps and more", 20),
			    "text  with gaps and|more");
}

static void any_width_and_bytes_end(void **state)
{
	static const char text[] = "a \xFF\xFE李 \x01\x1B[31m\n\n  x  y \xCC\x81\xCC\x81 zzzzzzzzzz";

	(void)state;
	for (int columns = -1; columns < 40; columns++)
		assert_true(wrap_rows(true, text, columns) < 60);
}

const struct CMUnitTest test_width[] = {
	cmocka_unit_test(columns_of_scripts),
	cmocka_unit_test(marks_stand_in_one_cell_and_are_bounded),
	cmocka_unit_test(a_lone_mark_gets_a_cell),
	cmocka_unit_test(controls_never_come_out),
	cmocka_unit_test(ascii_spells_what_it_can),
	cmocka_unit_test(fitting_cuts_between_glyphs),
	cmocka_unit_test(wrapping),
	cmocka_unit_test(lists_hang),
	cmocka_unit_test(any_width_and_bytes_end),
	{ 0 }
};
