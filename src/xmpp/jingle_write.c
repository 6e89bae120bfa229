/* jingle_write.c - writing a session negotiation, for both ends
 *
 * The namespaces stand literally wherever web clients look for them; every
 * content carries the whole transport, as the bridge's offers do.
 */
#include <string.h>
#include "xmpp/jingle_names.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

const struct jingle_name jingle_names[JINGLE_NAMES] = {
	{ JINGLE_INITIATE, "session-initiate" }, { JINGLE_ACCEPT, "session-accept" },
	{ JINGLE_TERMINATE, "session-terminate" }, { JINGLE_INFO, "session-info" },
	{ JINGLE_SOURCE_ADD, "source-add" }, { JINGLE_SOURCE_ADD, "addsource" },
	{ JINGLE_SOURCE_REMOVE, "source-remove" }, { JINGLE_SOURCE_REMOVE, "removesource" },
	{ JINGLE_TRANSPORT_INFO, "transport-info" }, { JINGLE_TRANSPORT_REPLACE, "transport-replace" },
	{ JINGLE_TRANSPORT_ACCEPT, "transport-accept" }, { JINGLE_TRANSPORT_REJECT, "transport-reject" },
	{ JINGLE_CONTENT_MODIFY, "content-modify" },
};

static const char *action_name(enum jingle_action action)
{
	for (size_t i = 0; i < JINGLE_NAMES; i++)
		if (jingle_names[i].action == action)
			return jingle_names[i].name;
	return "";
}

static void write_payload(struct xml *description, const struct jingle_payload *p)
{
	struct xml *x = xml_add(description, "payload-type", NULL), *c;

	xml_setf(x, "id", "%u", p->id);
	xml_set(x, "name", p->name);
	xml_setf(x, "clockrate", "%u", p->clockrate);
	if (p->channels > 1)
		xml_setf(x, "channels", "%u", p->channels);
	for (size_t i = 0; i < p->params; i++) {
		c = xml_add(x, "parameter", NULL);
		xml_set(c, "name", p->param[i].name);
		xml_set(c, "value", p->param[i].value);
	}
	for (size_t i = 0; i < p->fbs; i++) {
		c = xml_add(x, "rtcp-fb", NS_RTCP_FB);
		xml_set(c, "type", p->fb[i].type);
		if (*p->fb[i].subtype)
			xml_set(c, "subtype", p->fb[i].subtype);
	}
}

static struct xml *write_media(struct xml *content, const struct jingle_media *m, const char *media)
{
	struct xml *d = xml_add(content, "description", NS_RTP), *x;

	xml_set(d, "media", media);
	if (!strcmp(media, "audio") && m->payloads)
		xml_set(d, "maxptime", "60");
	for (size_t i = 0; i < m->exts; i++) {
		x = xml_add(d, "rtp-hdrext", NS_RTP_HDREXT);
		xml_setf(x, "id", "%u", m->ext[i].id);
		xml_set(x, "uri", m->ext[i].uri);
	}
	for (size_t i = 0; i < m->payloads; i++)
		write_payload(d, &m->payload[i]);
	if (m->payloads) {
		xml_add(d, "extmap-allow-mixed", NS_RTP_HDREXT);
		xml_add(d, "rtcp-mux", NULL);
	}
	return d;
}

static void write_candidate(struct xml *transport, const struct jingle_candidate *c)
{
	struct xml *x = xml_add(transport, "candidate", NULL);

	xml_setf(x, "component", "%u", c->component ? c->component : 1);
	xml_set(x, "foundation", c->foundation);
	xml_setf(x, "generation", "%u", c->generation);
	xml_set(x, "id", c->id);
	xml_set(x, "network", "0");
	xml_set(x, "ip", c->ip);
	xml_setf(x, "port", "%u", c->port);
	xml_set(x, "protocol", "udp");
	xml_setf(x, "priority", "%u", c->priority);
	xml_set(x, "type", c->type);
	if (*c->rel_addr) {
		xml_set(x, "rel-addr", c->rel_addr);
		xml_setf(x, "rel-port", "%u", c->rel_port);
	}
}

static void write_transport(struct xml *content, const struct jingle_transport *t, bool offer)
{
	struct xml *x = xml_add(content, "transport", NS_ICE_UDP), *f;

	xml_set(x, "ufrag", t->ufrag);
	xml_set(x, "pwd", t->pwd);
	if (t->ice_generation)
		xml_setf(x, "ice-generation", "%u", t->ice_generation);
	for (size_t i = 0; i < t->websockets; i++)
		xml_set(xml_add(x, "web-socket", NS_COLIBRI), "url", t->websocket[i]);
	xml_add(x, "rtcp-mux", NULL);
	if (*t->fingerprint) {
		f = xml_add_text(x, "fingerprint", NS_DTLS, t->fingerprint);
		xml_set(f, "hash", t->hash);
		xml_set(f, "setup", t->setup);
		if (offer) {
			xml_set(f, "cryptex", "false");
			xml_set(f, "required", "false");
		}
	}
	for (size_t i = 0; i < t->cands; i++)
		write_candidate(x, &t->cand[i]);
}

static bool has_kind(const struct source_set *s, bool video)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].video == video)
			return true;
	return false;
}

struct writing { const struct jingle *j; struct xml *x; const char *creator; bool json, with_owner; };

static void write_content(const struct writing *w, bool video)
{
	const struct jingle_media *m = video ? &w->j->video : &w->j->audio;
	bool described = m->present && m->payloads;
	const char *name = video ? "video" : "audio";
	struct xml *c, *d;

	if (!described && (w->json || !has_kind(&w->j->sources, video)))
		return;
	c = xml_add(w->x, "content", NULL);
	xml_set(c, "creator", w->creator);
	xml_set(c, "name", name);
	xml_set(c, "senders", "both");
	d = write_media(c, m, name);
	if (!w->json)
		source_set_write_xml(&w->j->sources, d, video, w->with_owner);
	if (w->j->transport.present)
		write_transport(c, &w->j->transport, w->j->action == JINGLE_INITIATE);
}

static void write_group(const struct writing *w)
{
	struct xml *g;

	if (!w->j->audio.payloads && !w->j->video.payloads)
		return;
	g = xml_add(w->x, "group", NS_GROUPING);
	xml_set(g, "semantics", "BUNDLE");
	if (w->j->audio.payloads)
		xml_set(xml_add(g, "content", NULL), "name", "audio");
	if (w->j->video.payloads)
		xml_set(xml_add(g, "content", NULL), "name", "video");
}

static void write_rest(const struct writing *w)
{
	const struct jingle *j = w->j;
	struct buf b = { 0 };
	struct xml *x;

	if (j->startmuted_audio || j->startmuted_video) {
		x = xml_add(w->x, "startmuted", NS_START_MUTED);
		xml_set(x, "audio", j->startmuted_audio ? "true" : "false");
		xml_set(x, "video", j->startmuted_video ? "true" : "false");
	}
	if (*j->reason) {
		x = xml_add(w->x, "reason", NULL);
		xml_add(x, j->reason, NULL);
		if (j->reason_text && *j->reason_text)
			xml_add_text(x, "text", NULL, j->reason_text);
	}
	if (j->ice_failed)
		xml_add_text(w->x, "ice-state", NS_FOCUS, "failed");
	if (j->bridge_session && *j->bridge_session) {
		x = xml_add(w->x, "bridge-session", NS_FOCUS);
		xml_set(x, "id", j->bridge_session);
		if (j->action == JINGLE_TERMINATE)
			xml_set(x, "restart", j->restart ? "true" : "false");
		if (j->ice_restart)
			xml_set(x, "ice-restart", "true");
	}
	if (w->json && (j->sources.count || j->action == JINGLE_INITIATE)) {
		source_set_write_json(&j->sources, &b);
		xml_add_text(w->x, "json-message", NS_JITMEET, buf_str(&b));
		buf_free(&b);
	}
}

struct xml *jingle_write(const struct jingle *j, const char *to, const char *creator, bool json,
			 bool with_owner)
{
	struct xml *iq = xmpp_iq_new("set", to);
	struct writing w = {
		.j = j, .x = xml_add(iq, "jingle", NS_JINGLE), .creator = creator, .json = json,
		.with_owner = with_owner,
	};

	xml_set(w.x, "action", action_name(j->action));
	xml_set(w.x, "sid", j->sid);
	if (j->initiator && *j->initiator)
		xml_set(w.x, "initiator", j->initiator);
	if (j->responder && *j->responder)
		xml_set(w.x, "responder", j->responder);
	if (j->action == JINGLE_TRANSPORT_INFO) {
		struct xml *c = xml_add(w.x, "content", NULL);

		xml_set(c, "creator", creator);
		xml_set(c, "name", "audio");
		write_transport(c, &j->transport, false);
		return iq;
	}
	write_content(&w, false);
	write_content(&w, true);
	write_group(&w);
	write_rest(&w);
	return iq;
}
