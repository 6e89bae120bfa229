/* test_odd.c - servers that are old, odd, slow or rude, and people with other clients */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

static const struct script_config plain = { .name = "Bob" };

/* ---- sources ---- */

/* A focus that knows no JSON: owners by id or by occupant JID, with names and without. */
static void test_sources_as_xml(void **state)
{
	static const char sources[] =
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1234' name='77aa01bc-a0'>"
		"<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='" ROOM "/77aa01bc'/>"
		"<parameter name='msid' value='77aa01bc-audio-0-1 c0de-1'/></source>"
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4321'>"
		"<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='c0ffee11'/></source>"
		"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='7'>"
		"<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='jvb'/></source>";
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_person(&s, "c0ffee11", "<audiomuted>false</audiomuted>", NULL);
	script_inf(&s, "<iq xmlns='jabber:client' type='set' id='i' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		   "action='session-initiate' sid='s1'><content name='audio' creator='initiator' senders='both'>"
		   "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
		   "<payload-type id='96' name='opus' clockrate='48000' channels='2'/>%s</description>"
		   "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'>"
		   "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA</fingerprint>"
		   "<candidate component='1' foundation='1' generation='0' id='c' network='0' ip='127.0.0.1' port='10000' "
		   "priority='1' protocol='udp' type='host'/></transport></content></jingle></iq>", sources);
	assert_told(&s, "source+ 1234 77aa01bc");
	assert_told(&s, "source+ 4321 c0ffee11");
	assert_not_told(&s, "source+ 7 ");
	assert_int_equal(s.media_starts, 1);
	script_inf(&s, "<iq xmlns='jabber:client' type='set' id='r' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		   "action='removesource' sid='s1'><content name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
		   "media='audio'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='4321'/></description></content>"
		   "</jingle></iq>");
	assert_told(&s, "source- 4321 c0ffee11");
	assert_int_equal(script_count(&s, "iq", "type", "error"), 0);
	script_free(&s);
}

/* ---- people ---- */

/* Presences as other programs, older and protected servers write them: with
 * parts missing, with parts that nobody knows. */
static void test_presences_of_all_kinds(void **state)
{
	static const struct { const char *id, *x, *told; } t[] = {
		/* 2021: no SourceInfo */
		{ "00000001", "<audiomuted>false</audiomuted><videomuted>true</videomuted><nick "
		  "xmlns='http://jabber.org/protocol/nick'>Old</nick><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='a@meet.test/x' role='participant' affiliation='none'/></x>", "person+ 00000001 Old\n" },
		/* a moderator of a server with tokens */
		{ "00000002", "<stats-id>Jon-x</stats-id><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'/>"
		  "<features><feature var='https://jitsi.org/meet/e2ee'/></features>"
		  "<identity><user><id>7</id><name>M</name><avatar/><hidden-from-recorder>false</hidden-from-recorder></user>"
		  "<group>g</group></identity><nick xmlns='http://jabber.org/protocol/nick'>Mod</nick>"
		  "<avatar-url/><email/><jitsi_participant_region/><userId xmlns='jabber:client'>x@y</userId>"
		  "<SourceInfo>{\"00000002-a0\":{\"muted\":false,\"x\":[1,{}]},\"00000002-v0\":{},\"\":null}</SourceInfo>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='m@meet.test/x' role='moderator' "
		  "affiliation='owner'><actor nick='focus'/><reason/></item><status code='abc'/><status/></x>"
		  "<permissions xmlns='http://jitsi.org/jitmeet'><p name='livestreaming' val='true'/></permissions>",
		  "person+ 00000002 Mod moderator\n" },
		/* no muc#user at all, caps of another kind */
		{ "00000003", "<c xmlns='urn:xmpp:caps'/><jitsi_participant_codecType>vp9</jitsi_participant_codecType>"
		  "<nick xmlns='http://jabber.org/protocol/nick'>Gst</nick>", "person+ 00000003 Gst muted\n" },
		/* hidden JID, nonsense where JSON should be */
		{ "00000004", "<SourceInfo>[[[</SourceInfo><nick xmlns='http://jabber.org/protocol/nick'/>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><item/></x>", "person+ 00000004  muted\n" },
		/* a phone's gateway, with a nick of its own kind */
		{ "jigasi-4711", "<nick xmlns='http://jabber.org/protocol/nick'>+49 30</nick><audiomuted>false</audiomuted>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='j@internal.meet.test' role='none' "
		  "affiliation='what'/></x>", "person+ jigasi-4711 +49 30\n" },
	};
	struct script s;

	(void)state;
	script_up(&s, &plain);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		script_inf(&s, "<presence xmlns='jabber:client' from='" ROOM "/%s'>%s</presence>", t[i].id, t[i].x);
		assert_told(&s, t[i].told);
	}
	assert_int_equal(call_people(s.call), 2 + sizeof(t) / sizeof(t[0]));
	script_free(&s);
}

/* ---- addresses ---- */

static void test_websocket_elsewhere(void **state)
{
	static const struct { const char *url, *ws, *want; } t[] = {
		{ "https://meet.example.org/room", "'wss://xmpp.example.net:5281/ws'", "wss://xmpp.example.net:5281/ws?room=room" },
		{ "https://meet.example.org/room", "'/xmpp-websocket'", "wss://meet.example.org/xmpp-websocket?room=room" },
		{ "https://meet.example.org:8443/a/room", "'xmpp-websocket'", "wss://meet.example.org:8443/a/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", "'//x.example.org/ws?a=b'", "wss://x.example.org/ws?a=b&room=room" },
		{ "https://meet.example.org/room", "'https://x.example.org/ws'", "wss://x.example.org/ws?room=room" },
		{ "http://127.0.0.1:8080/room", "'//127.0.0.1:9090/ws'", "ws://127.0.0.1:9090/ws?room=room" },
		{ "https://meet.example.org/Chor.Nord/Gr%C3%B6%C3%9Fe%202", "'wss://meet.example.org/' + subdir + 'xmpp-websocket'",
		  "wss://meet.example.org/chor_nord/xmpp-websocket?room=gr%25c3%25b6%25c3%259fe%25202" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct script_config cfg = { .url = t[i].url };
		struct buf b = { 0 };

		script_new(&s, &cfg);
		buf_addf(&b, "var config = { hosts: { domain: 'meet.test' }, websocket: %s };", t[i].ws);
		script_config_js(&s, buf_str(&b));
		assert_string_equal(s.stream_url, t[i].want);
		buf_free(&b);
		script_free(&s);
	}
}

/* Where the server says that we are. */
static void test_region(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config_js(&s, "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' },\n"
	       "deploymentInfo: { shard: 's1', region: 'eu-1', userRegion: 'eu-2' } };");
	script_login(&s, ME);
	script_ready(&s, NULL);
	assert_string_equal(xml_child_text(script_presence(&s), "jitsi_participant_region", NULL), "eu-2");
	script_free(&s);
}

/* More people than the room holds: into the hall of those who listen, which is not built in. */
static void test_visitors(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	assert_null(strstr(buf_str(&s.sent_text), "visitors-version"));
	script_answer(&s, "conference", NS_FOCUS, "result", "<conference xmlns='http://jitsi.org/protocol/focus' "
		      "ready='true' focusjid='focus@auth.v1.meet.jitsi' vnode='v1'/>");
	assert_told(&s, "left 4 visitors room is full; it lets more people in as visitors only");
	script_free(&s);
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	script_answer(&s, "conference", NS_FOCUS, "result", "<conference xmlns='http://jitsi.org/protocol/focus' "
		      "ready='true' focusjid='focus@auth.meet.test'><property name='visitors-supported' value='true'/></conference>");
	script_inf(&s, "<presence xmlns='jabber:client' type='error' from='%s'><error type='wait'><service-unavailable "
		   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>", xml_attr(script_presence(&s), "to"));
	assert_told(&s, "left 4 full room is full; it would let you in as a visitor");
	script_free(&s);
}

/* Where tokens come from, with the room in it. */
static void test_token_place(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config_js(&s, "var config = { hosts: { domain: 'meet.test' }, tokenAuthUrl: 'https://login.test/?r={room}&x=1' };");
	script_login(&s, ME);
	script_answer(&s, "conference", NS_FOCUS, "error", "<error type='auth'><not-authorized "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	assert_told(&s, "left 4 not-authorized the room is not open");
	assert_told(&s, "a token is to be had at https://login.test/?r=room&x=1");
	script_free(&s);
}

/* A server with a limit of open microphones closes ours: that is nobody's doing. */
static void test_too_many_microphones(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_in(&s, "<presence xmlns='jabber:client' from='" FOCUS "'><conference-properties xmlns='http://jitsi.org/protocol/focus'>"
		  "<property key='audio-limit-reached' value='true'/><property key='visitor-count' value='7'/><property/>"
		  "</conference-properties><x xmlns='http://jabber.org/protocol/muc#user'><item jid='focus@auth.meet.test/focus' "
		  "role='moderator' affiliation='owner'/></x></presence>");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='m' from='" FOCUS "'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute></iq>");
	assert_told(&s, "muted-by as many microphones are open as this server takes");
	assert_told(&s, "notice as many microphones are open");
	script_free(&s);
}

/* ---- the channel ---- */

static void invite_with_channels(struct script *s, const char *sid)
{
	script_inf(s, "<iq xmlns='jabber:client' type='set' id='i' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		   "action='session-initiate' sid='%s'><content name='audio'>"
		   "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
		   "<payload-type id='111' name='opus' clockrate='48000' channels='2'/></description>"
		   "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'>"
		   "<web-socket xmlns='http://jitsi.org/protocol/colibri' url='gopher://x/1'/>"
		   "<web-socket xmlns='http://jitsi.org/protocol/colibri' url='ws://a.test/colibri-ws/1'/>"
		   "<web-socket xmlns='http://jitsi.org/protocol/colibri' url='ws://b.test/colibri-ws/2'/>"
		   "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA</fingerprint>"
		   "</transport></content></jingle></iq>", sid);
	script_answer(s, "jingle", NS_JINGLE, "result", NULL);
	script_run(s, 300000);
}

/* Several names of one bridge: the first is not reached from here. */
static void test_several_channels(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	invite_with_channels(&s, "s1");
	assert_string_equal(s.channel_asked, "ws://a.test/colibri-ws/1");
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, 1100000);
	assert_string_equal(s.channel_asked, "ws://b.test/colibri-ws/2");
	call_channel_opened(s.call, s.now);
	assert_told(&s, "channel up");
	/* What was open is dialled again, not the other one. */
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, 1100000);
	assert_string_equal(s.channel_asked, "ws://b.test/colibri-ws/2");
	script_free(&s);
}

/* None of them is a WebSocket: 404, 200, a page that wants a login, nobody there.  The call does not care. */
static void test_channel_never_opens(void **state)
{
	static const int status[] = { 404, 200, 401, 0, 502, 403 };
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		int64_t end;

		script_up(&s, &plain);
		invite_with_channels(&s, "s1");
		end = s.now + 1800 * SEC;
		while (s.now < end) {
			if (s.channel_url) {
				text_set(&s.channel_url, NULL);
				call_channel_closed(s.call, 1006, status[i], s.now);
			}
			script_run(&s, SEC);
		}
		/* Slowly, at most once a minute for each. */
		assert_in_range(s.channel_opens, 2, 80);
		assert_int_equal(s.media_starts, 1);
		assert_int_equal(s.media_stops, 0);
		assert_not_told(&s, "error");
		assert_not_told(&s, "state reconnecting");
		assert_false(script_has_terminate(&s));
		script_free(&s);
	}
}

/* ---- rude and slow servers ---- */

static void test_garbage(void **state)
{
	static const char *const in[] = {
		"", " ", "\xff\xfe", "<", "<a><b></a>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
	};
	struct buf big = { 0 };
	struct script s;

	(void)state;
	script_up(&s, &plain);
	/* Now and then something that is no XML: counted, and on it goes. */
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		script_in(&s, in[i]);
		script_in(&s, "<message xmlns='jabber:client' from='meet.test'/>");
	}
	script_in(&s, "<unknown xmlns='urn:x'><y/></unknown>");
	script_in(&s, "<presence xmlns='jabber:client'/>");
	script_in(&s, "<iq xmlns='jabber:client'/>");
	script_in(&s, "<iq xmlns='jabber:client' type='result' id='nobody-asked'/>");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='u' from='" FOCUS "'><thing xmlns='urn:new'/></iq>");
	assert_string_equal(xml_attr(s.sent[s.sents - 1].x, "type"), "error");
	assert_non_null(xml_child(xml_child(s.sent[s.sents - 1].x, "error", NULL), "service-unavailable", NULL));
	assert_true(script_counters(&s).unknown_iq >= 1);
	/* A presence of half a megabyte, a thousand statuses. */
	buf_adds(&big, "<presence xmlns='jabber:client' from='" ROOM "/feedbeef'><nick xmlns='http://jabber.org/protocol/nick'>");
	for (int i = 0; i < 500000; i++)
		buf_addc(&big, 'x');
	buf_adds(&big, "</nick><x xmlns='http://jabber.org/protocol/muc#user'>");
	for (int i = 0; i < 1000; i++)
		buf_adds(&big, "<status code='100'/>");
	buf_adds(&big, "</x></presence>");
	script_in(&s, buf_str(&big));
	buf_free(&big);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	assert_not_told(&s, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	/* Nothing but garbage is no server any more: another connection. */
	for (int i = 0; i < 6; i++)
		script_in(&s, "garbage");
	assert_told(&s, "state reconnecting");
	script_free(&s);
}

/* Each answer after 8 s, pings too: slow, and neither dead nor refused. */
static void test_slow_server(void **state)
{
	int64_t end;
	size_t answered = 0;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_invite(&s, "s1", NULL, NULL);
	s.stream_up = false;            /* the script itself answers nothing */
	end = s.now + 600 * SEC;
	while (s.now < end) {
		for (size_t i = 0; i < s.sents; i++) {
			const char *type = xml_attr(s.sent[i].x, "type"), *to = xml_attr(s.sent[i].x, "to");

			if (!xml_is(s.sent[i].x, "iq", NULL) || s.sent[i].answered || s.now - s.sent[i].at < 8 * SEC ||
			    !type || !strcmp(type, "result") || !strcmp(type, "error"))
				continue;
			s.sent[i].answered = true;
			answered++;
			script_inf(&s, "<iq xmlns='jabber:client' type='result' id='%s'%s%s%s/>", xml_attr(s.sent[i].x, "id"),
				   to ? " from='" : "", to ? to : "", to ? "'" : "");
		}
		script_run(&s, 500000);
	}
	assert_true(answered > 20);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	assert_not_told(&s, "state reconnecting");
	assert_int_equal(s.media_starts, 1);
	assert_int_equal(s.media_stops, 0);
	/* The accept was taken, if late: our source is named. */
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":false}}");
	script_free(&s);
}

/* No components at all: no jiconop, no metadata, no moderation.  A call like any other. */
static void test_bare_server(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	s.no_disco = true;
	script_join(&s);
	script_session(&s, "s1", "\"77aa01bc\":[[],[],[{\"s\":\"1234\"}]]");
	assert_told(&s, "source+ 1234 77aa01bc");       /* a number as a string */
	/* Who is no component, is no component. */
	script_in(&s, "<message xmlns='jabber:client' from='metadata.meet.test'><json-message xmlns='http://jitsi.org/jitmeet'>"
		  "{\"type\":\"room_metadata\",\"metadata\":{\"startMuted\":{\"audio\":true}}}</json-message></message>");
	assert_not_told(&s, "muted-by");
	script_run(&s, 60 * SEC);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

const struct CMUnitTest test_odd[] = {
	cmocka_unit_test(test_sources_as_xml),
	cmocka_unit_test(test_presences_of_all_kinds),
	cmocka_unit_test(test_websocket_elsewhere),
	cmocka_unit_test(test_region),
	cmocka_unit_test(test_visitors),
	cmocka_unit_test(test_token_place),
	cmocka_unit_test(test_too_many_microphones),
	cmocka_unit_test(test_several_channels),
	cmocka_unit_test(test_channel_never_opens),
	cmocka_unit_test(test_garbage),
	cmocka_unit_test(test_slow_server),
	cmocka_unit_test(test_bare_server),
	{ 0 }
};
