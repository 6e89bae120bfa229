/* bridge_world.h - rooms of the media core with clients whose time is passed in
 *
 * A client is the far end of an endpoint's line: DTLS, SRTP, and lists of what
 * came.  Lines deliver within a step and lose nothing, unless a test holds a
 * client's ears shut.
 */
#ifndef UNIT_HOST_BRIDGE_WORLD_H
#define UNIT_HOST_BRIDGE_WORLD_H
#include "host/forward.h"
#include "rtc/data_channel.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/srtp.h"

enum {
	CLIENTS = 24, PACKETS = 4096, MESSAGES = 512, STEP_US = 5000,
	PT_OPUS = 111, PT_VP8 = 100, PT_RTX = 96,
	EXT_LEVEL = 1, EXT_ABS = 3, EXT_TCC = 5,
	BRIDGE_AUDIO = 0xB0, BRIDGE_VIDEO = 0xB1,
};
#define MS INT64_C(1000)
#define S INT64_C(1000000)

struct lane;

struct got {                    /* one RTP packet, decrypted */
	struct rtp r;           /* pointers into p */
	size_t len;
	uint8_t p[400];
};

struct got_rtcp { size_t len; uint8_t p[400]; };

struct client {
	struct world *w;
	char id[16];
	unsigned room;
	struct bridge_endpoint cfg;
	struct lane *lane;      /* its end */
	struct dtls_cert *cert;
	struct dtls *dtls;
	struct srtp_box *box;
	struct data_channel *data;      /* NULL: it asked for none */
	unsigned data_opened, data_closed;
	bool dtls_failed;

	struct got *rtp; size_t rtps;
	struct got_rtcp *rtcp; size_t rtcps;
	char *message[MESSAGES]; size_t messages;
	/* events about it */
	unsigned ups, failed, expired;
	uint64_t session;
	char why[100];
};

struct world {
	struct forward *f;
	struct dtls_cert *cert; /* the bridge's */
	int64_t now;
	int64_t heard_us;       /* what ICE says of everyone */
	struct client c[CLIENTS];
	size_t clients;
	struct lane *lanes;
	struct client *making;  /* whose line is being made */
};

void world_open(struct world *w);
void world_close(struct world *w);
void world_pass(struct world *w, int64_t us);
void world_step(struct world *w);

/* Offers; the answer is not there yet.  edit may be NULL. */
struct client *client_add(struct world *w, unsigned room, const char *id,
			  void (*edit)(struct bridge_endpoint *e));
/* Answers and waits until the keys are there. */
void client_up(struct client *c);
void client_accept(struct client *c, const char *setup, const char *fingerprint);
struct client *client_join(struct world *w, unsigned room, const char *id,
			   void (*edit)(struct bridge_endpoint *e));
void client_start_dtls(struct client *c, bool as_client);
void client_leave(struct client *c);

/* Registers an audio source "<id>-a0" with this SSRC and, unless 0, a picture
 * "<id>-v0" with ssrc_v and its RTX. */
void client_sources(struct client *c, uint32_t ssrc_a, uint32_t ssrc_v, uint32_t ssrc_rtx);

/* level -1: without the extension.  tcc -1: without. */
struct send { uint8_t pt; bool marker; uint16_t seq; uint32_t timestamp, ssrc; int level, tcc; const void *p; size_t len; };
void client_send(struct client *c, const struct send *s);
void client_say(struct client *c, uint32_t ssrc, uint16_t seq, int level);      /* 20 ms of sound */
void client_show(struct client *c, uint32_t ssrc, uint16_t seq, bool key);      /* one VP8 packet */
void client_rtcp(struct client *c, const uint8_t *p, size_t len);
void client_raw(struct client *c, const void *p, size_t len);
void client_channel(struct client *c, const char *text);
/* Opens a channel by SCTP; what comes over it is among the messages. */
void client_data(struct client *c);
void client_data_say(struct client *c, const char *text);

void client_forget(struct client *c);   /* what came so far */
size_t client_count(const struct client *c, uint32_t ssrc);
const struct got *client_last(const struct client *c, uint32_t ssrc);
/* The last message that holds the text, NULL if none does. */
const char *client_message(const struct client *c, const char *text);
size_t client_messages(const struct client *c, const char *text);
/* How many RTCP packets of the kind came; the last one in *out (may be NULL). */
size_t client_rtcp_count(const struct client *c, enum rtcp_kind kind, struct rtcp_packet *out);

#endif
