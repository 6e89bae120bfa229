/* video.c - pictures: cache, losses, retransmission, keyframes
 *
 * Of a picture's layers the first is passed on as it comes, with its SSRC.
 * One cache a track serves all its receivers: it holds payloads, headers are
 * written anew.  A receiver sees the track's sequence numbers less its own
 * delta: where it stopped getting pictures and begins again, numbers go on
 * without a gap.  It begins with a keyframe (where the codec is VP8; of
 * another one nothing is known here, and it begins at once).
 *
 * Losses between sender and us are asked for by us, for all; those between us
 * and a receiver are served from the cache, as RTX (RFC 4588) where that was
 * negotiated.  Without it the very bytes of before are sent again: the same
 * packet may not be encrypted twice, so a receiver without RTX costs a list
 * of what it was sent.
 */
#include <errno.h>
#include <string.h>
#include "host/endpoint.h"
#include "rtc/wire.h"

enum {
	CACHE = 512,            /* packets; some two seconds of HD */
	CACHE_IDLE_US = 15 * 1000 * 1000,
	GAPS = 100,             /* more is no loss but a break */
	NACK_TRIES = 10, NACK_US = 150 * 1000,
	KEYFRAME_US = 200 * 1000,       /* per source, and per receiver and source */
	WAITING_US = 1000 * 1000,       /* ask again while somebody waits */
	ASKED_US = 10 * 1000 * 1000,    /* three times in so long */
	RESEND_US = 20 * 1000,          /* where the round trip is not known */
	ALIVE_US = 2 * 1000 * 1000,
	RTCP_MAX = 600,
};

struct cached {
	uint16_t seq;           /* as sent: less the track's delta */
	uint8_t pt;
	bool marker, whole;     /* a keyframe begins here */
	uint32_t timestamp;
	size_t len, room;
	uint8_t p[];
};

/* ---- cache ---- */

static struct cached *look_up(const struct track *t, uint16_t seq)
{
	struct cached *c = t->cache ? t->cache[seq % CACHE] : NULL;

	return c && c->len != SIZE_MAX && c->seq == seq ? c : NULL;
}

static struct cached *store(struct track *t, uint16_t seq, const uint8_t *p, size_t len)
{
	struct cached **at, *c;

	if (!t->cache)
		t->cache = g_new0(struct cached *, CACHE);
	at = t->cache + seq % CACHE;
	c = *at;
	if (!c || c->room < len) {
		size_t room = (len + 255) / 256 * 256;

		c = g_realloc(c, sizeof(*c) + room);
		c->room = room;
		*at = c;
	}
	c->seq = seq;
	c->len = len;
	memcpy(c->p, p, len);
	return c;
}

static void drop_cache(struct track *t)
{
	for (size_t i = 0; t->cache && i < CACHE; i++)
		g_free(t->cache[i]);
	g_clear_pointer(&t->cache, g_free);
}

void picture_free(struct track *t)
{
	drop_cache(t);
	g_clear_pointer(&t->gap, g_free);
	t->gaps = 0;
}

/* ---- out to one receiver ---- */

void picture_forget_plain(struct endpoint *e)
{
	for (size_t i = 0; e->plain && i < PLAIN; i++)
		g_free(e->plain[i].p);
	g_clear_pointer(&e->plain, g_free);
}

static const struct stream *rtx_stream(const struct track *t)
{
	for (size_t i = 0; i < t->streams; i++)
		if (t->stream[i].rtx && t->stream[i].layer == 0)
			return t->stream + i;
	return NULL;
}

static bool has_rtx(const struct endpoint *to, const struct track *t)
{
	return to->cfg.pt_rtx && rtx_stream(t);
}

static struct plain *next_plain(struct endpoint *to)
{
	struct plain *p;

	if (!to->plain)
		to->plain = g_new0(struct plain, PLAIN);
	p = to->plain + to->plain_next++ % PLAIN;
	if (!p->p)
		p->p = g_malloc(OUT_MAX + SRTP_ROOM);
	return p;
}

static struct packet packet_of(const struct endpoint *to, const struct track *t,
			       const struct cached *c)
{
	const struct sub *s = t->sub + to->slot;

	return (struct packet){
		.pt = c->pt == t->owner->cfg.pt_vp8 ? to->cfg.pt_vp8 : c->pt,
		.marker = c->marker, .seq = (uint16_t)(c->seq - s->delta),
		.timestamp = c->timestamp, .ssrc = t->stream[0].ssrc, .media_time = true,
		.payload = c->p, .len = c->len,
	};
}

static void send_one(struct endpoint *to, struct track *t, const struct cached *c, int64_t now_us)
{
	struct sub *s = t->sub + to->slot;
	struct packet p = packet_of(to, t, c);
	struct plain *keep = has_rtx(to, t) ? NULL : next_plain(to);
	size_t len = 0;
	int err = packet_send(to, &p, now_us, keep ? keep->p : NULL, &len);

	if (keep) {
		keep->ssrc = err ? 0 : p.ssrc;
		keep->seq = p.seq;
		keep->len = (uint16_t)len;
	}
	if (err)
		return;
	s->packets++;
	s->octets += (uint32_t)c->len;
	if (!s->started || seq_diff(c->seq, s->last) > 0)
		s->last = c->seq;
	s->started = true;
}

/* Returns whether the receiver begins here. */
static bool begin(struct track *t, struct sub *s, const struct cached *c)
{
	if (c->pt == t->owner->cfg.pt_vp8 && !c->whole)
		return false;
	if (s->started)
		s->delta = (uint16_t)(c->seq - 1 - (uint16_t)(s->last - s->delta));
	s->first = c->seq;
	s->waiting = false;
	return true;
}

static void deliver(struct endpoint *to, struct track *t, const struct cached *c, int64_t now_us)
{
	struct sub *s = t->sub + to->slot;
	uint16_t top = (uint16_t)(t->top - t->delta);

	if (!s->on || !to->box || to->failed)
		return;
	if (!s->waiting) {
		if (seq_diff(c->seq, s->first) >= 0)
			send_one(to, t, c, now_us);
		return;
	}
	if (!begin(t, s, c))
		return;
	send_one(to, t, c, now_us);
	/* The keyframe's beginning came late: what followed it was held back. */
	for (uint16_t q = (uint16_t)(c->seq + 1); seq_diff(top, q) >= 0; q++)
		if (look_up(t, q))
			send_one(to, t, look_up(t, q), now_us);
}

/* ---- losses between the sender and us ---- */

static void send_nacks(struct track *t, int64_t now_us)
{
	uint16_t seq[GAPS];
	uint8_t buf[RTCP_MAX];
	size_t n = 0, keep = 0, len = 0;

	for (size_t i = 0; i < t->gaps; i++) {
		struct gap *g = t->gap + i;

		if (g->next_us <= now_us) {
			if (g->tries++ == NACK_TRIES)
				continue;       /* given up */
			g->next_us = now_us + NACK_US;
			seq[n++] = g->seq;
		}
		forward_wake(t->owner->f, g->next_us);
		t->gap[keep++] = *g;
	}
	t->gaps = keep;
	if (n && !rtcp_write_nack(buf, sizeof(buf), &len, t->owner->f->cfg.video_ssrc,
				  t->stream[0].ssrc, seq, n))
		endpoint_rtcp_send(t->owner, buf, len);
}

static void note_gap(struct track *t, uint16_t seq, int64_t now_us)
{
	size_t missing = (uint16_t)(seq - t->top) - 1u;

	if (!t->gap)
		t->gap = g_new0(struct gap, GAPS);
	if (missing + t->gaps >= GAPS) {
		t->gaps = 0;    /* a break: receivers ask for a keyframe by themselves */
		if (missing >= GAPS)
			return;
	}
	for (uint16_t q = (uint16_t)(t->top + 1); q != seq; q++)
		t->gap[t->gaps++] = (struct gap){ .seq = q, .next_us = now_us };
	send_nacks(t, now_us);
}

static void close_gap(struct track *t, uint16_t seq)
{
	for (size_t i = 0; i < t->gaps; i++)
		if (t->gap[i].seq == seq) {
			memmove(t->gap + i, t->gap + i + 1, (t->gaps - i - 1) * sizeof(*t->gap));
			t->gaps--;
			return;
		}
}

/* ---- in ---- */

/* RFC 7741 section 4.2 and 4.3: the first packet of a keyframe. */
static bool is_keyframe(const uint8_t *p, size_t len)
{
	size_t at = 1;

	if (len < 2 || (p[0] & 0x17) != 0x10)   /* S set, partition 0 */
		return false;
	if (p[0] & 0x80) {
		uint8_t x = p[1];

		at = 2;
		if (x & 0x80)                   /* PictureID, of 7 or 15 bits */
			at += at < len && p[at] & 0x80 ? 2 : 1;
		if (x & 0x40)                   /* TL0PICIDX */
			at++;
		if (x & 0x30)                   /* TID, KEYIDX */
			at++;
	}
	return at < len && !(p[at] & 1);
}

/* The number out, or false: had already, or too old to know. */
static bool picture_seq(struct track *t, uint16_t seq, int64_t now_us, uint16_t *out)
{
	int ahead = track_ahead(t, seq);

	if (ahead > 1)
		note_gap(t, seq, now_us);
	*out = (uint16_t)(seq - t->delta);
	if (ahead > 0) {
		t->top = seq;
		return true;
	}
	close_gap(t, seq);
	return ahead > -CACHE && seq_diff(seq, t->delta_from) >= 0 && !look_up(t, *out);
}

static void picture(struct track *t, const struct rtp *r, int64_t now_us)
{
	struct endpoint *e = t->owner;
	struct cached *c;
	uint16_t seq;

	if (!picture_seq(t, r->seq, now_us, &seq))
		return;
	c = store(t, seq, r->payload, r->payload_len);
	c->pt = r->pt;
	c->marker = r->marker;
	c->timestamp = r->timestamp;
	c->whole = r->pt == e->cfg.pt_vp8 && is_keyframe(r->payload, r->payload_len);
	t->cached_us = now_us;
	for (size_t i = 0; i < SLOTS; i++)
		if (e->room->slot[i] && e->room->slot[i] != e)
			deliver(e->room->slot[i], t, c, now_us);
}

/* RFC 4588: two bytes of the first number, then the first payload. */
static void unpack_rtx(struct track *t, const struct rtp *r, int64_t now_us)
{
	struct rtp original = *r;
	int ahead;

	if (r->payload_len < 3 || !t->started)
		return;                 /* padding alone: it measures the line */
	original.seq = get16(r->payload);
	original.payload += 2;
	original.payload_len -= 2;
	original.ssrc = t->stream[0].ssrc;
	original.pt = t->pt;
	ahead = seq_diff(original.seq, t->top);
	if (ahead < GAPS && ahead > -CACHE)
		picture(t, &original, now_us);
}

void picture_in(struct track *t, struct stream *s, const struct rtp *r, int64_t now_us)
{
	if (s->layer)
		return;                 /* larger layers are not passed on */
	if (s->rtx) {
		unpack_rtx(t, r, now_us);
		return;
	}
	t->pt = r->pt;
	picture(t, r, now_us);
}

/* ---- losses between us and a receiver ---- */

static bool resend_too_soon(struct endpoint *to, struct sub *s, uint16_t seq, int64_t now_us)
{
	double wait_us = to->rtt_us ? to->rtt_us * 0.9 : RESEND_US;
	struct resent *r;

	if (to->rtt_us && to->rtt_us - 5000 < wait_us)
		wait_us = to->rtt_us - 5000;
	if (!s->resent)
		s->resent = g_new0(struct resent, RESENT);
	r = s->resent + seq % RESENT;
	if (r->seq == seq && r->at_us && (double)(now_us - r->at_us) < wait_us)
		return true;
	r->seq = seq;
	r->at_us = now_us;
	return false;
}

static void resend_plain(struct endpoint *to, const struct track *t, uint16_t seq)
{
	for (size_t i = 0; to->plain && i < PLAIN; i++) {
		const struct plain *p = to->plain + i;

		if (p->ssrc == t->stream[0].ssrc && p->seq == seq) {
			endpoint_send(to, p->p, p->len);
			return;
		}
	}
}

void picture_nacked(struct endpoint *to, struct track *t, uint16_t seq, int64_t now_us)
{
	struct sub *s = t->sub + to->slot;
	uint16_t own = (uint16_t)(seq + s->delta);
	const struct cached *c = look_up(t, own);
	struct packet p;

	if (!s->started || !to->box || seq_diff(own, s->first) < 0 ||
	    resend_too_soon(to, s, seq, now_us))
		return;
	if (!has_rtx(to, t)) {
		resend_plain(to, t, seq);
		return;
	}
	if (!c)
		return;
	p = packet_of(to, t, c);
	p.rtx = true;
	p.original = p.seq;
	p.seq = ++s->rtx_seq;
	p.pt = to->cfg.pt_rtx;
	p.ssrc = rtx_stream(t)->ssrc;
	packet_send(to, &p, now_us, NULL, NULL);
}

/* ---- keyframes ---- */

void picture_keyframe(struct track *t, int64_t now_us)
{
	struct endpoint *e = t->owner;
	uint8_t buf[32];
	size_t len = 0;

	if (!e->box || e->muted_video)
		return;
	if (t->keyframe_us && now_us - t->keyframe_us < KEYFRAME_US) {
		t->keyframe_wanted = true;
		forward_wake(e->f, t->keyframe_us + KEYFRAME_US);
		return;
	}
	t->keyframe_wanted = false;
	t->keyframe_us = now_us;
	if (!rtcp_write_pli(buf, sizeof(buf), &len, e->f->cfg.video_ssrc, t->stream[0].ssrc))
		endpoint_rtcp_send(e, buf, len);
}

void picture_keyframe_for(struct endpoint *receiver, struct track *t, int64_t now_us)
{
	struct sub *s = t->sub + receiver->slot;

	if (!s->on)
		return;
	if ((s->asked_us[0] && now_us - s->asked_us[0] < KEYFRAME_US) ||
	    (s->asked_us[2] && now_us - s->asked_us[2] < ASKED_US)) {
		receiver->f->stats.limited++;
		return;
	}
	memmove(s->asked_us + 1, s->asked_us, 2 * sizeof(*s->asked_us));
	s->asked_us[0] = now_us;
	picture_keyframe(t, now_us);
}

/* ---- time ---- */

static bool somebody_waits(const struct track *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (t->sub[i].on && t->sub[i].waiting)
			return true;
	return false;
}

void picture_tick(struct track *t, int64_t now_us)
{
	if (t->gaps)
		send_nacks(t, now_us);
	if (t->cache && now_us - t->cached_us >= CACHE_IDLE_US)
		drop_cache(t);
	if (t->keyframe_wanted)
		picture_keyframe(t, now_us);
	if (now_us - t->cached_us < ALIVE_US && now_us - t->keyframe_us >= WAITING_US &&
	    somebody_waits(t))
		picture_keyframe(t, now_us);
}
