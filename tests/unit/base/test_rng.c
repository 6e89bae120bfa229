/* test_rng.c - ids have the form that others expect */
#include "unit/unit.h"
#include <stdbool.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"

extern const struct CMUnitTest test_rng[];

static void ids_have_their_form(void **state)
{
	char a[37], b[37], hex[9], alnum[65];

	(void)state;
	rng_uuid(a);
	rng_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_string_not_equal(a, b);
	rng_hex(hex, 8);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 8);
	assert_int_equal(strlen(hex), 8);
	rng_alnum(alnum, 64);
	assert_int_equal(strlen(alnum), 64);
	rng_alnum(alnum, 0);
	assert_string_equal(alnum, "");
}

static void ranges_include_their_ends(void **state)
{
	bool seen[5] = { false };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t v = rng_between(-2, 2);

		assert_in_range(v + 2, 0, 4);
		seen[v + 2] = true;
	}
	for (int i = 0; i < 5; i++)
		assert_true(seen[i]);
	assert_true(rng_between(7, 7) == 7);
	rng_between(INT64_MIN, INT64_MAX);
	for (int i = 0; i < 100; i++)
		assert_true(rng_between(INT64_MIN, 0) <= 0);
}

static void the_clock_goes_forward(void **state)
{
	int64_t a = clock_now_us(), b = clock_now_us();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_wall_us() > INT64_C(1700000000) * 1000000);
}

const struct CMUnitTest test_rng[] = {
	cmocka_unit_test(ids_have_their_form), cmocka_unit_test(ranges_include_their_ends),
	cmocka_unit_test(the_clock_goes_forward), { 0 }
};
