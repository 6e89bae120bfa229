/* tcc.h - when packets of one sender came, for transport-wide feedback
 *
 * Without feedback a browser's estimate of its line falls until it sends the
 * least picture only.  Reads no clock.
 */
#ifndef RTC_TCC_H
#define RTC_TCC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcc;

struct tcc *tcc_new(void);      /* NULL: no memory */
void tcc_free(struct tcc **t);
/* seq: of the header extension.  marker: a frame ends here. */
void tcc_packet(struct tcc *t, uint16_t seq, bool marker, int64_t arrival_us);
int64_t tcc_due_us(const struct tcc *t);        /* CLOCK_NEVER: nothing to tell */
/* Appends one message at out + *len.  Returns true while there is more to
 * tell; *len stays where there was nothing. */
bool tcc_write(struct tcc *t, uint8_t *out, size_t size, size_t *len, uint32_t ssrc,
	       uint32_t media, int64_t now_us);

#endif
