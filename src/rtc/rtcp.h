/* rtcp.h - RTCP packets (RFC 3550, 4585, 5104), parser and writer */
#ifndef RTC_RTCP_H
#define RTC_RTCP_H
#include <stddef.h>
#include <stdint.h>

struct rtcp_report {            /* report block, RFC 3550 section 6.4.1 */
	uint32_t ssrc;
	uint8_t fraction;       /* lost, of 256 */
	int32_t lost;           /* cumulative, 24 bit signed */
	uint32_t highest_seq;
	uint32_t jitter;        /* timestamp units */
	uint32_t lsr, dlsr;     /* 16.16 seconds */
};

enum rtcp_kind {
	RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_NACK, RTCP_TCC, RTCP_PLI, RTCP_FIR, RTCP_REMB,
	RTCP_OTHER
};

struct rtcp_packet {
	enum rtcp_kind kind;
	uint32_t ssrc;          /* of the sender */
	uint32_t media_ssrc;    /* feedback: the stream it is about */
	uint64_t ntp;           /* SR */
	uint32_t rtp_timestamp, packets, octets; /* SR */
	const uint8_t *raw;     /* the whole packet with its header */
	size_t raw_len;
	size_t reports;         /* SR, RR: how many blocks; rtcp_report_get() */
	const uint8_t *body;    /* feedback: behind the two SSRCs */
	size_t body_len;
};
/* Calls fn for each packet of a compound.  Returns how many, or -EBADMSG when
 * lengths do not fit (what came before was given). */
int rtcp_parse(const uint8_t *p, size_t len,
	       void (*fn)(void *ctx, const struct rtcp_packet *p), void *ctx);
int rtcp_report_get(const struct rtcp_packet *p, size_t i, struct rtcp_report *out);
/* Generic NACK: calls fn for each sequence number. */
void rtcp_nack_each(const struct rtcp_packet *p, void (*fn)(void *ctx, uint16_t seq), void *ctx);

/* Writers append at out + *len and move *len; -ENOSPC. */
struct rtcp_sender { uint32_t ssrc; uint64_t ntp; uint32_t rtp_timestamp, packets, octets; };
int rtcp_write_sr(uint8_t *out, size_t size, size_t *len, const struct rtcp_sender *s,
		  const struct rtcp_report *r, size_t n);
int rtcp_write_rr(uint8_t *out, size_t size, size_t *len, uint32_t ssrc,
		  const struct rtcp_report *r, size_t n);
int rtcp_write_sdes(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, const char *cname);
int rtcp_write_bye(uint8_t *out, size_t size, size_t *len, uint32_t ssrc);
int rtcp_write_pli(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media);
int rtcp_write_fir(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		   uint8_t seq);
int rtcp_write_nack(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		    const uint16_t *seq, size_t n);

/* Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-01).  times:
 * arrival in us for base_seq + i, INT64_MIN where it was not received.
 * -EINVAL: none was received; -ERANGE: two arrivals more than 8.1 s apart,
 * which a delta cannot say. */
int rtcp_write_tcc(uint8_t *out, size_t size, size_t *len, uint32_t ssrc, uint32_t media,
		   uint16_t base_seq, const int64_t *times_us, size_t n, uint8_t count);

uint64_t rtcp_ntp(int64_t wall_us);

/* What a receiver keeps of one stream (RFC 3550 appendix A.1, A.3, A.8). */
struct rtp_stats {
	uint32_t ssrc;
	uint16_t max_seq;
	uint32_t cycles, base_seq, received, expected_prior, received_prior;
	uint64_t bytes;
	double jitter;          /* timestamp units */
	int64_t transit;
	int64_t last_us;        /* arrival of the last packet */
	uint64_t sr_ntp; int64_t sr_us;         /* the last SR: its NTP time, when it came */
	uint32_t duplicate, late;
	uint64_t seen;          /* bit i: max_seq - i was received */
	uint32_t bad_seq;       /* what must follow for a jump to be believed */
	unsigned started;
};
void rtp_stats_packet(struct rtp_stats *s, uint16_t seq, uint32_t timestamp, size_t bytes,
		      int64_t arrival_us, uint32_t clock_hz);
void rtp_stats_report(struct rtp_stats *s, struct rtcp_report *out, int64_t now_us);
int64_t rtp_stats_lost(const struct rtp_stats *s);

#endif
