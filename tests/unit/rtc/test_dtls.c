/* test_dtls.c - two ends agree on keys, over lines good and bad */
#include "rtc/dtls_priv.h"
#include <errno.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "unit/rtc/fake_clock.h"
#include "unit/unit.h"

static const int64_t START_US = INT64_C(1700000000000000);

struct end {
	struct dtls_cert *cert;
	struct dtls *d;
	struct end *other;
	enum dtls_state state;
	struct dtls_keys keys;
	char why[100];
	unsigned changes, sent, biggest, records, whole;
	uint8_t data[64];
	size_t data_len;
	/* What lies on the line towards this end. */
	struct { uint8_t p[1500]; size_t len; } queue[64];
	size_t queued;
	double loss;
};

static uint32_t lot = 1;

static bool lost(double p)
{
	lot = lot * 1664525u + 1013904223u;
	return (lot >> 8) < p * (1 << 24);
}

/* Counts records and whether they fill the datagram exactly. */
static void look_at(struct end *e, const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (len - at >= 13) {
		at += 13 + (size_t)(p[at + 11] << 8 | p[at + 12]);
		e->records++;
		if (at >= len)
			break;
	}
	e->whole += at == len;
}

static void on_send(void *ctx, const uint8_t *p, size_t len)
{
	struct end *e = ctx, *o = e->other;

	e->sent++;
	if (len > e->biggest)
		e->biggest = (unsigned)len;
	look_at(e, p, len);
	if (lost(e->loss) || o->queued == 64 || len > 1500)
		return;
	memcpy(o->queue[o->queued].p, p, len);
	o->queue[o->queued++].len = len;
}

static void on_state(void *ctx, enum dtls_state state, const struct dtls_keys *keys, const char *why)
{
	struct end *e = ctx;

	e->state = state;
	e->changes++;
	snprintf(e->why, sizeof(e->why), "%s", why);
	if (state == DTLS_UP) {
		assert_non_null(keys);
		e->keys = *keys;
	}
}

static void on_data(void *ctx, const uint8_t *p, size_t len)
{
	struct end *e = ctx;

	assert_true(len <= sizeof(e->data));
	memcpy(e->data, p, len);
	e->data_len = len;
}

static const struct dtls_events events = { on_send, on_state, on_data };

/* hash NULL: the server's fingerprint of the client comes later. */
static void open_pair(struct end *c, struct end *s, const char *hash)
{
	memset(c, 0, sizeof(*c));
	memset(s, 0, sizeof(*s));
	c->other = s;
	s->other = c;
	assert_int_equal(dtls_cert_new(&c->cert), 0);
	assert_int_equal(dtls_cert_new(&s->cert), 0);
	assert_int_equal(dtls_new(&c->d, c->cert, true, "sha-256",
				  dtls_cert_fingerprint(s->cert), &events, c), 0);
	assert_int_equal(dtls_new(&s->d, s->cert, false, hash,
				  hash ? dtls_cert_fingerprint(c->cert) : NULL, &events, s), 0);
}

static void close_pair(struct end *c, struct end *s)
{
	dtls_free(&c->d);
	dtls_free(&s->d);
	dtls_cert_free(&c->cert);
	dtls_cert_free(&s->cert);
}

static void deliver(struct end *e, int64_t now)
{
	for (size_t i = 0; i < e->queued; i++)
		dtls_input(e->d, e->queue[i].p, e->queue[i].len, now);
	e->queued = 0;
}

/* Until nothing is on the line. */
static void run(struct end *c, struct end *s, int64_t now)
{
	for (int i = 0; i < 40 && (c->queued || s->queued); i++) {
		deliver(s, now);
		deliver(c, now);
	}
}

static void both_ends_get_the_same_keys(void **state)
{
	struct end c, s;

	(void)state;
	open_pair(&c, &s, "SHA-256");
	dtls_start(c.d, 1000);
	dtls_start(s.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(c.state, DTLS_UP);
	assert_int_equal(s.state, DTLS_UP);
	assert_int_equal(c.keys.profile, DTLS_SRTP_GCM_128);
	assert_int_equal(c.keys.len, 28);
	assert_memory_equal(c.keys.send, s.keys.recv, 28);
	assert_memory_equal(c.keys.recv, s.keys.send, 28);
	assert_memory_not_equal(c.keys.send, c.keys.recv, 16);
	assert_int_equal(c.changes, 1);

	assert_int_equal(dtls_send(c.d, (const uint8_t *)"channel", 7), 0);
	run(&c, &s, 3000);
	assert_int_equal(s.data_len, 7);
	assert_memory_equal(s.data, "channel", 7);
	dtls_close(c.d);
	run(&c, &s, 4000);
	assert_int_equal(s.state, DTLS_CLOSED);
	assert_int_equal(dtls_send(s.d, (const uint8_t *)"x", 1), -ENOTCONN);
	close_pair(&c, &s);
}

static void datagrams_hold_whole_records_and_fit(void **state)
{
	struct end c, s;

	(void)state;
	open_pair(&c, &s, "sha-256");
	dtls_start(c.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(s.state, DTLS_UP);
	assert_true(c.biggest <= 1200 && s.biggest <= 1200);
	assert_int_equal(c.whole, c.sent);
	assert_int_equal(s.whole, s.sent);
	/* A flight shares datagrams: two each way are enough. */
	assert_true(c.records > c.sent);
	assert_true(c.sent <= 2 && s.sent <= 2);
	close_pair(&c, &s);
}

/* Each end, with a hundred different fates of the datagrams. */
static void lost_flights_are_sent_again(void **state)
{
	int64_t longest = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 100; seed++) {
		int64_t now = START_US, at = now;
		struct end c, s;

		lot = seed;
		fake_clock_set(now);
		open_pair(&c, &s, "sha-256");
		c.loss = s.loss = 0.2;
		dtls_start(s.d, now);
		dtls_start(c.d, now);
		while (now < at + 20000000 && (c.state != DTLS_UP || s.state != DTLS_UP)) {
			now += 20000;
			fake_clock_set(now);
			deliver(&s, now);
			deliver(&c, now);
			dtls_tick(c.d, now);
			dtls_tick(s.d, now);
		}
		assert_int_equal(c.state, DTLS_UP);
		assert_int_equal(s.state, DTLS_UP);
		longest = now - at > longest ? now - at : longest;
		close_pair(&c, &s);
	}
	fake_clock_set(0);
	print_message("20 %% loss: the slowest of 100 handshakes took %lld ms\n", (long long)longest / 1000);
	assert_true(longest < 10000000);
}

static void nobody_answers_for_thirty_seconds(void **state)
{
	int64_t now = START_US, next;
	unsigned wakes = 0;
	struct end c, s;

	(void)state;
	fake_clock_set(now);
	open_pair(&c, &s, "sha-256");
	c.loss = 1;
	dtls_start(c.d, now);
	for (next = dtls_tick(c.d, now); next != CLOCK_NEVER; next = dtls_tick(c.d, now)) {
		assert_true(next > now);
		now = next;
		fake_clock_set(now);
		wakes++;
	}
	fake_clock_set(0);
	assert_int_equal(c.state, DTLS_FAILED);
	assert_true(now - START_US == 30000000);
	assert_non_null(strstr(c.why, "30 s"));
	assert_true(c.sent >= 8 && c.sent <= 14);
	assert_true(wakes < 60);
	close_pair(&c, &s);
}

static void wrong_certificate_is_noticed_by_either_side(void **state)
{
	struct dtls_cert *else_cert;
	struct end c, s;

	(void)state;
	assert_int_equal(dtls_cert_new(&else_cert), 0);
	open_pair(&c, &s, "sha-256");
	assert_int_equal(dtls_set_fingerprint(c.d, "sha-256", dtls_cert_fingerprint(else_cert)), 0);
	dtls_start(c.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(c.state, DTLS_FAILED);
	assert_non_null(strstr(c.why, "certificate"));
	assert_int_equal(c.keys.len, 0);
	close_pair(&c, &s);

	open_pair(&c, &s, "sha-256");
	assert_int_equal(dtls_set_fingerprint(s.d, "sha-256", dtls_cert_fingerprint(else_cert)), 0);
	dtls_start(c.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(s.state, DTLS_FAILED);
	assert_int_equal(s.keys.len, 0);
	assert_int_equal(c.state, DTLS_CLOSED); /* it is told */
	close_pair(&c, &s);
	dtls_cert_free(&else_cert);
}

static void server_waits_for_a_late_fingerprint(void **state)
{
	struct end c, s;
	char lower[100];
	size_t i;

	(void)state;
	open_pair(&c, &s, NULL);
	dtls_start(c.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(c.state, DTLS_UP);
	assert_int_equal(s.changes, 0);
	assert_int_equal(dtls_set_fingerprint(s.d, "sha-256", "AB:CD"), -EINVAL);
	assert_int_equal(dtls_set_fingerprint(s.d, "md5", dtls_cert_fingerprint(c.cert)), -EINVAL);
	snprintf(lower, sizeof(lower), "%s", dtls_cert_fingerprint(c.cert));
	for (i = 0; lower[i]; i++)
		if (lower[i] >= 'A' && lower[i] <= 'F')
			lower[i] = (char)(lower[i] - 'A' + 'a');
	assert_int_equal(dtls_set_fingerprint(s.d, "sha-256", lower), 0);
	assert_int_equal(s.state, DTLS_UP);
	assert_memory_equal(c.keys.send, s.keys.recv, 28);
	close_pair(&c, &s);
}

static void client_without_a_fingerprint_is_refused(void **state)
{
	struct dtls_cert *cert;
	struct dtls *d;
	struct end e = {0};

	(void)state;
	assert_int_equal(dtls_cert_new(&cert), 0);
	assert_int_equal(strlen(dtls_cert_fingerprint(cert)), 95);
	assert_int_equal(dtls_new(&d, cert, true, NULL, NULL, &events, &e), -EINVAL);
	assert_int_equal(dtls_new(&d, cert, true, "sha-256", "zz", &events, &e), -EINVAL);
	assert_null(d);
	dtls_cert_free(&cert);
}

/* ---- a client of another make: OpenSSL with its own mind ---- */

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

struct stranger { SSL_CTX *ctx; SSL *ssl; BIO *in, *out; };

static void open_stranger(struct stranger *f, struct dtls_cert *cert, const char *profiles, unsigned mtu)
{
	char name[251] = "";

	f->ctx = SSL_CTX_new(DTLS_client_method());
	SSL_CTX_set_options(f->ctx, SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER, accept_any);
	assert_int_equal(SSL_CTX_set_tlsext_use_srtp(f->ctx, profiles), 0);
	assert_int_equal(SSL_CTX_use_certificate(f->ctx, cert->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(f->ctx, cert->key), 1);
	f->ssl = SSL_new(f->ctx);
	f->in = BIO_new(BIO_s_mem());
	f->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(f->in, -1);
	SSL_set_bio(f->ssl, f->in, f->out);
	SSL_set_mtu(f->ssl, mtu);
	/* Makes the hello longer than a small datagram. */
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(SSL_set_tlsext_host_name(f->ssl, name), 1);
	SSL_set_connect_state(f->ssl);
}

/* Every record in a datagram of its own; returns how many there were. */
static unsigned stranger_to_server(struct stranger *f, struct end *s)
{
	uint8_t *p;
	long len = BIO_get_mem_data(f->out, &p);
	unsigned n = 0;

	while (len > 0) {
		size_t one = 13 + (size_t)(p[11] << 8 | p[12]);

		dtls_input(s->d, p, one, 1000);
		p += one;
		len -= (long)one;
		n++;
	}
	(void)BIO_reset(f->out);
	return n;
}

static void clients_of_another_make_are_served(void **state)
{
	static const struct { const char *profiles; unsigned mtu; int up; enum dtls_profile is; } v[] = {
		{ "SRTP_AES128_CM_SHA1_80", 1200, 1, DTLS_SRTP_CM_80 },
		{ "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", 1200, 1, DTLS_SRTP_GCM_128 },
		/* A hello in several datagrams, as Chromium's 1413 bytes are. */
		{ "SRTP_AEAD_AES_128_GCM", 256, 1, DTLS_SRTP_GCM_128 },
		{ "SRTP_AEAD_AES_256_GCM", 1200, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct stranger f;
		struct end c, s;
		unsigned first = 0;
		uint8_t km[60];

		open_pair(&c, &s, "sha-256");
		open_stranger(&f, c.cert, v[i].profiles, v[i].mtu);
		for (int k = 0; k < 10; k++) {
			SSL_do_handshake(f.ssl);
			first = k ? first : stranger_to_server(&f, &s);
			stranger_to_server(&f, &s);
			for (size_t q = 0; q < c.queued; q++) {
				BIO_write(f.in, c.queue[q].p, (int)c.queue[q].len);
				SSL_do_handshake(f.ssl);
			}
			c.queued = 0;
		}
		assert_true(v[i].mtu > 1000 || first > 1);
		assert_int_equal(s.state, v[i].up ? DTLS_UP : DTLS_FAILED);
		if (v[i].up) {
			size_t len = v[i].is == DTLS_SRTP_GCM_128 ? 28 : 30;

			assert_int_equal(s.keys.profile, v[i].is);
			assert_int_equal(s.keys.len, len);
			assert_int_equal(SSL_export_keying_material(f.ssl, km, 2 * len, "EXTRACTOR-dtls_srtp",
								    19, NULL, 0, 0), 1);
			assert_memory_equal(s.keys.recv, km, 16);
			assert_memory_equal(s.keys.send, km + 16, 16);
			assert_memory_equal(s.keys.recv + 16, km + 32, len - 16);
			assert_memory_equal(s.keys.send + 16, km + 32 + len - 16, len - 16);
		}
		SSL_free(f.ssl);
		SSL_CTX_free(f.ctx);
		close_pair(&c, &s);
	}
}

/* Somebody who can write into the line, but has no keys. */
static void noise_on_the_line_does_no_harm(void **state)
{
	struct end c, s;
	uint8_t junk[200];

	(void)state;
	open_pair(&c, &s, "sha-256");
	dtls_start(c.d, 1000);
	run(&c, &s, 2000);
	assert_int_equal(c.state, DTLS_UP);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = i % sizeof(junk);

		for (size_t k = 0; k < n; k++) {
			lot = lot * 1664525u + 1013904223u;
			junk[k] = (uint8_t)(lot >> 16);
		}
		if (n > 13 && i % 2) {          /* looks like a record of this epoch */
			static const uint8_t head[] = { 23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0 };

			memcpy(junk, head, sizeof(head));
			junk[0] = (uint8_t)(20 + i / 2 % 5);
			junk[10] = (uint8_t)i;
			junk[11] = 0;
			junk[12] = (uint8_t)(n - 13);
		}
		dtls_input(c.d, junk, n, 3000);
		dtls_input(s.d, junk, n, 3000);
	}
	assert_int_equal(dtls_send(c.d, (const uint8_t *)"still", 5), 0);
	run(&c, &s, 4000);
	assert_int_equal(s.data_len, 5);
	close_pair(&c, &s);
}

const struct CMUnitTest test_dtls[] = {
	cmocka_unit_test(both_ends_get_the_same_keys),
	cmocka_unit_test(datagrams_hold_whole_records_and_fit),
	cmocka_unit_test(lost_flights_are_sent_again),
	cmocka_unit_test(nobody_answers_for_thirty_seconds),
	cmocka_unit_test(wrong_certificate_is_noticed_by_either_side),
	cmocka_unit_test(server_waits_for_a_late_fingerprint),
	cmocka_unit_test(client_without_a_fingerprint_is_refused),
	cmocka_unit_test(clients_of_another_make_are_served),
	cmocka_unit_test(noise_on_the_line_does_no_harm),
	{0}
};
