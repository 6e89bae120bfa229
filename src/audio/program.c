/* program.c - what is played to the room; see the header */
#include "audio/program.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "audio/limiter.h"

enum {
	DUCK_HOLD_US = 800000,          /* after a word */
	SLACK = 20,                     /* blocks by which two clocks may part */
};

static const float duck = 0.25f;        /* -12 dB */
static const float fall = 0.7f, rise = 1.06f; /* a block: 40 ms down, some 250 ms up again */

void program_init(struct program *p)
{
	memset(p, 0, sizeof(*p));
	p->want = (struct audio_program){ .level = 1, .duck = true, .monitor = true };
	p->gain = 1;
	p->talked_us = INT64_MIN / 2;
}

void program_free(struct program *p)
{
	player_free(&p->player);
	free(p->line);
	p->line = NULL;
}

int program_open(struct program *p)
{
	if (!p->line)
		p->line = calloc(PROGRAM_MONITOR, sizeof(*p->line));
	if (!p->line)
		return -ENOMEM;
	return p->player ? 0 : player_new(&p->player);
}

int program_system(struct program *p, struct system_sound *s)
{
	int err = s ? program_open(p) : 0;

	if (!err)
		p->system = s;
	return err;
}

bool program_is_on(const struct program *p)
{
	return p->system || (p->player && player_is_on(p->player));
}

void program_talked(struct program *p, int64_t now_us)
{
	p->talked_us = now_us;
}

/* Where the gain goes by the end of this block. */
static float next_gain(const struct program *p, int64_t now_us)
{
	float full = (float)p->want.level;
	float aim = p->want.duck && now_us - p->talked_us < DUCK_HOLD_US ? full * duck : full;
	float g = p->gain;

	if (g > aim)
		g = fmaxf(g * fall, aim);
	else if (g < aim)
		g = fminf(fmaxf(g, full / 100) * rise, aim);
	return g;
}

static void remember(struct program *p, const int16_t *v)
{
	if (!p->want.monitor)
		return;
	if (p->count == PROGRAM_MONITOR) {
		p->head = (p->head + 1) % PROGRAM_MONITOR;
		p->count--;
	}
	memcpy(p->line[(p->head + p->count++) % PROGRAM_MONITOR], v, sizeof(p->line[0]));
}

bool program_mix(struct program *p, int16_t *v, bool silent, int64_t now_us,
		 const struct player_piece **packet)
{
	const struct player_piece *piece = p->player ? player_take(p->player) : NULL;
	float from = p->gain, to = next_gain(p, now_us);
	int16_t out[PROGRAM_BLOCK * 2];

	*packet = NULL;
	p->gain = to;
	/* The machine's own sound is heard here already: no level, no monitor. */
	if (p->system && system_sound_add(p->system, v)) {
		silent = false;
		if (!piece)
			return true;
	}
	if (!piece)
		return false;
	for (int i = 0; i < PROGRAM_BLOCK; i++) {
		float g = from + (to - from) * (float)(i + 1) / PROGRAM_BLOCK;

		for (int c = 0; c < 2; c++) {
			float x = (float)piece->v[2 * i + c] * g;

			out[2 * i + c] = limiter_round(x);
			v[2 * i + c] = limiter_round(x + v[2 * i + c]);
		}
	}
	remember(p, out);
	if (silent && from == 1 && to == 1 && piece->packet_len)
		*packet = piece;
	return true;
}

static void drop_first(struct program *p)
{
	p->head = (p->head + 1) % PROGRAM_MONITOR;
	p->count--;
}

bool program_monitor(struct program *p, int16_t *v)
{
	unsigned late = p->want.monitor_ms / 10;

	if (late > PROGRAM_MONITOR - SLACK)
		late = PROGRAM_MONITOR - SLACK;
	/* What is behind the last piece still has to be heard. */
	if (!p->count || (p->count <= late && program_is_on(p)))
		return false;
	while (p->count > late + SLACK)
		drop_first(p);
	memcpy(v, p->line[p->head], sizeof(p->line[0]));
	drop_first(p);
	return true;
}
