/* join.c - from a URL into the room
 *
 *	config.js -> WebSocket, login -> focus ready -> presence -> joined
 *	          \-> conference request by HTTP -/
 *
 * Round trips are what a join costs: so the HTTP request runs beside the
 * login, and nothing waits for discovery.
 */
#include "call/call_priv.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/text.h"
#include "io/net.h"

/* What makes a focus offer sound and nothing else; see NS_RTP_VIDEO's absence. */
const char *const join_features[] = {
	NS_JINGLE, NS_RTP, NS_ICE_UDP, NS_DTLS, NS_RTP_AUDIO, NS_JSON_SOURCES, NS_SOURCE_NAME,
	"http://jitsi.org/start-muted-room-metadata", NS_CAPS, NS_DISCO_INFO, NS_PING,
};
const size_t join_feature_count = sizeof(join_features) / sizeof(join_features[0]);

static char *with_room(const struct call *c, const char *url, bool token)
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
	url = with_room(c, buf_str(&b), false);
	call_step(c, "asking %s for its config", c->a.authority);
	c->ops.http(c->ops_ctx, TAG_CONFIG, "GET", url ? url : "", NULL, NULL);
	free(url);
	buf_free(&b);
}

static void add_tried(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_tried(struct call *c, const char *fmt, ...)
{
	va_list ap;

	if (c->tried.len)
		buf_adds(&c->tried, ", ");
	va_start(ap, fmt);
	buf_vaddf(&c->tried, fmt, ap);
	va_end(ap);
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
		address_clear(&c->a);
		c->a = a;
	}
	buf_free(&b);
}

static void next_guess(struct call *c)
{
	deployment_clear(&c->d);
	if (deployment_guess(&c->d, c->guess, &c->a)) {
		call_finish(c, CALL_END_NO_SERVER, "no-jitsi",
			    "%s answers, but it is no Jitsi Meet server that this program can use; tried: %s",
			    c->a.authority, buf_str(&c->tried));
		return;
	}
	c->guess++;
	c->have_deployment = true;
	join_connect(c);
}

static void on_config(struct call *c, const struct call_http_answer *a)
{
	const char *why = "";

	if (c->phase != PHASE_CONFIG)
		return;
	if (!a->status) {
		const char *hint = a->name_error ? "; is the address right, and the network up?"
			: a->tls ? "; --ca-file trusts a certificate, --insecure any"
			: a->refused ? "; is the port right, and the server running?" : "";

		call_finish(c, CALL_END_NO_SERVER, a->tls ? "tls" : "unreachable", "%s: %s%s",
			    c->a.authority, a->error ? a->error : "not reached", hint);
		return;
	}
	if (a->status == 200) {
		follow_redirect(c, a->url ? a->url : "");
		if (!deployment_parse(&c->d, a->body, a->len, &c->a, &why)) {
			if (!c->d.websocket) {
				call_finish(c, CALL_END_NO_SERVER, "no-websocket",
					    "%s offers no WebSocket, only BOSH, which is not built in",
					    c->a.authority);
				return;
			}
			c->have_deployment = true;
			c->muted |= c->d.start_with_audio_muted;
			join_connect(c);
			return;
		}
		add_tried(c, "config.js (%s)", why);
	} else {
		add_tried(c, "config.js (HTTP %d)", a->status);
	}
	next_guess(c);
}

/* ---- the stream ---- */

static bool stream_is_ours(void *ctx, const struct xml *stanza);
static void stream_ready(void *ctx, const char *jid, const struct xml *features);

static void stream_send(void *ctx, const char *text, size_t len)
{
	struct call *c = ctx;

	c->ops.stream_send(c->ops_ctx, text, len);
}

static void stream_failed(void *ctx, enum xmpp_error why, const char *text)
{
	join_stream_failed(ctx, why, text);
}

static const char *login_domain(const struct call *c)
{
	return c->d.anonymous_domain && !c->jwt && !c->login_user ? c->d.anonymous_domain : c->d.domain;
}

static void start_http_request(struct call *c)
{
	struct focus_request r = { .room = c->room, .machine_uid = c->machine_uid,
		.session_id = c->session_id, .start_audio_muted = c->d.start_audio_muted,
		.start_video_muted = -1 };
	struct buf body = { 0 }, bearer = { 0 };
	char *url = with_room(c, c->d.conference_request, false);

	if (c->jwt)
		buf_addf(&bearer, "Bearer %s", c->jwt);
	if (url && !focus_request_json(&r, &body)) {
		c->http_asked = true;
		c->ops.http(c->ops_ctx, TAG_REQUEST, "POST", url, buf_str(&body),
			    bearer.len ? buf_str(&bearer) : NULL);
	}
	if (bearer.p)
		text_wipe(bearer.p, bearer.len);
	buf_free(&bearer);
	buf_free(&body);
	free(url);
}

/* Begins, or begins anew with what is known of the server. */
void join_connect(struct call *c)
{
	static const struct xmpp_events ev = { stream_send, stream_ready, stream_is_ours, stream_failed };
	struct xmpp_config cfg = {
		.domain = login_domain(c), .user = c->login_user, .password = c->login_password,
		.ping_interval_us = c->d.ping_interval_us, .ping_timeout_us = c->d.ping_timeout_us,
		.ping_failures = c->d.ping_threshold,
	};
	struct buf b = { 0 };
	char *url;

	call_drop_stream(c);
	c->phase = PHASE_CONNECTING;
	c->request_try = c->join_try = c->conflict_try = 0;
	c->http_ready = c->http_asked = c->pushed_disco = false;
	c->http_request = c->d.conference_request != NULL;
	c->request_at_us = c->join_at_us = c->join_limit_us = 0;
	buf_addf(&b, "%s@%s", c->a.room, c->d.muc);
	call_set(&c->room, buf_str(&b));
	buf_clear(&b);
	if (xmpp_stream_new(&c->stream, &cfg, &ev, c)) {
		call_finish(c, CALL_END_ERROR, "memory", "out of memory");
		return;
	}
	buf_addf(&b, "%s://%s", c->a.plain ? "http" : "https", c->a.authority);
	url = with_room(c, c->d.websocket, true);
	call_step(c, "connecting to %s", c->d.websocket);
	c->ops.stream_open(c->ops_ctx, url ? url : "", buf_str(&b));
	if (url)
		text_wipe(url, strlen(url));
	free(url);
	buf_free(&b);
	if (c->http_request)
		start_http_request(c);
}

void call_stream_closed(struct call *c, int error, int status, const char *text, int64_t now_us)
{
	bool was_up = c->stream_up;

	c->now_us = now_us;
	c->stream_up = false;
	if (!c->stream)
		return;
	/* A guessed address that nobody answers at: the next guess. */
	if (!was_up && c->d.guessed && !c->ever_joined && error == NET_HTTP) {
		add_tried(c, "%s (HTTP %d)", c->d.websocket, status);
		call_drop_stream(c);
		next_guess(c);
		return;
	}
	if (!was_up)
		call_lost(c, CALL_END_NO_SERVER, error == NET_TLS ? "tls" : "unreachable",
			  "%s: %s", c->d.websocket, text && *text ? text : "not reached");
	else
		call_lost(c, CALL_END_NO_SERVER, "closed", "%s closed the connection%s%s", c->a.authority,
			  text && *text ? ": " : "", text ? text : "");
}

void join_stream_failed(struct call *c, enum xmpp_error why, const char *text)
{
	switch (why) {
	case XMPP_LOGIN:
		call_finish(c, CALL_END_TURNED_AWAY, "login", "%s refuses the login: %s", c->a.authority,
			    text);
		break;
	case XMPP_NO_MECHANISM:
		call_finish(c, CALL_END_TURNED_AWAY, "login", "%s: %s; see --login-file and --jwt-file",
			    c->a.authority, text);
		break;
	case XMPP_DEAD:
		call_lost(c, CALL_END_NO_SERVER, "dead", "%s does not answer any more", c->a.authority);
		break;
	case XMPP_NO_MEMORY:
		call_finish(c, CALL_END_ERROR, "memory", "out of memory");
		break;
	default:
		call_lost(c, CALL_END_NO_SERVER, "protocol", "%s: %s", c->a.authority, text);
	}
}

/* ---- discovery: asked, not waited for ---- */

static void take_disco(struct call *c, const struct xml *query)
{
	const char *metadata = disco_component(query, "room_metadata");

	if (metadata)
		call_set(&c->metadata_jid, metadata);
}

static void on_disco(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;

	if (answer)
		take_disco(c, xml_child(answer, "query", NS_DISCO_INFO));
}

static void on_services(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const struct xml *s = xml_child(answer, "services", NULL);

	if (s)
		ext_services_parse(&c->services, &c->service_count, s);
}

/* What Jitsi's servers push before the bind result, to save these questions. */
bool join_on_pushed(struct call *c, const struct xml *m)
{
	const struct xml *q = xml_child(m, "query", NS_DISCO_INFO);
	const struct xml *s = xml_child(m, "services", NULL);
	const char *from = xml_attr(m, "from");

	if ((!q && !s) || (from && strcmp(from, c->d.domain) && strcmp(from, login_domain(c))))
		return false;
	if (q)
		take_disco(c, q);
	if (s)
		ext_services_parse(&c->services, &c->service_count, s);
	c->pushed_disco = true;
	return true;
}

static void ask_server(struct call *c)
{
	struct xml *iq;

	if (c->pushed_disco)
		return;
	iq = xmpp_iq_new("get", c->d.domain);
	xml_add(iq, "query", NS_DISCO_INFO);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_disco, c);
	iq = xmpp_iq_new("get", c->d.domain);
	xml_add(iq, "services", NS_EXTDISCO);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_services, c);
}

/* ---- the nick ---- */

static void new_nick(struct call *c, const char *jid)
{
	char *local = jid_local(jid);
	char nick[9];
	struct buf b = { 0 };

	text_copy(nick, sizeof(nick), local ? local : "");
	/* Anonymous servers may insist on the first eight of our own address. */
	if (c->login_user || c->conflict_try || strlen(nick) != 8 || nick[strspn(nick, "0123456789abcdef")])
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

	(void)features;         /* stream management is known by it, and later work */
	c->phase = PHASE_REQUESTING;
	new_nick(c, jid);
	call_step(c, "logged in; asking for the room");
	if (!c->http_request || !c->http_asked)
		join_request(c);
	else if (c->http_ready)
		roster_send(c, true);
	ask_server(c);
}

/* ---- the conference request ---- */

static void enter(struct call *c)
{
	if (c->phase == PHASE_REQUESTING)
		roster_send(c, true);
}

static void not_ready(struct call *c)
{
	unsigned n = c->request_try < 7 ? c->request_try : 7;
	int64_t wait = INT64_C(1000000) << n;

	c->request_try++;
	c->request_at_us = c->now_us + (wait > 120000000 ? 120000000 : wait);
	if (c->request_try == 3)
		call_step(c, "the conference is not ready yet; asking again");
}

static void session_invalid(struct call *c)
{
	if (c->session_id)
		text_wipe(c->session_id, strlen(c->session_id));
	call_set(&c->session_id, NULL);
	if (c->request_try > 5) {
		call_finish(c, CALL_END_TURNED_AWAY, "session", "%s does not accept our session",
			    c->a.authority);
		return;
	}
	not_ready(c);
}

static void take_answer(struct call *c, struct focus_answer *a)
{
	switch (a->error) {
	case FOCUS_OK:
		break;
	case FOCUS_NOT_AUTHORIZED:
		call_finish(c, CALL_END_TURNED_AWAY, "not-authorized",
			    "the room does not exist yet, and %s lets only people with a login open rooms: "
			    "try again when the host is there, or log in (--login-file, --jwt-file)%s%s",
			    c->a.authority, c->d.token_auth_url ? "; a token is to be had at " : "",
			    c->d.token_auth_url ? c->d.token_auth_url : "");
		return;
	case FOCUS_SESSION_INVALID:
		session_invalid(c);
		return;
	case FOCUS_RESERVATION:
		call_finish(c, CALL_END_TURNED_AWAY, "reservation", "the room cannot be opened: %s", a->text);
		return;
	case FOCUS_FAILED:
		if (c->request_try < 3) {       /* a focus that just starts */
			not_ready(c);
			return;
		}
		call_lost(c, CALL_END_NO_SERVER, "no-focus", "%s: the conference cannot be opened: %s",
			  c->a.authority, a->text);
		return;
	}
	if (a->session_id)
		call_set(&c->session_id, a->session_id);
	if (!a->ready) {
		not_ready(c);
		return;
	}
	if (*a->focus_jid)
		call_set(&c->focus_jid, a->focus_jid);
	else if (c->d.focus_user_jid)
		call_set(&c->focus_jid, c->d.focus_user_jid);
	if (c->phase == PHASE_CONNECTING)
		c->http_ready = true;
	else
		enter(c);
}

static void on_conference(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	struct focus_answer a;

	if (c->phase != PHASE_REQUESTING && c->phase != PHASE_JOINED)
		return;
	if (!answer) {
		if (c->phase == PHASE_REQUESTING && c->stream)
			call_lost(c, CALL_END_NO_SERVER, "no-focus", "%s: the conference focus (%s) does not answer",
				  c->a.authority, c->d.focus);
		return;
	}
	if (focus_answer_parse_iq(&a, answer))
		return;
	take_answer(c, &a);
	focus_answer_clear(&a);
}

void join_request(struct call *c)
{
	struct focus_request r = { .room = c->room, .machine_uid = c->machine_uid,
		.session_id = c->session_id, .token = c->jwt,
		.start_audio_muted = c->d.start_audio_muted, .start_video_muted = -1 };
	struct xml *iq;

	c->request_at_us = 0;
	if (c->http_request) {
		start_http_request(c);
		return;
	}
	iq = focus_request_iq(&r, c->d.focus);
	xmpp_stream_iq(c->stream, &iq, CONFERENCE_TIMEOUT_US, c->now_us, on_conference, c);
}

static void on_http_request(struct call *c, const struct call_http_answer *h)
{
	struct focus_answer a;

	if (c->phase != PHASE_CONNECTING && c->phase != PHASE_REQUESTING && c->phase != PHASE_JOINED)
		return;
	/* A server whose HTTP way is broken may still have the other. */
	if (!h->status || h->status == 404 || h->status >= 500) {
		c->http_request = c->http_asked = false;
		call_step(c, "the conference request by HTTP failed (%s); asking the focus itself",
			  h->status ? "an error of the server" : h->error ? h->error : "no answer");
		if (c->phase == PHASE_REQUESTING)
			join_request(c);
		return;
	}
	if (focus_answer_parse_json(&a, h->status, h->body, h->len))
		return;
	take_answer(c, &a);
	focus_answer_clear(&a);
}

void call_http_input(struct call *c, unsigned tag, const struct call_http_answer *a, int64_t now_us)
{
	c->now_us = now_us;
	if (c->phase == PHASE_OVER)
		return;
	if (tag == TAG_CONFIG)
		on_config(c, a);
	else if (tag == TAG_REQUEST)
		on_http_request(c, a);
	xmpp_stream_free(&c->dead_stream);
}

/* ---- refusals of the room ---- */

static void rejoin(struct call *c, int64_t lo_us, int64_t hi_us)
{
	c->phase = PHASE_REQUESTING;
	c->join_at_us = 0;
	c->request_at_us = c->now_us + call_random_us(c, lo_us, hi_us);
}

static void on_conflict(struct call *c)
{
	if (++c->conflict_try > 3) {
		call_lost(c, CALL_END_TURNED_AWAY, "conflict", "our place in the room is taken");
		return;
	}
	new_nick(c, xmpp_stream_jid(c->stream));
	roster_send(c, true);
}

void join_on_error(struct call *c, const struct xml *presence)
{
	const char *text, *lobby, *room = c->a.title;
	enum muc_join_error e = muc_join_error_parse(presence, &text, &lobby);

	switch (e) {
	case MUC_JOIN_PASSWORD:
		call_finish(c, CALL_END_TURNED_AWAY, "password", c->password
			    ? "%s: the password is wrong" : "%s has a password: give it by --password-file "
			    "or TTYMEET_PASSWORD", room);
		return;
	case MUC_JOIN_LOBBY:
		call_finish(c, CALL_END_TURNED_AWAY, "lobby",
			    "%s has a lobby, and knocking is not built in yet: ask somebody inside to open it",
			    room);
		return;
	case MUC_JOIN_NO_ROOM:
		if (++c->join_try <= 3) {
			rejoin(c, 500000, 3000000);
			return;
		}
		call_lost(c, CALL_END_TURNED_AWAY, "no-room", "%s cannot be opened%s%s", room,
			  *text ? ": " : "", text);
		return;
	case MUC_JOIN_LOGIN:
		call_finish(c, CALL_END_TURNED_AWAY, "login", "%s wants a login (--login-file, --jwt-file)", room);
		return;
	case MUC_JOIN_FULL:
		call_finish(c, CALL_END_TURNED_AWAY, "full", "%s is full%s%s", room, *text ? ": " : "", text);
		return;
	case MUC_JOIN_NAME_REQUIRED:
		if (!*c->name && ++c->join_try <= 1) {
			call_set(&c->name, "guest");
			roster_send(c, true);
			return;
		}
		call_finish(c, CALL_END_TURNED_AWAY, "name", "%s wants a name: --name", room);
		return;
	case MUC_JOIN_CONFLICT:
		on_conflict(c);
		return;
	case MUC_JOIN_BANNED:
		call_finish(c, CALL_END_TURNED_AWAY, "banned", "you are banned from %s", room);
		return;
	case MUC_JOIN_REFUSED:
		call_finish(c, CALL_END_TURNED_AWAY, "refused", "%s lets us not in: %s", room,
			    *text ? text : xmpp_error_condition(presence));
		return;
	}
}

/* ---- stanzas ---- */

static bool is_own_query(const struct call *c, const struct xml *iq, const struct xml *q)
{
	struct disco_identity id = { "client", "console", NULL, "ttymeet" };

	xmpp_stream_result(c->stream, iq, disco_info_new(xml_attr(q, "node"), &id,
			   c->privacy_version ? 1 : 0, join_features, join_feature_count));
	return true;
}

static bool on_iq(struct call *c, const struct xml *iq)
{
	const char *type = xml_attr(iq, "type");
	const struct xml *child = xml_first(iq), *v;

	if (!type || !child)
		return false;
	if (!strcmp(type, "get") && xml_is(child, "query", NS_DISCO_INFO))
		return is_own_query(c, iq, child);
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
	if (!strcmp(type, "set") && talk_iq(c, iq))
		return true;
	c->count.unknown_iq++;
	return false;
}

static bool stream_is_ours(void *ctx, const struct xml *x)
{
	struct call *c = ctx;

	if (xml_is(x, "iq", NULL))
		return on_iq(c, x);
	if (xml_is(x, "presence", NULL))
		roster_presence(c, x);
	else if (!join_on_pushed(c, x))
		talk_message(c, x);
	return true;
}

/* ---- time ---- */

void join_tick(struct call *c)
{
	if (c->request_at_us && c->now_us >= c->request_at_us) {
		c->request_at_us = 0;
		if (c->stream && (c->phase == PHASE_REQUESTING || c->phase == PHASE_CONNECTING ||
				  c->phase == PHASE_JOINED))
			join_request(c);
	}
	if (c->phase == PHASE_JOINING && c->join_limit_us && c->now_us >= c->join_limit_us) {
		c->join_limit_us = 0;
		call_lost(c, CALL_END_NO_SERVER, "timeout", "%s: no answer from the room within 20 s",
			  c->a.authority);
	}
}
