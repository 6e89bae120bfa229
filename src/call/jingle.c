/* jingle.c - media sessions with the focus, and who sends which SSRC
 *
 *	none -> offered, accepted -> up -> failed -> restart asked -> none
 *
 * A new session-initiate takes the place of a running session at any time.
 * Every session gets a new SSRC and msid: bridges pass sequence numbers on,
 * and a listener's SRTP context lives longer than our session does.
 * What is done when media fails stands in retry.c.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"

/* ---- sources ---- */

/* The bridge's own SSRCs only report; nobody speaks on them. */
static bool is_voice(const struct source *s)
{
	return !s->video && strcmp(s->owner, "jvb") && !text_starts(s->name, "jvb-") &&
	       !strstr(s->msid, "mixedmslabel");
}

static void tell_source(struct call *c, const struct source *s, bool added)
{
	struct person_entry *e = roster_find(c, s->owner);
	struct call_event ev = { .type = CALL_EV_SOURCE, .ssrc = s->ssrc, .person = e ? &e->p : NULL,
		.added = added };

	if (is_voice(s))
		call_emit(c, &ev);
}

void session_add_source(struct call *c, const struct source *s)
{
	if (!source_set_add(&c->sources, s))
		tell_source(c, s, true);
}

static void add_sources(struct call *c, const struct source_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct source *s = &set->v[i];

		if (!source_set_find(&c->sources, s->ssrc) && strcmp(s->owner, c->nick))
			session_add_source(c, s);
	}
}

void session_remove_source(struct call *c, uint32_t ssrc)
{
	const struct source *s = source_set_find(&c->sources, ssrc);

	if (!s)
		return;
	tell_source(c, s, false);
	source_set_remove(&c->sources, ssrc);
}

/* What an offer repeats stays as it is: its sound may go on without a gap. */
static void keep_only(struct call *c, const struct source_set *set)
{
	for (size_t i = c->sources.count; i-- > 0;)
		if (!set || !source_set_find(set, c->sources.v[i].ssrc))
			session_remove_source(c, c->sources.v[i].ssrc);
}

void session_forget_owner(struct call *c, const char *id)
{
	for (size_t i = 0; i < c->sources.count; i++)
		if (!strcmp(c->sources.v[i].owner, id))
			tell_source(c, &c->sources.v[i], false);
	source_set_remove_owner(&c->sources, id);
}

void session_tell_owner(struct call *c, const char *id)
{
	for (size_t i = 0; i < c->sources.count; i++)
		if (!strcmp(c->sources.v[i].owner, id))
			tell_source(c, &c->sources.v[i], true);
}

/* ---- the session ---- */

void session_drop(struct call *c)
{
	if (c->media_running)
		c->ops.media_stop(c->ops_ctx);
	c->media_running = c->media_up = false;
	c->media_stop_us = c->interrupted_us = c->restart_at_us = c->bridge_lost_us = 0;
	call_set(&c->sid, NULL);
	keep_only(c, NULL);
	channel_stop(c);
}

void session_new_credentials(struct call *c)
{
	char text[25];

	rng_alnum(text, 8);
	call_set(&c->local_ufrag, text);
	rng_alnum(text, 24);
	call_set(&c->local_pwd, text);
	text_wipe(text, sizeof(text));
}

static void new_identity(struct call *c, const struct source_set *others)
{
	char uuid[37];
	struct buf b = { 0 };

	session_new_credentials(c);
	do
		c->ssrc = c->no_mic ? 0 : rng_u32();
	while (!c->no_mic && (!c->ssrc || source_set_find(others, c->ssrc)));
	rng_uuid(uuid);
	buf_addf(&b, "%s-audio-0-1 %s-1", c->nick, uuid);
	call_set(&c->msid, buf_str(&b));
	buf_free(&b);
}

static void on_accept_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");

	if (c->phase != PHASE_JOINED || !answer || !type)
		return;
	if (!strcmp(type, "result")) {
		c->source_told = c->ssrc != 0;
		roster_dirty(c);
		return;
	}
	log_warn("call", "session-accept refused: %s %s", xmpp_error_condition(answer),
		 xmpp_error_text(answer));
	/* "gone": a new one is on its way. */
	if (strcmp(xmpp_error_condition(answer), "gone"))
		session_restart(c, "the focus refused our answer");
}

static void add_ext(struct jingle_media *m, uint8_t id, const char *uri)
{
	m->ext[m->exts].id = id;
	text_copy(m->ext[m->exts].uri, sizeof(m->ext[0].uri), uri);
	m->exts++;
}

static void fill_audio(const struct call *c, struct jingle *a, const struct jingle *offer)
{
	const struct jingle_payload *opus = jingle_payload_by_name(&offer->audio, "opus");
	uint8_t level = jingle_ext_id(&offer->audio, EXT_AUDIO_LEVEL);
	uint8_t tcc = c->feedback ? jingle_ext_id(&offer->audio, EXT_TRANSPORT_CC) : 0;

	a->audio.present = true;
	text_copy(a->audio.name, sizeof(a->audio.name), offer->audio.name);
	a->audio.payload[0] = *opus;
	a->audio.payload[0].fbs = 0;
	a->audio.payloads = 1;
	if (level)
		add_ext(&a->audio, level, EXT_AUDIO_LEVEL);
	if (tcc) {
		add_ext(&a->audio, tcc, EXT_TRANSPORT_CC);
		text_copy(a->audio.payload[0].fb[0].type, sizeof(opus->fb[0].type), "transport-cc");
		a->audio.payload[0].fb[0].subtype[0] = 0;
		a->audio.payload[0].fbs = 1;
	}
}

/* Candidates are left out: the bridge learns our address by our first check,
 * and with them it would give up after 5 s. */
void session_fill_transport(struct call *c, struct jingle_transport *t,
			    const struct jingle_transport *offer)
{
	t->present = true;
	text_copy(t->ufrag, sizeof(t->ufrag), c->local_ufrag);
	text_copy(t->pwd, sizeof(t->pwd), c->local_pwd);
	text_copy(t->hash, sizeof(t->hash), "sha-256");
	text_copy(t->fingerprint, sizeof(t->fingerprint), c->fingerprint);
	text_copy(t->setup, sizeof(t->setup), strcmp(offer->setup, "active") ? "active" : "passive");
}

/* Only the transport and our source are read of it (server side); the payload
 * and extension stand there for correctness. */
static void accept(struct call *c, const struct jingle *offer, bool replace)
{
	struct jingle a = {
		.action = replace ? JINGLE_TRANSPORT_ACCEPT : JINGLE_ACCEPT, .initial_last_n = -1,
	};
	struct source own = { .ssrc = c->ssrc, .owner = c->nick, .name = c->source_name, .msid = c->msid };
	struct xml *iq;

	a.sid = c->sid;
	a.initiator = c->focus_occupant;
	a.responder = (char *)(uintptr_t)xmpp_stream_jid(c->stream);
	fill_audio(c, &a, offer);
	session_fill_transport(c, &a.transport, &offer->transport);
	/* Answered wherever it is offered: which form is taken shows later. */
	a.data = offer->data && offer->transport.sctp_port;
	a.transport.sctp_port = offer->transport.sctp_port;
	if (c->ssrc)
		source_set_add(&a.sources, &own);
	iq = jingle_write(&a, c->focus_occupant, "responder", false, false);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_accept_answer, c);
	source_set_clear(&a.sources);
	text_wipe(a.transport.pwd, sizeof(a.transport.pwd));
}

static void start_media(struct call *c, const struct jingle *offer)
{
	struct call_media m = {
		.offer = offer, .local_ufrag = c->local_ufrag, .local_pwd = c->local_pwd,
		.ssrc = c->ssrc, .cname = c->stats_id, .feedback = c->feedback,
		.restarts = c->d.ice_restart, .services = c->services, .service_count = c->service_count, .sid = c->sid,
	};

	outage_begin(c, OUTAGE_RENEWED);
	c->media_running = true;
	c->media_up = false;
	c->media_stop_us = c->interrupted_us = c->restart_at_us = c->bridge_lost_us = 0;
	if (!c->media_limit_us && !c->no_media_told)
		c->media_limit_us = c->now_us + c->media_timeout_us;
	c->ops.media_start(c->ops_ctx, &m);
}

/* For newcomers, and while moderation is on; who came before decides alone. */
static void apply_start_muted(struct call *c, const struct jingle *offer)
{
	bool newcomer = c->count.rejoined == 0 && !c->sessions;

	if (!offer->startmuted_audio || c->no_mic)
		return;
	if (newcomer || c->moderated) {
		c->muted_by_focus = true;
		call_muted_by(c, NULL, "people start muted here");
	}
}

static bool is_usable(struct call *c, const struct jingle *offer)
{
	const struct jingle_transport *t = &offer->transport;

	if (!offer->audio.present || !jingle_payload_by_name(&offer->audio, "opus"))
		call_complain(c, "no-media", "the server offers no Opus sound: there is nothing to hear here");
	else if (!t->present || !*t->ufrag || !*t->pwd || !*t->fingerprint)
		call_complain(c, "no-media", "the server's offer names no way to its bridge");
	else
		return true;
	return false;
}

static void on_initiate(struct call *c, const struct jingle *offer, bool replace)
{
	c->offer_limit_us = 0;
	if (!is_usable(c, offer)) {
		session_drop(c);
		return;
	}
	channel_stop(c);
	call_set(&c->sid, offer->sid);
	call_set(&c->bridge_session, offer->bridge_session);
	new_identity(c, &offer->sources);
	ice_restart_begin_session(c);
	accept(c, offer, replace);
	start_media(c, offer);
	keep_only(c, &offer->sources);
	add_sources(c, &offer->sources);
	channel_start(c, offer);
	apply_start_muted(c, offer);
	c->sessions++;
	c->count.sessions++;
}

static void on_terminate(struct call *c, const struct jingle *j)
{
	log_info("call", "the focus ends the session: %s %s", j->reason, j->reason_text);
	if (strcmp(j->reason, "success") && strcmp(j->reason, "expired"))
		call_notice(c, "the server ended the sound (%s%s%s); waiting for a new session", j->reason,
			    *j->reason_text ? ": " : "", j->reason_text);
	if (!strcmp(j->reason, "success") && roster_others(c)) {
		c->count.moved++;
		outage_begin(c, OUTAGE_MOVED);
	}
	session_drop(c);
	c->media_limit_us = 0;
}

static bool unknown_session(struct call *c, const struct xml *iq)
{
	xmpp_stream_error(c->stream, iq, "cancel", "item-not-found",
			  xml_new("unknown-session", NS_JINGLE_ERRORS));
	return true;
}

static void on_decline_answer(void *ctx, const struct xml *answer)
{
	(void)ctx;
	(void)answer;           /* an error says that it was over already */
}

/* Another occupant offers a direct session: declined as a web client with P2P
 * off does, so that the call goes on through the bridge. */
static void on_other(struct call *c, const struct xml *iq, const struct jingle *j, const char *from)
{
	struct jingle t = { .action = JINGLE_TERMINATE, .initial_last_n = -1 };
	struct xml *out;

	if (j->action != JINGLE_INITIATE) {
		unknown_session(c, iq);
		return;
	}
	xmpp_stream_result(c->stream, iq, NULL);
	c->count.p2p_declined++;
	t.sid = j->sid;
	t.initiator = (char *)(uintptr_t)from;
	text_copy(t.reason, sizeof(t.reason), "decline");
	t.reason_text = (char *)(uintptr_t)"P2P disabled";
	out = jingle_write(&t, from, "responder", false, false);
	xmpp_stream_iq(c->stream, &out, IQ_TIMEOUT_US, c->now_us, on_decline_answer, c);
}

static void on_current(struct call *c, const struct jingle *j)
{
	switch (j->action) {
	case JINGLE_TRANSPORT_REPLACE:
		on_initiate(c, j, true);
		break;
	case JINGLE_TERMINATE:
		on_terminate(c, j);
		break;
	case JINGLE_SOURCE_ADD:
		add_sources(c, &j->sources);
		break;
	case JINGLE_SOURCE_REMOVE:
		for (size_t i = 0; i < j->sources.count; i++)
			session_remove_source(c, j->sources.v[i].ssrc);
		break;
	case JINGLE_TRANSPORT_INFO:
		ice_restart_transport(c, &j->transport);
		break;
	default:
		break;
	}
}

static void on_focus(struct call *c, const struct xml *iq, const struct jingle *j)
{
	bool current = c->sid && !strcmp(c->sid, j->sid);

	if (j->action == JINGLE_UNKNOWN) {
		xmpp_stream_error(c->stream, iq, "cancel", "bad-request", NULL);
	} else if (j->action == JINGLE_INITIATE && current) {
		xmpp_stream_error(c->stream, iq, "cancel", "service-unavailable", NULL);
	} else if (j->action == JINGLE_INITIATE) {
		xmpp_stream_result(c->stream, iq, NULL);
		on_initiate(c, j, false);
	} else if (!current) {
		unknown_session(c, iq);
	} else {
		xmpp_stream_result(c->stream, iq, NULL);
		on_current(c, j);
	}
}

bool session_iq(struct call *c, const struct xml *iq, const struct xml *jingle)
{
	const char *from = xml_attr(iq, "from");
	struct jingle j;

	if (!from || !c->room || !jid_same_bare(from, c->room) || c->phase != PHASE_JOINED) {
		c->count.forged++;
		return false;
	}
	if (jingle_parse(&j, jingle, jid_resource(from))) {
		c->count.malformed++;
		xmpp_stream_error(c->stream, iq, "cancel", "bad-request", NULL);
		return true;
	}
	if (roster_is_focus(c, from)) {
		c->count.malformed += j.bad_sources != 0;
		on_focus(c, iq, &j);
	} else if (!strcmp(jid_resource(from), "focus")) {
		/* The nick alone proves nothing: no answer, and it is counted. */
		c->count.forged++;
	} else {
		on_other(c, iq, &j, from);
	}
	jingle_clear(&j);
	return true;
}
