/* test_nicks.c - colours of names */
#include "unit/unit.h"
#include <stdio.h>
#include <string.h>
#include "ui/theme.h"

static void ten_people_differ(void **state)
{
	struct nicks n = { 0 };
	unsigned seen = 0;
	char id[16];

	(void)state;
	for (int i = 0; i < NICK_COLOURS; i++) {
		snprintf(id, sizeof(id), "person%d", i);
		seen |= 1u << nick_colour(&n, id);
	}
	assert_int_equal(seen, (1u << NICK_COLOURS) - 1);
}

static void a_colour_stays(void **state)
{
	struct nicks n = { 0 };
	unsigned anna = nick_colour(&n, "anna");
	char id[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "%d", i);
		nick_colour(&n, id);
		assert_int_equal(nick_colour(&n, "anna"), anna);
	}
	/* A room where many come and go overflows nothing. */
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "x%d", i);
		assert_in_range(nick_colour(&n, id), 0, NICK_COLOURS - 1);
	}
}

const struct CMUnitTest test_nicks[] = {
	cmocka_unit_test(ten_people_differ), cmocka_unit_test(a_colour_stays), { 0 }
};
