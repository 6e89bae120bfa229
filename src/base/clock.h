/* clock.h - the two clocks; state machines get `now` as an argument */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdint.h>

int64_t clock_now_us(void);             /* CLOCK_MONOTONIC; RT-safe */
int64_t clock_wall_us(void);            /* since 1970-01-01 UTC */

#define CLOCK_NEVER INT64_MAX

#endif
