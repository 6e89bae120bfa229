/* width.c - text in cells
 *
 * Widths are those of wcwidth(), because ncurses uses the same: the two must
 * agree or a row shifts.  For that reason joiners and variation selectors are
 * dropped: terminals differ in what they make of them, and separate pictures
 * of known width beat a garbled row.
 */
#include "ui/width.h"
#include <langinfo.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"

enum {
	MARKS_MAX = 4,          /* as many as an ncurses cell holds; the rest is noise */
	REPLACEMENT = 0xFFFD,
	HANG_LEAST = 16         /* columns that a row of a list keeps */
};

bool width_is_utf8(void)
{
	const char *set = nl_langinfo(CODESET);

	return !strcasecmp(set, "UTF-8") || !strcasecmp(set, "utf8");
}

/* Nothing to see, or only another look of the character before. */
static bool is_ignored(uint32_t cp)
{
	return cp == 0xAD || cp == 0x034F || (cp >= 0x200B && cp <= 0x200F) ||
	       (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x206F) ||
	       (cp >= 0xFE00 && cp <= 0xFE0F) || cp == 0xFEFF ||
	       (cp >= 0xE0000 && cp <= 0xE0FFF);
}

/* Spelled in ASCII: Latin-1 letters and the punctuation that phones type. */
static uint32_t ascii_of(uint32_t cp)
{
	static const char latin[] =
		"AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";

	if (cp < 0x80)
		return cp;
	if (cp >= 0xC0 && cp <= 0xFF)
		return (uint32_t)latin[cp - 0xC0];
	switch (cp) {
	case 0xA0: case 0x2009: case 0x202F:
		return ' ';
	case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014:
		return '-';
	case 0x2018: case 0x2019: case 0x201A:
		return '\'';
	case 0x201C: case 0x201D: case 0x201E: case 0xAB: case 0xBB:
		return '"';
	case 0x2026: case 0xB7: case 0x2022:
		return '.';
	default:
		return '?';
	}
}

/* What stands in the cell, and its columns; 0 for marks that combine. */
static uint32_t base_of(bool utf8, uint32_t cp, int *columns)
{
	if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0)) {
		*columns = 1;
		return cp == '\n' || cp == '\t' ? ' ' : utf8 ? REPLACEMENT : '?';
	}
	if (!utf8) {
		*columns = cp >= 0x80 && wcwidth((wchar_t)cp) == 0 ? 0 : 1;
		return ascii_of(cp);
	}
	*columns = wcwidth((wchar_t)cp);
	if (*columns < 0 || *columns > 2) {
		*columns = 1;
		return REPLACEMENT;
	}
	return cp;
}

size_t glyph_next(bool utf8, const char *s, size_t len, struct glyph *g)
{
	size_t at = 0, n, marks = 0;
	uint32_t cp;

	memset(g, 0, sizeof(*g));
	while ((n = text_utf8_next(s + at, len - at, &cp)) > 0) {
		int columns = 0;

		if (at && cp == '\n')
			break;          /* whoever wraps must see each line end */
		cp = is_ignored(cp) ? 0 : base_of(utf8, cp, &columns);
		if (g->columns && columns)
			break;
		at += n;
		if (!cp)
			continue;
		if (columns) {
			g->wc[0] = (wchar_t)cp;
			g->columns = columns;
			continue;
		}
		if (!g->columns) {      /* a mark with nothing to stand on */
			g->wc[0] = ' ';
			g->columns = 1;
		}
		if (utf8 && marks < MARKS_MAX)
			g->wc[1 + marks++] = (wchar_t)cp;
	}
	return at;
}

bool glyph_joins(const char *s, size_t len)
{
	uint32_t cp;

	return text_utf8_next(s, len, &cp) > 1 && (is_ignored(cp) || wcwidth((wchar_t)cp) == 0);
}

int width_of(bool utf8, const char *s, size_t len)
{
	struct glyph g;
	int columns = 0;
	size_t n;

	for (; (n = glyph_next(utf8, s, len, &g)) > 0; s += n, len -= n)
		columns += g.columns;
	return columns;
}

int width_str(bool utf8, const char *s)
{
	return width_of(utf8, s, strlen(s));
}

size_t width_fit(bool utf8, const char *s, size_t len, int columns, int *used)
{
	struct glyph g;
	size_t at = 0, n;
	int x = 0;

	while ((n = glyph_next(utf8, s + at, len - at, &g)) > 0) {
		if (x + g.columns > columns)
			break;
		x += g.columns;
		at += n;
	}
	if (used)
		*used = x;
	return at;
}

void wrap_start(struct wrap *w, bool utf8, const char *text, int columns)
{
	*w = (struct wrap){
		.text = text, .len = strlen(text), .columns = columns < 2 ? 2 : columns, .utf8 = utf8
	};
	while (w->len && text[w->len - 1] == '\n')
		w->len--;
}

/* Columns before the second column of a list's line; where that leaves too
 * little room, or there is none, a bit more than the line's own. */
static int hang_of(const struct wrap *w)
{
	const char *line = w->text + w->at, *end = memchr(line, '\n', w->len - w->at), *gap;
	size_t len = end ? (size_t)(end - line) : w->len - w->at;
	size_t blanks = 0;
	int hang;

	while (blanks < len && line[blanks] == ' ')
		blanks++;
	if (blanks < 2 || blanks == len)
		return 0;
	gap = memmem(line + blanks, len - blanks, "  ", 2);
	hang = (int)blanks + 2;
	if (gap) {
		size_t at = (size_t)(gap - line);

		while (at < len && line[at] == ' ')
			at++;
		if (width_of(w->utf8, line, at) + HANG_LEAST <= w->columns)
			hang = width_of(w->utf8, line, at);
	}
	return hang + HANG_LEAST <= w->columns ? hang : 0;
}

/* Where this row must end at the latest: at '\n', or where columns run out. */
static size_t row_limit(const struct wrap *w, size_t *brk)
{
	struct glyph g;
	size_t at = w->at, n;
	int x = w->indent;
	bool seen = x > 0;              /* something but indentation */

	*brk = 0;
	while (at < w->len && w->text[at] != '\n') {
		bool blank = w->text[at] == ' ';

		n = glyph_next(w->utf8, w->text + at, w->len - at, &g);
		if (!blank && x + g.columns > w->columns)
			break;
		if (blank && seen)
			*brk = at;
		if (!blank)
			seen = true;
		if (blank && x + g.columns > w->columns)
			break;
		x += g.columns;
		at += n;
		if (g.columns == 2 && x <= w->columns)
			*brk = at;      /* scripts without blanks break anywhere */
	}
	return at;
}

bool wrap_next(struct wrap *w, const char **row, size_t *len)
{
	size_t end, brk;

	if (w->done)
		return false;
	if (w->at == 0 || w->text[w->at - 1] == '\n') {
		w->hang = hang_of(w);
		w->indent = 0;
	} else {
		w->indent = w->hang;
	}
	end = row_limit(w, &brk);
	*row = w->text + w->at;
	if (end >= w->len || w->text[end] == '\n') {
		*len = end - w->at;
		w->done = end >= w->len;
		w->at = end + 1;
		return true;
	}
	if (brk > w->at)
		end = brk;
	for (*len = end - w->at; *len && (*row)[*len - 1] == ' ';)
		--*len;
	if (end == w->at)               /* cannot be, but must not loop */
		end++;
	w->at = end;
	while (w->at < w->len && w->text[w->at] == ' ')
		w->at++;
	w->done = w->at >= w->len;
	if (!w->done && w->text[w->at] == '\n')         /* the end was there anyway */
		w->at++;
	return true;
}

size_t wrap_rows(bool utf8, const char *text, int columns)
{
	struct wrap w;
	const char *row;
	size_t len, n = 0;

	wrap_start(&w, utf8, text, columns);
	while (wrap_next(&w, &row, &len))
		n++;
	return n;
}
