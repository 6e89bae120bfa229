/* rooms: base io xmpp rtc host call */
/* fuzz_sm.c - lines that break at any moment, between two clients and a host
 *
 * Two whole clients and the host's core talk over wires that hold messages
 * until the input lets them pass.  Each byte of the input is a step: messages
 * pass, a line is cut (what is on the wire arrives or is lost; the host hears
 * of it at once or later), is down, is mended, time passes, people speak.  A third
 * one sits in the room on a line that never fails, and sees what is true:
 *
 *	whatever was said arrives exactly once, or its speaker is told that
 *	it may not have arrived (then at most once) or was not sent (then not)
 *	whatever the third one says, both are told exactly once
 *	in the end nothing waits, and the counters of both ends agree
 *
 * An input that begins with an odd byte may also put in words of its own: then
 * nobody may break, whatever becomes of the messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "call/call.h"
#include "fuzz/easy_bridge.h"
#include "host/server.h"
#include "io/net.h"
#include "rtc/peer.h"
#include "xmpp/ns.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CLIENTS = 2, SAID_MAX = 20,     /* as many as the room's history keeps */
	WIRES = 64, STEP_US = 100000
};

struct text { struct text *next; size_t len; char p[]; };
struct queue { struct text *first, **end; };

/* One socket.  The client holds it until it is closed, the host until it hears. */
struct wire {
	struct world *w;
	struct client *who;             /* NULL: the third one's */
	struct queue up, down;
	struct xmpp_conn *conn;         /* NULL: the host has none (any more) */
	bool opened, closing;
};

struct client {
	struct world *w;
	struct call *call;
	struct wire *wire;              /* NULL: none */
	bool wants_stream, wants_config, down, over;
	char sid[40];
	bool media_up;
};

struct said {
	int by;                         /* CLIENTS: the third one */
	bool private_;
	unsigned arrived;               /* at the third one */
	unsigned told[CLIENTS];         /* shown */
	bool unsure, not_sent, refused;
};

struct world {
	struct server *s;
	struct client c[CLIENTS];
	struct wire wire[WIRES], third;
	unsigned wires;
	struct said said[SAID_MAX];
	unsigned n_said;
	int64_t now;
	bool hostile;
	char third_nick[16];
};

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "fuzz_sm: %s\n", what);
		abort();
	}
}

static void put(struct queue *q, const char *p, size_t len)
{
	struct text *t = malloc(sizeof(*t) + len + 1);

	must(t != NULL, "memory");
	t->next = NULL;
	t->len = len;
	memcpy(t->p, p, len);
	t->p[len] = 0;
	if (!q->first)
		q->end = &q->first;
	*q->end = t;
	q->end = &t->next;
}

static struct text *get(struct queue *q)
{
	struct text *t = q->first;

	if (t)
		q->first = t->next;
	return t;
}

static void drop(struct queue *q)
{
	struct text *t;

	while ((t = get(q)))
		free(t);
}

/* ---- what was said ---- */

/* "m7" of a text, and of a complaint about it; NULL if it is none. */
static struct said *said_of(struct world *w, const char *text)
{
	const char *m = text ? strrchr(text, 'm') : NULL;
	unsigned n;

	return m && sscanf(m, "m%u", &n) == 1 && n < w->n_said ? &w->said[n] : NULL;
}

static void third_hears(struct world *w, const char *p)
{
	const char *body = strstr(p, "<body>m");
	unsigned n;

	if (strncmp(p, "<message", 8) || !body || strstr(p, "type=\"error\"") || strstr(p, "<delay"))
		return;
	if (sscanf(body, "<body>m%u<", &n) == 1 && n < w->n_said)
		w->said[n].arrived++;
}

static void on_event(void *ctx, const struct call_event *ev)
{
	struct client *c = ctx;
	struct said *s;

	if (ev->type == CALL_EV_ENDED)
		c->over = true;
	if (ev->type == CALL_EV_MESSAGE && (s = said_of(c->w, ev->message->text)))
		s->told[c - c->w->c]++;
	if (ev->type != CALL_EV_ERROR || !(s = said_of(c->w, ev->text)))
		return;
	if (!strcmp(ev->kind, "unsure"))
		s->unsure = true;
	else
		s->not_sent = true;
}

/* ---- the host's side ---- */

static int server_sends(void *ctx, void *link, const char *text, size_t len)
{
	struct wire *l = link;

	(void)ctx;
	if (l->who)
		put(&l->down, text, len);
	else
		third_hears(l->w, text);
	return 0;
}

static void server_closes(void *ctx, void *link, int code, const char *reason)
{
	struct wire *l = link;

	(void)ctx;
	(void)code;
	(void)reason;
	must(l->conn != NULL, "closed twice");
	l->conn = NULL;
	l->closing = true;
}

static void server_admits(void *ctx, const char *conference, const char *endpoint, const char *password)
{
	(void)ctx;
	(void)conference;
	(void)endpoint;
	(void)password;
}

static void server_dismisses(void *ctx, const char *conference, const char *endpoint)
{
	(void)ctx;
	(void)conference;
	(void)endpoint;
}

/* ---- the client's side ---- */

static void op_http(void *ctx, unsigned tag, const char *method, const char *url, const char *body, const char *bearer)
{
	(void)method;
	(void)url;
	(void)body;
	(void)bearer;
	((struct client *)ctx)->wants_config = tag == 1;
}

static void op_stream_open(void *ctx, const char *url, const char *origin)
{
	struct client *c = ctx;

	(void)url;
	(void)origin;
	c->wire = NULL;
	c->wants_stream = true;
}

static void op_stream_send(void *ctx, const char *text, size_t len)
{
	struct client *c = ctx;

	if (c->wire)
		put(&c->wire->up, text, len);
}

/* What was said before the goodbye still arrives. */
static void op_stream_close(void *ctx, bool cut)
{
	struct client *c = ctx;

	(void)cut;
	c->wants_stream = false;
	if (c->wire)
		c->wire->who = c;
	c->wire = NULL;
}

static void op_channel(void *ctx, const char *url, const char *origin)
{
	(void)ctx;
	(void)url;
	(void)origin;
}

static void op_channel_send(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
}

static void op_nothing(void *ctx)
{
	(void)ctx;
}

static void op_media_start(void *ctx, const struct call_media *m)
{
	struct client *c = ctx;

	snprintf(c->sid, sizeof(c->sid), "%s", m->sid);
	c->media_up = false;
}

static void op_media_restart(void *ctx, const struct call_media_restart *r)
{
	(void)ctx;
	(void)r;
}

static void op_media_services(void *ctx, const struct ext_service *v, size_t count)
{
	(void)ctx;
	(void)v;
	(void)count;
}

/* ---- wires ---- */

static void server_hears_of_it(struct wire *l)
{
	struct xmpp_conn *conn = l->conn;

	l->conn = NULL;
	if (conn)
		server_gone(l->w->s, conn, false, l->w->now);
}

static bool pass_up(struct wire *l)
{
	struct text *t = get(&l->up);

	if (!t)
		return false;
	if (l->conn)
		server_input(l->w->s, l->conn, t->p, t->len, l->w->now);
	free(t);
	return true;
}

static void client_loses(struct client *c)
{
	if (!c->wire)
		return;
	c->wire = NULL;
	call_stream_closed(c->call, NET_CLOSED, 0, "cut", c->w->now);
}

static bool pass_down(struct wire *l)
{
	struct client *c = l->who;
	struct text *t;

	if (!c || c->wire != l)
		return false;
	t = get(&l->down);
	if (t)
		call_stream_input(c->call, t->p, t->len, l->w->now);
	else if (l->closing)
		client_loses(c);
	else
		return false;
	free(t);
	return true;
}

static struct wire *wire_new(struct world *w)
{
	struct wire *l;

	/* The oldest is long forgotten by both. */
	l = &w->wire[w->wires++ % WIRES];
	server_hears_of_it(l);
	for (int i = 0; i < CLIENTS; i++)
		if (w->c[i].wire == l)
			client_loses(&w->c[i]);
	drop(&l->up);
	drop(&l->down);
	memset(l, 0, sizeof(*l));
	l->w = w;
	return l;
}

static void connect_it(struct client *c)
{
	struct world *w = c->w;
	struct wire *l;

	c->wants_stream = false;
	if (c->down) {
		call_stream_closed(c->call, NET_REFUSED, 0, "refused", w->now);
		return;
	}
	l = wire_new(w);
	l->who = c;
	l->conn = server_connect(w->s, l, "192.0.2.1", "h:1", w->now);
	c->wire = l;
	call_stream_opened(c->call, w->now);
}

static void answer_config(struct client *c)
{
	static const char config[] = "var config = { hosts: { domain: 't', muc: 'conference.t', focus: 'focus.t' },"
		" websocket: 'ws://h:1/xmpp-websocket' };";
	struct call_http_answer a = { .status = 200, .body = config, .len = sizeof(config) - 1, .url = "http://h:1/config.js" };

	c->wants_config = false;
	if (c->down)
		a = (struct call_http_answer){ .error = "refused", .refused = true, .body = "", .url = "" };
	call_http_input(c->call, 1, &a, c->w->now);
}

/* What does not wait for a step of the input; true: there was something. */
static bool settle(struct client *c)
{
	bool any = c->wants_config || c->wants_stream;

	if (c->over)
		return false;
	if (c->wants_config)
		answer_config(c);
	if (c->wants_stream)
		connect_it(c);
	if (*c->sid && !c->media_up) {
		c->media_up = true;
		call_media_state(c->call, c->sid, PEER_UP, "", c->w->now);
	}
	return any;
}

/* When something is due next. */
static int64_t tick(struct world *w)
{
	int64_t due, next;

	server_tick(w->s, w->now);
	for (int i = 0; i < CLIENTS; i++)
		settle(&w->c[i]);
	due = server_due(w->s);
	for (int i = 0; i < CLIENTS; i++) {
		next = call_tick(w->c[i].call, w->now);
		due = next < due ? next : due;
	}
	return due;
}

static void pass_time(struct world *w, int64_t us)
{
	for (int64_t end = w->now + us; w->now < end;) {
		w->now += end - w->now < STEP_US * 10 ? end - w->now : STEP_US * 10;
		tick(w);
	}
}

static bool pass_all(struct world *w)
{
	bool all = false;

	for (bool any = true; any;) {
		any = false;
		for (int i = 0; i < WIRES; i++) {
			any |= pass_up(&w->wire[i]);
			any |= pass_down(&w->wire[i]);
		}
		for (int i = 0; i < CLIENTS; i++)
			any |= settle(&w->c[i]);
		all |= any;
	}
	return all;
}

/* Time and messages pass as they should. */
static void run(struct world *w, int64_t us)
{
	int64_t end = w->now + us;

	for (;;) {
		int64_t due = tick(w);

		if (pass_all(w) || due < w->now + 1000)
			due = w->now + 1000;
		if (due >= end)
			break;
		w->now = due;
	}
	w->now = end;
}

/* ---- steps ---- */

static void cut(struct client *c, bool arrives, bool server_knows)
{
	struct wire *l = c->wire;

	if (!l)
		return;
	while (arrives && pass_up(l))
		;
	drop(&l->up);
	drop(&l->down);
	if (server_knows)
		server_hears_of_it(l);
	client_loses(c);
}

static void zombies_die(struct world *w)
{
	for (int i = 0; i < WIRES; i++)
		if (w->wire[i].conn && (!w->wire[i].who || w->wire[i].who->wire != &w->wire[i])) {
			drop(&w->wire[i].up);
			server_hears_of_it(&w->wire[i]);
		}
}

static struct said *say(struct world *w, int by, bool private_, char text[16])
{
	struct said *s;

	if (w->n_said == SAID_MAX)
		return NULL;
	snprintf(text, 16, "m%u", w->n_said);
	s = &w->said[w->n_said++];
	s->by = by;
	s->private_ = private_;
	return s;
}

static void client_says(struct world *w, int i, bool private_)
{
	char text[16];
	struct said *s = w->c[i].over ? NULL : say(w, i, private_, text);

	if (!s)
		return;
	if (private_ ? call_tell(w->c[i].call, w->third_nick, text, NULL, NULL, w->now)
	    : call_say(w->c[i].call, text, NULL, NULL, w->now))
		s->refused = true;
}

static void to_server(struct world *w, const char *text)
{
	if (w->third.conn)
		server_input(w->s, w->third.conn, text, strlen(text), w->now);
}

static void third_says(struct world *w)
{
	char text[16], m[200];

	if (!say(w, CLIENTS, false, text))
		return;
	snprintf(m, sizeof(m), "<message xmlns='jabber:client' type='groupchat' id='x%s' to='r@conference.t'><body>%s</body></message>",
		 text, text);
	to_server(w, m);
}

/* Words that nobody of the three has said. */
static void forge(struct world *w, struct client *c, uint8_t what)
{
	static const char *const words[] = {
		"<a xmlns='urn:xmpp:sm:3' h='%u'/>", "<r xmlns='urn:xmpp:sm:3'/>",
		"<resumed xmlns='urn:xmpp:sm:3' h='%u' previd='x'/>", "<failed xmlns='urn:xmpp:sm:3' h='%u'/>",
		"<enabled xmlns='urn:xmpp:sm:3' id='y%u' resume='true' max='1'/>", "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
		"<resume xmlns='urn:xmpp:sm:3' h='%u' previd='x'/>", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
		"<iq xmlns='jabber:client' type='get' id='%u'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<message xmlns='jabber:client'/>", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='t'/>",
		"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
		"<features xmlns='http://etherx.jabber.org/streams'><sm xmlns='urn:xmpp:sm:3'/></features>",
	};
	char text[300];
	unsigned h = what >> 5 ? (unsigned)(what >> 5) * 3 : 4294967295u;

	/* The words are ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), words[(what & 31) % 13], h);
#pragma GCC diagnostic pop
	if (!c->wire || c->over)
		return;
	if (what & 16)
		call_stream_input(c->call, text, strlen(text), w->now);
	else if (c->wire->conn)
		server_input(w->s, c->wire->conn, text, strlen(text), w->now);
}

static void step(struct world *w, uint8_t b, uint8_t more)
{
	int i = b >> 4 & 1;
	struct client *c = &w->c[i];
	unsigned n = 1 + (b >> 5);

	switch (b & 15) {
	case 0:
	case 1:
		for (; c->wire && n && pass_up(c->wire); n--)
			;
		break;
	case 2:
	case 3:
		for (; c->wire && n && pass_down(c->wire); n--)
			;
		break;
	case 4: pass_time(w, n * STEP_US); break;
	case 5: cut(c, b & 32, b & 64); break;
	case 6: c->down = !c->down; break;
	case 7: zombies_die(w); break;
	case 8: client_says(w, i, false); break;
	case 9: third_says(w); break;
	case 10: client_says(w, i, true); break;
	case 11: run(w, n * INT64_C(1000000)); break;
	case 12: pass_time(w, n * INT64_C(9000000)); break;
	case 13:
		if (b & 32)
			call_retry(c->call, w->now);
		else
			call_network_changed(c->call, b & 64 ? 61000000 : 0, w->now);
		break;
	case 14: call_set_muted(c->call, b & 32, w->now); break;
	case 15:
		if (w->hostile)
			forge(w, c, more);
		break;
	}
	for (int k = 0; k < CLIENTS; k++)
		settle(&w->c[k]);
}

/* ---- beginning and end ---- */

static void third_comes(struct world *w)
{
	struct wire *l = &w->third;

	l->w = w;
	l->conn = server_connect(w->s, l, "192.0.2.2", "h:1", w->now);
	snprintf(w->third_nick, sizeof(w->third_nick), "third");
	to_server(w, "<open xmlns='" NS_FRAMING "' to='t' version='1.0'/>");
	to_server(w, "<auth xmlns='" NS_SASL "' mechanism='ANONYMOUS'/>");
	to_server(w, "<open xmlns='" NS_FRAMING "' to='t' version='1.0'/>");
	to_server(w, "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='" NS_BIND "'/></iq>");
	to_server(w, "<iq xmlns='jabber:client' type='set' id='c' to='focus.t'><conference xmlns='" NS_FOCUS
		  "' room='r@conference.t' machine-uid='m'/></iq>");
	to_server(w, "<presence xmlns='jabber:client' to='r@conference.t/third'><x xmlns='" NS_MUC "'/></presence>");
}

static void begin(struct world *w)
{
	static const struct server_ops sops = { .send = server_sends, .close = server_closes, .admit = server_admits,
		.dismiss = server_dismisses };
	static const struct call_ops cops = { .http = op_http, .stream_open = op_stream_open,
		.stream_send = op_stream_send, .stream_close = op_stream_close, .channel_open = op_channel,
		.channel_send = op_channel_send, .channel_close = op_nothing, .media_start = op_media_start,
		.media_stop = op_nothing, .media_restart = op_media_restart, .media_services = op_media_services };
	struct server_config sc = { .domain = "t", .max_people = 20, .max_rooms = 3, .audio_ssrc = 1000, .video_ssrc = 1001 };

	w->now = INT64_C(1000000000);
	must(!server_new(&w->s, &sc, &sops, w, &easy_bridge, w), "no server");
	third_comes(w);
	for (int i = 0; i < CLIENTS; i++) {
		struct call_config cc = { .url = "http://h:1/r", .name = i ? "Ben" : "Ada", .fingerprint = "AA:BB",
			.seed = 7 + (unsigned)i };

		w->c[i].w = w;
		must(!call_new(&w->c[i].call, &cc, &cops, &w->c[i], on_event, &w->c[i]), "no call");
		call_join(w->c[i].call, w->now);
	}
	run(w, 4000000);
	for (int i = 0; i < CLIENTS; i++)
		must(call_get_state(w->c[i].call) == CALL_JOINED, "not joined");
}

static void judge_one(const struct world *w, const struct said *s)
{
	if (s->by == CLIENTS) {
		for (int i = 0; i < CLIENTS; i++)
			must(w->c[i].over || s->told[i] == 1, "a word of the third one was not told once");
		return;
	}
	must(s->arrived <= 1, "it arrived twice");
	must(s->told[s->by] <= 1, "its speaker was shown it twice");
	if (s->refused || s->not_sent)
		must(!s->arrived, "it was not sent, and arrived");
	else
		must(s->arrived || s->unsure, "it is lost, and nobody was told");
	if (s->arrived && !s->unsure && !w->c[s->by].over)
		must(s->told[s->by] == 1, "it arrived, and its speaker does not see it");
}

/* Pings go now and then; soon after each there is a moment without. */
static bool nothing_waits(struct world *w, int i)
{
	for (int n = 0; n < 300; n++) {
		struct buf b = { 0 };
		bool none;

		call_print(w->c[i].call, &b);
		none = strstr(buf_str(&b), "unacknowledged stanzas 0") != NULL;
		buf_free(&b);
		if (none)
			return true;
		run(w, STEP_US);
	}
	return false;
}

static void judge(struct world *w)
{
	for (unsigned i = 0; i < w->n_said; i++)
		judge_one(w, &w->said[i]);
	for (int i = 0; i < CLIENTS; i++) {
		struct buf b = { 0 };

		if (w->c[i].over)
			continue;
		call_print(w->c[i].call, &b);
		must(call_get_state(w->c[i].call) == CALL_JOINED, buf_str(&b));
		must(strstr(buf_str(&b), "messages queued 0, not confirmed 0, unsure 0"), "messages wait");
		must(strstr(buf_str(&b), "do not add up 0"), "the counters do not agree");
		buf_free(&b);
		must(nothing_waits(w, i), "stanzas wait");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));

	must(w != NULL, "memory");
	log_set_level(LOGL_NONE);
	begin(w);
	w->hostile = size && data[0] & 1;
	for (size_t i = 1; i < size && i < 400; i++) {
		step(w, data[i], i + 1 < size ? data[i + 1] : 0);
		i += w->hostile && (data[i] & 15) == 15;
	}
	for (int i = 0; i < CLIENTS; i++)
		w->c[i].down = false;
	zombies_die(w);
	run(w, 150000000);
	if (!w->hostile)
		judge(w);
	for (int i = 0; i < CLIENTS; i++)
		call_free(&w->c[i].call);
	for (int i = 0; i < WIRES; i++) {
		drop(&w->wire[i].up);
		drop(&w->wire[i].down);
	}
	server_free(&w->s);
	free(w);
	return 0;
}
