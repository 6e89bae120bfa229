/* line_say.h - what line mode says: sentences from messages and events */
#ifndef UI_LINE_SAY_H
#define UI_LINE_SAY_H
#include "base/buf.h"
#include "session/session.h"

/* A message as it is read out, with the line's end; nothing for my own words,
 * which I have just typed.  hand_place: of the hand this message tells of. */
void line_message(struct buf *out, const struct message *m, unsigned hand_place);

#endif
