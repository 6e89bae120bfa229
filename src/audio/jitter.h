/* jitter.h - how late packets come, and what delay that asks for
 *
 * The best moment of the last seconds (the base) stands for the bare line;
 * what packets come later than that, by their timestamps, goes into a
 * histogram that forgets.  The delay aimed at takes 97 of 100 packets.  A
 * burst beyond it raises the aim at once, which comes down slowly.  Plain
 * data, no allocation.
 */
#ifndef AUDIO_JITTER_H
#define AUDIO_JITTER_H
#include <stdbool.h>
#include <stdint.h>
#include "audio/engine.h"

enum {
	JITTER_START_US = 40000, JITTER_MAX_US = 500000,
	JITTER_STEP_US = 5000, JITTER_STEPS = JITTER_MAX_US / JITTER_STEP_US + 1,
};

struct jitter {
	enum audio_delay wish;
	float late[JITTER_STEPS];       /* adds up to 1 */
	unsigned seen;                  /* packets, up to where forgetting is slowest */
	int64_t base_us[2];             /* least of this window and of the one before */
	int64_t window_us, last_us;     /* its start; last arrival; 0 = none */
	int64_t transit_us;
	double rfc_us;                  /* RFC 3550, section 6.4.1 */
	int64_t burst_us, calm_us;      /* delay that a burst asked for; when it may come down */
	int64_t wait_us;                /* for what the next packet carries of this one */
	int64_t target_us;
};

void jitter_init(struct jitter *j);
/* The source began anew: its timestamps have nothing to do with the old ones. */
void jitter_restart(struct jitter *j);
void jitter_wish(struct jitter *j, enum audio_delay wish);
/* Copies of lost packets come this much later; worth waiting for. */
void jitter_wait(struct jitter *j, int64_t us);
/* timestamp: unwrapped, samples at 48 kHz. */
void jitter_packet(struct jitter *j, int64_t timestamp, int64_t arrival_us);
/* When a sample with this timestamp comes at best. */
int64_t jitter_due_us(const struct jitter *j, int64_t timestamp);

#endif
