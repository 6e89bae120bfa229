/* ctl.c - `ttymeet ctl`: steers a running ttymeet over its control socket */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/text.h"

enum { ANSWER_MS = 10000, ANSWER_MAX = 64 << 20 };

static const char help[] =
	"Usage: ttymeet ctl [--socket PATH] [--json] COMMAND [ARG...]\n"
	"Steer the running ttymeet.\n"
	"\n"
	"  ttymeet ctl mute              run a command, as after a slash in the input line\n"
	"  ttymeet ctl --json status     print a method's result: status, people, messages,\n"
	"                                stats, devices; subscribe prints events as they come\n"
	"\n"
	"      --socket PATH             control socket (default: the newest one)\n"
	"      --json                    METHOD [PARAMS as JSON] in place of a command\n"
	"      --help, --version\n";

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* The newest socket that somebody answers at. */
static int connect_newest(void)
{
	char *dir = path_runtime(false);
	DIR *d = dir ? opendir(dir) : NULL;
	struct timespec best = { 0, 0 };
	struct dirent *e;
	int fd = -ENOENT;

	while (d && (e = readdir(d))) {
		struct buf b = { 0 };
		struct stat st;
		int n;

		if (!text_ends(e->d_name, ".sock"))
			continue;
		buf_addf(&b, "%s/%s", dir, e->d_name);
		if (!stat(buf_str(&b), &st) &&
		    (st.st_mtim.tv_sec > best.tv_sec || (st.st_mtim.tv_sec == best.tv_sec &&
		     st.st_mtim.tv_nsec > best.tv_nsec)) &&
		    (n = connect_to(buf_str(&b))) >= 0) {
			if (fd >= 0)
				close(fd);
			fd = n;
			best = st.st_mtim;
		}
		buf_free(&b);
	}
	if (d)
		closedir(d);
	free(dir);
	return fd;
}

/* Reads on until a whole line is there; -errno. */
static int read_line(int fd, struct buf *in, struct buf *line, int timeout_ms)
{
	char chunk[16384], *nl;

	while (!in->len || !(nl = memchr(in->p, '\n', in->len))) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, timeout_ms) == 0)
			return -ETIMEDOUT;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return n ? -errno : -EPIPE;
		buf_add(in, chunk, (size_t)n);
		if (in->len > ANSWER_MAX)
			return -E2BIG;
	}
	buf_clear(line);
	buf_add(line, in->p, (size_t)(nl - in->p));
	buf_shift(in, (size_t)(nl - in->p) + 1);
	return 0;
}

static int send_request(int fd, const char *method, json_t *params)
{
	json_t *rq = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method,
			       "params", params);
	char *text = json_dumps(rq, JSON_COMPACT);
	struct buf b = { 0 };
	size_t done = 0;
	int err = 0;

	json_decref(rq);
	buf_addf(&b, "%s\n", text);
	free(text);
	while (!err && done < b.len) {
		ssize_t n = send(fd, b.p + done, b.len - done, MSG_NOSIGNAL);

		if (n < 0)
			err = -errno;
		else
			done += (size_t)n;
	}
	buf_free(&b);
	return err;
}

static void print_json(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	printf("%s\n", text ? text : "null");
	fflush(stdout);
	free(text);
}

static int show(json_t *j, bool json)
{
	json_t *error = json_object_get(j, "error"), *result = json_object_get(j, "result");
	const char *text;

	if (error) {
		text = json_string_value(json_object_get(error, "message"));
		return app_fail(EXIT_OTHER, "%s", text ? text : "refused");
	}
	if (json) {
		print_json(result);
		return 0;
	}
	text = json_string_value(json_object_get(result, "text"));
	if (text && *text)
		printf("%s\n", text);
	return 0;
}

static int talk(int fd, const char *method, json_t *params, bool json)
{
	bool follow = !strcmp(method, "subscribe"), answered = false;
	struct buf in = { 0 }, line = { 0 };
	int err = send_request(fd, method, params), code = 0;

	while (!err && (!answered || follow)) {
		json_t *j;

		err = read_line(fd, &in, &line, answered ? -1 : ANSWER_MS);
		j = err ? NULL : json_loadb(buf_str(&line), line.len, 0, NULL);
		if (!j)
			continue;
		if (json_object_get(j, "method"))
			print_json(j);
		else if (!answered) {
			answered = true;
			if (!follow || json_object_get(j, "error"))
				code = show(j, json);
			follow &= code == 0;
		}
		json_decref(j);
	}
	if (err && !(answered && err == -EPIPE))
		code = app_fail(EXIT_OTHER, err == -ETIMEDOUT ? "no answer within 10 s"
				: "the running ttymeet closed the connection");
	buf_free(&in);
	buf_free(&line);
	return code;
}

static int run(int fd, int argc, char **argv, bool json)
{
	struct buf b = { 0 };
	json_t *params;
	int code;

	if (json) {
		params = argc > 1 ? json_loads(argv[1], 0, NULL) : json_object();
		if (!params)
			return app_fail(EXIT_USAGE, "'%s' is no JSON object", argv[1]);
		if (!strcmp(argv[0], "subscribe") && argc == 1)
			json_object_set_new(params, "events", json_pack("[s]", "*"));
		return talk(fd, argv[0], params, true);
	}
	for (int i = 0; i < argc; i++)
		buf_addf(&b, "%s%s", i ? " " : "", argv[i]);
	code = talk(fd, "command", json_pack("{s:s}", "line", buf_str(&b)), false);
	buf_free(&b);
	return code;
}

int app_ctl(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *path = NULL;
	bool json = false;
	int c, fd, code;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			app_version();
			return 0;
		default:
			return app_fail(EXIT_USAGE, "see ttymeet ctl --help");
		}
	if (optind == argc)
		return app_fail(EXIT_USAGE, "which command? See ttymeet ctl --help");
	fd = path ? connect_to(path) : connect_newest();
	if (fd < 0)
		return app_fail(EXIT_OTHER, path ? "%s: %s" : "no running ttymeet was found%s%s",
				path ? path : "", path ? strerror(-fd) : "");
	code = run(fd, argc - optind, argv + optind, json);
	close(fd);
	return code;
}
