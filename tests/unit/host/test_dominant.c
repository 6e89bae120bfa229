/* test_dominant.c - who is speaking, as a room would notice */
#include "host/dominant.h"
#include "base/clock.h"
#include "unit/unit.h"

enum { PACKET_US = 20000 };

static int a, b, c;     /* three people */

struct talk { void *who; int level; };

/* Time passes, these talk: one packet each 20 ms.  Returns how often the
 * dominant speaker changed. */
static unsigned talk(struct dominant *d, int64_t *now, int64_t us, const struct talk *t, size_t n)
{
	unsigned changes = 0;

	for (int64_t end = *now + us; *now < end; *now += PACKET_US) {
		bool changed;

		for (size_t i = 0; i < n; i++)
			dominant_level(d, t[i].who, t[i].level, *now);
		dominant_tick(d, *now, &changed);
		changes += changed;
	}
	return changes;
}

static void the_only_speaker_is_dominant_at_once(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000;
	bool changed;

	(void)state;
	assert_true(dominant_tick(d, now, &changed) == CLOCK_NEVER);
	assert_false(changed);
	assert_null(dominant_who(d));
	assert_int_equal(talk(d, &now, 1000000, (struct talk[]){ { &a, 10 } }, 1), 1);
	assert_ptr_equal(dominant_who(d), &a);
	dominant_free(&d);
	assert_null(d);
}

/* B begins while A pauses: B needs a fully loud tenth of a second more. */
static void another_takes_over_when_the_first_pauses(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000, from;

	(void)state;
	talk(d, &now, 2000000, (struct talk[]){ { &a, 20 }, { &b, 20 } }, 2);  /* the noise of both */
	talk(d, &now, 3000000, (struct talk[]){ { &a, 95 }, { &b, 20 } }, 2);
	assert_ptr_equal(dominant_who(d), &a);
	/* Over him nobody takes the word. */
	assert_int_equal(talk(d, &now, 3000000, (struct talk[]){ { &a, 95 }, { &b, 110 } }, 2), 0);
	talk(d, &now, 2000000, (struct talk[]){ { &a, 20 }, { &b, 20 } }, 2);
	from = now;
	while (dominant_who(d) != &b && now - from < 3000000)
		talk(d, &now, PACKET_US, (struct talk[]){ { &a, 20 }, { &b, 95 } }, 2);
	assert_in_range(now - from, 100000, 460000);    /* a tenth, and the decision after it */
	dominant_free(&d);
}

static void short_noises_change_nothing(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000;
	unsigned changes = 0;

	(void)state;
	talk(d, &now, 2000000, (struct talk[]){ { &a, 20 }, { &b, 20 } }, 2);
	talk(d, &now, 2000000, (struct talk[]){ { &a, 95 }, { &b, 20 } }, 2);
	for (int i = 0; i < 20; i++) {
		changes += talk(d, &now, 80000, (struct talk[]){ { &a, 20 }, { &b, 110 } }, 2); /* a cough */
		changes += talk(d, &now, 400000, (struct talk[]){ { &a, 20 }, { &b, 20 } }, 2);
	}
	/* B's coughs never fill a tenth of a second. */
	assert_ptr_equal(dominant_who(d), &a);
	assert_int_equal(changes, 0);
	dominant_free(&d);
}

/* A constant tone is its own noise. */
static void a_humming_fan_is_no_speaker(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000;

	(void)state;
	talk(d, &now, 2000000, (struct talk[]){ { &a, 20 }, { &b, 90 } }, 2);
	talk(d, &now, 3000000, (struct talk[]){ { &a, 95 }, { &b, 90 } }, 2);
	assert_ptr_equal(dominant_who(d), &a);
	assert_int_equal(talk(d, &now, 3000000, (struct talk[]){ { &a, 20 }, { &b, 90 } }, 2), 0);
	dominant_free(&d);
}

/* Silence by no packets at all counts as silence. */
static void who_stops_sending_can_be_displaced(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000;

	(void)state;
	talk(d, &now, 1000000, (struct talk[]){ { &a, 20 }, { &b, 20 } }, 2);
	talk(d, &now, 2000000, (struct talk[]){ { &a, 95 } }, 1);
	assert_ptr_equal(dominant_who(d), &a);
	talk(d, &now, 2000000, (struct talk[]){ { &b, 95 } }, 1);
	assert_ptr_equal(dominant_who(d), &b);
	dominant_free(&d);
}

static void among_several_the_one_with_more_to_say_wins(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000;

	(void)state;
	talk(d, &now, 1000000, (struct talk[]){ { &a, 20 }, { &b, 20 }, { &c, 20 } }, 3);
	talk(d, &now, 2000000, (struct talk[]){ { &a, 95 }, { &b, 20 }, { &c, 20 } }, 3);
	talk(d, &now, 1500000, (struct talk[]){ { &a, 20 }, { &b, 20 }, { &c, 20 } }, 3);
	talk(d, &now, 1000000, (struct talk[]){ { &a, 20 }, { &b, 40 }, { &c, 95 } }, 3);
	assert_ptr_equal(dominant_who(d), &c);
	/* Who leaves is forgotten; the others go on. */
	dominant_remove(d, &c);
	assert_null(dominant_who(d));
	talk(d, &now, 1000000, (struct talk[]){ { &a, 20 }, { &b, 95 } }, 2);
	assert_ptr_equal(dominant_who(d), &b);
	dominant_free(&d);
}

static void a_quiet_room_wants_no_time(void **state)
{
	struct dominant *d = dominant_new();
	int64_t now = 1000000, next = 0;
	bool changed;

	(void)state;
	talk(d, &now, 1000000, (struct talk[]){ { &a, 95 } }, 1);
	for (int i = 0; i < 16 * 25; i++)
		next = dominant_tick(d, now += 40000, &changed);
	assert_true(next == CLOCK_NEVER);
	assert_ptr_equal(dominant_who(d), &a);
	/* It wakes with the first level. */
	dominant_level(d, &b, 90, now);
	assert_true(dominant_tick(d, now, &changed) < now + 50000);
	dominant_free(&d);
}

const struct CMUnitTest test_dominant[] = {
	cmocka_unit_test(the_only_speaker_is_dominant_at_once),
	cmocka_unit_test(another_takes_over_when_the_first_pauses),
	cmocka_unit_test(short_noises_change_nothing),
	cmocka_unit_test(a_humming_fan_is_no_speaker),
	cmocka_unit_test(who_stops_sending_can_be_displaced),
	cmocka_unit_test(among_several_the_one_with_more_to_say_wins),
	cmocka_unit_test(a_quiet_room_wants_no_time),
	{0}
};
