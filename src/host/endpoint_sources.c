/* endpoint_sources.c - what an endpoint sends: from SSRCs and groups to tracks
 *
 * A picture may come as several SSRCs: up to three layers (group SIM) and for
 * each its retransmissions (group FID).  They are one track, known by its
 * first SSRC.  A track that is still there after a change keeps its state:
 * sequence numbers, statistics and receivers go on.
 */
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "host/endpoint.h"

enum { LAYERS = 3 };

void forward_track_free(struct track *t)
{
	picture_free(t);
	for (size_t i = 0; i < SLOTS; i++)
		g_free(t->sub[i].resent);
	g_free(t);
}

void forward_track_forget(struct track *t, unsigned slot)
{
	g_free(t->sub[slot].resent);
	memset(t->sub + slot, 0, sizeof(*t->sub));
}

static struct stream *find_stream(struct track *t, uint32_t ssrc)
{
	for (size_t i = 0; i < t->streams; i++)
		if (t->stream[i].ssrc == ssrc)
			return t->stream + i;
	return NULL;
}

struct track *endpoint_track(struct endpoint *e, uint32_t ssrc, struct stream **stream)
{
	/* Packets of one stream come in runs. */
	if (e->hit_stream && e->hit_stream->ssrc == ssrc) {
		*stream = e->hit_stream;
		return e->hit_track;
	}
	for (size_t i = 0; i < e->tracks; i++) {
		struct stream *s = find_stream(e->track[i], ssrc);

		if (!s)
			continue;
		e->hit_track = e->track[i];
		e->hit_stream = *stream = s;
		return e->track[i];
	}
	return NULL;
}

struct track *hall_track(struct hall *r, uint32_t ssrc, struct stream **stream)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct track *t = r->slot[i] ? endpoint_track(r->slot[i], ssrc, stream) : NULL;

		if (t)
			return t;
	}
	return NULL;
}

/* ---- from signalling ---- */

static const struct source_group *group_of(const struct source_set *s, const char *semantics,
					   uint32_t ssrc, size_t *place)
{
	for (size_t i = 0; i < s->groups; i++) {
		const struct source_group *g = s->g + i;

		if (!g->video || strcmp(g->semantics, semantics))
			continue;
		for (size_t k = 0; k < g->count && k < SOURCE_GROUP_SSRCS; k++)
			if (g->ssrc[k] == ssrc) {
				*place = k;
				return g;
			}
	}
	return NULL;
}

static void add_stream(struct track *t, uint32_t ssrc, bool rtx, unsigned layer)
{
	struct stream *s;

	if (!ssrc || t->streams == STREAMS || find_stream(t, ssrc))
		return;
	s = t->stream + t->streams++;
	memset(s, 0, sizeof(*s));
	s->ssrc = ssrc;
	s->st.ssrc = ssrc;
	s->rtx = rtx;
	s->layer = layer;
}

static void add_layer(struct track *t, const struct source_set *s, uint32_t ssrc, unsigned layer)
{
	const struct source_group *fid;
	size_t place;

	add_stream(t, ssrc, false, layer);
	fid = group_of(s, "FID", ssrc, &place);
	if (fid && place == 0 && fid->count > 1)
		add_stream(t, fid->ssrc[1], true, layer);
	t->layers = layer + 1;
}

/* Whether a track begins with this source: no layer above the first, no RTX. */
static bool is_first(const struct source_set *s, const struct source *src)
{
	size_t place;

	if (!src->video)
		return true;
	if (group_of(s, "SIM", src->ssrc, &place))
		return place == 0;
	return !group_of(s, "FID", src->ssrc, &place) || place == 0;
}

static void fill_track(struct track *t, const struct source_set *s, const struct source *src)
{
	const struct source_group *sim;
	size_t place;

	text_copy(t->name, sizeof(t->name), src->name ? src->name : "");
	t->video = src->video;
	t->streams = 0;
	t->layers = 1;
	if (!src->video) {
		add_stream(t, src->ssrc, false, 0);
		return;
	}
	sim = group_of(s, "SIM", src->ssrc, &place);
	if (!sim) {
		add_layer(t, s, src->ssrc, 0);
		return;
	}
	for (unsigned i = 0; i < sim->count && i < LAYERS; i++)
		add_layer(t, s, sim->ssrc[i], i);
}

/* What was counted for an SSRC goes on. */
static void keep_stats(struct track *t, const struct track *before)
{
	for (size_t i = 0; i < t->streams; i++)
		for (size_t k = 0; k < before->streams; k++)
			if (t->stream[i].ssrc == before->stream[k].ssrc) {
				t->stream[i].st = before->stream[k].st;
				t->stream[i].reported = before->stream[k].reported;
			}
}

/* Takes the track that begins with this SSRC out of the old ones. */
static struct track *take(struct track **old, size_t n, const struct source *src)
{
	for (size_t i = 0; i < n; i++) {
		struct track *t = old[i];

		if (t && t->video == src->video && t->stream[0].ssrc == src->ssrc) {
			old[i] = NULL;
			return t;
		}
	}
	return NULL;
}

/* Somebody else of the room has that SSRC already: his packets stay his. */
static bool is_taken(struct endpoint *e, uint32_t ssrc)
{
	struct stream *s;
	struct track *t = hall_track(e->room, ssrc, &s);

	return t && t->owner != e;
}

static struct track *make_track(struct endpoint *e, struct track *was, const struct source_set *s,
				const struct source *src)
{
	struct track *t = was ? was : g_new0(struct track, 1);
	struct track before = { .streams = 0 };

	if (was) {
		memcpy(before.stream, was->stream, sizeof(before.stream));
		before.streams = was->streams;
	} else {
		t->told_height = -2;
	}
	t->owner = e;
	fill_track(t, s, src);
	keep_stats(t, &before);
	return t;
}

void endpoint_sources(struct endpoint *e, const struct source_set *s)
{
	struct track *old[TRACKS];
	size_t n = e->tracks;

	memcpy(old, e->track, sizeof(old));
	e->tracks = 0;
	e->hit_stream = NULL;
	for (size_t i = 0; i < s->count; i++) {
		const struct source *src = s->v + i;

		if (!src->ssrc || !is_first(s, src))
			continue;
		if (e->tracks == TRACKS || is_taken(e, src->ssrc)) {
			log_info("host", "room %u: a source of %s is left out",
				 e->room->number, e->id);
			continue;
		}
		e->track[e->tracks] = make_track(e, take(old, n, src), s, src);
		e->tracks++;
	}
	for (size_t i = 0; i < n; i++)
		if (old[i])
			forward_track_free(old[i]);
	e->hit_stream = NULL;
}
