/* rooms: base audio */
/* bench_audio.c - what the sound of a call costs, without a network
 *
 * One engine with null devices talks and hears three others for a minute of
 * passed-in time.  The measure is the Opus work of the same minute: one
 * encoder at 32 kbit/s and complexity 9, three decoders.
 */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/decode.h"
#include "audio/encode.h"
#include "audio/engine.h"
#include "audio/jbuf.h"
#include "audio/mixer.h"
#include "bench/bench.h"

enum { FRAME = 960, LOOP = 500, SECONDS = 60, TALKERS = 3, MUTED = 37, TONE = 200 };

struct packet { uint8_t p[ENCODE_BYTES]; int len; };
struct talk { struct packet packet[LOOP]; int16_t pcm[LOOP * FRAME]; };

/* A hum with harmonics that comes and goes, over some noise: SILK and hybrid
 * work as hard on it as on a voice. */
static void make_talk(struct talk *t, uint32_t seed)
{
	struct encoder_config cfg = { .complexity = 9 };
	struct encoder *e;
	double phase = 0;

	if (encoder_new(&e, &cfg))
		exit(1);
	for (int i = 0; i < LOOP * FRAME; i++) {
		double loud = (i / 9600) % 4 ? 1 : 0.1, x;

		phase += (110 + 10 * (seed & 7) + (i / 4800) % 30) / 48000.0;
		phase -= (int)phase;
		seed = seed * 1664525u + 1013904223u;
		x = phase < 0.3 ? phase * 20 - 3 : -1.5 + phase;
		t->pcm[i] = (int16_t)(loud * x * 1500 + (double)(seed >> 24) - 128);
	}
	for (int i = 0; i < LOOP; i++)
		t->packet[i].len = encoder_frame(e, t->pcm + i * FRAME, FRAME, false,
						 t->packet[i].p);
	encoder_free(&e);
}

/* The Opus work alone: what cannot be saved.  The same tone goes out as the
 * engine's microphone hums. */
static double opus_alone(struct talk *t)
{
	static int16_t tone[LOOP * FRAME];
	struct encoder_config cfg = { .complexity = 9 };
	struct encoder *e;
	struct decoder *d[TALKERS];
	uint8_t out[ENCODE_BYTES];
	int16_t pcm[DECODE_MAX];
	double begin;

	if (encoder_new(&e, &cfg))
		exit(1);
	for (int k = 0; k < TALKERS; k++)
		if (decoder_new(&d[k]))
			exit(1);
	for (int i = 0; i < LOOP * FRAME; i++)
		tone[i] = (int16_t)lrint(8192 * sin(i * 2 * 3.14159265358979 * TONE / 48000));
	begin = cpu_ms();
	for (int i = 0; i < SECONDS * 50; i++) {
		encoder_frame(e, tone + i % LOOP * FRAME, FRAME, false, out);
		for (int k = 0; k < TALKERS; k++)
			decoder_packet(d[k], t[k].packet[i % LOOP].p,
				       (size_t)t[k].packet[i % LOOP].len, pcm);
	}
	begin = cpu_ms() - begin;
	encoder_free(&e);
	for (int k = 0; k < TALKERS; k++)
		decoder_free(&d[k]);
	return begin;
}

/* ---- the engine ---- */

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	(void)samples;
	*(unsigned *)ctx += pkt != NULL;
}

static void on_device(void *ctx, enum audio_side side, enum audio_dev_state state,
		      const char *text, bool real)
{
	(void)ctx;
	(void)side;
	(void)state;
	(void)text;
	(void)real;
}

static void give(struct audio *a, uint32_t ssrc, const struct packet *p, int i, int64_t now)
{
	struct media_frame f = { .ssrc = ssrc, .seq = (uint16_t)i, .timestamp = (uint32_t)i * FRAME,
				 .arrival_us = now, .payload = p->p, .len = (size_t)p->len,
				 .level = -25 };

	audio_input(a, &f);
}

/* CPU of a minute; talkers send, muted ones were heard once. */
static double engine(struct talk *t, const char *mic, int talkers, int muted,
		     struct audio_source_stats *st)
{
	static const struct audio_events ev = { on_packet, on_device };
	struct audio_config cfg = { .complexity = 9 };
	struct audio *a;
	unsigned packets = 0;
	int64_t now = 1000000000;
	double begin;

	if (audio_new(&a, &cfg, &ev, &packets))
		exit(1);
	audio_set_device(a, AUDIO_MIC, mic);
	audio_set_device(a, AUDIO_SPEAKER, "null");
	for (int i = 0; i < 200; i++) {                 /* the devices open meanwhile */
		audio_tick(a, now);
		usleep(500);
	}
	for (int m = 0; m < muted; m++)
		give(a, 100 + (uint32_t)m, &t[0].packet[0], 0, now);
	begin = cpu_ms();
	for (int i = 0; i < SECONDS * 100; i++) {
		now += 10000;
		for (int k = 0; i % 2 == 0 && k < talkers; k++)
			give(a, (uint32_t)k, &t[k].packet[i / 2 % LOOP], i / 2, now);
		audio_tick(a, now);
	}
	begin = cpu_ms() - begin;
	if (st)
		audio_sources(a, st, 1);
	audio_free(&a);
	return begin;
}

static double percent(double ms)
{
	return ms / (SECONDS * 10);
}

static size_t source_bytes(struct talk *t)
{
	size_t before = mallinfo2().uordblks, after;
	struct jbuf *j;
	int16_t out[JBUF_BLOCK * JBUF_CHANNELS];

	if (jbuf_new(&j))
		exit(1);
	for (int i = 0; i < 30; i++) {
		struct media_frame f = { .seq = (uint16_t)i, .timestamp = (uint32_t)i * FRAME,
					 .arrival_us = 1000000 + i * 20000, .payload = t->packet[i].p,
					 .len = (size_t)t->packet[i].len };

		jbuf_put(j, &f);
		jbuf_pull(j, out, f.arrival_us);
	}
	after = mallinfo2().uordblks;
	jbuf_free(&j);
	return after - before;
}

static double mixer_us(void)
{
	struct mixer m;
	int16_t v[MIXER_BLOCK], out[MIXER_BLOCK];
	double begin;

	for (int i = 0; i < MIXER_BLOCK; i++)
		v[i] = (int16_t)(i * 50);
	mixer_init(&m);
	begin = cpu_ms();
	for (int i = 0; i < 20000; i++) {
		for (int k = 0; k < TALKERS; k++)
			mixer_add(&m, v, 1, 0.3f, 0.3f);
		mixer_take(&m, out, 1);
	}
	return (cpu_ms() - begin) * 1000 / 20000;
}

int main(void)
{
	struct talk *t = calloc(TALKERS, sizeof(*t));
	struct audio_source_stats st = { 0 };
	double opus, whole;

	if (!t)
		return 1;
	for (int k = 0; k < TALKERS; k++)
		make_talk(&t[k], (uint32_t)k + 1);
	opus = opus_alone(t);
	whole = engine(t, "tone:200", TALKERS, 0, &st);
	printf("audio_opus_alone %.2f %% (encode one at 32 kbit/s, decode three)\n", percent(opus));
	printf("audio_decode_mix %.2f %% (three decoders and a null microphone)\n",
	       percent(engine(t, "null", TALKERS, 0, NULL)));
	printf("audio_engine %.2f %% (the same by the engine, %.2f times; goal 1.3 times)\n",
	       percent(whole), whole / opus);
	printf("audio_engine_silent %.3f %% (goal 0.1, null devices, 37 silent sources)\n",
	       percent(engine(t, "null", 0, MUTED, NULL)));
	printf("audio_mixer %.2f us (a block of 10 ms of three)\n", mixer_us());
	printf("audio_source %zu KiB (limit 80, buffer and decoder)\n", source_bytes(&t[0]) / 1024);
	printf("audio_buffer %u ms (goal 40, Chromium holds 30 to 50, gst-meet 200)\n", st.buffer_ms);
	free(t);
	return 0;
}
