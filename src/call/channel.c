/* channel.c - the bridge channel: who talks, who is gone
 *
 *	offer -> WebSocket or SCTP -> open -> closed -> again
 *	                \-- does not open --> the other form, if it is offered
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

enum {
	MESSAGE_BYTES = 256 << 10, RETRY_MAX_US = 60000000, REFUSALS_MAX = 2, NEVER_OPEN_MAX = 4,
	/* Seen: open 0.05 s after DTLS, or after a bridge's restart never. */
	DATA_OPEN_US = 8000000,
	HURRY_US = 2000000              /* between attempts while no sound comes */
};

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

/* The one in use, of those that were offered; NULL: none was. */
static const char *url_now(const struct call *c)
{
	return c->channel_urls ? c->channel_url[c->channel_turn % c->channel_urls] : NULL;
}

static void dial(struct call *c)
{
	struct buf origin = { 0 };

	buf_addf(&origin, "%s://%s", c->a.plain ? "http" : "https", c->a.authority);
	c->ops.channel_open(c->ops_ctx, url_now(c), buf_str(&origin));
	buf_free(&origin);
}

static void forget_urls(struct call *c)
{
	while (c->channel_urls)
		text_forget(&c->channel_url[--c->channel_urls]);
}

static void hang_up(struct call *c)
{
	if (c->channel_form == FORM_WEBSOCKET)
		c->ops.channel_close(c->ops_ctx);
	else if (c->channel_form == FORM_DATA)
		c->ops.data_close(c->ops_ctx);
	c->channel_form = FORM_NONE;
}

static void try_form(struct call *c, enum channel_form form)
{
	c->channel_at_us = c->channel_limit_us = 0;
	if (c->channel_form != form)
		hang_up(c);
	c->channel_form = form;
	if (form == FORM_WEBSOCKET)
		dial(c);
	else if (form == FORM_DATA)
		c->ops.data_open(c->ops_ctx, c->channel_port);
}

void channel_start(struct call *c, const struct jingle *offer)
{
	const struct jingle_transport *t = &offer->transport;
	bool data = offer->data && c->channel_wish != CALL_CHANNEL_WEBSOCKET;

	c->channel_try = c->channel_403 = c->channel_turn = 0;
	c->channel_was_open = false;
	forget_urls(c);
	for (size_t i = 0; i < t->websockets; i++)
		if (is_usable(c, t->websocket[i]))
			call_set(&c->channel_url[c->channel_urls++], t->websocket[i]);
	c->channel_port = data ? (uint16_t)t->sctp_port : 0;
	if (c->channel_urls && !(c->channel_port && c->channel_wish == CALL_CHANNEL_SCTP))
		try_form(c, FORM_WEBSOCKET);
	else if (c->channel_port)
		try_form(c, FORM_DATA);
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
	hang_up(c);
	c->channel_at_us = c->channel_limit_us = c->unnamed_us = 0;
	c->channel_port = 0;
	tell(c, false);
}

static void say(struct call *c, const struct buf *b)
{
	if (c->channel_form == FORM_WEBSOCKET)
		c->ops.channel_send(c->ops_ctx, buf_str(b), b->len);
	else if (c->channel_form == FORM_DATA)
		c->ops.data_send(c->ops_ctx, buf_str(b), b->len);
}

static void on_open(struct call *c)
{
	struct buf b = { 0 };

	log_info("call", "bridge channel open, by %s",
		 c->channel_form == FORM_DATA ? "SCTP" : "WebSocket");
	c->channel_try = c->channel_403 = 0;
	c->channel_at_us = c->channel_limit_us = c->bridge_lost_us = 0;
	c->channel_was_open = true;
	/* No picture, whatever the bridge's own start would be. */
	if (!colibri_write_last_n(&b, 0))
		say(c, &b);
	buf_free(&b);
	tell(c, true);
}

/* After a wait that grows; a form that was not tried yet is not waited for. */
static void try_again(struct call *c, enum channel_form form)
{
	/* Once round all names, then more slowly. */
	bool names = form == FORM_WEBSOCKET && !c->channel_was_open && c->channel_urls;
	unsigned round = c->channel_try / (names ? c->channel_urls : 1);
	int64_t wait = INT64_C(1000000) << (round < 6 ? round : 6);

	if (form != c->channel_form && !c->channel_try)
		wait = 0;
	/* What the bridge answers tells whether it still knows us. */
	if (c->interrupted_us && wait > HURRY_US)
		wait = HURRY_US;
	c->channel_try++;
	c->channel_next = form;
	c->channel_at_us = c->now_us + (wait > RETRY_MAX_US ? RETRY_MAX_US : wait);
	c->channel_limit_us = 0;
}

/* The form that is tried does not open: the other one, where there is one. */
static void move_on(struct call *c)
{
	bool data = c->channel_form == FORM_DATA;

	if (data && c->channel_urls)
		try_again(c, FORM_WEBSOCKET);
	else if (!data && c->channel_port)
		try_again(c, FORM_DATA);
	else
		try_again(c, c->channel_form);
}

/* ---- by WebSocket ---- */

void call_channel_opened(struct call *c, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->channel_form == FORM_WEBSOCKET)
		on_open(c);
	call_leave_input(c);
}

/* HTTP 403: the bridge does not know us.  Once after it did, or again and
 * again, and no sound either: the session is one of the past. */
static bool is_stale(struct call *c, int status)
{
	if (status != 403)
		return false;
	c->channel_403++;
	/* It knew us, it does not, and no sound comes: what else is needed? */
	if (c->channel_was_open && !c->media_up)
		return true;
	return c->channel_403 >= (c->channel_was_open ? REFUSALS_MAX
				  : NEVER_OPEN_MAX * c->channel_urls);
}

static void on_refused(struct call *c)
{
	if (c->channel_was_open || !c->media_up)
		session_restart(c, "the bridge does not know us any more");
	else if (c->channel_port)
		move_on(c);
}

static void dial_again(struct call *c, bool was_open, int status)
{
	/* A bridge may have several names, and not all of them be reached from here. */
	if (!c->channel_was_open)
		c->channel_turn++;
	else if (status == 403)
		c->channel_try = 0;     /* asked once more, and soon */
	/* A name that was not tried yet comes before the other form. */
	if (was_open || status == 403 ||
	    (!c->channel_was_open && c->channel_turn % c->channel_urls))
		try_again(c, FORM_WEBSOCKET);
	else
		move_on(c);
}

void channel_hurry(struct call *c)
{
	if (c->channel_at_us > c->now_us + HURRY_US)
		c->channel_at_us = c->now_us + HURRY_US;
}

void call_channel_closed(struct call *c, int code, int status, int64_t now_us)
{
	bool was = c->channel_open;

	call_enter(c, now_us);
	if (c->channel_form != FORM_WEBSOCKET)
		goto out;
	tell(c, false);
	log_info("call", "bridge channel closed: %d, HTTP %d", code, status);
	if (was && code == 1006)        /* its process may have ended; else sound goes on */
		session_bridge_missed(c, c->now_us);
	/* 1000 "replaced", 1001 the endpoint has ended: a new session tells where. */
	if (code == 1000 || code == 1001)
		goto out;
	if (is_stale(c, status))
		on_refused(c);
	else
		dial_again(c, was, status);
out:
	call_leave_input(c);
}

/* ---- by SCTP ---- */

void call_data_state(struct call *c, const char *sid, bool open, bool over, const char *why,
		     int64_t now_us)
{
	bool was = c->channel_open;

	call_enter(c, now_us);
	/* Of a session, or a form, that is left. */
	if (c->channel_form != FORM_DATA || !c->sid || strcmp(c->sid, sid))
		goto out;
	if (open) {
		on_open(c);
		goto out;
	}
	tell(c, false);
	log_info("call", "bridge channel closed: %s", why);
	if (was || !over)       /* where the other side began anew it opens by itself before */
		try_again(c, FORM_DATA);
	else
		move_on(c);
out:
	call_leave_input(c);
}

/* The time begins with the sound: without that there is no way for it. */
static void watch_data(struct call *c)
{
	if (c->channel_form != FORM_DATA || c->channel_open || !c->media_up || c->channel_at_us)
		return;
	if (!c->channel_limit_us)
		c->channel_limit_us = c->now_us + DATA_OPEN_US;
	if (c->now_us < c->channel_limit_us)
		return;
	log_info("call", "the bridge channel does not open by SCTP");
	move_on(c);
}

/* ---- time ---- */

void channel_tick(struct call *c)
{
	if (is_due(c, c->channel_at_us))
		try_form(c, c->channel_next);
	watch_data(c);
	source_map_watch(c);
}

void channel_next(const struct call *c, int64_t *next)
{
	sooner(next, c->channel_at_us);
	sooner(next, c->channel_limit_us);
	sooner(next, c->unnamed_us);
}

/* ---- what the bridge says ---- */

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

static void round_trip(struct call_person *p, double rtt_ms)
{
	enum { FORGETS = 64 };  /* within minutes, as who tells may have another bridge by then */

	p->rtt_ms = rtt_ms > 0 ? rtt_ms : 0;
	if (p->rtt_ms <= 0)
		return;
	if (p->least_rtt_ms <= 0 || p->rtt_ms < p->least_rtt_ms)
		p->least_rtt_ms = p->rtt_ms;
	else
		p->least_rtt_ms += (p->rtt_ms - p->least_rtt_ms) / FORGETS;
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
	e->p.loss = m->loss_down > 0 ? m->loss_down < 100 ? m->loss_down / 100 : 1 : 0;
	round_trip(&e->p, m->rtt);
	e->p.loss_us = c->now_us;
	if (changed)
		roster_changed(c, e);
}

static void on_message(struct call *c, const char *text, size_t len)
{
	struct colibri m;

	if (len > MESSAGE_BYTES || colibri_parse(&m, text, len)) {
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
	case COLIBRI_AUDIO_MAP:
		source_map_take(c, &m);
		break;
	default:
		break;
	}
	colibri_clear(&m);
}

void call_channel_input(struct call *c, const char *text, size_t len, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->channel_form == FORM_WEBSOCKET)
		on_message(c, text, len);
	call_leave_input(c);
}

void call_data_input(struct call *c, const char *sid, const char *text, size_t len,
		     int64_t now_us)
{
	call_enter(c, now_us);
	if (c->channel_form == FORM_DATA && c->sid && !strcmp(c->sid, sid))
		on_message(c, text, len);
	call_leave_input(c);
}

void call_send_stats(struct call *c, double up_kbps, double down_kbps, double loss_up,
		     double loss_down, double quality, double rtt_ms)
{
	struct buf b = { 0 };

	if (c->channel_open &&
	    !colibri_write_endpoint_stats(&b, up_kbps, down_kbps, loss_up, loss_down, quality, rtt_ms))
		say(c, &b);
	buf_free(&b);
}
