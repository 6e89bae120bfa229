/* dev_null.c - keeps time: a microphone of silence, a speaker nobody hears */
#include "audio/device.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int null_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		     char *text)
{
	(void)side;
	(void)spec;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->channels = 1;
	snprintf(text, DEVICE_TEXT, "null: keeps time, silence");
	return 0;
}

static void null_close(struct device *d)
{
	free(d);
}

static size_t null_read(struct device *d, int16_t *v, size_t n)
{
	(void)d;
	memset(v, 0, n * sizeof(*v));
	return n;
}

static void null_write(struct device *d, const int16_t *v, size_t n)
{
	(void)d;
	(void)v;
	(void)n;
}

const struct device_ops dev_null = {
	.name = "null", .open = null_open, .close = null_close,
	.read = null_read, .write = null_write,
};
