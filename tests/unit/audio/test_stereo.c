/* test_stereo.c - two channels from the packet to the mixer */
#include <math.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>
#include "audio/jbuf.h"
#include "audio/voices.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { HZ = 48000, FRAME = 960 };
static const int64_t start_us = 5000000;

/* A sender that may change from one channel to two and back. */
struct sender {
	OpusEncoder *e;
	struct jbuf *j;
	int64_t now, at;        /* pulled until; samples sent */
	uint16_t seq;
	double left_hz, right_hz;
	int16_t heard[2 * 30 * HZ];
	size_t n;               /* pairs in it */
	unsigned channels;      /* of the last block */
};

static void begin(struct sender *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->e = opus_encoder_create(HZ, 2, OPUS_APPLICATION_AUDIO, &err);
	assert_non_null(s->e);
	opus_encoder_ctl(s->e, OPUS_SET_BITRATE(96000));
	assert_int_equal(jbuf_new(&s->j), 0);
	s->now = start_us;
	s->left_hz = 440;
	s->right_hz = 1000;
}

static void end(struct sender *s)
{
	opus_encoder_destroy(s->e);
	jbuf_free(&s->j);
	free(s);
}

static void give(struct sender *s, unsigned channels, bool lost)
{
	int16_t v[2 * FRAME];
	uint8_t p[1275];
	struct media_frame f = { .ssrc = 1, .seq = s->seq++, .timestamp = (uint32_t)s->at,
				 .arrival_us = s->now, .payload = p, .level = -20 };
	int len;

	for (int i = 0; i < FRAME; i++) {
		double t = (double)(s->at + i) * 2 * 3.14159265358979 / HZ;

		v[2 * i] = (int16_t)(8000 * sin(t * s->left_hz));
		v[2 * i + 1] = (int16_t)(8000 * sin(t * s->right_hz));
	}
	s->at += FRAME;
	opus_encoder_ctl(s->e, OPUS_SET_FORCE_CHANNELS((int)channels));
	len = opus_encode(s->e, v, FRAME, p, sizeof(p));
	assert_true(len > 0);
	f.len = (size_t)len;
	if (!lost)
		assert_int_equal(jbuf_put(s->j, &f), 0);
}

static void pull(struct sender *s)
{
	int16_t v[JBUF_BLOCK * JBUF_CHANNELS];
	unsigned ch = jbuf_pull(s->j, v, s->now);

	for (int i = 0; i < JBUF_BLOCK; i++, s->n++)
		for (int k = 0; k < 2; k++)
			s->heard[2 * s->n + (size_t)k] = !ch ? 0 : ch == 1 ? v[i] : v[2 * i + k];
	s->channels = ch;
	s->now += 10000;
}

static void talk(struct sender *s, unsigned channels, double seconds, int lose_each)
{
	for (int i = 0; i < (int)(seconds * 50); i++) {
		give(s, channels, lose_each && i % lose_each == lose_each - 1);
		pull(s);
		pull(s);
	}
}

static int16_t *side(const struct sender *s, double from, double seconds, int k)
{
	size_t at = (size_t)(from * HZ), n = (size_t)(seconds * HZ);
	int16_t *v = calloc(n, sizeof(*v));

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		v[i] = s->heard[2 * (at + i) + (size_t)k];
	return v;
}

/* How much of hz is in it, as a root mean square. */
static double share(const int16_t *v, size_t n, double hz)
{
	return signal_part(v, n, 1, hz) / sqrt(2);
}

static void sides_stay_apart(void **state)
{
	struct sender *s = calloc(1, sizeof(*s));

	(void)state;
	begin(s);
	talk(s, 2, 4, 0);
	assert_int_equal(s->channels, 2);
	for (int k = 0; k < 2; k++) {
		int16_t *v = side(s, 2, 1, k);
		double own = share(v, HZ, k ? s->right_hz : s->left_hz);
		double other = share(v, HZ, k ? s->left_hz : s->right_hz);

		assert_in_range((int)own, 5400, 5900);          /* 8000 / sqrt 2 */
		assert_true(own > 100 * other);                 /* 40 dB */
		free(v);
	}
	end(s);
}

static void lost_packets_do_not_mix_the_sides(void **state)
{
	struct sender *s = calloc(1, sizeof(*s));
	struct jbuf_stats st;

	(void)state;
	begin(s);
	talk(s, 2, 4, 12);
	for (int k = 0; k < 2; k++) {
		int16_t *v = side(s, 2, 1, k);

		assert_true(signal_rms(v, HZ) > 4000);
		assert_true(share(v, HZ, k ? s->right_hz : s->left_hz) >
			    10 * share(v, HZ, k ? s->left_hz : s->right_hz));
		assert_true(signal_zeros(v, HZ) < 96);
		free(v);
	}
	jbuf_stats(s->j, &st);
	assert_int_equal(st.lost, 200 / 12);
	end(s);
}

static void one_becomes_two_and_one_again_without_a_click(void **state)
{
	struct sender *s = calloc(1, sizeof(*s));

	(void)state;
	begin(s);
	s->right_hz = s->left_hz;       /* the sound is the same all the time */
	talk(s, 1, 2, 0);
	assert_int_equal(s->channels, 1);
	talk(s, 2, 2, 0);
	assert_int_equal(s->channels, 2);
	talk(s, 1, 4, 0);
	assert_int_equal(s->channels, 2);       /* it may change its mind ... */
	talk(s, 1, 2, 0);
	assert_int_equal(s->channels, 1);       /* ... and has not for 5 s */
	for (int k = 0; k < 2; k++) {
		int16_t *v = side(s, 0.5, 9, k);

		/* A sine bends by at most 27 a sample. */
		assert_true(signal_bend(v, 9 * HZ) < 150);
		assert_true(signal_zeros(v, 9 * HZ) < 8);
		free(v);
	}
	end(s);
}

static void a_new_start_may_change_the_number(void **state)
{
	struct sender *s = calloc(1, sizeof(*s));

	(void)state;
	begin(s);
	talk(s, 2, 1, 0);
	s->seq += 20000;
	s->at += 12345678;
	talk(s, 1, 1, 0);
	assert_int_equal(s->channels, 1);
	s->seq += 20000;
	talk(s, 2, 1, 0);
	assert_int_equal(s->channels, 2);
	end(s);
}

/* ---- one source beside another ---- */

static void put(struct voices *vs, uint32_t ssrc, const uint8_t *p, size_t len, int i, int64_t now,
		uint32_t odd)
{
	struct media_frame f = { .ssrc = ssrc, .seq = (uint16_t)(i + (int)(odd & 7)),
				 .timestamp = (uint32_t)i * FRAME + (odd & 8 ? odd * 977 : 0),
				 .arrival_us = now, .payload = p, .len = len, .level = -30,
				 .recovered = odd && odd % 11 == 0 };

	voices_input(vs, &f, true);
}

static void hostile(struct voices *vs, struct dice *d, int i, int64_t now)
{
	uint8_t p[1275];
	uint32_t r = dice_u32(d);
	size_t len = r % 5 ? r >> 8 & 127 : dice_u32(d) % sizeof(p);

	for (size_t k = 0; k < len; k++)
		p[k] = (uint8_t)dice_u32(d);
	put(vs, 2, p, len, i, now, r | 16);
}

static void a_bad_stream_leaves_the_others_alone(void **state)
{
	struct voices *clean = calloc(1, sizeof(*clean)), *beside = calloc(1, sizeof(*beside));
	int16_t a[MIXER_BLOCK * 2], b[MIXER_BLOCK * 2], *v = signal_speech(10 * HZ, 4);
	struct mixer ma, mb;
	struct dice d = { 77 };
	uint8_t p[1275];
	int err, different = 0;
	OpusEncoder *e = opus_encoder_create(HZ, 1, OPUS_APPLICATION_AUDIO, &err);

	(void)state;
	assert_true(clean && beside && v && e);
	mixer_init(&ma);
	mixer_init(&mb);
	/* Decoded and mixed, but nothing of it is to be heard. */
	voices_gain(beside, 2, 1e-9);
	for (int i = 0; i < 500; i++) {
		int64_t now = start_us + i * 20000;
		int len = opus_encode(e, v + i * FRAME, FRAME, p, sizeof(p));

		put(clean, 1, p, (size_t)len, i, now, 0);
		put(beside, 1, p, (size_t)len, i, now, 0);
		for (int k = 0; k < 4; k++)
			hostile(beside, &d, i + k, now);
		for (int k = 0; k < 2; k++) {
			voices_mix(clean, &ma, now + k * 10000);
			voices_mix(beside, &mb, now + k * 10000);
			mixer_take(&ma, a, 2);
			mixer_take(&mb, b, 2);
			different += memcmp(a, b, sizeof(a)) != 0;
		}
	}
	assert_int_equal(different, 0);
	voices_free(clean);
	voices_free(beside);
	opus_encoder_destroy(e);
	free(clean);
	free(beside);
	free(v);
}

static void noise_from_nonsense_stays_below_the_limit(void **state)
{
	struct voices *vs = calloc(1, sizeof(*vs));
	int16_t out[MIXER_BLOCK * 2];
	struct dice d = { 5 };
	struct mixer m;

	(void)state;
	mixer_init(&m);
	voices_gain(vs, 2, 4);
	for (int i = 0; i < 2000; i++) {
		hostile(vs, &d, i, start_us + i * 10000);
		voices_mix(vs, &m, start_us + i * 10000);
		mixer_take(&m, out, 2);
		for (int k = 0; k < MIXER_BLOCK * 2; k++)
			assert_in_range(out[k] + 29206, 0, 2 * 29206);
	}
	voices_free(vs);
	free(vs);
}

static void a_source_comes_and_goes_without_a_click(void **state)
{
	struct voices *vs = calloc(1, sizeof(*vs));
	int16_t *tone = signal_tone(4 * HZ, 300, 0.5), *heard = calloc(4 * HZ, sizeof(*heard));
	uint8_t p[1275];
	struct mixer m;
	int err, bend = signal_bend(tone, 4 * HZ);
	OpusEncoder *e = opus_encoder_create(HZ, 1, OPUS_APPLICATION_AUDIO, &err);

	(void)state;
	assert_true(vs && tone && heard && e);
	mixer_init(&m);
	/* In the middle of its sound it is heard first, and taken away. */
	for (int i = 0; i < 200; i++) {
		int len = opus_encode(e, tone + i * FRAME, FRAME, p, sizeof(p));

		if (i >= 50 && i < 150)
			put(vs, 1, p, (size_t)len, i, start_us + i * 20000, 0);
		if (i == 150)
			voices_remove(vs, 1);
		for (int k = 0; k < 2; k++) {
			voices_mix(vs, &m, start_us + i * 20000 + k * 10000);
			voices_sweep(vs);
			mixer_take(&m, heard + (i * 2 + k) * MIXER_BLOCK, 1);
		}
	}
	assert_true(signal_rms(heard + 2 * HZ, HZ / 2) > 10000);
	assert_int_equal(signal_rms(heard + 3 * HZ + HZ / 2, HZ / 4), 0);
	/* A step would bend by 10000 and more. */
	assert_true(signal_bend(heard, 4 * HZ) < 4 * bend + 200);
	assert_int_equal(vs->count, 0);
	voices_free(vs);
	opus_encoder_destroy(e);
	free(heard);
	free(tone);
	free(vs);
}

const struct CMUnitTest test_stereo[] = {
	cmocka_unit_test(sides_stay_apart),
	cmocka_unit_test(lost_packets_do_not_mix_the_sides),
	cmocka_unit_test(one_becomes_two_and_one_again_without_a_click),
	cmocka_unit_test(a_new_start_may_change_the_number),
	cmocka_unit_test(a_bad_stream_leaves_the_others_alone),
	cmocka_unit_test(noise_from_nonsense_stays_below_the_limit),
	cmocka_unit_test(a_source_comes_and_goes_without_a_click),
	{0}
};
