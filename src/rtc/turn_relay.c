/* turn_relay.c - a door on loopback through which libnice reaches a relay
 *
 * To a server over UDP datagrams pass as they are; to one over TCP or TLS they
 * are put into the stream (RFC 8656 section 12.5 pads channel data there) and
 * cut out of it again.  libnice repeats what is not answered in time, as over
 * UDP; in a stream nothing is lost, so repeated requests are dropped.
 *
 * A server may have several addresses: the next one is tried when one refuses,
 * or has not answered for a while.  Until a stream is up what libnice says
 * waits; later, when it does not take more, media is dropped and requests wait.
 *
 * Who may speak through the door: a program on this machine could send to it,
 * and would have the server's credentials work for it if it knew them.  The
 * first sender is looked up among our own sockets, and it alone is heard.
 */
#include "rtc/turn_relay.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "rtc/turn_msg.h"
#include "rtc/turn_tls.h"

enum {
	DATAGRAMS = 32,         /* in one turn of the loop */
	ASKED = 32,             /* requests that are remembered */
	OUT_MAX = 32 << 10,     /* bytes that wait for the stream: some 0.5 s of a busy call */
	MEDIA_MAX = 8 << 10,    /* beyond it media is dropped: late sound is no use */
	STREAM_LIMIT_MS = 4000, /* for one address's connection and handshake */
	UDP_LIMIT_MS = 1500,    /* for its first answer, where there is another address */
};

struct request { uint8_t id[TURN_ID]; unsigned method; bool named, gives_back; };

struct turn_relay {
	GMainContext *context;
	turn_relay_fn *news;
	void *ctx;

	/* the server */
	enum { VIA_UDP, VIA_TCP, VIA_TLS } via;
	char *name;
	char (*address)[64];
	size_t addresses, at;   /* at: the one in use */
	uint16_t server_port;
	struct turn_trust *trust; /* lent */

	/* libnice's side */
	int door;
	uint16_t port;
	GSource *door_source;
	struct sockaddr_in client; /* sin_port 0: nobody yet */

	/* the server's side; -1: none */
	int fd;
	GSource *source, *limit;
	gpointer tag;
	bool connected, up, dead;
	struct turn_tls *tls;
	uint8_t in[2 * TURN_MESSAGE_MAX];
	size_t in_len;
	struct buf out;         /* wire bytes that the socket did not take */
	struct buf waiting;     /* messages, as in the stream, until it is up */
	uint8_t last[1600];     /* UDP: sent again to the next address */
	size_t last_len;

	struct request asked[ASKED];
	size_t asks;
	char relayed[64];
	int64_t heard_us;
	bool refused;           /* it was told */
};

static void server_open(struct turn_relay *r);
static void server_set_events(struct turn_relay *r);

/* ---- news ---- */

const char *turn_relay_protocol(const struct turn_relay *r)
{
	static const char *const names[] = { "udp", "tcp", "tls" };

	return names[r->via];
}

__attribute__((format(printf, 3, 4)))
static void tell(struct turn_relay *r, enum relay_news news, const char *fmt, ...)
{
	static const char *const over[] = { "UDP", "TCP", "TLS" };
	struct buf b = { 0 };
	va_list ap;

	buf_addf(&b, "%s over %s: ", r->name, over[r->via]);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	log_debug("rtc", "relay %s", buf_str(&b));
	if (r->news)
		r->news(r->ctx, news, buf_str(&b));
	buf_free(&b);
}

/* ---- what is said ---- */

static struct request *find_request(struct turn_relay *r, const uint8_t *id)
{
	for (size_t i = 0; i < ASKED; i++)
		if (r->asked[i].method && !memcmp(r->asked[i].id, id, TURN_ID))
			return r->asked + i;
	return NULL;
}

/* false: it was said before. */
static bool note_request(struct turn_relay *r, const struct turn_msg *m)
{
	struct request *q = find_request(r, m->id);

	if (q)
		return false;
	q = r->asked + r->asks++ % ASKED;
	memcpy(q->id, m->id, TURN_ID);
	q->method = m->method;
	q->named = m->has_username;
	q->gives_back = m->gives_back;
	return true;
}

static void on_refusal(struct turn_relay *r, const struct turn_msg *m)
{
	const struct request *q = find_request(r, m->id);
	const char *why = *m->reason ? m->reason : "no reason given";

	/* The first question is asked without a name, to learn the realm; 438 is
	 * a nonce that has got old.  libnice asks again. */
	if (!q || !q->named || q->gives_back || m->error == 438)
		return;
	if (q->method == TURN_ALLOCATE && !r->refused) {
		r->refused = true;
		if (m->error == 401 || m->error == 441)
			tell(r, RELAY_REFUSED, "TURN refused the credentials (%u %s)", m->error, why);
		else
			tell(r, RELAY_UNUSABLE, "TURN gives no relay (%u %s)", m->error, why);
	} else if (q->method == TURN_REFRESH) {
		tell(r, RELAY_LOST, "TURN took the relay back (%u %s)", m->error, why);
	} else if (q->method == TURN_PERMISSION || q->method == TURN_CHANNEL_BIND) {
		tell(r, RELAY_UNUSABLE, "TURN may not send to the bridge (%u %s)", m->error, why);
	}
}

static void from_server(struct turn_relay *r, const uint8_t *p, size_t len)
{
	struct turn_msg m;

	if (turn_msg_parse(&m, p, len) || !r->client.sin_port)
		return;
	r->up = true;
	if (m.kind == TURN_CHANNEL || (m.kind == TURN_INDICATION && m.method == TURN_DATA))
		r->heard_us = clock_now_us();
	else if (m.kind == TURN_SUCCESS && m.method == TURN_ALLOCATE && *m.relayed && !*r->relayed) {
		text_copy(r->relayed, sizeof(r->relayed), m.relayed);
		tell(r, RELAY_UP, "relays at %s", r->relayed);
	} else if (m.kind == TURN_ERROR) {
		on_refusal(r, &m);
	}
	sendto(r->door, p, len, MSG_DONTWAIT, (struct sockaddr *)&r->client, sizeof(r->client));
}

/* ---- to the server ---- */

static void server_close(struct turn_relay *r)
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
	r->in_len = 0;
	buf_clear(&r->out);
}

/* The next address, if this one was not any good from the beginning.  A wrong
 * certificate is the answer of all of them, and what people should hear. */
static void server_failed(struct turn_relay *r, const char *why)
{
	bool was_up = r->up, final = r->tls && *turn_tls_why(r->tls);

	log_debug("rtc", "relay %s at %s: %s", r->name, r->address[r->at], why);
	if (!was_up && !final && r->at + 1 < r->addresses) {
		server_close(r);
		r->at++;
		server_open(r);
		return;
	}
	r->dead = true;
	tell(r, was_up ? RELAY_LOST : RELAY_UNUSABLE, "%s", why);
	server_close(r);
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

static void from_client(struct turn_relay *r, const uint8_t *p, size_t len)
{
	struct turn_msg m;
	bool fresh;

	if (r->dead || turn_msg_parse(&m, p, len))
		return;
	fresh = m.kind != TURN_REQUEST || note_request(r, &m);
	if (r->via == VIA_UDP)
		say_udp(r, p, len);
	else if (fresh)
		say_stream(r, &m, p, len);
}

/* ---- the server's socket ---- */

static void on_plain(void *ctx, const uint8_t *p, size_t len)
{
	struct turn_relay *r = ctx;

	while (len && !r->dead) {
		size_t n = sizeof(r->in) - r->in_len, at = 0, msg;
		int all = 0;

		n = n < len ? n : len;
		memcpy(r->in + r->in_len, p, n);
		r->in_len += n;
		p += n;
		len -= n;
		while ((all = turn_msg_frame(r->in + at, r->in_len - at, &msg)) > 0) {
			from_server(r, r->in + at, msg);
			at += (size_t)all;
		}
		memmove(r->in, r->in + at, r->in_len - at);
		r->in_len -= at;
		if (all < 0) {
			r->dead = true;
			return;
		}
	}
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
		from_server(r, buf, (size_t)n);
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

	if (r->source)
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

static int to_sockaddr(struct sockaddr_storage *out, socklen_t *len, const char *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*len = sizeof(*v6);
	return 0;
}

static int server_socket(const struct turn_relay *r)
{
	struct sockaddr_storage a;
	socklen_t len;
	int type = r->via == VIA_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1, fd;

	if (to_sockaddr(&a, &len, r->address[r->at], r->server_port))
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

static void server_open(struct turn_relay *r)
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
	g_source_attach(r->source, r->context);
	server_set_events(r);
	arm_limit(r);
	if (r->via == VIA_UDP && r->last_len)
		send(fd, r->last, r->last_len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- the door ---- */

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_family == AF_INET && a->sin_port == b->sin_port &&
	       a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Is there a socket of this process with this address? */
static bool is_own_socket(const struct sockaddr_in *from)
{
	DIR *d = opendir("/proc/self/fd");
	bool found = false;

	for (struct dirent *e; d && !found && (e = readdir(d));) {
		struct sockaddr_storage a = { 0 };
		socklen_t len = sizeof(a);

		found = e->d_name[0] != '.' && !getsockname(atoi(e->d_name), (struct sockaddr *)&a, &len) &&
			same_address((struct sockaddr_in *)&a, from);
	}
	if (d)
		closedir(d);
	return found;
}

/* libnice asks from each address that it has; one is enough. */
static bool is_client(struct turn_relay *r, const struct sockaddr_in *from)
{
	if (r->client.sin_port)
		return same_address(from, &r->client);
	if (from->sin_addr.s_addr != htonl(INADDR_LOOPBACK) || !is_own_socket(from))
		return false;
	r->client = *from;
	return true;
}

static gboolean on_door(GSource *source, GSourceFunc fn, gpointer ctx)
{
	struct turn_relay *r = ctx;
	uint8_t buf[TURN_MESSAGE_MAX];

	(void)source;
	(void)fn;
	for (int i = 0; i < DATAGRAMS; i++) {
		struct sockaddr_in from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(r->door, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &len);

		if (n < 0)
			break;
		if ((size_t)n <= sizeof(buf) && is_client(r, &from))
			from_client(r, buf, (size_t)n);
	}
	return G_SOURCE_CONTINUE;
}

static int open_door(struct turn_relay *r)
{
	static GSourceFuncs funcs = { .dispatch = on_door };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	r->door = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->door < 0 || bind(r->door, (struct sockaddr *)&a, len) ||
	    getsockname(r->door, (struct sockaddr *)&a, &len))
		return -errno;
	r->port = ntohs(a.sin_port);
	r->door_source = g_source_new(&funcs, sizeof(GSource));
	g_source_set_callback(r->door_source, NULL, r, NULL);
	g_source_add_unix_fd(r->door_source, r->door, G_IO_IN);
	g_source_attach(r->door_source, r->context);
	return 0;
}

/* ---- making and freeing ---- */

int turn_relay_new(struct turn_relay **out, GMainContext *context, const struct ice_server *s,
		   turn_relay_fn *news, void *ctx)
{
	bool tls = !strcmp(s->type, "turns"), udp = !s->protocol || strcmp(s->protocol, "tcp");
	struct turn_relay *r;
	int err;

	*out = NULL;
	if (!s->addresses || (tls && !s->trust))
		return -EINVAL;
	r = g_new0(struct turn_relay, 1);
	r->context = g_main_context_ref(context);
	r->via = tls ? VIA_TLS : udp ? VIA_UDP : VIA_TCP;
	r->name = g_strdup(s->name ? s->name : s->address[0]);
	r->address = g_memdup2(s->address, s->addresses * sizeof(*s->address));
	r->addresses = s->addresses;
	r->server_port = s->port;
	r->trust = s->trust;
	r->door = r->fd = -1;
	err = open_door(r);
	if (err) {
		turn_relay_free(&r);
		return err;
	}
	/* News only from the loop: a first address that fails at once is news, too. */
	r->news = NULL;
	server_open(r);
	r->news = news;
	r->ctx = ctx;
	*out = r;
	return 0;
}

void turn_relay_free(struct turn_relay **rr)
{
	struct turn_relay *r = *rr;

	if (!r)
		return;
	server_close(r);
	if (r->door_source) {
		g_source_destroy(r->door_source);
		g_source_unref(r->door_source);
	}
	if (r->door >= 0)
		close(r->door);
	buf_free(&r->out);
	buf_free(&r->waiting);
	g_main_context_unref(r->context);
	g_free(r->name);
	g_free(r->address);
	g_free(r);
	*rr = NULL;
}

void turn_relay_quiet(struct turn_relay *r)
{
	r->news = NULL;
}

/* ---- questions ---- */

uint16_t turn_relay_port(const struct turn_relay *r)
{
	return r->port;
}

bool turn_relay_has(const struct turn_relay *r, const char *relayed)
{
	return *r->relayed && !strcmp(r->relayed, relayed);
}

int64_t turn_relay_heard_us(const struct turn_relay *r)
{
	return r->heard_us;
}

/* Only to an address that this machine has. */
static bool can_bind(const struct sockaddr_storage *a, socklen_t len)
{
	int fd = socket(a->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can = fd >= 0 && !bind(fd, (const struct sockaddr *)a, len);

	if (fd >= 0)
		close(fd);
	return can;
}

enum transport_way turn_relay_look(const struct turn_relay *r)
{
	struct sockaddr_storage now = { 0 }, then = { 0 };
	socklen_t now_len = sizeof(now), then_len = sizeof(then), len;
	struct sockaddr_storage to;
	enum transport_way way = TRANSPORT_WAY_GONE;
	int fd;

	if (r->fd < 0 || to_sockaddr(&to, &len, r->address[r->at], r->server_port))
		return TRANSPORT_WAY_GONE;
	fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return TRANSPORT_WAY_GONE;
	if (!connect(fd, (struct sockaddr *)&to, len) &&
	    !getsockname(fd, (struct sockaddr *)&now, &now_len) &&
	    !getsockname(r->fd, (struct sockaddr *)&then, &then_len)) {
		/* The port stands at the same place in both families. */
		((struct sockaddr_in *)&now)->sin_port = ((struct sockaddr_in *)&then)->sin_port = 0;
		way = memcmp(&now, &then, now_len) ? TRANSPORT_WAY_OTHER : TRANSPORT_WAY_SAME;
	}
	close(fd);
	return way == TRANSPORT_WAY_OTHER && !can_bind(&then, then_len) ? TRANSPORT_WAY_GONE : way;
}
