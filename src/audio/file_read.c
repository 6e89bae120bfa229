/* file_read.c - any sound file as 48 kHz, one or two channels; see the header
 *
 *	SNDFILE, OggOpusFile, ffmpeg -> float frames -> the channels wanted
 *	                             -> speexdsp -> 16 bit
 *
 * with a short way for 48 kHz 16 bit of the channels wanted, which nothing may
 * touch.  At the end of a resampled file the filter is fed silence until its
 * memory is out.
 */
#include "audio/file_read.h"
#include <errno.h>
#include <fcntl.h>
#include <opusfile.h>
#include <sndfile.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/device.h"
#include "audio/file_pipe.h"
#include "audio/limiter.h"
#include "base/text.h"

static const int64_t FRAMES_MAX = (int64_t)1 << 44;      /* years, at any rate */

enum {
	FRAMES = 1024,
	CHANNELS_MAX = 64,
	QUALITY = 8,            /* of the resampler: better than any ear, on no busy thread */
	RATE_MIN = 1000, RATE_MAX = 768000,
	TITLE_BYTES = 200,
};

struct file_read {
	SNDFILE *snd;
	OggOpusFile *opus;
	struct file_pipe *pipe; /* gives what is wanted, at 48 kHz */
	unsigned rate, channels;
	unsigned out;           /* channels wanted */
	bool exact;             /* 48 kHz, 16 bit, as wanted: no way but the short one */
	bool ended;
	SpeexResamplerState *resampler;
	unsigned flush;         /* frames of silence still to feed at the end */
	float *frames;          /* FRAMES of all channels */
	float mixed[FRAMES * 2]; /* of the channels wanted */
	size_t at, have;        /* frames of mixed that wait for the resampler */
	int64_t length;
	char title[TITLE_BYTES];
	const uint8_t *packet;  /* what opusfile decodes just now; see keep_packet() */
	size_t packet_len, packets;
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

static void set_title(struct file_read *f, const char *artist, const char *title)
{
	char both[TITLE_BYTES], *clean;

	if (!title || !*title)
		return;
	snprintf(both, sizeof(both), "%s%s%s", artist ? artist : "", artist && *artist ? " - " : "", title);
	clean = text_clean(both, strlen(both), sizeof(f->title) - 1, TEXT_TRIM);
	if (clean)
		text_copy(f->title, sizeof(f->title), clean);
	free(clean);
}

static const char *opus_query(const struct file_read *f, const char *tag)
{
	const OpusTags *tags = op_tags(f->opus, -1);

	return tags ? opus_tags_query(tags, tag, 0) : NULL;
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
	f->length = op_seekable(f->opus) ? op_pcm_total(f->opus, -1) : -1;
	set_title(f, opus_query(f, "ARTIST"), opus_query(f, "TITLE"));
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
	/* A header may say any number. */
	f->length = info.seekable && info.frames >= 0 && info.frames < FRAMES_MAX ?
		    info.frames * AUDIO_HZ / info.samplerate : -1;
	set_title(f, sf_get_string(f->snd, SF_STR_ARTIST), sf_get_string(f->snd, SF_STR_TITLE));
	f->exact = f->rate == AUDIO_HZ && f->channels == f->out &&
		   (info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
	*seconds = (double)info.frames / f->rate;
	return 0;
}

/* The sound begins with its first sample, not with the filter's delay. */
static void begin_resampler(struct file_read *f)
{
	speex_resampler_skip_zeros(f->resampler);
	f->flush = (unsigned)speex_resampler_get_input_latency(f->resampler);
}

static int open_resampler(struct file_read *f)
{
	int err;

	if (f->rate == AUDIO_HZ)
		return 0;
	f->resampler = speex_resampler_init(f->out, f->rate, AUDIO_HZ, QUALITY, &err);
	if (!f->resampler)
		return -ENOMEM;
	begin_resampler(f);
	return 0;
}

/* Opens what stands at path; fd is used up. */
static int open_file(struct file_read *f, const char *path, char *text, double *seconds)
{
	struct stat st;
	int err = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);        /* a pipe may have no writer */

	if (fd < 0 || fstat(fd, &st)) {
		err = fail(text, path, strerror(errno), -errno);
	} else if (!S_ISREG(st.st_mode)) {
		err = fail(text, path, S_ISDIR(st.st_mode) ? strerror(EISDIR) :
			   "it is not a file", S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL);
	} else {                                                /* these own fd */
		err = is_ogg_opus(fd) ? open_opus(f, fd, path, text, seconds) :
		      open_snd(f, fd, path, text, seconds);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int open_pipe(struct file_read *f, const char *path, char *text)
{
	int err;

	if (!file_pipe_can())
		return fail(text, path, "this is no sound file that can be read here; ffmpeg, where it is "
			    "installed, reads more", -EBADMSG);
	err = file_pipe_open(&f->pipe, path, f->out, 0);
	if (err)
		return fail(text, path, err == -EBADMSG ? "ffmpeg cannot read it either" : strerror(-err), err);
	f->rate = AUDIO_HZ;
	f->channels = f->out;
	f->exact = true;
	f->length = -1;
	return 0;
}

static void name_title(struct file_read *f, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *dot = strrchr(name, '.');
	char *clean;

	if (*f->title)
		return;
	clean = text_clean(name, dot && dot > name ? (size_t)(dot - name) : strlen(name),
			   TITLE_BYTES - 1, TEXT_TRIM);
	text_copy(f->title, sizeof(f->title), clean ? clean : "");
	free(clean);
}

static int open_as(struct file_read **out, const char *path, unsigned channels, bool any, char *text)
{
	struct file_read *f = calloc(1, sizeof(*f));
	double seconds = 0;
	int err = -ENOMEM;

	*out = NULL;
	if (!f)
		return fail(text, path, strerror(ENOMEM), err);
	f->out = channels;
	err = open_file(f, path, text, &seconds);
	if (err == -EBADMSG && any && !f->opus)
		err = open_pipe(f, path, text);
	if (err)
		goto fail;
	name_title(f, path);
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

int file_read_open(struct file_read **out, const char *path, unsigned channels, char *text)
{
	return open_as(out, path, channels, false, text);
}

int file_read_open_any(struct file_read **out, const char *path, unsigned channels, char *text)
{
	return open_as(out, path, channels, true, text);
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
	file_pipe_close(&f->pipe);
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

/* sample: at 48 kHz. */
static int seek_source(struct file_read *f, int64_t sample)
{
	if (f->pipe)
		return file_pipe_seek(f->pipe, sample);
	if (f->snd)
		return sf_seek(f->snd, (sf_count_t)((double)sample * f->rate / AUDIO_HZ), SEEK_SET) < 0
			? -ESPIPE : 0;
	return op_pcm_seek(f->opus, sample) ? -ESPIPE : 0;
}

/* One channel: the mean of all.  Two: the first two, one of them twice. */
static void mix(struct file_read *f, const float *x, unsigned channels, float *to)
{
	float sum = 0;

	if (f->out == 2) {
		to[0] = x[0];
		to[1] = x[channels > 1];
		return;
	}
	for (unsigned c = 0; c < channels; c++)
		sum += x[c];
	*to = sum / (float)channels;
}

/* Fills mixed; 0: end. */
static long refill(struct file_read *f, bool again)
{
	unsigned channels;
	long n = f->ended ? 0 : read_frames(f, &channels);

	if (!n && again && !f->ended && !seek_source(f, 0))
		n = read_frames(f, &channels);
	if (n < 0)
		return n;
	f->at = 0;
	if (!n) {
		f->ended = true;
		n = f->flush < FRAMES ? f->flush : FRAMES;
		f->flush -= (unsigned)n;
		memset(f->mixed, 0, sizeof(f->mixed));
	} else {
		for (long i = 0; i < n; i++)
			mix(f, f->frames + (size_t)i * channels, channels, f->mixed + (size_t)i * f->out);
	}
	f->have = (size_t)n;
	return n;
}

static size_t convert(struct file_read *f, int16_t *v, size_t n)
{
	float out[FRAMES * 2];
	const float *in = f->mixed + f->at * f->out;
	spx_uint32_t in_len = (spx_uint32_t)(f->have - f->at);
	spx_uint32_t out_len = (spx_uint32_t)(n < FRAMES ? n : FRAMES);

	if (f->resampler) {
		speex_resampler_process_interleaved_float(f->resampler, in, &in_len, out, &out_len);
	} else {
		in_len = out_len = in_len < out_len ? in_len : out_len;
		memcpy(out, in, out_len * f->out * sizeof(*out));
	}
	f->at += in_len;
	for (size_t i = 0; i < out_len * f->out; i++)
		v[i] = limiter_round(out[i] * 32768);
	return out_len;
}

static long read_exact_once(struct file_read *f, int16_t *v, size_t n)
{
	return f->pipe ? file_pipe_read(f->pipe, v, n) : (long)sf_readf_short(f->snd, v, (sf_count_t)n);
}

static long read_exact(struct file_read *f, int16_t *v, size_t n, bool again)
{
	long got = read_exact_once(f, v, n);

	if (!got && again && n && !seek_source(f, 0))
		got = read_exact_once(f, v, n);
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
		done += convert(f, v + done * f->out, n - done);
	}
	return (long)done;
}

int file_read_seek(struct file_read *f, int64_t sample)
{
	int err;

	if (sample < 0)
		sample = 0;
	if (sample > (f->length >= 0 ? f->length : FRAMES_MAX))
		sample = f->length >= 0 ? f->length : FRAMES_MAX;
	err = seek_source(f, sample);
	if (err)
		return err;
	f->at = f->have = 0;
	f->ended = false;
	f->packets = 0;
	if (f->resampler) {
		speex_resampler_reset_mem(f->resampler);
		begin_resampler(f);
	}
	return 0;
}

int64_t file_read_length(const struct file_read *f)
{
	return f->length;
}

const char *file_read_title(const struct file_read *f)
{
	return f->title;
}

bool file_read_is_opus(const struct file_read *f)
{
	return f->opus != NULL;
}

/* opusfile calls it with each packet before it decodes that; the packet is lent
 * until the next one, which is longer than we need it. */
static int keep_packet(void *ctx, OpusMSDecoder *decoder, void *pcm, const ogg_packet *op, int samples,
		       int channels, int format, int link)
{
	struct file_read *f = ctx;

	(void)decoder, (void)pcm, (void)samples, (void)channels, (void)format, (void)link;
	f->packet = op->packet;
	f->packet_len = (size_t)(op->bytes > 0 ? op->bytes : 0);
	f->packets++;
	return OP_DEC_USE_DEFAULT;
}

long file_read_packet(struct file_read *f, int16_t *v, uint8_t packet[FILE_PACKET_BYTES], size_t *len)
{
	int n;

	*len = 0;
	if (!f->opus || f->out != 2)
		return -ENOTSUP;
	f->packets = 0;
	op_set_decode_callback(f->opus, keep_packet, f);
	do {
		n = op_read_stereo(f->opus, v, FILE_PACKET_SAMPLES * 2);
	} while (n == OP_HOLE);
	if (n < 0)
		return -EIO;
	/* Whole, alone, of a stream with one or two channels. */
	if (n && f->packets == 1 && f->packet_len && f->packet_len <= FILE_PACKET_BYTES &&
	    opus_packet_get_nb_samples(f->packet, (opus_int32)f->packet_len, AUDIO_HZ) == n &&
	    op_channel_count(f->opus, -1) <= 2) {
		memcpy(packet, f->packet, f->packet_len);
		*len = f->packet_len;
	}
	return n;
}
