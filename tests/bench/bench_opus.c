/* rooms: base */
/* bench_opus.c - the Opus work of a call, alone: the measure for the rest
 *
 * Encodes one stream at 32 kbit/s, complexity 9, and decodes three, as a call
 * of ten with three talking does; prints the CPU as per cent of one core.
 */
#include <math.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench/bench.h"

enum { HZ = 48000, FRAME = 960, SECONDS = 20 };

/* Harmonics and noise under the rhythm of syllables: as busy as speech. */
static void speech(opus_int16 *out, size_t n)
{
	double phase = 0;

	for (size_t i = 0; i < n; i++) {
		double t = (double)i / HZ, v = 0;
		double loud = 0.6 + 0.4 * sin(2 * M_PI * 4.3 * t) * sin(2 * M_PI * 0.9 * t);

		phase += 2 * M_PI * (120 + 15 * sin(2 * M_PI * 0.7 * t)) / HZ;
		for (int k = 1; k < 14; k++)
			v += sin(k * phase + k) / k;
		v = v * 0.5 + (rand() / (double)RAND_MAX - 0.5) * 0.4;
		out[i] = (opus_int16)(v * loud * 6000);
	}
}

int main(void)
{
	const size_t frames = SECONDS * HZ / FRAME;
	opus_int16 *in = malloc(SECONDS * HZ * sizeof(*in)), out[FRAME];
	unsigned char (*packet)[400] = malloc(frames * sizeof(*packet));
	int *len = malloc(frames * sizeof(*len)), err;
	OpusEncoder *e = opus_encoder_create(HZ, 1, OPUS_APPLICATION_VOIP, &err);
	OpusDecoder *d[3];
	double t0, t1, t2;

	if (!in || !packet || !len || !e)
		return 1;
	opus_encoder_ctl(e, OPUS_SET_BITRATE(32000));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(9));
	speech(in, SECONDS * HZ);
	for (int i = 0; i < 3; i++)
		d[i] = opus_decoder_create(HZ, 1, &err);
	t0 = cpu_s();
	for (size_t i = 0; i < frames; i++)
		len[i] = opus_encode(e, in + i * FRAME, FRAME, packet[i], sizeof(packet[i]));
	t1 = cpu_s();
	for (size_t i = 0; i < frames; i++)
		for (int k = 0; k < 3; k++)
			if (opus_decode(d[k], packet[i], len[i], out, FRAME, 0) != FRAME)
				return 1;
	t2 = cpu_s();
	printf("%-38s %10.2f %-8s (of one core, 32 kbit/s, complexity 9)\n", "opus_encode1",
	       (t1 - t0) / SECONDS * 100, "%");
	printf("%-38s %10.2f %-8s (of one core)\n", "opus_decode3", (t2 - t1) / SECONDS * 100, "%");
	printf("%-38s %10.2f %-8s (the Opus work of a call of ten)\n", "opus_encode1_decode3",
	       (t2 - t0) / SECONDS * 100, "%");
	opus_encoder_destroy(e);
	for (int i = 0; i < 3; i++)
		opus_decoder_destroy(d[i]);
	free(in);
	free(packet);
	free(len);
	return 0;
}
