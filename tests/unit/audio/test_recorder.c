/* test_recorder.c - what was recorded, read again */
#include "audio/recorder.h"
#include <errno.h>
#include <math.h>
#include <opus.h>
#include <opusfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "unit/audio/signal.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

enum { BLOCK = 480, HZ = 48000 };

static const double pi = 3.14159265358979323846;

static struct recorder *start(const char *name, bool people)
{
	struct recorder_config cfg = {
		.path = temp_path(name), .people = people, .title = "listening evening", .date = "2026-11-25T20:00:00+0100",
	};
	struct recorder *r;

	assert_int_equal(recorder_new(&r, &cfg), 0);
	return r;
}

static void tone(int16_t v[BLOCK * 2], int block, double left, double right)
{
	for (int i = 0; i < BLOCK; i++) {
		double t = (double)(block * BLOCK + i) / HZ;

		v[2 * i] = (int16_t)lrint(8000 * sin(2 * pi * left * t));
		v[2 * i + 1] = (int16_t)lrint(8000 * sin(2 * pi * right * t));
	}
}

/* All of it; *n: samples of each channel. */
static int16_t *read_all(const char *path, long *n, char title[100], char artist[100])
{
	int err, got;
	OggOpusFile *f = op_open_file(path, &err);
	int16_t *v;
	long room;

	assert_non_null(f);
	room = (long)op_pcm_total(f, -1) + 5760;
	v = calloc((size_t)room * 2, sizeof(*v));
	for (*n = 0; (got = op_read_stereo(f, v + *n * 2, (int)(room - *n) * 2)) > 0; *n += got)
		;
	assert_int_equal(got, 0);
	if (title)
		snprintf(title, 100, "%s", opus_tags_query(op_tags(f, -1), "TITLE", 0));
	if (artist)
		snprintf(artist, 100, "%s", opus_tags_query(op_tags(f, -1), "ARTIST", 0));
	op_free(f);
	return v;
}

/* How strong a pitch is in some samples, 0..1 of a full sine of 8000. */
static double strength(const int16_t *v, long from, int channel, double hz)
{
	return signal_part(v + 2 * from + channel, 4800, 2, hz) / 8000;
}

static void the_mix_in_stereo(void **state)
{
	struct recorder *r = start("mix.opus", false);
	struct recorder_status st;
	int16_t v[BLOCK * 2], *got;
	char title[100];
	long n;

	(void)state;
	for (int b = 0; b < 300; b++) {
		tone(v, b, 440, 1000);
		recorder_mix(r, v);
		if (b % 50 == 49) {             /* the ring holds 4 s */
			struct timespec t = { .tv_nsec = 30000000 };

			nanosleep(&t, NULL);
		}
	}
	recorder_status(r, &st);
	assert_int_equal(st.dropped, 0);
	recorder_free(&r);
	got = read_all(temp_path("mix.opus"), &n, title, NULL);
	assert_in_range(n, 3 * HZ - 960, 3 * HZ + 960);
	assert_string_equal(title, "listening evening");
	assert_true(strength(got, HZ, 0, 440) > 0.9 && strength(got, HZ, 0, 1000) < 0.05);
	assert_true(strength(got, 2 * HZ, 1, 1000) > 0.9 && strength(got, 2 * HZ, 1, 440) < 0.05);
	free(got);
}

static void what_is_there_is_not_overwritten(void **state)
{
	struct recorder *r = start("once.opus", false), *second;
	struct recorder_config cfg = { .path = temp_path("once.opus"), .title = "", .date = "" };

	(void)state;
	assert_int_equal(recorder_new(&second, &cfg), -EEXIST);
	assert_null(second);
	recorder_free(&r);
	cfg.path = "/nonexistent/x.opus";
	assert_int_equal(recorder_new(&second, &cfg), -ENOENT);
}

/* A writer that dies leaves what it had, but for the last second. */
static void a_crash_costs_a_second(void **state)
{
	struct recorder *r = start("dead.opus", false);
	char command[600];
	int16_t v[BLOCK * 2], *got;
	long n;

	(void)state;
	for (int b = 0; b < 390; b++) {
		tone(v, b, 440, 440);
		recorder_mix(r, v);
	}
	for (int i = 0; i < 50; i++) {
		struct timespec t = { .tv_nsec = 10000000 };

		nanosleep(&t, NULL);
	}
	snprintf(command, sizeof(command), "cp %s %s", temp_path("dead.opus"), temp_path("copy.opus"));
	assert_int_equal(system(command), 0);
	got = read_all(temp_path("copy.opus"), &n, NULL, NULL);
	assert_true(n >= 390 * BLOCK - HZ - 960);
	free(got);
	recorder_free(&r);
}

/* Packets that came late, twice, out of order, and a silence between them. */
static void a_person_alone(void **state)
{
	struct recorder *r = start("call.opus", true);
	int err;
	OpusEncoder *e = opus_encoder_create(HZ, 2, OPUS_APPLICATION_AUDIO, &err);
	uint8_t packet[100][1275];
	int len[100];
	int64_t t0 = clock_now_us();
	static const int order[] = { 0, 1, 3, 2, 4, 5, 5, 6 };
	char artist[100], path[300];
	int16_t v[960 * 2], *got;
	long n;

	(void)state;
	recorder_label(r, 7, "../An\033na");
	for (int i = 0; i < 100; i++) {
		tone(v, 2 * i, 700, 700);
		tone(v + BLOCK * 2, 2 * i + 1, 700, 700);
		len[i] = opus_encode(e, v, 960, packet[i], sizeof(packet[i]));
	}
	for (int i = 0; i < 100; i++) {
		int k = i < 8 ? order[i] : i - 1;
		bool later = k >= 50;           /* a second of silence before */
		struct media_frame f = {
			.ssrc = 7, .seq = (uint16_t)(65500 + k), .timestamp = 4294960000u + 960u * (unsigned)k + (later ? HZ : 0),
			.arrival_us = t0 + 20000 * i + (later ? 1000000 : 0), .payload = packet[k], .len = (size_t)len[k],
		};

		recorder_frame(r, &f);
		if (i % 40 == 39) {
			struct timespec t = { .tv_nsec = 60000000 };

			nanosleep(&t, NULL);
		}
	}
	recorder_free(&r);
	opus_encoder_destroy(e);
	snprintf(path, sizeof(path), "%s", temp_path("call-_._An_na.opus"));
	got = read_all(path, &n, NULL, artist);
	assert_in_range(n, 99 * 960 + HZ - 2000, 99 * 960 + HZ + 4000);
	assert_true(strength(got, 9600, 0, 700) > 0.8);
	assert_true(strength(got, 50 * 960 + 20000, 0, 700) < 0.05);
	assert_true(strength(got, 50 * 960 + HZ + 9600, 0, 700) > 0.8);
	free(got);
}

const struct CMUnitTest test_recorder[] = {
	cmocka_unit_test_setup_teardown(the_mix_in_stereo, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(what_is_there_is_not_overwritten, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(a_crash_costs_a_second, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(a_person_alone, temp_setup, temp_teardown),
	{ 0 }
};
