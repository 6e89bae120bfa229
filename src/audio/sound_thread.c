/* sound_thread.c - the sound thread; see the header
 *
 *	media thread  -- orders -->  sound thread
 *	              <-- news ----
 *
 * The struct belongs to both ends and is freed by the last of them, so that a
 * driver that never returns costs a leak and not a hang.
 */
#include "audio/sound_thread.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/post.h"

enum {
	RETRY_US = 2000000,
	WATCH_US = 500000,
	END_MS = 1000, END_FILE_MS = 2000,
	ORDERS_MAX = 256,
};

/* One side as the sound thread sees it. */
struct side {
	struct device_spec spec;
	unsigned generation;
	struct device *dev;     /* open */
	bool dying;             /* dev is dead; the engine still has to give it back */
	bool troubled;
	bool told;              /* the failure was */
	int64_t retry_us, watch_us;     /* 0: not due */
};

struct sound_thread {
	atomic_int ends;        /* that still hold this */
	struct post *orders, *news;
	atomic_uint waiting;    /* news not yet polled */
	pthread_t thread;
	bool files;             /* media thread: a file was opened */

	struct side side[2];    /* sound thread */
	bool quit;              /* sound thread */

	void (*fn)(void *ctx, const struct sound_news *n);      /* while polling */
	void *fn_ctx;
	bool gone;                                              /* the thread said so */
};

static void drop_end(struct sound_thread *t)
{
	if (atomic_fetch_sub(&t->ends, 1) != 1)
		return;
	post_free(&t->orders);
	post_free(&t->news);
	for (int i = 0; i < 2; i++)
		device_spec_free(&t->side[i].spec);
	free(t);
}

/* ---- news, sound thread to media thread ---- */

struct news_msg {
	struct post_msg m;
	struct sound_thread *t;
	struct sound_news news;
	bool gone;
};

static void news_drop(struct post_msg *m)
{
	free(m);
}

static void news_run(struct post_msg *m)
{
	struct news_msg *n = (struct news_msg *)m;

	atomic_fetch_sub(&n->t->waiting, 1);
	if (n->gone)
		n->t->gone = true;
	else if (n->t->fn)
		n->t->fn(n->t->fn_ctx, &n->news);
	free(n);
}

/* -ENOMEM: nobody heard of it. */
static int tell(struct sound_thread *t, const struct sound_news *news)
{
	struct news_msg *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->m.run = news_run;
	n->m.drop = news_drop;
	n->t = t;
	n->gone = !news;
	if (news)
		n->news = *news;
	atomic_fetch_add(&t->waiting, 1);
	return post_send(t->news, &n->m);
}

/* ---- sound thread ---- */

static int tell_side(struct sound_thread *t, enum audio_side side, enum sound_news_kind kind,
		     const char *text)
{
	struct side *s = &t->side[side];
	struct sound_news n = { .kind = kind, .side = side, .generation = s->generation,
				.dev = kind == SOUND_OPENED ? s->dev : NULL };

	snprintf(n.text, sizeof(n.text), "%s", text);
	return tell(t, &n);
}

static void close_side(struct side *s)
{
	if (s->dev)
		s->dev->ops->close(s->dev);
	s->dev = NULL;
	s->dying = s->troubled = false;
	s->watch_us = 0;
}

static void try_open(struct sound_thread *t, enum audio_side side, int64_t now)
{
	struct side *s = &t->side[side];
	char text[DEVICE_TEXT] = "";
	int err;

	s->retry_us = 0;
	err = s->spec.ops->open(&s->dev, side, &s->spec, text);
	if (err) {
		s->dev = NULL;
		s->retry_us = now + RETRY_US;
		if (!*text)
			snprintf(text, sizeof(text), "%s: %s", s->spec.ops->name, strerror(-err));
		if (!s->told && !tell_side(t, side, SOUND_FAILED, text)) {
			s->told = true;
			log_warn("audio", "%s", text);
		}
		return;
	}
	s->dev->ops = s->spec.ops;
	s->dev->side = side;
	s->told = false;
	s->watch_us = s->dev->ops->watch ? now + WATCH_US : 0;
	if (tell_side(t, side, SOUND_OPENED, text)) {
		close_side(s);
		s->retry_us = now + RETRY_US;
		return;
	}
	log_info("audio", "%s: %s", side == AUDIO_MIC ? "microphone" : "speaker", text);
}

static void watch(struct sound_thread *t, enum audio_side side, int64_t now)
{
	struct side *s = &t->side[side];
	char text[DEVICE_TEXT] = "";
	enum device_health h = s->dev->ops->watch(s->dev, text);

	s->watch_us = now + WATCH_US;
	if (h == DEVICE_DEAD && !s->dying) {
		if (tell_side(t, side, SOUND_DEAD, text))
			return;                 /* said again in a moment */
		s->dying = s->told = true;
		s->watch_us = 0;
		log_warn("audio", "%s", text);
	} else if (h == DEVICE_TROUBLED && !s->troubled) {
		s->troubled = !tell_side(t, side, SOUND_TROUBLED, text);
		log_warn("audio", "%s", text);
	} else if (h == DEVICE_WELL && s->troubled) {
		s->troubled = tell_side(t, side, SOUND_WELL, text) != 0;
	}
}

static int64_t do_due(struct sound_thread *t, int64_t now)
{
	int64_t next = CLOCK_NEVER;

	for (int i = 0; i < 2; i++) {
		struct side *s = &t->side[i];

		if (s->retry_us && now >= s->retry_us)
			try_open(t, (enum audio_side)i, now);
		if (s->watch_us && now >= s->watch_us)
			watch(t, (enum audio_side)i, now);
		if (s->retry_us && s->retry_us < next)
			next = s->retry_us;
		if (s->watch_us && s->watch_us < next)
			next = s->watch_us;
	}
	return next;
}

static void *run(void *arg)
{
	struct sound_thread *t = arg;

	while (!t->quit) {
		struct pollfd p = { .fd = post_fd(t->orders), .events = POLLIN };
		int64_t now = clock_now_us(), next = do_due(t, now);

		poll(&p, 1, next == CLOCK_NEVER ? -1 : (int)((next - now) / 1000 + 1));
		post_run(t->orders);
	}
	for (int i = 1; i >= 0; i--)    /* the speaker first: it may be a file */
		close_side(&t->side[i]);
	tell(t, NULL);
	drop_end(t);
	return NULL;
}

/* ---- orders, media thread to sound thread ---- */

enum order { ORDER_OPEN, ORDER_BACK, ORDER_QUIT };

struct order_msg {
	struct post_msg m;
	struct sound_thread *t;
	enum order order;
	enum audio_side side;
	unsigned generation;
	struct device_spec spec;
};

static void order_drop(struct post_msg *m)
{
	device_spec_free(&((struct order_msg *)m)->spec);
	free(m);
}

static void order_run(struct post_msg *m)
{
	struct order_msg *o = (struct order_msg *)m;
	struct sound_thread *t = o->t;
	struct side *s = &t->side[o->side];

	switch (o->order) {
	case ORDER_OPEN:
		close_side(s);
		device_spec_free(&s->spec);
		s->spec = o->spec;
		memset(&o->spec, 0, sizeof(o->spec));
		s->generation = o->generation;
		s->told = false;
		s->retry_us = 0;
		if (s->spec.ops)
			try_open(t, o->side, clock_now_us());
		break;
	case ORDER_BACK:
		if (o->generation == s->generation && s->dying) {
			close_side(s);
			s->retry_us = clock_now_us() + RETRY_US / 4;
		}
		break;
	case ORDER_QUIT:
		t->quit = true;
		break;
	}
	order_drop(m);
}

static int order(struct sound_thread *t, enum order what, enum audio_side side, unsigned generation,
		 struct device_spec *spec)
{
	struct order_msg *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->m.run = order_run;
	o->m.drop = order_drop;
	o->t = t;
	o->order = what;
	o->side = side;
	o->generation = generation;
	if (spec) {
		o->spec = *spec;
		memset(spec, 0, sizeof(*spec));
	}
	return post_send(t->orders, &o->m);
}

int sound_thread_open(struct sound_thread *t, enum audio_side side, unsigned generation,
		      struct device_spec *spec)
{
	t->files |= spec->ops == &dev_file;
	return order(t, ORDER_OPEN, side, generation, spec);
}

void sound_thread_give_back(struct sound_thread *t, enum audio_side side, unsigned generation)
{
	order(t, ORDER_BACK, side, generation, NULL);
}

void sound_thread_poll(struct sound_thread *t, void (*fn)(void *ctx, const struct sound_news *n),
		       void *ctx)
{
	if (!atomic_load(&t->waiting))
		return;                 /* no system call for every tick */
	t->fn = fn;
	t->fn_ctx = ctx;
	post_run(t->news);
	t->fn = NULL;
}

int sound_thread_new(struct sound_thread **out)
{
	struct sound_thread *t = calloc(1, sizeof(*t));
	sigset_t all, before;
	int err = -ENOMEM;

	*out = NULL;
	if (!t)
		return err;
	atomic_store(&t->ends, 1);
	err = post_new(&t->orders, ORDERS_MAX);
	if (!err)
		err = post_new(&t->news, 0);
	if (!err) {
		atomic_store(&t->ends, 2);
		sigfillset(&all);       /* signals are for the loop */
		pthread_sigmask(SIG_BLOCK, &all, &before);
		err = -pthread_create(&t->thread, NULL, run, t);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (err)
			atomic_store(&t->ends, 1);
	}
	if (err) {
		drop_end(t);
		return err;
	}
	*out = t;
	return 0;
}

void sound_thread_free(struct sound_thread **tp)
{
	struct sound_thread *t = *tp;
	int64_t end;

	if (!t)
		return;
	*tp = NULL;
	end = clock_now_us() + (t->files ? END_FILE_MS : END_MS) * INT64_C(1000);
	order(t, ORDER_QUIT, AUDIO_MIC, 0, NULL);
	while (!t->gone) {
		struct pollfd p = { .fd = post_fd(t->news), .events = POLLIN };
		int64_t left = end - clock_now_us();

		if (left <= 0)
			break;
		if (poll(&p, 1, (int)(left / 1000 + 1)) > 0)
			post_run(t->news);
	}
	if (t->gone) {
		pthread_join(t->thread, NULL);
	} else {
		log_warn("audio", "a sound device does not let itself be closed; it is left behind");
		pthread_detach(t->thread);
	}
	drop_end(t);
}
