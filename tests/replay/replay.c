/* replay.c - plays recordings of real calls against the client, and compares
 *
 *	replay [-k KNOWN] FILE...
 *
 * A recording is what one client and its servers said to each other, one JSON
 * object a line: {"t_ms","dir","ch","data"}, as --trace writes it.  The
 * servers' lines are fed to the call core, the time is the recording's, and
 * what that client's user did is done here.  Whenever the recording rests,
 * and before it leaves, what the core knows is held against what the
 * recording says (view.c), and what it sent against what the recorded servers
 * had been sent.  KNOWN lists differences that are understood:
 *
 *	NAME: part of a difference      # why
 *
 * A line of it that no longer fits counts as a difference, too.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "replay/view.h"
#include "unit/call/script.h"
#include "xmpp/ns.h"

enum { REST_MS = 1000, SETTLE_US = 500000 };

struct replay {
	const char *path;
	char *name;                     /* without folder and ending */
	json_t *lines;
	struct view *view;
	struct script s;
	size_t at;                      /* the line that was played last */
	GPtrArray *differs;             /* text, each once */
	GHashTable *left_out;           /* what -> times */
	char *reached;                  /* the last state that was looked at */
};

/* ---- reading ---- */

static json_t *read_lines(const char *path, char **why)
{
	json_t *lines = json_array();
	char *text, *p, *end;
	unsigned n = 0;

	if (!g_file_get_contents(path, &text, NULL, NULL)) {
		*why = g_strdup("cannot be read");
		json_decref(lines);
		return NULL;
	}
	for (p = text; *p && !*why; p = *end ? end + 1 : end) {
		json_t *line;

		n++;
		end = p + strcspn(p, "\n");
		if (end == p)
			continue;
		line = json_loadb(p, (size_t)(end - p), 0, NULL);
		if (json_is_object(line))
			json_array_append(lines, line);
		else
			*why = g_strdup_printf("line %u is no JSON object", n);
		json_decref(line);
	}
	if (!*why && !json_array_size(lines))
		*why = g_strdup("is empty");
	g_free(text);
	if (*why)
		json_decref(lines);
	return *why ? NULL : lines;
}

static bool is_line(const json_t *line, const char *dir, const char *ch)
{
	return !strcmp(view_field(line, "dir"), dir) && !strcmp(view_field(line, "ch"), ch);
}

/* The first line of a kind that holds such a text; NULL. */
static const json_t *find_line(const json_t *lines, const char *dir, const char *ch, const char *part)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
		if (is_line(line, dir, ch) && strstr(view_field(line, "data"), part))
			return line;
	return NULL;
}

/* ---- how theirs joined ---- */

/* An attribute of a line's outermost element, or of its child of that name. */
static char *attr_of(const json_t *line, const char *child, const char *attr)
{
	const char *data = view_field(line, "data");
	struct xml *x;
	char *s;

	if (!line || xml_parse(&x, data, strlen(data), NULL, NULL))
		return NULL;
	s = g_strdup(xml_attr(child ? xml_child(x, child, NULL) : x, attr));
	xml_free(&x);
	return s;
}

/* The address of the room, as a browser has it, from that of the stream. */
static char *room_url(const json_t *lines)
{
	const char *stream = view_field(find_line(lines, "open", "xmpp", "xmpp-websocket"), "data");
	const char *at = strstr(stream, "/xmpp-websocket"), *room = strstr(stream, "room=");
	char *jid = attr_of(find_line(lines, "out", "xmpp", NS_MUC), NULL, "to"), *url = NULL, *once;

	if (at && room && text_starts(stream, "ws")) {
		once = g_uri_unescape_string(room + 5, NULL);
		url = g_strdup_printf("http%.*s/%.*s", (int)(at - stream - 2), stream + 2,
				      once ? (int)strcspn(once, "&") : 0, once ? once : "");
		g_free(once);
	} else if (jid && strchr(jid, '@')) {
		url = g_strdup_printf("https://%s/%.*s", "meet.test", (int)strcspn(jid, "@"), jid);
	}
	g_free(jid);
	return url;
}

/* What config.js must have said: the recording's own, or made of its addresses. */
static char *config_js(const json_t *lines)
{
	const json_t *open = find_line(lines, "out", "xmpp", "xmpp-framing"), *http = find_line(lines, "out", "http", "\"room\"");
	const char *stream = view_field(find_line(lines, "open", "xmpp", ""), "data");
	char *domain = attr_of(open, NULL, "to"), *jid = attr_of(find_line(lines, "out", "xmpp", NS_MUC), NULL, "to");
	char *focus = attr_of(find_line(lines, "out", "xmpp", NS_FOCUS), NULL, "to");
	const json_t *own = find_line(lines, "in", "http", "hosts");
	GString *js = g_string_new("var config = { hosts: {");

	if (own && strstr(view_field(own, "data"), "config")) {
		g_string_assign(js, view_field(own, "data"));
	} else {
		g_string_append_printf(js, " domain: '%s',", domain ? domain : "meet.test");
		if (jid && strchr(jid, '@'))
			g_string_append_printf(js, " muc: '%.*s',", (int)strcspn(strchr(jid, '@') + 1, "/"),
					       strchr(jid, '@') + 1);
		if (focus)
			g_string_append_printf(js, " focus: '%s',", focus);
		g_string_append(js, " },");
		if (*stream)
			g_string_append_printf(js, " websocket: '%.*s',", (int)strcspn(stream, "?"), stream);
		if (*view_field(http, "url"))
			g_string_append_printf(js, " conferenceRequestUrl: '%.*s',",
					       (int)strcspn(view_field(http, "url"), "?"), view_field(http, "url"));
		if (find_line(lines, "out", "xmpp", "ice-restart"))
			g_string_append(js, " enableIceRestart: true,");
		g_string_append(js, " };");
	}
	g_free(domain);
	g_free(jid);
	g_free(focus);
	return g_string_free(js, FALSE);
}

/* ---- telling ---- */

static void differs(void *ctx, const char *text)
{
	struct replay *r = ctx;
	char *line = g_strdup_printf("line %zu: %s", r->at + 1, text);

	for (guint i = 0; i < r->differs->len; i++) {
		const char *have = strchr(r->differs->pdata[i], ':') + 2;

		if (!strcmp(have, text)) {
			g_free(line);
			return;
		}
	}
	g_ptr_array_add(r->differs, line);
}

static void differf(struct replay *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static void differf(struct replay *r, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	differs(r, text);
	g_free(text);
}

static void left_out(void *ctx, const char *what)
{
	struct replay *r = ctx;
	void *n = g_hash_table_lookup(r->left_out, what);

	g_hash_table_replace(r->left_out, g_strdup(what), GUINT_TO_POINTER(GPOINTER_TO_UINT(n) + 1));
}

/* ---- comparing ---- */

static void compare_texts(struct replay *r, const char *what, const char *ours, const char *theirs)
{
	if (strcmp(ours ? ours : "", theirs ? theirs : ""))
		differf(r, "%s: \"%s\", not \"%s\"", what, ours ? ours : "", theirs ? theirs : "");
}

static void compare_person(struct replay *r, const char *nick, const struct view_person *m)
{
	bool me = r->view->me && !strcmp(r->view->me, nick);
	struct call_person p;

	if (!call_find_person(r->s.call, nick, &p)) {
		differf(r, "%s (%s) is not in the list of people", nick, m->name);
		return;
	}
	compare_texts(r, "a name", p.name, m->name);
	if (p.moderator != m->moderator)
		differf(r, "%s is %s moderator", nick, p.moderator ? "a" : "no");
	if (!me && p.muted != (m->tells_sound ? m->muted : true))
		differf(r, "%s is %smuted", nick, p.muted ? "" : "not ");
	if (!me && p.hand != m->hand)
		differf(r, "%s has %s hand up", nick, p.hand ? "a" : "no");
	if (me && r->view->tells_sound && p.muted != r->view->muted)
		differf(r, "we are %smuted", p.muted ? "" : "not ");
	if (me && p.hand != r->view->hand)
		differf(r, "we have %s hand up", p.hand ? "a" : "no");
}

static void compare_room(struct replay *r)
{
	size_t ours = call_people(r->s.call), theirs = g_hash_table_size(r->view->people);
	GHashTableIter it;
	void *key, *value;

	if (ours != theirs)
		differf(r, "%zu people, not %zu", ours, theirs);
	g_hash_table_iter_init(&it, r->view->people);
	while (g_hash_table_iter_next(&it, &key, &value))
		compare_person(r, key, value);
	compare_texts(r, "subject", call_subject(r->s.call), r->view->subject);
	for (guint i = 0; i < r->view->messages->len; i++) {
		const char *text = r->view->messages->pdata[i];
		char *told = g_strdup_printf(": %s\n", text);

		if (!script_was_told(&r->s, told))
			differf(r, "the message \"%s\" is not shown", text);
		g_free(told);
	}
}

/* The newest session-accept of ours for this session, as a server reads it. */
static void check_accept(struct replay *r)
{
	const struct xml *j = NULL, *c, *t, *f, *src;

	for (size_t i = 0; i < r->s.sents; i++) {
		const struct xml *have = xml_child(r->s.sent[i].x, "jingle", NS_JINGLE);
		const char *action = xml_attr(have, "action"), *sid = xml_attr(have, "sid");

		if (action && sid && !strcmp(action, "session-accept") && !strcmp(sid, r->view->sid))
			j = have;
	}
	c = xml_child(j, "content", NULL);
	t = xml_child(c, "transport", NULL);
	f = xml_child(t, "fingerprint", NULL);
	src = xml_child(xml_child(c, "description", NULL), "source", NULL);
	if (!j)
		differf(r, "session %s is not accepted", r->view->sid);
	else if (!xml_attr(t, "ufrag") || !xml_attr(t, "pwd") || !f || !xml_attr(f, "setup"))
		differs(r, "the session-accept lacks its transport");
	else if (!src || !xml_attr(src, "ssrc") || !xml_attr(src, "name"))
		differs(r, "the session-accept lacks our source");
}

static void compare_media(struct replay *r)
{
	GHashTableIter it;
	void *ssrc, *owner;

	compare_texts(r, "session", r->s.media_sid, r->view->sid);
	if (!r->view->sid)
		return;
	check_accept(r);
	g_hash_table_iter_init(&it, r->view->sources);
	while (g_hash_table_iter_next(&it, &ssrc, &owner)) {
		const char *ours = call_source_owner(r->s.call, GPOINTER_TO_UINT(ssrc));

		if (!ours || strcmp(ours, owner))
			differf(r, "the sound %u is of %s, not of %s", GPOINTER_TO_UINT(ssrc), ours ? ours : "nobody",
				(const char *)owner);
	}
	if (r->view->speaker && r->s.channel_up) {
		char *told = g_strdup_printf("speaker %s", r->view->speaker);

		if (g_hash_table_contains(r->view->people, r->view->speaker) && !script_was_told(&r->s, told))
			differf(r, "nobody hears that %s speaks", r->view->speaker);
		g_free(told);
	}
}

static const char *const state_names[] = { "idle", "connecting", "in the lobby", "joined", "reconnecting", "left" };

static void compare(struct replay *r)
{
	enum call_state st = call_get_state(r->s.call);
	struct view *v = r->view;

	if (v->joined && st == CALL_RECONNECTING)
		return;         /* a connection that was cut: its place is kept */
	if (v->joined != (st == CALL_JOINED)) {
		differf(r, "%s, theirs is %sin the room", state_names[st], v->joined ? "" : "not ");
		return;
	}
	if (!v->joined)
		return;
	compare_room(r);
	compare_media(r);
}

static void note_reached(struct replay *r)
{
	const struct view *v = r->view;

	if (!v->joined || call_get_state(r->s.call) != CALL_JOINED)
		return;
	g_free(r->reached);
	r->reached = g_strdup_printf("joined as %s in %s: %zu people%s%s%s, session %s, %u sources, channel %s, %u messages",
				     v->me, v->room, call_people(r->s.call), *call_subject(r->s.call) ? ", \"" : "",
				     call_subject(r->s.call), *call_subject(r->s.call) ? "\"" : "",
				     r->s.media_sid ? r->s.media_sid : "none", g_hash_table_size(v->sources),
				     r->s.channel_up ? "up" : "down", v->messages->len);
}

static bool leaves(const struct view *v, const json_t *line)
{
	return is_line(line, "out", "xmpp") && v->joined && strstr(view_field(line, "data"), "unavailable") &&
	       strstr(view_field(line, "data"), v->room);
}

static int64_t t_ms(const json_t *line)
{
	return json_integer_value(json_object_get(line, "t_ms"));
}

static void on_line(void *ctx, size_t n)
{
	struct replay *r = ctx;
	const json_t *line = json_array_get(r->lines, n), *next = json_array_get(r->lines, n + 1);

	r->at = n;
	view_line(r->view, line);
	if (call_get_state(r->s.call) == CALL_LEFT)
		return;
	note_reached(r);
	if (next && t_ms(next) - t_ms(line) < REST_MS &&
	    (!leaves(r->view, next) || call_get_state(r->s.call) == CALL_CONNECTING))
		return;
	if (next && t_ms(next) - t_ms(line) >= REST_MS)
		script_run(&r->s, SETTLE_US);
	compare(r);
}

/* ---- how it ended ---- */

static void compare_ends(struct replay *r)
{
	static const struct { const char *theirs, *ours; } end[] = {
		{ "left", "left 0 left" }, { "kicked", "left 4 kicked" }, { "destroyed", "left 0 destroyed" },
		{ "refused: not-authorized", "left 4 password" }, { "denied", "left 4 denied" },
	};
	const char *theirs = r->view->end;
	const char *told = strstr(buf_str(&r->s.told), "\nleft ");

	for (size_t i = 0; theirs && i < sizeof(end) / sizeof(end[0]); i++)
		if (!strcmp(theirs, end[i].theirs) && !script_was_told(&r->s, end[i].ours))
			differf(r, "theirs: %s; ours: %.*s", theirs, told ? (int)strcspn(told + 1, "\n") : 8,
				told ? told + 1 : "is there");
}

/* ---- one recording ---- */

static void take_known(struct replay *r, const char *known)
{
	char **lines = g_strsplit(known, "\n", -1);

	for (char **l = lines; *l; l++) {
		char *colon = strchr(*l, ':'), *part;
		bool used = false;

		if (!colon || **l == '#' || strncmp(*l, r->name, (size_t)(colon - *l)) || r->name[colon - *l])
			continue;
		part = g_strndup(colon + 1, strcspn(colon + 1, "#"));
		g_strstrip(part);
		for (guint i = r->differs->len; i-- > 0;)
			if (strstr(r->differs->pdata[i], part)) {
				g_ptr_array_remove_index(r->differs, i);
				used = true;
			}
		if (!used)
			differf(r, "known to differ, and does not: %s", part);
		g_free(part);
	}
	g_strfreev(lines);
}

static void print(struct replay *r)
{
	GHashTableIter it;
	void *what, *n;

	printf("%s\n  reached   %s\n", r->path, r->reached ? r->reached : "the room was not joined");
	printf("  ended     theirs: %s; ours: %s\n", r->view->end ? r->view->end : "still there",
	       state_names[call_get_state(r->s.call)]);
	g_hash_table_iter_init(&it, r->left_out);
	while (g_hash_table_iter_next(&it, &what, &n))
		printf("  left out  %s (%u)\n", (char *)what, GPOINTER_TO_UINT(n));
	for (guint i = 0; i < r->differs->len; i++)
		printf("  differs   %s\n", (char *)r->differs->pdata[i]);
	if (!r->differs->len)
		printf("  differs   nothing\n");
}

static void play(struct replay *r)
{
	static const struct script_watch watch = { on_line, differs, left_out };
	struct view *whole = view_new();
	struct script_config cfg = { 0 };
	char *url = room_url(r->lines), *js = config_js(r->lines);
	const json_t *line;
	size_t i;

	json_array_foreach(r->lines, i, line)
		view_line(whole, line);
	cfg.url = url;
	cfg.name = whole->name ? whole->name : "";
	cfg.patient = true;
	/* What theirs was able to, where the server has made use of it. */
	cfg.rewriting = find_line(r->lines, "in", "bridge", "AudioSourcesMap") != NULL;
	cfg.sm = true;
	if (!find_line(r->lines, "open", "bridge", "ws"))
		cfg.channel = CALL_CHANNEL_SCTP;
	r->view = view_new();
	script_new(&r->s, &cfg);
	r->s.file = r->name;
	r->s.watch = &watch;
	r->s.watch_ctx = r;
	r->s.config_js = js;
	script_play_lines(&r->s, r->lines, 1, 0);
	script_run(&r->s, 2000000);
	compare_ends(r);
	view_free(whole);
	g_free(url);
	g_free(js);
}

/* 0, 1: it differs, 2: cannot be played. */
static int replay(const char *path, const char *known)
{
	struct replay r = { .path = path };
	char *why = NULL, *base = g_path_get_basename(path);
	int code;

	r.lines = read_lines(path, &why);
	if (r.lines && !find_line(r.lines, "out", "xmpp", NS_MUC)) {
		why = g_strdup("holds no joining of a room");
		json_decref(r.lines);
		r.lines = NULL;
	}
	if (!r.lines) {
		printf("%s\n  %s\n", path, why);
		g_free(why);
		g_free(base);
		return 2;
	}
	r.name = g_strndup(base, strcspn(base, "."));
	r.differs = g_ptr_array_new_with_free_func(g_free);
	r.left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	play(&r);
	if (known)
		take_known(&r, known);
	print(&r);
	code = r.differs->len != 0;
	script_free(&r.s);
	view_free(r.view);
	json_decref(r.lines);
	g_ptr_array_free(r.differs, TRUE);
	g_hash_table_destroy(r.left_out);
	g_free(r.reached);
	g_free(r.name);
	g_free(base);
	return code;
}

int main(int argc, char **argv)
{
	char *known = NULL;
	int code = 0, c, worst = 0, passed = 0, failed = 0;

	while ((c = getopt(argc, argv, "k:")) != -1)
		if (c != 'k' || !g_file_get_contents(optarg, &known, NULL, NULL)) {
			fprintf(stderr, "usage: replay [-k KNOWN] FILE...\n");
			return 2;
		}
	for (int i = optind; i < argc; i++) {
		code = replay(argv[i], known);
		passed += !code;
		failed += code != 0;
		worst = code > worst ? code : worst;
	}
	printf("%d passed, %d failed\n", passed, failed);
	g_free(known);
	return worst;
}
