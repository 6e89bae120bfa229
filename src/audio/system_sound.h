/* system_sound.h - what the other programs of this machine play
 *
 * PulseAudio, and PipeWire in its clothes, let each stream on its way to a
 * sound card be listened to alone.  All but our own are taken, so that nobody
 * in the call hears himself again.  A thread of the library fills a ring a
 * stream; the media thread takes what is there.
 */
#ifndef AUDIO_SYSTEM_SOUND_H
#define AUDIO_SYSTEM_SOUND_H
#include <stdbool.h>
#include <stdint.h>

struct system_sound;

enum { SYSTEM_BLOCK = 480 };

/* Connects in the background; text: why not, for people.  0; -ENOTSUP: not
 * built in; -ENOMEM.  Any thread but media. */
int system_sound_new(struct system_sound **out, char *text, unsigned size);
void system_sound_free(struct system_sound **s);        /* not on media */
/* RT-safe.  Adds 10 ms, stereo; false: nothing is played.  Media thread. */
bool system_sound_add(struct system_sound *s, int16_t v[2 * SYSTEM_BLOCK]);
/* Any thread: streams that are heard; -1: the sound server is not there (any
 * more). */
int system_sound_streams(struct system_sound *s);

#endif
