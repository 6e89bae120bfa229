/* check.c - `ttymeet check [URL]`: the doctor
 *
 * Says in plain words what works and, where something does not, what that
 * means and what to do: terminal and sound devices here, a room's server in
 * check_room.c.
 */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include "app/app.h"
#include "app/check.h"
#include "audio/engine.h"
#include "base/buf.h"
#include "base/log.h"

static const char help[] =
	"Usage: ttymeet check [OPTIONS] [URL]\n"
	"Say what works here and what does not: terminal, sound devices and, with a room's\n"
	"URL, each step of a join with its time.  The room sees a listener for some seconds.\n"
	"\n"
	"      --ca-file F, --insecure    as for a call\n"
	"      --log FILE, -v             log\n"
	"      --help, --version\n";

void check_row(const char *what, const char *text, const char *verdict)
{
	printf("%-10s %-62s %s\n", what, text, verdict);
	fflush(stdout);
}

void check_advice(const char *text)
{
	printf("           %s\n", text);
}

/* ---- terminal ---- */

static void check_terminal(struct check_report *c)
{
	const char *term = getenv("TERM");
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	struct winsize ws = { 0 };
	struct buf b = { 0 };
	int colors = 0, err;

	if (!isatty(STDOUT_FILENO)) {
		check_row("terminal", "none: output goes to a file or pipe", "line mode, headless");
		return;
	}
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	if (setupterm(NULL, STDOUT_FILENO, &err) == OK)
		colors = tigetnum("colors");
	buf_addf(&b, "%s, %dx%d, %d colours, %s", term ? term : "TERM is not set", ws.ws_col, ws.ws_row,
		 colors > 0 ? colors : 0, utf8 ? "UTF-8" : nl_langinfo(CODESET));
	check_row("terminal", buf_str(&b), utf8 && err == 1 ? "good" : "plain");
	if (!utf8) {
		c->remarks++;
		check_advice("Names are shown in ASCII.  A locale like LANG=C.UTF-8 shows them as they are.");
	}
	if (err != 1) {
		c->remarks++;
		check_advice("This TERM is unknown here: use --line, or set TERM to one that is.");
	}
	if (ws.ws_col && (ws.ws_col < 40 || ws.ws_row < 12))
		check_advice("Smaller than 40x12: chat and people share the place.");
	buf_free(&b);
}

/* ---- sound ---- */

struct devices { unsigned in, out; };

static void show_device(void *ctx, int index, const char *name, int in, int out, bool default_in,
			bool default_out, double latency_ms)
{
	struct devices *d = ctx;
	struct buf b = { 0 };

	d->in += in > 0;
	d->out += out > 0;
	buf_addf(&b, "%d  %s (%s%s%s), %.0f ms", index, name, in ? "microphone" : "",
		 in && out ? ", " : "", out ? "speaker" : "", latency_ms);
	check_row("device", buf_str(&b), default_in && default_out ? "default" : default_in
	    ? "default microphone" : default_out ? "default speaker" : "");
	buf_free(&b);
}

static void check_sound(struct check_report *c)
{
	struct devices d = { 0 };
	int err = audio_list_devices(show_device, &d);

	if (err)
		check_row("sound", strerror(-err), "trouble");
	if (!d.out) {
		c->remarks++;
		check_row("speaker", "no sound card was found", "silent");
		check_advice("Over SSH the sound is where this program runs.  The call works without:");
		check_advice("--speaker null shows who talks, --speaker file:out.wav keeps the sound.");
	}
	if (!d.in) {
		c->remarks++;
		check_row("microphone", "none was found", "listen only");
		check_advice("--no-mic joins as a listener; --mic file:talk.wav speaks from a file.");
	}
}

static void show_result(const struct check_report *c)
{
	struct buf b = { 0 };

	if (c->faults)
		buf_adds(&b, "not ready");
	else
		buf_adds(&b, "ready");
	if (c->remarks)
		buf_addf(&b, ", with %u remark%s", c->remarks, c->remarks > 1 ? "s" : "");
	check_row("result", buf_str(&b), "");
	buf_free(&b);
}

static void set_both(struct settings *a, struct settings *b, const char *key, const char *value)
{
	settings_set(a, key, value, NULL);
	settings_set(b, key, value, NULL);
}

int app_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ca-file", required_argument, NULL, 'a' }, { "insecure", no_argument, NULL, 'i' },
		{ "log", required_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
	};
	struct settings *settings = NULL, *second = NULL;
	struct check_report report = { 0 };
	int c, verbose = 0, code = 0;

	if (settings_new(&settings) || settings_new(&second))
		return app_fail(EXIT_OTHER, "out of memory");
	while (!code && (c = getopt_long(argc, argv, "v", options, NULL)) != -1)
		switch (c) {
		case 'a': set_both(settings, second, "network.ca_file", optarg); break;
		case 'i': set_both(settings, second, "network.insecure", "on"); break;
		case 'l':
			if (log_open(optarg))
				code = app_fail(EXIT_USAGE, "%s cannot be written", optarg);
			break;
		case 'v': verbose++; break;
		case 'h': fputs(help, stdout); code = -1; break;
		case 'V': app_version(); code = -1; break;
		default: code = app_fail(EXIT_USAGE, "see ttymeet check --help");
		}
	if (!code && optind + 1 < argc)
		code = app_fail(EXIT_USAGE, "one room at a time: '%s' is too much", argv[optind + 1]);
	log_set_level(verbose ? (enum log_level)(LOGL_WARN + verbose) : LOGL_ERROR);
	if (!code) {
		check_terminal(&report);
		check_sound(&report);
		if (optind < argc)
			code = check_room(&report, settings, second, argv[optind]);
		show_result(&report);
	}
	settings_free(&settings);
	settings_free(&second);
	return code < 0 ? 0 : code;
}
