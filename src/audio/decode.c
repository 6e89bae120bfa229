/* decode.c - a thin cover over libopus; see the header
 *
 * An Opus decoder made for one channel mixes two down by itself, one made for
 * two doubles one, at a third more of work: so each has its own, and the one
 * for two is made when the first packet of that kind comes.  At the change the
 * new one hears the packets before, so that it does not begin from nothing:
 * what a frame says of its loudness is told by the one before, with half the
 * weight each, and after eight the new one is within half a dB.
 *
 * A decoder's state is one piece of memory (opus_decoder_init() takes any), so
 * it can be put aside and taken back.
 */
#include "audio/decode.h"
#include <errno.h>
#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

enum {
	HZ = 48000,
	CELT_ONLY = 0x80,               /* RFC 6716, section 3.1: configurations 16 to 31 */
	BYTES = 1275,                   /* the longest frame */
	LONG_MONO = 5 * HZ,             /* samples of one channel: then one is enough again */
	PAST = 8,                       /* packets */
};

struct decoder {
	OpusDecoder *opus[2];           /* for one channel, for two; the latter may lack */
	unsigned channels;              /* in use */
	unsigned mono;                  /* samples since a packet of two, up to LONG_MONO */
	int marked;                     /* channels of what was put aside, 0: nothing */
	void *aside;                    /* room for the state of either */
	size_t room;
	/* The packets before; next: where the oldest of them is. */
	struct { int len; uint8_t p[BYTES]; } past[PAST];
	unsigned next;
};

int decoder_new(struct decoder **out)
{
	struct decoder *d = calloc(1, sizeof(*d));
	int err;

	*out = NULL;
	if (!d)
		return -ENOMEM;
	d->channels = 1;
	d->room = (size_t)opus_decoder_get_size(1);
	d->aside = malloc(d->room);
	d->opus[0] = opus_decoder_create(HZ, 1, &err);
	if (!d->opus[0] || !d->aside) {
		decoder_free(&d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void decoder_free(struct decoder **dp)
{
	struct decoder *d = *dp;

	if (!d)
		return;
	for (int i = 0; i < 2; i++)
		if (d->opus[i])
			opus_decoder_destroy(d->opus[i]);
	free(d->aside);
	free(d);
	*dp = NULL;
}

int decoder_prepare(struct decoder *d)
{
	size_t room = (size_t)opus_decoder_get_size(2);
	void *aside;
	int err;

	if (d->opus[1])
		return 0;
	aside = realloc(d->aside, room);
	if (!aside)
		return -ENOMEM;
	d->aside = aside;
	d->room = room;
	d->opus[1] = opus_decoder_create(HZ, 2, &err);
	return d->opus[1] ? 0 : -ENOMEM;
}

static OpusDecoder *current(const struct decoder *d)
{
	return d->opus[d->channels - 1];
}

void decoder_reset(struct decoder *d)
{
	d->channels = 1;
	d->marked = 0;
	d->mono = 0;
	for (int i = 0; i < PAST; i++)
		d->past[i].len = 0;
	opus_decoder_ctl(current(d), OPUS_RESET_STATE);
}

bool decoder_is_stereo(const uint8_t *p, size_t len)
{
	return len && opus_packet_get_nb_channels(p) == 2;
}

static void change(struct decoder *d, unsigned channels)
{
	int16_t sink[DECODE_MAX * 2];

	d->channels = channels;
	d->marked = 0;
	opus_decoder_ctl(current(d), OPUS_RESET_STATE);
	for (unsigned i = 0; i < PAST; i++) {
		int k = (int)((d->next + i) % PAST);

		/* Where that fails the state is a new one's. */
		if (d->past[k].len && opus_decode(current(d), d->past[k].p, d->past[k].len, sink,
						  DECODE_MAX, 0) < 0)
			opus_decoder_ctl(current(d), OPUS_RESET_STATE);
	}
}

unsigned decoder_turn(struct decoder *d, const uint8_t *p, size_t len)
{
	if (decoder_is_stereo(p, len)) {
		d->mono = 0;
		if (d->channels == 1 && d->opus[1])
			change(d, 2);
	} else if (d->channels == 2 && d->mono >= LONG_MONO) {
		change(d, 1);
	}
	return d->channels;
}

unsigned decoder_channels(const struct decoder *d)
{
	return d->channels;
}

int decoder_packet(struct decoder *d, const uint8_t *p, size_t len, int16_t *out)
{
	int n = opus_decode(current(d), p, (opus_int32)len, out, DECODE_MAX, 0);

	if (n <= 0)
		return -EBADMSG;
	d->past[d->next].len = len <= BYTES ? (int)len : 0;
	memcpy(d->past[d->next].p, p, (size_t)d->past[d->next].len);
	d->next = (d->next + 1) % PAST;
	if (d->mono < LONG_MONO)
		d->mono += (unsigned)n;
	return n;
}

int decoder_conceal(struct decoder *d, int16_t *out, int n)
{
	int got = opus_decode(current(d), NULL, 0, out, n, 0);

	return got > 0 ? got : -EBADMSG;
}

int decoder_fec(struct decoder *d, const uint8_t *p, size_t len, int16_t *out, int n)
{
	int got = opus_decode(current(d), p, (opus_int32)len, out, n, 1);

	return got > 0 ? got : -EBADMSG;
}

void decoder_mark(struct decoder *d)
{
	d->marked = (int)d->channels;
	memcpy(d->aside, current(d), (size_t)opus_decoder_get_size(d->marked));
}

void decoder_back(struct decoder *d)
{
	if (!d->marked)
		return;
	d->channels = (unsigned)d->marked;
	memcpy(current(d), d->aside, (size_t)opus_decoder_get_size(d->marked));
}

int decoder_samples(const uint8_t *p, size_t len)
{
	short size[48];                 /* RFC 6716, section 3.2.5: 48 frames at most */
	int frames, n;

	if (!len || len > 0xffff)
		return -EBADMSG;
	frames = opus_packet_parse(p, (opus_int32)len, NULL, NULL, size, NULL);
	n = opus_packet_get_samples_per_frame(p, HZ);
	return frames > 0 && n * frames <= DECODE_MAX ? n * frames : -EBADMSG;
}

bool decoder_has_fec(const uint8_t *p, size_t len)
{
	const unsigned char *frame[48];
	short size[48];
	int n, silk_frames = 1;

	if (!len || len > 0xffff || p[0] & CELT_ONLY)
		return false;
	if (opus_packet_parse(p, (opus_int32)len, NULL, frame, size, NULL) <= 0 || !size[0])
		return false;
	n = opus_packet_get_samples_per_frame(p, HZ);
	if (n > HZ / 50)
		silk_frames = n / (HZ / 50);
	/* RFC 6716, section 4.2.3: a VAD bit for each SILK frame, then the LBRR
	 * flag; for stereo the same again for the side channel. */
	if (frame[0][0] >> (7 - silk_frames) & 1)
		return true;
	return opus_packet_get_nb_channels(p) == 2 && (frame[0][0] >> (6 - 2 * silk_frames) & 1);
}
