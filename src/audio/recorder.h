/* recorder.h - the call into files: the mix, and by choice each person alone
 *
 *	media thread -> rings -> writer thread -> Ogg Opus files
 *
 * The mix is encoded, persons' packets go into their files as they came, with
 * silence where nothing did, so that all files begin and run together.  What
 * reached the disk plays, whatever ends the program: a page a second.  The
 * media thread never waits; what the disk is too slow for is dropped and
 * counted.  All on the media thread but where it says so.
 */
#ifndef AUDIO_RECORDER_H
#define AUDIO_RECORDER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/frame.h"

struct recorder;

struct recorder_config {
	const char *path;       /* "….opus"; persons' files get their name put in before the ending */
	bool people;
	const char *title;      /* tags; "" none */
	const char *date;       /* "2026-11-25T20:00:00+0100" */
};
/* Creates the file; never overwrites one (-EEXIST).  Touches the disk: any
 * thread but media. */
int recorder_new(struct recorder **out, const struct recorder_config *cfg);
/* Writes what is there and ends the files; blocks: not on media. */
void recorder_free(struct recorder **r);

/* 10 ms of the mix, stereo. */
void recorder_mix(struct recorder *r, const int16_t v[960]);
/* A packet of a person; nothing where people get no files of their own. */
void recorder_frame(struct recorder *r, const struct media_frame *f);
/* Whose packets these are; any thread.  Before the first packet, or the file is
 * named after the number. */
void recorder_label(struct recorder *r, uint32_t ssrc, const char *name);

/* Any thread. */
struct recorder_status {
	int err;                /* it has stopped: -ENOSPC, … */
	int64_t samples;        /* of the mix, on the disk */
	uint64_t dropped;       /* pieces for which there was no room */
};
void recorder_status(struct recorder *r, struct recorder_status *out);

#endif
