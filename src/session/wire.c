/* wire.c - what the line is like: for the encoder, for the others, for people
 *
 * Every half second: what else than sound went out, what the others lose of
 * us by their own account, whether our way to the bridge is in trouble.  The
 * bridge's reports know our uplink alone; what the listeners lose behind it
 * they say in the figures that every client broadcasts.  If most of them are
 * on a line that is too thin, it is for us to send less: no bridge does.
 */
#include "session/session_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/rate.h"
#include "base/text.h"

enum {
	REPORT_US = 2000000,    /* of the line to rate_report() */
	STALE_US = 6000000,     /* bridges report at least each 5 s */
	HEARSAY_US = 35000000,  /* how long a listener's word counts; told each 10 s */
	UP_US = 4000000,        /* over which what the bridge says is averaged */
	OWN_US = 5000000,       /* over which our own loss is measured */
	AGAIN_US = 60000000,    /* how often people are told of the line */
	/* What ICE sends by itself: checks of consent and their answers, 100 to
	 * 130 bytes each.  Measured, they and nothing else: 0.55 kbit/s. */
	ICE_BYTES_S = 70,
	RELAY_UDP = 4,          /* RFC 8656, section 12.4: the header of a channel's data */
	TCP_MORE = 26,          /* a TCP header with timestamps and a length, no UDP header */
};
static const double listener_most = 0.1;        /* one bad line does not decide for all */
static const double queue_ms = 400;             /* a line that is too thin has one */

struct wire_watch {
	uint64_t signalling, reports;           /* bytes, at the last sample */
	int64_t sampled_us, reported_us, own_us;
	uint64_t packets;                       /* of all sources, at own_us */
	int64_t lost;
	double own_loss;                        /* of what came down to us, 0..1 */
	uint64_t rtp_bytes;                     /* at reported_us */
	uint64_t blocks;                        /* of the bridge on us, and when the last came */
	int64_t block_us;
	double up;                              /* what it says we lose, over some seconds */
	char path[sizeof(((struct peer_stats *)0)->path)];
	struct rate rate;
	int64_t told_rate_us, told_own_us;
	bool limited, own_bad;                  /* as people were told */
};

/* What the listeners say of their lines. */
struct hearsay {
	double loss;            /* of us, on average, one bad line being no more than a bad line */
	double heavy_loss;      /* on average, if most of them lose much; or 0 ... */
	int64_t heavy_us;       /* as they said then */
	bool slow;              /* most have a queue that grew */
	int64_t heard_us;       /* the last word of one of them */
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

/* A report on half a second says 20 % for 10 and for 30. */
static void up_loss(struct wire_watch *w, const struct media_stats *m, int64_t now_us)
{
	double age;

	if (m->peer.reports < w->blocks)        /* a new session */
		w->blocks = 0;
	if (m->peer.reports == w->blocks)
		return;
	age = (double)(now_us - w->block_us) / UP_US;
	w->up += (m->peer.out_loss - w->up) * (age < 1 && w->block_us ? age : 1);
	w->blocks = m->peer.reports;
	w->block_us = now_us;
}

static struct hearsay listen_around(const struct session *s, bool limited, int64_t now_us)
{
	double heavy = limited ? rate_loss_left : rate_loss_heavy;
	struct call *c = session_call(s);
	struct hearsay h = { 0 };
	double sum = 0, whole = 0;
	unsigned n = 0, lossy = 0, slow = 0;

	for (size_t i = 0; c && i < call_people(c); i++) {
		struct call_person p;

		if (!call_person(c, i, &p) || p.me || p.loss < 0 || now_us - p.loss_us > HEARSAY_US)
			continue;
		if (p.loss_us > h.heard_us)
			h.heard_us = p.loss_us;
		sum += p.loss < listener_most ? p.loss : listener_most;
		whole += p.loss;
		if (p.loss >= heavy) {
			lossy++;
			h.heavy_us = p.loss_us;
		}
		slow += p.rtt_ms > p.least_rtt_ms + queue_ms ||
			(p.loss >= rate_loss_queued && p.rtt_ms > p.least_rtt_ms + rate_queued_ms);
		n++;
	}
	h.loss = n ? sum / n : 0;
	h.heavy_loss = 2 * lossy > n ? whole / n : 0;
	h.slow = 2 * slow > n;
	return h;
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

/* ---- people are told ---- */

static bool due(int64_t *told_us, int64_t now_us)
{
	if (*told_us && now_us - *told_us < AGAIN_US)
		return false;
	*told_us = now_us;
	return true;
}

static void tell_limit(struct session *s, struct wire_watch *w, bool ours, int64_t now_us)
{
	bool limited = w->rate.limit > 0;

	if (limited == w->limited || (limited && !due(&w->told_rate_us, now_us)))
		return;
	w->limited = limited;
	report_notice(s, !limited ? "the line carries our whole sound again" :
		      ours ? "the line carries less than we send: less sound goes out, in longer packets" :
		      "the others' lines carry less than we send: less sound goes out, in longer packets", false);
}

static void tell_own(struct session *s, struct wire_watch *w, int64_t now_us)
{
	bool bad = w->own_loss >= rate_loss_heavy;
	char text[160];

	if (bad == w->own_bad || (bad && !due(&w->told_own_us, now_us)))
		return;
	w->own_bad = bad;
	snprintf(text, sizeof(text), bad ? "%.0f %% of the sound is lost on its way to here: the line or "
		 "the Wi-Fi is too weak for it" : "the sound arrives whole again (%.0f %% lost)",
		 w->own_loss * 100);
	report_notice(s, text, false);
}

/* Another way, or another bridge, has a round trip of its own. */
static void follow_path(struct wire_watch *w, const struct peer_stats *p)
{
	if (!strcmp(w->path, p->path))
		return;
	text_copy(w->path, sizeof(w->path), p->path);
	rate_moved(&w->rate);
}

static void report(struct session *s, struct wire_watch *w, const struct media_stats *m,
		   const struct hearsay *h, int64_t now_us)
{
	int64_t us = now_us - w->reported_us;
	struct call *c = session_call(s);
	/* There are bridges that never report. */
	bool stale = w->block_us && now_us - w->block_us > STALE_US;
	double up = stale ? 0 : w->up;
	bool ours = up >= h->heavy_loss;
	struct rate_report r = {
		.loss = ours ? up : h->heavy_loss, .loss_us = ours ? w->block_us : h->heavy_us,
		.rtt_ms = m->peer.rtt_ms,
		.stale = stale, .stalled = c && call_stalls(c, now_us),
		.others_slow = h->slow, .others_lossy = !ours, .heard_us = h->heard_us,
		.sent = (int)(grown(&w->rtp_bytes, m->peer.out_rtp_bytes) * 8e6 / (double)us),
	};

	w->reported_us = now_us;
	follow_path(w, &m->peer);
	rate_report(&w->rate, &r, now_us);
	tell_limit(s, w, ours && !h->slow, now_us);
	tell_own(s, w, now_us);
	if (c)
		call_set_thin(c, w->rate.limit || w->own_loss >= rate_loss_heavy || stale);
	s->figures.line_bad = w->own_loss >= rate_loss_left ||
			      m->peer.rtt_ms > w->rate.least_rtt_ms + queue_ms;
}

void wire_sample(struct session *s, const struct media_stats *m, int64_t now_us)
{
	struct wire_watch *w = s->wire;
	struct audio_line l;
	struct hearsay h;
	uint64_t other;

	if (!w) {
		w = s->wire = calloc(1, sizeof(*w));
		if (!w)
			abort();
		w->sampled_us = w->reported_us = now_us;
	}
	h = listen_around(s, w->rate.limit > 0, now_us);
	own_loss(w, m, now_us);
	up_loss(w, m, now_us);
	if (now_us - w->reported_us >= REPORT_US)
		report(s, w, m, &h, now_us);
	other = grown(&w->signalling, s->link ? call_link_line_out(s->link) : 0) +
		grown(&w->reports, m->peer.out_bytes - m->peer.out_rtp_bytes) +
		(uint64_t)((now_us - w->sampled_us) * ICE_BYTES_S / 1000000);
	w->sampled_us = now_us;
	s->other_out += other;
	l = (struct audio_line){
		.overhead = overhead(&m->peer), .other_bytes = (unsigned)other,
		.loss = 1 - (1 - m->peer.out_loss) * (1 - h.loss), .rate = w->rate.limit,
		.red = m->peer.red,
	};
	s->figures.loss_down = w->own_loss;
	s->figures.loss_others = l.loss;
	sound_line(s->sound, &l);
}
