/* test_focus.c - conference requests, abilities, invitations */
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
	{ 0 }
};
