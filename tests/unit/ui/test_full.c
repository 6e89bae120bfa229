/* test_full.c - the full screen on a pseudo-terminal, with a session */
#include "unit/unit.h"
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/clock.h"
#include "ui/full.h"
#include "ui/term.h"

struct fixture {
	int master, slave, saved_stdin;
	struct termios found;
	struct loop *loop;
	struct settings *settings;
	struct session *session;
	struct full *full;
	int64_t now_us;
	struct buf seen;        /* what the terminal got */
};

static void set_up(struct fixture *f)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *why = NULL;

	memset(f, 0, sizeof(*f));
	assert_int_equal(openpty(&f->master, &f->slave, NULL, NULL, &size), 0);
	assert_int_equal(fcntl(f->master, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(tcgetattr(f->slave, &f->found), 0);
	f->saved_stdin = dup(STDIN_FILENO);
	dup2(f->slave, STDIN_FILENO);
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(settings_new(&f->settings), 0);
	assert_int_equal(session_new(&f->session, f->loop, f->settings), 0);
	assert_int_equal(full_new(&f->full, f->session, f->settings, &why), 0);
	f->now_us = clock_now_us();
}

static void listen(struct fixture *f)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(f->master, bytes, sizeof(bytes))) > 0)
		buf_add(&f->seen, bytes, (size_t)n);
}

/* Some passes of the loop; reading tells whether the terminal takes anything. */
static void pass(struct fixture *f, bool reading)
{
	for (int i = 0; i < 8; i++) {
		f->now_us += 100000;
		loop_iterate(f->loop, 0);
		full_readable(f->full, f->now_us);
		full_tick(f->full, f->now_us);
		if (reading)
			listen(f);
		if (full_wants_write(f->full))
			full_writable(f->full, f->now_us);
	}
	if (reading)
		listen(f);
}

static void type(struct fixture *f, const char *bytes)
{
	assert_int_equal(write(f->master, bytes, strlen(bytes)), strlen(bytes));
}

static bool saw(const struct fixture *f, const char *what)
{
	return f->seen.len && memmem(f->seen.p, f->seen.len, what, strlen(what));
}

static void assert_as_found(struct fixture *f)
{
	struct termios now;

	assert_int_equal(tcgetattr(f->slave, &now), 0);
	assert_int_equal(now.c_lflag, f->found.c_lflag);
	assert_int_equal(now.c_iflag, f->found.c_iflag);
	assert_int_equal(now.c_oflag, f->found.c_oflag);
}

static void tear_down(struct fixture *f)
{
	full_free(&f->full);
	listen(f);
	assert_as_found(f);
	assert_true(saw(f, "\033[?1049l"));
	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
	dup2(f->saved_stdin, STDIN_FILENO);
	close(f->saved_stdin);
	close(f->master);
	close(f->slave);
	buf_free(&f->seen);
}

static void typing_is_seen_and_run(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	pass(&f, true);
	assert_true(saw(&f, "\033[?1049h"));
	assert_true(saw(&f, "OPEN"));
	type(&f, "hello");
	pass(&f, true);
	assert_true(saw(&f, "hello"));
	type(&f, "\r");
	pass(&f, true);
	assert_true(saw(&f, "not sent: you are in no room"));
	type(&f, "/help keys\r");
	pass(&f, true);
	assert_true(saw(&f, "works for Alt"));
	type(&f, "\033m");
	pass(&f, true);
	assert_true(saw(&f, "MUTED"));
	assert_true(session_muted(f.session));
	type(&f, "\003");
	pass(&f, true);
	assert_true(saw(&f, "/quit leaves the call"));
	tear_down(&f);
}

static void letters_of_the_web_client(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, "m\025");
	pass(&f, true);
	assert_false(session_muted(f.session));
	assert_int_equal(settings_set(f.settings, "keys.web", "on", NULL), 0);
	type(&f, "m");
	pass(&f, true);
	assert_true(session_muted(f.session));
	type(&f, "/m");         /* a line was begun: letters type */
	pass(&f, true);
	assert_true(session_muted(f.session));
	tear_down(&f);
}

static void a_paste_is_not_sent_by_itself(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	type(&f, "\033[200~first\rsecond\r\033[201~");
	pass(&f, true);
	assert_true(saw(&f, "first"));
	assert_int_equal(session_next_serial(f.session), 0);
	tear_down(&f);
}

static uint64_t dropped(struct fixture *f)
{
	struct buf json = { 0 };
	const char *at;
	uint64_t n;

	assert_int_equal(session_stats_json(f->session, &json), 0);
	at = strstr(buf_str(&json), "\"dropped_frames\"");
	assert_non_null(at);
	n = strtoull(strchr(at, ':') + 1, NULL, 10);
	buf_free(&json);
	return n;
}

static void a_terminal_that_stalls_gets_the_newest(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	pass(&f, true);
	for (int i = 0; i < 400 && !full_wants_write(f.full); i++) {
		type(&f, "\014");
		pass(&f, false);
	}
	assert_true(full_wants_write(f.full));
	for (int i = 0; i < 20; i++) {
		session_input(f.session, "/nothing");
		pass(&f, false);
	}
	session_input(f.session, "/the-newest");
	pass(&f, false);
	assert_true(full_wants_write(f.full));
	assert_true(dropped(&f) > 10);
	buf_clear(&f.seen);
	for (int i = 0; i < 20; i++)
		pass(&f, true);
	assert_false(full_wants_write(f.full));
	assert_true(saw(&f, "the-newest"));
	tear_down(&f);
}

static void sizes_change(void **state)
{
	static const struct winsize sizes[] = {
		{ .ws_row = 12, .ws_col = 40 }, { .ws_row = 2, .ws_col = 5 },
		{ .ws_row = 60, .ws_col = 200 }, { .ws_row = 24, .ws_col = 80 }
	};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (int i = 0; i < 30; i++)
		session_input(f.session, "/a command that nobody knows and that runs over rows");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ioctl(f.master, TIOCSWINSZ, &sizes[i]), 0);
		full_resized(f.full);
		type(&f, "\033[5~\033p\033[1;3A\033[1;3C\033a\033c");
		pass(&f, true);
	}
	buf_clear(&f.seen);
	full_resized(f.full);
	pass(&f, true);
	assert_true(saw(&f, "OPEN"));
	tear_down(&f);
}

static void suspended_and_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	pass(&f, true);
	full_suspend(f.full);
	assert_as_found(&f);
	assert_false(full_wants_read(f.full));
	assert_false(full_wants_write(f.full));
	assert_true(full_tick(f.full, f.now_us) == CLOCK_NEVER);
	listen(&f);
	buf_clear(&f.seen);
	session_input(f.session, "/meanwhile");
	pass(&f, true);
	assert_int_equal(f.seen.len, 0);
	full_resume(f.full);
	pass(&f, true);
	assert_true(saw(&f, "\033[?1049h"));
	assert_true(saw(&f, "meanwhile"));
	term_restore_now();
	assert_as_found(&f);
	tear_down(&f);
}

static void nothing_moves_when_nothing_happens(void **state)
{
	struct fixture f;
	int64_t wake;

	(void)state;
	set_up(&f);
	pass(&f, true);
	pass(&f, true);
	listen(&f);
	buf_clear(&f.seen);
	pass(&f, true);
	assert_int_equal(f.seen.len, 0);
	wake = full_tick(f.full, f.now_us);
	assert_true(wake > f.now_us + 100000);          /* no polling */
	tear_down(&f);
}

static void unknown_terminals_are_refused(void **state)
{
	struct fixture f;
	struct full *other;
	char *why = NULL;

	(void)state;
	set_up(&f);
	full_free(&f.full);
	setenv("TERM", "no-such-terminal", 1);
	assert_int_not_equal(full_new(&other, f.session, f.settings, &why), 0);
	setenv("TERM", "xterm-256color", 1);
	assert_null(other);
	assert_non_null(strstr(why, "no-such-terminal"));
	free(why);
	tear_down(&f);
}

const struct CMUnitTest test_full[] = {
	cmocka_unit_test(typing_is_seen_and_run),
	cmocka_unit_test(letters_of_the_web_client),
	cmocka_unit_test(a_paste_is_not_sent_by_itself),
	cmocka_unit_test(a_terminal_that_stalls_gets_the_newest),
	cmocka_unit_test(sizes_change),
	cmocka_unit_test(suspended_and_back),
	cmocka_unit_test(nothing_moves_when_nothing_happens),
	cmocka_unit_test(unknown_terminals_are_refused),
	{ 0 }
};
