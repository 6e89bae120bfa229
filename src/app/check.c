/* check.c - `ttymeet check [URL]`: the doctor
 *
 * Says in plain words what works and, where something does not, what that
 * means and what to do.  With a URL it joins like a listener, and takes the
 * time of each step from the signalling as it passes by.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <langinfo.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include "app/app.h"
#include "audio/engine.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

enum { BRIDGE_WAIT_US = 15000000 };

static const char help[] =
	"Usage: ttymeet check [OPTIONS] [URL]\n"
	"Say what works here and what does not: terminal, sound devices and, with a room's\n"
	"URL, each step of a join with its time.  The room sees a listener for some seconds.\n"
	"\n"
	"      --ca-file F, --insecure    as for a call\n"
	"      --log FILE, -v             log\n"
	"      --help, --version\n";

struct check {
	unsigned remarks, faults;
	struct session *session;
	struct loop *loop;
	struct loop_timer *limit;
	int64_t start_us, http_out_us, http_in_us, ws_us, login_us, joined_us, media_us;
	int code;
	char why[512];
};

static void row(const char *what, const char *text, const char *verdict)
{
	printf("%-10s %-62s %s\n", what, text, verdict);
	fflush(stdout);
}

static void advice(const char *text)
{
	printf("           %s\n", text);
}

/* ---- terminal ---- */

static void check_terminal(struct check *c)
{
	const char *term = getenv("TERM");
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	struct winsize ws = { 0 };
	struct buf b = { 0 };
	int colors = 0, err;

	if (!isatty(STDOUT_FILENO)) {
		row("terminal", "none: output goes to a file or pipe", "line mode, headless");
		return;
	}
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	if (setupterm(NULL, STDOUT_FILENO, &err) == OK)
		colors = tigetnum("colors");
	buf_addf(&b, "%s, %dx%d, %d colours, %s", term ? term : "TERM is not set", ws.ws_col, ws.ws_row,
		 colors > 0 ? colors : 0, utf8 ? "UTF-8" : nl_langinfo(CODESET));
	row("terminal", buf_str(&b), utf8 && err == 1 ? "good" : "plain");
	if (!utf8) {
		c->remarks++;
		advice("Names are shown in ASCII.  A locale like LANG=C.UTF-8 shows them as they are.");
	}
	if (err != 1) {
		c->remarks++;
		advice("This TERM is unknown here: use --line, or set TERM to one that is.");
	}
	if (ws.ws_col && (ws.ws_col < 40 || ws.ws_row < 12))
		advice("Smaller than 40x12: chat and people share the place.");
	buf_free(&b);
}

/* ---- sound ---- */

struct devices { unsigned in, out; bool default_in, default_out; };

static void show_device(void *ctx, int index, const char *name, int in, int out, bool default_in,
			bool default_out, double latency_ms)
{
	struct devices *d = ctx;
	struct buf b = { 0 };

	d->in += in > 0;
	d->out += out > 0;
	d->default_in |= default_in;
	d->default_out |= default_out;
	buf_addf(&b, "%d  %s (%s%s%s), %.0f ms", index, name, in ? "microphone" : "",
		 in && out ? ", " : "", out ? "speaker" : "", latency_ms);
	row("device", buf_str(&b), default_in && default_out ? "default" : default_in
	    ? "default microphone" : default_out ? "default speaker" : "");
	buf_free(&b);
}

static void check_sound(struct check *c)
{
	struct devices d = { 0 };
	int err = audio_list_devices(show_device, &d);

	if (err)
		row("sound", strerror(-err), "trouble");
	if (!d.out) {
		c->remarks++;
		row("speaker", "no sound card was found", "silent");
		advice("Over SSH the sound is where this program runs.  The call works without:");
		advice("--speaker null shows who talks, --speaker file:out.wav keeps the sound.");
	}
	if (!d.in) {
		c->remarks++;
		row("microphone", "none was found", "listen only");
		advice("--no-mic joins as a listener; --mic file:talk.wav speaks from a file.");
	}
	if (d.in && d.out)
		row("sound", "echo cancellation is not built in yet", "use headphones");
}

/* ---- the way into a room ---- */

static void on_trace(void *ctx, const char *dir, const char *ch, const char *data, size_t len)
{
	struct check *c = ctx;
	bool out = !strcmp(dir, "out");
	int64_t now = clock_now_us();

	(void)len;
	if (!strcmp(ch, "http")) {
		if (out && !c->http_out_us)
			c->http_out_us = now;
		if (!out && !c->http_in_us)
			c->http_in_us = now;
	}
	if (strcmp(ch, "xmpp"))
		return;
	if (out && !c->ws_us)
		c->ws_us = now;
	if (!out && !c->login_us && strstr(data, "<jid>"))
		c->login_us = now;
}

static void finish(struct check *c)
{
	loop_timer_set(c->limit, CLOCK_NEVER);
	session_leave(c->session);
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct check *c = ctx;
	int64_t now = clock_now_us();

	if (ev->type == SESSION_EV_JOINED && !c->joined_us) {
		c->joined_us = now;
		if (session_people(c->session) < 2)
			finish(c);
		else
			loop_timer_set(c->limit, now + BRIDGE_WAIT_US);
	}
	if (ev->type == SESSION_EV_MEDIA && ev->on && !c->media_us) {
		c->media_us = now;
		/* One report of the other side, so that there is a path to show. */
		loop_timer_set(c->limit, now + 1500000);
	}
	if (ev->type == SESSION_EV_LEFT) {
		c->code = ev->exit_code;
		snprintf(c->why, sizeof(c->why), "%s", ev->text);
		loop_quit(c->loop);
	}
}

static void on_limit(void *ctx, int64_t now_us)
{
	struct check *c = ctx;
	struct buf text = { 0 };
	json_t *j;

	(void)now_us;
	if (c->media_us) {
		session_stats_json(c->session, &text);
		j = json_loads(buf_str(&text), 0, NULL);
		snprintf(c->why, sizeof(c->why), "%s", json_string_value(json_object_get(j, "path")));
		json_decref(j);
		buf_free(&text);
		buf_addf(&text, "%s, %lld ms after the join", c->why,
			 (long long)(c->media_us - c->joined_us) / 1000);
		row("bridge", buf_str(&text), "good");
	} else {
		c->faults++;
		c->code = EXIT_NO_MEDIA;
		row("bridge", "no answer on the media path", "no sound");
		advice("A firewall drops UDP between here and the bridge (mostly port 10000).");
		advice("Ask for that port, or use a server that offers TURN.");
	}
	buf_free(&text);
	finish(c);
}

static int64_t ms(int64_t from, int64_t to)
{
	return from && to > from ? (to - from) / 1000 : 0;
}

static void show_server(struct check *c)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s:", session_host(c->session));
	if (c->http_in_us)
		buf_addf(&b, " config.js %lld ms,", (long long)ms(c->http_out_us, c->http_in_us));
	if (c->ws_us)
		buf_addf(&b, " WebSocket %lld ms,", (long long)ms(c->http_in_us ? c->http_in_us
								  : c->start_us, c->ws_us));
	if (c->login_us)
		buf_addf(&b, " login %lld ms,", (long long)ms(c->ws_us, c->login_us));
	if (c->joined_us)
		buf_addf(&b, " room %lld ms", (long long)ms(c->login_us, c->joined_us));
	row("server", buf_str(&b), c->joined_us ? "good" : "refused");
	buf_free(&b);
	if (c->joined_us && !c->media_us && c->code != EXIT_NO_MEDIA) {
		row("bridge", "nobody else is in the room, so there is no sound path to try", "unknown");
		advice("Try again while somebody is there.");
		c->remarks++;
	}
	if (c->joined_us)
		return;
	c->faults++;
	advice(*c->why ? c->why : "the server could not be reached");
}

static int check_room(struct check *c, struct settings *settings, const char *url)
{
	struct session_listener l = { .event = on_event, .ctx = c };
	char *why = NULL;
	int err;

	if (loop_new(&c->loop, "main") || session_new(&c->session, c->loop, settings) ||
	    loop_timer_new(&c->limit, c->loop, "check", on_limit, c))
		return app_fail(EXIT_OTHER, "out of memory");
	settings_set(settings, "audio.no_mic", "on", NULL);
	settings_set(settings, "audio.speaker", "none", NULL);
	settings_set(settings, "name", "ttymeet check", NULL);
	session_set_unattended(c->session, true);
	session_set_trace(c->session, on_trace, c);
	session_listen(c->session, &l);
	c->start_us = clock_now_us();
	err = session_join(c->session, url, &why);
	if (err) {
		c->faults++;
		c->code = EXIT_USAGE;
		row("address", why ? why : strerror(-err), "wrong");
	} else {
		loop_run(c->loop);
		show_server(c);
	}
	free(why);
	session_unlisten(c->session, &l);
	loop_timer_free(&c->limit);
	session_free(&c->session);
	loop_free(&c->loop);
	return c->code;
}

static void show_result(const struct check *c)
{
	struct buf b = { 0 };

	if (c->faults)
		buf_adds(&b, "not ready");
	else
		buf_adds(&b, "ready");
	if (c->remarks)
		buf_addf(&b, ", with %u remark%s", c->remarks, c->remarks > 1 ? "s" : "");
	row("result", buf_str(&b), "");
	buf_free(&b);
}

int app_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ca-file", required_argument, NULL, 'a' }, { "insecure", no_argument, NULL, 'i' },
		{ "log", required_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
	};
	struct settings *settings = NULL;
	struct check check = { 0 };
	int c, verbose = 0, code = 0;

	if (settings_new(&settings))
		return app_fail(EXIT_OTHER, "out of memory");
	while (!code && (c = getopt_long(argc, argv, "v", options, NULL)) != -1)
		switch (c) {
		case 'a': settings_set(settings, "network.ca_file", optarg, NULL); break;
		case 'i': settings_set(settings, "network.insecure", "on", NULL); break;
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
		check_terminal(&check);
		check_sound(&check);
		if (optind < argc)
			code = check_room(&check, settings, argv[optind]);
		show_result(&check);
	}
	settings_free(&settings);
	return code < 0 ? 0 : code;
}
