/* endpoint.h - what the files of the media core share
 *
 *	forward.c               halls (rooms as media sees them), time, figures
 *	endpoint.c              one endpoint: DTLS, expiry, connectivity
 *	endpoint_path.c         its transports: the one in use, the one to follow
 *	endpoint_sources.c      its tracks
 *	endpoint_channel.c      its channel messages
 *	endpoint_data.c         its channel by SCTP
 *	forward_media.c         RTP in, sound to all
 *	forward_rtcp.c          RTCP in and out
 *	video.c                 pictures: cache, losses, retransmission, keyframes
 *	picture_select.c          who gets whose picture
 *
 *	forward -> hall -> endpoint -> track (one source) -> stream (one SSRC)
 *	                                     \-> sub (one receiver, by its slot)
 */
#ifndef HOST_ENDPOINT_H
#define HOST_ENDPOINT_H
#include <glib.h>
#include "host/dominant.h"
#include "host/forward.h"
#include "rtc/colibri.h"
#include "rtc/data_channel.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/srtp.h"
#include "rtc/tcc.h"

enum {
	SLOTS = 64,             /* endpoints of a room */
	TRACKS = 20,            /* sources of an endpoint, as the focus allows */
	STREAMS = 6,            /* SSRCs of a source: three layers, each with its RTX */
	NAME = 64,
	DATAGRAM = 2048,
	MEDIA_PER_S = 2000,     /* datagrams of one endpoint that are looked at */
	OUT_MAX = DATAGRAM + 64, /* an outgoing packet before encryption */
	PREVIOUS = 10,          /* earlier speakers that are told */
};

struct resent { uint16_t seq; int64_t at_us; };
struct plain { uint32_t ssrc; uint16_t seq, len; uint8_t *p; };

struct sub {                    /* what one receiver gets of one track */
	bool excluded;          /* sound: by its subscription */
	bool on;                /* picture: selected */
	bool waiting;           /* for a keyframe */
	bool started;           /* something was sent */
	uint16_t delta;         /* it sees sequence numbers less by this ... */
	uint16_t first;         /* ... from this one of the track's on */
	uint16_t last;          /* the newest of the track's that it was sent */
	uint16_t rtx_seq;
	uint32_t packets, octets; /* of the SR's counts */
	uint32_t sr_mid; int64_t sr_us; /* the last SR: middle of its NTP time, when */
	int64_t asked_us[3];    /* when it asked for keyframes */
	struct resent *resent;  /* RESENT of them; NULL until the first */
};

struct stream {
	uint32_t ssrc;
	bool rtx;
	unsigned layer;         /* 0: the one that is forwarded */
	struct rtp_stats st;
	uint32_t reported;      /* st.received at the last report */
};

struct cached;
struct gap { uint16_t seq; unsigned tries; int64_t next_us; };

struct track {
	struct endpoint *owner;
	bool video;
	bool off;               /* picture: its sender said "none" */
	char name[NAME];        /* "" where there is none */
	struct stream stream[STREAMS];
	size_t streams;
	unsigned layers;

	/* sequence numbers out: those in, less delta */
	bool started;
	uint16_t top;           /* highest in */
	uint16_t delta;
	uint16_t delta_from;    /* the first that delta is right for */

	unsigned silent;        /* sound: packets without sound in a row */

	uint8_t pt;             /* picture: of its packets, as its sender numbers it */
	struct cached **cache;  /* picture: CACHE of them; NULL until the first */
	int64_t cached_us;
	struct gap *gap;        /* GAPS of them */
	size_t gaps;
	bool keyframe_wanted;
	int64_t keyframe_us;    /* when one was asked for */
	int told_height;        /* -2: nothing yet */

	struct sub sub[SLOTS];
};

enum { LEGS = 3 };
enum leg_role { LEG_USED, LEG_NEXT, LEG_OLD };
struct leg {                    /* a way to the peer (endpoint_path.c) */
	struct endpoint *e;
	struct transport *t;    /* NULL: free place */
	enum leg_role role;
	int64_t until_us;       /* next, old: then it goes */
};

struct endpoint {
	struct forward *f;
	struct hall *room;
	unsigned slot;
	char id[NAME];
	struct bridge_endpoint cfg;     /* id, room: see above */

	struct transport *transport;    /* in use: that of the leg */
	struct leg leg[LEGS];
	struct dtls *dtls;
	bool dtls_client, connected, failed;
	struct srtp_box *box;           /* NULL until the keys are there */

	struct track *track[TRACKS];
	size_t tracks;
	struct track *hit_track;        /* the last looked up */
	struct stream *hit_stream;
	bool muted_audio, muted_video;  /* by force */

	int64_t created_us, active_us;  /* last sign that was proved; 0 never */
	bool inactive;                  /* so it was told */
	int64_t next_check_us, next_report_us, next_stats_us;
	int64_t second; unsigned datagrams; /* how many in this second */
	struct tcc *tcc;                /* of what it sends; NULL until the first */
	uint32_t tcc_media;             /* some SSRC of it */
	uint16_t tcc_seq;               /* of what it is sent */
	uint64_t sent_bytes, told_bytes; /* media to it */
	double bandwidth;               /* towards it, bit/s, by its reports */
	double rtt_us;                  /* 0 unknown */
	struct plain *plain; size_t plain_next; /* video.c: for receivers without RTX */

	/* channel */
	bool channel;                   /* one is open: by ... */
	bool websocket, data_open;      /* ... either or both, and ... */
	bool by_data;                   /* ... this way it is spoken to */
	struct data_channel *data;      /* NULL until its first packet */
	bool data_over;                 /* to be made anew with the next one */
	double tokens; int64_t tokens_us; /* messages that it may send */
	bool constrained;               /* it sent constraints */
	int last_n;
	char (*selected)[NAME], (*on_stage)[NAME];
	size_t selected_count, on_stage_count;
	struct colibri_constraint def, *constraint;
	size_t constraints;
	bool subscribed, all;
	char **include, **exclude;
	size_t includes, excludes;
	char *forwarded;                /* names as last told, each with a newline */
};

struct hall {
	unsigned number;
	struct endpoint *slot[SLOTS];
	struct dominant *dominant;
	struct endpoint *speaker[SLOTS]; /* by last speech, the dominant one first */
	size_t speakers;
	bool dirty;                     /* pictures have to be given out anew */
	int64_t last_us;                /* when they were */
};

struct forward {
	struct forward_config cfg;
	struct forward_ops ops;
	void *ctx;
	GPtrArray *rooms;
	int64_t now_us;                 /* of the last input or tick */
	int64_t next_us;
	struct bridge_stats stats;
};

/* forward.c */
void forward_wake(struct forward *f, int64_t at_us);
struct endpoint *forward_find(struct forward *f, unsigned room, const char *id);
void hall_dirty(struct hall *r, int64_t now_us);
/* To all of the room but `not` (NULL: to all). */
void hall_broadcast(struct hall *r, const struct endpoint *not, const char *text, size_t len);
void hall_tell_dominant(struct hall *r, struct endpoint *to);

/* endpoint.c */
int endpoint_new(struct endpoint **out, struct forward *f, struct hall *r,
		 const struct bridge_endpoint *cfg, const char *ufrag, const char *pwd,
		 int64_t now_us);
void endpoint_free(struct endpoint **e);
int endpoint_accept(struct endpoint *e, const struct jingle_transport *t, int64_t now_us);
void endpoint_active(struct endpoint *e, int64_t now_us);
bool endpoint_tick(struct endpoint *e, int64_t now_us); /* false: it has expired */
void endpoint_send(struct endpoint *e, const uint8_t *p, size_t len);
/* What came is of no use; err: what srtp.h says, -EBADMSG for a forged one. */
void endpoint_count_bad(struct endpoint *e, int err);
extern const struct transport_events endpoint_transport_events; /* ctx: the leg */

/* endpoint_path.c */
int endpoint_path_open(struct endpoint *e, const char *ufrag, const char *pwd);
void endpoint_paths_close(struct endpoint *e);
int endpoint_path_restart(struct endpoint *e, const char *ufrag, const char *pwd, int64_t now_us);
int endpoint_path_restart_accept(struct endpoint *e, const char *ufrag, const char *pwd);
void endpoint_path_take(struct endpoint *e, struct leg *next);
int64_t endpoint_paths_heard_us(struct endpoint *e);
void endpoint_paths_tick(struct endpoint *e, int64_t now_us);

/* endpoint_sources.c */
void endpoint_sources(struct endpoint *e, const struct source_set *s);
void forward_track_free(struct track *t);
struct track *endpoint_track(struct endpoint *e, uint32_t ssrc, struct stream **stream);
struct track *hall_track(struct hall *r, uint32_t ssrc, struct stream **stream);
void forward_track_forget(struct track *t, unsigned slot);

/* endpoint_channel.c */
/* by_data: over SCTP, else over a WebSocket. */
void endpoint_channel_opened(struct endpoint *e, bool by_data, int64_t now_us);
void endpoint_message(struct endpoint *e, const char *text, size_t len, int64_t now_us);
void endpoint_channel_closed(struct endpoint *e, bool by_data, int64_t now_us);
void endpoint_text(struct endpoint *e, const char *text, size_t len);
/* Moves the channel and what came over it from the endpoint that was before. */
void endpoint_inherit(struct endpoint *e, struct endpoint *before);
void endpoint_channel_clear(struct endpoint *e);
void endpoint_subscription(const struct endpoint *receiver, struct track *t);

/* endpoint_data.c */
void endpoint_data_up(struct endpoint *e);      /* DTLS is */
void endpoint_data_in(struct endpoint *e, const uint8_t *p, size_t len);
void endpoint_data_text(struct endpoint *e, const char *text, size_t len);
void endpoint_data_tick(struct endpoint *e, int64_t now_us);
void endpoint_data_free(struct endpoint *e);

/* forward_media.c */
/* How far a number is ahead of all before it.  One that is far behind begins the
 * track anew, and is 1 ahead as the first one is. */
int track_ahead(struct track *t, uint16_t seq);
void endpoint_rtp_in(struct endpoint *e, const uint8_t *p, size_t len, int64_t now_us);
struct packet {                 /* to be written for receivers */
	uint8_t pt;
	bool marker;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	bool has_level; uint8_t level; /* as in the extension */
	bool media_time;        /* with abs-send-time where that was offered */
	const uint8_t *payload;
	size_t len;
	bool rtx; uint16_t original; /* RFC 4588: two bytes before the payload */
};
/* Encrypts and sends; out (may be NULL) gets the encrypted packet.  0 or what
 * srtp.h says. */
int packet_send(struct endpoint *to, const struct packet *p, int64_t now_us,
		uint8_t *out, size_t *out_len);

/* forward_rtcp.c */
void endpoint_rtcp_in(struct endpoint *e, const uint8_t *p, size_t len, int64_t now_us);
void endpoint_rtcp_send(struct endpoint *to, const uint8_t *p, size_t len);
void endpoint_reports(struct endpoint *e, int64_t now_us);
void endpoint_feedback(struct endpoint *e, int64_t now_us);

/* video.c */
void picture_in(struct track *t, struct stream *s, const struct rtp *r, int64_t now_us);
void picture_nacked(struct endpoint *receiver, struct track *t, uint16_t seq, int64_t now_us);
void picture_keyframe(struct track *t, int64_t now_us);
void picture_keyframe_for(struct endpoint *receiver, struct track *t, int64_t now_us);
void picture_tick(struct track *t, int64_t now_us);
void picture_free(struct track *t);
void picture_forget_plain(struct endpoint *e);
enum { RESENT = 64, PLAIN = 256 };

/* video_select.c */
void picture_select(struct hall *r, int64_t now_us);
void picture_tell_all(struct endpoint *e);        /* to one whose channel opened */

#endif
