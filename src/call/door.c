/* door.c - the lobby as a moderator sees it: who knocks, who comes in
 *
 *	the room's own description -> members only, and where its lobby is
 *	we moderate it -> into the lobby, unseen by those who wait
 *	who is there and not in the room, knocks -> invited into the room, or
 *	                                            removed from the lobby
 *
 * The description is asked for when we are seated and whenever the room says
 * that it has changed (status 104), and tells whether there is a password, too.
 * Several moderators keep the same door: what the others do is told by
 * the room (lobby-notify), and who was let in or sent away leaves the lobby.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"

enum { NICK_LEN = 8, JID_BYTES = 600, ID_BYTES = 200, WORDS_BYTES = 2000 };

/* ---- who knocks ---- */

static struct knocker *find(struct call *c, const char *id)
{
	for (size_t i = 0; i < c->door.knockers; i++)
		if (!strcmp(c->door.knocker[i].id, id))
			return &c->door.knocker[i];
	return NULL;
}

static void tell(struct call *c, const struct knocker *k, bool here, const char *why, bool quiet)
{
	struct call_event ev = { .type = CALL_EV_KNOCK, .kind = k->id, .text = k->name, .added = here,
		.quiet = quiet, .why = why };

	if (c->phase != PHASE_OVER)
		call_emit(c, &ev);
}

static void forget_at(struct call *c, size_t i)
{
	struct knocker *k = &c->door.knocker[i];

	free(k->id);
	free(k->name);
	free(k->jid);
	memmove(k, k + 1, (--c->door.knockers - i) * sizeof(*k));
}

static void nobody_knocks(struct call *c)
{
	while (c->door.knockers) {
		tell(c, &c->door.knocker[c->door.knockers - 1], false, "", true);
		forget_at(c, c->door.knockers - 1);
	}
}

static bool is_in_room(const struct call *c, const char *jid)
{
	for (size_t i = 0; i < c->people; i++)
		if (!strcmp(c->person[i]->jid, jid))
			return true;
	for (unsigned i = 0; i < c->ghosts; i++)
		if (!strcmp(c->ghost[i].jid, jid))
			return true;
	return false;
}

/* Other moderators keep the door, too; who is not shown to us by a real
 * address cannot be let in. */
static bool knocks(const struct call *c, const struct muc_presence *p)
{
	return p->jid && strlen(p->jid) < JID_BYTES && strlen(p->nick) < ID_BYTES &&
	       strcmp(p->affiliation, "owner") && strcmp(p->affiliation, "admin") && !is_in_room(c, p->jid);
}

static char *name_of(const struct muc_presence *p)
{
	const char *raw = p->display_name ? p->display_name : "";
	char *clean = text_clean(raw, strlen(raw), NAME_BYTES, TEXT_TRIM);
	struct buf b = { 0 };

	if (clean && *clean)
		return clean;
	free(clean);
	buf_addf(&b, "guest %.4s", p->nick);
	clean = text_clean(buf_str(&b), b.len, NAME_BYTES, TEXT_TRIM);
	buf_free(&b);
	return clean;
}

static void on_here(struct call *c, const struct muc_presence *p)
{
	struct knocker *k = find(c, p->nick);
	char *name;

	if (!knocks(c, p) || (!k && c->door.knockers == KNOCKERS_MAX))
		return;
	name = name_of(p);
	if (k && name && !strcmp(name, k->name)) {
		free(name);     /* nothing new */
		return;
	}
	if (!k) {
		k = &c->door.knocker[c->door.knockers++];
		memset(k, 0, sizeof(*k));
		call_set(&k->id, p->nick);
	}
	call_set(&k->name, name ? name : "");
	call_set(&k->jid, p->jid);
	free(name);
	tell(c, k, true, "", false);
}

static void on_gone(struct call *c, const struct muc_presence *p)
{
	const struct knocker *k = find(c, p->nick);

	if (!k)
		return;
	tell(c, k, false, is_in_room(c, k->jid) ? "admitted" : p->kicked || p->banned ? "denied" : "left", false);
	forget_at(c, (size_t)(k - c->door.knocker));
}

/* ---- our place in the lobby ---- */

static void enter(struct call *c)
{
	struct muc_self self = { .join = true, .lobby = true, .caps_ver = c->caps_ver,
		.caps_node = c->privacy_version ? CAPS_NODE : CAPS_NODE_PLAIN };
	char nick[NICK_LEN + 1];
	struct buf b = { 0 };
	struct xml *p;

	rng_hex(nick, NICK_LEN);
	buf_addf(&b, "%s/%s", c->door.room, nick);
	call_set(&c->door.me, buf_str(&b));
	buf_free(&b);
	self.occupant = c->door.me;
	p = muc_presence_new(&self);
	xmpp_stream_send(c->stream, &p);
}

static void left(struct call *c)
{
	call_set(&c->door.me, NULL);
	nobody_knocks(c);
}

void door_leave(struct call *c)
{
	struct xml *p;

	if (c->door.me && c->stream) {
		p = muc_leave_new(c->door.me, NULL);
		xmpp_stream_send(c->stream, &p);
	}
	left(c);
	c->door.on = false;
}

void door_forget(struct call *c)
{
	left(c);
	c->door.on = c->door.locked = c->door.asking = c->door.again = false;
	call_set(&c->door.room, NULL);
	call_set(&c->door.component, NULL);
}

bool door_presence(struct call *c, const struct xml *x)
{
	const char *from = xml_attr(x, "from"), *type = xml_attr(x, "type");
	struct muc_presence p;
	bool mine;

	if (!from || !c->door.me || !jid_same_bare(from, c->door.me))
		return false;
	mine = !strcmp(from, c->door.me);
	if (type && !strcmp(type, "error")) {
		log_warn("call", "the lobby cannot be watched: %s", xmpp_error_condition(x));
		left(c);
		c->door.on = false;
	} else if (muc_presence_parse(&p, x) || !*p.nick) {
		return true;
	} else if (p.available && !mine) {
		on_here(c, &p);
	} else if (!p.available && !mine) {
		on_gone(c, &p);
	} else if (!p.available) {      /* closed, or we are not wanted */
		left(c);
		c->door.on = false;
	}
	return true;
}

/* ---- what the room says of itself ---- */

static void look_again(struct call *c);

static void on_description(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const struct xml *q = xml_child(answer, "query", NS_DISCO_INFO);
	const char *lobby = q ? disco_field(q, "muc#roominfo_lobbyroom") : NULL;
	bool ours = lobby && c->door.component && strlen(lobby) < JID_BYTES && strchr(lobby, '@') &&
		    !strchr(lobby, '/') && jid_has_domain(lobby, c->door.component);

	c->door.asking = false;
	if (q) {
		c->door.on = c->door.component && disco_has_feature(q, "muc_membersonly");
		c->door.locked = disco_has_feature(q, "muc_passwordprotected");
		call_set(&c->door.room, ours ? lobby : NULL);
	}
	if (c->door.again)
		look_again(c);
	else
		door_look(c, false);
}

static bool is_at_home(const struct call *c)
{
	return c->phase == PHASE_JOINED && c->stream && c->room && c->main_room && !strcmp(c->room, c->main_room);
}

static void look_again(struct call *c)
{
	struct xml *iq;

	c->door.again = c->door.asking;
	if (c->door.asking || !is_at_home(c))
		return;
	iq = xmpp_iq_new("get", c->room);
	xml_add(iq, "query", NS_DISCO_INFO);
	c->door.asking = !xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_description, c);
}

/* In where we moderate and people have to knock, else out. */
void door_look(struct call *c, bool anew)
{
	bool wanted = is_at_home(c) && c->self_moderator && c->door.on && c->door.room;

	if (anew)
		look_again(c);
	else if (wanted && !c->door.me)
		enter(c);
	else if (!wanted && c->door.me && c->phase == PHASE_JOINED)
		door_leave(c);
}

void door_component(struct call *c, const char *jid)
{
	call_set(&c->door.component, jid);
	/* A description that is under way is read with it in mind. */
	door_look(c, !c->door.asking);
}

/* ---- what other moderators do ---- */

void door_json(struct call *c, const struct chat_message *m)
{
	const struct person_entry *by = roster_find(c, m->nick);
	json_t *j = strlen(m->json) < 8192 ? json_loads(m->json, 0, NULL) : NULL;
	const char *event = json_text(j, "event"), *name = json_text(j, "name");
	const char *who = by && *by->name ? by->name : "a moderator";

	if (strcmp(json_text(j, "type"), "lobby-notify") || m->delayed || !by || !by->p.moderator || by->p.me)
		;               /* nobody else's word counts, and ours we know */
	else if (!strcmp(event, "LOBBY-ENABLED"))
		call_notice(c, json_is_true(json_object_get(j, "value"))
			    ? "%s switched the lobby on: who comes now has to knock" : "%s switched the lobby off", who);
	else if (!strcmp(event, "LOBBY-ACCESS-GRANTED"))
		call_notice(c, "%s let %s in", who, *name ? name : "somebody");
	else if (!strcmp(event, "LOBBY-ACCESS-DENIED"))
		call_notice(c, "%s did not let %s in", who, *name ? name : "somebody");
	json_decref(j);
}

/* The room's answer to our invitation, where it is a refusal. */
bool door_refused(struct call *c, const struct chat_message *m)
{
	if (!*c->door.invite || strcmp(m->ref, c->door.invite) || !c->room || !jid_same_bare(m->from, c->room))
		return false;
	call_complain(c, "refused", "nobody was let in, the server says: %s", m->text);
	return true;
}

/* ---- what is said at the door ---- */

bool door_has(struct call *c, const char *id)
{
	return find(c, id) != NULL;
}

static void show(struct call *c, const struct knocker *k, const char *text, bool mine)
{
	lobby_show(c, (struct call_message){
		.from = mine ? c->nick : k->id, .name = mine ? c->name : k->name,
		.to = mine ? k->id : "", .text = text, .mine = mine,
	});
}

bool door_message(struct call *c, const struct chat_message *m)
{
	const struct knocker *k;
	const char *text;
	json_t *j;
	char *clean;

	if (!c->door.me || !jid_same_bare(m->from, c->door.me))
		return false;
	k = find(c, m->nick);
	j = k && !m->group && strlen(m->json) < 64 * 1024 ? json_loads(m->json, 0, NULL) : NULL;
	if (j && !strcmp(json_text(j, "type"), "LOBBY_CHAT_MESSAGE")) {
		text = json_text(j, "message");
		clean = text_clean(text, strlen(text), WORDS_BYTES, TEXT_TRIM | TEXT_LINES);
		if (clean && *clean)
			show(c, k, clean, false);
		free(clean);
	}
	json_decref(j);
	return true;
}

static int send_json(struct call *c, const struct knocker *k, json_t *j)
{
	struct buf to = { 0 };
	int err;

	buf_addf(&to, "%s/%s", c->door.room, k->id);
	err = lobby_send(c, buf_str(&to), j);
	buf_free(&to);
	return err;
}

/* Who waits is told first with whom it talks, and may answer from then on. */
int door_tell(struct call *c, const char *id, const char *text, const char **kind, char **why)
{
	struct knocker *k = find(c, id);
	char *clean;
	int err = 0;

	if (!c->door.me || !c->door.room || c->phase != PHASE_JOINED || c->cut)
		return call_refuse(kind, why, -ENOTCONN, "not-joined", "not sent: the connection is down");
	clean = text_clean(text, strlen(text), 0, TEXT_TRIM | TEXT_LINES);
	if (!clean || !*clean || strlen(clean) > WORDS_BYTES)
		err = call_refuse(kind, why, -EINVAL, "too-long", "not sent: at the door a message has 1 to 2000 bytes");
	if (!err && !k->greeted)
		err = send_json(c, k, json_pack("{s:s, s:{s:s, s:s}, s:{s:s, s:s}}", "type", "LOBBY_CHAT_INITIALIZED",
			"moderator", "id", jid_resource(c->door.me), "name", *c->name ? c->name : "Moderator",
			"attendee", "id", k->id, "name", k->name));
	k->greeted |= !err;
	if (!err)
		err = send_json(c, k, json_pack("{s:s, s:s}", "type", "LOBBY_CHAT_MESSAGE", "message", clean));
	if (!err)
		show(c, k, clean, true);
	free(clean);
	return err;
}

/* ---- what we do ---- */

static int may_keep(const struct call *c, const char **kind, char **why)
{
	int err = call_may_moderate(c, kind, why);

	if (!err && !c->door.component)
		err = call_refuse(kind, why, -ENOTSUP, "no-lobby", "this server has no lobby");
	if (!err && !is_at_home(c))
		err = call_refuse(kind, why, -EINVAL, "not-joined", "the lobby is of the main room: /breakout main first");
	return err;
}

int call_admit(struct call *c, const char *id, const char **kind, char **why, int64_t now_us)
{
	const char *jids[KNOCKERS_MAX];
	int err = may_keep(c, kind, why);
	struct xml *m;
	size_t n = 0;

	if (!err && (id ? !find(c, id) : !c->door.knockers))
		err = call_refuse(kind, why, -ENOENT, "unknown-person", id ? "that person does not knock"
				  : "nobody knocks");
	if (err)
		return err;
	call_enter(c, now_us);
	rng_uuid(c->door.invite);
	for (size_t i = 0; i < c->door.knockers; i++)
		if (!id || !strcmp(c->door.knocker[i].id, id))
			jids[n++] = c->door.knocker[i].jid;
	m = muc_invite_new(c->room, c->door.invite, jids, n);
	err = xmpp_stream_send(c->stream, &m);
	call_leave_input(c);
	return err;
}

/* Prosody's lobby does not answer when it did as it was told. */
static void on_denied(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");

	if (answer && type && !strcmp(type, "error"))
		call_complain(c, "refused", "deny: refused (%s)", xmpp_error_condition(answer));
}

int call_deny(struct call *c, const char *id, const char **kind, char **why, int64_t now_us)
{
	int err = may_keep(c, kind, why);
	struct xml *iq;

	if (!err && (!find(c, id) || !c->door.room))
		err = call_refuse(kind, why, -ENOENT, "unknown-person", "that person does not knock");
	if (err)
		return err;
	call_enter(c, now_us);
	iq = muc_kick_new(c->door.room, id, "");
	err = xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, now_us, on_denied, c);
	call_leave_input(c);
	return err;
}

/* Who is here stays a member: they would have to knock when they come back. */
static void grant_all(struct call *c)
{
	char *jids[PEOPLE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->people; i++) {
		const struct person_entry *e = c->person[i];

		jids[n] = e->member || e->p.me || e->stale || !*e->jid ? NULL : jid_bare(e->jid);
		n += jids[n] != NULL;
	}
	if (n)
		call_ask(c, muc_members_new(c->room, (const char *const *)jids, n), "lobby");
	while (n)
		free(jids[--n]);
}

static void on_form(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;

	if (!is_at_home(c) || !c->self_moderator)
		return;
	if (!muc_config_has(answer, MUC_MEMBERS_ONLY)) {
		call_complain(c, answer ? "refused" : "timeout", "lobby: %s", !answer ? "no answer from the server"
			      : "this room cannot have one");
		return;
	}
	if (c->door.want)
		grant_all(c);
	call_ask(c, muc_config_new(c->room, MUC_MEMBERS_ONLY, c->door.want ? "true" : "false"), "lobby");
}

int call_set_lobby(struct call *c, bool on, const char **kind, char **why, int64_t now_us)
{
	int err = may_keep(c, kind, why);
	struct xml *iq;

	if (err)
		return err;
	call_enter(c, now_us);
	c->door.want = on;
	iq = xmpp_iq_new("get", c->room);
	xml_add(iq, "query", NS_MUC_OWNER);
	err = xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, now_us, on_form, c);
	call_leave_input(c);
	return err;
}

/* ---- questions ---- */

bool call_knocker(const struct call *c, size_t i, const char **id, const char **name)
{
	if (i >= c->door.knockers)
		return false;
	*id = c->door.knocker[i].id;
	*name = c->door.knocker[i].name;
	return true;
}

bool call_is_locked(const struct call *c)
{
	return c->door.locked && c->phase == PHASE_JOINED;
}

bool call_has_lobby(const struct call *c)
{
	return c->door.on && c->phase == PHASE_JOINED;
}
