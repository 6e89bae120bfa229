/* test_post.c - messages arrive once, in order, or are dropped once */
#include "unit/unit.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/post.h"

extern const struct CMUnitTest test_post[];

struct seen { int ran[64], runs, drops; struct post *post; };
struct note { struct post_msg m; struct seen *seen; int n; };

static void note_run(struct post_msg *m)
{
	struct note *n = (struct note *)m;

	if (n->seen->runs < 64)
		n->seen->ran[n->seen->runs] = n->n;
	n->seen->runs++;
	free(n);
}

static void note_drop(struct post_msg *m)
{
	((struct note *)m)->seen->drops++;
	free(m);
}

static struct note *note(struct seen *s, int n)
{
	struct note *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->m.run = note_run;
	x->m.drop = note_drop;
	x->seen = s;
	x->n = n;
	return x;
}

static bool readable(struct post *p)
{
	struct pollfd fd = { .fd = post_fd(p), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void they_run_in_order(void **state)
{
	struct seen s = { .runs = 0 };

	(void)state;
	assert_int_equal(post_new(&s.post, 0), 0);
	assert_false(readable(s.post));
	for (int i = 0; i < 5; i++)
		assert_int_equal(post_send(s.post, &note(&s, i)->m), 0);
	assert_true(readable(s.post));
	assert_int_equal(post_run(s.post), 5);
	assert_false(readable(s.post));
	for (int i = 0; i < 5; i++)
		assert_int_equal(s.ran[i], i);
	assert_int_equal(post_run(s.post), 0);
	post_free(&s.post);
	assert_null(s.post);
	assert_int_equal(s.drops, 0);
}

static void a_full_post_refuses(void **state)
{
	struct seen s = { .runs = 0 };

	(void)state;
	assert_int_equal(post_new(&s.post, 2), 0);
	assert_int_equal(post_send(s.post, &note(&s, 0)->m), 0);
	assert_int_equal(post_send(s.post, &note(&s, 1)->m), 0);
	assert_int_equal(post_send(s.post, &note(&s, 2)->m), -ENOSPC);
	assert_int_equal(s.drops, 1);
	assert_int_equal(post_run(s.post), 2);
	assert_int_equal(post_send(s.post, &note(&s, 3)->m), 0);
	post_free(&s.post);
	assert_int_equal(s.drops, 2);
	post_free(&s.post);
}

static void free_run(struct post_msg *m)
{
	struct note *n = (struct note *)m;

	n->seen->runs++;
	post_free(&n->seen->post);
	free(n);
}

static void a_message_may_free_the_post(void **state)
{
	struct seen s = { .runs = 0 };
	struct note *killer = note(&s, 1);

	(void)state;
	killer->m.run = free_run;
	assert_int_equal(post_new(&s.post, 0), 0);
	post_send(s.post, &note(&s, 0)->m);
	post_send(s.post, &killer->m);
	post_send(s.post, &note(&s, 2)->m);
	post_send(s.post, &note(&s, 3)->m);
	assert_int_equal(post_run(s.post), 2);
	assert_null(s.post);
	assert_int_equal(s.drops, 2);
}

static void nested_run(struct post_msg *m)
{
	struct note *n = (struct note *)m;
	struct seen *s = n->seen;

	post_send(s->post, &note(s, 9)->m);
	assert_int_equal(post_run(s->post), 2);
	free(n);
	s->ran[s->runs++] = 1;
}

static void a_message_may_run_the_others(void **state)
{
	struct seen s = { .runs = 0 };
	struct note *outer = note(&s, 1);

	(void)state;
	outer->m.run = nested_run;
	assert_int_equal(post_new(&s.post, 0), 0);
	post_send(s.post, &outer->m);
	post_send(s.post, &note(&s, 2)->m);
	assert_int_equal(post_run(s.post), 1);
	assert_int_equal(s.runs, 3);
	assert_int_equal(s.ran[0], 2);
	assert_int_equal(s.ran[1], 9);
	assert_int_equal(s.ran[2], 1);
	post_free(&s.post);
}

enum { EACH = 5000, SENDERS = 3 };

static void *sender(void *arg)
{
	struct seen *s = arg;

	for (int i = 0; i < EACH; i++)
		post_send(s->post, &note(s, i)->m);
	return NULL;
}

static void many_threads_send(void **state)
{
	struct seen s = { .runs = 0 };
	pthread_t t[SENDERS];

	(void)state;
	assert_int_equal(post_new(&s.post, 0), 0);
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, sender, &s), 0);
	while (s.runs < EACH * SENDERS) {
		struct pollfd fd = { .fd = post_fd(s.post), .events = POLLIN };

		assert_int_equal(poll(&fd, 1, 10000), 1);       /* each wake comes */
		post_run(s.post);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	assert_false(readable(s.post));
	post_free(&s.post);
}

const struct CMUnitTest test_post[] = {
	cmocka_unit_test(they_run_in_order), cmocka_unit_test(a_full_post_refuses),
	cmocka_unit_test(a_message_may_free_the_post),
	cmocka_unit_test(a_message_may_run_the_others),
	cmocka_unit_test(many_threads_send), { 0 }
};
