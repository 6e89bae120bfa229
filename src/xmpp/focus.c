/* focus.c - the conference request, as IQ and as JSON over HTTP */
#include "xmpp/focus.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/json_text.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

enum { ERROR_TEXT_MAX = 200 };       /* bytes of a body that is shown */

static void add_property(struct xml *c, const char *name, const char *value)
{
	struct xml *p = xml_add(c, "property", NULL);

	xml_set(p, "name", name);
	xml_set(p, "value", value);
}

static void add_number(struct xml *c, const char *name, int n)
{
	struct xml *p;

	if (n < 0)
		return;
	p = xml_add(c, "property", NULL);
	xml_set(p, "name", name);
	xml_setf(p, "value", "%d", n);
}

/* No visitors-version: we cannot be sent to a visitors' node. */
struct xml *focus_request_iq(const struct focus_request *r, const char *to)
{
	struct xml *iq = xmpp_iq_new("set", to), *c = xml_add(iq, "conference", NS_FOCUS);

	xml_set(c, "room", r->room);
	xml_set(c, "machine-uid", r->machine_uid);
	if (r->session_id)
		xml_set(c, "session-id", r->session_id);
	if (r->token)
		xml_set(c, "token", r->token);
	add_property(c, "rtcstatsEnabled", "false");
	add_number(c, "startAudioMuted", r->start_audio_muted);
	add_number(c, "startVideoMuted", r->start_video_muted);
	return iq;
}

static void put_string(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	json_text_string(out, key);
	buf_addc(out, ':');
	json_text_string(out, value);
	buf_addc(out, ',');
}

int focus_request_json(const struct focus_request *r, struct buf *out)
{
	buf_addc(out, '{');
	put_string(out, "room", r->room);
	put_string(out, "machineUid", r->machine_uid);
	put_string(out, "sessionId", r->session_id);
	buf_adds(out, "\"properties\":{\"rtcstatsEnabled\":false");
	if (r->start_audio_muted >= 0)
		buf_addf(out, ",\"startAudioMuted\":%d", r->start_audio_muted);
	if (r->start_video_muted >= 0)
		buf_addf(out, ",\"startVideoMuted\":%d", r->start_video_muted);
	buf_adds(out, "}}");
	return buf_err(out);
}

static int property_number(const struct xml *c, const char *name)
{
	const struct xml *p = xml_child(c, "property", NULL);
	uint64_t n;

	for (; p; p = xml_next_like(p, "property", NULL)) {
		const char *k = xml_attr(p, "name"), *v = xml_attr(p, "value");

		if (k && v && !strcmp(k, name) && !text_u64(v, 0, 100000, &n))
			return (int)n;
	}
	return -1;
}

int focus_request_parse_iq(struct focus_request *out, const struct xml *iq)
{
	const struct xml *c = xml_child(iq, "conference", NS_FOCUS);
	const char *room = xml_attr(c, "room"), *uid = xml_attr(c, "machine-uid");

	memset(out, 0, sizeof(*out));
	if (!room || !*room)
		return -EINVAL;
	out->start_audio_muted = property_number(c, "startAudioMuted");
	out->start_video_muted = property_number(c, "startVideoMuted");
	if (text_set(&out->room, room) || text_set(&out->machine_uid, uid ? uid : "") ||
	    text_set(&out->session_id, xml_attr(c, "session-id")) ||
	    text_set(&out->token, xml_attr(c, "token"))) {
		focus_request_clear(out);
		return -ENOMEM;
	}
	return 0;
}

/* Numbers come as numbers or as strings. */
static int json_number(const json_t *j)
{
	uint64_t n;

	if (json_is_integer(j) && json_integer_value(j) >= 0 && json_integer_value(j) <= 100000)
		return (int)json_integer_value(j);
	if (json_is_string(j) && !text_u64(json_string_value(j), 0, 100000, &n))
		return (int)n;
	return -1;
}

int focus_request_parse_json(struct focus_request *out, const char *json, size_t len)
{
	const char *room, *uid;
	json_t *j, *p;
	int err;

	memset(out, 0, sizeof(*out));
	err = json_text_load(&j, json, len);
	if (err)
		return err;
	room = json_string_value(json_object_get(j, "room"));
	uid = json_string_value(json_object_get(j, "machineUid"));
	p = json_object_get(j, "properties");
	out->start_audio_muted = json_number(json_object_get(p, "startAudioMuted"));
	out->start_video_muted = json_number(json_object_get(p, "startVideoMuted"));
	if (!room || !*room)
		err = -EINVAL;
	else if (text_set(&out->room, room) || text_set(&out->machine_uid, uid ? uid : "") ||
		 text_set(&out->session_id, json_string_value(json_object_get(j, "sessionId"))))
		err = -ENOMEM;
	if (err)
		focus_request_clear(out);
	json_decref(j);
	return err;
}

void focus_request_clear(struct focus_request *r)
{
	free(r->room);
	free(r->machine_uid);
	free(r->session_id);
	free(r->token);
	memset(r, 0, sizeof(*r));
}

/* ---- answers ---- */

static int put_error(struct focus_answer *out, enum focus_error error, const char *text)
{
	out->error = error;
	if (text_set(&out->text, text) || text_set(&out->room, "") || text_set(&out->focus_jid, "")) {
		focus_answer_clear(out);
		return -ENOMEM;
	}
	return 0;
}

static int parse_error(struct focus_answer *out, const struct xml *iq)
{
	const struct xml *e = xml_child(iq, "error", NULL);
	const char *c = xmpp_error_condition(iq), *text = xmpp_error_text(iq);
	enum focus_error error = FOCUS_FAILED;

	if (!strcmp(c, "not-authorized"))
		error = FOCUS_NOT_AUTHORIZED;
	else if (xml_child(e, "reservation-error", NULL))
		error = FOCUS_RESERVATION;
	else if (!strcmp(c, "not-acceptable") || xml_child(e, "session-invalid", NULL))
		error = FOCUS_SESSION_INVALID;
	if (!*text && xml_child_text(e, "text", NULL))
		text = xml_child_text(e, "text", NULL);
	return put_error(out, error, *text ? text : c);
}

static bool property_true(const struct xml *c, const char *name)
{
	const struct xml *p = xml_child(c, "property", NULL);

	for (; p; p = xml_next_like(p, "property", NULL)) {
		const char *k = xml_attr(p, "name"), *v = xml_attr(p, "value");

		if (k && v && !strcmp(k, name))
			return !strcmp(v, "true");
	}
	return false;
}

int focus_answer_parse_iq(struct focus_answer *out, const struct xml *iq)
{
	const struct xml *c = xml_child(iq, "conference", NS_FOCUS);
	const char *type = xml_attr(iq, "type"), *ready = xml_attr(c, "ready"), *v;

	memset(out, 0, sizeof(*out));
	if (type && !strcmp(type, "error"))
		return parse_error(out, iq);
	if (!c)
		return put_error(out, FOCUS_FAILED, "the focus gave no conference");
	out->ready = ready && !strcmp(ready, "true");
	out->authentication = property_true(c, "authentication");
	out->visitors = property_true(c, "visitors-supported");
	v = xml_attr(c, "room");
	if (text_set(&out->text, "") || text_set(&out->room, v ? v : "") ||
	    text_set(&out->focus_jid, xml_attr(c, "focusjid") ? xml_attr(c, "focusjid") : "") ||
	    text_set(&out->session_id, xml_attr(c, "session-id")) ||
	    text_set(&out->identity, xml_attr(c, "identity")) ||
	    text_set(&out->vnode, xml_attr(c, "vnode"))) {
		focus_answer_clear(out);
		return -ENOMEM;
	}
	return 0;
}

static bool json_true_like(const json_t *j)
{
	const char *s = json_string_value(j);

	return json_is_true(j) || (s && !strcmp(s, "true"));
}

static const char *string_or(const json_t *j, const char *usual)
{
	const char *s = json_string_value(j);

	return s ? s : usual;
}

/* What the server said, fit for people; a page of HTML says nothing to them. */
static int put_body(struct focus_answer *out, enum focus_error error, int status, const char *body,
		    size_t len)
{
	char *said = text_clean(body ? body : "", body ? len : 0, ERROR_TEXT_MAX, TEXT_TRIM);
	struct buf b = { 0 };
	int err = -ENOMEM;

	if (!said)
		return err;
	buf_addf(&b, "HTTP %d", status);
	if (*said && *said != '<')
		buf_addf(&b, ": %s", said);
	if (!buf_err(&b))
		err = put_error(out, error, buf_str(&b));
	buf_free(&b);
	free(said);
	return err;
}

static bool says(const char *body, size_t len, const char *word)
{
	return body && memmem(body, len, word, strlen(word));
}

int focus_answer_parse_json(struct focus_answer *out, int status, const char *body, size_t len)
{
	json_t *j = NULL, *p;
	int err;

	memset(out, 0, sizeof(*out));
	if (status == 403 || status == 401)
		return put_error(out, FOCUS_NOT_AUTHORIZED, "not authorized");
	if (status == 400 && says(body, len, "invalid-session"))
		return put_error(out, FOCUS_SESSION_INVALID, "invalid session");
	err = status == 200 ? json_text_load(&j, body, len) : -EINVAL;
	if (err == -ENOMEM)
		return err;
	if (!json_is_object(j)) {
		json_decref(j);
		return put_body(out, FOCUS_FAILED, status, body, len);
	}
	out->ready = json_true_like(json_object_get(j, "ready"));
	p = json_object_get(j, "properties");
	out->authentication = json_true_like(json_object_get(p, "authentication"));
	out->visitors = json_true_like(json_object_get(p, "visitors-supported"));
	if (text_set(&out->text, "") ||
	    text_set(&out->room, string_or(json_object_get(j, "room"), "")) ||
	    text_set(&out->focus_jid, string_or(json_object_get(j, "focusJid"), "")) ||
	    text_set(&out->session_id, string_or(json_object_get(j, "sessionId"), NULL)) ||
	    text_set(&out->identity, string_or(json_object_get(j, "identity"), NULL)) ||
	    text_set(&out->vnode, string_or(json_object_get(j, "vnode"), NULL)))
		err = -ENOMEM;
	json_decref(j);
	if (err)
		focus_answer_clear(out);
	return err;
}

void focus_answer_clear(struct focus_answer *a)
{
	free(a->text);
	free(a->room);
	free(a->focus_jid);
	free(a->session_id);
	free(a->identity);
	free(a->vnode);
	memset(a, 0, sizeof(*a));
}

struct xml *focus_answer_child(const struct focus_answer *a)
{
	struct xml *c = xml_new("conference", NS_FOCUS);

	xml_set(c, "room", a->room);
	xml_set(c, "ready", a->ready ? "true" : "false");
	xml_set(c, "focusjid", a->focus_jid);
	xml_set(c, "session-id", a->session_id);
	xml_set(c, "identity", a->identity);
	xml_set(c, "vnode", a->vnode);
	add_property(c, "authentication", a->authentication ? "true" : "false");
	add_property(c, "visitors-supported", "false");
	return c;
}

int focus_answer_json(const struct focus_answer *a, struct buf *out)
{
	buf_addc(out, '{');
	put_string(out, "room", a->room);
	put_string(out, "focusJid", a->focus_jid);
	put_string(out, "sessionId", a->session_id);
	put_string(out, "identity", a->identity);
	put_string(out, "vnode", a->vnode);
	/* The values of an answer's properties are strings. */
	buf_addf(out, "\"ready\":%s,\"properties\":{\"authentication\":\"%s\","
		 "\"visitors-supported\":\"false\"}}", a->ready ? "true" : "false",
		 a->authentication ? "true" : "false");
	return buf_err(out);
}
