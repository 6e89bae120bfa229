/* media.c - the media thread of a call
 *
 *	loop: media_start() copies what the offer says, looks names of STUN and
 *	      TURN servers up, and posts it
 *	media: makes peer and transport, ticks peer and sink, counts
 *
 * The servers' names are looked up before the start and for at most 300 ms:
 * the bridge itself is always given by address, and needs none of them.
 */
#include "call/media.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "io/resolve.h"

enum { SERVERS_MAX = 12, LOOKUP_US = 300000, STATS_US = 250000 };

struct server { char type[8], host[254], address[64], protocol[8]; uint16_t port; char *user, *password; };

/* What a session needs, owned; travels from loop to media. */
struct start_msg {
	struct post_msg m;
	struct media *media;
	char *sid, *local_ufrag, *local_pwd, *remote_ufrag, *remote_pwd, *hash, *fingerprint, *cname;
	bool dtls_client;
	uint32_t ssrc;
	uint8_t pt_opus, pt_red, ext_level;
	struct jingle_candidate cand[JINGLE_CANDIDATES];
	size_t cands;
	struct server server[SERVERS_MAX];
	size_t servers;
	/* loop, while names are looked up */
	struct lookup { struct start_msg *s; size_t i; struct resolve_call *call; } lookup[SERVERS_MAX];
	unsigned waiting;
	struct loop_timer *limit;
};

struct media {
	struct loop *loop;              /* the owner's */
	struct post *to_loop;
	struct loop_watch *watch;
	struct media_config cfg;
	char *stun, *turn;
	struct media_sink sink;
	void *sink_ctx;
	struct media_events ev;
	void *ctx;
	struct dtls_cert *cert;         /* made once, read by media */
	struct start_msg *looking;      /* loop: a start that waits for names */

	struct loop *own;               /* the media thread's */
	struct post *to_media;
	struct loop_watch *media_watch;
	pthread_t thread;
	atomic_bool stop;

	/* media thread */
	struct peer *peer;
	struct loop_timer *tick, *peer_tick;
	char *sid;
	unsigned closing;               /* transports with a relay that is given back */
	int64_t stats_us;

	pthread_mutex_t lock;           /* leaf: guards stats */
	struct media_stats stats;
};

static char *must(char *s)
{
	if (!s)
		abort();
	return s;
}

/* ---- messages ---- */

static void start_free(struct start_msg *s)
{
	for (size_t i = 0; i < s->servers; i++) {
		resolve_cancel(&s->lookup[i].call);
		free(s->server[i].user);
		if (s->server[i].password)
			text_wipe(s->server[i].password, strlen(s->server[i].password));
		free(s->server[i].password);
	}
	loop_timer_free(&s->limit);
	free(s->sid);
	free(s->local_ufrag);
	text_wipe(s->local_pwd, strlen(s->local_pwd));
	free(s->local_pwd);
	free(s->remote_ufrag);
	free(s->remote_pwd);
	free(s->hash);
	free(s->fingerprint);
	free(s->cname);
	free(s);
}

static void start_drop(struct post_msg *m)
{
	start_free((struct start_msg *)m);
}

struct state_msg { struct post_msg m; struct media *media; int state; char *sid, *why; };

static void state_drop(struct post_msg *m)
{
	struct state_msg *s = (struct state_msg *)m;

	free(s->sid);
	free(s->why);
	free(s);
}

static void state_run(struct post_msg *m)
{
	struct state_msg *s = (struct state_msg *)m;

	s->media->ev.state(s->media->ctx, s->sid, s->state, s->why);
	state_drop(m);
}

static void tell_state(struct media *m, int state, const char *why)
{
	struct state_msg *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m.run = state_run;
	s->m.drop = state_drop;
	s->media = m;
	s->state = state;
	s->sid = must(strdup(m->sid ? m->sid : ""));
	s->why = must(strdup(why ? why : ""));
	post_send(m->to_loop, &s->m);
}

/* ---- media thread ---- */

static void take_stats(struct media *m)
{
	struct media_stats s;

	memset(&s, 0, sizeof(s));
	s.peer.rtt_ms = -1;
	if (m->peer) {
		peer_stats(m->peer, &s.peer);
		s.sources = peer_sources(m->peer, s.source, MEDIA_SOURCES);
	}
	pthread_mutex_lock(&m->lock);
	m->stats = s;
	pthread_mutex_unlock(&m->lock);
}

static void on_peer_state(void *ctx, enum peer_state state, const char *why)
{
	struct media *m = ctx;

	take_stats(m);
	tell_state(m, state, why);
	if (m->peer)
		loop_timer_set(m->peer_tick, clock_now_us());
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct media *m = ctx;

	m->sink.frame(m->sink_ctx, f);
}

static void on_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	loop_timer_set(m->tick, m->sink.tick(m->sink_ctx, now_us));
	if (now_us - m->stats_us >= STATS_US) {
		m->stats_us = now_us;
		take_stats(m);
	}
}

static void on_peer_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	if (m->peer)
		loop_timer_set(m->peer_tick, peer_tick(m->peer, now_us));
}

struct making { struct media *m; const struct start_msg *s; };

static int make_transport(void *ctx, struct transport **out, const struct transport_events *ev, void *ev_ctx)
{
	const struct making *k = ctx;
	const struct start_msg *s = k->s;
	struct ice_candidate cand[JINGLE_CANDIDATES];
	struct ice_server server[SERVERS_MAX];
	size_t servers = 0;
	struct transport_nice_config cfg = {
		.context = loop_context(k->m->own), .local_ufrag = s->local_ufrag,
		.local_pwd = s->local_pwd, .remote_ufrag = s->remote_ufrag,
		.remote_pwd = s->remote_pwd, .cand = cand, .cands = s->cands, .server = server,
		.relay_only = k->m->cfg.relay_only, .loopback = k->m->cfg.loopback,
		.closing = &k->m->closing,
	};

	for (size_t i = 0; i < s->cands; i++) {
		const struct jingle_candidate *c = &s->cand[i];

		cand[i] = (struct ice_candidate){ c->ip, c->port, c->priority, c->type, c->foundation };
		/* A bridge on this machine is reached by loopback alone. */
		cfg.loopback |= !strcmp(c->ip, "::1") || text_starts(c->ip, "127.");
	}
	for (size_t i = 0; i < s->servers; i++) {
		const struct server *v = &s->server[i];

		if (*v->address)
			server[servers++] = (struct ice_server){ v->type, v->address, v->port, v->protocol,
				v->user, v->password };
	}
	cfg.servers = servers;
	return transport_nice_new(out, &cfg, ev, ev_ctx);
}

static void drop_peer(struct media *m)
{
	loop_timer_set(m->peer_tick, CLOCK_NEVER);
	peer_free(&m->peer);
	free(m->sid);
	m->sid = NULL;
	take_stats(m);
}

static void start_run(struct post_msg *msg)
{
	static const struct peer_events ev = { on_peer_state, on_frame };
	struct start_msg *s = (struct start_msg *)msg;
	struct media *m = s->media;
	struct making making = { m, s };
	struct peer_config cfg = {
		.cert = m->cert, .dtls_client = s->dtls_client, .hash = s->hash,
		.fingerprint = s->fingerprint, .ssrc = s->ssrc, .rtcp_ssrc = s->ssrc ? s->ssrc : 1,
		.cname = s->cname, .pt_opus = s->pt_opus, .pt_red = s->pt_red, .ext_level = s->ext_level,
		.first_seq = (uint16_t)(rng_u32() & 0x7fff), .first_timestamp = rng_u32(),
	};
	int err;

	drop_peer(m);
	m->sid = must(strdup(s->sid));
	err = peer_new(&m->peer, &cfg, make_transport, &making, &ev, m);
	if (err) {
		tell_state(m, PEER_FAILED, strerror(-err));
	} else {
		take_stats(m);
		loop_timer_set(m->peer_tick, clock_now_us());
	}
	start_free(s);
}

struct order { struct post_msg m; struct media *media; void (*fn)(void *ctx); void *ctx;
	pthread_mutex_t *lock; pthread_cond_t *done; bool *finished; };

static void order_drop(struct post_msg *m)
{
	free(m);
}

static void stop_run(struct post_msg *msg)
{
	drop_peer(((struct order *)msg)->media);
	free(msg);
}

static void *thread_main(void *arg)
{
	struct media *m = arg;

	loop_timer_set(m->tick, clock_now_us());
	loop_run(m->own);
	return NULL;
}

/* The last thing on the thread: a relay is given back for up to 1 s. */
static void end_on_thread(void *ctx)
{
	struct media *m = ctx;
	int64_t end = clock_now_us() + 1000000;

	drop_peer(m);
	while (m->closing && clock_now_us() < end)
		g_main_context_iteration(loop_context(m->own), FALSE);
	loop_quit(m->own);
}

/* ---- loop thread ---- */

static int start_thread(struct media *m)
{
	int err = loop_new(&m->own, "media");

	if (!err)
		err = post_new(&m->to_media, 0);
	if (!err)
		err = loop_attach_post(&m->media_watch, m->own, m->to_media);
	if (!err)
		err = loop_timer_new(&m->tick, m->own, "sound", on_tick, m);
	if (!err)
		err = loop_timer_new(&m->peer_tick, m->own, "peer", on_peer_tick, m);
	if (!err && pthread_create(&m->thread, NULL, thread_main, m))
		err = -EAGAIN;
	return err;
}

static void release(struct media *m)
{
	loop_watch_free(&m->watch);
	post_free(&m->to_loop);
	if (m->own) {
		loop_timer_free(&m->tick);
		loop_timer_free(&m->peer_tick);
		loop_watch_free(&m->media_watch);
		post_free(&m->to_media);
		loop_free(&m->own);
	}
	dtls_cert_free(&m->cert);
	pthread_mutex_destroy(&m->lock);
	if (m->turn)
		text_wipe(m->turn, strlen(m->turn));
	free(m->stun);
	free(m->turn);
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
	m->cfg = *cfg;
	m->stun = must(strdup(cfg->stun ? cfg->stun : ""));
	m->turn = must(strdup(cfg->turn ? cfg->turn : ""));
	m->sink = *sink;
	m->sink_ctx = sink_ctx;
	m->ev = *ev;
	m->ctx = ctx;
	m->stats.peer.rtt_ms = -1;
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
	if (m->looking)
		start_free(m->looking);
	media_run(m, end_on_thread, m);
	pthread_join(m->thread, NULL);
	release(m);
	*mp = NULL;
}

const char *media_fingerprint(const struct media *m)
{
	return dtls_cert_fingerprint(m->cert);
}

int media_post(struct media *m, struct post_msg *msg)
{
	return post_send(m->to_media, msg);
}

static void order_run(struct post_msg *msg)
{
	struct order *o = (struct order *)msg;

	o->fn(o->ctx);
	pthread_mutex_lock(o->lock);
	*o->finished = true;
	pthread_cond_signal(o->done);
	pthread_mutex_unlock(o->lock);
	free(o);
}

void media_run(struct media *m, void (*fn)(void *ctx), void *ctx)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t done = PTHREAD_COND_INITIALIZER;
	bool finished = false;
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	*o = (struct order){ .m = { NULL, order_run, order_drop }, .media = m, .fn = fn, .ctx = ctx,
		.lock = &lock, .done = &done, .finished = &finished };
	post_send(m->to_media, &o->m);
	pthread_mutex_lock(&lock);
	while (!finished)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	pthread_mutex_destroy(&lock);
	pthread_cond_destroy(&done);
}

/* ---- servers by name ---- */

static void send_start(struct start_msg *s)
{
	struct media *m = s->media;

	m->looking = NULL;
	loop_timer_free(&s->limit);
	for (size_t i = 0; i < s->servers; i++)
		resolve_cancel(&s->lookup[i].call);
	post_send(m->to_media, &s->m);
}

static void on_lookup(void *ctx, const struct resolve_answer *a)
{
	struct lookup *k = ctx;
	struct start_msg *s = k->s;

	k->call = NULL;
	if (!a->error && a->count)
		getnameinfo((const struct sockaddr *)&a->addrs[0], sizeof(a->addrs[0]),
			    s->server[k->i].address, sizeof(s->server[k->i].address), NULL, 0, NI_NUMERICHOST);
	if (--s->waiting == 0)
		send_start(s);
}

static void on_lookup_limit(void *ctx, int64_t now_us)
{
	(void)now_us;
	send_start(ctx);
}

static void add_server(struct start_msg *s, const char *type, const char *host, uint16_t port,
		       const char *protocol, const char *user, const char *password)
{
	struct server *v = &s->server[s->servers];

	if (s->servers == SERVERS_MAX || !text_copy(v->host, sizeof(v->host), host))
		return;
	text_copy(v->type, sizeof(v->type), type);
	text_copy(v->protocol, sizeof(v->protocol), protocol);
	v->port = port;
	v->user = must(strdup(user ? user : ""));
	v->password = must(strdup(password ? password : ""));
	s->servers++;
}

/* "host", "host:port" */
static void split_port(char *host, uint16_t *port)
{
	char *colon = strrchr(host, ':');
	uint64_t n;

	if (colon && !text_u64(colon + 1, 1, 65535, &n)) {
		*colon = 0;
		*port = (uint16_t)n;
	}
}

static void add_stun(struct start_msg *s, const char *list)
{
	char host[254];

	while (*list) {
		size_t n = strcspn(list, " ,");
		uint16_t port = 3478;

		if (n && n < sizeof(host)) {
			memcpy(host, list, n);
			host[n] = 0;
			split_port(host, &port);
			add_server(s, "stun", host, port, "udp", NULL, NULL);
		}
		list += n + (list[n] != 0);
	}
}

/* "turn:user:password@host[:port][?transport=tcp]" */
static void add_turn(struct start_msg *s, const char *spec)
{
	char *copy, *user, *password, *at, *query;
	uint16_t port = 3478;

	if (!*spec)
		return;
	copy = must(strdup(spec));
	user = copy + (text_starts(copy, "turn:") ? 5 : 0);
	at = strrchr(user, '@');
	password = strchr(user, ':');
	if (at && password && password < at) {
		*at++ = *password++ = 0;
		query = strchr(at, '?');
		if (query)
			*query++ = 0;
		split_port(at, &port);
		add_server(s, "turn", at, port, query && strstr(query, "tcp") ? "tcp" : "udp", user, password);
	} else {
		log_warn("call", "network.turn is turn:user:password@host[:port][?transport=tcp]");
	}
	text_wipe(copy, strlen(copy));
	free(copy);
}

static void look_up(struct start_msg *s)
{
	struct media *m = s->media;

	s->waiting = 1;
	for (size_t i = 0; i < s->servers; i++) {
		s->lookup[i] = (struct lookup){ s, i, NULL };
		if (!resolve_start(&s->lookup[i].call, m->loop, s->server[i].host, s->server[i].port,
				   on_lookup, &s->lookup[i]))
			s->waiting++;
	}
	if (--s->waiting == 0) {
		send_start(s);
		return;
	}
	m->looking = s;
	if (loop_timer_new(&s->limit, m->loop, "names of relays", on_lookup_limit, s))
		abort();
	loop_timer_set(s->limit, clock_now_us() + LOOKUP_US);
}

void media_start(struct media *m, const struct call_media *p)
{
	const struct jingle *j = p->offer;
	const struct jingle_payload *opus = jingle_payload_by_name(&j->audio, "opus");
	const struct jingle_payload *red = jingle_payload_by_name(&j->audio, "red");
	struct start_msg *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	if (m->looking)
		start_free(m->looking);
	m->looking = NULL;
	s->m.run = start_run;
	s->m.drop = start_drop;
	s->media = m;
	s->sid = must(strdup(p->sid));
	s->local_ufrag = must(strdup(p->local_ufrag));
	s->local_pwd = must(strdup(p->local_pwd));
	s->remote_ufrag = must(strdup(j->transport.ufrag));
	s->remote_pwd = must(strdup(j->transport.pwd));
	s->hash = must(strdup(j->transport.hash));
	s->fingerprint = must(strdup(j->transport.fingerprint));
	s->cname = must(strdup(p->cname));
	s->dtls_client = strcmp(j->transport.setup, "active") != 0;
	s->ssrc = p->ssrc;
	s->pt_opus = opus ? opus->id : 111;
	s->pt_red = red ? red->id : 0;
	s->ext_level = jingle_ext_id(&j->audio, EXT_AUDIO_LEVEL);
	memcpy(s->cand, j->transport.cand, j->transport.cands * sizeof(s->cand[0]));
	s->cands = j->transport.cands;
	for (size_t i = 0; i < p->service_count; i++) {
		const struct ext_service *v = &p->services[i];

		add_server(s, v->type, v->host, (uint16_t)v->port, v->transport, v->username, v->password);
	}
	add_stun(s, m->stun);
	add_turn(s, m->turn);
	look_up(s);
}

void media_stop(struct media *m)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	if (m->looking)
		start_free(m->looking);
	m->looking = NULL;
	o->m.run = stop_run;
	o->m.drop = order_drop;
	o->media = m;
	post_send(m->to_media, &o->m);
}

/* ---- the sink's side ---- */

void media_send(struct media *m, const struct media_packet *pkt, int64_t now_us)
{
	if (m->peer)
		peer_send(m->peer, pkt, now_us);
}

void media_skip(struct media *m, unsigned samples)
{
	if (m->peer)
		peer_skip(m->peer, samples);
}

void media_forget(struct media *m, uint32_t ssrc)
{
	if (m->peer)
		peer_forget(m->peer, ssrc);
}

void media_stats(struct media *m, struct media_stats *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->stats;
	pthread_mutex_unlock(&m->lock);
}
