/* call_cmd.c - `ttymeet [OPTIONS] URL|ROOM`: join a room and talk */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "app/secret.h"
#include "audio/engine.h"
#include "base/buf.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/text.h"

static const char help[] =
	"Usage: ttymeet [OPTIONS] URL|ROOM      join a Jitsi Meet room and talk\n"
	"       ttymeet host [OPTIONS]          serve rooms for up to 20 people\n"
	"       ttymeet demo [OPTIONS]          a whole call, offline\n"
	"       ttymeet ctl [--json] COMMAND    steer the running ttymeet\n"
	"       ttymeet check [URL]             the doctor: terminal, sound, server\n"
	"\n"
	"URL is what you would open in a browser: https://meet.example.org/room.  ROOM\n"
	"alone is on the config's server, else on the host that runs on this machine.\n"
	"\n"
	"  -n, --name NAME            display name\n"
	"      --mic DEVICE           default, none, null, tone[:HZ], noise, file:PATH[,loop],\n"
	"      --speaker DEVICE       stdio, a device's name or number (see ttymeet check)\n"
	"      --muted                join muted\n"
	"      --no-mic               send no sound at all, open no microphone\n"
	"      --video off            video is off; receiving and sending is not built in yet\n"
	"      --ui full|line|headless, --line, --headless\n"
	"                             full screen, line mode, or events on stdout as JSON lines\n"
	"      --for DURATION         leave by itself after 10s, 5m, counted from joining\n"
	"      --password-file F, --jwt-file F, --login-file F\n"
	"                             secrets from a file, - is stdin; also TTYMEET_PASSWORD,\n"
	"                             TTYMEET_JWT; a login file holds user and password on two lines\n"
	"      --ca-file F            certificates to trust, PEM\n"
	"      --insecure             accept any certificate; shown as long as it lasts\n"
	"      --budget KBIT          cap of what the call puts on the line, from 12, all counted\n"
	"      --relay-only           ICE over TURN alone\n"
	"      --socket PATH, --no-socket   control socket\n"
	"      --log FILE; -v, -vv, -vvv    log: info, debug, trace\n"
	"      --trace DIR            write the signalling for a bug report, secrets left out\n"
	"  -c, --config FILE          config (default: ~/.config/ttymeet/config)\n"
	"  -o, --set KEY=VALUE        any option of the config for this run\n"
	"      --help, --version\n"
	"\n"
	"Exit: 0 left, 2 usage, 3 server not reached, 4 turned away, 5 no sound path,\n"
	"6 connection lost, 128+N by signal N.  More: man ttymeet\n";

enum { OPT_MIC = 256, OPT_SPEAKER, OPT_MUTED, OPT_NO_MIC, OPT_VIDEO, OPT_CAMERA, OPT_UI, OPT_LINE,
	OPT_HEADLESS, OPT_FOR, OPT_PASSWORD, OPT_JWT, OPT_LOGIN, OPT_CA, OPT_INSECURE, OPT_BUDGET,
	OPT_RELAY, OPT_SOCKET, OPT_NO_SOCKET, OPT_LOG, OPT_TRACE, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{ "name", required_argument, NULL, 'n' }, { "mic", required_argument, NULL, OPT_MIC },
	{ "speaker", required_argument, NULL, OPT_SPEAKER }, { "muted", no_argument, NULL, OPT_MUTED },
	{ "no-mic", no_argument, NULL, OPT_NO_MIC }, { "video", required_argument, NULL, OPT_VIDEO },
	{ "camera", required_argument, NULL, OPT_CAMERA }, { "ui", required_argument, NULL, OPT_UI },
	{ "line", no_argument, NULL, OPT_LINE }, { "headless", no_argument, NULL, OPT_HEADLESS },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "password-file", required_argument, NULL, OPT_PASSWORD },
	{ "jwt-file", required_argument, NULL, OPT_JWT },
	{ "login-file", required_argument, NULL, OPT_LOGIN },
	{ "ca-file", required_argument, NULL, OPT_CA }, { "insecure", no_argument, NULL, OPT_INSECURE },
	{ "budget", required_argument, NULL, OPT_BUDGET }, { "relay-only", no_argument, NULL, OPT_RELAY },
	{ "socket", required_argument, NULL, OPT_SOCKET }, { "no-socket", no_argument, NULL, OPT_NO_SOCKET },
	{ "log", required_argument, NULL, OPT_LOG }, { "trace", required_argument, NULL, OPT_TRACE },
	{ "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, OPT_HELP }, { "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};
static const char short_options[] = "n:vc:o:";

struct call_options {
	struct settings *settings;
	struct front front;
	const char *log, *trace;
	bool ui_given, mic_given, speaker_given, stdin_used;
	int verbose;
	const char *url;
};

static int set(struct call_options *o, const char *key, const char *value)
{
	char *why = NULL;
	int code = 0;

	if (settings_set(o->settings, key, value, &why))
		code = app_fail(EXIT_USAGE, "%s", why ? why : "out of memory");
	free(why);
	return code;
}

static int set_pair(struct call_options *o, const char *pair)
{
	const char *eq = strchr(pair, '=');
	const struct setting *d;
	char *key;
	int code;

	if (!eq || eq == pair)
		return app_fail(EXIT_USAGE, "--set takes KEY=VALUE, not '%s'", pair);
	key = strndup(pair, (size_t)(eq - pair));
	d = key ? settings_find(key) : NULL;
	if (d && d->secret)
		code = app_fail(EXIT_USAGE, "%s is a secret: give it by a file or the environment", key);
	else
		code = key ? set(o, key, eq + 1) : EXIT_OTHER;
	free(key);
	return code;
}

static int secret_file(struct call_options *o, const char *key, const char *path)
{
	char *text = NULL, *why = NULL;
	int code;

	if (!strcmp(path, "-")) {
		if (o->stdin_used)
			return app_fail(EXIT_USAGE, "stdin can be used once; it is asked for twice");
		o->stdin_used = true;
	}
	if (secret_read(path, &text, &why)) {
		code = app_fail(EXIT_USAGE, "%s", why ? why : "out of memory");
	} else if (!strcmp(key, "secret.login") && !strchr(text, '\n')) {
		code = app_fail(EXIT_USAGE, "%s: a login is two lines, user and password", path);
	} else {
		code = set(o, key, text);
	}
	text_forget(&text);
	free(why);
	return code;
}

static int set_ui(struct call_options *o, const char *name)
{
	o->ui_given = true;
	return front_set_ui(&o->front, name);
}

static int set_budget(struct call_options *o, const char *arg)
{
	uint64_t kbit;

	if (text_u64(arg, SESSION_BUDGET_LEAST, 1000, &kbit))
		return app_fail(EXIT_USAGE, "--budget is a number of kbit/s from %d to 1000, not '%s'",
				SESSION_BUDGET_LEAST, arg);
	return set(o, "audio.budget", arg);
}

static int set_device(struct call_options *o, bool mic, const char *spec)
{
	*(mic ? &o->mic_given : &o->speaker_given) = true;
	return set(o, mic ? "audio.mic" : "audio.speaker", spec);
}

static int take_option(struct call_options *o, int c, const char *arg)
{
	switch (c) {
	case 'n': return set(o, "name", arg);
	case 'c': return 0;             /* read before the others */
	case 'o': return set_pair(o, arg);
	case 'v': o->verbose++; return 0;
	case OPT_MIC: return set_device(o, true, arg);
	case OPT_SPEAKER: return set_device(o, false, arg);
	case OPT_MUTED: return set(o, "muted", "on");
	case OPT_NO_MIC: return set(o, "audio.no_mic", "on");
	case OPT_VIDEO: return set(o, "video", arg);
	case OPT_CAMERA: return app_fail(EXIT_USAGE, "--camera is not built in yet");
	case OPT_BUDGET: return set_budget(o, arg);
	case OPT_UI: return set_ui(o, arg);
	case OPT_LINE: return set_ui(o, "line");
	case OPT_HEADLESS: return set_ui(o, "headless");
	case OPT_FOR: return front_set_for(&o->front, arg);
	case OPT_PASSWORD: return secret_file(o, "secret.password", arg);
	case OPT_JWT: return secret_file(o, "secret.jwt", arg);
	case OPT_LOGIN: return secret_file(o, "secret.login", arg);
	case OPT_CA: return set(o, "network.ca_file", arg);
	case OPT_INSECURE: return set(o, "network.insecure", "on");
	case OPT_RELAY: return set(o, "network.relay_only", "on");
	case OPT_SOCKET: o->front.socket = arg; return 0;
	case OPT_NO_SOCKET: o->front.no_socket = true; return 0;
	case OPT_LOG: o->log = arg; return 0;
	case OPT_TRACE: o->trace = arg; return 0;
	case OPT_HELP: fputs(help, stdout); return -1;
	case OPT_VERSION: app_version(); return -1;
	default: return app_fail(EXIT_USAGE, "see ttymeet --help");
	}
}

/* The config comes before the command line, wherever -c stands in it. */
static const char *find_config(int argc, char **argv)
{
	const char *path = NULL;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, short_options, options, NULL)) != -1)
		if (c == 'c')
			path = optarg;
	opterr = 1;
	optind = 1;
	return path;
}

static int saver(void *ctx, const char *key, const char *value, char **why)
{
	return config_save(ctx, key, value, why);
}

static int load_config(struct call_options *o, const char *given, char **path)
{
	int n;

	*path = given ? strdup(given) : path_config("config");
	if (!*path)
		return EXIT_OTHER;
	n = config_load(o->settings, *path, given != NULL);
	if (n < 0)
		return app_fail(EXIT_USAGE, "%s: %s", *path, strerror(-n));
	settings_set_saver(o->settings, saver, *path);
	return 0;
}

static int take_environment(struct call_options *o)
{
	static const struct { const char *name, *key; } from[] = {
		{ "TTYMEET_PASSWORD", "secret.password" }, { "TTYMEET_JWT", "secret.jwt" },
	};
	int code = 0;

	for (size_t i = 0; !code && i < 2; i++) {
		char *v = secret_env(from[i].name);

		if (v)
			code = set(o, from[i].key, v);
		text_forget(&v);
	}
	return code;
}

static int login_name(struct call_options *o)
{
	const struct passwd *pw;

	if (*settings_text(o->settings, "name"))
		return 0;
	pw = getpwuid(getuid());
	return pw && pw->pw_name ? set(o, "name", pw->pw_name) : 0;
}

/* What was named on the command line is tried before anybody hears of us. */
static int check_devices(struct call_options *o)
{
	static const char *const key[] = { "audio.mic", "audio.speaker" };
	const bool given[] = { o->mic_given, o->speaker_given };

	for (int side = 0; side < 2; side++) {
		const char *spec = settings_text(o->settings, key[side]);
		char *why = NULL;

		if (!strcmp(spec, "stdio") && (o->front.ui != FRONT_HEADLESS ||
					       (side == AUDIO_MIC && o->stdin_used)))
			return app_fail(EXIT_USAGE, o->front.ui != FRONT_HEADLESS
					? "stdio is for --headless alone"
					: "stdin can be used once; it is asked for twice");
		if (given[side] && audio_device_check((enum audio_side)side, spec, &why)) {
			app_fail(EXIT_USAGE, "%s", why ? why : spec);
			free(why);
			return EXIT_USAGE;
		}
		free(why);
	}
	if (!strcmp(settings_text(o->settings, "audio.speaker"), "stdio"))
		o->front.silent = true; /* stdout is sound: events go to the control socket */
	return 0;
}

static int check_rest(struct call_options *o)
{
	const char *ca = settings_text(o->settings, "network.ca_file");
	int64_t ms = settings_int(o->settings, "audio.frame_ms");

	if (strcmp(settings_text(o->settings, "video"), "off"))
		return app_fail(EXIT_USAGE, "video is not built in yet; --video is off");
	if (*ca && access(ca, R_OK))
		return app_fail(EXIT_USAGE, "%s: %s", ca, strerror(errno));
	if (ms != 10 && ms != 20 && ms != 40 && ms != 60)
		return app_fail(EXIT_USAGE, "audio.frame_ms is 10, 20, 40 or 60");
	if (!o->ui_given)
		o->front.ui = front_default();
	if (o->front.ui == FRONT_FULL && !front_has_terminal())
		return app_fail(EXIT_USAGE, "the full screen needs a terminal; try --line or --headless");
	return 0;
}

static int open_log(const struct call_options *o)
{
	char *usual = NULL;
	const char *path = o->log;
	int err = 0;

	log_set_level(o->verbose > 2 ? LOGL_TRACE : (enum log_level)(LOGL_WARN + o->verbose));
	if (!path && o->front.ui == FRONT_FULL) {
		path = usual = path_state("log");
		if (usual)
			folder_make_parent(usual, 0700);
	}
	if (path)
		err = log_open(path);
	if (err && o->log)
		app_fail(EXIT_USAGE, "%s: %s", path, strerror(-err));
	else if (err && o->front.ui == FRONT_FULL)
		log_set_level(LOGL_NONE);       /* nowhere to write but on the screen */
	free(usual);
	return err && o->log ? EXIT_USAGE : 0;
}

/* A bare ROOM without a server in the config is on this machine's host. */
static int find_server(struct call_options *o)
{
	char *url;
	int code;

	if (strpbrk(o->url, "/:") || *settings_text(o->settings, "server"))
		return 0;
	url = host_file_url();
	if (!url)
		return app_fail(EXIT_USAGE, "'%s' has no server: none is set in the config (server = "
				"https://...), and no ttymeet host runs on this machine", o->url);
	code = set(o, "server", url);
	free(url);
	return code;
}

static int run(struct call_options *o, int64_t start_us)
{
	struct loop *loop = NULL;
	struct session *s = NULL;
	struct trace *trace = NULL;
	char *why = NULL, *state = path_state(""), *data = path_data("recordings");
	int code = 0;

	if (loop_new(&loop, "main") || session_new(&s, loop, o->settings))
		code = app_fail(EXIT_OTHER, "out of memory");
	if (!code && o->trace && trace_new(&trace, o->trace, o->settings, &why))
		code = app_fail(EXIT_USAGE, "%s", why ? why : "out of memory");
	if (!code) {
		session_set_start(s, start_us);
		session_set_unattended(s, o->front.ui == FRONT_HEADLESS || o->front.for_us);
		if (state && !folder_make_parent(state, 0700)) {
			state[strlen(state) - 1] = 0;
			session_set_state_dir(s, state);
		}
		if (data)
			session_set_record_dir(s, data);
		if (trace)
			session_set_trace(s, trace_line, trace);
		code = front_run(&o->front, loop, s, o->settings, o->url);
	}
	session_free(&s);
	trace_free(&trace);
	loop_free(&loop);
	free(why);
	free(state);
	free(data);
	return code;
}

int app_call(int argc, char **argv, int64_t start_us)
{
	struct call_options o = { 0 };
	char *config = NULL;
	int c, code;

	if (settings_new(&o.settings))
		return app_fail(EXIT_OTHER, "out of memory");
	code = load_config(&o, find_config(argc, argv), &config);
	if (!code)
		code = take_environment(&o);
	while (!code && (c = getopt_long(argc, argv, short_options, options, NULL)) != -1)
		code = take_option(&o, c, optarg);
	if (!code && optind == argc)
		code = app_fail(EXIT_USAGE, "which room?  ttymeet https://meet.example.org/room; see ttymeet --help");
	if (!code && optind + 1 < argc)
		code = app_fail(EXIT_USAGE, "one room at a time: '%s' is too much", argv[optind + 1]);
	if (!code) {
		o.url = argv[optind];
		code = check_rest(&o);
	}
	if (!code)
		code = find_server(&o);
	if (!code)
		code = login_name(&o);
	if (!code)
		code = check_devices(&o);
	if (!code)
		code = open_log(&o);
	if (!code)
		code = run(&o, start_us);
	settings_free(&o.settings);
	free(config);
	return code < 0 ? 0 : code;
}
