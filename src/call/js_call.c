/* js_call.c - functions of the file, and the methods of strings, lists and objects
 *
 * A function is kept as the place where it stands; a call reads from there
 * with its parameters set.  Loops are not run, so a function with one, or with
 * a condition that is not known, gives nothing that can be relied on.  Each
 * call and each byte read costs of one allowance for the whole file.
 *
 * Scopes are dynamic: parameters are variables like any other and get their
 * old values back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "call/js_priv.h"

enum { CALL_COST = 4096, ARGS_MAX = 8, STRING_MAX_BYTES = 65536, PARTS_MAX = 256 };

/* Keys that no settings have. */
#define PLACE "\x01" "place"

json_t *js_function(struct js *j, const char *at)
{
	if (at < j->root || at >= j->root + j->root_len)
		return NULL;            /* inside a template */
	return json_pack("{s:I}", PLACE, (json_int_t)(at - j->root));
}

bool js_is_function(const json_t *v)
{
	return json_is_integer(json_object_get(v, PLACE));
}

/* ---- calling ---- */

static void bind(struct js *j, json_t *saved, const char *name, json_t *v)
{
	json_t *old = json_object_get(j->vars, name);

	json_object_set(saved, name, old ? old : json_null());
	/* By reference: what it changes is what was given.  All variables
	 * inside one of them would be a ring. */
	if (v && v != j->vars)
		json_object_set(j->vars, name, v);
	else
		json_object_del(j->vars, name);
}

static void one_parameter(struct js *j, json_t *saved, json_t *v)
{
	struct js_lex *l = &j->l;
	char *name = strdup(buf_str(&l->text));
	json_t *usual = NULL;

	js_lex_next(l);
	if (js_at(l, "=")) {
		js_lex_next(l);
		usual = js_expression(j);
	}
	if (name)
		bind(j, saved, name, v ? v : usual);
	json_decref(usual);
	free(name);
}

/* From "(a, b)" or "a" to the body. */
static void parameters(struct js *j, json_t *saved, json_t **arg, size_t args)
{
	struct js_lex *l = &j->l;
	size_t i = 0;

	if (l->kind == JS_NAME) {
		one_parameter(j, saved, args ? arg[0] : NULL);
		return;
	}
	js_lex_next(l);
	while (l->kind != JS_END && !js_at(l, ")")) {
		if (l->kind == JS_NAME)
			one_parameter(j, saved, i < args ? arg[i] : NULL);
		else
			j->unsure = true;       /* {a, b}, ...rest */
		i++;
		js_skip_to(l, ",)");
		if (!js_at(l, ","))
			break;
		js_lex_next(l);
	}
	js_lex_next(l);
}

static void restore(json_t *vars, const json_t *saved)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)saved, name, v)
		if (json_is_null(v))
			json_object_del(vars, name);
		else
			json_object_set(vars, name, v);
}

static json_t *call(struct js *j, const json_t *fn, json_t **arg, size_t args)
{
	json_int_t at = json_integer_value(json_object_get(fn, PLACE));
	struct js sub = *j;
	json_t *saved, *out;

	if (at < 0 || (size_t)at >= j->root_len || j->depth >= JS_DEPTH_MAX || *j->work < CALL_COST)
		return NULL;
	*j->work -= CALL_COST;
	sub.depth++;
	sub.in_function = true;
	sub.returned = sub.unsure = false;
	sub.result = NULL;
	saved = json_object();
	js_lex_init(&sub.l, j->root + at, j->root_len - (size_t)at);
	parameters(&sub, saved, arg, args);
	if (js_at(&sub.l, "=>"))
		js_lex_next(&sub.l);
	if (js_at(&sub.l, "{"))
		js_block(&sub);
	else
		sub.result = js_expression(&sub);
	*j->work -= sub.l.start - (j->root + at);
	out = sub.result;
	if (sub.unsure) {
		json_decref(out);
		out = NULL;
	}
	js_lex_free(&sub.l);
	restore(j->vars, saved);
	json_decref(saved);
	return out;
}

json_t *js_call(struct js *j, const json_t *fn)
{
	struct js_lex *l = &j->l;
	json_t *arg[ARGS_MAX] = { NULL }, *out;
	size_t args = 0;

	js_lex_next(l);
	while (l->kind != JS_END && !js_at(l, ")")) {
		json_t *v = js_expression(j);

		if (args < ARGS_MAX)
			arg[args++] = v;
		else
			json_decref(v);
		js_skip_to(l, ",)");
		if (!js_at(l, ","))
			break;
		js_lex_next(l);
	}
	if (js_at(l, ")"))
		js_lex_next(l);
	out = js_is_function(fn) ? call(j, fn, arg, args) : NULL;
	for (size_t i = 0; i < args; i++)
		json_decref(arg[i]);
	return out;
}

/* ---- methods ---- */

static json_t *take(struct buf *b)
{
	json_t *out = b->len <= STRING_MAX_BYTES ? json_string(buf_str(b)) : NULL;

	buf_free(b);
	return out;
}

static json_t *part_of(const char *s, size_t from, size_t to)
{
	struct buf b = { 0 };

	buf_add(&b, s + from, to > from ? to - from : 0);
	return take(&b);
}

static json_t *folded(const char *s, bool upper)
{
	struct buf b = { 0 };

	for (; *s; s++)
		buf_addc(&b, upper && *s >= 'a' && *s <= 'z' ? (char)(*s - 32)
			 : !upper && *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
	return take(&b);
}

static json_t *replaced(const char *s, const char *what, const char *with, bool all)
{
	struct buf b = { 0 };
	const char *hit;

	while (*what && (hit = strstr(s, what))) {
		buf_add(&b, s, (size_t)(hit - s));
		buf_adds(&b, with);
		s = hit + strlen(what);
		if (!all)
			break;
	}
	buf_adds(&b, s);
	return take(&b);
}

static json_t *split(const char *s, const char *at)
{
	json_t *out = json_array();
	const char *hit;

	while (*at && (hit = strstr(s, at)) && json_array_size(out) < PARTS_MAX) {
		json_array_append_new(out, part_of(s, 0, (size_t)(hit - s)));
		s = hit + strlen(at);
	}
	json_array_append_new(out, json_string(s));
	return out;
}

static json_t *join(const json_t *list, const char *with)
{
	struct buf b = { 0 };
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		if (!json_is_string(v)) {
			buf_free(&b);
			return NULL;
		}
		buf_addf(&b, "%s%s", i ? with : "", json_string_value(v));
		if (b.len > STRING_MAX_BYTES)
			break;
	}
	return take(&b);
}

/* An index of JavaScript into 0..len; from the end where it is negative. */
static size_t index_of(const json_t *v, size_t usual, size_t len, bool from_end)
{
	double n;

	if (!json_is_number(v))
		return usual;
	n = json_number_value(v);
	if (n < 0)
		n = from_end ? (double)len + n : 0;
	return n < 0 ? 0 : n > (double)len ? len : (size_t)n;
}

/* Bytes, not UTF-16: addresses are ASCII. */
static json_t *cut(const char *s, const char *name, const json_t *args)
{
	size_t len = strlen(s), from, to;
	bool slice = !strcmp(name, "slice"), substr = !strcmp(name, "substr");
	const json_t *a = json_array_get(args, 0), *b = json_array_get(args, 1);

	from = index_of(a, 0, len, slice || substr);
	to = substr ? from + index_of(b, len - from, len - from, false) : index_of(b, len, len, slice);
	if (!slice && !substr && from > to)
		return part_of(s, to, from);
	return part_of(s, from, to);
}

static json_t *test(const char *s, const char *name, const char *arg)
{
	const char *hit = strstr(s, arg);

	if (!strcmp(name, "startsWith"))
		return json_boolean(text_starts(s, arg));
	if (!strcmp(name, "endsWith"))
		return json_boolean(text_ends(s, arg));
	if (!strcmp(name, "includes"))
		return json_boolean(hit != NULL);
	return json_real(hit ? (double)(hit - s) : -1);         /* indexOf */
}

static json_t *of_string(const json_t *on, const char *name, const json_t *args)
{
	static const char *const cuts[] = { "slice", "substring", "substr" };
	static const char *const tests[] = { "startsWith", "endsWith", "includes", "indexOf" };
	const char *s = json_string_value(on), *a = json_string_value(json_array_get(args, 0));
	const char *b = json_string_value(json_array_get(args, 1));
	char *t;
	json_t *out;

	if (!strcmp(name, "toLowerCase") || !strcmp(name, "toUpperCase"))
		return folded(s, name[2] == 'U');
	if (!strcmp(name, "toString"))
		return json_string(s);
	if (!strcmp(name, "trim")) {
		t = text_clean(s, strlen(s), 0, TEXT_TRIM);
		out = t ? json_string(t) : NULL;
		free(t);
		return out;
	}
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(name, cuts[i]))
			return cut(s, name, args);
	if (!strcmp(name, "concat") && json_array_size(args) == 1)
		return js_sum(on, json_array_get(args, 0));
	if (!a)
		return NULL;
	for (size_t i = 0; i < 4; i++)
		if (!strcmp(name, tests[i]))
			return test(s, name, a);
	if (!strcmp(name, "split"))
		return split(s, a);
	if (b && (!strcmp(name, "replace") || !strcmp(name, "replaceAll")))
		return replaced(s, a, b, name[7] != 0);
	return NULL;
}

json_t *js_method(const json_t *on, const char *name, const json_t *args)
{
	const char *arg = json_string_value(json_array_get(args, 0));

	if (json_is_object(on) && arg && !strcmp(name, "hasOwnProperty"))
		return json_boolean(json_object_get(on, arg) != NULL);
	if (json_is_string(on))
		return of_string(on, name, args);
	if (json_is_array(on) && !strcmp(name, "join"))
		return join(on, arg ? arg : ",");
	return NULL;
}

json_t *js_length(const json_t *on)
{
	if (json_is_string(on))
		return json_real((double)json_string_length(on));
	return json_is_array(on) ? json_real((double)json_array_size(on)) : NULL;
}
