/* recorder.c - the call into files; see the header */
#include "audio/recorder.h"
#include <errno.h>
#include <fcntl.h>
#include <opus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "audio/device.h"
#include "audio/ogg_opus.h"
#include "base/clock.h"
#include "base/ring.h"
#include "base/text.h"

enum {
	FRAME = 960,                    /* of the mix: 20 ms */
	BITRATE = 96000,
	MIX_SAMPLES = 4 * 2 * AUDIO_HZ, /* 4 s wait for the disk at most */
	PACKETS = 512,                  /* a power of two */
	TRACKS = 64,
	HELD = 16,                      /* packets that wait for those before them */
	HOLD_US = 300000,
	REANCHOR = 5 * AUDIO_HZ,        /* a sender that begins anew */
	NAME_BYTES = 64, PATH_BYTES = 1024,
	NAP_NS = 20000000,
};

struct packet {
	uint32_t ssrc, timestamp;
	uint16_t seq, len;
	int64_t arrival_us;
	uint8_t data[1275];
};

/* One person's file. */
struct track {
	uint32_t ssrc;
	struct ogg_opus *file;
	bool failed, anchored;
	uint32_t timestamp;             /* of the anchor */
	int64_t position;               /* of the anchor, samples from the beginning */
	struct packet held[HELD];
	unsigned count;
};

struct label { uint32_t ssrc; char name[NAME_BYTES]; };

struct recorder {
	char path[PATH_BYTES], title[200], date[40];
	pthread_t thread;
	bool running, people;
	atomic_bool quit;
	int64_t start_us;
	struct ring *mix;
	struct packet *ring;
	atomic_uint head, tail;
	atomic_uint_least64_t dropped;

	/* Writer. */
	OpusEncoder *encoder;
	struct ogg_opus *file;
	struct track *track[TRACKS];
	unsigned tracks;

	pthread_mutex_t lock;           /* leaf: guards what follows */
	struct label label[TRACKS * 2];
	unsigned labels;
	int err;
	int64_t samples;
};

/* ---- files ---- */

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int begin_file(struct recorder *r, const char *path, const char *artist, struct ogg_opus **out)
{
	char title[220], date[50], who[NAME_BYTES + 10];
	const char *tags[4] = { NULL };
	unsigned n = 0;
	int fd = create(path);

	if (fd < 0)
		return fd;
	snprintf(title, sizeof(title), "TITLE=%s", r->title);
	snprintf(date, sizeof(date), "DATE=%s", r->date);
	snprintf(who, sizeof(who), "ARTIST=%s", artist ? artist : "");
	if (*r->title)
		tags[n++] = title;
	if (*r->date)
		tags[n++] = date;
	if (artist)
		tags[n++] = who;
	return ogg_opus_new(out, fd, 2, tags);
}

static void fail(struct recorder *r, int err)
{
	pthread_mutex_lock(&r->lock);
	if (!r->err)
		r->err = err;
	pthread_mutex_unlock(&r->lock);
}

/* ---- the mix ---- */

static void write_mix(struct recorder *r, bool all)
{
	int16_t v[FRAME * 2];
	uint8_t packet[1275];

	while (ring_used(r->mix) >= (all ? 1 : FRAME * 2)) {
		size_t n = ring_read(r->mix, v, FRAME * 2);
		int len, err;

		memset(v + n, 0, (FRAME * 2 - n) * sizeof(*v));
		len = opus_encode(r->encoder, v, FRAME, packet, sizeof(packet));
		err = len < 0 ? -EIO : ogg_opus_packet(r->file, packet, (size_t)len, FRAME);
		if (err) {
			fail(r, err);
			return;
		}
	}
	pthread_mutex_lock(&r->lock);
	r->samples = ogg_opus_position(r->file);
	pthread_mutex_unlock(&r->lock);
}

/* ---- persons ---- */

static void find_name(struct recorder *r, uint32_t ssrc, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, "%u", ssrc);
	pthread_mutex_lock(&r->lock);
	for (unsigned i = r->labels; i-- > 0;)
		if (r->label[i].ssrc == ssrc) {
			text_copy(out, NAME_BYTES, r->label[i].name);
			break;
		}
	pthread_mutex_unlock(&r->lock);
}

/* Names are strangers' words: no folders, nothing hidden. */
static void safe_name(char *s)
{
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || strchr("/\\:*?\"<>|", *p) || (p == s && *p == '.'))
			*p = '_';
}

static void open_track(struct recorder *r, struct track *t)
{
	char name[NAME_BYTES], file[NAME_BYTES], path[PATH_BYTES + NAME_BYTES + 16];
	size_t stem = strlen(r->path) - (text_ends(r->path, ".opus") ? 5 : 0);
	int err = -EEXIST;

	find_name(r, t->ssrc, name);
	text_copy(file, sizeof(file), name);
	safe_name(file);
	for (int i = 1; i < 100 && err == -EEXIST; i++) {
		if (i == 1)
			snprintf(path, sizeof(path), "%.*s-%s.opus", (int)stem, r->path, file);
		else
			snprintf(path, sizeof(path), "%.*s-%s-%d.opus", (int)stem, r->path, file, i);
		err = begin_file(r, path, name, &t->file);
	}
	if (err) {
		t->failed = true;
		fail(r, err);
	}
}

static struct track *find_track(struct recorder *r, uint32_t ssrc)
{
	struct track *t;

	for (unsigned i = 0; i < r->tracks; i++)
		if (r->track[i]->ssrc == ssrc)
			return r->track[i];
	if (r->tracks == TRACKS)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->ssrc = ssrc;
	r->track[r->tracks++] = t;
	open_track(r, t);
	return t;
}

/* Where the packet belongs: by its timestamp, and by its arrival where that
 * tells nothing (the first one, a sender that begins anew). */
static int64_t place(struct recorder *r, struct track *t, const struct packet *p)
{
	int64_t by_arrival = (p->arrival_us - r->start_us) * (AUDIO_HZ / 1000) / 1000;
	int64_t by_time = t->position + (int32_t)(p->timestamp - t->timestamp);

	if (by_arrival < 0)
		by_arrival = 0;
	if (!t->anchored || by_time > by_arrival + REANCHOR || by_time < by_arrival - REANCHOR) {
		t->anchored = true;
		by_time = by_arrival;
	}
	t->timestamp = p->timestamp;
	t->position = by_time;
	return by_time;
}

static void write_packet(struct recorder *r, struct track *t, const struct packet *p)
{
	int samples = opus_packet_get_nb_samples(p->data, p->len, AUDIO_HZ);
	int64_t at, gap;
	int err;

	if (!t->file || samples <= 0)
		return;
	at = place(r, t, p);
	gap = at - ogg_opus_position(t->file);
	if (gap < -FRAME)
		return;                 /* a second copy, or far too late */
	err = ogg_opus_silence(t->file, gap);
	if (!err)
		err = ogg_opus_packet(t->file, p->data, p->len, (unsigned)samples);
	if (err)
		fail(r, err);
}

static void release_first(struct recorder *r, struct track *t)
{
	write_packet(r, t, &t->held[0]);
	memmove(t->held, t->held + 1, --t->count * sizeof(t->held[0]));
}

static void hold(struct recorder *r, struct track *t, const struct packet *p)
{
	unsigned i = t->count;

	if (t->count == HELD) {
		release_first(r, t);
		i--;
	}
	while (i > 0 && (int16_t)(t->held[i - 1].seq - p->seq) > 0)
		i--;
	if (i > 0 && t->held[i - 1].seq == p->seq)
		return;
	memmove(t->held + i + 1, t->held + i, (t->count - i) * sizeof(t->held[0]));
	t->held[i] = *p;
	t->count++;
}

static void write_people(struct recorder *r, bool all)
{
	unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	int64_t now = clock_now_us();

	while (tail != atomic_load_explicit(&r->head, memory_order_acquire)) {
		const struct packet *p = &r->ring[tail & (PACKETS - 1)];
		struct track *t = find_track(r, p->ssrc);

		if (t && !t->failed)
			hold(r, t, p);
		atomic_store_explicit(&r->tail, ++tail, memory_order_release);
	}
	for (unsigned i = 0; i < r->tracks; i++)
		while (r->track[i]->count && (all || now - r->track[i]->held[0].arrival_us > HOLD_US))
			release_first(r, r->track[i]);
}

/* ---- the writer ---- */

static int error_of(struct recorder *r)
{
	int err;

	pthread_mutex_lock(&r->lock);
	err = r->err;
	pthread_mutex_unlock(&r->lock);
	return err;
}

static void *writer(void *ctx)
{
	struct recorder *r = ctx;
	struct timespec nap = { .tv_nsec = NAP_NS };

	while (!error_of(r)) {
		bool last = atomic_load(&r->quit);

		write_mix(r, last);
		if (r->people)
			write_people(r, last);
		if (last)
			break;
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static int start(struct recorder *r)
{
	int err = 0;

	r->encoder = opus_encoder_create(AUDIO_HZ, 2, OPUS_APPLICATION_AUDIO, &err);
	if (!r->encoder)
		return -ENOMEM;
	opus_encoder_ctl(r->encoder, OPUS_SET_BITRATE(BITRATE));
	err = ring_new(&r->mix, MIX_SAMPLES);
	if (!err && r->people) {
		r->ring = calloc(PACKETS, sizeof(*r->ring));
		err = r->ring ? 0 : -ENOMEM;
	}
	if (!err)
		err = begin_file(r, r->path, NULL, &r->file);
	if (!err)
		err = -pthread_create(&r->thread, NULL, writer, r);
	r->running = !err;
	return err;
}

int recorder_new(struct recorder **out, const struct recorder_config *cfg)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	text_copy(r->title, sizeof(r->title), cfg->title);
	text_copy(r->date, sizeof(r->date), cfg->date);
	r->people = cfg->people;
	r->start_us = clock_now_us();
	err = text_copy(r->path, sizeof(r->path), cfg->path) ? start(r) : -ENAMETOOLONG;
	if (err)
		recorder_free(&r);
	*out = r;
	return err;
}

void recorder_free(struct recorder **rp)
{
	struct recorder *r = *rp;

	if (!r)
		return;
	atomic_store(&r->quit, true);
	if (r->running)
		pthread_join(r->thread, NULL);
	ogg_opus_close(&r->file);
	for (unsigned i = 0; i < r->tracks; i++) {
		ogg_opus_close(&r->track[i]->file);
		free(r->track[i]);
	}
	if (r->encoder)
		opus_encoder_destroy(r->encoder);
	ring_free(&r->mix);
	free(r->ring);
	pthread_mutex_destroy(&r->lock);
	free(r);
	*rp = NULL;
}

/* ---- what comes ---- */

void recorder_mix(struct recorder *r, const int16_t v[960])
{
	if (ring_size(r->mix) - ring_used(r->mix) < 960 || ring_write(r->mix, v, 960) != 960)
		atomic_fetch_add(&r->dropped, 1);
}

void recorder_frame(struct recorder *r, const struct media_frame *f)
{
	unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
	struct packet *p;

	if (!r->people || !f->len || f->len > sizeof(p->data))
		return;
	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) >= PACKETS) {
		atomic_fetch_add(&r->dropped, 1);
		return;
	}
	p = &r->ring[head & (PACKETS - 1)];
	p->ssrc = f->ssrc;
	p->seq = f->seq;
	p->timestamp = f->timestamp;
	p->arrival_us = f->arrival_us;
	p->len = (uint16_t)f->len;
	memcpy(p->data, f->payload, f->len);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

void recorder_label(struct recorder *r, uint32_t ssrc, const char *name)
{
	pthread_mutex_lock(&r->lock);
	if (r->labels == TRACKS * 2)
		memmove(r->label, r->label + 1, --r->labels * sizeof(r->label[0]));
	r->label[r->labels].ssrc = ssrc;
	text_copy(r->label[r->labels++].name, NAME_BYTES, name);
	pthread_mutex_unlock(&r->lock);
}

void recorder_status(struct recorder *r, struct recorder_status *out)
{
	pthread_mutex_lock(&r->lock);
	out->err = r->err;
	out->samples = r->samples;
	pthread_mutex_unlock(&r->lock);
	out->dropped = atomic_load(&r->dropped);
}
