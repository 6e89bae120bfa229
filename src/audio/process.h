/* process.h - what is done to a voice before it is encoded
 *
 *	microphone -> echo cancellation -> noise suppression -> rest of the echo
 *	           -> automatic gain
 *
 * 48 kHz, one channel, blocks of 10 ms, on the media thread; nothing allocates
 * after process_new().  What is switched off does nothing: with all of it off
 * a block stays as it was, bit by bit.
 */
#ifndef AUDIO_PROCESS_H
#define AUDIO_PROCESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROCESS_BLOCK = 480 };

struct process;

int process_new(struct process **out);
void process_free(struct process **p);
/* What changes begins anew. */
void process_set(struct process *p, bool aec, bool ns, bool agc);
/* The speaker's blocks; both channels of it in one. */
void process_far(struct process *p, const int16_t v[PROCESS_BLOCK]);
/* held: see echo.h. */
void process_near(struct process *p, int16_t v[PROCESS_BLOCK], size_t held);

#endif
