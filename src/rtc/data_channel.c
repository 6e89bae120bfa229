/* data_channel.c - one data channel of text messages over one association
 *
 *	opener:	association up -> DATA_CHANNEL_OPEN -> ACK, or a first message -> open
 *	other:	DATA_CHANNEL_OPEN -> ACK -> open
 *
 * There is one channel; what comes beside it is refused.  A peer that begins
 * its association anew has forgotten it: it is opened again.
 */
#include "rtc/data_channel.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "rtc/wire.h"

enum {
	/* RFC 8831 section 8 */
	PPID_DCEP = 50, PPID_STRING = 51, PPID_STRING_PART = 54 /* deprecated */,
	PPID_STRING_EMPTY = 56,
	/* RFC 8832 section 8.2 */
	DCEP_ACK = 2, DCEP_OPEN = 3,
	OPEN_BYTES = 12,
	NONE = -1,
};

static const char label[] = "JVB data channel";
static const char protocol[] = "http://jitsi.org/protocols/colibri";

struct data_channel {
	struct assoc *assoc;
	struct data_channel_config cfg;
	struct data_channel_events ev;
	void *ctx;
	int stream;                     /* of the channel; NONE */
	bool open;
	int64_t now_us;                 /* of the input that runs */
	struct buf parts;               /* of a message in the deprecated form */
	struct data_channel_stats stats;
};

/* ---- states ---- */

static void go_open(struct data_channel *c)
{
	if (c->open)
		return;
	c->open = true;
	c->ev.open(c->ctx);
}

static void forget(struct data_channel *c, bool over, const char *why)
{
	bool was = c->open;

	c->open = false;
	c->stream = NONE;
	buf_free(&c->parts);
	if (was || over)
		c->ev.closed(c->ctx, over, why);
}

/* ---- DCEP ---- */

static void send_open(struct data_channel *c)
{
	uint8_t p[OPEN_BYTES + sizeof(label) + sizeof(protocol)] = { DCEP_OPEN };
	size_t len = OPEN_BYTES;

	/* Channel type 0, reliable and ordered; priority and reliability 0. */
	put16(p + 8, sizeof(label) - 1);
	put16(p + 10, sizeof(protocol) - 1);
	memcpy(p + len, label, sizeof(label) - 1);
	len += sizeof(label) - 1;
	memcpy(p + len, protocol, sizeof(protocol) - 1);
	len += sizeof(protocol) - 1;
	/* RFC 8832 section 6 */
	c->stream = c->cfg.dtls_client ? 0 : 1;
	assoc_send(c->assoc, (uint16_t)c->stream, PPID_DCEP, p, len, c->now_us);
}

static void on_open(struct data_channel *c, uint16_t stream, const uint8_t *p, size_t len)
{
	static const uint8_t ack[] = { DCEP_ACK };

	if (len < OPEN_BYTES || len != OPEN_BYTES + (size_t)get16(p + 8) + get16(p + 10)) {
		c->stats.malformed++;
		return;
	}
	/* Reliable or not is the sender's affair; the label says nothing that
	 * would matter: there is one channel. */
	if (c->cfg.opener || c->stream != NONE) {
		c->stats.refused++;
		return;
	}
	c->stream = stream;
	assoc_send(c->assoc, stream, PPID_DCEP, ack, sizeof(ack), c->now_us);
	go_open(c);
}

static void on_dcep(struct data_channel *c, uint16_t stream, const uint8_t *p, size_t len)
{
	if (len && p[0] == DCEP_OPEN)
		on_open(c, stream, p, len);
	else if (len == 1 && p[0] == DCEP_ACK && c->cfg.opener && stream == c->stream)
		go_open(c);
	else
		c->stats.malformed++;
}

/* ---- text ---- */

static void on_text(struct data_channel *c, const uint8_t *p, size_t len)
{
	c->ev.text(c->ctx, (const char *)p, len);
}

static void on_part(struct data_channel *c, const uint8_t *p, size_t len)
{
	if (c->parts.len + len > c->cfg.longest) {
		c->stats.assoc.too_long++;
		buf_free(&c->parts);
		return;
	}
	buf_add(&c->parts, p, len);
}

static void on_string(struct data_channel *c, const uint8_t *p, size_t len)
{
	struct buf whole;

	if (!c->parts.len) {
		on_text(c, p, len);
		return;
	}
	on_part(c, p, len);
	whole = c->parts;
	c->parts = (struct buf){ 0 };
	if (!buf_err(&whole) && whole.len)
		on_text(c, (const uint8_t *)whole.p, whole.len);
	buf_free(&whole);
}

/* ---- the association's handlers ---- */

static void on_send(void *ctx, const uint8_t *p, size_t len)
{
	struct data_channel *c = ctx;

	c->ev.send(c->ctx, p, len);
}

static void on_up(void *ctx)
{
	struct data_channel *c = ctx;

	if (c->stream != NONE)
		forget(c, false, "the other side began anew");
	if (c->cfg.opener)
		send_open(c);
}

static void on_down(void *ctx, const char *why)
{
	forget(ctx, true, why);
}

static void on_message(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len)
{
	struct data_channel *c = ctx;

	if (ppid == PPID_DCEP) {
		on_dcep(c, stream, p, len);
		return;
	}
	if (c->stream != stream) {
		c->stats.refused++;
		return;
	}
	go_open(c);             /* whoever speaks on it has it open */
	if (ppid == PPID_STRING)
		on_string(c, p, len);
	else if (ppid == PPID_STRING_PART)
		on_part(c, p, len);
	else if (ppid == PPID_STRING_EMPTY)
		on_text(c, (const uint8_t *)"", 0);
	else
		c->stats.malformed++;
}

static void on_reset(void *ctx, uint16_t stream)
{
	struct data_channel *c = ctx;

	if (c->stream != stream)
		return;
	/* RFC 8831 section 6.7: the other half follows. */
	assoc_reset(c->assoc, stream, c->now_us);
	forget(c, false, "the other side closed it");
}

/* ---- what the owner calls ---- */

int data_channel_new(struct data_channel **out, const struct data_channel_config *cfg,
		     const struct data_channel_events *ev, void *ctx)
{
	static const struct assoc_events assoc_ev = { on_send, on_up, on_down, on_message, on_reset };
	struct data_channel *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	c->cfg = *cfg;
	c->ev = *ev;
	c->ctx = ctx;
	c->stream = NONE;
	if (!c->cfg.longest)
		c->cfg.longest = ASSOC_MESSAGE_MAX;
	err = assoc_new(&c->assoc, cfg->port, c->cfg.longest, &assoc_ev, c);
	if (err)
		data_channel_free(&c);
	*out = c;
	return err;
}

void data_channel_free(struct data_channel **cp)
{
	struct data_channel *c = *cp;

	if (!c)
		return;
	assoc_free(&c->assoc);
	buf_free(&c->parts);
	free(c);
	*cp = NULL;
}

int data_channel_start(struct data_channel *c, int64_t now_us)
{
	c->now_us = now_us;
	return assoc_start(c->assoc, now_us);
}

void data_channel_input(struct data_channel *c, const uint8_t *p, size_t len, int64_t now_us)
{
	c->now_us = now_us;
	assoc_input(c->assoc, p, len, now_us);
}

int data_channel_send(struct data_channel *c, const char *text, size_t len, int64_t now_us)
{
	if (!c->open)
		return -ENOTCONN;
	c->now_us = now_us;
	/* RFC 8831 section 6.6: an empty one is one byte that is ignored. */
	return len ? assoc_send(c->assoc, (uint16_t)c->stream, PPID_STRING, text, len, now_us) :
		     assoc_send(c->assoc, (uint16_t)c->stream, PPID_STRING_EMPTY, "", 1, now_us);
}

void data_channel_close(struct data_channel *c, int64_t now_us)
{
	c->now_us = now_us;
	assoc_shutdown(c->assoc, now_us);
}

int64_t data_channel_tick(struct data_channel *c, int64_t now_us)
{
	c->now_us = now_us;
	return assoc_tick(c->assoc, now_us);
}

void data_channel_stats(const struct data_channel *c, struct data_channel_stats *out)
{
	assoc_stats(c->assoc, &out->assoc);
	out->assoc.too_long += c->stats.assoc.too_long;
	out->refused = c->stats.refused;
	out->malformed = c->stats.malformed;
}
