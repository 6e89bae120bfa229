/* rtp.h - RTP packets (RFC 3550, 8285, 6464, 2198), parser and writer */
#ifndef RTC_RTP_H
#define RTC_RTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTP_MTU = 1500 };

struct rtp {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	const uint8_t *ext;     /* extension data, NULL if none */
	size_t ext_len;         /* bytes */
	uint16_t ext_profile;   /* 0xBEDE, 0x100x */
	size_t header_len;      /* bytes up to the payload */
	const uint8_t *payload; /* without padding */
	size_t payload_len;
};

/* RFC 7983, RFC 5761: what a datagram is by its first bytes. */
enum packet_kind { PACKET_STUN, PACKET_DTLS, PACKET_RTP, PACKET_RTCP, PACKET_UNKNOWN };
enum packet_kind packet_classify(const uint8_t *p, size_t len);

int rtp_parse(struct rtp *out, const uint8_t *p, size_t len);   /* -EBADMSG */
/* Element with this id, one- or two-byte form; NULL if absent. */
const uint8_t *rtp_ext_find(const struct rtp *r, uint8_t id, size_t *len);
/* Level in dBov (0 to -127) and voice; false if absent. */
bool rtp_audio_level(const struct rtp *r, uint8_t id, int *level, bool *voice);

/* Writes a header with, where level_id is not 0, one audio level extension.
 * Returns its length; out has 32 bytes. */
size_t rtp_write_header(uint8_t *out, uint8_t pt, bool marker, uint16_t seq,
			uint32_t timestamp, uint32_t ssrc,
			uint8_t level_id, int level, bool voice);

/* RFC 2198.  Calls fn for each block, oldest first, with the timestamp of the
 * block; the last is the primary one.  -EBADMSG. */
int rtp_red_parse(const uint8_t *p, size_t len, uint32_t timestamp,
		  void (*fn)(void *ctx, uint8_t pt, uint32_t timestamp,
			     const uint8_t *p, size_t len, bool primary),
		  void *ctx);

/* The header for one old block and the primary one; RTP_RED_HEADER bytes in
 * out.  -EINVAL: the old one is too long or too old for its fields. */
enum { RTP_RED_HEADER = 5 };
int rtp_red_write_header(uint8_t *out, uint8_t pt, uint32_t age, size_t old_len);

/* Serial number arithmetic (RFC 1982). */
static inline int16_t seq_diff(uint16_t a, uint16_t b) { return (int16_t)(uint16_t)(a - b); }
static inline int32_t ts_diff(uint32_t a, uint32_t b) { return (int32_t)(a - b); }

#endif
