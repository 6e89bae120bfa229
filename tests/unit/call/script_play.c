/* script_play.c - a recording as the server */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

enum { STEP_US = 20000, PATIENCE_US = 8000000 };

/* ---- lines ---- */

static json_t *load(const char *file)
{
	json_t *lines = json_array();
	struct buf name = { 0 };
	char *text, *p, *end;
	size_t len;

	buf_addf(&name, "recorded/%s.jsonl", file);
	text = unit_data(buf_str(&name), &len);
	buf_free(&name);
	for (p = text; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			end = p + strlen(p) - 1;
		json_array_append_new(lines, json_loadb(p, (size_t)(end - p), 0, NULL));
	}
	free(text);
	return lines;
}

static const char *str(const json_t *line, const char *key)
{
	const char *s = json_string_value(json_object_get(line, key));

	return s ? s : "";
}

char *script_line(const char *file, unsigned n)
{
	json_t *lines = load(file);
	char *s = strdup(str(json_array_get(lines, n - 1), "data"));

	json_decref(lines);
	return s;
}

/* ---- ids ---- */

static const char *ours_of(const struct script *s, const char *theirs)
{
	for (size_t i = s->ids; i-- > 0;)
		if (!strcmp(s->id[i].theirs, theirs))
			return s->id[i].ours;
	return NULL;
}

static bool is_type(const struct xml *x, const char *a, const char *b)
{
	const char *t = xml_attr(x, "type");

	return t && (!strcmp(t, a) || !strcmp(t, b));
}

/* Two requests of one kind: the same child, for Jingle the same action. */
static bool alike(const struct xml *a, const struct xml *b)
{
	const struct xml *ca = xml_first(a), *cb = xml_first(b);
	const char *aa = xml_attr(ca, "action"), *ab = xml_attr(cb, "action");

	return ca && cb && !strcmp(xml_name(ca), xml_name(cb)) && !strcmp(xml_ns(ca), xml_ns(cb)) &&
	       !strcmp(aa ? aa : "", ab ? ab : "");
}

static long find_alike(struct script *s, const struct xml *theirs)
{
	for (size_t i = 0; i < s->sents; i++)
		if (!s->sent[i].answered && xml_is(s->sent[i].x, "iq", NULL) && is_type(s->sent[i].x, "get", "set") &&
		    alike(s->sent[i].x, theirs))
			return (long)i;
	return -1;
}

/* Waits until our client has asked the same; later lines come later by that. */
static void match(struct script *s, const struct xml *theirs)
{
	int64_t start = s->now;
	long i;

	while ((i = find_alike(s, theirs)) < 0 && s->now - start < PATIENCE_US)
		script_run(s, STEP_US);
	s->base += s->now - start;
	if (i < 0) {
		struct buf b = { 0 };

		xml_write(theirs, &b);
		fail_msg("%s: the client does not send the like of %s", s->file, buf_str(&b));
	}
	s->sent[i].answered = true;
	assert_true(s->ids < IDS_MAX);
	s->id[s->ids].theirs = strdup(xml_attr(theirs, "id"));
	s->id[s->ids++].ours = strdup(xml_attr(s->sent[i].x, "id"));
}

/* ---- what their user did ---- */

static void do_presence(struct script *s, const struct xml *x)
{
	const char *info = xml_child_text(x, "SourceInfo", NULL), *old = xml_child_text(x, "audiomuted", NULL);
	const char *name = xml_child_text(x, "nick", NS_NICK);
	bool known = (info && strstr(info, "-a0")) || old, muted, hand, renamed;
	struct call_person me;

	if (xml_attr(x, "type")) {
		if (xml_attr(x, "to"))
			call_leave(s->call, s->now);
		return;
	}
	if (xml_child(x, "x", NS_MUC) || !call_person(s->call, 0, &me))
		return;
	for (size_t i = 0; call_person(s->call, i, &me) && !me.me; i++)
		;
	muted = info && known ? strstr(strstr(info, "-a0"), "true") != NULL && !strstr(info, "-a0\":{\"muted\":false")
		: old && !strcmp(old, "true");
	hand = xml_child(x, "jitsi_participant_raisedHand", NULL) != NULL;
	renamed = name && strcmp(name, me.name);
	if (known && muted != me.muted)
		call_set_muted(s->call, muted, s->now);
	if (hand != me.hand)
		call_set_hand(s->call, hand, s->now);
	if (renamed)
		call_set_name(s->call, name, s->now);
}

static void do_message(struct script *s, const struct xml *x)
{
	const char *body = xml_child_text(x, "body", NULL);
	const char *to = xml_attr(x, "to"), *type = xml_attr(x, "type");

	if (!body || !type || xml_child(x, "retract", NULL))
		return;
	if (!strcmp(type, "groupchat"))
		assert_int_equal(call_say(s->call, body, NULL, NULL, s->now), 0);
	else if (!strcmp(type, "chat"))
		assert_int_equal(call_tell(s->call, jid_resource(to), body, NULL, NULL, s->now), 0);
}

/* What a core asks by itself, or not at all, and the script answers by itself. */
static bool is_left_alone(const struct xml *x)
{
	const struct xml *c = xml_first(x);

	return xml_is(c, "ping", NULL) || xml_is(c, "session", NULL) || xml_is(c, "services", NULL) ||
	       xml_is(c, "query", NULL) || (xml_is(c, "jingle", NULL) && !strcmp(xml_attr(c, "action"), "transport-info"));
}

static void do_request(struct script *s, const struct xml *x)
{
	const struct xml *c = xml_first(x);
	const char *mute = xml_child_text(x, "mute", NS_MUTE_AUDIO);

	if (is_left_alone(x))
		return;
	if (mute && !strcmp(mute, "false"))
		call_set_muted(s->call, false, s->now);
	/* Of others: moderators' work, tried elsewhere.  After an own mute the
	 * web client asks, too, and need not. */
	if (mute && (strcmp(mute, "false") || !script_has_iq(s, "mute", NS_MUTE_AUDIO)))
		return;
	if (xml_is(c, "jingle", NULL) && !strcmp(xml_attr(c, "action"), "session-terminate") &&
	    xml_child(c, "bridge-session", NULL) && s->media_sid)
		call_media_state(s->call, s->media_sid, PEER_FAILED, "no answers", s->now);
	match(s, x);
}

/* Our answer to what they were asked carries the whole id, and is of one kind. */
static void check_answer(struct script *s, const struct xml *x)
{
	const char *id = xml_attr(x, "id"), *type = xml_attr(x, "type");

	for (size_t i = s->sents; i-- > 0;) {
		const char *mine = xml_attr(s->sent[i].x, "id");

		if (!mine || strcmp(mine, id))
			continue;
		assert_string_equal(xml_attr(s->sent[i].x, "type"), type);
		return;
	}
	fail_msg("%s: no answer to %s", s->file, id);
}

static void do_out(struct script *s, const char *data)
{
	const char *why;
	struct xml *x;

	if (xml_parse(&x, data, strlen(data), NULL, &why))
		fail_msg("%s: %s in %s", s->file, why, data);
	if (xml_is(x, "presence", NULL))
		do_presence(s, x);
	else if (xml_is(x, "message", NULL))
		do_message(s, x);
	else if (xml_is(x, "iq", NULL) && is_type(x, "get", "set"))
		do_request(s, x);
	else if (xml_is(x, "iq", NULL))
		check_answer(s, x);
	xml_free(&x);
}

/* ---- what their server said ---- */

/* The room repeats our own words with the id that we gave them. */
static void own_words(struct script *s, struct xml *x)
{
	const char *body = xml_child_text(x, "body", NULL);

	for (size_t i = 0; body && i < s->sents; i++) {
		const char *mine = xml_child_text(s->sent[i].x, "body", NULL);

		if (xml_is(s->sent[i].x, "message", NULL) && mine && !strcmp(mine, body))
			xml_set(x, "id", xml_attr(s->sent[i].x, "id"));
	}
}

static void feed(struct script *s, const char *data)
{
	struct buf b = { 0 };
	const char *why, *id;
	struct xml *x;

	if (xml_parse(&x, data, strlen(data), NULL, &why))
		fail_msg("%s: %s in %s", s->file, why, data);
	id = xml_attr(x, "id");
	if (xml_is(x, "message", NULL))
		own_words(s, x);
	if (xml_is(x, "iq", NULL) && is_type(x, "result", "error")) {
		const char *ours = id ? ours_of(s, id) : NULL;

		if (!ours)
			goto out;       /* of something that ours did not ask */
		xml_set(x, "id", ours);
		xml_write(x, &b);
		data = buf_str(&b);
	} else if (xml_is(x, "message", NULL)) {
		xml_write(x, &b);
		data = buf_str(&b);
	}
	script_in(s, data);
out:
	buf_free(&b);
	xml_free(&x);
}

static void http_in(struct script *s, const json_t *line)
{
	struct call_http_answer a = {
		.status = (int)json_integer_value(json_object_get(line, "status")), .body = str(line, "data"),
	};

	a.len = strlen(a.body);
	a.url = str(line, "url");
	if (!s->request_url)
		return;
	assert_string_equal(s->request_url, a.url);
	free(s->request_url);
	s->request_url = NULL;
	call_http_input(s->call, 2, &a, s->now);
}

static void wait_for_request(struct script *s)
{
	int64_t start = s->now;

	while (!s->request_url && s->now - start < 4 * PATIENCE_US)
		script_run(s, STEP_US);
	s->base += s->now - start;
	if (!s->request_url)
		fail_msg("%s: no conference request", s->file);
}

static void on_bridge(struct script *s, const char *dir, const char *data)
{
	if (!strcmp(dir, "open") && s->channel_url) {
		if (text_starts(data, "ws"))    /* else they took the data channel */
			assert_string_equal(s->channel_url, data);
		s->channel_up = true;
		call_channel_opened(s->call, s->now);
	} else if (!strcmp(dir, "in") && s->channel_up) {
		call_channel_input(s->call, data, strlen(data), s->now);
	} else if (!strcmp(dir, "close") && s->channel_up) {
		s->channel_up = false;
		free(s->channel_url);
		s->channel_url = NULL;
		call_channel_closed(s->call, 1006, 0, s->now);
	}
}

static void on_line(struct script *s, const json_t *line)
{
	const char *dir = str(line, "dir"), *ch = str(line, "ch"), *data = str(line, "data");

	if (!strcmp(ch, "bridge")) {
		on_bridge(s, dir, data);
	} else if (!strcmp(ch, "http")) {
		if (!strcmp(dir, "out"))
			wait_for_request(s);
		else
			http_in(s, line);
	} else if (!strcmp(dir, "open")) {
		assert_string_equal(s->stream_url, data);
		s->stream_up = true;
		call_stream_opened(s->call, s->now);
	} else if (!strcmp(dir, "in")) {
		feed(s, data);
	} else if (!strcmp(dir, "out")) {
		do_out(s, data);
	}
}

void script_play(struct script *s, const char *file, unsigned from, unsigned to)
{
	json_t *lines = load(file);
	bool http = false;
	const json_t *line;
	size_t i;

	s->file = file;
	json_array_foreach(lines, i, line)
		http |= !strcmp(str(line, "ch"), "http");
	if (s->config_url)
		script_config(s, http);
	json_array_foreach(lines, i, line) {
		int64_t at = s->base + json_integer_value(json_object_get(line, "t_ms")) * 1000;

		if (i + 1 < from || (to && i + 1 > to))
			continue;
		if (at > s->now)
			script_run(s, at - s->now);
		on_line(s, line);
	}
	json_decref(lines);
}
