/* rooms: base audio */
/* fuzz_jbuf.c - a source that sends what it likes
 *
 * Input: records of a head byte, a number and a timestamp step, a delay, a
 * length and that many bytes of payload.  Between them 10 ms are pulled, or
 * several, or none.
 */
#include <stddef.h>
#include <stdint.h>
#include "audio/jbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int16_t out[JBUF_BLOCK * JBUF_CHANNELS];
	struct jbuf *j;
	int64_t now = 1000000000;
	uint16_t seq = 65500;
	uint32_t ts = 0xffff0000u;

	if (jbuf_new(&j))
		return 0;
	for (size_t at = 0; at + 6 <= size;) {
		const uint8_t *p = data + at;
		size_t len = p[4] | (p[0] & 1) << 8;
		struct media_frame f = { .ssrc = 1, .arrival_us = now + p[3] * 500, .level = -20,
					 .recovered = p[0] >> 7 };

		at += 6;
		len = len < size - at ? len : size - at;
		if (p[0] & 2) {                         /* a step of its own */
			seq = (uint16_t)(seq + (int8_t)p[1]);
			ts += (uint32_t)((int8_t)p[2] * 960);
		} else if (p[0] & 4) {                  /* anywhere */
			seq = (uint16_t)(p[1] << 8 | p[2]);
			ts = (uint32_t)p[5] << 24 | p[3];
		} else {                                /* the next one */
			seq++;
			ts += 960;
		}
		f.seq = seq;
		f.timestamp = ts;
		f.payload = data + at;
		f.len = len;
		jbuf_put(j, &f);
		for (int i = p[0] >> 3 & 7; i; i--, now += 10000)
			jbuf_pull(j, out, now);
		if (p[0] == 0xaa)
			jbuf_flush(j);
		at += len;
	}
	for (int i = 0; i < 8; i++, now += 10000)
		jbuf_pull(j, out, now);
	jbuf_free(&j);
	return 0;
}
