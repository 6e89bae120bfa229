/* list.c - which sound cards there are, for people */
#include <errno.h>
#include "audio/engine.h"
#include "audio/pa.h"

int audio_list_devices(void (*fn)(void *ctx, int index, const char *name, int in, int out,
				  bool default_in, bool default_out, double latency_ms), void *ctx)
{
	int err, count;

	pa_lock();
	err = pa_up();
	if (err)
		goto out;
	count = Pa_GetDeviceCount();
	for (int i = 0; i < count; i++) {
		const PaDeviceInfo *d = Pa_GetDeviceInfo(i);

		if (!d)
			continue;
		fn(ctx, i, d->name, d->maxInputChannels, d->maxOutputChannels,
		   i == Pa_GetDefaultInputDevice(), i == Pa_GetDefaultOutputDevice(),
		   1000 * (d->maxOutputChannels ? d->defaultLowOutputLatency :
			   d->defaultLowInputLatency));
	}
	pa_down();
out:
	pa_unlock();
	return err;
}
