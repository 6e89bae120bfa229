/* full.h - the full screen
 *
 * ncurses draws into memory (newterm on a memfd); full_writable() moves the
 * bytes to the terminal without ever blocking.  While bytes wait no new frame
 * is made.  The owner watches full_fd() and calls in; nothing here waits.
 */
#ifndef UI_FULL_H
#define UI_FULL_H
#include <stdbool.h>
#include <stdint.h>
#include "session/session.h"
#include "session/settings.h"

struct full;

/* Takes the terminal over.  -ENOTTY and others with *why (new string). */
int full_new(struct full **out, struct session *s, struct settings *settings, char **why);
void full_free(struct full **f);        /* restores the terminal */

int full_fd(const struct full *f);      /* of /dev/tty, opened anew, non-blocking */
bool full_wants_write(const struct full *f);
/* False while suspended: what is typed then is for another program. */
bool full_wants_read(const struct full *f);
void full_readable(struct full *f, int64_t now_us);
void full_writable(struct full *f, int64_t now_us);
void full_resized(struct full *f);      /* after SIGWINCH */
void full_suspend(struct full *f);      /* before SIGSTOP: restores */
void full_resume(struct full *f);       /* after SIGCONT; waits on in the background */
/* Draws what is dirty; returns when it wants to be called again. */
int64_t full_tick(struct full *f, int64_t now_us);

#endif
