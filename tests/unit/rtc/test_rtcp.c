/* test_rtcp.c - reports and feedback, read back and held against the RFCs */
#include "rtc/rtcp.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "unit/unit.h"

struct seen {
	struct rtcp_packet v[16];
	size_t n;
};

static void note(void *ctx, const struct rtcp_packet *p)
{
	struct seen *s = ctx;

	if (s->n < 16)
		s->v[s->n++] = *p;
}

static void compound_comes_back_as_written(void **state)
{
	struct rtcp_sender sender = { 0x11223344, 0xE0000000ABCDEF01ull, 960, 50, 5000 };
	struct rtcp_report r = { 0xAABBCCDD, 25, -3, 0x10005, 77, 0x12345678, 65536 }, back;
	struct rtcp_report big = { .ssrc = 1, .lost = 0x1000000 };
	uint8_t p[512];
	size_t len = 0;
	struct seen s = {0};

	(void)state;
	assert_int_equal(rtcp_write_sr(p, sizeof(p), &len, &sender, &r, 1), 0);
	assert_int_equal(rtcp_write_sdes(p, sizeof(p), &len, 0x11223344, "somebody"), 0);
	assert_int_equal(rtcp_write_rr(p, sizeof(p), &len, 7, &big, 1), 0);
	assert_int_equal(rtcp_write_pli(p, sizeof(p), &len, 7, 8), 0);
	assert_int_equal(rtcp_write_fir(p, sizeof(p), &len, 7, 9, 200), 0);
	assert_int_equal(rtcp_write_bye(p, sizeof(p), &len, 0x11223344), 0);
	assert_int_equal(rtcp_parse(p, len, note, &s), 6);
	assert_int_equal(s.v[0].kind, RTCP_SR);
	assert_int_equal(s.v[0].ssrc, 0x11223344);
	assert_true(s.v[0].ntp == sender.ntp);
	assert_int_equal(s.v[0].rtp_timestamp, 960);
	assert_int_equal(s.v[0].packets, 50);
	assert_int_equal(s.v[0].octets, 5000);
	assert_int_equal(rtcp_report_get(s.v, 0, &back), 0);
	assert_int_equal(back.ssrc, r.ssrc);
	assert_int_equal(back.fraction, r.fraction);
	assert_int_equal(back.lost, r.lost);
	assert_int_equal(back.highest_seq, r.highest_seq);
	assert_int_equal(back.jitter, r.jitter);
	assert_int_equal(back.lsr, r.lsr);
	assert_int_equal(back.dlsr, r.dlsr);
	assert_int_equal(rtcp_report_get(s.v, 1, &back), -ENOENT);
	assert_int_equal(s.v[1].kind, RTCP_SDES);
	assert_int_equal(s.v[1].ssrc, 0x11223344);
	assert_int_equal(s.v[1].raw_len, 20);
	assert_memory_equal(s.v[1].raw + 8, "\1\10somebody\0", 11);
	assert_int_equal(rtcp_report_get(s.v + 2, 0, &back), 0);
	assert_int_equal(back.lost, 0x7FFFFF);
	assert_int_equal(s.v[3].kind, RTCP_PLI);
	assert_int_equal(s.v[3].media_ssrc, 8);
	assert_int_equal(s.v[4].kind, RTCP_FIR);
	assert_int_equal(s.v[4].media_ssrc, 9);
	assert_int_equal(s.v[5].kind, RTCP_BYE);
	assert_int_equal(s.v[5].ssrc, 0x11223344);
}

static void full_buffer_is_told(void **state)
{
	struct rtcp_sender sender = {0};
	uint16_t seq[] = { 1, 2 };
	int64_t times[] = { 0, 1000000 };
	uint8_t p[64];

	(void)state;
	for (size_t size = 0; size < 20; size++) {
		size_t len = 0;

		assert_int_equal(rtcp_write_sr(p, size, &len, &sender, NULL, 0), -ENOSPC);
		assert_int_equal(rtcp_write_rr(p, size < 8 ? size : 7, &len, 1, NULL, 0), -ENOSPC);
		assert_int_equal(rtcp_write_sdes(p, size < 12 ? size : 11, &len, 1, "c"), -ENOSPC);
		assert_int_equal(rtcp_write_nack(p, size < 16 ? size : 15, &len, 1, 2, seq, 2), -ENOSPC);
		assert_int_equal(rtcp_write_tcc(p, size, &len, 1, 2, 3, times, 2, 0), -ENOSPC);
		assert_int_equal(len, 0);
	}
}

static void broken_compounds_end_where_they_break(void **state)
{
	uint8_t p[128];
	size_t len = 0;
	struct seen s = {0};

	(void)state;
	rtcp_write_rr(p, sizeof(p), &len, 1, NULL, 0);
	rtcp_write_bye(p, sizeof(p), &len, 1);
	p[11] = 9;                              /* longer than what is there */
	assert_int_equal(rtcp_parse(p, len, note, &s), -EBADMSG);
	assert_int_equal(s.n, 1);
	p[0] = 0x85;                            /* five report blocks in 8 bytes */
	s.n = 0;
	assert_int_equal(rtcp_parse(p, 8, note, &s), -EBADMSG);
	assert_int_equal(s.n, 0);
	p[0] = 0xA0;                            /* padding of 0 and of too much */
	p[7] = 0;
	assert_int_equal(rtcp_parse(p, 8, note, &s), -EBADMSG);
	p[7] = 8;
	assert_int_equal(rtcp_parse(p, 8, note, &s), -EBADMSG);
	assert_int_equal(rtcp_parse(p, 3, note, &s), -EBADMSG);
	assert_int_equal(rtcp_parse(p, 0, note, &s), 0);
}

struct list { uint16_t v[64]; size_t n; };

static void note_seq(void *ctx, uint16_t seq)
{
	struct list *l = ctx;

	if (l->n < 64)
		l->v[l->n++] = seq;
}

static void nack_names_every_number_in_few_words(void **state)
{
	static const uint16_t seq[] = { 65534, 65535, 0, 14, 15, 100, 116, 117 };
	uint8_t p[64];
	size_t len = 0;
	struct seen s = {0};
	struct list l = {0};

	(void)state;
	assert_int_equal(rtcp_write_nack(p, sizeof(p), &len, 1, 2, seq, 8), 0);
	assert_int_equal(len, 12 + 4 * 4);      /* 65534 ..14 | 15 | 100, 116 | 117 */
	assert_int_equal(rtcp_parse(p, len, note, &s), 1);
	assert_int_equal(s.v[0].kind, RTCP_NACK);
	rtcp_nack_each(s.v, note_seq, &l);
	assert_int_equal(l.n, 8);
	assert_memory_equal(l.v, seq, sizeof(seq));
	assert_int_equal(rtcp_write_nack(p, sizeof(p), &len, 1, 2, seq, 0), -EINVAL);
}

/* ---- transport-wide feedback, read as the draft says ---- */

/* Fills out[] with arrivals in us; returns how many statuses there were. */
static size_t read_tcc(const struct rtcp_packet *p, int64_t *out, size_t max)
{
	const uint8_t *b = p->body, *end = b + p->body_len;
	size_t n = (size_t)(b[2] << 8 | b[3]), got = 0;
	int64_t t = (int64_t)((b[4] << 16 | b[5] << 8 | b[6])) * 64000;
	static uint8_t symbol[70000];

	assert_true(n <= max);
	b += 8;
	while (got < n) {
		unsigned c;

		assert_true(end - b >= 2);
		c = (unsigned)(b[0] << 8 | b[1]);
		b += 2;
		if (!(c & 0x8000)) {
			assert_true((c & 0x1FFF) > 0);
			for (unsigned i = 0; i < (c & 0x1FFF); i++) {
				assert_true(got < n);
				symbol[got++] = c >> 13 & 3;
			}
		} else if (!(c & 0x4000)) {
			for (int i = 13; i >= 0 && got < n; i--)
				symbol[got++] = c >> i & 1;
		} else {
			for (int i = 12; i >= 0 && got < n; i -= 2)
				symbol[got++] = c >> i & 3;
		}
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = INT64_MIN;
		assert_true(symbol[i] <= 2);
		if (!symbol[i])
			continue;
		assert_true(end - b >= symbol[i]);
		t += 250 * (symbol[i] == 1 ? (int64_t)b[0] : (int64_t)(int16_t)(b[0] << 8 | b[1]));
		out[i] = t;
		b += symbol[i];
	}
	assert_true(end - b < 4);
	return n;
}

static void check_tcc(const int64_t *times, size_t n)
{
	static uint8_t p[200000];
	static int64_t back[70000];
	size_t len = 0;
	struct seen s = {0};

	assert_int_equal(rtcp_write_tcc(p, sizeof(p), &len, 5, 6, 65500, times, n, 17), 0);
	assert_int_equal(len % 4, 0);
	assert_int_equal(rtcp_parse(p, len, note, &s), 1);
	assert_int_equal(s.v[0].kind, RTCP_TCC);
	assert_int_equal(s.v[0].media_ssrc, 6);
	assert_int_equal(s.v[0].body[0] << 8 | s.v[0].body[1], 65500);
	assert_int_equal(s.v[0].body[7], 17);
	/* read_tcc() looks behind the padding's start, too: take it off. */
	if (p[0] & 0x20)
		assert_true(p[len - 1] >= 1 && p[len - 1] <= 3);
	assert_int_equal(read_tcc(s.v, back, 70000), n);
	for (size_t i = 0; i < n; i++) {
		if (times[i] == INT64_MIN) {
			assert_true(back[i] == INT64_MIN);
			continue;
		}
		assert_true(back[i] <= times[i] && times[i] - back[i] < 250);
	}
}

static void transport_feedback_tells_every_arrival(void **state)
{
	static const int64_t few[] = { 1000000, 1001000, INT64_MIN, 1100000, 1090000, 1090000 };
	static int64_t many[60000];
	uint32_t x = 1;

	(void)state;
	check_tcc(few, 1);
	check_tcc(few, 6);
	/* Every mix of lost, near, far and backward, by a fixed sequence. */
	for (int round = 0; round < 200; round++) {
		size_t n = (size_t)round * 7 + 1;
		int64_t t = 5000000;

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525u + 1013904223u;
			t += (x >> 8 & 15) < (unsigned)(round % 16) ? (int64_t)(x >> 12 & 0x3FFFF) - 60000 :
				(int64_t)(x >> 12 & 0x3FFF);
			many[i] = i && (x >> 4 & 7) < (unsigned)(round % 5) ? INT64_MIN : t;
		}
		many[0] = 5000000;
		check_tcc(many, n);
	}
	/* Runs longer than one chunk can say. */
	for (size_t i = 0; i < 60000; i++)
		many[i] = i < 20 || i > 59900 ? (int64_t)(100 + i) * 100 : INT64_MIN;
	check_tcc(many, 60000);
}

static void transport_feedback_that_cannot_be_said_is_refused(void **state)
{
	static const int64_t far[] = { 0, 9000000 }, none[] = { INT64_MIN };
	uint8_t p[64];
	size_t len = 0;

	(void)state;
	assert_int_equal(rtcp_write_tcc(p, sizeof(p), &len, 1, 2, 3, far, 2, 0), -ERANGE);
	assert_int_equal(rtcp_write_tcc(p, sizeof(p), &len, 1, 2, 3, none, 1, 0), -EINVAL);
	assert_int_equal(rtcp_write_tcc(p, sizeof(p), &len, 1, 2, 3, none, 0, 0), -EINVAL);
	assert_int_equal(len, 0);
}

/* ---- statistics ---- */

static void losses_are_counted_and_reported_once(void **state)
{
	struct rtp_stats s = { .ssrc = 9 };
	struct rtcp_report r;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		if (i % 4)
			rtp_stats_packet(&s, (uint16_t)(65500 + i), i * 960, 100, i * 20000, 48000);
	assert_int_equal(rtp_stats_lost(&s), 24);       /* the first one nobody missed */
	rtp_stats_report(&s, &r, 2000000);
	assert_int_equal(r.ssrc, 9);
	assert_int_equal(r.lost, 24);
	assert_int_equal(r.fraction, 24 * 256 / 99);
	assert_int_equal(r.highest_seq, 65536 + 63);
	assert_int_equal(r.jitter, 0);
	assert_int_equal(r.lsr, 0);
	assert_int_equal(r.dlsr, 0);
	rtp_stats_report(&s, &r, 2500000);
	assert_int_equal(r.fraction, 0);
	assert_int_equal(r.lost, 24);
}

static void late_and_double_packets_are_told_apart(void **state)
{
	static const uint16_t order[] = { 10, 11, 13, 12, 12, 14, 14, 11 };
	struct rtp_stats s = {0};

	(void)state;
	for (size_t i = 0; i < 8; i++)
		rtp_stats_packet(&s, order[i], order[i] * 960u, 100, order[i] * 20000, 48000);
	assert_int_equal(s.received, 5);
	assert_int_equal(s.late, 1);
	assert_int_equal(s.duplicate, 3);
	assert_int_equal(rtp_stats_lost(&s), 0);
}

static void sender_that_began_anew_is_no_loss(void **state)
{
	struct rtp_stats s = {0};

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		rtp_stats_packet(&s, (uint16_t)i, i * 960, 100, i * 20000, 48000);
	for (unsigned i = 0; i < 10; i++)
		rtp_stats_packet(&s, (uint16_t)(30000 + i), i * 960, 100, (i + 10) * 20000, 48000);
	assert_true(rtp_stats_lost(&s) <= 1);
	assert_int_equal(s.max_seq, 30009);
}

static void jitter_follows_the_line(void **state)
{
	struct rtp_stats s = {0};

	(void)state;
	/* Every other packet 10 ms late: |D| is 10 ms each time. */
	for (unsigned i = 0; i < 500; i++)
		rtp_stats_packet(&s, (uint16_t)i, 0xFFFFFF00u + i * 960, 100,
				 i * 20000 + (i % 2 ? 10000 : 0), 48000);
	assert_true(fabs(s.jitter - 480) < 1);
}

static void times_are_those_of_ntp(void **state)
{
	struct rtp_stats s = { .sr_ntp = 0xE0123456789ABCDEull, .sr_us = 1000000 };
	struct rtcp_report r;

	(void)state;
	/* 1970-01-01 and half a second. */
	assert_true(rtcp_ntp(0) == 2208988800ull << 32);
	assert_true(rtcp_ntp(1500000) == (2208988801ull << 32 | 0x80000000u));
	rtp_stats_packet(&s, 1, 1, 1, 0, 48000);
	rtp_stats_report(&s, &r, 2500000);
	assert_int_equal(r.lsr, 0x3456789A);
	assert_int_equal(r.dlsr, 98304);
}

const struct CMUnitTest test_rtcp[] = {
	cmocka_unit_test(compound_comes_back_as_written),
	cmocka_unit_test(full_buffer_is_told),
	cmocka_unit_test(broken_compounds_end_where_they_break),
	cmocka_unit_test(nack_names_every_number_in_few_words),
	cmocka_unit_test(transport_feedback_tells_every_arrival),
	cmocka_unit_test(transport_feedback_that_cannot_be_said_is_refused),
	cmocka_unit_test(losses_are_counted_and_reported_once),
	cmocka_unit_test(late_and_double_packets_are_told_apart),
	cmocka_unit_test(sender_that_began_anew_is_no_loss),
	cmocka_unit_test(jitter_follows_the_line),
	cmocka_unit_test(times_are_those_of_ntp),
	{0}
};
