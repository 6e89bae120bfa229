/* jingle.c - parsing a session negotiation; jingle_write.c is its other half */
#include "xmpp/jingle.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/jingle_names.h"
#include "xmpp/ns.h"

static enum jingle_action parse_action(const char *s)
{
	for (size_t i = 0; i < JINGLE_NAMES; i++)
		if (!strcmp(s, jingle_names[i].name))
			return jingle_names[i].action;
	return JINGLE_UNKNOWN;
}

static unsigned number(const char *s, unsigned max, unsigned usual)
{
	uint64_t n;

	return s && !text_u64(s, 0, max, &n) ? (unsigned)n : usual;
}

/* What does not fit is no such value: half a password or address would be a
 * wrong one. */
static void put(char *dst, size_t size, const char *src)
{
	if (!text_copy(dst, size, src ? src : ""))
		*dst = 0;
}

/* ---- media ---- */

static void parse_payload(struct jingle_media *m, const struct xml *x)
{
	const char *id = xml_attr(x, "id"), *name = xml_attr(x, "name");
	struct jingle_payload *p;
	const struct xml *c;

	if (m->payloads == JINGLE_PAYLOADS || !id || !name || number(id, 127, 255) == 255)
		return;
	p = &m->payload[m->payloads++];
	p->id = (uint8_t)number(id, 127, 0);
	put(p->name, sizeof(p->name), name);
	p->clockrate = number(xml_attr(x, "clockrate"), 1000000, 0);
	p->channels = number(xml_attr(x, "channels"), 255, 1);
	for (c = xml_first(x); c; c = xml_next(c)) {
		if (xml_is(c, "parameter", NULL) && p->params < 8) {
			put(p->param[p->params].name, sizeof(p->param[0].name), xml_attr(c, "name"));
			put(p->param[p->params].value, sizeof(p->param[0].value), xml_attr(c, "value"));
			if (!strcmp(p->param[p->params].name, "apt"))
				p->apt = (uint8_t)number(p->param[p->params].value, 127, 0);
			p->params++;
		} else if (xml_is(c, "rtcp-fb", NULL) && p->fbs < 8) {
			put(p->fb[p->fbs].type, sizeof(p->fb[0].type), xml_attr(c, "type"));
			put(p->fb[p->fbs++].subtype, sizeof(p->fb[0].subtype), xml_attr(c, "subtype"));
		}
	}
}

/* RFC 8285: one-byte ids are 1 to 14, two-byte ones go to 255. */
static void parse_ext(struct jingle_media *m, const struct xml *x)
{
	unsigned id = number(xml_attr(x, "id"), 255, 0);

	if (m->exts == JINGLE_EXTENSIONS || !id || !xml_attr(x, "uri"))
		return;
	m->ext[m->exts].id = (uint8_t)id;
	put(m->ext[m->exts++].uri, sizeof(m->ext[0].uri), xml_attr(x, "uri"));
}

static void parse_media(struct jingle_media *m, const struct xml *content,
			const struct xml *description)
{
	const struct xml *c;

	m->present = true;
	put(m->name, sizeof(m->name), xml_attr(content, "name"));
	put(m->senders, sizeof(m->senders), xml_attr(content, "senders"));
	for (c = xml_first(description); c; c = xml_next(c))
		if (xml_is(c, "payload-type", NULL))
			parse_payload(m, c);
		else if (xml_is(c, "rtp-hdrext", NULL))
			parse_ext(m, c);
}

/* ---- transport ---- */

static bool is_numeric(const char *ip)
{
	unsigned char raw[16];

	return ip && (inet_pton(AF_INET, ip, raw) == 1 || inet_pton(AF_INET6, ip, raw) == 1);
}

static bool is_candidate_type(const char *type)
{
	static const char *const known[] = { "host", "srflx", "prflx", "relay" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(type, known[i]))
			return true;
	return false;
}

static void parse_candidate(struct jingle_transport *t, const struct xml *x)
{
	struct jingle_candidate *c;
	const char *type = xml_attr(x, "type") ? xml_attr(x, "type") : "host";
	const char *protocol = xml_attr(x, "protocol"), *ip = xml_attr(x, "ip");
	unsigned port = number(xml_attr(x, "port"), 65535, 0);
	uint64_t priority;

	/* ICE-TCP is no more; names cannot come from a bridge. */
	if (t->cands == JINGLE_CANDIDATES || !is_numeric(ip) || !port ||
	    (protocol && !text_same_nocase(protocol, "udp")) || !is_candidate_type(type))
		return;
	c = &t->cand[t->cands];
	memset(c, 0, sizeof(*c));
	put(c->foundation, sizeof(c->foundation), xml_attr(x, "foundation"));
	put(c->id, sizeof(c->id), xml_attr(x, "id"));
	put(c->ip, sizeof(c->ip), ip);
	c->port = (uint16_t)port;
	if (is_numeric(xml_attr(x, "rel-addr")))
		put(c->rel_addr, sizeof(c->rel_addr), xml_attr(x, "rel-addr"));
	c->rel_port = (uint16_t)number(xml_attr(x, "rel-port"), 65535, 0);
	if (xml_attr(x, "priority") && !text_u64(xml_attr(x, "priority"), 0, UINT32_MAX, &priority))
		c->priority = (uint32_t)priority;
	put(c->type, sizeof(c->type), type);
	put(c->protocol, sizeof(c->protocol), "udp");
	c->component = number(xml_attr(x, "component"), 256, 1);
	c->generation = number(xml_attr(x, "generation"), 65535, 0);
	t->cands++;
}

/* RFC 8122 lets there be several; sha-256 is the one that all can check. */
static void parse_fingerprint(struct jingle_transport *t, const struct xml *x)
{
	const char *text = xml_text(x), *hash = xml_attr(x, "hash");
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strspn(text, "0123456789abcdefABCDEF:");
	if (!hash || !n || n >= sizeof(t->fingerprint) || text[n + strspn(text + n, " \t\r\n")] ||
	    (*t->fingerprint && !text_same_nocase(hash, "sha-256")))
		return;
	put(t->hash, sizeof(t->hash), hash);
	put(t->setup, sizeof(t->setup), xml_attr(x, "setup"));
	memcpy(t->fingerprint, text, n);
	t->fingerprint[n] = 0;
}

static int add_websocket(struct jingle_transport *t, const char *url)
{
	if (!url || strlen(url) > 2048 || t->websockets == JINGLE_WEBSOCKETS)
		return 0;
	t->websocket[t->websockets] = strdup(url);
	if (!t->websocket[t->websockets])
		return -ENOMEM;
	t->websockets++;
	return 0;
}

/* What stands only in one of the copies: the map of the data channel in its
 * own content, the URL perhaps in the first, perhaps in another one. */
static int parse_channels(struct jingle_transport *t, const struct xml *x)
{
	bool had = t->websockets;
	const struct xml *c;
	int err = 0;

	for (c = xml_first(x); c && !err; c = xml_next(c))
		if (xml_is(c, "sctpmap", NULL) && !t->sctp_port)
			t->sctp_port = number(xml_attr(c, "number"), 65535, 5000);
		else if (xml_is(c, "web-socket", NULL) && !had)
			err = add_websocket(t, xml_attr(c, "url"));
	return err;
}

static void parse_transport(struct jingle_transport *t, const struct xml *x)
{
	const struct xml *c;

	t->present = true;
	put(t->ufrag, sizeof(t->ufrag), xml_attr(x, "ufrag"));
	put(t->pwd, sizeof(t->pwd), xml_attr(x, "pwd"));
	t->ice_generation = number(xml_attr(x, "ice-generation"), 1000000, 0);
	for (c = xml_first(x); c; c = xml_next(c))
		if (xml_is(c, "candidate", NULL))
			parse_candidate(t, c);
		else if (xml_is(c, "fingerprint", NULL))
			parse_fingerprint(t, c);
}

/* ---- the whole ---- */

static int parse_content(struct jingle *out, const struct xml *content, const char *owner)
{
	const struct xml *d = xml_child(content, "description", NULL);
	const struct xml *t = xml_child(content, "transport", NULL);
	const struct xml *last_n = xml_child(content, "initial-last-n", NULL);
	const char *media = xml_attr(d, "media"), *name = xml_attr(content, "name");
	int err = 0;

	if (!media)
		media = name ? name : "";
	if (d && !strcmp(media, "audio")) {
		parse_media(&out->audio, content, d);
		err = source_set_parse_xml(&out->sources, d, false, owner, &out->bad_sources);
	} else if (d && !strcmp(media, "video")) {
		parse_media(&out->video, content, d);
		err = source_set_parse_xml(&out->sources, d, true, owner, &out->bad_sources);
	} else if (d && (!strcmp(media, "application") || !strcmp(media, "data"))) {
		out->data = true;
	}
	if (last_n)     /* "-1" is no limit */
		out->initial_last_n = (int)number(xml_attr(last_n, "value"), 10000, (unsigned)-1);
	if (t && !out->transport.present)
		parse_transport(&out->transport, t);
	return !err && t ? parse_channels(&out->transport, t) : err;
}

static int parse_reason(struct jingle *out, const struct xml *reason)
{
	const struct xml *c;
	const char *text = "";

	for (c = xml_first(reason); c; c = xml_next(c))
		if (xml_is(c, "text", NULL))
			text = xml_text(c);
		else if (!*out->reason)
			put(out->reason, sizeof(out->reason), xml_name(c));
	return text_set(&out->reason_text, text);
}

static int parse_child(struct jingle *out, const struct xml *c, const char *owner)
{
	const char *text;
	int err;

	if (xml_is(c, "content", NULL))
		return parse_content(out, c, owner);
	if (xml_is(c, "reason", NULL))
		return parse_reason(out, c);
	if (xml_is(c, "bridge-session", NULL)) {
		out->restart = xml_is_true(c, "restart");
		out->ice_restart = xml_is_true(c, "ice-restart");
		return text_set(&out->bridge_session, xml_attr(c, "id") ? xml_attr(c, "id") : "");
	}
	if (xml_is(c, "json-message", NULL)) {
		text = xml_text(c);
		err = source_set_parse_json(&out->sources, text, strlen(text), &out->bad_sources);
		if (err == -EINVAL)
			out->bad_sources++;
		return err == -EINVAL ? 0 : err;
	}
	if (xml_is(c, "startmuted", NULL)) {
		out->startmuted_audio = xml_is_true(c, "audio");
		out->startmuted_video = xml_is_true(c, "video");
	}
	if (xml_is(c, "ice-state", NULL))
		out->ice_failed = !strcmp(xml_text(c), "failed");
	return 0;
}

int jingle_parse(struct jingle *out, const struct xml *j, const char *default_owner)
{
	const char *action = xml_attr(j, "action"), *sid = xml_attr(j, "sid"), *v;
	int err;

	memset(out, 0, sizeof(*out));
	out->initial_last_n = -1;
	if (!action || !sid || strlen(sid) > 256)
		return -EINVAL;
	out->action = parse_action(action);
	put(out->action_text, sizeof(out->action_text), action);
	v = xml_attr(j, "initiator");
	err = text_set(&out->sid, sid);
	if (!err)
		err = text_set(&out->initiator, v ? v : "");
	v = xml_attr(j, "responder");
	if (!err)
		err = text_set(&out->responder, v ? v : "");
	if (!err)
		err = text_set(&out->bridge_session, "");
	if (!err)
		err = text_set(&out->reason_text, "");
	for (const struct xml *c = xml_first(j); c && !err; c = xml_next(c))
		err = parse_child(out, c, default_owner);
	if (err)
		jingle_clear(out);
	return err;
}

void jingle_clear(struct jingle *j)
{
	free(j->sid);
	free(j->initiator);
	free(j->responder);
	free(j->bridge_session);
	free(j->reason_text);
	for (size_t i = 0; i < j->transport.websockets; i++)
		free(j->transport.websocket[i]);
	source_set_clear(&j->sources);
	memset(j, 0, sizeof(*j));
}

const struct jingle_payload *jingle_payload_by_name(const struct jingle_media *m, const char *name)
{
	for (size_t i = 0; i < m->payloads; i++)
		if (text_same_nocase(m->payload[i].name, name))
			return &m->payload[i];
	return NULL;
}

uint8_t jingle_ext_id(const struct jingle_media *m, const char *uri)
{
	for (size_t i = 0; i < m->exts; i++)
		if (!strcmp(m->ext[i].uri, uri))
			return m->ext[i].id;
	return 0;
}
