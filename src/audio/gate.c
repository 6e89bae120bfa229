/* gate.c - whether the microphone is heard; see the header */
#include "audio/gate.h"
#include <string.h>

void gate_mute(struct gate *g, bool muted, bool by_key)
{
	if (muted && !g->muted)
		g->hang = g->key && by_key ? GATE_KEY_HANG : 0;
	g->key = by_key;
	g->muted = muted;
}

void gate_threshold(struct gate *g, int dbov)
{
	g->threshold = dbov;
	g->loud = 0;
}

void gate_flush(struct gate *g)
{
	g->filled = 0;
	g->open = false;
	g->hang = 0;
}

unsigned gate_delay_ms(const struct gate *g)
{
	return g->open ? g->late * 10 : 0;
}

/* A slope over the block; 0 to 1, or back. */
static void slope(int16_t *v, unsigned n, bool up)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned w = up ? i : n - 1 - i;

		v[i] = (int16_t)((int32_t)v[i] * (int32_t)w / (int32_t)n);
	}
}

static bool wanted(struct gate *g, int level)
{
	if (g->threshold && level >= g->threshold)
		g->loud = GATE_VOICE_HANG;
	else if (g->loud)
		g->loud--;
	return !g->muted && (!g->threshold || g->loud);
}

/* Into the line, and what was put in `late` blocks ago out of it. */
static void shift(struct gate *g, int16_t *v, unsigned n)
{
	int16_t now[GATE_BLOCK * GATE_CHANNELS];
	int16_t *slot = g->line[g->head];

	memcpy(now, v, n * sizeof(*v));
	if (g->late == GATE_PRE)
		memcpy(v, slot, n * sizeof(*v));
	memcpy(slot, now, n * sizeof(*v));
	g->head = (g->head + 1) % GATE_PRE;
	if (g->filled < GATE_PRE)
		g->filled++;
}

bool gate_block(struct gate *g, int16_t *v, unsigned n, int level)
{
	bool want = wanted(g, level), opens = false;

	if (!g->open && want) {
		g->late = (g->threshold || g->key) && g->filled == GATE_PRE ? GATE_PRE : 0;
		g->open = opens = true;
	}
	shift(g, v, n);
	if (!g->open)
		return false;
	if (opens) {
		slope(v, n, true);
	} else if (want) {
		/* A closing that was taken back has nothing to fade. */
	} else if (g->muted && g->hang) {
		g->hang--;
	} else {
		slope(v, n, false);
		g->open = false;
		g->late = 0;
	}
	return true;
}
