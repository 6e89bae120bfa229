/* signal.h - sounds for the tests, and what an ear would notice in one */
#ifndef UNIT_AUDIO_SIGNAL_H
#define UNIT_AUDIO_SIGNAL_H
#include <stddef.h>
#include <stdint.h>

/* Something like a voice: a wandering pitch through formants, in syllables
 * with short pauses of faint noise.  The same for the same seed.  free(). */
int16_t *signal_speech(size_t n, unsigned seed);
int16_t *signal_tone(size_t n, double hz, double amplitude);

/* Longest run of zeros in samples. */
size_t signal_zeros(const int16_t *v, size_t n);
/* Largest difference of neighbours, and of their differences: clicks. */
int signal_step(const int16_t *v, size_t n);
int signal_bend(const int16_t *v, size_t n);
double signal_rms(const int16_t *v, size_t n);
/* Amplitude of one pitch in n frames, of the first of their channels. */
double signal_part(const int16_t *v, size_t n, size_t channels, double hz);
/* Where in v (n samples, lags up to most) the piece fits best, and how well:
 * *like is the normalised correlation, *gain its loudness against the piece. */
size_t signal_find(const int16_t *v, size_t n, const int16_t *piece, size_t len, size_t most,
		   double *like, double *gain);

/* A small random generator of the tests' own: the same everywhere. */
struct dice { uint64_t state; };
uint32_t dice_u32(struct dice *d);
double dice_unit(struct dice *d);       /* [0, 1) */

#endif
