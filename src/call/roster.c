/* roster.c - people: presences of the room, and our own
 *
 * The focus is believed only as the occupant whose real JID is the announced
 * one.  A presence is state: each says all.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"

enum { NICK_BYTES = 200, JOIN_LIMIT_US = 20000000, OFFER_US = 20000000 };

/* ---- the list ---- */

struct person_entry *roster_find(struct call *c, const char *id)
{
	for (size_t i = 0; i < c->people; i++)
		if (!strcmp(c->person[i]->id, id))
			return c->person[i];
	return NULL;
}

struct person_entry *roster_me(struct call *c)
{
	for (size_t i = 0; i < c->people; i++)
		if (c->person[i]->p.me)
			return c->person[i];
	return NULL;
}

static void entry_free(struct person_entry *e)
{
	free(e->id);
	free(e->name);
	free(e->jid);
	free(e);
}

void roster_clear(struct call *c)
{
	for (size_t i = 0; i < c->people; i++)
		entry_free(c->person[i]);
	c->people = 0;
}

size_t roster_others(const struct call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->people; i++)
		n += !c->person[i]->p.me && !c->person[i]->stale;
	return n;
}

static void mark_stale(struct call *c)
{
	for (size_t i = 0; i < c->people; i++)
		c->person[i]->stale = true;
}

/* ---- who we were ---- */

/* Until the server notices that our old connection is dead, up to a minute,
 * we stand in the room beside ourselves. */
void roster_remember_self(struct call *c)
{
	const char *jid = c->stream ? xmpp_stream_jid(c->stream) : "";

	if (!*jid || !c->nick || (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING))
		return;
	if (c->ghosts == GHOSTS_MAX) {
		free(c->ghost[0].jid);
		free(c->ghost[0].nick);
		memmove(&c->ghost[0], &c->ghost[1], (GHOSTS_MAX - 1) * sizeof(c->ghost[0]));
		c->ghosts--;
	}
	c->ghost[c->ghosts].jid = c->ghost[c->ghosts].nick = NULL;
	c->ghost[c->ghosts].here = false;
	call_set(&c->ghost[c->ghosts].jid, jid);
	call_set(&c->ghost[c->ghosts].nick, c->nick);
	c->ghosts++;
}

static bool is_ghost(struct call *c, const struct muc_presence *p)
{
	for (unsigned i = 0; p->jid && i < c->ghosts; i++)
		if (!strcmp(c->ghost[i].jid, p->jid) && strcmp(p->nick, c->nick)) {
			c->ghost[i].here = true;
			return true;
		}
	return false;
}

/* NULL: all of them, as another room's people come. */
static void ghosts_leave(struct call *c, const char *nick)
{
	for (unsigned i = 0; i < c->ghosts; i++)
		if (!nick || !strcmp(c->ghost[i].nick, nick))
			c->ghost[i].here = false;
}

bool roster_ghost_here(const struct call *c)
{
	for (unsigned i = 0; i < c->ghosts; i++)
		if (c->ghost[i].here)
			return true;
	return false;
}

bool roster_was_me(const struct call *c, const char *nick)
{
	for (unsigned i = 0; i < c->ghosts; i++)
		if (!strcmp(c->ghost[i].nick, nick))
			return true;
	return c->nick && !strcmp(nick, c->nick);
}

static struct person_entry *entry_new(struct call *c, const char *id, bool self)
{
	struct person_entry *e;

	/* One place is ours. */
	if (c->people >= (self ? PEOPLE_MAX : PEOPLE_MAX - 1))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	call_set(&e->id, id);
	call_set(&e->name, "");
	call_set(&e->jid, "");
	e->p.quality = -1;
	e->p.loss = -1;
	c->person[c->people++] = e;
	return e;
}

static void tell(struct call *c, enum call_event_type type, struct person_entry *e,
		 const char *text, bool quiet)
{
	struct call_event ev = { .type = type, .person = &e->p, .text = text, .quiet = quiet };

	call_emit(c, &ev);
}

/* Our own state is what we say, not what comes back. */
static void set_self(struct call *c, struct person_entry *e)
{
	char *clean = text_clean(c->name, strlen(c->name), NAME_BYTES, TEXT_TRIM);

	call_set(&e->name, clean ? clean : "");
	free(clean);
	e->p.muted = c->muted || c->no_mic;
	e->p.hand_ms = c->hand_ms;
	e->p.hand = c->hand_ms != 0;
}

static void point(struct person_entry *e)
{
	e->p.id = e->id;
	e->p.name = e->name;
	e->p.jid = e->jid;
}

void roster_changed(struct call *c, struct person_entry *e)
{
	if (e->p.me)
		set_self(c, e);
	point(e);
	if (e->told)
		tell(c, CALL_EV_PERSON_CHANGED, e, "", false);
}

static void remove_entry(struct call *c, struct person_entry *e, const char *text, bool quiet)
{
	session_forget_owner(c, e->id);
	point(e);
	if (e->told)
		tell(c, CALL_EV_PERSON_LEFT, e, text, quiet);
	for (size_t i = 0; i < c->people; i++)
		if (c->person[i] == e) {
			memmove(&c->person[i], &c->person[i + 1],
				(--c->people - i) * sizeof(c->person[0]));
			break;
		}
	entry_free(e);
}

static void remove_stale(struct call *c)
{
	for (size_t i = c->people; i-- > 0;)
		if (c->person[i]->stale)
			remove_entry(c, c->person[i], "", true);
}

/* ---- our own presence ---- */

void roster_send(struct call *c, bool join)
{
	struct buf info = { 0 };
	struct muc_self self = {
		.occupant = c->occupant, .join = join, .password = c->password,
		.billing_id = c->http_request ? c->machine_uid : NULL,
		.stats_id = c->stats_id, .caps_ver = c->caps_ver,
		.caps_node = c->privacy_version ? CAPS_NODE : CAPS_NODE_PLAIN,
		.display_name = c->name, .email = c->email, .region = c->d.user_region,
		.audio_muted = c->muted || c->no_mic, .hand_ms = c->hand_ms,
		.silent = c->no_mic && c->a.start_silent,
	};
	struct xml *p;

	/* A source is named once the focus has it: readers go by that. */
	source_info_write(&info, c->source_told && !join ? c->source_name : NULL, c->muted);
	self.source_info = buf_str(&info);
	p = muc_presence_new(&self);
	if (join) {
		c->phase = PHASE_JOINING;
		c->join_limit_us = c->now_us + JOIN_LIMIT_US;
		c->source_told = c->moderated = false;
		call_set(&c->focus_occupant, NULL);
		mark_stale(c);
		ghosts_leave(c, NULL);
	}
	c->presence_dirty = false;
	c->presence_sent_us = c->now_us;
	if (c->stream)
		xmpp_stream_send(c->stream, &p);
	else
		xml_free(&p);
	buf_free(&info);
}

void roster_dirty(struct call *c)
{
	c->presence_dirty = true;
	roster_tick(c);
}

void roster_tick(struct call *c)
{
	if (c->presence_dirty && c->phase == PHASE_JOINED && c->stream && !c->cut &&
	    c->now_us - c->presence_sent_us >= PRESENCE_GAP_US)
		roster_send(c, false);
}

/* ---- the focus ---- */

bool roster_is_focus(const struct call *c, const char *from)
{
	return c->focus_occupant && from && !strcmp(c->focus_occupant, from);
}

static bool is_focus_jid(const struct call *c, const char *jid)
{
	return jid && ((c->focus_jid && jid_same_bare(jid, c->focus_jid)) ||
		       (c->d.focus_user_jid && jid_same_bare(jid, c->d.focus_user_jid)));
}

static void on_focus_here(struct call *c, const struct muc_presence *p)
{
	const char *restart = muc_property(p->properties, "support-terminate-restart"), *full;

	call_set(&c->focus_occupant, p->from);
	c->focus_gone_us = 0;
	c->focus_calls = 0;
	if (c->phase == PHASE_JOINED)
		c->request_at_us = 0;
	c->no_restart = restart && strcmp(restart, "true");
	full = muc_property(p->properties, "audio-limit-reached");
	c->audio_full = full && !strcmp(full, "true");
	if (c->focus_was_gone && roster_others(c)) {
		c->offer_limit_us = c->now_us + OFFER_US;       /* it invites everybody anew */
		if (c->outage < OUTAGE_FOCUS)
			c->outage = OUTAGE_FOCUS;
	}
	c->focus_was_gone = false;
	if (p->bridge_down && !c->bridge_down)
		call_notice(c, "the server has no media bridge at the moment; waiting for one");
	c->bridge_down = p->bridge_down;
}

static void on_focus(struct call *c, const struct muc_presence *p)
{
	if (p->available) {
		on_focus_here(c, p);
		return;
	}
	call_set(&c->focus_occupant, NULL);
	if (c->phase != PHASE_JOINED)
		return;
	/* It does not come back by itself, and everybody asks: so jittered. */
	c->focus_was_gone = true;
	c->count.focus_lost++;
	c->request_try = 0;
	c->focus_gone_us = c->now_us + call_random_us(c, 5000000, 10000000);
	call_notice(c, "the conference's focus has left; the sound goes on, asking for it again");
}

/* ---- presences ---- */

static void on_joined(struct call *c, const struct muc_presence *p)
{
	struct call_event ev = { .type = CALL_EV_JOINED };
	struct person_entry *me;
	bool again = c->ever_joined;

	c->phase = PHASE_JOINED;
	c->left_room = false;
	c->join_limit_us = c->lost_us = 0;
	c->joined_us = c->now_us;
	c->ever_joined = true;
	remove_stale(c);
	lobby_leave(c);
	if (again) {
		c->count.rejoined++;
		/* The old session is of a place that we left; a new one comes
		 * within seconds, unless we are alone. */
		c->media_stop_us = c->media_running ? c->now_us + 10000000 : 0;
		call_set(&c->sid, NULL);
		c->restart_at_us = c->interrupted_us = 0;
		c->offer_limit_us = roster_others(c) ? c->now_us + 2 * OFFER_US : 0;
		talk_rejoined(c);
	}
	me = roster_me(c);
	ev.person = me ? &me->p : NULL;
	call_set_state(c, CALL_JOINED, "");
	call_emit(c, &ev);
	policy_seated(c);
	c->was_seated |= c->disco_known;
	door_look(c, true);
	if (p->created)
		join_room_created(c);
	roster_tick(c);
}

static void end_by_room(struct call *c, const struct muc_presence *p)
{
	const char *reason = *p->reason ? p->reason : p->status_text;
	const struct person_entry *by = p->actor ? roster_find(c, p->actor) : NULL;

	if (c->left_room && c->phase == PHASE_JOINING && !p->destroyed && !p->banned && !p->kicked)
		c->left_room = false;   /* the goodbye of before we came in again */
	else if (c->phase == PHASE_LEAVING)
		call_finish(c, CALL_END_LEFT, "left", "%s", "");
	else if (breakout_closed(c, p))
		return;
	else if (p->destroyed)
		call_finish(c, CALL_END_LEFT, "destroyed", "the meeting was ended%s%s", *reason ? ": " : "",
			    reason);
	else if (p->banned)
		call_finish(c, CALL_END_TURNED_AWAY, "banned", "you were banned%s%s",
			    *reason ? ": " : "", reason);
	else if (p->kicked)
		call_finish(c, CALL_END_TURNED_AWAY, "kicked", "%s removed you%s%s", by && *by->name ? by->name
			    : "a moderator", *reason ? ": " : "", reason);
	else
		call_lost(c, CALL_END_TURNED_AWAY, "removed", "the server took us out of the room%s%s",
			  *reason ? ": " : "", reason);
}

/* Why somebody left, where that is worth a word. */
static char *why_left(struct call *c, const struct muc_presence *p)
{
	const struct person_entry *by = p->actor ? roster_find(c, p->actor) : NULL;
	struct buf b = { 0 };
	char *clean;

	if (p->kicked || p->banned)
		buf_addf(&b, "%s by %s%s%s", p->banned ? "banned" : "removed", by && *by->name ? by->name
			 : "a moderator", *p->reason ? ": " : "", p->reason);
	else if (p->removed || text_starts(p->status_text, "Disconnected"))
		buf_adds(&b, "connection lost");
	clean = text_clean(buf_str(&b), b.len, 300, TEXT_TRIM);
	buf_free(&b);
	return clean;
}

static void on_left(struct call *c, const struct muc_presence *p)
{
	struct person_entry *e = roster_find(c, p->nick);
	char *why;

	ghosts_leave(c, p->nick);
	if (!e)
		return;
	why = why_left(c, p);
	remove_entry(c, e, why ? why : "", false);
	free(why);
	if (!roster_others(c))
		outage_forget(c);
}

static bool differs(const struct person_entry *e, const struct call_person *old,
		    const char *old_name)
{
	return strcmp(e->name, old_name) || e->p.moderator != old->moderator || e->p.muted != old->muted ||
	       e->p.video != old->video || e->p.screen != old->screen;
}

static void take_presence(struct call *c, struct person_entry *e, const struct muc_presence *p)
{
	const char *name = p->display_name ? p->display_name : "";
	char *clean = text_clean(name, strlen(name), NAME_BYTES, TEXT_TRIM);

	e->stale = false;
	call_set(&e->name, clean ? clean : "");
	call_set(&e->jid, p->jid ? p->jid : "");
	e->p.moderator = p->role == MUC_MODERATOR;
	e->member = !strcmp(p->affiliation, "owner") || !strcmp(p->affiliation, "admin") ||
		    !strcmp(p->affiliation, "member");
	e->p.muted = muc_presence_audio_muted(p);
	e->p.video = p->sources.present ? p->sources.video_on : p->has_videomuted && !p->videomuted;
	e->p.screen = p->sources.desktop_on;
	e->p.hand_ms = p->hand_ms;
	e->p.hand = p->hand_ms != 0;
	if (e->p.me) {
		c->self_moderator = e->p.moderator;
		set_self(c, e);
	}
	point(e);
	free(clean);
}

static void update(struct call *c, struct person_entry *e, const struct muc_presence *p)
{
	struct call_person old = e->p;
	char *old_name = strdup(e->name);
	bool fresh = !e->told, quiet = c->phase != PHASE_JOINED;

	take_presence(c, e, p);
	e->told = true;
	if (fresh) {
		tell(c, CALL_EV_PERSON_JOINED, e, "", quiet);
		session_tell_owner(c, e->id);
	} else if (!old_name || differs(e, &old, old_name)) {
		tell(c, CALL_EV_PERSON_CHANGED, e, "", quiet);
	} else if (e->p.hand_ms != old.hand_ms) {
		tell(c, CALL_EV_HAND, e, "", quiet);
	}
	free(old_name);
	if (p->e2ee && !c->e2ee_told && !e->p.me) {
		c->e2ee_told = true;
		call_notice(c, "this call is encrypted end to end, which is not built in yet: "
			    "you will hear noise or nothing");
	}
}

static struct person_entry *seat(struct call *c, const struct muc_presence *p, bool self)
{
	struct person_entry *e = roster_find(c, p->nick);

	if (!e)
		e = entry_new(c, p->nick, self);
	if (!e || !self)
		return e;
	for (size_t i = 0; i < c->people; i++)
		c->person[i]->p.me = c->person[i] == e;
	return e;
}

static void on_available(struct call *c, const struct muc_presence *p)
{
	bool self = !strcmp(p->nick, c->nick);
	struct person_entry *e;

	/* Recorders and transcribers live on a domain of their own. */
	if (c->d.hidden_domain && p->jid && jid_has_domain(p->jid, c->d.hidden_domain))
		return;
	if (is_ghost(c, p))
		return;
	e = seat(c, p, self);
	if (!e)
		return;
	update(c, e, p);
	if (self && c->phase == PHASE_JOINING)
		on_joined(c, p);
	else if (self)
		door_look(c, false);    /* we may have become a moderator, or be none any more */
}

/* Who claims the focus's nick without its JID is somebody who pretends. */
static bool pretends(struct call *c, const struct muc_presence *p)
{
	if (strcmp(p->nick, "focus"))
		return false;
	c->count.forged++;
	log_warn("call", "an occupant named focus is %s, not %s: ignored", p->jid ? p->jid : "(hidden)",
		 c->focus_jid ? c->focus_jid : "(unknown)");
	return true;
}

void roster_presence(struct call *c, const struct xml *x)
{
	const char *type = xml_attr(x, "type"), *from = xml_attr(x, "from");
	struct muc_presence p;

	if (!from || !c->room || !jid_same_bare(from, c->room))
		return;
	if (type && !strcmp(type, "error")) {
		if (c->phase == PHASE_JOINING && !strcmp(from, c->occupant))
			join_on_error(c, x);
		return;
	}
	if (c->phase != PHASE_JOINING && c->phase != PHASE_JOINED && c->phase != PHASE_LEAVING)
		return;
	if (muc_presence_parse(&p, x) || !*p.nick || strlen(p.nick) > NICK_BYTES)
		return;
	if (p.ignore && !p.available)   /* somebody who changes to a breakout room */
		return;
	if (is_focus_jid(c, p.jid)) {
		on_focus(c, &p);
	} else if (!p.available && roster_is_focus(c, from)) {
		on_focus(c, &p);        /* a goodbye may leave the JID out */
	} else if (pretends(c, &p)) {
		return;
	} else if (p.available) {
		on_available(c, &p);
	} else if (!strcmp(p.nick, c->nick)) {
		end_by_room(c, &p);
	} else {
		on_left(c, &p);
	}
}
