/* dtls_cert.c - a self-signed certificate and its fingerprint
 *
 * Nobody looks at the name: peers compare the fingerprint that came by the
 * signalling.  So the name is random, and the certificate lives a month, which
 * no call does.
 */
#include "rtc/dtls_priv.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/rng.h"

enum {
	DAY_S = 24 * 3600,
	VALID_DAYS = 30,
};

static int set_name(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	char text[17];

	rng_hex(text, 16);
	if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)text, -1, -1, 0))
		return -EIO;
	return X509_set_issuer_name(x, name) ? 0 : -EIO;
}

static int fill(X509 *x, EVP_PKEY *key)
{
	uint32_t serial = rng_u32() >> 1 | 1;

	if (!X509_set_version(x, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) ||
	    /* Clocks differ: it began yesterday. */
	    !X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), VALID_DAYS * DAY_S) ||
	    !X509_set_pubkey(x, key) || set_name(x) ||
	    !X509_sign(x, key, EVP_sha256()))
		return -EIO;
	return 0;
}

static void write_fingerprint(struct dtls_cert *c, const uint8_t *md, unsigned n)
{
	for (unsigned i = 0; i < n && i < 32; i++)
		snprintf(c->fingerprint + 3 * i, 4, "%02X:", md[i]);
	c->fingerprint[3 * n - 1] = 0;
}

int dtls_cert_new(struct dtls_cert **out)
{
	struct dtls_cert *c;
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int err = -ENOMEM;

	*out = NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	if (!c->key || !c->x509)
		goto fail;
	err = fill(c->x509, c->key);
	if (err)
		goto fail;
	if (!X509_digest(c->x509, EVP_sha256(), md, &n) || n != 32) {
		err = -EIO;
		goto fail;
	}
	write_fingerprint(c, md, n);
	*out = c;
	return 0;
fail:
	dtls_cert_free(&c);
	return err;
}

void dtls_cert_free(struct dtls_cert **c)
{
	if (!*c)
		return;
	X509_free((*c)->x509);
	EVP_PKEY_free((*c)->key);
	free(*c);
	*c = NULL;
}

const char *dtls_cert_fingerprint(const struct dtls_cert *c)
{
	return c->fingerprint;
}

/* ---- the peer's ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static const EVP_MD *hash_named(const char *name)
{
	/* RFC 8122 section 5; md5 and md2 are not taken any more. */
	if (!strcasecmp(name, "sha-256"))
		return EVP_sha256();
	if (!strcasecmp(name, "sha-384"))
		return EVP_sha384();
	if (!strcasecmp(name, "sha-512"))
		return EVP_sha512();
	if (!strcasecmp(name, "sha-1"))
		return EVP_sha1();
	return NULL;
}

int fingerprint_parse(struct fingerprint *out, const char *hash, const char *text)
{
	size_t n = 0, want;

	memset(out, 0, sizeof(*out));
	out->md = hash_named(hash);
	if (!out->md)
		return -EINVAL;
	want = (size_t)EVP_MD_get_size(out->md);
	while (n < want) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return -EINVAL;
		out->v[n++] = (uint8_t)(high << 4 | low);
		text += 2;
		if (*text == ':' && n < want)
			text++;
	}
	return *text ? -EINVAL : 0;
}

bool fingerprint_matches(const struct fingerprint *f, const X509 *x)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!X509_digest(x, f->md, md, &n) || n != (unsigned)EVP_MD_get_size(f->md))
		return false;
	return !CRYPTO_memcmp(md, f->v, n);
}
