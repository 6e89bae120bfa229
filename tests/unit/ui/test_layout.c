/* test_layout.c - where the screen folds */
#include "unit/unit.h"
#include <string.h>
#include "ui/layout.h"

static void wide(void **state)
{
	struct layout l;

	(void)state;
	layout_set(&l, 24, 80, true);
	assert_true(l.wide);
	assert_int_equal(l.chat.rows, 21);
	assert_int_equal(l.people.x + l.people.columns, 80);
	assert_true(l.chat.columns < l.people.x);
	assert_int_equal(l.fold.rows, 0);
	layout_set(&l, 24, 80, false);
	assert_int_equal(l.chat.columns, 80);
	assert_int_equal(l.fold.rows, 1);
}

static void narrow(void **state)
{
	struct layout l;

	(void)state;
	layout_set(&l, 12, 40, false);
	assert_false(l.wide);
	assert_int_equal(l.fold.rows, 1);
	assert_int_equal(l.chat.rows, 8);
	assert_false(l.overlay);
	layout_set(&l, 12, 40, true);
	assert_true(l.overlay);
	assert_memory_equal(&l.people, &l.chat, sizeof(l.chat));
	layout_set(&l, 7, 40, false);
	assert_int_equal(l.fold.rows, 0);
	assert_int_equal(l.chat.rows, 4);
}

static void bare(void **state)
{
	struct layout l;

	(void)state;
	layout_set(&l, 5, 80, true);
	assert_int_equal(l.chat.rows, 0);
	assert_int_equal(l.top.rows, 0);
	assert_int_equal(l.bottom.y, 3);
	assert_int_equal(l.input.y, 4);
	layout_set(&l, 24, 29, true);
	assert_int_equal(l.chat.rows, 0);
	layout_set(&l, 2, 80, true);
	assert_int_equal(l.input.rows, 0);
	layout_set(&l, 24, 9, true);
	assert_int_equal(l.input.rows, 0);
	layout_set(&l, 0, 0, true);
	assert_int_equal(l.input.rows, 0);
}

const struct CMUnitTest test_layout[] = {
	cmocka_unit_test(wide), cmocka_unit_test(narrow), cmocka_unit_test(bare), { 0 }
};
