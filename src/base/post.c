/* post.c - messages to one thread, with a wake; see the header */
#include "base/post.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/rt.h"

struct post {
	pthread_mutex_t lock;           /* leaf: guards first, last, count */
	struct post_msg *first, *last;
	size_t count, max;
	int fd;
	struct post_msg *running;       /* owner: taken, not yet run */
	bool *gone;                     /* owner: tells post_run() that p was freed */
};

int post_new(struct post **out, size_t max)
{
	struct post *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (!p)
		return -ENOMEM;
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd < 0) {
		err = -errno;
		free(p);
		return err;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->max = max;
	*out = p;
	return 0;
}

static struct post_msg *take_all(struct post *p)
{
	struct post_msg *m;
	uint64_t n;

	pthread_mutex_lock(&p->lock);
	(void)!read(p->fd, &n, sizeof(n));
	m = p->first;
	p->first = p->last = NULL;
	p->count = 0;
	pthread_mutex_unlock(&p->lock);
	return m;
}

static void drop_all(struct post_msg *m)
{
	for (struct post_msg *next; m; m = next) {
		next = m->next;
		m->drop(m);
	}
}

void post_free(struct post **pp)
{
	struct post *p = *pp;

	if (!p)
		return;
	if (p->gone)
		*p->gone = true;
	drop_all(p->running);
	drop_all(take_all(p));
	close(p->fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}

int post_fd(const struct post *p)
{
	return p->fd;
}

int post_send(struct post *p, struct post_msg *m)
{
	uint64_t one = 1;
	bool full;

	rt_forbid("lock");
	m->next = NULL;
	pthread_mutex_lock(&p->lock);
	full = p->max && p->count >= p->max;
	if (!full) {
		if (p->last)
			p->last->next = m;
		else
			p->first = m;
		p->last = m;
		/* Within the lock, so that a reader that takes all leaves no
		 * wake behind; an eventfd never blocks at these counts. */
		if (!p->count++)
			(void)!write(p->fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&p->lock);
	if (full) {
		m->drop(m);
		return -ENOSPC;
	}
	return 0;
}

/* A message may free the post: what was taken with it is dropped then. */
size_t post_run(struct post *p)
{
	bool gone = false, *outer = p->gone;
	struct post_msg *m, **end = &p->running;
	size_t n = 0;

	while (*end)            /* a message runs the post again: the order stays */
		end = &(*end)->next;
	*end = take_all(p);
	p->gone = &gone;
	while ((m = p->running)) {
		p->running = m->next;
		m->run(m);
		n++;
		if (gone) {
			if (outer)
				*outer = true;
			return n;
		}
	}
	p->gone = outer;
	return n;
}
