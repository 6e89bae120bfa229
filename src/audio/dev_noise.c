/* dev_noise.c - a microphone of white noise, peaks at -20 dBFS */
#include "audio/device.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct noise {
	struct device d;
	uint32_t state;
};

static int noise_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		      char *text)
{
	struct noise *t = calloc(1, sizeof(*t));

	(void)side;
	(void)spec;
	if (!t)
		return -ENOMEM;
	t->state = 2463534242u;
	snprintf(text, DEVICE_TEXT, "noise: white, peaks at -20 dBFS");
	t->d.channels = 1;
	*out = &t->d;
	return 0;
}

static void noise_close(struct device *d)
{
	free(d);
}

static size_t noise_read(struct device *d, int16_t *v, size_t n)
{
	struct noise *t = (struct noise *)d;
	uint32_t x = t->state;

	for (size_t i = 0; i < n; i++) {        /* G. Marsaglia's xorshift */
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		v[i] = (int16_t)((int32_t)(x % 6555) - 3277);
	}
	t->state = x;
	return n;
}

const struct device_ops dev_noise = {
	.name = "noise", .open = noise_open, .close = noise_close, .read = noise_read,
};
