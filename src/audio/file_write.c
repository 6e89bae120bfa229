/* file_write.c - WAV by libsndfile, Ogg Opus by libopusenc; see the header
 *
 * The WAV header is brought up to date with each write, so that a program
 * that dies leaves a file that plays.
 */
#include "audio/file_write.h"
#include <errno.h>
#include <fcntl.h>
#include <opusenc.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/device.h"
#include "base/text.h"

enum {
	OPUS_BITRATE = 64000, OPUS_BITRATE_STEREO = 96000,
	MUX_DELAY = AUDIO_HZ / 2,       /* samples that wait for a page */
};

struct file_write {
	SNDFILE *snd;
	OggOpusEnc *opus;
	OggOpusComments *comments;
	unsigned channels;
};

static int open_opus(struct file_write *f, const char *path)
{
	int err = 0;

	f->comments = ope_comments_create();
	if (!f->comments)
		return -ENOMEM;
	ope_comments_add(f->comments, "ENCODER", "ttymeet");
	f->opus = ope_encoder_create_file(path, f->comments, AUDIO_HZ, (int)f->channels, 0,
					  &err);
	if (!f->opus)
		return err == OPE_ALLOC_FAIL ? -ENOMEM : -EIO;
	ope_encoder_ctl(f->opus, OPUS_SET_BITRATE(f->channels > 1 ? OPUS_BITRATE_STEREO
								   : OPUS_BITRATE));
	ope_encoder_ctl(f->opus, OPE_SET_MUXING_DELAY(MUX_DELAY));
	return ope_encoder_flush_header(f->opus) ? -EIO : 0;
}

static int open_wav(struct file_write *f, int fd)
{
	SF_INFO info = { .samplerate = AUDIO_HZ, .channels = (int)f->channels,
			 .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };

	f->snd = sf_open_fd(fd, SFM_WRITE, &info, SF_TRUE);
	if (!f->snd)
		return -EIO;
	sf_command(f->snd, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
	return 0;
}

int file_write_open(struct file_write **out, const char *path, unsigned channels, char *text)
{
	struct file_write *f = calloc(1, sizeof(*f));
	bool opus = text_ends(path, ".opus");
	int fd, err = -ENOMEM;

	*out = NULL;
	if (!f)
		goto fail;
	f->channels = channels;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		err = -errno;
		goto fail;
	}
	if (opus) {
		close(fd);              /* it was for the reason alone */
		err = open_opus(f, path);
	} else {
		err = open_wav(f, fd);
	}
	if (err)
		goto fail;
	snprintf(text, DEVICE_TEXT, "%s, %s, 48000 Hz, %s", path, opus ? "Ogg Opus" : "WAV",
		 channels > 1 ? "stereo" : "mono");
	*out = f;
	return 0;
fail:
	snprintf(text, DEVICE_TEXT, "cannot write %s: %s", path, strerror(-err));
	file_write_close(&f);
	return err;
}

int file_write_samples(struct file_write *f, const int16_t *v, size_t n)
{
	if (f->opus)
		return ope_encoder_write(f->opus, v, (int)(n / f->channels)) == OPE_OK ? 0 : -EIO;
	errno = 0;
	if (sf_write_short(f->snd, v, (sf_count_t)n) == (sf_count_t)n)
		return 0;
	return errno ? -errno : -EIO;
}

void file_write_close(struct file_write **fp)
{
	struct file_write *f = *fp;

	if (!f)
		return;
	if (f->opus) {
		ope_encoder_drain(f->opus);
		ope_encoder_destroy(f->opus);
	}
	if (f->comments)
		ope_comments_destroy(f->comments);
	if (f->snd)
		sf_close(f->snd);
	free(f);
	*fp = NULL;
}
