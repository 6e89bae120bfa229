/* test_sm.c - stream management: the counters, and a stream that is cut */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "unit/xmpp/frames.h"
#include "unit/unit.h"
#include "xmpp/ns.h"
#include "xmpp/sm.h"
#include "xmpp/stream.h"

extern const struct CMUnitTest test_sm[];

/* ---- one end ---- */

static void send_n(struct sm *sm, int n, int64_t now_us)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(sm_sent(sm, "<iq/>", 5, now_us), 0);
}

static void what_is_acknowledged_is_forgotten(void **state)
{
	const struct sm_stanza *at = NULL;
	struct sm *sm;
	size_t len;

	(void)state;
	assert_int_equal(sm_new(&sm, 10, 11), 0);
	sm_start(sm);
	assert_int_equal(sm_sent(sm, "one", 3, 0), 0);
	assert_int_equal(sm_sent(sm, "two", 3, 0), 0);
	assert_int_equal(sm_sent(sm, "three", 5, 0), 0);
	assert_int_equal(sm_acked(sm, 0), 0);
	assert_int_equal(sm_acked(sm, 1), 0);
	assert_int_equal(sm_waiting(sm), 2);
	assert_memory_equal(sm_next(sm, &at, &len), "two", 3);
	assert_memory_equal(sm_next(sm, &at, &len), "three", 5);
	assert_null(sm_next(sm, &at, &len));
	assert_int_equal(sm_acked(sm, 3), 0);
	at = NULL;
	assert_null(sm_next(sm, &at, &len));
	assert_int_equal(sm_last_acked(sm), 3);
	assert_int_equal(sm_sent(sm, "twelve less", 11, 0), 0);         /* all the room again */
	assert_true(sm_can_resume(sm));
	sm_free(&sm);
	assert_null(sm);
}

static void absurd_acknowledgements_are_not_believed(void **state)
{
	static const uint32_t absurd[] = { 4, 0, UINT32_MAX, 0x80000001 };
	struct sm *sm;
	uint32_t h;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(sm_new(&sm, 10, 100), 0);
		send_n(sm, 3, 0);
		assert_int_equal(sm_acked(sm, 1), 0);
		assert_false(sm_ack_ok(sm, absurd[i]));
		assert_true(sm_can_resume(sm));
		assert_int_equal(sm_acked(sm, absurd[i]), -EINVAL);
		assert_false(sm_can_resume(sm));
		assert_int_equal(sm_last_acked(sm), 1);
		assert_int_equal(sm_waiting(sm), 0);    /* nothing is held for ever */
		sm_free(&sm);
	}
	assert_int_equal(sm_h_parse("4294967295", &h), 0);
	assert_int_equal(h, UINT32_MAX);
	assert_int_equal(sm_h_parse("4294967296", &h), -EINVAL);
	assert_int_equal(sm_h_parse("-1", &h), -EINVAL);
	assert_int_equal(sm_h_parse("", &h), -EINVAL);
	assert_int_equal(sm_h_parse("7x", &h), -EINVAL);
	assert_int_equal(sm_h_parse(NULL, &h), -ENOENT);
}

/* XEP-0198, 4: 2^32 - 1 is followed by 0. */
static void counters_wrap(void **state)
{
	struct sm *sm;

	(void)state;
	assert_int_equal(sm_new(&sm, 10, 100), 0);
	sm_start_at(sm, UINT32_MAX - 1, UINT32_MAX);
	assert_int_equal(sm_h(sm), UINT32_MAX);
	sm_got(sm);
	assert_int_equal(sm_h(sm), 0);
	send_n(sm, 4, 0);
	assert_int_equal(sm_acked(sm, UINT32_MAX), 0);
	assert_int_equal(sm_waiting(sm), 3);
	assert_int_equal(sm_acked(sm, 1), 0);
	assert_int_equal(sm_waiting(sm), 1);
	assert_int_equal(sm_acked(sm, UINT32_MAX), -EINVAL);
	assert_true(sm_last_acked(sm) == (uint64_t)UINT32_MAX + 2);
	sm_free(&sm);
}

static void what_is_kept_is_bounded(void **state)
{
	static const char hundred[100];
	struct sm *sm;

	(void)state;
	assert_int_equal(sm_new(&sm, 10, 100), 0);
	send_n(sm, 10, 0);
	assert_int_equal(sm_sent(sm, "<iq/>", 5, 0), -ENOBUFS);
	assert_false(sm_can_resume(sm));
	assert_int_equal(sm_waiting(sm), 0);
	assert_int_equal(sm_sent(sm, "<iq/>", 5, 0), -ENOBUFS);
	assert_int_equal(sm_acked(sm, 12), 0);          /* counting goes on */
	sm_start(sm);
	assert_true(sm_can_resume(sm));
	assert_int_equal(sm_sent(sm, hundred, 100, 0), 0);
	assert_int_equal(sm_sent(sm, "<iq/>", 1, 0), -ENOBUFS);
	sm_start(sm);
	assert_int_equal(sm_sent(sm, "<iq/>", SIZE_MAX, 0), -ENOBUFS);
	sm_free(&sm);
}

static void one_question_at_a_time(void **state)
{
	struct sm *sm;

	(void)state;
	assert_int_equal(sm_new(&sm, 100, 1000), 0);
	assert_int_equal(sm_ask_at(sm), CLOCK_NEVER);
	send_n(sm, 4, 1000);
	assert_false(sm_ask(sm, 1000));
	assert_int_equal(sm_ask_at(sm), 2001000);
	assert_true(sm_ask(sm, 2001000));
	assert_false(sm_ask(sm, 9000000));
	send_n(sm, 6, 3000);
	assert_false(sm_ask(sm, 9000000));              /* not answered yet */
	assert_int_equal(sm_acked(sm, 4), 0);
	assert_true(sm_ask(sm, 3000));                  /* six more */
	assert_int_equal(sm_acked(sm, 10), 0);
	assert_false(sm_ask(sm, 99000000));
	assert_int_equal(sm_ask_at(sm), CLOCK_NEVER);
	send_n(sm, 1, 5000);
	assert_true(sm_ask(sm, 9000000));
	sm_ask_again(sm, 9000000);                      /* the socket is new */
	assert_true(sm_ask(sm, 9000000));
	sm_free(&sm);
}

/* ---- the client's stream ---- */

#define ME "3206c2f4-9ac6@meet.test/m3Hykgg6del7"
#define MSG "<message xmlns='jabber:client' from='r@c/a'/>"

struct peer {
	struct xmpp_stream *s;
	int64_t now;
	struct buf out;         /* all that was sent, a line each */
	int ready, stanzas, failed, resumed, gone, answers, silences;
	bool exact;
	enum xmpp_error why;
};

static void on_send(void *ctx, const char *text, size_t len)
{
	struct peer *p = ctx;

	buf_add(&p->out, text, len);
	buf_addc(&p->out, '\n');
}

static void on_ready(void *ctx, const char *jid, const struct xml *features)
{
	(void)features;
	assert_string_equal(jid, ME);
	((struct peer *)ctx)->ready++;
}

static bool on_stanza(void *ctx, const struct xml *x)
{
	(void)x;
	((struct peer *)ctx)->stanzas++;
	return true;
}

static void on_failed(void *ctx, enum xmpp_error why, const char *text)
{
	(void)text;
	((struct peer *)ctx)->failed++;
	((struct peer *)ctx)->why = why;
}

static void on_resumed(void *ctx)
{
	((struct peer *)ctx)->resumed++;
}

static void on_gone(void *ctx, bool exact)
{
	((struct peer *)ctx)->gone++;
	((struct peer *)ctx)->exact = exact;
}

static const struct xmpp_events events = { on_send, on_ready, on_stanza, on_failed, on_resumed, on_gone };

static void say(struct peer *p, const char *text)
{
	xmpp_stream_input(p->s, text, strlen(text), p->now);
}

static void want(struct peer *p, const char *text)
{
	assert_string_equal(buf_str(&p->out), text);
	buf_clear(&p->out);
}

static void login(struct peer *p, const char *features)
{
	xmpp_stream_open(p->s, p->now);
	say(p, "<open xmlns='" NS_FRAMING "'/>");
	say(p, "<stream:features xmlns:stream='" NS_STREAM "'><mechanisms xmlns='" NS_SASL "'><mechanism>ANONYMOUS"
	    "</mechanism></mechanisms></stream:features>");
	say(p, "<success xmlns='" NS_SASL "'/>");
	say(p, "<open xmlns='" NS_FRAMING "'/>");
	buf_clear(&p->out);
	say(p, features);
}

#define SM_FEATURES "<stream:features xmlns:stream='" NS_STREAM "'><bind xmlns='" NS_BIND "'/><sm xmlns='urn:xmpp:sm:2'/>" \
	"<sm xmlns='" NS_SM "'/></stream:features>"

static void bind(struct peer *p)
{
	struct xml *x = xml_of(buf_str(&p->out));
	struct buf b = { 0 };

	buf_addf(&b, "<iq xmlns='jabber:client' type='result' id='%s'><bind xmlns='" NS_BIND "'><jid>" ME
		 "</jid></bind></iq>", xml_attr(x, "id"));
	xml_free(&x);
	buf_clear(&p->out);
	say(p, buf_str(&b));
	buf_free(&b);
}

static void start(struct peer *p)
{
	struct xmpp_config c = { .domain = "meet.test" };

	memset(p, 0, sizeof(*p));
	p->now = 5000000;
	assert_int_equal(xmpp_stream_new(&p->s, &c, &events, p), 0);
	login(p, SM_FEATURES);
	bind(p);
	want(p, "<enable xmlns=\"" NS_SM "\" resume=\"true\"/>\n");
	assert_int_equal(p->ready, 0);          /* all else waits */
}

static void begin(struct peer *p)
{
	start(p);
	say(p, "<enabled xmlns='" NS_SM "' id='tok' resume='true' max='60'/>");
	assert_int_equal(p->ready, 1);
	want(p, "");
}

static void stop(struct peer *p)
{
	xmpp_stream_free(&p->s);
	buf_free(&p->out);
}

static void send(struct peer *p, const char *id)
{
	struct xml *m = xml_new("message", NS_CLIENT);

	xml_set(m, "id", id);
	assert_int_equal(xmpp_stream_send(p->s, &m), 0);
}

static void on_answer(void *ctx, const struct xml *answer)
{
	((struct peer *)ctx)->answers += answer != NULL;
	((struct peer *)ctx)->silences += answer == NULL;
}

static void ask(struct peer *p, int64_t timeout_us)
{
	struct xml *iq = xmpp_iq_new("get", "meet.test");

	assert_int_equal(xmpp_stream_iq(p->s, &iq, timeout_us, p->now, on_answer, p), 0);
}

#define M(id) "<message xmlns=\"jabber:client\" id=\"" id "\"/>\n"
#define R "<r xmlns=\"" NS_SM "\"/>\n"

static void stanzas_are_counted_both_ways(void **state)
{
	struct peer p;

	(void)state;
	begin(&p);
	say(&p, "<r xmlns='" NS_SM "'/>");
	want(&p, "<a xmlns=\"" NS_SM "\" h=\"0\"/>\n");
	say(&p, MSG);
	say(&p, "<presence xmlns='jabber:client' from='r@c/a'/>");
	say(&p, "<iq xmlns='jabber:client' type='result' id='nobodys'/>");
	say(&p, "<what xmlns='ever'/>");
	say(&p, "<iq");
	say(&p, "<r xmlns='" NS_SM "'/>");
	want(&p, "<a xmlns=\"" NS_SM "\" h=\"3\"/>\n");
	for (int i = 0; i < 4; i++)
		send(&p, "m");
	want(&p, M("m") M("m") M("m") M("m"));
	send(&p, "m");
	want(&p, M("m") R);
	assert_int_equal(xmpp_stream_last(p.s), 6);     /* with the bind's */
	assert_int_equal(xmpp_stream_handled(p.s), 1);
	say(&p, "<a xmlns='" NS_SM "' h='5'/>");
	assert_int_equal(xmpp_stream_handled(p.s), 6);
	/* One alone: after two seconds. */
	send(&p, "n");
	assert_int_equal(xmpp_stream_tick(p.s, p.now), p.now + 2000000);
	xmpp_stream_tick(p.s, p.now + 2000000);
	want(&p, M("n") R);
	stop(&p);
}

static void without_it_all_is_as_before(void **state)
{
	struct peer p;
	struct xmpp_config c = { .domain = "meet.test" };

	(void)state;
	/* Offered, and refused. */
	start(&p);
	say(&p, "<failed xmlns='" NS_SM "'><feature-not-implemented xmlns='" NS_STANZAS "'/></failed>");
	assert_int_equal(p.ready, 1);
	say(&p, "<r xmlns='" NS_SM "'/>");
	say(&p, "<resumed xmlns='" NS_SM "' h='0' previd='x'/>");
	want(&p, "");
	assert_false(xmpp_stream_cut(p.s, p.now));
	stop(&p);
	/* Offered, and no word. */
	start(&p);
	assert_int_equal(xmpp_stream_tick(p.s, p.now), p.now + 5000000);
	xmpp_stream_tick(p.s, p.now + 5000000);
	assert_int_equal(p.ready, 1);
	stop(&p);
	/* Counted, but not to be resumed. */
	start(&p);
	say(&p, "<enabled xmlns='" NS_SM "'/>");
	assert_true(xmpp_stream_managed(p.s));
	assert_false(xmpp_stream_cut(p.s, p.now));
	stop(&p);
	/* Not offered. */
	memset(&p, 0, sizeof(p));
	assert_int_equal(xmpp_stream_new(&p.s, &c, &events, &p), 0);
	login(&p, "<stream:features xmlns:stream='" NS_STREAM "'><bind xmlns='" NS_BIND "'/></stream:features>");
	bind(&p);
	assert_int_equal(p.ready, 1);
	want(&p, "");
	assert_false(xmpp_stream_managed(p.s));
	send(&p, "m");
	assert_int_equal(xmpp_stream_handled(p.s), 1);
	buf_clear(&p.out);
	ask(&p, 1000000);
	{
		struct xml *x = xml_of(buf_str(&p.out));
		char text[200];

		snprintf(text, sizeof(text), "<iq xmlns='jabber:client' type='result' id='%s'/>", xml_attr(x, "id"));
		xml_free(&x);
		say(&p, text);
	}
	assert_int_equal(xmpp_stream_handled(p.s), 3);  /* what went before the question, too */
	assert_false(xmpp_stream_cut(p.s, p.now));
	stop(&p);
}

static void a_cut_stream_goes_on(void **state)
{
	struct xmpp_counters n;
	struct peer p;

	(void)state;
	begin(&p);
	say(&p, MSG);
	send(&p, "a");
	send(&p, "b");
	ask(&p, 10000000);
	buf_clear(&p.out);
	assert_null(xmpp_stream_previd(p.s));
	assert_true(xmpp_stream_cut(p.s, p.now));
	assert_true(xmpp_stream_is_cut(p.s));
	assert_string_equal(xmpp_stream_previd(p.s), "tok");
	assert_int_equal(xmpp_stream_resume_until(p.s), p.now + 60000000);
	send(&p, "c");                                  /* kept */
	ask(&p, 10000000);
	want(&p, "");
	p.now += 30000000;
	assert_int_equal(xmpp_stream_tick(p.s, p.now), CLOCK_NEVER);
	assert_int_equal(p.silences, 0);                /* time stands */
	/* A socket that dies in the middle of it. */
	login(&p, SM_FEATURES);
	want(&p, "<resume xmlns=\"" NS_SM "\" h=\"1\" previd=\"tok\"/>\n");
	assert_true(xmpp_stream_cut(p.s, p.now));
	say(&p, MSG);                                   /* of the dead one: not heard */
	assert_int_equal(p.stanzas, 1);
	p.now += 1000000;
	login(&p, SM_FEATURES);
	buf_clear(&p.out);
	send(&p, "d");                                  /* still kept */
	want(&p, "");
	say(&p, "<resumed xmlns='" NS_SM "' h='1' previd='tok'/>");
	assert_int_equal(p.resumed, 1);
	assert_false(xmpp_stream_is_cut(p.s));
	assert_non_null(strstr(buf_str(&p.out), M("b") "<iq "));
	assert_null(strstr(buf_str(&p.out), "id=\"a\""));
	assert_true(strstr(buf_str(&p.out), M("c")) < strstr(buf_str(&p.out), M("d")));
	assert_int_equal(p.ready, 1);
	xmpp_stream_counters(p.s, &n);
	assert_int_equal(n.resent, 5);
	assert_int_equal(n.unacked, 5);
	/* Both questions have their ten seconds left. */
	xmpp_stream_tick(p.s, p.now + 9999999);
	assert_int_equal(p.silences, 0);
	xmpp_stream_tick(p.s, p.now + 10000000);
	assert_int_equal(p.silences, 2);
	assert_int_equal(p.failed, 0);
	stop(&p);
}

static void a_server_that_forgot_says_so(void **state)
{
	static const struct { const char *answer; bool exact; uint64_t handled; } t[] = {
		{ "<failed xmlns='" NS_SM "'><item-not-found xmlns='" NS_STANZAS "'/></failed>", false, 1 },
		{ "<failed xmlns='" NS_SM "' h='1'><item-not-found xmlns='" NS_STANZAS "'/></failed>", true, 2 },
		{ "<failed xmlns='" NS_SM "' h='9'><item-not-found xmlns='" NS_STANZAS "'/></failed>", false, 1 },
		{ "<resumed xmlns='" NS_SM "' h='9' previd='tok'/>", false, 1 },
		{ "<resumed xmlns='" NS_SM "' previd='tok'/>", false, 1 },
		{ "<resumed xmlns='" NS_SM "' h='1' previd='other'/>", false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct peer p;
		struct xml *m = xml_new("message", NS_CLIENT);

		begin(&p);
		send(&p, "a");
		send(&p, "b");
		xmpp_stream_cut(p.s, p.now);
		login(&p, SM_FEATURES);
		say(&p, t[i].answer);
		assert_int_equal(p.gone, 1);
		assert_int_equal(p.exact, t[i].exact);
		assert_int_equal(xmpp_stream_handled(p.s), t[i].handled);
		assert_int_equal(p.resumed, 0);
		assert_false(xmpp_stream_is_cut(p.s));
		assert_int_equal(xmpp_stream_send(p.s, &m), -ENOTCONN);
		stop(&p);
	}
}

static void a_server_that_counts_wrong_is_not_resumed(void **state)
{
	struct xmpp_counters n;
	struct peer p;

	(void)state;
	begin(&p);
	send(&p, "a");
	say(&p, "<a xmlns='" NS_SM "' h='2'/>");
	say(&p, "<a xmlns='" NS_SM "' h='1'/>");
	say(&p, "<a xmlns='" NS_SM "'/>");
	xmpp_stream_counters(p.s, &n);
	assert_int_equal(n.bad_acks, 2);
	assert_int_equal(p.failed, 0);                  /* the call goes on */
	send(&p, "b");
	assert_false(xmpp_stream_cut(p.s, p.now));
	stop(&p);
}

static void too_much_for_a_cut_stream(void **state)
{
	struct xml *m;
	struct peer p;
	int n = 0, err;

	(void)state;
	begin(&p);
	xmpp_stream_cut(p.s, p.now);
	do {
		m = xml_new("message", NS_CLIENT);
		err = xmpp_stream_send(p.s, &m);
		n++;
	} while (!err && n < 1000);
	assert_int_equal(err, -ENOBUFS);
	assert_int_equal(n, 501);
	assert_null(xmpp_stream_previd(p.s));
	assert_int_equal(xmpp_stream_resume_until(p.s), 0);
	stop(&p);
}

/* Not closed, only silent: the pings cut it, and it can be resumed. */
static void a_silent_server_is_cut(void **state)
{
	struct peer p;

	(void)state;
	begin(&p);
	for (int i = 0; i < 60 && !p.failed; i++)
		xmpp_stream_tick(p.s, p.now += 1000000);
	assert_int_equal(p.why, XMPP_DEAD);
	assert_int_equal(p.now, 5000000 + 25000000);
	assert_true(xmpp_stream_is_cut(p.s));
	/* A login that nobody answers is one more cut. */
	xmpp_stream_open(p.s, p.now);
	xmpp_stream_tick(p.s, p.now + 20000000);
	assert_int_equal(p.failed, 2);
	assert_int_equal(p.why, XMPP_DEAD);
	assert_true(xmpp_stream_is_cut(p.s));
	/* One that is refused is the end. */
	xmpp_stream_open(p.s, p.now);
	say(&p, "<stream:features xmlns:stream='" NS_STREAM "'><mechanisms xmlns='" NS_SASL "'><mechanism>ANONYMOUS"
	    "</mechanism></mechanisms></stream:features>");
	say(&p, "<failure xmlns='" NS_SASL "'><not-allowed/><text>token expired</text></failure>");
	assert_int_equal(p.why, XMPP_LOGIN);
	assert_false(xmpp_stream_is_cut(p.s));
	stop(&p);
}

/* ---- as recorded ---- */

struct replay { struct peer p; int cuts; struct buf theirs; };

static void replay_frame(void *ctx, const struct frame *f)
{
	struct replay *r = ctx;
	struct peer *p = &r->p;

	p->now = f->t_ms * 1000;
	if (strcmp(f->ch, "xmpp") || f->line > 57)      /* the resumed part */
		return;
	if (!strcmp(f->dir, "close")) {
		assert_true(xmpp_stream_cut(p->s, p->now));
		r->cuts++;
	} else if (!strcmp(f->dir, "open")) {
		xmpp_stream_open(p->s, p->now);
	} else if (!strcmp(f->dir, "in")) {
		if (strstr(f->data, "<jid>"))
			bind(p);
		else
			say(p, f->data);
	} else if (strstr(f->data, NS_SM)) {
		/* <enable/>, <a/>, <r/>, <resume/>: the same from ours. */
		struct xml *a = xml_of(f->data);
		struct buf b = { 0 };

		xml_write(a, &b);
		if (!strstr(buf_str(&p->out), buf_str(&b)))
			fail_msg("line %d: %s, not in %s", f->line, buf_str(&b), buf_str(&p->out));
		buf_free(&b);
		xml_free(&a);
		buf_clear(&p->out);
	} else if (strstr(f->data, "jabber:client") && !strstr(f->data, NS_BIND)) {
		struct xml *x = xml_of(f->data);

		assert_int_equal(xmpp_stream_send(p->s, &x), 0);
	} else {
		if (!strstr(f->data, NS_BIND))
			buf_clear(&p->out);
	}
}

static void a_recorded_cut_is_resumed(void **state)
{
	struct xmpp_config c = { .domain = "meet.test" };
	struct replay r = { .cuts = 0 };

	(void)state;
	assert_int_equal(xmpp_stream_new(&r.p.s, &c, &events, &r.p), 0);
	frames_of("native-resume", replay_frame, &r);
	assert_int_equal(r.cuts, 1);
	assert_int_equal(r.p.resumed, 1);
	assert_int_equal(r.p.gone, 0);
	assert_int_equal(r.p.failed, 0);
	stop(&r.p);
}

const struct CMUnitTest test_sm[] = {
	cmocka_unit_test(what_is_acknowledged_is_forgotten),
	cmocka_unit_test(absurd_acknowledgements_are_not_believed),
	cmocka_unit_test(counters_wrap),
	cmocka_unit_test(what_is_kept_is_bounded),
	cmocka_unit_test(one_question_at_a_time),
	cmocka_unit_test(stanzas_are_counted_both_ways),
	cmocka_unit_test(without_it_all_is_as_before),
	cmocka_unit_test(a_cut_stream_goes_on),
	cmocka_unit_test(a_server_that_forgot_says_so),
	cmocka_unit_test(a_server_that_counts_wrong_is_not_resumed),
	cmocka_unit_test(too_much_for_a_cut_stream),
	cmocka_unit_test(a_silent_server_is_cut),
	cmocka_unit_test(a_recorded_cut_is_resumed),
	{ 0 }
};
