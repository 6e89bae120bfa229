/* bridge.h - the media half of the embedded host: selective forwarding
 *
 * One UDP port, one media thread.  The signalling half (focus.c) tells it of
 * endpoints and their sources; it decrypts once, decides who gets what, and
 * encrypts once for each receiver.  Functions are called on the loop thread
 * and cross by posts; events come back on the loop thread the same way.
 */
#ifndef HOST_BRIDGE_H
#define HOST_BRIDGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "io/loop.h"
#include "xmpp/jingle.h"
#include "xmpp/source.h"

struct bridge;

enum bridge_endpoint_state {
	BRIDGE_UP,              /* DTLS done */
	BRIDGE_FAILED,          /* ICE or DTLS failed, or it hung up: why says it; final */
	BRIDGE_EXPIRED          /* silent for a minute, or never came (2 min): removed */
};

/* room: an opaque number of the conference, endpoint: its id.  Handlers may
 * call the bridge, but not free it. */
struct bridge_events {
	void (*state)(void *ctx, unsigned room, const char *endpoint, uint64_t session,
		      enum bridge_endpoint_state state, const char *why);
	void (*channel_send)(void *ctx, unsigned room, const char *endpoint,
			     const char *text, size_t len);
};

struct bridge_config {
	const char *address;            /* numeric bind address */
	uint16_t port;                  /* 0: a free one */
	const char *public_address;     /* numeric, offered beside the own ones; NULL */
};

int bridge_new(struct bridge **out, struct loop *loop, const struct bridge_config *cfg,
	       const struct bridge_events *ev, void *ctx);
void bridge_free(struct bridge **b);
uint16_t bridge_port(const struct bridge *b);

/* The bridge's own RTCP sources, "jvb-a0" and "jvb-v0". */
uint32_t bridge_audio_ssrc(const struct bridge *b);
uint32_t bridge_video_ssrc(const struct bridge *b);

struct bridge_endpoint {
	unsigned room;
	const char *id;                 /* endpoint id */
	uint64_t session;               /* rises with each media session of it */
	uint8_t pt_opus, pt_vp8, pt_rtx; /* as offered */
	uint8_t ext_level, ext_abs_time, ext_tcc; /* 0: not offered */
	bool video;                     /* may receive video */
	bool tcc;                       /* has transport-cc */
	uint16_t sctp_port;             /* the channel may come by SCTP; 0: not offered */
};
/* Makes an endpoint and fills transport with ufrag, pwd, fingerprint, setup and
 * candidates, at once; the rest of it stays.  One with the same room and id is
 * replaced: its sources go, its channel and what it was muted by force remain. */
int bridge_add(struct bridge *b, const struct bridge_endpoint *e,
	       struct jingle_transport *transport);
/* What the endpoint answered: ufrag, pwd, fingerprint, setup are used.  -EINVAL:
 * one is missing; what else may be wrong with it is told by an event. */
int bridge_accept(struct bridge *b, unsigned room, const char *id,
		  const struct jingle_transport *t);
/* New ICE credentials for an endpoint that runs; fills transport as bridge_add()
 * does.  The way in use stays until the endpoint's checks have come over the new
 * one; without them it is given up after 20 s. */
int bridge_restart(struct bridge *b, unsigned room, const char *id,
		   struct jingle_transport *transport);
/* The endpoint's half of it: ufrag and pwd are used. */
int bridge_restart_accept(struct bridge *b, unsigned room, const char *id,
			  const struct jingle_transport *t);
/* All sources that it sends now, groups included; replaces the former ones. */
void bridge_sources(struct bridge *b, unsigned room, const char *id, const struct source_set *s);
/* Drops its audio or video before decryption. */
void bridge_force_mute(struct bridge *b, unsigned room, const char *id, bool video, bool mute);
void bridge_remove(struct bridge *b, unsigned room, const char *id);

/* Bridge channel, carried by the caller's WebSocket; for an endpoint that was
 * added.  One by SCTP is the bridge's own affair; of two the newer one speaks.
 * Greets and tells the state of the room each time it opens. */
void bridge_channel_open(struct bridge *b, unsigned room, const char *id);
void bridge_channel_input(struct bridge *b, unsigned room, const char *id,
			  const char *text, size_t len);
void bridge_channel_closed(struct bridge *b, unsigned room, const char *id);

struct bridge_stats {
	uint64_t in_packets, out_packets, in_bytes, out_bytes;
	uint64_t bad_srtp;      /* with wrong keys */
	uint64_t limited;       /* too many: datagrams, channel messages, requests */
	uint64_t dropped;       /* of strangers, not announced, muted, malformed, unsendable */
	unsigned endpoints;
};
void bridge_stats(struct bridge *b, struct bridge_stats *out);  /* a snapshot, at most 1 s old */

#endif
