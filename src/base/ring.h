/* ring.h - samples between two threads, without a lock
 *
 * One writer, one reader.  Holds 16-bit samples, as sound cards take them.
 */
#ifndef BASE_RING_H
#define BASE_RING_H
#include <stddef.h>
#include <stdint.h>

struct ring;

/* Room for at least `samples`, rounded up to a power of two. 0 or -ENOMEM. */
int ring_new(struct ring **out, size_t samples);
void ring_free(struct ring **r);

/* RT-safe.  Writer.  Returns how many fitted. */
size_t ring_write(struct ring *r, const int16_t *v, size_t n);
/* RT-safe.  Reader.  Returns how many there were. */
size_t ring_read(struct ring *r, int16_t *v, size_t n);
/* RT-safe.  Reader.  Drops up to n samples. */
size_t ring_skip(struct ring *r, size_t n);
/* RT-safe.  Either side; exact for the side that asks, a bound for the other. */
size_t ring_used(const struct ring *r);
size_t ring_size(const struct ring *r);

#endif
