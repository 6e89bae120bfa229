/* level.c - how loud it is; see the header */
#include "audio/level.h"
#include <math.h>
#include <string.h>

enum {
	VOICE_ABOVE_DB = 9,     /* over the floor */
	VOICE_LEAST_DB = -60,   /* below is nobody, whatever the floor */
	VOICE_HANG_MS = 200,
};
/* The floor falls at once and rises slowly: a sentence is no floor yet. */
static const float floor_rise_db_per_ms = 0.002f;

int level_dbov(const int16_t *v, size_t n)
{
	uint64_t energy = 0;
	int db;

	for (size_t i = 0; i < n; i++)
		energy += (uint64_t)((int32_t)v[i] * v[i]);
	if (!energy)
		return LEVEL_SILENT;
	/* RFC 6465, appendix A: the root mean square against the largest value. */
	db = (int)lrint(10 * log10((double)energy / (double)n / (32767.0 * 32767.0)));
	return db > 0 ? 0 : db < LEVEL_SILENT + 1 ? LEVEL_SILENT + 1 : db;
}

static void forward(struct level_meter *m, int64_t slot)
{
	if (slot - m->slot >= LEVEL_SLOTS || slot < m->slot) {
		memset(m, 0, sizeof(*m));
	} else {
		for (int64_t s = m->slot + 1; s <= slot; s++) {
			m->power[s % LEVEL_SLOTS] = 0;
			m->count[s % LEVEL_SLOTS] = 0;
		}
	}
	m->slot = slot;
}

void level_add(struct level_meter *m, int dbov, int64_t now_us)
{
	int64_t slot = now_us > 0 ? now_us / LEVEL_SLOT_US : 0;

	/* A clock that steps back by a little is only a late report. */
	if (slot > m->slot || slot < m->slot - LEVEL_SLOTS)
		forward(m, slot);
	m->power[m->slot % LEVEL_SLOTS] += dbov <= LEVEL_SILENT ? 0 : powf(10, (float)dbov / 10);
	m->count[m->slot % LEVEL_SLOTS]++;
}

int level_get(const struct level_meter *m, int64_t now_us)
{
	int64_t slot = now_us > 0 ? now_us / LEVEL_SLOT_US : 0;
	float power = 0;
	unsigned count = 0;
	int db;

	for (int64_t s = m->slot; s > m->slot - LEVEL_SLOTS && s >= 0; s--) {
		if (slot - s >= LEVEL_SLOTS)
			break;
		power += m->power[s % LEVEL_SLOTS];
		count += m->count[s % LEVEL_SLOTS];
	}
	if (!count || power <= 0)
		return LEVEL_SILENT;
	db = (int)lrintf(10 * log10f(power / (float)count));
	return db > 0 ? 0 : db < LEVEL_SILENT ? LEVEL_SILENT : db;
}

bool level_voice(struct level_voice *v, int dbov, unsigned ms)
{
	float db = (float)dbov;

	if (!v->begun || db < v->floor) {
		/* The first frame may be speech already: begin well below it. */
		v->floor = v->begun ? db : fminf(db, -50);
		v->begun = true;
	} else {
		v->floor = fminf(v->floor + floor_rise_db_per_ms * (float)ms, db);
	}
	if (v->floor < -90)
		v->floor = -90;
	if (db > VOICE_LEAST_DB && db > v->floor + VOICE_ABOVE_DB)
		v->hang_ms = VOICE_HANG_MS;
	else
		v->hang_ms -= v->hang_ms < ms ? v->hang_ms : ms;
	return v->hang_ms > 0;
}
