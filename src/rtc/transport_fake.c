/* transport_fake.c - two ends of a line whose time is passed in
 *
 *	a.send -> loss, copies, delay -> b's list, sorted by due time -> b.datagram
 *
 * The fate of each datagram comes from a small generator with a seed, so a
 * test that failed fails again.  send() has no time of its own: a datagram
 * leaves at the last time that either end was ticked.  The line lives until
 * both ends are freed.
 */
#include "rtc/transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"

enum {
	IN_FLIGHT_MAX = 4096,
	/* Held back by this, what was sent later overtakes. */
	REORDER_US = 30000,
	/* How long answers are missed before an ICE agent would say so. */
	NOTICE_US = 5000000,
};

struct parcel {
	struct parcel *next;
	int64_t due_us;
	size_t len;
	uint8_t p[];
};

struct end {
	struct transport base;
	struct line *line;
	struct end *other;      /* NULL once freed */
	struct parcel *first;   /* towards this end */
	size_t waiting;
	enum transport_state state;
};

struct line {
	struct transport_fake_line cfg;
	uint64_t lot;
	int64_t now_us;
	bool started;           /* a time was passed in */
	unsigned ends;
};

/* xorshift64* */
static double draw(struct line *l)
{
	l->lot ^= l->lot >> 12;
	l->lot ^= l->lot << 25;
	l->lot ^= l->lot >> 27;
	return (double)((l->lot * 0x2545F4914F6CDD1Dull) >> 11) / (double)(1ull << 53);
}

static bool is_down(const struct line *l)
{
	return l->now_us >= l->cfg.down_from_us && l->now_us < l->cfg.down_to_us;
}

static int64_t travel_us(struct line *l)
{
	int64_t d = l->cfg.delay_us;

	if (l->cfg.jitter_us > 0)
		d += (int64_t)(draw(l) * (double)l->cfg.jitter_us);
	if (draw(l) < l->cfg.reorder)
		d += REORDER_US;
	return d;
}

/* Keeps the list sorted; what is due at the same time stays in order. */
static void enqueue(struct end *to, struct parcel *p)
{
	struct parcel **at = &to->first;

	while (*at && (*at)->due_us <= p->due_us)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	to->waiting++;
}

static int put(struct end *to, const uint8_t *p, size_t len)
{
	struct parcel *c = malloc(sizeof(*c) + len);

	if (!c)
		return -ENOMEM;
	c->len = len;
	memcpy(c->p, p, len);
	c->due_us = to->line->now_us + travel_us(to->line);
	enqueue(to, c);
	return 0;
}

static int fake_send(struct transport *t, const uint8_t *p, size_t len)
{
	struct end *e = (struct end *)t;
	struct line *l = e->line;
	int err;

	if (e->state < TRANSPORT_CONNECTED)
		return -ENOTCONN;
	if (!e->other || is_down(l) || draw(l) < l->cfg.loss)
		return 0;
	if (e->other->waiting >= IN_FLIGHT_MAX)
		return -EAGAIN;
	err = put(e->other, p, len);
	if (!err && draw(l) < l->cfg.duplicate)
		err = put(e->other, p, len);
	return err;
}

static void fake_free(struct transport *t)
{
	struct end *e = (struct end *)t;
	struct parcel *p;

	while ((p = e->first)) {
		e->first = p->next;
		free(p);
	}
	if (e->other)
		e->other->other = NULL;
	if (!--e->line->ends)
		free(e->line);
	free(e);
}

static void fake_path(const struct transport *t, char *out, size_t size)
{
	(void)t;
	snprintf(out, size, "fake line");
}

static const struct transport_ops ops = { fake_send, fake_free, fake_path };

int transport_fake_pair(struct transport **a, struct transport **b,
			const struct transport_fake_line *cfg)
{
	struct end *x = calloc(1, sizeof(*x)), *y = calloc(1, sizeof(*y));
	struct line *l = calloc(1, sizeof(*l));

	*a = *b = NULL;
	if (!x || !y || !l) {
		free(x);
		free(y);
		free(l);
		return -ENOMEM;
	}
	if (cfg)
		l->cfg = *cfg;
	l->lot = ((uint64_t)l->cfg.seed << 32 | l->cfg.seed) ^ 0x9E3779B97F4A7C15ull;
	l->ends = 2;
	x->base.ops = y->base.ops = &ops;
	x->line = y->line = l;
	x->other = y;
	y->other = x;
	*a = &x->base;
	*b = &y->base;
	return 0;
}

void transport_fake_handlers(struct transport *t, const struct transport_events *ev, void *ctx)
{
	t->ev = *ev;
	t->ctx = ctx;
}

static void enter(struct end *e, enum transport_state state)
{
	if (e->state == state)
		return;
	e->state = state;
	if (e->base.ev.state)
		e->base.ev.state(e->base.ctx, state);
}

/* As an agent with consent checks would see the line. */
static void update_state(struct end *e, int64_t now_us)
{
	const struct transport_fake_line *c = &e->line->cfg;

	if (now_us >= c->down_from_us + NOTICE_US && now_us < c->down_to_us)
		enter(e, TRANSPORT_DISCONNECTED);
	else
		enter(e, TRANSPORT_CONNECTED);
}

/* When update_state() will find something else. */
static int64_t next_change(const struct line *l, int64_t now_us)
{
	int64_t notice = l->cfg.down_from_us + NOTICE_US;

	if (notice >= l->cfg.down_to_us || now_us >= l->cfg.down_to_us)
		return CLOCK_NEVER;
	return now_us < notice ? notice : l->cfg.down_to_us;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t transport_fake_tick(struct transport *t, int64_t now_us)
{
	struct end *e = (struct end *)t;
	struct line *l = e->line;
	struct parcel *p;
	int64_t next = CLOCK_NEVER;

	if (!l->started || now_us > l->now_us)
		l->now_us = now_us;
	l->started = true;
	update_state(e, now_us);
	while ((p = e->first) && p->due_us <= now_us) {
		e->first = p->next;
		e->waiting--;
		if (e->base.ev.datagram)
			e->base.ev.datagram(e->base.ctx, p->p, p->len, p->due_us);
		free(p);
	}
	if (e->first)
		next = e->first->due_us;
	return earliest(next, next_change(l, now_us));
}
