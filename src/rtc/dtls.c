/* dtls.c - DTLS-SRTP keying over memory, with OpenSSL
 *
 *	dtls_input() -> BIO in -> SSL -> BIO out -> records -> datagrams -> send()
 *
 * A memory BIO is a stream: it loses the edges of what OpenSSL wrote.  Since
 * every DTLS record tells its length, the output is cut at records and whole
 * records are put into one datagram while they fit.
 *
 * What OpenSSL believes of the certificate does not matter (it is self-signed);
 * the fingerprint of the signalling decides, after the handshake, and before
 * anybody is told of keys.  A server may have to wait for it.
 *
 * Retransmission is OpenSSL's own, on the system's clock; dtls_tick() asks it
 * when that is due.  The waits are ours: RFC 6347 section 4.2.4.1 says one
 * second, doubled each time, for lack of knowledge about the line; but here ICE
 * has just seen it, a flight is two datagrams, and a call waits for us.
 */
#include "rtc/dtls_priv.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "rtc/wire.h"

enum {
	MTU = 1200,
	RECORD_HEADER = 13,             /* RFC 6347 section 4.1 */
	DATAGRAM_MAX = 2048,            /* what is taken of one datagram from outside */
	DATA_MAX = 1350,                /* application data in one record */
	FIRST_WAIT_US = 150 * 1000,
	/* OpenSSL gives up after 12 retransmissions: more than 30 s with this. */
	LONGEST_WAIT_US = 6 * 1000 * 1000,
	HANDSHAKE_LIMIT_US = 30 * 1000 * 1000, /* as the bridge's */
};

struct dtls {
	SSL_CTX *ssl_ctx;
	SSL *ssl;                       /* owns both BIOs */
	BIO *in, *out;
	bool client;
	bool done;                      /* the handshake; not yet the fingerprint */
	bool forged;                    /* it was another one */
	enum dtls_state state;
	struct fingerprint expected;
	bool started;
	int64_t started_us;             /* 0: at the next tick */
	struct dtls_events ev;
	void *ctx;
};

/* ---- setting up ---- */

/* The fingerprint is what counts: see above. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static unsigned next_wait(SSL *ssl, unsigned last_us)
{
	unsigned next_us = last_us + last_us / 2;

	(void)ssl;
	if (!last_us)
		return FIRST_WAIT_US;
	return next_us < LONGEST_WAIT_US ? next_us : LONGEST_WAIT_US;
}

static int make_context(struct dtls *d, const struct dtls_cert *cert)
{
	static const char ciphers[] =
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384:"
		"DHE-RSA-AES128-GCM-SHA256";
	SSL_CTX *c = SSL_CTX_new(DTLS_method());

	d->ssl_ctx = c;
	if (!c)
		return -ENOMEM;
	SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
			    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	if (!SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(c, ciphers) ||
	    /* This one returns 0 for success. */
	    SSL_CTX_set_tlsext_use_srtp(c, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") ||
	    !SSL_CTX_use_certificate(c, cert->x509) || !SSL_CTX_use_PrivateKey(c, cert->key))
		return -EIO;
	return 0;
}

static int make_ssl(struct dtls *d)
{
	d->in = BIO_new(BIO_s_mem());
	d->out = BIO_new(BIO_s_mem());
	d->ssl = SSL_new(d->ssl_ctx);
	if (!d->in || !d->out || !d->ssl) {
		BIO_free(d->in);
		BIO_free(d->out);
		return -ENOMEM;
	}
	/* Empty means "later", not "the end". */
	BIO_set_mem_eof_return(d->in, -1);
	SSL_set_bio(d->ssl, d->in, d->out);
	SSL_set_mtu(d->ssl, MTU);
	DTLS_set_timer_cb(d->ssl, next_wait);
	if (d->client)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	return 0;
}

int dtls_new(struct dtls **out, const struct dtls_cert *cert, bool client,
	     const char *hash, const char *fingerprint,
	     const struct dtls_events *ev, void *ctx)
{
	struct dtls *d;
	int err = -ENOMEM;

	*out = NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->client = client;
	d->state = DTLS_HANDSHAKE;
	d->ev = *ev;
	d->ctx = ctx;
	err = client ? -EINVAL : 0;     /* a server's may come later */
	if (fingerprint)
		err = fingerprint_parse(&d->expected, hash, fingerprint);
	if (!err)
		err = make_context(d, cert);
	if (!err)
		err = make_ssl(d);
	if (err) {
		dtls_free(&d);
		return err;
	}
	*out = d;
	return 0;
}

void dtls_free(struct dtls **d)
{
	if (!*d)
		return;
	SSL_free((*d)->ssl);
	SSL_CTX_free((*d)->ssl_ctx);
	free(*d);
	*d = NULL;
}

/* ---- output ---- */

/* Length of the record at p, header included. */
static size_t record_len(const uint8_t *p, size_t len)
{
	size_t n;

	if (len < RECORD_HEADER)
		return len;
	n = RECORD_HEADER + (size_t)get16(p + 11);
	return n < len ? n : len;
}

static void flush(struct dtls *d)
{
	uint8_t *p;
	long len = BIO_get_mem_data(d->out, &p);
	size_t left = len > 0 ? (size_t)len : 0;

	while (left) {
		size_t n = record_len(p, left);

		while (n < left && n + record_len(p + n, left - n) <= MTU)
			n += record_len(p + n, left - n);
		d->ev.send(d->ctx, p, n);
		p += n;
		left -= n;
	}
	(void)BIO_reset(d->out);
}

/* ---- states ---- */

static void enter(struct dtls *d, enum dtls_state state, const struct dtls_keys *keys,
		  const char *why)
{
	d->state = state;
	d->ev.state(d->ctx, state, keys, why);
}

static void fail(struct dtls *d, const char *why)
{
	if (d->state != DTLS_HANDSHAKE && d->state != DTLS_UP)
		return;
	if (d->done)
		SSL_shutdown(d->ssl);   /* the other side need not wait */
	flush(d);                       /* an alert, perhaps */
	enter(d, DTLS_FAILED, NULL, why);
}

static int chosen_profile(SSL *ssl, struct dtls_keys *keys)
{
	const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(ssl);

	if (!p)
		return -ENOENT;
	if (p->id == SRTP_AEAD_AES_128_GCM) {
		keys->profile = DTLS_SRTP_GCM_128;
		keys->len = 16 + 12;
		return 0;
	}
	keys->profile = DTLS_SRTP_CM_80;
	keys->len = 16 + 14;
	return 0;
}

/* RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt. */
static int export_keys(struct dtls *d, struct dtls_keys *keys)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	uint8_t v[2 * 30], *client, *server;
	size_t salt;

	if (chosen_profile(d->ssl, keys))
		return -ENOENT;
	salt = keys->len - 16;
	if (SSL_export_keying_material(d->ssl, v, 2 * keys->len, label, sizeof(label) - 1,
				       NULL, 0, 0) != 1)
		return -EIO;
	client = d->client ? keys->send : keys->recv;
	server = d->client ? keys->recv : keys->send;
	memcpy(client, v, 16);
	memcpy(server, v + 16, 16);
	memcpy(client + 16, v + 32, salt);
	memcpy(server + 16, v + 32 + salt, salt);
	OPENSSL_cleanse(v, sizeof(v));
	return 0;
}

/* The handshake is done; UP follows once the fingerprint is known and right. */
static void judge(struct dtls *d)
{
	struct dtls_keys keys;
	X509 *x;
	bool same;
	int err;

	if (!d->expected.md)
		return;
	x = SSL_get1_peer_certificate(d->ssl);
	same = x && fingerprint_matches(&d->expected, x);
	X509_free(x);
	if (!same) {
		d->forged = true;
		fail(d, "the other side's certificate is not the one that was announced");
		return;
	}
	memset(&keys, 0, sizeof(keys));
	err = export_keys(d, &keys);
	if (err) {
		fail(d, err == -ENOENT ? "the other side knows no SRTP profile of ours" :
		     "keys could not be derived");
		return;
	}
	log_debug("rtc", "dtls is up: %s, %s, %s",
		  SSL_get_version(d->ssl), SSL_get_cipher(d->ssl),
		  keys.profile == DTLS_SRTP_GCM_128 ? "AEAD_AES_128_GCM" : "AES128_CM_SHA1_80");
	enter(d, DTLS_UP, &keys, "");
	OPENSSL_cleanse(&keys, sizeof(keys));
}

static void ssl_failed(struct dtls *d)
{
	char text[160] = "";
	unsigned long e = ERR_peek_error();

	ERR_error_string_n(e, text, sizeof(text));
	log_debug("rtc", "dtls: %s", text);
	ERR_clear_error();
	fail(d, d->done ? "the secured connection broke" : "the keys could not be agreed on (DTLS)");
}

static void go_on(struct dtls *d)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(d->ssl);
	flush(d);
	if (r == 1) {
		d->done = true;
		judge(d);
	} else if (SSL_get_error(d->ssl, r) != SSL_ERROR_WANT_READ) {
		ssl_failed(d);
	}
}

/* Application data and alerts; also where OpenSSL answers a repeated last
 * flight of the peer. */
static void read_on(struct dtls *d)
{
	uint8_t v[DATAGRAM_MAX];
	int r;

	ERR_clear_error();
	while ((r = SSL_read(d->ssl, v, sizeof(v))) > 0)
		if (d->state == DTLS_UP)
			d->ev.data(d->ctx, v, (size_t)r);
	flush(d);
	switch (SSL_get_error(d->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		enter(d, DTLS_CLOSED, NULL, "the other side ended the connection");
		break;
	default:
		ssl_failed(d);
	}
}

/* ---- what the owner calls ---- */

static bool is_alive(const struct dtls *d)
{
	return d->state == DTLS_HANDSHAKE || d->state == DTLS_UP;
}

bool dtls_is_forged(const struct dtls *d)
{
	return d && d->forged;
}

int dtls_set_fingerprint(struct dtls *d, const char *hash, const char *fingerprint)
{
	int err = fingerprint_parse(&d->expected, hash, fingerprint);

	if (err)
		return err;
	if (d->done && d->state == DTLS_HANDSHAKE)
		judge(d);
	return 0;
}

void dtls_start(struct dtls *d, int64_t now_us)
{
	if (!d->started)
		d->started_us = now_us;
	d->started = true;
	if (d->client && d->state == DTLS_HANDSHAKE && !d->done)
		go_on(d);
}

/* What a record of the cipher in use must have beside its text: the explicit
 * nonce and the tag (RFC 5288 section 3, RFC 7905 section 2). */
static size_t least_secured(const struct dtls *d)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(d->ssl);

	if (!c)
		c = SSL_get_pending_cipher(d->ssl);
	return !c || SSL_CIPHER_get_cipher_nid(c) == NID_chacha20_poly1305 ? 16 : 8 + 16;
}

/* Whole records to OpenSSL, but those that cannot be genuine: anybody can send
 * a record too short for its tag, and OpenSSL (3.0.20) ends the connection for
 * it where it should drop it (RFC 6347 section 4.1.2.7). */
static void feed(struct dtls *d, const uint8_t *p, size_t len)
{
	size_t least = least_secured(d);

	while (len >= RECORD_HEADER) {
		size_t body = get16(p + 11), n = RECORD_HEADER + body;
		bool secured = p[3] || p[4];    /* by the epoch */

		if (n > len)
			break;
		if (!secured || body >= least)
			BIO_write(d->in, p, (int)n);
		p += n;
		len -= n;
	}
}

void dtls_input(struct dtls *d, const uint8_t *p, size_t len, int64_t now_us)
{
	if (!is_alive(d) || len > DATAGRAM_MAX)
		return;
	if (!d->started)
		d->started_us = now_us;
	d->started = true;
	feed(d, p, len);
	if (!d->done)
		go_on(d);
	if (d->done && is_alive(d))
		read_on(d);
	/* Half a record at the end of a datagram must not meet the next one. */
	(void)BIO_reset(d->in);
}

int64_t dtls_tick(struct dtls *d, int64_t now_us)
{
	struct timeval wait;
	int64_t due;

	if (d->state != DTLS_HANDSHAKE || d->done || !d->started)
		return CLOCK_NEVER;
	if (!d->started_us)
		d->started_us = now_us;
	due = d->started_us + HANDSHAKE_LIMIT_US;
	if (now_us >= due) {
		fail(d, "no keys were agreed on within 30 s (DTLS)");
		return CLOCK_NEVER;
	}
	ERR_clear_error();
	if (DTLSv1_handle_timeout(d->ssl) < 0) {
		ssl_failed(d);
		return CLOCK_NEVER;
	}
	flush(d);
	if (DTLSv1_get_timeout(d->ssl, &wait)) {
		int64_t again = now_us + (int64_t)wait.tv_sec * 1000000 + wait.tv_usec;

		/* A timer of OpenSSL's that is due counts 15 ms early, never late. */
		due = again < due ? again : due;
	}
	return due;
}

int dtls_send(struct dtls *d, const uint8_t *p, size_t len)
{
	int r;

	if (d->state != DTLS_UP)
		return -ENOTCONN;
	if (!len || len > DATA_MAX)
		return -EMSGSIZE;
	ERR_clear_error();
	r = SSL_write(d->ssl, p, (int)len);
	flush(d);
	return r == (int)len ? 0 : -EIO;
}

void dtls_close(struct dtls *d)
{
	if (!is_alive(d) || !d->done)
		return;
	ERR_clear_error();
	SSL_shutdown(d->ssl);
	flush(d);
	d->state = DTLS_CLOSED;
}
