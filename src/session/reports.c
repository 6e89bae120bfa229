/* reports.c - what the call and the sound report, made into state and words
 *
 * Everything that `call` says becomes state here and an event for the front
 * ends; the words that people read ("Ben raised a hand") are made here, once,
 * for every front end.
 */
#include "session/session_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* ---- the sound ---- */

static bool cancels_echo(const struct session *s)
{
	return settings_bool(s->settings, "audio.aec") && !settings_bool(s->settings, "audio.music") &&
	       strcmp(settings_text(s->settings, "audio.processing"), "off");
}

void session_on_device(struct session *s, enum audio_side side, enum audio_dev_state state,
		       const char *text, bool real)
{
	static const char *const what[] = { "mic", "speaker" };
	char *clean = text_clean(text, strlen(text), 300, TEXT_TRIM);
	bool bad = state == AUDIO_DEV_FAILED, was_bad = *s->trouble[side];

	if (!clean)
		abort();
	s->dev_real[side] = real;
	s->dev_running[side] = state == AUDIO_DEV_RUNNING;
	session_text_set(&s->trouble[side], bad ? clean : "");
	if (bad && !was_bad)
		message_say(s, MESSAGE_EVENT, "%s: %s; trying again, the call goes on",
			    side == AUDIO_MIC ? "no microphone" : "no sound", clean);
	if (!bad && was_bad && state == AUDIO_DEV_RUNNING)
		message_say(s, MESSAGE_EVENT, "%s is back: %s",
			    side == AUDIO_MIC ? "the microphone" : "the sound", clean);
	if (s->dev_real[0] && s->dev_real[1] && s->dev_running[0] && s->dev_running[1] &&
	    !s->told_headphones && !cancels_echo(s)) {
		s->told_headphones = true;
		message_say(s, MESSAGE_EVENT,
			    "use headphones: without them the others hear themselves");
	}
	event_push(s, SESSION_EV_DEVICE, NULL, clean, what[side], !bad, state == AUDIO_DEV_OPENING);
	session_touch(s, DIRTY_STATUS);
	free(clean);
}

void session_set_media(struct session *s, enum session_media m, const char *why)
{
	if (s->media == m)
		return;
	s->media = m;
	event_push(s, SESSION_EV_MEDIA, NULL, why, session_media_name(m),
		   m == SESSION_MEDIA_CONNECTED, false);
	session_touch(s, DIRTY_STATUS);
}

static void media_is_up(struct session *s)
{
	if (s->was_up)
		return;         /* the call itself says how long the sound was away */
	s->was_up = true;
	sound_start_files(s->sound);
}

void session_on_media(struct session *s, const char *sid, int state, const char *why)
{
	struct call *c = session_call(s);

	switch (state) {
	case PEER_CONNECTING:
	case PEER_SECURING:
		if (s->media != SESSION_MEDIA_INTERRUPTED)
			session_set_media(s, SESSION_MEDIA_CONNECTING, why);
		break;
	case PEER_UP:
		session_set_media(s, SESSION_MEDIA_CONNECTED, why);
		media_is_up(s);
		break;
	default:
		if (s->media == SESSION_MEDIA_CONNECTED)
			message_say(s, MESSAGE_EVENT, "the sound is interrupted%s%s",
				    why && *why ? ": " : "", why ? why : "");
		session_set_media(s, SESSION_MEDIA_INTERRUPTED, why);
	}
	if (c)
		call_media_state(c, sid, state, why, clock_now_us());
	session_kick(s);
}

void session_on_want(struct session *s, const char *sid, enum call_want want, const char *why)
{
	struct call *c = session_call(s);

	if (c)
		call_media_wants(c, sid, want, why, clock_now_us());
	session_kick(s);
}

/* The bridge channel by SCTP: the media thread's news for the call. */
void session_on_channel(struct session *s, const char *sid, bool open, bool over, const char *why)
{
	if (s->link)
		call_link_data_state(s->link, sid, open, over, why);
	session_kick(s);
}

void session_on_channel_text(struct session *s, const char *sid, const char *text, size_t len)
{
	if (s->link)
		call_link_data(s->link, sid, text, len);
	session_kick(s);
}

/* ---- the call ---- */

static const char *name_of(struct session *s, const struct call_person *p)
{
	const struct member *m = p ? member_find(s, p->id) : NULL;

	return m ? m->shown : "somebody";
}

static void on_state(struct session *s, const struct call_event *ev)
{
	static const enum session_state map[] = {
		[CALL_IDLE] = SESSION_IDLE, [CALL_CONNECTING] = SESSION_CONNECTING,
		[CALL_LOBBY] = SESSION_LOBBY, [CALL_JOINED] = SESSION_JOINED,
		[CALL_RECONNECTING] = SESSION_RECONNECTING, [CALL_LEFT] = SESSION_LEFT,
	};
	enum session_state old = s->state;

	s->state = map[ev->state];
	if (s->state == SESSION_RECONNECTING && old != s->state)
		message_say(s, MESSAGE_EVENT, "%s; trying again", ev->text && *ev->text ? ev->text
			    : "the connection is lost");
	if (s->state == SESSION_CONNECTING && old != s->state)
		message_say(s, MESSAGE_EVENT, "connecting to %s", s->host);
	event_push(s, SESSION_EV_STATE, NULL, ev->text, session_state_name(s->state), true, false);
	session_touch(s, DIRTY_STATUS);
}

static void on_joined(struct session *s, const struct call_event *ev)
{
	struct call *c = session_call(s);
	bool again = s->joined_us != 0;
	bool is_new;

	if (ev->person)
		member_update(s, ev->person, &is_new);
	session_text_set(&s->room, call_room_title(c));
	if (!again) {
		s->joined_us = clock_now_us();
		message_say(s, MESSAGE_EVENT, "joined %s, %zu %s%s", s->room, s->members,
			    s->members == 1 ? "person" : "people",
			    s->muted ? "; you are muted" : "");
	} else {
		message_say(s, MESSAGE_EVENT, "back in %s, %zu %s", s->room, s->members,
			    s->members == 1 ? "person" : "people");
	}
	members_order(s, clock_now_us(), true);
	event_push(s, SESSION_EV_JOINED, session_me(s), s->room, NULL, true, again);
	session_touch(s, DIRTY_STATUS | DIRTY_PEOPLE);
}

static void say_renamed(struct session *s, const char *was, const char *now)
{
	struct buf b = { 0 };
	struct message_new n = { .kind = MESSAGE_EVENT, .named = true };

	buf_addf(&b, "%s is now called %s", was, now);
	n.text = buf_str(&b);
	message_add(s, &n);
	buf_free(&b);
}

static void on_person(struct session *s, const struct call_event *ev)
{
	const struct member *old = member_find(s, ev->person->id);
	char *was = old ? strdup(old->shown) : NULL;
	bool was_moderator = old && old->p.moderator, was_hand = old && old->p.hand, is_new;
	struct member *m = member_update(s, ev->person, &is_new);

	members_order(s, clock_now_us(), is_new);
	if (is_new) {
		if (!ev->quiet && !m->p.me)
			message_say(s, MESSAGE_EVENT, "%s joined", m->shown);
		event_push(s, SESSION_EV_PERSON_JOINED, &m->p, NULL, NULL, true, ev->quiet);
	} else {
		if (was && strcmp(was, m->shown))
			say_renamed(s, was, m->shown);
		if (!was_moderator && m->p.moderator && s->state == SESSION_JOINED)
			message_say(s, MESSAGE_EVENT, m->p.me ? "%s are a moderator now"
				    : "%s is a moderator now", m->p.me ? "you" : m->shown);
		event_push(s, SESSION_EV_PERSON_CHANGED, &m->p, NULL, NULL, true, false);
	}
	if (was_hand != (m->p.hand > 0)) {
		if (m->p.me)
			s->hand = m->p.hand > 0;
		else if (!ev->quiet)
			message_say(s, MESSAGE_EVENT, m->p.hand ? "%s raised a hand"
				    : "%s lowered the hand", m->shown);
		event_push(s, SESSION_EV_HAND, &m->p, NULL, NULL, m->p.hand > 0, ev->quiet);
	}
	free(was);
}

static void on_person_left(struct session *s, const struct call_event *ev)
{
	struct member *m = member_find(s, ev->person->id);
	bool reason = ev->text && *ev->text;

	if (!m)
		return;
	if (!m->p.me)
		message_say(s, MESSAGE_EVENT, reason ? "%s left (%s)" : "%s left", m->shown, ev->text);
	event_push(s, SESSION_EV_PERSON_LEFT, &m->p, ev->text, NULL, false, ev->quiet);
	member_remove(s, ev->person->id);
}

static bool mentions(const struct session *s, const char *text)
{
	const struct person *me = session_me(s);
	size_t len = me ? strlen(me->name) : 0;

	if (len < 2)
		return false;
	for (const char *p = text; *p; p++)
		if (!strncasecmp(p, me->name, len))
			return true;
	return false;
}

static void on_message(struct session *s, const struct call_message *cm)
{
	const struct member *m = member_find(s, cm->from);
	const struct member *to = member_find(s, cm->to);
	bool me = text_starts(cm->text, "/me ");
	char guest[24];
	const char *knocker = *cm->to && !to ? knocker_name(s, cm->to) : "";
	struct message_new n = {
		.kind = me ? MESSAGE_ME : MESSAGE_CHAT, .time_us = cm->time_us,
		.from = cm->from, .name = m ? m->shown : cm->name,
		.to_name = to ? to->shown : knocker, .text = cm->text + (me ? 4 : 0), .id = cm->id,
		.private_ = cm->private_, .mine = cm->mine, .history = cm->history,
		.mention = !cm->mine && !cm->history && mentions(s, cm->text),
	};

	if (!n.name || !*n.name) {
		snprintf(guest, sizeof(guest), "guest %.4s", cm->from);
		n.name = *cm->from ? guest : s->room;
	}
	event_push_message(s, SESSION_EV_MESSAGE, message_add(s, &n), NULL);
}

static void on_subject(struct session *s, const struct call_event *ev)
{
	if (s->subject && !strcmp(s->subject, ev->text))
		return;
	session_text_set(&s->subject, ev->text);
	if (*s->subject)
		message_say(s, MESSAGE_EVENT, ev->person ? "%s set the subject: %s" : "%ssubject: %s",
			    ev->person ? name_of(s, ev->person) : "", s->subject);
	event_push(s, SESSION_EV_SUBJECT, NULL, s->subject, NULL, true, false);
	session_touch(s, DIRTY_STATUS);
}

static void on_muted_by(struct session *s, const struct call_event *ev)
{
	const struct member *m = ev->person ? member_find(s, ev->person->id) : NULL;

	listening_hush(s);
	session_apply_muted(s, true, false);
	/* Where it is no person's doing, a notice says what. */
	if (!ev->text || !*ev->text)
		message_say(s, MESSAGE_EVENT, "%s muted you; /unmute speaks again",
			    m ? m->shown : "a moderator");
	event_push(s, SESSION_EV_MUTED_BY, m ? &m->p : NULL, NULL, NULL, true, false);
}

static void on_speaker(struct session *s, const struct call_event *ev)
{
	session_text_set(&s->speaker, ev->person ? ev->person->id : "");
	for (size_t i = 0; i < s->members; i++)
		s->member[i]->p.speaker = !strcmp(s->member[i]->id, s->speaker);
	if (ev->person) {
		const struct member *m = member_find(s, ev->person->id);

		event_push(s, SESSION_EV_SPEAKER, m ? &m->p : NULL, NULL, NULL, true, false);
	}
	session_touch(s, DIRTY_PEOPLE);
}

static void on_source(struct session *s, const struct call_event *ev)
{
	const struct member *m = ev->person ? member_find(s, ev->person->id) : NULL;

	if (!s->sound)
		return;
	if (!ev->added)
		sound_source_gone(s->sound, ev->ssrc);
	else if (m) {
		sound_gain(s->sound, ev->ssrc, m->p.volume / 100.0);
		recording_source(s, ev->ssrc, m->shown);
	}
}

/* Let in, the room itself says that they came. */
static void on_knock(struct session *s, const struct call_event *ev)
{
	struct buf b = { 0 }, word = { 0 };
	struct message_new n = { .kind = MESSAGE_EVENT, .named = true };

	knocker_word(s, ev->kind, ev->text, &word);
	if (ev->added)
		buf_addf(&b, "%s knocks: /admit %s or /deny %s", ev->text, buf_str(&word), buf_str(&word));
	else if (!strcmp(ev->why, "left"))
		buf_addf(&b, "%s does not wait any longer", ev->text);
	else if (!strcmp(ev->why, "denied"))
		buf_addf(&b, "%s was turned away", ev->text);
	n.text = buf_str(&b);
	if (b.len)
		message_add(s, &n);
	event_push(s, SESSION_EV_KNOCK, NULL, ev->text, ev->kind, ev->added, ev->quiet);
	session_touch(s, DIRTY_STATUS);
	buf_free(&b);
	buf_free(&word);
}

static void on_ended(struct session *s, const struct call_event *ev)
{
	const char *text = ev->text ? ev->text : "";

	s->over = true;
	s->exit_code = s->exit_code ? s->exit_code : (int)ev->end;
	s->state = SESSION_LEFT;
	session_set_media(s, SESSION_MEDIA_NONE, "");
	if (*text)
		message_say(s, ev->end ? MESSAGE_ERROR : MESSAGE_EVENT, "%s", text);
	event_push(s, SESSION_EV_LEFT, NULL, text, ev->kind, false, false);
	session_touch(s, DIRTY_STATUS);
}

static void on_error(struct session *s, const struct call_event *ev)
{
	bool no_media = ev->kind && !strcmp(ev->kind, "no-media");
	struct message_new n = { .kind = MESSAGE_ERROR, .text = ev->text };

	event_push_message(s, SESSION_EV_ERROR, message_add(s, &n), ev->kind);
	/* Once there was sound, the call itself knows when it has waited long enough. */
	if (no_media && s->unattended && !s->was_up && !s->over) {
		s->exit_code = CALL_END_NO_MEDIA;
		session_leave(s);
	}
}

void report_notice(struct session *s, const char *text, bool quiet)
{
	log_info("call", "%s", text);
	if (!quiet)
		message_say(s, MESSAGE_EVENT, "%s", text);
	event_push(s, SESSION_EV_NOTICE, NULL, text, NULL, true, quiet);
}

void session_on_call(void *ctx, const struct call_event *ev)
{
	struct session *s = ctx;

	switch (ev->type) {
	case CALL_EV_STATE:
		on_state(s, ev);
		break;
	case CALL_EV_STEP:
		report_notice(s, ev->text, true);
		break;
	case CALL_EV_NOTICE:
		report_notice(s, ev->text, false);
		break;
	case CALL_EV_JOINED:
		on_joined(s, ev);
		break;
	case CALL_EV_ENDED:
		on_ended(s, ev);
		break;
	case CALL_EV_PERSON_JOINED:
	case CALL_EV_PERSON_CHANGED:
	case CALL_EV_HAND:
		on_person(s, ev);
		break;
	case CALL_EV_PERSON_LEFT:
		on_person_left(s, ev);
		break;
	case CALL_EV_MESSAGE:
		on_message(s, ev->message);
		break;
	case CALL_EV_KNOCK:
		on_knock(s, ev);
		break;
	case CALL_EV_SUBJECT:
		on_subject(s, ev);
		break;
	case CALL_EV_MUTED_BY:
		on_muted_by(s, ev);
		break;
	case CALL_EV_SPEAKER:
		on_speaker(s, ev);
		break;
	case CALL_EV_SOURCE:
		on_source(s, ev);
		break;
	case CALL_EV_CHANNEL:
		break;
	case CALL_EV_ERROR:
		on_error(s, ev);
		break;
	}
}
