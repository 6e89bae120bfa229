/* call.c - the core: commands, how it ends and begins anew, time, questions
 *
 * The stream's handlers run inside xmpp_stream_input() and must not free it;
 * so a stream that is given up waits in dead_stream until the input is over.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"

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

static void say(struct call *c, enum call_event_type type, const char *kind, const char *fmt, va_list ap)
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
	c->no_mic = cfg->no_mic;
	c->muted = cfg->muted || c->a.start_muted;
	c->relay_only = cfg->relay_only;
	c->privacy_version = cfg->privacy_version;
	c->reconnect_for_us = cfg->reconnect_for_us ? cfg->reconnect_for_us : INT64_C(900000000);
	c->media_timeout_us = cfg->media_timeout_us ? cfg->media_timeout_us : 30000000;
	c->seed = cfg->seed ? cfg->seed : (uint64_t)rng_u32() | 1;
	/* Random for each call: nothing ties two of them together. */
	rng_hex(c->machine_uid, 32);
	rng_alnum(c->stats_id, 8);
}

static int make_caps(struct call *c)
{
	static const struct disco_identity id = { "client", "console", NULL, "ttymeet" };

	return disco_caps_hash(&id, c->privacy_version ? 1 : 0, join_features, join_feature_count,
			       c->caps_ver);
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
		err = make_caps(c);
	}
	if (err) {
		call_free(&c);
		return err;
	}
	*out = c;
	return 0;
}

static void wipe(char **s)
{
	if (*s)
		text_wipe(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void call_drop_stream(struct call *c)
{
	xmpp_stream_free(&c->dead_stream);
	c->dead_stream = c->stream;
	c->stream = NULL;
	c->stream_up = false;
}

void call_free(struct call **cp)
{
	struct call *c = *cp;

	if (!c)
		return;
	xmpp_stream_free(&c->stream);
	xmpp_stream_free(&c->dead_stream);
	roster_clear(c);
	talk_clear(c);
	source_set_clear(&c->sources);
	ext_services_free(&c->services, &c->service_count);
	address_clear(&c->a);
	deployment_clear(&c->d);
	buf_free(&c->tried);
	wipe(&c->password);
	wipe(&c->jwt);
	wipe(&c->login_user);
	wipe(&c->login_password);
	wipe(&c->session_id);
	wipe(&c->local_pwd);
	wipe(&c->channel_url);
	free(c->name);
	free(c->email);
	free(c->fingerprint);
	free(c->nick);
	free(c->room);
	free(c->occupant);
	free(c->focus_jid);
	free(c->focus_occupant);
	free(c->metadata_jid);
	free(c->subject);
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
	if (c->stream) {
		xmpp_stream_close(c->stream);
		c->ops.stream_close(c->ops_ctx);
	}
	call_drop_stream(c);
	channel_stop(c);
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
		{ 300, 1500 }, { 1500, 4000 }, { 3000, 9000 }, { 4500, 20000 }, { 10000, 30000 }
	};
	unsigned n = c->attempt < 4 ? c->attempt : 4;

	return call_random_us(c, wait[n].lo_ms * INT64_C(1000), wait[n].hi_ms * INT64_C(1000));
}

static void lose(struct call *c, enum call_end end, const char *kind, const char *text)
{
	if (c->phase == PHASE_OVER)
		return;
	if (c->phase == PHASE_LEAVING) {
		finish(c, CALL_END_LEFT, "left", "");
		return;
	}
	if (!c->ever_joined) {
		finish(c, end, kind, text);
		return;
	}
	if (!c->lost_us) {
		c->lost_us = c->now_us;
		c->attempt = 0;
	}
	if (c->now_us - c->lost_us >= c->reconnect_for_us) {
		finish(c, CALL_END_LOST, "lost", text);
		return;
	}
	if (c->stream) {
		xmpp_stream_close(c->stream);
		c->ops.stream_close(c->ops_ctx);
	}
	call_drop_stream(c);
	c->phase = PHASE_WAITING;
	c->next_try_us = c->now_us + wait_us(c);
	c->attempt++;
	call_set_state(c, CALL_RECONNECTING, text);
	if (c->attempt > 1)
		call_step(c, "attempt %u failed: %s", c->attempt - 1, text);
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

/* ---- commands ---- */

void call_join(struct call *c, int64_t now_us)
{
	c->now_us = now_us;
	if (c->phase != PHASE_IDLE)
		return;
	call_set_state(c, CALL_CONNECTING, "");
	join_start(c);
}

void call_leave(struct call *c, int64_t now_us)
{
	struct xml *p;

	c->now_us = now_us;
	if (c->phase == PHASE_OVER || c->phase == PHASE_LEAVING)
		return;
	if (!c->stream || (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING)) {
		finish(c, CALL_END_LEFT, "left", "");
		return;
	}
	c->phase = PHASE_LEAVING;
	c->leave_until_us = now_us + LEAVE_US;
	p = muc_leave_new(c->occupant, NULL);
	xmpp_stream_send(c->stream, &p);
	session_drop(c);
}

static bool is_in(const struct call *c)
{
	return c->phase == PHASE_JOINED;
}

static int refuse(const char **kind, char **why, int err, const char *k, const char *words)
{
	if (kind)
		*kind = k;
	if (why)
		*why = strdup(words);
	return err;
}

static void on_unmute_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");
	struct call_event ev = { .type = CALL_EV_MUTED_BY };

	if (!answer || !type || strcmp(type, "error") || c->phase != PHASE_JOINED)
		return;
	/* AV moderation: back to muted, and say why. */
	c->muted = c->muted_by_focus = true;
	roster_dirty(c);
	call_complain(c, "not-allowed", "a moderator does not let you speak; raise your hand");
	call_emit(c, &ev);
}

int call_set_muted(struct call *c, bool muted, int64_t now_us)
{
	struct xml *iq;

	c->now_us = now_us;
	if (c->muted == muted)
		return 0;
	c->muted = muted;
	/* Who was muted by the focus tells it, or the bridge may go on dropping. */
	if (!muted && c->muted_by_focus && is_in(c) && c->focus_occupant) {
		c->muted_by_focus = false;
		iq = muc_mute_new(c->focus_occupant, c->occupant, false);
		xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, now_us, on_unmute_answer, c);
	}
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	return 0;
}

int call_set_name(struct call *c, const char *name, int64_t now_us)
{
	c->now_us = now_us;
	call_set(&c->name, name);
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	return 0;
}

int call_set_hand(struct call *c, bool up, int64_t now_us)
{
	c->now_us = now_us;
	if (!is_in(c) && c->state != CALL_RECONNECTING)
		return -ENOTCONN;
	c->hand_ms = !up ? 0 : c->hand_ms ? c->hand_ms : clock_wall_us() / 1000;
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	return 0;
}

int call_topic(struct call *c, const char *text, const char **kind, char **why, int64_t now_us)
{
	struct xml *m;

	c->now_us = now_us;
	if (!is_in(c))
		return refuse(kind, why, -ENOTCONN, "not-joined", "you are in no room");
	if (!c->self_moderator)
		return refuse(kind, why, -EPERM, "not-moderator", "only moderators set the subject");
	m = muc_subject_new(c->room, text);
	return xmpp_stream_send(c->stream, &m);
}

static void on_asked(void *ctx, const struct xml *answer)
{
	struct asked *a = ctx;
	const char *type = xml_attr(answer, "type");

	if (a->c->phase != PHASE_JOINED)
		return;
	if (!answer)
		call_complain(a->c, "timeout", "%s: no answer from the server", a->what);
	else if (type && !strcmp(type, "error"))
		call_complain(a->c, "refused", "%s: refused (%s%s%s)", a->what,
			      xmpp_error_condition(answer), *xmpp_error_text(answer) ? ": " : "",
			      xmpp_error_text(answer));
}

static int ask(struct call *c, struct xml *iq, const char *what, const char *id)
{
	struct asked *a = &c->asked[c->next_asked++ % ASKED_MAX];
	const struct person_entry *e = roster_find(c, id);

	a->c = c;
	snprintf(a->what, sizeof(a->what), "%s %.40s", what, e && *e->name ? e->name : id);
	return xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_asked, a);
}

static int may_moderate(struct call *c, const char *id, const char **kind, char **why)
{
	if (!is_in(c))
		return refuse(kind, why, -ENOTCONN, "not-joined", "you are in no room");
	if (!roster_find(c, id))
		return refuse(kind, why, -ENOENT, "unknown-person", "that person is not here");
	if (!c->self_moderator)
		return refuse(kind, why, -EPERM, "not-moderator", "only moderators can do that");
	return 0;
}

int call_kick(struct call *c, const char *id, const char *reason, const char **kind, char **why,
	      int64_t now_us)
{
	int err;

	c->now_us = now_us;
	err = may_moderate(c, id, kind, why);
	return err ? err : ask(c, muc_kick_new(c->room, id, reason), "kick", id);
}

int call_mute_other(struct call *c, const char *id, const char **kind, char **why, int64_t now_us)
{
	struct buf b = { 0 };
	int err;

	c->now_us = now_us;
	err = may_moderate(c, id, kind, why);
	if (!err && !c->focus_occupant)
		err = refuse(kind, why, -EAGAIN, "no-focus", "the conference has no focus at the moment");
	if (err)
		return err;
	buf_addf(&b, "%s/%s", c->room, id);
	err = ask(c, muc_mute_new(c->focus_occupant, buf_str(&b), true), "mute", id);
	buf_free(&b);
	return err;
}

/* ---- inputs ---- */

void call_stream_opened(struct call *c, int64_t now_us)
{
	c->now_us = now_us;
	c->stream_up = true;
	if (c->stream)
		xmpp_stream_open(c->stream, now_us);
}

void call_stream_input(struct call *c, const char *text, size_t len, int64_t now_us)
{
	c->now_us = now_us;
	if (c->stream)
		xmpp_stream_input(c->stream, text, len, now_us);
	xmpp_stream_free(&c->dead_stream);
}

/* ---- time ---- */

static void on_waiting(struct call *c)
{
	if (c->phase != PHASE_WAITING || c->now_us < c->next_try_us)
		return;
	if (c->now_us - c->lost_us >= c->reconnect_for_us) {
		finish(c, CALL_END_LOST, "lost", "the connection did not come back in time");
		return;
	}
	c->next_try_us = 0;
	join_connect(c);
}

int64_t call_tick(struct call *c, int64_t now_us)
{
	int64_t next = CLOCK_NEVER, stream_next;

	c->now_us = now_us;
	if (c->stream)
		xmpp_stream_tick(c->stream, now_us);
	xmpp_stream_free(&c->dead_stream);
	if (c->phase == PHASE_LEAVING && now_us >= c->leave_until_us)
		finish(c, CALL_END_LEFT, "left", "");
	on_waiting(c);
	join_tick(c);
	roster_tick(c);
	talk_tick(c);
	session_tick(c);
	channel_tick(c);
	xmpp_stream_free(&c->dead_stream);
	if (c->phase == PHASE_OVER)
		return CLOCK_NEVER;
	if (c->stream) {        /* what was just sent may wait for an answer */
		stream_next = xmpp_stream_tick(c->stream, now_us);
		sooner(&next, stream_next);
	}
	if (c->phase == PHASE_LEAVING)
		sooner(&next, c->leave_until_us);
	if (c->phase == PHASE_WAITING)
		sooner(&next, c->next_try_us);
	sooner(&next, c->request_at_us);
	sooner(&next, c->join_at_us);
	sooner(&next, c->join_limit_us);
	if (c->presence_dirty && c->phase == PHASE_JOINED)
		sooner(&next, c->presence_sent_us + PRESENCE_GAP_US);
	sooner(&next, talk_next(c));
	sooner(&next, c->media_limit_us);
	sooner(&next, c->restart_at_us);
	sooner(&next, c->media_stop_us);
	sooner(&next, c->focus_gone_us);
	sooner(&next, c->channel_at_us);
	return next;
}

/* ---- questions ---- */

enum call_state call_get_state(const struct call *c)
{
	return c->state;
}

size_t call_people(const struct call *c)
{
	return c->people;
}

bool call_person(const struct call *c, size_t i, struct call_person *out)
{
	if (i >= c->people)
		return false;
	*out = c->person[i]->p;
	return true;
}

bool call_find_person(const struct call *c, const char *id, struct call_person *out)
{
	for (size_t i = 0; i < c->people; i++)
		if (!strcmp(c->person[i]->id, id)) {
			*out = c->person[i]->p;
			return true;
		}
	return false;
}

const char *call_subject(const struct call *c)
{
	return c->subject;
}

const char *call_room_title(const struct call *c)
{
	return c->a.title;
}

const char *call_url(const struct call *c)
{
	return c->a.page;
}

const char *call_host(const struct call *c)
{
	return c->a.authority;
}

const char *call_source_owner(const struct call *c, uint32_t ssrc)
{
	const struct source *s = source_set_find(&c->sources, ssrc);

	return s && !s->video && *s->owner && strcmp(s->owner, "jvb") ? s->owner : NULL;
}

int64_t call_next_try_us(const struct call *c)
{
	return c->phase == PHASE_WAITING ? c->next_try_us : 0;
}

unsigned call_attempt(const struct call *c)
{
	return c->attempt;
}

bool call_is_moderator(const struct call *c)
{
	return c->self_moderator;
}

void call_counters(const struct call *c, struct call_counters *out)
{
	*out = c->count;
}

void call_print(const struct call *c, struct buf *out)
{
	static const char *const phases[] = { "idle", "config", "connecting", "requesting", "joining",
		"joined", "waiting", "leaving", "over" };
	struct xmpp_counters x = { 0 };

	if (c->stream)
		xmpp_stream_counters(c->stream, &x);
	buf_addf(out, "call %s\n  phase %s, attempt %u, nick %s, focus %s\n", c->a.page,
		 phases[c->phase], c->attempt, c->nick ? c->nick : "-",
		 c->focus_jid ? c->focus_jid : "-");
	buf_addf(out, "  domain %s, muc %s, websocket %s%s\n", c->d.domain ? c->d.domain : "-",
		 c->d.muc ? c->d.muc : "-", c->d.websocket ? c->d.websocket : "-",
		 c->d.guessed ? " (guessed)" : "");
	buf_addf(out, "  session %s, media %s, ssrc %u, sources %zu, channel %s, restarts %u\n",
		 c->sid ? c->sid : "-", c->media_up ? "up" : c->media_running ? "connecting" : "none",
		 c->ssrc, c->sources.count, c->channel_open ? "open" : c->channel_url ? "closed" : "none",
		 c->restarts);
	buf_addf(out, "  muted %d, hand %lld, people %zu, queued messages %u\n", c->muted,
		 (long long)c->hand_ms, c->people, c->queued);
	buf_addf(out, "  stanzas in %llu, out %llu, malformed %llu; forged %llu, unknown IQs %llu, "
		 "P2P offers declined %llu, rejoined %llu",
		 (unsigned long long)x.in, (unsigned long long)x.out,
		 (unsigned long long)(x.malformed + c->count.malformed),
		 (unsigned long long)c->count.forged, (unsigned long long)c->count.unknown_iq,
		 (unsigned long long)c->count.p2p_declined, (unsigned long long)c->count.rejoined);
}
