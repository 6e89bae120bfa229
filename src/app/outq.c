/* outq.c - text to a descriptor that may not take it, by a thread
 *
 * Line mode and headless write to whatever stdout is: a pipe nobody reads, a
 * terminal that was stopped.  The loop puts text into a bounded queue and goes
 * on; a thread waits in write().
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"

struct outq {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, drained;
	struct buf wait;                /* lock */
	size_t lost;                    /* lock: pieces dropped since told */
	bool stop, busy;       /* lock */
	size_t max;
	int fd;
	const char *lost_before, *lost_after;
};

/* Returns false when the descriptor is dead. */
static bool write_all(struct outq *q, const char *p, size_t len)
{
	while (len) {
		struct pollfd pf = { .fd = q->fd, .events = POLLOUT };
		bool stop;
		ssize_t n;

		pthread_mutex_lock(&q->lock);
		stop = q->stop;
		pthread_mutex_unlock(&q->lock);
		if (poll(&pf, 1, stop ? 100 : 500) == 0) {
			if (stop)
				return false;   /* nobody reads, and we are to end */
			continue;
		}
		n = write(q->fd, p, len < 4096 ? len : 4096);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static void *run(void *arg)
{
	struct outq *q = arg;
	bool alive = true;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		struct buf piece;

		while (!q->wait.len && !q->stop)
			pthread_cond_wait(&q->wake, &q->lock);
		if (!q->wait.len)
			break;
		piece = q->wait;
		memset(&q->wait, 0, sizeof(q->wait));
		if (q->lost) {
			buf_addf(&q->wait, "%s%zu%s\n", q->lost_before, q->lost, q->lost_after);
			q->lost = 0;
		}
		q->busy = true;
		pthread_mutex_unlock(&q->lock);
		if (alive)
			alive = write_all(q, piece.p, piece.len);
		buf_free(&piece);
		pthread_mutex_lock(&q->lock);
		q->busy = false;
		pthread_cond_broadcast(&q->drained);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

int outq_new(struct outq **out, int fd, size_t max_bytes, const char *lost_before,
	     const char *lost_after)
{
	struct outq *q = calloc(1, sizeof(*q));

	*out = NULL;
	if (!q)
		return -ENOMEM;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	pthread_cond_init(&q->drained, NULL);
	q->fd = fd;
	q->max = max_bytes;
	q->lost_before = lost_before;
	q->lost_after = lost_after;
	if (pthread_create(&q->thread, NULL, run, q)) {
		free(q);
		return -EAGAIN;
	}
	*out = q;
	return 0;
}

void outq_write(struct outq *q, const char *text, size_t len)
{
	pthread_mutex_lock(&q->lock);
	if (q->wait.len + len > q->max)
		q->lost++;
	else
		buf_add(&q->wait, text, len);
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void outq_free(struct outq **qp, int64_t wait_us)
{
	struct outq *q = *qp;
	struct timespec end;

	if (!q)
		return;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += wait_us / 1000000;
	end.tv_nsec += wait_us % 1000000 * 1000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&q->lock);
	while ((q->wait.len || q->busy) &&
	       !pthread_cond_timedwait(&q->drained, &q->lock, &end))
		;
	q->stop = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec++;
	/* A terminal that was stopped (Ctrl+S) can hold write() for ever: then
	 * the thread keeps its queue, and the process ends without it. */
	if (pthread_timedjoin_np(q->thread, NULL, &end)) {
		pthread_detach(q->thread);
		*qp = NULL;
		return;
	}
	buf_free(&q->wait);
	pthread_cond_destroy(&q->wake);
	pthread_cond_destroy(&q->drained);
	pthread_mutex_destroy(&q->lock);
	free(q);
	*qp = NULL;
}
