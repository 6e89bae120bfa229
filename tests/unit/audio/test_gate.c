/* test_gate.c - mute, push to talk, threshold */
#include <stdlib.h>
#include <string.h>
#include "audio/gate.h"
#include "unit/unit.h"

enum { N = GATE_BLOCK, LOUD = -20, QUIET = -70 };

/* Block number i is a constant of i + 1, so that one sees what came out. */
static bool step(struct gate *g, int i, int level, int16_t *v)
{
	for (int k = 0; k < N; k++)
		v[k] = (int16_t)(i + 1);
	return gate_block(g, v, N, level);
}

static void open_is_open_bit_by_bit(void **state)
{
	struct gate g = { 0 };
	int16_t v[N];

	(void)state;
	assert_true(step(&g, 1000, LOUD, v));
	assert_int_equal(v[0], 0);              /* a slope at the beginning */
	assert_int_equal(v[N - 1], 1001 * (N - 1) / N);
	for (int i = 1; i < 50; i++) {
		assert_true(step(&g, i, QUIET, v));
		for (int k = 0; k < N; k++)
			assert_int_equal(v[k], i + 1);
	}
	assert_int_equal(gate_delay_ms(&g), 0);
}

static void mute_ends_in_a_slope(void **state)
{
	struct gate g = { 0 };
	int16_t v[N];

	(void)state;
	step(&g, 0, LOUD, v);
	gate_mute(&g, true, false);
	assert_true(step(&g, 999, LOUD, v));
	assert_true(v[0] > 990 && v[N - 1] == 0);
	for (int i = 0; i < 20; i++)
		assert_false(step(&g, i, LOUD, v));
	gate_mute(&g, false, false);
	assert_true(step(&g, 500, LOUD, v));    /* no delay: what comes now */
	assert_true(v[0] == 0 && v[N - 1] > 490);
}

static void a_key_opens_early_and_closes_late(void **state)
{
	struct gate g = { .muted = true };
	int16_t v[N];
	int i, sent = 0;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_false(step(&g, i, LOUD, v));
	gate_mute(&g, false, true);
	for (; i < 40; i++) {
		assert_true(step(&g, i, LOUD, v));
		assert_int_equal(v[N - 1], i - GATE_PRE == 14 ? (i - GATE_PRE + 1) * (N - 1) / N :
				 i - GATE_PRE + 1);     /* from 60 ms before the key */
	}
	assert_int_equal(gate_delay_ms(&g), 10 * GATE_PRE);
	gate_mute(&g, true, true);
	for (; step(&g, i, LOUD, v); i++)
		sent++;
	assert_int_equal(sent, GATE_KEY_HANG + 1);
	i++;
	/* Let go and pressed again within that time: nothing breaks off. */
	gate_mute(&g, false, true);
	assert_true(step(&g, i++, LOUD, v));
	gate_mute(&g, true, true);
	assert_true(step(&g, i++, LOUD, v));
	gate_mute(&g, false, true);
	assert_true(step(&g, i, LOUD, v));
	assert_int_equal(v[N / 2], i - GATE_PRE + 1);
}

static void a_voice_opens_it_and_its_beginning_is_there(void **state)
{
	struct gate g = { 0 };
	int16_t v[N];
	int i, sent = 0;

	(void)state;
	gate_threshold(&g, -45);
	for (i = 0; i < 30; i++)
		assert_false(step(&g, i, QUIET, v));
	for (; i < 50; i++) {
		assert_true(step(&g, i, LOUD, v));
		assert_int_equal(v[N / 2], i - GATE_PRE == 24 ? 12 : i - GATE_PRE + 1);
	}
	for (; step(&g, i, QUIET, v); i++)
		sent++;
	assert_in_range(sent, GATE_VOICE_HANG - 1, GATE_VOICE_HANG + 1);
	gate_mute(&g, true, false);
	assert_false(step(&g, i, LOUD, v));     /* muted is muted */
	gate_mute(&g, false, false);
	gate_threshold(&g, 0);
	assert_true(step(&g, i, QUIET, v));
}

const struct CMUnitTest test_gate[] = {
	cmocka_unit_test(open_is_open_bit_by_bit),
	cmocka_unit_test(mute_ends_in_a_slope),
	cmocka_unit_test(a_key_opens_early_and_closes_late),
	cmocka_unit_test(a_voice_opens_it_and_its_beginning_is_there),
	{0}
};
