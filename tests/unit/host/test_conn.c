/* test_conn.c - streams: what strophe.js compares byte for byte, logins, limits */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/ns.h"

#define OPEN "<open xmlns='" NS_FRAMING "' to='meet.test' version='1.0'/>"

static void the_stream_opens_as_web_clients_want(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_connect(w);

	(void)state;
	say(c, "<open xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" to=\"meet.test\" version=\"1.0\"/>");
	assert_int_equal(c->gots, 2);
	assert_true(!strncmp(c->got[0], "<open ", 6));
	assert_non_null(strstr(c->got[0], "xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\""));
	assert_non_null(strstr(c->got[0], "version=\"1.0\""));
	assert_string_equal(c->got[1], "<stream:features xmlns:stream=\"http://etherx.jabber.org/streams\">"
		"<mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><mechanism>ANONYMOUS</mechanism>"
		"</mechanisms></stream:features>");
	forget(c);
	say(c, "<auth mechanism=\"ANONYMOUS\" xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	assert_string_equal(c->got[0], "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	forget(c);
	say(c, OPEN);
	assert_int_equal(c->gots, 2);
	assert_non_null(strstr(c->got[1], "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>"));
	assert_non_null(strstr(c->got[1], "<sm xmlns=\"urn:xmpp:sm:3\"/>"));
	want_none(c, "xmpp-session");
	forget(c);
	say(c, "<iq id=\"_bind_auth_2\" type=\"set\" xmlns=\"jabber:client\"><bind xmlns=\"%s\"/></iq>", NS_BIND);
	assert_int_equal(c->gots, 1);
	assert_non_null(strstr(c->got[0], "type=\"result\""));
	assert_non_null(strstr(c->got[0], "id=\"_bind_auth_2\""));
	assert_non_null(strstr(c->got[0], "@meet.test/"));
	forget(c);
	say(c, "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\"/>");
	assert_string_equal(c->got[0], "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
	assert_null(c->conn);
	assert_int_equal(c->code, 1000);
	house_free(w);
}

static void a_jid_begins_with_eight_hex_digits(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	assert_int_equal(strspn(c->jid, "0123456789abcdef"), 8);
	assert_true(c->jid[8] == '-');
	assert_true(strlen(strchr(c->jid, '/')) > 1);
	house_free(w);
}

static void other_logins_are_refused_by_name(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_connect(w);

	(void)state;
	say(c, OPEN);
	say(c, "<auth xmlns='%s' mechanism='PLAIN'>AGEAYg==</auth>", NS_SASL);
	want2(c, "<failure", "<invalid-mechanism");
	say(c, "<abort xmlns='%s'/>", NS_SASL);
	want2(c, "<failure", "<aborted");
	say(c, "<auth xmlns='%s' mechanism='ANONYMOUS'/>", NS_SASL);
	want(c, "<success");
	house_free(w);
}

static void guessing_logins_ends(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_connect(w);

	(void)state;
	say(c, OPEN);
	for (int i = 0; i < 3; i++)
		say(c, "<auth xmlns='%s' mechanism='PLAIN'>AGEAYg==</auth>", NS_SASL);
	want(c, "policy-violation");
	assert_null(c->conn);
	house_free(w);
}

static void another_domain_is_unknown(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_connect(w);

	(void)state;
	say(c, "<open xmlns='%s' to='elsewhere.test' version='1.0'/>", NS_FRAMING);
	assert_true(!strncmp(c->got[0], "<open ", 6));
	want2(c, "<stream:error xmlns:stream=", "<host-unknown xmlns=\"" NS_STREAM_ERROR "\"/>");
	assert_string_equal(c->got[c->gots - 1], "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
	assert_null(c->conn);
	house_free(w);
}

static void nothing_goes_before_the_login(void **state)
{
	static const char *const early[] = {
		"<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<message xmlns='jabber:client' to='" ROOM "' type='groupchat'><body>hi</body></message>",
		"<presence xmlns='jabber:client' to='" ROOM "/aa'><x xmlns='" NS_MUC "'/></presence>",
		"<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='" NS_BIND "'/></iq>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
		struct house *w = house_new();
		struct guest *c = guest_connect(w);

		say(c, OPEN);
		say(c, "%s", early[i]);
		want2(c, "stream:error", "not-authorized");
		assert_null(c->conn);
		house_free(w);
	}
}

static void who_does_not_log_in_is_closed(void **state)
{
	struct house *w = house_new();
	struct guest *idle = guest_connect(w), *good = guest_login(w);
	struct server_stats st;

	(void)state;
	say(idle, OPEN);
	house_pass(w, 9900000);
	assert_non_null(idle->conn);
	house_pass(w, 200000);
	assert_null(idle->conn);
	want(idle, "connection-timeout");
	assert_non_null(good->conn);
	house_pass(w, 3600000000);
	assert_non_null(good->conn);
	server_stats(w->s, &st);
	assert_int_equal(st.notices.count[NOTICE_HALF_OPEN], 1);
	house_free(w);
}

static void what_is_no_xml_ends_the_stream(void **state)
{
	static const char *const bad[] = {
		"", "garbage", "<iq", "<iq xmlns='jabber:client' type='get'>", "<a/><b/>", "<stream:features/>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]><iq xmlns='jabber:client'>&a;</iq>", "<?php echo 1 ?><iq/>",
		"<iq type='get' id='1'></iq></w><w>", "\x01\x02", "<iq xmlns='jabber:client'>\xff\xfe</iq>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct house *w = house_new();
		struct guest *c = guest_login(w);

		say(c, "%s", bad[i]);
		want2(c, "stream:error", "not-well-formed");
		assert_null(c->conn);
		house_free(w);
	}
}

static void elements_of_no_use_are_refused(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	say(c, "<hello xmlns='jabber:client'/>");
	want2(c, "stream:error", "unsupported-stanza-type");
	assert_null(c->conn);
	house_free(w);
}

static void a_stanza_without_namespace_is_a_clients(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	say(c, "<iq type='get' id='p1' to='meet.test'><ping xmlns='urn:xmpp:ping'/></iq>");
	want2(c, "type=\"result\"", "id=\"p1\"");
	enter(c, ROOM, NULL, NULL);
	say(c, "<message to='" ROOM "' type='groupchat'><body>plain</body></message>");
	want2(c, "<body>plain</body>", "xmlns=\"jabber:client\"");
	house_free(w);
}

static void a_stanza_over_the_limit_ends_the_stream(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	char *big = malloc(LIMIT_STANZA_BYTES + 2);

	(void)state;
	memset(big, 'x', LIMIT_STANZA_BYTES + 1);
	big[LIMIT_STANZA_BYTES + 1] = 0;
	say(c, "%s", big);
	want2(c, "stream:error", "policy-violation");
	assert_int_equal(c->code, 1009);
	free(big);
	house_free(w);
}

static void a_stanza_of_many_elements_ends_the_stream(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "<message xmlns='jabber:client' to='" ROOM "'>");
	for (int i = 0; i < LIMIT_STANZA_NODES; i++)
		buf_adds(&b, "<a/>");
	buf_adds(&b, "</message>");
	say(c, "%s", buf_str(&b));
	want2(c, "stream:error", "policy-violation");
	buf_free(&b);
	house_free(w);
}

static void ping(struct guest *c, int n)
{
	say(c, "<iq xmlns='jabber:client' type='get' id='n%d'><ping xmlns='urn:xmpp:ping'/></iq>", n);
}

static void who_is_fast_waits_and_loses_nothing(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	size_t at_once;
	char id[16];

	(void)state;
	for (int i = 0; i < 300; i++)
		ping(c, i);
	at_once = c->gots;
	assert_in_range(at_once, 50, 150);
	house_pass(w, 1000000);
	assert_in_range(c->gots, at_once + LIMIT_STANZAS_PER_S - 3, at_once + LIMIT_STANZAS_PER_S + 3);
	house_pass(w, 20000000);
	assert_int_equal(c->gots, 300);
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "id=\"n%d\"", i);
		assert_non_null(strstr(c->got[i], id));
	}
	assert_non_null(c->conn);
	house_free(w);
}

static void who_floods_is_closed(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);
	struct server_stats st;

	(void)state;
	for (int i = 0; i < 1000 && c->conn; i++)
		ping(c, i);
	assert_null(c->conn);
	want2(c, "stream:error", "policy-violation");
	server_stats(w->s, &st);
	assert_int_equal(st.notices.count[NOTICE_FLOOD], 1);
	assert_int_equal(st.connections, 0);
	house_free(w);
}

static void an_ordinary_pace_is_never_held(void **state)
{
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		ping(c, i);
		assert_int_equal(c->gots, 1);
		forget(c);
		house_pass(w, 50000);
	}
	house_free(w);
}

static void who_does_not_read_is_closed_and_leaves(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	b->deaf = true;
	say(a, "<message xmlns='jabber:client' to='" ROOM "' type='groupchat'><body>hi</body></message>");
	assert_null(b->conn);
	assert_int_equal(b->code, 1008);
	want2(a, "type=\"unavailable\"", b->nick);
	house_free(w);
}

static void all_may_be_deaf_at_once(void **state)
{
	struct house *w = house_new();
	struct guest *c[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		c[i] = guest_login(w);
		enter(c[i], ROOM, NULL, NULL);
	}
	for (int i = 0; i < 6; i++)
		c[i]->deaf = true;
	say(c[0], "<message xmlns='jabber:client' to='" ROOM "' type='groupchat'><body>hi</body></message>");
	for (int i = 0; i < 6; i++)
		assert_null(c[i]->conn);
	house_free(w);
}

static void a_sender_cannot_be_another(void **state)
{
	struct house *w = house_new();
	struct guest *a = guest_login(w), *b = guest_login(w);

	(void)state;
	enter(a, ROOM, NULL, NULL);
	enter(b, ROOM, NULL, NULL);
	forget(a);
	say(b, "<message xmlns='jabber:client' from='%s' to='" ROOM "' type='groupchat'><body>x</body></message>",
	    a->jid);
	want2(a, "<body>x</body>", b->nick);
	house_free(w);
}

static void a_bucket_fills_with_time(void **state)
{
	struct bucket b = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(bucket_take(&b, 1, 2, 5, 1000));
	assert_false(bucket_take(&b, 1, 2, 5, 1000));
	assert_false(bucket_take(&b, 1, 2, 5, 1000 + 499000));
	assert_true(bucket_take(&b, 1, 2, 5, bucket_when(&b, 1, 2, 1000 + 499000)));
	/* It holds no more than it can. */
	assert_true(bucket_take(&b, 5, 2, 5, INT64_C(900000000000)));
	assert_false(bucket_take(&b, 1, 2, 5, INT64_C(900000000000)));
	/* Asked all the time it fills as well. */
	for (int64_t t = 0, got = 0; t < 1000000; t += 10) {
		got += bucket_take(&b, 1, 2, 5, INT64_C(900000000000) + t);
		if (t > 990000)
			assert_int_equal(got, 1);
	}
}

const struct CMUnitTest test_conn[] = {
	cmocka_unit_test(the_stream_opens_as_web_clients_want),
	cmocka_unit_test(a_jid_begins_with_eight_hex_digits),
	cmocka_unit_test(other_logins_are_refused_by_name),
	cmocka_unit_test(guessing_logins_ends),
	cmocka_unit_test(another_domain_is_unknown),
	cmocka_unit_test(nothing_goes_before_the_login),
	cmocka_unit_test(who_does_not_log_in_is_closed),
	cmocka_unit_test(what_is_no_xml_ends_the_stream),
	cmocka_unit_test(elements_of_no_use_are_refused),
	cmocka_unit_test(a_stanza_without_namespace_is_a_clients),
	cmocka_unit_test(a_stanza_over_the_limit_ends_the_stream),
	cmocka_unit_test(a_stanza_of_many_elements_ends_the_stream),
	cmocka_unit_test(who_is_fast_waits_and_loses_nothing),
	cmocka_unit_test(who_floods_is_closed),
	cmocka_unit_test(an_ordinary_pace_is_never_held),
	cmocka_unit_test(who_does_not_read_is_closed_and_leaves),
	cmocka_unit_test(all_may_be_deaf_at_once),
	cmocka_unit_test(a_sender_cannot_be_another),
	cmocka_unit_test(a_bucket_fills_with_time),
	{ 0 }
};
