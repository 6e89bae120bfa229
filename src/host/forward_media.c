/* forward_media.c - RTP in, sound to all; how a packet is written
 *
 * A packet is decrypted once, then written anew for each receiver: its
 * payload types and extension ids, its transport-wide number, its keys.  SSRC
 * and timestamp stay.  Of the sender's extensions only the level goes on.
 *
 * Silence: after three packets of level 127 the following ones are dropped,
 * and later sequence numbers move up, so that receivers see a pause and no
 * loss.  A packet that comes late from before such a place has no number any
 * more and is dropped, too.
 */
#include <errno.h>
#include <string.h>
#include "host/endpoint.h"
#include "rtc/wire.h"

enum {
	OPUS_HZ = 48000, VIDEO_HZ = 90000,
	SILENCE = 127,          /* RFC 6464: the least level */
	SILENT_PACKETS = 3,     /* that are forwarded */
	RESTART = 1000,         /* further back than this: the sender began anew */
	EXT_ONE_BYTE = 0xBEDE, EXT_TWO_BYTE = 0x1000, /* RFC 8285 */
	EXT_ONE_BYTE_MAX_ID = 14,
};

/* ---- out ---- */

struct ext { uint8_t id, len, value[3]; };

static uint8_t *put_ext(uint8_t *p, const struct ext *x, bool two_byte)
{
	if (two_byte) {
		*p++ = x->id;
		*p++ = x->len;
	} else {
		*p++ = (uint8_t)(x->id << 4 | (x->len - 1));
	}
	memcpy(p, x->value, x->len);
	return p + x->len;
}

static size_t collect_exts(struct ext *v, struct endpoint *to, const struct packet *p,
			   int64_t now_us)
{
	size_t n = 0;

	if (p->has_level && to->cfg.ext_level)
		v[n++] = (struct ext){ to->cfg.ext_level, 1, { p->level } };
	if (p->media_time && to->cfg.ext_abs_time) {
		/* 24 bits, seconds in 6.18 */
		uint32_t t = (uint32_t)(((uint64_t)now_us << 18) / 1000000) & 0xFFFFFF;

		v[n++] = (struct ext){ to->cfg.ext_abs_time, 3,
				       { (uint8_t)(t >> 16), (uint8_t)(t >> 8), (uint8_t)t } };
	}
	if (to->cfg.tcc && to->cfg.ext_tcc) {
		uint16_t seq = to->tcc_seq++;

		v[n++] = (struct ext){ to->cfg.ext_tcc, 2, { (uint8_t)(seq >> 8), (uint8_t)seq } };
	}
	return n;
}

static size_t write_header(uint8_t *out, struct endpoint *to, const struct packet *p,
			   int64_t now_us)
{
	struct ext v[3];
	size_t n = collect_exts(v, to, p, now_us);
	bool two_byte = false;
	uint8_t *at = out + 16;

	out[0] = (uint8_t)(0x80 | (n ? 0x10 : 0));
	out[1] = (uint8_t)((p->marker ? 0x80 : 0) | p->pt);
	put16(out + 2, p->seq);
	put32(out + 4, p->timestamp);
	put32(out + 8, p->ssrc);
	if (!n)
		return 12;
	for (size_t i = 0; i < n; i++)
		two_byte |= v[i].id > EXT_ONE_BYTE_MAX_ID;
	for (size_t i = 0; i < n; i++)
		at = put_ext(at, v + i, two_byte);
	while ((at - out) % 4)
		*at++ = 0;
	put16(out + 12, two_byte ? EXT_TWO_BYTE : EXT_ONE_BYTE);
	put16(out + 14, (uint16_t)((at - out - 16) / 4));
	return (size_t)(at - out);
}

int packet_send(struct endpoint *to, const struct packet *p, int64_t now_us,
		uint8_t *out, size_t *out_len)
{
	_Alignas(8) uint8_t own[OUT_MAX + SRTP_ROOM];
	uint8_t *buf = out ? out : own;
	size_t len;
	int err;

	if (p->len > DATAGRAM)
		return -EMSGSIZE;
	len = write_header(buf, to, p, now_us);
	if (p->rtx) {
		put16(buf + len, p->original);
		len += 2;
	}
	memcpy(buf + len, p->payload, p->len);
	len += p->len;
	err = srtp_box_protect(to->box, buf, &len);
	if (err) {
		to->f->stats.dropped++;
		return err;
	}
	endpoint_send(to, buf, len);
	to->sent_bytes += len;
	if (out_len)
		*out_len = len;
	return 0;
}

/* ---- numbers in, of sound and pictures ---- */

int track_ahead(struct track *t, uint16_t seq)
{
	int ahead = t->started ? seq_diff(seq, t->top) : 1;

	if (t->started && ahead >= -RESTART)
		return ahead;
	/* It goes on where it was: a receiver's SRTP takes no jump back. */
	if (t->started)
		t->delta = (uint16_t)(seq - 1 - (uint16_t)(t->top - t->delta));
	t->started = true;
	t->delta_from = seq;
	t->top = (uint16_t)(seq - 1);
	t->gaps = 0;
	return 1;
}

/* ---- sound ---- */

/* The number out, or false: the packet is not passed on. */
static bool sound_seq(struct track *t, uint16_t seq, bool silent, uint16_t *out)
{
	int ahead = track_ahead(t, seq);

	if (ahead <= 0) {
		*out = (uint16_t)(seq - t->delta);
		return !silent && seq_diff(seq, t->delta_from) >= 0;
	}
	if (!silent)
		t->silent = 0;
	else if (++t->silent > SILENT_PACKETS) {
		/* Those that are missing in between were silent, too. */
		t->delta = (uint16_t)(t->delta + seq - t->top);
		t->delta_from = (uint16_t)(seq + 1);
		t->top = seq;
		return false;
	}
	t->top = seq;
	*out = (uint16_t)(seq - t->delta);
	return true;
}

static void sound_in(struct track *t, const struct rtp *r, int64_t now_us)
{
	struct endpoint *e = t->owner;
	struct packet p = { .pt = r->pt, .marker = r->marker, .timestamp = r->timestamp,
			    .ssrc = r->ssrc, .payload = r->payload, .len = r->payload_len };
	bool voice;
	int level;

	p.has_level = rtp_audio_level(r, e->cfg.ext_level, &level, &voice);
	if (p.has_level) {
		p.level = (uint8_t)((voice ? 0x80 : 0) | -level);
		dominant_level(e->room->dominant, e, SILENCE + level, now_us);
		forward_wake(e->f, now_us + 40000);
	}
	if (!sound_seq(t, r->seq, p.has_level && -level == SILENCE, &p.seq))
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		struct endpoint *to = e->room->slot[i];
		struct sub *s = t->sub + i;

		if (!to || to == e || !to->box || to->failed || s->excluded)
			continue;
		p.pt = r->pt == e->cfg.pt_opus ? to->cfg.pt_opus : r->pt;
		if (packet_send(to, &p, now_us, NULL, NULL))
			continue;
		s->packets++;
		s->octets += (uint32_t)p.len;
	}
}

/* ---- in ---- */

static void note_tcc(struct endpoint *e, const struct rtp *r, int64_t now_us)
{
	size_t len;
	const uint8_t *v = e->cfg.tcc ? rtp_ext_find(r, e->cfg.ext_tcc, &len) : NULL;

	if (!v || len < 2)
		return;
	if (!e->tcc)
		e->tcc = tcc_new();
	if (!e->tcc)
		return;
	tcc_packet(e->tcc, get16(v), r->marker, now_us);
	e->tcc_media = r->ssrc;
	forward_wake(e->f, tcc_due_us(e->tcc));
}

void endpoint_rtp_in(struct endpoint *e, const uint8_t *in, size_t len, int64_t now_us)
{
	_Alignas(8) uint8_t buf[DATAGRAM];
	struct stream *s;
	struct track *t = endpoint_track(e, get32(in + 8), &s);
	struct rtp r;
	int err;

	if (!t || !e->box || (t->video ? e->muted_video : e->muted_audio)) {
		e->f->stats.dropped++;
		return;
	}
	memcpy(buf, in, len);
	err = srtp_box_unprotect(e->box, buf, &len);
	if (!err && rtp_parse(&r, buf, len))
		err = -EINVAL;          /* its own fault, and nobody else's */
	if (err) {
		endpoint_count_bad(e, err);
		return;
	}
	endpoint_active(e, now_us);
	note_tcc(e, &r, now_us);
	rtp_stats_packet(&s->st, r.seq, r.timestamp, len, now_us, t->video ? VIDEO_HZ : OPUS_HZ);
	if (t->video)
		picture_in(t, s, &r, now_us);
	else
		sound_in(t, &r, now_us);
}
