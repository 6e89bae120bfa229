/* test_call.c - a call that is up: people, chat, sound, and what goes wrong */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/jingle.h"
#include "xmpp/ns.h"

static const struct script_config plain = { .name = "Bob" };
static const struct script_config relayed = { .name = "Bob", .relay_only = true };

/* ---- people ---- */

static void test_people(void **state)
{
	struct call_person p;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	assert_int_equal(call_people(s.call), 2);
	script_person(&s, "c0ffee11", "<nick xmlns='http://jabber.org/protocol/nick'> Eve&#x202e; &#x9;x </nick>"
	       "<jitsi_participant_raisedHand>1787212800123</jitsi_participant_raisedHand>", NULL);
	assert_told(&s, "person+ c0ffee11 Eve  x muted hand\n");
	assert_true(call_find_person(s.call, "c0ffee11", &p));
	assert_true(p.hand_ms == INT64_C(1787212800123));
	script_person(&s, "c0ffee11", "<nick xmlns='http://jabber.org/protocol/nick'>Eve  x</nick>", NULL);
	assert_told(&s, "hand c0ffee11 Eve  x muted\n");
	script_person(&s, "c0ffee11", "<nick xmlns='http://jabber.org/protocol/nick'>Eve</nick>"
	       "<SourceInfo>{\"c0ffee11-a0\":{\"muted\":false},\"c0ffee11-v1\":{\"muted\":false,\"videoType\":\"desktop\"},"
	       "\"77aa01bc-a0\":{\"muted\":true}}</SourceInfo><audiomuted>true</audiomuted>", NULL);
	call_find_person(s.call, "c0ffee11", &p);
	assert_true(!p.muted && p.screen);      /* SourceInfo wins */
	script_gone(&s, "c0ffee11", "<item/><status code='333'/>");
	assert_told(&s, "person- c0ffee11 Eve connection lost");
	assert_false(call_find_person(s.call, "c0ffee11", &p));
	/* Recorders are no people, nor is the focus. */
	script_in(&s, "<presence xmlns='jabber:client' from='" ROOM "/rec'><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='rec@hidden.meet.test/x' role='participant'/></x></presence>");
	assert_int_equal(call_people(s.call), 2);
	script_free(&s);
}

static void test_crowd_is_bounded(void **state)
{
	struct script s;
	char id[20];

	(void)state;
	script_up(&s, &plain);
	for (int i = 0; i < 700; i++) {
		snprintf(id, sizeof(id), "p%07d", i);
		script_person(&s, id, "", NULL);
	}
	assert_true(call_people(s.call) <= 500);
	script_free(&s);
}

static void test_kicked(void **state)
{
	static const struct { const char *x, *told; } t[] = {
		{ "<item role='none'><actor nick='77aa01bc'/><reason>time is up</reason></item><status code='307'/><status code='110'/>",
		  "left 4 kicked Ada removed you: time is up" },
		{ "<item role='none' affiliation='outcast'><reason>no</reason></item><status code='301'/><status code='110'/>",
		  "left 4 banned you were banned: no" },
		{ "<item role='none'/><destroy><reason>The meeting has been terminated</reason></destroy><status code='110'/>",
		  "left 0 destroyed the meeting was ended: The meeting has been terminated" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		script_up(&s, &plain);
		script_session(&s, "s1", NULL);
		script_gone(&s, "5c1f0a9e", t[i].x);
		assert_told(&s, t[i].told);
		assert_int_equal(s.media_stops, 1);
		assert_null(s.channel_url);
		assert_null(s.stream_url);      /* closed in good order, no way back */
		assert_non_null(strstr(buf_str(&s.sent_text), "<close "));
		assert_true(call_tick(s.call, s.now + 600 * SEC) == INT64_MAX);
		script_free(&s);
	}
}

static void test_leaving(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_leave(s.call, s.now);
	assert_string_equal(xml_attr(script_presence(&s), "type"), "unavailable");
	assert_int_equal(s.media_stops, 1);
	assert_not_told(&s, "left");
	script_gone(&s, "5c1f0a9e", "<item role='none'/><status code='110'/>");
	assert_told(&s, "left 0 left");
	script_free(&s);
	/* A server that does not say goodbye is waited for a second. */
	script_up(&s, &plain);
	call_leave(s.call, s.now);
	script_run(&s, 900000);
	assert_not_told(&s, "left 0");
	script_run(&s, 200000);
	assert_told(&s, "left 0 left");
	script_free(&s);
	/* Before anything is up it is over at once. */
	script_new(&s, &plain);
	call_leave(s.call, s.now);
	assert_told(&s, "left 0 left");
	/* And it can be begun anew. */
	call_join(s.call, s.now);
	assert_non_null(s.config_url);
	script_free(&s);
}

/* Whoever frees a call in the middle of it leaves no ghost behind. */
static void test_freed_in_the_middle(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_free(&s.call);
	assert_string_equal(xml_attr(script_presence(&s), "type"), "unavailable");
	assert_non_null(strstr(buf_str(&s.sent_text), "<close "));
	assert_int_equal(s.media_stops, 1);
	script_free(&s);
}

/* A focus that left and may not be called back: the sound goes on all the same. */
static void test_focus_stays_away(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_gone(&s, "focus", "<item role='none'/>");
	for (int i = 0; i < 4; i++) {
		script_run(&s, 12 * SEC);
		if (script_has_iq(&s, "conference", NS_FOCUS))
			script_answer(&s, "conference", NS_FOCUS, "error", "<error type='auth'><not-authorized "
				      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	}
	assert_int_equal(s.media_stops, 0);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

/* ---- sound ---- */

static void test_accept(void **state)
{
	struct jingle j;
	const struct xml *x;
	uint32_t first;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_invite(&s, "s1", "\"jvb\":[[],[],[{\"s\":7,\"n\":\"jvb-a0\",\"m\":\"mixedmslabel x\"}]],"
		      "\"77aa01bc\":[[{\"s\":50,\"n\":\"77aa01bc-v0\"}],[],[{\"s\":1234,\"n\":\"77aa01bc-a0\"}]]", NULL);
	/* The result comes first, then the accept, then media and channel. */
	assert_string_equal(xml_attr(s.sent[s.sents - 2].x, "type"), "result");
	x = xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NULL);
	assert_int_equal(jingle_parse(&j, x, ""), 0);
	assert_int_equal(j.action, JINGLE_ACCEPT);
	assert_string_equal(j.transport.setup, "active");
	assert_string_equal(j.transport.fingerprint, "AA:BB");
	assert_int_equal(j.transport.cands, 0);
	assert_int_equal(j.sources.count, 1);
	assert_int_equal(j.sources.v[0].ssrc, s.media_ssrc);
	assert_string_equal(j.sources.v[0].name, "5c1f0a9e-a0");
	assert_true(text_starts(j.sources.v[0].msid, "5c1f0a9e-audio-0-1 "));
	first = s.media_ssrc;
	jingle_clear(&j);
	assert_string_equal(s.channel_asked, "ws://127.0.0.1:8080/colibri-ws/j/c/5c1f0a9e?pwd=s1");
	/* Voices are told, the bridge's own SSRC and pictures are not. */
	assert_told(&s, "source+ 1234 77aa01bc");
	assert_not_told(&s, "source+ 7 ");
	assert_not_told(&s, "source+ 50 ");
	assert_string_equal(call_source_owner(s.call, 1234), "77aa01bc");
	assert_null(call_source_owner(s.call, 7));
	assert_null(call_source_owner(s.call, 50));
	/* The source is published once the focus has it. */
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{}");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	script_run(&s, 300000);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":false}}");
	/* A new session in place of the old one: another SSRC, sources kept. */
	script_invite(&s, "s2", "\"77aa01bc\":[[],[],[{\"s\":1234,\"n\":\"77aa01bc-a0\"}]]", NULL);
	assert_int_equal(s.media_starts, 2);
	assert_int_equal(s.media_stops, 0);
	assert_int_not_equal(s.media_ssrc, first);
	assert_not_told(&s, "source- 1234");
	script_free(&s);
}

static void test_accept_muted_and_without_microphone(void **state)
{
	struct script_config muted = { .muted = true }, none = { .no_mic = true };
	struct script s;

	(void)state;
	/* Muted is a state: the source is there. */
	script_up(&s, &muted);
	script_session(&s, "s1", NULL);
	assert_int_not_equal(s.media_ssrc, 0);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	script_free(&s);
	script_up(&s, &none);
	script_session(&s, "s1", NULL);
	assert_int_equal(s.media_ssrc, 0);
	assert_null(strstr(buf_str(&s.sent_text), "<source "));
	assert_int_equal(call_set_muted(s.call, false, s.now), 0);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{}");
	script_free(&s);
}

static void source(struct script *s, const char *from, const char *action, const char *sid, const char *json)
{
	script_inf(s, "<iq xmlns='jabber:client' type='set' id='x' from='%s'><jingle xmlns='urn:xmpp:jingle:1' action='%s' "
		   "sid='%s'><json-message xmlns='http://jitsi.org/jitmeet'>{\"sources\":{%s}}</json-message></jingle></iq>",
		   from, action, sid, json);
}

static void test_sources(void **state)
{
	static const char eve[] = "\"c0ffee11\":[[],[],[{\"s\":99,\"n\":\"c0ffee11-a0\"}]]";
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	source(&s, FOCUS, "source-add", "s1", eve);
	assert_told(&s, "source+ 99 ?");        /* before its presence */
	script_person(&s, "c0ffee11", "", NULL);
	assert_told(&s, "source+ 99 c0ffee11");
	source(&s, FOCUS, "source-add", "s1", eve);
	source(&s, FOCUS, "source-remove", "s1", eve);
	assert_told(&s, "source- 99 c0ffee11");
	source(&s, FOCUS, "source-remove", "s1", eve);
	source(&s, FOCUS, "source-add", "s1", eve);
	/* Nobody says so when a person leaves. */
	script_gone(&s, "c0ffee11", "<item role='none'/>");
	assert_null(call_source_owner(s.call, 99));
	assert_int_equal(script_count(&s, "iq", "type", "error"), 0);
	source(&s, FOCUS, "source-add", "other", eve);
	assert_non_null(strstr(buf_str(&s.sent_text), "unknown-session"));
	script_free(&s);
}

/* What only the focus may say is dropped and counted from anyone else. */
static void test_forged(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	/* Somebody enters as "focus" beside the real one's place. */
	script_in(&s, "<presence xmlns='jabber:client' from='" ROOM "/focus2'><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='focus@evil.test/focus' role='participant'/></x></presence>");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='m' from='" ROOM "/focus2'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute></iq>");
	assert_int_equal(script_counters(&s).forged, 1);
	assert_not_told(&s, "muted-by");
	source(&s, ROOM "/77aa01bc", "source-add", "s1", "\"77aa01bc\":[[],[],[{\"s\":666}]]");
	assert_null(call_source_owner(s.call, 666));
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='t' from='" ROOM "/77aa01bc'><jingle xmlns='urn:xmpp:jingle:1' "
		  "action='session-terminate' sid='s1'><reason><success/></reason></jingle></iq>");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='u' from='focus@auth.meet.test/focus'><jingle "
		  "xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s1'/></iq>");
	assert_int_equal(s.media_stops, 0);
	assert_int_equal(script_counters(&s).forged, 2);
	/* Components speak with their own address, or not at all. */
	script_in(&s, "<message xmlns='jabber:client' from='evil.test'><json-message xmlns='http://jitsi.org/jitmeet'>"
		  "{\"type\":\"av_moderation\",\"removed\":true,\"mediaType\":\"audio\"}</json-message></message>");
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' from='" ROOM "/77aa01bc'><json-message "
		  "xmlns='http://jitsi.org/jitmeet'>{\"type\":\"av_moderation\",\"removed\":true,\"mediaType\":\"audio\"}"
		  "</json-message></message>");
	assert_not_told(&s, "muted-by");
	/* Chat of a stranger outside the room is none. */
	script_in(&s, "<message xmlns='jabber:client' type='chat' from='spam@evil.test/x'><body>buy</body></message>");
	assert_not_told(&s, "buy");
	assert_int_equal(script_counters(&s).forged, 4);
	script_free(&s);
}

/* The focus has gone; whoever takes its nick is not it. */
static void test_impostor(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_gone(&s, "focus", "<item role='none'/>");
	script_in(&s, "<presence xmlns='jabber:client' from='" FOCUS "'><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='eve@meet.test/focus' role='moderator' affiliation='owner'/></x></presence>");
	script_invite(&s, "evil", NULL, NULL);
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='m' from='" FOCUS "'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute></iq>");
	assert_int_equal(s.media_starts, 1);
	assert_not_told(&s, "muted-by");
	assert_int_equal(script_counters(&s).forged, 3);
	assert_int_equal(call_people(s.call), 2);
	script_free(&s);
}

static void test_p2p(void **state)
{
	static const char offer[] = "<iq xmlns='jabber:client' type='set' id='%s' from='" ROOM "/77aa01bc'><jingle "
		"xmlns='urn:xmpp:jingle:1' action='%s' sid='p2p' initiator='" ROOM "/77aa01bc'/></iq>";
	const struct xml *x;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	(void)offer;
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='o' from='" ROOM "/77aa01bc'><jingle "
		  "xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='p2p' initiator='" ROOM "/77aa01bc'/></iq>");
	assert_string_equal(xml_attr(s.sent[s.sents - 2].x, "id"), "o");
	assert_string_equal(xml_attr(s.sent[s.sents - 2].x, "type"), "result");
	x = xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NULL);
	assert_string_equal(xml_attr(x, "action"), "session-terminate");
	assert_non_null(xml_child(xml_child(x, "reason", NULL), "decline", NULL));
	/* They knew already: nothing of ours is restarted by that. */
	script_answer(&s, "jingle", NS_JINGLE, "error", "<error type='cancel'><item-not-found "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	script_run(&s, 5 * SEC);
	assert_int_equal(s.media_starts, 1);
	assert_false(script_has_iq(&s, "jingle", NS_JINGLE));
	script_free(&s);
}

/* ---- the microphone ---- */

static void mute_us(struct script *s)
{
	script_in(s, "<iq xmlns='jabber:client' type='set' id='m' from='" FOCUS "'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio' actor='" ROOM "/77aa01bc'>true</mute></iq>");
}

static void test_muted_by_moderator(void **state)
{
	const struct xml *iq;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	mute_us(&s);
	assert_told(&s, "muted-by 77aa01bc Ada");
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	/* Back only by the focus's word. */
	assert_false(call_asks_to_speak(s.call));
	call_set_muted(s.call, false, s.now);
	assert_true(call_asks_to_speak(s.call));
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	iq = script_iq(&s, "mute", NS_MUTE_AUDIO);
	assert_string_equal(xml_attr(xml_child(iq, "mute", NULL), "jid"), ROOM "/5c1f0a9e");
	assert_string_equal(xml_child_text(iq, "mute", NULL), "false");
	script_answer(&s, "mute", NS_MUTE_AUDIO, "result", NULL);
	assert_told(&s, "notice the others can hear you");
	assert_false(call_asks_to_speak(s.call));
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":false}}");
	/* An own mute needs no asking. */
	call_set_muted(s.call, true, s.now);
	call_set_muted(s.call, false, s.now);
	assert_false(script_has_iq(&s, "mute", NS_MUTE_AUDIO));
	/* Nobody opens a microphone but its owner. */
	call_set_muted(s.call, true, s.now);
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='m' from='" FOCUS "'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio'>false</mute></iq>");
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	script_free(&s);
}

static void test_unmute_refused(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	mute_us(&s);
	buf_clear(&s.told);
	call_set_muted(s.call, false, s.now);
	script_answer(&s, "mute", NS_MUTE_AUDIO, "error", "<error type='cancel'><not-allowed "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	assert_told(&s, "muted-by");            /* the front end thought otherwise */
	assert_told(&s, "error not-allowed");
	/* Not answered: muted, too, and said so. */
	buf_clear(&s.told);
	call_set_muted(s.call, false, s.now);
	script_run(&s, 15 * SEC);
	assert_told(&s, "error timeout still muted");
	script_free(&s);
}

static void test_start_muted(void **state)
{
	static const char meta[] = "<message xmlns='jabber:client' from='metadata.meet.test'><json-message "
		"xmlns='http://jitsi.org/jitmeet'>{\"type\":\"room_metadata\",\"metadata\":{\"startMuted\":{\"audio\":true}}}"
		"</json-message></message>";
	struct script s;

	(void)state;
	/* It comes before we are in, and before it is known whose word it is. */
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	script_ready(&s, NULL);
	script_in(&s, meta);
	script_person(&s, "5c1f0a9e", "", "<status code='110'/>");
	assert_not_told(&s, "muted-by");
	script_run(&s, 1000);
	assert_told(&s, "muted-by");
	/* Who sits already is not muted by it. */
	call_set_muted(s.call, false, s.now);
	buf_clear(&s.told);
	script_in(&s, meta);
	script_run(&s, SEC);
	assert_not_told(&s, "muted-by");
	script_free(&s);
	/* The older form, in the invitation. */
	script_up(&s, &plain);
	script_invite(&s, "s1", NULL, "<startmuted xmlns='http://jitsi.org/jitmeet/start-muted' audio='true' video='true'/>");
	assert_told(&s, "muted-by");
	script_free(&s);
}

/* ---- presence and chat ---- */

static void test_presence_is_coalesced(void **state)
{
	struct call_person me;
	unsigned before;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_run(&s, SEC);
	before = script_count(&s, "presence", NULL, NULL);
	for (int i = 0; i < 20; i++) {
		call_set_hand(s.call, i % 2 == 0, s.now);
		call_set_muted(s.call, i % 2 == 0, s.now);
		call_set_name(s.call, i % 2 ? "Bob" : "Robert", s.now);
		script_run(&s, 10000);
	}
	script_run(&s, SEC);
	assert_in_range(script_count(&s, "presence", NULL, NULL) - before, 2, 3);
	assert_string_equal(xml_child_text(script_presence(&s), "nick", NS_NICK), "Bob");
	assert_null(xml_child(script_presence(&s), "x", NS_MUC));       /* or it would be a new join */
	call_set_hand(s.call, true, s.now);
	assert_true(call_find_person(s.call, "5c1f0a9e", &me) && me.hand && me.me);
	script_free(&s);
}

static void test_chat(void **state)
{
	const char *kind = NULL;
	char *why = NULL;
	struct script s;

	(void)state;
	script_new(&s, &plain);
	assert_int_equal(call_say(s.call, "hi", &kind, &why, s.now), -ENOTCONN);
	assert_string_equal(kind, "not-joined");
	free(why);
	script_join(&s);
	assert_int_equal(call_say(s.call, "hello\x1b[2J", &kind, &why, s.now), 0);
	assert_not_told(&s, "message mine");    /* shown when the room repeats it */
	script_inf(&s, "<message xmlns='jabber:client' type='groupchat' id='%s' from='" ROOM "/5c1f0a9e'><body>hello[2J</body></message>",
		   xml_attr(s.sent[s.sents - 1].x, "id"));
	assert_told(&s, "message mine 5c1f0a9e: hello[2J");
	assert_int_equal(call_tell(s.call, "77aa01bc", "psst", &kind, &why, s.now), 0);
	assert_told(&s, "message private mine 5c1f0a9e: psst");
	assert_int_equal(call_tell(s.call, "nobody", "psst", &kind, &why, s.now), -ENOENT);
	assert_string_equal(kind, "unknown-person");
	free(why);
	script_in(&s, "<message xmlns='jabber:client' type='chat' from='" ROOM "/77aa01bc'><body>a\nb\x07</body></message>");
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' from='" ROOM "/left'><body>old</body>"
		  "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:00Z'/></message>");
	assert_told(&s, "message history left: old");
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' from='" ROOM "/77aa01bc'><subject>News&#x202e;</subject></message>");
	assert_told(&s, "subject 77aa01bc Ada moderator News");
	assert_string_equal(call_subject(s.call), "News");
	assert_int_equal(call_topic(s.call, "x", &kind, &why, s.now), -EPERM);
	assert_string_equal(kind, "not-moderator");
	free(why);
	assert_int_equal(call_kick(s.call, "77aa01bc", "", NULL, NULL, s.now), -EPERM);
	script_free(&s);
}

/* Servers throttle a whole session for a minute: at most two a second. */
static void test_chat_rate(void **state)
{
	const char *kind = NULL;
	char *why = NULL;
	char line[20];
	int err = 0, n = 0;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	for (; n < 200 && !err; n++) {
		snprintf(line, sizeof(line), "line %d", n);
		err = call_say(s.call, line, &kind, &why, s.now);
	}
	assert_int_equal(err, -EBUSY);
	assert_string_equal(kind, "too-many");
	free(why);
	n--;
	assert_in_range(script_count(&s, "message", NULL, NULL), 2, 4);
	script_run(&s, 10 * SEC);
	assert_in_range(script_count(&s, "message", NULL, NULL), 20, 25);
	script_run(&s, 60 * SEC);
	assert_int_equal(script_count(&s, "message", NULL, NULL), n);   /* none is lost */
	script_free(&s);
}

/* ---- losing and finding ---- */

static void test_reconnect(void **state)
{
	struct call_person p;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", "\"77aa01bc\":[[],[],[{\"s\":1234}]]");
	script_person(&s, "c0ffee11", "", NULL);
	call_set_hand(s.call, true, s.now);
	call_set_muted(s.call, true, s.now);
	script_run(&s, SEC);
	script_lose(&s);
	assert_told(&s, "state reconnecting");
	assert_int_equal(s.media_stops, 0);     /* the sound goes on */
	assert_true(call_next_try_us(s.call) - s.now >= 500000 && call_next_try_us(s.call) - s.now <= 2 * SEC);
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	assert_told(&s, "joined aaaaaaaa Bob muted hand");
	assert_int_equal(script_counters(&s).rejoined, 1);
	assert_int_equal(s.config_url != NULL, 0);
	assert_told(&s, "person- c0ffee11");    /* left meanwhile */
	assert_told(&s, "person- 5c1f0a9e");    /* who we were */
	assert_int_equal(call_people(s.call), 2);
	assert_false(call_find_person(s.call, "5c1f0a9e", &p));
	assert_string_equal(xml_child_text(script_presence(&s), "audiomuted", NULL), "true");
	assert_non_null(xml_child(script_presence(&s), "jitsi_participant_raisedHand", NULL));
	assert_int_equal(s.media_stops, 0);
	script_session(&s, "s2", NULL);
	script_run(&s, 20 * SEC);
	assert_int_equal(s.media_stops, 0);
	assert_int_equal(s.media_starts, 2);
	script_free(&s);
}

/* No session after a rejoin: the old one's sound is not kept for ever. */
static void test_reconnect_alone(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_lose(&s);
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	script_run(&s, 12 * SEC);
	assert_int_equal(s.media_stops, 1);
	script_free(&s);
}

/* The server has no bridge for us yet: the old one goes on carrying the sound, for a minute. */
static void test_reconnect_without_a_bridge(void **state)
{
	struct script s;

	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		script_up(&s, &plain);
		script_session(&s, "s1", NULL);
		script_lose(&s);
		script_come_back(&s, "aaaaaaaa-1@meet.test/new");
		script_in(&s, "<presence xmlns='jabber:client' from='" FOCUS "'><bridgeNotAvailable xmlns='http://jitsi.org/protocol/focus'/>"
			  "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='focus@auth.meet.test/focus' role='moderator' "
			  "affiliation='owner'/></x></presence>");
		script_run(&s, 50 * SEC);
		assert_int_equal(s.media_stops, 0);
		if (comes)
			script_session(&s, "s2", NULL);
		script_run(&s, 20 * SEC);
		assert_int_equal(s.media_stops, !comes);
		script_free(&s);
	}
}

static void test_waits_grow(void **state)
{
	int64_t waits[6];
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_lose(&s);
	for (int i = 0; i < 6; i++) {
		waits[i] = call_next_try_us(s.call) - s.now;
		script_run(&s, waits[i]);
		if (s.config_url) {
			struct call_http_answer a = { .body = "", .url = "", .error = "refused", .refused = true };

			text_set(&s.config_url, NULL);
			call_http_input(s.call, 1, &a, s.now);
		} else {
			call_stream_closed(s.call, NET_REFUSED, 0, "refused", s.now);
		}
		assert_int_equal(call_get_state(s.call), CALL_RECONNECTING);
	}
	assert_true(waits[0] <= 2 * SEC && waits[1] >= 3 * SEC && waits[1] <= 9 * SEC);
	for (int i = 3; i < 6; i++)
		assert_true(waits[i] >= 10 * SEC && waits[i] <= 30 * SEC);
	script_free(&s);
}

static void test_gives_up(void **state)
{
	struct script_config cfg = { .reconnect_for_us = 60 * SEC };
	int64_t start;
	struct script s;

	(void)state;
	script_up(&s, &cfg);
	script_session(&s, "s1", NULL);
	script_lose(&s);
	start = s.now;
	while (!script_was_told(&s, "left") && s.now - start < 200 * SEC) {
		script_run(&s, SEC);
		if (s.config_url) {
			text_set(&s.config_url, NULL);
			call_http_input(s.call, 1, &(struct call_http_answer){ .body = "", .url = "", .error = "x" }, s.now);
		} else if (s.stream_url) {
			text_set(&s.stream_url, NULL);
			call_stream_closed(s.call, NET_REFUSED, 0, "refused", s.now);
		}
	}
	assert_told(&s, "left 6 lost");
	assert_in_range(s.now - start, 59 * SEC, 95 * SEC);
	assert_int_equal(s.media_stops, 1);
	script_free(&s);
}

/* Two pings without an answer are a dead server. */
static void test_dead_server(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	s.stream_up = false;            /* the script answers nothing any more */
	script_run(&s, 60 * SEC);
	assert_told(&s, "state reconnecting 127.0.0.1:8080 does not answer any more");
	script_free(&s);
}

/* What was typed while the line was down, and what nobody repeated, is said again. */
static void test_chat_over_a_break(void **state)
{
	const char *lost_id;
	char *id;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' id='h1' from='" ROOM "/77aa01bc'><body>known</body></message>");
	call_say(s.call, "arrived", NULL, NULL, s.now);
	id = strdup(xml_attr(s.sent[s.sents - 1].x, "id"));
	call_say(s.call, "vanished", NULL, NULL, s.now);
	lost_id = xml_attr(s.sent[s.sents - 1].x, "id");
	script_lose(&s);
	assert_int_equal(call_say(s.call, "typed meanwhile", NULL, NULL, s.now), 0);
	assert_told(&s, "notice the connection is down; sent when it is back: ");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	buf_clear(&s.told);
	/* History: what we know, what did arrive, and something new. */
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' id='h1' from='" ROOM "/77aa01bc'><body>known</body>"
		  "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:00Z'/></message>");
	script_inf(&s, "<message xmlns='jabber:client' type='groupchat' id='%s' from='" ROOM "/5c1f0a9e'><body>arrived</body>"
		   "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:01Z'/></message>", id);
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' id='h2' from='" ROOM "/77aa01bc'><body>missed</body>"
		  "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:02Z'/></message>");
	assert_not_told(&s, "known");
	assert_told(&s, "message mine history 5c1f0a9e: arrived");
	assert_told(&s, "message history 77aa01bc: missed");
	buf_clear(&s.sent_text);
	script_gone(&s, "5c1f0a9e", "");        /* nothing of ours is on its way any more */
	script_run(&s, 3 * SEC);
	assert_null(strstr(buf_str(&s.sent_text), ">arrived<"));
	assert_non_null(strstr(buf_str(&s.sent_text), ">vanished<"));
	assert_non_null(strstr(buf_str(&s.sent_text), lost_id));        /* under the same id */
	assert_non_null(strstr(buf_str(&s.sent_text), ">typed meanwhile<"));
	free(id);
	script_free(&s);
}

/* ---- media that fails ---- */

static void test_media_restart(void **state)
{
	const struct xml *b;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	/* Interrupted may pass by itself. */
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	script_run(&s, 4 * SEC);
	call_media_state(s.call, "s1", PEER_UP, "", s.now);
	script_run(&s, 20 * SEC);
	assert_false(script_has_terminate(&s));
	/* No answer for 10 s, and no other way 5 s later: the server is pinged, then asked for a new session. */
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	script_run(&s, 13 * SEC);
	assert_true(script_has_terminate(&s));
	b = xml_child(xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NULL), "bridge-session", NULL);
	assert_string_equal(xml_attr(b, "id"), "b-s1");
	assert_string_equal(xml_attr(b, "restart"), "true");
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	script_session(&s, "s2", NULL);
	assert_int_equal(s.media_starts, 2);
	/* News of the old session means nothing. */
	call_media_state(s.call, "s1", PEER_FAILED, "", s.now);
	script_run(&s, 20 * SEC);
	assert_false(script_has_terminate(&s));
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* Three restarts in vain, no more than one in 5 s; then out and in again. */
static void test_media_hopeless(void **state)
{
	int64_t at[4] = { 0 };
	char sid[8];
	struct script s;

	(void)state;
	script_up(&s, &plain);
	s.media_silent = true;
	script_invite(&s, "s0", NULL, NULL);
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	for (int i = 0; i < 3; i++) {
		snprintf(sid, sizeof(sid), "s%d", i);
		call_media_state(s.call, sid, PEER_FAILED, "ICE", s.now);
		for (int k = 0; k < 400 && !script_has_terminate(&s); k++)
			script_run(&s, 50000);
		at[i] = s.now;
		assert_true(script_has_terminate(&s));
		script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
		snprintf(sid, sizeof(sid), "s%d", i + 1);
		script_invite(&s, sid, NULL, NULL);
		script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	}
	assert_true(at[1] - at[0] >= 49 * SEC / 10 && at[2] - at[1] >= 49 * SEC / 10);
	call_media_state(s.call, "s3", PEER_FAILED, "ICE", s.now);
	script_run(&s, 15 * SEC);
	assert_told(&s, "state reconnecting no sound path after three tries");
	script_run(&s, 15 * SEC);
	assert_told(&s, "error no-media no sound path");
	script_free(&s);
}

static void test_no_media(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	s.media_silent = true;
	script_invite(&s, "s1", NULL, NULL);
	script_run(&s, 29 * SEC);
	assert_not_told(&s, "error");
	script_run(&s, 2 * SEC);
	assert_told(&s, "error no-media no sound path: no answer from the bridge within 30 s");
	assert_int_equal(call_get_state(s.call), CALL_JOINED);  /* the chat goes on */
	script_free(&s);
	/* By relays alone: nothing was asked of the bridge, so nothing is blamed on its port. */
	script_up(&s, &relayed);
	s.media_silent = true;
	script_invite(&s, "s1", NULL, NULL);
	call_media_state(s.call, "s1", PEER_FAILED, "no relay is known", s.now);
	script_run(&s, 31 * SEC);
	assert_told(&s, "error no-media no sound path within 30 s, by relays alone: no relay is known");
	assert_not_told(&s, "firewall");
	script_free(&s);
	/* Alone in a room there is no session and no failure. */
	script_up(&s, &plain);
	script_gone(&s, "77aa01bc", "<item role='none'/>");
	script_run(&s, 300 * SEC);
	assert_not_told(&s, "error");
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* The focus ends a session: torn down, waited for, never left for it. */
static void test_moving(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", "\"77aa01bc\":[[],[],[{\"s\":1234}]]");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='t' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		  "action='session-terminate' sid='s1'><reason><success/><text>moving</text></reason></jingle></iq>");
	assert_int_equal(s.media_stops, 1);
	assert_null(s.channel_url);
	assert_null(call_source_owner(s.call, 1234));
	script_run(&s, 100 * SEC);
	assert_not_told(&s, "state reconnecting");
	assert_not_told(&s, "error");
	script_session(&s, "s2", NULL);
	assert_int_equal(s.media_starts, 2);
	script_free(&s);
}

static void test_transport_replace(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='r' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		  "action='transport-replace' sid='s1'><content name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
		  "media='audio'><payload-type id='111' name='opus' clockrate='48000' channels='2'/></description><transport "
		  "xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='efgh' pwd='0123456789012345678901'><fingerprint "
		  "xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA</fingerprint></transport></content>"
		  "</jingle></iq>");
	assert_string_equal(xml_attr(xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NULL), "action"), "transport-accept");
	assert_int_equal(s.media_starts, 2);
	script_free(&s);
}

/* ---- the channel ---- */

static void test_channel(void **state)
{
	struct call_person p;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	assert_string_equal(buf_str(&s.channel_text), "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":0}\n");
	{
		static const char *const in[] = {
			"{\"colibriClass\":\"DominantSpeakerEndpointChangeEvent\",\"dominantSpeakerEndpoint\":\"77aa01bc\"}",
			"{\"colibriClass\":\"DominantSpeakerEndpointChangeEvent\",\"dominantSpeakerEndpoint\":\"77aa01bc\"}",
			"{\"colibriClass\":\"EndpointConnectivityStatusChangeEvent\",\"endpoint\":\"77aa01bc\",\"active\":\"false\"}",
			"{\"colibriClass\":\"EndpointConnectivityStatusChangeEvent\",\"endpoint\":\"5c1f0a9e\",\"active\":\"false\"}",
			"{\"colibriClass\":\"EndpointStats\",\"from\":\"77aa01bc\",\"connectionQuality\":4e9}",
			"nonsense", "{\"colibriClass\":\"NewThing\",\"x\":[]}", "",
		};

		for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
			call_channel_input(s.call, in[i], strlen(in[i]), s.now);
	}
	assert_told(&s, "speaker 77aa01bc Ada");
	assert_null(strstr(strstr(buf_str(&s.told), "speaker") + 1, "speaker"));        /* told once */
	call_find_person(s.call, "77aa01bc", &p);
	assert_true(p.interrupted && p.quality <= 100);
	call_find_person(s.call, "5c1f0a9e", &p);
	assert_false(p.interrupted);
	assert_int_equal(script_counters(&s).malformed, 2);
	buf_clear(&s.channel_text);
	call_send_stats(s.call, 30, 60, 0, 1, 95, 20);
	assert_non_null(strstr(buf_str(&s.channel_text), "EndpointStats"));
	/* 1006: again after 1, 2, 4 s; the sound does not care. */
	for (int i = 0; i < 3; i++) {
		call_channel_closed(s.call, 1006, 0, s.now);
		script_run(&s, (SEC << i) - 100000);
		assert_int_equal(s.channel_opens, i + 1);
		script_run(&s, 200000);
		assert_int_equal(s.channel_opens, i + 2);
	}
	assert_told(&s, "channel down");
	assert_int_equal(s.media_starts, 1);
	script_free(&s);
}

/* The bridge forgot us: the session is one of the past. */
static void test_channel_refused(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	s.channel_refused = true;
	s.channel_up = false;
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, 19 * SEC);
	assert_true(script_has_terminate(&s));
	script_free(&s);
	/* 1001: the endpoint ended, nothing is dialled. */
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_channel_closed(s.call, 1001, 0, s.now);
	script_run(&s, 100 * SEC);
	assert_int_equal(s.channel_opens, 1);
	script_free(&s);
}

/* ---- the channel by SCTP ---- */

#define DATA "<content name='data' creator='initiator' senders='both'>" \
	"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='application'/>" \
	"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'>" \
	"<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5002' protocol='webrtc-datachannel' " \
	"streams='1024'/></transport></content>"

static void data_offer(struct script *s, enum call_channel wish, bool url)
{
	static struct script_config cfg;
	struct jingle j;

	cfg = plain;
	cfg.channel = wish;
	script_up(s, &cfg);
	s->no_url = !url;
	script_invite(s, "s1", NULL, DATA);
	assert_int_equal(jingle_parse(&j, xml_child(script_iq(s, "jingle", NS_JINGLE), "jingle", NULL), ""), 0);
	assert_true(j.data);                    /* answered where it is offered */
	assert_int_equal(j.transport.sctp_port, 5002);
	jingle_clear(&j);
	script_answer(s, "jingle", NS_JINGLE, "result", NULL);
	call_media_state(s->call, "s1", PEER_UP, "", s->now);
	script_run(s, 300000);
}

static void data_state(struct script *s, bool open, bool over)
{
	call_data_state(s->call, "s1", open, over, open ? "" : "lost", s->now);
	script_run(s, 10000);
}

static void test_data_channel(void **state)
{
	static const char speaker[] = "{\"colibriClass\":\"DominantSpeakerEndpointChangeEvent\","
		"\"dominantSpeakerEndpoint\":\"77aa01bc\"}";
	struct script s;

	(void)state;
	/* Without a URL, and the answer names it. */
	data_offer(&s, CALL_CHANNEL_AUTO, false);
	assert_int_equal(s.channel_opens, 0);
	assert_int_equal(s.data_port, 5002);
	call_data_state(s.call, "s0", true, false, "", s.now);  /* of another session */
	assert_not_told(&s, "channel up");
	data_state(&s, true, false);
	assert_told(&s, "channel up");
	assert_string_equal(buf_str(&s.channel_text), "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":0}\n");
	call_data_input(s.call, "s0", speaker, sizeof(speaker) - 1, s.now);
	assert_not_told(&s, "speaker 77aa01bc Ada");
	call_data_input(s.call, "s1", speaker, sizeof(speaker) - 1, s.now);
	assert_told(&s, "speaker 77aa01bc Ada");
	/* It ends: again after a second. */
	data_state(&s, false, true);
	assert_told(&s, "channel down");
	assert_int_equal(s.data_opens, 1);
	script_run(&s, SEC);
	assert_int_equal(s.data_opens, 2);
	/* The other side began anew: it opens by itself, nothing is to be done. */
	data_state(&s, true, false);
	data_state(&s, false, false);
	data_state(&s, true, false);
	script_run(&s, 20 * SEC);
	assert_int_equal(s.data_opens, 2);
	script_free(&s);
}

static void test_channel_forms(void **state)
{
	struct script s;

	(void)state;
	/* Both: the WebSocket, and SCTP is not touched while that works. */
	data_offer(&s, CALL_CHANNEL_AUTO, true);
	assert_int_equal(s.channel_opens, 1);
	assert_int_equal(s.data_opens, 0);
	/* It cannot be had: SCTP at once, and back when that does not open either. */
	call_channel_closed(s.call, 1006, 502, s.now);
	script_run(&s, 10000);
	assert_int_equal(s.data_opens, 1);
	assert_null(s.channel_url);
	script_run(&s, 7 * SEC);
	assert_int_equal(s.channel_opens, 1);
	script_run(&s, 4 * SEC);
	assert_int_equal(s.channel_opens, 2);
	assert_int_equal(s.data_port, 0);
	/* Late news of the form that is left. */
	data_state(&s, true, false);
	assert_not_told(&s, "channel up");
	call_channel_opened(s.call, s.now);
	assert_told(&s, "channel up");
	/* What was open is dialled again before anything else is tried. */
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, 2 * SEC);
	assert_int_equal(s.channel_opens, 3);
	assert_int_equal(s.data_opens, 1);
	assert_int_equal(s.media_starts, 1);
	script_free(&s);
	/* A wish for SCTP, and one for WebSockets: then it is not even named. */
	data_offer(&s, CALL_CHANNEL_SCTP, true);
	assert_int_equal(s.channel_opens, 0);
	assert_int_equal(s.data_opens, 1);
	data_state(&s, false, true);
	assert_int_equal(s.channel_opens, 1);
	script_free(&s);
	data_offer(&s, CALL_CHANNEL_WEBSOCKET, true);
	call_channel_closed(s.call, 1006, 502, s.now);
	script_run(&s, 10 * SEC);
	assert_int_equal(s.data_opens, 0);
	assert_int_equal(s.channel_opens, 2);
	script_free(&s);
	/* Refused by a bridge whose sound we hear: four times, then SCTP. */
	data_offer(&s, CALL_CHANNEL_AUTO, true);
	s.channel_refused = true;
	script_run(&s, 30 * SEC);
	assert_int_equal(s.data_opens, 1);
	assert_false(script_has_terminate(&s));
	script_free(&s);
	/* Nothing but a data channel that never opens: the call does not care. */
	data_offer(&s, CALL_CHANNEL_AUTO, false);
	script_run(&s, 200 * SEC);
	assert_in_range(s.data_opens, 3, 12);
	assert_int_equal(s.media_starts, 1);
	assert_false(script_has_terminate(&s));
	script_free(&s);
}

/* ---- SSRC rewriting ---- */

static void map(struct script *s, const char *entries)
{
	struct buf b = { 0 };

	buf_addf(&b, "{\"colibriClass\":\"AudioSourcesMap\",\"mappedSources\":[%s]}", entries);
	call_channel_input(s->call, buf_str(&b), b.len, s->now);
	buf_free(&b);
}

#define ENTRY(ssrc, owner) "{\"source\":\"" owner "-a0\",\"owner\":\"" owner "\",\"ssrc\":" #ssrc "}"

static void test_maps(void **state)
{
	struct script_config cfg = plain;
	struct script s;

	(void)state;
	cfg.rewriting = true;
	script_up(&s, &cfg);
	script_session(&s, "s1", NULL);
	script_person(&s, "c0ffee11", "", NULL);
	map(&s, ENTRY(1001, "77aa01bc") "," ENTRY(1002, "c0ffee11"));
	assert_told(&s, "source+ 1001 77aa01bc");
	assert_told(&s, "source+ 1002 c0ffee11");
	assert_string_equal(call_source_owner(s.call, 1001), "77aa01bc");
	/* The same again, the bridge's own, ours, what is no entry. */
	buf_clear(&s.told);
	map(&s, ENTRY(1001, "77aa01bc") "," ENTRY(7, "jvb") "," ENTRY(8, "5c1f0a9e")
	    ",{\"source\":\"x\"},{},7,{\"source\":\"77aa01bc-a0\",\"ssrc\":1001},"
	    "{\"source\":\"77aa01bc-a0\",\"owner\":\"77aa01bc\",\"ssrc\":4294967296}");
	assert_not_told(&s, "source");
	/* A slot is given to somebody else: what it was is dropped first. */
	map(&s, ENTRY(1001, "c0ffee11"));
	assert_non_null(strstr(strstr(buf_str(&s.told), "source- 1001 77aa01bc"), "source+ 1001 c0ffee11"));
	/* Which means that the other one moved. */
	assert_told(&s, "source- 1002 c0ffee11");
	assert_null(call_source_owner(s.call, 1002));
	map(&s, ENTRY(1003, "77aa01bc"));
	assert_told(&s, "source+ 1003 77aa01bc");
	/* The map comes before its person; it is told when that is there. */
	buf_clear(&s.told);
	map(&s, ENTRY(1004, "0badf00d"));
	assert_told(&s, "source+ 1004");
	script_person(&s, "0badf00d", "", NULL);
	assert_told(&s, "source+ 1004 0badf00d");
	/* Who leaves takes his slot along. */
	script_gone(&s, "c0ffee11", "");
	assert_told(&s, "source- 1001 c0ffee11");
	assert_null(call_source_owner(s.call, 1001));
	/* A new session begins without any. */
	script_invite(&s, "s2", NULL, NULL);
	assert_null(call_source_owner(s.call, 1003));
	assert_int_equal(s.stream_opens, 1);
	script_free(&s);
}

/* Who did not ask for it takes no map: nobody may rename a voice. */
static void test_map_unasked(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", "\"77aa01bc\":[[],[],[{\"s\":1234,\"n\":\"77aa01bc-a0\"}]]");
	map(&s, ENTRY(1234, "c0ffee11"));
	assert_string_equal(call_source_owner(s.call, 1234), "77aa01bc");
	script_free(&s);
}

/* No channel, no names: out of the room and in again without. */
static void test_no_channel_no_rewriting(void **state)
{
	struct script_config cfg = plain;
	struct script s;
	char *before, *after;

	(void)state;
	cfg.rewriting = true;
	for (int url = 0; url < 2; url++) {
		script_up(&s, &cfg);
		before = strdup(xml_attr(xml_child(script_presence(&s), "c", NULL), "ver"));
		s.no_url = !url;
		script_invite(&s, "s1", NULL, NULL);
		script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
		call_media_state(s.call, "s1", PEER_UP, "", s.now);
		script_run(&s, 10 * SEC);
		if (url)        /* it is dialled for some time */
			assert_int_equal(script_count(&s, "presence", "type", "unavailable"), 0);
		script_run(&s, 12 * SEC);
		assert_int_equal(script_count(&s, "presence", "type", "unavailable"), 1);
		assert_told(&s, "joining again without SSRC rewriting");
		script_ready(&s, NULL);
		after = strdup(xml_attr(xml_child(script_presence(&s), "c", NULL), "ver"));
		assert_string_not_equal(before, after);
		free(before);
		free(after);
		script_free(&s);
	}
}

static void test_print(void **state)
{
	struct buf b = { 0 };
	struct script s;

	(void)state;
	script_up(&s, &plain);
	call_print(s.call, &b);
	assert_non_null(strstr(buf_str(&b), "phase joined"));
	buf_clear(&b);
	script_gone(&s, "5c1f0a9e", "<item role='none'/><status code='307'/><status code='110'/>");
	call_print(s.call, &b);
	assert_non_null(strstr(buf_str(&b), "phase over"));
	buf_free(&b);
	script_free(&s);
}

const struct CMUnitTest test_call[] = {
	cmocka_unit_test(test_people),
	cmocka_unit_test(test_crowd_is_bounded),
	cmocka_unit_test(test_kicked),
	cmocka_unit_test(test_leaving),
	cmocka_unit_test(test_freed_in_the_middle),
	cmocka_unit_test(test_focus_stays_away),
	cmocka_unit_test(test_accept),
	cmocka_unit_test(test_accept_muted_and_without_microphone),
	cmocka_unit_test(test_sources),
	cmocka_unit_test(test_forged),
	cmocka_unit_test(test_impostor),
	cmocka_unit_test(test_p2p),
	cmocka_unit_test(test_muted_by_moderator),
	cmocka_unit_test(test_unmute_refused),
	cmocka_unit_test(test_start_muted),
	cmocka_unit_test(test_presence_is_coalesced),
	cmocka_unit_test(test_chat),
	cmocka_unit_test(test_chat_rate),
	cmocka_unit_test(test_reconnect),
	cmocka_unit_test(test_reconnect_alone),
	cmocka_unit_test(test_reconnect_without_a_bridge),
	cmocka_unit_test(test_waits_grow),
	cmocka_unit_test(test_gives_up),
	cmocka_unit_test(test_dead_server),
	cmocka_unit_test(test_chat_over_a_break),
	cmocka_unit_test(test_media_restart),
	cmocka_unit_test(test_media_hopeless),
	cmocka_unit_test(test_no_media),
	cmocka_unit_test(test_moving),
	cmocka_unit_test(test_transport_replace),
	cmocka_unit_test(test_channel),
	cmocka_unit_test(test_channel_refused),
	cmocka_unit_test(test_data_channel),
	cmocka_unit_test(test_channel_forms),
	cmocka_unit_test(test_maps),
	cmocka_unit_test(test_map_unasked),
	cmocka_unit_test(test_no_channel_no_rewriting),
	cmocka_unit_test(test_print),
	{ 0 }
};
