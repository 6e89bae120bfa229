/* srtp.h - packet protection by libsrtp2 (RFC 3711, 7714) */
#ifndef RTC_SRTP_H
#define RTC_SRTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rtc/dtls.h"

enum { SRTP_ROOM = 32 };        /* bytes behind a packet that protecting may need */

struct srtp_box;
/* The library itself is set up at the first call. */
int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys);
void srtp_box_free(struct srtp_box **s);

/* In place; *len changes.  The buffer has SRTP_ROOM bytes behind *len.
 * -EINVAL: malformed, -EBADMSG: authentication, -EALREADY: replayed. */
int srtp_box_protect(struct srtp_box *s, uint8_t *p, size_t *len);
int srtp_box_unprotect(struct srtp_box *s, uint8_t *p, size_t *len);
int srtp_box_protect_rtcp(struct srtp_box *s, uint8_t *p, size_t *len);
int srtp_box_unprotect_rtcp(struct srtp_box *s, uint8_t *p, size_t *len);

#endif
