/* host.c - the host's core wired to network, bridge and clock
 *
 *	net thread: filter()            may this WebSocket open?  paths, admission
 *	loop:       requests, frames    -> server.c, which answers through ops
 *	media:      the bridge's own    <-> posts, see bridge.h
 *
 * A link is one WebSocket and what it carries.  The core forgets a link when
 * it closes it; the socket then gets a few seconds to say goodbye.
 */
#include "host/host.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/admission.h"
#include "host/bridge.h"
#include "host/http.h"
#include "host/relays.h"
#include "host/selfsign.h"
#include "host/server_priv.h"

enum { PING_S = 15, PEOPLE = 20, ROOMS = 100 };
#define GOODBYE_US 3000000      /* for a WebSocket to close */
#define LEAVING_US 1000000      /* for all of them when the host ends */

struct link {
	struct link *next;
	struct host *host;
	struct ws *ws;
	struct xmpp_conn *conn;         /* one of the two, or none: closing */
	struct channel *channel;
	int64_t closing_us;             /* when it began; 0 */
};

struct host {
	struct loop *loop;
	struct net_server *http;
	struct bridge *bridge;
	struct server *server;
	struct admission *admission;
	struct loop_timer *timer;
	struct link *links;
	struct selfsign cert;
	struct relays *relays;
	char *url, *authority;
};

/* ---- time ---- */

static void arm(struct host *h)
{
	int64_t at = server_due(h->server);

	for (struct link *l = h->links; l; l = l->next)
		if (l->closing_us && l->closing_us + GOODBYE_US < at)
			at = l->closing_us + GOODBYE_US;
	loop_timer_set(h->timer, at);
}

static void link_free(struct link *l)
{
	struct link **p = &l->host->links;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	ws_free(&l->ws);
	free(l);
}

static void on_time(void *ctx, int64_t now_us)
{
	struct host *h = ctx;

	server_tick(h->server, now_us);
	for (struct link *l = h->links, *next; l; l = next) {
		next = l->next;
		if (l->closing_us && now_us >= l->closing_us + GOODBYE_US)
			link_free(l);
	}
	arm(h);
}

/* ---- what the core does to links ---- */

static int op_send(void *ctx, void *link, const char *text, size_t len)
{
	struct link *l = link;

	(void)ctx;
	if (ws_queued(l->ws) > LIMIT_QUEUED_BYTES)
		return -ENOBUFS;
	return ws_send(l->ws, text, len);
}

static void op_close(void *ctx, void *link, int code, const char *reason)
{
	struct link *l = link;

	(void)ctx;
	l->conn = NULL;
	l->channel = NULL;
	l->closing_us = clock_now_us();
	ws_close(l->ws, code, reason);
}

static void op_admit(void *ctx, const char *conference, const char *endpoint, const char *password)
{
	admission_add(((struct host *)ctx)->admission, conference, endpoint, password);
}

static void op_dismiss(void *ctx, const char *conference, const char *endpoint)
{
	admission_remove(((struct host *)ctx)->admission, conference, endpoint);
}

static const struct server_ops server_ops = { op_send, op_close, op_admit, op_dismiss };

/* ---- the bridge ---- */

static int b_add(void *b, const struct bridge_endpoint *e, struct jingle_transport *t)
{
	return bridge_add(b, e, t);
}

static int b_accept(void *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	return bridge_accept(b, room, id, t);
}

static int b_restart(void *b, unsigned room, const char *id, struct jingle_transport *transport)
{
	return bridge_restart(b, room, id, transport);
}

static int b_restart_accept(void *b, unsigned room, const char *id,
			    const struct jingle_transport *t)
{
	return bridge_restart_accept(b, room, id, t);
}

static void b_sources(void *b, unsigned room, const char *id, const struct source_set *s)
{
	bridge_sources(b, room, id, s);
}

static void b_remove(void *b, unsigned room, const char *id)
{
	bridge_remove(b, room, id);
}

static void b_channel_open(void *b, unsigned room, const char *id)
{
	bridge_channel_open(b, room, id);
}

static void b_channel_input(void *b, unsigned room, const char *id, const char *text, size_t len)
{
	bridge_channel_input(b, room, id, text, len);
}

static void b_channel_closed(void *b, unsigned room, const char *id)
{
	bridge_channel_closed(b, room, id);
}

static const struct bridge_ops bridge_ops = {
	b_add, b_accept, b_restart, b_restart_accept, b_sources, b_remove, b_channel_open,
	b_channel_input, b_channel_closed,
};

static void on_bridge_state(void *ctx, unsigned room, const char *endpoint, uint64_t session,
			    enum bridge_endpoint_state state, const char *why)
{
	struct host *h = ctx;

	server_bridge_state(h->server, room, endpoint, session, state, why, clock_now_us());
	arm(h);
}

static void on_bridge_send(void *ctx, unsigned room, const char *endpoint, const char *text,
			   size_t len)
{
	struct host *h = ctx;

	server_bridge_send(h->server, room, endpoint, text, len, clock_now_us());
}

static const struct bridge_events bridge_events = { on_bridge_state, on_bridge_send };

/* ---- WebSockets ---- */

static void on_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct link *l = ctx;
	struct host *h = l->host;
	int64_t now = clock_now_us();

	(void)w;
	if (l->conn)
		server_input(h->server, l->conn, text, len, now);
	else if (l->channel && len <= LIMIT_CHANNEL_BYTES)
		server_channel_input(h->server, l->channel, text, len, now);
	else if (l->channel)
		channel_close(l->channel, 1009, "too large");
	arm(h);
}

static void on_closed(void *ctx, struct ws *w, enum net_error why, int code, int status,
		      const char *text)
{
	struct link *l = ctx;
	struct host *h = l->host;
	struct xmpp_conn *conn = l->conn;
	struct channel *channel = l->channel;

	(void)w;
	(void)why;
	(void)status;
	if (conn)
		log_debug("host", "%s closed its stream (%d %s)", conn->peer, code, text);
	l->conn = NULL;
	l->channel = NULL;
	if (conn)
		/* A stream ends by <close/>, not with its socket; but 1001 (RFC
		 * 6455, 7.4.1) is a page that was left, and comes back as another. */
		server_gone(h->server, conn, code == 1001, clock_now_us());
	else if (channel)
		server_channel_gone(h->server, channel, clock_now_us());
	link_free(l);
	arm(h);
}

static const struct ws_handlers link_handlers = { .text = on_text, .closed = on_closed };

static void on_accepted(void *ctx, struct ws *w, const struct http_request *rq)
{
	struct host *h = ctx;
	struct link *l = host_alloc(sizeof(*l));
	int64_t now = clock_now_us();

	l->host = h;
	l->ws = w;
	l->next = h->links;
	h->links = l;
	ws_set_handlers(w, &link_handlers, l);
	if (http_is_xmpp(rq->path))
		l->conn = server_connect(h->server, l, rq->peer,
					 server_authority_ok(rq->host) ? rq->host : h->authority, now);
	else
		l->channel = server_channel_open(h->server, l, rq->path, rq->query, now);
	if (!l->conn && !l->channel)
		op_close(h, l, 1008, "not this session's");
	arm(h);
}

/* On the net thread. */
static int on_filter(void *ctx, const struct http_request *rq, const char **subprotocol)
{
	struct host *h = ctx;

	*subprotocol = NULL;
	if (http_is_xmpp(rq->path)) {
		*subprotocol = "xmpp";
		return 0;
	}
	return admission_check(h->admission, rq->path, rq->query);
}

static void on_request(void *ctx, const struct http_request *rq, struct http_reply *re)
{
	struct host *h = ctx;
	struct http_answer_out a;
	struct bridge_stats bridge;

	bridge_stats(h->bridge, &bridge);
	http_handle(h->server, rq, h->authority, &bridge, clock_now_us(), &a);
	http_reply_send(re, a.status, a.type, a.headers, buf_str(&a.body), a.body.len);
	buf_free(&a.body);
	arm(h);
}

static const struct net_server_handlers server_handlers = { on_request, on_filter, on_accepted };

/* ---- where it listens ---- */

static bool is_loopback(const char *address)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, address, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return text_starts(address, "127.");
}

static bool is_any(const char *address)
{
	return !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
}

/* One that others can use, where it listens on all. */
static void own_address(int family, char *out, size_t size)
{
	struct ifaddrs *all = NULL;

	text_copy(out, size, family == AF_INET6 ? "::1" : "127.0.0.1");
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family || i->ifa_flags & IFF_LOOPBACK ||
		    !(i->ifa_flags & IFF_UP))
			continue;
		if (family == AF_INET6 &&
		    IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr))
			continue;
		if (!getnameinfo(i->ifa_addr, family == AF_INET6 ? sizeof(struct sockaddr_in6)
				 : sizeof(struct sockaddr_in), out, (socklen_t)size, NULL, 0, NI_NUMERICHOST))
			break;
		text_copy(out, size, family == AF_INET6 ? "::1" : "127.0.0.1");
	}
	freeifaddrs(all);
}

static void reachable(const char *address, char *out, size_t size)
{
	if (is_any(address))
		own_address(strchr(address, ':') ? AF_INET6 : AF_INET, out, size);
	else
		text_copy(out, size, address);
}

static int fail(char **why, int err, const char *what, const char *address, unsigned port)
{
	*why = host_format(strchr(address, ':') ? "%s [%s]:%u: %s" : "%s %s:%u: %s", what, address, port,
			   err == -EINVAL ? "no numeric address of this machine" :
			   err == -EKEYREJECTED ? "certificate or key cannot be used" : strerror(-err));
	return err;
}

static int start_bridge(struct host *h, const struct host_config *cfg, char **why)
{
	struct bridge_config bc = {
		.address = cfg->media_address ? cfg->media_address : cfg->address,
		.port = cfg->media_port, .public_address = cfg->public_address,
	};
	int err = bridge_new(&h->bridge, h->loop, &bc, &bridge_events, h);

	return err ? fail(why, err, "cannot open the media port at UDP", bc.address, bc.port) : 0;
}

static int start_server(struct host *h, const struct host_config *cfg, bool tls, char **why)
{
	struct server_config sc = {
		.domain = cfg->domain ? cfg->domain : "ttymeet.local",
		.max_people = cfg->max_people ? cfg->max_people : PEOPLE,
		.max_rooms = cfg->max_rooms ? cfg->max_rooms : ROOMS,
		.password = cfg->password && *cfg->password ? cfg->password : NULL, .tls = tls,
		.relays = h->relays,
		.no_websocket = cfg->channel == HOST_CHANNEL_SCTP,
		.no_sctp = cfg->channel == HOST_CHANNEL_WEBSOCKET,
		.wall_offset_us = clock_wall_us() - clock_now_us(),
		.audio_ssrc = bridge_audio_ssrc(h->bridge), .video_ssrc = bridge_video_ssrc(h->bridge),
	};
	int err = server_new(&h->server, &sc, &server_ops, h, &bridge_ops, h->bridge);

	if (err)
		*why = host_format("'%s' cannot be an XMPP domain: letters in lower case, digits, dots"
				   " and dashes", sc.domain);
	return err;
}

static int start_http(struct host *h, struct net *net, const struct host_config *cfg, bool tls,
		      const char *name, char **why)
{
	struct net_server_params p = {
		.address = cfg->address, .port = cfg->port, .cert_file = cfg->cert_file,
		.key_file = cfg->key_file, .max_body_bytes = LIMIT_HTTP_BODY,
		.max_ws_bytes = LIMIT_STANZA_BYTES, .max_per_address = LIMIT_CONNECTIONS, .ping_s = PING_S,
	};
	int err;

	if (tls && !cfg->cert_file) {
		err = selfsign_open(&h->cert, name);
		if (err)
			return fail(why, err, "cannot make a certificate for", cfg->address, cfg->port);
		p.cert_file = h->cert.cert_path;
		p.key_file = h->cert.key_path;
		log_warn("host", "the certificate is self-signed: clients need --insecure, or give --cert and"
			 " --key");
	}
	err = net_listen(&h->http, net, &p, &server_handlers, h);
	return err ? fail(why, err, "cannot listen at", cfg->address, cfg->port) : 0;
}

int host_new(struct host **out, struct loop *loop, struct net *net, const struct host_config *cfg,
	     char **why)
{
	bool tls = cfg->cert_file || !is_loopback(cfg->address);
	struct host *h = host_alloc(sizeof(*h));
	char name[64];
	int err;

	*out = NULL;
	*why = NULL;
	h->loop = loop;
	reachable(cfg->address, name, sizeof(name));
	/* Before it listens: requests come from another thread at once. */
	err = cfg->relays ? relays_parse(&h->relays, cfg->relays, why) : 0;
	if (!err)
		err = admission_new(&h->admission);
	if (!err)
		err = loop_timer_new(&h->timer, loop, "host", on_time, h);
	if (!err)
		err = start_bridge(h, cfg, why);
	if (!err)
		err = start_server(h, cfg, tls, why);
	if (!err)
		err = start_http(h, net, cfg, tls, name, why);
	if (err) {
		host_free(&h);
		return err;
	}
	h->authority = host_format(strchr(name, ':') ? "[%s]:%u" : "%s:%u", name,
				   (unsigned)net_server_port(h->http));
	h->url = host_format("http%s://%s/", tls ? "s" : "", h->authority);
	log_info("host", "listening at %s, media at UDP %u", h->url, (unsigned)bridge_port(h->bridge));
	*out = h;
	return 0;
}

/* ---- the end ---- */

static void say_goodbye(struct host *h)
{
	int64_t until = clock_now_us() + LEAVING_US;

	server_shutdown(h->server, clock_now_us());
	while (h->links && clock_now_us() < until)
		loop_iterate(h->loop, until - clock_now_us());
}

void host_free(struct host **hp)
{
	struct host *h = *hp;

	if (!h)
		return;
	if (h->server)
		say_goodbye(h);
	net_server_free(&h->http);
	while (h->links)
		link_free(h->links);
	bridge_free(&h->bridge);
	server_free(&h->server);
	loop_timer_free(&h->timer);
	admission_free(&h->admission);
	selfsign_close(&h->cert);
	relays_free(&h->relays);
	free(h->url);
	free(h->authority);
	free(h);
	*hp = NULL;
}

const char *host_url(const struct host *h)
{
	return h->url;
}

uint16_t host_media_port(const struct host *h)
{
	return bridge_port(h->bridge);
}
