/* stream.c - the client's XMPP stream over WebSocket
 *
 *	open -> features -> auth -> success -> open -> features -> bind -> ready
 *
 * Each message is one element.  IQs that wait are kept by id and by whom they
 * went to: an answer with a right id from somebody else is no answer
 * (RFC 6120, 8.2.3, and a way to forge one).
 */
#include "xmpp/stream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/codec.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

enum {
	PING_INTERVAL_US = 10000000, PING_TIMEOUT_US = 5000000, PING_FAILURES = 2,
	LOGIN_US = 20000000,    /* from open to bound */
	MALFORMED_MAX = 5,      /* in a row */
	IQ_MAX = 256            /* waiting at once */
};

enum phase { CLOSED, OPENING, AUTH, REOPENING, BINDING, READY };

struct waiting {
	struct waiting *next;
	char *id, *to;          /* to: "" our own server */
	int64_t until_us;
	xmpp_iq_fn *fn;
	void *ctx;
};

struct xmpp_stream {
	struct xmpp_events ev;
	void *ctx;
	char *domain, *user, *password, *jid;
	int64_t ping_interval_us, ping_timeout_us;
	unsigned ping_failures, failures;
	enum phase phase;
	struct xml *features;   /* the second ones */
	struct waiting *waiting;
	unsigned waits;
	char id_prefix[9];
	unsigned next_id, bad_row;
	int64_t heard_us, ping_at_us, pinged_us, login_until_us;
	bool pinging;
	struct xmpp_counters count;
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
	if (s->password)
		text_wipe(s->password, strlen(s->password));
	free(s->domain);
	free(s->user);
	free(s->password);
	free(s->jid);
	free(s);
	*sp = NULL;
}

/* ---- output ---- */

static void send_text(struct xmpp_stream *s, const char *text)
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

static void fail(struct xmpp_stream *s, enum xmpp_error why, const char *text)
{
	if (s->phase == CLOSED)
		return;
	s->phase = CLOSED;
	s->ping_at_us = CLOCK_NEVER;
	/* Who waits hears of it in the next tick: failed() may free what their
	 * handlers stand on, and forget them. */
	s->ev.failed(s->ctx, why, text);
}

static int send_xml(struct xmpp_stream *s, const struct xml *x)
{
	struct buf b = { 0 };
	int err = xml_write(x, &b);

	if (!err) {
		s->count.out++;
		s->ev.send(s->ctx, b.p, b.len);
	}
	if (b.p && s->phase == AUTH)    /* may hold the password */
		text_wipe(b.p, b.len);
	buf_free(&b);
	return err;
}

static void send_open(struct xmpp_stream *s)
{
	struct xml *o = xml_new("open", NS_FRAMING);

	xml_set(o, "to", s->domain);
	xml_set(o, "version", "1.0");
	if (send_xml(s, o))
		fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&o);
}

void xmpp_stream_open(struct xmpp_stream *s, int64_t now_us)
{
	s->phase = OPENING;
	s->heard_us = now_us;
	s->login_until_us = now_us + LOGIN_US;
	send_open(s);
}

void xmpp_stream_close(struct xmpp_stream *s)
{
	if (s->phase == CLOSED)
		return;
	send_text(s, "<close xmlns=\"" NS_FRAMING "\" />");
	s->phase = CLOSED;
	s->ping_at_us = CLOCK_NEVER;
}

const char *xmpp_stream_jid(const struct xmpp_stream *s)
{
	return s->jid;
}

int xmpp_stream_send(struct xmpp_stream *s, struct xml **stanza)
{
	int err = !*stanza ? -ENOMEM : s->phase < BINDING ? -ENOTCONN : send_xml(s, *stanza);

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
	w->until_us = now_us + timeout_us;
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

/* ---- login ---- */

static bool offers(const struct xml *features, const char *mechanism)
{
	const struct xml *ms = xml_child(features, "mechanisms", NS_SASL);
	const struct xml *m = xml_child(ms, "mechanism", NULL);

	for (; m; m = xml_next_like(m, "mechanism", NULL))
		if (!strcmp(xml_text(m), mechanism))
			return true;
	return false;
}

/* RFC 4616: NUL, user, NUL, password. */
static int add_plain(struct xmpp_stream *s, struct xml *auth)
{
	struct buf raw = { 0 };
	char *local = jid_local(s->user), *text = NULL;
	int err;

	buf_addc(&raw, 0);
	buf_adds(&raw, local && *local ? local : s->user);
	buf_addc(&raw, 0);
	buf_adds(&raw, s->password ? s->password : "");
	if (local && !buf_err(&raw))
		text = codec_base64(raw.p, raw.len);
	if (text) {
		xml_set_text(auth, text);
		text_wipe(text, strlen(text));
	}
	if (raw.p)
		text_wipe(raw.p, raw.len);
	buf_free(&raw);
	free(local);
	err = text ? 0 : -ENOMEM;
	free(text);
	return err;
}

static void start_auth(struct xmpp_stream *s, const struct xml *features)
{
	const char *mechanism = s->user ? "PLAIN" : "ANONYMOUS";
	struct xml *auth;

	if (!offers(features, mechanism)) {
		fail(s, XMPP_NO_MECHANISM, s->user ? "the server takes no login with a password"
		     : "the server wants a login: guests are not let in");
		return;
	}
	s->phase = AUTH;
	auth = xml_new("auth", NS_SASL);
	xml_set(auth, "mechanism", mechanism);
	if ((s->user && add_plain(s, auth)) || send_xml(s, auth))
		fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&auth);
}

static void on_bound(void *ctx, const struct xml *answer)
{
	struct xmpp_stream *s = ctx;
	const char *jid = xml_child_text(xml_child(answer, "bind", NS_BIND), "jid", NULL);

	if (!answer || !jid || !*jid_resource(jid)) {
		fail(s, XMPP_PROTOCOL, answer ? "the server gave no address" : "no answer to the login");
		return;
	}
	if (text_set(&s->jid, jid)) {
		fail(s, XMPP_NO_MEMORY, "out of memory");
		return;
	}
	s->phase = READY;
	s->ping_at_us = s->heard_us + s->ping_interval_us;
}

/* RFC 6120, 7: no resource is asked for. */
static void start_bind(struct xmpp_stream *s, const struct xml *features, int64_t now_us)
{
	struct xml *iq = xmpp_iq_new("set", NULL);

	xml_free(&s->features);
	xml_add(iq, "bind", NS_BIND);
	s->phase = BINDING;
	if (xml_dup(&s->features, features) ||
	    xmpp_stream_iq(s, &iq, 20000000, now_us, on_bound, s))
		fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&iq);         /* still ours if the copy failed */
}

static void on_features(struct xmpp_stream *s, const struct xml *x, int64_t now_us)
{
	if (s->phase == OPENING)
		start_auth(s, x);
	else if (s->phase == REOPENING && xml_child(x, "bind", NS_BIND))
		start_bind(s, x, now_us);
	else if (s->phase == REOPENING)
		fail(s, XMPP_PROTOCOL, "the server offers no binding");
}

static void on_sasl(struct xmpp_stream *s, const struct xml *x)
{
	const char *text;

	if (s->phase != AUTH)
		return;
	if (xml_is(x, "success", NULL)) {
		s->phase = REOPENING;
		send_open(s);
	} else if (xml_is(x, "failure", NULL)) {
		text = xml_child_text(x, "text", NULL);
		fail(s, XMPP_LOGIN, text && *text ? text : xml_name(xml_first(x)));
	}
}

static void on_stream_error(struct xmpp_stream *s, const struct xml *x)
{
	struct buf b = { 0 };
	const char *text = xml_child_text(x, "text", NULL);

	for (const struct xml *c = xml_first(x); c; c = xml_next(c))
		if (!xml_is(c, "text", NULL)) {
			buf_adds(&b, xml_name(c));
			break;
		}
	if (text && *text)
		buf_addf(&b, ": %s", text);
	fail(s, XMPP_STREAM, buf_str(&b));
	buf_free(&b);
}

static void on_close(struct xmpp_stream *s, const struct xml *x)
{
	const char *other = xml_attr(x, "see-other-uri");
	struct buf b = { 0 };

	/* RFC 7395, 3.6: a close is answered by a close. */
	send_text(s, "<close xmlns=\"" NS_FRAMING "\" />");
	buf_adds(&b, other ? "the server sends us to " : "the server closed the stream");
	if (other)
		buf_adds(&b, other);
	fail(s, XMPP_CLOSED, buf_str(&b));
	buf_free(&b);
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

static void take_answer(struct xmpp_stream *s, const struct xml *iq)
{
	const char *id = xml_attr(iq, "id");

	for (struct waiting **p = &s->waiting; id && *p; p = &(*p)->next) {
		struct waiting *w = *p;

		if (strcmp(w->id, id) || !is_from(s, w, xml_attr(iq, "from")))
			continue;
		*p = w->next;
		s->waits--;
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
			s->ev.ready(s->ctx, s->jid, s->features);
	} else {
		on_request(s, x);
	}
}

static void malformed(struct xmpp_stream *s, const char *why)
{
	s->count.malformed++;
	if (++s->bad_row > MALFORMED_MAX)
		fail(s, XMPP_PROTOCOL, why ? why : "the server's messages are no XML");
}

void xmpp_stream_input(struct xmpp_stream *s, const char *text, size_t len, int64_t now_us)
{
	const char *why;
	struct xml *x;
	int err;

	if (s->phase == CLOSED)
		return;
	s->heard_us = now_us;
	s->failures = 0;
	err = xml_parse(&x, text, len, NULL, &why);
	if (err == -ENOMEM)
		fail(s, XMPP_NO_MEMORY, "out of memory");
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
		on_features(s, x, now_us);
	else if (xml_is(x, "error", NS_STREAM))
		on_stream_error(s, x);
	else if (xml_is(x, NULL, NS_SASL))
		on_sasl(s, x);
	else if (s->phase >= BINDING &&
		 (xml_is(x, "iq", NULL) || xml_is(x, "message", NULL) || xml_is(x, "presence", NULL)))
		on_stanza(s, x);
	xml_free(&x);
}

/* ---- time ---- */

static void on_pong(void *ctx, const struct xml *answer)
{
	struct xmpp_stream *s = ctx;

	s->pinging = false;
	if (!answer && s->heard_us > s->pinged_us)
		return;         /* it spoke of something else meanwhile */
	/* An error is an answer of somebody who lives. */
	if (answer) {
		s->failures = 0;
		return;
	}
	if (++s->failures >= s->ping_failures)
		fail(s, XMPP_DEAD, "the server does not answer any more");
}

static void ping(struct xmpp_stream *s, int64_t now_us)
{
	struct xml *iq;

	s->ping_at_us = now_us + s->ping_interval_us;
	/* Whoever was heard since the last look need not be asked. */
	if (s->pinging || now_us - s->heard_us < s->ping_interval_us) {
		if (!s->pinging)
			s->ping_at_us = s->heard_us + s->ping_interval_us;
		return;
	}
	iq = xmpp_iq_new("get", s->domain);
	xml_add(iq, "ping", NS_PING);
	s->pinged_us = now_us;
	s->pinging = !xmpp_stream_iq(s, &iq, s->ping_timeout_us, now_us, on_pong, s);
}

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

int64_t xmpp_stream_tick(struct xmpp_stream *s, int64_t now_us)
{
	int64_t next;
	struct waiting *w;

	if (s->phase == CLOSED) {
		end_waiting(s);
		return CLOCK_NEVER;
	}
	/* Two may be due at once after a suspend; the first may end the stream. */
	while (s->phase != CLOSED && (w = take_due(s, now_us))) {
		w->fn(w->ctx, NULL);
		waiting_free(w);
	}
	if (s->phase == READY && now_us >= s->ping_at_us)
		ping(s, now_us);
	if (s->phase != READY && now_us >= s->login_until_us)
		fail(s, XMPP_PROTOCOL, "the server did not finish the login in time");
	if (s->phase == CLOSED)
		return s->waiting ? now_us : CLOCK_NEVER;
	next = s->phase == READY ? s->ping_at_us : s->login_until_us;
	for (w = s->waiting; w; w = w->next)
		if (w->until_us < next)
			next = w->until_us;
	return next;
}

void xmpp_stream_counters(const struct xmpp_stream *s, struct xmpp_counters *out)
{
	*out = s->count;
}
