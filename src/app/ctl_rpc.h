/* ctl_rpc.h - one control client's conversation: JSON-RPC 2.0, a message a line
 *
 * No socket: bytes come in, lines go out by send().  Loop thread.
 */
#ifndef APP_CTL_RPC_H
#define APP_CTL_RPC_H
#include <stddef.h>
#include "session/session.h"

enum { CTL_REQUEST_MAX = 65536 };

struct ctl_rpc;

int ctl_rpc_new(struct ctl_rpc **out, struct session *s,
		void (*send)(void *ctx, const char *line, size_t len), void *ctx);
void ctl_rpc_free(struct ctl_rpc **r);
/* -EPROTO: this client is to be dropped (a line over 64 KiB, nothing but
 * garbage); what it is told was sent before. */
int ctl_rpc_input(struct ctl_rpc *r, const char *bytes, size_t len);
/* Tells it an event, if it subscribed to such. */
void ctl_rpc_event(struct ctl_rpc *r, const struct session_event *ev);

#endif
