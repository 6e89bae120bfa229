/* pa.h - PortAudio, up while somebody needs it
 *
 * PortAudio is one for the process and knows no threads, so all calls but
 * those of a running stream are made between pa_lock() and pa_unlock().
 * Initialising looks for every card there is, which may take 200 ms: not on
 * loop or media.
 */
#ifndef AUDIO_PA_H
#define AUDIO_PA_H
#include <portaudio.h>

void pa_lock(void);
void pa_unlock(void);

/* Locked.  Up with the first, down with the last; what comes back after that
 * finds the cards that are there then.  0 or -EIO. */
int pa_up(void);
void pa_down(void);

/* Locked, up.  A device for a side by "default", number or part of a name;
 * -ENODEV. */
int pa_find(const char *name, int input);

#endif
