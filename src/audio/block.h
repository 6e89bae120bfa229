/* block.h - pieces of 16-bit sound: added, made one channel, made two
 *
 * RT-safe, plain data; n counts samples of each channel.
 */
#ifndef AUDIO_BLOCK_H
#define AUDIO_BLOCK_H
#include <stdint.h>

/* n: of all channels together.  Bounded, not wrapped around. */
void block_add(int16_t *v, const int16_t *other, unsigned n);
/* The mean of two channels; to may be from. */
void block_to_one(int16_t *to, const int16_t *from, unsigned n);
/* One channel twice; to may be from. */
void block_to_two(int16_t *to, const int16_t *from, unsigned n);

#endif
