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
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/codec.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"

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
	if (text)
		xml_set_text(auth, text);
	if (raw.p)
		text_wipe(raw.p, raw.len);
	buf_free(&raw);
	free(local);
	err = text ? 0 : -ENOMEM;
	text_forget(&text);
	return err;
}

static int put_base64(struct xml *x, const char *text)
{
	char *b64 = codec_base64(text, strlen(text));

	if (!b64)
		return -ENOMEM;
	xml_set_text(x, b64);
	free(b64);
	return 0;
}

static int add_scram(struct xmpp_stream *s, struct xml *auth)
{
	char *local = jid_local(s->user), nonce[25];
	struct buf first = { 0 };
	int err;

	rng_alnum(nonce, sizeof(nonce) - 1);
	scram_free(&s->scram);
	err = !local ? -ENOMEM : scram_new(&s->scram, *local ? local : s->user,
					   s->password ? s->password : "", nonce);
	if (!err)
		err = scram_first(s->scram, &first);
	if (!err)
		err = put_base64(auth, buf_str(&first));
	buf_free(&first);
	free(local);
	return err;
}

/* What is base64 in an element as a new string; -EINVAL: it is none. */
static int decode(char **out, const struct xml *x)
{
	const char *text = xml_text(x);
	size_t len = strlen(text);
	long n;

	*out = malloc(len + 1);
	if (!*out)
		return -ENOMEM;
	n = codec_unbase64(text, (uint8_t *)*out, len);
	(*out)[n < 0 ? 0 : n] = 0;
	return n < 0 ? -EINVAL : 0;
}

static void on_challenge(struct xmpp_stream *s, const struct xml *x)
{
	struct xml *r = xml_new("response", NS_SASL);
	struct buf b = { 0 };
	char *said;
	int err = decode(&said, x);

	if (!err)
		err = s->scram ? scram_answer(s->scram, said, &b) : -EINVAL;
	if (!err)
		err = put_base64(r, buf_str(&b));
	if (!err)
		err = stream_element(s, r);
	if (err)
		stream_fail(s, err == -ENOMEM ? XMPP_NO_MEMORY : XMPP_LOGIN, err == -ENOMEM ? "out of memory"
			    : "the server asks for a proof that is none");
	buf_free(&b);
	xml_free(&r);
	free(said);
}

/* Who does not know the password either is not the server that we trust. */
static int judge_server(struct xmpp_stream *s, const struct xml *success)
{
	char *said;
	int err;

	if (!s->scram)
		return 0;
	err = decode(&said, success);
	if (!err && !scram_is_right(s->scram, said))
		err = -EINVAL;
	free(said);
	scram_free(&s->scram);
	return err;
}

static void on_success(struct xmpp_stream *s, const struct xml *x)
{
	int err = judge_server(s, x);

	if (err) {
		stream_fail(s, err == -ENOMEM ? XMPP_NO_MEMORY : XMPP_LOGIN, err == -ENOMEM ? "out of memory"
			    : "the server could not prove that it knows the password");
		return;
	}
	s->phase = REOPENING;
	login_open(s);
}

/* The best that both can: with a password that is not sent, where it is one. */
static void start_auth(struct xmpp_stream *s, const struct xml *features)
{
	bool scram = s->user && offers(features, "SCRAM-SHA-1");
	const char *mechanism = scram ? "SCRAM-SHA-1" : s->user ? "PLAIN" : "ANONYMOUS";
	struct xml *auth;
	int err;

	if (!offers(features, mechanism)) {
		stream_fail(s, XMPP_NO_MECHANISM, s->user ? "the server takes no login with a password"
		     : "the server wants a login: guests are not let in");
		return;
	}
	s->phase = AUTH;
	auth = xml_new("auth", NS_SASL);
	xml_set(auth, "mechanism", mechanism);
	err = scram ? add_scram(s, auth) : s->user ? add_plain(s, auth) : 0;
	if (err || stream_element(s, auth))
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

static void on_enabled(struct xmpp_stream *s, const struct xml *x)
{
	const char *id = xml_attr(x, "id"), *max = xml_attr(x, "max");
	uint64_t seconds;

	s->sm_on = true;
	s->resume_for_us = RESUME_FOR_US;
	if (max && !text_u64(max, 1, RESUME_MAX_S, &seconds))
		s->resume_for_us = (int64_t)seconds * 1000000;
	if (xml_is_true(x, "resume") && id && *id && strlen(id) <= ID_BYTES && text_set(&s->previd, id))
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
	if (xml_is(x, "challenge", NULL)) {
		on_challenge(s, x);
	} else if (xml_is(x, "success", NULL)) {
		on_success(s, x);
	} else if (xml_is(x, "failure", NULL)) {
		text = xml_child_text(x, "text", NULL);
		if ((!text || !*text) && s->user && xml_child(x, "not-authorized", NULL))
			text = "user or password is wrong";
		stream_fail(s, XMPP_LOGIN, text && *text ? text : xml_name(xml_first(x)));
	}
}
