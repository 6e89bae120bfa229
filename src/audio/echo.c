/* echo.c - echo cancellation; see the header
 *
 *	far ring -> speexdsp's adaptive filter (MDF), 150 ms -> residue
 *	residue / estimated echo -> gain of the suppressor
 *
 * Measured: a room of 0.3 s reverberation, 60 ms of devices, the echo 6 dB
 * below what is played, a voice as loud as the echo near the microphone; echo
 * return loss from 2 to 4 and to 12 s, PESQ-WB of the near voice while both
 * talk, CPU at 48 kHz:
 *
 *	speexdsp 1.2, filter and preprocessor  17.3  23.2 dB  2.68  1.4 %
 *	the same at 16 kHz                     18.6  24.0     2.68  0.4
 *	webrtc-audio-processing 0.3            42.4  45.7     1.10  0.6
 *	this                                   27.1  32.8     2.43  1.4
 *
 * The WebRTC of Debian 12 leaves nothing of the echo and little of the voice
 * (-9 dB; 1.14 and 35 dB at its mildest); speexdsp keeps the voice and an
 * audible rest.  So behind its filter stands a suppressor: where the residue
 * is as small against the estimated echo as it is when only the far side
 * talks, a factor of 20; where it is 6 dB more, somebody is near and nothing
 * is done.  At 16 kHz the voice would lose all above 8 kHz for one per cent
 * of a core.
 *
 * The estimate is held with the decay of a room (2 dB a block would be 0.3 s
 * of reverberation), or the last of a word's echo would pass for a voice.
 */
#include "audio/echo.h"
#include <errno.h>
#include <math.h>
#include <speex/speex_echo.h>
#include <stdlib.h>
#include <string.h>

enum {
	HZ = 48000, MS = HZ / 1000,
	RING = 1 << 16,                 /* 1.3 s of what was played */
	EARLY = 20 * MS,                /* devices tell more delay than they have by up to this */
	OFF = 12 * MS,                  /* the place in the ring is moved only for more */
	FAR_ACTIVE = 10000,             /* mean square: -50 dBov is talk, or an echo of it */
	HANG = 10,                      /* blocks that a voice near keeps the gate open */
};
static const double smooth = 0.4, decay = 0.8;
static const double rest_above = 7, rest_range = 6, rest_gain = 0.05;   /* dB, dB, factor */
static const double rest_least = -14, rest_most = -2, rest_drift = 0.05; /* dB, dB, dB a block */

struct echo {
	SpeexEchoState *speex;
	int16_t ring[RING];
	uint64_t written;               /* samples, the newest is written - 1 */
	uint64_t at;                    /* of the next reference block; 0: not yet found */
	double off;                     /* smoothed distance of `at` from where it should be */
	double far, residue, estimate, held;    /* mean squares */
	double lowest;                  /* dB: residue against echo when only the far side talks */
	double gain;
	unsigned hang;
};

int echo_new(struct echo **out)
{
	struct echo *e = calloc(1, sizeof(*e));
	int hz = HZ;

	*out = NULL;
	if (!e)
		return -ENOMEM;
	e->speex = speex_echo_state_init(ECHO_BLOCK, ECHO_TAIL_MS * MS);
	if (!e->speex) {
		free(e);
		return -ENOMEM;
	}
	speex_echo_ctl(e->speex, SPEEX_ECHO_SET_SAMPLING_RATE, &hz);
	e->gain = 1;
	*out = e;
	return 0;
}

void echo_free(struct echo **e)
{
	if (*e)
		speex_echo_state_destroy((*e)->speex);
	free(*e);
	*e = NULL;
}

void echo_reset(struct echo *e)
{
	speex_echo_state_reset(e->speex);
	memset(e->ring, 0, sizeof(e->ring));
	e->written = e->at = 0;
	e->off = e->far = e->residue = e->estimate = e->held = e->lowest = 0;
	e->gain = 1;
	e->hang = 0;
}

struct SpeexEchoState_ *echo_state(const struct echo *e)
{
	return e->speex;
}

void echo_far(struct echo *e, const int16_t v[ECHO_BLOCK])
{
	for (int i = 0; i < ECHO_BLOCK; i++)
		e->ring[(e->written + (unsigned)i) % RING] = v[i];
	e->written += ECHO_BLOCK;
}

/* Where in what was played this block can begin to be heard. */
static void place(struct echo *e, size_t held)
{
	int64_t should = (int64_t)e->written - (int64_t)held - ECHO_BLOCK + EARLY;
	int64_t least = (int64_t)e->written - RING + ECHO_BLOCK, most;
	double off;

	most = (int64_t)e->written - ECHO_BLOCK;
	should = should > most ? most : should < least ? least : should;
	if (should < 0)
		should = 0;
	off = (double)(should - (int64_t)e->at);
	if (!e->at || fabs(off) > RING / 4) {
		e->off = 0;
		e->at = (uint64_t)should;
		return;
	}
	/* Queues breathe with the ticks: only what stays is a new delay. */
	e->off += (off - e->off) / 64;
	if (fabs(e->off) > OFF) {
		e->at = (uint64_t)should;
		e->off = 0;
	}
	if ((int64_t)e->at > most)
		e->at = most > 0 ? (uint64_t)most : 0;
}

static double power(const int16_t *v)
{
	double sum = 0;

	for (int i = 0; i < ECHO_BLOCK; i++)
		sum += (double)v[i] * v[i];
	return sum / ECHO_BLOCK;
}

void echo_near(struct echo *e, int16_t v[ECHO_BLOCK], size_t held)
{
	int16_t far[ECHO_BLOCK], out[ECHO_BLOCK];
	double echo = 0;

	place(e, held);
	for (int i = 0; i < ECHO_BLOCK; i++)
		far[i] = e->ring[(e->at + (unsigned)i) % RING];
	e->at += ECHO_BLOCK;
	speex_echo_cancellation(e->speex, v, far, out);
	for (int i = 0; i < ECHO_BLOCK; i++) {
		double d = (double)v[i] - out[i];

		echo += d * d;
	}
	memcpy(v, out, sizeof(out));
	e->far += 0.2 * (power(far) - e->far);
	e->residue += smooth * (power(out) - e->residue);
	e->estimate += smooth * (echo / ECHO_BLOCK - e->estimate);
	e->held = fmax(e->estimate, e->held * decay);
}

/* From the residue against the estimated echo to what is let through. */
static double let_through(struct echo *e)
{
	double ratio = 10 * log10((e->residue + 1) / (e->held + 1)), alone;

	if (e->far < FAR_ACTIVE)
		return 1;
	if (ratio < e->lowest)
		e->lowest += (ratio - e->lowest) / 4;
	else
		e->lowest += rest_drift;
	alone = fmin(fmax(e->lowest + rest_above, rest_least), rest_most);
	if (ratio <= alone)
		return rest_gain;
	if (ratio >= alone + rest_range)
		return 1;
	return rest_gain + (1 - rest_gain) * (ratio - alone) / rest_range;
}

void echo_suppress(struct echo *e, int16_t v[ECHO_BLOCK])
{
	double want = let_through(e), before = e->gain, slope;

	if (want > 0.9)
		e->hang = HANG;
	else if (e->hang && e->hang--)
		want = fmax(want, 0.5);
	e->gain = want > before ? want : before * 0.7 + want * 0.3;
	if (before > 0.999 && e->gain > 0.999)
		return;
	slope = (e->gain - before) / ECHO_BLOCK;
	for (int i = 0; i < ECHO_BLOCK; i++)
		v[i] = (int16_t)lrint(v[i] * (before + slope * i));
}
