/* test_muc.c - rooms: joining, roles, leaving, what is relayed and what is not */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"

#define GROUP "<message xmlns='jabber:client' to='" ROOM "' type='groupchat'>"

/* The how-manieth message (from 0) has both words; -1. */
static int place(const struct guest *c, const char *a, const char *b)
{
	for (size_t i = 0; i < c->gots; i++)
		if (strstr(c->got[i], a) && strstr(c->got[i], b))
			return (int)i;
	return -1;
}

static void a_room_nobody_asked_for_does_not_exist(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	say(c, "<presence xmlns='jabber:client' to='" ROOM "/aabbccdd' id='j'><x xmlns='%s'/></presence>", NS_MUC);
	assert_int_equal(c->gots, 1);
	assert_non_null(strstr(c->got[0], "from=\"" ROOM "/aabbccdd\""));
	assert_non_null(strstr(c->got[0], "id=\"j\""));
	assert_non_null(strstr(c->got[0], "<not-allowed xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"));
	assert_non_null(strstr(c->got[0], "Room creation is restricted"));
	assert_non_null(strstr(c->got[0], "<room-does-not-exist xmlns=\"http://jitsi.org/jitmeet\"/>"));
	house_free(w);
}

static void a_newcomer_sees_the_others_then_itself_then_the_subject(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	int focus, other, own, subject;

	(void)state;
	enter(a, ROOM, "5b0c9e17", "<nick xmlns='http://jabber.org/protocol/nick'>Ada</nick>");
	say(a, GROUP "<body>before</body></message>");
	forget(a);
	enter(b, ROOM, "77aa01c9", NULL);
	focus = place(b, "<presence", "from=\"" ROOM "/focus\"");
	other = place(b, "<presence", "from=\"" ROOM "/5b0c9e17\"");
	own = place(b, "<presence", "from=\"" ROOM "/77aa01c9\"");
	subject = place(b, "<message", "<subject/>");
	assert_true(focus >= 0 && focus < other && other < own);
	assert_true(own < place(b, "<body>before</body>", "<delay xmlns=\"urn:xmpp:delay\""));
	assert_true(place(b, "<body>before</body>", "") < subject);
	assert_non_null(strstr(b->got[own], "<status code=\"110\"/>"));
	assert_null(strstr(b->got[other], "110"));
	assert_null(strstr(b->got[own], "201"));
	assert_non_null(strstr(b->got[other], ">Ada</nick>"));
	/* The one who was there sees the newcomer once. */
	assert_int_equal(place(a, "from=\"" ROOM "/77aa01c9\"", "<presence"), 0);
	assert_null(strstr(a->got[0], "110"));
	house_free(w);
}

static void presences_show_real_jids_and_muc_user_first(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w);
	struct muc_presence p;
	struct xml *x;

	(void)state;
	enter(a, ROOM, NULL, "<stats-id>s</stats-id><nick xmlns='http://jabber.org/protocol/nick'>Ada</nick>");
	x = take_xml(a, "from=\"" ROOM "/focus\"");
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_string_equal(p.jid, "focus@auth.meet.test/focus");
	assert_string_equal(p.affiliation, "owner");
	assert_int_equal(p.role, MUC_MODERATOR);
	assert_string_equal(muc_property(p.properties, "support-terminate-restart"), "true");
	assert_true(xml_is(xml_first(x), "x", NS_MUC_USER));
	xml_free(&x);
	x = take_xml(a, "<stats-id>");
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_string_equal(p.jid, a->jid);
	assert_true(p.self);
	assert_int_equal(p.role, MUC_MODERATOR);
	assert_true(xml_is(xml_first(x), "x", NS_MUC_USER));
	assert_string_equal(p.display_name, "Ada");
	xml_free(&x);
	house_free(w);
}

static void what_a_client_shows_is_relayed_whole_and_not_merged(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *late;

	(void)state;
	enter(a, ROOM, NULL, "<jitsi_participant_raisedHand>17</jitsi_participant_raisedHand>");
	enter(b, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	say(a, "<presence xmlns='jabber:client' to='" ROOM "/%s' id='p7'><odd xmlns='urn:x' a='1'><deep>t&amp;</deep></odd>"
	    "<SourceInfo>{&quot;x&quot;:{}}</SourceInfo></presence>", a->nick);
	want2(b, "<odd xmlns=\"urn:x\" a=\"1\"><deep>t&amp;</deep></odd>", "{&quot;x&quot;:{}}");
	want2(a, "110", "id=\"p7\"");
	late = guest_login(w);
	enter(late, ROOM, NULL, NULL);
	want_none(late, "raisedHand");
	want(late, "<odd xmlns=\"urn:x\"");
	house_free(w);
}

static void what_only_a_server_says_is_cut_out(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	struct server_stats st;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	say(b, "<presence xmlns='jabber:client' to='" ROOM "/%s'><x xmlns='%s'><item affiliation='owner'"
	    " role='moderator' jid='focus@auth.meet.test/focus'/><status code='110'/></x><q/></presence>",
	    b->nick, NS_MUC_USER);
	want_none(a, "jid=\"focus@auth");
	want2(a, "role=\"participant\"", "<q/>");
	say(b, GROUP "<body>x</body><x xmlns='%s'><status code='104'/></x><delay xmlns='urn:xmpp:delay'"
	    " stamp='2001-01-01T00:00:00Z'/></message>", NS_MUC_USER);
	want_none(a, "code=\"104\"");         /* a nick may hold the digits */
	want_none(a, "2001-01-01");
	want(a, "<body>x</body>");
	server_stats(w->s, &st);
	assert_true(st.notices.count[NOTICE_FORGED] >= 3);
	house_free(w);
}

static void names_that_cannot_be(void **state)
{
	static const char *const bad[] = { "", "a b", "_a", "focus/x", "ä", "a-b", "0123456789012345678901234567890123" };
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		forget(b);
		say(b, "<presence xmlns='jabber:client' to='" ROOM "/%s'><x xmlns='%s'/></presence>", bad[i], NS_MUC);
		assert_int_equal(b->gots, 1);
		assert_non_null(strstr(b->got[0], "type=\"error\""));
	}
	forget(b);
	say(b, "<presence xmlns='jabber:client' to='" ROOM "/focus'><x xmlns='%s'/></presence>", NS_MUC);
	want(b, "<conflict");
	say(b, "<presence xmlns='jabber:client' to='" ROOM "/%s'><x xmlns='%s'/></presence>", a->nick, NS_MUC);
	want(b, "<conflict");
	enter(b, ROOM, NULL, NULL);
	say(b, "<presence xmlns='jabber:client' to='" ROOM "/newname'/>");
	want2(b, "not-allowed", "Nick changes");
	house_free(w);
}

static void an_update_of_an_outsider_is_no_join(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	forget(a);
	say(b, "<presence xmlns='jabber:client' to='" ROOM "/77aa01c9'><SourceInfo>{}</SourceInfo></presence>");
	want2(b, "type=\"error\"", "not-acceptable");
	assert_int_equal(a->gots, 0);
	house_free(w);
}

static void a_room_holds_as_many_as_it_may(void **state)
{
	struct house *w = house_new();
	struct guest *c[3];

	(void)state;
	w->max_people = 2;
	for (int i = 0; i < 3; i++) {
		c[i] = guest_login(w);
		enter(c[i], ROOM, NULL, NULL);
	}
	want2(c[2], "type=\"error\"", "<service-unavailable");
	guest_die(c[0]);
	enter(c[2], ROOM, NULL, NULL);
	want(c[2], "110");
	house_free(w);
}

static void a_client_sits_in_few_rooms(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	char room[64];

	(void)state;
	for (int i = 0; i < LIMIT_ROOMS_EACH; i++) {
		snprintf(room, sizeof(room), "r%d@conference.meet.test", i);
		enter(c, room, NULL, NULL);
		want(c, "110");
	}
	enter(c, ROOM, NULL, NULL);
	want2(c, "type=\"error\"", "resource-constraint");
	house_free(w);
}

/* ---- passwords ---- */

static void try_password(struct guest *c, const char *password)
{
	say(c, "<presence xmlns='jabber:client' to='" ROOM "/%s'><x xmlns='%s'>%s%s%s</x></presence>", c->nick,
	    NS_MUC, password ? "<password>" : "", password ? password : "", password ? "</password>" : "");
}

static void the_hosts_password_guards_every_room(void **state)
{
	struct house *w = house_new();
	struct guest *c;

	(void)state;
	w->password = "tulip";
	c = guest_login(w);
	enter(c, ROOM, NULL, NULL);
	want2(c, "<error type=\"auth\">", "<not-authorized");
	want_none(c, "110");
	try_password(c, "rose");
	want(c, "<not-authorized");
	try_password(c, "tulip");
	want2(c, "110", "moderator");
	say(c, "<iq xmlns='jabber:client' type='get' id='d' to='" ROOM "'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want(c, "muc_passwordprotected");
	house_free(w);
}

static void lock(struct guest *c, const char *secret, const char *on)
{
	say(c, "<iq xmlns='jabber:client' type='set' id='lock' to='" ROOM "'><query xmlns='%s'><x xmlns='jabber:x:data'"
	    " type='submit'><field var='FORM_TYPE'><value>%s</value></field><field var='muc#roomconfig_roomsecret'>"
	    "<value>%s</value></field><field var='muc#roomconfig_passwordprotectedroom'><value>%s</value></field>"
	    "<field var='muc#roomconfig_whois'><value>anyone</value></field></x></query></iq>", NS_MUC_OWNER,
	    NS_MUC_ROOMCONFIG, secret, on);
}

static void a_moderator_locks_and_unlocks(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	say(a, "<iq xmlns='jabber:client' type='get' id='f' to='" ROOM "'><query xmlns='%s'/></iq>", NS_MUC_OWNER);
	want2(a, "muc#roomconfig_whois", "muc#roomconfig_roomsecret");
	forget(a);
	forget(b);
	lock(b, "mine", "1");
	want2(b, "type=\"error\"", "<forbidden");
	lock(a, "s3cret", "1");
	want2(a, "type=\"result\"", "id=\"lock\"");
	want2(a, "type=\"groupchat\"", "<status code=\"104\"/>");
	want2(b, "from=\"" ROOM "\"", "<status code=\"104\"/>");
	enter(c, ROOM, NULL, NULL);
	want(c, "<not-authorized");
	try_password(c, "s3cret");
	want(c, "110");
	lock(a, "s3cret", "1");         /* nothing changes: nobody is told */
	want_none(b, "104");
	lock(a, "", "0");
	want(b, "104");
	say(a, "<iq xmlns='jabber:client' type='get' id='d' to='" ROOM "'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want(a, "muc_unsecured");
	house_free(w);
}

static void the_lobby_is_refused_by_name(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	say(a, "<iq xmlns='jabber:client' type='set' id='l' to='" ROOM "'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>"
	    "<field var='muc#roomconfig_membersonly'><value>true</value></field></x></query></iq>", NS_MUC_OWNER);
	want2(a, "feature-not-implemented", "the lobby is not built in");
	house_free(w);
}

/* ---- roles ---- */

static void affiliate(struct guest *c, const char *jid, const char *affiliation)
{
	say(c, "<iq xmlns='jabber:client' type='set' id='aff' to='" ROOM "'><query xmlns='%s'><item affiliation='%s'"
	    " jid='%s'><reason>why not</reason></item></query></iq>", NS_MUC_ADMIN, affiliation, jid);
}

static char *bare(const struct guest *c)
{
	return strndup(c->jid, strcspn(c->jid, "/"));
}

static void the_first_is_moderator_and_hands_it_on(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	want2(a, "110", "role=\"moderator\"");
	enter(b, ROOM, NULL, NULL);
	enter(c, ROOM, NULL, NULL);
	want2(b, "110", "role=\"participant\"");
	forget(b);
	forget(c);
	guest_die(a);
	want2(b, "110", "role=\"moderator\"");
	want2(c, "role=\"moderator\"", "<actor nick=\"focus\"/>");
	want_none(c, "110");
	house_free(w);
}

static void moderators_make_moderators(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c = guest_login(w);
	char *jid;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	enter(c, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	forget(c);
	jid = bare(b);
	affiliate(c, jid, "owner");
	want2(c, "type=\"error\"", "<forbidden");
	affiliate(a, b->jid, "owner");
	want(a, "jid-malformed");
	affiliate(a, jid, "outcast");
	want(a, "feature-not-implemented");
	assert_int_equal(b->gots, 0);
	affiliate(a, jid, "owner");
	want2(a, "type=\"result\"", "id=\"aff\"");
	want2(b, "110", "role=\"moderator\"");
	want2(c, "role=\"moderator\"", "<reason>why not</reason>");
	affiliate(b, jid, "none");      /* its own, there is another */
	want2(b, "110", "role=\"participant\"");
	free(jid);
	jid = bare(a);
	affiliate(a, jid, "none");
	want2(a, "type=\"error\"", "<conflict");
	free(jid);
	affiliate(a, "nobody@meet.test", "owner");
	want(a, "item-not-found");
	house_free(w);
}

/* ---- going ---- */

static void kick(struct guest *c, const char *nick)
{
	say(c, "<iq xmlns='jabber:client' type='set' id='k' to='" ROOM "'><query xmlns='%s'><item nick='%s' role='none'>"
	    "<reason>spam</reason></item></query></iq>", NS_MUC_ADMIN, nick);
}

static void a_moderator_kicks(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c = guest_login(w);
	struct muc_presence p;
	struct xml *x;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	enter(c, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	forget(c);
	kick(b, a->nick);
	want2(b, "type=\"error\"", "<not-allowed");
	kick(a, "focus");
	want2(a, "type=\"error\"", "<not-allowed");
	kick(a, "nobody");
	want(a, "item-not-found");
	kick(a, b->nick);
	want2(a, "type=\"result\"", "id=\"k\"");
	x = take_xml(b, "unavailable");
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.kicked && p.self);
	assert_string_equal(p.actor, a->nick);
	assert_string_equal(p.reason, "spam");
	xml_free(&x);
	x = take_xml(c, "unavailable");
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.kicked && !p.self);
	assert_string_equal(p.nick, b->nick);
	xml_free(&x);
	say(b, GROUP "<body>still here</body></message>");
	want(b, "not-acceptable");
	want_none(a, "still here");
	assert_non_null(b->conn);
	house_free(w);
}

static void who_leaves_hears_its_own_leaving(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	say(b, "<presence xmlns='jabber:client' type='unavailable' to='" ROOM "/%s'><status>bye</status></presence>", b->nick);
	want2(b, "type=\"unavailable\"", "<status code=\"110\"/>");
	want2(a, "type=\"unavailable\"", "<status>bye</status>");
	say(b, "<presence xmlns='jabber:client' type='unavailable'/>");
	assert_int_equal(b->gots, 0);
	say(b, "<close xmlns='%s'/>", NS_FRAMING);
	want(b, "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
	want_none(a, b->nick);
	house_free(w);
}

static void a_dead_socket_leaves_at_once(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	guest_die(b);
	want2(a, "type=\"unavailable\"", b->nick);
	house_free(w);
}

static void an_empty_room_is_no_more(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	say(a, GROUP "<subject>old</subject></message>");
	say(a, GROUP "<body>old words</body></message>");
	guest_die(a);
	enter(b, ROOM, NULL, NULL);
	want_none(b, "old");
	want2(b, "110", "moderator");
	house_free(w);
}

static void a_moderator_ends_the_meeting(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	struct server_stats st;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	say(b, "<message xmlns='jabber:client' to='endconference.meet.test'><end_conference/></message>");
	want2(b, "type=\"error\"", "<service-unavailable");
	say(a, "<message xmlns='jabber:client' to='endconference.meet.test'><end_conference/></message>");
	want2(a, "<destroy><reason>The meeting has been terminated</reason></destroy>", "110");
	want2(b, "<destroy>", "110");
	want_none(b, "moderator");      /* nobody inherits a room that ends */
	server_stats(w->s, &st);
	assert_int_equal(st.rooms, 0);
	assert_int_equal(st.people, 0);
	house_free(w);
}

static void an_owner_destroys_its_room(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	say(a, "<iq xmlns='jabber:client' type='set' id='x' to='" ROOM "'><query xmlns='%s'><destroy jid='other@conference.meet.test'>"
	    "<reason>moved</reason></destroy></query></iq>", NS_MUC_OWNER);
	want2(a, "id=\"x\"", "type=\"result\"");
	want2(b, "<destroy jid=\"other@conference.meet.test\"><reason>moved</reason></destroy>", "110");
	house_free(w);
}

static void the_end_of_the_host_is_told_to_all(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *idle = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	server_shutdown(w->s, w->now);
	for (struct guest *c = a; c; c = c == a ? b : NULL) {
		want2(c, "type=\"unavailable\"", "<status code=\"332\"/>");
		want2(c, "stream:error", "<system-shutdown");
		assert_string_equal(c->got[c->gots - 1], "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
		assert_null(c->conn);
		assert_int_equal(c->code, 1001);
	}
	assert_null(idle->conn);
	house_free(w);
}

/* ---- words ---- */

static void chat_comes_back_with_an_id(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);
	struct xml *x;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	say(a, GROUP "<body>h&#233;llo</body><nick xmlns='http://jabber.org/protocol/nick'>Forged</nick></message>");
	x = take_xml(b, "<body>");
	assert_string_equal(xml_child_text(x, "body", NULL), "h\xc3\xa9llo");
	assert_int_equal(strlen(xml_attr(x, "id")), 24);
	assert_null(xml_child(x, "nick", NULL));
	xml_free(&x);
	want2(a, "from=\"" ROOM "/", "<body>");
	say(b, "<message xmlns='jabber:client' to='" ROOM "' type='groupchat' id='own-1'><reactions"
	    " xmlns='urn:xmpp:reactions:0' id='m1'><reaction>+1</reaction></reactions></message>");
	want2(a, "id=\"own-1\"", "<reaction>+1</reaction>");
	say(b, GROUP "<json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":\"x\"}</json-message></message>");
	want(a, "<json-message xmlns=\"http://jitsi.org/jitmeet\">{&quot;type&quot;:&quot;x&quot;}</json-message>");
	say(b, GROUP "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>");
	want(a, "<retract xmlns=\"urn:xmpp:message-retract:1\" id=\"m1\"/>");
	house_free(w);
}

static void a_newcomer_reads_the_last_twenty(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b;
	int first, last;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	for (int i = 0; i < 30; i++)
		say(a, GROUP "<body>word %d.</body></message>", i);
	say(a, GROUP "<json-message xmlns='http://jitsi.org/jitmeet'>{}</json-message></message>");
	b = guest_login(w);
	enter(b, ROOM, NULL, NULL);
	want_none(b, "word 9.");
	want_none(b, "json-message");
	first = place(b, "word 10.", "<delay xmlns=\"urn:xmpp:delay\" stamp=\"2026-");
	last = place(b, "word 29.", "from=\"" ROOM "\"");
	assert_true(first >= 0);
	assert_int_equal(last - first, 19);
	house_free(w);
}

static void the_subject_is_the_moderators(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	say(b, GROUP "<subject>mine</subject></message>");
	want2(b, "type=\"error\"", "<forbidden");
	assert_int_equal(a->gots, 0);
	say(a, GROUP "<subject>Plan</subject></message>");
	want(b, "<subject>Plan</subject>");
	c = guest_login(w);
	enter(c, ROOM, NULL, NULL);
	want2(c, "<subject>Plan</subject>", "<delay");
	say(a, GROUP "<subject/></message>");
	want(b, "<subject/>");
	house_free(w);
}

static void a_private_word_reaches_one(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *c = guest_login(w), *out = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	enter(c, ROOM, NULL, NULL);
	forget(a);
	forget(b);
	forget(c);
	say(a, "<message xmlns='jabber:client' type='chat' id='s1' to='" ROOM "/%s'><body>psst</body></message>", b->nick);
	want2(b, "<x xmlns=\"http://jabber.org/protocol/muc#user\"/>", "id=\"s1\"");
	assert_int_equal(a->gots + c->gots, 0);
	say(a, "<message xmlns='jabber:client' type='chat' to='" ROOM "/nobody'><body>psst</body></message>");
	want2(a, "type=\"error\"", "item-not-found");
	say(a, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "/%s'><body>psst</body></message>", b->nick);
	want2(a, "type=\"error\"", "bad-request");
	say(out, "<message xmlns='jabber:client' type='chat' to='" ROOM "/%s'><body>psst</body></message>", b->nick);
	want2(out, "type=\"error\"", "not-acceptable");
	say(out, GROUP "<body>spam</body></message>");
	want2(out, "type=\"error\"", "not-acceptable");
	assert_int_equal(a->gots + b->gots + c->gots, 0);
	house_free(w);
}

static void a_long_message_is_refused(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w);
	char *big = malloc(LIMIT_RELAYED_BYTES + 1);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	forget(a);
	memset(big, 'x', LIMIT_RELAYED_BYTES);
	big[LIMIT_RELAYED_BYTES] = 0;
	say(a, GROUP "<body>%s</body></message>", big);
	want2(a, "type=\"error\"", "policy-violation");
	say(a, "<presence xmlns='jabber:client' to='" ROOM "/%s'><q>%s</q></presence>", a->nick, big);
	want2(a, "type=\"error\"", "policy-violation");
	assert_non_null(a->conn);
	free(big);
	house_free(w);
}

/* ---- IQs ---- */

static void iqs_between_occupants_keep_their_id(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w), *out = guest_login(w);

	(void)state;
	enter(a, ROOM, "5b0c9e17", NULL);
	enter(b, ROOM, "77aa01c9", NULL);
	forget(a);
	forget(b);
	say(a, "<iq xmlns='jabber:client' type='get' id='q/+=1' to='" ROOM "/77aa01c9'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want2(b, "id=\"q/+=1\"", "from=\"" ROOM "/5b0c9e17\"");
	say(b, "<iq xmlns='jabber:client' type='result' id='q/+=1' to='" ROOM "/5b0c9e17'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want2(a, "type=\"result\"", "from=\"" ROOM "/77aa01c9\"");
	say(a, "<iq xmlns='jabber:client' type='get' id='2' to='" ROOM "/nobody'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want2(a, "type=\"error\"", "item-not-found");
	say(out, "<iq xmlns='jabber:client' type='get' id='3' to='" ROOM "/77aa01c9'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want2(out, "type=\"error\"", "not-acceptable");
	say(out, "<iq xmlns='jabber:client' type='set' id='4' to='" ROOM "/focus'><jingle xmlns='%s'/></iq>", NS_JINGLE);
	want2(out, "type=\"error\"", "not-acceptable");
	say(out, "<iq xmlns='jabber:client' type='result' id='q/+=1' to='" ROOM "/5b0c9e17'/>");
	assert_int_equal(a->gots + b->gots + out->gots, 0);
	house_free(w);
}

static void one_room_is_not_another(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, "5b0c9e17", NULL);
	enter(b, "other@conference.meet.test", "77aa01c9", NULL);
	forget(a);
	say(b, GROUP "<body>x</body></message>");
	want2(b, "type=\"error\"", "not-acceptable");
	say(b, "<message xmlns='jabber:client' type='chat' to='" ROOM "/5b0c9e17'><body>x</body></message>");
	want2(b, "type=\"error\"", "not-acceptable");
	say(b, "<iq xmlns='jabber:client' type='set' id='k' to='" ROOM "'><query xmlns='%s'><item nick='5b0c9e17' role='none'/>"
	    "</query></iq>", NS_MUC_ADMIN);
	want2(b, "type=\"error\"", "not-acceptable");
	say(b, "<presence xmlns='jabber:client' type='unavailable' to='" ROOM "/5b0c9e17'/>");
	assert_int_equal(a->gots, 0);
	house_free(w);
}

static void tenants_have_rooms_of_their_own(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, "standup@conference.chor_nord.meet.test", NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	want2(a, "from=\"standup@conference.chor_nord.meet.test/focus\"", "");
	want2(b, "110", "moderator");
	say(b, "<iq xmlns='jabber:client' type='set' id='c' to='focus.meet.test'><conference xmlns='%s'"
	    " room='x@conference.evil.test' machine-uid='m'/></iq>", NS_FOCUS);
	want2(b, "type=\"error\"", "bad-request");
	house_free(w);
}

static void a_room_tells_what_it_is(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w);
	char *s;

	(void)state;
	enter(a, ROOM, NULL, NULL);
	say(a, "<iq xmlns='jabber:client' type='get' id='d' to='" ROOM "'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	s = take2(a, "id=\"d\"", "muc#roominfo_meetingId");
	assert_non_null(strstr(s, "<x xmlns=\"jabber:x:data\" type=\"result\">"));
	assert_non_null(strstr(s, "muc#roominfo_created_timestamp"));
	assert_non_null(strstr(s, "category=\"conference\""));
	assert_null(strstr(s, "isbreakout"));
	free(s);
	say(a, "<iq xmlns='jabber:client' type='get' id='d2' to='none@conference.meet.test'><query xmlns='%s'/></iq>", NS_DISCO_INFO);
	want2(a, "id=\"d2\"", "item-not-found");
	house_free(w);
}

static void joining_again_tells_all_again(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(b);
	enter(b, ROOM, NULL, NULL);
	want2(b, "from=\"" ROOM "/focus\"", "<presence");
	want2(b, "<presence", a->nick);
	want(b, "110");
	want(b, "<subject/>");
	house_free(w);
}

const struct CMUnitTest test_muc[] = {
	cmocka_unit_test(a_room_nobody_asked_for_does_not_exist),
	cmocka_unit_test(a_newcomer_sees_the_others_then_itself_then_the_subject),
	cmocka_unit_test(presences_show_real_jids_and_muc_user_first),
	cmocka_unit_test(what_a_client_shows_is_relayed_whole_and_not_merged),
	cmocka_unit_test(what_only_a_server_says_is_cut_out),
	cmocka_unit_test(names_that_cannot_be),
	cmocka_unit_test(an_update_of_an_outsider_is_no_join),
	cmocka_unit_test(a_room_holds_as_many_as_it_may),
	cmocka_unit_test(a_client_sits_in_few_rooms),
	cmocka_unit_test(the_hosts_password_guards_every_room),
	cmocka_unit_test(a_moderator_locks_and_unlocks),
	cmocka_unit_test(the_lobby_is_refused_by_name),
	cmocka_unit_test(the_first_is_moderator_and_hands_it_on),
	cmocka_unit_test(moderators_make_moderators),
	cmocka_unit_test(a_moderator_kicks),
	cmocka_unit_test(who_leaves_hears_its_own_leaving),
	cmocka_unit_test(a_dead_socket_leaves_at_once),
	cmocka_unit_test(an_empty_room_is_no_more),
	cmocka_unit_test(a_moderator_ends_the_meeting),
	cmocka_unit_test(an_owner_destroys_its_room),
	cmocka_unit_test(the_end_of_the_host_is_told_to_all),
	cmocka_unit_test(chat_comes_back_with_an_id),
	cmocka_unit_test(a_newcomer_reads_the_last_twenty),
	cmocka_unit_test(the_subject_is_the_moderators),
	cmocka_unit_test(a_private_word_reaches_one),
	cmocka_unit_test(a_long_message_is_refused),
	cmocka_unit_test(iqs_between_occupants_keep_their_id),
	cmocka_unit_test(one_room_is_not_another),
	cmocka_unit_test(tenants_have_rooms_of_their_own),
	cmocka_unit_test(a_room_tells_what_it_is),
	cmocka_unit_test(joining_again_tells_all_again),
	{ 0 }
};
