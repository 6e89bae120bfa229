/* host_cmd.c - `ttymeet host`: the embedded conference host as a process */
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "app/secret.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "host/host.h"

static const char help[] =
	"Usage: ttymeet host [OPTIONS]\n"
	"Serve rooms for up to 20 people, by the protocol of Jitsi Meet.\n"
	"\n"
	"      --listen ADDR:PORT     where HTTP and WebSocket are (default 127.0.0.1:8443);\n"
	"                             plain http on loopback, TLS elsewhere; port 0: a free one\n"
	"      --media ADDR[:PORT]    where sound and picture are (default: the listen address, UDP 10000)\n"
	"      --public ADDR          address of this machine as others see it, behind NAT\n"
	"      --turn-file FILE       TURN servers that it names to guests behind firewalls\n"
	"      --cert FILE, --key FILE   TLS certificate and key (PEM); without: a self-signed one\n"
	"      --channel FORM         of the bridge channel: websocket, sctp or both (default)\n"
	"      --max-people N         in a room (default 20)\n"
	"      --max-rooms N          at once (default 100)\n"
	"      --password-file FILE   who opens a room must know this password; - is stdin\n"
	"      --domain NAME          XMPP domain (default ttymeet.local)\n"
	"      --log FILE, -v         log; -vv, -vvv say more\n"
	"      --help, --version\n"
	"\n"
	"Prints \"ready URL\" when it listens.  Join with: ttymeet URL/ROOM\n";

struct host_options {
	char *listen_addr, *media_addr;
	uint16_t listen_port, media_port;
	const char *public_addr, *cert, *key, *password_file, *turn_file, *domain, *log;
	unsigned max_people, max_rooms;
	int verbose;
	enum host_channel channel;
	bool until_eof;         /* ends with stdin, and is not announced in host.json */
};

/* "ADDR:PORT", "[V6]:PORT", "ADDR", ":PORT"; what is missing stays. */
static int parse_addr(const char *s, char **addr, uint16_t *port)
{
	const char *colon = strrchr(s, ':'), *end;
	uint64_t n;

	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
		*addr = strndup(s + 1, (size_t)(end - s - 1));
	} else {
		if (colon && strchr(s, ':') != colon)
			colon = NULL;           /* a bare IPv6 address */
		end = colon ? colon : s + strlen(s);
		*addr = strndup(s, (size_t)(end - s));
	}
	if (!colon)
		return 0;
	if (text_u64(colon + 1, 0, 65535, &n))
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

static int number(const char *option, const char *s, unsigned max, unsigned *out)
{
	uint64_t n;

	if (text_u64(s, 1, max, &n))
		return app_fail(EXIT_USAGE, "--%s is a number from 1 to %u, not '%s'", option, max, s);
	*out = (unsigned)n;
	return 0;
}

static int channel_form(const char *s, enum host_channel *out)
{
	static const char *const names[] = { "both", "websocket", "sctp" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(s, names[i])) {
			*out = (enum host_channel)i;
			return 0;
		}
	return app_fail(EXIT_USAGE, "--channel is websocket, sctp or both, not '%s'", s);
}

enum { OPT_LISTEN = 256, OPT_MEDIA, OPT_PUBLIC, OPT_CHANNEL, OPT_CERT, OPT_KEY, OPT_PEOPLE, OPT_ROOMS,
	OPT_PASSWORD, OPT_TURN, OPT_DOMAIN, OPT_LOG, OPT_UNTIL_EOF, OPT_HELP, OPT_VERSION };

/* 0 go on, -1 done with success, else the exit code. */
static int parse_options(int argc, char **argv, struct host_options *o)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, OPT_LISTEN },
		{ "media", required_argument, NULL, OPT_MEDIA },
		{ "public", required_argument, NULL, OPT_PUBLIC },
		{ "channel", required_argument, NULL, OPT_CHANNEL },
		{ "cert", required_argument, NULL, OPT_CERT },
		{ "key", required_argument, NULL, OPT_KEY },
		{ "max-people", required_argument, NULL, OPT_PEOPLE },
		{ "max-rooms", required_argument, NULL, OPT_ROOMS },
		{ "password-file", required_argument, NULL, OPT_PASSWORD },
		{ "turn-file", required_argument, NULL, OPT_TURN },
		{ "domain", required_argument, NULL, OPT_DOMAIN },
		{ "log", required_argument, NULL, OPT_LOG },
		{ "until-eof", no_argument, NULL, OPT_UNTIL_EOF },      /* the demo's */
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ NULL, 0, NULL, 0 }
	};
	int c, bad = 0;

	while (!bad && (c = getopt_long(argc, argv, "v", options, NULL)) != -1)
		switch (c) {
		case OPT_LISTEN:
			if (parse_addr(optarg, &o->listen_addr, &o->listen_port))
				bad = app_fail(EXIT_USAGE, "--listen is ADDR:PORT, not '%s'", optarg);
			break;
		case OPT_MEDIA:
			if (parse_addr(optarg, &o->media_addr, &o->media_port))
				bad = app_fail(EXIT_USAGE, "--media is ADDR[:PORT], not '%s'", optarg);
			break;
		case OPT_PUBLIC: o->public_addr = optarg; break;
		case OPT_CHANNEL: bad = channel_form(optarg, &o->channel); break;
		case OPT_CERT: o->cert = optarg; break;
		case OPT_KEY: o->key = optarg; break;
		case OPT_PEOPLE: bad = number("max-people", optarg, 20, &o->max_people); break;
		case OPT_ROOMS: bad = number("max-rooms", optarg, 10000, &o->max_rooms); break;
		case OPT_PASSWORD: o->password_file = optarg; break;
		case OPT_TURN: o->turn_file = optarg; break;
		case OPT_DOMAIN: o->domain = optarg; break;
		case OPT_LOG: o->log = optarg; break;
		case OPT_UNTIL_EOF: o->until_eof = true; break;
		case OPT_HELP: fputs(help, stdout); return -1;
		case OPT_VERSION: app_version(); return -1;
		case 'v': o->verbose++; break;
		default: bad = app_fail(EXIT_USAGE, "see ttymeet host --help");
		}
	if (!bad && optind < argc)
		bad = app_fail(EXIT_USAGE, "'%s' is no option; see ttymeet host --help", argv[optind]);
	if (!bad && !o->cert != !o->key)
		bad = app_fail(EXIT_USAGE, "--cert and --key go together");
	return bad;
}

/* So that `ttymeet ROOM` finds the host of this machine. */
static char *write_host_json(const char *url)
{
	char *dir = path_runtime(true);
	struct buf path = { 0 };
	json_t *j;

	if (!dir)
		return NULL;
	buf_addf(&path, "%s/host.json", dir);
	j = json_pack("{s:i, s:s}", "pid", (int)getpid(), "url", url);
	if (json_dump_file(j, buf_str(&path), JSON_COMPACT))
		log_warn("host", "%s cannot be written", buf_str(&path));
	json_decref(j);
	free(dir);
	return buf_steal(&path);
}

/* Another host may have taken the place meanwhile. */
static void remove_host_json(const char *path)
{
	json_t *j = path ? json_load_file(path, 0, NULL) : NULL;

	if (j && json_integer_value(json_object_get(j, "pid")) == getpid())
		unlink(path);
	json_decref(j);
}

struct host_run { struct loop *loop; int signal; };

static void on_signal(void *ctx, int sig)
{
	struct host_run *r = ctx;

	r->signal = sig;
	loop_quit(r->loop);
}

static void on_stdin(void *ctx, int fd, GIOCondition ready)
{
	struct host_run *r = ctx;
	char c[64];

	(void)ready;
	if (read(fd, c, sizeof(c)) <= 0)
		loop_quit(r->loop);
}

static int serve(const struct host_options *o, const char *password, const char *relays)
{
	static const struct signals_handlers handlers = { on_signal, NULL, NULL, NULL };
	struct net_config net_cfg = { .user_agent = "ttymeet/" TTYMEET_VERSION };
	struct host_config cfg = {
		.address = o->listen_addr ? o->listen_addr : "127.0.0.1", .port = o->listen_port,
		.cert_file = o->cert, .key_file = o->key,
		.media_address = o->media_addr && *o->media_addr ? o->media_addr : NULL,
		.media_port = o->media_port, .public_address = o->public_addr,
		.max_people = o->max_people, .max_rooms = o->max_rooms,
		.password = password, .relays = relays, .domain = o->domain,
		.channel = o->channel,
	};
	struct host_run r = { 0 };
	struct signals *signals = NULL;
	struct loop_watch *eof = NULL;
	struct net *net = NULL;
	struct host *host = NULL;
	char *why = NULL, *json = NULL;
	int err = loop_new(&r.loop, "main"), code = 0;

	if (!err)
		err = signals_new(&signals, r.loop, &handlers, NULL, &r);
	if (!err && o->until_eof)
		err = loop_watch_new(&eof, r.loop, "stdin", STDIN_FILENO, G_IO_IN | G_IO_HUP, on_stdin, &r);
	if (!err)
		err = net_new(&net, r.loop, &net_cfg);
	if (!err)
		err = host_new(&host, r.loop, net, &cfg, &why);
	if (err) {
		code = app_fail(EXIT_OTHER, "%s", why ? why : strerror(-err));
	} else {
		json = o->until_eof ? NULL : write_host_json(host_url(host));
		printf("ready %s\n", host_url(host));
		fflush(stdout);
		loop_run(r.loop);
	}
	remove_host_json(json);
	free(json);
	free(why);
	host_free(&host);
	net_free(&net);
	loop_watch_free(&eof);
	signals_free(&signals);
	loop_free(&r.loop);
	return code;
}

int app_host(int argc, char **argv)
{
	struct host_options o = { .listen_port = 8443, .media_port = 10000 };
	char *password = NULL, *relays = NULL, *why = NULL;
	GError *error = NULL;
	int code = parse_options(argc, argv, &o);

	log_set_level(o.verbose > 2 ? LOGL_TRACE : (enum log_level)(LOGL_WARN + o.verbose));
	if (!code && o.log && log_open(o.log))
		code = app_fail(EXIT_USAGE, "%s: %s", o.log, strerror(errno));
	if (!code && o.password_file && secret_read(o.password_file, &password, &why)) {
		code = app_fail(EXIT_USAGE, "%s", why);
		free(why);
	}
	if (!code && o.turn_file && !g_file_get_contents(o.turn_file, &relays, NULL, &error)) {
		code = app_fail(EXIT_USAGE, "%s", error->message);
		g_error_free(error);
	}
	if (!code)
		code = serve(&o, password, relays);
	text_forget(&relays);
	text_forget(&password);
	free(o.listen_addr);
	free(o.media_addr);
	return code < 0 ? 0 : code;
}
