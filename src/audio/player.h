/* player.h - files that are played to the room: a queue, and its samples
 *
 *	files -> reader thread -> 10 ms pieces (2 s of them) -> media thread
 *
 * The reader touches the disk, the media thread never waits for it: a piece
 * that is not there is silence.  Ogg Opus packets travel beside what they
 * decode to, so that they can be sent as they are.  All functions on the media
 * thread; commands cost a few copied words under a leaf mutex that the reader
 * holds as short.
 */
#ifndef AUDIO_PLAYER_H
#define AUDIO_PLAYER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct player;

enum { PLAYER_BLOCK = 480, PLAYER_TITLE = 200, PLAYER_QUEUE = 200, PLAYER_PACKET = 1275 };

int player_new(struct player **out);
void player_free(struct player **p);

int player_add(struct player *p, const char *path);     /* -ENOSPC: the queue is full */
void player_next(struct player *p);
void player_pause(struct player *p, bool pause);
void player_stop(struct player *p);                     /* and empties the queue */
void player_seek(struct player *p, int64_t sample);     /* of the file that plays */

struct player_piece {
	int16_t v[PLAYER_BLOCK * 2];    /* stereo */
	/* An Opus packet that begins here; packet_len 0: none, or the middle of one. */
	uint8_t packet[PLAYER_PACKET];
	uint16_t packet_len, packet_samples;
};
/* The next 10 ms, lent until the next call; NULL: nothing plays just now. */
const struct player_piece *player_take(struct player *p);

struct player_status {
	bool playing;                   /* a file is open, paused or not */
	bool paused;
	char title[PLAYER_TITLE];
	int64_t position, length;       /* samples; length -1: unknown */
	unsigned queued;                /* files that come after it */
	uint64_t starved;               /* pieces that were not there in time */
	uint64_t failed;                /* files that could not be read */
	char trouble[512];              /* the last of them, "cannot read A.mp3: …" */
};
/* Pieces that wait to be taken. */
unsigned player_ready(const struct player *p);
/* There are pieces, or more are read, and it is not paused. */
bool player_is_on(const struct player *p);
void player_status(struct player *p, struct player_status *out);
/* The names of what comes, as player_add() got them; false past the end. */
bool player_queued(struct player *p, unsigned i, char *out, size_t size);

#endif
