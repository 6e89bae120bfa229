/* rooms.c - rooms beside the one that was asked for: its lobby, its breakout rooms
 *
 * A room with a lobby refuses us and names it: we knock there, under a nick
 * that tells nothing, until somebody lets us in, denies us, or opens the room.
 * Breakout rooms belong to the same meeting: a moderator moves people there and
 * back, which for the server is a leave and a join on the same stream, with a
 * media session of that room's own.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/call_priv.h"

enum { LOBBY_NICK = 8, JID_BYTES = 600 };

/* ---- the lobby ---- */

void lobby_knock(struct call *c, const char *lobby)
{
	struct muc_self self = {
		.join = true, .caps_ver = c->caps_ver, .email = c->email,
		.caps_node = c->privacy_version ? CAPS_NODE : CAPS_NODE_PLAIN,
		.display_name = *c->name ? c->name : "guest", .lobby = true,
	};
	char nick[LOBBY_NICK + 1];
	struct buf b = { 0 };
	struct xml *p;

	rng_hex(nick, LOBBY_NICK);
	buf_addf(&b, "%s/%s", lobby, nick);
	call_set(&c->lobby_me, buf_str(&b));
	buf_free(&b);
	self.occupant = c->lobby_me;
	p = muc_presence_new(&self);
	c->phase = PHASE_LOBBY;
	call_set_state(c, CALL_LOBBY, "waiting for somebody to let you in");
	xmpp_stream_send(c->stream, &p);
}

void lobby_leave(struct call *c)
{
	struct xml *p;

	if (c->lobby_me && c->stream) {
		p = muc_leave_new(c->lobby_me, NULL);
		xmpp_stream_send(c->stream, &p);
	}
	call_set(&c->lobby_me, NULL);
	call_set(&c->lobby_host, NULL);
}

/* The way is free; the lobby is left once we are in. */
static void admitted(struct call *c, const char *words)
{
	call_step(c, "%s", words);
	call_set_state(c, CALL_CONNECTING, "");
	request_begin(c);
}

static void lobby_ended(struct call *c, const struct muc_presence *p)
{
	call_set(&c->lobby_me, NULL);
	if (c->phase != PHASE_LOBBY)
		return;
	if (p->destroyed && p->destroy_jid)
		admitted(c, "the room is open now");
	else if (p->destroyed)
		call_finish(c, CALL_END_LEFT, "destroyed", "the meeting was ended%s%s",
			    *p->reason ? ": " : "", p->reason);
	else if (p->kicked || p->banned)
		call_finish(c, CALL_END_TURNED_AWAY, "denied", "%s: you were not let in%s%s", c->a.title,
			    *p->reason ? ": " : "", p->reason);
	else
		call_finish(c, CALL_END_TURNED_AWAY, "lobby", "%s: the lobby was closed", c->a.title);
}

/* It may have been closed since the room named it. */
static void lobby_refused(struct call *c, const struct xml *presence)
{
	call_set(&c->lobby_me, NULL);
	if (c->phase != PHASE_LOBBY)
		return;
	if (++c->join_try > 3)
		call_finish(c, CALL_END_TURNED_AWAY, "lobby", "%s has a lobby that cannot be entered: %s", c->a.title,
			    xmpp_error_condition(presence));
	else
		admitted(c, "the lobby is closed; trying the room again");
}

bool lobby_presence(struct call *c, const struct xml *x)
{
	const char *from = xml_attr(x, "from"), *type = xml_attr(x, "type");
	struct muc_presence p;

	if (!from || !c->lobby_me || !jid_same_bare(from, c->lobby_me))
		return false;
	if (type && !strcmp(type, "error"))
		lobby_refused(c, x);
	else if (!muc_presence_parse(&p, x) && !p.available && !strcmp(from, c->lobby_me))
		lobby_ended(c, &p);
	return true;
}

/* ---- what is said at the door ---- */

void lobby_show(struct call *c, struct call_message m)
{
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &m };
	char id[17];

	rng_hex(id, 16);
	m.id = id;
	m.private_ = true;
	m.time_us = clock_wall_us();
	call_emit(c, &ev);
}

int lobby_send(struct call *c, const char *to, json_t *j)
{
	char *dump = j ? json_dumps(j, JSON_COMPACT) : NULL;
	struct xml *x;
	int err;

	json_decref(j);
	if (!dump)
		return -ENOMEM;
	x = chat_json_new(to, false, dump);
	err = xmpp_stream_send(c->stream, &x);
	free(dump);
	return err;
}

static void host_says(struct call *c, const char *from, const char *text)
{
	char *clean = text_clean(text, strlen(text), 2000, TEXT_TRIM | TEXT_LINES);

	lobby_show(c, (struct call_message){
		.from = jid_resource(from), .name = c->lobby_host_name ? c->lobby_host_name : "moderator",
		.to = "", .text = clean ? clean : "",
	});
	free(clean);
}

static void lobby_json(struct call *c, const struct chat_message *m)
{
	json_t *j = json_loads(m->json, 0, NULL);
	const char *type = json_text(j, "type"), *name = json_text(json_object_get(j, "moderator"), "name");
	char *clean;

	if (!strcmp(type, "LOBBY_CHAT_INITIALIZED")) {
		clean = text_clean(name, strlen(name), NAME_BYTES, TEXT_TRIM);
		call_set(&c->lobby_host, m->from);
		call_set(&c->lobby_host_name, clean && *clean ? clean : "moderator");
		free(clean);
		call_notice(c, "at the door %s talks to you: what you write goes there", c->lobby_host_name);
	} else if (!strcmp(type, "LOBBY_CHAT_MESSAGE")) {
		host_says(c, m->from, json_text(j, "message"));
	} else if (!strcmp(type, "MODERATOR_IN_CHAT_WITH_LEFT")) {
		call_set(&c->lobby_host, NULL);
	}
	json_decref(j);
}

bool lobby_say(struct call *c, const char *text)
{
	if (c->phase != PHASE_LOBBY || !c->lobby_host || !c->stream)
		return false;
	return lobby_send(c, c->lobby_host, json_pack("{s:s, s:s}", "type", "LOBBY_CHAT_MESSAGE",
						      "message", text)) != -ENOMEM;
}

bool lobby_message(struct call *c, const struct xml *x, const struct chat_message *m)
{
	const struct xml *user = xml_child(x, "x", NS_MUC_USER);
	const char *password = xml_child_text(user, "password", NULL);

	if (c->phase != PHASE_LOBBY)
		return false;
	if (m->kind == CHAT_JSON && c->lobby_me && jid_same_bare(m->from, c->lobby_me)) {
		if (!m->group && strlen(m->json) < 64 * 1024)
			lobby_json(c, m);
		return true;
	}
	if (m->kind != CHAT_INVITE || !c->room || !jid_same_bare(m->from, c->room))
		return false;
	if (password)
		call_set(&c->password, password);
	admitted(c, "you are let in");
	return true;
}

/* ---- breakout rooms ---- */

/* Only rooms of this meeting's server: the main one, and its component's. */
static bool is_of_meeting(const struct call *c, const char *jid)
{
	char *bare = jid_bare(jid);
	bool ok = bare && strchr(bare, '@') && strlen(bare) < JID_BYTES &&
		  (jid_same_bare(bare, c->main_room) ||
		   (c->breakout_jid && jid_has_domain(bare, c->breakout_jid)));

	free(bare);
	return ok;
}

/* leave: we are still in the old room. */
static void breakout_move(struct call *c, const char *room, bool leave)
{
	struct buf b = { 0 };
	struct xml *p;

	if (!is_of_meeting(c, room) || jid_same_bare(room, c->room) || !c->stream ||
	    (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING))
		return;
	if (leave) {
		p = muc_leave_new(c->occupant, "switch_room");
		xmpp_stream_send(c->stream, &p);
	}
	call_notice(c, "%s", jid_same_bare(room, c->main_room) ? "back to the main room"
		    : "moved to a breakout room");
	session_drop(c);
	door_leave(c);
	talk_clear(c);
	call_set(&c->room, room);
	buf_addf(&b, "%s/%s", room, c->nick);
	call_set(&c->occupant, buf_str(&b));
	buf_free(&b);
	call_set(&c->focus_occupant, NULL);
	call_set(&c->subject, "");
	c->muted_by_focus = c->moderated = false;
	c->focus_gone_us = 0;
	call_set_state(c, CALL_CONNECTING, "");
	request_begin(c);
}

void breakout_clear(struct call *c)
{
	while (c->breakouts) {
		free(c->breakout[--c->breakouts].jid);
		free(c->breakout[c->breakouts].name);
	}
}

/* All rooms of the meeting; the main one has no name on most servers. */
static void take_rooms(struct call *c, json_t *rooms)
{
	const char *key;
	json_t *r;

	breakout_clear(c);
	json_object_foreach(rooms, key, r) {
		const char *jid = json_text(r, "jid"), *name = json_text(r, "name");
		char *clean;

		(void)key;
		if (json_is_true(json_object_get(r, "isMainRoom")) || !is_of_meeting(c, jid) ||
		    c->breakouts == BREAKOUTS_MAX)
			continue;
		clean = text_clean(name, strlen(name), NAME_BYTES, TEXT_TRIM);
		c->breakout[c->breakouts].jid = c->breakout[c->breakouts].name = NULL;
		call_set(&c->breakout[c->breakouts].jid, jid);
		call_set(&c->breakout[c->breakouts++].name, clean && *clean ? clean : "breakout room");
		free(clean);
	}
}

void breakout_json(struct call *c, const json_t *j)
{
	const char *room = json_text(j, "roomJid"), *event = json_text(j, "event");

	if (!strcmp(event, "features/breakout-rooms/move-to-room") && *room)
		breakout_move(c, room, true);
	else if (!strcmp(event, "features/breakout-rooms/update"))
		take_rooms(c, json_object_get(j, "rooms"));
}

const char *call_breakout_name(const struct call *c, size_t i)
{
	return i < c->breakouts ? c->breakout[i].name : NULL;
}

static const char *find_room(const struct call *c, const char *name)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (*name && !*end)
		return n >= 1 && n <= c->breakouts ? c->breakout[n - 1].jid : NULL;
	for (size_t i = 0; i < c->breakouts; i++)
		if (!strcmp(c->breakout[i].name, name) || !strcmp(c->breakout[i].jid, name))
			return c->breakout[i].jid;
	return NULL;
}

int call_change_room(struct call *c, const char *name, const char **kind, char **why, int64_t now_us)
{
	const char *jid = name ? find_room(c, name) : c->main_room;

	if (c->phase != PHASE_JOINED)
		return call_refuse(kind, why, -ENOTCONN, "not-joined", "you are in no room");
	if (!jid)
		return call_refuse(kind, why, -ENOENT, "unknown-room", "there is no breakout room of that name");
	if (jid_same_bare(jid, c->room))
		return call_refuse(kind, why, -EALREADY, "there", "you are in that room");
	call_enter(c, now_us);
	breakout_move(c, jid, true);
	call_leave_input(c);
	return 0;
}

bool breakout_closed(struct call *c, const struct muc_presence *p)
{
	if (!p->destroyed || !p->destroy_jid || jid_same_bare(c->room, c->main_room))
		return false;
	breakout_move(c, c->main_room, false);
	return true;
}
