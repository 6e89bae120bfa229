/* decode.h - Opus packets to samples, and samples where a packet is missing
 *
 * Media thread.  48 kHz, one channel until a packet with two comes
 * (RFC 6716, section 3.1: each packet says it), two channels from then on, and
 * one again when none with two has come for some seconds.  Samples are counted
 * for each channel; two are interleaved.
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

/* Gets ready for packets of two channels.  0 or -ENOMEM: they are heard in one. */
int decoder_prepare(struct decoder *d);

/* How many channels there will be from this packet on; what follows writes as
 * many. */
unsigned decoder_turn(struct decoder *d, const uint8_t *p, size_t len);
unsigned decoder_channels(const struct decoder *d);

/* out has room for DECODE_MAX of each channel.  Samples, or -EBADMSG. */
int decoder_packet(struct decoder *d, const uint8_t *p, size_t len, int16_t *out);
/* Makes up n samples, a multiple of DECODE_STEP, at most DECODE_MAX. */
int decoder_conceal(struct decoder *d, int16_t *out, int n);
/* The n samples before this packet, from the copy that it carries; made up
 * where it carries none. */
int decoder_fec(struct decoder *d, const uint8_t *p, size_t len, int16_t *out, int n);

/* Remembers how things stand; goes back to it. */
void decoder_mark(struct decoder *d);
void decoder_back(struct decoder *d);

/* Samples at 48 kHz that a packet holds, without decoding; -EBADMSG. */
int decoder_samples(const uint8_t *p, size_t len);
bool decoder_is_stereo(const uint8_t *p, size_t len);
/* Does it carry a coarse copy of the frame before (RFC 6716, section 2.1.7)? */
bool decoder_has_fec(const uint8_t *p, size_t len);

#endif
