/* limiter.h - keeps sound below -1 dBFS without a click and without pumping
 *
 * Plain data.  What needs no limiting is not touched, bit by bit.
 */
#ifndef AUDIO_LIMITER_H
#define AUDIO_LIMITER_H
#include <stdint.h>

enum { LIMITER_BLOCK = 480 };           /* 10 ms at 48 kHz */

struct limiter {
	float envelope;                 /* in sample values */
	int hold;                       /* samples before it falls */
	float gain;                     /* of the last sample; 1 = idle */
};

void limiter_init(struct limiter *l);
/* One block; right: NULL for one channel.  Both get the same gain, so that
 * nothing moves from left to right. */
void limiter_block(struct limiter *l, float left[LIMITER_BLOCK], float *right);
/* Louder or softer, in a line from the first to the last of the block, and
 * limited: 1 or 2 channels, interleaved, in place. */
void limiter_amplify(struct limiter *l, int16_t *v, unsigned channels, float gain_from,
		     float gain_to);

/* Rounds, and bounds what a limiter did not; takes a NaN for the least. */
int16_t limiter_round(float x);

#endif
