/* url.c - the parts of an http, https, ws or wss address (RFC 3986) */
#include "io/url.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

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

static int parse_authority(struct url *out, const char *s, size_t len)
{
	const char *at = memchr(s, '@', len), *end = s + len, *colon;
	bool v6;
	uint64_t n;

	if (at) {               /* "user@" is ignored, as the web client does */
		s = at + 1;
		len = (size_t)(end - s);
	}
	v6 = len && *s == '[';
	if (v6) {
		const char *close = memchr(s, ']', len);

		if (!close)
			return -EINVAL;
		out->host = strndup(s + 1, (size_t)(close - s - 1));
		colon = close + 1 < end ? close + 1 : NULL;
		if (colon && *colon != ':')
			return -EINVAL;
	} else {
		colon = memchr(s, ':', len);
		out->host = strndup(s, colon ? (size_t)(colon - s) : len);
	}
	lower(out->host);
	if (!out->host || !is_host(out->host, v6))
		return -EINVAL;
	if (colon && colon + 1 < end) {
		char port[8] = "";

		if (end - colon - 1 > 5)
			return -EINVAL;
		memcpy(port, colon + 1, (size_t)(end - colon - 1));
		if (text_u64(port, 1, 65535, &n))
			return -EINVAL;
		out->port = (uint16_t)n;
		out->port_given = true;
	}
	return 0;
}

int url_parse(struct url *out, const char *s)
{
	const char *sep = strstr(s, "://"), *rest, *path, *query, *end;
	struct buf b = { 0 };
	int err = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (!sep || strlen(s) > 8192)
		return -EINVAL;
	out->scheme = strndup(s, (size_t)(sep - s));
	lower(out->scheme);
	for (size_t i = 0; out->scheme && i < 4; i++)
		if (!strcmp(out->scheme, schemes[i].scheme))
			out->port = schemes[i].port;
	rest = sep + 3;
	path = rest + strcspn(rest, "/?#");
	if (!out->port || parse_authority(out, rest, (size_t)(path - rest)))
		goto fail;
	query = path + strcspn(path, "?#");
	end = query + strcspn(query, "#");
	buf_adds(&b, *path == '/' ? "" : "/");
	buf_add(&b, path, (size_t)(query - path));
	err = -ENOMEM;
	out->path = buf_steal(&b);
	out->query = *query == '?' ? strndup(query + 1, (size_t)(end - query - 1)) : strdup("");
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

/* RFC 3986, 5.2.4, for the paths that occur: "." and ".." go. */
static void add_path(struct buf *b, const char *base, const char *ref)
{
	size_t dir = (size_t)(strrchr(base, '/') - base) + 1;

	for (;;) {
		if (text_starts(ref, "./")) {
			ref += 2;
		} else if (text_starts(ref, "../")) {
			ref += 3;
			while (dir > 1 && base[--dir - 1] != '/')
				;
		} else {
			break;
		}
	}
	buf_add(b, base, dir);
	buf_adds(b, ref);
}

char *url_resolve(const char *base, const char *ref)
{
	struct buf b = { 0 };
	struct url u, check;
	char *authority, *out;

	if (strstr(ref, "://") && !url_parse(&check, ref)) {
		url_clear(&check);
		return strdup(ref);
	}
	if (url_parse(&u, base))
		return NULL;
	authority = url_authority(&u);
	if (text_starts(ref, "//"))
		buf_addf(&b, "%s:%s", u.scheme, ref);
	else if (*ref == '/')
		buf_addf(&b, "%s://%s%s", u.scheme, authority, ref);
	else if (*ref == '?') {
		buf_addf(&b, "%s://%s%s%s", u.scheme, authority, u.path, ref);
	} else {
		buf_addf(&b, "%s://%s", u.scheme, authority);
		add_path(&b, u.path, ref);
	}
	url_clear(&u);
	free(authority);
	out = buf_steal(&b);
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
	return !strcmp(host, "localhost") || text_ends(host, ".localhost") || !strcmp(host, "::1") ||
	       (text_starts(host, "127.") && host[strspn(host, "0123456789.")] == 0);
}
