/* device.h - what a microphone or a speaker is to the engine
 *
 * A device is opened, watched and closed on the sound thread, where it may
 * block; between opening and closing the media thread alone reads or writes
 * it, and there nothing blocks: a ring lies in between wherever a disk, a
 * pipe or a card is at the other end.
 *
 * A sound card ("real") has a clock of its own: what it has is read, what its
 * ring lacks is written.  All others are clocked by the engine, which reads
 * and writes as many samples as the clock says are due.
 */
#ifndef AUDIO_DEVICE_H
#define AUDIO_DEVICE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "audio/engine.h"

enum { DEVICE_TEXT = 256 };

struct device;
enum device_health {
	DEVICE_WELL,
	DEVICE_TROUBLED,        /* text says why; it stays in use and may recover */
	DEVICE_DEAD             /* text says why; close it, open it anew */
};

/* What the user asked for, taken apart. */
struct device_spec {
	const struct device_ops *ops;   /* NULL: none */
	double hz;                      /* tone */
	bool loop;                      /* file */
	unsigned channels;              /* of a microphone: 2 are wanted; 0, 1: one */
	char *name;                     /* path, or name or number of a card; owned */
};

struct device_ops {
	const char *name;
	bool real;              /* a sound card with its own clock */
	bool waits;             /* as microphone begins with the media, not before */

	/* Sound thread.  text (DEVICE_TEXT): what it is, or why it cannot be used. */
	int (*open)(struct device **out, enum audio_side side, const struct device_spec *spec,
		    char *text);
	void (*close)(struct device *d);                /* frees it; files are whole then */
	/* Every 500 ms; NULL: nothing can befall it. */
	enum device_health (*watch)(struct device *d, char *text);

	/* Media thread.  Real: what there is, at most n.  Others: always n. */
	size_t (*read)(struct device *d, int16_t *v, size_t n);
	void (*write)(struct device *d, const int16_t *v, size_t n);
	/* Real ones: samples in the ring, at 48 kHz. */
	size_t (*queued)(struct device *d);
	unsigned (*delay_ms)(struct device *d);         /* beyond the ring; NULL: 0 */
};

struct device {                 /* first member of each kind */
	const struct device_ops *ops;
	enum audio_side side;
	/* Of what is read or written, 1 or 2, set by open(): two are interleaved,
	 * left first.  A pair is one "sample" below. */
	unsigned channels;
	/* Counted by whoever notices, printed by the media thread. */
	atomic_uint_least64_t underruns, overruns;
};

extern const struct device_ops dev_null, dev_tone, dev_noise, dev_file, dev_stdio, dev_pa;

/* Takes a DEVICE of the command line apart.  0; -EINVAL, -ENOTSUP, -ENOMEM,
 * with the reason for people in text. */
int device_spec_parse(struct device_spec *out, enum audio_side side, const char *s, char *text);
void device_spec_free(struct device_spec *s);

#endif
