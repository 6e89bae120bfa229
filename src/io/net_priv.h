/* net_priv.h - what net.c, net_ws.c, net_client.c and net_server.c share
 *
 * Two threads: "loop" is the owner's, "net" runs lws_service().  Orders go to
 * net in a list under net->lock, news come back by net->post.  A struct ws
 * lives until both have let go of it.
 */
#ifndef IO_NET_PRIV_H
#define IO_NET_PRIV_H
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/buf.h"
#include "io/net.h"
#include "io/resolve.h"
#include "io/url.h"

enum {
	FD_LIMIT = 1024,                /* descriptors of libwebsockets */
	HEADER_BYTES = 16384,           /* of one request: browsers send long cookies */
	TIMEOUT_S = 15,                 /* for each step of a handshake, for a request's body */
	CONNECT_S = 5,                  /* TCP alone; then the next address is tried */
	WS_MAX_BYTES = 1 << 20,         /* of a message where nobody says otherwise */
	WS_OUT_MAX = 4 << 20,           /* bytes that wait for a peer who does not read */
	WS_IN_MAX = 1 << 20,            /* bytes that wait for the loop before we stop reading */
};

struct order {
	struct order *next;
	void (*run)(struct net *n, struct order *o);    /* net thread; frees o */
	struct ws *ws;                                  /* a reference, or NULL */
};

struct http_reply;
struct ping_policy;

struct net {
	struct loop *loop;
	struct post *post;
	struct loop_watch *watch;
	char *ca_file, *user_agent;
	bool insecure;

	/* Made before the thread, used on it, ended after it. */
	struct lws_context *context;
	struct lws_vhost *plain, *tls;  /* of clients; tls is made when first needed */
	struct ping_policy *policies;   /* libwebsockets points into them */
	pthread_t thread;
	atomic_bool stop;

	pthread_mutex_t lock;           /* leaf: guards the orders */
	struct order *first, *last;

	struct ws *open;                /* loop: all that a user holds */
	struct http_reply *replies;     /* loop: not yet sent */
	struct net_server *closed_servers; /* loop */
};

struct frame {
	struct frame *next;
	size_t len;
	unsigned char p[];              /* LWS_PRE bytes, then the text */
};

struct ws {
	atomic_int refs;                /* loop side, net side, orders, news */
	struct net *net;
	struct ws *open_next;           /* loop */

	/* loop */
	struct ws_handlers h;
	void *ctx;
	bool closed_told, closing, freed;
	struct resolve_call *resolving;
	struct loop_timer *limit;       /* of connecting */
	char *peer;

	/* set before net sees it, then read */
	char *host, *path, *protocol, *origin, *authority;
	bool secure, server;
	unsigned ping_s;
	size_t max_bytes;
	struct sockaddr_storage addrs[8];
	size_t addr_count;

	/* net */
	struct lws *wsi;
	struct buf in;
	bool up, dead;                  /* dead: no further attempt, its user has gone */
	int code;                       /* of the close */
	char *why;                      /* it ended, for people */
	int status;                     /* HTTP, of a refused upgrade */
	char *location;                 /* where it points; read by the loop once it is told */
	/* net, of an attempt to connect */
	size_t addr_next;
	bool starting;                  /* its failure is told by a result */
	bool tcp;                       /* the connection itself stood */
	int64_t since_us;
	long certificate;               /* X509_V_ERR_ */

	pthread_mutex_t lock;           /* leaf: guards what follows */
	struct frame *out_first, *out_last;
	size_t out_bytes;
	bool want_close;
	int close_code;
	char close_reason[64];

	atomic_size_t undelivered;      /* bytes posted to the loop, not yet run */
	atomic_bool paused;             /* net does not read */
	atomic_int_fast64_t acked_us;
};

/* ---- net.c ---- */

/* Any thread. */
void net_order(struct net *n, struct order *o);
/* net; lent until net_free(). */
const struct lws_retry_bo *net_ping_policy(struct net *n, unsigned ping_s);

/* ---- net_ws.c ---- */

/* Any thread. */
struct ws *ws_alloc(struct net *n, bool server);        /* one reference */
struct ws *ws_ref(struct ws *w);
void ws_unref(struct ws *w);
/* net: news for the loop. */
enum ws_news { WS_OPENED, WS_TEXT, WS_CLOSED };
void ws_tell(struct ws *w, enum ws_news what, const char *text, size_t len, enum net_error why);
/* net: shared parts of the two protocol callbacks; non-zero closes. */
int ws_on_receive(struct ws *w, struct lws *wsi, const void *in, size_t len);
int ws_on_writable(struct ws *w, struct lws *wsi);
void ws_on_timer(struct ws *w, struct lws *wsi);
void ws_on_peer_close(struct ws *w, const void *in, size_t len);
void ws_on_closed(struct ws *w);        /* gives the net side's reference back */

/* ---- net_client.c, net thread ---- */

struct lws_vhost *net_client_vhost(struct net *n, bool tls);
void net_client_connect(struct net *n, struct ws *w);

/* ---- net_server.c, net_http.c: loop, after the thread has ended ---- */

void net_servers_release(struct net *n);
void net_replies_release(struct net *n);

#endif
