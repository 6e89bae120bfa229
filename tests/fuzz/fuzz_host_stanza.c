/* rooms: base io xmpp rtc host */
/* fuzz_host_stanza.c - what strangers send to the host
 *
 * Messages are separated by NUL.  The first byte of each says which of three
 * clients sends it: 'a' and 'b' sit in a room, 'n' has just connected; or 't'
 * lets a second pass, 'h' is an HTTP path, 'r' a conference request.  '@' in a
 * message is the session id that the client was offered.  Whatever the host
 * says must be XML for whoever gets it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "fuzz/easy_bridge.h"
#include "host/http.h"
#include "host/server.h"
#include "xmpp/ns.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct guest { struct xmpp_conn *conn; char sid[20], invite[20], caps[20]; };
struct bench { struct server *s; struct guest g[3]; int64_t now; };

/* ---- links ---- */

static void note(struct guest *g, const struct xml *x)
{
	const struct xml *j = xml_child(x, "jingle", NS_JINGLE);

	if (j && xml_attr(j, "sid") && xml_attr(x, "id")) {
		snprintf(g->sid, sizeof(g->sid), "%s", xml_attr(j, "sid"));
		snprintf(g->invite, sizeof(g->invite), "%s", xml_attr(x, "id"));
	}
	if (xml_child(x, "query", NS_DISCO_INFO) && xml_attr(x, "id"))
		snprintf(g->caps, sizeof(g->caps), "%.19s", xml_attr(x, "id"));
}

static int op_send(void *ctx, void *link, const char *text, size_t len)
{
	struct xml *x;

	(void)ctx;
	if (xml_parse(&x, text, len, NULL, NULL))
		abort();
	note(link, x);
	xml_free(&x);
	return 0;
}

static void op_close(void *ctx, void *link, int code, const char *reason)
{
	(void)ctx;
	(void)reason;
	if (code < 1000)
		abort();
	((struct guest *)link)->conn = NULL;
}

static void op_admit(void *ctx, const char *conference, const char *endpoint, const char *password)
{
	(void)ctx;
	if (!*conference || !*endpoint || strlen(password) != 24)
		abort();
}

static void op_dismiss(void *ctx, const char *conference, const char *endpoint)
{
	(void)ctx;
	(void)conference;
	(void)endpoint;
}

static const struct server_ops ops = { op_send, op_close, op_admit, op_dismiss };

/* ---- the room ---- */

static void say(struct bench *b, struct guest *g, const char *text, size_t len)
{
	if (g->conn)
		server_input(b->s, g->conn, text, len, b->now);
}

static void says(struct bench *b, struct guest *g, const char *text)
{
	say(b, g, text, strlen(text));
}

static void enter(struct bench *b, struct guest *g, const char *nick)
{
	char text[400];

	g->conn = server_connect(b->s, g, "192.0.2.1", "h:1", b->now);
	says(b, g, "<open xmlns='" NS_FRAMING "' to='t' version='1.0'/>");
	says(b, g, "<auth xmlns='" NS_SASL "' mechanism='ANONYMOUS'/>");
	says(b, g, "<open xmlns='" NS_FRAMING "' to='t' version='1.0'/>");
	says(b, g, "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='" NS_BIND "'/></iq>");
	says(b, g, "<iq xmlns='jabber:client' type='set' id='c' to='focus.t'><conference xmlns='" NS_FOCUS "' room='r@conference.t'/></iq>");
	snprintf(text, sizeof(text), "<presence xmlns='jabber:client' to='r@conference.t/%s'><x xmlns='" NS_MUC "'/></presence>", nick);
	says(b, g, text);
	snprintf(text, sizeof(text), "<iq xmlns='jabber:client' type='result' id='%s' to='r@conference.t/focus'><query xmlns='"
		 NS_DISCO_INFO "'><feature var='" NS_RTP_AUDIO "'/><feature var='" NS_RTP_VIDEO "'/>%s</query></iq>", g->caps,
		 *nick == 'a' ? "<feature var='" NS_JSON_SOURCES "'/>" : "");
	says(b, g, text);
}

/* '@' stands for what the host made up. */
static void say_filled(struct bench *b, struct guest *g, const char *p, size_t len)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < len; i++)
		if (p[i] == '@' && (i == 0 || p[i - 1] == '\''))
			buf_adds(&text, g->sid);
		else
			buf_addc(&text, p[i]);
	say(b, g, buf_str(&text), text.len);
	buf_free(&text);
}

static void ask_http(struct bench *b, const char *path)
{
	struct http_request rq = { .method = "GET", .path = path, .query = "", .host = path, .peer = "p", .body = "" };
	struct http_answer_out out;

	http_handle(b->s, &rq, "h:1", NULL, b->now, &out);
	buf_free(&out.body);
}

static void message(struct bench *b, const char *p, size_t len)
{
	struct buf out = { 0 };

	switch (len ? *p : 0) {
	case 'a': say_filled(b, &b->g[0], p + 1, len - 1); break;
	case 'b': say_filled(b, &b->g[1], p + 1, len - 1); break;
	case 'n': say(b, &b->g[2], p + 1, len - 1); break;
	case 'h': ask_http(b, p + 1); break;
	case 'r':
		server_conference(b->s, "p", p + 1, len - 1, &out, b->now);
		buf_free(&out);
		break;
	case 't':
		b->now += 1000000;
		server_tick(b->s, b->now);
		if (server_due(b->s) <= b->now)
			abort();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server_config cfg = { .domain = "t", .max_people = 3, .max_rooms = 3,
				     .audio_ssrc = 1000, .video_ssrc = 1001 };
	struct bench b = { .now = 1000000 };
	char *text = malloc(size + 1), *at, *end;

	log_set_level(LOGL_NONE);
	if (!text || server_new(&b.s, &cfg, &ops, &b, &easy_bridge, &b))
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	enter(&b, &b.g[0], "aa");
	enter(&b, &b.g[1], "bb");
	b.g[2].conn = server_connect(b.s, &b.g[2], "192.0.2.1", "h:1", b.now);
	for (at = text; at < text + size; at = end + 1) {
		end = at + strlen(at);
		message(&b, at, (size_t)(end - at));
	}
	if (b.g[0].conn)
		server_gone(b.s, b.g[0].conn, b.now & 1, b.now);
	server_shutdown(b.s, b.now);
	server_free(&b.s);
	free(text);
	return 0;
}
