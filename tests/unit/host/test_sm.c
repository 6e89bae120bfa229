/* test_sm.c - who loses its socket keeps its seat, for a minute and within bounds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/chat.h"
#include "xmpp/ns.h"

#define SEC INT64_C(1000000)

extern const struct CMUnitTest test_sm[];

static struct guest *managed(struct house *w)
{
	struct guest *c = guest_login(w);

	say(c, "<enable xmlns='%s' resume='true'/>", NS_SM);
	want2(c, "<enabled xmlns=\"urn:xmpp:sm:3\"", "resume=\"true\" max=\"60\"/>");
	assert_int_equal(strlen(c->sm_id), 24);
	return c;
}

static void resume(struct guest *c, unsigned h)
{
	say(c, "<resume xmlns='%s' previd='%s' h='%u'/>", NS_SM, c->sm_id, h);
}

/* Two in a room, the second of them talks. */
static struct guest *seated(struct house *w, struct guest **other)
{
	struct guest *c;

	*other = guest_login(w);
	enter(*other, ROOM, NULL, NULL);
	answer_caps(*other, NULL);
	c = managed(w);
	enter(c, ROOM, NULL, NULL);
	answer_caps(c, NULL);
	talk(c, 7);
	forget(c);
	forget(*other);
	return c;
}

static struct server_stats stats(struct house *w)
{
	struct server_stats st;

	server_stats(w->s, &st);
	return st;
}

static void stanzas_are_counted(void **state)
{
	struct house *w = house_new();
	struct guest *c = managed(w);

	(void)state;
	say(c, "<r xmlns='%s'/>", NS_SM);
	want(c, "<a xmlns=\"urn:xmpp:sm:3\" h=\"0\"/>");
	for (int i = 0; i < 6; i++)
		say(c, "<iq xmlns='jabber:client' type='get' id='p%d' to='meet.test'><ping xmlns='%s'/></iq>", i, NS_PING);
	want(c, "<r xmlns=\"urn:xmpp:sm:3\"/>");        /* after five of ours; one at a time */
	want_none(c, "<r ");
	say(c, "<r xmlns='%s'/>", NS_SM);
	want(c, "<a xmlns=\"urn:xmpp:sm:3\" h=\"6\"/>");
	say(c, "<a xmlns='%s' h='6'/>", NS_SM);
	house_pass(w, 10 * SEC);
	want_none(c, "<r ");
	say(c, "<iq xmlns='jabber:client' type='get' id='q' to='meet.test'><ping xmlns='%s'/></iq>", NS_PING);
	house_pass(w, 2 * SEC);
	want(c, "<r ");
	/* Twice is once too often; and nothing of it before the binding. */
	say(c, "<enable xmlns='%s' resume='true'/>", NS_SM);
	want2(c, "<failed", "unexpected-request");
	resume(c, 0);
	want2(c, "<failed", "unexpected-request");
	c = guest_connect(w);
	say(c, "<enable xmlns='%s' resume='true'/>", NS_SM);
	want2(c, "<failed", "unexpected-request");
	house_free(w);
}

static void who_comes_back_sits_where_it_sat(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other);
	char jid[300], stamp[32], delay[300];

	(void)state;
	snprintf(jid, sizeof(jid), "%s", c->jid);
	guest_die(c);
	assert_int_equal(stats(w).asleep, 1);
	house_pass(w, 20 * SEC);
	assert_int_equal(other->gots, 0);               /* nobody hears of it */
	assert_non_null(house_endpoint(w, c->nick));    /* and the sound goes on */
	say(other, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "' id='m1'><body>while you slept</body></message>");
	forget(other);
	chat_stamp_write(stamp, w->now + INT64_C(1787400000000000));
	house_pass(w, 20 * SEC);
	{
		struct guest *back = guest_back(c);

		resume(back, c->stanzas);
		assert_true(strncmp(back->got[0], "<resumed ", 9) == 0);        /* before all else */
		want2(back, "<resumed xmlns=\"urn:xmpp:sm:3\"", back->sm_id);
		/* With its time, as it is 20 s old (XEP-0203). */
		snprintf(delay, sizeof(delay), "<delay xmlns=\"urn:xmpp:delay\" from=\"%.*s\" stamp=\"%s\"/></message>",
			 (int)strcspn(jid, "/"), jid, stamp);
		want2(back, "while you slept", delay);
		want(back, "<r ");
		say(back, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "' id='m2'><body>here</body></message>");
		want2(back, "here", "id=\"m2\"");
		want2(other, "here", c->nick);
		want_none(other, "unavailable");
		assert_int_equal(other->gots, 0);
		assert_int_equal(w->removed, 0);
		assert_int_equal(stats(w).asleep, 0);
		assert_int_equal(stats(w).resumed, 1);
		assert_int_equal(stats(w).connections, 2);
		assert_int_equal(stats(w).people, 2);
		/* Leaves like anybody else. */
		say(back, "<close xmlns='%s'/>", NS_FRAMING);
		want2(other, "unavailable", c->nick);
		assert_int_equal(stats(w).asleep, 0);
	}
	house_free(w);
}

/* What it had not acknowledged comes again, in order; what it had, not. */
static void nothing_is_lost_or_twice(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other), *back;
	unsigned had;

	(void)state;
	for (int i = 0; i < 3; i++)
		say(other, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "'><body>n%d</body></message>", i);
	had = c->stanzas - 1;                           /* the last one did not arrive */
	forget(c);
	guest_die(c);
	say(other, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "'><body>n3</body></message>");
	back = guest_back(c);
	resume(back, had);
	assert_true(back->gots >= 3);
	assert_non_null(strstr(back->got[1], ">n2<"));
	assert_non_null(strstr(back->got[2], ">n3<"));
	want_none(back, ">n1<");
	/* Cut again at once: the same ones once more. */
	guest_die(back);
	back->stanzas = had;
	c = guest_back(back);
	resume(c, had);
	assert_non_null(strstr(c->got[1], ">n2<"));
	house_free(w);
}

static void sleep_ends_after_a_minute(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other), *back;

	(void)state;
	guest_die(c);
	house_pass(w, 59 * SEC);
	want_none(other, "unavailable");
	house_pass(w, SEC);
	want2(other, "unavailable", "Disconnected: Hibernating too long");
	assert_int_equal(w->removed, 1);
	assert_int_equal(stats(w).asleep, 0);
	/* Too late; but it hears how far it came: a conference, a presence, its
	 * abilities, an answer and an acceptance. */
	back = guest_back(c);
	resume(back, c->stanzas);
	want2(back, "<failed xmlns=\"urn:xmpp:sm:3\" h=\"5\">", "item-not-found");
	say(back, "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='%s'/></iq>", NS_BIND);
	want(back, "<jid>");                            /* and may go on as somebody else */
	say(back, "<resume xmlns='%s' previd='' h='0'/>", NS_SM);
	want2(back, "<failed", "unexpected-request");
	house_free(w);
}

static void a_page_that_was_left_does_not_sleep(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other);
	struct xmpp_conn *conn = c->conn;

	(void)state;
	c->conn = NULL;
	server_gone(w->s, conn, true, w->now);
	want2(other, "unavailable", c->nick);
	/* Nor does one that did not ask for it. */
	guest_die(other);
	assert_int_equal(stats(w).people, 0);
	assert_int_equal(stats(w).asleep, 0);
	house_free(w);
}

static void only_who_knows_the_name_of_the_stream(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other), *thief = guest_back(other);

	(void)state;
	snprintf(thief->sm_id, sizeof(thief->sm_id), "%s", "aaaaaaaaaaaaaaaaaaaaaaaa");
	resume(thief, 0);
	want2(thief, "<failed", "item-not-found");
	say(thief, "<resume xmlns='%s' h='0'/>", NS_SM);
	want2(thief, "<failed", "item-not-found");
	/* Counters that do not add up: not taken, and the stream waits on. */
	snprintf(thief->sm_id, sizeof(thief->sm_id), "%s", c->sm_id);
	resume(thief, c->stanzas + 1);
	want2(thief, "<failed", "bad-request");
	say(thief, "<resume xmlns='%s' previd='%s' h='x'/>", NS_SM, c->sm_id);
	want2(thief, "<failed", "bad-request");
	assert_non_null(c->conn);
	/* The client may know before the host that its socket is dead. */
	resume(thief, c->stanzas);
	want(thief, "<resumed ");
	want(c, "<conflict");
	assert_null(c->conn);
	assert_int_equal(stats(w).people, 1);           /* the other one died */
	house_free(w);
}

static void absurd_acknowledgements_end_the_stream(void **state)
{
	struct house *w = house_new();
	struct guest *c = managed(w);

	(void)state;
	say(c, "<a xmlns='%s' h='1'/>", NS_SM);
	want2(c, "stream:error", "undefined-condition");
	assert_null(c->conn);
	assert_int_equal(stats(w).notices.count[NOTICE_ACKS], 1);
	house_free(w);
}

static void what_is_kept_is_bounded(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other);
	char *text = calloc(1, 30001);
	int n = 0;

	(void)state;
	memset(text, 'x', 30000);
	guest_die(c);
	do {
		say(other, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "'><body>%s</body></message>", text);
		house_pass(w, SEC);
		forget(other);
	} while (stats(w).people == 2 && ++n < 40);
	assert_in_range(n, 16, 17);                     /* 512 KiB */
	free(text);
	/* Streams, too: the oldest of an address goes. */
	for (int i = 0; i < 41; i++) {
		guest_die(managed(w));
		house_pass(w, SEC / 10);
	}
	assert_int_equal(stats(w).asleep, LIMIT_ASLEEP_EACH);
	house_free(w);
}

/* Awake, it goes on; only it cannot come back. */
static void who_never_acknowledges_cannot_come_back(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other), *back;

	(void)state;
	for (int i = 0; i < 520; i++) {
		say(other, "<message xmlns='jabber:client' type='groupchat' to='" ROOM "'><body>n</body></message>");
		house_pass(w, SEC / 20);
		forget(c);
		forget(other);
	}
	assert_non_null(c->conn);
	guest_die(c);
	want2(other, "unavailable", c->nick);
	back = guest_back(c);
	resume(back, c->stanzas);
	want2(back, "<failed", "item-not-found");
	house_free(w);
}

static void the_end_of_the_host(void **state)
{
	struct house *w = house_new();
	struct guest *other, *c = seated(w, &other);

	(void)state;
	guest_die(c);
	server_shutdown(w->s, w->now);
	assert_int_equal(stats(w).asleep, 0);
	assert_null(other->conn);
	house_free(w);
}

const struct CMUnitTest test_sm[] = {
	cmocka_unit_test(stanzas_are_counted),
	cmocka_unit_test(who_comes_back_sits_where_it_sat),
	cmocka_unit_test(nothing_is_lost_or_twice),
	cmocka_unit_test(sleep_ends_after_a_minute),
	cmocka_unit_test(a_page_that_was_left_does_not_sleep),
	cmocka_unit_test(only_who_knows_the_name_of_the_stream),
	cmocka_unit_test(absurd_acknowledgements_end_the_stream),
	cmocka_unit_test(what_is_kept_is_bounded),
	cmocka_unit_test(who_never_acknowledges_cannot_come_back),
	cmocka_unit_test(the_end_of_the_host),
	{ 0 }
};
