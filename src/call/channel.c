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

enum { MESSAGE_BYTES = 256 << 10, RETRY_MAX_US = 60000000, REFUSALS_MAX = 2, NEVER_OPEN_MAX = 4 };

/* Without TLS only where the page has none either, as browsers hold it. */
static bool is_usable(const struct call *c, const char *url)
{
	struct url u;
	bool usable;

	if (url_parse(&u, url))
		return false;
	usable = text_starts(u.scheme, "ws") && (url_is_secure(&u) || c->a.plain) &&
		 (!c->d.ignore_channel_domain || strcmp(u.host, c->d.ignore_channel_domain));
	url_clear(&u);
	return usable;
}

static void dial(struct call *c)
{
	struct buf origin = { 0 };

	c->channel_at_us = 0;
	buf_addf(&origin, "%s://%s", c->a.plain ? "http" : "https", c->a.authority);
	c->ops.channel_open(c->ops_ctx, c->channel_url, buf_str(&origin));
	buf_free(&origin);
}

static void forget_urls(struct call *c)
{
	for (; c->channel_urls; c->channel_urls--) {
		char **url = &c->channel_all[c->channel_urls - 1];

		text_wipe(*url, strlen(*url));
		call_set(url, NULL);
	}
}

/* A bridge may have several names, and not all of them be reached from here. */
static void next_url(struct call *c)
{
	if (c->channel_urls > 1)
		call_set(&c->channel_url, c->channel_all[++c->channel_turn % c->channel_urls]);
}

void channel_start(struct call *c, const struct jingle *offer)
{
	const struct jingle_transport *t = &offer->transport;

	c->channel_try = c->channel_403 = c->channel_turn = 0;
	c->channel_was_open = false;
	forget_urls(c);
	for (size_t i = 0; i < t->websockets; i++)
		if (is_usable(c, t->websocket[i]))
			call_set(&c->channel_all[c->channel_urls++], t->websocket[i]);
	if (!c->channel_urls)
		return;
	call_set(&c->channel_url, c->channel_all[0]);
	dial(c);
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
	forget_urls(c);
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
	struct buf b = { 0 };

	c->now_us = now_us;
	if (!c->channel_url)
		return;
	c->channel_try = c->channel_403 = 0;
	c->channel_was_open = true;
	/* No picture, whatever the bridge's own start would be. */
	if (!colibri_write_last_n(&b, 0))
		c->ops.channel_send(c->ops_ctx, buf_str(&b), b.len);
	buf_free(&b);
	tell(c, true);
}

/* HTTP 403: the bridge does not know us.  Once after it did, or again and
 * again, and no sound either: the session is one of the past. */
static bool is_stale(struct call *c, int status)
{
	if (status != 403)
		return false;
	c->channel_403++;
	return c->channel_403 >= (c->channel_was_open ? REFUSALS_MAX
				  : NEVER_OPEN_MAX * c->channel_urls);
}

void call_channel_closed(struct call *c, int code, int status, int64_t now_us)
{
	int64_t wait;
	unsigned round;

	call_enter(c, now_us);
	tell(c, false);
	if (!c->channel_url)
		goto out;
	log_info("call", "bridge channel closed: %d, HTTP %d", code, status);
	/* 1000 "replaced", 1001 the endpoint has ended: a new session tells where. */
	if (code == 1000 || code == 1001)
		goto out;
	if (is_stale(c, status)) {
		if (c->channel_was_open || !c->media_up)
			session_restart(c, "the bridge does not know us any more");
		goto out;
	}
	/* Once round all names, then more slowly. */
	if (!c->channel_was_open)
		next_url(c);
	round = c->channel_try++ / (c->channel_was_open || !c->channel_urls ? 1 : c->channel_urls);
	wait = INT64_C(1000000) << (round < 6 ? round : 6);
	c->channel_at_us = now_us + (wait > RETRY_MAX_US ? RETRY_MAX_US : wait);
out:
	call_leave_input(c);
}

void channel_tick(struct call *c)
{
	if (c->channel_at_us && c->now_us >= c->channel_at_us && c->channel_url)
		dial(c);
}

static void on_dominant(struct call *c, const struct colibri *m)
{
	struct person_entry *e = m->silence ? NULL : roster_find(c, m->endpoint);
	struct call_event ev = { .type = CALL_EV_SPEAKER, .person = e ? &e->p : NULL };

	if (!strcmp(c->speaker, e ? e->id : ""))
		return;
	call_set(&c->speaker, e ? e->id : "");
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
	double q = m->quality > 0 ? m->quality < 100 ? m->quality : 100 : 0;
	bool changed;

	if (!e || e->p.me)
		return;
	/* Told in steps that people would notice. */
	changed = e->p.quality < 0 || (int)(e->p.quality / 10) != (int)(q / 10);
	e->p.quality = q;
	if (changed)
		roster_changed(c, e);
}

void call_channel_input(struct call *c, const char *text, size_t len, int64_t now_us)
{
	struct colibri m;

	call_enter(c, now_us);
	if (len > MESSAGE_BYTES || colibri_parse(&m, text, len)) {
		c->count.malformed++;
		call_leave_input(c);
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
	call_leave_input(c);
}

void call_send_stats(struct call *c, double up_kbps, double down_kbps, double loss_up,
		     double loss_down, double quality, double rtt_ms)
{
	struct buf b = { 0 };

	if (c->channel_open &&
	    !colibri_write_endpoint_stats(&b, up_kbps, down_kbps, loss_up, loss_down, quality, rtt_ms))
		c->ops.channel_send(c->ops_ctx, buf_str(&b), b.len);
	buf_free(&b);
}
