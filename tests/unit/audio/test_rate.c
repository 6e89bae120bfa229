/* test_rate.c - a line that carries less than what is sent, and one that only loses */
#include "audio/rate.h"
#include "unit/unit.h"

enum { STEP_US = 2000000, WANTED = 58000 };

/* A line with a rate and a queue that drops what does not fit, and loss of its own. */
struct line {
	struct rate r;
	int64_t now_us;
	double carries;         /* bit/s */
	double queue_ms, waits_ms;
	double loses;           /* 0..1, whatever is sent */
	double lost;            /* of the last two seconds */
	int wanted;
};

static struct line line_of(double carries)
{
	return (struct line){ .now_us = 1000000000, .carries = carries, .queue_ms = 400,
			      .wanted = WANTED };
}

static int sends(const struct line *l)
{
	return l->r.limit && l->r.limit < l->wanted ? l->r.limit : l->wanted;
}

static void two_seconds(struct line *l)
{
	struct rate_report rep = { .sent = sends(l) };
	double over_ms = (rep.sent / l->carries - 1) * 2000;

	l->now_us += STEP_US;
	l->waits_ms += over_ms;
	l->lost = l->waits_ms > l->queue_ms ? (l->waits_ms - l->queue_ms) / 2000 * l->carries / rep.sent : 0;
	l->waits_ms = l->waits_ms < 0 ? 0 : l->waits_ms > l->queue_ms ? l->queue_ms : l->waits_ms;
	l->lost += (1 - l->lost) * l->loses;
	rep.loss = l->lost;
	rep.loss_us = l->now_us;
	rep.rtt_ms = 40 + l->waits_ms;
	rate_report(&l->r, &rep, l->now_us);
}

static void seconds(struct line *l, int s)
{
	for (int i = 0; i < s / 2; i++)
		two_seconds(l);
}

static void a_good_line_has_no_limit(void **state)
{
	struct line l = line_of(1e6);

	(void)state;
	l.loses = 0.2;
	seconds(&l, 600);
	assert_int_equal(l.r.limit, 0);
}

static void a_thin_line_is_found_and_kept(void **state)
{
	struct line l = line_of(30000);
	double lost = 0, sent = 0;

	(void)state;
	seconds(&l, 14);
	assert_in_range(l.r.limit, 20000, 31000);
	for (int i = 0; i < 300; i++) {
		two_seconds(&l);
		lost += l.lost / 300;
		sent += sends(&l) / 300.0;
	}
	assert_true(lost < 0.01);
	assert_true(sent > 22000 && sent < 30000);
}

/* As where nobody bothered to bound the buffers. */
static void a_long_queue_is_as_bad_as_loss(void **state)
{
	struct line l = line_of(30000);

	(void)state;
	l.queue_ms = 20000;
	seconds(&l, 60);
	assert_true(l.waits_ms < 600);
	assert_in_range(l.r.limit, 20000, 31000);
}

static void a_line_with_room_again_is_used(void **state)
{
	struct line l = line_of(30000);

	(void)state;
	seconds(&l, 20);
	l.carries = 1e6;
	seconds(&l, 60);
	assert_true(sends(&l) == WANTED);
	seconds(&l, 120);
	assert_int_equal(l.r.limit, 0);
}

static void loss_that_does_not_care_is_none_of_ours(void **state)
{
	struct line l = line_of(1e6);

	(void)state;
	l.loses = 0.35;
	seconds(&l, 8);
	assert_true(l.r.limit > 0);
	seconds(&l, 20);
	assert_int_equal(l.r.limit, 0);
	seconds(&l, 100);
	assert_int_equal(l.r.limit, 0);
	/* Then it gets thin, too. */
	l.carries = 30000;
	seconds(&l, 20);
	assert_in_range(l.r.limit, 20000, 30000);
}

static void a_way_that_was_gone_for_a_moment_is_not_thin(void **state)
{
	struct line l = line_of(1e6);

	(void)state;
	seconds(&l, 20);
	l.loses = 0.8;
	seconds(&l, 4);
	l.loses = 0;
	seconds(&l, 20);
	assert_int_equal(l.r.limit, 0);
}

static void who_says_nothing_is_not_to_blame(void **state)
{
	struct line l = line_of(1e6);

	(void)state;
	l.wanted = 2000;
	l.loses = 0.5;
	seconds(&l, 60);
	assert_int_equal(l.r.limit, 0);
}

static void the_least_is_still_words(void **state)
{
	struct line l = line_of(8000);

	(void)state;
	seconds(&l, 200);
	assert_int_equal(l.r.limit, 20000);
}

static void a_longer_way_is_no_queue(void **state)
{
	struct rate r = { 0 };
	struct rate_report rep = { .rtt_ms = 20, .sent = WANTED };

	(void)state;
	rate_report(&r, &rep, 1000000000);
	rep.rtt_ms = 320;
	rate_moved(&r);
	assert_int_equal(rate_report(&r, &rep, 1002000000), 0);
	rep.rtt_ms = 620;
	assert_int_equal(rate_report(&r, &rep, 1004000000), WANTED / 2);
}

static void listeners_lines_count(void **state)
{
	struct rate r = { 0 };
	struct rate_report rep = { .rtt_ms = 20, .others_slow = true, .sent = WANTED };

	(void)state;
	assert_in_range(rate_report(&r, &rep, 1000000000), 20000, WANTED / 2);
	/* What was told before the limit does not judge it. */
	r = (struct rate){ 0 };
	rep = (struct rate_report){ .rtt_ms = 20, .loss = 0.4, .others_lossy = true, .sent = WANTED };
	rep.loss_us = 1040000000;
	for (int64_t t = 1040000000; t < 1080000000; t += STEP_US) {
		rate_report(&r, &rep, t);
		rep.sent = r.limit;
	}
	assert_int_equal(r.limit, 20000);
}

static void listeners_are_asked_after_each_step(void **state)
{
	struct rate r = { 0 };
	struct rate_report rep = { .rtt_ms = 20, .others_slow = true, .sent = WANTED };
	int64_t t = 1000000000;
	int limit;

	(void)state;
	rate_report(&r, &rep, t);
	rep.others_slow = false;
	for (int i = 0; i < 10; i++)
		rate_report(&r, &rep, t += STEP_US);
	assert_int_equal(r.limit, WANTED / 2);
	rep.heard_us = t;
	limit = rate_report(&r, &rep, t += STEP_US);
	assert_true(limit > WANTED / 2);
	for (int i = 0; i < 10; i++)
		assert_int_equal(rate_report(&r, &rep, t += STEP_US), limit);
	rep.heard_us = t;
	assert_true(rate_report(&r, &rep, t + STEP_US) > limit);
}

static void silence_of_bridge_and_server_is_a_sign(void **state)
{
	struct rate r = { 0 };
	struct rate_report rep = { .rtt_ms = -1, .stale = true, .sent = WANTED };

	(void)state;
	/* A server that is away does not make the sound worse ... */
	rep.stalled = true;
	rep.stale = false;
	assert_int_equal(rate_report(&r, &rep, 1000000000), 0);
	/* ... nor a bridge that reports seldom; both together do. */
	rep.stalled = false;
	rep.stale = true;
	assert_int_equal(rate_report(&r, &rep, 1002000000), 0);
	rep.stalled = true;
	assert_true(rate_report(&r, &rep, 1004000000) > 0);
	/* Nothing gets better while nothing is known. */
	rep.stalled = false;
	for (int i = 0; i < 60; i++)
		rate_report(&r, &rep, 1006000000 + i * (int64_t)STEP_US);
	assert_int_equal(r.limit, WANTED / 2);
}

const struct CMUnitTest test_rate[] = {
	cmocka_unit_test(a_good_line_has_no_limit),
	cmocka_unit_test(a_thin_line_is_found_and_kept),
	cmocka_unit_test(a_long_queue_is_as_bad_as_loss),
	cmocka_unit_test(a_line_with_room_again_is_used),
	cmocka_unit_test(loss_that_does_not_care_is_none_of_ours),
	cmocka_unit_test(a_way_that_was_gone_for_a_moment_is_not_thin),
	cmocka_unit_test(who_says_nothing_is_not_to_blame),
	cmocka_unit_test(the_least_is_still_words),
	cmocka_unit_test(a_longer_way_is_no_queue),
	cmocka_unit_test(listeners_lines_count),
	cmocka_unit_test(listeners_are_asked_after_each_step),
	cmocka_unit_test(silence_of_bridge_and_server_is_a_sign),
	{ 0 }
};
