/* rtp_stats.c - what a receiver keeps of one stream
 *
 * RFC 3550, appendix A.1, A.3 and A.8, without the probation: packets come
 * out of SRTP, nobody else can have sent them.  A jump of the sequence
 * number is believed when the next packet follows it, as in the RFC.
 */
#include "rtc/rtcp.h"
#include <math.h>

enum {
	SEQ_MOD = 1 << 16,
	MAX_DROPOUT = 3000,     /* appendix A.1 */
	MAX_MISORDER = 100,
	SEEN = 64,              /* bits of rtp_stats.seen */
};

static void start(struct rtp_stats *s, uint16_t seq)
{
	s->started = 1;
	s->base_seq = seq;
	s->max_seq = seq;
	s->bad_seq = SEQ_MOD + 1;
	s->cycles = 0;
	s->received = s->received_prior = s->expected_prior = 0;
	s->seen = 1;
}

/* True if the packet counts as received. */
static int advance(struct rtp_stats *s, uint16_t seq)
{
	uint16_t forward = (uint16_t)(seq - s->max_seq);
	unsigned back = (uint16_t)(s->max_seq - seq);

	if (!forward) {
		s->duplicate++;
		return 0;
	}
	if (forward < MAX_DROPOUT) {
		if (seq < s->max_seq)
			s->cycles += SEQ_MOD;
		s->max_seq = seq;
		s->seen = forward < SEEN ? s->seen << forward | 1 : 1;
		return 1;
	}
	if (back > MAX_MISORDER) {
		if (seq == s->bad_seq) {        /* two in a row: the sender began anew */
			start(s, seq);
			return 1;
		}
		s->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
		return 0;
	}
	if (back < SEEN && s->seen >> back & 1) {
		s->duplicate++;
		return 0;
	}
	if (back < SEEN)
		s->seen |= (uint64_t)1 << back;
	s->late++;
	return 1;
}

static void measure_jitter(struct rtp_stats *s, uint32_t timestamp, int64_t arrival_us,
			   uint32_t clock_hz)
{
	/* Clock units wrap at 32 bits as the timestamp does. */
	uint32_t arrival = (uint32_t)((uint64_t)(arrival_us / 1000000) * clock_hz +
				      (uint64_t)(arrival_us % 1000000) * clock_hz / 1000000);
	uint32_t transit = arrival - timestamp;

	if (s->received > 1) {
		double d = fabs((double)(int32_t)(transit - (uint32_t)s->transit));

		s->jitter += (d - s->jitter) / 16;
	}
	s->transit = transit;
}

void rtp_stats_packet(struct rtp_stats *s, uint16_t seq, uint32_t timestamp, size_t bytes,
		      int64_t arrival_us, uint32_t clock_hz)
{
	s->bytes += bytes;
	s->last_us = arrival_us;
	if (!s->started)
		start(s, seq);
	else if (!advance(s, seq))
		return;
	s->received++;
	measure_jitter(s, timestamp, arrival_us, clock_hz);
}

static uint32_t expected(const struct rtp_stats *s)
{
	return s->cycles + s->max_seq - s->base_seq + 1;
}

int64_t rtp_stats_lost(const struct rtp_stats *s)
{
	return s->started ? (int64_t)expected(s) - s->received : 0;
}

void rtp_stats_report(struct rtp_stats *s, struct rtcp_report *out, int64_t now_us)
{
	uint32_t wanted = expected(s), wanted_now = wanted - s->expected_prior;
	uint32_t received_now = s->received - s->received_prior;
	int64_t lost_now = (int64_t)wanted_now - received_now, lost = rtp_stats_lost(s);

	s->expected_prior = wanted;
	s->received_prior = s->received;
	*out = (struct rtcp_report){ .ssrc = s->ssrc };
	if (wanted_now && lost_now > 0) {
		int64_t f = (lost_now << 8) / wanted_now;

		out->fraction = (uint8_t)(f > 255 ? 255 : f);
	}
	out->lost = (int32_t)(lost > 0x7FFFFF ? 0x7FFFFF : lost < -0x800000 ? -0x800000 : lost);
	out->highest_seq = s->cycles + s->max_seq;
	out->jitter = (uint32_t)s->jitter;
	if (s->sr_ntp) {
		int64_t since = now_us - s->sr_us;

		out->lsr = (uint32_t)(s->sr_ntp >> 16);
		/* In 1/65536 s; section 6.4.1. */
		out->dlsr = since > 0 ? (uint32_t)(since * 65536 / 1000000) : 0;
	}
}

