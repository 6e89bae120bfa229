/* mixer.c - adds up and limits; see the header
 *
 * A call in which nobody sends stereo pays for one channel: the sides are
 * touched only in blocks to which a source of two channels was added.
 */
#include "audio/mixer.h"
#include <string.h>

void mixer_init(struct mixer *m)
{
	memset(m, 0, sizeof(*m));
	limiter_init(&m->limiter);
}

static void add(float *restrict sum, const int16_t *restrict v, float from, float to)
{
	float step = (to - from) / MIXER_BLOCK;

	if (from == to) {
		for (int i = 0; i < MIXER_BLOCK; i++)
			sum[i] += to * (float)v[i];
		return;
	}
	for (int i = 0; i < MIXER_BLOCK; i++)
		sum[i] += (from + step * (float)(i + 1)) * (float)v[i];
}

static void add_two(float *restrict left, float *restrict right, const int16_t *restrict v,
		    float from, float to)
{
	float step = (to - from) / MIXER_BLOCK;

	for (int i = 0; i < MIXER_BLOCK; i++) {
		float gain = from == to ? to : from + step * (float)(i + 1);

		left[i] += gain * (float)v[2 * i];
		right[i] += gain * (float)v[2 * i + 1];
	}
}

void mixer_add(struct mixer *m, const int16_t *v, unsigned channels, float gain_from,
	       float gain_to)
{
	m->any = true;
	if (channels == 1) {
		add(m->middle, v, gain_from, gain_to);
		return;
	}
	m->stereo = true;
	add_two(m->left, m->right, v, gain_from, gain_to);
}

/* The sides as they are heard, the middle in both. */
static void take_sides(struct mixer *m, int16_t *out)
{
	for (int i = 0; i < MIXER_BLOCK; i++) {
		m->left[i] += m->middle[i];
		m->right[i] += m->middle[i];
	}
	limiter_block(&m->limiter, m->left, m->right);
	for (int i = 0; i < MIXER_BLOCK; i++) {
		out[2 * i] = limiter_round(m->left[i]);
		out[2 * i + 1] = limiter_round(m->right[i]);
	}
}

static void take_middle(struct mixer *m, int16_t *out, unsigned channels)
{
	if (m->stereo)
		for (int i = 0; i < MIXER_BLOCK; i++)
			m->middle[i] += (m->left[i] + m->right[i]) / 2;
	limiter_block(&m->limiter, m->middle, NULL);
	if (channels == 1) {
		for (int i = 0; i < MIXER_BLOCK; i++)
			out[i] = limiter_round(m->middle[i]);
		return;
	}
	for (int i = 0; i < MIXER_BLOCK; i++)
		out[2 * i] = out[2 * i + 1] = limiter_round(m->middle[i]);
}

void mixer_take(struct mixer *m, int16_t *out, unsigned channels)
{
	if (!m->any) {
		memset(out, 0, channels * MIXER_BLOCK * sizeof(*out));
		limiter_init(&m->limiter);
		return;
	}
	if (m->stereo && channels == 2)
		take_sides(m, out);
	else
		take_middle(m, out, channels);
	memset(m->middle, 0, sizeof(m->middle));
	if (m->stereo) {
		memset(m->left, 0, sizeof(m->left));
		memset(m->right, 0, sizeof(m->right));
	}
	m->any = m->stereo = false;
}
