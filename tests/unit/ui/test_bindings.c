/* test_bindings.c - the list of keys */
#include "unit/unit.h"
#include <string.h>
#include "session/session.h"
#include "ui/bindings.h"

static void commands_of_keys_exist(void **state)
{
	static const struct key keys[] = {
		{ 'm', MOD_ALT }, { 't', MOD_ALT }, { K_FN + 2, 0 }, { 'h', MOD_ALT },
		{ 'v', MOD_ALT }, { 's', MOD_ALT }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct binding *b = binding_find(keys[i], false);

		assert_non_null(b);
		assert_non_null(b->command);
		assert_non_null(session_command_find(b->command));
	}
}

static void letters_type_unless_asked(void **state)
{
	(void)state;
	for (unsigned c = ' '; c < 127; c++)
		assert_null(binding_find((struct key){ c, 0 }, false));
	assert_non_null(binding_find((struct key){ 'm', 0 }, true));
	assert_non_null(binding_find((struct key){ ' ', 0 }, true));
	assert_null(binding_find((struct key){ 'x', 0 }, true));
}

static void keys_of_others_are_left_alone(void **state)
{
	static const struct key keys[] = {
		{ 's', MOD_CTRL }, { 'q', MOD_CTRL }, { 'z', MOD_CTRL },
		{ K_FN + 1, 0 }, { K_FN + 10, 0 }, { K_FN + 11, 0 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_null(binding_find(keys[i], true));
}

static void help_lists_them(void **state)
{
	struct buf text = { 0 };

	(void)state;
	bindings_help(&text);
	assert_non_null(strstr(text.p, "Alt+m"));
	assert_non_null(strstr(text.p, "Alt+t, F2"));
	assert_non_null(strstr(text.p, "Alt+1..Alt+9"));
	assert_non_null(strstr(text.p, "PageUp, PageDown"));
	assert_non_null(strstr(text.p, "  m, Space"));
	assert_null(strstr(text.p, ", ,"));
	buf_free(&text);
}

const struct CMUnitTest test_bindings[] = {
	cmocka_unit_test(commands_of_keys_exist),
	cmocka_unit_test(letters_type_unless_asked),
	cmocka_unit_test(keys_of_others_are_left_alone),
	cmocka_unit_test(help_lists_them),
	{ 0 }
};
