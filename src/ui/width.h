/* width.h - text in cells: how many columns it takes, where it is cut
 *
 * A glyph is what stands in one cell (or two, for wide characters): a base
 * character with the marks that combine with it.  Control characters never
 * come out of here, whatever goes in.  utf8 says whether the terminal takes
 * UTF-8; where it does not, letters are spelled in ASCII as far as that goes.
 */
#ifndef UI_WIDTH_H
#define UI_WIDTH_H
#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum { GLYPH_WCHARS = 6 };      /* ncurses holds a base and four marks, and NUL */

struct glyph {
	wchar_t wc[GLYPH_WCHARS];
	int columns;            /* 1, 2; 0 for a piece of text that shows nothing */
};

/* Does the locale of this process write UTF-8? */
bool width_is_utf8(void);

/* Takes the next glyph of s; returns its length in bytes, 0 at the end. */
size_t glyph_next(bool utf8, const char *s, size_t len, struct glyph *g);

/* Does s begin with something that stands in the cell of what is before it? */
bool glyph_joins(const char *s, size_t len);

int width_of(bool utf8, const char *s, size_t len);
int width_str(bool utf8, const char *s);

/* How many bytes of s fit into columns; *used (may be NULL) gets their width. */
size_t width_fit(bool utf8, const char *s, size_t len, int columns, int *used);

/* Rows of a text that is wrapped to a width: at blanks where it can, inside a
 * word where it must, and at each '\n'.  A line that begins with two blanks is
 * one of a list: its further rows stand below its second column. */
struct wrap {
	const char *text;
	size_t len, at;
	int columns;
	bool utf8, done;
	int hang;               /* of the further rows of this line */
	int indent;             /* of the row that was given last */
};
void wrap_start(struct wrap *w, bool utf8, const char *text, int columns);
/* The next row, without the blank it was cut at; false after the last one.  An
 * empty text is one empty row. */
bool wrap_next(struct wrap *w, const char **row, size_t *len);
size_t wrap_rows(bool utf8, const char *text, int columns);

#endif
