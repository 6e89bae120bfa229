/* channel.c - the bridge channel by WebSocket: who talks, who is gone
 *
 * The call needs nothing of it: sound flows before, without and after it.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "io/url.h"
#include "rtc/colibri.h"

static bool is_ignored(const struct call *c, const char *url)
{
	struct url u;
	bool ignored;

	if (url_parse(&u, url))
		return true;
	ignored = c->d.ignore_channel_domain && !strcmp(u.host, c->d.ignore_channel_domain);
	url_clear(&u);
	return ignored;
}

static void dial(struct call *c)
{
	struct buf origin = { 0 };

	c->channel_at_us = 0;
	buf_addf(&origin, "%s://%s", c->a.plain ? "http" : "https", c->a.authority);
	c->ops.channel_open(c->ops_ctx, c->channel_url, buf_str(&origin));
	buf_free(&origin);
}

void channel_start(struct call *c, const struct jingle *offer)
{
	const struct jingle_transport *t = &offer->transport;

	c->channel_try = 0;
	for (size_t i = 0; i < t->websockets; i++)
		if (!is_ignored(c, t->websocket[i])) {
			call_set(&c->channel_url, t->websocket[i]);
			dial(c);
			return;
		}
}

static void tell(struct call *c, bool open)
{
	struct call_event ev = { .type = CALL_EV_CHANNEL, .added = open };

	if (c->channel_open != open) {
		c->channel_open = open;
		call_emit(c, &ev);
	}
}

void channel_stop(struct call *c)
{
	if (!c->channel_url)
		return;
	c->channel_at_us = 0;
	text_wipe(c->channel_url, strlen(c->channel_url));
	call_set(&c->channel_url, NULL);
	c->ops.channel_close(c->ops_ctx);
	tell(c, false);
}

void call_channel_opened(struct call *c, int64_t now_us)
{
	c->now_us = now_us;
	if (!c->channel_url)
		return;
	c->channel_try = 0;
	tell(c, true);
}

void call_channel_closed(struct call *c, int code, int status, int64_t now_us)
{
	int64_t wait;

	c->now_us = now_us;
	tell(c, false);
	if (!c->channel_url)
		return;
	log_info("call", "bridge channel closed: %d, HTTP %d", code, status);
	/* 1000 "replaced", 1001 the endpoint has ended: a new session tells where. */
	if (code == 1000 || code == 1001 || (status == 403 && c->channel_try > 2))
		return;
	wait = INT64_C(1000000) << (c->channel_try < 6 ? c->channel_try : 6);
	c->channel_try++;
	c->channel_at_us = now_us + (wait > 60000000 ? 60000000 : wait);
}

void channel_tick(struct call *c)
{
	if (c->channel_at_us && c->now_us >= c->channel_at_us && c->channel_url)
		dial(c);
}

static void on_dominant(struct call *c, const struct colibri *m)
{
	struct person_entry *e = roster_find(c, m->endpoint);
	struct call_event ev = { .type = CALL_EV_SPEAKER, .person = e && !m->silence ? &e->p : NULL };

	call_emit(c, &ev);
}

static void on_connectivity(struct call *c, const struct colibri *m)
{
	struct person_entry *e = roster_find(c, m->endpoint);

	if (!e || e->p.me || e->p.interrupted == !m->active)
		return;
	e->p.interrupted = !m->active;
	roster_changed(c, e);
}

static void on_stats(struct call *c, const struct colibri *m)
{
	struct person_entry *e = roster_find(c, m->from);
	double q = m->quality < 0 ? 0 : m->quality > 100 ? 100 : m->quality;

	if (!e || e->p.me || e->p.quality == q)
		return;
	e->p.quality = q;
	roster_changed(c, e);
}

void call_channel_input(struct call *c, const char *text, size_t len, int64_t now_us)
{
	struct colibri m;

	c->now_us = now_us;
	if (colibri_parse(&m, text, len)) {
		c->count.malformed++;
		return;
	}
	switch (m.cls) {
	case COLIBRI_DOMINANT:
		on_dominant(c, &m);
		break;
	case COLIBRI_CONNECTIVITY:
		on_connectivity(c, &m);
		break;
	case COLIBRI_ENDPOINT_STATS:
		on_stats(c, &m);
		break;
	default:
		break;
	}
	colibri_clear(&m);
}

void call_send_stats(struct call *c, double up_kbps, double down_kbps, double loss_up, double loss_down,
		     double quality, double rtt_ms)
{
	struct buf b = { 0 };

	if (c->channel_open &&
	    !colibri_write_endpoint_stats(&b, up_kbps, down_kbps, loss_up, loss_down, quality, rtt_ms))
		c->ops.channel_send(c->ops_ctx, buf_str(&b), b.len);
	buf_free(&b);
}
