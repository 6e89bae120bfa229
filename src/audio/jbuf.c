/* jbuf.c - the jitter buffer; see the header
 *
 *	put:  number and timestamp unwrapped -> slot[number & 255]
 *	pull: slot of the next number -> decoder -> pcm -> 10 ms
 *
 * The line of time: `ts` is the timestamp of the next sample to decode, and
 * what stands decoded in pcm comes before it.  jitter.c says when a sample is
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
#include "audio/stretch.h"

enum {
	HZ = 48000,
	SLOTS = 256,            /* 640 ms of the shortest packets */
	DONE_BITS = 256,
	BYTES_MAX = 48 * 1024,  /* of payload; 0.5 s at 510 kbit/s is 32 KiB */
	PCM_MAX = STRETCH_PAST + DECODE_MAX + 3 * STRETCH_LAG_MAX,
	OLD_MAX = 3000,         /* numbers; a minute of 20 ms: further off is a new start */
	BLEND = 240,            /* 5 ms from a made-up sound to a real one */
	FADE_IN = 120,          /* 2.5 ms where a talk begins in the middle of a word */
	FADE_OUT = 480,         /* 10 ms where it breaks off */
	IDLE = HZ,              /* a second without packets: nothing is made any more */
	WAIT_MAX = 2880,        /* 60 ms: so long may a missing packet be waited for */
	EXCESS_US = 15000, SETTLE_US = 8000,    /* over the aim: the delay is brought down ... */
	ENOUGH_US = 4000,                       /* ... to this */
	LACK_US = 6000,                         /* under the aim: the delay is brought up */
	URGENT_US = 100000,
	SKIP_US = 250000,       /* so far over the aim packets are dropped */
	SETTLED = 100,          /* blocks pulled: a source has found its pace */
};

struct slot {
	uint8_t *data;          /* NULL: free, or a packet without payload */
	int64_t seq, ts;        /* unwrapped; seq 0: free */
	int64_t arrival_us;
	uint16_t len, samples;
	bool recovered;
};

struct jbuf {
	struct decoder *decoder;
	struct jitter jitter;
	struct slot slot[SLOTS];
	size_t count, bytes;

	bool known;             /* newest_* say something */
	int64_t newest_seq, newest_ts;
	int64_t seq, ts;        /* next to decode, if playing; else seq: the least to take */
	bool playing;
	bool shrinking;
	bool quiet_sender;      /* the last packet was DTX: fill with comfort noise */
	bool cut;               /* the sound broke off with pcm still loud */
	bool begins;            /* the next packet is the first of a talk */
	bool fresh;             /* nothing was played since the source began (anew) */
	unsigned frame;         /* samples of the last packet */
	size_t extended;        /* samples made up since the last real one */
	unsigned dtx_filled;    /* samples of comfort noise since the last packet */
	uint64_t done[DONE_BITS / 64];  /* bits: which of the numbers below seq were played */
	unsigned pulled;        /* blocks, up to SETTLED */

	int64_t delay_us;       /* smoothed */
	double held;            /* samples, smoothed */
	int64_t waited_us, decoded;     /* sum over the packets, their number */
	struct jbuf_stats stats;

	size_t len;             /* samples not yet played */
	/* What was played last, then what comes next. */
	int16_t pcm[PCM_MAX];
};

int jbuf_new(struct jbuf **out)
{
	struct jbuf *j = calloc(1, sizeof(*j));
	int err;

	*out = NULL;
	if (!j)
		return -ENOMEM;
	err = decoder_new(&j->decoder);
	if (err) {
		free(j);
		return err;
	}
	jitter_init(&j->jitter);
	*out = j;
	return 0;
}

static void slot_clear(struct jbuf *j, struct slot *s)
{
	if (s->seq) {
		j->count--;
		j->bytes -= s->len;
	}
	free(s->data);
	memset(s, 0, sizeof(*s));
}

static void drop_all(struct jbuf *j)
{
	for (size_t i = 0; i < SLOTS && j->count; i++)
		slot_clear(j, &j->slot[i]);
}

void jbuf_free(struct jbuf **jp)
{
	struct jbuf *j = *jp;

	if (!j)
		return;
	drop_all(j);
	decoder_free(&j->decoder);
	free(j);
	*jp = NULL;
}

static struct slot *slot_of(struct jbuf *j, int64_t seq)
{
	struct slot *s = &j->slot[seq & (SLOTS - 1)];

	return s->seq == seq ? s : NULL;
}

/* The lowest number that waits. */
static struct slot *first_slot(struct jbuf *j)
{
	struct slot *first = NULL;

	if (!j->count)
		return NULL;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = j->playing ? slot_of(j, j->seq + i) : &j->slot[i];

		if (!s || !s->seq)
			continue;
		if (j->playing)
			return s;
		if (!first || s->seq < first->seq)
			first = s;
	}
	return first;
}

/* ---- what was played, for telling late from known ---- */

static void done_reset(struct jbuf *j)
{
	memset(j->done, 0, sizeof(j->done));
}

static void done_mark(struct jbuf *j, int64_t seq, bool played)
{
	uint64_t bit = UINT64_C(1) << (seq & 63);

	if (played)
		j->done[seq >> 6 & 3] |= bit;
	else
		j->done[seq >> 6 & 3] &= ~bit;
}

static bool done_has(const struct jbuf *j, int64_t seq)
{
	return j->seq - seq <= DONE_BITS * 3 / 4 && (j->done[seq >> 6 & 3] >> (seq & 63) & 1);
}

/* The next number is dealt with. */
static void step(struct jbuf *j, bool played)
{
	done_mark(j, j->seq, played);
	j->seq++;
}

/* What comes before seq is lost. */
static void step_to(struct jbuf *j, int64_t seq)
{
	if (seq <= j->seq)
		return;
	j->stats.lost += (uint64_t)(seq - j->seq);
	if (seq - j->seq > SLOTS) {
		done_reset(j);
		j->seq = seq;
	}
	while (j->seq < seq)
		step(j, false);
}

/* ---- put ---- */

static void start_over(struct jbuf *j, const struct media_frame *f)
{
	drop_all(j);
	if (j->known)
		decoder_reset(j->decoder);
	done_reset(j);
	jitter_restart(&j->jitter);
	j->known = true;
	j->cut = j->playing;
	j->playing = j->quiet_sender = false;
	j->fresh = true;
	j->extended = 0;
	/* Far from zero, so that what comes before it has a number, too. */
	j->newest_seq = (int64_t)1 << 32 | f->seq;
	j->newest_ts = (int64_t)1 << 40 | f->timestamp;
	j->seq = j->newest_seq - 8;     /* the first to come need not be the first sent */
	j->pulled = 0;
}

/* Unwraps; false: nothing that follows from what came before. */
static bool place(struct jbuf *j, const struct media_frame *f, int64_t *seq, int64_t *ts)
{
	int16_t ds = (int16_t)(uint16_t)(f->seq - (uint16_t)j->newest_seq);
	int32_t dt = (int32_t)(f->timestamp - (uint32_t)j->newest_ts);

	*seq = j->newest_seq + ds;
	*ts = j->newest_ts + dt;
	if (ds == 0)
		return dt == 0;
	if (ds < -OLD_MAX || ds > OLD_MAX)
		return false;
	/* No packet is shorter than 2.5 ms; a pause may be of any length. */
	return ds > 0 ? dt >= ds * DECODE_STEP : dt <= ds * DECODE_STEP;
}

static bool is_known(struct jbuf *j, int64_t seq)
{
	if (seq < j->seq ? !done_has(j, seq) : !slot_of(j, seq))
		return false;
	j->stats.duplicate++;
	return true;
}

static int note_late(struct jbuf *j, int64_t seq)
{
	j->stats.late++;
	if (seq < j->seq && j->seq - seq <= DONE_BITS * 3 / 4) {
		j->stats.lost -= j->stats.lost > 0;
		done_mark(j, seq, true);
	}
	return -EALREADY;
}

/* Keeps the window over slots and memory bounded: the oldest go. */
static void make_room(struct jbuf *j, int64_t seq, size_t len)
{
	while (j->count) {
		struct slot *s = first_slot(j);

		if (!s || (seq - s->seq < SLOTS && j->bytes + len <= BYTES_MAX))
			break;
		step_to(j, s->seq + 1);
		slot_clear(j, s);
		j->cut = j->playing || j->cut;
		j->playing = false;
	}
	if (j->playing && seq - j->seq >= SLOTS) {
		j->cut = true;
		j->playing = false;
	}
}

static int keep(struct jbuf *j, const struct media_frame *f, int64_t seq, int64_t ts, int samples)
{
	struct slot *s = &j->slot[seq & (SLOTS - 1)];
	uint8_t *data = NULL;

	make_room(j, seq, f->len);
	if (f->len) {
		data = malloc(f->len);
		if (!data)
			return -ENOMEM;
		memcpy(data, f->payload, f->len);
	}
	slot_clear(j, s);
	*s = (struct slot){ .data = data, .seq = seq, .ts = ts, .len = (uint16_t)f->len,
			    .samples = (uint16_t)samples, .recovered = f->recovered,
			    .arrival_us = f->arrival_us };
	j->count++;
	j->bytes += f->len;
	return 0;
}

int jbuf_put(struct jbuf *j, const struct media_frame *f)
{
	/* A packet of padding alone has a number but no sound. */
	int samples = f->len ? decoder_samples(f->payload, f->len) : 0;
	int64_t seq, ts;

	if (samples < 0 || f->len > BYTES_MAX / 4) {
		j->stats.bad++;
		return -EBADMSG;
	}
	if (!j->known || !place(j, f, &seq, &ts)) {
		if (f->recovered)
			return -EALREADY;       /* no ground to start from */
		start_over(j, f);
		place(j, f, &seq, &ts);
	}
	if (seq > j->newest_seq) {
		j->newest_seq = seq;
		j->newest_ts = ts;
	}
	if (is_known(j, seq))
		return -EALREADY;
	if (!f->recovered && samples)
		jitter_packet(&j->jitter, ts, f->arrival_us);
	if (seq < j->seq || j->newest_seq - seq >= SLOTS)
		return note_late(j, seq);
	return keep(j, f, seq, ts, samples);
}

/* ---- the delay ---- */

/* The delay of the sample that is played at when_us, which is the first of pcm. */
static int64_t delay_now(const struct jbuf *j, int64_t when_us)
{
	return when_us - jitter_due_us(&j->jitter, j->ts - (int64_t)j->len);
}

static int64_t us_of(int64_t samples)
{
	return samples * 125 / 6;
}

static size_t samples_of(int64_t us)
{
	return us <= 0 ? 0 : (size_t)(us * 6 / 125);
}

static float urgency(int64_t off_us)
{
	return off_us <= EXCESS_US * 2 ? 0 : off_us >= URGENT_US ? 1 : (float)off_us / URGENT_US;
}

/* Right after a packet: pcm holds as much as it ever does. */
static void lead_delay(struct jbuf *j)
{
	int64_t over = j->delay_us - j->jitter.target_us;
	int16_t *x = j->pcm + STRETCH_PAST;
	size_t n;

	if (over > (j->shrinking ? ENOUGH_US : j->pulled < SETTLED ? SETTLE_US : EXCESS_US)) {
		j->shrinking = true;
		n = stretch_shorten(x, j->len, samples_of(over), urgency(over));
		j->len -= n;
		j->stats.shortened += n;
		j->delay_us -= us_of((int64_t)n);
	} else {
		j->shrinking = false;
	}
	if (over < -LACK_US) {
		n = stretch_lengthen(x, j->len, samples_of(-over), urgency(-over));
		j->len += n;
		j->stats.lengthened += n;
		j->delay_us += us_of((int64_t)n);
	}
}

/* ---- pull ---- */

static int16_t *end_of(struct jbuf *j)
{
	return j->pcm + STRETCH_PAST + j->len;
}

static void add_zeros(struct jbuf *j, size_t n)
{
	memset(end_of(j), 0, n * sizeof(*j->pcm));
	j->len += n;
}

static void add_extension(struct jbuf *j, size_t n)
{
	stretch_extend(end_of(j), n, j->extended);
	j->len += n;
	j->extended += n;
}

/* n samples stand behind pcm.  Where a made-up sound comes before, the first
 * `skip` of them were covered by it, and the two are blended. */
static void take_decoded(struct jbuf *j, size_t n, size_t skip)
{
	int16_t *x = end_of(j), more[BLEND];

	if (skip >= n)
		return;
	if (j->extended) {
		size_t blend = n - skip < BLEND ? n - skip : BLEND;

		memmove(x + blend, x + skip, (n - skip) * sizeof(*x));
		stretch_extend(x, blend, j->extended);
		memcpy(more, x, blend * sizeof(*x));
		memmove(x, x + blend, (n - skip) * sizeof(*x));
		stretch_blend(x, more, blend);
	}
	j->len += n - skip;
}

/* The talk is over, or broken off: the next one finds its own time. */
static void pause_talk(struct jbuf *j)
{
	int16_t *x = end_of(j);

	if (j->extended < STRETCH_FADE && !j->quiet_sender) {
		stretch_extend(x, FADE_OUT, j->extended);
		for (int i = 0; i < FADE_OUT; i++)
			x[i] = (int16_t)(x[i] * (FADE_OUT - 1 - i) / FADE_OUT);
		j->len += FADE_OUT;
	}
	j->playing = false;
	j->extended = 0;
}

/* Comfort noise, as the decoder makes it while a sender is in DTX. */
static void add_comfort(struct jbuf *j, size_t n)
{
	int got = decoder_conceal(j->decoder, end_of(j), (int)(n - n % DECODE_STEP));

	if (got <= 0) {
		add_zeros(j, n);
		return;
	}
	j->len += (size_t)got;
	j->dtx_filled += (unsigned)got;
}

static void start_talk(struct jbuf *j, const struct slot *s, int64_t when_us)
{
	if (j->fresh)
		j->seq = s->seq;
	step_to(j, s->seq);
	j->ts = s->ts;
	j->playing = j->begins = true;
	j->fresh = j->shrinking = false;
	j->extended = 0;
	j->delay_us = delay_now(j, when_us);
}

/* Not playing.  Silence up to the moment when the first packet is due. */
static void fill_waiting(struct jbuf *j, int64_t when_us)
{
	struct slot *s = first_slot(j);
	int64_t at = when_us + us_of((int64_t)j->len), due;
	size_t room = JBUF_BLOCK - j->len, n = room;

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
		add_zeros(j, n);
}

static void fade_in(int16_t *x, size_t n)
{
	static const int16_t silence[FADE_IN];

	stretch_blend(x, silence, n < FADE_IN ? n : FADE_IN);
}

static void play(struct jbuf *j, struct slot *s, int64_t when_us)
{
	int n = s->samples;

	if (!n) {                               /* padding */
		slot_clear(j, s);
		step(j, true);
		return;
	}
	if (s->ts > j->ts || j->extended >= STRETCH_FADE) {
		if (s->ts <= j->ts)             /* it was sent in time, and waited for */
			j->stats.concealed += j->extended;
		pause_talk(j);
		return;
	}
	n = decoder_packet(j->decoder, s->data, s->len, end_of(j));
	if (n < 0) {
		j->stats.bad++;
		n = decoder_conceal(j->decoder, end_of(j), s->samples);
		j->stats.concealed += s->samples;
	}
	if (n < 0) {
		memset(end_of(j), 0, s->samples * sizeof(*j->pcm));
		n = s->samples;
	}
	j->stats.concealed += j->extended;      /* it was late: the sound was drawn out */
	if (j->begins)
		fade_in(end_of(j), (size_t)n);
	take_decoded(j, (size_t)n, 0);
	j->ts = s->ts + n;
	if (j->extended)
		j->delay_us = delay_now(j, when_us);
	j->begins = false;
	j->frame = (unsigned)n;
	j->stats.fec_recovered += s->recovered;
	j->waited_us += when_us - s->arrival_us;
	j->decoded++;
	j->quiet_sender = s->len <= 2;          /* RFC 6716, section 2.1.9 */
	j->dtx_filled = 0;
	j->extended = 0;
	slot_clear(j, s);
	step(j, true);
	lead_delay(j);
}

/* One lost packet of n samples; next: the one right behind it, or NULL. */
static void fill_lost(struct jbuf *j, int n, const struct slot *next)
{
	size_t skip = j->extended < (size_t)n ? j->extended : (size_t)n;
	bool fec = next && next->data && decoder_has_fec(next->data, next->len);
	int got;

	if (next && next->data)
		got = decoder_fec(j->decoder, next->data, next->len, end_of(j), n);
	else
		got = decoder_conceal(j->decoder, end_of(j), n);
	if (got < n)
		memset(end_of(j), 0, (size_t)n * sizeof(*j->pcm));
	take_decoded(j, (size_t)n, skip);
	if (skip < (size_t)n)
		j->extended = 0;
	else
		j->extended -= skip;
	if (fec)
		j->stats.fec_recovered++;
	else
		j->stats.concealed += (uint64_t)n;
	j->ts += n;
	step_to(j, j->seq + 1);
}

/* The next packet is missing, a later one is here. */
static void conceal(struct jbuf *j, const struct slot *s, int64_t when_us)
{
	int64_t missing = s->seq - j->seq, gap = s->ts - j->ts;
	int n = (int)(j->frame ? j->frame : HZ / 50);

	if (j->extended >= STRETCH_FADE || missing * n > HZ / 2) {
		/* Silence reigns already; or so much is gone that the talk
		 * may as well find its time anew. */
		j->stats.concealed += (uint64_t)(gap < 0 ? 0 : gap < IDLE ? gap : IDLE);
		pause_talk(j);
		return;
	}
	if (delay_now(j, when_us) < j->jitter.target_us - LACK_US && j->extended < WAIT_MAX) {
		/* More delay is wanted anyway: it may still come. */
		add_extension(j, JBUF_BLOCK);
		return;
	}
	if (n > gap)
		n = (int)gap;
	n -= n % DECODE_STEP;
	if (n <= 0) {
		step_to(j, s->seq);
		j->ts = s->ts;
		return;
	}
	fill_lost(j, n, missing == 1 && n == gap ? s : NULL);
}

/* Nothing is here at all. */
static void fill_dry(struct jbuf *j)
{
	if (j->quiet_sender && j->dtx_filled < IDLE) {
		add_comfort(j, JBUF_BLOCK);
		return;
	}
	add_extension(j, JBUF_BLOCK);
	if (j->extended >= IDLE || (j->quiet_sender && j->extended >= JBUF_BLOCK)) {
		j->playing = false;
		j->extended = 0;
	}
}

/* After a stall there may be more here than anybody wants to hear late. */
static void skip_ahead(struct jbuf *j, int64_t when_us)
{
	int64_t over = delay_now(j, when_us) - j->jitter.target_us;
	struct slot *s;

	if (over <= SKIP_US || j->count < 2)
		return;
	while (over > EXCESS_US && j->count > 1 && (s = first_slot(j))) {
		over -= us_of(s->samples);
		step_to(j, s->seq + 1);
		slot_clear(j, s);
	}
	s = first_slot(j);
	if (!s)
		return;
	if (!j->extended)
		add_extension(j, BLEND);
	step_to(j, s->seq);
	j->ts = s->ts;
	j->delay_us = delay_now(j, when_us);
}

static void fill(struct jbuf *j, int64_t when_us)
{
	struct slot *s;

	if (!j->playing) {
		if (j->cut)
			pause_talk(j);
		j->cut = false;
		if (j->len < JBUF_BLOCK)
			fill_waiting(j, when_us);
		return;
	}
	skip_ahead(j, when_us);
	s = first_slot(j);
	if (!s)
		fill_dry(j);
	else if (s->seq == j->seq)
		play(j, s, when_us);
	else
		conceal(j, s, when_us);
}

static void note_block(struct jbuf *j, int64_t when_us)
{
	int64_t delay, held = (int64_t)j->len;

	if (!j->playing)
		return;
	delay = delay_now(j, when_us);
	j->delay_us += (delay - j->delay_us) / 16;
	if (j->count)
		held = j->newest_ts + j->frame - j->ts + (int64_t)j->len;
	j->held += ((double)held - j->held) / 32;
	if (j->pulled < SETTLED)
		j->pulled++;
}

unsigned jbuf_pull(struct jbuf *j, int16_t out[JBUF_BLOCK * JBUF_CHANNELS], int64_t when_us)
{
	if (!j->playing && !j->count && !j->len && !j->cut &&
	    !(j->quiet_sender && j->dtx_filled < IDLE))
		return 0;
	note_block(j, when_us);
	/* Each turn adds samples or deals with a packet; a hostile heap of
	 * empty ones ends here. */
	for (int turn = 0; j->len < JBUF_BLOCK && turn < 2 * SLOTS; turn++)
		fill(j, when_us);
	if (j->len < JBUF_BLOCK)
		add_zeros(j, JBUF_BLOCK - j->len);
	memcpy(out, j->pcm + STRETCH_PAST, JBUF_BLOCK * sizeof(*out));
	j->len -= JBUF_BLOCK;
	memmove(j->pcm, j->pcm + JBUF_BLOCK, (STRETCH_PAST + j->len) * sizeof(*j->pcm));
	return 1;
}

void jbuf_flush(struct jbuf *j)
{
	drop_all(j);
	if (j->known && j->newest_seq >= j->seq)
		j->seq = j->newest_seq + 1;
	done_reset(j);
	memset(j->pcm, 0, sizeof(j->pcm));
	j->len = j->extended = 0;
	j->playing = j->cut = j->quiet_sender = false;
	j->fresh = true;                /* what was not taken meanwhile is not lost */
}

void jbuf_stats(const struct jbuf *j, struct jbuf_stats *out)
{
	*out = j->stats;
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
