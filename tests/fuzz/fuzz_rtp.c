/* rooms: base rtc */
/* fuzz_rtp.c - RTP headers, extensions, redundancy
 *
 * The first byte picks what the rest is.
 */
#include <stdlib.h>
#include "rtc/rtp.h"

static volatile unsigned sink;

static void touch(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sink += p[i];
}

static void block(void *ctx, uint8_t pt, uint32_t timestamp, const uint8_t *p, size_t len, bool primary)
{
	(void)ctx;
	sink += pt + timestamp + primary;
	touch(p, len);
}

static void packet(const uint8_t *data, size_t size)
{
	struct rtp r;
	int level;
	bool voice;

	sink += packet_classify(data, size);
	if (rtp_parse(&r, data, size))
		return;
	if (r.header_len + r.payload_len > size)
		abort();
	touch(r.payload, r.payload_len);
	for (unsigned id = 0; id < 256; id++) {
		size_t n;
		const uint8_t *e = rtp_ext_find(&r, (uint8_t)id, &n);

		if (e)
			touch(e, n);
		if (rtp_audio_level(&r, (uint8_t)id, &level, &voice) && (level > 0 || level < -127))
			abort();
	}
	rtp_red_parse(r.payload, r.payload_len, r.timestamp, block, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		rtp_red_parse(data + 1, size - 1, 0, block, NULL);
	else
		packet(data + 1, size - 1);
	return 0;
}
