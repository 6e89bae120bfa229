/* dev_stdio.c - raw s16le, 48 kHz mono, on stdin or stdout
 *
 * Whoever is at the other end may stop at any time: both ways lead over a
 * pump.  stdin begins with the media, like a file, so that nothing piped in
 * is lost; its buffers are kept short, so that a live source that had to wait
 * until then is not heard late for the rest of the call.
 */
#include "audio/device.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/pump.h"

enum {
	RING = AUDIO_HZ / 12, BATCH = AUDIO_BLOCK,
	IN_BYTES = 8192,                /* of a pipe: 85 ms */
	OUT_BYTES = 16384,              /* pages that are half full count as full */
	WAIT_MS = 50,
	TURNS_MAX = 20,
};

struct stdio_device {
	struct device d;
	struct pump *pump;
	int fd;
	uint8_t odd;                    /* half a sample that came alone */
	bool has_odd;
};

static long stdio_pull(void *ctx, int16_t *v, size_t n)
{
	struct stdio_device *s = ctx;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	uint8_t buf[2048];
	size_t keep = s->has_odd;
	ssize_t got;

	if (poll(&p, 1, WAIT_MS) <= 0)
		return -EAGAIN;
	buf[0] = s->odd;
	got = read(s->fd, buf + keep, (2 * n < sizeof(buf) ? 2 * n : sizeof(buf)) - keep);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
	if (!got)
		return 0;
	got += (ssize_t)keep;
	for (ssize_t i = 0; i + 1 < got; i += 2)
		v[i / 2] = (int16_t)(uint16_t)(buf[i] | buf[i + 1] << 8);
	s->has_odd = got & 1;
	if (s->has_odd)
		s->odd = buf[got - 1];
	return got < 2 ? -EAGAIN : got / 2;
}

static int stdio_push(void *ctx, const int16_t *v, size_t n)
{
	struct stdio_device *s = ctx;
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	uint8_t buf[4096];
	size_t len = 0, done = 0;

	if (poll(&p, 1, WAIT_MS) <= 0)
		return -EAGAIN;
	if (p.revents & (POLLERR | POLLNVAL))
		return -EPIPE;
	/* A pipe that polls writable takes PIPE_BUF bytes at once. */
	for (size_t i = 0; i < n && len < sizeof(buf); i++) {
		buf[len++] = (uint8_t)((uint16_t)v[i] & 0xff);
		buf[len++] = (uint8_t)((uint16_t)v[i] >> 8);
	}
	for (int turns = 0; done < len && turns < TURNS_MAX; turns++) {
		ssize_t w = write(s->fd, buf + done, len - done);

		if (w >= 0)
			done += (size_t)w;
		else if (errno == EAGAIN && !done)
			return -EAGAIN;
		else if (errno == EAGAIN)       /* half a chunk must not stay behind */
			poll(&p, 1, WAIT_MS);
		else if (errno != EINTR)
			return -errno;
	}
	return done == len ? 0 : -EIO;
}

static int stdio_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		      char *text)
{
	static const struct pump_config cfg = { RING, BATCH, false };
	static const struct pump_ops pull = { .read = stdio_pull }, push = { .write = stdio_push };
	struct stdio_device *s = calloc(1, sizeof(*s));
	int err;

	(void)spec;
	if (!s)
		return -ENOMEM;
	s->fd = side == AUDIO_MIC ? STDIN_FILENO : STDOUT_FILENO;
	/* Where it is a pipe. */
	(void)fcntl(s->fd, F_SETPIPE_SZ, side == AUDIO_MIC ? IN_BYTES : OUT_BYTES);
	err = pump_open(&s->pump, &cfg, side == AUDIO_MIC ? &pull : &push, s);
	if (err) {
		free(s);
		return err;
	}
	snprintf(text, DEVICE_TEXT, "%s: raw s16le, 48000 Hz, mono",
		 side == AUDIO_MIC ? "stdin" : "stdout");
	s->d.channels = 1;
	*out = &s->d;
	return 0;
}

static void stdio_close(struct device *d)
{
	struct stdio_device *s = (struct stdio_device *)d;

	pump_close(&s->pump);
	free(s);
}

static enum device_health stdio_watch(struct device *d, char *text)
{
	struct stdio_device *s = (struct stdio_device *)d;
	int err = pump_error(s->pump);

	if (!err)
		return DEVICE_WELL;
	snprintf(text, DEVICE_TEXT, "%s: %s", d->side == AUDIO_MIC ? "stdin" : "stdout",
		 strerror(-err));
	return DEVICE_TROUBLED;
}

static size_t stdio_read(struct device *d, int16_t *v, size_t n)
{
	struct stdio_device *s = (struct stdio_device *)d;
	size_t got = pump_read(s->pump, v, n);

	memset(v + got, 0, (n - got) * sizeof(*v));
	if (got < n && !pump_ended(s->pump))
		atomic_fetch_add(&d->underruns, 1);
	return n;
}

static void stdio_write(struct device *d, const int16_t *v, size_t n)
{
	struct stdio_device *s = (struct stdio_device *)d;

	if (pump_write(s->pump, v, n) < n)
		atomic_fetch_add(&d->overruns, 1);
}

const struct device_ops dev_stdio = {
	.name = "stdio", .waits = true, .open = stdio_open, .close = stdio_close,
	.watch = stdio_watch, .read = stdio_read, .write = stdio_write,
};
