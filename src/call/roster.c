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

enum { NAME_BYTES = 200 };

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

void roster_mark_stale(struct call *c)
{
	for (size_t i = 0; i < c->people; i++)
		c->person[i]->stale = true;
}

static struct person_entry *entry_new(struct call *c, const char *id)
{
	struct person_entry *e;

	if (c->people == PEOPLE_MAX)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	call_set(&e->id, id);
	call_set(&e->name, "");
	call_set(&e->jid, "");
	e->p.quality = -1;
	c->person[c->people++] = e;
	return e;
}

static void tell(struct call *c, enum call_event_type type, struct person_entry *e, const char *text,
		 bool quiet)
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
		.stats_id = c->stats_id, .caps_node = CAPS_NODE, .caps_ver = c->caps_ver,
		.display_name = c->name, .email = c->email,
		.audio_muted = c->muted || c->no_mic, .hand_ms = c->hand_ms,
		.silent = c->no_mic && c->a.start_silent,
	};
	struct xml *p;

	source_info_write(&info, c->no_mic ? NULL : c->source_name, c->muted);
	self.source_info = buf_str(&info);
	p = muc_presence_new(&self);
	if (join) {
		c->phase = PHASE_JOINING;
		c->join_limit_us = c->now_us + 20000000;
		call_set(&c->focus_occupant, NULL);
		roster_mark_stale(c);
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
	if (c->presence_dirty && c->phase == PHASE_JOINED && c->stream &&
	    c->now_us - c->presence_sent_us >= PRESENCE_GAP_US)
		roster_send(c, false);
}

/* ---- the focus ---- */

bool roster_is_focus(const struct call *c, const char *from)
{
	return c->focus_occupant && from && !strcmp(c->focus_occupant, from);
}

static void on_focus(struct call *c, const struct muc_presence *p)
{
	if (p->available) {
		call_set(&c->focus_occupant, p->from);
		c->focus_gone_us = 0;
		if (p->bridge_down && !c->bridge_down_told)
			call_notice(c, "the server has no media bridge at the moment; waiting for one");
		c->bridge_down_told = p->bridge_down;
		return;
	}
	call_set(&c->focus_occupant, NULL);
	if (c->phase != PHASE_JOINED)
		return;
	/* It does not come back by itself, and everybody asks: so jittered. */
	c->focus_gone_us = c->now_us + call_random_us(c, 5000000, 10000000);
	call_notice(c, "the conference's focus has left; the sound goes on, asking for it again");
}

/* ---- presences ---- */

static void on_joined(struct call *c)
{
	struct person_entry *me = roster_me(c);
	struct call_event ev = { .type = CALL_EV_JOINED, .person = me ? &me->p : NULL };
	bool again = c->ever_joined;

	c->phase = PHASE_JOINED;
	c->join_limit_us = 0;
	c->ever_joined = true;
	c->lost_us = 0;
	c->attempt = 0;
	remove_stale(c);
	if (again) {
		c->count.rejoined++;
		/* The old session is of a place that we left; a new one comes
		 * within seconds, unless we are alone. */
		c->media_stop_us = c->media_running ? c->now_us + 10000000 : 0;
		call_set(&c->sid, NULL);
		source_set_clear(&c->sources);
	}
	call_set_state(c, CALL_JOINED, "");
	call_emit(c, &ev);
	if (c->want_start_muted && !c->self_moderator && !c->muted) {
		struct call_event muted = { .type = CALL_EV_MUTED_BY };

		c->muted = true;
		roster_dirty(c);
		roster_changed(c, me);
		call_emit(c, &muted);
	}
}

static void end_by_room(struct call *c, const struct muc_presence *p)
{
	const char *reason = *p->reason ? p->reason : p->status_text;
	const struct person_entry *by = p->actor ? roster_find(c, p->actor) : NULL;

	if (c->phase == PHASE_LEAVING)
		call_finish(c, CALL_END_LEFT, "left", "%s", "");
	else if (p->destroyed)
		call_finish(c, CALL_END_LEFT, "destroyed", "the meeting was ended%s%s", *reason ? ": " : "",
			    reason);
	else if (p->banned)
		call_finish(c, CALL_END_TURNED_AWAY, "banned", "you were banned%s%s", *reason ? ": " : "", reason);
	else if (p->kicked)
		call_finish(c, CALL_END_TURNED_AWAY, "kicked", "%s removed you%s%s", by && *by->name ? by->name
			    : "a moderator", *reason ? ": " : "", reason);
	else
		call_lost(c, CALL_END_TURNED_AWAY, "removed", "the server took us out of the room%s%s",
			  *reason ? ": " : "", reason);
}

static void on_left(struct call *c, const struct muc_presence *p)
{
	struct person_entry *e = roster_find(c, p->nick);
	const char *why = p->kicked ? (*p->reason ? p->reason : "removed by a moderator") : "";
	char *clean;

	if (!e)
		return;
	clean = text_clean(why, strlen(why), 300, TEXT_TRIM);
	remove_entry(c, e, clean ? clean : "", false);
	free(clean);
}

static bool differs(const struct person_entry *e, const struct call_person *old, const char *old_name)
{
	return strcmp(e->name, old_name) || e->p.moderator != old->moderator || e->p.muted != old->muted ||
	       e->p.video != old->video || e->p.screen != old->screen || e->p.hand_ms != old->hand_ms;
}

static void update(struct call *c, struct person_entry *e, const struct muc_presence *p)
{
	struct call_person old = e->p;
	char *old_name = strdup(e->name);
	char *clean = text_clean(p->display_name ? p->display_name : "",
				 p->display_name ? strlen(p->display_name) : 0, NAME_BYTES, TEXT_TRIM);
	bool fresh = !e->told, quiet = c->phase != PHASE_JOINED;

	e->stale = false;
	call_set(&e->name, clean ? clean : "");
	call_set(&e->jid, p->jid ? p->jid : "");
	e->p.moderator = p->role == MUC_MODERATOR;
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
	e->told = true;
	if (fresh)
		tell(c, CALL_EV_PERSON_JOINED, e, "", quiet);
	else if (!old_name || differs(e, &old, old_name))
		tell(c, CALL_EV_PERSON_CHANGED, e, "", quiet);
	free(old_name);
	free(clean);
}

static void on_available(struct call *c, const struct muc_presence *p)
{
	struct person_entry *e = roster_find(c, p->nick);
	bool self = !strcmp(p->nick, c->nick);

	/* Recorders and transcribers live on a domain of their own. */
	if (c->d.hidden_domain && p->jid && jid_has_domain(p->jid, c->d.hidden_domain))
		return;
	if (!e)
		e = entry_new(c, p->nick);
	if (!e)
		return;
	/* After a rejoin under another id the old one is nobody's. */
	for (size_t i = 0; self && i < c->people; i++)
		c->person[i]->p.me = false;
	e->p.me = self;
	update(c, e, p);
	if (self && c->phase == PHASE_JOINING)
		on_joined(c);
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
	if (muc_presence_parse(&p, x) || !*p.nick || strlen(p.nick) > 200 || p.ignore)
		return;
	if (c->focus_jid && p.jid && jid_same_bare(p.jid, c->focus_jid)) {
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
