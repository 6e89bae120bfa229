/* js.h - the part of JavaScript in which deployments write their settings
 *
 * Reads declarations, assignments to paths of variables, literals, sums,
 * conditions that are known, and follows calls of functions that stand in the
 * file, within an allowance; passes over all else statement by statement.
 * Values are kept as JSON; what cannot be known is absent.
 */
#ifndef CALL_JS_H
#define CALL_JS_H
#include <jansson.h>
#include <stddef.h>

/* Adds the variables of src to vars (an object), which may hold some.  Never
 * fails: what is no JavaScript simply sets nothing. */
void js_read(json_t *vars, const char *src, size_t len);

#endif
