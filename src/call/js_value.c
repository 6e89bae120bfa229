/* js_value.c - values: literals, sums, templates, what is known of variables
 *
 * A value that is no literal, no known variable and no sum of these is unknown
 * (NULL); its expression is read past all the same.
 *
 * Values come from variables by reference and are copied where they are put
 * into another one, within a budget: so a file can neither tie them into a
 * ring nor blow them up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "call/js_priv.h"

enum { STRING_MAX_BYTES = 65536 };

/* ---- values ---- */

static json_t *copy_value(struct js *j, const json_t *v, unsigned depth)
{
	json_t *out = NULL, *child;
	const char *key;
	size_t i;

	if (!*j->budget || depth > JS_DEPTH_MAX)
		return NULL;
	--*j->budget;
	if (json_is_object(v)) {
		out = json_object();
		json_object_foreach((json_t *)(uintptr_t)v, key, child)
			json_object_set_new(out, key, copy_value(j, child, depth + 1));
	} else if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, child)
			json_array_append_new(out, copy_value(j, child, depth + 1));
	} else {
		out = json_incref((json_t *)(uintptr_t)v);
	}
	return out;
}

/* Takes v; what somebody else holds, too, is copied. */
static json_t *own(struct js *j, json_t *v)
{
	json_t *out;

	if (!v || (!json_is_object(v) && !json_is_array(v))) {
		if (v && *j->budget)
			--*j->budget;
		else if (v)
			json_decref(v), v = NULL;
		return v;
	}
	if (v->refcount == 1 && *j->budget) {
		--*j->budget;
		return v;
	}
	out = copy_value(j, v, 0);
	json_decref(v);
	return out;
}

int js_truth(const json_t *v)
{
	if (!v)
		return -1;
	if (json_is_string(v))
		return *json_string_value(v) != 0;
	if (json_is_number(v))
		return json_number_value(v) != 0;
	return !json_is_null(v) && !json_is_false(v);
}

static bool add_text(struct buf *b, const json_t *v)
{
	if (json_is_string(v))
		buf_adds(b, json_string_value(v));
	else if (json_is_number(v))
		buf_addf(b, "%.15g", json_number_value(v));
	else if (json_is_boolean(v))
		buf_adds(b, json_is_true(v) ? "true" : "false");
	else
		return false;
	return b->len <= STRING_MAX_BYTES;
}

json_t *js_sum(const json_t *a, const json_t *b)
{
	struct buf s = { 0 };
	json_t *out = NULL;

	if (json_is_number(a) && json_is_number(b))
		return json_real(json_number_value(a) + json_number_value(b));
	if (add_text(&s, a) && add_text(&s, b))
		out = json_string(buf_str(&s));
	buf_free(&s);
	return out;
}

static json_t *arithmetic(char op, double a, double b)
{
	switch (op) {
	case '-':
		return json_real(a - b);
	case '*':
		return json_real(a * b);
	case '/':
		return b != 0 ? json_real(a / b) : NULL;
	case '<':
		return json_boolean(a < b);
	case '>':
		return json_boolean(a > b);
	default:
		return NULL;
	}
}

static json_t *operate(const char *op, json_t *a, json_t *b)
{
	int ta = js_truth(a);
	json_t *out = NULL;

	if (!strcmp(op, "||"))
		out = json_incref(ta == 1 ? a : b);
	else if (!strcmp(op, "??"))
		out = json_incref(a && !json_is_null(a) ? a : b);
	else if (!strcmp(op, "&&"))
		out = ta < 0 ? NULL : json_incref(ta ? b : a);
	else if (!strncmp(op, "==", 2))
		out = a && b ? json_boolean(json_equal(a, b)) : NULL;
	else if (!strncmp(op, "!=", 2))
		out = a && b ? json_boolean(!json_equal(a, b)) : NULL;
	else if (!strcmp(op, "+"))
		out = js_sum(a, b);
	else if (!op[1] && json_is_number(a) && json_is_number(b))
		out = arithmetic(*op, json_number_value(a), json_number_value(b));
	json_decref(a);
	json_decref(b);
	return out;
}

/* ---- operands ---- */

void js_put(struct js *j, json_t *o, const char *key, json_t *v)
{
	v = own(j, v);
	if (v && key)
		json_object_set_new(o, key, v);
	else
		json_decref(v);
}

static char *key_text(const json_t *v)
{
	struct buf b = { 0 };

	if (!add_text(&b, v)) {
		buf_free(&b);
		return NULL;
	}
	return buf_steal(&b);
}

static json_t *look_up(struct js *j, const char *name)
{
	static const char *const globals[] = { "window", "self", "globalThis", "document" };

	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++)
		if (!strcmp(name, globals[i]))
			return json_incref(j->vars);
	return json_incref(json_object_get(j->vars, name));
}

/* `get x() {}`, `async x() {}`: the word before the name. */
static bool is_prefix(const char *key, const struct js_lex *l)
{
	return (!strcmp(key, "get") || !strcmp(key, "set") || !strcmp(key, "async")) &&
	       (l->kind == JS_NAME || l->kind == JS_STRING);
}

static void object_entry(struct js *j, json_t *o)
{
	struct js_lex *l = &j->l;
	char *key = NULL;
	json_t *v;

	if (js_at(l, "...")) {
		js_lex_next(l);
		v = own(j, js_expression(j));
		if (json_is_object(v))
			json_object_update(o, v);
		json_decref(v);
		return;
	}
	if (js_at(l, "[")) {
		js_lex_next(l);
		v = js_expression(j);
		key = v ? key_text(v) : NULL;
		json_decref(v);
		js_skip_to(l, "]");
		js_lex_next(l);
	} else if (l->kind == JS_NAME || l->kind == JS_STRING || l->kind == JS_NUMBER) {
		key = strdup(buf_str(&l->text));
		js_lex_next(l);
		if (key && is_prefix(key, l))
			js_lex_next(l);
	}
	if (js_at(l, ":")) {
		js_lex_next(l);
		js_put(j, o, key, js_expression(j));
	} else if (js_at(l, "(")) {
		js_skip_bracket(l);
		if (js_at(l, "{"))
			js_skip_bracket(l);
	} else if (key && (js_at(l, ",") || js_at(l, "}"))) {
		js_put(j, o, key, look_up(j, key));
	}
	free(key);
}

static json_t *object_literal(struct js *j)
{
	json_t *o = json_object();

	js_lex_next(&j->l);
	while (j->l.kind != JS_END && !js_at(&j->l, "}")) {
		object_entry(j, o);
		js_skip_to(&j->l, ",}");
		if (!js_at(&j->l, ","))
			break;
		js_lex_next(&j->l);
	}
	if (js_at(&j->l, "}"))
		js_lex_next(&j->l);
	return o;
}

/* Elements up to the closing one, which is read, too.  into: an array, or
 * NULL to forget them. */
static void elements(struct js *j, json_t *into, const char *close)
{
	char ends[3] = { ',', *close, 0 };

	js_lex_next(&j->l);
	while (j->l.kind != JS_END && !js_at(&j->l, close)) {
		json_t *v = own(j, js_expression(j));

		if (v && into)
			json_array_append_new(into, v);
		else
			json_decref(v);
		js_skip_to(&j->l, ends);
		if (!js_at(&j->l, ","))
			break;
		js_lex_next(&j->l);
	}
	if (js_at(&j->l, close))
		js_lex_next(&j->l);
}

static json_t *array_literal(struct js *j)
{
	json_t *a = json_array();

	elements(j, a, "]");
	return a;
}

static json_t *inner(struct js *j, const char *src, size_t len)
{
	struct js sub = { .vars = j->vars, .depth = j->depth + 1, .budget = j->budget, .root = j->root,
		.root_len = j->root_len, .work = j->work };
	json_t *v;

	if (sub.depth > JS_DEPTH_MAX)
		return NULL;
	js_lex_init(&sub.l, src, len);
	v = js_expression(&sub);
	if (sub.l.kind != JS_END) {
		json_decref(v);
		v = NULL;
	}
	js_lex_free(&sub.l);
	return v;
}

/* `text ${expression} text`; unknown if any part is. */
static json_t *template_text(struct js *j, const char *raw)
{
	struct buf b = { 0 };
	json_t *v, *out;
	bool known = true;

	while (*raw && known) {
		if (raw[0] == '$' && raw[1] == '{') {
			const char *start = raw += 2;
			unsigned depth = 1;

			for (; *raw && depth; raw++)
				depth += (*raw == '{') - (*raw == '}');
			v = inner(j, start, (size_t)(raw - start) - !depth);
			known = v && add_text(&b, v);
			json_decref(v);
		} else {
			raw += *raw == '\\' && raw[1];
			buf_addc(&b, *raw++);
		}
	}
	out = known ? json_string(buf_str(&b)) : NULL;
	buf_free(&b);
	return out;
}

/* "function name(a, b) {...}": where the parameters stand. */
static json_t *function(struct js *j)
{
	struct js_lex *l = &j->l;
	json_t *fn;

	js_lex_next(l);
	js_skip_to(l, "({;");
	fn = js_at(l, "(") ? js_function(j, l->start) : NULL;
	if (js_at(l, "("))
		js_skip_bracket(l);
	if (js_at(l, "{"))
		js_skip_bracket(l);
	return fn;
}

static json_t *word(struct js *j)
{
	struct js_lex *l = &j->l;
	json_t *v = NULL;

	if (js_at_name(l, "class")) {
		js_skip_statement(j);
		return NULL;
	}
	if (js_at_name(l, "function"))
		return function(j);
	if (js_at_name(l, "true") || js_at_name(l, "false"))
		v = json_boolean(js_at_name(l, "true"));
	else if (js_at_name(l, "null") || js_at_name(l, "undefined"))
		v = json_null();
	else
		v = look_up(j, buf_str(&l->text));
	js_lex_next(l);
	return v;
}

static json_t *primary(struct js *j)
{
	struct js_lex *l = &j->l;
	json_t *v = NULL;
	char *raw;

	switch (l->kind) {
	case JS_STRING:
		v = json_string(buf_str(&l->text));
		js_lex_next(l);
		return v;
	case JS_TEMPLATE:
		raw = buf_steal(&l->text);
		js_lex_next(l);
		v = raw ? template_text(j, raw) : NULL;
		free(raw);
		return v;
	case JS_NUMBER:
		v = json_real(strtod(buf_str(&l->text), NULL));
		js_lex_next(l);
		return v;
	case JS_NAME:
		return word(j);
	case JS_REGEX:
		js_lex_next(l);
		return NULL;
	default:
		break;
	}
	if (js_at(l, "{"))
		return object_literal(j);
	if (js_at(l, "["))
		return array_literal(j);
	if (js_at(l, "(")) {
		js_lex_next(l);
		v = js_at(l, ")") ? NULL : js_expression(j);
		if (!js_at(l, ")")) {   /* a list: its last would count, if we cared */
			json_decref(v);
			v = NULL;
			js_skip_to(l, ")");
		}
		js_lex_next(l);
	}
	return v;
}

static json_t *member(struct js *j, json_t *of)
{
	struct js_lex *l = &j->l;
	char *name = l->kind == JS_NAME ? strdup(buf_str(&l->text)) : NULL;
	json_t *out = NULL, *args;

	if (name)
		js_lex_next(l);
	if (name && js_at(l, "(")) {
		json_t *fn = json_incref(json_object_get(of, name));

		if (js_is_function(fn)) {
			out = js_call(j, fn);
		} else {
			args = json_array();
			elements(j, args, ")");
			out = js_method(of, name, args);
			json_decref(args);
		}
		json_decref(fn);
	} else if (name && !strcmp(name, "length")) {
		out = js_length(of);
	} else if (name) {
		out = json_incref(json_object_get(of, name));
	}
	free(name);
	json_decref(of);
	return out;
}

static json_t *element(struct js *j, json_t *of)
{
	json_t *k, *out = NULL;

	js_lex_next(&j->l);
	k = js_expression(j);
	js_skip_to(&j->l, "]");
	js_lex_next(&j->l);
	if (json_is_string(k))
		out = json_incref(json_object_get(of, json_string_value(k)));
	else if (json_is_number(k) && json_number_value(k) >= 0 && json_number_value(k) < 1e6)
		out = json_incref(json_array_get(of, (size_t)json_number_value(k)));
	json_decref(k);
	json_decref(of);
	return out;
}

static json_t *operand(struct js *j)
{
	struct js_lex *l = &j->l;
	json_t *v = primary(j);

	for (;;) {
		if (js_at(l, ".") || js_at(l, "?.")) {
			js_lex_next(l);
			v = member(j, v);
		} else if (js_at(l, "[") && !l->newline) {
			v = element(j, v);
		} else if (js_at(l, "(")) {
			json_t *out = js_call(j, v);

			json_decref(v);
			v = out;
		} else if (l->kind == JS_TEMPLATE || js_at(l, "++") || js_at(l, "--")) {
			js_lex_next(l);
			json_decref(v);
			v = NULL;
		} else {
			return v;
		}
	}
}

static json_t *unary(struct js *j)
{
	struct js_lex *l = &j->l;
	static const char *const words[] = { "typeof", "new", "void", "delete", "await" };
	bool not = js_at(l, "!"), minus = js_at(l, "-"), other = js_at(l, "+") || js_at(l, "~") ||
	     js_at(l, "++") || js_at(l, "--") || js_at(l, "...");
	json_t *v, *out = NULL;
	int t;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		other |= js_at_name(l, words[i]);
	if (!not && !minus && !other)
		return operand(j);
	if (++j->depth > JS_DEPTH_MAX) {
		j->depth--;
		js_skip_to(l, ",;)]}");
		return NULL;
	}
	js_lex_next(l);
	v = unary(j);
	t = js_truth(v);
	if (not && t >= 0)
		out = json_boolean(!t);
	else if (minus && json_is_number(v))
		out = json_real(-json_number_value(v));
	json_decref(v);
	j->depth--;
	return out;
}

/* How tight an operator binds; 0: none. */
static int tightness(const struct js_lex *l)
{
	static const struct { const char *op; int n; } table[] = {
		{ "||", 1 }, { "??", 1 }, { "&&", 2 }, { "|", 3 }, { "^", 3 }, { "&", 3 },
		{ "==", 4 }, { "===", 4 }, { "!=", 4 }, { "!==", 4 }, { "<", 5 }, { ">", 5 },
		{ "<=", 5 }, { ">=", 5 }, { "<<", 6 }, { ">>", 6 }, { ">>>", 6 }, { "+", 7 },
		{ "-", 7 }, { "*", 8 }, { "/", 8 }, { "%", 8 }, { "**", 9 }
	};

	if (js_at_name(l, "in") || js_at_name(l, "instanceof"))
		return 5;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (js_at(l, table[i].op))
			return table[i].n;
	return 0;
}

static json_t *binary(struct js *j, int least)
{
	json_t *v = unary(j);
	int n;

	while ((n = tightness(&j->l)) >= least && n) {
		char op[5];

		memcpy(op, j->l.op, sizeof(op));
		js_lex_next(&j->l);
		v = operate(op, v, binary(j, n + 1));
	}
	return v;
}

static bool is_assignment(const struct js_lex *l)
{
	static const char *const ops[] = { "=", "+=", "-=", "*=", "/=", "||=", "&&=", "?\?=", "**=" };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (js_at(l, ops[i]))
			return true;
	return false;
}

static json_t *choose(struct js *j, json_t *condition)
{
	int t = js_truth(condition);
	json_t *a, *b, *out;

	json_decref(condition);
	js_lex_next(&j->l);
	a = js_expression(j);
	if (js_at(&j->l, ":"))
		js_lex_next(&j->l);
	b = js_expression(j);
	out = t < 0 ? NULL : json_incref(t ? a : b);
	json_decref(a);
	json_decref(b);
	return out;
}

json_t *js_expression(struct js *j)
{
	struct js_lex *l = &j->l;
	const char *start;
	json_t *v = NULL;

	if (++j->depth > JS_DEPTH_MAX) {
		js_skip_to(l, ",;)]}");
		j->depth--;
		return NULL;
	}
	if (js_at_name(l, "async"))
		js_lex_next(l);
	start = l->start;
	v = binary(j, 1);
	if (js_at(l, "?")) {
		v = choose(j, v);
	} else if (js_at(l, "=>")) {
		json_decref(v);
		v = js_function(j, start);
		js_lex_next(l);
		if (js_at(l, "{"))
			js_skip_bracket(l);
		else
			js_skip_to(l, ",;)]}");
	} else if (is_assignment(l)) {
		json_decref(v);
		js_lex_next(l);
		v = js_expression(j);
	}
	j->depth--;
	return v;
}
