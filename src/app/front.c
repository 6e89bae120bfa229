/* front.c - runs a session with one of the three front ends until it is over */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ui/full.h"
#include "ui/line.h"
#include "ui/term.h"

enum { STDOUT_QUEUE = 1 << 20 };

struct running {
	const struct front *front;
	struct loop *loop;
	struct session *session;
	struct session_listener listener;
	struct signals *signals;
	struct ctl_server *ctl;
	struct loop_timer *leave_timer, *ui_timer;
	struct loop_watch *input;
	struct outq *out;
	struct full *full;
	struct line *line;
	int saved_stderr;               /* -1: untouched */
	int signal;                     /* that ended us; 0 none */
	bool done;
};

/* ---- the full screen ---- */

static void full_pass(struct running *r)
{
	GIOCondition want = 0;

	loop_timer_set(r->ui_timer, full_tick(r->full, clock_now_us()));
	/* In the background what is typed is the shell's. */
	if (full_wants_read(r->full))
		want |= G_IO_IN;
	if (full_wants_write(r->full))
		want |= G_IO_OUT;
	loop_watch_set(r->input, want);
}

static void full_timer(void *ctx, int64_t now_us)
{
	(void)now_us;
	full_pass(ctx);
}

static void full_io(void *ctx, int fd, GIOCondition ready)
{
	struct running *r = ctx;

	(void)fd;
	if (ready & G_IO_OUT)
		full_writable(r->full, clock_now_us());
	if (ready & G_IO_IN)
		full_readable(r->full, clock_now_us());
	if (ready & (G_IO_HUP | G_IO_ERR)) {    /* the terminal is gone */
		loop_watch_set(r->input, 0);
		session_leave(r->session);
		return;
	}
	full_pass(r);
}

static void full_resize(void *ctx)
{
	struct running *r = ctx;

	if (!r->full)
		return;
	full_resized(r->full);
	full_pass(r);
}

/* Libraries print on stderr; while the screen is ours that goes to the log. */
static void stderr_away(struct running *r)
{
	int fd = log_fd() > 2 ? dup(log_fd()) : open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	r->saved_stderr = dup(2);
	dup2(fd, 2);
	close(fd);
}

static void stderr_back(struct running *r)
{
	if (r->saved_stderr < 0)
		return;
	dup2(r->saved_stderr, 2);
	close(r->saved_stderr);
	r->saved_stderr = -1;
}

static int start_full(struct running *r, struct settings *settings, char **why)
{
	int err = full_new(&r->full, r->session, settings, why);

	if (err)
		return err;
	stderr_away(r);
	err = loop_watch_new(&r->input, r->loop, "terminal", full_fd(r->full), G_IO_IN, full_io, r);
	if (!err)
		err = loop_timer_new(&r->ui_timer, r->loop, "screen", full_timer, r);
	if (!err)
		full_pass(r);
	return err;
}

/* ---- line mode ---- */

static void line_write(void *ctx, const char *text, size_t len)
{
	struct running *r = ctx;

	outq_write(r->out, text, len);
}

static bool line_echo(void *ctx, bool on)
{
	(void)ctx;
	if (!on)
		return isatty(STDIN_FILENO) && term_echo_off(STDIN_FILENO);
	term_restore_now();
	return true;
}

static void line_timer(void *ctx, int64_t now_us)
{
	struct running *r = ctx;

	loop_timer_set(r->ui_timer, line_tick(r->line, now_us));
}

static void line_io(void *ctx, int fd, GIOCondition ready)
{
	struct running *r = ctx;
	char chunk[4096];
	ssize_t n;

	(void)ready;
	n = read(fd, chunk, sizeof(chunk));
	if (n > 0) {
		line_input(r->line, chunk, (size_t)n, clock_now_us());
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_watch_set(r->input, 0);    /* no more commands; the call goes on */
		line_end(r->line);
	}
	text_wipe(chunk, n > 0 ? (size_t)n : 0);
	loop_timer_set(r->ui_timer, line_tick(r->line, clock_now_us()));
}

static int start_line(struct running *r, struct settings *settings)
{
	static const struct line_ops ops = { line_write, line_echo };
	int err = outq_new(&r->out, STDOUT_FILENO, STDOUT_QUEUE, "Lines that were not shown: ", "");

	if (!err)
		err = line_new(&r->line, r->session, settings, &ops, r);
	if (!err)
		err = loop_timer_new(&r->ui_timer, r->loop, "line mode", line_timer, r);
	if (!err)
		err = loop_watch_new(&r->input, r->loop, "input", STDIN_FILENO, G_IO_IN, line_io, r);
	return err;
}

/* ---- headless and all ---- */

static void on_leave_timer(void *ctx, int64_t now_us)
{
	struct running *r = ctx;

	(void)now_us;
	session_leave(r->session);
}

static void headless_event(struct running *r, const struct session_event *ev)
{
	struct buf b = { 0 };

	if (!r->out || r->front->silent)
		return;
	session_event_json(r->session, ev, &b);
	buf_addc(&b, '\n');
	outq_write(r->out, b.p, b.len);
	buf_free(&b);
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct running *r = ctx;

	if (r->front->event)
		r->front->event(r->front->ctx, r->session, ev);
	if (r->front->ui == FRONT_HEADLESS)
		headless_event(r, ev);
	if (ev->type == SESSION_EV_JOINED && !ev->quiet && r->front->for_us)
		loop_timer_set(r->leave_timer, clock_now_us() + r->front->for_us);
	if (ev->type == SESSION_EV_LEFT)
		r->done = true;
	if (r->done)
		loop_quit(r->loop);
}

static void on_changed(void *ctx, unsigned dirty)
{
	struct running *r = ctx;

	(void)dirty;
	if (r->full)
		full_pass(r);
}

static void on_signal(void *ctx, int sig)
{
	struct running *r = ctx;

	r->signal = sig;
	if (session_get_state(r->session) == SESSION_IDLE || session_is_over(r->session))
		r->done = true;
	session_leave(r->session);
	if (r->done)
		loop_quit(r->loop);
}

static void on_suspend(void *ctx)
{
	struct running *r = ctx;

	if (r->full)
		full_suspend(r->full);
	if (r->line)
		line_suspend(r->line);
}

static void on_resume(void *ctx)
{
	struct running *r = ctx;

	if (r->line)
		line_resume(r->line);
	if (!r->full)
		return;
	full_resume(r->full);
	full_pass(r);
}

static int start_ui(struct running *r, struct settings *settings, char **why)
{
	switch (r->front->ui) {
	case FRONT_FULL:
		return start_full(r, settings, why);
	case FRONT_LINE:
		return start_line(r, settings);
	case FRONT_HEADLESS:
		return r->front->silent ? 0
			: outq_new(&r->out, STDOUT_FILENO, STDOUT_QUEUE,
				   "{\"event\":\"notice\",\"text\":\"nobody read; events lost\",\"count\":", "}");
	}
	return -EINVAL;
}

static void stop_ui(struct running *r)
{
	loop_watch_free(&r->input);
	loop_timer_free(&r->ui_timer);
	line_free(&r->line);
	full_free(&r->full);
	stderr_back(r);
	outq_free(&r->out, 500000);
}

static int usage_or_server(int err)
{
	return err == -EINVAL ? EXIT_USAGE : EXIT_OTHER;
}

/* The last message of the call's chrome: why it ended, for a terminal that
 * has its own screen back. */
static void say_end(const struct running *r, int code)
{
	uint64_t last = session_next_serial(r->session);
	const struct message *m = last ? session_message(r->session, last - 1) : NULL;

	if (code && !r->signal && m && m->kind == MESSAGE_ERROR)
		app_fail(code, "%s", m->text);
}

int front_run(const struct front *f, struct loop *loop, struct session *s,
	      struct settings *settings, const char *url)
{
	static const struct signals_handlers handlers = {
		on_signal, full_resize, on_suspend, on_resume
	};
	struct running r = { .front = f, .loop = loop, .session = s, .saved_stderr = -1 };
	char *why = NULL;
	int err, code;

	r.listener = (struct session_listener){ .event = on_event, .changed = on_changed, .ctx = &r };
	err = loop_timer_new(&r.leave_timer, loop, "--for", on_leave_timer, &r);
	if (!err)
		err = signals_new(&r.signals, loop, &handlers,
				  f->ui == FRONT_HEADLESS ? NULL : term_restore_now, &r);
	if (!err && !f->no_socket && ctl_server_new(&r.ctl, loop, s, f->socket, &why)) {
		if (f->socket)
			err = -EACCES;
		else
			log_warn("ctl", "%s", why);
		if (!err) {
			free(why);
			why = NULL;
		}
	}
	session_listen(s, &r.listener);
	if (!err)
		err = start_ui(&r, settings, &why);
	if (!err)
		err = session_join(s, url, &why);
	if (!err)
		loop_run(loop);
	code = err ? usage_or_server(err) : session_exit_code(s);
	session_unlisten(s, &r.listener);
	ctl_server_free(&r.ctl);
	stop_ui(&r);
	if (err)
		app_fail(code, "%s", why ? why : strerror(-err));
	else
		say_end(&r, code);
	free(why);
	loop_timer_free(&r.leave_timer);
	signals_free(&r.signals);
	return r.signal ? 128 + r.signal : code;
}

int front_set_ui(struct front *f, const char *name)
{
	static const char *const names[] = { "full", "line", "headless" };

	for (int i = FRONT_FULL; i <= FRONT_HEADLESS; i++)
		if (!strcmp(name, names[i])) {
			f->ui = (enum front_ui)i;
			return 0;
		}
	return app_fail(EXIT_USAGE, "--ui is full, line or headless, not '%s'", name);
}

int front_set_for(struct front *f, const char *duration)
{
	if (text_duration_us(duration, &f->for_us) || f->for_us <= 0)
		return app_fail(EXIT_USAGE, "--for is a time like 10s or 5m, not '%s'", duration);
	return 0;
}

bool front_has_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term;
}

enum front_ui front_default(void)
{
	return front_has_terminal() && strcmp(getenv("TERM"), "dumb") ? FRONT_FULL : FRONT_LINE;
}
