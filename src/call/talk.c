/* talk.c - messages in and out, and what the room asks of us
 *
 * Out: at most two a second with a burst of three, as servers throttle a
 * whole session for a minute when it is more.  What was typed waits, also over
 * a reconnect; when too much waits the next is refused with words.
 */
#include "call/call_priv.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"

enum { TEXT_BYTES = 16384, NAME_BYTES = 200 };

/* ---- out ---- */

static void queue_free(struct queued *q)
{
	free(q->to);
	free(q->id);
	free(q->text);
	free(q);
}

void talk_clear(struct call *c)
{
	while (c->queue) {
		struct queued *q = c->queue;

		c->queue = q->next;
		queue_free(q);
	}
	c->queue_last = NULL;
	c->queued = 0;
}

static void refill(struct call *c)
{
	double more = (double)(c->now_us - c->tokens_us) / MESSAGE_GAP_US;

	c->tokens = c->tokens + more > MESSAGE_BURST ? MESSAGE_BURST : c->tokens + more;
	c->tokens_us = c->now_us;
}

/* Private messages are not reflected: they are shown when they go out. */
static void show_own_private(struct call *c, const struct queued *q, const char *to)
{
	struct person_entry *me = roster_me(c);
	struct call_message m = {
		.id = q->id, .from = c->nick, .name = me ? me->name : "", .to = to, .text = q->text,
		.private_ = true, .mine = true, .time_us = clock_wall_us(),
	};
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &m };

	call_emit(c, &ev);
}

static void send_one(struct call *c)
{
	struct queued *q = c->queue;
	struct buf to = { 0 };
	struct xml *m;

	c->queue = q->next;
	if (!c->queue)
		c->queue_last = NULL;
	c->queued--;
	if (q->to && !roster_find(c, q->to)) {
		call_complain(c, "unknown-person", "not sent, that person has left: %s", q->text);
		queue_free(q);
		return;
	}
	buf_adds(&to, c->room);
	if (q->to)
		buf_addf(&to, "/%s", q->to);
	m = chat_text_new(buf_str(&to), !q->to, q->id, q->text);
	if (xmpp_stream_send(c->stream, &m))
		call_complain(c, "not-sent", "not sent: %s", q->text);
	else if (q->to)
		show_own_private(c, q, q->to);
	buf_free(&to);
	queue_free(q);
}

void talk_tick(struct call *c)
{
	if (c->phase != PHASE_JOINED || !c->stream)
		return;
	refill(c);
	while (c->queue && c->tokens >= 1) {
		c->tokens -= 1;
		send_one(c);
	}
}

int64_t talk_next(const struct call *c)
{
	if (!c->queue || c->phase != PHASE_JOINED)
		return 0;
	return c->tokens_us + (int64_t)((1.001 - c->tokens) * MESSAGE_GAP_US) + 1;
}

static int refuse(const char **kind, char **why, int err, const char *k, const char *words)
{
	if (kind)
		*kind = k;
	if (why)
		*why = strdup(words);
	return err;
}

static int enqueue(struct call *c, const char *to, const char *text, const char **kind, char **why)
{
	struct queued *q;
	char *clean, id[37];

	if (c->phase == PHASE_OVER || c->phase == PHASE_LEAVING || !c->ever_joined)
		return refuse(kind, why, -ENOTCONN, "not-joined", "not sent: you are not in the room yet");
	if (c->queued >= QUEUE_MAX)
		return refuse(kind, why, -EBUSY, "too-many", "not sent: too many messages wait already");
	clean = text_clean(text, strlen(text), 0, TEXT_LINES | TEXT_TRIM);
	if (!clean || !*clean || strlen(clean) > TEXT_BYTES) {
		bool empty = clean && !*clean;

		free(clean);
		return refuse(kind, why, -EINVAL, empty ? "empty" : "too-long",
			      empty ? "there is nothing to send" : "not sent: longer than 16 KiB");
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		abort();
	rng_uuid(id);
	call_set(&q->to, to);
	call_set(&q->id, id);
	q->text = clean;
	if (c->queue_last)
		c->queue_last->next = q;
	else
		c->queue = q;
	c->queue_last = q;
	c->queued++;
	talk_tick(c);
	if (c->queued && c->phase != PHASE_JOINED)
		call_notice(c, "the connection is down: your message is sent when it is back");
	return 0;
}

int call_say(struct call *c, const char *text, const char **kind, char **why, int64_t now_us)
{
	c->now_us = now_us;
	return enqueue(c, NULL, text, kind, why);
}

int call_tell(struct call *c, const char *id, const char *text, const char **kind, char **why,
	      int64_t now_us)
{
	c->now_us = now_us;
	if (!roster_find(c, id))
		return refuse(kind, why, -ENOENT, "unknown-person", "not sent: that person is not here");
	if (!strcmp(id, c->nick))
		return refuse(kind, why, -EINVAL, "yourself", "not sent: that is you");
	return enqueue(c, id, text, kind, why);
}

/* ---- in ---- */

static void on_text(struct call *c, const struct chat_message *m)
{
	char *text = text_clean(m->text, strlen(m->text), TEXT_BYTES, TEXT_LINES);
	const struct person_entry *e = roster_find(c, m->nick);
	const char *raw = m->display_name ? m->display_name : e ? e->name : "";
	char *name = text_clean(raw, strlen(raw), NAME_BYTES, TEXT_TRIM);
	char id[37];
	struct call_message out = {
		.id = m->id, .from = m->nick, .name = name ? name : "", .to = "", .text = text ? text : "",
		.private_ = !m->group, .mine = m->group && !strcmp(m->nick, c->nick),
		.history = m->delayed, .time_us = m->stamp_us ? m->stamp_us : clock_wall_us(),
	};
	struct call_event ev = { .type = CALL_EV_MESSAGE, .message = &out };

	if (!*m->id) {
		rng_uuid(id);
		out.id = id;
	}
	/* After a rejoin the server repeats what we have: only who is new reads it. */
	if (text && *text && !(m->delayed && c->count.rejoined))
		call_emit(c, &ev);
	free(text);
	free(name);
}

static void on_subject(struct call *c, const struct chat_message *m)
{
	char *clean = text_clean(m->text, strlen(m->text), 1000, TEXT_TRIM);
	struct person_entry *e = m->delayed ? NULL : roster_find(c, m->nick);
	struct call_event ev = { .type = CALL_EV_SUBJECT, .person = e ? &e->p : NULL };

	if (clean && strcmp(clean, c->subject)) {
		call_set(&c->subject, clean);
		ev.text = c->subject;
		call_emit(c, &ev);
	}
	free(clean);
}

/* Only what is named here is taken, and only from the component that the
 * server announced. */
static void on_json(struct call *c, const struct chat_message *m)
{
	json_t *j, *muted;
	const char *type;

	if (m->group || !c->metadata_jid || strcmp(m->from, c->metadata_jid) || strlen(m->json) > 65536)
		return;
	j = json_loads(m->json, 0, NULL);
	type = json_string_value(json_object_get(j, "type"));
	if (type && !strcmp(type, "room_metadata")) {
		muted = json_object_get(json_object_get(j, "metadata"), "startMuted");
		c->want_start_muted = json_is_true(json_object_get(muted, "audio"));
	}
	json_decref(j);
}

void talk_message(struct call *c, const struct xml *x)
{
	struct chat_message m;
	bool from_room;

	chat_parse(&m, x);
	from_room = c->room && jid_same_bare(m.from, c->room);
	if (m.kind == CHAT_JSON) {
		on_json(c, &m);
		return;
	}
	/* Messages of anyone outside the room are none of a conference. */
	if (!from_room || (c->phase != PHASE_JOINED && c->phase != PHASE_JOINING)) {
		c->count.forged += m.kind == CHAT_TEXT || m.kind == CHAT_SUBJECT;
		return;
	}
	switch (m.kind) {
	case CHAT_TEXT:
		on_text(c, &m);
		break;
	case CHAT_SUBJECT:
		if (m.group)
			on_subject(c, &m);
		break;
	case CHAT_ERROR:
		call_complain(c, "not-sent", "the server refuses a message: %s", m.text);
		break;
	default:
		break;
	}
}

/* ---- the focus mutes us ---- */

bool talk_iq(struct call *c, const struct xml *iq)
{
	const struct xml *m = xml_child(iq, "mute", NS_MUTE_AUDIO);
	const char *actor = xml_attr(m, "actor");
	struct person_entry *e;
	struct call_event ev = { .type = CALL_EV_MUTED_BY };

	if (!m)
		return false;
	if (!roster_is_focus(c, xml_attr(iq, "from"))) {
		c->count.forged++;
		return true;    /* not even an error for who pretends */
	}
	xmpp_stream_result(c->stream, iq, NULL);
	if (strcmp(xml_text(m), "true"))
		return true;    /* nobody opens a microphone but its owner */
	e = actor ? roster_find(c, jid_resource(actor)) : NULL;
	c->muted_by_focus = true;
	if (!c->muted) {
		c->muted = true;
		roster_dirty(c);
		if (roster_me(c))
			roster_changed(c, roster_me(c));
	}
	ev.person = e ? &e->p : NULL;
	call_emit(c, &ev);
	return true;
}
