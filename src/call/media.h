/* media.h - the media thread of a call: a loop with at most one peer
 *
 * The thread lives as long as the object; media sessions come and go on it.
 * What drives the sound is the sink's tick, so that mixing and network share
 * one thread and no lock.  Functions are called on the loop thread and cross
 * by posts, except where marked.
 */
#ifndef CALL_MEDIA_H
#define CALL_MEDIA_H
#include "base/frame.h"
#include "call/call.h"
#include "io/loop.h"
#include "rtc/peer.h"

struct media;

struct media_sink {             /* all on the media thread */
	void (*frame)(void *ctx, const struct media_frame *f);
	/* Does what is due; returns when it wants to be called again. */
	int64_t (*tick)(void *ctx, int64_t now_us);
};

struct media_events {           /* on the loop thread */
	/* state: enum peer_state. */
	void (*state)(void *ctx, const char *sid, int state, const char *why);
	/* The data channel of media_channel_open(); over: it will not open
	 * again by itself. */
	void (*channel)(void *ctx, const char *sid, bool open, bool over, const char *why);
	void (*text)(void *ctx, const char *sid, const char *text, size_t len);
	void (*want)(void *ctx, const char *sid, enum call_want want, const char *why);
};

struct media_config {
	bool loopback;          /* gather loopback addresses, too */
	bool relay_only;
	const char *turn;       /* "turn[s]:user:password@host[:port][?transport=tcp]" or "" */
	const char *ca_file;    /* relays over TLS: to trust in place of the system's; NULL, "" */
	bool insecure;          /* ... or any */
};

int media_new(struct media **out, struct loop *loop, const struct media_config *cfg,
	      const struct media_sink *sink, void *sink_ctx,
	      const struct media_events *ev, void *ctx);
/* Ends the session, joins the thread.  Before it, media_run() what must
 * happen on the thread. */
void media_free(struct media **m);
const char *media_fingerprint(const struct media *m);   /* of our certificate, for session-accept */

void media_start(struct media *m, const struct call_media *params);
void media_stop(struct media *m);
/* As the operations of call.h. */
void media_restart(struct media *m, const struct call_media_restart *r);
void media_services(struct media *m, const struct ext_service *v, size_t count);
/* Addresses or routes of this machine changed: the way in use may be dead, or
 * another one better. */
void media_network(struct media *m);
/* The bridge's channel over SCTP, for the session that was started last. */
void media_channel_open(struct media *m, uint16_t port);
void media_channel_send(struct media *m, const char *text, size_t len); /* copied */
void media_channel_close(struct media *m);
/* Runs fn on the media thread (m's post). */
int media_post(struct media *m, struct post_msg *msg);
/* Same, and waits until it has run (at most 2 s). */
void media_run(struct media *m, void (*fn)(void *ctx), void *ctx);

/* Media thread only. */
void media_send(struct media *m, const struct media_packet *pkt, int64_t now_us);
void media_skip(struct media *m, unsigned samples);
void media_forget(struct media *m, uint32_t ssrc);

/* Any thread: figures of at most 250 ms ago. */
enum { MEDIA_SOURCES = 64 };
struct media_stats {
	struct peer_stats peer;
	struct peer_source source[MEDIA_SOURCES];
	size_t sources;
};
void media_stats(struct media *m, struct media_stats *out);

#endif
