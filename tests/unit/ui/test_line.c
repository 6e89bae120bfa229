/* test_line.c - line mode with a session */
#include "unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "ui/line.h"

struct fixture {
	struct loop *loop;
	struct settings *settings;
	struct session *session;
	struct line *line;
	struct buf heard;
};

static void hear(void *ctx, const char *text, size_t len)
{
	struct fixture *f = ctx;

	buf_add(&f->heard, text, len);
}

static void set_up(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(settings_new(&f->settings), 0);
	assert_int_equal(session_new(&f->session, f->loop, f->settings), 0);
	assert_int_equal(line_new(&f->line, f->session, f->settings, hear, f), 0);
}

static void tear_down(struct fixture *f)
{
	line_free(&f->line);
	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
	buf_free(&f->heard);
}

static void type(struct fixture *f, const char *bytes)
{
	line_input(f->line, bytes, strlen(bytes), clock_now_us());
}

static void commands_answer_in_sentences(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, "/mu");
	assert_string_equal(buf_str(&f.heard), "");
	type(&f, "te\r\n");
	assert_string_equal(buf_str(&f.heard), "You are muted.\n");
	buf_clear(&f.heard);
	type(&f, "hello\n\n   \n");
	assert_string_equal(buf_str(&f.heard), "Not sent: you are in no room.\n");
	tear_down(&f);
}

static void lines_are_bounded_and_cleaned(void **state)
{
	struct fixture f;
	char *big = malloc(20001);

	(void)state;
	assert_non_null(big);
	memset(big, 'a', 20000);
	big[20000] = 0;
	set_up(&f);
	type(&f, big);
	type(&f, big);
	type(&f, "\n");
	assert_non_null(strstr(buf_str(&f.heard), "was not sent"));
	buf_clear(&f.heard);
	line_input(f.line, "/\033[2J\0x\n", 8, clock_now_us());
	assert_non_null(strstr(buf_str(&f.heard), "There is no command"));
	assert_null(strchr(f.heard.p, '\033'));
	free(big);
	tear_down(&f);
}

const struct CMUnitTest test_line[] = {
	cmocka_unit_test(commands_answer_in_sentences),
	cmocka_unit_test(lines_are_bounded_and_cleaned),
	{ 0 }
};
