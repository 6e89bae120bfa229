/* test_input.c - the line editor, as fingers know it from readline */
#include "unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include "ui/input.h"

static struct input *typed(const char *text)
{
	struct input *in;

	assert_int_equal(input_new(&in), 0);
	input_insert(in, text, strlen(text));
	return in;
}

static void expect(const struct input *in, const char *text, size_t at)
{
	assert_string_equal(input_text(in), text);
	assert_int_equal(input_cursor(in), at);
}

static void moving_and_deleting(void **state)
{
	struct input *in = typed("shall we dance");

	(void)state;
	input_do(in, INPUT_WORD_LEFT);
	expect(in, "shall we dance", 9);
	input_do(in, INPUT_KILL_BLANK_LEFT);
	expect(in, "shall dance", 6);
	input_do(in, INPUT_YANK);
	expect(in, "shall we dance", 9);
	input_do(in, INPUT_HOME);
	input_do(in, INPUT_KILL_WORD_RIGHT);
	expect(in, " we dance", 0);
	input_do(in, INPUT_RIGHT);
	input_do(in, INPUT_DELETE);
	expect(in, " e dance", 1);
	input_do(in, INPUT_END);
	input_do(in, INPUT_BACKSPACE);
	expect(in, " e danc", 7);
	input_do(in, INPUT_SWAP);
	expect(in, " e dacn", 7);
	input_do(in, INPUT_KILL_HOME);
	expect(in, "", 0);
	input_do(in, INPUT_BACKSPACE);
	input_do(in, INPUT_DELETE);
	input_do(in, INPUT_LEFT);
	input_do(in, INPUT_SWAP);
	expect(in, "", 0);
	input_free(&in);
}

static void kills_in_a_row_are_one(void **state)
{
	struct input *in = typed("one two three four");

	(void)state;
	input_do(in, INPUT_KILL_BLANK_LEFT);
	input_do(in, INPUT_KILL_BLANK_LEFT);
	expect(in, "one two ", 8);
	input_do(in, INPUT_HOME);
	input_do(in, INPUT_YANK);
	expect(in, "three fourone two ", 10);
	input_do(in, INPUT_KILL_END);
	input_do(in, INPUT_HOME);
	input_do(in, INPUT_YANK);
	expect(in, "one two three four", 8);
	input_free(&in);
}

static void letters_with_marks_are_one(void **state)
{
	struct input *in = typed("cafe\xCC\x81李");

	(void)state;
	input_do(in, INPUT_LEFT);
	expect(in, "cafe\xCC\x81李", 6);
	input_do(in, INPUT_LEFT);
	expect(in, "cafe\xCC\x81李", 3);
	input_do(in, INPUT_DELETE);
	expect(in, "caf李", 3);
	input_do(in, INPUT_SWAP);
	expect(in, "ca李f", 6);
	input_free(&in);
}

static void what_is_pasted_is_cleaned_and_bounded(void **state)
{
	struct input *in;
	char *big = malloc(20000);

	(void)state;
	assert_non_null(big);
	in = typed("a\033[31mb\x01 c\nd\xFF");
	assert_null(strchr(input_text(in), '\033'));
	assert_non_null(strchr(input_text(in), '\n'));
	input_do(in, INPUT_CLEAR);
	for (size_t i = 0; i + 3 <= 20000; i += 3)
		memcpy(big + i, "李", 3);
	input_insert(in, big, 19998);
	input_insert(in, big, 19998);
	assert_true(strlen(input_text(in)) <= 8000);
	assert_int_equal(strlen(input_text(in)) % 3, 0);        /* no half character */
	free(big);
	input_free(&in);
}

static void history(void **state)
{
	struct input *in = typed("first");

	(void)state;
	free(input_take(in, true));
	input_insert(in, "second", 6);
	free(input_take(in, true));
	input_insert(in, "secret", 6);
	free(input_take(in, false));
	input_insert(in, "half", 4);
	input_do(in, INPUT_OLDER);
	expect(in, "second", 6);
	input_do(in, INPUT_OLDER);
	expect(in, "first", 5);
	input_do(in, INPUT_OLDER);
	expect(in, "first", 5);
	input_do(in, INPUT_NEWER);
	input_do(in, INPUT_NEWER);
	expect(in, "half", 4);
	input_do(in, INPUT_NEWER);
	expect(in, "half", 4);
	for (int i = 0; i < 500; i++) {
		char *line;

		input_do(in, INPUT_CLEAR);
		input_insert(in, i % 2 ? "a" : "b", 1);
		line = input_take(in, true);
		assert_string_equal(line, i % 2 ? "a" : "b");
		free(line);
	}
	for (int i = 0; i < 600; i++)
		input_do(in, INPUT_OLDER);
	expect(in, "b", 1);
	input_free(&in);
}

/* Names as session_complete() gives them. */
static char **names(void *ctx, const char *line, size_t at, size_t *start)
{
	static const char *const all[] = { "Anna: ", "Anton: ", "Ben: ", NULL };
	char **v = calloc(4, sizeof(*v));
	size_t n = 0;

	(void)ctx;
	assert_non_null(v);
	for (*start = at; *start && line[*start - 1] != ' ';)
		--*start;
	for (size_t i = 0; all[i]; i++)
		if (!strncasecmp(all[i], line + *start, at - *start))
			v[n++] = strdup(all[i]);
	if (n)
		return v;
	free(v);
	return NULL;
}

static void completing(void **state)
{
	struct input *in = typed("b");
	char *const *all;

	(void)state;
	assert_int_equal(input_complete(in, false, names, NULL, &all), 1);
	expect(in, "Ben: ", 5);
	assert_int_equal(input_complete(in, false, names, NULL, &all), 3);
	input_do(in, INPUT_CLEAR);
	/* The common part first, then round and round. */
	input_insert(in, "hi a, you", 9);
	for (int i = 0; i < 5; i++)
		input_do(in, INPUT_LEFT);
	assert_int_equal(input_complete(in, false, names, NULL, &all), 2);
	expect(in, "hi An, you", 5);
	assert_string_equal(all[1], "Anton: ");
	input_complete(in, false, names, NULL, NULL);
	expect(in, "hi Anna: , you", 9);
	input_complete(in, false, names, NULL, NULL);
	expect(in, "hi Anton: , you", 10);
	input_complete(in, false, names, NULL, NULL);
	expect(in, "hi Anna: , you", 9);
	input_complete(in, true, names, NULL, NULL);
	expect(in, "hi Anton: , you", 10);
	/* Typing ends the round. */
	input_insert(in, "x", 1);
	assert_int_equal(input_complete(in, false, names, NULL, NULL), 0);
	expect(in, "hi Anton: x, you", 11);
	input_free(&in);
}

const struct CMUnitTest test_input[] = {
	cmocka_unit_test(moving_and_deleting),
	cmocka_unit_test(kills_in_a_row_are_one),
	cmocka_unit_test(letters_with_marks_are_one),
	cmocka_unit_test(what_is_pasted_is_cleaned_and_bounded),
	cmocka_unit_test(history),
	cmocka_unit_test(completing),
	{ 0 }
};
