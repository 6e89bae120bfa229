/* voices.c - all sources of one call; see the header
 *
 * A source is known from its first frame or from the first gain set for it,
 * whichever comes first; its buffer and decoder are made when there is
 * something to decode.  A gain of nothing means that nothing is decoded.
 */
#include "audio/voices.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "audio/jbuf.h"
#include "audio/level.h"
#include "base/rt.h"

enum { LEVEL_UNSAID = 1 /* of media_frame.level */ };
static const double gain_max = 16;              /* 24 dB; the limiter takes the rest */

struct voice {
	uint32_t ssrc;
	struct jbuf *jbuf;      /* NULL: nothing to decode yet */
	float gain, gain_now;   /* what it should be, where it stands */
	bool leaving, gone;     /* fades out; did, and is to be freed */
	bool says_level;        /* in its headers */
	uint64_t frames;
	int64_t heard_us;       /* last frame */
	struct level_meter meter;
	struct limiter limiter; /* of a gain above 1: who is made loud presses nobody else down */
};

static struct voice *find(const struct voices *vs, uint32_t ssrc)
{
	for (size_t i = 0; i < vs->count; i++)
		if (vs->v[i]->ssrc == ssrc && !vs->v[i]->leaving)
			return vs->v[i];
	return NULL;
}

static void drop(struct voices *vs, size_t i)
{
	struct voice *v = vs->v[i];
	struct jbuf_stats st;

	if (v->jbuf) {
		jbuf_stats(v->jbuf, &st);
		vs->late += st.late;
		vs->concealed += st.concealed;
		vs->fec_recovered += st.fec_recovered;
	}
	jbuf_free(&v->jbuf);
	free(v);
	vs->v[i] = vs->v[--vs->count];
}

void voices_free(struct voices *vs)
{
	while (vs->count)
		drop(vs, vs->count - 1);
}

/* Full: the one that was silent longest makes room. */
static void make_room(struct voices *vs)
{
	size_t oldest = 0;

	if (vs->count < VOICES_MAX)
		return;
	for (size_t i = 1; i < vs->count; i++)
		if (vs->v[i]->heard_us < vs->v[oldest]->heard_us)
			oldest = i;
	drop(vs, oldest);
}

static struct voice *find_or_add(struct voices *vs, uint32_t ssrc)
{
	struct voice *v = find(vs, ssrc);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	make_room(vs);
	v->ssrc = ssrc;
	v->gain = v->gain_now = 1;
	limiter_init(&v->limiter);
	vs->v[vs->count++] = v;
	return v;
}

static bool is_off(const struct voice *v)
{
	return v->gain <= 0 && v->gain_now <= 0;
}

int voices_input(struct voices *vs, const struct media_frame *f, bool listen)
{
	struct voice *v = find_or_add(vs, f->ssrc);
	int err;

	if (!v)
		return -ENOMEM;
	v->frames++;
	v->heard_us = f->arrival_us;
	v->says_level = f->level != LEVEL_UNSAID;
	if (v->says_level)
		level_add(&v->meter, f->level, f->arrival_us);
	if (!listen || is_off(v))
		return 0;
	if (!v->jbuf) {
		err = jbuf_new(&v->jbuf);
		if (err)
			return err;
		jbuf_wish(v->jbuf, vs->delay);
	}
	return jbuf_put(v->jbuf, f);
}

int voices_gain(struct voices *vs, uint32_t ssrc, double gain)
{
	struct voice *v = find_or_add(vs, ssrc);

	if (!v)
		return -ENOMEM;
	v->gain = (float)fmax(0, fmin(gain_max, gain));         /* a NaN becomes 0 */
	if (!v->frames)
		v->gain_now = v->gain;
	return 0;
}

void voices_delay(struct voices *vs, enum audio_delay delay)
{
	vs->delay = delay;
	for (size_t i = 0; i < vs->count; i++)
		if (vs->v[i]->jbuf)
			jbuf_wish(vs->v[i]->jbuf, delay);
}

void voices_remove(struct voices *vs, uint32_t ssrc)
{
	struct voice *v = find(vs, ssrc);

	if (!v)
		return;
	v->leaving = true;
	v->gain = 0;
}

void voices_flush(struct voices *vs)
{
	for (size_t i = vs->count; i--;) {
		if (vs->v[i]->leaving)
			drop(vs, i);
		else if (vs->v[i]->jbuf)
			jbuf_flush(vs->v[i]->jbuf);
	}
}

static void mix_one(struct voice *v, struct mixer *m, int64_t when_us)
{
	int16_t block[JBUF_BLOCK * JBUF_CHANNELS];
	unsigned channels = v->jbuf && !is_off(v) ? jbuf_pull(v->jbuf, block, when_us) : 0;

	if (channels) {
		if (!v->says_level)
			level_add(&v->meter, level_dbov(block, JBUF_BLOCK * channels), when_us);
		if (v->gain > 1 || v->gain_now > 1) {
			limiter_amplify(&v->limiter, block, channels, v->gain_now, v->gain);
			mixer_add(m, block, channels, 1, 1);
		} else {
			mixer_add(m, block, channels, v->gain_now, v->gain);
		}
		if (v->gain <= 0)
			jbuf_flush(v->jbuf);
	}
	v->gain_now = v->gain;
}

void voices_mix(struct voices *vs, struct mixer *m, int64_t when_us)
{
	rt_enter();
	for (size_t i = 0; i < vs->count; i++) {
		mix_one(vs->v[i], m, when_us);
		vs->v[i]->gone = vs->v[i]->leaving;
	}
	rt_leave();
}

void voices_sweep(struct voices *vs)
{
	for (size_t i = vs->count; i--;)
		if (vs->v[i]->gone)
			drop(vs, i);
}

void voices_stats(const struct voices *vs, struct audio_stats *out)
{
	uint64_t concealed = vs->concealed;

	out->late = vs->late;
	out->fec_recovered = vs->fec_recovered;
	for (size_t i = 0; i < vs->count; i++) {
		struct jbuf_stats st;

		out->sources += vs->v[i]->frames > 0;
		if (!vs->v[i]->jbuf)
			continue;
		jbuf_stats(vs->v[i]->jbuf, &st);
		out->late += st.late;
		out->fec_recovered += st.fec_recovered;
		concealed += st.concealed;
	}
	out->concealed_ms = concealed / (AUDIO_HZ / 1000);
}

size_t voices_each(const struct voices *vs, struct audio_source_stats *out, size_t max,
		   int64_t now_us)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->count && n < max; i++) {
		const struct voice *v = vs->v[i];
		struct audio_source_stats *s = &out[n];
		struct jbuf_stats st = { 0 };

		if (!v->frames || v->leaving)
			continue;
		if (v->jbuf)
			jbuf_stats(v->jbuf, &st);
		*s = (struct audio_source_stats){
			.ssrc = v->ssrc, .frames = v->frames, .late = st.late, .lost = st.lost,
			.concealed_ms = st.concealed / (AUDIO_HZ / 1000),
			.fec_recovered = st.fec_recovered, .buffer_ms = st.buffer_ms,
			.target_ms = st.target_ms, .jitter_ms = st.jitter_ms,
			.level = level_get(&v->meter, now_us),
		};
		n++;
	}
	return n;
}
