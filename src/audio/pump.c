/* pump.c - a thread between a ring and something slow; see the header
 *
 * A semaphore wakes it: posting is one atomic step as long as nobody waits,
 * and needs no lock.
 */
#include "audio/pump.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"
#include "base/ring.h"

enum {
	CHUNK = 2048,           /* samples at a time; 4096 bytes fit a pipe that polls writable */
	AGAIN_MS = 50,
	LAST_US = 500000,       /* how long a sink that does not take anything is waited for */
};

struct pump {
	struct pump_ops ops;
	void *ctx;
	struct pump_config cfg;
	struct ring *ring;
	sem_t wake;
	pthread_t thread;
	bool begun;             /* thread runs */
	atomic_bool stop, ended;
	bool gave_up;           /* a sink's thread, at the end */
	atomic_int error;
	size_t unseen;          /* media thread: samples since the last wake */
};

static void nap(struct pump *p)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);      /* the clock sem_timedwait() knows */
	t.tv_nsec += AGAIN_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	sem_timedwait(&p->wake, &t);
}

/* Reads until the ring is full.  false: nothing more will come. */
static bool fill(struct pump *p)
{
	int16_t v[CHUNK];
	long got;

	for (;;) {
		size_t room = ring_size(p->ring) - ring_used(p->ring);

		if (!room || atomic_load(&p->stop))
			return true;
		got = p->ops.read(p->ctx, v, room < CHUNK ? room : CHUNK);
		if (got == -EAGAIN)
			return true;
		atomic_store(&p->error, got < 0 ? (int)got : 0);
		if (got <= 0)
			return false;
		ring_write(p->ring, v, (size_t)got);
	}
}

static void *run_source(void *arg)
{
	struct pump *p = arg;

	while (!atomic_load(&p->stop)) {
		if (!fill(p)) {
			atomic_store(&p->ended, true);
			break;
		}
		if (ring_used(p->ring) < ring_size(p->ring))
			nap(p);                 /* -EAGAIN: look again soon */
		else
			sem_wait(&p->wake);
	}
	return NULL;
}

static void drain(struct pump *p)
{
	int16_t v[CHUNK];
	int64_t give_up = 0;
	size_t n;
	int err;

	while (!p->gave_up && (n = ring_read(p->ring, v, CHUNK))) {
		while ((err = p->ops.write(p->ctx, v, n)) == -EAGAIN) {
			if (atomic_load(&p->stop)) {
				if (!give_up)
					give_up = clock_now_us() + LAST_US;
				p->gave_up = clock_now_us() > give_up;
				if (p->gave_up)
					return;
			}
		}
		atomic_store(&p->error, err);
	}
}

static void *run_sink(void *arg)
{
	struct pump *p = arg;

	while (!atomic_load(&p->stop)) {
		sem_wait(&p->wake);
		drain(p);
	}
	drain(p);
	return NULL;
}

static int start(struct pump *p)
{
	sigset_t all, before;
	int err;

	/* Signals are for the loop; SIGPIPE of a closed pipe becomes an errno. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&p->thread, NULL, p->ops.read ? run_source : run_sink, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->begun = !err;
	return err;
}

int pump_open(struct pump **out, const struct pump_config *cfg, const struct pump_ops *ops,
	      void *ctx)
{
	struct pump *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	*out = NULL;
	if (!p)
		return err;
	p->ops = *ops;
	p->ctx = ctx;
	p->cfg = *cfg;
	sem_init(&p->wake, 0, 0);
	err = ring_new(&p->ring, cfg->ring);
	if (err)
		goto fail;
	if (cfg->prefill && ops->read && !fill(p))
		atomic_store(&p->ended, true);
	else
		err = start(p);
	if (err)
		goto fail;
	*out = p;
	return 0;
fail:
	pump_close(&p);
	return err;
}

void pump_close(struct pump **pp)
{
	struct pump *p = *pp;

	if (!p)
		return;
	atomic_store(&p->stop, true);
	sem_post(&p->wake);
	if (p->begun)
		pthread_join(p->thread, NULL);
	sem_destroy(&p->wake);
	ring_free(&p->ring);
	free(p);
	*pp = NULL;
}

static void count(struct pump *p, size_t n)
{
	p->unseen += n;
	if (p->unseen >= p->cfg.batch) {
		p->unseen = 0;
		sem_post(&p->wake);
	}
}

size_t pump_read(struct pump *p, int16_t *v, size_t n)
{
	size_t got = ring_read(p->ring, v, n);

	if (!atomic_load(&p->ended))
		count(p, n);
	return got;
}

size_t pump_write(struct pump *p, const int16_t *v, size_t n)
{
	size_t done = ring_write(p->ring, v, n);

	count(p, n);
	return done;
}

int pump_error(const struct pump *p)
{
	return atomic_load(&p->error);
}

bool pump_ended(const struct pump *p)
{
	return atomic_load(&p->ended);
}
