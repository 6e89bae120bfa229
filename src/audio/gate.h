/* gate.h - whether the microphone is heard: mute, push to talk, threshold
 *
 * Works on blocks of 10 ms.  It opens and closes by a slope of 10 ms, so that
 * nothing clicks.  Where it opens by a key held or by the voice itself, what
 * is sent runs PRE_MS behind the microphone for as long as it is open: the
 * beginning of the first word was there before anybody could know; and it
 * stays open for a moment after the end.  Each block that comes in is one that
 * goes out or one that is kept back, so time is never lost or made.
 *
 * Media thread.  All zero but `most` is a valid start: open for all.
 */
#ifndef AUDIO_GATE_H
#define AUDIO_GATE_H
#include <stdbool.h>
#include <stdint.h>

enum {
	GATE_BLOCK = 480, GATE_CHANNELS = 2,
	GATE_PRE = 6,                   /* blocks: 60 ms before the key, before the threshold */
	GATE_KEY_HANG = 15,             /* blocks: words end after fingers let go ... */
	GATE_VOICE_HANG = 30,           /* ... and more softly than they begin */
};

struct gate {
	bool muted;
	bool key;                       /* opened and closed by a key that is held */
	int threshold;                  /* dBov below which nobody talks; 0: none */

	bool open;
	unsigned late;                  /* blocks that what is sent runs behind */
	unsigned hang;
	unsigned loud;                  /* blocks of hang of the threshold */
	int16_t line[GATE_PRE][GATE_BLOCK * GATE_CHANNELS];
	unsigned head, filled;
};

/* by_key: a key is held, or was let go. */
void gate_mute(struct gate *g, bool muted, bool by_key);
void gate_threshold(struct gate *g, int dbov);
/* n values (both channels): a block of the microphone in, in its place what is
 * sent.  level: its dBov.  False: nothing is sent. */
bool gate_block(struct gate *g, int16_t *v, unsigned n, int level);
/* Forgets what it holds back: the number of channels has changed. */
void gate_flush(struct gate *g);
unsigned gate_delay_ms(const struct gate *g);

#endif
