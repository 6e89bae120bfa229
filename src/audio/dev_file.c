/* dev_file.c - a file as microphone, a file as speaker
 *
 *	file_read -> pump -> media thread -> pump -> file_write
 *
 * Both keep time like a card.  Where the disk does not keep up, a microphone
 * falls silent and goes on where it stood; a speaker remembers how much is
 * missing and writes as much silence, so that the rest stays in its place.
 */
#include "audio/device.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/file_read.h"
#include "audio/file_write.h"
#include "audio/pump.h"

enum {
	CHANNELS = 2,                   /* one channel of a file is given twice */
	READ_AHEAD = AUDIO_HZ * CHANNELS, /* 1 s, rounded up to 1.4 s */
	READ_BATCH = AUDIO_HZ / 4 * CHANNELS,
	WRITE_BEHIND = 2 * AUDIO_HZ * CHANNELS, /* 2 s, rounded up to 2.7 s */
	WRITE_BATCH = AUDIO_HZ / 10 * CHANNELS, /* what a crash may cost */
};

struct file_device {
	struct device d;
	struct file_read *in;
	struct file_write *out;
	struct pump *pump;
	char *path;
	bool loop;
	uint64_t owed;          /* values that found no room; the media thread's, while lent */
};

static void file_close(struct device *d)
{
	struct file_device *f = (struct file_device *)d;
	int16_t zeros[AUDIO_BLOCK] = { 0 };

	pump_close(&f->pump);
	for (; f->out && f->owed; f->owed -= f->owed < AUDIO_BLOCK ? f->owed : AUDIO_BLOCK)
		if (file_write_samples(f->out, zeros,
				       f->owed < AUDIO_BLOCK ? (size_t)f->owed : AUDIO_BLOCK))
			break;
	file_read_close(&f->in);
	file_write_close(&f->out);
	free(f->path);
	free(f);
}

static long pump_in(void *ctx, int16_t *v, size_t n)
{
	struct file_device *f = ctx;

	/* The ring has room for pairs alone, or none. */
	long got = file_read_samples(f->in, v, n / CHANNELS, f->loop);

	return got > 0 ? got * CHANNELS : got;
}

static int pump_out(void *ctx, const int16_t *v, size_t n)
{
	struct file_device *f = ctx;

	return file_write_samples(f->out, v, n);
}

static int open_file(struct file_device *f, enum audio_side side, const char *path, char *text)
{
	static const struct pump_config in_cfg = { READ_AHEAD, READ_BATCH, true };
	static const struct pump_config out_cfg = { WRITE_BEHIND, WRITE_BATCH, false };
	static const struct pump_ops in_ops = { .read = pump_in }, out_ops = { .write = pump_out };
	bool mic = side == AUDIO_MIC;
	char what[DEVICE_TEXT - 8];
	int err;

	err = mic ? file_read_open(&f->in, path, CHANNELS, text) : file_write_open(&f->out, path, CHANNELS, text);
	if (err)
		return err;
	memcpy(what, text, sizeof(what));
	what[sizeof(what) - 1] = 0;
	err = pump_open(&f->pump, mic ? &in_cfg : &out_cfg, mic ? &in_ops : &out_ops, f);
	if (err)
		snprintf(text, DEVICE_TEXT, "%s: %s", path, strerror(-err));
	else
		snprintf(text, DEVICE_TEXT, "file: %s%s", what, f->loop ? ", over and over" : "");
	return err;
}

static int file_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		     char *text)
{
	struct file_device *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return err;
	f->loop = spec->loop;
	f->d.channels = CHANNELS;
	f->path = strdup(spec->name);
	if (f->path)
		err = open_file(f, side, spec->name, text);
	if (err)
		file_close(&f->d);
	else
		*out = &f->d;
	return err;
}

static enum device_health file_watch(struct device *d, char *text)
{
	struct file_device *f = (struct file_device *)d;
	int err = pump_error(f->pump);

	if (!err)
		return DEVICE_WELL;
	/* Opening it anew would begin anew: it stays, and goes on if it can. */
	snprintf(text, DEVICE_TEXT, "cannot %s %s: %s", f->in ? "read" : "write", f->path,
		 strerror(-err));
	return DEVICE_TROUBLED;
}

static size_t file_take(struct device *d, int16_t *v, size_t n)
{
	struct file_device *f = (struct file_device *)d;
	size_t got = pump_read(f->pump, v, n * CHANNELS);

	if (got < n * CHANNELS) {
		memset(v + got, 0, (n * CHANNELS - got) * sizeof(*v));
		if (!pump_ended(f->pump))
			atomic_fetch_add(&d->underruns, 1);
	}
	return n;
}

static void pay_debt(struct file_device *f)
{
	int16_t zeros[AUDIO_BLOCK] = { 0 };

	while (f->owed) {
		size_t n = f->owed < AUDIO_BLOCK ? (size_t)f->owed : AUDIO_BLOCK;
		size_t done = pump_write(f->pump, zeros, n);

		f->owed -= done;
		if (done < n)
			break;
	}
}

static void file_give(struct device *d, const int16_t *v, size_t n)
{
	struct file_device *f = (struct file_device *)d;
	size_t done = 0;

	n *= CHANNELS;
	pay_debt(f);
	if (!f->owed)
		done = pump_write(f->pump, v, n);
	if (done < n) {
		f->owed += n - done;
		atomic_fetch_add(&d->overruns, 1);
	}
}

const struct device_ops dev_file = {
	.name = "file", .waits = true, .open = file_open, .close = file_close,
	.watch = file_watch, .read = file_take, .write = file_give,
};
