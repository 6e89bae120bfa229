/* jitter.h - how late packets come, and what delay that asks for
 *
 * The best moment of the last seconds (the base) stands for the bare line;
 * what packets come later than that goes into a histogram that forgets.  The
 * delay aimed at takes 97 of 100 packets.  Plain data, no allocation.
 */
#ifndef AUDIO_JITTER_H
#define AUDIO_JITTER_H
#include <stdbool.h>
#include <stdint.h>

enum {
	JITTER_MIN_US = 20000, JITTER_START_US = 40000, JITTER_MAX_US = 500000,
	JITTER_STEP_US = 5000, JITTER_STEPS = JITTER_MAX_US / JITTER_STEP_US + 1,
};

struct jitter {
	float late[JITTER_STEPS];       /* adds up to 1 */
	unsigned seen;                  /* packets, up to where forgetting is slowest */
	int64_t base_us[2];             /* least of this window and of the one before */
	int64_t window_us, last_us;     /* its start; last arrival; 0 = none */
	int64_t transit_us;
	double rfc_us;                  /* RFC 3550, section 6.4.1 */
	int64_t target_us;
};

void jitter_init(struct jitter *j);
/* The source began anew: its timestamps have nothing to do with the old ones. */
void jitter_restart(struct jitter *j);
/* timestamp: unwrapped, samples at 48 kHz. */
void jitter_packet(struct jitter *j, int64_t timestamp, int64_t arrival_us);
/* When a sample with this timestamp comes at best. */
int64_t jitter_due_us(const struct jitter *j, int64_t timestamp);

#endif
