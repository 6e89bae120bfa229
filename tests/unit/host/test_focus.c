/* test_focus.c - conference requests, invitations, sources, mutes, endings */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/disco.h"
#include "xmpp/focus.h"
#include "xmpp/muc.h"
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

/* ---- requests ---- */

static void a_request_is_ready_at_once(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	struct focus_answer a;
	struct xml *x;

	(void)state;
	say(c, "<iq xmlns='jabber:client' type='set' id='c1' to='focus.meet.test'><conference xmlns='%s'"
	    " room='StandUp@conference.meet.test' machine-uid='m'><property name='startAudioMuted' value='9'/>"
	    "</conference></iq>", NS_FOCUS);
	x = take_xml(c, "c1");
	assert_int_equal(focus_answer_parse_iq(&a, x), 0);
	assert_true(a.ready);
	assert_string_equal(a.room, ROOM);
	assert_string_equal(a.focus_jid, "focus@auth.meet.test");
	assert_false(a.authentication);
	focus_answer_clear(&a);
	xml_free(&x);
	house_free(w);
}

static void a_request_over_http_is_the_same(void **state)
{
	static const char good[] = "{\"room\":\"" ROOM "\",\"machineUid\":\"m\",\"properties\":{\"startAudioMuted\":10}}";
	static const char *const bad[] = { "", "{}", "[]", "{\"room\":5}", "{\"room\":\"x@elsewhere.test\"}",
		"{\"room\":\"@conference.meet.test\"}", "{\"room\":\"a b@conference.meet.test\"}",
		"{\"room\":\"" ROOM "/nick\"}" };
	struct house *w = house_new();
	struct focus_answer a;
	struct buf b = { 0 };

	(void)state;
	house_begin(w);
	assert_int_equal(server_conference(w->s, "192.0.2.1", good, strlen(good), &b, w->now), 200);
	assert_int_equal(focus_answer_parse_json(&a, 200, buf_str(&b), b.len), 0);
	assert_true(a.ready);
	assert_string_equal(a.focus_jid, "focus@auth.meet.test");
	focus_answer_clear(&a);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&b);
		assert_int_equal(server_conference(w->s, "192.0.2.1", bad[i], strlen(bad[i]), &b, w->now), 400);
		assert_non_null(strstr(buf_str(&b), "Bad request"));
	}
	buf_free(&b);
	house_free(w);
}

static void a_room_nobody_joins_ends_after_15_s(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	struct server_stats st;

	(void)state;
	say(c, "<iq xmlns='jabber:client' type='set' id='c1' to='focus.meet.test'><conference xmlns='%s' room='" ROOM "'/></iq>", NS_FOCUS);
	house_pass(w, 14000000);
	server_stats(w->s, &st);
	assert_int_equal(st.rooms, 1);
	house_pass(w, 2000000);
	server_stats(w->s, &st);
	assert_int_equal(st.rooms, 0);
	house_free(w);
}

static void rooms_are_limited_and_unused_ones_make_way(void **state)
{
	struct house *w = house_new();
	struct guest *a, *b;

	(void)state;
	w->max_rooms = 2;
	a = guest_login(w);
	b = guest_login(w);
	enter(a, "one@conference.meet.test", NULL, NULL);
	say(b, "<iq xmlns='jabber:client' type='set' id='2' to='focus.meet.test'><conference xmlns='%s' room='two@conference.meet.test'/></iq>", NS_FOCUS);
	want2(b, "id=\"2\"", "ready=\"true\"");
	enter(b, "three@conference.meet.test", NULL, NULL);     /* in place of two */
	want(b, "110");
	say(b, "<iq xmlns='jabber:client' type='set' id='4' to='focus.meet.test'><conference xmlns='%s' room='four@conference.meet.test'/></iq>", NS_FOCUS);
	want2(b, "id=\"4\"", "resource-constraint");
	enter(b, "one@conference.meet.test", NULL, NULL);       /* those there are stay open */
	want2(b, "110", "one@");
	house_free(w);
}

/* ---- invitations ---- */

static void one_alone_is_not_invited_two_are(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, NULL);
	want_none(a, "session-initiate");
	enter(b, ROOM, BO, NULL);
	want2(a, "session-initiate", "");
	want_none(b, "session-initiate");       /* not yet known what it can do */
	answer_caps(b, NULL);
	want2(b, "session-initiate", "");
	house_free(w);
}

static void an_offer_is_as_web_clients_need_it(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	struct jingle *j;
	char *s;

	(void)state;
	enter(a, ROOM, ADA, NULL);
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	s = take(b, "session-initiate");
	assert_non_null(strstr(s, "from=\"" ROOM "/focus\""));
	assert_non_null(strstr(s, "initiator=\"focus@auth.meet.test/focus\""));
	assert_non_null(strstr(s, "<group xmlns=\"urn:xmpp:jingle:apps:grouping:0\" semantics=\"BUNDLE\">"
			       "<content name=\"audio\"/><content name=\"video\"/></group>"));
	assert_non_null(strstr(s, "<rtp-hdrext xmlns=\"urn:xmpp:jingle:apps:rtp:rtp-hdrext:0\""));
	assert_non_null(strstr(s, "<rtcp-fb xmlns=\"urn:xmpp:jingle:apps:rtp:rtcp-fb:0\""));
	assert_non_null(strstr(s, "<transport xmlns=\"urn:xmpp:jingle:transports:ice-udp:1\""));
	assert_non_null(strstr(s, "<fingerprint xmlns=\"urn:xmpp:jingle:apps:dtls:0\""));
	assert_non_null(strstr(s, "<bridge-session xmlns=\"http://jitsi.org/protocol/focus\""));
	assert_non_null(strstr(s, "<json-message xmlns=\"http://jitsi.org/jitmeet\">"));
	assert_non_null(strstr(s, "<web-socket xmlns=\"http://jitsi.org/protocol/colibri\""));
	assert_null(strstr(s, "sdes:mid"));
	assert_null(strstr(s, "name=\"data\""));
	free(s);
	/* Its bytes are in order; now what they mean. */
	guest_die(b);
	b = guest_login(w);
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	take_offer(b);
	j = &b->offer;
	assert_int_equal(jingle_payload_by_name(&j->audio, "opus")->id, 111);
	assert_int_equal(jingle_payload_by_name(&j->audio, "telephone-event")->id, 126);
	assert_int_equal(jingle_ext_id(&j->audio, EXT_AUDIO_LEVEL), 1);
	assert_int_equal(jingle_ext_id(&j->audio, EXT_TRANSPORT_CC), 5);
	assert_int_equal(jingle_payload_by_name(&j->video, "VP8")->id, 100);
	assert_int_equal(jingle_payload_by_name(&j->video, "rtx")->apt, 100);
	assert_int_equal(jingle_ext_id(&j->video, EXT_ABS_SEND_TIME), 3);
	assert_int_equal(jingle_ext_id(&j->video, EXT_TRANSPORT_CC), 5);
	assert_int_equal(j->transport.cands, 1);
	assert_string_equal(j->transport.setup, "actpass");
	assert_int_equal(strlen(j->bridge_session), 36);
	assert_int_equal(j->sources.count, 2);
	assert_string_equal(source_set_find(&j->sources, 3391072284u)->name, "jvb-a0");
	assert_string_equal(source_set_find(&j->sources, 2738412961u)->owner, "jvb");
	assert_string_equal(source_set_find(&j->sources, 2738412961u)->msid, "mixedmslabel mixedlabelvideo0");
	assert_int_equal(house_endpoint(w, BO)->e.pt_rtx, 96);
	assert_true(house_endpoint(w, BO)->e.video && house_endpoint(w, BO)->e.tcc);
	house_free(w);
}

static void the_channel_address_is_the_requests_own(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b, link = { 0 };
	char *url, *q;
	struct channel *ch;

	(void)state;
	enter(a, ROOM, ADA, NULL);
	b = guest_login(w);
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	take_offer(b);
	assert_int_equal(b->offer.transport.websockets, 1);
	url = strdup(b->offer.transport.websocket[0]);
	assert_true(!strncmp(url, "ws://meet.test:8443/colibri-ws/default-id/", 42));
	q = strchr(url, '?');
	*q++ = 0;
	assert_null(server_channel_open(w->s, &link, url + strlen("ws://meet.test:8443"), "pwd=wrong", w->now));
	assert_null(server_channel_open(w->s, &link, "/colibri-ws/default-id/aaaaaaaaaaaaaaaa/" BO, q, w->now));
	ch = server_channel_open(w->s, &link, url + strlen("ws://meet.test:8443"), q, w->now);
	assert_non_null(ch);
	assert_true(house_endpoint(w, BO)->channel);
	server_channel_input(w->s, ch, "{\"colibriClass\":\"ClientHello\"}", 30, w->now);
	assert_string_equal(w->last_channel_text, "{\"colibriClass\":\"ClientHello\"}");
	server_bridge_send(w->s, house_endpoint(w, BO)->room, BO, "{\"x\":1}", 7, w->now);
	assert_int_equal(link.gots, 1);
	/* A second one takes its place. */
	{
		struct guest second = { 0 };

		assert_non_null(server_channel_open(w->s, &second, url + strlen("ws://meet.test:8443"), q, w->now));
		assert_int_equal(link.code, 1000);
		assert_string_equal(link.reason, "replaced");
		assert_true(house_endpoint(w, BO)->channel);
		guest_die(b);
		assert_int_equal(second.code, 1001);
		forget(&second);
		free(second.got);
	}
	forget(&link);
	free(link.got);
	free(url);
	house_free(w);
}

static void who_cannot_see_is_offered_no_video(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, "urn:xmpp:jingle:apps:rtp:audio http://jitsi.org/json-encoded-sources");
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	take_offer(a);
	assert_true(a->offer.audio.present);
	assert_false(a->offer.video.present);
	assert_int_equal(a->offer.sources.count, 1);
	assert_int_equal(jingle_ext_id(&a->offer.audio, EXT_TRANSPORT_CC), 0);
	assert_false(house_endpoint(w, ADA)->e.video || house_endpoint(w, ADA)->e.tcc);
	house_free(w);
}

static void who_only_chats_is_not_invited(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, "urn:xmpp:ping");
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	want_none(a, "session-initiate");
	want(b, "session-initiate");
	house_free(w);
}

static void who_does_not_say_is_taken_for_a_browser(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, ADA, NULL);
	enter(b, ROOM, BO, NULL);
	house_pass(w, 1900000);
	want_none(a, "session-initiate");
	house_pass(w, 200000);
	take_offer(a);
	assert_true(a->offer.video.present);
	take_offer(b);
	house_free(w);
}

static const char *const few[] = { "urn:xmpp:jingle:apps:rtp:audio", "http://jitsi.org/json-encoded-sources" };

static void caps(struct guest *c, const char *nick, const char *ver)
{
	struct buf b = { 0 };

	buf_addf(&b, "<c xmlns='%s' hash='sha-1' node='urn:me' ver='%s'/>", NS_CAPS, ver);
	enter(c, ROOM, nick, buf_str(&b));
	buf_free(&b);
}

static void a_true_hash_is_asked_once(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	char ver[29];

	(void)state;
	disco_caps_hash(NULL, 0, few, 2, ver);
	caps(a, ADA, ver);
	want2(a, "node=\"urn:me#", NS_DISCO_INFO);
	forget(a);
	guest_die(a);
	a = guest_login(w);
	caps(a, ADA, ver);
	answer_caps(a, "urn:xmpp:jingle:apps:rtp:audio http://jitsi.org/json-encoded-sources");
	caps(b, BO, ver);
	want_none(b, NS_DISCO_INFO);
	take_offer(b);
	assert_false(b->offer.video.present);
	house_free(w);
}

static void a_false_hash_fools_nobody_else(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	caps(a, ADA, "thehashofabrowser=");
	answer_caps(a, "urn:xmpp:jingle:apps:rtp:audio");
	caps(b, BO, "thehashofabrowser=");
	answer_caps(b, NULL);
	take_offer(b);
	assert_true(b->offer.video.present);
	house_free(w);
}

static void who_refuses_its_invitation_is_left_alone(void **state)
{
	struct guest *a, *b;
	struct house *w = two(&a, &b);
	struct xml *iq = take_xml(b, "session-initiate");

	(void)state;
	assert_non_null(house_endpoint(w, BO));
	say(b, "<iq xmlns='jabber:client' type='error' id='%s' to='" ROOM "/focus'><error type='cancel'><service-unavailable"
	    " xmlns='%s'/></error></iq>", xml_attr(iq, "id"), NS_STANZAS);
	xml_free(&iq);
	assert_null(house_endpoint(w, BO));
	want_none(b, "session-initiate");
	house_free(w);
}

static void a_bridge_that_fails_is_shown(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	w->add_error = -EMFILE;
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, NULL);
	enter(b, ROOM, BO, NULL);
	want2(a, "from=\"" ROOM "/focus\"", "<bridgeNotAvailable xmlns=\"http://jitsi.org/protocol/focus\"/>");
	want_none(a, "session-initiate");
	w->add_error = 0;
	answer_caps(b, NULL);           /* the next occasion */
	want2(a, "from=\"" ROOM "/focus\"", "bridge-count");
	want(a, "session-initiate");
	want(b, "session-initiate");
	house_free(w);
}

static void newcomers_start_muted_by_the_first_ones_wish(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	say(a, "<iq xmlns='jabber:client' type='set' id='c' to='focus.meet.test'><conference xmlns='%s' room='" ROOM "'>"
	    "<property name='startAudioMuted' value='1'/></conference></iq>", NS_FOCUS);
	enter(a, ROOM, ADA, NULL);
	answer_caps(a, NULL);
	enter(b, ROOM, BO, NULL);
	answer_caps(b, NULL);
	take_offer(a);
	take_offer(b);
	assert_false(a->offer.startmuted_audio);
	assert_true(b->offer.startmuted_audio);
	assert_false(b->offer.startmuted_video);
	house_free(w);
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
	buf_clear(&x);
	buf_addf(&x, "<bridge-session xmlns='%s' id='%s' ice-restart='true'/>", NS_FOCUS, b->bridge_session);
	jingle_to_focus(b, "session-info", b->sid, buf_str(&x));
	want2(b, "id=\"j\"", "feature-not-implemented");
	buf_free(&x);
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

const struct CMUnitTest test_focus[] = {
	cmocka_unit_test(a_request_is_ready_at_once),
	cmocka_unit_test(a_request_over_http_is_the_same),
	cmocka_unit_test(a_room_nobody_joins_ends_after_15_s),
	cmocka_unit_test(rooms_are_limited_and_unused_ones_make_way),
	cmocka_unit_test(one_alone_is_not_invited_two_are),
	cmocka_unit_test(an_offer_is_as_web_clients_need_it),
	cmocka_unit_test(the_channel_address_is_the_requests_own),
	cmocka_unit_test(who_cannot_see_is_offered_no_video),
	cmocka_unit_test(who_only_chats_is_not_invited),
	cmocka_unit_test(who_does_not_say_is_taken_for_a_browser),
	cmocka_unit_test(a_true_hash_is_asked_once),
	cmocka_unit_test(a_false_hash_fools_nobody_else),
	cmocka_unit_test(who_refuses_its_invitation_is_left_alone),
	cmocka_unit_test(a_bridge_that_fails_is_shown),
	cmocka_unit_test(newcomers_start_muted_by_the_first_ones_wish),
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
	cmocka_unit_test(one_left_alone_is_ended_after_20_s),
	cmocka_unit_test(company_in_time_keeps_the_session),
	cmocka_unit_test(a_failed_bridge_session_is_made_anew),
	cmocka_unit_test(a_leaver_is_taken_from_the_bridge),
	cmocka_unit_test(twenty_hear_each_other),
	{ 0 }
};
