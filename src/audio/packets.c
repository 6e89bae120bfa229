/* packets.c - the packets of one source that wait; see the header */
#include "audio/packets.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OLD_MAX = 3000,         /* numbers; a minute of 20 ms: further off is a new start */
	EARLIER = 8,            /* the first to come need not be the first sent */
	STEP = 120,             /* samples; no packet is shorter than 2.5 ms */
	ROOM = 64,              /* bytes; buffers are of multiples of it */
};

void packets_release(struct packets *p, struct packet *k)
{
	if (k->seq) {
		p->count--;
		p->bytes -= k->len;
	}
	if (k->data && p->spares < PACKETS_SPARE) {
		p->spare[p->spares].data = k->data;
		p->spare[p->spares++].room = k->room;
		k->data = NULL;
		k->room = 0;
	}
	/* No room among the spare ones: it stays where it is, for the next there. */
	k->seq = k->ts = 0;
	k->len = k->samples = 0;
}

void packets_drop(struct packets *p)
{
	for (size_t i = 0; i < PACKETS_SLOTS && p->count; i++)
		if (p->slot[i].seq)
			packets_release(p, &p->slot[i]);
}

void packets_free(struct packets *p)
{
	for (size_t i = 0; i < PACKETS_SLOTS; i++)
		free(p->slot[i].data);
	while (p->spares)
		free(p->spare[--p->spares].data);
	memset(p, 0, sizeof(*p));
}

struct packet *packets_at(struct packets *p, int64_t seq)
{
	struct packet *k = &p->slot[seq & (PACKETS_SLOTS - 1)];

	return k->seq == seq ? k : NULL;
}

struct packet *packets_first(struct packets *p)
{
	struct packet *first = NULL;

	if (!p->count)
		return NULL;
	for (int i = 0; i < PACKETS_SLOTS; i++) {
		struct packet *k = packets_at(p, p->seq + i);

		if (k)
			return k;
	}
	/* Below the next one: of a source that begins. */
	for (int i = 0; i < PACKETS_SLOTS; i++)
		if (p->slot[i].seq && (!first || p->slot[i].seq < first->seq))
			first = &p->slot[i];
	return first;
}

/* ---- what was played, for telling late from known ---- */

void packets_forget_done(struct packets *p)
{
	memset(p->done, 0, sizeof(p->done));
}

static void done_mark(struct packets *p, int64_t seq, bool played)
{
	uint64_t bit = UINT64_C(1) << (seq & 63);

	if (played)
		p->done[seq >> 6 & 3] |= bit;
	else
		p->done[seq >> 6 & 3] &= ~bit;
}

static bool is_recent(const struct packets *p, int64_t seq)
{
	return seq < p->seq && p->seq - seq <= PACKETS_DONE * 3 / 4;
}

static bool done_has(const struct packets *p, int64_t seq)
{
	return is_recent(p, seq) && (p->done[seq >> 6 & 3] >> (seq & 63) & 1);
}

void packets_step(struct packets *p, bool played)
{
	done_mark(p, p->seq, played);
	p->seq++;
}

void packets_step_to(struct packets *p, int64_t seq)
{
	if (seq <= p->seq)
		return;
	p->lost += (uint64_t)(seq - p->seq);
	if (seq - p->seq > PACKETS_SLOTS) {
		packets_forget_done(p);
		p->seq = seq;
	}
	while (p->seq < seq)
		packets_step(p, false);
}

bool packets_is_known(struct packets *p, int64_t seq)
{
	if (seq < p->seq ? !done_has(p, seq) : !packets_at(p, seq))
		return false;
	p->duplicate++;
	return true;
}

void packets_note_late(struct packets *p, int64_t seq)
{
	p->late++;
	if (is_recent(p, seq)) {
		p->lost -= p->lost > 0;
		done_mark(p, seq, true);
	}
}

/* ---- in ---- */

void packets_start(struct packets *p, const struct media_frame *f)
{
	packets_drop(p);
	packets_forget_done(p);
	p->known = true;
	/* Far from zero, so that what comes before it has a number, too. */
	p->newest_seq = (int64_t)1 << 32 | f->seq;
	p->newest_ts = (int64_t)1 << 40 | f->timestamp;
	p->seq = p->newest_seq - EARLIER;
}

bool packets_place(const struct packets *p, const struct media_frame *f, int64_t *seq, int64_t *ts)
{
	int16_t ds = (int16_t)(uint16_t)(f->seq - (uint16_t)p->newest_seq);
	int32_t dt = (int32_t)(f->timestamp - (uint32_t)p->newest_ts);

	*seq = p->newest_seq + ds;
	*ts = p->newest_ts + dt;
	if (ds == 0)
		return dt == 0;
	if (ds < -OLD_MAX || ds > OLD_MAX)
		return false;
	/* A pause may be of any length. */
	return ds > 0 ? dt >= ds * STEP : dt <= ds * STEP;
}

/* Keeps the window over slots and memory bounded: the oldest go. */
static bool make_room(struct packets *p, int64_t seq, size_t len)
{
	bool gap = false;

	while (p->count) {
		struct packet *k = packets_first(p);

		if (seq - k->seq < PACKETS_SLOTS && p->bytes + len <= PACKETS_BYTES)
			break;
		packets_step_to(p, k->seq + 1);
		packets_release(p, k);
		gap = true;
	}
	return gap || seq - p->seq >= PACKETS_SLOTS;
}

/* A buffer for len bytes: the one that lay there, a spare one, a new one. */
static int find_buffer(struct packets *p, struct packet *k, size_t len)
{
	size_t room = (len + ROOM - 1) / ROOM * ROOM;
	uint8_t *data;

	if (!k->data && p->spares) {
		k->data = p->spare[--p->spares].data;
		k->room = p->spare[p->spares].room;
	}
	if (len <= k->room)
		return 0;
	data = realloc(k->data, room);
	if (!data)
		return -ENOMEM;
	k->data = data;
	k->room = (uint16_t)room;
	return 0;
}

int packets_keep(struct packets *p, const struct media_frame *f, int64_t seq, int64_t ts,
		 int samples, bool *gap)
{
	struct packet *k = &p->slot[seq & (PACKETS_SLOTS - 1)];
	int err;

	*gap = make_room(p, seq, f->len);
	packets_release(p, k);
	err = find_buffer(p, k, f->len);
	if (err)
		return err;
	if (f->len)
		memcpy(k->data, f->payload, f->len);
	k->seq = seq;
	k->ts = ts;
	k->arrival_us = f->arrival_us;
	k->len = (uint16_t)f->len;
	k->samples = (uint16_t)samples;
	k->recovered = f->recovered;
	p->count++;
	p->bytes += f->len;
	return 0;
}
