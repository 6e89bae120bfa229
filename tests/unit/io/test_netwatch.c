/* test_netwatch.c - what counts as sleep; a network that stays the same */
#include "base/clock.h"
#include "io/netwatch.h"
#include "unit/unit.h"

extern const struct CMUnitTest test_netwatch[];

static void sleep_is_the_difference_of_two_clocks(void **state)
{
	const int64_t s = 1000000;

	(void)state;
	assert_true(netwatch_slept_us(100 * s, 50 * s, 105 * s, 55 * s) == 0);
	assert_true(netwatch_slept_us(100 * s, 50 * s, 1105 * s, 55 * s) == 1000 * s);
	/* A busy machine's late timer is none, nor is a second. */
	assert_true(netwatch_slept_us(100 * s, 50 * s, 140 * s, 90 * s) == 0);
	assert_true(netwatch_slept_us(100 * s, 50 * s, 106 * s, 55 * s) == 0);
}

static void on_change(void *ctx, int64_t slept_us)
{
	(void)slept_us;
	++*(unsigned *)ctx;
}

static void nothing_is_told_of_a_quiet_network(void **state)
{
	struct netwatch *w = NULL;
	struct loop *l = NULL;
	unsigned told = 0;
	int64_t end;

	(void)state;
	assert_int_equal(loop_new(&l, "test"), 0);
	assert_int_equal(netwatch_new(&w, l, on_change, &told), 0);
	for (end = clock_now_us() + 50000; clock_now_us() < end;)
		loop_iterate(l, 10000);
	assert_int_equal(told, 0);
	netwatch_free(&w);
	netwatch_free(&w);
	loop_free(&l);
}

const struct CMUnitTest test_netwatch[] = {
	cmocka_unit_test(sleep_is_the_difference_of_two_clocks),
	cmocka_unit_test(nothing_is_told_of_a_quiet_network), {0}
};
