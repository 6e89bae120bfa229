/* test_mixer.c - what goes in and what must come out */
#include "audio/mixer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "audio/block.h"
#include "audio/limiter.h"
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
		mixer_add(&m, v, 1, 1, 1);
		mixer_take(&m, out, 1);
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
	mixer_take(&m, out, 1);
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
			mixer_add(&m, v + i, 1, gain, gain);
		mixer_take(&m, out + i, 1);
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
		mixer_add(&m, loud, 1, 1, 1);
		mixer_add(&m, loud, 1, 1, 1);
		mixer_take(&m, out, 1);
	}
	for (int b = 0; b < 60; b++) {          /* 0.6 s: the limiter lets go */
		mixer_add(&m, soft, 1, 1, 1);
		mixer_take(&m, out, 1);
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
	mixer_add(&m, v, 1, 1, 0);
	mixer_take(&m, out, 1);
	assert_true(out[0] > 9900 && out[MIXER_BLOCK - 1] == 0);
	assert_true(signal_step(out, MIXER_BLOCK) < 25);
	mixer_add(&m, v, 1, 2, 2);
	mixer_take(&m, out, 1);
	assert_int_equal(out[100], 20000);
}

/* ---- two channels ---- */

static void pair(int16_t *v, int left, int right)
{
	for (int i = 0; i < MIXER_BLOCK; i++) {
		v[2 * i] = (int16_t)(left * ((i & 7) - 3));
		v[2 * i + 1] = (int16_t)(right * ((i & 15) - 7));
	}
}

static void two_channels_come_out_bit_by_bit(void **state)
{
	struct mixer m;
	int16_t v[2 * MIXER_BLOCK], out[2 * MIXER_BLOCK];

	(void)state;
	mixer_init(&m);
	pair(v, 1000, -333);
	for (int b = 0; b < 3; b++) {
		mixer_add(&m, v, 2, 1, 1);
		mixer_take(&m, out, 2);
		assert_memory_equal(v, out, sizeof(v));
	}
}

static void one_channel_stands_in_the_middle_of_two(void **state)
{
	struct mixer m;
	int16_t v[2 * MIXER_BLOCK], one[MIXER_BLOCK], out[2 * MIXER_BLOCK];

	(void)state;
	mixer_init(&m);
	pair(v, 500, 0);
	for (int i = 0; i < MIXER_BLOCK; i++)
		one[i] = (int16_t)i;
	mixer_add(&m, one, 1, 1, 1);
	mixer_take(&m, out, 2);
	for (int i = 0; i < MIXER_BLOCK; i++)
		assert_true(out[2 * i] == i && out[2 * i + 1] == i);
	mixer_add(&m, v, 2, 1, 1);
	mixer_add(&m, one, 1, 1, 1);
	mixer_take(&m, out, 2);
	for (int i = 0; i < MIXER_BLOCK; i++)
		assert_true(out[2 * i] == v[2 * i] + i && out[2 * i + 1] == i);
	/* A single channel gets the mean. */
	mixer_add(&m, v, 2, 1, 1);
	mixer_take(&m, out, 1);
	for (int i = 0; i < MIXER_BLOCK; i++)
		assert_in_range(out[i] - v[2 * i] / 2 + 1, 0, 2);
}

static void what_is_too_loud_on_one_side_stays_on_that_side(void **state)
{
	enum { N = 100 };
	struct mixer m;
	int16_t v[2 * MIXER_BLOCK], out[2 * MIXER_BLOCK];

	(void)state;
	mixer_init(&m);
	for (int i = 0; i < MIXER_BLOCK; i++) {
		v[2 * i] = (int16_t)(20000 * sin(i * 0.1309));          /* a period is 48 */
		v[2 * i + 1] = (int16_t)(2000 * sin(i * 0.1309));
	}
	for (int b = 0; b < N; b++) {
		mixer_add(&m, v, 2, 1, 1);
		mixer_add(&m, v, 2, 1, 1);
		mixer_take(&m, out, 2);
	}
	/* Both were pressed down alike: the place has not moved. */
	for (int i = 0; i < MIXER_BLOCK; i++) {
		assert_in_range(out[2 * i] + 29206, 0, 2 * 29206);
		assert_in_range(out[2 * i] - 10 * out[2 * i + 1] + 20, 0, 40);
	}
}

/* ---- one who is made loud ---- */

static void amplified_four_times_and_never_clipped(void **state)
{
	enum { N = 48000 };
	struct limiter l;
	int16_t *v = signal_speech(N, 3), *loud = calloc(N, sizeof(*loud));
	double before = signal_rms(v, N);

	(void)state;
	memcpy(loud, v, N * sizeof(*v));
	limiter_init(&l);
	for (int i = 0; i < N; i += LIMITER_BLOCK)
		limiter_amplify(&l, loud + i, 1, 4, 4);
	assert_true(peak(loud, N) <= 29206);
	assert_true(signal_rms(loud, N) > 2 * before);
	assert_true(signal_bend(loud, N) <= 6 * signal_bend(v, N));
	free(loud);
	free(v);
}

static void a_steady_tone_is_pressed_down_evenly(void **state)
{
	enum { N = 48000, PERIOD = 480 };
	struct limiter l;
	int16_t *v = signal_tone(N, 100, 0.5);
	int least = 32767, most = 0;

	(void)state;
	limiter_init(&l);
	for (int i = 0; i < N; i += LIMITER_BLOCK)
		limiter_amplify(&l, v + i, 1, 4, 4);
	for (int i = N / 2; i < N; i += PERIOD) {
		int p = peak(v + i, PERIOD);

		least = p < least ? p : least;
		most = p > most ? p : most;
	}
	assert_in_range(most - least, 0, most / 200);   /* 0.04 dB: it does not pump */
	free(v);
}

/* Also what a file of floats may hold. */
static void any_number_is_rounded_into_16_bits(void **state)
{
	static const struct { float x; int16_t v; } t[] = {
		{ 0, 0 }, { 0.4f, 0 }, { 0.6f, 1 }, { -0.6f, -1 }, { 12345, 12345 }, { -12345, -12345 },
		{ 32767, 32767 }, { 32766.6f, 32767 }, { 32768, 32767 }, { 1e30f, 32767 }, { INFINITY, 32767 },
		{ -32768, -32768 }, { -32769, -32768 }, { -1e30f, -32768 }, { -INFINITY, -32768 }, { NAN, -32768 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(limiter_round(t[i].x), t[i].v);
}

static void pieces_are_added_and_change_their_channels(void **state)
{
	int16_t v[6] = { 32767, -32768, 1, 0, 0, 0 }, two[6] = { 1, -1, 2, 3, 4, 5 };

	(void)state;
	block_add(v, two, 3);
	assert_int_equal(v[0], 32767);
	assert_int_equal(v[1], -32768);
	assert_int_equal(v[2], 3);
	block_to_two(v, v, 3);
	for (int i = 0; i < 6; i++)
		assert_int_equal(v[i], i < 2 ? 32767 : i < 4 ? -32768 : 3);
	block_to_one(v, v, 3);
	assert_int_equal(v[0], 32767);
	assert_int_equal(v[1], -32768);
	assert_int_equal(v[2], 3);
}

const struct CMUnitTest test_mixer[] = {
	cmocka_unit_test(any_number_is_rounded_into_16_bits),
	cmocka_unit_test(pieces_are_added_and_change_their_channels),
	cmocka_unit_test(one_source_comes_out_bit_by_bit),
	cmocka_unit_test(no_source_is_silence),
	cmocka_unit_test(many_loud_sources_never_clip_and_never_click),
	cmocka_unit_test(after_the_shout_all_is_as_before),
	cmocka_unit_test(a_gain_moves_without_a_step),
	cmocka_unit_test(two_channels_come_out_bit_by_bit),
	cmocka_unit_test(one_channel_stands_in_the_middle_of_two),
	cmocka_unit_test(what_is_too_loud_on_one_side_stays_on_that_side),
	cmocka_unit_test(amplified_four_times_and_never_clipped),
	cmocka_unit_test(a_steady_tone_is_pressed_down_evenly),
	{0}
};
