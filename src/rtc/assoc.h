/* assoc.h - SCTP associations over datagrams (RFC 9260, RFC 8261) with usrsctp
 *
 * Packets come in and go out by functions, time is passed in; no thread, no
 * socket.  Each association belongs to one thread; several may live in one
 * process, on threads of their own.  (Not named sctp_: usrsctp's library has
 * that prefix, and functions of the same name would take each other's place.)
 */
#ifndef RTC_ASSOC_H
#define RTC_ASSOC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assoc;

enum {
	ASSOC_PACKET_MAX = 1160,        /* bytes: fits a DTLS record in 1200 */
	ASSOC_MESSAGE_MAX = 256 * 1024, /* bytes of one message, either way */
	ASSOC_STREAMS = 64
};

/* Called from assoc_start(), _input(), _send(), _tick() of the same
 * association, on its thread.  A handler may send, but not free. */
struct assoc_events {
	void (*send)(void *ctx, const uint8_t *p, size_t len);  /* one packet */
	void (*up)(void *ctx);          /* again after the peer began anew */
	void (*down)(void *ctx, const char *why);               /* final */
	void (*message)(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len);
	void (*reset)(void *ctx, uint16_t stream);      /* the peer closed its half (RFC 6525) */
};

/* port: ours and the peer's.  longest: a message that is taken, at most
 * ASSOC_MESSAGE_MAX; longer ones are counted.  -ENOMEM. */
int assoc_new(struct assoc **out, uint16_t port, size_t longest, const struct assoc_events *ev,
	      void *ctx);
void assoc_free(struct assoc **a);      /* says ABORT if it is not over */

/* Sends INIT; the peer may do the same at the same time. */
int assoc_start(struct assoc *a, int64_t now_us);
void assoc_input(struct assoc *a, const uint8_t *p, size_t len, int64_t now_us);
/* Reliable and in order within the stream.  -ENOTCONN, -EMSGSIZE, -EAGAIN: no
 * room, nothing was taken; counted. */
int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid, const void *p, size_t len,
	       int64_t now_us);
/* Closes our half of a stream. */
void assoc_reset(struct assoc *a, uint16_t stream, int64_t now_us);
/* Sends what waits, then ends; down() follows. */
void assoc_shutdown(struct assoc *a, int64_t now_us);
int64_t assoc_tick(struct assoc *a, int64_t now_us);

struct assoc_stats {
	uint64_t in_messages, out_messages;
	uint64_t malformed;     /* packets in */
	uint64_t too_long;      /* messages, either way */
	uint64_t unsent;        /* messages for which there was no room or peer */
	uint64_t dropped;       /* packets out for which there was no memory or place */
};
void assoc_stats(const struct assoc *a, struct assoc_stats *out);

#endif
