/* xmpp_conn.c - one client's stream: framing, login, binding, rates
 *
 * RFC 7395 over RFC 6120, anonymous logins (XEP-0175) alone.  The texts that
 * open and close the stream are written by hand: strophe.js compares some of
 * them byte for byte, and none of its clients can be told.  Who sends too fast
 * waits (its stanzas stand in a list), who goes on is closed.
 */
#include "host/server_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

enum { REFUSED_LOGINS = 3, RESOURCE_CHARS = 8 };

static const char close_text[] = "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />";
static const char features_login[] =
	"<stream:features xmlns:stream=\"http://etherx.jabber.org/streams\">"
	"<mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><mechanism>ANONYMOUS</mechanism>"
	"</mechanisms></stream:features>";
/* No <session/>, which costs a round trip. */
static const char features_bind[] =
	"<stream:features xmlns:stream=\"http://etherx.jabber.org/streams\">"
	"<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/><sm xmlns=\"" NS_SM "\"/></stream:features>";

struct xmpp_conn *conn_new(struct server *s, void *link, const char *peer, const char *authority)
{
	struct xmpp_conn *c = host_alloc(sizeof(*c));

	c->server = s;
	c->link = link;
	host_set(&c->peer, peer && *peer ? peer : "somebody");
	host_set(&c->authority, server_authority_ok(authority) ? authority : "localhost");
	host_set(&c->jid, "");
	c->since_us = s->now_us;
	return c;
}

void conn_drop_backlog(struct xmpp_conn *c)
{
	while (c->first) {
		struct backlog *b = c->first;

		c->first = b->next;
		free(b);
	}
	c->last = NULL;
	c->backlog = c->backlog_bytes = 0;
}

void conn_free(struct xmpp_conn *c)
{
	conn_drop_backlog(c);
	sm_free(&c->sm);
	text_wipe(c->sm_id, sizeof(c->sm_id));
	free(c->peer);
	free(c->authority);
	free(c->jid);
	free(c);
}

/* ---- sending ---- */

void conn_bytes(struct xmpp_conn *c, const char *text, size_t len)
{
	struct server *s = c->server;

	if (c->dying || c->asleep_until_us)
		return;
	s->stats.stanzas_out++;
	if (s->ops.send(s->ctx, c->link, text, len) >= 0)
		return;
	server_note(s, NOTICE_DEAF, c);
	c->dying = true;
	c->close_code = 1008;
	c->close_reason = "does not read";
	s->to_sweep = true;
}

void conn_text(struct xmpp_conn *c, const char *text)
{
	conn_bytes(c, text, strlen(text));
}

static bool is_stanza(const struct xml *x)
{
	return xml_is(x, NULL, NS_CLIENT) &&
	       (xml_is(x, "iq", NULL) || xml_is(x, "message", NULL) || xml_is(x, "presence", NULL));
}

void conn_write(struct xmpp_conn *c, const struct xml *stanza)
{
	bool counts = c->sm && is_stanza(stanza);
	struct buf b = { 0 };

	if (!c->dying && !xml_write(stanza, &b)) {
		if (counts)
			conn_sm_sent(c, b.p, b.len);
		conn_bytes(c, b.p, b.len);
		if (counts)
			conn_sm_ask(c);
	}
	buf_free(&b);
}

void conn_send(struct xmpp_conn *c, struct xml *stanza)
{
	conn_write(c, stanza);
	xml_free(&stanza);
}

static void send_open(struct xmpp_conn *c)
{
	struct buf b = { 0 };
	char id[17];

	rng_alnum(id, 16);
	buf_addf(&b, "<open xmlns=\"%s\" from=\"%s\" id=\"%s\" version=\"1.0\" xml:lang=\"en\"/>",
		 NS_FRAMING, c->server->domain, id);
	conn_text(c, buf_str(&b));
	buf_free(&b);
}

void conn_end(struct xmpp_conn *c, const char *condition, const char *why, int code,
	      const char *reason)
{
	struct buf b = { 0 };

	if (c->dying)
		return;
	if (condition) {
		if (c->state == CONN_NEW)
			send_open(c);   /* RFC 7395, 3.3.1: errors stand inside a stream */
		buf_addf(&b, "<stream:error xmlns:stream=\"%s\"><%s xmlns=\"%s\"/>"
			 "<text xmlns=\"%s\" xml:lang=\"en\">%s</text></stream:error>",
			 NS_STREAM, condition, NS_STREAM_ERROR, NS_STREAM_ERROR, why);
		conn_text(c, buf_str(&b));
		buf_free(&b);
	}
	conn_text(c, close_text);
	c->dying = true;
	c->close_code = code;
	c->close_reason = reason;
	c->server->to_sweep = true;
}

/* ---- opening, login, binding ---- */

static void on_open(struct xmpp_conn *c, const struct xml *x)
{
	const char *to = xml_attr(x, "to");

	if (c->state != CONN_NEW && c->state != CONN_TRUSTED) {
		conn_end(c, "invalid-xml", "the stream is open already", 1002, "protocol error");
		return;
	}
	if (!to || !text_same_nocase(to, c->server->domain)) {
		conn_end(c, "host-unknown", "the domain of this host stands in its config.js", 1008,
			 "host unknown");
		return;
	}
	send_open(c);
	conn_text(c, c->state == CONN_NEW ? features_login : features_bind);
	c->state = c->state == CONN_NEW ? CONN_OPEN : CONN_BINDING;
}

static void refuse_login(struct xmpp_conn *c, const char *condition, const char *text)
{
	struct xml *f = xml_new("failure", NS_SASL);

	xml_add(f, condition, NULL);
	if (text)
		xml_add_text(f, "text", NULL, text);
	conn_send(c, f);
	if (++c->refused_logins >= REFUSED_LOGINS)
		conn_end(c, "policy-violation", "too many logins refused", 1008, "login refused");
}

static void on_sasl(struct xmpp_conn *c, const struct xml *x)
{
	const char *mechanism = xml_attr(x, "mechanism");

	if (c->state != CONN_OPEN) {
		refuse_login(c, "malformed-request", "not the time for a login");
		return;
	}
	if (xml_is(x, "abort", NULL)) {
		refuse_login(c, "aborted", NULL);
	} else if (!xml_is(x, "auth", NULL)) {
		refuse_login(c, "malformed-request", NULL);
	} else if (!mechanism || strcmp(mechanism, "ANONYMOUS")) {
		refuse_login(c, "invalid-mechanism",
			     "this host has no accounts: log in by ANONYMOUS");
	} else {
		conn_text(c, "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
		c->state = CONN_TRUSTED;
	}
}

static void on_bind(struct xmpp_conn *c, const struct xml *iq)
{
	struct xml *a = xmpp_iq_new("result", NULL), *b;
	char uuid[37], resource[RESOURCE_CHARS + 1];

	rng_uuid(uuid);
	rng_alnum(resource, RESOURCE_CHARS);
	free(c->jid);
	c->jid = host_format("%s@%s/%s", uuid, c->server->domain, resource);
	c->state = CONN_BOUND;
	xml_set(a, "id", xml_attr(iq, "id"));
	b = xml_add(a, "bind", NS_BIND);
	xml_add_text(b, "jid", NULL, c->jid);
	conn_send(c, a);
	log_debug("host", "%s is %s", c->peer, c->jid);
}

static void on_stanza(struct xmpp_conn *c, struct xml *x)
{
	const char *type = xml_attr(x, "type");

	if (c->state == CONN_BOUND) {
		if (c->sm)
			sm_got(c->sm);
		/* Whatever it says: it can only speak for itself. */
		xml_set(x, "from", c->jid);
		service_stanza(c, x);
		return;
	}
	if (c->state == CONN_BINDING && xml_is(x, "iq", NULL) && type && !strcmp(type, "set") &&
	    xml_attr(x, "id") && xml_child(x, "bind", NS_BIND)) {
		on_bind(c, x);
		return;
	}
	conn_end(c, "not-authorized", "log in and bind a resource first", 1008, "not authorized");
}

static void dispatch(struct xmpp_conn *c, struct xml *x)
{
	if (is_stanza(x))
		on_stanza(c, x);
	else if (xml_is(x, "open", NS_FRAMING))
		on_open(c, x);
	else if (xml_is(x, "close", NS_FRAMING))
		conn_end(c, NULL, NULL, 1000, "");
	else if (xml_is(x, NULL, NS_SASL))
		on_sasl(c, x);
	else if (xml_is(x, NULL, NS_SM))
		conn_sm_element(c, x);
	else
		conn_end(c, "unsupported-stanza-type", "neither iq, message nor presence", 1003,
			 "unsupported stanza");
}

/* ---- input ---- */

/* RFC 7395, 3.3.3: a stanza names its namespace.  Some clients do not; they
 * mean jabber:client, for the whole stanza. */
static int parse_without_ns(struct xml **out, const char *text, size_t len,
			    const struct xml_limits *limits)
{
	struct buf b = { 0 };
	struct xml *around = NULL;
	const char *why;
	int err;

	buf_adds(&b, "<w xmlns=\"" NS_CLIENT "\">");
	buf_add(&b, text, len);
	buf_adds(&b, "</w>");
	err = buf_err(&b);
	if (!err)
		err = xml_parse(&around, b.p, b.len, limits, &why);
	buf_free(&b);
	xml_free(out);
	if (!err)
		err = xml_first(around) ? xml_dup(out, xml_first(around)) : -EINVAL;
	xml_free(&around);
	return err;
}

static void handle(struct xmpp_conn *c, const char *text, size_t len)
{
	struct xml_limits limits = { LIMIT_STANZA_BYTES + 64, LIMIT_STANZA_DEPTH, LIMIT_STANZA_NODES };
	const char *why = "";
	struct xml *x = NULL;
	int err = xml_parse(&x, text, len, &limits, &why);

	c->server->stats.stanzas_in++;
	c->stanza_bytes = len;
	if (!err && !*xml_ns(x) && (xml_is(x, "iq", NULL) || xml_is(x, "message", NULL) ||
				    xml_is(x, "presence", NULL)))
		err = parse_without_ns(&x, text, len, &limits);
	if (err) {
		log_debug("host", "%s: %s", c->peer, why ? why : "");
		server_note(c->server, err == -E2BIG ? NOTICE_OVERSIZE : NOTICE_MALFORMED, c);
		conn_end(c, err == -E2BIG ? "policy-violation" : "not-well-formed",
			 err == -E2BIG ? "a stanza is too large" : "not well-formed", 1007, "bad XML");
		return;
	}
	dispatch(c, x);
	xml_free(&x);
}

static unsigned cost_of(size_t len)
{
	return 1 + (unsigned)(len / LIMIT_COST_BYTES);
}

static void keep(struct xmpp_conn *c, const char *text, size_t len)
{
	struct backlog *b;

	server_note(c->server, NOTICE_THROTTLED, c);
	if (c->backlog == LIMIT_BACKLOG || c->backlog_bytes + len > LIMIT_BACKLOG_BYTES) {
		server_note(c->server, NOTICE_FLOOD, c);
		conn_end(c, "policy-violation", "too many stanzas", 1008, "too many stanzas");
		return;
	}
	b = host_alloc(sizeof(*b) + len + 1);
	b->len = len;
	memcpy(b->text, text, len);
	if (c->last)
		c->last->next = b;
	else
		c->first = b;
	c->last = b;
	c->backlog++;
	c->backlog_bytes += len;
	server_due_at(c->server, conn_due(c));
}

void conn_input(struct xmpp_conn *c, const char *text, size_t len)
{
	if (len > LIMIT_STANZA_BYTES) {
		server_note(c->server, NOTICE_OVERSIZE, c);
		conn_end(c, "policy-violation", "a stanza is too large", 1009, "too large");
		return;
	}
	if (c->first || !bucket_take(&c->bucket, cost_of(len), LIMIT_STANZAS_PER_S,
				     LIMIT_STANZA_BURST, c->server->now_us))
		keep(c, text, len);
	else
		handle(c, text, len);
}

/* ---- time ---- */

static void take_turn(struct xmpp_conn *c)
{
	while (!c->dying && c->first) {
		struct backlog *b = c->first;

		if (!bucket_take(&c->bucket, cost_of(b->len), LIMIT_STANZAS_PER_S, LIMIT_STANZA_BURST,
				 c->server->now_us))
			return;
		c->first = b->next;
		if (!c->first)
			c->last = NULL;
		c->backlog--;
		c->backlog_bytes -= b->len;
		handle(c, b->text, b->len);
		free(b);
	}
}

void conn_tick(struct xmpp_conn *c)
{
	if (c->state != CONN_BOUND && c->server->now_us >= c->since_us + LIMIT_HALF_OPEN_US) {
		server_note(c->server, NOTICE_HALF_OPEN, c);
		conn_end(c, "connection-timeout", "no login within 10 s", 1008, "no login");
		return;
	}
	take_turn(c);
	if (!c->dying)
		conn_sm_tick(c);
}

int64_t conn_due(const struct xmpp_conn *c)
{
	int64_t at = c->state == CONN_BOUND ? conn_sm_due(c) : c->since_us + LIMIT_HALF_OPEN_US;
	int64_t turn;

	if (c->dying || !c->first)
		return c->dying ? CLOCK_NEVER : at;
	turn = bucket_when(&c->bucket, cost_of(c->first->len), LIMIT_STANZAS_PER_S, c->server->now_us);
	return turn < at ? turn : at;
}
