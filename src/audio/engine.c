/* engine.c - the whole: ports, clock, tick; see the header
 *
 * One grid of 10 ms drives everything that has no clock of its own.  When a
 * tick comes late, packets may lie in the socket that the late thread has not
 * read yet; so a clocked speaker is given two blocks at a time and the tick
 * asks to be called again at once, which lets the network speak in between.
 * What the clock says is due is mixed in the end, to the sample.
 *
 * A sound card cannot wait: its ring is filled to its target at each tick.
 * The target grows when the card ran dry and shrinks when it has not for long.
 */
#include "audio/engine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audio/block.h"
#include "audio/mic.h"
#include "audio/mixer.h"
#include "audio/process.h"
#include "audio/program.h"
#include "audio/recorder.h"
#include "audio/sound_thread.h"
#include "audio/voices.h"
#include "base/text.h"

enum {
	BLOCK_US = 10000,
	CALM_BLOCKS = 2,        /* mixed at once for a clocked speaker ... */
	HURRY_BLOCKS = 10,      /* ... which is more than FAR_BLOCKS behind */
	FAR_BLOCKS = 10,
	NULL_BLOCKS_MAX = 100,  /* a null speaker may forget what is older than 1 s */
	MIC_BLOCKS_MAX = 100,   /* a microphone, too: nobody wants to hear it that late, ... */
	MIC_BLOCKS_KEPT = 20,
	CARD_BLOCKS_MAX = 20,   /* ... and a card's ring that holds 200 ms */
	CARD_KEPT = 4,
	TARGET = 3 * AUDIO_BLOCK, TARGET_MIN = 2 * AUDIO_BLOCK, TARGET_MAX = 8 * AUDIO_BLOCK,
	TARGET_CALM_US = 20000000,
	FIRST_SOUND = 33,       /* -60 dBFS */
	TALKS_MS = 1000,        /* of speech, less its pauses: no cough */
	DEAD_MS = 5000,
	RECORD_BLOCKS = 32,
	TALKS_DBOV = -50,
};

struct port {                   /* one side */
	unsigned generation;
	struct device *dev;     /* lent by the sound thread */
	bool wanted;            /* not `none` */
	bool waits;             /* see device_ops */
	bool real;
	bool news;              /* state is to be told */
	enum audio_dev_state state;
	uint64_t underruns, overruns;   /* of devices before this one */
	char text[DEVICE_TEXT];         /* of the state */
	char what[DEVICE_TEXT];         /* when it is well */
	char *spec;             /* as it was asked for */
};

/* Our blocks on their way into a recording. */
struct record_line {
	int16_t v[RECORD_BLOCKS][AUDIO_BLOCK * 2];
	unsigned head, count;
};

struct audio {
	struct audio_events ev;
	void *ctx;
	struct sound_thread *thread;    /* from the first device on */
	struct port port[2];
	struct mic mic;
	struct process *process;        /* from the first time that it is wanted on */
	bool processing;
	struct program program;
	struct recorder *recorder;      /* lent; NULL: none */
	struct record_line own;         /* of what we send, until the room's block of that time */
	struct media_frame own_frame;   /* where the numbers of our own packets stand */
	struct voices voices;
	struct mixer mixer;
	int16_t card[2 * AUDIO_BLOCK];  /* of the microphone: a block that fills */
	size_t card_have;
	bool ticking, files, deaf;
	int64_t clock_us;               /* the grid: all before it is done or in `behind` */
	int64_t now_us;
	uint64_t behind;                /* blocks that a clocked speaker is owed */
	size_t target;                  /* samples in a card's ring */
	uint64_t card_underruns;        /* when the target was moved last */
	int64_t calm_us;                /* since then */
	int64_t first_sound_us;
};

/* ---- recording ---- */

static void copy_as_two(int16_t *to, const int16_t *v, unsigned channels)
{
	if (channels == 2)
		memcpy(to, v, AUDIO_BLOCK * 2 * sizeof(*v));
	else
		block_to_two(to, v, AUDIO_BLOCK);
}

/* Each block of ours that is sent. */
static void on_sent(void *ctx, const int16_t *v, unsigned channels)
{
	struct audio *a = ctx;

	if (!a->recorder)
		return;
	if (a->own.count == RECORD_BLOCKS) {
		a->own.head = (a->own.head + 1) % RECORD_BLOCKS;
		a->own.count--;
	}
	copy_as_two(a->own.v[(a->own.head + a->own.count++) % RECORD_BLOCKS], v, channels);
}

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	struct audio *a = ctx;

	a->ev.packet(a->ctx, pkt, samples);
	if (a->recorder && pkt) {
		a->own_frame.payload = pkt->payload;
		a->own_frame.len = pkt->len;
		a->own_frame.arrival_us = a->now_us;
		recorder_frame(a->recorder, &a->own_frame);
		a->own_frame.seq++;
	}
	a->own_frame.timestamp += samples;
}

/* The room's block and ours of about the same time.  room: stereo. */
static void record_block(struct audio *a, const int16_t *room)
{
	int16_t v[AUDIO_BLOCK * 2];

	memcpy(v, room, sizeof(v));
	if (a->own.count) {
		block_add(v, a->own.v[a->own.head], AUDIO_BLOCK * 2);
		a->own.head = (a->own.head + 1) % RECORD_BLOCKS;
		a->own.count--;
	}
	recorder_mix(a->recorder, v);
}

static const struct audio_events mic_events = { .packet = on_packet };

void audio_record(struct audio *a, struct recorder *r)
{
	a->recorder = r;
	a->own.head = a->own.count = 0;
	if (!r && !(a->port[AUDIO_SPEAKER].wanted && !a->deaf))
		voices_flush(&a->voices);
}

int audio_new(struct audio **out, const struct audio_config *cfg, const struct audio_events *ev,
	      void *ctx)
{
	struct audio *a = calloc(1, sizeof(*a));
	int err = -ENOMEM;

	*out = NULL;
	if (!a)
		return err;
	a->ev = *ev;
	a->ctx = ctx;
	a->target = TARGET;
	a->voices.delay = cfg->delay;
	mixer_init(&a->mixer);
	program_init(&a->program);
	a->mic.program = &a->program;
	a->mic.tap = on_sent;
	err = mic_init(&a->mic, cfg, &mic_events, a);
	if (err) {
		audio_free(&a);
		return err;
	}
	*out = a;
	return 0;
}

void audio_free(struct audio **ap)
{
	struct audio *a = *ap;

	if (!a)
		return;
	a->port[AUDIO_MIC].dev = a->port[AUDIO_SPEAKER].dev = NULL;
	sound_thread_free(&a->thread);
	voices_free(&a->voices);
	mic_free(&a->mic);
	process_free(&a->process);
	free(a->port[AUDIO_MIC].spec);
	free(a->port[AUDIO_SPEAKER].spec);
	program_free(&a->program);
	free(a);
	*ap = NULL;
}

/* ---- processing ---- */

/* Without memory for it the voice goes out as it is. */
static void choose_processing(struct audio *a)
{
	const struct audio_sending *s = &a->mic.want;
	bool any = s->aec || s->ns || s->agc, on = s->processing == AUDIO_PROCESS_ON ||
		(s->processing == AUDIO_PROCESS_AUTO && a->port[AUDIO_MIC].real);

	a->processing = on && any && !s->music;
	if (a->processing && !a->process && process_new(&a->process))
		a->processing = false;
	if (a->process)
		process_set(a->process, a->processing && s->aec, a->processing && s->ns,
			    a->processing && s->agc);
}

/* Samples between us and who speaks or hears. */
static size_t held_by(const struct port *p)
{
	struct device *d = p->dev;
	size_t queued = d && d->ops->queued ? d->ops->queued(d) : 0;

	return queued + (d && d->ops->delay_ms ? d->ops->delay_ms(d) : 0) * (AUDIO_HZ / 1000);
}

/* From what we play until it comes back by the air; no fake has any. */
static size_t echo_delay(const struct audio *a)
{
	size_t samples = 0;

	for (int i = 0; i < 2; i++)
		samples += a->port[i].real ? held_by(&a->port[i]) : 0;
	return samples;
}

/* What the room hears, as one channel. */
static void hear_own(struct audio *a, const int16_t *v, unsigned channels)
{
	int16_t one[AUDIO_BLOCK];

	if (!a->processing)
		return;
	if (channels == 2)
		block_to_one(one, v, AUDIO_BLOCK);
	process_far(a->process, channels == 2 ? one : v);
}

/* ---- devices ---- */

static void set_state(struct port *p, enum audio_dev_state state, const char *text)
{
	p->state = state;
	p->news = true;
	text_copy(p->text, sizeof(p->text), text);
}

static void tell(struct audio *a, enum audio_side side)
{
	struct port *p = &a->port[side];

	if (!p->news)
		return;
	p->news = false;
	a->ev.device(a->ctx, side, p->state, p->text, p->real);
}

static void take_away(struct port *p)
{
	if (!p->dev)
		return;
	p->underruns += atomic_load(&p->dev->underruns);
	p->overruns += atomic_load(&p->dev->overruns);
	p->dev = NULL;
}

int audio_set_device(struct audio *a, enum audio_side side, const char *text)
{
	struct port *p = &a->port[side];
	struct device_spec spec;
	char why[DEVICE_TEXT];
	int err = device_spec_parse(&spec, side, text, why);

	if (err)
		return err;
	if (text != p->spec)
		err = text_set(&p->spec, text);
	if (!err && !a->thread)
		err = sound_thread_new(&a->thread);
	if (err)
		goto out;
	spec.channels = a->mic.channels;
	take_away(p);
	p->generation++;
	p->wanted = spec.ops != NULL;
	p->waits = spec.ops && spec.ops->waits;
	p->real = spec.ops && spec.ops->real;
	err = sound_thread_open(a->thread, side, p->generation, &spec);
	if (err)
		p->wanted = false;
	set_state(p, err ? AUDIO_DEV_FAILED : p->wanted ? AUDIO_DEV_OPENING : AUDIO_DEV_OFF,
		  err ? strerror(-err) : text);
	if (side == AUDIO_SPEAKER && !p->wanted)
		voices_flush(&a->voices);
	choose_processing(a);
out:
	device_spec_free(&spec);
	return err;
}

static void on_news(void *ctx, const struct sound_news *n)
{
	struct audio *a = ctx;
	struct port *p = &a->port[n->side];

	if (n->generation != p->generation)
		return;                 /* of a device that nobody wants any more */
	switch (n->kind) {
	case SOUND_OPENED:
		p->dev = n->dev;
		text_copy(p->what, sizeof(p->what), n->text);
		set_state(p, AUDIO_DEV_RUNNING, n->text);
		if (n->side == AUDIO_SPEAKER) {
			a->behind = 0;  /* its time begins now */
			a->card_underruns = 0;
			a->calm_us = a->now_us;
		}
		break;
	case SOUND_WELL:
		set_state(p, AUDIO_DEV_RUNNING, p->what);
		break;
	case SOUND_DEAD:
		take_away(p);
		sound_thread_give_back(a->thread, n->side, p->generation);
		set_state(p, AUDIO_DEV_FAILED, n->text);
		break;
	case SOUND_FAILED:
	case SOUND_TROUBLED:
		set_state(p, AUDIO_DEV_FAILED, n->text);
		break;
	}
	tell(a, n->side);
}

/* ---- microphone ---- */

/* A block as the device gives it, as the microphone wants it: the mean of two
 * channels, or one channel twice.  v holds two channels. */
static void feed(struct audio *a, unsigned channels, int16_t *v)
{
	if (channels == 2 && a->mic.channels == 1)
		block_to_one(v, v, AUDIO_BLOCK);
	if (channels == 1 && a->mic.channels == 2)
		block_to_two(v, v, AUDIO_BLOCK);
	if (a->processing)
		process_near(a->process, v, echo_delay(a));
	mic_block(&a->mic, v, a->now_us);
}

static void skip_card(struct audio *a, struct device *d)
{
	size_t queued = d->ops->queued(d);

	if (queued <= CARD_BLOCKS_MAX * AUDIO_BLOCK)
		return;
	atomic_fetch_add(&d->overruns, 1);
	for (; queued > CARD_KEPT * AUDIO_BLOCK; queued -= AUDIO_BLOCK) {
		d->ops->read(d, a->card, AUDIO_BLOCK);
		mic_nothing(&a->mic, AUDIO_BLOCK);
	}
	a->card_have = 0;
}

static void read_card(struct audio *a, struct device *d)
{
	unsigned channels = d->channels;

	skip_card(a, d);
	for (int i = 0; i < CARD_BLOCKS_MAX; i++) {
		a->card_have += d->ops->read(d, a->card + a->card_have * channels,
					     AUDIO_BLOCK - a->card_have);
		if (a->card_have < AUDIO_BLOCK)
			break;
		feed(a, channels, a->card);
		a->card_have = 0;
	}
}

static void read_clocked(struct audio *a, struct device *d, uint64_t blocks)
{
	int16_t v[2 * AUDIO_BLOCK];
	bool late = blocks > MIC_BLOCKS_MAX;

	for (; blocks; blocks--) {
		d->ops->read(d, v, AUDIO_BLOCK);
		if (late && blocks > MIC_BLOCKS_KEPT)
			mic_nothing(&a->mic, AUDIO_BLOCK);
		else
			feed(a, d->channels, v);
	}
}

static void mic_tick(struct audio *a, uint64_t blocks)
{
	struct port *p = &a->port[AUDIO_MIC];

	if (p->dev && p->real)
		read_card(a, p->dev);
	else if (p->dev && (a->files || !p->waits))
		read_clocked(a, p->dev, blocks);
	else
		while (blocks--)
			mic_idle(&a->mic, a->now_us);
}

/* ---- speaker ---- */

static bool listens(const struct audio *a)
{
	return (a->port[AUDIO_SPEAKER].wanted && !a->deaf) || a->recorder;
}

/* What we play ourselves, and the recording, which wants both sides. */
static void finish_block(struct audio *a, int16_t *v, unsigned channels)
{
	int16_t side[AUDIO_BLOCK * MIXER_CHANNELS];

	if (a->recorder) {
		copy_as_two(side, v, channels);
		record_block(a, side);
	}
	if (a->deaf)
		memset(v, 0, AUDIO_BLOCK * channels * sizeof(*v));
	if (!a->program.line || !program_monitor(&a->program, side))
		return;
	if (channels == 1)
		block_to_one(side, side, AUDIO_BLOCK);
	block_add(v, side, AUDIO_BLOCK * channels);
}

static bool is_sound(const int16_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i] >= FIRST_SOUND || v[i] <= -FIRST_SOUND)
			return true;
	return false;
}

static void play_block(struct audio *a, int64_t when_us)
{
	struct device *d = a->port[AUDIO_SPEAKER].dev;
	int16_t v[AUDIO_BLOCK * MIXER_CHANNELS];
	unsigned channels = a->recorder ? MIXER_CHANNELS : d ? d->channels : 1;

	if (listens(a))
		voices_mix(&a->voices, &a->mixer, when_us);
	mixer_take(&a->mixer, v, channels);
	finish_block(a, v, channels);
	if (d && d->channels < channels)
		block_to_one(v, v, AUDIO_BLOCK);
	channels = d ? d->channels : channels;
	hear_own(a, v, channels);
	if (!d)
		return;                 /* not open yet, or not any more: time passes all the same */
	d->ops->write(d, v, AUDIO_BLOCK);
	if (!a->first_sound_us && is_sound(v, AUDIO_BLOCK * channels))
		a->first_sound_us = a->now_us;
}

/* Ran dry: keep more.  Has not for long: keep less, it is delay. */
static void move_target(struct audio *a, struct device *d)
{
	uint64_t underruns = atomic_load(&d->underruns);

	if (underruns != a->card_underruns) {
		a->card_underruns = underruns;
		a->calm_us = a->now_us;
		if (a->target < TARGET_MAX)
			a->target += AUDIO_BLOCK;
	} else if (a->now_us - a->calm_us > TARGET_CALM_US) {
		a->calm_us = a->now_us;
		if (a->target > TARGET_MIN)
			a->target -= AUDIO_BLOCK / 2;
	}
}

static void fill_card(struct audio *a, struct device *d)
{
	size_t queued = d->ops->queued(d);

	move_target(a, d);
	for (int i = 0; queued < a->target && i < CARD_BLOCKS_MAX; i++) {
		/* The card's moment, free of the jitter of our ticks. */
		int64_t when = a->now_us + ((int64_t)queued - (int64_t)a->target) * 125 / 6;

		play_block(a, when);
		queued += AUDIO_BLOCK;
	}
}

static void fill_clocked(struct audio *a, uint64_t blocks)
{
	unsigned most;

	a->behind += blocks;
	if (a->behind > NULL_BLOCKS_MAX && a->port[AUDIO_SPEAKER].dev &&
	    a->port[AUDIO_SPEAKER].dev->ops == &dev_null)
		a->behind = CALM_BLOCKS;
	most = a->behind > FAR_BLOCKS ? HURRY_BLOCKS : CALM_BLOCKS;
	for (; a->behind && most; a->behind--, most--)
		play_block(a, a->clock_us - (int64_t)(a->behind - 1) * BLOCK_US);
}

static void speaker_tick(struct audio *a, uint64_t blocks)
{
	struct port *p = &a->port[AUDIO_SPEAKER];

	if (!p->wanted && !a->recorder) {
		a->behind = 0;
		return;
	}
	if (p->dev && p->real) {
		a->behind = 0;
		fill_card(a, p->dev);
	} else {
		fill_clocked(a, blocks);
	}
}

/* ---- time ---- */

int64_t audio_tick(struct audio *a, int64_t now_us)
{
	uint64_t blocks;

	if (!a->ticking || now_us < a->clock_us - BLOCK_US) {
		a->ticking = true;
		a->clock_us = now_us;
	}
	a->now_us = now_us;
	tell(a, AUDIO_MIC);
	tell(a, AUDIO_SPEAKER);
	blocks = now_us > a->clock_us ? (uint64_t)(now_us - a->clock_us) / BLOCK_US : 0;
	a->clock_us += (int64_t)blocks * BLOCK_US;
	mic_tick(a, blocks);
	speaker_tick(a, blocks);
	voices_sweep(&a->voices);
	/* After the blocks of this tick: a device's time begins with the next. */
	if (a->thread)
		sound_thread_poll(a->thread, on_news, a);
	return a->behind ? now_us : a->clock_us + BLOCK_US;
}

void audio_input(struct audio *a, const struct media_frame *f)
{
	if (f->voice && f->level <= 0 && f->level > TALKS_DBOV)
		program_talked(&a->program, f->arrival_us);
	if (a->recorder)
		recorder_frame(a->recorder, f);
	voices_input(&a->voices, f, listens(a));
}

/* ---- settings ---- */

void audio_start_files(struct audio *a)
{
	a->files = true;
}

void audio_set_muted(struct audio *a, bool muted, bool by_key)
{
	mic_mute(&a->mic, muted, by_key);
}

void audio_set_deaf(struct audio *a, bool deaf)
{
	if (deaf && !a->deaf)
		voices_flush(&a->voices);
	a->deaf = deaf;
}

void audio_set_delay(struct audio *a, enum audio_delay delay)
{
	voices_delay(&a->voices, delay);
}

void audio_set_sending(struct audio *a, const struct audio_sending *want)
{
	bool music = a->mic.want.music;
	struct port *p = &a->port[AUDIO_MIC];

	mic_sending(&a->mic, want);
	choose_processing(a);
	/* A card is opened with as many channels as are wanted. */
	if (a->mic.want.music != music && p->real && p->spec)
		audio_set_device(a, AUDIO_MIC, p->spec);
}

void audio_set_line(struct audio *a, const struct audio_line *l)
{
	mic_line(&a->mic, l);
}

void audio_source_gain(struct audio *a, uint32_t ssrc, double gain)
{
	voices_gain(&a->voices, ssrc, gain);
}

void audio_source_remove(struct audio *a, uint32_t ssrc)
{
	voices_remove(&a->voices, ssrc);
	if (!listens(a))
		voices_flush(&a->voices);
}

struct player *audio_player(struct audio *a)
{
	return program_open(&a->program) ? NULL : a->program.player;
}

int audio_system(struct audio *a, struct system_sound *s)
{
	return program_system(&a->program, s);
}

void audio_set_program(struct audio *a, const struct audio_program *want)
{
	a->program.want = *want;
}

/* ---- what it tells ---- */

static unsigned port_delay(const struct port *p)
{
	return (unsigned)(held_by(p) / (AUDIO_HZ / 1000));
}

void audio_stats(const struct audio *a, struct audio_stats *out)
{
	memset(out, 0, sizeof(*out));
	voices_stats(&a->voices, out);
	for (int i = 0; i < 2; i++) {
		const struct port *p = &a->port[i];

		out->underruns += p->underruns + (p->dev ? atomic_load(&p->dev->underruns) : 0);
		out->overruns += p->overruns + (p->dev ? atomic_load(&p->dev->overruns) : 0);
	}
	out->passed = a->mic.passed;
	out->mic_level = level_get(&a->mic.meter, a->now_us);
	out->first_sound_us = a->first_sound_us;
	out->speaker_delay_ms = port_delay(&a->port[AUDIO_SPEAKER]);
	out->mic_delay_ms = port_delay(&a->port[AUDIO_MIC]) + gate_delay_ms(&a->mic.gate) +
			    a->mic.frame / (AUDIO_HZ / 1000);
	out->frame_ms = a->mic.plan.frame_ms;
	out->bitrate = a->mic.plan.bitrate;
	out->fec = a->mic.plan.fec > 0;
	out->red = a->mic.plan.red;
	out->music = a->mic.want.music;
	out->tight = a->mic.plan.tight;
	if (a->port[AUDIO_MIC].real || a->mic.want.processing == AUDIO_PROCESS_ON) {
		out->talks_muted = a->mic.talk_muted_ms > TALKS_MS;
		out->mic_dead = a->mic.zero_ms > DEAD_MS;
	}
}

size_t audio_sources(const struct audio *a, struct audio_source_stats *out, size_t max)
{
	return voices_each(&a->voices, out, max, a->now_us);
}
