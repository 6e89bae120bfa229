/* moves.c - servers that send us to another one
 *
 *	an answer to the upgrade     HTTP 3xx, Location
 *	<close see-other-uri='…'/>   RFC 7395, 3.6: "instruct the client to move to
 *	                             a different WebSocket endpoint"
 *	<see-other-host/>            RFC 6120, 4.9.3.19
 *
 * Followed as HTTP's own are, a few times in one attempt, but never out of TLS;
 * the other one's certificate is checked as the first one's was.  Who is in the
 * room when it happens comes back as after any lost connection, with waits that
 * grow: two servers may send us to each other for ever.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "io/net.h"
#include "io/url.h"

/* What stands in the query beside what we put there ourselves. */
static void add_query(struct buf *b, const char *query)
{
	static const char *const ours[] = { "room=", "token=", "previd=" };
	char sep = '?';

	while (*query) {
		size_t n = strcspn(query, "&");
		bool known = false;

		for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			known |= text_starts(query, ours[i]);
		if (n && !known) {
			buf_addc(b, sep);
			buf_add(b, query, n);
			sep = '&';
		}
		query += n + (query[n] == '&');
	}
}

/* NULL: not an address that we follow. */
static char *moved_to(const struct call *c, const char *location)
{
	char *url = c->d.websocket ? url_resolve(c->d.websocket, location) : NULL;
	bool tls = c->d.websocket && text_starts(c->d.websocket, "wss:");
	struct buf b = { 0 };
	char *authority;
	struct url u;

	if (!url || url_parse(&u, url)) {
		free(url);
		return NULL;
	}
	free(url);
	authority = url_authority(&u);
	if (url_is_secure(&u) || !tls) {
		buf_addf(&b, "%s://%s%s", url_is_secure(&u) ? "wss" : "ws", authority ? authority : "", u.path);
		add_query(&b, u.query);
	}
	free(authority);
	url_clear(&u);
	return b.len ? buf_steal(&b) : NULL;
}

void call_stream_moved(struct call *c, const char *location, int status, const char *text,
		       int64_t now_us)
{
	char *to;

	call_enter(c, now_us);
	to = c->stream && c->phase == PHASE_CONNECTING && !c->stream_up && c->moves < MOVES_MAX
		? moved_to(c, location) : NULL;
	if (to) {
		c->moves++;
		free(c->d.websocket);
		c->d.websocket = to;
		join_open_socket(c);
	} else {
		call_stream_closed(c, NET_HTTP, status, text, now_us);
	}
	call_leave_input(c);
}

/* ---- by the stream's own words ---- */

/* A host is one of XMPP, whose ports for streams without WebSocket say nothing
 * here: the path stays, and so does the port where none of its own is named. */
static char *at_host(const struct call *c, const char *host)
{
	static const char *const streams[] = { ":5222", ":5223", ":5269" };
	struct buf ref = { 0 };
	size_t len = strlen(host);
	struct url u;
	char *to;

	if (!c->d.websocket || url_parse(&u, c->d.websocket))
		return NULL;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		if (len > strlen(streams[i]) && !strcmp(host + len - strlen(streams[i]), streams[i]))
			len -= strlen(streams[i]);
	buf_adds(&ref, "//");
	buf_add(&ref, host, len);
	buf_addf(&ref, "%s%s%s", u.path, *u.query ? "?" : "", u.query);
	url_clear(&u);
	to = moved_to(c, buf_str(&ref));
	buf_free(&ref);
	return to;
}

static bool is_on_its_way(const struct call *c)
{
	return !c->cut && (c->phase == PHASE_CONNECTING || c->phase == PHASE_REQUESTING ||
			   c->phase == PHASE_JOINING || c->phase == PHASE_ASKING);
}

void moves_elsewhere(struct call *c, const char *where)
{
	char *to = strchr(where, '/') ? moved_to(c, where) : at_host(c, where);

	if (!to) {
		call_lost(c, CALL_END_NO_SERVER, "elsewhere", "%s sends us to %s, %s", c->a.authority, where,
			  c->d.websocket && text_starts(c->d.websocket, "wss:") ? "which is not encrypted, or no address"
			  : "which is no address");
		return;
	}
	if (is_on_its_way(c) && c->moves >= MOVES_MAX) {
		call_lost(c, CALL_END_NO_SERVER, "elsewhere", "%s sends us from server to server, at last to %s",
			  c->a.authority, to);
		free(to);
		return;
	}
	free(c->d.websocket);
	c->d.websocket = to;
	if (!is_on_its_way(c)) {
		call_lost(c, CALL_END_NO_SERVER, "elsewhere", "%s sends us to another server", c->a.authority);
		return;
	}
	c->moves++;
	call_step(c, "%s sends us to another server", c->a.authority);
	join_elsewhere(c);
}
