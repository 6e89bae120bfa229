/* stretch.c - a little more or a little less of a sound; see the header
 *
 * The period is looked for by normalised correlation at a quarter of the
 * rate first, then around the best place at the full one: some 20,000
 * multiplications, a few times a minute.
 */
#include "audio/stretch.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
	DOWN = 4,                       /* 12 kHz is enough to find a period */
	QUIET = 40,                     /* root mean square: -58 dBFS, any join will do */
	JOIN = 96,                      /* 2 ms: a step is spread over it */
	HOLD = 960,                     /* a made-up sound stays loud for 20 ms */
};

static float likeness(const int16_t *a, const int16_t *b, size_t n)
{
	float ab = 0, aa = 1, bb = 1;

	for (size_t i = 0; i < n; i++) {
		float x = a[i], y = b[i];

		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	return ab / sqrtf(aa * bb);
}

static void thin_out(const int16_t *x, size_t n, int16_t *out)
{
	for (size_t i = 0; i < n / DOWN; i++) {
		int sum = 0;

		for (int k = 0; k < DOWN; k++)
			sum += x[i * DOWN + (size_t)k];
		out[i] = (int16_t)(sum / DOWN);
	}
}

/* The lag within [lo, hi] at which `window` samples from x[0] are most like
 * those from x[lag] (way 1) or x[-lag] (way -1). */
static size_t find_lag(const int16_t *x, int way, size_t lo, size_t hi, size_t window, float *like)
{
	int16_t thin[(STRETCH_LAG_MAX + STRETCH_WINDOW) / DOWN];
	size_t best = lo / DOWN, at, from, to;
	float top = -2;

	hi -= hi % DOWN;
	thin_out(way > 0 ? x : x - hi, hi + window, thin);
	at = way > 0 ? 0 : hi / DOWN;
	for (size_t lag = (lo + DOWN - 1) / DOWN; lag <= hi / DOWN; lag++) {
		float c = likeness(thin + at, way > 0 ? thin + at + lag : thin + at - lag,
				   window / DOWN);

		if (c > top) {
			top = c;
			best = lag;
		}
	}
	from = best * DOWN > lo + DOWN ? best * DOWN - DOWN : lo;
	to = best * DOWN + DOWN < hi ? best * DOWN + DOWN : hi;
	*like = -2;
	at = best * DOWN;
	for (size_t lag = from; lag <= to; lag++) {
		float c = likeness(x, way > 0 ? x + lag : x - lag, window);

		if (c > *like) {
			*like = c;
			at = lag;
		}
	}
	return at;
}

static bool is_quiet(const int16_t *x, size_t n)
{
	int64_t energy = 0;

	for (size_t i = 0; i < n; i++)
		energy += x[i] * x[i];
	return energy < (int64_t)(QUIET * QUIET) * (int64_t)n;
}

static float accepted(float urgent)
{
	return 0.85f - urgent * 1.2f;
}

void stretch_blend(int16_t *x, const int16_t *from, size_t n)
{
	float step = 1.0f / (float)(n + 1);

	for (size_t i = 0; i < n; i++) {
		float w = step * (float)(i + 1);

		x[i] = (int16_t)lrintf(w * (float)x[i] + (1 - w) * (float)from[i]);
	}
}

/* x[0..lag) becomes a passage from itself to x[lag..2 lag). */
size_t stretch_shorten(int16_t *x, size_t n, size_t most, float urgent)
{
	size_t hi = most < STRETCH_LAG_MAX ? most : STRETCH_LAG_MAX, lag;
	float like;

	if (hi > n / 2)
		hi = n / 2;
	if (hi < STRETCH_LAG_MIN || hi + STRETCH_WINDOW > n)
		return 0;
	if (is_quiet(x, 2 * hi)) {
		lag = hi;
	} else {
		lag = find_lag(x, 1, STRETCH_LAG_MIN, hi, STRETCH_WINDOW, &like);
		if (like < accepted(urgent))
			return 0;
	}
	stretch_blend(x + lag, x, lag);
	memmove(x, x + lag, (n - lag) * sizeof(*x));
	return lag;
}

/* Between x[-1] and x[0] comes a passage from x[0..lag) to x[-lag..0). */
size_t stretch_lengthen(int16_t *x, size_t n, size_t most, float urgent)
{
	size_t hi = most < STRETCH_LAG_MAX ? most : STRETCH_LAG_MAX, lag;
	int16_t begin[STRETCH_LAG_MAX];
	float like;

	if (hi > n)
		hi = n;
	if (hi < STRETCH_LAG_MIN || n < STRETCH_WINDOW)
		return 0;
	if (is_quiet(x - hi, 2 * hi)) {
		lag = hi;
	} else {
		lag = find_lag(x, -1, STRETCH_LAG_MIN, hi, STRETCH_WINDOW, &like);
		if (like < accepted(urgent))
			return 0;
	}
	memcpy(begin, x, lag * sizeof(*x));
	memmove(x + lag, x, n * sizeof(*x));
	memcpy(x, x - lag, lag * sizeof(*x));
	stretch_blend(x, begin, lag);
	return lag;
}

static int16_t clip(float v)
{
	return (int16_t)lrintf(fmaxf(-32768, fminf(32767, v)));
}

static float loudness(size_t at)
{
	if (at <= HOLD)
		return 1;
	return at >= STRETCH_FADE ? 0 : 1 - (float)(at - HOLD) / (STRETCH_FADE - HOLD);
}

/* The loudness of the sample that stands at x[at - lag], of which `done` before
 * x were made up already. */
static float loudness_of(size_t done, size_t at, size_t lag)
{
	return loudness(done + at > lag ? done + at - lag : 0);
}

void stretch_extend(int16_t *x, size_t n, size_t done)
{
	float like, offset = 0;
	size_t lag;

	if (loudness(done) <= 0.01f) {
		memset(x, 0, n * sizeof(*x));
		return;
	}
	lag = find_lag(x - STRETCH_WINDOW, -1, STRETCH_LAG_MIN, STRETCH_LAG_MAX, STRETCH_WINDOW,
		       &like);
	/* Where nothing repeats, a long lag sounds least like a machine. */
	if (like < 0.3f)
		lag = STRETCH_LAG_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t k = i % lag;
		const int16_t *from = x + k - lag;
		float now = loudness(done + i);

		/* What stands before here differs a bit from what stood before
		 * the period: that step melts away. */
		if (!k)
			offset = (float)x[(ptrdiff_t)i - 1] -
				 (float)from[-1] * now / loudness_of(done, 0, lag + 1);
		x[i] = clip((float)from[0] * now / loudness_of(done, k, lag) +
			    (k < JOIN ? offset * (1 - (float)(k + 1) / JOIN) : 0));
	}
}
