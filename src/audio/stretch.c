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
#include "audio/limiter.h"

enum {
	DOWN = 4,                       /* 12 kHz is enough to find a period */
	QUIET = 40,                     /* root mean square: -58 dBFS, any join will do */
	JOIN = 96,                      /* 2 ms: a step is spread over it */
	HOLD = 1920,                    /* a made-up sound stays loud for 40 ms */
	LEAD_MOST = 960,                /* 20 ms */
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

/* n samples of the middle of what stands at x. */
static const int16_t *middle(const int16_t *x, unsigned ch, size_t n, int16_t *room)
{
	if (ch == 1)
		return x;
	for (size_t i = 0; i < n; i++)
		room[i] = (int16_t)((x[2 * i] + x[2 * i + 1]) / 2);
	return room;
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

void stretch_blend(int16_t *x, const int16_t *from, unsigned ch, size_t n)
{
	float step = 1.0f / (float)(n + 1);

	for (size_t i = 0; i < n * ch; i++) {
		float w = step * (float)(i / ch + 1);

		x[i] = limiter_round(w * (float)x[i] + (1 - w) * (float)from[i]);
	}
}

/* x[0..lag) becomes a passage from itself to x[lag..2 lag). */
size_t stretch_shorten(int16_t *x, unsigned ch, size_t n, size_t most, float urgent)
{
	int16_t room[2 * STRETCH_LAG_MAX + STRETCH_WINDOW];
	size_t hi = most < STRETCH_LAG_MAX ? most : STRETCH_LAG_MAX, lag;
	const int16_t *m;
	float like;

	if (hi > n / 2)
		hi = n / 2;
	if (hi < STRETCH_LAG_MIN || hi + STRETCH_WINDOW > n)
		return 0;
	m = middle(x, ch, hi + (hi > STRETCH_WINDOW ? hi : STRETCH_WINDOW), room);
	if (is_quiet(x, 2 * hi * ch)) {
		lag = hi;
	} else {
		lag = find_lag(m, 1, STRETCH_LAG_MIN, hi, STRETCH_WINDOW, &like);
		if (like < accepted(urgent))
			return 0;
	}
	stretch_blend(x + lag * ch, x, ch, lag);
	memmove(x, x + lag * ch, (n - lag) * ch * sizeof(*x));
	return lag;
}

/* Between x[-1] and x[0] comes a passage from x[0..lag) to x[-lag..0). */
size_t stretch_lengthen(int16_t *x, unsigned ch, size_t n, size_t most, float urgent)
{
	size_t hi = most < STRETCH_LAG_MAX ? most : STRETCH_LAG_MAX, lag;
	int16_t begin[STRETCH_LAG_MAX * 2];
	int16_t room[STRETCH_LAG_MAX + STRETCH_WINDOW];
	float like;

	if (hi > n)
		hi = n;
	if (hi < STRETCH_LAG_MIN || n < STRETCH_WINDOW)
		return 0;
	if (is_quiet(x - hi * ch, 2 * hi * ch)) {
		lag = hi;
	} else {
		const int16_t *m = middle(x - hi * ch, ch, hi + STRETCH_WINDOW, room);

		lag = find_lag(m + hi, -1, STRETCH_LAG_MIN, hi, STRETCH_WINDOW, &like);
		if (like < accepted(urgent))
			return 0;
	}
	memcpy(begin, x, lag * ch * sizeof(*x));
	memmove(x + lag * ch, x, n * ch * sizeof(*x));
	memcpy(x, x - lag * ch, lag * ch * sizeof(*x));
	stretch_blend(x, begin, ch, lag);
	return lag;
}

static float loudness(size_t at)
{
	if (at <= HOLD)
		return 1;
	return at >= STRETCH_FADE ? 0 : 1 - (float)(at - HOLD) / (STRETCH_FADE - HOLD);
}

void stretch_fade(int16_t *x, unsigned ch, size_t n, size_t done)
{
	if (done + n <= HOLD)
		return;
	for (size_t i = 0; i < n * ch; i++)
		x[i] = limiter_round(loudness(done + i / ch) * (float)x[i]);
}

/* The loudness of the sample that stands at x[at - lag], of which `done` before
 * x were made up already. */
static float loudness_of(size_t done, size_t at, size_t lag)
{
	return loudness(done + at > lag ? done + at - lag : 0);
}

/* x: the sample of one channel that comes next; the next one is ch further. */
static void go_on(int16_t *x, ptrdiff_t ch, size_t n, size_t done, size_t lag)
{
	float offset = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = i % lag;
		const int16_t *from = x + ((ptrdiff_t)k - (ptrdiff_t)lag) * ch;
		float now = loudness(done + i);

		/* What stands before here differs a bit from what stood before
		 * the period: that step melts away. */
		if (!k)
			offset = (float)x[((ptrdiff_t)i - 1) * ch] -
				 (float)from[-ch] * now / loudness_of(done, 0, lag + 1);
		x[(ptrdiff_t)i * ch] = limiter_round((float)from[0] * now / loudness_of(done, k, lag) +
					    (k < JOIN ? offset * (1 - (float)(k + 1) / JOIN) : 0));
	}
}

void stretch_extend(int16_t *x, unsigned ch, size_t n, size_t done)
{
	enum { BACK = STRETCH_WINDOW + STRETCH_LAG_MAX };
	int16_t room[BACK];
	const int16_t *m;
	float like;
	size_t lag;

	if (loudness(done) <= 0.01f) {
		memset(x, 0, n * ch * sizeof(*x));
		return;
	}
	m = middle(x - BACK * (ptrdiff_t)ch, ch, BACK, room) + STRETCH_LAG_MAX;
	lag = find_lag(m, -1, STRETCH_LAG_MIN, STRETCH_LAG_MAX, STRETCH_WINDOW, &like);
	/* Where nothing repeats, a long lag sounds least like a machine. */
	if (like < 0.3f)
		lag = STRETCH_LAG_MAX;
	for (unsigned c = 0; c < ch; c++)
		go_on(x + c, (ptrdiff_t)ch, n, done, lag);
}

static void reverse(const int16_t *from, unsigned ch, size_t n, int16_t *to)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned c = 0; c < ch; c++)
			to[i * ch + c] = from[(n - 1 - i) * ch + c];
}

void stretch_lead_in(int16_t *x, unsigned ch, size_t n)
{
	int16_t room[(STRETCH_LEAD + LEAD_MOST) * 2], lead[LEAD_MOST * 2];

	n = n < LEAD_MOST ? n : LEAD_MOST;
	reverse(x, ch, STRETCH_LEAD, room);
	stretch_extend(room + STRETCH_LEAD * ch, ch, n, 0);
	reverse(room + STRETCH_LEAD * ch, ch, n, lead);
	stretch_blend(lead, x - n * ch, ch, n);
	memcpy(x - n * ch, lead, n * ch * sizeof(*x));
}
