/* test_level.c - the number that others draw a bar from */
#include "audio/level.h"
#include <stdlib.h>
#include "unit/audio/signal.h"
#include "unit/unit.h"

static void silence_is_127_and_nothing_else_is(void **state)
{
	int16_t v[960] = { 0 };

	(void)state;
	assert_int_equal(level_dbov(v, 960), -127);
	v[17] = 1;
	assert_true(level_dbov(v, 960) > -127);
}

static void full_scale_is_0_and_halves_are_6_less(void **state)
{
	int16_t v[960];

	(void)state;
	for (int i = 0; i < 960; i++)
		v[i] = i & 1 ? 32767 : -32767;
	assert_int_equal(level_dbov(v, 960), 0);
	for (int i = 0; i < 960; i++)
		v[i] /= 2;
	assert_int_equal(level_dbov(v, 960), -6);
	for (int i = 0; i < 960; i++)
		v[i] = -32768;
	assert_int_equal(level_dbov(v, 960), 0);
}

static void the_meter_forgets_after_a_quarter_of_a_second(void **state)
{
	struct level_meter m = { 0 };
	int64_t now = 77000000;

	(void)state;
	assert_int_equal(level_get(&m, now), -127);
	for (int i = 0; i < 20; i++, now += 20000)
		level_add(&m, -20, now);
	assert_int_equal(level_get(&m, now), -20);
	assert_int_equal(level_get(&m, now + 100000), -20);
	assert_int_equal(level_get(&m, now + 300000), -127);
	for (int i = 0; i < 20; i++, now += 20000)
		level_add(&m, -127, now);
	assert_int_equal(level_get(&m, now), -127);
}

static void speech_is_voice_and_its_background_is_not(void **state)
{
	struct level_voice v = { 0 };
	int voiced = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(level_voice(&v, -70, 20));
	for (int i = 0; i < 50; i++)
		voiced += level_voice(&v, -25, 20);
	assert_int_equal(voiced, 50);
	for (int i = 0; i < 11; i++)            /* words end softly */
		level_voice(&v, -70, 20);
	assert_false(level_voice(&v, -70, 20));
}

const struct CMUnitTest test_level[] = {
	cmocka_unit_test(silence_is_127_and_nothing_else_is),
	cmocka_unit_test(full_scale_is_0_and_halves_are_6_less),
	cmocka_unit_test(the_meter_forgets_after_a_quarter_of_a_second),
	cmocka_unit_test(speech_is_voice_and_its_background_is_not),
	{0}
};
