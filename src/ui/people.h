/* people.h - who is here: a pane beside the chat, or one line of talkers */
#ifndef UI_PEOPLE_H
#define UI_PEOPLE_H
#include "ui/draw.h"
#include "ui/view.h"

/* chosen: id of the person that keys speak of, "" for none. */
void people_draw(const struct canvas *c, struct rect r, const struct view *v,
		 const char *chosen, bool beside);
void people_fold(const struct canvas *c, struct rect r, const struct view *v);

#endif
