/* ogg_opus.c - Opus packets into an Ogg file, as they are */
#include "audio/ogg_opus.h"
#include <errno.h>
#include <ogg/ogg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/device.h"

enum {
	PAGE_SAMPLES = AUDIO_HZ,        /* a page a second */
	PRE_SKIP = 312,                 /* 6.5 ms: what encoders at 48 kHz look ahead */
	SILENCE_SAMPLES = AUDIO_HZ / 50,
	COMMENTS_BYTES = 8192,
};

/* RFC 6716: CELT, full band, 20 ms, stereo, one frame without any energy. */
static const uint8_t silence[] = { 0xfc, 0xff, 0xfe };

struct ogg_opus {
	int fd, err;
	ogg_stream_state stream;
	int64_t position, paged;        /* samples in all, at the last page */
	int64_t number;
	/* The last packet waits, so that the end can be marked on it. */
	uint8_t held[1275 * 3 + 7];
	size_t held_len;
	unsigned held_samples;
};

static int write_all(struct ogg_opus *o, const uint8_t *p, long len)
{
	while (len > 0 && !o->err) {
		ssize_t n = write(o->fd, p, (size_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			o->err = n ? -errno : -EIO;
			break;
		}
		p += n;
		len -= n;
	}
	return o->err;
}

static int write_pages(struct ogg_opus *o, bool flush)
{
	ogg_page page;

	while (flush ? ogg_stream_flush(&o->stream, &page) : ogg_stream_pageout(&o->stream, &page)) {
		write_all(o, page.header, page.header_len);
		write_all(o, page.body, page.body_len);
		o->paged = o->position;
	}
	return o->err;
}

static int put(struct ogg_opus *o, const void *p, size_t len, int64_t granule, bool begin, bool end)
{
	ogg_packet op = {
		.packet = (unsigned char *)p, .bytes = (long)len, .b_o_s = begin, .e_o_s = end,
		.granulepos = granule, .packetno = o->number++,
	};

	if (ogg_stream_packetin(&o->stream, &op))
		o->err = -ENOMEM;
	return o->err;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* RFC 7845, section 5.1 and 5.2. */
static int put_headers(struct ogg_opus *o, unsigned channels, const char *const *tags)
{
	uint8_t head[19] = "OpusHead\1", body[COMMENTS_BYTES] = "OpusTags";
	static const char vendor[] = "ttymeet";
	size_t at = 8;
	uint32_t count = 0;

	head[9] = (uint8_t)channels;
	head[10] = PRE_SKIP & 255;
	head[11] = PRE_SKIP >> 8;
	put32(head + 12, AUDIO_HZ);
	put(o, head, sizeof(head), 0, true, false);
	write_pages(o, true);
	put32(body + at, sizeof(vendor) - 1);
	memcpy(body + at + 4, vendor, sizeof(vendor) - 1);
	at += 4 + sizeof(vendor) - 1;
	at += 4;
	for (size_t counted = at - 4; tags && *tags; tags++) {
		size_t len = strlen(*tags);

		if (at + 4 + len > sizeof(body))
			break;
		put32(body + at, (uint32_t)len);
		memcpy(body + at + 4, *tags, len);
		at += 4 + len;
		put32(body + counted, ++count);
	}
	put(o, body, at, 0, false, false);
	return write_pages(o, true);
}

int ogg_opus_new(struct ogg_opus **out, int fd, unsigned channels, const char *const *tags)
{
	struct ogg_opus *o = calloc(1, sizeof(*o));
	int err = -ENOMEM;

	*out = NULL;
	if (!o)
		goto fail;
	o->fd = fd;
	if (ogg_stream_init(&o->stream, (int)(getpid() ^ (fd << 16))))
		goto fail;
	err = put_headers(o, channels, tags);
	if (err)
		goto fail;
	*out = o;
	return 0;
fail:
	if (o)
		ogg_stream_clear(&o->stream);
	free(o);
	close(fd);
	return err;
}

static int release(struct ogg_opus *o, bool end)
{
	if (!o->held_len)
		return o->err;
	o->position += o->held_samples;
	put(o, o->held, o->held_len, o->position, false, end);
	o->held_len = 0;
	return write_pages(o, end || o->position - o->paged >= PAGE_SAMPLES);
}

int ogg_opus_packet(struct ogg_opus *o, const uint8_t *packet, size_t len, unsigned samples)
{
	if (!len || len > sizeof(o->held))
		return -EINVAL;
	release(o, false);
	memcpy(o->held, packet, len);
	o->held_len = len;
	o->held_samples = samples;
	return o->err;
}

int ogg_opus_silence(struct ogg_opus *o, int64_t samples)
{
	for (; samples >= SILENCE_SAMPLES && !o->err; samples -= SILENCE_SAMPLES)
		ogg_opus_packet(o, silence, sizeof(silence), SILENCE_SAMPLES);
	return o->err;
}

int64_t ogg_opus_position(const struct ogg_opus *o)
{
	return o->position + (o->held_len ? o->held_samples : 0);
}

int ogg_opus_close(struct ogg_opus **op)
{
	struct ogg_opus *o = *op;
	int err;

	if (!o)
		return 0;
	if (!o->held_len)
		ogg_opus_silence(o, SILENCE_SAMPLES);
	release(o, true);
	err = o->err;
	ogg_stream_clear(&o->stream);
	if (close(o->fd) && !err)
		err = -errno;
	free(o);
	*op = NULL;
	return err;
}
