/* peer_channel.c - the bridge's data channel inside a media session
 *
 *	text -> data channel -> SCTP -> DTLS application data -> transport
 *
 * It is there for those alone who ask for it; packets of a bridge that begins
 * an association nobody wants are dropped.  Whatever becomes of it, the sound
 * goes on.
 */
#include "rtc/peer_priv.h"
#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

static void on_send(void *ctx, const uint8_t *buf, size_t len)
{
	struct peer *p = ctx;

	if (dtls_send(p->dtls, buf, len))
		log_debug("rtc", "a packet of the data channel was not sent");
}

static void tell(struct peer *p, bool open, bool over, const char *why)
{
	log_debug("rtc", "data channel: %s%s%s", open ? "open" : "closed", *why ? ": " : "", why);
	if (p->ev.channel)
		p->ev.channel(p->ctx, open, over, why);
}

static void on_open(void *ctx)
{
	tell(ctx, true, false, "");
}

static void on_closed(void *ctx, bool over, const char *why)
{
	tell(ctx, false, over, why);
}

static void on_text(void *ctx, const char *text, size_t len)
{
	struct peer *p = ctx;

	if (p->ev.text)
		p->ev.text(p->ctx, text, len);
}

int peer_channel_open(struct peer *p, uint16_t port, int64_t now_us)
{
	static const struct data_channel_events ev = { on_send, on_open, on_closed, on_text };
	struct data_channel_config cfg = {
		.port = port, .opener = true, .dtls_client = p->dtls_client
	};
	int err;

	data_channel_free(&p->channel);
	err = data_channel_new(&p->channel, &cfg, &ev, p);
	if (!err && p->box)
		err = data_channel_start(p->channel, now_us);
	return err;
}

void peer_channel_start(struct peer *p)
{
	if (p->channel)
		data_channel_start(p->channel, p->heard_us);
}

void peer_channel_in(struct peer *p, const uint8_t *buf, size_t len)
{
	if (p->channel)
		data_channel_input(p->channel, buf, len, p->heard_us);
}

int peer_channel_send(struct peer *p, const char *text, size_t len, int64_t now_us)
{
	return p->channel ? data_channel_send(p->channel, text, len, now_us) : -ENOTCONN;
}

void peer_channel_close(struct peer *p)
{
	data_channel_free(&p->channel);
}

int64_t peer_channel_tick(struct peer *p, int64_t now_us)
{
	return p->channel ? data_channel_tick(p->channel, now_us) : CLOCK_NEVER;
}

void peer_channel_stats(const struct peer *p, struct peer_stats *out)
{
	struct data_channel_stats s;

	if (!p->channel)
		return;
	data_channel_stats(p->channel, &s);
	out->channel_in = s.assoc.in_messages;
	out->channel_out = s.assoc.out_messages;
	out->channel_dropped = s.malformed + s.refused + s.assoc.malformed + s.assoc.too_long +
			       s.assoc.unsent + s.assoc.dropped;
}
