/* rooms: base audio */
/* bench_voice.c - what each step between a microphone and the line costs
 *
 * A minute of the demo's voices, pauses cut, in blocks of 10 ms: per cent of a
 * core for each step alone, and allocations while it runs (there are none).
 */
#include <opusfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/mic.h"
#include "audio/process.h"
#include "bench/allocations.h"
#include "bench/bench.h"

enum { BLOCK = AUDIO_BLOCK, SECONDS = 30, BLOCKS = SECONDS * 100 };

static int16_t voice[BLOCKS * BLOCK];

static void read_voice(void)
{
	static const char *const names[] = { "anna", "ben", "clara" };
	size_t done = 0;

	for (int k = 0; done < BLOCKS * BLOCK; k = (k + 1) % 3) {
		char path[64];
		OggOpusFile *f;
		int16_t b[BLOCK];
		size_t have = 0;
		int got;

		snprintf(path, sizeof(path), "src/app/demo/%s.opus", names[k]);
		f = op_open_file(path, NULL);
		if (!f)
			exit(1);
		while ((got = op_read(f, b + have, (int)(BLOCK - have), NULL)) > 0) {
			long energy = 0;

			have += (size_t)got;
			if (have < BLOCK)
				continue;
			have = 0;
			for (int i = 0; i < BLOCK; i++)
				energy += abs(b[i]);
			if (energy > 30 * BLOCK && done < BLOCKS * BLOCK) {
				memcpy(voice + done, b, sizeof(b));
				done += BLOCK;
			}
		}
		op_free(f);
	}
}

static void say(const char *name, double ms, unsigned long asked, const char *more)
{
	printf("voice_%s %.2f %% (%lu allocations%s)\n", name, ms / (SECONDS * 10), asked, more);
}

static void process(const char *name, bool aec, bool ns, bool agc, const char *more)
{
	struct process *p;
	int16_t v[BLOCK];
	unsigned long before = allocations;
	double begin;

	if (process_new(&p))
		exit(1);
	process_set(p, aec, ns, agc);
	count_allocations(true);
	begin = cpu_ms();
	for (int i = 0; i < BLOCKS; i++) {
		/* What the far side says comes back, and the near one talks. */
		process_far(p, voice + (i + 700) % BLOCKS * BLOCK);
		for (int k = 0; k < BLOCK; k++)
			v[k] = (int16_t)(voice[i * BLOCK + k] / 2 +
					 voice[(i + 697) % BLOCKS * BLOCK + k] / 4);
		process_near(p, v, 2 * BLOCK);
	}
	begin = cpu_ms() - begin;
	count_allocations(false);
	say(name, begin, allocations - before, more);
	process_free(&p);
}

static void on_packet(void *ctx, const struct media_packet *p, unsigned samples)
{
	(void)samples;
	*(size_t *)ctx += p ? p->len + 64 : 0;
}

static void encode(const char *name, struct audio_sending want, bool muted, int gain)
{
	static const struct audio_events ev = { .packet = on_packet };
	struct audio_config cfg = { .complexity = 9, .sending = want };
	struct audio_line line = { .overhead = 64, .other_bytes = 50 };
	struct mic *m = calloc(1, sizeof(*m));
	size_t bytes = 0;
	unsigned long before = allocations;
	char more[64];
	double begin;

	if (!m || mic_init(m, &cfg, &ev, &bytes))
		exit(1);
	mic_line(m, &line);
	mic_mute(m, muted, false);
	count_allocations(true);
	begin = cpu_ms();
	for (int i = 0; i < BLOCKS; i++) {
		int16_t v[2 * BLOCK];

		for (int k = 0; k < BLOCK; k++)
			v[k * (int)m->channels] = v[(k + 1) * (int)m->channels - 1] =
				(int16_t)(voice[i * BLOCK + k] * gain);
		mic_block(m, v, (int64_t)(i + 1) * 10000);
		if (i % 50 == 0)
			mic_line(m, &line);
	}
	begin = cpu_ms() - begin;
	count_allocations(false);
	snprintf(more, sizeof(more), ", %.1f kbit/s with headers", (double)bytes * 8 / SECONDS / 1000);
	say(name, begin, allocations - before, more);
	mic_free(m);
	free(m);
}

int main(void)
{
	read_voice();
	process("echo", true, false, false, "; speexdsp's filter alone 1.3 %");
	process("noise", false, true, false, "");
	process("gain", false, false, true, "");
	process("all_steps", true, true, true, "; goal 3 %");
	encode("send", (struct audio_sending){ 0 }, false, 1);
	encode("send_16", (struct audio_sending){ .budget = 16000 }, false, 1);
	encode("send_24", (struct audio_sending){ .budget = 24000 }, false, 1);
	encode("send_music", (struct audio_sending){ .music = true }, false, 1);
	encode("send_silent", (struct audio_sending){ 0 }, false, 0);
	encode("send_muted", (struct audio_sending){ 0 }, true, 1);
	return 0;
}
