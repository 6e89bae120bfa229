/* draw.c - text into cells */
#include "ui/draw.h"
#include <string.h>
#include "ui/width.h"

static void put(const struct canvas *c, int y, int x, const wchar_t *wc, struct ink ink)
{
	cchar_t cell;

	if (setcchar(&cell, wc, ink.attr, ink.pair, NULL) == OK)
		mvwadd_wchnstr(c->win, y, x, &cell, 1);
}

/* Columns of row y that are on the screen from x on, at most `columns`. */
static int clip(const struct canvas *c, int y, int x, int columns)
{
	int rows = getmaxy(c->win), width = getmaxx(c->win);

	if (y < 0 || y >= rows || x < 0 || x >= width)
		return 0;
	return columns < width - x ? columns : width - x;
}

int draw_part(const struct canvas *c, int y, int x, int columns, const char *s, size_t len,
	      struct ink ink)
{
	struct glyph g;
	size_t n;
	int used = 0;

	columns = clip(c, y, x, columns);
	for (; (n = glyph_next(c->look->utf8, s, len, &g)) > 0; s += n, len -= n) {
		if (used + g.columns > columns)
			break;
		if (g.columns)
			put(c, y, x + used, g.wc, ink);
		used += g.columns;
	}
	return used;
}

int draw_text(const struct canvas *c, int y, int x, int columns, const char *s, struct ink ink)
{
	size_t len = strlen(s), fits;
	bool utf8 = c->look->utf8;
	int used;

	columns = clip(c, y, x, columns);
	if (columns <= 0)
		return 0;
	fits = width_fit(utf8, s, len, columns, &used);
	if (fits == len)
		return draw_part(c, y, x, columns, s, len, ink);
	fits = width_fit(utf8, s, len, columns - 1, NULL);
	used = draw_part(c, y, x, columns - 1, s, fits, ink);
	return used + draw_part(c, y, x + used, 1, c->look->marks->ellipsis,
				strlen(c->look->marks->ellipsis), ink);
}

int draw_right(const struct canvas *c, int y, int x, int columns, const char *s, struct ink ink)
{
	int w = width_str(c->look->utf8, s);

	if (w > columns)
		w = columns;
	return draw_text(c, y, x + columns - w, w, s, ink);
}

void draw_fill(const struct canvas *c, int y, int x, int columns, const char *mark, struct ink ink)
{
	struct glyph g;

	columns = clip(c, y, x, columns);
	glyph_next(c->look->utf8, mark ? mark : " ", strlen(mark ? mark : " "), &g);
	for (int i = 0; i < columns; i++)
		put(c, y, x + i, g.wc, ink);
}

void draw_clear(const struct canvas *c, struct rect r)
{
	for (int y = r.y; y < r.y + r.rows; y++)
		draw_fill(c, y, r.x, r.columns, NULL, c->look->ink[STYLE_TEXT]);
}
