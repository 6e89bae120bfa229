/* test_files.c - sound files in and out */
#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/device.h"
#include "audio/file_read.h"
#include "audio/file_write.h"
#include "unit/audio/signal.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

static int16_t *read_all(const char *name, size_t want, bool again, size_t *got)
{
	char text[DEVICE_TEXT];
	struct file_read *f;
	int16_t *v = calloc(want + 1, sizeof(*v));
	long n;

	assert_int_equal(file_read_open(&f, temp_path(name), 1, text), 0);
	*got = 0;
	while (*got < want && (n = file_read_samples(f, v + *got, want - *got < 777 ? want - *got
						     : 777, again)) > 0)
		*got += (size_t)n;
	file_read_close(&f);
	return v;
}

static void wav_of_48k_mono_16_bit_is_exact(void **state)
{
	enum { N = 20000 };
	int16_t *v = signal_speech(N, 1), *out;
	size_t n;

	(void)state;
	temp_write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, v, N);
	out = read_all("a.wav", 2 * N, false, &n);
	assert_int_equal(n, N);
	assert_memory_equal(out, v, N * sizeof(*v));
	free(out);
	free(v);
}

static void a_loop_has_no_gap(void **state)
{
	enum { N = 5003 };
	int16_t *v = signal_speech(N, 2), *out;
	size_t n;

	(void)state;
	temp_write("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, v, N);
	out = read_all("a.wav", 4 * N, true, &n);
	assert_int_equal(n, 4 * N);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(out + i * N, v, N * sizeof(*v));
	free(out);
	temp_write("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, v, 0);
	out = read_all("none.wav", 100, true, &n);
	assert_int_equal(n, 0);
	free(out);
	free(v);
}

static void other_formats_become_48k_mono(void **state)
{
	static const struct { const char *name; int format, rate, channels; } kind[] = {
		{ "s.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 2 },
		{ "f.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2 },
		{ "d.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 16000, 1 },
		{ "e.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 8000, 1 },
		{ "g.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 48000, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		size_t len = (size_t)kind[i].rate, n;
		int16_t *v = signal_tone(len, 500 * 48000.0 / kind[i].rate, 0.4), *out, *want;
		double like, gain;

		temp_write(kind[i].name, kind[i].format, kind[i].rate, kind[i].channels, v, len);
		out = read_all(kind[i].name, 96000, false, &n);
		assert_in_range(n, 47900, 48300);       /* one second is one second */
		want = signal_tone(48000, 500, 0.4);
		signal_find(out, n, want + 4800, 40000, 5000, &like, &gain);
		assert_true(like > 0.999);
		assert_true(gain > 0.97 && gain < 1.03);
		free(want);
		free(out);
		free(v);
	}
}

static void errors_speak_to_people(void **state)
{
	char text[DEVICE_TEXT];
	struct file_read *r;
	struct file_write *w;
	FILE *f = fopen(temp_path("text.wav"), "w");

	(void)state;
	fputs("this is no sound\n", f);
	fclose(f);
	assert_int_equal(file_read_open(&r, "A.wav", 1, text), -ENOENT);
	assert_string_equal(text, "cannot read A.wav: No such file or directory");
	assert_int_equal(file_read_open(&r, "/tmp", 1, text), -EISDIR);
	assert_string_equal(text, "cannot read /tmp: Is a directory");
	assert_true(file_read_open(&r, temp_path("text.wav"), 1, text) < 0);
	assert_non_null(strstr(text, "no sound file"));
	assert_null(r);
	assert_int_equal(file_write_open(&w, "/no/such/out.wav", 1, text), -ENOENT);
	assert_string_equal(text, "cannot write /no/such/out.wav: No such file or directory");
	assert_null(w);
}

static void write_all(const char *name, const int16_t *v, size_t n)
{
	char text[DEVICE_TEXT];
	struct file_write *f;

	assert_int_equal(file_write_open(&f, temp_path(name), 1, text), 0);
	for (size_t i = 0; i < n; i += 480)
		assert_int_equal(file_write_samples(f, v + i, n - i < 480 ? n - i : 480), 0);
	file_write_close(&f);
}

static void a_written_wav_is_whole(void **state)
{
	enum { N = 50001 };
	int16_t *v = signal_speech(N, 3), *back;
	size_t n;
	int rate;

	(void)state;
	write_all("out.wav", v, N);
	back = temp_read("out.wav", &n, &rate);
	assert_int_equal(n, N);
	assert_int_equal(rate, 48000);
	assert_memory_equal(back, v, N * sizeof(*v));
	free(back);
	free(v);
}

static void two_channels_stay_two(void **state)
{
	static const char *const name[] = { "two.wav", "two.opus" };
	enum { N = 24000 };
	int16_t *tone = signal_tone(N, 440, 0.3), v[2 * 480], *back;
	char text[DEVICE_TEXT];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct file_write *f;
		size_t n;

		assert_int_equal(file_write_open(&f, temp_path(name[k]), 2, text), 0);
		assert_non_null(strstr(text, "stereo"));
		for (size_t at = 0; at < N; at += 480) {
			for (size_t i = 0; i < 480; i++) {
				v[2 * i] = tone[at + i];
				v[2 * i + 1] = 0;
			}
			assert_int_equal(file_write_samples(f, v, 2 * 480), 0);
		}
		file_write_close(&f);
		back = temp_read_pairs(name[k], &n);
		assert_in_range(n, N - 960, N + 960);
		for (size_t i = 0; i < N / 2; i++) {
			assert_in_range(back[2 * i + 1] + 400, 0, 800);
			back[i] = back[2 * i];
		}
		assert_true(signal_rms(back + 4800, N / 2 - 4800) > 6500);
		free(back);
	}
	free(tone);
}

static void a_wav_that_was_not_closed_plays(void **state)
{
	enum { N = 4800 };
	int16_t *v = signal_speech(N, 3), *back;
	char text[DEVICE_TEXT];
	struct file_write *f;
	size_t n;

	(void)state;
	assert_int_equal(file_write_open(&f, temp_path("cut.wav"), 1, text), 0);
	assert_int_equal(file_write_samples(f, v, N), 0);
	back = temp_read("cut.wav", &n, NULL);
	assert_int_equal(n, N);
	free(back);
	file_write_close(&f);
	free(v);
}

static void opus_goes_out_and_comes_back(void **state)
{
	enum { N = 96000 };
	int16_t *v = signal_speech(N, 4), *back;
	double like, gain;
	size_t n;

	(void)state;
	write_all("out.opus", v, N);
	back = read_all("out.opus", 2 * N, false, &n);
	assert_int_equal(n, N);
	signal_find(back, n, v + 9600, 48000, 20000, &like, &gain);
	assert_true(like > 0.95);
	assert_true(gain > 0.9 && gain < 1.1);
	free(back);
	back = read_all("out.opus", 3 * N, true, &n);
	assert_int_equal(n, 3 * N);
	free(back);
	free(v);
}

static void trying_a_file_changes_nothing(void **state)
{
	char there[600], fresh[600], spec[700], *why;
	int16_t v[480] = { 1 };
	struct stat before, after;

	(void)state;
	snprintf(there, sizeof(there), "%s", temp_path("keep.wav"));
	snprintf(fresh, sizeof(fresh), "%s", temp_path("fresh.wav"));
	temp_write("keep.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, v, 480);
	assert_int_equal(stat(there, &before), 0);
	snprintf(spec, sizeof(spec), "file:%s", there);
	assert_int_equal(audio_device_check(AUDIO_SPEAKER, spec, &why), 0);
	assert_int_equal(audio_device_check(AUDIO_MIC, spec, &why), 0);
	assert_int_equal(stat(there, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	snprintf(spec, sizeof(spec), "file:%s", fresh);
	assert_int_equal(audio_device_check(AUDIO_SPEAKER, spec, &why), 0);
	assert_int_equal(access(fresh, F_OK), -1);
	assert_int_equal(audio_device_check(AUDIO_MIC, spec, &why), -ENOENT);
	assert_non_null(strstr(why, "cannot read"));
	free(why);
	assert_int_equal(audio_device_check(AUDIO_SPEAKER, "file:/no/such/x.wav", &why), -ENOENT);
	assert_string_equal(why, "cannot write /no/such/x.wav: No such file or directory");
	free(why);
	assert_int_equal(audio_device_check(AUDIO_SPEAKER, "file:/tmp", &why), -EISDIR);
	free(why);
}

static void words_of_devices(void **state)
{
	static const struct { enum audio_side side; const char *spec; int err; } kind[] = {
		{ AUDIO_MIC, "none", 0 }, { AUDIO_SPEAKER, "null", 0 }, { AUDIO_MIC, "tone", 0 },
		{ AUDIO_MIC, "tone:1000", 0 }, { AUDIO_MIC, "tone:x", -EINVAL },
		{ AUDIO_MIC, "tone:", -EINVAL }, { AUDIO_MIC, "tone:nan", -EINVAL },
		{ AUDIO_MIC, "tone:99999", -EINVAL }, { AUDIO_SPEAKER, "tone", -EINVAL },
		{ AUDIO_SPEAKER, "noise", -EINVAL }, { AUDIO_MIC, "noise", 0 },
		{ AUDIO_MIC, "file:", -EINVAL }, { AUDIO_MIC, "file:,loop", -EINVAL },
		{ AUDIO_MIC, "file", -EINVAL }, { AUDIO_MIC, "stdio", 0 },
		{ AUDIO_SPEAKER, "socket:/x", -ENOTSUP }, { AUDIO_MIC, "", -EINVAL },
		{ AUDIO_MIC, "default", 0 }, { AUDIO_MIC, "3", 0 }, { AUDIO_SPEAKER, "USB", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		char *why;

		assert_int_equal(audio_device_check(kind[i].side, kind[i].spec, &why), kind[i].err);
		assert_true(!kind[i].err == !why);
		free(why);
	}
}

const struct CMUnitTest test_files[] = {
	cmocka_unit_test_setup_teardown(wav_of_48k_mono_16_bit_is_exact, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(a_loop_has_no_gap, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(other_formats_become_48k_mono, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(errors_speak_to_people, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(a_written_wav_is_whole, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(two_channels_stay_two, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(a_wav_that_was_not_closed_plays, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(opus_goes_out_and_comes_back, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(trying_a_file_changes_nothing, temp_setup, temp_teardown),
	cmocka_unit_test(words_of_devices),
	{0}
};
