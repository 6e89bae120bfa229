/* media.c - the media thread of a call
 *
 *	loop: media_start() copies what the offer says and posts it
 *	media: makes peer and transport (media_session.c), ticks the sink
 *	media -> loop: states, by post
 *
 * Whatever a message did may have given the sink something to do sooner, so
 * the sink is asked after each.
 */
#include "call/media_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "rtc/turn_tls.h"

enum { RUN_WAIT_S = 2, CLOSE_US = 1000000, CLOSE_STEP_US = 20000 };

/* ---- news for the loop ---- */

/* what: enum peer_state, or enum call_want. */
struct news { struct post_msg m; struct media *media; int what; char *sid, *why; };

static void news_drop(struct post_msg *m)
{
	struct news *n = (struct news *)m;

	free(n->sid);
	free(n->why);
	free(n);
}

static void state_run(struct post_msg *m)
{
	struct news *n = (struct news *)m;

	n->media->ev.state(n->media->ctx, n->sid, n->what, n->why);
	news_drop(m);
}

static void want_run(struct post_msg *m)
{
	struct news *n = (struct news *)m;

	n->media->ev.want(n->media->ctx, n->sid, (enum call_want)n->what, n->why);
	news_drop(m);
}

static void tell(struct media *m, void (*run)(struct post_msg *m), int what, const char *why)
{
	struct news *n = calloc(1, sizeof(*n));

	if (!n || text_set(&n->sid, m->session ? m->session->sid : "") ||
	    text_set(&n->why, why ? why : ""))
		abort();
	n->m.run = run;
	n->m.drop = news_drop;
	n->media = m;
	n->what = what;
	post_send(m->to_loop, &n->m);
}

void media_tell(struct media *m, int state, const char *why)
{
	tell(m, state_run, state, why);
}

void media_want(struct media *m, enum call_want want, const char *why)
{
	tell(m, want_run, (int)want, why);
}

/* ---- media thread ---- */

static void on_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	loop_timer_set(m->tick, m->sink.tick(m->sink_ctx, now_us));
}

static void on_orders(void *ctx, int fd, GIOCondition ready)
{
	struct media *m = ctx;

	(void)fd;
	(void)ready;
	if (post_run(m->to_media))
		loop_timer_set(m->tick, clock_now_us());
}

static void *thread_main(void *arg)
{
	struct media *m = arg;

	loop_timer_set(m->tick, clock_now_us());
	loop_run(m->own);
	return NULL;
}

struct simple_msg { struct post_msg m; struct media *media; };

static void simple_drop(struct post_msg *m)
{
	free(m);
}

static void stop_run(struct post_msg *msg)
{
	media_session_end(((struct simple_msg *)msg)->media);
	free(msg);
}

static void network_run(struct post_msg *msg)
{
	media_path_network(((struct simple_msg *)msg)->media);
	free(msg);
}

/* The last thing on the thread. */
static void quit_run(struct post_msg *msg)
{
	struct media *m = ((struct simple_msg *)msg)->media;

	free(msg);
	media_session_end(m);
	loop_quit(m->own);
}

static void send_simple(struct media *m, void (*run)(struct post_msg *msg))
{
	struct simple_msg *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m.run = run;
	s->m.drop = simple_drop;
	s->media = m;
	post_send(m->to_media, &s->m);
}

/* ---- loop thread ---- */

static int start_thread(struct media *m)
{
	int err = loop_new(&m->own, "media");

	if (!err)
		err = post_new(&m->to_media, 0);
	if (!err)
		err = loop_watch_new(&m->media_watch, m->own, "orders", post_fd(m->to_media),
				     G_IO_IN, on_orders, m);
	if (!err)
		err = loop_timer_new(&m->tick, m->own, "sound", on_tick, m);
	if (!err)
		err = media_session_timers(m);
	if (!err && pthread_create(&m->thread, NULL, thread_main, m))
		err = -EAGAIN;
	m->running = !err;
	return err;
}

/* The thread has ended: its loop is ours, for as long as relays need to hear
 * that they are not wanted any more. */
static void give_relays_back(struct media *m)
{
	int64_t end = clock_now_us() + CLOSE_US;

	while (m->closing && clock_now_us() < end)
		loop_iterate(m->own, CLOSE_STEP_US);
}

static void release(struct media *m)
{
	loop_watch_free(&m->watch);
	post_free(&m->to_loop);
	if (m->own) {
		loop_timer_free(&m->tick);
		loop_timer_free(&m->peer_tick);
		loop_timer_free(&m->path_tick);
		loop_timer_free(&m->return_tick);
		loop_timer_free(&m->stats_tick);
		loop_watch_free(&m->media_watch);
		post_free(&m->to_media);
		loop_free(&m->own);
	}
	dtls_cert_free(&m->cert);
	pthread_mutex_destroy(&m->lock);
	text_forget(&m->turn);
	turn_trust_free(&m->trust);
	free(m->relay_why);
	free(m->ca_file);
	free(m);
}

int media_new(struct media **out, struct loop *loop, const struct media_config *cfg,
	      const struct media_sink *sink, void *sink_ctx, const struct media_events *ev, void *ctx)
{
	struct media *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	*out = NULL;
	if (!m)
		return err;
	pthread_mutex_init(&m->lock, NULL);
	m->loop = loop;
	m->loopback = cfg->loopback;
	m->relay_only = cfg->relay_only;
	m->insecure = cfg->insecure;
	m->sink = *sink;
	m->sink_ctx = sink_ctx;
	m->ev = *ev;
	m->ctx = ctx;
	m->stats.peer.rtt_ms = -1;
	if (!text_set(&m->turn, cfg->turn ? cfg->turn : "") &&
	    !text_set(&m->ca_file, cfg->ca_file ? cfg->ca_file : ""))
		err = dtls_cert_new(&m->cert);
	if (!err)
		err = post_new(&m->to_loop, 0);
	if (!err)
		err = loop_attach_post(&m->watch, loop, m->to_loop);
	if (!err)
		err = start_thread(m);
	if (err) {
		release(m);
		return err;
	}
	*out = m;
	return 0;
}

void media_free(struct media **mp)
{
	struct media *m = *mp;

	if (!m)
		return;
	if (m->running) {
		send_simple(m, quit_run);
		pthread_join(m->thread, NULL);
		media_trust_end(m);
		give_relays_back(m);
	}
	release(m);
	*mp = NULL;
}

const char *media_fingerprint(const struct media *m)
{
	return dtls_cert_fingerprint(m->cert);
}

void media_start(struct media *m, const struct call_media *params)
{
	post_send(m->to_media, &media_start_new(m, params)->m);
}

void media_stop(struct media *m)
{
	send_simple(m, stop_run);
}

void media_restart(struct media *m, const struct call_media_restart *r)
{
	post_send(m->to_media, media_restart_new(m, r));
}

void media_services(struct media *m, const struct ext_service *v, size_t count)
{
	post_send(m->to_media, media_services_new(m, v, count));
}

void media_network(struct media *m)
{
	send_simple(m, network_run);
}

int media_post(struct media *m, struct post_msg *msg)
{
	return post_send(m->to_media, msg);
}

/* Shared by the two threads; the last one frees it. */
struct run_msg {
	struct post_msg m;
	void (*fn)(void *ctx);
	void *ctx;
	pthread_mutex_t lock;           /* leaf: guards the rest */
	pthread_cond_t changed;
	enum { RUN_WAITS, RUN_RUNS, RUN_DONE, RUN_GIVEN_UP } state;
	int refs;
};

static void run_unref(struct run_msg *r)
{
	bool last;

	pthread_mutex_lock(&r->lock);
	last = --r->refs == 0;
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void run_end(struct run_msg *r)
{
	pthread_mutex_lock(&r->lock);
	r->state = RUN_DONE;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	run_unref(r);
}

static void run_drop(struct post_msg *m)
{
	run_end((struct run_msg *)m);
}

static void run_run(struct post_msg *m)
{
	struct run_msg *r = (struct run_msg *)m;
	bool wanted;

	pthread_mutex_lock(&r->lock);
	wanted = r->state == RUN_WAITS;
	if (wanted)
		r->state = RUN_RUNS;
	pthread_mutex_unlock(&r->lock);
	if (wanted)
		r->fn(r->ctx);
	run_end(r);
}

/* What has begun is waited for: its ctx is the caller's. */
static void wait_for(struct run_msg *r)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += RUN_WAIT_S;
	pthread_mutex_lock(&r->lock);
	while (r->state == RUN_WAITS && !err)
		err = pthread_cond_timedwait(&r->changed, &r->lock, &end);
	if (r->state == RUN_WAITS) {
		r->state = RUN_GIVEN_UP;
		log_warn("call", "the media thread does not answer");
	}
	while (r->state == RUN_RUNS)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void media_run(struct media *m, void (*fn)(void *ctx), void *ctx)
{
	struct run_msg *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (!r)
		abort();
	r->m.run = run_run;
	r->m.drop = run_drop;
	r->fn = fn;
	r->ctx = ctx;
	r->refs = 2;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	post_send(m->to_media, &r->m);
	wait_for(r);
	run_unref(r);
}

void media_stats(struct media *m, struct media_stats *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->stats;
	pthread_mutex_unlock(&m->lock);
}
