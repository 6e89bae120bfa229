/* test_bridge.c - the bridge as a whole: its thread, its port, real clients
 *
 * On loopback, in real time; everything is waited for by events, with a
 * deadline that only a broken program meets.
 */
#include "host/bridge.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "host/bridge_priv.h"
#include "rtc/peer.h"
#include "unit/unit.h"

enum { PEOPLE = 3, FRAMES = 30, DEADLINE_US = 10000000, FRAME_LEN = 80 };

struct person {
	struct world *w;
	char id[8];
	uint32_t ssrc;
	struct dtls_cert *cert;
	struct peer *peer;
	struct jingle_transport offer;
	struct transport_nice_config nice;
	struct ice_candidate cand;
	enum peer_state state;
	unsigned up, failed;            /* as the bridge says */
	char why[100];
	unsigned heard[PEOPLE + 1];     /* frames by who said them */
	unsigned messages;
	char last[300];
};

struct world {
	struct loop *loop;
	struct bridge *bridge;
	struct loop_timer *timer;
	struct person p[PEOPLE];
};

static struct person *person_of(struct world *w, const char *id)
{
	for (size_t i = 0; i < PEOPLE; i++)
		if (!strcmp(w->p[i].id, id))
			return w->p + i;
	fail_msg("an event about %s", id);
	return NULL;
}

static void on_bridge_state(void *ctx, unsigned room, const char *id, uint64_t session,
			    enum bridge_endpoint_state state, const char *why)
{
	struct person *p = person_of(ctx, id);

	assert_int_equal(room, 7);
	assert_int_equal(session, 5);
	p->up += state == BRIDGE_UP;
	p->failed += state == BRIDGE_FAILED;
	snprintf(p->why, sizeof(p->why), "%s", why);
}

static void on_channel_send(void *ctx, unsigned room, const char *id, const char *text, size_t len)
{
	struct person *p = person_of(ctx, id);

	assert_int_equal(room, 7);
	assert_int_equal(strlen(text), len);
	p->messages++;
	snprintf(p->last, sizeof(p->last), "%s", text);
}

static void on_peer_state(void *ctx, enum peer_state state, const char *why)
{
	(void)why;
	((struct person *)ctx)->state = state;
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct person *p = ctx;

	assert_int_equal(f->len, FRAME_LEN);
	for (size_t i = 0; i < f->len; i++)
		assert_int_equal(f->payload[i], (uint8_t)(f->ssrc + f->seq * 3 + i));
	assert_int_equal(f->level, -20);
	assert_in_range(f->ssrc, 1, PEOPLE);
	p->heard[f->ssrc]++;
}

static int make(void *ctx, struct transport **out, const struct transport_events *ev, void *ev_ctx)
{
	return transport_nice_new(out, ctx, ev, ev_ctx);
}

static void on_timer(void *ctx, int64_t now_us)
{
	struct world *w = ctx;

	for (size_t i = 0; i < PEOPLE; i++)
		if (w->p[i].peer)
			peer_tick(w->p[i].peer, now_us);
	loop_timer_set(w->timer, now_us + 10000);
}

static void open_world(struct world *w)
{
	static const struct bridge_events ev = { on_bridge_state, on_channel_send };
	struct bridge_config cfg = { .address = "127.0.0.1" };

	memset(w, 0, sizeof(*w));
	assert_int_equal(loop_new(&w->loop, "test"), 0);
	assert_int_equal(loop_timer_new(&w->timer, w->loop, "test", on_timer, w), 0);
	loop_timer_set(w->timer, 0);
	assert_int_equal(bridge_new(&w->bridge, w->loop, &cfg, &ev, w), 0);
	assert_int_not_equal(bridge_port(w->bridge), 0);
}

static void close_world(struct world *w)
{
	bridge_free(&w->bridge);
	assert_null(w->bridge);
	for (size_t i = 0; i < PEOPLE; i++) {
		peer_free(&w->p[i].peer);
		dtls_cert_free(&w->p[i].cert);
	}
	loop_timer_free(&w->timer);
	for (int i = 0; i < 50; i++)
		loop_iterate(w->loop, 0);
	loop_free(&w->loop);
}

static void offer(struct world *w, size_t i)
{
	struct person *p = w->p + i;
	struct bridge_endpoint e = { .room = 7, .session = 5, .pt_opus = 111, .ext_level = 1, .id = p->id };

	p->w = w;
	p->ssrc = (uint32_t)i + 1;
	snprintf(p->id, sizeof(p->id), "p%zu", i);
	assert_int_equal(dtls_cert_new(&p->cert), 0);
	assert_int_equal(bridge_add(w->bridge, &e, &p->offer), 0);
	assert_true(p->offer.present);
	assert_string_equal(p->offer.setup, "actpass");
	assert_string_equal(p->offer.hash, "sha-256");
	assert_int_equal(p->offer.cands, 1);
	assert_string_equal(p->offer.cand[0].ip, "127.0.0.1");
	assert_int_equal(p->offer.cand[0].port, bridge_port(w->bridge));
	assert_true(strlen(p->offer.ufrag) >= 4 && strlen(p->offer.pwd) >= 22);
}

static void accept_offer(struct world *w, size_t i, const char *pwd)
{
	struct person *p = w->p + i;
	struct peer_config cfg = {
		.cert = p->cert, .dtls_client = true, .hash = p->offer.hash, .fingerprint = p->offer.fingerprint,
		.ssrc = p->ssrc, .cname = p->id, .pt_opus = 111, .ext_level = 1, .first_seq = 65530,
	};
	static const struct peer_events ev = { on_peer_state, on_frame, NULL, NULL, NULL };
	struct jingle_transport answer = { .pwd = "0123456789abcdefghijkl", .setup = "active", .hash = "sha-256" };
	struct source src = { .ssrc = p->ssrc, .owner = p->id, .name = p->id, .msid = p->id };
	struct source_set s = { .v = &src, .count = 1 };

	snprintf(answer.ufrag, sizeof(answer.ufrag), "peer%zu", i);
	snprintf(answer.fingerprint, sizeof(answer.fingerprint), "%s", dtls_cert_fingerprint(p->cert));
	p->cand = (struct ice_candidate){ p->offer.cand[0].ip, p->offer.cand[0].port, p->offer.cand[0].priority, "host", "1" };
	p->nice = (struct transport_nice_config){
		.context = loop_context(w->loop), .loopback = true, .local_ufrag = answer.ufrag, .local_pwd = answer.pwd,
		.remote_ufrag = p->offer.ufrag, .remote_pwd = pwd, .cand = &p->cand, .cands = 1,
	};
	assert_int_equal(peer_new(&p->peer, &cfg, make, &p->nice, &ev, p), 0);
	assert_int_equal(bridge_accept(w->bridge, 7, p->id, &answer), 0);
	bridge_sources(w->bridge, 7, p->id, &s);
}

static bool all_up(struct world *w)
{
	for (size_t i = 0; i < PEOPLE; i++)
		if (!w->p[i].up || w->p[i].state != PEER_UP)
			return false;
	return true;
}

static bool all_heard(struct world *w)
{
	for (size_t i = 0; i < PEOPLE; i++)
		for (size_t k = 0; k < PEOPLE; k++)
			if (i != k && w->p[i].heard[k + 1] < FRAMES)
				return false;
	return true;
}

static bool first_failed(struct world *w)
{
	return w->p[0].state == PEER_FAILED;
}

static bool garbage_counted(struct world *w)
{
	struct bridge_stats st;

	bridge_stats(w->bridge, &st);
	return st.dropped + st.limited >= 100;
}

static bool frames_counted(struct world *w)
{
	struct bridge_stats st;

	bridge_stats(w->bridge, &st);
	return st.in_packets >= PEOPLE * FRAMES && st.out_packets >= PEOPLE * (PEOPLE - 1) * FRAMES &&
	       st.endpoints == PEOPLE - 1;
}

static bool has_message(struct world *w)
{
	return w->p[1].messages > 0 && strstr(w->p[1].last, "hello there");
}

static bool wait_for(struct world *w, bool (*what)(struct world *w), int64_t limit_us)
{
	int64_t end = clock_now_us() + limit_us;

	while (!what(w) && clock_now_us() < end)
		loop_iterate(w->loop, 20000);
	return what(w);
}

static void say(struct world *w, unsigned frame)
{
	uint8_t payload[FRAME_LEN];
	struct media_packet pkt = { payload, FRAME_LEN, 960, -20, true, false };

	for (size_t i = 0; i < PEOPLE; i++) {
		for (size_t k = 0; k < FRAME_LEN; k++)
			payload[k] = (uint8_t)(w->p[i].ssrc + (uint16_t)(65530 + frame) * 3 + k);
		peer_send(w->p[i].peer, &pkt, clock_now_us());
	}
}

static void three_people_hear_each_other(void **state)
{
	static const char hello[] =
		"{\"colibriClass\":\"EndpointMessage\",\"to\":\"p1\",\"msgPayload\":{\"t\":\"hello there\"}}";
	struct bridge_stats st;
	struct world w;
	int64_t began;

	(void)state;
	open_world(&w);
	began = clock_now_us();
	for (size_t i = 0; i < PEOPLE; i++)
		offer(&w, i);
	for (size_t i = 0; i < PEOPLE; i++)
		accept_offer(&w, i, w.p[i].offer.pwd);
	assert_true(wait_for(&w, all_up, DEADLINE_US));
	print_message("three are up after %lld ms\n", (long long)(clock_now_us() - began) / 1000);
	for (unsigned i = 0; i < FRAMES; i++) {
		say(&w, i);
		loop_iterate(w.loop, 2000);
	}
	assert_true(wait_for(&w, all_heard, DEADLINE_US));
	for (size_t i = 0; i < PEOPLE; i++) {
		assert_int_equal(w.p[i].heard[i + 1], 0);       /* nothing of one's own */
		assert_int_equal(w.p[i].heard[(i + 1) % PEOPLE + 1], FRAMES);
	}
	bridge_channel_open(w.bridge, 7, "p0");
	bridge_channel_open(w.bridge, 7, "p1");
	bridge_channel_input(w.bridge, 7, "p0", hello, strlen(hello));
	assert_true(wait_for(&w, has_message, DEADLINE_US));
	bridge_channel_closed(w.bridge, 7, "p1");

	bridge_remove(w.bridge, 7, "p0");
	assert_true(wait_for(&w, first_failed, DEADLINE_US));   /* it was told, by DTLS */
	assert_true(wait_for(&w, frames_counted, DEADLINE_US));
	bridge_stats(w.bridge, &st);
	assert_int_equal(st.bad_srtp, 0);
	assert_int_equal(st.endpoints, PEOPLE - 1);
	close_world(&w);
}

static void strangers_are_counted_and_change_nothing(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < PEOPLE; i++)
		offer(&w, i);
	to.sin_port = htons(bridge_port(w.bridge));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 100; i++) {
		uint8_t p[100];

		for (size_t k = 0; k < sizeof(p); k++)
			p[k] = (uint8_t)(i * 7 + (int)k * 13);
		p[0] = (uint8_t)(i % 4 * 60);
		assert_int_equal(sendto(fd, p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)sizeof(p));
	}
	assert_true(wait_for(&w, garbage_counted, DEADLINE_US));
	assert_true(recv(fd, &to, sizeof(to), MSG_DONTWAIT) < 0);       /* and got no answer */
	close(fd);
	accept_offer(&w, 0, w.p[0].offer.pwd);
	accept_offer(&w, 1, w.p[1].offer.pwd);
	accept_offer(&w, 2, "not the password that was offered");
	for (int64_t end = clock_now_us() + DEADLINE_US; clock_now_us() < end && !(w.p[0].up && w.p[1].up);)
		loop_iterate(w.loop, 20000);
	assert_int_equal(w.p[0].up, 1);
	assert_int_equal(w.p[1].up, 1);
	assert_int_equal(w.p[2].up, 0);
	close_world(&w);                /* with one in the middle of things */
}

static void what_cannot_be_is_refused(void **state)
{
	struct bridge_config cfg = { .address = "not an address" };
	struct jingle_transport t = {0}, full;
	struct bridge_events ev = { on_bridge_state, on_channel_send };
	struct bridge_endpoint e = { .room = 7, .id = "" };
	struct bridge *second;
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(bridge_new(&second, w.loop, &cfg, &ev, NULL), -EINVAL);
	assert_null(second);
	cfg = (struct bridge_config){ .address = "127.0.0.1", .port = bridge_port(w.bridge) };
	assert_int_equal(bridge_new(&second, w.loop, &cfg, &ev, NULL), -EADDRINUSE);
	assert_int_equal(bridge_add(w.bridge, &e, &full), -EINVAL);
	e.id = "an id longer than any endpoint's, which has at most sixty-three letters";
	assert_int_equal(bridge_add(w.bridge, &e, &full), -EINVAL);
	assert_int_equal(bridge_accept(w.bridge, 7, "p0", &t), -EINVAL);
	assert_int_not_equal(bridge_audio_ssrc(w.bridge), bridge_video_ssrc(w.bridge));
	close_world(&w);
}

static void offers_name_addresses_that_can_be_reached(void **state)
{
	struct jingle_transport t = {0};

	(void)state;
	bridge_candidates(&t, "192.0.2.7", NULL, 10000);
	assert_int_equal(t.cands, 1);
	assert_string_equal(t.cand[0].ip, "192.0.2.7");
	assert_string_equal(t.cand[0].type, "host");
	bridge_candidates(&t, "192.0.2.7", "203.0.113.9", 10000);
	assert_int_equal(t.cands, 2);
	assert_string_equal(t.cand[1].type, "srflx");
	assert_string_equal(t.cand[1].rel_addr, "192.0.2.7");
	assert_true(t.cand[0].priority > t.cand[1].priority);
	bridge_candidates(&t, "192.0.2.7", "2001:db8::9", 10000);
	assert_string_equal(t.cand[1].type, "host");    /* of another family: nothing maps to it */
	bridge_candidates(&t, "192.0.2.7", "192.0.2.7", 10000);
	assert_int_equal(t.cands, 1);
	bridge_candidates(&t, "::", NULL, 10000);
	assert_true(t.cands >= 1);
	for (size_t i = 0; i < t.cands; i++) {
		assert_int_equal(strncmp(t.cand[i].ip, "fe80", 4) == 0, 0);
		assert_string_equal(t.cand[i].protocol, "udp");
		assert_int_equal(t.cand[i].port, 10000);
	}
}

const struct CMUnitTest test_bridge[] = {
	cmocka_unit_test(three_people_hear_each_other),
	cmocka_unit_test(strangers_are_counted_and_change_nothing),
	cmocka_unit_test(what_cannot_be_is_refused),
	cmocka_unit_test(offers_name_addresses_that_can_be_reached),
	{0}
};
