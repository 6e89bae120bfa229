/* transport.h - a way for datagrams to a peer, and its fakes
 *
 * libnice for the client (transport_nice.c), one port for all of a host
 * (ice_mux.c), and a line with delay, jitter and loss for tests
 * (transport_fake.c).  Datagrams are DTLS, SRTP or SRTCP; STUN stays below.
 * All on the media thread.
 */
#ifndef RTC_TRANSPORT_H
#define RTC_TRANSPORT_H
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transport_state {
	TRANSPORT_NEW, TRANSPORT_CHECKING,
	TRANSPORT_CONNECTED,    /* datagrams can go both ways */
	TRANSPORT_DISCONNECTED, /* answers are missing; it may come back by itself */
	TRANSPORT_FAILED        /* it will not come back by itself */
};

/* Called from the media thread's loop, never from transport_send(). */
struct transport_events {
	void (*state)(void *ctx, enum transport_state state);
	void (*datagram)(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us);
};

struct transport;
struct transport_ops {
	/* 0, -EAGAIN: dropped, the socket is full; -ENOTCONN. */
	int (*send)(struct transport *t, const uint8_t *p, size_t len);
	void (*free)(struct transport *t);
	/* "udp host 192.0.2.1:10000", "tls relay …"; "" unknown. */
	void (*path)(const struct transport *t, char *out, size_t size);
};
/* First member of each implementation. */
struct transport {
	const struct transport_ops *ops;
	struct transport_events ev;
	void *ctx;
};

static inline int transport_send(struct transport *t, const uint8_t *p, size_t len)
{
	return t->ops->send(t, p, len);
}
void transport_path(const struct transport *t, char *out, size_t size);
void transport_free(struct transport **t);      /* no handler runs afterwards */

struct turn_trust;
struct ice_server {             /* strings lent for the call */
	const char *type;       /* "turn", "turns" */
	const char *name;       /* as it was announced: TLS is held against it */
	const char (*address)[64]; size_t addresses; /* numeric; tried in this order */
	uint16_t port;
	const char *protocol;   /* "udp", "tcp" */
	const char *username, *password;
	struct turn_trust *trust; /* "turns"; must outlive the transport */
	bool six;               /* an IPv6 address is wanted: the peer has no other */
};

enum relay_news {
	RELAY_UP,               /* it relays for us */
	RELAY_REFUSED,          /* not with these credentials */
	RELAY_UNUSABLE,         /* no connection, its certificate, a quota, ... */
	RELAY_LOST              /* it did, and does not any more */
};
struct ice_candidate {
	const char *ip;         /* numeric */
	uint16_t port;
	uint32_t priority;
	const char *type;       /* "host", "srflx", "relay" */
	const char *foundation;
};

struct transport_nice_config {
	GMainContext *context;  /* the media thread's */
	bool controlling;
	const char *local_ufrag, *local_pwd;
	const char *remote_ufrag, *remote_pwd;
	const struct ice_candidate *cand; size_t cands;
	const struct ice_server *server; size_t servers;
	/* Relays alone, which are used with it only: no other address than 127.0.0.1
	 * is gathered, and from it but the doors of relays (turn_relay.h) are
	 * reached.  libnice would ask for them from each address that it has. */
	bool relay_only;
	bool loopback;          /* gather 127.0.0.1 and ::1 as well */
	/* What happens to relays; words: for people.  NULL: not asked for. */
	void (*relay_news)(void *ctx, enum relay_news news, const char *words); void *relay_ctx;
	/* The peer's first check came: it has had one of ours, for it does not know
	 * where we are.  Whether it takes this way is its own choice.  NULL: not
	 * asked for; ctx is the events'. */
	void (*checked)(void *ctx);
	/* Counts agents that are freed but still give their relay back; the
	 * context has to run until it is 0.  NULL: nobody waits for that. */
	unsigned *closing;
};
int transport_nice_new(struct transport **out, const struct transport_nice_config *cfg,
		       const struct transport_events *ev, void *ctx);
/* Is the way in use still what this machine's network says? */
enum transport_way {
	TRANSPORT_WAY_SAME, TRANSPORT_WAY_OTHER /* a better one is there */, TRANSPORT_WAY_GONE
};
enum transport_way transport_nice_look(const struct transport *t);
/* The relay's name, if the way in use is one; NULL.  Lent. */
const char *transport_nice_relay(const struct transport *t);
/* More of the peer's candidates (trickle). */
int transport_nice_add(struct transport *t, const struct ice_candidate *c);

/* Two ends of a line whose time is passed in.  An end is connected from its
 * first tick on; 5 s after the line went down it says disconnected. */
struct transport_fake_line {
	int64_t delay_us, jitter_us;    /* each datagram: delay + [0, jitter) */
	double loss, duplicate, reorder; /* probabilities */
	uint32_t seed;
	int64_t down_from_us, down_to_us; /* nothing passes in between */
};
int transport_fake_pair(struct transport **a, struct transport **b,
			const struct transport_fake_line *line);
void transport_fake_handlers(struct transport *t, const struct transport_events *ev, void *ctx);
/* Delivers what is due; returns when it wants to be called again. */
int64_t transport_fake_tick(struct transport *t, int64_t now_us);

#endif
