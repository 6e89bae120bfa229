/* limits.h - what one client may ask of the host, and a count of who asks more */
#ifndef HOST_LIMITS_H
#define HOST_LIMITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LIMIT_STANZA_BYTES = 256 << 10, /* a session-accept with simulcast has 10 to 40 KiB */
	LIMIT_RELAYED_BYTES = 64 << 10, /* of a presence or message: it is kept, and sent to all */
	LIMIT_STANZA_NODES = 8000,
	LIMIT_STANZA_DEPTH = 24,
	LIMIT_STANZA_BURST = 120,       /* browsers begin with some 20 */
	LIMIT_STANZAS_PER_S = 25,
	LIMIT_COST_BYTES = 8192,        /* so many count as one stanza more */
	LIMIT_BACKLOG = 300,            /* stanzas that wait for their turn */
	LIMIT_BACKLOG_BYTES = 1 << 20,
	LIMIT_QUEUED_BYTES = 3 << 20,   /* not yet taken by the client */
	LIMIT_CONNECTIONS = 256,        /* of one address: 20 people behind one have 60 */
	LIMIT_ROOMS_EACH = 4,           /* that one client may be in */
	LIMIT_SM_STANZAS = 500,         /* not acknowledged; then it cannot be resumed */
	LIMIT_SM_BYTES = 512 << 10,
	LIMIT_ASLEEP = 100,             /* streams without a socket that are kept */
	LIMIT_ASLEEP_EACH = 40,         /* of one address */
	LIMIT_HTTP_BODY = 16384,
	LIMIT_CHANNEL_BYTES = 64 << 10, /* of a message on the bridge channel */
	LIMIT_CHANNEL_BURST = 200,
	LIMIT_CHANNEL_PER_S = 50,
};
#define LIMIT_HALF_OPEN_US 10000000     /* from the connection to the bound stream */
#define LIMIT_ASLEEP_US 60000000        /* as Jitsi's servers have it */

/* Fills by `rate` a second up to `burst`. Zero it and it is full at first use. */
struct bucket { int64_t tokens_milli, at_us; bool begun; };

/* Takes cost tokens if they are there. */
bool bucket_take(struct bucket *b, unsigned cost, unsigned rate, unsigned burst, int64_t now_us);
/* When cost tokens will be there. */
int64_t bucket_when(const struct bucket *b, unsigned cost, unsigned rate, int64_t now_us);

/* What is refused is counted, and logged the first time. */
enum notice {
	NOTICE_MALFORMED,       /* XML that is none */
	NOTICE_OVERSIZE,
	NOTICE_THROTTLED,
	NOTICE_FLOOD,           /* throttled and still at it: closed */
	NOTICE_HALF_OPEN,
	NOTICE_DEAF,            /* does not take what it is sent */
	NOTICE_FORGED,          /* injected muc#user and the like */
	NOTICE_OUTSIDER,        /* a stanza to a room that the sender is not in */
	NOTICE_ROOMS,           /* one room too many */
	NOTICE_SOURCES,         /* sources that did not validate */
	NOTICE_CHANNEL,         /* refused bridge channel */
	NOTICE_ACKS,            /* acknowledged what was never sent */
	NOTICES
};
struct notices { uint64_t count[NOTICES]; };

void notice(struct notices *n, enum notice what, const char *who);
const char *notice_name(enum notice what);

#endif
