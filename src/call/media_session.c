/* media_session.c - one media session on the media thread
 *
 * Made of what an offer says; which way its datagrams take is media_path.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/media_priv.h"

enum { STATS_US = 250000 };

/* ---- what travels ---- */

char *media_copy(const char *s)
{
	char *p = strdup(s ? s : "");

	if (!p)
		abort();
	return p;
}

static void media_start_free(struct media_start *s)
{
	media_servers_clear(&s->servers);
	free(s->sid);
	media_creds_clear(&s->creds);
	free(s->hash);
	free(s->fingerprint);
	free(s->cname);
	free(s);
}

static void start_run(struct post_msg *m)
{
	struct media_start *s = (struct media_start *)m;

	media_session_start(s->media, s);
}

static void start_drop(struct post_msg *m)
{
	media_start_free((struct media_start *)m);
}

static uint8_t payload(const struct jingle *j, const char *name)
{
	const struct jingle_payload *p = jingle_payload_by_name(&j->audio, name);

	return p ? p->id : 0;
}

/* One's own relay first: whoever names one wants it. */
static void add_servers(const struct media *m, struct media_servers *to,
			const struct ext_service *v, size_t count)
{
	media_servers_add_turn(to, m->turn);
	media_servers_add_services(to, v, count);
}

struct media_start *media_start_new(struct media *m, const struct call_media *p)
{
	const struct jingle *j = p->offer;
	struct media_start *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m.run = start_run;
	s->m.drop = start_drop;
	s->media = m;
	s->sid = media_copy(p->sid);
	media_creds_set(&s->creds, p->local_ufrag, p->local_pwd, &j->transport);
	s->hash = media_copy(j->transport.hash);
	s->fingerprint = media_copy(j->transport.fingerprint);
	s->cname = media_copy(p->cname);
	s->restarts = p->restarts;
	s->dtls_client = strcmp(j->transport.setup, "active") != 0;
	s->ssrc = p->ssrc;
	s->pt_opus = payload(j, "opus");
	s->pt_red = payload(j, "red");
	s->pt_event = payload(j, "telephone-event");
	s->ext_level = jingle_ext_id(&j->audio, EXT_AUDIO_LEVEL);
	s->ext_tcc = p->feedback ? jingle_ext_id(&j->audio, EXT_TRANSPORT_CC) : 0;
	add_servers(m, &s->servers, p->services, p->service_count);
	return s;
}

/* ---- figures ---- */

static void sum(struct peer_stats *to, const struct peer_stats *p)
{
	to->out_packets += p->out_packets;
	to->out_bytes += p->out_bytes;
	to->in_packets += p->in_packets;
	to->in_bytes += p->in_bytes;
	to->out_rtp_packets += p->out_rtp_packets;
	to->out_rtp_bytes += p->out_rtp_bytes;
	to->bad_srtp += p->bad_srtp;
	to->replayed += p->replayed;
	to->malformed += p->malformed;
	to->video_packets += p->video_packets;
	to->unknown_pt += p->unknown_pt;
	to->duplicate += p->duplicate;
	to->recovered += p->recovered;
	to->channel_in += p->channel_in;
	to->channel_out += p->channel_out;
	to->channel_dropped += p->channel_dropped;
	to->lost += p->lost;
}

/* Counters go on over sessions: a call is one thing to its people. */
static void take_stats(struct media *m)
{
	struct media_stats s = { .peer = { .rtt_ms = -1 } };

	if (m->peer) {
		peer_stats(m->peer, &s.peer);
		s.sources = peer_sources(m->peer, s.source, MEDIA_SOURCES);
	}
	sum(&s.peer, &m->past.peer);
	pthread_mutex_lock(&m->lock);
	m->stats = s;
	pthread_mutex_unlock(&m->lock);
}

static void on_stats_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	take_stats(m);
	if (m->peer)
		loop_timer_set(m->stats_tick, now_us + STATS_US);
}

/* ---- the peer ---- */

/* Where relays were tried as well: why they did not help. */
static void tell_state(struct media *m, enum peer_state state, const char *why)
{
	struct buf b = { 0 };

	buf_adds(&b, why);
	if (state == PEER_FAILED && m->with_relays && m->relay_why)
		buf_addf(&b, "; relay: %s", m->relay_why);
	media_tell(m, state, buf_str(&b));
	buf_free(&b);
}

static void on_peer_state(void *ctx, enum peer_state state, const char *why)
{
	struct media *m = ctx;

	m->state = state == PEER_FORGED ? PEER_FAILED : state;
	take_stats(m);
	tell_state(m, state, why);
	media_path_state(m);
	/* The peer's own times have changed with it. */
	loop_timer_set(m->peer_tick, clock_now_us());
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct media *m = ctx;

	m->sink.frame(m->sink_ctx, f);
}

static void on_path(void *ctx)
{
	struct media *m = ctx;

	media_path_changed(m);
	take_stats(m);
}

static void on_peer_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	if (m->peer)
		loop_timer_set(m->peer_tick, peer_tick(m->peer, now_us));
}

static void drop_peer(struct media *m)
{
	struct peer_stats p;

	if (!m->peer)
		return;
	peer_stats(m->peer, &p);
	sum(&m->past.peer, &p);
	loop_timer_set(m->peer_tick, CLOCK_NEVER);
	peer_free(&m->peer);
}

int media_session_open(struct media *m, peer_make_fn *make, void *make_ctx)
{
	static const struct peer_events ev = {
		on_peer_state, on_frame, on_path, media_on_channel, media_on_text
	};
	const struct media_start *s = m->session;
	struct peer_config cfg = {
		.cert = m->cert, .dtls_client = s->dtls_client, .hash = s->hash,
		.fingerprint = s->fingerprint, .ssrc = s->ssrc,
		.rtcp_ssrc = s->ssrc ? s->ssrc : rng_u32() | 1, .cname = s->cname,
		.pt_opus = s->pt_opus, .pt_red = s->pt_red, .pt_event = s->pt_event,
		.ext_level = s->ext_level, .ext_tcc = s->ext_tcc,
		/* RFC 3711 3.3.1: far from the wrap, or a first loss could lose count. */
		.first_seq = (uint16_t)(rng_u32() & 0x7fff), .first_timestamp = rng_u32(),
	};
	int err;

	drop_peer(m);
	m->state = PEER_CONNECTING;
	err = peer_new(&m->peer, &cfg, make, make_ctx, &ev, m);
	if (err == -ENETUNREACH)
		return err;
	if (err) {
		m->state = PEER_FAILED;
		media_tell(m, PEER_FAILED, strerror(-err));
		return err;
	}
	media_channel_begin(m);
	on_stats_tick(m, clock_now_us());
	return 0;
}

/* ---- a session ---- */

void media_session_end(struct media *m)
{
	drop_peer(m);
	media_return_end(m);
	loop_timer_set(m->path_tick, CLOCK_NEVER);
	loop_timer_set(m->stats_tick, CLOCK_NEVER);
	media_creds_clear(&m->next_creds);
	m->with_relays = false;
	media_relay_up(m);
	m->relay_lost = m->relay_renew = false;
	m->lost_us = 0;
	if (m->session)
		media_start_free(m->session);
	m->session = NULL;
	m->channel_port = 0;
	take_stats(m);
}

static void on_servers(void *ctx)
{
	media_path_servers(ctx);
}

/* ---- news of the running one ---- */

struct restart_msg { struct post_msg m; struct media *media; char *sid; struct media_creds creds; };

static void restart_drop(struct post_msg *msg)
{
	struct restart_msg *r = (struct restart_msg *)msg;

	media_creds_clear(&r->creds);
	free(r->sid);
	free(r);
}

static void restart_run(struct post_msg *msg)
{
	struct restart_msg *r = (struct restart_msg *)msg;
	struct media *m = r->media;

	if (!m->session || strcmp(m->session->sid, r->sid))
		;               /* it has gone in the meantime */
	else if (*r->creds.local_ufrag)
		media_path_restart(m, &r->creds);
	else
		media_path_candidates(m, &r->creds);
	restart_drop(msg);
}

struct post_msg *media_restart_new(struct media *m, const struct call_media_restart *p)
{
	struct restart_msg *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->m.run = restart_run;
	r->m.drop = restart_drop;
	r->media = m;
	r->sid = media_copy(p->sid);
	media_creds_set(&r->creds, p->local_ufrag, p->local_pwd, p->transport);
	return &r->m;
}

struct services_msg { struct post_msg m; struct media *media; struct media_servers servers; };

static void services_drop(struct post_msg *msg)
{
	struct services_msg *s = (struct services_msg *)msg;

	media_servers_clear(&s->servers);
	free(s);
}

static void services_run(struct post_msg *msg)
{
	struct services_msg *s = (struct services_msg *)msg;
	struct media *m = s->media;

	if (m->session) {
		media_relay_servers(m, &s->servers);
		media_servers_clear(&m->session->servers);
		m->session->servers = s->servers;
		memset(&s->servers, 0, sizeof(s->servers));
		media_servers_look_up(&m->session->servers, m->own, on_servers, m);
		media_path_servers(m);
	}
	services_drop(msg);
}

struct post_msg *media_services_new(struct media *m, const struct ext_service *v, size_t count)
{
	struct services_msg *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m.run = services_run;
	s->m.drop = services_drop;
	s->media = m;
	add_servers(m, &s->servers, v, count);
	return &s->m;
}

/* ---- a session ---- */

void media_session_start(struct media *m, struct media_start *s)
{
	media_session_end(m);
	m->session = s;
	m->started_us = clock_now_us();
	media_tell(m, PEER_CONNECTING, "");
	media_servers_look_up(&s->servers, m->own, on_servers, m);
	media_path_begin(m);
}

int media_session_timers(struct media *m)
{
	int err = loop_timer_new(&m->peer_tick, m->own, "peer", on_peer_tick, m);

	if (!err)
		err = media_path_timer(m);
	if (!err)
		err = media_return_timer(m);
	if (!err)
		err = loop_timer_new(&m->stats_tick, m->own, "media figures", on_stats_tick, m);
	return err;
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
