/* muc.c - presences of a room in and out (XEP-0045 and Jitsi's children) */
#include "xmpp/muc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/disco.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

static enum muc_role parse_role(const char *role)
{
	if (!role)
		return MUC_ROLE_NONE;
	return !strcmp(role, "moderator") ? MUC_MODERATOR : !strcmp(role, "participant")
		? MUC_PARTICIPANT : !strcmp(role, "visitor") ? MUC_VISITOR : MUC_ROLE_NONE;
}

static void parse_statuses(struct muc_presence *out, const struct xml *x)
{
	const struct xml *s = xml_child(x, "status", NULL);

	for (; s; s = xml_next_like(s, "status", NULL)) {
		const char *text = xml_attr(s, "code");
		uint64_t code;

		if (!text || text_u64(text, 0, 999, &code))
			continue;
		switch (code) {
		case 110: out->self = true; break;
		case 201: out->created = true; break;
		case 301: out->banned = true; break;
		case 307: out->kicked = true; break;
		case 321: case 322: case 332: case 333: out->removed = true; break;
		}
	}
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void parse_muc_user(struct muc_presence *out, const struct xml *x)
{
	const struct xml *item = xml_child(x, "item", NULL);
	const struct xml *actor = xml_child(item, "actor", NULL);
	const struct xml *destroy = xml_child(x, "destroy", NULL);

	parse_statuses(out, x);
	out->jid = xml_attr(item, "jid");
	out->affiliation = or_empty(xml_attr(item, "affiliation"));
	out->role = parse_role(xml_attr(item, "role"));
	out->reason = or_empty(xml_child_text(item, "reason", NULL));
	out->actor = xml_attr(actor, "nick");
	if (actor && !out->actor && xml_attr(actor, "jid"))
		out->actor = jid_resource(xml_attr(actor, "jid"));
	if (destroy) {
		out->destroyed = true;
		out->destroy_jid = xml_attr(destroy, "jid");
		out->reason = or_empty(xml_child_text(destroy, "reason", NULL));
	}
}

/* Epoch ms; "true" of old clients is raised at a time nobody knows. */
static int64_t parse_hand(const char *text)
{
	uint64_t n;

	if (!text || !*text || !strcmp(text, "false"))
		return 0;
	if (!strcmp(text, "true"))
		return 1;
	return text_u64(text, 0, INT64_MAX, &n) ? 0 : (int64_t)n;
}

static bool is_true(const char *s)
{
	return s && !strcmp(s, "true");
}

int muc_presence_parse(struct muc_presence *out, const struct xml *p)
{
	const char *type = xml_attr(p, "type"), *info, *v;

	memset(out, 0, sizeof(*out));
	if (!xml_is(p, "presence", NULL) || (type && strcmp(type, "unavailable")))
		return -EINVAL;
	out->available = !type;
	out->from = or_empty(xml_attr(p, "from"));
	out->nick = jid_resource(out->from);
	out->affiliation = out->reason = "";
	parse_muc_user(out, xml_child(p, "x", NS_MUC_USER));
	out->status_text = or_empty(xml_child_text(p, "status", NULL));
	/* Its namespace ends in a slash where the web client writes it. */
	out->ignore = text_starts(xml_ns(xml_child(p, "ignore", NULL)), NS_JITMEET);
	out->display_name = xml_child_text(p, "nick", NS_NICK);
	info = xml_child_text(p, "SourceInfo", NULL);
	if (info)
		source_info_parse(&out->sources, info, strlen(info), out->nick);
	v = xml_child_text(p, "audiomuted", NULL);
	out->has_audiomuted = v != NULL;
	out->audiomuted = is_true(v);
	v = xml_child_text(p, "videomuted", NULL);
	out->has_videomuted = v != NULL;
	out->videomuted = is_true(v);
	out->hand_ms = parse_hand(xml_child_text(p, "jitsi_participant_raisedHand", NULL));
	out->silent = is_true(xml_child_text(p, "silent", NULL));
	out->e2ee = is_true(xml_child_text(p, "jitsi_participant_e2ee.enabled", NULL));
	out->bridge_down = xml_child(p, "bridgeNotAvailable", NS_FOCUS) != NULL;
	out->properties = xml_child(p, "conference-properties", NS_FOCUS);
	return 0;
}

bool muc_presence_audio_muted(const struct muc_presence *p)
{
	if (p->sources.present)
		return !p->sources.audio_known || p->sources.audio_muted;
	return !p->has_audiomuted || p->audiomuted;
}

const char *muc_property(const struct xml *properties, const char *key)
{
	const struct xml *x = xml_child(properties, "property", NULL);

	for (; x; x = xml_next_like(x, "property", NULL)) {
		const char *k = xml_attr(x, "key");

		if (k && !strcmp(k, key))
			return xml_attr(x, "value");
	}
	return NULL;
}

enum muc_join_error muc_join_error_parse(const struct xml *presence, const char **text,
					 const char **lobby_jid)
{
	const struct xml *e = xml_child(presence, "error", NULL);
	const char *c = xmpp_error_condition(presence);

	*text = xmpp_error_text(presence);
	if (!**text)
		*text = c;
	*lobby_jid = xml_child_text(e, "lobbyroom", NULL);
	if (!*lobby_jid)
		*lobby_jid = xml_child_text(presence, "lobbyroom", NULL);
	if (xml_child(e, "displayname-required", NULL))
		return MUC_JOIN_NAME_REQUIRED;
	if (xml_child(e, "authentication-required", NULL))
		return MUC_JOIN_LOGIN;
	if (xml_child(e, "room-does-not-exist", NULL) ||
	    (!strcmp(c, "not-allowed") && strstr(*text, "creation is restricted")))
		return MUC_JOIN_NO_ROOM;
	if (!strcmp(c, "not-authorized"))
		return MUC_JOIN_PASSWORD;
	if (!strcmp(c, "registration-required"))
		return MUC_JOIN_LOBBY;
	if (!strcmp(c, "service-unavailable"))
		return MUC_JOIN_FULL;
	if (!strcmp(c, "conflict"))
		return MUC_JOIN_CONFLICT;
	if (!strcmp(c, "forbidden"))
		return MUC_JOIN_BANNED;
	/* "gone": it was just destroyed, and is opened anew on request. */
	if (!strcmp(c, "item-not-found") || !strcmp(c, "gone"))
		return MUC_JOIN_NO_ROOM;
	return MUC_JOIN_REFUSED;
}

/* ---- writers ---- */

static void add_join(struct xml *p, const struct muc_self *self)
{
	struct xml *x = xml_add(p, "x", NS_MUC);

	if (self->password && *self->password)
		xml_add_text(x, "password", NULL, self->password);
	if (self->billing_id && *self->billing_id)
		xml_add_text(x, "billingid", NULL, self->billing_id);
}

struct xml *muc_presence_new(const struct muc_self *self)
{
	struct xml *p = xml_new("presence", NS_CLIENT);

	xml_set(p, "to", self->occupant);
	if (self->join)
		add_join(p, self);
	if (self->stats_id && *self->stats_id)
		xml_add_text(p, "stats-id", NULL, self->stats_id);
	if (self->caps_ver)
		disco_caps_add(p, self->caps_node, self->caps_ver);
	if (!self->lobby)
		xml_add_text(p, "SourceInfo", NULL, self->source_info);
	if (self->display_name && *self->display_name)
		xml_add_text(p, "nick", NS_NICK, self->display_name);
	if (self->email && *self->email)
		xml_add_text(p, "email", NULL, self->email);
	if (self->region && *self->region)
		xml_add_text(p, "jitsi_participant_region", NULL, self->region);
	if (self->hand_ms) {
		char text[24];

		snprintf(text, sizeof(text), "%lld", (long long)self->hand_ms);
		xml_add_text(p, "jitsi_participant_raisedHand", NULL, text);
	}
	if (self->silent)
		xml_add_text(p, "silent", "http://jitsi.org/protocol/silent", "true");
	if (!self->lobby) {
		xml_add_text(p, "audiomuted", NULL, self->audio_muted ? "true" : "false");
		xml_add_text(p, "videomuted", NULL, "true");
	}
	return p;
}

struct xml *muc_leave_new(const char *occupant, const char *status)
{
	struct xml *p = xml_new("presence", NS_CLIENT);

	xml_set(p, "type", "unavailable");
	xml_set(p, "to", occupant);
	if (status && *status)
		xml_add_text(p, "status", NULL, status);
	return p;
}

struct xml *muc_kick_new(const char *room, const char *nick, const char *reason)
{
	struct xml *iq = xmpp_iq_new("set", room);
	struct xml *item = xml_add(xml_add(iq, "query", NS_MUC_ADMIN), "item", NULL);

	xml_set(item, "nick", nick);
	xml_set(item, "role", "none");
	if (reason && *reason)
		xml_add_text(item, "reason", NULL, reason);
	return iq;
}

struct xml *muc_subject_new(const char *room, const char *subject)
{
	struct xml *m = xml_new("message", NS_CLIENT);

	xml_set(m, "type", "groupchat");
	xml_set(m, "to", room);
	xml_add_text(m, "subject", NULL, subject);
	return m;
}

struct xml *muc_mute_new(const char *focus, const char *occupant, bool mute)
{
	struct xml *iq = xmpp_iq_new("set", focus);
	struct xml *m = xml_add_text(iq, "mute", NS_MUTE_AUDIO, mute ? "true" : "false");

	xml_set(m, "jid", occupant);
	return iq;
}

struct xml *muc_invite_new(const char *room, const char *id, const char *const *jids, size_t n)
{
	struct xml *m = xml_new("message", NS_CLIENT), *x;

	xml_set(m, "to", room);
	xml_set(m, "id", id);
	x = xml_add(m, "x", NS_MUC_USER);
	for (size_t i = 0; i < n; i++)
		xml_set(xml_add(x, "invite", NULL), "to", jids[i]);
	return m;
}

struct xml *muc_members_new(const char *room, const char *const *jids, size_t n)
{
	struct xml *iq = xmpp_iq_new("set", room), *q = xml_add(iq, "query", NS_MUC_ADMIN);

	for (size_t i = 0; i < n; i++) {
		struct xml *item = xml_add(q, "item", NULL);

		xml_set(item, "affiliation", "member");
		xml_set(item, "jid", jids[i]);
	}
	return iq;
}

bool muc_config_has(const struct xml *answer, const char *var)
{
	const struct xml *q = xml_child(answer, "query", NS_MUC_OWNER);
	const struct xml *f = xml_child(xml_child(q, "x", NS_DATA), "field", NULL);

	for (; f; f = xml_next_like(f, "field", NULL))
		if (xml_attr(f, "var") && !strcmp(xml_attr(f, "var"), var))
			return true;
	return false;
}

static void add_field(struct xml *form, const char *var, const char *value)
{
	struct xml *field = xml_add(form, "field", NULL);

	xml_set(field, "var", var);
	xml_add_text(field, "value", NULL, value);
}

struct xml *muc_config_new(const char *room, const char *var, const char *value)
{
	struct xml *iq = xmpp_iq_new("set", room);
	struct xml *x = xml_add(xml_add(iq, "query", NS_MUC_OWNER), "x", NS_DATA);

	xml_set(x, "type", "submit");
	add_field(x, "FORM_TYPE", NS_MUC_ROOMCONFIG);
	add_field(x, var, value);
	return iq;
}

struct xml *muc_user_new(const char *affiliation, const char *role, const char *jid)
{
	struct xml *x = xml_new("x", NS_MUC_USER);
	struct xml *item = xml_add(x, "item", NULL);

	xml_set(item, "affiliation", affiliation);
	xml_set(item, "role", role);
	if (jid)
		xml_set(item, "jid", jid);
	return x;
}

void muc_user_status(struct xml *x, int code)
{
	xml_setf(xml_add(x, "status", NULL), "code", "%d", code);
}
