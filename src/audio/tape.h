/* tape.h - the line of samples that one source is heard on
 *
 * What was played last, then what comes next; the decoder writes to its end.
 * Samples are counted for each channel.  Media thread.
 */
#ifndef AUDIO_TAPE_H
#define AUDIO_TAPE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "audio/decode.h"
#include "audio/stretch.h"

enum {
	TAPE_MORE = 1920,       /* with at most so much on it, the longest packet has room */
	TAPE_ROOM = STRETCH_PAST + TAPE_MORE + DECODE_MAX + 2 * STRETCH_LAG_MAX,
};

struct tape {
	int16_t *pcm;
	unsigned channels, most;        /* in use; there is room for */
	size_t len;                     /* samples not yet played */
	size_t made;                    /* samples made up at its end, since the last real one, */
	size_t extended;                /* ... and those of them that no lost packet accounts for */
};

/* One channel.  0 or -ENOMEM. */
int tape_init(struct tape *t);
void tape_free(struct tape *t);
/* Makes room for two channels.  0 or -ENOMEM. */
int tape_prepare(struct tape *t);
void tape_clear(struct tape *t);

/* RT-safe from here on. */

/* What is on it stays, in the middle or as the mean of both. */
void tape_set_channels(struct tape *t, unsigned channels);
int16_t *tape_end(struct tape *t);
void tape_add_zeros(struct tape *t, size_t n);
/* n made-up samples stand behind the end: they are on it now, fading the more
 * the longer it goes on. */
void tape_add_made(struct tape *t, size_t n);
/* Makes up n by repeating the last sound, fading. */
void tape_extend(struct tape *t, size_t n);
/* All that was made up has faded away. */
bool tape_is_silent(const struct tape *t);
/* n samples stand behind the end: they are on it now.  Where a made-up sound
 * comes before, the first `skip` of them were covered by it, and the two are
 * blended. */
void tape_add(struct tape *t, size_t n, size_t skip);
/* What was made up and not played yet leads to the n samples behind the end. */
void tape_lead_in(struct tape *t, size_t n);
/* Of what stands behind the end the first 2.5 ms rise from nothing. */
void tape_fade_in(struct tape *t, size_t n);
/* 10 ms in which the last sound fades to nothing. */
void tape_fade_out(struct tape *t);
/* What comes next gets shorter or longer by up to `most`; by how much it did. */
size_t tape_shorten(struct tape *t, size_t most, float urgent);
size_t tape_lengthen(struct tape *t, size_t most, float urgent);
/* Takes n samples off, n <= len. */
void tape_take(struct tape *t, int16_t *out, size_t n);

#endif
