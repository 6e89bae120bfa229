/* mic.h - from blocks of the microphone to frames for the network
 *
 * Media thread.
 */
#ifndef AUDIO_MIC_H
#define AUDIO_MIC_H
#include "audio/encode.h"
#include "audio/engine.h"
#include "audio/level.h"

struct mic {
	struct encoder *encoder;
	const struct audio_events *ev;
	void *ctx;
	unsigned frame;                 /* samples of a packet */
	bool muted;

	int16_t pcm[ENCODE_SAMPLES];    /* the frame that fills */
	unsigned have;
	unsigned skipped;               /* samples not sent and not yet told */
	struct level_meter meter;
	struct level_voice voice;
	uint64_t packets;
};

int mic_init(struct mic *m, const struct audio_config *cfg, const struct audio_events *ev,
	     void *ctx);
void mic_free(struct mic *m);
/* 10 ms of sound. */
void mic_block(struct mic *m, const int16_t v[AUDIO_BLOCK], int64_t now_us);
/* n samples of time without any: no device, or none yet. */
void mic_nothing(struct mic *m, unsigned n);

#endif
