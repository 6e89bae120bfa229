/* page.c - the texts that the host serves
 *
 * config.js is one plain object of double-quoted strings: programs read it
 * that do not run JavaScript.  server.md 6.3 says which keys matter and why.
 */
#include "host/page.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

/* As in the address of its rooms: lower case, dots to '_', the rest as in a
 * URL (client.md 1.3); so it holds nothing that a string would need escaped. */
static void add_tenant(const struct page_site *s, struct buf *out)
{
	size_t n = strcspn(s->path + 1, "/");
	char *raw = s->tenant ? strndup(s->path + 1, n) : NULL;
	char *safe = raw ? text_percent_encode(raw, "-_.") : NULL;

	for (char *p = safe; p && *p; p++)
		buf_addc(out, *p == '.' ? '_' : *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p);
	if (safe)
		buf_addc(out, '.');
	free(raw);
	free(safe);
}

/* The same, as a folder of URLs. */
static void add_folder(const struct page_site *s, struct buf *out)
{
	struct buf t = { 0 };

	add_tenant(s, &t);
	if (t.len > 1) {
		buf_addc(out, '/');
		buf_add(out, t.p, t.len - 1);
	}
	buf_free(&t);
}

void page_config(const struct page_site *s, struct buf *out)
{
	const char *e = s->tls ? "s" : "";

	buf_adds(out, "/* ttymeet's host: what clients need to know */\nvar config = {\n\thosts: {\n");
	buf_addf(out, "\t\tdomain: \"%s\",\n\t\tmuc: \"conference.", s->domain);
	add_tenant(s, out);
	buf_addf(out, "%s\",\n\t\tfocus: \"focus.%s\"\n\t},\n", s->domain, s->domain);
	buf_addf(out, "\tfocusUserJid: \"focus@auth.%s\",\n", s->domain);
	buf_addf(out, "\twebsocket: \"ws%s://%s", e, s->authority);
	add_folder(s, out);
	buf_addf(out, "/xmpp-websocket\",\n\tserviceUrl: \"ws%s://%s", e, s->authority);
	add_folder(s, out);
	buf_addf(out, "/xmpp-websocket\",\n\tconferenceRequestUrl: \"http%s://%s", e, s->authority);
	add_folder(s, out);
	buf_adds(out, "/conference-request/v1\",\n"
		 "\tenableWebsocketResume: true,\n"
		 "\tbridgeChannel: { preferSctp: false },\n"
		 "\tp2p: { enabled: false },\n"
		 "\tdisableSimulcast: true,\n"
		 "\tchannelLastN: -1,\n"
		 "\tvideoQuality: { codecPreferenceOrder: [\"VP8\"], mobileCodecPreferenceOrder: [\"VP8\"] },\n"
		 "\tflags: { ssrcRewritingEnabled: false, rtpMidDemuxEnabled: false },\n"
		 "\tenableIceRestart: true,\n"
		 "\tdisableThirdPartyRequests: true,\n"
		 "\tanalytics: { disabled: true }\n"
		 "};\n");
}

/* ---- pages ---- */

static void add_html(struct buf *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		case '\'': buf_adds(out, "&#39;"); break;
		default: buf_addc(out, *s);
		}
}

static void begin(struct buf *out, const char *title)
{
	buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
	add_html(out, title);
	buf_adds(out, "</title></head>\n<body>\n<h1>");
	add_html(out, title);
	buf_adds(out, "</h1>\n");
}

static void add_origin(const struct page_site *s, struct buf *out)
{
	buf_addf(out, "http%s://%s", s->tls ? "s" : "", s->authority);
}

void page_welcome(const struct page_site *s, struct buf *out)
{
	begin(out, "ttymeet");
	buf_adds(out, "<p>This is a conference host. Choose a name for a room and join it from a"
		 " terminal:</p>\n<pre>ttymeet ");
	add_origin(s, out);
	buf_adds(out, "/ROOM</pre>\n</body>\n</html>\n");
}

/* A name of any script, as the words of a URL: safe in a shell, too. */
static void add_path(const struct page_site *s, struct buf *out)
{
	char *safe = text_percent_encode(s->path, "-_.~/");

	buf_adds(out, safe ? safe : "/");
	free(safe);
}

void page_room(const struct page_site *s, struct buf *out)
{
	begin(out, strrchr(s->path, '/') + 1);
	buf_adds(out, "<p>This is a room for voice and chat. Join it from a terminal:</p>\n<pre>ttymeet ");
	add_origin(s, out);
	add_path(s, out);
	buf_adds(out, "</pre>\n<p>There is no page to talk in: the host carries conferences, for ttymeet and"
		 " for clients made with lib-jitsi-meet, which read <code>/config.js</code>.</p>\n"
		 "</body>\n</html>\n");
}
