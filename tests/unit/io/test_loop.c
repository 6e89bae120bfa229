/* test_loop.c - timers, descriptors and names on a loop */
#include "unit/unit.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "io/loop.h"
#include "io/resolve.h"

extern const struct CMUnitTest test_loop[];

struct world {
	struct loop *l;
	struct loop_timer *a, *b;
	struct loop_watch *x, *y;
	int fired_a, fired_b, ready_x, ready_y;
	int64_t at_us;
	bool again, stop_other, free_other, free_self;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	return loop_new(&w->l, "test");
}

static int teardown(void **state)
{
	struct world *w = *state;

	loop_timer_free(&w->a);
	loop_timer_free(&w->b);
	loop_watch_free(&w->x);
	loop_watch_free(&w->y);
	loop_free(&w->l);
	free(w);
	return 0;
}

static void on_a(void *ctx, int64_t now_us)
{
	struct world *w = ctx;

	w->fired_a++;
	w->at_us = now_us;
	if (w->again)
		loop_timer_set(w->a, now_us + 1000);
	if (w->stop_other)
		loop_timer_set(w->b, CLOCK_NEVER);
	if (w->free_other)
		loop_timer_free(&w->b);
	if (w->free_self)
		loop_timer_free(&w->a);
}

static void on_b(void *ctx, int64_t now_us)
{
	struct world *w = ctx;

	w->fired_b++;
	if (w->stop_other)
		loop_timer_set(w->a, CLOCK_NEVER);
	if (w->free_other)
		loop_timer_free(&w->a);
	(void)now_us;
}

static void run_for(struct world *w, int64_t us)
{
	int64_t end = clock_now_us() + us;

	while (clock_now_us() < end)
		loop_iterate(w->l, end - clock_now_us());
}

static void a_timer_fires_once_and_not_early(void **state)
{
	struct world *w = *state;
	int64_t at = clock_now_us() + 20000;

	loop_timer_new(&w->a, w->l, "a", on_a, w);
	run_for(w, 10000);
	assert_int_equal(w->fired_a, 0);
	loop_timer_set(w->a, at);
	run_for(w, 60000);
	assert_int_equal(w->fired_a, 1);
	assert_true(w->at_us >= at && w->at_us < at + 30000);
	loop_timer_set(w->a, clock_now_us() + 10000);
	loop_timer_set(w->a, CLOCK_NEVER);
	run_for(w, 30000);
	assert_int_equal(w->fired_a, 1);
	loop_timer_set(w->a, -5);               /* long past: now */
	run_for(w, 5000);
	assert_int_equal(w->fired_a, 2);
	w->again = true;
	loop_timer_set(w->a, 0);
	run_for(w, 50000);
	assert_in_range(w->fired_a, 10, 60);
}

/* Both are due in the same pass; the first stops the second. */
static void a_stopped_timer_does_not_fire(void **state)
{
	struct world *w = *state;

	loop_timer_new(&w->a, w->l, "a", on_a, w);
	loop_timer_new(&w->b, w->l, "b", on_b, w);
	w->stop_other = true;
	loop_timer_set(w->a, 1);
	loop_timer_set(w->b, 1);
	run_for(w, 5000);
	assert_int_equal(w->fired_a + w->fired_b, 1);
	w->free_other = true;
	w->stop_other = false;
	loop_timer_set(w->a, 1);
	loop_timer_set(w->b, 1);
	run_for(w, 5000);
	assert_int_equal(w->fired_a + w->fired_b, 2);
}

static void a_timer_may_free_itself(void **state)
{
	struct world *w = *state;

	loop_timer_new(&w->a, w->l, "a", on_a, w);
	w->free_self = true;
	loop_timer_set(w->a, 0);
	run_for(w, 5000);
	assert_int_equal(w->fired_a, 1);
	assert_null(w->a);
}

static void on_x(void *ctx, int fd, GIOCondition ready)
{
	struct world *w = ctx;

	(void)fd;
	assert_true(ready & (G_IO_IN | G_IO_HUP));
	w->ready_x++;
	loop_watch_set(w->x, 0);
	if (w->stop_other)
		loop_watch_set(w->y, 0);
	if (w->free_self)
		loop_watch_free(&w->x);
}

static void on_y(void *ctx, int fd, GIOCondition ready)
{
	struct world *w = ctx;

	(void)fd;
	(void)ready;
	w->ready_y++;
	loop_watch_set(w->y, 0);
	if (w->stop_other)
		loop_watch_set(w->x, 0);
}

static void a_paused_watch_is_not_called(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	loop_watch_new(&w->x, w->l, "x", fds[0], 0, on_x, w);
	loop_watch_new(&w->y, w->l, "y", fds[0], 0, on_y, w);
	assert_int_equal(write(fds[1], "z", 1), 1);
	run_for(w, 5000);
	assert_int_equal(w->ready_x + w->ready_y, 0);
	w->stop_other = true;
	loop_watch_set(w->x, G_IO_IN);
	loop_watch_set(w->y, G_IO_IN);
	run_for(w, 5000);
	assert_int_equal(w->ready_x + w->ready_y, 1);
	w->free_self = true;
	loop_watch_set(w->x, G_IO_IN);
	close(fds[1]);
	run_for(w, 5000);
	assert_int_equal(w->ready_x + w->ready_y, 2);
	assert_null(w->x);
	close(fds[0]);
}

struct hello { struct post_msg m; struct world *w; };

static void hello_run(struct post_msg *m)
{
	struct world *w = ((struct hello *)m)->w;

	w->fired_a++;
	loop_quit(w->l);
	free(m);
}

static void *poster(void *arg)
{
	struct hello *h = calloc(1, sizeof(*h));

	h->m.run = hello_run;
	h->m.drop = hello_run;
	h->w = ((void **)arg)[0];
	post_send(((void **)arg)[1], &h->m);
	return NULL;
}

static void posts_of_other_threads_run(void **state)
{
	struct world *w = *state;
	struct post *p;
	pthread_t t;
	void *arg[2];

	assert_int_equal(post_new(&p, 0), 0);
	loop_attach_post(&w->x, w->l, p);
	arg[0] = w;
	arg[1] = p;
	pthread_create(&t, NULL, poster, arg);
	loop_run(w->l);
	pthread_join(t, NULL);
	assert_int_equal(w->fired_a, 1);
	loop_watch_free(&w->x);
	post_free(&p);
	loop_quit(w->l);                /* before it runs: it does not wait */
	loop_run(w->l);
}

/* ---- names ---- */

struct names { bool done; int error; size_t count; struct sockaddr_storage first; struct resolve_call *call; };

static void on_names(void *ctx, const struct resolve_answer *a)
{
	struct names *n = ctx;

	n->done = true;
	n->error = a->error;
	n->count = a->count;
	if (a->error)
		assert_true(*a->text);
	else
		n->first = a->addrs[0];
	resolve_cancel(&n->call);       /* harmless from here */
}

static void look_up(struct world *w, struct names *n, const char *host)
{
	int64_t end = clock_now_us() + 10000000;

	memset(n, 0, sizeof(*n));
	assert_int_equal(resolve_start(&n->call, w->l, host, 443, on_names, n), 0);
	assert_false(n->done);
	while (!n->done && clock_now_us() < end)
		loop_iterate(w->l, 50000);
	assert_true(n->done);
}

static void names_become_addresses(void **state)
{
	struct world *w = *state;
	struct sockaddr_in *v4;
	struct names n;

	look_up(w, &n, "192.0.2.7");
	v4 = (struct sockaddr_in *)&n.first;
	assert_int_equal(n.error, 0);
	assert_int_equal(n.count, 1);
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), 0xC0000207);
	assert_int_equal(ntohs(v4->sin_port), 443);
	look_up(w, &n, "2001:db8::7");
	assert_int_equal(n.error, 0);
	assert_int_equal(n.first.ss_family, AF_INET6);
	look_up(w, &n, "anything.localhost");
	assert_int_equal(n.error, 0);
	assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
	look_up(w, &n, "nowhere.invalid");
	assert_int_equal(n.error, EAI_NONAME);
	look_up(w, &n, "no..name");     /* the system's resolver says so, without the network */
	assert_int_not_equal(n.error, 0);
}

static void a_cancelled_question_is_silent(void **state)
{
	struct world *w = *state;
	struct names n = { .done = false };

	assert_int_equal(resolve_start(&n.call, w->l, "192.0.2.7", 1, on_names, &n), 0);
	resolve_cancel(&n.call);
	assert_null(n.call);
	assert_int_equal(resolve_start(&n.call, w->l, "no..name", 1, on_names, &n), 0);
	resolve_cancel(&n.call);
	run_for(w, 50000);
	assert_false(n.done);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest test_loop[] = {
	T(a_timer_fires_once_and_not_early), T(a_stopped_timer_does_not_fire),
	T(a_timer_may_free_itself), T(a_paused_watch_is_not_called),
	T(posts_of_other_threads_run), T(names_become_addresses), T(a_cancelled_question_is_silent),
	{ 0 }
};
