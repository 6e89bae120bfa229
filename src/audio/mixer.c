/* mixer.c - adds and limits; see the header
 *
 * The limiter looks at the block in hand, which adds no delay.  An envelope
 * that rises with the signal and falls slowly says what gain each sample
 * needs; that bound is never passed, so nothing clips.  Within the block the
 * gain begins to come down 2 ms ahead of the sample that needs it, and where
 * the need stands at the very start of a block it comes down within 1 ms: a
 * fast bend instead of a step.  Rejected: a delay line of a few ms, which
 * everybody would hear for what happens to few.
 */
#include "audio/mixer.h"
#include <math.h>
#include <string.h>

/* 20 ms: between the peaks of one sound the gain stands still. */
enum { HOLD = 960 };
static const float ceiling = 29205.0f;          /* -1 dBFS */
static const float release = 0.99986112f;       /* a sample: 150 ms to 1/e */
static const float attack_step = 1.0f / 96;     /* gain a sample, within a block: 2 ms */
static const float rush_step = 1.0f / 48;       /* at the start of a block: 1 ms */

void mixer_init(struct mixer *m)
{
	memset(m, 0, sizeof(*m));
	m->gain = 1;
}

void mixer_add(struct mixer *m, const int16_t v[MIXER_BLOCK], float gain_from, float gain_to)
{
	float step = (gain_to - gain_from) / MIXER_BLOCK;

	m->any = true;
	if (gain_from == gain_to) {
		for (int i = 0; i < MIXER_BLOCK; i++)
			m->sum[i] += gain_to * (float)v[i];
		return;
	}
	for (int i = 0; i < MIXER_BLOCK; i++)
		m->sum[i] += (gain_from + step * (float)(i + 1)) * (float)v[i];
}

static void limit(struct mixer *m)
{
	float need[MIXER_BLOCK], gain[MIXER_BLOCK], env = m->envelope, before = m->gain;
	int hold = m->hold;

	for (int i = 0; i < MIXER_BLOCK; i++) {
		if (fabsf(m->sum[i]) >= env) {
			env = fabsf(m->sum[i]);
			hold = HOLD;
		} else if (hold) {
			hold--;
		} else {
			env *= release;
		}
		need[i] = env > ceiling ? ceiling / env : 1;
	}
	gain[MIXER_BLOCK - 1] = need[MIXER_BLOCK - 1];
	for (int i = MIXER_BLOCK - 2; i >= 0; i--)
		gain[i] = fminf(need[i], gain[i + 1] + attack_step);
	for (int i = 0; i < MIXER_BLOCK; i++) {
		before -= rush_step;
		gain[i] = fminf(need[i], fmaxf(gain[i], before));
		m->sum[i] *= gain[i];
	}
	m->envelope = env;
	m->hold = hold;
	m->gain = gain[MIXER_BLOCK - 1];
}

/* lrintf() and fmaxf() are calls; this is a few instructions. */
static int16_t to_16_bit(float x)
{
	x += x < 0 ? -0.5f : 0.5f;
	x = x < -32768 ? -32768 : x;
	return (int16_t)(x > 32767 ? 32767 : x);
}

void mixer_take(struct mixer *m, int16_t out[MIXER_BLOCK])
{
	float peak = 0;

	if (!m->any) {
		memset(out, 0, MIXER_BLOCK * sizeof(*out));
		m->envelope = 0;
		m->hold = 0;
		m->gain = 1;
		return;
	}
	for (int i = 0; i < MIXER_BLOCK; i++) {
		float x = fabsf(m->sum[i]);

		peak = x > peak ? x : peak;
	}
	if (peak > ceiling || m->envelope > ceiling)
		limit(m);
	else
		m->envelope = 0;
	for (int i = 0; i < MIXER_BLOCK; i++)
		out[i] = to_16_bit(m->sum[i]);
	memset(m->sum, 0, sizeof(m->sum));
	m->any = false;
}
