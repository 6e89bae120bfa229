/* net_http.c - requests to our server and their answers
 *
 *	net: headers, body -> struct request -> post -> loop: request()
 *	loop: http_reply_send() -> order -> net: headers, body piece by piece
 *
 * A reply is shared by the two; whichever side goes first leaves it to the
 * other.  While an answer is awaited the connection is not read, since
 * libwebsockets would spin over what it cannot take yet.  (It still does where
 * a peer sends more and does not read an answer that is beyond the socket's
 * buffers, until TIMEOUT_S ends that: our answers are small.)
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "io/net_server_priv.h"

enum { URI_MAX = 8192, REPLY_HEADERS_MAX = 8192, PIECE = 8192 };

struct http_reply {
	atomic_int refs;                        /* net and loop */
	struct http_reply *next, **prev;        /* loop: net->replies */
	struct net *net;                        /* loop: NULL once that has gone */
	struct lws *wsi;                        /* net; NULL once gone */
	bool ready;                             /* net: what follows is set */
	int status;
	char *type, *headers;
	struct buf body;
	size_t sent;                            /* of the body */
	bool headers_sent, head;
};

/* ---- requests ---- */

void request_free(struct request *r)
{
	free(r->method);
	free(r->path);
	free(r->query);
	free(r->host);
	free(r->peer);
	buf_free(&r->body);
	free(r);
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

struct request *request_new(struct net_server *s, struct lws *wsi)
{
	struct request *r = calloc(1, sizeof(*r));
	char peer[INET6_ADDRSTRLEN] = "";

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
	/* An IPv4 peer of a socket that listens to both. */
	r->peer = or_empty(strdup(text_starts(peer, "::ffff:") && strchr(peer, '.') ? peer + 7 : peer));
	return r;
}

void request_fill(struct request *r)
{
	r->rq = (struct http_request){
		.method = r->method, .path = r->path, .query = r->query, .host = r->host,
		.peer = r->peer, .body = buf_str(&r->body), .body_len = r->body.len,
	};
}

/* ---- replies: who holds them ---- */

static void reply_unref(struct http_reply *re)
{
	if (atomic_fetch_sub(&re->refs, 1) != 1)
		return;
	free(re->type);
	free(re->headers);
	buf_free(&re->body);
	free(re);
}

static void reply_link(struct http_reply *re)
{
	re->prev = &re->net->replies;
	re->next = re->net->replies;
	if (re->next)
		re->next->prev = &re->next;
	re->net->replies = re;
}

static void reply_unlink(struct http_reply *re)
{
	*re->prev = re->next;
	if (re->next)
		re->next->prev = re->prev;
}

/* Whoever still has to answer may do so; nobody hears it. */
void net_replies_release(struct net *n)
{
	for (struct http_reply *re = n->replies; re; re = re->next)
		re->net = NULL;
}

static void forget_reply(struct session *se)
{
	if (!se->reply)
		return;
	se->reply->wsi = NULL;
	reply_unref(se->reply);
	se->reply = NULL;
}

void session_end(struct session *se)
{
	if (se->rq)
		request_free(se->rq);
	se->rq = NULL;
	forget_reply(se);
}

/* ---- to the loop ---- */

static void request_run(struct post_msg *m)
{
	struct request *r = (struct request *)m;
	struct net_server *s = r->server;

	request_fill(r);
	reply_link(r->reply);
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
	lws_rx_flow_control(wsi, 0);
	post_send(r->server->net->post, &r->m);
}

/* At once and without the loop; what the peer still sends is not awaited. */
static int refuse(struct lws *wsi, unsigned status)
{
	(void)!lws_return_http_status(wsi, status, NULL);
	return -1;
}

/* RFC 9110, 8.6: digits alone; -1 where there is no such header. */
static int body_length(struct lws *wsi, int64_t *out)
{
	char s[24];
	uint64_t n;

	*out = -1;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0)
		return 0;
	if (lws_hdr_copy(wsi, s, sizeof(s), WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 ||
	    text_u64(s, 0, INT32_MAX, &n))
		return -1;
	*out = (int64_t)n;
	return 0;
}

int http_on_request(struct net_server *s, struct session *se, struct lws *wsi)
{
	size_t max = s->params.max_body_bytes ? s->params.max_body_bytes : BODY_MAX_BYTES;
	bool post;
	int64_t length;

	session_end(se);
	if (body_length(wsi, &length))
		return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
	if (length > (int64_t)max)
		return refuse(wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE);
	se->rq = request_new(s, wsi);
	post = !strcmp(se->rq->method, "POST") || !strcmp(se->rq->method, "PUT") ||
	       !strcmp(se->rq->method, "PATCH");
	/* libwebsockets does not read chunks here. */
	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 || (post && length < 0))
		return refuse(wsi, HTTP_STATUS_LENGTH_REQUIRED);
	/* An empty POST gets its end of the body told, too. */
	if (length > 0 || !strcmp(se->rq->method, "POST"))
		return 0;
	hand_request(se, wsi);
	return 0;
}

int http_on_body(struct net_server *s, struct session *se, struct lws *wsi, const void *in,
		 size_t len)
{
	size_t max = s->params.max_body_bytes ? s->params.max_body_bytes : BODY_MAX_BYTES;

	if (!se->rq)
		return -1;
	if (len > max - se->rq->body.len)
		return refuse(wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE);
	buf_add(&se->rq->body, in, len);
	return buf_err(&se->rq->body);
}

int http_on_body_end(struct session *se, struct lws *wsi)
{
	if (se->rq)
		hand_request(se, wsi);
	return 0;
}

/* ---- answers ---- */

struct reply_order { struct order o; struct http_reply *re; };

static void reply_run(struct net *n, struct order *o)
{
	struct http_reply *re = ((struct reply_order *)o)->re;

	(void)n;
	re->ready = true;
	if (re->wsi) {
		/* Nor would it write where it may not read. */
		lws_rx_flow_control(re->wsi, 1);
		lws_set_timeout(re->wsi, PENDING_TIMEOUT_HTTP_CONTENT, TIMEOUT_S);
		lws_callback_on_writable(re->wsi);
	}
	reply_unref(re);
	free(o);
}

void http_reply_send(struct http_reply *re, int status, const char *content_type,
		     const char *headers, const char *body, size_t len)
{
	struct reply_order *o;

	if (!re->net) {
		reply_unref(re);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (!o || text_set(&re->type, content_type) || text_set(&re->headers, headers))
		abort();
	re->status = status;
	buf_add(&re->body, body, len);
	reply_unlink(re);
	o->o.run = reply_run;
	o->re = re;
	net_order(re->net, &o->o);
}

/* "Name: value\r\n" lines. */
static int add_lines(struct lws *wsi, const char *lines, unsigned char **p, unsigned char *end)
{
	char name[64], value[4096];

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
	unsigned char buf[LWS_PRE + REPLY_HEADERS_MAX], *start = buf + LWS_PRE, *p = start;
	unsigned char *end = buf + sizeof(buf) - 1;

	if (buf_err(&re->body) ||
	    lws_add_http_common_headers(wsi, (unsigned)re->status, re->type ? re->type : "text/plain",
					re->body.len, &p, end) ||
	    add_lines(wsi, re->headers, &p, end) ||
	    lws_finalize_write_http_header(wsi, start, &p, end)) {
		log_warn("io", "an answer's headers cannot be sent");
		return -1;
	}
	re->headers_sent = true;
	if (!re->body.len || re->head)
		return 1;
	lws_callback_on_writable(wsi);
	return 0;
}

/* A piece at a time: libwebsockets copies what the socket does not take. */
static int write_body(struct lws *wsi, struct http_reply *re)
{
	unsigned char buf[LWS_PRE + PIECE];
	size_t n = re->body.len - re->sent;
	bool last;

	n = n < PIECE ? n : PIECE;
	last = re->sent + n == re->body.len;
	memcpy(buf + LWS_PRE, re->body.p + re->sent, n);
	re->sent += n;
	if (lws_write(wsi, buf + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	if (!last)
		lws_callback_on_writable(wsi);
	return last;
}

int http_on_writable(struct session *se, struct lws *wsi)
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
