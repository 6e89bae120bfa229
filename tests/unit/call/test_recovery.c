/* test_recovery.c - what deployments do to a call, and that it comes back by itself */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

static const struct script_config plain = { .name = "Bob" };

static const char moving[] = "<iq xmlns='jabber:client' type='set' id='t' from='" FOCUS "'><jingle "
	"xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s1'><reason><success/><text>moving</text></reason>"
	"</jingle></iq>";

/* Until something is asked for; the time it took. */
static int64_t until_iq(struct script *s, const char *child, const char *ns, int64_t most)
{
	int64_t start = s->now;

	while (!script_has_iq(s, child, ns) && s->now - start < most)
		script_run(s, 100000);
	if (!script_has_iq(s, child, ns))
		fail_msg("no %s within %lld s", child, (long long)(most / SEC));
	return s->now - start;
}

static void until_terminate(struct script *s)
{
	int64_t start = s->now;

	while (!script_has_terminate(s) && s->now - start < 100 * SEC)
		script_run(s, 100000);
	assert_true(script_has_terminate(s));
	script_answer(s, "jingle", NS_JINGLE, "result", NULL);
}

/* Out of the room and in again, as a server plays it. */
static void let_in_again(struct script *s)
{
	until_iq(s, "conference", NS_FOCUS, 40 * SEC);
	script_ready(s, NULL);
	assert_non_null(xml_child(script_presence(s), "x", NS_MUC));
	assert_string_equal(xml_attr(script_presence(s), "to"), "room@conference.meet.test/5c1f0a9e");
	script_focus(s, NULL, "");
	script_person(s, "77aa01bc", "<nick xmlns='http://jabber.org/protocol/nick'>Ada</nick>", NULL);
	/* What the room says of our leaving comes late. */
	script_gone(s, "5c1f0a9e", "<item role='none'/><status code='110'/>");
	script_person(s, "5c1f0a9e", "", "<status code='110'/>");
}

/* A state that has to survive: muted, hand up, another name. */
static void take_a_state(struct script *s)
{
	call_set_muted(s->call, true, s->now);
	call_set_hand(s->call, true, s->now);
	call_set_name(s->call, "Robert", s->now);
	script_run(s, SEC);
}

static void assert_state_kept(struct script *s)
{
	const struct xml *p = script_presence(s);

	assert_string_equal(xml_child_text(p, "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	assert_non_null(xml_child(p, "jitsi_participant_raisedHand", NULL));
	assert_string_equal(xml_child_text(p, "nick", NS_NICK), "Robert");
}

/* ---- the bridge ---- */

static void test_line_comes_back(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	script_run(&s, 3 * SEC);
	call_media_state(s.call, "s1", PEER_UP, "", s.now);
	assert_told(&s, "notice the line was interrupted; sound again after 3.0 s");
	script_free(&s);
}

/* Killed, and nobody says a word: its channel breaks, then it does not know us.
 * Who asks within 16 s waits for the dead one's seat. */
static void test_bridge_killed(void **state)
{
	int64_t start;
	uint32_t ssrc;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	take_a_state(&s);
	ssrc = s.media_ssrc;
	s.channel_refused = true;
	s.channel_up = false;
	call_channel_closed(s.call, 1006, 0, s.now);
	start = s.now;
	until_terminate(&s);
	assert_in_range(s.now - start, 17 * SEC, 18 * SEC);
	assert_int_equal(s.media_stops, 1);
	script_run(&s, 4500000);
	s.channel_refused = false;
	script_session(&s, "s2", NULL);
	assert_told(&s, "notice the bridge had stopped answering; sound again after ");
	assert_int_not_equal(s.media_ssrc, ssrc);
	script_run(&s, SEC);
	assert_state_kept(&s);
	assert_not_told(&s, "state reconnecting");
	assert_int_equal(script_count(&s, "presence", "type", "unavailable"), 0);
	script_free(&s);
}

/* The silence was noticed before the bridge was back: its first 403 is enough. */
static void test_bridge_forgot_us(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	s.channel_up = false;
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, SEC);
	call_channel_closed(s.call, 1006, 403, s.now);
	script_run(&s, 7 * SEC);                /* the silence was 8 s old when it was told */
	assert_false(script_has_terminate(&s));
	script_run(&s, 2 * SEC);
	assert_true(script_has_terminate(&s));
	script_free(&s);
}

/* It knows us again: what fails later is no matter of that time. */
static void test_bridge_was_cut_off(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	call_media_state(s.call, "s1", PEER_UP, "", s.now);
	s.channel_up = false;
	call_channel_closed(s.call, 1006, 0, s.now);
	script_run(&s, 1100000);
	s.channel_up = true;
	call_channel_opened(s.call, s.now);
	call_media_state(s.call, "s1", PEER_FAILED, "ICE", s.now);
	script_run(&s, 1100000);
	assert_true(script_has_terminate(&s));
	script_free(&s);
}

/* A bridge that is long in coming: asked every 2 s while no sound comes. */
static void test_bridge_is_asked_often(void **state)
{
	unsigned opens;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	s.channel_up = false;
	for (int i = 0; i < 5; i++) {
		call_channel_closed(s.call, 1006, i ? 502 : 0, s.now);
		script_run(&s, i < 4 ? SEC << i : 0);
	}
	opens = s.channel_opens;                /* the next one in 16 s */
	script_run(&s, 3 * SEC);
	assert_int_equal(s.channel_opens, opens);
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	script_run(&s, 2100000);
	assert_int_equal(s.channel_opens, opens + 1);
	call_channel_closed(s.call, 1006, 502, s.now);
	script_run(&s, 2100000);
	assert_int_equal(s.channel_opens, opens + 2);
	call_channel_closed(s.call, 1006, 403, s.now);
	script_run(&s, 6 * SEC);                /* no longer the one whose channel broke */
	assert_true(script_has_terminate(&s));
	script_free(&s);
}

/* Drained or moved: ended by the focus, for a while there is no bridge at all. */
static void test_bridge_replaced(void **state)
{
	struct call_counters n;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	take_a_state(&s);
	script_in(&s, moving);
	script_focus(&s, NULL, "<conference-properties xmlns='http://jitsi.org/protocol/focus'>"
		    "<property key='bridge-count' value='0'/></conference-properties>"
		    "<bridgeNotAvailable xmlns='http://jitsi.org/protocol/focus'/>");
	assert_told(&s, "notice the server has no media bridge at the moment; waiting for one");
	script_run(&s, 2 * SEC);
	script_focus(&s, NULL, "");
	script_session(&s, "s2", NULL);
	assert_told(&s, "notice the bridge was replaced; sound again after 2.1 s");
	script_run(&s, SEC);
	assert_state_kept(&s);
	call_counters(s.call, &n);
	assert_int_equal(n.moved, 1);
	assert_int_equal(n.sessions, 2);
	assert_int_equal(n.outages, 1);
	assert_true(n.longest_outage_us == 2100000);
	script_free(&s);
}

/* The session ends because we are alone: when somebody comes hours later, that was no failure. */
static void test_alone_is_no_outage(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_gone(&s, "77aa01bc", "<item role='none'/>");
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='t' from='" FOCUS "'><jingle xmlns='urn:xmpp:jingle:1' "
		  "action='session-terminate' sid='s1'><reason><expired/><text>Idle session timeout</text></reason></jingle></iq>");
	script_run(&s, 3600 * SEC);
	script_person(&s, "77aa01bc", "", NULL);
	script_session(&s, "s2", NULL);
	assert_not_told(&s, "sound again");
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* Three restarts in vain: out and in on the same connection, all else kept. */
static void test_out_and_in_again(void **state)
{
	char sid[8];
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s0", NULL);
	take_a_state(&s);
	s.media_silent = true;
	for (int i = 0; i < 3; i++) {
		snprintf(sid, sizeof(sid), "s%d", i);
		call_media_state(s.call, sid, PEER_FAILED, "ICE", s.now);
		until_terminate(&s);
		snprintf(sid, sizeof(sid), "s%d", i + 1);
		script_invite(&s, sid, NULL, NULL);
		script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	}
	call_media_state(s.call, "s3", PEER_FAILED, "ICE", s.now);
	until_iq(&s, "conference", NS_FOCUS, 30 * SEC);
	assert_told(&s, "state reconnecting no sound path after three tries");
	assert_int_equal(script_count(&s, "presence", "type", "unavailable"), 1);
	let_in_again(&s);
	s.media_silent = false;
	script_session(&s, "s4", NULL);
	script_run(&s, SEC);
	assert_told(&s, "joined 5c1f0a9e Robert muted hand");
	assert_told(&s, "sound again after ");
	assert_state_kept(&s);
	assert_int_equal(s.stream_opens, 1);
	script_free(&s);
}

/* The focus does not invite whom it let restart too often. */
static void test_restarts_refused(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	call_media_state(s.call, "s1", PEER_FAILED, "ICE", s.now);
	while (!script_has_terminate(&s))
		script_run(&s, 100000);
	script_answer(&s, "jingle", NS_JINGLE, "error", "<error type='wait'><resource-constraint "
		      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
	assert_told(&s, "state reconnecting the server limits new sessions");
	let_in_again(&s);
	script_session(&s, "s2", NULL);
	assert_told(&s, "sound again after ");
	script_free(&s);
}

/* No way to the bridge for an hour: the room sees us leave twice, not for ever. */
static void test_no_way_for_long(void **state)
{
	unsigned sid = 0, unavailable;
	int64_t end, last = 0;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	s.media_silent = true;
	script_invite(&s, "0", NULL, NULL);
	script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
	end = s.now + 3600 * SEC;
	while (s.now < end) {
		char text[12];

		script_run(&s, SEC);
		/* Each session fails after the peer's own 30 s. */
		if (s.media_sid && s.now - last > 30 * SEC)
			call_media_state(s.call, s.media_sid, PEER_FAILED, "ICE", s.now);
		if (script_has_iq(&s, "conference", NS_FOCUS))
			let_in_again(&s);
		else if (!script_has_terminate(&s))
			continue;
		else
			script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
		snprintf(text, sizeof(text), "%u", ++sid);
		script_invite(&s, text, NULL, NULL);
		script_answer(&s, "jingle", NS_JINGLE, "result", NULL);
		last = s.now;
	}
	unavailable = script_count(&s, "presence", "type", "unavailable");
	assert_int_equal(unavailable, 2);
	assert_in_range(sid, 30, 70);
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

/* There was sound, and no way leads back to it: as a connection that is lost. */
static void test_no_sound_for_too_long(void **state)
{
	struct script_config cfg = plain;
	struct script s;

	(void)state;
	cfg.reconnect_for_us = 60 * SEC;
	script_up(&s, &cfg);
	script_session(&s, "s1", NULL);
	s.media_silent = true;
	call_media_state(s.call, "s1", PEER_INTERRUPTED, "", s.now);
	script_run(&s, 55 * SEC);
	assert_false(script_was_told(&s, "left"));
	script_run(&s, 6 * SEC);
	assert_told(&s, "left 6 lost");
	script_free(&s);
}

/* Whoever answers is not whom the server announced: no second try. */
static void test_forged_bridge(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_invite(&s, "s1", NULL, NULL);
	call_media_state(s.call, "s1", PEER_FORGED, "certificate", s.now);
	assert_told(&s, "left 5 forged the bridge is not the one that 127.0.0.1:8080 announced");
	assert_int_equal(s.media_stops, 1);
	assert_null(s.stream_url);
	script_free(&s);
}

/* ---- the focus ---- */

static void focus_leaves(struct script *s)
{
	script_gone(s, "focus", "<item role='none'/>");
	assert_told(s, "notice the conference's focus has left; the sound goes on");
}

static void test_focus_replaced(void **state)
{
	int64_t took;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	take_a_state(&s);
	focus_leaves(&s);
	took = until_iq(&s, "conference", NS_FOCUS, 11 * SEC);
	assert_true(took >= 5 * SEC && took <= 10200000);
	/* Another instance, under another address. */
	script_ready(&s, "focus@auth2.meet.test");
	script_focus(&s, "focus@auth2.meet.test/focus", "");
	script_run(&s, 800000);
	script_session(&s, "s2", NULL);
	assert_told(&s, "notice the conference has its focus back; sound again after 0.1 s");
	script_run(&s, SEC);
	assert_state_kept(&s);
	assert_int_equal(s.media_stops, 0);     /* replaced, not stopped */
	assert_int_equal(s.media_starts, 2);
	assert_not_told(&s, "state reconnecting");
	script_free(&s);
}

/* It is in the room, and invites nobody. */
static void test_focus_back_without_offer(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	focus_leaves(&s);
	until_iq(&s, "conference", NS_FOCUS, 11 * SEC);
	script_ready(&s, NULL);
	script_focus(&s, NULL, "");
	script_run(&s, 15 * SEC);
	assert_int_equal(s.media_stops, 0);
	script_run(&s, 6 * SEC);
	assert_told(&s, "state reconnecting the server gave no new session");
	let_in_again(&s);
	script_session(&s, "s2", NULL);
	assert_told(&s, "sound again after ");
	assert_int_equal(s.stream_opens, 1);
	script_free(&s);
}

/* It says that it is ready, and does not come: perhaps to another room. */
static void test_focus_does_not_come(void **state)
{
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	focus_leaves(&s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(s.media_stops, 0);
		until_iq(&s, "conference", NS_FOCUS, 40 * SEC);
		script_ready(&s, NULL);
	}
	assert_told(&s, "state reconnecting the conference's focus does not come back");
	let_in_again(&s);
	script_session(&s, "s2", NULL);
	script_free(&s);
}

/* A focus that is long in coming back to its server: asked often enough to be found soon. */
static void test_focus_is_slow_to_be_ready(void **state)
{
	unsigned asked = 0;
	int64_t last, start, gap = 0;
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	start = last = s.now;
	while (s.now - start < 300 * SEC) {
		if (script_has_iq(&s, "conference", NS_FOCUS)) {
			gap = s.now - last > gap ? s.now - last : gap;
			last = s.now;
			asked++;
			script_answer(&s, "conference", NS_FOCUS, "result", "<conference xmlns='http://jitsi.org/protocol/focus' "
				      "ready='false'/>");
		}
		script_run(&s, 100000);
	}
	assert_in_range(asked, 20, 28);
	assert_true(gap <= 16200000);
	assert_not_told(&s, "left");
	script_free(&s);
}

/* ---- the microphone ---- */

/* Muted by a moderator before the bridge moves: still muted, and asked about. */
static void test_mute_survives(void **state)
{
	const struct xml *iq;
	struct script s;

	(void)state;
	script_up(&s, &plain);
	script_session(&s, "s1", NULL);
	script_in(&s, "<iq xmlns='jabber:client' type='set' id='m' from='" FOCUS "'>"
		  "<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute></iq>");
	script_in(&s, moving);
	script_session(&s, "s2", NULL);
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":true}}");
	call_set_muted(s.call, false, s.now);
	iq = script_iq(&s, "mute", NS_MUTE_AUDIO);
	assert_string_equal(xml_child_text(iq, "mute", NULL), "false");
	script_answer(&s, "mute", NS_MUTE_AUDIO, "result", NULL);
	script_run(&s, SEC);
	assert_string_equal(xml_child_text(script_presence(&s), "SourceInfo", NULL), "{\"5c1f0a9e-a0\":{\"muted\":false}}");
	script_free(&s);
}

/* ---- coming back to a room that is not as it was ---- */

/* A full room, a strange refusal: our ghost may hold the place, and a server
 * that has just started says many things. */
static void test_refused_when_back(void **state)
{
	static const char *const errors[] = {
		"type='wait'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
		"type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>",
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		script_up(&s, &plain);
		script_lose(&s);
		script_run(&s, 3 * SEC);
		script_login(&s, "aaaaaaaa-1@meet.test/new");
		script_ready(&s, NULL);
		script_refuse_join(&s, errors[i]);
		assert_not_told(&s, "left");
		assert_int_equal(call_get_state(s.call), CALL_RECONNECTING);
		script_run(&s, 10 * SEC);
		script_login(&s, "bbbbbbbb-1@meet.test/new");
		script_free(&s);
	}
}

/* Just destroyed: the focus is asked to open it again. */
static void test_room_just_gone(void **state)
{
	struct script s;

	(void)state;
	script_new(&s, &plain);
	script_config(&s, false);
	script_login(&s, ME);
	script_ready(&s, NULL);
	script_refuse_join(&s, "type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>");
	until_iq(&s, "conference", NS_FOCUS, 3100000);
	script_ready(&s, NULL);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 2);
	assert_not_told(&s, "left");
	script_free(&s);
}

/* ---- rooms that are closed for now ---- */

static const char unauthorized[] = "<error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

static void test_waits_for_the_host(void **state)
{
	struct script_config patient = { .name = "Bob", .patient = true };
	int64_t took;
	struct script s;

	(void)state;
	script_new(&s, &patient);
	script_config(&s, false);
	script_login(&s, ME);
	script_answer(&s, "conference", NS_FOCUS, "error", unauthorized);
	assert_told(&s, "notice the host has not come yet");
	assert_int_equal(call_get_state(s.call), CALL_LOBBY);
	buf_clear(&s.told);
	for (int i = 0; i < 100; i++) {
		took = until_iq(&s, "conference", NS_FOCUS, 8 * SEC);
		assert_true(took >= 5 * SEC - 100000);
		script_answer(&s, "conference", NS_FOCUS, "error", unauthorized);
	}
	assert_not_told(&s, "notice");          /* said once */
	until_iq(&s, "conference", NS_FOCUS, 8 * SEC);
	script_ready(&s, NULL);
	/* The room, too, may wait for its host, and name no lobby. */
	script_refuse_join(&s, "type='auth'><registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
		    "<waiting-for-host/>");
	until_iq(&s, "conference", NS_FOCUS, 8 * SEC);
	script_ready(&s, NULL);
	script_focus(&s, NULL, "");
	script_person(&s, "5c1f0a9e", "", "<status code='110'/>");
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	script_free(&s);
}

/* Asked beside the login, refused before it is done. */
static void test_waits_for_the_host_by_http(void **state)
{
	struct script_config patient = { .name = "Bob", .patient = true };
	struct call_http_answer a = { .status = 403, .body = "", .url = "" };
	struct script s;

	(void)state;
	script_new(&s, &patient);
	script_config(&s, true);
	call_http_input(s.call, 2, &a, s.now);
	script_login(&s, ME);
	assert_int_equal(call_get_state(s.call), CALL_LOBBY);
	for (int i = 0; i < 3; i++) {
		unsigned before = s.requests;

		script_run(&s, 8 * SEC);
		assert_int_equal(s.requests, before + 1);
		call_http_input(s.call, 2, &a, s.now);
	}
	a.status = 200;
	a.body = "{\"ready\":true,\"focusJid\":\"focus@auth.meet.test\"}";
	a.len = strlen(a.body);
	script_run(&s, 8 * SEC);
	call_http_input(s.call, 2, &a, s.now);
	assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
	script_free(&s);
}

static void test_password_is_asked_for(void **state)
{
	static const char locked[] = "type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
	struct script_config patient = { .name = "Bob", .patient = true };
	struct script s;

	(void)state;
	script_new(&s, &patient);
	script_config(&s, false);
	script_login(&s, ME);
	script_ready(&s, NULL);
	script_refuse_join(&s, locked);
	assert_told(&s, "error password room has a password");
	script_run(&s, 600 * SEC);              /* people take their time */
	assert_not_told(&s, "left");
	call_set_password(s.call, "wrong", s.now);
	script_ready(&s, NULL);
	assert_string_equal(xml_child_text(xml_child(script_presence(&s), "x", NS_MUC), "password", NULL), "wrong");
	script_refuse_join(&s, locked);
	assert_told(&s, "error password that password is wrong");
	call_set_password(s.call, "right", s.now);
	script_ready(&s, NULL);
	assert_string_equal(xml_child_text(xml_child(script_presence(&s), "x", NS_MUC), "password", NULL), "right");
	script_focus(&s, NULL, "");
	script_person(&s, "5c1f0a9e", "", "<status code='110'/>");
	assert_int_equal(call_get_state(s.call), CALL_JOINED);
	assert_not_told(&s, "right");
	script_free(&s);
}

/* ---- the conference request by HTTP, broken in every way ---- */

static void test_http_is_broken(void **state)
{
	static const struct { int status; const char *body; } t[] = {
		{ 404, "<html>not found</html>" }, { 200, "<!DOCTYPE html><html></html>" }, { 200, "" },
		{ 200, "[1,2]" }, { 0, "" }, { 429, "slow down" }, { 405, "no" }, { 503, "" },
		{ 400, "Bad request: XMPPError: bad-request - modify [No 'room' specified.]" },
	};
	struct script s;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct call_http_answer a = { .status = t[i].status, .body = t[i].body, .len = strlen(t[i].body),
			.url = "", .error = t[i].status ? "" : "Timeout was reached" };

		script_new(&s, &plain);
		script_config(&s, true);
		if (i % 2)
			script_login(&s, ME);
		call_http_input(s.call, 2, &a, s.now);
		assert_told(&s, "step the conference request by HTTP failed (");
		if (i % 2 == 0)
			script_login(&s, ME);
		script_ready(&s, NULL);
		assert_int_equal(script_count(&s, "presence", NULL, NULL), 1);
		script_free(&s);
	}
}

const struct CMUnitTest test_recovery[] = {
	cmocka_unit_test(test_line_comes_back),
	cmocka_unit_test(test_bridge_killed),
	cmocka_unit_test(test_bridge_forgot_us),
	cmocka_unit_test(test_bridge_was_cut_off),
	cmocka_unit_test(test_bridge_is_asked_often),
	cmocka_unit_test(test_bridge_replaced),
	cmocka_unit_test(test_alone_is_no_outage),
	cmocka_unit_test(test_out_and_in_again),
	cmocka_unit_test(test_restarts_refused),
	cmocka_unit_test(test_no_way_for_long),
	cmocka_unit_test(test_no_sound_for_too_long),
	cmocka_unit_test(test_forged_bridge),
	cmocka_unit_test(test_focus_replaced),
	cmocka_unit_test(test_focus_back_without_offer),
	cmocka_unit_test(test_focus_does_not_come),
	cmocka_unit_test(test_focus_is_slow_to_be_ready),
	cmocka_unit_test(test_mute_survives),
	cmocka_unit_test(test_refused_when_back),
	cmocka_unit_test(test_room_just_gone),
	cmocka_unit_test(test_waits_for_the_host),
	cmocka_unit_test(test_waits_for_the_host_by_http),
	cmocka_unit_test(test_password_is_asked_for),
	cmocka_unit_test(test_http_is_broken),
	{ 0 }
};
