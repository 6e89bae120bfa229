/* loop.h - a GLib main context with timers, descriptors and posts
 *
 * The program has two: the main one and the media thread's.  All functions
 * but loop_quit() belong to the loop's own thread (debug builds assert it).
 * A handler that takes more than 50 ms is logged with its name.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/post.h"

struct loop;
struct loop_timer;
struct loop_watch;

/* name (lent for ever): for the log.  The context is pushed as the thread's
 * default by loop_run(), not before. */
int loop_new(struct loop **out, const char *name);
void loop_free(struct loop **l);
GMainContext *loop_context(struct loop *l);

void loop_run(struct loop *l);          /* until loop_quit() */
void loop_quit(struct loop *l);         /* any thread */
/* One pass; waits for at most max_wait_us.  For tests and for leaving. */
void loop_iterate(struct loop *l, int64_t max_wait_us);

/* A timer that does not run until it is set.  fn is called once for each
 * loop_timer_set(), at or after at_us (CLOCK_MONOTONIC); it may set the timer
 * again, and free it.  A timer that was stopped does not fire. */
int loop_timer_new(struct loop_timer **out, struct loop *l, const char *name,
		   void (*fn)(void *ctx, int64_t now_us), void *ctx);
void loop_timer_set(struct loop_timer *t, int64_t at_us); /* INT64_MAX stops it */
void loop_timer_free(struct loop_timer **t);

/* fn is called while the descriptor is readable (G_IO_IN) and so on, also for
 * G_IO_HUP and G_IO_ERR; it may pause or free the watch. */
int loop_watch_new(struct loop_watch **out, struct loop *l, const char *name,
		   int fd, GIOCondition events,
		   void (*fn)(void *ctx, int fd, GIOCondition ready), void *ctx);
void loop_watch_set(struct loop_watch *w, GIOCondition events); /* 0 pauses it */
void loop_watch_free(struct loop_watch **w);

/* Runs the messages of p on this loop.  The caller keeps p, and frees the
 * watch before it. */
int loop_attach_post(struct loop_watch **out, struct loop *l, struct post *p);

#endif
