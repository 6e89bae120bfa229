/* test_xml.c - stanzas in and out, and what is refused
 *
 * The recordings are compared by a second reading with expat alone: elements
 * with their namespaces, every attribute, all text, and where a default
 * namespace was declared.
 */
#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "unit/xmpp/frames.h"
#include "unit/unit.h"

extern const struct CMUnitTest test_xml[];

struct walk { struct buf events; unsigned declared; };

static int by_name(const void *a, const void *b)
{
	return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **atts)
{
	const char **sorted[64];
	struct walk *w = ctx;
	size_t n = 0;

	buf_addf(&w->events, "<%s", name);
	for (; *atts; atts += 2)
		if (n < 64 && (!strchr(*atts, '\n') || strstr(*atts, "\nlang")))
			sorted[n++] = (const char **)atts;
	qsort(sorted, n, sizeof(sorted[0]), by_name);
	for (size_t i = 0; i < n; i++)
		buf_addf(&w->events, " %s=%s", sorted[i][0], sorted[i][1]);
	buf_addc(&w->events, '>');
}

static void on_end(void *ctx, const XML_Char *name)
{
	(void)name;
	buf_adds(&((struct walk *)ctx)->events, "</>");
}

static void on_text(void *ctx, const XML_Char *s, int len)
{
	buf_add(&((struct walk *)ctx)->events, s, (size_t)len);
}

static void on_declaration(void *ctx, const XML_Char *prefix, const XML_Char *uri)
{
	(void)uri;
	((struct walk *)ctx)->declared += !prefix;
}

static void walk(struct walk *w, const char *text, size_t len)
{
	XML_Parser p = XML_ParserCreateNS("UTF-8", '\n');

	XML_SetUserData(p, w);
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	XML_SetStartNamespaceDeclHandler(p, on_declaration);
	assert_int_equal(XML_Parse(p, text, (int)len, XML_TRUE), XML_STATUS_OK);
	XML_ParserFree(p);
}

static void compare_frame(void *ctx, const struct frame *f)
{
	struct walk before = { 0 }, after = { 0 };
	struct xml *x;
	char *text;

	if (strcmp(f->ch, "xmpp") || *f->data != '<')
		return;
	x = xml_of(f->data);
	text = text_of(x);
	walk(&before, f->data, strlen(f->data));
	walk(&after, text, strlen(text));
	if (strcmp(buf_str(&before.events), buf_str(&after.events)) || after.declared < before.declared)
		fail_msg("%s:%d\n%s\nbecame\n%s", f->file, f->line, f->data, text);
	buf_free(&before.events);
	buf_free(&after.events);
	free(text);
	xml_free(&x);
	++*(int *)ctx;
}

static void what_is_written_is_what_was_read(void **state)
{
	int n = 0;

	(void)state;
	frames_of_all(compare_frame, &n);
	assert_true(n > 3000);
}

static void hostile_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "<a", "<a/><b/>", "<a></b>", "text", "<p:a/>", "<a x='1' x='2'/>", "<a>\x01</a>",
		"<a>\xff</a>", "<a>&foo;</a>", "<a>&#0;</a>", "<a><?pi x?></a>", "<!DOCTYPE a><a/>",
		"<!DOCTYPE a [<!ENTITY e 'ha'>]><a>&e;</a>",
		"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *why = NULL;
		struct xml *x = (struct xml *)1;

		if (xml_parse(&x, texts[i], strlen(texts[i]), NULL, &why) != -EINVAL || x || !why)
			fail_msg("not refused: %s", texts[i]);
	}
}

static void limits_hold(void **state)
{
	struct xml_limits few = { .max_bytes = 60, .max_depth = 3, .max_nodes = 5 };
	struct buf b = { 0 };
	struct xml *x;

	(void)state;
	assert_int_equal(xml_parse(&x, "<a><b><c/></b></a>", 18, &few, NULL), 0);
	xml_free(&x);
	assert_int_equal(xml_parse(&x, "<a><b><c><d/></c></b></a>", 25, &few, NULL), -E2BIG);
	assert_int_equal(xml_parse(&x, "<a><b/><b/><b/><b/></a>", 23, &few, NULL), 0);
	xml_free(&x);
	assert_int_equal(xml_parse(&x, "<a><b/><b/><b/><b c=''/></a>", 28, &few, NULL), -E2BIG);
	for (int i = 0; i < 61; i++)
		buf_addc(&b, ' ');
	assert_int_equal(xml_parse(&x, b.p, b.len, &few, NULL), -E2BIG);
	buf_free(&b);
}

/* One element with 20000 attributes took as long as a quarter of a second. */
static void many_attributes_cost_no_square(void **state)
{
	struct buf b = { 0 };
	struct xml *x;
	clock_t t;

	(void)state;
	buf_adds(&b, "<a");
	for (int i = 0; i < 19000; i++)
		buf_addf(&b, " a%d='%d'", i, i);
	buf_adds(&b, "/>");
	t = clock();
	assert_int_equal(xml_parse(&x, b.p, b.len, NULL, NULL), 0);
	t = clock() - t;
	assert_string_equal(xml_attr(x, "a18999"), "18999");
	xml_free(&x);
	buf_free(&b);
	assert_true(t < CLOCKS_PER_SEC / 2);    /* with sanitizers */
}

static void assert_writes(const struct xml *x, const char *want)
{
	char *text = text_of(x);

	assert_string_equal(text, want);
	free(text);
}

static void prefixes_become_default_namespaces(void **state)
{
	struct xml *x = xml_of("<stream:features xmlns:stream='s' xmlns='c'><a xmlns='u'><b/></a><d/>"
			       "</stream:features>");

	(void)state;
	assert_writes(x, "<features xmlns=\"s\"><a xmlns=\"u\"><b/></a><d xmlns=\"c\"/></features>");
	/* A part stands alone with the namespace that it inherited. */
	assert_writes(xml_child(xml_child(x, "a", NULL), "b", NULL), "<b xmlns=\"u\"/>");
	xml_free(&x);
}

static void declarations_stay_where_they_stood(void **state)
{
	struct xml *x = xml_of("<a xmlns='u'><b xmlns='u'/><b/></a>"), *y;

	(void)state;
	assert_writes(x, "<a xmlns=\"u\"><b xmlns=\"u\"/><b/></a>");
	y = xml_new("r", "v");
	xml_add_copy(y, xml_first(x));
	xml_add(y, "s", NULL);
	xml_add(y, "t", "v");
	assert_writes(y, "<r xmlns=\"v\"><b xmlns=\"u\"/><s/><t xmlns=\"v\"/></r>");
	xml_free(&y);
	xml_free(&x);
}

static void text_is_escaped_and_cleaned(void **state)
{
	struct xml *x = xml_new("a", NULL), *y;
	char *text;

	(void)state;
	xml_set(x, "b", "<\"&'\n>");
	xml_set_text(x, "a\x01\x0b" "b<&>\"' \xe2\x82\xac \xff \xef\xbf\xbf");
	text = text_of(x);
	assert_null(strpbrk(text, "\x01\x0b\xff"));
	y = xml_of(text);
	assert_string_equal(xml_attr(y, "b"), "<\"&'\n>");
	assert_string_equal(xml_text(y), "ab<&>\"' \xe2\x82\xac \xef\xbf\xbd ");
	free(text);
	xml_free(&y);
	xml_free(&x);
}

static void searches_that_fail_are_harmless(void **state)
{
	const struct xml *none = xml_child(NULL, "a", NULL);

	(void)state;
	assert_null(none);
	assert_null(xml_child(xml_next(xml_first(none)), NULL, NULL));
	assert_null(xml_attr(none, "a"));
	assert_string_equal(xml_text(none), "");
	assert_null(xml_child_text(none, "a", NULL));
	xml_set(NULL, "a", "b");
	xml_adopt(NULL, xml_new("a", NULL));
	assert_null(xml_add(NULL, "a", NULL));
}

static void children_go_and_come(void **state)
{
	struct xml *x = xml_of("<a><b/><c/><b/></a>");

	(void)state;
	xml_remove(x, xml_child(x, "b", NULL));
	xml_remove(x, xml_next_like(xml_first(x), "b", NULL));
	xml_adopt(x, xml_new("d", NULL));
	xml_set(x, "e", "1");
	xml_set(x, "e", NULL);
	assert_writes(x, "<a><c/><d/></a>");
	xml_free(&x);
}

const struct CMUnitTest test_xml[] = {
	cmocka_unit_test(what_is_written_is_what_was_read),
	cmocka_unit_test(hostile_text_is_refused),
	cmocka_unit_test(limits_hold),
	cmocka_unit_test(many_attributes_cost_no_square),
	cmocka_unit_test(prefixes_become_default_namespaces),
	cmocka_unit_test(declarations_stay_where_they_stood),
	cmocka_unit_test(text_is_escaped_and_cleaned),
	cmocka_unit_test(searches_that_fail_are_harmless),
	cmocka_unit_test(children_go_and_come),
	{ 0 }
};
