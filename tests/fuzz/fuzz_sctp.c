/* rooms: base rtc */
/* fuzz_sctp.c - what a hostile peer may send to a data channel
 *
 * An opener and one that waits, each on a line to an association that the
 * input speaks for: it is set up as any other, so that states are reached that
 * only a peer which knows the tags gets to.  The input is a list of: what and
 * to whom, two bytes of length, bytes.  What: a packet with the right tag and
 * checksum, one with nothing right, a message with its stream and PPID, time
 * that passes, a reset stream, a text of ours, an end.
 */
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>
#include "base/clock.h"
#include "rtc/data_channel.h"
#include "rtc/wire.h"

enum { QUEUE = 64, PACKET = 2048, LONGEST = 3000 };

struct packet { uint8_t p[PACKET]; size_t len; };
struct queue { struct packet v[QUEUE]; size_t n; };

struct line {
	struct data_channel *c;         /* the attacked */
	struct assoc *a;                /* whose tags and numbers the input uses */
	struct queue to_c, to_a;
	uint8_t header[12];             /* of the last packet to c */
	unsigned texts;
	bool over;
};

static int64_t now;

static void put(struct queue *q, const uint8_t *p, size_t len)
{
	if (!len || len > ASSOC_PACKET_MAX)
		abort();
	if (q->n == QUEUE)
		return;
	memcpy(q->v[q->n].p, p, len);
	q->v[q->n++].len = len;
}

static void c_send(void *ctx, const uint8_t *p, size_t len)
{
	put(&((struct line *)ctx)->to_a, p, len);
}

static void c_open(void *ctx)
{
	(void)ctx;
}

static void c_closed(void *ctx, bool over, const char *why)
{
	struct line *l = ctx;

	if (l->over || !*why)
		abort();
	l->over = over;
}

static void c_text(void *ctx, const char *text, size_t len)
{
	struct line *l = ctx;

	if (text[len] || len > LONGEST)
		abort();
	l->texts++;
}

static void a_send(void *ctx, const uint8_t *p, size_t len)
{
	struct line *l = ctx;

	put(&l->to_c, p, len);
	memcpy(l->header, p, sizeof(l->header));
}

static void a_nothing(void *ctx)
{
	(void)ctx;
}

static void a_down(void *ctx, const char *why)
{
	(void)ctx;
	(void)why;
}

static void a_message(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len)
{
	(void)ctx;
	(void)stream;
	(void)ppid;
	(void)p;
	(void)len;
}

static void a_reset(void *ctx, uint16_t stream)
{
	(void)ctx;
	(void)stream;
}

static void deliver(struct line *l)
{
	static struct queue q;

	for (int round = 0; round < 8 && l->to_c.n + l->to_a.n; round++) {
		q = l->to_c;
		l->to_c.n = 0;
		for (size_t i = 0; i < q.n; i++)
			data_channel_input(l->c, q.v[i].p, q.v[i].len, now);
		q = l->to_a;
		l->to_a.n = 0;
		for (size_t i = 0; i < q.n; i++)
			assoc_input(l->a, q.v[i].p, q.v[i].len, now);
	}
	l->to_c.n = l->to_a.n = 0;
}

static void make(struct line *l, bool opener)
{
	static const struct data_channel_events ev = { c_send, c_open, c_closed, c_text };
	static const struct assoc_events aev = { a_send, a_nothing, a_down, a_message, a_reset };
	struct data_channel_config cfg = { DATA_CHANNEL_PORT, opener, opener, LONGEST };

	memset(l, 0, sizeof(*l));
	if (data_channel_new(&l->c, &cfg, &ev, l) || assoc_new(&l->a, DATA_CHANNEL_PORT, LONGEST, &aev, l))
		abort();
	data_channel_start(l->c, now);
	assoc_start(l->a, now);
	deliver(l);
}

/* Behind the header: 4 bytes of checksum, little end first (RFC 9260, appendix A). */
static void packet(struct line *l, const uint8_t *p, size_t len)
{
	uint8_t v[PACKET];
	uint32_t crc;

	len = len < PACKET - 12 ? len : PACKET - 12;
	memcpy(v, l->header, 8);
	memset(v + 8, 0, 4);
	if (len)
		memcpy(v + 12, p, len);
	/* An INIT has no tag yet. */
	if (len && *p == 1)
		memset(v + 4, 0, 4);
	crc = usrsctp_crc32c(v, len + 12);
	memcpy(v + 8, &crc, 4);
	data_channel_input(l->c, v, len + 12, now);
}

static void act(struct line *l, unsigned what, const uint8_t *p, size_t len)
{
	switch (what) {
	case 0: case 1:
		packet(l, p, len);
		break;
	case 2:
		data_channel_input(l->c, p, len < PACKET ? len : PACKET, now);
		break;
	case 3:
		if (len >= 2)
			assoc_send(l->a, p[0], p[1], p + 2, len - 2, now);
		break;
	case 4:
		now += (int64_t)len * 10000;
		assoc_tick(l->a, now);
		data_channel_tick(l->c, now);
		break;
	case 5:
		assoc_reset(l->a, len ? *p : 0, now);
		break;
	case 6:
		data_channel_send(l->c, (const char *)p, len, now);
		break;
	default:
		if (len & 1)
			data_channel_close(l->c, now);
		else
			assoc_shutdown(l->a, now);
	}
	deliver(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line v[2];

	now = 1000000;
	make(&v[0], true);
	make(&v[1], false);
	while (size > 3) {
		size_t n = (size_t)(data[1] << 8 | data[2]);

		n = n < size - 3 ? n : size - 3;
		act(&v[data[0] & 1], data[0] >> 1 & 7, data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	for (int i = 0; i < 2; i++) {
		data_channel_free(&v[i].c);
		assoc_free(&v[i].a);
	}
	return 0;
}
