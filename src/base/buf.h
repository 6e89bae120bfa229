/* buf.h - a byte buffer that grows
 *
 * An append that finds no memory makes the buffer sticky: later appends do
 * nothing, and buf_err() says -ENOMEM once at the end, so that a writer of
 * thirty fields checks one result.  Any thread, one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *p;        /* always NUL-terminated once something was added */
	size_t len;     /* bytes, without the NUL */
	size_t cap;     /* bytes allocated */
	int err;        /* 0 or -ENOMEM, sticky */
};

/* A buffer with all fields zero is empty and valid. */
void buf_free(struct buf *b);
void buf_clear(struct buf *b);          /* keeps the memory, clears err */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Removes n bytes at the front. */
void buf_shift(struct buf *b, size_t n);

int buf_err(const struct buf *b);

/* Gives the string to the caller (free()) and empties the buffer; NULL if the
 * buffer failed.  An empty buffer gives "". */
char *buf_steal(struct buf *b);

/* "" for an empty buffer, never NULL; lent until the next change. */
const char *buf_str(const struct buf *b);

#endif
