/* endpoint_data.c - the bridge channel over SCTP
 *
 * The peer begins: nothing is sent to one that was offered it and took the
 * WebSocket.  (Where we are the DTLS client we begin, too: so do peers that
 * wait for that.)  An association that has ended is made anew when the peer
 * comes again.
 */
#include "base/log.h"
#include "host/endpoint.h"
#include "host/limits.h"

enum { SOON_US = 20000 };       /* an answer may be due */

static void on_send(void *ctx, const uint8_t *p, size_t len)
{
	struct endpoint *e = ctx;

	if (dtls_send(e->dtls, p, len))
		e->f->stats.dropped++;
}

static void on_open(void *ctx)
{
	struct endpoint *e = ctx;

	endpoint_channel_opened(e, true, e->f->now_us);
}

static void on_closed(void *ctx, bool over, const char *why)
{
	struct endpoint *e = ctx;

	log_debug("host", "room %u: %s: data channel closed: %s", e->room->number, e->id, why);
	e->data_over |= over;
	endpoint_channel_closed(e, true, e->f->now_us);
}

static void on_text(void *ctx, const char *text, size_t len)
{
	struct endpoint *e = ctx;

	endpoint_message(e, text, len, e->f->now_us);
}

static void begin(struct endpoint *e)
{
	static const struct data_channel_events ev = { on_send, on_open, on_closed, on_text };
	struct data_channel_config cfg = {
		.port = e->cfg.sctp_port, .dtls_client = e->dtls_client,
		.longest = LIMIT_CHANNEL_BYTES,
	};

	data_channel_free(&e->data);
	e->data_over = false;
	if (data_channel_new(&e->data, &cfg, &ev, e) || data_channel_start(e->data, e->f->now_us))
		log_warn("host", "no data channel for %s", e->id);
}

void endpoint_data_up(struct endpoint *e)
{
	if (e->cfg.sctp_port && e->dtls_client)
		begin(e);
}

void endpoint_data_in(struct endpoint *e, const uint8_t *p, size_t len)
{
	if (!e->cfg.sctp_port || e->failed) {
		e->f->stats.dropped++;
		return;
	}
	if (!e->data || e->data_over)
		begin(e);
	if (e->data)
		data_channel_input(e->data, p, len, e->f->now_us);
	forward_wake(e->f, e->f->now_us + SOON_US);
}

void endpoint_data_text(struct endpoint *e, const char *text, size_t len)
{
	if (data_channel_send(e->data, text, len, e->f->now_us))
		e->f->stats.dropped++;
	forward_wake(e->f, e->f->now_us + SOON_US);
}

void endpoint_data_tick(struct endpoint *e, int64_t now_us)
{
	if (e->data)
		forward_wake(e->f, data_channel_tick(e->data, now_us));
}

void endpoint_data_free(struct endpoint *e)
{
	data_channel_free(&e->data);
}
