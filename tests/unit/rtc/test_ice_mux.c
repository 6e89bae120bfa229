/* test_ice_mux.c - peers on loopback and the one port that they share
 *
 * A client here is a socket with libnice's codec.  What it sends is handed to
 * the mux with a time that the test chooses; what the mux sends comes over the
 * kernel.  One test lets real agents connect by themselves.
 */
#include "rtc/ice_mux_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <unistd.h>
#include "base/clock.h"
#include "unit/unit.h"

enum { MS = 1000, S = 1000000, DEADLINE_MS = 5000 };

static const char host_pwd[] = "hosthosthosthosthost22";
static const char client_pwd[] = "clientclientclient2222";

struct client {
	int fd;
	struct mux_addr addr;
	StunAgent agent;
	const char *host_ufrag;
	bool controlling;
	bool deaf;              /* does not answer */
};

struct end {
	struct transport *t;
	enum transport_state state;
	unsigned changes, datagrams;
	char last[64];
};

struct world {
	GMainContext *context;
	struct ice_mux *mux;
	int64_t now;
	struct end a, b;
};

static void on_state(void *ctx, enum transport_state state)
{
	struct end *e = ctx;

	e->state = state;
	e->changes++;
}

static void on_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	struct end *e = ctx;

	(void)arrival_us;
	e->datagrams++;
	snprintf(e->last, sizeof(e->last), "%.*s", (int)len, (const char *)p);
}

static const struct transport_events events = { on_state, on_datagram };

static void open_world(struct world *w, const char *address)
{
	struct ice_mux_config cfg = { .address = address };

	memset(w, 0, sizeof(*w));
	w->context = g_main_context_new();
	cfg.context = w->context;
	w->now = clock_now_us();
	assert_int_equal(ice_mux_new(&w->mux, &cfg), 0);
	assert_int_not_equal(ice_mux_port(w->mux), 0);
	assert_int_equal(ice_mux_add(&w->a.t, w->mux, "hostA", host_pwd, &events, &w->a), 0);
}

static void close_world(struct world *w)
{
	transport_free(&w->a.t);
	transport_free(&w->b.t);
	ice_mux_free(&w->mux);
	g_main_context_unref(w->context);
}

static void open_client(struct client *c, const char *host_ufrag)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&s;
	socklen_t len = sizeof(s);

	memset(c, 0, sizeof(*c));
	c->host_ufrag = host_ufrag;
	c->fd = socket(AF_INET, SOCK_DGRAM, 0);
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(c->fd, (struct sockaddr *)a, sizeof(*a)), 0);
	getsockname(c->fd, (struct sockaddr *)&s, &len);
	mux_addr_from_sock(&c->addr, &s);
	stun_agent_init(&c->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

/* A datagram of the client's; from: where it seems to come from. */
static void give_from(struct world *w, const struct mux_addr *from, const void *p, size_t len)
{
	mux_input(w->mux, p, len, from, NULL, w->now);
	ice_mux_tick(w->mux, w->now);
	ice_mux_flush(w->mux);
}

static void check_from(struct world *w, struct client *c, const struct mux_addr *from, const char *pwd)
{
	char name[600];
	uint8_t buf[1024];
	StunMessage msg;
	StunTransactionId id;
	size_t len;

	snprintf(name, sizeof(name), "%s:clnt", c->host_ufrag);
	len = stun_usage_ice_conncheck_create(&c->agent, &msg, buf, sizeof(buf),
					      (const uint8_t *)name, strlen(name),
					      (const uint8_t *)pwd, strlen(pwd), false, c->controlling,
					      1234, 42, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	assert_true(len > 0);
	give_from(w, from, buf, len);
	if (from != &c->addr) {
		stun_message_id(&msg, id);
		stun_agent_forget_transaction(&c->agent, id);
	}
}

static void check(struct world *w, struct client *c)
{
	check_from(w, c, &c->addr, host_pwd);
}

static bool readable(const struct client *c, int wait_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

/* The next datagram that the mux sent to c; loopback delivers within the call
 * that sends. */
static size_t next(struct client *c, uint8_t *buf, size_t size)
{
	ssize_t n;

	if (!readable(c, 0))
		return 0;
	n = recv(c->fd, buf, size, 0);
	return n > 0 ? (size_t)n : 0;
}

static bool give_pwd(StunAgent *agent, StunMessage *msg, uint8_t *name, uint16_t name_len,
		     uint8_t **pwd, size_t *len, void *ctx)
{
	(void)agent;
	(void)msg;
	(void)name;
	(void)name_len;
	(void)ctx;
	*pwd = (uint8_t *)client_pwd;
	*len = strlen(client_pwd);
	return true;
}

/* What came of STUN while c read all: counts by class. */
struct seen { unsigned answers, errors, requests, nominating, others; int error; struct mux_addr mapped; };

static void take_request(struct world *w, struct client *c, StunMessage *rq, struct seen *s)
{
	struct sockaddr_storage src;
	uint8_t buf[1024];
	size_t len = sizeof(buf);
	bool control = c->controlling;
	StunMessage re;
	socklen_t n;

	s->requests++;
	s->nominating += stun_usage_ice_conncheck_use_candidate(rq);
	if (c->deaf)
		return;
	mux_addr_to_sock(&c->addr, false, &src, &n);
	stun_usage_ice_conncheck_create_reply(&c->agent, rq, &re, buf, &len, &src, n, &control, 42,
					      STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	give_from(w, &c->addr, buf, len);
}

static void take_answer(StunMessage *msg, struct seen *s)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	if (stun_message_get_class(msg) == STUN_ERROR) {
		s->errors++;
		stun_message_find_error(msg, &s->error);
		return;
	}
	s->answers++;
	assert_int_equal(stun_usage_ice_conncheck_process(msg, &a, &n, STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
			 STUN_USAGE_ICE_RETURN_SUCCESS);
	mux_addr_from_sock(&s->mapped, &a);
}

static struct seen serve(struct world *w, struct client *c)
{
	struct seen s = {0};
	uint8_t buf[2048];
	size_t n;

	while ((n = next(c, buf, sizeof(buf)))) {
		StunMessage msg;

		if (buf[0] > 3 || stun_agent_validate(&c->agent, &msg, buf, n, give_pwd, NULL) != STUN_VALIDATION_SUCCESS)
			s.others++;
		else if (stun_message_get_class(&msg) == STUN_REQUEST)
			take_request(w, c, &msg, &s);
		else
			take_answer(&msg, &s);
	}
	return s;
}

static void connect_client(struct world *w, struct client *c, struct end *e)
{
	check(w, c);
	assert_int_equal(ice_mux_remote(e->t, "clnt", client_pwd), 0);
	ice_mux_flush(w->mux);
	serve(w, c);
	assert_int_equal(e->state, TRANSPORT_CONNECTED);
}

/* Time passes in steps; c answers (unless it is deaf) and, every 4 s, checks. */
static void pass(struct world *w, struct client *c, int64_t us, bool checks)
{
	int64_t end = w->now + us, next_check = w->now;

	while (w->now < end) {
		w->now += 20 * MS;
		ice_mux_tick(w->mux, w->now);
		if (checks && w->now >= next_check) {
			check(w, c);
			next_check = w->now + 4 * S;
		}
		serve(w, c);
	}
}

static void a_check_is_answered_and_the_pair_nominated(void **state)
{
	struct client c;
	struct world w;
	struct seen s;
	char path[96];

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	/* Before the answer of the focus's peer is there: answered all the same. */
	check(&w, &c);
	s = serve(&w, &c);
	assert_int_equal(s.answers, 1);
	assert_true(mux_addr_same(&s.mapped, &c.addr));
	assert_int_equal(s.requests, 0);
	assert_int_not_equal(w.a.state, TRANSPORT_CONNECTED);

	assert_int_equal(ice_mux_remote(w.a.t, "clnt", client_pwd), 0);
	ice_mux_flush(w.mux);
	s = serve(&w, &c);
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.nominating, 1);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	assert_true(ice_mux_heard_us(w.a.t) > 0);

	give_from(&w, &c.addr, "\x80hello, this is RTP", 19);
	assert_int_equal(w.a.datagrams, 1);
	assert_int_equal(transport_send(w.a.t, (const uint8_t *)"\x80 and back", 10), 0);
	ice_mux_flush(w.mux);
	assert_int_equal(serve(&w, &c).others, 1);
	transport_path(w.a.t, path, sizeof(path));
	assert_int_equal(strncmp(path, "udp prflx 127.0.0.1:", 20), 0);
	close(c.fd);
	close_world(&w);
}

static void a_fast_hello_is_given_up_before_the_pair_is_valid(void **state)
{
	struct client c;
	struct world w;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	assert_int_equal(transport_send(w.a.t, (const uint8_t *)"x", 1), -ENOTCONN);
	give_from(&w, &c.addr, "\x16\xfe\xfd too early, a stranger", 24);
	assert_int_equal(w.a.datagrams, 0);
	check(&w, &c);
	serve(&w, &c);
	give_from(&w, &c.addr, "\x16\xfe\xfd a ClientHello", 17);
	assert_int_equal(w.a.datagrams, 1);
	assert_int_equal(transport_send(w.a.t, (const uint8_t *)"\x16 ServerHello", 13), 0);
	ice_mux_flush(w.mux);
	assert_int_equal(serve(&w, &c).others, 1);
	close(c.fd);
	close_world(&w);
}

static void strangers_get_no_answer_and_are_counted(void **state)
{
	struct ice_mux_stats st;
	struct client c, unknown;
	struct world w;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	open_client(&unknown, "nobody");
	give_from(&w, &c.addr, "\x80 media of nobody's", 19);
	give_from(&w, &c.addr, "", 0);
	give_from(&w, &c.addr, "\0\1\0\0garbagegarbagegarbage", 25);
	check(&w, &unknown);
	ice_mux_stats(w.mux, &st);
	assert_int_equal(st.unknown, 4);
	check_from(&w, &c, &c.addr, "wrongwrongwrongwrong22");
	ice_mux_stats(w.mux, &st);
	assert_int_equal(st.bad_integrity, 1);
	for (int i = 0; i < 100; i++)
		give_from(&w, &c.addr, "\0\1\0\0garbagegarbagegarbage", 25);
	ice_mux_stats(w.mux, &st);
	assert_int_equal(st.limited, 53);       /* 50 a second, three were used up */
	assert_int_equal(st.out, 0);
	assert_false(readable(&c, 0));
	/* A second later he is looked at again. */
	w.now += S;
	check(&w, &c);
	assert_int_equal(serve(&w, &c).answers, 1);
	close(c.fd);
	close(unknown.fd);
	close_world(&w);
}

static void checks_are_repeated_with_growing_pauses(void **state)
{
	struct client c;
	struct world w;
	unsigned n = 0;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	c.deaf = true;
	check(&w, &c);
	assert_int_equal(ice_mux_remote(w.a.t, "clnt", client_pwd), 0);
	ice_mux_flush(w.mux);
	n += serve(&w, &c).requests;
	assert_int_equal(n, 1);
	for (int64_t end = w.now + S; w.now < end; w.now += 10 * MS) {
		ice_mux_tick(w.mux, w.now);
		n += serve(&w, &c).requests;
	}
	assert_int_equal(n, 4);         /* 0, 100, 300, 700 ms */
	c.deaf = false;
	pass(&w, &c, S, false);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	close(c.fd);
	close_world(&w);
}

static void silence_is_told_and_then_final(void **state)
{
	struct client c;
	struct world w;
	int64_t began;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	connect_client(&w, &c, &w.a);
	pass(&w, &c, 120 * S, true);    /* consent goes on */
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	assert_int_equal(w.a.changes, 1);

	c.deaf = true;
	began = w.now;
	while (w.a.state == TRANSPORT_CONNECTED && w.now < began + 60 * S)
		pass(&w, &c, 20 * MS, false);
	assert_int_equal(w.a.state, TRANSPORT_DISCONNECTED);
	assert_in_range(w.now - began, 2 * S, 8100 * MS);
	c.deaf = false;
	pass(&w, &c, 3 * S, false);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);

	c.deaf = true;
	began = w.now;
	while (w.a.state != TRANSPORT_FAILED && w.now < began + 60 * S)
		pass(&w, &c, 20 * MS, false);
	assert_in_range(w.now - began, 24 * S, 30100 * MS);
	assert_int_equal(transport_send(w.a.t, (const uint8_t *)"x", 1), -ENOTCONN);
	close(c.fd);
	close_world(&w);
}

/* Media alone is no consent: anybody can forge a source address. */
static void media_alone_does_not_keep_consent(void **state)
{
	struct client c;
	struct world w;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	connect_client(&w, &c, &w.a);
	c.deaf = true;
	for (int i = 0; i < 35; i++) {
		pass(&w, &c, S, false);
		give_from(&w, &c.addr, "\x80 some media of it", 18);
		assert_int_not_equal(w.a.state, TRANSPORT_DISCONNECTED);
	}
	assert_int_equal(w.a.state, TRANSPORT_FAILED);
	close(c.fd);
	close_world(&w);
}

static void a_peer_that_moves_is_followed(void **state)
{
	struct client c, moved;
	struct world w;
	char path[96], want[96];

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	open_client(&moved, "hostA");
	connect_client(&w, &c, &w.a);
	pass(&w, &c, 2 * S, true);
	/* The old way is alive: a browser looks at another one, no more. */
	give_from(&w, &c.addr, "\x80 some media of it", 18);
	check(&w, &moved);
	serve(&w, &moved);
	pass(&w, &c, S, true);
	serve(&w, &moved);
	snprintf(want, sizeof(want), "udp prflx 127.0.0.1:%u", c.addr.port);
	transport_path(w.a.t, path, sizeof(path));
	assert_string_equal(path, want);
	/* Datagrams are taken from either. */
	give_from(&w, &moved.addr, "\x80 media the new way", 19);
	assert_int_equal(w.a.datagrams, 2);

	c.deaf = true;
	pass(&w, &c, 2 * S, false);
	check(&w, &moved);
	for (int i = 0; i < 50; i++) {
		pass(&w, &moved, 20 * MS, false);
		serve(&w, &c);
	}
	snprintf(want, sizeof(want), "udp prflx 127.0.0.1:%u", moved.addr.port);
	transport_path(w.a.t, path, sizeof(path));
	assert_string_equal(path, want);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	close(c.fd);
	close(moved.fd);
	close_world(&w);
}

/* B forges A's address as the source of its own, right check. */
static void a_forged_source_does_not_take_another_s_address(void **state)
{
	struct client a, b;
	struct world w;

	(void)state;
	open_world(&w, "127.0.0.1");
	assert_int_equal(ice_mux_add(&w.b.t, w.mux, "hostB", host_pwd, &events, &w.b), 0);
	open_client(&a, "hostA");
	open_client(&b, "hostB");
	connect_client(&w, &a, &w.a);
	connect_client(&w, &b, &w.b);
	check_from(&w, &b, &a.addr, host_pwd);
	give_from(&w, &a.addr, "\x80 media of A's here", 19);
	assert_int_equal(w.a.datagrams, 1);
	assert_int_equal(w.b.datagrams, 0);
	a.deaf = true;                  /* A's client cannot answer for B's password */
	serve(&w, &a);
	a.deaf = false;
	pass(&w, &a, 6 * S, true);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	/* A goes; its port is taken by B in truth. */
	transport_free(&w.a.t);
	check_from(&w, &b, &a.addr, host_pwd);
	give_from(&w, &a.addr, "\x80 media of B's there", 20);
	assert_int_equal(w.b.datagrams, 1);
	close(a.fd);
	close(b.fd);
	close_world(&w);
}

static void a_peer_that_wants_to_control_is_told_no(void **state)
{
	struct client c;
	struct world w;
	struct seen s;

	(void)state;
	open_world(&w, "127.0.0.1");
	open_client(&c, "hostA");
	c.controlling = true;
	check(&w, &c);
	s = serve(&w, &c);
	assert_int_equal(s.errors, 1);
	assert_int_equal(s.error, STUN_ERROR_ROLE_CONFLICT);
	c.controlling = false;
	connect_client(&w, &c, &w.a);
	close(c.fd);
	close_world(&w);
}

static void names_are_unique_and_bounded(void **state)
{
	struct transport *t;
	struct world w;
	char longest[300];

	(void)state;
	open_world(&w, "127.0.0.1");
	assert_int_equal(ice_mux_add(&t, w.mux, "hostA", host_pwd, &events, NULL), -EEXIST);
	assert_int_equal(ice_mux_add(&t, w.mux, "hos", host_pwd, &events, NULL), -EINVAL);
	assert_int_equal(ice_mux_add(&t, w.mux, "hostC", "short", &events, NULL), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(ice_mux_remote(w.a.t, longest, client_pwd), -EINVAL);
	longest[256] = 0;
	assert_int_equal(ice_mux_remote(w.a.t, longest, longest), 0);
	/* A name that is free again may be used again. */
	transport_free(&w.a.t);
	assert_int_equal(ice_mux_add(&w.a.t, w.mux, "hostA", host_pwd, &events, &w.a), 0);
	close_world(&w);
}

static void a_bad_address_or_a_taken_port_is_an_error(void **state)
{
	struct ice_mux_config cfg = { .address = "example.org" };
	struct ice_mux *m;
	struct world w;

	(void)state;
	assert_int_equal(ice_mux_new(&m, &cfg), -EINVAL);
	assert_null(m);
	open_world(&w, "127.0.0.1");
	cfg = (struct ice_mux_config){ .context = w.context, .address = "127.0.0.1", .port = ice_mux_port(w.mux) };
	assert_int_equal(ice_mux_new(&m, &cfg), -EADDRINUSE);
	close_world(&w);
}

/* ---- in real time ---- */

static gboolean tick(gpointer ctx)
{
	struct world *w = ctx;

	ice_mux_tick(w->mux, clock_now_us());
	return G_SOURCE_CONTINUE;
}

/* ip: by which the client reaches the port. */
static void agent_connects(const char *address, const char *ip)
{
	struct ice_candidate cand = { ip, 0, 2130706431, "host", "1" };
	struct transport_nice_config cfg = {
		.local_ufrag = "clnt", .local_pwd = client_pwd, .remote_ufrag = "hostA",
		.remote_pwd = host_pwd, .cand = &cand, .cands = 1, .loopback = true,
	};
	GSource *timer = g_timeout_source_new(10);
	struct end c = {0};
	struct world w;
	int64_t end;

	open_world(&w, address);
	cand.port = ice_mux_port(w.mux);
	cfg.context = w.context;
	g_source_set_callback(timer, tick, &w, NULL);
	g_source_attach(timer, w.context);
	assert_int_equal(ice_mux_remote(w.a.t, "clnt", client_pwd), 0);
	assert_int_equal(transport_nice_new(&c.t, &cfg, &events, &c), 0);
	end = clock_now_us() + DEADLINE_MS * MS;
	while ((c.state != TRANSPORT_CONNECTED || w.a.state != TRANSPORT_CONNECTED) && clock_now_us() < end)
		g_main_context_iteration(w.context, TRUE);
	assert_int_equal(c.state, TRANSPORT_CONNECTED);
	assert_int_equal(w.a.state, TRANSPORT_CONNECTED);
	transport_send(c.t, (const uint8_t *)"\x80 from the client", 17);
	transport_send(w.a.t, (const uint8_t *)"\x80 from the host", 15);
	ice_mux_flush(w.mux);
	while ((!c.datagrams || !w.a.datagrams) && clock_now_us() < end)
		g_main_context_iteration(w.context, TRUE);
	assert_string_equal(c.last, "\x80 from the host");
	assert_string_equal(w.a.last, "\x80 from the client");
	g_source_destroy(timer);
	g_source_unref(timer);
	transport_free(&c.t);
	while (g_main_context_iteration(w.context, FALSE))
		;
	close_world(&w);
}

static void an_agent_of_libnice_connects(void **state)
{
	(void)state;
	agent_connects("127.0.0.1", "127.0.0.1");
}

static void a_port_on_all_addresses_is_reached_by_each(void **state)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	bool v6 = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a));

	(void)state;
	if (fd >= 0)
		close(fd);
	agent_connects("0.0.0.0", "127.0.0.1");
	if (!v6)
		return;         /* a machine without IPv6 */
	agent_connects("::", "127.0.0.1");
	agent_connects("::", "::1");
}

const struct CMUnitTest test_ice_mux[] = {
	cmocka_unit_test(a_check_is_answered_and_the_pair_nominated),
	cmocka_unit_test(a_fast_hello_is_given_up_before_the_pair_is_valid),
	cmocka_unit_test(strangers_get_no_answer_and_are_counted),
	cmocka_unit_test(checks_are_repeated_with_growing_pauses),
	cmocka_unit_test(silence_is_told_and_then_final),
	cmocka_unit_test(media_alone_does_not_keep_consent),
	cmocka_unit_test(a_peer_that_moves_is_followed),
	cmocka_unit_test(a_forged_source_does_not_take_another_s_address),
	cmocka_unit_test(a_peer_that_wants_to_control_is_told_no),
	cmocka_unit_test(names_are_unique_and_bounded),
	cmocka_unit_test(a_bad_address_or_a_taken_port_is_an_error),
	cmocka_unit_test(an_agent_of_libnice_connects),
	cmocka_unit_test(a_port_on_all_addresses_is_reached_by_each),
	{0}
};
