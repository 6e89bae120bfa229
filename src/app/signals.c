/* signals.c - signals become messages of the loop
 *
 * The handler writes the number into a pipe and returns.  What must not wait
 * is done in the handler itself with async-signal-safe calls: a second fatal
 * signal, and a crash, put the terminal back and end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "base/log.h"

struct signals {
	struct loop_watch *watch;
	struct signals_handlers h;
	void *ctx;
	int pipe[2];
};

/* A handler has no context: these three are the process's, like its signal
 * table. */
static int wake_fd = -1;
static void (*emergency_fn)(void);
static atomic_int fatal_count;

static const int fatal[] = { SIGINT, SIGTERM, SIGHUP };
static const int crash[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT };
static const int other[] = { SIGWINCH, SIGTSTP, SIGCONT, SIGUSR2 };
enum { FATALS = 3, CRASHES = 6, OTHERS = 4 };

static void on_signal(int sig)
{
	int saved = errno;
	unsigned char c = (unsigned char)sig;

	for (int i = 0; i < FATALS; i++)
		if (sig == fatal[i] && atomic_fetch_add(&fatal_count, 1) > 0) {
			if (emergency_fn)
				emergency_fn();
			_exit(128 + sig);
		}
	if (wake_fd >= 0)
		(void)!write(wake_fd, &c, 1);
	errno = saved;
}

static void on_crash(int sig)
{
	if (emergency_fn)
		emergency_fn();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void set_handler(int sig, void (*fn)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = fn;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

/* SIGTSTP: the terminal goes back first, then the process really stops. */
static void stop_here(struct signals *s)
{
	if (s->h.suspend)
		s->h.suspend(s->ctx);
	raise(SIGSTOP);
}

static void toggle_log(void)
{
	log_set_level(log_get_level() >= LOGL_DEBUG ? LOGL_WARN : LOGL_DEBUG);
}

static void on_pipe(void *ctx, int fd, GIOCondition ready)
{
	struct signals *s = ctx;
	unsigned char sig;

	(void)ready;
	while (read(fd, &sig, 1) == 1)
		switch (sig) {
		case SIGWINCH:
			if (s->h.resize)
				s->h.resize(s->ctx);
			break;
		case SIGTSTP:
			stop_here(s);
			break;
		case SIGCONT:
			if (s->h.resume)
				s->h.resume(s->ctx);
			break;
		case SIGUSR2:
			toggle_log();
			break;
		default:
			s->h.leave(s->ctx, sig);
		}
}

int signals_new(struct signals **out, struct loop *loop, const struct signals_handlers *h,
		void (*emergency)(void), void *ctx)
{
	struct signals *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	if (!s)
		return err;
	s->h = *h;
	s->ctx = ctx;
	s->pipe[0] = s->pipe[1] = -1;
	if (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC)) {
		err = -errno;
		goto fail;
	}
	err = loop_watch_new(&s->watch, loop, "signals", s->pipe[0], G_IO_IN, on_pipe, s);
	if (err)
		goto fail;
	wake_fd = s->pipe[1];
	emergency_fn = emergency;
	atomic_store(&fatal_count, 0);
	for (int i = 0; i < FATALS; i++)
		set_handler(fatal[i], on_signal);
	for (int i = 0; i < OTHERS; i++)
		set_handler(other[i], on_signal);
	for (int i = 0; emergency && i < CRASHES; i++)
		set_handler(crash[i], on_crash);
	set_handler(SIGPIPE, SIG_IGN);
	*out = s;
	return 0;
fail:
	signals_free(&s);
	return err;
}

void signals_free(struct signals **sp)
{
	struct signals *s = *sp;

	if (!s)
		return;
	for (int i = 0; i < OTHERS; i++)
		set_handler(other[i], other[i] == SIGUSR2 ? SIG_IGN : SIG_DFL);
	wake_fd = -1;
	loop_watch_free(&s->watch);
	if (s->pipe[0] >= 0) {
		close(s->pipe[0]);
		close(s->pipe[1]);
	}
	free(s);
	*sp = NULL;
}
