/* json.c - the call as JSON: what the control socket answers and tells */
#include "session/session_priv.h"
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "session/figures.h"

static int put(json_t *j, struct buf *out)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;

	json_decref(j);
	if (!text)
		return -ENOMEM;
	buf_adds(out, text);
	free(text);
	return buf_err(out);
}

static const char *role(const struct person *p)
{
	return p->moderator ? "moderator" : "participant";
}

static json_t *person_json(const struct person *p)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:i, s:b, s:i, s:i, s:b}",
			      "id", p->id, "name", p->name, "role", role(p), "muted", p->muted,
			      "video", p->video, "screen", p->screen, "hand", (int)p->hand,
			      "talking", p->talking, "level", p->level, "volume", p->volume,
			      "me", p->me);

	json_object_set_new(j, "quality", p->quality < 0 ? json_null() : json_real(p->quality));
	if (p->interrupted)
		json_object_set_new(j, "interrupted", json_true());
	return j;
}

static json_t *message_json(const struct message *m)
{
	json_t *j = json_pack("{s:f, s:s, s:s, s:s, s:b, s:b, s:b, s:b}",
			      "time", (double)m->time_us / 1e6, "from", m->name, "id", m->from,
			      "text", m->text, "private", m->private_,
			      "system", m->kind != MESSAGE_CHAT && m->kind != MESSAGE_ME,
			      "mine", m->mine, "history", m->history);

	if (m->kind == MESSAGE_ME)
		json_object_set_new(j, "action", json_true());
	if (*m->to_name)
		json_object_set_new(j, "to", json_string(m->to_name));
	return j;
}

static void add_playing(const struct session *s, json_t *j)
{
	struct session_playing p;

	if (!session_playing(s, &p))
		return;
	json_object_set_new(j, "playing", json_pack("{s:s, s:I, s:b, s:i}", "title", p.title,
			    "position_s", (json_int_t)p.position_s, "paused", p.paused, "queued", (int)p.queued));
	if (p.length_s >= 0)
		json_object_set_new(json_object_get(j, "playing"), "length_s", json_integer(p.length_s));
}

static void add_knockers(const struct session *s, json_t *j)
{
	json_t *list = json_array();
	const char *id, *name;

	for (size_t i = 0; session_knocker(s, i, &id, &name); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", id, "name", name));
	if (json_array_size(list))
		json_object_set(j, "knocking", list);
	json_decref(list);
}

int session_status_json(struct session *s, struct buf *out)
{
	const struct person *me = session_me(s);
	const struct call *c = session_call(s);
	json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:b, s:b, s:b, s:b}",
			      "state", session_state_name(s->state), "url", session_url(s),
			      "room", s->room, "people", (int)s->members, "subject", s->subject,
			      "media", session_media_name(s->media), "e2ee", 0, "recording",
			      session_recording(s),
			      "locked", c && call_is_locked(c), "lobby", session_has_lobby(s),
			      "deaf", s->deaf);

	json_object_set_new(j, "me", !me ? json_pack("{s:s, s:s, s:s, s:b, s:b}",
			"id", "", "name", settings_text(s->settings, "name"), "role", "none",
			"muted", s->muted, "hand", 0)
		: json_pack("{s:s, s:s, s:s, s:b, s:i}", "id", me->id, "name", me->name,
			    "role", role(me), "muted", s->muted, "hand", (int)me->hand));
	add_playing(s, j);
	add_knockers(s, j);
	if (session_retry_us(s)) {
		json_object_set_new(j, "retry_s", json_real((double)session_retry_us(s) / 1e6));
		json_object_set_new(j, "attempt", json_integer(session_attempt(s)));
	}
	return put(j, out);
}

int session_people_json(struct session *s, struct buf *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < session_people(s); i++)
		json_array_append_new(list, person_json(session_person(s, i)));
	return put(list, out);
}

int session_messages_json(struct session *s, size_t limit, struct buf *out)
{
	json_t *list = json_array();
	uint64_t from = s->first_serial;

	if (limit && s->next_serial - from > limit)
		from = s->next_serial - limit;
	for (uint64_t i = from; i < s->next_serial; i++)
		json_array_append_new(list, message_json(session_message(s, i)));
	return put(list, out);
}

int session_stats_json(struct session *s, struct buf *out)
{
	return put(session_figures_json(s), out);
}

const char *session_event_name(enum session_event_type t)
{
	static const char *const names[] = {
		"state", "joined", "left", "person-joined", "person-left", "person-changed",
		"talking", "speaker", "message", "hand", "subject", "muted-by", "media",
		"device", "notice", "error", "queue", "recording", "knock"
	};

	return names[t];
}

static void fill(struct session *s, const struct session_event *ev, json_t *j)
{
	switch (ev->type) {
	case SESSION_EV_STATE:
		json_object_set_new(j, "state", json_string(ev->kind));
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	case SESSION_EV_MEDIA:
		json_object_set_new(j, "media", json_string(ev->kind));
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	case SESSION_EV_DEVICE:
		json_object_set_new(j, "side", json_string(ev->kind));
		json_object_set_new(j, "works", json_boolean(ev->on));
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	case SESSION_EV_JOINED:
		json_object_set_new(j, "room", json_string(ev->text));
		json_object_set_new(j, "people", json_integer((json_int_t)s->members));
		break;
	case SESSION_EV_LEFT:
		json_object_set_new(j, "code", json_integer(ev->exit_code));
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	case SESSION_EV_TALKING:
	case SESSION_EV_HAND:
		json_object_set_new(j, "on", json_boolean(ev->on));
		break;
	case SESSION_EV_ERROR:
		json_object_set_new(j, "kind", json_string(ev->kind));
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	case SESSION_EV_QUEUE:
		json_object_set_new(j, "title", json_string(ev->text));
		json_object_set_new(j, "playing", json_boolean(ev->on));
		break;
	case SESSION_EV_RECORDING:
		json_object_set_new(j, "file", json_string(ev->text));
		json_object_set_new(j, "on", json_boolean(ev->on));
		break;
	case SESSION_EV_KNOCK:
		json_object_set_new(j, "id", json_string(ev->kind));
		json_object_set_new(j, "name", json_string(ev->text));
		json_object_set_new(j, "on", json_boolean(ev->on));
		json_object_set_new(j, "waiting", json_integer((json_int_t)session_knockers(s)));
		break;
	case SESSION_EV_SUBJECT:
	case SESSION_EV_NOTICE:
	case SESSION_EV_PERSON_LEFT:
		json_object_set_new(j, "text", json_string(ev->text));
		break;
	default:
		break;
	}
}

int session_event_json(struct session *s, const struct session_event *ev, struct buf *out)
{
	json_t *j = json_pack("{s:s, s:f}", "event", session_event_name(ev->type), "time", ev->time);

	if (ev->type == SESSION_EV_MESSAGE && ev->message) {
		json_t *m = message_json(ev->message);

		json_object_del(m, "time");
		json_object_update(j, m);
		json_decref(m);
	} else {
		fill(s, ev, j);
	}
	if (ev->person)
		json_object_set_new(j, "person", person_json(ev->person));
	if (ev->quiet)
		json_object_set_new(j, "quiet", json_true());
	return put(j, out);
}

/* ---- devices: the sound system is asked on a thread of its own ---- */

struct device_query {
	struct session *s;
	void (*done)(void *ctx, const char *json);
	void *ctx;
	pthread_t thread;
	struct post *post;
	struct loop_watch *watch;
	json_t *answer;
	struct device_query *next;
};

struct device_msg { struct post_msg m; struct device_query *q; };

static void query_free(struct device_query *q)
{
	pthread_join(q->thread, NULL);
	loop_watch_free(&q->watch);
	post_free(&q->post);
	json_decref(q->answer);
	free(q);
}

static void query_unlink(struct session *s, struct device_query *q)
{
	for (struct device_query **p = &s->queries; *p; p = &(*p)->next)
		if (*p == q) {
			*p = q->next;
			return;
		}
}

static void query_done(struct post_msg *m)
{
	struct device_query *q = ((struct device_msg *)m)->q;
	char *text = json_dumps(q->answer, JSON_COMPACT);

	free(m);
	query_unlink(q->s, q);
	q->done(q->ctx, text ? text : "{}");
	free(text);
	/* The post is running: it goes when the session next looks, or ends. */
	q->done = NULL;
	q->next = q->s->queries;
	q->s->queries = q;
}

static void query_msg_drop(struct post_msg *m)
{
	free(m);
}

static void add_device(void *ctx, int index, const char *name, int in, int out, bool default_in,
		       bool default_out, double latency_ms)
{
	json_t *answer = ctx;

	for (int side = 0; side < 2; side++) {
		int channels = side ? out : in;

		if (channels > 0)
			json_array_append_new(json_object_get(answer, side ? "speaker" : "mic"),
				json_pack("{s:i, s:s, s:i, s:b, s:f}", "index", index, "name", name,
					  "channels", channels, "default",
					  side ? default_out : default_in,
					  "latency_ms", latency_ms));
	}
}

static void *query_thread(void *arg)
{
	struct device_query *q = arg;
	struct device_msg *m = calloc(1, sizeof(*m));

	audio_list_devices(add_device, q->answer);
	if (!m)
		abort();
	m->m.run = query_done;
	m->m.drop = query_msg_drop;
	m->q = q;
	post_send(q->post, &m->m);
	return NULL;
}

/* Frees what has answered (all == false) or everything. */
static void queries_sweep(struct session *s, bool all)
{
	struct device_query **p = &s->queries;

	while (*p) {
		struct device_query *q = *p;

		if (all || !q->done) {
			*p = q->next;
			query_free(q);
		} else {
			p = &q->next;
		}
	}
}

void queries_drop(struct session *s)
{
	queries_sweep(s, true);
}

void session_devices(struct session *s, void (*done)(void *ctx, const char *json), void *ctx)
{
	struct device_query *q;

	queries_sweep(s, false);
	q = calloc(1, sizeof(*q));
	if (!q)
		abort();
	q->s = s;
	q->done = done;
	q->ctx = ctx;
	q->answer = json_pack("{s:[], s:[], s:[]}", "mic", "speaker", "camera");
	if (post_new(&q->post, 0) || loop_attach_post(&q->watch, s->loop, q->post) ||
	    pthread_create(&q->thread, NULL, query_thread, q)) {
		loop_watch_free(&q->watch);
		post_free(&q->post);
		json_decref(q->answer);
		free(q);
		done(ctx, "{\"mic\":[],\"speaker\":[],\"camera\":[]}");
		return;
	}
	q->next = s->queries;
	s->queries = q;
}

void session_devices_say(struct session *s, const char *json)
{
	static const char *const sides[] = { "mic", "speaker" };
	json_t *j = json_loads(json, 0, NULL), *d;
	struct buf b = { 0 };
	struct message_new n = { .kind = MESSAGE_INFO };
	size_t i;

	for (size_t k = 0; k < 2; k++) {
		buf_addf(&b, "%s%s:", k ? "\n" : "", k ? "speakers" : "microphones");
		json_array_foreach(json_object_get(j, sides[k]), i, d)
			buf_addf(&b, "\n  %d  %s%s", (int)json_integer_value(json_object_get(d, "index")),
				 json_string_value(json_object_get(d, "name")),
				 json_is_true(json_object_get(d, "default")) ? "  (default)" : "");
		if (!json_array_size(json_object_get(j, sides[k])))
			buf_adds(&b, " no sound card found");
		buf_adds(&b, "\n  null, none, file:PATH");
		buf_adds(&b, k ? "" : ", tone[:HZ], noise");
	}
	n.text = buf_str(&b);
	event_push_message(s, SESSION_EV_NOTICE, message_add(s, &n), NULL);
	buf_free(&b);
	json_decref(j);
}
