/* rooms: base rtc */
/* fuzz_rtcp.c - compounds, and what the transport feedback writer makes of
 * any arrival times */
#include <string.h>
#include "rtc/rtcp.h"

static volatile unsigned sink;

static void seq(void *ctx, uint16_t s)
{
	(void)ctx;
	sink += s;
}

static void packet(void *ctx, const struct rtcp_packet *p)
{
	struct rtcp_report r;

	(void)ctx;
	for (size_t i = 0; !rtcp_report_get(p, i, &r); i++)
		sink += r.ssrc + (unsigned)r.lost;
	rtcp_nack_each(p, seq, NULL);
	for (size_t i = 0; i < p->raw_len; i++)
		sink += p->raw[i];
	for (size_t i = 0; i < p->body_len; i++)
		sink += p->body[i];
}

static void feedback(const uint8_t *data, size_t size)
{
	static int64_t times[2000];
	uint8_t out[1200];
	size_t n, len = 0;
	int64_t t = 0;

	for (n = 0; n < 2000 && n * 2 + 1 < size; n++) {
		int16_t d;

		memcpy(&d, data + 2 * n, 2);
		t += (int64_t)d * 100;
		times[n] = d & 1 ? t : INT64_MIN;
	}
	if (!rtcp_write_tcc(out, sizeof(out), &len, 1, 2, (uint16_t)size, times, n, 3))
		rtcp_parse(out, len, packet, NULL);
}

static void statistics(const uint8_t *data, size_t size)
{
	struct rtp_stats s = {0};
	struct rtcp_report r;

	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint16_t number;
		uint32_t timestamp;

		memcpy(&number, data + i, 2);
		memcpy(&timestamp, data + i + 2, 4);
		rtp_stats_packet(&s, number, timestamp, 100, (int64_t)i * 1000 + data[i + 6], 48000);
		if (data[i + 7] < 30)
			rtp_stats_report(&s, &r, (int64_t)i * 1000);
	}
	sink += (unsigned)rtp_stats_lost(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 3) {
	case 0:
		rtcp_parse(data + 1, size - 1, packet, NULL);
		break;
	case 1:
		feedback(data + 1, size - 1);
		break;
	default:
		statistics(data + 1, size - 1);
	}
	return 0;
}
