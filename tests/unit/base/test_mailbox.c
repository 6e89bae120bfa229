/* test_mailbox.c - the newest wins, and each item is dropped or taken once */
#include "unit/unit.h"
#include <pthread.h>
#include <stdatomic.h>
#include "base/mailbox.h"

extern const struct CMUnitTest test_mailbox[];

static void drop(void *item)
{
	++*(atomic_int *)item;
}

static void the_newest_wins(void **state)
{
	struct mailbox *m;
	atomic_int a = 0, b = 0, c = 0;

	(void)state;
	assert_int_equal(mailbox_new(&m, drop), 0);
	assert_null(mailbox_take(m));
	mailbox_put(m, &a);
	mailbox_put(m, &b);
	assert_int_equal(a, 1);
	assert_ptr_equal(mailbox_take(m), &b);
	assert_null(mailbox_take(m));
	mailbox_put(m, &c);
	mailbox_free(&m);
	assert_null(m);
	assert_int_equal(b, 0);
	assert_int_equal(c, 1);
	mailbox_free(&m);
}

enum { ITEMS = 20000 };
static atomic_int items[ITEMS];

static void *putter(void *arg)
{
	for (int i = 0; i < ITEMS; i++)
		mailbox_put(arg, &items[i]);
	return NULL;
}

static void two_threads_share_it(void **state)
{
	struct mailbox *m;
	pthread_t t;
	atomic_int *last = NULL;

	(void)state;
	assert_int_equal(mailbox_new(&m, drop), 0);
	assert_int_equal(pthread_create(&t, NULL, putter, m), 0);
	while (last != &items[ITEMS - 1]) {
		atomic_int *got = mailbox_take(m);

		if (!got)
			continue;
		assert_true(got > last);        /* never an older one after a newer */
		last = got;
		++*got;
	}
	pthread_join(t, NULL);
	mailbox_free(&m);
	for (int i = 0; i < ITEMS; i++)
		assert_int_equal(items[i], 1);
}

const struct CMUnitTest test_mailbox[] = {
	cmocka_unit_test(the_newest_wins), cmocka_unit_test(two_threads_share_it), { 0 }
};
