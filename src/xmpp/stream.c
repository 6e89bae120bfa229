/* stream.c - the client's XMPP stream over WebSocket: stanzas, IQs, time
 *
 * Each message is one element.  IQs that wait are kept by id and by whom they
 * went to: an answer with a right id from somebody else is no answer
 * (RFC 6120, 8.2.3, and a way to forge one).
 *
 * With stream management a lost socket only cuts the stream.  What is sent
 * then is kept, IQs wait without getting older, and a new socket takes all of
 * it up again; nobody above sees more than a pause.
 */
#include "xmpp/stream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"
#include "xmpp/stream_priv.h"

enum {
	PING_INTERVAL_US = 10000000, PING_TIMEOUT_US = 5000000, PING_FAILURES = 2,
	LOGIN_US = 20000000,    /* from open to bound */
	MALFORMED_MAX = 5,      /* in a row */
	IQ_MAX = 256,           /* waiting at once */
	/* Kept until acknowledged: minutes of a busy client. */
	KEPT_MAX = 500, KEPT_BYTES = 2 << 20
};

int xmpp_stream_new(struct xmpp_stream **out, const struct xmpp_config *cfg,
		    const struct xmpp_events *ev, void *ctx)
{
	struct xmpp_stream *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	if (!s)
		return err;
	s->ev = *ev;
	s->ctx = ctx;
	s->ping_interval_us = cfg->ping_interval_us ? cfg->ping_interval_us : PING_INTERVAL_US;
	s->ping_timeout_us = cfg->ping_timeout_us ? cfg->ping_timeout_us : PING_TIMEOUT_US;
	s->ping_failures = cfg->ping_failures ? cfg->ping_failures : PING_FAILURES;
	s->ping_at_us = CLOCK_NEVER;
	if (!cfg->no_sm && sm_new(&s->sm, KEPT_MAX, KEPT_BYTES)) {
		xmpp_stream_free(&s);
		return err;
	}
	rng_hex(s->id_prefix, sizeof(s->id_prefix) - 1);
	if (text_set(&s->domain, cfg->domain) || text_set(&s->user, cfg->user) ||
	    text_set(&s->password, cfg->password) || text_set(&s->jid, "")) {
		xmpp_stream_free(&s);
		return err;
	}
	*out = s;
	return 0;
}

static void waiting_free(struct waiting *w)
{
	free(w->id);
	free(w->to);
	free(w);
}

void xmpp_stream_forget(struct xmpp_stream *s)
{
	while (s->waiting) {
		struct waiting *w = s->waiting;

		s->waiting = w->next;
		waiting_free(w);
	}
	s->waits = 0;
	s->pinging = false;
}

void xmpp_stream_free(struct xmpp_stream **sp)
{
	struct xmpp_stream *s = *sp;

	if (!s)
		return;
	xmpp_stream_forget(s);
	xml_free(&s->features);
	sm_free(&s->sm);
	text_forget(&s->previd);
	text_forget(&s->password);
	scram_free(&s->scram);
	free(s->domain);
	free(s->user);
	free(s->jid);
	free(s);
	*sp = NULL;
}

/* ---- output ---- */

void stream_text(struct xmpp_stream *s, const char *text)
{
	s->ev.send(s->ctx, text, strlen(text));
}

/* Whoever waits hears that nothing comes any more.  A handler that asks again
 * is refused: the stream is closed by then. */
static void end_waiting(struct xmpp_stream *s)
{
	while (s->waiting) {
		struct waiting *w = s->waiting;

		s->waiting = w->next;
		s->waits--;
		w->fn(w->ctx, NULL);
		waiting_free(w);
	}
}

void stream_fail(struct xmpp_stream *s, enum xmpp_error why, const char *text)
{
	if (s->phase == CLOSED)
		return;
	/* Who only does not answer may do so on another socket. */
	if (why != XMPP_DEAD || !xmpp_stream_cut(s, s->now_us))
		s->phase = CLOSED;
	s->ping_at_us = CLOCK_NEVER;
	/* Who waits hears of it in the next tick: failed() may free what their
	 * handlers stand on, and forget them. */
	s->ev.failed(s->ctx, why, text);
}

int stream_element(struct xmpp_stream *s, const struct xml *x)
{
	struct buf b = { 0 };
	int err = xml_write(x, &b);

	if (!err)
		s->ev.send(s->ctx, b.p, b.len);
	if (b.p && s->phase == AUTH)    /* may hold the password */
		text_wipe(b.p, b.len);
	buf_free(&b);
	return err;
}

static void ask_for_ack(struct xmpp_stream *s)
{
	if (s->sm_on && s->phase == READY && sm_ask(s->sm, s->now_us))
		stream_text(s, "<r xmlns=\"" NS_SM "\"/>");
}

/* Counted by the server from <enable/> on, by us from then, too. */
static int keep(struct xmpp_stream *s, const struct buf *b)
{
	int err = s->phase == ENABLING || s->sm_on ? sm_sent(s->sm, b->p, b->len, s->now_us) : 0;

	/* Not kept, but sent: it only cannot be resumed any more. */
	return s->phase == READY ? 0 : err;
}

static int send_stanza(struct xmpp_stream *s, const struct xml *x)
{
	struct buf b = { 0 };
	int err = xml_write(x, &b);

	if (!err)
		err = keep(s, &b);
	if (!err) {
		s->number++;
		s->count.out++;
		if (s->phase >= BINDING)
			s->ev.send(s->ctx, b.p, b.len);
		ask_for_ack(s);
	}
	buf_free(&b);
	return err;
}

void xmpp_stream_open(struct xmpp_stream *s, int64_t now_us)
{
	s->phase = OPENING;
	s->now_us = s->heard_us = now_us;
	s->login_until_us = now_us + LOGIN_US;
	s->bad_row = 0;
	login_open(s);
}

void xmpp_stream_close(struct xmpp_stream *s)
{
	if (s->phase == CLOSED)
		return;
	if (s->phase != CUT)
		stream_text(s, "<close xmlns=\"" NS_FRAMING "\" />");
	s->phase = CLOSED;
	s->ping_at_us = CLOCK_NEVER;
}

const char *xmpp_stream_jid(const struct xmpp_stream *s)
{
	return s->jid;
}

/* ---- cuts ---- */

bool xmpp_stream_cut(struct xmpp_stream *s, int64_t now_us)
{
	bool up = s->phase == READY || (s->cut_us && s->phase != CLOSED);

	if (!up || !s->previd || !sm_can_resume(s->sm))
		return false;
	s->phase = CUT;
	s->ping_at_us = CLOCK_NEVER;
	if (!s->cut_us)
		s->cut_us = now_us;
	return true;
}

bool xmpp_stream_is_cut(const struct xmpp_stream *s)
{
	return s->cut_us && s->phase != CLOSED;
}

const char *xmpp_stream_previd(const struct xmpp_stream *s)
{
	return xmpp_stream_is_cut(s) && sm_can_resume(s->sm) ? s->previd : NULL;
}

int64_t xmpp_stream_resume_until(const struct xmpp_stream *s)
{
	return xmpp_stream_previd(s) ? s->cut_us + s->resume_for_us : 0;
}

uint64_t xmpp_stream_last(const struct xmpp_stream *s)
{
	return s->number;
}

uint64_t xmpp_stream_handled(const struct xmpp_stream *s)
{
	uint64_t acked = s->sm_on ? s->number_enabled + sm_last_acked(s->sm) : 0;

	return acked > s->handled ? acked : s->handled;
}

bool xmpp_stream_managed(const struct xmpp_stream *s)
{
	return s->sm_on;
}

/* ---- stanzas out ---- */

int xmpp_stream_send(struct xmpp_stream *s, struct xml **stanza)
{
	bool kept = xmpp_stream_is_cut(s);
	int err = !*stanza ? -ENOMEM : s->phase < BINDING && !kept ? -ENOTCONN : send_stanza(s, *stanza);

	xml_free(stanza);
	return err;
}

int xmpp_stream_iq(struct xmpp_stream *s, struct xml **iq, int64_t timeout_us, int64_t now_us,
		   xmpp_iq_fn *fn, void *ctx)
{
	struct waiting *w = calloc(1, sizeof(*w));
	const char *to = xml_attr(*iq, "to");
	struct buf id = { 0 };
	int err = -ENOMEM;

	if (!w || !*iq)
		goto fail;
	err = -EBUSY;
	if (s->waits >= IQ_MAX)
		goto fail;
	buf_addf(&id, "%s-%u", s->id_prefix, s->next_id++);
	w->id = buf_steal(&id);
	w->to = strdup(to ? to : "");
	err = -ENOMEM;
	if (!w->id || !w->to)
		goto fail;
	/* While the stream is cut the time stands, as that of the others does. */
	w->until_us = (xmpp_stream_is_cut(s) ? s->cut_us : now_us) + timeout_us;
	w->number = s->number + 1;
	s->now_us = now_us;
	w->fn = fn;
	w->ctx = ctx;
	xml_set(*iq, "id", w->id);
	/* Linked before it is sent: a peer in a test may answer at once. */
	w->next = s->waiting;
	s->waiting = w;
	s->waits++;
	err = xmpp_stream_send(s, iq);
	if (!err)
		return 0;
	for (struct waiting **p = &s->waiting; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			s->waits--;
			break;
		}
fail:
	if (w)
		waiting_free(w);
	xml_free(iq);
	return err;
}

int xmpp_stream_result(struct xmpp_stream *s, const struct xml *iq, struct xml *child)
{
	struct xml *a = xmpp_iq_answer(iq, "result");

	xml_set(a, "from", NULL);       /* the server puts ours */
	xml_adopt(a, child);
	return xmpp_stream_send(s, &a);
}

int xmpp_stream_error(struct xmpp_stream *s, const struct xml *iq, const char *type,
		      const char *condition, struct xml *extra)
{
	struct xml *a = xmpp_iq_answer(iq, "error"), *e;

	xml_set(a, "from", NULL);
	e = xmpp_error_add(a, type, condition, NULL);
	xml_adopt(e, extra);
	return xmpp_stream_send(s, &a);
}

static void on_stream_error(struct xmpp_stream *s, const struct xml *x)
{
	struct buf b = { 0 };
	const char *text = xml_child_text(x, "text", NULL);
	const char *other = xml_child_text(x, "see-other-host", NS_STREAM_ERROR);

	if (other && *other) {
		stream_fail(s, XMPP_ELSEWHERE, other);
		return;
	}
	for (const struct xml *c = xml_first(x); c; c = xml_next(c))
		if (!xml_is(c, "text", NULL)) {
			buf_adds(&b, xml_name(c));
			break;
		}
	if (text && *text)
		buf_addf(&b, ": %s", text);
	stream_fail(s, XMPP_STREAM, buf_str(&b));
	buf_free(&b);
}

static void on_close(struct xmpp_stream *s, const struct xml *x)
{
	const char *other = xml_attr(x, "see-other-uri");

	/* RFC 7395, 3.6: a close is answered by a close. */
	stream_text(s, "<close xmlns=\"" NS_FRAMING "\" />");
	if (other && *other)
		stream_fail(s, XMPP_ELSEWHERE, other);
	else
		stream_fail(s, XMPP_CLOSED, "the server closed the stream");
}

/* ---- stanzas ---- */

/* Servers fold the case of all but the resource (RFC 7622). */
static bool same_address(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");

	return strlen(a) == strlen(b) && !strncasecmp(a, b, n) && !strcmp(a + n, b + n);
}

/* Whoever we asked; our server and our own account may leave `from` out
 * (RFC 6120, 8.1.2.1), and answer by any of their names what had no `to`. */
static bool is_from(const struct xmpp_stream *s, const struct waiting *w, const char *from)
{
	if (*w->to && from)
		return same_address(w->to, from);
	if (*w->to)
		return same_address(w->to, s->domain) ||
		       (!*jid_resource(w->to) && jid_same_bare(w->to, s->jid));
	return !from || same_address(from, s->domain) || (*s->jid && jid_same_bare(from, s->jid));
}

static bool is_own_server(const struct xmpp_stream *s, const char *to)
{
	return !*to || same_address(to, s->domain);
}

static void take_answer(struct xmpp_stream *s, const struct xml *iq)
{
	const char *id = xml_attr(iq, "id");

	for (struct waiting **p = &s->waiting; id && *p; p = &(*p)->next) {
		struct waiting *w = *p;

		if (strcmp(w->id, id) || !is_from(s, w, xml_attr(iq, "from")))
			continue;
		*p = w->next;
		s->waits--;
		/* Our server takes what we send in order. */
		if (is_own_server(s, w->to) && w->number > s->handled)
			s->handled = w->number;
		w->fn(w->ctx, iq);
		waiting_free(w);
		return;
	}
	s->count.unexpected_answers++;
}

static void on_request(struct xmpp_stream *s, const struct xml *iq)
{
	if (xml_child(iq, "ping", NS_PING))
		xmpp_stream_result(s, iq, NULL);
	else if (!s->ev.stanza(s->ctx, iq))
		xmpp_stream_error(s, iq, "cancel", "service-unavailable", NULL);
}

static void on_stanza(struct xmpp_stream *s, const struct xml *x)
{
	const char *type = xml_attr(x, "type");
	bool is_answer;

	s->count.in++;
	if (s->sm_on)
		sm_got(s->sm);
	if (!xml_is(x, "iq", NULL)) {
		s->ev.stanza(s->ctx, x);
		return;
	}
	is_answer = type && (!strcmp(type, "result") || !strcmp(type, "error"));
	if (is_answer) {
		enum phase before = s->phase;

		take_answer(s, x);
		/* Told here, not in the handler of the bind: the handlers of
		 * ready() send IQs, and the table is whole again. */
		if (before == BINDING && s->phase == READY)
			login_bound(s);
	} else {
		on_request(s, x);
	}
}

void stream_ready(struct xmpp_stream *s)
{
	s->phase = READY;
	s->ping_at_us = s->heard_us + s->ping_interval_us;
	s->ev.ready(s->ctx, s->jid, s->features);
}

/* ---- stream management ---- */

static void send_ack(struct xmpp_stream *s)
{
	struct xml *a = xml_new("a", NS_SM);

	xml_setf(a, "h", "%u", (unsigned)sm_h(s->sm));
	stream_element(s, a);
	xml_free(&a);
}

static void on_sm(struct xmpp_stream *s, const struct xml *x)
{
	uint32_t h;

	if (!xml_is(x, "r", NULL) && !xml_is(x, "a", NULL))
		login_sm(s, x);
	else if (!s->sm_on || s->phase != READY)
		;               /* of no stream of ours */
	else if (xml_is(x, "r", NULL))
		send_ack(s);
	else if (sm_h_parse(xml_attr(x, "h"), &h) || sm_acked(s->sm, h))
		s->count.bad_acks++;
	else
		ask_for_ack(s);
}

/* ---- in ---- */

static void malformed(struct xmpp_stream *s, const char *why)
{
	s->count.malformed++;
	if (++s->bad_row > MALFORMED_MAX)
		stream_fail(s, XMPP_PROTOCOL, why ? why : "the server's messages are no XML");
}

void xmpp_stream_input(struct xmpp_stream *s, const char *text, size_t len, int64_t now_us)
{
	const char *why;
	struct xml *x;
	int err;

	if (s->phase <= CUT)
		return;
	s->now_us = s->heard_us = now_us;
	s->failures = 0;
	err = xml_parse(&x, text, len, NULL, &why);
	if (err == -ENOMEM)
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	else if (err)
		malformed(s, why);
	if (err)
		return;
	s->bad_row = 0;
	if (xml_is(x, "open", NS_FRAMING))
		;               /* its attributes say nothing that matters */
	else if (xml_is(x, "close", NS_FRAMING))
		on_close(s, x);
	else if (xml_is(x, "features", NS_STREAM))
		login_features(s, x);
	else if (xml_is(x, "error", NS_STREAM))
		on_stream_error(s, x);
	else if (xml_is(x, NULL, NS_SASL))
		login_sasl(s, x);
	else if (xml_is(x, NULL, NS_SM))
		on_sm(s, x);
	else if (s->phase >= BINDING &&
		 (xml_is(x, "iq", NULL) || xml_is(x, "message", NULL) || xml_is(x, "presence", NULL)))
		on_stanza(s, x);
	xml_free(&x);
}

/* ---- time ---- */

static struct waiting *take_due(struct xmpp_stream *s, int64_t now_us)
{
	for (struct waiting **p = &s->waiting; *p; p = &(*p)->next)
		if ((*p)->until_us <= now_us) {
			struct waiting *w = *p;

			*p = w->next;
			s->waits--;
			return w;
		}
	return NULL;
}

static int64_t login_due(const struct xmpp_stream *s)
{
	return s->phase == ENABLING && s->enable_until_us < s->login_until_us ? s->enable_until_us
		: s->login_until_us;
}

static void login_tick(struct xmpp_stream *s)
{
	if (s->phase == ENABLING && s->now_us >= s->enable_until_us)
		stream_ready(s);        /* no <enabled/> came: without it */
	else if (s->phase > CUT && s->phase < READY && s->now_us >= s->login_until_us)
		stream_fail(s, s->cut_us ? XMPP_DEAD : XMPP_PROTOCOL,
			    "the server did not finish the login in time");
}

/* IQs that wait get no older while the stream is cut. */
static void expire(struct xmpp_stream *s)
{
	struct waiting *w;

	/* Two may be due at once after a suspend; the first may end the stream. */
	while (s->phase > CUT && !s->cut_us && (w = take_due(s, s->now_us))) {
		w->fn(w->ctx, NULL);
		waiting_free(w);
	}
}

int64_t xmpp_stream_tick(struct xmpp_stream *s, int64_t now_us)
{
	int64_t next;

	s->now_us = now_us;
	if (s->phase == CLOSED) {
		end_waiting(s);
		return CLOCK_NEVER;
	}
	expire(s);
	if (s->phase == READY && now_us >= s->ping_at_us)
		stream_ping(s, now_us);
	ask_for_ack(s);
	login_tick(s);
	if (s->phase == CLOSED)
		return s->waiting ? now_us : CLOCK_NEVER;
	if (s->phase == CUT)
		return CLOCK_NEVER;
	next = s->phase == READY ? s->ping_at_us : login_due(s);
	if (s->phase == READY && s->sm_on && sm_ask_at(s->sm) < next)
		next = sm_ask_at(s->sm);
	for (const struct waiting *w = s->waiting; w && !s->cut_us; w = w->next)
		if (w->until_us < next)
			next = w->until_us;
	return next;
}

void xmpp_stream_counters(const struct xmpp_stream *s, struct xmpp_counters *out)
{
	*out = s->count;
	out->unacked = s->sm ? sm_waiting(s->sm) : 0;
}
