/* test_jitter.c - what delay a line asks for */
#include "audio/jitter.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { FRAME = 960, FRAME_US = 20000 };

struct sender { struct jitter j; int64_t at_us, ts; struct dice dice; };

static void begin(struct sender *s)
{
	*s = (struct sender){ .at_us = 7000000, .ts = 5000, .dice = { 3 } };
	jitter_init(&s->j);
}

/* n packets, each later than it might be by up to jitter_us, and late_us more. */
static void send(struct sender *s, int n, int64_t jitter_us, int64_t late_us)
{
	for (; n; n--, s->at_us += FRAME_US, s->ts += FRAME)
		jitter_packet(&s->j, s->ts, s->at_us + late_us +
					    (int64_t)(dice_unit(&s->dice) * (double)jitter_us));
}

static void the_aim_takes_what_the_line_does(void **state)
{
	static const int64_t jitter_us[] = { 0, 10000, 30000, 60000, 100000, 200000 };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct sender s;

		begin(&s);
		send(&s, 1500, jitter_us[i], 0);
		/* 97 of 100, in steps of 5 ms, and the mixer's 10 ms. */
		assert_in_range(s.j.target_us, jitter_us[i] * 95 / 100 + 10000,
				jitter_us[i] + 20000);
	}
}

static void order_alone_means_nothing(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	/* Each second packet overtakes the one before it, by 2 ms. */
	for (int i = 0; i < 500; i++, s.at_us += 2 * FRAME_US, s.ts += 2 * FRAME) {
		jitter_packet(&s.j, s.ts + FRAME, s.at_us + FRAME_US);
		jitter_packet(&s.j, s.ts, s.at_us + FRAME_US + 2000);
	}
	assert_in_range(s.j.target_us, 30000, 40000);   /* 22 ms late, and no more */
}

static void a_burst_counts_at_once_and_is_forgotten_slowly(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	send(&s, 500, 0, 0);
	assert_int_equal(s.j.target_us, 20000);
	send(&s, 1, 0, 150000);
	assert_int_equal(s.j.target_us, 160000);
	send(&s, 90, 0, 0);                             /* 1.8 s later */
	assert_int_equal(s.j.target_us, 160000);
	send(&s, 100, 0, 0);                            /* 3.8 s: 40 ms a second */
	assert_in_range(s.j.target_us, 80000, 100000);
	send(&s, 150, 0, 0);
	assert_int_equal(s.j.target_us, 20000);
}

static void a_burst_that_comes_again_is_waited_for_longer(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	send(&s, 500, 0, 0);
	for (int i = 0; i < 3; i++) {
		send(&s, 1, 0, 150000);
		send(&s, 149, 0, 0);
	}
	/* 3 s after the last one, where a single burst would be on its way down. */
	assert_int_equal(s.j.target_us, 160000);
	send(&s, 600, 0, 0);
	assert_in_range(s.j.target_us, 20000, 25000);
}

static void wishes_are_in_their_order(void **state)
{
	static const enum audio_delay wish[] = {
		AUDIO_DELAY_LOW, AUDIO_DELAY_NORMAL, AUDIO_DELAY_SAFE
	};
	int64_t before;

	(void)state;
	for (int k = 0; k < 2; k++) {
		before = 0;
		for (int i = 0; i < 3; i++) {
			struct sender s;

			begin(&s);
			jitter_wish(&s.j, wish[i]);
			send(&s, 1500, k * 60000, 0);
			assert_true(s.j.target_us >= before + 2000);
			before = s.j.target_us;
		}
	}
}

static void who_wants_little_delay_gets_no_burst(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	jitter_wish(&s.j, AUDIO_DELAY_LOW);
	send(&s, 500, 0, 0);
	send(&s, 1, 0, 150000);
	assert_in_range(s.j.target_us, 12000, 20000);
}

static void copies_are_waited_for(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	send(&s, 500, 0, 0);
	jitter_wait(&s.j, FRAME_US);
	assert_int_equal(s.j.target_us, 40000);
	jitter_wait(&s.j, 0);
	assert_int_equal(s.j.target_us, 20000);
}

static void clocks_that_run_apart_are_no_jitter(void **state)
{
	(void)state;
	for (int ppm = -200; ppm <= 200; ppm += 400) {
		struct sender s;

		begin(&s);
		/* An hour: 720 ms apart at its end. */
		for (int64_t i = 0; i < 180000; i++) {
			int64_t at = s.at_us + i * FRAME_US + i * FRAME_US * ppm / 1000000;

			jitter_packet(&s.j, s.ts + i * FRAME, at);
			assert_in_range(at - jitter_due_us(&s.j, s.ts + i * FRAME), 0, 900);
		}
		assert_int_equal(s.j.target_us, 20000);
	}
}

static void nonsense_stays_within_bounds(void **state)
{
	struct sender s;

	(void)state;
	begin(&s);
	for (int i = 0; i < 20000; i++) {
		int64_t ts = (int64_t)dice_u32(&s.dice) << (dice_u32(&s.dice) & 15);

		jitter_packet(&s.j, ts, s.at_us += dice_u32(&s.dice) & 0xffff);
		assert_in_range(s.j.target_us, 12000, JITTER_MAX_US);
	}
}

const struct CMUnitTest test_jitter[] = {
	cmocka_unit_test(the_aim_takes_what_the_line_does),
	cmocka_unit_test(order_alone_means_nothing),
	cmocka_unit_test(a_burst_counts_at_once_and_is_forgotten_slowly),
	cmocka_unit_test(a_burst_that_comes_again_is_waited_for_longer),
	cmocka_unit_test(wishes_are_in_their_order),
	cmocka_unit_test(who_wants_little_delay_gets_no_burst),
	cmocka_unit_test(copies_are_waited_for),
	cmocka_unit_test(clocks_that_run_apart_are_no_jitter),
	cmocka_unit_test(nonsense_stays_within_bounds),
	{0}
};
