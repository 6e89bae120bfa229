/* muc.c - presences and messages that clients send to a room
 *
 * What is relayed is the client's own stanza with another sender: unknown
 * children stay, what only a server says is cut out, an id is added to chat
 * (reactions and replies refer to it).
 */
#include "host/server_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/chat.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define NS_OCCUPANT_ID "urn:xmpp:occupant-id:0"
#define NS_ADDRESS "http://jabber.org/protocol/address"

/* What only the server says; a client that says it would be believed. */
static const struct { const char *name, *ns; } servers_own[] = {
	{ "x", NS_MUC_USER }, { "x", NS_MUC }, { "occupant-id", NS_OCCUPANT_ID },
	{ "delay", NS_DELAY }, { "x", NS_DELAY_OLD }, { "addresses", NS_ADDRESS },
	{ "display-name", NS_DISPLAY_NAME }, { "permissions", NS_JITMEET },
};

static bool is_servers_own(const struct xml *x)
{
	for (size_t i = 0; i < sizeof(servers_own) / sizeof(servers_own[0]); i++)
		if (xml_is(x, servers_own[i].name, servers_own[i].ns))
			return true;
	return false;
}

/* A copy of the stanza's children under `to`, less the above. */
static void relay_children(const struct xmpp_conn *c, struct xml *to, const struct xml *from)
{
	const struct xml *x;

	for (x = xml_first(from); x; x = xml_next(x))
		if (!is_servers_own(x))
			xml_add_copy(to, x);
		else if (!xml_is(x, "x", NS_MUC))       /* which is how one joins */
			server_note(c->server, NOTICE_FORGED, c);
}

/* It is kept, and sent to all. */
static bool is_long(const struct xmpp_conn *c)
{
	return c->stanza_bytes > LIMIT_RELAYED_BYTES;
}

/* ---- presence ---- */

/* ^[A-Za-z0-9][A-Za-z0-9_]*$, as Jitsi's servers have it. */
static bool nick_ok(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	return *s && *s != '_' && strlen(s) <= NICK_BYTES && !s[strspn(s, allowed)];
}

static void keep_presence(struct occupant *o, const struct xml *stanza)
{
	struct xml *p = xml_new("presence", NS_CLIENT);

	relay_children(o->conn, p, stanza);
	xml_free(&o->presence);
	o->presence = p;
}

static bool password_ok(const struct room *r, const struct xml *join)
{
	const char *given = xml_child_text(join, "password", NULL);

	return !r->password || (given && text_same_secret(given, r->password));
}

/* Why the client may not join, as an error; true: it was told. */
static bool refuse_join(struct xmpp_conn *c, const struct xml *stanza, const struct room *r,
			const char *nick, const struct xml *join)
{
	struct xml *inside;

	if (!r) {
		inside = xml_new("room-does-not-exist", NS_JITMEET);
		service_error_with(c, stanza, "cancel", "not-allowed", "Room creation is restricted",
				   inside, NULL);
	} else if (!nick_ok(nick)) {
		service_error(c, stanza, "cancel", "not-allowed", "Invalid resource");
	} else if (!strcmp(nick, "focus") || room_by_nick(r, nick)) {
		service_error(c, stanza, "cancel", "conflict", "this name is in use");
	} else if (!password_ok(r, join)) {
		service_error(c, stanza, "auth", "not-authorized", NULL);
	} else if (r->people >= c->server->cfg.max_people) {
		service_error(c, stanza, "cancel", "service-unavailable", "the room is full");
	} else {
		return false;
	}
	return true;
}

static void join(struct xmpp_conn *c, const struct xml *stanza, struct room *r, const char *nick,
		 const struct xml *x)
{
	struct occupant *o;

	if (refuse_join(c, stanza, r, nick, x))
		return;
	o = room_add(r, c, nick);
	if (!o) {
		server_note(c->server, NOTICE_ROOMS, c);
		service_error(c, stanza, "wait", "resource-constraint", "too many rooms at once");
		return;
	}
	room_elect(r);
	keep_presence(o, stanza);
	/* XEP-0045, 7.2.2: the newcomer sees the others first, itself last. */
	room_introduce(o);
	room_show(&(struct showing){ .o = o, .id = xml_attr(stanza, "id") });
	room_recount(o);
	focus_joined(o);
}

static void update(struct occupant *o, const struct xml *stanza, bool again)
{
	keep_presence(o, stanza);
	if (again)
		room_introduce(o);
	room_show(&(struct showing){ .o = o, .id = xml_attr(stanza, "id") });
	if (again)
		room_recount(o);
}

static void on_available(struct xmpp_conn *c, const struct xml *stanza, struct room *r,
			 const struct target *to)
{
	const struct xml *x = xml_child(stanza, "x", NS_MUC);
	struct occupant *o = r ? room_seat(r, c) : NULL;

	if (is_long(c)) {
		server_note(c->server, NOTICE_OVERSIZE, c);
		service_error(c, stanza, "modify", "policy-violation", "the presence is too long");
	} else if (o && strcmp(o->nick, to->resource)) {
		service_error(c, stanza, "cancel", "not-allowed", "Nick changes are not allowed");
	} else if (o) {
		update(o, stanza, x != NULL);
	} else if (x) {
		join(c, stanza, r, to->resource, x);
	} else {
		server_note(c->server, NOTICE_OUTSIDER, c);
		service_error(c, stanza, "cancel", "not-acceptable", "join the room first");
	}
}

static void on_presence(struct xmpp_conn *c, const struct xml *stanza, struct room *r,
			const struct target *to)
{
	const char *type = xml_attr(stanza, "type");
	struct occupant *o = r ? room_seat(r, c) : NULL;

	if (!type) {
		on_available(c, stanza, r, to);
	} else if (!strcmp(type, "unavailable") && o) {
		struct xml *p = xml_new("presence", NS_CLIENT);
		struct leaving how = { .presence = p };

		if (!is_long(c))
			relay_children(c, p, stanza);
		room_remove(o, &how);
		xml_free(&p);
	}
}

void muc_leave_all(struct xmpp_conn *c, const char *status_text)
{
	struct leaving how = { .status_text = status_text };

	for (int i = 0; i < LIMIT_ROOMS_EACH; i++)
		if (c->seat[i])
			room_remove(c->seat[i], &how);
}

/* ---- messages ---- */

static struct xml *relayed(struct occupant *o, const struct xml *m, const char *type)
{
	struct xml *out = xml_new("message", NS_CLIENT);

	if (type)
		xml_set(out, "type", type);
	xml_set(out, "from", o->jid);
	xml_set(out, "id", xml_attr(m, "id"));
	relay_children(o->conn, out, m);
	return out;
}

static void on_subject(struct occupant *o, const struct xml *m)
{
	const char *text = xml_child_text(m, "subject", NULL);

	if (!is_moderator(o)) {
		service_error(o->conn, m, "auth", "forbidden", "the subject is the moderators'");
		return;
	}
	room_set_subject(o->room, text, o->jid);
	room_to_all(o->room, relayed(o, m, "groupchat"));
}

static void on_groupchat(struct occupant *o, const struct xml *m)
{
	struct xml *out, *nick;
	char id[25];

	if (xml_child(m, "subject", NULL) && !xml_child(m, "body", NULL)) {
		on_subject(o, m);
		return;
	}
	out = relayed(o, m, "groupchat");
	if (!xml_attr(out, "id")) {
		rng_alnum(id, 24);
		xml_set(out, "id", id);
	}
	nick = xml_child_mut(out, "nick", NS_NICK);
	if (nick)       /* names come by presence */
		xml_remove(out, nick);
	if (xml_child(out, "body", NULL))
		room_remember(o->room, out);
	room_to_all(o->room, out);
}

static void on_private(struct occupant *o, const struct xml *m, const char *nick)
{
	struct occupant *t = room_by_nick(o->room, nick);
	const char *type = xml_attr(m, "type");
	struct xml *out;

	if (type && !strcmp(type, "groupchat")) {
		service_error(o->conn, m, "modify", "bad-request", "groupchat goes to the room");
	} else if (!t) {
		service_error(o->conn, m, "cancel", !strcmp(nick, "focus") ? "service-unavailable"
			      : "item-not-found", "nobody here has this name");
	} else {
		out = relayed(o, m, type ? "chat" : NULL);
		xml_add(out, "x", NS_MUC_USER);         /* XEP-0045, 7.5 */
		room_to(t, out);
	}
}

static void on_message(struct xmpp_conn *c, const struct xml *m, struct room *r,
		       const struct target *to)
{
	struct occupant *o = r ? room_seat(r, c) : NULL;
	const char *type = xml_attr(m, "type");

	if (type && !strcmp(type, "error"))
		return;
	if (!o) {
		server_note(c->server, NOTICE_OUTSIDER, c);
		service_error(c, m, "cancel", r ? "not-acceptable" : "item-not-found", "join the room first");
	} else if (is_long(c)) {
		server_note(c->server, NOTICE_OVERSIZE, c);
		service_error(c, m, "modify", "policy-violation", "the message is too long");
	} else if (*to->resource) {
		on_private(o, m, to->resource);
	} else if (type && !strcmp(type, "groupchat")) {
		on_groupchat(o, m);
	} else if (xml_child(m, "x", NS_MUC_USER)) {
		service_error(c, m, "cancel", "feature-not-implemented",
			      "invitations and the lobby are not built in");
	} else {
		service_error(c, m, "modify", "bad-request", "a message to the room is groupchat");
	}
}

/* ---- IQs ---- */

static void on_room_iq(struct xmpp_conn *c, const struct xml *iq, struct room *r)
{
	const struct xml *q = xml_first(iq);
	struct occupant *o = room_seat(r, c);

	if (xml_is(q, "query", NS_DISCO_INFO) && !strcmp(xml_attr(iq, "type"), "get")) {
		muc_info(c, iq, r);
	} else if (!o) {
		server_note(c->server, NOTICE_OUTSIDER, c);
		service_error(c, iq, "cancel", "not-acceptable", "join the room first");
	} else if (xml_is(q, "query", NS_MUC_ADMIN)) {
		muc_admin(o, iq, q);
	} else if (xml_is(q, "query", NS_MUC_OWNER)) {
		muc_owner(o, iq, q);
	} else if (xml_is(q, "ping", NS_PING)) {
		service_result(c, iq, NULL);
	} else if (xml_is(q, "query", NS_DISCO_ITEMS)) {
		service_result(c, iq, xml_new("query", NS_DISCO_ITEMS));
	} else {
		service_error(c, iq, "cancel", "service-unavailable", "the room does not know this request");
	}
}

/* Between occupants: the same IQ, id included, under occupant JIDs. */
static void relay_iq(struct occupant *o, const struct xml *iq, const char *nick)
{
	struct occupant *t = room_by_nick(o->room, nick);
	struct xml *out;

	if (!t) {
		service_error(o->conn, iq, "cancel", "item-not-found", "nobody here has this name");
		return;
	}
	if (xml_dup(&out, iq))
		return;
	xml_set(out, "from", o->jid);
	room_to(t, out);
}

static void on_iq(struct xmpp_conn *c, const struct xml *iq, struct room *r,
		  const struct target *to)
{
	struct occupant *o = r ? room_seat(r, c) : NULL;

	if (!r) {
		service_error(c, iq, "cancel", "item-not-found", "there is no such room");
	} else if (!*to->resource) {
		if (iq_is_request(iq))
			on_room_iq(c, iq, r);
	} else if (!o) {
		server_note(c->server, NOTICE_OUTSIDER, c);
		service_error(c, iq, "cancel", "not-acceptable", "join the room first");
	} else if (!strcmp(to->resource, "focus")) {
		focus_iq(o, iq);
	} else {
		relay_iq(o, iq, to->resource);
	}
}

void muc_stanza(struct xmpp_conn *c, struct xml *stanza, const struct target *to)
{
	char *jid = host_format("%s@%s", to->local, to->domain);
	struct room *r = room_find(c->server, jid);

	free(jid);
	if (xml_is(stanza, "presence", NULL))
		on_presence(c, stanza, r, to);
	else if (xml_is(stanza, "message", NULL))
		on_message(c, stanza, r, to);
	else
		on_iq(c, stanza, r, to);
}
