/* test_music.c - what music mode does to music: next to nothing
 *
 * Through the microphone's path (gate, stereo encoder) and libopus' decoder.
 */
#include <math.h>
#include <opus/opus.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/mic.h"
#include "unit/audio/room.h"
#include "unit/audio/signal.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

enum { HZ = AUDIO_HZ, BLOCK = AUDIO_BLOCK };
static const double pi = 3.14159265358979323846;

struct ear {
	OpusDecoder *d;
	int16_t *heard;         /* two channels */
	size_t at, size;        /* samples of each */
	unsigned skipped;
};

static void on_packet(void *ctx, const struct media_packet *p, unsigned samples)
{
	struct ear *e = ctx;

	e->skipped += p ? 0 : samples;
	if (p && e->at + samples <= e->size)
		assert_int_equal(opus_decode(e->d, p->payload, (opus_int32)p->len,
					     e->heard + 2 * e->at, (int)samples, 0), samples);
	e->at += samples;
}

/* v: n samples of two channels; what is heard of them, moved to where they were.
 * free(). */
static int16_t *hear(const int16_t *v, size_t n, int bitrate, unsigned frame_ms)
{
	static const struct audio_events ev = { .packet = on_packet };
	struct audio_config cfg = { .complexity = 9, .sending = { .music = true,
		.music_bitrate = bitrate, .frame_ms = frame_ms,
		/* Nothing of it may have a say in music mode. */
		.processing = AUDIO_PROCESS_ON, .aec = true, .ns = true, .agc = true } };
	struct ear e = { .size = n };
	struct mic *m = calloc(1, sizeof(*m));
	/* Opus looks ahead 6.5 ms in all (RFC 6716, section 2). */
	size_t delay = 312;
	int err;

	e.d = opus_decoder_create(HZ, 2, &err);
	e.heard = calloc(2 * n, sizeof(*e.heard));
	assert_int_equal(mic_init(m, &cfg, &ev, &e), 0);
	for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
		int16_t b[2 * BLOCK];

		memcpy(b, v + 2 * i, sizeof(b));
		mic_block(m, b, (int64_t)(i + BLOCK) * 1000 / 48);
	}
	assert_int_equal(e.skipped, 0);                 /* no pause is cut */
	memmove(e.heard, e.heard + 2 * delay, 2 * (n - delay) * sizeof(*e.heard));
	opus_decoder_destroy(e.d);
	mic_free(m);
	free(m);
	return e.heard;
}

/* The part of hz in channel c, as amplitude; *rest: power of all the others. */
static double part_of(const int16_t *v, size_t n, int c, double hz, double *rest)
{
	double amplitude = signal_part(v + c, n, 2, hz), all = 0;

	for (size_t i = 0; i < n; i++) {
		double x = v[2 * i + (size_t)c];

		all += x * x;
	}
	*rest = fmax(all / (double)n - amplitude * amplitude / 2, 1e-9);
	return amplitude;
}

static void a_tone_stays_what_and_where_it_is(void **state)
{
	static const struct { int bitrate; unsigned ms; } t[] = { { 128000, 20 }, { 128000, 10 },
		{ 256000, 20 }, { 510000, 20 } };
	size_t n = 3 * HZ;
	int16_t *v = calloc(2 * n, sizeof(*v));

	(void)state;
	for (size_t i = 0; i < n; i++)
		v[2 * i] = (int16_t)lrint(8192 * sin(2 * pi * 1000 * (double)i / HZ));
	for (int k = 0; k < 4; k++) {
		int16_t *h = hear(v, n, t[k].bitrate, t[k].ms);
		double rest, other_rest, left = part_of(h + 2 * HZ, HZ, 0, 1000, &rest), right;

		right = part_of(h + 2 * HZ, HZ, 1, 1000, &other_rest);
		print_message("%d kbit/s, %u ms: level %+.2f dB, THD+N %.1f dB, separation %.1f dB\n",
			      t[k].bitrate / 1000, t[k].ms, 20 * log10(left / 8192),
			      10 * log10(rest / (left * left / 2)),
			      20 * log10(left / fmax(right, 0.01)));
		assert_true(fabs(20 * log10(left / 8192)) < 0.2);
		assert_true(10 * log10(rest / (left * left / 2)) < -50);
		assert_true(left / fmax(right, 0.01) > 100);            /* 40 dB */
		assert_true(sqrt(other_rest) < left / 100);
		free(h);
	}
	free(v);
}

/* From 50 Hz to 16 kHz in 8 s: every octave at its loudness. */
static void a_sweep_keeps_its_level(void **state)
{
	size_t n = 8 * HZ;
	int16_t *v = calloc(2 * n, sizeof(*v)), *h;
	double phase = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		phase += 2 * pi * 50 * pow(320, (double)i / (double)n) / HZ;
		v[2 * i + 1] = (int16_t)lrint(8192 * sin(phase));
	}
	h = hear(v, n, 192000, 20);
	for (size_t at = HZ / 2; at + HZ / 2 < n; at += HZ / 4) {
		double in = 0, out = 0, left = 0;

		for (size_t i = at; i < at + HZ / 4; i++) {
			in += (double)v[2 * i + 1] * v[2 * i + 1];
			out += (double)h[2 * i + 1] * h[2 * i + 1];
			left += (double)h[2 * i] * h[2 * i];
		}
		assert_true(fabs(10 * log10(out / in)) < 0.2);
		assert_true(10 * log10(out / fmax(left, 1)) > 40);
	}
	free(h);
	free(v);
}

static void five_minutes_without_a_gap(void **state)
{
	static const struct audio_events ev = { .packet = on_packet };
	struct audio_config cfg = { .complexity = 0, .sending = { .music = true } };
	struct ear e = { .size = 0 };
	struct mic *m = calloc(1, sizeof(*m));

	(void)state;
	assert_int_equal(mic_init(m, &cfg, &ev, &e), 0);
	/* Soft, loud, and silent passages: as of a record. */
	for (int i = 0; i < 5 * 60 * 100; i++) {
		int16_t b[2 * BLOCK];
		int loud = i / 500 % 3 == 2 ? 0 : i / 500 % 3 ? 20 : 9000;

		for (int k = 0; k < 2 * BLOCK; k++)
			b[k] = (int16_t)(loud * sin(2 * pi * (k / 2) / 48));
		mic_block(m, b, i * 10000LL);
	}
	assert_int_equal(e.skipped, 0);
	assert_int_equal(e.at, 5 * 60 * HZ);
	mic_free(m);
	free(m);
}

/* Beats of noise that begin at once and die away: where they begin. */
static void a_drum_is_hit_when_it_is(void **state)
{
	enum { BEAT = HZ / 4, BEATS = 24 };
	size_t n = (size_t)BEAT * BEATS + HZ / 2;
	int16_t *v = calloc(2 * n, sizeof(*v)), *h;
	struct dice d = { 9 };

	(void)state;
	for (int k = 0; k < BEATS; k++)
		for (int i = 0; i < HZ / 10; i++) {
			double x = exp(-i / (0.015 * HZ)) * (dice_unit(&d) * 2 - 1) * 14000 +
				   exp(-i / (0.04 * HZ)) * sin(2 * pi * 180 * i / HZ) * 9000;
			size_t at = (size_t)k * BEAT + BEAT / 2 + (size_t)i;

			v[2 * at] = v[2 * at + 1] = (int16_t)x;
		}
	h = hear(v, n, 128000, 20);
	for (int k = 1; k < BEATS; k++) {
		size_t begin = (size_t)k * BEAT + BEAT / 4, at = begin;

		/* A pre-echo would pass this mark before the beat. */
		while (at < begin + BEAT && abs(h[2 * at]) < 3000)
			at++;
		assert_in_range(at + HZ, (size_t)k * BEAT + BEAT / 2 + HZ - HZ / 1000,
				(size_t)k * BEAT + BEAT / 2 + HZ + HZ / 1000);
	}
	free(h);
	free(v);
}

/* From a file of two channels to a file of two channels, through two engines. */
static void two_channels_arrive_as_two(void **state)
{
	SF_INFO info = { .samplerate = HZ, .channels = 2,
			 .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	SNDFILE *f;
	struct room *r = calloc(1, sizeof(*r));
	struct audio_config music = { .complexity = 9, .sending = { .music = true } };
	size_t n = 6 * HZ, len;
	int16_t *v = calloc(2 * n, sizeof(*v)), *h;
	char mic[600], speaker[600];
	double left = 0, right = 0, rest;

	(void)state;
	for (size_t i = 0; i < n; i++)
		v[2 * i] = (int16_t)lrint(8192 * sin(2 * pi * 1000 * (double)i / HZ));
	f = sf_open(temp_path("stereo.wav"), SFM_WRITE, &info);
	assert_non_null(f);
	assert_int_equal(sf_writef_short(f, v, (sf_count_t)n), n);
	sf_close(f);
	snprintf(mic, sizeof(mic), "file:%s", temp_path("stereo.wav"));
	snprintf(speaker, sizeof(speaker), "file:%s", temp_path("heard.wav"));
	room_new(r);
	r->nap_us = 500;
	room_add_cfg(r, &music, mic, "none");
	room_add(r, "none", speaker);
	room_start_files(r);
	room_run(r, 5000000, 10000);
	room_free(r);
	h = temp_read_pairs("heard.wav", &len);
	assert_true(len > 4 * HZ);
	/* The end of it, where both have settled. */
	left = part_of(h + 2 * 3 * HZ, HZ, 0, 1000, &rest);
	print_message("two engines: level %+.2f dB, THD+N %.1f dB\n", 20 * log10(left / 8192),
		      10 * log10(rest / (left * left / 2)));
	assert_true(10 * log10(rest / (left * left / 2)) < -50);
	right = part_of(h + 2 * 3 * HZ, HZ, 1, 1000, &rest);
	assert_true(fabs(20 * log10(left / 8192)) < 0.2);
	assert_true(sqrt(rest + right * right / 2) < left / sqrt(2) / 100);
	free(h);
	free(v);
	free(r);
}

const struct CMUnitTest test_music[] = {
	cmocka_unit_test(a_tone_stays_what_and_where_it_is),
	cmocka_unit_test(a_sweep_keeps_its_level),
	cmocka_unit_test(five_minutes_without_a_gap),
	cmocka_unit_test(a_drum_is_hit_when_it_is),
	cmocka_unit_test(two_channels_arrive_as_two),
	{0}
};
