/* chat.c - messages of a room */
#include "xmpp/chat.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "xmpp/jid.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days(int y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t chat_stamp_parse(const char *s)
{
	int y, mo, d, h, mi, sec, n = 0, zh = 0, zm = 0;
	int64_t us = 0, scale = 100000;
	char sign = '+';

	if (!s || ((sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &n) != 6 || !n) &&
		   (sscanf(s, "%4d%2d%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &n) != 6 || !n)))
		return 0;
	if (y < 1970 || y > 9999 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 24 ||
	    mi < 0 || mi > 59 || sec < 0 || sec > 60)
		return 0;
	s += n;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
			us += (*s - '0') * scale;
	if ((*s == '+' || *s == '-') && sscanf(s, "%c%2d:%2d", &sign, &zh, &zm) == 3)
		us -= (sign == '-' ? -1 : 1) * ((int64_t)zh * 3600 + zm * 60) * 1000000;
	return (days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec) * 1000000 + us;
}

void chat_stamp_write(char out[32], int64_t wall_us)
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Stream management's replay is stamped by the server in our name (XEP-0203:
 * "the entity that ... delayed the delivery"); history by the room. */
static bool is_replay(const struct xml *m, const struct xml *delay)
{
	const char *from = xml_attr(delay, "from"), *to = xml_attr(m, "to");

	return from && to && !*jid_resource(from) && (jid_same_bare(from, to) || jid_has_domain(to, from));
}

static void parse_delay(struct chat_message *out, const struct xml *m)
{
	const struct xml *d = xml_child(m, "delay", NS_DELAY);

	if (!d)
		d = xml_child(m, "x", NS_DELAY_OLD);
	out->delayed = d != NULL && !is_replay(m, d);
	out->stamp_us = chat_stamp_parse(xml_attr(d, "stamp"));
}

static bool has_status(const struct xml *m, const char *code)
{
	const struct xml *s = xml_child(xml_child(m, "x", NS_MUC_USER), "status", NULL);

	for (; s; s = xml_next_like(s, "status", NULL))
		if (xml_attr(s, "code") && !strcmp(xml_attr(s, "code"), code))
			return true;
	return false;
}

static void parse_error(struct chat_message *out, const struct xml *m)
{
	const char *t = xmpp_error_text(m);

	if (!*t)
		t = or_empty(xml_child_text(xml_child(m, "settings-error", NULL), "text", NULL));
	out->kind = CHAT_ERROR;
	out->ref = out->id;
	out->text = *t ? t : xmpp_error_condition(m);
}

static bool parse_special(struct chat_message *out, const struct xml *m)
{
	/* Invitations and changes are the room's word; an occupant who writes
	 * the like would lead us away or have us ask the room for ever. */
	bool by_room = *out->from && !*out->nick;
	const struct xml *x;

	if ((x = xml_child(m, "reactions", NS_REACTIONS))) {
		out->kind = CHAT_REACTION;
		out->text = or_empty(xml_child_text(x, "reaction", NULL));
		out->ref = or_empty(xml_attr(x, "id"));
	} else if ((x = xml_child(m, "retract", NS_RETRACT))) {
		out->kind = CHAT_RETRACT;
		out->ref = or_empty(xml_attr(x, "id"));
	} else if ((x = xml_child(m, "json-message", NS_JITMEET))) {
		out->kind = CHAT_JSON;
		out->json = xml_text(x);
	} else if (by_room && xml_child(xml_child(m, "x", NS_MUC_USER), "invite", NULL)) {
		out->kind = CHAT_INVITE;
		out->text = out->from;
	} else if (by_room && has_status(m, "104")) {
		out->kind = CHAT_CONFIG;
	}
	return out->kind != CHAT_NONE;
}

/* XEP-0461 names the message in `id` and its author in `to`; the web client
 * has the message in `to`, and no namespace of its own on the element. */
static const char *reply_to(const struct xml *m)
{
	const struct xml *r = xml_child(m, "reply", NULL);

	return or_empty(xml_attr(r, "id") ? xml_attr(r, "id") : xml_attr(r, "to"));
}

void chat_parse(struct chat_message *out, const struct xml *m)
{
	const char *type = or_empty(xml_attr(m, "type"));
	const struct xml *body = xml_child(m, "body", NULL), *subject = xml_child(m, "subject", NULL);

	memset(out, 0, sizeof(*out));
	out->group = !strcmp(type, "groupchat");
	out->from = or_empty(xml_attr(m, "from"));
	out->nick = jid_resource(out->from);
	out->id = or_empty(xml_attr(m, "id"));
	out->text = out->json = "";
	out->ref = reply_to(m);
	out->display_name = xml_child_text(m, "display-name", NS_DISPLAY_NAME);
	parse_delay(out, m);
	if (!strcmp(type, "error"))
		parse_error(out, m);
	else if (parse_special(out, m))
		;
	else if (subject && !body && out->group) {
		out->kind = CHAT_SUBJECT;
		out->text = xml_text(subject);
	} else if (body) {
		out->kind = CHAT_TEXT;
		out->text = xml_text(body);
	}
}

static struct xml *message_new(const char *to, bool group, const char *id)
{
	struct xml *m = xml_new("message", NS_CLIENT);

	xml_set(m, "type", group ? "groupchat" : "chat");
	xml_set(m, "to", to);
	if (id)
		xml_set(m, "id", id);
	return m;
}

struct xml *chat_text_new(const char *to, bool group, const char *id, const char *text)
{
	struct xml *m = message_new(to, group, id);

	xml_add_text(m, "body", NULL, text);
	return m;
}

struct xml *chat_json_new(const char *to, bool group, const char *json)
{
	struct xml *m = message_new(to, group, NULL);

	xml_add_text(m, "json-message", NS_JITMEET, json);
	return m;
}
