/* layout.c - sizes at which the screen folds
 *
 * 72 columns carry chat and people side by side; below that people fold into
 * a line; below 30x6 there is no chat; below 10x3 nothing is drawn at all.
 */
#include "ui/layout.h"
#include <string.h>

enum {
	WIDE_COLUMNS = 72,
	BARE_COLUMNS = 30, BARE_ROWS = 6,
	LEAST_COLUMNS = 10, LEAST_ROWS = 3,
	FOLD_ROWS = 8           /* a line of talkers costs a line of chat */
};

static int pane_columns(int columns)
{
	return columns >= 120 ? 30 : columns >= 96 ? 26 : 22;
}

void layout_set(struct layout *l, int rows, int columns, bool pane)
{
	int top = 1, height = rows - 3;

	memset(l, 0, sizeof(*l));
	if (rows < LEAST_ROWS || columns < LEAST_COLUMNS)
		return;
	l->bottom = (struct rect){ rows - 2, 0, 1, columns };
	l->input = (struct rect){ rows - 1, 0, 1, columns };
	if (rows < BARE_ROWS || columns < BARE_COLUMNS)
		return;
	l->top = (struct rect){ 0, 0, 1, columns };
	l->wide = columns >= WIDE_COLUMNS;
	l->people_in_top = columns < 60;
	if (l->wide && pane) {
		int w = pane_columns(columns);

		l->chat = (struct rect){ top, 0, height, columns - w - 1 };
		l->people = (struct rect){ top, columns - w, height, w };
		return;
	}
	if (rows >= FOLD_ROWS) {
		l->fold = (struct rect){ top++, 0, 1, columns };
		height--;
	}
	l->overlay = pane && !l->wide;
	l->chat = (struct rect){ top, 0, height, columns };
	if (l->overlay)
		l->people = l->chat;
}
