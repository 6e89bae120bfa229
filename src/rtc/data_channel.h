/* data_channel.h - one data channel of text messages over one association
 *
 * The bridge's channel (RFC 8831, 8832): reliable, in order, opened by the
 * client.  Packets are a DTLS association's application data.  One thread;
 * time is passed in.
 */
#ifndef RTC_DATA_CHANNEL_H
#define RTC_DATA_CHANNEL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtc/assoc.h"

struct data_channel;

enum { DATA_CHANNEL_PORT = 5000 };      /* where <sctpmap/> says nothing else */

struct data_channel_config {
	uint16_t port;
	bool opener;            /* the client; else one that the peer opens is taken */
	bool dtls_client;       /* its streams are even, the server's are odd */
	size_t longest;         /* text that is taken; 0: ASSOC_MESSAGE_MAX */
};

/* Called from _start(), _input(), _send(), _close(), _tick(); a handler may
 * send, but not free. */
struct data_channel_events {
	void (*send)(void *ctx, const uint8_t *p, size_t len);  /* one packet */
	void (*open)(void *ctx);
	/* over: nothing comes any more; else it may open again. */
	void (*closed)(void *ctx, bool over, const char *why);
	void (*text)(void *ctx, const char *text, size_t len);  /* NUL behind it */
};

int data_channel_new(struct data_channel **out, const struct data_channel_config *cfg,
		     const struct data_channel_events *ev, void *ctx);
void data_channel_free(struct data_channel **c);
int data_channel_start(struct data_channel *c, int64_t now_us); /* once DTLS is up */
void data_channel_input(struct data_channel *c, const uint8_t *p, size_t len, int64_t now_us);
/* -ENOTCONN: it is not open; -EMSGSIZE; -EAGAIN: too much waits. */
int data_channel_send(struct data_channel *c, const char *text, size_t len, int64_t now_us);
void data_channel_close(struct data_channel *c, int64_t now_us);        /* closed() follows */
int64_t data_channel_tick(struct data_channel *c, int64_t now_us);

struct data_channel_stats {
	struct assoc_stats assoc;
	uint64_t refused;       /* further channels, messages on streams without one */
	uint64_t malformed;     /* DCEP that is none, binary messages */
};
void data_channel_stats(const struct data_channel *c, struct data_channel_stats *out);

#endif
