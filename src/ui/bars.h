/* bars.h - the upper bar (where I am) and the lower one (how I am) */
#ifndef UI_BARS_H
#define UI_BARS_H
#include "ui/draw.h"
#include "ui/view.h"

void bar_top(const struct canvas *c, struct rect r, const struct view *v, bool with_people);

/* What the screen adds to the view. */
struct bar_extra {
	bool scrolled;          /* the chat's end is not on the screen */
	unsigned unread;        /* entries that are not yet read */
	bool with_people;
};
void bar_bottom(const struct canvas *c, struct rect r, const struct view *v,
		const struct bar_extra *e);

#endif
