/* test_video.c - what the people of a room see of each other, by the core */
#include <stdio.h>
#include <string.h>
#include "rtc/wire.h"
#include "unit/host/bridge_world.h"
#include "unit/unit.h"

enum { V = 30, RTX = 31 };      /* A's picture */

static struct world w;
static struct client *a, *b;

static void without_rtx(struct bridge_endpoint *e)
{
	e->pt_rtx = 0;
}

static void no_video(struct bridge_endpoint *e)
{
	e->video = false;
}

/* A shows a picture, B sees it (it has no channel: all small). */
static int open_it(void **state)
{
	(void)state;
	world_open(&w);
	a = client_join(&w, 1, "aaaa", NULL);
	b = client_join(&w, 1, "bbbb", NULL);
	client_sources(a, 10, V, RTX);
	world_pass(&w, 10 * MS);
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static void show(uint16_t seq, bool key)
{
	client_show(a, V, seq, key);
	world_step(&w);
}

static void nack(struct client *c, uint16_t seq)
{
	uint8_t buf[100];
	size_t len = 0;

	assert_int_equal(rtcp_write_nack(buf, sizeof(buf), &len, 77, V, &seq, 1), 0);
	client_rtcp(c, buf, len);
	world_step(&w);
}

static void pli(struct client *c, uint32_t ssrc)
{
	uint8_t buf[100];
	size_t len = 0;

	assert_int_equal(rtcp_write_pli(buf, sizeof(buf), &len, 77, ssrc), 0);
	client_rtcp(c, buf, len);
	world_step(&w);
}

static void constraints(struct client *c, const char *fields)
{
	char text[300];

	snprintf(text, sizeof(text), "{\"colibriClass\":\"ReceiverVideoConstraints\"%s%s}", *fields ? "," : "", fields);
	client_channel(c, text);
	world_step(&w);
}

static void check_picture(const struct got *g, uint16_t seq, uint16_t made_as)
{
	size_t len;

	assert_non_null(g);
	assert_int_equal(g->r.seq, seq);
	assert_int_equal(g->r.pt, PT_VP8);
	assert_true(g->r.marker);
	assert_int_equal(g->r.payload_len, 40);
	assert_int_equal(g->r.payload[7], (uint8_t)(made_as + 7));
	assert_int_equal(g->r.timestamp, made_as * 3000u);
	assert_non_null(rtp_ext_find(&g->r, EXT_ABS, &len));
}

static void a_receiver_begins_with_a_whole_picture(void **state)
{
	struct rtcp_packet p;

	(void)state;
	/* Asked for as soon as somebody is to see it. */
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, &p), 1);
	assert_int_equal(p.media_ssrc, V);
	assert_int_equal(p.ssrc, BRIDGE_VIDEO);
	show(100, false);
	show(101, false);
	assert_int_equal(client_count(b, V), 0);
	show(102, true);
	show(103, false);
	assert_int_equal(client_count(b, V), 2);
	check_picture(client_last(b, V), 103, 103);
	assert_int_equal(client_count(a, V), 0);
	/* As long as somebody waits it is asked for again. */
	client_forget(a);
	client_join(&w, 1, "cccc", NULL);
	for (uint16_t i = 0; i < 30; i++) {
		show((uint16_t)(104 + i), false);
		world_pass(&w, 95 * MS);
	}
	assert_in_range(client_rtcp_count(a, RTCP_PLI, NULL), 3, 4);
}

static void lost_packets_are_sent_again_as_rtx(void **state)
{
	const struct got *g;

	(void)state;
	show(65534, true);
	for (uint16_t i = 0; i < 20; i++)
		show((uint16_t)(65535 + i), false);
	client_forget(b);
	nack(b, 3);
	assert_int_equal(b->rtps, 1);
	g = client_last(b, RTX);
	assert_non_null(g);
	assert_int_equal(g->r.pt, PT_RTX);
	assert_int_equal(g->r.seq, 1);
	assert_int_equal(get16(g->r.payload), 3);
	assert_int_equal(g->r.payload_len, 42);
	assert_int_equal(g->r.payload[9], 3 + 7);
	/* Not twice at once, but again a while later. */
	nack(b, 3);
	assert_int_equal(b->rtps, 1);
	world_pass(&w, 50 * MS);
	nack(b, 3);
	assert_int_equal(b->rtps, 2);
	assert_int_equal(client_last(b, RTX)->r.seq, 2);
	/* What was never sent, or is long gone, cannot be. */
	nack(b, 5000);
	nack(b, 65000);
	assert_int_equal(b->rtps, 2);
}

static void without_rtx_the_same_packet_is_sent_again(void **state)
{
	struct client *c = client_join(&w, 1, "cccc", without_rtx);
	struct srtp_box *box = c->box;

	(void)state;
	world_pass(&w, 10 * MS);
	show(100, true);
	show(101, false);
	c->box = NULL;          /* 102 is lost */
	show(102, false);
	c->box = box;
	show(103, false);
	assert_int_equal(client_count(c, V), 3);
	nack(c, 102);
	assert_int_equal(client_count(c, V), 4);
	check_picture(client_last(c, V), 102, 102);
}

static void gaps_of_the_sender_are_asked_for(void **state)
{
	struct rtcp_packet p;
	uint8_t rtx[42], original[40] = { 0x90, 0xE0, 0x81, 0x23, 7, 0, 0x11 };

	(void)state;
	show(200, true);
	show(203, false);
	assert_int_equal(client_rtcp_count(a, RTCP_NACK, &p), 1);
	assert_int_equal(p.media_ssrc, V);
	assert_int_equal(get16(p.body), 201);
	assert_int_equal(get16(p.body + 2), 1);         /* and 202 */
	/* One comes as a retransmission of the browser's. */
	put16(rtx, 201);
	memcpy(rtx + 2, original, sizeof(original));
	client_send(a, &(struct send){ .pt = PT_RTX, .seq = 1, .timestamp = 201 * 3000u, .ssrc = RTX, .marker = true,
				       .level = -1, .tcc = -1, .p = rtx, .len = sizeof(rtx) });
	world_step(&w);
	assert_int_equal(client_count(b, V), 3);
	assert_int_equal(client_last(b, V)->r.seq, 201);
	assert_int_equal(client_last(b, V)->r.pt, PT_VP8);
	assert_memory_equal(client_last(b, V)->r.payload, original, sizeof(original));
	/* The same once more is thrown away; so is padding. */
	client_send(a, &(struct send){ .pt = PT_RTX, .seq = 2, .timestamp = 201 * 3000u, .ssrc = RTX,
				       .level = -1, .tcc = -1, .p = rtx, .len = sizeof(rtx) });
	client_send(a, &(struct send){ .pt = PT_RTX, .seq = 3, .timestamp = 1, .ssrc = RTX,
				       .level = -1, .tcc = -1, .p = rtx, .len = 0 });
	world_step(&w);
	assert_int_equal(client_count(b, V), 3);
	/* The other one is asked for ten times in all, every 150 ms. */
	world_pass(&w, 3 * S);
	assert_int_equal(client_rtcp_count(a, RTCP_NACK, &p), 10);
	assert_int_equal(get16(p.body), 202);
	assert_int_equal(get16(p.body + 2), 0);
	/* Late, but it comes. */
	client_show(a, V, 202, false);
	world_step(&w);
	assert_int_equal(client_count(b, V), 4);
	/* A break is no loss. */
	client_forget(a);
	show(400, true);
	assert_int_equal(client_rtcp_count(a, RTCP_NACK, NULL), 0);
}

static void keyframes_are_asked_for_in_the_receiver_s_name(void **state)
{
	uint8_t buf[100];
	size_t len = 0;

	(void)state;
	show(100, true);
	world_pass(&w, S);
	client_forget(a);
	for (int i = 0; i < 10; i++)
		pli(b, V);
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 1);
	world_pass(&w, 500 * MS);
	assert_int_equal(rtcp_write_fir(buf, sizeof(buf), &len, 77, V, 1), 0);
	client_rtcp(b, buf, len);
	world_step(&w);
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 2);
	world_pass(&w, 500 * MS);
	pli(b, V);
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 3);
	/* Three in ten seconds are enough. */
	for (int i = 0; i < 8; i++) {
		world_pass(&w, S);
		pli(b, V);
	}
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 3);
	world_pass(&w, 3 * S);
	pli(b, V);
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 4);
	/* One's own, sound, and what nobody has. */
	client_forget(a);
	pli(b, 10);
	pli(b, 4711);
	pli(a, V);
	assert_int_equal(client_rtcp_count(a, RTCP_PLI, NULL), 0);
}

static void who_wants_no_picture_gets_none(void **state)
{
	struct client *c = client_join(&w, 1, "cccc", no_video);

	(void)state;
	forward_channel_open(w.f, 1, "bbbb", w.now);
	world_step(&w);
	/* With a channel nothing comes before it says what it wants. */
	assert_non_null(client_message(b, "\"forwardedSources\":[]"));
	show(100, true);
	assert_int_equal(client_count(b, V), 0);
	assert_int_equal(client_count(c, V), 0);
	constraints(b, "\"lastN\":-1");
	assert_non_null(client_message(b, "\"forwardedSources\":[\"aaaa-v0\"]"));
	show(101, true);
	assert_int_equal(client_count(b, V), 1);
	constraints(b, "\"lastN\":0");
	show(102, true);
	constraints(b, "\"lastN\":1,\"constraints\":{\"aaaa-v0\":{\"maxHeight\":0}}");
	show(103, true);
	assert_int_equal(client_count(b, V), 1);
	constraints(b, "\"defaultConstraints\":{\"maxHeight\":0},\"constraints\":{\"aaaa-v0\":{\"maxHeight\":360}}");
	show(104, true);
	assert_int_equal(client_count(b, V), 2);
	client_channel(b, "{\"colibriClass\":\"LastNChangedEvent\",\"lastN\":0}");
	world_step(&w);
	show(105, true);
	assert_int_equal(client_count(b, V), 2);
}

/* The numbers go on where they stopped: the receiver sees no loss. */
static void a_picture_that_was_off_goes_on_without_a_gap(void **state)
{
	(void)state;
	forward_channel_open(w.f, 1, "bbbb", w.now);
	constraints(b, "\"lastN\":-1");
	show(100, true);
	show(101, false);
	constraints(b, "\"lastN\":0");
	for (uint16_t i = 102; i < 150; i++)
		show(i, i % 10 == 0);
	constraints(b, "\"lastN\":-1");
	show(150, false);
	show(151, true);
	show(152, false);
	assert_int_equal(client_count(b, V), 4);
	check_picture(b->rtp + 2, 102, 151);
	check_picture(b->rtp + 3, 103, 152);
	client_forget(b);
	nack(b, 103);
	assert_int_equal(get16(client_last(b, RTX)->r.payload), 103);
	assert_int_equal(client_last(b, RTX)->r.payload[9], (uint8_t)(152 + 7));
	/* Those from before are no business of this stretch. */
	nack(b, 101);
	assert_int_equal(b->rtps, 1);
}

/* Its first packet was lost on the way to us: what followed waits for it. */
static void a_keyframe_whose_beginning_comes_late_is_whole(void **state)
{
	(void)state;
	show(100, false);
	show(102, false);
	show(103, false);
	client_show(a, V, 101, true);
	world_step(&w);
	assert_int_equal(client_count(b, V), 3);
	assert_int_equal(b->rtp[0].r.seq, 101);
	assert_int_equal(b->rtp[1].r.seq, 102);
	assert_int_equal(b->rtp[2].r.seq, 103);
}

static void senders_are_told_what_is_wanted(void **state)
{
	(void)state;
	forward_channel_open(w.f, 1, "aaaa", w.now);
	world_step(&w);
	assert_non_null(client_message(a, "\"SenderSourceConstraints\",\"sourceName\":\"aaaa-v0\",\"maxHeight\":180"));
	forward_channel_open(w.f, 1, "bbbb", w.now);
	world_step(&w);
	assert_non_null(client_message(a, "\"maxHeight\":0"));
	constraints(b, "\"constraints\":{\"aaaa-v0\":{\"maxHeight\":720}}");
	assert_non_null(client_message(a, "\"maxHeight\":720"));
	client_forget(a);
	constraints(b, "\"lastN\":5");          /* nothing changed */
	assert_null(client_message(a, "maxHeight"));
	client_leave(b);
	world_step(&w);
	assert_non_null(client_message(a, "\"maxHeight\":0"));
}

static void of_several_layers_the_first_is_passed_on(void **state)
{
	char name[] = "aaaa-v0", none[1] = "";
	struct source src[6];
	struct source_group g[4] = {
		{ .semantics = "SIM", .video = true, .owner = a->id, .ssrc = { 41, 42, 43 }, .count = 3 },
		{ .semantics = "FID", .video = true, .owner = a->id, .ssrc = { 41, 51 }, .count = 2 },
		{ .semantics = "FID", .video = true, .owner = a->id, .ssrc = { 42, 52 }, .count = 2 },
		{ .semantics = "FID", .video = true, .owner = a->id, .ssrc = { 43, 53 }, .count = 2 },
	};
	struct source_set s = { .v = src, .count = 6, .g = g, .groups = 4 };
	struct rtcp_packet p;

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		src[i] = (struct source){ .ssrc = (i < 3 ? 41 : 48) + i, .video = true, .owner = a->id, .name = name, .msid = none };
	forward_channel_open(w.f, 1, "aaaa", w.now);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	forward_sources(w.f, 1, "aaaa", &s, w.now);
	constraints(b, "\"defaultConstraints\":{\"maxHeight\":720}");
	assert_non_null(client_message(a, "\"maxHeight\":180"));
	world_pass(&w, 300 * MS);
	assert_true(client_rtcp_count(a, RTCP_PLI, &p) > 0);
	assert_int_equal(p.media_ssrc, 41);
	for (uint32_t i = 0; i < 3; i++)
		client_show(a, 41 + i, 100, true);
	world_step(&w);
	assert_int_equal(client_count(b, 41), 1);
	assert_int_equal(b->rtps, 1);
	client_forget(b);
	nack(b, 100);                   /* of V, which is no more */
	assert_int_equal(b->rtps, 0);
	/* The larger ones are reported on all the same. */
	world_pass(&w, 600 * MS);
	assert_int_equal(client_rtcp_count(a, RTCP_RR, &p), 1);
	assert_int_equal(p.reports, 3);
}

static void last_n_goes_by_stage_selection_and_speech(void **state)
{
	struct client *c = client_join(&w, 1, "cccc", NULL), *d = client_join(&w, 1, "dddd", NULL);

	(void)state;
	client_sources(c, 60, 61, 62);
	client_sources(d, 70, 71, 72);
	forward_channel_open(w.f, 1, "bbbb", w.now);
	constraints(b, "\"lastN\":1");
	for (uint16_t i = 0; i < 100; i++) {
		client_say(d, 70, i, i < 25 ? 100 : 20);
		world_pass(&w, 15 * MS);
	}
	assert_non_null(client_message(b, "\"forwardedSources\":[\"dddd-v0\"]"));
	client_forget(b);
	constraints(b, "\"selectedSources\":[\"cccc-v0\"]");
	assert_non_null(client_message(b, "\"forwardedSources\":[\"cccc-v0\"]"));
	constraints(b, "\"onStageSources\":[\"aaaa-v0\"]");
	assert_non_null(client_message(b, "\"forwardedSources\":[\"aaaa-v0\"]"));
	constraints(b, "\"lastN\":2");
	assert_non_null(client_message(b, "\"forwardedSources\":[\"aaaa-v0\",\"cccc-v0\"]"));
	/* Who turns his camera off makes room. */
	forward_channel_open(w.f, 1, "aaaa", w.now);
	client_channel(a, "{\"colibriClass\":\"SourceVideoTypeMessage\",\"sourceName\":\"aaaa-v0\",\"videoType\":\"none\"}");
	world_step(&w);
	assert_non_null(client_message(b, "\"forwardedSources\":[\"cccc-v0\",\"dddd-v0\"]"));
	client_channel(a, "{\"colibriClass\":\"SourceVideoTypeMessage\",\"sourceName\":\"aaaa-v0\",\"videoType\":\"CAMERA\"}");
	forward_force_mute(w.f, 1, "cccc", true, true);
	world_step(&w);
	assert_non_null(client_message(b, "\"forwardedSources\":[\"aaaa-v0\",\"dddd-v0\"]"));
	client_show(c, 61, 1, true);
	world_step(&w);
	assert_int_equal(client_count(b, 61), 0);
}

/* What comes beside is no reason to begin anew. */
static void a_change_of_sources_leaves_the_others_going(void **state)
{
	(void)state;
	show(100, true);
	client_sources(a, 12, V, RTX);          /* another microphone */
	world_step(&w);
	show(101, false);
	assert_int_equal(client_count(b, V), 2);
	nack(b, 100);
	assert_int_equal(client_count(b, RTX), 1);
	client_sources(a, 12, 0, 0);            /* the camera is gone */
	show(102, true);
	assert_int_equal(client_count(b, V), 2);
}

/* Of another codec nothing is known here: it begins at once. */
static void another_codec_is_passed_on_from_the_first_packet(void **state)
{
	uint8_t p[40] = { 0x7C, 0x01 };

	(void)state;
	client_send(a, &(struct send){ .pt = 107, .seq = 5, .ssrc = V, .level = -1, .tcc = -1, .p = p, .len = sizeof(p) });
	world_step(&w);
	assert_int_equal(client_count(b, V), 1);
	assert_int_equal(client_last(b, V)->r.pt, 107);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_it, close_it)

const struct CMUnitTest test_video[] = {
	TEST(a_receiver_begins_with_a_whole_picture),
	TEST(lost_packets_are_sent_again_as_rtx),
	TEST(without_rtx_the_same_packet_is_sent_again),
	TEST(gaps_of_the_sender_are_asked_for),
	TEST(keyframes_are_asked_for_in_the_receiver_s_name),
	TEST(who_wants_no_picture_gets_none),
	TEST(a_picture_that_was_off_goes_on_without_a_gap),
	TEST(a_keyframe_whose_beginning_comes_late_is_whole),
	TEST(senders_are_told_what_is_wanted),
	TEST(of_several_layers_the_first_is_passed_on),
	TEST(last_n_goes_by_stage_selection_and_speech),
	TEST(a_change_of_sources_leaves_the_others_going),
	TEST(another_codec_is_passed_on_from_the_first_packet),
	{0}
};
