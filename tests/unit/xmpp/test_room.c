/* test_room.c - presences, messages, discovery and addresses */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/xmpp/frames.h"
#include "unit/unit.h"
#include "xmpp/chat.h"
#include "xmpp/codec.h"
#include "xmpp/disco.h"
#include "xmpp/jid.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"

extern const struct CMUnitTest test_room[];

static void a_person_names_itself_and_raises_a_hand(void **state)
{
	struct muc_presence p;
	struct xml *x = frame_xml("people-participant", 70);

	(void)state;
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_string_equal(p.nick, "a93e5676");
	assert_string_equal(p.display_name, "Bob");
	assert_int_equal(p.hand_ms, 1795419091629);
	assert_true(p.self && p.available);
	assert_int_equal(p.role, MUC_PARTICIPANT);
	assert_string_equal(p.jid, "a93e5676-7fb7-43bf-9554-2e7a470ca907@meet.test/N_nTfNQkbVzB");
	assert_false(muc_presence_audio_muted(&p));
	assert_string_equal(p.sources.audio_name, "a93e5676-a0");
	xml_free(&x);
	x = frame_xml("people-participant", 76);
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_string_equal(p.display_name, "Bob Smith");
	assert_int_equal(p.hand_ms, 0);
	xml_free(&x);
	x = frame_xml("people-participant", 146);
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.kicked && !p.available && !p.self);
	assert_string_equal(p.actor, "a93e5676");
	assert_string_equal(p.reason, "time is up");
	xml_free(&x);
}

static void muted_in_both_forms(void **state)
{
	static const struct { const char *inner; bool muted; } cases[] = {
		{ "", true }, { "<audiomuted>false</audiomuted>", false }, { "<audiomuted>true</audiomuted>", true },
		{ "<SourceInfo>{}</SourceInfo><audiomuted>false</audiomuted>", true },
		{ "<SourceInfo>{\"me-a0\":{\"muted\":false}}</SourceInfo><audiomuted>true</audiomuted>", false },
		{ "<SourceInfo>{\"me-a0\":{\"muted\":true},\"me-a1\":{\"muted\":false}}</SourceInfo>", false },
		{ "<SourceInfo>{\"other-a0\":{\"muted\":false}}</SourceInfo>", true },
		{ "<SourceInfo>{\"me-a0.fr\":{\"muted\":false}}</SourceInfo>", true },
		{ "<SourceInfo>not json</SourceInfo><audiomuted>false</audiomuted>", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		struct muc_presence p;
		struct xml *x;

		snprintf(text, sizeof(text), "<presence xmlns='jabber:client' from='r@c/me'>%s</presence>", cases[i].inner);
		x = xml_of(text);
		assert_int_equal(muc_presence_parse(&p, x), 0);
		if (muc_presence_audio_muted(&p) != cases[i].muted)
			fail_msg("%s", cases[i].inner);
		xml_free(&x);
	}
}

static void pictures_and_screens(void **state)
{
	struct source_info i;
	const char *json = "{\"e-v0\":{\"muted\":true},\"e-v1\":{\"muted\":false,\"videoType\":\"desktop\"}}";

	(void)state;
	source_info_parse(&i, json, strlen(json), "e");
	assert_true(i.present && i.desktop_on && !i.video_on && !i.audio_known);
}

static void the_focus_and_its_properties(void **state)
{
	struct xml *x = frame_xml("native-bridge-stopped", 41);
	struct muc_presence p;

	(void)state;
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_string_equal(muc_property(p.properties, "bridge-count"), "0");
	assert_string_equal(muc_property(p.properties, "support-terminate-restart"), "true");
	assert_null(muc_property(p.properties, "x"));
	assert_null(muc_property(NULL, "x"));
	assert_string_equal(p.jid, "focus@auth.meet.test/focus");
	xml_free(&x);
	x = frame_xml("lobby-opened", 34);
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.destroyed);
	assert_string_equal(p.destroy_jid, "rehearsal@conference.meet.test");
	assert_string_equal(p.reason, "Lobby room closed.");
	xml_free(&x);
	x = xml_of("<presence type='unavailable' from='r@c/x'><ignore xmlns='http://jitsi.org/jitmeet/'/></presence>");
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.ignore);
	xml_free(&x);
	x = xml_of("<presence type='error' from='r@c/x'/>");
	assert_int_equal(muc_presence_parse(&p, x), -EINVAL);
	xml_free(&x);
}

static void joins_are_refused_for_a_reason(void **state)
{
	static const struct { const char *inner; enum muc_join_error want; } cases[] = {
		{ "<not-allowed xmlns='" NS_STANZAS "'/><text xmlns='" NS_STANZAS "'>Room creation is restricted</text>", MUC_JOIN_NO_ROOM },
		{ "<not-allowed xmlns='" NS_STANZAS "'/><room-does-not-exist xmlns='" NS_JITMEET "'/>", MUC_JOIN_NO_ROOM },
		{ "<not-allowed xmlns='" NS_STANZAS "'/><authentication-required xmlns='" NS_JITMEET "'/>", MUC_JOIN_LOGIN },
		{ "<not-allowed xmlns='" NS_STANZAS "'/><text xmlns='" NS_STANZAS "'>Invalid resource</text>", MUC_JOIN_REFUSED },
		{ "<service-unavailable xmlns='" NS_STANZAS "'/>", MUC_JOIN_FULL },
		{ "<conflict xmlns='" NS_STANZAS "'/>", MUC_JOIN_CONFLICT },
		{ "<forbidden xmlns='" NS_STANZAS "'/>", MUC_JOIN_BANNED },
		{ "<not-acceptable xmlns='" NS_STANZAS "'/><displayname-required xmlns='" NS_JITMEET "' lobby='true'/>", MUC_JOIN_NAME_REQUIRED },
		{ "<resource-constraint xmlns='" NS_STANZAS "'/>", MUC_JOIN_REFUSED },
	};
	const char *why, *lobby;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[600];
		struct xml *x;

		snprintf(text, sizeof(text), "<presence type='error' from='r@c/me'><error type='cancel'>%s</error></presence>", cases[i].inner);
		x = xml_of(text);
		if (muc_join_error_parse(x, &why, &lobby) != cases[i].want || !*why || lobby)
			fail_msg("%s", cases[i].inner);
		xml_free(&x);
	}
	for (int line = 25; line <= 33; line += 8) {
		struct xml *x = frame_xml("password-wrong-right", line);

		assert_int_equal(muc_join_error_parse(x, &why, &lobby), MUC_JOIN_PASSWORD);
		xml_free(&x);
	}
	struct xml *x = frame_xml("lobby-denied", 25);
	assert_int_equal(muc_join_error_parse(x, &why, &lobby), MUC_JOIN_LOBBY);
	assert_string_equal(lobby, "rehearsal@lobby.meet.test");
	xml_free(&x);
}

static void assert_writes(struct xml *x, const char *want)
{
	char *text = text_of(x);

	assert_string_equal(text, want);
	free(text);
	xml_free(&x);
}

static void our_presences(void **state)
{
	struct muc_self me = {
		.occupant = "r@c/5c1f0a9e", .join = true, .password = "tulip", .billing_id = "B", .stats_id = "T",
		.caps_node = "n", .caps_ver = "v", .display_name = "Ada <tty>", .email = "",
		.source_info = "{\"5c1f0a9e-a0\":{\"muted\":true}}", .audio_muted = true, .hand_ms = 1787212800123,
	};

	(void)state;
	assert_writes(muc_presence_new(&me), "<presence xmlns=\"jabber:client\" to=\"r@c/5c1f0a9e\">"
		"<x xmlns=\"" NS_MUC "\"><password>tulip</password><billingid>B</billingid></x><stats-id>T</stats-id>"
		"<c xmlns=\"" NS_CAPS "\" hash=\"sha-1\" node=\"n\" ver=\"v\"/>"
		"<SourceInfo>{&quot;5c1f0a9e-a0&quot;:{&quot;muted&quot;:true}}</SourceInfo>"
		"<nick xmlns=\"" NS_NICK "\">Ada &lt;tty&gt;</nick>"
		"<jitsi_participant_raisedHand>1787212800123</jitsi_participant_raisedHand>"
		"<audiomuted>true</audiomuted><videomuted>true</videomuted></presence>");
	me = (struct muc_self){ .occupant = "r@c/m", .source_info = "{}" };
	assert_writes(muc_presence_new(&me), "<presence xmlns=\"jabber:client\" to=\"r@c/m\"><SourceInfo>{}</SourceInfo>"
		"<audiomuted>false</audiomuted><videomuted>true</videomuted></presence>");
	assert_writes(muc_leave_new("r@c/m", "bye"), "<presence xmlns=\"jabber:client\" type=\"unavailable\" to=\"r@c/m\">"
		"<status>bye</status></presence>");
	assert_writes(muc_kick_new("r@c", "e", "spam"), "<iq xmlns=\"jabber:client\" type=\"set\" to=\"r@c\">"
		"<query xmlns=\"" NS_MUC_ADMIN "\"><item nick=\"e\" role=\"none\"><reason>spam</reason></item></query></iq>");
	assert_writes(muc_mute_new("r@c/focus", "r@c/e", true), "<iq xmlns=\"jabber:client\" type=\"set\" to=\"r@c/focus\">"
		"<mute xmlns=\"" NS_MUTE_AUDIO "\" jid=\"r@c/e\">true</mute></iq>");
	assert_writes(muc_subject_new("r@c", ""), "<message xmlns=\"jabber:client\" type=\"groupchat\" to=\"r@c\"><subject/></message>");
	struct xml *u = muc_user_new("owner", "moderator", "a@b/c");
	muc_user_status(u, 110);
	assert_writes(u, "<x xmlns=\"" NS_MUC_USER "\"><item affiliation=\"owner\" role=\"moderator\" jid=\"a@b/c\"/>"
		"<status code=\"110\"/></x>");
}

/* ---- messages ---- */

static void parse_chat(struct chat_message *m, struct xml **x, const char *file, int line)
{
	*x = frame_xml(file, line);
	chat_parse(m, *x);
}

static void what_people_said(void **state)
{
	struct chat_message m;
	struct xml *x;

	(void)state;
	parse_chat(&m, &x, "people-participant", 56);
	assert_int_equal(m.kind, CHAT_TEXT);
	assert_true(m.group && !m.delayed);
	assert_string_equal(m.text, "who has the minutes?");
	assert_string_equal(m.nick, "d8d61b6c");
	assert_string_equal(m.id, "yKPoev4QBBiYAqvS-NdipBg1");
	xml_free(&x);
	parse_chat(&m, &x, "people-moderator", 60);     /* reply without a namespace of its own */
	assert_int_equal(m.kind, CHAT_TEXT);
	assert_false(m.group);
	assert_string_equal(m.ref, "yKPoev4QBBiYAqvS-NdipBg1");
	xml_free(&x);
	parse_chat(&m, &x, "people-participant", 62);
	assert_int_equal(m.kind, CHAT_REACTION);
	assert_string_equal(m.text, "\xf0\x9f\x91\x8d");
	xml_free(&x);
	parse_chat(&m, &x, "people-participant", 63);   /* its body is for clients that do not know */
	assert_int_equal(m.kind, CHAT_RETRACT);
	assert_string_equal(m.text, "");
	xml_free(&x);
	/* Kept for us while we were cut off: said then, but no history. */
	parse_chat(&m, &x, "native-resume", 57);
	assert_string_equal(m.text, "while you were away");
	assert_false(m.delayed);
	assert_int_equal(m.stamp_us, INT64_C(1795423089000000));
	xml_free(&x);
	parse_chat(&m, &x, "lobby-admitted", 37);
	assert_int_equal(m.kind, CHAT_INVITE);
	assert_string_equal(m.text, "rehearsal@conference.meet.test");
	xml_free(&x);
	parse_chat(&m, &x, "features-participant", 102);
	assert_int_equal(m.kind, CHAT_JSON);
	assert_non_null(strstr(m.json, "LOBBY-ACCESS-GRANTED"));
	xml_free(&x);
}

static enum chat_kind kind_of(const char *text)
{
	struct xml *x = xml_of(text);
	struct chat_message m;

	chat_parse(&m, x);
	xml_free(&x);
	return m.kind;
}

#define MUC_X(inner) "<x xmlns='" NS_MUC_USER "'>" inner "</x>"

static void an_occupant_does_not_speak_for_the_room(void **state)
{
	(void)state;
	assert_int_equal(kind_of("<message from='r@c'>" MUC_X("<invite/>") "</message>"), CHAT_INVITE);
	assert_int_equal(kind_of("<message type='chat' from='r@c/m'>" MUC_X("<invite/>") "</message>"), CHAT_NONE);
	assert_int_equal(kind_of("<message type='groupchat' from='r@c'>" MUC_X("<status code='104'/>") "</message>"), CHAT_CONFIG);
	assert_int_equal(kind_of("<message type='groupchat' from='r@c/m'>" MUC_X("<status code='104'/>") "</message>"), CHAT_NONE);
	assert_int_equal(kind_of("<message type='groupchat' from='r@c/m'><subject>s</subject></message>"), CHAT_SUBJECT);
	assert_int_equal(kind_of("<message type='chat' from='r@c/m'><subject>s</subject></message>"), CHAT_NONE);
	assert_int_equal(kind_of("<message type='groupchat' from='r@c'><subject/></message>"), CHAT_SUBJECT);
	assert_int_equal(kind_of("<message type='error' from='r@c'><body>b</body></message>"), CHAT_ERROR);
	assert_int_equal(kind_of("<message from='r@c'/>"), CHAT_NONE);
}

static void stamps(void **state)
{
	static const char *const bad[] = { "", "x", "2026", "2026-13-01T00:00:00Z", "2026-01-01", "1969-01-01T00:00:00Z" };
	char out[32];

	(void)state;
	assert_int_equal(chat_stamp_parse("2026-09-21T10:00:00Z"), 1789984800000000);
	assert_int_equal(chat_stamp_parse("2026-09-21T12:30:00.25+02:30"), 1789984800250000);
	assert_int_equal(chat_stamp_parse("20020910T23:08:25"), chat_stamp_parse("2002-09-10T23:08:25Z"));
	assert_int_equal(chat_stamp_parse(NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(chat_stamp_parse(bad[i]), 0);
	chat_stamp_write(out, 1789984800999999);
	assert_string_equal(out, "2026-09-21T10:00:00Z");
	chat_stamp_write(out, INT64_MAX);       /* a clock gone wild writes no further than out */
	chat_stamp_write(out, INT64_MIN);
}

/* ---- discovery ---- */

/* XEP-0115, section 5.2. */
static void the_example_of_the_specification(void **state)
{
	static const struct disco_identity id = { "client", "pc", "", "Exodus 0.9.1" };
	static const char *const features[] = {
		"http://jabber.org/protocol/muc", "http://jabber.org/protocol/disco#items",
		"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/caps",
	};
	char ver[29];

	(void)state;
	assert_int_equal(disco_caps_hash(&id, 1, features, 4, ver), 0);
	assert_string_equal(ver, "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

/* RFC 3174, section 7.3, and the lengths around a block's end. */
static void sha1_and_base64(void **state)
{
	static const uint8_t abc[20] = { 0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
					 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d };
	static const struct { size_t len; const char *b64; } as[] = {
		{ 0, "2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }, { 55, "wci73CJ5bijA4VFj0giZtlYh1lo=" },
		{ 56, "wtszD2CDhUyZ1LW/tujynyAb5pk=" }, { 64, "AJi6gktcFkJ716ESKlpEKiXsZE0=" },
	};
	char text[65];
	uint8_t sha[20];

	(void)state;
	codec_sha1("abc", 3, sha);
	assert_memory_equal(sha, abc, 20);
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(as) / sizeof(as[0]); i++) {
		char *b64;

		codec_sha1(text, as[i].len, sha);
		b64 = codec_base64(sha, 20);
		assert_string_equal(b64, as[i].b64);
		free(b64);
	}
	char *b = codec_base64("\0ada\0pw", 7);
	assert_string_equal(b, "AGFkYQBwdw==");
	free(b);
}

static void a_servers_services(void **state)
{
	struct ext_service *v = NULL;
	struct xml *x = frame_xml("join3-ws-norewrite", 21);
	size_t n = 0;

	(void)state;
	assert_int_equal(ext_services_parse(&v, &n, xml_child(x, "services", NULL)), 0);
	assert_int_equal(n, 3);
	assert_string_equal(v[0].type, "stun");
	assert_string_equal(v[2].transport, "tcp");
	assert_string_equal(v[2].password, "lNbhvoOUi/MwYMiX2AZH7sM9PAY=");
	xml_free(&x);
	x = xml_of("<services><service type='turns' host='t'/><service type='magic' host='t'/><service type='stun'/>"
		   "<service type='turn' host='u' port='70000'/></services>");
	assert_int_equal(ext_services_parse(&v, &n, x), 0);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].port, 5349);
	assert_int_equal(v[1].port, 3478);
	ext_services_free(&v, &n);
	assert_null(v);
	xml_free(&x);
	x = frame_xml("features-participant", 100);
	const struct xml *q = xml_child(x, "query", NS_DISCO_INFO);
	assert_true(disco_has_feature(q, "muc_membersonly"));
	assert_false(disco_has_feature(q, "muc_passwordprotected"));
	assert_string_equal(disco_field(q, "muc#roominfo_lobbyroom"), "scn197310@lobby.meet.test");
	assert_null(disco_field(q, "none"));
	xml_free(&x);
	x = frame_xml("join3-ws-norewrite", 22);
	assert_string_equal(disco_component(xml_child(x, "query", NULL), "polls"), "polls.meet.test");
	assert_null(disco_component(xml_child(x, "query", NULL), "none"));
	xml_free(&x);
}

static void parts_of_addresses(void **state)
{
	char *s;

	(void)state;
	assert_string_equal(jid_resource("a@b/c@d/e"), "c@d/e");
	assert_string_equal(jid_resource("a@b"), "");
	assert_string_equal(jid_resource(NULL), "");
	assert_true(jid_same_bare("a@b/c", "a@b"));
	assert_false(jid_same_bare("a@b", "a@bc"));
	assert_false(jid_same_bare(NULL, NULL));
	assert_true(jid_has_domain("a@b.c/x@y", "b.c"));
	assert_true(jid_has_domain("b.c", "b.c"));
	assert_false(jid_has_domain("a@xb.c", "b.c"));
	assert_string_equal(s = jid_local("[t]r@c/x@y"), "[t]r");
	free(s);
	assert_string_equal(s = jid_local("c/x@y"), "");
	free(s);
	assert_string_equal(s = jid_bare("r@c/x@y"), "r@c");
	free(s);
}

const struct CMUnitTest test_room[] = {
	cmocka_unit_test(a_person_names_itself_and_raises_a_hand),
	cmocka_unit_test(muted_in_both_forms),
	cmocka_unit_test(pictures_and_screens),
	cmocka_unit_test(the_focus_and_its_properties),
	cmocka_unit_test(joins_are_refused_for_a_reason),
	cmocka_unit_test(our_presences),
	cmocka_unit_test(what_people_said),
	cmocka_unit_test(an_occupant_does_not_speak_for_the_room),
	cmocka_unit_test(stamps),
	cmocka_unit_test(the_example_of_the_specification),
	cmocka_unit_test(sha1_and_base64),
	cmocka_unit_test(a_servers_services),
	cmocka_unit_test(parts_of_addresses),
	{ 0 }
};
