/* decode.c - a thin cover over libopus; see the header
 *
 * An Opus decoder made for mono mixes stereo packets down by itself.
 */
#include "audio/decode.h"
#include <errno.h>
#include <opus/opus.h>
#include <stdlib.h>

enum { HZ = 48000, CELT_ONLY = 0x80 /* RFC 6716, section 3.1: configurations 16 to 31 */ };

struct decoder {
	OpusDecoder *opus;
};

int decoder_new(struct decoder **out)
{
	struct decoder *d = calloc(1, sizeof(*d));
	int err;

	*out = NULL;
	if (!d)
		return -ENOMEM;
	d->opus = opus_decoder_create(HZ, 1, &err);
	if (!d->opus) {
		free(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void decoder_free(struct decoder **d)
{
	if (*d)
		opus_decoder_destroy((*d)->opus);
	free(*d);
	*d = NULL;
}

void decoder_reset(struct decoder *d)
{
	opus_decoder_ctl(d->opus, OPUS_RESET_STATE);
}

int decoder_packet(struct decoder *d, const uint8_t *p, size_t len, int16_t *out)
{
	int n = opus_decode(d->opus, p, (opus_int32)len, out, DECODE_MAX, 0);

	return n > 0 ? n : -EBADMSG;
}

int decoder_conceal(struct decoder *d, int16_t *out, int n)
{
	int got = opus_decode(d->opus, NULL, 0, out, n, 0);

	return got > 0 ? got : -EBADMSG;
}

int decoder_fec(struct decoder *d, const uint8_t *p, size_t len, int16_t *out, int n)
{
	int got = opus_decode(d->opus, p, (opus_int32)len, out, n, 1);

	return got > 0 ? got : -EBADMSG;
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
