/* test_shard.c - deployments of several servers: ours is kept, and looked after */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

static const char hosts[] = "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' },";

/* In the room of a server whose config.js says more. */
static void up(struct script *s, const struct script_config *cfg, const char *more)
{
	static const struct script_config plain = { .name = "Bob", .url = "https://meet.example.org/room" };
	static char js[1000];

	snprintf(js, sizeof(js), "%s websocket: 'wss://meet.example.org/xmpp-websocket'%s };", hosts, more);
	script_new(s, cfg ? cfg : &plain);
	s->config_js = js;
	script_join(s);
	assert_told(s, "state joined");
}

static void answer(struct script *s, const char *shard)
{
	call_keepalive_input(s->call, 200, shard, s->now);
}

/* 5 s after the login, then every one to two minutes. */
static void test_when(void **state)
{
	struct script s;

	(void)state;
	up(&s, NULL, ", websocketKeepAliveUrl: 'https://meet.example.org/_unlock'");
	script_run(&s, 4900000);
	assert_int_equal(s.keepalives, 0);
	script_run(&s, 200000);
	assert_int_equal(s.keepalives, 1);
	assert_string_equal(s.keepalive_url, "https://meet.example.org/_unlock?room=room");
	/* One at a time. */
	script_run(&s, 300 * SEC);
	assert_int_equal(s.keepalives, 1);
	for (unsigned i = 1; i < 20; i++) {
		if (i % 2)
			answer(&s, "");
		else
			call_keepalive_input(s.call, 0, "", s.now);     /* nobody answered */
		script_run(&s, 59 * SEC);
		assert_int_equal(s.keepalives, i);
		script_run(&s, 62 * SEC);
		assert_int_equal(s.keepalives, i + 1);
	}
	assert_not_told(&s, "reconnecting");
	/* An answer that nobody asked for changes nothing. */
	answer(&s, "");
	answer(&s, "s9");
	answer(&s, "s9");
	assert_not_told(&s, "reconnecting");
	script_free(&s);
}

/* Only where there is reason to, and only our own server's host. */
static void test_whom(void **state)
{
	static const struct { const char *url, *more, *want; } t[] = {
		{ "https://meet.example.org/room", "", NULL },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: '/_unlock?a=b'", "https://meet.example.org/_unlock?a=b&room=room" },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: 'https://MEET.example.org:8443/u'",
		  "https://MEET.example.org:8443/u?room=room" },
		{ "https://page.example.org/room", ", websocketKeepAliveUrl: 'https://page.example.org/u'", "https://page.example.org/u?room=room" },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: 'https://tracker.example.net/u'", NULL },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: 'http://meet.example.org/u'", NULL },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: '/u', websocketKeepAlive: -1", NULL },
		{ "https://meet.example.org/room", ", websocketKeepAliveUrl: '/u', websocketKeepAlive: 0", NULL },
		{ "https://meet.example.org/room", ", deploymentInfo: { shard: 's1' }", "https://meet.example.org/xmpp-websocket?room=room" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct script_config cfg = { .url = t[i].url, .jwt = "a.secret.token" };

		up(&s, &cfg, t[i].more);
		script_run(&s, 130 * SEC);
		if (t[i].want)
			assert_string_equal(s.keepalive_url, t[i].want);
		else
			assert_int_equal(s.keepalives, 0);
		script_free(&s);
	}
}

static void test_own_pace(void **state)
{
	struct script s;

	(void)state;
	up(&s, NULL, ", websocketKeepAliveUrl: '/u', websocketKeepAlive: 10");  /* nobody wants that */
	script_run(&s, 5 * SEC);
	answer(&s, "");
	script_run(&s, 4900000);
	assert_int_equal(s.keepalives, 1);
	script_run(&s, 61 * SEC);
	assert_int_equal(s.keepalives, 2);
	script_free(&s);
	up(&s, NULL, ", websocketKeepAliveUrl: '/u', websocketKeepAlive: 300000");
	script_run(&s, 5 * SEC);
	answer(&s, "");
	script_run(&s, 299 * SEC);
	assert_int_equal(s.keepalives, 1);
	script_run(&s, 62 * SEC);
	assert_int_equal(s.keepalives, 2);
	script_free(&s);
}

/* What a server says at login, as JaaS does, counts for more than the page's word. */
static void pushed(struct script *s, const char *shard)
{
	script_inf(s, "<message xmlns='jabber:client' from='meet.test'><query xmlns='" NS_DISCO_INFO "'>"
		   "<identity category='server' type='shard' name='%s'/></query></message>", shard);
}

/* To the next answer, which names a server; whether that took us out. */
static bool moved(struct script *s, const char *shard)
{
	script_run(s, 125 * SEC);
	assert_true(call_get_state(s->call) == CALL_JOINED);
	answer(s, shard);
	return call_get_state(s->call) == CALL_RECONNECTING;
}

static void back(struct script *s, const char *shard)
{
	static unsigned n = 1;
	char jid[100];

	script_run(s, 9 * SEC);
	snprintf(jid, sizeof(jid), "%08x-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/r", 0x61000000u + n++);
	while (!s->stream_url)
		script_run(s, 1 * SEC);
	s->no_disco = true;
	script_come_back(s, jid);
	if (shard)
		pushed(s, shard);
	script_session(s, jid, NULL);
}

static void test_shard_changed(void **state)
{
	struct script s;

	(void)state;
	up(&s, NULL, ", websocketKeepAliveUrl: '/u', deploymentInfo: { shard: 's0' }");
	pushed(&s, "s1");
	script_session(&s, "one", NULL);
	assert_false(moved(&s, "s1"));
	assert_false(moved(&s, ""));
	assert_true(moved(&s, "s2"));
	assert_told(&s, "state reconnecting meet.example.org has moved this room to another one of its servers");
	back(&s, "s2");
	assert_told(&s, "joined 61000001");
	assert_int_equal(s.media_stops, 0);
	/* After a reconnect it is looked at once. */
	assert_int_equal(s.keepalives, 4);
	assert_false(moved(&s, "s2"));
	script_free(&s);
	/* The page's word was of before: not held against the new one. */
	up(&s, NULL, ", websocketKeepAliveUrl: '/u', deploymentInfo: { shard: 's0' }");
	assert_true(moved(&s, "s1"));
	back(&s, NULL);
	assert_false(moved(&s, "s1"));
	script_free(&s);
}

/* Two who never agree: a few times, then it stays as it is, and is said once. */
static void test_never_agree(void **state)
{
	struct script s;

	(void)state;
	up(&s, NULL, ", websocketKeepAliveUrl: '/u'");
	pushed(&s, "s1");
	for (int i = 0; i < 3; i++) {
		assert_true(moved(&s, "s2"));
		back(&s, "s1");
	}
	assert_false(moved(&s, "s2"));
	assert_told(&s, "notice meet.example.org cannot decide which of its servers");
	buf_clear(&s.told);
	assert_false(moved(&s, "s2"));
	assert_not_told(&s, "cannot decide");
	assert_false(moved(&s, "s1"));
	assert_true(moved(&s, "s2"));           /* it had been well */
	script_free(&s);
}

/* While there is no stream, nobody is asked; taken up again, at once. */
static void test_cut(void **state)
{
	struct script s;
	struct script_config cfg = { .url = "https://meet.example.org/room", .sm = true };

	(void)state;
	up(&s, &cfg, ", websocketKeepAliveUrl: '/u'");
	script_run(&s, 6 * SEC);
	assert_int_equal(s.keepalives, 1);
	script_lose(&s);
	answer(&s, "s2");                       /* late */
	script_run(&s, 2900000);
	assert_int_equal(s.keepalives, 1);
	script_reopen(&s);
	script_in(&s, "<resumed xmlns='urn:xmpp:sm:3' previd='tok' h='1'/>");
	assert_told(&s, "connected again after");
	script_run(&s, 0);
	assert_int_equal(s.keepalives, 2);
	call_leave(s.call, s.now);
	answer(&s, "s2");
	script_run(&s, 300 * SEC);
	assert_int_equal(s.keepalives, 2);
	assert_told(&s, "left 0");
	script_free(&s);
}

const struct CMUnitTest test_shard[] = {
	cmocka_unit_test(test_when),
	cmocka_unit_test(test_whom),
	cmocka_unit_test(test_own_pace),
	cmocka_unit_test(test_shard_changed),
	cmocka_unit_test(test_never_agree),
	cmocka_unit_test(test_cut),
	{ 0 }
};
