/* test_host.c - the whole host on loopback: sockets, TLS, and its end */
#include "host/host.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/http.h"
#include "unit/unit.h"
#include "xmpp/ns.h"

#define LIMIT_US 20000000

struct peer {
	struct ws *ws;
	struct buf got;         /* all texts, a line each */
	bool open, closed;
	int code, status;
};

struct site {
	struct loop *loop;
	struct net *net;
	struct host *host;
	bool answered;
	int status;
	struct buf body;
};

static struct site *site_new(const char *address)
{
	struct host_config cfg = { .address = address, .media_address = "127.0.0.1", .domain = "meet.test" };
	struct net_config net = { .user_agent = "test", .insecure = true };
	struct site *s = calloc(1, sizeof(*s));
	char *why = NULL;

	log_set_level(LOGL_ERROR);
	assert_int_equal(loop_new(&s->loop, "test"), 0);
	assert_int_equal(net_new(&s->net, s->loop, &net), 0);
	if (host_new(&s->host, s->loop, s->net, &cfg, &why))
		fail_msg("%s", why);
	return s;
}

static void site_free(struct site *s)
{
	host_free(&s->host);
	net_free(&s->net);
	loop_free(&s->loop);
	buf_free(&s->body);
	free(s);
}

static void wait_for(struct site *s, const bool *what)
{
	int64_t until = clock_now_us() + LIMIT_US;

	while (!*what && clock_now_us() < until)
		loop_iterate(s->loop, 50000);
	assert_true(*what);
}

/* ---- HTTP ---- */

static void on_done(void *ctx, const struct http_answer *a)
{
	struct site *s = ctx;

	s->answered = true;
	s->status = a->status;
	buf_add(&s->body, a->body, a->len);
}

static void fetch(struct site *s, const char *method, const char *path, const char *body)
{
	struct net_config cfg = { .user_agent = "test", .insecure = true };
	struct buf url = { 0 };
	struct http_params p = { .method = method, .body = body, .content_type = body ? "application/json" : NULL,
				 .max_bytes = 100000, .timeout_us = LIMIT_US };
	struct http_call *call;
	struct http *h;

	buf_addf(&url, "%s%s", host_url(s->host), path);
	p.url = buf_str(&url);
	buf_clear(&s->body);
	s->answered = false;
	s->status = 0;
	assert_int_equal(http_new(&h, s->loop, &cfg), 0);
	assert_int_equal(http_start(&call, h, &p, on_done, s), 0);
	wait_for(s, &s->answered);
	http_free(&h);
	buf_free(&url);
}

/* ---- WebSockets ---- */

static void on_opened(void *ctx, struct ws *w)
{
	(void)w;
	((struct peer *)ctx)->open = true;
}

static void on_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct peer *p = ctx;

	(void)w;
	buf_add(&p->got, text, len);
	buf_addc(&p->got, '\n');
}

static void on_closed(void *ctx, struct ws *w, enum net_error why, int code, int status, const char *text)
{
	struct peer *p = ctx;

	(void)w;
	(void)why;
	(void)text;
	p->closed = true;
	p->code = code;
	p->status = status;
}

static const struct ws_handlers handlers = { on_opened, on_text, on_closed };

static void dial(struct site *s, struct peer *p, const char *url, const char *subprotocol)
{
	struct ws_params wp = { .url = url, .subprotocol = subprotocol, .max_bytes = 1 << 20,
				.timeout_us = LIMIT_US };

	memset(p, 0, sizeof(*p));
	assert_int_equal(ws_open(&p->ws, s->net, &wp, &handlers, p), 0);
}

/* host_url() with another scheme and a path. */
static void dial_path(struct site *s, struct peer *p, const char *path, const char *subprotocol)
{
	struct buf url = { 0 };

	buf_addf(&url, "ws%s%s", host_url(s->host) + strlen("http"), path);
	dial(s, p, buf_str(&url), subprotocol);
	buf_free(&url);
}

static void peer_end(struct peer *p)
{
	ws_free(&p->ws);
	buf_free(&p->got);
}

static void expect(struct site *s, struct peer *p, const char *word)
{
	int64_t until = clock_now_us() + LIMIT_US;

	while (!strstr(buf_str(&p->got), word) && !p->closed && clock_now_us() < until)
		loop_iterate(s->loop, 50000);
	if (!strstr(buf_str(&p->got), word))
		fail_msg("no %s in %s", word, buf_str(&p->got));
}

static void tell(struct peer *p, const char *text)
{
	assert_int_equal(ws_send(p->ws, text, strlen(text)), 0);
}

static void login_and_join(struct site *s, struct peer *p, const char *nick)
{
	struct buf b = { 0 };

	dial_path(s, p, "xmpp-websocket?room=standup", "xmpp");
	wait_for(s, &p->open);
	tell(p, "<open xmlns='" NS_FRAMING "' to='meet.test' version='1.0'/>");
	expect(s, p, "ANONYMOUS");
	tell(p, "<auth xmlns='" NS_SASL "' mechanism='ANONYMOUS'/>");
	expect(s, p, "<success");
	tell(p, "<open xmlns='" NS_FRAMING "' to='meet.test' version='1.0'/>");
	tell(p, "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='" NS_BIND "'/></iq>");
	expect(s, p, "<jid>");
	buf_addf(&b, "<presence xmlns='jabber:client' to='standup@conference.meet.test/%s'><x xmlns='" NS_MUC "'/></presence>", nick);
	tell(p, buf_str(&b));
	buf_free(&b);
	expect(s, p, "code=\"110\"");
}

/* ---- tests ---- */

static void a_whole_visit(void **state)
{
	struct site *s = site_new("127.0.0.1");
	struct peer a, b, ch;
	char *url, *end;

	(void)state;
	assert_true(!strncmp(host_url(s->host), "http://127.0.0.1:", 17));
	assert_true(host_media_port(s->host) > 0);
	fetch(s, "GET", "config.js", NULL);
	assert_int_equal(s->status, 200);
	assert_non_null(strstr(buf_str(&s->body), "ws://127.0.0.1:"));
	fetch(s, "POST", "conference-request/v1?room=standup", "{\"room\":\"standup@conference.meet.test\"}");
	assert_int_equal(s->status, 200);
	login_and_join(s, &a, "5b0c9e17");
	login_and_join(s, &b, "77aa01c9");
	expect(s, &a, "session-initiate");      /* after 2 s: it does not say what it can */
	url = strdup(strstr(buf_str(&a.got), "url=\"ws://127.0.0.1:") + 5);
	end = strchr(url, '"');
	*end = 0;
	dial(s, &ch, url, NULL);
	wait_for(s, &ch.open);
	tell(&ch, "{\"colibriClass\":\"ClientHello\"}");
	expect(s, &ch, "ServerHello");
	/* The socket of the one dies: the other hears it, and the channel goes. */
	ws_free(&a.ws);
	expect(s, &b, "unavailable");
	wait_for(s, &ch.closed);
	assert_int_equal(ch.code, 1001);
	fetch(s, "GET", "stats", NULL);
	assert_non_null(strstr(buf_str(&s->body), "\"participants\":1"));
	free(url);
	peer_end(&a);
	peer_end(&b);
	peer_end(&ch);
	site_free(s);
}

static void odd_upgrades_are_refused(void **state)
{
	struct site *s = site_new("127.0.0.1");
	struct peer p;

	(void)state;
	dial_path(s, &p, "elsewhere", "xmpp");
	wait_for(s, &p.closed);
	assert_int_equal(p.status, 404);
	peer_end(&p);
	dial_path(s, &p, "colibri-ws/default-id/0123456789abcdef/5b0c9e17?pwd=x", NULL);
	wait_for(s, &p.closed);
	assert_int_equal(p.status, 403);
	peer_end(&p);
	site_free(s);
}

static void the_end_is_told(void **state)
{
	struct site *s = site_new("127.0.0.1");
	int64_t began;
	struct peer a;

	(void)state;
	fetch(s, "POST", "conference-request/v1", "{\"room\":\"standup@conference.meet.test\"}");
	login_and_join(s, &a, "5b0c9e17");
	began = clock_now_us();
	host_free(&s->host);
	assert_true(clock_now_us() - began < 2000000);
	wait_for(s, &a.closed);
	assert_non_null(strstr(buf_str(&a.got), "<status code=\"332\"/>"));
	assert_non_null(strstr(buf_str(&a.got), "<system-shutdown"));
	assert_non_null(strstr(buf_str(&a.got), "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />"));
	assert_int_equal(a.code, 1001);
	peer_end(&a);
	site_free(s);
}

static void outside_loopback_it_speaks_tls(void **state)
{
	struct site *s = site_new("0.0.0.0");
	struct peer a;

	(void)state;
	assert_true(!strncmp(host_url(s->host), "https://", 8));
	fetch(s, "GET", "config.js", NULL);
	assert_int_equal(s->status, 200);
	assert_non_null(strstr(buf_str(&s->body), "wss://"));
	fetch(s, "POST", "conference-request/v1", "{\"room\":\"standup@conference.meet.test\"}");
	login_and_join(s, &a, "5b0c9e17");
	peer_end(&a);
	site_free(s);
}

static void what_it_cannot_start_it_says(void **state)
{
	struct site *s = site_new("127.0.0.1");
	struct host_config cfg = { .address = "127.0.0.1", .media_address = "127.0.0.1" };
	struct host *h;
	unsigned port;
	char *why;

	(void)state;
	assert_int_equal(sscanf(host_url(s->host), "http://127.0.0.1:%u/", &port), 1);
	cfg.port = (uint16_t)port;
	assert_int_equal(host_new(&h, s->loop, s->net, &cfg, &why), -EADDRINUSE);
	assert_non_null(strstr(why, "cannot listen at 127.0.0.1:"));
	free(why);
	cfg.port = 0;
	cfg.domain = "Not A Domain";
	assert_true(host_new(&h, s->loop, s->net, &cfg, &why) < 0);
	assert_non_null(strstr(why, "Not A Domain"));
	free(why);
	cfg.domain = NULL;
	cfg.cert_file = cfg.key_file = "/nonexistent";
	assert_true(host_new(&h, s->loop, s->net, &cfg, &why) < 0);
	free(why);
	cfg.cert_file = cfg.key_file = NULL;
	cfg.media_port = host_media_port(s->host);
	assert_true(host_new(&h, s->loop, s->net, &cfg, &why) < 0);
	assert_non_null(strstr(why, "media port"));
	free(why);
	cfg.media_port = 0;
	cfg.address = "no address";
	assert_true(host_new(&h, s->loop, s->net, &cfg, &why) < 0);
	free(why);
	site_free(s);
}

const struct CMUnitTest test_host[] = {
	cmocka_unit_test(a_whole_visit),
	cmocka_unit_test(odd_upgrades_are_refused),
	cmocka_unit_test(the_end_is_told),
	cmocka_unit_test(outside_loopback_it_speaks_tls),
	cmocka_unit_test(what_it_cannot_start_it_says),
	{ 0 }
};
