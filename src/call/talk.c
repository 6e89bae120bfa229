/* talk.c - messages in and out
 *
 * Out: at most two a second with a burst of three, as servers throttle a
 * whole session for a minute when it is more.  What was typed waits, also over
 * a reconnect; what went out to all counts as said once the room has repeated
 * it, and is said again after a rejoin if its history does not have it.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"

enum {
	TEXT_BYTES = 16384, SUBJECT_BYTES = 1000,
	HISTORY_US = 1000000            /* how long it comes after a rejoin */
};

/* ---- queues ---- */

static void queue_free(struct queued *q)
{
	free(q->to);
	free(q->id);
	free(q->text);
	free(q);
}

static void push(struct queue *q, struct queued *m)
{
	m->next = NULL;
	if (q->last)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
	q->count++;
}

static struct queued *pop(struct queue *q)
{
	struct queued *m = q->first;

	if (!m)
		return NULL;
	q->first = m->next;
	if (!q->first)
		q->last = NULL;
	q->count--;
	return m;
}

/* NULL: none of this id. */
static struct queued *take(struct queue *q, const char *id)
{
	struct queued *before = NULL;

	for (struct queued *m = q->first; m; before = m, m = m->next) {
		if (strcmp(m->id, id))
			continue;
		if (before)
			before->next = m->next;
		else
			q->first = m->next;
		if (q->last == m)
			q->last = before;
		q->count--;
		return m;
	}
	return NULL;
}

static void clear(struct queue *q)
{
	struct queued *m;

	while ((m = pop(q)))
		queue_free(m);
}

void talk_clear(struct call *c)
{
	clear(&c->out);
	clear(&c->sent);
	c->seens = 0;
	c->hold_us = 0;
}

/* ---- out ---- */

static void refill(struct call *c)
{
	double more = (double)(c->now_us - c->tokens_us) / MESSAGE_GAP_US;

	c->tokens = c->tokens + more > MESSAGE_BURST ? MESSAGE_BURST : c->tokens + more;
	c->tokens_us = c->now_us;
}

/* Private messages are not reflected: they are shown when they go out. */
static void show_own_private(struct call *c, const struct queued *q)
{
	struct person_entry *me = roster_me(c);
	struct call_message m = {
		.id = q->id, .from = c->nick, .name = me ? me->name : "", .to = q->to, .text = q->text,
		.private_ = true, .mine = true, .time_us = clock_wall_us(),
	};
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &m };

	call_emit(c, &ev);
}

static void send_one(struct call *c)
{
	struct queued *q = pop(&c->out);
	struct buf to = { 0 };
	struct xml *m;

	if (q->to && !roster_find(c, q->to)) {
		call_complain(c, "unknown-person", "not sent, that person has left: %s", q->text);
		queue_free(q);
		return;
	}
	buf_adds(&to, c->room);
	if (q->to)
		buf_addf(&to, "/%s", q->to);
	m = chat_text_new(buf_str(&to), !q->to, q->id, q->text);
	buf_free(&to);
	if (xmpp_stream_send(c->stream, &m))
		call_complain(c, "not-sent", "not sent: %s", q->text);
	else if (q->to)
		show_own_private(c, q);
	else {
		push(&c->sent, q);
		if (c->sent.count > QUEUE_MAX)
			queue_free(pop(&c->sent));
		return;
	}
	queue_free(q);
}

void talk_tick(struct call *c)
{
	if (c->phase != PHASE_JOINED || !c->stream || c->now_us < c->hold_us)
		return;
	refill(c);
	while (c->out.first && c->tokens >= 1) {
		c->tokens -= 1;
		send_one(c);
	}
}

int64_t talk_next(const struct call *c)
{
	if (!c->out.first || c->phase != PHASE_JOINED)
		return 0;
	if (c->now_us < c->hold_us)
		return c->hold_us;
	return c->tokens_us + (int64_t)((1.001 - c->tokens) * MESSAGE_GAP_US) + 1;
}

void talk_rejoined(struct call *c)
{
	struct queue waiting = c->out;
	struct queued *m;

	c->out = c->sent;
	memset(&c->sent, 0, sizeof(c->sent));
	while ((m = pop(&waiting)))
		push(&c->out, m);
	c->hold_us = c->now_us + HISTORY_US;
}

static int enqueue(struct call *c, const char *to, const char *text, const char **kind, char **why)
{
	struct queued *q;
	char *clean, id[37];

	if (c->phase == PHASE_OVER || c->phase == PHASE_LEAVING || !c->ever_joined)
		return call_refuse(kind, why, -ENOTCONN, "not-joined", "not sent: you are not in the room yet");
	if (c->out.count >= QUEUE_MAX)
		return call_refuse(kind, why, -EBUSY, "too-many", "not sent: too many messages wait already");
	clean = text_clean(text, strlen(text), 0, TEXT_LINES | TEXT_TRIM);
	if (!clean || !*clean || strlen(clean) > TEXT_BYTES) {
		bool empty = clean && !*clean;

		free(clean);
		return call_refuse(kind, why, -EINVAL, empty ? "empty" : "too-long",
				   empty ? "there is nothing to send" : "not sent: longer than 16 KiB");
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		abort();
	rng_uuid(id);
	call_set(&q->to, to);
	call_set(&q->id, id);
	q->text = clean;
	push(&c->out, q);
	talk_tick(c);
	if (c->out.count && c->phase != PHASE_JOINED)
		call_notice(c, "the connection is down: your message is sent when it is back");
	return 0;
}

int call_say(struct call *c, const char *text, const char **kind, char **why, int64_t now_us)
{
	int err;

	call_enter(c, now_us);
	err = lobby_say(c, text) ? 0 : enqueue(c, NULL, text, kind, why);
	call_leave_input(c);
	return err;
}

int call_tell(struct call *c, const char *id, const char *text, const char **kind, char **why,
	      int64_t now_us)
{
	int err;

	call_enter(c, now_us);
	if (!roster_find(c, id))
		err = call_refuse(kind, why, -ENOENT, "unknown-person", "not sent: that person is not here");
	else if (!strcmp(id, c->nick))
		err = call_refuse(kind, why, -EINVAL, "yourself", "not sent: that is you");
	else
		err = enqueue(c, id, text, kind, why);
	call_leave_input(c);
	return err;
}

/* ---- in ---- */

/* FNV-1a; a mistake would hide one repeated line. */
static uint64_t hash(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* After a rejoin the server repeats what we have: only new lines are told. */
static bool is_seen(struct call *c, const struct chat_message *m)
{
	uint64_t h = hash(UINT64_C(0xcbf29ce484222325), *m->id ? m->id : m->nick);
	unsigned n = c->seens < SEEN_MAX ? c->seens : SEEN_MAX;

	h = hash(h, m->text);
	for (unsigned i = 0; m->delayed && i < n; i++)
		if (c->seen[i] == h)
			return true;
	c->seen[c->seens++ % SEEN_MAX] = h;
	return false;
}

static void confirm(struct call *c, const struct chat_message *m)
{
	struct queued *q = take(&c->sent, m->id);

	if (!q && m->delayed)
		q = take(&c->out, m->id);
	if (q)
		queue_free(q);
}

/* A name that the server gives counts where nobody is there to have one. */
static char *sender_name(struct call *c, const struct chat_message *m)
{
	const struct person_entry *e = roster_find(c, m->nick);
	const char *raw = e ? e->name : m->display_name ? m->display_name : "";

	return text_clean(raw, strlen(raw), NAME_BYTES, TEXT_TRIM);
}

static void on_text(struct call *c, const struct chat_message *m)
{
	char *text = text_clean(m->text, strlen(m->text), TEXT_BYTES, TEXT_LINES);
	char *name = sender_name(c, m), *given = text_clean(m->id, strlen(m->id), NAME_BYTES, 0);
	char id[37];
	struct call_message out = {
		.id = given ? given : "", .from = m->nick, .name = name ? name : "", .to = "",
		.text = text ? text : "", .private_ = !m->group,
		.mine = m->group && roster_was_me(c, m->nick), .history = m->delayed,
		.time_us = m->stamp_us ? m->stamp_us : clock_wall_us(),
	};
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &out };

	if (!*out.id) {
		rng_uuid(id);
		out.id = id;
	}
	if (out.mine)
		confirm(c, m);
	if (text && *text && !is_seen(c, m))
		call_emit(c, &ev);
	free(text);
	free(name);
	free(given);
}

static void on_subject(struct call *c, const struct chat_message *m)
{
	char *clean = text_clean(m->text, strlen(m->text), SUBJECT_BYTES, TEXT_TRIM);
	struct person_entry *e = m->delayed ? NULL : roster_find(c, m->nick);
	struct call_event ev = { .type = CALL_EV_SUBJECT, .person = e ? &e->p : NULL };

	if (clean && strcmp(clean, c->subject)) {
		call_set(&c->subject, clean);
		ev.text = c->subject;
		call_emit(c, &ev);
	}
	free(clean);
}

static void on_refused(struct call *c, const struct chat_message *m)
{
	struct queued *q = take(&c->sent, m->ref);

	call_complain(c, "not-sent", "not sent, the server says: %s", m->text);
	if (q)
		queue_free(q);
}

void talk_message(struct call *c, const struct xml *x)
{
	struct chat_message m;

	chat_parse(&m, x);
	if (lobby_message(c, x, &m))
		return;
	if (m.kind == CHAT_JSON) {
		policy_json(c, &m);
		return;
	}
	/* Messages of anyone outside the room are none of a conference. */
	if (!c->room || !jid_same_bare(m.from, c->room) ||
	    (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING)) {
		c->count.forged += m.kind == CHAT_TEXT || m.kind == CHAT_SUBJECT;
		return;
	}
	switch (m.kind) {
	case CHAT_TEXT:
		on_text(c, &m);
		break;
	case CHAT_SUBJECT:
		on_subject(c, &m);
		break;
	case CHAT_ERROR:
		on_refused(c, &m);
		break;
	default:
		break;
	}
}
