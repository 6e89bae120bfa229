/* media_return.c - from a relay back to the direct way
 *
 *	on a relay --30 s, 60 s ... 8 min--> a second agent, direct, for 5 s
 *	the bridge checks it in turn --> an ICE restart in place, which takes the faster way
 *
 * The bridge has a way that works and takes no other one without a restart, so that
 * agent is never connected.  A relay is a detour, and its owner's traffic.  The agent that looks carries
 * nothing, so in vain it costs some checks; the way in use goes on all the while.
 * Where restarts in place cannot be had the bridge would have to be told by a new
 * session, which is heard: there the call stays where it is.  The waiting times
 * only grow, for a direct way that comes and goes is none.
 */
#include "base/clock.h"
#include "base/log.h"
#include "call/media_priv.h"

enum { PROBE_US = 5000000 };
static const int64_t FIRST_US = 30000000, LONGEST_US = 480000000;

static bool is_detour(const struct media *m)
{
	return m->peer && m->state == PEER_UP && !m->relay_only && m->session && m->session->restarts &&
	       transport_nice_relay(peer_transport(m->peer));
}

/* From the agent's own work: what follows is the timer's. */
static void on_checked(void *ctx)
{
	struct media *m = ctx;

	m->probe_answered = true;
	loop_timer_set(m->return_tick, clock_now_us());
}

static void wait_on(struct media *m, int64_t now_us)
{
	if (m->return_wait_us < LONGEST_US)
		m->return_wait_us *= 2;
	loop_timer_set(m->return_tick, now_us + m->return_wait_us);
}

static void on_return_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;
	bool answered = m->probe && m->probe_answered, over = m->probe != NULL;

	transport_free(&m->probe);
	m->probe_answered = false;
	if (!is_detour(m))
		return;
	if (answered) {
		log_info("call", "the direct way to the bridge works again");
		media_want(m, CALL_WANT_RESTART, "the direct way works again");
	} else if (over) {
		log_debug("call", "there is no direct way to the bridge yet");
	}
	if (over || peer_is_trying(m->peer) || media_path_probe(m, &m->probe, on_checked, m))
		wait_on(m, now_us);
	else
		loop_timer_set(m->return_tick, now_us + PROBE_US);
}

void media_return_plan(struct media *m)
{
	if (m->probe)
		return;
	if (!m->return_wait_us)
		m->return_wait_us = FIRST_US;
	if (is_detour(m))
		loop_timer_set(m->return_tick, clock_now_us() + m->return_wait_us);
	else
		loop_timer_set(m->return_tick, CLOCK_NEVER);
}

void media_return_end(struct media *m)
{
	transport_free(&m->probe);
	m->probe_answered = false;
	m->return_wait_us = 0;
	loop_timer_set(m->return_tick, CLOCK_NEVER);
}

int media_return_timer(struct media *m)
{
	return loop_timer_new(&m->return_tick, m->own, "direct way", on_return_tick, m);
}
