/* jingle.c - media sessions with the focus, and who sends which SSRC
 *
 *	none -> offered, accepted -> up -> failed -> restart asked -> none
 *
 * A new session-initiate takes the place of a running session at any time.
 * Every session gets a new SSRC and msid: bridges pass sequence numbers on,
 * and a listener's SRTP context lives longer than our session does.
 */
#include "call/call_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "rtc/peer.h"

/* ---- sources ---- */

static void tell_source(struct call *c, const struct source *s, bool added)
{
	struct person_entry *e = roster_find(c, s->owner);
	struct call_event ev = { .type = CALL_EV_SOURCE, .ssrc = s->ssrc, .person = e ? &e->p : NULL,
		.added = added };

	if (!s->video && strcmp(s->owner, "jvb") && !strstr(s->msid, "mixedmslabel"))
		call_emit(c, &ev);
}

static void add_sources(struct call *c, const struct source_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct source *s = &set->v[i];

		if (source_set_find(&c->sources, s->ssrc) || !strcmp(s->owner, c->nick))
			continue;
		if (!source_set_add(&c->sources, s))
			tell_source(c, s, true);
	}
}

static void remove_sources(struct call *c, const struct source_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct source *s = source_set_find(&c->sources, set->v[i].ssrc);

		if (!s)
			continue;
		tell_source(c, s, false);
		source_set_remove(&c->sources, s->ssrc);
	}
}

void session_forget_owner(struct call *c, const char *id)
{
	for (size_t i = 0; i < c->sources.count; i++)
		if (!strcmp(c->sources.v[i].owner, id))
			tell_source(c, &c->sources.v[i], false);
	source_set_remove_owner(&c->sources, id);
}

static void drop_sources(struct call *c)
{
	for (size_t i = 0; i < c->sources.count; i++)
		tell_source(c, &c->sources.v[i], false);
	source_set_clear(&c->sources);
}

/* ---- the session ---- */

void session_drop(struct call *c)
{
	if (c->media_running)
		c->ops.media_stop(c->ops_ctx);
	c->media_running = c->media_up = false;
	c->media_limit_us = c->media_stop_us = 0;
	call_set(&c->sid, NULL);
	drop_sources(c);
	channel_stop(c);
}

static void new_identity(struct call *c)
{
	char text[64], uuid[37];
	struct buf b = { 0 };

	rng_alnum(text, 8);
	call_set(&c->local_ufrag, text);
	rng_alnum(text, 24);
	call_set(&c->local_pwd, text);
	do
		c->ssrc = c->no_mic ? 0 : rng_u32();
	while (!c->no_mic && (c->ssrc < 100000000 || source_set_find(&c->sources, c->ssrc)));
	rng_uuid(uuid);
	buf_addf(&b, "%s-audio-0-1 %s-1", c->nick, uuid);
	call_set(&c->msid, buf_str(&b));
	buf_free(&b);
}

static void on_accept_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");

	if (!answer || !type || strcmp(type, "error") || c->phase != PHASE_JOINED)
		return;
	log_warn("call", "session-accept refused: %s %s", xmpp_error_condition(answer),
		 xmpp_error_text(answer));
	if (!strcmp(xmpp_error_condition(answer), "gone"))
		return;         /* a new one is on its way */
	session_restart(c, "the focus refused our answer");
}

/* Only the transport and our source are read of it (server side); the payload
 * and extension stand there for correctness. */
static void accept(struct call *c, const struct jingle *offer, bool replace)
{
	struct jingle a = { .action = replace ? JINGLE_TRANSPORT_ACCEPT : JINGLE_ACCEPT, .initial_last_n = -1 };
	const struct jingle_payload *opus = jingle_payload_by_name(&offer->audio, "opus");
	uint8_t level = jingle_ext_id(&offer->audio, EXT_AUDIO_LEVEL);
	struct source own = { .ssrc = c->ssrc, .owner = c->nick, .name = c->source_name, .msid = c->msid };
	struct xml *iq;

	a.sid = c->sid;
	a.initiator = c->focus_occupant;
	a.responder = (char *)(uintptr_t)xmpp_stream_jid(c->stream);
	a.audio.present = true;
	if (opus) {
		a.audio.payload[0] = *opus;
		a.audio.payload[0].fbs = 0;
		a.audio.payloads = 1;
	}
	if (level) {
		a.audio.ext[0].id = level;
		text_copy(a.audio.ext[0].uri, sizeof(a.audio.ext[0].uri), EXT_AUDIO_LEVEL);
		a.audio.exts = 1;
	}
	a.transport.present = true;
	text_copy(a.transport.ufrag, sizeof(a.transport.ufrag), c->local_ufrag);
	text_copy(a.transport.pwd, sizeof(a.transport.pwd), c->local_pwd);
	text_copy(a.transport.hash, sizeof(a.transport.hash), "sha-256");
	text_copy(a.transport.fingerprint, sizeof(a.transport.fingerprint), c->fingerprint);
	text_copy(a.transport.setup, sizeof(a.transport.setup),
		  strcmp(offer->transport.setup, "active") ? "active" : "passive");
	if (c->ssrc)
		source_set_add(&a.sources, &own);
	iq = jingle_write(&a, c->focus_occupant, "responder", false, false);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_accept_answer, c);
	source_set_clear(&a.sources);
}

static void start_media(struct call *c, const struct jingle *offer)
{
	struct call_media m = {
		.offer = offer, .local_ufrag = c->local_ufrag, .local_pwd = c->local_pwd,
		.ssrc = c->ssrc, .cname = c->stats_id, .services = c->services,
		.service_count = c->service_count, .sid = c->sid,
	};

	c->media_running = true;
	c->media_up = false;
	c->media_stop_us = 0;
	c->restart_at_us = 0;
	c->restart_asked = false;
	c->media_limit_us = c->now_us + c->media_timeout_us;
	c->ops.media_start(c->ops_ctx, &m);
}

static void apply_start_muted(struct call *c, const struct jingle *offer)
{
	struct call_event ev = { .type = CALL_EV_MUTED_BY };

	if (!offer->startmuted_audio || c->muted || c->restarts)
		return;
	c->muted = c->muted_by_focus = true;
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	call_emit(c, &ev);
}

static void on_initiate(struct call *c, const struct jingle *offer, bool replace)
{
	/* The old session's sources are all in the new offer again, or gone. */
	drop_sources(c);
	channel_stop(c);
	call_set(&c->sid, offer->sid);
	call_set(&c->bridge_session, offer->bridge_session);
	if (!offer->audio.present || !jingle_payload_by_name(&offer->audio, "opus")) {
		call_notice(c, "the server offers no Opus sound: there is nothing to hear here");
		return;
	}
	new_identity(c);
	add_sources(c, &offer->sources);
	accept(c, offer, replace);
	start_media(c, offer);
	channel_start(c, offer);
	apply_start_muted(c, offer);
}

static void on_terminate(struct call *c, const struct jingle *j)
{
	log_info("call", "the focus ends the session: %s %s", j->reason, j->reason_text);
	if (strcmp(j->reason, "success") && strcmp(j->reason, "expired"))
		call_notice(c, "the server ended the sound (%s%s%s); waiting for a new session", j->reason,
			    *j->reason_text ? ": " : "", j->reason_text);
	session_drop(c);
}

static bool unknown_session(struct call *c, const struct xml *iq)
{
	xmpp_stream_error(c->stream, iq, "cancel", "item-not-found",
			  xml_new("unknown-session", NS_JINGLE_ERRORS));
	return true;
}

/* Another occupant offers a direct session: declined as a web client with P2P
 * off does, so that the call goes on through the bridge. */
static bool on_other(struct call *c, const struct xml *iq, const struct jingle *j, const char *from)
{
	struct jingle t = { .action = JINGLE_TERMINATE, .initial_last_n = -1 };
	struct xml *out;

	if (j->action == JINGLE_TERMINATE) {
		xmpp_stream_result(c->stream, iq, NULL);
		return true;
	}
	if (j->action != JINGLE_INITIATE)
		return unknown_session(c, iq);
	xmpp_stream_result(c->stream, iq, NULL);
	c->count.p2p_declined++;
	t.sid = j->sid;
	t.initiator = (char *)(uintptr_t)from;
	text_copy(t.reason, sizeof(t.reason), "decline");
	t.reason_text = (char *)(uintptr_t)"P2P disabled";
	out = jingle_write(&t, from, "responder", false, false);
	xmpp_stream_iq(c->stream, &out, IQ_TIMEOUT_US, c->now_us, on_accept_answer, c);
	return true;
}

static bool on_focus(struct call *c, const struct xml *iq, const struct jingle *j)
{
	bool current = c->sid && !strcmp(c->sid, j->sid);

	if (j->action == JINGLE_INITIATE) {
		if (current) {
			xmpp_stream_error(c->stream, iq, "cancel", "service-unavailable", NULL);
			return true;
		}
		xmpp_stream_result(c->stream, iq, NULL);
		on_initiate(c, j, false);
		return true;
	}
	if (j->action == JINGLE_UNKNOWN) {
		xmpp_stream_error(c->stream, iq, "cancel", "bad-request", NULL);
		return true;
	}
	if (!current)
		return unknown_session(c, iq);
	xmpp_stream_result(c->stream, iq, NULL);
	switch (j->action) {
	case JINGLE_TRANSPORT_REPLACE:
		on_initiate(c, j, true);
		break;
	case JINGLE_TERMINATE:
		on_terminate(c, j);
		break;
	case JINGLE_SOURCE_ADD:
		add_sources(c, &j->sources);
		break;
	case JINGLE_SOURCE_REMOVE:
		remove_sources(c, &j->sources);
		break;
	default:
		break;          /* transport-info comes only to who asked for a restart in place */
	}
	return true;
}

bool session_iq(struct call *c, const struct xml *iq, const struct xml *jingle)
{
	const char *from = xml_attr(iq, "from");
	struct jingle j;

	if (!from || !c->room || !jid_same_bare(from, c->room)) {
		c->count.forged++;
		return false;
	}
	if (jingle_parse(&j, jingle, jid_resource(from))) {
		c->count.malformed++;
		xmpp_stream_error(c->stream, iq, "cancel", "bad-request", NULL);
		return true;
	}
	if (roster_is_focus(c, from)) {
		on_focus(c, iq, &j);
	} else if (!strcmp(jid_resource(from), "focus")) {
		/* The nick alone proves nothing: no answer, and it is counted. */
		c->count.forged++;
	} else {
		on_other(c, iq, &j, from);
	}
	jingle_clear(&j);
	return true;
}

/* ---- failures ---- */

static bool may_restart(struct call *c)
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

static void on_restart_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");

	if (!answer || c->phase != PHASE_JOINED || !type || strcmp(type, "error"))
		return;
	log_info("call", "restart refused: %s", xmpp_error_condition(answer));
}

static void send_restart(struct call *c)
{
	struct jingle t = { .action = JINGLE_TERMINATE, .initial_last_n = -1, .restart = true };
	struct xml *iq;

	if (!c->sid || !c->focus_occupant || !c->stream)
		return;
	t.sid = c->sid;
	t.initiator = c->focus_occupant;
	t.bridge_session = c->bridge_session;
	text_copy(t.reason, sizeof(t.reason), "connectivity-error");
	t.reason_text = (char *)(uintptr_t)"ICE FAILED";
	iq = jingle_write(&t, c->focus_occupant, "responder", false, false);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_restart_answer, c);
	c->restarts_us[c->restarts++ % RESTARTS_A_MINUTE] = c->now_us;
	c->restart_row++;
	session_drop(c);
	c->restart_asked = true;
	/* If no offer follows, the whole is tried anew. */
	c->media_limit_us = c->now_us + 15000000;
}

/* First a look whether the server is there: if it is not, that is what has to
 * be mended, and the stream will say so. */
static void on_alive(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;

	if (answer && c->phase == PHASE_JOINED && !c->media_up && c->sid)
		send_restart(c);
}

static void ask_restart(struct call *c)
{
	struct xml *iq;

	if (c->phase != PHASE_JOINED || !c->stream || c->media_up || !c->sid)
		return;
	if (c->restart_row >= RESTARTS_MAX) {
		c->restart_row = 0;
		session_drop(c);
		call_lost(c, CALL_END_NO_MEDIA, "no-media", "no sound path after %d tries", RESTARTS_MAX);
		return;
	}
	if (!may_restart(c)) {
		c->restart_at_us = c->now_us + RESTART_GAP_US;
		return;
	}
	iq = xmpp_iq_new("get", c->d.domain);
	xml_add(iq, "ping", NS_PING);
	xmpp_stream_iq(c->stream, &iq, 20000000, c->now_us, on_alive, c);
}

void session_restart(struct call *c, const char *why)
{
	log_info("call", "media: %s", why);
	c->media_up = false;
	if (!c->restart_at_us)
		c->restart_at_us = c->now_us + call_random_us(c, 300000,
							      INT64_C(1000000) << (c->restart_row < 3 ? c->restart_row : 3));
}

void call_media_state(struct call *c, const char *sid, int state, const char *why, int64_t now_us)
{
	c->now_us = now_us;
	if (c->phase == PHASE_OVER)
		return;
	if (c->sid && strcmp(c->sid, sid))
		return;         /* of a session that was replaced */
	switch (state) {
	case PEER_UP:
		c->media_up = true;
		c->media_limit_us = c->restart_at_us = 0;
		c->restart_row = 0;
		c->no_media_told = false;
		break;
	case PEER_FAILED:
		if (!c->sid)    /* an old one, kept after a rejoin, is over */
			c->media_stop_us = now_us;
		else
			session_restart(c, why && *why ? why : "failed");
		break;
	default:
		break;
	}
	xmpp_stream_free(&c->dead_stream);
}

static void on_media_limit(struct call *c)
{
	c->media_limit_us = 0;
	if (c->media_up || c->phase != PHASE_JOINED)
		return;
	if (c->restart_asked && !c->sid) {
		c->restart_asked = false;
		call_lost(c, CALL_END_NO_MEDIA, "no-media", "the server gave no new session");
		return;
	}
	if (!c->no_media_told)
		call_complain(c, "no-media", "no sound path: no answer from the bridge within %d s; a firewall "
			      "on this side may drop UDP (mostly port 10000)",
			      (int)(c->media_timeout_us / 1000000));
	c->no_media_told = true;
	session_restart(c, "no answer");
}

/* ---- a focus that left ---- */

static void on_focus_gone(struct call *c)
{
	c->focus_gone_us = 0;
	if (c->phase != PHASE_JOINED || c->focus_occupant)
		return;
	join_request(c);        /* from inside the room: it comes, and invites */
	c->focus_gone_us = c->now_us + call_random_us(c, 10000000, 20000000);
}

void session_tick(struct call *c)
{
	if (c->restart_at_us && c->now_us >= c->restart_at_us) {
		c->restart_at_us = 0;
		ask_restart(c);
	}
	if (c->media_limit_us && c->now_us >= c->media_limit_us)
		on_media_limit(c);
	if (c->media_stop_us && c->now_us >= c->media_stop_us) {
		c->media_stop_us = 0;
		if (!c->sid && c->media_running) {
			c->ops.media_stop(c->ops_ctx);
			c->media_running = c->media_up = false;
		}
	}
	if (c->focus_gone_us && c->now_us >= c->focus_gone_us)
		on_focus_gone(c);
}
