/* fixture.c - one server and one client in one process, on loopback */
#include "fixture.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "io/url.h"

/* ---- the server ---- */

static void peer_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct fixture *f = ctx;

	buf_add(&f->peer_got, text, len);
	if (!f->quiet)
		ws_send(w, text, len);  /* an echo */
}

static void peer_closed(void *ctx, struct ws *w, enum net_error why, int code, int status,
			const char *text)
{
	struct fixture *f = ctx;

	(void)w;
	(void)why;
	(void)status;
	f->peer_closed = true;
	f->peer_code = code;
	snprintf(f->peer_text, sizeof(f->peer_text), "%s", text);
}

static const struct ws_handlers peer_handlers = { NULL, peer_text, peer_closed };

static void on_request(void *ctx, const struct http_request *rq, struct http_reply *re)
{
	struct fixture *f = ctx;
	struct buf b = { 0 };

	if (!strcmp(rq->path, "/away")) {
		buf_addf(&b, "Location: %shere\r\n", f->url);
		http_reply_send(re, 302, "text/plain", buf_str(&b), "", 0);
	} else if (!strcmp(rq->path, "/to")) {
		buf_addf(&b, "Location: %s\r\n", rq->query);
		http_reply_send(re, 302, "text/plain", buf_str(&b), "moved", 5);
	} else if (!strcmp(rq->path, "/round")) {
		http_reply_send(re, 302, "text/plain", "Location: /round\r\n", "", 0);
	} else if (!strcmp(rq->path, "/big")) {
		for (int i = 0; i < 50000; i++)
			buf_adds(&b, "0123456789");
		http_reply_send(re, 200, "text/plain", NULL, b.p, b.len);
	} else if (!strcmp(rq->path, "/late")) {
		if (f->late)
			http_reply_send(f->late, 204, NULL, NULL, "", 0);
		f->late = re;
	} else {
		buf_addf(&b, "%s %s %s %.*s", rq->method, rq->path, rq->query, (int)rq->body_len, rq->body);
		http_reply_send(re, 200, "text/plain", "Access-Control-Allow-Origin: *\r\nX-Jitsi-Shard:  s1 \r\n",
				b.p, b.len);
	}
	buf_free(&b);
}

static int filter(void *ctx, const struct http_request *rq, const char **subprotocol)
{
	(void)ctx;
	*subprotocol = "xmpp";
	return !strcmp(rq->path, "/ws") ? 0 : !strcmp(rq->path, "/secret") ? 403 : 404;
}

static void accepted(void *ctx, struct ws *w, const struct http_request *rq)
{
	struct fixture *f = ctx;

	f->accepted++;
	snprintf(f->asked, sizeof(f->asked), "%s?%s", rq->path, rq->query);
	if (f->peer)
		ws_free(&f->peer);
	f->peer = w;
	f->peer_opened = true;
	ws_set_handlers(w, &peer_handlers, f);
}

const struct net_server_handlers server_handlers = { on_request, filter, accepted };

/* ---- the client ---- */

static void on_opened(void *ctx, struct ws *w)
{
	(void)w;
	((struct fixture *)ctx)->opened = true;
}

static void on_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	(void)w;
	assert_int_equal(text[len], 0);
	buf_add(&((struct fixture *)ctx)->got, text, len);
}

static void on_closed(void *ctx, struct ws *w, enum net_error why, int code, int status, const char *text)
{
	struct fixture *f = ctx;

	(void)w;
	assert_false(f->closed);
	f->closed = true;
	f->why = why;
	f->code = code;
	f->status = status;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

const struct ws_handlers client_handlers = { on_opened, on_text, on_closed };

/* ---- both ---- */

struct fixture *fixture_new(const struct fixture_options *o)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct net_config cfg = { .user_agent = "test/1", .ca_file = o->ca_file,
		.insecure = o->insecure };
	struct net_server_params p = { .address = o->address ? o->address : "127.0.0.1",
		.cert_file = o->cert, .key_file = o->key, .max_body_bytes = 65536,
		.max_ws_bytes = o->max_ws_bytes ? o->max_ws_bytes : 2 << 20,
		.max_per_address = o->max_per_address, .ping_s = o->ping_s };
	bool v6 = o->address && strchr(o->address, ':');

	if (getenv("TEST_LOG"))
		log_set_level(LOGL_DEBUG);
	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(net_new(&f->net, f->loop, &cfg), 0);
	assert_int_equal(http_new(&f->http, f->loop, &cfg), 0);
	assert_int_equal(net_listen(&f->server, f->net, &p, &server_handlers, f), 0);
	snprintf(f->url, sizeof(f->url), "http%s://%s:%u/", o->cert ? "s" : "",
		 v6 ? "[::1]" : o->cert ? "localhost" : "127.0.0.1", net_server_port(f->server));
	return f;
}

void fixture_free(struct fixture *f)
{
	ws_free(&f->client);
	ws_free(&f->peer);
	http_free(&f->http);
	net_server_free(&f->server);
	net_free(&f->net);
	if (f->late)            /* late, indeed: nobody hears it */
		http_reply_send(f->late, 200, NULL, NULL, "x", 1);
	loop_free(&f->loop);
	buf_free(&f->got);
	buf_free(&f->peer_got);
	buf_free(&f->body);
	free(f);
}

int fixture_setup(void **state)
{
	*state = fixture_new(&(struct fixture_options){ 0 });
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

void wait_for(struct fixture *f, const bool *flag)
{
	int64_t end = clock_now_us() + 10000000;

	while (!*flag && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	if (!*flag)
		fail_msg("it did not come; closed %d, why %d: %s", f->closed, (int)f->why, f->text);
}

void wait_bytes(struct fixture *f, const struct buf *b, size_t n)
{
	int64_t end = clock_now_us() + 20000000;

	while (b->len < n && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	assert_int_equal(b->len, n);
}

void run_for(struct fixture *f, int ms)
{
	int64_t end = clock_now_us() + ms * INT64_C(1000);

	while (clock_now_us() < end)
		loop_iterate(f->loop, end - clock_now_us());
}

int open_url(struct fixture *f, const char *url, int64_t timeout_us)
{
	struct ws_params p = { .url = url, .subprotocol = "xmpp", .origin = "https://example.org",
		.ping_s = 20, .max_bytes = 4 << 20, .timeout_us = timeout_us };

	f->opened = f->closed = false;
	return ws_open(&f->client, f->net, &p, &client_handlers, f);
}

void open_at(struct fixture *f, const char *path, const char *subprotocol)
{
	char url[300];
	struct ws_params p = { .url = url, .subprotocol = subprotocol, .origin = "http://127.0.0.1",
		.ping_s = 20, .max_bytes = 4 << 20, .timeout_us = 5000000 };

	f->opened = f->closed = false;
	snprintf(url, sizeof(url), "ws%s%s", f->url + 4, path);
	assert_int_equal(ws_open(&f->client, f->net, &p, &client_handlers, f), 0);
}

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct fixture *f = ctx;

	f->answered = true;
	f->why = a->error;
	f->status = a->status;
	buf_clear(&f->body);
	buf_add(&f->body, a->body, a->len);
	snprintf(f->text, sizeof(f->text), "%s", a->text);
	snprintf(f->type, sizeof(f->type), "%s", a->content_type);
	snprintf(f->last, sizeof(f->last), "%s", a->url);
	snprintf(f->header, sizeof(f->header), "%s", a->header);
}

static void ask_for(struct fixture *f, const char *method, const char *url, const char *body, const char *header)
{
	char whole[600];
	struct http_params p = { .method = method, .url = whole, .body = body, .timeout_us = 5000000,
		.max_bytes = 1 << 20, .header = header, .no_redirects = header != NULL };
	struct http_call *c;

	snprintf(whole, sizeof(whole), "%s%s", strstr(url, "://") ? "" : f->url, url);
	f->answered = false;
	assert_int_equal(http_start(&c, f->http, &p, on_answer, f), 0);
	wait_for(f, &f->answered);
}

void ask(struct fixture *f, const char *method, const char *url, const char *body)
{
	ask_for(f, method, url, body, NULL);
}

void ask_header(struct fixture *f, const char *url, const char *header)
{
	ask_for(f, "GET", url, NULL, header);
}

/* ---- raw sockets ---- */

int raw_connect(struct fixture *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(net_server_port(f->server)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

char *raw_talk(struct fixture *f, const char *text)
{
	int fd = raw_connect(f);
	int64_t end = clock_now_us() + 1000000;
	struct buf b = { 0 };
	char part[4096];

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	while (clock_now_us() < end) {
		ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n > 0)
			buf_add(&b, part, (size_t)n);
		loop_iterate(f->loop, 5000);
	}
	close(fd);
	return buf_steal(&b);
}

int raw_listen(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*port = ntohs(a.sin_port);
	return fd;
}
