/* test_devices.c - devices that die, hang and come back; pipes */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/device.h"
#include "audio/pump.h"
#include "audio/sound_thread.h"
#include "base/clock.h"
#include "unit/audio/room.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

/* ---- a device that does as it is told ---- */

static atomic_int opened, closed, refuse, dead, hang_ms;

static int fake_open(struct device **out, enum audio_side side, const struct device_spec *spec,
		     char *text)
{
	(void)side;
	(void)spec;
	if (atomic_load(&refuse)) {
		strcpy(text, "no such card");
		return -ENODEV;
	}
	*out = calloc(1, sizeof(**out));
	strcpy(text, "a card");
	atomic_fetch_add(&opened, 1);
	return 0;
}

static void fake_close(struct device *d)
{
	usleep((useconds_t)atomic_load(&hang_ms) * 1000);
	atomic_fetch_add(&closed, 1);
	free(d);
}

static enum device_health fake_watch(struct device *d, char *text)
{
	(void)d;
	strcpy(text, "the card has gone");
	return atomic_load(&dead) ? DEVICE_DEAD : DEVICE_WELL;
}

static const struct device_ops fake_ops = {
	.name = "fake", .open = fake_open, .close = fake_close, .watch = fake_watch,
};

static void fake_reset(void)
{
	atomic_store(&opened, 0);
	atomic_store(&closed, 0);
	atomic_store(&refuse, 0);
	atomic_store(&dead, 0);
	atomic_store(&hang_ms, 0);
}

struct heard { struct sound_news last; int count[5]; };

static void on_news(void *ctx, const struct sound_news *n)
{
	struct heard *h = ctx;

	h->last = *n;
	h->count[n->kind]++;
}

static void wait_for(struct sound_thread *t, struct heard *h, enum sound_news_kind kind, int count)
{
	int64_t end = clock_now_us() + 10000000;

	while (h->count[kind] < count && clock_now_us() < end) {
		sound_thread_poll(t, on_news, h);
		usleep(2000);
	}
	assert_int_equal(h->count[kind], count);
}

static void a_card_that_vanishes_comes_back(void **state)
{
	struct device_spec spec = { .ops = &fake_ops };
	struct heard h = { .count = { 0 } };
	struct sound_thread *t;

	(void)state;
	fake_reset();
	assert_int_equal(sound_thread_new(&t), 0);
	assert_int_equal(sound_thread_open(t, AUDIO_MIC, 7, &spec), 0);
	wait_for(t, &h, SOUND_OPENED, 1);
	assert_int_equal(h.last.generation, 7);
	assert_string_equal(h.last.text, "a card");
	atomic_store(&refuse, 1);
	atomic_store(&dead, 1);
	wait_for(t, &h, SOUND_DEAD, 1);
	assert_string_equal(h.last.text, "the card has gone");
	assert_int_equal(atomic_load(&closed), 0);      /* not before it is given back */
	sound_thread_give_back(t, AUDIO_MIC, 7);
	usleep(1200000);
	sound_thread_poll(t, on_news, &h);
	assert_int_equal(h.count[SOUND_FAILED], 0);     /* its death was told, that is enough */
	assert_int_equal(atomic_load(&closed), 1);
	atomic_store(&dead, 0);
	atomic_store(&refuse, 0);
	wait_for(t, &h, SOUND_OPENED, 2);
	sound_thread_free(&t);
	assert_int_equal(atomic_load(&closed), 2);
}

static void a_driver_that_hangs_is_left_behind(void **state)
{
	struct device_spec spec = { .ops = &fake_ops };
	struct heard h = { .count = { 0 } };
	struct sound_thread *t;
	int64_t begin;

	(void)state;
	fake_reset();
	assert_int_equal(sound_thread_new(&t), 0);
	assert_int_equal(sound_thread_open(t, AUDIO_SPEAKER, 1, &spec), 0);
	wait_for(t, &h, SOUND_OPENED, 1);
	atomic_store(&hang_ms, 1800);
	begin = clock_now_us();
	sound_thread_free(&t);
	assert_in_range(clock_now_us() - begin, 900000, 1500000);
	for (int i = 0; i < 2000 && !atomic_load(&closed); i++)
		usleep(2000);
	usleep(20000);          /* the thread frees what it holds */
	assert_int_equal(atomic_load(&closed), 1);
}

/* ---- a pump whose other end is slow or broken ---- */

static atomic_int sink_error;
static atomic_size_t sunk;

static int slow_write(void *ctx, const int16_t *v, size_t n)
{
	(void)ctx;
	(void)v;
	if (atomic_load(&sink_error) == -EAGAIN)
		usleep(1000);
	else
		atomic_fetch_add(&sunk, n);
	return atomic_load(&sink_error);
}

static void a_sink_writes_what_it_holds_before_it_ends(void **state)
{
	static const struct pump_ops ops = { .write = slow_write };
	const struct pump_config cfg = { .ring = 48000, .batch = 48000 };
	int16_t v[480] = { 0 };
	struct pump *p;

	(void)state;
	atomic_store(&sunk, 0);
	atomic_store(&sink_error, 0);
	assert_int_equal(pump_open(&p, &cfg, &ops, NULL), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(pump_write(p, v, 480), 480);
	pump_close(&p);
	assert_int_equal(atomic_load(&sunk), 50 * 480);
}

static void a_sink_that_takes_nothing_does_not_hold_the_end_up(void **state)
{
	static const struct pump_ops ops = { .write = slow_write };
	const struct pump_config cfg = { .ring = 4096, .batch = 480 };
	int16_t v[480] = { 0 };
	struct pump *p;
	int64_t begin;
	size_t done = 0;

	(void)state;
	atomic_store(&sink_error, -EAGAIN);
	assert_int_equal(pump_open(&p, &cfg, &ops, NULL), 0);
	for (int i = 0; i < 50; i++)
		done += pump_write(p, v, 480);
	assert_true(done < 50 * 480);           /* full, and it said so */
	begin = clock_now_us();
	pump_close(&p);
	assert_true(clock_now_us() - begin < 1000000);
}

/* ---- stdin and stdout ---- */

struct std { int old, other; };

static void replace(struct std *s, int fd)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	s->old = dup(fd);
	dup2(p[fd == 0 ? 0 : 1], fd);
	close(p[fd == 0 ? 0 : 1]);
	s->other = p[fd == 0 ? 1 : 0];
}

static void restore(struct std *s, int fd)
{
	dup2(s->old, fd);
	close(s->old);
	if (s->other >= 0)
		close(s->other);
}

static void stdin_is_heard_from_its_first_sample(void **state)
{
	enum { N = 960 * 4 };
	struct device_spec spec = { .ops = &dev_stdio };
	int16_t *v = signal_tone(N, 300, 0.5), got[N];
	char text[DEVICE_TEXT];
	struct device *d;
	struct std s;

	(void)state;
	replace(&s, 0);
	assert_int_equal(dev_stdio.open(&d, AUDIO_MIC, &spec, text), 0);
	d->side = AUDIO_MIC;
	/* In pieces that cut samples in half. */
	for (size_t at = 0; at < sizeof(got);) {
		size_t n = sizeof(got) - at < 333 ? sizeof(got) - at : 333;

		assert_int_equal(write(s.other, (char *)v + at, n), n);
		at += n;
		usleep(500);
	}
	close(s.other);
	s.other = -1;
	usleep(200000);
	for (size_t at = 0; at < N; at += 480)
		assert_int_equal(dev_stdio.read(d, got + at, 480), 480);
	assert_memory_equal(got, v, sizeof(got));
	assert_int_equal(dev_stdio.read(d, got, 480), 480);     /* after the end: silence */
	assert_true(signal_rms(got, 480) == 0);
	assert_int_equal(dev_stdio.watch(d, text), DEVICE_WELL);
	dev_stdio.close(d);
	restore(&s, 0);
	free(v);
}

static void stdout_carries_all_samples(void **state)
{
	enum { N = 480 * 6 };
	struct device_spec spec = { .ops = &dev_stdio };
	int16_t *v = signal_tone(N, 300, 0.5), got[N];
	char text[DEVICE_TEXT];
	struct device *d;
	size_t have = 0;
	struct std s;
	int err;

	(void)state;
	replace(&s, 1);
	err = dev_stdio.open(&d, AUDIO_SPEAKER, &spec, text);
	for (size_t at = 0; !err && at < N; at += 480)
		dev_stdio.write(d, v + at, 480);
	while (!err && have < sizeof(got) && poll(&(struct pollfd){ .fd = s.other, .events = POLLIN },
						  1, 5000) > 0) {
		ssize_t n = read(s.other, (char *)got + have, sizeof(got) - have);

		have += n > 0 ? (size_t)n : 0;
	}
	if (!err)
		dev_stdio.close(d);
	restore(&s, 1);
	assert_int_equal(err, 0);
	assert_int_equal(have, sizeof(got));
	assert_memory_equal(got, v, sizeof(got));
	free(v);
}

static void nobody_reads_stdout_and_nothing_waits(void **state)
{
	struct device_spec spec = { .ops = &dev_stdio };
	int16_t v[480] = { 1 };
	char text[DEVICE_TEXT];
	struct device *d;
	uint64_t over = 0;
	int64_t begin = 0, end = 0;
	struct std s;
	int err;

	(void)state;
	replace(&s, 1);
	err = dev_stdio.open(&d, AUDIO_SPEAKER, &spec, text);
	if (!err) {
		for (int i = 0; i < 300; i++)
			dev_stdio.write(d, v, 480);
		over = atomic_load(&d->overruns);
		begin = clock_now_us();
		dev_stdio.close(d);
		end = clock_now_us();
	}
	restore(&s, 1);
	assert_int_equal(err, 0);
	assert_true(over > 0);
	assert_true(end - begin < 1000000);
}

static void a_reader_that_left_is_trouble(void **state)
{
	struct device_spec spec = { .ops = &dev_stdio };
	int16_t v[480] = { 1 };
	char text[DEVICE_TEXT] = "";
	enum device_health health = DEVICE_WELL;
	struct device *d;
	struct std s;
	int err;

	(void)state;
	replace(&s, 1);
	close(s.other);
	s.other = -1;
	err = dev_stdio.open(&d, AUDIO_SPEAKER, &spec, text);
	if (!err) {
		for (int i = 0; i < 100 && health == DEVICE_WELL; i++) {
			dev_stdio.write(d, v, 480);
			usleep(5000);
			health = dev_stdio.watch(d, text);
		}
		dev_stdio.close(d);
	}
	restore(&s, 1);
	assert_int_equal(err, 0);
	assert_int_equal(health, DEVICE_TROUBLED);
}

const struct CMUnitTest test_devices[] = {
	cmocka_unit_test(a_card_that_vanishes_comes_back),
	cmocka_unit_test(a_driver_that_hangs_is_left_behind),
	cmocka_unit_test(a_sink_writes_what_it_holds_before_it_ends),
	cmocka_unit_test(a_sink_that_takes_nothing_does_not_hold_the_end_up),
	cmocka_unit_test(stdin_is_heard_from_its_first_sample),
	cmocka_unit_test(stdout_carries_all_samples),
	cmocka_unit_test(nobody_reads_stdout_and_nothing_waits),
	cmocka_unit_test(a_reader_that_left_is_trouble),
	{0}
};
