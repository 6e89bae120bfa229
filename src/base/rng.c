/* rng.c - random bytes of the kernel */
#include "base/rng.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void rng_bytes(void *p, size_t n)
{
	unsigned char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			/* Keys and ids from anything else would be worse than an end. */
			fputs("ttymeet: the kernel gives no random bytes\n", stderr);
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint32_t rng_u32(void)
{
	uint32_t v;

	rng_bytes(&v, sizeof(v));
	return v;
}

int64_t rng_between(int64_t lo, int64_t hi)
{
	uint64_t span = (uint64_t)hi - (uint64_t)lo + 1, v, rest;

	rng_bytes(&v, sizeof(v));
	if (!span)              /* all of 64 bits */
		return (int64_t)v;
	/* Equal chances: 2^64 mod span numbers at the top are thrown again. */
	rest = (UINT64_MAX % span + 1) % span;
	while (rest && v > UINT64_MAX - rest)
		rng_bytes(&v, sizeof(v));
	return (int64_t)((uint64_t)lo + v % span);
}

static void fill(char *out, size_t n, const char *digits, unsigned base)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c;

		do      /* equal chances: what is beyond the last whole round is thrown away */
			rng_bytes(&c, 1);
		while (c >= 256 / base * base);
		out[i] = digits[c % base];
	}
	out[n] = 0;
}

void rng_hex(char *out, size_t n)
{
	fill(out, n, "0123456789abcdef", 16);
}

void rng_alnum(char *out, size_t n)
{
	fill(out, n, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 62);
}

void rng_uuid(char out[37])
{
	unsigned char b[16];

	rng_bytes(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40;    /* version 4 */
	b[8] = (b[8] & 0x3f) | 0x80;    /* variant of RFC 9562 */
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
}
