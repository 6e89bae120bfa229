/* mixer.h - blocks of 10 ms added up, kept from clipping
 *
 * One source at unity gain and below -1 dBFS comes out bit by bit as it went
 * in, without delay.  Sources have one channel or two; so has what comes out:
 * one channel goes to both sides, of two the mean goes to a single one.
 */
#ifndef AUDIO_MIXER_H
#define AUDIO_MIXER_H
#include <stdbool.h>
#include <stdint.h>
#include "audio/limiter.h"

enum { MIXER_BLOCK = LIMITER_BLOCK, MIXER_CHANNELS = 2 };

struct mixer {
	float middle[MIXER_BLOCK];      /* of sources with one channel */
	float left[MIXER_BLOCK], right[MIXER_BLOCK];    /* of those with two */
	bool any, stereo;               /* something was added to this block, to its sides */
	struct limiter limiter;
};

void mixer_init(struct mixer *m);
/* Adds a block, 1 or 2 channels, interleaved.  The gain moves in a line from
 * the first sample to the last. */
void mixer_add(struct mixer *m, const int16_t *v, unsigned channels, float gain_from,
	       float gain_to);
/* Gives the block, MIXER_BLOCK * channels values, and begins the next one. */
void mixer_take(struct mixer *m, int16_t *out, unsigned channels);

#endif
