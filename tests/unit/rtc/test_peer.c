/* test_peer.c - two peers over a line: what one says, the other hears */
#include "rtc/peer_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "rtc/rtp.h"
#include "rtc/transport.h"
#include "unit/rtc/fake_clock.h"
#include "unit/unit.h"

enum { STEP_US = 5000, FRAME_US = 20000, HEARD_MAX = 4096 };
static const int64_t START_US = INT64_C(1700000000000000);

struct heard {
	struct media_frame f;
	uint8_t first;          /* of its payload */
	bool whole;             /* payload as make_payload() wrote it */
};

struct side {
	struct peer *peer;
	struct transport *line, *line2; /* lent; line2: another way */
	struct dtls_cert *cert;
	enum peer_state state;
	char why[100];
	unsigned changes, paths;
	struct heard heard[HEARD_MAX];
	size_t n;
};

struct pair { struct side a, b; int64_t now, tried; };

static void make_payload(uint8_t *p, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(first + i * 3);
}

static void on_state(void *ctx, enum peer_state state, const char *why)
{
	struct side *s = ctx;

	s->state = state;
	s->changes++;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct side *s = ctx;
	struct heard *h = s->heard + s->n;
	uint8_t p[1500];

	assert_true(s->n < HEARD_MAX);
	assert_true(f->len > 0 && f->len <= sizeof(p));
	make_payload(p, f->len, f->payload[0]);
	h->f = *f;
	h->f.payload = NULL;
	h->first = f->payload[0];
	h->whole = !memcmp(p, f->payload, f->len);
	s->n++;
}

static void on_path(void *ctx)
{
	((struct side *)ctx)->paths++;
}

static const struct peer_events events = { on_state, on_frame, on_path, NULL, NULL };

static int take_line(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	*out = make_ctx;
	transport_fake_handlers(*out, ev, ctx);
	return 0;
}

static void open_side(struct side *s, const char *fingerprint, bool client, uint32_t ssrc)
{
	struct peer_config cfg = {
		.cert = s->cert, .dtls_client = client, .hash = "sha-256", .fingerprint = fingerprint,
		.ssrc = ssrc, .rtcp_ssrc = 99, .cname = "tester", .pt_opus = 111, .pt_red = 112,
		.ext_level = 1, .first_seq = 65500, .first_timestamp = 0xFFFFF000,
	};

	assert_int_equal(peer_new(&s->peer, &cfg, take_line, s->line, &events, s), 0);
}

/* wrong: a expects another certificate. */
static struct pair *open_pair(const struct transport_fake_line *line, uint32_t ssrc_b, bool wrong)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->now = START_US;
	fake_clock_set(p->now);
	assert_int_equal(dtls_cert_new(&p->a.cert), 0);
	assert_int_equal(dtls_cert_new(&p->b.cert), 0);
	assert_int_equal(transport_fake_pair(&p->a.line, &p->b.line, line), 0);
	open_side(&p->a, dtls_cert_fingerprint(wrong ? p->a.cert : p->b.cert), true, 0xA0A0A0A0);
	open_side(&p->b, dtls_cert_fingerprint(p->a.cert), false, ssrc_b);
	return p;
}

static void close_pair(struct pair *p)
{
	peer_free(&p->a.peer);
	peer_free(&p->b.peer);
	dtls_cert_free(&p->a.cert);
	dtls_cert_free(&p->b.cert);
	fake_clock_set(0);
	free(p);
}

static void step(struct pair *p)
{
	p->now += STEP_US;
	fake_clock_set(p->now);
	for (struct side *s = &p->a; s; s = s == &p->a ? &p->b : NULL) {
		if (s->line)
			transport_fake_tick(s->line, p->now);
		if (s->line2)
			transport_fake_tick(s->line2, p->now);
	}
	if (p->a.peer)
		peer_tick(p->a.peer, p->now);
	if (p->b.peer)
		peer_tick(p->b.peer, p->now);
}

static void run(struct pair *p, int64_t us)
{
	for (int64_t end = p->now + us; p->now < end;)
		step(p);
}

static bool is_up(const struct pair *p)
{
	return p->a.state == PEER_UP && p->b.state == PEER_UP;
}

static void run_until_up(struct pair *p, int64_t limit_us)
{
	for (int64_t end = p->now + limit_us; p->now < end && !is_up(p);)
		step(p);
	assert_true(is_up(p));
}

static void say(struct pair *p, struct side *s, uint8_t first, size_t len, int level, bool voice)
{
	uint8_t payload[1500];
	struct media_packet pkt = { payload, len, 960, level, voice, false };

	make_payload(payload, len, first);
	peer_send(s->peer, &pkt, p->now);
}

/* n frames, one each 20 ms, from a. */
static void talk(struct pair *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		say(p, &p->a, (uint8_t)i, 60 + i % 40, -(int)(i % 128), i % 2);
		run(p, FRAME_US);
	}
}

static void frames_arrive_as_they_were_sent(void **state)
{
	struct transport_fake_line line = { .delay_us = 10000 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);

	(void)state;
	say(p, &p->a, 1, 20, 0, false);                 /* before it is up: dropped, time goes on */
	run_until_up(p, 200000);
	peer_skip(p->a.peer, 960);
	talk(p, 200);
	run(p, 100000);
	assert_int_equal(p->b.n, 200);
	for (unsigned i = 0; i < 200; i++) {
		const struct heard *h = p->b.heard + i;

		assert_true(h->whole);
		assert_int_equal(h->first, (uint8_t)i);
		assert_int_equal(h->f.len, 60 + i % 40);
		assert_int_equal(h->f.ssrc, 0xA0A0A0A0);
		assert_int_equal(h->f.seq, (uint16_t)(65500 + i));
		assert_int_equal(h->f.timestamp, 0xFFFFF000 + 960 * (i + 2));
		assert_int_equal(h->f.level, -(int)(i % 128));
		assert_int_equal(h->f.voice, i % 2);
		assert_false(h->f.recovered);
		assert_true(h->f.arrival_us - p->b.heard[0].f.arrival_us == (int64_t)i * FRAME_US);
	}
	/* And the other way, on the same line. */
	say(p, &p->b, 77, 33, -5, true);
	run(p, 100000);
	assert_int_equal(p->a.n, 1);
	assert_int_equal(p->a.heard[0].f.ssrc, 0xB0B0B0B0);
	close_pair(p);
}

static void states_are_told_in_their_order(void **state)
{
	struct pair *p = open_pair(NULL, 0, false);

	(void)state;
	assert_int_equal(p->a.state, PEER_CONNECTING);
	step(p);
	assert_int_equal(p->a.changes, 1);
	assert_int_equal(p->a.state, PEER_SECURING);
	run_until_up(p, 200000);
	assert_int_equal(p->a.changes, 2);
	/* The other end leaves: told at once. */
	peer_free(&p->b.peer);
	p->b.line = NULL;
	p->now += STEP_US;
	transport_fake_tick(p->a.line, p->now);
	assert_int_equal(p->a.state, PEER_FAILED);
	assert_true(*p->a.why);
	assert_true(peer_tick(p->a.peer, p->now) == CLOCK_NEVER);
	close_pair(p);
}

static void lossy_line_only_delays_the_start(void **state)
{
	int64_t longest = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct transport_fake_line line = { .delay_us = 40000, .jitter_us = 20000, .loss = 0.2,
						    .duplicate = 0.05, .reorder = 0.05, .seed = seed };
		struct pair *p = open_pair(&line, 0xB0B0B0B0, false);

		run_until_up(p, 15000000);
		longest = p->now - START_US > longest ? p->now - START_US : longest;
		close_pair(p);
	}
	print_message("20 %% loss, 40 ms: the slowest of 40 peers was up after %lld ms\n", (long long)longest / 1000);
}

static void loss_and_copies_are_counted(void **state)
{
	struct transport_fake_line line = { .delay_us = 20000, .loss = 0.1, .duplicate = 0.1, .seed = 3 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);
	struct peer_stats st;
	struct peer_source src;

	(void)state;
	run_until_up(p, 15000000);
	talk(p, 1000);
	run(p, 200000);
	peer_stats(p->b.peer, &st);
	assert_true(p->b.n > 860 && p->b.n < 940);
	assert_int_equal(st.lost, 1000 - (int64_t)p->b.n);
	assert_true(st.replayed > 60 && st.replayed < 160);
	assert_int_equal(st.malformed + st.bad_srtp + st.video_packets + st.unknown_pt, 0);
	assert_int_equal(st.streams, 1);
	for (size_t i = 1; i < p->b.n; i++)
		assert_true(seq_diff(p->b.heard[i].f.seq, p->b.heard[i - 1].f.seq) > 0);
	assert_int_equal(peer_sources(p->b.peer, &src, 1), 1);
	assert_int_equal(src.packets, p->b.n);
	assert_int_equal(src.lost, st.lost);
	/* b's reports tell a of it. */
	peer_stats(p->a.peer, &st);
	assert_true(st.out_loss > 0.03 && st.out_loss < 0.2);
	assert_int_equal(st.out_rtp_packets, 1000);
	peer_forget(p->b.peer, src.ssrc);
	assert_int_equal(peer_sources(p->b.peer, &src, 1), 0);
	peer_stats(p->b.peer, &st);
	assert_true(st.lost > 0);
	close_pair(p);
}

static void round_trip_is_measured_by_reports(void **state)
{
	struct transport_fake_line line = { .delay_us = 40000 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);
	struct peer_stats a, b;

	(void)state;
	run_until_up(p, 2000000);
	peer_stats(p->a.peer, &a);
	assert_true(a.rtt_ms < 0);
	for (unsigned i = 0; i < 1500; i++) {           /* 30 s, both talk */
		say(p, &p->a, (uint8_t)i, 80, -20, true);
		say(p, &p->b, (uint8_t)i, 80, -20, true);
		run(p, FRAME_US);
	}
	peer_stats(p->a.peer, &a);
	peer_stats(p->b.peer, &b);
	assert_true(a.rtt_ms > 78 && a.rtt_ms < 92);
	assert_true(b.rtt_ms > 78 && b.rtt_ms < 92);
	assert_true(a.out_loss == 0 && a.lost == 0);
	close_pair(p);
}

static void reports_cost_less_than_two_percent(void **state)
{
	struct transport_fake_line line = { .delay_us = 20000 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);
	struct peer_stats st;
	uint64_t need = 0;

	(void)state;
	run_until_up(p, 2000000);
	for (unsigned i = 0; i < 3000; i++) {           /* a minute at 32 kbit/s */
		say(p, &p->a, (uint8_t)i, 80, -20, true);
		say(p, &p->b, (uint8_t)i, 80, -20, true);
		run(p, FRAME_US);
		need += 80 + 12 + 8 + 16 + 28;          /* frame, RTP, level, GCM's tag, UDP and IP */
	}
	peer_stats(p->a.peer, &st);
	assert_true(st.out_rtp_bytes == need);
	assert_true(st.out_packets - st.out_rtp_packets >= 8);
	print_message("RTCP adds %.2f %%\n", 100.0 * (double)(st.out_bytes - need) / (double)need);
	assert_true(st.out_bytes * 100 < need * 102);
	close_pair(p);
}

static void muted_peer_sends_reports_alone(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);
	struct peer_stats st;

	(void)state;
	run_until_up(p, 2000000);
	talk(p, 1500);
	peer_stats(p->b.peer, &st);
	assert_int_equal(st.out_rtp_packets, 0);
	assert_true(st.out_packets >= 4 && st.out_packets <= 13);
	run(p, 20000000);                               /* nobody talks: nothing to report */
	peer_stats(p->b.peer, &st);
	assert_true(st.out_packets <= 14);
	assert_int_equal(p->b.state, PEER_UP);
	close_pair(p);
}

static void wrong_fingerprint_fails_with_words(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, true);

	(void)state;
	run(p, 500000);
	assert_int_equal(p->a.state, PEER_FORGED);
	assert_non_null(strstr(p->a.why, "certificate"));
	assert_int_equal(p->b.state, PEER_FAILED);
	say(p, &p->a, 1, 50, 0, false);
	run(p, 500000);
	assert_int_equal(p->b.n, 0);
	close_pair(p);
}

static void silence_is_noticed_and_ends(void **state)
{
	struct transport_fake_line line = { .down_from_us = START_US + 5000000, .down_to_us = START_US + 25000000 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);

	(void)state;
	run_until_up(p, 2000000);
	while (p->now < START_US + 11000000)
		talk(p, 1);
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	assert_true(*p->a.why);
	while (p->now < START_US + 26000000)
		talk(p, 1);
	assert_int_equal(p->a.state, PEER_UP);
	assert_int_equal(p->b.state, PEER_UP);
	assert_true(p->b.heard[p->b.n - 1].f.arrival_us > START_US + 25000000);
	close_pair(p);
}

/* A transport that notices nothing: only the reports stop. */
static void missing_reports_are_noticed_while_we_talk(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);
	struct peer *b;
	int64_t at;

	(void)state;
	run_until_up(p, 2000000);
	talk(p, 600);
	assert_int_equal(p->a.state, PEER_UP);
	b = p->b.peer;
	p->b.peer = NULL;                               /* it hangs: no tick, no report */
	for (at = p->now; p->a.state == PEER_UP && p->now < at + 30000000;)
		talk(p, 1);
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	/* The last report may have been long ago already. */
	assert_true(p->now - at < 17000000);
	p->b.peer = b;
	talk(p, 500);
	assert_int_equal(p->a.state, PEER_UP);
	close_pair(p);
}

static int deaf_send(struct transport *t, const uint8_t *buf, size_t len)
{
	(void)t;
	(void)buf;
	(void)len;
	return 0;
}

/* What we send is swallowed, what the other side sends still comes. */
static void one_way_line_is_noticed(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);
	const struct transport_ops *honest;
	struct transport_ops deaf;
	int64_t at;

	(void)state;
	run_until_up(p, 2000000);
	talk(p, 1500);                          /* 30 s */
	assert_int_equal(p->a.state, PEER_UP);
	honest = p->a.line->ops;
	deaf = *honest;
	deaf.send = deaf_send;
	p->a.line->ops = &deaf;
	for (at = p->now; p->a.state == PEER_UP && p->now < at + 30000000;) {
		say(p, &p->b, 1, 40, -20, true);
		talk(p, 1);
	}
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	assert_string_equal(p->a.why, "the bridge does not get our sound");
	assert_true(p->now - at < 17000000);
	p->a.line->ops = honest;
	talk(p, 500);
	assert_int_equal(p->a.state, PEER_UP);
	/* Muted, nobody reports, and nobody misses anything. */
	for (int i = 0; i < 1500; i++) {
		say(p, &p->b, 1, 40, -20, true);
		run(p, FRAME_US);
	}
	assert_int_equal(p->a.state, PEER_UP);
	close_pair(p);
}

/* As Jitsi's bridge writes it: the number has a sign when it is added. */
static void report_like_a_bridge(struct pair *p, uint32_t cycles, uint16_t seq)
{
	struct rtcp_report r = { .ssrc = 0xA0A0A0A0, .highest_seq = (cycles << 16) + (uint32_t)(int16_t)seq };
	_Alignas(8) uint8_t buf[200];
	size_t len = 0;

	assert_int_equal(rtcp_write_rr(buf, sizeof(buf) - SRTP_ROOM, &len, 99, &r, 1), 0);
	assert_int_equal(srtp_box_protect_rtcp(p->b.peer->box, buf, &len), 0);
	assert_int_equal(peer_transmit(p->b.peer, buf, len), 0);
}

static void bridges_count_is_understood(void **state)
{
	static const struct { uint16_t first; uint32_t before, after; } c[] = {
		{ 32768 - 500, 0, 0 }, { 65536 - 500, 3, 4 }, { 32768 - 500, 7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);
		uint16_t seq = 0;

		run_until_up(p, 2000000);
		p->a.peer->seq = c[i].first;
		p->b.peer->next_report_us = CLOCK_NEVER;        /* the others are its reports */
		for (unsigned s = 0; s < 35; s++) {
			talk(p, 50);
			seq = (uint16_t)(p->a.peer->seq - 1);
			report_like_a_bridge(p, s < 10 ? c[i].before : c[i].after, seq);
			assert_int_equal(p->a.state, PEER_UP);
		}
		/* It says the same again and again: nothing more has come. */
		for (unsigned s = 0; s < 16; s++) {
			talk(p, 50);
			report_like_a_bridge(p, c[i].after, seq);
		}
		assert_int_equal(p->a.state, PEER_INTERRUPTED);
		close_pair(p);
	}
}

static void no_answer_at_all_fails_in_time(void **state)
{
	struct transport_fake_line line = { .loss = 1 };
	struct pair *p = open_pair(&line, 0, false);

	(void)state;
	run(p, 29000000);
	assert_int_equal(p->a.state, PEER_SECURING);
	run(p, 2000000);
	assert_int_equal(p->a.state, PEER_FAILED);
	assert_true(*p->a.why);
	close_pair(p);
}

/* ---- another way beside the one in use ---- */

static int take_line2(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	struct side *s = make_ctx;

	*out = s->line2;
	transport_fake_handlers(*out, ev, ctx);
	return 0;
}

static void try_other_way(struct pair *p, const struct transport_fake_line *line)
{
	assert_int_equal(transport_fake_pair(&p->a.line2, &p->b.line2, line), 0);
	assert_int_equal(peer_try(p->a.peer, PEER_TRY_DIRECT, take_line2, &p->a), 0);
	assert_int_equal(peer_try(p->b.peer, PEER_TRY_DIRECT, take_line2, &p->b), 0);
	assert_true(peer_is_trying(p->a.peer));
	p->tried = p->now;
}

/* The first lines are freed by their peers, 3 s after the change. */
static void old_way_goes(struct pair *p)
{
	run(p, p->tried + 2900000 - p->now);
	p->a.line = p->b.line = NULL;
	run(p, 500000);
}

static void other_way_takes_over_without_a_gap(void **state)
{
	struct transport_fake_line line = { .delay_us = 40000 }, better = { .delay_us = 5000 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);

	(void)state;
	run_until_up(p, 2000000);
	talk(p, 50);
	try_other_way(p, &better);
	talk(p, 50);
	assert_int_equal(p->a.paths, 1);
	assert_int_equal(p->b.paths, 1);
	assert_false(peer_is_trying(p->a.peer));
	assert_ptr_equal(peer_transport(p->a.peer), p->a.line2);
	run(p, 200000);
	assert_int_equal(p->b.n, 100);          /* also those that were on the old way */
	assert_int_equal(p->a.changes, 2);      /* securing, up: nobody was told of anything else */
	old_way_goes(p);
	talk(p, 20);
	run(p, 100000);
	assert_int_equal(p->b.n, 120);
	close_pair(p);
}

static void other_way_ends_an_interruption(void **state)
{
	struct transport_fake_line line = { .down_from_us = START_US + 2000000, .down_to_us = INT64_MAX / 2 };
	struct pair *p = open_pair(&line, 0xB0B0B0B0, false);

	(void)state;
	run_until_up(p, 1000000);
	run(p, 8000000);
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	assert_string_equal(p->a.why, "no answers from the bridge");
	try_other_way(p, NULL);
	run(p, 100000);
	assert_int_equal(p->a.state, PEER_UP);
	assert_int_equal(p->b.state, PEER_UP);
	talk(p, 10);
	run(p, 100000);
	assert_int_equal(p->b.n, 10);
	assert_int_equal(p->b.heard[0].f.seq, 65500);   /* nothing began anew */
	old_way_goes(p);
	assert_int_equal(p->a.state, PEER_UP);
	close_pair(p);
}

static void dead_address_is_told_at_once_and_fails_in_30_s(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);

	(void)state;
	run_until_up(p, 1000000);
	peer_path_dead(p->a.peer, "this machine's address is gone");
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	assert_string_equal(p->a.why, "this machine's address is gone");
	run(p, 19000000);
	assert_int_equal(p->a.state, PEER_INTERRUPTED);
	run(p, 1500000);
	assert_int_equal(p->a.state, PEER_FAILED);
	assert_int_equal(peer_try(p->a.peer, PEER_TRY_DIRECT, take_line2, &p->a), -EINVAL);
	close_pair(p);
}

static int make_none(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	(void)make_ctx;
	(void)ev;
	(void)ctx;
	*out = NULL;
	return -ENETUNREACH;
}

static int make_deaf(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	struct side *s = make_ctx;

	assert_int_equal(transport_fake_pair(&s->line2, out, NULL), 0);
	transport_fake_handlers(*out, ev, ctx);         /* nobody ticks it: it never connects */
	return 0;
}

static void other_way_that_does_not_come_is_given_up(void **state)
{
	struct pair *p = open_pair(NULL, 0xB0B0B0B0, false);
	struct transport *far;

	(void)state;
	run_until_up(p, 1000000);
	assert_int_equal(peer_try(p->a.peer, PEER_TRY_DIRECT, make_none, NULL), -ENETUNREACH);
	assert_false(peer_is_trying(p->a.peer));
	assert_int_equal(peer_try(p->a.peer, PEER_TRY_RELAY, make_deaf, &p->a), 0);
	far = p->a.line2;
	p->a.line2 = NULL;
	talk(p, 950);
	assert_true(peer_is_trying(p->a.peer));
	talk(p, 100);
	assert_false(peer_is_trying(p->a.peer));
	assert_int_equal(p->a.paths, 0);
	assert_int_equal(p->a.state, PEER_UP);
	transport_free(&far);
	close_pair(p);
}

/* ---- packets that our own sender does not make ---- */

/* Sends a packet of any kind with a's keys. */
static void send_raw(struct pair *p, uint8_t pt, uint16_t seq, uint32_t ssrc, const void *payload, size_t len)
{
	_Alignas(8) uint8_t buf[600];
	size_t n = rtp_write_header(buf, pt, false, seq, seq * 960u, ssrc, 1, -30, true);

	memcpy(buf + n, payload, len);
	n += len;
	assert_int_equal(srtp_box_protect(p->a.peer->box, buf, &n), 0);
	assert_int_equal(transport_send(p->a.line, buf, n), 0);
}

/* A RED packet with its own frame and `old` frames before it. */
/* What is sent twice: a line that loses one in ten, and hardly a frame. */
static void what_goes_out_twice_comes_back(void **state)
{
	struct transport_fake_line line = { .delay_us = 1000, .loss = 0.1, .seed = 4 };
	struct peer_stats a, b;

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		struct pair *p = open_pair(&line, 0xB0B0B0B0, false);
		unsigned got;

		run_until_up(p, 30000000);
		got = p->b.n;
		for (unsigned i = 0; i < 500; i++) {
			uint8_t payload[300];
			struct media_packet pkt = { payload, 300, 960, -20, true, twice };

			make_payload(payload, sizeof(payload), (uint8_t)i);
			peer_send(p->a.peer, &pkt, p->now);
			run(p, FRAME_US);
		}
		peer_stats(p->a.peer, &a);
		peer_stats(p->b.peer, &b);
		got = p->b.n - got;
		assert_true(twice ? got > 485 && b.recovered > 20 : got < 470 && !b.recovered);
		/* IP and UDP, RTP with a level, the tag; and where there are two, their header. */
		assert_in_range(a.out_overhead, 28 + 20 + 10, 28 + 20 + 16 + 5);
		close_pair(p);
	}
}

static void send_red(struct pair *p, uint16_t seq, unsigned old)
{
	uint8_t v[200];
	size_t n = 0;

	for (unsigned i = old; i; i--) {
		v[n++] = 0x80 | 111;
		v[n++] = (uint8_t)(i * 960 >> 6);
		v[n++] = (uint8_t)((i * 960 & 0x3F) << 2);
		v[n++] = 30;
	}
	v[n++] = 111;
	for (unsigned i = old + 1; i; i--, n += 30)
		make_payload(v + n, 30, (uint8_t)(seq - i + 1));
	send_raw(p, 112, seq, 5, v, n);
	step(p);
}

static void lost_frames_come_back_from_redundancy(void **state)
{
	static const struct { uint16_t seq; bool recovered; } want[] = {
		{ 10, false }, { 11, false }, { 12, true }, { 13, false },
		{ 15, true }, { 16, false }, { 14, true }, { 17, false }, { 18, false },
	};
	struct pair *p = open_pair(NULL, 0, false);
	struct peer_stats st;

	(void)state;
	run_until_up(p, 2000000);
	send_red(p, 10, 2);                     /* the first one: nothing was missed before it */
	send_red(p, 11, 2);
	send_red(p, 13, 1);                     /* 12 is lost */
	send_red(p, 16, 1);                     /* 14 and 15 are lost, one is in it */
	send_red(p, 12, 0);                     /* 12 was only late */
	send_red(p, 17, 3);                     /* 14 at last */
	send_red(p, 18, 2);
	assert_int_equal(p->b.n, 9);
	for (unsigned i = 0; i < 9; i++) {
		const struct heard *h = p->b.heard + i;

		assert_int_equal(h->f.seq, want[i].seq);
		assert_int_equal(h->f.recovered, want[i].recovered);
		assert_int_equal(h->f.timestamp, want[i].seq * 960u);
		assert_int_equal(h->first, want[i].seq);
		assert_true(h->whole);
		assert_int_equal(h->f.level, want[i].recovered ? 1 : -30);
	}
	peer_stats(p->b.peer, &st);
	assert_int_equal(st.recovered, 3);
	assert_int_equal(st.duplicate, 1);
	assert_int_equal(st.malformed, 0);
	close_pair(p);
}

static void what_is_no_sound_is_counted_and_dropped(void **state)
{
	static const uint8_t some[40] = { 1, 2, 3 };
	struct pair *p = open_pair(NULL, 0, false);
	struct peer_stats st;

	(void)state;
	run_until_up(p, 2000000);
	send_raw(p, 100, 1, 50, some, 40);
	send_raw(p, 41, 1, 51, some, 40);
	send_raw(p, 0, 1, 52, some, 40);
	send_raw(p, 126, 1, 53, some, 4);
	send_raw(p, 112, 1, 54, "\xEF\xFF", 2); /* broken redundancy */
	send_raw(p, 111, 1, 55, "", 0);         /* empty: a probe */
	transport_send(p->a.line, (const uint8_t *)"\x40garbage garbage", 16);
	transport_send(p->a.line, (const uint8_t *)"\x80\x6Fgarbage garbage garbage garbage", 33);
	run(p, 20000);
	peer_stats(p->b.peer, &st);
	assert_int_equal(p->b.n, 0);
	assert_int_equal(st.video_packets, 2);
	assert_int_equal(st.unknown_pt, 1);
	assert_int_equal(st.malformed, 2);
	assert_int_equal(st.bad_srtp, 1);
	assert_int_equal(p->b.state, PEER_UP);
	close_pair(p);
}

/* A packet a frame, with transport-wide numbers. */
static void talk_numbered(struct pair *p, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		_Alignas(8) uint8_t buf[100] = {
			0x90, 111, (uint8_t)(i >> 8), (uint8_t)i, 0, 0, 0, 0, 0, 0, 0, 7,
			0xBE, 0xDE, 0, 1, 5 << 4 | 1, (uint8_t)((65000 + i) >> 8), (uint8_t)(65000 + i), 0,
		};
		size_t len = 60;

		assert_int_equal(srtp_box_protect(p->a.peer->box, buf, &len), 0);
		assert_int_equal(transport_send(p->a.line, buf, len), 0);
		run(p, FRAME_US);
	}
}

static void arrivals_are_told_back_where_that_was_agreed(void **state)
{
	struct pair *p = open_pair(NULL, 0, false);
	struct peer_stats before, after;

	(void)state;
	run_until_up(p, 2000000);
	peer_stats(p->b.peer, &before);
	talk_numbered(p, 0, 500);
	peer_stats(p->b.peer, &after);
	assert_in_range(after.out_packets - before.out_packets, 1, 5);  /* reports */
	p->b.peer->ext_tcc = 5;
	before = after;
	talk_numbered(p, 500, 1000);
	peer_stats(p->b.peer, &after);
	/* Who owns it calls when it was asked to. */
	assert_true(peer_tick(p->b.peer, p->now) - p->now <= 100000);
	/* Ten a second; what they cost is why the client does not ask for them. */
	assert_in_range(after.out_packets - before.out_packets, 85, 110);
	assert_in_range(after.out_bytes - before.out_bytes, 6000, 9000);
	run(p, 1000000);
	before = after;
	run(p, 10000000);                       /* nothing came, nothing is told */
	peer_stats(p->b.peer, &after);
	assert_in_range(after.out_packets - before.out_packets, 0, 5);
	peer_stats(p->a.peer, &after);
	assert_int_equal(after.malformed + after.bad_srtp, 0);
	close_pair(p);
}

static void crowd_of_sources_is_bounded(void **state)
{
	static struct peer_source v[1000];
	struct pair *p = open_pair(NULL, 0, false);

	(void)state;
	run_until_up(p, 2000000);
	for (uint32_t ssrc = 1; ssrc <= 600; ssrc++) {
		send_raw(p, 111, 1, ssrc, "\1\4\7", 3);
		step(p);
	}
	assert_int_equal(p->b.n, 600);
	assert_int_equal(peer_sources(p->b.peer, v, 1000), 256);
	for (unsigned i = 0; i < 256; i++)
		assert_true(v[i].ssrc > 600 - 256);
	assert_int_equal(peer_sources(p->b.peer, v, 3), 3);
	run(p, 10000000);                       /* reports about 31 at a time */
	close_pair(p);
}

const struct CMUnitTest test_peer[] = {
	cmocka_unit_test(frames_arrive_as_they_were_sent),
	cmocka_unit_test(states_are_told_in_their_order),
	cmocka_unit_test(lossy_line_only_delays_the_start),
	cmocka_unit_test(loss_and_copies_are_counted),
	cmocka_unit_test(round_trip_is_measured_by_reports),
	cmocka_unit_test(reports_cost_less_than_two_percent),
	cmocka_unit_test(muted_peer_sends_reports_alone),
	cmocka_unit_test(wrong_fingerprint_fails_with_words),
	cmocka_unit_test(silence_is_noticed_and_ends),
	cmocka_unit_test(missing_reports_are_noticed_while_we_talk),
	cmocka_unit_test(one_way_line_is_noticed),
	cmocka_unit_test(bridges_count_is_understood),
	cmocka_unit_test(no_answer_at_all_fails_in_time),
	cmocka_unit_test(other_way_takes_over_without_a_gap),
	cmocka_unit_test(other_way_ends_an_interruption),
	cmocka_unit_test(dead_address_is_told_at_once_and_fails_in_30_s),
	cmocka_unit_test(other_way_that_does_not_come_is_given_up),
	cmocka_unit_test(lost_frames_come_back_from_redundancy),
	cmocka_unit_test(what_goes_out_twice_comes_back),
	cmocka_unit_test(what_is_no_sound_is_counted_and_dropped),
	cmocka_unit_test(arrivals_are_told_back_where_that_was_agreed),
	cmocka_unit_test(crowd_of_sources_is_bounded),
	{0}
};
