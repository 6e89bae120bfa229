/* plan.h - what the encoder is told: bitrate, frame length, repair
 *
 * From what the user wants, what the line may carry and what the others lose.
 * No state but the plan before (some borders have two sides), no clock.
 */
#ifndef AUDIO_PLAN_H
#define AUDIO_PLAN_H
#include <stdbool.h>

struct plan_want {
	int bitrate;            /* of a voice, bit/s, as set; 0: 32000 */
	unsigned frame_ms;      /* as set: 10, 20, 40, 60; 0: 20 */
	int sound;              /* bit/s for sound, headers included; 0: no limit */
	unsigned overhead;      /* bytes around a payload, IP header to SRTP tag */
	double loss;            /* what listeners lose of us on average, 0..1 */
	bool red;               /* RFC 2198 can be sent */
	bool music;
	int music_bitrate;      /* bit/s; 0: 128000 */
};

struct plan {
	int bitrate;            /* of the payload, bit/s */
	unsigned frame_ms;
	int fec;                /* per cent of loss that Opus is told; 0: no FEC */
	bool red;               /* each payload goes out twice */
	bool tight;             /* less than the least: it cannot be kept */
};

void plan_make(struct plan *p, const struct plan_want *w);

/* Headers at frame_ms, bit/s. */
int plan_headers(unsigned overhead, unsigned frame_ms);

#endif
