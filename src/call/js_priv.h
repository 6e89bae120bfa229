/* js_priv.h - what js.c and js_value.c share */
#ifndef CALL_JS_PRIV_H
#define CALL_JS_PRIV_H
#include "call/js.h"
#include "call/js_lex.h"

enum { JS_DEPTH_MAX = 40 };

struct js {
	struct js_lex l;
	json_t *vars;
	unsigned depth;
	unsigned *budget;       /* values yet to be kept; shared with the readers of templates */
};

/* js_value.c.  NULL: not known. */
json_t *js_expression(struct js *j);
/* Takes v; key NULL or v NULL: nothing is put. */
void js_put(struct js *j, json_t *o, const char *key, json_t *v);
json_t *js_sum(const json_t *a, const json_t *b);
int js_truth(const json_t *v);          /* 1 true, 0 false, -1 unknown */

/* js.c: from one statement's first token past its end. */
void js_skip_statement(struct js *j);

#endif
