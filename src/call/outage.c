/* outage.c - how long there was no sound, and why: for people and the dump
 *
 * It begins with the first sign (no answers, a session that ended) and ends
 * with sound; what is learned in between makes the reason better.
 */
#include "call/call_priv.h"

enum { WORTH_TELLING_US = 50000 };

void outage_begin(struct call *c, enum outage why)
{
	/* Without a session there was no sound to lose. */
	if (!c->silent_us && !c->media_up)
		return;
	if (!c->silent_us)
		c->silent_us = c->now_us;
	if (c->outage < why)
		c->outage = why;
}

void outage_forget(struct call *c)
{
	c->silent_us = 0;
	c->outage = OUTAGE_NONE;
}

void outage_end(struct call *c)
{
	static const char *const what[] = {
		[OUTAGE_NONE] = "", [OUTAGE_LINE] = "the line was interrupted; ",
		[OUTAGE_RENEWED] = "the session was renewed; ",
		[OUTAGE_FOCUS] = "the conference has its focus back; ",
		[OUTAGE_BRIDGE] = "the bridge had stopped answering; ",
		[OUTAGE_MOVED] = "the bridge was replaced; ",
	};
	int64_t us = c->silent_us ? c->now_us - c->silent_us : 0;

	if (us > 0) {
		c->count.outages++;
		c->count.outage_us += us;
		if (us > c->count.longest_outage_us)
			c->count.longest_outage_us = us;
	}
	if (us >= WORTH_TELLING_US)
		call_notice(c, "%ssound again after %.1f s", what[c->outage], (double)us / 1e6);
	outage_forget(c);
}
