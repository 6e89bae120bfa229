/* test_net.c - WebSockets and HTTP between a client and a server of ours */
#include "unit/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "io/http.h"
#include "io/net.h"

extern const struct CMUnitTest test_net[];

struct fixture {
	struct loop *loop;
	struct net *net;
	struct http *http;
	struct net_server *server;
	struct ws *peer, *client;       /* server's and client's end */
	struct buf got, peer_got;       /* what each heard */
	bool opened, closed, peer_closed, answered;
	enum net_error why;
	int code, status;
	char text[256], url[256];
	struct buf body;
	char subprotocol_path[64];
};

static void peer_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct fixture *f = ctx;

	buf_add(&f->peer_got, text, len);
	ws_send(w, text, len);  /* an echo */
}

static void peer_closed(void *ctx, struct ws *w, enum net_error why, int code, int status, const char *text)
{
	struct fixture *f = ctx;

	(void)w; (void)why; (void)status; (void)text;
	f->peer_closed = true;
	f->code = code;
}

static const struct ws_handlers peer_handlers = { NULL, peer_text, peer_closed };

static void on_request(void *ctx, const struct http_request *rq, struct http_reply *re)
{
	struct fixture *f = ctx;
	struct buf b = { 0 };

	if (!strcmp(rq->path, "/away")) {
		buf_addf(&b, "Location: %shere\r\n", f->url);
		http_reply_send(re, 302, "text/plain", buf_str(&b), "", 0);
	} else if (!strcmp(rq->path, "/big")) {
		for (int i = 0; i < 50000; i++)
			buf_adds(&b, "0123456789");
		http_reply_send(re, 200, "text/plain", NULL, b.p, b.len);
	} else {
		buf_addf(&b, "%s %s %s %.*s", rq->method, rq->path, rq->query, (int)rq->body_len, rq->body);
		http_reply_send(re, 200, "text/plain", "Access-Control-Allow-Origin: *\r\n", b.p, b.len);
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

	snprintf(f->subprotocol_path, sizeof(f->subprotocol_path), "%s?%s", rq->path, rq->query);
	f->peer = w;
	ws_set_handlers(w, &peer_handlers, f);
}

static const struct net_server_handlers server_handlers = { on_request, filter, accepted };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct net_config cfg = { .user_agent = "test/1" };
	struct net_server_params p = { .address = "127.0.0.1", .max_body_bytes = 65536,
		.max_ws_bytes = 2 << 20, .max_per_address = 20 };

	if (!f || loop_new(&f->loop, "test") || net_new(&f->net, f->loop, &cfg) ||
	    http_new(&f->http, f->loop, &cfg) ||
	    net_listen(&f->server, f->net, &p, &server_handlers, f))
		return -1;
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/", net_server_port(f->server));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ws_free(&f->client);
	ws_free(&f->peer);
	http_free(&f->http);
	net_server_free(&f->server);
	net_free(&f->net);
	loop_free(&f->loop);
	buf_free(&f->got);
	buf_free(&f->peer_got);
	buf_free(&f->body);
	free(f);
	return 0;
}

static void wait_for(struct fixture *f, const bool *flag)
{
	int64_t end = clock_now_us() + 10000000;

	while (!*flag && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	assert_true(*flag);
}

static void on_opened(void *ctx, struct ws *w)
{
	(void)w;
	((struct fixture *)ctx)->opened = true;
}

static void on_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	(void)w;
	buf_add(&((struct fixture *)ctx)->got, text, len);
}

static void on_closed(void *ctx, struct ws *w, enum net_error why, int code, int status, const char *text)
{
	struct fixture *f = ctx;

	(void)w;
	f->closed = true;
	f->why = why;
	f->code = code;
	f->status = status;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

static const struct ws_handlers handlers = { on_opened, on_text, on_closed };

static void open_at(struct fixture *f, const char *path, const char *subprotocol)
{
	char url[300];
	struct ws_params p = { .url = url, .subprotocol = subprotocol, .origin = "http://127.0.0.1",
		.ping_s = 20, .max_bytes = 4 << 20, .timeout_us = 5000000 };

	snprintf(url, sizeof(url), "ws%s%s", f->url + 4, path);
	assert_int_equal(ws_open(&f->client, f->net, &p, &handlers, f), 0);
}

static void text_goes_both_ways(void **state)
{
	struct fixture *f = *state;
	int64_t end = clock_now_us() + 5000000;

	open_at(f, "ws?room=a%2520b", "xmpp");
	wait_for(f, &f->opened);
	assert_int_equal(ws_send(f->client, "hello", 5), 0);
	while (f->got.len < 5 && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	assert_string_equal(buf_str(&f->got), "hello");
	assert_string_equal(f->subprotocol_path, "/ws?room=a%20b");
	assert_string_equal(ws_peer(f->peer), "127.0.0.1");
	ws_close(f->client, 1000, "bye");
	wait_for(f, &f->peer_closed);
	wait_for(f, &f->closed);
}

static void a_megabyte_arrives_whole(void **state)
{
	struct fixture *f = *state;
	char *big = malloc(1000000);
	int64_t end = clock_now_us() + 10000000;

	memset(big, 'x', 1000000);
	open_at(f, "ws", NULL);
	wait_for(f, &f->opened);
	assert_int_equal(ws_send(f->client, big, 1000000), 0);
	while (f->got.len < 1000000 && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	assert_int_equal(f->got.len, 1000000);
	assert_memory_equal(f->got.p, big, 1000000);
	free(big);
}

static void a_refused_upgrade_tells_the_status(void **state)
{
	struct fixture *f = *state;

	open_at(f, "secret", NULL);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_HTTP);
	assert_int_equal(f->status, 403);
}

static void a_closed_port_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ws_params p = { .url = "ws://127.0.0.1:1/ws", .timeout_us = 5000000 };

	assert_int_equal(ws_open(&f->client, f->net, &p, &handlers, f), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_REFUSED);
}

static void an_unknown_name_is_said(void **state)
{
	struct fixture *f = *state;
	struct ws_params p = { .url = "ws://nowhere.invalid/ws", .timeout_us = 20000000 };

	assert_int_equal(ws_open(&f->client, f->net, &p, &handlers, f), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_NAME);
	assert_non_null(strstr(f->text, "nowhere.invalid"));
}

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct fixture *f = ctx;

	f->answered = true;
	f->why = a->error;
	f->status = a->status;
	buf_clear(&f->body);
	buf_add(&f->body, a->body, a->len);
	snprintf(f->text, sizeof(f->text), "%s", a->url);
}

static void ask(struct fixture *f, const char *method, const char *path, const char *body)
{
	char url[300];
	struct http_params p = { .method = method, .url = url, .body = body, .timeout_us = 5000000,
		.max_bytes = 1 << 20 };
	struct http_call *c;

	snprintf(url, sizeof(url), "%s%s", f->url, path);
	f->answered = false;
	assert_int_equal(http_start(&c, f->http, &p, on_answer, f), 0);
	wait_for(f, &f->answered);
}

static void requests_are_answered(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "config.js?room=x", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(buf_str(&f->body), "GET /config.js room=x ");
	ask(f, "POST", "conference", "{\"room\":1}");
	assert_string_equal(buf_str(&f->body), "POST /conference  {\"room\":1}");
	ask(f, "GET", "away", NULL);
	assert_string_equal(buf_str(&f->body), "GET /here  ");
	assert_non_null(strstr(f->text, "/here"));
	ask(f, "GET", "big", NULL);
	assert_int_equal(f->body.len, 500000);
}

static void a_second_server_on_the_port_is_refused(void **state)
{
	struct fixture *f = *state;
	struct net_server_params p = { .address = "127.0.0.1", .port = net_server_port(f->server) };
	struct net_server *s;

	assert_int_equal(net_listen(&s, f->net, &p, &server_handlers, f), -EADDRINUSE);
}

/* A hanging server: connected by the kernel, never answered. */
static void silence_ends_in_time(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char url[64];
	struct ws_params p = { .url = url, .timeout_us = 300000 };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", ntohs(a.sin_port));
	assert_int_equal(ws_open(&f->client, f->net, &p, &handlers, f), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_TIMEOUT);
	close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest test_net[] = {
	T(text_goes_both_ways), T(a_megabyte_arrives_whole), T(a_refused_upgrade_tells_the_status),
	T(a_closed_port_is_refused), T(an_unknown_name_is_said), T(requests_are_answered),
	T(a_second_server_on_the_port_is_refused), T(silence_ends_in_time),
	{ 0 }
};
