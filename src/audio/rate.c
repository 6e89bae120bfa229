/* rate.c - what a line carries; see the header */
#include "audio/rate.h"

enum {
	LEAST = 20000,          /* words at 60 ms, with headers */
	ENOUGH = 256000,        /* nothing that is sent needs more */
	SPEAKS = 12000,         /* who sends less is not what fills the line */
	STEP_US = 5000000,      /* news of a step needs so long */
	HOLD_LEAST_US = 10000000, HOLD_MOST_US = 120000000,
	LASTS_US = 5000000,     /* a way that was gone for a moment is no thin one */
	JUDGE_US = 10000000,    /* loss that is ours has gone by then */
	DEAF_US = 120000000,
};

const double rate_loss_heavy = 0.3, rate_loss_left = 0.08, rate_loss_queued = 0.1, rate_queued_ms = 80;
static const double rtt_room_ms = 250;
static const double first_step = 0.5, step = 0.8, raise = 1.05;
static const double half = 0.6, same_loss = 0.8, more_loss = 0.15;

static int least_int(int a, int b)
{
	return a < b ? a : b;
}

/* A round trip that grew by more than what routes and radios do. */
static bool is_slow(struct rate *r, double rtt_ms)
{
	if (rtt_ms < 0)
		return false;
	if (r->least_rtt_ms <= 0 || rtt_ms < r->least_rtt_ms)
		r->least_rtt_ms = rtt_ms > 1 ? rtt_ms : 1;
	else            /* routes change: it forgets within minutes */
		r->least_rtt_ms += (rtt_ms - r->least_rtt_ms) / 128;
	return rtt_ms > r->least_rtt_ms + rtt_room_ms;
}

static void begin(struct rate *r, const struct rate_report *rep, int64_t now_us)
{
	if (rep->sent < SPEAKS)
		return;
	r->begun_us = r->changed_us = now_us;
	r->begun_sent = rep->sent;
	r->begun_loss = rep->loss;
	r->hold_us = HOLD_LEAST_US;
	r->raised = false;
	r->limit = (int)(rep->sent * first_step);
}

/* Half of it is sent, and as much of that is lost. */
static bool is_not_ours(const struct rate *r, const struct rate_report *rep)
{
	return !rep->stale && rep->rtt_ms >= 0 && rep->loss_us - r->begun_us >= JUDGE_US &&
	       r->begun_loss >= rate_loss_heavy && !r->raised && r->limit <= r->begun_sent * half &&
	       rep->loss > r->begun_loss * same_loss;
}

static void deafen(struct rate *r, const struct rate_report *rep, int64_t now_us)
{
	r->deaf_until_us = now_us + DEAF_US;
	r->deaf_loss = rep->loss + more_loss;
}

static void worse(struct rate *r, const struct rate_report *rep, bool slow, int64_t now_us)
{
	r->well_us = 0;
	r->others = rep->others_slow || rep->others_lossy;
	if (!r->limit) {
		begin(r, rep, now_us);
	} else if (!slow && is_not_ours(r, rep)) {
		r->limit = 0;
		deafen(r, rep, now_us);
	} else if (!slow && rep->loss < rate_loss_heavy && r->limit <= LEAST &&
		   rep->loss_us - r->changed_us >= JUDGE_US) {
		deafen(r, rep, now_us);         /* less would not help it */
	} else if (r->limit > LEAST && now_us - r->changed_us >= STEP_US) {
		if (r->raised && r->hold_us < HOLD_MOST_US)
			r->hold_us *= 2;
		r->raised = false;
		r->changed_us = now_us;
		r->limit = (int)((rep->sent < SPEAKS ? r->limit : least_int(r->limit, rep->sent)) * step);
	}
	if (r->limit && r->limit < LEAST)
		r->limit = LEAST;
}

static void better(struct rate *r, const struct rate_report *rep, int64_t now_us)
{
	if (!r->limit)
		return;
	if (!r->well_us)
		r->well_us = now_us;
	/* Listeners speak seldom: a step, and then what it did to them. */
	if (now_us - r->well_us < r->hold_us || (r->others && rep->heard_us <= r->raised_us))
		return;
	r->raised = true;
	r->raised_us = now_us;
	r->limit = (int)(r->limit * raise);
	if (r->limit >= ENOUGH)
		r->limit = 0;
}

static bool is_lossy(struct rate *r, const struct rate_report *rep, int64_t now_us)
{
	bool queued = !rep->stale && rep->rtt_ms > r->least_rtt_ms + rate_queued_ms;
	bool deaf = now_us < r->deaf_until_us && rep->loss < r->deaf_loss;
	double most = r->limit ? rate_loss_left : queued ? rate_loss_queued : rate_loss_heavy;

	if (deaf || rep->loss < most) {
		r->lossy_us = 0;
		return false;
	}
	if (!r->lossy_us)
		r->lossy_us = rep->loss_us;
	/* Listeners speak seldom, and of some seconds. */
	return r->limit || rep->others_lossy || rep->loss_us - r->lossy_us >= LASTS_US;
}

int rate_report(struct rate *r, const struct rate_report *rep, int64_t now_us)
{
	bool slow = is_slow(r, rep->stale ? -1 : rep->rtt_ms) || rep->others_slow ||
		    (rep->stale && rep->stalled);
	bool lossy = is_lossy(r, rep, now_us);

	if (slow || lossy)
		worse(r, rep, slow, now_us);
	else if (!rep->stale)
		better(r, rep, now_us);
	return r->limit;
}

void rate_moved(struct rate *r)
{
	r->least_rtt_ms = 0;
}
