/* test_recorded.c - calls that real servers had, played again
 *
 * The script checks each request of the recording: ours must send the like,
 * and answer what it is asked under the same id.  Here stands what people would
 * have noticed.
 */
#include <stdlib.h>
#include <string.h>
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

static void play(struct script *s, const char *url, const char *file)
{
	struct script_config cfg = { .url = url };

	script_new(s, &cfg);
	script_play(s, file, 1, 0);
	/* Whoever recorded it left, or stopped there. */
	if (call_get_state(s->call) != CALL_LEFT)
		call_leave(s->call, s->now);
	script_run(s, 2000000);
	assert_int_equal(call_get_state(s->call), CALL_LEFT);
	assert_told(s, "left 0 left");
}

/* The same where the bridge numbers voices anew; channel: the form ours takes. */
static void play_rewritten(struct script *s, const char *url, const char *file,
			   enum call_channel channel)
{
	struct script_config cfg = { .url = url, .rewriting = true, .channel = channel };

	script_new(s, &cfg);
	script_play(s, file, 1, 0);
	assert_told(s, "channel up");
}

static void end_rewritten(struct script *s)
{
	if (call_get_state(s->call) != CALL_LEFT)
		call_leave(s->call, s->now);
	script_run(s, 2000000);
	assert_not_told(s, "error");
	script_free(s);
}

static uint64_t forged(struct script *s)
{
	struct call_counters n;

	call_counters(s->call, &n);
	return n.forged;
}

static void test_audio_only(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v1a", "native-audio-only");
	assert_told(&s, "person+ c67f8965 cam muted moderator\n");
	assert_told(&s, "person+ 3206c2f4 Bob\nstate joined\njoined 3206c2f4 Bob");
	assert_told(&s, "source+ 1997263809 c67f8965");
	assert_told(&s, "channel up");
	assert_told(&s, "speaker 3206c2f4");
	assert_told(&s, "speaker c67f8965");
	assert_told(&s, "person c67f8965 cam moderator");    /* unmuted */
	assert_not_told(&s, "error");
	assert_int_equal(s.media_starts, 1);
	assert_int_equal(s.channel_opens, 1);
	assert_int_equal(forged(&s), 0);
	/* No picture is wanted on the channel. */
	assert_string_equal(buf_str(&s.channel_text), "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":0}\n");
	script_free(&s);
}

static void test_mute_and_moderation(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v6c", "native-mute-avmod");
	assert_told(&s, "muted-by 30fcfc7d mod");
	assert_told(&s, "notice the room is moderated");
	assert_told(&s, "error not-allowed");                 /* refused, with a hand up */
	assert_told(&s, "notice you may speak now");
	assert_told(&s, "notice a moderator does not let you speak any more");
	assert_told(&s, "notice everybody may speak again");
	assert_int_equal(forged(&s), 0);
	script_free(&s);
}

static void test_late_joiner_moderated(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v6c", "native-late-moderated");
	assert_told(&s, "people start muted here");
	assert_told(&s, "error not-allowed");
	script_free(&s);
}

static void test_p2p_declined(void **state)
{
	struct call_counters n;
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v5", "native-p2p-declined");
	call_counters(s.call, &n);
	assert_int_equal(n.p2p_declined, 1);
	assert_int_equal(n.forged, 0);
	assert_int_equal(s.media_starts, 1);    /* the call goes on through the bridge */
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* The bridge died and came back without a word: restarted by us. */
static void test_bridge_crash(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v7jvb-restart", "native-bridge-crash");
	assert_int_equal(s.media_starts, 2);
	assert_not_told(&s, "state reconnecting");
	assert_told(&s, "source- 3530444540 e78d3c93");
	script_free(&s);
}

static void test_bridge_stopped(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v7jvb-graceful", "native-bridge-stopped");
	assert_told(&s, "notice the server has no media bridge");
	assert_int_equal(s.media_starts, 2);
	assert_int_equal(s.media_stops, 2);     /* by the focus, and when leaving */
	assert_not_told(&s, "state reconnecting");
	assert_not_told(&s, "error");
	script_free(&s);
}

/* The focus left: asked for again from inside, sound all the time. */
static void test_focus_restart(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/v7focus-restart", "native-focus-restart");
	assert_told(&s, "notice the conference's focus has left");
	assert_int_equal(s.requests, 2);
	assert_int_equal(s.media_starts, 2);
	assert_int_equal(s.media_stops, 1);     /* when leaving, not before */
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* Beside a web client and a client of another kind that knows no caps. */
static void test_three_people(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/j3ws", "join3-ws-norewrite");
	script_free(&s);
}

/* Sources without names, state by audiomuted alone, the request as an IQ. */
static void test_old_client(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/old21", "old-client-2021");
	assert_told(&s, "message mine 07957332: hello from 2021");
	assert_told(&s, "source+ 1733259831 70565dc6");
	assert_int_equal(s.requests, 0);
	script_free(&s);
}

static void test_tenant(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/chor/Gr%C3%B6%C3%9Fe%202", "tenant-unicode");
	assert_string_equal(call_room_title(s.call), "Größe 2");
	script_free(&s);
}

/* Chat, hand, name, subject, mutes; we become moderator and somebody is kicked. */
static void test_people(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/chat3", "people-participant");
	assert_told(&s, "message d8d61b6c: who has the minutes?");
	assert_told(&s, "message private mine a93e5676: I do");
	assert_told(&s, "message mine a93e5676: with an id of its own");
	assert_told(&s, "subject d8d61b6c Ada moderator Weekly – ünïcode ☕");
	assert_told(&s, "person a93e5676 Bob Smith");
	assert_told(&s, "muted-by d8d61b6c Ada moderator");
	assert_told(&s, "person a93e5676 Bob Smith moderator");
	assert_told(&s, "person- d8d61b6c Ada removed by Bob Smith: time is up");
	/* The retraction's fallback text is no chat. */
	assert_not_told(&s, "I retracted");
	script_free(&s);
}

static void test_password(void **state)
{
	struct script_config cfg = { .url = "http://127.0.0.1:8080/rehearsal" };
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	script_play(&s, "password-wrong-right", 1, 25);
	assert_told(&s, "left 4 password rehearsal has a password");
	script_free(&s);
	cfg.password = "rose";
	script_new(&s, &cfg);
	script_play(&s, "password-wrong-right", 1, 25);
	assert_told(&s, "left 4 password rehearsal: the password is wrong");
	assert_string_equal(xml_child_text(xml_child(script_presence(&s), "x", NS_MUC), "password", NULL), "rose");
	script_free(&s);
	cfg.password = "tulip";
	script_new(&s, &cfg);
	script_play(&s, "password-wrong-right", 1, 24);
	script_play(&s, "password-wrong-right", 38, 0);
	assert_told(&s, "joined fd720074 Bob");
	script_free(&s);
}

/* Four asked at once: "not ready" is ordinary, and asked again after 1 s. */
static void test_not_ready(void **state)
{
	struct script_config cfg = { .url = "http://127.0.0.1:8080/crowd0" };
	struct call_http_answer a = { .status = 200, .url = "" };
	char *body = script_line("focus-not-ready-http", 5), *ready = script_line("focus-not-ready-http", 6);
	struct script s;

	(void)state;
	script_new(&s, &cfg);
	script_config(&s, true);
	assert_non_null(s.request_url);         /* beside the login, not after it */
	a.body = body;
	a.len = strlen(body);
	call_http_input(s.call, 2, &a, s.now);
	script_login(&s, ME);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 0);
	script_run(&s, 900000);
	assert_int_equal(s.requests, 1);
	script_run(&s, 200000);
	assert_int_equal(s.requests, 2);
	call_http_input(s.call, 2, &a, s.now);
	script_run(&s, 1900000);
	assert_int_equal(s.requests, 2);
	script_run(&s, 200000);
	assert_int_equal(s.requests, 3);
	a.body = ready;
	a.len = strlen(ready);
	call_http_input(s.call, 2, &a, s.now);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	free(body);
	free(ready);
	script_free(&s);
}

/* Whose voice is whose is known from the channel's maps alone; by both forms of it. */
static void test_rewritten(void **state)
{
	struct script s;

	(void)state;
	for (int form = 0; form < 2; form++) {
		enum call_channel channel = form ? CALL_CHANNEL_SCTP : CALL_CHANNEL_AUTO;

		play_rewritten(&s, "http://127.0.0.1:8080/j3rw", "join3-sctp-rewrite", channel);
		assert_told(&s, "source+ 3038934810 2e639d7b");
		assert_told(&s, "source+ 923635170 a2bb7413");
		/* The second map repeats one; pictures are no voices. */
		assert_null(strstr(strstr(buf_str(&s.told), "source+ 3038934810") + 1,
				   "source+ 3038934810"));
		assert_not_told(&s, "3519728504");
		end_rewritten(&s);
		play_rewritten(&s, "http://127.0.0.1:8080/m874615", "join2-sctp-rewrite", channel);
		assert_told(&s, "source+ 1901319542 becc2528");
		end_rewritten(&s);
		play_rewritten(&s, "http://127.0.0.1:8080/vid1", "video-av1-rewrite", channel);
		assert_told(&s, "source+ 533609780 13d02d11");
		end_rewritten(&s);
		play_rewritten(&s, "http://127.0.0.1:8080/vp8", "video-vp8-rewrite", channel);
		assert_told(&s, "source+ 1484417152 ad1da282");
		end_rewritten(&s);
		/* No URL: SCTP whatever was wished for. */
		play_rewritten(&s, "http://127.0.0.1:8080/nows", "bridge-sctp-only", channel);
		assert_told(&s, "source+ 318827150 c09f56d8");
		assert_int_equal(s.channel_opens, 0);
		end_rewritten(&s);
	}
}

/* Without, by SCTP: the focus says it. */
static void test_not_rewritten(void **state)
{
	struct script s;

	(void)state;
	play(&s, "http://127.0.0.1:8080/j3sn", "join3-sctp-norewrite");
	assert_told(&s, "source+ ");
	assert_told(&s, "channel up");
	script_free(&s);
}

const struct CMUnitTest test_recorded[] = {
	cmocka_unit_test(test_audio_only),
	cmocka_unit_test(test_mute_and_moderation),
	cmocka_unit_test(test_late_joiner_moderated),
	cmocka_unit_test(test_p2p_declined),
	cmocka_unit_test(test_bridge_crash),
	cmocka_unit_test(test_bridge_stopped),
	cmocka_unit_test(test_focus_restart),
	cmocka_unit_test(test_three_people),
	cmocka_unit_test(test_old_client),
	cmocka_unit_test(test_tenant),
	cmocka_unit_test(test_people),
	cmocka_unit_test(test_password),
	cmocka_unit_test(test_not_ready),
	cmocka_unit_test(test_rewritten),
	cmocka_unit_test(test_not_rewritten),
	{ 0 }
};
