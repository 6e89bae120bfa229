/* wire.c - what the line is like: for the encoder, for the others, for people
 *
 * Every half second: what else than sound went out, what the others lose of
 * us by their own account, whether our way to the bridge is in trouble.  The
 * bridge's reports know our uplink alone; what the listeners lose behind it
 * they say in the figures that every client broadcasts.
 */
#include "session/session_priv.h"
#include <stdlib.h>
#include <string.h>
#include "audio/plan.h"

enum {
	REPORT_US = 2000000,    /* of the line to plan_line_report() */
	HEARSAY_US = 35000000,  /* how long a listener's word counts; told each 10 s */
	OWN_US = 10000000,      /* over which our own loss is measured */
	/* What ICE sends by itself: checks of consent and their answers, 100 to
	 * 130 bytes each.  Measured, they and nothing else: 0.55 kbit/s. */
	ICE_BYTES_S = 70,
	RELAY_UDP = 4,          /* RFC 8656, section 12.4: the header of a channel's data */
	TCP_MORE = 26,          /* a TCP header with timestamps and a length, no UDP header */
};
static const double listener_most = 0.1;        /* one bad line does not decide for all */

struct wire_watch {
	uint64_t signalling, reports;           /* bytes, at the last sample */
	int64_t sampled_us, reported_us, own_us;
	uint64_t packets;                       /* of all sources, at own_us */
	int64_t lost;
	double own_loss;                        /* of what came down to us, 0..1 */
	double scale;
	struct plan_line plan;
};

void wire_free(struct session *s)
{
	free(s->wire);
	s->wire = NULL;
}

/* What we lose, over 10 s: what is told the others must be true. */
static void own_loss(struct wire_watch *w, const struct media_stats *m, int64_t now_us)
{
	uint64_t packets = 0, came;
	int64_t lost;

	if (now_us - w->own_us < OWN_US)
		return;
	for (size_t i = 0; i < m->sources; i++)
		packets += m->source[i].packets;
	came = packets > w->packets ? packets - w->packets : 0;
	lost = m->peer.lost > w->lost ? m->peer.lost - w->lost : 0;
	if (w->own_us)
		w->own_loss = came + (uint64_t)lost ? (double)lost / (double)(came + (uint64_t)lost) : 0;
	w->own_us = now_us;
	w->packets = packets;
	w->lost = m->peer.lost;
}

static double listeners_loss(const struct session *s, int64_t now_us)
{
	struct call *c = session_call(s);
	double sum = 0;
	unsigned n = 0;

	for (size_t i = 0; c && i < call_people(c); i++) {
		struct call_person p;

		if (!call_person(c, i, &p) || p.me || p.loss < 0 || now_us - p.loss_us > HEARSAY_US)
			continue;
		sum += p.loss < listener_most ? p.loss : listener_most;
		n++;
	}
	return n ? sum / n : 0;
}

static unsigned overhead(const struct peer_stats *p)
{
	unsigned n = p->out_overhead;

	if (n && strstr(p->path, "relay"))
		n += RELAY_UDP;
	if (n && !strncmp(p->path, "tcp", 3))
		n += TCP_MORE;
	return n;
}

static uint64_t grown(uint64_t *last, uint64_t now)
{
	uint64_t more = now > *last ? now - *last : 0;

	*last = now;
	return more;
}

void wire_sample(struct session *s, const struct media_stats *m, int64_t now_us)
{
	struct wire_watch *w = s->wire;
	double up = m->peer.out_loss;
	struct audio_line l;
	uint64_t other;

	if (!w) {
		w = s->wire = calloc(1, sizeof(*w));
		if (!w)
			abort();
		w->sampled_us = now_us;
	}
	own_loss(w, m, now_us);
	if (now_us - w->reported_us >= REPORT_US) {
		w->reported_us = now_us;
		w->scale = plan_line_report(&w->plan, up, m->peer.rtt_ms);
	}
	other = grown(&w->signalling, s->link ? call_link_line_out(s->link) : 0) +
		grown(&w->reports, m->peer.out_bytes - m->peer.out_rtp_bytes) +
		(uint64_t)((now_us - w->sampled_us) * ICE_BYTES_S / 1000000);
	w->sampled_us = now_us;
	s->other_out += other;
	l = (struct audio_line){
		.overhead = overhead(&m->peer), .other_bytes = (unsigned)other,
		.loss = 1 - (1 - up) * (1 - listeners_loss(s, now_us)), .scale = w->scale,
		.red = m->peer.red,
	};
	s->figures.loss_down = w->own_loss;
	s->figures.loss_others = l.loss;
	sound_line(s->sound, &l);
}
