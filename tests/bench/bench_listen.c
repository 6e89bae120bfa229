/* rooms: base audio */
/* bench_listen.c - what hearing costs: per source, silent or talking, per step
 *
 * The measure is the Opus work of those who talk: as many decoders.  A minute
 * of passed-in time each.  All allocations while mixing are counted, libopus's
 * own included: there must be none.
 */
#include <errno.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include "audio/decode.h"
#include "audio/stretch.h"
#include "audio/voices.h"
#include "bench/allocations.h"
#include "bench/bench.h"

enum { HZ = 48000, FRAME = 960, LOOP = 250, SECONDS = 60, ALL = 100, BYTES = 1275 };

struct packet { uint8_t p[BYTES]; int len; };
static struct packet talk[2][LOOP];     /* of one channel, of two */
static int16_t pcm[2 * LOOP * FRAME];

/* ---- what is heard ---- */

/* A hum with harmonics that comes and goes, over some noise: SILK and hybrid
 * work as hard on it as on a voice. */
static void make_talk(int channels)
{
	int err;
	OpusEncoder *e = opus_encoder_create(HZ, channels, OPUS_APPLICATION_AUDIO, &err);
	uint32_t seed = 1;
	double phase = 0;

	if (!e)
		exit(1);
	opus_encoder_ctl(e, OPUS_SET_BITRATE(channels * 32000));
	opus_encoder_ctl(e, OPUS_SET_FORCE_CHANNELS(channels));
	for (int i = 0; i < LOOP * FRAME; i++) {
		double loud = (i / 9600) % 4 ? 1 : 0.1, x;

		phase += (110 + (i / 4800) % 30) / 48000.0;
		phase -= (int)phase;
		x = phase < 0.3 ? phase * 20 - 3 : -1.5 + phase;
		for (int k = 0; k < channels; k++) {
			seed = seed * 1664525u + 1013904223u;
			pcm[i * channels + k] = (int16_t)(loud * x * (1500 - 700 * k) +
							  (double)(seed >> 24) - 128);
		}
	}
	for (int i = 0; i < LOOP; i++) {
		struct packet *p = &talk[channels - 1][i];

		p->len = opus_encode(e, pcm + i * FRAME * channels, FRAME, p->p, BYTES);
		if (p->len < 1)
			exit(1);
	}
	opus_encoder_destroy(e);
}

static void show(const char *name, double value, int digits, const char *more)
{
	printf("%s %.*f %s\n", name, digits, value, more);
}

static double percent(double us)
{
	return us / (SECONDS * 1e4);
}

/* One decoder for a minute. */
static double decoder_us(int channels)
{
	int err;
	OpusDecoder *d = opus_decoder_create(HZ, channels, &err);
	int16_t out[2 * FRAME];
	double begin = cpu_us();

	if (!d)
		exit(1);
	for (int i = 0; i < SECONDS * 50; i++) {
		const struct packet *p = &talk[channels - 1][i % LOOP];

		if (opus_decode(d, p->p, p->len, out, FRAME, 0) != FRAME)
			exit(1);
	}
	begin = cpu_us() - begin;
	opus_decoder_destroy(d);
	return begin;
}

static void give(struct voices *vs, uint32_t ssrc, int channels, int i, int64_t now)
{
	const struct packet *p = &talk[channels - 1][i % LOOP];
	struct media_frame f = { .ssrc = ssrc, .seq = (uint16_t)i, .timestamp = (uint32_t)i * FRAME,
				 .arrival_us = now, .payload = p->p, .len = (size_t)p->len,
				 .level = -25 };

	if (voices_input(vs, &f, true) == -ENOMEM)
		exit(1);
}

/* A minute: `talking` of them send, the others did for a moment. */
static double voices_us(int talking, int silent, int channels, double gain)
{
	struct voices *vs = calloc(1, sizeof(*vs));
	struct mixer m;
	int16_t out[MIXER_BLOCK * 2];
	int64_t now = 1000000000;
	double begin;

	if (!vs)
		exit(1);
	mixer_init(&m);
	for (int i = 0; i < 4 * 100; i++, now += 10000) {
		for (int k = 0; i < 50 && i % 2 == 0 && k < silent; k++)
			give(vs, 1000 + (uint32_t)k, channels, i / 2, now);
		voices_mix(vs, &m, now);
		mixer_take(&m, out, 2);
	}
	for (int k = 0; k < talking; k++)
		voices_gain(vs, (uint32_t)k, gain);
	begin = cpu_us();
	for (int i = 0; i < SECONDS * 100; i++, now += 10000) {
		for (int k = 0; i % 2 == 0 && k < talking; k++)
			give(vs, (uint32_t)k, channels, i / 2, now);
		count_allocations(i > 100);
		voices_mix(vs, &m, now);
		mixer_take(&m, out, 2);
		count_allocations(false);
	}
	begin = cpu_us() - begin;
	voices_free(vs);
	free(vs);
	return begin;
}

/* ---- steps ---- */

static double mixer_us(int channels, float gain, unsigned out_channels)
{
	enum { N = 20000, SOURCES = 3 };
	struct mixer m;
	int16_t v[2 * MIXER_BLOCK], out[2 * MIXER_BLOCK];
	double begin;

	for (int i = 0; i < 2 * MIXER_BLOCK; i++)
		v[i] = (int16_t)((i % 480) * 50);
	mixer_init(&m);
	begin = cpu_us();
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < SOURCES; k++)
			mixer_add(&m, v, (unsigned)channels, gain, gain);
		mixer_take(&m, out, out_channels);
	}
	return (cpu_us() - begin) / N;
}

static double stretch_us(bool extend)
{
	enum { N = 2000 };
	double begin = cpu_us();

	for (int i = 0; i < N; i++) {
		int16_t *x = pcm + 4800 + i % 100 * 480;

		if (extend)
			stretch_extend(x, 1, 480, 0);
		else
			stretch_shorten(x, 1, 1440, 720, 0);
	}
	return (cpu_us() - begin) / N;
}

static double conceal_us(void)
{
	enum { N = 2000 };
	struct decoder *d;
	int16_t out[DECODE_MAX * 2];
	double begin, sum = 0;

	if (decoder_new(&d))
		exit(1);
	for (int i = 0; i < N; i++) {
		const struct packet *p = &talk[0][i % LOOP];

		if (decoder_packet(d, p->p, (size_t)p->len, out) != FRAME)
			exit(1);
		begin = cpu_us();
		decoder_mark(d);
		if (decoder_conceal(d, out, 480) != 480)
			exit(1);
		decoder_back(d);
		sum += cpu_us() - begin;
	}
	decoder_free(&d);
	return sum / N;
}

static void print_sources(void)
{
	double one = decoder_us(1), two = decoder_us(2);
	double three = voices_us(3, 0, 1, 1), hundred = voices_us(3, ALL - 3, 1, 1);
	double ten = voices_us(10, ALL - 10, 1, 1), silent = voices_us(0, ALL - 3, 1, 1);
	double stereo = voices_us(3, 0, 2, 1), loud = voices_us(3, 0, 1, 4);

	show("listen_opus", percent(one), 3, "% (one decoder, mono 32 kbit/s)");
	show("listen_opus_stereo", percent(two), 3, "% (one decoder, stereo 64 kbit/s)");
	show("listen_talking", percent(three / 3), 3, "% (a source that talks, all in)");
	show("listen_talking_stereo", percent(stereo / 3), 3, "% (the same in stereo)");
	show("listen_talking_loud", percent(loud / 3), 3, "% (amplified four times)");
	show("listen_silent", percent(silent / (ALL - 3)) * 1000, 3, "1/1000 % (a silent source)");
	show("listen_silent_97", percent(silent), 3, "% (goal 1: 97 silent sources)");
	show("listen_100_3", hundred / (3 * one), 2, "times the Opus work of 3 (goal 3: 100 sources)");
	show("listen_100_10", ten / (10 * one), 2, "times the Opus work of 10 (100 sources)");
}

int main(void)
{
	make_talk(2);
	make_talk(1);
	print_sources();
	show("listen_allocations", (double)allocations, 0,
	     "(goal 0: in all these minutes of mixing)");
	show("listen_mix", mixer_us(1, 0.3f, 1), 2, "us (a block of 10 ms of three, mono)");
	show("listen_mix_to_two", mixer_us(1, 0.3f, 2), 2, "us (the same on a stereo speaker)");
	show("listen_mix_stereo", mixer_us(2, 0.3f, 2), 2, "us (three in stereo)");
	show("listen_limit", mixer_us(1, 0.9f, 1), 2, "us (three in mono, limited)");
	show("listen_shorten", stretch_us(false), 1, "us (a period taken out)");
	show("listen_extend", stretch_us(true), 1, "us (10 ms by repetition)");
	show("listen_conceal", conceal_us(), 1, "us (10 ms by the decoder, and back)");
	return allocations != 0;
}
