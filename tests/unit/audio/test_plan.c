/* test_plan.c - bitrate, frames and repair; the bucket of a budget */
#include <string.h>
#include "audio/budget.h"
#include "audio/plan.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { V4 = 64, V6 = 84 };      /* bytes around a payload */

static struct plan made(struct plan_want w)
{
	struct plan p = { 0 };

	plan_make(&p, &w);
	return p;
}

static void without_a_cap_it_is_as_the_user_wants(void **state)
{
	struct plan p = made((struct plan_want){ .bitrate = 24000, .frame_ms = 40 });

	(void)state;
	assert_int_equal(p.bitrate, 24000);
	assert_int_equal(p.frame_ms, 40);
	assert_int_equal(p.fec, 0);
	assert_false(p.red || p.tight);
	p = made((struct plan_want){ 0 });
	assert_int_equal(p.bitrate, 32000);
	assert_int_equal(p.frame_ms, 20);
}

static void a_cap_makes_frames_long_before_it_makes_words_poor(void **state)
{
	/* What is left for sound, the frames, and bits of payload at least. */
	static const struct { int sound; unsigned overhead, ms; int least, most; } t[] = {
		{ 10500, V4, 120, 6000, 6500 },         /* 12 kbit/s in all */
		{ 14300, V4, 120, 9900, 10100 },        /* 16 */
		{ 18000, V4, 60, 9000, 9600 },
		{ 21900, V4, 60, 13000, 13500 },
		{ 29500, V4, 60, 20500, 21500 },
		{ 34000, V4, 40, 21000, 21500 },
		{ 59900, V4, 20, 32000, 32000 },
		{ 21900, V6, 60, 10000, 11000 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct plan p = made((struct plan_want){ .sound = t[i].sound,
							 .overhead = t[i].overhead });

		assert_int_equal(p.frame_ms, t[i].ms);
		assert_in_range(p.bitrate, t[i].least, t[i].most);
		assert_false(p.tight);
		assert_true(p.bitrate + plan_headers(t[i].overhead, p.frame_ms) <= t[i].sound);
	}
	assert_true(made((struct plan_want){ .sound = 9000, .overhead = V4 }).tight);
}

static void repair_follows_what_listeners_lose(void **state)
{
	struct plan_want w = { .loss = 0.005 };
	struct plan p = made(w);

	(void)state;
	assert_int_equal(p.fec, 0);
	w.loss = 0.02;
	plan_make(&p, &w);
	assert_int_equal(p.fec, 5);             /* never the price of 20 */
	w.loss = 0.009;
	plan_make(&p, &w);
	assert_int_equal(p.fec, 5);             /* between on and off: stays */
	w.loss = 0.004;
	plan_make(&p, &w);
	assert_int_equal(p.fec, 0);
	w.loss = 0.2;
	plan_make(&p, &w);
	assert_int_equal(p.fec, 5);
	assert_int_equal(p.bitrate, 48000);     /* bits beat repair where there is room */
	w.sound = 21900;
	w.overhead = V4;
	plan_make(&p, &w);
	assert_int_equal(p.fec, 0);             /* at 13 kbit/s it gains nothing */
	assert_true(p.bitrate < 14000);
}

static void music_is_sent_twice_where_it_is_lost(void **state)
{
	struct plan_want w = { .music = true, .music_bitrate = 192000, .loss = 0.05 };
	struct plan p = made(w);

	(void)state;
	assert_int_equal(p.bitrate, 192000);
	assert_int_equal(p.fec, 0);
	assert_false(p.red);                    /* was not offered */
	w.red = true;
	assert_true(made(w).red);
	w.sound = 120000;
	w.overhead = V4;
	p = made(w);
	assert_true(p.red);
	assert_true(2 * p.bitrate + plan_headers(V4, p.frame_ms) <= w.sound);
	w.loss = 0;
	assert_false(made(w).red);
}

/* ---- the bucket ---- */

struct wire { int64_t at[20000]; unsigned bytes[20000]; int n; };

static double worst(const struct wire *w)
{
	double most = 0;

	for (int i = 0; i < w->n; i++) {
		double sum = 0;

		for (int k = i; k < w->n && w->at[k] < w->at[i] + 5000000; k++)
			sum += w->bytes[k];
		if (sum > most)
			most = sum;
	}
	return most * 8 / 5;
}

static void put(struct wire *w, int64_t at, unsigned bytes)
{
	w->at[w->n] = at;
	w->bytes[w->n++] = bytes;
}

/* A talker whose packets vary as Opus' do, reports, checks, and now and then
 * something to say in writing. */
static void any_five_seconds(int cap)
{
	static struct wire w;
	struct budget b = { 0 };
	struct dice d = { 7 };
	double sum = 0;
	int64_t now = 1000000000, begin = now, told = now;
	unsigned other = 0;

	w.n = 0;
	budget_set(&b, cap, now);
	while (now < begin + 120000000) {
		struct plan p = made((struct plan_want){ .sound = budget_sound(&b), .overhead = V4,
							 .bitrate = 200000 });
		double swing = budget_swing(&b, now);
		int room = budget_room(&b, now) - V4;
		double bytes = p.bitrate * swing * p.frame_ms / 8000 * (0.6 + 0.7 * dice_unit(&d));

		if (room >= 20) {
			int len = bytes < room ? (int)bytes : room;

			budget_sent(&b, (unsigned)len + V4, now);
			put(&w, now, (unsigned)len + V4);
		}
		now += p.frame_ms * 1000;
		if ((now / 1000) % 2400 < p.frame_ms) {
			put(&w, now, 128);
			other += 128;
		}
		if ((now / 1000) % 10000 < p.frame_ms) {
			put(&w, now, 400);
			other += 400;
		}
		if (now - told >= 500000) {
			told = now;
			budget_other(&b, other, now);
			other = 0;
		}
	}
	for (int i = 0; i < w.n; i++)
		sum += w.bytes[i];
	sum = sum * 8 / 120;
	/* The first times that it sees such a burst it has nothing set aside. */
	assert_true(worst(&w) <= cap);
	assert_true(sum >= 0.85 * cap);
}

static void the_cap_is_kept_and_used(void **state)
{
	static const int caps[] = { 12000, 16000, 20000, 24000, 32000, 64000, 150000 };

	(void)state;
	for (int i = 0; i < 7; i++)
		any_five_seconds(caps[i]);
}

static void without_a_budget_there_is_none(void **state)
{
	struct budget b = { 0 };

	(void)state;
	budget_other(&b, 100000, 1000000);
	budget_sent(&b, 100000, 1000000);
	assert_int_equal(budget_room(&b, 1000000), -1);
	assert_int_equal(budget_sound(&b), 0);
	budget_set(&b, 16000, 1000000);
	assert_true(budget_room(&b, 1000000) > 0);
	budget_set(&b, 0, 2000000);
	assert_int_equal(budget_room(&b, 2000000), -1);
}

const struct CMUnitTest test_plan[] = {
	cmocka_unit_test(without_a_cap_it_is_as_the_user_wants),
	cmocka_unit_test(a_cap_makes_frames_long_before_it_makes_words_poor),
	cmocka_unit_test(repair_follows_what_listeners_lose),
	cmocka_unit_test(music_is_sent_twice_where_it_is_lost),
	cmocka_unit_test(the_cap_is_kept_and_used),
	cmocka_unit_test(without_a_budget_there_is_none),
	{0}
};
