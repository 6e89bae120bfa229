/* muc_admin.c - kicks and roles: IQs in muc#admin (XEP-0045, sections 8 to 10)
 *
 * A role follows from the affiliation: owners are moderators.  The items of
 * one query are done in order; the first that cannot be is the answer.
 */
#include <string.h>
#include "host/server_priv.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

struct refusal { const char *type, *condition, *text; };

static struct occupant *by_bare(const struct room *r, const char *jid)
{
	for (struct occupant *o = r->first; o; o = o->next)
		if (jid_same_bare(o->conn->jid, jid))
			return o;
	return NULL;
}

static unsigned owners(const struct room *r)
{
	unsigned n = 0;

	for (const struct occupant *o = r->first; o; o = o->next)
		n += is_moderator(o);
	return n;
}

/* ---- one item ---- */

static bool kick(struct occupant *by, const struct xml *item, struct refusal *why)
{
	const char *nick = xml_attr(item, "nick");
	struct occupant *t = nick ? room_by_nick(by->room, nick) : NULL;
	struct leaving how = { .code = 307, .actor = by, .reason = xml_child_text(item, "reason", NULL) };

	if (!is_moderator(by)) {
		*why = (struct refusal){ "cancel", "not-allowed", "only moderators send people out" };
	} else if (nick && !strcmp(nick, "focus")) {
		*why = (struct refusal){ "cancel", "not-allowed", "the focus cannot be sent out" };
	} else if (!t) {
		*why = (struct refusal){ "cancel", "item-not-found", "nobody here has this name" };
	} else if (t == by) {
		*why = (struct refusal){ "cancel", "conflict", "to go, leave the room" };
	} else {
		room_remove(t, &how);
		return true;
	}
	return false;
}

static bool set_affiliation(struct occupant *by, struct occupant *t, const struct xml *item,
			    enum affiliation a, struct refusal *why)
{
	if (is_moderator(t) && a != AFF_OWNER && owners(by->room) == 1) {
		*why = (struct refusal){ "cancel", "conflict", "a room needs a moderator" };
		return false;
	}
	if (t->affiliation == a)
		return true;
	t->affiliation = a;
	room_show(&(struct showing){ .o = t, .actor = by,
				     .reason = xml_child_text(item, "reason", NULL) });
	return true;
}

static bool grant(struct occupant *by, const struct xml *item, struct refusal *why)
{
	const char *a = xml_attr(item, "affiliation"), *jid = xml_attr(item, "jid");
	const char *nick = xml_attr(item, "nick");
	struct occupant *t;

	if (!is_moderator(by)) {
		*why = (struct refusal){ "auth", "forbidden", "only moderators give roles" };
		return false;
	}
	if (jid && *jid_resource(jid)) {
		*why = (struct refusal){ "modify", "jid-malformed", "without a resource" };
		return false;
	}
	t = jid ? by_bare(by->room, jid) : nick ? room_by_nick(by->room, nick) : NULL;
	if (!t)
		*why = (struct refusal){ "cancel", "item-not-found", "nobody here is that" };
	else if (!strcmp(a, "owner"))
		return set_affiliation(by, t, item, AFF_OWNER, why);
	else if (!strcmp(a, "none"))
		return set_affiliation(by, t, item, AFF_NONE, why);
	else if (!strcmp(a, "member"))
		return is_moderator(t) || set_affiliation(by, t, item, AFF_MEMBER, why);
	else
		*why = (struct refusal){ "cancel", "feature-not-implemented",
					 "affiliations here are owner, member and none" };
	return false;
}

static bool one_item(struct occupant *by, const struct xml *item, struct refusal *why)
{
	const char *role = xml_attr(item, "role");

	if (xml_attr(item, "affiliation"))
		return grant(by, item, why);
	if (role && !strcmp(role, "none"))
		return kick(by, item, why);
	if (role)
		*why = (struct refusal){ "cancel", "not-allowed", "a role follows from the affiliation" };
	else
		*why = (struct refusal){ "modify", "bad-request", "neither role nor affiliation" };
	return false;
}

/* ---- the query ---- */

static void list(struct occupant *by, const struct xml *iq, const struct xml *item)
{
	const char *a = xml_attr(item, "affiliation"), *role = xml_attr(item, "role");
	struct xml *q, *i;

	if (!is_moderator(by)) {
		service_error(by->conn, iq, "auth", "forbidden", "the lists are the moderators'");
		return;
	}
	q = xml_new("query", NS_MUC_ADMIN);
	for (const struct occupant *o = by->room->first; o; o = o->next) {
		if ((a && strcmp(a, affiliation_name(o->affiliation))) ||
		    (role && strcmp(role, role_name(o->affiliation))))
			continue;
		i = xml_add(q, "item", NULL);
		xml_set(i, "affiliation", affiliation_name(o->affiliation));
		xml_set(i, "role", role_name(o->affiliation));
		xml_set(i, "jid", o->conn->jid);
		xml_set(i, "nick", o->nick);
	}
	service_result(by->conn, iq, q);
}

void muc_admin(struct occupant *by, const struct xml *iq, const struct xml *query)
{
	const struct xml *item = xml_child(query, "item", NULL);
	struct xmpp_conn *c = by->conn;
	struct refusal why;

	if (!item) {
		service_error(c, iq, "modify", "bad-request", "no item");
		return;
	}
	if (!strcmp(xml_attr(iq, "type"), "get")) {
		list(by, iq, item);
		return;
	}
	for (; item; item = xml_next_like(item, "item", NULL))
		if (!one_item(by, item, &why)) {
			service_error(c, iq, why.type, why.condition, why.text);
			return;
		}
	service_result(c, iq, NULL);
}
