/* fake_clock.h - lets OpenSSL's retransmission timer see passed-in time
 *
 * OpenSSL asks gettimeofday() when a flight is to be sent again.  The test
 * program's own takes the place of libc's: while a time is set, that is what
 * everybody gets.
 */
#ifndef UNIT_RTC_FAKE_CLOCK_H
#define UNIT_RTC_FAKE_CLOCK_H
#include <stdint.h>

void fake_clock_set(int64_t us);        /* 0: the real one again */

#endif
