/* media_session.c - one media session on the media thread
 *
 * The bridge is given by address, so the first attempt needs no server and
 * waits for no name: checks go out at once.  A relay costs its owner a port
 * and traffic, and us a detour; it is taken when there was no way without for
 * 2 s.  A new agent with the same credentials is the same client to the
 * bridge, which knows us by our checks alone.  With --relay-only there is no
 * first attempt without.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/media_priv.h"

enum {
	RELAY_AFTER_US = 2000000,       /* seen: ICE is up 0.07 to 0.12 s after an offer */
	NAMES_US = 5000000,             /* how long --relay-only waits for an address */
	STATS_US = 250000
};

/* ---- what travels ---- */

static char *copy(const char *s)
{
	char *p = strdup(s ? s : "");

	if (!p)
		abort();
	return p;
}

static void wipe(char *s)
{
	if (s)
		text_wipe(s, strlen(s));
	free(s);
}

void media_start_free(struct media_start *s)
{
	media_servers_clear(&s->servers);
	free(s->sid);
	free(s->local_ufrag);
	wipe(s->local_pwd);
	free(s->remote_ufrag);
	wipe(s->remote_pwd);
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

struct media_start *media_start_new(struct media *m, const struct call_media *p)
{
	const struct jingle *j = p->offer;
	struct media_start *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->m.run = start_run;
	s->m.drop = start_drop;
	s->media = m;
	s->sid = copy(p->sid);
	s->local_ufrag = copy(p->local_ufrag);
	s->local_pwd = copy(p->local_pwd);
	s->remote_ufrag = copy(j->transport.ufrag);
	s->remote_pwd = copy(j->transport.pwd);
	s->hash = copy(j->transport.hash);
	s->fingerprint = copy(j->transport.fingerprint);
	s->cname = copy(p->cname);
	s->dtls_client = strcmp(j->transport.setup, "active") != 0;
	s->ssrc = p->ssrc;
	s->pt_opus = payload(j, "opus");
	s->pt_red = payload(j, "red");
	s->pt_event = payload(j, "telephone-event");
	s->ext_level = jingle_ext_id(&j->audio, EXT_AUDIO_LEVEL);
	memcpy(s->cand, j->transport.cand, j->transport.cands * sizeof(s->cand[0]));
	s->cands = j->transport.cands;
	/* One's own relay first: whoever names one wants it. */
	media_servers_add_turn(&s->servers, m->turn);
	media_servers_add_stun(&s->servers, m->stun);
	media_servers_add_services(&s->servers, p->services, p->service_count);
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

static void on_peer_state(void *ctx, enum peer_state state, const char *why)
{
	struct media *m = ctx;

	m->state = state == PEER_FORGED ? PEER_FAILED : state;
	take_stats(m);
	media_tell(m, state, why);
	/* The peer's own times have changed with it. */
	loop_timer_set(m->peer_tick, clock_now_us());
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct media *m = ctx;

	m->sink.frame(m->sink_ctx, f);
}

static void on_peer_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	if (m->peer)
		loop_timer_set(m->peer_tick, peer_tick(m->peer, now_us));
}

static int make_transport(void *ctx, struct transport **out, const struct transport_events *ev,
			  void *ev_ctx)
{
	struct media *m = ctx;
	const struct media_start *s = m->session;
	struct ice_candidate cand[JINGLE_CANDIDATES];
	struct ice_server server[MEDIA_SERVERS];
	struct transport_nice_config cfg = {
		.context = loop_context(m->own), .local_ufrag = s->local_ufrag,
		.local_pwd = s->local_pwd, .remote_ufrag = s->remote_ufrag,
		.remote_pwd = s->remote_pwd, .cand = cand, .cands = s->cands, .server = server,
		.relay_only = m->relay_only, .loopback = m->loopback, .closing = &m->closing,
	};

	for (size_t i = 0; i < s->cands; i++) {
		const struct jingle_candidate *c = &s->cand[i];

		cand[i] = (struct ice_candidate){ c->ip, c->port, c->priority, c->type,
			c->foundation };
		/* A bridge on this machine is reached by loopback alone. */
		cfg.loopback |= !strcmp(c->ip, "::1") || text_starts(c->ip, "127.");
	}
	for (size_t i = 0; m->with_relays && i < s->servers.count; i++) {
		const struct media_server *v = &s->servers.v[i];

		if (*v->address)
			server[cfg.servers++] = (struct ice_server){ v->type, v->address, v->port,
				v->protocol, v->user, v->password };
	}
	return transport_nice_new(out, &cfg, ev, ev_ctx);
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

static void make_peer(struct media *m, bool with_relays)
{
	static const struct peer_events ev = { on_peer_state, on_frame, NULL };
	const struct media_start *s = m->session;
	struct peer_config cfg = {
		.cert = m->cert, .dtls_client = s->dtls_client, .hash = s->hash,
		.fingerprint = s->fingerprint, .ssrc = s->ssrc,
		.rtcp_ssrc = s->ssrc ? s->ssrc : rng_u32() | 1, .cname = s->cname,
		.pt_opus = s->pt_opus, .pt_red = s->pt_red, .pt_event = s->pt_event,
		.ext_level = s->ext_level,
		/* RFC 3711 3.3.1: far from the wrap, or a first loss could lose count. */
		.first_seq = (uint16_t)(rng_u32() & 0x7fff), .first_timestamp = rng_u32(),
	};
	int err;

	drop_peer(m);
	m->state = PEER_CONNECTING;
	m->with_relays = with_relays;
	err = peer_new(&m->peer, &cfg, make_transport, m, &ev, m);
	if (err) {
		m->state = PEER_FAILED;
		media_tell(m, PEER_FAILED, strerror(-err));
		return;
	}
	loop_timer_set(m->peer_tick, clock_now_us());
	on_stats_tick(m, clock_now_us());
}

/* ---- relays ---- */

static void relay_only(struct media *m, int64_t now_us)
{
	const struct media_servers *s = &m->session->servers;

	if (m->peer)
		return;
	if (media_servers_relays(s) && !s->waiting)
		make_peer(m, true);
	else if (s->waiting && now_us - m->started_us < NAMES_US)
		loop_timer_set(m->relay_tick, m->started_us + NAMES_US);
	else if (media_servers_relays(s))
		make_peer(m, true);
	else
		media_tell(m, PEER_FAILED, "no relay (TURN server) is known, and without one "
			   "nothing is sent: see network.turn and --relay-only");
}

static void on_relay_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	if (!m->session)
		return;
	if (m->relay_only) {
		relay_only(m, now_us);
	} else if (m->state == PEER_CONNECTING && !m->with_relays &&
		   now_us - m->started_us >= RELAY_AFTER_US &&
		   media_servers_relays(&m->session->servers)) {
		log_info("call", "no way to the bridge yet; trying a relay, too");
		make_peer(m, true);
	}
}

static void on_name(void *ctx)
{
	struct media *m = ctx;
	int64_t now = clock_now_us();

	/* From the timer: the session may be made anew by it. */
	if (m->relay_only || now - m->started_us >= RELAY_AFTER_US)
		loop_timer_set(m->relay_tick, now);
}

/* ---- a session ---- */

void media_session_end(struct media *m)
{
	drop_peer(m);
	loop_timer_set(m->relay_tick, CLOCK_NEVER);
	loop_timer_set(m->stats_tick, CLOCK_NEVER);
	if (m->session)
		media_start_free(m->session);
	m->session = NULL;
	take_stats(m);
}

void media_session_start(struct media *m, struct media_start *s)
{
	media_session_end(m);
	m->session = s;
	m->started_us = clock_now_us();
	media_tell(m, PEER_CONNECTING, "");
	if (!m->relay_only)
		make_peer(m, false);
	media_servers_look_up(&s->servers, m->own, on_name, m);
	if (m->relay_only)
		relay_only(m, m->started_us);
	else if (s->servers.count)
		loop_timer_set(m->relay_tick, m->started_us + RELAY_AFTER_US);
}

int media_session_timers(struct media *m)
{
	int err = loop_timer_new(&m->peer_tick, m->own, "peer", on_peer_tick, m);

	if (!err)
		err = loop_timer_new(&m->relay_tick, m->own, "relay", on_relay_tick, m);
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
