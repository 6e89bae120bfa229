/* test_join.c - getting in, and the words for not getting in */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "unit/call/script.h"
#include "xmpp/disco.h"
#include "xmpp/ns.h"

static const struct script_config plain = { .name = "Bob" };

static void up_to_login(struct script *s, const struct script_config *cfg)
{
	script_new(s, cfg);
	script_config(s, false);
	script_login(s, ME);
}

static void up_to_presence(struct script *s, const struct script_config *cfg)
{
	up_to_login(s, cfg);
	script_ready(s, NULL);
}

/* One round trip each for what must be in turn; the rest goes out at once. */
static void test_no_waiting(void **state)
{
	struct script s;

	(void)state;
	up_to_login(&s, &plain);
	/* Bound: request, components and relays are asked for in one go. */
	assert_true(script_has_iq(&s, "conference", NS_FOCUS));
	assert_true(script_has_iq(&s, "query", NS_DISCO_INFO));
	assert_true(script_has_iq(&s, "services", NS_EXTDISCO));
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 0);
	script_ready(&s, NULL);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	script_free(&s);
	/* By HTTP: asked beside the login, and the presence waits for nothing. */
	script_new(&s, &plain);
	script_config(&s, true);
	assert_non_null(s.request_url);
	assert_non_null(s.stream_url);
	{
		struct call_http_answer a = { .status = 200, .url = "", .body =
			"{\"ready\":true,\"focusJid\":\"focus@auth.meet.test\"}" };

		a.len = strlen(a.body);
		call_http_input(s.call, 2, &a, s.now);
	}
	script_login(&s, ME);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	assert_false(script_has_iq(&s, "conference", NS_FOCUS));
	assert_non_null(xml_child_text(xml_child(script_presence(&s), "x", NS_MUC), "billingid", NULL));
	script_free(&s);
}

/* What servers push before the bind result saves the questions. */
static void test_pushed(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, false);
	s.stream_up = true;
	call_stream_opened(s.call, s.now);
	script_in(&s, "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		  "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"
		  "</stream:features>");
	script_in(&s, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	script_in(&s, "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>");
	script_in(&s, "<message xmlns='jabber:client' from='meet.test' to='" ME "'>"
		  "<query xmlns='http://jabber.org/protocol/disco#info'/><services xmlns='urn:xmpp:extdisco:2'>"
		  "<service type='turn' host='t.test' port='3478'/></services></message>");
	script_answer(&s, "bind", NS_BIND, "result", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" ME "</jid></bind>");
	assert_false(script_has_iq(&s, "query", NS_DISCO_INFO));
	assert_false(script_has_iq(&s, "services", NS_EXTDISCO));
	assert_true(script_has_iq(&s, "conference", NS_FOCUS));
	script_free(&s);
}

static void test_presence(void **state)
{
	struct script_config cfg = { .name = "Bob", .muted = true };
	const struct xml *p, *q;
	char hash[29];
	struct disco_identity id = { "client", "console", NULL, NULL };
	const char *features[40];
	size_t n = 0;
	struct script s;

	(void)state;
	up_to_presence(&s, &cfg);
	p = script_presence(&s);
	assert_string_equal(xml_attr(p, "to"), "room@conference.meet.test/5c1f0a9e");
	assert_non_null(xml_child(p, "x", NS_MUC));
	assert_string_equal(xml_child_text(p, "nick", NS_NICK), "Bob");
	assert_string_equal(xml_child_text(p, "SourceInfo", NULL), "{}");
	assert_string_equal(xml_child_text(p, "audiomuted", NULL), "true");
	assert_null(xml_child(p, "jitsi_participant_codecList", NULL));
	/* Asked for it, we say what the hash stands for, under the same node. */
	script_in(&s, "<iq xmlns='jabber:client' type='get' id='q/9==' from='" FOCUS "'>"
		  "<query xmlns='http://jabber.org/protocol/disco#info' node='https://ttymeet.org#x'/></iq>");
	q = xml_child(s.sent[s.sents - 1].x, "query", NS_DISCO_INFO);
	assert_string_equal(xml_attr(s.sent[s.sents - 1].x, "id"), "q/9==");
	assert_string_equal(xml_attr(q, "node"), "https://ttymeet.org#x");
	id.name = xml_attr(xml_child(q, "identity", NULL), "name");
	for (const struct xml *f = xml_child(q, "feature", NULL); f; f = xml_next_like(f, "feature", NULL)) {
		features[n++] = xml_attr(f, "var");
		/* Without it no picture ever comes. */
		assert_null(strstr(features[n - 1], "rtp:video"));
		assert_null(strstr(features[n - 1], "ssrc-rewriting"));
	}
	assert_int_equal(disco_caps_hash(&id, 1, features, n, hash), 0);
	assert_string_equal(xml_attr(xml_child(p, "c", NS_CAPS), "ver"), hash);
	script_free(&s);
}

static void test_privacy(void **state)
{
	struct script_config cfg = { .hide_version = true };
	struct script s;

	(void)state;
	up_to_presence(&s, &cfg);
	script_in(&s, "<iq xmlns='jabber:client' type='get' id='d' from='" FOCUS "'>"
		  "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>");
	script_in(&s, "<iq xmlns='jabber:client' type='get' id='v' from='" FOCUS "'><query xmlns='jabber:iq:version'/></iq>");
	assert_string_equal(xml_attr(s.sent[s.sents - 1].x, "type"), "error");
	assert_null(strstr(buf_str(&s.sent_text), "ttymeet"));
	script_free(&s);
	up_to_presence(&s, &plain);
	script_in(&s, "<iq xmlns='jabber:client' type='get' id='v' from='" FOCUS "'><query xmlns='jabber:iq:version'/></iq>");
	assert_string_equal(xml_child_text(xml_child(s.sent[s.sents - 1].x, "query", NULL), "name", NULL), "ttymeet");
	script_free(&s);
}

/* Knocks, and is let in with the room's password. */
static void test_lobby(void **state)
{
	struct script_config cfg = { 0 };
	struct script s;
	const struct xml *p;
	char *nick;

	(void)state;
	script_new(&s, &cfg);
	script_config(&s, false);
	script_login(&s, ME);
	script_ready(&s, NULL);
	script_in(&s, "<presence xmlns='jabber:client' type='error' from='room@conference.meet.test/5c1f0a9e'>"
		  "<error type='auth'><registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		  "<lobbyroom xmlns='http://jitsi.org/jitmeet'>room@lobby.meet.test</lobbyroom></error></presence>");
	assert_told(&s, "state lobby");
	p = script_presence(&s);
	assert_true(text_starts(xml_attr(p, "to"), "room@lobby.meet.test/"));
	assert_null(strstr(xml_attr(p, "to"), "5c1f0a9e"));    /* the nick tells nothing */
	assert_null(xml_child(p, "SourceInfo", NULL));
	nick = strdup(xml_attr(p, "to"));
	/* Nobody but the room itself invites. */
	script_in(&s, "<message xmlns='jabber:client' from='other@conference.meet.test'>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b/c'/></x></message>");
	assert_int_equal(call_get_state(s.call), CALL_LOBBY);
	script_in(&s, "<message xmlns='jabber:client' from='room@conference.meet.test'>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b/c'/><password>rose</password></x></message>");
	script_ready(&s, NULL);
	p = script_presence(&s);
	assert_string_equal(xml_attr(p, "to"), "room@conference.meet.test/5c1f0a9e");
	assert_string_equal(xml_child_text(xml_child(p, "x", NS_MUC), "password", NULL), "rose");
	script_in(&s, "<presence xmlns='jabber:client' from='room@conference.meet.test/5c1f0a9e'>"
		  "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='" ME "' role='participant' "
		  "affiliation='none'/><status code='110'/></x></presence>");
	assert_told(&s, "state joined");
	p = script_presence(&s);
	assert_string_equal(xml_attr(p, "to"), nick);
	assert_string_equal(xml_attr(p, "type"), "unavailable");
	free(nick);
	script_free(&s);
}

/* Only the component of breakout rooms moves people, and only within the meeting. */
static void test_breakout(void **state)
{
	static const char *const forged[] = {
		"from='metadata.meet.test'><json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":\"breakout_rooms\","
		"\"event\":\"features/breakout-rooms/move-to-room\",\"roomJid\":\"x@breakout.meet.test\"}",
		"from='breakout.meet.test'><json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":\"breakout_rooms\","
		"\"event\":\"features/breakout-rooms/move-to-room\",\"roomJid\":\"x@breakout.evil.test\"}",
		"from='breakout.meet.test'><json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":\"breakout_rooms\","
		"\"event\":\"features/breakout-rooms/move-to-room\",\"roomJid\":7}",
	};
	struct script_config cfg = { 0 };
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	script_join(&s);
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		script_inf(&s, "<message xmlns='jabber:client' %s</json-message></message>", forged[i]);
		assert_int_equal(call_get_state(s.call), CALL_JOINED);
	}
	script_in(&s, "<message xmlns='jabber:client' from='breakout.meet.test'><json-message "
		  "xmlns='http://jitsi.org/jitmeet'>{\"type\":\"breakout_rooms\",\"event\":\"features/breakout-rooms/update\","
		  "\"rooms\":{\"a\":{\"jid\":\"a@breakout.meet.test\",\"name\":\"Strings\"},"
		  "\"m\":{\"jid\":\"room@conference.meet.test\",\"isMainRoom\":true}}}</json-message></message>");
	assert_string_equal(call_breakout_name(s.call, 0), "Strings");
	assert_null(call_breakout_name(s.call, 1));
	assert_int_equal(call_change_room(s.call, "Brass", NULL, NULL, s.now), -ENOENT);
	assert_int_equal(call_change_room(s.call, "Strings", NULL, NULL, s.now), 0);
	script_ready(&s, NULL);
	assert_string_equal(xml_attr(script_presence(&s), "to"), "a@breakout.meet.test/5c1f0a9e");
	script_free(&s);
}

static void test_refusals(void **state)
{
	static const struct { const char *error, *told; } t[] = {
		{ "type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
		  "left 4 password room has a password" },
		{ "type='auth'><registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
		  "left 4 lobby room lets only its members in" },
		{ "type='wait'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
		  "left 4 full room is full" },
		{ "type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		  "<authentication-required xmlns='http://jitsi.org/jitmeet'/>", "left 4 login room wants a login" },
		{ "type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>", "left 4 banned" },
		{ "type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		  "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Room and &#x202e;token mismatched</text>",
		  "left 4 refused room lets us not in: Room and token mismatched" },
		{ "type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
		  "left 4 refused room lets us not in: resource-constraint" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		up_to_presence(&s, &plain);
		script_refuse_join(&s, t[i].error);
		assert_told(&s, t[i].told);
		assert_int_equal(call_get_state(s.call), CALL_LEFT);
		assert_null(s.stream_url);
		assert_true(call_tick(s.call, s.now + 1) == INT64_MAX);
		script_free(&s);
	}
}

/* The room vanished between the request and us: again, up to three times. */
static void test_no_room(void **state)
{
	static const char gone[] = "type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Room creation is restricted</text>";
	struct script s;

	(void)state;
	up_to_presence(&s, &plain);
	for (int i = 0; i < 3; i++) {
		script_refuse_join(&s, gone);
		assert_false(script_has_iq(&s, "conference", NS_FOCUS));
		script_run(&s, 3000000);
		script_ready(&s, NULL);
	}
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 4);
	script_refuse_join(&s, gone);
	assert_told(&s, "left 4 no-room");
	script_free(&s);
}

static void test_conflict(void **state)
{
	static const char taken[] = "type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
	struct script s;
	char *first;

	(void)state;
	up_to_presence(&s, &plain);
	first = strdup(xml_attr(script_presence(&s), "to"));
	for (int i = 0; i < 3; i++) {
		script_refuse_join(&s, taken);
		assert_string_not_equal(xml_attr(script_presence(&s), "to"), first);
	}
	script_refuse_join(&s, taken);
	assert_told(&s, "left 4 conflict");
	free(first);
	script_free(&s);
}

static void test_name_required(void **state)
{
	static const char want[] = "type='modify'><displayname-required xmlns='http://jitsi.org/jitmeet'/>";
	struct script_config cfg = { .name = "" };
	struct script s;

	(void)state;
	up_to_presence(&s, &cfg);
	script_refuse_join(&s, want);
	assert_string_equal(xml_child_text(script_presence(&s), "nick", NS_NICK), "guest");
	script_refuse_join(&s, want);
	assert_told(&s, "left 4 name");
	script_free(&s);
}

static void test_request_refused(void **state)
{
	static const struct { const char *error, *told; } t[] = {
		{ "<error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
		  "left 4 not-authorized the room is not open" },
		{ "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		  "<reservation-error xmlns='http://jitsi.org/protocol/focus' error-code='409'/>"
		  "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>booked by others</text></error>",
		  "left 4 reservation the room cannot be opened: booked by others" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		up_to_login(&s, &plain);
		script_answer(&s, "conference", NS_FOCUS, "error", t[i].error);
		assert_told(&s, t[i].told);
		script_free(&s);
	}
	/* A focus that is not there is asked three times more. */
	up_to_login(&s, &plain);
	for (int i = 0; i < 4; i++) {
		script_answer(&s, "conference", NS_FOCUS, "error", "<error type='cancel'><remote-server-not-found "
			      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
		script_run(&s, 8000000);
	}
	assert_told(&s, "left 3 no-focus");
	script_free(&s);
	/* An invalid session is forgotten, and the request repeated. */
	up_to_login(&s, &plain);
	script_answer(&s, "conference", NS_FOCUS, "error", "<error type='modify'><not-acceptable "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><session-invalid xmlns='http://jitsi.org/protocol/focus'/></error>");
	script_run(&s, 1500000);
	script_ready(&s, NULL);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	script_free(&s);
}

static void answer_config(struct script *s, int status, const char *body)
{
	struct call_http_answer a = { .status = status, .body = body, .len = strlen(body),
		.url = "http://127.0.0.1:8080/config.js", .error = "" };

	call_http_input(s->call, 1, &a, s->now);
}

static void test_only_bosh(void **state)
{
	static const struct script_config cfg = { .url = "http://127.0.0.1:8080/room" };
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	answer_config(&s, 200, "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' },"
		      " bosh: 'http://127.0.0.1:8080/http-bind' };");
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room");
	call_stream_closed(s.call, NET_HTTP, 404, "HTTP 404", s.now);
	assert_told(&s, "left 3 no-websocket 127.0.0.1:8080 offers no WebSocket (only BOSH at http://127.0.0.1:8080/http-bind)");
	script_free(&s);
}

static void test_no_server(void **state)
{
	static const struct { struct call_http_answer a; const char *told[2]; } t[] = {
		{ { .error = "Could not resolve host: nowhere.invalid", .name_error = true, .body = "", .url = "" },
		  { "left 3 unreachable", "nowhere.invalid" } },
		{ { .error = "Failed to connect", .refused = true, .body = "", .url = "" },
		  { "left 3 unreachable", "connection refused" } },
		{ { .error = "certificate has expired", .tls = true, .body = "", .url = "" },
		  { "left 3 tls", "--ca-file" } },
		{ { .error = "Timeout was reached", .body = "", .url = "" }, { "left 3 unreachable", "Timeout" } },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		script_new(&s, &plain);
		call_http_input(s.call, 1, &t[i].a, s.now);
		assert_told(&s, t[i].told[0]);
		assert_told(&s, t[i].told[1]);
		assert_int_equal(s.stream_opens, 0);
		script_free(&s);
	}
}

static void test_no_jitsi(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	answer_config(&s, 404, "<html>nothing</html>");
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room");
	call_stream_closed(s.call, NET_HTTP, 404, "HTTP 404", s.now);
	assert_told(&s, "left 3 no-jitsi 127.0.0.1:8080 answers, but it is no Jitsi Meet server: no config.js (404), "
		    "and no WebSocket at ws://127.0.0.1:8080/xmpp-websocket (404)");
	script_free(&s);
	script_new(&s, &plain);
	answer_config(&s, 200, "<!DOCTYPE html><html></html>");
	call_stream_closed(s.call, NET_HTTP, 200, "no upgrade", s.now);
	assert_told(&s, "no Jitsi Meet server: its config.js is a web page in its place, and no WebSocket");
	script_free(&s);
}

/* No config.js, but the door is there: the host's name is its domain, or Docker's. */
static void test_guesses(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	answer_config(&s, 404, "");
	s.stream_up = true;
	call_stream_opened(s.call, s.now);
	assert_string_equal(xml_attr(s.sent[0].x, "to"), "127.0.0.1");
	script_in(&s, "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
		  "<host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
	assert_int_equal(s.stream_opens, 2);
	script_login(&s, ME);
	assert_string_equal(xml_attr(script_iq(&s, "conference", NS_FOCUS), "to"), "focus.meet.jitsi");
	assert_string_equal(xml_attr(xml_child(script_iq(&s, "conference", NS_FOCUS), "conference", NULL), "room"),
			    "room@muc.meet.jitsi");
	script_free(&s);
}

static void test_first_failures_end(void **state)
{
	static const struct { int error, status; const char *text, *told; } t[] = {
		{ NET_REFUSED, 0, "connection refused", "left 3 unreachable ws://127.0.0.1:8080/xmpp-websocket: connection refused" },
		{ NET_TLS, 0, "TLS: expired", "left 3 tls" },
		{ NET_HTTP, 502, "HTTP 502", "left 3 unreachable" },
		{ NET_NAME, 0, "not found", "left 3 unreachable" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		script_new(&s, &plain);
		script_config(&s, false);
		call_stream_closed(s.call, t[i].error, t[i].status, t[i].text, s.now);
		assert_told(&s, t[i].told);
		assert_not_told(&s, "state reconnecting");
		script_free(&s);
	}
	/* A login that is refused shows the server's word. */
	script_new(&s, &plain);
	script_config(&s, false);
	s.stream_up = true;
	call_stream_opened(s.call, s.now);
	script_in(&s, "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		  "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"
		  "</stream:features>");
	script_in(&s, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-allowed/><text>Not acceptable by exp</text></failure>");
	assert_told(&s, "left 4 login 127.0.0.1:8080 refuses the login: Not acceptable by exp");
	script_free(&s);
	/* A server that falls silent is not waited for for ever. */
	script_new(&s, &plain);
	script_config(&s, false);
	s.stream_up = true;
	call_stream_opened(s.call, s.now);
	script_run(&s, 30000000);
	assert_told(&s, "left 3 protocol");
	script_free(&s);
}

/* A broken HTTP way: the focus itself is asked. */
static void test_http_falls_back(void **state)
{
	struct call_http_answer a = { .status = 502, .body = "bad gateway", .len = 11, .url = "" };
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, true);
	call_http_input(s.call, 2, &a, s.now);
	script_login(&s, ME);
	script_ready(&s, NULL);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	assert_null(xml_child(xml_child(script_presence(&s), "x", NS_MUC), "billingid", NULL));
	script_free(&s);
}

static void test_token(void **state)
{
	struct script_config cfg = { .jwt = "a+b.c" };
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	script_config(&s, false);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room&token=a%2Bb.c");
	assert_not_told(&s, "a+b.c");
	script_login(&s, ME);
	assert_string_equal(xml_attr(xml_child(script_iq(&s, "conference", NS_FOCUS), "conference", NULL), "token"), "a+b.c");
	script_free(&s);
}

static void test_redirect(void **state)
{
	struct call_http_answer a = { .status = 200, .body = "var config = { hosts: { domain: 'x.example' } }",
		.url = "https://meet.example.org/config.js?room=room" };
	struct script s;

	(void)state;
	script_new(&s, &plain);
	a.len = strlen(a.body);
	call_http_input(s.call, 1, &a, s.now);
	assert_string_equal(s.stream_url, "wss://meet.example.org/xmpp-websocket?room=room");
	script_free(&s);
}

static void test_bad_address(void **state)
{
	struct call_config cfg = { .url = "lonely" };
	struct call_ops ops = { 0 };
	struct call *c;

	(void)state;
	assert_int_equal(call_new(&c, &cfg, &ops, NULL, NULL, NULL), -EINVAL);
	assert_null(c);
}

const struct CMUnitTest test_join[] = {
	cmocka_unit_test(test_no_waiting),
	cmocka_unit_test(test_pushed),
	cmocka_unit_test(test_presence),
	cmocka_unit_test(test_privacy),
	cmocka_unit_test(test_lobby),
	cmocka_unit_test(test_breakout),
	cmocka_unit_test(test_refusals),
	cmocka_unit_test(test_no_room),
	cmocka_unit_test(test_conflict),
	cmocka_unit_test(test_name_required),
	cmocka_unit_test(test_request_refused),
	cmocka_unit_test(test_no_server),
	cmocka_unit_test(test_only_bosh),
	cmocka_unit_test(test_no_jitsi),
	cmocka_unit_test(test_guesses),
	cmocka_unit_test(test_first_failures_end),
	cmocka_unit_test(test_http_falls_back),
	cmocka_unit_test(test_token),
	cmocka_unit_test(test_redirect),
	cmocka_unit_test(test_bad_address),
	{ 0 }
};
