/* house.c - the host's core with clients and a bridge that are the test's */
#include "unit/host/house.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "xmpp/ns.h"

/* ---- the bridge ---- */

struct fake_endpoint *house_endpoint(struct house *w, const char *id)
{
	for (size_t i = 0; i < w->eps; i++)
		if (!strcmp(w->ep[i].id, id))
			return &w->ep[i];
	return NULL;
}

static void drop_endpoint(struct house *w, const char *id)
{
	struct fake_endpoint *e = house_endpoint(w, id);

	if (!e)
		return;
	source_set_clear(&e->sources);
	*e = w->ep[--w->eps];
}

static int fake_add(void *b, const struct bridge_endpoint *e, struct jingle_transport *t)
{
	struct house *w = b;
	struct fake_endpoint *f;

	if (w->add_error)
		return w->add_error;
	drop_endpoint(w, e->id);
	f = &w->ep[w->eps++];
	memset(f, 0, sizeof(*f));
	f->room = e->room;
	f->e = *e;
	f->session = e->session;
	snprintf(f->id, sizeof(f->id), "%s", e->id);
	snprintf(t->ufrag, sizeof(t->ufrag), "u%u", (unsigned)e->session);
	snprintf(t->pwd, sizeof(t->pwd), "0123456789abcdef01234567");
	snprintf(t->hash, sizeof(t->hash), "sha-256");
	snprintf(t->fingerprint, sizeof(t->fingerprint), "AB:CD:EF");
	snprintf(t->setup, sizeof(t->setup), "actpass");
	t->cands = 1;
	t->cand[0] = (struct jingle_candidate){ .foundation = "1", .id = "c0", .ip = "127.0.0.1",
		.port = 10000, .priority = 2130706431, .type = "host", .protocol = "udp", .component = 1 };
	return 0;
}

static int fake_accept(void *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	struct house *w = b;

	(void)room;
	assert_non_null(house_endpoint(w, id));
	assert_true(*t->ufrag);
	house_endpoint(w, id)->accepted = !w->accept_error;
	return w->accept_error;
}

static int fake_restart(void *b, unsigned room, const char *id, struct jingle_transport *t)
{
	struct house *w = b;

	(void)room;
	assert_non_null(house_endpoint(w, id));
	t->present = true;
	snprintf(t->ufrag, sizeof(t->ufrag), "again%u", ++w->restarts);
	snprintf(t->pwd, sizeof(t->pwd), "0123456789012345678901");
	snprintf(t->hash, sizeof(t->hash), "sha-256");
	snprintf(t->fingerprint, sizeof(t->fingerprint), "AB:CD");
	return 0;
}

static int fake_restart_accept(void *b, unsigned room, const char *id,
			       const struct jingle_transport *t)
{
	struct house *w = b;

	(void)room;
	assert_non_null(house_endpoint(w, id));
	snprintf(w->restart_ufrag, sizeof(w->restart_ufrag), "%.31s", t->ufrag);
	return 0;
}

static void fake_sources(void *b, unsigned room, const char *id, const struct source_set *s)
{
	struct fake_endpoint *e = house_endpoint(b, id);

	(void)room;
	assert_non_null(e);
	source_set_clear(&e->sources);
	assert_int_equal(source_set_merge(&e->sources, s), 0);
}

static void fake_remove(void *b, unsigned room, const char *id)
{
	struct house *w = b;

	(void)room;
	assert_non_null(house_endpoint(w, id));
	drop_endpoint(w, id);
	w->removed++;
}

static void fake_channel_open(void *b, unsigned room, const char *id)
{
	(void)room;
	assert_non_null(house_endpoint(b, id));
	house_endpoint(b, id)->channel = true;
}

static void fake_channel_input(void *b, unsigned room, const char *id, const char *text, size_t len)
{
	struct house *w = b;

	(void)room;
	assert_non_null(house_endpoint(w, id));
	snprintf(w->last_channel_text, sizeof(w->last_channel_text), "%.*s", (int)len, text);
}

static void fake_channel_closed(void *b, unsigned room, const char *id)
{
	struct fake_endpoint *e = house_endpoint(b, id);

	(void)room;
	if (e)
		e->channel = false;
}

static const struct bridge_ops fake_bridge = {
	fake_add, fake_accept, fake_restart, fake_restart_accept, fake_sources, fake_remove, fake_channel_open, fake_channel_input,
	fake_channel_closed,
};

/* ---- links ---- */

static int op_send(void *ctx, void *link, const char *text, size_t len)
{
	struct guest *c = link;
	struct xml *x;
	const char *why;

	(void)ctx;
	if (c->deaf)
		return -ENOBUFS;
	/* Whatever is sent can be read, by clients that read one element. */
	if (*text == '<') {
		if (xml_parse(&x, text, len, NULL, &why))
			fail_msg("sent what is no XML (%s): %.*s", why, (int)len, text);
		xml_free(&x);
	}
	c->stanzas += text_starts(text, "<iq") || text_starts(text, "<message") || text_starts(text, "<presence");
	if (text_starts(text, "<enabled"))
		c->stanzas = 0;
	if (text_starts(text, "<enabled") && strstr(text, " id=\""))
		snprintf(c->sm_id, sizeof(c->sm_id), "%.*s", (int)strcspn(strstr(text, " id=\"") + 5, "\""),
			 strstr(text, " id=\"") + 5);
	c->got = realloc(c->got, (c->gots + 1) * sizeof(*c->got));
	assert_non_null(c->got);
	c->got[c->gots++] = strndup(text, len);
	return 0;
}

static void op_close(void *ctx, void *link, int code, const char *reason)
{
	struct guest *c = link;

	(void)ctx;
	if (c->channel) {       /* a channel's link is a client of its own */
		c->channel = NULL;
	}
	c->conn = NULL;
	c->code = code;
	text_copy(c->reason, sizeof(c->reason), reason);
}

static void op_admit(void *ctx, const char *conference, const char *endpoint, const char *password)
{
	struct house *w = ctx;

	if (w->admissions < 64)
		snprintf(w->admitted[w->admissions++], sizeof(w->admitted[0]), "%s/%s/%s", conference,
			 endpoint, password);
}

static void op_dismiss(void *ctx, const char *conference, const char *endpoint)
{
	(void)ctx;
	(void)conference;
	(void)endpoint;
}

static const struct server_ops ops = { op_send, op_close, op_admit, op_dismiss };

/* ---- the house ---- */

struct house *house_new(void)
{
	struct house *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now = 1000000;
	w->max_people = 20;
	w->max_rooms = 100;
	log_set_level(LOGL_ERROR);      /* what the tests provoke is warned of */
	return w;
}

void house_begin(struct house *w)
{
	struct server_config cfg = {
		.domain = "meet.test", .max_people = w->max_people, .max_rooms = w->max_rooms,
		.password = w->password, .tls = w->tls, .wall_offset_us = 1787400000000000,
		.audio_ssrc = 3391072284u, .video_ssrc = 2738412961u,
	};

	if (!w->s)
		assert_int_equal(server_new(&w->s, &cfg, &ops, w, &fake_bridge, w), 0);
}

void house_free(struct house *w)
{
	server_free(&w->s);
	for (size_t i = 0; i < w->guests; i++) {
		forget(&w->guest[i]);
		free(w->guest[i].got);
		jingle_clear(&w->guest[i].offer);
	}
	for (size_t i = 0; i < w->eps; i++)
		source_set_clear(&w->ep[i].sources);
	free(w);
}

void house_pass(struct house *w, int64_t us)
{
	int64_t until = w->now + us;

	while (server_due(w->s) <= until) {
		int64_t due = server_due(w->s);

		w->now = due > w->now ? due : w->now;
		server_tick(w->s, w->now);
		/* A due time that does not move would be a busy loop. */
		assert_true(server_due(w->s) > w->now);
	}
	w->now = until;
}

/* ---- clients ---- */

struct guest *guest_connect(struct house *w)
{
	struct guest *c;

	house_begin(w);
	assert_true(w->guests < HOUSE_GUESTS);
	c = &w->guest[w->guests++];
	c->w = w;
	c->conn = server_connect(w->s, c, "192.0.2.7", "meet.test:8443", w->now);
	return c;
}

void say(struct guest *c, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (c->conn)
		server_input(c->w->s, c->conn, buf_str(&b), b.len, c->w->now);
	buf_free(&b);
}

static struct guest *log_in(struct house *w)
{
	struct guest *c = guest_connect(w);

	say(c, "<open xmlns='%s' to='meet.test' version='1.0'/>", NS_FRAMING);
	say(c, "<auth xmlns='%s' mechanism='ANONYMOUS'/>", NS_SASL);
	say(c, "<open xmlns='%s' to='meet.test' version='1.0'/>", NS_FRAMING);
	return c;
}

struct guest *guest_login(struct house *w)
{
	struct guest *c = log_in(w);
	char *jid;

	say(c, "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='%s'/></iq>", NS_BIND);
	jid = take(c, "<jid>");
	assert_int_equal(sscanf(strstr(jid, "<jid>"), "<jid>%299[^<]", c->jid), 1);
	snprintf(c->nick, sizeof(c->nick), "%.8s", c->jid);
	free(jid);
	forget(c);
	return c;
}

void guest_die(struct guest *c)
{
	struct xmpp_conn *conn = c->conn;

	c->conn = NULL;
	server_gone(c->w->s, conn, false, c->w->now);
}

struct guest *guest_back(struct guest *old)
{
	struct guest *c;

	if (old->conn)
		guest_die(old);
	c = log_in(old->w);
	forget(c);
	c->stanzas = old->stanzas;
	memcpy(c->jid, old->jid, sizeof(c->jid));
	memcpy(c->nick, old->nick, sizeof(c->nick));
	memcpy(c->sm_id, old->sm_id, sizeof(c->sm_id));
	return c;
}

char *take2(struct guest *c, const char *word, const char *word2)
{
	for (size_t i = 0; i < c->gots; i++)
		if (strstr(c->got[i], word) && strstr(c->got[i], word2)) {
			char *s = c->got[i];

			memmove(c->got + i, c->got + i + 1, (c->gots - i - 1) * sizeof(*c->got));
			c->gots--;
			return s;
		}
	for (size_t i = 0; i < c->gots; i++)
		print_error("waits: %s\n", c->got[i]);
	fail_msg("%s was not sent %s, %s", c->nick, word, word2);
	return NULL;
}

char *take(struct guest *c, const char *word)
{
	return take2(c, word, "");
}

void want(struct guest *c, const char *word)
{
	free(take2(c, word, ""));
}

void want2(struct guest *c, const char *word, const char *word2)
{
	free(take2(c, word, word2));
}

void want_none(const struct guest *c, const char *word)
{
	for (size_t i = 0; i < c->gots; i++)
		if (strstr(c->got[i], word))
			fail_msg("%s was sent %s", c->nick, c->got[i]);
}

void forget(struct guest *c)
{
	while (c->gots)
		free(c->got[--c->gots]);
}

struct xml *take_xml(struct guest *c, const char *word)
{
	char *s = take(c, word);
	struct xml *x;

	assert_int_equal(xml_parse(&x, s, strlen(s), NULL, NULL), 0);
	free(s);
	return x;
}

/* ---- a call ---- */

void enter(struct guest *c, const char *room, const char *nick, const char *extra)
{
	if (nick)
		snprintf(c->nick, sizeof(c->nick), "%s", nick);
	say(c, "<iq xmlns='jabber:client' type='set' id='conf' to='focus.meet.test'>"
	    "<conference xmlns='%s' room='%s' machine-uid='m'/></iq>", NS_FOCUS, room);
	want2(c, "id=\"conf\"", "ready=\"true\"");
	say(c, "<presence xmlns='jabber:client' to='%s/%s'><x xmlns='%s'/>%s</presence>", room, c->nick,
	    NS_MUC, extra ? extra : "<SourceInfo>{}</SourceInfo>");
}

void answer_caps(struct guest *c, const char *features)
{
	struct xml *iq = take_xml(c, NS_DISCO_INFO);
	struct buf b = { 0 };
	char word[128];
	int n;

	for (features = features ? features : BROWSER; sscanf(features, " %127s%n", word, &n) == 1; features += n)
		buf_addf(&b, "<feature var='%s'/>", word);
	say(c, "<iq xmlns='jabber:client' type='result' id='%s' to='%s'><query xmlns='%s'>%s</query></iq>",
	    xml_attr(iq, "id"), xml_attr(iq, "from"), NS_DISCO_INFO, buf_str(&b));
	buf_free(&b);
	xml_free(&iq);
}

void take_offer(struct guest *c)
{
	struct xml *iq = take_xml(c, "session-initiate");

	jingle_clear(&c->offer);
	assert_int_equal(jingle_parse(&c->offer, xml_child(iq, "jingle", NS_JINGLE), ""), 0);
	snprintf(c->sid, sizeof(c->sid), "%s", c->offer.sid);
	snprintf(c->bridge_session, sizeof(c->bridge_session), "%s", c->offer.bridge_session);
	snprintf(c->invite_id, sizeof(c->invite_id), "%s", xml_attr(iq, "id"));
	c->has_offer = true;
	say(c, "<iq xmlns='jabber:client' type='result' id='%s' to='%s'/>", c->invite_id,
	    xml_attr(iq, "from"));
	xml_free(&iq);
}

char *source_xml(const char *name, unsigned long ssrc, const char *msid)
{
	struct buf b = { 0 };

	buf_addf(&b, "<source xmlns='%s' ssrc='%lu'", NS_SSMA, ssrc);
	if (name)
		buf_addf(&b, " name='%s'", name);
	buf_adds(&b, ">");
	if (msid)
		buf_addf(&b, "<parameter name='msid' value='%s'/>", msid);
	buf_adds(&b, "</source>");
	return buf_steal(&b);
}

void accept_offer(struct guest *c, const char *audio, const char *video)
{
	static const char transport[] = "<transport xmlns='" NS_ICE_UDP "' ufrag='Jq3x'"
		" pwd='w6dBz1R0n9HcTqkV2sXyAo7L'><fingerprint xmlns='" NS_DTLS "' hash='sha-256'"
		" setup='active'>AB:CD</fingerprint></transport>";

	say(c, "<iq xmlns='jabber:client' type='set' id='acc' to='" ROOM "/focus'><jingle xmlns='%s'"
	    " action='session-accept' sid='%s'><content creator='responder' name='audio'><description"
	    " xmlns='%s' media='audio'>%s</description>%s</content><content creator='responder'"
	    " name='video'><description xmlns='%s' media='video'>%s</description>%s</content></jingle></iq>",
	    NS_JINGLE, c->sid, NS_RTP, audio ? audio : "", transport, NS_RTP, video ? video : "", transport);
}

void talk(struct guest *c, unsigned long ssrc)
{
	char name[64], msid[128], *src;

	snprintf(name, sizeof(name), "%s-a0", c->nick);
	snprintf(msid, sizeof(msid), "%s-audio-0-1 t%lu-1", c->nick, ssrc);
	src = source_xml(name, ssrc, msid);
	take_offer(c);
	accept_offer(c, src, NULL);
	free(src);
	want2(c, "type=\"result\"", "id=\"acc\"");
}
