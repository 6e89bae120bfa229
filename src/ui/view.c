/* view.c - from the session to the picture that is drawn
 *
 * The transcript is a ring of references: a serial of the session's, or a
 * message of our own.  It never holds more than the session keeps.
 */
#include "ui/view.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

enum { ENTRIES = 5100 };        /* the session's 5000, and room for our own */

struct entry {
	uint64_t serial;
	struct message *own;    /* NULL: the session's */
};

struct transcript {
	const struct session *session;
	uint64_t first, next;   /* numbers of entries */
	uint64_t seen;          /* serial that comes next */
	size_t held;            /* entries that are the session's */
	struct entry v[ENTRIES];
};

int transcript_new(struct transcript **out)
{
	struct transcript *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t)
		return -ENOMEM;
	t->first = t->next = 1;
	return 0;
}

static struct entry *slot(struct transcript *t, uint64_t n)
{
	return &t->v[n % ENTRIES];
}

static void drop_first(struct transcript *t)
{
	struct entry *e = slot(t, t->first++);

	if (e->own)
		free((char *)e->own->text);
	else
		t->held--;
	free(e->own);
	memset(e, 0, sizeof(*e));
}

void transcript_free(struct transcript **tp)
{
	if (!*tp)
		return;
	while ((*tp)->first < (*tp)->next)
		drop_first(*tp);
	free(*tp);
	*tp = NULL;
}

static void append(struct transcript *t, struct entry e)
{
	if (t->next - t->first == ENTRIES)
		drop_first(t);
	t->held += !e.own;
	*slot(t, t->next++) = e;
}

void transcript_clear(struct transcript *t)
{
	while (t->first < t->next)
		drop_first(t);
}

bool transcript_update(struct transcript *t, const struct session *s)
{
	uint64_t first = session_first_serial(s), next = session_next_serial(s);
	uint64_t was_first = t->first, was_next = t->next;

	t->session = s;
	if (first == next && t->held)   /* somebody said /clear */
		transcript_clear(t);
	/* What the session forgot goes, and our own words before it with it. */
	while (t->first < t->next && slot(t, t->first)->serial < first)
		drop_first(t);
	if (t->seen < first)
		t->seen = first;
	for (; t->seen < next; t->seen++)
		append(t, (struct entry){ .serial = t->seen });
	return t->first != was_first || t->next != was_next;
}

void transcript_say(struct transcript *t, enum message_kind kind, int64_t wall_us,
		    const char *text)
{
	struct message *m = calloc(1, sizeof(*m));
	char *copy = text_clean(text, strlen(text), 0, TEXT_LINES);

	if (!m || !copy) {
		free(m);
		free(copy);
		return;
	}
	*m = (struct message){
		.kind = kind, .time_us = wall_us, .from = "", .name = "", .to_name = "",
		.text = copy, .message_id = ""
	};
	append(t, (struct entry){ .serial = t->seen, .own = m });
}

const struct message *transcript_get(void *transcript, uint64_t n)
{
	struct transcript *t = transcript;
	const struct entry *e;

	if (n < t->first || n >= t->next)
		return NULL;
	e = slot(t, n);
	return e->own ? e->own : session_message(t->session, e->serial);
}

uint64_t transcript_first(const struct transcript *t)
{
	return t->first;
}

uint64_t transcript_next(const struct transcript *t)
{
	return t->next;
}

static void take_people(struct view *v, const struct session *s)
{
	v->people_all = session_people(s);
	v->people = 0;
	for (size_t i = 0; i < v->people_all; i++) {
		const struct person *p = session_person(s, i);

		/* The last place is kept for me, who is always shown. */
		if (p && (v->people < VIEW_PEOPLE - 1 || p->me))
			v->person[v->people++] = *p;
		if (v->people == VIEW_PEOPLE)
			break;
	}
}

static void show_playing(struct view *v, const struct session *s)
{
	struct session_playing p;
	struct buf b = { 0 };

	*v->playing = 0;
	if (!session_playing(s, &p))
		return;
	session_playing_text(&p, &b);
	/* The title is cut, never the time. */
	snprintf(v->playing, sizeof(v->playing), "%.48s %s%s", p.title, buf_str(&b), p.paused ? " paused" : "");
	buf_free(&b);
}

void view_update(struct view *v, const struct session *s, struct transcript *t, int64_t now_us)
{
	struct session_figures f;
	int64_t retry = session_retry_us(s);

	session_figures(s, &f);
	v->state = session_get_state(s);
	v->media = session_get_media(s);
	v->room = session_room(s);
	v->host = session_host(s);
	v->subject = session_subject(s);
	v->trouble = session_device_trouble(s);
	v->joined = v->state == SESSION_JOINED;
	v->muted = session_muted(s);
	v->deaf = session_deaf(s);
	v->has_mic = session_has_mic(s);
	v->on_air = session_on_air(s);
	v->insecure = session_insecure(s);
	v->retry_s = retry > 0 ? (int)((retry + 999999) / 1000000) : 0;
	v->attempt = session_attempt(s);
	v->out_kbps = f.out_kbps;
	v->in_kbps = f.in_kbps;
	v->rtt_ms = f.rtt_ms;
	v->budget_kbps = f.budget_kbps;
	v->tight = f.tight;
	v->music = f.music;
	v->talks_muted = f.talks_muted;
	v->recorded = session_recording(s);
	v->knockers = session_knockers(s);
	show_playing(v, s);
	v->delay_ms = f.delay_ms;
	v->elapsed_s = f.joined_us ? (now_us - f.joined_us) / 1000000 : -1;
	take_people(v, s);
	v->first = transcript_first(t);
	v->next = transcript_next(t);
	v->message = transcript_get;
	v->message_ctx = t;
}

const struct person *view_find(const struct view *v, const char *id)
{
	for (size_t i = 0; i < v->people; i++)
		if (!strcmp(v->person[i].id, id))
			return &v->person[i];
	return NULL;
}
