/* view.c - a recording, read for what its client knew */
#include "replay/view.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/xml.h"

static void person_free(void *p)
{
	struct view_person *m = p;

	g_free(m->name);
	g_free(m);
}

struct view *view_new(void)
{
	struct view *v = g_new0(struct view, 1);

	v->people = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, person_free);
	v->sources = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	v->messages = g_ptr_array_new_with_free_func(g_free);
	return v;
}

void view_free(struct view *v)
{
	g_hash_table_destroy(v->people);
	g_hash_table_destroy(v->sources);
	g_ptr_array_free(v->messages, TRUE);
	g_free(v->room);
	g_free(v->me);
	g_free(v->name);
	g_free(v->subject);
	g_free(v->sid);
	g_free(v->speaker);
	g_free(v->end);
	g_free(v->lobby);
	g_free(v);
}

const char *view_field(const json_t *line, const char *key)
{
	const char *s = json_string_value(json_object_get(line, key));

	return s ? s : "";
}

static void set(char **to, const char *s)
{
	char *copy = g_strdup(s);

	g_free(*to);
	*to = copy;
}

/* ---- presence ---- */

/* SourceInfo of today, audiomuted of old. false: it says nothing of sound. */
static bool says_muted(const struct xml *x, const char *nick, bool *muted)
{
	const char *info = xml_child_text(x, "SourceInfo", NULL), *old = xml_child_text(x, "audiomuted", NULL);
	char *source = g_strdup_printf("%s-a0", nick);
	json_t *j = info ? json_loads(info, 0, NULL) : NULL;
	const json_t *a0 = json_object_get(j, source);
	bool says = a0 || (!info && old);

	if (a0)
		*muted = !json_is_false(json_object_get(a0, "muted"));
	else if (says)
		*muted = !strcmp(old, "true");
	json_decref(j);
	g_free(source);
	return says;
}

static bool has_status(const struct xml *user, const char *code)
{
	const struct xml *s;

	for (s = xml_child(user, "status", NULL); s; s = xml_next_like(s, "status", NULL))
		if (xml_attr(s, "code") && !strcmp(xml_attr(s, "code"), code))
			return true;
	return false;
}

static void forget_room(struct view *v)
{
	g_hash_table_remove_all(v->people);
	g_hash_table_remove_all(v->sources);
	set(&v->sid, NULL);
	set(&v->me, NULL);
	set(&v->subject, NULL);
	set(&v->speaker, NULL);
	v->joined = false;
}

static gboolean is_owned_by(void *ssrc, void *owner, void *nick)
{
	(void)ssrc;
	return !strcmp(owner, nick);
}

static void gone(struct view *v, const struct xml *x, const char *nick)
{
	const struct xml *user = xml_child(x, "x", NS_MUC_USER);

	if (xml_child(x, "ignore", NULL))       /* moved to another room of the same meeting */
		return;
	g_hash_table_remove(v->people, nick);
	g_hash_table_foreach_remove(v->sources, is_owned_by, (void *)nick);
	if (!v->me || strcmp(v->me, nick))
		return;
	if (has_status(user, "307"))
		set(&v->end, "kicked");
	else if (xml_child(user, "destroy", NULL))
		set(&v->end, "destroyed");
	forget_room(v);
}

static void present(struct view *v, const struct xml *x, const char *nick)
{
	const struct xml *user = xml_child(x, "x", NS_MUC_USER), *item = xml_child(user, "item", NULL);
	const char *name = xml_child_text(x, "nick", NULL), *role = xml_attr(item, "role");
	const char *hand = xml_child_text(x, "jitsi_participant_raisedHand", NULL);
	struct view_person *m;

	if (!strcmp(nick, "focus"))
		return;
	m = g_new0(struct view_person, 1);
	m->name = g_strdup(name ? name : "");
	m->moderator = role && !strcmp(role, "moderator");
	m->hand = hand && *hand;
	m->tells_sound = says_muted(x, nick, &m->muted);
	g_hash_table_replace(v->people, g_strdup(nick), m);
	if (has_status(user, "110")) {
		set(&v->me, nick);
		v->joined = true;
	}
}

static void on_presence(struct view *v, const struct xml *x)
{
	const char *from = xml_attr(x, "from"), *type = xml_attr(x, "type"), *nick;
	const struct xml *e = xml_child(x, "error", NULL);

	if (from && v->lobby && !strcmp(from, v->lobby) && type && !strcmp(type, "unavailable") &&
	    has_status(xml_child(x, "x", NS_MUC_USER), "307"))
		set(&v->end, "denied");
	if (!from || !v->room || !jid_same_bare(from, v->room))
		return;
	nick = jid_resource(from);
	if (e && !v->joined) {
		g_free(v->end);
		v->end = g_strdup_printf("refused: %s", xml_first(e) ? xml_name(xml_first(e)) : "?");
	} else if (!type) {
		present(v, x, nick);
	} else if (!strcmp(type, "unavailable")) {
		gone(v, x, nick);
	}
}

static void own_presence(struct view *v, const struct xml *x)
{
	const char *to = xml_attr(x, "to"), *type = xml_attr(x, "type");
	const struct xml *join = xml_child(x, "x", NS_MUC);
	char *domain = to ? strchr(to, '@') : NULL;

	if (!to)
		return;
	if (type && v->room && jid_same_bare(to, v->room)) {
		if (!v->end)
			set(&v->end, "left");
	} else if (join && domain && text_starts(domain, "@lobby.")) {
		set(&v->lobby, to);
	} else if (join) {
		forget_room(v);
		g_free(v->room);
		v->room = g_strndup(to, strcspn(to, "/"));
		set(&v->name, xml_child_text(x, "nick", NULL));
		set(&v->end, NULL);
		v->joins++;
	}
	if (!type && v->room && jid_same_bare(to, v->room)) {
		v->tells_sound = says_muted(x, jid_resource(to), &v->muted);
		v->hand = xml_child(x, "jitsi_participant_raisedHand", NULL) != NULL;
	}
}

/* ---- messages ---- */

static void on_message(struct view *v, const struct xml *x)
{
	const char *from = xml_attr(x, "from"), *type = xml_attr(x, "type");
	const char *body = xml_child_text(x, "body", NULL), *subject = xml_child_text(x, "subject", NULL);

	if (!from || !v->room || !jid_same_bare(from, v->room) || !type)
		return;
	if (subject && !body) {
		set(&v->subject, subject);
		return;
	}
	if (!body || xml_child(x, "retract", NULL) || xml_child(x, "reactions", NULL) || !*jid_resource(from) ||
	    xml_child(x, "delay", NULL) || (strcmp(type, "groupchat") && strcmp(type, "chat")))
		return;
	g_ptr_array_add(v->messages, g_strdup(body));
}

/* ---- media ---- */

static void add_source(struct view *v, uint32_t ssrc, const char *owner, bool add)
{
	void *key = GUINT_TO_POINTER(ssrc);

	if (!owner || !*owner || !strcmp(owner, "jvb") || (v->me && !strcmp(owner, v->me)))
		return;
	if (add)
		g_hash_table_replace(v->sources, key, g_strdup(owner));
	else
		g_hash_table_remove(v->sources, key);
}

/* {"sources":{OWNER:[[video],[groups],[audio {"s":SSRC}]]}} */
static void json_sources(struct view *v, const char *text, bool add)
{
	json_t *j = json_loads(text, 0, NULL), *list, *one;
	const char *owner;
	size_t i;

	json_object_foreach(json_object_get(j, "sources"), owner, list)
		json_array_foreach(json_array_get(list, 2), i, one)
			add_source(v, (uint32_t)json_integer_value(json_object_get(one, "s")), owner, add);
	json_decref(j);
}

static void xml_sources(struct view *v, const struct xml *content, bool add)
{
	const struct xml *d = xml_child(content, "description", NULL), *s;

	if (!xml_attr(d, "media") || strcmp(xml_attr(d, "media"), "audio"))
		return;
	for (s = xml_child(d, "source", NULL); s; s = xml_next_like(s, "source", NULL)) {
		const char *owner = xml_attr(xml_child(s, "ssrc-info", NULL), "owner"), *ssrc = xml_attr(s, "ssrc");

		if (owner && *jid_resource(owner))
			owner = jid_resource(owner);
		add_source(v, ssrc ? (uint32_t)strtoul(ssrc, NULL, 10) : 0, owner, add);
	}
}

static void on_jingle(struct view *v, const struct xml *j)
{
	const char *action = xml_attr(j, "action"), *json = xml_child_text(j, "json-message", NULL);
	bool starts = !strcmp(action, "session-initiate"), add = starts || !strcmp(action, "source-add");
	const struct xml *c;

	if (!strcmp(action, "session-terminate")) {
		set(&v->sid, NULL);
		g_hash_table_remove_all(v->sources);
		return;
	}
	if (starts) {
		v->sessions++;
		set(&v->sid, xml_attr(j, "sid"));
		g_hash_table_remove_all(v->sources);
	}
	if (!add && strcmp(action, "source-remove"))
		return;
	if (json)
		json_sources(v, json, add);
	for (c = xml_child(j, "content", NULL); c; c = xml_next_like(c, "content", NULL))
		xml_sources(v, c, add);
}

static void own_jingle(struct view *v, const struct xml *iq)
{
	const struct xml *j = xml_child(iq, "jingle", NULL);
	const char *action = xml_attr(j, "action"), *sid = xml_attr(j, "sid");

	if (action && !strcmp(action, "session-terminate") && sid && v->sid && !strcmp(sid, v->sid)) {
		set(&v->sid, NULL);
		g_hash_table_remove_all(v->sources);
	}
}

/* The bridge numbers sources anew: one that moves leaves its old number. */
static void on_map(struct view *v, const json_t *j)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(j, "mappedSources"), i, one)
		add_source(v, (uint32_t)json_integer_value(json_object_get(one, "ssrc")), view_field(one, "owner"), true);
}

static void on_bridge(struct view *v, const char *data)
{
	json_t *j = json_loads(data, 0, NULL);
	const char *class = view_field(j, "colibriClass");

	if (!strcmp(class, "AudioSourcesMap"))
		on_map(v, j);
	else if (!strcmp(class, "DominantSpeakerEndpointChangeEvent"))
		set(&v->speaker, view_field(j, "dominantSpeakerEndpoint"));
	json_decref(j);
}

/* ---- lines ---- */

static void stanza_in(struct view *v, const struct xml *x)
{
	const struct xml *j = xml_child(x, "jingle", NULL);
	const char *from = xml_attr(x, "from");

	if (xml_is(x, "presence", NULL))
		on_presence(v, x);
	else if (xml_is(x, "message", NULL))
		on_message(v, x);
	else if (j && from && xml_attr(j, "action") && !strcmp(jid_resource(from), "focus"))
		on_jingle(v, j);
}

void view_line(struct view *v, const json_t *line)
{
	const char *dir = view_field(line, "dir"), *ch = view_field(line, "ch"), *data = view_field(line, "data");
	bool in = !strcmp(dir, "in");
	struct xml *x = NULL;

	if (!strcmp(ch, "bridge") && in)
		on_bridge(v, data);
	if (strcmp(ch, "xmpp") || (!in && strcmp(dir, "out")) || xml_parse(&x, data, strlen(data), NULL, NULL))
		return;
	if (in)
		stanza_in(v, x);
	else if (xml_child(x, "jingle", NULL))
		own_jingle(v, x);
	else if (xml_is(x, "presence", NULL))
		own_presence(v, x);
	xml_free(&x);
}
