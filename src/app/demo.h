/* demo.h - the two halves of the demo: you, and the guests' process */
#ifndef APP_DEMO_H
#define APP_DEMO_H
#include <stddef.h>

enum { DEMO_GUESTS = 4 };
struct demo_guest { const char *name, *file; };
extern const struct demo_guest demo_guests[DEMO_GUESTS];

/* All guests in one process, until stdin ends.  Says "ready" on stdout when
 * they are in the room. */
int demo_run_guests(const char *url);

#endif
