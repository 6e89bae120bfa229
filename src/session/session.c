/* session.c - one call with its sound: joining, leaving, what the call tells
 *
 * Everything that `call` says becomes state here and an event for the front
 * ends; the words that people read ("Ben raised a hand") are made here, once,
 * for every front end.
 */
#include "session/session_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "io/url.h"

enum { TICK_US = 250000 };      /* levels move at most 4 times a second */

static void set_text(char **dst, const char *src)
{
	if (text_set(dst, src ? src : ""))
		abort();
}

const char *session_state_name(enum session_state st)
{
	static const char *const names[] = {
		"idle", "connecting", "lobby", "joined", "reconnecting", "left"
	};

	return names[st];
}

const char *session_media_name(enum session_media m)
{
	static const char *const names[] = { "none", "connecting", "connected", "interrupted" };

	return names[m];
}

struct call *session_call(const struct session *s)
{
	return s->link ? call_link_call(s->link) : NULL;
}

void session_kick(struct session *s)
{
	if (s->link)
		call_link_kick(s->link);
}

/* ---- sound ---- */

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
	set_text(&s->trouble[side], bad ? clean : "");
	if (bad && !was_bad)
		message_say(s, MESSAGE_EVENT, "%s: %s; trying again, the call goes on",
			    side == AUDIO_MIC ? "no microphone" : "no sound", clean);
	if (!bad && was_bad && state == AUDIO_DEV_RUNNING)
		message_say(s, MESSAGE_EVENT, "%s is back: %s",
			    side == AUDIO_MIC ? "the microphone" : "the sound", clean);
	if (s->dev_real[0] && s->dev_real[1] && s->dev_running[0] && s->dev_running[1] &&
	    !s->told_headphones) {
		s->told_headphones = true;
		message_say(s, MESSAGE_EVENT,
			    "use headphones: without them the others hear themselves");
	}
	event_push(s, SESSION_EV_DEVICE, NULL, clean, what[side], !bad, state == AUDIO_DEV_OPENING);
	session_touch(s, DIRTY_STATUS);
	free(clean);
}

static void set_media(struct session *s, enum session_media m, const char *why)
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
	int64_t now = clock_now_us();

	if (!s->was_up) {
		s->was_up = true;
		s->first_up_us = now;
		sound_start_files(s->sound);
	} else if (s->lost_us) {
		message_say(s, MESSAGE_EVENT, "back after %.0f s; nobody's volume or your mute changed",
			    (double)(now - s->lost_us) / 1e6);
	}
	s->lost_us = 0;
}

void session_on_media(struct session *s, const char *sid, int state, const char *why)
{
	struct call *c = session_call(s);

	switch (state) {
	case PEER_CONNECTING:
	case PEER_SECURING:
		if (s->media != SESSION_MEDIA_INTERRUPTED)
			set_media(s, SESSION_MEDIA_CONNECTING, why);
		break;
	case PEER_UP:
		set_media(s, SESSION_MEDIA_CONNECTED, why);
		media_is_up(s);
		break;
	default:
		if (s->media == SESSION_MEDIA_CONNECTED) {
			if (!s->lost_us)
				s->lost_us = clock_now_us();
			message_say(s, MESSAGE_EVENT, "the sound is interrupted%s%s",
				    why && *why ? ": " : "", why ? why : "");
		}
		set_media(s, SESSION_MEDIA_INTERRUPTED, why);
	}
	if (c)
		call_media_state(c, sid, state, why, clock_now_us());
	session_kick(s);
}

static void media_start_op(void *ctx, const struct call_media *m)
{
	struct session *s = ctx;

	if (s->sound)
		sound_start(s->sound, m);
}

static void media_stop_op(void *ctx)
{
	struct session *s = ctx;

	if (s->sound)
		sound_stop(s->sound);
	set_media(s, SESSION_MEDIA_NONE, "");
}

void session_apply_muted(struct session *s, bool muted)
{
	s->muted = muted;
	if (s->sound)
		sound_muted(s->sound, muted);
	session_touch(s, DIRTY_STATUS | DIRTY_PEOPLE);
}

/* ---- what the call tells ---- */

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
	if (s->state == SESSION_RECONNECTING && old != s->state) {
		if (!s->lost_us)
			s->lost_us = clock_now_us();
		message_say(s, MESSAGE_EVENT, "the connection is lost%s%s; trying again",
			    ev->text && *ev->text ? ": " : "", ev->text ? ev->text : "");
	}
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
	set_text(&s->room, call_room_title(c));
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
			message_say(s, MESSAGE_EVENT, "%s is now called %s", was, m->shown);
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
	struct message_new n = {
		.kind = me ? MESSAGE_ME : MESSAGE_CHAT, .time_us = cm->time_us,
		.from = cm->from, .name = m ? m->shown : cm->name,
		.to_name = to ? to->shown : "", .text = cm->text + (me ? 4 : 0), .id = cm->id,
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
	set_text(&s->subject, ev->text);
	if (*s->subject)
		message_say(s, MESSAGE_EVENT, ev->person ? "%s set the subject: %s" : "%ssubject: %s",
			    ev->person ? name_of(s, ev->person) : "", s->subject);
	event_push(s, SESSION_EV_SUBJECT, NULL, s->subject, NULL, true, false);
	session_touch(s, DIRTY_STATUS);
}

static void on_muted_by(struct session *s, const struct call_event *ev)
{
	const struct member *m = ev->person ? member_find(s, ev->person->id) : NULL;

	session_apply_muted(s, true);
	message_say(s, MESSAGE_EVENT, "%s muted you; /unmute speaks again",
		    m ? m->shown : "a moderator");
	event_push(s, SESSION_EV_MUTED_BY, m ? &m->p : NULL, NULL, NULL, true, false);
}

static void on_speaker(struct session *s, const struct call_event *ev)
{
	set_text(&s->speaker, ev->person ? ev->person->id : "");
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
	else if (m)
		sound_gain(s->sound, ev->ssrc, m->p.volume / 100.0);
}

static void on_ended(struct session *s, const struct call_event *ev)
{
	const char *text = ev->text ? ev->text : "";

	s->over = true;
	s->exit_code = s->exit_code ? s->exit_code : (int)ev->end;
	s->state = SESSION_LEFT;
	set_media(s, SESSION_MEDIA_NONE, "");
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
	if (no_media && s->unattended && !s->over) {
		s->exit_code = CALL_END_NO_MEDIA;
		session_leave(s);
	}
}

static void on_notice(struct session *s, const struct call_event *ev, bool quiet)
{
	log_info("call", "%s", ev->text);
	if (!quiet)
		message_say(s, MESSAGE_EVENT, "%s", ev->text);
	event_push(s, SESSION_EV_NOTICE, NULL, ev->text, NULL, true, quiet);
}

static void on_event(void *ctx, const struct call_event *ev)
{
	struct session *s = ctx;

	switch (ev->type) {
	case CALL_EV_STATE:
		on_state(s, ev);
		break;
	case CALL_EV_STEP:
		on_notice(s, ev, true);
		break;
	case CALL_EV_NOTICE:
		on_notice(s, ev, false);
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

static void on_trace(void *ctx, const char *dir, const char *ch, const char *data, size_t len)
{
	struct session *s = ctx;

	if (s->trace)
		s->trace(s->trace_ctx, dir, ch, data, len);
}

/* ---- joining and leaving ---- */

static int open_net(struct session *s)
{
	struct net_config cfg = {
		.ca_file = *settings_text(s->settings, "network.ca_file")
			? settings_text(s->settings, "network.ca_file") : NULL,
		.insecure = settings_bool(s->settings, "network.insecure"),
		.user_agent = settings_bool(s->settings, "privacy.version")
			? "ttymeet/" TTYMEET_VERSION : "ttymeet",
	};
	int err = 0;

	if (!s->net)
		err = net_new(&s->net, s->loop, &cfg);
	if (!err && !s->http)
		err = http_new(&s->http, s->loop, &cfg);
	return err;
}

static int open_sound(struct session *s, bool loopback)
{
	int err;

	if (s->sound)
		return 0;
	err = sound_new(&s->sound, s, loopback);
	if (err)
		return err;
	sound_muted(s->sound, s->muted);
	sound_deaf(s->sound, s->deaf);
	sound_device(s->sound, AUDIO_MIC, s->no_mic ? "none"
		     : settings_text(s->settings, "audio.mic"));
	sound_device(s->sound, AUDIO_SPEAKER, settings_text(s->settings, "audio.speaker"));
	return 0;
}

static void forget_call(struct session *s)
{
	call_link_free(&s->link);
	members_clear(s);
	set_text(&s->speaker, "");
	set_text(&s->subject, "");
	s->joined_us = s->lost_us = 0;
	s->over = s->was_up = s->hand = false;
	s->exit_code = 0;
	s->media = SESSION_MEDIA_NONE;
	s->samples = 0;
}

/* "user\npassword" of the login file. */
static char *login_part(const struct session *s, bool password)
{
	const char *v = settings_text(s->settings, "secret.login");
	const char *nl = strchr(v, '\n');

	if (!nl)
		return NULL;
	return password ? strdup(nl + 1) : strndup(v, (size_t)(nl - v));
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int start_call(struct session *s)
{
	static const struct call_link_media media = { media_start_op, media_stop_op };
	const struct settings *set = s->settings;
	char *user = login_part(s, false), *password = login_part(s, true);
	struct call_config cfg = {
		.url = s->url, .server = or_null(settings_text(set, "server")),
		.name = or_null(settings_text(set, "name")),
		.email = or_null(settings_text(set, "email")),
		.muted = s->muted, .no_mic = s->no_mic,
		.password = or_null(settings_text(set, "secret.password")),
		.jwt = or_null(settings_text(set, "secret.jwt")),
		.login_user = user, .login_password = password,
		.fingerprint = sound_fingerprint(s->sound),
		.relay_only = settings_bool(set, "network.relay_only"),
		.privacy_version = settings_bool(set, "privacy.version"),
		/* With a person before it, a client tries for ever. */
		.reconnect_for_us = s->unattended ? settings_duration_us(set, "reconnect_for")
			: INT64_MAX / 4,
	};
	int err = call_link_new(&s->link, s->loop, s->net, s->http, &cfg, &media, on_event,
				on_trace, s);

	free(user);
	if (password)
		text_wipe(password, strlen(password));
	free(password);
	return err;
}

int session_join(struct session *s, const char *url, char **why)
{
	struct address a;
	const char *server = settings_text(s->settings, "server");
	bool loopback;
	int err;

	if (why)
		*why = NULL;
	err = address_parse(&a, url ? url : s->url, *server ? server : NULL, why);
	if (err)
		return err;
	loopback = url_host_is_loopback(a.host);
	forget_call(s);
	set_text(&s->url, url ? url : s->url);
	set_text(&s->room, a.title);
	set_text(&s->host, a.authority);
	s->muted = settings_bool(s->settings, "muted") || a.start_muted || s->muted;
	s->no_mic = settings_bool(s->settings, "audio.no_mic");
	if (a.start_silent) {
		s->no_mic = true;
		s->deaf = true;
	}
	if (a.plain && !loopback)
		message_say(s, MESSAGE_EVENT, "http:// without TLS: names, chat and keys of this "
			    "call can be read and changed on the way");
	address_clear(&a);
	err = open_net(s);
	if (!err)
		err = open_sound(s, loopback);
	if (!err)
		err = start_call(s);
	if (err) {
		if (why && !*why)
			*why = strdup(strerror(-err));
		return err;
	}
	call_join(session_call(s), clock_now_us());
	session_kick(s);
	loop_timer_set(s->tick, clock_now_us() + TICK_US);
	return 0;
}

void session_leave(struct session *s)
{
	struct call *c = session_call(s);

	if (!c || s->over)
		return;
	if (s->sound)
		sound_muted(s->sound, true);    /* the microphone is off first */
	call_leave(c, clock_now_us());
	session_kick(s);
}

bool session_is_over(const struct session *s)
{
	return s->over;
}

int session_exit_code(const struct session *s)
{
	return s->exit_code;
}

/* ---- life ---- */

static void send_quality(struct session *s, int64_t now_us)
{
	struct call *c = session_call(s);
	struct session_figures f;

	if (!c || s->media != SESSION_MEDIA_CONNECTED || now_us / 10000000 == (now_us - TICK_US) / 10000000)
		return;
	session_figures(s, &f);
	call_send_stats(c, f.out_kbps, f.in_kbps, f.loss * 100, f.loss * 100,
			100 - f.loss * 300 < 0 ? 0 : 100 - f.loss * 300, f.rtt_ms < 0 ? 0 : f.rtt_ms);
}

static void on_tick(void *ctx, int64_t now_us)
{
	struct session *s = ctx;

	members_levels(s, now_us);
	members_order(s, now_us, false);
	session_sample(s, now_us);
	send_quality(s, now_us);
	session_touch(s, DIRTY_STATUS);
	if (s->link && !s->over)
		loop_timer_set(s->tick, now_us + TICK_US);
}

int session_new(struct session **out, struct loop *loop, struct settings *settings)
{
	struct session *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->settings = settings;
	s->start_us = clock_now_us();
	set_text(&s->url, "");
	set_text(&s->room, "");
	set_text(&s->host, "");
	set_text(&s->subject, "");
	set_text(&s->speaker, "");
	set_text(&s->trouble[0], "");
	set_text(&s->trouble[1], "");
	s->figures.rtt_ms = -1;
	err = loop_timer_new(&s->tick, loop, "session tick", on_tick, s);
	if (!err)
		err = loop_timer_new(&s->flush, loop, "session events", event_flush, s);
	if (err) {
		session_free(&s);
		return err;
	}
	*out = s;
	return 0;
}

void session_free(struct session **sp)
{
	struct session *s = *sp;
	int64_t end;

	if (!s)
		return;
	end = clock_now_us() + 1200000;
	if (s->link && !s->over) {
		session_leave(s);
		while (!s->over && clock_now_us() < end)
			loop_iterate(s->loop, 50000);
	}
	queries_drop(s);
	s->listeners = NULL;
	call_link_free(&s->link);
	sound_free(&s->sound);
	http_free(&s->http);
	net_free(&s->net);
	volumes_save(s);
	loop_timer_free(&s->tick);
	event_drop_all(s);
	loop_timer_free(&s->flush);
	messages_free(s);
	members_clear(s);
	volumes_free(s);
	free(s->url);
	free(s->room);
	free(s->host);
	free(s->subject);
	free(s->speaker);
	free(s->trouble[0]);
	free(s->trouble[1]);
	free(s->state_dir);
	free(s);
	*sp = NULL;
}

void session_set_unattended(struct session *s, bool unattended)
{
	s->unattended = unattended;
}

void session_set_start(struct session *s, int64_t start_us)
{
	s->start_us = start_us;
}

void session_set_state_dir(struct session *s, const char *dir)
{
	set_text(&s->state_dir, dir);
	volumes_load(s);
}

void session_set_trace(struct session *s,
		       void (*fn)(void *ctx, const char *dir, const char *ch, const char *data, size_t len),
		       void *ctx)
{
	s->trace = fn;
	s->trace_ctx = ctx;
}

/* ---- questions ---- */

enum session_state session_get_state(const struct session *s)
{
	return s->state;
}

enum session_media session_get_media(const struct session *s)
{
	return s->media;
}

const char *session_url(const struct session *s)
{
	struct call *c = session_call(s);

	return c ? call_url(c) : "";
}

const char *session_room(const struct session *s)
{
	return s->room;
}

const char *session_host(const struct session *s)
{
	return s->host;
}

const char *session_subject(const struct session *s)
{
	return s->subject;
}

bool session_muted(const struct session *s)
{
	return s->muted;
}

bool session_deaf(const struct session *s)
{
	return s->deaf;
}

bool session_has_mic(const struct session *s)
{
	return !s->no_mic && strcmp(settings_text(s->settings, "audio.mic"), "none");
}

bool session_insecure(const struct session *s)
{
	return settings_bool(s->settings, "network.insecure");
}

const char *session_device_trouble(const struct session *s)
{
	return *s->trouble[AUDIO_SPEAKER] ? s->trouble[AUDIO_SPEAKER] : s->trouble[AUDIO_MIC];
}

int64_t session_retry_us(const struct session *s)
{
	struct call *c = session_call(s);
	int64_t at = c ? call_next_try_us(c) : 0, now = clock_now_us();

	return at > now ? at - now : 0;
}

unsigned session_attempt(const struct session *s)
{
	struct call *c = session_call(s);

	return c ? call_attempt(c) : 0;
}

void session_figures(const struct session *s, struct session_figures *out)
{
	*out = s->figures;
	out->joined_us = s->joined_us;
}

void session_count_terminal(struct session *s, uint64_t bytes, uint64_t dropped)
{
	s->terminal_bytes += bytes;
	s->terminal_dropped += dropped;
}
