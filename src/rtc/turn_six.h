/* turn_six.h - asks a relay for an IPv6 address
 *
 * libnice knows REQUESTED-ADDRESS-FAMILY (RFC 8656 section 18.6) not, and
 * without it a relay gives an IPv4 address, from which no IPv6 one is reached.
 */
#ifndef RTC_TURN_SIX_H
#define RTC_TURN_SIX_H
#include <stddef.h>
#include <stdint.h>

/* An allocate request of our own side with that wish in it, signed anew if it was
 * signed.  Returns its length, or -EMSGSIZE, -EBADMSG, -EIO. */
int turn_six_write(uint8_t *out, size_t size, const uint8_t *p, size_t len, const char *password);

#endif
