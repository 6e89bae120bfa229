/* encode.h - samples to Opus packets, 48 kHz mono
 *
 * Media thread.
 */
#ifndef AUDIO_ENCODE_H
#define AUDIO_ENCODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENCODE_BYTES = 1275,            /* RFC 6716, section 3.2.1: longest frame */
	ENCODE_SAMPLES = 2880,          /* longest frame we make: 60 ms */
};

struct encoder;
struct encoder_config { int bitrate, complexity, loss_percent; bool fec, dtx; };

int encoder_new(struct encoder **out, const struct encoder_config *cfg);
void encoder_free(struct encoder **e);

void encoder_set_bitrate(struct encoder *e, int bps);
/* What the far side loses, 0 to 1. */
void encoder_set_loss(struct encoder *e, double loss);

/* n: 480, 960, 1920 or 2880.  silent: all of it is zero.  Bytes in out; 0:
 * nothing needs to be sent (DTX); -EIO. */
int encoder_frame(struct encoder *e, const int16_t *v, unsigned n, bool silent,
		  uint8_t out[ENCODE_BYTES]);

#endif
