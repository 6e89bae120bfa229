/* forward_rtcp.c - RTCP ends here: what is taken in, what is sent
 *
 *	SR          to all who get the stream, with what each of them was sent
 *	RR          loss and round trip of the way to its sender
 *	NACK        from the cache (video.c)
 *	PLI, FIR    a keyframe of the source, asked for at most so often (video.c)
 *	the rest    consumed
 *
 * Sent: reports on what a sender's streams lost, every 500 ms while it sends,
 * and transport-wide feedback, both as the bridge's own source.
 */
#include <string.h>
#include "host/endpoint.h"

enum {
	REPORTS_MAX = 31,       /* RFC 3550 section 6.4.1: five bits */
	RTCP_MAX = 1200,
	NACKED_MAX = 400,       /* sequence numbers of one datagram that are served */
	BANDWIDTH_MIN = 30000, BANDWIDTH_MAX = 20000000,
};

struct rtcp_ctx { struct endpoint *e; int64_t now_us; unsigned nacked; };

void endpoint_rtcp_send(struct endpoint *to, const uint8_t *p, size_t len)
{
	_Alignas(8) uint8_t buf[RTCP_MAX + SRTP_ROOM];

	if (!to->box || to->failed || len > RTCP_MAX)
		return;
	memcpy(buf, p, len);
	if (!srtp_box_protect_rtcp(to->box, buf, &len))
		endpoint_send(to, buf, len);
}

/* ---- in ---- */

static void pass_sr(struct track *t, const struct rtcp_packet *p, int64_t now_us)
{
	struct hall *r = t->owner->room;

	for (size_t i = 0; i < SLOTS; i++) {
		struct sub *s = t->sub + i;
		struct rtcp_sender sr = { .ssrc = p->ssrc, .ntp = p->ntp,
					  .rtp_timestamp = p->rtp_timestamp };
		uint8_t buf[64];
		size_t len = 0;

		if (!r->slot[i] || r->slot[i] == t->owner || !s->packets)
			continue;
		sr.packets = s->packets;
		sr.octets = s->octets;
		s->sr_mid = (uint32_t)(p->ntp >> 16);
		s->sr_us = now_us;
		if (!rtcp_write_sr(buf, sizeof(buf), &len, &sr, NULL, 0))
			endpoint_rtcp_send(r->slot[i], buf, len);
	}
}

static void on_sr(struct rtcp_ctx *c, const struct rtcp_packet *p)
{
	struct stream *s;
	struct track *t = endpoint_track(c->e, p->ssrc, &s);

	if (!t)
		return;
	s->st.sr_ntp = p->ntp;
	s->st.sr_us = c->now_us;
	if (s == t->stream)     /* the layer that is forwarded, or the sound */
		pass_sr(t, p, c->now_us);
}

/* Loss alone: more than a tenth and it is less, below a fiftieth it grows. */
static void judge_bandwidth(struct endpoint *e, unsigned fraction)
{
	double loss = fraction / 256.0;

	if (loss > 0.1)
		e->bandwidth *= 1 - 0.5 * loss;
	else if (loss < 0.02)
		e->bandwidth *= 1.01;   /* a report comes several times a second */
	if (e->bandwidth < BANDWIDTH_MIN)
		e->bandwidth = BANDWIDTH_MIN;
	if (e->bandwidth > BANDWIDTH_MAX)
		e->bandwidth = BANDWIDTH_MAX;
}

static void note_rtt(struct endpoint *e, const struct sub *s, const struct rtcp_report *r,
		     int64_t now_us)
{
	double rtt_us;

	if (!r->lsr || r->lsr != s->sr_mid)
		return;
	rtt_us = (double)(now_us - s->sr_us) - (double)r->dlsr * 1e6 / 65536;
	if (rtt_us < 0)
		rtt_us = 0;
	if (rtt_us < 60e6)
		e->rtt_us = e->rtt_us ? 0.875 * e->rtt_us + 0.125 * rtt_us : rtt_us;
}

static void on_reports(struct rtcp_ctx *c, const struct rtcp_packet *p)
{
	unsigned worst = 0;
	bool any = false;

	for (size_t i = 0; i < p->reports; i++) {
		struct rtcp_report r;
		struct stream *s;
		struct track *t;

		if (rtcp_report_get(p, i, &r))
			break;
		t = hall_track(c->e->room, r.ssrc, &s);
		if (!t || t->owner == c->e)
			continue;
		any = true;
		worst = r.fraction > worst ? r.fraction : worst;
		note_rtt(c->e, t->sub + c->e->slot, &r, c->now_us);
	}
	if (any)
		judge_bandwidth(c->e, worst);
}

struct nack_ctx { struct rtcp_ctx *c; struct track *t; };

static void on_nacked(void *ctx, uint16_t seq)
{
	struct nack_ctx *n = ctx;

	if (n->c->nacked++ < NACKED_MAX)
		picture_nacked(n->c->e, n->t, seq, n->c->now_us);
}

static void on_packet(void *ctx, const struct rtcp_packet *p)
{
	struct rtcp_ctx *c = ctx;
	struct nack_ctx n = { .c = c };
	struct stream *s;

	switch (p->kind) {
	case RTCP_SR:
		on_sr(c, p);
		on_reports(c, p);
		break;
	case RTCP_RR:
		on_reports(c, p);
		break;
	case RTCP_NACK:
	case RTCP_PLI:
	case RTCP_FIR:
		n.t = hall_track(c->e->room, p->media_ssrc, &s);
		if (!n.t || n.t->owner == c->e || !n.t->video)
			break;
		if (p->kind == RTCP_NACK)
			rtcp_nack_each(p, on_nacked, &n);
		else
			picture_keyframe_for(c->e, n.t, c->now_us);
		break;
	default:
		break;
	}
}

void endpoint_rtcp_in(struct endpoint *e, const uint8_t *in, size_t len, int64_t now_us)
{
	_Alignas(8) uint8_t buf[DATAGRAM];
	struct rtcp_ctx c = { .e = e, .now_us = now_us };
	int err;

	if (!e->box) {
		e->f->stats.dropped++;
		return;
	}
	memcpy(buf, in, len);
	err = srtp_box_unprotect_rtcp(e->box, buf, &len);
	if (err) {
		endpoint_count_bad(e, err);
		return;
	}
	endpoint_active(e, now_us);
	rtcp_parse(buf, len, on_packet, &c);
}

/* ---- out ---- */

void endpoint_reports(struct endpoint *e, int64_t now_us)
{
	struct rtcp_report r[REPORTS_MAX];
	uint8_t buf[RTCP_MAX];
	size_t n = 0, len = 0;

	for (size_t i = 0; i < e->tracks; i++)
		for (size_t k = 0; k < e->track[i]->streams && n < REPORTS_MAX; k++) {
			struct stream *s = e->track[i]->stream + k;

			if (s->st.received == s->reported)
				continue;
			s->reported = s->st.received;
			rtp_stats_report(&s->st, r + n++, now_us);
		}
	if (n && !rtcp_write_rr(buf, sizeof(buf), &len, e->f->cfg.audio_ssrc, r, n))
		endpoint_rtcp_send(e, buf, len);
}

void endpoint_feedback(struct endpoint *e, int64_t now_us)
{
	bool more;

	do {
		uint8_t buf[RTCP_MAX];
		size_t len = 0;

		more = tcc_write(e->tcc, buf, sizeof(buf), &len, e->f->cfg.audio_ssrc,
				 e->tcc_media, now_us);
		if (len)
			endpoint_rtcp_send(e, buf, len);
	} while (more);
}
