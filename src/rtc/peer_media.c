/* peer_media.c - frames to RTP and back
 *
 * Out: the smallest header there is, twelve bytes, with eight more for the
 * level where that was offered: no mid, no transport-wide number; the bridge
 * needs neither for audio.  A copy of the payload before goes along where the
 * sender wants one and the focus has offered RED.
 *
 * In: what SRTP lets through belongs to the peer; which SSRC is whose is not
 * known here.  Redundant blocks (RFC 2198) are given up as frames of their
 * own where the packet that carried them first did not come.
 */
#include "rtc/peer_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rtc/rtp.h"

enum {
	HEADER_MAX = 20,
	RED_BLOCKS_MAX = 8,
	GIVEN = 64,             /* bits of source.given */
};

/* ---- out ---- */

/* The payload before goes along: its length; 0: it does not, or need not. */
static size_t copy_header(const struct peer *p, const struct media_packet *pkt,
			  uint32_t timestamp, uint8_t red[RTP_RED_HEADER])
{
	size_t len = p->before_len;

	/* Where something was left out in between, old blocks would not be the
	 * packets before: receivers count back. */
	if (!pkt->copied || !p->pt_red || !len || p->marker ||
	    HEADER_MAX + RTP_RED_HEADER + len + pkt->len > RTP_MTU - SRTP_ROOM ||
	    rtp_red_write_header(red, p->pt_opus, timestamp - p->before_timestamp, len))
		return 0;
	return len;
}

static void keep(struct peer *p, const struct media_packet *pkt, uint32_t timestamp)
{
	p->before_len = pkt->len < sizeof(p->before) ? pkt->len : 0;
	p->before_timestamp = timestamp;
	memcpy(p->before, pkt->payload, p->before_len);
}

void peer_send(struct peer *p, const struct media_packet *pkt, int64_t now_us)
{
	_Alignas(8) uint8_t buf[RTP_MTU + SRTP_ROOM];
	uint8_t red[RTP_RED_HEADER];
	uint32_t timestamp = p->timestamp;
	size_t len, copy;

	p->timestamp += pkt->samples;
	if (!p->box || !p->ssrc || p->state == PEER_FAILED || pkt->len > RTP_MTU - HEADER_MAX) {
		p->marker = true;
		return;
	}
	copy = copy_header(p, pkt, timestamp, red);
	len = rtp_write_header(buf, copy ? p->pt_red : p->pt_opus, p->marker, p->seq++, timestamp,
			       p->ssrc, p->ext_level, pkt->level, pkt->voice);
	if (copy) {
		memcpy(buf + len, red, sizeof(red));
		len += sizeof(red);
		memcpy(buf + len, p->before, copy);
		len += copy;
	}
	memcpy(buf + len, pkt->payload, pkt->len);
	len += pkt->len;
	p->marker = false;
	keep(p, pkt, timestamp);
	if (srtp_box_protect(p->box, buf, &len))
		return;
	p->sent_packets++;
	p->sent_octets += (uint32_t)pkt->len;
	p->last_timestamp = timestamp;
	p->last_sent_us = now_us;
	if (!p->first_unheard_us)
		p->first_unheard_us = now_us;
	if (!p->first_unreported_us)
		p->first_unreported_us = now_us;
	if (!peer_transmit(p, buf, len)) {
		p->stats.out_rtp_packets++;
		p->stats.out_rtp_bytes += len + p->ip_udp_bytes;
		p->stats.out_overhead = (unsigned)(len + p->ip_udp_bytes - pkt->len - copy);
	}
}

void peer_skip(struct peer *p, unsigned samples)
{
	p->timestamp += samples;
	p->marker = true;
}

/* ---- sources ---- */

struct source *peer_find_source(struct peer *p, uint32_t ssrc)
{
	if (p->hit < p->sources && p->source[p->hit].st.ssrc == ssrc)
		return p->source + p->hit;
	for (size_t i = 0; i < p->sources; i++)
		if (p->source[i].st.ssrc == ssrc) {
			p->hit = i;
			return p->source + i;
		}
	return NULL;
}

static void drop_source(struct peer *p, struct source *s)
{
	int64_t lost = rtp_stats_lost(&s->st);

	p->lost_gone += lost > 0 ? lost : 0;
	*s = p->source[--p->sources];
}

static struct source *longest_silent(struct peer *p)
{
	struct source *s = p->source;

	for (size_t i = 1; i < p->sources; i++)
		if (p->source[i].st.last_us < s->st.last_us)
			s = p->source + i;
	return s;
}

static struct source *new_source(struct peer *p, uint32_t ssrc)
{
	struct source *s;

	if (p->sources == SOURCES_MAX)
		drop_source(p, longest_silent(p));
	if (!(p->sources & (p->sources - 1))) {         /* 0, 1, 2, 4, ... */
		size_t room = p->sources ? 2 * p->sources : 1;
		struct source *v = realloc(p->source, room * sizeof(*v));

		if (!v)
			return NULL;
		p->source = v;
	}
	p->hit = p->sources++;
	s = p->source + p->hit;
	memset(s, 0, sizeof(*s));
	s->st.ssrc = ssrc;
	s->level = 1;
	return s;
}

void peer_forget(struct peer *p, uint32_t ssrc)
{
	struct source *s = peer_find_source(p, ssrc);

	if (s)
		drop_source(p, s);
}

size_t peer_sources(const struct peer *p, struct peer_source *out, size_t max)
{
	size_t n = p->sources < max ? p->sources : max;

	for (size_t i = 0; i < n; i++) {
		const struct source *s = p->source + i;

		out[i] = (struct peer_source){
			.ssrc = s->st.ssrc, .packets = s->packets,
			.lost = rtp_stats_lost(&s->st),
			.jitter_ms = s->st.jitter * 1000 / OPUS_HZ,
			.level = s->level, .last_us = s->st.last_us,
		};
	}
	return n;
}

/* ---- in ---- */

/* Marks seq as given up; false if it was before, or is too old to know. */
static bool take(struct source *s, uint16_t seq)
{
	int forward = seq_diff(seq, s->top);
	unsigned back = (unsigned)-forward;

	if (forward > 0) {
		s->given = forward < GIVEN ? s->given << forward | 1 : 1;
		s->top = seq;
		return true;
	}
	if (back >= GIVEN || s->given >> back & 1)
		return false;
	s->given |= (uint64_t)1 << back;
	return true;
}

/* As take(), but what is too old to know is new: a sender that began anew. */
static bool take_primary(struct source *s, uint16_t seq)
{
	bool begins = !s->packets || seq_diff(seq, s->top) <= -GIVEN;

	if (begins) {
		s->first = s->top = seq;
		s->given = 1;
	}
	return begins || take(s, seq);
}

struct red_block { uint32_t timestamp; const uint8_t *p; size_t len; uint8_t pt; };
struct red { struct red_block v[RED_BLOCKS_MAX]; size_t n; };

static void note_block(void *ctx, uint8_t pt, uint32_t timestamp,
		       const uint8_t *p, size_t len, bool primary)
{
	struct red *r = ctx;

	(void)primary;
	if (r->n == RED_BLOCKS_MAX) {                   /* the oldest one goes */
		memmove(r->v, r->v + 1, sizeof(r->v) - sizeof(*r->v));
		r->n--;
	}
	r->v[r->n++] = (struct red_block){ timestamp, p, len, pt };
}

static void give(struct peer *p, struct media_frame *f, const struct red_block *b)
{
	f->timestamp = b->timestamp;
	f->payload = b->p;
	f->len = b->len;
	p->ev.frame(p->ctx, f);
}

/* Old blocks are the packets before: n places back is seq - n. */
static void give_recovered(struct peer *p, struct source *s, const struct media_frame *primary,
			   const struct red *r)
{
	struct media_frame f = *primary;

	f.recovered = true;
	f.level = 1;
	f.voice = false;
	for (size_t i = 0; i + 1 < r->n; i++) {
		f.seq = (uint16_t)(primary->seq - (r->n - 1 - i));
		if (r->v[i].pt != p->pt_opus || !r->v[i].len)
			continue;
		/* Nobody missed what was said before we came; later on blocks do
		 * not reach back so far. */
		if (s->packets < GIVEN && seq_diff(f.seq, s->first) < 0)
			continue;
		if (!take(s, f.seq))
			continue;
		p->stats.recovered++;
		give(p, &f, r->v + i);
	}
}

/* What a packet that is not sound of ours counts as. */
static void count_other(struct peer *p, const struct rtp *r)
{
	/* RFC 3551 section 6 and RFC 5761 section 4: what is free for dynamic
	 * use.  A call that was offered audio alone knows no video's types. */
	bool dynamic = r->pt >= 96 || (r->pt >= 35 && r->pt <= 63);

	if (r->pt == p->pt_event)
		return;
	if (dynamic)
		p->stats.video_packets++;
	else
		p->stats.unknown_pt++;
}

static int unpack(struct peer *p, const struct rtp *r, struct red *out)
{
	if (r->pt == p->pt_opus) {
		note_block(out, r->pt, r->timestamp, r->payload, r->payload_len, true);
		return 0;
	}
	return rtp_red_parse(r->payload, r->payload_len, r->timestamp, note_block, out);
}

static void sound_in(struct peer *p, const struct rtp *r, size_t len, int64_t arrival_us)
{
	struct source *s = peer_find_source(p, r->ssrc);
	struct media_frame f = {
		.ssrc = r->ssrc, .seq = r->seq, .arrival_us = arrival_us, .level = 1
	};
	struct red red = { .n = 0 };
	const struct red_block *primary;
	bool is_new;

	if (r->payload_len && unpack(p, r, &red)) {
		p->stats.malformed++;
		return;
	}
	if (!s)
		s = new_source(p, r->ssrc);
	if (!s)
		return;
	rtp_stats_packet(&s->st, r->seq, r->timestamp, len, arrival_us, OPUS_HZ);
	is_new = take_primary(s, r->seq);
	s->packets++;
	if (rtp_audio_level(r, p->ext_level, &f.level, &f.voice))
		s->level = f.level;
	if (!red.n)
		return;                 /* padding alone */
	give_recovered(p, s, &f, &red);
	primary = red.v + red.n - 1;
	if (!is_new)
		p->stats.duplicate++;
	else if (primary->pt == p->pt_opus && primary->len)
		give(p, &f, primary);
}

static void take_in(struct peer *p, const struct rtp *r, size_t len, int64_t arrival_us)
{
	peer_note_tcc(p, r, arrival_us);
	if (r->pt == p->pt_opus || (p->pt_red && r->pt == p->pt_red))
		sound_in(p, r, len, arrival_us);
	else
		count_other(p, r);
}

void peer_rtp_in(struct peer *p, uint8_t *buf, size_t len, int64_t arrival_us)
{
	struct rtp r;
	int err = srtp_box_unprotect(p->box, buf, &len);

	if (err == -EALREADY)
		p->stats.replayed++;
	else if (err == -EBADMSG)
		p->stats.bad_srtp++;
	else if (err || rtp_parse(&r, buf, len))
		p->stats.malformed++;
	else
		take_in(p, &r, len, arrival_us);
}
