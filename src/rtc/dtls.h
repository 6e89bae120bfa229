/* dtls.h - DTLS-SRTP keying (RFC 5763, 5764) over memory, with OpenSSL */
#ifndef RTC_DTLS_H
#define RTC_DTLS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls;
struct dtls_cert;

/* A fresh self-signed ECDSA P-256 certificate with a name that says nothing. */
int dtls_cert_new(struct dtls_cert **out);
void dtls_cert_free(struct dtls_cert **c);
/* sha-256, "AB:CD:…" as signalled; lent. */
const char *dtls_cert_fingerprint(const struct dtls_cert *c);

enum dtls_state { DTLS_HANDSHAKE, DTLS_UP, DTLS_FAILED, DTLS_CLOSED };

enum dtls_profile { DTLS_SRTP_GCM_128, DTLS_SRTP_CM_80 };
struct dtls_keys {
	enum dtls_profile profile;
	uint8_t send[30], recv[30];     /* key and salt, as srtp.h takes them */
	size_t len;                     /* 28 or 30 */
};

struct dtls_events {
	void (*send)(void *ctx, const uint8_t *p, size_t len);  /* one datagram */
	/* keys: only with DTLS_UP, wiped afterwards; why: for people. */
	void (*state)(void *ctx, enum dtls_state state, const struct dtls_keys *keys,
		      const char *why);
	void (*data)(void *ctx, const uint8_t *p, size_t len);  /* application data (SCTP) */
};

/* hash: "sha-1", "sha-256", "sha-384", "sha-512".  fingerprint may be NULL
 * for a server whose peer's comes later: then dtls_set_fingerprint() before
 * DTLS_UP is told. */
int dtls_new(struct dtls **out, const struct dtls_cert *cert, bool client,
	     const char *hash, const char *fingerprint,
	     const struct dtls_events *ev, void *ctx);
/* It failed because the certificate was not the announced one. */
bool dtls_is_forged(const struct dtls *d);
int dtls_set_fingerprint(struct dtls *d, const char *hash, const char *fingerprint);
void dtls_free(struct dtls **d);

void dtls_start(struct dtls *d, int64_t now_us);        /* the client's hello */
void dtls_input(struct dtls *d, const uint8_t *p, size_t len, int64_t now_us);
int64_t dtls_tick(struct dtls *d, int64_t now_us);      /* retransmission; 30 s limit */
int dtls_send(struct dtls *d, const uint8_t *p, size_t len); /* application data */
void dtls_close(struct dtls *d);                        /* close_notify */

#endif
