/* http.c - what the host answers over HTTP: one table of paths */
#include "host/http.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "host/page.h"
#include "host/server_priv.h"

#define CORS "Access-Control-Allow-Origin: *\r\n"
#define CORS_POST CORS "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n" \
	"Access-Control-Allow-Headers: Content-Type, Authorization\r\n"
#define NOT_KEPT "Cache-Control: no-store\r\n"

struct asked {
	struct server *s;
	const struct http_request *rq;
	const struct bridge_stats *bridge;
	struct page_site site;
	int64_t now_us;
};

static void text(struct http_answer_out *out, int status, const char *headers, const char *body)
{
	out->status = status;
	out->type = "text/plain; charset=utf-8";
	out->headers = headers;
	buf_adds(&out->body, body);
}

/* ---- answers ---- */

static void give_config(const struct asked *a, struct http_answer_out *out)
{
	out->status = 200;
	out->type = "application/javascript; charset=utf-8";
	out->headers = CORS NOT_KEPT;
	page_config(&a->site, &out->body);
}

static void give_conference(const struct asked *a, struct http_answer_out *out)
{
	out->headers = CORS_POST NOT_KEPT;
	out->status = server_conference(a->s, a->rq->peer, a->rq->body, a->rq->body_len, &out->body,
					a->now_us);
	out->type = out->status == 200 ? "application/json" : "text/plain; charset=utf-8";
}

/* What keepalives of web clients get. */
static void give_keepalive(const struct asked *a, struct http_answer_out *out)
{
	(void)a;
	text(out, 200, CORS NOT_KEPT, "It works: this is the WebSocket of ttymeet's host.\n");
}

static void give_health(const struct asked *a, struct http_answer_out *out)
{
	(void)a;
	text(out, 200, NOT_KEPT, "OK\n");
}

static void give_json(struct http_answer_out *out, json_t *j)
{
	char *s = json_dumps(j, JSON_COMPACT);

	out->status = s ? 200 : 500;
	out->type = "application/json";
	out->headers = CORS NOT_KEPT;
	buf_adds(&out->body, s ? s : "{}");
	buf_addc(&out->body, '\n');
	free(s);
	json_decref(j);
}

static void give_version(const struct asked *a, struct http_answer_out *out)
{
	(void)a;
	give_json(out, json_pack("{s:s, s:s}", "name", "ttymeet host", "version", TTYMEET_VERSION));
}

/* The names are the reference bridge's where it has the figure. */
static void give_stats(const struct asked *a, struct http_answer_out *out)
{
	static const struct bridge_stats none;
	const struct bridge_stats *b = a->bridge ? a->bridge : &none;
	struct server_stats st;
	json_t *refused = json_object();

	server_stats(a->s, &st);
	for (int i = 0; i < NOTICES; i++)
		json_object_set_new(refused, notice_name((enum notice)i),
				    json_integer((json_int_t)st.notices.count[i]));
	give_json(out, json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I,"
				 " s:{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o}",
		"version", TTYMEET_VERSION, "conferences", (int)st.rooms, "participants", (int)st.people,
		"largest_conference", (int)st.largest, "sessions", (int)st.sessions,
		"connections", (int)st.connections, "asleep", (int)st.asleep,
		"channels", (int)st.channels, "resumed", (json_int_t)st.resumed,
		"total_conferences_created", (json_int_t)st.rooms_opened,
		"total_participants", (json_int_t)st.joins, "stanzas_in", (json_int_t)st.stanzas_in,
		"stanzas_out", (json_int_t)st.stanzas_out, "media",
		"endpoints", (int)b->endpoints, "packets_in", (json_int_t)b->in_packets,
		"packets_out", (json_int_t)b->out_packets, "bytes_in", (json_int_t)b->in_bytes,
		"bytes_out", (json_int_t)b->out_bytes, "bad_srtp", (json_int_t)b->bad_srtp,
		"limited", (json_int_t)b->limited, "dropped", (json_int_t)b->dropped,
		"refused", refused));
}

static void refuse_bosh(const struct asked *a, struct http_answer_out *out)
{
	(void)a;
	text(out, 404, CORS, "BOSH is not built in; use the WebSocket at /xmpp-websocket\n");
}

static void refuse_channel(const struct asked *a, struct http_answer_out *out)
{
	(void)a;
	text(out, 404, CORS, "A bridge channel is a WebSocket; its address comes with the invitation\n");
}

static void give_welcome(const struct asked *a, struct http_answer_out *out)
{
	out->status = 200;
	out->type = "text/html; charset=utf-8";
	out->headers = PAGE_HEADERS NOT_KEPT;
	page_welcome(&a->site, &out->body);
}

static void give_room(const struct asked *a, struct http_answer_out *out)
{
	out->status = 200;
	out->type = "text/html; charset=utf-8";
	out->headers = PAGE_HEADERS NOT_KEPT;
	page_room(&a->site, &out->body);
}

/* ---- paths ---- */

enum { TENANT = 1, POST = 2, BELOW = 4 };

static const struct route {
	const char *path;
	/* TENANT: also behind one; POST: instead of GET; BELOW: what is below it, too. */
	int flags;
	void (*fn)(const struct asked *a, struct http_answer_out *out);
} routes[] = {
	{ "/", 0, give_welcome },
	{ "/config.js", TENANT, give_config },
	{ "/conference-request/v1", TENANT | POST, give_conference },
	{ "/xmpp-websocket", TENANT, give_keepalive },
	{ "/http-bind", TENANT | POST, refuse_bosh },
	{ "/colibri-ws", BELOW, refuse_channel },
	{ "/about/health", 0, give_health },
	{ "/about/version", 0, give_version },
	{ "/stats", 0, give_stats },
};

/* Where the path begins behind "/<tenant>"; NULL: there is none. */
static const char *behind_tenant(const char *path)
{
	const char *slash = *path == '/' ? strchr(path + 1, '/') : NULL;

	return slash && slash > path + 1 ? slash : NULL;
}

static bool matches(const struct route *r, const char *path, bool *tenant)
{
	const char *behind = r->flags & TENANT ? behind_tenant(path) : NULL;
	size_t n = strlen(r->path);

	*tenant = false;
	if (!strcmp(path, r->path))
		return true;
	if (r->flags & BELOW)
		return !strncmp(path, r->path, n) && path[n] == '/';
	*tenant = true;
	return behind && !strcmp(behind, r->path);
}

bool http_is_xmpp(const char *path)
{
	const char *behind = behind_tenant(path);

	return !strcmp(path, "/xmpp-websocket") || (behind && !strcmp(behind, "/xmpp-websocket"));
}

/* "/room" or "/tenant/room"; what ends like a file of a web site is none. */
static bool is_room(const char *path)
{
	static const char *const files[] = {
		".ico", ".js", ".css", ".png", ".svg", ".map", ".txt", ".json", ".html", ".php", ".xml",
	};
	const char *behind = behind_tenant(path);
	const char *last = behind ? behind : path;

	if (*last != '/' || !last[1] || strchr(last + 1, '/') || strlen(path) > 1024 ||
	    !text_is_utf8(path, strlen(path)))
		return false;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (text_ends(path, files[i]))
			return false;
	return true;
}

/* ---- methods ---- */

static bool is_get(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static void refuse_method(struct http_answer_out *out, bool post)
{
	if (post)
		text(out, 405, CORS "Allow: POST, OPTIONS\r\n", "this is for POST\n");
	else
		text(out, 405, CORS "Allow: GET, HEAD, OPTIONS\r\n", "this is for GET\n");
}

static void answer(const struct asked *a, const struct route *r, struct http_answer_out *out)
{
	const char *method = a->rq->method;
	bool post = r && r->flags & POST;

	if (!strcmp(method, "OPTIONS"))
		text(out, 200, CORS_POST "Allow: GET, HEAD, POST, OPTIONS\r\n", "");
	else if (r && r->fn == refuse_bosh)
		refuse_bosh(a, out);
	else if (post ? strcmp(method, "POST") : !is_get(method))
		refuse_method(out, post);
	else if (r)
		r->fn(a, out);
	else
		give_room(a, out);
}

void http_handle(struct server *s, const struct http_request *rq, const char *authority,
		 const struct bridge_stats *bridge, int64_t now_us, struct http_answer_out *out)
{
	struct asked a = {
		.s = s, .rq = rq, .bridge = bridge, .now_us = now_us,
		.site = {
			.domain = server_config(s)->domain, .tls = server_config(s)->tls,
			.authority = server_authority_ok(rq->host) ? rq->host : authority,
			.path = rq->path,
		},
	};
	bool tenant = false;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (matches(&routes[i], rq->path, &tenant)) {
			a.site.tenant = tenant;
			answer(&a, &routes[i], out);
			return;
		}
	a.site.tenant = behind_tenant(rq->path) != NULL;
	if (is_room(rq->path))
		answer(&a, NULL, out);
	else
		text(out, 404, CORS, "There is nothing here; rooms are at /ROOM\n");
}
