/* worker.c - threads that leave the signals to the main one
 *
 * A thread begins with its creator's mask: block, create, restore.  With
 * SIGPIPE blocked a write to a dead connection is an error and no more, also
 * within libraries that use write().
 */
#include "io/worker.h"
#include <signal.h>

int worker_start(pthread_t *out, const char *name, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		pthread_setname_np(*out, name);
	return -err;
}
