/* ctl_server.c - the control socket: JSON-RPC 2.0, one message a line
 *
 * Clients are other programs of the same user.  Each has an input line of at
 * most 64 KiB and an output queue of at most 1 MiB; who sends longer lines is
 * told and dropped, who does not read is dropped.  Nothing here waits.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/log.h"

enum { REQUEST_MAX = 65536, QUEUE_MAX = 1 << 20, CLIENTS_MAX = 16, GARBAGE_MAX = 20 };

/* JSON-RPC 2.0 section 5.1, and ours from -32000 down. */
enum { RPC_PARSE = -32700, RPC_INVALID = -32600, RPC_NO_METHOD = -32601, RPC_PARAMS = -32602,
	RPC_REFUSED = -32000, RPC_FULL = -32001 };

struct client {
	struct ctl_server *server;
	int fd;
	struct loop_watch *watch;
	struct buf in, out;
	bool dead;
	bool all_events;
	json_t *events;                 /* names subscribed to; NULL: none */
	unsigned garbage;               /* lines that were no JSON */
	unsigned pending;               /* answers that come later */
};

struct ctl_server {
	struct loop *loop;
	struct session *session;
	struct session_listener listener;
	struct loop_watch *watch;
	int fd;
	char *path;
	struct client *client[CLIENTS_MAX];
};

/* ---- output ---- */

static void client_queue(struct client *c, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	if (!text || c->dead) {
		free(text);
		return;
	}
	buf_adds(&c->out, text);
	buf_addc(&c->out, '\n');
	free(text);
	if (buf_err(&c->out) || c->out.len > QUEUE_MAX) {
		log_info("ctl", "a control client does not read and is dropped");
		c->dead = true;
	}
	loop_watch_set(c->watch, G_IO_IN | G_IO_OUT);
}

static void client_flush(struct client *c)
{
	ssize_t n;

	if (!c->out.len) {
		loop_watch_set(c->watch, G_IO_IN);
		return;
	}
	n = send(c->fd, c->out.p, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		buf_shift(&c->out, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		c->dead = true;
	if (!c->out.len)
		loop_watch_set(c->watch, G_IO_IN);
}

static json_t *id_or_null(json_t *id)
{
	return id ? json_incref(id) : json_null();
}

static void answer(struct client *c, json_t *id, json_t *result)
{
	client_queue(c, json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id),
				  "result", result));
}

static void refuse(struct client *c, json_t *id, int code, const char *words, const char *kind)
{
	client_queue(c, json_pack("{s:s, s:o, s:{s:i, s:s, s:{s:s}}}", "jsonrpc", "2.0",
				  "id", id_or_null(id), "error", "code", code, "message", words,
				  "data", "kind", kind));
}

/* ---- methods ---- */

/* A client may be gone when the devices are known: it is looked up again. */
struct device_wait { struct ctl_server *server; int fd; json_t *id; };

static void on_devices(void *ctx, const char *json)
{
	struct device_wait *w = ctx;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = w->server->client[i];

		if (c && c->fd == w->fd && c->pending) {
			c->pending--;
			answer(c, w->id, json_loads(json, 0, NULL));
			break;
		}
	}
	json_decref(w->id);
	free(w);
}

static void do_devices(struct client *c, json_t *id)
{
	struct device_wait *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->server = c->server;
	w->fd = c->fd;
	w->id = id_or_null(id);
	c->pending++;
	session_devices(c->server->session, on_devices, w);
}

static void do_command(struct client *c, json_t *id, json_t *params)
{
	const char *line = json_string_value(json_object_get(params, "line")), *kind;
	struct buf text = { 0 };
	int err;

	if (!line) {
		refuse(c, id, RPC_PARAMS, "params must be {\"line\": \"...\"}", "usage");
		return;
	}
	err = session_command(c->server->session, line, &text, &kind);
	if (err)
		refuse(c, id, RPC_REFUSED, text.len ? buf_str(&text) : strerror(-err), kind);
	else
		answer(c, id, json_pack("{s:s}", "text", buf_str(&text)));
	buf_free(&text);
}

static void do_subscribe(struct client *c, json_t *id, json_t *params)
{
	json_t *list = json_object_get(params, "events"), *e;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > 64) {
		refuse(c, id, RPC_PARAMS, "params must be {\"events\": [\"*\"]}", "usage");
		return;
	}
	json_decref(c->events);
	c->events = json_incref(list);
	c->all_events = false;
	json_array_foreach(list, i, e)
		if (json_is_string(e) && !strcmp(json_string_value(e), "*"))
			c->all_events = true;
	answer(c, id, json_true());
}

static void answer_text(struct client *c, json_t *id, int err, struct buf *text)
{
	json_t *j = err ? NULL : json_loads(buf_str(text), JSON_DECODE_ANY, NULL);

	if (j)
		answer(c, id, j);
	else
		refuse(c, id, RPC_REFUSED, "out of memory", "memory");
	buf_free(text);
}

static void dispatch(struct client *c, json_t *id, const char *method, json_t *params)
{
	struct session *s = c->server->session;
	struct buf text = { 0 };

	if (!strcmp(method, "command"))
		do_command(c, id, params);
	else if (!strcmp(method, "status"))
		answer_text(c, id, session_status_json(s, &text), &text);
	else if (!strcmp(method, "people"))
		answer_text(c, id, session_people_json(s, &text), &text);
	else if (!strcmp(method, "stats"))
		answer_text(c, id, session_stats_json(s, &text), &text);
	else if (!strcmp(method, "messages")) {
		json_int_t n = json_integer_value(json_object_get(params, "limit"));

		answer_text(c, id, session_messages_json(s, n > 0 ? (size_t)n : 0, &text), &text);
	} else if (!strcmp(method, "devices"))
		do_devices(c, id);
	else if (!strcmp(method, "subscribe"))
		do_subscribe(c, id, params);
	else
		refuse(c, id, RPC_NO_METHOD, "no such method: command, status, people, messages, "
		       "stats, devices, subscribe", "unknown-method");
}

static void on_line(struct client *c, const char *line, size_t len)
{
	json_t *rq = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *id;
	const char *method;

	if (!rq) {
		refuse(c, NULL, RPC_PARSE, "this line is no JSON", "parse");
		c->dead |= ++c->garbage > GARBAGE_MAX;
		return;
	}
	id = json_object_get(rq, "id");
	method = json_string_value(json_object_get(rq, "method"));
	if (!method)
		refuse(c, id, RPC_INVALID, "not a JSON-RPC 2.0 request", "invalid");
	else
		dispatch(c, id, method, json_object_get(rq, "params"));
	json_decref(rq);
}

/* ---- input ---- */

static void client_lines(struct client *c)
{
	char *nl;

	while (!c->dead && c->in.len && (nl = memchr(c->in.p, '\n', c->in.len))) {
		size_t len = (size_t)(nl - c->in.p);

		if (len > REQUEST_MAX)
			break;
		if (len)
			on_line(c, c->in.p, len);
		buf_shift(&c->in, len + 1);
	}
	if (c->in.len > REQUEST_MAX) {
		refuse(c, NULL, RPC_INVALID, "a request is at most 64 KiB", "too-long");
		client_flush(c);
		c->dead = true;
	}
}

static void client_read(struct client *c)
{
	char chunk[16384];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n > 0) {
		buf_add(&c->in, chunk, (size_t)n);
		client_lines(c);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		c->dead = true;
	}
}

static void client_free(struct client *c)
{
	loop_watch_free(&c->watch);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	json_decref(c->events);
	free(c);
}

static void on_client(void *ctx, int fd, GIOCondition ready)
{
	struct client *c = ctx;
	struct ctl_server *s = c->server;

	(void)fd;
	if (ready & G_IO_OUT)
		client_flush(c);
	if (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		client_read(c);
	for (int i = 0; c->dead && i < CLIENTS_MAX; i++)
		if (s->client[i] == c) {
			s->client[i] = NULL;
			client_free(c);
			return;
		}
}

static void on_accept(void *ctx, int fd, GIOCondition ready)
{
	static const char full[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,"
		"\"message\":\"too many clients\",\"data\":{\"kind\":\"full\"}}}\n";
	struct ctl_server *s = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)ready;
	if (conn < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (s->client[i])
			continue;
		c = calloc(1, sizeof(*c));
		if (!c)
			break;
		c->server = s;
		c->fd = conn;
		if (loop_watch_new(&c->watch, s->loop, "control client", conn, G_IO_IN, on_client, c)) {
			free(c);
			break;
		}
		s->client[i] = c;
		return;
	}
	(void)!send(conn, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(conn);
}

/* ---- events ---- */

static bool wants(const struct client *c, const char *name)
{
	json_t *e;
	size_t i;

	if (!c->events || c->all_events)
		return c->all_events;
	json_array_foreach(c->events, i, e)
		if (json_is_string(e) && !strcmp(json_string_value(e), name))
			return true;
	return false;
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct ctl_server *s = ctx;
	const char *name = session_event_name(ev->type);
	struct buf text = { 0 };
	json_t *params = NULL;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = s->client[i];

		if (!c || c->dead || !wants(c, name))
			continue;
		if (!params) {
			session_event_json(s->session, ev, &text);
			params = json_loads(buf_str(&text), 0, NULL);
			json_object_del(params, "event");
		}
		client_queue(c, json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", name,
					  "params", params));
	}
	json_decref(params);
	buf_free(&text);
}

/* ---- life ---- */

static int bind_socket(struct ctl_server *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t old;
	int err = 0;

	if (strlen(s->path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	/* What lies there from a process of the same number is stale. */
	unlink(s->path);
	old = umask(0177);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) || listen(s->fd, 16))
		err = -errno;
	umask(old);
	return err;
}

int ctl_server_new(struct ctl_server **out, struct loop *loop, struct session *session,
		   const char *path, char **why)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	char *dir = NULL;
	struct buf b = { 0 };
	int err = -ENOMEM;

	*out = NULL;
	*why = NULL;
	if (!s)
		return err;
	s->fd = -1;
	s->loop = loop;
	s->session = session;
	if (path) {
		buf_adds(&b, path);
	} else {
		dir = path_runtime(true);
		if (dir)
			buf_addf(&b, "%s/%d.sock", dir, (int)getpid());
	}
	s->path = path || dir ? buf_steal(&b) : NULL;
	err = s->path ? bind_socket(s) : -EACCES;
	if (!err)
		err = loop_watch_new(&s->watch, loop, "control socket", s->fd, G_IO_IN, on_accept, s);
	if (err) {
		buf_addf(&b, "no control socket at %s: %s", s->path ? s->path : "the runtime folder",
			 strerror(-err));
		*why = buf_steal(&b);
		free(s->path);
		s->path = NULL;         /* not ours to remove */
		ctl_server_free(&s);
	} else {
		s->listener = (struct session_listener){ .event = on_event, .ctx = s };
		session_listen(session, &s->listener);
	}
	free(dir);
	*out = s;
	return err;
}

void ctl_server_free(struct ctl_server **sp)
{
	struct ctl_server *s = *sp;

	if (!s)
		return;
	session_unlisten(s->session, &s->listener);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i]) {
			client_flush(s->client[i]);
			client_free(s->client[i]);
		}
	loop_watch_free(&s->watch);
	if (s->fd >= 0)
		close(s->fd);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
	*sp = NULL;
}
