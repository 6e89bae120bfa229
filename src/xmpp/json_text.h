/* json_text.h - JSON read by jansson, written through struct buf
 *
 * jansson's own writer needs an allocation a value, and a set of values that
 * lost one looks whole; a buf remembers that it failed.
 */
#ifndef XMPP_JSON_TEXT_H
#define XMPP_JSON_TEXT_H
#include <jansson.h>
#include <stddef.h>
#include "base/buf.h"

enum { JSON_TEXT_MAX = 1 << 20 };       /* bytes; no stanza is longer */

/* An object or array.  0, -EINVAL, -ENOMEM; *out is NULL on failure. */
int json_text_load(json_t **out, const char *s, size_t len);
/* A string with its quotes; invalid UTF-8 becomes U+FFFD. */
void json_text_string(struct buf *out, const char *s);

#endif
