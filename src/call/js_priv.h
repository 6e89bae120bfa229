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
	const char *root;       /* the whole file, where functions stand */
	size_t root_len;
	long *work;             /* allowance of calls yet to be run; shared, too */
	bool in_function, returned;
	bool unsure;            /* something in it could not be followed */
	json_t *result;         /* of the function */
};

/* js_value.c.  NULL: not known. */
json_t *js_expression(struct js *j);
/* Takes v; key NULL or v NULL: nothing is put. */
void js_put(struct js *j, json_t *o, const char *key, json_t *v);
json_t *js_sum(const json_t *a, const json_t *b);
int js_truth(const json_t *v);          /* 1 true, 0 false, -1 unknown */

/* js.c: from one statement's first token past its end. */
void js_skip_statement(struct js *j);
void js_block(struct js *j);            /* "{...}", run */

/* js_call.c */
json_t *js_function(struct js *j, const char *at);      /* whose parameters stand there */
bool js_is_function(const json_t *v);
/* From the "(" past the ")"; NULL: no function, or not known what it gives. */
json_t *js_call(struct js *j, const json_t *fn);
json_t *js_method(const json_t *on, const char *name, const json_t *args);
json_t *js_length(const json_t *on);

#endif
