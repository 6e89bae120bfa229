/* dtls_priv.h - what dtls.c and dtls_cert.c share */
#ifndef RTC_DTLS_PRIV_H
#define RTC_DTLS_PRIV_H
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include "rtc/dtls.h"

struct dtls_cert {
	X509 *x509;
	EVP_PKEY *key;
	char fingerprint[3 * 32 + 1];   /* one byte over: the last colon */
};

struct fingerprint {
	const EVP_MD *md;               /* NULL: none yet */
	uint8_t v[EVP_MAX_MD_SIZE];
};

/* -EINVAL: a hash that is not taken, or no hex of its length. */
int fingerprint_parse(struct fingerprint *out, const char *hash, const char *text);
bool fingerprint_matches(const struct fingerprint *f, const X509 *x);

#endif
