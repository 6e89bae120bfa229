/* turn_tls.h - TLS to a relay, over memory: bytes in, bytes out, no socket */
#ifndef RTC_TURN_TLS_H
#define RTC_TURN_TLS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whom to believe; made once, read by all. */
struct turn_trust;
/* ca_file: certificates in place of the system's; NULL or "": those.  Reads
 * files for some 60 ms: on a worker.  -EINVAL: *why (static) says it. */
int turn_trust_new(struct turn_trust **out, const char *ca_file, bool insecure, const char **why);
void turn_trust_free(struct turn_trust **t);

struct turn_tls;
struct turn_tls_events {        /* called from within the functions below */
	void (*wire)(void *ctx, const uint8_t *p, size_t len);  /* to be sent */
	void (*plain)(void *ctx, const uint8_t *p, size_t len); /* from the relay */
};
/* name: of the server; the certificate has to be for it.  trust: lent, must
 * outlive it. */
int turn_tls_new(struct turn_tls **out, struct turn_trust *trust, const char *name,
		 const struct turn_tls_events *ev, void *ctx);
void turn_tls_free(struct turn_tls **t);

int turn_tls_start(struct turn_tls *t);
/* 0; -EPIPE: the other side has closed; -EACCES: turn_tls_why(). */
int turn_tls_input(struct turn_tls *t, const uint8_t *p, size_t len);
/* -EAGAIN before the handshake is over. */
int turn_tls_send(struct turn_tls *t, const uint8_t *p, size_t len);
bool turn_tls_is_up(const struct turn_tls *t);
const char *turn_tls_why(const struct turn_tls *t);     /* for people; lent */

#endif
