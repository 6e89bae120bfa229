/* turn_server.c - the way to a relay's server: UDP, TCP, TLS
 *
 * To a server over UDP datagrams pass as they are; to one over TCP or TLS they
 * are put into the stream (RFC 8656 section 12.5 pads channel data there) and
 * cut out of it again.  libnice repeats what is not answered in time, as over
 * UDP; in a stream nothing is lost, so repeated requests are dropped.
 *
 * A server may have several addresses: the next one is tried when one refuses,
 * or has not answered for a while.  Until a stream is up what libnice says
 * waits; later, when it does not take more, media is dropped and requests wait.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "rtc/sockaddr.h"
#include "rtc/turn_relay_priv.h"

enum {
	DATAGRAMS = 32,         /* in one turn of the loop */
	OUT_MAX = 32 << 10,     /* bytes that wait for the stream: some 0.5 s of a busy call */
	MEDIA_MAX = 8 << 10,    /* beyond it media is dropped: late sound is no use */
	STREAM_LIMIT_MS = 4000, /* for one address's connection and handshake */
	UDP_LIMIT_MS = 1500,    /* for its first answer, where there is another address */
};

static void server_set_events(struct turn_relay *r);

/* ---- to the server ---- */

void turn_server_close(struct turn_relay *r)
{
	if (r->source) {
		g_source_destroy(r->source);
		g_source_unref(r->source);
		r->source = NULL;
	}
	if (r->limit) {
		g_source_destroy(r->limit);
		g_source_unref(r->limit);
		r->limit = NULL;
	}
	turn_tls_free(&r->tls);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->connected = false;
	buf_clear(&r->in);
	buf_clear(&r->out);
}

/* The next address, if this one was not any good from the beginning.  A wrong
 * certificate is the answer of all of them, and what people should hear. */
static void server_failed(struct turn_relay *r, const char *why)
{
	bool was_up = r->up, final = r->tls && *turn_tls_why(r->tls);

	log_debug("rtc", "relay %s at %s: %s", r->name, r->address[r->at], why);
	if (!was_up && !final && r->at + 1 < r->addresses) {
		turn_server_close(r);
		r->at++;
		turn_server_open(r);
		return;
	}
	r->dead = true;
	turn_relay_tell(r, was_up ? RELAY_LOST : RELAY_UNUSABLE, "%s", why);
	turn_server_close(r);
}

static void write_socket(struct turn_relay *r, const uint8_t *p, size_t len)
{
	ssize_t n = 0;

	if (!r->out.len) {
		n = send(r->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			n = 0;  /* full, or an error: the watch tells */
	}
	if ((size_t)n < len && r->out.len + len - (size_t)n <= 4 * OUT_MAX)
		buf_add(&r->out, (const char *)p + n, len - (size_t)n);
	server_set_events(r);
}

static void on_wire(void *ctx, const uint8_t *p, size_t len)
{
	write_socket(ctx, p, len);
}

static void to_stream(struct turn_relay *r, const uint8_t *p, size_t len)
{
	if (r->tls && turn_tls_send(r->tls, p, len))
		server_failed(r, turn_tls_why(r->tls));
	else if (!r->tls)
		write_socket(r, p, len);
}

static void send_waiting(struct turn_relay *r)
{
	struct buf b = r->waiting;

	memset(&r->waiting, 0, sizeof(r->waiting));
	if (b.len)
		to_stream(r, (const uint8_t *)buf_str(&b), b.len);
	buf_free(&b);
}

static bool stream_ready(const struct turn_relay *r)
{
	return r->connected && (!r->tls || turn_tls_is_up(r->tls));
}

static void say_stream(struct turn_relay *r, const struct turn_msg *m, const uint8_t *p, size_t len)
{
	uint8_t msg[TURN_MESSAGE_MAX + 4] = { 0 };
	size_t padded = (len + 3) / 4 * 4;
	bool media = m->kind == TURN_CHANNEL || m->kind == TURN_INDICATION;

	if (padded > TURN_MESSAGE_MAX)
		return;
	memcpy(msg, p, len);
	if (!stream_ready(r)) {
		if (!media && r->waiting.len + padded <= OUT_MAX)
			buf_add(&r->waiting, (const char *)msg, padded);
	} else if (r->out.len <= (media ? MEDIA_MAX : OUT_MAX)) {
		to_stream(r, msg, padded);
	}
}

static void say_udp(struct turn_relay *r, const uint8_t *p, size_t len)
{
	if (len <= sizeof(r->last) && !r->up) {
		memcpy(r->last, p, len);
		r->last_len = len;
	}
	if (r->fd >= 0 && send(r->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
	    errno != ENOBUFS && !r->up)
		server_failed(r, strerror(errno));
}

void turn_server_say(struct turn_relay *r, const struct turn_msg *m, const uint8_t *p, size_t len,
		     bool fresh)
{
	if (r->via == VIA_UDP)
		say_udp(r, p, len);
	else if (fresh)
		say_stream(r, m, p, len);
}

/* ---- the server's socket ---- */

static void on_plain(void *ctx, const uint8_t *p, size_t len)
{
	struct turn_relay *r = ctx;
	size_t at = 0, msg;
	int all;

	if (r->dead)
		return;
	buf_add(&r->in, p, len);
	while ((all = turn_msg_frame((const uint8_t *)buf_str(&r->in) + at, r->in.len - at, &msg)) > 0) {
		turn_relay_from_server(r, (const uint8_t *)buf_str(&r->in) + at, msg);
		at += (size_t)all;
	}
	buf_shift(&r->in, at);
	if (all < 0 || buf_err(&r->in))
		r->dead = true;
}

/* false: the connection is over. */
static bool read_stream(struct turn_relay *r)
{
	uint8_t buf[8192];
	ssize_t n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
	int err = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		server_failed(r, n ? strerror(errno) : "it has closed the connection");
		return false;
	}
	if (r->tls)
		err = turn_tls_input(r->tls, buf, (size_t)n);
	else
		on_plain(r, buf, (size_t)n);
	if (r->dead)
		server_failed(r, "what it says is not TURN");
	else if (err)
		server_failed(r, err == -EPIPE ? "it has closed the connection" : turn_tls_why(r->tls));
	else if (r->waiting.len && stream_ready(r))
		send_waiting(r);
	return !r->dead && r->fd >= 0;
}

static void read_udp(struct turn_relay *r)
{
	uint8_t buf[TURN_MESSAGE_MAX];

	for (int i = 0; i < DATAGRAMS; i++) {
		ssize_t n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == ECONNREFUSED && !r->up) {
			server_failed(r, strerror(errno));
			return;
		}
		if (n < 0)
			return;
		turn_relay_from_server(r, buf, (size_t)n);
	}
}

static bool finish_connect(struct turn_relay *r)
{
	static const struct turn_tls_events ev = { on_wire, on_plain };
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		server_failed(r, strerror(error));
		return false;
	}
	r->connected = true;
	if (r->via == VIA_TLS && turn_tls_new(&r->tls, r->trust, r->name, &ev, r)) {
		server_failed(r, "TLS could not be begun");
		return false;
	}
	if (r->tls)
		turn_tls_start(r->tls);
	else
		send_waiting(r);
	return true;
}

static void write_out(struct turn_relay *r)
{
	ssize_t n = send(r->fd, buf_str(&r->out), r->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		buf_shift(&r->out, (size_t)n);
}

static gboolean on_server(GSource *source, GSourceFunc fn, gpointer ctx)
{
	struct turn_relay *r = ctx;
	GIOCondition ready = g_source_query_unix_fd(source, r->tag);

	(void)fn;
	if (r->via == VIA_UDP) {
		read_udp(r);
		return G_SOURCE_CONTINUE;
	}
	if (!r->connected && !finish_connect(r))
		return G_SOURCE_CONTINUE;
	if (ready & G_IO_OUT && r->out.len)
		write_out(r);
	if (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR) && !read_stream(r))
		return G_SOURCE_CONTINUE;
	server_set_events(r);
	return G_SOURCE_CONTINUE;
}

static void server_set_events(struct turn_relay *r)
{
	bool out = r->via != VIA_UDP && (!r->connected || r->out.len);

	/* Even to the same it wakes the loop. */
	if (!r->source || out == r->wants_out)
		return;
	r->wants_out = out;
	g_source_modify_unix_fd(r->source, r->tag, out ? G_IO_IN | G_IO_OUT : G_IO_IN);
}

static gboolean on_limit(gpointer ctx)
{
	struct turn_relay *r = ctx;
	bool more = r->at + 1 < r->addresses;

	g_source_unref(r->limit);
	r->limit = NULL;
	if (r->via == VIA_UDP ? !r->up && r->last_len && more : !stream_ready(r))
		server_failed(r, "no answer in time");
	return G_SOURCE_REMOVE;
}

static int server_socket(const struct turn_relay *r)
{
	struct sockaddr_storage a;
	socklen_t len;
	int type = r->via == VIA_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1, fd;

	if (sockaddr_parse(&a, &len, r->address[r->at], r->server_port))
		return -EINVAL;
	fd = socket(a.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&a, len) && errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void arm_limit(struct turn_relay *r)
{
	r->limit = g_timeout_source_new(r->via == VIA_UDP ? UDP_LIMIT_MS : STREAM_LIMIT_MS);
	g_source_set_callback(r->limit, on_limit, r, NULL);
	g_source_attach(r->limit, r->context);
}

void turn_server_open(struct turn_relay *r)
{
	static GSourceFuncs funcs = { .dispatch = on_server };
	int fd = server_socket(r);

	if (fd < 0) {
		server_failed(r, strerror(-fd));
		return;
	}
	r->fd = fd;
	r->source = g_source_new(&funcs, sizeof(GSource));
	g_source_set_callback(r->source, NULL, r, NULL);
	r->tag = g_source_add_unix_fd(r->source, fd, G_IO_IN);
	r->wants_out = false;
	g_source_attach(r->source, r->context);
	server_set_events(r);
	arm_limit(r);
	if (r->via == VIA_UDP && r->last_len)
		send(fd, r->last, r->last_len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
