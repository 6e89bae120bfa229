/* test_mic.c - what the microphone puts on the line */
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/mic.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { BLOCK = AUDIO_BLOCK, V4 = 64 };

struct line {
	struct mic m;
	int64_t now;
	unsigned packets, told, bytes;  /* bytes: headers counted */
	struct decoder *d;
	int16_t *heard;                 /* NULL: not decoded */
	size_t at;
};

static void on_packet(void *ctx, const struct media_packet *p, unsigned samples)
{
	struct line *l = ctx;

	if (p) {
		l->packets++;
		l->bytes += (unsigned)p->len + V4;
		if (l->heard)
			decoder_packet(l->d, p->payload, p->len, l->heard + l->at);
	}
	l->told += samples;
	l->at += samples;
}

static void begin(struct line *l, struct audio_sending want)
{
	static const struct audio_events ev = { .packet = on_packet };
	struct audio_config cfg = { .complexity = 7, .sending = want };
	struct audio_line line = { .overhead = V4 };

	memset(l, 0, sizeof(*l));
	assert_int_equal(mic_init(&l->m, &cfg, &ev, l), 0);
	l->now = 1000000000;
	l->m.now_us = l->now;
	mic_line(&l->m, &line);
}

static void say(struct line *l, const int16_t *v, size_t n)
{
	for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
		int16_t b[2 * BLOCK];

		memcpy(b, v + i, BLOCK * sizeof(*v));
		l->now += 10000;
		mic_block(&l->m, b, l->now);
	}
}

static double kbps(const struct line *l, double s)
{
	return l->bytes * 8 / s / 1000;
}

static void time_is_told_once_whatever_happens(void **state)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *v = signal_speech(AUDIO_HZ * 4, 3);
	struct dice d = { 5 };
	size_t passed = 0;

	(void)state;
	begin(l, (struct audio_sending){ .frame_ms = 60 });
	for (int i = 0; i < 600; i++) {
		uint32_t x = dice_u32(&d);
		struct audio_sending want = { .frame_ms = x & 1 ? 20 : 60, .budget = x & 2 ? 16000 : 0 };

		if (x % 11 == 0)
			mic_mute(&l->m, x & 64, x & 128);
		if (x % 29 == 0)
			mic_sending(&l->m, &want);
		if (x % 13 == 0) {
			mic_nothing(&l->m, BLOCK);
			l->now += 10000;
		} else {
			say(l, v + (size_t)(i % 390) * BLOCK, BLOCK);
		}
		passed += BLOCK;
		/* Ahead by less than a frame, behind by less than one. */
		assert_in_range(l->told + 2 * ENCODE_SAMPLES - passed, ENCODE_SAMPLES,
				3 * ENCODE_SAMPLES);
	}
	mic_free(&l->m);
	free(v);
	free(l);
}

static void the_last_word_is_whole(void **state)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *v = signal_tone(AUDIO_HZ, 440, 8000);
	unsigned packets;

	(void)state;
	begin(l, (struct audio_sending){ .frame_ms = 60 });
	assert_int_equal(decoder_new(&l->d), 0);
	l->heard = calloc(AUDIO_HZ * 2, sizeof(*l->heard));
	say(l, v, 500 * 48);
	mic_mute(&l->m, true, false);
	say(l, v, 100 * 48);
	packets = l->packets;
	say(l, v, 400 * 48);
	assert_in_range(l->packets - packets, 0, 2);
	/* 500 ms and the slope of 10, all but what the codec delays. */
	assert_true(signal_rms(l->heard + 470 * 48, 20 * 48) > 5000);
	assert_true(signal_rms(l->heard + 495 * 48, 5 * 48) > 5000);
	assert_true(signal_rms(l->heard + 530 * 48, 30 * 48) < 500);
	decoder_free(&l->d);
	free(l->heard);
	mic_free(&l->m);
	free(v);
	free(l);
}

static void muted_nothing_is_encoded(void **state)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *v = signal_speech(AUDIO_HZ, 3);

	(void)state;
	begin(l, (struct audio_sending){ 0 });
	mic_mute(&l->m, true, false);
	for (int i = 0; i < 20; i++)
		say(l, v, AUDIO_HZ);
	assert_int_equal(l->m.encoded, 0);
	assert_true(kbps(l, 20) < 0.1);
	mic_free(&l->m);
	free(v);
	free(l);
}

static void talking_to_nobody_is_noticed(void **state)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *v = signal_speech(AUDIO_HZ * 4, 3), *zero = calloc(AUDIO_HZ * 6, sizeof(*zero));

	(void)state;
	begin(l, (struct audio_sending){ 0 });
	say(l, v, AUDIO_HZ);
	assert_int_equal(l->m.talk_muted_ms, 0);
	mic_mute(&l->m, true, false);
	say(l, zero, AUDIO_HZ);
	assert_int_equal(l->m.talk_muted_ms, 0);
	say(l, v, AUDIO_HZ / 2);                        /* a cough */
	assert_true(l->m.talk_muted_ms < 1000);
	say(l, v, AUDIO_HZ * 3);
	assert_true(l->m.talk_muted_ms > 1000);
	mic_mute(&l->m, false, false);
	say(l, zero, AUDIO_HZ * 6);
	assert_int_equal(l->m.talk_muted_ms, 0);
	assert_true(l->m.zero_ms > 5000);
	say(l, v, AUDIO_HZ / 10);
	assert_int_equal(l->m.zero_ms, 0);
	mic_free(&l->m);
	free(zero);
	free(v);
	free(l);
}

/* 20 s of a quiet room, after a word. */
static double silence_kbps(unsigned frame_ms, int amplitude)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *v = signal_speech(AUDIO_HZ, 3), b[2 * BLOCK];
	struct dice d = { 3 };
	double k;

	begin(l, (struct audio_sending){ .frame_ms = frame_ms });
	say(l, v, AUDIO_HZ);
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < BLOCK; j++)
			b[j] = (int16_t)(amplitude ? (int)(dice_u32(&d) % (2 * amplitude)) - amplitude : 0);
		say(l, b, BLOCK);
	}
	l->bytes = 0;
	for (int i = 0; i < 2000; i++) {
		for (int j = 0; j < BLOCK; j++)
			b[j] = (int16_t)(amplitude ? (int)(dice_u32(&d) % (2 * amplitude)) - amplitude : 0);
		say(l, b, BLOCK);
	}
	k = kbps(l, 20);
	mic_free(&l->m);
	free(v);
	free(l);
	return k;
}

static void silence_costs_next_to_nothing(void **state)
{
	(void)state;
	assert_true(silence_kbps(20, 0) < 0.1);
	assert_true(silence_kbps(20, 20) < 1.5);
	assert_true(silence_kbps(60, 20) < 1.5);
	assert_true(silence_kbps(20, 60) < 1.5);
}

static void speech_keeps_to_the_cap(void **state)
{
	static const int caps[] = { 12000, 16000, 20000, 24000, 32000, 64000 };
	int16_t *v = signal_speech(AUDIO_HZ * 20, 8);

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct line *l = malloc(sizeof(*l));
		struct audio_line tell = { .overhead = V4, .other_bytes = 60 };
		double window[40] = { 0 }, other = 60 * 8 * 2 / 1000.0, use = 0;

		begin(l, (struct audio_sending){ .budget = caps[i], .bitrate = 64000 });
		for (int k = 0; k < 40; k++) {
			unsigned before = l->bytes;

			say(l, v + (size_t)k * AUDIO_HZ / 2, AUDIO_HZ / 2);
			mic_line(&l->m, &tell);
			window[k] = (l->bytes - before) * 8 / 1000.0;
		}
		for (int k = 0; k + 10 <= 40; k++) {
			double sum = 0;

			for (int j = k; j < k + 10; j++)
				sum += window[j];
			assert_true(sum / 5 + other <= caps[i] / 1000.0);
			use = sum / 5 + other;
		}
		assert_true(use >= 0.85 * caps[i] / 1000);
		mic_free(&l->m);
		free(l);
	}
	free(v);
}

static void music_goes_out_in_two_channels(void **state)
{
	struct line *l = malloc(sizeof(*l));
	int16_t *heard = calloc(DECODE_MAX, sizeof(*heard)), b[2 * BLOCK];
	struct audio_sending want = { .music = true };

	(void)state;
	begin(l, (struct audio_sending){ 0 });
	assert_int_equal(mic_sending(&l->m, &want), 0);
	assert_int_equal(l->m.channels, 2);
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < BLOCK; k++) {
			b[2 * k] = (int16_t)((i * BLOCK + k) % 48 * 300 - 7200);
			b[2 * k + 1] = 0;
		}
		mic_block(&l->m, b, l->now += 10000);
	}
	assert_in_range(l->packets, 149, 150);
	assert_true(kbps(l, 3) > 100);
	want.music = false;
	assert_int_equal(mic_sending(&l->m, &want), 0);
	assert_int_equal(l->m.channels, 1);
	mic_free(&l->m);
	free(heard);
	free(l);
}

const struct CMUnitTest test_mic[] = {
	cmocka_unit_test(time_is_told_once_whatever_happens),
	cmocka_unit_test(the_last_word_is_whole),
	cmocka_unit_test(muted_nothing_is_encoded),
	cmocka_unit_test(talking_to_nobody_is_noticed),
	cmocka_unit_test(silence_costs_next_to_nothing),
	cmocka_unit_test(speech_keeps_to_the_cap),
	cmocka_unit_test(music_goes_out_in_two_channels),
	{0}
};
