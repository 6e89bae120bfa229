/* fixture.h - one server and one client in one process, on loopback */
#ifndef UNIT_IO_FIXTURE_H
#define UNIT_IO_FIXTURE_H
#include <stdbool.h>
#include "base/buf.h"
#include "io/http.h"
#include "io/net.h"
#include "unit/unit.h"

struct fixture {
	struct loop *loop;
	struct net *net;
	struct http *http;
	struct net_server *server;
	struct http_reply *late;        /* of the path /late, not yet answered */
	char url[256];                  /* of the server, with '/' */

	struct ws *peer, *client;       /* the server's and the client's end */
	struct buf peer_got, got;       /* what each heard */
	bool opened, closed, peer_opened, peer_closed;
	bool quiet;                     /* the server's end does not echo */
	unsigned accepted;
	enum net_error why;
	int code, peer_code, status;
	char text[400], peer_text[200];
	char asked[300];                /* path?query of the last WebSocket */

	bool answered;                  /* HTTP */
	struct buf body;
	char type[100], last[300];      /* content type, last address */
	char header[300];               /* the one that was wanted */
};

/* Options of fixture_new(). */
struct fixture_options {
	const char *address;            /* NULL: 127.0.0.1 */
	const char *cert, *key;         /* of the server */
	const char *ca_file;            /* of the client */
	bool insecure;
	unsigned max_per_address;       /* 0: no limit */
	unsigned ping_s;                /* of the server */
	size_t max_ws_bytes;            /* 0: 2 MiB */
};

struct fixture *fixture_new(const struct fixture_options *o);
void fixture_free(struct fixture *f);
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Runs the loop until *flag or ends the test after 10 s. */
void wait_for(struct fixture *f, const bool *flag);
void wait_bytes(struct fixture *f, const struct buf *b, size_t n);
void run_for(struct fixture *f, int ms);

/* path is appended to the server's address. */
void open_at(struct fixture *f, const char *path, const char *subprotocol);
int open_url(struct fixture *f, const char *url, int64_t timeout_us);
extern const struct ws_handlers client_handlers;
extern const struct net_server_handlers server_handlers;

/* Asks and waits for the answer; url is an address or a path of the server. */
void ask(struct fixture *f, const char *method, const char *url, const char *body);
/* A GET that follows nothing and wants that header. */
void ask_header(struct fixture *f, const char *url, const char *header);

/* A plain TCP connection to the server: sends, reads until the server closes
 * or 1 s has passed; new string. */
char *raw_talk(struct fixture *f, const char *send);
int raw_connect(struct fixture *f);

/* A listening socket of our own on loopback; the port in host order. */
int raw_listen(uint16_t *port);

#endif
