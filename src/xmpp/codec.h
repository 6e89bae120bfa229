/* codec.h - SHA-1 and base64 for capabilities and SASL
 *
 * SHA-1 (RFC 3174) is here as the hash that XEP-0115 names, no protection; the
 * room stands on `base` alone, and a library for these two would be its only
 * other need of one.
 */
#ifndef XMPP_CODEC_H
#define XMPP_CODEC_H
#include <stddef.h>
#include <stdint.h>

void codec_sha1(const void *p, size_t len, uint8_t out[20]);
/* RFC 4648; new string, NULL when out of memory. */
char *codec_base64(const void *p, size_t len);
/* The number of bytes, -1 where it is no base64 or more than size. */
long codec_unbase64(const char *text, uint8_t *out, size_t size);

#endif
