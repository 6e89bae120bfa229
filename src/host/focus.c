/* focus.c - the conference's focus: requests, invitations, IQs to it
 *
 * The focus is the occupant "focus" of each room, in this process: a request
 * opens the room with it at once, so the answer is always "ready".  From two
 * people on everyone whose abilities are known has a session; 20 s after the
 * second last one has gone the last session ends, too (server.md 4.3, 4.14).
 */
#include "xmpp/focus.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "host/server_priv.h"
#include "xmpp/disco.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

/* ---- conference requests ---- */

/* With all places taken, a room that nobody has joined yet makes way. */
static bool make_place(struct server *s)
{
	struct room *oldest = NULL;
	unsigned n = 0;

	for (struct room *r = s->rooms; r; r = r->next) {
		if (r->closing)
			continue;
		n++;
		if (!r->people && (!oldest || r->created_us < oldest->created_us))
			oldest = r;
	}
	if (n < s->cfg.max_rooms)
		return true;
	if (!oldest)
		return false;
	oldest->closing = true;
	s->to_sweep = true;
	return true;
}

/* 0, -EINVAL (no room of ours), -ENOSPC. */
static int find_or_open(struct server *s, const struct focus_request *rq, struct room **out)
{
	struct target t;
	char *jid;

	if (target_parse(&t, rq->room) || !*t.local || *t.resource || !service_is_muc(s, t.domain))
		return -EINVAL;
	jid = host_format("%s@%s", t.local, t.domain);
	*out = room_find(s, jid);
	free(jid);
	if (*out)
		return 0;
	if (!make_place(s))
		return -ENOSPC;
	*out = room_open(s, t.local, t.domain);
	(*out)->start_audio_muted = rq->start_audio_muted;
	(*out)->start_video_muted = rq->start_video_muted;
	return 0;
}

static struct focus_answer answer_of(struct server *s, struct room *r)
{
	return (struct focus_answer){ .ready = true, .room = r->jid, .focus_jid = s->focus_jid };
}

void focus_request(struct xmpp_conn *c, const struct xml *iq)
{
	struct focus_request rq;
	struct room *r;
	int err = focus_request_parse_iq(&rq, iq);

	if (!err)
		err = find_or_open(c->server, &rq, &r);
	if (!err) {
		struct focus_answer a = answer_of(c->server, r);

		service_result(c, iq, focus_answer_child(&a));
	} else if (err == -ENOSPC) {
		server_note(c->server, NOTICE_ROOMS, c);
		service_error(c, iq, "wait", "resource-constraint", "this host has all the rooms it may have");
	} else {
		service_error(c, iq, "modify", "bad-request", "no room of this host is named");
	}
	focus_request_clear(&rq);
}

static int say(struct buf *out, int status, const char *text)
{
	buf_adds(out, text);
	return status;
}

int server_conference(struct server *s, const char *peer, const char *json, size_t len,
		      struct buf *out, int64_t now_us)
{
	struct focus_request rq;
	struct room *r;
	int status = 200, err;

	s->now_us = now_us;
	err = focus_request_parse_json(&rq, json, len);
	if (err)
		return say(out, 400, "Bad request: JSON with a room is wanted\n");
	err = find_or_open(s, &rq, &r);
	if (!err) {
		struct focus_answer a = answer_of(s, r);

		if (focus_answer_json(&a, out))
			status = 500;
	} else if (err == -ENOSPC) {
		notice(&s->stats.notices, NOTICE_ROOMS, peer);
		status = say(out, 503, "this host has all the rooms it may have\n");
	} else {
		status = say(out, 400, "Bad request: no room of this host is named\n");
	}
	focus_request_clear(&rq);
	return status;
}

/* ---- sending ---- */

void focus_send(struct occupant *o, struct xml *iq, char id[20])
{
	char fresh[20];

	rng_alnum(fresh, 16);
	xml_set(iq, "from", o->room->focus);
	xml_set(iq, "id", fresh);
	if (id)
		text_copy(id, 20, fresh);
	room_to(o, iq);
}

/* ---- who is invited ---- */

static bool has_session(const struct occupant *o)
{
	return o->session.state == SESSION_OFFERED || o->session.state == SESSION_ACTIVE;
}

static bool any_session(const struct room *r)
{
	for (const struct occupant *o = r->first; o; o = o->next)
		if (has_session(o))
			return true;
	return false;
}

void focus_invite_all(struct room *r)
{
	if (r->closing)
		return;
	if (r->people < 2) {
		if (!r->alone_us && any_session(r))
			r->alone_us = r->server->now_us;
		server_due_at(r->server, focus_due(r));
		return;
	}
	r->alone_us = 0;
	for (struct occupant *o = r->first; o; o = o->next)
		if (o->session.state == SESSION_NONE && o->session.features_known)
			offer_send(o);
}

void focus_joined(struct occupant *o)
{
	caps_begin(o);
	focus_invite_all(o->room);
}

/* No source-remove for those who leave: clients drop their sources with their
 * presence (server.md 4.8). */
void focus_left(struct occupant *o)
{
	struct server *s = o->room->server;

	if (has_session(o))
		s->bridge_ops->remove(s->bridge, o->room->number, o->nick);
	o->session.state = SESSION_ENDED;
	if (o->session.channel)
		channel_close(o->session.channel, 1001, "left");
	s->ops.dismiss(s->ctx, o->room->conference, o->nick);
	for (struct occupant *t = o->room->first; t; t = t->next)
		source_set_remove_owner(&t->session.told, o->nick);
}

void focus_tick(struct room *r)
{
	int64_t now = r->server->now_us;

	for (struct occupant *o = r->first; o; o = o->next)
		if (*o->session.caps_id && now >= o->session.caps_until_us)
			caps_give_up(o);
	if (!r->alone_us || now < r->alone_us + ALONE_US)
		return;
	r->alone_us = 0;
	for (struct occupant *o = r->first; o; o = o->next)
		if (has_session(o))
			host_session_end(o, SESSION_NONE, "expired", "Idle session timeout");
}

int64_t focus_due(const struct room *r)
{
	int64_t at = r->alone_us ? r->alone_us + ALONE_US : CLOCK_NEVER;

	for (const struct occupant *o = r->first; o; o = o->next)
		if (*o->session.caps_id && o->session.caps_until_us < at)
			at = o->session.caps_until_us;
	return at;
}

void focus_bridge_state(struct occupant *o, uint64_t session, enum bridge_endpoint_state state,
			const char *why)
{
	struct session *s = &o->session;

	if (s->number != session || !has_session(o))
		return;         /* of an endpoint that is no more */
	if (state == BRIDGE_UP) {
		s->failures = 0;
		return;
	}
	log_info("host", "%s: the media session %s (%s)", o->jid,
		 state == BRIDGE_FAILED ? "failed" : "expired", why ? why : "");
	if (++s->failures >= FAILURES) {
		host_session_end(o, SESSION_ENDED, "connectivity-error", "the media never came up");
		return;
	}
	host_session_end(o, SESSION_NONE, "success", "moving");
	focus_invite_all(o->room);
}

/* ---- mute (server.md 4.10) ---- */

static void refuse_mute(struct occupant *o, const struct xml *iq, const struct xml *mute)
{
	struct xml *echo = NULL;

	/* Clients look for it behind the error. */
	xml_dup(&echo, mute);
	service_error_with(o->conn, iq, "cancel", "not-allowed", NULL, NULL, echo);
}

static void pass_mute(struct occupant *by, struct occupant *t, const struct xml *mute)
{
	struct xml *iq = xmpp_iq_new("set", NULL);
	struct xml *m = xml_add_text(iq, "mute", xml_ns(mute), "true");

	xml_set(m, "actor", by->jid);
	focus_send(t, iq, NULL);        /* web clients never answer it */
}

/* The bridge hears of none of it: a single mute is the target's own doing. */
static void on_mute(struct occupant *o, const struct xml *iq, const struct xml *mute)
{
	const char *jid = xml_attr(mute, "jid"), *text = xml_text(mute);
	bool on = !strcmp(text, "true");
	struct occupant *t = NULL;
	struct target to;

	if (!jid || target_parse(&to, jid) || !*to.resource || (!on && strcmp(text, "false"))) {
		service_error(o->conn, iq, "modify", "bad-request", "who is to be muted, true or false?");
		return;
	}
	if (text_starts(jid, o->room->jid) && jid[strlen(o->room->jid)] == '/')
		t = room_by_nick(o->room, to.resource);
	if (!t) {
		service_error(o->conn, iq, "cancel", "item-not-found", "nobody here has this name");
	} else if (t == o) {
		service_result(o->conn, iq, NULL);
	} else if (!on || !is_moderator(o)) {
		refuse_mute(o, iq, mute);
	} else {
		service_result(o->conn, iq, NULL);
		pass_mute(o, t, mute);
	}
}

/* ---- IQs to the focus's occupant JID ---- */

static bool is_mute(const struct xml *x)
{
	return xml_is(x, "mute", NS_MUTE_AUDIO) || xml_is(x, "mute", NS_MUTE_VIDEO) ||
	       xml_is(x, "mute", NS_MUTE_DESKTOP);
}

static void on_answer(struct occupant *o, const struct xml *iq)
{
	const char *type = xml_attr(iq, "type");

	if (caps_answer(o, iq))
		return;
	if (o->session.state == SESSION_OFFERED && !strcmp(type, "error") &&
	    !strcmp(xml_attr(iq, "id"), o->session.invite_id)) {
		log_info("host", "%s refused its invitation: %s", o->jid, xmpp_error_condition(iq));
		host_session_end(o, SESSION_ENDED, NULL, NULL);
	}
}

static void give_info(struct occupant *o, const struct xml *iq, const struct xml *q)
{
	static const char *const features[] = {
		NS_DISCO_INFO, NS_PING, "https://jitsi.org/meet/jicofo/terminate-restart",
	};
	static const struct disco_identity id = { "client", "bot", NULL, "focus" };

	service_result(o->conn, iq, disco_info_new(xml_attr(q, "node"), &id, 1, features, 3));
}

void focus_iq(struct occupant *o, const struct xml *iq)
{
	const struct xml *q = xml_first(iq);
	bool set;

	if (!iq_is_request(iq)) {
		on_answer(o, iq);
		return;
	}
	set = !strcmp(xml_attr(iq, "type"), "set");
	if (set && xml_is(q, "jingle", NS_JINGLE))
		host_session_jingle(o, iq, q);
	else if (set && is_mute(q))
		on_mute(o, iq, q);
	else if (!set && xml_is(q, "query", NS_DISCO_INFO))
		give_info(o, iq, q);
	else if (!set && xml_is(q, "ping", NS_PING))
		service_result(o->conn, iq, NULL);
	else
		service_error(o->conn, iq, "cancel", "feature-not-implemented",
			      "the focus does not know this request");
}
