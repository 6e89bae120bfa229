/* address.c - room addresses: what a user pastes, and what follows from it
 *
 * The rules are the web client's: white space is dropped, the last segment of
 * the path is the room, what stands before it the tenant, and a name becomes
 * the local part of a JID by percent-decoding, NFKC, lower case and
 * encodeURIComponent.  Links are untrusted: of the fragment only what is
 * listed here is taken.
 */
#include "call/address.h"
#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"
#include "io/url.h"

enum { ADDRESS_MAX = 4096, ROOM_MAX = 1023 };

static int refuse(char **why, const char *fmt, const char *what)
{
	const char *at = strstr(fmt, "%s");
	struct buf b = { 0 };

	if (!why)
		return -EINVAL;
	if (at) {
		char *clean = text_clean(what, strlen(what), 200, TEXT_TRIM);

		buf_add(&b, fmt, (size_t)(at - fmt));
		buf_addf(&b, "%s%s", clean ? clean : "", at + 2);
		free(clean);
	} else {
		buf_adds(&b, fmt);
	}
	*why = buf_steal(&b);
	return -EINVAL;
}

/* As JavaScript's toLowerCase(): the same in every locale, with the two cases
 * where one letter's small form depends on more than itself. */
static void add_lower(struct buf *b, gunichar before, gunichar c, gunichar after)
{
	char out[6];

	if (c == 0x130) {               /* I with a dot: i, and the dot above it */
		buf_adds(b, "i\xCC\x87");
		return;
	}
	if (c == 0x3A3 && g_unichar_isalpha(before) && !g_unichar_isalpha(after))
		c = 0x3C2;              /* a sigma that ends its word */
	else
		c = g_unichar_tolower(c);
	buf_add(b, out, (size_t)g_unichar_to_utf8(c, out));
}

static char *lower(const char *s)
{
	struct buf b = { 0 };
	gunichar before = 0;

	while (*s) {
		gunichar c = g_utf8_get_char(s);

		s = g_utf8_next_char(s);
		add_lower(&b, before, c, *s ? g_utf8_get_char(s) : 0);
		before = c;
	}
	return buf_steal(&b);
}

char *address_safe(const char *segment)
{
	char *raw = text_percent_decode(segment, strlen(segment));
	bool valid = raw && text_is_utf8(raw, strlen(raw));
	/* What decodes to no text stays as it was, as decodeURIComponent() throws. */
	char *whole = valid ? NULL : text_clean(segment, strlen(segment), 0, 0);
	char *nfkc = g_utf8_normalize(valid ? raw : whole ? whole : "", -1, G_NORMALIZE_NFKC);
	char *low = nfkc ? lower(nfkc) : NULL;
	char *out = low ? text_percent_encode(low, "-_.!~*'()") : NULL;

	for (char *p = out; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	free(raw);
	free(whole);
	g_free(nfkc);
	free(low);
	return out;
}

/* White space goes, as in the web client; the schemes of app links are https. */
static char *tidy(const char *s, const char *server)
{
	static const char *const app[] = { "jitsi-meet://", "org.jitsi.meet://" };
	struct buf b = { 0 };
	char *t, *out;

	for (; *s; s++)
		if (!strchr(" \t\r\n\v\f", *s))
			buf_addc(&b, *s);
	t = buf_steal(&b);
	if (!t)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		if (text_starts(t, app[i])) {
			buf_addf(&b, "https://%s", t + strlen(app[i]));
			goto out;
		}
	if (strstr(t, "://")) {
		buf_adds(&b, t);
	} else {
		const char *slash = strchr(t, '/');
		size_t host = slash ? (size_t)(slash - t) : 0;

		/* "meet.example.org/room", "localhost:8443/room" */
		if (slash && (memchr(t, '.', host) || memchr(t, ':', host)))
			buf_addf(&b, "https://%s", t);
		else if (server && *server)
			buf_addf(&b, "%s%s%s", server, text_ends(server, "/") ? "" : "/",
				 *t == '/' ? t + 1 : t);
		else
			buf_adds(&b, t);
	}
out:
	out = buf_steal(&b);
	free(t);
	return out;
}

/* Characters that the web client takes out of a segment. */
static char *strip(const char *s, size_t len)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < len; i++)
		if (!strchr(":?#[]@!$&'()*+,;=></\"", s[i]))
			buf_addc(&b, s[i]);
	return buf_steal(&b);
}

/* Lower case, dots to '_': what the server makes of it for the rooms' JIDs. */
static char *clean_tenant(const char *raw)
{
	struct buf b = { 0 };
	const char *p = raw;

	while (*p) {
		size_t n = strcspn(p, "/");
		char *part = strndup(p, n), *safe = part ? address_safe(part) : NULL;

		buf_addf(&b, "%s%s", b.len ? "/" : "", safe ? safe : "");
		free(part);
		free(safe);
		p += n + (p[n] == '/');
	}
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == '.')
			b.p[i] = '_';
	return buf_steal(&b);
}

/* ---- fragment and query ---- */

static void set_clean(char **to, const char *s)
{
	char *clean = text_clean(s, strlen(s), 200, TEXT_TRIM);

	free(*to);
	*to = clean && *clean ? clean : NULL;
	if (!*to)
		free(clean);
}

static void take_text(struct address *a, const char *key, const char *s)
{
	if (!strcmp(key, "userInfo.displayName"))
		set_clean(&a->display_name, s);
	else if (!strcmp(key, "userInfo.email"))
		set_clean(&a->email, s);
	else if (!strcmp(key, "config.subject"))
		set_clean(&a->subject, s);
	else if (!strcmp(key, "jwt") && !a->jwt)
		text_set(&a->jwt, s);
}

/* Values are JSON; a name that somebody typed without quotes is taken, too. */
static void take_fragment(struct address *a, const char *key, const char *value)
{
	char *text = text_percent_decode(value, strlen(value));
	json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	bool on = json_is_true(j);

	if (!strcmp(key, "config.startWithAudioMuted"))
		a->start_muted = on;
	else if (!strcmp(key, "config.startSilent"))
		a->start_silent = on;
	else if (!strcmp(key, "config.startWithVideoMuted"))
		a->start_video_muted = on;
	else if (!strcmp(key, "config.startAudioOnly"))
		a->audio_only = on;
	else if (json_is_string(j))
		take_text(a, key, json_string_value(j));
	else if (!j && text && *text != '"')
		take_text(a, key, text);
	json_decref(j);
	free(text);
}

static void each_pair(struct address *a, const char *s, bool fragment)
{
	while (*s) {
		size_t n = strcspn(s, "&");
		const char *eq = memchr(s, '=', n);

		if (eq) {
			char *key = strndup(s, (size_t)(eq - s));
			char *value = strndup(eq + 1, n - (size_t)(eq - s) - 1);

			if (key && value && fragment)
				take_fragment(a, key, value);
			else if (key && value && !strcmp(key, "jwt") && *value) {
				text_forget(&a->jwt);
				a->jwt = text_percent_decode(value, strlen(value));
			}
			free(key);
			free(value);
		}
		s += n + (s[n] == '&');
	}
}

/* ---- the whole ---- */

static int take_path(struct address *a, const struct url *u, char **why)
{
	const char *path = u->path + 1, *slash = strrchr(path, '/');
	const char *room = slash ? slash + 1 : path;
	struct buf base = { 0 }, page = { 0 };
	char *segment = strip(room, strlen(room));
	size_t dir = slash ? (size_t)(slash - path) : 0;

	while (dir && path[dir - 1] == '/')
		dir--;
	a->tenant_raw = strndup(path, dir);
	a->tenant = a->tenant_raw ? clean_tenant(a->tenant_raw) : NULL;
	a->room = segment ? address_safe(segment) : NULL;
	a->title = segment ? text_percent_decode(segment, strlen(segment)) : NULL;
	if (a->title) {
		char *clean = text_clean(a->title, strlen(a->title), 300, TEXT_TRIM);

		free(a->title);
		a->title = clean;
	}
	a->authority = url_authority(u);
	a->host = strdup(u->host);
	buf_addf(&base, "%s://%s/%s%s", u->scheme, a->authority ? a->authority : "",
		 a->tenant_raw ? a->tenant_raw : "", dir ? "/" : "");
	buf_addf(&page, "%s%s", buf_str(&base), segment ? segment : "");
	a->base = buf_steal(&base);
	a->page = buf_steal(&page);
	free(segment);
	if (!a->tenant || !a->room || !a->title || !a->base || !a->page || !a->authority || !a->host)
		return -ENOMEM;
	if (!*a->room)
		return refuse(why, "the address names no room: https://meet.example.org/room", "");
	if (strlen(a->room) > ROOM_MAX)
		return refuse(why, "the room's name is too long", "");
	return 0;
}

int address_parse(struct address *out, const char *s, const char *server, char **why)
{
	char *t, *hash;
	struct url u;
	int err;

	memset(out, 0, sizeof(*out));
	if (why)
		*why = NULL;
	if (strlen(s) > ADDRESS_MAX)
		return refuse(why, "the address is too long", "");
	t = tidy(s, server);
	if (!t)
		return -ENOMEM;
	hash = strchr(t, '#');
	if (hash)
		*hash++ = 0;
	if (!strstr(t, "://"))
		err = refuse(why, "'%s' has no server: give a URL like https://meet.example.org/room, "
			     "or set server in the config", t);
	else if (url_parse(&u, t))
		err = refuse(why, "'%s' is no room address; it looks like https://meet.example.org/room", t);
	else {
		out->plain = !url_is_secure(&u);
		err = text_starts(u.scheme, "ws")
			? refuse(why, "'%s' is no room address; it looks like https://meet.example.org/room", t)
			: take_path(out, &u, why);
		each_pair(out, u.query, false);
		if (hash)
			each_pair(out, hash, true);
		url_clear(&u);
	}
	free(t);
	if (err)
		address_clear(out);
	return err;
}

void address_clear(struct address *a)
{
	text_forget(&a->jwt);
	free(a->base);
	free(a->page);
	free(a->authority);
	free(a->host);
	free(a->tenant);
	free(a->tenant_raw);
	free(a->room);
	free(a->title);
	free(a->display_name);
	free(a->email);
	free(a->subject);
	memset(a, 0, sizeof(*a));
}
