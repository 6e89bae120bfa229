/* test_net.c - WebSockets between a client and a server of ours */
#include "fixture.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"

extern const struct CMUnitTest test_net[];

static void text_goes_both_ways(void **state)
{
	struct fixture *f = *state;

	open_at(f, "ws?room=a%2520b", "xmpp");
	wait_for(f, &f->opened);
	assert_int_equal(ws_send(f->client, "hällo", 6), 0);
	wait_bytes(f, &f->got, 6);
	assert_string_equal(buf_str(&f->got), "hällo");
	assert_string_equal(f->asked, "/ws?room=a%20b");
	assert_string_equal(ws_peer(f->peer), "127.0.0.1");
	assert_int_equal(ws_queued(f->client), 0);
	ws_close(f->client, 1000, "bye");
	ws_close(f->client, 1001, "again");
	assert_int_equal(ws_send(f->client, "x", 1), -EPIPE);
	wait_for(f, &f->peer_closed);
	wait_for(f, &f->closed);
	assert_int_equal(f->peer_code, 1000);
	assert_string_equal(f->peer_text, "bye");
	assert_int_equal(f->code, 1000);
	assert_int_equal(f->why, NET_CLOSED);
	assert_int_equal(ws_send(f->client, "x", 1), -EPIPE);
}

static void it_is_quick(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_now_us(), best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		start = clock_now_us();
		open_at(f, "ws", "xmpp");
		ws_send(f->client, "ping", 4);          /* before it is open, too */
		wait_bytes(f, &f->got, 4);
		if (clock_now_us() - start < best)
			best = clock_now_us() - start;
		buf_clear(&f->got);
		ws_free(&f->client);
	}
	print_message("connected, said and heard in %lld us\n", (long long)best);
	assert_true(best < 100000);     /* some 1 ms; a tick of a second would show */
}

static void a_megabyte_arrives_whole(void **state)
{
	struct fixture *f = *state;
	char *big = malloc(1000000);

	for (int i = 0; i < 1000000; i++)
		big[i] = (char)('a' + i % 26);
	open_at(f, "ws", NULL);
	wait_for(f, &f->opened);
	assert_int_equal(ws_send(f->client, big, 1000000), 0);
	wait_bytes(f, &f->got, 1000000);
	assert_memory_equal(f->got.p, big, 1000000);
	free(big);
}

static void what_is_sent_before_closing_arrives(void **state)
{
	struct fixture *f = *state;

	f->quiet = true;
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ws_send(f->client, "0123456789", 10), 0);
	ws_close(f->client, 1000, NULL);
	ws_free(&f->client);
	wait_for(f, &f->peer_closed);
	assert_int_equal(f->peer_got.len, 1000);
	assert_int_equal(f->peer_code, 1000);
}

static void the_server_may_close(void **state)
{
	struct fixture *f = *state;

	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	wait_for(f, &f->peer_opened);
	ws_send(f->peer, "last words", 10);
	ws_close(f->peer, 1001, "going away");
	wait_for(f, &f->closed);
	assert_string_equal(buf_str(&f->got), "last words");
	assert_int_equal(f->code, 1001);
	assert_string_equal(f->text, "going away");
}

static void who_is_let_go_is_cut_off(void **state)
{
	struct fixture *f = *state;

	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	wait_for(f, &f->peer_opened);
	ws_free(&f->client);
	wait_for(f, &f->peer_closed);
	assert_int_equal(f->peer_code, 1006);
}

static void too_long_a_message_closes(void **state)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ .max_ws_bytes = 1000 });
	char big[1001];

	(void)state;
	memset(big, 'x', sizeof(big));
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	ws_send(f->client, big, 1000);
	wait_bytes(f, &f->got, 1000);
	ws_send(f->client, big, 1001);
	wait_for(f, &f->closed);
	assert_int_equal(f->code, 1009);
	wait_for(f, &f->peer_closed);
	assert_int_equal(f->peer_got.len, 1000);
	fixture_free(f);
}

static void no_utf8_closes(void **state)
{
	struct fixture *f = *state;

	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	ws_send(f->client, "a\377", 2);
	wait_for(f, &f->closed);
	assert_int_equal(f->code, 1007);
	assert_int_equal(f->peer_got.len, 0);
}

static void a_flood_waits_in_its_own_memory(void **state)
{
	struct fixture *f = *state;
	static char kilo[1024];
	size_t sent = 0;
	bool stuck = false;

	memset(kilo, 'x', sizeof(kilo));
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	wait_for(f, &f->peer_opened);
	/* The peer's loop is this one, and does not run now: what it does not
	 * take fills first its post, then the sockets, then our queue. */
	while (!stuck && sent < (64 << 20)) {
		int err = ws_send(f->client, kilo, sizeof(kilo));

		if (!err) {
			sent += sizeof(kilo);
			continue;
		}
		assert_int_equal(err, -ENOBUFS);
		usleep(100000);
		stuck = ws_queued(f->client) > (4 << 20) - 2048;
	}
	assert_true(stuck);
	f->quiet = true;
	for (int i = 0; i < 20000 && ws_queued(f->client); i++)
		loop_iterate(f->loop, 1000);
	assert_int_equal(ws_queued(f->client), 0);
	assert_int_equal(ws_send(f->client, "end", 3), 0);
	while (f->peer_got.len < 3 || strcmp(f->peer_got.p + f->peer_got.len - 3, "end") != 0)
		loop_iterate(f->loop, 1000);
	assert_int_equal(f->peer_got.len - 3, sent);
}

static void a_refused_upgrade_tells_the_status(void **state)
{
	struct fixture *f = *state;

	open_at(f, "secret", NULL);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_HTTP);
	assert_int_equal(f->status, 403);
	assert_non_null(strstr(f->text, "403"));
	ws_free(&f->client);
	open_at(f, "nowhere", "xmpp");
	wait_for(f, &f->closed);
	assert_int_equal(f->status, 404);
	assert_int_equal(f->accepted, 0);
}

static void a_closed_port_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_url(f, "ws://127.0.0.1:1/ws", 5000000), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_REFUSED);
	assert_non_null(strstr(f->text, "127.0.0.1:1"));
	ws_free(&f->client);
	/* No socket can go there at all: told at once by the kernel. */
	assert_int_equal(open_url(f, "ws://255.255.255.255:9/ws", 5000000), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_REFUSED);
}

static void an_unknown_name_is_said(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_url(f, "ws://nowhere.invalid/ws", 20000000), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_NAME);
	assert_non_null(strstr(f->text, "nowhere.invalid"));
}

static void what_is_no_address_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	char url[4000] = "ws://127.0.0.1/";

	assert_int_equal(open_url(f, "nonsense", 0), -EINVAL);
	assert_int_equal(open_url(f, "ws://x/\r\nEvil: 1", 0), -EINVAL);
	memset(url + strlen(url), 'x', 3000);
	assert_int_equal(open_url(f, url, 0), -ENAMETOOLONG);
	assert_null(f->client);
}

static void localhost_works_at_either_address(void **state)
{
	struct fixture *f = *state;
	char url[100];

	snprintf(url, sizeof(url), "ws://room.LocalHost:%u/ws", net_server_port(f->server));
	assert_int_equal(open_url(f, url, 5000000), 0);
	wait_for(f, &f->opened);
}

static void ipv6_works(void **state)
{
	struct fixture *f;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	bool here = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a));
	char url[100];

	(void)state;
	close(fd);
	if (!here)
		skip();
	f = fixture_new(&(struct fixture_options){ .address = "::1" });
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	wait_for(f, &f->peer_opened);
	assert_string_equal(ws_peer(f->peer), "::1");
	ws_free(&f->client);
	/* IPv4 first finds nobody, and the next address is tried. */
	snprintf(url, sizeof(url), "ws://localhost:%u/ws", net_server_port(f->server));
	assert_int_equal(open_url(f, url, 5000000), 0);
	wait_for(f, &f->opened);
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->status, 200);
	fixture_free(f);
	/* Both kinds on one socket: an IPv4 peer looks like one. */
	f = fixture_new(&(struct fixture_options){ .address = "::" });
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", net_server_port(f->server));
	assert_int_equal(open_url(f, url, 5000000), 0);
	wait_for(f, &f->peer_opened);
	assert_string_equal(ws_peer(f->peer), "127.0.0.1");
	fixture_free(f);
}

static void a_second_server_on_the_port_is_refused(void **state)
{
	struct fixture *f = *state;
	struct net_server_params p = { .address = "127.0.0.1", .port = net_server_port(f->server) };
	struct net_server *s;

	assert_int_equal(net_listen(&s, f->net, &p, &server_handlers, f), -EADDRINUSE);
	p.address = "example.org";
	assert_int_equal(net_listen(&s, f->net, &p, &server_handlers, f), -EINVAL);
	p.address = "192.0.2.1";
	assert_int_equal(net_listen(&s, f->net, &p, &server_handlers, f), -EADDRNOTAVAIL);
}

/* A hanging server: connected by the kernel, never answered. */
static void silence_ends_in_time(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	int fd = raw_listen(&port);
	char url[64];

	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", port);
	assert_int_equal(open_url(f, url, 300000), 0);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_TIMEOUT);
	ws_free(&f->client);
	/* Whoever does not want to wait gets an end, too. */
	assert_int_equal(open_url(f, url, 5000000), 0);
	run_for(f, 50);
	ws_close(f->client, 1000, NULL);
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_CLOSED);
	ws_free(&f->client);
	assert_int_equal(open_url(f, url, 5000000), 0);
	ws_close(f->client, 1000, NULL);        /* before the name is looked up */
	wait_for(f, &f->closed);
	ws_free(&f->client);
	assert_int_equal(open_url(f, url, 5000000), 0);
	run_for(f, 50);
	ws_free(&f->client);
	run_for(f, 50);
	close(fd);
}

/* Takes one connection, reads a request, answers, and says more. */
static void play_server(struct fixture *f, const char *answer, size_t len)
{
	uint16_t port;
	int fd = raw_listen(&port), c = -1, on = 0;
	char url[64], request[2048];

	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", port);
	assert_int_equal(open_url(f, url, 3000000), 0);
	for (int i = 0; i < 3000 && !f->closed; i++) {
		struct pollfd p = { .fd = c < 0 ? fd : c, .events = POLLIN };

		loop_iterate(f->loop, 1000);
		if (on == 2 || poll(&p, 1, 0) != 1)
			continue;
		if (c < 0) {
			c = accept(fd, NULL, NULL);
		} else if (recv(c, request, sizeof(request), 0) > 0) {
			send(c, answer, len, MSG_NOSIGNAL);
			shutdown(c, SHUT_WR);
			on = 2;
		}
	}
	close(c);
	close(fd);
	assert_true(f->closed);
	assert_false(f->opened);
	ws_free(&f->client);
}

static void other_servers_are_named_as_such(void **state)
{
	static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	static const char moved[] = "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/x\r\n"
		"Content-Length: 0\r\n\r\n";
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
	static const char wrong[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
	struct fixture *f = *state;

	play_server(f, page, strlen(page));
	assert_int_equal(f->why, NET_HTTP);
	assert_int_equal(f->status, 200);
	play_server(f, moved, strlen(moved));   /* is not followed: it could lead out of TLS */
	assert_int_equal(f->why, NET_HTTP);
	assert_int_equal(f->status, 302);
	play_server(f, ssh, strlen(ssh));
	assert_true(f->why == NET_HTTP || f->why == NET_FAILED);
	play_server(f, wrong, strlen(wrong));
	assert_int_equal(f->why, NET_HTTP);
	play_server(f, "", 0);
	assert_int_equal(f->why, NET_FAILED);
}

static void the_limit_per_address_holds(void **state)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ .max_per_address = 3 });
	int fd[3];
	char c;

	(void)state;
	for (int i = 0; i < 3; i++)
		fd[i] = raw_connect(f);
	run_for(f, 100);
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->closed);        /* the fourth */
	assert_false(f->opened);
	ws_free(&f->client);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recv(fd[i], &c, 1, MSG_DONTWAIT), -1);
		close(fd[i]);
	}
	run_for(f, 100);
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);        /* places are free again */
	fixture_free(f);
}

static void two_hundred_at_once(void **state)
{
	struct fixture *f = *state;
	struct ws *w[200];
	char url[100];
	struct ws_params p = { .url = url, .subprotocol = "xmpp", .timeout_us = 9000000 };
	static const struct ws_handlers none;
	int64_t end = clock_now_us() + 10000000;

	snprintf(url, sizeof(url), "ws%sws", f->url + 4);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(ws_open(&w[i], f->net, &p, &none, NULL), 0);
		loop_iterate(f->loop, 0);
	}
	while (f->accepted < 200 && clock_now_us() < end)
		loop_iterate(f->loop, 20000);
	assert_int_equal(f->accepted, 200);
	for (int i = 0; i < 200; i++)
		ws_free(&w[i]);
}

/* Answers the handshake and then is dead to pings. */
static void a_dead_peer_is_closed(void **state)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ .ping_s = 1 });
	static const char hello[] = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n";
	int fd = raw_connect(f);
	int64_t start;

	(void)state;
	send(fd, hello, strlen(hello), MSG_NOSIGNAL);
	wait_for(f, &f->peer_opened);
	start = clock_now_us();
	wait_for(f, &f->peer_closed);
	assert_in_range(clock_now_us() - start, 1000000, 4000000);
	assert_int_equal(f->peer_code, 1006);
	close(fd);
	f->peer_closed = false;
	open_at(f, "ws", "xmpp");       /* one that answers stays */
	wait_for(f, &f->opened);
	run_for(f, 3500);
	assert_false(f->peer_closed);
	assert_false(f->closed);
	fixture_free(f);
}

static void close_in_handler(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct fixture *f = ctx;

	(void)w;
	(void)text;
	(void)len;
	net_server_free(&f->server);
	ws_free(&f->peer);
	ws_free(&f->client);
	http_free(&f->http);
	net_free(&f->net);
	f->closed = true;
}

/* A call that ends is torn down from within a handler. */
static void everything_may_go_in_a_handler(void **state)
{
	static const struct ws_handlers last = { NULL, close_in_handler, NULL };
	struct fixture *f = *state;

	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	ws_set_handlers(f->client, &last, f);
	for (int i = 0; i < 10; i++)
		ws_send(f->client, "x", 1);
	wait_for(f, &f->closed);
	run_for(f, 10);
}

static void leaving_is_quick(void **state)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	int64_t start;

	(void)state;
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	start = clock_now_us();
	fixture_free(f);
	assert_true(clock_now_us() - start < 500000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
const struct CMUnitTest test_net[] = {
	T(text_goes_both_ways), T(it_is_quick), T(a_megabyte_arrives_whole),
	T(what_is_sent_before_closing_arrives), T(the_server_may_close),
	T(who_is_let_go_is_cut_off), cmocka_unit_test(too_long_a_message_closes),
	T(no_utf8_closes), T(a_flood_waits_in_its_own_memory),
	T(a_refused_upgrade_tells_the_status), T(a_closed_port_is_refused),
	T(an_unknown_name_is_said), T(what_is_no_address_is_refused_at_once),
	T(localhost_works_at_either_address), cmocka_unit_test(ipv6_works),
	T(a_second_server_on_the_port_is_refused), T(silence_ends_in_time),
	T(other_servers_are_named_as_such), cmocka_unit_test(the_limit_per_address_holds),
	T(two_hundred_at_once), cmocka_unit_test(a_dead_peer_is_closed),
	T(everything_may_go_in_a_handler), cmocka_unit_test(leaving_is_quick),
	{ 0 }
};
