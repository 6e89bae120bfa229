/* fail_alloc.h - lets the nth allocation of this program fail
 *
 * Only where no sanitizer owns malloc(); elsewhere fail_alloc_works() is
 * false and tests skip.
 */
#ifndef UNIT_FAIL_ALLOC_H
#define UNIT_FAIL_ALLOC_H
#include <stdbool.h>

bool fail_alloc_works(void);
/* The nth allocation of this thread from now on fails, once; -1: none. */
void fail_alloc_at(long n);
/* True if that allocation has come. */
bool fail_alloc_came(void);
/* What this thread allocated and did not free between fail_alloc_at(n) and
 * fail_alloc_at(-1); with what another thread frees it does not add up. */
long fail_alloc_kept(void);
/* Around what may not fail, in the middle of it. */
long fail_alloc_pause(void);
void fail_alloc_go_on(long paused);

#endif
