/* turn_msg.c - what a relay and its client say to each other, looked at */
#include "rtc/turn_msg.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "rtc/wire.h"

enum {
	HEADER = 20, CHANNEL_HEADER = 4,
	COOKIE = 0x2112A442,            /* RFC 8489 section 5 */
	ATTR_USERNAME = 0x0006, ATTR_ERROR = 0x0009, ATTR_LIFETIME = 0x000D,
	ATTR_RELAYED = 0x0016,
	FAMILY_V4 = 1, FAMILY_V6 = 2,
};

static bool is_channel(uint8_t first)
{
	return first >= 0x40 && first <= 0x7F;  /* RFC 8656 section 12: 0x4000 to 0x4FFF, older to 0x7FFF */
}

static void take_error(struct turn_msg *out, const uint8_t *p, size_t n)
{
	size_t k = 0;

	if (n < 4)
		return;
	out->error = (p[2] & 7u) * 100 + p[3] % 100;
	for (size_t i = 4; i < n && k + 1 < sizeof(out->reason); i++)
		if (p[i] >= ' ' && p[i] < 127)
			out->reason[k++] = (char)p[i];
	out->reason[k] = 0;
}

/* RFC 8489 section 14.2: mixed with cookie and id. */
static void take_relayed(struct turn_msg *out, const uint8_t *msg, const uint8_t *p, size_t n)
{
	uint8_t ip[16];
	char text[INET6_ADDRSTRLEN];
	bool v6 = n >= 20 && p[1] == FAMILY_V6;
	unsigned port;

	if (n < 8 || (p[1] != FAMILY_V4 && !v6))
		return;
	port = get16(p + 2) ^ (COOKIE >> 16);
	for (size_t i = 0; i < (v6 ? 16u : 4u); i++)
		ip[i] = p[4 + i] ^ msg[4 + i];
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip, text, sizeof(text));
	snprintf(out->relayed, sizeof(out->relayed), v6 ? "[%s]:%u" : "%s:%u", text, port);
}

static void take(struct turn_msg *out, const uint8_t *msg, unsigned type, const uint8_t *p, size_t n)
{
	if (type == ATTR_USERNAME)
		out->has_username = true;
	else if (type == ATTR_ERROR)
		take_error(out, p, n);
	else if (type == ATTR_LIFETIME && n == 4)
		out->gives_back = get32(p) == 0;
	else if (type == ATTR_RELAYED)
		take_relayed(out, msg, p, n);
}

static enum turn_kind kind_of(unsigned type)
{
	return (enum turn_kind)((type >> 4 & 1) | (type >> 7 & 2));
}

int turn_msg_parse(struct turn_msg *out, const uint8_t *p, size_t len)
{
	unsigned type;

	memset(out, 0, sizeof(*out));
	if (len >= CHANNEL_HEADER && is_channel(p[0])) {
		out->kind = TURN_CHANNEL;
		return get16(p + 2) <= len - CHANNEL_HEADER ? 0 : -EBADMSG;
	}
	if (len < HEADER || p[0] & 0xC0 || get32(p + 4) != COOKIE || get16(p + 2) != len - HEADER)
		return -EBADMSG;
	type = get16(p);
	out->kind = kind_of(type);
	out->method = (type & 0xF) | (type >> 1 & 0x70) | (type >> 2 & 0xF80);
	memcpy(out->id, p + 8, TURN_ID);
	for (size_t at = HEADER; at < len;) {
		size_t n, padded;

		if (len - at < 4)
			return -EBADMSG;
		n = get16(p + at + 2);
		padded = (n + 3) / 4 * 4;
		if (padded > len - at - 4)
			return -EBADMSG;
		take(out, p, get16(p + at), p + at + 4, n);
		at += 4 + padded;
	}
	return 0;
}

int turn_msg_frame(const uint8_t *p, size_t have, size_t *len)
{
	size_t all;

	if (have < CHANNEL_HEADER)
		return 0;
	if (is_channel(p[0])) {
		*len = CHANNEL_HEADER + (size_t)get16(p + 2);
		all = (*len + 3) / 4 * 4;       /* RFC 8656 section 12.5: padded in streams */
	} else if (!(p[0] & 0xC0) && get16(p + 2) % 4 == 0) {
		*len = all = HEADER + (size_t)get16(p + 2);
	} else {
		return -EBADMSG;
	}
	if (all > TURN_MESSAGE_MAX)
		return -EBADMSG;
	return have < all ? 0 : (int)all;
}
