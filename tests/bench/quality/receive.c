/* rooms: base audio */
/* receive.c - the receiving half of the listening test
 *
 *	receive encode IN.raw OUT.packets BITRATE FEC_PERCENT
 *	receive play PACKETS TRACE OUT.raw PHASE_US WARM_MS
 *
 * IN.raw and OUT.raw are s16le, 48 kHz mono.  PACKETS holds Opus packets of
 * 20 ms, a length of two bytes (little endian) before each.  TRACE has a line
 * "ARRIVAL_US NUMBER" for each packet that comes, in the order of arrival,
 * counted from the moment at which packet 0 was sent.  `play` passes the time
 * itself and asks for 10 ms at PHASE_US and every 10 ms from then on; OUT.raw
 * begins at PHASE_US after packet 0 was sent.  Afterwards it prints one line of
 * JSON about all that came after WARM_MS; wait_ms is what getStats() calls jitterBufferDelay divided by
 * jitterBufferEmittedCount: from a packet's arrival to its
 * decoding, and here until it is heard.
 */
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/jbuf.h"

enum { HZ = 48000, FRAME = 960, BYTES = 1275, TAIL_US = 500000 };

static const int64_t origin_us = 10000000;

struct packets {
	uint8_t (*p)[BYTES];
	int *len;
	size_t count;
};

static void *must(void *p)
{
	if (!p) {
		perror("receive");
		exit(1);
	}
	return p;
}

static int encode(const char *in, const char *out, int bitrate, int fec)
{
	FILE *from = must(fopen(in, "rb")), *to = must(fopen(out, "wb"));
	int err;
	OpusEncoder *e = must(opus_encoder_create(HZ, 1, OPUS_APPLICATION_AUDIO, &err));
	int16_t v[FRAME];
	uint8_t p[2 + BYTES];

	opus_encoder_ctl(e, OPUS_SET_BITRATE(bitrate));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(9));
	opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(fec > 0));
	opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(fec));
	while (fread(v, 2, FRAME, from) == FRAME) {
		int n = opus_encode(e, v, FRAME, p + 2, BYTES);

		if (n < 0)
			return 1;
		p[0] = (uint8_t)n;
		p[1] = (uint8_t)(n >> 8);
		fwrite(p, 1, 2 + (size_t)n, to);
	}
	opus_encoder_destroy(e);
	fclose(from);
	return fclose(to) ? 1 : 0;
}

static void read_packets(struct packets *ps, const char *path)
{
	FILE *f = must(fopen(path, "rb"));
	uint8_t head[2];

	memset(ps, 0, sizeof(*ps));
	while (fread(head, 1, 2, f) == 2) {
		size_t len = head[0] | (size_t)head[1] << 8;

		ps->p = must(realloc(ps->p, (ps->count + 1) * sizeof(*ps->p)));
		ps->len = must(realloc(ps->len, (ps->count + 1) * sizeof(*ps->len)));
		if (len > BYTES || fread(ps->p[ps->count], 1, len, f) != len)
			exit(1);
		ps->len[ps->count++] = (int)len;
	}
	fclose(f);
}

static void give(struct jbuf *j, const struct packets *ps, size_t i, int64_t arrival_us)
{
	struct media_frame f = {
		.ssrc = 1, .seq = (uint16_t)(4000 + i), .timestamp = (uint32_t)(i * FRAME),
		.arrival_us = origin_us + arrival_us, .payload = ps->p[i],
		.len = (size_t)ps->len[i], .level = -30,
	};

	if (i < ps->count)
		jbuf_put(j, &f);
}

struct figures { struct jbuf_stats st; double waited_ms, decoded; };

static void look(const struct jbuf *j, struct figures *f)
{
	jbuf_stats(j, &f->st);
	f->waited_ms = jbuf_waited(j, &f->decoded);
}

static void print_figures(const struct figures *a, const struct figures *b, int64_t blocks)
{
	double samples = (double)blocks * JBUF_BLOCK, packets = b->decoded - a->decoded;

	printf("{\"concealed\": %.4f, \"wait_ms\": %.2f, \"target_ms\": %u, \"late\": %d, "
	       "\"lost\": %d, \"fec\": %d, \"shortened\": %.4f, \"lengthened\": %.4f}\n",
	       (double)(b->st.concealed - a->st.concealed) / samples,
	       packets > 0 ? (b->waited_ms - a->waited_ms) / packets : 0, b->st.target_ms,
	       (int)(b->st.late - a->st.late), (int)(b->st.lost - a->st.lost),
	       (int)(b->st.fec_recovered - a->st.fec_recovered),
	       (double)(b->st.shortened - a->st.shortened) / samples,
	       (double)(b->st.lengthened - a->st.lengthened) / samples);
}

static int play(const char *packets, const char *trace, const char *out, int phase_us,
		int warm_ms)
{
	FILE *t = must(fopen(trace, "r")), *to = must(fopen(out, "wb"));
	struct packets ps;
	struct jbuf *j;
	struct figures begin, all;
	int16_t v[JBUF_BLOCK * JBUF_CHANNELS];
	int64_t now = phase_us, end;
	long long arrival;
	size_t i;
	bool more;

	read_packets(&ps, packets);
	if (jbuf_new(&j))
		return 1;
	look(j, &begin);
	end = (int64_t)ps.count * 20000 + TAIL_US;
	more = fscanf(t, "%lld %zu", &arrival, &i) == 2;
	for (; now < end; now += 10000) {
		for (; more && arrival <= now; more = fscanf(t, "%lld %zu", &arrival, &i) == 2)
			give(j, &ps, i, arrival);
		if (!jbuf_pull(j, v, origin_us + now))
			memset(v, 0, sizeof(v));
		fwrite(v, 2, JBUF_BLOCK, to);
		if (now / 10000 == warm_ms / 10)
			look(j, &begin);
	}
	look(j, &all);
	print_figures(&begin, &all, end / 10000 - warm_ms / 10);
	jbuf_free(&j);
	free(ps.p);
	free(ps.len);
	fclose(t);
	return fclose(to) ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "encode"))
		return encode(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	if (argc == 7 && !strcmp(argv[1], "play"))
		return play(argv[2], argv[3], argv[4], atoi(argv[5]), atoi(argv[6]));
	fprintf(stderr, "usage: receive encode IN OUT BITRATE FEC | play PACKETS TRACE OUT PHASE_US WARM_MS\n");
	return 2;
}
