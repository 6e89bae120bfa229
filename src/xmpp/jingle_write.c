/* jingle_write.c - writing a session negotiation, for both ends
 *
 * The namespaces stand literally wherever web clients look for them; every
 * content carries the whole transport, as the bridge's offers do.
 */
#include <stdio.h>
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

static const char *action_name(const struct jingle *j)
{
	for (size_t i = 0; i < JINGLE_NAMES; i++)
		if (jingle_names[i].action == j->action)
			return jingle_names[i].name;
	return j->action_text;
}

static void write_parameter(struct xml *payload, const char *name, const char *value)
{
	struct xml *x = xml_add(payload, "parameter", NULL);

	xml_set(x, "name", name);
	xml_set(x, "value", value);
}

static void write_payload(struct xml *description, const struct jingle_payload *p)
{
	struct xml *x = xml_add(description, "payload-type", NULL), *c;
	bool has_apt = false;
	char apt[8];

	xml_setf(x, "id", "%u", p->id);
	xml_set(x, "name", p->name);
	xml_setf(x, "clockrate", "%u", p->clockrate);
	if (p->channels > 1)
		xml_setf(x, "channels", "%u", p->channels);
	for (size_t i = 0; i < p->params; i++) {
		write_parameter(x, p->param[i].name, p->param[i].value);
		has_apt |= !strcmp(p->param[i].name, "apt");
	}
	if (p->apt && !has_apt) {
		snprintf(apt, sizeof(apt), "%u", p->apt);
		write_parameter(x, "apt", apt);
	}
	for (size_t i = 0; i < p->fbs; i++) {
		c = xml_add(x, "rtcp-fb", NS_RTCP_FB);
		xml_set(c, "type", p->fb[i].type);
		if (*p->fb[i].subtype)
			xml_set(c, "subtype", p->fb[i].subtype);
	}
}

static struct xml *write_media(struct xml *content, const struct jingle_media *m,
			       const char *media, bool offer)
{
	struct xml *d = xml_add(content, "description", NS_RTP), *x;

	xml_set(d, "media", media);
	if (offer && !strcmp(media, "audio"))
		xml_set(d, "maxptime", "60");
	for (size_t i = 0; i < m->exts; i++) {
		x = xml_add(d, "rtp-hdrext", NS_RTP_HDREXT);
		xml_setf(x, "id", "%u", m->ext[i].id);
		xml_set(x, "uri", m->ext[i].uri);
	}
	for (size_t i = 0; i < m->payloads; i++)
		write_payload(d, &m->payload[i]);
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

static struct xml *write_transport(struct xml *content, const struct jingle_transport *t,
				   bool offer)
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
	return x;
}

static bool has_kind(const struct source_set *s, bool video)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].video == video)
			return true;
	return false;
}

struct writing {
	const struct jingle *j;
	struct xml *x;          /* <jingle/> */
	const char *creator;
	bool json, with_owner;
	bool offer, whole;      /* contents with all they have */
};

static struct xml *content_new(const struct writing *w, const char *name, const char *senders)
{
	struct xml *c = xml_add(w->x, "content", NULL);

	xml_set(c, "creator", w->creator);
	xml_set(c, "name", name);
	if (senders)
		xml_set(c, "senders", *senders ? senders : "both");
	return c;
}

static const char *content_name(const struct jingle_media *m, const char *usual)
{
	return *m->name ? m->name : usual;
}

/* initiate, accept and their kin: everything; the sources stand before
 * rtcp-mux as the browsers write them. */
static void write_whole(const struct writing *w, const struct jingle_media *m, bool video)
{
	const struct jingle *j = w->j;
	const char *media = video ? "video" : "audio";
	struct xml *c, *d;

	if (!m->present)
		return;
	c = content_new(w, content_name(m, media), m->senders);
	if (video && !w->offer && j->initial_last_n >= 0)
		xml_setf(xml_add(c, "initial-last-n", NS_COLIBRI2), "value", "%d", j->initial_last_n);
	d = write_media(c, m, media, w->offer);
	if (!w->json)
		source_set_write_xml(&j->sources, d, video, w->with_owner);
	if (w->offer)
		xml_add(d, "extmap-allow-mixed", NS_RTP_HDREXT);
	xml_add(d, "rtcp-mux", NULL);
	if (j->transport.present)
		write_transport(c, &j->transport, w->offer);
}

static void write_data(const struct writing *w)
{
	struct xml *c, *d, *map;

	if (!w->j->data)
		return;
	c = content_new(w, "data", "");
	d = xml_add(c, "description", NS_RTP);
	xml_set(d, "media", "application");
	xml_add(d, "rtcp-mux", NULL);
	if (!w->j->transport.present)
		return;
	map = xml_add(write_transport(c, &w->j->transport, w->offer), "sctpmap", NS_DTLS_SCTP);
	xml_setf(map, "number", "%u", w->j->transport.sctp_port ? w->j->transport.sctp_port : 5000);
	xml_set(map, "protocol", "webrtc-datachannel");
	xml_set(map, "streams", "1024");
}

static void write_group(const struct writing *w)
{
	const struct jingle *j = w->j;
	struct xml *g = xml_add(w->x, "group", NS_GROUPING);

	xml_set(g, "semantics", "BUNDLE");
	if (j->audio.present)
		xml_set(xml_add(g, "content", NULL), "name", content_name(&j->audio, "audio"));
	if (j->video.present)
		xml_set(xml_add(g, "content", NULL), "name", content_name(&j->video, "video"));
	if (j->data)
		xml_set(xml_add(g, "content", NULL), "name", "data");
}

/* source-add and -remove: one content a kind, with sources alone. */
static void write_sources(const struct writing *w, bool video)
{
	const char *media = video ? "video" : "audio";
	struct xml *d;

	if (w->json || !has_kind(&w->j->sources, video))
		return;
	d = xml_add(content_new(w, media, NULL), "description", NS_RTP);
	xml_set(d, "media", media);
	source_set_write_xml(&w->j->sources, d, video, w->with_owner);
}

static void write_contents(const struct writing *w)
{
	const struct jingle *j = w->j;

	switch (j->action) {
	case JINGLE_INITIATE: case JINGLE_ACCEPT:
	case JINGLE_TRANSPORT_REPLACE: case JINGLE_TRANSPORT_ACCEPT:
		write_whole(w, &j->audio, false);
		write_whole(w, &j->video, true);
		write_data(w);
		if (j->audio.present || j->video.present || j->data)
			write_group(w);
		break;
	case JINGLE_SOURCE_ADD: case JINGLE_SOURCE_REMOVE:
		write_sources(w, false);
		write_sources(w, true);
		break;
	case JINGLE_TRANSPORT_INFO:
		write_transport(content_new(w, content_name(&j->audio, "audio"), NULL),
				&j->transport, false);
		break;
	case JINGLE_CONTENT_MODIFY:
		if (j->audio.present)
			content_new(w, content_name(&j->audio, "audio"), j->audio.senders);
		if (j->video.present)
			content_new(w, content_name(&j->video, "video"), j->video.senders);
		break;
	default:
		break;
	}
}

static void write_reason(const struct writing *w)
{
	const struct jingle *j = w->j;
	struct xml *x;

	if (!*j->reason)
		return;
	x = xml_add(w->x, "reason", NULL);
	xml_add(x, j->reason, NULL);
	if (j->reason_text && *j->reason_text)
		xml_add_text(x, "text", NULL, j->reason_text);
}

/* `restart` stands in every terminate that names its bridge session. */
static void write_session(const struct writing *w)
{
	const struct jingle *j = w->j;
	struct xml *x;

	if (j->ice_failed)
		xml_add_text(w->x, "ice-state", NS_FOCUS, "failed");
	if ((!j->bridge_session || !*j->bridge_session) && !j->restart && !j->ice_restart)
		return;
	x = xml_add(w->x, "bridge-session", NS_FOCUS);
	xml_set(x, "id", j->bridge_session);
	if (j->action == JINGLE_TERMINATE)
		xml_set(x, "restart", j->restart ? "true" : "false");
	if (j->ice_restart)
		xml_set(x, "ice-restart", "true");
}

static void write_start_muted(const struct writing *w)
{
	struct xml *x;

	if (!w->j->startmuted_audio && !w->j->startmuted_video)
		return;
	x = xml_add(w->x, "startmuted", NS_START_MUTED);
	xml_set(x, "audio", w->j->startmuted_audio ? "true" : "false");
	xml_set(x, "video", w->j->startmuted_video ? "true" : "false");
}

static int write_json(const struct writing *w)
{
	bool about = w->whole || w->j->action == JINGLE_SOURCE_ADD ||
		     w->j->action == JINGLE_SOURCE_REMOVE;
	struct buf b = { 0 };
	int err = 0;

	if (!w->json || !about || (!w->j->sources.count && !w->offer))
		return 0;
	err = source_set_write_json(&w->j->sources, &b);
	if (!err)
		xml_add_text(w->x, "json-message", NS_JITMEET, buf_str(&b));
	buf_free(&b);
	return err;
}

struct xml *jingle_write(const struct jingle *j, const char *to, const char *creator, bool json,
			 bool with_owner)
{
	struct xml *iq = xmpp_iq_new("set", to);
	struct writing w = {
		.j = j, .x = xml_add(iq, "jingle", NS_JINGLE), .creator = creator, .json = json,
		.with_owner = with_owner,
		.offer = j->action == JINGLE_INITIATE || j->action == JINGLE_TRANSPORT_REPLACE,
	};

	w.whole = w.offer || j->action == JINGLE_ACCEPT || j->action == JINGLE_TRANSPORT_ACCEPT;
	xml_set(w.x, "action", action_name(j));
	xml_set(w.x, "sid", j->sid);
	if (j->initiator && *j->initiator)
		xml_set(w.x, "initiator", j->initiator);
	if (j->responder && *j->responder)
		xml_set(w.x, "responder", j->responder);
	write_contents(&w);
	write_reason(&w);
	if (w.offer)
		write_start_muted(&w);
	write_session(&w);
	if (write_json(&w))     /* a list of sources that is not whole is worse than none */
		xml_free(&iq);
	return iq;
}
