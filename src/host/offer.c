/* offer.c - the invitation to a media session (server.md 4.5)
 *
 * What stands here is what web clients need and do not complain about when it
 * is missing: one BUNDLE group, rtcp-mux, all candidates at once, two payload
 * types in video, a name and a msid on each source.  No mid extension: a
 * sender's mids mean nothing in the receiver's description.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "host/server_priv.h"
#include "rtc/data_channel.h"
#include "xmpp/ns.h"

enum {
	PT_OPUS = 111, PT_TELEPHONE_EVENT = 126, PT_VP8 = 100, PT_RTX = 96,
	EXT_ID_LEVEL = 1, EXT_ID_ABS_TIME = 3, EXT_ID_TCC = 5,
};

/* ---- contents ---- */

static struct jingle_payload *add_payload(struct jingle_media *m, unsigned id, const char *name,
					  unsigned clockrate, unsigned channels)
{
	struct jingle_payload *p = &m->payload[m->payloads++];

	p->id = (uint8_t)id;
	text_copy(p->name, sizeof(p->name), name);
	p->clockrate = clockrate;
	p->channels = channels;
	return p;
}

static void add_param(struct jingle_payload *p, const char *name, const char *value)
{
	text_copy(p->param[p->params].name, sizeof(p->param[0].name), name);
	text_copy(p->param[p->params++].value, sizeof(p->param[0].value), value);
}

static void add_fb(struct jingle_payload *p, const char *type, const char *subtype)
{
	text_copy(p->fb[p->fbs].type, sizeof(p->fb[0].type), type);
	text_copy(p->fb[p->fbs++].subtype, sizeof(p->fb[0].subtype), subtype);
}

static void add_ext(struct jingle_media *m, unsigned id, const char *uri)
{
	m->ext[m->exts].id = (uint8_t)id;
	text_copy(m->ext[m->exts++].uri, sizeof(m->ext[0].uri), uri);
}

static void fill_audio(struct jingle_media *m, bool tcc)
{
	struct jingle_payload *p;

	m->present = true;
	add_ext(m, EXT_ID_LEVEL, EXT_AUDIO_LEVEL);
	if (tcc)
		add_ext(m, EXT_ID_TCC, EXT_TRANSPORT_CC);
	p = add_payload(m, PT_OPUS, "opus", 48000, 2);
	add_param(p, "minptime", "10");
	add_param(p, "useinbandfec", "1");
	if (tcc)
		add_fb(p, "transport-cc", "");
	add_payload(m, PT_TELEPHONE_EVENT, "telephone-event", 8000, 1);
}

static void add_video_fb(struct jingle_payload *p)
{
	add_fb(p, "ccm", "fir");
	add_fb(p, "nack", "");
	add_fb(p, "nack", "pli");
}

static void fill_video(struct jingle_media *m, bool tcc)
{
	struct jingle_payload *p;

	m->present = true;
	p = add_payload(m, PT_VP8, "VP8", 90000, 1);
	add_video_fb(p);
	if (tcc)
		add_fb(p, "transport-cc", "");
	p = add_payload(m, PT_RTX, "rtx", 90000, 1);
	add_param(p, "apt", "100");
	add_video_fb(p);
	add_ext(m, EXT_ID_ABS_TIME, EXT_ABS_SEND_TIME);
	if (tcc)
		add_ext(m, EXT_ID_TCC, EXT_TRANSPORT_CC);
}

/* ---- sources ---- */

static int add_mixed(struct source_set *set, uint32_t ssrc, bool video)
{
	/* Web clients know them by these words and make no track of them. */
	struct source s = {
		.ssrc = ssrc, .video = video, .owner = (char[]){ "jvb" },
		.name = video ? (char[]){ "jvb-v0" } : (char[]){ "jvb-a0" },
		.msid = video ? (char[]){ "mixedmslabel mixedlabelvideo0" }
			      : (char[]){ "mixedmslabel mixedlabelaudio0" },
	};

	return ssrc ? source_set_add(set, &s) : 0;
}

/* A client that can do with SSRCs rewritten is told of sources all the same: the
 * host passes SSRCs on as they are, which the protocol leaves to it. */
static int fill_sources(struct jingle *j, struct occupant *o, bool video)
{
	const struct server_config *cfg = &o->room->server->cfg;
	int err = add_mixed(&j->sources, cfg->audio_ssrc, false);

	source_set_clear(&o->session.told);
	if (!err && video)
		err = add_mixed(&j->sources, cfg->video_ssrc, true);
	if (!err)
		err = sources_view(&o->session.told, o);
	if (!err)
		err = source_set_merge(&j->sources, &o->session.told);
	if (!err && !(o->session.features & FEATURE_JSON))
		err = sources_with_jids(&j->sources, o->room);
	return err;
}

/* ---- the whole ---- */

/* The policy of the one who opened the room, or of a moderator's presence;
 * only for those who come, not when a session is made anew (server.md 4.12). */
static void fill_startmuted(struct jingle *j, const struct occupant *o)
{
	const struct room *r = o->room;
	int place = 0;

	if (o->session.was_invited)
		return;
	for (const struct occupant *t = r->first; t != o; t = t->next) {
		const struct xml *x = xml_child(t->presence, "startmuted", NS_START_MUTED);
		const char *audio = xml_attr(x, "audio"), *video = xml_attr(x, "video");

		place++;
		if (is_moderator(t) && audio && !strcmp(audio, "true"))
			j->startmuted_audio = true;
		if (is_moderator(t) && video && !strcmp(video, "true"))
			j->startmuted_video = true;
	}
	if (r->start_audio_muted >= 0 && place >= r->start_audio_muted)
		j->startmuted_audio = true;
	if (r->start_video_muted >= 0 && place >= r->start_video_muted)
		j->startmuted_video = true;
}

static void fill_channel(struct jingle *j, struct occupant *o)
{
	struct session *s = &o->session;
	struct server *srv = o->room->server;
	struct jingle_transport *t = &j->transport;

	if (srv->cfg.no_websocket)
		return;
	rng_alnum(s->password, SECRET_BYTES);
	srv->ops.admit(srv->ctx, o->room->conference, o->nick, s->password);
	if (t->websockets < JINGLE_WEBSOCKETS)
		t->websocket[t->websockets++] =
			host_format("%s://%s/colibri-ws/default-id/%s/%s?pwd=%s",
				    srv->cfg.tls ? "wss" : "ws", o->conn->authority,
				    o->room->conference, o->nick, s->password);
}

/* Both forms at once, as real bridges do: the client takes one. */
static bool offers_sctp(const struct occupant *o)
{
	return o->session.features & FEATURE_SCTP && !o->room->server->cfg.no_sctp;
}

static int ask_bridge(struct occupant *o, struct jingle *j)
{
	struct session *s = &o->session;
	struct server *srv = o->room->server;
	bool video = s->features & FEATURE_VIDEO, tcc = s->features & FEATURE_TCC;
	struct bridge_endpoint e = {
		.room = o->room->number, .id = o->nick, .session = s->number,
		.pt_opus = PT_OPUS, .pt_vp8 = video ? PT_VP8 : 0,
		.pt_rtx = video && s->features & FEATURE_RTX ? PT_RTX : 0,
		.ext_level = EXT_ID_LEVEL, .ext_abs_time = video ? EXT_ID_ABS_TIME : 0,
		.ext_tcc = tcc ? EXT_ID_TCC : 0, .video = video, .tcc = tcc,
		.sctp_port = offers_sctp(o) ? DATA_CHANNEL_PORT : 0,
	};
	int err = srv->bridge_ops->add(srv->bridge, &e, &j->transport);

	j->transport.present = true;
	return err;
}

static void show_bridge(struct room *r, bool works)
{
	if (r->bridged == works && r->bridge_failed == !works)
		return;
	r->bridged = works;
	r->bridge_failed = !works;
	room_show_focus(r);
}

static void begin(struct session *s, struct jingle *j, const struct occupant *o)
{
	rng_alnum(s->sid, 14);
	rng_uuid(s->bridge_session);
	s->number = ++o->room->server->next_session;
	j->action = JINGLE_INITIATE;
	host_set(&j->sid, s->sid);
	host_set(&j->initiator, o->room->server->focus_full);
	host_set(&j->bridge_session, s->bridge_session);
}

void offer_send(struct occupant *o)
{
	struct session *s = &o->session;
	bool video = s->features & FEATURE_VIDEO, tcc = s->features & FEATURE_TCC;
	struct jingle *j;
	int err;

	if (!(s->features & (FEATURE_AUDIO | FEATURE_VIDEO)))
		return;         /* here to chat */
	j = host_alloc(sizeof(*j));
	begin(s, j, o);
	err = ask_bridge(o, j);
	if (err) {
		log_error("host", "the bridge takes no endpoint: %s", strerror(-err));
		show_bridge(o->room, false);
		goto out;
	}
	show_bridge(o->room, true);
	if (s->features & FEATURE_AUDIO)
		fill_audio(&j->audio, tcc);
	if (video)
		fill_video(&j->video, tcc);
	fill_channel(j, o);
	j->data = offers_sctp(o);
	j->transport.sctp_port = j->data ? DATA_CHANNEL_PORT : 0;
	fill_startmuted(j, o);
	err = fill_sources(j, o, video);
	if (err) {
		log_error("host", "no offer for %s: %s", o->jid, strerror(-err));
		o->room->server->bridge_ops->remove(o->room->server->bridge, o->room->number, o->nick);
		goto out;
	}
	s->state = SESSION_OFFERED;
	s->was_invited = true;
	focus_send(o, jingle_write(j, NULL, "initiator", s->features & FEATURE_JSON, true), s->invite_id);
out:
	jingle_clear(j);
	free(j);
}
