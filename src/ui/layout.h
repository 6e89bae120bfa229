/* layout.h - which part of the screen stands where
 *
 *	bar at the top          room, host, subject
 *	chat        | people    (wide)      or a line of talkers over the chat (narrow)
 *	bar at the bottom       my own state, figures
 *	input line
 */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H
#include <stdbool.h>
#include "ui/draw.h"

struct layout {
	struct rect top, chat, people, fold, bottom, input;     /* rows 0: not there */
	bool wide;              /* people stand beside the chat */
	bool overlay;           /* people stand over the chat */
	bool people_in_top;     /* their count is in the upper bar */
};

/* pane: the people pane is wanted (wide) or opened over the chat (narrow). */
void layout_set(struct layout *l, int rows, int columns, bool pane);

#endif
