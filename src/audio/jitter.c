/* jitter.c - how late packets come; see the header
 *
 * Drift of the clocks needs no care of its own: the base moves with it.
 */
#include "audio/jitter.h"
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_US = 2000000,    /* the base is the least of 2 to 4 s */
	MARGIN_US = 10000,      /* the mixer asks every 10 ms, at any moment */
	SLOWEST = 800,          /* packets: then a packet weighs 1/400, 8 s at 20 ms */
};
static const float quantile = 0.97f;

static int64_t us_of(int64_t samples)
{
	return samples * 125 / 6;               /* 1000000 / 48000 */
}

void jitter_init(struct jitter *j)
{
	memset(j, 0, sizeof(*j));
	/* What is assumed before anything is known; a dozen packets forget it. */
	j->late[(JITTER_START_US - MARGIN_US) / JITTER_STEP_US - 1] = 1;
	j->target_us = JITTER_START_US;
}

void jitter_restart(struct jitter *j)
{
	j->window_us = j->last_us = 0;
}

static void note_base(struct jitter *j, int64_t transit, int64_t now)
{
	if (!j->last_us || now - j->last_us > WINDOW_US || now < j->last_us - WINDOW_US) {
		j->base_us[0] = j->base_us[1] = transit;
		j->window_us = now;
		j->transit_us = transit;
	} else if (now - j->window_us > WINDOW_US) {
		j->base_us[1] = j->base_us[0];
		j->base_us[0] = transit;
		j->window_us = now;
	} else if (transit < j->base_us[0]) {
		j->base_us[0] = transit;
	}
	j->last_us = now;
}

static int64_t base_of(const struct jitter *j)
{
	return j->base_us[0] < j->base_us[1] ? j->base_us[0] : j->base_us[1];
}

static int64_t aim(const struct jitter *j)
{
	float sum = 0;
	int64_t us;
	int i;

	for (i = 0; i < JITTER_STEPS - 1; i++) {
		sum += j->late[i];
		if (sum >= quantile)
			break;
	}
	us = (i + 1) * (int64_t)JITTER_STEP_US + MARGIN_US;
	return us < JITTER_MIN_US ? JITTER_MIN_US : us > JITTER_MAX_US ? JITTER_MAX_US : us;
}

void jitter_packet(struct jitter *j, int64_t timestamp, int64_t arrival_us)
{
	int64_t transit = arrival_us - us_of(timestamp), late;
	float keep;

	note_base(j, transit, arrival_us);
	j->rfc_us += ((double)llabs(transit - j->transit_us) - j->rfc_us) / 16;
	j->transit_us = transit;

	if (j->seen < SLOWEST)
		j->seen++;
	/* The first packets count alike and at once; later ones 1/400 each. */
	keep = 1 - 2.0f / ((float)j->seen + 2);
	for (int i = 0; i < JITTER_STEPS; i++)
		j->late[i] *= keep;
	late = (transit - base_of(j)) / JITTER_STEP_US;
	j->late[late < 0 ? 0 : late < JITTER_STEPS ? late : JITTER_STEPS - 1] += 1 - keep;
	j->target_us = aim(j);
}

int64_t jitter_due_us(const struct jitter *j, int64_t timestamp)
{
	return base_of(j) + us_of(timestamp);
}
