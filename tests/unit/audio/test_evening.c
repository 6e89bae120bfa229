/* test_evening.c - a listening evening, time passed in
 *
 * Twenty files of five kinds are played by a whole engine, paused, jumped about
 * in and softened, and recorded.  What was recorded has to be what was played,
 * everywhere, to 20 ms.
 */
#include <math.h>
#include <opusenc.h>
#include <opusfile.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audio/device.h"
#include "audio/engine.h"
#include "audio/file_read.h"
#include "audio/player.h"
#include "audio/recorder.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

enum {
	FILES = 20, SECONDS = 4, BLOCK = 480, HZ = 48000,
	ROOM = (FILES * SECONDS + 20) * HZ,     /* samples */
	WINDOW = HZ / 4, SLACK = HZ / 50,       /* 20 ms */
};

static const struct kind { const char *ending; int format, rate, channels; } kinds[] = {
	{ "wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2 },
	{ "flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 2 },
	{ "aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 22050, 1 },
	{ "ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 2 },
	{ "opus", 0, 48000, 2 },
};

struct evening {
	struct audio *a;
	struct recorder *r;
	int64_t now, blocks;
	float *want;                    /* the left side of what is to be heard */
	long wanted;
};

/* Rises in pitch, so that no two places sound alike; each file its own way. */
static double sound(int file, double t)
{
	double f0 = 200 + 35 * file, rise = 150 + 11 * file;

	return 0.3 * sin(6.283185307179586 * (f0 * t + rise * t * t / 2));
}

static void make_opus(const char *path, int file)
{
	OggOpusComments *c = ope_comments_create();
	int err;
	OggOpusEnc *e = ope_encoder_create_file(path, c, HZ, 2, 0, &err);

	for (long i = 0; i < SECONDS * HZ; i++) {
		float x = (float)sound(file, (double)i / HZ), v[2] = { x, x / 2 };

		ope_encoder_write_float(e, v, 1);
	}
	ope_encoder_drain(e);
	ope_encoder_destroy(e);
	ope_comments_destroy(c);
}

static void make_file(const char *path, const struct kind *k, int file)
{
	SF_INFO info = { .samplerate = k->rate, .channels = k->channels, .format = k->format };
	SNDFILE *f;

	if (!k->format) {
		make_opus(path, file);
		return;
	}
	f = sf_open(path, SFM_WRITE, &info);
	assert_non_null(f);
	for (long i = 0; i < (long)SECONDS * k->rate; i++) {
		double x = sound(file, (double)i / k->rate), v[2] = { x, x / 2 };

		assert_int_equal(sf_writef_double(f, v, 1), 1);
	}
	sf_close(f);
}

/* All of a file from a sample on, as it is to be heard. */
static void expect(struct evening *e, const char *path, int64_t from)
{
	char text[DEVICE_TEXT];
	struct file_read *f;
	int16_t v[BLOCK * 2];
	long n;

	assert_int_equal(file_read_open(&f, path, 2, text), 0);
	assert_int_equal(file_read_seek(f, from), 0);
	while ((n = file_read_samples(f, v, BLOCK, false)) > 0)
		for (long i = 0; i < n && e->wanted < ROOM; i++)
			e->want[e->wanted++] = v[2 * i];
	/* Pieces are whole blocks. */
	e->wanted += (BLOCK - e->wanted % BLOCK) % BLOCK;
	file_read_close(&f);
}

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	(void)ctx, (void)pkt, (void)samples;
}

static void on_device(void *ctx, enum audio_side side, enum audio_dev_state state, const char *text, bool real)
{
	(void)ctx, (void)side, (void)state, (void)text, (void)real;
}

static void nap(void)
{
	struct timespec t = { .tv_nsec = 1000000 };

	nanosleep(&t, NULL);
}

/* 10 ms; the reader and the writer of files get the time that they need. */
static void tick(struct evening *e)
{
	struct player *p = audio_player(e->a);
	struct recorder_status st;

	for (int i = 0; i < 5000 && player_is_on(p) && !player_ready(p); i++)
		nap();
	recorder_status(e->r, &st);
	while (e->blocks * BLOCK - st.samples > 2 * HZ && !st.err) {
		nap();
		recorder_status(e->r, &st);
	}
	e->now += 10000;
	e->blocks++;
	audio_tick(e->a, e->now);
}

/* Until so much of the file that plays was heard. */
static void play_to(struct evening *e, const char *title, int64_t sample)
{
	struct player_status st;

	for (int i = 0; i < 20000; i++) {
		player_status(audio_player(e->a), &st);
		if (!strcmp(st.title, title) && st.position >= sample)
			return;
		tick(e);
	}
	fail_msg("%s is not played", title);
}

/* After an order: the blocks of silence until it is heard. */
static int quiet_blocks(struct evening *e)
{
	struct player_status before, now;
	int n = -1;

	player_status(audio_player(e->a), &before);
	do {
		tick(e);
		player_status(audio_player(e->a), &now);
	} while (++n < 100 && now.position == before.position);
	assert_true(n < 4);
	return n;
}

static float *read_recording(const char *path, long *n)
{
	int err;
	OggOpusFile *f = op_open_file(path, &err);
	float *v = calloc(ROOM, sizeof(*v));
	int16_t pcm[5760 * 2];
	int got;

	assert_non_null(f);
	for (*n = 0; (got = op_read_stereo(f, pcm, 5760 * 2)) > 0;)
		for (int i = 0; i < got && *n < ROOM; i++)
			v[(*n)++] = pcm[2 * i];
	op_free(f);
	return v;
}

static double likeness(const float *a, const float *b)
{
	double ab = 0, aa = 0, bb = 0;

	for (int i = 0; i < WINDOW; i++) {
		ab += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* The shift in samples at which two places are most alike. */
static long best_shift(const float *want, const float *got, double *most)
{
	long best = 0;

	*most = -1;
	for (long s = -2 * SLACK; s <= 2 * SLACK; s += 4) {
		double x = likeness(want, got + s);

		if (x > *most) {
			*most = x;
			best = s;
		}
	}
	return best;
}

static void an_evening(void **state)
{
	static const struct audio_events ev = { on_packet, on_device };
	struct audio_config cfg = { .complexity = 0 };
	struct audio_program program = { .level = 1, .duck = true };
	struct recorder_config rc = { .path = temp_path("evening.opus"), .title = "", .date = "" };
	struct media_frame word = { .ssrc = 1, .level = -20, .voice = true, .payload = (const uint8_t *)"\xf8", .len = 1 };
	struct evening e = { .now = 1000000 };
	char name[FILES][40], recording[600];
	struct player_status st;
	float *got;
	long n, begin;
	int places = 0, quiet[2];

	(void)state;
	snprintf(recording, sizeof(recording), "%s", rc.path);
	e.want = calloc(ROOM, sizeof(*e.want));
	assert_int_equal(audio_new(&e.a, &cfg, &ev, &e), 0);
	assert_int_equal(recorder_new(&e.r, &rc), 0);
	audio_set_program(e.a, &program);
	for (int i = 0; i < FILES; i++) {
		const struct kind *k = &kinds[i % 5];

		snprintf(name[i], sizeof(name[i]), "file%02d.%s", i, k->ending);
		make_file(temp_path(name[i]), k, i);
		assert_int_equal(player_add(audio_player(e.a), temp_path(name[i])), 0);
	}
	while (!player_is_on(audio_player(e.a)))
		nap();
	audio_tick(e.a, e.now);
	audio_record(e.a, e.r);

	play_to(&e, "file03", 2 * HZ);          /* in the middle of it: a word, then silence again */
	word.arrival_us = e.now;
	audio_input(e.a, &word);
	play_to(&e, "file06", 2 * HZ);
	player_pause(audio_player(e.a), true);
	for (int i = 0; i < 150; i++)
		tick(&e);
	player_pause(audio_player(e.a), false);
	play_to(&e, "file09", HZ);
	player_seek(audio_player(e.a), 3 * HZ);
	quiet[0] = quiet_blocks(&e);
	play_to(&e, "file12", HZ);
	player_next(audio_player(e.a));
	quiet[1] = quiet_blocks(&e);
	play_to(&e, "file19", 3 * HZ);
	do {
		tick(&e);
		player_status(audio_player(e.a), &st);
	} while (player_is_on(audio_player(e.a)));
	assert_int_equal(st.failed, 0);
	for (int i = 0; i < 20; i++)
		tick(&e);
	audio_record(e.a, NULL);
	recorder_free(&e.r);

	for (int i = 0; i < FILES; i++) {
		long before = e.wanted;

		expect(&e, temp_path(name[i]), 0);
		if (i == 6) {           /* the pause, in its middle */
			memmove(e.want + before + 2 * HZ + 150 * BLOCK, e.want + before + 2 * HZ,
				(size_t)(e.wanted - before - 2 * HZ) * sizeof(float));
			memset(e.want + before + 2 * HZ, 0, 150 * BLOCK * sizeof(float));
			e.wanted += 150 * BLOCK;
		}
		if (i == 9) {
			e.wanted = before + HZ + quiet[0] * BLOCK;
			expect(&e, temp_path(name[i]), 3 * HZ);
		}
		if (i == 12)
			e.wanted = before + HZ + quiet[1] * BLOCK;
	}
	got = read_recording(recording, &n);
	assert_true(n >= e.wanted - HZ / 2);
	/* Where the first file begins in it. */
	for (begin = 0; begin < n && fabsf(got[begin]) < 200; begin++)
		;
	begin -= 2 * SLACK;
	for (long at = HZ / 2; at + WINDOW + 4 * SLACK < e.wanted && begin + at + WINDOW + 4 * SLACK < n; at += HZ / 2) {
		double most, loud = 0;
		long shift;

		for (int i = 0; i < WINDOW; i++)
			loud += fabs(e.want[at + i]);
		if (loud / WINDOW < 1000)
			continue;       /* the pause, a border */
		shift = best_shift(e.want + at, got + begin + 2 * SLACK + at, &most);
		if (most < 0.9 || labs(shift) > SLACK)
			fail_msg("at %.1f s: likeness %.2f, %ld ms off", (double)at / HZ, most, shift / 48);
		places++;
	}
	assert_true(places > 130);
	free(got);
	free(e.want);
	audio_free(&e.a);
}

const struct CMUnitTest test_evening[] = {
	cmocka_unit_test_setup_teardown(an_evening, temp_setup, temp_teardown),
	{ 0 }
};
