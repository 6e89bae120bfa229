/* stream_login.c - from <open/> to bound, or to resumed
 *
 *	open -> features -> auth -> success -> open -> features -> bind -> enable
 *	                                                        \-> resume
 *
 * A server that offers stream management (XEP-0198) is asked for it once we
 * are bound, and nothing else is sent until it has answered.  After a cut the
 * same login leads to <resume/>, and to where the stream was.
 */
#include "xmpp/stream_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "xmpp/codec.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

enum {
	ENABLE_US = 5000000,            /* for <enabled/>; then without */
	RESUME_FOR_US = 300000000,      /* where the server does not say; XEP-0198, 5 */
	RESUME_MAX_S = 86400,
	ID_BYTES = 1000                 /* XEP-0198, 5: "maximum length of 4000 bytes" */
};

void login_open(struct xmpp_stream *s)
{
	struct xml *o = xml_new("open", NS_FRAMING);

	xml_set(o, "to", s->domain);
	xml_set(o, "version", "1.0");
	if (stream_element(s, o))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&o);
}

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
		stream_fail(s, XMPP_NO_MECHANISM, s->user ? "the server takes no login with a password"
		     : "the server wants a login: guests are not let in");
		return;
	}
	s->phase = AUTH;
	auth = xml_new("auth", NS_SASL);
	xml_set(auth, "mechanism", mechanism);
	if ((s->user && add_plain(s, auth)) || stream_element(s, auth))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&auth);
}

static void on_bound(void *ctx, const struct xml *answer)
{
	struct xmpp_stream *s = ctx;
	const char *jid = xml_child_text(xml_child(answer, "bind", NS_BIND), "jid", NULL);

	if (!answer || !jid || !*jid_resource(jid))
		stream_fail(s, XMPP_PROTOCOL, answer ? "the server gave no address" : "no answer to the login");
	else if (text_set(&s->jid, jid))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	else
		s->phase = READY;       /* the rest from login_bound(): the table is whole then */
}

/* RFC 6120, 7: no resource is asked for. */
static void start_bind(struct xmpp_stream *s, const struct xml *features)
{
	struct xml *iq = xmpp_iq_new("set", NULL);

	xml_free(&s->features);
	xml_add(iq, "bind", NS_BIND);
	s->phase = BINDING;
	if (xml_dup(&s->features, features) ||
	    xmpp_stream_iq(s, &iq, 20000000, s->now_us, on_bound, s))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&iq);         /* still ours if the copy failed */
}

/* Enabling the bookkeeping, or taking up the old one: XEP-0198, 3 and 5. */
static void start_enable(struct xmpp_stream *s)
{
	struct xml *e = xml_new("enable", NS_SM);

	s->phase = ENABLING;
	s->enable_until_us = s->now_us + ENABLE_US;
	s->number_enabled = s->number;
	sm_start(s->sm);
	xml_set(e, "resume", "true");
	if (stream_element(s, e))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&e);
}

static void start_resume(struct xmpp_stream *s)
{
	struct xml *r = xml_new("resume", NS_SM);

	s->phase = RESUMING;
	xml_setf(r, "h", "%u", (unsigned)sm_h(s->sm));
	xml_set(r, "previd", s->previd);
	if (stream_element(s, r))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	xml_free(&r);
}

static void not_resumed(struct xmpp_stream *s, bool exact)
{
	s->phase = CLOSED;
	s->ping_at_us = CLOCK_NEVER;
	s->ev.not_resumed(s->ctx, exact);
}

void login_features(struct xmpp_stream *s, const struct xml *x)
{
	if (s->phase == OPENING)
		start_auth(s, x);
	else if (s->phase == REOPENING && s->cut_us && xml_child(x, "sm", NS_SM))
		start_resume(s);
	else if (s->phase == REOPENING && s->cut_us)
		not_resumed(s, false);
	else if (s->phase == REOPENING && xml_child(x, "bind", NS_BIND))
		start_bind(s, x);
	else if (s->phase == REOPENING)
		stream_fail(s, XMPP_PROTOCOL, "the server offers no binding");
}

void login_bound(struct xmpp_stream *s)
{
	if (s->sm && xml_child(s->features, "sm", NS_SM))
		start_enable(s);
	else
		stream_ready(s);
}

void login_enable_late(struct xmpp_stream *s)
{
	stream_ready(s);
}

static void on_enabled(struct xmpp_stream *s, const struct xml *x)
{
	const char *id = xml_attr(x, "id"), *resume = xml_attr(x, "resume"), *max = xml_attr(x, "max");
	bool can = resume && (!strcmp(resume, "true") || !strcmp(resume, "1"));
	uint64_t seconds;

	s->sm_on = true;
	s->resume_for_us = RESUME_FOR_US;
	if (max && !text_u64(max, 1, RESUME_MAX_S, &seconds))
		s->resume_for_us = (int64_t)seconds * 1000000;
	if (can && id && *id && strlen(id) <= ID_BYTES && text_set(&s->previd, id))
		stream_fail(s, XMPP_NO_MEMORY, "out of memory");
	else
		stream_ready(s);
}

/* What the server has not dealt with goes out again, in order, before
 * anything new. */
static void on_resumed(struct xmpp_stream *s, const struct xml *x)
{
	const char *previd = xml_attr(x, "previd");
	const struct sm_stanza *at = NULL;
	const char *text;
	size_t len;
	uint32_t h;

	if (sm_h_parse(xml_attr(x, "h"), &h) || (previd && strcmp(previd, s->previd)) ||
	    sm_acked(s->sm, h)) {
		s->count.bad_acks++;
		stream_text(s, "<close xmlns=\"" NS_FRAMING "\" />");
		not_resumed(s, false);
		return;
	}
	for (struct waiting *w = s->waiting; w; w = w->next)
		w->until_us += s->now_us - s->cut_us;
	s->cut_us = 0;
	s->failures = 0;
	s->phase = READY;
	s->ping_at_us = s->now_us + s->ping_interval_us;
	s->count.resumed++;
	while ((text = sm_next(s->sm, &at, &len))) {
		s->count.resent++;
		s->ev.send(s->ctx, text, len);
	}
	sm_ask_again(s->sm, s->now_us);
	s->ev.resumed(s->ctx);
}

/* Of a session that has ended the server may still know how far it got. */
static void on_failed(struct xmpp_stream *s, const struct xml *x)
{
	uint32_t h;
	bool exact;

	if (s->phase == ENABLING) {
		stream_ready(s);
		return;
	}
	exact = !sm_h_parse(xml_attr(x, "h"), &h) && sm_ack_ok(s->sm, h) && !sm_acked(s->sm, h) &&
		sm_can_resume(s->sm);
	not_resumed(s, exact);
}

void login_sm(struct xmpp_stream *s, const struct xml *x)
{
	if (s->phase == ENABLING && xml_is(x, "enabled", NULL))
		on_enabled(s, x);
	else if (s->phase == RESUMING && xml_is(x, "resumed", NULL))
		on_resumed(s, x);
	else if ((s->phase == ENABLING || s->phase == RESUMING) && xml_is(x, "failed", NULL))
		on_failed(s, x);
}

void login_sasl(struct xmpp_stream *s, const struct xml *x)
{
	const char *text;

	if (s->phase != AUTH)
		return;
	if (xml_is(x, "success", NULL)) {
		s->phase = REOPENING;
		login_open(s);
	} else if (xml_is(x, "failure", NULL)) {
		text = xml_child_text(x, "text", NULL);
		stream_fail(s, XMPP_LOGIN, text && *text ? text : xml_name(xml_first(x)));
	}
}
