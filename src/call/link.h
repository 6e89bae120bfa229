/* link.h - wires a call to real HTTP, WebSockets and timers of io
 *
 * Owns the struct call.  Media stays with the caller: its operations are
 * passed through.  Watches the network, and tells call and media of changes.
 */
#ifndef CALL_LINK_H
#define CALL_LINK_H
#include "call/call.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/net.h"

struct call_link;

struct call_link_media {
	void (*start)(void *ctx, const struct call_media *m);
	void (*stop)(void *ctx);
	void (*restart)(void *ctx, const struct call_media_restart *r);
	void (*services)(void *ctx, const struct ext_service *v, size_t count);
	void (*network)(void *ctx);     /* addresses or routes changed, or it slept */
	void (*data_open)(void *ctx, uint16_t port);
	void (*data_send)(void *ctx, const char *text, size_t len);
	void (*data_close)(void *ctx);
};

/* trace: called with every signalling message ("out"/"in", "xmpp"/"bridge"/"http"), may be
 * NULL.  Sockets: "open" with the address when it is dialled, "error" with why it could not
 * be, "close".  HTTP has a first line of its own: "POST URL\n", "200 URL\n". */
int call_link_new(struct call_link **out, struct loop *loop, struct net *net, struct http *http,
		  const struct call_config *cfg, const struct call_link_media *media,
		  void (*event)(void *ctx, const struct call_event *ev),
		  void (*trace)(void *ctx, const char *dir, const char *ch, const char *data, size_t len),
		  void *ctx);
void call_link_free(struct call_link **l);
struct call *call_link_call(struct call_link *l);
/* call_data_state() and call_data_input(), with a trace. */
void call_link_data_state(struct call_link *l, const char *sid, bool open, bool over,
			  const char *why);
void call_link_data(struct call_link *l, const char *sid, const char *text, size_t len);
/* After a command: recomputes the timer. */
void call_link_kick(struct call_link *l);
/* Bytes that signalling has put on the line, an estimate that counts headers. */
uint64_t call_link_line_out(const struct call_link *l);

#endif
