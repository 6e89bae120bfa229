/* netwatch.h - tells when this machine's network changed, or when it slept
 *
 * Addresses and routes by the kernel's own news (rtnetlink), so nothing is
 * asked while nothing happens; sleep by two clocks that differ by it.  What
 * does not matter to a call (a lifetime of an address that was prolonged, a
 * container's interface) is not told: only another set of addresses, or another
 * one that the default route would use.
 */
#ifndef IO_NETWATCH_H
#define IO_NETWATCH_H
#include <stdbool.h>
#include <stdint.h>
#include "io/loop.h"

struct netwatch;

/* slept_us: 0 where only the network changed. */
typedef void netwatch_fn(void *ctx, int64_t slept_us);

/* A machine without rtnetlink is watched for sleep alone. */
int netwatch_new(struct netwatch **out, struct loop *l, netwatch_fn *changed, void *ctx);
void netwatch_free(struct netwatch **w);

/* For tests: how long the machine slept, by the clocks at two moments. */
int64_t netwatch_slept_us(int64_t boot_before, int64_t mono_before, int64_t boot_now,
			  int64_t mono_now);

#endif
