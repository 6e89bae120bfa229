/* frames.c - the XMPP frames of the recordings in tests/data/recorded */
#include "unit/xmpp/frames.h"
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "unit/unit.h"

static const char *string(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void frames_of(const char *name, frame_fn *fn, void *ctx)
{
	char path[256], *text, *at, *nl;
	int line = 0;

	snprintf(path, sizeof(path), "recorded/%s.jsonl", name);
	text = unit_data(path, NULL);
	for (at = text; (nl = strchr(at, '\n')); at = nl + 1) {
		json_t *j = json_loadb(at, (size_t)(nl - at), 0, NULL);
		struct frame f = {
			.file = name, .line = ++line, .dir = string(j, "dir"), .ch = string(j, "ch"),
			.data = string(j, "data"),
			.t_ms = json_integer_value(json_object_get(j, "t_ms")),
			.status = (int)json_integer_value(json_object_get(j, "status")),
		};

		assert_non_null(j);
		fn(ctx, &f);
		json_decref(j);
	}
	free(text);
}

void frames_of_all(frame_fn *fn, void *ctx)
{
	DIR *d = opendir("tests/data/recorded");
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char name[256];

		if (!text_ends(e->d_name, ".jsonl"))
			continue;
		text_copy(name, sizeof(name), e->d_name);
		name[strlen(name) - strlen(".jsonl")] = 0;
		frames_of(name, fn, ctx);
	}
	closedir(d);
}

struct wanted { int line; char *text; };

static void take(void *ctx, const struct frame *f)
{
	struct wanted *w = ctx;

	if (f->line == w->line)
		w->text = strdup(f->data);
}

char *frame_text(const char *name, int line)
{
	struct wanted w = { .line = line };

	frames_of(name, take, &w);
	if (!w.text)
		fail_msg("%s has no line %d", name, line);
	return w.text;
}

struct xml *xml_of(const char *text)
{
	const char *why = "";
	struct xml *x;

	if (xml_parse(&x, text, strlen(text), NULL, &why))
		fail_msg("%s: %.200s", why, text);
	return x;
}

struct xml *frame_xml(const char *name, int line)
{
	char *text = frame_text(name, line);
	struct xml *x = xml_of(text);

	free(text);
	return x;
}

char *text_of(const struct xml *x)
{
	struct buf b = { 0 };

	assert_int_equal(xml_write(x, &b), 0);
	return buf_steal(&b);
}
