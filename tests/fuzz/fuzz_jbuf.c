/* rooms: base audio */
/* fuzz_jbuf.c - a source that sends what it likes, beside one that does not
 *
 * Input: records of a head byte, a number and a timestamp step, a delay, a
 * length and that many bytes of payload.  Between them 10 ms are mixed, or
 * several, or none.  What must hold: the clean source is heard bit by bit as
 * without its neighbour, and the neighbour, four times amplified, stays below
 * the limiter.
 */
#include <opus/opus.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "audio/voices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME = 960, CLEAN = 20, CEILING = 29206, BLOCKS = 300 };

struct world {
	struct voices alone, beside, loud;      /* the clean one; both; the other, amplified */
	struct mixer mixer[3];
	int64_t now;
	int clean_at, blocks;
};

static uint8_t clean[CLEAN][1275];
static int clean_len[CLEAN];

static void make_clean(void)
{
	int err;
	OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &err);
	int16_t v[FRAME];

	for (int i = 0; e && i < CLEAN; i++) {
		for (int k = 0; k < FRAME; k++)
			v[k] = (int16_t)((k % 300) * 40 - 6000);
		clean_len[i] = opus_encode(e, v, FRAME, clean[i], sizeof(clean[i]));
	}
	opus_encoder_destroy(e);
}

static void give_clean(struct world *w)
{
	int k = w->clean_at % CLEAN;
	struct media_frame f = { .ssrc = 1, .seq = (uint16_t)w->clean_at,
				 .timestamp = (uint32_t)w->clean_at * FRAME, .arrival_us = w->now,
				 .payload = clean[k], .len = (size_t)clean_len[k], .level = 1 };

	w->clean_at++;
	voices_input(&w->alone, &f, true);
	voices_input(&w->beside, &f, true);
}

static void mix(struct world *w)
{
	int16_t a[MIXER_BLOCK * 2], b[MIXER_BLOCK * 2], c[MIXER_BLOCK * 2];

	if (w->blocks++ > BLOCKS)
		return;                 /* seconds are enough to go wrong in */
	if (w->now % 20000 == 0)
		give_clean(w);
	voices_mix(&w->alone, &w->mixer[0], w->now);
	voices_mix(&w->beside, &w->mixer[1], w->now);
	voices_mix(&w->loud, &w->mixer[2], w->now);
	mixer_take(&w->mixer[0], a, 2);
	mixer_take(&w->mixer[1], b, 2);
	mixer_take(&w->mixer[2], c, 2);
	if (memcmp(a, b, sizeof(a)))
		abort();
	for (int i = 0; i < MIXER_BLOCK * 2; i++)
		if (c[i] > CEILING || c[i] < -CEILING)
			abort();
	w->now += 10000;
}

static void give(struct world *w, const struct media_frame *f)
{
	voices_input(&w->beside, f, true);
	voices_input(&w->loud, f, true);
}

static void play(struct world *w, const uint8_t *data, size_t size)
{
	uint16_t seq = 65500;
	uint32_t ts = 0xffff0000u;

	for (size_t at = 0; at + 6 <= size;) {
		const uint8_t *p = data + at;
		size_t len = p[4] | (p[0] & 1) << 8;
		struct media_frame f = { .ssrc = 2, .arrival_us = w->now + p[3] * 500, .level = 1,
					 .recovered = p[0] >> 7 };

		at += 6;
		len = len < size - at ? len : size - at;
		if (p[0] & 2) {                         /* a step of its own */
			seq = (uint16_t)(seq + (int8_t)p[1]);
			ts += (uint32_t)((int8_t)p[2] * FRAME);
		} else if (p[0] & 4) {                  /* anywhere */
			seq = (uint16_t)(p[1] << 8 | p[2]);
			ts = (uint32_t)p[5] << 24 | p[3];
		} else {                                /* the next one */
			seq++;
			ts += FRAME;
		}
		f.seq = seq;
		f.timestamp = ts;
		f.payload = data + at;
		f.len = len;
		give(w, &f);
		for (int i = p[0] >> 3 & 7; i; i--)
			mix(w);
		if (p[0] == 0xaa)
			voices_flush(&w->loud);
		if (p[0] == 0xab)
			voices_delay(&w->loud, p[1] % 3);
		at += len;
	}
	for (int i = 0; i < 8; i++)
		mix(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return 0;
	if (!clean_len[0])
		make_clean();
	w->now = 1000000000;
	for (int i = 0; i < 3; i++)
		mixer_init(&w->mixer[i]);
	/* Decoded and mixed, but too soft to be heard. */
	voices_gain(&w->beside, 2, 1e-9);
	voices_gain(&w->loud, 2, 4);
	for (int i = 0; i < 8; i++)             /* the clean one finds its pace */
		mix(w);
	play(w, data, size);
	voices_free(&w->alone);
	voices_free(&w->beside);
	voices_free(&w->loud);
	free(w);
	return 0;
}
