/* ctl_rpc.c - one control client's conversation
 *
 * Requests are answered at once, but for the list of devices, which is asked
 * of the sound system on a thread: such an answer finds its client by a ticket
 * that a client who has left takes away.
 */
#include "app/ctl_rpc.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

enum { GARBAGE_MAX = 20, TICKETS_MAX = 4 };

/* JSON-RPC 2.0 section 5.1, and ours from -32000 down. */
enum { RPC_PARSE = -32700, RPC_INVALID = -32600, RPC_NO_METHOD = -32601, RPC_PARAMS = -32602,
	RPC_REFUSED = -32000 };

struct ticket { struct ctl_rpc *rpc; json_t *id; };

struct ctl_rpc {
	struct session *session;
	void (*send)(void *ctx, const char *line, size_t len);
	void *ctx;
	struct buf in;
	bool all_events;
	json_t *events;                 /* names subscribed to; NULL: none */
	unsigned garbage;               /* lines that were no JSON */
	struct ticket *ticket[TICKETS_MAX];
};

static void put(struct ctl_rpc *r, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	struct buf b = { 0 };

	json_decref(message);
	if (!text)
		return;
	buf_adds(&b, text);
	buf_addc(&b, '\n');
	free(text);
	if (!buf_err(&b))
		r->send(r->ctx, b.p, b.len);
	buf_free(&b);
}

static json_t *id_or_null(json_t *id)
{
	return id ? json_incref(id) : json_null();
}

static void answer(struct ctl_rpc *r, json_t *id, json_t *result)
{
	put(r, json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id_or_null(id), "result", result));
}

static void refuse(struct ctl_rpc *r, json_t *id, int code, const char *words, const char *kind)
{
	put(r, json_pack("{s:s, s:o, s:{s:i, s:s, s:{s:s}}}", "jsonrpc", "2.0", "id", id_or_null(id),
			 "error", "code", code, "message", words, "data", "kind", kind));
}

/* ---- methods ---- */

static void on_devices(void *ctx, const char *json)
{
	struct ticket *t = ctx;

	for (int i = 0; t->rpc && i < TICKETS_MAX; i++)
		if (t->rpc->ticket[i] == t)
			t->rpc->ticket[i] = NULL;
	if (t->rpc)
		answer(t->rpc, t->id, json_loads(json, 0, NULL));
	json_decref(t->id);
	free(t);
}

static void do_devices(struct ctl_rpc *r, json_t *id)
{
	int i = 0;

	while (i < TICKETS_MAX && r->ticket[i])
		i++;
	if (i == TICKETS_MAX) {
		refuse(r, id, RPC_REFUSED, "still looking for the devices", "busy");
		return;
	}
	r->ticket[i] = calloc(1, sizeof(*r->ticket[i]));
	if (!r->ticket[i])
		abort();
	r->ticket[i]->rpc = r;
	r->ticket[i]->id = id_or_null(id);
	session_devices(r->session, on_devices, r->ticket[i]);
}

static void do_command(struct ctl_rpc *r, json_t *id, json_t *params)
{
	const char *line = json_string_value(json_object_get(params, "line")), *kind;
	struct buf text = { 0 };
	int err;

	if (!line) {
		refuse(r, id, RPC_PARAMS, "params must be {\"line\": \"...\"}", "usage");
		return;
	}
	err = session_command(r->session, line, &text, &kind);
	if (err)
		refuse(r, id, RPC_REFUSED, text.len ? buf_str(&text) : strerror(-err), kind);
	else
		answer(r, id, json_pack("{s:s}", "text", buf_str(&text)));
	buf_free(&text);
}

static void do_subscribe(struct ctl_rpc *r, json_t *id, json_t *params)
{
	json_t *list = json_object_get(params, "events"), *e;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > 64) {
		refuse(r, id, RPC_PARAMS, "params must be {\"events\": [\"*\"]}", "usage");
		return;
	}
	json_decref(r->events);
	r->events = json_incref(list);
	r->all_events = false;
	json_array_foreach(list, i, e)
		if (json_is_string(e) && !strcmp(json_string_value(e), "*"))
			r->all_events = true;
	answer(r, id, json_true());
}

static void answer_text(struct ctl_rpc *r, json_t *id, int err, struct buf *text)
{
	json_t *j = err ? NULL : json_loads(buf_str(text), JSON_DECODE_ANY, NULL);

	if (j)
		answer(r, id, j);
	else
		refuse(r, id, RPC_REFUSED, "out of memory", "memory");
	buf_free(text);
}

static void dispatch(struct ctl_rpc *r, json_t *id, const char *method, json_t *params)
{
	struct session *s = r->session;
	struct buf text = { 0 };

	if (!strcmp(method, "command")) {
		do_command(r, id, params);
	} else if (!strcmp(method, "status")) {
		answer_text(r, id, session_status_json(s, &text), &text);
	} else if (!strcmp(method, "people")) {
		answer_text(r, id, session_people_json(s, &text), &text);
	} else if (!strcmp(method, "stats")) {
		answer_text(r, id, session_stats_json(s, &text), &text);
	} else if (!strcmp(method, "messages")) {
		json_int_t n = json_integer_value(json_object_get(params, "limit"));

		answer_text(r, id, session_messages_json(s, n > 0 ? (size_t)n : 0, &text), &text);
	} else if (!strcmp(method, "devices")) {
		do_devices(r, id);
	} else if (!strcmp(method, "subscribe")) {
		do_subscribe(r, id, params);
	} else {
		refuse(r, id, RPC_NO_METHOD, "no such method: command, status, people, messages, stats, "
		       "devices, subscribe", "unknown-method");
	}
}

static void on_line(struct ctl_rpc *r, const char *line, size_t len)
{
	json_t *rq = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *id;
	const char *method;

	if (!rq) {
		r->garbage++;
		refuse(r, NULL, RPC_PARSE, "this line is no JSON", "parse");
		return;
	}
	id = json_object_get(rq, "id");
	method = json_string_value(json_object_get(rq, "method"));
	if (!method)
		refuse(r, id, RPC_INVALID, "not a JSON-RPC 2.0 request", "invalid");
	else
		dispatch(r, id, method, json_object_get(rq, "params"));
	json_decref(rq);
}

int ctl_rpc_input(struct ctl_rpc *r, const char *bytes, size_t len)
{
	char *nl;

	buf_add(&r->in, bytes, len);
	while (r->in.len && (nl = memchr(r->in.p, '\n', r->in.len))) {
		size_t n = (size_t)(nl - r->in.p);

		if (n > CTL_REQUEST_MAX)
			break;
		if (n)
			on_line(r, r->in.p, n);
		if (r->garbage > GARBAGE_MAX)
			return -EPROTO;
		buf_shift(&r->in, n + 1);
	}
	if (r->in.len <= CTL_REQUEST_MAX && !buf_err(&r->in))
		return 0;
	refuse(r, NULL, RPC_INVALID, "a request is at most 64 KiB", "too-long");
	return -EPROTO;
}

/* ---- events ---- */

static bool wants(const struct ctl_rpc *r, const char *name)
{
	json_t *e;
	size_t i;

	if (!r->events || r->all_events)
		return r->all_events;
	json_array_foreach(r->events, i, e)
		if (json_is_string(e) && !strcmp(json_string_value(e), name))
			return true;
	return false;
}

void ctl_rpc_event(struct ctl_rpc *r, const struct session_event *ev)
{
	const char *name = session_event_name(ev->type);
	struct buf text = { 0 };
	json_t *params;

	if (!wants(r, name))
		return;
	session_event_json(r->session, ev, &text);
	params = json_loads(buf_str(&text), 0, NULL);
	json_object_del(params, "event");
	put(r, json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", name, "params", params));
	buf_free(&text);
}

int ctl_rpc_new(struct ctl_rpc **out, struct session *s,
		void (*send)(void *ctx, const char *line, size_t len), void *ctx)
{
	struct ctl_rpc *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return -ENOMEM;
	r->session = s;
	r->send = send;
	r->ctx = ctx;
	return 0;
}

void ctl_rpc_free(struct ctl_rpc **rp)
{
	struct ctl_rpc *r = *rp;

	if (!r)
		return;
	for (int i = 0; i < TICKETS_MAX; i++)
		if (r->ticket[i])
			r->ticket[i]->rpc = NULL;
	json_decref(r->events);
	buf_free(&r->in);
	free(r);
	*rp = NULL;
}
