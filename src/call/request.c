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
	READY_MAX_US = 120000000,       /* longest wait between two requests */
	COMING_US = 15000000,
	FAILED_TRIES = 3, SESSION_TRIES = 5, ROOM_TRIES = 3, CONFLICT_TRIES = 3
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
	c->request_at_us = c->now_us + (wait > READY_MAX_US ? READY_MAX_US : wait);
}

static void not_ready(struct call *c)
{
	ask_later(c);
	if (c->request_try == 3)
		call_step(c, "the conference is not ready yet; asking again");
}

static void session_invalid(struct call *c)
{
	if (c->session_id)
		text_wipe(c->session_id, strlen(c->session_id));
	call_set(&c->session_id, NULL);
	if (c->request_try > SESSION_TRIES)
		call_lost(c, CALL_END_TURNED_AWAY, "session", "%s does not accept our session",
			  c->a.authority);
	else
		ask_later(c);
}

static void not_authorized(struct call *c)
{
	if (c->phase == PHASE_JOINED) {
		ask_later(c);
		return;
	}
	/* Once in: the host went, and may be back before we give up. */
	call_lost(c, CALL_END_TURNED_AWAY, "not-authorized",
		  "the room is not open, and %s lets only people with a login open rooms: "
		  "try again when the host is there, or log in (--login-file, --jwt-file)%s%s",
		  c->a.authority, c->d.token_auth_url ? "; a token is to be had at " : "",
		  c->d.token_auth_url ? c->d.token_auth_url : "");
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
	if (c->phase == PHASE_CONNECTING)
		c->http_ready = true;
	else if (c->phase == PHASE_REQUESTING)
		roster_send(c, true);
	else if (!c->focus_occupant)    /* it says that it is coming */
		c->focus_gone_us = c->now_us + call_random_us(c, COMING_US, 2 * COMING_US);
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

/* ---- by HTTP ---- */

/* A server whose HTTP way is broken may still have the other. */
static void http_failed(struct call *c, const struct call_http_answer *h)
{
	c->http_request = c->http_asked = false;
	call_step(c, "the conference request by HTTP failed (%s); asking the focus itself",
		  h->status ? "an error of the server" : h->error ? h->error : "no answer");
	if (c->phase != PHASE_CONNECTING)
		request_send(c);
}

void request_http_answer(struct call *c, const struct call_http_answer *h)
{
	struct focus_answer a;

	if (!expects_answer(c) || !c->http_request)
		return;
	if (!h->status || h->status == 404 || h->status >= 500) {
		http_failed(c, h);
		return;
	}
	if (focus_answer_parse_json(&a, h->status, h->body, h->len))
		return;
	take_answer(c, &a);
	focus_answer_clear(&a);
}

/* ---- refusals of the room ---- */

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

void join_on_error(struct call *c, const struct xml *presence)
{
	const char *text, *lobby, *room = c->a.title;
	enum muc_join_error e = muc_join_error_parse(presence, &text, &lobby);

	c->join_limit_us = 0;
	switch (e) {
	case MUC_JOIN_PASSWORD:
		call_finish(c, CALL_END_TURNED_AWAY, "password", c->password
			    ? "%s: the password is wrong" : "%s has a password: give it by --password-file "
			    "or TTYMEET_PASSWORD", room);
		return;
	case MUC_JOIN_LOBBY:
		call_finish(c, CALL_END_TURNED_AWAY, "lobby",
			    "%s has a lobby, and knocking is not built in yet: ask somebody inside to open it",
			    room);
		return;
	case MUC_JOIN_NO_ROOM:
		if (++c->join_try <= ROOM_TRIES) {
			rejoin(c, 500000, 3000000);
			return;
		}
		call_lost(c, CALL_END_TURNED_AWAY, "no-room", "%s cannot be opened%s%s", room,
			  *text ? ": " : "", text);
		return;
	case MUC_JOIN_LOGIN:
		call_finish(c, CALL_END_TURNED_AWAY, "login",
			    "%s wants a login (--login-file, --jwt-file)", room);
		return;
	case MUC_JOIN_FULL:
		call_finish(c, CALL_END_TURNED_AWAY, "full", "%s is full%s%s", room, *text ? ": " : "", text);
		return;
	case MUC_JOIN_NAME_REQUIRED:
		if (!*c->name && ++c->join_try <= 1) {
			call_set(&c->name, "guest");
			roster_send(c, true);
			return;
		}
		call_finish(c, CALL_END_TURNED_AWAY, "name", "%s wants a name: --name", room);
		return;
	case MUC_JOIN_CONFLICT:
		on_conflict(c);
		return;
	case MUC_JOIN_BANNED:
		call_finish(c, CALL_END_TURNED_AWAY, "banned", "you are banned from %s", room);
		return;
	case MUC_JOIN_REFUSED:
		call_finish(c, CALL_END_TURNED_AWAY, "refused", "%s lets us not in: %s", room,
			    *text ? text : xmpp_error_condition(presence));
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
	if (c->request_at_us && c->now_us >= c->request_at_us) {
		c->request_at_us = 0;
		if (c->phase == PHASE_CONNECTING)
			request_by_http(c);
		else if (c->stream && (c->phase == PHASE_REQUESTING || c->phase == PHASE_JOINED))
			request_send(c);
	}
	if (c->phase == PHASE_JOINING && c->join_limit_us && c->now_us >= c->join_limit_us) {
		c->join_limit_us = 0;
		call_lost(c, CALL_END_NO_SERVER, "timeout", "%s: no answer from the room within 20 s",
			  c->a.authority);
	}
}
