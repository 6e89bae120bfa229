/* call.c - the core: its life, how it ends and begins anew, inputs and time
 *
 * The stream's handlers run inside xmpp_stream_input() and must not free it;
 * so a stream that is given up waits among the dead until the input is over.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"

enum { SETTLED_US = 30000000 };

int call_set(char **dst, const char *src)
{
	if (text_set(dst, src))
		abort();        /* as GLib does beside us */
	return 0;
}

/* ---- telling ---- */

void call_emit(struct call *c, const struct call_event *ev)
{
	c->event(c->ctx, ev);
}

static void say(struct call *c, enum call_event_type type, const char *kind, const char *fmt,
		va_list ap) __attribute__((format(printf, 4, 0)));
static void say(struct call *c, enum call_event_type type, const char *kind, const char *fmt,
		va_list ap)
{
	struct buf b = { 0 };
	struct call_event ev = { .type = type, .kind = kind };
	char *clean;

	buf_vaddf(&b, fmt, ap);
	clean = text_clean(buf_str(&b), b.len, 600, TEXT_TRIM);
	ev.text = clean ? clean : "";
	call_emit(c, &ev);
	free(clean);
	buf_free(&b);
}

void call_step(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, CALL_EV_STEP, NULL, fmt, ap);
	va_end(ap);
}

void call_notice(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, CALL_EV_NOTICE, NULL, fmt, ap);
	va_end(ap);
}

void call_complain(struct call *c, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, CALL_EV_ERROR, kind, fmt, ap);
	va_end(ap);
}

void call_set_state(struct call *c, enum call_state s, const char *why)
{
	struct call_event ev = { .type = CALL_EV_STATE, .state = s };
	char *clean;

	if (c->state == s)
		return;
	c->state = s;
	clean = text_clean(why, strlen(why), 400, TEXT_TRIM);
	ev.text = clean ? clean : "";
	call_emit(c, &ev);
	free(clean);
}

/* ---- life ---- */

static void take_config(struct call *c, const struct call_config *cfg)
{
	const char *name = cfg->name ? cfg->name : c->a.display_name;

	call_set(&c->name, name ? name : "");
	call_set(&c->email, cfg->email ? cfg->email : c->a.email ? c->a.email : "");
	call_set(&c->password, cfg->password);
	call_set(&c->jwt, cfg->jwt ? cfg->jwt : c->a.jwt);
	call_set(&c->login_user, cfg->login_user);
	call_set(&c->login_password, cfg->login_password);
	call_set(&c->fingerprint, cfg->fingerprint ? cfg->fingerprint : "");
	call_set(&c->subject, "");
	call_set(&c->speaker, "");
	c->no_mic = cfg->no_mic;
	c->muted = cfg->muted || c->a.start_muted;
	c->relay_only = cfg->relay_only;
	c->privacy_version = cfg->privacy_version;
	c->channel_wish = cfg->channel;
	c->rewriting = c->rewriting_wish = cfg->rewriting;
	c->feedback = cfg->feedback;
	c->patient = cfg->patient;
	c->reconnect_for_us = cfg->reconnect_for_us ? cfg->reconnect_for_us : INT64_C(900000000);
	c->media_timeout_us = cfg->media_timeout_us ? cfg->media_timeout_us : 30000000;
	c->seed = cfg->seed ? cfg->seed : (uint64_t)rng_u32() | 1;
	/* Random for each call: nothing ties two of them together. */
	rng_hex(c->machine_uid, 32);
	rng_alnum(c->stats_id, 8);
}

int call_make_caps(struct call *c)
{
	struct disco_identity id = join_identity(c);
	const char *v[JOIN_FEATURES_MAX];
	size_t n = join_features(c, v);

	return disco_caps_hash(&id, 1, v, n, c->caps_ver);
}

int call_new(struct call **out, const struct call_config *cfg, const struct call_ops *ops,
	     void *ops_ctx, void (*event)(void *ctx, const struct call_event *ev), void *ctx)
{
	struct call *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	*out = NULL;
	if (!c)
		return err;
	c->ops = *ops;
	c->ops_ctx = ops_ctx;
	c->event = event;
	c->ctx = ctx;
	c->tokens = MESSAGE_BURST;
	err = address_parse(&c->a, cfg->url, cfg->server, NULL);
	if (!err) {
		take_config(c, cfg);
		err = call_make_caps(c);
	}
	if (err) {
		call_free(&c);
		return err;
	}
	*out = c;
	return 0;
}

/* ---- streams that are over ---- */

static void bury(struct call *c)
{
	while (!c->inside && c->dead) {
		struct dead_stream *d = c->dead;

		c->dead = d->next;
		xmpp_stream_free(&d->stream);
		free(d);
	}
}

void call_drop_stream(struct call *c)
{
	struct dead_stream *d;

	if (!c->stream)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->stream = c->stream;
	d->next = c->dead;
	c->dead = d;
	talk_stream_gone(c);
	c->stream = NULL;
	c->stream_up = c->cut = false;
	shard_gone(c);
	door_forget(c);
	c->resume_at_us = 0;
	commands_dropped(c);
	xmpp_stream_forget(d->stream);  /* the rest of its input answers nobody */
	bury(c);
}

void call_close_stream(struct call *c)
{
	if (!c->stream)
		return;
	xmpp_stream_close(c->stream);
	c->ops.stream_close(c->ops_ctx, false);
	call_drop_stream(c);
}

void call_enter(struct call *c, int64_t now_us)
{
	c->now_us = now_us;
	c->inside++;
}

void call_leave_input(struct call *c)
{
	c->inside--;
	bury(c);
}

/* Whoever frees a call in the middle of it does not leave a ghost behind. */
static void say_goodbye(struct call *c)
{
	struct xml *p;

	if (c->media_running)
		c->ops.media_stop(c->ops_ctx);
	if (!c->stream)
		return;
	if (c->phase == PHASE_JOINED || c->phase == PHASE_JOINING) {
		p = muc_leave_new(c->occupant, NULL);
		xmpp_stream_send(c->stream, &p);
	}
	xmpp_stream_close(c->stream);
	c->ops.stream_close(c->ops_ctx, false);
}

void call_free(struct call **cp)
{
	struct call *c = *cp;

	if (!c)
		return;
	say_goodbye(c);
	c->phase = PHASE_OVER;          /* nothing is told any more */
	talk_clear(c);
	call_drop_stream(c);
	roster_clear(c);
	join_forget(c);
	source_set_clear(&c->sources);
	address_clear(&c->a);
	text_forget(&c->password);
	text_forget(&c->jwt);
	text_forget(&c->login_user);
	text_forget(&c->login_password);
	text_forget(&c->session_id);
	text_forget(&c->local_pwd);
	for (unsigned i = 0; i < c->channel_urls; i++)
		text_forget(&c->channel_url[i]);
	free(c->name);
	free(c->email);
	free(c->fingerprint);
	free(c->nick);
	free(c->room);
	free(c->main_room);
	breakout_clear(c);
	free(c->shard.name);
	free(c->lobby_me);
	free(c->lobby_host);
	free(c->lobby_host_name);
	free(c->occupant);
	free(c->focus_jid);
	free(c->focus_occupant);
	free(c->subject);
	free(c->speaker);
	free(c->sid);
	free(c->bridge_session);
	free(c->local_ufrag);
	free(c->source_name);
	free(c->msid);
	free(c);
	*cp = NULL;
}

/* ---- ends and new beginnings ---- */

static void close_all(struct call *c)
{
	lobby_leave(c);
	door_leave(c);
	call_close_stream(c);
	session_drop(c);
}

static void finish(struct call *c, enum call_end end, const char *kind, const char *text)
{
	struct call_event ev = { .type = CALL_EV_ENDED, .end = end, .kind = kind };
	char *clean;

	if (c->phase == PHASE_OVER)
		return;
	c->phase = PHASE_OVER;
	close_all(c);
	talk_ended(c);
	call_set_state(c, CALL_LEFT, "");
	clean = text_clean(text, strlen(text), 600, TEXT_TRIM);
	ev.text = clean ? clean : "";
	call_emit(c, &ev);
	free(clean);
}

void call_finish(struct call *c, enum call_end end, const char *kind, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	finish(c, end, kind, buf_str(&b));
	buf_free(&b);
}

int64_t call_random_us(struct call *c, int64_t lo_us, int64_t hi_us)
{
	/* xorshift64*: waits that differ from client to client, repeatable in tests. */
	c->seed ^= c->seed >> 12;
	c->seed ^= c->seed << 25;
	c->seed ^= c->seed >> 27;
	return lo_us + (int64_t)((c->seed * UINT64_C(2685821657736338717) >> 11) %
				 (uint64_t)(hi_us - lo_us + 1));
}

/* Growing, jittered, within what servers allow: the web client's first waits,
 * then up to half a minute. */
static int64_t wait_us(struct call *c)
{
	static const struct { int lo_ms, hi_ms; } wait[] = {
		{ 500, 2000 }, { 3000, 9000 }, { 4500, 15000 }, { 10000, 30000 }
	};
	unsigned n = c->attempt < 3 ? c->attempt : 3;

	return call_random_us(c, wait[n].lo_ms * INT64_C(1000), wait[n].hi_ms * INT64_C(1000));
}

static void begin_waiting(struct call *c)
{
	if (!c->lost_us) {
		c->lost_us = c->now_us;
		/* Who comes back and falls out at once waits longer each time. */
		if (c->now_us - c->joined_us > SETTLED_US)
			c->attempt = 0;
	}
	roster_remember_self(c);
	call_close_stream(c);
	call_set(&c->lobby_me, NULL);
	c->phase = PHASE_WAITING;
	c->request_at_us = c->join_limit_us = 0;
	c->next_try_us = c->now_us + wait_us(c);
	c->attempt++;
}

/* The media and its channel stay: bridge and server are two machines. */
static void lose(struct call *c, enum call_end end, const char *kind, const char *text)
{
	if (c->phase == PHASE_OVER || c->phase == PHASE_IDLE || c->phase == PHASE_WAITING)
		return;
	if (c->phase == PHASE_LEAVING) {
		finish(c, CALL_END_LEFT, "left", "");
		return;
	}
	if (!c->ever_joined && !c->knocked) {
		finish(c, end, kind, text);
		return;
	}
	if (c->lost_us && c->now_us - c->lost_us >= c->reconnect_for_us) {
		finish(c, CALL_END_LOST, "lost", text);
		return;
	}
	begin_waiting(c);
	if (c->state == CALL_RECONNECTING && c->attempt > 1)
		call_step(c, "attempt %u failed: %s", c->attempt - 1, text);
	else if (c->state == CALL_RECONNECTING)
		call_step(c, "%s", text);
	call_set_state(c, CALL_RECONNECTING, text);
}

void call_lost(struct call *c, enum call_end end, const char *kind, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	lose(c, end, kind, buf_str(&b));
	buf_free(&b);
}

void call_rejoin(struct call *c, const char *why)
{
	c->attempt = 0;
	call_lost(c, CALL_END_NO_SERVER, "closed", "%s", why);
	if (c->phase == PHASE_WAITING)
		c->next_try_us = c->now_us;
}

/* ---- joining and leaving ---- */

static void start_anew(struct call *c)
{
	roster_clear(c);
	talk_clear(c);
	join_forget(c);
	call_set(&c->subject, "");
	c->ever_joined = c->knocked = c->was_seated = c->muted_by_focus = c->moderated = false;
	c->lost_us = c->joined_us = 0;
	c->attempt = c->guess = 0;
	c->shard.moves = 0;
	if (c->rewriting != c->rewriting_wish) {        /* perhaps there is a channel now */
		c->rewriting = c->rewriting_wish;
		call_make_caps(c);
	}
	c->phase = PHASE_IDLE;
}

void call_join(struct call *c, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->phase == PHASE_OVER)
		start_anew(c);
	if (c->phase == PHASE_IDLE) {
		call_set_state(c, CALL_CONNECTING, "");
		join_start(c);
	}
	call_leave_input(c);
}

void call_leave(struct call *c, int64_t now_us)
{
	struct xml *p;

	call_enter(c, now_us);
	if (c->phase == PHASE_OVER || c->phase == PHASE_LEAVING) {
		;
	} else if (!c->stream || c->cut || (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING)) {
		finish(c, CALL_END_LEFT, "left", "");
	} else {
		c->phase = PHASE_LEAVING;
		c->leave_until_us = now_us + LEAVE_US;
		p = muc_leave_new(c->occupant, NULL);
		xmpp_stream_send(c->stream, &p);
		session_drop(c);
	}
	call_leave_input(c);
}

/* ---- inputs ---- */

void call_stream_opened(struct call *c, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->stream && (c->phase == PHASE_CONNECTING || c->cut)) {
		c->stream_up = true;
		xmpp_stream_open(c->stream, now_us);
	}
	call_leave_input(c);
}

void call_stream_input(struct call *c, const char *text, size_t len, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->stream)
		xmpp_stream_input(c->stream, text, len, now_us);
	call_leave_input(c);
}

/* ---- time ---- */

static void on_waiting(struct call *c)
{
	if (c->phase == PHASE_LEAVING && c->now_us >= c->leave_until_us)
		finish(c, CALL_END_LEFT, "left", "");
	if (c->phase != PHASE_WAITING || c->now_us < c->next_try_us)
		return;
	if (c->now_us - c->lost_us >= c->reconnect_for_us) {
		finish(c, CALL_END_LOST, "lost", "the connection did not come back in time");
		return;
	}
	c->next_try_us = 0;
	if (!token_check(c))
		return;
	call_step(c, "attempt %u", c->attempt);
	join_again(c);
}

static void next_of_call(const struct call *c, int64_t *next)
{
	if (c->phase == PHASE_LEAVING)
		sooner(next, c->leave_until_us);
	if (c->phase == PHASE_WAITING)
		sooner(next, c->next_try_us);
	if (c->request_dead)
		sooner(next, c->now_us);
	sooner(next, c->request_at_us);
	sooner(next, c->join_limit_us);
	sooner(next, c->resume_at_us);
	if (c->presence_dirty && c->phase == PHASE_JOINED && !c->cut)
		sooner(next, c->presence_sent_us + PRESENCE_GAP_US);
	shard_next(c, next);
	sooner(next, talk_next(c));
	session_next(c, next);
	channel_next(c, next);
}

int64_t call_tick(struct call *c, int64_t now_us)
{
	int64_t next = CLOCK_NEVER;

	call_enter(c, now_us);
	if (c->stream)
		xmpp_stream_tick(c->stream, now_us);
	on_waiting(c);
	resume_tick(c);
	join_tick(c);
	shard_tick(c);
	roster_tick(c);
	talk_tick(c);
	session_tick(c);
	channel_tick(c);
	/* What was just sent may wait for an answer. */
	if (c->stream && c->stream_up)
		sooner(&next, xmpp_stream_tick(c->stream, now_us));
	if (c->phase == PHASE_OVER)
		next = CLOCK_NEVER;
	else
		next_of_call(c, &next);
	call_leave_input(c);
	return next;
}
