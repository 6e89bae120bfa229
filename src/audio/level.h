/* level.h - how loud it is: dBov of RFC 6464, meters, voice or not
 *
 * No state but the caller's structs; fields all zero are a valid start.
 */
#ifndef AUDIO_LEVEL_H
#define AUDIO_LEVEL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEVEL_SILENT = -127,    /* RFC 6464, section 3: "digital silence" */
	LEVEL_SLOTS = 5, LEVEL_SLOT_US = 50000,
};

/* dBov of n samples, 0 to -126; LEVEL_SILENT only if all of them are zero. */
int level_dbov(const int16_t *v, size_t n);

/* Mean power of the last 250 ms, from levels that come in at any pace. */
struct level_meter {
	int64_t slot;                   /* number of the newest one */
	float power[LEVEL_SLOTS];
	unsigned count[LEVEL_SLOTS];
};
void level_add(struct level_meter *m, int dbov, int64_t now_us);
int level_get(const struct level_meter *m, int64_t now_us);

/* Is somebody speaking?  Above a floor that follows the quiet moments. */
struct level_voice {
	float floor;                    /* dBov */
	unsigned hang_ms;               /* words end softly */
	bool begun;
};
bool level_voice(struct level_voice *v, int dbov, unsigned ms);

#endif
