/* packets.h - the packets of one source that wait, by their number
 *
 * Numbers and timestamps come unwrapped out of here.  A number is "next",
 * waits, was played or was lost; what comes below the next is late, or known.
 * Buffers of packets that are done with are kept for those to come: what takes
 * packets out neither allocates nor frees.  Media thread.
 */
#ifndef AUDIO_PACKETS_H
#define AUDIO_PACKETS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/frame.h"

enum {
	PACKETS_SLOTS = 256,            /* 640 ms of the shortest packets */
	PACKETS_DONE = 256,             /* bits */
	PACKETS_SPARE = 64,
	PACKETS_BYTES = 48 * 1024,      /* of payload; 0.5 s at 510 kbit/s is 32 KiB */
};

struct packet {
	uint8_t *data;          /* NULL: free, or a packet without payload */
	int64_t seq, ts;        /* unwrapped; seq 0: free */
	int64_t arrival_us;
	uint16_t len, room, samples;
	bool recovered;
};

struct packets {
	struct packet slot[PACKETS_SLOTS];
	size_t count, bytes;
	bool known;             /* newest_* say something */
	int64_t newest_seq, newest_ts;
	int64_t seq;            /* the next, or the least to take */
	uint64_t done[PACKETS_DONE / 64];       /* which of the numbers below seq were played */
	struct { uint8_t *data; uint16_t room; } spare[PACKETS_SPARE];
	unsigned spares;
	uint64_t late, lost, duplicate;
};

/* Fields all zero are a valid start. */
void packets_free(struct packets *p);
/* Empties it and begins with f, whose numbers have nothing to do with the old. */
void packets_start(struct packets *p, const struct media_frame *f);
/* Unwraps; false: nothing that follows from what came before. */
bool packets_place(const struct packets *p, const struct media_frame *f, int64_t *seq, int64_t *ts);
/* Is there, or was; counts it. */
bool packets_is_known(struct packets *p, int64_t seq);
/* Counts one that came too late. */
void packets_note_late(struct packets *p, int64_t seq);
/* Keeps a copy, in place of the oldest where there is no room.  *gap: some
 * that should have been played before it are gone.  0 or -ENOMEM. */
int packets_keep(struct packets *p, const struct media_frame *f, int64_t seq, int64_t ts,
		 int samples, bool *gap);

/* RT-safe from here on. */
struct packet *packets_at(struct packets *p, int64_t seq);
struct packet *packets_first(struct packets *p);        /* the lowest number; NULL: none */
void packets_release(struct packets *p, struct packet *k);
/* The next number is dealt with. */
void packets_step(struct packets *p, bool played);
/* What comes before seq is lost. */
void packets_step_to(struct packets *p, int64_t seq);
void packets_forget_done(struct packets *p);
/* Drops what waits. */
void packets_drop(struct packets *p);

#endif
