/* test_data_channel.c - two ends of a data channel, over lines good and bad */
#include "rtc/data_channel.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "rtc/chunks.h"
#include "rtc/transport.h"
#include "rtc/wire.h"
#include "unit/rtc/fake_clock.h"
#include "unit/unit.h"

enum { STEP_US = 5000, TEXTS = 400 };

struct end {
	struct data_channel *c;
	struct transport *t;
	unsigned opened, closed, over;
	char why[64];
	unsigned texts;                 /* that came */
	char last[64];
	size_t last_len, bytes;
	bool in_order;
	unsigned packets, biggest;
	const char *answer;             /* said to each text */
	int64_t now;
};

struct pair {                   /* a opens, and is the DTLS client */
	struct end a, b;
	int64_t now;
	bool real_clock;        /* the library sees the real one: threads */
};

static void on_send(void *ctx, const uint8_t *p, size_t len)
{
	struct end *e = ctx;

	e->packets++;
	e->biggest = len > e->biggest ? (unsigned)len : e->biggest;
	transport_send(e->t, p, len);
}

static void on_open(void *ctx)
{
	((struct end *)ctx)->opened++;
}

static void on_closed(void *ctx, bool over, const char *why)
{
	struct end *e = ctx;

	e->closed++;
	e->over += over;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

/* Texts that count begin with their number. */
static void on_text(void *ctx, const char *text, size_t len)
{
	struct end *e = ctx;

	assert_int_equal(text[len], 0);
	if (strtoul(text, NULL, 10) != e->texts)
		e->in_order = false;
	e->texts++;
	e->bytes += len;
	e->last_len = len;
	snprintf(e->last, sizeof(e->last), "%s", text);
	if (e->answer)
		assert_int_equal(data_channel_send(e->c, e->answer, strlen(e->answer), e->now), 0);
}

static const struct data_channel_events events = { on_send, on_open, on_closed, on_text };

static void on_state(void *ctx, enum transport_state state)
{
	(void)ctx;
	(void)state;
}

static void on_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	struct end *e = ctx;

	if (e->c)
		data_channel_input(e->c, p, len, arrival_us);
}

static void make_end(struct end *e, bool opener)
{
	struct data_channel_config cfg = { DATA_CHANNEL_PORT, opener, opener, 0 };

	assert_int_equal(data_channel_new(&e->c, &cfg, &events, e), 0);
	e->in_order = true;
}

static void set_clock(const struct pair *p)
{
	if (!p->real_clock)
		fake_clock_set(p->now);
}

static void make_pair(struct pair *p, const struct transport_fake_line *line)
{
	static const struct transport_events ev = { on_state, on_datagram };
	bool real_clock = p->real_clock;

	memset(p, 0, sizeof(*p));
	p->real_clock = real_clock;
	p->now = INT64_C(1700000000000000);
	assert_int_equal(transport_fake_pair(&p->a.t, &p->b.t, line), 0);
	transport_fake_handlers(p->a.t, &ev, &p->a);
	transport_fake_handlers(p->b.t, &ev, &p->b);
	make_end(&p->a, true);
	make_end(&p->b, false);
	set_clock(p);
	transport_fake_tick(p->a.t, p->now);
	transport_fake_tick(p->b.t, p->now);
}

static void free_pair(struct pair *p)
{
	data_channel_free(&p->a.c);
	data_channel_free(&p->b.c);
	transport_free(&p->a.t);
	transport_free(&p->b.t);
	if (!p->real_clock)
		fake_clock_set(0);
}

static void step(struct pair *p)
{
	p->now += STEP_US;
	p->a.now = p->b.now = p->now;
	set_clock(p);
	transport_fake_tick(p->a.t, p->now);
	transport_fake_tick(p->b.t, p->now);
	if (p->a.c)
		data_channel_tick(p->a.c, p->now);
	if (p->b.c)
		data_channel_tick(p->b.c, p->now);
}

static void run(struct pair *p, int64_t us)
{
	for (int64_t end = p->now + us; p->now < end;)
		step(p);
}

/* Until both are open; returns how long it took. */
static int64_t open_pair(struct pair *p)
{
	int64_t begin = p->now;

	assert_int_equal(data_channel_start(p->a.c, p->now), 0);
	assert_int_equal(data_channel_start(p->b.c, p->now), 0);
	while ((!p->a.opened || !p->b.opened) && p->now - begin < 60000000)
		step(p);
	assert_int_equal(p->a.opened, 1);
	assert_int_equal(p->b.opened, 1);
	return p->now - begin;
}

static const struct transport_fake_line good = { .delay_us = 20000, .seed = 1 };

static void test_opens(void **state)
{
	struct data_channel_stats s;
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	assert_int_equal(data_channel_send(p.a.c, "0", 1, p.now), -ENOTCONN);
	/* INIT, INIT-ACK, COOKIE, ACK with DATA: two round trips and a half. */
	assert_in_range(open_pair(&p), 80000, 200000);
	p.b.answer = "0";
	assert_int_equal(data_channel_send(p.a.c, "0", 1, p.now), 0);
	run(&p, 100000);
	assert_string_equal(p.b.last, "0");
	assert_string_equal(p.a.last, "0");
	data_channel_stats(p.a.c, &s);
	assert_int_equal(s.assoc.in_messages, 2);       /* with the ACK */
	assert_int_equal(s.assoc.out_messages, 2);
	assert_int_equal(s.refused + s.malformed + s.assoc.too_long + s.assoc.dropped, 0);
	free_pair(&p);
}

/* One that only waits, and one that only begins. */
static void test_either_side_may_begin(void **state)
{
	struct pair p = { .real_clock = false };

	(void)state;
	for (int side = 0; side < 2; side++) {
		make_pair(&p, &good);
		assert_int_equal(data_channel_start(side ? p.b.c : p.a.c, p.now), 0);
		run(&p, 30000);
		/* Its DTLS is up a little later; what came before is lost. */
		assert_int_equal(data_channel_start(side ? p.a.c : p.b.c, p.now), 0);
		run(&p, 1500000);
		assert_int_equal(p.a.opened, 1);
		assert_int_equal(p.b.opened, 1);
		free_pair(&p);
	}
}

static void say_many(struct end *e, unsigned n, int64_t now)
{
	char text[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(data_channel_send(e->c, text, strlen(text), now), 0);
	}
}

static void test_bad_line(void **state)
{
	static const struct transport_fake_line bad = {
		.delay_us = 30000, .jitter_us = 40000, .loss = 0.15, .duplicate = 0.1, .reorder = 0.1,
		.seed = 7,
	};
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &bad);
	open_pair(&p);
	say_many(&p.a, TEXTS, p.now);
	say_many(&p.b, TEXTS, p.now);
	run(&p, 60000000);
	assert_int_equal(p.a.texts, TEXTS);
	assert_int_equal(p.b.texts, TEXTS);
	assert_true(p.a.in_order && p.b.in_order);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	free_pair(&p);
}

static void test_long_messages(void **state)
{
	struct data_channel_stats s;
	char *text = malloc(ASSOC_MESSAGE_MAX + 1);
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	memset(text, 'x', ASSOC_MESSAGE_MAX + 1);
	text[0] = '0';
	text[1] = ' ';
	assert_int_equal(data_channel_send(p.a.c, text, 200000, p.now), 0);
	run(&p, 10000000);
	assert_int_equal(p.b.texts, 1);
	assert_int_equal(p.b.last_len, 200000);
	assert_in_range(p.a.biggest, 1000, ASSOC_PACKET_MAX);
	assert_int_equal(data_channel_send(p.a.c, text, ASSOC_MESSAGE_MAX + 1, p.now), -EMSGSIZE);
	data_channel_stats(p.a.c, &s);
	assert_int_equal(s.assoc.too_long, 1);
	/* More than there is room for: refused, counted, and no harm. */
	assert_int_equal(data_channel_send(p.a.c, text, 200000, p.now), 0);
	assert_int_equal(data_channel_send(p.a.c, text, 200000, p.now), -EAGAIN);
	data_channel_stats(p.a.c, &s);
	assert_int_equal(s.assoc.unsent, 1);
	run(&p, 10000000);
	assert_int_equal(p.b.texts, 2);
	free(text);
	free_pair(&p);
}

static void test_empty_text(void **state)
{
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	assert_int_equal(data_channel_send(p.a.c, "", 0, p.now), 0);
	run(&p, 200000);
	assert_int_equal(p.b.texts, 1);
	assert_int_equal(p.b.last_len, 0);
	free_pair(&p);
}

static void test_graceful_end(void **state)
{
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	say_many(&p.a, 50, p.now);
	data_channel_close(p.a.c, p.now);
	run(&p, 2000000);
	assert_int_equal(p.b.texts, 50);        /* what waited still came */
	assert_int_equal(p.a.over, 1);
	assert_int_equal(p.b.over, 1);
	assert_int_equal(data_channel_tick(p.a.c, p.now), CLOCK_NEVER);
	free_pair(&p);
}

static void test_hard_end(void **state)
{
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	data_channel_free(&p.a.c);              /* ABORT */
	run(&p, 200000);
	assert_int_equal(p.b.over, 1);
	free_pair(&p);
}

static void test_nobody_there(void **state)
{
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	data_channel_free(&p.b.c);
	assert_int_equal(data_channel_start(p.a.c, p.now), 0);
	run(&p, 60000000);
	assert_int_equal(p.a.opened, 0);
	assert_int_equal(p.a.over, 1);
	assert_in_range(p.a.packets, 4, 12);
	free_pair(&p);
}

static void test_line_that_goes(void **state)
{
	struct transport_fake_line line = good;
	struct pair p = { .real_clock = false };

	(void)state;
	line.down_from_us = INT64_C(1700000000000000) + 3000000;
	line.down_to_us = line.down_from_us + 15000000;
	make_pair(&p, &line);
	open_pair(&p);
	run(&p, line.down_from_us - p.now + 100000);
	say_many(&p.a, 3, p.now);
	run(&p, 14000000);
	assert_int_equal(p.b.texts, 0);
	run(&p, 15000000);
	assert_int_equal(p.b.texts, 3);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	free_pair(&p);
}

/* The peer's program began anew behind the same line: the association is
 * restarted (RFC 9260 section 5.2), and the channel is opened again. */
static void test_restart(void **state)
{
	struct pair p = { .real_clock = false };
	struct end dead = { .t = NULL };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	dead = p.b;
	/* It vanishes without an ABORT: what it would say is not delivered. */
	p.b.c = NULL;
	run(&p, 100000);
	make_end(&p.b, false);
	p.b.opened = 0;
	assert_int_equal(data_channel_start(p.b.c, p.now), 0);
	run(&p, 3000000);
	assert_int_equal(p.a.closed, 1);
	assert_int_equal(p.a.over, 0);
	assert_int_equal(p.a.opened, 2);
	assert_int_equal(p.b.opened, 1);
	p.b.texts = 0;
	say_many(&p.a, 1, p.now);
	run(&p, 200000);
	assert_int_equal(p.b.texts, 1);
	dead.t = p.b.t;
	data_channel_free(&dead.c);
	free_pair(&p);
}

/* ---- what a hostile peer may say, over an association of its own ---- */

struct hostile { struct assoc *a; struct transport *t; unsigned up, down; char got[64]; };

static void hostile_send(void *ctx, const uint8_t *p, size_t len)
{
	transport_send(((struct hostile *)ctx)->t, p, len);
}

static void hostile_up(void *ctx)
{
	((struct hostile *)ctx)->up++;
}

static void hostile_down(void *ctx, const char *why)
{
	(void)why;
	((struct hostile *)ctx)->down++;
}

static void hostile_message(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len)
{
	struct hostile *h = ctx;

	(void)ppid;
	snprintf(h->got, sizeof(h->got), "%u:%zu:%u", stream, len, len ? *p : 0);
}

static void hostile_reset(void *ctx, uint16_t stream)
{
	snprintf(((struct hostile *)ctx)->got, 64, "reset %u", stream);
}

static void hostile_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	assoc_input(((struct hostile *)ctx)->a, p, len, arrival_us);
}

/* The b end is the one that is attacked. */
static void make_hostile(struct pair *p, struct hostile *h)
{
	static const struct assoc_events ev = {
		hostile_send, hostile_up, hostile_down, hostile_message, hostile_reset
	};
	static const struct transport_events tev = { on_state, hostile_datagram };

	make_pair(p, &good);
	data_channel_free(&p->a.c);
	memset(h, 0, sizeof(*h));
	h->t = p->a.t;
	assert_int_equal(assoc_new(&h->a, DATA_CHANNEL_PORT, ASSOC_MESSAGE_MAX, &ev, h), 0);
	transport_fake_handlers(p->a.t, &tev, h);
	assert_int_equal(assoc_start(h->a, p->now), 0);
	assert_int_equal(data_channel_start(p->b.c, p->now), 0);
	run(p, 500000);
	assert_int_equal(h->up, 1);
}

static void hostile_say(struct pair *p, struct hostile *h, uint16_t stream, uint32_t ppid,
			const void *v, size_t len)
{
	assert_int_equal(assoc_send(h->a, stream, ppid, v, len, p->now), 0);
	for (int i = 0; i < 40; i++) {
		step(p);
		assoc_tick(h->a, p->now);
	}
}

static void test_hostile_messages(void **state)
{
	static const uint8_t short_open[] = { 3, 0, 0, 0 };
	static const uint8_t lying_open[] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 'x' };
	static const uint8_t open[] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 'x', 'y' };
	static const uint8_t ack[] = { 2 };
	struct data_channel_stats s;
	struct hostile h;
	struct pair p = { .real_clock = false };

	(void)state;
	make_hostile(&p, &h);
	hostile_say(&p, &h, 2, 51, "0", 1);             /* no channel yet */
	hostile_say(&p, &h, 2, 50, short_open, sizeof(short_open));
	hostile_say(&p, &h, 2, 50, lying_open, sizeof(lying_open));
	hostile_say(&p, &h, 2, 50, ack, sizeof(ack));   /* nobody opened */
	hostile_say(&p, &h, 2, 50, "\x63", 1);
	assert_int_equal(p.b.opened + p.b.texts, 0);
	hostile_say(&p, &h, 4, 50, open, sizeof(open));
	assert_string_equal(h.got, "4:1:2");
	assert_int_equal(p.b.opened, 1);
	hostile_say(&p, &h, 6, 50, open, sizeof(open)); /* one is enough */
	hostile_say(&p, &h, 6, 51, "0", 1);
	hostile_say(&p, &h, 4, 53, "\1\2", 2);          /* binary */
	data_channel_stats(p.b.c, &s);
	assert_int_equal(s.refused, 3);
	assert_int_equal(s.malformed, 5);
	assert_int_equal(p.b.texts, 0);
	/* The deprecated way of long texts: parts, then the rest. */
	hostile_say(&p, &h, 4, 54, "0 hel", 5);
	hostile_say(&p, &h, 4, 54, "lo wor", 6);
	hostile_say(&p, &h, 4, 51, "ld", 2);
	assert_string_equal(p.b.last, "0 hello world");
	/* Our half is closed with the peer's, and it may open another one. */
	assoc_reset(h.a, 4, p.now);
	hostile_say(&p, &h, 8, 51, "0", 1);
	assert_int_equal(p.b.closed, 1);
	assert_int_equal(p.b.over, 0);
	assert_string_equal(h.got, "reset 4");
	hostile_say(&p, &h, 8, 50, open, sizeof(open));
	assert_int_equal(p.b.opened, 2);
	assoc_free(&h.a);
	free_pair(&p);
}

static void test_parts_without_end(void **state)
{
	static const uint8_t open[] = { 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct data_channel_stats s;
	char *part = calloc(1, 100000);
	struct hostile h;
	struct pair p = { .real_clock = false };

	(void)state;
	make_hostile(&p, &h);
	hostile_say(&p, &h, 0, 50, open, sizeof(open));
	for (int i = 0; i < 8; i++)
		hostile_say(&p, &h, 0, 54, part, 100000);
	run(&p, 5000000);
	data_channel_stats(p.b.c, &s);
	assert_in_range(s.assoc.too_long, 1, 4);
	hostile_say(&p, &h, 0, 51, "0", 1);
	assert_int_equal(p.b.texts, 1);
	free(part);
	assoc_free(&h.a);
	free_pair(&p);
}

/* Packets that nobody would send; checksums are wrong or right by chance. */
static void test_garbage(void **state)
{
	uint8_t v[200];
	uint32_t lot = 1;
	struct pair p = { .real_clock = false };

	(void)state;
	make_pair(&p, &good);
	open_pair(&p);
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(v); k++) {
			lot = lot * 1664525u + 1013904223u;
			v[k] = (uint8_t)(lot >> 24);
		}
		put16(v, 5000);
		put16(v + 2, 5000);
		data_channel_input(p.b.c, v, (size_t)i % sizeof(v), p.now);
	}
	say_many(&p.a, 10, p.now);
	run(&p, 500000);
	assert_int_equal(p.b.texts, 10);
	assert_int_equal(p.a.closed + p.b.closed, 0);
	free_pair(&p);
}

static bool one_chunk_ok(const void *chunk, size_t len)
{
	uint8_t v[200] = { 0 };

	memcpy(v + 12, chunk, len);
	return chunks_ok(v, 12 + len);
}

#define CHUNK_OK(...) one_chunk_ok((const uint8_t[]){ __VA_ARGS__ }, \
				   sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_what_gets_in(void **state)
{
	static const uint8_t two[28] = { [12] = 11, [15] = 4, [16] = 14, [19] = 4, [20] = 7, [23] = 8 };
	uint8_t init[24] = { 1, 0, 0, 24, 1, 1, 1, 1, 0, 0, 9, 9, 0, 5, 0, 5, 0, 0, 0, 1, 0x80, 8, 0, 4 };

	(void)state;
	assert_false(chunks_ok(two, 0));
	assert_false(chunks_ok(two, 15));
	assert_true(chunks_ok(two, 16));
	assert_false(chunks_ok(two, 20));               /* SHUTDOWN COMPLETE comes alone */
	assert_true(one_chunk_ok(init, 24));
	init[23] = 0;                                   /* held usrsctp 0.9.5 for ever */
	assert_false(one_chunk_ok(init, 24));
	init[23] = 5;
	assert_false(one_chunk_ok(init, 24));
	init[23] = 4;
	init[20] = 0, init[21] = 5;                     /* an address */
	assert_false(one_chunk_ok(init, 24));
	init[20] = 0x80, init[13] = 0;                  /* no streams */
	assert_false(one_chunk_ok(init, 24));
	assert_true(CHUNK_OK(0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 'x'));
	assert_false(CHUNK_OK(0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51));
	assert_false(CHUNK_OK(0, 3, 0, 18, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 'x'));
	assert_true(CHUNK_OK(3, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 0, 0, 1, 0, 2));
	assert_false(CHUNK_OK(3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 0));
	assert_true(CHUNK_OK(4, 0, 0, 12, 0, 1, 0, 8, 1, 2, 3, 4));
	assert_false(CHUNK_OK(4, 0, 0, 12, 0, 1, 0, 9, 1, 2, 3, 4));
	assert_true(CHUNK_OK(6, 0, 0, 4));
	assert_false(CHUNK_OK(6, 0, 0, 8, 0, 1, 0, 3));
	assert_true(CHUNK_OK(130, 0, 0, 16, 0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1));
	assert_false(CHUNK_OK(130, 0, 0, 16, 0, 17, 0, 12, 0, 0, 0, 1, 0, 1, 0, 0));
	assert_false(CHUNK_OK(193, 0, 0, 8, 0, 0, 0, 1));       /* ASCONF */
	assert_false(CHUNK_OK(11, 0, 0, 3));
}

/* A host has one for each of its people. */
static void test_many_at_once(void **state)
{
	enum { PAIRS = 24 };
	struct pair *p = calloc(PAIRS, sizeof(*p));

	(void)state;
	for (int i = 0; i < PAIRS; i++) {
		make_pair(p + i, &good);
		assert_int_equal(data_channel_start(p[i].a.c, p[i].now), 0);
		assert_int_equal(data_channel_start(p[i].b.c, p[i].now), 0);
	}
	for (int k = 0; k < 60; k++)
		for (int i = 0; i < PAIRS; i++)
			step(p + i);
	for (int i = 0; i < PAIRS; i++) {
		char text[16];

		assert_int_equal(p[i].a.opened + p[i].b.opened, 2);
		snprintf(text, sizeof(text), "0 to %d", i);
		assert_int_equal(data_channel_send(p[i].a.c, text, strlen(text), p[i].now), 0);
	}
	for (int k = 0; k < 60; k++)
		for (int i = 0; i < PAIRS; i++)
			step(p + i);
	for (int i = 0; i < PAIRS; i++) {
		char text[16];

		snprintf(text, sizeof(text), "0 to %d", i);
		assert_string_equal(p[i].b.last, text);
		free_pair(p + i);
	}
	free(p);
}

/* A program with several calls has a media thread for each. */
static void *one_thread(void *ctx)
{
	struct pair p = { .real_clock = true };

	(void)ctx;
	for (int i = 0; i < 10; i++) {
		make_pair(&p, &good);
		open_pair(&p);
		say_many(&p.a, 20, p.now);
		say_many(&p.b, 20, p.now);
		run(&p, 500000);
		assert_int_equal(p.a.texts, 20);
		assert_int_equal(p.b.texts, 20);
		free_pair(&p);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(t + i, NULL, one_thread, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* The process's memory, in KiB. */
static long resident(void)
{
	long total, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

static void test_many_one_after_another(void **state)
{
	struct pair p = { .real_clock = false };
	long before = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		if (i == 100)
			before = resident();
		make_pair(&p, &good);
		open_pair(&p);
		say_many(&p.a, 5, p.now);
		run(&p, 100000);
		assert_int_equal(p.b.texts, 5);
		free_pair(&p);
	}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* 200 associations; each has more than 20 KiB of its own. */
	assert_in_range(resident() - before + 1000, 0, 2000);
#else
	(void)before;           /* sanitizers keep what was freed */
#endif
}

const struct CMUnitTest test_data_channel[] = {
	cmocka_unit_test(test_opens),
	cmocka_unit_test(test_either_side_may_begin),
	cmocka_unit_test(test_bad_line),
	cmocka_unit_test(test_long_messages),
	cmocka_unit_test(test_empty_text),
	cmocka_unit_test(test_graceful_end),
	cmocka_unit_test(test_hard_end),
	cmocka_unit_test(test_nobody_there),
	cmocka_unit_test(test_line_that_goes),
	cmocka_unit_test(test_restart),
	cmocka_unit_test(test_hostile_messages),
	cmocka_unit_test(test_parts_without_end),
	cmocka_unit_test(test_garbage),
	cmocka_unit_test(test_what_gets_in),
	cmocka_unit_test(test_many_at_once),
	cmocka_unit_test(test_threads),
	cmocka_unit_test(test_many_one_after_another),
	{0}
};
