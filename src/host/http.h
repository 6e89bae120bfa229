/* http.h - what the host answers over HTTP, as a function of the request
 *
 * server.md, section 1.  No socket: host.c hands requests in and the answer
 * out.
 */
#ifndef HOST_HTTP_H
#define HOST_HTTP_H
#include <stdbool.h>
#include "base/buf.h"
#include "host/server.h"
#include "io/net.h"

struct http_answer_out {
	int status;
	const char *type;       /* static */
	const char *headers;    /* static lines, NULL */
	struct buf body;
};

/* authority: used where the request's Host header is none. */
void http_handle(struct server *s, const struct http_request *rq, const char *authority,
		 const struct bridge_stats *bridge, int64_t now_us, struct http_answer_out *out);

/* "/xmpp-websocket" or "/<tenant>/xmpp-websocket". */
bool http_is_xmpp(const char *path);

#endif
