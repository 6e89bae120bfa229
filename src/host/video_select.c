/* picture_select.c - who gets whose picture
 *
 * For each receiver the sources are put in order: what it has on stage, what
 * it selected, then by who spoke last; those that are off stand behind all.
 * In that order each gets what the receiver's constraints say, until lastN of
 * them have something.  There is no estimate of its line: it trusts it.
 *
 * Only the first layer is passed on, so of a source with layers no sender is
 * asked for more than that layer; of one without as much as somebody wants.
 *
 * A receiver with a channel gets no picture before it says what it wants, as
 * the Jitsi bridge does; one without a channel cannot say, and gets all small.
 */
#include <string.h>
#include "base/buf.h"
#include "host/endpoint.h"

enum {
	DEFAULT_HEIGHT = 180,
	FIRST_LAYER = 180,
	NO_LIMIT = 2160,        /* what "as large as you like" is told as */
	CANDIDATES = SLOTS * TRACKS,
};

struct candidate {
	struct track *t;
	unsigned rank;          /* less is more important */
	int height;             /* as constrained; 0: none */
};

struct selection {
	struct candidate *v;
	size_t n;
};

static unsigned place(const char (*v)[NAME], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (*name && !strcmp(v[i], name))
			return (unsigned)i;
	return COLIBRI_NAMES;
}

/* 0 the dominant one, the others by last speech, the silent by slot. */
static unsigned speech_rank(const struct hall *r, const struct endpoint *e)
{
	for (size_t i = 0; i < r->speakers; i++)
		if (r->speaker[i] == e)
			return (unsigned)i;
	return SLOTS + e->slot;
}

static bool is_off(const struct track *t)
{
	return t->off || t->owner->muted_video || t->owner->failed || !t->owner->box;
}

static unsigned rank_of(const struct endpoint *to, const struct track *t)
{
	unsigned stage = place((const char (*)[NAME])to->on_stage, to->on_stage_count, t->name);
	unsigned chosen = place((const char (*)[NAME])to->selected, to->selected_count, t->name);
	unsigned first = stage < COLIBRI_NAMES ? stage :
			 chosen < COLIBRI_NAMES ? COLIBRI_NAMES + chosen : 2 * COLIBRI_NAMES;

	return (is_off(t) ? 1u << 24 : 0) + (first << 12) + speech_rank(to->room, t->owner);
}

static int height_of(const struct endpoint *to, const struct track *t)
{
	int h = to->def.max_height;

	if (is_off(t))
		return 0;
	if (!to->constrained)
		return to->channel ? 0 : DEFAULT_HEIGHT;
	for (size_t i = 0; i < to->constraints; i++)
		if (*t->name && !strcmp(to->constraint[i].name, t->name))
			h = to->constraint[i].max_height;
	return h < 0 ? NO_LIMIT : h;
}

static int by_rank(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->t->stream[0].ssrc < y->t->stream[0].ssrc ? -1 : 1;
}

static void collect(struct selection *s, const struct hall *r, const struct endpoint *to)
{
	s->n = 0;
	for (size_t i = 0; i < SLOTS; i++) {
		const struct endpoint *e = r->slot[i];

		if (!e || e == to)
			continue;
		for (size_t k = 0; k < e->tracks; k++) {
			struct track *t = e->track[k];

			if (t->video)
				s->v[s->n++] = (struct candidate){ t, rank_of(to, t),
								   height_of(to, t) };
		}
	}
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_rank);
}

static void turn(struct sub *s, struct track *t, bool on, int64_t now_us)
{
	if (on == s->on)
		return;
	s->on = on;
	s->waiting = on;
	if (on)
		picture_keyframe(t, now_us);
}

static void tell_forwarded(struct endpoint *to, const struct selection *s, bool again)
{
	const char *name[CANDIDATES];
	struct buf all = {0}, b = {0};
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct track *t = s->v[i].t;

		if (!t->sub[to->slot].on || !*t->name)
			continue;
		name[n++] = t->name;
		buf_addf(&all, "%s\n", t->name);
	}
	if (to->channel && (again || !to->forwarded || strcmp(to->forwarded, buf_str(&all)))) {
		g_free(to->forwarded);
		to->forwarded = g_strdup(buf_str(&all));
		colibri_write_forwarded(&b, name, n);
		endpoint_text(to, buf_str(&b), b.len);
	}
	buf_free(&all);
	buf_free(&b);
}

static void select_for(struct endpoint *to, struct selection *s, int64_t now_us)
{
	int left = !to->constrained || to->last_n < 0 ? CANDIDATES : to->last_n;

	collect(s, to->room, to);
	for (size_t i = 0; i < s->n; i++) {
		struct candidate *c = s->v + i;
		bool on = c->height > 0 && left > 0 && to->cfg.video && to->box && !to->failed;

		left -= on;
		turn(c->t->sub + to->slot, c->t, on, now_us);
	}
	tell_forwarded(to, s, false);
}

/* ---- what senders are asked for ---- */

static void tell_height(struct track *t)
{
	struct buf b = {0};

	if (!*t->name || t->told_height < 0)
		return;
	colibri_write_sender_constraints(&b, t->name, t->told_height);
	endpoint_text(t->owner, buf_str(&b), b.len);
	buf_free(&b);
}

static void ask_sender(struct track *t)
{
	struct hall *r = t->owner->room;
	int most = 0;

	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i] && t->sub[i].on) {
			int h = height_of(r->slot[i], t);

			most = h > most ? h : most;
		}
	if (t->layers > 1 && most > FIRST_LAYER)
		most = FIRST_LAYER;
	/* A source that is off keeps what it was told: it comes back sooner. */
	if (most == t->told_height || (is_off(t) && t->told_height >= 0))
		return;
	t->told_height = most;
	tell_height(t);
}

void picture_select(struct hall *r, int64_t now_us)
{
	struct selection s = { .v = g_new(struct candidate, CANDIDATES) };

	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i])
			select_for(r->slot[i], &s, now_us);
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t k = 0; r->slot[i] && k < r->slot[i]->tracks; k++)
			if (r->slot[i]->track[k]->video)
				ask_sender(r->slot[i]->track[k]);
	g_free(s.v);
}

void picture_tell_all(struct endpoint *e)
{
	struct selection s = { .v = g_new(struct candidate, CANDIDATES) };

	for (size_t i = 0; i < e->tracks; i++)
		if (e->track[i]->video)
			tell_height(e->track[i]);
	collect(&s, e->room, e);
	tell_forwarded(e, &s, true);
	g_free(s.v);
}
