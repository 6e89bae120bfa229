/* sound_thread.h - the thread that opens, watches and closes devices
 *
 * Opening a sound card takes a tenth of a second and may hang; files are on
 * disks.  So the engine asks and goes on, and hears by sound_thread_poll()
 * what came of it.  A device is lent to the engine from SOUND_OPENED until
 * the engine asks for another or gives it back.
 */
#ifndef AUDIO_SOUND_THREAD_H
#define AUDIO_SOUND_THREAD_H
#include "audio/device.h"

struct sound_thread;

enum sound_news_kind {
	SOUND_OPENED,           /* dev is the engine's to use */
	SOUND_FAILED,           /* cannot be opened; it is tried again every 2 s */
	SOUND_TROUBLED,         /* in use, but not well */
	SOUND_WELL,             /* again */
	SOUND_DEAD              /* do not touch it any more: sound_thread_give_back() */
};

struct sound_news {
	enum sound_news_kind kind;
	enum audio_side side;
	unsigned generation;    /* of the request that it answers */
	struct device *dev;
	char text[DEVICE_TEXT];
};

int sound_thread_new(struct sound_thread **out);
/* Devices are closed, files whole: waits at most 1 s for it (2 s where a
 * file is open).  A thread that hangs in a driver is left behind. */
void sound_thread_free(struct sound_thread **t);

/* All on the media thread.  Takes spec; the device before it is given back. */
int sound_thread_open(struct sound_thread *t, enum audio_side side, unsigned generation,
		      struct device_spec *spec);
void sound_thread_give_back(struct sound_thread *t, enum audio_side side, unsigned generation);
void sound_thread_poll(struct sound_thread *t, void (*fn)(void *ctx, const struct sound_news *n),
		       void *ctx);

#endif
