/* mixer.h - blocks of 10 ms added up, kept from clipping
 *
 * One source at unity gain and below -1 dBFS comes out bit by bit as it went
 * in, without delay.
 */
#ifndef AUDIO_MIXER_H
#define AUDIO_MIXER_H
#include <stdbool.h>
#include <stdint.h>

enum { MIXER_BLOCK = 480 };             /* 10 ms at 48 kHz */

struct mixer {
	float sum[MIXER_BLOCK];
	bool any;                       /* something was added to this block */
	float envelope;                 /* of the limiter, in sample values */
	int hold;                       /* samples before it falls */
	float gain;                     /* of the last sample; 1 = idle */
};

void mixer_init(struct mixer *m);
/* The gain moves in a line from the first sample to the last. */
void mixer_add(struct mixer *m, const int16_t v[MIXER_BLOCK], float gain_from, float gain_to);
/* Gives the block and begins the next one. */
void mixer_take(struct mixer *m, int16_t out[MIXER_BLOCK]);

#endif
