/* rooms: base rtc */
/* Datagrams for a host's one port.  The first byte says how: raw; or the rest
 * is taken as attributes that get a header and a right MESSAGE-INTEGRITY and
 * FINGERPRINT, as a participant who means ill would write them. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "rtc/ice_mux_priv.h"
#include "rtc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1500, HEADER = 20 };

static const char pwd[] = "hosthosthosthosthost22";
static const char name[] = "hostA:clnt";

static void on_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	(void)ctx;
	(void)arrival_us;
	if (len && p[0] <= 3)
		abort();                /* STUN stays below */
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t c = 0xFFFFFFFF;

	while (n--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (0xEDB88320 & -(c & 1));
	}
	return ~c;
}

/* id: of the check that is answered, if it is an answer. */
static size_t sign(uint8_t *out, const uint8_t *in, size_t n, unsigned type, const uint8_t id[16])
{
	size_t len = HEADER;
	unsigned mac = 20;

	n = n / 4 * 4;
	put16(out, (uint16_t)type);
	memcpy(out + 4, id, 16);
	put16(out + len, 0x0006);
	put16(out + len + 2, sizeof(name) - 1);
	memset(out + len + 4, 0, 12);
	memcpy(out + len + 4, name, sizeof(name) - 1);
	len += 4 + 12;
	memcpy(out + len, in, n);
	len += n;
	put16(out + 2, (uint16_t)(len + 24 - HEADER));
	put16(out + len, 0x0008);
	put16(out + len + 2, 20);
	HMAC(EVP_sha1(), pwd, sizeof(pwd) - 1, out, len, out + len + 4, &mac);
	len += 24;
	put16(out + 2, (uint16_t)(len + 8 - HEADER));
	put16(out + len, 0x8028);
	put16(out + len + 2, 4);
	put32(out + len + 4, crc32_of(out, len) ^ 0x5354554E);
	return len + 8;
}

static struct mux_addr address(unsigned i)
{
	/* Port 9 of loopback: what is sent there is thrown away. */
	struct mux_addr a = { .ip = { [10] = 0xFF, 0xFF, 127, 0, 0, (uint8_t)(1 + i % 16) }, .port = 9 };

	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct transport_events ev = { NULL, on_datagram };
	static struct ice_mux *m;
	static GMainContext *context;
	static const uint8_t request_id[16] = { 0x21, 0x12, 0xA4, 0x42, 1, 2, 3 };
	const struct mux_end *end;
	uint8_t buf[ROOM + 100];
	struct transport *t;
	struct mux_addr from;
	int64_t now;

	if (!m) {
		struct ice_mux_config cfg = { .address = "127.0.0.1", .max_unknown_per_s = 1u << 30 };

		cfg.context = context = g_main_context_new();
		if (ice_mux_new(&m, &cfg))
			abort();
	}
	if (size < 2 || size > ROOM)
		return 0;
	now = clock_now_us();
	if (ice_mux_add(&t, m, "hostA", pwd, &ev, NULL))
		abort();
	end = (const struct mux_end *)t;
	if (data[0] & 2)
		ice_mux_remote(t, "clnt", pwd);
	from = address(data[1]);
	for (unsigned i = 0; i < 10; i++) {
		struct mux_addr a = address(data[1] + i * (data[0] >> 4));
		size_t n = size - 2;

		if (data[0] & 1 && i % 2)
			n = sign(buf, data + 2, n, data[0] & 4 ? 0x0101 : data[0] & 8 ? 0x0111 : 0x0001,
				 data[0] & 12 ? end->pair[0].id : request_id);
		else if (data[0] & 1)   /* a right check, so that there is one to answer */
			n = sign(buf, data, 0, 0x0001, request_id);
		else
			memcpy(buf, data + 2, n);
		mux_input(m, buf, n, &a, NULL, now + i * 700000);
		ice_mux_tick(m, now + i * 700000);
	}
	mux_input(m, (const uint8_t *)"\x80\x60 fourteen bytes", 16, &from, NULL, now);
	transport_free(&t);
	return 0;
}
