/* block.c - pieces of 16-bit sound; see the header */
#include "audio/block.h"

void block_add(int16_t *v, const int16_t *other, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int x = v[i] + other[i];

		v[i] = (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
	}
}

void block_to_one(int16_t *to, const int16_t *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (int16_t)((from[2 * i] + from[2 * i + 1]) / 2);
}

/* From the end on: in place nothing is overwritten that is still needed. */
void block_to_two(int16_t *to, const int16_t *from, unsigned n)
{
	while (n--)
		to[2 * n] = to[2 * n + 1] = from[n];
}
