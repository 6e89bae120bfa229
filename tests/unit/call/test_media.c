/* test_media.c - the media thread against a far side on the test's own loop
 *
 * In real time and with real sockets of this machine: all is waited for by
 * events, with a deadline that only a broken program meets.
 */
#include <nice/agent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "call/media.h"
#include "call/media_priv.h"
#include "unit/unit.h"

enum { DEADLINE_US = 8000000 };

static const char near_pwd[] = "0123456789abcdefghijkl", far_pwd[] = "lkjihgfedcba9876543210";

struct world {
	struct loop *loop;
	struct loop_timer *timer;
	/* ours */
	struct media *media;            /* also read on the media thread */
	_Atomic(struct media *) speaking;
	atomic_uint frames, ticks, threads_mixed;
	int64_t next_us;                /* media thread */
	enum peer_state state;
	char sid[16], why[200];
	unsigned states;
	/* the far side */
	struct peer *far;
	struct dtls_cert *cert;
	enum peer_state far_state;
	unsigned far_frames;
};

static void sink_frame(void *ctx, const struct media_frame *f)
{
	struct world *w = ctx;

	if (f->len == 40 && f->ssrc == 7)
		atomic_fetch_add(&w->frames, 1);
}

static int64_t sink_tick(void *ctx, int64_t now_us)
{
	struct world *w = ctx;
	struct media *m = atomic_load(&w->speaking);
	uint8_t payload[40] = { 0 };
	struct media_packet pkt = { payload, 40, 960, -20, true, false };

	atomic_fetch_add(&w->ticks, 1);
	if (m && now_us >= w->next_us) {
		media_send(m, &pkt, now_us);
		w->next_us = now_us + 20000;
	}
	return now_us + 10000;
}

static void on_state(void *ctx, const char *sid, int state, const char *why)
{
	struct world *w = ctx;

	w->state = (enum peer_state)state;
	w->states++;
	text_copy(w->sid, sizeof(w->sid), sid);
	text_copy(w->why, sizeof(w->why), why);
}

static void on_want(void *ctx, const char *sid, enum call_want want, const char *why)
{
	(void)ctx;
	(void)sid;
	(void)want;
	(void)why;
}

static void on_channel(void *ctx, const char *sid, bool open, bool over, const char *why)
{
	(void)ctx;
	(void)sid;
	(void)open;
	(void)over;
	(void)why;
}

static void on_text(void *ctx, const char *sid, const char *text, size_t len)
{
	(void)ctx;
	(void)sid;
	(void)text;
	(void)len;
}

static void far_on_state(void *ctx, enum peer_state state, const char *why)
{
	struct world *w = ctx;

	(void)why;
	w->far_state = state;
}

static void far_on_frame(void *ctx, const struct media_frame *f)
{
	struct world *w = ctx;

	w->far_frames += f->len == 40;
}

static void far_tick(void *ctx, int64_t now_us)
{
	struct world *w = ctx;
	uint8_t payload[40] = { 0 };
	struct media_packet pkt = { payload, 40, 960, -20, true, false };

	if (w->far) {
		if (w->far_state == PEER_UP)
			peer_send(w->far, &pkt, now_us);
		peer_tick(w->far, now_us);
	}
	loop_timer_set(w->timer, now_us + 20000);
}

static void open_world(struct world *w, const struct media_config *cfg)
{
	static const struct media_sink sink = { sink_frame, sink_tick };
	static const struct media_events ev = { on_state, on_channel, on_text, on_want };

	memset(w, 0, sizeof(*w));
	assert_int_equal(loop_new(&w->loop, "test"), 0);
	loop_iterate(w->loop, 0);
	assert_int_equal(dtls_cert_new(&w->cert), 0);
	assert_int_equal(loop_timer_new(&w->timer, w->loop, "far", far_tick, w), 0);
	loop_timer_set(w->timer, clock_now_us());
	assert_int_equal(media_new(&w->media, w->loop, cfg, &sink, w, &ev, w), 0);
	assert_int_equal(strlen(media_fingerprint(w->media)), 95);
}

static void close_world(struct world *w)
{
	unsigned states;

	media_free(&w->media);
	states = w->states;
	peer_free(&w->far);
	loop_timer_free(&w->timer);
	for (int i = 0; i < 50; i++)
		loop_iterate(w->loop, 0);
	assert_int_equal(w->states, states);    /* nothing is told afterwards */
	dtls_cert_free(&w->cert);
	loop_free(&w->loop);
}

static int make_far(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	return transport_nice_new(out, make_ctx, ev, ctx);
}

/* The tests know that the agent follows the common part of a transport. */
static uint16_t port_of(struct transport *t)
{
	NiceAgent *agent = *(NiceAgent **)(t + 1);
	GSList *list = nice_agent_get_local_candidates(agent, 1, 1);
	uint16_t port = 0;

	for (GSList *i = list; i; i = i->next) {
		NiceCandidate *c = i->data;
		char ip[64];

		nice_address_to_string(&c->addr, ip);
		if (!strcmp(ip, "127.0.0.1"))
			port = (uint16_t)nice_address_get_port(&c->addr);
	}
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	assert_int_not_equal(port, 0);
	return port;
}

static void open_far(struct world *w)
{
	static const struct peer_events ev = { far_on_state, far_on_frame, NULL, NULL, NULL };
	struct transport_nice_config t = {
		.context = loop_context(w->loop), .controlling = true, .loopback = true,
		.local_ufrag = "far0", .local_pwd = far_pwd, .remote_ufrag = "near", .remote_pwd = near_pwd,
	};
	struct peer_config cfg = {
		.cert = w->cert, .dtls_client = false, .hash = "sha-256",
		.fingerprint = media_fingerprint(w->media), .ssrc = 7, .cname = "far", .pt_opus = 111, .ext_level = 1,
	};

	w->far_state = PEER_CONNECTING;
	assert_int_equal(peer_new(&w->far, &cfg, make_far, &t, &ev, w), 0);
}

static void start(struct world *w, const char *sid, uint16_t port, const struct ext_service *v, size_t n)
{
	struct jingle *offer = calloc(1, sizeof(*offer));
	struct call_media p = {
		.offer = offer, .local_ufrag = "near", .local_pwd = near_pwd, .ssrc = 5, .cname = "near",
		.sid = sid, .services = v, .service_count = n,
	};

	assert_non_null(offer);
	offer->audio.present = true;
	offer->audio.payloads = 1;
	offer->audio.payload[0].id = 111;
	text_copy(offer->audio.payload[0].name, sizeof(offer->audio.payload[0].name), "opus");
	text_copy(offer->transport.ufrag, sizeof(offer->transport.ufrag), "far0");
	text_copy(offer->transport.pwd, sizeof(offer->transport.pwd), far_pwd);
	text_copy(offer->transport.hash, sizeof(offer->transport.hash), "sha-256");
	text_copy(offer->transport.fingerprint, sizeof(offer->transport.fingerprint), dtls_cert_fingerprint(w->cert));
	text_copy(offer->transport.setup, sizeof(offer->transport.setup), "actpass");
	if (port) {
		struct jingle_candidate *c = &offer->transport.cand[offer->transport.cands++];

		text_copy(c->ip, sizeof(c->ip), "127.0.0.1");
		text_copy(c->type, sizeof(c->type), "host");
		text_copy(c->foundation, sizeof(c->foundation), "1");
		c->port = port;
		c->priority = 2130706431;
	}
	media_start(w->media, &p);
	free(offer);            /* it was lent */
}

static void run_until(struct world *w, bool (*done)(struct world *w))
{
	int64_t end = clock_now_us() + DEADLINE_US;

	while (!done(w) && clock_now_us() < end)
		loop_iterate(w->loop, 20000);
	assert_true(done(w));
}

static bool is_up(struct world *w)
{
	return w->state == PEER_UP && w->far_state == PEER_UP;
}

static bool has_failed(struct world *w)
{
	return w->state == PEER_FAILED;
}

static bool both_heard(struct world *w)
{
	return w->far_frames > 10 && atomic_load(&w->frames) > 10;
}

static void test_session(void **state)
{
	struct media_config cfg = { 0 };
	struct media_stats st;
	uint64_t before;
	struct world w;

	(void)state;
	open_world(&w, &cfg);
	atomic_store(&w.speaking, w.media);
	open_far(&w);
	start(&w, "s1", port_of(peer_transport(w.far)), NULL, 0);
	run_until(&w, is_up);
	assert_string_equal(w.sid, "s1");
	run_until(&w, both_heard);
	for (int64_t end = clock_now_us() + 600000; clock_now_us() < end;)
		loop_iterate(w.loop, 20000);
	media_stats(w.media, &st);
	assert_true(st.peer.in_packets > 10 && st.peer.out_packets > 10);
	assert_int_equal(st.sources, 1);
	assert_int_equal(st.source[0].ssrc, 7);
	assert_true(text_starts(st.peer.path, "udp host 127.0.0.1:"));
	before = st.peer.in_packets;
	/* A second session in place of the first; figures go on counting. */
	peer_free(&w.far);
	open_far(&w);
	start(&w, "s2", port_of(peer_transport(w.far)), NULL, 0);
	w.state = PEER_CONNECTING;
	run_until(&w, is_up);
	assert_string_equal(w.sid, "s2");
	media_stats(w.media, &st);
	assert_true(st.peer.in_packets >= before);
	media_stop(w.media);
	atomic_store(&w.speaking, NULL);
	close_world(&w);
}

static void note(void *ctx)
{
	*(pthread_t *)ctx = pthread_self();
}

static void slow(void *ctx)
{
	(void)ctx;
	for (int64_t end = clock_now_us() + 50000; clock_now_us() < end;)
		;
}

static void test_run(void **state)
{
	struct media_config cfg = { 0 };
	pthread_t a, b;
	struct world w;

	(void)state;
	open_world(&w, &cfg);
	media_run(w.media, note, &a);
	media_run(w.media, slow, NULL);
	media_run(w.media, note, &b);
	assert_true(pthread_equal(a, b));
	assert_false(pthread_equal(a, pthread_self()));
	assert_true(atomic_load(&w.ticks) > 0);
	/* Stopped without a session, started and freed at once: nothing hangs. */
	media_stop(w.media);
	start(&w, "s1", 9, NULL, 0);
	media_stop(w.media);
	start(&w, "s2", 9, NULL, 0);
	close_world(&w);
}

/* Nothing is sent but by a relay: without one that is an error with words. */
static void test_relay_only(void **state)
{
	struct media_config cfg = { .relay_only = true };
	struct world w;

	(void)state;
	open_world(&w, &cfg);
	start(&w, "s1", 9, NULL, 0);
	run_until(&w, has_failed);
	assert_non_null(strstr(w.why, "no relay"));
	close_world(&w);
}

static void test_servers(void **state)
{
	char udp[] = "udp", stun[] = "stun", turn[] = "turn", turns[] = "turns", host[] = "127.0.0.2", user[] = "u", pw[] = "p";
	struct ext_service v[3] = {
		{ .type = turn, .host = host, .port = 3479, .transport = udp, .username = user, .password = pw },
		{ .type = turns, .host = host, .port = 443, .transport = udp },
		{ .type = stun, .host = host, .port = 3478, .transport = udp },
	};
	struct media_servers s = { 0 };
	struct loop *l;

	(void)state;
	assert_int_equal(loop_new(&l, "test"), 0);
	loop_iterate(l, 0);
	media_servers_add_turn(&s, "turn:me:se:cret@10.0.0.1:99?transport=tcp");
	media_servers_add_turn(&s, "turns:me:x@10.0.0.9");
	media_servers_add_turn(&s, "turn:nonsense");
	media_servers_add_turn(&s, "");
	media_servers_add_turn(&s, "turn:me:x@[::1]:7");
	media_servers_add_services(&s, v, 3);
	assert_int_equal(s.count, 5);           /* a STUN server is none */
	assert_string_equal(s.v[1].type, "turns");
	assert_int_equal(s.v[1].port, 443);
	assert_string_equal(s.v[1].protocol, "tcp");
	assert_string_equal(s.v[0].user, "me");
	assert_string_equal(s.v[0].password, "se:cret");
	assert_string_equal(s.v[0].protocol, "tcp");
	assert_int_equal(s.v[0].port, 99);
	assert_string_equal(s.v[2].host, "::1");
	assert_int_equal(s.v[2].port, 7);
	assert_string_equal(s.v[3].host, "127.0.0.2");
	media_servers_look_up(&s, l, NULL, NULL);
	assert_int_equal(s.waiting, 0);         /* numbers need no thread */
	assert_int_equal(media_servers_relays(&s, false), 3);
	assert_int_equal(media_servers_relays(&s, true), 5);
	assert_true(media_servers_want_tls(&s));
	media_servers_clear(&s);
	loop_free(&l);
}

static void test_servers_changed(void **state)
{
	char udp[] = "udp", turn[] = "turn", a[] = "a.test", b[] = "b.test", user[] = "u", pw[] = "p", later[] = "v";
	struct ext_service v[2] = {
		{ .type = turn, .host = a, .port = 3478, .transport = udp, .username = user, .password = pw },
		{ .type = turn, .host = b, .port = 3478, .transport = udp, .username = user, .password = pw },
	};
	struct media_servers s = { 0 }, now = { 0 }, none = { 0 };

	(void)state;
	media_servers_add_services(&s, v, 2);
	v[0].username = later;
	media_servers_add_services(&now, v, 2);
	assert_false(media_servers_changed(&s, &s, NULL));
	assert_true(media_servers_changed(&s, &now, NULL));
	assert_true(media_servers_changed(&s, &now, "a.test"));
	assert_false(media_servers_changed(&s, &now, "b.test"));
	assert_true(media_servers_changed(&s, &none, "b.test"));
	assert_true(media_servers_changed(&none, &s, NULL));
	assert_false(media_servers_changed(&none, &none, NULL));
	media_servers_clear(&s);
	media_servers_clear(&now);
}

const struct CMUnitTest test_media[] = {
	cmocka_unit_test(test_session),
	cmocka_unit_test(test_run),
	cmocka_unit_test(test_relay_only),
	cmocka_unit_test(test_servers), cmocka_unit_test(test_servers_changed),
	{ 0 }
};
