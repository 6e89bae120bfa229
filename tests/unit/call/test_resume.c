/* test_resume.c - the connection is cut: the stream goes on, or people hear
 * what became of what they said */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "call/token.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

extern const struct CMUnitTest test_resume[];

static const struct script_config managed = { .sm = true }, plain = { .sm = false };

/* Stanzas of ours since <enable/>. */
static unsigned stanzas(const struct script *s)
{
	unsigned n = 0;

	for (size_t i = s->sents; i-- > 0 && !xml_is(s->sent[i].x, "enable", NS_SM);)
		n += xml_is(s->sent[i].x, NULL, NS_CLIENT);
	return n;
}

static unsigned said(const struct script *s, const char *text)
{
	const char *at = buf_str(&s->sent_text);
	char body[100];
	unsigned n = 0;

	text_copy(body, sizeof(body), ">");
	strncat(body, text, sizeof(body) - 4);
	strncat(body, "</body>", sizeof(body) - strlen(body) - 1);
	for (; (at = strstr(at, body)); at++)
		n++;
	return n;
}

static const char *id_of(const struct script *s, const char *text)
{
	for (size_t i = s->sents; i-- > 0;) {
		const char *body = xml_child_text(s->sent[i].x, "body", NULL);

		if (body && !strcmp(body, text))
			return xml_attr(s->sent[i].x, "id");
	}
	fail_msg("%s was not sent", text);
	return NULL;
}

static void echo(struct script *s, const char *text, bool history)
{
	script_inf(s, "<message xmlns='jabber:client' type='groupchat' id='%s' from='" ROOM "/5c1f0a9e'>"
		   "<body>%s</body>%s</message>", id_of(s, text), text,
		   history ? "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:01Z'/>" : "");
}

static void resumed(struct script *s, unsigned h)
{
	script_inf(s, "<resumed xmlns='urn:xmpp:sm:3' h='%u' previd='tok'/>", h);
}

static void refuse(struct script *s, const char *more)
{
	script_inf(s, "<failed xmlns='urn:xmpp:sm:3'%s><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		   "</failed>", more);
	s->stream_up = false;
}

/* Somebody else hears us come and go; so nothing of ours may. */
static void a_cut_is_a_pause(void **state)
{
	unsigned before, presences;
	struct call_counters n;
	struct script s;

	(void)state;
	script_up(&s, &managed);
	script_session(&s, "s1", "\"77aa01bc\":[[],[],[{\"s\":7,\"n\":\"77aa01bc-a0\"}]]");
	call_say(s.call, "heard", NULL, NULL, s.now);
	echo(&s, "heard", false);
	script_in(&s, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	call_say(s.call, "crossing", NULL, NULL, s.now);
	before = stanzas(&s);
	presences = script_count(&s, "presence", NULL, NULL);
	buf_clear(&s.told);
	script_lose(&s);
	assert_told(&s, "state reconnecting the connection broke");
	assert_in_range(call_next_try_us(s.call) - s.now, 1500000, 3000000);
	assert_int_equal(call_attempt(s.call), 1);
	/* What happens meanwhile: only the last state is told. */
	call_set_muted(s.call, true, s.now);
	call_set_hand(s.call, true, s.now);
	call_set_muted(s.call, false, s.now);
	call_set_muted(s.call, true, s.now);
	call_say(s.call, "meanwhile", NULL, NULL, s.now);
	assert_told(&s, "notice the connection is down; sent when it is back: ");
	script_run(&s, 3 * SEC);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room&previd=tok");
	assert_int_equal(said(&s, "meanwhile"), 0);
	script_reopen(&s);
	resumed(&s, before - 1);                        /* "crossing" has not come */
	script_run(&s, 2 * SEC);
	assert_told(&s, "state joined\nnotice connected again after 3 s, as if nothing had been");
	assert_not_told(&s, "joined 5c1f0a9e");
	assert_int_equal(said(&s, "heard"), 1);
	assert_int_equal(said(&s, "crossing"), 2);      /* once before, once after: it arrived once */
	assert_int_equal(said(&s, "meanwhile"), 1);
	assert_true(strstr(buf_str(&s.sent_text), ">meanwhile<") > strstr(buf_str(&s.sent_text), ">crossing<"));
	assert_int_equal(script_count(&s, "presence", NULL, NULL), presences + 1);
	assert_non_null(strstr(xml_child_text(script_presence(&s), "SourceInfo", NULL), "\"muted\":true"));
	assert_non_null(xml_child(script_presence(&s), "jitsi_participant_raisedHand", NULL));
	/* Media, channel, people are as they were. */
	assert_int_equal(s.media_starts, 1);
	assert_int_equal(s.media_stops, 0);
	assert_int_equal(s.channel_opens, 1);
	assert_int_equal(call_people(s.call), 2);
	assert_not_told(&s, "person+");
	assert_not_told(&s, "person-");
	assert_not_told(&s, "no answer");
	call_counters(s.call, &n);
	assert_int_equal(n.resumed, 1);
	assert_int_equal(n.rejoined, 0);
	script_free(&s);
}

/* Without goodbye: a server that heard one would not keep the place. */
static void a_dead_socket_is_cut_and_a_call_that_ends_says_goodbye(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	assert_false(call_stalls(s.call, s.now));
	s.server_silent = true;
	script_run(&s, 15 * SEC);
	assert_true(call_stalls(s.call, s.now));
	script_run(&s, 11 * SEC);
	assert_told(&s, "state reconnecting");
	assert_true(s.stream_cut);
	assert_true(call_stalls(s.call, s.now));
	script_free(&s);
	script_up(&s, &managed);
	call_leave(s.call, s.now);
	script_run(&s, 2 * SEC);
	assert_false(s.stream_up);
	assert_false(s.stream_cut);
	script_free(&s);
}

static void the_waits_are_the_web_clients(void **state)
{
	static const int lo[] = { 1500, 3000, 4500, 4500, 4500 }, hi[] = { 3000, 9000, 15000, 15000, 15000 };
	int64_t start, last = 0;
	struct script s;
	int n = 0;

	(void)state;
	script_up(&s, &managed);
	script_lose(&s);
	start = s.now;
	while (call_next_try_us(s.call)) {
		int64_t wait = call_next_try_us(s.call) - s.now;

		script_run(&s, wait);
		if (!s.stream_url || !strstr(s.stream_url, "previd"))
			break;
		assert_true(wait <= hi[n < 4 ? n : 4] * 1000 + SEC);
		if (s.now - start < 60 * SEC)
			assert_true(wait >= lo[n < 4 ? n : 4] * 1000);
		n++;
		last = s.now;
		text_set(&s.stream_url, NULL);
		call_stream_closed(s.call, NET_REFUSED, 0, "refused", s.now);
		assert_int_equal(call_get_state(s.call), CALL_RECONNECTING);
	}
	/* As long as the server waits, and a little more; then as a new client. */
	assert_in_range(n, 4, 12);
	assert_in_range(last - start, 45 * SEC, 65 * SEC);
	assert_null(strstr(s.stream_url ? s.stream_url : s.config_url, "previd"));
	script_free(&s);
}

static void who_is_forgotten_joins_again(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	script_session(&s, "s1", NULL);
	call_set_muted(s.call, true, s.now);
	call_set_hand(s.call, true, s.now);
	script_lose(&s);
	script_run(&s, 3 * SEC);
	script_reopen(&s);
	refuse(&s, "");
	assert_told(&s, "step the server has given up our place");
	script_run(&s, 0);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room"); /* at once */
	assert_int_equal(s.media_stops, 0);             /* the old sound goes on until there is a new one */
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	assert_told(&s, "joined aaaaaaaa Bob muted hand");
	assert_non_null(xml_child(script_presence(&s), "jitsi_participant_raisedHand", NULL));
	script_session(&s, "s2", NULL);
	assert_int_equal(s.media_starts, 2);
	script_free(&s);
}

/* ---- what became of messages ---- */

/* Three that nobody has repeated, and one to Ada. */
static void say_all(struct script *s)
{
	script_up(s, &managed);
	script_in(s, "<message xmlns='jabber:client' type='groupchat' id='h1' from='" ROOM "/77aa01bc'><body>old</body></message>");
	call_say(s->call, "one", NULL, NULL, s->now);
	call_say(s->call, "two", NULL, NULL, s->now);
	call_tell(s->call, "77aa01bc", "psst", NULL, NULL, s->now);
	script_lose(s);
	script_run(s, 3 * SEC);
	script_reopen(s);
	buf_clear(&s->told);
}

static void history(struct script *s)
{
	script_in(s, "<message xmlns='jabber:client' type='groupchat' id='h1' from='" ROOM "/77aa01bc'><body>old</body>"
		  "<delay xmlns='urn:xmpp:delay' stamp='2026-08-20T10:00:00Z'/></message>");
}

static void a_server_that_counted_leaves_no_doubt(void **state)
{
	struct script s;
	unsigned before;

	(void)state;
	say_all(&s);
	before = stanzas(&s) - 2;                       /* "two" and "psst" did not come */
	script_inf(&s, "<failed xmlns='urn:xmpp:sm:3' h='%u'/>", before);
	s.stream_up = false;
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	script_run(&s, 3 * SEC);
	assert_int_equal(said(&s, "one"), 1);
	assert_int_equal(said(&s, "two"), 2);
	assert_int_equal(said(&s, "psst"), 2);
	assert_told(&s, "message mine aaaaaaaa: one");  /* said, and no history shows it */
	assert_not_told(&s, "psst");                    /* which was shown when it went out first */
	assert_not_told(&s, "error");
	script_free(&s);
}

static void the_history_decides(void **state)
{
	struct script s;
	char *id;

	(void)state;
	say_all(&s);
	id = strdup(id_of(&s, "one"));
	refuse(&s, "");
	assert_told(&s, "error unsure may not have arrived: psst");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	history(&s);
	echo(&s, "one", true);
	script_gone(&s, "5c1f0a9e", "");
	script_run(&s, 3 * SEC);
	assert_told(&s, "message mine history 5c1f0a9e: one");
	assert_int_equal(said(&s, "one"), 1);
	assert_int_equal(said(&s, "two"), 2);           /* older ones are there, it is not: never arrived */
	assert_int_equal(said(&s, "psst"), 1);
	assert_not_told(&s, "arrived: two");
	free(id);
	script_free(&s);
}

/* Throttled, the server has not read all that our old connection sent. */
static void what_our_ghost_says_is_not_said_again(void **state)
{
	struct script s;

	(void)state;
	say_all(&s);
	refuse(&s, "");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	history(&s);
	script_run(&s, 10 * SEC);
	assert_int_equal(said(&s, "one"), 1);
	assert_told(&s, "notice the connection of before still stands in the room, and may yet say: one");
	assert_not_told(&s, "arrived: one");
	call_say(s.call, "three", NULL, NULL, s.now);   /* does not wait for those */
	assert_int_equal(said(&s, "three"), 1);
	echo(&s, "one", false);
	assert_told(&s, "message mine 5c1f0a9e: one");
	script_run(&s, 10 * SEC);
	assert_int_equal(said(&s, "two"), 1);
	script_gone(&s, "5c1f0a9e", "");
	script_run(&s, SEC);
	assert_int_equal(said(&s, "one"), 1);
	assert_int_equal(said(&s, "two"), 2);           /* it went, and had not said it */
	assert_not_told(&s, "arrived: two");
	script_free(&s);
	/* A ghost that stays is not believed either way. */
	say_all(&s);
	refuse(&s, "");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	script_session(&s, "s2", NULL);
	history(&s);
	script_run(&s, 64 * SEC);
	assert_not_told(&s, "arrived: one");
	script_run(&s, 2 * SEC);
	assert_told(&s, "error unsure may not have arrived: one");
	assert_told(&s, "error unsure may not have arrived: two");
	script_run(&s, 60 * SEC);
	assert_int_equal(said(&s, "one"), 1);
	script_free(&s);
}

static void without_history_it_is_said(void **state)
{
	struct script s;

	(void)state;
	say_all(&s);
	refuse(&s, "");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	script_gone(&s, "5c1f0a9e", "");
	call_say(s.call, "three", NULL, NULL, s.now);
	script_run(&s, 4 * SEC);
	assert_told(&s, "error unsure may not have arrived: psst");
	assert_told(&s, "error unsure may not have arrived: one");
	assert_told(&s, "error unsure may not have arrived: two");
	assert_int_equal(said(&s, "one"), 1);
	assert_int_equal(said(&s, "two"), 1);
	assert_int_equal(said(&s, "three"), 1);
	script_free(&s);
}

/* A history that begins after what we said proves nothing. */
static void a_younger_history_proves_nothing(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	call_say(s.call, "one", NULL, NULL, s.now);
	script_in(&s, "<message xmlns='jabber:client' type='groupchat' id='h1' from='" ROOM "/77aa01bc'><body>old</body></message>");
	script_lose(&s);
	script_run(&s, 3 * SEC);
	script_reopen(&s);
	refuse(&s, "");
	script_come_back(&s, "aaaaaaaa-1@meet.test/new");
	history(&s);
	script_gone(&s, "5c1f0a9e", "");
	script_run(&s, 4 * SEC);
	assert_told(&s, "error unsure may not have arrived: one");
	assert_int_equal(said(&s, "one"), 1);
	script_free(&s);
}

static void what_is_left_at_the_end_is_told(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	call_say(s.call, "crossing", NULL, NULL, s.now);
	script_lose(&s);
	call_say(s.call, "meanwhile", NULL, NULL, s.now);
	call_leave(s.call, s.now);
	assert_told(&s, "error unsure may not have arrived: crossing");
	assert_told(&s, "error not-sent not sent: meanwhile");
	assert_told(&s, "left 0 left");
	script_free(&s);
}

static void silence_is_told_and_looked_into(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	script_run(&s, 5 * SEC);
	s.stream_up = false;                            /* the script answers nothing any more */
	call_say(s.call, "hello", NULL, NULL, s.now);
	script_run(&s, 3900000);
	assert_not_told(&s, "no answer");
	script_run(&s, 200000);
	assert_told(&s, "notice no answer from the server yet to: hello");
	/* Nine seconds in all, where pings alone need twenty-five. */
	script_run(&s, 5 * SEC);
	assert_told(&s, "state reconnecting no answer any more");
	script_free(&s);
}

/* Without stream management a ping behind it says that a private message came. */
static void private_ones_without_acknowledgements(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	call_tell(s.call, "77aa01bc", "first", NULL, NULL, s.now);
	script_run(&s, SEC);                            /* the ping is answered */
	s.stream_up = false;
	call_tell(s.call, "77aa01bc", "second", NULL, NULL, s.now);
	script_lose(&s);
	assert_not_told(&s, "arrived: first");
	assert_told(&s, "error unsure may not have arrived: second");
	script_free(&s);
}

/* The line was dead for both: while the connection is cut nobody can be asked,
 * once it is back the sound gets new ways. */
static void sound_is_restarted_with_the_connection(void **state)
{
	static char js[] = "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' }, "
		"websocket: 'ws://127.0.0.1:8080/xmpp-websocket', enableIceRestart: true };";
	struct call_counters n;
	struct script s;
	unsigned before;

	(void)state;
	script_new(&s, &managed);
	s.config_js = js;
	script_join(&s);
	script_session(&s, "s1", NULL);
	s.media_silent = true;
	before = stanzas(&s);
	script_lose(&s);
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "no answers from the bridge", s.now);
	call_counters(s.call, &n);
	assert_int_equal(n.ice_restarts, 0);
	script_run(&s, 3 * SEC);
	script_reopen(&s);
	resumed(&s, before);
	call_counters(s.call, &n);
	assert_int_equal(n.ice_restarts, 1);
	assert_string_equal(xml_attr(xml_child(script_iq(&s, "jingle", NS_JINGLE), "jingle", NS_JINGLE), "action"),
			    "session-info");
	script_free(&s);
}

/* ---- reasons to try at once, and not to ---- */

static void a_network_that_is_back_ends_the_wait(void **state)
{
	struct script s;

	(void)state;
	for (int how = 0; how < 3; how++) {
		script_up(&s, &managed);
		script_lose(&s);
		script_run(&s, 3 * SEC);
		text_set(&s.stream_url, NULL);
		call_stream_closed(s.call, NET_REFUSED, 0, "refused", s.now);
		assert_true(call_next_try_us(s.call) - s.now >= 3 * SEC);
		if (how == 0)
			call_network_changed(s.call, 0, s.now);
		else if (how == 1)
			call_retry(s.call, s.now);
		else
			call_network_changed(s.call, 20 * SEC, s.now);
		assert_true(call_next_try_us(s.call) - s.now <= (how == 1 ? 0 : 1500000));
		script_run(&s, 1500000);
		assert_non_null(strstr(s.stream_url, "previd=tok"));
		script_free(&s);
	}
	/* While it is up it is tried, whether it still is. */
	script_up(&s, &managed);
	script_run(&s, SEC);
	s.stream_up = false;
	call_network_changed(s.call, 0, s.now);
	script_run(&s, 5 * SEC);
	assert_told(&s, "state reconnecting");
	script_free(&s);
}

static void who_slept_long_joins_again(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &managed);
	call_network_changed(s.call, 61 * SEC, s.now);
	assert_told(&s, "state reconnecting the computer slept");
	script_run(&s, 0);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room");
	script_free(&s);
}

/* {"exp":N}, unsigned: base64 of it made by hand. */
#define LONG_AGO "eyJhIjoxfQ.eyJleHAiOjE3ODcyMTI4MDB9.x"        /* 1787212800, August 2026 */
#define FAR "eyJhIjoxfQ.eyJleHAiOjk5OTk5OTk5OTk5fQ.x"           /* 99999999999 */

static void an_expired_token_is_not_tried(void **state)
{
	struct script_config cfg = { .sm = true, .jwt = "eyJhIjoxfQ.eyJleHAiOjE3ODd9.x" };
	struct script s;

	(void)state;
	assert_int_equal(token_expires_s(LONG_AGO), 1787212800);
	assert_int_equal(token_expires_s(FAR), INT64_C(99999999999));
	assert_int_equal(token_expires_s("eyJhIjoxfQ.eyJhIjoxfQ.x"), 0);
	assert_int_equal(token_expires_s("a.!.x"), 0);
	assert_int_equal(token_expires_s("no token"), 0);
	assert_int_equal(token_expires_s(""), 0);
	assert_int_equal(token_expires_s("a."), 0);
	script_up(&s, &cfg);
	script_lose(&s);
	script_run(&s, 3 * SEC);
	assert_told(&s, "left 4 token the token (--jwt-file) has expired");
	script_free(&s);
	cfg.jwt = FAR;
	script_up(&s, &cfg);
	script_lose(&s);
	script_run(&s, 3 * SEC);
	assert_non_null(strstr(s.stream_url, "&token=" FAR "&previd=tok"));
	script_free(&s);
}

static void commands_of_a_cut_call(void **state)
{
	const char *kind;
	struct script s;

	(void)state;
	script_up(&s, &managed);
	script_person(&s, "5c1f0a9e", "", "<status code='110'/>");
	script_lose(&s);
	assert_int_equal(call_kick(s.call, "77aa01bc", NULL, &kind, NULL, s.now), -ENOTCONN);
	assert_string_equal(kind, "not-joined");
	assert_int_equal(call_topic(s.call, "x", &kind, NULL, s.now), -ENOTCONN);
	script_free(&s);
}

static void config_js_may_forbid_it(void **state)
{
	struct script_config cfg = { .sm = true };
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	s.config_js = "var config = { hosts: { domain: 'meet.test', muc: 'conference.meet.test' },"
		" websocket: 'ws://127.0.0.1:8080/xmpp-websocket', enableWebsocketResume: false };";
	script_join(&s);
	assert_int_equal(script_count(&s, "enable", NULL, NULL), 0);
	script_lose(&s);
	script_run(&s, 2 * SEC);
	assert_string_equal(s.stream_url, "ws://127.0.0.1:8080/xmpp-websocket?room=room");
	script_free(&s);
}

/* ---- as recorded ---- */

static void no_line(void *ctx, size_t n)
{
	(void)ctx;
	(void)n;
}

static void no_word(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void recorded_cuts(void **state)
{
	static const struct { const char *file, *url; bool rejoins; } t[] = {
		{ "native-resume", "http://127.0.0.1:8080/v8c", true },
		{ "avmod-resume-bridge-participant", "http://127.0.0.1:8080/mod255207", false },
		{ "avmod-resume-bridge-moderator", "http://127.0.0.1:8080/mod255207", false },
	};
	static const struct script_watch watch = { no_line, no_word, no_word };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct script_config cfg = { .url = t[i].url };
		struct call_counters n;
		struct script s;

		script_new(&s, &cfg);
		s.watch = &watch;       /* what else differs is told by `make replay` */
		script_play(&s, t[i].file, 1, 0);
		call_counters(s.call, &n);
		assert_int_equal(n.resumed, 1);
		assert_int_equal(n.rejoined, t[i].rejoins);
		assert_told(&s, "connected again after");
		if (i < 1) {
			assert_told(&s, "message 51ffe7c0: while you were away");
			assert_told(&s, "the server has given up our place");
		} else if (i < 2) {
			assert_told(&s, "still here");  /* said after the cut */
		}
		script_free(&s);
	}
}

const struct CMUnitTest test_resume[] = {
	cmocka_unit_test(a_cut_is_a_pause),
	cmocka_unit_test(a_dead_socket_is_cut_and_a_call_that_ends_says_goodbye),
	cmocka_unit_test(the_waits_are_the_web_clients),
	cmocka_unit_test(who_is_forgotten_joins_again),
	cmocka_unit_test(a_server_that_counted_leaves_no_doubt),
	cmocka_unit_test(the_history_decides),
	cmocka_unit_test(what_our_ghost_says_is_not_said_again),
	cmocka_unit_test(without_history_it_is_said),
	cmocka_unit_test(a_younger_history_proves_nothing),
	cmocka_unit_test(what_is_left_at_the_end_is_told),
	cmocka_unit_test(silence_is_told_and_looked_into),
	cmocka_unit_test(private_ones_without_acknowledgements),
	cmocka_unit_test(sound_is_restarted_with_the_connection),
	cmocka_unit_test(a_network_that_is_back_ends_the_wait),
	cmocka_unit_test(who_slept_long_joins_again),
	cmocka_unit_test(an_expired_token_is_not_tried),
	cmocka_unit_test(commands_of_a_cut_call),
	cmocka_unit_test(config_js_may_forbid_it),
	cmocka_unit_test(recorded_cuts),
	{ 0 }
};
