/* muc_config.c - what a room says of itself, and its owner's form
 *
 * XEP-0045, 6.4 and 10; server.md 3.6 and 3.7.  The one thing that can be
 * configured is the password.  There is no lobby: the form has no field for
 * it, which web clients understand.
 */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "host/server_priv.h"
#include "xmpp/disco.h"
#include "xmpp/ns.h"

enum { PASSWORD_BYTES = 255 };

static struct xml *add_field(struct xml *form, const char *var, const char *type, const char *value)
{
	struct xml *f = xml_add(form, "field", NULL);

	xml_set(f, "var", var);
	if (type)
		xml_set(f, "type", type);
	xml_add_text(f, "value", NULL, value);
	return f;
}

static void add_number(struct xml *form, const char *var, long long n)
{
	char *s = host_format("%lld", n);

	add_field(form, var, "text-single", s);
	free(s);
}

/* No isbreakout: any text in it would make clients think that it is one. */
void muc_info(struct xmpp_conn *c, const struct xml *iq, const struct room *r)
{
	const char *const features[] = {
		NS_MUC, "muc_nonanonymous", "muc_open", "muc_temporary", "muc_hidden", "muc_unmoderated",
		r->password ? "muc_passwordprotected" : "muc_unsecured",
	};
	const struct disco_identity id = { "conference", "text", NULL, r->name };
	const struct xml *query = xml_first(iq);
	struct xml *q, *x;

	if (xml_attr(query, "node")) {
		service_error(c, iq, "cancel", "item-not-found", "there is no such node");
		return;
	}
	q = disco_info_new(NULL, &id, 1, features, sizeof(features) / sizeof(features[0]));
	x = xml_add(q, "x", NS_DATA);
	xml_set(x, "type", "result");
	add_field(x, "FORM_TYPE", "hidden", NS_MUC_ROOMINFO);
	add_field(x, "muc#roominfo_meetingId", "text-single", r->meeting_id);
	add_number(x, "muc#roominfo_created_timestamp",
		   (r->created_us + c->server->cfg.wall_offset_us) / 1000);
	add_number(x, "muc#roominfo_occupants", (long long)r->people + 1);      /* with the focus */
	service_result(c, iq, q);
}

/* ---- the owner's form ---- */

static void give_form(struct occupant *o, const struct xml *iq)
{
	const struct room *r = o->room;
	struct xml *q = xml_new("query", NS_MUC_OWNER), *x = xml_add(q, "x", NS_DATA);

	xml_set(x, "type", "form");
	add_field(x, "FORM_TYPE", "hidden", NS_MUC_ROOMCONFIG);
	add_field(x, "muc#roomconfig_whois", "list-single", "anyone");
	add_field(x, "muc#roomconfig_passwordprotectedroom", "boolean", r->password ? "1" : "0");
	add_field(x, "muc#roomconfig_roomsecret", "text-private", r->password ? r->password : "");
	add_field(x, "muc#roominfo_meetingId", "fixed", r->meeting_id);
	service_result(o->conn, iq, q);
}

static bool is_yes(const char *s)
{
	return s && (!strcmp(s, "1") || !strcmp(s, "true"));
}

/* What the form does not name stays as it is. */
static const char *wanted_password(const struct room *r, const struct xml *form_parent)
{
	const char *secret = disco_field(form_parent, "muc#roomconfig_roomsecret");
	const char *on = disco_field(form_parent, "muc#roomconfig_passwordprotectedroom");

	if (on && !is_yes(on))
		return NULL;
	if (!secret)
		return r->password;
	return *secret ? secret : NULL;
}

static void submit(struct occupant *o, const struct xml *iq, const struct xml *query)
{
	struct room *r = o->room;
	const char *secret = wanted_password(r, query);
	const char *whois = disco_field(query, "muc#roomconfig_whois");

	if (is_yes(disco_field(query, "muc#roomconfig_membersonly"))) {
		service_error(o->conn, iq, "cancel", "feature-not-implemented", "the lobby is not built in");
	} else if (whois && strcmp(whois, "anyone")) {
		service_error(o->conn, iq, "modify", "not-acceptable", "rooms here are non-anonymous");
	} else if (secret && strlen(secret) > PASSWORD_BYTES) {
		service_error(o->conn, iq, "modify", "not-acceptable", "the password is too long");
	} else {
		bool changed = !secret != !r->password || (secret && strcmp(secret, r->password));

		service_result(o->conn, iq, NULL);
		if (!changed)
			return;
		text_forget(&r->password);
		host_set(&r->password, secret);
		room_changed(r);
	}
}

static void destroy(struct occupant *o, const struct xml *iq, const struct xml *x)
{
	const char *jid = xml_attr(x, "jid"), *reason = xml_child_text(x, "reason", NULL);

	service_result(o->conn, iq, NULL);
	room_destroy(o->room, jid, reason, 0);
}

void muc_owner(struct occupant *o, const struct xml *iq, const struct xml *query)
{
	const struct xml *form = xml_child(query, "x", NS_DATA);
	const struct xml *end = xml_child(query, "destroy", NULL);
	const char *type = xml_attr(form, "type");

	if (!is_moderator(o)) {
		service_error(o->conn, iq, "auth", "forbidden", "the configuration is the moderators'");
	} else if (!strcmp(xml_attr(iq, "type"), "get")) {
		give_form(o, iq);       /* clients send an empty <x/> along */
	} else if (end) {
		destroy(o, iq, end);
	} else if (form && type && !strcmp(type, "cancel")) {
		service_result(o->conn, iq, NULL);
	} else if (form) {
		submit(o, iq, query);
	} else {
		service_error(o->conn, iq, "modify", "bad-request", "no form");
	}
}
