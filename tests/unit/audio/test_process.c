/* test_process.c - echo, noise and gain on a voice */
#include <math.h>
#include <opusfile.h>
#include <stdlib.h>
#include <string.h>
#include "audio/process.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

enum { HZ = 48000, B = PROCESS_BLOCK, S = HZ / B, TAPS = 80 };

/* A room: the direct way 4 ms after the devices, then reflections that die
 * away by 60 dB in 0.3 s. */
struct hall { int at[TAPS]; float gain[TAPS]; };

static void make_hall(struct hall *r, int delay, float loud)
{
	struct dice d = { 11 };

	r->at[0] = delay + HZ / 250;
	r->gain[0] = loud * 0.8f;
	for (int i = 1; i < TAPS; i++) {
		double t = 0.12 * dice_unit(&d);

		r->at[i] = r->at[0] + (int)(t * HZ);
		r->gain[i] = loud * 0.35f * (float)(pow(10, -3 * t / 0.3) * (dice_unit(&d) * 2 - 1));
	}
}

static float echo_at(const struct hall *r, const int16_t *far, long i)
{
	float sum = 0;

	for (int k = 0; k < TAPS; k++)
		if (i >= r->at[k])
			sum += r->gain[k] * far[i - r->at[k]];
	return sum;
}

static double db(const int16_t *v, size_t n)
{
	return 20 * log10(signal_rms(v, n) + 1e-3);
}

/* A voice of the demo, its pauses cut: at most n samples behind v. */
static size_t add_voice(int16_t *v, size_t n, const char *path)
{
	OggOpusFile *f = op_open_file(path, NULL);
	int16_t b[B];
	size_t done = 0, have = 0;
	int hang = 0, got;

	assert_non_null(f);
	while ((got = op_read(f, b + have, (int)(B - have), NULL)) > 0) {
		have += (size_t)got;
		if (have < B)
			continue;
		have = 0;
		hang = signal_rms(b, B) > 100 ? 10 : hang - 1;
		if (hang > 0 && done + B <= n) {
			memcpy(v + done, b, sizeof(b));
			done += B;
		}
	}
	op_free(f);
	return done;
}

struct scene {
	int16_t *far, *near, *echo, *mic, *out;
	size_t n;
};

static void free_scene(struct scene *s)
{
	free(s->far);
	free(s->near);
	free(s->echo);
	free(s->mic);
	free(s->out);
}

/* The far side talks all the time, a near voice from 7 to 10 s of 13. */
static void make_scene(struct scene *s, int delay)
{
	struct hall r;
	struct dice d = { 3 };
	size_t got;

	s->n = 13 * HZ;
	s->far = calloc(s->n, sizeof(int16_t));
	s->near = calloc(s->n, sizeof(int16_t));
	got = add_voice(s->far, s->n, "src/app/demo/ben.opus");
	got += add_voice(s->far + got, s->n - got, "src/app/demo/clara.opus");
	add_voice(s->far + got, s->n - got, "src/app/demo/ben.opus");
	add_voice(s->near + 7 * HZ, 3 * HZ, "src/app/demo/anna.opus");
	s->echo = calloc(s->n, sizeof(int16_t));
	s->mic = calloc(s->n, sizeof(int16_t));
	s->out = calloc(s->n, sizeof(int16_t));
	make_hall(&r, delay, 0.5f);
	for (size_t i = 0; i < s->n; i++) {
		s->near[i] = (int16_t)(s->near[i] / 2);
		s->echo[i] = (int16_t)echo_at(&r, s->far, (long)i);
		s->mic[i] = (int16_t)(s->echo[i] + s->near[i] + (int)(dice_u32(&d) % 16) - 8);
	}
}

/* What is played is known `ahead` blocks before it is heard; told: what the
 * devices say of it.  They breathe by a block. */
static void run(struct scene *s, struct process *p, size_t ahead, size_t told)
{
	size_t blocks = s->n / B;

	for (size_t i = 0; i < ahead; i++)
		process_far(p, s->far + i * B);
	for (size_t i = 0; i < blocks; i++) {
		size_t wobble = i % 3 == 1 ? B / 2 : 0;

		if (i + ahead < blocks)
			process_far(p, s->far + (i + ahead) * B);
		memcpy(s->out + i * B, s->mic + i * B, B * sizeof(int16_t));
		process_near(p, s->out + i * B, told * B + wobble);
	}
}

static void an_echo_goes_and_the_near_voice_stays(void **state)
{
	/* ms of devices, and what they say more or less. */
	static const struct { int ahead, wrong; } t[] = { { 6, 0 }, { 12, -3 }, { 4, 1 } };

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct scene s;
		struct process *p;
		double like, gain;
		size_t at;

		make_scene(&s, 0);
		assert_int_equal(process_new(&p), 0);
		process_set(p, true, true, false);
		run(&s, p, (size_t)t[k].ahead, (size_t)(t[k].ahead + t[k].wrong));
		/* Echo return loss after 2 s, and after both have talked. */
		assert_true(db(s.echo + 2 * HZ, 5 * HZ) - db(s.out + 2 * HZ, 5 * HZ) > 25);
		assert_true(db(s.echo + 11 * HZ, 2 * HZ) - db(s.out + 11 * HZ, 2 * HZ) > 25);
		at = signal_find(s.out + 7 * HZ, 3 * HZ, s.near + 8 * HZ, HZ, 2 * HZ, &like, &gain);
		assert_true(like > 0.8);
		assert_true(gain > 0.7 && gain < 1.2);
		assert_in_range(at, HZ - HZ / 20, HZ + HZ / 20);
		process_free(&p);
		free_scene(&s);
	}
}

static void without_an_echo_nothing_is_cut(void **state)
{
	struct scene s;
	struct process *p;
	double like, gain;

	(void)state;
	make_scene(&s, 0);
	memcpy(s.mic, s.near, s.n * sizeof(int16_t));   /* headphones */
	assert_int_equal(process_new(&p), 0);
	process_set(p, true, false, false);
	run(&s, p, 5, 5);
	signal_find(s.out + 7 * HZ, 3 * HZ, s.near + 8 * HZ, HZ, 2 * HZ, &like, &gain);
	assert_true(like > 0.95);
	assert_true(gain > 0.9 && gain < 1.1);
	process_free(&p);
	free_scene(&s);
}

static void what_is_off_does_nothing(void **state)
{
	struct process *p;
	int16_t *v = signal_speech(HZ, 4), *w = signal_speech(HZ, 4);

	(void)state;
	assert_int_equal(process_new(&p), 0);
	for (int i = 0; i < S; i++) {
		process_far(p, w + i * B);
		process_near(p, v + i * B, 0);
	}
	assert_memory_equal(v, w, HZ * sizeof(*v));
	process_set(p, true, true, true);
	for (int i = 0; i < S; i++)
		process_near(p, v + i * B, 0);
	process_set(p, false, false, false);
	memcpy(v, w, HZ * sizeof(*v));
	for (int i = 0; i < S; i++)
		process_near(p, v + i * B, 0);
	assert_memory_equal(v, w, HZ * sizeof(*v));
	process_free(&p);
	free(v);
	free(w);
}

static void noise_goes_down(void **state)
{
	struct process *p;
	struct dice d = { 3 };
	int16_t *v = malloc(4 * HZ * sizeof(*v));
	double before;

	(void)state;
	for (int i = 0; i < 4 * HZ; i++)
		v[i] = (int16_t)((int)(dice_u32(&d) % 400) - 200);
	before = db(v + 3 * HZ, HZ);
	assert_int_equal(process_new(&p), 0);
	process_set(p, false, true, false);
	for (int i = 0; i < 4 * S; i++)
		process_near(p, v + i * B, 0);
	assert_true(before - db(v + 3 * HZ, HZ) > 10);
	process_free(&p);
	free(v);
}

static double spoken_db(const int16_t *voice, double gain, double *peak)
{
	struct process *p;
	int16_t *v = malloc(20 * HZ * sizeof(*v));
	double end;

	for (int i = 0; i < 20 * HZ; i++)
		v[i] = (int16_t)fmax(-32768, fmin(32767, voice[i] * gain));
	assert_int_equal(process_new(&p), 0);
	process_set(p, false, false, true);
	for (int i = 0; i < 20 * S; i++)
		process_near(p, v + i * B, 0);
	end = db(v + 15 * HZ, 5 * HZ) - 20 * log10(32768);
	*peak = 0;
	for (int i = 0; i < 20 * HZ; i++)
		*peak = fmax(*peak, abs(v[i]));
	process_free(&p);
	free(v);
	return end;
}

static void soft_and_loud_voices_come_together(void **state)
{
	int16_t *v = calloc(20 * HZ, sizeof(*v));
	double own, peak, soft, loud;

	(void)state;
	for (size_t at = 0; at < 20 * HZ - B; )
		at += add_voice(v + at, 20 * HZ - at, "src/app/demo/clara.opus");
	own = db(v, 20 * HZ) - 20 * log10(32768);
	soft = spoken_db(v, pow(10, (-36 - own) / 20), &peak);
	loud = spoken_db(v, pow(10, (-14 - own) / 20), &peak);
	assert_true(soft > -28 && soft < -16);
	assert_true(loud > -26 && loud < -16);
	assert_true(fabs(soft - loud) < 6);
	assert_true(peak <= 29500);
	free(v);
}

static void a_quiet_room_is_not_lifted(void **state)
{
	struct process *p;
	struct dice d = { 3 };
	int16_t *v = malloc(20 * HZ * sizeof(*v));
	double before;

	(void)state;
	for (int i = 0; i < 20 * HZ; i++)
		v[i] = (int16_t)((int)(dice_u32(&d) % 40) - 20);
	before = db(v, HZ);
	assert_int_equal(process_new(&p), 0);
	process_set(p, false, false, true);
	for (int i = 0; i < 20 * S; i++)
		process_near(p, v + i * B, 0);
	assert_true(db(v + 19 * HZ, HZ) - before < 1);
	process_free(&p);
	free(v);
}

const struct CMUnitTest test_process[] = {
	cmocka_unit_test(an_echo_goes_and_the_near_voice_stays),
	cmocka_unit_test(without_an_echo_nothing_is_cut),
	cmocka_unit_test(what_is_off_does_nothing),
	cmocka_unit_test(noise_goes_down),
	cmocka_unit_test(soft_and_loud_voices_come_together),
	cmocka_unit_test(a_quiet_room_is_not_lifted),
	{0}
};
