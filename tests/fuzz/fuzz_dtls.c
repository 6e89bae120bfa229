/* rooms: base rtc */
/* fuzz_dtls.c - datagrams to a waiting server, a waiting client and, after a
 * handshake, to an end that is up
 *
 * The input is a list of datagrams: who gets it, two bytes of length, bytes.
 * Certificates are made once: their keys take longer than all the rest.
 */
#include <stdlib.h>
#include <string.h>
#include "rtc/dtls.h"

struct end {
	struct dtls *d;
	struct end *other;
	bool up;
	struct { uint8_t p[1500]; size_t len; } queue[16];
	size_t queued;
};

static void on_send(void *ctx, const uint8_t *p, size_t len)
{
	struct end *o = ((struct end *)ctx)->other;

	if (!len || len > 1500)
		abort();
	if (!o || o->queued == 16)
		return;
	memcpy(o->queue[o->queued].p, p, len);
	o->queue[o->queued++].len = len;
}

static void on_state(void *ctx, enum dtls_state state, const struct dtls_keys *keys, const char *why)
{
	struct end *e = ctx;

	if ((state == DTLS_UP) != (keys != NULL) || !why)
		abort();
	/* Nobody who only throws datagrams may get here. */
	if (state == DTLS_UP && !e->other)
		abort();
	e->up = state == DTLS_UP;
}

static void on_data(void *ctx, const uint8_t *p, size_t len)
{
	(void)ctx;
	(void)p;
	if (len)
		abort();
}

static const struct dtls_events events = { on_send, on_state, on_data };

static void deliver(struct end *e)
{
	for (size_t i = 0; i < e->queued; i++)
		dtls_input(e->d, e->queue[i].p, e->queue[i].len, 1);
	e->queued = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_cert *cert;
	static struct end v[4];         /* server, client; a pair that is up */
	const char *fp;

	if (!cert && dtls_cert_new(&cert))
		abort();
	fp = dtls_cert_fingerprint(cert);
	memset(v, 0, sizeof(v));
	for (int i = 0; i < 4; i++) {
		v[i].other = i >= 2 ? v + (5 - i) : NULL;
		if (dtls_new(&v[i].d, cert, i & 1, "sha-256", fp, &events, v + i))
			abort();
		dtls_start(v[i].d, 1);
	}
	for (int i = 0; i < 6; i++) {
		deliver(v + 2);
		deliver(v + 3);
	}
	/* OpenSSL's retransmission timer knows only real time: where the machine
	 * stood still for a second, this handshake would take more rounds. */
	if (!v[2].up || !v[3].up)
		size = 0;
	while (size > 3) {
		size_t n = (size_t)(data[1] << 8 | data[2]);

		n = n < size - 3 ? n : size - 3;
		dtls_input(v[data[0] & 3].d, data + 3, n, 2);
		data += 3 + n;
		size -= 3 + n;
	}
	for (int i = 0; i < 4; i++) {
		dtls_tick(v[i].d, 3);
		dtls_free(&v[i].d);
	}
	return 0;
}
