/* room.c - a room and its occupants, and what they are told (XEP-0045)
 *
 * An occupant's last presence is kept whole, as it came less what only a
 * server may say; each broadcast builds one stanza and changes its address.
 * muc#user stands first: web clients strip the first <x/> that they find.
 * The focus has no entry in the list: it is always there and never changes.
 */
#include "host/server_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/chat.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"

const char *affiliation_name(enum affiliation a)
{
	return a == AFF_OWNER ? "owner" : a == AFF_MEMBER ? "member" : "none";
}

const char *role_name(enum affiliation a)
{
	return a == AFF_OWNER ? "moderator" : "participant";
}

bool is_moderator(const struct occupant *o)
{
	return o->affiliation == AFF_OWNER;
}

/* ---- rooms ---- */

struct room *room_find(struct server *s, const char *jid)
{
	for (struct room *r = s->rooms; r; r = r->next)
		if (!r->closing && !strcmp(r->jid, jid))
			return r;
	return NULL;
}

struct room *room_open(struct server *s, const char *name, const char *domain)
{
	struct room *r = host_alloc(sizeof(*r));

	r->server = s;
	r->number = ++s->next_room;
	host_set(&r->name, name);
	r->jid = host_format("%s@%s", name, domain);
	r->focus = host_format("%s/focus", r->jid);
	rng_uuid(r->meeting_id);
	rng_hex(r->conference, 16);
	r->created_us = s->now_us;
	r->start_audio_muted = r->start_video_muted = -1;
	host_set(&r->password, s->password);
	r->next = s->rooms;
	s->rooms = r;
	s->stats.rooms_opened++;
	server_due_at(s, room_due(r));
	log_debug("host", "room %s opened", r->jid);
	return r;
}

static void occupant_free(struct occupant *o)
{
	host_session_clear(&o->session);
	xml_free(&o->presence);
	free(o->jid);
	free(o);
}

void room_free(struct room *r)
{
	while (r->first) {
		struct occupant *o = r->first;

		r->first = o->next;
		occupant_free(o);
	}
	for (int i = 0; i < HISTORY; i++)
		xml_free(&r->history[i]);
	text_forget(&r->password);
	free(r->subject);
	free(r->subject_from);
	free(r->name);
	free(r->jid);
	free(r->focus);
	free(r);
}

static void room_close(struct room *r)
{
	r->closing = true;
	r->server->to_sweep = true;
	log_debug("host", "room %s closed", r->jid);
}

void room_tick(struct room *r)
{
	if (!r->people && r->server->now_us >= r->created_us + FIRST_JOIN_US)
		room_close(r);
	else
		focus_tick(r);
}

int64_t room_due(const struct room *r)
{
	if (r->closing)
		return CLOCK_NEVER;
	return r->people ? focus_due(r) : r->created_us + FIRST_JOIN_US;
}

/* ---- occupants ---- */

struct occupant *room_by_nick(const struct room *r, const char *nick)
{
	for (struct occupant *o = r->first; o; o = o->next)
		if (!strcmp(o->nick, nick))
			return o;
	return NULL;
}

struct occupant *room_seat(const struct room *r, const struct xmpp_conn *c)
{
	for (int i = 0; i < LIMIT_ROOMS_EACH; i++)
		if (c->seat[i] && c->seat[i]->room == r)
			return c->seat[i];
	return NULL;
}

/* NULL: the client sits in too many rooms. */
struct occupant *room_add(struct room *r, struct xmpp_conn *c, const char *nick)
{
	struct occupant *o, **end = &r->first;
	int seat = 0;

	while (seat < LIMIT_ROOMS_EACH && c->seat[seat])
		seat++;
	if (seat == LIMIT_ROOMS_EACH)
		return NULL;
	o = host_alloc(sizeof(*o));
	o->room = r;
	o->conn = c;
	c->seat[seat] = o;
	text_copy(o->nick, sizeof(o->nick), nick);
	o->jid = host_format("%s/%s", r->jid, nick);
	while (*end)
		end = &(*end)->next;
	*end = o;
	r->people++;
	r->used = true;
	r->server->stats.joins++;
	return o;
}

static void unseat(struct occupant *o)
{
	struct room *r = o->room;
	struct occupant **p = &r->first;

	for (int i = 0; i < LIMIT_ROOMS_EACH; i++)
		if (o->conn->seat[i] == o)
			o->conn->seat[i] = NULL;
	while (*p != o)
		p = &(*p)->next;
	*p = o->next;
	r->people--;
}

/* ---- telling ---- */

/* Keeps the stanza, so that the next one gets it, too. */
static void tell(const struct occupant *o, struct xml *stanza)
{
	xml_set(stanza, "to", o->conn->jid);
	conn_write(o->conn, stanza);
}

void room_to(const struct occupant *o, struct xml *stanza)
{
	tell(o, stanza);
	xml_free(&stanza);
}

void room_to_all(struct room *r, struct xml *stanza)
{
	for (struct occupant *o = r->first; o; o = o->next)
		tell(o, stanza);
	xml_free(&stanza);
}

static void copy_children(struct xml *to, const struct xml *from)
{
	const struct xml *c;

	for (c = xml_first(from); c; c = xml_next(c))
		if (!xml_is(c, "x", NS_MUC_USER) && !xml_is(c, "x", NS_MUC))
			xml_add_copy(to, c);
}

static struct xml *presence_new(const char *from, const char *type)
{
	struct xml *p = xml_new("presence", NS_CLIENT);

	xml_set(p, "from", from);
	if (type)
		xml_set(p, "type", type);
	return p;
}

static struct xml *add_actor(struct xml *user, const struct occupant *actor, bool with_jid)
{
	struct xml *a = xml_add(xml_first_mut(user), "actor", NULL);

	xml_set(a, "nick", actor->nick);
	if (with_jid)
		xml_set(a, "jid", actor->conn->jid);
	return a;
}

enum { TO_OTHERS, TO_MODERATORS, TO_ITSELF };

static struct xml *presence_of(const struct showing *w, int whom)
{
	const struct occupant *o = w->o;
	struct xml *p = presence_new(o->jid, NULL);
	struct xml *user = muc_user_new(affiliation_name(o->affiliation), role_name(o->affiliation),
					o->conn->jid);

	if (w->actor)
		add_actor(user, w->actor, whom == TO_MODERATORS);
	else if (w->by_focus)
		xml_set(xml_add(xml_first_mut(user), "actor", NULL), "nick", "focus");
	if (w->reason && *w->reason)
		xml_add_text(xml_first_mut(user), "reason", NULL, w->reason);
	if (whom == TO_ITSELF) {
		muc_user_status(user, 100);     /* everyone sees everyone's JID */
		muc_user_status(user, 110);
		if (w->id)
			xml_set(p, "id", w->id);
	}
	xml_adopt(p, user);
	copy_children(p, o->presence);
	return p;
}

void room_show(const struct showing *w)
{
	struct xml *plain = presence_of(w, TO_OTHERS);
	struct xml *mod = w->actor ? presence_of(w, TO_MODERATORS) : NULL;

	for (struct occupant *t = w->o->room->first; t; t = t->next)
		if (t != w->o)
			tell(t, mod && is_moderator(t) ? mod : plain);
	room_to(w->o, presence_of(w, TO_ITSELF));
	xml_free(&plain);
	xml_free(&mod);
}

void room_introduce(struct occupant *o)
{
	room_to(o, room_focus_presence(o->room));
	for (struct occupant *t = o->room->first; t; t = t->next) {
		struct showing w = { .o = t };

		if (t != o)
			room_to(o, presence_of(&w, TO_OTHERS));
	}
}

static void add_delay(struct xml *m, const struct room *r, int64_t wall_us)
{
	struct xml *d = xml_add(m, "delay", NS_DELAY);
	char stamp[32];

	chat_stamp_write(stamp, wall_us);
	xml_set(d, "stamp", stamp);
	xml_set(d, "from", r->jid);
}

/* What was said, then the subject, empty or not (XEP-0045, 7.2.13 and 7.2.15). */
void room_recount(struct occupant *o)
{
	struct room *r = o->room;
	struct xml *m;

	for (unsigned i = 0; i < HISTORY; i++) {
		m = r->history[(r->history_next + i) % HISTORY];
		if (m)
			tell(o, m);
	}
	m = xml_new("message", NS_CLIENT);
	xml_set(m, "type", "groupchat");
	xml_set(m, "from", r->subject_from ? r->subject_from : r->jid);
	xml_add_text(m, "subject", NULL, r->subject ? r->subject : "");
	if (r->subject)
		add_delay(m, r, r->subject_us);
	room_to(o, m);
}

/* ---- leaving ---- */

static struct xml *absence_of(const struct occupant *o, const struct leaving *how, bool self,
			      bool mod)
{
	struct xml *p = presence_new(o->jid, "unavailable");
	struct xml *user = muc_user_new("none", "none", o->conn->jid), *d;

	if (how->actor)
		add_actor(user, how->actor, mod && !self);
	if (how->reason && *how->reason && !how->destroyed)
		xml_add_text(xml_first_mut(user), "reason", NULL, how->reason);
	if (how->code)
		muc_user_status(user, how->code);
	if (self)
		muc_user_status(user, 110);
	if (how->destroyed) {
		d = xml_add(user, "destroy", NULL);
		if (how->destroy_jid)
			xml_set(d, "jid", how->destroy_jid);
		if (how->reason && *how->reason)
			xml_add_text(d, "reason", NULL, how->reason);
	}
	xml_adopt(p, user);
	if (how->presence)
		copy_children(p, how->presence);
	else if (how->status_text && *how->status_text)
		xml_add_text(p, "status", NULL, how->status_text);
	return p;
}

void room_remove(struct occupant *o, const struct leaving *how)
{
	struct room *r = o->room;
	struct xml *plain = absence_of(o, how, false, false);
	struct xml *mod = how->actor ? absence_of(o, how, false, true) : NULL;

	for (struct occupant *t = r->first; t; t = t->next)
		if (t != o)
			tell(t, mod && is_moderator(t) ? mod : plain);
	room_to(o, absence_of(o, how, true, false));
	xml_free(&plain);
	xml_free(&mod);
	focus_left(o);
	unseat(o);
	occupant_free(o);
	if (!r->people)
		room_close(r);
	else
		room_elect(r);
	focus_invite_all(r);
}

/* Everybody hears of its own end only; nobody is elected meanwhile. */
void room_destroy(struct room *r, const char *jid, const char *reason, int code)
{
	struct leaving how = {
		.destroyed = !code, .destroy_jid = jid, .reason = reason, .code = code,
	};

	while (r->first) {
		struct occupant *o = r->first;

		room_to(o, absence_of(o, &how, true, false));
		focus_left(o);
		unseat(o);
		occupant_free(o);
	}
	room_close(r);
}

/* The first one in is moderator; when the last moderator goes, the one who has
 * been here longest.  server.md 3.5 */
void room_elect(struct room *r)
{
	struct occupant *o;

	for (o = r->first; o; o = o->next)
		if (is_moderator(o))
			return;
	o = r->first;
	if (!o)
		return;
	o->affiliation = AFF_OWNER;
	if (o->presence)        /* else it is just joining */
		room_show(&(struct showing){ .o = o, .by_focus = true });
}

/* ---- the focus's presence ---- */

static void add_property(struct xml *properties, const char *key, const char *value)
{
	struct xml *p = xml_add(properties, "property", NULL);

	xml_set(p, "key", key);
	xml_set(p, "value", value);
}

struct xml *room_focus_presence(const struct room *r)
{
	struct xml *p = presence_new(r->focus, NULL), *v, *c;

	xml_adopt(p, muc_user_new("owner", "moderator", r->server->focus_full));
	v = xml_add(p, "versions", NS_JITMEET);
	c = xml_add_text(v, "component", NULL, TTYMEET_VERSION);
	xml_set(c, "name", "focus");
	c = xml_add(p, "conference-properties", NS_FOCUS);
	add_property(c, "support-terminate-restart", "true");
	/* What web clients count as one more reader: VP8 is all we offer. */
	add_property(c, "visitor-codecs", "vp8");
	if (r->bridged)
		add_property(c, "bridge-count", "1");
	if (r->bridge_failed)
		xml_add(p, "bridgeNotAvailable", NS_FOCUS);
	return p;
}

void room_show_focus(struct room *r)
{
	room_to_all(r, room_focus_presence(r));
}

/* ---- messages ---- */

void room_remember(struct room *r, const struct xml *message)
{
	struct xml **slot = &r->history[r->history_next];

	xml_free(slot);
	if (xml_dup(slot, message))
		return;
	add_delay(*slot, r, server_wall_us(r->server));
	r->history_next = (r->history_next + 1) % HISTORY;
}

void room_set_subject(struct room *r, const char *subject, const char *from)
{
	host_set(&r->subject, *subject ? subject : NULL);
	host_set(&r->subject_from, *subject ? from : NULL);
	r->subject_us = server_wall_us(r->server);
}

void room_changed(struct room *r)
{
	struct xml *m = xml_new("message", NS_CLIENT), *x;

	xml_set(m, "type", "groupchat");
	xml_set(m, "from", r->jid);
	x = xml_add(m, "x", NS_MUC_USER);
	muc_user_status(x, 104);
	room_to_all(r, m);
}
