/* test_forward.c - what the people of a room hear of each other, by the core */
#include <stdio.h>
#include <string.h>
#include "rtc/wire.h"
#include "unit/host/bridge_world.h"
#include "unit/unit.h"

static struct world w;

static int open_it(void **state)
{
	(void)state;
	world_open(&w);
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static void other_numbers(struct bridge_endpoint *e)
{
	e->pt_opus = 120;
	e->ext_level = 7;
	e->video = false;
}

static void with_tcc(struct bridge_endpoint *e)
{
	e->tcc = true;
}

static void check_sound(const struct got *g, uint32_t ssrc, uint16_t seq)
{
	assert_int_equal(g->r.seq, seq);
	assert_int_equal(g->r.payload_len, 60);
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(g->r.payload[i], (uint8_t)(seq * 7 + i + ssrc));
	assert_int_equal(g->r.timestamp, seq * 960u);
}

static void sound_reaches_all_others_bit_for_bit(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct client *c = client_join(&w, 1, "cccc", other_numbers), *other = client_join(&w, 2, "aaaa", NULL);
	int level;
	bool voice;
	size_t len;

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 20, 0, 0);
	client_sources(other, 10, 0, 0);
	for (uint16_t i = 0; i < 20; i++) {
		client_say(a, 10, (uint16_t)(65530 + i), 30);
		client_say(b, 20, (uint16_t)(100 + i), 40);
		world_step(&w);
		if (i == 0)
			check_sound(client_last(b, 10), 10, 65530);
	}
	assert_int_equal(client_count(a, 20), 20);
	assert_int_equal(client_count(b, 10), 20);
	assert_int_equal(client_count(c, 10), 20);
	assert_int_equal(client_count(c, 20), 20);
	assert_int_equal(client_count(a, 10), 0);       /* nobody hears himself */
	assert_int_equal(client_count(other, 10), 0);   /* nor the next room */
	check_sound(client_last(c, 20), 20, 119);
	/* Each has its own numbers for types and extensions; the mid is gone. */
	assert_int_equal(client_last(b, 10)->r.pt, PT_OPUS);
	assert_int_equal(client_last(c, 10)->r.pt, 120);
	assert_true(rtp_audio_level(&client_last(b, 10)->r, EXT_LEVEL, &level, &voice));
	assert_int_equal(level, -30);
	assert_true(voice);
	assert_true(rtp_audio_level(&client_last(c, 20)->r, 7, &level, &voice));
	assert_int_equal(level, -40);
	assert_null(rtp_ext_find(&client_last(b, 10)->r, 10, &len));
	assert_null(rtp_ext_find(&client_last(b, 10)->r, EXT_TCC, &len));
}

static void long_silence_is_not_passed_on_and_leaves_no_gap(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	uint16_t seq = 65000;

	(void)state;
	client_sources(a, 10, 0, 0);
	for (int i = 0; i < 5; i++)
		client_say(a, 10, seq++, 30);
	for (int i = 0; i < 20; i++)
		client_say(a, 10, seq++, 127);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 8);
	/* One of the silent ones comes late: it has no number any more. */
	client_say(a, 10, (uint16_t)(seq + 1), 30);
	client_say(a, 10, seq, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 10);
	assert_int_equal(b->rtp[8].r.seq, 65009);
	assert_int_equal(b->rtp[9].r.seq, 65008);
	assert_int_equal(b->rtp[8].r.timestamp, (uint16_t)(seq + 1) * 960u);
	/* Sound without a level is passed on always. */
	for (int i = 0; i < 20; i++)
		client_say(a, 10, (uint16_t)(seq + 2 + i), -1);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 30);
	assert_int_equal(b->rtp[29].r.seq, 65029);
}

static void who_begins_anew_far_back_is_still_heard(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	client_sources(a, 10, 0, 0);
	client_say(a, 10, 30000, 30);
	world_step(&w);
	/* Its own SRTP takes no jump back: it goes round the corner instead. */
	client_say(a, 10, 62000, 30);
	client_say(a, 10, 20000, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 3);
}

static void strangers_ssrcs_are_dropped_and_counted(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct bridge_stats st;

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 20, 0, 0);
	client_say(a, 11, 1, 30);       /* not announced */
	client_say(a, 20, 1, 30);       /* B's */
	client_raw(a, "\x80\x6f\0\1\0\0\0\0\0\0\0\x0a of my own making", 29);
	client_raw(a, "?", 1);
	world_step(&w);
	assert_int_equal(b->rtps, 0);
	forward_stats(w.f, &st);
	assert_int_equal(st.dropped, 3);
	assert_int_equal(st.bad_srtp, 1);
	assert_int_equal(st.endpoints, 2);
}

/* B announces an SSRC that A has: A keeps it. */
static void an_ssrc_belongs_to_whom_announced_it_first(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct client *c = client_join(&w, 1, "cccc", NULL);

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 10, 0, 0);
	client_say(a, 10, 1, 30);
	client_say(b, 10, 1, 30);
	world_step(&w);
	assert_int_equal(client_count(c, 10), 1);
}

static void force_muted_sound_is_dropped(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	client_sources(a, 10, 0, 0);
	forward_force_mute(w.f, 1, "aaaa", false, true);
	client_say(a, 10, 1, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 0);
	forward_force_mute(w.f, 1, "aaaa", false, false);
	client_say(a, 10, 2, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 1);
}

static void a_subscription_says_what_is_heard(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct client *c = client_join(&w, 1, "cccc", NULL);
	uint16_t seq = 1;

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 20, 0, 0);
	forward_channel_open(w.f, 1, "cccc", w.now);
	client_channel(c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"all\":true,\"include\":[],\"exclude\":[\"aaaa-a0\"]}");
	client_say(a, 10, seq, 30);
	client_say(b, 20, seq++, 30);
	world_step(&w);
	assert_int_equal(client_count(c, 10), 0);
	assert_int_equal(client_count(c, 20), 1);
	client_channel(c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"all\":false,\"include\":[\"aaaa-a0\"],\"exclude\":[]}");
	client_say(a, 10, seq, 30);
	client_say(b, 20, seq++, 30);
	world_step(&w);
	assert_int_equal(client_count(c, 10), 1);
	assert_int_equal(client_count(c, 20), 1);
	/* It holds for sources that come later, too. */
	client_sources(b, 21, 0, 0);
	client_say(b, 21, seq++, 30);
	world_step(&w);
	assert_int_equal(client_count(c, 21), 0);
	client_channel(c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"all\":true,\"include\":[],\"exclude\":[]}");
	client_say(b, 21, seq++, 30);
	world_step(&w);
	assert_int_equal(client_count(c, 21), 1);
	assert_int_equal(client_count(a, 21), 2);       /* it concerns C alone */
}

static void transport_wide_numbers_are_answered_and_stamped(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", with_tcc), *b = client_join(&w, 1, "bbbb", with_tcc);
	struct rtcp_packet p;
	uint8_t payload[10] = {0};
	size_t len;

	(void)state;
	client_sources(a, 10, 0, 0);
	for (int i = 0; i < 10; i++) {
		client_send(a, &(struct send){ .pt = PT_OPUS, .seq = (uint16_t)i, .ssrc = 10, .level = 30,
					       .tcc = 500 + i, .p = payload, .len = sizeof(payload) });
		world_pass(&w, 20 * MS);
	}
	assert_true(client_rtcp_count(a, RTCP_TCC, &p) >= 2);
	assert_int_equal(p.ssrc, BRIDGE_AUDIO);
	assert_int_equal(p.media_ssrc, 10);
	for (uint16_t i = 0; i < 10; i++) {
		const uint8_t *v = rtp_ext_find(&b->rtp[i].r, EXT_TCC, &len);

		assert_non_null(v);
		assert_int_equal(get16(v), i);
	}
}

static void senders_get_reports_and_receivers_their_clock(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct rtcp_sender sr = { .ssrc = 10, .ntp = UINT64_C(0x1122334455667788), .rtp_timestamp = 77, .packets = 99, .octets = 99 };
	struct rtcp_report r = { .ssrc = 20 }, got;
	struct rtcp_packet p;
	uint8_t buf[200];
	size_t len = 0;

	(void)state;
	client_sources(a, 10, 0, 0);
	/* Nothing was sent to B yet: no clock either. */
	assert_int_equal(rtcp_write_sr(buf, sizeof(buf), &len, &sr, &r, 1), 0);
	client_rtcp(a, buf, len);
	world_step(&w);
	assert_int_equal(client_rtcp_count(b, RTCP_SR, NULL), 0);
	for (uint16_t i = 0; i < 50; i++) {
		if (i != 7)
			client_say(a, 10, i, 30);
		world_pass(&w, 20 * MS);
	}
	client_rtcp(a, buf, len);
	world_pass(&w, 1 * S);
	assert_in_range(client_rtcp_count(a, RTCP_RR, &p), 2, 4);
	assert_int_equal(p.ssrc, BRIDGE_AUDIO);
	assert_int_equal(rtcp_report_get(&p, 0, &got), 0);
	assert_int_equal(got.ssrc, 10);
	assert_int_equal(got.lost, 1);
	assert_int_equal(got.highest_seq & 0xFFFF, 49);
	assert_int_equal(got.lsr, 0x33445566);
	/* Who sends nothing gets no reports. */
	client_forget(a);
	world_pass(&w, 2 * S);
	assert_int_equal(client_rtcp_count(a, RTCP_RR, NULL), 0);

	assert_int_equal(client_rtcp_count(b, RTCP_SR, &p), 1);
	assert_int_equal(p.ssrc, 10);
	assert_true(p.ntp == sr.ntp);
	assert_int_equal(p.rtp_timestamp, 77);
	assert_int_equal(p.reports, 0);
	assert_int_equal(p.packets, 49);        /* what B was sent */
	assert_int_equal(p.octets, 49 * 60);
}

/* ---- coming, failing, leaving ---- */

static void a_wrong_fingerprint_is_refused(void **state)
{
	struct client *a = client_add(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	client_accept(a, "active", dtls_cert_fingerprint(b->cert));
	client_start_dtls(a, true);
	world_pass(&w, 100 * MS);
	assert_int_equal(a->ups, 0);
	assert_int_equal(a->failed, 1);
	assert_non_null(strstr(a->why, "certificate"));
	assert_true(a->dtls_failed);
	/* What is no fingerprint at all, too. */
	a = client_add(&w, 1, "cccc", NULL);
	client_accept(a, "active", "not:a:fingerprint");
	assert_int_equal(a->failed, 1);
}

static void an_answer_that_comes_late_is_no_obstacle(void **state)
{
	struct client *a = client_add(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	client_start_dtls(a, true);
	world_pass(&w, 100 * MS);
	assert_int_equal(a->ups, 0);
	client_sources(a, 10, 0, 0);
	client_say(a, 10, 1, 30);               /* already sure of itself */
	world_step(&w);
	assert_int_equal(client_count(b, 10), 0);
	client_accept(a, "active", dtls_cert_fingerprint(a->cert));
	assert_int_equal(a->ups, 1);
	client_say(a, 10, 2, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 1);
}

static void a_peer_that_waits_is_called(void **state)
{
	struct client *a = client_add(&w, 1, "aaaa", NULL);

	(void)state;
	client_start_dtls(a, false);
	client_accept(a, "passive", dtls_cert_fingerprint(a->cert));
	world_pass(&w, 100 * MS);
	assert_int_equal(a->ups, 1);
	assert_non_null(a->box);
}

static void an_endpoint_is_replaced_by_its_next_session(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL), *again;
	struct bridge_stats st;

	(void)state;
	client_sources(a, 10, 0, 0);
	forward_channel_open(w.f, 1, "aaaa", w.now);
	again = client_join(&w, 1, "aaaa", NULL);
	assert_int_equal(again->session, 3);
	forward_stats(w.f, &st);
	assert_int_equal(st.endpoints, 2);
	/* The old one's sources are gone; the channel is still its. */
	client_sources(again, 11, 0, 0);
	client_say(again, 11, 1, 30);
	client_say(a, 10, 1, 30);
	world_step(&w);
	assert_int_equal(client_count(b, 10), 0);
	assert_int_equal(client_count(b, 11), 1);
	client_channel(again, "{\"colibriClass\":\"ClientHello\"}");
	assert_non_null(client_message(again, "ServerHello"));
}

static void silence_is_told_and_ends_the_endpoint(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct client *never = client_add(&w, 1, "cccc", NULL);
	int64_t began = w.now;
	struct bridge_stats st;
	uint16_t seq = 1;

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 20, 0, 0);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	client_say(a, 10, 1, 30);
	while (w.now < began + 20 * S) {        /* B goes on, A and C do not */
		client_say(b, 20, seq++, 127);
		world_pass(&w, 500 * MS);
		if (w.now < began + 7900 * MS)
			assert_null(client_message(b, "Connectivity"));
	}
	assert_int_equal(client_messages(b, "\"aaaa\",\"active\":\"false\""), 1);
	assert_int_equal(client_messages(b, "\"cccc\",\"active\":\"false\""), 1);
	assert_int_equal(client_messages(b, "\"bbbb\",\"active\""), 0);
	/* A comes back with its next packet. */
	client_say(a, 10, 2, 30);
	world_step(&w);
	assert_int_equal(client_messages(b, "\"aaaa\",\"active\":\"true\""), 1);
	/* Who opens a channel later hears it, too. */
	forward_channel_open(w.f, 1, "aaaa", w.now);
	assert_non_null(client_message(a, "\"cccc\",\"active\":\"false\""));

	began = w.now;
	while (w.now < began + 59 * S) {
		client_say(b, 20, seq++, 127);
		world_pass(&w, S);
	}
	assert_int_equal(a->expired, 0);
	for (int i = 0; i < 50; i++) {
		client_say(b, 20, seq++, 127);
		world_pass(&w, S);
	}
	assert_int_equal(a->expired, 1);
	assert_int_equal(never->expired, 1);
	assert_int_equal(b->expired, 0);
	forward_stats(w.f, &st);
	assert_int_equal(st.endpoints, 1);
}

/* Muted, silent, but ICE says that it lives. */
static void a_listener_stays(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL);

	(void)state;
	forward_channel_open(w.f, 1, "aaaa", w.now);
	for (int i = 0; i < 300; i++) {
		w.heard_us = w.now;
		world_pass(&w, S);
	}
	assert_int_equal(a->expired, 0);
	assert_null(client_message(a, "Connectivity"));
}

static void who_sends_far_too_much_is_limited(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct bridge_stats st;

	(void)state;
	client_sources(a, 10, 0, 0);
	world_pass(&w, S);
	for (uint16_t i = 0; i < 3000; i++)
		client_say(a, 10, i, 30);
	world_step(&w);
	assert_in_range(client_count(b, 10), 1900, 2000);
	forward_stats(w.f, &st);
	assert_in_range(st.limited, 1000, 1100);
}

static void a_room_has_an_end(void **state)
{
	struct bridge_endpoint e = { .room = 9 };
	char id[16];
	int err = 0, n;

	(void)state;
	w.making = w.c + w.clients++;
	snprintf(w.making->id, sizeof(w.making->id), "x");
	for (n = 0; n < 1000 && !err; n++) {
		snprintf(id, sizeof(id), "e%d", n);
		e.id = id;
		err = forward_add(w.f, &e, "ufrag", "pwdpwdpwdpwdpwdpwdpwdpwd", w.now);
	}
	assert_true(err < 0);
	assert_in_range(n, 21, 100);
	e.id = "e0";                    /* in its own place it may be made again */
	assert_int_equal(forward_add(w.f, &e, "ufrag", "pwdpwdpwdpwdpwdpwdpwdpwd", w.now), 0);
	e.id = "";
	assert_true(forward_add(w.f, &e, "ufrag", "pwdpwdpwdpwdpwdpwdpwdpwd", w.now) < 0);
}

static void calls_about_nobody_do_nothing(void **state)
{
	struct source_set s = {0};

	(void)state;
	forward_sources(w.f, 1, "nobody", &s, w.now);
	forward_force_mute(w.f, 1, "nobody", true, true);
	forward_remove(w.f, 1, "nobody", w.now);
	forward_channel_open(w.f, 1, "nobody", w.now);
	forward_channel_input(w.f, 1, "nobody", "{}", 2, w.now);
	forward_channel_closed(w.f, 1, "nobody", w.now);
	world_step(&w);
}

/* ---- channel ---- */

static void messages_are_passed_on_with_their_sender(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct client *c = client_join(&w, 1, "cccc", NULL), *other = client_join(&w, 2, "dddd", NULL);

	(void)state;
	for (struct client *i = a; i <= other; i++)
		forward_channel_open(w.f, i->room, i->id, w.now);
	assert_string_equal(a->message[0], "{\"colibriClass\":\"ServerHello\"}");
	client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"bbbb\",\"from\":\"cccc\",\"msgPayload\":{\"type\":\"one\",\"n\":[1,{\"x\":null}]}}");
	assert_non_null(client_message(b, "\"from\":\"aaaa\""));
	assert_non_null(client_message(b, "\"msgPayload\":{\"type\":\"one\",\"n\":[1,{\"x\":null}]}"));
	assert_null(client_message(c, "EndpointMessage"));
	client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{\"type\":\"all\"}}");
	assert_non_null(client_message(b, "\"all\""));
	assert_non_null(client_message(c, "\"all\""));
	assert_null(client_message(a, "EndpointMessage"));
	assert_null(client_message(other, "EndpointMessage"));
	client_channel(b, "{\"colibriClass\":\"EndpointStats\",\"connectionQuality\":88}");
	assert_non_null(client_message(a, "\"connectionQuality\":88"));
	assert_non_null(client_message(a, "\"from\":\"bbbb\""));
	/* What has no payload, no class, no sense. */
	client_forget(b);
	client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\"}");
	client_channel(a, "{\"colibriClass\":\"Gibberish\"}");
	client_channel(a, "[1,2,3]");
	client_channel(a, "{\"colibriClass\":");
	client_channel(a, "");
	assert_int_equal(b->messages, 0);
	/* A channel that is closed gets nothing more. */
	forward_channel_closed(w.f, 1, "bbbb", w.now);
	client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{}}");
	assert_int_equal(b->messages, 0);
}

static void who_talks_too_much_is_not_passed_on(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	forward_channel_open(w.f, 1, "aaaa", w.now);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	client_forget(b);
	for (int i = 0; i < 500; i++)
		client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{}}");
	assert_in_range(b->messages, 100, 250);
	client_forget(b);
	world_pass(&w, 2 * S);
	for (int i = 0; i < 10; i++)
		client_channel(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{}}");
	assert_int_equal(b->messages, 10);
}

static void with_sctp(struct bridge_endpoint *e)
{
	e->sctp_port = DATA_CHANNEL_PORT;
}

static void the_channel_may_come_by_sctp(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", with_sctp), *b = client_join(&w, 1, "bbbb", NULL);

	(void)state;
	forward_channel_open(w.f, 1, "bbbb", w.now);
	assert_int_equal(a->data_opened + a->messages, 0);      /* who does not ask is left alone */
	client_data(a);
	assert_int_equal(a->data_opened, 1);
	assert_null(client_message(a, "ServerHello"));          /* greets on WebSockets alone */
	assert_non_null(client_message(a, "ForwardedSources"));
	client_data_say(a, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{\"t\":\"by sctp\"}}");
	assert_non_null(client_message(b, "by sctp"));
	assert_non_null(client_message(b, "\"from\":\"aaaa\""));
	client_channel(b, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"aaaa\",\"msgPayload\":{\"t\":\"back\"}}");
	world_pass(&w, 100 * MS);
	assert_non_null(client_message(a, "\"back\""));
	client_data_say(a, "{\"colibriClass\":\"ClientHello\"}");
	world_pass(&w, 100 * MS);
	assert_non_null(client_message(a, "ServerHello"));
	/* Again, as if the first had never been: the newer one speaks. */
	client_data(a);
	assert_int_equal(a->data_opened, 2);
	client_forget(a);
	client_channel(b, "{\"colibriClass\":\"EndpointMessage\",\"to\":\"aaaa\",\"msgPayload\":{}}");
	world_pass(&w, 100 * MS);
	assert_int_equal(client_messages(a, "EndpointMessage"), 1);
}

static void of_two_channels_the_newer_one_speaks(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", with_sctp);
	static const char hello[] = "{\"colibriClass\":\"ClientHello\"}";

	(void)state;
	client_data(a);
	forward_channel_open(w.f, 1, "aaaa", w.now);
	data_channel_free(&a->data);            /* what comes now is the WebSocket's */
	world_pass(&w, 100 * MS);
	client_forget(a);
	client_channel(a, hello);
	assert_int_equal(client_messages(a, "ServerHello"), 1);
	client_data(a);
	client_forget(a);
	client_channel(a, hello);               /* asked here, answered there */
	world_pass(&w, 100 * MS);
	assert_int_equal(client_messages(a, "ServerHello"), 1);
	data_channel_close(a->data, w.now);
	world_pass(&w, S);
	assert_int_equal(a->data_closed, 1);
	client_forget(a);
	client_channel(a, hello);
	assert_int_equal(client_messages(a, "ServerHello"), 1);
	forward_channel_closed(w.f, 1, "aaaa", w.now);
	client_channel(a, hello);
	assert_int_equal(client_messages(a, "ServerHello"), 1);
}

static void sctp_that_was_not_offered_is_dropped(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL);
	struct bridge_stats before, after;

	(void)state;
	forward_stats(w.f, &before);
	client_data(a);
	forward_stats(w.f, &after);
	assert_int_equal(a->data_opened, 0);
	assert_int_not_equal(after.dropped, before.dropped);
}

static void what_is_too_long_on_it_is_dropped(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", with_sctp), *b = client_join(&w, 1, "bbbb", NULL);
	static const char hello[] = "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{}}";
	char *text = malloc(200001);

	(void)state;
	forward_channel_open(w.f, 1, "bbbb", w.now);
	client_data(a);
	client_forget(b);
	memset(text, ' ', 200000);
	text[200000] = 0;
	memcpy(text, hello, sizeof(hello) - 1);
	client_data_say(a, text);
	world_pass(&w, 5 * S);
	assert_int_equal(client_messages(b, "EndpointMessage"), 0);
	client_data_say(a, hello);
	world_pass(&w, 100 * MS);
	assert_int_equal(client_messages(b, "EndpointMessage"), 1);
	free(text);
}

static void twenty_have_channels_by_sctp(void **state)
{
	struct client *c[20];
	char id[8];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		c[i] = client_join(&w, 1, id, with_sctp);
		client_data(c[i]);
	}
	client_data_say(c[0], "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{\"t\":\"all\"}}");
	world_pass(&w, 100 * MS);
	for (int i = 1; i < 20; i++)
		assert_int_equal(client_messages(c[i], "EndpointMessage"), 1);
	for (int i = 0; i < 20; i++)
		client_leave(c[i]);
}

static void say(struct client *c, uint32_t ssrc, uint16_t *seq, int64_t us, int level)
{
	for (int64_t end = w.now + us; w.now < end;) {
		client_say(c, ssrc, (*seq)++, level);
		world_pass(&w, 15 * MS);        /* and one step */
	}
}

static void the_dominant_speaker_is_told_to_all(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	uint16_t seq_a = 1, seq_b = 1;

	(void)state;
	client_sources(a, 10, 0, 0);
	client_sources(b, 20, 0, 0);
	forward_channel_open(w.f, 1, "aaaa", w.now);
	say(a, 10, &seq_a, 500 * MS, 100);      /* quiet: its noise */
	say(b, 20, &seq_b, 500 * MS, 100);
	assert_non_null(client_message(a, "\"dominantSpeakerEndpoint\":\"aaaa\""));
	say(a, 10, &seq_a, 2 * S, 20);
	client_forget(a);
	say(b, 20, &seq_b, 2 * S, 20);
	assert_non_null(client_message(a, "\"dominantSpeakerEndpoint\":\"bbbb\",\"previousSpeakers\":[\"aaaa\"]"));
	assert_int_equal(client_messages(a, "dominantSpeakerEndpoint"), 1);
	/* Who comes later is told; who left is no previous speaker. */
	client_leave(a);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	assert_non_null(client_message(b, "\"dominantSpeakerEndpoint\":\"bbbb\",\"previousSpeakers\":[]"));
}

static void figures_of_the_line_are_told(void **state)
{
	struct client *a = client_join(&w, 1, "aaaa", NULL), *b = client_join(&w, 1, "bbbb", NULL);
	struct rtcp_report r = { .ssrc = 10, .fraction = 128 };
	uint8_t buf[100];
	size_t len = 0;
	uint16_t seq = 1;

	(void)state;
	client_sources(a, 10, 0, 0);
	forward_channel_open(w.f, 1, "aaaa", w.now);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	say(a, 10, &seq, 11 * S, 50);
	assert_int_equal(client_messages(b, "\"estimatedDownlinkBandwidth\":2500000"), 1);
	assert_null(client_message(a, "ConnectionStats"));      /* it is sent nothing */
	assert_int_equal(rtcp_write_rr(buf, sizeof(buf), &len, 20, &r, 1), 0);
	client_rtcp(b, buf, len);
	say(a, 10, &seq, 10 * S, 50);
	assert_non_null(client_message(b, "\"estimatedDownlinkBandwidth\":1875000"));
}

/* ---- a full room ---- */

static void twenty_with_three_talking(void **state)
{
	struct client *c[20];
	char id[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "e%02d", i);
		c[i] = client_join(&w, 1, id, NULL);
		client_sources(c[i], 100 + (uint32_t)i, 0, 0);
	}
	for (uint16_t k = 0; k < 50; k++) {
		for (int i = 0; i < 20; i++)
			client_say(c[i], 100 + (uint32_t)i, k, i < 3 ? 30 : 127);
		world_pass(&w, 20 * MS);
	}
	for (int i = 0; i < 20; i++) {
		size_t want = (i < 3 ? 2 : 3) * 50 + (i < 3 ? 17 : 16) * 3;

		assert_int_equal(c[i]->rtps, want);
		assert_int_equal(client_count(c[i], 100 + (uint32_t)i), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_it, close_it)

const struct CMUnitTest test_forward[] = {
	TEST(sound_reaches_all_others_bit_for_bit),
	TEST(long_silence_is_not_passed_on_and_leaves_no_gap),
	TEST(who_begins_anew_far_back_is_still_heard),
	TEST(strangers_ssrcs_are_dropped_and_counted),
	TEST(an_ssrc_belongs_to_whom_announced_it_first),
	TEST(force_muted_sound_is_dropped),
	TEST(a_subscription_says_what_is_heard),
	TEST(transport_wide_numbers_are_answered_and_stamped),
	TEST(senders_get_reports_and_receivers_their_clock),
	TEST(a_wrong_fingerprint_is_refused),
	TEST(an_answer_that_comes_late_is_no_obstacle),
	TEST(a_peer_that_waits_is_called),
	TEST(an_endpoint_is_replaced_by_its_next_session),
	TEST(silence_is_told_and_ends_the_endpoint),
	TEST(a_listener_stays),
	TEST(who_sends_far_too_much_is_limited),
	TEST(a_room_has_an_end),
	TEST(calls_about_nobody_do_nothing),
	TEST(messages_are_passed_on_with_their_sender),
	TEST(who_talks_too_much_is_not_passed_on),
	TEST(the_channel_may_come_by_sctp),
	TEST(of_two_channels_the_newer_one_speaks),
	TEST(sctp_that_was_not_offered_is_dropped),
	TEST(twenty_have_channels_by_sctp),
	TEST(what_is_too_long_on_it_is_dropped),
	TEST(the_dominant_speaker_is_told_to_all),
	TEST(figures_of_the_line_are_told),
	TEST(twenty_with_three_talking),
	{0}
};
