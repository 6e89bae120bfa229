/* test_door.c - the lobby as moderators see it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

#define LOBBY "room@lobby.meet.test"

static const char *const lobby_component = "<query xmlns='" NS_DISCO_INFO "'>"
	"<identity category='component' type='lobbyrooms' name='lobby.meet.test'/></query>";

static void pushed(struct script *s)
{
	script_inf(s, "<message xmlns='jabber:client' from='meet.test'>%s</message>", lobby_component);
}

/* The room describes itself; lobby NULL: it has none. */
static void describe_as(struct script *s, const char *feature, const char *lobby)
{
	struct buf b = { 0 };
	const struct xml *iq = NULL;

	for (size_t i = s->sents; i-- > 0 && !iq;)
		if (!s->sent[i].answered && xml_is(s->sent[i].x, "iq", NULL) && xml_attr(s->sent[i].x, "to") &&
		    !strcmp(xml_attr(s->sent[i].x, "to"), ROOM) && xml_child(s->sent[i].x, "query", NS_DISCO_INFO)) {
			iq = s->sent[i].x;
			s->sent[i].answered = true;
		}
	assert_non_null(iq);
	buf_addf(&b, "<feature var='%s'/>", feature);
	if (lobby)
		buf_addf(&b, "<x xmlns='jabber:x:data' type='result'><field var='muc#roominfo_lobbyroom'><value>%s</value>"
			 "</field></x>", lobby);
	script_inf(s, "<iq xmlns='jabber:client' type='result' id='%s' from='" ROOM "'><query xmlns='" NS_DISCO_INFO "'>"
		   "%s</query></iq>", xml_attr(iq, "id"), buf_str(&b));
	buf_free(&b);
}

static void describe(struct script *s, bool members_only, const char *lobby)
{
	describe_as(s, members_only ? "muc_membersonly" : "muc_open", lobby);
}

static void changed(struct script *s)
{
	script_in(s, "<message xmlns='jabber:client' type='groupchat' from='" ROOM "'><x xmlns='" NS_MUC_USER "'>"
		  "<status code='104'/></x></message>");
}

static void promoted(struct script *s, bool moderator)
{
	script_inf(s, "<presence xmlns='jabber:client' from='" ROOM "/5c1f0a9e'><x xmlns='" NS_MUC_USER "'><item jid='" ME "' "
		   "role='%s' affiliation='%s'/><status code='110'/></x></presence>", moderator ? "moderator" : "participant",
		   moderator ? "owner" : "none");
}

/* Our occupant of the lobby; NULL: not there. */
static const char *mine(struct script *s)
{
	const char *in = NULL;

	for (size_t i = 0; i < s->sents; i++) {
		const char *to = xml_attr(s->sent[i].x, "to");

		if (xml_is(s->sent[i].x, "presence", NULL) && to && text_starts(to, LOBBY "/"))
			in = xml_attr(s->sent[i].x, "type") ? NULL : to;
	}
	return in;
}

/* A moderator of a room with its lobby on. */
static void up(struct script *s, const struct script_config *cfg)
{
	script_up(s, cfg);
	pushed(s);
	promoted(s, true);
	describe(s, true, LOBBY);
	assert_non_null(mine(s));
	script_inf(s, "<presence xmlns='jabber:client' from='%s'><x xmlns='" NS_MUC_USER "'><status code='100'/><item jid='" ME "' "
		   "role='moderator' affiliation='owner'/><status code='110'/></x></presence>", mine(s));
}

static void knock(struct script *s, const char *nick, const char *name, const char *jid, const char *affiliation)
{
	script_inf(s, "<presence xmlns='jabber:client' from='" LOBBY "/%s'>%s%s%s<x xmlns='" NS_MUC_USER "'><item %s%s%s "
		   "role='participant' affiliation='%s'/></x></presence>", nick, name ? "<nick xmlns='" NS_NICK "'>" : "",
		   name ? name : "", name ? "</nick>" : "", jid ? "jid='" : "", jid ? jid : "", jid ? "'" : "", affiliation);
}

static void goes(struct script *s, const char *nick, const char *x)
{
	script_inf(s, "<presence xmlns='jabber:client' type='unavailable' from='" LOBBY "/%s'><x xmlns='" NS_MUC_USER "'>"
		   "<item role='none' affiliation='none'/>%s</x></presence>", nick, x);
}

static size_t knockers(const struct script *s)
{
	const char *id, *name;
	size_t n = 0;

	while (call_knocker(s->call, n, &id, &name))
		n++;
	return n;
}

static const struct xml *last(struct script *s, const char *element)
{
	for (size_t i = s->sents; i-- > 0;)
		if (xml_is(s->sent[i].x, element, NULL))
			return s->sent[i].x;
	fail_msg("no %s was sent", element);
	return NULL;
}

/* ---- who is told ---- */

static void test_knocks(void **state)
{
	static const struct script_config cfg = { .name = "Bob" };
	const struct xml *p;
	struct script s;
	const char *id, *name;

	(void)state;
	up(&s, &cfg);
	/* Unseen, under a nick that tells nothing. */
	p = last(&s, "presence");
	assert_null(xml_child(p, "nick", NULL));
	assert_null(xml_child(p, "SourceInfo", NULL));
	assert_non_null(xml_child(p, "x", NS_MUC));
	assert_null(strstr(mine(&s), "5c1f0a9e"));
	assert_true(call_has_lobby(s.call));
	assert_int_equal(knockers(&s), 0);
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	assert_told(&s, "knock+ fdc46a8c Carl\n");
	assert_true(call_knocker(s.call, 0, &id, &name));
	assert_string_equal(id, "fdc46a8c");
	assert_string_equal(name, "Carl");
	buf_clear(&s.told);
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");        /* with an e-mail now */
	assert_not_told(&s, "knock");
	knock(&s, "fdc46a8c", "Carla", "8eeaa245-1@meet.test/x", "none");
	assert_told(&s, "knock+ fdc46a8c Carla\n");
	knock(&s, "aa000001", NULL, "9eeaa245-1@meet.test/x", "none");
	assert_told(&s, "knock+ aa000001 guest aa00\n");
	knock(&s, "aa000002", "E\xc2\x9bvil\n", "aeeaa245-1@meet.test/x", "none");
	assert_null(strstr(buf_str(&s.told), "\x9b"));
	assert_int_equal(knockers(&s), 3);
	buf_clear(&s.told);
	/* Not those who are in the room, who keep the door, or whom nobody can let in. */
	knock(&s, "ada00001", NULL, "77aa01bc-1@meet.test/x", "owner");
	knock(&s, "ada00002", NULL, "77aa01bc-1@meet.test/x", "none");
	knock(&s, "ada00003", "Dan", "beeaa245-1@meet.test/x", "admin");
	knock(&s, "ada00004", "Dan", NULL, "none");
	assert_not_told(&s, "knock");
	assert_int_equal(knockers(&s), 3);
	goes(&s, "fdc46a8c", "");
	assert_told(&s, "knock- fdc46a8c Carla left\n");
	goes(&s, "fdc46a8c", "");
	goes(&s, "aa000001", "<status code='307'/>");
	assert_told(&s, "knock- aa000001 guest aa00 denied\n");
	assert_int_equal(knockers(&s), 1);
	/* In the room first, then out of the lobby. */
	script_inf(&s, "<presence xmlns='jabber:client' from='" ROOM "/aeeaa245'><x xmlns='" NS_MUC_USER "'>"
		   "<item jid='aeeaa245-1@meet.test/x' role='participant' affiliation='member'/></x></presence>");
	goes(&s, "aa000002", "");
	assert_told(&s, "knock- aa000002 Evil admitted\n");
	script_free(&s);
}

static void test_many(void **state)
{
	struct script s;
	char nick[20], jid[60];

	(void)state;
	up(&s, &(struct script_config){ 0 });
	for (int i = 0; i < 300; i++) {
		snprintf(nick, sizeof(nick), "%08x", i);
		snprintf(jid, sizeof(jid), "%08x-1@meet.test/x", i);
		knock(&s, nick, "X", jid, "none");
	}
	assert_int_equal(knockers(&s), 100);
	assert_int_equal(call_admit(s.call, NULL, NULL, NULL, s.now), 0);
	script_run(&s, SEC);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

/* ---- when we are there ---- */

static void test_only_where_there_is_reason(void **state)
{
	static const char *const strange[] = { NULL, "room@lobby.other.test", "lobby.meet.test", LOBBY "/nick", "" };
	struct script s;

	(void)state;
	/* A server without lobbies is not asked. */
	script_up(&s, &(struct script_config){ 0 });
	promoted(&s, true);
	changed(&s);
	script_run(&s, SEC);
	assert_null(strstr(buf_str(&s.sent_text), "to=\"" ROOM "\" type=\"get\""));
	script_free(&s);
	/* Nobody but moderators goes there. */
	script_up(&s, &(struct script_config){ 0 });
	pushed(&s);
	describe(&s, true, LOBBY);
	assert_true(call_has_lobby(s.call));
	assert_null(mine(&s));
	promoted(&s, true);
	assert_non_null(mine(&s));
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	promoted(&s, false);
	assert_null(mine(&s));
	assert_int_equal(knockers(&s), 0);
	script_free(&s);
	/* Open, opened, and closed again. */
	script_up(&s, &(struct script_config){ 0 });
	pushed(&s);
	promoted(&s, true);
	describe(&s, false, NULL);
	assert_null(mine(&s));
	changed(&s);
	changed(&s);            /* while it is asked */
	describe(&s, false, NULL);
	describe(&s, true, LOBBY);
	assert_non_null(mine(&s));
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	script_inf(&s, "<presence xmlns='jabber:client' type='unavailable' from='%s'><x xmlns='" NS_MUC_USER "'><destroy jid='" ROOM
		   "'/><item role='none'/><status code='110'/></x></presence>", mine(&s));
	assert_told(&s, "knock- fdc46a8c Carl ");
	assert_false(call_has_lobby(s.call));
	promoted(&s, true);     /* not into a lobby that is no more */
	changed(&s);
	describe(&s, false, NULL);
	assert_int_equal(knockers(&s), 0);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		script_up(&s, &(struct script_config){ 0 });
		pushed(&s);
		promoted(&s, true);
		describe(&s, true, strange[i]);
		assert_null(mine(&s));
		script_free(&s);
	}
	/* It cannot be entered: once is enough. */
	script_up(&s, &(struct script_config){ 0 });
	pushed(&s);
	promoted(&s, true);
	describe(&s, true, LOBBY);
	script_inf(&s, "<presence xmlns='jabber:client' type='error' from='%s'><error type='cancel'><not-allowed xmlns='" NS_STANZAS
		   "'/></error></presence>", mine(&s));
	for (int i = 0; i < 5; i++)
		promoted(&s, true);
	assert_int_equal(script_count(&s, "presence", "to", mine(&s)), 1);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

/* Another connection, another breakout room: anew, and nobody is forgotten there. */
static void test_comes_and_goes(void **state)
{
	struct script s;

	(void)state;
	up(&s, &(struct script_config){ .sm = true });
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	/* Cut and taken up again: still there. */
	script_lose(&s);
	assert_int_equal(call_admit(s.call, "fdc46a8c", NULL, NULL, s.now), -ENOTCONN);
	script_run(&s, 3000000);
	script_reopen(&s);
	script_in(&s, "<resumed xmlns='urn:xmpp:sm:3' previd='tok' h='1'/>");
	assert_int_equal(knockers(&s), 1);
	assert_int_equal(call_admit(s.call, "fdc46a8c", NULL, NULL, s.now), 0);
	/* Lost: our old self in the lobby is nobody who knocks. */
	script_in(&s, "<close xmlns='" NS_FRAMING "'/>");
	assert_int_equal(knockers(&s), 0);
	assert_false(call_has_lobby(s.call));
	script_come_back(&s, "66666666-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/Kq3s");
	script_run(&s, 0);
	script_inf(&s, "<presence xmlns='jabber:client' from='" ROOM "/66666666'><x xmlns='" NS_MUC_USER "'><item "
		   "role='moderator' affiliation='owner'/><status code='110'/></x></presence>");
	pushed(&s);
	describe(&s, true, LOBBY);
	assert_non_null(mine(&s));
	buf_clear(&s.told);
	knock(&s, "f9ae53e1", NULL, ME, "none");
	assert_not_told(&s, "knock");
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	assert_told(&s, "knock+ fdc46a8c Carl");
	call_leave(s.call, s.now);
	script_run(&s, 2 * SEC);
	assert_told(&s, "left 0");
	assert_null(mine(&s));
	script_free(&s);
}

/* ---- what we do ---- */

static void test_admit(void **state)
{
	struct script s;
	const struct xml *m, *x;
	const char *kind;
	char *why;

	(void)state;
	up(&s, &(struct script_config){ 0 });
	assert_int_equal(call_admit(s.call, NULL, &kind, &why, s.now), -ENOENT);
	assert_string_equal(why, "nobody knocks");
	free(why);
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	knock(&s, "ca943d6b", "Dora", "826e10de-1@meet.test/y", "none");
	assert_int_equal(call_admit(s.call, "nobody", &kind, &why, s.now), -ENOENT);
	assert_string_equal(kind, "unknown-person");
	free(why);
	assert_int_equal(call_admit(s.call, "ca943d6b", &kind, &why, s.now), 0);
	m = last(&s, "message");
	assert_string_equal(xml_attr(m, "to"), ROOM);
	assert_null(xml_attr(m, "type"));
	x = xml_child(xml_child(m, "x", NS_MUC_USER), "invite", NULL);
	assert_string_equal(xml_attr(x, "to"), "826e10de-1@meet.test/y");
	assert_null(xml_next_like(x, "invite", NULL));
	assert_int_equal(call_admit(s.call, NULL, &kind, &why, s.now), 0);
	m = last(&s, "message");
	x = xml_child(xml_child(m, "x", NS_MUC_USER), "invite", NULL);
	assert_string_equal(xml_attr(x, "to"), "8eeaa245-1@meet.test/x");
	assert_string_equal(xml_attr(xml_next_like(x, "invite", NULL), "to"), "826e10de-1@meet.test/y");
	script_inf(&s, "<message xmlns='jabber:client' type='error' id='%s' from='" ROOM "'><error type='auth'><forbidden xmlns='"
		   NS_STANZAS "'/></error></message>", xml_attr(m, "id"));
	assert_told(&s, "error refused nobody was let in, the server says: forbidden");
	script_free(&s);
}

static void test_deny(void **state)
{
	struct script s;
	const struct xml *iq, *item;
	const char *kind;
	char *why;

	(void)state;
	up(&s, &(struct script_config){ 0 });
	assert_int_equal(call_deny(s.call, "fdc46a8c", &kind, &why, s.now), -ENOENT);
	free(why);
	knock(&s, "fdc46a8c", "Carl", "8eeaa245-1@meet.test/x", "none");
	assert_int_equal(call_deny(s.call, "fdc46a8c", &kind, &why, s.now), 0);
	iq = script_iq(&s, "query", NS_MUC_ADMIN);
	assert_string_equal(xml_attr(iq, "to"), LOBBY);
	item = xml_child(xml_child(iq, "query", NULL), "item", NULL);
	assert_string_equal(xml_attr(item, "nick"), "fdc46a8c");
	assert_string_equal(xml_attr(item, "role"), "none");
	script_answer(&s, "query", NS_MUC_ADMIN, "error", "<error type='cancel'><not-allowed xmlns='" NS_STANZAS "'/></error>");
	assert_told(&s, "error refused deny: refused (not-allowed)");
	buf_clear(&s.told);
	assert_int_equal(call_deny(s.call, "fdc46a8c", &kind, &why, s.now), 0);
	goes(&s, "fdc46a8c", "<status code='307'/>");
	script_run(&s, 30 * SEC);       /* done as told, and not answered */
	assert_not_told(&s, "error");
	script_free(&s);
}

static void test_not_for_everybody(void **state)
{
	struct script s;
	const char *kind;
	char *why;

	(void)state;
	script_up(&s, &(struct script_config){ 0 });
	assert_int_equal(call_set_lobby(s.call, true, &kind, &why, s.now), -EPERM);
	free(why);
	promoted(&s, true);
	assert_int_equal(call_set_lobby(s.call, true, &kind, &why, s.now), -ENOTSUP);
	assert_string_equal(why, "this server has no lobby");
	free(why);
	pushed(&s);
	describe(&s, false, NULL);
	promoted(&s, false);
	assert_int_equal(call_admit(s.call, NULL, &kind, &why, s.now), -EPERM);
	assert_string_equal(kind, "not-moderator");
	free(why);
	call_leave(s.call, s.now);
	script_run(&s, 2 * SEC);
	assert_int_equal(call_set_lobby(s.call, true, &kind, &why, s.now), -ENOTCONN);
	free(why);
	script_free(&s);
}

/* Who is in the room becomes a member first; nobody who is more than that is touched. */
static void test_switch_on(void **state)
{
	struct script s;
	const struct xml *iq, *item, *field;

	(void)state;
	script_up(&s, &(struct script_config){ 0 });
	pushed(&s);
	promoted(&s, true);
	describe(&s, false, NULL);
	script_person(&s, "88aa01bc", "", NULL);
	assert_int_equal(call_set_lobby(s.call, true, NULL, NULL, s.now), 0);
	script_answer(&s, "query", NS_MUC_OWNER, "result", "<query xmlns='" NS_MUC_OWNER "'><x xmlns='jabber:x:data' type='form'>"
		      "<field var='muc#roomconfig_membersonly' type='boolean'><value>0</value></field></x></query>");
	iq = script_iq(&s, "query", NS_MUC_ADMIN);
	assert_string_equal(xml_attr(iq, "to"), ROOM);
	item = xml_child(xml_child(iq, "query", NULL), "item", NULL);
	assert_string_equal(xml_attr(item, "affiliation"), "member");
	assert_string_equal(xml_attr(item, "jid"), "88aa01bc-1@meet.test");
	assert_null(xml_next_like(item, "item", NULL));         /* neither Ada, an owner, nor we */
	iq = script_iq(&s, "query", NS_MUC_OWNER);
	assert_string_equal(xml_attr(iq, "type"), "set");
	field = xml_child(xml_child(xml_child(iq, "query", NULL), "x", NS_DATA), "field", NULL);
	assert_string_equal(xml_child_text(field, "value", NULL), NS_MUC_ROOMCONFIG);
	field = xml_next_like(field, "field", NULL);
	assert_string_equal(xml_attr(field, "var"), "muc#roomconfig_membersonly");
	assert_string_equal(xml_child_text(field, "value", NULL), "true");
	script_answer(&s, "query", NS_MUC_OWNER, "error", "<error type='auth'><forbidden xmlns='" NS_STANZAS "'/></error>");
	assert_told(&s, "error refused lobby: refused (forbidden)");
	/* Off again; and a room that has no such switch. */
	assert_int_equal(call_set_lobby(s.call, false, NULL, NULL, s.now), 0);
	script_answer(&s, "query", NS_MUC_OWNER, "result", "<query xmlns='" NS_MUC_OWNER "'><x xmlns='jabber:x:data' type='form'>"
		      "<field var='muc#roomconfig_membersonly'/></x></query>");
	iq = script_iq(&s, "query", NS_MUC_OWNER);
	assert_non_null(strstr(buf_str(&s.sent_text), "<value>false</value>"));
	script_answer(&s, "query", NS_MUC_OWNER, "result", "");
	assert_int_equal(call_set_lobby(s.call, true, NULL, NULL, s.now), 0);
	script_answer(&s, "query", NS_MUC_OWNER, "result", "<query xmlns='" NS_MUC_OWNER "'/>");
	assert_told(&s, "error refused lobby: this room cannot have one");
	assert_int_equal(call_set_lobby(s.call, true, NULL, NULL, s.now), 0);
	script_run(&s, 11 * SEC);
	assert_told(&s, "error timeout lobby: no answer");
	script_free(&s);
}

/* ---- as a deployment had it ---- */

/* One line of it, in our room; id: of our request that it answers. */
static void recorded(struct script *s, unsigned line, const char *id)
{
	char *text = script_line("lobby-moderator", line);
	struct buf b = { 0 };
	const char *p = text, *at;

	for (; (at = strstr(p, "rehearsal@")); p = at + strlen("rehearsal@")) {
		buf_add(&b, p, (size_t)(at - p));
		buf_adds(&b, "room@");
	}
	buf_adds(&b, p);
	free(text);
	if (id) {
		at = strstr(buf_str(&b), " id='");
		script_inf(s, "%.*s id='%s%s", (int)(at - buf_str(&b)), buf_str(&b), id, strchr(at + 5, '\''));
	} else {
		script_in(s, buf_str(&b));
	}
	buf_free(&b);
}

/* Says the same as the recorded one, under our own nick and name. */
static void same_json(const struct xml *x, unsigned line, const char *nick, const char *name)
{
	char *text = script_line("lobby-moderator", line);
	struct xml *theirs;
	const char *why;
	json_t *a, *b;

	assert_int_equal(xml_parse(&theirs, text, strlen(text), NULL, &why), 0);
	a = json_loads(xml_child_text(theirs, "json-message", NS_JITMEET), 0, NULL);
	b = json_loads(xml_child_text(x, "json-message", NS_JITMEET), 0, NULL);
	if (nick) {
		json_object_set_new(json_object_get(a, "moderator"), "id", json_string(nick));
		json_object_set_new(json_object_get(a, "moderator"), "name", json_string(name));
	}
	assert_true(a && json_equal(a, b));
	json_decref(a);
	json_decref(b);
	xml_free(&theirs);
	free(text);
}

static void test_recorded_lobby(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &(struct script_config){ 0 });
	pushed(&s);
	promoted(&s, true);
	recorded(&s, 72, xml_attr(last(&s, "iq"), "id"));
	assert_false(call_has_lobby(s.call));
	recorded(&s, 86, NULL);
	recorded(&s, 88, xml_attr(last(&s, "iq"), "id"));
	assert_true(call_has_lobby(s.call));
	assert_non_null(mine(&s));
	recorded(&s, 92, NULL); /* theirs, for us another moderator */
	recorded(&s, 95, NULL);
	assert_told(&s, "knock+ fdc46a8c Bob\n");
	/* What they said to him, in the same words: first who it is, then what. */
	buf_clear(&s.sent_text);
	assert_int_equal(call_tell(s.call, "fdc46a8c", " what is it about? ", NULL, NULL, s.now), 0);
	assert_string_equal(xml_attr(last(&s, "message"), "type"), "chat");
	assert_string_equal(xml_attr(last(&s, "message"), "to"), LOBBY "/fdc46a8c");
	same_json(s.sent[s.sents - 2].x, 96, strchr(mine(&s), '/') + 1, "Bob");
	same_json(s.sent[s.sents - 1].x, 97, NULL, NULL);
	assert_told(&s, "message private mine 5c1f0a9e: what is it about?");
	assert_int_equal(call_tell(s.call, "fdc46a8c", "well?", NULL, NULL, s.now), 0);
	assert_null(strstr(strstr(buf_str(&s.sent_text), "INITIALIZED") + 11, "INITIALIZED"));
	assert_int_equal(call_deny(s.call, "fdc46a8c", NULL, NULL, s.now), 0);
	recorded(&s, 103, NULL);
	assert_told(&s, "knock- fdc46a8c Bob denied\n");
	recorded(&s, 107, NULL);
	recorded(&s, 110, NULL);        /* what he says at the door */
	assert_told(&s, "message private ca943d6b: the minutes");
	assert_int_equal(call_admit(s.call, "ca943d6b", NULL, NULL, s.now), 0);
	assert_non_null(strstr(buf_str(&s.sent_text), "<invite to=\"826e10de-8543-4f4f-8a70-66793d00c67d@meet.test/HLtI5I10DvAH\""));
	for (unsigned i = 112; i <= 115; i++)
		recorded(&s, i, NULL);
	assert_told(&s, "person+ 826e10de Bob");
	assert_told(&s, "knock- ca943d6b Bob admitted\n");
	assert_int_equal(knockers(&s), 0);
	script_free(&s);
}

/* ---- other moderators ---- */

static void notify(struct script *s, const char *from, const char *json)
{
	script_inf(s, "<message xmlns='jabber:client' type='groupchat' from='" ROOM "/%s'><json-message xmlns='" NS_JITMEET "'>"
		   "{\"type\":\"lobby-notify\",%s}</json-message></message>", from, json);
}

static void test_others(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &(struct script_config){ 0 });
	script_person(&s, "88aa01bc", "<nick xmlns='" NS_NICK "'>Eve</nick>", NULL);
	notify(&s, "77aa01bc", "\"event\":\"LOBBY-ENABLED\",\"value\":true");
	assert_told(&s, "notice Ada switched the lobby on: who comes now has to knock");
	notify(&s, "77aa01bc", "\"event\":\"LOBBY-ACCESS-GRANTED\",\"value\":\"x@y/z\",\"name\":\"Carl\"");
	assert_told(&s, "notice Ada let Carl in");
	notify(&s, "77aa01bc", "\"event\":\"LOBBY-ACCESS-DENIED\",\"value\":\"x@y/z\"");
	assert_told(&s, "notice Ada did not let somebody in");
	notify(&s, "77aa01bc", "\"event\":\"LOBBY-ENABLED\",\"value\":false");
	assert_told(&s, "notice Ada switched the lobby off");
	buf_clear(&s.told);
	notify(&s, "88aa01bc", "\"event\":\"LOBBY-ACCESS-DENIED\",\"name\":\"Ada\"");   /* no moderator */
	notify(&s, "5c1f0a9e", "\"event\":\"LOBBY-ENABLED\",\"value\":true");           /* we know */
	notify(&s, "99aa01bc", "\"event\":\"LOBBY-ENABLED\",\"value\":true");           /* nobody */
	notify(&s, "77aa01bc", "\"event\":7,\"value\":true");
	notify(&s, "77aa01bc", "");
	assert_not_told(&s, "notice");
	script_free(&s);
}

/* Also on servers without lobbies. */
static void a_password_of_the_room_is_known(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &(struct script_config){ 0 });
	describe_as(&s, "muc_passwordprotected", NULL);
	assert_true(call_is_locked(s.call));
	assert_false(call_has_lobby(s.call));
	changed(&s);
	describe_as(&s, "muc_unsecured", NULL);
	assert_false(call_is_locked(s.call));
	script_free(&s);
}

const struct CMUnitTest test_door[] = {
	cmocka_unit_test(a_password_of_the_room_is_known),
	cmocka_unit_test(test_knocks),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_only_where_there_is_reason),
	cmocka_unit_test(test_comes_and_goes),
	cmocka_unit_test(test_admit),
	cmocka_unit_test(test_deny),
	cmocka_unit_test(test_not_for_everybody),
	cmocka_unit_test(test_switch_on),
	cmocka_unit_test(test_recorded_lobby),
	cmocka_unit_test(test_others),
	{ 0 }
};
