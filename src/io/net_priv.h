/* net_priv.h - what net.c, net_client.c and net_server.c share
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

enum { WS_QUEUE_MAX = 4 << 20, FD_LIMIT = 1024 };

struct order {
	struct order *next;
	void (*run)(struct net *n, struct order *o);    /* net thread; frees o */
	struct ws *ws;                                  /* a reference, or NULL */
};

struct net {
	struct loop *loop;
	struct post *post;
	struct loop_watch *watch;
	char *ca_file, *user_agent;
	bool insecure;

	struct lws_context *context;    /* made before the thread, then net's */
	struct lws_vhost *plain, *tls;  /* net: of clients; made when first needed */
	pthread_t thread;
	atomic_bool stop;

	pthread_mutex_t lock;           /* leaf: guards the orders */
	struct order *first, *last;

	struct ws *open;                /* loop: all that a user holds */
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
	char *url_host, *path, *protocol, *origin, *authority;
	bool secure, server;
	struct lws_retry_bo ping;
	size_t max_bytes;
	struct sockaddr_storage addrs[8];
	size_t addr_count;

	/* net */
	struct lws *wsi;
	size_t addr_next;
	struct buf in;
	bool up;
	int code;                       /* of the close that the peer said */
	char *why;                      /* of a failed connection */
	int status;                     /* HTTP, of a refused upgrade */

	pthread_mutex_t lock;           /* leaf: guards what follows */
	struct frame *out_first, *out_last;
	size_t out_bytes;
	bool want_close;
	int close_code;
	char close_reason[64];

	atomic_uint_fast64_t bytes_in, bytes_out;
};

extern const struct lws_protocols net_client_protocols[];

/* Any thread. */
void net_order(struct net *n, struct order *o);
struct ws *ws_ref(struct ws *w);
void ws_unref(struct ws *w);

struct ws *ws_alloc(struct net *n, bool server);        /* loop or net; one reference */
/* net: news for the loop. */
enum ws_news { WS_OPENED, WS_TEXT, WS_CLOSED };
void ws_tell(struct ws *w, enum ws_news what, const char *text, size_t len, enum net_error why);
/* net: shared parts of the two protocol callbacks; non-zero closes. */
int ws_on_receive(struct ws *w, struct lws *wsi, const void *in, size_t len);
int ws_on_writable(struct ws *w, struct lws *wsi);
void ws_on_closed(struct ws *w);
void ws_on_peer_close(struct ws *w, const void *in, size_t len);

/* net_server.c: after the thread has ended */
void net_servers_release(struct net *n);
/* net_client.c, net thread */
void net_client_connect(struct net *n, struct ws *w);

#endif
