/* token.h - what a JSON web token says of its own end (RFC 7519) */
#ifndef CALL_TOKEN_H
#define CALL_TOKEN_H
#include <stdint.h>

/* Its "exp", seconds since 1970; 0: it has none, or cannot be read. */
int64_t token_expires_s(const char *jwt);

#endif
