/* script_play.c - a recording as the server */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "unit/call/script.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

/* A stream that was lost is dialled anew after a wait of its own. */
enum { STEP_US = 20000, PATIENCE_US = 8000000, STREAM_PATIENCE_US = 70000000 };

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

/* ---- differences ---- */

static void differ(const struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void differ(const struct script *s, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (!s->watch)
		fail_msg("%s: %s", s->file, buf_str(&b));
	s->watch->differs(s->watch_ctx, buf_str(&b));
	buf_free(&b);
}

static void leave_out(const struct script *s, const char *what)
{
	if (s->watch)
		s->watch->left_out(s->watch_ctx, what);
}

static void check_equal(const struct script *s, const char *what, const char *ours, const char *theirs)
{
	if (strcmp(ours ? ours : "", theirs))
		differ(s, "%s is %s and not %s", what, ours ? ours : "missing", theirs);
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

/* Time passes until it is so, at most for a while; later lines come later by that. */
static bool wait_until(struct script *s, bool (*is_so)(struct script *s, const void *what), const void *what,
		       int64_t patience_us)
{
	int64_t start = s->now;

	while (!is_so(s, what) && s->now - start < patience_us)
		script_run(s, STEP_US);
	s->base += s->now - start;
	return is_so(s, what);
}

static bool was_asked(struct script *s, const void *theirs)
{
	return find_alike(s, theirs) >= 0;
}

/* Ours must ask the same. */
static void match(struct script *s, const struct xml *theirs)
{
	bool asked = wait_until(s, was_asked, theirs, PATIENCE_US);
	long i = find_alike(s, theirs);

	if (!asked || s->ids == IDS_MAX) {
		struct buf b = { 0 };

		xml_write(theirs, &b);
		differ(s, "the client does not send the like of %.300s", buf_str(&b));
		buf_free(&b);
		return;
	}
	s->sent[i].answered = true;
	s->id[s->ids].theirs = strdup(xml_attr(theirs, "id"));
	s->id[s->ids++].ours = strdup(xml_attr(s->sent[i].x, "id"));
}

/* ---- what their user did ---- */

/* A command that is refused here was not worth asking the server. */
static void did(const struct script *s, int err, const char *what)
{
	if (err && !s->watch)
		fail_msg("%s: %s is refused", s->file, what);
	else if (err)
		leave_out(s, what);
}

static void do_state(struct script *s, const struct xml *x)
{
	const char *info = xml_child_text(x, "SourceInfo", NULL), *old = xml_child_text(x, "audiomuted", NULL);
	const char *name = xml_child_text(x, "nick", NS_NICK);
	bool known = (info && strstr(info, "-a0")) || old, muted, hand, renamed;
	struct call_person me;

	for (size_t i = 0; call_person(s->call, i, &me) && !me.me; i++)
		;
	if (!me.me)
		return;
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

/* A room that ours has joined and not left. */
static bool is_our_room(const struct script *s, const char *to)
{
	for (size_t i = s->sents; to && i-- > 0;) {
		const struct xml *x = s->sent[i].x;
		const char *have = xml_attr(x, "to");

		if (xml_is(x, "presence", NULL) && have && !strncmp(have, to, strcspn(to, "/") + 1))
			return !xml_attr(x, "type");
	}
	return false;
}

static bool was_joined(struct script *s, const void *room)
{
	return is_our_room(s, room);
}

/* Theirs goes to another room by its own wish, if ours was not moved: which one
 * is told by the conference request that follows. */
static void change_room(struct script *s)
{
	for (size_t i = s->at; call_get_state(s->call) == CALL_JOINED && i < json_array_size(s->lines); i++) {
		const json_t *line = json_array_get(s->lines, i);
		json_t *j = !strcmp(str(line, "ch"), "http") ? json_loads(str(line, "data"), 0, NULL) : NULL;

		if (*str(j, "room") && call_change_room(s->call, str(j, "room"), NULL, NULL, s->now))
			call_change_room(s->call, NULL, NULL, NULL, s->now);
		json_decref(j);
	}
}

/* Nicks of lobbies are random: what comes for theirs is for ours. */
static void do_join(struct script *s, const char *to)
{
	const char *ours;

	if (call_get_state(s->call) == CALL_JOINED && strstr(to, "@lobby.")) {
		leave_out(s, "watching the lobby");
		return;
	}
	if (!wait_until(s, was_joined, to, PATIENCE_US)) {
		differ(s, "the client does not join %s", to);
		return;
	}
	ours = xml_attr(script_presence(s), "to");
	if (strcmp(ours, to) && s->ids < IDS_MAX) {
		s->id[s->ids].theirs = strdup(to);
		s->id[s->ids++].ours = strdup(ours);
	}
}

static void do_presence(struct script *s, const struct xml *x)
{
	const char *to = xml_attr(x, "to");

	if (s->watch && xml_child(x, "x", NS_MUC))
		do_join(s, to);
	if (xml_child_text(x, "status", NULL) && !strcmp(xml_child_text(x, "status", NULL), "switch_room")) {
		if (is_our_room(s, to))
			change_room(s);
	} else if (xml_attr(x, "type")) {
		/* Of a lobby, too: that is left by itself. */
		if (is_our_room(s, to) && call_get_state(s->call) != CALL_LOBBY && !strstr(to, "@lobby."))
			call_leave(s->call, s->now);
	} else if (!xml_child(x, "x", NS_MUC) && call_people(s->call)) {
		do_state(s, x);
	}
}

/* What is said at the door. */
static bool do_lobby_words(struct script *s, const struct xml *x)
{
	const char *json = xml_child_text(x, "json-message", NULL);
	json_t *j = json ? json_loads(json, 0, NULL) : NULL;
	bool words = !strcmp(str(j, "type"), "LOBBY_CHAT_MESSAGE") && call_get_state(s->call) == CALL_LOBBY;

	if (words)
		did(s, call_say(s->call, str(j, "message"), NULL, NULL, s->now), "a word at the door");
	json_decref(j);
	return words;
}

static void do_message(struct script *s, const struct xml *x)
{
	const char *body = xml_child_text(x, "body", NULL), *subject = xml_child_text(x, "subject", NULL);
	const char *to = xml_attr(x, "to"), *type = xml_attr(x, "type");

	if (!type || xml_child(x, "retract", NULL))
		return;
	if (do_lobby_words(s, x))
		return;
	if (!strcmp(type, "groupchat") && subject && !body)
		did(s, call_topic(s->call, subject, NULL, NULL, s->now), "a new subject");
	else if (!strcmp(type, "groupchat") && body)
		did(s, call_say(s->call, body, NULL, NULL, s->now), "a message");
	else if (!strcmp(type, "chat") && body)
		did(s, call_tell(s->call, jid_resource(to), body, NULL, NULL, s->now), "a private message");
	else
		leave_out(s, "a message of another kind");
}

/* What a core asks by itself, or not at all, and the script answers by itself. */
static bool is_left_alone(const struct xml *x)
{
	const struct xml *c = xml_first(x);

	return xml_is(c, "ping", NULL) || xml_is(c, "session", NULL) || xml_is(c, "services", NULL) ||
	       xml_is(c, "query", NULL) || (xml_is(c, "jingle", NULL) && !strcmp(xml_attr(c, "action"), "transport-info"));
}

static void do_mute(struct script *s, const struct xml *x, const char *value)
{
	const char *jid = xml_attr(xml_child(x, "mute", NS_MUTE_AUDIO), "jid");

	if (!strcmp(value, "true")) {   /* somebody else; refused here if we may not */
		if (call_mute_other(s->call, jid_resource(jid ? jid : ""), NULL, NULL, s->now))
			leave_out(s, "muting somebody");
		else
			match(s, x);
		return;
	}
	call_set_muted(s->call, false, s->now);
	/* After an own mute the web client asks, too, and need not. */
	if (script_has_iq(s, "mute", NS_MUTE_AUDIO))
		match(s, x);
}

static bool is_kick(const struct xml *x)
{
	const char *role = xml_attr(xml_child(xml_child(x, "query", NULL), "item", NULL), "role");

	return role && !strcmp(role, "none");
}

static void do_kick(struct script *s, const struct xml *x)
{
	const struct xml *item = xml_child(xml_child(x, "query", NULL), "item", NULL);
	const char *nick = xml_attr(item, "nick"), *reason = xml_child_text(item, "reason", NULL);

	if (call_kick(s->call, nick ? nick : "", reason ? reason : "", NULL, NULL, s->now))
		leave_out(s, "removing somebody");
	else
		match(s, x);
}

/* Between two people: theirs may take what ours declines. */
static bool is_p2p(const struct script *s, const struct xml *x)
{
	const char *to = xml_attr(x, "to"), *action = xml_attr(xml_child(x, "jingle", NULL), "action");

	bool declines = xml_child(xml_child(xml_child(x, "jingle", NULL), "reason", NULL), "decline", NULL) != NULL;

	return s->watch && action && !declines && to && strcmp(jid_resource(to), "focus");
}

static void do_request(struct script *s, const struct xml *x)
{
	const struct xml *c = xml_first(x);
	const char *mute = xml_child_text(x, "mute", NS_MUTE_AUDIO);

	if (is_p2p(s, x)) {
		leave_out(s, "a call between two");
	} else if (is_kick(x) && s->watch) {
		do_kick(s, x);
	} else if (is_left_alone(x)) {
		if (xml_is(c, "query", NULL) && is_type(x, "set", "set"))
			leave_out(s, xml_ns(c));
	} else if (mute && (s->watch || strcmp(mute, "true"))) {
		do_mute(s, x, mute);
	} else if (!mute) {
		if (xml_is(c, "jingle", NULL) && !strcmp(xml_attr(c, "action"), "session-info") && s->watch)
			call_network_changed(s->call, 0, s->now);
		if (xml_is(c, "jingle", NULL) && !strcmp(xml_attr(c, "action"), "session-terminate") &&
		    xml_child(c, "bridge-session", NULL) && s->media_sid)
			call_media_state(s->call, s->media_sid, PEER_FAILED, "no answers", s->now);
		match(s, x);
	}
}

/* Our answer to what they were asked carries the whole id, and is of one kind. */
static void check_answer(struct script *s, const struct xml *x)
{
	const char *id = xml_attr(x, "id"), *type = xml_attr(x, "type"), *to = xml_attr(x, "to");

	for (size_t i = s->sents; i-- > 0;) {
		const char *mine = xml_attr(s->sent[i].x, "id");

		if (!mine || strcmp(mine, id))
			continue;
		if (s->watch && to && is_our_room(s, to) && strcmp(jid_resource(to), "focus"))
			return;         /* as above */
		check_equal(s, "an answer's type", xml_attr(s->sent[i].x, "type"), type);
		return;
	}
	differ(s, "no answer to %s", id);
}

static struct xml *read_stanza(const struct script *s, const char *data)
{
	const char *why;
	struct xml *x;

	if (xml_parse(&x, data, strlen(data), NULL, &why)) {
		differ(s, "a line that is no stanza (%s): %.200s", why, data);
		return NULL;
	}
	return x;
}

static void do_out(struct script *s, const char *data)
{
	struct xml *x = read_stanza(s, data);

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

/* Their server counted their stanzas; of ours it has had all that were sent. */
static void own_count(struct script *s, struct xml *x)
{
	unsigned n = 0;

	for (size_t i = s->sents; i-- > 0 && !xml_is(s->sent[i].x, "enable", NS_SM);)
		n += xml_is(s->sent[i].x, NULL, NS_CLIENT);
	xml_setf(x, "h", "%u", n);
}

static void feed(struct script *s, const char *data)
{
	struct xml *x = read_stanza(s, data);
	const char *id = xml_attr(x, "id");
	struct buf b = { 0 };

	if (!x)
		return;
	if (xml_is(x, "message", NULL))
		own_words(s, x);
	if (xml_is(x, "presence", NULL) && xml_attr(x, "from") && ours_of(s, xml_attr(x, "from"))) {
		xml_set(x, "from", ours_of(s, xml_attr(x, "from")));
		xml_write(x, &b);
		data = buf_str(&b);
	} else if (xml_is(x, NULL, NS_SM) && xml_attr(x, "h")) {
		own_count(s, x);
		xml_write(x, &b);
		data = buf_str(&b);
	} else if (xml_is(x, "iq", NULL) && is_type(x, "result", "error")) {
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

/* ---- HTTP ---- */

static bool has_request(struct script *s, const void *what)
{
	(void)what;
	return s->request_url != NULL;
}

static bool is_conference_request(const json_t *line)
{
	return strstr(str(line, "url"), "conference-request") != NULL;
}

static void http_in(struct script *s, const json_t *line)
{
	struct call_http_answer a = {
		.status = (int)json_integer_value(json_object_get(line, "status")), .body = str(line, "data"),
	};

	if (!s->request_url || !is_conference_request(line))
		return;
	a.len = strlen(a.body);
	a.url = str(line, "url");
	check_equal(s, "the conference request's address", s->request_url, a.url);
	free(s->request_url);
	s->request_url = NULL;
	call_http_input(s->call, 2, &a, s->now);
}

/* A password that their user gave stands in the join that follows. */
static void give_password(struct script *s)
{
	for (size_t i = s->at; i < json_array_size(s->lines); i++) {
		const json_t *line = json_array_get(s->lines, i);
		const char *data = str(line, "data");
		struct xml *x = NULL;
		const char *password;

		if (strcmp(str(line, "dir"), "out") || strcmp(str(line, "ch"), "xmpp") || !strstr(data, NS_MUC) ||
		    xml_parse(&x, data, strlen(data), NULL, NULL))
			continue;
		password = xml_child_text(xml_child(x, "x", NS_MUC), "password", NULL);
		if (password)
			call_set_password(s->call, password, s->now);
		xml_free(&x);
		return;
	}
}

/* The answer comes at once: clients differ in what they do without waiting. */
static void http_out(struct script *s, const json_t *lines, size_t i)
{
	if (!is_conference_request(json_array_get(lines, i)))
		return;
	if (s->watch && call_get_state(s->call) == CALL_LOBBY)
		give_password(s);
	if (!wait_until(s, has_request, NULL, 4 * PATIENCE_US)) {
		differ(s, "no conference request");
		return;
	}
	while (++i < json_array_size(lines)) {
		const json_t *line = json_array_get(lines, i);

		if (!strcmp(str(line, "ch"), "http") && !strcmp(str(line, "dir"), "in") && is_conference_request(line)) {
			http_in(s, line);
			return;
		}
	}
}

/* ---- sockets ---- */

/* The same where ours took the data channel. */
static void on_bridge_data(struct script *s, const char *dir, const char *data)
{
	if (!strcmp(dir, "open"))
		call_data_state(s->call, s->media_sid, true, false, "", s->now);
	else if (!strcmp(dir, "in"))
		call_data_input(s->call, s->media_sid, data, strlen(data), s->now);
	else if (!strcmp(dir, "close"))
		call_data_state(s->call, s->media_sid, false, true, "lost", s->now);
}

static void on_bridge(struct script *s, const char *dir, const char *data)
{
	if (s->data_port && s->media_sid) {
		on_bridge_data(s, dir, data);
	} else if (!strcmp(dir, "open") && s->channel_url) {
		if (text_starts(data, "ws"))    /* else they took the data channel */
			check_equal(s, "the bridge channel's address", s->channel_url, data);
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

static bool wants_stream(struct script *s, const void *what)
{
	(void)what;
	return s->stream_url && !s->stream_up;
}

static void stream_lost(struct script *s, enum net_error error, const char *why)
{
	s->stream_up = false;
	free(s->stream_url);
	s->stream_url = NULL;
	call_stream_closed(s->call, error, 0, why, s->now);
}

static void stream_open(struct script *s, const char *url)
{
	if (!wait_until(s, wants_stream, NULL, STREAM_PATIENCE_US)) {
		differ(s, "the client does not connect to %s", url);
		return;
	}
	check_equal(s, "the stream's address", s->stream_url, url);
	s->stream_up = true;
	call_stream_opened(s->call, s->now);
}

static void on_stream(struct script *s, const char *dir, const char *data)
{
	if (!strcmp(dir, "open")) {
		stream_open(s, data);
	} else if (!strcmp(dir, "error")) {
		if (wants_stream(s, NULL))
			stream_lost(s, NET_REFUSED, data);
	} else if (!strcmp(dir, "close")) {
		if (s->stream_up)
			stream_lost(s, NET_CLOSED, "");
	} else if (!s->stream_up && wants_stream(s, NULL)) {
		stream_open(s, s->stream_url);  /* the recording does not tell when */
	}
	if (!strcmp(dir, "in") && s->stream_up)
		feed(s, data);
	else if (!strcmp(dir, "out"))
		do_out(s, data);
}

static void on_line(struct script *s, const json_t *lines, size_t i)
{
	const json_t *line = json_array_get(lines, i);
	const char *dir = str(line, "dir"), *ch = str(line, "ch"), *data = str(line, "data");

	if (!strcmp(ch, "bridge"))
		on_bridge(s, dir, data);
	else if (!strcmp(ch, "xmpp"))
		on_stream(s, dir, data);
	else if (!strcmp(dir, "out"))
		http_out(s, lines, i);
}

/* ---- all of it ---- */

/* A connection that theirs did not get: ours is not told that it opened. */
static bool fails(const json_t *lines, size_t i)
{
	const json_t *line = json_array_get(lines, i), *next = json_array_get(lines, i + 1);

	return !strcmp(str(line, "dir"), "open") && next && !strcmp(str(next, "dir"), "error") &&
	       !strcmp(str(line, "ch"), str(next, "ch"));
}

void script_play_lines(struct script *s, const json_t *lines, unsigned from, unsigned to)
{
	bool http = false;
	const json_t *line;
	size_t i;

	s->lines = lines;
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
		s->at = i;
		if (!fails(lines, i))
			on_line(s, lines, i);
		if (s->watch)
			s->watch->line(s->watch_ctx, i);
	}
}

void script_play(struct script *s, const char *file, unsigned from, unsigned to)
{
	json_t *lines = load(file);

	s->file = file;
	script_play_lines(s, lines, from, to);
	json_decref(lines);
}
