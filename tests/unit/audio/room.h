/* room.h - engines that hear each other, over a line without a network
 *
 * Time is a number here; only what the engines' own threads do (opening
 * devices, files) takes real time, and is waited for.
 */
#ifndef UNIT_AUDIO_ROOM_H
#define UNIT_AUDIO_ROOM_H
#include "audio/engine.h"

enum { ROOM_MAX = 48, ROOM_WAITING = 8192 };

struct room;
struct member {
	struct room *room;
	struct audio *audio;
	uint32_t ssrc;
	uint16_t seq;
	uint32_t timestamp;
	bool gone;
	unsigned packets, skipped;      /* packets; samples of packet(NULL) */
	int level, least_level;         /* of the last packet; least of all */
	bool voice;
	enum audio_dev_state state[2];
	unsigned told[2][4];            /* how often each state */
	char text[2][256];
};

struct waiting {
	int64_t at;
	int from;
	uint16_t seq;
	uint32_t timestamp;
	int level;
	size_t len;
	uint8_t p[1275];
};

struct room {
	struct member member[ROOM_MAX];
	int count;
	int64_t now_us;
	int64_t delay_us;
	unsigned nap_us;                /* real time for each 10 ms: threads of files need some */
	bool no_levels;
	struct waiting *waiting;        /* a ring in order of time */
	size_t head, tail;
};

void room_new(struct room *r);
/* Waits until both devices run (or, with `fails`, have failed). */
struct member *room_add(struct room *r, const char *mic, const char *speaker);
struct member *room_add_cfg(struct room *r, const struct audio_config *cfg, const char *mic,
			    const char *speaker);
void room_until(struct room *r, struct member *m, enum audio_side side,
		enum audio_dev_state state);
void room_start_files(struct room *r);
/* Time passes in ticks of step_us. */
void room_run(struct room *r, int64_t us, int64_t step_us);
void room_free(struct room *r);

#endif
