/* fake_clock.c - gettimeofday() of the test program */
#include "unit/rtc/fake_clock.h"
#include <sys/time.h>
#include <time.h>

static int64_t fake_us;

void fake_clock_set(int64_t us)
{
	fake_us = us;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	if (fake_us) {
		tv->tv_sec = fake_us / 1000000;
		tv->tv_usec = fake_us % 1000000;
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}
