/* test_mixer.c - what goes in and what must come out */
#include "audio/mixer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "unit/audio/signal.h"
#include "unit/unit.h"

static void one_source_comes_out_bit_by_bit(void **state)
{
	struct mixer m;
	struct dice d = { 5 };
	int16_t v[MIXER_BLOCK], out[MIXER_BLOCK];

	(void)state;
	mixer_init(&m);
	for (int b = 0; b < 200; b++) {
		for (int i = 0; i < MIXER_BLOCK; i++)
			v[i] = (int16_t)((int)(dice_u32(&d) % 58000) - 29000);
		mixer_add(&m, v, 1, 1);
		mixer_take(&m, out);
		assert_memory_equal(v, out, sizeof(v));
	}
}

static void no_source_is_silence(void **state)
{
	struct mixer m;
	int16_t out[MIXER_BLOCK], zero[MIXER_BLOCK] = { 0 };

	(void)state;
	mixer_init(&m);
	memset(out, 7, sizeof(out));
	mixer_take(&m, out);
	assert_memory_equal(out, zero, sizeof(out));
}

/* Mixes `count` copies of v and says what came out of it. */
static int16_t *mix(const int16_t *v, size_t n, int count, float gain)
{
	struct mixer m;
	int16_t *out = calloc(n, sizeof(*out));

	assert_non_null(out);
	mixer_init(&m);
	for (size_t i = 0; i + MIXER_BLOCK <= n; i += MIXER_BLOCK) {
		for (int k = 0; k < count; k++)
			mixer_add(&m, v + i, gain, gain);
		mixer_take(&m, out + i);
	}
	return out;
}

static int peak(const int16_t *v, size_t n)
{
	int most = 0;

	for (size_t i = 0; i < n; i++)
		if (abs(v[i]) > most)
			most = abs(v[i]);
	return most;
}

static void many_loud_sources_never_clip_and_never_click(void **state)
{
	enum { N = 48000 };
	int16_t *v = signal_tone(N, 330, 0.5), *out = mix(v, N, 6, 1);

	(void)state;
	assert_true(peak(out, N) <= 29206);
	assert_true(signal_rms(out + N / 2, N / 2) > 18000);    /* limited, not crushed */
	/* A sine that fills the whole range bends by this much a sample. */
	assert_true(signal_bend(out + 2400, N - 2400) <
		    1.5 * 32767 * pow(2 * 3.1416 * 330 / 48000, 2) + 4);
	free(out);
	free(v);
}

static void after_the_shout_all_is_as_before(void **state)
{
	struct mixer m;
	int16_t loud[MIXER_BLOCK], soft[MIXER_BLOCK], out[MIXER_BLOCK];

	(void)state;
	for (int i = 0; i < MIXER_BLOCK; i++) {
		loud[i] = (int16_t)(30000 * sin(i * 0.1309));
		soft[i] = (int16_t)(300 * sin(i * 0.1309));
	}
	mixer_init(&m);
	for (int b = 0; b < 10; b++) {
		mixer_add(&m, loud, 1, 1);
		mixer_add(&m, loud, 1, 1);
		mixer_take(&m, out);
	}
	for (int b = 0; b < 60; b++) {          /* 0.6 s: the limiter lets go */
		mixer_add(&m, soft, 1, 1);
		mixer_take(&m, out);
	}
	assert_memory_equal(out, soft, sizeof(out));
}

static void a_gain_moves_without_a_step(void **state)
{
	struct mixer m;
	int16_t v[MIXER_BLOCK], out[MIXER_BLOCK];

	(void)state;
	for (int i = 0; i < MIXER_BLOCK; i++)
		v[i] = 10000;
	mixer_init(&m);
	mixer_add(&m, v, 1, 0);
	mixer_take(&m, out);
	assert_true(out[0] > 9900 && out[MIXER_BLOCK - 1] == 0);
	assert_true(signal_step(out, MIXER_BLOCK) < 25);
	mixer_add(&m, v, 2, 2);
	mixer_take(&m, out);
	assert_int_equal(out[100], 20000);
}

const struct CMUnitTest test_mixer[] = {
	cmocka_unit_test(one_source_comes_out_bit_by_bit),
	cmocka_unit_test(no_source_is_silence),
	cmocka_unit_test(many_loud_sources_never_clip_and_never_click),
	cmocka_unit_test(after_the_shout_all_is_as_before),
	cmocka_unit_test(a_gain_moves_without_a_step),
	{0}
};
