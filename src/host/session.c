/* session.c - what clients say about their media session: Jingle to the focus
 *
 * server.md 4.7 to 4.13.  Every request is answered before anything that
 * follows from it is sent: clients hold their queue until then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "host/server_priv.h"
#include "xmpp/jingle.h"
#include "xmpp/ns.h"

void host_session_clear(struct session *s)
{
	source_set_clear(&s->own);
	source_set_clear(&s->told);
	text_wipe(s->password, sizeof(s->password));
}

static bool is_on(const struct session *s)
{
	return s->state == SESSION_OFFERED || s->state == SESSION_ACTIVE;
}

static void send_terminate(struct occupant *o, const char *reason, const char *text)
{
	struct jingle *j = host_alloc(sizeof(*j));

	j->action = JINGLE_TERMINATE;
	host_set(&j->sid, o->session.sid);
	text_copy(j->reason, sizeof(j->reason), reason);
	host_set(&j->reason_text, text);
	focus_send(o, jingle_write(j, NULL, "initiator", true, true), NULL);
	jingle_clear(j);
	free(j);
}

void host_session_end(struct occupant *o, enum session_state then, const char *reason,
		       const char *text)
{
	struct session *s = &o->session;
	struct server *srv = o->room->server;

	if (!is_on(s)) {
		s->state = then;
		return;
	}
	s->state = then;
	srv->bridge_ops->remove(srv->bridge, o->room->number, o->nick);
	srv->ops.dismiss(srv->ctx, o->room->conference, o->nick);
	if (s->channel)
		channel_close(s->channel, 1001, "the session has ended");
	if (reason)
		send_terminate(o, reason, text);
	text_copy(s->ended_sid[1], sizeof(s->ended_sid[1]), s->ended_sid[0]);
	text_copy(s->ended_sid[0], sizeof(s->ended_sid[0]), s->sid);
	source_set_clear(&s->own);
	source_set_clear(&s->told);
	sources_sync(o->room);
}

/* Within the limits?  Counts this one. */
static bool may_restart(struct occupant *o)
{
	struct session *s = &o->session;
	int64_t now = o->room->server->now_us;

	/* The newest stands first, 0 where there was none. */
	if (s->restart_us[0] && now - s->restart_us[0] < RESTART_GAP_US)
		return false;
	if (s->restart_us[RESTARTS - 1] && now - s->restart_us[RESTARTS - 1] < RESTART_WINDOW_US)
		return false;
	memmove(s->restart_us + 1, s->restart_us, sizeof(s->restart_us) - sizeof(s->restart_us[0]));
	s->restart_us[0] = now ? now : 1;
	return true;
}

/* ---- errors ---- */

static void refuse(struct occupant *o, const struct xml *iq, const char *condition,
		   const char *text)
{
	service_error(o->conn, iq, !strcmp(condition, "resource-constraint") ? "wait" :
		      !strcmp(condition, "bad-request") ? "modify" : "cancel", condition, text);
}

/* XEP-0166, 10: a condition of Jingle's own beside the general one. */
static void refuse_jingle(struct occupant *o, const struct xml *iq, const char *type,
			  const char *condition, const char *special)
{
	service_error_with(o->conn, iq, type, condition, NULL, xml_new(special, NS_JINGLE_ERRORS), NULL);
}

static void ok(struct occupant *o, const struct xml *iq)
{
	service_result(o->conn, iq, NULL);
}

/* ---- accept ---- */

static bool transport_ok(const struct jingle_transport *t)
{
	return t->present && strlen(t->ufrag) >= 4 && strlen(t->pwd) >= 22 &&   /* RFC 8839, 5.4 */
	       *t->fingerprint && *t->hash &&
	       (!strcmp(t->setup, "active") || !strcmp(t->setup, "passive"));
}

/* NULL: taken. */
static const char *take_sources(struct occupant *o, struct jingle *j)
{
	struct server *s = o->room->server;
	const char *why = j->bad_sources ? "SSRC is not valid" : sources_check(o, &j->sources);

	if (!why && source_set_merge(&o->session.own, &j->sources))
		why = "out of memory";
	if (why) {
		server_note(s, NOTICE_SOURCES, o->conn);
		return why;
	}
	s->bridge_ops->sources(s->bridge, o->room->number, o->nick, &o->session.own);
	return NULL;
}

static void pass_last_n(struct occupant *o, int n)
{
	struct server *s = o->room->server;
	char *text;

	if (n < 0)
		return;
	text = host_format("{\"colibriClass\":\"LastNChangedEvent\",\"lastN\":%d}", n);
	s->bridge_ops->channel_input(s->bridge, o->room->number, o->nick, text, strlen(text));
	free(text);
}

static void on_accept(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	struct server *s = o->room->server;
	const char *why = NULL;

	if (o->session.state != SESSION_OFFERED) {
		refuse_jingle(o, iq, "wait", "unexpected-request", "out-of-order");
		return;
	}
	if (!transport_ok(&j->transport) ||
	    s->bridge_ops->accept(s->bridge, o->room->number, o->nick, &j->transport))
		why = "the transport is not usable";
	if (!why)
		why = take_sources(o, j);
	if (why) {
		refuse(o, iq, "bad-request", why);
		host_session_end(o, SESSION_ENDED, NULL, NULL);
		return;
	}
	o->session.state = SESSION_ACTIVE;
	o->session.client_passive = !strcmp(j->transport.setup, "passive");
	o->session.ice_generation = 0;
	ok(o, iq);
	pass_last_n(o, j->initial_last_n);
	sources_sync(o->room);
}

/* ---- sources ---- */

static void on_source_add(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	const char *why;

	if (o->session.state != SESSION_ACTIVE) {
		refuse_jingle(o, iq, "wait", "unexpected-request", "out-of-order");
		return;
	}
	why = take_sources(o, j);
	if (why) {
		refuse(o, iq, "bad-request", why);
		return;
	}
	ok(o, iq);
	sources_sync(o->room);
}

static void on_source_remove(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	struct server *s = o->room->server;

	for (size_t i = 0; i < j->sources.count; i++)
		if (!source_set_find(&o->session.own, j->sources.v[i].ssrc)) {
			server_note(s, NOTICE_SOURCES, o->conn);
			refuse(o, iq, "bad-request", "the source is not this endpoint's");
			return;
		}
	for (size_t i = 0; i < j->sources.count; i++)
		source_set_remove(&o->session.own, j->sources.v[i].ssrc);
	s->bridge_ops->sources(s->bridge, o->room->number, o->nick, &o->session.own);
	ok(o, iq);
	sources_sync(o->room);
}

/* ---- the end, and another beginning ---- */

static bool other_bridge_session(const struct occupant *o, const struct jingle *j)
{
	return *j->bridge_session && strcmp(j->bridge_session, o->session.bridge_session);
}

static void on_terminate(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	if (other_bridge_session(o, j)) {
		refuse(o, iq, "item-not-found", "no such bridge session");
		return;
	}
	log_debug("host", "%s ends its session: %s %s", o->jid, j->reason, j->reason_text);
	if (!j->restart) {
		ok(o, iq);
		host_session_end(o, SESSION_ENDED, NULL, NULL);
	} else if (!may_restart(o)) {
		refuse(o, iq, "resource-constraint", "rate-limited");
		host_session_end(o, SESSION_ENDED, NULL, NULL);
	} else {
		ok(o, iq);
		host_session_end(o, SESSION_NONE, NULL, NULL);
		focus_invite_all(o->room);
	}
}

/* New credentials of the bridge, for who asked; its own follow by transport-info. */
static void send_transport(struct occupant *o, struct jingle *j)
{
	struct session *s = &o->session;

	j->action = JINGLE_TRANSPORT_INFO;
	host_set(&j->sid, s->sid);
	j->transport.ice_generation = ++s->ice_generation;
	text_copy(j->transport.setup, sizeof(j->transport.setup),
		  s->client_passive ? "active" : "passive");
	focus_send(o, jingle_write(j, NULL, "initiator", true, true), NULL);
}

static void on_ice_restart(struct occupant *o, const struct xml *iq)
{
	struct server *s = o->room->server;
	struct jingle *j;

	if (o->session.state != SESSION_ACTIVE) {
		refuse_jingle(o, iq, "wait", "unexpected-request", "out-of-order");
		return;
	}
	if (!may_restart(o)) {
		refuse(o, iq, "resource-constraint", "rate-limited");
		return;
	}
	j = host_alloc(sizeof(*j));
	if (s->bridge_ops->restart(s->bridge, o->room->number, o->nick, &j->transport)) {
		refuse(o, iq, "internal-server-error", "the bridge gave no new transport");
	} else {
		ok(o, iq);
		send_transport(o, j);
	}
	jingle_clear(j);
	free(j);
}

static void on_info(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	if (j->ice_restart && other_bridge_session(o, j)) {
		refuse(o, iq, "item-not-found", "no such bridge session");
	} else if (j->ice_restart) {
		on_ice_restart(o, iq);
	} else if (!j->ice_failed || other_bridge_session(o, j)) {
		ok(o, iq);
	} else if (!may_restart(o)) {
		refuse(o, iq, "resource-constraint", "rate-limited");
	} else {
		ok(o, iq);
		host_session_end(o, SESSION_NONE, "success", "moving");
		focus_invite_all(o->room);
	}
}

/* Candidates are of no use: the bridge learns addresses from checks.  What
 * counts is the answer to a restart of ICE, and only to the last one. */
static void on_transport_info(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	struct server *s = o->room->server;
	const struct jingle_transport *t = &j->transport;

	ok(o, iq);
	if (t->ice_generation && t->ice_generation == o->session.ice_generation &&
	    o->session.state == SESSION_ACTIVE)
		s->bridge_ops->restart_accept(s->bridge, o->room->number, o->nick, t);
}

/* ---- dispatch ---- */

static const struct {
	enum jingle_action action;
	void (*fn)(struct occupant *o, const struct xml *iq, struct jingle *j);
} actions[] = {
	{ JINGLE_ACCEPT, on_accept }, { JINGLE_TERMINATE, on_terminate }, { JINGLE_INFO, on_info },
	{ JINGLE_SOURCE_ADD, on_source_add }, { JINGLE_SOURCE_REMOVE, on_source_remove },
	{ JINGLE_TRANSPORT_INFO, on_transport_info },
};

/* false: it was refused. */
static bool sid_ok(struct occupant *o, const struct xml *iq, const struct jingle *j)
{
	const struct session *s = &o->session;

	if (is_on(s) && !strcmp(j->sid, s->sid))
		return true;
	if (*j->sid && (!strcmp(j->sid, s->ended_sid[0]) || !strcmp(j->sid, s->ended_sid[1])))
		refuse(o, iq, "gone", "session ended");
	else
		refuse_jingle(o, iq, "cancel", "item-not-found", "unknown-session");
	return false;
}

static void act(struct occupant *o, const struct xml *iq, struct jingle *j)
{
	if (!sid_ok(o, iq, j))
		return;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].action == j->action) {
			actions[i].fn(o, iq, j);
			return;
		}
	refuse(o, iq, "feature-not-implemented", j->action_text);
}

void host_session_jingle(struct occupant *o, const struct xml *iq, const struct xml *jingle)
{
	struct jingle *j = host_alloc(sizeof(*j));
	int err = jingle_parse(j, jingle, o->nick);

	if (err)
		refuse(o, iq, "bad-request", "no action or no session id");
	else
		act(o, iq, j);
	jingle_clear(j);
	free(j);
}
