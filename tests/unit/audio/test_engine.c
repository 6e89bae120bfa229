/* test_engine.c - whole engines that talk to each other */
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/engine.h"
#include "base/clock.h"
#include "unit/audio/room.h"
#include "unit/audio/signal.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

enum { HZ = 48000, WAV = SF_FORMAT_WAV | SF_FORMAT_PCM_16, NAP = 500 };

static const char *file_spec(const char *name, const char *more)
{
	static char spec[4][700];
	static int turn;

	turn = (turn + 1) & 3;
	snprintf(spec[turn], sizeof(spec[turn]), "file:%s%s", temp_path(name), more);
	return spec[turn];
}

/* How loud `piece` is in v at its best place, by projection: 1 = as sent. */
static double share(const int16_t *v, size_t n, const int16_t *piece, size_t len, double *like)
{
	double gain, ab = 0, bb = 1;
	size_t at = signal_find(v, n, piece, len, n - len, like, &gain);

	for (size_t i = 0; i < len; i++) {
		ab += (double)v[at + i] * piece[i];
		bb += (double)piece[i] * piece[i];
	}
	return ab / bb;
}

static void what_two_say_is_in_the_third_ones_file(int64_t step_us)
{
	enum { N = 6 * HZ };
	struct room *r = calloc(1, sizeof(*r));
	int16_t *a = signal_speech(N, 1), *b = signal_speech(N, 9), *out;
	struct audio_source_stats st[4];
	double like, part;
	size_t n;

	/* a speaks alone, then both, then b alone. */
	memset(b, 0, 2 * HZ * sizeof(*b));
	memset(a + 4 * HZ, 0, 2 * HZ * sizeof(*a));
	temp_write("a.wav", WAV, HZ, 1, a, N);
	temp_write("b.wav", WAV, HZ, 1, b, N);
	room_new(r);
	r->nap_us = NAP;
	room_add(r, file_spec("a.wav", ""), "null");
	room_add(r, file_spec("b.wav", ""), "null");
	room_add(r, "null", file_spec("out.wav", ""));
	room_start_files(r);
	room_run(r, 6200000, step_us);
	n = audio_sources(r->member[2].audio, st, 4);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(st[i].lost + st[i].late + st[i].concealed_ms, 0);
		assert_true(st[i].buffer_ms <= 60);
	}
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	assert_in_range(n, (size_t)(6.15 * HZ), (size_t)(6.25 * HZ));
	part = share(out + HZ, HZ, a + HZ, HZ / 2, &like);
	assert_true(like > 0.95 && fabs(part - 1) < 0.1);
	part = share(out + 4 * HZ + HZ / 2, HZ, b + 4 * HZ + HZ / 2, HZ / 2, &like);
	assert_true(like > 0.95 && fabs(part - 1) < 0.1);
	part = share(out + 2 * HZ + HZ / 2, HZ, a + 2 * HZ + HZ / 2, HZ / 2, &like);
	assert_true(like > 0.5 && fabs(part - 1) < 0.25);
	part = share(out + 2 * HZ + HZ / 2, HZ, b + 2 * HZ + HZ / 2, HZ / 2, &like);
	assert_true(like > 0.5 && fabs(part - 1) < 0.25);
	assert_true(signal_zeros(out + HZ / 4, 5 * HZ + HZ / 2) < 480);
	free(out);
	free(a);
	free(b);
	free(r);
}

static void two_talk_and_the_third_records(void **state)
{
	(void)state;
	what_two_say_is_in_the_third_ones_file(10000);
}

static void ticks_that_come_late_take_nothing_away(void **state)
{
	(void)state;
	what_two_say_is_in_the_third_ones_file(37000);
}

static void nobody_hears_oneself_and_levels_are_told(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct audio_source_stats st[4];
	struct audio_stats all;

	(void)state;
	room_new(r);
	room_add(r, "tone:300", "null");
	room_add(r, "null", "null");
	room_run(r, 2000000, 10000);
	assert_int_equal(audio_sources(r->member[0].audio, st, 4), 1);
	assert_int_equal(st[0].ssrc, r->member[1].ssrc);
	assert_int_equal(st[0].level, -127);
	assert_int_equal(audio_sources(r->member[1].audio, st, 4), 1);
	assert_in_range(st[0].level + 100, 100 - 17, 100 - 13);    /* a sine of -12 dBFS */
	audio_stats(r->member[0].audio, &all);
	assert_in_range(all.mic_level + 100, 100 - 17, 100 - 13);
	assert_int_equal(all.first_sound_us, 0);                   /* silence came */
	audio_stats(r->member[1].audio, &all);
	assert_in_range(all.first_sound_us, 1000000000, 1000200000);
	assert_int_equal(all.sources, 1);
	assert_int_equal(r->member[1].level, -127);
	room_free(r);
	free(r);
}

static void levels_without_the_header_are_measured(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct audio_source_stats st[4];

	(void)state;
	room_new(r);
	r->no_levels = true;
	room_add(r, "tone:300", "none");
	room_add(r, "none", "null");
	room_run(r, 1000000, 10000);
	assert_int_equal(audio_sources(r->member[1].audio, st, 4), 1);
	assert_in_range(st[0].level + 100, 100 - 17, 100 - 13);
	room_free(r);
	free(r);
}

static void muted_means_that_only_time_passes(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct member *m;
	uint32_t begin;
	unsigned packets;

	(void)state;
	room_new(r);
	m = room_add(r, "tone:300", "null");
	begin = m->timestamp;
	room_run(r, 1000000, 10000);
	packets = m->packets;
	assert_in_range(packets, 48, 50);
	assert_true(m->least_level > -20);
	audio_set_muted(m->audio, true, false);
	room_run(r, 1000000, 10000);
	assert_in_range(m->packets, packets + 2, packets + 3);     /* the end, and that it is one */
	packets = m->packets;
	audio_set_muted(m->audio, false, false);
	room_run(r, 1000000, 10000);
	assert_in_range(m->packets, packets + 48, packets + 51);
	/* Three seconds of timestamps, whatever was sent. */
	assert_in_range((uint32_t)(m->timestamp - begin), 3 * HZ - 1920, 3 * HZ);
	room_free(r);
	free(r);
}

static void without_a_microphone_nothing_is_sent(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct member *m;

	(void)state;
	room_new(r);
	m = room_add(r, "none", "null");
	room_run(r, 1000000, 10000);
	assert_int_equal(m->packets, 0);
	assert_in_range(m->skipped, HZ - 1920, HZ);
	room_free(r);
	free(r);
}

static void a_file_waits_for_the_media_and_then_ends_in_silence(void **state)
{
	enum { N = HZ };
	struct room *r = calloc(1, sizeof(*r));
	int16_t *a = signal_speech(N, 2), *out;
	struct member *m;
	double like;
	size_t n;

	(void)state;
	temp_write("a.wav", WAV, HZ, 1, a, N);
	room_new(r);
	r->nap_us = NAP;
	m = room_add(r, file_spec("a.wav", ""), "none");
	room_add(r, "none", file_spec("out.wav", ""));
	room_run(r, 1000000, 10000);
	assert_int_equal(m->packets, 0);
	room_start_files(r);
	room_run(r, 2000000, 10000);
	assert_in_range(m->packets, 45, 90);            /* after half a second it is left out */
	assert_int_equal(m->level, -127);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	share(out, n, a + 4800, HZ / 2, &like);
	assert_true(like > 0.95);
	assert_true(signal_rms(out, HZ) < 1);
	assert_true(signal_rms(out + 2 * HZ + HZ / 4, HZ / 2) < 2);
	free(out);
	free(a);
	free(r);
}

static void a_file_runs_on_under_mute(void **state)
{
	enum { N = 3 * HZ };
	struct room *r = calloc(1, sizeof(*r));
	int16_t *a = signal_speech(N, 4), *out;
	double like, gain;
	size_t n, at;

	(void)state;
	temp_write("a.wav", WAV, HZ, 1, a, N);
	room_new(r);
	r->nap_us = NAP;
	room_add(r, file_spec("a.wav", ""), "none");
	room_add(r, "none", file_spec("out.wav", ""));
	room_start_files(r);
	audio_set_muted(r->member[0].audio, true, false);
	room_run(r, 1500000, 10000);
	audio_set_muted(r->member[0].audio, false, false);
	room_run(r, 1500000, 10000);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	at = signal_find(out, n, a + 2 * HZ, HZ / 2, n - HZ / 2, &like, &gain);
	assert_true(like > 0.95);
	assert_in_range(at, 2 * HZ, 2 * HZ + HZ / 8);
	free(out);
	free(a);
	free(r);
}

static void a_loop_goes_on(void **state)
{
	enum { N = HZ / 2 };
	struct room *r = calloc(1, sizeof(*r));
	int16_t *a = signal_speech(N, 5), *out;
	double like;
	size_t n;

	(void)state;
	temp_write("a.wav", WAV, HZ, 1, a, N);
	room_new(r);
	r->nap_us = NAP;
	room_add(r, file_spec("a.wav", ",loop"), "none");
	room_add(r, "none", file_spec("out.opus", ""));
	room_start_files(r);
	room_run(r, 3000000, 10000);
	room_free(r);
	out = temp_read("out.opus", &n, NULL);
	assert_in_range(n, 3 * HZ - 960, 3 * HZ + 960);
	for (int i = 2; i < 5; i++) {
		share(out + (size_t)i * N, N + HZ / 4, a + 2400, HZ / 4, &like);
		assert_true(like > 0.9);
	}
	free(out);
	free(a);
	free(r);
}

static void the_file_is_as_long_as_the_time(void **state)
{
	static const int64_t step[] = { 10000, 3000, 25000, 333000, 2000000 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct room *r = calloc(1, sizeof(*r));
		int16_t *out;
		int64_t begin, end;
		size_t n;

		room_new(r);
		r->nap_us = NAP;
		room_add(r, "none", file_spec("out.wav", ""));
		begin = r->now_us;
		room_run(r, 4000000, step[i]);
		end = r->now_us;
		room_free(r);
		out = temp_read("out.wav", &n, NULL);
		assert_in_range(n + 480, (size_t)((end - begin) * 6 / 125),
				(size_t)((end - begin) * 6 / 125) + 480);
		free(out);
		free(r);
	}
}

static void deaf_is_silence_and_the_file_goes_on(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct audio_source_stats st[2];
	int16_t *out;
	size_t n;

	(void)state;
	room_new(r);
	r->nap_us = NAP;
	room_add(r, "tone:500", "none");
	room_add(r, "none", file_spec("out.wav", ""));
	room_run(r, 1000000, 10000);
	audio_set_deaf(r->member[1].audio, true);
	room_run(r, 1000000, 10000);
	assert_int_equal(audio_sources(r->member[1].audio, st, 2), 1);
	assert_true(st[0].level > -20);                 /* one sees who talks */
	audio_set_deaf(r->member[1].audio, false);
	room_run(r, 1000000, 10000);
	audio_sources(r->member[1].audio, st, 2);
	assert_int_equal(st[0].lost, 0);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	assert_true(signal_rms(out + HZ / 4, HZ / 2) > 4000);
	assert_true(signal_rms(out + HZ + HZ / 8, HZ * 3 / 4) == 0);
	assert_true(signal_rms(out + 2 * HZ + HZ / 4, HZ / 2) > 4000);
	free(out);
	free(r);
}

static double heard_with_gain(double gain)
{
	struct room *r = calloc(1, sizeof(*r));
	double rms;
	int16_t *out;
	size_t n;

	room_new(r);
	r->nap_us = NAP;
	room_add(r, "tone:500", "none");
	room_add(r, "none", file_spec("out.wav", ""));
	audio_source_gain(r->member[1].audio, r->member[0].ssrc, gain);
	room_run(r, 1000000, 10000);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	rms = signal_rms(out + HZ / 2, HZ / 4);
	free(out);
	free(r);
	return rms;
}

static void the_volume_of_a_person(void **state)
{
	double one = heard_with_gain(1);

	(void)state;
	assert_true(one > 5000 && one < 6500);
	assert_true(fabs(heard_with_gain(0.5) / one - 0.5) < 0.03);
	assert_true(fabs(heard_with_gain(2) / one - 2) < 0.1);
	assert_true(heard_with_gain(0) == 0);
	assert_true(heard_with_gain(4) > 2.3 * one);    /* the limiter holds it */
}

static void who_is_removed_fades(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	int16_t *out;
	size_t n;

	(void)state;
	room_new(r);
	r->nap_us = NAP;
	room_add(r, "tone:200", "none");
	room_add(r, "none", file_spec("out.wav", ""));
	room_run(r, 1000000, 10000);
	r->member[0].gone = true;
	audio_source_remove(r->member[1].audio, r->member[0].ssrc);
	r->tail = r->head;
	room_run(r, 500000, 10000);
	assert_int_equal(audio_sources(r->member[1].audio, (struct audio_source_stats[1]){ { 0 } }, 1),
			 0);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	assert_true(signal_step(out + HZ / 2, HZ) < 800);       /* a tone's own steps: 215 */
	assert_true(signal_rms(out + HZ + 960, HZ / 4) == 0);
	free(out);
	free(r);
}

static void forty_sources_at_once(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct audio_source_stats st[64];
	struct audio_stats all;
	int16_t *out;
	size_t n;

	(void)state;
	room_new(r);
	r->nap_us = NAP;
	for (int i = 0; i < 40; i++)
		room_add_cfg(r, &(struct audio_config){ .complexity = 0 },
			     i % 2 ? "noise" : "tone:700", "none");
	room_add(r, "none", file_spec("out.wav", ""));
	room_run(r, 1000000, 10000);
	assert_int_equal(audio_sources(r->member[40].audio, st, 64), 40);
	assert_int_equal(audio_sources(r->member[40].audio, st, 7), 7);
	audio_stats(r->member[40].audio, &all);
	assert_int_equal(all.sources, 40);
	room_free(r);
	out = temp_read("out.wav", &n, NULL);
	for (size_t i = 0; i < n; i++)
		assert_true(abs(out[i]) <= 29206);
	assert_true(signal_rms(out + HZ / 2, HZ / 4) > 10000);
	free(out);
	free(r);
}

static void more_sources_than_there_is_room_for(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct audio_source_stats *st = calloc(300, sizeof(*st));
	uint8_t p[3] = { 0x78, 0, 0 };
	bool newest = false;

	(void)state;
	room_new(r);
	room_add(r, "none", "null");
	for (uint32_t i = 0; i < 300; i++) {
		struct media_frame f = { .ssrc = i, .arrival_us = r->now_us + i, .payload = p,
					 .len = sizeof(p), .level = -30 };

		audio_input(r->member[0].audio, &f);
	}
	assert_int_equal(audio_sources(r->member[0].audio, st, 300), 128);
	for (int i = 0; i < 128; i++) {
		newest |= st[i].ssrc == 299;
		assert_true(st[i].ssrc >= 172);
	}
	assert_true(newest);
	room_run(r, 100000, 10000);
	room_free(r);
	free(st);
	free(r);
}

static void frames_of_other_lengths(void **state)
{
	(void)state;
	for (unsigned ms = 10; ms <= 60; ms += ms < 20 ? 10 : 20) {
		struct room *r = calloc(1, sizeof(*r));
		struct audio_config cfg = { .complexity = 5, .sending.frame_ms = ms };
		struct audio_stats all;
		int16_t *out;
		size_t n;

		room_new(r);
		r->nap_us = NAP;
		room_add_cfg(r, &cfg, "tone:400", "none");
		room_add(r, "none", file_spec("out.wav", ""));
		room_run(r, 1000000, 10000);
		assert_in_range(r->member[0].packets, 1000 / ms - 2, 1000 / ms);
		audio_stats(r->member[1].audio, &all);
		assert_int_equal(all.concealed_ms, 0);
		room_free(r);
		out = temp_read("out.wav", &n, NULL);
		assert_true(signal_zeros(out + HZ / 4, HZ / 2) < 4);
		free(out);
		free(r);
	}
}

static void devices_change_in_the_call(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	struct member *m;

	(void)state;
	room_new(r);
	m = room_add(r, "tone", "null");
	assert_string_equal(m->text[AUDIO_MIC], "tone: 440 Hz");
	assert_string_equal(m->text[AUDIO_SPEAKER], "null: keeps time, silence");
	assert_int_equal(audio_set_device(m->audio, AUDIO_MIC, "tone:x"), -EINVAL);
	assert_int_equal(audio_set_device(m->audio, AUDIO_SPEAKER, "socket:/x"), -ENOTSUP);
	assert_int_equal(m->state[AUDIO_MIC], AUDIO_DEV_RUNNING);       /* as it was */
	assert_int_equal(audio_set_device(m->audio, AUDIO_MIC, "noise"), 0);
	for (int i = 0; i < 50; i++)            /* faster than any device opens */
		assert_int_equal(audio_set_device(m->audio, AUDIO_SPEAKER, i % 2 ? "null" : "none"), 0);
	room_until(r, m, AUDIO_MIC, AUDIO_DEV_RUNNING);
	room_until(r, m, AUDIO_SPEAKER, AUDIO_DEV_RUNNING);
	room_run(r, 200000, 10000);
	assert_int_equal(audio_set_device(m->audio, AUDIO_SPEAKER, "none"), 0);
	room_until(r, m, AUDIO_SPEAKER, AUDIO_DEV_OFF);
	room_free(r);
	free(r);
}

static void a_file_that_is_missing_is_told_once_and_retried(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	int16_t *a = signal_speech(HZ, 5);
	struct member *m;

	(void)state;
	room_new(r);
	m = room_add(r, "none", "null");
	assert_int_equal(audio_set_device(m->audio, AUDIO_MIC, file_spec("later.wav", "")), 0);
	room_until(r, m, AUDIO_MIC, AUDIO_DEV_FAILED);
	assert_non_null(strstr(m->text[AUDIO_MIC], "later.wav: No such file or directory"));
	room_run(r, 1000000, 10000);            /* the call goes on */
	assert_int_equal(m->packets, 0);
	temp_write("later.wav", WAV, HZ, 1, a, HZ);
	room_until(r, m, AUDIO_MIC, AUDIO_DEV_RUNNING);
	assert_int_equal(m->told[AUDIO_MIC][AUDIO_DEV_FAILED], 1);
	assert_int_equal(m->told[AUDIO_MIC][AUDIO_DEV_OPENING], 1);
	room_free(r);
	free(a);
	free(r);
}

static void an_end_comes_within_a_second(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	int64_t begin;

	(void)state;
	room_new(r);
	room_add(r, "tone", file_spec("out.wav", ""));
	audio_set_device(r->member[0].audio, AUDIO_MIC, "noise");       /* in the middle of it */
	begin = clock_now_us();
	room_free(r);
	assert_true(clock_now_us() - begin < 1000000);
	free(r);
}

#define WITH_FILES(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)
const struct CMUnitTest test_engine[] = {
	WITH_FILES(two_talk_and_the_third_records),
	WITH_FILES(ticks_that_come_late_take_nothing_away),
	cmocka_unit_test(nobody_hears_oneself_and_levels_are_told),
	cmocka_unit_test(levels_without_the_header_are_measured),
	cmocka_unit_test(muted_means_that_only_time_passes),
	cmocka_unit_test(without_a_microphone_nothing_is_sent),
	WITH_FILES(a_file_waits_for_the_media_and_then_ends_in_silence),
	WITH_FILES(a_file_runs_on_under_mute),
	WITH_FILES(a_loop_goes_on),
	WITH_FILES(the_file_is_as_long_as_the_time),
	WITH_FILES(deaf_is_silence_and_the_file_goes_on),
	WITH_FILES(the_volume_of_a_person),
	WITH_FILES(who_is_removed_fades),
	WITH_FILES(forty_sources_at_once),
	cmocka_unit_test(more_sources_than_there_is_room_for),
	WITH_FILES(frames_of_other_lengths),
	cmocka_unit_test(devices_change_in_the_call),
	WITH_FILES(a_file_that_is_missing_is_told_once_and_retried),
	WITH_FILES(an_end_comes_within_a_second),
	{0}
};
