/* js.c - reading settings out of JavaScript without running it
 *
 * Statement by statement: declarations, assignments to paths, conditions that
 * are known, calls of the file's own functions.  Loops are passed over; so but
 * for calls, which have an allowance, nothing is looked at more than twice.
 */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "call/js_priv.h"

enum {
	VALUES_MAX = 20000,             /* kept in all; the largest real file has some 800 */
	WORK_MAX = 2000000              /* bytes read in functions; some 500 calls */
};

static void statement(struct js *j);

static void skip_simple(struct js *j)
{
	struct js_lex *l = &j->l;
	const char *first = l->start;

	while (l->kind != JS_END && !js_at(l, ";") && !js_at(l, "}") && !js_at(l, ")") && !js_at(l, "]")) {
		if (l->start != first && l->newline && l->was_value && l->kind == JS_NAME)
			return;
		if (js_at(l, "(") || js_at(l, "[") || js_at(l, "{"))
			js_skip_bracket(l);
		else
			js_lex_next(l);
	}
	if (!js_at(l, "}"))
		js_lex_next(l);
}

/* From one statement's first token past its end. */
void js_skip_statement(struct js *j)
{
	struct js_lex *l = &j->l;
	static const char *const heads[] = { "if", "for", "while", "with", "switch", "catch", "else",
		"try", "finally", "do" };

	if (++j->depth > JS_DEPTH_MAX) {
		js_skip_to(l, ";}");
		j->depth--;
		return;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (js_at_name(l, heads[i])) {
			js_lex_next(l);
			if (js_at(l, "("))
				js_skip_bracket(l);
			js_skip_statement(j);
			if (js_at_name(l, "else") || js_at_name(l, "catch") || js_at_name(l, "finally"))
				js_skip_statement(j);
			j->depth--;
			return;
		}
	if (js_at(l, "{")) {
		js_skip_bracket(l);
	} else if (js_at_name(l, "function") || js_at_name(l, "class")) {
		js_skip_to(l, "{;");
		if (js_at(l, "{"))
			js_skip_bracket(l);
	} else {
		skip_simple(j);
	}
	j->depth--;
}

static void end_statement(struct js *j)
{
	struct js_lex *l = &j->l;

	if (js_at(l, ";"))
		js_lex_next(l);
	else if (l->kind != JS_END && !js_at(l, "}") && !(l->newline && l->was_value))
		skip_simple(j);
}

static void declare(struct js *j)
{
	struct js_lex *l = &j->l;

	do {
		char *name;
		json_t *v = NULL;

		js_lex_next(l);
		if (l->kind != JS_NAME)
			break;
		name = strdup(buf_str(&l->text));
		js_lex_next(l);
		if (js_at(l, "=")) {
			js_lex_next(l);
			v = js_expression(j);
		}
		js_put(j, j->vars, name, v);
		free(name);
	} while (js_at(l, ","));
	end_statement(j);
}

/* Walks "a.b['c']" to the object that holds the last name, which *last gets;
 * objects on the way are made.  NULL: it is no such path. */
static json_t *walk(struct js *j, char **last)
{
	struct js_lex *l = &j->l;
	json_t *o = j->vars;

	for (;;) {
		json_t *child;
		bool bracket;

		if (l->kind != JS_NAME && l->kind != JS_STRING)
			return NULL;
		text_set(last, buf_str(&l->text));
		js_lex_next(l);
		if (o == j->vars && (!strcmp(*last, "window") || !strcmp(*last, "self")) && js_at(l, ".")) {
			js_lex_next(l);
			continue;
		}
		if (js_at(l, "]"))
			js_lex_next(l);
		bracket = js_at(l, "[");
		if (!bracket && !js_at(l, "."))
			return o;
		child = json_object_get(o, *last);
		if (!json_is_object(child)) {
			/* Only what assignments of ours made is written into. */
			js_put(j, o, *last, json_object());
			child = json_object_get(o, *last);
		}
		if (!child)
			return NULL;
		o = child;
		js_lex_next(l);
	}
}

/* Is this `a.b.c =` or `+=`?  Reads over the path only. */
static bool is_path_assignment(struct js *j)
{
	struct js_lex *l = &j->l;
	const char *start = l->start;
	bool was_value = l->was_value, yes;

	js_lex_next(l);
	while (js_at(l, ".") || js_at(l, "[")) {
		bool bracket = js_at(l, "[");

		js_lex_next(l);
		if (l->kind != (bracket ? JS_STRING : JS_NAME))
			break;
		js_lex_next(l);
		if (bracket && js_at(l, "]"))
			js_lex_next(l);
	}
	yes = js_at(l, "=") || js_at(l, "+=");
	js_lex_back(l, start, was_value);
	return yes;
}

static void assign(struct js *j)
{
	char *last = NULL;
	json_t *o = walk(j, &last), *v;
	bool add = js_at(&j->l, "+=");

	js_lex_next(&j->l);
	v = js_expression(j);
	if (add && o) {
		json_t *all = js_sum(json_object_get(o, last), v);

		json_decref(v);
		v = all;
	}
	if (v && o && last)
		js_put(j, o, last, v);
	else
		json_decref(v);
	free(last);
	end_statement(j);
}

/* What every deployment's file does with the tenant that its web server put
 * in: the last dot stays, the others become '_', all in lower case. */
static void rewrite_subdomain(struct js *j)
{
	const char *s = json_string_value(json_object_get(j->vars, "subdomain"));
	struct buf b = { 0 };
	size_t n = s ? strlen(s) : 0;

	if (!n)
		return;
	for (size_t i = 0; i + 1 < n; i++)
		buf_addc(&b, s[i] == '.' ? '_' : s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i]);
	buf_addc(&b, '.');
	js_put(j, j->vars, "subdomain", json_string(buf_str(&b)));
	buf_free(&b);
}

/* Branches that are known run; where the condition is not, neither does. */
static void condition(struct js *j)
{
	struct js_lex *l = &j->l;
	bool subdomain;
	json_t *v;
	int t;

	js_lex_next(l);
	if (!js_at(l, "(")) {
		js_skip_statement(j);
		return;
	}
	js_lex_next(l);
	subdomain = js_at_name(l, "subdomain");
	v = js_expression(j);
	subdomain = subdomain && js_at(l, ")");
	t = js_truth(v);
	json_decref(v);
	js_skip_to(l, ")");
	js_lex_next(l);
	j->unsure |= t < 0;
	if (subdomain)
		rewrite_subdomain(j);
	if (t == 1 && !subdomain)
		statement(j);
	else
		js_skip_statement(j);
	if (j->returned || !js_at_name(l, "else"))
		return;
	js_lex_next(l);
	if (t == 0)
		statement(j);
	else
		js_skip_statement(j);
}

void js_block(struct js *j)
{
	js_lex_next(&j->l);
	while (j->l.kind != JS_END && !js_at(&j->l, "}") && !j->returned) {
		const char *before = j->l.start;

		statement(j);
		if (j->l.start == before)
			js_lex_next(&j->l);
	}
	js_lex_next(&j->l);
}

static bool is_passed_over(const struct js_lex *l)
{
	static const char *const words[] = { "for", "while", "switch", "with", "do", "class", "return",
		 "throw", "break", "continue", "import", "export", "async" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (js_at_name(l, words[i]))
			return true;
	return false;
}

static void give_back(struct js *j)
{
	struct js_lex *l = &j->l;

	js_lex_next(l);
	if (!js_at(l, ";") && !js_at(l, "}") && !l->newline)
		j->result = js_expression(j);
	j->returned = true;
}

static void named_function(struct js *j)
{
	struct js_lex *l = &j->l;
	char *name;

	js_lex_next(l);
	if (js_at(l, "*"))              /* gives one thing after another */
		js_lex_next(l);
	name = l->kind == JS_NAME ? strdup(buf_str(&l->text)) : NULL;
	if (name)
		js_lex_next(l);
	if (js_at(l, "("))
		js_put(j, j->vars, name, js_function(j, l->start));
	js_skip_to(l, "{;");
	if (js_at(l, "{"))
		js_skip_bracket(l);
	free(name);
}

/* Taken to succeed: what fails in it is not known, and changes nothing. */
static void attempt(struct js *j)
{
	struct js_lex *l = &j->l;

	js_lex_next(l);
	if (js_at(l, "{"))
		js_block(j);
	if (js_at_name(l, "catch") && !j->returned)
		js_skip_statement(j);
	if (js_at_name(l, "finally") && !j->returned)
		js_skip_statement(j);
}

static void statement(struct js *j)
{
	struct js_lex *l = &j->l;

	if (++j->depth > JS_DEPTH_MAX || (js_at_name(l, "return") && !j->in_function)) {
		js_skip_statement(j);
	} else if (js_at_name(l, "return")) {
		give_back(j);
	} else if (js_at_name(l, "function")) {
		named_function(j);
	} else if (js_at_name(l, "try")) {
		attempt(j);
	} else if (is_passed_over(l)) {
		j->unsure = true;       /* a loop may give something back, or not */
		js_skip_statement(j);
	} else if (js_at_name(l, "var") || js_at_name(l, "let") || js_at_name(l, "const")) {
		declare(j);
	} else if (js_at_name(l, "if")) {
		condition(j);
	} else if (js_at(l, "{")) {
		js_block(j);
	} else if (l->kind == JS_NAME && is_path_assignment(j)) {
		assign(j);
	} else {
		json_decref(js_expression(j));
		end_statement(j);
	}
	j->depth--;
}

void js_read(json_t *vars, const char *src, size_t len)
{
	unsigned budget = VALUES_MAX;
	long work = WORK_MAX;
	struct js j = { .vars = vars, .budget = &budget, .root = src, .root_len = len, .work = &work };

	js_lex_init(&j.l, src, len);
	while (j.l.kind != JS_END) {
		const char *before = j.l.start;

		statement(&j);
		if (j.l.start == before && j.l.kind != JS_END)
			js_lex_next(&j.l);
	}
	js_lex_free(&j.l);
}
