/* js_lex.h - the words of JavaScript (files of js.h) */
#ifndef CALL_JS_LEX_H
#define CALL_JS_LEX_H
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

enum js_token { JS_END, JS_NAME, JS_STRING, JS_TEMPLATE, JS_NUMBER, JS_PUNCT, JS_REGEX };

struct js_lex {
	const char *p, *end;    /* what is still unread */
	const char *start;      /* of this token */
	enum js_token kind;
	char op[5];             /* of JS_PUNCT: "=", "===", "=>" */
	struct buf text;        /* of names and numbers; strings decoded; templates raw */
	bool newline;           /* a line ended before this token */
	bool value_before;      /* this token ends a value: a '/' after it divides */
	bool was_value;         /* the one before it did */
};

void js_lex_init(struct js_lex *l, const char *src, size_t len); /* reads the first */
void js_lex_next(struct js_lex *l);
void js_lex_free(struct js_lex *l);
/* Goes back to where a token began. */
void js_lex_back(struct js_lex *l, const char *start, bool was_value);

bool js_at(const struct js_lex *l, const char *op);
bool js_at_name(const struct js_lex *l, const char *name);
/* "(...)" and the like: from the opening one past the closing one. */
void js_skip_bracket(struct js_lex *l);
/* Up to one of the closing or separating characters at this depth; consumes none of them. */
void js_skip_to(struct js_lex *l, const char *ends);

#endif
