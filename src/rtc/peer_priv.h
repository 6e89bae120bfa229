/* peer_priv.h - what the files of the peer share
 *
 *	peer.c          states, DTLS's handlers
 *	peer_path.c     ways to the other side, the transports' handlers
 *	peer_media.c    RTP out, RTP in, sources
 *	peer_rtcp.c     reports out and in
 *	peer_channel.c  the bridge's data channel
 */
#ifndef RTC_PEER_PRIV_H
#define RTC_PEER_PRIV_H
#include "rtc/data_channel.h"
#include "rtc/peer.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/srtp.h"
#include "rtc/tcc.h"

enum {
	OPUS_HZ = 48000,        /* RFC 7587 section 4.1 */
	SOURCES_MAX = 256,
	DATAGRAM_MAX = 2048,    /* what is taken of one from outside */
	TEXT_MAX = 160,
};

struct source {
	struct rtp_stats st;
	uint16_t first;         /* sequence number it began with */
	uint16_t top;           /* highest sequence number given up */
	uint64_t given;         /* bit i: top - i was given up */
	uint64_t packets;
	uint32_t reported;      /* st.received at the last report */
	int level;              /* of the last packet; 1: it did not say */
};

struct peer {
	struct peer_events ev;
	void *ctx;
	/* peer_path.c; NULL: none */
	struct peer_path *used, *next[PEER_TRIES], *old, *retired;
	struct dtls *dtls;
	struct srtp_box *box;   /* NULL until the keys are there */
	struct data_channel *channel;   /* NULL: none is wanted */

	/* from the config */
	bool dtls_client;
	char *cname;
	uint32_t ssrc, rtcp_ssrc;
	uint8_t pt_opus, pt_red, pt_event, ext_level, ext_tcc;

	enum peer_state state;
	int64_t now_us;         /* of the last tick; 0: none yet */
	int64_t since_us;       /* in this state; 0: at the next tick */
	int64_t heard_us;       /* the last datagram of the peer's */
	bool link_down;         /* the transport misses answers */
	bool silent;            /* reports stopped coming */
	const char *dead;       /* why the way in use cannot work; NULL: it may */

	/* out */
	uint16_t seq;
	uint32_t timestamp;
	bool marker;            /* the next packet begins a talkspurt */
	uint8_t before[1024];                   /* the payload before, for a copy; RFC 2198 takes ... */
	size_t before_len;                      /* ... less than 1024 bytes */
	uint32_t before_timestamp;
	uint32_t sent_packets, sent_octets;     /* SR's counts */
	uint32_t sent_at_report[2];             /* sent_packets one and two reports ago */
	uint32_t last_timestamp;                /* of the last packet sent ... */
	int64_t last_sent_us;                   /* ... and when */
	int64_t first_unheard_us;               /* first packet sent since heard_us; 0: none */

	/* reports */
	int64_t wall_offset_us; /* wall clock minus now */
	int64_t next_report_us; /* 0: not set yet */
	size_t next_source;     /* where the next report begins, when not all fit */
	bool reported_on;       /* the peer sends reports about our stream */
	unsigned reports;       /* how many of them said that more had come, on this way */
	uint16_t reported_seq;  /* the highest sequence number that one said */
	int64_t first_unreported_us; /* first packet sent since then; 0: none */
	bool unheard;           /* none has come for long though we send */
	struct tcc *tcc;        /* transport-wide feedback; NULL until the first number */
	uint32_t tcc_media;     /* some SSRC of it */

	struct source *source;
	size_t sources, hit;
	int64_t lost_gone;      /* losses of forgotten sources */
	unsigned ip_udp_bytes;  /* a datagram's headers */
	struct peer_stats stats;
};

/* peer.c */
void peer_enter(struct peer *p, enum peer_state state, const char *why);
void peer_judge_line(struct peer *p);
int peer_transmit(struct peer *p, const uint8_t *buf, size_t len);

/* peer_path.c */
int peer_paths_open(struct peer *p, peer_make_fn *make, void *make_ctx);
void peer_paths_close(struct peer *p);
void peer_paths_tick(struct peer *p, int64_t now_us);
int peer_path_send(struct peer *p, const uint8_t *buf, size_t len);

/* peer_media.c */
struct source *peer_find_source(struct peer *p, uint32_t ssrc);
void peer_rtp_in(struct peer *p, uint8_t *buf, size_t len, int64_t arrival_us);

/* peer_rtcp.c */
void peer_rtcp_in(struct peer *p, uint8_t *buf, size_t len, int64_t arrival_us);
int64_t peer_rtcp_tick(struct peer *p, int64_t now_us);
void peer_say_bye(struct peer *p);
void peer_note_tcc(struct peer *p, const struct rtp *r, int64_t arrival_us);

/* peer_channel.c */
void peer_channel_start(struct peer *p);        /* DTLS is up */
void peer_channel_in(struct peer *p, const uint8_t *buf, size_t len);
int64_t peer_channel_tick(struct peer *p, int64_t now_us);
void peer_channel_stats(const struct peer *p, struct peer_stats *out);

#endif
