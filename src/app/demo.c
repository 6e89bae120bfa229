/* demo.c - `ttymeet demo`: a host, guests and you, on this machine alone
 *
 * Three processes: the host on free ports, one with all guests, and this one,
 * so that figures are honest.  The other two watch a pipe of ours and end when
 * it does, however we end.
 */
#include "app/demo.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/app.h"
#include "audio/engine.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/text.h"

enum { READY_MS = 10000 };

static const char help[] =
	"Usage: ttymeet demo [OPTIONS]\n"
	"A whole call on this machine alone: a host on loopback, three guests who talk by\n"
	"turns and write, one who plays music, and you.\n"
	"\n"
	"  -n, --name NAME            your name\n"
	"      --mic DEVICE, --speaker DEVICE    sound devices (default: the sound card, or\n"
	"                             null where there is none)\n"
	"      --ui full|line|headless, --line, --headless\n"
	"                             --headless prints events, and a summary as its last line;\n"
	"                             exit 0 only if every guest was seen, heard and read\n"
	"      --for DURATION         leave by itself (headless: default 15s)\n"
	"      --socket PATH, --no-socket, --log FILE, -v   as for a call\n"
	"      --help, --version\n";

/* ---- processes ---- */

struct child {
	pid_t pid;
	int keep;               /* write end of its stdin: closing ends it */
	int out;                /* read end of its stdout */
};

static int spawn(struct child *c, const char *const argv[])
{
	int in[2], out[2];

	c->pid = -1;
	c->keep = c->out = -1;
	if (pipe2(in, O_CLOEXEC))
		return -errno;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return -errno;
	}
	c->pid = fork();
	if (c->pid == 0) {
		/* A group of its own: Ctrl+C in the terminal is for us alone. */
		setpgid(0, 0);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execv("/proc/self/exe", (char *const *)(uintptr_t)argv); /* execv() changes nothing */
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->keep = in[1];
	c->out = out[0];
	return c->pid < 0 ? -errno : 0;
}

/* The first line that the child prints; it must begin with word. */
static int wait_ready(const struct child *c, const char *word, char *line, size_t size)
{
	int64_t end = clock_now_us() + READY_MS * INT64_C(1000);
	size_t len = 0;

	while (len < size - 1) {
		int64_t left = end - clock_now_us();
		struct pollfd p = { .fd = c->out, .events = POLLIN };

		if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) == 0)
			return -ETIMEDOUT;
		if (read(c->out, line + len, 1) != 1)
			return -EPIPE;
		if (line[len] == '\n')
			break;
		len++;
	}
	line[len] = 0;
	return text_starts(line, word) ? 0 : -EPROTO;
}

static void end_child(struct child *c)
{
	if (c->keep >= 0)
		close(c->keep);
	if (c->out >= 0)
		close(c->out);
	for (int i = 0; c->pid > 0 && i < 300; i++) {   /* 3 s */
		if (waitpid(c->pid, NULL, WNOHANG) != 0)
			return;
		poll(NULL, 0, 10);
	}
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
}

/* ---- what was seen and heard, for the summary ---- */

struct seen {
	bool seen, read;
	json_int_t packets;
	double seconds;
	int64_t talks_since_us;
	char id[64];
};

struct demo {
	struct session *session;
	struct loop_timer *sample;
	struct seen guest[DEMO_GUESTS];
	unsigned chat;
	bool wrote;
	double kbps_in, kbps_out;
	json_int_t first_sound_ms, concealed_ms, lost;
};

static struct seen *guest_by_name(struct demo *d, const char *name)
{
	for (int i = 0; i < DEMO_GUESTS; i++)
		if (!strcmp(demo_guests[i].name, name))
			return &d->guest[i];
	return NULL;
}

static void sample(struct demo *d)
{
	struct buf text = { 0 };
	json_t *j, *p;
	size_t i;

	if (session_get_state(d->session) != SESSION_JOINED)
		return;
	session_stats_json(d->session, &text);
	j = json_loads(buf_str(&text), 0, NULL);
	json_array_foreach(json_object_get(j, "per_person"), i, p)
		for (int g = 0; g < DEMO_GUESTS; g++)
			if (!strcmp(d->guest[g].id, json_string_value(json_object_get(p, "id"))))
				d->guest[g].packets = json_integer_value(json_object_get(p, "packets"));
	d->kbps_in = json_number_value(json_object_get(json_object_get(j, "in"), "kbps"));
	d->kbps_out = json_number_value(json_object_get(json_object_get(j, "out"), "kbps"));
	d->concealed_ms = json_integer_value(json_object_get(json_object_get(j, "in"), "concealed_ms"));
	d->lost = json_integer_value(json_object_get(json_object_get(j, "in"), "lost"));
	d->first_sound_ms = json_integer_value(json_object_get(j, "first_sound_ms"));
	json_decref(j);
	buf_free(&text);
}

static void on_sample(void *ctx, int64_t now_us)
{
	struct demo *d = ctx;

	sample(d);
	loop_timer_set(d->sample, now_us + 500000);
}

static void talking(struct seen *g, bool on)
{
	int64_t now = clock_now_us();

	if (!on && g->talks_since_us)
		g->seconds += (double)(now - g->talks_since_us) / 1e6;
	g->talks_since_us = on ? now : 0;
}

static void write_hello(struct demo *d, struct session *s)
{
	struct buf text = { 0 };
	const char *kind;

	d->wrote = true;
	session_command(s, "say good evening, nice to be here", &text, &kind);
	buf_free(&text);
}

static void on_event(void *ctx, struct session *s, const struct session_event *ev)
{
	struct demo *d = ctx;
	const char *name = ev->person ? ev->person->name : ev->message ? ev->message->name : "";
	struct seen *g = guest_by_name(d, name);

	if (ev->type == SESSION_EV_JOINED && !d->wrote)
		write_hello(d, s);
	if (!g)
		return;
	if (ev->person) {
		g->seen = true;
		text_copy(g->id, sizeof(g->id), ev->person->id);
	}
	if (ev->type == SESSION_EV_TALKING)
		talking(g, ev->on);
	if (ev->type == SESSION_EV_MESSAGE && ev->message->kind == MESSAGE_CHAT && !ev->message->history) {
		g->read = true;
		d->chat++;
	}
}

static double cpu_percent(int64_t start_us)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)) * 100 /
	       (double)(clock_now_us() - start_us);
}

/* One JSON line, the last; returns whether all was as it should be. */
static bool summary(struct demo *d, int64_t start_us)
{
	json_t *list = json_array(), *j;
	bool ok = true;
	char *text;

	for (int i = 0; i < DEMO_GUESTS; i++) {
		struct seen *g = &d->guest[i];

		talking(g, false);
		ok &= g->seen && g->read && g->packets > 0 && g->seconds > 0;
		json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:I, s:f}",
			"name", demo_guests[i].name, "seen", g->seen, "read", g->read,
			"packets", g->packets, "seconds", g->seconds));
	}
	j = json_pack("{s:b, s:i, s:o, s:i, s:I, s:f, s:f, s:f, s:I, s:I}", "ok", ok,
		      "guests", DEMO_GUESTS, "heard", list, "chat", (int)d->chat,
		      "first_sound_ms", d->first_sound_ms, "kbps_in", d->kbps_in,
		      "kbps_out", d->kbps_out, "cpu_percent", cpu_percent(start_us),
		      "concealed_ms", d->concealed_ms, "lost", d->lost);
	text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(4));
	printf("%s\n", text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(j);
	return ok;
}

/* ---- options ---- */

struct demo_options {
	struct settings *settings;
	struct front front;
	const char *log, *guests;
	bool ui_given, mic_given, speaker_given;
	int verbose;
};

enum { OPT_MIC = 256, OPT_SPEAKER, OPT_UI, OPT_LINE, OPT_HEADLESS, OPT_FOR, OPT_SOCKET,
	OPT_NO_SOCKET, OPT_LOG, OPT_GUESTS, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{ "name", required_argument, NULL, 'n' }, { "mic", required_argument, NULL, OPT_MIC },
	{ "speaker", required_argument, NULL, OPT_SPEAKER }, { "ui", required_argument, NULL, OPT_UI },
	{ "line", no_argument, NULL, OPT_LINE }, { "headless", no_argument, NULL, OPT_HEADLESS },
	{ "for", required_argument, NULL, OPT_FOR }, { "socket", required_argument, NULL, OPT_SOCKET },
	{ "no-socket", no_argument, NULL, OPT_NO_SOCKET }, { "log", required_argument, NULL, OPT_LOG },
	{ "guests", required_argument, NULL, OPT_GUESTS },      /* the other process; not for people */
	{ "help", no_argument, NULL, OPT_HELP }, { "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static int set_ui(struct demo_options *o, const char *name)
{
	o->ui_given = true;
	return front_set_ui(&o->front, name);
}

static int take_option(struct demo_options *o, int c, const char *arg)
{
	switch (c) {
	case 'n': settings_set(o->settings, "name", arg, NULL); return 0;
	case 'v': o->verbose++; return 0;
	case OPT_MIC: o->mic_given = true; settings_set(o->settings, "audio.mic", arg, NULL); return 0;
	case OPT_SPEAKER:
		o->speaker_given = true;
		settings_set(o->settings, "audio.speaker", arg, NULL);
		return 0;
	case OPT_UI: return set_ui(o, arg);
	case OPT_LINE: return set_ui(o, "line");
	case OPT_HEADLESS: return set_ui(o, "headless");
	case OPT_FOR: return front_set_for(&o->front, arg);
	case OPT_SOCKET: o->front.socket = arg; return 0;
	case OPT_NO_SOCKET: o->front.no_socket = true; return 0;
	case OPT_LOG: o->log = arg; return 0;
	case OPT_GUESTS: o->guests = arg; return 0;
	case OPT_HELP: fputs(help, stdout); return -1;
	case OPT_VERSION: app_version(); return -1;
	default: return app_fail(EXIT_USAGE, "see ttymeet demo --help");
	}
}

static void count_device(void *ctx, int index, const char *name, int in, int out, bool default_in,
			 bool default_out, double latency_ms)
{
	int *n = ctx;

	(void)index;
	(void)name;
	(void)default_in;
	(void)default_out;
	(void)latency_ms;
	n[0] += in > 0;
	n[1] += out > 0;
}

/* The sound card, or `null` where there is none; headless needs no card. */
static void choose_devices(struct demo_options *o)
{
	int n[2] = { 0, 0 };

	if (o->mic_given && o->speaker_given)
		return;
	if (o->front.ui != FRONT_HEADLESS)
		audio_list_devices(count_device, n);
	if (!n[1] && !o->speaker_given) {
		settings_set(o->settings, "audio.speaker", "null", NULL);
		if (o->front.ui != FRONT_HEADLESS)
			fprintf(stderr, "no sound card was found: the demo runs with `null` and is silent; "
				"you see who talks\n");
	}
	if (!n[0] && !o->mic_given)
		settings_set(o->settings, "audio.mic", "null", NULL);
}

static int open_log(struct demo_options *o)
{
	char *usual = NULL;

	log_set_level(o->verbose > 2 ? LOGL_TRACE : (enum log_level)(LOGL_WARN + o->verbose));
	if (!o->log && o->front.ui == FRONT_FULL && (usual = path_state("demo.log"))) {
		folder_make_parent(usual, 0700);
		o->log = usual;
	}
	if (o->log && log_open(o->log))
		log_set_level(LOGL_NONE);
	free(usual);
	return 0;
}

/* ---- the whole ---- */

static int start_others(struct child *host, struct child *guests, char *url, size_t size)
{
	const char *const host_argv[] = { "ttymeet", "host", "--listen", "127.0.0.1:0", "--media", "127.0.0.1:0",
			      "--until-eof", NULL };
	char line[512];
	const char *const guests_argv[] = { "ttymeet", "demo", "--guests", url, NULL };
	int err = spawn(host, host_argv);

	if (!err)
		err = wait_ready(host, "ready http", line, sizeof(line));
	if (err)
		return app_fail(EXIT_OTHER, "the host did not start: %s", strerror(-err));
	snprintf(url, size, "%sdemo", line + strlen("ready "));
	err = spawn(guests, guests_argv);
	if (!err)
		err = wait_ready(guests, "ready", line, sizeof(line));
	if (err)
		return app_fail(EXIT_OTHER, "the guests did not come: %s", strerror(-err));
	return 0;
}

static int run_you(struct demo_options *o, const char *url)
{
	struct demo d = { 0 };
	struct loop *loop = NULL;
	int64_t start_us = clock_now_us();
	int code;

	if (loop_new(&loop, "main") || session_new(&d.session, loop, o->settings) ||
	    loop_timer_new(&d.sample, loop, "demo sample", on_sample, &d))
		return app_fail(EXIT_OTHER, "out of memory");
	session_set_start(d.session, start_us);
	session_set_unattended(d.session, o->front.ui == FRONT_HEADLESS);
	o->front.event = on_event;
	o->front.ctx = &d;
	loop_timer_set(d.sample, start_us + 500000);
	code = front_run(&o->front, loop, d.session, o->settings, url);
	if (o->front.ui == FRONT_HEADLESS && !summary(&d, start_us) && !code)
		code = EXIT_OTHER;
	loop_timer_free(&d.sample);
	session_free(&d.session);
	loop_free(&loop);
	return code;
}

static int run(struct demo_options *o)
{
	struct child host = { -1, -1, -1 }, guests = { -1, -1, -1 };
	char url[512];
	int code;

	if (!o->ui_given)
		o->front.ui = front_default();
	if (o->front.ui == FRONT_FULL && !front_has_terminal())
		return app_fail(EXIT_USAGE, "the full screen needs a terminal; try --line or --headless");
	if (o->front.ui == FRONT_HEADLESS && !o->front.for_us)
		o->front.for_us = 15000000;
	if (!*settings_text(o->settings, "name"))
		settings_set(o->settings, "name", getenv("USER") ? getenv("USER") : "you", NULL);
	choose_devices(o);
	open_log(o);
	signal(SIGPIPE, SIG_IGN);
	code = start_others(&host, &guests, url, sizeof(url));
	if (!code)
		code = run_you(o, url);
	end_child(&guests);
	end_child(&host);
	return code;
}

int app_demo(int argc, char **argv, int64_t start_us)
{
	struct demo_options o = { 0 };
	int c, code = 0;

	(void)start_us;         /* "you" begin when the others are there */
	if (settings_new(&o.settings))
		return app_fail(EXIT_OTHER, "out of memory");
	while (!code && (c = getopt_long(argc, argv, "n:v", options, NULL)) != -1)
		code = take_option(&o, c, optarg);
	if (!code && optind < argc)
		code = app_fail(EXIT_USAGE, "'%s' is no option; see ttymeet demo --help", argv[optind]);
	if (!code)
		code = o.guests ? demo_run_guests(o.guests) : run(&o);
	settings_free(&o.settings);
	return code < 0 ? 0 : code;
}
