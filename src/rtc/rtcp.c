/* rtcp.c - RTCP packets, parser and writer
 *
 * The parser walks a compound and gives one packet at a time, with pointers
 * into it.  A packet whose inner lengths do not fit ends the walk: what
 * stands behind it cannot be trusted to be where it says.
 */
#include "rtc/rtcp.h"
#include <errno.h>
#include <string.h>
#include "rtc/wire.h"

enum {
	PT_SR = 200, PT_RR = 201, PT_SDES = 202, PT_BYE = 203, /* RFC 3550 section 12.1 */
	PT_RTPFB = 205, PT_PSFB = 206,                  /* RFC 4585 section 6.1 */
	FMT_NACK = 1,                                   /* section 6.2.1 */
	FMT_TCC = 15,           /* draft-holmer-rmcat-transport-wide-cc-01 section 3.1 */
	FMT_PLI = 1,                                    /* RFC 4585 section 6.3.1 */
	FMT_FIR = 4,                                    /* RFC 5104 section 4.3.1 */
	FMT_AFB = 15,                                   /* RFC 4585 section 6.4 */
	REPORT = 24,
	MAX_REPORTS = 31,       /* the count has 5 bits */
};

/* ---- parser ---- */

static int parse_sr(struct rtcp_packet *o, const uint8_t *p, size_t len)
{
	o->kind = RTCP_SR;
	if (len < 28 + REPORT * o->reports)
		return -EBADMSG;
	o->ssrc = get32(p + 4);
	o->ntp = (uint64_t)get32(p + 8) << 32 | get32(p + 12);
	o->rtp_timestamp = get32(p + 16);
	o->packets = get32(p + 20);
	o->octets = get32(p + 24);
	return 0;
}

static int parse_rr(struct rtcp_packet *o, const uint8_t *p, size_t len)
{
	o->kind = RTCP_RR;
	if (len < 8 + REPORT * o->reports)
		return -EBADMSG;
	o->ssrc = get32(p + 4);
	return 0;
}

static enum rtcp_kind feedback_kind(uint8_t pt, unsigned fmt, const uint8_t *body, size_t len)
{
	if (pt == PT_RTPFB)
		return fmt == FMT_NACK ? RTCP_NACK : fmt == FMT_TCC ? RTCP_TCC : RTCP_OTHER;
	if (fmt == FMT_PLI)
		return RTCP_PLI;
	if (fmt == FMT_FIR)
		return RTCP_FIR;
	if (fmt == FMT_AFB && len >= 4 && !memcmp(body, "REMB", 4))
		return RTCP_REMB;
	return RTCP_OTHER;
}

static int parse_feedback(struct rtcp_packet *o, const uint8_t *p, size_t len)
{
	if (len < 12)
		return -EBADMSG;
	o->ssrc = get32(p + 4);
	o->media_ssrc = get32(p + 8);
	o->body = p + 12;
	o->body_len = len - 12;
	o->kind = feedback_kind(p[1], p[0] & 0x1F, o->body, o->body_len);
	/* RFC 5104 section 4.3.1.2: the stream stands in the entries, the
	 * field of the header is not used. */
	if (o->kind == RTCP_FIR && o->body_len >= 8)
		o->media_ssrc = get32(o->body);
	return 0;
}

static int parse_one(struct rtcp_packet *o, const uint8_t *p, size_t len)
{
	unsigned count = p[0] & 0x1F;

	switch (p[1]) {
	case PT_SR:
		o->reports = count;
		return parse_sr(o, p, len);
	case PT_RR:
		o->reports = count;
		return parse_rr(o, p, len);
	case PT_SDES:
	case PT_BYE:
		o->kind = p[1] == PT_BYE ? RTCP_BYE : RTCP_SDES;
		if (!count)
			return 0;
		if (len < 8)
			return -EBADMSG;
		o->ssrc = get32(p + 4);
		return 0;
	case PT_RTPFB:
	case PT_PSFB:
		return parse_feedback(o, p, len);
	default:
		o->kind = RTCP_OTHER;
		if (len >= 8)
			o->ssrc = get32(p + 4);
		return 0;
	}
}

int rtcp_parse(const uint8_t *p, size_t len,
	       void (*fn)(void *ctx, const struct rtcp_packet *p), void *ctx)
{
	int n = 0;

	while (len) {
		struct rtcp_packet o = {0};
		size_t whole, used;

		if (len < 4 || p[0] >> 6 != 2)
			return -EBADMSG;
		whole = used = 4 * ((size_t)get16(p + 2) + 1);
		if (whole > len)
			return -EBADMSG;
		if (p[0] & 0x20) {
			/* RFC 3550 section 6.4.1: the last octet counts the padding. */
			if (!p[whole - 1] || p[whole - 1] > whole - 4)
				return -EBADMSG;
			used -= p[whole - 1];
		}
		o.raw = p;
		o.raw_len = whole;
		if (parse_one(&o, p, used))
			return -EBADMSG;
		fn(ctx, &o);
		n++;
		p += whole;
		len -= whole;
	}
	return n;
}

int rtcp_report_get(const struct rtcp_packet *p, size_t i, struct rtcp_report *out)
{
	const uint8_t *b;

	if (i >= p->reports)
		return -ENOENT;
	b = p->raw + (p->kind == RTCP_SR ? 28 : 8) + REPORT * i;
	out->ssrc = get32(b);
	out->fraction = b[4];
	out->lost = (int32_t)(get32(b + 4) << 8) / 256; /* 24 bits with a sign */
	out->highest_seq = get32(b + 8);
	out->jitter = get32(b + 12);
	out->lsr = get32(b + 16);
	out->dlsr = get32(b + 20);
	return 0;
}

void rtcp_nack_each(const struct rtcp_packet *p, void (*fn)(void *ctx, uint16_t seq), void *ctx)
{
	if (p->kind != RTCP_NACK)
		return;
	for (size_t at = 0; at + 4 <= p->body_len; at += 4) {
		uint16_t pid = get16(p->body + at), blp = get16(p->body + at + 2);

		fn(ctx, pid);
		for (unsigned i = 0; i < 16; i++)
			if (blp >> i & 1)
				fn(ctx, (uint16_t)(pid + i + 1));
	}
}

/* ---- writers ---- */

/* Takes n bytes at the end, writes the header; NULL where it does not fit. */
static uint8_t *begin(uint8_t *out, size_t size, size_t *len, unsigned count, uint8_t pt, size_t n)
{
	uint8_t *p = out + *len;

	if (*len > size || n > size - *len)
		return NULL;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = pt;
	put16(p + 2, (uint16_t)(n / 4 - 1));
	*len += n;
	return p;
}

static void put_report(uint8_t *b, const struct rtcp_report *r)
{
	int32_t lost = r->lost;

	/* RFC 3550 appendix A.3 clamps to what 24 bits hold. */
	lost = lost > 0x7FFFFF ? 0x7FFFFF : lost < -0x800000 ? -0x800000 : lost;
	put32(b, r->ssrc);
	put32(b + 4, (uint32_t)lost & 0xFFFFFF);
	b[4] = r->fraction;
	put32(b + 8, r->highest_seq);
	put32(b + 12, r->jitter);
	put32(b + 16, r->lsr);
	put32(b + 20, r->dlsr);
}

int rtcp_write_sr(uint8_t *out, size_t size, size_t *len, const struct rtcp_sender *s,
		  const struct rtcp_report *r, size_t n)
{
	uint8_t *p;

	if (n > MAX_REPORTS)
		return -EINVAL;
	p = begin(out, size, len, (unsigned)n, PT_SR, 28 + REPORT * n);
	if (!p)
		return -ENOSPC;
	put32(p + 4, s->ssrc);
	put32(p + 8, (uint32_t)(s->ntp >> 32));
	put32(p + 12, (uint32_t)s->ntp);
	put32(p + 16, s->rtp_timestamp);
	put32(p + 20, s->packets);
	put32(p + 24, s->octets);
	for (size_t i = 0; i < n; i++)
		put_report(p + 28 + REPORT * i, r + i);
	return 0;
}

int rtcp_write_rr(uint8_t *out, size_t size, size_t *len, uint32_t ssrc,
		  const struct rtcp_report *r, size_t n)
{
	uint8_t *p;

	if (n > MAX_REPORTS)
		return -EINVAL;
	p = begin(out, size, len, (unsigned)n, PT_RR, 8 + REPORT * n);
	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	for (size_t i = 0; i < n; i++)
		put_report(p + 8 + REPORT * i, r + i);
	return 0;
}

int rtcp_write_sdes(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, const char *cname)
{
	size_t n = strlen(cname), whole;
	uint8_t *p;

	if (n > 255)
		return -EINVAL;
	/* RFC 3550 section 6.5: items end with a null, then up to a word. */
	whole = (4 + 4 + 2 + n + 1 + 3) / 4 * 4;
	p = begin(out, size, len, 1, PT_SDES, whole);
	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	memset(p + 8, 0, whole - 8);
	p[8] = 1;               /* CNAME */
	p[9] = (uint8_t)n;
	memcpy(p + 10, cname, n);
	return 0;
}

int rtcp_write_bye(uint8_t *out, size_t size, size_t *len, uint32_t ssrc)
{
	uint8_t *p = begin(out, size, len, 1, PT_BYE, 8);

	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	return 0;
}

int rtcp_write_pli(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media)
{
	uint8_t *p = begin(out, size, len, FMT_PLI, PT_PSFB, 12);

	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	put32(p + 8, media);
	return 0;
}

int rtcp_write_fir(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		   uint8_t seq)
{
	uint8_t *p = begin(out, size, len, FMT_FIR, PT_PSFB, 20);

	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	put32(p + 8, 0);
	put32(p + 12, media);
	put32(p + 16, (uint32_t)seq << 24);
	return 0;
}

/* How many numbers from seq[i] on one PID with its BLP takes. */
static size_t nack_group(const uint16_t *seq, size_t n, uint16_t *blp)
{
	size_t i;

	*blp = 0;
	for (i = 1; i < n; i++) {
		unsigned d = (uint16_t)(seq[i] - seq[0]);

		if (d < 1 || d > 16)
			break;
		*blp |= (uint16_t)(1u << (d - 1));
	}
	return i;
}

int rtcp_write_nack(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		    const uint16_t *seq, size_t n)
{
	size_t groups = 0;
	uint16_t blp;
	uint8_t *p;

	for (size_t i = 0; i < n; i += nack_group(seq + i, n - i, &blp))
		groups++;
	if (!groups)
		return -EINVAL;
	p = begin(out, size, len, FMT_NACK, PT_RTPFB, 12 + 4 * groups);
	if (!p)
		return -ENOSPC;
	put32(p + 4, ssrc);
	put32(p + 8, media);
	p += 12;
	for (size_t i = 0; i < n; p += 4) {
		size_t took = nack_group(seq + i, n - i, &blp);

		put16(p, seq[i]);
		put16(p + 2, blp);
		i += took;
	}
	return 0;
}

uint64_t rtcp_ntp(int64_t wall_us)
{
	enum { SECONDS_1900_TO_1970 = 2208988800u };
	uint64_t s = (uint64_t)(wall_us / 1000000) + SECONDS_1900_TO_1970;
	uint64_t us = (uint64_t)(wall_us % 1000000);

	return s << 32 | (us << 32) / 1000000;
}
