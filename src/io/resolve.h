/* resolve.h - host names to addresses, on a worker thread */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H
#include <netinet/in.h>
#include <sys/socket.h>
#include "io/loop.h"

struct resolve_call;

struct resolve_answer {
	int error;                              /* 0 or an EAI_ code */
	const char *text;                       /* for people; "" if none */
	const struct sockaddr_storage *addrs;   /* in the system's order, port set */
	size_t count;                           /* at most 8 */
};

/* done() is called once, not before this returns; the call is gone then.  No
 * thread is asked for numeric hosts, localhost and *.localhost. */
int resolve_start(struct resolve_call **out, struct loop *l, const char *host,
		  uint16_t port,
		  void (*done)(void *ctx, const struct resolve_answer *a), void *ctx);
/* done() will not run; takes NULL.  Nothing happens from within done(). */
void resolve_cancel(struct resolve_call **c);

#endif
