/* file_read.c - any sound file as 48 kHz mono; see the header
 *
 *	SNDFILE or OggOpusFile -> float frames -> mean of the channels
 *	                       -> speexdsp -> 16 bit
 *
 * with a short way for 48 kHz mono 16 bit, which nothing may touch.  At the
 * end of a resampled file the filter is fed silence until its memory is out.
 */
#include "audio/file_read.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <opusfile.h>
#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/device.h"

enum {
	FRAMES = 1024,
	CHANNELS_MAX = 64,
	QUALITY = 8,            /* of the resampler: better than any ear, on no busy thread */
	RATE_MIN = 1000, RATE_MAX = 768000,
};

struct file_read {
	SNDFILE *snd;
	OggOpusFile *opus;
	unsigned rate, channels;
	bool exact;             /* 48 kHz mono 16 bit: no way but the short one */
	bool ended;
	SpeexResamplerState *resampler;
	unsigned flush;         /* frames of silence still to feed at the end */
	float *frames;          /* FRAMES of all channels */
	float mono[FRAMES];
	size_t at, have;        /* in mono: waiting for the resampler */
};

static int fail(char *text, const char *path, const char *why, int err)
{
	snprintf(text, DEVICE_TEXT, "cannot read %s: %s", path, why);
	return err;
}

static bool is_ogg_opus(int fd)
{
	char head[36];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	/* RFC 7845, section 3: the first page holds the header "OpusHead". */
	return n == (ssize_t)sizeof(head) && !memcmp(head, "OggS", 4) &&
	       !memcmp(head + 28, "OpusHead", 8);
}

static int open_opus(struct file_read *f, int fd, const char *path, char *text, double *seconds)
{
	OpusFileCallbacks cb;
	void *stream = op_fdopen(&cb, fd, "rb");
	int err = 0;

	if (!stream) {
		close(fd);
		return fail(text, path, "out of memory", -ENOMEM);
	}
	f->opus = op_open_callbacks(stream, &cb, NULL, 0, &err);
	if (!f->opus) {
		cb.close(stream);
		return fail(text, path, err == OP_EREAD ? "it cannot be read" :
			    "it is a broken Ogg Opus file", -EBADMSG);
	}
	f->rate = AUDIO_HZ;
	f->channels = (unsigned)op_channel_count(f->opus, -1);
	*seconds = (double)op_pcm_total(f->opus, -1) / AUDIO_HZ;
	return 0;
}

static int open_snd(struct file_read *f, int fd, const char *path, char *text, double *seconds)
{
	SF_INFO info = { 0 };

	f->snd = sf_open_fd(fd, SFM_READ, &info, SF_TRUE);
	if (!f->snd)
		return fail(text, path, "this is no sound file that can be read", -EBADMSG);
	if (info.samplerate < RATE_MIN || info.samplerate > RATE_MAX || info.channels < 1 ||
	    info.channels > CHANNELS_MAX)
		return fail(text, path, "its sampling rate or channels are out of range", -EBADMSG);
	f->rate = (unsigned)info.samplerate;
	f->channels = (unsigned)info.channels;
	f->exact = f->rate == AUDIO_HZ && f->channels == 1 &&
		   (info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
	*seconds = (double)info.frames / f->rate;
	return 0;
}

static int open_resampler(struct file_read *f)
{
	int err;

	if (f->rate == AUDIO_HZ)
		return 0;
	f->resampler = speex_resampler_init(1, f->rate, AUDIO_HZ, QUALITY, &err);
	if (!f->resampler)
		return -ENOMEM;
	speex_resampler_skip_zeros(f->resampler);
	f->flush = (unsigned)speex_resampler_get_input_latency(f->resampler);
	return 0;
}

int file_read_open(struct file_read **out, const char *path, char *text)
{
	struct file_read *f = calloc(1, sizeof(*f));
	double seconds = 0;
	struct stat st;
	int fd = -1, err = -ENOMEM;

	*out = NULL;
	if (!f)
		return fail(text, path, strerror(ENOMEM), err);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);     /* a pipe may have no writer */
	if (fd < 0 || fstat(fd, &st)) {
		err = fail(text, path, strerror(errno), -errno);
	} else if (!S_ISREG(st.st_mode)) {
		err = fail(text, path, S_ISDIR(st.st_mode) ? strerror(EISDIR) :
			   "it is not a file", S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL);
	} else {                                                /* these own fd */
		err = is_ogg_opus(fd) ? open_opus(f, fd, path, text, &seconds) :
		      open_snd(f, fd, path, text, &seconds);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	if (err)
		goto fail;
	f->frames = calloc(FRAMES * (size_t)CHANNELS_MAX, sizeof(*f->frames));
	err = f->frames ? open_resampler(f) : -ENOMEM;
	if (err) {
		fail(text, path, strerror(-err), err);
		goto fail;
	}
	snprintf(text, DEVICE_TEXT, "%s, %.1f s, %u Hz, %s", path, seconds, f->rate,
		 f->channels == 1 ? "mono" : f->channels == 2 ? "stereo" : "many channels");
	*out = f;
	return 0;
fail:
	file_read_close(&f);
	return err;
}

void file_read_close(struct file_read **fp)
{
	struct file_read *f = *fp;

	if (!f)
		return;
	if (f->snd)
		sf_close(f->snd);
	if (f->opus)
		op_free(f->opus);
	if (f->resampler)
		speex_resampler_destroy(f->resampler);
	free(f->frames);
	free(f);
	*fp = NULL;
}

/* Up to FRAMES frames as they are in the file; 0: end. */
static long read_frames(struct file_read *f, unsigned *channels)
{
	int n;

	*channels = f->channels;
	if (f->snd)
		return (long)sf_readf_float(f->snd, f->frames, FRAMES);
	/* Links of one file may differ in channels: two are always given. */
	*channels = 2;
	do {
		n = op_read_float_stereo(f->opus, f->frames, FRAMES * 2);
	} while (n == OP_HOLE);                 /* a damaged page: go on behind it */
	return n < 0 ? -EIO : n;
}

static bool rewind_file(struct file_read *f)
{
	return f->snd ? sf_seek(f->snd, 0, SEEK_SET) == 0 : !op_pcm_seek(f->opus, 0);
}

/* Fills mono; 0: end. */
static long refill(struct file_read *f, bool again)
{
	unsigned channels;
	long n = f->ended ? 0 : read_frames(f, &channels);

	if (!n && again && !f->ended && rewind_file(f))
		n = read_frames(f, &channels);
	if (n < 0)
		return n;
	f->at = 0;
	if (!n) {
		f->ended = true;
		n = f->flush < FRAMES ? f->flush : FRAMES;
		f->flush -= (unsigned)n;
		memset(f->mono, 0, sizeof(f->mono));
	} else {
		for (long i = 0; i < n; i++) {
			const float *x = f->frames + (size_t)i * channels;
			float sum = 0;

			for (unsigned c = 0; c < channels; c++)
				sum += x[c];
			f->mono[i] = sum / (float)channels;
		}
	}
	f->have = (size_t)n;
	return n;
}

static int16_t to_16_bit(float x)
{
	return (int16_t)lrintf(fmaxf(-32768, fminf(32767, x * 32768)));
}

static size_t convert(struct file_read *f, int16_t *v, size_t n)
{
	float out[FRAMES];
	spx_uint32_t in_len = (spx_uint32_t)(f->have - f->at);
	spx_uint32_t out_len = (spx_uint32_t)(n < FRAMES ? n : FRAMES);

	if (f->resampler) {
		speex_resampler_process_float(f->resampler, 0, f->mono + f->at, &in_len, out,
					      &out_len);
	} else {
		in_len = out_len = in_len < out_len ? in_len : out_len;
		memcpy(out, f->mono + f->at, out_len * sizeof(*out));
	}
	f->at += in_len;
	for (size_t i = 0; i < out_len; i++)
		v[i] = to_16_bit(out[i]);
	return out_len;
}

static long read_exact(struct file_read *f, int16_t *v, size_t n, bool again)
{
	long got = (long)sf_readf_short(f->snd, v, (sf_count_t)n);

	if (!got && again && n && rewind_file(f))
		got = (long)sf_readf_short(f->snd, v, (sf_count_t)n);
	return got;
}

long file_read_samples(struct file_read *f, int16_t *v, size_t n, bool again)
{
	size_t done = 0;

	if (f->exact)
		return read_exact(f, v, n, again);
	while (done < n) {
		if (f->at >= f->have) {
			long got = refill(f, again);

			if (got <= 0)
				return done ? (long)done : got;
		}
		done += convert(f, v + done, n - done);
	}
	return (long)done;
}
