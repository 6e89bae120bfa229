/* voices.h - all sources of one call: a jitter buffer, a gain, a level each
 *
 * Media thread.
 */
#ifndef AUDIO_VOICES_H
#define AUDIO_VOICES_H
#include "audio/engine.h"
#include "audio/mixer.h"

enum { VOICES_MAX = 128 };

struct voice;
struct voices {
	struct voice *v[VOICES_MAX];
	size_t count;
	enum audio_delay delay;
	/* Of those that are gone. */
	uint64_t late, concealed, fec_recovered;
};

void voices_free(struct voices *vs);
/* listen: somebody hears it; else the level is taken from the header alone. */
int voices_input(struct voices *vs, const struct media_frame *f, bool listen);
int voices_gain(struct voices *vs, uint32_t ssrc, double gain);
void voices_delay(struct voices *vs, enum audio_delay delay);
void voices_remove(struct voices *vs, uint32_t ssrc);
/* Nobody listens any more: what waits is dropped. */
void voices_flush(struct voices *vs);
/* Adds the next 10 ms of all, due at when_us.  RT-safe: allocates and frees
 * nothing, takes no lock. */
void voices_mix(struct voices *vs, struct mixer *m, int64_t when_us);
/* Frees what has left, after mixing. */
void voices_sweep(struct voices *vs);

void voices_stats(const struct voices *vs, struct audio_stats *out);
size_t voices_each(const struct voices *vs, struct audio_source_stats *out, size_t max,
		   int64_t now_us);

#endif
