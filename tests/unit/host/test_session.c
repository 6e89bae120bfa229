/* test_session.c - sessions: accept, sources and who is told, mutes, restarts, ends */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/ns.h"

#define ADA "5b0c9e17"
#define BO "77aa01c9"

/* Two browsers in a room, both with their invitation waiting. */
static struct house *two(struct guest **a, struct guest **b)
{
	struct house *w = house_new();

	*a = guest_login(w);
	*b = guest_login(w);
	enter(*a, ROOM, ADA, NULL);
	answer_caps(*a, NULL);
	enter(*b, ROOM, BO, NULL);
	answer_caps(*b, NULL);
	return w;
}

static struct house *two_talking(struct guest **a, struct guest **b)
{
	struct house *w = two(a, b);

	talk(*a, 3141592653u);
	talk(*b, 2715634410u);
	want2(*a, "source-add", BO "-a0");
	forget(*a);
	forget(*b);
	return w;
}

static void jingle_to_focus(struct guest *c, const char *action, const char *sid, const char *inside)
{
	say(c, "<iq xmlns='jabber:client' type='set' id='j' to='" ROOM "/focus'><jingle xmlns='%s' action='%s' sid='%s'>"
	    "%s</jingle></iq>", NS_JINGLE, action, sid, inside);
}

/* ---- accept ---- */

static void an_accept_reaches_bridge_and_others(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);

	(void)state;
	talk(a, 3141592653u);
	assert_true(house_endpoint(w, ADA)->accepted);
	assert_int_equal(house_endpoint(w, ADA)->sources.count, 1);
	want_none(b, "source-add");             /* has not accepted */
	talk(b, 2715634410u);
	want2(b, "source-add", ADA "-a0");      /* was not in its offer */
	want2(a, "source-add", "{&quot;sources&quot;:{&quot;" BO "&quot;:[[],[],[{&quot;s&quot;:2715634410,&quot;n&quot;:&quot;" BO "-a0&quot;");
	house_free(w);
}

static void a_late_one_is_offered_what_there_is(void **state)
{
	struct guest *a, *b, *c;
	struct house *w = two_talking(&a, &b);

	(void)state;
	c = guest_login(w);
	enter(c, ROOM, "c0ffee11", NULL);
	answer_caps(c, NULL);
	take_offer(c);
	assert_int_equal(c->offer.sources.count, 4);
	assert_string_equal(source_set_find(&c->offer.sources, 3141592653u)->owner, ADA);
	assert_string_equal(source_set_find(&c->offer.sources, 2715634410u)->owner, BO);
	accept_offer(c, NULL, NULL);
	want2(c, "id=\"acc\"", "result");
	want_none(c, "source-add");
	house_free(w);
}

static void what_changes_before_the_accept_is_told_after_it(void **state)
{
	struct guest *a, *b, *c;
	struct house *w = two_talking(&a, &b);

	(void)state;
	c = guest_login(w);
	enter(c, ROOM, "c0ffee11", NULL);
	answer_caps(c, NULL);
	take_offer(c);
	jingle_to_focus(a, "source-remove", a->sid, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'>"
			"<source xmlns='" NS_SSMA "' ssrc='3141592653'/></description></content>");
	want2(a, "id=\"j\"", "result");
	jingle_to_focus(a, "source-add", a->sid, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'>"
			"<source xmlns='" NS_SSMA "' ssrc='999999999' name='" ADA "-a0'/></description></content>");
	want2(a, "id=\"j\"", "result");
	guest_die(b);
	want_none(c, "source-");
	accept_offer(c, NULL, NULL);
	want2(c, "source-remove", "3141592653");
	want2(c, "source-add", "999999999");
	want_none(c, "2715634410");             /* who left is dropped with its presence */
	house_free(w);
}

static void old_clients_get_names(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);
	char *mic = source_xml(NULL, 1387958127, ADA "-audio-1 e60b-1"), *cam, *s;
	struct buf v = { 0 };

	(void)state;
	for (unsigned long ssrc = 500000001; ssrc <= 500000002; ssrc++) {
		cam = source_xml(NULL, ssrc, ADA "-video-1 77-1");
		buf_adds(&v, cam);
		free(cam);
	}
	buf_adds(&v, "<ssrc-group xmlns='" NS_SSMA "' semantics='FID'><source ssrc='500000001'/><source ssrc='500000002'/></ssrc-group>");
	talk(b, 2715634410u);
	take_offer(a);
	accept_offer(a, mic, buf_str(&v));
	want2(a, "id=\"acc\"", "result");
	s = take(b, "source-add");
	assert_non_null(strstr(s, "&quot;n&quot;:&quot;" ADA "-a0&quot;"));
	assert_non_null(strstr(s, "{&quot;s&quot;:500000001,&quot;n&quot;:&quot;" ADA "-v0&quot;"));
	assert_non_null(strstr(s, "{&quot;s&quot;:500000002,&quot;n&quot;:&quot;" ADA "-v0&quot;"));
	free(s);
	free(mic);
	buf_free(&v);
	house_free(w);
}

static void of_simulcast_only_the_first_layer_is_told(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);
	struct buf v = { 0 };
	char *s;

	(void)state;
	talk(b, 2715634410u);
	for (unsigned long i = 1; i <= 6; i++) {
		s = source_xml(ADA "-v0", 700000000 + i, ADA "-video-0-1 77-1");
		buf_adds(&v, s);
		free(s);
	}
	buf_adds(&v, "<ssrc-group xmlns='" NS_SSMA "' semantics='SIM'><source ssrc='700000001'/><source ssrc='700000002'/>"
		 "<source ssrc='700000003'/></ssrc-group>");
	for (int i = 1; i <= 3; i++)
		buf_addf(&v, "<ssrc-group xmlns='" NS_SSMA "' semantics='FID'><source ssrc='70000000%d'/>"
			 "<source ssrc='70000000%d'/></ssrc-group>", i, i + 3);
	take_offer(a);
	accept_offer(a, NULL, buf_str(&v));
	want2(a, "id=\"acc\"", "result");
	assert_int_equal(house_endpoint(w, ADA)->sources.count, 6);     /* the bridge knows them all */
	assert_int_equal(house_endpoint(w, ADA)->sources.groups, 4);
	s = take(b, "source-add");
	assert_non_null(strstr(s, "[[&quot;f&quot;,700000001,700000004]]"));
	for (int i = 2; i <= 6; i++) {
		char ssrc[16];

		snprintf(ssrc, sizeof(ssrc), "70000000%d", i);
		if (i != 4)
			assert_null(strstr(s, ssrc));
	}
	assert_null(strstr(s, "&quot;s&quot;,"));
	free(s);
	buf_free(&v);
	house_free(w);
}

static void who_reads_xml_gets_xml(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, "urn:xmpp:jingle:apps:rtp:audio urn:xmpp:jingle:apps:rtp:video urn:ietf:rfc:4588");
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	want_none(a, "json-message");
	talk(a, 3141592653u);
	talk(b, 2715634410u);
	want_none(a, "json-message");
	want2(a, "source-add", "<source xmlns=\"" NS_SSMA "\" ssrc=\"2715634410\" name=\"" BO "-a0\">"
	      "<ssrc-info xmlns=\"http://jitsi.org/jitmeet\" owner=\"" ROOM "/" BO "\"/>");
	house_free(w);
}

static void a_bad_accept_ends_the_session(void **state)
{
	static const struct { const char *audio, *why; } bad[] = {
		{ "<source xmlns='" NS_SSMA "' ssrc='0' name='x'/>", "SSRC is not valid" },
		{ "<source xmlns='" NS_SSMA "' ssrc='4294967296'/>", "SSRC is not valid" },
		{ "<source xmlns='" NS_SSMA "' ssrc='2715634410'/>", "SSRC is already used" },
		{ "<source xmlns='" NS_SSMA "' ssrc='3391072284'/>", "SSRC is already used" },
		{ "<source xmlns='" NS_SSMA "' ssrc='5'/><source xmlns='" NS_SSMA "' ssrc='5'/>", "SSRC is already used" },
		{ "<source xmlns='" NS_SSMA "' ssrc='5'><parameter name='msid' value='" BO "-audio-0-1 t2715634410-1'/></source>",
		  "MSID is already used by another endpoint" },
		{ "<source xmlns='" NS_SSMA "' ssrc='5'/><ssrc-group xmlns='" NS_SSMA "' semantics='FID'><source ssrc='5'/></ssrc-group>",
		  "SSRC group is malformed" },
		{ "<source xmlns='" NS_SSMA "' ssrc='5'/><ssrc-group xmlns='" NS_SSMA "' semantics='FID'><source ssrc='5'/><source ssrc='6'/></ssrc-group>",
		  "SSRC group names a source that is not signalled" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guest *a, *b;
		struct house *w = two(&a, &b);

		talk(b, 2715634410u);
		forget(b);
		take_offer(a);
		accept_offer(a, bad[i].audio, NULL);
		want2(a, "<bad-request", bad[i].why);
		assert_null(house_endpoint(w, ADA));
		want_none(b, "source-add");
		accept_offer(a, NULL, NULL);
		want2(a, "type=\"error\"", "<gone");
		house_free(w);
	}
}

static void an_accept_needs_a_transport(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);

	(void)state;
	take_offer(a);
	jingle_to_focus(a, "session-accept", a->sid, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'/></content>");
	want2(a, "<bad-request", "the transport is not usable");
	w->accept_error = -EINVAL;
	take_offer(b);
	accept_offer(b, NULL, NULL);
	want2(b, "<bad-request", "the transport is not usable");
	assert_int_equal(w->eps, 0);
	house_free(w);
}

static void sources_of_others_cannot_be_claimed(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);
	char *s;

	(void)state;
	talk(b, 2715634410u);
	take_offer(a);
	s = source_xml(BO "-a0", 77777777, NULL);
	accept_offer(a, s, NULL);
	free(s);
	want2(a, "id=\"acc\"", "result");
	s = take(b, "source-add");              /* said to be Ada's own, by her name */
	assert_non_null(strstr(s, "{&quot;" ADA "&quot;:"));
	assert_non_null(strstr(s, "&quot;n&quot;:&quot;" ADA "-a0&quot;"));
	assert_null(strstr(s, BO "-a0"));
	free(s);
	jingle_to_focus(a, "source-remove", a->sid, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'>"
			"<source xmlns='" NS_SSMA "' ssrc='2715634410'/></description></content>");
	want2(a, "id=\"j\"", "bad-request");
	assert_int_equal(house_endpoint(w, BO)->sources.count, 1);
	house_free(w);
}

static void sources_are_limited(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);
	struct buf x = { 0 };

	(void)state;
	buf_adds(&x, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'>");
	for (int i = 0; i < 20; i++)
		buf_addf(&x, "<source xmlns='" NS_SSMA "' ssrc='%d'/>", 1000000 + i);
	buf_adds(&x, "</description></content>");
	jingle_to_focus(a, "source-add", a->sid, buf_str(&x));  /* with the microphone: 21 */
	want2(a, "id=\"j\"", "Too many SSRCs");
	want_none(b, "source-add");
	buf_free(&x);
	house_free(w);
}

static void a_screen_comes_and_goes(void **state)
{
	static const char screen[] = "<content name='video'><description xmlns='" NS_RTP "' media='video'>"
		"<source xmlns='" NS_SSMA "' ssrc='800000001' name='" ADA "-v1' videoType='desktop'>"
		"<parameter name='msid' value='" ADA "-video-1-1 88-1'/></source></description></content>";
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	jingle_to_focus(a, "source-add", a->sid, screen);
	want2(a, "id=\"j\"", "result");
	want2(b, "source-add", "&quot;v&quot;:&quot;d&quot;");
	jingle_to_focus(a, "source-add", a->sid, screen);
	want2(a, "id=\"j\"", "SSRC is already used");
	jingle_to_focus(a, "removesource", a->sid, screen);
	want2(a, "id=\"j\"", "result");
	want2(b, "source-remove", "800000001");
	jingle_to_focus(a, "source-add", a->sid, screen);
	want2(b, "source-add", "800000001");
	house_free(w);
}

static void a_session_is_known_by_its_id(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	jingle_to_focus(a, "source-add", "nosuchsid", "");
	want2(a, "item-not-found", "<unknown-session xmlns=\"urn:xmpp:jingle:errors:1\"/>");
	accept_offer(a, NULL, NULL);
	want2(a, "unexpected-request", "<out-of-order");
	jingle_to_focus(a, "transport-replace", a->sid, "");
	want2(a, "feature-not-implemented", "transport-replace");
	jingle_to_focus(a, "dance", a->sid, "");
	want2(a, "feature-not-implemented", "dance");
	say(a, "<iq xmlns='jabber:client' type='set' id='j' to='" ROOM "/focus'><jingle xmlns='%s'/></iq>", NS_JINGLE);
	want(a, "bad-request");
	jingle_to_focus(a, "transport-info", a->sid, "<content name='0'/>");
	want2(a, "id=\"j\"", "result");
	house_free(w);
}

static void last_n_of_the_accept_reaches_the_bridge(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);

	(void)state;
	take_offer(a);
	jingle_to_focus(a, "session-accept", a->sid, "<content name='video'><initial-last-n xmlns='jitsi:colibri2' value='4'/>"
		"<transport xmlns='" NS_ICE_UDP "' ufrag='Jq3x' pwd='w6dBz1R0n9HcTqkV2sXyAo7L'><fingerprint xmlns='" NS_DTLS "'"
		" hash='sha-256' setup='active'>AB</fingerprint></transport></content>");
	want2(a, "id=\"j\"", "result");
	assert_non_null(strstr(w->last_channel_text, "\"lastN\":4"));
	house_free(w);
}

/* ---- mutes ---- */

static void mute(struct guest *c, const char *kind, const char *jid, const char *value)
{
	say(c, "<iq xmlns='jabber:client' type='set' id='m' to='" ROOM "/focus'><mute xmlns='http://jitsi.org/jitmeet/%s' jid='%s'>%s</mute></iq>",
	    kind, jid, value);
}

static void moderators_mute_others(void **state)
{
	static const char *const kinds[] = { "audio", "video", "desktop" };
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	for (int i = 0; i < 3; i++) {
		char *s, ns[64];

		mute(a, kinds[i], ROOM "/" BO, "true");
		want2(a, "id=\"m\"", "result");
		snprintf(ns, sizeof(ns), "<mute xmlns=\"http://jitsi.org/jitmeet/%s\"", kinds[i]);
		s = take2(b, "type=\"set\"", ns);
		assert_non_null(strstr(s, "from=\"" ROOM "/focus\""));
		assert_non_null(strstr(s, "actor=\"" ROOM "/" ADA "\""));
		assert_null(strstr(s, " jid="));
		free(s);
	}
	mute(b, "audio", ROOM "/" ADA, "true");
	{
		char *s = take2(b, "type=\"error\"", "<not-allowed");

		assert_true(strstr(s, "</error><mute ") != NULL);
		free(s);
	}
	mute(a, "audio", ROOM "/" BO, "false");
	want2(a, "type=\"error\"", "<not-allowed");
	mute(b, "audio", ROOM "/" BO, "false");
	want2(b, "id=\"m\"", "result");
	mute(b, "audio", ROOM "/" BO, "true");
	want2(b, "id=\"m\"", "result");
	mute(a, "audio", ROOM "/nobody", "true");
	want2(a, "id=\"m\"", "item-not-found");
	mute(a, "audio", "other@conference.meet.test/" BO, "true");
	want2(a, "id=\"m\"", "item-not-found");
	mute(a, "audio", ROOM "/" BO, "maybe");
	want2(a, "id=\"m\"", "bad-request");
	want_none(b, "<mute");
	house_free(w);
}

/* ---- restarts and ends ---- */

static void terminate(struct guest *c, const char *bridge_session, const char *restart)
{
	struct buf b = { 0 };

	buf_addf(&b, "<reason><connectivity-error/><text>ICE FAILED</text></reason><bridge-session xmlns='%s' id='%s' restart='%s'/>",
		 NS_FOCUS, bridge_session, restart);
	jingle_to_focus(c, "session-terminate", c->sid, buf_str(&b));
	buf_free(&b);
}

static void a_restart_brings_a_new_session(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);
	char old[20];

	(void)state;
	snprintf(old, sizeof(old), "%s", b->sid);
	terminate(b, b->bridge_session, "true");
	want2(b, "id=\"j\"", "result");
	want2(a, "source-remove", "2715634410");
	take_offer(b);
	assert_string_not_equal(old, b->sid);
	assert_non_null(source_set_find(&b->offer.sources, 3141592653u));
	jingle_to_focus(b, "source-add", old, "");
	want2(b, "type=\"error\"", "<gone");
	accept_offer(b, "<source xmlns='" NS_SSMA "' ssrc='2715634411'/>", NULL);
	want2(a, "source-add", "2715634411");
	house_free(w);
}

static void restarts_are_limited(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	terminate(b, "00000000-0000-4000-8000-000000000000", "true");
	want2(b, "id=\"j\"", "item-not-found");
	assert_non_null(house_endpoint(w, BO));
	for (int i = 0; i < 5; i++) {
		terminate(b, b->bridge_session, "true");
		want2(b, "id=\"j\"", "result");
		take_offer(b);
		house_pass(w, 6000000);
	}
	terminate(b, b->bridge_session, "true");
	want2(b, "id=\"j\"", "resource-constraint");
	want_none(b, "session-initiate");
	assert_null(house_endpoint(w, BO));
	house_free(w);
}

static void two_restarts_within_five_seconds_are_one_too_many(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	terminate(b, b->bridge_session, "true");
	take_offer(b);
	house_pass(w, 4000000);
	terminate(b, b->bridge_session, "true");
	want2(b, "id=\"j\"", "resource-constraint");
	house_free(w);
}

static void who_ends_its_session_stays_without(void **state)
{
	struct guest *a, *b, *c;
	struct house *w = two_talking(&a, &b);

	(void)state;
	terminate(b, b->bridge_session, "false");
	want2(b, "id=\"j\"", "result");
	want2(a, "source-remove", "2715634410");
	c = guest_login(w);
	enter(c, ROOM, "c0ffee11", NULL);
	answer_caps(c, NULL);
	want_none(b, "session-initiate");
	want(c, "session-initiate");
	house_free(w);
}

static void older_clients_say_that_ice_failed(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);
	struct buf x = { 0 };

	(void)state;
	buf_addf(&x, "<ice-state xmlns='%s'>failed</ice-state><bridge-session xmlns='%s' id='%s'/>", NS_FOCUS, NS_FOCUS, b->bridge_session);
	jingle_to_focus(b, "session-info", b->sid, buf_str(&x));
	want2(b, "id=\"j\"", "result");
	want2(b, "session-terminate", "<success/><text>moving</text>");
	take_offer(b);
	jingle_to_focus(b, "session-info", b->sid, buf_str(&x));        /* about the old one */
	want2(b, "id=\"j\"", "result");
	want_none(b, "session-");
	buf_free(&x);
	house_free(w);
}

static void ask_ice_restart(struct guest *g, const char *bridge_session)
{
	struct buf x = { 0 };

	buf_addf(&x, "<bridge-session xmlns='%s' id='%s' ice-restart='true'/>", NS_FOCUS, bridge_session);
	jingle_to_focus(g, "session-info", g->sid, buf_str(&x));
	buf_free(&x);
}

static void give_transport(struct guest *g, unsigned generation, const char *ufrag)
{
	struct buf x = { 0 };

	buf_addf(&x, "<content creator='responder' name='audio'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' "
		 "ufrag='%s' pwd='0123456789abcdef012345' ice-generation='%u'/></content>", ufrag, generation);
	jingle_to_focus(g, "transport-info", g->sid, buf_str(&x));
	want2(g, "id=\"j\"", "result");
	buf_free(&x);
}

static void ice_is_restarted_in_place(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	ask_ice_restart(b, "another");
	want2(b, "id=\"j\"", "item-not-found");
	give_transport(b, 1, "early");          /* nobody asked for it */
	assert_string_equal(w->restart_ufrag, "");
	ask_ice_restart(b, b->bridge_session);
	want2(b, "id=\"j\"", "result");
	want2(b, "transport-info", "ice-generation=\"1\"");
	assert_int_equal(w->restarts, 1);
	give_transport(b, 1, "mine");
	assert_string_equal(w->restart_ufrag, "mine");
	ask_ice_restart(b, b->bridge_session);  /* within 5 s */
	want2(b, "id=\"j\"", "resource-constraint");
	house_pass(w, 6000000);
	ask_ice_restart(b, b->bridge_session);
	want2(b, "id=\"j\"", "result");
	want2(b, "transport-info", "ufrag=\"again2\"");
	give_transport(b, 1, "stale");
	assert_string_equal(w->restart_ufrag, "mine");
	give_transport(b, 2, "fresh");
	assert_string_equal(w->restart_ufrag, "fresh");
	want_none(a, "source-");                /* nobody else notices */
	house_free(w);
}

static void one_left_alone_is_ended_after_20_s(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	guest_die(b);
	want_none(a, "source-remove");
	house_pass(w, 19000000);
	want_none(a, "session-terminate");
	assert_non_null(house_endpoint(w, ADA));
	house_pass(w, 1100000);
	want2(a, "session-terminate", "<expired/><text>Idle session timeout</text>");
	assert_null(house_endpoint(w, ADA));
	b = guest_login(w);
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	want(a, "session-initiate");
	want(b, "session-initiate");
	house_free(w);
}

static void company_in_time_keeps_the_session(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	guest_die(b);
	house_pass(w, 15000000);
	b = guest_login(w);
	enter(b, ROOM, BO, NULL);
	house_pass(w, 60000000);
	want_none(a, "session-terminate");
	assert_non_null(house_endpoint(w, ADA));
	house_free(w);
}

static void a_failed_bridge_session_is_made_anew(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);
	struct fake_endpoint *e = house_endpoint(w, BO);
	unsigned room = e->room;
	uint64_t old = e->session;

	(void)state;
	server_bridge_state(w->s, room, BO, old, BRIDGE_UP, "", w->now);
	server_bridge_state(w->s, room, BO, old, BRIDGE_EXPIRED, "silent", w->now);
	want2(b, "session-terminate", "moving");
	want2(a, "source-remove", "2715634410");
	take_offer(b);
	assert_true(house_endpoint(w, BO)->session > old);
	/* Late news of the old one. */
	server_bridge_state(w->s, room, BO, old, BRIDGE_FAILED, "ICE", w->now);
	want_none(b, "session-");
	/* Twice more without ever coming up: enough. */
	server_bridge_state(w->s, room, BO, house_endpoint(w, BO)->session, BRIDGE_FAILED, "ICE", w->now);
	take_offer(b);
	server_bridge_state(w->s, room, BO, house_endpoint(w, BO)->session, BRIDGE_FAILED, "ICE", w->now);
	want2(b, "session-terminate", "connectivity-error");
	want_none(b, "session-initiate");
	assert_null(house_endpoint(w, BO));
	house_free(w);
}

static void a_leaver_is_taken_from_the_bridge(void **state)
{
	struct guest *a, *b;
	struct house *w = two_talking(&a, &b);

	(void)state;
	say(b, "<presence xmlns='jabber:client' type='unavailable' to='" ROOM "/" BO "'/>");
	assert_null(house_endpoint(w, BO));
	assert_int_equal(w->removed, 1);
	want_none(a, "source-remove");
	/* The same one comes back with the same source. */
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	talk(b, 2715634410u);
	want2(a, "source-add", "2715634410");
	house_free(w);
}

/* ---- many ---- */

static void twenty_hear_each_other(void **state)
{
	struct house *w = house_new();
	struct guest *c[20];
	struct server_stats st;
	char nick[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		c[i] = guest_login(w);
		snprintf(nick, sizeof(nick), "%08x", 0xabc000 + i);
		enter(c[i], ROOM, nick, NULL);
		answer_caps(c[i], NULL);
		if (i == 0)
			continue;
		talk(c[i], 100000000u + (unsigned long)i);
		if (i == 1)
			talk(c[0], 100000000u);
		house_pass(w, 50000);
	}
	for (int i = 0; i < 20; i++) {
		struct source_set all = { 0 };
		size_t presences = 0;

		/* What it was offered and added is everybody's microphone. */
		source_set_merge(&all, &c[i]->offer.sources);
		for (size_t k = 0; k < c[i]->gots; k++) {
			struct jingle j;
			struct xml *x;

			assert_int_equal(xml_parse(&x, c[i]->got[k], strlen(c[i]->got[k]), NULL, NULL), 0);
			presences += xml_is(x, "presence", NULL);
			if (!jingle_parse(&j, xml_child(x, "jingle", NS_JINGLE), "")) {
				assert_int_equal(j.action, JINGLE_SOURCE_ADD);
				assert_int_equal(source_set_merge(&all, &j.sources), 0);
				jingle_clear(&j);
			}
			xml_free(&x);
		}
		assert_int_equal(all.count, 2 + 19);    /* with the two of the bridge */
		assert_null(source_set_find(&all, 100000000u + (uint32_t)i));
		assert_true(presences >= 21);
		source_set_clear(&all);
	}
	server_stats(w->s, &st);
	assert_int_equal(st.people, 20);
	assert_int_equal(st.sessions, 20);
	for (int i = 0; i < 19; i++)
		guest_die(c[i]);
	assert_int_equal(w->eps, 1);
	want2(c[19], "110", "moderator");
	house_free(w);
}

const struct CMUnitTest test_session[] = {
	cmocka_unit_test(an_accept_reaches_bridge_and_others),
	cmocka_unit_test(a_late_one_is_offered_what_there_is),
	cmocka_unit_test(what_changes_before_the_accept_is_told_after_it),
	cmocka_unit_test(old_clients_get_names),
	cmocka_unit_test(of_simulcast_only_the_first_layer_is_told),
	cmocka_unit_test(who_reads_xml_gets_xml),
	cmocka_unit_test(a_bad_accept_ends_the_session),
	cmocka_unit_test(an_accept_needs_a_transport),
	cmocka_unit_test(sources_of_others_cannot_be_claimed),
	cmocka_unit_test(sources_are_limited),
	cmocka_unit_test(a_screen_comes_and_goes),
	cmocka_unit_test(a_session_is_known_by_its_id),
	cmocka_unit_test(last_n_of_the_accept_reaches_the_bridge),
	cmocka_unit_test(moderators_mute_others),
	cmocka_unit_test(a_restart_brings_a_new_session),
	cmocka_unit_test(restarts_are_limited),
	cmocka_unit_test(two_restarts_within_five_seconds_are_one_too_many),
	cmocka_unit_test(who_ends_its_session_stays_without),
	cmocka_unit_test(older_clients_say_that_ice_failed),
	cmocka_unit_test(ice_is_restarted_in_place),
	cmocka_unit_test(one_left_alone_is_ended_after_20_s),
	cmocka_unit_test(company_in_time_keeps_the_session),
	cmocka_unit_test(a_failed_bridge_session_is_made_anew),
	cmocka_unit_test(a_leaver_is_taken_from_the_bridge),
	cmocka_unit_test(twenty_hear_each_other),
	{ 0 }
};
