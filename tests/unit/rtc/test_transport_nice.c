/* test_transport_nice.c - two agents on this machine, in real time
 *
 * The one test of the room that waits for the kernel: everything is waited for
 * by events, with a deadline that only a broken program meets.
 */
#include "rtc/transport.h"
#include <errno.h>
#include <nice/agent.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "rtc/peer.h"
#include "unit/unit.h"

enum { DEADLINE_US = 5000000 };

static const char a_ufrag[] = "aaaa", b_ufrag[] = "bbbb";
static const char a_pwd[] = "0123456789abcdefghijkl", b_pwd[] = "lkjihgfedcba9876543210";

struct side {
	struct peer *peer;
	struct dtls_cert *cert;
	struct transport_nice_config cfg;
	struct ice_candidate cand;
	enum peer_state state;
	int64_t up_us, securing_us;
	unsigned frames;
};

static void on_state(void *ctx, enum peer_state state, const char *why)
{
	struct side *s = ctx;

	(void)why;
	s->state = state;
	if (state == PEER_SECURING)
		s->securing_us = clock_now_us();
	if (state == PEER_UP)
		s->up_us = clock_now_us();
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct side *s = ctx;

	assert_int_equal(f->len, 40);
	s->frames++;
}

static const struct peer_events events = { on_state, on_frame, NULL, NULL, NULL };

static int make(void *make_ctx, struct transport **out, const struct transport_events *ev, void *ctx)
{
	return transport_nice_new(out, make_ctx, ev, ctx);
}

static void open_side(struct side *s, struct side *other, bool client, uint32_t ssrc)
{
	struct peer_config cfg = {
		.cert = s->cert, .dtls_client = client, .hash = "sha-256",
		.fingerprint = dtls_cert_fingerprint(other->cert), .ssrc = ssrc, .cname = "x",
		.pt_opus = 111, .ext_level = 1,
	};

	assert_int_equal(peer_new(&s->peer, &cfg, make, &s->cfg, &events, s), 0);
}

/* A UDP port of 127.0.0.1 that libnice took: the agent tells its own. */
static uint16_t port_of(struct transport *t)
{
	/* The tests know that the agent follows the common part. */
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

static gboolean tick_both(gpointer data)
{
	struct side *v = data;

	for (int i = 0; i < 2; i++)
		if (v[i].peer)
			peer_tick(v[i].peer, clock_now_us());
	return G_SOURCE_CONTINUE;
}

/* Runs the context until *what is value or the deadline is over. */
static void run_until(GMainContext *c, const enum peer_state *what, enum peer_state value, int64_t limit_us)
{
	int64_t end = clock_now_us() + limit_us;

	while (*what != value && clock_now_us() < end)
		g_main_context_iteration(c, TRUE);
	assert_int_equal(*what, value);
}

static void set_up(struct side *v, GMainContext *c)
{
	memset(v, 0, 2 * sizeof(*v));
	for (int i = 0; i < 2; i++) {
		v[i].cfg = (struct transport_nice_config){
			.context = c, .controlling = i == 0, .loopback = true,
			.local_ufrag = i ? b_ufrag : a_ufrag, .local_pwd = i ? b_pwd : a_pwd,
			.remote_ufrag = i ? a_ufrag : b_ufrag, .remote_pwd = i ? a_pwd : b_pwd,
		};
		assert_int_equal(dtls_cert_new(&v[i].cert), 0);
	}
}

static void tear_down(struct side *v)
{
	for (int i = 0; i < 2; i++) {
		peer_free(&v[i].peer);
		dtls_cert_free(&v[i].cert);
	}
}

/* As with a bridge: the far side is there and knows no candidate of ours;
 * ours is told the bridge's address and has to begin. */
static void two_agents_connect_on_loopback(void **state)
{
	GMainContext *c = g_main_context_new();
	GSource *timer = g_timeout_source_new(10);
	uint8_t payload[40] = {0};
	struct media_packet pkt = { payload, 40, 960, -20, true, false };
	struct peer_stats st;
	struct side v[2];
	int64_t begin, end;

	(void)state;
	set_up(v, c);
	g_source_set_callback(timer, tick_both, v, NULL);
	g_source_attach(timer, c);
	open_side(v, v + 1, false, 1);
	v[1].cand = (struct ice_candidate){ "127.0.0.1", port_of(peer_transport(v[0].peer)), 2130706431, "host", "1" };
	v[1].cfg.cand = &v[1].cand;
	v[1].cfg.cands = 1;
	begin = clock_now_us();
	open_side(v + 1, v, true, 2);
	run_until(c, &v[1].state, PEER_UP, DEADLINE_US);
	run_until(c, &v[0].state, PEER_UP, DEADLINE_US);
	print_message("loopback: ICE %lld ms, DTLS %lld ms more\n",
		      (long long)(v[1].securing_us - begin) / 1000,
		      (long long)(v[1].up_us - v[1].securing_us) / 1000);

	for (end = clock_now_us() + DEADLINE_US; v[0].frames < 5 && clock_now_us() < end;) {
		peer_send(v[1].peer, &pkt, clock_now_us());
		g_main_context_iteration(c, TRUE);
	}
	assert_true(v[0].frames >= 5);
	peer_stats(v[1].peer, &st);
	assert_int_equal(strncmp(st.path, "udp host 127.0.0.1:", 19), 0);
	/* The far side leaves: we are told, by close_notify. */
	peer_free(&v[0].peer);
	run_until(c, &v[1].state, PEER_FAILED, DEADLINE_US);
	g_source_destroy(timer);
	g_source_unref(timer);
	tear_down(v);
	while (g_main_context_iteration(c, FALSE))
		;
	g_main_context_unref(c);
}

static void candidates_may_come_later(void **state)
{
	GMainContext *c = g_main_context_new();
	GSource *timer = g_timeout_source_new(10);
	struct ice_candidate name = { "bridge.invalid", 10000, 1, "host", "1" };
	struct side v[2];

	(void)state;
	set_up(v, c);
	g_source_set_callback(timer, tick_both, v, NULL);
	g_source_attach(timer, c);
	open_side(v, v + 1, false, 1);
	open_side(v + 1, v, true, 2);
	for (int i = 0; i < 5; i++)
		g_main_context_iteration(c, TRUE);
	assert_int_equal(v[1].state, PEER_CONNECTING);
	assert_int_equal(transport_nice_add(peer_transport(v[1].peer), &name), 0);      /* ignored */
	v[1].cand = (struct ice_candidate){ "127.0.0.1", port_of(peer_transport(v[0].peer)), 2130706431, "host", "1" };
	assert_int_equal(transport_nice_add(peer_transport(v[1].peer), &v[1].cand), 0);
	run_until(c, &v[1].state, PEER_UP, DEADLINE_US);
	/* Freed in the middle of things: no handler runs afterwards. */
	tear_down(v);
	g_source_destroy(timer);
	g_source_unref(timer);
	while (g_main_context_iteration(c, FALSE))
		;
	g_main_context_unref(c);
}

static void sending_before_it_is_up_is_refused(void **state)
{
	static const struct transport_events ev = { NULL, NULL };
	GMainContext *c = g_main_context_new();
	struct transport *t;
	struct side v[2];
	char path[96];

	(void)state;
	set_up(v, c);
	assert_int_equal(transport_nice_new(&t, &v[0].cfg, &ev, NULL), 0);
	assert_int_equal(transport_send(t, (const uint8_t *)"x", 1), -ENOTCONN);
	transport_path(t, path, sizeof(path));
	assert_string_equal(path, "");
	transport_free(&t);
	v[0].cfg.remote_pwd = NULL;
	assert_int_equal(transport_nice_new(&t, &v[0].cfg, &ev, NULL), -EINVAL);
	assert_null(t);
	tear_down(v);
	while (g_main_context_iteration(c, FALSE))
		;
	g_main_context_unref(c);
}

const struct CMUnitTest test_transport_nice[] = {
	cmocka_unit_test(two_agents_connect_on_loopback),
	cmocka_unit_test(candidates_may_come_later),
	cmocka_unit_test(sending_before_it_is_up_is_refused),
	{0}
};
