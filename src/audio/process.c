/* process.c - echo, noise, gain; see the header
 *
 * Noise suppression is speexdsp's: 15 dB, 0.3 % of a core.  Its automatic gain
 * is not used: it follows the loudness of whatever there is, and lifts a quiet
 * room.  Ours learns from speech alone, moves by 3 dB a second at most, and
 * gives way at once where a word would clip.
 */
#include "audio/process.h"
#include <errno.h>
#include <math.h>
#include <speex/speex_preprocess.h>
#include <stdlib.h>
#include "audio/echo.h"
#include "audio/level.h"

enum {
	HZ = 48000,
	NOISE_DB = -15,
	AGC_TARGET = -26,               /* dBov, mean over syllables: a power of -20 */
	AGC_LEAST = -9, AGC_MOST = 18,  /* dB */
	SPEECH_ABOVE = 12,              /* dB over the floor */
	SPEECH_BLOCKS = 100,            /* its loudness is that of so many */
	PEAK = 29000,
};
static const float agc_step = 0.03f;    /* dB a block */

struct agc {
	struct level_voice voice;
	float speech;                   /* dBov, smoothed over some seconds of speech */
	float gain;                     /* dB */
	float now;                      /* factor at the end of the last block */
};

struct process {
	bool aec, ns, agc_on;
	struct echo *echo;
	SpeexPreprocessState *noise;
	struct agc agc;
};

static void agc_begin(struct agc *a)
{
	*a = (struct agc){ .speech = AGC_TARGET, .now = 1 };
}

int process_new(struct process **out)
{
	struct process *p = calloc(1, sizeof(*p));
	int db = NOISE_DB, err = -ENOMEM;

	*out = NULL;
	if (!p)
		return err;
	err = echo_new(&p->echo);
	if (err)
		goto fail;
	p->noise = speex_preprocess_state_init(PROCESS_BLOCK, HZ);
	if (!p->noise) {
		err = -ENOMEM;
		goto fail;
	}
	speex_preprocess_ctl(p->noise, SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, &db);
	agc_begin(&p->agc);
	process_set(p, false, false, false);
	*out = p;
	return 0;
fail:
	process_free(&p);
	return err;
}

void process_free(struct process **pp)
{
	struct process *p = *pp;

	if (!p)
		return;
	if (p->noise)
		speex_preprocess_state_destroy(p->noise);
	echo_free(&p->echo);
	free(p);
	*pp = NULL;
}

void process_set(struct process *p, bool aec, bool ns, bool agc)
{
	int denoise = ns;

	if (aec != p->aec)
		echo_reset(p->echo);
	if (agc != p->agc_on)
		agc_begin(&p->agc);
	p->aec = aec;
	p->ns = ns;
	p->agc_on = agc;
	speex_preprocess_ctl(p->noise, SPEEX_PREPROCESS_SET_DENOISE, &denoise);
	speex_preprocess_ctl(p->noise, SPEEX_PREPROCESS_SET_ECHO_STATE,
			     aec ? echo_state(p->echo) : NULL);
}

void process_far(struct process *p, const int16_t v[PROCESS_BLOCK])
{
	if (p->aec)
		echo_far(p->echo, v);
}

static float peak_of(const int16_t *v)
{
	int peak = 1;

	for (int i = 0; i < PROCESS_BLOCK; i++)
		if (abs(v[i]) > peak)
			peak = abs(v[i]);
	return (float)peak;
}

static void agc(struct agc *a, int16_t *v)
{
	int level = level_dbov(v, PROCESS_BLOCK);
	float before = a->now, want, slope;

	/* Only what is clearly speech; pauses between words say nothing. */
	if (level_voice(&a->voice, level, 10) && (float)level > a->voice.floor + SPEECH_ABOVE) {
		float need = fminf(fmaxf(AGC_TARGET - a->speech, AGC_LEAST), AGC_MOST);

		a->speech += ((float)level - a->speech) / SPEECH_BLOCKS;
		a->gain += fminf(fmaxf(need - a->gain, -agc_step), agc_step);
	}
	want = fminf(powf(10, a->gain / 20), PEAK / peak_of(v));
	a->now = want;
	if (want < before)
		before = want;          /* at once: a peak may be at the beginning */
	slope = (want - before) / PROCESS_BLOCK;
	for (int i = 0; i < PROCESS_BLOCK; i++)
		v[i] = (int16_t)lrintf((float)v[i] * (before + slope * (float)i));
}

void process_near(struct process *p, int16_t v[PROCESS_BLOCK], size_t held)
{
	if (p->aec)
		echo_near(p->echo, v, held);
	if (p->aec || p->ns)
		speex_preprocess_run(p->noise, v);
	if (p->aec)
		echo_suppress(p->echo, v);
	if (p->agc_on)
		agc(&p->agc, v);
}
