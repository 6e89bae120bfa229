/* draw.h - text into the cells of a rectangle
 *
 * The only way onto the screen: it clips, counts columns and lets no control
 * character through.
 */
#ifndef UI_DRAW_H
#define UI_DRAW_H
#include <stddef.h>
#include "ui/theme.h"

struct rect { int y, x, rows, columns; };

struct canvas {
	WINDOW *win;
	const struct look *look;
};

/* At most `columns` of text; what is longer ends in an ellipsis.  Returns the
 * columns used. */
int draw_text(const struct canvas *c, int y, int x, int columns, const char *s, struct ink ink);
/* The same for a part of a string, without an ellipsis. */
int draw_part(const struct canvas *c, int y, int x, int columns, const char *s, size_t len,
	      struct ink ink);
/* Ends at column x + columns. */
int draw_right(const struct canvas *c, int y, int x, int columns, const char *s, struct ink ink);
/* Blanks, or one mark again and again (mark may be NULL). */
void draw_fill(const struct canvas *c, int y, int x, int columns, const char *mark, struct ink ink);
void draw_clear(const struct canvas *c, struct rect r);

#endif
