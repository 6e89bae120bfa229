/* dev_tone.c - a microphone that hums: a sine at -12 dBFS
 *
 * A rotation by complex multiplication, set right now and then, costs four
 * multiplications a sample and no sine.
 */
#include "audio/device.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct tone {
	struct device d;
	double re, im;          /* where the pointer stands */
	double cos, sin;        /* one step */
};

static const double amplitude = 8192;   /* a quarter of full scale */

static int tone_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		     char *text)
{
	struct tone *t = calloc(1, sizeof(*t));
	double step = 2 * 3.14159265358979323846 * spec->hz / AUDIO_HZ;

	(void)side;
	if (!t)
		return -ENOMEM;
	t->re = 1;
	t->cos = cos(step);
	t->sin = sin(step);
	snprintf(text, DEVICE_TEXT, "tone: %g Hz", spec->hz);
	t->d.channels = 1;
	*out = &t->d;
	return 0;
}

static void tone_close(struct device *d)
{
	free(d);
}

static size_t tone_read(struct device *d, int16_t *v, size_t n)
{
	struct tone *t = (struct tone *)d;
	double length;

	for (size_t i = 0; i < n; i++) {
		double re = t->re * t->cos - t->im * t->sin;

		t->im = t->re * t->sin + t->im * t->cos;
		t->re = re;
		v[i] = (int16_t)lrint(amplitude * t->im);
	}
	length = sqrt(t->re * t->re + t->im * t->im);
	t->re /= length;
	t->im /= length;
	return n;
}

const struct device_ops dev_tone = {
	.name = "tone", .open = tone_open, .close = tone_close, .read = tone_read,
};
