/* tcc.c - when packets of one sender came
 *
 * A ring of arrival times by sequence number: [base, top) is what has to be
 * told.  A late packet moves base back, so that what was "not received" is
 * told again.
 */
#include "rtc/tcc.h"
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"

enum {
	WINDOW = 1024,
	STATUSES = 200,         /* in one message: at most 500 bytes */
	/* As the bridge: at least every 100 ms, after a frame's end sooner. */
	INTERVAL_US = 100 * 1000, MARKER_US = 20 * 1000,
};

struct tcc {
	int64_t time_us[WINDOW];        /* INT64_MIN: not received */
	uint16_t base, top;
	bool started, pending, marker;
	uint8_t count;
	int64_t last_us;                /* of the last message, or the first packet */
};

struct tcc *tcc_new(void)
{
	return calloc(1, sizeof(struct tcc));
}

void tcc_free(struct tcc **t)
{
	free(*t);
	*t = NULL;
}

static int64_t *slot(struct tcc *t, uint16_t seq)
{
	return t->time_us + seq % WINDOW;
}

static void begin(struct tcc *t, uint16_t seq)
{
	for (size_t i = 0; i < WINDOW; i++)
		t->time_us[i] = INT64_MIN;
	t->base = t->top = seq;
}

/* Makes room up to seq, included. */
static void advance(struct tcc *t, uint16_t seq)
{
	if (seq_diff(seq, t->top) >= WINDOW)
		begin(t, seq);
	for (; t->top != (uint16_t)(seq + 1); t->top++)
		*slot(t, t->top) = INT64_MIN;
	if ((uint16_t)(t->top - t->base) > WINDOW)
		t->base = (uint16_t)(t->top - WINDOW);
}

void tcc_packet(struct tcc *t, uint16_t seq, bool marker, int64_t arrival_us)
{
	if (!t->started) {
		begin(t, seq);
		t->started = true;
		t->last_us = arrival_us;
	}
	if (seq_diff(seq, t->top) >= 0)
		advance(t, seq);
	else if ((uint16_t)(t->top - seq) > WINDOW || *slot(t, seq) != INT64_MIN)
		return;
	else if (seq_diff(seq, t->base) < 0)
		t->base = seq;
	*slot(t, seq) = arrival_us;
	t->marker |= marker;
	if (!t->pending && arrival_us - t->last_us > INTERVAL_US)
		t->last_us = arrival_us - MARKER_US;    /* after a pause: soon */
	t->pending = true;
}

int64_t tcc_due_us(const struct tcc *t)
{
	if (!t->pending)
		return CLOCK_NEVER;
	return t->last_us + (t->marker ? MARKER_US : INTERVAL_US);
}

/* The statuses from base on that go into one message. */
static size_t collect(struct tcc *t, int64_t *times, size_t max)
{
	size_t n = (uint16_t)(t->top - t->base);

	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		times[i] = *slot(t, (uint16_t)(t->base + i));
	return n;
}

bool tcc_write(struct tcc *t, uint8_t *out, size_t size, size_t *len, uint32_t ssrc,
	       uint32_t media, int64_t now_us)
{
	int64_t times[STATUSES];
	size_t max = STATUSES, n;
	int err;

	do {
		n = collect(t, times, max);
		if (!n)
			break;
		err = rtcp_write_tcc(out, size, len, ssrc, media, t->base, times, n, t->count);
		max = n / 2;            /* arrivals too far apart for one message */
	} while (err == -ERANGE && max);
	if (n && !err)
		t->count++;
	t->base = (uint16_t)(t->base + n);
	if (t->base != t->top)
		return true;
	t->pending = t->marker = false;
	t->last_us = now_us;
	return false;
}
