/* people.c - who is here: names, levels, who talks, order, volumes by name */
#include "session/session_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"

struct member *member_find(const struct session *s, const char *id)
{
	for (size_t i = 0; id && i < s->members; i++)
		if (!strcmp(s->member[i]->id, id))
			return s->member[i];
	return NULL;
}

void naming_try(struct naming *n, size_t at, const char *id, const char *name)
{
	bool by_id = *n->word == '#' && n->word[1];

	if (by_id ? text_starts(id, n->word + 1) : !strcasecmp(name, n->word)) {
		n->exacts++;
		n->exact = at;
	} else if (!by_id && !strncasecmp(name, n->word, strlen(n->word))) {
		n->begin++;
		n->begins = at;
	}
}

int naming_found(const struct naming *n, size_t *at)
{
	*at = n->exacts ? n->exact : n->begins;
	if (n->exacts == 1 || (!n->exacts && n->begin == 1))
		return 0;
	return n->exacts + n->begin ? -EEXIST : -ENOENT;
}

struct member *member_by_name(const struct session *s, const char *name, const char **why)
{
	struct naming n = { .word = name };
	size_t at;
	int err;

	for (size_t i = 0; i < s->members; i++)
		naming_try(&n, i, s->member[i]->id, s->member[i]->shown);
	err = naming_found(&n, &at);
	if (!err)
		return s->member[at];
	*why = err == -EEXIST ? "more than one has that name; use # and the start of the id, as /who shows it"
		: "nobody here has that name; /who lists everybody";
	return NULL;
}

static void show_name(struct member *m)
{
	char guest[16];

	snprintf(guest, sizeof(guest), "guest %.4s", m->id);
	session_text_set(&m->shown, *m->name ? m->name : guest);
	m->p.id = m->id;
	m->p.name = m->shown;
}

static struct member *member_new(struct session *s, const char *id)
{
	struct member *m = calloc(1, sizeof(*m));

	s->member = realloc(s->member, (s->members + 1) * sizeof(*s->member));
	if (!m || !s->member)
		abort();
	m->id = session_copy(id);
	m->name = session_copy("");
	m->p.level = -127;
	m->p.quality = -1;
	s->member[s->members++] = m;
	return m;
}

struct member *member_update(struct session *s, const struct call_person *p, bool *is_new)
{
	struct member *m = member_find(s, p->id);

	*is_new = !m;
	if (!m)
		m = member_new(s, p->id);
	if (strcmp(m->name, p->name) || *is_new) {
		free(m->name);
		m->name = session_copy(p->name);
		show_name(m);
		m->p.volume = volume_of(s, m->shown);
	}
	m->p.me = p->me;
	m->p.moderator = p->moderator;
	m->p.muted = p->muted;
	m->p.video = p->video;
	m->p.screen = p->screen;
	m->p.hand = p->hand ? 1 : 0;
	m->p.hand_ms = p->hand_ms;
	m->p.interrupted = p->interrupted;
	m->p.quality = p->quality;
	if (p->muted && !p->me)
		m->loud_us = 0;
	session_touch(s, DIRTY_PEOPLE);
	return m;
}

static void member_free(struct member *m)
{
	free(m->id);
	free(m->name);
	free(m->shown);
	free(m);
}

void member_remove(struct session *s, const char *id)
{
	for (size_t i = 0; i < s->members; i++)
		if (!strcmp(s->member[i]->id, id)) {
			struct member *m = s->member[i];

			memmove(&s->member[i], &s->member[i + 1],
				(--s->members - i) * sizeof(*s->member));
			s->ordered = 0;
			members_order(s, clock_now_us(), true);
			member_free(m);
			return;
		}
}

void members_clear(struct session *s)
{
	for (size_t i = 0; i < s->members; i++)
		member_free(s->member[i]);
	free(s->member);
	free(s->order);
	s->member = s->order = NULL;
	s->members = s->ordered = 0;
	session_touch(s, DIRTY_PEOPLE);
}

/* ---- order: who talked lately, hands by time, the rest by name, me last ---- */

static int rank(const struct member *m, int64_t now_us)
{
	if (m->p.me)
		return 3;
	if (m->p.talked_us && now_us - m->p.talked_us < RECENT_S * INT64_C(1000000))
		return 0;
	return m->p.hand ? 1 : 2;
}

/* qsort() has no context; the rank is kept beside the pointer. */
struct ranked { struct member *m; int rank; };

static int compare(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	if (a->rank == 1 && a->m->p.hand_ms != b->m->p.hand_ms)
		return a->m->p.hand_ms < b->m->p.hand_ms ? -1 : 1;
	if (strcasecmp(a->m->shown, b->m->shown))
		return strcasecmp(a->m->shown, b->m->shown);
	return strcmp(a->m->id, b->m->id);
}

static void number_hands(struct session *s)
{
	for (size_t i = 0; i < s->members; i++) {
		struct member *m = s->member[i];
		unsigned place = 1;

		if (!m->p.hand)
			continue;
		for (size_t k = 0; k < s->members; k++) {
			const struct member *o = s->member[k];

			if (o->p.hand && o != m &&
			    (o->p.hand_ms < m->p.hand_ms ||
			     (o->p.hand_ms == m->p.hand_ms && strcmp(o->id, m->id) < 0)))
				place++;
		}
		m->p.hand = place;
	}
}

/* A list that jumps under the eye is no list: at most once a second, but at
 * once when somebody came or went. */
void members_order(struct session *s, int64_t now_us, bool force)
{
	struct ranked *r;
	bool changed = false;

	if (!force && now_us - s->ordered_us < 1000000)
		return;
	s->ordered_us = now_us;
	number_hands(s);
	r = calloc(s->members ? s->members : 1, sizeof(*r));
	s->order = realloc(s->order, (s->members ? s->members : 1) * sizeof(*s->order));
	if (!r || !s->order)
		abort();
	for (size_t i = 0; i < s->members; i++)
		r[i] = (struct ranked){ s->member[i], rank(s->member[i], now_us) };
	qsort(r, s->members, sizeof(*r), compare);
	for (size_t i = 0; i < s->members; i++) {
		changed |= i >= s->ordered || s->order[i] != r[i].m;
		s->order[i] = r[i].m;
	}
	s->ordered = s->members;
	free(r);
	if (changed || force)
		session_touch(s, DIRTY_PEOPLE);
}

size_t session_people(const struct session *s)
{
	return s->ordered;
}

const struct person *session_person(const struct session *s, size_t i)
{
	return i < s->ordered ? &s->order[i]->p : NULL;
}

const struct person *session_me(const struct session *s)
{
	for (size_t i = 0; i < s->members; i++)
		if (s->member[i]->p.me)
			return &s->member[i]->p;
	return NULL;
}

/* ---- levels ---- */

static void level_of(struct session *s, struct member *m, int level, int64_t now_us)
{
	bool talking;

	if (m->p.level != level) {
		m->p.level = level;
		session_touch(s, DIRTY_LEVELS);
	}
	if (level > TALK_LEVEL)
		m->loud_us = now_us;
	talking = m->loud_us && now_us - m->loud_us < TALK_HOLD_MS * 1000;
	if (talking)
		m->p.talked_us = now_us;
	if (talking == m->p.talking)
		return;
	m->p.talking = talking;
	event_push(s, SESSION_EV_TALKING, &m->p, NULL, NULL, talking, false);
	session_touch(s, DIRTY_PEOPLE);
}

void members_levels(struct session *s, int64_t now_us)
{
	struct call *c = session_call(s);
	struct sound_snapshot snap;

	if (!c || !s->sound)
		return;
	sound_snapshot(s->sound, &snap);
	for (size_t i = 0; i < s->members; i++) {
		struct member *m = s->member[i];
		int level = -127;

		if (m->p.me)
			level = s->muted || s->media != SESSION_MEDIA_CONNECTED ? -127
				: snap.audio.mic_level;
		for (size_t k = 0; !m->p.me && k < snap.sources; k++) {
			const char *owner = call_source_owner(c, snap.source[k].ssrc);

			if (owner && !strcmp(owner, m->id) && snap.source[k].level > level)
				level = snap.source[k].level;
		}
		level_of(s, m, level, now_us);
	}
}

bool session_on_air(const struct session *s)
{
	const struct person *me = session_me(s);

	return s->state == SESSION_JOINED && s->media == SESSION_MEDIA_CONNECTED &&
	       !s->muted && !s->no_mic && s->members > 1 && me && me->talking;
}

/* ---- volumes, kept by name ---- */

int volume_of(const struct session *s, const char *name)
{
	for (const struct volume *v = s->volumes; v; v = v->next)
		if (!strcasecmp(v->name, name))
			return v->percent;
	return 100;
}

static void volume_keep(struct session *s, const char *name, int percent)
{
	struct volume *v;

	for (v = s->volumes; v; v = v->next)
		if (!strcasecmp(v->name, name)) {
			v->percent = percent;
			return;
		}
	v = calloc(1, sizeof(*v));
	if (!v)
		abort();
	v->name = session_copy(name);
	v->percent = percent;
	v->next = s->volumes;
	s->volumes = v;
}

static void apply_gain(struct session *s, const struct member *m)
{
	struct sound_snapshot snap;
	struct call *c = session_call(s);

	if (!c || !s->sound)
		return;
	sound_snapshot(s->sound, &snap);
	for (size_t i = 0; i < snap.sources; i++) {
		const char *owner = call_source_owner(c, snap.source[i].ssrc);

		if (owner && !strcmp(owner, m->id))
			sound_gain(s->sound, snap.source[i].ssrc, m->p.volume / 100.0);
	}
}

int volume_set(struct session *s, struct member *m, int percent)
{
	m->p.volume = percent;
	volume_keep(s, m->shown, percent);
	apply_gain(s, m);
	session_touch(s, DIRTY_PEOPLE);
	return 0;
}

static void volumes_path(const struct session *s, char *out, size_t size)
{
	snprintf(out, size, "%s/volumes", s->state_dir);
}

/* One person a line: per cent, a blank, the name. */
void volumes_load(struct session *s)
{
	char path[4096], line[512];
	FILE *f;

	if (!s->state_dir)
		return;
	volumes_path(s, path, sizeof(path));
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *name = strchr(line, ' '), *end = strchr(line, '\n');
		uint64_t percent;

		if (!name || !end)
			continue;
		*name++ = *end = 0;
		if (*name && !text_u64(line, 0, 400, &percent))
			volume_keep(s, name, (int)percent);
	}
	fclose(f);
}

/* Whole or not at all: written beside and renamed. */
void volumes_save(struct session *s)
{
	char path[4096], tmp[4200];
	FILE *f;
	bool ok;

	if (!s->state_dir || !s->volumes)
		return;
	volumes_path(s, path, sizeof(path));
	snprintf(tmp, sizeof(tmp), "%s.%d", path, (int)getpid());
	f = fopen(tmp, "we");
	if (!f)
		return;
	fchmod(fileno(f), 0600);
	for (const struct volume *v = s->volumes; v; v = v->next)
		if (v->percent != 100)
			fprintf(f, "%d %s\n", v->percent, v->name);
	ok = !ferror(f);
	if (fclose(f) || !ok || rename(tmp, path))
		unlink(tmp);
}

void volumes_free(struct session *s)
{
	while (s->volumes) {
		struct volume *v = s->volumes;

		s->volumes = v->next;
		free(v->name);
		free(v);
	}
}
