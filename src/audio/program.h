/* program.h - what is played to the room beside the microphone
 *
 *	player -> level, ducking -> the microphone's frame -> room
 *	                         \-> monitor, later ----------> own speaker
 *
 * The room hears it after the line and its own buffers; the monitor waits as
 * long, so that all hear one place of the music at one time.  An Opus packet of
 * a file goes out as it is while nothing is mixed into it.  Media thread.
 */
#ifndef AUDIO_PROGRAM_H
#define AUDIO_PROGRAM_H
#include <stdbool.h>
#include <stdint.h>
#include "audio/engine.h"
#include "audio/player.h"
#include "audio/system_sound.h"

enum { PROGRAM_BLOCK = 480, PROGRAM_MONITOR = 200 /* blocks: 2 s */ };

struct program {
	struct player *player;  /* NULL: nothing was ever played */
	struct system_sound *system; /* lent; NULL: what the machine plays stays here */
	struct audio_program want;
	float gain;             /* of the end of the last block */
	int64_t talked_us;      /* somebody did */
	int16_t (*line)[PROGRAM_BLOCK * 2]; /* the monitor's delay */
	unsigned head, count;
};

void program_init(struct program *p);
void program_free(struct program *p);
/* Also from what the machine's other programs play; NULL: no more.  -ENOMEM. */
int program_system(struct program *p, struct system_sound *s);
/* From the first call on there is a player.  -ENOMEM. */
int program_open(struct program *p);
bool program_is_on(const struct program *p);
void program_talked(struct program *p, int64_t now_us); /* who: the room or we */
/* Adds the next 10 ms to v (stereo).  silent: nothing else is in v; then *packet
 * is a packet to be sent in place of it (lent), or NULL.  False: nothing came. */
bool program_mix(struct program *p, int16_t *v, bool silent, int64_t now_us,
		 const struct player_piece **packet);
/* The monitor's next 10 ms, stereo; false: silence. */
bool program_monitor(struct program *p, int16_t *v);

#endif
