/* peer.h - the client's end of a media session
 *
 *	frames -> RTP, level -> SRTP -> transport -> bridge
 *	bridge -> transport -> DTLS | SRTP -> RTP -> frames
 *
 * One transport in use, one DTLS association, one SRTP pair; audio out on one SSRC,
 * frames in of any.  All on the media thread.  Knows SSRCs and payload
 * types, no names.
 */
#ifndef RTC_PEER_H
#define RTC_PEER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/frame.h"
#include "rtc/dtls.h"
#include "rtc/transport.h"

struct peer;

enum peer_state {
	PEER_CONNECTING,        /* ICE */
	PEER_SECURING,          /* DTLS */
	PEER_UP,                /* sound can flow */
	PEER_INTERRUPTED,       /* no answers; may come back */
	PEER_FAILED,
	PEER_FORGED             /* failed: who answered is not who was announced */
};

struct peer_config {
	const struct dtls_cert *cert;
	bool dtls_client;
	const char *hash, *fingerprint; /* the peer's */
	uint32_t ssrc;          /* own audio source; 0: none */
	uint32_t rtcp_ssrc;     /* who reports when there is no own source */
	const char *cname;
	uint8_t pt_opus;        /* out and in */
	uint8_t pt_red;         /* in; 0: none */
	uint8_t pt_event;       /* telephone-event, ignored; 0: 126, as the focus numbers it */
	uint8_t ext_level;      /* 0: not offered */
	uint8_t ext_tcc;        /* numbers of what comes are told back; 0: they are not */
	uint16_t first_seq;     /* random; fresh SSRCs make any value right */
	uint32_t first_timestamp;
};

struct peer_events {
	void (*state)(void *ctx, enum peer_state state, const char *why); /* why: for people, "" */
	void (*frame)(void *ctx, const struct media_frame *f);
	void (*path)(void *ctx); /* peer_try() succeeded: another way is in use; may be NULL */
	/* The data channel, after peer_channel_open(); may be NULL.  over: it
	 * will not open again by itself. */
	void (*channel)(void *ctx, bool open, bool over, const char *why);
	void (*text)(void *ctx, const char *text, size_t len);
};

/* The peer makes its transports by calling make(): so that its handlers can be
 * theirs. */
typedef int peer_make_fn(void *make_ctx, struct transport **out, const struct transport_events *ev,
			 void *ctx);
int peer_new(struct peer **out, const struct peer_config *cfg, peer_make_fn *make, void *make_ctx,
	     const struct peer_events *ev, void *ctx);
void peer_free(struct peer **p);        /* says BYE and close_notify if it is up */

/* Sends one packet; before PEER_UP it is dropped.  The timestamp moves on by
 * p->samples in any case. */
void peer_send(struct peer *p, const struct media_packet *pkt, int64_t now_us);
/* Moves the timestamp on without a packet (muted, DTX); the next packet gets
 * the marker bit. */
void peer_skip(struct peer *p, unsigned samples);
int64_t peer_tick(struct peer *p, int64_t now_us);      /* RTCP, DTLS, timeouts */
/* Tries another way beside the one in use, for at most 20 s: it takes its place
 * once it is connected, and DTLS and SRTP go on.  One of each kind at a time, the
 * one before is given up, and so is the other kind when one has come up.
 * -EINVAL after PEER_FAILED, or what make() says. */
enum peer_try { PEER_TRY_DIRECT, PEER_TRY_RELAY, PEER_TRIES };
int peer_try(struct peer *p, enum peer_try kind, peer_make_fn *make, void *make_ctx);
bool peer_is_trying(const struct peer *p);
/* The way in use cannot work any more (its address is gone): PEER_INTERRUPTED
 * with these words (static) at once, not after the silence. */
void peer_path_dead(struct peer *p, const char *why);
/* Opens the bridge's data channel over SCTP, once DTLS is up; one that was
 * there is given up.  port: as the peer's offer says. */
int peer_channel_open(struct peer *p, uint16_t port, int64_t now_us);
int peer_channel_send(struct peer *p, const char *text, size_t len, int64_t now_us);
void peer_channel_close(struct peer *p);        /* without a word to the handlers */
/* What a source that left had is forgotten. */
void peer_forget(struct peer *p, uint32_t ssrc);
struct transport *peer_transport(const struct peer *p); /* in use; lent until the next call */

struct peer_stats {
	uint64_t out_packets, out_bytes;        /* RTP and RTCP, with IP and UDP headers */
	uint64_t in_packets, in_bytes;
	uint64_t out_rtp_packets, out_rtp_bytes; /* of them media alone, headers included */
	unsigned out_overhead;                  /* bytes around a payload, IP header to tag; 0: none sent */
	bool red;                               /* copies (RFC 2198) were offered */
	uint64_t bad_srtp, replayed, malformed;
	uint64_t video_packets;                 /* of a dynamic payload type that is not ours */
	uint64_t unknown_pt;                    /* of any other one */
	uint64_t duplicate, recovered;          /* by redundancy: had already, had not */
	int64_t lost;                           /* sum over sources */
	double rtt_ms;                          /* -1 unknown; from report blocks */
	double out_loss;                        /* last fraction that the peer reported, 0..1 */
	uint64_t reports;                       /* report blocks on us */
	unsigned streams;                       /* heard in the last 5 s */
	uint64_t channel_in, channel_out;       /* messages of the data channel */
	uint64_t channel_dropped;               /* and what of it was malformed, too long or unsent */
	char path[96];
};
void peer_stats(const struct peer *p, struct peer_stats *out);
struct peer_source {
	uint32_t ssrc;
	uint64_t packets;
	int64_t lost;
	double jitter_ms;
	int level;              /* of the last packet, dBov; 1: it did not say */
	int64_t last_us;        /* its arrival */
};
/* Returns how many were written. */
size_t peer_sources(const struct peer *p, struct peer_source *out, size_t max);

#endif
