/* budget.c - a cap on the line; see the header */
#include "audio/budget.h"
#include <string.h>

enum {
	WINDOW_S = 5,           /* over which the cap is meant */
	JOINING_US = 2000000,
	OTHERS_LEAST = 900,     /* bit/s: reports and consent checks of a call at rest */
};
static const double used = 0.945;       /* of the cap flows in, ... */
static const double held = 0.05;        /* ... and so much of five seconds of it may wait */
static const double fades = 0.9;        /* of `others`, each slot: half in 1.6 s */

static double depth(const struct budget *b)
{
	return b->cap * held * WINDOW_S / 8;
}

static void fill(struct budget *b, int64_t now_us)
{
	double s = (double)(now_us - b->filled_us) / 1e6;

	if (s < 0 || s > WINDOW_S)
		s = s < 0 ? 0 : WINDOW_S;
	b->filled_us = now_us;
	b->tokens += budget_sound(b) * s / 8;
	if (b->tokens > depth(b))
		b->tokens = depth(b);
}

void budget_set(struct budget *b, int cap, int64_t now_us)
{
	if (cap == b->cap)
		return;
	b->cap = cap;
	b->filled_us = now_us;
	b->tokens = depth(b) / 2;
}

static double window(const struct budget *b)
{
	double sum = 0;

	for (int i = 0; i < BUDGET_SLOTS; i++)
		sum += b->slot[i];
	return sum * 8 / WINDOW_S;
}

static void forward(struct budget *b, int64_t now_us)
{
	int64_t slot = now_us / BUDGET_SLOT_US;

	if (slot - b->newest >= BUDGET_SLOTS || slot < b->newest) {
		memset(b->slot, 0, sizeof(b->slot));
		b->newest = slot;
	}
	for (; b->newest < slot; b->others *= fades)
		b->slot[++b->newest % BUDGET_SLOTS] = 0;
	if (b->others < window(b))
		b->others = window(b);
}

void budget_other(struct budget *b, unsigned bytes, int64_t now_us)
{
	double before, after;

	/* What joining a room costs comes before sound, and a moment after it. */
	if (!b->cap || !bytes || !b->begun_us || now_us - b->begun_us < JOINING_US)
		return;
	fill(b, now_us);
	forward(b, now_us);
	before = b->others > OTHERS_LEAST ? b->others : OTHERS_LEAST;
	b->slot[b->newest % BUDGET_SLOTS] += bytes;
	after = window(b);
	if (after <= before)
		return;
	/* More than was set aside: the packets of sound before us have used it. */
	b->tokens -= (after - before) * WINDOW_S / 8;
	if (b->tokens < -depth(b) * 4)
		b->tokens = -depth(b) * 4;
	b->others = after;
}

void budget_sent(struct budget *b, unsigned bytes, int64_t now_us)
{
	if (!b->cap)
		return;
	if (!b->begun_us)
		b->begun_us = now_us;
	fill(b, now_us);
	b->tokens -= bytes;
}

int budget_sound(const struct budget *b)
{
	double others = b->others > OTHERS_LEAST ? b->others : OTHERS_LEAST;
	double left = b->cap * used - others;

	/* Sound comes first: signalling in bursts does not silence it. */
	if (left < b->cap * 0.5)
		left = b->cap * 0.5;
	return b->cap ? (int)left : 0;
}

double budget_swing(struct budget *b, int64_t now_us)
{
	double full;

	if (!b->cap)
		return 1;
	fill(b, now_us);
	full = b->tokens / depth(b);
	full = full < 0 ? 0 : full;
	return 0.85 + 0.5 * full;
}

int budget_room(struct budget *b, int64_t now_us)
{
	if (!b->cap)
		return -1;
	fill(b, now_us);
	return b->tokens > 0 ? (int)b->tokens : 0;
}
