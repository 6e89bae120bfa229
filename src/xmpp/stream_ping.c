/* stream_ping.c - is the server still there?
 *
 * Whoever says nothing for a while is asked; two questions without an answer,
 * and the stream is dead, unless the socket's other end still acknowledges what
 * we send: then the line is slow, and the server gets more time.
 */
#include "xmpp/ns.h"
#include "xmpp/stream_priv.h"

enum {
	ACKED_US = 15000000,    /* the socket lives, */
	PATIENCE_US = 60000000, /* and so long a server may say nothing on it */
};

/* Its machine acknowledges what we send: the line is slow, not cut. */
static bool is_slow(const struct xmpp_stream *s)
{
	return s->acked_us && s->now_us - s->acked_us < ACKED_US && s->now_us - s->heard_us < PATIENCE_US;
}

static void on_pong(void *ctx, const struct xml *answer)
{
	struct xmpp_stream *s = ctx;

	s->pinging = false;
	if (!answer && s->heard_us > s->pinged_us)
		return;         /* it spoke of something else meanwhile */
	/* An error is an answer of somebody who lives. */
	if (answer) {
		s->failures = 0;
		return;
	}
	if (s->failures + 1 >= s->ping_failures && is_slow(s))
		return;
	if (++s->failures >= s->ping_failures)
		stream_fail(s, XMPP_DEAD, "the server does not answer any more");
}

static void send_ping(struct xmpp_stream *s, int64_t now_us)
{
	struct xml *iq = xmpp_iq_new("get", s->domain);

	xml_add(iq, "ping", NS_PING);
	s->pinged_us = now_us;
	if (s->asked_us <= s->heard_us)
		s->asked_us = now_us;
	s->pinging = !xmpp_stream_iq(s, &iq, s->ping_timeout_us, now_us, on_pong, s);
}

void xmpp_stream_acked(struct xmpp_stream *s, int64_t acked_us)
{
	s->acked_us = acked_us;
}

int64_t xmpp_stream_waits_us(const struct xmpp_stream *s, int64_t now_us)
{
	return s->asked_us > s->heard_us ? now_us - s->asked_us : 0;
}

void xmpp_stream_probe(struct xmpp_stream *s, int64_t now_us)
{
	if (s->phase != READY)
		return;
	if (s->failures + 1 < s->ping_failures)
		s->failures = s->ping_failures - 1;
	if (!s->pinging)
		send_ping(s, now_us);
}

void stream_ping(struct xmpp_stream *s, int64_t now_us)
{
	s->ping_at_us = now_us + s->ping_interval_us;
	/* Whoever was heard since the last look need not be asked. */
	if (s->pinging || now_us - s->heard_us < s->ping_interval_us) {
		if (!s->pinging)
			s->ping_at_us = s->heard_us + s->ping_interval_us;
		return;
	}
	send_ping(s, now_us);
}
