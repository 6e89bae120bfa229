/* host.h - the embedded conference host
 *
 * HTTP, XMPP over WebSocket, MUC, focus and bridge in one process, for rooms
 * of up to 20 people, by the protocol of Jitsi Meet.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H
#include <stdint.h>
#include "io/loop.h"
#include "io/net.h"

struct host;

/* Forms of the bridge channel that are offered. */
enum host_channel { HOST_CHANNEL_BOTH, HOST_CHANNEL_WEBSOCKET, HOST_CHANNEL_SCTP };

struct host_config {
	const char *address; uint16_t port;     /* of HTTP; port 0: a free one */
	const char *cert_file, *key_file;       /* both NULL: plain on loopback, else self-signed */
	const char *media_address; uint16_t media_port; /* address NULL: like address */
	const char *public_address;             /* NULL */
	unsigned max_people, max_rooms;         /* 0: 20 and 100 */
	const char *password;                   /* for opening rooms; NULL: anybody opens them */
	const char *relays;                     /* lines of host/relays.h; NULL */
	const char *domain;                     /* XMPP domain; NULL: "ttymeet.local" */
	enum host_channel channel;
};
/* Listens.  -errno with *why (new string), for people. */
int host_new(struct host **out, struct loop *loop, struct net *net,
	     const struct host_config *cfg, char **why);
/* Tells everyone and closes (at most 1 s). */
void host_free(struct host **h);
const char *host_url(const struct host *h);     /* "http://127.0.0.1:8443/" */
uint16_t host_media_port(const struct host *h);

#endif
