/* rtp.c - RTP packets, parser and writer
 *
 * The parser lends: everything it gives points into the packet.  It checks
 * every length once, in rtp_parse(); what comes later walks inside those
 * bounds.  Extensions are looked up by walking, not unpacked into a table:
 * a packet is asked for one or two of them.
 */
#include "rtc/rtp.h"
#include <errno.h>
#include <string.h>
#include "rtc/wire.h"

enum {
	RTP_FIXED = 12,         /* RFC 3550 section 5.1 */
	EXT_ONE_BYTE = 0xBEDE,  /* RFC 8285 section 4.2 */
	EXT_TWO_BYTE = 0x1000,  /* section 4.3; the low 4 bits are "appbits" */
	EXT_ONE_BYTE_MAX_ID = 14,
};

enum packet_kind packet_classify(const uint8_t *p, size_t len)
{
	if (len < 1)
		return PACKET_UNKNOWN;
	/* RFC 7983 section 7. */
	if (p[0] <= 3)
		return len >= 20 ? PACKET_STUN : PACKET_UNKNOWN;
	if (p[0] >= 20 && p[0] <= 63)
		return len >= 13 ? PACKET_DTLS : PACKET_UNKNOWN;
	if (p[0] < 128 || p[0] > 191 || len < 8)
		return PACKET_UNKNOWN;
	/* RFC 5761 section 4: 64 to 95 with the marker's bit are RTCP's. */
	if (p[1] >= 192 && p[1] <= 223)
		return PACKET_RTCP;
	return len >= RTP_FIXED ? PACKET_RTP : PACKET_UNKNOWN;
}

int rtp_parse(struct rtp *out, const uint8_t *p, size_t len)
{
	size_t at, padding = 0;

	memset(out, 0, sizeof(*out));
	if (len < RTP_FIXED || p[0] >> 6 != 2)
		return -EBADMSG;
	out->marker = p[1] & 0x80;
	out->pt = p[1] & 0x7F;
	out->seq = get16(p + 2);
	out->timestamp = get32(p + 4);
	out->ssrc = get32(p + 8);
	at = RTP_FIXED + 4 * (size_t)(p[0] & 0x0F);
	if (p[0] & 0x10) {
		if (len < at + 4)
			return -EBADMSG;
		out->ext_profile = get16(p + at);
		out->ext_len = 4 * (size_t)get16(p + at + 2);
		out->ext = p + at + 4;
		at += 4 + out->ext_len;
	}
	if (len < at)
		return -EBADMSG;
	if (p[0] & 0x20) {
		padding = len > at ? p[len - 1] : 0;
		if (!padding || padding > len - at)
			return -EBADMSG;
	}
	out->header_len = at;
	out->payload = p + at;
	out->payload_len = len - at - padding;
	return 0;
}

static const uint8_t *find_one_byte(const struct rtp *r, uint8_t id, size_t *len)
{
	const uint8_t *p = r->ext, *end = p + r->ext_len;

	while (p < end) {
		uint8_t this_id = *p >> 4;
		size_t n = (size_t)(*p & 0x0F) + 1;

		if (*p == 0) {          /* padding */
			p++;
			continue;
		}
		/* RFC 8285 section 4.2: 15 ends the processing. */
		if (this_id == 15 || n > (size_t)(end - p) - 1)
			return NULL;
		if (this_id == id) {
			*len = n;
			return p + 1;
		}
		p += 1 + n;
	}
	return NULL;
}

static const uint8_t *find_two_byte(const struct rtp *r, uint8_t id, size_t *len)
{
	const uint8_t *p = r->ext, *end = p + r->ext_len;

	while (p < end) {
		if (*p == 0) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] > end - p - 2)
			return NULL;
		if (*p == id) {
			*len = p[1];
			return p + 2;
		}
		p += 2 + p[1];
	}
	return NULL;
}

const uint8_t *rtp_ext_find(const struct rtp *r, uint8_t id, size_t *len)
{
	*len = 0;
	if (!r->ext || !id)
		return NULL;
	if (r->ext_profile == EXT_ONE_BYTE)
		return find_one_byte(r, id, len);
	if ((r->ext_profile & 0xFFF0) == EXT_TWO_BYTE)
		return find_two_byte(r, id, len);
	return NULL;
}

bool rtp_audio_level(const struct rtp *r, uint8_t id, int *level, bool *voice)
{
	size_t len;
	const uint8_t *p = rtp_ext_find(r, id, &len);

	if (!p || len < 1)
		return false;
	*level = -(int)(*p & 0x7F);
	*voice = *p & 0x80;
	return true;
}

size_t rtp_write_header(uint8_t *out, uint8_t pt, bool marker, uint16_t seq,
			uint32_t timestamp, uint32_t ssrc,
			uint8_t level_id, int level, bool voice)
{
	uint8_t value;

	out[0] = (uint8_t)(0x80 | (level_id ? 0x10 : 0));
	out[1] = (uint8_t)((marker ? 0x80 : 0) | (pt & 0x7F));
	put16(out + 2, seq);
	put32(out + 4, timestamp);
	put32(out + 8, ssrc);
	if (!level_id)
		return RTP_FIXED;

	/* RFC 6464 section 3: V, then the level in -dBov. */
	level = level > 0 ? 0 : level < -127 ? -127 : level;
	value = (uint8_t)((voice ? 0x80 : 0) | -level);
	put16(out + 14, 1);             /* words */
	if (level_id <= EXT_ONE_BYTE_MAX_ID) {
		put16(out + 12, EXT_ONE_BYTE);
		out[16] = (uint8_t)(level_id << 4);
		out[17] = value;
		out[18] = 0;
	} else {
		put16(out + 12, EXT_TWO_BYTE);
		out[16] = level_id;
		out[17] = 1;
		out[18] = value;
	}
	out[19] = 0;
	return RTP_FIXED + 8;
}

/* Looks through the headers: where the data begins, how much of it is old. */
static int red_measure(const uint8_t *p, size_t len, size_t *header, size_t *old)
{
	size_t at = 0;

	*old = 0;
	while (at < len && p[at] & 0x80) {
		if (len - at < 4)
			return -EBADMSG;
		*old += get16(p + at + 2) & 0x3FF;
		at += 4;
	}
	if (at >= len || *old > len - at - 1)
		return -EBADMSG;
	*header = at + 1;
	return 0;
}

int rtp_red_parse(const uint8_t *p, size_t len, uint32_t timestamp,
		  void (*fn)(void *ctx, uint8_t pt, uint32_t timestamp,
			     const uint8_t *p, size_t len, bool primary),
		  void *ctx)
{
	const uint8_t *h = p, *data;
	size_t header, old;
	int err = red_measure(p, len, &header, &old);

	if (err)
		return err;
	data = p + header;
	/* RFC 2198 section 3: F, PT, 14 bits of offset back, 10 of length. */
	for (; *h & 0x80; h += 4) {
		size_t n = get16(h + 2) & 0x3FF;

		fn(ctx, *h & 0x7F, timestamp - (get32(h) >> 10 & 0x3FFF), data, n, false);
		data += n;
	}
	fn(ctx, *h & 0x7F, timestamp, data, len - header - old, true);
	return 0;
}

int rtp_red_write_header(uint8_t *out, uint8_t pt, uint32_t age, size_t old_len)
{
	/* RFC 2198, section 3: 14 bits of timestamp offset, 10 bits of length. */
	if (!age || age >= 1 << 14 || old_len >= 1 << 10)
		return -EINVAL;
	out[0] = (uint8_t)(0x80 | (pt & 0x7F));
	out[1] = (uint8_t)(age >> 6);
	out[2] = (uint8_t)(age << 2 | old_len >> 8);
	out[3] = (uint8_t)old_len;
	out[4] = pt & 0x7F;
	return 0;
}
