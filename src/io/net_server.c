/* net_server.c - HTTP and WebSockets served on one port
 *
 * Requests are handed to the loop and answered from there; the upgrade to a
 * WebSocket is asked of filter() at once, on this thread, because HTTP wants
 * an answer before it becomes something else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/text.h"
#include "io/net_priv.h"

enum { PEERS_MAX = 2048, URI_MAX = 4096 };

struct peer_count { char address[64]; unsigned n; };

struct net_server {
	struct net_server *next;                /* loop: closed ones, until net_free() */
	struct net *net;
	struct net_server_handlers h;
	void *ctx;
	struct net_server_params params;
	char *address, *cert, *key;
	struct lws_vhost *vhost;                /* net */
	struct lws_retry_bo ping;
	struct lws_protocols protocols[3];
	uint16_t port;
	bool closed;                            /* loop: nothing is told any more */
	struct peer_count peer[PEERS_MAX];      /* net */
	/* net_listen() waits for the thread: */
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

/* A request: strings of its own, on the way to the loop. */
struct request {
	struct post_msg m;
	struct net_server *server;
	struct http_request rq;
	char *method, *path, *query, *host, *peer;
	struct buf body;
	struct ws *ws;                          /* accepted(): a reference */
	struct http_reply *reply;               /* request() */
};

struct http_reply {
	atomic_int refs;                        /* net and loop */
	struct net *net;
	struct lws *wsi;                        /* net; NULL once gone */
	bool ready;                             /* net: what follows is set */
	int status;
	char *type, *headers;
	struct buf body;
	size_t sent;                            /* of the body */
	bool headers_sent, head;
};

/* Of one connection, whatever its protocol is. */
struct session { struct request *rq; struct http_reply *reply; struct ws *ws; };

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len);

/* ---- requests ---- */

static void request_free(struct request *r)
{
	free(r->method);
	free(r->path);
	free(r->query);
	free(r->host);
	free(r->peer);
	buf_free(&r->body);
	free(r);
}

static void reply_unref(struct http_reply *re)
{
	if (atomic_fetch_sub(&re->refs, 1) != 1)
		return;
	free(re->type);
	free(re->headers);
	buf_free(&re->body);
	free(re);
}

static char *copy_header(struct lws *wsi, enum lws_token_indexes token)
{
	int n = lws_hdr_total_length(wsi, token);
	char *s;

	if (n <= 0 || n > URI_MAX)
		return NULL;
	s = malloc((size_t)n + 1);
	if (s && lws_hdr_copy(wsi, s, n + 1, token) < 0)
		s[0] = 0;
	return s;
}

/* libwebsockets has cut the query at '&'. */
static char *copy_query(struct lws *wsi)
{
	struct buf b = { 0 };
	char part[URI_MAX];

	for (int i = 0; lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++)
		buf_addf(&b, "%s%s", i ? "&" : "", part);
	return buf_steal(&b);
}

static const struct { enum lws_token_indexes token; const char *method; } methods[] = {
	{ WSI_TOKEN_GET_URI, "GET" }, { WSI_TOKEN_POST_URI, "POST" },
	{ WSI_TOKEN_OPTIONS_URI, "OPTIONS" }, { WSI_TOKEN_HEAD_URI, "HEAD" },
	{ WSI_TOKEN_PUT_URI, "PUT" }, { WSI_TOKEN_DELETE_URI, "DELETE" },
	{ WSI_TOKEN_PATCH_URI, "PATCH" },
};

static char *or_empty(char *s)
{
	if (!s)
		s = strdup("");
	if (!s)
		abort();
	return s;
}

static struct request *request_new(struct net_server *s, struct lws *wsi)
{
	struct request *r = calloc(1, sizeof(*r));
	char peer[64] = "";

	if (!r)
		abort();
	r->server = s;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
			r->method = strdup(methods[i].method);
			r->path = copy_header(wsi, methods[i].token);
			break;
		}
	r->method = or_empty(r->method);
	r->path = or_empty(r->path);
	r->query = or_empty(copy_query(wsi));
	r->host = or_empty(copy_header(wsi, WSI_TOKEN_HOST));
	lws_get_peer_simple(wsi, peer, sizeof(peer));
	r->peer = or_empty(strdup(peer));
	return r;
}

static void fill(struct request *r)
{
	r->rq = (struct http_request){
		.method = r->method, .path = r->path, .query = r->query, .host = r->host,
		.peer = r->peer, .body = buf_str(&r->body), .body_len = r->body.len,
	};
}

/* ---- to the loop ---- */

static void request_run(struct post_msg *m)
{
	struct request *r = (struct request *)m;
	struct net_server *s = r->server;

	fill(r);
	if (!s->closed)
		s->h.request(s->ctx, &r->rq, r->reply);
	else
		http_reply_send(r->reply, 503, "text/plain", NULL, "going away\n", 11);
	request_free(r);
}

static void request_drop(struct post_msg *m)
{
	struct request *r = (struct request *)m;

	reply_unref(r->reply);
	request_free(r);
}

static void accepted_run(struct post_msg *m)
{
	struct request *r = (struct request *)m;
	struct ws *w = r->ws;

	fill(r);
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

static void hand_request(struct session *se, struct lws *wsi)
{
	struct request *r = se->rq;
	struct http_reply *re = calloc(1, sizeof(*re));

	if (!re)
		abort();
	se->rq = NULL;
	atomic_init(&re->refs, 2);
	re->net = r->server->net;
	re->wsi = wsi;
	re->head = !strcmp(r->method, "HEAD");
	se->reply = re;
	r->reply = re;
	r->m.run = request_run;
	r->m.drop = request_drop;
	post_send(r->server->net->post, &r->m);
}

/* ---- answers ---- */

struct reply_order { struct order o; struct http_reply *re; };

static void reply_run(struct net *n, struct order *o)
{
	struct http_reply *re = ((struct reply_order *)o)->re;

	(void)n;
	re->ready = true;
	if (re->wsi)
		lws_callback_on_writable(re->wsi);
	reply_unref(re);
	free(o);
}

void http_reply_send(struct http_reply *re, int status, const char *content_type,
		     const char *headers, const char *body, size_t len)
{
	struct reply_order *o = calloc(1, sizeof(*o));

	if (!o || text_set(&re->type, content_type) || text_set(&re->headers, headers))
		abort();
	re->status = status;
	buf_add(&re->body, body, len);
	o->o.run = reply_run;
	o->re = re;
	net_order(re->net, &o->o);
}

/* "Name: value\r\n" lines. */
static int add_lines(struct lws *wsi, const char *lines, unsigned char **p, unsigned char *end)
{
	char name[64], value[1024];

	while (lines && *lines) {
		size_t n = strcspn(lines, ":"), v;
		const char *at = lines + n + 1;

		if (!lines[n] || n + 2 > sizeof(name))
			return -1;
		at += strspn(at, " ");
		v = strcspn(at, "\r\n");
		if (v >= sizeof(value))
			return -1;
		memcpy(name, lines, n + 1);
		name[n + 1] = 0;
		memcpy(value, at, v);
		if (lws_add_http_header_by_name(wsi, (unsigned char *)name, (unsigned char *)value,
						(int)v, p, end))
			return -1;
		lines = at + v + strspn(at + v, "\r\n");
	}
	return 0;
}

/* 1: that was all; -1: the connection is to be closed. */
static int write_headers(struct lws *wsi, struct http_reply *re)
{
	unsigned char buf[LWS_PRE + 4096], *start = buf + LWS_PRE, *p = start, *end = buf + sizeof(buf) - 1;

	if (lws_add_http_common_headers(wsi, (unsigned)re->status, re->type ? re->type : "text/plain",
					re->body.len, &p, end) ||
	    add_lines(wsi, re->headers, &p, end) ||
	    lws_finalize_write_http_header(wsi, start, &p, end))
		return -1;
	re->headers_sent = true;
	if (!re->body.len || re->head)
		return 1;
	lws_callback_on_writable(wsi);
	return 0;
}

/* A piece at a time: libwebsockets copies what the socket does not take. */
static int write_body(struct lws *wsi, struct http_reply *re)
{
	unsigned char buf[LWS_PRE + 8192];
	size_t n = re->body.len - re->sent;
	bool last;

	n = n < 8192 ? n : 8192;
	last = re->sent + n == re->body.len;
	memcpy(buf + LWS_PRE, re->body.p + re->sent, n);
	re->sent += n;
	if (lws_write(wsi, buf + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	if (!last)
		lws_callback_on_writable(wsi);
	return last;
}

static void forget_reply(struct session *se)
{
	if (!se->reply)
		return;
	se->reply->wsi = NULL;
	reply_unref(se->reply);
	se->reply = NULL;
}

static int on_http_writable(struct session *se, struct lws *wsi)
{
	struct http_reply *re = se->reply;
	int done;

	if (!re || !re->ready)
		return 0;
	done = re->headers_sent ? write_body(wsi, re) : write_headers(wsi, re);
	if (!done)
		return 0;
	/* First, since completing a transaction frees the session. */
	forget_reply(se);
	return done < 0 || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- connections per address ---- */

static struct peer_count *count_of(struct net_server *s, const char *address, bool make)
{
	struct peer_count *empty = NULL;

	for (int i = 0; i < PEERS_MAX; i++) {
		if (s->peer[i].n && !strcmp(s->peer[i].address, address))
			return &s->peer[i];
		if (!s->peer[i].n && !empty)
			empty = &s->peer[i];
	}
	if (make && empty)
		text_copy(empty->address, sizeof(empty->address), address);
	return make ? empty : NULL;
}

static int peer_in(struct net_server *s, struct lws *wsi)
{
	char address[64] = "";
	struct peer_count *c;

	lws_get_peer_simple(wsi, address, sizeof(address));
	c = count_of(s, address, true);
	if (!c)
		return -1;
	c->n++;
	lws_set_opaque_user_data(wsi, c);
	if (!s->params.max_per_address || c->n <= s->params.max_per_address)
		return 0;
	log_info("io", "%s has more than %u connections: refused", address, s->params.max_per_address);
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	return -1;
}

static void peer_out(struct lws *wsi)
{
	struct peer_count *c = lws_get_opaque_user_data(wsi);

	if (c && c->n)
		c->n--;
	lws_set_opaque_user_data(wsi, NULL);
}

/* ---- the callback ---- */

static int refuse_upgrade(struct lws *wsi, int status)
{
	if (lws_return_http_status(wsi, (unsigned)status, NULL))
		return -1;
	return 1;               /* the answer was given */
}

static int on_upgrade(struct net_server *s, struct lws *wsi)
{
	struct request *r = request_new(s, wsi);
	const char *subprotocol = NULL;
	int status;

	fill(r);
	status = s->h.filter(s->ctx, &r->rq, &subprotocol);
	request_free(r);
	return status ? refuse_upgrade(wsi, status) : 0;
}

static int on_established(struct net_server *s, struct session *se, struct lws *wsi)
{
	struct request *r = se->rq;
	struct ws *w;

	if (!r)
		return -1;
	w = ws_alloc(s->net, true);
	w->max_bytes = s->params.max_ws_bytes ? s->params.max_ws_bytes : 1 << 20;
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

static int on_http(struct net_server *s, struct session *se, struct lws *wsi)
{
	if (se->rq)
		request_free(se->rq);
	forget_reply(se);
	se->rq = request_new(s, wsi);
	if (!strcmp(se->rq->method, "POST") &&
	    (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0))
		return 0;       /* the body comes */
	hand_request(se, wsi);
	return 0;
}

static int on_body(struct net_server *s, struct session *se, const void *in, size_t len)
{
	size_t max = s->params.max_body_bytes ? s->params.max_body_bytes : 65536;

	if (!se->rq || se->rq->body.len + len > max)
		return -1;
	buf_add(&se->rq->body, in, len);
	return 0;
}

static void session_end(struct session *se)
{
	if (se->rq)
		request_free(se->rq);
	se->rq = NULL;
	forget_reply(se);
}

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	const struct lws_vhost *v = wsi ? lws_get_vhost(wsi) : NULL;
	struct net_server *s = v ? lws_get_vhost_user((struct lws_vhost *)(uintptr_t)v) : NULL;
	struct session *se = user;

	if (!s)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		return peer_in(s, wsi);
	case LWS_CALLBACK_WSI_DESTROY:
		peer_out(wsi);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		if (in && strcmp(in, "websocket"))
			return refuse_upgrade(wsi, 400);
		return on_upgrade(s, wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		if (se)
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
	case LWS_CALLBACK_CLOSED:
		if (se->ws)
			ws_on_closed(se->ws);
		se->ws = NULL;
		session_end(se);
		return 0;
	case LWS_CALLBACK_HTTP:
		return on_http(s, se, wsi);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(s, se, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		if (se->rq)
			hand_request(se, wsi);
		return 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_http_writable(se, wsi);
	case LWS_CALLBACK_CLOSED_HTTP:
		if (se)
			session_end(se);
		return 0;
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
	info.iface = s->address;
	info.vhost_name = "server";
	info.protocols = s->protocols;
	info.user = s;
	info.retry_and_idle_policy = &s->ping;
	info.timeout_secs = 15;
	info.keepalive_timeout = 30;
	info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
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

/* libwebsockets does not say why a socket cannot be bound: so it is tried. */
static int try_bind(const char *address, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is6 = strchr(address, ':') != NULL;
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
	close(fd);
	return err;
}

int net_listen(struct net_server **out, struct net *n, const struct net_server_params *p,
	       const struct net_server_handlers *h, void *ctx)
{
	struct net_server *s;
	int err = try_bind(p->address, p->port);

	*out = NULL;
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->net = n;
	s->h = *h;
	s->ctx = ctx;
	s->params = *p;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	s->ping.secs_since_valid_ping = (uint16_t)p->ping_s;
	s->ping.secs_since_valid_hangup = (uint16_t)(p->ping_s * 2);
	/* Two names for one callback: browsers that ask for "xmpp" get it back,
	 * who asks for nothing gets nothing. */
	for (int i = 0; i < 2; i++) {
		s->protocols[i].name = i ? "xmpp" : "http";
		s->protocols[i].callback = server_callback;
		s->protocols[i].per_session_data_size = sizeof(struct session);
		s->protocols[i].rx_buffer_size = 16384;
	}
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
