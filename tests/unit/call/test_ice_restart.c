/* test_ice_restart.c - new ways to the same bridge, and relays that expire */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/chat.h"
#include "xmpp/ns.h"

#define ICE "urn:xmpp:jingle:transports:ice-udp:1"

static void begin(struct script *s, bool ice_restart)
{
	static const struct script_config cfg = { .name = "Bob" };
	static char with[] = "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' }, "
		"websocket: 'ws://127.0.0.1:8080/xmpp-websocket', enableIceRestart: true };";

	script_new(s, &cfg);
	if (ice_restart)
		s->config_js = with;
	script_join(s);
	script_invite(s, "s1", NULL, NULL);
	script_answer(s, "jingle", NS_JINGLE, "result", NULL);
	script_run(s, 300000);
	s->media_silent = true;         /* from now on the tests say what it says */
}

static void media(struct script *s, int state, const char *why)
{
	call_media_state(s->call, s->media_sid, state, why, s->now);
	script_run(s, 0);
}

static bool asked(struct script *s)
{
	const struct xml *j;

	if (!script_has_iq(s, "jingle", NS_JINGLE))
		return false;
	j = xml_child(script_iq(s, "jingle", NS_JINGLE), "jingle", NS_JINGLE);
	return !strcmp(xml_attr(j, "action"), "session-info");
}

static void transport(struct script *s, unsigned generation, const char *ufrag)
{
	script_inf(s, "<iq xmlns='jabber:client' type='set' id='ti' from='" FOCUS "' to='" ME "'>"
		   "<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s1'>"
		   "<content creator='initiator' name='audio'><transport xmlns='" ICE "' ufrag='%s' "
		   "pwd='0123456789012345678901' ice-generation='%u'><candidate component='1' foundation='1' "
		   "generation='0' id='c' network='0' ip='127.0.0.1' port='10001' priority='1' protocol='udp' "
		   "type='host'/></transport></content></jingle></iq>", ufrag, generation);
}

static unsigned ice_restarts(struct script *s)
{
	struct call_counters n;

	call_counters(s->call, &n);
	return (unsigned)n.ice_restarts;
}

static void test_in_place(void **state)
{
	const struct xml *t, *j;
	char *ufrag;
	struct script s;

	(void)state;
	begin(&s, true);
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	assert_true(asked(&s));
	j = xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NS_JINGLE);
	t = xml_child(j, "bridge-session", NS_FOCUS);
	assert_string_equal(xml_attr(t, "id"), "b-s1");
	assert_string_equal(xml_attr(t, "ice-restart"), "true");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	transport(&s, 1, "newone");
	assert_int_equal(s.media_restarts, 1);
	assert_string_equal(s.restart_ufrag, "newone");
	/* Ours: new, with the same generation, and our fingerprint. */
	j = xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NS_JINGLE);
	assert_string_equal(xml_attr(j, "action"), "transport-info");
	t = xml_child(xml_child(j, "content", NULL), "transport", ICE);
	assert_string_equal(xml_attr(t, "ice-generation"), "1");
	assert_string_equal(xml_child_text(t, "fingerprint", NULL), "AA:BB");
	ufrag = strdup(xml_attr(t, "ufrag"));
	assert_true(strlen(ufrag) >= 4 && strlen(xml_attr(t, "pwd")) >= 22);
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	transport(&s, 1, "stale");
	transport(&s, 0, "");
	assert_int_equal(s.media_restarts, 1);
	assert_int_equal(s.media_candidates, 1); /* without a generation: one more candidate */
	media(&s, PEER_UP, "");
	script_run(&s, 60 * SEC);
	assert_int_equal(s.media_starts, 1);
	assert_int_equal(s.media_stops, 0);
	assert_int_equal(ice_restarts(&s), 1);
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	transport(&s, 2, "again");
	t = xml_child(xml_child(xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NS_JINGLE), "content", NULL),
		      "transport", ICE);
	assert_string_not_equal(xml_attr(t, "ufrag"), ufrag);
	assert_int_equal(s.media_restarts, 2);
	free(ufrag);
	script_free(&s);
}

/* The focus takes it, but no way is found: a new session, 15 s later. */
static void test_in_vain(void **state)
{
	struct script s;

	(void)state;
	begin(&s, true);
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	transport(&s, 1, "newone");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	script_run(&s, 14 * SEC);
	assert_int_equal(s.media_stops, 0);
	script_run(&s, 4 * SEC);
	assert_int_equal(s.media_stops, 1);     /* terminated, to be invited again */
	script_free(&s);
}

static void test_refused(void **state)
{
	struct script s;

	(void)state;
	begin(&s, true);
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	script_answer(&s, "jingle", NS_JINGLE, "error", "<error type='cancel'><feature-not-implemented "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	script_run(&s, 10 * SEC);
	assert_int_equal(s.media_stops, 1);
	assert_int_equal(ice_restarts(&s), 1);
	script_invite(&s, "s2", NULL, NULL);
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	media(&s, PEER_UP, "");
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	assert_true(asked(&s));                 /* another session, perhaps another bridge */
	script_free(&s);
}

/* A deployment without it is never asked. */
static void test_not_offered(void **state)
{
	struct script s;

	(void)state;
	begin(&s, false);
	media(&s, PEER_INTERRUPTED, "no answers from the bridge");
	assert_false(asked(&s));
	script_run(&s, 4 * SEC);
	assert_int_equal(s.media_stops, 0);     /* the media looks for another way itself */
	script_run(&s, 6 * SEC);
	assert_int_equal(s.media_stops, 1);
	script_free(&s);
}

static void test_network_changed(void **state)
{
	struct script s;

	(void)state;
	begin(&s, true);
	call_network_changed(s.call, 0, s.now);
	assert_true(asked(&s));                 /* at once, while the old way may still work */
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	transport(&s, 1, "newone");
	assert_int_equal(s.media_restarts, 1);
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	call_network_changed(s.call, 0, s.now); /* one is under way */
	assert_false(asked(&s));
	script_run(&s, 30 * SEC);
	assert_int_equal(s.media_stops, 0);     /* it was up all the time */
	script_free(&s);
	/* Without restarts in place: the media says what is left of the way. */
	begin(&s, false);
	call_network_changed(s.call, 0, s.now);
	script_run(&s, 5 * SEC);
	assert_int_equal(s.media_stops, 0);
	media(&s, PEER_INTERRUPTED, "this machine's network changed");
	script_run(&s, 5 * SEC);
	assert_int_equal(s.media_stops, 1);     /* sooner than after a silence */
	script_free(&s);
}

static void test_slept(void **state)
{
	struct script s;

	(void)state;
	begin(&s, true);
	call_network_changed(s.call, 10 * SEC, s.now);
	assert_true(asked(&s));
	script_free(&s);
	begin(&s, true);
	call_network_changed(s.call, 3600 * SEC, s.now);
	assert_false(asked(&s));
	assert_told(&s, "state reconnecting the computer slept");
	script_free(&s);
}

static void test_what_is_tried_is_told(void **state)
{
	struct script s;

	(void)state;
	begin(&s, false);
	media(&s, PEER_CONNECTING, "no answer from the bridge on UDP 10000: trying TURN");
	assert_told(&s, "no answer from the bridge on UDP 10000: trying TURN");
	script_free(&s);
}

static void services(struct script *s, int64_t life_us)
{
	char at[32];

	chat_stamp_write(at, clock_wall_us() + life_us);
	script_inf(s, "<message xmlns='jabber:client' from='meet.test' to='" ME "'><services "
		   "xmlns='urn:xmpp:extdisco:2'><service type='turn' host='127.0.0.1' port='3478' transport='udp' "
		   "username='u' password='p' expires='%s'/></services></message>", at);
}

static unsigned questions(struct script *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->sents; i++)
		n += xml_is(s->sent[i].x, "iq", NULL) && xml_child(s->sent[i].x, "services", NULL);
	return n;
}

static void test_credentials_are_renewed(void **state)
{
	struct script s;
	unsigned before;

	(void)state;
	begin(&s, false);
	services(&s, 3600 * SEC);
	assert_int_equal(s.media_services, 1);
	before = questions(&s);
	script_run(&s, 3500 * SEC);
	assert_int_equal(questions(&s), before);
	script_run(&s, 60 * SEC);
	assert_int_equal(questions(&s), before + 1);
	assert_true(s.media_services >= 2);     /* the script's server answered */
	script_free(&s);
}

/* Refused before their time: asked at once, but not again and again. */
static void test_refused_credentials(void **state)
{
	struct script s;
	unsigned before;

	(void)state;
	begin(&s, false);
	services(&s, 3600 * SEC);
	script_run(&s, 30 * SEC);
	before = questions(&s);
	call_media_wants(s.call, "", CALL_WANT_SERVERS, "refused", s.now);
	script_run(&s, SEC / 10);
	assert_int_equal(questions(&s), before + 1);
	for (unsigned i = 0; i < 50; i++) {
		call_media_wants(s.call, "", CALL_WANT_SERVERS, "refused", s.now);
		script_run(&s, SEC / 10);
	}
	assert_int_equal(questions(&s), before + 1);
	script_run(&s, 6 * SEC);
	assert_int_equal(questions(&s), before + 2);
	script_free(&s);
}

/* A clock that is an hour off: no question every ten seconds. */
static void test_credentials_of_yesterday(void **state)
{
	struct script s;
	unsigned before;

	(void)state;
	begin(&s, false);
	services(&s, -3600 * SEC);
	before = questions(&s);
	script_run(&s, 55 * SEC);
	assert_int_equal(questions(&s), before);
	script_run(&s, 10 * SEC);
	assert_int_equal(questions(&s), before + 1);
	script_free(&s);
}

static void test_wanted(void **state)
{
	struct script s;

	(void)state;
	begin(&s, true);
	call_media_wants(s.call, "of another session", CALL_WANT_RESTART, "credentials end", s.now);
	assert_false(asked(&s));
	call_media_wants(s.call, s.media_sid, CALL_WANT_RESTART, "credentials end", s.now);
	assert_true(asked(&s));
	script_run(&s, 20 * SEC);
	assert_int_equal(s.media_stops, 0);     /* in vain, and nothing is lost by it */
	script_free(&s);
	begin(&s, false);
	call_media_wants(s.call, s.media_sid, CALL_WANT_RESTART, "credentials end", s.now);
	assert_false(asked(&s));
	script_free(&s);
}

const struct CMUnitTest test_ice_restart[] = {
	cmocka_unit_test(test_in_place), cmocka_unit_test(test_in_vain), cmocka_unit_test(test_refused),
	cmocka_unit_test(test_not_offered), cmocka_unit_test(test_network_changed),
	cmocka_unit_test(test_slept), cmocka_unit_test(test_what_is_tried_is_told),
	cmocka_unit_test(test_credentials_are_renewed), cmocka_unit_test(test_refused_credentials),
	cmocka_unit_test(test_credentials_of_yesterday), cmocka_unit_test(test_wanted), {0}
};
