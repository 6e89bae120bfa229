/* sources.c - who sends what, and who is told
 *
 * Each session keeps what it has signalled to its client.  After any change
 * the view it should have is made anew and the difference is sent: so nothing
 * needs a queue, not even what changes while an offer waits to be accepted.
 * Of simulcast a receiver is told the first layer only; the bridge forwards
 * the others on its SSRC (server.md 4.8).
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "host/server_priv.h"
#include "xmpp/jingle.h"

enum { SOURCES_EACH = 20, GROUPS_EACH = 20 };   /* server.md 4.9 */

static bool is_sim(const struct source_group *g)
{
	return !strcmp(g->semantics, "SIM");
}

static bool is_fid(const struct source_group *g)
{
	return !strcmp(g->semantics, "FID");
}

/* ---- names for those who give none (server.md 4.8) ---- */

/* "<nick>-a0", "<nick>-v1", or with a language behind it. */
static bool name_ok(const char *name, const char *nick, bool video)
{
	size_t n = strlen(nick);

	return !strncmp(name, nick, n) && name[n] == '-' && name[n + 1] == (video ? 'v' : 'a') &&
	       name[n + 2] >= '0' && name[n + 2] <= '9';
}

static bool share_group(const struct source_set *set, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < set->groups; i++) {
		bool has_a = false, has_b = false;

		for (size_t k = 0; k < set->g[i].count; k++) {
			has_a |= set->g[i].ssrc[k] == a;
			has_b |= set->g[i].ssrc[k] == b;
		}
		if (has_a && has_b)
			return true;
	}
	return false;
}

/* The same track under another SSRC, which has a name already. */
static const struct source *sibling(const struct source_set *set, const struct source *s)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct source *o = &set->v[i];

		if (o != s && o->video == s->video && *o->name &&
		    ((*s->msid && !strcmp(o->msid, s->msid)) || share_group(set, o->ssrc, s->ssrc)))
			return o;
	}
	return NULL;
}

static bool name_taken(const struct source_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->v[i].name, name))
			return true;
	return false;
}

static void give_name(const struct occupant *o, struct source_set *add, struct source *s)
{
	const struct source *like = sibling(add, s);

	if (!like)
		like = sibling(&o->session.own, s);
	if (like) {
		host_set(&s->name, like->name);
		return;
	}
	for (unsigned n = 0;; n++) {
		char *name = host_format("%s-%c%u", o->nick, s->video ? 'v' : 'a', n);

		if (!name_taken(add, name) && !name_taken(&o->session.own, name)) {
			free(s->name);
			s->name = name;
			return;
		}
		free(name);
	}
}

/* The owner is who sends it, whatever it says; a name that begins like
 * somebody else's is none. */
static void complete(const struct occupant *o, struct source_set *add)
{
	for (size_t i = 0; i < add->groups; i++)
		host_set(&add->g[i].owner, o->nick);
	for (size_t i = 0; i < add->count; i++) {
		host_set(&add->v[i].owner, o->nick);
		if (!name_ok(add->v[i].name, o->nick, add->v[i].video))
			host_set(&add->v[i].name, "");
	}
	for (size_t i = 0; i < add->count; i++)
		if (!*add->v[i].name)
			give_name(o, add, &add->v[i]);
	for (size_t i = 0; i < add->count; i++) {
		struct source *s = &add->v[i];

		if (*s->msid)
			continue;
		free(s->msid);
		s->msid = host_format("%s-%s-0-1 %s-1", o->nick, s->video ? "video" : "audio", s->name);
	}
}

/* ---- validation (server.md 4.9) ---- */

static const struct source *find_mine(const struct occupant *o, const struct source_set *add,
				      uint32_t ssrc)
{
	const struct source *s = source_set_find(add, ssrc);

	return s ? s : source_set_find(&o->session.own, ssrc);
}

static const char *check_source(const struct occupant *o, const struct source_set *add, size_t i)
{
	const struct source *s = &add->v[i];
	const struct server_config *cfg = &o->room->server->cfg;

	if (source_set_find(add, s->ssrc) != s || s->ssrc == cfg->audio_ssrc || s->ssrc == cfg->video_ssrc)
		return "SSRC is already used";
	for (const struct occupant *t = o->room->first; t; t = t->next) {
		if (source_set_find(&t->session.own, s->ssrc))
			return "SSRC is already used";
		for (size_t k = 0; t != o && k < t->session.own.count; k++)
			if (!strcmp(t->session.own.v[k].msid, s->msid))
				return "MSID is already used by another endpoint";
	}
	return NULL;
}

static const char *check_group(const struct occupant *o, const struct source_set *add,
			       const struct source_group *g)
{
	const struct source *first = NULL, *s;

	if (is_fid(g) ? g->count != 2 : !is_sim(g) || g->count < 2)
		return "SSRC group is malformed";
	for (size_t i = 0; i < g->count; i++) {
		s = find_mine(o, add, g->ssrc[i]);
		if (!s || s->video != g->video)
			return "SSRC group names a source that is not signalled";
		if (!first)
			first = s;
		if (strcmp(s->msid, first->msid))
			return "Grouped SSRCs have different MSIDs";
		for (size_t k = 0; k < i; k++)
			if (g->ssrc[k] == g->ssrc[i])
				return "SSRC group names a source twice";
	}
	return NULL;
}

static bool in_simulcast(const struct source_set *set, uint32_t ssrc)
{
	for (size_t i = 0; i < set->groups; i++)
		for (size_t k = 0; is_sim(&set->g[i]) && k < set->g[i].count; k++)
			if (set->g[i].ssrc[k] == ssrc)
				return true;
	return false;
}

/* One that stands for a track: not the retransmissions of a simulcast layer. */
static bool is_top(const struct source_set *set, const struct source_group *g)
{
	return is_sim(g) || !in_simulcast(set, g->ssrc[0]);
}

static const char *check_tracks(const struct source_set *all)
{
	for (size_t i = 0; i < all->groups; i++)
		for (size_t k = 0; is_top(all, &all->g[i]) && k < i; k++) {
			const struct source *a = source_set_find(all, all->g[i].ssrc[0]);
			const struct source *b = source_set_find(all, all->g[k].ssrc[0]);

			if (is_top(all, &all->g[k]) && a && b && !strcmp(a->msid, b->msid))
				return "MSID is used by two groups";
		}
	return NULL;
}

const char *sources_check(const struct occupant *o, struct source_set *add)
{
	const struct source_set *own = &o->session.own;
	struct source_set all = { 0 };
	const char *why = NULL;

	if (own->count + add->count > SOURCES_EACH)
		return "Too many SSRCs";
	if (own->groups + add->groups > GROUPS_EACH)
		return "Too many SSRC groups";
	complete(o, add);
	for (size_t i = 0; !why && i < add->count; i++)
		why = check_source(o, add, i);
	for (size_t i = 0; !why && i < add->groups; i++)
		why = check_group(o, add, &add->g[i]);
	if (!why && (source_set_merge(&all, own) || source_set_merge(&all, add)))
		why = "out of memory";
	if (!why)
		why = check_tracks(&all);
	source_set_clear(&all);
	return why;
}

/* ---- what others are told ---- */

/* A higher layer of simulcast, or the retransmissions of one. */
static bool is_layer(const struct source_set *own, uint32_t ssrc)
{
	for (size_t i = 0; i < own->groups; i++) {
		const struct source_group *g = &own->g[i];

		for (size_t k = 1; is_sim(g) && k < g->count; k++)
			if (g->ssrc[k] == ssrc)
				return true;
	}
	for (size_t i = 0; i < own->groups; i++)
		if (is_fid(&own->g[i]) && own->g[i].ssrc[1] == ssrc && own->g[i].ssrc[0] != ssrc)
			for (size_t k = 0; k < own->groups; k++)
				for (size_t n = 1; is_sim(&own->g[k]) && n < own->g[k].count; n++)
					if (own->g[k].ssrc[n] == own->g[i].ssrc[0])
						return true;
	return false;
}

/* What others are told of o's. */
static int sources_strip(struct source_set *out, const struct source_set *own, bool video)
{
	int err = 0;

	for (size_t i = 0; !err && i < own->count; i++)
		if ((video || !own->v[i].video) && !is_layer(own, own->v[i].ssrc))
			err = source_set_add(out, &own->v[i]);
	for (size_t i = 0; !err && i < own->groups; i++)
		if ((video || !own->g[i].video) && is_fid(&own->g[i]) &&
		    !is_layer(own, own->g[i].ssrc[0]))
			err = source_set_add_group(out, &own->g[i]);
	return err;
}

int sources_view(struct source_set *out, const struct occupant *receiver)
{
	int err = 0;

	for (const struct occupant *o = receiver->room->first; !err && o; o = o->next)
		if (o != receiver && o->session.state == SESSION_ACTIVE)
			err = sources_strip(out, &o->session.own,
					    receiver->session.features & FEATURE_VIDEO);
	return err;
}

int sources_with_jids(struct source_set *s, const struct room *r)
{
	for (size_t i = 0; i < s->count; i++) {
		char *jid;

		if (!strcmp(s->v[i].owner, "jvb"))
			continue;
		jid = host_format("%s/%s", r->jid, s->v[i].owner);
		free(s->v[i].owner);
		s->v[i].owner = jid;
	}
	return 0;
}

/* ---- telling the difference ---- */

static bool same_source(const struct source *a, const struct source *b)
{
	return b && a->video == b->video && a->desktop == b->desktop && !strcmp(a->owner, b->owner) &&
	       !strcmp(a->name, b->name) && !strcmp(a->msid, b->msid);
}

static bool has_group(const struct source_set *s, const struct source_group *g)
{
	for (size_t i = 0; i < s->groups; i++)
		if (s->g[i].count == g->count && !strcmp(s->g[i].owner, g->owner) &&
		    !strcmp(s->g[i].semantics, g->semantics) &&
		    !memcmp(s->g[i].ssrc, g->ssrc, g->count * sizeof(g->ssrc[0])))
			return true;
	return false;
}

/* What is in a and not in b. */
static int difference(struct source_set *out, const struct source_set *a,
		      const struct source_set *b)
{
	int err = 0;

	for (size_t i = 0; !err && i < a->count; i++)
		if (!same_source(&a->v[i], source_set_find(b, a->v[i].ssrc)))
			err = source_set_add(out, &a->v[i]);
	for (size_t i = 0; !err && i < a->groups; i++)
		if (!has_group(b, &a->g[i]))
			err = source_set_add_group(out, &a->g[i]);
	return err;
}

static void send_sources(struct occupant *o, enum jingle_action action, struct source_set *s)
{
	bool json = o->session.features & FEATURE_JSON;
	struct jingle *j;

	if (!s->count)
		return;
	if (!json)
		sources_with_jids(s, o->room);
	j = host_alloc(sizeof(*j));
	j->action = action;
	host_set(&j->sid, o->session.sid);
	j->sources = *s;
	focus_send(o, jingle_write(j, NULL, "initiator", json, true), NULL);
	memset(&j->sources, 0, sizeof(j->sources));     /* the caller's */
	jingle_clear(j);
	free(j);
}

static void sync_one(struct occupant *o)
{
	struct source_set view = { 0 }, more = { 0 }, less = { 0 };

	if (sources_view(&view, o) || difference(&more, &view, &o->session.told) ||
	    difference(&less, &o->session.told, &view)) {
		log_error("host", "%s cannot be told of new sources", o->jid);
		source_set_clear(&view);
	} else {
		send_sources(o, JINGLE_SOURCE_REMOVE, &less);
		send_sources(o, JINGLE_SOURCE_ADD, &more);
		source_set_clear(&o->session.told);
		o->session.told = view;
	}
	source_set_clear(&more);
	source_set_clear(&less);
}

void sources_sync(struct room *r)
{
	for (struct occupant *o = r->first; o; o = o->next)
		if (o->session.state == SESSION_ACTIVE)
			sync_one(o);
}
