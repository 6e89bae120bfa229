/* ctl_server.c - the control socket: connections; what is said is ctl_rpc.c's
 *
 * Clients are other programs of the same user.  Each has an output queue of at
 * most 1 MiB; who does not read is dropped.  Nothing here waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "app/app.h"
#include "app/ctl_rpc.h"
#include "base/buf.h"
#include "base/log.h"

enum { QUEUE_MAX = 1 << 20, CLIENTS_MAX = 16 };

struct client {
	struct ctl_server *server;
	int fd;
	struct loop_watch *watch;
	struct ctl_rpc *rpc;
	struct buf out;
	bool dead;
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

static void client_send(void *ctx, const char *line, size_t len)
{
	struct client *c = ctx;

	if (c->dead)
		return;
	buf_add(&c->out, line, len);
	if (buf_err(&c->out) || c->out.len > QUEUE_MAX) {
		log_info("ctl", "a control client does not read and is dropped");
		c->dead = true;
	}
	loop_watch_set(c->watch, G_IO_IN | G_IO_OUT);
}

static void client_flush(struct client *c)
{
	ssize_t n;

	if (c->out.len) {
		n = send(c->fd, c->out.p, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			buf_shift(&c->out, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			c->dead = true;
	}
	if (!c->out.len)
		loop_watch_set(c->watch, G_IO_IN);
}

static void client_read(struct client *c)
{
	char chunk[16384];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n > 0) {
		if (ctl_rpc_input(c->rpc, chunk, (size_t)n)) {
			client_flush(c);
			c->dead = true;
		}
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		c->dead = true;
	}
}

static void client_free(struct client *c)
{
	loop_watch_free(&c->watch);
	ctl_rpc_free(&c->rpc);
	close(c->fd);
	buf_free(&c->out);
	free(c);
}

static void on_client(void *ctx, int fd, GIOCondition ready)
{
	struct client *c = ctx;
	struct ctl_server *s = c->server;

	(void)fd;
	if (ready & G_IO_OUT)
		client_flush(c);
	if (!c->dead && ready & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		client_read(c);
	for (int i = 0; c->dead && i < CLIENTS_MAX; i++)
		if (s->client[i] == c) {
			s->client[i] = NULL;
			client_free(c);
			return;
		}
}

static struct client *client_new(struct ctl_server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->fd = fd;
	if (ctl_rpc_new(&c->rpc, s->session, client_send, c) ||
	    loop_watch_new(&c->watch, s->loop, "control client", fd, G_IO_IN, on_client, c)) {
		ctl_rpc_free(&c->rpc);
		free(c);
		return NULL;
	}
	return c;
}

static void on_accept(void *ctx, int fd, GIOCondition ready)
{
	static const char full[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,"
		"\"message\":\"too many clients\",\"data\":{\"kind\":\"full\"}}}\n";
	struct ctl_server *s = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), i = 0;

	(void)ready;
	if (conn < 0)
		return;
	while (i < CLIENTS_MAX && s->client[i])
		i++;
	if (i < CLIENTS_MAX)
		s->client[i] = client_new(s, conn);
	if (i < CLIENTS_MAX && s->client[i])
		return;
	(void)!send(conn, full, sizeof(full) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(conn);
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct ctl_server *s = ctx;

	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i] && !s->client[i]->dead)
			ctl_rpc_event(s->client[i]->rpc, ev);
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
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) || listen(s->fd, 64))
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
