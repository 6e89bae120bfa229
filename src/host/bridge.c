/* bridge.c - the bridge's two sides: calls from the loop, a media thread
 *
 *	loop thread    bridge_x() -> call -> post down -> forward_x()    media thread
 *	               events     <- post up  <- event <- forward_ops
 *
 * The media thread owns the port, the mux and the core; its loop sleeps until
 * a datagram, a call or a time comes.  Between the threads go only messages;
 * what is shared beside them are the figures, behind a lock.
 *
 * An offer's half of ICE is drawn on the caller's thread, so that bridge_add()
 * can return it at once: its message is in the queue before anybody can have
 * seen the offer.
 */
#include "host/bridge.h"
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/post.h"
#include "base/rng.h"
#include "base/text.h"
#include "host/bridge_priv.h"
#include "host/forward.h"
#include "rtc/ice_mux.h"

enum {
	UFRAG = 8, PWD = 24,    /* RFC 8445 section 5.3: at least 4 and 22 */
	ID_MAX = 63,
	FIGURES_US = 200 * 1000,
};

struct bridge {
	/* the loop's */
	struct loop *loop;
	struct bridge_events ev;
	void *ctx;
	char *address, *public_address;
	uint16_t wanted_port;
	struct dtls_cert *cert;
	uint32_t audio_ssrc, video_ssrc;
	struct loop_watch *up_watch;
	pthread_t thread;
	bool running;

	/* both threads' */
	struct post *up, *down;
	pthread_mutex_t lock;           /* leaf: guards what follows */
	pthread_cond_t started_cond;
	bool started;
	int start_err;
	uint16_t port;
	struct bridge_stats stats;

	/* the media thread's */
	struct loop *media;
	struct loop_watch *down_watch;
	struct loop_timer *timer;
	int64_t timer_us;
	struct ice_mux *mux;
	struct forward *forward;
	int64_t figures_us;             /* when they were last published */
	struct bridge_stats published;
};

/* ---- events, up to the loop ---- */

struct event {
	struct post_msg m;
	struct bridge *b;
	unsigned room;
	char *id, *text;                /* text: a channel message, or why */
	size_t len;
	bool is_state;
	enum bridge_endpoint_state state;
	uint64_t session;
};

static void drop_event(struct post_msg *m)
{
	struct event *v = (struct event *)m;

	g_free(v->id);
	g_free(v->text);
	g_free(v);
}

static void run_event(struct post_msg *m)
{
	struct event *v = (struct event *)m;
	struct bridge *b = v->b;

	if (v->is_state)
		b->ev.state(b->ctx, v->room, v->id, v->session, v->state, v->text);
	else
		b->ev.channel_send(b->ctx, v->room, v->id, v->text, v->len);
	drop_event(m);
}

static struct event *new_event(struct bridge *b, unsigned room, const char *id,
			       const char *text, size_t len)
{
	struct event *v = g_new0(struct event, 1);

	v->m.run = run_event;
	v->m.drop = drop_event;
	v->b = b;
	v->room = room;
	v->id = g_strdup(id);
	v->text = g_strndup(text, len);
	v->len = len;
	return v;
}

static void on_state(void *ctx, unsigned room, const char *id, uint64_t session,
		     enum bridge_endpoint_state state, const char *why)
{
	struct bridge *b = ctx;
	struct event *v = new_event(b, room, id, why, strlen(why));

	v->is_state = true;
	v->state = state;
	v->session = session;
	post_send(b->up, &v->m);
}

static void on_channel_send(void *ctx, unsigned room, const char *id, const char *text, size_t len)
{
	struct bridge *b = ctx;

	post_send(b->up, &new_event(b, room, id, text, len)->m);
}

/* ---- the media thread ---- */

static int make_transport(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
			  const struct transport_events *ev, void *ev_ctx)
{
	struct bridge *b = ctx;

	return ice_mux_add(out, b->mux, ufrag, pwd, ev, ev_ctx);
}

static int set_remote(void *ctx, struct transport *t, const char *ufrag, const char *pwd)
{
	(void)ctx;
	return ice_mux_remote(t, ufrag, pwd);
}

static int64_t heard_us(void *ctx, const struct transport *t)
{
	(void)ctx;
	return ice_mux_heard_us(t);
}

static const struct forward_ops forward_ops = {
	make_transport, set_remote, heard_us, on_state, on_channel_send
};

/* Returns when it wants to be called again. */
static int64_t publish_figures(struct bridge *b, int64_t now_us)
{
	struct ice_mux_stats mux;
	struct bridge_stats s;

	forward_stats(b->forward, &s);
	ice_mux_stats(b->mux, &mux);
	s.limited += mux.limited;
	s.dropped += mux.unknown + mux.bad_integrity + mux.send_full;
	if (!memcmp(&s, &b->published, sizeof(s)))
		return CLOCK_NEVER;
	if (now_us - b->figures_us < FIGURES_US)
		return b->figures_us + FIGURES_US;
	b->published = s;
	b->figures_us = now_us;
	pthread_mutex_lock(&b->lock);
	b->stats = s;
	pthread_mutex_unlock(&b->lock);
	return CLOCK_NEVER;
}

/* After whatever happened: what is due, what is to be sent, the next time. */
static void go_on(struct bridge *b)
{
	int64_t now_us = clock_now_us();
	int64_t ice_us = ice_mux_tick(b->mux, now_us);
	int64_t next_us = forward_tick(b->forward, now_us);
	int64_t figures_us = publish_figures(b, now_us);

	ice_mux_flush(b->mux);
	next_us = next_us < ice_us ? next_us : ice_us;
	next_us = next_us < figures_us ? next_us : figures_us;
	if (next_us != b->timer_us)
		loop_timer_set(b->timer, next_us);
	b->timer_us = next_us;
}

static void on_batch(void *ctx)
{
	go_on(ctx);
}

static void on_timer(void *ctx, int64_t now_us)
{
	struct bridge *b = ctx;

	(void)now_us;
	b->timer_us = CLOCK_NEVER;      /* it has run: it has to be set anew */
	go_on(b);
}

static int open_media(struct bridge *b)
{
	struct ice_mux_config mux = { .address = b->address, .port = b->wanted_port };
	struct forward_config cfg = { b->cert, b->audio_ssrc, b->video_ssrc };
	int err = loop_new(&b->media, "bridge");

	if (err)
		return err;
	mux.context = loop_context(b->media);
	err = ice_mux_new(&b->mux, &mux);
	if (!err)
		err = forward_new(&b->forward, &cfg, &forward_ops, b);
	if (!err)
		err = loop_timer_new(&b->timer, b->media, "bridge", on_timer, b);
	if (!err)
		err = loop_attach_post(&b->down_watch, b->media, b->down);
	if (!err)
		ice_mux_on_batch(b->mux, on_batch, b);
	b->timer_us = CLOCK_NEVER;
	return err;
}

static void close_media(struct bridge *b)
{
	loop_watch_free(&b->down_watch);
	loop_timer_free(&b->timer);
	forward_free(&b->forward);
	ice_mux_free(&b->mux);          /* sends what still waits: goodbyes */
}

static void *run_media(void *ctx)
{
	struct bridge *b = ctx;
	int err = open_media(b);

	if (err)
		close_media(b);
	pthread_mutex_lock(&b->lock);
	b->start_err = err;
	b->port = err ? 0 : ice_mux_port(b->mux);
	b->started = true;
	pthread_cond_signal(&b->started_cond);
	pthread_mutex_unlock(&b->lock);
	if (err)
		return NULL;
	loop_run(b->media);
	close_media(b);
	return NULL;
}

/* ---- calls, down to the media thread ---- */

struct call;
typedef void (*call_fn)(struct bridge *b, const struct call *c, int64_t now_us);

struct call {
	struct post_msg m;
	struct bridge *b;
	call_fn fn;
	unsigned room;
	char *id, *text;
	size_t len;
	bool video, mute;
	struct bridge_endpoint endpoint;
	char ufrag[UFRAG + 1], pwd[PWD + 1];
	struct jingle_transport *transport;
	struct source_set sources;
};

static void drop_call(struct post_msg *m)
{
	struct call *c = (struct call *)m;

	g_free(c->id);
	g_free(c->text);
	if (c->transport)
		text_wipe(c->transport, sizeof(*c->transport));
	g_free(c->transport);
	source_set_clear(&c->sources);
	text_wipe(c->pwd, sizeof(c->pwd));
	g_free(c);
}

static void run_call(struct post_msg *m)
{
	struct call *c = (struct call *)m;

	c->fn(c->b, c, clock_now_us());
	go_on(c->b);
	drop_call(m);
}

static struct call *new_call(struct bridge *b, call_fn fn, unsigned room, const char *id)
{
	struct call *c = g_new0(struct call, 1);

	c->m.run = run_call;
	c->m.drop = drop_call;
	c->b = b;
	c->fn = fn;
	c->room = room;
	c->id = g_strdup(id);
	return c;
}

static void do_add(struct bridge *b, const struct call *c, int64_t now_us)
{
	struct bridge_endpoint e = c->endpoint;
	int err;

	e.id = c->id;
	err = forward_add(b->forward, &e, c->ufrag, c->pwd, now_us);
	if (err)
		on_state(b, c->room, c->id, e.session, BRIDGE_FAILED,
			 err == -ENOSPC ? "the bridge is full" : "no endpoint could be made");
}

static void do_accept(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_accept(b->forward, c->room, c->id, c->transport, now_us);
}

static void do_restart(struct bridge *b, const struct call *c, int64_t now_us)
{
	int err = forward_restart(b->forward, c->room, c->id, c->ufrag, c->pwd, now_us);

	if (err)
		log_info("host", "no ICE restart for %s: %s", c->id, strerror(-err));
}

static void do_restart_accept(struct bridge *b, const struct call *c, int64_t now_us)
{
	(void)now_us;
	forward_restart_accept(b->forward, c->room, c->id, c->transport);
}

static void do_sources(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_sources(b->forward, c->room, c->id, &c->sources, now_us);
}

static void do_force_mute(struct bridge *b, const struct call *c, int64_t now_us)
{
	(void)now_us;
	forward_force_mute(b->forward, c->room, c->id, c->video, c->mute);
}

static void do_remove(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_remove(b->forward, c->room, c->id, now_us);
}

static void do_channel_open(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_channel_open(b->forward, c->room, c->id, now_us);
}

static void do_channel_input(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_channel_input(b->forward, c->room, c->id, c->text, c->len, now_us);
}

static void do_channel_closed(struct bridge *b, const struct call *c, int64_t now_us)
{
	forward_channel_closed(b->forward, c->room, c->id, now_us);
}

static void offer(struct bridge *b, struct jingle_transport *t, const struct call *c)
{
	t->present = true;
	text_copy(t->ufrag, sizeof(t->ufrag), c->ufrag);
	text_copy(t->pwd, sizeof(t->pwd), c->pwd);
	text_copy(t->hash, sizeof(t->hash), "sha-256");
	text_copy(t->fingerprint, sizeof(t->fingerprint), dtls_cert_fingerprint(b->cert));
	text_copy(t->setup, sizeof(t->setup), "actpass");
	bridge_candidates(t, b->address, b->public_address, b->port);
}

static void draw_credentials(struct bridge *b, struct call *c, struct jingle_transport *t)
{
	rng_alnum(c->ufrag, UFRAG);     /* 48 bits: two alike would be told as a failure */
	rng_alnum(c->pwd, PWD);
	offer(b, t, c);
}

static void copy_transport(struct call *c, const struct jingle_transport *t)
{
	c->transport = g_new0(struct jingle_transport, 1);
	text_copy(c->transport->ufrag, sizeof(t->ufrag), t->ufrag);
	text_copy(c->transport->pwd, sizeof(t->pwd), t->pwd);
	text_copy(c->transport->hash, sizeof(t->hash), t->hash);
	text_copy(c->transport->fingerprint, sizeof(t->fingerprint), t->fingerprint);
	text_copy(c->transport->setup, sizeof(t->setup), t->setup);
}

int bridge_add(struct bridge *b, const struct bridge_endpoint *e,
	       struct jingle_transport *transport)
{
	struct call *c;

	if (!e->id || !*e->id || strlen(e->id) > ID_MAX)
		return -EINVAL;
	c = new_call(b, do_add, e->room, e->id);
	c->endpoint = *e;
	c->endpoint.id = NULL;
	draw_credentials(b, c, transport);
	return post_send(b->down, &c->m);
}

int bridge_restart(struct bridge *b, unsigned room, const char *id,
		   struct jingle_transport *transport)
{
	struct call *c = new_call(b, do_restart, room, id);

	draw_credentials(b, c, transport);
	return post_send(b->down, &c->m);
}

int bridge_accept(struct bridge *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	struct call *c;

	if (!*t->ufrag || !*t->pwd || !*t->fingerprint || !*t->hash)
		return -EINVAL;
	c = new_call(b, do_accept, room, id);
	copy_transport(c, t);
	return post_send(b->down, &c->m);
}

int bridge_restart_accept(struct bridge *b, unsigned room, const char *id,
			  const struct jingle_transport *t)
{
	struct call *c;

	if (!*t->ufrag || !*t->pwd)
		return -EINVAL;
	c = new_call(b, do_restart_accept, room, id);
	copy_transport(c, t);
	return post_send(b->down, &c->m);
}

void bridge_sources(struct bridge *b, unsigned room, const char *id, const struct source_set *s)
{
	struct call *c = new_call(b, do_sources, room, id);

	if (source_set_merge(&c->sources, s))
		log_warn("host", "not all sources of %s could be taken", id);
	post_send(b->down, &c->m);
}

void bridge_force_mute(struct bridge *b, unsigned room, const char *id, bool video, bool mute)
{
	struct call *c = new_call(b, do_force_mute, room, id);

	c->video = video;
	c->mute = mute;
	post_send(b->down, &c->m);
}

void bridge_remove(struct bridge *b, unsigned room, const char *id)
{
	post_send(b->down, &new_call(b, do_remove, room, id)->m);
}

void bridge_channel_open(struct bridge *b, unsigned room, const char *id)
{
	post_send(b->down, &new_call(b, do_channel_open, room, id)->m);
}

void bridge_channel_input(struct bridge *b, unsigned room, const char *id,
			  const char *text, size_t len)
{
	struct call *c = new_call(b, do_channel_input, room, id);

	c->text = g_strndup(text, len);
	c->len = len;
	post_send(b->down, &c->m);
}

void bridge_channel_closed(struct bridge *b, unsigned room, const char *id)
{
	post_send(b->down, &new_call(b, do_channel_closed, room, id)->m);
}

/* ---- the bridge ---- */

uint16_t bridge_port(const struct bridge *b)
{
	return b->port;
}

uint32_t bridge_audio_ssrc(const struct bridge *b)
{
	return b->audio_ssrc;
}

uint32_t bridge_video_ssrc(const struct bridge *b)
{
	return b->video_ssrc;
}

void bridge_stats(struct bridge *b, struct bridge_stats *out)
{
	pthread_mutex_lock(&b->lock);
	*out = b->stats;
	pthread_mutex_unlock(&b->lock);
}

static int start_thread(struct bridge *b)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's; a new one begins with its maker's mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&b->thread, NULL, run_media, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return err;
	b->running = true;
	pthread_mutex_lock(&b->lock);
	while (!b->started)
		pthread_cond_wait(&b->started_cond, &b->lock);
	err = b->start_err;
	pthread_mutex_unlock(&b->lock);
	return err;
}

static void draw_ssrcs(struct bridge *b)
{
	do {
		b->audio_ssrc = rng_u32();
		b->video_ssrc = rng_u32();
	} while (!b->audio_ssrc || !b->video_ssrc || b->audio_ssrc == b->video_ssrc);
}

int bridge_new(struct bridge **out, struct loop *loop, const struct bridge_config *cfg,
	       const struct bridge_events *ev, void *ctx)
{
	struct bridge *b = g_new0(struct bridge, 1);
	int err;

	*out = NULL;
	b->loop = loop;
	b->ev = *ev;
	b->ctx = ctx;
	b->address = g_strdup(cfg->address);
	b->public_address = g_strdup(cfg->public_address);
	b->wanted_port = cfg->port;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->started_cond, NULL);
	draw_ssrcs(b);
	err = dtls_cert_new(&b->cert);
	if (!err)
		err = post_new(&b->up, 0);
	if (!err)
		err = post_new(&b->down, 0);
	if (!err)
		err = loop_attach_post(&b->up_watch, loop, b->up);
	if (!err)
		err = start_thread(b);
	if (err)
		bridge_free(&b);
	*out = b;
	return err;
}

void bridge_free(struct bridge **bb)
{
	struct bridge *b = *bb;

	if (!b)
		return;
	if (b->running) {
		if (!b->start_err)
			loop_quit(b->media);
		pthread_join(b->thread, NULL);
	}
	loop_free(&b->media);
	loop_watch_free(&b->up_watch);
	post_free(&b->down);
	post_free(&b->up);
	dtls_cert_free(&b->cert);
	pthread_cond_destroy(&b->started_cond);
	pthread_mutex_destroy(&b->lock);
	g_free(b->address);
	g_free(b->public_address);
	g_free(b);
	*bb = NULL;
}
