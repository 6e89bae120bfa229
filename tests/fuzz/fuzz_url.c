/* rooms: base io
 *
 * fuzz_url.c - two lines: an address and a reference.  What is taken can be
 * written into a request line, and is the same when it is read again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "io/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wire(const char *s)
{
	for (; *s; s++)
		assert((unsigned char)*s > ' ' && (unsigned char)*s < 0x7f);
}

static void check(const char *s)
{
	struct url u, again;
	struct buf b = { 0 };
	char *authority;

	if (url_parse(&u, s)) {
		assert(!u.host && !u.path);
		return;
	}
	assert(*u.host && *u.path == '/' && u.port);
	check_wire(u.path);
	check_wire(u.query);
	authority = url_authority(&u);
	buf_addf(&b, "%s://%s%s%s%s", u.scheme, authority, u.path, *u.query ? "?" : "", u.query);
	if (b.len <= 8192) {    /* codes make it longer */
		assert(!url_parse(&again, buf_str(&b)));
		assert(!strcmp(u.host, again.host) && u.port == again.port);
		assert(!strcmp(u.path, again.path) && !strcmp(u.query, again.query));
		assert(url_is_secure(&u) == url_is_secure(&again));
		url_clear(&again);
	}
	url_host_is_loopback(u.host);
	buf_free(&b);
	free(authority);
	url_clear(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = strndup((const char *)data, size), *ref, *out, *again;

	ref = strchr(s, '\n');
	if (ref)
		*ref++ = 0;
	check(s);
	out = url_resolve(s, ref ? ref : "x");
	if (out) {
		check(out);
		again = url_resolve(s, out);    /* it is absolute now */
		assert(again && !strcmp(again, out));
		free(again);
	}
	free(out);
	free(s);
	return 0;
}
