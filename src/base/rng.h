/* rng.h - random bytes of the kernel (getrandom) */
#ifndef BASE_RNG_H
#define BASE_RNG_H
#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *p, size_t n);      /* ends the program if the kernel has none */
uint32_t rng_u32(void);
/* Uniform in [lo, hi], both included; lo <= hi. */
int64_t rng_between(int64_t lo, int64_t hi);
/* n characters of [0-9a-f] or [0-9a-zA-Z] and a NUL; out holds n + 1. */
void rng_hex(char *out, size_t n);
void rng_alnum(char *out, size_t n);
void rng_uuid(char out[37]);            /* RFC 9562, version 4, lower case */

#endif
