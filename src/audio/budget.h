/* budget.h - a cap on the line: what a packet may weigh now
 *
 * A bucket fills at the rate that is left for sound and holds a little; so
 * any five seconds carry what flows in five seconds and what it holds, which
 * together are less than the cap.  What else the call sends (reports, STUN,
 * the bridge's channel, chat) is set aside first, as much as its worst five
 * seconds of late.  Bytes are those of the line, IP headers included.  Time
 * is passed in; all zero is a valid start: no cap.
 */
#ifndef AUDIO_BUDGET_H
#define AUDIO_BUDGET_H
#include <stdint.h>

enum { BUDGET_SLOTS = 20, BUDGET_SLOT_US = 250000 };

struct budget {
	int cap;                        /* bit/s; 0: none */
	double tokens;                  /* bytes */
	int64_t filled_us;
	unsigned slot[BUDGET_SLOTS];    /* bytes of other things, five seconds of them */
	int64_t newest;                 /* number of the newest slot */
	double others;                  /* bit/s, the worst of late */
	int64_t begun_us;               /* sound went out first; 0: not yet */
};

void budget_set(struct budget *b, int cap, int64_t now_us);
/* Something else went out. */
void budget_other(struct budget *b, unsigned bytes, int64_t now_us);
/* A packet of sound went out. */
void budget_sent(struct budget *b, unsigned bytes, int64_t now_us);
/* bit/s for sound, headers included; 0: no cap. */
int budget_sound(const struct budget *b);
/* How a bitrate that just fits may be moved now, so that the bucket stays
 * half full: 0.85 to 1.35. */
double budget_swing(struct budget *b, int64_t now_us);
/* Bytes that the next packet may have; -1: no cap. */
int budget_room(struct budget *b, int64_t now_us);

#endif
