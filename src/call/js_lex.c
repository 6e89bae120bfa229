/* js_lex.c - the words of JavaScript
 *
 * Whether a '/' divides or begins a regular expression follows from the token
 * before it.  A web server's include directive that nobody replaced
 * ("<!--# echo var="subdir" -->") is read as nothing, even where its quotes
 * would end the string that it stands in.
 */
#include "call/js_lex.h"
#include <ctype.h>
#include <string.h>
#include "base/text.h"

static bool ahead(const struct js_lex *l, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(l->end - l->p) >= n && !memcmp(l->p, s, n);
}

static void skip_space(struct js_lex *l)
{
	l->newline = false;
	for (;;) {
		if (l->p < l->end && (isspace((unsigned char)*l->p) || (unsigned char)*l->p >= 0x80)) {
			l->newline |= *l->p++ == '\n';
		} else if (ahead(l, "//")) {
			while (l->p < l->end && *l->p != '\n')
				l->p++;
		} else if (ahead(l, "/*")) {
			for (l->p += 2; l->p < l->end && !ahead(l, "*/"); l->p++)
				l->newline |= *l->p == '\n';
			l->p += ahead(l, "*/") ? 2 : 0;
		} else {
			return;
		}
	}
}

static unsigned hex_digits(struct js_lex *l, int n)
{
	unsigned v = 0;

	while (n-- > 0 && l->p < l->end && isxdigit((unsigned char)*l->p)) {
		char c = *l->p++;

		v = v * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return v;
}

static unsigned unicode_escape(struct js_lex *l)
{
	unsigned v;

	if (ahead(l, "{")) {
		l->p++;
		v = hex_digits(l, 6);
		l->p += ahead(l, "}") ? 1 : 0;
		return v;
	}
	v = hex_digits(l, 4);
	if (v >= 0xD800 && v < 0xDC00 && ahead(l, "\\u")) {     /* a pair of UTF-16 */
		l->p += 2;
		v = 0x10000 + ((v - 0xD800) << 10) + (hex_digits(l, 4) & 0x3FF);
	}
	return v;
}

static void escape(struct js_lex *l)
{
	char c = l->p < l->end ? *l->p++ : 0, out[4];
	unsigned v;

	switch (c) {
	case 'n':
		buf_addc(&l->text, '\n');
		break;
	case 't':
		buf_addc(&l->text, '\t');
		break;
	case 0: case '\n': case '\r': case 'b': case 'f': case 'v': case '0':
		break;
	case 'x':
	case 'u':
		v = c == 'x' ? hex_digits(l, 2) : unicode_escape(l);
		if (v && v < 0x110000 && (v < 0xD800 || v > 0xDFFF))
			buf_add(&l->text, out, text_utf8_put(out, v));
		break;
	default:
		buf_addc(&l->text, c);
	}
}

static bool skip_include(struct js_lex *l)
{
	const char *close;

	if (!ahead(l, "<!--#"))
		return false;
	close = memmem(l->p, (size_t)(l->end - l->p), "-->", 3);
	if (!close)
		return false;
	l->p = close + 3;
	return true;
}

static void read_string(struct js_lex *l, char quote)
{
	l->kind = JS_STRING;
	while (l->p < l->end && *l->p != quote) {
		if (skip_include(l))
			continue;
		if (*l->p == '\n')
			return;         /* an unclosed string ends with its line */
		if (*l->p == '\\') {
			l->p++;
			escape(l);
		} else {
			buf_addc(&l->text, *l->p++);
		}
	}
	l->p += l->p < l->end;
}

/* Kept raw, "${...}" and all; braces inside an expression are counted. */
static void read_template(struct js_lex *l)
{
	unsigned depth = 0;

	l->kind = JS_TEMPLATE;
	while (l->p < l->end && (depth || *l->p != '`')) {
		if (skip_include(l))
			continue;
		if (*l->p == '\\' && l->p + 1 < l->end)
			buf_addc(&l->text, *l->p++);
		else if (ahead(l, "${"))
			depth++;
		else if (depth && *l->p == '}')
			depth--;
		buf_addc(&l->text, *l->p++);
	}
	l->p += l->p < l->end;
}

static void read_regex(struct js_lex *l)
{
	bool set = false;

	l->kind = JS_REGEX;
	while (l->p < l->end && *l->p != '\n' && (set || *l->p != '/')) {
		if (*l->p == '\\')
			l->p++;
		else if (*l->p == '[' || *l->p == ']')
			set = *l->p == '[';
		l->p += l->p < l->end;
	}
	l->p += l->p < l->end;
	while (l->p < l->end && isalpha((unsigned char)*l->p))
		l->p++;
}

static void read_punct(struct js_lex *l)
{
	/* Longer ones first. */
	static const char *const ops[] = {
		"===", "!==", "...", ">>>", "**=", "||=", "&&=", "?\?=", "=>", "==", "!=", "<=", ">=",
		"&&", "||", "??", "?.", "+=", "-=", "*=", "/=", "++", "--", "**", "<<", ">>"
	};
	size_t n = 1;

	l->kind = JS_PUNCT;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ahead(l, ops[i])) {
			n = strlen(ops[i]);
			break;
		}
	memcpy(l->op, l->p, n);
	l->op[n] = 0;
	l->p += n;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* `return /x/` and the like: a word after which a value begins. */
static bool wants_value(const char *word)
{
	static const char *const words[] = {
		"return", "typeof", "case", "in", "of", "new", "void", "else"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

static void read_word(struct js_lex *l)
{
	bool number = isdigit((unsigned char)*l->p);

	l->kind = number ? JS_NUMBER : JS_NAME;
	while (l->p < l->end && (is_name(*l->p) || (number && *l->p == '.'))) {
		if (!number || *l->p != '_')
			buf_addc(&l->text, *l->p);
		l->p++;
	}
}

void js_lex_next(struct js_lex *l)
{
	skip_space(l);
	buf_clear(&l->text);
	l->start = l->p;
	l->was_value = l->value_before;
	*l->op = 0;
	if (l->p >= l->end)
		l->kind = JS_END;
	else if (is_name(*l->p))
		read_word(l);
	else if (*l->p == '"' || *l->p == '\'')
		l->p++, read_string(l, l->p[-1]);
	else if (*l->p == '`')
		l->p++, read_template(l);
	else if (*l->p == '/' && !l->value_before)
		l->p++, read_regex(l);
	else
		read_punct(l);
	l->value_before = l->kind == JS_PUNCT ? strchr(")]}", *l->op) != NULL && *l->op
		: l->kind != JS_NAME || !wants_value(buf_str(&l->text));
}

void js_lex_init(struct js_lex *l, const char *src, size_t len)
{
	memset(l, 0, sizeof(*l));
	l->p = src;
	l->end = src + len;
	js_lex_next(l);
}

void js_lex_free(struct js_lex *l)
{
	buf_free(&l->text);
}

void js_lex_back(struct js_lex *l, const char *start, bool was_value)
{
	l->p = start;
	l->value_before = was_value;
	js_lex_next(l);
}

bool js_at(const struct js_lex *l, const char *op)
{
	return l->kind == JS_PUNCT && !strcmp(l->op, op);
}

bool js_at_name(const struct js_lex *l, const char *name)
{
	return l->kind == JS_NAME && !strcmp(buf_str(&l->text), name);
}

static int depth_change(const struct js_lex *l)
{
	if (l->kind != JS_PUNCT || l->op[1])
		return 0;
	return strchr("([{", *l->op) ? 1 : strchr(")]}", *l->op) ? -1 : 0;
}

void js_skip_bracket(struct js_lex *l)
{
	int depth = 0;

	do {
		depth += depth_change(l);
		js_lex_next(l);
	} while (depth > 0 && l->kind != JS_END);
}

void js_skip_to(struct js_lex *l, const char *ends)
{
	int depth = 0;

	while (l->kind != JS_END) {
		if (!depth && l->kind == JS_PUNCT && !l->op[1] && strchr(ends, *l->op))
			return;
		depth += depth_change(l);
		if (depth < 0)
			return;         /* somebody else's bracket */
		js_lex_next(l);
	}
}
