/* turn_relay.c - a door on loopback through which libnice reaches a relay
 *
 * What the server says is looked at on its way through, for refusals and for
 * the address that it relays at; turn_server.c carries it.
 *
 * Who may speak through the door: a program on this machine could send to it,
 * and would have the server's credentials work for it if it knew them.  The
 * first sender is looked up among our own sockets, and it alone is heard.
 */
#include "rtc/turn_relay.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "rtc/sockaddr.h"
#include "rtc/turn_relay_priv.h"
#include "rtc/turn_six.h"

enum { DATAGRAMS = 32 };                /* in one turn of the loop */

/* ---- news ---- */

const char *turn_relay_protocol(const struct turn_relay *r)
{
	static const char *const names[] = { "udp", "tcp", "tls" };

	return names[r->via];
}

void turn_relay_tell(struct turn_relay *r, enum relay_news news, const char *fmt, ...)
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
	for (size_t i = 0; i < TURN_ASKED; i++)
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
	q = r->asked + r->asks++ % TURN_ASKED;
	memcpy(q->id, m->id, TURN_ID);
	q->method = m->method;
	q->named = m->has_username;
	q->gives_back = m->gives_back;
	return true;
}

/* RFC 8656 section 19: unauthorized, wrong credentials. */
static bool refuses_name(const struct turn_msg *m)
{
	return m->error == 401 || m->error == 441;
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
		if (refuses_name(m))
			turn_relay_tell(r, RELAY_REFUSED, "TURN refused the credentials (%u %s)", m->error, why);
		else
			turn_relay_tell(r, RELAY_UNUSABLE, "TURN gives no relay (%u %s)", m->error, why);
	} else if (q->method == TURN_REFRESH) {
		turn_relay_tell(r, RELAY_LOST, "TURN took the relay back (%u %s)", m->error, why);
	} else if (*r->relayed && refuses_name(m)) {
		/* What it lets through now ends within minutes. */
		turn_relay_tell(r, RELAY_LOST, "TURN does not accept the credentials any more (%u %s)", m->error, why);
	} else if (q->method == TURN_PERMISSION || q->method == TURN_CHANNEL_BIND) {
		turn_relay_tell(r, RELAY_UNUSABLE, "TURN may not send to the bridge (%u %s)", m->error, why);
	}
}

void turn_relay_from_server(struct turn_relay *r, const uint8_t *p, size_t len)
{
	struct turn_msg m;

	if (turn_msg_parse(&m, p, len) || !r->client.sin_port)
		return;
	r->up = true;
	if (m.kind == TURN_CHANNEL || (m.kind == TURN_INDICATION && m.method == TURN_DATA))
		r->heard_us = clock_now_us();
	else if (m.kind == TURN_SUCCESS && m.method == TURN_ALLOCATE && *m.relayed && !*r->relayed) {
		text_copy(r->relayed, sizeof(r->relayed), m.relayed);
		turn_relay_tell(r, RELAY_UP, "relays at %s", r->relayed);
	} else if (m.kind == TURN_ERROR) {
		on_refusal(r, &m);
	}
	sendto(r->door, p, len, MSG_DONTWAIT, (struct sockaddr *)&r->client, sizeof(r->client));
}

static void from_client(struct turn_relay *r, const uint8_t *p, size_t len)
{
	uint8_t wish[TURN_MESSAGE_MAX];
	struct turn_msg m;
	bool fresh;

	if (r->dead || turn_msg_parse(&m, p, len))
		return;
	fresh = m.kind != TURN_REQUEST || note_request(r, &m);
	if (r->six && m.kind == TURN_REQUEST && m.method == TURN_ALLOCATE) {
		int n = turn_six_write(wish, sizeof(wish), p, len, r->password);

		if (n > 0) {
			p = wish;
			len = (size_t)n;
		}
	}
	turn_server_say(r, &m, p, len, fresh);
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
	r->six = s->six;
	r->password = g_strdup(s->password ? s->password : "");
	r->door = r->fd = -1;
	err = open_door(r);
	if (err) {
		turn_relay_free(&r);
		return err;
	}
	/* News only from the loop: a first address that fails at once is news, too. */
	turn_server_open(r);
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
	turn_server_close(r);
	if (r->door_source) {
		g_source_destroy(r->door_source);
		g_source_unref(r->door_source);
	}
	if (r->door >= 0)
		close(r->door);
	buf_free(&r->in);
	buf_free(&r->out);
	buf_free(&r->waiting);
	g_main_context_unref(r->context);
	g_free(r->name);
	g_free(r->address);
	text_wipe(r->password, strlen(r->password));
	g_free(r->password);
	g_free(r);
	*rr = NULL;
}

void turn_relay_quiet(struct turn_relay *r)
{
	r->news = NULL;
}

/* ---- questions ---- */

const char *turn_relay_name(const struct turn_relay *r)
{
	return r->name;
}

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
	struct sockaddr_storage to, now, then = { 0 };
	socklen_t len, now_len, then_len = sizeof(then);
	enum transport_way way;

	if (r->fd < 0 || sockaddr_parse(&to, &len, r->address[r->at], r->server_port))
		return TRANSPORT_WAY_GONE;
	now_len = sockaddr_source(&now, &to, len);
	if (!now_len || getsockname(r->fd, (struct sockaddr *)&then, &then_len))
		return TRANSPORT_WAY_GONE;
	/* The port stands at the same place in both families. */
	((struct sockaddr_in *)&now)->sin_port = ((struct sockaddr_in *)&then)->sin_port = 0;
	way = memcmp(&now, &then, now_len) ? TRANSPORT_WAY_OTHER : TRANSPORT_WAY_SAME;
	return way == TRANSPORT_WAY_OTHER && !can_bind(&then, then_len) ? TRANSPORT_WAY_GONE : way;
}
