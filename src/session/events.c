/* events.c - news for the front ends, told from the loop
 *
 * A front end that types a command must not be called back in the middle of
 * it, so news are queued with copies of what they speak of and given out by a
 * timer that is due at once.  Drawing needs no copies: it gets dirty bits and
 * reads the session.
 */
#include "session/session_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

struct pending_event {
	struct pending_event *next;
	struct session_event ev;
	struct person person;
	struct message message;
	char *id, *name, *text, *kind;
	char *m_from, *m_name, *m_to, *m_text, *m_id;
};

static void pending_free(struct pending_event *e)
{
	free(e->id);
	free(e->name);
	free(e->text);
	free(e->kind);
	free(e->m_from);
	free(e->m_name);
	free(e->m_to);
	free(e->m_text);
	free(e->m_id);
	free(e);
}

static struct pending_event *pending_new(struct session *s, enum session_event_type type)
{
	struct pending_event *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->ev.type = type;
	e->ev.time = (double)clock_wall_us() / 1e6;
	e->ev.exit_code = s->exit_code;
	e->ev.text = e->text = session_copy("");
	if (s->last)
		s->last->next = e;
	else
		s->first = e;
	s->last = e;
	loop_timer_set(s->flush, clock_now_us());
	return e;
}

void event_push(struct session *s, enum session_event_type type, const struct person *p,
		const char *text, const char *kind, bool on, bool quiet)
{
	struct pending_event *e = pending_new(s, type);

	if (p) {
		e->person = *p;
		e->person.id = e->id = session_copy(p->id);
		e->person.name = e->name = session_copy(p->name);
		e->ev.person = &e->person;
	}
	free(e->text);
	e->ev.text = e->text = session_copy(text);
	e->ev.kind = e->kind = session_copy(kind);
	e->ev.on = on;
	e->ev.quiet = quiet;
}

void event_push_message(struct session *s, enum session_event_type type, uint64_t serial,
			const char *kind)
{
	const struct message *m = session_message(s, serial);
	struct pending_event *e;

	if (!m)
		return;
	e = pending_new(s, type);
	e->message = *m;
	e->message.from = e->m_from = session_copy(m->from);
	e->message.name = e->m_name = session_copy(m->name);
	e->message.to_name = e->m_to = session_copy(m->to_name);
	e->message.text = e->m_text = session_copy(m->text);
	e->message.message_id = e->m_id = session_copy(m->message_id);
	e->ev.message = &e->message;
	free(e->text);
	e->ev.text = e->text = session_copy(m->text);
	e->ev.kind = e->kind = session_copy(kind);
	e->ev.quiet = m->history;
}

void session_touch(struct session *s, unsigned dirty)
{
	s->dirty |= dirty;
	if (s->flush)           /* not before it is whole, nor while it is freed */
		loop_timer_set(s->flush, clock_now_us());
}

/* A listener may leave while it is called; the next one was read before. */
static void tell(struct session *s, const struct session_event *ev)
{
	struct session_listener *next;

	for (struct session_listener *l = s->listeners; l; l = next) {
		next = l->next;
		if (l->event)
			l->event(l->ctx, ev);
	}
}

void event_flush(void *ctx, int64_t now_us)
{
	struct session *s = ctx;
	struct session_listener *next;
	unsigned dirty;

	(void)now_us;
	while (s->first) {
		struct pending_event *e = s->first;

		s->first = e->next;
		if (!s->first)
			s->last = NULL;
		tell(s, &e->ev);
		pending_free(e);
	}
	dirty = s->dirty;
	s->dirty = 0;
	for (struct session_listener *l = dirty ? s->listeners : NULL; l; l = next) {
		next = l->next;
		if (l->changed)
			l->changed(l->ctx, dirty);
	}
}

void event_drop_all(struct session *s)
{
	while (s->first) {
		struct pending_event *e = s->first;

		s->first = e->next;
		pending_free(e);
	}
	s->last = NULL;
}

void session_listen(struct session *s, struct session_listener *l)
{
	l->next = s->listeners;
	s->listeners = l;
}

void session_unlisten(struct session *s, struct session_listener *l)
{
	for (struct session_listener **p = &s->listeners; *p; p = &(*p)->next)
		if (*p == l) {
			*p = l->next;
			return;
		}
}
