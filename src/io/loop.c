/* loop.c - timers, descriptors and posts on a GLib main context
 *
 * Timers and watches are GSources of our own, so that they belong to one
 * context, cost no allocation when they are set, and can be freed from within
 * their own handlers (GLib keeps the source until the dispatch is over).
 *
 * GLib first collects what is ready and then dispatches it one by one; a
 * handler may meanwhile have stopped a timer or paused a watch further down
 * that list, so both look again before they call.
 */
#include "io/loop.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"

enum { SLOW_US = 50000 };

struct loop {
	GMainContext *context;
	const char *name;
	atomic_bool quit;
	bool entered;           /* owner is known; not between two loop_run() */
	pthread_t owner;
};

struct loop_timer {
	GSource source;         /* first: GLib allocates the whole */
	struct loop *loop;
	const char *name;
	int64_t at_us;          /* CLOCK_NEVER while it does not run */
	void (*fn)(void *ctx, int64_t now_us);
	void *ctx;
};

struct loop_watch {
	GSource source;
	struct loop *loop;
	const char *name;
	int fd;
	gpointer tag;           /* NULL while paused */
	void (*fn)(void *ctx, int fd, GIOCondition ready);
	void *ctx;
};

static void check_thread(const struct loop *l)
{
#ifdef TTYMEET_DEBUG
	if (l->entered && !pthread_equal(l->owner, pthread_self())) {
		fprintf(stderr, "ttymeet: loop %s is used from another thread\n", l->name);
		abort();
	}
#else
	(void)l;
#endif
}

static void note_slow(const char *loop, const char *what, int64_t since_us)
{
	int64_t took = clock_now_us() - since_us;

	if (took > SLOW_US)
		log_info("io", "loop %s: %s took %lld ms", loop, what, (long long)took / 1000);
}

int loop_new(struct loop **out, const char *name)
{
	struct loop *l = calloc(1, sizeof(*l));

	*out = l;
	if (!l)
		return -ENOMEM;
	l->context = g_main_context_new();
	l->name = name;
	return 0;
}

void loop_free(struct loop **l)
{
	if (!*l)
		return;
	g_main_context_unref((*l)->context);
	free(*l);
	*l = NULL;
}

GMainContext *loop_context(struct loop *l)
{
	return l->context;
}

static void enter(struct loop *l)
{
	l->owner = pthread_self();
	l->entered = true;
}

void loop_run(struct loop *l)
{
	enter(l);
	g_main_context_push_thread_default(l->context);
	while (!atomic_load(&l->quit))
		g_main_context_iteration(l->context, TRUE);
	g_main_context_pop_thread_default(l->context);
	l->entered = false;     /* whoever joined the thread may clean up */
	atomic_store(&l->quit, false);
}

void loop_quit(struct loop *l)
{
	atomic_store(&l->quit, true);
	g_main_context_wakeup(l->context);
}

static gboolean no_op(GSource *source, GSourceFunc fn, gpointer ctx)
{
	(void)source;
	(void)fn;
	(void)ctx;
	return G_SOURCE_REMOVE;
}

void loop_iterate(struct loop *l, int64_t max_wait_us)
{
	static GSourceFuncs funcs = { .dispatch = no_op };
	GSource *limit = NULL;

	enter(l);
	if (max_wait_us > 0) {
		limit = g_source_new(&funcs, sizeof(GSource));
		g_source_set_ready_time(limit, clock_now_us() + max_wait_us);
		g_source_attach(limit, l->context);
	}
	g_main_context_iteration(l->context, max_wait_us > 0);
	if (limit) {
		g_source_destroy(limit);
		g_source_unref(limit);
	}
}

/* ---- timers ---- */

static gboolean timer_dispatch(GSource *source, GSourceFunc fn, gpointer ctx)
{
	struct loop_timer *t = (struct loop_timer *)source;
	int64_t now = clock_now_us();

	(void)fn;
	(void)ctx;
	if (now < t->at_us)
		return G_SOURCE_CONTINUE;
	t->at_us = CLOCK_NEVER;
	g_source_set_ready_time(source, -1);
	t->fn(t->ctx, now);
	note_slow(t->loop->name, t->name, now);
	return G_SOURCE_CONTINUE;
}

int loop_timer_new(struct loop_timer **out, struct loop *l, const char *name,
		   void (*fn)(void *ctx, int64_t now_us), void *ctx)
{
	static GSourceFuncs funcs = { .dispatch = timer_dispatch };
	GSource *source = g_source_new(&funcs, sizeof(struct loop_timer));
	struct loop_timer *t = (struct loop_timer *)source;

	check_thread(l);
	t->loop = l;
	t->name = name;
	t->at_us = CLOCK_NEVER;
	t->fn = fn;
	t->ctx = ctx;
	g_source_set_ready_time(source, -1);
	g_source_attach(source, l->context);
	*out = t;
	return 0;
}

void loop_timer_set(struct loop_timer *t, int64_t at_us)
{
	check_thread(t->loop);
	t->at_us = at_us;
	/* Negative means never to GLib; what is long past is due now. */
	g_source_set_ready_time(&t->source, at_us == CLOCK_NEVER ? -1 : at_us < 0 ? 0 : at_us);
}

void loop_timer_free(struct loop_timer **t)
{
	if (!*t)
		return;
	check_thread((*t)->loop);
	g_source_destroy(&(*t)->source);
	g_source_unref(&(*t)->source);
	*t = NULL;
}

/* ---- descriptors ---- */

static gboolean watch_check(GSource *source)
{
	struct loop_watch *w = (struct loop_watch *)source;

	return w->tag && g_source_query_unix_fd(source, w->tag) != 0;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc fn, gpointer ctx)
{
	struct loop_watch *w = (struct loop_watch *)source;
	struct loop *l = w->loop;
	const char *name = w->name;
	GIOCondition ready = w->tag ? g_source_query_unix_fd(source, w->tag) : 0;
	int64_t now = clock_now_us();

	(void)fn;
	(void)ctx;
	if (!ready)
		return G_SOURCE_CONTINUE;
	w->fn(w->ctx, w->fd, ready);
	note_slow(l->name, name, now);
	return G_SOURCE_CONTINUE;
}

int loop_watch_new(struct loop_watch **out, struct loop *l, const char *name, int fd,
		   GIOCondition events, void (*fn)(void *ctx, int fd, GIOCondition ready), void *ctx)
{
	static GSourceFuncs funcs = { .check = watch_check, .dispatch = watch_dispatch };
	GSource *source = g_source_new(&funcs, sizeof(struct loop_watch));
	struct loop_watch *w = (struct loop_watch *)source;

	check_thread(l);
	w->loop = l;
	w->name = name;
	w->fd = fd;
	w->fn = fn;
	w->ctx = ctx;
	loop_watch_set(w, events);
	g_source_attach(source, l->context);
	*out = w;
	return 0;
}

void loop_watch_set(struct loop_watch *w, GIOCondition events)
{
	check_thread(w->loop);
	if (!events) {
		/* Removed, not only masked: poll tells of hang-ups always. */
		if (w->tag)
			g_source_remove_unix_fd(&w->source, w->tag);
		w->tag = NULL;
	} else if (w->tag) {
		g_source_modify_unix_fd(&w->source, w->tag, events);
	} else {
		w->tag = g_source_add_unix_fd(&w->source, w->fd, events);
	}
}

void loop_watch_free(struct loop_watch **w)
{
	if (!*w)
		return;
	check_thread((*w)->loop);
	g_source_destroy(&(*w)->source);
	g_source_unref(&(*w)->source);
	*w = NULL;
}

static void run_post(void *ctx, int fd, GIOCondition ready)
{
	(void)fd;
	(void)ready;
	post_run(ctx);
}

int loop_attach_post(struct loop_watch **out, struct loop *l, struct post *p)
{
	return loop_watch_new(out, l, "post", post_fd(p), G_IO_IN, run_post, p);
}
