/* room.c - engines that hear each other; see the header */
#include "unit/audio/room.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit/unit.h"

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	struct member *m = ctx;
	struct room *r = m->room;
	struct waiting *w = &r->waiting[r->head % ROOM_WAITING];

	if (!pkt) {
		m->timestamp += samples;
		m->skipped += samples;
		return;
	}
	assert_int_equal(pkt->samples, samples);
	assert_in_range(pkt->len, 1, sizeof(w->p));
	assert_true(r->head - r->tail < ROOM_WAITING);
	*w = (struct waiting){ .at = r->now_us + r->delay_us, .from = (int)(m - r->member),
			       .seq = m->seq++, .timestamp = m->timestamp,
			       .level = r->no_levels ? 1 : pkt->level, .len = pkt->len };
	memcpy(w->p, pkt->payload, pkt->len);
	m->timestamp += samples;
	m->packets++;
	m->level = pkt->level;
	m->voice = pkt->voice;
	if (pkt->level < m->least_level)
		m->least_level = pkt->level;
	r->head++;
}

static void on_device(void *ctx, enum audio_side side, enum audio_dev_state state,
		      const char *text, bool real)
{
	struct member *m = ctx;

	(void)real;
	m->state[side] = state;
	m->told[side][state]++;
	strncpy(m->text[side], text, sizeof(m->text[side]) - 1);
}

void room_new(struct room *r)
{
	memset(r, 0, sizeof(*r));
	r->now_us = 1000000000;
	r->delay_us = 2000;
	r->waiting = calloc(ROOM_WAITING, sizeof(*r->waiting));
	assert_non_null(r->waiting);
}

void room_until(struct room *r, struct member *m, enum audio_side side,
		enum audio_dev_state state)
{
	for (int i = 0; i < 20000 && m->state[side] != state; i++) {
		audio_tick(m->audio, r->now_us);
		usleep(500);
	}
	assert_int_equal(m->state[side], state);
}

struct member *room_add_cfg(struct room *r, const struct audio_config *cfg, const char *mic,
			    const char *speaker)
{
	static const struct audio_events ev = { on_packet, on_device };
	struct member *m = &r->member[r->count];

	assert_true(r->count < ROOM_MAX);
	memset(m, 0, sizeof(*m));
	m->room = r;
	m->ssrc = 0x1000 + (uint32_t)r->count;
	m->seq = 65530;
	m->timestamp = 0xfffff000u;
	assert_int_equal(audio_new(&m->audio, cfg, &ev, m), 0);
	r->count++;
	if (mic)
		assert_int_equal(audio_set_device(m->audio, AUDIO_MIC, mic), 0);
	if (speaker)
		assert_int_equal(audio_set_device(m->audio, AUDIO_SPEAKER, speaker), 0);
	if (mic)
		room_until(r, m, AUDIO_MIC, strcmp(mic, "none") ? AUDIO_DEV_RUNNING : AUDIO_DEV_OFF);
	if (speaker)
		room_until(r, m, AUDIO_SPEAKER,
			   strcmp(speaker, "none") ? AUDIO_DEV_RUNNING : AUDIO_DEV_OFF);
	return m;
}

struct member *room_add(struct room *r, const char *mic, const char *speaker)
{
	struct audio_config cfg = { .complexity = 5 };

	return room_add_cfg(r, &cfg, mic, speaker);
}

void room_start_files(struct room *r)
{
	for (int i = 0; i < r->count; i++)
		audio_start_files(r->member[i].audio);
}

static void deliver(struct room *r)
{
	for (; r->tail < r->head && r->waiting[r->tail % ROOM_WAITING].at <= r->now_us; r->tail++) {
		struct waiting *w = &r->waiting[r->tail % ROOM_WAITING];
		struct media_frame f = {
			.ssrc = r->member[w->from].ssrc, .seq = w->seq, .timestamp = w->timestamp,
			.arrival_us = w->at, .payload = w->p, .len = w->len, .level = w->level,
		};

		for (int i = 0; i < r->count; i++)
			if (i != w->from && !r->member[i].gone)
				audio_input(r->member[i].audio, &f);
	}
}

/* A late tick is called again at once, as a loop would. */
static void tick(struct room *r, struct member *m)
{
	for (int i = 0; i < 1000; i++) {
		if (audio_tick(m->audio, r->now_us) > r->now_us)
			return;
		deliver(r);
	}
	fail_msg("the engine never gets done");
}

void room_run(struct room *r, int64_t us, int64_t step_us)
{
	int64_t end = r->now_us + us;

	while (r->now_us < end) {
		r->now_us += step_us;
		deliver(r);
		for (int i = 0; i < r->count; i++)
			if (!r->member[i].gone)
				tick(r, &r->member[i]);
		if (r->nap_us)
			usleep((useconds_t)(r->nap_us * step_us / 10000));
	}
}

void room_free(struct room *r)
{
	for (int i = 0; i < r->count; i++)
		audio_free(&r->member[i].audio);
	free(r->waiting);
}
