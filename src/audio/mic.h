/* mic.h - from blocks of the microphone to frames for the network
 *
 *	block -> level -> gate -> frame -> Opus -> packet()
 *
 * Media thread.
 */
#ifndef AUDIO_MIC_H
#define AUDIO_MIC_H
#include "audio/budget.h"
#include "audio/encode.h"
#include "audio/engine.h"
#include "audio/gate.h"
#include "audio/level.h"
#include "audio/plan.h"
#include "audio/program.h"

struct mic {
	struct encoder *voice, *music;  /* music: made when first wanted */
	struct encoder *encoder;        /* one of them */
	const struct audio_events *ev;
	void *ctx;
	int complexity;
	struct audio_sending want;
	struct audio_line line;
	struct plan plan;
	struct budget budget;
	struct gate gate;
	struct program *program;        /* the engine's */
	struct level_voice own;         /* a voice at the microphone alone */
	void (*tap)(void *ctx, const int16_t *v, unsigned channels); /* each block that is sent; NULL */
	unsigned channels;              /* of what mic_block() gets: 2 for music */

	unsigned frame;                 /* samples of a packet */
	int16_t pcm[ENCODE_SAMPLES * 2]; /* the frame that fills */
	unsigned have;                  /* samples of each channel in it */
	unsigned skipped;               /* samples not sent and not yet told */
	unsigned ahead;                 /* samples told that have not passed yet */
	unsigned pauses;                /* packets owed that say "nothing more" */
	bool paused;                    /* the receivers know that nothing comes */
	unsigned quiet_ms;              /* without a voice */
	unsigned rest_ms;               /* since the last packet of comfort noise */
	struct level_meter meter;
	struct level_voice talk;
	int64_t now_us;
	struct level_voice muted_talk;
	unsigned talk_muted_ms;         /* of speech while muted: leaks away */
	unsigned zero_ms;               /* of nothing but zeros, while open */
	uint64_t encoded, passed;       /* passed: as they stood in a file */
};

int mic_init(struct mic *m, const struct audio_config *cfg, const struct audio_events *ev,
	     void *ctx);
void mic_free(struct mic *m);
/* -ENOMEM: music cannot be encoded, all else was taken. */
int mic_sending(struct mic *m, const struct audio_sending *s);
void mic_line(struct mic *m, const struct audio_line *l);
/* 10 ms of sound, m->channels of it; v is used up. */
void mic_block(struct mic *m, int16_t *v, int64_t now_us);
/* 10 ms without a microphone, in which something may be played. */
void mic_idle(struct mic *m, int64_t now_us);
/* n samples of time without any: no device, or none yet. */
void mic_nothing(struct mic *m, unsigned n);
/* What is open at once, and by what it is closed: see gate.h. */
void mic_mute(struct mic *m, bool muted, bool by_key);

#endif
