/* test_buf.c - a writer of many fields checks one result */
#include "unit/fail_alloc.h"
#include "unit/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

extern const struct CMUnitTest test_buf[];

static void an_empty_buffer_is_an_empty_string(void **state)
{
	struct buf b = { 0 };
	char *s;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_shift(&b, 5);
	buf_clear(&b);
	s = buf_steal(&b);
	assert_string_equal(s, "");
	free(s);
	buf_free(&b);
}

static void what_is_added_stands_in_order(void **state)
{
	struct buf b = { 0 };
	char *s;

	(void)state;
	buf_adds(&b, "one ");
	buf_addf(&b, "%d%s", 2, " ");
	buf_addc(&b, '3');
	buf_add(&b, "\0x", 2);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.p, "one 2 3\0x", 10);
	buf_shift(&b, 4);
	assert_string_equal(buf_str(&b), "2 3");
	buf_shift(&b, 100);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%d,", i);
	assert_int_equal(buf_err(&b), 0);
	assert_int_equal(b.len, strlen(b.p));
	assert_string_equal(b.p + b.len - 5, "9999,");
	s = buf_steal(&b);
	assert_int_equal(b.len, 0);
	assert_null(b.p);
	free(s);
}

static void a_failure_sticks_until_cleared(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "x");
	buf_add(&b, "y", SIZE_MAX / 2);         /* no such memory */
	assert_int_equal(buf_err(&b), -ENOMEM);
	buf_adds(&b, "z");
	assert_string_equal(buf_str(&b), "x");
	assert_null(buf_steal(&b));
	assert_int_equal(buf_err(&b), 0);
	buf_adds(&b, "again");
	assert_string_equal(buf_str(&b), "again");
	buf_free(&b);
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	if (!fail_alloc_works())
		skip();
	for (int n = 0;; n++) {
		struct buf b = { 0 };
		char *s;

		fail_alloc_at(n);
		for (int i = 0; i < 100; i++)
			buf_addf(&b, "%d ", i);
		s = buf_steal(&b);
		fail_alloc_at(-1);
		if (s) {
			assert_int_equal(strlen(s), 290);
			free(s);
			assert_true(n > 2);
			return;
		}
	}
}

const struct CMUnitTest test_buf[] = {
	cmocka_unit_test(an_empty_buffer_is_an_empty_string),
	cmocka_unit_test(what_is_added_stands_in_order),
	cmocka_unit_test(a_failure_sticks_until_cleared),
	cmocka_unit_test(each_allocation_may_fail),
	{ 0 }
};
