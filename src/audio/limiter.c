/* limiter.c - keeps sound below -1 dBFS; see the header
 *
 * It looks ahead within the block in hand, which adds no delay.  An envelope
 * that rises with the signal and falls slowly says what gain each sample
 * needs; that bound is never passed, so nothing clips.  Within the block the
 * gain begins to come down 2 ms ahead of the sample that needs it, and where
 * the need stands at the very start of a block it comes down within 1 ms: a
 * fast bend instead of a step.  Rejected: a delay line of a few ms, which
 * everybody would hear for what happens to few.
 *
 * It does not pump: between the peaks of one sound the gain stands still, and
 * it comes back in 150 ms, too slowly to be heard as a breath.
 */
#include "audio/limiter.h"
#include <math.h>
#include <stddef.h>

/* 20 ms: a period of the deepest voice. */
enum { HOLD = 960 };
static const float ceiling = 29205.0f;          /* -1 dBFS */
static const float release = 0.99986112f;       /* a sample: 150 ms to 1/e */
static const float attack_step = 1.0f / 96;     /* gain a sample, within a block: 2 ms */
static const float rush_step = 1.0f / 48;       /* at the start of a block: 1 ms */

void limiter_init(struct limiter *l)
{
	*l = (struct limiter){ .gain = 1 };
}

static float peak_of(const float *v)
{
	float peak = 0;

	for (int i = 0; i < LIMITER_BLOCK; i++) {
		float x = fabsf(v[i]);

		peak = x > peak ? x : peak;
	}
	return peak;
}

/* What gain each sample needs at most. */
static void follow(struct limiter *l, const float *left, const float *right, float *need)
{
	float env = l->envelope;
	int hold = l->hold;

	for (int i = 0; i < LIMITER_BLOCK; i++) {
		float x = fabsf(left[i]);

		if (right && fabsf(right[i]) > x)
			x = fabsf(right[i]);
		if (x >= env) {
			env = x;
			hold = HOLD;
		} else if (hold) {
			hold--;
		} else {
			env *= release;
		}
		need[i] = env > ceiling ? ceiling / env : 1;
	}
	l->envelope = env;
	l->hold = hold;
}

static void limit(struct limiter *l, float *left, float *right)
{
	float need[LIMITER_BLOCK], gain[LIMITER_BLOCK], before = l->gain;

	follow(l, left, right, need);
	gain[LIMITER_BLOCK - 1] = need[LIMITER_BLOCK - 1];
	for (int i = LIMITER_BLOCK - 2; i >= 0; i--)
		gain[i] = fminf(need[i], gain[i + 1] + attack_step);
	for (int i = 0; i < LIMITER_BLOCK; i++) {
		before -= rush_step;
		gain[i] = fminf(need[i], fmaxf(gain[i], before));
		left[i] *= gain[i];
		if (right)
			right[i] *= gain[i];
	}
	l->gain = gain[LIMITER_BLOCK - 1];
}

void limiter_block(struct limiter *l, float left[LIMITER_BLOCK], float *right)
{
	float peak = peak_of(left), other = right ? peak_of(right) : 0;

	if (other > peak)
		peak = other;
	if (peak > ceiling || l->envelope > ceiling)
		limit(l, left, right);
	else
		limiter_init(l);
}

/* lrintf() and fmaxf() are calls; this is a few instructions. */
int16_t limiter_round(float x)
{
	x += x < 0 ? -0.5f : 0.5f;
	return (int16_t)(x >= 32767 ? 32767 : x > -32768 ? x : -32768);
}

void limiter_amplify(struct limiter *l, int16_t *v, unsigned channels, float gain_from,
		     float gain_to)
{
	float ch[2][LIMITER_BLOCK], step = (gain_to - gain_from) / LIMITER_BLOCK;

	for (int i = 0; i < LIMITER_BLOCK; i++)
		for (unsigned k = 0; k < channels; k++)
			ch[k][i] = (gain_from + step * (float)(i + 1)) *
				   (float)v[(unsigned)i * channels + k];
	limiter_block(l, ch[0], channels > 1 ? ch[1] : NULL);
	for (int i = 0; i < LIMITER_BLOCK; i++)
		for (unsigned k = 0; k < channels; k++)
			v[(unsigned)i * channels + k] = limiter_round(ch[k][i]);
}
