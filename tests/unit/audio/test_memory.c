/* test_memory.c - the nth allocation fails, for n = 0, 1, 2 ...
 *
 * malloc and its kin of this program fail when a counter of the test's own
 * thread has run down; sanitizers bring their own malloc and skip it.
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
#include "unit/unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

static _Thread_local int left = -1;     /* allocations until one fails; -1: none does */
static _Thread_local int failed;

#if OWN_MALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void *aligned_alloc(size_t align, size_t n);

static int refuses(void)
{
	if (left < 0 || left-- > 0)
		return 0;
	left = -1;
	failed = 1;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return refuses() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refuses() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refuses() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return refuses() ? NULL : __libc_memalign(align, n);
}
#endif

/* Runs fn until no allocation of it fails any more. */
static void each_allocation(int (*fn)(void))
{
	int n = 0;

	if (!OWN_MALLOC)
		skip();
	do {
		int err;

		failed = 0;
		left = n++;
		err = fn();
		left = -1;
		assert_int_equal(err, failed ? -ENOMEM : 0);
	} while (failed);
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
	int keep = left, err;

	left = -1;
	err = audio_new(&a, &cfg, &ev, NULL);
	left = keep;
	if (!err)
		err = audio_set_device(a, AUDIO_SPEAKER, "file:/no/such/file.wav");
	keep = left;
	left = -1;
	audio_free(&a);
	left = keep;
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
	int keep = left;

	left = -1;
	pump_close(&p);
	left = keep;
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
	if (!OWN_MALLOC)
		skip();
	for (int n = 0; n < 40; n++) {
		struct room *r = calloc(1, sizeof(*r));

		room_new(r);
		room_add_cfg(r, &(struct audio_config){ .complexity = 0 }, "tone", "none");
		room_add_cfg(r, &(struct audio_config){ .complexity = 0 }, "none", "null");
		left = n;
		room_run(r, 300000, 10000);
		left = -1;
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
	left = failed = 0;
	for (int i = 0; i + AUDIO_BLOCK <= AUDIO_HZ; i += AUDIO_BLOCK) {
		process_far(p, v + i);
		process_near(p, v + i, 480);
		mic_block(&m, v + i, i * 1000LL / 48);
	}
	left = -1;
	asked = failed;
	assert_int_equal(mic_sending(&m, &music), 0);
	left = failed = 0;
	for (int i = 0; i + 2 * AUDIO_BLOCK <= AUDIO_HZ; i += 2 * AUDIO_BLOCK)
		mic_block(&m, v + i, i * 1000LL / 48);
	left = -1;
	assert_false(asked || failed);
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
