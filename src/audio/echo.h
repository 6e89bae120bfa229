/* echo.h - takes out of the microphone what the speaker plays
 *
 * Works on blocks of 10 ms at 48 kHz, one channel, on the media thread, without
 * allocating.  What is played goes in when it is handed to the speaker; which
 * part of it a block of the microphone can have heard follows from what both
 * devices hold back.
 */
#ifndef AUDIO_ECHO_H
#define AUDIO_ECHO_H
#include <stddef.h>
#include <stdint.h>

enum { ECHO_BLOCK = 480, ECHO_TAIL_MS = 150 };

struct echo;
struct SpeexEchoState_;

int echo_new(struct echo **out);
void echo_free(struct echo **e);
void echo_reset(struct echo *e);

/* A block that the speaker will play. */
void echo_far(struct echo *e, const int16_t v[ECHO_BLOCK]);
/* A block of the microphone, in place.  held: samples that have been given to
 * echo_far() since the moment when v ended, as far as ears are concerned: what
 * waits before the speaker, and what waited behind the microphone. */
void echo_near(struct echo *e, int16_t v[ECHO_BLOCK], size_t held);
/* Behind what works with the residue (noise suppression): takes away what is
 * left when nobody near talks. */
void echo_suppress(struct echo *e, int16_t v[ECHO_BLOCK]);
/* For speexdsp's own estimate of the residue. */
struct SpeexEchoState_ *echo_state(const struct echo *e);

#endif
