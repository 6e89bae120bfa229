/* term_out.h - ncurses, drawing into memory
 *
 * ncurses writes and waits until all is written.  So what it writes to is a
 * memfd, which always takes everything; the bytes are taken from there and
 * go to the terminal when the terminal wants them.
 */
#ifndef UI_TERM_OUT_H
#define UI_TERM_OUT_H
#include <curses.h>
#include "base/buf.h"

struct term_out;

/* type NULL: $TERM.  -ENOTTY with *why for a terminal that cannot do it. */
int term_out_new(struct term_out **out, const char *type, int rows, int columns, char **why);
void term_out_free(struct term_out **o);

WINDOW *term_out_window(struct term_out *o);
void term_out_resize(struct term_out *o, int rows, int columns);
/* The next frame is drawn whole, whatever stands on the terminal. */
void term_out_forget(struct term_out *o);
/* Makes the difference to the last frame and appends its bytes. */
void term_out_frame(struct term_out *o, struct buf *bytes);

/* What to send on coming and going, from terminfo; new strings. */
char *term_out_enter_string(void);
char *term_out_leave_string(void);

#endif
