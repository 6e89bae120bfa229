/* encode.h - samples to Opus packets, 48 kHz, one or two channels
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
	ENCODE_SAMPLES = 5760,          /* longest packet we make: 120 ms, of a channel */
};

struct encoder;
/* channels: 1 or 2, 0: 1.  music: what comes is no voice. */
struct encoder_config {
	int bitrate, complexity, loss_percent;
	bool fec, dtx;
	unsigned channels;
	bool music;
};

int encoder_new(struct encoder **out, const struct encoder_config *cfg);
void encoder_free(struct encoder **e);
/* Begins anew, as another talker would. */
void encoder_reset(struct encoder *e);

void encoder_set_bitrate(struct encoder *e, int bps);
/* percent: the loss that in-band FEC is made for; 0: none. */
void encoder_set_fec(struct encoder *e, int percent);

/* n samples of each channel, interleaved: 480, 960, 1920, 2880 or 5760.
 * silent: all of it is zero.  At most max bytes in out; 0: nothing needs to
 * be sent (DTX); -EIO. */
int encoder_frame(struct encoder *e, const int16_t *v, unsigned n, bool silent,
		  uint8_t out[ENCODE_BYTES]);
int encoder_frame_max(struct encoder *e, const int16_t *v, unsigned n, bool silent,
		      uint8_t *out, int max);
/* The packet that says "nothing more for now", as long as the last one. */
int encoder_pause(const struct encoder *e, uint8_t out[ENCODE_BYTES]);

#endif
