/* media_channel.c - the bridge's data channel, between loop and media thread
 *
 *	loop   media_channel_open(), _send(), _close() -- post --> peer_channel_x()
 *	       events <-- post -- media_on_channel(), media_on_text()       media
 *
 * Whoever wants it says so once a session: a peer that is made anew (for a
 * relay) opens it again.
 */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "call/media_priv.h"

/* ---- news for the loop ---- */

struct channel_news {
	struct post_msg m;
	struct media *media;
	char *sid, *text;               /* text: a message, or why */
	size_t len;
	bool is_text, open, over;
};

static void news_drop(struct post_msg *m)
{
	struct channel_news *n = (struct channel_news *)m;

	free(n->sid);
	free(n->text);
	free(n);
}

static void news_run(struct post_msg *m)
{
	struct channel_news *n = (struct channel_news *)m;
	const struct media_events *ev = &n->media->ev;

	if (n->is_text)
		ev->text(n->media->ctx, n->sid, n->text, n->len);
	else
		ev->channel(n->media->ctx, n->sid, n->open, n->over, n->text);
	news_drop(m);
}

static char *copy(const char *p, size_t len)
{
	char *c = malloc(len + 1);

	if (!c)
		abort();
	if (len)
		memcpy(c, p, len);
	c[len] = 0;
	return c;
}

static void tell(struct media *m, struct channel_news what, const char *text, size_t len)
{
	const char *sid = m->session ? m->session->sid : "";
	struct channel_news *n = malloc(sizeof(*n));

	if (!n)
		abort();
	*n = what;
	n->m.run = news_run;
	n->m.drop = news_drop;
	n->media = m;
	n->sid = copy(sid, strlen(sid));
	n->text = copy(text, len);
	n->len = len;
	post_send(m->to_loop, &n->m);
	/* What it has to answer is due soon. */
	loop_timer_set(m->peer_tick, clock_now_us());
}

void media_on_channel(void *ctx, bool open, bool over, const char *why)
{
	tell(ctx, (struct channel_news){ .open = open, .over = over }, why, strlen(why));
}

void media_on_text(void *ctx, const char *text, size_t len)
{
	tell(ctx, (struct channel_news){ .is_text = true }, text, len);
}

/* ---- media thread ---- */

void media_channel_begin(struct media *m)
{
	int err = 0;

	if (m->peer && m->channel_port)
		err = peer_channel_open(m->peer, m->channel_port, clock_now_us());
	if (err)
		media_on_channel(m, false, true, strerror(-err));
	loop_timer_set(m->peer_tick, clock_now_us());
}

struct channel_order {
	struct post_msg m;
	struct media *media;
	enum { ORDER_OPEN, ORDER_SEND, ORDER_CLOSE } what;
	uint16_t port;
	char *text;
	size_t len;
};

static void order_drop(struct post_msg *m)
{
	free(((struct channel_order *)m)->text);
	free(m);
}

static void order_run(struct post_msg *msg)
{
	struct channel_order *o = (struct channel_order *)msg;
	struct media *m = o->media;

	switch (o->what) {
	case ORDER_OPEN:
		m->channel_port = o->port;
		media_channel_begin(m);
		break;
	case ORDER_SEND:
		if (m->peer && peer_channel_send(m->peer, o->text, o->len, clock_now_us()))
			log_debug("call", "a message to the bridge was not sent");
		loop_timer_set(m->peer_tick, clock_now_us());
		break;
	case ORDER_CLOSE:
		m->channel_port = 0;
		if (m->peer)
			peer_channel_close(m->peer);
		break;
	}
	order_drop(msg);
}

/* ---- loop thread ---- */

static void order(struct media *m, struct channel_order what)
{
	struct channel_order *o = malloc(sizeof(*o));

	if (!o)
		abort();
	*o = what;
	o->m.run = order_run;
	o->m.drop = order_drop;
	o->media = m;
	media_post(m, &o->m);
}

void media_channel_open(struct media *m, uint16_t port)
{
	order(m, (struct channel_order){ .what = ORDER_OPEN, .port = port });
}

void media_channel_send(struct media *m, const char *text, size_t len)
{
	order(m, (struct channel_order){ .what = ORDER_SEND, .text = copy(text, len), .len = len });
}

void media_channel_close(struct media *m)
{
	order(m, (struct channel_order){ .what = ORDER_CLOSE });
}
