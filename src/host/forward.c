/* forward.c - rooms, time, figures of the media core
 *
 * Rooms are few and have at most SLOTS endpoints: everything here walks.  An
 * endpoint's slot is its place in each track's list of receivers, so that a
 * packet finds a receiver's state without looking for it.
 *
 * Time: whatever becomes due later says so by forward_wake(); the tick walks
 * only when the earliest of these is over.
 */
#include "host/endpoint.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

enum {
	ROOMS_MAX = 1000,
	SELECT_US = 5 * 1000 * 1000,    /* pictures are looked at again at least so often */
};

void forward_wake(struct forward *f, int64_t at_us)
{
	if (at_us < f->next_us)
		f->next_us = at_us;
}

/* ---- rooms ---- */

static struct hall *find_room(struct forward *f, unsigned number)
{
	for (size_t i = 0; i < f->rooms->len; i++) {
		struct hall *r = g_ptr_array_index(f->rooms, i);

		if (r->number == number)
			return r;
	}
	return NULL;
}

static struct hall *new_room(struct forward *f, unsigned number)
{
	struct hall *r = g_new0(struct hall, 1);

	r->number = number;
	r->dominant = dominant_new();
	g_ptr_array_add(f->rooms, r);
	return r;
}

static void free_room(struct forward *f, struct hall *r)
{
	g_ptr_array_remove_fast(f->rooms, r);
	dominant_free(&r->dominant);
	g_free(r);
}

static bool is_empty(const struct hall *r)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i])
			return false;
	return true;
}

struct endpoint *forward_find(struct forward *f, unsigned room, const char *id)
{
	struct hall *r = find_room(f, room);

	for (size_t i = 0; r && i < SLOTS; i++)
		if (r->slot[i] && !strcmp(r->slot[i]->id, id))
			return r->slot[i];
	return NULL;
}

void hall_dirty(struct hall *r, int64_t now_us)
{
	r->dirty = true;
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i]) {
			forward_wake(r->slot[i]->f, now_us);
			return;
		}
}

void hall_broadcast(struct hall *r, const struct endpoint *not, const char *text, size_t len)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i] && r->slot[i] != not)
			endpoint_text(r->slot[i], text, len);
}

/* ---- the dominant speaker ---- */

/* to NULL: all. */
void hall_tell_dominant(struct hall *r, struct endpoint *to)
{
	const char *previous[PREVIOUS];
	struct buf b = {0};
	size_t n = 0;

	if (!r->speakers || dominant_who(r->dominant) != r->speaker[0])
		return;
	for (size_t i = 1; i < r->speakers && n < PREVIOUS; i++)
		previous[n++] = r->speaker[i]->id;
	colibri_write_dominant(&b, r->speaker[0]->id, previous, n);
	if (to)
		endpoint_text(to, buf_str(&b), b.len);
	else
		hall_broadcast(r, NULL, buf_str(&b), b.len);
	buf_free(&b);
}

static void forget_speaker(struct hall *r, const struct endpoint *e)
{
	for (size_t i = 0; i < r->speakers; i++) {
		struct endpoint **at = r->speaker + i;

		if (*at != e)
			continue;
		r->speakers--;
		memmove(at, at + 1, (r->speakers - i) * sizeof(*at));
		return;
	}
}

static void tick_dominant(struct forward *f, struct hall *r, int64_t now_us)
{
	bool changed;

	forward_wake(f, dominant_tick(r->dominant, now_us, &changed));
	if (!changed)
		return;
	forget_speaker(r, dominant_who(r->dominant));
	memmove(r->speaker + 1, r->speaker, r->speakers * sizeof(*r->speaker));
	r->speaker[0] = dominant_who(r->dominant);
	r->speakers++;
	r->dirty = true;
	hall_tell_dominant(r, NULL);
}

/* ---- coming and going ---- */

/* Takes e out of all that knows it and frees it. */
static void drop(struct endpoint *e, int64_t now_us)
{
	struct hall *r = e->room;

	e->f->stats.endpoints--;
	r->slot[e->slot] = NULL;
	dominant_remove(r->dominant, e);
	forget_speaker(r, e);
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t k = 0; r->slot[i] && k < r->slot[i]->tracks; k++)
			forward_track_forget(r->slot[i]->track[k], e->slot);
	hall_dirty(r, now_us);
	endpoint_free(&e);
}

static void drop_from_room(struct endpoint *e, int64_t now_us)
{
	struct hall *r = e->room;
	struct forward *f = e->f;

	drop(e, now_us);
	if (is_empty(r))
		free_room(f, r);
}

static int free_slot(const struct hall *r)
{
	for (int i = 0; i < SLOTS; i++)
		if (!r->slot[i])
			return i;
	return -1;
}

int forward_add(struct forward *f, const struct bridge_endpoint *cfg, const char *ufrag,
		const char *pwd, int64_t now_us)
{
	struct hall *r = find_room(f, cfg->room);
	struct endpoint *before = forward_find(f, cfg->room, cfg->id), *e;
	int slot, err;

	if (!r && f->rooms->len >= ROOMS_MAX)
		return -ENOSPC;
	if (!r)
		r = new_room(f, cfg->room);
	slot = free_slot(r);
	if (slot < 0 && !before)
		return -ENOSPC;
	err = endpoint_new(&e, f, r, cfg, ufrag, pwd, now_us);
	if (err) {
		if (is_empty(r))
			free_room(f, r);
		return err;
	}
	if (before) {
		endpoint_inherit(e, before);
		e->muted_audio = before->muted_audio;
		e->muted_video = before->muted_video;
		slot = (int)before->slot;
		drop(before, now_us);
	}
	e->slot = (unsigned)slot;
	r->slot[slot] = e;
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t k = 0; r->slot[i] && k < r->slot[i]->tracks; k++)
			endpoint_subscription(e, r->slot[i]->track[k]);
	f->stats.endpoints++;
	hall_dirty(r, now_us);
	return 0;
}

void forward_remove(struct forward *f, unsigned room, const char *id, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	if (e)
		drop_from_room(e, now_us);
}

int forward_accept(struct forward *f, unsigned room, const char *id,
		   const struct jingle_transport *t, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	return e ? endpoint_accept(e, t, now_us) : -ENOENT;
}

int forward_restart(struct forward *f, unsigned room, const char *id, const char *ufrag,
		    const char *pwd, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	return e ? endpoint_path_restart(e, ufrag, pwd, now_us) : -ENOENT;
}

int forward_restart_accept(struct forward *f, unsigned room, const char *id,
			   const struct jingle_transport *t)
{
	struct endpoint *e = forward_find(f, room, id);

	return e ? endpoint_path_restart_accept(e, t->ufrag, t->pwd) : -ENOENT;
}

void forward_sources(struct forward *f, unsigned room, const char *id,
		     const struct source_set *s, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	if (!e)
		return;
	endpoint_sources(e, s);
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t k = 0; e->room->slot[i] && k < e->tracks; k++)
			endpoint_subscription(e->room->slot[i], e->track[k]);
	hall_dirty(e->room, now_us);
}

void forward_force_mute(struct forward *f, unsigned room, const char *id, bool video, bool mute)
{
	struct endpoint *e = forward_find(f, room, id);

	if (!e)
		return;
	if (video)
		e->muted_video = mute;
	else
		e->muted_audio = mute;
	e->room->dirty = true;
	f->next_us = 0;
}

void forward_channel_open(struct forward *f, unsigned room, const char *id, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	if (e)
		endpoint_channel_opened(e, false, now_us);
}

void forward_channel_input(struct forward *f, unsigned room, const char *id,
			   const char *text, size_t len, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	if (e && e->channel)
		endpoint_message(e, text, len, now_us);
}

void forward_channel_closed(struct forward *f, unsigned room, const char *id, int64_t now_us)
{
	struct endpoint *e = forward_find(f, room, id);

	if (e)
		endpoint_channel_closed(e, false, now_us);
}

/* ---- time ---- */

/* Returns false when the room is empty. */
static bool tick_room(struct forward *f, struct hall *r, int64_t now_us)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct endpoint *e = r->slot[i];

		if (!e || endpoint_tick(e, now_us))
			continue;
		f->ops.state(f->ctx, r->number, e->id, e->cfg.session, BRIDGE_EXPIRED,
			     e->active_us ? "nothing was heard of it for a minute" :
			     "it never came");
		drop(e, now_us);
	}
	if (is_empty(r))
		return false;
	tick_dominant(f, r, now_us);
	if (r->dirty || now_us - r->last_us >= SELECT_US) {
		r->dirty = false;
		r->last_us = now_us;
		picture_select(r, now_us);
	}
	forward_wake(f, r->last_us + SELECT_US);
	return true;
}

int64_t forward_tick(struct forward *f, int64_t now_us)
{
	f->now_us = now_us;
	if (now_us < f->next_us)
		return f->next_us;
	f->next_us = CLOCK_NEVER;
	for (size_t i = 0; i < f->rooms->len;) {
		struct hall *r = g_ptr_array_index(f->rooms, i);

		if (tick_room(f, r, now_us))
			i++;
		else
			free_room(f, r);
	}
	return f->next_us;
}

void forward_stats(const struct forward *f, struct bridge_stats *out)
{
	*out = f->stats;
}

int forward_new(struct forward **out, const struct forward_config *cfg,
		const struct forward_ops *ops, void *ctx)
{
	struct forward *f = g_new0(struct forward, 1);

	f->cfg = *cfg;
	f->ops = *ops;
	f->ctx = ctx;
	f->rooms = g_ptr_array_new();
	f->next_us = CLOCK_NEVER;
	*out = f;
	return 0;
}

void forward_free(struct forward **ff)
{
	struct forward *f = *ff;

	if (!f)
		return;
	while (f->rooms->len) {
		struct hall *r = g_ptr_array_index(f->rooms, 0);

		for (size_t i = 0; i < SLOTS; i++)
			if (r->slot[i])
				drop(r->slot[i], 0);
		free_room(f, r);
	}
	g_ptr_array_unref(f->rooms);
	g_free(f);
	*ff = NULL;
}
