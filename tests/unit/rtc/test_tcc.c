/* test_tcc.c - arrivals are told, once, whatever numbers come */
#include "rtc/tcc.h"
#include "base/clock.h"
#include "rtc/rtcp.h"
#include "rtc/wire.h"
#include "unit/unit.h"

static void arrivals_are_told_once(void **state)
{
	struct tcc *t = tcc_new();
	uint8_t buf[600];
	size_t len = 0;

	(void)state;
	assert_true(tcc_due_us(t) == CLOCK_NEVER);
	for (uint16_t i = 0; i < 10; i++)
		if (i != 4)
			tcc_packet(t, (uint16_t)(65530 + i), false, 1000000 + i * 1000);
	assert_int_equal(tcc_due_us(t), 1100000);
	assert_false(tcc_write(t, buf, sizeof(buf), &len, 1, 2, 1100000));
	assert_int_equal(get16(buf + 12), 65530);       /* base */
	assert_int_equal(get16(buf + 14), 10);          /* statuses: the lost one, too */
	assert_true(tcc_due_us(t) == CLOCK_NEVER);
	/* The late one is told again with what followed it. */
	tcc_packet(t, 65534, false, 1101000);
	len = 0;
	assert_false(tcc_write(t, buf, sizeof(buf), &len, 1, 2, 1200000));
	assert_int_equal(get16(buf + 12), 65534);
	assert_int_equal(buf[19], 1);                   /* the second message */
	/* A frame's end makes it sooner. */
	tcc_packet(t, 4, true, 1201000);
	assert_int_equal(tcc_due_us(t), 1220000);
	tcc_free(&t);
}

static void wild_numbers_and_long_pauses_do_no_harm(void **state)
{
	struct tcc *t = tcc_new();
	uint8_t buf[600];
	uint32_t lot = 1;
	int64_t now = 1000000;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = 0;

		lot = lot * 1103515245 + 12345;
		tcc_packet(t, (uint16_t)(lot >> 16), lot & 1, now);
		now += lot % 100 ? 500 : 20 * 1000 * 1000;
		if (now < tcc_due_us(t))
			continue;
		while (tcc_write(t, buf, sizeof(buf), &len, 1, 2, now))
			len = 0;
		assert_true(len <= sizeof(buf));
	}
	tcc_free(&t);
}

const struct CMUnitTest test_tcc[] = {
	cmocka_unit_test(arrivals_are_told_once),
	cmocka_unit_test(wild_numbers_and_long_pauses_do_no_harm),
	{0}
};
