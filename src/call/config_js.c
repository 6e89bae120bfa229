/* config_js.c - what a deployment's config.js says; the language is js.c's */
#include "call/config_js.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"
#include "call/js.h"
#include "io/url.h"

enum { STUN_MAX = 8, VALUE_MAX = 2048 };

/* "a.b.c" inside an object; NULL if any part is missing. */
static const json_t *get(const json_t *o, const char *path)
{
	while (o && *path) {
		size_t n = strcspn(path, ".");
		char key[64];

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = 0;
		o = json_object_get(o, key);
		path += n + (path[n] == '.');
	}
	return o;
}

/* Trimmed, without control characters; NULL if absent or empty. */
static char *get_text(const json_t *config, const char *path)
{
	const char *s = json_string_value(get(config, path));
	char *t;

	if (!s || strlen(s) > VALUE_MAX)
		return NULL;
	t = text_clean(s, strlen(s), 0, TEXT_TRIM);
	if (t && !*t) {
		free(t);
		t = NULL;
	}
	return t;
}

static bool get_bool(const json_t *config, const char *path)
{
	return json_is_true(get(config, path));
}

static double get_number(const json_t *config, const char *path, double usual)
{
	const json_t *v = get(config, path);

	return json_is_number(v) ? json_number_value(v) : usual;
}

static char *format(const char *before, const char *what, const char *after)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s%s%s", before, what, after);
	return buf_steal(&b);
}

/* An absolute address of the right kind, from one that may be relative. */
static char *get_url(const json_t *config, const char *path, const struct address *a, bool ws)
{
	char *raw = get_text(config, path), *url = raw ? url_resolve(a->base, raw) : NULL, *out = NULL;
	struct url u;

	free(raw);
	if (!url)
		return NULL;
	if (url_parse(&u, url)) {
		free(url);
		return NULL;
	}
	if (ws && !text_starts(u.scheme, "ws"))
		out = format(url_is_secure(&u) ? "wss" : "ws", strstr(url, "://"), "");
	else if (!ws && text_starts(u.scheme, "ws"))
		out = NULL;
	else
		out = strdup(url);
	url_clear(&u);
	free(url);
	return out;
}

static void lower(char *s)
{
	for (; s && *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + 32);
}

/* What a web server that knows server-side includes puts in: the tenant as it
 * stands in the path, and as it stands in JIDs. */
static void set_tenant(json_t *vars, const struct address *a)
{
	struct buf dir = { 0 }, domain = { 0 };

	if (*a->tenant) {
		buf_addf(&dir, "%s/", a->tenant_raw);
		buf_addf(&domain, "%s.", a->tenant);
	}
	json_object_set_new(vars, "subdir", json_string(buf_str(&dir)));
	json_object_set_new(vars, "subdomain", json_string(buf_str(&domain)));
	buf_free(&dir);
	buf_free(&domain);
}

/* The file's own `var subdomain = '...'`, if the server filled it in; a marker
 * that it left alone means that there is none.  Then the rewrite that follows
 * in every such file: dots to '_', lower case. */
static void settle_tenant(json_t *vars, const struct address *a)
{
	static const char *const names[] = { "subdir", "subdomain" };
	struct buf b = { 0 };
	const char *s;

	for (int i = 0; i < 2; i++) {
		s = json_string_value(json_object_get(vars, names[i]));
		if (s && (strstr(s, "<!--") || strstr(s, "#echo")))
			json_object_set_new(vars, names[i], json_string(""));
	}
	s = json_string_value(json_object_get(vars, "subdomain"));
	if (s && *s && strlen(s) < 512) {
		size_t n = strlen(s) - (s[strlen(s) - 1] == '.');

		for (size_t i = 0; i < n; i++)
			buf_addc(&b, s[i] == '.' ? '_' : s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i]);
		buf_addc(&b, '.');
		json_object_set_new(vars, "subdomain", json_string(buf_str(&b)));
		buf_free(&b);
	}
	(void)a;
}

/* The variables at the top come first and the rest uses them: so the file is
 * read twice, the second time with the tenant settled. */
static json_t *read_config(const char *js, size_t len, const struct address *a)
{
	json_t *vars = json_object(), *first = json_object(), *config;
	static const char *const names[] = { "subdir", "subdomain" };
	const char *cut = NULL;

	set_tenant(first, a);
	js_read(first, js, len);
	settle_tenant(first, a);
	for (int i = 0; i < 2; i++)
		json_object_set(vars, names[i], json_object_get(first, names[i]));
	/* Past the declarations of the two, which would undo it. */
	for (int i = 0; i < 2; i++) {
		const char *p = js, *end = js + len;

		while (p < end && (p = memmem(p, (size_t)(end - p), names[i], strlen(names[i])))) {
			const char *q = p;

			while (q > js && (q[-1] == ' ' || q[-1] == '\t'))
				q--;
			if (q - js >= 3 && !memcmp(q - 3, "var", 3)) {
				const char *semi = memchr(p, '\n', (size_t)(end - p));

				if (semi && (!cut || semi > cut))
					cut = semi;
				break;
			}
			p += strlen(names[i]);
		}
	}
	if (cut) {
		/* What stood before is kept; the two are as settled. */
		json_object_update_missing(vars, first);
		json_object_del(vars, "config");
		js_read(vars, js, (size_t)(cut - js));
		for (int i = 0; i < 2; i++)
			json_object_set(vars, names[i], json_object_get(first, names[i]));
		js_read(vars, cut, len - (size_t)(cut - js));
	} else {
		js_read(vars, js, len);
	}
	config = json_incref(json_object_get(vars, "config"));
	json_decref(first);
	json_decref(vars);
	return config;
}

static int set_defaults(struct deployment *d, const struct address *a, const char *domain,
			const char *muc_prefix)
{
	struct buf b = { 0 };

	if (!d->domain)
		d->domain = strdup(domain);
	if (!d->domain)
		return -ENOMEM;
	if (!d->muc) {
		buf_addf(&b, "%s.%s%s%s", muc_prefix, a->tenant, *a->tenant ? "." : "", d->domain);
		d->muc = buf_steal(&b);
	}
	if (!d->focus)
		d->focus = format("focus.", d->domain, "");
	if (!d->auth_domain)
		d->auth_domain = strdup(d->domain);
	lower(d->muc);
	return d->muc && d->focus && d->auth_domain ? 0 : -ENOMEM;
}

static char *usual_websocket(const struct address *a)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s://%s/%s%sxmpp-websocket", a->plain ? "ws" : "wss", a->authority, a->tenant,
		 *a->tenant ? "/" : "");
	return buf_steal(&b);
}

/* nginx hands the segment on as typed, but components look for the cleaned
 * form: so the cleaned one goes into the path. */
static void clean_websocket(struct deployment *d, const struct address *a)
{
	char *at, *out;
	struct buf raw = { 0 }, b = { 0 };

	if (!d->websocket || !*a->tenant || !strcmp(a->tenant, a->tenant_raw))
		return;
	buf_addf(&raw, "/%s/", a->tenant_raw);
	at = strstr(d->websocket, buf_str(&raw));
	if (at) {
		buf_add(&b, d->websocket, (size_t)(at - d->websocket));
		buf_addf(&b, "/%s/%s", a->tenant, at + raw.len);
		out = buf_steal(&b);
		if (out) {
			free(d->websocket);
			d->websocket = out;
		}
	}
	buf_free(&raw);
}

static void take_stun(struct deployment *d, const json_t *config)
{
	const json_t *list = get(config, "p2p.stunServers"), *v;
	size_t i;

	d->stun = calloc(STUN_MAX, sizeof(*d->stun));
	json_array_foreach(list, i, v) {
		const char *s = json_string_value(json_object_get(v, "urls"));

		if (!s)
			s = json_string_value(v);
		if (!s || !text_starts(s, "stun:") || d->stuns == STUN_MAX || !d->stun)
			continue;
		d->stun[d->stuns] = text_clean(s + 5, strlen(s) - 5, 260, TEXT_TRIM);
		d->stuns += d->stun[d->stuns] != NULL;
	}
}

int deployment_parse(struct deployment *d, const char *js, size_t len, const struct address *a,
		     const char **why)
{
	json_t *c;
	double n;
	int err;

	memset(d, 0, sizeof(*d));
	*why = "it is no config.js of Jitsi Meet";
	if (!memmem(js, len, "config", 6))
		return -EINVAL;
	c = read_config(js, len, a);
	if (!json_is_object(c) || !json_object_size(c)) {
		json_decref(c);
		return -EINVAL;
	}
	d->domain = get_text(c, "hosts.domain");
	d->anonymous_domain = get_text(c, "hosts.anonymousdomain");
	d->auth_domain = get_text(c, "hosts.authdomain");
	d->muc = get_text(c, "hosts.muc");
	d->focus = get_text(c, "hosts.focus");
	d->focus_user_jid = get_text(c, "focusUserJid");
	d->websocket = get_url(c, "websocket", a, true);
	d->bosh = get_url(c, "bosh", a, false);
	d->conference_request = get_url(c, "conferenceRequestUrl", a, false);
	d->keepalive_url = get_url(c, "websocketKeepAliveUrl", a, false);
	d->hidden_domain = get_text(c, "hiddenDomain");
	d->ignore_channel_domain = get_text(c, "bridgeChannel.ignoreDomain");
	d->token_auth_url = get_text(c, "tokenAuthUrl");
	d->region = get_text(c, "deploymentInfo.region");
	d->user_region = get_text(c, "deploymentInfo.userRegion");
	d->shard = get_text(c, "deploymentInfo.shard");
	take_stun(d, c);
	d->use_turn_udp = get_bool(c, "useTurnUdp");
	n = get_number(c, "startAudioMuted", -1);
	d->start_audio_muted = n >= 0 && n < 100000 ? (int)n : -1;
	d->start_with_audio_muted = get_bool(c, "startWithAudioMuted");
	d->start_silent = get_bool(c, "startSilent");
	d->require_display_name = get_bool(c, "requireDisplayName");
	n = get_number(c, "xmppPing.interval", 0);
	d->ping_interval_us = n >= 1000 && n < 1e6 ? (int64_t)n * 1000 : 0;
	n = get_number(c, "xmppPing.timeout", 0);
	d->ping_timeout_us = n >= 500 && n < 1e6 ? (int64_t)n * 1000 : 0;
	n = get_number(c, "xmppPing.threshold", 0);
	d->ping_threshold = n >= 1 && n < 100 ? (unsigned)n : 0;
	/* A config without hosts is one of another program. */
	if (!d->domain && !d->muc && !d->websocket && !d->bosh) {
		json_decref(c);
		deployment_clear(d);
		return -EINVAL;
	}
	err = set_defaults(d, a, a->host, "conference");
	if (!d->websocket && !get(c, "bosh"))
		d->websocket = usual_websocket(a);
	clean_websocket(d, a);
	json_decref(c);
	if (err)
		deployment_clear(d);
	return err;
}

int deployment_guess(struct deployment *d, unsigned n, const struct address *a)
{
	int err;

	memset(d, 0, sizeof(*d));
	if (n > 1)
		return -ENOENT;
	d->guessed = true;
	d->start_audio_muted = -1;
	err = n ? set_defaults(d, a, "meet.jitsi", "muc") : set_defaults(d, a, a->host, "conference");
	d->websocket = usual_websocket(a);
	if (!err && !d->websocket)
		err = -ENOMEM;
	if (err)
		deployment_clear(d);
	return err;
}

void deployment_clear(struct deployment *d)
{
	char **all[] = { &d->domain, &d->anonymous_domain, &d->auth_domain, &d->muc, &d->focus,
		&d->focus_user_jid, &d->websocket, &d->bosh, &d->conference_request,
		&d->keepalive_url, &d->hidden_domain, &d->ignore_channel_domain, &d->token_auth_url,
		&d->region, &d->user_region, &d->shard };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(*all[i]);
	for (size_t i = 0; i < d->stuns; i++)
		free(d->stun[i]);
	free(d->stun);
	memset(d, 0, sizeof(*d));
}
