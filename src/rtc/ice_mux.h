/* ice_mux.h - one UDP port for all endpoints of a host (RFC 8445 full agent,
 * controlling; RFC 7675 consent), on libnice's STUN codec
 *
 * libnice's agent opens sockets of its own for every agent; a host wants one.
 * A datagram belongs to an endpoint by its source address once a check with
 * its ufrag and a right MESSAGE-INTEGRITY came from there; a check from a new
 * address with right credentials moves the endpoint there (rebinding).
 * Remote candidates are not needed: peers are found by their checks.
 * recvmmsg/sendmmsg.  All on the media thread.
 */
#ifndef RTC_ICE_MUX_H
#define RTC_ICE_MUX_H
#include "rtc/transport.h"

struct ice_mux;

struct ice_mux_config {
	GMainContext *context;
	const char *address;    /* numeric; "0.0.0.0" and "::" take all */
	uint16_t port;          /* 0: a free one */
	unsigned max_unknown_per_s; /* checks of strangers that are looked at, per address; 0: 50 */
};
int ice_mux_new(struct ice_mux **out, const struct ice_mux_config *cfg);
void ice_mux_free(struct ice_mux **m);          /* after its transports */
uint16_t ice_mux_port(const struct ice_mux *m);

/* An endpoint.  ufrag is unique in the mux (-EEXIST).  Its handlers must not
 * free a transport of the mux.  Datagrams of an address whose check was right
 * are given out even before the pair is valid: a fast client's DTLS hello. */
int ice_mux_add(struct transport **out, struct ice_mux *m, const char *ufrag, const char *pwd,
		const struct transport_events *ev, void *ctx);
/* The peer's half arrives with its answer; checks that came before are
 * answered and remembered. */
int ice_mux_remote(struct transport *t, const char *ufrag, const char *pwd);
/* Own checks, consent, timeouts; returns when it wants to be called again.
 * Cheap while nothing is due: call it after each batch, too. */
int64_t ice_mux_tick(struct ice_mux *m, int64_t now_us);
/* Sends what transport_send() queued since; call it once after a batch. */
void ice_mux_flush(struct ice_mux *m);
/* Called after each batch of datagrams was given out. */
void ice_mux_on_batch(struct ice_mux *m, void (*fn)(void *ctx), void *ctx);
/* When the last check or answer with right integrity came; 0 never. */
int64_t ice_mux_heard_us(const struct transport *t);

/* Datagrams; unknown: of addresses that belong to nobody, or to no known
 * ufrag; limited: too many; send_full: not sent, the socket was full. */
struct ice_mux_stats { uint64_t in, out, unknown, bad_integrity, limited, send_full; };
void ice_mux_stats(const struct ice_mux *m, struct ice_mux_stats *out);

#endif
