/* messages.c - what was said: a ring of the last 5000 messages, by serial */
#include "session/session_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"

static void message_clear(struct message *m)
{
	free((char *)m->from);
	free((char *)m->name);
	free((char *)m->to_name);
	free((char *)m->text);
	free((char *)m->message_id);
	memset(m, 0, sizeof(*m));
}

static bool begins_with(const char *text, const char *name)
{
	size_t len = strlen(name);

	return len && !strncmp(text, name, len) && strchr(" :;,", text[len]);
}

/* A name is written as it is: whoever makes sentences of our words must know. */
static bool begins_with_name(const struct session *s, const char *text)
{
	if (s->room && begins_with(text, s->room))
		return true;
	for (size_t i = 0; i < s->members; i++)
		if (begins_with(text, s->member[i]->name))
			return true;
	return false;
}

uint64_t message_add(struct session *s, const struct message_new *n)
{
	struct message *m;

	if (!s->message) {
		s->message = calloc(MESSAGES_MAX, sizeof(*s->message));
		if (!s->message)
			abort();
	}
	m = &s->message[s->next_serial % MESSAGES_MAX];
	if (s->next_serial - s->first_serial == MESSAGES_MAX) {
		message_clear(m);
		s->first_serial++;
	}
	m->kind = n->kind;
	m->time_us = n->time_us ? n->time_us : clock_wall_us();
	m->from = session_copy(n->from);
	m->name = session_copy(n->name);
	m->to_name = session_copy(n->to_name);
	m->text = session_copy(n->text);
	m->message_id = session_copy(n->id);
	m->private_ = n->private_;
	m->mine = n->mine;
	m->history = n->history;
	m->mention = n->mention;
	m->failed = n->failed;
	m->named = n->named || (n->kind != MESSAGE_CHAT && n->kind != MESSAGE_ME && n->text &&
				begins_with_name(s, n->text));
	m->serial = s->next_serial;
	session_touch(s, DIRTY_MESSAGES);
	return s->next_serial++;
}

void message_say(struct session *s, enum message_kind kind, const char *fmt, ...)
{
	struct buf b = { 0 };
	struct message_new n = { .kind = kind };
	va_list ap;
	uint64_t serial;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	n.text = buf_str(&b);
	serial = message_add(s, &n);
	buf_free(&b);
	if (kind == MESSAGE_ERROR)
		event_push_message(s, SESSION_EV_ERROR, serial, "error");
}

void session_clear_messages(struct session *s)
{
	while (s->first_serial < s->next_serial)
		message_clear(&s->message[s->first_serial++ % MESSAGES_MAX]);
	session_touch(s, DIRTY_MESSAGES);
}

void messages_free(struct session *s)
{
	if (s->message)
		session_clear_messages(s);
	free(s->message);
	s->message = NULL;
}

uint64_t session_first_serial(const struct session *s)
{
	return s->first_serial;
}

uint64_t session_next_serial(const struct session *s)
{
	return s->next_serial;
}

const struct message *session_message(const struct session *s, uint64_t serial)
{
	if (serial < s->first_serial || serial >= s->next_serial)
		return NULL;
	return &s->message[serial % MESSAGES_MAX];
}
