/* test_url.c - addresses that people and servers write */
#include "unit/unit.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "io/url.h"

extern const struct CMUnitTest test_url[];

static void parts_are_found(void **state)
{
	static const struct {
		const char *s, *scheme, *host; unsigned port; bool given; const char *path, *query, *authority;
	} table[] = {
		{ "https://meet.example.org/room", "https", "meet.example.org", 443, false, "/room", "",
		  "meet.example.org" },
		{ "HTTP://Meet.Example.ORG", "http", "meet.example.org", 80, false, "/", "", "meet.example.org" },
		{ "wss://h:8443/xmpp-websocket?room=a&b=c#f", "wss", "h", 8443, true, "/xmpp-websocket",
		  "room=a&b=c", "h:8443" },
		{ "ws://[::1]:80/x", "ws", "::1", 80, true, "/x", "", "[::1]:80" },
		{ "https://[2001:DB8::1]", "https", "2001:db8::1", 443, false, "/", "", "[2001:db8::1]" },
		{ "http://h?q", "http", "h", 80, false, "/", "q", "h" },
		{ "http://h:/x", "http", "h", 80, false, "/x", "", "h" },
		{ "https://user:pw@h/x", "https", "h", 443, false, "/x", "", "h" },
		{ "https://a@b@h/x", "https", "h", 443, false, "/x", "", "h" },
		{ "https://h/My Room/ü", "https", "h", 443, false, "/My%20Room/%C3%BC", "", "h" },
		{ "https://bücher.example/", "https", "bücher.example", 443, false, "/", "", "bücher.example" },
		{ "https://h/a%2Fb?x=%20", "https", "h", 443, false, "/a%2Fb", "x=%20", "h" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct url u;
		char *a;

		if (url_parse(&u, table[i].s))
			fail_msg("%s", table[i].s);
		assert_string_equal(u.scheme, table[i].scheme);
		assert_string_equal(u.host, table[i].host);
		assert_int_equal(u.port, table[i].port);
		assert_int_equal(u.port_given, table[i].given);
		assert_string_equal(u.path, table[i].path);
		assert_string_equal(u.query, table[i].query);
		a = url_authority(&u);
		assert_string_equal(a, table[i].authority);
		free(a);
		url_clear(&u);
		url_clear(&u);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "room", "meet.example.org/room", "ftp://h/", "file:///etc/passwd", "https:/h/x",
		"https:h", "://h/", "1http://h/", "https://", "https:///x", "https://h:0/", "https://h:65536/",
		"https://h:x/", "https://h:123456/", "https://[::1/", "https://[::1]x/", "https://[h]/",
		"https://[]/", "https://a b/", "https://h\\x/", "https://h%41/", "https://h/\r\nX: y",
		"https://h/\001", "https://h/\177", "java script://h/", "https://h/x\ny",
	};
	char big[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct url u;

		if (url_parse(&u, bad[i]) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_null(u.host);
	}
	memset(big, 'x', sizeof(big));
	memcpy(big, "https://h/", 10);
	big[sizeof(big) - 1] = 0;
	assert_int_equal(url_parse(&(struct url){ 0 }, big), -EINVAL);
}

static void resolves(const char *base, const char *ref, const char *out)
{
	char *s = url_resolve(base, ref);

	if (!out && s)
		fail_msg("%s in %s became %s", ref, base, s);
	if (out && (!s || strcmp(s, out) != 0))
		fail_msg("%s in %s became %s, not %s", ref, base, s ? s : "nothing", out);
	free(s);
}

/* RFC 3986, 5.4, without the parameters that its base has. */
static void references_resolve_as_the_rfc_says(void **state)
{
	static const struct { const char *ref, *out; } table[] = {
		{ "g", "http://a/b/c/g" }, { "./g", "http://a/b/c/g" }, { "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" }, { "//g", "http://g" }, { "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" }, { "#s", "http://a/b/c/d;p?q#s" },
		{ "g#s", "http://a/b/c/g#s" }, { "g?y#s", "http://a/b/c/g?y#s" },
		{ ";x", "http://a/b/c/;x" }, { "g;x", "http://a/b/c/g;x" }, { "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" }, { "./", "http://a/b/c/" }, { "..", "http://a/b/" },
		{ "../", "http://a/b/" }, { "../g", "http://a/b/g" }, { "../..", "http://a/" },
		{ "../../", "http://a/" }, { "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" }, { "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" }, { "/../g", "http://a/g" }, { "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" }, { "g..", "http://a/b/c/g.." }, { "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" }, { "./g/.", "http://a/b/c/g/" }, { "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" }, { "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" }, { "g#s/../x", "http://a/b/c/g#s/../x" },
		{ "https://x/y", "https://x/y" }, { "mailto:x@y", NULL }, { "javascript:alert(1)", NULL },
		{ "file:///etc/passwd", NULL }, { "http:g", NULL }, { "//", NULL }, { "g\r\nx", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		resolves("http://a/b/c/d;p?q", table[i].ref, table[i].out);
}

static void references_of_deployments_resolve(void **state)
{
	(void)state;
	resolves("https://meet.example.org/", "conference-request/v1",
		 "https://meet.example.org/conference-request/v1");
	resolves("https://meet.example.org/tenant/room", "/http-bind", "https://meet.example.org/http-bind");
	resolves("https://h:8443/tenant/", "config.js", "https://h:8443/tenant/config.js");
	resolves("https://h/x", "//other:99/y", "https://other:99/y");
	resolves("https://[::1]:8443/x", "y", "https://[::1]:8443/y");
	resolves("https://h", "wss://h/xmpp-websocket", "wss://h/xmpp-websocket");
	resolves("not an address", "x", NULL);
	resolves("not an address", "https://h/x", "https://h/x");
}

static void loopback_is_known(void **state)
{
	static const char *const here[] = { "localhost", "LOCALHOST", "a.localhost", "127.0.0.1",
					    "127.1.2.3", "::1" };
	static const char *const away[] = { "localhost.example.org", "xlocalhost", ".localhostx", "128.0.0.1",
					    "127.0.0.1.example.org", "::2", "", "10.0.0.1", "localhos" };

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		assert_true(url_host_is_loopback(here[i]));
	for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++)
		assert_false(url_host_is_loopback(away[i]));
}

const struct CMUnitTest test_url[] = {
	cmocka_unit_test(parts_are_found), cmocka_unit_test(what_is_none_is_refused),
	cmocka_unit_test(references_resolve_as_the_rfc_says),
	cmocka_unit_test(references_of_deployments_resolve), cmocka_unit_test(loopback_is_known),
	{ 0 }
};
