/* net_server.c - HTTP and WebSockets served on one port
 *
 * Requests are handed to the loop and answered from there (net_http.c); the
 * upgrade to a WebSocket is asked of filter() at once, on this thread, because
 * HTTP wants an answer before it becomes something else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/log.h"
#include "base/text.h"
#include "io/net_server_priv.h"

/* ---- connections per address ---- */

static void peer_key(int fd, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	struct in6_addr *v6 = &((struct sockaddr_in6 *)&a)->sin6_addr;

	out[0] = 0;
	memset(&a, 0, sizeof(a));
	if (getpeername(fd, (struct sockaddr *)&a, &len))
		return;
	if (a.ss_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, out, INET6_ADDRSTRLEN);
	} else if (a.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
		inet_ntop(AF_INET, v6->s6_addr + 12, out, INET6_ADDRSTRLEN);
	} else if (a.ss_family == AF_INET6) {
		memset(v6->s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, v6, out, INET6_ADDRSTRLEN);
	}
}

/* NULL if there is none and none is to be made; there is always room, since
 * connections are limited by the same number. */
static struct peer_count *count_of(struct net_server *s, const char *key, bool make)
{
	struct peer_count *empty = NULL;

	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->peer[i].n && !strcmp(s->peer[i].key, key))
			return &s->peer[i];
		if (!s->peer[i].n && !empty)
			empty = &s->peer[i];
	}
	if (make && empty) {
		text_copy(empty->key, sizeof(empty->key), key);
		empty->server = s;
	}
	return make ? empty : NULL;
}

/* Just accepted, nothing read yet; non-zero closes it. */
static int peer_may(struct net_server *s, int fd)
{
	char key[INET6_ADDRSTRLEN];
	struct peer_count *c;

	peer_key(fd, key);
	c = count_of(s, key, false);
	if (s->stopped || s->connections >= CONNECTIONS_MAX ||
	    (c && s->params.max_per_address && c->n >= s->params.max_per_address)) {
		log_info("io", "%s has too many connections: refused", key);
		return -1;
	}
	return 0;
}

static int peer_in(struct net_server *s, struct lws *wsi)
{
	char key[INET6_ADDRSTRLEN];
	struct peer_count *c;

	peer_key(lws_get_socket_fd(wsi), key);
	c = count_of(s, key, true);
	if (!c)
		return -1;
	c->n++;
	s->connections++;
	lws_set_opaque_user_data(wsi, c);
	return 0;
}

static void peer_out(struct lws *wsi)
{
	struct peer_count *c = lws_get_opaque_user_data(wsi);

	if (!c)
		return;
	lws_set_opaque_user_data(wsi, NULL);
	c->n--;
	c->server->connections--;
}

/* ---- WebSockets ---- */

static void accepted_run(struct post_msg *m)
{
	struct request *r = (struct request *)m;
	struct ws *w = r->ws;

	request_fill(r);
	w->peer = strdup(r->peer);
	w->open_next = w->net->open;
	w->net->open = w;
	if (!r->server->closed) {
		r->server->h.accepted(r->server->ctx, w, &r->rq);
	} else {
		struct ws *dead = w;

		ws_free(&dead);
	}
	request_free(r);
}

static void accepted_drop(struct post_msg *m)
{
	struct request *r = (struct request *)m;

	ws_unref(r->ws);
	request_free(r);
}

/* libwebsockets answers with the first name of the request's list that it
 * knows, and hangs up without a word if there is none. */
static bool offers(struct lws *wsi, const char *name)
{
	char list[128];
	const char *s = list;
	int n = lws_hdr_copy(wsi, list, sizeof(list), WSI_TOKEN_PROTOCOL);

	if (n <= 0)
		return false;
	while (*s) {
		size_t len;

		s += strspn(s, " \t,");
		len = strcspn(s, " \t,");
		if (len == strlen(name) && !memcmp(s, name, len))
			return true;
		s += len;
	}
	return false;
}

/* 0: go on; positive: the answer was given; negative: hang up. */
static int refuse_upgrade(struct lws *wsi, int status)
{
	return lws_return_http_status(wsi, (unsigned)status, NULL) ? -1 : 1;
}

static int on_upgrade(struct net_server *s, struct lws *wsi)
{
	const char *subprotocol = NULL;
	struct request *r;
	char to[16];
	int status;

	/* Where libwebsockets has refused another kind of upgrade by itself the
	 * headers are gone by now. */
	if (lws_hdr_copy(wsi, to, sizeof(to), WSI_TOKEN_UPGRADE) <= 0)
		return -1;
	if (strcasecmp(to, "websocket"))
		return refuse_upgrade(wsi, HTTP_STATUS_BAD_REQUEST);
	if (s->stopped)
		return refuse_upgrade(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE);
	r = request_new(s, wsi);
	request_fill(r);
	status = strcmp(r->method, "GET") ? HTTP_STATUS_METHOD_NOT_ALLOWED
		: s->h.filter(s->ctx, &r->rq, &subprotocol);
	request_free(r);
	if (status)
		return refuse_upgrade(wsi, status);
	/* RFC 6455, 4.2.2: a name that was not offered cannot be chosen. */
	if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0 && !offers(wsi, s->protocols[1].name))
		return refuse_upgrade(wsi, HTTP_STATUS_BAD_REQUEST);
	return 0;
}

static int on_established(struct net_server *s, struct session *se, struct lws *wsi)
{
	struct request *r = se->rq;
	struct ws *w;

	if (!r)
		return -1;
	w = ws_alloc(s->net, true);
	w->max_bytes = s->params.max_ws_bytes ? s->params.max_ws_bytes : WS_MAX_BYTES;
	w->wsi = wsi;
	w->up = true;
	se->ws = ws_ref(w);     /* the net side's; the first goes to the loop */
	se->rq = NULL;
	r->ws = w;
	r->m.run = accepted_run;
	r->m.drop = accepted_drop;
	post_send(s->net->post, &r->m);
	return 0;
}

/* ---- the callback ---- */

static int on_ws(struct net_server *s, struct session *se, struct lws *wsi,
		 enum lws_callback_reasons reason, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		session_end(se);
		se->rq = request_new(s, wsi);
		return 0;
	case LWS_CALLBACK_ESTABLISHED:
		return on_established(s, se, wsi);
	case LWS_CALLBACK_RECEIVE:
		return se->ws ? ws_on_receive(se->ws, wsi, in, len) : -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return se->ws ? ws_on_writable(se->ws, wsi) : 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (se->ws)
			ws_on_peer_close(se->ws, in, len);
		return 0;
	default:                /* LWS_CALLBACK_CLOSED */
		if (se->ws)
			ws_on_closed(se->ws);
		se->ws = NULL;
		session_end(se);
		return 0;
	}
}

static int on_http(struct net_server *s, struct session *se, struct lws *wsi,
		   enum lws_callback_reasons reason, void *in, size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return http_on_request(s, se, wsi);
	case LWS_CALLBACK_HTTP_BODY:
		return http_on_body(s, se, wsi, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return http_on_body_end(se, wsi);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_on_writable(se, wsi);
	default:                /* LWS_CALLBACK_CLOSED_HTTP, LWS_CALLBACK_HTTP_DROP_PROTOCOL */
		session_end(se);
		return 0;
	}
}

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	const struct lws_vhost *v = wsi ? lws_get_vhost(wsi) : NULL;
	struct net_server *s = v ? lws_get_vhost_user((struct lws_vhost *)(uintptr_t)v) : NULL;

	if (!s)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
		return peer_may(s, (int)(intptr_t)in);
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		return peer_in(s, wsi);
	case LWS_CALLBACK_WSI_DESTROY:
		peer_out(wsi);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_upgrade(s, wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_CLOSED:
		return user ? on_ws(s, user, wsi, reason, in, len) : 0;
	case LWS_CALLBACK_HTTP:
	case LWS_CALLBACK_HTTP_BODY:
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
	case LWS_CALLBACK_HTTP_WRITEABLE:
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		return user ? on_http(s, user, wsi, reason, in, len) : 0;
	default:
		return 0;
	}
}

/* ---- listening ---- */

struct listen_order { struct order o; struct net_server *s; };

static void listen_run(struct net *n, struct order *o)
{
	struct net_server *s = ((struct listen_order *)o)->s;
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.port = s->params.port;
	/* "::" means both kinds here; newer versions bind it to IPv6 alone. */
	info.iface = strcmp(s->address, "::") ? s->address : NULL;
	info.vhost_name = "server";
	info.protocols = s->protocols;
	info.user = s;
	info.retry_and_idle_policy = &s->ping;
	info.keepalive_timeout = 30;
	info.alpn = "http/1.1";         /* HTTP/2 has no upgrade */
	/* Without certificates of clients there is nobody to trust. */
	info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
		       LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	if (!strchr(s->address, ':'))
		info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
	if (s->cert) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = s->cert;
		info.ssl_private_key_filepath = s->key;
	}
	s->vhost = lws_create_vhost(n->context, &info);
	if (s->vhost)
		s->port = (uint16_t)lws_get_vhost_listen_port(s->vhost);
	pthread_mutex_lock(&s->lock);
	s->finished = true;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&s->lock);
	free(o);
}

static void stop_run(struct net *n, struct order *o)
{
	struct net_server *s = ((struct listen_order *)o)->s;

	(void)n;
	s->stopped = true;
	if (s->vhost)
		lws_vhost_destroy(s->vhost);
	pthread_mutex_lock(&s->lock);
	s->finished = true;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&s->lock);
	free(o);
}

static void order_and_wait(struct net_server *s, void (*run)(struct net *n, struct order *o))
{
	struct listen_order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	s->finished = false;
	o->o.run = run;
	o->s = s;
	net_order(s->net, &o->o);
	pthread_mutex_lock(&s->lock);
	while (!s->finished)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void server_release(struct net_server *s)
{
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->done);
	free(s->address);
	free(s->cert);
	free(s->key);
	free(s);
}

/* libwebsockets does not say why a socket cannot be bound: so it is tried.  A
 * free port is chosen here where it would take two different ones. */
static int try_bind(const char *address, uint16_t *port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(*port) };
	bool is6 = strchr(address, ':') != NULL;
	socklen_t len = sizeof(v6);
	int fd, one = 1, err = 0;

	if (inet_pton(is6 ? AF_INET6 : AF_INET, address, is6 ? (void *)&v6.sin6_addr
		      : (void *)&v4.sin_addr) != 1)
		return -EINVAL;
	fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, is6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		 is6 ? sizeof(v6) : sizeof(v4)) || listen(fd, 1))
		err = -errno;
	else if (!strcmp(address, "::") && !getsockname(fd, (struct sockaddr *)&v6, &len))
		*port = ntohs(v6.sin6_port);
	close(fd);
	return err;
}

/* Nor why a certificate cannot be read. */
static int check_files(const struct net_server_params *p)
{
	if (!p->cert_file != !p->key_file)
		return -EINVAL;
	if (p->cert_file && (access(p->cert_file, R_OK) || access(p->key_file, R_OK)))
		return -errno;
	return 0;
}

int net_listen(struct net_server **out, struct net *n, const struct net_server_params *p,
	       const struct net_server_handlers *h, void *ctx)
{
	struct net_server *s;
	unsigned ping_s;
	uint16_t port = p->port;
	int err = try_bind(p->address, &port);

	*out = NULL;
	if (!err)
		err = check_files(p);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->net = n;
	s->h = *h;
	s->ctx = ctx;
	s->params = *p;
	s->params.port = port;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	ping_s = p->ping_s < UINT16_MAX / 2 ? p->ping_s : UINT16_MAX / 2;
	s->ping.secs_since_valid_ping = (uint16_t)ping_s;
	s->ping.secs_since_valid_hangup = (uint16_t)(ping_s * 2);
	/* Two names for one callback: browsers that ask for "xmpp" get it back,
	 * who asks for nothing gets nothing. */
	for (int i = 0; i < 2; i++) {
		s->protocols[i].name = i ? "xmpp" : "http";
		s->protocols[i].callback = server_callback;
		s->protocols[i].per_session_data_size = sizeof(struct session);
		s->protocols[i].rx_buffer_size = 16384;
	}
	/* Only the strings of our own outlive the call. */
	s->params.address = s->params.cert_file = s->params.key_file = NULL;
	if (text_set(&s->address, p->address) || text_set(&s->cert, p->cert_file) ||
	    text_set(&s->key, p->key_file)) {
		server_release(s);
		return -ENOMEM;
	}
	order_and_wait(s, listen_run);
	if (!s->vhost) {
		server_release(s);
		return p->cert_file ? -EKEYREJECTED : -EADDRINUSE;
	}
	*out = s;
	return 0;
}

uint16_t net_server_port(const struct net_server *s)
{
	return s->port;
}

void net_server_free(struct net_server **sp)
{
	struct net_server *s = *sp;

	if (!s)
		return;
	s->closed = true;
	order_and_wait(s, stop_run);
	/* libwebsockets lets go of a vhost when its last connection has, which
	 * may be later: the struct stays for the callbacks until the thread ends. */
	s->next = s->net->closed_servers;
	s->net->closed_servers = s;
	*sp = NULL;
}

void net_servers_release(struct net *n)
{
	while (n->closed_servers) {
		struct net_server *s = n->closed_servers;

		n->closed_servers = s->next;
		server_release(s);
	}
}
