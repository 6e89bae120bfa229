/* test_http.c - what is served over HTTP, and who gets a bridge channel */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "host/admission.h"
#include "host/http.h"
#include "unit/host/house.h"

static struct http_answer_out get(struct house *w, const char *method, const char *path, const char *host,
				  const char *body)
{
	struct http_request rq = { .method = method, .path = path, .query = "", .host = host,
				   .peer = "192.0.2.9", .body = body, .body_len = strlen(body) };
	struct http_answer_out out;

	house_begin(w);
	http_handle(w->s, &rq, "127.0.0.1:8443", NULL, w->now, &out);
	assert_non_null(out.type);
	return out;
}

static void want_status(struct house *w, const char *method, const char *path, int status)
{
	struct http_answer_out a = get(w, method, path, "h", "");

	if (a.status != status)
		fail_msg("%s %s gives %d", method, path, a.status);
	buf_free(&a.body);
}

static void want_text(struct house *w, const char *path, const char *host, const char *text)
{
	struct http_answer_out a = get(w, "GET", path, host, "");

	if (!strstr(buf_str(&a.body), text))
		fail_msg("%s has no %s:\n%s", path, text, buf_str(&a.body));
	buf_free(&a.body);
}

static void config_js_tells_the_way(void **state)
{
	struct house *w = house_new();

	(void)state;
	want_status(w, "GET", "/config.js", 200);
	want_text(w, "/config.js", "127.0.0.1:8443", "domain: \"meet.test\"");
	want_text(w, "/config.js", "127.0.0.1:8443", "muc: \"conference.meet.test\"");
	want_text(w, "/config.js", "127.0.0.1:8443", "focus: \"focus.meet.test\"");
	want_text(w, "/config.js", "here.test:1", "websocket: \"ws://here.test:1/xmpp-websocket\"");
	want_text(w, "/config.js", "[::1]:8", "conferenceRequestUrl: \"http://[::1]:8/conference-request/v1\"");
	want_text(w, "/config.js", "h", "p2p: { enabled: false }");
	/* A header that is no address does not get into URLs. */
	want_text(w, "/config.js", "evil\";alert(1)//", "ws://127.0.0.1:8443/xmpp-websocket");
	want_text(w, "/config.js", "", "ws://127.0.0.1:8443/xmpp-websocket");
	want_text(w, "/Chor.Nord/config.js", "h", "muc: \"conference.chor_nord.meet.test\"");
	want_text(w, "/Chor.Nord/config.js", "h", "\"ws://h/chor_nord/xmpp-websocket\"");
	want_text(w, "/a\"b/config.js", "h", "conference.a%22b.meet.test");
	house_free(w);
}

static void urls_are_secure_behind_tls(void **state)
{
	struct house *w = house_new();

	(void)state;
	w->tls = true;
	want_text(w, "/config.js", "h", "wss://h/xmpp-websocket");
	want_text(w, "/config.js", "h", "https://h/conference-request/v1");
	want_text(w, "/room", "h", "ttymeet https://h/room");
	house_free(w);
}

static void a_room_has_a_page(void **state)
{
	struct house *w = house_new();

	(void)state;
	want_text(w, "/standup", "127.0.0.1:8443", "ttymeet http://127.0.0.1:8443/standup");
	want_text(w, "/tenant/standup", "h", "ttymeet http://h/tenant/standup");
	want_text(w, "/<script>\"'&", "h", "<h1>&lt;script&gt;&quot;&#39;&amp;</h1>");
	want_text(w, "/<script>", "h", "http://h/%3Cscript%3E<");
	want_text(w, "/Gr\xc3\xb6\xc3\x9f" "e 2", "h", "http://h/Gr%C3%B6%C3%9Fe%202");
	want_text(w, "/", "h", "ttymeet http://h/ROOM");
	want_status(w, "HEAD", "/standup", 200);
	house_free(w);
}

static void what_is_not_there_is_said(void **state)
{
	struct house *w = house_new();

	(void)state;
	want_status(w, "GET", "/favicon.ico", 404);
	want_status(w, "GET", "/libs/lib-jitsi-meet.min.js", 404);
	want_status(w, "GET", "/a/b/c", 404);
	want_status(w, "GET", "/bad\x01name", 404);
	want_status(w, "GET", "/bad\xff", 404);
	want_status(w, "GET", "", 404);
	want_status(w, "GET", "//", 404);
	want_status(w, "POST", "/http-bind", 404);
	want_status(w, "GET", "/http-bind", 404);
	want_text(w, "/http-bind", "h", "BOSH is not built in; use the WebSocket");
	want_status(w, "GET", "/colibri-ws/default-id/x/y", 404);
	want_status(w, "POST", "/config.js", 405);
	want_status(w, "DELETE", "/room", 405);
	want_status(w, "PUT", "/", 405);
	want_status(w, "GET", "/conference-request/v1", 405);
	house_free(w);
}

static void web_pages_elsewhere_may_ask(void **state)
{
	struct house *w = house_new();
	struct http_answer_out a = get(w, "OPTIONS", "/conference-request/v1", "h", "");

	(void)state;
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.headers, "Access-Control-Allow-Origin: *\r\n"));
	assert_non_null(strstr(a.headers, "Access-Control-Allow-Headers: Content-Type"));
	buf_free(&a.body);
	a = get(w, "GET", "/xmpp-websocket", "h", "");
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.headers, "Access-Control-Allow-Origin: *\r\n"));
	buf_free(&a.body);
	house_free(w);
}

static void a_conference_is_asked_for_by_post(void **state)
{
	struct house *w = house_new();
	struct http_answer_out a = get(w, "POST", "/conference-request/v1", "h", "{\"room\":\"" ROOM "\"}");
	json_t *j = json_loads(buf_str(&a.body), 0, NULL);

	(void)state;
	assert_int_equal(a.status, 200);
	assert_string_equal(a.type, "application/json");
	assert_non_null(strstr(a.headers, "Access-Control-Allow-Origin: *\r\n"));
	assert_true(json_is_true(json_object_get(j, "ready")));
	assert_string_equal(json_string_value(json_object_get(j, "focusJid")), "focus@auth.meet.test");
	json_decref(j);
	buf_free(&a.body);
	a = get(w, "POST", "/conference-request/v1", "h", "room=x");
	assert_int_equal(a.status, 400);
	assert_true(!strncmp(buf_str(&a.body), "Bad request: ", 13));
	buf_free(&a.body);
	house_free(w);
}

static void operators_see_figures(void **state)
{
	struct house *w = house_new();
	struct guest *g = guest_login(w);
	struct http_answer_out a;
	json_t *j;

	(void)state;
	enter(g, ROOM, NULL, NULL);
	want_status(w, "GET", "/about/health", 200);
	want_status(w, "GET", "/about/version", 200);
	a = get(w, "GET", "/stats", "h", "");
	j = json_loads(buf_str(&a.body), 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(j, "conferences")), 1);
	assert_int_equal(json_integer_value(json_object_get(j, "participants")), 1);
	assert_int_equal(json_integer_value(json_object_get(j, "connections")), 1);
	assert_true(json_is_object(json_object_get(j, "refused")));
	assert_true(json_is_object(json_object_get(j, "media")));
	json_decref(j);
	buf_free(&a.body);
	house_free(w);
}

static void websockets_have_two_kinds_of_paths(void **state)
{
	(void)state;
	assert_true(http_is_xmpp("/xmpp-websocket"));
	assert_true(http_is_xmpp("/tenant/xmpp-websocket"));
	assert_false(http_is_xmpp("/a/b/xmpp-websocket"));
	assert_false(http_is_xmpp("//xmpp-websocket"));
	assert_false(http_is_xmpp("/xmpp-websocket/"));
	assert_false(http_is_xmpp("xmpp-websocket"));
	assert_false(http_is_xmpp(""));
}

static void a_channel_opens_with_its_password_alone(void **state)
{
	static const char good[] = "/colibri-ws/default-id/0123456789abcdef/5b0c9e17";
	struct admission *a;

	(void)state;
	assert_int_equal(admission_new(&a), 0);
	assert_int_equal(admission_check(a, good, "pwd=secret"), 403);
	admission_add(a, "0123456789abcdef", "5b0c9e17", "secret");
	assert_int_equal(admission_check(a, good, "pwd=secret"), 0);
	assert_int_equal(admission_check(a, good, "x=1&pwd=secret"), 0);
	assert_int_equal(admission_check(a, good, "pwd=secre"), 403);
	assert_int_equal(admission_check(a, good, "pwd=secret1"), 403);
	assert_int_equal(admission_check(a, good, ""), 403);
	assert_int_equal(admission_check(a, good, "pwd="), 403);
	assert_int_equal(admission_check(a, "/colibri-ws/default-id/0123456789abcdef/other", "pwd=secret"), 403);
	assert_int_equal(admission_check(a, "/colibri-ws/default-id/fedcba9876543210/5b0c9e17", "pwd=secret"), 403);
	assert_int_equal(admission_check(a, "/colibri-ws/other-id/0123456789abcdef/5b0c9e17", "pwd=secret"), 404);
	assert_int_equal(admission_check(a, "/colibri-ws/default-id/0123456789abcdef", "pwd=secret"), 404);
	assert_int_equal(admission_check(a, "/colibri-ws/default-id/0123456789abcdef/5b0c9e17/x", "pwd=secret"), 404);
	assert_int_equal(admission_check(a, "/elsewhere", "pwd=secret"), 404);
	admission_add(a, "0123456789abcdef", "5b0c9e17", "newer");
	assert_int_equal(admission_check(a, good, "pwd=secret"), 403);
	assert_int_equal(admission_check(a, good, "pwd=newer"), 0);
	admission_remove(a, "0123456789abcdef", "5b0c9e17");
	assert_int_equal(admission_check(a, good, "pwd=newer"), 403);
	admission_remove(a, "0123456789abcdef", "5b0c9e17");
	admission_free(&a);
}

/* ---- the domain's answers ---- */

static void the_domain_answers_habits(void **state)
{
	static const struct { const char *type, *query, *answer; } asked[] = {
		{ "get", "<ping xmlns='urn:xmpp:ping'/>", "type=\"result\"" },
		{ "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "urn:xmpp:ping" },
		{ "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
		  "<identity category=\"component\" type=\"end_conference\" name=\"endconference.meet.test\"/>" },
		{ "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "conference.meet.test" },
		{ "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='lobbyrooms'/>", "item-not-found" },
		{ "get", "<services xmlns='urn:xmpp:extdisco:2'/>", "<services xmlns=\"urn:xmpp:extdisco:2\"/>" },
		{ "get", "<services xmlns='urn:xmpp:extdisco:1'/>", "<services xmlns=\"urn:xmpp:extdisco:1\"/>" },
		{ "get", "<query xmlns='jabber:iq:version'/>", "ttymeet host" },
		{ "get", "<query xmlns='jabber:iq:roster'/>", "type=\"result\"" },
		{ "set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", "type=\"result\"" },
		{ "get", "<vCard xmlns='vcard-temp'/>", "service-unavailable" },
		{ "set", "<enable xmlns='urn:xmpp:carbons:2'/>", "service-unavailable" },
		{ "get", "", "bad-request" }, { "get", "<a/><b/>", "bad-request" }, { "odd", "<a/>", "bad-request" },
	};
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		say(c, "<iq xmlns='jabber:client' type='%s' id='q' to='meet.test'>%s</iq>", asked[i].type, asked[i].query);
		want2(c, "id=\"q\"", asked[i].answer);
		assert_int_equal(c->gots, 0);
	}
	house_free(w);
}

static void other_addresses_are_answered_too(void **state)
{
	static const struct { const char *to, *answer; } asked[] = {
		{ "lobby.meet.test", "service-unavailable" }, { "elsewhere.test", "service-unavailable" },
		{ "somebody@meet.test/x", "service-unavailable" }, { "conference.meet.test", "result" },
		{ "focus.meet.test", "result" }, { "focus@auth.meet.test", "result" },
		{ "a@b@meet.test", "jid-malformed" }, { "@meet.test", "jid-malformed" }, { "meet.test/", "jid-malformed" },
		{ "room@conference.meet.test", "item-not-found" }, { "room@conference..meet.test", "service-unavailable" },
		{ "room@conference.x.y.meet.test", "service-unavailable" },
		{ "room@conference.meet.test/nick", "item-not-found" },
	};
	struct house *w = house_new();
	struct guest *c = guest_login(w);

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		say(c, "<iq xmlns='jabber:client' type='get' id='q' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
		    asked[i].to);
		want2(c, "id=\"q\"", asked[i].answer);
		say(c, "<iq xmlns='jabber:client' type='result' id='q' to='%s'/>", asked[i].to);
		say(c, "<message xmlns='jabber:client' type='error' to='%s'/>", asked[i].to);
		say(c, "<presence xmlns='jabber:client' type='probe' to='%s'/>", asked[i].to);
		want_none(c, "<iq");
		forget(c);
	}
	house_free(w);
}

const struct CMUnitTest test_http[] = {
	cmocka_unit_test(config_js_tells_the_way),
	cmocka_unit_test(urls_are_secure_behind_tls),
	cmocka_unit_test(a_room_has_a_page),
	cmocka_unit_test(what_is_not_there_is_said),
	cmocka_unit_test(web_pages_elsewhere_may_ask),
	cmocka_unit_test(a_conference_is_asked_for_by_post),
	cmocka_unit_test(operators_see_figures),
	cmocka_unit_test(websockets_have_two_kinds_of_paths),
	cmocka_unit_test(a_channel_opens_with_its_password_alone),
	cmocka_unit_test(the_domain_answers_habits),
	cmocka_unit_test(other_addresses_are_answered_too),
	{ 0 }
};
