/* test_stretch.c - more or less of a sound, and nobody hears the seam */
#include "audio/stretch.h"
#include <stdlib.h>
#include <string.h>
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { N = 12000 };

static void a_voice_gets_shorter_by_whole_periods(void **state)
{
	int16_t *v = signal_speech(N, 1);
	int bend = signal_bend(v, N);
	size_t gone = stretch_shorten(v + 4800, 1, 1440, 720, 0.2f);

	(void)state;
	assert_in_range(gone, STRETCH_LAG_MIN, STRETCH_LAG_MAX);
	assert_true(signal_bend(v, 4800 + 1440 - gone) <= bend + bend / 4);
	free(v);
}

static void a_voice_gets_longer_by_whole_periods(void **state)
{
	int16_t *v = signal_speech(N, 2);
	int bend = signal_bend(v, N);
	size_t more = stretch_lengthen(v + 4800, 1, 960, 720, 0.2f);

	(void)state;
	assert_in_range(more, STRETCH_LAG_MIN, STRETCH_LAG_MAX);
	assert_true(signal_bend(v, 4800 + 960 + more) <= bend + bend / 4);
	free(v);
}

static void never_more_than_asked_for(void **state)
{
	int16_t *v = signal_speech(N, 3);

	(void)state;
	for (size_t most = 0; most < 800; most += 40) {
		assert_true(stretch_shorten(v + 2000, 1, 960, most, 1) <= most);
		assert_true(stretch_lengthen(v + 2000, 1, 960, most, 1) <= most);
	}
	assert_int_equal(stretch_shorten(v + 2000, 1, 100, 700, 1), 0);
	assert_int_equal(stretch_lengthen(v + 2000, 1, 100, 700, 1), 0);
	free(v);
}

static void silence_gives_at_once(void **state)
{
	int16_t v[4000] = { 0 };

	(void)state;
	assert_int_equal(stretch_shorten(v + 2000, 1, 1440, 720, 0), 720);
	assert_int_equal(stretch_lengthen(v + 2000, 1, 960, 720, 0), 720);
}

static void what_goes_on_fades_without_a_click(void **state)
{
	int16_t *v = signal_tone(N, 200, 0.5);
	int bend = signal_bend(v, N);

	(void)state;
	memset(v + 4800, 0, (N - 4800) * sizeof(*v));
	for (size_t done = 0; done < 7200; done += 480)
		stretch_extend(v + 4800 + done, 1, 480, done);
	assert_true(signal_bend(v, N) <= 3 * bend);
	assert_true(signal_rms(v + 4800, 960) > 9000);          /* still there after 20 ms */
	assert_true(signal_rms(v + 4800 + 5800, 400) < 1);      /* gone after 120 */
	free(v);
}

const struct CMUnitTest test_stretch[] = {
	cmocka_unit_test(a_voice_gets_shorter_by_whole_periods),
	cmocka_unit_test(a_voice_gets_longer_by_whole_periods),
	cmocka_unit_test(never_more_than_asked_for),
	cmocka_unit_test(silence_gives_at_once),
	cmocka_unit_test(what_goes_on_fades_without_a_click),
	{0}
};
