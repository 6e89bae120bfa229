/* player.c - files that are played to the room; see the header
 *
 * The reader opens the next file as soon as one is read, so that nothing is
 * heard between them; a piece says which file it is of, and what is shown
 * follows what is taken.  Pieces carry the generation of the order that they
 * follow: after /next, /seek and /stop the media thread passes over what was
 * read before, without a word to the reader.
 */
#include "audio/player.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audio/device.h"
#include "audio/file_read.h"
#include "base/text.h"

enum {
	PIECES = 256,           /* a power of two; 2.5 s */
	FILES = 16,             /* in the ring at once, a power of two */
	NAP_NS = 20000000
};

struct slot {
	struct player_piece piece;
	unsigned generation, file;
	int64_t position;               /* samples, at its end */
};

/* A file that is read or played; by its number. */
struct file_info {
	char *path;
	char title[PLAYER_TITLE];
	int64_t length;
};

enum order { ORDER_NONE, ORDER_NEXT, ORDER_STOP, ORDER_SEEK };

struct player {
	pthread_t thread;
	bool running;
	atomic_bool quit, feeding;      /* feeding: more of the file is to come */
	atomic_bool ordered;            /* an order is not carried out yet, and something may follow */

	/* The ring: the reader writes head, the media thread tail. */
	struct slot *slot;
	atomic_uint head, tail;

	/* Media thread. */
	unsigned generation;            /* of the last order */
	bool paused, began;             /* began: pieces came since the last order */
	struct player_piece lent;
	int64_t position;
	uint64_t starved;

	pthread_mutex_t lock;           /* leaf: guards what follows */
	char *queue[PLAYER_QUEUE + 1];  /* one may come back */
	unsigned queued;
	enum order order;
	unsigned order_generation;
	int64_t seek_to;
	struct file_info info[FILES];
	unsigned reading, playing;      /* numbers of files, from 1 */
	bool open;                      /* one is read or played */
	char trouble[512];
	uint64_t failed;

	/* Reader. */
	struct file_read *file;
	unsigned at_generation;
	int64_t read_at;
	int16_t pcm[(FILE_PACKET_SAMPLES + PLAYER_BLOCK) * 2];
	unsigned have;                  /* samples in it that fill no piece yet */
};

/* ---- files ---- */

static unsigned used(const struct player *p)
{
	return atomic_load(&p->head) - atomic_load(&p->tail);
}

static struct file_info *info_of(struct player *p, unsigned file)
{
	return &p->info[file & (FILES - 1)];
}

static char *pop_locked(struct player *p)
{
	char *path = p->queued ? p->queue[0] : NULL;

	if (path)
		memmove(p->queue, p->queue + 1, --p->queued * sizeof(p->queue[0]));
	return path;
}

static void push_back_locked(struct player *p, char *path)
{
	memmove(p->queue + 1, p->queue, p->queued++ * sizeof(p->queue[0]));
	p->queue[0] = path;
}

/* path is used up; it becomes file number n. */
static void open_file(struct player *p, char *path, unsigned n)
{
	char text[DEVICE_TEXT];
	int err = file_read_open_any(&p->file, path, 2, text);
	struct file_info *f = info_of(p, n);

	p->read_at = 0;
	p->have = 0;
	pthread_mutex_lock(&p->lock);
	if (err) {
		p->failed++;
		text_copy(p->trouble, sizeof(p->trouble), text);
		free(path);
	} else {
		free(f->path);
		f->path = path;
		f->length = file_read_length(p->file);
		text_copy(f->title, sizeof(f->title), file_read_title(p->file));
		p->reading = n;
		if (!p->open)
			p->playing = n;
		p->open = true;
		atomic_store(&p->feeding, true);
	}
	pthread_mutex_unlock(&p->lock);
}

/* The next one that can be opened, if there is one. */
static void open_next(struct player *p)
{
	char *path;

	do {
		pthread_mutex_lock(&p->lock);
		path = p->order == ORDER_NONE && p->reading - p->playing < FILES - 2 ? pop_locked(p) : NULL;
		pthread_mutex_unlock(&p->lock);
		if (path)
			open_file(p, path, p->reading + 1);
	} while (path && !p->file);
}

static void close_file(struct player *p)
{
	file_read_close(&p->file);
	atomic_store(&p->feeding, false);
}

/* All is read and played. */
static void drained(struct player *p)
{
	pthread_mutex_lock(&p->lock);
	if (!p->queued && !used(p))
		p->open = false;
	pthread_mutex_unlock(&p->lock);
}

/* ---- orders ---- */

/* The file that is heard, of which another one may be read already. */
static void reopen(struct player *p, unsigned n)
{
	char *path, *ahead;

	pthread_mutex_lock(&p->lock);
	path = info_of(p, n)->path;
	info_of(p, n)->path = NULL;
	ahead = n != p->reading ? info_of(p, p->reading)->path : NULL;
	if (ahead) {
		info_of(p, p->reading)->path = NULL;
		push_back_locked(p, ahead);
	}
	pthread_mutex_unlock(&p->lock);
	close_file(p);
	if (path)
		open_file(p, path, n);
}

static void seek(struct player *p, unsigned playing, int64_t to)
{
	if (!p->file || p->reading != playing)
		reopen(p, playing);
	if (p->file && !file_read_seek(p->file, to)) {
		p->read_at = to;
		p->have = 0;
	}
}

static void skip(struct player *p, unsigned playing)
{
	if (p->file && p->reading == playing)
		close_file(p);
	else if (p->reading != playing) /* begun, but not heard */
		seek(p, p->reading, 0);
}

static void obey(struct player *p)
{
	enum order order;
	unsigned playing;
	int64_t to;

	pthread_mutex_lock(&p->lock);
	order = p->order;
	to = p->seek_to;
	playing = p->playing;
	p->order = ORDER_NONE;
	p->at_generation = p->order_generation;
	pthread_mutex_unlock(&p->lock);
	if (order == ORDER_SEEK)
		seek(p, playing, to);
	else if (order == ORDER_NEXT)
		skip(p, playing);
	else if (order == ORDER_STOP)
		close_file(p);
}

static bool has_orders(struct player *p)
{
	bool has;

	pthread_mutex_lock(&p->lock);
	has = p->order != ORDER_NONE;
	pthread_mutex_unlock(&p->lock);
	return has;
}

/* ---- pieces ---- */

static void push(struct player *p, const int16_t *v, unsigned n, const uint8_t *packet, size_t len,
		 unsigned samples)
{
	struct slot *s = &p->slot[atomic_load_explicit(&p->head, memory_order_relaxed) & (PIECES - 1)];

	memset(s->piece.v, 0, sizeof(s->piece.v));
	memcpy(s->piece.v, v, n * 2 * sizeof(*v));
	s->piece.packet_len = (uint16_t)len;
	s->piece.packet_samples = (uint16_t)samples;
	if (len)
		memcpy(s->piece.packet, packet, len);
	p->read_at += n;
	s->position = p->read_at;
	s->generation = p->at_generation;
	s->file = p->reading;
	atomic_fetch_add_explicit(&p->head, 1, memory_order_release);
}

/* Packets of whole pieces keep their form, in the piece in which they begin; the
 * first one of a file is shorter than the others, so that need not be at its
 * beginning. */
static long read_opus(struct player *p)
{
	uint8_t packet[FILE_PACKET_BYTES];
	size_t len;
	long n = file_read_packet(p->file, p->pcm + 2 * p->have, packet, &len), i = 0;
	bool whole = n > 0 && n % PLAYER_BLOCK == 0 && len && len <= PLAYER_PACKET;
	long begin = p->have, total = p->have + (n > 0 ? n : 0);

	for (; i + PLAYER_BLOCK <= total; i += PLAYER_BLOCK)
		push(p, p->pcm + 2 * i, PLAYER_BLOCK, packet,
		     whole && begin >= i && begin < i + PLAYER_BLOCK ? len : 0, whole ? (unsigned)n : 0);
	p->have = (unsigned)(total - i);
	if (n <= 0 && p->have)
		push(p, p->pcm, p->have, NULL, 0, 0);
	else if (p->have)
		memmove(p->pcm, p->pcm + 2 * i, p->have * 2 * sizeof(*p->pcm));
	if (n <= 0)
		p->have = 0;
	return n;
}

static long read_more(struct player *p)
{
	long n;

	if (file_read_is_opus(p->file))
		return read_opus(p);
	n = file_read_samples(p->file, p->pcm, PLAYER_BLOCK, false);
	if (n > 0)
		push(p, p->pcm, (unsigned)n, NULL, 0, 0);
	return n;
}

static void note_damage(struct player *p)
{
	pthread_mutex_lock(&p->lock);
	p->failed++;
	snprintf(p->trouble, sizeof(p->trouble), "%s: it is damaged from here on", info_of(p, p->reading)->title);
	pthread_mutex_unlock(&p->lock);
}

static void read_step(struct player *p)
{
	long n;

	while (p->file && used(p) + FILE_PACKET_SAMPLES / PLAYER_BLOCK + 1 < PIECES && !atomic_load(&p->quit) &&
	       !has_orders(p)) {
		n = read_more(p);
		if (n < 0)
			note_damage(p);
		if (n <= 0) {
			file_read_close(&p->file);
			open_next(p);   /* at once: no gap */
			if (!p->file)
				close_file(p);
		}
	}
}

static void *reader(void *ctx)
{
	struct player *p = ctx;
	struct timespec nap = { .tv_nsec = NAP_NS };

	while (!atomic_load(&p->quit)) {
		obey(p);
		if (!p->file)
			open_next(p);
		if (!has_orders(p))
			atomic_store(&p->ordered, false);
		if (!p->file)
			drained(p);
		read_step(p);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

/* ---- life ---- */

int player_new(struct player **out)
{
	struct player *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->slot = calloc(PIECES, sizeof(*p->slot));
	p->running = p->slot && !pthread_create(&p->thread, NULL, reader, p);
	if (!p->running) {
		player_free(&p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void player_free(struct player **pp)
{
	struct player *p = *pp;

	if (!p)
		return;
	atomic_store(&p->quit, true);
	if (p->running)
		pthread_join(p->thread, NULL);
	for (char *path; (path = pop_locked(p));)
		free(path);
	for (unsigned i = 0; i < FILES; i++)
		free(p->info[i].path);
	file_read_close(&p->file);
	pthread_mutex_destroy(&p->lock);
	free(p->slot);
	free(p);
	*pp = NULL;
}

/* ---- orders ---- */

int player_add(struct player *p, const char *path)
{
	char *copy = strdup(path);
	int err = copy ? 0 : -ENOMEM;

	pthread_mutex_lock(&p->lock);
	if (!err && p->queued == PLAYER_QUEUE)
		err = -ENOSPC;
	if (!err)
		p->queue[p->queued++] = copy;
	pthread_mutex_unlock(&p->lock);
	if (err)
		free(copy);
	return err;
}

static void give(struct player *p, enum order order, int64_t to)
{
	pthread_mutex_lock(&p->lock);
	p->order = order;
	p->order_generation = ++p->generation;
	p->seek_to = to;
	atomic_store(&p->ordered, order != ORDER_STOP);
	pthread_mutex_unlock(&p->lock);
	p->began = false;
}

void player_next(struct player *p)
{
	give(p, ORDER_NEXT, 0);
	p->position = 0;
}

void player_stop(struct player *p)
{
	/* Here and now: what is added after it is to be played. */
	pthread_mutex_lock(&p->lock);
	for (char *path; (path = pop_locked(p));)
		free(path);
	pthread_mutex_unlock(&p->lock);
	give(p, ORDER_STOP, 0);
	p->position = 0;
	p->paused = false;
}

void player_seek(struct player *p, int64_t sample)
{
	give(p, ORDER_SEEK, sample < 0 ? 0 : sample);
	p->position = sample < 0 ? 0 : sample;
}

void player_pause(struct player *p, bool pause)
{
	p->paused = pause;
}

/* ---- samples ---- */

static void take_slot(struct player *p, const struct slot *s)
{
	p->lent = s->piece;
	p->position = s->position;
	p->began = true;
	if (s->file == p->playing)
		return;
	/* Once a file: the lock is held by nobody for longer than a copy. */
	pthread_mutex_lock(&p->lock);
	p->playing = s->file;
	pthread_mutex_unlock(&p->lock);
}

const struct player_piece *player_take(struct player *p)
{
	unsigned tail = atomic_load_explicit(&p->tail, memory_order_relaxed);

	if (p->paused)
		return NULL;
	while (tail != atomic_load_explicit(&p->head, memory_order_acquire)) {
		const struct slot *s = &p->slot[tail++ & (PIECES - 1)];
		bool ours = s->generation == p->generation;

		if (ours)
			take_slot(p, s);
		atomic_store_explicit(&p->tail, tail, memory_order_release);
		if (ours)
			return &p->lent;
	}
	p->starved += p->began && atomic_load(&p->feeding);
	return NULL;
}

unsigned player_ready(const struct player *p)
{
	return used(p);
}

bool player_is_on(const struct player *p)
{
	return !p->paused && (atomic_load(&p->feeding) || atomic_load(&p->ordered) || used(p));
}

void player_status(struct player *p, struct player_status *out)
{
	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&p->lock);
	out->playing = p->open && p->order != ORDER_STOP;
	out->queued = p->queued;
	out->length = info_of(p, p->playing)->length;
	out->failed = p->failed;
	text_copy(out->title, sizeof(out->title), out->playing ? info_of(p, p->playing)->title : "");
	text_copy(out->trouble, sizeof(out->trouble), p->trouble);
	/* What is read ahead of what is heard is still to come, for people. */
	out->queued += out->playing ? p->reading - p->playing : 0;
	pthread_mutex_unlock(&p->lock);
	out->paused = p->paused;
	out->position = p->position;
	out->starved = p->starved;
}

bool player_queued(struct player *p, unsigned i, char *out, size_t size)
{
	unsigned ahead;
	const char *path;

	pthread_mutex_lock(&p->lock);
	ahead = p->open ? p->reading - p->playing : 0;
	path = i < ahead ? info_of(p, p->playing + 1 + i)->path :
	       i - ahead < p->queued ? p->queue[i - ahead] : NULL;
	if (path)
		text_copy(out, size, path);
	pthread_mutex_unlock(&p->lock);
	return path != NULL;
}
