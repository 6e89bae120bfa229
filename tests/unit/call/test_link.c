/* test_link.c - the core on real sockets, with a server of ours on loopback */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "call/link.h"
#include "unit/unit.h"

enum { DEADLINE_US = 8000000 };

struct world {
	struct loop *loop;
	struct net *net;
	struct http *http;
	struct net_server *server;
	struct call_link *link;
	struct ws *ws;
	bool no_config;
	unsigned requests, opens, stanzas;
	char first[200], origin[80], query[200], ended[400];
	enum call_end end;
	bool over, reconnecting;
	unsigned traces;
};

/* ---- the server ---- */

static void on_request(void *ctx, const struct http_request *rq, struct http_reply *re)
{
	static const char js[] = "var config = { hosts: { domain: 'x.local' }, websocket: "
		"location.protocol === 'http:' ? 'ws://' + location.host + '/ws' : '' };";
	struct world *w = ctx;

	w->requests++;
	if (w->no_config || strcmp(rq->path, "/config.js"))
		http_reply_send(re, 404, "text/plain", NULL, "no", 2);
	else
		http_reply_send(re, 200, "application/javascript", NULL, js, strlen(js));
}

static int filter(void *ctx, const struct http_request *rq, const char **subprotocol)
{
	(void)ctx;
	*subprotocol = "xmpp";
	return strcmp(rq->path, "/ws") ? 404 : 0;
}

static void server_text(void *ctx, struct ws *ws, const char *text, size_t len)
{
	struct world *w = ctx;

	(void)ws;
	(void)len;
	if (!w->stanzas++)
		snprintf(w->first, sizeof(w->first), "%s", text);
}

static void server_closed(void *ctx, struct ws *ws, enum net_error why, int code, int status, const char *text)
{
	struct world *w = ctx;

	(void)why, (void)code, (void)status, (void)text;
	if (w->ws == ws)
		ws_free(&w->ws);
}

static void on_accepted(void *ctx, struct ws *ws, const struct http_request *rq)
{
	static const struct ws_handlers h = { NULL, server_text, server_closed };
	struct world *w = ctx;

	w->opens++;
	snprintf(w->query, sizeof(w->query), "%s", rq->query);
	ws_free(&w->ws);
	w->ws = ws;
	ws_set_handlers(ws, &h, w);
}

/* ---- the client ---- */

static void on_event(void *ctx, const struct call_event *ev)
{
	struct world *w = ctx;

	if (ev->type == CALL_EV_ENDED) {
		w->over = true;
		w->end = ev->end;
		snprintf(w->ended, sizeof(w->ended), "%s", ev->text);
	}
}

static void on_trace(void *ctx, const char *dir, const char *ch, const char *data, size_t len)
{
	struct world *w = ctx;

	assert_true(!strcmp(dir, "in") || !strcmp(dir, "out") || !strcmp(dir, "open") || !strcmp(dir, "close") ||
		    !strcmp(dir, "error"));
	assert_true(!strcmp(ch, "http") || !strcmp(ch, "xmpp"));
	assert_int_equal(strlen(data), len);
	w->traces++;
}

static void media_none(void *ctx)
{
	(void)ctx;
}

static void data_open_none(void *ctx, uint16_t port)
{
	(void)ctx;
	(void)port;
}

static void data_send_none(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
}

static void media_start_none(void *ctx, const struct call_media *m)
{
	(void)ctx;
	(void)m;
}

static void media_restart_none(void *ctx, const struct call_media_restart *r)
{
	(void)ctx;
	(void)r;
}

static void media_services_none(void *ctx, const struct ext_service *v, size_t count)
{
	(void)ctx;
	(void)v;
	(void)count;
}

/* One that nobody listens at: just given and taken back. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void open_world(struct world *w, bool no_config, bool no_server)
{
	static const struct net_server_handlers h = { on_request, filter, on_accepted };
	static const struct call_link_media media = {
		media_start_none, media_none, media_restart_none, media_services_none, media_none,
		data_open_none, data_send_none, media_none
	};
	struct net_server_params p = { .address = "127.0.0.1", .max_ws_bytes = 65536 };
	struct net_config nc = { .user_agent = "test" };
	struct call_config cfg = { .name = "Bob", .fingerprint = "AA" };
	char url[80];
	uint16_t port;

	memset(w, 0, sizeof(*w));
	w->no_config = no_config;
	assert_int_equal(loop_new(&w->loop, "test"), 0);
	loop_iterate(w->loop, 0);
	assert_int_equal(net_new(&w->net, w->loop, &nc), 0);
	assert_int_equal(http_new(&w->http, w->loop, &nc), 0);
	assert_int_equal(net_listen(&w->server, w->net, &p, &h, w), 0);
	port = no_server ? free_port() : net_server_port(w->server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/room", port);
	cfg.url = url;
	assert_int_equal(call_link_new(&w->link, w->loop, w->net, w->http, &cfg, &media, on_event, on_trace, w), 0);
	call_join(call_link_call(w->link), clock_now_us());
	call_link_kick(w->link);
}

static void close_world(struct world *w)
{
	call_link_free(&w->link);
	ws_free(&w->ws);
	net_server_free(&w->server);
	http_free(&w->http);
	net_free(&w->net);
	loop_free(&w->loop);
}

static void run_until(struct world *w, bool (*done)(struct world *w))
{
	int64_t end = clock_now_us() + DEADLINE_US;

	while (!done(w) && clock_now_us() < end)
		loop_iterate(w->loop, 20000);
	assert_true(done(w));
}

static bool has_spoken(struct world *w)
{
	return w->stanzas > 0;
}

static bool is_over(struct world *w)
{
	return w->over;
}

static bool is_let_go(struct world *w)
{
	return !w->ws;
}

static void test_reaches_the_server(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false, false);
	run_until(&w, has_spoken);
	assert_non_null(strstr(w.first, "<open "));
	assert_non_null(strstr(w.first, "x.local"));
	assert_string_equal(w.query, "room=room");
	assert_true(w.traces >= 3);
	/* Leaving closes what was opened. */
	call_leave(call_link_call(w.link), clock_now_us());
	call_link_kick(w.link);
	run_until(&w, is_over);
	assert_int_equal(w.end, CALL_END_LEFT);
	run_until(&w, is_let_go);
	close_world(&w);
}

static void test_server_goes(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false, false);
	run_until(&w, has_spoken);
	ws_free(&w.ws);
	run_until(&w, is_over);         /* never in the room: no second try */
	assert_int_equal(w.end, CALL_END_NO_SERVER);
	close_world(&w);
}

static void test_no_jitsi(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, true, false);
	run_until(&w, is_over);
	assert_int_equal(w.end, CALL_END_NO_SERVER);
	assert_non_null(strstr(w.ended, "no Jitsi Meet server: no config.js (404), and no WebSocket at"));
	close_world(&w);
}

static void test_refused_port(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false, true);
	run_until(&w, is_over);
	assert_int_equal(w.end, CALL_END_NO_SERVER);
	assert_non_null(strstr(w.ended, "refused"));
	close_world(&w);
}

/* Freed in the middle of everything. */
static void test_freed_early(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false, false);
	close_world(&w);
	open_world(&w, false, false);
	run_until(&w, has_spoken);
	close_world(&w);
}

const struct CMUnitTest test_link[] = {
	cmocka_unit_test(test_reaches_the_server),
	cmocka_unit_test(test_server_goes),
	cmocka_unit_test(test_no_jitsi),
	cmocka_unit_test(test_refused_port),
	cmocka_unit_test(test_freed_early),
	{ 0 }
};
