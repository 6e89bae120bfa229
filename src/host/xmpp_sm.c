/* xmpp_sm.c - stream management: clients that lose their socket keep their seat
 *
 *	awake -> (socket dies) -> asleep -> <resume/> on another stream -> awake
 *	                                \-> 60 s, or too much waits -> leaves its rooms
 *
 * Whoever sleeps stays in its rooms, its media session lives on in the bridge,
 * and what it is told is kept, within bounds.  The stream that resumes takes
 * over address, seats and counters of the old one, which is swept.  Of those
 * that ended the host remembers how far they came, so that a client that is too
 * late knows which of its messages arrived (XEP-0198, 5: h of <failed/>).
 */
#include "host/server_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/chat.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define TOO_LONG "Disconnected: Hibernating too long"   /* as Prosody has it */

static void failed(struct xmpp_conn *c, const char *condition, const uint32_t *h)
{
	struct xml *f = xml_new("failed", NS_SM);

	if (h)
		xml_setf(f, "h", "%u", (unsigned)*h);
	xml_add(f, condition, NS_STANZAS);
	conn_send(c, f);
}

/* ---- enabling ---- */

static void enable(struct xmpp_conn *c, const struct xml *x)
{
	struct xml *e;

	if (c->state != CONN_BOUND || c->sm) {
		failed(c, "unexpected-request", NULL);
		return;
	}
	if (sm_new(&c->sm, LIMIT_SM_STANZAS, LIMIT_SM_BYTES)) {
		failed(c, "internal-server-error", NULL);
		return;
	}
	e = xml_new("enabled", NS_SM);
	if (xml_is_true(x, "resume")) {
		rng_alnum(c->sm_id, SM_ID_CHARS);
		xml_set(e, "id", c->sm_id);
		xml_set(e, "resume", "true");
		xml_setf(e, "max", "%d", (int)(LIMIT_ASLEEP_US / 1000000));
	}
	conn_send(c, e);
}

/* ---- the end of a sleep ---- */

static void remember(struct xmpp_conn *c)
{
	struct past_stream *p = &c->server->past[c->server->past_next++ % PAST_STREAMS];

	text_copy(p->id, sizeof(p->id), c->sm_id);
	p->h = sm_h(c->sm);
}

static void wake_never(struct xmpp_conn *c)
{
	if (c->dying)
		return;
	remember(c);
	c->dying = true;
	c->leave_text = TOO_LONG;
	c->server->to_sweep = true;
}

/* ---- counting ---- */

void conn_sm_sent(struct xmpp_conn *c, const char *text, size_t len)
{
	/* At the bound it only cannot be resumed; who sleeps is over then. */
	if (c->sm && sm_sent(c->sm, text, len, c->server->now_us) && c->asleep_until_us)
		wake_never(c);
}

void conn_sm_ask(struct xmpp_conn *c)
{
	if (!c->sm || c->asleep_until_us || c->dying)
		return;
	if (sm_ask(c->sm, c->server->now_us))
		conn_text(c, "<r xmlns=\"" NS_SM "\"/>");
	if (sm_ask_at(c->sm) != CLOCK_NEVER)
		server_due_at(c->server, sm_ask_at(c->sm));
}

/* XEP-0198, 4: who acknowledges more than it was sent is told so and closed. */
static void acked(struct xmpp_conn *c, const struct xml *x)
{
	uint32_t h;

	if (c->sm && !sm_h_parse(xml_attr(x, "h"), &h) && !sm_acked(c->sm, h)) {
		conn_sm_ask(c);
		return;
	}
	if (!c->sm)
		return;
	server_note(c->server, NOTICE_ACKS, c);
	conn_end(c, "undefined-condition", "acknowledged what was never sent", 1008, "bad acknowledgement");
}

static void answer(struct xmpp_conn *c)
{
	struct xml *a;

	if (!c->sm)
		return;
	a = xml_new("a", NS_SM);
	xml_setf(a, "h", "%u", (unsigned)sm_h(c->sm));
	conn_send(c, a);
}

/* ---- sleeping ---- */

/* Of one address, so that nobody fills the place of all; then of all. */
static void make_place(struct server *s, const char *peer)
{
	struct xmpp_conn *oldest = NULL, *oldest_here = NULL;
	unsigned all = 0, here = 0;

	for (struct xmpp_conn *c = s->conns; c; c = c->next) {
		bool same = !strcmp(c->peer, peer);

		if (!c->asleep_until_us || c->dying)
			continue;
		all++;
		here += same;
		if (!oldest || c->asleep_until_us < oldest->asleep_until_us)
			oldest = c;
		if (same && (!oldest_here || c->asleep_until_us < oldest_here->asleep_until_us))
			oldest_here = c;
	}
	if (here >= LIMIT_ASLEEP_EACH)
		wake_never(oldest_here);
	else if (all >= LIMIT_ASLEEP)
		wake_never(oldest);
}

bool conn_sm_sleep(struct xmpp_conn *c)
{
	if (c->state != CONN_BOUND || !c->sm || !*c->sm_id || !sm_can_resume(c->sm) || c->dying)
		return false;
	make_place(c->server, c->peer);
	/* What was not handled was not counted: the client sends it again. */
	conn_drop_backlog(c);
	c->gone = true;
	c->link = NULL;
	c->asleep_until_us = c->server->now_us + LIMIT_ASLEEP_US;
	server_due_at(c->server, c->asleep_until_us);
	log_debug("host", "%s sleeps", c->jid);
	return true;
}

void conn_sm_tick(struct xmpp_conn *c)
{
	if (c->asleep_until_us && c->server->now_us >= c->asleep_until_us)
		wake_never(c);
	else
		conn_sm_ask(c);
}

int64_t conn_sm_due(const struct xmpp_conn *c)
{
	if (c->asleep_until_us)
		return c->asleep_until_us;
	return c->sm ? sm_ask_at(c->sm) : CLOCK_NEVER;
}

/* ---- waking ---- */

static struct xmpp_conn *find(struct server *s, const char *id)
{
	struct xmpp_conn *found = NULL;

	/* No early end: the time tells nothing of the ids. */
	for (struct xmpp_conn *c = s->conns; c; c = c->next)
		if (c->sm && *c->sm_id && !c->dying && text_same_secret(c->sm_id, id))
			found = c;
	return found;
}

static void not_found(struct xmpp_conn *c, const char *id)
{
	const struct server *s = c->server;
	const uint32_t *h = NULL;

	for (unsigned i = 0; i < PAST_STREAMS; i++)
		if (*s->past[i].id && text_same_secret(s->past[i].id, id))
			h = &s->past[i].h;
	failed(c, "item-not-found", h);
}

/* Address, seats and counters change hands; what is left of old is swept. */
static void take_over(struct xmpp_conn *c, struct xmpp_conn *old)
{
	free(c->jid);
	c->jid = old->jid;
	old->jid = NULL;
	host_set(&old->jid, "");
	c->sm = old->sm;
	old->sm = NULL;
	text_copy(c->sm_id, sizeof(c->sm_id), old->sm_id);
	for (int i = 0; i < LIMIT_ROOMS_EACH; i++) {
		c->seat[i] = old->seat[i];
		old->seat[i] = NULL;
		if (c->seat[i])
			c->seat[i]->conn = c;
	}
	c->state = CONN_BOUND;
	if (old->asleep_until_us) {
		old->dying = true;
		c->server->to_sweep = true;
	} else {
		/* The client knew before us that this socket is dead. */
		conn_end(old, "conflict", "resumed on another connection", 1008, "resumed elsewhere");
	}
}

/* XEP-0203, as Prosody has it: what was said meanwhile says when.  History
 * does so already, and of presences only the last one counts. */
static void send_again(struct xmpp_conn *c, const struct sm_stanza *at, const char *text, size_t len)
{
	static const char end[] = "</message>";
	struct server *s = c->server;
	struct buf b = { 0 };
	char stamp[32], *bare = jid_bare(c->jid);
	struct xml *d;

	if (len < sizeof(end) || strncmp(text, "<message", 8) ||
	    memcmp(text + len - strlen(end), end, strlen(end)) ||
	    memmem(text, len, NS_DELAY, strlen(NS_DELAY))) {
		conn_bytes(c, text, len);
		free(bare);
		return;
	}
	chat_stamp_write(stamp, server_wall_us(s) - (s->now_us - sm_stanza_us(at)));
	d = xml_new("delay", NS_DELAY);
	xml_set(d, "from", bare ? bare : s->domain);
	xml_set(d, "stamp", stamp);
	buf_add(&b, text, len - strlen(end));
	if (xml_write(d, &b) || (buf_adds(&b, end), buf_err(&b)))
		conn_bytes(c, text, len);
	else
		conn_bytes(c, b.p, b.len);
	xml_free(&d);
	buf_free(&b);
	free(bare);
}

static void resume(struct xmpp_conn *c, const struct xml *x)
{
	const char *id = xml_attr(x, "previd");
	struct xmpp_conn *old = id && c->state == CONN_BINDING ? find(c->server, id) : NULL;
	const struct sm_stanza *at = NULL;
	const char *text;
	struct xml *r;
	size_t len;
	uint32_t h;

	if (c->state != CONN_BINDING) {
		failed(c, "unexpected-request", NULL);
		return;
	}
	if (!old || !sm_can_resume(old->sm)) {
		not_found(c, id ? id : "");
		return;
	}
	if (sm_h_parse(xml_attr(x, "h"), &h) || !sm_ack_ok(old->sm, h)) {
		server_note(c->server, NOTICE_ACKS, c);
		failed(c, "bad-request", NULL);
		return;
	}
	take_over(c, old);
	sm_acked(c->sm, h);
	r = xml_new("resumed", NS_SM);
	xml_setf(r, "h", "%u", (unsigned)sm_h(c->sm));
	xml_set(r, "previd", c->sm_id);
	conn_send(c, r);
	while ((text = sm_next(c->sm, &at, &len)))
		send_again(c, at, text, len);
	sm_ask_again(c->sm, c->server->now_us);
	conn_sm_ask(c);
	c->server->stats.resumed++;
	log_debug("host", "%s is back", c->jid);
}

void conn_sm_element(struct xmpp_conn *c, const struct xml *x)
{
	if (xml_is(x, "enable", NULL))
		enable(c, x);
	else if (xml_is(x, "resume", NULL))
		resume(c, x);
	else if (xml_is(x, "a", NULL))
		acked(c, x);
	else if (xml_is(x, "r", NULL))
		answer(c);
	else
		failed(c, "feature-not-implemented", NULL);
}
