/* ring.c - samples between two threads; see the header
 *
 * head and tail only grow; their difference is what lies in between.  Each is
 * written by one side alone and on a cache line of its own.
 */
#include "base/ring.h"
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct ring {
	alignas(64) atomic_size_t head; /* writer's */
	alignas(64) atomic_size_t tail; /* reader's */
	alignas(64) size_t mask;
	int16_t *v;
};

int ring_new(struct ring **out, size_t samples)
{
	struct ring *r;
	size_t n = 64;

	*out = NULL;
	if (samples > SIZE_MAX / 4)
		return -ENOMEM;
	while (n < samples)
		n *= 2;
	r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
	if (!r)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->v = calloc(n, sizeof(*r->v));
	if (!r->v) {
		free(r);
		return -ENOMEM;
	}
	r->mask = n - 1;
	*out = r;
	return 0;
}

void ring_free(struct ring **r)
{
	if (*r)
		free((*r)->v);
	free(*r);
	*r = NULL;
}

/* The part up to the end of the array, then the part from its start. */
size_t ring_write(struct ring *r, const int16_t *v, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t space = r->mask + 1 - (head - tail), at = head & r->mask, first;

	n = n < space ? n : space;
	first = r->mask + 1 - at < n ? r->mask + 1 - at : n;
	memcpy(r->v + at, v, first * sizeof(*v));
	memcpy(r->v, v + first, (n - first) * sizeof(*v));
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return n;
}

size_t ring_read(struct ring *r, int16_t *v, size_t n)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	size_t used = head - tail, at = tail & r->mask, first;

	n = n < used ? n : used;
	first = r->mask + 1 - at < n ? r->mask + 1 - at : n;
	memcpy(v, r->v + at, first * sizeof(*v));
	memcpy(v + first, r->v, (n - first) * sizeof(*v));
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

size_t ring_skip(struct ring *r, size_t n)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t used = atomic_load_explicit(&r->head, memory_order_acquire) - tail;

	n = n < used ? n : used;
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

size_t ring_used(const struct ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

	return atomic_load_explicit(&r->head, memory_order_acquire) - tail;
}

size_t ring_size(const struct ring *r)
{
	return r->mask + 1;
}
