/* pump.h - a thread and a ring between the media thread and something slow
 *
 * As a source it keeps the ring full by read(); as a sink it empties it by
 * write().  Both run on the pump's own thread and may block for a while; on
 * the media thread nothing does.
 */
#ifndef AUDIO_PUMP_H
#define AUDIO_PUMP_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pump;

struct pump_ops {
	/* Source: up to n samples; 0: end; -EAGAIN: nothing yet; -errno. */
	long (*read)(void *ctx, int16_t *v, size_t n);
	/* Sink: all n samples, or -errno; they are dropped then.  -EAGAIN: not
	 * now, ask again. */
	int (*write)(void *ctx, const int16_t *v, size_t n);
};

/* ring: samples; batch: how many there should be (or be missing) before the
 * thread is woken. */
struct pump_config { size_t ring, batch; bool prefill; };

int pump_open(struct pump **out, const struct pump_config *cfg, const struct pump_ops *ops,
	      void *ctx);
/* Ends the thread; a sink's ring is written out first, for at most 500 ms of
 * -EAGAIN.  ctx is the caller's again. */
void pump_close(struct pump **p);

/* Media thread.  Never block. */
size_t pump_read(struct pump *p, int16_t *v, size_t n);
size_t pump_write(struct pump *p, const int16_t *v, size_t n);

/* Any thread: the last error, 0 once it works again; the source has ended. */
int pump_error(const struct pump *p);
bool pump_ended(const struct pump *p);

#endif
