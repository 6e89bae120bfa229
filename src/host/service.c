/* service.c - who a stanza is for, and what the server itself answers
 *
 * The domain answers discovery, pings and what clients ask out of habit;
 * conference.DOMAIN (and conference.TENANT.DOMAIN) has the rooms, focus.DOMAIN
 * takes conference requests, endconference.DOMAIN ends meetings.  Everything
 * else is refused by name: clients wait for ever for an IQ without an answer.
 */
#include "host/relays.h"
#include "host/server_priv.h"
#include <errno.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/disco.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define NS_ROSTER "jabber:iq:roster"

/* ---- addresses ---- */

static int copy_lower(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	out[len] = 0;
	return 0;
}

/* RFC 7622, 3.3.1, less the apostrophe, which web clients leave in names. */
static bool local_ok(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || strchr("\"&/:<>@", *s))
			return false;
	return true;
}

int target_parse(struct target *t, const char *jid)
{
	size_t bare = strcspn(jid, "/"), at = strcspn(jid, "@/");

	memset(t, 0, sizeof(*t));
	if (at < bare) {
		if (!at || copy_lower(t->local, sizeof(t->local), jid, at) || !local_ok(t->local))
			return -EINVAL;
		jid += at + 1;
		bare -= at + 1;
	}
	if (!bare || copy_lower(t->domain, sizeof(t->domain), jid, bare) || !local_ok(t->domain))
		return -EINVAL;
	if (!jid[bare])
		return 0;
	/* An empty resource is none that could be meant. */
	return jid[bare + 1] && text_copy(t->resource, sizeof(t->resource), jid + bare + 1) ? 0 : -EINVAL;
}

/* conference.DOMAIN, or with a tenant between the two. */
bool service_is_muc(const struct server *s, const char *domain)
{
	static const char tenant_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-_%~!*'()";
	size_t prefix = strlen("conference."), n = strlen(domain), own = strlen(s->domain), tenant;

	if (!strcmp(domain, s->muc_domain))
		return true;
	if (!text_starts(domain, "conference.") || n < prefix + own + 2 ||
	    strcmp(domain + n - own, s->domain) || domain[n - own - 1] != '.')
		return false;
	tenant = n - own - 1 - prefix;
	return tenant && strspn(domain + prefix, tenant_chars) == tenant;
}

/* ---- answers ---- */

bool iq_is_request(const struct xml *iq)
{
	const char *type = xml_attr(iq, "type");

	return xml_is(iq, "iq", NULL) && type && (!strcmp(type, "get") || !strcmp(type, "set"));
}

void service_result(struct xmpp_conn *c, const struct xml *iq, struct xml *child)
{
	struct xml *a = xmpp_iq_answer(iq, "result");

	if (child)
		xml_adopt(a, child);
	conn_send(c, a);
}

/* RFC 6120, 8.3.1: no error answers an error; nor may a result get one. */
static bool may_be_refused(const struct xml *x)
{
	const char *type = xml_attr(x, "type");

	if (xml_is(x, "iq", NULL))
		return iq_is_request(x);
	return !type || strcmp(type, "error");
}

void service_error_with(struct xmpp_conn *c, const struct xml *stanza, const char *type,
			const char *condition, const char *text, struct xml *inside, struct xml *after)
{
	struct xml *a, *e;

	if (!may_be_refused(stanza)) {
		xml_free(&inside);
		xml_free(&after);
		return;
	}
	a = xml_new(xml_name(stanza), NS_CLIENT);
	xml_set(a, "type", "error");
	xml_set(a, "from", xml_attr(stanza, "to"));
	xml_set(a, "to", c->jid);
	xml_set(a, "id", xml_attr(stanza, "id"));
	e = xmpp_error_add(a, type, condition, text);
	if (inside)
		xml_adopt(e, inside);
	if (after)
		xml_adopt(a, after);
	conn_send(c, a);
}

void service_error(struct xmpp_conn *c, const struct xml *stanza, const char *type,
		   const char *condition, const char *text)
{
	service_error_with(c, stanza, type, condition, text, NULL, NULL);
}

/* ---- the domain ---- */

/* The bridge has one UDP port and needs none; where a firewall drops that, the
 * relays help that its owner has named. */
static struct xml *relays_info(const struct server *s, const char *ns)
{
	struct xml *x = xml_new("services", ns);

	relays_describe(s->cfg.relays, x);
	return x;
}

static struct xml *domain_info(const struct server *s)
{
	static const char *const features[] = {
		NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_EXTDISCO, NS_VERSION,
	};
	const struct disco_identity ids[] = {
		{ "server", "im", NULL, "ttymeet" },
		{ "component", "end_conference", NULL, s->end_domain },
	};

	return disco_info_new(NULL, ids, 2, features, sizeof(features) / sizeof(features[0]));
}

static struct xml *domain_items(const struct server *s)
{
	const char *const items[] = { s->muc_domain, s->focus_domain, s->end_domain };
	struct xml *q = xml_new("query", NS_DISCO_ITEMS);

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		xml_set(xml_add(q, "item", NULL), "jid", items[i]);
	return q;
}

static struct xml *version_info(void)
{
	struct xml *q = xml_new("query", NS_VERSION);

	xml_add_text(q, "name", NULL, "ttymeet host");
	xml_add_text(q, "version", NULL, TTYMEET_VERSION);
	return q;
}

static void domain_get(struct xmpp_conn *c, const struct xml *iq, const struct xml *q)
{
	struct server *s = c->server;

	if (xml_is(q, "ping", NS_PING))
		service_result(c, iq, NULL);
	else if (xml_is(q, "query", NS_DISCO_INFO) && !xml_attr(q, "node"))
		service_result(c, iq, domain_info(s));
	else if (xml_is(q, "query", NS_DISCO_ITEMS) && !xml_attr(q, "node"))
		service_result(c, iq, domain_items(s));
	else if (xml_is(q, "query", NS_DISCO_INFO) || xml_is(q, "query", NS_DISCO_ITEMS))
		service_error(c, iq, "cancel", "item-not-found", "there is no such node");
	else if (xml_is(q, "services", NS_EXTDISCO) || xml_is(q, "services", NS_EXTDISCO1))
		service_result(c, iq, relays_info(s, xml_ns(q)));
	else if (xml_is(q, "query", NS_VERSION))
		service_result(c, iq, version_info());
	else if (xml_is(q, "query", NS_ROSTER))
		service_result(c, iq, xml_new("query", NS_ROSTER));
	else
		service_error(c, iq, "cancel", "service-unavailable", "the host does not know this request");
}

static void domain_iq(struct xmpp_conn *c, const struct xml *iq)
{
	const struct xml *q = xml_first(iq);
	const char *type = xml_attr(iq, "type");

	if (!strcmp(type, "get"))
		domain_get(c, iq, q);
	else if (xml_is(q, "session", NS_SESSION))
		service_result(c, iq, NULL);    /* RFC 3921; old clients ask unasked */
	else if (xml_is(q, "bind", NS_BIND))
		service_error(c, iq, "cancel", "not-allowed", "the resource is bound already");
	else
		service_error(c, iq, "cancel", "service-unavailable", "the host does not know this request");
}

/* ---- services of their own ---- */

static void muc_service_iq(struct xmpp_conn *c, const struct xml *iq)
{
	static const char *const features[] = { NS_DISCO_INFO, NS_DISCO_ITEMS, NS_MUC };
	static const struct disco_identity id = { "conference", "text", NULL, "rooms" };
	const struct xml *q = xml_first(iq);
	bool get = !strcmp(xml_attr(iq, "type"), "get");

	if (get && xml_is(q, "query", NS_DISCO_INFO))
		service_result(c, iq, disco_info_new(NULL, &id, 1, features, 3));
	else if (get && xml_is(q, "query", NS_DISCO_ITEMS))
		service_result(c, iq, xml_new("query", NS_DISCO_ITEMS));        /* rooms are hidden */
	else if (get && xml_is(q, "ping", NS_PING))
		service_result(c, iq, NULL);
	else
		service_error(c, iq, "cancel", "service-unavailable", NULL);
}

static void focus_service(struct xmpp_conn *c, const struct xml *stanza)
{
	static const char *const features[] = {
		NS_DISCO_INFO, NS_PING, "https://jitsi.org/meet/jicofo/terminate-restart",
	};
	static const struct disco_identity id = { "component", "generic", NULL, "focus" };
	const struct xml *q = xml_first(stanza);
	bool get;

	if (!iq_is_request(stanza)) {
		if (xml_is(stanza, "message", NULL))
			service_error(c, stanza, "cancel", "service-unavailable", NULL);
		return;
	}
	get = !strcmp(xml_attr(stanza, "type"), "get");
	if (!get && xml_is(q, "conference", NS_FOCUS))
		focus_request(c, stanza);
	else if (get && xml_is(q, "query", NS_DISCO_INFO))
		service_result(c, stanza, disco_info_new(xml_attr(q, "node"), &id, 1, features, 3));
	else if (get && xml_is(q, "ping", NS_PING))
		service_result(c, stanza, NULL);
	else if (!get && xml_is(q, "logout", NS_FOCUS))
		service_error(c, stanza, "cancel", "not-allowed", "this host has no accounts");
	else
		service_error(c, stanza, "cancel", "service-unavailable",
			      "the focus does not know this request");
}

/* From a moderator: ends the meeting for all; server.md 3.9. */
static void end_service(struct xmpp_conn *c, const struct xml *stanza)
{
	bool ended = false;

	if (!xml_is(stanza, "message", NULL) || !xml_child(stanza, "end_conference", NULL)) {
		service_error(c, stanza, "cancel", "service-unavailable", NULL);
		return;
	}
	for (int i = 0; i < LIMIT_ROOMS_EACH; i++)
		if (c->seat[i] && is_moderator(c->seat[i])) {
			room_destroy(c->seat[i]->room, NULL, "The meeting has been terminated", 0);
			ended = true;
		}
	if (!ended)
		service_error(c, stanza, "cancel", "service-unavailable", NULL);
}

/* ---- routing ---- */

static void without_to(struct xmpp_conn *c, const struct xml *stanza)
{
	const char *type = xml_attr(stanza, "type");

	if (xml_is(stanza, "presence", NULL)) {
		if (type && !strcmp(type, "unavailable"))
			muc_leave_all(c, xml_child_text(stanza, "status", NULL));
	} else if (iq_is_request(stanza)) {
		domain_iq(c, stanza);
	}
}

/* RFC 6120, 8.2.3: an id, a known type, one child in a request. */
static bool iq_ok(const struct xml *iq)
{
	const char *type = xml_attr(iq, "type"), *id = xml_attr(iq, "id");

	if (!type || !id || !*id || strlen(id) > 1024)
		return false;
	if (!strcmp(type, "result") || !strcmp(type, "error"))
		return true;
	return iq_is_request(iq) && xml_first(iq) && !xml_next(xml_first(iq));
}

static void bad_iq(struct xmpp_conn *c, struct xml *iq)
{
	/* One of an odd type could not be told apart from an answer. */
	if (xml_attr(iq, "id") && !iq_is_request(iq))
		xml_set(iq, "type", "get");
	service_error(c, iq, "modify", "bad-request", "an IQ has an id, a type and one child");
}

static void elsewhere(struct xmpp_conn *c, const struct xml *stanza)
{
	if (!xml_is(stanza, "presence", NULL))
		service_error(c, stanza, "cancel", "service-unavailable", "not built in at this host");
}

void service_stanza(struct xmpp_conn *c, struct xml *stanza)
{
	const char *to = xml_attr(stanza, "to");
	struct server *s = c->server;
	struct target t;

	if (xml_is(stanza, "iq", NULL) && !iq_ok(stanza)) {
		bad_iq(c, stanza);
		return;
	}
	if (!to || !*to) {
		without_to(c, stanza);
		return;
	}
	if (target_parse(&t, to)) {
		service_error(c, stanza, "modify", "jid-malformed", NULL);
	} else if (service_is_muc(s, t.domain)) {
		if (*t.local)
			muc_stanza(c, stanza, &t);
		else if (iq_is_request(stanza))
			muc_service_iq(c, stanza);
		else
			elsewhere(c, stanza);
	} else if (!strcmp(t.domain, s->focus_domain) || !strcmp(t.domain, s->auth_domain)) {
		focus_service(c, stanza);
	} else if (!strcmp(t.domain, s->end_domain)) {
		end_service(c, stanza);
	} else if (!strcmp(t.domain, s->domain) && !*t.local && !*t.resource) {
		if (iq_is_request(stanza))
			domain_iq(c, stanza);
		else if (xml_is(stanza, "message", NULL))
			elsewhere(c, stanza);
	} else {
		elsewhere(c, stanza);
	}
}
