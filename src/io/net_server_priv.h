/* net_server_priv.h - what net_server.c and net_http.c share */
#ifndef IO_NET_SERVER_PRIV_H
#define IO_NET_SERVER_PRIV_H
#include "io/net_priv.h"

enum {
	CONNECTIONS_MAX = 512,          /* of a server; half of FD_LIMIT, so that clients find room */
	BODY_MAX_BYTES = 65536,         /* of a request where nobody says otherwise */
};

/* Connections of one address at once; IPv6 counts by its /64, which is what
 * one customer gets. */
struct peer_count { struct net_server *server; char key[INET6_ADDRSTRLEN]; unsigned n; };

struct net_server {
	struct net_server *next;                /* loop: closed ones, until net_free() */
	struct net *net;
	struct net_server_handlers h;
	void *ctx;
	struct net_server_params params;
	char *address, *cert, *key;
	uint16_t port;
	bool closed;                            /* loop: nothing is told any more */

	/* net */
	struct lws_vhost *vhost;
	struct lws_retry_bo ping;
	struct lws_protocols protocols[3];
	bool stopped;                           /* filter() is not asked any more */
	unsigned connections;
	struct peer_count peer[CONNECTIONS_MAX];

	/* net_listen() waits for the thread: */
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

/* A request: strings of its own, on the way to the loop. */
struct request {
	struct post_msg m;
	struct net_server *server;
	struct http_request rq;
	char *method, *path, *query, *host, *peer;
	struct buf body;
	struct ws *ws;                          /* accepted(): a reference */
	struct http_reply *reply;               /* request() */
};

/* Of one connection, whatever its protocol is. */
struct session { struct request *rq; struct http_reply *reply; struct ws *ws; };

/* ---- net_http.c, net thread ---- */

/* The request whose headers libwebsockets has just read. */
struct request *request_new(struct net_server *s, struct lws *wsi);
void request_free(struct request *r);
/* Sets r->rq, which lends its strings. */
void request_fill(struct request *r);

/* Non-zero closes the connection. */
int http_on_request(struct net_server *s, struct session *se, struct lws *wsi);
int http_on_body(struct net_server *s, struct session *se, struct lws *wsi, const void *in,
		 size_t len);
int http_on_body_end(struct session *se, struct lws *wsi);
int http_on_writable(struct session *se, struct lws *wsi);
void session_end(struct session *se);

#endif
