/* net_ws.c - a WebSocket as both ends see it
 *
 *	loop: ws_send() -> queue under w->lock -> order: net writes frame by frame
 *	net: fragments -> whole message -> post: text() on the loop
 *
 * Both directions are bounded: a peer that does not read fills the queue and
 * ws_send() says so; a peer that sends faster than the loop takes is not read
 * from until the loop has caught up.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "io/net_priv.h"

enum {
	KEEP_BYTES = 65536, CONNECT_US = 20000000,
	ACKED_US = 4000000      /* after something was sent: by then an answer is overdue */
};

struct ws *ws_alloc(struct net *n, bool server)
{
	struct ws *w = calloc(1, sizeof(*w));

	if (!w)
		abort();        /* GLib and libwebsockets would end here, too */
	atomic_init(&w->refs, 1);
	pthread_mutex_init(&w->lock, NULL);
	w->net = n;
	w->server = server;
	w->code = 1006;         /* RFC 6455, 7.1.5: closed without a word */
	return w;
}

struct ws *ws_ref(struct ws *w)
{
	atomic_fetch_add(&w->refs, 1);
	return w;
}

void ws_unref(struct ws *w)
{
	if (atomic_fetch_sub(&w->refs, 1) != 1)
		return;
	while (w->out_first) {
		struct frame *f = w->out_first;

		w->out_first = f->next;
		free(f);
	}
	pthread_mutex_destroy(&w->lock);
	buf_free(&w->in);
	free(w->peer);
	free(w->host);
	free(w->path);
	free(w->location);
	free(w->protocol);
	free(w->origin);
	free(w->authority);
	free(w->why);
	free(w);
}

/* ---- net thread: what comes in ---- */

static int refuse(struct ws *w, struct lws *wsi, enum lws_close_status code, const char *why)
{
	w->code = (int)code;
	text_set(&w->why, why);
	log_info("io", "WebSocket closed: %s", why);
	lws_close_reason(wsi, code, NULL, 0);
	return -1;
}

/* The loop is behind: the peer has to wait, in its own memory. */
static void pause_if_full(struct ws *w, struct lws *wsi)
{
	if (atomic_load(&w->undelivered) <= WS_IN_MAX)
		return;
	lws_rx_flow_control(wsi, 0);
	atomic_store(&w->paused, true);
	/* It may have caught up just before it could see that. */
	if (atomic_load(&w->undelivered) <= WS_IN_MAX / 2 && atomic_exchange(&w->paused, false))
		lws_rx_flow_control(wsi, 1);
}

int ws_on_receive(struct ws *w, struct lws *wsi, const void *in, size_t len)
{
	if (lws_frame_is_binary(wsi))
		return refuse(w, wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "a binary message came");
	if (len > w->max_bytes - w->in.len)
		return refuse(w, wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "a message is too long");
	buf_add(&w->in, in, len);
	if (buf_err(&w->in))
		return -1;
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi))
		return 0;
	/* RFC 6455, 8.1 */
	if (!text_is_utf8(buf_str(&w->in), w->in.len))
		return refuse(w, wsi, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "a message is no UTF-8");
	ws_tell(w, WS_TEXT, buf_str(&w->in), w->in.len, NET_OK);
	if (w->in.cap > KEEP_BYTES)
		buf_free(&w->in);
	else
		buf_clear(&w->in);
	pause_if_full(w, wsi);
	return 0;
}

void ws_on_peer_close(struct ws *w, const void *in, size_t len)
{
	const unsigned char *p = in;

	/* RFC 6455, 5.5.1: two bytes of code, network order; none is 1005. */
	w->code = len >= 2 ? p[0] << 8 | p[1] : 1005;
	if (len > 2 && !w->why)
		w->why = text_clean((const char *)p + 2, len - 2, 120, TEXT_TRIM);
}

void ws_on_closed(struct ws *w)
{
	const char *text = w->why && *w->why ? w->why
		: w->code == 1006 ? "the connection was lost" : "closed by the other side";

	w->wsi = NULL;
	w->up = false;
	ws_tell(w, WS_CLOSED, text, 0, NET_CLOSED);
	ws_unref(w);            /* the net side's */
}

/* ---- net thread: what goes out ---- */

static struct frame *next_frame(struct ws *w, bool *more, bool *close_now)
{
	struct frame *f;

	pthread_mutex_lock(&w->lock);
	f = w->out_first;
	if (f) {
		w->out_first = f->next;
		if (!w->out_first)
			w->out_last = NULL;
		w->out_bytes -= f->len;
	}
	*more = w->out_first || w->want_close;
	*close_now = !f && w->want_close;
	pthread_mutex_unlock(&w->lock);
	return f;
}

int ws_on_writable(struct ws *w, struct lws *wsi)
{
	bool more, close_now;
	struct frame *f = next_frame(w, &more, &close_now);
	int n;

	if (close_now) {
		w->code = w->close_code;
		text_set(&w->why, "closed");
		lws_close_reason(wsi, (enum lws_close_status)w->close_code,
				 (unsigned char *)w->close_reason, strlen(w->close_reason));
		return -1;
	}
	if (!f)
		return 0;
	n = lws_write(wsi, f->p + LWS_PRE, f->len, LWS_WRITE_TEXT);
	free(f);
	if (n < 0)
		return -1;
	if (!w->server)
		lws_set_timer_usecs(wsi, ACKED_US);
	if (more)
		lws_callback_on_writable(wsi);
	return 0;
}

void ws_on_timer(struct ws *w, struct lws *wsi)
{
	struct tcp_info t;
	socklen_t len = sizeof(t);

	if (!getsockopt(lws_get_socket_fd(lws_get_network_wsi(wsi)), IPPROTO_TCP, TCP_INFO, &t, &len))
		atomic_store(&w->acked_us, clock_now_us() - (int64_t)t.tcpi_last_ack_recv * 1000);
}

/* ---- loop thread: orders about one WebSocket ---- */

static void wake_run(struct net *n, struct order *o)
{
	(void)n;
	if (o->ws->wsi && o->ws->up)
		lws_callback_on_writable(o->ws->wsi);
	ws_unref(o->ws);
	free(o);
}

static void resume_run(struct net *n, struct order *o)
{
	(void)n;
	if (o->ws->wsi && o->ws->up)
		lws_rx_flow_control(o->ws->wsi, 1);
	ws_unref(o->ws);
	free(o);
}

static void kill_run(struct net *n, struct order *o)
{
	(void)n;
	o->ws->dead = true;
	if (o->ws->wsi)
		lws_set_timeout(o->ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	ws_unref(o->ws);
	free(o);
}

/* In good order where there is one, at once where it is still connecting. */
static void close_run(struct net *n, struct order *o)
{
	if (o->ws->up)
		wake_run(n, o);
	else
		kill_run(n, o);
}

static void connect_run(struct net *n, struct order *o)
{
	net_client_connect(n, o->ws);
	ws_unref(o->ws);
	free(o);
}

static void order_ws(struct ws *w, void (*run)(struct net *n, struct order *o))
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o)
		abort();
	o->run = run;
	o->ws = ws_ref(w);
	net_order(w->net, o);
}

/* ---- news on the loop ---- */

struct news {
	struct post_msg m;
	struct ws *ws;
	enum ws_news what;
	enum net_error why;
	int code, status;
	size_t len;
	char text[];
};

/* After this nothing more is told; the user may have freed w in closed(). */
static void tell_closed(struct ws *w, enum net_error why, int code, int status, const char *text)
{
	if (w->closed_told || w->freed)
		return;
	w->closed_told = true;
	loop_timer_free(&w->limit);
	if (w->h.closed)
		w->h.closed(w->ctx, w, why, code, status, text);
}

static void run_news(struct ws *w, const struct news *n)
{
	switch (n->what) {
	case WS_OPENED:
		loop_timer_free(&w->limit);
		if (w->h.opened)
			w->h.opened(w->ctx, w);
		break;
	case WS_TEXT:
		if (w->h.text)
			w->h.text(w->ctx, w, n->text, n->len);
		break;
	case WS_CLOSED:
		tell_closed(w, n->why, n->code, n->status, n->text);
		break;
	}
}

static void news_run(struct post_msg *m)
{
	struct news *n = (struct news *)m;
	struct ws *w = n->ws;
	size_t size = sizeof(*n) + n->len, left;

	if (!w->freed && !w->closed_told)
		run_news(w, n);
	left = atomic_fetch_sub(&w->undelivered, size) - size;
	/* Whoever freed w has ended the connection, and perhaps the net. */
	if (!w->freed && left <= WS_IN_MAX / 2 && atomic_exchange(&w->paused, false))
		order_ws(w, resume_run);
	ws_unref(w);
	free(n);
}

static void news_drop(struct post_msg *m)
{
	ws_unref(((struct news *)m)->ws);
	free(m);
}

void ws_tell(struct ws *w, enum ws_news what, const char *text, size_t len, enum net_error why)
{
	struct news *n;

	if (what != WS_TEXT)
		len = text ? strlen(text) : 0;
	n = malloc(sizeof(*n) + len + 1);
	if (!n)
		abort();
	n->m.run = news_run;
	n->m.drop = news_drop;
	n->ws = ws_ref(w);
	n->what = what;
	n->why = why;
	n->code = w->code;
	n->status = w->status;
	n->len = len;
	if (len)
		memcpy(n->text, text, len);
	n->text[len] = 0;
	atomic_fetch_add(&w->undelivered, sizeof(*n) + len);
	post_send(w->net->post, &n->m);
}

/* ---- for users ---- */

const char *ws_location(const struct ws *w)
{
	return w->location ? w->location : "";
}

int ws_send(struct ws *w, const char *text, size_t len)
{
	struct frame *f;
	bool full, wake;

	if (w->closed_told || w->closing)
		return -EPIPE;
	if (len > WS_OUT_MAX)
		return -ENOBUFS;
	f = malloc(sizeof(*f) + LWS_PRE + len);
	if (!f)
		return -ENOMEM;
	f->next = NULL;
	f->len = len;
	memcpy(f->p + LWS_PRE, text, len);
	pthread_mutex_lock(&w->lock);
	full = w->out_bytes + len > WS_OUT_MAX;
	wake = !w->out_first;
	if (!full) {
		if (w->out_last)
			w->out_last->next = f;
		else
			w->out_first = f;
		w->out_last = f;
		w->out_bytes += len;
	}
	pthread_mutex_unlock(&w->lock);
	if (full) {
		free(f);
		return -ENOBUFS;
	}
	if (wake)
		order_ws(w, wake_run);
	return 0;
}

void ws_close(struct ws *w, int code, const char *reason)
{
	if (w->closing || w->closed_told)
		return;
	w->closing = true;
	pthread_mutex_lock(&w->lock);
	w->want_close = true;
	w->close_code = code;
	text_copy(w->close_reason, sizeof(w->close_reason), reason ? reason : "");
	pthread_mutex_unlock(&w->lock);
	if (w->resolving) {     /* net has not heard of it */
		resolve_cancel(&w->resolving);
		ws_tell(w, WS_CLOSED, "closed", 0, NET_CLOSED);
	} else {
		order_ws(w, close_run);
	}
}

static void unlink_open(struct ws *w)
{
	for (struct ws **p = &w->net->open; *p; p = &(*p)->open_next)
		if (*p == w) {
			*p = w->open_next;
			return;
		}
}

void ws_free(struct ws **wp)
{
	struct ws *w = *wp;

	if (!w)
		return;
	*wp = NULL;
	w->freed = true;
	unlink_open(w);
	resolve_cancel(&w->resolving);
	loop_timer_free(&w->limit);
	/* What was sent and closed in good order may still go out; else it ends. */
	if (!w->closed_told && !w->closing)
		order_ws(w, kill_run);
	ws_unref(w);
}

void ws_set_handlers(struct ws *w, const struct ws_handlers *h, void *ctx)
{
	w->h = *h;
	w->ctx = ctx;
}

const char *ws_peer(const struct ws *w)
{
	return w->peer ? w->peer : "";
}

size_t ws_queued(const struct ws *w)
{
	struct ws *lockable = (struct ws *)(uintptr_t)w;
	size_t n;

	pthread_mutex_lock(&lockable->lock);
	n = w->out_bytes;
	pthread_mutex_unlock(&lockable->lock);
	return n;
}

int64_t ws_acked_us(const struct ws *w)
{
	return atomic_load(&w->acked_us);
}

/* ---- opening ---- */

static void on_resolved(void *ctx, const struct resolve_answer *a)
{
	struct ws *w = ctx;
	struct buf b = { 0 };

	w->resolving = NULL;
	if (a->error) {
		buf_addf(&b, "%s: %s", w->host, a->text);
		tell_closed(w, NET_NAME, 1006, 0, buf_str(&b));
		buf_free(&b);
		return;
	}
	memcpy(w->addrs, a->addrs, a->count * sizeof(w->addrs[0]));
	w->addr_count = a->count;
	order_ws(w, connect_run);
}

static void on_limit(void *ctx, int64_t now_us)
{
	struct ws *w = ctx;
	struct buf b = { 0 };

	(void)now_us;
	resolve_cancel(&w->resolving);
	order_ws(w, kill_run);
	buf_addf(&b, "%s: no answer in time", w->authority);
	tell_closed(w, NET_TIMEOUT, 1006, 0, buf_str(&b));
	buf_free(&b);
}

/* The rest of the request line and the other headers need a place, too. */
enum { PATH_MAX_BYTES = 2000, HOST_MAX_BYTES = 120 };

static bool is_header_value(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int take_url(struct ws *w, const struct ws_params *p)
{
	struct url u;
	struct buf path = { 0 };
	int err = url_parse(&u, p->url);

	if (err)
		return err;
	w->secure = url_is_secure(&u);
	buf_addf(&path, "%s%s%s", u.path, *u.query ? "?" : "", u.query);
	w->path = buf_steal(&path);
	w->authority = url_authority(&u);
	if (!w->path || !w->authority || text_set(&w->host, u.host) ||
	    text_set(&w->protocol, p->subprotocol) || text_set(&w->origin, p->origin))
		err = -ENOMEM;
	else if (strlen(w->path) > PATH_MAX_BYTES || strlen(w->authority) > HOST_MAX_BYTES)
		err = -ENAMETOOLONG;
	else if (!is_header_value(p->subprotocol) || !is_header_value(p->origin))
		err = -EINVAL;
	if (!err)
		err = resolve_start(&w->resolving, w->net->loop, u.host, u.port, on_resolved, w);
	url_clear(&u);
	return err;
}

int ws_open(struct ws **out, struct net *n, const struct ws_params *p, const struct ws_handlers *h,
	    void *ctx)
{
	struct ws *w = ws_alloc(n, false);
	int err;

	*out = NULL;
	w->h = *h;
	w->ctx = ctx;
	w->max_bytes = p->max_bytes ? p->max_bytes : WS_MAX_BYTES;
	w->ping_s = p->ping_s;
	err = loop_timer_new(&w->limit, n->loop, "WebSocket connecting", on_limit, w);
	if (!err)
		err = take_url(w, p);
	if (err) {
		loop_timer_free(&w->limit);
		ws_unref(w);
		return err;
	}
	loop_timer_set(w->limit, clock_now_us() + (p->timeout_us ? p->timeout_us : CONNECT_US));
	w->open_next = n->open;
	n->open = w;
	*out = w;
	return 0;
}
