/* script.c - a server for the core, by hand */
#include "unit/call/script.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "xmpp/ns.h"

/* ---- what the core asks for ---- */

static void set(char **to, const char *s)
{
	if (text_set(to, s))
		abort();
}

static void op_http(void *ctx, unsigned tag, const char *method, const char *url, const char *body,
		    const char *bearer)
{
	struct script *s = ctx;

	(void)bearer;
	assert_string_equal(method, tag == 1 ? "GET" : "POST");
	set(tag == 1 ? &s->config_url : &s->request_url, url);
	if (tag != 1) {
		set(&s->request_body, body);
		s->requests++;
	}
}

static void op_stream_open(void *ctx, const char *url, const char *origin)
{
	struct script *s = ctx;

	assert_true(text_starts(origin, "http"));
	set(&s->stream_url, url);
	s->stream_up = false;
	s->stream_opens++;
}

static void op_stream_send(void *ctx, const char *text, size_t len)
{
	struct script *s = ctx;
	const char *why;

	buf_add(&s->sent_text, text, len);
	buf_addc(&s->sent_text, '\n');
	if (s->sents == SENT_MAX)
		fail_msg("the client does not stop talking");
	if (xml_parse(&s->sent[s->sents].x, text, len, NULL, &why))
		fail_msg("not well-formed (%s): %s", why, text);
	s->sent[s->sents].answered = false;
	s->sent[s->sents++].at = s->now;
}

static void op_stream_close(void *ctx, bool cut)
{
	struct script *s = ctx;

	s->stream_up = false;
	s->stream_cut = cut;
	set(&s->stream_url, NULL);
}

static void op_channel_open(void *ctx, const char *url, const char *origin)
{
	struct script *s = ctx;

	assert_true(text_starts(origin, "http"));
	set(&s->channel_url, url);
	set(&s->channel_asked, url);
	s->channel_up = false;
	s->channel_opens++;
}

static void op_channel_send(void *ctx, const char *text, size_t len)
{
	struct script *s = ctx;

	buf_add(&s->channel_text, text, len);
	buf_addc(&s->channel_text, '\n');
}

static void op_channel_close(void *ctx)
{
	struct script *s = ctx;

	s->channel_up = false;
	set(&s->channel_url, NULL);
}

static void op_data_open(void *ctx, uint16_t port)
{
	struct script *s = ctx;

	s->data_port = port;
	s->data_opens++;
}

static void op_keepalive(void *ctx, const char *url)
{
	struct script *s = ctx;

	set(&s->keepalive_url, url);
	s->keepalives++;
}

static void op_data_close(void *ctx)
{
	struct script *s = ctx;

	s->data_port = 0;
}

static void op_media_start(void *ctx, const struct call_media *m)
{
	struct script *s = ctx;

	s->media_starts++;
	s->media_ssrc = m->ssrc;
	set(&s->media_sid, m->sid);
	assert_true(strlen(m->local_ufrag) >= 4 && strlen(m->local_pwd) >= 22);        /* RFC 8445, 5.3 */
	if (!s->media_silent)
		s->media_up_at = s->now + 100000;
}

static void op_media_stop(void *ctx)
{
	struct script *s = ctx;

	s->media_stops++;
	set(&s->media_sid, NULL);
	s->media_up_at = 0;
}

static void op_media_restart(void *ctx, const struct call_media_restart *r)
{
	struct script *s = ctx;

	assert_string_equal(r->sid, s->media_sid);
	if (!r->local_ufrag) {
		s->media_candidates += r->transport->cands;
		return;
	}
	assert_true(strlen(r->local_ufrag) >= 4 && strlen(r->local_pwd) >= 22);
	s->media_restarts++;
	set(&s->restart_ufrag, r->transport->ufrag);
	if (!s->media_silent)
		s->media_up_at = s->now + 100000;
}

static void op_media_services(void *ctx, const struct ext_service *v, size_t count)
{
	struct script *s = ctx;

	(void)v;
	(void)count;
	s->media_services++;
}

/* ---- what it tells ---- */

static const char *state_name(enum call_state st)
{
	static const char *const n[] = { "idle", "connecting", "lobby", "joined", "reconnecting", "left" };

	return n[st];
}

static void on_event(void *ctx, const struct call_event *ev)
{
	static const char *const names[] = {
		[CALL_EV_STEP] = "step", [CALL_EV_PERSON_LEFT] = "person-", [CALL_EV_PERSON_JOINED] = "person+",
		[CALL_EV_PERSON_CHANGED] = "person", [CALL_EV_HAND] = "hand", [CALL_EV_SUBJECT] = "subject",
		[CALL_EV_MUTED_BY] = "muted-by", [CALL_EV_SPEAKER] = "speaker", [CALL_EV_NOTICE] = "notice",
		[CALL_EV_ERROR] = "error", [CALL_EV_JOINED] = "joined"
	};
	struct script *s = ctx;
	struct buf *b = &s->told;
	const struct call_person *p = ev->person;

	switch (ev->type) {
	case CALL_EV_STATE:
		buf_addf(b, "state %s%s%s", state_name(ev->state), *ev->text ? " " : "", ev->text);
		break;
	case CALL_EV_ENDED:
		buf_addf(b, "left %d %s %s", ev->end, ev->kind, ev->text);
		break;
	case CALL_EV_MESSAGE:
		buf_addf(b, "message %s%s%s%s: %s", ev->message->private_ ? "private " : "",
			 ev->message->mine ? "mine " : "", ev->message->history ? "history " : "",
			 ev->message->from, ev->message->text);
		assert_true(*ev->message->id);
		break;
	case CALL_EV_SOURCE:
		buf_addf(b, "source%c %u %s", ev->added ? '+' : '-', ev->ssrc, p ? p->id : "?");
		break;
	case CALL_EV_KNOCK:
		buf_addf(b, "knock%c %s %s%s%s", ev->added ? '+' : '-', ev->kind, ev->text, ev->added ? "" : " ",
			 ev->added ? "" : ev->why);
		break;
	case CALL_EV_CHANNEL:
		buf_addf(b, "channel %s", ev->added ? "up" : "down");
		break;
	default:
		buf_adds(b, names[ev->type]);
		if (p)
			buf_addf(b, " %s %s%s%s%s", p->id, p->name, p->muted ? " muted" : "", p->hand ? " hand" : "",
				 p->moderator ? " moderator" : "");
		if (ev->kind)
			buf_addf(b, " %s", ev->kind);
		if (ev->text && *ev->text)
			buf_addf(b, " %s", ev->text);
	}
	buf_addc(b, '\n');
	/* Asking is allowed from within. */
	call_people(s->call);
	call_get_state(s->call);
}

/* ---- life ---- */

void script_new(struct script *s, const struct script_config *cfg)
{
	static const struct call_ops ops = {
		op_http, op_stream_open, op_stream_send, op_stream_close, op_channel_open, op_channel_send,
		op_channel_close, op_media_start, op_media_stop, op_media_restart, op_media_services,
		op_data_open, op_channel_send, op_data_close, op_keepalive
	};
	struct call_config cc = {
		.channel = cfg->channel, .rewriting = cfg->rewriting,
		.url = cfg->url ? cfg->url : "http://127.0.0.1:8080/room", .name = cfg->name ? cfg->name : "Bob",
		.password = cfg->password, .jwt = cfg->jwt, .muted = cfg->muted, .no_mic = cfg->no_mic,
		.fingerprint = "AA:BB", .privacy_version = !cfg->hide_version, .seed = 7, .patient = cfg->patient,
		.relay_only = cfg->relay_only,
		.reconnect_for_us = cfg->reconnect_for_us,
	};

	memset(s, 0, sizeof(*s));
	s->sm = cfg->sm;
	s->now = s->base = INT64_C(1000000000);
	if (call_new(&s->call, &cc, &ops, s, on_event, s))
		fail_msg("no call for %s", cc.url);
	call_join(s->call, s->now);
}

void script_free(struct script *s)
{
	call_free(&s->call);
	for (size_t i = 0; i < s->sents; i++)
		xml_free(&s->sent[i].x);
	for (size_t i = 0; i < s->ids; i++) {
		free(s->id[i].theirs);
		free(s->id[i].ours);
	}
	buf_free(&s->told);
	buf_free(&s->sent_text);
	buf_free(&s->channel_text);
	free(s->config_url);
	free(s->request_url);
	free(s->request_body);
	free(s->stream_url);
	free(s->channel_url);
	free(s->channel_asked);
	free(s->keepalive_url);
	free(s->media_sid);
	free(s->restart_ufrag);
}

/* ---- stanzas ---- */

void script_in(struct script *s, const char *xml)
{
	call_stream_input(s->call, xml, strlen(xml), s->now);
}

void script_inf(struct script *s, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	script_in(s, buf_str(&b));
	buf_free(&b);
}

static bool is_request(const struct xml *x)
{
	const char *type = xml_attr(x, "type");

	return xml_is(x, "iq", NULL) && type && (!strcmp(type, "get") || !strcmp(type, "set"));
}

static long find_iq(struct script *s, const char *child, const char *ns)
{
	for (size_t i = s->sents; i-- > 0;)
		if (!s->sent[i].answered && is_request(s->sent[i].x) && xml_child(s->sent[i].x, child, ns))
			return (long)i;
	return -1;
}

bool script_has_iq(struct script *s, const char *child, const char *ns)
{
	return find_iq(s, child, ns) >= 0;
}

const struct xml *script_iq(struct script *s, const char *child, const char *ns)
{
	long i = find_iq(s, child, ns);

	if (i < 0)
		fail_msg("no <%s xmlns='%s'/> was asked for; sent:\n%s", child, ns, buf_str(&s->sent_text));
	return s->sent[i].x;
}

void script_answer(struct script *s, const char *child, const char *ns, const char *type, const char *inner)
{
	const struct xml *iq = script_iq(s, child, ns);
	const char *to = xml_attr(iq, "to");

	s->sent[find_iq(s, child, ns)].answered = true;
	script_inf(s, "<iq xmlns='jabber:client' type='%s' id='%s'%s%s%s>%s</iq>", type, xml_attr(iq, "id"),
		   to ? " from='" : "", to ? to : "", to ? "'" : "", inner ? inner : "");
}

const struct xml *script_presence(struct script *s)
{
	for (size_t i = s->sents; i-- > 0;)
		if (xml_is(s->sent[i].x, "presence", NULL))
			return s->sent[i].x;
	fail_msg("no presence was sent");
	return NULL;
}

unsigned script_count(struct script *s, const char *name, const char *attr, const char *value)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->sents; i++) {
		const char *v = attr ? xml_attr(s->sent[i].x, attr) : NULL;

		n += xml_is(s->sent[i].x, name, NULL) && (!attr || (v && !strcmp(v, value)));
	}
	return n;
}

/* ---- what anybody would answer ---- */

static const char components[] =
	"<query xmlns='http://jabber.org/protocol/disco#info'>"
	"<identity category='server' type='im' name='Prosody'/>"
	"<identity category='component' type='av_moderation' name='avmoderation.meet.test'/>"
	"<identity category='component' type='room_metadata' name='metadata.meet.test'/>"
	"<identity category='component' type='breakout_rooms' name='breakout.meet.test'/></query>";

static bool answer_one(struct script *s, size_t i)
{
	const struct xml *x = s->sent[i].x, *child = xml_first(x);
	const char *to = xml_attr(x, "to"), *inner = NULL;

	if (s->sent[i].answered || !is_request(x) || !to || strcmp(to, "meet.test"))
		return false;
	if (xml_is(child, "ping", NS_PING))
		inner = "";
	else if (xml_is(child, "query", NS_DISCO_INFO))
		inner = s->no_disco ? "<query xmlns='http://jabber.org/protocol/disco#info'/>" : components;
	else if (xml_is(child, "services", NULL))
		inner = "<services xmlns='urn:xmpp:extdisco:2'><service type='turn' host='127.0.0.1' port='3478' "
			"username='u' password='p'/></services>";
	if (!inner)
		return false;
	s->sent[i].answered = true;
	script_inf(s, "<iq xmlns='jabber:client' type='result' id='%s' from='meet.test'>%s</iq>", xml_attr(x, "id"),
		   inner);
	return true;
}

static void answer_usual(struct script *s)
{
	for (size_t i = 0; s->stream_up && !s->server_silent && i < s->sents; i++)
		answer_one(s, i);
	if (s->media_up_at && s->now >= s->media_up_at && s->media_sid) {
		s->media_up_at = 0;
		call_media_state(s->call, s->media_sid, PEER_UP, "", s->now);
	}
	if (s->channel_refused && s->channel_url && !s->channel_up) {
		set(&s->channel_url, NULL);
		call_channel_closed(s->call, 1006, 403, s->now);
	}
}

void script_run(struct script *s, int64_t us)
{
	int64_t end = s->now + us;
	unsigned rounds = 0;

	for (;;) {
		int64_t next;

		answer_usual(s);
		next = call_tick(s->call, s->now);
		answer_usual(s);
		if (s->media_up_at && s->media_up_at < next)
			next = s->media_up_at;
		if (next > end)
			break;
		/* A core that never sleeps would eat a processor. */
		if (next <= s->now && ++rounds > 200)
			fail_msg("the core wants to be called at once, for ever");
		if (next > s->now) {
			s->now = next;
			rounds = 0;
		}
	}
	s->now = end;
	call_tick(s->call, s->now);
}

/* ---- joining ---- */

void script_config(struct script *s, bool http)
{
	struct buf b = { 0 };
	struct call_http_answer a = { .status = 200 };

	buf_addf(&b, "var subdir = '%s', subdomain = '%s'; if (subdomain) { subdomain = x(); }\n"
		 "var config = { hosts: { domain: 'meet.test', muc: 'conference.' + subdomain + 'meet.test' },\n"
		 " websocket: 'ws://127.0.0.1:8080/' + subdir + 'xmpp-websocket', hiddenDomain: 'hidden.meet.test',\n"
		 " %s };", strstr(s->config_url, "/chor/") ? "chor/" : "", strstr(s->config_url, "/chor/") ? "chor." : "",
		 http ? "conferenceRequestUrl: 'http://127.0.0.1:8080/conference-request/v1'" : "");
	a.body = s->config_js ? s->config_js : buf_str(&b);
	a.len = strlen(a.body);
	a.url = s->config_url;
	call_http_input(s->call, 1, &a, s->now);
	buf_free(&b);
	set(&s->config_url, NULL);
}

void script_config_js(struct script *s, const char *js)
{
	s->config_js = js;
	script_config(s, false);
}

static const char *bind_features(const struct script *s)
{
	return s->sm ? "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
		: "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
}

static void log_in(struct script *s)
{
	assert_non_null(s->stream_url);
	s->stream_up = true;
	call_stream_opened(s->call, s->now);
	script_in(s, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='meet.test' id='1' version='1.0'/>");
	script_in(s, "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		  "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"
		  "</stream:features>");
	script_in(s, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	script_in(s, bind_features(s));
}

void script_login(struct script *s, const char *jid)
{
	struct buf b = { 0 };

	log_in(s);
	buf_addf(&b, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>%s</jid></bind>", jid);
	script_answer(s, "bind", NS_BIND, "result", buf_str(&b));
	buf_free(&b);
	if (s->sm)
		script_in(s, "<enabled xmlns='urn:xmpp:sm:3' id='tok' resume='true' max='60'/>");
}

void script_reopen(struct script *s)
{
	log_in(s);
	assert_true(xml_is(s->sent[s->sents - 1].x, "resume", NS_SM));
	assert_string_equal(xml_attr(s->sent[s->sents - 1].x, "previd"), "tok");
}

void script_ready(struct script *s, const char *focus)
{
	struct buf b = { 0 };

	buf_addf(&b, "<conference xmlns='http://jitsi.org/protocol/focus' room='" ROOM "' ready='true' focusjid='%s'/>",
		 focus ? focus : "focus@auth.meet.test");
	script_answer(s, "conference", NS_FOCUS, "result", buf_str(&b));
	buf_free(&b);
}

void script_focus(struct script *s, const char *jid, const char *more)
{
	script_inf(s, "<presence xmlns='jabber:client' from='" FOCUS "'>%s<x xmlns='http://jabber.org/protocol/muc#user'>"
		   "<item jid='%s' role='moderator' affiliation='owner'/></x></presence>", more,
		   jid ? jid : "focus@auth.meet.test/focus");
}

void script_refuse_join(struct script *s, const char *error)
{
	script_inf(s, "<presence xmlns='jabber:client' type='error' from='%s'><error %s</error></presence>",
		   xml_attr(script_presence(s), "to"), error);
}

struct call_counters script_counters(const struct script *s)
{
	struct call_counters n;

	call_counters(s->call, &n);
	return n;
}

void script_join(struct script *s)
{
	char *nick;

	script_config(s, false);
	script_login(s, ME);
	script_ready(s, NULL);
	nick = strdup(strchr(xml_attr(script_presence(s), "to"), '/') + 1);
	script_focus(s, NULL, "<conference-properties xmlns='http://jitsi.org/protocol/focus'>"
		     "<property key='support-terminate-restart' value='true'/></conference-properties>");
	script_in(s, "<presence xmlns='jabber:client' from='room@conference.meet.test/77aa01bc'>"
		  "<nick xmlns='http://jabber.org/protocol/nick'>Ada</nick><SourceInfo>{\"77aa01bc-a0\":{\"muted\":false}}"
		  "</SourceInfo><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='77aa01bc-1@meet.test/x' role='moderator' affiliation='owner'/></x></presence>");
	script_inf(s, "<presence xmlns='jabber:client' from='room@conference.meet.test/%s'>"
		   "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='" ME "' role='participant' "
		   "affiliation='none'/><status code='110'/></x></presence>", nick);
	free(nick);
	script_run(s, 0);
}

void script_invite(struct script *s, const char *sid, const char *sources, const char *more)
{
	script_inf(s, "<iq xmlns='jabber:client' type='set' id='in-%s' from='" FOCUS "' to='" ME "'>"
		   "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='%s' initiator='focus@auth.meet.test/focus'>"
		   "<content name='audio' creator='initiator' senders='both'>"
		   "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
		   "<payload-type id='111' name='opus' clockrate='48000' channels='2'/>"
		   "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' "
		   "uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/></description>"
		   "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789012345678901'>"
		   "%s%s%s"
		   "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA:BB:CC</fingerprint>"
		   "<candidate component='1' foundation='1' generation='0' id='c' network='0' ip='127.0.0.1' port='10000' "
		   "priority='1' protocol='udp' type='host'/></transport></content>"
		   "<bridge-session xmlns='http://jitsi.org/protocol/focus' id='b-%s'/>%s"
		   "<json-message xmlns='http://jitsi.org/jitmeet'>{\"sources\":{%s}}</json-message></jingle></iq>",
		   sid, sid, s->no_url ? "" : "<web-socket xmlns='http://jitsi.org/protocol/colibri' "
		   "url='ws://127.0.0.1:8080/colibri-ws/j/c/5c1f0a9e?pwd=", s->no_url ? "" : sid,
		   s->no_url ? "" : "'/>", sid, more ? more : "", sources ? sources : "");
}

/* ---- a call that is up ---- */

void script_up(struct script *s, const struct script_config *cfg)
{
	script_new(s, cfg);
	script_join(s);
	assert_told(s, "state joined\njoined 5c1f0a9e");
}

void script_session(struct script *s, const char *sid, const char *sources)
{
	script_invite(s, sid, sources, NULL);
	script_answer(s, "jingle", NS_JINGLE, "result", NULL);
	script_run(s, 300000);
	if (s->channel_url) {
		s->channel_up = true;
		call_channel_opened(s->call, s->now);
	}
}

void script_person(struct script *s, const char *id, const char *inner, const char *item)
{
	script_inf(s, "<presence xmlns='jabber:client' from='room@conference.meet.test/%s'>%s<x xmlns='http://jabber.org/protocol/muc#user'>"
		   "<item jid='%s-1@meet.test/x' role='participant' affiliation='none'/>%s</x></presence>", id, inner, id,
		   item ? item : "");
}

void script_gone(struct script *s, const char *id, const char *x)
{
	script_inf(s, "<presence xmlns='jabber:client' type='unavailable' from='room@conference.meet.test/%s'>"
		   "<x xmlns='http://jabber.org/protocol/muc#user'>%s</x></presence>", id, x);
}

void script_lose(struct script *s)
{
	s->stream_up = false;
	call_stream_closed(s->call, NET_CLOSED, 0, "the connection broke", s->now);
}

void script_come_back(struct script *s, const char *jid)
{
	const char *nick;
	char *copy;

	script_run(s, 3000000);
	assert_non_null(s->stream_url);
	script_login(s, jid);
	script_ready(s, NULL);
	copy = strdup(xml_attr(script_presence(s), "to"));
	nick = strchr(copy, '/') + 1;
	script_focus(s, NULL, "");
	script_person(s, "77aa01bc", "<nick xmlns='http://jabber.org/protocol/nick'>Ada</nick>", NULL);
	/* Our ghost: the server has not noticed yet. */
	script_in(s, "<presence xmlns='jabber:client' from='room@conference.meet.test/5c1f0a9e'><x xmlns='http://jabber.org/protocol/muc#user'>"
		  "<item jid='" ME "' role='participant'/></x></presence>");
	script_person(s, nick, "", "<status code='110'/>");
	free(copy);
}

bool script_has_terminate(struct script *s)
{
	return script_has_iq(s, "jingle", NS_JINGLE) &&
	       !strcmp(xml_attr(xml_child(script_iq(s, "jingle", NS_JINGLE), "jingle", NULL), "action"), "session-terminate");
}

/* ---- checks ---- */

bool script_was_told(const struct script *s, const char *line)
{
	return strstr(buf_str(&s->told), line) != NULL;
}

void assert_told(const struct script *s, const char *line)
{
	if (!script_was_told(s, line))
		fail_msg("not told: %s\nbut:\n%s", line, buf_str(&s->told));
}

void assert_not_told(const struct script *s, const char *line)
{
	if (script_was_told(s, line))
		fail_msg("told: %s\nin:\n%s", line, buf_str(&s->told));
}
