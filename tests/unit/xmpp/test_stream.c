/* test_stream.c - the client's stream against a server played by the test */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "unit/xmpp/frames.h"
#include "unit/unit.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

extern const struct CMUnitTest test_stream[];

#define OPEN "<open xmlns='" NS_FRAMING "' from='meet.test' id='s' version='1.0'/>"
#define FEATURES(inner) "<stream:features xmlns:stream='" NS_STREAM "'>" inner "</stream:features>"
#define MECHANISM(m) FEATURES("<mechanisms xmlns='" NS_SASL "'><mechanism>" m "</mechanism></mechanisms>")
#define SUCCESS "<success xmlns='" NS_SASL "'/>"
#define BINDING FEATURES("<bind xmlns='" NS_BIND "'/><sm xmlns='" NS_SM "'/>")
#define ME "3206c2f4-9ac6@meet.test/m3Hykgg6del7"

struct peer {
	struct xmpp_stream *s;
	int64_t now;
	char *out;              /* the last message sent */
	int sent, ready, stanzas, failed, answers, silences;
	bool take;              /* stanza() deals with what comes */
	bool sm;                /* ready() was given sm:3 */
	enum xmpp_error why;
	char text[200], jid[200];
};

static void on_send(void *ctx, const char *text, size_t len)
{
	struct peer *p = ctx;

	free(p->out);
	p->out = strndup(text, len);
	p->sent++;
}

static void on_ready(void *ctx, const char *jid, const struct xml *features)
{
	struct peer *p = ctx;

	p->ready++;
	p->sm = xml_child(features, "sm", NS_SM) != NULL;
	snprintf(p->jid, sizeof(p->jid), "%s", jid);
}

static bool on_stanza(void *ctx, const struct xml *x)
{
	struct peer *p = ctx;

	(void)x;
	p->stanzas++;
	return p->take;
}

static void on_failed(void *ctx, enum xmpp_error why, const char *text)
{
	struct peer *p = ctx;

	p->failed++;
	p->why = why;
	snprintf(p->text, sizeof(p->text), "%s", text);
}

static void on_answer(void *ctx, const struct xml *answer)
{
	struct peer *p = ctx;

	p->answers += answer != NULL;
	p->silences += answer == NULL;
}

static const struct xmpp_events events = { .send = on_send, .ready = on_ready, .stanza = on_stanza,
	.failed = on_failed };

static void say(struct peer *p, const char *text)
{
	xmpp_stream_input(p->s, text, strlen(text), p->now);
}

static void start(struct peer *p, const char *user, const char *password)
{
	struct xmpp_config c = { .domain = "meet.test", .user = user, .password = password, .no_sm = true };

	memset(p, 0, sizeof(*p));
	p->now = 5000000;
	assert_int_equal(xmpp_stream_new(&p->s, &c, &events, p), 0);
	xmpp_stream_open(p->s, p->now);
	assert_string_equal(p->out, "<open xmlns=\"" NS_FRAMING "\" to=\"meet.test\" version=\"1.0\"/>");
	say(p, OPEN);
}

static void stop(struct peer *p)
{
	xmpp_stream_free(&p->s);
	assert_null(p->s);
	free(p->out);
}

/* The id of the last IQ that was sent, put into a format. */
static void say_id(struct peer *p, const char *fmt)
{
	struct xml *x = xml_of(p->out);
	const char *at = strstr(fmt, "ID");
	struct buf b = { 0 };

	buf_add(&b, fmt, (size_t)(at - fmt));
	buf_adds(&b, xml_attr(x, "id"));
	buf_adds(&b, at + 2);
	xml_free(&x);
	say(p, buf_str(&b));
	buf_free(&b);
}

static void join(struct peer *p)
{
	start(p, NULL, NULL);
	say(p, MECHANISM("ANONYMOUS"));
	assert_string_equal(p->out, "<auth xmlns=\"" NS_SASL "\" mechanism=\"ANONYMOUS\"/>");
	say(p, SUCCESS);
	assert_non_null(strstr(p->out, "<open "));
	say(p, OPEN);
	say(p, BINDING);
	say_id(p, "<iq xmlns='jabber:client' type='result' id='ID'><bind xmlns='" NS_BIND "'>"
	       "<jid>" ME "</jid></bind></iq>");
	assert_int_equal(p->ready, 1);
	assert_string_equal(p->jid, ME);
	assert_string_equal(xmpp_stream_jid(p->s), ME);
	assert_true(p->sm);
}

static void a_guest_comes_in(void **state)
{
	struct peer p;

	(void)state;
	join(&p);
	xmpp_stream_close(p.s);
	/* Byte for byte what web clients look for. */
	assert_string_equal(p.out, "<close xmlns=\"" NS_FRAMING "\" />");
	assert_int_equal(p.failed, 0);
	stop(&p);
}

static void a_password_goes_as_plain(void **state)
{
	struct peer p;

	(void)state;
	start(&p, "ada@meet.test", "pw");
	say(&p, MECHANISM("PLAIN"));
	assert_non_null(strstr(p.out, ">AGFkYQBwdw==</auth>"));         /* NUL ada NUL pw */
	say(&p, "<failure xmlns='" NS_SASL "'><not-authorized/><text>no such account</text></failure>");
	assert_int_equal(p.why, XMPP_LOGIN);
	assert_string_equal(p.text, "no such account");
	stop(&p);
	start(&p, NULL, NULL);
	say(&p, MECHANISM("PLAIN"));
	assert_int_equal(p.why, XMPP_NO_MECHANISM);
	stop(&p);
}

/* mod_jiconop: the server's services come before the bind result. */
static void what_comes_before_the_binding_is_heard(void **state)
{
	struct peer p;

	(void)state;
	start(&p, NULL, NULL);
	say(&p, MECHANISM("ANONYMOUS"));
	say(&p, SUCCESS);
	say(&p, OPEN);
	say(&p, BINDING);
	say(&p, "<message xmlns='jabber:client' from='meet.test' to='" ME "'><query xmlns='"
	    NS_DISCO_INFO "'/></message>");
	assert_int_equal(p.stanzas, 1);
	assert_int_equal(p.ready, 0);
	stop(&p);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
	struct peer p;
	int64_t next;

	(void)state;
	start(&p, NULL, NULL);
	next = xmpp_stream_tick(p.s, p.now);
	assert_int_equal(next, p.now + 20000000);
	assert_int_equal(xmpp_stream_tick(p.s, next), CLOCK_NEVER);
	assert_int_equal(p.why, XMPP_PROTOCOL);
	stop(&p);
}

static void requests_are_answered(void **state)
{
	static const char id[] = "MzIwNmMyZjQtOWFjNi00ZGQ2LWFjZTktMzk0N2Y0ODA1ZGQ5QG1lZXQudGVzdC9tM0h5"
				 "a2dnNmRlbDcANFdBTE0tNzE4ALJWxPUd+4QR/w==";
	char text[600];
	struct peer p;
	struct xml *x;

	(void)state;
	join(&p);
	snprintf(text, sizeof(text), "<iq xmlns='jabber:client' type='get' id='%s' from='r@c/focus'>"
		 "<ping xmlns='" NS_PING "'/></iq>", id);
	say(&p, text);
	x = xml_of(p.out);
	assert_string_equal(xml_attr(x, "type"), "result");
	assert_string_equal(xml_attr(x, "id"), id);
	assert_string_equal(xml_attr(x, "to"), "r@c/focus");
	xml_free(&x);
	say(&p, "<iq xmlns='jabber:client' type='set' id='q' from='a@b/c'><what xmlns='u'/></iq>");
	x = xml_of(p.out);
	assert_string_equal(xml_attr(x, "type"), "error");
	assert_string_equal(xmpp_error_condition(x), "service-unavailable");
	xml_free(&x);
	p.take = true;
	p.sent = 0;
	say(&p, "<iq xmlns='jabber:client' type='set' id='q' from='a@b/c'><what xmlns='u'/></iq>");
	say(&p, "<r xmlns='" NS_SM "'/>");      /* not enabled, so not counted */
	say(&p, "<a xmlns='" NS_SM "' h='5'/>");
	say(&p, FEATURES(""));
	assert_int_equal(p.sent, 0);
	assert_int_equal(p.failed, 0);
	stop(&p);
}

static void ask(struct peer *p, const char *to, int64_t timeout)
{
	struct xml *iq = xmpp_iq_new("get", to);

	assert_int_equal(xmpp_stream_iq(p->s, &iq, timeout, p->now, on_answer, p), 0);
	assert_null(iq);
}

static void an_answer_counts_from_whom_was_asked(void **state)
{
	struct xmpp_counters n;
	struct peer p;

	(void)state;
	join(&p);
	ask(&p, "r@c.test/focus", 1000000);
	say_id(&p, "<iq xmlns='jabber:client' type='result' id='ID' from='r@c.test/mallory'/>");
	say_id(&p, "<iq xmlns='jabber:client' type='result' id='ID'/>");
	assert_int_equal(p.answers, 0);
	say_id(&p, "<iq xmlns='jabber:client' type='error' id='ID' from='r@C.test/focus'/>");
	assert_int_equal(p.answers, 1);
	say_id(&p, "<iq xmlns='jabber:client' type='error' id='ID' from='r@c.test/focus'/>");
	ask(&p, NULL, 1000000);
	say_id(&p, "<iq xmlns='jabber:client' type='result' id='ID' from='3206c2f4-9ac6@meet.test'/>");
	ask(&p, "meet.test", 1000000);
	say_id(&p, "<iq xmlns='jabber:client' type='result' id='ID'/>");
	assert_int_equal(p.answers, 3);
	xmpp_stream_counters(p.s, &n);
	assert_int_equal(n.unexpected_answers, 3);
	ask(&p, "r@c.test/focus", 1000000);
	xmpp_stream_tick(p.s, p.now + 999999);
	assert_int_equal(p.silences, 0);
	xmpp_stream_tick(p.s, p.now + 1000000);
	assert_int_equal(p.silences, 1);
	stop(&p);
}

static void whoever_waits_hears_of_the_end(void **state)
{
	struct peer p;

	(void)state;
	join(&p);
	ask(&p, "a@b", 60000000);
	ask(&p, "c@d", 60000000);
	say(&p, "<close xmlns='" NS_FRAMING "' see-other-uri='wss://other.test/x'/>");
	assert_int_equal(p.silences, 0);        /* not around failed() */
	assert_int_equal(p.why, XMPP_ELSEWHERE);
	assert_string_equal(p.text, "wss://other.test/x");
	assert_non_null(strstr(p.out, "<close "));      /* RFC 7395, 3.6 */
	assert_int_equal(xmpp_stream_tick(p.s, p.now), CLOCK_NEVER);
	assert_int_equal(p.silences, 2);
	stop(&p);
	join(&p);
	say(&p, "<stream:error xmlns:stream='" NS_STREAM "'><conflict xmlns='" NS_STREAM_ERROR "'/>"
	    "<text xmlns='" NS_STREAM_ERROR "'>twice</text></stream:error>");
	assert_int_equal(p.why, XMPP_STREAM);
	assert_string_equal(p.text, "conflict: twice");
	stop(&p);
	join(&p);
	say(&p, "<close xmlns='" NS_FRAMING "'/>");
	assert_int_equal(p.why, XMPP_CLOSED);
	stop(&p);
	/* RFC 6120, 4.9.3.19 */
	join(&p);
	say(&p, "<stream:error xmlns:stream='" NS_STREAM "'><see-other-host xmlns='" NS_STREAM_ERROR "'>s2.test:443"
	    "</see-other-host><text xmlns='" NS_STREAM_ERROR "'>drained</text></stream:error>");
	assert_int_equal(p.why, XMPP_ELSEWHERE);
	assert_string_equal(p.text, "s2.test:443");
	stop(&p);
	join(&p);
	say(&p, "<stream:error xmlns:stream='" NS_STREAM "'><see-other-host xmlns='" NS_STREAM_ERROR "'/></stream:error>");
	assert_int_equal(p.why, XMPP_STREAM);   /* it names nobody */
	stop(&p);
}

static void forget_all(void *ctx, const struct xml *answer)
{
	on_answer(ctx, answer);
	xmpp_stream_forget(((struct peer *)ctx)->s);
}

/* After a suspend all is due at once.  A handler that gives up takes along
 * what the others stood on: they must not run. */
static void who_is_forgotten_is_not_called(void **state)
{
	struct peer p;

	(void)state;
	for (int order = 0; order < 2; order++) {
		join(&p);
		for (int i = 0; i < 4; i++) {
			struct xml *iq = xmpp_iq_new("get", "a@b");

			assert_int_equal(xmpp_stream_iq(p.s, &iq, 1000000, p.now,
							i == (order ? 0 : 3) ? forget_all : on_answer, &p), 0);
		}
		xmpp_stream_tick(p.s, p.now + 600000000);
		assert_int_equal(p.silences, order ? 4 : 1);
		assert_int_equal(p.failed, 0);
		stop(&p);
	}
	/* The same where the stream itself ends in that tick. */
	join(&p);
	for (int i = 0; i < 2; i++) {
		xmpp_stream_tick(p.s, p.now += 11000000);
		ask(&p, "a@b", 5000000);
		p.now += 5000000;
		if (i == 1) {
			ask(&p, "a@b", 0);
			p.silences = 0;
		}
		xmpp_stream_tick(p.s, p.now);
	}
	assert_int_equal(p.why, XMPP_DEAD);
	assert_true(p.silences < 3);    /* the ping was among those due */
	while (xmpp_stream_tick(p.s, p.now) != CLOCK_NEVER)
		;
	stop(&p);
}

/* How long a server that says nothing is waited for; acked: its machine
 * acknowledged something 10 s ago, always. */
static int64_t waited_for(struct peer *p, bool acked)
{
	int64_t start_us = p->now, t = start_us;

	for (int i = 0; i < 40 && !p->failed; i++) {
		int64_t next = xmpp_stream_tick(p->s, t);

		assert_true(next > t || p->failed);
		t = p->failed ? t : next;
		if (acked)
			xmpp_stream_acked(p->s, t - 10000000);
		if (t - start_us == 15000000)
			assert_int_equal(xmpp_stream_waits_us(p->s, t), 5000000);
	}
	assert_int_equal(p->why, XMPP_DEAD);
	return t - start_us;
}

static void two_pings_without_an_answer_are_the_end(void **state)
{
	struct peer p;

	(void)state;
	join(&p);
	assert_int_equal(waited_for(&p, false), 25000000);      /* 10 + 10 + 5 */
	stop(&p);
}

/* As long as its machine acknowledges what it is sent, up to a minute. */
static void a_slow_line_is_no_dead_one(void **state)
{
	struct peer p;
	int64_t t;

	(void)state;
	join(&p);
	assert_in_range(waited_for(&p, true), 60000000, 75000000);
	stop(&p);
	/* One that answers in between is not even counted. */
	join(&p);
	t = p.now;
	for (int i = 0; i < 8; i++) {
		t += 5000000;
		xmpp_stream_acked(p.s, t);
		xmpp_stream_tick(p.s, t);
	}
	p.now = t;
	say(&p, "<message xmlns='jabber:client'/>");
	xmpp_stream_tick(p.s, t + 1000000);
	assert_int_equal(p.failed, 0);
	stop(&p);
}

static void nobody_who_was_heard_is_pinged(void **state)
{
	struct peer p;

	(void)state;
	join(&p);
	p.sent = 0;
	for (int i = 0; i < 30; i++) {
		p.now += 4000000;
		xmpp_stream_tick(p.s, p.now);
		say(&p, "<message xmlns='jabber:client'/>");
	}
	assert_int_equal(p.sent, 0);
	/* The ping is not answered, but the server speaks: it lives. */
	for (int i = 0; i < 10; i++) {
		p.now += 11000000;
		xmpp_stream_tick(p.s, p.now);
		p.now += 2000000;
		say(&p, "<message xmlns='jabber:client'/>");
		p.now += 4000000;
		xmpp_stream_tick(p.s, p.now);
	}
	assert_true(p.sent >= 5);
	assert_int_equal(p.failed, 0);
	/* So one silence after that is the first of two. */
	p.now += 11000000;
	xmpp_stream_tick(p.s, p.now);
	xmpp_stream_tick(p.s, p.now + 5000000);
	assert_int_equal(p.failed, 0);
	stop(&p);
}

static void garbage_is_borne_a_while(void **state)
{
	struct xmpp_counters n;
	struct peer p;

	(void)state;
	join(&p);
	for (int i = 0; i < 5; i++)
		say(&p, "<iq");
	say(&p, "<message xmlns='jabber:client'/>");
	for (int i = 0; i < 5; i++)
		say(&p, "<!DOCTYPE a><a/>");
	assert_int_equal(p.failed, 0);
	say(&p, "\xff");
	assert_int_equal(p.why, XMPP_PROTOCOL);
	xmpp_stream_counters(p.s, &n);
	assert_int_equal(n.malformed, 11);
	say(&p, "<message xmlns='jabber:client'/>");    /* nobody listens any more */
	assert_int_equal(p.stanzas, 1);
	stop(&p);
}

/* ---- a whole call as it was recorded ---- */

struct replay { struct peer p; struct { char theirs[16], *ours; } id[8]; size_t ids; };

static void replay_out(struct replay *r, const char *text)
{
	struct xml *x = xml_of(text), *iq = NULL;
	const char *type = xml_attr(x, "type");

	if (!xml_is(x, "iq", NULL) || xml_child(x, "bind", NULL)) {
		xml_free(&x);
		return;
	}
	if (!strcmp(type, "result")) {  /* what we were asked lately */
		assert_int_equal(xmpp_stream_result(r->p.s, x, NULL), 0);
		xml_free(&x);
		return;
	}
	assert_int_equal(xml_dup(&iq, x), 0);
	assert_int_equal(xmpp_stream_iq(r->p.s, &iq, 15000000, r->p.now, on_answer, &r->p), 0);
	iq = xml_of(r->p.out);
	assert_true(r->ids < 8);
	snprintf(r->id[r->ids].theirs, sizeof(r->id[0].theirs), "'%s'", xml_attr(x, "id"));
	r->id[r->ids++].ours = strdup(xml_attr(iq, "id"));
	xml_free(&iq);
	xml_free(&x);
}

static void replay_in(struct replay *r, const char *text)
{
	if (strstr(text, "<jid>")) {
		say_id(&r->p, "<iq xmlns='jabber:client' type='result' id='ID'><bind xmlns='" NS_BIND
		       "'><jid>3206c2f4-9ac6-4dd6-ace9-3947f4805dd9@meet.test/m3Hykgg6del7</jid></bind></iq>");
		return;
	}
	for (size_t i = 0; i < r->ids; i++) {
		const char *at = strstr(text, r->id[i].theirs);
		struct buf b = { 0 };

		if (!at)
			continue;
		buf_add(&b, text, (size_t)(at + 1 - text));
		buf_adds(&b, r->id[i].ours);
		buf_adds(&b, at + strlen(r->id[i].theirs) - 1);
		say(&r->p, buf_str(&b));
		buf_free(&b);
		return;
	}
	say(&r->p, text);
}

static void replay_frame(void *ctx, const struct frame *f)
{
	struct replay *r = ctx;

	if (strcmp(f->ch, "xmpp") || *f->data != '<')
		return;
	r->p.now = f->t_ms * 1000;
	if (!r->p.failed)
		xmpp_stream_tick(r->p.s, r->p.now);
	if (!strcmp(f->dir, "in"))
		replay_in(r, f->data);
	else
		replay_out(r, f->data);
}

static void a_recorded_call_is_followed_to_its_end(void **state)
{
	struct xmpp_config c = { .domain = "meet.test" };
	struct replay r = { .p = { .take = true } };
	struct xmpp_counters n;

	(void)state;
	assert_int_equal(xmpp_stream_new(&r.p.s, &c, &events, &r.p), 0);
	xmpp_stream_open(r.p.s, 0);
	frames_of("native-audio-only", replay_frame, &r);
	assert_int_equal(r.p.ready, 1);
	assert_int_equal(r.ids, 2);             /* session-accept and a ping */
	assert_int_equal(r.p.answers, 2);
	assert_int_equal(r.p.silences, 0);
	assert_int_equal(r.p.failed, 1);        /* the server's <close/> after our leaving */
	assert_int_equal(r.p.why, XMPP_CLOSED);
	xmpp_stream_counters(r.p.s, &n);
	assert_int_equal(n.unexpected_answers, 0);
	assert_int_equal(n.malformed, 0);
	assert_true(n.in >= 16);
	for (size_t i = 0; i < r.ids; i++)
		free(r.id[i].ours);
	stop(&r.p);
}

const struct CMUnitTest test_stream[] = {
	cmocka_unit_test(a_guest_comes_in),
	cmocka_unit_test(a_password_goes_as_plain),
	cmocka_unit_test(what_comes_before_the_binding_is_heard),
	cmocka_unit_test(a_server_that_says_nothing_is_given_up),
	cmocka_unit_test(requests_are_answered),
	cmocka_unit_test(an_answer_counts_from_whom_was_asked),
	cmocka_unit_test(whoever_waits_hears_of_the_end),
	cmocka_unit_test(who_is_forgotten_is_not_called),
	cmocka_unit_test(two_pings_without_an_answer_are_the_end),
	cmocka_unit_test(a_slow_line_is_no_dead_one),
	cmocka_unit_test(nobody_who_was_heard_is_pinged),
	cmocka_unit_test(garbage_is_borne_a_while),
	cmocka_unit_test(a_recorded_call_is_followed_to_its_end),
	{ 0 }
};
