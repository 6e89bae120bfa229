/* stretch.h - a little more or a little less of a sound, without a click
 *
 * Works on the end of a line of samples: what lies before x was played, what
 * begins at x is still to be played.  Samples are counted for each channel.  All
 * of it repeats or drops whole periods of the voice and fades from one to the
 * other.
 */
#ifndef AUDIO_STRETCH_H
#define AUDIO_STRETCH_H
#include <stddef.h>
#include <stdint.h>

enum {
	STRETCH_LAG_MIN = 120, STRETCH_LAG_MAX = 720,   /* 2.5 to 15 ms: 400 to 67 Hz */
	STRETCH_WINDOW = 240,           /* samples compared */
	STRETCH_PAST = 1440,            /* that must lie before x, 30 ms */
	STRETCH_FADE = 5760,            /* a made-up sound is gone after 120 ms */
	STRETCH_LEAD = STRETCH_WINDOW + STRETCH_LAG_MAX,        /* 20 ms */
};

/* Of ch channels, interleaved, all alike: a place in one is the same place in
 * the other. */

/* Drops up to `most` of the n samples at x.  `urgent`, 0 to 1: how bad a join
 * may be.  Returns how many are gone; 0: no good place. */
size_t stretch_shorten(int16_t *x, unsigned ch, size_t n, size_t most, float urgent);

/* Puts up to `most` samples in at x, which has n samples and room for more. */
size_t stretch_lengthen(int16_t *x, unsigned ch, size_t n, size_t most, float urgent);

/* Goes on for n samples at x with what was heard last, fading away; done:
 * how many were made so before. */
void stretch_extend(int16_t *x, unsigned ch, size_t n, size_t done);

/* The same fading for n samples at x that were made up another way. */
void stretch_fade(int16_t *x, unsigned ch, size_t n, size_t done);

/* What stands before x, up to n samples of it, was made up: it fades to what
 * leads to the STRETCH_LEAD samples that stand from x on. */
void stretch_lead_in(int16_t *x, unsigned ch, size_t n);

/* x[0..n) fades from `from` to what stands there. */
void stretch_blend(int16_t *x, const int16_t *from, unsigned ch, size_t n);

#endif
