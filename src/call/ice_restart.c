/* ice_restart.c - new ways to the same bridge, without a new session
 *
 *	no answers, another network -> session-info ice-restart -> transport-info
 *	of the focus -> a second agent beside the first -> transport-info of ours
 *
 * Sound goes on over the old way until the new one works.  Who does not have it
 * (config.js says so), or refuses, or does not mend it in time, is asked for a
 * new session (retry.c).  Candidates that the focus sends for a running session
 * go to the media, too.
 */
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/call_priv.h"

enum {
	RECOVERY_US = 15000000,         /* as the web client's */
	PATIENCE_US = 5000000,          /* what the media itself gets for another way */
	MOVED_PATIENCE_US = 3000000,    /* the old way is known to be dead */
	MOVED_US = 10000000,            /* how long "another network" explains a silence */
	NOTICED_US = 8000000,           /* how old a silence is that the media tells */
	REFUSED_US = 60000000           /* not asked again, when there were too many */
};

static bool may_ask(const struct call *c)
{
	return c->d.ice_restart && c->phase == PHASE_JOINED && c->stream && c->stream_up && !c->cut && c->sid &&
	       c->bridge_session && *c->bridge_session && c->focus_occupant &&
	       c->now_us >= c->ice.not_before_us;
}

static bool is_under_way(const struct call *c)
{
	return c->ice.limit_us != 0;
}

static void give_up(struct call *c, const char *why)
{
	log_info("call", "no ICE restart in place: %s", why);
	c->ice.limit_us = 0;
	if (c->sid && !c->media_up)
		session_restart(c, why);
}

static void on_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type"), *condition;

	if (!is_under_way(c) || !answer || !type || strcmp(type, "error"))
		return;
	condition = xmpp_error_condition(answer);
	c->ice.not_before_us = !strcmp(condition, "resource-constraint") ? c->now_us + REFUSED_US
		: CLOCK_NEVER;          /* not in this session */
	give_up(c, condition);
}

static void ask(struct call *c, const char *why)
{
	struct jingle j = { .action = JINGLE_INFO, .initial_last_n = -1, .ice_restart = true };
	struct xml *iq;

	j.sid = c->sid;
	j.initiator = c->focus_occupant;
	j.bridge_session = c->bridge_session;
	iq = jingle_write(&j, c->focus_occupant, "responder", false, false);
	c->ice.limit_us = c->now_us + RECOVERY_US;
	/* The focus's limit is that of new sessions. */
	c->ice.not_before_us = c->now_us + RESTART_GAP_US;
	c->count.ice_restarts++;
	log_info("call", "asking for an ICE restart in place: %s", why);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_answer, c);
}

int64_t ice_restart_interrupted(struct call *c, const char *why)
{
	bool moved = c->ice.moved_us && c->now_us - c->ice.moved_us < MOVED_US;

	if (!moved)
		session_bridge_missed(c, c->now_us - NOTICED_US);
	if (!is_under_way(c) && may_ask(c))
		ask(c, why);
	if (is_under_way(c))
		return c->ice.limit_us;
	return c->now_us + (moved ? MOVED_PATIENCE_US : PATIENCE_US);
}

void ice_restart_resumed(struct call *c)
{
	if (c->interrupted_us && !is_under_way(c) && may_ask(c)) {
		ask(c, "the connection is back, the sound is not");
		c->interrupted_us = c->ice.limit_us;
	}
}

void ice_restart_wanted(struct call *c, const char *why)
{
	if (c->media_up && !is_under_way(c) && may_ask(c))
		ask(c, why);
}

void ice_restart_begin_session(struct call *c)
{
	memset(&c->ice, 0, sizeof(c->ice));
}

/* ---- the focus's answer ---- */

static void answer_transport(struct call *c, const struct jingle_transport *t)
{
	struct jingle j = { .action = JINGLE_TRANSPORT_INFO, .initial_last_n = -1 };
	struct xml *iq;

	j.sid = c->sid;
	j.initiator = c->focus_occupant;
	session_fill_transport(c, &j.transport, t);
	j.transport.ice_generation = t->ice_generation;
	iq = jingle_write(&j, c->focus_occupant, "responder", false, false);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_answer, c);
	text_wipe(j.transport.pwd, sizeof(j.transport.pwd));
}

static void restart_media(struct call *c, const struct jingle_transport *t)
{
	struct call_media_restart r = {
		.sid = c->sid, .transport = t, .local_ufrag = c->local_ufrag, .local_pwd = c->local_pwd,
	};

	c->ops.media_restart(c->ops_ctx, &r);
}

static void add_candidates(struct call *c, const struct jingle_transport *t)
{
	struct call_media_restart r = { .sid = c->sid, .transport = t };

	if (t->cands)
		c->ops.media_restart(c->ops_ctx, &r);
}

void ice_restart_transport(struct call *c, const struct jingle_transport *t)
{
	if (!t->present || !c->media_running)
		return;
	if (!t->ice_generation) {
		add_candidates(c, t);
		return;
	}
	if (t->ice_generation <= c->ice.generation || !*t->ufrag || !*t->pwd)
		return;         /* one that was applied, or none that can be */
	c->ice.generation = t->ice_generation;
	session_new_credentials(c);
	/* Our checks first: they teach the bridge where we are. */
	restart_media(c, t);
	answer_transport(c, t);
}

/* ---- another network ---- */

void call_network_changed(struct call *c, int64_t slept_us, int64_t now_us)
{
	call_enter(c, now_us);
	c->ice.moved_us = now_us;
	resume_network(c, slept_us);
	if (!is_under_way(c) && may_ask(c) && (c->media_up || c->interrupted_us))
		ask(c, slept_us ? "this machine slept" : "the network changed");
	call_leave_input(c);
}

/* ---- time ---- */

void ice_restart_up(struct call *c)
{
	c->ice.limit_us = 0;
}

void ice_restart_tick(struct call *c)
{
	if (!is_due(c, c->ice.limit_us))
		return;
	if (c->media_up)
		c->ice.limit_us = 0;
	else
		give_up(c, "it mended nothing within 15 s");
}

void ice_restart_next(const struct call *c, int64_t *next)
{
	sooner(next, c->ice.limit_us);
}
