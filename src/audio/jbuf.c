/* jbuf.c - the jitter buffer; see the header
 *
 *	put:  number and timestamp unwrapped -> packets (packets.c)
 *	pull: the next number -> decoder -> tape -> 10 ms
 *
 * The line of time: `ts` is the timestamp of the next sample to decode, and
 * what stands decoded on the tape comes before it.  jitter.c says when a sample is
 * due at best; the time it is played less that is the delay, and the delay is
 * led towards what jitter.c aims at by dropping or adding periods (stretch.c)
 * right after a packet was decoded.
 *
 * Where the next packet is missing:
 *   - a later one is here: lost.  FEC or concealment, time goes on.
 *   - nothing is here: it may be late.  The last sound goes on, fading, without
 *     the line of time: what comes late is then still heard, and the delay has
 *     grown by as much.  If it turns out to be lost, what was made up counts
 *     towards the loss (`extended`).
 *   - numbers follow each other, timestamps do not: the sender was silent.
 *     The talk begins anew at the time its first packet is due.
 *
 * The last of these steps also serves the first packet, and any return from a
 * longer silence.
 */
#include "audio/jbuf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/jitter.h"
#include "audio/packets.h"
#include "audio/tape.h"

enum {
	HZ = 48000,
	FRAME = HZ / 50,        /* what a packet of unknown length is taken for */
	BLEND = 240,            /* 5 ms from a sound to what follows after a skip */
	IDLE = HZ,              /* a second without packets: nothing is made any more */
	WAIT_MAX = 2880,        /* 60 ms: so long may a missing packet be waited for */
	EXCESS_US = 15000, SETTLE_US = 8000,    /* over the aim: the delay is brought down ... */
	ENOUGH_US = 4000,                       /* ... to this */
	LACK_US = 6000,                         /* under the aim: the delay is brought up */
	URGENT_US = 100000,
	SKIP_US = 250000,       /* so far over the aim packets are dropped */
	SETTLED = 100,          /* blocks pulled: a source has found its pace */
	FRAME_BYTES_MAX = PACKETS_BYTES / 4,
	LOSES_PACKETS = 256, COPIES_COME = 16, COPIES_GO = 512, /* packets */
};

/* Losing 1 of 100 is worth some delay, 1 of 250 no more. */
static const float LOSES_MANY = 0.01f, LOSES_FEW = 0.004f, COPIES_ENOUGH = 0.2f;

struct jbuf {
	struct decoder *decoder;
	struct jitter jitter;
	struct packets packets;
	struct tape tape;

	int64_t ts;             /* of the next sample to decode, if playing */
	bool playing;
	bool shrinking;
	bool quiet_sender;      /* the last packet was DTX: fill with comfort noise */
	bool cut;               /* the sound broke off with the tape still loud */
	bool begins;            /* the next packet is the first of a talk */
	bool fresh;             /* nothing was played since the source began (anew) */
	float loses, copies;    /* share of the packets: lost; with a copy of the one before */
	bool waits;             /* for such copies */
	unsigned frame;         /* samples of the last packet */
	unsigned dtx_filled;    /* samples of comfort noise since the last packet */
	unsigned pulled;        /* blocks, up to SETTLED */

	int64_t delay_us;       /* smoothed */
	double held;            /* samples, smoothed */
	int64_t waited_us, decoded;     /* sum over the packets, their number */
	struct jbuf_stats stats;
};

int jbuf_new(struct jbuf **out)
{
	struct jbuf *j = calloc(1, sizeof(*j));
	int err = -ENOMEM;

	*out = NULL;
	if (!j)
		return err;
	jitter_init(&j->jitter);
	err = decoder_new(&j->decoder);
	if (!err)
		err = tape_init(&j->tape);
	if (err)
		jbuf_free(&j);
	*out = j;
	return err;
}

void jbuf_free(struct jbuf **jp)
{
	struct jbuf *j = *jp;

	if (!j)
		return;
	packets_free(&j->packets);
	tape_free(&j->tape);
	decoder_free(&j->decoder);
	free(j);
	*jp = NULL;
}

/* ---- put ---- */

static void break_off(struct jbuf *j)
{
	j->cut = j->cut || j->playing;
	j->playing = false;
}

static void start_over(struct jbuf *j, const struct media_frame *f)
{
	if (j->packets.known)
		decoder_reset(j->decoder);
	packets_start(&j->packets, f);
	jitter_restart(&j->jitter);
	tape_set_channels(&j->tape, decoder_channels(j->decoder));
	break_off(j);
	j->quiet_sender = false;
	j->fresh = true;
	j->tape.extended = 0;
	j->pulled = 0;
}

/* Pauses have no copies, and lost packets none to see: what was seen once is
 * forgotten slowly. */
static void note_copy(struct jbuf *j, bool copy)
{
	if (copy)
		j->copies += (1 - j->copies) / COPIES_COME;
	else
		j->copies -= j->copies / COPIES_GO;
}

/* Two channels need more room; where there is none they are heard in one. */
static void prepare(struct jbuf *j, const struct media_frame *f)
{
	if (!decoder_is_stereo(f->payload, f->len) || j->tape.most == 2)
		return;
	if (!decoder_prepare(j->decoder))
		tape_prepare(&j->tape);
}

void jbuf_wish(struct jbuf *j, enum audio_delay wish)
{
	jitter_wish(&j->jitter, wish);
}

int jbuf_put(struct jbuf *j, const struct media_frame *f)
{
	/* A packet of padding alone has a number but no sound. */
	int samples = f->len ? decoder_samples(f->payload, f->len) : 0, err;
	struct packets *p = &j->packets;
	int64_t seq, ts;
	bool gap;

	if (samples < 0 || f->len > FRAME_BYTES_MAX) {
		j->stats.bad++;
		return -EBADMSG;
	}
	if (!p->known || !packets_place(p, f, &seq, &ts)) {
		if (f->recovered)
			return -EALREADY;       /* no ground to start from */
		start_over(j, f);
		packets_place(p, f, &seq, &ts);
	}
	if (seq > p->newest_seq) {
		p->newest_seq = seq;
		p->newest_ts = ts;
	}
	if (packets_is_known(p, seq))
		return -EALREADY;
	if (!f->recovered && samples)
		jitter_packet(&j->jitter, ts, f->arrival_us);
	/* Where copies come only one that was needed is seen here, in time or not. */
	if (f->recovered)
		note_copy(j, true);
	if (seq < p->seq || p->newest_seq - seq >= PACKETS_SLOTS) {
		if (!f->recovered)
			packets_note_late(p, seq);
		return -EALREADY;
	}
	prepare(j, f);
	err = packets_keep(p, f, seq, ts, samples, &gap);
	if (gap)
		break_off(j);
	return err;
}

/* ---- the delay ---- */

static int64_t us_of(int64_t samples)
{
	return samples * 125 / 6;
}

static size_t samples_of(int64_t us)
{
	return us <= 0 ? 0 : (size_t)(us * 6 / 125);
}

/* The delay of the sample that is played at when_us, which is the next of the tape. */
static int64_t delay_now(const struct jbuf *j, int64_t when_us)
{
	return when_us - jitter_due_us(&j->jitter, j->ts - (int64_t)j->tape.len);
}

static float urgency(int64_t off_us)
{
	return off_us <= EXCESS_US * 2 ? 0 : off_us >= URGENT_US ? 1 : (float)off_us / URGENT_US;
}

/* Right after a packet: the tape holds as much as it ever does. */
static void lead_delay(struct jbuf *j)
{
	int64_t over = j->delay_us - j->jitter.target_us;
	size_t n;

	if (over > (j->shrinking ? ENOUGH_US : j->pulled < SETTLED ? SETTLE_US : EXCESS_US)) {
		j->shrinking = true;
		n = tape_shorten(&j->tape, samples_of(over), urgency(over));
		j->stats.shortened += n;
		j->delay_us -= us_of((int64_t)n);
	} else {
		j->shrinking = false;
	}
	if (over < -LACK_US) {
		n = tape_lengthen(&j->tape, samples_of(-over), urgency(-over));
		j->stats.lengthened += n;
		j->delay_us += us_of((int64_t)n);
	}
}

/* ---- what is made up ---- */

/* Goes on with the last sound for as long as nothing better is known.  The
 * decoder's own way is the better one (by 0.03 of PESQ), and how things stood
 * before is kept for a packet that comes after all. */
static void make_up(struct jbuf *j, size_t n)
{
	struct tape *t = &j->tape;

	if (!t->extended)
		decoder_mark(j->decoder);
	if (tape_is_silent(t) || decoder_conceal(j->decoder, tape_end(t), (int)n) != (int)n)
		tape_extend(t, n);
	else
		tape_add_made(t, n);
	t->extended += n;
}

/* The talk is over, or broken off: the next one finds its own time. */
static void pause_talk(struct jbuf *j)
{
	if (!tape_is_silent(&j->tape) && !j->quiet_sender)
		tape_fade_out(&j->tape);
	j->playing = false;
	j->tape.extended = j->tape.made = 0;
}

/* Comfort noise, as the decoder makes it while a sender is in DTX. */
static void add_comfort(struct jbuf *j, size_t n)
{
	int got = decoder_conceal(j->decoder, tape_end(&j->tape), (int)(n - n % DECODE_STEP));

	if (got <= 0) {
		tape_add_zeros(&j->tape, n);
		return;
	}
	j->tape.len += (size_t)got;
	j->dtx_filled += (unsigned)got;
}

/* What comes before seq is lost, and nothing was made up for it. */
static void give_up(struct jbuf *j, int64_t seq)
{
	int64_t n = seq - j->packets.seq;

	if (n > 0 && n <= PACKETS_SLOTS)
		j->stats.concealed += (uint64_t)n * (j->frame ? j->frame : FRAME);
	packets_step_to(&j->packets, seq);
}

static void start_talk(struct jbuf *j, const struct packet *s, int64_t when_us)
{
	if (j->fresh)
		j->packets.seq = s->seq;
	give_up(j, s->seq);
	j->ts = s->ts;
	j->playing = j->begins = true;
	j->fresh = j->shrinking = false;
	j->tape.extended = j->tape.made = 0;
	j->delay_us = delay_now(j, when_us);
}

/* Not playing.  Silence up to the moment when the first packet is due. */
static void fill_waiting(struct jbuf *j, int64_t when_us)
{
	struct packet *s = packets_first(&j->packets);
	int64_t at = when_us + us_of((int64_t)j->tape.len), due;
	size_t room = JBUF_BLOCK - j->tape.len, n = room;

	if (s) {
		due = jitter_due_us(&j->jitter, s->ts) + j->jitter.target_us;
		if (due <= at) {
			start_talk(j, s, when_us);
			return;
		}
		n = samples_of(due - at) + 1;
		n = n < room ? n : room;
	}
	if (j->quiet_sender && j->dtx_filled < IDLE && n >= DECODE_STEP)
		add_comfort(j, n);
	else
		tape_add_zeros(&j->tape, n);
}

/* ---- packets ---- */

/* A copy in the next packet is of use only if that one is here in time: where
 * packets are lost and copies come, one frame more of delay buys them. */
static void note_fate(struct jbuf *j, bool lost, bool copy)
{
	j->loses += ((lost ? 1 : 0) - j->loses) / LOSES_PACKETS;
	note_copy(j, copy);
	j->waits = j->copies > COPIES_ENOUGH && j->loses > (j->waits ? LOSES_FEW : LOSES_MANY);
	jitter_wait(&j->jitter, j->waits ? us_of(j->frame ? j->frame : FRAME) : 0);
}

/* Behind the tape; says how many samples. */
static int decode(struct jbuf *j, const struct packet *s)
{
	int n;

	if (j->tape.extended)
		decoder_back(j->decoder);
	if (j->tape.most == 2)
		tape_set_channels(&j->tape, decoder_turn(j->decoder, s->data, s->len));
	n = decoder_packet(j->decoder, s->data, s->len, tape_end(&j->tape));
	if (n > 0)
		return n;
	j->stats.bad++;
	j->stats.concealed += s->samples;
	n = decoder_conceal(j->decoder, tape_end(&j->tape), s->samples);
	if (n > 0)
		return n;
	memset(tape_end(&j->tape), 0, s->samples * j->tape.channels * sizeof(int16_t));
	return s->samples;
}

static void play(struct jbuf *j, struct packet *s, int64_t when_us)
{
	int n;

	if (!s->samples) {                      /* padding */
		packets_release(&j->packets, s);
		packets_step(&j->packets, true);
		return;
	}
	if (s->ts > j->ts || tape_is_silent(&j->tape)) {
		pause_talk(j);
		return;
	}
	n = decode(j, s);
	j->stats.concealed += j->tape.extended; /* it was late: the sound was drawn out */
	j->waited_us += when_us + us_of((int64_t)j->tape.len) - s->arrival_us;
	j->decoded++;
	if (j->begins)
		tape_fade_in(&j->tape, (size_t)n);
	else if (!j->tape.extended)
		tape_lead_in(&j->tape, (size_t)n);
	tape_add(&j->tape, (size_t)n, 0);
	j->ts = s->ts + n;
	if (j->tape.extended)
		j->delay_us = delay_now(j, when_us);
	j->begins = false;
	j->frame = (unsigned)n;
	j->stats.fec_recovered += s->recovered;
	j->quiet_sender = s->len <= 2;          /* RFC 6716, section 2.1.9 */
	j->dtx_filled = 0;
	j->tape.extended = 0;
	note_fate(j, s->recovered, decoder_has_fec(s->data, s->len));
	packets_release(&j->packets, s);
	packets_step(&j->packets, true);
	lead_delay(j);
}

static bool has_copy(const struct packet *s)
{
	return s->len && decoder_has_fec(s->data, s->len);
}

/* Behind the tape: n samples of a lost packet, of which the first `skip` are
 * made up already.  next: the packet that has a copy of it, or NULL. */
static void decode_lost(struct jbuf *j, int n, int skip, const struct packet *next)
{
	struct tape *t = &j->tape;
	int got, rest = n - skip;

	if (next) {
		if (t->extended)
			decoder_back(j->decoder);
		got = decoder_fec(j->decoder, next->data, next->len, tape_end(t), n);
		if (got < n)
			memset(tape_end(t), 0, (size_t)n * t->channels * sizeof(int16_t));
		if (!t->extended)
			tape_lead_in(t, (size_t)n);
		tape_add(t, (size_t)n, (size_t)skip);
		return;
	}
	/* What was made up came from the same decoder: it goes on. */
	if (rest > 0) {
		got = decoder_conceal(j->decoder, tape_end(t), rest);
		if (got < rest)
			tape_extend(t, (size_t)rest);
		else
			tape_add_made(t, (size_t)rest);
	}
	decoder_mark(j->decoder);
}

/* One lost packet of n samples; next: the one right behind it, or NULL. */
static void fill_lost(struct jbuf *j, int n, const struct packet *next)
{
	size_t skip = j->tape.extended < (size_t)n ? j->tape.extended : (size_t)n;
	bool copy = next && has_copy(next);

	decode_lost(j, n, (int)skip, copy ? next : NULL);
	j->tape.extended -= skip;
	if (copy)
		j->stats.fec_recovered++;
	else
		j->stats.concealed += (uint64_t)n;
	j->ts += n;
	packets_step_to(&j->packets, j->packets.seq + 1);
	note_fate(j, true, copy);
}

/* The next packet is missing, a later one is here. */
static void conceal(struct jbuf *j, struct packet *s, int64_t when_us)
{
	int64_t missing = s->seq - j->packets.seq, gap = s->ts - j->ts;
	int n = (int)(j->frame ? j->frame : FRAME);

	if (tape_is_silent(&j->tape) || missing * n > HZ / 2) {
		/* Silence reigns already; or so much is gone that the talk
		 * may as well find its time anew. */
		pause_talk(j);
		return;
	}
	if (delay_now(j, when_us) < j->jitter.target_us - LACK_US && j->tape.extended < WAIT_MAX) {
		/* More delay is wanted anyway: it may still come. */
		make_up(j, JBUF_BLOCK);
		return;
	}
	if (n > gap)
		n = (int)gap;
	n -= n % DECODE_STEP;
	if (n <= 0) {
		packets_step_to(&j->packets, s->seq);
		j->ts = s->ts;
		return;
	}
	fill_lost(j, n, missing == 1 && n == gap ? s : NULL);
	/* What stands behind the hole, or the copy of its last packet, is
	 * decoded at once: what was made up can lead to it. */
	if (!j->tape.made || j->tape.extended || j->tape.len > TAPE_MORE)
		return;
	if (missing == 1)
		play(j, s, when_us);
	else if (missing == 2 && s->ts - j->ts == n && has_copy(s))
		fill_lost(j, n, s);
}

/* Nothing is here at all. */
static void fill_dry(struct jbuf *j)
{
	if (j->quiet_sender && j->dtx_filled < IDLE) {
		add_comfort(j, JBUF_BLOCK);
		return;
	}
	make_up(j, JBUF_BLOCK);
	if (j->tape.extended >= IDLE || (j->quiet_sender && j->tape.extended >= JBUF_BLOCK)) {
		j->playing = false;
		j->tape.extended = j->tape.made = 0;
	}
}

/* After a stall there may be more here than anybody wants to hear late. */
static void skip_ahead(struct jbuf *j, int64_t when_us)
{
	int64_t over = delay_now(j, when_us) - j->jitter.target_us;
	struct packet *s;

	if (over <= SKIP_US || j->packets.count < 2)
		return;
	while (over > EXCESS_US && j->packets.count > 1 && (s = packets_first(&j->packets))) {
		over -= us_of(s->samples);
		give_up(j, s->seq + 1);
		packets_release(&j->packets, s);
	}
	s = packets_first(&j->packets);
	if (!s)
		return;
	if (!j->tape.extended)
		make_up(j, BLEND);
	give_up(j, s->seq);
	j->ts = s->ts;
	j->delay_us = delay_now(j, when_us);
}

/* ---- pull ---- */

static void fill(struct jbuf *j, int64_t when_us)
{
	struct packet *s;

	if (!j->playing) {
		if (j->cut)
			pause_talk(j);
		j->cut = false;
		if (j->tape.len < JBUF_BLOCK)
			fill_waiting(j, when_us);
		return;
	}
	skip_ahead(j, when_us);
	s = packets_first(&j->packets);
	if (!s)
		fill_dry(j);
	else if (s->seq == j->packets.seq)
		play(j, s, when_us);
	else
		conceal(j, s, when_us);
}

static void note_block(struct jbuf *j, int64_t when_us)
{
	int64_t delay, held = (int64_t)j->tape.len;

	if (!j->playing)
		return;
	delay = delay_now(j, when_us);
	j->delay_us += (delay - j->delay_us) / 16;
	if (j->packets.count)
		held = j->packets.newest_ts + j->frame - j->ts + (int64_t)j->tape.len;
	j->held += ((double)held - j->held) / 32;
	if (j->pulled < SETTLED)
		j->pulled++;
}

unsigned jbuf_pull(struct jbuf *j, int16_t out[JBUF_BLOCK * JBUF_CHANNELS], int64_t when_us)
{
	struct tape *t = &j->tape;

	if (!j->playing && !j->packets.count && !t->len && !j->cut &&
	    !(j->quiet_sender && j->dtx_filled < IDLE))
		return 0;
	note_block(j, when_us);
	/* Each turn adds samples or deals with a packet; a hostile heap of
	 * empty ones ends here. */
	for (int turn = 0; t->len < JBUF_BLOCK && turn < 2 * PACKETS_SLOTS; turn++)
		fill(j, when_us);
	if (t->len < JBUF_BLOCK)
		tape_add_zeros(t, JBUF_BLOCK - t->len);
	tape_take(t, out, JBUF_BLOCK);
	return t->channels;
}

void jbuf_flush(struct jbuf *j)
{
	struct packets *p = &j->packets;

	packets_drop(p);
	if (p->known && p->newest_seq >= p->seq)
		p->seq = p->newest_seq + 1;
	packets_forget_done(p);
	tape_clear(&j->tape);
	j->playing = j->cut = j->quiet_sender = false;
	j->fresh = true;                /* what was not taken meanwhile is not lost */
}

void jbuf_stats(const struct jbuf *j, struct jbuf_stats *out)
{
	*out = j->stats;
	out->late = j->packets.late;
	out->lost = j->packets.lost;
	out->duplicate = j->packets.duplicate;
	out->buffer_ms = j->playing ? (unsigned)(j->held / (HZ / 1000) + 0.5) : 0;
	out->target_ms = (unsigned)(j->jitter.target_us / 1000);
	out->delay_ms = j->playing && j->delay_us > 0 ? (unsigned)(j->delay_us / 1000) : 0;
	out->jitter_ms = j->jitter.rfc_us / 1000;
}

double jbuf_waited(const struct jbuf *j, double *packets)
{
	*packets = (double)j->decoded;
	return (double)j->waited_us / 1000;
}
