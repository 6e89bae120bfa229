/* test_moves.c - servers that send us to another one */
#include <string.h>
#include "base/text.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

static const struct script_config plain = { .name = "Bob" };

/* An upgrade that is answered by a redirect: followed, three times, and never into the open. */
static void test_websocket_moves(void **state)
{
	static const struct { const char *url, *to, *want; } t[] = {
		{ "https://meet.example.org/room", "wss://s2.example.org/xmpp-websocket?room=room", "wss://s2.example.org/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", "https://s2.example.org/ws?shard=2&room=x&token=y", "wss://s2.example.org/ws?shard=2&room=room" },
		{ "https://meet.example.org/room", "/shard2/xmpp-websocket", "wss://meet.example.org/shard2/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", "ws://s2.example.org/ws", NULL },
		{ "https://meet.example.org/room", "http://s2.example.org/ws", NULL },
		{ "https://meet.example.org/room", "ftp://x/", NULL },
		{ "http://127.0.0.1:8080/room", "http://127.0.0.1:9090/ws", "ws://127.0.0.1:9090/ws?room=room" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct script_config cfg = { .url = t[i].url };

		script_new(&s, &cfg);
		script_config_js(&s, "var config = { hosts: { domain: 'meet.test' } };");
		call_stream_moved(s.call, t[i].to, 302, "HTTP 302", s.now);
		if (t[i].want) {
			assert_string_equal(s.stream_url, t[i].want);
			for (int k = 0; k < 2; k++)
				call_stream_moved(s.call, t[i].to, 302, "HTTP 302", s.now);
			assert_int_equal(s.stream_opens, 4);
			assert_not_told(&s, "left");
			call_stream_moved(s.call, t[i].to, 302, "HTTP 302", s.now);
		}
		assert_told(&s, "left 3 unreachable");
		script_free(&s);
	}
}

#define SEE_URI(uri) "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='" uri "'/>"
#define SEE_HOST(host) "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><see-other-host " \
	"xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" host "</see-other-host></stream:error>"

static void open_stream(struct script *s)
{
	s->stream_up = true;
	call_stream_opened(s->call, s->now);
	script_in(s, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.test' id='1' version='1.0'/>");
}

/* The stream's own words for the same: the same rules. */
static void test_stream_elsewhere(void **state)
{
	static const struct { const char *url, *said, *want; } t[] = {
		{ "https://meet.example.org/room", SEE_URI("wss://s2.example.org:8443/ws?a=b&amp;token=x"), "wss://s2.example.org:8443/ws?a=b&room=room" },
		{ "https://meet.example.org/room", SEE_URI("https://s2.example.org/ws"), "wss://s2.example.org/ws?room=room" },
		{ "https://meet.example.org/room", SEE_URI("/shard2/ws"), "wss://meet.example.org/shard2/ws?room=room" },
		{ "https://meet.example.org/room", SEE_URI("ws://s2.example.org/ws"), NULL },
		{ "https://meet.example.org/room", SEE_URI("xmpp://s2.example.org/"), NULL },
		{ "https://meet.example.org/room", SEE_HOST("s2.example.org"), "wss://s2.example.org/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", SEE_HOST("s2.example.org:5222"), "wss://s2.example.org/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", SEE_HOST("[2001:db8::2]:8443"), "wss://[2001:db8::2]:8443/xmpp-websocket?room=room" },
		{ "https://meet.example.org/room", SEE_HOST("ws://s2.example.org/"), NULL },
		{ "https://meet.example.org/room", SEE_HOST("two words"), NULL },
		{ "http://127.0.0.1:8080/room", SEE_URI("ws://127.0.0.1:9090/ws"), "ws://127.0.0.1:9090/ws?room=room" },
		{ "http://127.0.0.1:8080/room", SEE_HOST("127.0.0.1:9090"), "ws://127.0.0.1:9090/xmpp-websocket?room=room" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct script_config cfg = { .url = t[i].url };

		script_new(&s, &cfg);
		script_config_js(&s, "var config = { hosts: { domain: 'meet.test' } };");
		open_stream(&s);
		script_in(&s, t[i].said);
		if (!t[i].want) {
			assert_told(&s, "left 3 elsewhere meet.example.org sends us to ");
			script_free(&s);
			continue;
		}
		assert_string_equal(s.stream_url, t[i].want);
		assert_told(&s, "sends us to another server\nstep connecting to ws");
		for (int k = 0; k < 2; k++) {
			open_stream(&s);
			script_in(&s, t[i].said);
		}
		assert_int_equal(s.stream_opens, 4);
		assert_not_told(&s, "left");
		open_stream(&s);
		script_in(&s, t[i].said);
		assert_told(&s, "left 3 elsewhere");
		assert_told(&s, "from server to server, at last to ws");
		script_free(&s);
	}
}

/* Logged in, but not in the room yet: it is the same attempt. */
static void test_elsewhere_before_the_room(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	script_iq(&s, "conference", NS_FOCUS);
	script_in(&s, SEE_URI("ws://127.0.0.1:9090/ws"));
	assert_string_equal(s.stream_url, "ws://127.0.0.1:9090/ws?room=room");
	script_login(&s, "66666666-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/Kq3s");
	script_iq(&s, "conference", NS_FOCUS);
	script_run(&s, 30000000);               /* whoever waited on the old one says nothing */
	assert_not_told(&s, "left");
	assert_not_told(&s, "error");
	script_free(&s);
}

/* From inside the room: back as after a lost connection, at the other place, with waits. */
static void test_elsewhere_from_the_room(void **state)
{
	static const char *const said[] = { SEE_URI("ws://127.0.0.1:9090/ws"), SEE_HOST("127.0.0.1:9090") };
	struct script s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		script_up(&s, &(struct script_config){ .sm = true });
		script_session(&s, "one", NULL);
		script_in(&s, said[i]);
		assert_told(&s, "state reconnecting 127.0.0.1:8080 sends us to another server");
		assert_null(s.stream_url);
		script_come_back(&s, "66666666-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/Kq3s");
		assert_told(&s, "joined 66666666");
		assert_int_equal(s.media_stops, 0);     /* the sound went on */
		/* Sent back at once, again and again: slower each time, and not for ever there. */
		script_in(&s, said[i]);
		script_run(&s, 2900000);
		assert_null(s.stream_url);
		script_run(&s, 6200000);
		assert_non_null(s.stream_url);
		script_free(&s);
	}
	/* Cut, and the server that would take it up again sends us away: as it cannot. */
	script_up(&s, &(struct script_config){ .sm = true });
	script_lose(&s);
	script_run(&s, 3000000);
	open_stream(&s);
	script_in(&s, SEE_URI("ws://127.0.0.1:9090/ws"));
	script_run(&s, 9000000);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:9090/ws?room=room");
	script_login(&s, "66666666-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/Kq3s");
	script_iq(&s, "conference", NS_FOCUS);
	script_free(&s);
}

const struct CMUnitTest test_moves[] = {
	cmocka_unit_test(test_websocket_moves),
	cmocka_unit_test(test_stream_elsewhere),
	cmocka_unit_test(test_elsewhere_before_the_room),
	cmocka_unit_test(test_elsewhere_from_the_room),
	{ 0 }
};
