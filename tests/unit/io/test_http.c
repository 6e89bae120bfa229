/* test_http.c - requests by our client, and by odd ones, to our server */
#include "fixture.h"
#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"

extern const struct CMUnitTest test_http[];

static void requests_are_answered(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "config.js?room=x&y=a%26b", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(buf_str(&f->body), "GET /config.js room=x&y=a&b ");
	assert_string_equal(f->type, "text/plain");
	assert_string_equal(f->text, "");
	ask(f, "POST", "conference", "{\"room\":1}");
	assert_string_equal(buf_str(&f->body), "POST /conference  {\"room\":1}");
	ask(f, "POST", "empty", "");
	assert_string_equal(buf_str(&f->body), "POST /empty  ");
	ask(f, "PUT", "put", "body");
	assert_string_equal(buf_str(&f->body), "PUT /put  body");
	ask(f, "OPTIONS", "conference", NULL);
	assert_string_equal(buf_str(&f->body), "OPTIONS /conference  ");
	ask(f, "HEAD", "config.js", NULL);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->body.len, 0);
	ask(f, "GET", "big", NULL);
	assert_int_equal(f->body.len, 500000);
	ask(f, "GET", "a%20b/%C3%BC", NULL);
	assert_string_equal(buf_str(&f->body), "GET /a b/ü  ");
}

static void redirects_are_followed_within_reason(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "away", NULL);
	assert_string_equal(buf_str(&f->body), "GET /here  ");
	assert_non_null(strstr(f->last, "/here"));
	ask(f, "POST", "away", "keep me");
	assert_string_equal(buf_str(&f->body), "POST /here  keep me");
	ask(f, "GET", "round", NULL);
	assert_int_equal(f->why, NET_HTTP);
	assert_true(*f->text);
	ask(f, "GET", "to?file%3A%2F%2F%2Fetc%2Fpasswd", NULL);
	assert_int_equal(f->why, NET_HTTP);
	ask(f, "GET", "to?ftp%3A%2F%2F127.0.0.1%2Fx", NULL);
	assert_int_equal(f->why, NET_HTTP);
}

static void a_header_is_handed_out(void **state)
{
	struct fixture *f = *state;

	ask_header(f, "here", "x-jitsi-shard");
	assert_int_equal(f->status, 200);
	assert_string_equal(f->header, "s1");
	ask_header(f, "here", "x-jitsi");               /* a whole name */
	assert_string_equal(f->header, "");
	ask(f, "GET", "here", NULL);
	assert_string_equal(f->header, "");
	ask_header(f, "away", "location");              /* and not followed */
	assert_int_equal(f->status, 302);
	assert_non_null(strstr(f->header, "/here"));
	ask_header(f, "http://127.0.0.1:1/", "x");
	assert_int_equal(f->why, NET_REFUSED);
	assert_string_equal(f->header, "");
}

static void failures_have_a_kind_and_words(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "http://127.0.0.1:1/", NULL);
	assert_int_equal(f->why, NET_REFUSED);
	assert_true(*f->text);
	ask(f, "GET", "http://no..name/", NULL);        /* asks no name service */
	assert_int_equal(f->why, NET_NAME);
	assert_non_null(strstr(f->text, "no..name"));
	ask(f, "GET", "file:///etc/passwd", NULL);
	assert_int_equal(f->why, NET_HTTP);
}

static void note(void *ctx, const struct http_answer *a)
{
	struct fixture *f = ctx;

	f->answered = true;
	f->why = a->error;
	snprintf(f->text, sizeof(f->text), "%s", a->text);
}

static struct http_call *start(struct fixture *f, const char *path, int64_t timeout_us, size_t max)
{
	char url[300];
	struct http_params p = { .method = "GET", .url = url, .timeout_us = timeout_us, .max_bytes = max };
	struct http_call *c;

	snprintf(url, sizeof(url), "%s%s", f->url, path);
	f->answered = false;
	assert_int_equal(http_start(&c, f->http, &p, note, f), 0);
	return c;
}

static void silence_ends_in_time(void **state)
{
	struct fixture *f = *state;
	int64_t begin = clock_now_us();

	start(f, "late", 300000, 0);
	wait_for(f, &f->answered);
	assert_int_equal(f->why, NET_TIMEOUT);
	assert_in_range(clock_now_us() - begin, 290000, 2000000);
	assert_non_null(f->late);       /* is answered after the client has gone */
	http_reply_send(f->late, 200, "text/plain", NULL, "x", 1);
	f->late = NULL;
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->status, 200);
}

static void a_late_answer_comes(void **state)
{
	struct fixture *f = *state;

	start(f, "late", 5000000, 0);
	run_for(f, 200);
	assert_non_null(f->late);
	http_reply_send(f->late, 200, "text/plain", NULL, "x", 1);
	f->late = NULL;
	wait_for(f, &f->answered);
	assert_int_equal(f->why, NET_OK);
}

static void too_long_an_answer_is_refused(void **state)
{
	struct fixture *f = *state;

	start(f, "big", 5000000, 1000);
	wait_for(f, &f->answered);
	assert_int_equal(f->why, NET_FAILED);
	assert_non_null(strstr(f->text, "too long"));
}

static void a_cancelled_call_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct http_call *c = start(f, "late", 5000000, 0);

	run_for(f, 50);
	http_cancel(&c);
	assert_null(c);
	http_cancel(&c);
	c = start(f, "x", 5000000, 0);
	http_cancel(&c);
	run_for(f, 200);
	assert_false(f->answered);
	start(f, "late", 5000000, 0);   /* is under way when everything goes */
	run_for(f, 50);
}

static void done_frees(void *ctx, const struct http_answer *a)
{
	struct fixture *f = ctx;

	(void)a;
	f->answered = true;
	http_free(&f->http);
}

static void the_client_may_go_in_its_handler(void **state)
{
	struct fixture *f = *state;
	struct http_params p = { .method = "GET", .url = f->url, .timeout_us = 5000000 };
	struct http_call *c;

	for (int i = 0; i < 5; i++)
		assert_int_equal(http_start(&c, f->http, &p, done_frees, f), 0);
	usleep(100000);         /* several wait in one post */
	wait_for(f, &f->answered);
	run_for(f, 10);
}

static void odd_clients_get_an_answer(void **state)
{
	static const struct { const char *send, *hear; } talks[] = {
		{ "GET /x HTTP/1.0\r\n\r\n", "GET /x" },
		{ "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		  "Access-Control-Allow-Origin: *" },
		{ "POST /x HTTP/1.1\r\nHost: h\r\n\r\n", " 411 " },
		{ "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", " 411 " },
		{ "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", " 413 " },
		{ "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", " 400 " },
		{ "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
		  "POST /x  body" },
		{ "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
		  "GET /x  body" },
		{ "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
		  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", " 400 " },
		{ "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: foo/2\r\nConnection: Upgrade\r\n\r\n", " 403 " },
		{ "POST /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", " 405 " },
		{ "GET /a/../x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /x" },
#if LWS_LIBRARY_VERSION_NUMBER < 4002000
		/* The second comes while the first is still answered.  Later
		 * versions lose it, and no client of ours or theirs does this. */
		{ "GET /one HTTP/1.1\r\nHost: h\r\n\r\nGET /two HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		  "GET /two" },
		{ "POST /one HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiGET /two HTTP/1.1\r\nHost: h\r\n"
		  "Connection: close\r\n\r\n", "GET /two" },
#endif
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		char *s = raw_talk(f, talks[i].send);

		if (!strstr(s, talks[i].hear))
			fail_msg("to %s\ncame %s\nwithout %s", talks[i].send, s, talks[i].hear);
		free(s);
	}
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->status, 200);
}

/* CPU time of this process in ms while the loop runs for `ms`. */
static long cpu_for(struct fixture *f, int ms)
{
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	run_for(f, ms);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (long)(b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

/* While an answer is awaited a client may send more, or go: no spinning. */
static void who_waits_costs_nothing(void **state)
{
	static const char *const requests[] = {
		"GET /late HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
	};
	struct fixture *f = *state;
	struct linger reset = { 1, 0 };

	for (int i = 0; i < 8; i++) {
		int fd = raw_connect(f);

		assert_true(send(fd, requests[i & 1], strlen(requests[i & 1]), MSG_NOSIGNAL) > 0);
		for (int tries = 0; !f->late && tries < 200; tries++)
			loop_iterate(f->loop, 10000);
		assert_non_null(f->late);
		send(fd, "GET /next HTTP/1.1\r\n", 20, MSG_NOSIGNAL);
		if (i / 2 == 1)
			shutdown(fd, SHUT_WR);
		if (i / 2 == 2)
			shutdown(fd, SHUT_RDWR);
		if (i / 2 == 3) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			close(fd);
		}
		assert_in_range(cpu_for(f, 200), 0, 60);
		http_reply_send(f->late, 200, "text/plain", NULL, "x", 1);
		f->late = NULL;
		run_for(f, 20);
		if (i / 2 < 3)
			close(fd);
	}
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->status, 200);
}

/* Asks for much, reads nothing, and sends more. */
static void who_does_not_read_costs_little(void **state)
{
	static const char request[] = "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /big";
	struct fixture *f = *state;
	int small = 4096, fd[20];

	for (int i = 0; i < 20; i++) {
		fd[i] = raw_connect(f);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		assert_true(send(fd[i], request, strlen(request), MSG_NOSIGNAL) > 0);
	}
	run_for(f, 200);
	assert_in_range(cpu_for(f, 300), 0, 60);
	for (int i = 0; i < 20; i++)
		close(fd[i]);
}

/* What a browser and a strange XMPP client send, and what they get. */
static void the_subprotocol_is_echoed_if_asked_for(void **state)
{
	static const char plain[] = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
		"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
	struct fixture *f = *state;
	char ask_for[1000], *s;

	snprintf(ask_for, sizeof(ask_for), "%sSec-WebSocket-Protocol: chat, xmpp\r\n\r\n", plain);
	s = raw_talk(f, ask_for);
	assert_non_null(strstr(s, "HTTP/1.1 101 "));
	assert_non_null(strstr(s, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	assert_non_null(strstr(s, "Sec-WebSocket-Protocol: xmpp\r\n"));
	assert_null(strstr(s, "permessage"));
	free(s);
	snprintf(ask_for, sizeof(ask_for), "%s\r\n", plain);
	s = raw_talk(f, ask_for);
	assert_non_null(strstr(s, "HTTP/1.1 101 "));
	assert_null(strcasestr(s, "Sec-WebSocket-Protocol"));
	free(s);
	snprintf(ask_for, sizeof(ask_for), "%sSec-WebSocket-Protocol: chat\r\n\r\n", plain);
	s = raw_talk(f, ask_for);
	assert_non_null(strstr(s, " 400 "));
	free(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
const struct CMUnitTest test_http[] = {
	T(requests_are_answered), T(redirects_are_followed_within_reason),
 T(a_header_is_handed_out),
	T(failures_have_a_kind_and_words), T(silence_ends_in_time), T(a_late_answer_comes),
	T(too_long_an_answer_is_refused), T(a_cancelled_call_says_nothing),
	T(the_client_may_go_in_its_handler), T(who_waits_costs_nothing),
	T(who_does_not_read_costs_little), T(odd_clients_get_an_answer),
	T(the_subprotocol_is_echoed_if_asked_for),
	{ 0 }
};
