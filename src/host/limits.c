/* limits.c - token buckets and counts of what was refused */
#include "host/limits.h"
#include "base/log.h"

static void fill(struct bucket *b, unsigned rate, unsigned burst, int64_t now_us)
{
	int64_t most = (int64_t)burst * 1000, passed = now_us - b->at_us;

	if (!b->begun) {
		b->begun = true;
		b->tokens_milli = most;
	} else if (passed > 0) {
		/* An hour fills any bucket, and keeps the product small. */
		passed = passed < 3600000000 ? passed : 3600000000;
		b->tokens_milli += passed * rate / 1000;
		if (b->tokens_milli > most)
			b->tokens_milli = most;
	}
	b->at_us = now_us;
}

bool bucket_take(struct bucket *b, unsigned cost, unsigned rate, unsigned burst, int64_t now_us)
{
	/* What costs more than the bucket holds would never come through. */
	cost = cost < burst ? cost : burst;
	/* Too often asked, a moment adds less than a thousandth: wait for one. */
	if (!b->begun || (now_us - b->at_us) * (int64_t)rate >= 1000)
		fill(b, rate, burst, now_us);
	if (b->tokens_milli < (int64_t)cost * 1000)
		return false;
	b->tokens_milli -= (int64_t)cost * 1000;
	return true;
}

int64_t bucket_when(const struct bucket *b, unsigned cost, unsigned rate, int64_t now_us)
{
	int64_t missing = (int64_t)cost * 1000 - b->tokens_milli;

	return missing <= 0 ? now_us : b->at_us + missing * 1000 / rate + 1000;
}

static const struct { const char *name, *text; } names[NOTICES] = {
	[NOTICE_MALFORMED] = { "malformed", "sent what is no XML" },
	[NOTICE_OVERSIZE] = { "oversize", "sent a stanza that is too large" },
	[NOTICE_THROTTLED] = { "throttled", "sends faster than it may and has to wait" },
	[NOTICE_FLOOD] = { "flood", "goes on sending faster than it may: closed" },
	[NOTICE_HALF_OPEN] = { "half_open", "connected and did not log in: closed" },
	[NOTICE_DEAF] = { "deaf", "does not take what it is sent: closed" },
	[NOTICE_FORGED] = { "forged", "sent what only the server says: left out" },
	[NOTICE_OUTSIDER] = { "outsider", "sent to a room that it is not in" },
	[NOTICE_ROOMS] = { "rooms", "asked for one room too many" },
	[NOTICE_SOURCES] = { "sources", "named sources that are not valid" },
	[NOTICE_ACKS] = { "acks", "acknowledges what was never sent" },
	[NOTICE_CHANNEL] = { "channel", "asked for a bridge channel that is not its own" },
};

const char *notice_name(enum notice what)
{
	return names[what].name;
}

void notice(struct notices *n, enum notice what, const char *who)
{
	if (!n->count[what]++)
		log_warn("host", "%s %s (said once, counted in /stats)", who, names[what].text);
}
