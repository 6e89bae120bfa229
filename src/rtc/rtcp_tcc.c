/* rtcp_tcc.c - writer of transport-wide feedback
 *
 * draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1:
 *
 *	header, two SSRCs, base sequence, count, reference time, feedback count
 *	chunks of 16 bits: one status a packet, as run length or vector
 *	deltas of 250 us: one byte (0 to 63.75 ms) or two (signed)
 *
 * Times are cut to ticks of 250 us before they are subtracted, so that the
 * rounding does not add up over a packet.
 */
#include "rtc/rtcp.h"
#include <errno.h>
#include <stdbool.h>
#include "rtc/wire.h"

enum {
	TICK_US = 250,
	REFERENCE_TICKS = 256,          /* 64 ms */
	HEADER = 20,
	RUN_MAX = 0x1FFF,
};
enum symbol { LOST, SMALL, LARGE };

struct tcc {
	uint8_t *p;
	size_t room, at;                /* bytes */
	const int64_t *times_us;
	size_t n;
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The time before packet i, in ticks. */
struct walk { int64_t ticks; };

static enum symbol next_symbol(const struct tcc *t, struct walk *w, size_t i, int64_t *delta)
{
	int64_t ticks;

	if (t->times_us[i] == INT64_MIN)
		return LOST;
	ticks = floor_div(t->times_us[i], TICK_US);
	*delta = ticks - w->ticks;
	w->ticks = ticks;
	return *delta >= 0 && *delta <= 255 ? SMALL : LARGE;
}

/* The first n statuses from i on, without moving w. */
static size_t look(const struct tcc *t, struct walk w, size_t i, enum symbol *out, size_t n)
{
	size_t k;
	int64_t delta;

	for (k = 0; k < n && i + k < t->n; k++)
		out[k] = next_symbol(t, &w, i + k, &delta);
	return k;
}

static size_t run_length(const struct tcc *t, struct walk w, size_t i)
{
	size_t k;
	int64_t delta;
	enum symbol first = next_symbol(t, &w, i, &delta);

	for (k = 1; i + k < t->n && k < RUN_MAX; k++)
		if (next_symbol(t, &w, i + k, &delta) != first)
			break;
	return k;
}

/* Writes the chunk for packet i on; returns how many packets it tells of. */
static size_t chunk(const struct tcc *t, const struct walk *w, size_t i, uint16_t *out)
{
	enum symbol v[14];
	size_t have = look(t, *w, i, v, 14), run = run_length(t, *w, i), k;
	bool large = false;

	if (run >= 14 || run == t->n - i) {
		*out = (uint16_t)((unsigned)v[0] << 13 | run);
		return run;
	}
	for (k = 0; k < have; k++)
		large |= v[k] == LARGE;
	if (!large) {
		*out = 0x8000;
		for (k = 0; k < have; k++)
			*out |= (uint16_t)((unsigned)v[k] << (13 - k));
		return have;
	}
	if (run >= 7) {
		*out = (uint16_t)((unsigned)v[0] << 13 | run);
		return run;
	}
	*out = 0xC000;
	have = have < 7 ? have : 7;
	for (k = 0; k < have; k++)
		*out |= (uint16_t)((unsigned)v[k] << (12 - 2 * k));
	return have;
}

static int write_chunks(struct tcc *t, struct walk w)
{
	int64_t delta;

	for (size_t i = 0; i < t->n;) {
		uint16_t c;
		size_t k = chunk(t, &w, i, &c);

		if (t->room - t->at < 2)
			return -ENOSPC;
		put16(t->p + t->at, c);
		t->at += 2;
		while (k--)
			next_symbol(t, &w, i++, &delta);
	}
	return 0;
}

static int write_deltas(struct tcc *t, struct walk w)
{
	for (size_t i = 0; i < t->n; i++) {
		int64_t delta = 0;
		enum symbol s = next_symbol(t, &w, i, &delta);

		if (s == LOST)
			continue;
		if (delta < INT16_MIN || delta > INT16_MAX)
			return -ERANGE;
		if (t->room - t->at < (size_t)s)
			return -ENOSPC;
		if (s == SMALL)
			t->p[t->at] = (uint8_t)delta;
		else
			put16(t->p + t->at, (uint16_t)delta);
		t->at += (size_t)s;     /* SMALL is one byte, LARGE two */
	}
	return 0;
}

/* Zeros up to a word, the last of them the count (RFC 3550 section 6.4.1). */
static int write_padding(struct tcc *t)
{
	size_t pad = (4 - t->at % 4) % 4;

	if (t->room - t->at < pad)
		return -ENOSPC;
	for (size_t i = 0; i < pad; i++)
		t->p[t->at++] = 0;
	if (pad) {
		t->p[t->at - 1] = (uint8_t)pad;
		t->p[0] |= 0x20;
	}
	return 0;
}

int rtcp_write_tcc(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		   uint16_t base_seq, const int64_t *times_us, size_t n, uint8_t count)
{
	struct tcc t = { .p = out + *len, .times_us = times_us, .n = n };
	int64_t reference;
	struct walk w;
	size_t first;
	int err;

	for (first = 0; first < n && times_us[first] == INT64_MIN; first++)
		;
	if (first == n || n > 0xFFFF)
		return -EINVAL;
	if (*len > size || size - *len < HEADER)
		return -ENOSPC;
	t.room = size - *len;
	t.at = HEADER;
	reference = floor_div(times_us[first], TICK_US * REFERENCE_TICKS);
	w.ticks = reference * REFERENCE_TICKS;
	t.p[0] = 0x80 | 15;
	t.p[1] = 205;
	put32(t.p + 4, ssrc);
	put32(t.p + 8, media);
	put16(t.p + 12, base_seq);
	put16(t.p + 14, (uint16_t)n);
	put32(t.p + 16, (uint32_t)(reference & 0xFFFFFF) << 8 | count);
	err = write_chunks(&t, w);
	if (!err)
		err = write_deltas(&t, w);
	if (!err)
		err = write_padding(&t);
	if (err)
		return err;
	put16(t.p + 2, (uint16_t)(t.at / 4 - 1));
	*len += t.at;
	return 0;
}
