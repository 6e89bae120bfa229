/* rate.h - what a line carries that gets worse under our own load
 *
 * Nobody tells how much a line carries.  Much loss or a round trip that grows
 * says that it is less than what we send; then there is a limit, which falls
 * step by step until the line is well, stays a while, and is raised slowly.
 * Each time that raising it does harm, it stays longer.  Loss that stays as it
 * was when we send half is none of ours: then there is no limit, and the loss
 * is for repair.  Signalling, which shares the line, has the room that is left.
 * Time is passed in; all zero is a valid start: no limit.
 */
#ifndef AUDIO_RATE_H
#define AUDIO_RATE_H
#include <stdbool.h>
#include <stdint.h>

struct rate {
	int limit;              /* bit/s of sound, headers included; 0: none */
	double least_rtt_ms;
	int64_t changed_us;     /* the limit fell last */
	int64_t well_us;        /* the line is well since; 0: it is not */
	int64_t hold_us;        /* so long before it is raised */
	bool raised;            /* since it fell last */
	bool others;            /* for the sake of the listeners' lines */
	int64_t raised_us;
	int64_t lossy_us;       /* much is lost since, as was told; 0: it is not */
	int64_t begun_us;       /* what it was like before there was a limit: */
	int begun_sent;
	double begun_loss;
	int64_t deaf_until_us;  /* loss is not ours ... */
	double deaf_loss;       /* unless it is more than that */
};

struct rate_report {
	double loss;            /* of what we send, 0..1 ... */
	int64_t loss_us;        /* as somebody said then */
	double rtt_ms;          /* below 0: unknown */
	bool stale;             /* nothing new is known of both */
	bool stalled;           /* signalling waits as well */
	bool others_slow;       /* most listeners' lines have a queue that grew */
	bool others_lossy;      /* the loss is theirs */
	int64_t heard_us;       /* one of them said something of it last */
	int sent;               /* bit/s of sound since the last report, headers included */
};

/* Shares of loss, and a round trip that grew: what is too much for a line; with
 * a limit already; together with a queue of so many ms.  For the lines of those
 * who listen, too. */
extern const double rate_loss_heavy, rate_loss_left, rate_loss_queued, rate_queued_ms;

/* Every 2 s or so.  The limit. */
int rate_report(struct rate *r, const struct rate_report *rep, int64_t now_us);
/* The line is another one: its round trip is to be learnt anew. */
void rate_moved(struct rate *r);

#endif
