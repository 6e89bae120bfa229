/* link.c - wires a call to real HTTP, WebSockets and timers
 *
 * What cannot even be started is answered like any other failure, but from
 * the timer: the core asks from within its inputs and expects no answer there.
 */
#include "call/link.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/netwatch.h"

enum {
	HTTP_CALLS = 4, CONFIG_MAX = 1 << 20, KEEPALIVE_MAX = 64 << 10, XMPP_MAX = 1 << 20, CHANNEL_MAX = 256 << 10,
	/* A bridge's proxy closes what was quiet for 60 s. */
	PING_S = 20,
	/* What the line adds to a message: IPv4 and TCP with timestamps, a TLS
	 * record, the WebSocket's header; and an answer of TCP alone. */
	MESSAGE_BYTES = 52 + 29 + 8, ACK_BYTES = 52
};

struct http_slot { struct call_link *link; unsigned tag; struct http_call *call; bool failed; };

struct call_link {
	struct loop *loop;
	struct net *net;
	struct http *http;
	struct call *call;
	struct loop_timer *timer;
	struct ws *stream, *channel;
	bool stream_failed, channel_failed;     /* could not be started */
	struct http_slot slot[HTTP_CALLS];
	struct http_call *keepalive;
	struct call_link_media media;
	struct netwatch *network;
	uint64_t line_out;
	void (*trace)(void *ctx, const char *dir, const char *ch, const char *data, size_t len);
	void *ctx;
	void (*event)(void *ctx, const struct call_event *ev);
};

static void trace(struct call_link *l, const char *dir, const char *ch, const char *data,
		  size_t len)
{
	l->line_out += *dir == 'o' ? len + MESSAGE_BYTES : ACK_BYTES;
	if (l->trace)
		l->trace(l->ctx, dir, ch, data, len);
}

void call_link_kick(struct call_link *l)
{
	loop_timer_set(l->timer, clock_now_us());
}

static void tell_failures(struct call_link *l, int64_t now_us)
{
	static const struct call_http_answer none = { .error = "the request could not be started" };

	for (int i = 0; i < HTTP_CALLS; i++)
		if (l->slot[i].failed) {
			l->slot[i].failed = false;
			call_http_input(l->call, l->slot[i].tag, &none, now_us);
		}
	if (l->stream_failed) {
		l->stream_failed = false;
		call_stream_closed(l->call, NET_FAILED, 0, "the address cannot be used", now_us);
	}
	if (l->channel_failed) {
		l->channel_failed = false;
		call_channel_closed(l->call, 1006, 0, now_us);
	}
}

static void on_timer(void *ctx, int64_t now_us)
{
	struct call_link *l = ctx;

	tell_failures(l, now_us);
	if (l->stream && ws_acked_us(l->stream))
		call_stream_acked(l->call, ws_acked_us(l->stream));
	loop_timer_set(l->timer, call_tick(l->call, now_us));
}

/* ---- HTTP ---- */

static void on_http(void *ctx, const struct http_answer *h)
{
	struct http_slot *s = ctx;
	struct call_link *l = s->link;
	unsigned tag = s->tag;
	struct call_http_answer a = {
		.status = h->error == NET_OK ? h->status : 0, .body = h->body, .len = h->len,
		.url = h->url, .error = h->text, .tls = h->error == NET_TLS,
		.name_error = h->error == NET_NAME, .refused = h->error == NET_REFUSED,
	};
	struct buf b = { 0 };

	s->call = NULL;
	buf_addf(&b, "%d %s\n", a.status, h->url ? h->url : "");
	buf_add(&b, a.status ? h->body : h->text, a.status ? h->len : strlen(h->text));
	trace(l, "in", "http", buf_str(&b), b.len);
	buf_free(&b);
	call_http_input(l->call, tag, &a, clock_now_us());
	call_link_kick(l);
}

static void op_http(void *ctx, unsigned tag, const char *method, const char *url, const char *body,
		    const char *bearer)
{
	struct call_link *l = ctx;
	struct http_params p = {
		.method = method, .url = url, .body = body, .content_type = "application/json",
		.authorization = bearer, .max_bytes = CONFIG_MAX, .timeout_us = 15000000,
	};
	struct http_slot *s = &l->slot[tag % HTTP_CALLS];
	struct buf b = { 0 };

	http_cancel(&s->call);
	s->link = l;
	s->tag = tag;
	buf_addf(&b, "%s %s%s%s", method, url, body ? "\n" : "", body ? body : "");
	trace(l, "out", "http", buf_str(&b), b.len);
	buf_free(&b);
	s->failed = http_start(&s->call, l->http, &p, on_http, s) != 0;
	if (s->failed)
		call_link_kick(l);
}

static void on_keepalive(void *ctx, const struct http_answer *h)
{
	struct call_link *l = ctx;
	int status = h->error == NET_OK ? h->status : 0;
	struct buf b = { 0 };

	l->keepalive = NULL;
	buf_addf(&b, "%d %s\n%s", status, h->url ? h->url : "", status ? h->header : h->text);
	trace(l, "in", "http", buf_str(&b), b.len);
	buf_free(&b);
	call_keepalive_input(l->call, status, h->header, clock_now_us());
	call_link_kick(l);
}

/* One that cannot be started is none; the next login looks again. */
static void op_keepalive(void *ctx, const char *url)
{
	struct call_link *l = ctx;
	struct http_params p = {
		.method = "GET", .url = url, .header = "x-jitsi-shard", .no_redirects = true,
		.max_bytes = KEEPALIVE_MAX, .timeout_us = 15000000,
	};
	struct buf b = { 0 };

	http_cancel(&l->keepalive);
	buf_addf(&b, "GET %s", url);
	trace(l, "out", "http", buf_str(&b), b.len);
	buf_free(&b);
	if (http_start(&l->keepalive, l->http, &p, on_keepalive, l))
		log_warn("call", "the keep-alive could not be started");
}

/* ---- the XMPP stream ---- */

static void stream_opened(void *ctx, struct ws *w)
{
	struct call_link *l = ctx;

	(void)w;
	call_stream_opened(l->call, clock_now_us());
	call_link_kick(l);
}

static void stream_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct call_link *l = ctx;

	(void)w;
	trace(l, "in", "xmpp", text, len);
	call_stream_input(l->call, text, len, clock_now_us());
	call_link_kick(l);
}

static void stream_closed(void *ctx, struct ws *w, enum net_error why, int code, int status,
			  const char *text)
{
	struct call_link *l = ctx;
	char *moved = NULL;

	(void)code;
	if (w != l->stream)
		return;
	trace(l, why == NET_CLOSED ? "close" : "error", "xmpp", text, strlen(text));
	if (*ws_location(w)) {
		moved = strdup(ws_location(w));
		if (!moved)
			abort();
	}
	ws_free(&l->stream);
	if (moved)
		call_stream_moved(l->call, moved, status, text, clock_now_us());
	else
		call_stream_closed(l->call, why, status, text, clock_now_us());
	free(moved);
	call_link_kick(l);
}

static void op_stream_open(void *ctx, const char *url, const char *origin)
{
	static const struct ws_handlers h = { stream_opened, stream_text, stream_closed };
	struct call_link *l = ctx;
	struct ws_params p = { .url = url, .subprotocol = "xmpp", .origin = origin, .ping_s = 0,
		.max_bytes = XMPP_MAX, .timeout_us = 20000000 };

	trace(l, "open", "xmpp", url, strlen(url));
	ws_free(&l->stream);
	l->stream_failed = ws_open(&l->stream, l->net, &p, &h, l) != 0;
	if (l->stream_failed)
		call_link_kick(l);
}

static void op_stream_send(void *ctx, const char *text, size_t len)
{
	struct call_link *l = ctx;

	trace(l, "out", "xmpp", text, len);
	/* Full or closed: the pings find out, and the core comes back. */
	if (l->stream && ws_send(l->stream, text, len))
		log_warn("call", "a message to the server was not sent");
}

static void op_stream_close(void *ctx, bool cut)
{
	struct call_link *l = ctx;

	if (!l->stream)
		return;
	/* What was said before the goodbye still goes out. */
	if (!cut)
		ws_close(l->stream, 1000, "");
	ws_free(&l->stream);
}

/* ---- the bridge channel ---- */

static void channel_opened(void *ctx, struct ws *w)
{
	struct call_link *l = ctx;

	(void)w;
	call_channel_opened(l->call, clock_now_us());
	call_link_kick(l);
}

static void channel_text(void *ctx, struct ws *w, const char *text, size_t len)
{
	struct call_link *l = ctx;

	(void)w;
	trace(l, "in", "bridge", text, len);
	call_channel_input(l->call, text, len, clock_now_us());
	call_link_kick(l);
}

static void channel_closed(void *ctx, struct ws *w, enum net_error why, int code, int status,
			   const char *text)
{
	struct call_link *l = ctx;

	if (w != l->channel)
		return;
	trace(l, why == NET_CLOSED ? "close" : "error", "bridge", text, strlen(text));
	ws_free(&l->channel);
	call_channel_closed(l->call, code, status, clock_now_us());
	call_link_kick(l);
}

static void op_channel_open(void *ctx, const char *url, const char *origin)
{
	static const struct ws_handlers h = { channel_opened, channel_text, channel_closed };
	struct call_link *l = ctx;
	struct ws_params p = { .url = url, .origin = origin, .ping_s = PING_S, .max_bytes = CHANNEL_MAX,
		.timeout_us = 20000000 };

	trace(l, "open", "bridge", url, strlen(url));
	ws_free(&l->channel);
	l->channel_failed = ws_open(&l->channel, l->net, &p, &h, l) != 0;
	if (l->channel_failed)
		call_link_kick(l);
}

static void op_channel_send(void *ctx, const char *text, size_t len)
{
	struct call_link *l = ctx;

	trace(l, "out", "bridge", text, len);
	if (l->channel)
		ws_send(l->channel, text, len);
}

static void op_channel_close(void *ctx)
{
	struct call_link *l = ctx;

	if (!l->channel)
		return;
	ws_close(l->channel, 1000, "");
	ws_free(&l->channel);
}

/* ---- media is the caller's ---- */

static void op_media_start(void *ctx, const struct call_media *m)
{
	struct call_link *l = ctx;

	l->media.start(l->ctx, m);
}

static void op_media_stop(void *ctx)
{
	struct call_link *l = ctx;

	l->media.stop(l->ctx);
}

static void op_media_restart(void *ctx, const struct call_media_restart *r)
{
	struct call_link *l = ctx;

	l->media.restart(l->ctx, r);
}

static void op_media_services(void *ctx, const struct ext_service *v, size_t count)
{
	struct call_link *l = ctx;

	l->media.services(l->ctx, v, count);
}

/* The call first: it then knows why the media says what it says. */
static void on_network(void *ctx, int64_t slept_us)
{
	struct call_link *l = ctx;

	call_network_changed(l->call, slept_us, clock_now_us());
	l->media.network(l->ctx);
	call_link_kick(l);
}

static void op_data_open(void *ctx, uint16_t port)
{
	struct call_link *l = ctx;

	l->media.data_open(l->ctx, port);
}

static void op_data_send(void *ctx, const char *text, size_t len)
{
	struct call_link *l = ctx;

	trace(l, "out", "bridge", text, len);
	l->media.data_send(l->ctx, text, len);
}

static void op_data_close(void *ctx)
{
	struct call_link *l = ctx;

	l->media.data_close(l->ctx);
}

void call_link_data_state(struct call_link *l, const char *sid, bool open, bool over,
			  const char *why)
{
	static const char name[] = "JVB data channel";

	trace(l, open ? "open" : "close", "bridge", open ? name : why,
	      open ? sizeof(name) - 1 : strlen(why));
	call_data_state(l->call, sid, open, over, why, clock_now_us());
}

void call_link_data(struct call_link *l, const char *sid, const char *text, size_t len)
{
	trace(l, "in", "bridge", text, len);
	call_data_input(l->call, sid, text, len, clock_now_us());
}

static void on_event(void *ctx, const struct call_event *ev)
{
	struct call_link *l = ctx;

	l->event(l->ctx, ev);
}

int call_link_new(struct call_link **out, struct loop *loop, struct net *net, struct http *http,
		  const struct call_config *cfg, const struct call_link_media *media,
		  void (*event)(void *ctx, const struct call_event *ev),
		  void (*trace_fn)(void *ctx, const char *dir, const char *ch, const char *data, size_t len),
		  void *ctx)
{
	static const struct call_ops ops = {
		op_http, op_stream_open, op_stream_send, op_stream_close, op_channel_open,
		op_channel_send, op_channel_close, op_media_start, op_media_stop,
		op_media_restart, op_media_services,
		op_data_open, op_data_send, op_data_close, op_keepalive
	};
	struct call_link *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (!l)
		return err;
	l->loop = loop;
	l->net = net;
	l->http = http;
	l->media = *media;
	l->event = event;
	l->trace = trace_fn;
	l->ctx = ctx;
	err = loop_timer_new(&l->timer, loop, "call", on_timer, l);
	if (!err)
		err = call_new(&l->call, cfg, &ops, l, on_event, l);
	if (!err)
		err = netwatch_new(&l->network, loop, on_network, l);
	if (err) {
		call_link_free(&l);
		return err;
	}
	*out = l;
	return 0;
}

void call_link_free(struct call_link **lp)
{
	struct call_link *l = *lp;

	if (!l)
		return;
	netwatch_free(&l->network);
	loop_timer_free(&l->timer);
	for (int i = 0; i < HTTP_CALLS; i++)
		http_cancel(&l->slot[i].call);
	http_cancel(&l->keepalive);
	call_free(&l->call);
	ws_free(&l->stream);
	ws_free(&l->channel);
	free(l);
	*lp = NULL;
}

struct call *call_link_call(struct call_link *l)
{
	return l->call;
}

uint64_t call_link_line_out(const struct call_link *l)
{
	return l->line_out;
}
