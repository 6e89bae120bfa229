/* decode.h - Opus packets to samples, and samples where a packet is missing
 *
 * Media thread.  48 kHz mono, whatever the packet holds.
 */
#ifndef AUDIO_DECODE_H
#define AUDIO_DECODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DECODE_MAX = 5760,              /* RFC 6716, section 3.2.5: at most 120 ms */
	DECODE_STEP = 120,              /* 2.5 ms: losses are filled in steps of it */
};

struct decoder;

int decoder_new(struct decoder **out);
void decoder_free(struct decoder **d);
void decoder_reset(struct decoder *d);

/* out has room for DECODE_MAX.  Samples, or -EBADMSG. */
int decoder_packet(struct decoder *d, const uint8_t *p, size_t len, int16_t *out);
/* Makes up n samples, a multiple of DECODE_STEP, at most DECODE_MAX. */
int decoder_conceal(struct decoder *d, int16_t *out, int n);
/* The n samples before this packet, from the copy that it carries; made up
 * where it carries none. */
int decoder_fec(struct decoder *d, const uint8_t *p, size_t len, int16_t *out, int n);

/* Samples at 48 kHz that a packet holds, without decoding; -EBADMSG. */
int decoder_samples(const uint8_t *p, size_t len);
/* Does it carry a coarse copy of the frame before (RFC 6716, section 2.1.7)? */
bool decoder_has_fec(const uint8_t *p, size_t len);

#endif
