/* worker.h - threads that leave the signals to the main one */
#ifndef IO_WORKER_H
#define IO_WORKER_H
#include <pthread.h>

/* Like pthread_create(), with every signal blocked and a name for debuggers
 * (15 bytes).  0 or -errno. */
int worker_start(pthread_t *out, const char *name, void *(*fn)(void *arg), void *arg);

#endif
