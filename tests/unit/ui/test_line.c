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
	bool terminal, shown;           /* there is one; it shows what is typed */
};

static void hear(void *ctx, const char *text, size_t len)
{
	struct fixture *f = ctx;

	buf_add(&f->heard, text, len);
}

static bool echo(void *ctx, bool on)
{
	struct fixture *f = ctx;

	if (f->terminal)
		f->shown = on;
	return f->terminal;
}

static void set_up(struct fixture *f)
{
	static const struct line_ops ops = { hear, echo };

	memset(f, 0, sizeof(*f));
	f->shown = true;
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(settings_new(&f->settings), 0);
	assert_int_equal(session_new(&f->session, f->loop, f->settings), 0);
	assert_int_equal(line_new(&f->line, f->session, f->settings, &ops, f), 0);
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

static void heard(struct fixture *f, const char *words)
{
	assert_string_equal(buf_str(&f->heard), words);
	buf_clear(&f->heard);
}

#define PROMPT "Type the password and Enter: it is not shown.\n"

static void a_secret_has_a_line_of_its_own(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	f.terminal = true;
	type(&f, "/password \n");
	heard(&f, PROMPT);
	assert_false(f.shown);
	type(&f, "/mute\n");            /* a command is one there, too */
	heard(&f, "You are muted.\n");
	assert_false(f.shown);
	line_suspend(f.line);
	assert_true(f.shown);
	line_resume(f.line);
	assert_false(f.shown);
	type(&f, "/ open sesame\n");
	heard(&f, "There is no room to give it to.\n");
	assert_true(f.shown);
	type(&f, "open sesame\n");
	heard(&f, "Not sent: you are in no room.\n");
	type(&f, "/password\n\n");
	heard(&f, PROMPT "No password was given; /password asks for it.\n");
	assert_true(f.shown);
	type(&f, "/password\n");
	line_end(f.line);
	assert_true(f.shown);
	type(&f, "/password\n");
	f.shown = false;
	line_free(&f.line);
	assert_true(f.shown);
	tear_down(&f);
}

static void without_a_terminal_nobody_is_asked(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, "/password\n");
	assert_non_null(strstr(buf_str(&f.heard), "/password TEXT"));
	buf_clear(&f.heard);
	type(&f, "/password open sesame\n");
	heard(&f, "There is no room to give it to.\n");
	tear_down(&f);
}

const struct CMUnitTest test_line[] = {
	cmocka_unit_test(a_secret_has_a_line_of_its_own),
	cmocka_unit_test(without_a_terminal_nobody_is_asked),
	cmocka_unit_test(commands_answer_in_sentences),
	cmocka_unit_test(lines_are_bounded_and_cleaned),
	{ 0 }
};
