/* rooms: base audio */
/* send.c - the sending half of the listening test
 *
 *	send IN.raw OUT.raw BUDGET_BIT
 *
 * What a listener behind a clean line hears of IN.raw (s16le, 48 kHz mono)
 * under a cap; 0: none.  Prints frame length, Opus' share and the use of the
 * line, in kbit/s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/mic.h"

enum { OVERHEAD = 64, OTHER_BYTES = 55 };       /* IPv4; reports and checks each 500 ms */

struct ear { struct decoder *d; FILE *out; size_t packets, bytes, payload; };

static void on_packet(void *ctx, const struct media_packet *p, unsigned samples)
{
	struct ear *e = ctx;
	int16_t v[2 * DECODE_MAX] = { 0 };

	if (p) {
		e->packets++;
		e->payload += p->len;
		e->bytes += p->len + OVERHEAD;
		decoder_turn(e->d, p->payload, p->len);
		if (decoder_packet(e->d, p->payload, p->len, v) < 0)
			exit(1);
	}
	fwrite(v, sizeof(*v), samples, e->out);
}

int main(int argc, char **argv)
{
	static const struct audio_events ev = { .packet = on_packet };
	struct audio_config cfg = { .complexity = 9 };
	struct audio_line line = { .overhead = OVERHEAD, .other_bytes = OTHER_BYTES };
	struct mic *m = calloc(1, sizeof(*m));
	struct ear e = { 0 };
	int16_t v[2 * AUDIO_BLOCK];
	FILE *in;
	int64_t now = 0;

	if (argc != 4 || !m)
		return 2;
	in = fopen(argv[1], "rb");
	e.out = fopen(argv[2], "wb");
	if (!in || !e.out || decoder_new(&e.d))
		return 1;
	cfg.sending.budget = atoi(argv[3]);
	if (mic_init(m, &cfg, &ev, &e))
		return 1;
	mic_line(m, &line);
	while (fread(v, sizeof(*v), AUDIO_BLOCK, in) == AUDIO_BLOCK) {
		now += 10000;
		mic_block(m, v, now);
		if (now % 500000 == 0)
			mic_line(m, &line);
	}
	printf("%u %.1f %.1f\n", m->plan.frame_ms, (double)e.payload * 8000 / (double)now,
	       (double)e.bytes * 8000 / (double)now);
	mic_free(m);
	free(m);
	decoder_free(&e.d);
	fclose(in);
	return fclose(e.out) != 0;
}
