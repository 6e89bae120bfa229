/* turn_relay_priv.h - what the files of a relay's door share
 *
 *	turn_relay.c   the door on loopback, what is said through it, news
 *	turn_server.c  the way to the server: UDP, TCP, TLS
 */
#ifndef RTC_TURN_RELAY_PRIV_H
#define RTC_TURN_RELAY_PRIV_H
#include <netinet/in.h>
#include "base/buf.h"
#include "rtc/turn_msg.h"
#include "rtc/turn_relay.h"
#include "rtc/turn_tls.h"

enum { TURN_ASKED = 32 };               /* requests that are remembered */

struct request { uint8_t id[TURN_ID]; unsigned method; bool named, gives_back; };

struct turn_relay {
	GMainContext *context;
	turn_relay_fn *news;
	void *ctx;

	/* the server */
	enum { VIA_UDP, VIA_TCP, VIA_TLS } via;
	char *name;
	char (*address)[64];
	size_t addresses, at;   /* at: the one in use */
	uint16_t server_port;
	struct turn_trust *trust; /* lent */
	bool six;               /* it is to relay at an IPv6 address */
	char *password;

	/* libnice's side */
	int door;
	uint16_t port;
	GSource *door_source;
	struct sockaddr_in client; /* sin_port 0: nobody yet */

	/* the server's side; -1: none */
	int fd;
	GSource *source, *limit;
	gpointer tag;
	bool connected, up, dead;
	bool wants_out;         /* the source waits for room, too */
	struct turn_tls *tls;
	struct buf in;          /* of a stream: the beginning of a message */
	struct buf out;         /* wire bytes that the socket did not take */
	struct buf waiting;     /* messages, as in the stream, until it is up */
	uint8_t last[1600];     /* UDP: sent again to the next address */
	size_t last_len;

	struct request asked[TURN_ASKED];
	size_t asks;
	char relayed[64];
	int64_t heard_us;
	bool refused;           /* it was told */
};

/* turn_relay.c */
void turn_relay_tell(struct turn_relay *r, enum relay_news news, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void turn_relay_from_server(struct turn_relay *r, const uint8_t *p, size_t len);

/* turn_server.c */
void turn_server_open(struct turn_relay *r);    /* the address in use; the next, if it fails */
void turn_server_close(struct turn_relay *r);
/* fresh: it was not said before. */
void turn_server_say(struct turn_relay *r, const struct turn_msg *m, const uint8_t *p, size_t len,
		     bool fresh);

#endif
