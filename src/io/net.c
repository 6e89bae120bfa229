/* net.c - the libwebsockets thread, and WebSockets as both ends see them */
#include "io/net_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* ---- orders to the thread ---- */

void net_order(struct net *n, struct order *o)
{
	o->next = NULL;
	pthread_mutex_lock(&n->lock);
	if (n->last)
		n->last->next = o;
	else
		n->first = o;
	n->last = o;
	pthread_mutex_unlock(&n->lock);
	lws_cancel_service(n->context);
}

static void run_orders(struct net *n)
{
	struct order *o, *next;

	pthread_mutex_lock(&n->lock);
	o = n->first;
	n->first = n->last = NULL;
	pthread_mutex_unlock(&n->lock);
	for (; o; o = next) {
		next = o->next;
		o->run(n, o);
	}
}

static int base_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			 size_t len)
{
	(void)wsi;
	(void)reason;
	(void)user;
	(void)in;
	(void)len;
	return 0;
}

static void on_lws_log(int level, const char *line)
{
	(void)level;
	log_debug("lws", "%.*s", (int)strcspn(line, "\n"), line);
}

static void *service(void *arg)
{
	struct net *n = arg;

	while (!atomic_load(&n->stop)) {
		run_orders(n);
		lws_service(n->context, 0);
	}
	run_orders(n);
	/* Here, since it calls the protocols' callbacks. */
	lws_context_destroy(n->context);
	return NULL;
}

int net_new(struct net **out, struct loop *loop, const struct net_config *cfg)
{
	static const struct lws_protocols none[] = { { "none", base_callback, 0, 0, 0, NULL, 0 },
						     { NULL, NULL, 0, 0, 0, NULL, 0 } };
	struct lws_context_creation_info info;
	struct net *n = calloc(1, sizeof(*n));
	int err = -ENOMEM;

	*out = NULL;
	if (!n)
		return err;
	pthread_mutex_init(&n->lock, NULL);
	n->loop = loop;
	n->insecure = cfg->insecure;
	if (text_set(&n->ca_file, cfg->ca_file) || text_set(&n->user_agent, cfg->user_agent))
		goto fail;
	err = post_new(&n->post, 0);
	if (!err)
		err = loop_attach_post(&n->watch, loop, n->post);
	if (err)
		goto fail;
	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = none;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.fd_limit_per_thread = FD_LIMIT;
	info.uid = (uid_t)-1;
	info.gid = (gid_t)-1;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
	n->context = lws_create_context(&info);
	err = -ENOMEM;
	if (!n->context || pthread_create(&n->thread, NULL, service, n))
		goto fail;
	*out = n;
	return 0;
fail:
	if (n->context)
		lws_context_destroy(n->context);
	n->context = NULL;
	loop_watch_free(&n->watch);
	post_free(&n->post);
	free(n->ca_file);
	free(n->user_agent);
	free(n);
	return err;
}

void net_free(struct net **np)
{
	struct net *n = *np;

	if (!n)
		return;
	while (n->open) {
		struct ws *w = n->open;

		ws_free(&w);
	}
	atomic_store(&n->stop, true);
	lws_cancel_service(n->context);
	pthread_join(n->thread, NULL);
	loop_watch_free(&n->watch);
	post_free(&n->post);
	net_servers_release(n);
	pthread_mutex_destroy(&n->lock);
	free(n->ca_file);
	free(n->user_agent);
	free(n);
	*np = NULL;
}

/* ---- a WebSocket's life ---- */

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
	free(w->url_host);
	free(w->path);
	free(w->protocol);
	free(w->origin);
	free(w->authority);
	free(w->why);
	free(w);
}

/* ---- net thread: what both ends do ---- */

int ws_on_receive(struct ws *w, struct lws *wsi, const void *in, size_t len)
{
	atomic_fetch_add(&w->bytes_in, len);
	if (w->in.len + len > w->max_bytes) {
		lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
		log_info("io", "a message over %zu bytes closes its WebSocket", w->max_bytes);
		return -1;
	}
	buf_add(&w->in, in, len);
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi))
		return 0;
	ws_tell(w, WS_TEXT, buf_str(&w->in), w->in.len, NET_OK);
	buf_clear(&w->in);
	return 0;
}

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
		lws_close_reason(wsi, (enum lws_close_status)w->close_code,
				 (unsigned char *)w->close_reason, strlen(w->close_reason));
		return -1;
	}
	if (!f)
		return 0;
	n = lws_write(wsi, f->p + LWS_PRE, f->len, LWS_WRITE_TEXT);
	if (n > 0)
		atomic_fetch_add(&w->bytes_out, f->len);
	free(f);
	if (n < 0)
		return -1;
	if (more)
		lws_callback_on_writable(wsi);
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
	w->wsi = NULL;
	ws_tell(w, WS_CLOSED, w->why ? w->why : "", 0, w->status ? NET_HTTP : NET_CLOSED);
	ws_unref(w);            /* the net side's */
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

static void news_run(struct post_msg *m)
{
	struct news *n = (struct news *)m;
	struct ws *w = n->ws;

	if (!w->freed && !w->closed_told)
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
	post_send(w->net->post, &n->m);
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

static void kill_run(struct net *n, struct order *o)
{
	(void)n;
	if (o->ws->wsi)
		lws_set_timeout(o->ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
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

int ws_send(struct ws *w, const char *text, size_t len)
{
	struct frame *f;
	bool full, wake;

	if (w->closed_told || w->closing)
		return -EPIPE;
	f = malloc(sizeof(*f) + LWS_PRE + len);
	if (!f)
		return -ENOMEM;
	f->next = NULL;
	f->len = len;
	memcpy(f->p + LWS_PRE, text, len);
	pthread_mutex_lock(&w->lock);
	full = w->out_bytes + len > WS_QUEUE_MAX;
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
	order_ws(w, wake_run);
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

uint64_t ws_bytes_in(const struct ws *w)
{
	return atomic_load(&w->bytes_in);
}

uint64_t ws_bytes_out(const struct ws *w)
{
	return atomic_load(&w->bytes_out);
}

/* ---- opening ---- */

static void connect_run(struct net *n, struct order *o)
{
	net_client_connect(n, o->ws);
	ws_unref(o->ws);
	free(o);
}

static void on_resolved(void *ctx, const struct resolve_answer *a)
{
	struct ws *w = ctx;
	struct buf b = { 0 };

	w->resolving = NULL;
	if (a->error) {
		buf_addf(&b, "%s: %s", w->url_host, a->text);
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

	(void)now_us;
	resolve_cancel(&w->resolving);
	order_ws(w, kill_run);
	tell_closed(w, NET_TIMEOUT, 1006, 0, "no answer in time");
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
	if (!w->path || !w->authority || text_set(&w->url_host, u.host) ||
	    text_set(&w->protocol, p->subprotocol) || text_set(&w->origin, p->origin))
		err = -ENOMEM;
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
	w->max_bytes = p->max_bytes ? p->max_bytes : 1 << 20;
	w->ping.secs_since_valid_ping = (uint16_t)p->ping_s;
	w->ping.secs_since_valid_hangup = (uint16_t)(p->ping_s * 2);
	err = loop_timer_new(&w->limit, n->loop, "WebSocket connecting", on_limit, w);
	if (!err)
		err = take_url(w, p);
	if (err) {
		loop_timer_free(&w->limit);
		ws_unref(w);
		return err;
	}
	loop_timer_set(w->limit, clock_now_us() + (p->timeout_us ? p->timeout_us : 20000000));
	w->open_next = n->open;
	n->open = w;
	*out = w;
	return 0;
}
