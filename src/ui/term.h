/* term.h - the terminal itself: taken over, written to, given back
 *
 * Opened anew and non-blocking: O_NONBLOCK belongs to the open file, and the
 * shell's must not get it.  Bytes wait in a queue; nothing here blocks but
 * term_leave(), for a moment.
 */
#ifndef UI_TERM_H
#define UI_TERM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct term;

/* path NULL: the terminal of this process.  Nothing on it changes yet. */
int term_open(struct term **out, const char *path, char **why);
void term_close(struct term **t);       /* leaves first */

int term_fd(const struct term *t);
void term_size(const struct term *t, int *rows, int *columns);

/* What the terminal wants to hear when we come and when we go. */
void term_strings(struct term *t, const char *enter, const char *leave);
/* Takes it over; -EAGAIN while another job has the terminal (then nothing is
 * changed: as a background job we would be stopped). */
int term_enter(struct term *t);
/* Gives it back as it was found.  Waits at most 0.3 s for a terminal that
 * does not read; what is still queued is dropped. */
void term_leave(struct term *t);
bool term_is_entered(const struct term *t);

void term_queue(struct term *t, const char *bytes, size_t len);
bool term_waits(const struct term *t);  /* bytes are queued */
/* Writes what the terminal takes.  Returns how many bytes went. */
size_t term_flush(struct term *t);

/* Line mode leaves the terminal to the kernel, but for this: what is typed is
 * not shown from now on, until term_restore_now().  False: fd is no terminal,
 * or another job has it. */
bool term_echo_off(int fd);

/* Async-signal-safe, for crash handlers and a second signal, too: gives back
 * the terminal that is entered, or its echo. */
void term_restore_now(void);

#endif
