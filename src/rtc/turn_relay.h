/* turn_relay.h - a door on loopback through which libnice reaches a relay
 *
 *	libnice <- datagrams, 127.0.0.1 -> turn_relay <- UDP | TCP | TLS -> server
 *
 * libnice speaks TURN over UDP to it whatever the way to the server is, so TLS
 * works, nothing but this socket can lead out of an agent that has only loopback,
 * and what the server refuses is seen.  Takes only what comes from a socket of
 * this process.  All on the media thread, nothing blocks, all is bounded.
 */
#ifndef RTC_TURN_RELAY_H
#define RTC_TURN_RELAY_H
#include "rtc/transport.h"

struct turn_relay;

/* words: for people, "turn.example.org over TLS: …"; lent for the call.  A
 * handler must not free the relay. */
typedef void turn_relay_fn(void *ctx, enum relay_news news, const char *words);

int turn_relay_new(struct turn_relay **out, GMainContext *context, const struct ice_server *server,
		   turn_relay_fn *news, void *ctx);
void turn_relay_free(struct turn_relay **r);
void turn_relay_quiet(struct turn_relay *r);    /* no more news */

uint16_t turn_relay_port(const struct turn_relay *r);
const char *turn_relay_name(const struct turn_relay *r);
const char *turn_relay_protocol(const struct turn_relay *r); /* "udp", "tcp", "tls" */
/* Does this relayed address ("192.0.2.1:49152") belong to it? */
bool turn_relay_has(const struct turn_relay *r, const char *relayed);
int64_t turn_relay_heard_us(const struct turn_relay *r); /* last data of the peer; 0 never */
enum transport_way turn_relay_look(const struct turn_relay *r);

#endif
