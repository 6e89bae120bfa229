/* retry.c - what is done when the sound fails, or the focus goes
 *
 *	no answers for 10 s -> other ways (ice_restart.c) -> none
 *	failed -> ping -> terminate with restart -> new offer
 *	three restarts, or no offer -> out of the room and in again
 *	that in vain, twice -> a restart now and then, until there is a way
 *
 * Limits are the focus's: a restart every 5 s, five a minute.  A bridge that died
 * keeps its seat at the XMPP server for 16 s (Jitsi's own settings of Prosody): what
 * the focus asks of its successor until then goes to the dead one, and is not given
 * up before another 15 s; so we ask after that.  Who has no way
 * to the bridge for long stays in the room and hears of its chat; others need
 * not see somebody come and go all the time.
 */
#include "call/call_priv.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "rtc/peer.h"

enum {
	PING_US = 20000000,
	OFFER_US = 20000000,            /* seen: 0.1 to 5.5 s after a restart */
	SELDOM_US = 30000000,           /* where rejoining did not help */
	SEAT_US = 17000000, SEAT_SPREAD_US = 500000,
	OLD_MEDIA_US = 60000000,        /* a bridge drops who is silent for a minute */
	OLD_LOOK_US = 2000000
};

static bool may_restart(const struct call *c)
{
	unsigned n = 0;

	for (int i = 0; i < RESTARTS_A_MINUTE; i++) {
		int64_t at = c->restarts_us[i];

		if (at && c->now_us - at < RESTART_GAP_US)
			return false;
		n += at && c->now_us - at < 60000000;
	}
	return n < RESTARTS_A_MINUTE;
}

static void rejoin(struct call *c, const char *why)
{
	c->restart_row = 0;
	c->rejoin_row++;
	request_anew(c, why);
}

static void on_restart_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");

	if (!answer || c->phase != PHASE_JOINED || !type || strcmp(type, "error"))
		return;
	log_info("call", "restart refused: %s", xmpp_error_condition(answer));
	/* Too often: it was ended all the same, and nobody invites us.  Any
	 * other error is of a focus that noticed, too: an offer follows. */
	if (!strcmp(xmpp_error_condition(answer), "resource-constraint") && !c->sid)
		rejoin(c, "the server limits new sessions");
}

static void send_restart(struct call *c)
{
	struct jingle t = { .action = JINGLE_TERMINATE, .initial_last_n = -1, .restart = true };
	struct xml *iq;

	t.sid = c->sid;
	t.initiator = c->focus_occupant;
	t.bridge_session = c->bridge_session;
	text_copy(t.reason, sizeof(t.reason), "connectivity-error");
	t.reason_text = (char *)(uintptr_t)"ICE FAILED";
	iq = jingle_write(&t, c->focus_occupant, "responder", false, false);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_restart_answer, c);
	c->restarts_us[c->restarts++ % RESTARTS_A_MINUTE] = c->now_us;
	c->count.restarts++;
	c->restart_row++;
	session_drop(c);
	c->offer_limit_us = c->now_us + OFFER_US;
}

/* First a look whether the server is there: if it is not, that is what has to
 * be mended, and the stream will say so. */
static void on_alive(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;

	if (!answer || c->phase != PHASE_JOINED || c->media_up || !c->sid)
		return;
	if (!c->focus_occupant)         /* it is asked for, and will invite us */
		c->restart_at_us = c->now_us + RESTART_GAP_US;
	else if (c->no_restart)
		rejoin(c, "the sound failed");
	else
		send_restart(c);
}

static void ask_restart(struct call *c)
{
	struct xml *iq;

	if (c->phase != PHASE_JOINED || !c->stream || c->media_up || !c->sid)
		return;
	if (c->restart_row >= RESTARTS_MAX && c->rejoin_row < REJOINS_MAX) {
		rejoin(c, "no sound path after three tries");
		return;
	}
	if (!may_restart(c)) {
		c->restart_at_us = c->now_us + RESTART_GAP_US;
		return;
	}
	iq = xmpp_iq_new("get", c->d.domain);
	xml_add(iq, "ping", NS_PING);
	xmpp_stream_iq(c->stream, &iq, PING_US, c->now_us, on_alive, c);
}

void session_bridge_missed(struct call *c, int64_t since_us)
{
	if (!c->bridge_lost_us || since_us - c->bridge_lost_us > SEAT_US)
		c->bridge_lost_us = since_us;
}

static int64_t restart_time(struct call *c)
{
	unsigned n = c->restart_row < 4 ? c->restart_row : 4;
	bool seldom = c->restart_row >= RESTARTS_MAX && c->rejoin_row >= REJOINS_MAX;
	int64_t at = c->now_us + (seldom ? call_random_us(c, SELDOM_US, 2 * SELDOM_US)
				  : call_random_us(c, 300000, INT64_C(1000000) << n));
	int64_t seat = c->bridge_lost_us ? c->bridge_lost_us + SEAT_US : 0;

	return at >= seat ? at : seat + call_random_us(c, 0, SEAT_SPREAD_US);
}

void session_restart(struct call *c, const char *why)
{
	log_info("call", "media: %s", why);
	outage_begin(c, OUTAGE_BRIDGE);
	c->media_up = false;
	c->interrupted_us = 0;
	if (!c->restart_at_us)
		c->restart_at_us = restart_time(c);
}

/* ---- what the media says ---- */

static void on_up(struct call *c)
{
	c->media_up = true;
	c->media_limit_us = c->restart_at_us = c->interrupted_us = c->bridge_lost_us = 0;
	c->restart_row = c->rejoin_row = 0;
	c->no_media_told = false;
	outage_end(c);
	ice_restart_up(c);
}

static void on_failed(struct call *c, const char *why)
{
	text_copy(c->media_why, sizeof(c->media_why), why ? why : "");
	if (!c->sid)            /* an old one, kept over a rejoin, is over */
		c->media_stop_us = c->now_us;
	else
		session_restart(c, why && *why ? why : "failed");
}

void call_media_state(struct call *c, const char *sid, int state, const char *why, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->phase == PHASE_OVER || (c->sid && strcmp(c->sid, sid))) {
		;               /* of a session that was replaced */
	} else if (state == PEER_UP) {
		if (c->sid)
			on_up(c);
	} else if (state == PEER_FORGED) {
		call_finish(c, CALL_END_NO_MEDIA, "forged", "the bridge is not the one that %s announced "
			    "(its certificate differs): somebody may be in between, so the call was ended",
			    c->a.authority);
	} else if (state == PEER_FAILED) {
		on_failed(c, why);
	} else if (state == PEER_INTERRUPTED && !c->interrupted_us) {
		outage_begin(c, OUTAGE_LINE);
		c->media_up = false;
		channel_hurry(c);
		c->interrupted_us = ice_restart_interrupted(c, why);
	} else if (state == PEER_CONNECTING && *why) {
		call_notice(c, "%s", why);
	}
	call_leave_input(c);
}

void call_media_wants(struct call *c, const char *sid, enum call_want want, const char *why,
		      int64_t now_us)
{
	call_enter(c, now_us);
	if (want == CALL_WANT_SERVERS)
		services_refused(c);
	else if (c->sid && !strcmp(c->sid, sid))
		ice_restart_wanted(c, why);
	call_leave_input(c);
}

/* ---- time ---- */

static void on_no_media(struct call *c)
{
	c->media_limit_us = 0;
	if (c->media_up || c->phase == PHASE_LEAVING || c->phase == PHASE_OVER)
		return;
	c->no_media_told = true;
	if (c->relay_only)      /* the bridge was not even tried */
		call_complain(c, "no-media", "no sound path within %d s, by relays alone%s%s",
			      (int)(c->media_timeout_us / 1000000), *c->media_why ? ": " : "", c->media_why);
	else
		call_complain(c, "no-media", "no sound path: no answer from the bridge within %d s; a firewall "
			      "on this side may drop UDP (mostly port 10000)",
			      (int)(c->media_timeout_us / 1000000));
	if (c->sid)
		session_restart(c, "no answer");
}

static void on_no_offer(struct call *c)
{
	c->offer_limit_us = 0;
	if (c->phase != PHASE_JOINED || !roster_others(c))
		return;         /* alone there is no session, and nothing failed */
	if (c->bridge_down || !c->focus_occupant || c->cut)
		c->offer_limit_us = c->now_us + OFFER_US;
	else
		rejoin(c, "the server gave no new session");
}

/* In the room, and no way to its sound for as long as a lost connection would be
 * waited for. */
static void on_sound_lost(struct call *c)
{
	if (c->phase != PHASE_LEAVING && c->phase != PHASE_OVER)
		call_finish(c, CALL_END_LOST, "lost", "the sound did not come back within %d s",
			    (int)(c->reconnect_for_us / 1000000));
}

/* From inside the room: a focus comes, and invites everybody. */
static void on_focus_gone(struct call *c)
{
	c->focus_gone_us = 0;
	if (c->phase != PHASE_JOINED || c->focus_occupant || !c->stream)
		return;
	request_send(c);        /* goes on by itself until it is answered */
}

/* After a rejoin the old session's sound goes on until there is another, but
 * not for ever; while the server has no bridge for us the old one may still
 * carry it. */
static void stop_old_media(struct call *c)
{
	c->media_stop_us = 0;
	if (c->sid || !c->media_running)
		return;
	if (c->bridge_down && c->media_up && roster_others(c) && c->now_us - c->joined_us < OLD_MEDIA_US) {
		c->media_stop_us = c->now_us + OLD_LOOK_US;
		return;
	}
	if (roster_others(c))
		outage_begin(c, OUTAGE_RENEWED);
	c->ops.media_stop(c->ops_ctx);
	c->media_running = c->media_up = false;
}

void session_tick(struct call *c)
{
	ice_restart_tick(c);
	services_tick(c);
	if (is_due(c, c->interrupted_us))
		session_restart(c, "no other way to the bridge was found");
	if (is_due(c, c->restart_at_us)) {
		c->restart_at_us = 0;
		ask_restart(c);
	}
	if (is_due(c, c->media_limit_us))
		on_no_media(c);
	if (is_due(c, c->offer_limit_us))
		on_no_offer(c);
	if (is_due(c, c->media_stop_us))
		stop_old_media(c);
	if (is_due(c, c->focus_gone_us))
		on_focus_gone(c);
	if (c->silent_us && is_due(c, c->silent_us + c->reconnect_for_us))
		on_sound_lost(c);
}

void session_next(const struct call *c, int64_t *next)
{
	ice_restart_next(c, next);
	sooner(next, c->services_at_us);
	sooner(next, c->interrupted_us);
	sooner(next, c->restart_at_us);
	sooner(next, c->media_limit_us);
	sooner(next, c->offer_limit_us);
	sooner(next, c->media_stop_us);
	sooner(next, c->focus_gone_us);
	if (c->silent_us)
		sooner(next, c->silent_us + c->reconnect_for_us);
}
