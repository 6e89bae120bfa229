/* chat.h - what was said, wrapped into its pane, and the way back through it */
#ifndef UI_CHAT_H
#define UI_CHAT_H
#include "ui/draw.h"
#include "ui/view.h"

/* Where the reader is: at the end, or with row `row` of entry `n` at the
 * bottom of the pane.  All zero is the end. */
struct chat { bool back; uint64_t n; size_t row; };

void chat_draw(const struct canvas *c, struct rect r, struct chat *chat, const struct view *v);

/* rows > 0: back to older ones. */
void chat_scroll(struct chat *chat, const struct look *l, struct rect r, const struct view *v,
		 long rows);
/* Puts entry n at the top of the pane, as far as there is enough below it. */
void chat_show(struct chat *chat, const struct look *l, struct rect r, const struct view *v,
	       uint64_t n);
void chat_end(struct chat *chat);

#endif
