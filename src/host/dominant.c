/* dominant.c - who of a room is speaking
 *
 * Per speaker the last second of levels, newest first, at three lengths:
 *
 *	immediates  50 x  20 ms   level / 10 where it is above the noise
 *	mediums     10 x 100 ms   how many of 5 immediates are loud
 *	longs        1 x   1 s    how many of 10 mediums are loud throughout
 *
 * The original compares logarithms of likelihood ratios; with its constants
 * and whole numbers these tests come down to the comparisons in beats().  In
 * words: who spoke within the last 100 ms cannot be displaced, and a
 * challenger needs more fully loud tenths in the last second than he.
 */
#include "host/dominant.h"
#include <glib.h>
#include <string.h>
#include "base/clock.h"

enum {
	IMMEDIATES = 50, MEDIUMS = 10, PART = 5,
	LEVEL_MAX = 127,
	SUBUNIT = 10,                   /* ceil(127 / 13) */
	MEDIUM_THRESHOLD = 7, LONG_THRESHOLD = 4,
	MIN_LEVEL_WINDOW = 750,         /* 15 s of packets */
	DECISION_US = 300 * 1000,
	IDLE_LEVEL_US = 40 * 1000,
	IDLE_STOP_US = 15 * 1000 * 1000,
};
static const int64_t FORGET_US = INT64_C(3600) * 1000 * 1000;

struct speaker {
	void *who;
	uint8_t level[IMMEDIATES];
	int64_t level_us;               /* when the last one came */
	int min_level, next_min_level;
	unsigned window;
	/* as of the last decision */
	int immediate, medium, loud;    /* newest immediate, newest medium, long */
};

struct dominant {
	struct speaker *speaker;
	size_t speakers;
	void *who;
	int64_t last_level_us, next_idle_us, next_decision_us;
};

struct dominant *dominant_new(void)
{
	return g_new0(struct dominant, 1);
}

void dominant_free(struct dominant **d)
{
	if (!*d)
		return;
	g_free((*d)->speaker);
	g_free(*d);
	*d = NULL;
}

static struct speaker *find(const struct dominant *d, const void *who)
{
	for (size_t i = 0; i < d->speakers; i++)
		if (d->speaker[i].who == who)
			return d->speaker + i;
	return NULL;
}

static struct speaker *add(struct dominant *d, void *who)
{
	struct speaker *s;

	d->speaker = g_renew(struct speaker, d->speaker, d->speakers + 1);
	s = d->speaker + d->speakers++;
	memset(s, 0, sizeof(*s));
	s->who = who;
	return s;
}

void dominant_remove(struct dominant *d, const void *who)
{
	struct speaker *s = find(d, who);

	if (!s)
		return;
	/* In order: among equals the first one wins. */
	memmove(s, s + 1, (size_t)(d->speaker + d->speakers - (s + 1)) * sizeof(*s));
	d->speakers--;
	if (d->who == who)
		d->who = NULL;
}

/* ---- levels ---- */

static int root(int v)
{
	int r = 0;

	while ((r + 1) * (r + 1) <= v)
		r++;
	return r;
}

/* The speaker's noise: the least level of late, forgotten slowly. */
static void update_min(struct speaker *s, int level)
{
	if (!level)
		return;
	if (!s->min_level || level < s->min_level) {
		s->min_level = level;
		s->next_min_level = 0;
		s->window = 0;
	} else if (!s->next_min_level) {
		s->next_min_level = level;
		s->window = 1;
	} else {
		s->next_min_level = level < s->next_min_level ? level : s->next_min_level;
		if (++s->window >= MIN_LEVEL_WINDOW) {
			s->min_level = root(s->min_level * s->next_min_level);
			s->next_min_level = 0;
			s->window = 0;
		}
	}
}

static void push(struct speaker *s, int level)
{
	memmove(s->level + 1, s->level, IMMEDIATES - 1);
	s->level[0] = (uint8_t)level;
	update_min(s, level);
}

void dominant_level(struct dominant *d, void *who, int level, int64_t now_us)
{
	struct speaker *s = find(d, who);

	if (!s)
		s = add(d, who);
	/* Nothing was pushed while all were silent for long. */
	if (now_us - d->last_level_us >= IDLE_STOP_US) {
		d->next_idle_us = now_us + IDLE_LEVEL_US;
		d->next_decision_us = now_us;
	}
	push(s, level < 0 ? 0 : level > LEVEL_MAX ? LEVEL_MAX : level);
	s->level_us = now_us;
	d->last_level_us = now_us;
}

static void push_idle(struct dominant *d, int64_t now_us)
{
	for (size_t i = 0; i < d->speakers; i++) {
		struct speaker *s = d->speaker + i;

		if (now_us - s->level_us > FORGET_US && s->who != d->who) {
			dominant_remove(d, s->who);
			i--;
		} else if (now_us - s->level_us > IDLE_LEVEL_US) {
			push(s, 0);
		}
	}
}

/* ---- decision ---- */

static void evaluate(struct speaker *s)
{
	int noise = s->min_level + SUBUNIT;

	s->loud = 0;
	for (int j = 0; j < MEDIUMS; j++) {
		int n = 0;

		for (int i = PART * j; i < PART * (j + 1); i++)
			n += s->level[i] >= noise && s->level[i] / SUBUNIT > MEDIUM_THRESHOLD;
		if (!j)
			s->medium = n;
		s->loud += n > LONG_THRESHOLD;
	}
	s->immediate = s->level[0] >= noise ? s->level[0] / SUBUNIT : 0;
}

static bool beats(const struct speaker *s, const struct speaker *d)
{
	return s->immediate >= 4 && d->immediate <= 3 && s->medium >= 1 && d->medium == 0 &&
	       s->loud > d->loud;
}

static void *decide(struct dominant *d)
{
	struct speaker *now = find(d, d->who), *best;

	if (!d->speakers)
		return NULL;
	if (!now)
		now = d->speaker;
	if (d->speakers == 1)
		return now->who;
	evaluate(now);
	best = now;
	for (size_t i = 0; i < d->speakers; i++) {
		struct speaker *s = d->speaker + i;

		if (s == now)
			continue;
		evaluate(s);
		if (beats(s, now) && (best == now || s->medium > best->medium))
			best = s;
	}
	return best->who;
}

int64_t dominant_tick(struct dominant *d, int64_t now_us, bool *changed)
{
	void *before = d->who;

	*changed = false;
	if (!d->speakers || now_us - d->last_level_us >= IDLE_STOP_US)
		return CLOCK_NEVER;
	if (now_us >= d->next_idle_us) {
		push_idle(d, now_us);
		d->next_idle_us = now_us + IDLE_LEVEL_US;
	}
	if (now_us >= d->next_decision_us) {
		d->who = decide(d);
		d->next_decision_us = now_us + DECISION_US;
		*changed = d->who && d->who != before;
	}
	return d->next_idle_us < d->next_decision_us ? d->next_idle_us : d->next_decision_us;
}

void *dominant_who(const struct dominant *d)
{
	return d->who;
}
