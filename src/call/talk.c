/* talk.c - messages in and out: none is lost without a word, none said twice
 *
 *	out -> sent -> (reflected by the room, or the server has it)
 *	        \-> the connection is dropped -> unsure -> out, or said to be unsure
 *
 * Out: at most two a second with a burst of three, as servers throttle a
 * whole session for a minute when it is more.  What was typed waits, also while
 * there is no connection.  A message to all counts as said once the room has
 * repeated it, a private one once the server has acknowledged it.
 *
 * A stream that is resumed sends by itself what was not acknowledged.  After
 * one that is not, the server may have said how far it came; else the room's
 * history decides: it has our message; or it has something older that we have
 * seen, and not our message, which then never arrived and is sent again.  If
 * it can tell neither, people are told that the message may not have arrived.
 * And while who we were still stands in the room, the server may not have read
 * all that we wrote there, as one that throttles us: then what it says decides,
 * until it has left.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"

enum {
	TEXT_BYTES = 16384, SUBJECT_BYTES = 1000,
	HISTORY_US = 1000000,           /* how long it comes after a rejoin */
	SLOW_US = 4000000,              /* then people hear that no answer comes */
	DOUBT_US = 65000000             /* servers keep who is cut off for a minute */
};

/* ---- queues ---- */

static void queue_free(struct queued *q)
{
	free(q->to);
	free(q->id);
	free(q->text);
	free(q->room);
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
	clear(&c->unsure);
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

static void show_own(struct call *c, const struct queued *q)
{
	struct person_entry *me = roster_me(c);
	struct call_message m = {
		.id = q->id, .from = c->nick, .name = me ? me->name : "", .to = q->to ? q->to : "",
		.text = q->text, .private_ = q->to != NULL, .mine = true, .time_us = clock_wall_us(),
	};
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &m };

	call_emit(c, &ev);
}

static void unsure(struct call *c, const struct queued *q)
{
	call_complain(c, "unsure", "may not have arrived: %s", q->text);
}

static int send_it(struct call *c, const struct queued *q)
{
	struct buf to = { 0 };
	struct xml *m;

	buf_adds(&to, c->room);
	if (q->to)
		buf_addf(&to, "/%s", q->to);
	m = chat_text_new(buf_str(&to), !q->to, q->id, q->text);
	buf_free(&to);
	return xmpp_stream_send(c->stream, &m);
}

static void send_one(struct call *c)
{
	struct queued *q = pop(&c->out);

	if (strcmp(q->room, c->room)) {         /* its words were for others */
		call_complain(c, "other-room", "not sent, you are in another room now: %s", q->text);
		queue_free(q);
		return;
	}
	if (q->to && !roster_find(c, q->to)) {
		call_complain(c, "unknown-person", "not sent, that person has left: %s", q->text);
		queue_free(q);
		return;
	}
	if (send_it(c, q)) {
		call_complain(c, "not-sent", "not sent: %s", q->text);
		queue_free(q);
		return;
	}
	q->number = xmpp_stream_last(c->stream);
	q->seen_before = c->seens;
	q->sent_us = c->now_us;
	q->slow_told = false;
	push(&c->sent, q);
	/* Private messages are not reflected: they are shown when they go out. */
	if (q->to && !q->shown)
		show_own(c, q);
	q->shown = q->to != NULL;
	if (q->to && !xmpp_stream_managed(c->stream))
		xmpp_stream_probe(c->stream, c->now_us);        /* its answer says that this came, too */
	if (c->sent.count > QUEUE_MAX) {
		q = pop(&c->sent);
		unsure(c, q);
		queue_free(q);
	}
}

/* Private ones that the server has; people hear where no answer comes. */
static void look_after_sent(struct call *c)
{
	uint64_t handled = xmpp_stream_handled(c->stream);

	for (struct queued *q = c->sent.first, *next; q; q = next) {
		next = q->next;
		if (q->to && q->number <= handled) {
			queue_free(take(&c->sent, q->id));
		} else if (!q->slow_told && c->now_us - q->sent_us >= SLOW_US) {
			q->slow_told = true;
			call_notice(c, "no answer from the server yet to: %s", q->text);
			xmpp_stream_probe(c->stream, c->now_us);
		}
	}
}

/* ---- after a lost connection ---- */

/* Puts all of `front` before the rest of q. */
static void push_before(struct queue *q, struct queue *front)
{
	struct queue rest = *q;
	struct queued *m;

	*q = *front;
	memset(front, 0, sizeof(*front));
	while ((m = pop(&rest)))
		push(q, m);
}

void talk_stream_gone(struct call *c)
{
	uint64_t handled = c->stream ? xmpp_stream_handled(c->stream) : 0;
	struct queue again = { 0 };
	struct queued *q;

	while ((q = pop(&c->sent))) {
		q->handled = q->number <= handled;
		if (!q->handled && c->fate_known) {
			push(&again, q);
		} else if (!q->to) {
			push(&c->unsure, q);
		} else {
			if (!q->handled)
				unsure(c, q);
			queue_free(q);
		}
	}
	push_before(&c->out, &again);
	while (c->unsure.count > QUEUE_MAX) {
		unsure(c, c->unsure.first);
		queue_free(pop(&c->unsure));
	}
}

void talk_rejoined(struct call *c)
{
	c->witness = UINT64_MAX;
	c->hold_us = c->now_us + HISTORY_US;
	c->doubt_us = c->now_us + DOUBT_US;
}

/* Our old self may still say it. */
static bool is_in_doubt(const struct call *c)
{
	return c->now_us < c->doubt_us && roster_ghost_here(c);
}

static void keep_in_doubt(struct call *c, struct queue *kept, struct queued *q)
{
	if (!q->doubt_told)
		call_notice(c, "the connection of before still stands in the room, and may yet say: %s", q->text);
	q->doubt_told = true;
	push(kept, q);
}

/* The history is in, and did not have these. */
static void decide(struct call *c)
{
	struct queue again = { 0 }, kept = { 0 };
	struct queued *q;

	while ((q = pop(&c->unsure))) {
		if (!q->handled && is_in_doubt(c)) {
			keep_in_doubt(c, &kept, q);
			continue;
		}
		/* Who is still there after that long may have it unread. */
		if (!q->handled && !roster_ghost_here(c) && c->witness < q->seen_before && !strcmp(q->room, c->room)) {
			push(&again, q);
			continue;
		}
		if (q->handled && !strcmp(q->room, c->room))    /* said, though the room does not repeat it to us */
			show_own(c, q);
		else if (!q->handled)
			unsure(c, q);
		queue_free(q);
	}
	c->unsure = kept;
	push_before(&c->out, &again);
}

void talk_ended(struct call *c)
{
	struct queued *q;

	while ((q = pop(&c->unsure))) {
		if (!q->handled)
			unsure(c, q);
		queue_free(q);
	}
	while ((q = pop(&c->out))) {
		call_complain(c, "not-sent", "not sent: %s", q->text);
		queue_free(q);
	}
}

/* ---- time ---- */

void talk_tick(struct call *c)
{
	if (c->phase != PHASE_JOINED || !c->stream || c->cut || c->now_us < c->hold_us)
		return;
	if (c->unsure.first)
		decide(c);
	refill(c);
	while (c->out.first && c->tokens >= 1) {
		c->tokens -= 1;
		send_one(c);
	}
	look_after_sent(c);
}

void talk_resumed(struct call *c)
{
	for (struct queued *q = c->sent.first; q; q = q->next)
		q->sent_us = c->now_us;
	talk_tick(c);
}

int64_t talk_next(const struct call *c)
{
	int64_t next = INT64_MAX;

	if (c->phase != PHASE_JOINED || c->cut)
		return 0;
	if (c->now_us < c->hold_us)
		return c->out.first || c->unsure.first ? c->hold_us : 0;
	if (c->unsure.first)
		next = is_in_doubt(c) ? c->doubt_us : c->now_us;
	if (c->out.first)
		sooner(&next, c->tokens_us + (int64_t)((1.001 - c->tokens) * MESSAGE_GAP_US) + 1);
	for (const struct queued *q = c->sent.first; q; q = q->next)
		if (!q->slow_told)
			sooner(&next, q->sent_us + SLOW_US);
	return next == INT64_MAX ? 0 : next;
}

/* ---- typed ---- */

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
	call_set(&q->room, c->room);
	call_set(&q->id, id);
	q->text = clean;
	push(&c->out, q);
	talk_tick(c);
	if (c->out.count && (c->phase != PHASE_JOINED || c->cut))
		call_notice(c, "the connection is down; sent when it is back: %s", q->text);
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
	if (!roster_find(c, id) && door_has(c, id))
		err = door_tell(c, id, text, kind, why);
	else if (!roster_find(c, id))
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
	uint64_t from = c->seens > SEEN_MAX ? c->seens - SEEN_MAX : 0;

	h = hash(h, m->text);
	for (uint64_t i = from; m->delayed && i < c->seens; i++)
		if (c->seen[i % SEEN_MAX] == h) {
			c->witness = i < c->witness ? i : c->witness;
			return true;
		}
	c->seen[c->seens++ % SEEN_MAX] = h;
	return false;
}

static void confirm(struct call *c, const struct chat_message *m)
{
	struct queued *q = take(&c->sent, m->id);

	if (!q)
		q = take(&c->unsure, m->id);
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

	if (door_refused(c, m))
		return;
	call_complain(c, "not-sent", "not sent, the server says: %s", m->text);
	if (q)
		queue_free(q);
}

void talk_message(struct call *c, const struct xml *x)
{
	struct chat_message m;

	chat_parse(&m, x);
	if (lobby_message(c, x, &m) || (m.kind == CHAT_JSON && door_message(c, &m)))
		return;
	if (m.kind == CHAT_JSON && !m.group) {
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
	case CHAT_JSON:
		door_json(c, &m);
		break;
	case CHAT_CONFIG:
		door_look(c, true);
		break;
	case CHAT_ERROR:
		on_refused(c, &m);
		break;
	default:
		break;
	}
}
