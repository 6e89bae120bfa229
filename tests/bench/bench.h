/* bench.h - what the measuring programs share */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H
#include <time.h>

/* The CPU time of the process in seconds. */
static inline double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double cpu_ms(void) { return cpu_s() * 1e3; }
static inline double cpu_us(void) { return cpu_s() * 1e6; }

#endif
