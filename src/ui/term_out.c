/* term_out.c - ncurses on a memfd
 *
 * The size is ours to tell (a memfd has none), and so is coming and going:
 * what ncurses sends for that on its own is thrown away.
 */
#include "ui/term_out.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ui/term_type.h"

struct term_out {
	FILE *out, *in;
	SCREEN *screen;
};

/* newterm() sets handlers of its own where it finds none. */
static const int signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static SCREEN *new_screen(const char *type, FILE *out, FILE *in)
{
	struct sigaction old[SIGNALS];
	SCREEN *s;

	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], NULL, &old[i]);
	use_env(FALSE);
	s = newterm(type, out, in);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &old[i], NULL);
	return s;
}

static const char *cap(const char *name)
{
	const char *s = tigetstr(name);

	return s && s != (char *)-1 ? s : "";
}

static char *refusal(const char *type)
{
	char text[200];

	if (!type)
		type = getenv("TERM");
	snprintf(text, sizeof(text), "the terminal type '%.60s' cannot be used for the full screen; "
		 "set TERM, or use --line", type ? type : "");
	return strdup(text);
}

static void take(struct term_out *o, struct buf *bytes)
{
	int fd = fileno(o->out);
	off_t len;

	fflush(o->out);
	len = lseek(fd, 0, SEEK_CUR);
	for (off_t at = 0; bytes && at < len;) {
		char chunk[4096];
		ssize_t n = pread(fd, chunk, sizeof(chunk), at);

		if (n <= 0)
			break;
		buf_add(bytes, chunk, (size_t)(n < len - at ? n : len - at));
		at += n;
	}
	lseek(fd, 0, SEEK_SET);
	if (ftruncate(fd, 0))
		return;         /* memory of ours: it can */
}

void term_out_free(struct term_out **op)
{
	struct term_out *o = *op;

	if (!o)
		return;
	if (o->screen) {
		set_term(o->screen);
		endwin();
		delscreen(o->screen);
	}
	if (o->out)
		fclose(o->out);
	if (o->in)
		fclose(o->in);
	free(o);
	*op = NULL;
}

WINDOW *term_out_window(struct term_out *o)
{
	set_term(o->screen);
	return stdscr;
}

void term_out_resize(struct term_out *o, int rows, int columns)
{
	set_term(o->screen);
	resizeterm(rows < 1 ? 1 : rows, columns < 1 ? 1 : columns);
}

void term_out_forget(struct term_out *o)
{
	set_term(o->screen);
	clearok(curscr, TRUE);
}

void term_out_frame(struct term_out *o, struct buf *bytes)
{
	set_term(o->screen);
	wnoutrefresh(stdscr);
	doupdate();
	take(o, bytes);
}

int term_out_new(struct term_out **out, const char *type, int rows, int columns, char **why)
{
	struct term_out *o = calloc(1, sizeof(*o));
	int fd = -1, err = -ENOMEM;

	*out = NULL;
	if (!o)
		return err;
	fd = memfd_create("screen", MFD_CLOEXEC);
	o->out = fd >= 0 ? fdopen(fd, "w+e") : NULL;
	o->in = fopen("/dev/null", "re");
	if (!o->out || !o->in) {
		err = -errno;
		goto fail;
	}
	fd = -1;
	if (term_type_usable(type))
		o->screen = new_screen(type, o->out, o->in);
	if (!o->screen) {
		err = -ENOTTY;
		if (why)
			*why = refusal(type);
		goto fail;
	}
	nonl();
	leaveok(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	term_out_resize(o, rows, columns);
	/* The first frame carries what newterm() wanted to say, among it a
	 * scrolling region of the size that it believed in. */
	term_out_frame(o, NULL);
	term_out_forget(o);
	*out = o;
	return 0;
fail:
	if (fd >= 0 && !o->out)
		close(fd);
	term_out_free(&o);
	return err;
}

/* Bracketed paste where the terminal speaks of it, or is of xterm's kind: one
 * that knows private modes ignores those it does not know. */
static bool knows_modes(void)
{
	return strstr(cap("smcup"), "\033[?") != NULL;
}

/* Without the pauses ("$<2>") that real terminals of old wanted. */
static void add_cap(struct buf *b, const char *name)
{
	for (const char *s = cap(name); *s;) {
		const char *pause = strstr(s, "$<"), *end = pause ? strchr(pause, '>') : NULL;

		if (!end) {
			buf_adds(b, s);
			return;
		}
		buf_add(b, s, (size_t)(pause - s));
		s = end + 1;
	}
}

char *term_out_enter_string(void)
{
	struct buf b = { 0 };

	add_cap(&b, "smcup");
	if (*cap("BE"))
		add_cap(&b, "BE");
	else if (knows_modes())
		buf_adds(&b, "\033[?2004h");
	return buf_steal(&b);
}

char *term_out_leave_string(void)
{
	struct buf b = { 0 };

	if (*cap("BD"))
		add_cap(&b, "BD");
	else if (knows_modes())
		buf_adds(&b, "\033[?2004l");
	add_cap(&b, "rmkx");
	add_cap(&b, "sgr0");
	add_cap(&b, "op");
	add_cap(&b, "cnorm");
	/* Without a second screen the shell goes on upon an empty one. */
	add_cap(&b, *cap("rmcup") ? "rmcup" : "clear");
	return buf_steal(&b);
}
