/* resume.c - a connection that was cut, and the same stream on another one
 *
 *	cut -> wait -> socket with previd= -> login -> <resume/> -> goes on
 *	                  |                                \-> forgotten: join again
 *	                  \-> nobody there: wait longer, as long as the server waits
 *
 * Meanwhile the call stays joined: room, media session and bridge channel are
 * as they were, the sound goes its own way, and what is to be said waits here
 * (presence: its last state; messages: in talk.c) or in the stream.  Waits are
 * the web client's (uniform between 1.5 s * n and 3^n s, at most 15 s), but go
 * on beyond its three as long as there is hope; a network that came back, or somebody who asks,
 * ends them.
 */
#include "call/call_priv.h"
#include "call/token.h"

enum {
	SLEPT_US = 60000000,    /* who slept longer is not waited for */
	HOPE_US = 5000000,      /* the server may have noticed later than we */
	SOON_LO_US = 200000, SOON_HI_US = 1500000 /* many come back with a network */
};

static int64_t wait_us(struct call *c)
{
	static const int lo_ms[] = { 1500, 3000, 4500 }, hi_ms[] = { 3000, 9000, 15000 };
	unsigned n = c->resume_try < 2 ? c->resume_try : 2;

	return call_random_us(c, lo_ms[n] * INT64_C(1000), hi_ms[n] * INT64_C(1000));
}

static int64_t hope_until(const struct call *c)
{
	int64_t until = xmpp_stream_resume_until(c->stream);

	return until ? until + HOPE_US : 0;
}

/* The next attempt, or what comes when there is none. */
static void plan(struct call *c, const char *why)
{
	int64_t at = c->now_us + wait_us(c), until = hope_until(c);

	c->resume_try++;
	if (at > until)         /* once more before it is over */
		at = until - c->now_us > 3 * INT64_C(1000000) ? until : 0;
	if (at)
		c->resume_at_us = at;
	else
		call_lost(c, CALL_END_NO_SERVER, "closed", "%s", why);
}

bool resume_begin(struct call *c, const char *why)
{
	bool again = c->cut;

	if (c->phase != PHASE_JOINED || !c->stream || !xmpp_stream_cut(c->stream, c->now_us))
		return false;
	c->ops.stream_close(c->ops_ctx, true);
	c->stream_up = false;
	c->cut = true;
	shard_gone(c);
	if (!again) {
		c->resume_try = 0;
		c->lost_us = c->now_us;
	}
	plan(c, why);
	if (!c->cut)
		return true;    /* no hope left: already waits to join again */
	if (again)
		call_step(c, "attempt %u failed: %s", c->resume_try - 1, why);
	call_set_state(c, CALL_RECONNECTING, why);
	return true;
}

static void attempt(struct call *c)
{
	c->resume_at_us = 0;
	if (c->now_us - c->lost_us >= c->reconnect_for_us) {
		call_finish(c, CALL_END_LOST, "lost", "the connection did not come back in time");
	} else if (!token_check(c)) {
		;               /* it has told */
	} else if (!xmpp_stream_previd(c->stream)) {
		call_lost(c, CALL_END_NO_SERVER, "closed", "too much waits to be sent");
	} else {
		call_step(c, "attempt %u", c->resume_try);
		join_open_socket(c);
	}
}

void resume_tick(struct call *c)
{
	if (c->cut && is_due(c, c->resume_at_us))
		attempt(c);
}

/* ---- what the server says ---- */

void resume_done(void *ctx)
{
	struct call *c = ctx;
	int64_t us = c->now_us - c->lost_us;

	c->cut = false;
	c->lost_us = c->resume_at_us = 0;
	c->resume_try = c->attempt = 0;
	c->count.resumed++;
	call_set_state(c, CALL_JOINED, "");
	call_notice(c, "connected again after %.0f s, as if nothing had been", (double)us / 1e6);
	roster_tick(c);
	talk_resumed(c);
	ice_restart_resumed(c);
	shard_login(c, true);
}

void resume_refused(void *ctx, bool exact)
{
	struct call *c = ctx;

	c->fate_known = exact;
	call_rejoin(c, "the server has given up our place");
	c->fate_known = false;
}

/* ---- reasons to try at once ---- */

/* False: the call is over, as the token is. */
bool token_check(struct call *c)
{
	int64_t until = c->jwt ? token_expires_s(c->jwt) : 0;

	if (!until || clock_wall_us() / 1000000 < until)
		return true;
	call_finish(c, CALL_END_TURNED_AWAY, "token", "the token (--jwt-file) has expired while the connection "
		    "was lost; %s lets us in again with a new one", c->a.authority);
	return false;
}

static void hurry(struct call *c, int64_t at)
{
	if (c->cut && c->resume_at_us > at)
		c->resume_at_us = at;
	else if (c->phase == PHASE_WAITING && c->next_try_us > at)
		c->next_try_us = at;
}

void call_retry(struct call *c, int64_t now_us)
{
	call_enter(c, now_us);
	hurry(c, now_us);
	if (c->stream && c->stream_up && !c->cut)
		xmpp_stream_probe(c->stream, now_us);
	call_leave_input(c);
}

void resume_network(struct call *c, int64_t slept_us)
{
	if (slept_us > SLEPT_US && c->phase == PHASE_JOINED)
		call_rejoin(c, "the computer slept");
	else if (c->cut || c->phase == PHASE_WAITING)
		hurry(c, c->now_us + call_random_us(c, SOON_LO_US, SOON_HI_US));
	else if (c->stream && c->stream_up)
		xmpp_stream_probe(c->stream, c->now_us);
}

