/* text.h - text that came from strangers, and small string helpers
 *
 * Everything that the terminal, the log or another client will see passes
 * text_clean(): it keeps valid UTF-8, replaces each invalid byte by U+FFFD,
 * and drops C0, DEL and C1 controls, bidi overrides and isolates (they could
 * reorder what stands beside them), zero-width characters that only hide,
 * and what XML 1.0 cannot carry.  Allocates nothing but what it returns.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_flags {
	TEXT_LINES = 1, /* keep '\n' and turn '\t' into a blank; else both become blanks */
	TEXT_TRIM = 2,  /* no white space at either end */
};

/* At most max_bytes of output, cut between characters (0 = no limit).
 * Returns a new string (free()), or NULL when out of memory. */
char *text_clean(const char *s, size_t len, size_t max_bytes, int flags);

bool text_is_utf8(const char *s, size_t len);

/* True for what text_clean() drops; line feed and tab are among it. */
bool text_is_unwanted(uint32_t cp);

/* Decodes one character.  Returns its length in bytes (1 to 4) and sets *cp;
 * for an invalid byte returns 1 and sets *cp to 0xFFFD; 0 at the end. */
size_t text_utf8_next(const char *s, size_t len, uint32_t *cp);

/* Appends cp to out (room for 4 bytes); returns the length. */
size_t text_utf8_put(char *out, uint32_t cp);

/* Copies at most size - 1 bytes and ends with NUL; returns false if cut, which
 * happens between characters. */
bool text_copy(char *dst, size_t size, const char *src);

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
bool text_same_nocase(const char *a, const char *b);    /* ASCII */

/* strdup() that passes NULL through; *dst is freed first.  0 or -ENOMEM. */
int text_set(char **dst, const char *src);

/* Whole string as an unsigned decimal within [min, max]; -EINVAL otherwise. */
int text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* "10s", "5m", "1h", "500ms", "90" (seconds) to microseconds; -EINVAL. */
int text_duration_us(const char *s, int64_t *out);

/* Percent-coding of RFC 3986.  keep lists characters that stay beside
 * letters and digits (NULL: "-_.~").  New strings, NULL when out of memory.
 * Decoding leaves a '%' that is no valid escape as it is. */
char *text_percent_encode(const char *s, const char *keep);
char *text_percent_decode(const char *s, size_t len);

/* Overwrites a secret in a way that the compiler keeps. */
void text_wipe(void *p, size_t n);
/* A string that was a secret: overwritten, freed, NULL.  *s may be NULL. */
void text_forget(char **s);
/* Equal or not, in time that depends on the length alone. */
bool text_same_secret(const char *a, const char *b);

#endif
