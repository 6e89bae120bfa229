/* frame.h - one encoded frame at the seam between network and sound
 *
 * rtc hands such frames up, audio takes them; neither knows the other.  The
 * payload is lent for the length of the call.
 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media_frame {
	uint32_t ssrc;
	uint16_t seq;           /* RTP sequence number */
	uint32_t timestamp;     /* RTP timestamp, 48 kHz */
	int64_t arrival_us;     /* CLOCK_MONOTONIC when the packet came */
	const uint8_t *payload; /* one Opus packet (RFC 6716) */
	size_t len;             /* bytes */
	int level;              /* dBov, 0 to -127; 1 = the sender did not say */
	bool voice;             /* the sender's V bit, RFC 6464 */
	bool recovered;         /* unpacked from redundancy (RFC 2198) */
};

/* What a sender made of its microphone. */
struct media_packet {
	const uint8_t *payload;
	size_t len;             /* bytes */
	unsigned samples;       /* at 48 kHz: what the timestamp moves on */
	int level;              /* dBov, 0 to -127 */
	bool voice;
	bool copied;            /* the payload before goes along (RFC 2198), where that is known */
};

#endif
