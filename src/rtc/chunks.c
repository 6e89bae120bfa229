/* chunks.c - is this an SCTP packet that may be given to the library?
 *
 * usrsctp was written for all of SCTP, and a peer that may send it anything
 * can do harm: a parameter of length 0 in an INIT held version 0.9.5 in a loop
 * for ever.  So a packet is measured first, whole, and what data channels do
 * not use (RFC 8831 section 5) does not get in: addresses, authentication,
 * lost packets handed back, ECN.  A packet that breaks a rule is dropped; an
 * honest peer sends none.
 */
#include "rtc/chunks.h"
#include <string.h>
#include "rtc/wire.h"

enum {
	HEADER = 12, ITEM = 4,          /* common header; type, flags, length */
	CHUNKS_MAX = 200, ITEMS_MAX = 32,
	/* RFC 9260 section 3.2 */
	DATA = 0, INIT = 1, INIT_ACK = 2, SACK = 3, HEARTBEAT = 4, HEARTBEAT_ACK = 5, ABORT = 6,
	SHUTDOWN = 7, SHUTDOWN_ACK = 8, ERROR = 9, COOKIE_ECHO = 10, COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
	RECONFIG = 130,                 /* RFC 6525 */
	FORWARD_TSN = 192,              /* RFC 3758 */
	/* parameters: sections 3.3.2.1, 3.3.3.1 */
	HEARTBEAT_INFO = 1, IPV4 = 5, IPV6 = 6, COOKIE = 7, HOST_NAME = 11,
	RESET_OUT = 13, RESET_IN = 14, RESET_ANSWER = 16,
};

/* Length of the item at p, header included; 0: it does not fit. */
static size_t item_len(const uint8_t *p, size_t left)
{
	size_t n = left < ITEM ? 0 : get16(p + 2);

	return n < ITEM || n > left ? 0 : n;
}

/* Up to the next multiple of four; the last one need not be padded. */
static size_t padded(size_t n, size_t left)
{
	size_t all = (n + 3) & ~(size_t)3;

	return all < left ? all : left;
}

/* A list of items, each of which ok() likes. */
static bool items_ok(const uint8_t *p, size_t len, bool (*ok)(unsigned type, size_t len))
{
	for (unsigned count = 0; len; count++) {
		size_t n = item_len(p, len), step = padded(n, len);

		if (!n || count == ITEMS_MAX || (ok && !ok(get16(p), n)))
			return false;
		p += step;
		len -= step;
	}
	return true;
}

static bool param_ok(unsigned type, size_t len)
{
	/* There are no addresses behind DTLS. */
	return type != IPV4 && type != IPV6 && type != HOST_NAME && (type != COOKIE || len > ITEM);
}

static bool request_ok(unsigned type, size_t len)
{
	switch (type) {
	case RESET_OUT:
		return len >= 16 && !(len % 2);
	case RESET_IN:
		return len >= 8 && !(len % 2);
	case RESET_ANSWER:
		return len == 12 || len == 20;
	default:
		return false;           /* nobody adds streams or begins numbers anew */
	}
}

static bool is_init(const uint8_t *p, size_t len)
{
	/* Tag and both numbers of streams are not 0 (section 3.3.2). */
	return len >= 20 && get32(p + 4) && get16(p + 12) && get16(p + 14) &&
	       items_ok(p + 20, len - 20, param_ok);
}

static bool is_heartbeat(const uint8_t *p, size_t len)
{
	return len >= 8 && get16(p + 4) == HEARTBEAT_INFO && item_len(p + 4, len - 4) == len - 4;
}

static bool is_sack(const uint8_t *p, size_t len)
{
	return len >= 16 && len == 16 + 4 * ((size_t)get16(p + 12) + get16(p + 14));
}

static bool chunk_ok(const uint8_t *p, size_t len)
{
	switch (p[0]) {
	case DATA:
		return len > 16;
	case INIT: case INIT_ACK:
		return is_init(p, len);
	case SACK:
		return is_sack(p, len);
	case HEARTBEAT: case HEARTBEAT_ACK:
		return is_heartbeat(p, len);
	case ABORT: case ERROR:
		return items_ok(p + ITEM, len - ITEM, NULL);
	case SHUTDOWN:
		return len == 8;
	case SHUTDOWN_ACK: case SHUTDOWN_COMPLETE: case COOKIE_ACK:
		return len == ITEM;
	case COOKIE_ECHO:
		return len > ITEM;
	case RECONFIG:
		return len >= 8 && items_ok(p + ITEM, len - ITEM, request_ok);
	case FORWARD_TSN:
		return len >= 8 && !(len % 4);
	default:
		return false;
	}
}

/* Section 3: INIT, INIT ACK and SHUTDOWN COMPLETE come alone. */
static bool comes_alone(uint8_t type)
{
	return type == INIT || type == INIT_ACK || type == SHUTDOWN_COMPLETE;
}

bool chunks_ok(const uint8_t *p, size_t len)
{
	unsigned count = 0;
	bool alone = false;

	if (len < HEADER + ITEM || len > UINT16_MAX)
		return false;
	p += HEADER;
	len -= HEADER;
	while (len) {
		size_t n = item_len(p, len), step = padded(n, len);

		if (!n || count++ == CHUNKS_MAX || alone || !chunk_ok(p, n))
			return false;
		alone = comes_alone(p[0]);
		if (alone && count > 1)
			return false;
		p += step;
		len -= step;
	}
	return true;
}
