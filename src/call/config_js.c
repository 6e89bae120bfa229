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

enum { VALUE_MAX = 2048 };

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

/* Without white space (people break lines inside) and control characters;
 * NULL if absent or empty.  All that is read here are addresses. */
static char *get_text(const json_t *config, const char *path)
{
	const char *s = json_string_value(get(config, path));
	struct buf b = { 0 };
	char *t;

	if (!s || strlen(s) > VALUE_MAX)
		return NULL;
	t = text_clean(s, strlen(s), 0, TEXT_TRIM);
	for (char *p = t; p && *p; p++)
		if (*p != ' ')
			buf_addc(&b, *p);
	free(t);
	t = buf_steal(&b);
	if (t && !*t) {
		free(t);
		t = NULL;
	}
	return t;
}

/* A domain that can stand in an address; anything else is left out. */
static char *get_domain(const json_t *config, const char *path)
{
	char *t = get_text(config, path);

	if (t && (strlen(t) > 253 || strpbrk(t, "/@\"'<>&"))) {
		free(t);
		t = NULL;
	}
	return t;
}

static bool get_bool(const json_t *config, const char *path)
{
	return json_is_true(get(config, path));
}

static bool get_false(const json_t *config, const char *path)
{
	return json_is_false(get(config, path));
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

/* What the file may use without having said it: the tenant as it stands in
 * the path and in JIDs, and the address of the page. */
static json_t *new_vars(const struct address *a)
{
	json_t *vars = json_object(), *at = json_object();
	struct buf dir = { 0 }, domain = { 0 }, origin = { 0 };

	if (*a->tenant) {
		buf_addf(&dir, "%s/", a->tenant_raw);
		buf_addf(&domain, "%s.", a->tenant);
	}
	buf_addf(&origin, "%s://%s", a->plain ? "http" : "https", a->authority);
	json_object_set_new(at, "host", json_string(a->authority));
	json_object_set_new(at, "hostname", json_string(a->host));
	json_object_set_new(at, "protocol", json_string(a->plain ? "http:" : "https:"));
	json_object_set_new(at, "origin", json_string(buf_str(&origin)));
	json_object_set_new(vars, "location", at);
	json_object_set_new(vars, "subdir", json_string(buf_str(&dir)));
	json_object_set_new(vars, "subdomain", json_string(buf_str(&domain)));
	buf_free(&dir);
	buf_free(&domain);
	buf_free(&origin);
	return vars;
}

static json_t *read_config(const char *js, size_t len, const struct address *a)
{
	json_t *vars = new_vars(a), *config;

	js_read(vars, js, len);
	config = json_incref(json_object_get(vars, "config"));
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

/* No word of a WebSocket: then it lives beside the older way in. */
static char *websocket_beside(const struct deployment *d, const struct address *a)
{
	char *at = d->bosh ? strstr(d->bosh, "/http-bind") : NULL;
	struct buf b = { 0 };

	if (!at || at[10])
		return usual_websocket(a);
	buf_addf(&b, "%s", text_starts(d->bosh, "https:") ? "wss" : "ws");
	at = strstr(d->bosh, "://");
	buf_add(&b, at, strlen(at) - strlen("http-bind"));
	buf_adds(&b, "xmpp-websocket");
	return buf_steal(&b);
}

static void take_domains(struct deployment *d, const json_t *c)
{
	d->domain = get_domain(c, "hosts.domain");
	d->anonymous_domain = get_domain(c, "hosts.anonymousdomain");
	d->auth_domain = get_domain(c, "hosts.authdomain");
	d->muc = get_domain(c, "hosts.muc");
	d->focus = get_domain(c, "hosts.focus");
	d->focus_user_jid = get_text(c, "focusUserJid");
	d->hidden_domain = get_domain(c, "hiddenDomain");
	d->ignore_channel_domain = get_domain(c, "bridgeChannel.ignoreDomain");
	d->region = get_text(c, "deploymentInfo.region");
	d->user_region = get_text(c, "deploymentInfo.userRegion");
	d->shard = get_text(c, "deploymentInfo.shard");
}

static void take_urls(struct deployment *d, const json_t *c, const struct address *a)
{
	d->websocket = get_url(c, "websocket", a, true);
	d->bosh = get_url(c, "bosh", a, false);
	d->conference_request = get_url(c, "conferenceRequestUrl", a, false);
	d->keepalive_url = get_url(c, "websocketKeepAliveUrl", a, false);
	d->token_auth_url = get_text(c, "tokenAuthUrl");
}

static void take_numbers(struct deployment *d, const json_t *c)
{
	double n = get_number(c, "startAudioMuted", -1);

	d->start_audio_muted = n >= 0 && n < 100000 ? (int)n : -1;
	d->start_with_audio_muted = get_bool(c, "startWithAudioMuted");
	d->start_silent = get_bool(c, "startSilent");
	d->ice_restart = get_bool(c, "enableIceRestart");
	n = get_number(c, "websocketKeepAlive", 60000);
	d->keepalive_us = n >= 5000 && n < 1e8 ? (int64_t)n * 1000 : n > 0 && n < 5000 ? 5000000 : 0;
	n = get_number(c, "xmppPing.interval", 0);
	d->ping_interval_us = n >= 1000 && n < 1e6 ? (int64_t)n * 1000 : 0;
	n = get_number(c, "xmppPing.timeout", 0);
	d->ping_timeout_us = n >= 500 && n < 1e6 ? (int64_t)n * 1000 : 0;
	n = get_number(c, "xmppPing.threshold", 0);
	d->ping_threshold = n >= 1 && n < 100 ? (unsigned)n : 0;
	d->no_resume = get_false(c, "enableWebsocketResume");
}

static const char *what_it_is(const char *js, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", js[i]))
		i++;
	if (i == len)
		return "empty";
	return js[i] == '<' ? "a web page in its place" : "no settings of Jitsi Meet in it";
}

int deployment_parse(struct deployment *d, const char *js, size_t len, const struct address *a,
		     const char **why)
{
	json_t *c;
	int err = 0;

	memset(d, 0, sizeof(*d));
	*why = what_it_is(js, len);
	c = **why == 'n' ? read_config(js, len, a) : NULL;
	if (json_is_object(c)) {
		take_domains(d, c);
		take_urls(d, c, a);
		take_numbers(d, c);
	}
	json_decref(c);
	/* A config without hosts is one of another program. */
	if (!d->domain && !d->muc && !d->websocket && !d->bosh)
		err = -EINVAL;
	if (!err)
		err = set_defaults(d, a, a->host, "conference");
	d->bosh_only = d->bosh && !d->websocket;
	if (!err && !d->websocket)
		d->websocket = websocket_beside(d, a);
	clean_websocket(d, a);
	if (!err && !d->websocket)
		err = -ENOMEM;
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
	d->keepalive_us = 60000000;
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
	memset(d, 0, sizeof(*d));
}
