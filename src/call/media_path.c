/* media_path.c - which way to the bridge: direct, by a relay, another one
 *
 *	begin     direct; by a relay as well when there was no answer for 2 s
 *	lost      direct anew, 3 s later relays as well, then again every 8 s
 *	restart   as the focus says, beside the way in use
 *	network   what is left of it is looked at; a lost address is lost at once
 *
 * The bridge is given by address, so the first attempt needs no server and
 * waits for no name: checks go out at once.  A relay costs its owner a port
 * and traffic, and us a detour; it is taken when there is no way without.  A
 * new agent with the same credentials is the same client to the bridge, which
 * knows us by our checks alone.  With --relay-only there is no way without.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "call/media_priv.h"

enum {
	RELAY_AFTER_US = 2000000,       /* seen: ICE is up 0.07 to 0.12 s after an offer */
	NETWORK_US = 30000000,          /* how long a network is waited for ... */
	NETWORK_AGAIN_US = 500000,      /* ... and how often it is looked for */
	NAMES_US = 5000000,             /* how long --relay-only waits for an address */
	LOST_RELAY_US = 3000000,
	LOST_AGAIN_US = 8000000,
	RESTART_US = 20000000           /* the bridge gives up a restart after as long */
};

/* ---- credentials ---- */

void media_creds_set(struct media_creds *k, const char *ufrag, const char *pwd,
		     const struct jingle_transport *t)
{
	k->local_ufrag = media_copy(ufrag);
	k->local_pwd = media_copy(pwd);
	k->remote_ufrag = media_copy(t->ufrag);
	k->remote_pwd = media_copy(t->pwd);
	memcpy(k->cand, t->cand, t->cands * sizeof(k->cand[0]));
	k->cands = t->cands;
}

void media_creds_clear(struct media_creds *k)
{
	free(k->local_ufrag);
	text_forget(&k->local_pwd);
	free(k->remote_ufrag);
	text_forget(&k->remote_pwd);
	memset(k, 0, sizeof(*k));
}

/* ---- transports ---- */

struct way { struct media *m; const struct media_creds *creds; bool relays; void (*checked)(void *ctx); };

static struct ice_candidate candidate_of(const struct jingle_candidate *c)
{
	return (struct ice_candidate){ c->ip, c->port, c->priority, c->type, c->foundation };
}

/* The bridge has no other addresses. */
static bool is_six(const struct media_creds *k)
{
	for (size_t i = 0; i < k->cands; i++)
		if (!strchr(k->cand[i].ip, ':'))
			return false;
	return k->cands > 0;
}

static int make_transport(void *ctx, struct transport **out, const struct transport_events *ev,
			  void *ev_ctx)
{
	const struct way *w = ctx;
	struct media *m = w->m;
	const struct media_creds *k = w->creds;
	const struct media_servers *servers = &m->session->servers;
	struct ice_candidate cand[JINGLE_CANDIDATES];
	struct ice_server server[MEDIA_SERVERS];
	struct transport_nice_config cfg = {
		.context = loop_context(m->own), .local_ufrag = k->local_ufrag,
		.local_pwd = k->local_pwd, .remote_ufrag = k->remote_ufrag,
		.remote_pwd = k->remote_pwd, .cand = cand, .cands = k->cands, .server = server,
		.relay_only = w->relays, .loopback = m->loopback, .closing = &m->closing,
		.relay_news = media_relay_news, .relay_ctx = m, .checked = w->checked,
	};

	for (size_t i = 0; i < k->cands; i++) {
		cand[i] = candidate_of(&k->cand[i]);
		/* A bridge on this machine is reached by loopback alone. */
		cfg.loopback |= !strcmp(cand[i].ip, "::1") || text_starts(cand[i].ip, "127.");
	}
	for (size_t i = 0; w->relays && i < servers->count; i++) {
		const struct media_server *v = &servers->v[i];

		if (v->addresses && (m->trust || strcmp(v->type, "turns")))
			server[cfg.servers++] = (struct ice_server){
				.type = v->type, .name = v->host, .address = v->address,
				.addresses = v->addresses, .port = v->port,
				.protocol = v->protocol, .username = v->user,
				.password = v->password, .trust = m->trust,
				.six = is_six(k),
			};
	}
	return transport_nice_new(out, &cfg, ev, ev_ctx);
}

/* The newest credentials: of a restart that is under way, else the session's. */
static const struct media_creds *newest(struct media *m)
{
	if (m->next_creds.local_ufrag && clock_now_us() - m->next_creds_us >= RESTART_US)
		media_creds_clear(&m->next_creds);
	return m->next_creds.local_ufrag ? &m->next_creds : &m->session->creds;
}

int media_path_probe(struct media *m, struct transport **out, void (*checked)(void *ctx), void *ctx)
{
	static const struct transport_events none = { NULL, NULL };
	struct way w = { m, newest(m), false, checked };

	return make_transport(&w, out, &none, ctx);
}

static void open_peer(struct media *m, bool relays)
{
	struct way w = { m, &m->session->creds, relays, NULL };

	m->with_relays = relays;
	if (media_session_open(m, make_transport, &w) != -ENETUNREACH)
		return;
	if (clock_now_us() - m->started_us >= NETWORK_US) {
		media_tell(m, PEER_FAILED, "this machine has no network");
		return;
	}
	loop_timer_set(m->path_tick, clock_now_us() + NETWORK_AGAIN_US);
}

static void try_way(struct media *m, bool relays)
{
	struct way w = { m, newest(m), relays, NULL };
	int err = peer_try(m->peer, relays ? PEER_TRY_RELAY : PEER_TRY_DIRECT, make_transport, &w);

	m->with_relays |= relays;
	if (err)                /* no network at all: the next tick, or a change, tries again */
		log_debug("call", "no other way yet: %s", strerror(-err));
}

static bool have_relays(const struct media *m)
{
	return media_servers_relays(&m->session->servers, m->trust) > 0;
}

/* ---- at the beginning ---- */

static void begin_relay_only(struct media *m, int64_t now_us)
{
	const struct media_servers *s = &m->session->servers;
	bool in_time = now_us - m->started_us < NAMES_US;

	if ((s->waiting || m->trust_loading) && in_time)
		loop_timer_set(m->path_tick, m->started_us + NAMES_US);
	else if (have_relays(m))
		open_peer(m, true);
	else
		media_tell(m, PEER_FAILED, "no relay (TURN server) is known, and without one "
			   "nothing is sent: see network.turn and --relay-only");
}

static void begin_relays(struct media *m, int64_t now_us)
{
	const struct media_creds *k = &m->session->creds;
	struct buf b = { 0 };

	if (now_us - m->started_us < RELAY_AFTER_US || !have_relays(m))
		return;
	if (m->with_relays) {
		if (m->relay_renewed)
			try_way(m, true);       /* with credentials that may be better */
		m->relay_renewed = false;
		return;
	}
	buf_addf(&b, "no answer from the bridge on UDP %u: a firewall may block it; trying TURN",
		 k->cands ? k->cand[0].port : 0);
	media_tell(m, PEER_CONNECTING, buf_str(&b));
	buf_free(&b);
	try_way(m, true);
}

void media_path_begin(struct media *m)
{
	media_path_servers(m);
	if (m->relay_only) {
		begin_relay_only(m, m->started_us);
		return;
	}
	loop_timer_set(m->path_tick, m->started_us + RELAY_AFTER_US);
	open_peer(m, false);
}

/* ---- later ---- */

/* Direct ways, and relays as well if those are needed. */
static void try_ways(struct media *m, bool relays)
{
	if (!m->relay_only)
		try_way(m, false);
	if ((m->relay_only || relays) && have_relays(m))
		try_way(m, true);
}

static void look_for_others(struct media *m, int64_t now_us)
{
	bool first = now_us - m->lost_us < LOST_RELAY_US;

	if (m->with_relays || !first || m->tries++ == 0)
		try_ways(m, m->with_relays || !first);
	loop_timer_set(m->path_tick, first ? m->lost_us + LOST_RELAY_US : now_us + LOST_AGAIN_US);
}

void media_path_state(struct media *m)
{
	if (m->state == PEER_INTERRUPTED && !m->lost_us) {
		m->lost_us = clock_now_us();
		m->tries = 0;
		/* Not from here: the agent that says so is still at work. */
		loop_timer_set(m->path_tick, m->lost_us);
	} else if (m->state == PEER_UP) {
		m->lost_us = 0;
		media_relay_up(m);
		media_return_plan(m);
	}
}

void media_path_changed(struct media *m)
{
	media_return_plan(m);
	if (!m->next_creds.local_ufrag)
		return;
	media_creds_clear(&m->session->creds);
	m->session->creds = m->next_creds;
	memset(&m->next_creds, 0, sizeof(m->next_creds));
}

/* A restart that brings no direct way in time gets the relays, too. */
static void help_restart(struct media *m)
{
	if (peer_is_trying(m->peer) && have_relays(m))
		try_way(m, true);
}

static void on_path_tick(void *ctx, int64_t now_us)
{
	struct media *m = ctx;

	if (!m->session)
		return;
	if (m->relay_only && !m->peer)
		begin_relay_only(m, now_us);
	else if (!m->peer)
		open_peer(m, false);
	else if (m->state == PEER_CONNECTING)
		begin_relays(m, now_us);
	else if (m->state == PEER_INTERRUPTED)
		look_for_others(m, now_us);
	else if (m->state == PEER_UP && m->relay_lost)
		media_relay_leave(m);
	else if (m->state == PEER_UP && m->relay_renew)
		media_relay_renew(m);
	else if (m->state == PEER_UP)
		help_restart(m);
}

void media_path_servers(struct media *m)
{
	int64_t now = clock_now_us();

	if (media_servers_want_tls(&m->session->servers))
		media_trust_want(m);
	/* From the timer: a peer may be made by it. */
	if (m->relay_only || now - m->started_us >= RELAY_AFTER_US)
		loop_timer_set(m->path_tick, now);
}

void media_path_restart(struct media *m, struct media_creds *creds)
{
	media_creds_clear(&m->next_creds);
	m->next_creds = *creds;
	m->next_creds_us = clock_now_us();
	memset(creds, 0, sizeof(*creds));
	if (!m->peer)
		return;
	try_ways(m, m->with_relays);
	loop_timer_set(m->path_tick, clock_now_us() + LOST_RELAY_US);
}

void media_path_candidates(struct media *m, const struct media_creds *creds)
{
	for (size_t i = 0; i < creds->cands && m->peer; i++) {
		struct ice_candidate c = candidate_of(&creds->cand[i]);

		transport_nice_add(peer_transport(m->peer), &c);
	}
}

void media_path_network(struct media *m)
{
	enum transport_way way;

	if (!m->peer || (m->state != PEER_UP && m->state != PEER_INTERRUPTED))
		return;
	way = transport_nice_look(peer_transport(m->peer));
	log_debug("call", "the network changed; the way in use is %s",
		  way == TRANSPORT_WAY_GONE ? "gone" : way == TRANSPORT_WAY_OTHER ? "not the best any more"
		  : "the same");
	if (way == TRANSPORT_WAY_GONE)
		peer_path_dead(m->peer, "this machine's network changed");
	if (way != TRANSPORT_WAY_SAME || m->state == PEER_INTERRUPTED)
		try_ways(m, m->with_relays);
}

int media_path_timer(struct media *m)
{
	return loop_timer_new(&m->path_tick, m->own, "path", on_path_tick, m);
}
