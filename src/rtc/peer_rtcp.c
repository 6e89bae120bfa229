/* peer_rtcp.c - reports about what was sent and heard
 *
 * One compound every five seconds or so: SR (or RR where nothing was sent) with
 * blocks about the sources heard since the last one, and the CNAME.  At three
 * sources and 32 kbit/s that is half a per cent of the line; a bridge wants
 * no more (a client that sends none at all is served on).
 *
 * Round trip: the peer's report says which SR of ours it saw and how long ago
 * (RFC 3550 section 6.4.1); both are the middle 32 bits of NTP time.
 */
#include "rtc/peer_priv.h"
#include <errno.h>
#include "base/clock.h"
#include "base/rng.h"
#include "rtc/rtp.h"
#include "rtc/wire.h"

enum {
	INTERVAL_US = 5000000,  /* RFC 3550 section 6.2: the minimum there */
	FIRST_MIN_US = 300000, FIRST_MAX_US = 800000,
	REPORTS_MAX = 31,
	COMPOUND_MAX = 1200,
	TCC_TICK_US = 50000, TCC_QUIET_US = 1000000,
};

/* ---- out ---- */

static uint64_t ntp_at(const struct peer *p, int64_t now_us)
{
	return rtcp_ntp(now_us + p->wall_offset_us);
}

/* Sources heard since the last report, from next_source on. */
static size_t collect(struct peer *p, struct rtcp_report *out, int64_t now_us)
{
	size_t n = 0, looked;

	for (looked = 0; looked < p->sources && n < REPORTS_MAX; looked++) {
		struct source *s = p->source + (p->next_source + looked) % p->sources;

		if (s->st.received == s->reported)
			continue;
		s->reported = s->st.received;
		rtp_stats_report(&s->st, out + n++, now_us);
	}
	p->next_source = p->sources ? (p->next_source + looked) % p->sources : 0;
	return n;
}

/* RFC 3550 section 6.4: an SR if something was sent since the last report or
 * the one before. */
static bool is_sender(const struct peer *p)
{
	return p->sent_packets != p->sent_at_report[1];
}

/* The media clock runs on where nothing is sent. */
static uint32_t timestamp_at(const struct peer *p, int64_t now_us)
{
	int64_t since = p->last_sent_us ? now_us - p->last_sent_us : 0;

	return p->last_timestamp + (uint32_t)(since * OPUS_HZ / 1000000);
}

static int write_report(struct peer *p, uint8_t *buf, size_t *len, int64_t now_us)
{
	struct rtcp_report r[REPORTS_MAX];
	size_t n = collect(p, r, now_us);
	struct rtcp_sender s = {
		.ssrc = p->ssrc, .ntp = ntp_at(p, now_us), .rtp_timestamp = timestamp_at(p, now_us),
		.packets = p->sent_packets, .octets = p->sent_octets,
	};
	uint32_t ssrc = p->ssrc ? p->ssrc : p->rtcp_ssrc;
	int err;

	if (is_sender(p))
		err = rtcp_write_sr(buf, COMPOUND_MAX, len, &s, r, n);
	else
		err = rtcp_write_rr(buf, COMPOUND_MAX, len, ssrc, r, n);
	if (!err)
		err = rtcp_write_sdes(buf, COMPOUND_MAX, len, ssrc, p->cname);
	return err;
}

static void send_compound(struct peer *p, uint8_t *buf, size_t len)
{
	if (!srtp_box_protect_rtcp(p->box, buf, &len))
		peer_transmit(p, buf, len);
}

static bool has_news(const struct peer *p)
{
	if (is_sender(p))
		return true;
	for (size_t i = 0; i < p->sources; i++)
		if (p->source[i].st.received != p->source[i].reported)
			return true;
	return false;
}

/* ---- transport-wide feedback, where it was negotiated ---- */

/* A number for each packet, of all streams alike.  Markers do not make it
 * sooner: they end no frame of sound. */
void peer_note_tcc(struct peer *p, const struct rtp *r, int64_t arrival_us)
{
	size_t len;
	const uint8_t *v = p->ext_tcc ? rtp_ext_find(r, p->ext_tcc, &len) : NULL;

	if (!v || len < 2)
		return;
	if (!p->tcc)
		p->tcc = tcc_new();
	if (!p->tcc)
		return;
	p->tcc_media = r->ssrc;
	tcc_packet(p->tcc, get16(v), false, arrival_us);
}

static int64_t tcc_tick(struct peer *p, int64_t now_us)
{
	_Alignas(8) uint8_t buf[COMPOUND_MAX + SRTP_ROOM];
	bool more = p->tcc && now_us >= tcc_due_us(p->tcc);

	while (more) {
		size_t len = 0;

		/* Alone (RFC 5506): the report comes in its own time. */
		more = tcc_write(p->tcc, buf, COMPOUND_MAX, &len, p->ssrc ? p->ssrc : p->rtcp_ssrc,
				 p->tcc_media, now_us);
		if (len)
			send_compound(p, buf, len);
	}
	if (!p->tcc)
		return CLOCK_NEVER;
	/* Nothing is to be told, but the next packet makes no tick: while they
	 * come, ticks do. */
	if (tcc_due_us(p->tcc) == CLOCK_NEVER)
		return now_us - p->heard_us < TCC_QUIET_US ? now_us + TCC_TICK_US : CLOCK_NEVER;
	return tcc_due_us(p->tcc);
}

static int64_t report_tick(struct peer *p, int64_t now_us)
{
	_Alignas(8) uint8_t buf[COMPOUND_MAX + SRTP_ROOM];
	size_t len = 0;

	if (!p->next_report_us)
		p->next_report_us = now_us + rng_between(FIRST_MIN_US, FIRST_MAX_US);
	if (now_us < p->next_report_us)
		return p->next_report_us;
	/* Section 6.3.1: spread over half to one and a half of the interval. */
	p->next_report_us = now_us + rng_between(INTERVAL_US / 2, INTERVAL_US * 3 / 2);
	if (has_news(p) && !write_report(p, buf, &len, now_us))
		send_compound(p, buf, len);
	p->sent_at_report[1] = p->sent_at_report[0];
	p->sent_at_report[0] = p->sent_packets;
	return p->next_report_us;
}

int64_t peer_rtcp_tick(struct peer *p, int64_t now_us)
{
	int64_t report_us = report_tick(p, now_us), tcc_us = tcc_tick(p, now_us);

	return report_us < tcc_us ? report_us : tcc_us;
}

void peer_say_bye(struct peer *p)
{
	_Alignas(8) uint8_t buf[COMPOUND_MAX + SRTP_ROOM];
	uint32_t ssrc = p->ssrc ? p->ssrc : p->rtcp_ssrc;
	size_t len = 0;

	if (!rtcp_write_rr(buf, COMPOUND_MAX, &len, ssrc, NULL, 0) &&
	    !rtcp_write_sdes(buf, COMPOUND_MAX, &len, ssrc, p->cname) &&
	    !rtcp_write_bye(buf, COMPOUND_MAX, &len, ssrc))
		send_compound(p, buf, len);
}

/* ---- in ---- */

struct input { struct peer *p; int64_t arrival_us; };

static void about_us(struct peer *p, const struct rtcp_report *r, int64_t arrival_us)
{
	uint16_t seq = (uint16_t)r->highest_seq;

	p->reported_on = true;
	/* The bridge adds the number to its cycles with a sign: from 32768 on, the
	 * upper half is 65535 and then one cycle behind.  The lower one is right. */
	if (!p->reports || seq != p->reported_seq) {
		p->reports++;
		p->reported_seq = seq;
		p->first_unreported_us = 0;
		p->unheard = false;
	}
	p->stats.reports++;
	p->stats.out_loss = r->fraction / 256.0;
	if (r->lsr) {
		uint32_t now = (uint32_t)(ntp_at(p, arrival_us) >> 16);
		int32_t rtt = (int32_t)(now - r->lsr - r->dlsr);

		/* Clocks that step, or a peer that lies. */
		if (rtt >= 0 && rtt < 60 << 16)
			p->stats.rtt_ms = rtt * 1000.0 / 65536;
	}
}

static void on_packet(void *ctx, const struct rtcp_packet *k)
{
	struct input *in = ctx;
	struct source *s;
	struct rtcp_report r;

	if (k->kind != RTCP_SR && k->kind != RTCP_RR)
		return;
	for (size_t i = 0; i < k->reports; i++)
		if (!rtcp_report_get(k, i, &r) && in->p->ssrc && r.ssrc == in->p->ssrc)
			about_us(in->p, &r, in->arrival_us);
	s = k->kind == RTCP_SR ? peer_find_source(in->p, k->ssrc) : NULL;
	if (s) {
		s->st.sr_ntp = k->ntp;
		s->st.sr_us = in->arrival_us;
	}
}

void peer_rtcp_in(struct peer *p, uint8_t *buf, size_t len, int64_t arrival_us)
{
	struct input in = { p, arrival_us };
	int err = srtp_box_unprotect_rtcp(p->box, buf, &len);

	if (err == -EALREADY)
		p->stats.replayed++;
	else if (err == -EBADMSG)
		p->stats.bad_srtp++;
	else if (err || rtcp_parse(buf, len, on_packet, &in) < 0)
		p->stats.malformed++;
}
