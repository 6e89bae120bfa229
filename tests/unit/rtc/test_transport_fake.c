/* test_transport_fake.c - the line behaves as asked, and the same each time */
#include "rtc/transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "unit/unit.h"

struct seen {
	unsigned n, backward;
	int64_t first_us, last_us;
	uint8_t last;
	enum transport_state state;
	unsigned changes;
};

static void on_state(void *ctx, enum transport_state state)
{
	struct seen *s = ctx;

	s->state = state;
	s->changes++;
}

static void on_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	struct seen *s = ctx;

	assert_int_equal(len, 100);
	if (s->n && (int8_t)(p[0] - s->last) < 0)
		s->backward++;
	s->last = p[0];
	if (!s->n++)
		s->first_us = arrival_us;
	s->last_us = arrival_us;
}

static const struct transport_events events = { on_state, on_datagram };

/* Sends 1000 datagrams, one each 20 ms, from a to b. */
static struct seen send_over(const struct transport_fake_line *line)
{
	struct transport *a, *b;
	struct seen s = {0}, back = {0};
	uint8_t p[100] = {0};
	int64_t now = 1000000;

	assert_int_equal(transport_fake_pair(&a, &b, line), 0);
	transport_fake_handlers(a, &events, &back);
	transport_fake_handlers(b, &events, &s);
	assert_int_equal(transport_send(a, p, 100), -ENOTCONN);
	for (unsigned i = 0; i < 1200; i++, now += 20000) {
		transport_fake_tick(a, now);
		transport_fake_tick(b, now);
		p[0] = (uint8_t)i;
		if (i < 1000)
			assert_int_equal(transport_send(a, p, 100), 0);
	}
	assert_int_equal(back.n, 0);
	transport_free(&a);
	transport_free(&b);
	assert_null(b);
	return s;
}

static void good_line_gives_all_after_the_delay(void **state)
{
	struct transport_fake_line line = { .delay_us = 40000 };
	struct seen s = send_over(&line);

	(void)state;
	assert_int_equal(s.n, 1000);
	assert_int_equal(s.backward, 0);
	assert_true(s.first_us == 1040000);
	assert_true(s.last_us == 1000000 + 999 * 20000 + 40000);
	assert_int_equal(s.state, TRANSPORT_CONNECTED);
	assert_int_equal(s.changes, 1);
}

static void bad_line_is_as_bad_as_asked(void **state)
{
	struct transport_fake_line loss = { .loss = 0.2, .seed = 7 }, copies = { .duplicate = 0.1, .seed = 7 };
	struct transport_fake_line mixed = { .reorder = 0.1, .seed = 7 }, jitter = { .jitter_us = 60000 };
	struct seen s = send_over(&loss), again = send_over(&loss);

	(void)state;
	assert_true(s.n > 750 && s.n < 850);
	assert_int_equal(s.n, again.n);
	s = send_over(&copies);
	assert_true(s.n > 1060 && s.n < 1140);
	s = send_over(&mixed);
	assert_int_equal(s.n, 1000);
	assert_true(s.backward > 60 && s.backward < 140);
	s = send_over(&jitter);
	assert_int_equal(s.n, 1000);
	assert_true(s.backward > 100);
}

static void dead_line_is_noticed_and_comes_back(void **state)
{
	struct transport_fake_line line = { .down_from_us = 5000000, .down_to_us = 15000000 };
	struct seen s = send_over(&line);

	(void)state;
	assert_int_equal(s.n, 500);
	assert_int_equal(s.changes, 3);         /* up, down, up */
	assert_int_equal(s.state, TRANSPORT_CONNECTED);
}

static void next_time_is_when_something_is_due(void **state)
{
	struct transport_fake_line line = { .delay_us = 7000 };
	struct transport *a, *b;
	struct seen s = {0}, back = {0};
	uint8_t p[100] = {0};
	char path[20];

	(void)state;
	assert_int_equal(transport_fake_pair(&a, &b, &line), 0);
	transport_fake_handlers(a, &events, &back);
	transport_fake_handlers(b, &events, &s);
	assert_true(transport_fake_tick(a, 1000) == CLOCK_NEVER);
	transport_send(a, p, 100);
	assert_true(transport_fake_tick(b, 1000) == 8000);
	assert_true(transport_fake_tick(b, 8000) == CLOCK_NEVER);
	assert_int_equal(s.n, 1);
	transport_path(a, path, sizeof(path));
	assert_true(*path);
	transport_free(&b);
	assert_int_equal(transport_send(a, p, 100), 0); /* nobody there, as on a real line */
	transport_free(&a);
}

const struct CMUnitTest test_transport_fake[] = {
	cmocka_unit_test(good_line_gives_all_after_the_delay),
	cmocka_unit_test(bad_line_is_as_bad_as_asked),
	cmocka_unit_test(dead_line_is_noticed_and_comes_back),
	cmocka_unit_test(next_time_is_when_something_is_due),
	{0}
};
