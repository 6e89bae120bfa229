/* request.c - the conference request, and refusals of the room
 *
 * The focus opens the room on request and says when it is in.  Only then may
 * others come, so a request goes before every join; one from inside the room
 * brings back a focus that left.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum {
	/* Longest wait between two requests.  The web client's grow to 120 s; a focus was
	 * seen to need 50 s after its server was back, and who waits longer than
	 * that for nothing is late. */
	READY_MAX_US = 16000000,
	COMING_US = 15000000,
	FAILED_TRIES = 3, SESSION_TRIES = 5, ROOM_TRIES = 3, CONFLICT_TRIES = 3,
	HOST_US = 5000000,              /* between two looks for a host, as the web client's */
	FOCUS_CALLS = 3                 /* times that it said it would come and did not */
};

void request_by_http(struct call *c)
{
	struct focus_request r = { .room = c->room, .machine_uid = c->machine_uid,
		.session_id = c->session_id, .start_audio_muted = c->d.start_audio_muted,
		.start_video_muted = -1 };
	struct buf body = { 0 }, bearer = { 0 };
	char *url = join_with_room(c, c->d.conference_request, false);

	if (c->jwt)
		buf_addf(&bearer, "Bearer %s", c->jwt);
	if (url && !focus_request_json(&r, &body)) {
		c->http_asked = true;
		c->ops.http(c->ops_ctx, TAG_REQUEST, "POST", url, buf_str(&body),
			    bearer.len ? buf_str(&bearer) : NULL);
	}
	if (bearer.p)
		text_wipe(bearer.p, bearer.len);
	buf_free(&bearer);
	buf_free(&body);
	free(url);
}

static void ask_later(struct call *c)
{
	unsigned n = c->request_try < 7 ? c->request_try : 7;
	int64_t wait = INT64_C(1000000) << n;

	c->request_try++;
	/* Many may wait for one focus. */
	if (wait >= READY_MAX_US)
		wait = call_random_us(c, READY_MAX_US / 4 * 3, READY_MAX_US);
	c->request_at_us = c->now_us + wait;
}

static void not_ready(struct call *c)
{
	ask_later(c);
	if (c->request_try == 3)
		call_step(c, "the conference is not ready yet; asking again");
}

static void session_invalid(struct call *c)
{
	text_forget(&c->session_id);
	if (c->request_try > SESSION_TRIES)
		call_lost(c, CALL_END_TURNED_AWAY, "session", "%s does not accept our session",
			  c->a.authority);
	else
		ask_later(c);
}

/* Where a token is to be had: the address with this room in it. */
static char *token_place(const struct call *c)
{
	const char *url = c->d.token_auth_url, *hole = url ? strstr(url, "{room}") : NULL;
	struct buf b = { 0 };

	if (!url)
		return NULL;
	if (hole) {
		buf_add(&b, url, (size_t)(hole - url));
		buf_addf(&b, "%s%s", c->a.room, hole + strlen("{room}"));
	} else {
		buf_adds(&b, url);
	}
	return buf_steal(&b);
}

/* The room waits for somebody who may open it: so do we, where a person can
 * see that and leave. */
static void wait_for_host(struct call *c)
{
	char *place = token_place(c);

	if (c->phase == PHASE_JOINING)
		c->phase = PHASE_REQUESTING;
	c->request_try = 0;
	c->request_at_us = c->now_us + call_random_us(c, HOST_US, 3 * HOST_US / 2);
	if (!c->host_told) {
		c->host_told = true;
		call_notice(c, "the host has not come yet: waiting, and asking again; whoever is the host %s%s",
			    place ? "gets a token (--jwt-file) at " : "logs in (--login-file)", place ? place : "");
	}
	call_set_state(c, CALL_LOBBY, "waiting for the host");
	free(place);
}

static void not_authorized(struct call *c)
{
	char *place;

	if (c->phase == PHASE_JOINED) {
		ask_later(c);
		return;
	}
	if (c->patient && !c->ever_joined && !c->login_user && !c->jwt) {
		wait_for_host(c);
		return;
	}
	place = token_place(c);
	/* Once in: the host went, and may be back before we give up. */
	call_lost(c, CALL_END_TURNED_AWAY, "not-authorized",
		  "the room is not open, and %s lets only people with a login open rooms: "
		  "try again when the host is there, or log in (--login-file, --jwt-file)%s%s",
		  c->a.authority, place ? "; a token is to be had at " : "", place ? place : "");
	free(place);
}

static void request_failed(struct call *c, const char *text)
{
	if (c->phase == PHASE_REQUESTING &&
	    join_guess_failed(c, false, "no focus at %s (%s)", c->d.focus, text))
		return;
	/* In the room the sound goes on without a focus, however long. */
	if (c->phase == PHASE_JOINED || c->request_try < FAILED_TRIES)
		ask_later(c);   /* a focus that just starts */
	else
		call_lost(c, CALL_END_NO_SERVER, "no-focus", "%s: the conference cannot be opened: %s",
			  c->a.authority, text);
}

static void take_ready(struct call *c, const struct focus_answer *a)
{
	if (a->vnode && c->phase != PHASE_JOINED) {
		call_finish(c, CALL_END_TURNED_AWAY, "visitors", "%s is full; it lets more people in as "
			    "visitors only, and that is not built in yet", c->a.title);
		return;
	}
	if (*a->focus_jid)
		call_set(&c->focus_jid, a->focus_jid);
	else if (c->d.focus_user_jid)
		call_set(&c->focus_jid, c->d.focus_user_jid);
	c->request_try = 0;
	c->visitors_known = a->visitors;
	if (c->phase == PHASE_CONNECTING)
		c->http_ready = true;
	else if (c->phase == PHASE_REQUESTING)
		roster_send(c, true);
	else if (!c->focus_occupant && ++c->focus_calls < FOCUS_CALLS)
		c->focus_gone_us = c->now_us + call_random_us(c, COMING_US, 2 * COMING_US);
	else if (!c->focus_occupant)    /* of another room, or of another server */
		request_anew(c, "the conference's focus does not come back");
}

static void take_answer(struct call *c, const struct focus_answer *a)
{
	if (a->session_id)
		call_set(&c->session_id, a->session_id);
	switch (a->error) {
	case FOCUS_NOT_AUTHORIZED:
		not_authorized(c);
		return;
	case FOCUS_SESSION_INVALID:
		session_invalid(c);
		return;
	case FOCUS_RESERVATION:
		call_finish(c, CALL_END_TURNED_AWAY, "reservation", "the room cannot be opened: %s", a->text);
		return;
	case FOCUS_FAILED:
		request_failed(c, a->text);
		return;
	case FOCUS_OK:
		break;
	}
	if (a->ready)
		take_ready(c, a);
	else
		not_ready(c);
}

/* ---- by IQ ---- */

static bool expects_answer(const struct call *c)
{
	return c->phase == PHASE_CONNECTING || c->phase == PHASE_REQUESTING || c->phase == PHASE_JOINED;
}

static void on_conference(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	struct focus_answer a;

	if (!expects_answer(c))
		return;
	if (!answer) {
		/* Unless it was the stream that ended, which is told next. */
		c->request_dead = true;
		return;
	}
	if (focus_answer_parse_iq(&a, answer))
		return;
	take_answer(c, &a);
	focus_answer_clear(&a);
}

void request_send(struct call *c)
{
	struct focus_request r = { .room = c->room, .machine_uid = c->machine_uid,
		.session_id = c->session_id, .token = c->jwt,
		.start_audio_muted = c->d.start_audio_muted, .start_video_muted = -1 };
	struct xml *iq;

	c->request_at_us = 0;
	if (c->http_request) {
		request_by_http(c);
		return;
	}
	iq = focus_request_iq(&r, c->d.focus);
	xmpp_stream_iq(c->stream, &iq, CONFERENCE_TIMEOUT_US, c->now_us, on_conference, c);
}

void request_begin(struct call *c)
{
	c->phase = PHASE_REQUESTING;
	c->request_try = 0;
	request_send(c);
}

/* ---- by HTTP ---- */

/* A server whose HTTP way is broken may still have the other. */
static void http_failed(struct call *c, const struct call_http_answer *h, const char *said)
{
	c->http_request = c->http_asked = false;
	call_step(c, "the conference request by HTTP failed (%s); asking the focus itself",
		  h->status ? said : h->error && *h->error ? h->error : "no answer");
	if (c->phase != PHASE_CONNECTING)
		request_send(c);
}

void request_http_answer(struct call *c, const struct call_http_answer *h)
{
	struct focus_answer a;

	if (!expects_answer(c) || !c->http_request)
		return;
	if (focus_answer_parse_json(&a, h->status, h->body, h->len))
		return;
	/* 401, 403 and "invalid session" are the focus's own words; everything
	 * else (404, a page of HTML, a full proxy) says that it was not asked. */
	if (!h->status || a.error == FOCUS_FAILED) {
		http_failed(c, h, a.text);
		focus_answer_clear(&a);
		return;
	}
	take_answer(c, &a);
	focus_answer_clear(&a);
}

/* ---- refusals of the room ---- */

/* The connection is good, so nothing else need be given up: the room shows us
 * leave and come, with the same id. */
void request_anew(struct call *c, const char *why)
{
	static const int most_s[] = { 2, 6, 15, 30 };
	struct xml *p;

	if (c->phase != PHASE_JOINED || !c->stream) {
		call_lost(c, CALL_END_NO_MEDIA, "no-media", "%s", why);
		return;
	}
	outage_begin(c, OUTAGE_RENEWED);
	session_drop(c);
	door_leave(c);
	p = muc_leave_new(c->occupant, NULL);
	xmpp_stream_send(c->stream, &p);
	call_set(&c->focus_occupant, NULL);
	c->left_room = true;
	c->phase = PHASE_REQUESTING;
	c->request_try = c->join_try = c->conflict_try = c->focus_calls = 0;
	c->http_request = c->d.conference_request != NULL;
	c->focus_gone_us = c->offer_limit_us = 0;
	c->request_at_us = c->now_us + call_random_us(c, 500000, most_s[c->rejoin_row < 4 ? c->rejoin_row : 3] *
						      INT64_C(1000000));
	call_set_state(c, CALL_RECONNECTING, why);
}

static void rejoin(struct call *c, int64_t lo_us, int64_t hi_us)
{
	c->phase = PHASE_REQUESTING;
	c->request_at_us = c->now_us + call_random_us(c, lo_us, hi_us);
}

static void on_conflict(struct call *c)
{
	if (++c->conflict_try > CONFLICT_TRIES) {
		call_lost(c, CALL_END_TURNED_AWAY, "conflict", "our place in the room is taken");
		return;
	}
	join_new_nick(c, xmpp_stream_jid(c->stream));
	roster_send(c, true);
}

/* Somebody is there to type it; without, it is an end that says so. */
static void on_password(struct call *c)
{
	bool wrong = c->password != NULL;

	if (!c->patient) {
		call_finish(c, CALL_END_TURNED_AWAY, "password", wrong ? "%s: the password is wrong"
			    : "%s has a password: give it by --password-file or TTYMEET_PASSWORD", c->a.title);
		return;
	}
	c->phase = PHASE_ASKING;
	call_set_state(c, CALL_LOBBY, "password");
	call_complain(c, "password", wrong ? "that password is wrong; /password tries another one"
		      : "%s has a password: /password gives it", c->a.title);
}

static void on_lobby(struct call *c, const struct xml *presence, const char *lobby)
{
	bool no_host = xml_child(xml_child(presence, "error", NULL), "waiting-for-host", NULL) != NULL;

	if (lobby && strchr(lobby, '@')) {
		c->knocked = true;
		if (no_host)
			call_step(c, "%s waits for its host", c->a.title);
		lobby_knock(c, lobby);
	} else if (no_host && c->patient) {
		wait_for_host(c);       /* opened when the host comes: so look again */
	} else {
		call_finish(c, CALL_END_TURNED_AWAY, "lobby", no_host ? "%s waits for its host: try again when "
			    "the meeting has begun" : "%s lets only its members in", c->a.title);
	}
}

static void on_full(struct call *c, const char *text)
{
	bool said = *text && strcmp(text, "service-unavailable");

	/* Our own ghost may hold the last place for a minute. */
	if (c->ever_joined)
		call_lost(c, CALL_END_TURNED_AWAY, "full", "%s is full", c->a.title);
	else
		call_finish(c, CALL_END_TURNED_AWAY, "full", "%s is full%s%s%s", c->a.title, said ? ": " : "",
			    said ? text : "", c->visitors_known ? "; it would let you in as a visitor, who "
			    "only listens, and that is not built in yet" : "");
}

/* What a server refuses when we come back, a server that is just up may let
 * in a little later; at the first try it is an answer. */
static void refused(struct call *c, const char *text)
{
	if (c->ever_joined)
		call_lost(c, CALL_END_TURNED_AWAY, "refused", "%s lets us not in: %s", c->a.title, text);
	else
		call_finish(c, CALL_END_TURNED_AWAY, "refused", "%s lets us not in: %s", c->a.title, text);
}

static void on_no_room(struct call *c, const char *text)
{
	if (++c->join_try <= ROOM_TRIES)
		rejoin(c, 500000, 3000000);
	else
		call_lost(c, CALL_END_TURNED_AWAY, "no-room", "%s cannot be opened%s%s", c->a.title,
			  *text ? ": " : "", text);
}

static void on_name_required(struct call *c)
{
	if (!*c->name && ++c->join_try <= 1) {
		call_set(&c->name, "guest");
		roster_send(c, true);
		return;
	}
	call_finish(c, CALL_END_TURNED_AWAY, "name", "%s wants a name: --name", c->a.title);
}

void join_on_error(struct call *c, const struct xml *presence)
{
	const char *text, *lobby;
	enum muc_join_error e = muc_join_error_parse(presence, &text, &lobby);

	c->join_limit_us = 0;
	switch (e) {
	case MUC_JOIN_PASSWORD:
		on_password(c);
		return;
	case MUC_JOIN_LOBBY:
		on_lobby(c, presence, lobby);
		return;
	case MUC_JOIN_NO_ROOM:
		on_no_room(c, text);
		return;
	case MUC_JOIN_LOGIN:
		call_finish(c, CALL_END_TURNED_AWAY, "login",
			    "%s wants a login (--login-file, --jwt-file)", c->a.title);
		return;
	case MUC_JOIN_FULL:
		on_full(c, text);
		return;
	case MUC_JOIN_NAME_REQUIRED:
		on_name_required(c);
		return;
	case MUC_JOIN_CONFLICT:
		on_conflict(c);
		return;
	case MUC_JOIN_BANNED:
		call_finish(c, CALL_END_TURNED_AWAY, "banned", "you are banned from %s", c->a.title);
		return;
	case MUC_JOIN_REFUSED:
		refused(c, *text ? text : xmpp_error_condition(presence));
		return;
	}
}

/* ---- time ---- */

void join_tick(struct call *c)
{
	if (c->request_dead) {
		c->request_dead = false;
		if (c->stream && (c->phase == PHASE_REQUESTING || c->phase == PHASE_JOINED)) {
			c->request_try++;
			request_failed(c, "the focus does not answer");
		}
	}
	if (is_due(c, c->request_at_us)) {
		c->request_at_us = 0;
		if (c->phase == PHASE_CONNECTING)
			request_by_http(c);
		else if (c->stream && (c->phase == PHASE_REQUESTING || c->phase == PHASE_JOINED))
			request_send(c);
	}
	if (c->phase == PHASE_JOINING && is_due(c, c->join_limit_us)) {
		c->join_limit_us = 0;
		call_lost(c, CALL_END_NO_SERVER, "timeout", "%s: no answer from the room within 20 s",
			  c->a.authority);
	}
}
