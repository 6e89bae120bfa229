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

#endif
