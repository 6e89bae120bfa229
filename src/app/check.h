/* check.h - what the files of the doctor share */
#ifndef APP_CHECK_H
#define APP_CHECK_H
#include "session/session.h"
#include "session/settings.h"

struct check_report {
	unsigned remarks;       /* works, but */
	unsigned faults;        /* does not work */
};

/* One line: what, what was found, the verdict; and what it means, below it. */
void check_row(const char *what, const char *text, const char *verdict);
void check_advice(const char *text);

/* check_room.c: each step of a join, the media path and the relays of a room's
 * server.  The settings are a listener's from then on.  Returns the exit code
 * that a call would have. */
int check_room(struct check_report *r, struct settings *settings, struct settings *second, const char *url);

#endif
