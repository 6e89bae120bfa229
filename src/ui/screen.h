/* screen.h - the whole screen, drawn from a view
 *
 * Draws into a curses window and knows nothing of the terminal behind it: a
 * test gives it a window in memory.
 */
#ifndef UI_SCREEN_H
#define UI_SCREEN_H
#include "ui/chat.h"
#include "ui/input.h"
#include "ui/layout.h"

enum screen_part {
	DRAW_TOP = 1, DRAW_CHAT = 2, DRAW_PEOPLE = 4, DRAW_BOTTOM = 8, DRAW_INPUT = 16,
	DRAW_ALL = 31
};

struct screen {
	struct look look;
	struct layout layout;
	struct chat chat;
	bool pane_off;          /* wide: people are not beside the chat */
	bool pane_over;         /* narrow: people are over the chat */
	char chosen[128];       /* id of a person, "" none */
	char note[256];         /* right of the input, for a while; "" none */
	int input_scroll;       /* columns of the line left of the screen */
	int cursor_y, cursor_x; /* after drawing; -1: no place for it */
};

/* After a change of size or of the panes. */
void screen_layout(struct screen *s, int rows, int columns);
void screen_draw(struct screen *s, WINDOW *win, const struct view *v, const struct input *in,
		 unsigned parts);

#endif
