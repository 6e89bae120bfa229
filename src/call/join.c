/* join.c - from a URL to a login
 *
 *	config.js -> WebSocket, login -> focus ready -> presence -> joined
 *	          \-> conference request by HTTP -/
 *
 * Round trips are what a join costs: so the HTTP request runs beside the
 * login, and nothing waits for discovery.
 */
#include "call/call_priv.h"
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"
#include "io/net.h"
#include "io/url.h"

/* What makes a focus offer sound and nothing else; see NS_RTP_VIDEO's absence. */
static const char *const usual_features[] = {
	NS_JINGLE, NS_RTP, NS_ICE_UDP, NS_DTLS, NS_RTP_AUDIO, NS_JSON_SOURCES, NS_SOURCE_NAME,
	"http://jitsi.org/start-muted-room-metadata", NS_CAPS, NS_DISCO_INFO, NS_PING,
};

size_t join_features(const struct call *c, const char **v)
{
	size_t n = sizeof(usual_features) / sizeof(usual_features[0]);

	memcpy(v, usual_features, sizeof(usual_features));
	if (c->channel_wish != CALL_CHANNEL_WEBSOCKET)
		v[n++] = NS_DTLS_SCTP;
	if (c->rewriting)
		v[n++] = NS_REWRITING;
	if (c->feedback)
		v[n++] = NS_TCC;
	return n;
}

struct disco_identity join_identity(const struct call *c)
{
	return (struct disco_identity){ "client", "console", NULL,
		c->privacy_version ? "ttymeet " TTYMEET_VERSION : NULL };
}

char *join_with_room(const struct call *c, const char *url, bool token)
{
	char *room = text_percent_encode(c->a.room, NULL), *jwt;
	struct buf b = { 0 };

	buf_addf(&b, "%s%croom=%s", url, strchr(url, '?') ? '&' : '?', room ? room : "");
	if (token && c->jwt) {
		jwt = text_percent_encode(c->jwt, NULL);
		buf_addf(&b, "&token=%s", jwt ? jwt : "");
		free(jwt);
	}
	free(room);
	return buf_steal(&b);
}

/* ---- config.js ---- */

void join_start(struct call *c)
{
	struct buf b = { 0 };
	char *url;

	c->phase = PHASE_CONFIG;
	buf_addf(&b, "%sconfig.js", c->a.base);
	url = join_with_room(c, buf_str(&b), false);
	call_step(c, "asking %s for its config", c->a.authority);
	c->ops.http(c->ops_ctx, TAG_CONFIG, "GET", url ? url : "", NULL, NULL);
	free(url);
	buf_free(&b);
}

/* A redirect may have led to another host or to https: that is the server. */
static void follow_redirect(struct call *c, const char *url)
{
	const char *end = strstr(url, "/config.js");
	struct address a;
	struct buf b = { 0 };

	if (!end || !strncmp(url, c->a.base, strlen(c->a.base)))
		return;
	buf_add(&b, url, (size_t)(end - url));
	buf_addf(&b, "/%s", strrchr(c->a.page, '/') + 1);
	if (!address_parse(&a, buf_str(&b), NULL, NULL)) {
		call_step(c, "%s sends us to %s", c->a.authority, a.authority);
		address_clear(&c->a);
		c->a = a;
	}
	buf_free(&b);
}

void join_forget(struct call *c)
{
	deployment_clear(&c->d);
	c->have_deployment = c->disco_known = false;
	buf_free(&c->tried);
	call_set(&c->metadata_jid, NULL);
	call_set(&c->moderation_jid, NULL);
	call_set(&c->breakout_jid, NULL);
	door_forget(c);
	services_forget(c);
	for (; c->earlies; c->earlies--) {
		free(c->early[c->earlies - 1].from);
		free(c->early[c->earlies - 1].json);
	}
	for (; c->ghosts; c->ghosts--) {
		free(c->ghost[c->ghosts - 1].jid);
		free(c->ghost[c->ghosts - 1].nick);
	}
}

/* Ends the call where nothing is left to guess. */
static void next_guess(struct call *c)
{
	deployment_clear(&c->d);
	if (deployment_guess(&c->d, c->guess, &c->a)) {
		call_finish(c, CALL_END_NO_SERVER, "no-jitsi",
			    "%s answers, but it is no Jitsi Meet server: %s", c->a.authority,
			    buf_str(&c->tried));
		return;
	}
	c->guess++;
	c->have_deployment = true;
	join_connect(c);
}

/* An address by naming convention has led nowhere: the next one, unless that
 * has the same door.  Returns false if this is no such case. */
bool join_guess_failed(struct call *c, bool door, const char *fmt, ...)
{
	va_list ap;

	if (!c->d.guessed || c->ever_joined)
		return false;
	if (c->tried.len)
		buf_adds(&c->tried, ", and ");
	va_start(ap, fmt);
	buf_vaddf(&c->tried, fmt, ap);
	va_end(ap);
	call_close_stream(c);
	if (door)
		c->guess = UINT_MAX;
	next_guess(c);
	return true;
}

static void not_reached(struct call *c, const struct call_http_answer *a)
{
	const char *hint = a->name_error ? "; is the address right, and the network up?"
		: a->tls ? "; --ca-file trusts a certificate, --insecure any"
		: a->refused ? "; is the port right, and the server running?" : "";
	const char *what = a->refused ? "connection refused or unreachable: " : "";

	call_lost(c, CALL_END_NO_SERVER, a->tls ? "tls" : "unreachable", "%s: %s%s%s", c->a.authority,
		  what, a->error && *a->error ? a->error : "not reached", hint);
}

static void start_muted_policy(struct call *c)
{
	if (c->d.start_with_audio_muted && !c->was_seated && !c->no_mic)
		call_muted_by(c, NULL, "this server has everybody start muted");
}

static void on_config(struct call *c, const struct call_http_answer *a)
{
	struct deployment d;
	const char *why = "";

	if (c->phase != PHASE_CONFIG)
		return;
	if (!a->status) {
		not_reached(c, a);
		return;
	}
	if (a->status == 200)
		follow_redirect(c, a->url ? a->url : "");
	if (a->status == 200 && !deployment_parse(&d, a->body, a->len, &c->a, &why)) {
		deployment_clear(&c->d);
		c->d = d;
		c->have_deployment = true;
		start_muted_policy(c);
		join_connect(c);
	} else if (c->have_deployment) {
		join_connect(c);        /* what it said before may still be true */
	} else {
		buf_clear(&c->tried);
		if (a->status == 200)
			buf_addf(&c->tried, "its config.js is %s", why);
		else
			buf_addf(&c->tried, "no config.js (%d)", a->status);
		call_step(c, "%s; trying the usual addresses", buf_str(&c->tried));
		next_guess(c);
	}
}

/* A server that moved says so in its config.js: asked for again now and then. */
void join_again(struct call *c)
{
	if (c->have_deployment && c->attempt % 4)
		join_connect(c);
	else
		join_start(c);
}

/* ---- the stream ---- */

static bool stream_is_ours(void *ctx, const struct xml *stanza);
static void stream_ready(void *ctx, const char *jid, const struct xml *features);

static void stream_send(void *ctx, const char *text, size_t len)
{
	struct call *c = ctx;

	c->ops.stream_send(c->ops_ctx, text, len);
}

static void stream_failed(void *ctx, enum xmpp_error why, const char *text);

static const char *login_domain(const struct call *c)
{
	return c->d.anonymous_domain && !c->jwt && !c->login_user ? c->d.anonymous_domain : c->d.domain;
}

static void set_room(struct call *c)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s@%s", c->a.room, c->d.muc);
	call_set(&c->room, buf_str(&b));
	call_set(&c->main_room, c->room);
	buf_free(&b);
}

/* One that is to be resumed says so to whoever balances the load, and to
 * servers that give guests their old name back. */
static char *with_previd(const struct call *c, char *url)
{
	const char *previd = c->stream ? xmpp_stream_previd(c->stream) : NULL;
	char *enc = previd ? text_percent_encode(previd, NULL) : NULL;
	struct buf b = { 0 };

	if (!url || !enc)
		return url;
	buf_addf(&b, "%s&previd=%s", url, enc);
	text_forget(&url);
	free(enc);
	return buf_steal(&b);
}

void join_open_socket(struct call *c)
{
	struct buf origin = { 0 };
	char *url = with_previd(c, join_with_room(c, c->d.websocket, true));

	buf_addf(&origin, "%s://%s", c->a.plain ? "http" : "https", c->a.authority);
	call_step(c, "connecting to %s", c->d.websocket);
	c->ops.stream_open(c->ops_ctx, url ? url : "", buf_str(&origin));
	text_forget(&url);
	buf_free(&origin);
}

static void connect_stream(struct call *c)
{
	static const struct xmpp_events ev = { stream_send, stream_ready, stream_is_ours, stream_failed,
		resume_done, resume_refused };
	struct xmpp_config cfg = {
		.domain = login_domain(c), .user = c->login_user, .password = c->login_password,
		.ping_interval_us = c->d.ping_interval_us, .ping_timeout_us = c->d.ping_timeout_us,
		.ping_failures = c->d.ping_threshold, .no_sm = c->d.no_resume,
	};

	call_drop_stream(c);
	c->phase = PHASE_CONNECTING;
	c->left_room = false;
	c->request_try = c->join_try = c->conflict_try = 0;
	c->http_ready = c->http_asked = c->disco_known = c->request_dead = false;
	c->http_request = c->d.conference_request != NULL;
	c->request_at_us = c->join_limit_us = 0;
	set_room(c);
	call_set(&c->shard.name, c->d.shard);
	if (xmpp_stream_new(&c->stream, &cfg, &ev, c)) {
		call_finish(c, CALL_END_ERROR, "memory", "out of memory");
		return;
	}
	join_open_socket(c);
	if (c->http_request)
		request_by_http(c);
}

/* Begins, or begins anew with what is known of the server. */
void join_connect(struct call *c)
{
	c->moves = 0;
	connect_stream(c);
}

void join_elsewhere(struct call *c)
{
	call_close_stream(c);
	connect_stream(c);
}

void call_stream_acked(struct call *c, int64_t acked_us)
{
	if (c->stream && c->thin)
		xmpp_stream_acked(c->stream, acked_us);
}

void call_set_thin(struct call *c, bool thin)
{
	c->thin = thin;
}

void call_stream_closed(struct call *c, int error, int status, const char *text, int64_t now_us)
{
	bool was_up = c->stream_up;
	const char *why = text && *text ? text : "not reached";

	call_enter(c, now_us);
	c->stream_up = false;
	if (!c->stream || c->phase == PHASE_WAITING || resume_begin(c, why))
		;
	else if (c->phase == PHASE_LEAVING)
		call_lost(c, CALL_END_LEFT, "left", "%s", "");
	else if (!was_up && error == NET_HTTP && join_guess_failed(c, true, "no WebSocket at %s (%d)",
								   c->d.websocket, status))
		;
	else if (!was_up && error == NET_HTTP && c->d.bosh_only)
		call_lost(c, CALL_END_NO_SERVER, "no-websocket", "%s offers no WebSocket (only BOSH at %s), and BOSH is "
			  "not built in: its operator can switch on mod_websocket", c->a.authority, c->d.bosh);
	else if (!was_up)
		call_lost(c, CALL_END_NO_SERVER, error == NET_TLS ? "tls" : "unreachable", "%s: %s",
			  c->d.websocket, why);
	else if (c->phase != PHASE_CONNECTING ||
		 !join_guess_failed(c, false, "no XMPP for %s at %s", c->d.domain, c->d.websocket))
		call_lost(c, CALL_END_NO_SERVER, "closed", "%s closed the connection%s%s", c->a.authority,
			  text && *text ? ": " : "", text ? text : "");
	call_leave_input(c);
}

static void stream_failed(void *ctx, enum xmpp_error why, const char *text)
{
	struct call *c = ctx;

	if (why == XMPP_DEAD && resume_begin(c, "no answer any more"))
		;
	else if (c->phase == PHASE_LEAVING)
		call_lost(c, CALL_END_LEFT, "left", "%s", "");
	else if (why == XMPP_NO_MEMORY)
		call_finish(c, CALL_END_ERROR, "memory", "out of memory");
	else if (why == XMPP_ELSEWHERE)
		moves_elsewhere(c, text);
	else if (why == XMPP_DEAD)
		call_lost(c, CALL_END_NO_SERVER, "dead", "%s does not answer any more", c->a.authority);
	else if (c->phase == PHASE_CONNECTING && join_guess_failed(c, false, "%s refuses %s (%s)",
								   c->d.websocket, c->d.domain, text))
		;
	else if (c->cut)        /* who is not let in to resume may join anew */
		call_rejoin(c, text);
	else if (why == XMPP_LOGIN)
		call_finish(c, CALL_END_TURNED_AWAY, "login", "%s refuses the login: %s",
			    c->a.authority, text);
	else if (why == XMPP_NO_MECHANISM)
		call_finish(c, CALL_END_TURNED_AWAY, "login", "%s: %s; see --login-file and --jwt-file",
			    c->a.authority, text);
	else if (text_starts(text, "host-unknown"))
		call_lost(c, CALL_END_NO_SERVER, "domain", "%s does not know the domain %s that its config.js "
			  "names; its owner has to look", c->a.authority, login_domain(c));
	else
		call_lost(c, CALL_END_NO_SERVER, "protocol", "%s: %s", c->a.authority, text);
}

/* ---- discovery: asked, not waited for ---- */

static void take_disco(struct call *c, const struct xml *query)
{
	call_set(&c->metadata_jid, disco_component(query, "room_metadata"));
	call_set(&c->moderation_jid, disco_component(query, "av_moderation"));
	call_set(&c->breakout_jid, disco_component(query, "breakout_rooms"));
	shard_named(c, disco_component(query, "shard"));
	c->disco_known = true;
	policy_known(c);
	door_component(c, disco_component(query, "lobbyrooms"));
	c->was_seated |= c->phase == PHASE_JOINED;
}

static void on_disco(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const struct xml *q = xml_child(answer, "query", NS_DISCO_INFO);

	if (q)
		take_disco(c, q);
}

/* What Jitsi's servers push before the bind result, to save these questions. */
static bool join_on_pushed(struct call *c, const struct xml *m)
{
	const struct xml *q = xml_child(m, "query", NS_DISCO_INFO);
	const struct xml *s = xml_child(m, "services", NULL);
	const char *from = xml_attr(m, "from");

	if ((!q && !s) || (from && strcmp(from, c->d.domain) && strcmp(from, login_domain(c))))
		return false;
	if (s)
		services_pushed(c, s);
	if (q)
		take_disco(c, q);
	return true;
}

static void ask_server(struct call *c)
{
	struct xml *iq;

	if (!c->disco_known) {
		iq = xmpp_iq_new("get", c->d.domain);
		xml_add(iq, "query", NS_DISCO_INFO);
		xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_disco, c);
	}
	if (!c->service_count)
		services_ask(c);
}

/* ---- the nick ---- */

void join_new_nick(struct call *c, const char *jid)
{
	char *local = jid_local(jid);
	char nick[9];
	struct buf b = { 0 };

	text_copy(nick, sizeof(nick), local ? local : "");
	/* Anonymous servers may insist on the first eight of our own address. */
	if (c->login_user || c->conflict_try || strlen(nick) != 8 ||
	    nick[strspn(nick, "0123456789abcdef")])
		rng_hex(nick, 8);
	free(local);
	call_set(&c->nick, nick);
	buf_addf(&b, "%s/%s", c->room, nick);
	call_set(&c->occupant, buf_str(&b));
	buf_clear(&b);
	buf_addf(&b, "%s-a0", nick);
	call_set(&c->source_name, buf_str(&b));
	buf_free(&b);
}

static void stream_ready(void *ctx, const char *jid, const struct xml *features)
{
	struct call *c = ctx;

	(void)features;
	c->phase = PHASE_REQUESTING;
	join_new_nick(c, jid);
	call_step(c, "logged in; asking for the room");
	if (c->http_ready)
		roster_send(c, true);
	else if (!c->http_request || !c->http_asked)
		request_send(c);
	ask_server(c);
	shard_login(c, c->ever_joined);
}

static void on_ignored(void *ctx, const struct xml *answer)
{
	(void)ctx;
	(void)answer;
}

/* A server that gave us the room itself: whoever is in it must be visible, or
 * no focus can be told from a person (XEP-0045, 10.1.3). */
static void on_owner_form(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	struct xml *iq;

	if (!muc_config_has(answer, MUC_WHOIS) || c->phase != PHASE_JOINED)
		return;
	iq = muc_config_new(c->room, MUC_WHOIS, "anyone");
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_ignored, c);
}

void join_room_created(struct call *c)
{
	struct xml *iq = xmpp_iq_new("get", c->room);

	xml_add(iq, "query", NS_MUC_OWNER);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_owner_form, c);
}

/* ---- stanzas ---- */

static bool answer_disco(const struct call *c, const struct xml *iq, const struct xml *q)
{
	struct disco_identity id = join_identity(c);
	const char *v[JOIN_FEATURES_MAX];
	size_t n = join_features(c, v);

	xmpp_stream_result(c->stream, iq, disco_info_new(xml_attr(q, "node"), &id, 1, v, n));
	return true;
}

static bool on_iq(struct call *c, const struct xml *iq)
{
	const char *type = xml_attr(iq, "type");
	const struct xml *child = xml_first(iq), *v;

	if (!type || !child)
		return false;
	if (!strcmp(type, "get") && xml_is(child, "query", NS_DISCO_INFO))
		return answer_disco(c, iq, child);
	if (!strcmp(type, "get") && xml_is(child, "query", NS_VERSION) && c->privacy_version) {
		struct xml *q = xml_new("query", NS_VERSION);

		xml_add_text(q, "name", NULL, "ttymeet");
		xml_add_text(q, "version", NULL, TTYMEET_VERSION);
		xmpp_stream_result(c->stream, iq, q);
		return true;
	}
	v = xml_child(iq, "jingle", NS_JINGLE);
	if (!strcmp(type, "set") && v)
		return session_iq(c, iq, v);
	if (!strcmp(type, "set") && policy_iq(c, iq))
		return true;
	c->count.unknown_iq++;
	return false;
}

static bool stream_is_ours(void *ctx, const struct xml *x)
{
	struct call *c = ctx;

	if (xml_is(x, "iq", NULL))
		return on_iq(c, x);
	if (xml_is(x, "presence", NULL)) {
		if (!lobby_presence(c, x) && !door_presence(c, x))
			roster_presence(c, x);
		return true;
	}
	if (!join_on_pushed(c, x))
		talk_message(c, x);
	return true;
}

/* ---- HTTP ---- */

void call_http_input(struct call *c, unsigned tag, const struct call_http_answer *a, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->phase == PHASE_OVER)
		;
	else if (tag == TAG_CONFIG)
		on_config(c, a);
	else if (tag == TAG_REQUEST)
		request_http_answer(c, a);
	call_leave_input(c);
}
