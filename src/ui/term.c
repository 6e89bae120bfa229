/* term.c - the terminal: modes, queue, and the way back
 *
 * ncurses would set the modes of the descriptor it writes to, which is a
 * piece of memory here; so they are ours.  Like its cbreak mode: no echo, no
 * line editing, but Ctrl+Z stays a signal, and Ctrl+S and Ctrl+Q work as the
 * user set them.  Ctrl+C and Ctrl+\ come as bytes: a hand that slips must not
 * end a call.  Output is not translated, since ncurses believes it is not.
 */
#include "ui/term.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/buf.h"

enum { LEAVE_MAX = 256, LEAVE_TRIES = 3, LEAVE_WAIT_MS = 100 };

struct term {
	int fd;
	bool entered;
	struct termios found;
	struct buf queue;
	char *enter, *leave;
};

/* A handler of signals has no context: what it needs to give the terminal
 * back is the process's, as the terminal is.  Written while armed is 0. */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios found;
	char bytes[LEAVE_MAX];
	size_t len;
} emergency;

static char *refusal(int err)
{
	char text[300];

	snprintf(text, sizeof(text), "there is no terminal for the full screen (%s); "
		 "--line and --headless need none", strerror(err));
	return strdup(text);
}

static bool own_path(char *path, size_t size)
{
	for (int fd = 0; fd < 3; fd++)
		if (!ttyname_r(fd, path, size))
			return true;
	return false;
}

int term_open(struct term **out, const char *path, char **why)
{
	struct term *t = calloc(1, sizeof(*t));
	char own[256] = "/dev/tty";
	int err = -ENOMEM;

	*out = NULL;
	if (!t)
		return err;
	t->fd = -1;
	if (!path && own_path(own, sizeof(own)))
		t->fd = open(own, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (t->fd < 0)
		t->fd = open(path ? path : "/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	err = t->fd < 0 || tcgetattr(t->fd, &t->found) ? -ENOTTY : 0;
	t->enter = strdup("");
	t->leave = strdup("");
	if (!err && (!t->enter || !t->leave))
		err = -ENOMEM;
	if (err) {
		if (why)
			*why = refusal(errno);
		term_close(&t);
		return err;
	}
	*out = t;
	return 0;
}

void term_close(struct term **tp)
{
	struct term *t = *tp;

	if (!t)
		return;
	term_leave(t);
	if (t->fd >= 0)
		close(t->fd);
	buf_free(&t->queue);
	free(t->enter);
	free(t->leave);
	free(t);
	*tp = NULL;
}

int term_fd(const struct term *t)
{
	return t->fd;
}

void term_size(const struct term *t, int *rows, int *columns)
{
	struct winsize w;

	*rows = 24;
	*columns = 80;
	if (!ioctl(t->fd, TIOCGWINSZ, &w) && w.ws_row && w.ws_col) {
		*rows = w.ws_row;
		*columns = w.ws_col;
	}
}

void term_strings(struct term *t, const char *enter, const char *leave)
{
	free(t->enter);
	free(t->leave);
	t->enter = strdup(enter);
	t->leave = strdup(leave);
	if (!t->enter || !t->leave)
		abort();
}

static void arm(int fd, const struct termios *found, const char *leave)
{
	size_t len = strlen(leave);

	emergency.fd = fd;
	emergency.found = *found;
	emergency.len = len < LEAVE_MAX ? len : LEAVE_MAX;
	memcpy(emergency.bytes, leave, emergency.len);
	emergency.armed = 1;
}

/* Who changes a terminal's modes from the background is stopped. */
static bool is_in_front(int fd)
{
	pid_t front = tcgetpgrp(fd);

	return front < 0 || front == getpgrp();
}

static struct termios modes(const struct termios *found)
{
	struct termios m = *found;

	m.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
	m.c_lflag |= ISIG;
	m.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP | BRKINT);
	m.c_oflag &= ~(tcflag_t)OPOST;
	m.c_cc[VINTR] = m.c_cc[VQUIT] = _POSIX_VDISABLE;
	m.c_cc[VMIN] = 1;
	m.c_cc[VTIME] = 0;
	return m;
}

int term_enter(struct term *t)
{
	struct termios m;

	if (!is_in_front(t->fd))
		return -EAGAIN;
	/* Entered already: stopped and gone on without our leave (SIGSTOP). */
	if (!t->entered && tcgetattr(t->fd, &t->found))
		return -errno;
	m = modes(&t->found);
	if (tcsetattr(t->fd, TCSANOW, &m))
		return -errno;
	t->entered = true;
	arm(t->fd, &t->found, t->leave);
	term_queue(t, t->enter, strlen(t->enter));
	return 0;
}

/* Bounded in tries: a terminal that was stopped keeps nobody. */
static void write_out(int fd, const char *p, size_t len)
{
	for (int tries = 0; len && tries < LEAVE_TRIES;) {
		ssize_t n = write(fd, p, len);
		struct pollfd pf = { .fd = fd, .events = POLLOUT };

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EINTR && errno != EAGAIN) {
			return;
		} else {
			poll(&pf, 1, LEAVE_WAIT_MS);
			tries++;
		}
	}
}

void term_leave(struct term *t)
{
	if (!t->entered)
		return;
	emergency.armed = 0;
	t->entered = false;
	/* A sequence that was cut off ends at the ESC that comes next. */
	buf_clear(&t->queue);
	write_out(t->fd, t->leave, strlen(t->leave));
	/* Not TCSADRAIN: that would wait for a terminal that does not read. */
	tcsetattr(t->fd, TCSANOW, &t->found);
}

bool term_is_entered(const struct term *t)
{
	return t->entered;
}

void term_queue(struct term *t, const char *bytes, size_t len)
{
	buf_add(&t->queue, bytes, len);
}

bool term_waits(const struct term *t)
{
	return t->entered && t->queue.len > 0;
}

size_t term_flush(struct term *t)
{
	size_t went = 0;

	while (t->entered && went < t->queue.len) {
		ssize_t n = write(t->fd, t->queue.p + went, t->queue.len - went);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			went = t->queue.len;    /* it is gone; whoever polls will hear of it */
		if (n <= 0)
			break;
		went += (size_t)n;
	}
	if (went)
		buf_shift(&t->queue, went);
	return went;
}

bool term_echo_off(int fd)
{
	struct termios m;

	if (!is_in_front(fd) || tcgetattr(fd, &m)) {
		emergency.armed = 0;    /* the shell has put it back */
		return false;
	}
	if (!emergency.armed)
		arm(fd, &m, "");
	m.c_lflag &= ~(tcflag_t)ECHO;
	m.c_lflag |= ECHONL;            /* the line's end is seen */
	/* Not TCSAFLUSH: that would wait for a terminal that does not read. */
	return !tcsetattr(fd, TCSANOW, &m);
}

void term_restore_now(void)
{
	int saved = errno;

	if (emergency.armed) {
		emergency.armed = 0;
		write_out(emergency.fd, emergency.bytes, emergency.len);
		tcsetattr(emergency.fd, TCSANOW, &emergency.found);
	}
	errno = saved;
}
