/* peer.c - the client's end of a media session: its states
 *
 *	CONNECTING --a way (peer_path.c)--> SECURING --keys--> UP <--> INTERRUPTED
 *	     \_______________________________\__________________\__________/--> FAILED
 *
 * INTERRUPTED comes after 8 s of silence from a peer that is talked to, when
 * the transport's checks stay without an answer, or at once where the way is
 * known to be dead; FAILED when that is 20 s old.  FAILED is
 * final: whoever owns the peer makes a new one.  Handlers of the
 * transport and of DTLS come without a time where the time matters little;
 * the next tick supplies it, and until the peer is up ticks come often.
 */
#include "rtc/peer_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "rtc/rtp.h"

enum {
	ICE_LIMIT_US = 30 * 1000 * 1000,
	LOST_LIMIT_US = 20 * 1000 * 1000, /* with the 8 s until it was noticed: RFC 7675's 30 s */
	SILENCE_US = 8 * 1000 * 1000,   /* the bridge calls an endpoint inactive after as long */
	ONE_WAY_US = 10 * 1000 * 1000,
	REGULAR = 5,                    /* reports, before their absence means something */
	SETUP_TICK_US = 50 * 1000,
	UP_TICK_US = 1000 * 1000,
	STREAM_HEARD_US = 5 * 1000 * 1000,
};

void peer_enter(struct peer *p, enum peer_state state, const char *why)
{
	static const char *const names[] = {
		"connecting", "securing", "up", "interrupted", "failed"
	};

	if (p->state == state || p->state == PEER_FAILED)
		return;
	p->state = state;
	p->since_us = 0;
	log_debug("rtc", "peer: %s%s%s", names[state], *why ? ": " : "", why);
	p->ev.state(p->ctx, state == PEER_FAILED && dtls_is_forged(p->dtls) ? PEER_FORGED : state,
		    why);
}

int peer_transmit(struct peer *p, const uint8_t *buf, size_t len)
{
	int err = peer_path_send(p, buf, len);

	if (!err) {
		p->stats.out_packets++;
		p->stats.out_bytes += len + p->ip_udp_bytes;
	}
	return err;
}

/* UP or INTERRUPTED, by what is known of the line. */
void peer_judge_line(struct peer *p)
{
	if (p->state != PEER_UP && p->state != PEER_INTERRUPTED)
		return;
	if (p->link_down || p->silent || p->unheard)
		peer_enter(p, PEER_INTERRUPTED, p->dead ? p->dead :
			   p->unheard && !p->link_down && !p->silent ? "the bridge does not get our sound" :
			   "no answers from the bridge");
	else
		peer_enter(p, PEER_UP, "");
}

/* ---- the handlers of DTLS ---- */

static void on_dtls_send(void *ctx, const uint8_t *buf, size_t len)
{
	peer_path_send(ctx, buf, len);
}

static void on_dtls_state(void *ctx, enum dtls_state state, const struct dtls_keys *keys,
			  const char *why)
{
	struct peer *p = ctx;

	switch (state) {
	case DTLS_UP:
		p->link_down = false;
		if (srtp_box_new(&p->box, keys))
			peer_enter(p, PEER_FAILED, "the sound's encryption could not be set up (SRTP)");
		else
			peer_enter(p, PEER_UP, "");
		peer_channel_start(p);
		break;
	case DTLS_FAILED:
	case DTLS_CLOSED:
		peer_enter(p, PEER_FAILED, why);
		break;
	default:
		break;
	}
}

static void on_dtls_data(void *ctx, const uint8_t *buf, size_t len)
{
	peer_channel_in(ctx, buf, len);
}

/* ---- making and freeing ---- */

static int copy_config(struct peer *p, const struct peer_config *cfg)
{
	p->dtls_client = cfg->dtls_client;
	p->ssrc = cfg->ssrc;
	p->rtcp_ssrc = cfg->rtcp_ssrc ? cfg->rtcp_ssrc : 1;
	p->pt_opus = cfg->pt_opus;
	p->pt_red = cfg->pt_red;
	p->pt_event = cfg->pt_event ? cfg->pt_event : 126;
	p->ext_level = cfg->ext_level;
	p->ext_tcc = cfg->ext_tcc;
	p->seq = cfg->first_seq;
	p->timestamp = cfg->first_timestamp;
	return text_set(&p->cname, cfg->cname ? cfg->cname : "");
}

int peer_new(struct peer **out, const struct peer_config *cfg, peer_make_fn *make, void *make_ctx,
	     const struct peer_events *ev, void *ctx)
{
	static const struct dtls_events dtls_ev = { on_dtls_send, on_dtls_state, on_dtls_data };
	struct peer *p;
	int err = -ENOMEM;

	*out = NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->ev = *ev;
	p->ctx = ctx;
	p->marker = true;
	p->ip_udp_bytes = 28;
	p->stats.rtt_ms = -1;
	p->wall_offset_us = clock_wall_us() - clock_now_us();
	err = copy_config(p, cfg);
	if (!err)
		err = dtls_new(&p->dtls, cfg->cert, cfg->dtls_client, cfg->hash, cfg->fingerprint,
			       &dtls_ev, p);
	if (!err)
		err = peer_paths_open(p, make, make_ctx);
	if (err) {
		peer_free(&p);
		return err;
	}
	*out = p;
	return 0;
}

void peer_free(struct peer **pp)
{
	struct peer *p = *pp;

	if (!p)
		return;
	peer_channel_close(p);
	if (p->box && p->state != PEER_FAILED) {
		peer_say_bye(p);
		dtls_close(p->dtls);
	}
	dtls_free(&p->dtls);
	peer_paths_close(p);
	srtp_box_free(&p->box);
	tcc_free(&p->tcc);
	free(p->source);
	free(p->cname);
	free(p);
	*pp = NULL;
}

/* ---- time ---- */

/* It comes here, but nothing gets there: reports used to say that our packets
 * arrive, and for long none has though we send (a firewall that has closed). */
static void look_for_one_way(struct peer *p)
{
	if (p->unheard || p->reports < REGULAR || !p->first_unreported_us ||
	    p->last_sent_us - p->first_unreported_us < ONE_WAY_US)
		return;
	p->unheard = true;
	peer_judge_line(p);
}

/* The peer used to report on our stream and has stopped though we send on.
 * A quiet room is no silence: there is nothing to say, and whether the line
 * lives the transport's own checks tell. */
static void look_for_silence(struct peer *p, int64_t now_us)
{
	bool unheard = p->reported_on && p->first_unheard_us &&
		       p->last_sent_us - p->first_unheard_us >= SILENCE_US &&
		       now_us - p->heard_us >= SILENCE_US;

	if (unheard && !p->silent) {
		p->silent = true;
		peer_judge_line(p);
	}
	look_for_one_way(p);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t peer_tick(struct peer *p, int64_t now_us)
{
	int64_t next;

	p->now_us = now_us;
	if (!p->since_us)
		p->since_us = now_us;
	if (p->state == PEER_CONNECTING && now_us - p->since_us >= ICE_LIMIT_US)
		peer_enter(p, PEER_FAILED, "no answer over UDP within 30 s (ICE)");
	peer_paths_tick(p, now_us);
	if (p->state == PEER_INTERRUPTED && now_us - p->since_us >= LOST_LIMIT_US)
		peer_enter(p, PEER_FAILED, "the bridge has not answered for 30 s");
	if (p->state == PEER_FAILED)
		return CLOCK_NEVER;
	next = dtls_tick(p->dtls, now_us);
	if (p->state == PEER_FAILED)
		return CLOCK_NEVER;
	if (!p->box)
		return earliest(next, now_us + SETUP_TICK_US);
	look_for_silence(p, now_us);
	next = earliest(next, peer_rtcp_tick(p, now_us));
	next = earliest(next, peer_channel_tick(p, now_us));
	return earliest(next, now_us + UP_TICK_US);
}

/* ---- figures ---- */

void peer_stats(const struct peer *p, struct peer_stats *out)
{
	*out = p->stats;
	out->lost = p->lost_gone;
	out->red = p->pt_red != 0;
	out->streams = 0;
	for (size_t i = 0; i < p->sources; i++) {
		const struct rtp_stats *s = &p->source[i].st;
		int64_t lost = rtp_stats_lost(s);

		out->lost += lost > 0 ? lost : 0;
		out->streams += p->now_us - s->last_us < STREAM_HEARD_US;
	}
	transport_path(peer_transport(p), out->path, sizeof(out->path));
	peer_channel_stats(p, out);
}
