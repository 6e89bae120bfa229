/* xml.c - a stanza as a small tree, over expat
 *
 * One malloc'ed node an element, its strings beside it: stanzas are small and
 * short-lived, and a tree that anybody can build, copy and free node by node
 * is worth more than speed here.  Mixed content keeps its text and its
 * children, not their order: no stanza of this protocol depends on it.
 */
#include "xmpp/xml.h"
#include <errno.h>
#include <expat.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 32, MAX_NODES = 20000 };

struct attr {
	struct attr *next;
	char *name, *value;
};

struct xml {
	struct xml *parent, *next, *first, *last;
	char *name;
	char *ns;               /* never NULL */
	bool literal;           /* the declaration stood, or is to stand, here */
	struct attr *attrs;
	struct buf text;
	bool failed;            /* root only: an allocation failed */
};

/* ---- nodes ---- */

static void fail_root(struct xml *x)
{
	while (x->parent)
		x = x->parent;
	x->failed = true;
}

static void node_free(struct xml *x)
{
	while (x->first) {
		struct xml *c = x->first;

		x->first = c->next;
		node_free(c);
	}
	while (x->attrs) {
		struct attr *a = x->attrs;

		x->attrs = a->next;
		free(a->name);
		free(a->value);
		free(a);
	}
	buf_free(&x->text);
	free(x->name);
	free(x->ns);
	free(x);
}

static struct xml *node_new(const char *name, const char *ns, bool literal)
{
	struct xml *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->name = strdup(name);
	x->ns = strdup(ns);
	x->literal = literal;
	if (!x->name || !x->ns) {
		node_free(x);
		return NULL;
	}
	return x;
}

static void link_child(struct xml *parent, struct xml *c)
{
	c->parent = parent;
	c->next = NULL;
	if (parent->last)
		parent->last->next = c;
	else
		parent->first = c;
	parent->last = c;
}

static struct attr *attr_find(const struct xml *x, const char *name)
{
	for (struct attr *a = x->attrs; a; a = a->next)
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

/* Puts an attribute at *end, where the list ends. */
static int attr_append(struct attr **end, const char *name, const char *value)
{
	struct attr *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->name = strdup(name);
	a->value = strdup(value);
	if (!a->name || !a->value) {
		free(a->name);
		free(a->value);
		free(a);
		return -ENOMEM;
	}
	*end = a;
	return 0;
}

static int attr_add(struct xml *x, const char *name, const char *value)
{
	struct attr **end = &x->attrs;

	while (*end)
		end = &(*end)->next;
	return attr_append(end, name, value);
}

void xml_free(struct xml **x)
{
	if (*x)
		node_free(*x);
	*x = NULL;
}

/* ---- parsing ---- */

struct parse {
	XML_Parser p;
	struct xml_limits limits;
	struct xml *root, *at;
	unsigned depth, nodes;
	bool literal;           /* a default declaration was seen for the next element */
	int err;
	const char *why;
};

static void stop(struct parse *s, int err, const char *why)
{
	if (!s->err) {
		s->err = err;
		s->why = why;
	}
	XML_StopParser(s->p, XML_FALSE);
}

/* expat joins namespace and name by our separator; names without one have no
 * separator.  xml:lang is the one prefixed attribute that is kept. */
static const char *local(const char *full)
{
	const char *nl = strrchr(full, '\n');

	return nl ? nl + 1 : full;
}

static const char *attr_name(const char *full)
{
	if (text_starts(full, "http://www.w3.org/XML/1998/namespace\n"))
		return strcmp(local(full), "lang") ? NULL : "xml:lang";
	return strchr(full, '\n') ? NULL : full;
}

static void on_declaration(void *ctx, const XML_Char *prefix, const XML_Char *uri)
{
	struct parse *s = ctx;

	(void)uri;
	if (!prefix)
		s->literal = true;
}

static void on_start(void *ctx, const XML_Char *full, const XML_Char **atts)
{
	struct parse *s = ctx;
	const char *name = local(full);
	struct attr **end;
	struct xml *x;
	char *ns;

	if (s->err)
		return;
	if (++s->depth > s->limits.max_depth) {
		stop(s, -E2BIG, "nested too deeply");
		return;
	}
	if (++s->nodes > s->limits.max_nodes) {
		stop(s, -E2BIG, "too many elements");
		return;
	}
	ns = name == full ? strdup("") : strndup(full, (size_t)(name - full - 1));
	x = ns ? node_new(name, ns, s->literal) : NULL;
	s->literal = false;
	free(ns);
	if (!x) {
		stop(s, -ENOMEM, "out of memory");
		return;
	}
	if (s->at)
		link_child(s->at, x);
	else
		s->root = x;
	s->at = x;
	/* Ten thousands of attributes must not cost their square. */
	for (end = &x->attrs; *atts && !s->err; atts += 2) {
		const char *a = attr_name(atts[0]);

		if (++s->nodes > s->limits.max_nodes)
			stop(s, -E2BIG, "too many attributes");
		else if (a && attr_append(end, a, atts[1]))
			stop(s, -ENOMEM, "out of memory");
		else if (a)
			end = &(*end)->next;
	}
}

static void on_end(void *ctx, const XML_Char *name)
{
	struct parse *s = ctx;

	(void)name;
	if (s->err || !s->at)
		return;
	s->depth--;
	s->at = s->at->parent;
}

static void on_text(void *ctx, const XML_Char *text, int len)
{
	struct parse *s = ctx;

	if (s->err || !s->at)
		return;
	buf_add(&s->at->text, text, (size_t)len);
	if (buf_err(&s->at->text))
		stop(s, -ENOMEM, "out of memory");
}

static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid,
		       const XML_Char *pubid, int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	stop(ctx, -EINVAL, "a document type is not allowed");
}

static void on_instruction(void *ctx, const XML_Char *target, const XML_Char *data)
{
	(void)target;
	(void)data;
	stop(ctx, -EINVAL, "a processing instruction is not allowed");
}

int xml_parse(struct xml **out, const char *buf, size_t len, const struct xml_limits *limits,
	      const char **why)
{
	struct parse s = { .limits = limits ? *limits : (struct xml_limits){ 0 } };

	*out = NULL;
	s.limits.max_bytes = s.limits.max_bytes ? s.limits.max_bytes : MAX_BYTES;
	s.limits.max_depth = s.limits.max_depth ? s.limits.max_depth : MAX_DEPTH;
	s.limits.max_nodes = s.limits.max_nodes ? s.limits.max_nodes : MAX_NODES;
	if (why)
		*why = "too long";
	if (len > s.limits.max_bytes)
		return -E2BIG;
	s.p = XML_ParserCreateNS("UTF-8", '\n');
	if (!s.p)
		return -ENOMEM;
	XML_SetUserData(s.p, &s);
	XML_SetElementHandler(s.p, on_start, on_end);
	XML_SetCharacterDataHandler(s.p, on_text);
	XML_SetStartNamespaceDeclHandler(s.p, on_declaration);
	XML_SetStartDoctypeDeclHandler(s.p, on_doctype);
	XML_SetProcessingInstructionHandler(s.p, on_instruction);
	if (XML_Parse(s.p, buf, (int)len, XML_TRUE) != XML_STATUS_OK && !s.err) {
		s.err = XML_GetErrorCode(s.p) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EINVAL;
		s.why = XML_ErrorString(XML_GetErrorCode(s.p));
	}
	XML_ParserFree(s.p);
	if (why)
		*why = s.why;
	if (s.err)
		xml_free(&s.root);
	*out = s.root;
	return s.err;
}

/* ---- reading ---- */

const char *xml_name(const struct xml *x)
{
	return x ? x->name : "";
}

const char *xml_ns(const struct xml *x)
{
	return x ? x->ns : "";
}

bool xml_is(const struct xml *x, const char *name, const char *ns)
{
	return x && (!name || !strcmp(x->name, name)) && (!ns || !strcmp(x->ns, ns));
}

const char *xml_attr(const struct xml *x, const char *name)
{
	const struct attr *a = x ? attr_find(x, name) : NULL;

	return a ? a->value : NULL;
}

bool xml_is_true(const struct xml *x, const char *name)
{
	const char *s = xml_attr(x, name);

	return s && (!strcmp(s, "true") || !strcmp(s, "1"));
}

const char *xml_text(const struct xml *x)
{
	return x ? buf_str(&x->text) : "";
}

const struct xml *xml_first(const struct xml *x)
{
	return x ? x->first : NULL;
}

const struct xml *xml_next(const struct xml *x)
{
	return x ? x->next : NULL;
}

const struct xml *xml_child(const struct xml *x, const char *name, const char *ns)
{
	const struct xml *c = xml_first(x);

	while (c && !xml_is(c, name, ns))
		c = c->next;
	return c;
}

const struct xml *xml_next_like(const struct xml *after, const char *name, const char *ns)
{
	const struct xml *c = xml_next(after);

	while (c && !xml_is(c, name, ns))
		c = c->next;
	return c;
}

const char *xml_child_text(const struct xml *x, const char *name, const char *ns)
{
	const struct xml *c = xml_child(x, name, ns);

	return c ? xml_text(c) : NULL;
}

/* ---- building ---- */

struct xml *xml_new(const char *name, const char *ns)
{
	return node_new(name, ns ? ns : "", ns != NULL);
}

struct xml *xml_add(struct xml *parent, const char *name, const char *ns)
{
	struct xml *x;

	if (!parent)
		return NULL;
	x = node_new(name, ns ? ns : parent->ns, ns != NULL);
	if (!x) {
		fail_root(parent);
		return NULL;
	}
	link_child(parent, x);
	return x;
}

void xml_set(struct xml *x, const char *name, const char *value)
{
	struct attr **p, *a;

	if (!x)
		return;
	for (p = &x->attrs; (a = *p); p = &a->next)
		if (!strcmp(a->name, name)) {
			*p = a->next;
			free(a->name);
			free(a->value);
			free(a);
			break;
		}
	if (value && attr_add(x, name, value))
		fail_root(x);
}

void xml_setf(struct xml *x, const char *name, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (x && buf_err(&b))
		fail_root(x);
	else
		xml_set(x, name, buf_str(&b));
	buf_free(&b);
}

void xml_set_text(struct xml *x, const char *text)
{
	if (!x)
		return;
	buf_clear(&x->text);
	buf_adds(&x->text, text ? text : "");
	if (buf_err(&x->text))
		fail_root(x);
}

struct xml *xml_add_text(struct xml *parent, const char *name, const char *ns, const char *text)
{
	struct xml *x = xml_add(parent, name, ns);

	xml_set_text(x, text);
	return x;
}

void xml_adopt(struct xml *parent, struct xml *child)
{
	if (!child)
		return;
	if (!parent) {
		node_free(child);
		return;
	}
	link_child(parent, child);
	if (child->failed)
		fail_root(parent);
}

static struct xml *copy(const struct xml *src)
{
	struct xml *x = node_new(src->name, src->ns, src->literal);

	if (!x)
		return NULL;
	buf_add(&x->text, src->text.p, src->text.len);
	if (buf_err(&x->text))
		goto fail;
	for (const struct attr *a = src->attrs; a; a = a->next)
		if (attr_add(x, a->name, a->value))
			goto fail;
	for (const struct xml *c = src->first; c; c = c->next) {
		struct xml *k = copy(c);

		if (!k)
			goto fail;
		link_child(x, k);
	}
	return x;
fail:
	node_free(x);
	return NULL;
}

static bool has_failed(const struct xml *x)
{
	while (x->parent)
		x = x->parent;
	return x->failed;
}

/* A copy of what already lost something would look whole. */
int xml_dup(struct xml **out, const struct xml *x)
{
	*out = x && !has_failed(x) ? copy(x) : NULL;
	return *out ? 0 : -ENOMEM;
}

void xml_add_copy(struct xml *parent, const struct xml *src)
{
	struct xml *c;

	if (!parent || !src)
		return;
	c = has_failed(src) ? NULL : copy(src);
	if (c)
		link_child(parent, c);
	else
		fail_root(parent);
}

void xml_remove(struct xml *parent, const struct xml *child)
{
	struct xml *before = NULL;

	for (struct xml *c = parent ? parent->first : NULL; c; before = c, c = c->next) {
		if (c != child)
			continue;
		if (before)
			before->next = c->next;
		else
			parent->first = c->next;
		if (parent->last == c)
			parent->last = before;
		node_free(c);
		return;
	}
}

struct xml *xml_first_mut(struct xml *x)
{
	return x ? x->first : NULL;
}

struct xml *xml_child_mut(struct xml *x, const char *name, const char *ns)
{
	struct xml *c = x ? x->first : NULL;

	while (c && !xml_is(c, name, ns))
		c = c->next;
	return c;
}

/* ---- writing ---- */

/* XML 1.0 section 2.2 has no C0 controls but these three, and no surrogates
 * or U+FFFE, U+FFFF; one such character would end a browser's stream. */
static bool is_xml_char(uint32_t cp)
{
	return cp == '\t' || cp == '\n' || cp == '\r' ||
	       (cp >= 0x20 && cp < 0xFFFE) || (cp >= 0x10000 && cp <= 0x10FFFF);
}

static void escape(struct buf *out, const char *s, size_t len, bool attribute)
{
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_utf8_next(s + i, len - i, &cp);
		switch (cp) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		case '\'': buf_adds(out, "&apos;"); break;
		case '\r': buf_adds(out, "&#13;"); break;
		case '\n':
		case '\t':
			if (attribute)
				buf_addf(out, "&#%u;", (unsigned)cp);
			else
				buf_addc(out, (char)cp);
			break;
		default:
			if (is_xml_char(cp)) {
				char utf8[4];

				buf_add(out, utf8, text_utf8_put(utf8, cp));
			}
		}
	}
}

static void write_attr(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=\"", name);
	escape(out, value, strlen(value), true);
	buf_addc(out, '"');
}

/* around: the namespace in force where x is written. */
static void write_node(const struct xml *x, const char *around, struct buf *out)
{
	bool differs = strcmp(x->ns, around) != 0;

	buf_addf(out, "<%s", x->name);
	if (differs || (x->literal && *x->ns))
		write_attr(out, "xmlns", x->ns);
	for (const struct attr *a = x->attrs; a; a = a->next)
		write_attr(out, a->name, a->value);
	if (!x->first && !x->text.len) {
		buf_adds(out, "/>");
		return;
	}
	buf_addc(out, '>');
	escape(out, buf_str(&x->text), x->text.len, false);
	for (const struct xml *c = x->first; c; c = c->next)
		write_node(c, x->ns, out);
	buf_addf(out, "</%s>", x->name);
}

int xml_write(const struct xml *x, struct buf *out)
{
	if (!x || has_failed(x))
		return -ENOMEM;
	write_node(x, "", out);         /* a part stands alone, too */
	return buf_err(out);
}
