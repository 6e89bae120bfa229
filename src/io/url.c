/* url.c - the parts of an http, https, ws or wss address (RFC 3986)
 *
 * What comes out can be written into a request line as it stands: controls
 * are refused, and what people type beyond ASCII, blanks among it, is
 * percent-coded, as browsers do.
 */
#include "io/url.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

enum { URL_MAX = 8192 };

static const struct { const char *scheme; uint16_t port; } schemes[] = {
	{ "http", 80 }, { "https", 443 }, { "ws", 80 }, { "wss", 443 },
};

void url_clear(struct url *u)
{
	free(u->scheme);
	free(u->host);
	free(u->path);
	free(u->query);
	memset(u, 0, sizeof(*u));
}

static void lower(char *s)
{
	for (; s && *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + 32);
}

/* RFC 3986, 3.1: the length of the scheme before a ':', 0 if there is none. */
static size_t scheme_len(const char *s)
{
	size_t n = 0;

	if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return 0;
	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
	       (s[n] >= '0' && s[n] <= '9') || (s[n] && strchr("+-.", s[n])))
		n++;
	return s[n] == ':' ? n : 0;
}

static bool is_host(const char *s, bool v6)
{
	size_t n = strlen(s);

	if (!n || n > 253)
		return false;
	if (v6)
		return s[strspn(s, "0123456789abcdefABCDEF:.")] == 0 && strchr(s, ':');
	/* Letters of other scripts are left to the resolver (IDN as typed). */
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || strchr("\"<>\\^`{|}%[]/?#@:", *s))
			return false;
	return true;
}

/* ":port" or ":" or nothing. */
static int parse_port(struct url *out, const char *colon, const char *end)
{
	char port[8] = "";
	uint64_t n;

	if (!colon || colon + 1 >= end)
		return 0;
	if (end - colon - 1 > 5)
		return -EINVAL;
	memcpy(port, colon + 1, (size_t)(end - colon - 1));
	if (text_u64(port, 1, 65535, &n))
		return -EINVAL;
	out->port = (uint16_t)n;
	out->port_given = true;
	return 0;
}

static int parse_authority(struct url *out, const char *s, size_t len)
{
	const char *at = memrchr(s, '@', len), *end = s + len, *colon, *close;
	bool v6;

	if (at)                 /* "user@" is ignored, as the web client does */
		s = at + 1;
	v6 = s < end && *s == '[';
	if (v6) {
		close = memchr(s, ']', (size_t)(end - s));
		if (!close)
			return -EINVAL;
		s++;
		colon = close + 1 < end ? close + 1 : NULL;
		if (colon && *colon != ':')
			return -EINVAL;
	} else {
		colon = memchr(s, ':', (size_t)(end - s));
		close = colon ? colon : end;
	}
	out->host = strndup(s, (size_t)(close - s));
	if (!out->host)
		return -ENOMEM;
	lower(out->host);
	if (!is_host(out->host, v6))
		return -EINVAL;
	return parse_port(out, colon, end);
}

/* RFC 3986, appendix A: what may stand in a path or query; the rest is coded.
 * A '%' stays as it is. */
static char *wire(const char *first, const char *s, size_t n)
{
	struct buf b = { 0 };

	buf_adds(&b, first);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] > 0x7f || strchr(" \"<>\\^`{|}", s[i]))
			buf_addf(&b, "%%%02X", (unsigned char)s[i]);
		else
			buf_addc(&b, s[i]);
	return buf_steal(&b);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

int url_parse(struct url *out, const char *s)
{
	size_t n = scheme_len(s);
	const char *rest, *path, *query, *end;
	int err = -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!n || !text_starts(s + n, "://") || strnlen(s, URL_MAX + 1) > URL_MAX || has_control(s))
		return -EINVAL;
	out->scheme = strndup(s, n);
	if (!out->scheme)
		goto fail;
	lower(out->scheme);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strcmp(out->scheme, schemes[i].scheme))
			out->port = schemes[i].port;
	err = -EINVAL;
	if (!out->port)
		goto fail;
	rest = s + n + 3;
	path = rest + strcspn(rest, "/?#");
	err = parse_authority(out, rest, (size_t)(path - rest));
	if (err)
		goto fail;
	query = path + strcspn(path, "?#");
	end = query + strcspn(query, "#");
	err = -ENOMEM;
	out->path = wire(*path == '/' ? "" : "/", path, (size_t)(query - path));
	out->query = *query == '?' ? wire("", query + 1, (size_t)(end - query - 1)) : strdup("");
	if (!out->path || !out->query)
		goto fail;
	return 0;
fail:
	url_clear(out);
	return err;
}

bool url_is_secure(const struct url *u)
{
	return !strcmp(u->scheme, "https") || !strcmp(u->scheme, "wss");
}

char *url_authority(const struct url *u)
{
	bool v6 = strchr(u->host, ':') != NULL;
	struct buf b = { 0 };

	buf_addf(&b, "%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
	if (u->port_given)
		buf_addf(&b, ":%u", u->port);
	return buf_steal(&b);
}

/* ---- RFC 3986, section 5 ---- */

/* 5.2.4: path begins with '/'.  "." and ".." go, in place. */
static void remove_dots(char *path)
{
	char *in = path, *out = path;

	while (*in) {           /* *in is a '/' here */
		size_t n = 1 + strcspn(in + 1, "/");
		bool last = !in[n];

		if (n == 2 && in[1] == '.') {
			if (last)
				*out++ = '/';
		} else if (n == 3 && in[1] == '.' && in[2] == '.') {
			while (out > path && *--out != '/')
				;
			if (last)
				*out++ = '/';
		} else {
			memmove(out, in, n);
			out += n;
		}
		in += n;
	}
	*out = 0;
}

/* 5.2.3: the base's folder with the reference's path behind it. */
static char *merge(const char *base, const char *ref, size_t n)
{
	struct buf b = { 0 };

	if (*ref != '/')
		buf_add(&b, base, (size_t)(strrchr(base, '/') - base) + 1);
	buf_add(&b, ref, n);
	return buf_steal(&b);
}

/* 5.3, for the schemes that there are. */
static char *compose(const struct url *u, const char *path, const char *query, const char *fragment)
{
	char *authority = url_authority(u);
	struct buf b = { 0 };

	if (authority)
		buf_addf(&b, "%s://%s%s%s%s", u->scheme, authority, path, query, fragment);
	free(authority);
	return authority ? buf_steal(&b) : NULL;
}

/* 5.2.2 for a reference without scheme and authority. */
static char *resolve_path(const struct url *base, const char *ref)
{
	const char *query = ref + strcspn(ref, "?#"), *fragment = query + strcspn(query, "#");
	char *path = query == ref ? strdup(base->path) : merge(base->path, ref, (size_t)(query - ref));
	struct buf q = { 0 };
	char *out = NULL;

	if (query == fragment && query == ref)
		buf_addf(&q, "%s%s", *base->query ? "?" : "", base->query);
	else
		buf_add(&q, query, (size_t)(fragment - query));
	if (path && query != ref)
		remove_dots(path);
	if (path && !buf_err(&q))
		out = compose(base, path, buf_str(&q), fragment);
	free(path);
	buf_free(&q);
	return out;
}

char *url_resolve(const char *base, const char *ref)
{
	struct buf b = { 0 };
	struct url u, check;
	char *out;

	if (scheme_len(ref))
		out = strdup(ref);
	else if (url_parse(&u, base))
		return NULL;
	else {
		if (text_starts(ref, "//")) {
			buf_addf(&b, "%s:%s", u.scheme, ref);
			out = buf_steal(&b);
		} else {
			out = resolve_path(&u, ref);
		}
		url_clear(&u);
	}
	if (out && url_parse(&check, out)) {
		free(out);
		return NULL;
	}
	if (out)
		url_clear(&check);
	return out;
}

bool url_host_is_loopback(const char *host)
{
	size_t n = strlen(host);

	if (!strcmp(host, "::1") || (text_starts(host, "127.") && host[strspn(host, "0123456789.")] == 0))
		return true;
	return text_same_nocase(host, "localhost") ||
	       (n > 10 && text_same_nocase(host + n - 10, ".localhost"));
}
