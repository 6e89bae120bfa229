/* forward.h - the media core of the bridge: rooms, endpoints, who gets what
 *
 *	datagram -> DTLS | SRTP off, once -> RTP: forward_media.c, video.c
 *	         -> for each receiver: header, SRTP on -> transport
 *	         -> RTCP: forward_rtcp.c, ended here
 *	channel messages: endpoint_channel.c
 *
 * Opens no socket, starts no thread, reads no clock: transports are made by
 * its owner, `now` comes in.  bridge.c runs it on the media thread, tests on
 * lines of their own.  Everything of a stranger's is bounded and counted.
 */
#ifndef HOST_FORWARD_H
#define HOST_FORWARD_H
#include <stdint.h>
#include "host/bridge.h"
#include "rtc/dtls.h"
#include "rtc/transport.h"

struct forward;

/* Handlers must not call back into the forward. */
struct forward_ops {
	int (*make)(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
		    const struct transport_events *ev, void *ev_ctx);
	int (*remote)(void *ctx, struct transport *t, const char *ufrag, const char *pwd);
	/* When the peer last proved by ICE that it is there; 0 never. */
	int64_t (*heard_us)(void *ctx, const struct transport *t);
	void (*state)(void *ctx, unsigned room, const char *endpoint, uint64_t session,
		      enum bridge_endpoint_state state, const char *why);
	void (*channel_send)(void *ctx, unsigned room, const char *endpoint,
			     const char *text, size_t len);
};

struct forward_config {
	const struct dtls_cert *cert;
	uint32_t audio_ssrc, video_ssrc;        /* the bridge's own */
};

int forward_new(struct forward **out, const struct forward_config *cfg,
		const struct forward_ops *ops, void *ctx);
void forward_free(struct forward **f);
/* Does what is due; returns when it wants to be called again.  Cheap while
 * nothing is due: call it after each batch of datagrams, too. */
int64_t forward_tick(struct forward *f, int64_t now_us);
void forward_stats(const struct forward *f, struct bridge_stats *out);

/* As in bridge.h. */
int forward_add(struct forward *f, const struct bridge_endpoint *e, const char *ufrag,
		const char *pwd, int64_t now_us);
int forward_accept(struct forward *f, unsigned room, const char *id,
		   const struct jingle_transport *t, int64_t now_us);
int forward_restart(struct forward *f, unsigned room, const char *id, const char *ufrag,
		    const char *pwd, int64_t now_us);
int forward_restart_accept(struct forward *f, unsigned room, const char *id,
			   const struct jingle_transport *t);
void forward_sources(struct forward *f, unsigned room, const char *id,
		     const struct source_set *s, int64_t now_us);
void forward_force_mute(struct forward *f, unsigned room, const char *id, bool video, bool mute);
void forward_remove(struct forward *f, unsigned room, const char *id, int64_t now_us);
void forward_channel_open(struct forward *f, unsigned room, const char *id, int64_t now_us);
void forward_channel_input(struct forward *f, unsigned room, const char *id,
			   const char *text, size_t len, int64_t now_us);
void forward_channel_closed(struct forward *f, unsigned room, const char *id, int64_t now_us);

#endif
