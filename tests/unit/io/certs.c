/* certs.c - certificates made at run time, in a folder of their own */
#include "certs.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit/unit.h"

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* issuer NULL: by itself.  days < 0: expired so long ago. */
static X509 *make(EVP_PKEY *key, const char *name, const char *alt, X509 *issuer, EVP_PKEY *by,
		  int days)
{
	static long serial = 1;
	X509 *x = X509_new();

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -10 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x), days * 86400L);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	add_ext(x, issuer ? issuer : x, NID_basic_constraints, alt ? "CA:FALSE" : "critical,CA:TRUE");
	if (alt)
		add_ext(x, issuer ? issuer : x, NID_subject_alt_name, alt);
	assert_true(X509_sign(x, by ? by : key, EVP_sha256()) > 0);
	return x;
}

static void write_files(X509 *x, EVP_PKEY *key, const char *cert_path, const char *key_path)
{
	FILE *f = fopen(cert_path, "w");

	assert_non_null(f);
	PEM_write_X509(f, x);
	fclose(f);
	if (!key_path)
		return;
	f = fopen(key_path, "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static void put(const char *dir, const char *name, char *cert, char *key)
{
	snprintf(cert, 80, "%s/%s.pem", dir, name);
	if (key)
		snprintf(key, 80, "%s/%s.key", dir, name);
}

struct certs *certs_new(void)
{
	static const char alt[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
	struct certs *c = calloc(1, sizeof(*c));
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca, *x;

	assert_non_null(c);
	snprintf(c->dir, sizeof(c->dir), "/tmp/unit-certs-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	put(c->dir, "ca", c->ca, NULL);
	put(c->dir, "good", c->good, c->good_key);
	put(c->dir, "old", c->old, c->old_key);
	put(c->dir, "other", c->other, c->other_key);
	put(c->dir, "self", c->self, c->self_key);
	ca = make(ca_key, "Test Authority", NULL, NULL, NULL, 100);
	write_files(ca, ca_key, c->ca, NULL);
	x = make(key, "localhost", alt, ca, ca_key, 100);
	write_files(x, key, c->good, c->good_key);
	X509_free(x);
	x = make(key, "localhost", alt, ca, ca_key, -1);
	write_files(x, key, c->old, c->old_key);
	X509_free(x);
	x = make(key, "other.example", "DNS:other.example", ca, ca_key, 100);
	write_files(x, key, c->other, c->other_key);
	X509_free(x);
	x = make(key, "localhost", alt, NULL, NULL, 100);
	write_files(x, key, c->self, c->self_key);
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return c;
}

void certs_free(struct certs *c)
{
	const char *const files[] = { c->ca, c->good, c->good_key, c->old, c->old_key, c->other,
				      c->other_key, c->self, c->self_key };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(c->dir);
	free(c);
}
