/* test_ring.c - samples come out as they went in, across two threads */
#include "unit/fail_alloc.h"
#include "unit/unit.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include "base/ring.h"

extern const struct CMUnitTest test_ring[];

static void it_holds_what_it_says(void **state)
{
	struct ring *r;
	int16_t v[200], w[200];

	(void)state;
	for (int i = 0; i < 200; i++)
		v[i] = (int16_t)i;
	assert_int_equal(ring_new(&r, 100), 0);
	assert_int_equal(ring_size(r), 128);
	assert_int_equal(ring_read(r, w, 10), 0);
	assert_int_equal(ring_write(r, v, 200), 128);
	assert_int_equal(ring_used(r), 128);
	assert_int_equal(ring_write(r, v, 1), 0);
	assert_int_equal(ring_read(r, w, 100), 100);
	assert_memory_equal(v, w, 100 * sizeof(*v));
	/* Around the end of the array. */
	assert_int_equal(ring_write(r, v, 90), 90);
	assert_int_equal(ring_skip(r, 28), 28);
	assert_int_equal(ring_read(r, w, 200), 90);
	assert_memory_equal(v, w, 90 * sizeof(*v));
	assert_int_equal(ring_skip(r, 5), 0);
	ring_free(&r);
	assert_null(r);
	ring_free(&r);
	assert_int_equal(ring_new(&r, SIZE_MAX), -ENOMEM);
	assert_null(r);
}

enum { TOTAL = 200000 };

static void *writer(void *arg)
{
	int16_t v[77];

	for (int at = 0; at < TOTAL;) {
		size_t n = 0, done = 0;

		for (; n < 77 && at + (int)n < TOTAL; n++)
			v[n] = (int16_t)(at + (int)n);
		while (done < n) {
			size_t k = ring_write(arg, v + done, n - done);

			if (!k)
				sched_yield();
			done += k;
		}
		at += (int)n;
	}
	return NULL;
}

static void two_threads_lose_nothing(void **state)
{
	struct ring *r;
	pthread_t t;
	int16_t w[50];
	int at = 0;

	(void)state;
	assert_int_equal(ring_new(&r, 256), 0);
	assert_int_equal(pthread_create(&t, NULL, writer, r), 0);
	while (at < TOTAL) {
		size_t n = ring_read(r, w, 50);

		if (!n)
			sched_yield();
		for (size_t i = 0; i < n; i++, at++)
			if (w[i] != (int16_t)at)
				fail_msg("sample %d is %d", at, w[i]);
	}
	pthread_join(t, NULL);
	assert_int_equal(ring_used(r), 0);
	ring_free(&r);
}

static void each_allocation_may_fail(void **state)
{
	struct ring *r;
	int n = 0;

	(void)state;
	if (!fail_alloc_works())
		skip();
	for (;; n++) {
		int err;

		fail_alloc_at(n);
		err = ring_new(&r, 100);
		fail_alloc_at(-1);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(r);
	}
	assert_int_equal(n, 2);
	ring_free(&r);
}

const struct CMUnitTest test_ring[] = {
	cmocka_unit_test(it_holds_what_it_says), cmocka_unit_test(two_threads_lose_nothing),
	cmocka_unit_test(each_allocation_may_fail), { 0 }
};
