/* test_jbuf.c - what a listener hears of a line that misbehaves
 *
 * A sender encodes a sound into packets; the line delays, drops, repeats and
 * disorders them; a listener pulls 10 ms every 10 ms.  `ideal` is what a plain
 * decoder makes of all packets.  All time is passed in.
 */
#include "audio/jbuf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/encode.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { HZ = 48000, FIRST_SEQ = 65500, FIRST_TS = 0xfffe0000 };
static const int64_t start_us = 5000000;

struct packet {
	uint8_t p[ENCODE_BYTES];
	int len;
	int64_t arrival_us;
	uint16_t seq;
	uint32_t ts;
	bool lost, twice, given;
	bool copied;            /* if lost, comes with the next one (RFC 2198) */
};

struct line {
	size_t n;               /* samples */
	unsigned frame;
	int16_t *sent, *ideal, *heard;
	struct packet *packet;
	size_t packets;
	struct jbuf *jbuf;
	struct jbuf_stats stats;
	int64_t late_tick_us;   /* each 50th tick comes so late */
};

static void line_new(struct line *l, int16_t *sent, size_t n, unsigned frame, int fec_percent)
{
	struct encoder_config cfg = { .complexity = 5, .fec = fec_percent > 0,
				      .loss_percent = fec_percent };
	struct encoder *e;
	struct decoder *d;

	memset(l, 0, sizeof(*l));
	l->n = n;
	l->frame = frame;
	l->sent = sent;
	l->packets = n / frame;
	l->ideal = calloc(n + DECODE_MAX, sizeof(*l->ideal));
	l->heard = calloc(n + HZ, sizeof(*l->heard));
	l->packet = calloc(l->packets, sizeof(*l->packet));
	assert_true(sent && l->ideal && l->heard && l->packet);
	assert_int_equal(encoder_new(&e, &cfg), 0);
	assert_int_equal(decoder_new(&d), 0);
	for (size_t i = 0; i < l->packets; i++) {
		struct packet *p = &l->packet[i];

		p->len = encoder_frame(e, sent + i * frame, frame, false, p->p);
		assert_true(p->len > 0);
		assert_int_equal(decoder_packet(d, p->p, (size_t)p->len, l->ideal + i * frame),
				 frame);
		p->seq = (uint16_t)(FIRST_SEQ + i);
		p->ts = (uint32_t)(FIRST_TS + i * frame);
		p->arrival_us = start_us + (int64_t)(i + 1) * frame * 125 / 6;
	}
	decoder_free(&d);
	encoder_free(&e);
	assert_int_equal(jbuf_new(&l->jbuf), 0);
}

static void line_free(struct line *l)
{
	jbuf_free(&l->jbuf);
	free(l->sent);
	free(l->ideal);
	free(l->heard);
	free(l->packet);
}

/* Extra delay up to jitter_ms for each packet, loss in per cent. */
static void impair(struct line *l, double jitter_ms, double loss, unsigned seed)
{
	struct dice d = { seed };

	for (size_t i = 0; i < l->packets; i++) {
		l->packet[i].arrival_us += (int64_t)(jitter_ms * 1000 * dice_unit(&d));
		l->packet[i].lost = dice_unit(&d) * 100 < loss;
	}
}

static void give(struct line *l, struct packet *p)
{
	struct media_frame f = {
		.ssrc = 1, .seq = p->seq, .timestamp = p->ts, .arrival_us = p->arrival_us,
		.payload = p->p, .len = (size_t)p->len, .level = -20,
	};

	p->given = true;
	if (p->lost)
		return;
	if (p > l->packet && p[-1].lost && p[-1].copied) {
		struct media_frame c = f;

		c.seq = p[-1].seq;
		c.timestamp = p[-1].ts;
		c.payload = p[-1].p;
		c.len = (size_t)p[-1].len;
		c.recovered = true;
		jbuf_put(l->jbuf, &c);
	}
	jbuf_put(l->jbuf, &f);
	if (p->twice)
		assert_int_equal(jbuf_put(l->jbuf, &f), -EALREADY);
}

static struct packet *next_arrived(struct line *l, size_t *from, int64_t now)
{
	struct packet *best = NULL;

	while (*from < l->packets && l->packet[*from].given)
		++*from;
	for (size_t i = *from; i < l->packets && i < *from + 80; i++) {
		struct packet *p = &l->packet[i];

		if (!p->given && p->arrival_us <= now && (!best || p->arrival_us < best->arrival_us))
			best = p;
	}
	return best;
}

/* Plays all of it into heard. */
static void run(struct line *l)
{
	size_t from = 0, blocks = l->n / JBUF_BLOCK;
	struct packet *p;

	for (size_t b = 0; b < blocks; b++) {
		int64_t when = start_us + 3000 + (int64_t)(b + 1) * 10000;
		int64_t tick = when + (b % 50 == 49 ? l->late_tick_us : 0);

		while ((p = next_arrived(l, &from, tick)))
			give(l, p);
		jbuf_pull(l->jbuf, l->heard + b * JBUF_BLOCK, when);
	}
	jbuf_stats(l->jbuf, &l->stats);
}

/* The lag of heard behind ideal around `at`, with the likeness. */
static size_t lag_at(const struct line *l, size_t at, size_t len, double *like)
{
	double gain;

	return signal_find(l->heard + at, l->n - at, l->ideal + at, len, HZ / 2, like, &gain);
}

static size_t longest_gap(const struct line *l)
{
	return signal_zeros(l->heard + HZ / 10, l->n - HZ / 10);
}

/* ---- a line as it should be ---- */

static void check_clean(struct line *l, unsigned max_delay_ms)
{
	size_t at = 2 * HZ, len = l->n - at - HZ / 2;
	double like;
	size_t lag;

	run(l);
	lag = lag_at(l, at, HZ / 2, &like);
	assert_memory_equal(l->heard + at + lag, l->ideal + at, len * sizeof(*l->ideal));
	assert_int_equal(l->stats.concealed, 0);
	assert_int_equal(l->stats.late, 0);
	assert_int_equal(l->stats.lost, 0);
	assert_true(l->stats.delay_ms <= max_delay_ms);
	assert_true(longest_gap(l) < 96);
}

static void a_clean_line_is_bit_exact_and_quick(void **state)
{
	static const unsigned frame[] = { 480, 960, 1920, 2880 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct line l;

		line_new(&l, signal_speech(6 * HZ, 3), 6 * HZ, frame[i], 0);
		check_clean(&l, 30);
		line_free(&l);
	}
}

static void a_tone_stays_a_tone(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_tone(6 * HZ, 440, 0.3), 6 * HZ, 960, 0);
	run(&l);
	assert_true(signal_bend(l.heard + HZ / 5, l.n - HZ / 5) <=
		    signal_bend(l.ideal + HZ / 5, l.n - HZ / 5) * 3 / 2);
	assert_true(longest_gap(&l) < 4);
	line_free(&l);
}

static void late_ticks_are_no_loss(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(6 * HZ, 5), 6 * HZ, 960, 0);
	l.late_tick_us = 30000;
	check_clean(&l, 30);
	line_free(&l);
}

static void a_few_ms_of_jitter_cost_nothing_but_delay(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(8 * HZ, 7), 8 * HZ, 960, 0);
	impair(&l, 10, 0, 3);
	check_clean(&l, 45);
	line_free(&l);
}

static void packets_that_come_twice_are_heard_once(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(4 * HZ, 8), 4 * HZ, 960, 0);
	for (size_t i = 0; i < l.packets; i++)
		l.packet[i].twice = true;
	check_clean(&l, 30);
	assert_int_equal(l.stats.duplicate, l.packets);
	line_free(&l);
}

static void order_does_not_matter_within_the_delay(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(6 * HZ, 9), 6 * HZ, 960, 0);
	for (size_t i = 1; i + 1 < l.packets; i += 4)
		l.packet[i].arrival_us += 25000;        /* behind the next one */
	check_clean(&l, 60);
	line_free(&l);
}

/* ---- loss and jitter ---- */

static void jitter_of_60_ms_and_5_percent_loss(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 6; seed++) {
		struct line l;
		size_t good = 0, all = 0, lost = 0;
		double like;

		line_new(&l, signal_speech(12 * HZ, seed), 12 * HZ, 960, 0);
		impair(&l, 60, 5, seed);
		run(&l);
		for (size_t i = 0; i < l.packets; i++)
			lost += l.packet[i].lost;
		assert_true(longest_gap(&l) < 480);
		/* Only what was lost is made up, but for the first second. */
		assert_true(l.stats.concealed <= (lost + 8) * 960);
		assert_true(l.stats.late <= 6);
		assert_true(l.stats.delay_ms <= 85);
		for (size_t at = 2 * HZ; at + HZ < l.n; at += HZ / 2, all++) {
			lag_at(&l, at, HZ / 5, &like);
			good += like > 0.9;
		}
		assert_true(good * 10 >= all * 8);
		assert_true(signal_step(l.heard, l.n) <= 2 * signal_step(l.ideal, l.n));
		line_free(&l);
	}
}

static void single_losses_make_no_gap_at_the_least_delay(void **state)
{
	struct line l;
	size_t lost = 0;

	(void)state;
	line_new(&l, signal_speech(8 * HZ, 11), 8 * HZ, 960, 0);
	for (size_t i = 100; i + 20 < l.packets; i += 25, lost++)
		l.packet[i].lost = true;
	run(&l);
	assert_int_equal(l.stats.lost, lost);
	assert_int_equal(l.stats.late, 0);
	assert_true(l.stats.concealed <= lost * 960 + 480);
	assert_true(longest_gap(&l) < 240);
	assert_true(l.stats.delay_ms <= 35);
	line_free(&l);
}

static void copies_in_the_next_packet_are_used(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(10 * HZ, 12), 10 * HZ, 960, 20);
	impair(&l, 30, 10, 4);
	run(&l);
	assert_true(l.stats.lost > 20);
	assert_true(l.stats.fec_recovered * 2 > l.stats.lost);
	line_free(&l);
}

static void copies_are_waited_for_where_packets_are_lost(void **state)
{
	struct line l;
	size_t lost = 0;

	(void)state;
	line_new(&l, signal_speech(20 * HZ, 12), 20 * HZ, 960, 20);
	for (size_t i = 100; i < 700; i += 15, lost++)
		l.packet[i].lost = true;
	run(&l);
	assert_int_equal(l.stats.lost, lost);
	/* The first few are lost before it is known that copies are worth it,
	 * and packets of a pause carry none. */
	assert_true(l.stats.fec_recovered * 10 >= lost * 7);
	assert_in_range(l.stats.delay_ms, 15, 60);
	line_free(&l);
}

static void copies_that_come_by_themselves_are_waited_for(void **state)
{
	struct line l;
	size_t lost = 0;

	(void)state;
	line_new(&l, signal_speech(20 * HZ, 12), 20 * HZ, 960, 0);
	for (size_t i = 100; i < 900; i += 15, lost++)
		l.packet[i].lost = l.packet[i].copied = true;
	run(&l);
	assert_true(l.stats.fec_recovered * 10 >= lost * 7);
	assert_int_equal(l.stats.late, 0);
	assert_in_range(l.stats.delay_ms, 15, 60);
	line_free(&l);
}

static void where_nothing_is_lost_nothing_is_waited_for(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(6 * HZ, 12), 6 * HZ, 960, 20);
	check_clean(&l, 30);
	line_free(&l);
}

static void a_stall_that_comes_again_costs_one_gap(void **state)
{
	struct line l;
	uint64_t first;

	(void)state;
	line_new(&l, signal_speech(14 * HZ, 14), 14 * HZ, 960, 0);
	/* Each two seconds nothing comes for 120 ms. */
	for (size_t k = 100; k + 10 < l.packets; k += 100)
		for (size_t i = k; i < k + 6; i++)
			l.packet[i].arrival_us = l.packet[k + 6].arrival_us;
	run(&l);
	assert_int_equal(l.stats.lost, 0);
	first = 130 * 48;
	assert_true(l.stats.concealed <= first + 30 * 48);
	assert_true(l.stats.delay_ms >= 110);
	line_free(&l);
}

static void a_burst_of_loss_is_no_longer_than_itself(void **state)
{
	struct line l;
	double like;
	size_t before, after;

	(void)state;
	line_new(&l, signal_speech(8 * HZ, 13), 8 * HZ, 960, 0);
	for (size_t i = 200; i < 210; i++)
		l.packet[i].lost = true;                /* 200 ms */
	run(&l);
	assert_int_equal(l.stats.lost, 10);
	assert_true(l.stats.concealed >= 190 * 48 && l.stats.concealed <= 220 * 48);
	assert_true(longest_gap(&l) <= (200 + 20) * 48);
	before = lag_at(&l, 3 * HZ, HZ / 2, &like);
	assert_true(like > 0.99);
	after = lag_at(&l, 5 * HZ, HZ / 2, &like);
	assert_true(like > 0.99);
	assert_true(after <= before + 960);             /* the delay is not paid for ever */
	line_free(&l);
}

static void a_stall_is_caught_up(void **state)
{
	struct line l;
	double like;

	(void)state;
	line_new(&l, signal_speech(14 * HZ, 14), 14 * HZ, 960, 0);
	for (size_t i = 150; i < 160; i++)
		l.packet[i].arrival_us = l.packet[160].arrival_us;      /* 200 ms late at most */
	run(&l);
	assert_int_equal(l.stats.lost, 0);
	lag_at(&l, 11 * HZ, HZ, &like);
	assert_true(like > 0.98);
	assert_true(l.stats.delay_ms < 120);
	line_free(&l);
}

static void an_outage_of_seconds_ends_at_once(void **state)
{
	struct line l;
	double like;

	(void)state;
	line_new(&l, signal_speech(10 * HZ, 15), 10 * HZ, 960, 0);
	for (size_t i = 150; i < 300; i++)
		l.packet[i].lost = true;
	run(&l);
	assert_true(lag_at(&l, 7 * HZ, HZ, &like) < 100 * 48);
	assert_true(like > 0.98);
	assert_int_equal(l.stats.lost, 150);
	assert_in_range(l.stats.concealed, 150 * 960 - 960, 160 * 960);
	assert_true(longest_gap(&l) > (3000 - 160) * 48);       /* nobody hums for three seconds */
	line_free(&l);
}

/* ---- time ---- */

/* The k-th packet of a minute that is sent over and over by another clock. */
static bool give_by_clock(struct line *l, size_t k, double ppm, int64_t when)
{
	struct packet *p = &l->packet[k % l->packets];

	p->seq = (uint16_t)(FIRST_SEQ + k);
	p->ts = (uint32_t)(FIRST_TS + k * 960);
	p->arrival_us = start_us + (int64_t)((double)(k + 1) * 20000 * (1 + ppm / 1e6));
	if (p->arrival_us > when)
		return false;
	give(l, p);
	return true;
}

static void check_minute(struct line *l, int round)
{
	double like, gain;
	size_t half = l->n / 2;

	jbuf_stats(l->jbuf, &l->stats);
	assert_in_range(l->stats.delay_ms, 10, 45);
	assert_true(signal_zeros(l->heard + HZ, l->n - HZ) < 240);
	if (!round)
		return;
	/* The two clocks are 180 ms apart at the end. */
	signal_find(l->heard + half - HZ, HZ * 3, l->ideal + half, HZ / 2, 2 * HZ, &like, &gain);
	assert_true(like > 0.9);
}

static void drift(double ppm, int minutes)
{
	struct line l;
	size_t minute = 60 * HZ, blocks = minute / JBUF_BLOCK, k = 0;

	line_new(&l, signal_speech(minute, 17), minute, 960, 0);
	for (int round = 0; round < minutes; round++) {
		for (size_t b = 0; b < blocks; b++) {
			int64_t when = start_us + 3000 +
				       (int64_t)(b + 1 + (size_t)round * blocks) * 10000;

			while (give_by_clock(&l, k, ppm, when))
				k++;
			jbuf_pull(l.jbuf, l.heard + b * JBUF_BLOCK, when);
		}
		check_minute(&l, round);
	}
	assert_int_equal(l.stats.late, 0);
	assert_int_equal(l.stats.lost, 0);
	assert_int_equal(l.stats.concealed, 0);
	line_free(&l);
}

static void a_quarter_of_an_hour_of_a_slow_clock(void **state)
{
	(void)state;
	drift(200, 15);
}

static void ten_minutes_of_a_fast_clock(void **state)
{
	(void)state;
	drift(-200, 10);
}

/* ---- silence, new starts ---- */

static void a_mute_is_silence_and_no_loss(void **state)
{
	struct line l;
	double like;
	size_t k = 0;

	(void)state;
	line_new(&l, signal_speech(8 * HZ, 19), 8 * HZ, 960, 0);
	for (size_t i = 0; i < l.packets; i++) {
		bool muted = i >= 150 && i < 250;

		l.packet[i].lost = muted;
		l.packet[i].seq = (uint16_t)(FIRST_SEQ + k);    /* numbers stand still */
		k += !muted;
	}
	run(&l);
	assert_int_equal(l.stats.lost, 0);
	assert_int_equal(l.stats.concealed, 0);
	assert_true(signal_zeros(l.heard + HZ, 6 * HZ) > (2000 - 150) * 48);
	assert_true(lag_at(&l, 6 * HZ, HZ, &like) < 60 * 48);
	assert_true(like > 0.95);
	/* It ends and begins without a click. */
	assert_true(signal_bend(l.heard, l.n) <= 2 * signal_bend(l.ideal, l.n));
	line_free(&l);
}

static void the_same_source_starts_over(void **state)
{
	struct line l;
	double like;

	(void)state;
	line_new(&l, signal_speech(8 * HZ, 20), 8 * HZ, 960, 0);
	for (size_t i = 200; i < l.packets; i++) {
		l.packet[i].seq = (uint16_t)(l.packet[i].seq + 20000);
		l.packet[i].ts += 123456789;
	}
	run(&l);
	assert_true(longest_gap(&l) < 100 * 48);
	assert_true(lag_at(&l, 6 * HZ, HZ, &like) < 60 * 48);
	assert_true(like > 0.98);
	assert_true(l.stats.lost <= 3);
	line_free(&l);
}

static void a_source_without_packets_costs_nothing(void **state)
{
	struct line l;
	int16_t out[JBUF_BLOCK * JBUF_CHANNELS];
	int64_t now;
	int busy = 0;

	(void)state;
	line_new(&l, signal_speech(2 * HZ, 21), 2 * HZ, 960, 0);
	assert_int_equal(jbuf_pull(l.jbuf, out, start_us), 0);
	run(&l);
	now = start_us + 2000000;
	for (int i = 0; i < 200; i++, now += 10000)
		busy += jbuf_pull(l.jbuf, out, now) > 0;
	assert_true(busy < 120);
	assert_int_equal(jbuf_pull(l.jbuf, out, now), 0);
	line_free(&l);
}

static void frames_of_mixed_length(void **state)
{
	static const unsigned frame[] = { 480, 2880, 960, 1920, 960 };
	struct encoder_config cfg = { .complexity = 5 };
	int16_t *v = signal_speech(20 * 2880, 22), *heard = calloc(20 * 2880 + HZ, 2);
	struct encoder *e;
	struct jbuf *j;
	struct jbuf_stats st;
	size_t sent = 0, at = 0;
	int64_t now = start_us;
	uint16_t seq = 0;

	(void)state;
	assert_int_equal(encoder_new(&e, &cfg), 0);
	assert_int_equal(jbuf_new(&j), 0);
	for (int i = 0; sent + 2880 < 20 * 2880; now += 10000, at += JBUF_BLOCK) {
		unsigned n = frame[i % 5];
		uint8_t p[ENCODE_BYTES];

		if (now >= start_us + (int64_t)(sent + n) * 125 / 6) {
			int len = encoder_frame(e, v + sent, n, false, p);
			struct media_frame f = { .ssrc = 1, .seq = seq++, .timestamp = (uint32_t)sent,
						 .arrival_us = now, .payload = p,
						 .len = (size_t)len };

			assert_int_equal(jbuf_put(j, &f), 0);
			sent += n;
			i++;
		}
		if (!jbuf_pull(j, heard + at, now))
			memset(heard + at, 0, JBUF_BLOCK * 2);
	}
	jbuf_stats(j, &st);
	assert_int_equal(st.lost + st.late + st.bad, 0);
	assert_true(signal_zeros(heard + HZ / 5, at - HZ / 5) < 480);
	jbuf_free(&j);
	encoder_free(&e);
	free(heard);
	free(v);
}

/* ---- nonsense ---- */

static void hostile_frames_are_taken_calmly(void **state)
{
	struct dice d = { 99 };
	struct jbuf *j;
	int16_t out[JBUF_BLOCK * JBUF_CHANNELS];
	uint8_t p[1500];
	int64_t now = start_us;

	(void)state;
	assert_int_equal(jbuf_new(&j), 0);
	for (int i = 0; i < 20000; i++) {
		uint32_t r = dice_u32(&d);
		struct media_frame f = {
			.ssrc = 1, .seq = (uint16_t)(r & 7 ? r >> 3 & 31 : r >> 8),
			.timestamp = r & 32 ? dice_u32(&d) * 2 : (r >> 6 & 63) * 120,
			.arrival_us = now + (int64_t)(r >> 9 & 0xfffff) - 500000,
			.payload = p, .len = r % 3 ? dice_u32(&d) % 80 : dice_u32(&d) % 1500,
			.level = (int)(r % 300) - 150, .recovered = !(r % 11),
		};

		for (size_t k = 0; k < f.len; k++)
			p[k] = (uint8_t)dice_u32(&d);
		jbuf_put(j, &f);
		if (r & 1) {
			jbuf_pull(j, out, now);
			now += 10000;
		}
	}
	jbuf_flush(j);
	assert_int_equal(jbuf_pull(j, out, now), 0);
	jbuf_free(&j);
}

static void packets_of_padding_are_no_loss(void **state)
{
	struct line l;

	(void)state;
	line_new(&l, signal_speech(4 * HZ, 23), 4 * HZ, 960, 0);
	run(&l);
	line_free(&l);
	line_new(&l, signal_speech(4 * HZ, 23), 4 * HZ, 960, 0);
	for (size_t i = 100; i < l.packets; i++)
		l.packet[i].seq++;                      /* one number more before it ... */
	for (size_t b = 0, from = 0; b < l.n / JBUF_BLOCK; b++) {
		int64_t when = start_us + 3000 + (int64_t)(b + 1) * 10000;
		struct packet *p;

		while ((p = next_arrived(&l, &from, when))) {
			struct media_frame pad = { .ssrc = 1, .seq = (uint16_t)(FIRST_SEQ + 100),
						   .timestamp = p->ts - 960 + 120,
						   .arrival_us = when, .payload = p->p };

			if (p == &l.packet[100])        /* ... without a sound */
				assert_int_equal(jbuf_put(l.jbuf, &pad), 0);
			give(&l, p);
		}
		jbuf_pull(l.jbuf, l.heard + b * JBUF_BLOCK, when);
	}
	jbuf_stats(l.jbuf, &l.stats);
	assert_int_equal(l.stats.lost, 0);
	assert_int_equal(l.stats.concealed, 0);
	line_free(&l);
}

const struct CMUnitTest test_jbuf[] = {
	cmocka_unit_test(a_clean_line_is_bit_exact_and_quick),
	cmocka_unit_test(a_tone_stays_a_tone),
	cmocka_unit_test(late_ticks_are_no_loss),
	cmocka_unit_test(a_few_ms_of_jitter_cost_nothing_but_delay),
	cmocka_unit_test(packets_that_come_twice_are_heard_once),
	cmocka_unit_test(order_does_not_matter_within_the_delay),
	cmocka_unit_test(jitter_of_60_ms_and_5_percent_loss),
	cmocka_unit_test(single_losses_make_no_gap_at_the_least_delay),
	cmocka_unit_test(copies_in_the_next_packet_are_used),
	cmocka_unit_test(copies_are_waited_for_where_packets_are_lost),
	cmocka_unit_test(copies_that_come_by_themselves_are_waited_for),
	cmocka_unit_test(where_nothing_is_lost_nothing_is_waited_for),
	cmocka_unit_test(a_stall_that_comes_again_costs_one_gap),
	cmocka_unit_test(a_burst_of_loss_is_no_longer_than_itself),
	cmocka_unit_test(a_stall_is_caught_up),
	cmocka_unit_test(an_outage_of_seconds_ends_at_once),
	cmocka_unit_test(a_quarter_of_an_hour_of_a_slow_clock),
	cmocka_unit_test(ten_minutes_of_a_fast_clock),
	cmocka_unit_test(a_mute_is_silence_and_no_loss),
	cmocka_unit_test(the_same_source_starts_over),
	cmocka_unit_test(a_source_without_packets_costs_nothing),
	cmocka_unit_test(frames_of_mixed_length),
	cmocka_unit_test(hostile_frames_are_taken_calmly),
	cmocka_unit_test(packets_of_padding_are_no_loss),
	{0}
};
