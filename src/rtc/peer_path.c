/* peer_path.c - the ways to the other side: one in use, one that is tried
 *
 *	used   carries everything
 *	next   is tried beside it: other credentials (a restart in place), another
 *	       network, and at the same time a relay; the first that is connected
 *	       takes its place
 *	old    was in use until then; what is still on its way is taken for a while
 *
 * Make before break: DTLS and SRTP do not notice.  A way that was connected and
 * is lost does not end the peer, for another one may be found; only when there
 * was none from the beginning, and none is tried, it has failed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "rtc/peer_priv.h"
#include "rtc/rtp.h"

enum {
	/* The bridge gives up a restart after 20 s, and keeps its old agent for
	 * 3 s after the change. */
	TRY_LIMIT_US = 20 * 1000 * 1000,
	OLD_US = 3 * 1000 * 1000,
};

struct peer_path {
	struct peer *p;
	struct transport *t;
	enum transport_state state;
	int64_t until_us;       /* 0: set at the next tick */
	struct peer_path *retired;      /* the next one that goes with the tick */
};

static void path_free(struct peer_path **pp)
{
	struct peer_path *x = *pp;

	if (!x)
		return;
	*pp = NULL;             /* what the transport says while it goes, nobody hears */
	x->p = NULL;
	transport_free(&x->t);
	free(x);
}

/* ---- the transports' handlers ---- */

static void note_headers(struct peer *p)
{
	char path[96];

	transport_path(p->used->t, path, sizeof(path));
	p->ip_udp_bytes = strchr(path, '[') ? 48 : 28;
}

static void begin(struct peer *p)
{
	peer_enter(p, PEER_SECURING, "");
	dtls_start(p->dtls, p->now_us);
}

static void on_connected(struct peer *p)
{
	p->link_down = false;
	p->dead = NULL;
	p->silent = p->unheard = false;
	p->first_unheard_us = p->first_unreported_us = 0;
	p->reports = 0;
	note_headers(p);
	if (p->state == PEER_CONNECTING)
		begin(p);
	peer_judge_line(p);
}

/* Freed by the tick: a handler of its may be running. */
static void retire(struct peer *p, struct peer_path *x)
{
	if (!x)
		return;
	x->retired = p->retired;
	p->retired = x;
}

static void free_retired(struct peer *p)
{
	while (p->retired) {
		struct peer_path *x = p->retired;

		p->retired = x->retired;
		path_free(&x);
	}
}

static void take_next(struct peer *p, struct peer_path *x)
{
	char path[96];

	retire(p, p->old);
	p->old = p->used;
	p->old->until_us = 0;
	p->used = x;
	retire(p, x == p->next[0] ? p->next[1] : p->next[0]);
	p->next[0] = p->next[1] = NULL;
	transport_path(p->used->t, path, sizeof(path));
	log_info("rtc", "another way to the other side is in use: %s", path);
	on_connected(p);
	if (p->ev.path)
		p->ev.path(p->ctx);
}

static void on_lost(struct peer *p, enum transport_state state)
{
	if (p->state == PEER_CONNECTING) {
		if (state == TRANSPORT_FAILED && !peer_is_trying(p))
			peer_enter(p, PEER_FAILED,
				   "no way to the other side was found (ICE): is UDP blocked?");
		return;
	}
	p->link_down = true;
	peer_judge_line(p);
}

static void on_state(void *ctx, enum transport_state state)
{
	struct peer_path *x = ctx;
	struct peer *p = x->p;

	x->state = state;
	if (!p || p->state == PEER_FAILED)
		return;
	if ((x == p->next[0] || x == p->next[1]) && state == TRANSPORT_CONNECTED)
		take_next(p, x);
	else if (x == p->used && state == TRANSPORT_CONNECTED)
		on_connected(p);
	else if (x == p->used && (state == TRANSPORT_DISCONNECTED || state == TRANSPORT_FAILED))
		on_lost(p, state);
}

static void media_in(struct peer *p, const uint8_t *in, size_t len, int64_t arrival_us,
		     bool rtcp)
{
	_Alignas(8) uint8_t buf[DATAGRAM_MAX];

	p->stats.in_packets++;
	p->stats.in_bytes += len + p->ip_udp_bytes;
	if (!p->box)
		return;
	memcpy(buf, in, len);
	if (rtcp)
		peer_rtcp_in(p, buf, len, arrival_us);
	else
		peer_rtp_in(p, buf, len, arrival_us);
}

static void on_datagram(void *ctx, const uint8_t *in, size_t len, int64_t arrival_us)
{
	struct peer_path *x = ctx;
	struct peer *p = x->p;
	enum packet_kind kind = packet_classify(in, len);

	if (!p || p->state == PEER_FAILED)
		return;
	if (len > DATAGRAM_MAX || kind == PACKET_UNKNOWN || kind == PACKET_STUN) {
		p->stats.malformed++;
		return;
	}
	if (arrival_us > p->heard_us)
		p->heard_us = arrival_us;
	p->first_unheard_us = 0;
	p->silent = false;
	if (kind == PACKET_DTLS)
		dtls_input(p->dtls, in, len, arrival_us);
	else
		media_in(p, in, len, arrival_us, kind == PACKET_RTCP);
	peer_judge_line(p);
}

/* ---- making and freeing ---- */

static int path_new(struct peer_path **out, struct peer *p, peer_make_fn *make, void *make_ctx)
{
	static const struct transport_events ev = { on_state, on_datagram };
	struct peer_path *x = calloc(1, sizeof(*x));
	int err;

	*out = NULL;
	if (!x)
		return -ENOMEM;
	x->p = p;
	x->state = TRANSPORT_NEW;
	err = make(make_ctx, &x->t, &ev, x);
	if (err) {
		free(x);
		return err;
	}
	*out = x;
	return 0;
}

int peer_paths_open(struct peer *p, peer_make_fn *make, void *make_ctx)
{
	return path_new(&p->used, p, make, make_ctx);
}

void peer_paths_close(struct peer *p)
{
	free_retired(p);
	for (size_t i = 0; i < PEER_TRIES; i++)
		path_free(&p->next[i]);
	path_free(&p->old);
	path_free(&p->used);
}

int peer_try(struct peer *p, enum peer_try kind, peer_make_fn *make, void *make_ctx)
{
	struct peer_path *x;
	int err;

	if (p->state == PEER_FAILED)
		return -EINVAL;
	err = path_new(&x, p, make, make_ctx);
	if (err)
		return err;
	path_free(&p->next[kind]);
	p->next[kind] = x;
	return 0;
}

bool peer_is_trying(const struct peer *p)
{
	return p->next[PEER_TRY_DIRECT] || p->next[PEER_TRY_RELAY];
}

void peer_path_dead(struct peer *p, const char *why)
{
	if (p->state != PEER_UP && p->state != PEER_SECURING)
		return;
	p->link_down = true;
	p->dead = why;
	peer_judge_line(p);
}

/* ---- in use ---- */

int peer_path_send(struct peer *p, const uint8_t *buf, size_t len)
{
	return p->used ? transport_send(p->used->t, buf, len) : -ENOTCONN;
}

struct transport *peer_transport(const struct peer *p)
{
	return p->used->t;
}

static bool is_over(struct peer_path *x, int64_t limit_us, int64_t now_us)
{
	if (x && !x->until_us)
		x->until_us = now_us + limit_us;
	return x && now_us >= x->until_us;
}

void peer_paths_tick(struct peer *p, int64_t now_us)
{
	bool over = false;

	if (is_over(p->old, OLD_US, now_us))
		path_free(&p->old);
	free_retired(p);
	for (size_t i = 0; i < PEER_TRIES; i++) {
		if (!is_over(p->next[i], TRY_LIMIT_US, now_us))
			continue;
		log_info("rtc", "the other way did not come up within 20 s");
		path_free(&p->next[i]);
		over = true;
	}
	if (over && p->state == PEER_CONNECTING && p->used->state == TRANSPORT_FAILED)
		on_lost(p, TRANSPORT_FAILED);
}
