/* test_memory.c - the nth allocation fails, for n = 0, 1, 2 ...
 *
 * Sanitizers bring their own malloc, and skip it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/encode.h"
#include "audio/engine.h"
#include "audio/jbuf.h"
#include "audio/mic.h"
#include "audio/process.h"
#include "audio/pump.h"
#include "audio/sound_thread.h"
#include "audio/voices.h"
#include "unit/audio/room.h"
#include "unit/audio/signal.h"
#include "unit/fail_alloc.h"
#include "unit/unit.h"

/* Runs fn until no allocation of it fails any more. */
static void each_allocation(int (*fn)(void))
{
	int n = 0;

	if (!fail_alloc_works())
		skip();
	do {
		int err;

		fail_alloc_at(n++);
		err = fn();
		fail_alloc_at(-1);
		assert_int_equal(err, fail_alloc_came() ? -ENOMEM : 0);
	} while (fail_alloc_came());
	assert_true(n > 1);
}

static int make_jbuf(void)
{
	struct jbuf *j;
	int err = jbuf_new(&j);

	jbuf_free(&j);
	return err;
}

static int make_codecs(void)
{
	struct encoder_config cfg = { .complexity = 5 };
	struct encoder *e = NULL;
	struct decoder *d;
	int err = decoder_new(&d);

	if (!err)
		err = encoder_new(&e, &cfg);
	encoder_free(&e);
	decoder_free(&d);
	return err;
}

static void nothing(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	(void)ctx;
	(void)pkt;
	(void)samples;
}

static void no_news(void *ctx, enum audio_side side, enum audio_dev_state state, const char *text,
		    bool real)
{
	(void)ctx;
	(void)side;
	(void)state;
	(void)text;
	(void)real;
}

static const struct audio_events ev = { nothing, no_news };

static int make_engine(void)
{
	struct audio_config cfg = { .complexity = 5 };
	struct audio *a;
	int err = audio_new(&a, &cfg, &ev, NULL);

	audio_free(&a);
	return err;
}

static int make_devices(void)
{
	struct audio_config cfg = { .complexity = 5 };
	struct audio *a;
	long paused = fail_alloc_pause();
	int err = audio_new(&a, &cfg, &ev, NULL);

	fail_alloc_go_on(paused);
	if (!err)
		err = audio_set_device(a, AUDIO_SPEAKER, "file:/no/such/file.wav");
	paused = fail_alloc_pause();
	audio_free(&a);
	fail_alloc_go_on(paused);
	return err;
}

static int take_frames(void)
{
	static const uint8_t p[3] = { 0x78, 0, 0 };
	struct voices *v = calloc(1, sizeof(*v));
	struct mixer m;
	int16_t out[MIXER_BLOCK];
	int err = v ? voices_gain(v, 3, 0.5) : -ENOMEM;

	mixer_init(&m);
	for (uint16_t i = 0; v && !err && i < 20; i++) {
		struct media_frame f = { .ssrc = 3, .seq = i, .timestamp = i * 960u,
					 .arrival_us = 1000000 + i * 20000, .payload = p,
					 .len = sizeof(p), .level = -30 };

		err = voices_input(v, &f, true);
		voices_mix(v, &m, f.arrival_us);
		mixer_take(&m, out, 1);
	}
	if (v)
		voices_free(v);
	free(v);
	return err;
}

static long no_sound(void *ctx, int16_t *v, size_t n)
{
	(void)ctx;
	(void)v;
	(void)n;
	return 0;
}

static int make_pump(void)
{
	static const struct pump_ops ops = { .read = no_sound };
	static const struct pump_config cfg = { 4800, 480, false };
	struct pump *p;
	int err = pump_open(&p, &cfg, &ops, NULL);
	long paused = fail_alloc_pause();

	pump_close(&p);
	fail_alloc_go_on(paused);
	return err;
}

static void jitter_buffers(void **state)
{
	(void)state;
	each_allocation(make_jbuf);
}

static void codecs(void **state)
{
	(void)state;
	each_allocation(make_codecs);
}

static void engines(void **state)
{
	(void)state;
	each_allocation(make_engine);
}

static void devices(void **state)
{
	(void)state;
	each_allocation(make_devices);
}

static void sources_and_their_frames(void **state)
{
	(void)state;
	each_allocation(take_frames);
}

static void pumps(void **state)
{
	(void)state;
	each_allocation(make_pump);
}

/* A call in which one allocation after another fails goes on and ends well. */
static void a_call_short_of_memory(void **state)
{
	(void)state;
	if (!fail_alloc_works())
		skip();
	for (int n = 0; n < 40; n++) {
		struct room *r = calloc(1, sizeof(*r));

		room_new(r);
		room_add_cfg(r, &(struct audio_config){ .complexity = 0 }, "tone", "none");
		room_add_cfg(r, &(struct audio_config){ .complexity = 0 }, "none", "null");
		fail_alloc_at(n);
		room_run(r, 300000, 10000);
		fail_alloc_at(-1);
		room_free(r);
		free(r);
	}
}

/* Sound flows without asking for memory. */
static void a_block_needs_none(void **state)
{
	int16_t *v = signal_speech(AUDIO_HZ, 3);
	struct process *p;
	struct mic m = { 0 };
	struct audio_config cfg = { .complexity = 9 };
	struct audio_sending music = { .music = true };
	bool asked;

	(void)state;
	assert_int_equal(process_new(&p), 0);
	process_set(p, true, true, true);
	assert_int_equal(mic_init(&m, &cfg, &ev, NULL), 0);
	fail_alloc_at(0);
	for (int i = 0; i + AUDIO_BLOCK <= AUDIO_HZ; i += AUDIO_BLOCK) {
		process_far(p, v + i);
		process_near(p, v + i, 480);
		mic_block(&m, v + i, i * 1000LL / 48);
	}
	fail_alloc_at(-1);
	asked = fail_alloc_came();
	assert_int_equal(mic_sending(&m, &music), 0);
	fail_alloc_at(0);
	for (int i = 0; i + 2 * AUDIO_BLOCK <= AUDIO_HZ; i += 2 * AUDIO_BLOCK)
		mic_block(&m, v + i, i * 1000LL / 48);
	fail_alloc_at(-1);
	assert_false(asked || fail_alloc_came());
	mic_free(&m);
	process_free(&p);
	free(v);
}

const struct CMUnitTest test_memory[] = {
	cmocka_unit_test(jitter_buffers),
	cmocka_unit_test(codecs),
	cmocka_unit_test(engines),
	cmocka_unit_test(devices),
	cmocka_unit_test(sources_and_their_frames),
	cmocka_unit_test(pumps),
	cmocka_unit_test(a_block_needs_none),
	cmocka_unit_test(a_call_short_of_memory),
	{0}
};
