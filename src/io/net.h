/* net.h - WebSockets and the HTTP server, on a thread of their own
 *
 * libwebsockets cannot share a main loop, so one thread runs its service
 * loop and everything else happens by messages: all handlers below are
 * called on the thread of the loop that net_new() got (with one exception,
 * marked), and all functions are called there.  Frames are handed over whole.
 */
#ifndef IO_NET_H
#define IO_NET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/loop.h"

struct net;             /* one libwebsockets context a process */
struct ws;              /* one WebSocket, either end */
struct net_server;
struct http_reply;

struct net_config {
	const char *ca_file;            /* PEM; NULL: the system's */
	bool insecure;                  /* accept any certificate */
	const char *user_agent;         /* "ttymeet/0.1"; copied */
};
int net_new(struct net **out, struct loop *loop, const struct net_config *cfg);
/* Frees every ws that is left, joins the thread.  No handler runs afterwards;
 * answers that are still owed may be sent, and go nowhere.  Also from within a
 * handler. */
void net_free(struct net **n);

enum net_error {
	NET_OK,
	NET_NAME,       /* the name was not found */
	NET_REFUSED,    /* refused or unreachable */
	NET_TIMEOUT,
	NET_TLS,        /* certificate or handshake: the text says which */
	NET_HTTP,       /* the server answered something else; status is set */
	NET_CLOSED,     /* it was open and has ended */
	NET_FAILED
};

struct ws_handlers {
	void (*opened)(void *ctx, struct ws *w);
	/* One whole text message, NUL behind it; lent. */
	void (*text)(void *ctx, struct ws *w, const char *text, size_t len);
	/* Called once, the last; code is RFC 6455's (1006 without one), status
	 * that of HTTP where the upgrade was refused, text for people. w may be
	 * freed here. */
	void (*closed)(void *ctx, struct ws *w, enum net_error why, int code,
		       int status, const char *text);
};

struct ws_params {
	const char *url;                /* ws:// or wss:// */
	const char *subprotocol;        /* "xmpp"; NULL: none */
	const char *origin;             /* "https://host"; NULL: none */
	unsigned ping_s;                /* own pings; 0: none */
	size_t max_bytes;               /* of a message; larger ones close it */
	int64_t timeout_us;             /* for connecting */
};
/* Looks the name up on a worker, then connects to its addresses in turn.
 * Redirects are not followed; see ws_location().  Strings are copied.  -EINVAL for what is no
 * address, -ENAMETOOLONG; all other errors arrive by closed(). */
int ws_open(struct ws **out, struct net *n, const struct ws_params *p,
	    const struct ws_handlers *h, void *ctx);
/* Queues a text message.  -EPIPE once closing; -ENOBUFS: more than 4 MiB wait,
 * the peer does not read. */
int ws_send(struct ws *w, const char *text, size_t len);
/* Says goodbye after what is queued; closed() follows, soon also while it is
 * connecting.  A second call does nothing. */
void ws_close(struct ws *w, int code, const char *reason);
/* No handler of w runs afterwards.  Cuts it off, unless ws_close() was called:
 * then what is queued still goes out. */
void ws_free(struct ws **w);
void ws_set_handlers(struct ws *w, const struct ws_handlers *h, void *ctx);
const char *ws_peer(const struct ws *w);        /* numeric address, server side */
/* In closed(): where a 30x in place of the upgrade points; "" nowhere. */
const char *ws_location(const struct ws *w);
size_t ws_queued(const struct ws *w);           /* bytes not yet sent */
/* Client side: when TCP at the other end was heard of last, as of some seconds
 * after something was sent; 0: not looked yet.  On a line that loses much it
 * still acknowledges when no message comes through. */
int64_t ws_acked_us(const struct ws *w);

/* ---- server ---- */

struct http_request {
	const char *method;     /* "GET", "POST", "OPTIONS", "HEAD" */
	const char *path;       /* without the query, percent-decoded once */
	const char *query;      /* without '?', percent-decoded once; "" if none */
	const char *host;       /* Host header, "" if none */
	const char *peer;       /* numeric address */
	const char *body;
	size_t body_len;        /* at most max_body_bytes */
};

struct net_server_handlers {
	/* Must answer by http_reply_send(), now or later. */
	void (*request)(void *ctx, const struct http_request *rq, struct http_reply *re);
	/* On the net thread: may a WebSocket open at this path?  Returns 0 or
	 * the HTTP status of the refusal; *subprotocol (static) is what to
	 * accept, NULL for none.  The one name that is known is "xmpp": it is
	 * echoed where the client offers it, and a client that offers others
	 * alone is refused.  Must guard what it reads. */
	int (*filter)(void *ctx, const struct http_request *rq, const char **subprotocol);
	/* A WebSocket is open; call ws_set_handlers() at once, or ws_free(). */
	void (*accepted)(void *ctx, struct ws *w, const struct http_request *rq);
};

struct net_server_params {
	const char *address;            /* numeric, IPv4 or IPv6 */
	uint16_t port;                  /* 0: a free one */
	const char *cert_file, *key_file; /* PEM; both NULL: plain HTTP */
	size_t max_body_bytes;
	size_t max_ws_bytes;            /* of one message */
	unsigned max_per_address;       /* connections at once (IPv6: per /64); 0: no limit.  512 in all */
	unsigned ping_s;                /* WebSocket pings; a peer that does not answer one
					 * within the same time is closed */
};
/* Returns when the socket listens, or -EADDRINUSE and the like; -EKEYREJECTED
 * for a certificate and key that do not fit. */
int net_listen(struct net_server **out, struct net *n,
	       const struct net_server_params *p,
	       const struct net_server_handlers *h, void *ctx);
uint16_t net_server_port(const struct net_server *s);
/* No handler of it runs afterwards; its WebSockets end within a second. */
void net_server_free(struct net_server **s);

/* Sends the answer and frees re.  headers: "Name: value\r\n" lines or NULL. */
void http_reply_send(struct http_reply *re, int status, const char *content_type,
		     const char *headers, const char *body, size_t len);

#endif
