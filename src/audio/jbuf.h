/* jbuf.h - one source's packets to an even line of samples
 *
 * An adaptive jitter buffer with its Opus decoder: takes what the line did to
 * order and pace, fills what is missing (in-band FEC of the next packet,
 * Opus's concealment), moves its delay by whole periods of the voice, and
 * takes a hole in the timestamps without one in the numbers for silence.
 * Media thread.  No clock of its own: `now` comes in.
 */
#ifndef AUDIO_JBUF_H
#define AUDIO_JBUF_H
#include <stdbool.h>
#include <stdint.h>
#include "audio/engine.h"
#include "base/frame.h"

enum { JBUF_BLOCK = 480 /* 10 ms at 48 kHz */, JBUF_CHANNELS = 2 /* at most */ };

struct jbuf;

int jbuf_new(struct jbuf **out);
void jbuf_free(struct jbuf **j);

/* How much delay there may be; normal until it is said. */
void jbuf_wish(struct jbuf *j, enum audio_delay wish);

/* Keeps a copy of the payload.  0; -EBADMSG: no Opus packet; -EALREADY: late
 * or known; -ENOMEM. */
int jbuf_put(struct jbuf *j, const struct media_frame *f);
/* The next 10 ms; when_us: the time at which they are due.  Says how many
 * channels there are, interleaved; 0: silence, and out was not touched. */
unsigned jbuf_pull(struct jbuf *j, int16_t out[JBUF_BLOCK * JBUF_CHANNELS], int64_t when_us);
/* Nothing is played for now: drops what waits, keeps what it learned. */
void jbuf_flush(struct jbuf *j);

struct jbuf_stats {
	uint64_t late, lost, duplicate, bad;
	uint64_t concealed;             /* samples made up or left out of what was sent; of one
					 * gap a second at most */
	uint64_t fec_recovered;         /* packets */
	uint64_t shortened, lengthened; /* samples dropped and put in to move the delay */
	unsigned buffer_ms, target_ms, delay_ms;
	double jitter_ms;
};
void jbuf_stats(const struct jbuf *j, struct jbuf_stats *out);
/* Sum of the ms from a packet's arrival to its first sample, and of how many. */
double jbuf_waited(const struct jbuf *j, double *packets);

#endif
