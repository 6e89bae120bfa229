/* source.c - who sends which stream: sources and their wire formats */
#include "xmpp/source.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/jid.h"
#include "xmpp/json_text.h"
#include "xmpp/ns.h"

enum { NAME_MAX_BYTES = 255 };

/* ---- the set ---- */

static void source_clear(struct source *s)
{
	free(s->owner);
	free(s->name);
	free(s->msid);
}

void source_set_clear(struct source_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		source_clear(&s->v[i]);
	for (size_t i = 0; i < s->groups; i++)
		free(s->g[i].owner);
	free(s->v);
	free(s->g);
	memset(s, 0, sizeof(*s));
}

/* Room for one more; arrays double from 8. */
static void *grow(void *v, size_t count, size_t size)
{
	if (count && (count < 8 || count & (count - 1)))
		return v;
	return realloc(v, (count ? count * 2 : 8) * size);
}

int source_set_add(struct source_set *s, const struct source *src)
{
	struct source n = *src, *v;

	if (s->count >= SOURCE_MAX)
		return -E2BIG;
	v = grow(s->v, s->count, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	n.owner = n.name = n.msid = NULL;
	if (text_set(&n.owner, src->owner ? src->owner : "") ||
	    text_set(&n.name, src->name ? src->name : "") ||
	    text_set(&n.msid, src->msid ? src->msid : "")) {
		source_clear(&n);
		return -ENOMEM;
	}
	s->v[s->count++] = n;
	return 0;
}

int source_set_add_group(struct source_set *s, const struct source_group *g)
{
	struct source_group n = *g, *v;

	if (s->groups >= SOURCE_GROUP_MAX)
		return -E2BIG;
	v = grow(s->g, s->groups, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->g = v;
	n.owner = NULL;
	if (text_set(&n.owner, g->owner ? g->owner : ""))
		return -ENOMEM;
	s->g[s->groups++] = n;
	return 0;
}

static bool has_group(const struct source_set *s, const struct source_group *g)
{
	for (size_t i = 0; i < s->groups; i++)
		if (s->g[i].count == g->count && !strcmp(s->g[i].semantics, g->semantics) &&
		    !memcmp(s->g[i].ssrc, g->ssrc, g->count * sizeof(g->ssrc[0])))
			return true;
	return false;
}

/* What is there already may be told again: a bridge that moves does so. */
int source_set_merge(struct source_set *s, const struct source_set *other)
{
	int err = 0;

	for (size_t i = 0; !err && i < other->count; i++)
		if (!source_set_find(s, other->v[i].ssrc))
			err = source_set_add(s, &other->v[i]);
	for (size_t i = 0; !err && i < other->groups; i++)
		if (!has_group(s, &other->g[i]))
			err = source_set_add_group(s, &other->g[i]);
	return err;
}

static bool group_has(const struct source_group *g, uint32_t ssrc)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->ssrc[i] == ssrc)
			return true;
	return false;
}

void source_set_remove(struct source_set *s, uint32_t ssrc)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].ssrc == ssrc)
			source_clear(&s->v[i]);
		else
			s->v[n++] = s->v[i];
	s->count = n;
	n = 0;
	for (size_t i = 0; i < s->groups; i++)
		if (group_has(&s->g[i], ssrc))
			free(s->g[i].owner);
		else
			s->g[n++] = s->g[i];
	s->groups = n;
}

/* Frees a name unless it is the one that is compared with: callers take that
 * from the set itself. */
static void free_but(char *name, const char *owner, char **kept)
{
	if (name == owner)
		*kept = name;
	else
		free(name);
}

void source_set_remove_owner(struct source_set *s, const char *owner)
{
	char *kept = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct source *v = &s->v[i];

		if (strcmp(v->owner, owner)) {
			s->v[n++] = *v;
			continue;
		}
		free_but(v->owner, owner, &kept);
		free(v->name);
		free(v->msid);
	}
	s->count = n;
	n = 0;
	for (size_t i = 0; i < s->groups; i++)
		if (!strcmp(s->g[i].owner, owner))
			free_but(s->g[i].owner, owner, &kept);
		else
			s->g[n++] = s->g[i];
	s->groups = n;
	free(kept);
}

const struct source *source_set_find(const struct source_set *s, uint32_t ssrc)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].ssrc == ssrc)
			return &s->v[i];
	return NULL;
}

/* ---- JSON ---- */

/* More than fits is left out like what is malformed: the rest of the stanza
 * still counts. */
static int left_out(int err, unsigned *bad)
{
	if (err != -E2BIG)
		return err;
	++*bad;
	return 0;
}

/* A number, or a string that is one; 0 for anything else. */
static uint32_t json_ssrc(const json_t *j)
{
	json_int_t n = json_integer_value(j);
	uint64_t v;

	if (json_is_string(j))
		return text_u64(json_string_value(j), 1, UINT32_MAX, &v) ? 0 : (uint32_t)v;
	return n > 0 && n <= (json_int_t)UINT32_MAX ? (uint32_t)n : 0;
}

static const char *json_short(const json_t *j)
{
	const char *s = json_string_value(j);

	return s && strlen(s) <= NAME_MAX_BYTES ? s : "";
}

static int parse_sources(struct source_set *s, const json_t *list, const char *owner, bool video,
			 unsigned *bad)
{
	const json_t *j;
	size_t i;
	int err;

	json_array_foreach(list, i, j) {
		const char *v = json_string_value(json_object_get(j, "v"));
		struct source n = {
			.ssrc = json_ssrc(json_object_get(j, "s")), .video = video,
			.desktop = v && !strcmp(v, "d"), .owner = (char *)(uintptr_t)owner,
			.name = (char *)(uintptr_t)json_short(json_object_get(j, "n")),
			.msid = (char *)(uintptr_t)json_short(json_object_get(j, "m")),
		};

		if (!n.ssrc) {
			++*bad;
			continue;
		}
		err = left_out(source_set_add(s, &n), bad);
		if (err)
			return err;
	}
	return 0;
}

static int parse_groups(struct source_set *s, const json_t *list, const char *owner, bool video,
			unsigned *bad)
{
	const json_t *j;
	size_t i;
	int err;

	json_array_foreach(list, i, j) {
		const char *kind = json_string_value(json_array_get(j, 0));
		struct source_group g = { .video = video, .owner = (char *)(uintptr_t)owner };

		for (size_t k = 1; k < json_array_size(j) && g.count < SOURCE_GROUP_SSRCS; k++) {
			g.ssrc[g.count] = json_ssrc(json_array_get(j, k));
			g.count += g.ssrc[g.count] != 0;
		}
		if (!kind || (strcmp(kind, "f") && strcmp(kind, "s")) || g.count < 2) {
			++*bad;
			continue;
		}
		text_copy(g.semantics, sizeof(g.semantics), *kind == 'f' ? "FID" : "SIM");
		err = left_out(source_set_add_group(s, &g), bad);
		if (err)
			return err;
	}
	return 0;
}

int source_set_parse_json(struct source_set *s, const char *json, size_t len, unsigned *bad)
{
	json_t *root, *sources, *v;
	unsigned ignored = 0;
	const char *owner;
	int err = json_text_load(&root, json, len);

	if (err)
		return err;
	if (!bad)
		bad = &ignored;
	sources = json_object_get(root, "sources");
	if (!json_is_object(sources))
		err = -EINVAL;
	json_object_foreach(sources, owner, v) {
		const char *id = *jid_resource(owner) ? jid_resource(owner) : owner;

		if (!json_is_array(v) || strlen(owner) > NAME_MAX_BYTES) {
			++*bad;
			continue;
		}
		/* Video, its groups, audio, its groups; the last may be cut off. */
		for (size_t k = 0; !err && k < 4; k++)
			err = (k % 2 ? parse_groups : parse_sources)(s, json_array_get(v, k), id,
								     k < 2, bad);
		if (err)
			break;
	}
	json_decref(root);
	return err;
}

static void write_sources(const struct source_set *s, const char *owner, bool video,
			  struct buf *out)
{
	const char *comma = "";

	buf_addc(out, '[');
	for (size_t i = 0; i < s->count; i++) {
		const struct source *v = &s->v[i];

		if (v->video != video || strcmp(v->owner, owner))
			continue;
		buf_addf(out, "%s{\"s\":%lu", comma, (unsigned long)v->ssrc);
		if (*v->name) {
			buf_adds(out, ",\"n\":");
			json_text_string(out, v->name);
		}
		if (*v->msid) {
			buf_adds(out, ",\"m\":");
			json_text_string(out, v->msid);
		}
		buf_adds(out, v->desktop ? ",\"v\":\"d\"}" : "}");
		comma = ",";
	}
	buf_addc(out, ']');
}

static void write_groups(const struct source_set *s, const char *owner, bool video,
			 struct buf *out)
{
	const char *comma = "";

	buf_addc(out, '[');
	for (size_t i = 0; i < s->groups; i++) {
		const struct source_group *g = &s->g[i];

		if (g->video != video || strcmp(g->owner, owner))
			continue;
		buf_addf(out, "%s[\"%s\"", comma, strcmp(g->semantics, "FID") ? "s" : "f");
		for (size_t k = 0; k < g->count; k++)
			buf_addf(out, ",%lu", (unsigned long)g->ssrc[k]);
		buf_addc(out, ']');
		comma = ",";
	}
	buf_addc(out, ']');
}

static bool seen_owner(const struct source_set *s, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(s->v[i].owner, s->v[before].owner))
			return true;
	return false;
}

static bool has_audio_groups(const struct source_set *s, const char *owner)
{
	for (size_t i = 0; i < s->groups; i++)
		if (!s->g[i].video && !strcmp(s->g[i].owner, owner))
			return true;
	return false;
}

int source_set_write_json(const struct source_set *s, struct buf *out)
{
	const char *comma = "";

	buf_adds(out, "{\"sources\":{");
	for (size_t i = 0; i < s->count; i++) {
		const char *owner = s->v[i].owner;

		if (seen_owner(s, i))
			continue;
		buf_adds(out, comma);
		json_text_string(out, owner);
		buf_adds(out, ":[");
		write_sources(s, owner, true, out);
		buf_addc(out, ',');
		write_groups(s, owner, true, out);
		buf_addc(out, ',');
		write_sources(s, owner, false, out);
		if (has_audio_groups(s, owner)) {       /* usually cut off */
			buf_addc(out, ',');
			write_groups(s, owner, false, out);
		}
		buf_addc(out, ']');
		comma = ",";
	}
	buf_adds(out, "}}");
	return buf_err(out);
}

/* ---- XML ---- */

static uint32_t xml_ssrc(const struct xml *x)
{
	const char *v = xml_attr(x, "ssrc");
	uint64_t n;

	return v && !text_u64(v, 1, UINT32_MAX, &n) ? (uint32_t)n : 0;
}

static const char *xml_owner(const struct xml *x, const char *usual)
{
	const char *o = xml_attr(xml_child(x, "ssrc-info", NULL), "owner");

	if (!o || strlen(o) > 2048)
		return usual;
	return *jid_resource(o) ? jid_resource(o) : o;
}

static const char *xml_msid(const struct xml *x)
{
	const struct xml *p = xml_child(x, "parameter", NULL);

	for (; p; p = xml_next_like(p, "parameter", NULL)) {
		const char *n = xml_attr(p, "name"), *v = xml_attr(p, "value");

		if (n && v && !strcmp(n, "msid") && strlen(v) <= NAME_MAX_BYTES)
			return v;
	}
	return "";
}

static int parse_xml_source(struct source_set *s, const struct xml *x, bool video,
			    const char *usual, unsigned *bad)
{
	const char *type = xml_attr(x, "videoType"), *name = xml_attr(x, "name");
	struct source n = {
		.ssrc = xml_ssrc(x), .video = video, .desktop = type && !strcmp(type, "desktop"),
		.owner = (char *)(uintptr_t)xml_owner(x, usual),
		.name = (char *)(uintptr_t)(name && strlen(name) <= NAME_MAX_BYTES ? name : ""),
		.msid = (char *)(uintptr_t)xml_msid(x),
	};

	if (!n.ssrc) {
		++*bad;
		return 0;
	}
	return left_out(source_set_add(s, &n), bad);
}

static int parse_xml_group(struct source_set *s, const struct xml *x, bool video,
			   const char *usual, unsigned *bad)
{
	const struct xml *m = xml_child(x, "source", NULL);
	const char *semantics = xml_attr(x, "semantics");
	struct source_group g = { .video = video };
	const struct source *first;

	for (; m && g.count < SOURCE_GROUP_SSRCS; m = xml_next_like(m, "source", NULL)) {
		g.ssrc[g.count] = xml_ssrc(m);
		g.count += g.ssrc[g.count] != 0;
	}
	if (!semantics || strlen(semantics) >= sizeof(g.semantics) || !g.count) {
		++*bad;
		return 0;
	}
	text_copy(g.semantics, sizeof(g.semantics), semantics);
	first = source_set_find(s, g.ssrc[0]);
	g.owner = (char *)(uintptr_t)(first ? first->owner : usual);
	return left_out(source_set_add_group(s, &g), bad);
}

int source_set_parse_xml(struct source_set *s, const struct xml *description, bool video,
			 const char *default_owner, unsigned *bad)
{
	unsigned ignored = 0;
	const struct xml *x;
	int err = 0;

	if (!bad)
		bad = &ignored;
	for (x = xml_first(description); x && !err; x = xml_next(x))
		if (xml_is(x, "source", NULL))
			err = parse_xml_source(s, x, video, default_owner, bad);
	for (x = xml_first(description); x && !err; x = xml_next(x))
		if (xml_is(x, "ssrc-group", NULL))
			err = parse_xml_group(s, x, video, default_owner, bad);
	return err;
}

static void write_xml_source(const struct source *s, struct xml *description, bool with_owner)
{
	struct xml *x = xml_add(description, "source", NS_SSMA), *p;

	xml_setf(x, "ssrc", "%u", s->ssrc);
	if (*s->name)
		xml_set(x, "name", s->name);
	if (s->video)
		xml_set(x, "videoType", s->desktop ? "desktop" : "camera");
	if (with_owner)
		xml_set(xml_add(x, "ssrc-info", NS_JITMEET), "owner", s->owner);
	if (*s->msid) {
		p = xml_add(x, "parameter", NS_SSMA);
		xml_set(p, "name", "msid");
		xml_set(p, "value", s->msid);
	}
}

void source_set_write_xml(const struct source_set *s, struct xml *description, bool video,
			  bool with_owner)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].video == video)
			write_xml_source(&s->v[i], description, with_owner);
	for (size_t i = 0; i < s->groups; i++) {
		const struct source_group *g = &s->g[i];
		struct xml *x;

		if (g->video != video)
			continue;
		x = xml_add(description, "ssrc-group", NS_SSMA);
		xml_set(x, "semantics", g->semantics);
		for (size_t k = 0; k < g->count; k++)
			xml_setf(xml_add(x, "source", NS_SSMA), "ssrc", "%u", g->ssrc[k]);
	}
}

/* ---- SourceInfo of a presence ---- */

/* "<endpoint>-<a|v><index>"; what belongs to somebody else is no word of his. */
static char source_kind(const char *name, const char *endpoint)
{
	size_t n = strlen(endpoint);

	if (strncmp(name, endpoint, n) || name[n] != '-' || (name[n + 1] != 'a' && name[n + 1] != 'v'))
		return 0;
	/* Digits alone: "<id>-a0.fr" is a translation, not his microphone. */
	return name[n + 2] && !name[n + 2 + strspn(name + n + 2, "0123456789")] ? name[n + 1] : 0;
}

void source_info_parse(struct source_info *out, const char *json, size_t len, const char *endpoint)
{
	const char *name;
	json_t *root, *v;

	memset(out, 0, sizeof(*out));
	json_text_load(&root, json, len);
	out->present = json_is_object(root);
	json_object_foreach(root, name, v) {
		char kind = source_kind(name, endpoint);
		bool muted = json_is_true(json_object_get(v, "muted"));
		const char *type = json_string_value(json_object_get(v, "videoType"));

		if (kind == 'a') {
			out->audio_muted = muted && (out->audio_muted || !out->audio_known);
			if (!out->audio_known)
				text_copy(out->audio_name, sizeof(out->audio_name), name);
			out->audio_known = true;
		} else if (kind == 'v' && !muted) {
			*(type && !strcmp(type, "desktop") ? &out->desktop_on : &out->video_on) = true;
		}
	}
	json_decref(root);
}

int source_info_write(struct buf *out, const char *audio_name, bool muted)
{
	buf_addc(out, '{');
	if (audio_name && *audio_name) {
		json_text_string(out, audio_name);
		buf_addf(out, ":{\"muted\":%s}", muted ? "true" : "false");
	}
	buf_addc(out, '}');
	return buf_err(out);
}
