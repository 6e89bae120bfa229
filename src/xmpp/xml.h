/* xml.h - a stanza as a small tree
 *
 * Parsing is expat's, with namespaces; document types, entities and
 * processing instructions are refused, depth, counts and size are bounded.
 * Elements know their full namespace; xml_write() repeats the declaration
 * literally on every element that had or was given one of its own, because
 * web clients select by the literal attribute.  -ENOMEM everywhere; nothing
 * here aborts.
 */
#ifndef XMPP_XML_H
#define XMPP_XML_H
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

struct xml;

struct xml_limits {
	size_t max_bytes;       /* of the text; 0: 1 MiB */
	unsigned max_depth;     /* 0: 32 */
	unsigned max_nodes;     /* elements and attributes; 0: 20000 */
};

/* One whole element.  Blanks around it are allowed.  -EINVAL: not
 * well-formed or refused, *why (static) says what; -E2BIG: a limit. */
int xml_parse(struct xml **out, const char *buf, size_t len,
	      const struct xml_limits *limits, const char **why);
void xml_free(struct xml **x);          /* with all children; x must be a root */
int xml_dup(struct xml **out, const struct xml *x);

/* name is the local name, never NULL; ns the full namespace, "" for none. */
const char *xml_name(const struct xml *x);
const char *xml_ns(const struct xml *x);
/* x is NULL-safe below: a search that fails gives a search that fails. */
bool xml_is(const struct xml *x, const char *name, const char *ns); /* ns NULL: any */
const char *xml_attr(const struct xml *x, const char *name);    /* NULL if absent */
bool xml_is_true(const struct xml *x, const char *name);        /* "true" or "1", as XML Schema has it */
/* All text directly inside x, joined; "" if none; lent. */
const char *xml_text(const struct xml *x);

const struct xml *xml_first(const struct xml *x);       /* first child element */
const struct xml *xml_next(const struct xml *x);        /* next sibling */
/* First child with this name; name or ns NULL: any. */
const struct xml *xml_child(const struct xml *x, const char *name, const char *ns);
/* The next sibling of `after` like that. */
const struct xml *xml_next_like(const struct xml *after, const char *name, const char *ns);
const char *xml_child_text(const struct xml *x, const char *name, const char *ns); /* NULL if absent */

/* Building.  A new root or child; ns NULL inherits the parent's.  A failed
 * allocation marks the root, later calls do nothing, xml_write() returns
 * -ENOMEM: so builders check once.  NULL parents are ignored. */
struct xml *xml_new(const char *name, const char *ns);
struct xml *xml_add(struct xml *parent, const char *name, const char *ns);
void xml_set(struct xml *x, const char *name, const char *value); /* NULL removes */
void xml_setf(struct xml *x, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Replaces the text; characters that XML 1.0 forbids are left out. */
void xml_set_text(struct xml *x, const char *text);
/* Adds an element with text; returns it. */
struct xml *xml_add_text(struct xml *parent, const char *name, const char *ns, const char *text);
/* Moves child (a root of its own) under parent and owns it. */
void xml_adopt(struct xml *parent, struct xml *child);
/* Copies src with all children under parent. */
void xml_add_copy(struct xml *parent, const struct xml *src);
/* Removes and frees a child. */
void xml_remove(struct xml *parent, const struct xml *child);
struct xml *xml_first_mut(struct xml *x);
struct xml *xml_child_mut(struct xml *x, const char *name, const char *ns);

/* Appends the text.  Double quotes, & < > " ' escaped. 0 or -ENOMEM. */
int xml_write(const struct xml *x, struct buf *out);

#endif
