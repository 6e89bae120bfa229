/* pa.c - PortAudio, up while somebody needs it; see the header
 *
 * The library's state is the process's, and so are the lock and the count
 * that guard it.  The lock may be held for as long as a driver thinks; those
 * who take it (sound thread, a worker that lists devices) may wait.
 */
#include "audio/pa.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;

void pa_lock(void)
{
	pthread_mutex_lock(&lock);
}

void pa_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* PortAudio's back ends print some 100 lines while they look around: they go
 * to the log's file, or nowhere. */
static PaError initialise(void)
{
	int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), to = log_fd(), null = -1;
	PaError err;

	if (to <= STDERR_FILENO)
		to = null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (before >= 0 && to >= 0)
		dup2(to, STDERR_FILENO);
	err = Pa_Initialize();
	if (before >= 0) {
		if (to >= 0)
			dup2(before, STDERR_FILENO);
		close(before);
	}
	if (null >= 0)
		close(null);
	return err;
}

int pa_up(void)
{
	PaError err;

	if (users) {
		users++;
		return 0;
	}
	err = initialise();
	if (err != paNoError) {
		log_warn("audio", "PortAudio: %s", Pa_GetErrorText(err));
		return -EIO;
	}
	users = 1;
	return 0;
}

void pa_down(void)
{
	if (users && !--users)
		Pa_Terminate();
}

static int fits(int index, int input)
{
	const PaDeviceInfo *i = Pa_GetDeviceInfo(index);

	return i && (input ? i->maxInputChannels : i->maxOutputChannels) > 0;
}

int pa_find(const char *name, int input)
{
	int count = Pa_GetDeviceCount(), part = -ENODEV;
	char *end;
	long number;

	if (!strcmp(name, "default")) {
		int d = input ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();

		return d >= 0 && fits(d, input) ? d : -ENODEV;
	}
	number = strtol(name, &end, 10);
	if (*name && !*end)
		return number >= 0 && number < count && fits((int)number, input) ?
		       (int)number : -ENODEV;
	for (int i = 0; i < count; i++) {
		if (!fits(i, input))
			continue;
		if (!strcasecmp(Pa_GetDeviceInfo(i)->name, name))
			return i;
		if (part < 0 && strcasestr(Pa_GetDeviceInfo(i)->name, name))
			part = i;
	}
	return part;
}
