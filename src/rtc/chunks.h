/* chunks.h - is this an SCTP packet that may be given to the library? */
#ifndef RTC_CHUNKS_H
#define RTC_CHUNKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chunks that data channels use, each whole, of a length that its kind has;
 * parameters, causes and requests in them likewise. */
bool chunks_ok(const uint8_t *p, size_t len);

#endif
