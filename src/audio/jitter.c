/* jitter.c - how late packets come; see the header
 *
 * Drift of the clocks needs no care of its own: the base moves with it.
 */
#include "audio/jitter.h"
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_US = 2000000,    /* the base is the least of 2 to 4 s */
	SLOWEST = 800,          /* packets: then a packet weighs 1/400, 8 s at 20 ms */
	BURST_OVER_US = 20000,  /* so much later than the aim is a burst */
	BURST_MAX_US = 250000,
	BURST_HOLD_US = 2000000,        /* it is likely to come again soon, ... */
	BURST_MORE = 4,                 /* ... and longer where it did */
	BURST_FALL = 25,        /* then the aim comes down by a 25th of the time: 40 ms a second */
};

/* The mixer asks every 10 ms, at any moment: the margin is that much, unless
 * little delay is worth a gap now and then. */
struct rule { float share; int64_t margin_us, least_us; };
static const struct rule rules[] = {
	[AUDIO_DELAY_NORMAL] = { 0.97f, 10000, 20000 },
	[AUDIO_DELAY_LOW] = { 0.92f, 6000, 12000 },
	[AUDIO_DELAY_SAFE] = { 0.995f, 20000, 60000 },
};

static int64_t us_of(int64_t samples)
{
	return samples * 125 / 6;               /* 1000000 / 48000 */
}

void jitter_init(struct jitter *j)
{
	memset(j, 0, sizeof(*j));
	/* What is assumed before anything is known; a dozen packets forget it. */
	j->late[(JITTER_START_US - rules[0].margin_us) / JITTER_STEP_US - 1] = 1;
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

/* What the histogram asks for. */
static int64_t usual(const struct jitter *j)
{
	float sum = 0;
	int i;

	for (i = 0; i < JITTER_STEPS - 1; i++) {
		sum += j->late[i];
		if (sum >= rules[j->wish].share)
			break;
	}
	return (i + 1) * (int64_t)JITTER_STEP_US + rules[j->wish].margin_us;
}

static void aim(struct jitter *j)
{
	int64_t us = usual(j) + j->wait_us;

	if (us < rules[j->wish].least_us + j->wait_us)
		us = rules[j->wish].least_us + j->wait_us;
	if (us < j->burst_us)
		us = j->burst_us;
	j->target_us = us < JITTER_MAX_US ? us : JITTER_MAX_US;
}

/* The histogram learns slowly; whoever has just waited 200 ms for a packet may
 * well do so again. */
static void note_burst(struct jitter *j, int64_t late_us, int64_t now)
{
	bool again = j->burst_us && now > j->calm_us;
	int64_t us = late_us + rules[j->wish].margin_us, calm;

	if (again) {
		j->burst_us -= (now - j->calm_us) / BURST_FALL;
		j->calm_us = now;
		if (j->burst_us < usual(j))
			j->burst_us = 0;
	}
	if (j->wish == AUDIO_DELAY_LOW || late_us < usual(j) + BURST_OVER_US)
		return;
	if (us > BURST_MAX_US)
		us = BURST_MAX_US;
	/* The packets behind the first of a burst are part of it. */
	if (us > j->burst_us)
		j->burst_us = us;
	calm = now + (again ? BURST_HOLD_US * BURST_MORE : BURST_HOLD_US);
	if (calm > j->calm_us)
		j->calm_us = calm;
}

void jitter_wish(struct jitter *j, enum audio_delay wish)
{
	j->wish = wish;
	if (wish == AUDIO_DELAY_LOW)
		j->burst_us = 0;
	aim(j);
}

void jitter_wait(struct jitter *j, int64_t us)
{
	if (us == j->wait_us)
		return;
	j->wait_us = us;
	aim(j);
}

void jitter_packet(struct jitter *j, int64_t timestamp, int64_t arrival_us)
{
	int64_t transit = arrival_us - us_of(timestamp), late;
	float keep;
	int step;

	note_base(j, transit, arrival_us);
	j->rfc_us += ((double)llabs(transit - j->transit_us) - j->rfc_us) / 16;
	j->transit_us = transit;

	if (j->seen < SLOWEST)
		j->seen++;
	/* The first packets count alike and at once; later ones 1/400 each. */
	keep = 1 - 2.0f / ((float)j->seen + 2);
	for (int i = 0; i < JITTER_STEPS; i++)
		j->late[i] *= keep;
	late = transit - base_of(j);
	step = late < 0 ? 0 : late < JITTER_MAX_US ? (int)(late / JITTER_STEP_US) : JITTER_STEPS - 1;
	j->late[step] += 1 - keep;
	note_burst(j, late, arrival_us);
	aim(j);
}

int64_t jitter_due_us(const struct jitter *j, int64_t timestamp)
{
	return base_of(j) + us_of(timestamp);
}
