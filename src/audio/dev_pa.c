/* dev_pa.c - a sound card, by PortAudio
 *
 *	card -> callback -> ring -> (resampler) -> media thread
 *	media thread -> (resampler) -> ring -> callback -> card
 *
 * The callback copies between ring and card and counts in atomics, nothing
 * else (style.md, section 9).  The ring holds the card's rate; where that is
 * not 48 kHz the media thread resamples.  A speaker of two channels gets two;
 * of a microphone's two the mean is taken, unless both are wanted.
 *
 * When the ring runs dry the last sample fades to nothing within 5 ms, and
 * what comes after it fades in: a gap, but no click.
 *
 * A sound server that dies is silent: no callback comes any more.  So the
 * watch looks whether the stream is active and whether callbacks came.
 */
#include "audio/device.h"
#include <errno.h>
#include <speex/speex_resampler.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/pa.h"
#include "base/ring.h"
#include "base/rt.h"

enum {
	LATENCY_MS = 20,
	RING_MS = 500,
	FADE = 240,             /* samples of each channel */
	QUALITY = 5,            /* of the resampler */
	PIECE = 480,            /* copied at a time: values, whole pairs of two channels */
	STILL_MAX = 2,          /* watches without a callback: 1 s ... */
	SETTLED = 10,           /* ... but some sound servers take 2 s to flow evenly */
};

struct card {
	struct device d;
	PaStream *stream;
	struct ring *ring;
	unsigned rate, channels;                /* of the card */
	bool one;                               /* channel is wanted, as of a voice */
	SpeexResamplerState *resampler;         /* media thread; NULL at 48 kHz */
	unsigned delay_ms;
	int16_t left[PIECE];                    /* media thread: read, not yet resampled */
	size_t left_count;                      /* of each channel */
	bool up;                                /* PortAudio is, for us */

	atomic_uint calls;                      /* of the callback */
	unsigned calls_seen, still, watches;    /* sound thread */

	/* Callback only. */
	bool flows;             /* something was played and nothing lacked since */
	bool begun;
	int16_t last[2];        /* played last, of each channel */
	int fade;               /* samples that the fade has to go on */
	int16_t piece[PIECE];
};

/* ---- the callback: RT-safe ---- */

/* Fills what the ring did not have, and rounds off what comes after it.  got
 * and n: of each channel. */
static void round_off(struct card *c, int16_t *v, size_t got, size_t n)
{
	unsigned m = c->channels;

	if (got && !c->flows) {
		c->flows = true;
		c->fade = c->begun ? FADE : 0;
		c->begun = true;
	}
	for (size_t i = 0; i < got && c->fade > 0; i++, c->fade--)
		for (unsigned k = 0; k < m; k++)
			v[i * m + k] = (int16_t)(v[i * m + k] * (FADE - c->fade) / FADE);
	for (unsigned k = 0; got && k < m; k++)
		c->last[k] = v[(got - 1) * m + k];
	if (got == n)
		return;
	if (c->flows) {
		atomic_fetch_add_explicit(&c->d.underruns, 1, memory_order_relaxed);
		c->flows = false;
		c->fade = FADE;
	}
	for (size_t i = got; i < n; i++, c->fade -= c->fade > 0)
		for (unsigned k = 0; k < m; k++)
			v[i * m + k] = (int16_t)(c->last[k] * c->fade / FADE);
}

static int play(const void *in, void *out, unsigned long frames, const PaStreamCallbackTimeInfo *t,
		PaStreamCallbackFlags flags, void *ctx)
{
	struct card *c = ctx;
	int16_t *v = out;

	(void)in;
	(void)t;
	(void)flags;
	rt_enter();
	while (frames) {
		size_t most = PIECE / c->channels, n = frames < most ? frames : most;
		size_t got = ring_read(c->ring, v, n * c->channels) / c->channels;

		round_off(c, v, got, n);
		v += n * c->channels;
		frames -= n;
	}
	atomic_fetch_add_explicit(&c->calls, 1, memory_order_relaxed);
	rt_leave();
	return paContinue;
}

static int record(const void *in, void *out, unsigned long frames,
		  const PaStreamCallbackTimeInfo *t, PaStreamCallbackFlags flags, void *ctx)
{
	struct card *c = ctx;
	const int16_t *v = in;

	(void)out;
	(void)t;
	(void)flags;
	rt_enter();
	/* The ring has room for whole pairs: its size is even. */
	if (v && c->d.channels == c->channels) {
		if (ring_write(c->ring, v, frames * c->channels) < frames * c->channels)
			atomic_fetch_add_explicit(&c->d.overruns, 1, memory_order_relaxed);
		frames = 0;
	}
	while (frames && v) {
		size_t n = frames < PIECE ? frames : PIECE;

		for (size_t i = 0; i < n; i++) {
			int sum = 0;

			for (unsigned k = 0; k < c->channels; k++)
				sum += *v++;
			c->piece[i] = (int16_t)(sum / (int)c->channels);
		}
		if (ring_write(c->ring, c->piece, n) < n)
			atomic_fetch_add_explicit(&c->d.overruns, 1, memory_order_relaxed);
		frames -= n;
	}
	atomic_fetch_add_explicit(&c->calls, 1, memory_order_relaxed);
	rt_leave();
	return paContinue;
}

/* ---- sound thread ---- */

static void card_close(struct device *d)
{
	struct card *c = (struct card *)d;

	pa_lock();
	if (c->stream) {
		Pa_AbortStream(c->stream);
		Pa_CloseStream(c->stream);
	}
	if (c->up)
		pa_down();
	pa_unlock();
	if (c->resampler)
		speex_resampler_destroy(c->resampler);
	ring_free(&c->ring);
	free(c);
}

static int say(char *text, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char *text, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, DEVICE_TEXT, fmt, ap);
	va_end(ap);
	return err;
}

/* A microphone of one channel (two, if that is wanted), a speaker of two, at
 * 48 kHz, if the card can; else what it can. */
static PaError open_stream(struct card *c, int index, bool mic)
{
	const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
	int most = mic ? info->maxInputChannels : info->maxOutputChannels;
	const int channels[] = { c->one ? 1 : 2, c->one ? 2 : 1 };
	PaStreamParameters p = { .device = index, .sampleFormat = paInt16 };
	const double rates[] = { AUDIO_HZ, info->defaultSampleRate };
	PaError err = paInvalidDevice;

	p.suggestedLatency = LATENCY_MS / 1000.0;
	for (int r = 0; r < 2; r++) {
		for (int k = 0; k < 2; k++) {
			p.channelCount = channels[k];
			if (p.channelCount > most)
				continue;
			c->rate = (unsigned)rates[r];
			c->channels = (unsigned)p.channelCount;
			err = Pa_OpenStream(&c->stream, mic ? &p : NULL, mic ? NULL : &p, c->rate,
					    paFramesPerBufferUnspecified, paClipOff | paDitherOff,
					    mic ? record : play, c);
			if (err == paNoError)
				return err;
			c->stream = NULL;
		}
	}
	return err;
}

static int prepare(struct card *c, bool mic)
{
	const PaStreamInfo *info = Pa_GetStreamInfo(c->stream);
	double latency = info ? mic ? info->inputLatency : info->outputLatency : 0;
	int err;

	c->d.channels = c->one ? 1 : c->channels;
	err = ring_new(&c->ring, c->rate * c->d.channels * RING_MS / 1000);

	if (err)
		return err;
	c->delay_ms = latency > 0 && latency < 10 ? (unsigned)(latency * 1000) : 0;
	if (c->rate == AUDIO_HZ)
		return 0;
	c->resampler = speex_resampler_init(c->d.channels, mic ? c->rate : AUDIO_HZ,
					    mic ? AUDIO_HZ : c->rate, QUALITY, &err);
	return c->resampler ? 0 : -ENOMEM;
}

static int begin(struct card *c, bool mic, const char *name, char *text)
{
	int index = pa_find(name, mic);
	const char *side = mic ? "microphone" : "speaker";
	PaError pe;

	if (index < 0 && !strcmp(name, "default"))
		return say(text, -ENODEV, "no sound card was found for the %s", side);
	if (index < 0)
		return say(text, -ENODEV, "no %s is called %s; `ttymeet check` lists them", side,
			   name);
	pe = open_stream(c, index, mic);
	if (pe != paNoError)
		return say(text, -EIO, "%s: %s", Pa_GetDeviceInfo(index)->name,
			   Pa_GetErrorText(pe));
	if (prepare(c, mic))
		return say(text, -ENOMEM, "%s: %s", name, strerror(ENOMEM));
	pe = Pa_StartStream(c->stream);
	if (pe != paNoError)
		return say(text, -EIO, "%s: %s", Pa_GetDeviceInfo(index)->name,
			   Pa_GetErrorText(pe));
	snprintf(text, DEVICE_TEXT, "%s, %u Hz, %s", Pa_GetDeviceInfo(index)->name, c->rate,
		 c->channels > 1 ? "stereo" : "mono");
	return 0;
}

static int card_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		     char *text)
{
	struct card *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->one = side == AUDIO_MIC && spec->channels != 2;
	pa_lock();
	err = pa_up();
	c->up = !err;
	if (err)
		snprintf(text, DEVICE_TEXT, "the sound system does not answer");
	else
		err = begin(c, side == AUDIO_MIC, spec->name, text);
	pa_unlock();
	if (err)
		card_close(&c->d);
	else
		*out = &c->d;
	return err;
}

static enum device_health card_watch(struct device *d, char *text)
{
	struct card *c = (struct card *)d;
	unsigned calls = atomic_load(&c->calls);
	bool active;

	pa_lock();
	active = Pa_IsStreamActive(c->stream) == 1;
	pa_unlock();
	c->still = calls == c->calls_seen ? c->still + 1 : 0;
	c->calls_seen = calls;
	if (c->watches < SETTLED)
		c->watches++;
	if (active && c->still < (c->watches < SETTLED ? SETTLED : STILL_MAX))
		return DEVICE_WELL;
	snprintf(text, DEVICE_TEXT, "the %s has gone; it is looked for again every 2 s",
		 d->side == AUDIO_MIC ? "microphone" : "speaker");
	return DEVICE_DEAD;
}

/* ---- media thread ---- */

static size_t to_48k(const struct card *c, size_t n)
{
	return c->rate == AUDIO_HZ ? n : (size_t)((uint64_t)n * AUDIO_HZ / c->rate);
}

static size_t card_read(struct device *d, int16_t *v, size_t n)
{
	struct card *c = (struct card *)d;
	unsigned m = d->channels;
	size_t done = 0;

	if (!c->resampler)
		return ring_read(c->ring, v, n * m) / m;
	while (done < n) {
		spx_uint32_t took, made = (spx_uint32_t)(n - done);

		c->left_count += ring_read(c->ring, c->left + c->left_count * m,
					   PIECE - c->left_count * m) / m;
		took = (spx_uint32_t)c->left_count;
		speex_resampler_process_interleaved_int(c->resampler, c->left, &took, v + done * m,
							&made);
		if (!took && !made)
			break;
		c->left_count -= took;
		memmove(c->left, c->left + took * m, c->left_count * m * sizeof(*c->left));
		done += made;
	}
	return done;
}

static void put(struct card *c, const int16_t *v, size_t n)
{
	if (ring_write(c->ring, v, n) < n)
		atomic_fetch_add(&c->d.overruns, 1);
}

static void card_write(struct device *d, const int16_t *v, size_t n)
{
	struct card *c = (struct card *)d;
	unsigned m = d->channels;

	if (!c->resampler) {
		put(c, v, n * m);
		return;
	}
	while (n) {
		int16_t out[PIECE];
		spx_uint32_t took = (spx_uint32_t)n, made = PIECE / m;

		speex_resampler_process_interleaved_int(c->resampler, v, &took, out, &made);
		if (!took && !made)
			break;
		put(c, out, made * m);
		v += took * m;
		n -= took;
	}
}

static size_t card_queued(struct device *d)
{
	struct card *c = (struct card *)d;

	return to_48k(c, ring_used(c->ring) / d->channels + c->left_count);
}

static unsigned card_delay(struct device *d)
{
	return ((struct card *)d)->delay_ms;
}

const struct device_ops dev_pa = {
	.name = "sound card", .real = true, .open = card_open, .close = card_close,
	.watch = card_watch, .read = card_read, .write = card_write, .queued = card_queued,
	.delay_ms = card_delay,
};
