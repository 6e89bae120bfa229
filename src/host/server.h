/* server.h - the host's signalling as a pure core
 *
 * Text of clients comes in, text for them goes out through ops; no socket,
 * no clock.  host.c wires it to the network, the unit tests play clients and
 * bridge themselves.  One thread; ops must not call back into the server.
 */
#ifndef HOST_SERVER_H
#define HOST_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "host/bridge.h"
#include "host/limits.h"

struct server;
struct xmpp_conn;       /* a client's XMPP stream */
struct channel;         /* a client's bridge channel */

/* The media half; the functions of bridge.h, or a test's. */
struct bridge_ops {
	int (*add)(void *b, const struct bridge_endpoint *e, struct jingle_transport *transport);
	int (*accept)(void *b, unsigned room, const char *id, const struct jingle_transport *t);
	int (*restart)(void *b, unsigned room, const char *id, struct jingle_transport *transport);
	int (*restart_accept)(void *b, unsigned room, const char *id,
			      const struct jingle_transport *t);
	void (*sources)(void *b, unsigned room, const char *id, const struct source_set *s);
	void (*remove)(void *b, unsigned room, const char *id);
	void (*channel_open)(void *b, unsigned room, const char *id);
	void (*channel_input)(void *b, unsigned room, const char *id, const char *text, size_t len);
	void (*channel_closed)(void *b, unsigned room, const char *id);
};

struct server_ops {
	/* link is what server_connect() or server_channel_open() got.
	 * Negative: it cannot be sent any more. */
	int (*send)(void *ctx, void *link, const char *text, size_t len);
	/* Closes once what was sent is out; the server has forgotten the link. */
	void (*close)(void *ctx, void *link, int code, const char *reason);
	/* A bridge channel of this path may be opened from now on, and no more. */
	void (*admit)(void *ctx, const char *conference, const char *endpoint, const char *password);
	void (*dismiss)(void *ctx, const char *conference, const char *endpoint);
};

struct relays;

struct server_config {
	const char *domain;             /* "ttymeet.local" */
	unsigned max_people, max_rooms;
	const char *password;           /* of every room that is opened; NULL */
	const struct relays *relays;    /* lent for the server's life; NULL */
	bool tls;                       /* URLs begin with https and wss */
	bool no_websocket, no_sctp;     /* forms of the bridge channel that are not offered */
	int64_t wall_offset_us;         /* wall clock minus `now` of the calls */
	uint32_t audio_ssrc, video_ssrc; /* the bridge's own */
};

/* Copies cfg; bridge and ctx must live until server_free(). */
int server_new(struct server **out, const struct server_config *cfg, const struct server_ops *ops,
	       void *ctx, const struct bridge_ops *bridge_ops, void *bridge);
void server_free(struct server **s);    /* without a word; links are not closed */
/* Tells everyone that the host ends and closes. */
void server_shutdown(struct server *s, int64_t now_us);

/* authority: the Host header of the upgrade, for URLs; checked here. */
struct xmpp_conn *server_connect(struct server *s, void *link, const char *peer,
				 const char *authority, int64_t now_us);
/* Each of these may end the connection, after ops.close(). */
void server_input(struct server *s, struct xmpp_conn *c, const char *text, size_t len,
		  int64_t now_us);
/* Its socket died; not for good: a client with stream management may come
 * back for a minute, and keeps its seats until then.  The link is forgotten. */
void server_gone(struct server *s, struct xmpp_conn *c, bool for_good, int64_t now_us);

/* NULL: refused. */
struct channel *server_channel_open(struct server *s, void *link, const char *path,
				    const char *query, int64_t now_us);
void server_channel_input(struct server *s, struct channel *ch, const char *text, size_t len,
			  int64_t now_us);
void server_channel_gone(struct server *s, struct channel *ch, int64_t now_us);

/* Events of the bridge. */
void server_bridge_state(struct server *s, unsigned room, const char *endpoint, uint64_t session,
			 enum bridge_endpoint_state state, const char *why, int64_t now_us);
void server_bridge_send(struct server *s, unsigned room, const char *endpoint, const char *text,
			size_t len, int64_t now_us);

/* A conference request over HTTP; returns the status. */
int server_conference(struct server *s, const char *peer, const char *json, size_t len,
		      struct buf *out, int64_t now_us);

/* Does what is due. */
void server_tick(struct server *s, int64_t now_us);
/* When server_tick() wants to be called; may change with every call above. */
int64_t server_due(const struct server *s);

struct server_stats {
	unsigned connections, asleep, rooms, people, largest, sessions, channels;
	uint64_t rooms_opened, joins, resumed, stanzas_in, stanzas_out;
	struct notices notices;
};
void server_stats(const struct server *s, struct server_stats *out);
const struct server_config *server_config(const struct server *s);

#endif
