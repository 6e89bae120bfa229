/* turn_tls.c - TLS to a relay, over memory
 *
 * The certificate is held against the name that the server was announced with,
 * not against the address that the name led to: who can lie about addresses
 * shall not become our relay.
 */
#include "rtc/turn_tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096, WHY = 200 };

struct turn_trust { SSL_CTX *ctx; };

struct turn_tls {
	struct turn_tls_events ev;
	void *ctx;
	SSL *ssl;
	BIO *in, *out;
	bool up;
	char why[WHY];
};

/* ---- whom to believe ---- */

int turn_trust_new(struct turn_trust **out, const char *ca_file, bool insecure, const char **why)
{
	struct turn_trust *t = calloc(1, sizeof(*t));
	bool own = ca_file && *ca_file;

	*out = NULL;
	*why = "out of memory";
	if (!t)
		return -ENOMEM;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx || !SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION)) {
		turn_trust_free(&t);
		return -ENOMEM;
	}
	SSL_CTX_set_verify(t->ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (!insecure && !(own ? SSL_CTX_load_verify_file(t->ctx, ca_file)
			   : SSL_CTX_set_default_verify_paths(t->ctx))) {
		*why = "the file of trusted certificates cannot be read";
		ERR_clear_error();
		turn_trust_free(&t);
		return -EINVAL;
	}
	*out = t;
	return 0;
}

void turn_trust_free(struct turn_trust **t)
{
	if (!*t)
		return;
	SSL_CTX_free((*t)->ctx);
	free(*t);
	*t = NULL;
}

/* ---- one connection ---- */

static bool is_address(const char *name)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

static int set_name(struct turn_tls *t, const char *name)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(t->ssl);

	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(p, name) ? 0 : -EINVAL;
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(p, name, 0) && SSL_set_tlsext_host_name(t->ssl, name)
		? 0 : -EINVAL;
}

int turn_tls_new(struct turn_tls **out, struct turn_trust *trust, const char *name,
		 const struct turn_tls_events *ev, void *ctx)
{
	struct turn_tls *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	*out = NULL;
	if (!t)
		return err;
	t->ev = *ev;
	t->ctx = ctx;
	t->ssl = SSL_new(trust->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out)
		goto fail;
	BIO_set_mem_eof_return(t->in, -1);
	SSL_set_bio(t->ssl, t->in, t->out);     /* the SSL owns them now */
	SSL_set_connect_state(t->ssl);
	err = set_name(t, name);
	if (err)
		goto fail;
	*out = t;
	return 0;
fail:
	if (!t->ssl || !SSL_get_rbio(t->ssl)) {
		BIO_free(t->in);
		BIO_free(t->out);
	}
	turn_tls_free(&t);
	return err;
}

void turn_tls_free(struct turn_tls **t)
{
	if (!*t)
		return;
	SSL_free((*t)->ssl);
	free(*t);
	*t = NULL;
}

static void flush(struct turn_tls *t)
{
	uint8_t buf[CHUNK];
	int n;

	while ((n = BIO_read(t->out, buf, sizeof(buf))) > 0)
		t->ev.wire(t->ctx, buf, (size_t)n);
}

static int fail(struct turn_tls *t)
{
	long verify = SSL_get_verify_result(t->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (verify != X509_V_OK)
		snprintf(t->why, sizeof(t->why), "its certificate is not accepted: %s",
			 X509_verify_cert_error_string(verify));
	else
		snprintf(t->why, sizeof(t->why), "TLS: %s", reason ? reason : "the handshake failed");
	ERR_clear_error();
	flush(t);               /* the alert */
	return -EACCES;
}

static int handshake(struct turn_tls *t)
{
	int n, error;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	error = SSL_get_error(t->ssl, n);
	if (n == 1)
		t->up = true;
	else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return fail(t);
	flush(t);
	return 0;
}

int turn_tls_start(struct turn_tls *t)
{
	return handshake(t);
}

static int read_all(struct turn_tls *t)
{
	uint8_t buf[CHUNK];
	int n, error;

	ERR_clear_error();
	while ((n = SSL_read(t->ssl, buf, sizeof(buf))) > 0)
		t->ev.plain(t->ctx, buf, (size_t)n);
	error = SSL_get_error(t->ssl, n);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		flush(t);
		return 0;
	}
	return error == SSL_ERROR_ZERO_RETURN ? -EPIPE : fail(t);
}

int turn_tls_input(struct turn_tls *t, const uint8_t *p, size_t len)
{
	int err = 0;

	if (BIO_write(t->in, p, (int)len) != (int)len)
		return -ENOMEM;
	if (!t->up)
		err = handshake(t);
	return err || !t->up ? err : read_all(t);
}

int turn_tls_send(struct turn_tls *t, const uint8_t *p, size_t len)
{
	if (!t->up)
		return -EAGAIN;
	ERR_clear_error();
	if (SSL_write(t->ssl, p, (int)len) <= 0)
		return fail(t);
	flush(t);
	return 0;
}

bool turn_tls_is_up(const struct turn_tls *t)
{
	return t->up;
}

const char *turn_tls_why(const struct turn_tls *t)
{
	return t->why;
}
