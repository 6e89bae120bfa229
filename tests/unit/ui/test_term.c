/* test_term.c - a pseudo-terminal is taken over and given back */
#include "unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "ui/term.h"

struct pty { int master, slave; char path[64]; struct termios found; };

static void pty_open(struct pty *p)
{
	struct winsize size = { .ws_row = 12, .ws_col = 40 };

	assert_int_equal(openpty(&p->master, &p->slave, p->path, NULL, &size), 0);
	assert_int_equal(fcntl(p->master, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(tcgetattr(p->slave, &p->found), 0);
}

static void pty_close(struct pty *p)
{
	close(p->master);
	close(p->slave);
}

static void assert_as_found(struct pty *p)
{
	struct termios now;

	assert_int_equal(tcgetattr(p->slave, &now), 0);
	assert_int_equal(now.c_lflag, p->found.c_lflag);
	assert_int_equal(now.c_iflag, p->found.c_iflag);
	assert_int_equal(now.c_oflag, p->found.c_oflag);
	assert_memory_equal(now.c_cc, p->found.c_cc, sizeof(now.c_cc));
}

static size_t heard(struct pty *p, char *out, size_t size)
{
	ssize_t n = read(p->master, out, size - 1);

	out[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

static void taken_and_given_back(void **state)
{
	struct pty p;
	struct term *t;
	struct termios now;
	char out[256];
	int rows, columns;

	(void)state;
	pty_open(&p);
	assert_int_equal(term_open(&t, p.path, NULL), 0);
	assert_as_found(&p);
	term_size(t, &rows, &columns);
	assert_int_equal(rows, 12);
	assert_int_equal(columns, 40);
	term_strings(t, "<enter>", "<leave>");
	assert_int_equal(term_enter(t), 0);
	assert_int_equal(tcgetattr(p.slave, &now), 0);
	assert_int_equal(now.c_lflag & (ICANON | ECHO), 0);
	assert_true(now.c_lflag & ISIG);                        /* Ctrl+Z stays */
	assert_int_equal(now.c_cc[VINTR], _POSIX_VDISABLE);     /* Ctrl+C does not kill a call */
	assert_int_equal(now.c_cc[VQUIT], _POSIX_VDISABLE);
	assert_int_equal(now.c_iflag & IXON, p.found.c_iflag & IXON);
	term_flush(t);
	heard(&p, out, sizeof(out));
	assert_string_equal(out, "<enter>");
	/* The shell's own descriptor keeps blocking. */
	assert_int_equal(fcntl(p.slave, F_GETFL) & O_NONBLOCK, 0);
	term_leave(t);
	assert_as_found(&p);
	heard(&p, out, sizeof(out));
	assert_string_equal(out, "<leave>");
	term_leave(t);
	assert_int_equal(heard(&p, out, sizeof(out)), 0);
	assert_int_equal(term_enter(t), 0);
	term_close(&t);
	assert_as_found(&p);
	pty_close(&p);
}

static void an_emergency_gives_it_back(void **state)
{
	struct pty p;
	struct term *t;
	char out[256];

	(void)state;
	pty_open(&p);
	assert_int_equal(term_open(&t, p.path, NULL), 0);
	term_strings(t, "", "<leave>");
	term_restore_now();             /* nothing is taken: nothing happens */
	assert_int_equal(heard(&p, out, sizeof(out)), 0);
	assert_int_equal(term_enter(t), 0);
	term_restore_now();
	assert_as_found(&p);
	heard(&p, out, sizeof(out));
	assert_string_equal(out, "<leave>");
	term_restore_now();
	assert_int_equal(heard(&p, out, sizeof(out)), 0);
	term_close(&t);
	pty_close(&p);
}

static void a_terminal_that_does_not_read_holds_nobody(void **state)
{
	static char page[4096];
	struct pty p;
	struct term *t;

	(void)state;
	pty_open(&p);
	memset(page, 'x', sizeof(page));
	assert_int_equal(term_open(&t, p.path, NULL), 0);
	term_strings(t, "", "<leave>");
	assert_int_equal(term_enter(t), 0);
	/* The kernel carries on emptying its buffer for a while: full is what
	 * took nothing for 50 ms. */
	for (int i = 0, still = 0; i < 1000 && still < 5; i++) {
		if (!term_waits(t))
			term_queue(t, page, sizeof(page));
		still = term_flush(t) ? 0 : still + 1;
		if (still)
			usleep(10000);
	}
	assert_true(term_waits(t));
	assert_int_equal(term_flush(t), 0);
	term_close(&t);                 /* within 0.3 s, or the test hangs */
	assert_as_found(&p);
	pty_close(&p);
}

static void echo_alone(void **state)
{
	struct pty p;
	struct termios now;

	(void)state;
	pty_open(&p);
	for (int i = 0; i < 2; i++) {   /* once more: it went on after a SIGSTOP */
		assert_true(term_echo_off(p.slave));
		assert_int_equal(tcgetattr(p.slave, &now), 0);
		assert_int_equal(now.c_lflag & ECHO, 0);
		assert_true(now.c_lflag & ECHONL);
		assert_true(now.c_lflag & ICANON);
	}
	term_restore_now();
	assert_as_found(&p);
	pty_close(&p);
	assert_false(term_echo_off(p.slave));
}

static void what_is_no_terminal_is_refused(void **state)
{
	struct term *t;
	char *why = NULL;

	(void)state;
	assert_int_equal(term_open(&t, "/dev/null", &why), -ENOTTY);
	assert_non_null(strstr(why, "--line"));
	free(why);
	assert_int_equal(term_open(&t, "/nonexistent", NULL), -ENOTTY);
}

const struct CMUnitTest test_term[] = {
	cmocka_unit_test(taken_and_given_back),
	cmocka_unit_test(an_emergency_gives_it_back),
	cmocka_unit_test(a_terminal_that_does_not_read_holds_nobody),
	cmocka_unit_test(echo_alone),
	cmocka_unit_test(what_is_no_terminal_is_refused),
	{ 0 }
};
