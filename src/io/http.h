/* http.h - HTTP requests by libcurl, on a worker thread
 *
 * One worker with a curl multi handle; answers come back on the loop's
 * thread.  http and https alone, redirects are followed (at most 5, never
 * from https to http), bodies are bounded, TLS is verified.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/loop.h"
#include "io/net.h"     /* enum net_error */

struct http;
struct http_call;

struct http_params {
	const char *method;             /* "GET", "POST" */
	const char *url;
	const char *body;               /* NULL: none */
	const char *content_type;       /* of the body */
	const char *authorization;      /* "Bearer ..."; not sent on to another host */
	const char *header;             /* of the answer, wanted; NULL */
	bool no_redirects;              /* the first answer is the answer */
	size_t max_bytes;
	int64_t timeout_us;             /* for everything */
};

struct http_answer {
	enum net_error error;           /* NET_OK: there is a status */
	int status;
	const char *text;               /* why it failed, for people; "" if it did not */
	const char *url;                /* the last one, after redirects */
	const char *content_type;       /* "" if none */
	const char *header;             /* as wanted, at most 255 bytes; "" if none */
	const char *body;               /* NUL behind it */
	size_t len;
};

int http_new(struct http **out, struct loop *loop, const struct net_config *cfg);
void http_free(struct http **h);        /* no done() runs afterwards */

/* done() is called once on the loop's thread, the answer lent; the call is gone
 * afterwards.  An address that is none arrives there, too. */
int http_start(struct http_call **out, struct http *h, const struct http_params *p,
	       void (*done)(void *ctx, const struct http_answer *a), void *ctx);
/* done() will not run, the transfer ends; takes NULL. */
void http_cancel(struct http_call **c);

#endif
