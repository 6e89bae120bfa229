/* rooms: base io xmpp rtc call host */
/* long.c - eight hours of a call of five, time passed in, all in one thread
 *
 *	call core x 5 <-- text, queued --> host's signalling core
 *	    peer x 5 <-- transport_fake --> host's media core
 *
 * People come, go, mute, write, raise hands; connections, channels and media
 * lines are cut, the host is taken down and up again.  At each full hour all
 * come together, everybody has to be in the room and to hear the others, and
 * what the process holds (allocated bytes, resident pages, descriptors) is
 * printed: it has to stay flat from the second hour on.
 *
 * LONG_HOURS (8), LONG_SEED.
 */
#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "call/call.h"
#include "host/forward.h"
#include "host/server.h"
#include "io/net.h"
#include "rtc/peer.h"

enum {
	PEOPLE = 5, STEP_US = 20000, FRAME = 960, SEC = 1000000,
	LINES = 64,             /* media lines at once, those of old sessions included */
	SETTLE_S = 90,          /* before each look */
	DEAF_S = 20             /* how long everybody is listened to */
};

/* ---- the world ---- */

struct note {                   /* something that happens at the next step */
	struct note *next;
	enum { TO_SERVER, TO_CLIENT, OPENED, CLOSED, GONE, HTTP } what;
	struct link *link;
	unsigned tag;
	int code;
	char *text;
};

struct link {                   /* a socket between one client and the host */
	struct link *next;
	struct person *p;       /* NULL: the client has dropped it */
	bool channel, dead;     /* dead: the host does not know it (any more) */
	struct xmpp_conn *conn;
	struct channel *ch;
	int64_t found_us;       /* when the host's pings find that nobody is there; 0 */
};

/* A media line.  What its two users hold are wrappers, so that it is known when they let go. */
struct line {
	struct wire { struct transport base; struct transport *inner; struct line *line; } bridge, client;
	char ufrag[16];                 /* the bridge's; "" free */
	struct person *p;               /* who has the client's end */
};

struct person {
	struct world *w;
	char name[16];
	struct call *call;
	struct link *stream, *channel;
	struct dtls_cert *cert;
	struct peer *peer;
	char ufrag[16], sid[64];        /* of the line that is made next; of the session that runs */
	uint32_t ssrc;
	int state;                      /* of the peer */
	int64_t away_until, tick_us;
	bool leaving, talks, was_in;
	uint64_t heard[PEOPLE], errors;
};

struct event { struct event *next; unsigned room; char id[40]; uint64_t session;
	enum bridge_endpoint_state state; char *text; bool is_state; };

struct world {
	int64_t now, down_until;
	struct server *server;
	struct forward *forward;
	struct dtls_cert *cert;
	struct person person[PEOPLE];
	struct line line[LINES];
	struct link *links;
	struct note *first, **last;
	struct event *events, **events_last;
	uint64_t lot;
	bool quiet;                     /* nothing is done to anybody */
	int64_t quiet_us;               /* when that begins */
	/* what was done */
	unsigned leaves, cuts, channel_cuts, line_cuts, ways, restarts, messages;
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->lot ^= w->lot >> 12;
	w->lot ^= w->lot << 25;
	w->lot ^= w->lot >> 27;
	return (w->lot * 0x2545F4914F6CDD1Dull >> 11) % n;
}

static void die(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
static void die(struct world *w, const char *fmt, ...)
{
	va_list ap;

	printf("FAILED at %.1f s: ", (double)(w->now / 1000) / 1e3);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static void note(struct world *w, int what, struct link *l, unsigned tag, int code, const char *text, size_t len)
{
	struct note *n = calloc(1, sizeof(*n));

	n->what = what;
	n->link = l;
	n->tag = tag;
	n->code = code;
	n->text = strndup(text ? text : "", text ? len : 0);
	*w->last = n;
	w->last = &n->next;
}

static struct link *new_link(struct person *p, bool channel)
{
	struct link *l = calloc(1, sizeof(*l));

	l->p = p;
	l->channel = channel;
	l->next = p->w->links;
	p->w->links = l;
	return l;
}

/* How a client's end goes: in good order, cut, or so that the host finds out a minute later. */
enum end { CLOSED_WELL, CUT, CUT_UNNOTICED };

static void drop_link(struct world *w, struct link **lp, enum end how)
{
	struct link *l = *lp;

	if (!l)
		return;
	*lp = NULL;
	l->p = NULL;
	if (how != CUT_UNNOTICED)
		note(w, GONE, l, 0, how == CLOSED_WELL, NULL, 0);
	else
		l->found_us = w->now + INT64_C(60) * SEC;
}

/* ---- the host's side ---- */

static int server_send(void *ctx, void *link, const char *text, size_t len)
{
	note(ctx, TO_CLIENT, link, 0, 0, text, len);
	return 0;
}

static void server_close(void *ctx, void *link, int code, const char *reason)
{
	struct link *l = link;

	(void)reason;
	l->dead = true;
	l->conn = NULL;
	l->ch = NULL;
	note(ctx, CLOSED, l, 0, code, NULL, 0);
}

static void server_admit(void *ctx, const char *conference, const char *endpoint, const char *password)
{
	(void)ctx, (void)conference, (void)endpoint, (void)password;
}

static void server_dismiss(void *ctx, const char *conference, const char *endpoint)
{
	(void)ctx, (void)conference, (void)endpoint;
}

static void draw_credentials(struct world *w, struct jingle_transport *t)
{
	rng_alnum(t->ufrag, 8);
	rng_alnum(t->pwd, 24);
	t->present = true;
	text_copy(t->hash, sizeof(t->hash), "sha-256");
	text_copy(t->fingerprint, sizeof(t->fingerprint), dtls_cert_fingerprint(w->cert));
	text_copy(t->setup, sizeof(t->setup), "actpass");
}

static int bridge_add_op(void *b, const struct bridge_endpoint *e, struct jingle_transport *t)
{
	struct world *w = b;

	draw_credentials(w, t);
	return forward_add(w->forward, e, t->ufrag, t->pwd, w->now);
}

static int bridge_restart_op(void *b, unsigned room, const char *id, struct jingle_transport *t)
{
	struct world *w = b;

	draw_credentials(w, t);
	return forward_restart(w->forward, room, id, t->ufrag, t->pwd, w->now);
}

static int bridge_restart_accept_op(void *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	struct world *w = b;

	return forward_restart_accept(w->forward, room, id, t);
}

static int bridge_accept_op(void *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	struct world *w = b;

	return forward_accept(w->forward, room, id, t, w->now);
}

static void bridge_sources_op(void *b, unsigned room, const char *id, const struct source_set *s)
{
	struct world *w = b;

	forward_sources(w->forward, room, id, s, w->now);
}

static void bridge_remove_op(void *b, unsigned room, const char *id)
{
	struct world *w = b;

	forward_remove(w->forward, room, id, w->now);
}

static void bridge_open_op(void *b, unsigned room, const char *id)
{
	struct world *w = b;

	forward_channel_open(w->forward, room, id, w->now);
}

static void bridge_input_op(void *b, unsigned room, const char *id, const char *text, size_t len)
{
	struct world *w = b;

	forward_channel_input(w->forward, room, id, text, len, w->now);
}

static void bridge_closed_op(void *b, unsigned room, const char *id)
{
	struct world *w = b;

	forward_channel_closed(w->forward, room, id, w->now);
}

/* ---- media lines ---- */

static struct line *line_of(struct world *w, const char *ufrag)
{
	for (int i = 0; i < LINES; i++)
		if (*ufrag && !strcmp(w->line[i].ufrag, ufrag))
			return &w->line[i];
	return NULL;
}

static int wire_send(struct transport *t, const uint8_t *p, size_t len)
{
	struct wire *x = (struct wire *)t;

	return x->inner ? transport_send(x->inner, p, len) : 0;
}

static void wire_free(struct transport *t)
{
	struct wire *x = (struct wire *)t;
	struct line *l = x->line;

	transport_free(&x->inner);
	if (x == &l->client)
		l->p = NULL;
	else if (!l->p)
		transport_free(&l->client.inner);       /* never taken up */
	if (!l->bridge.inner && !l->client.inner)
		*l->ufrag = 0;
}

static void wire_path(const struct transport *t, char *out, size_t size)
{
	(void)t;
	snprintf(out, size, "fake line");
}

static const struct transport_ops wire_ops = { wire_send, wire_free, wire_path };

static int make_line(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
		     const struct transport_events *ev, void *ev_ctx)
{
	struct world *w = ctx;
	struct transport_fake_line cfg = { .delay_us = 20000, .jitter_us = 10000, .loss = 0.002, .seed = (uint32_t)draw(w, 1 << 30) };
	struct line *l;
	int64_t at;
	int i = 0;

	(void)pwd;
	while (i < LINES && *w->line[i].ufrag)
		i++;
	if (i == LINES)
		die(w, "more media lines than people could have");
	/* Now and then one that breaks later: for some seconds, or for long;
	 * not while all are listened to. */
	at = w->now + (int64_t)(30 + draw(w, 600)) * SEC;
	if (at < w->quiet_us && draw(w, 4) == 0) {
		cfg.down_from_us = at;
		cfg.down_to_us = cfg.down_from_us + (int64_t)(draw(w, 3) ? 1 + draw(w, 8) : 40) * SEC;
		w->line_cuts++;
	}
	l = &w->line[i];
	memset(l, 0, sizeof(*l));
	l->bridge.base.ops = l->client.base.ops = &wire_ops;
	l->bridge.line = l->client.line = l;
	text_copy(l->ufrag, sizeof(l->ufrag), ufrag);
	if (transport_fake_pair(&l->bridge.inner, &l->client.inner, &cfg))
		return -1;
	transport_fake_handlers(l->bridge.inner, ev, ev_ctx);
	*out = &l->bridge.base;
	return 0;
}

static int line_remote(void *ctx, struct transport *t, const char *ufrag, const char *pwd)
{
	(void)ctx, (void)t, (void)ufrag, (void)pwd;
	return 0;
}

/* Checks pass as long as the client's end is there. */
static int64_t line_heard(void *ctx, const struct transport *t)
{
	struct world *w = ctx;

	return ((const struct wire *)t)->line->p ? w->now : 0;
}

static void push_event(struct world *w, unsigned room, const char *id, uint64_t session, bool is_state,
		       enum bridge_endpoint_state state, const char *text, size_t len)
{
	struct event *e = calloc(1, sizeof(*e));

	e->room = room;
	text_copy(e->id, sizeof(e->id), id);
	e->session = session;
	e->is_state = is_state;
	e->state = state;
	e->text = strndup(text, len);
	*w->events_last = e;
	w->events_last = &e->next;
}

static void on_bridge_state(void *ctx, unsigned room, const char *id, uint64_t session,
			    enum bridge_endpoint_state state, const char *why)
{
	push_event(ctx, room, id, session, true, state, why, strlen(why));
}

static void on_bridge_text(void *ctx, unsigned room, const char *id, const char *text, size_t len)
{
	push_event(ctx, room, id, 0, false, 0, text, len);
}

static void host_up(struct world *w)
{
	static const struct server_ops sops = { server_send, server_close, server_admit, server_dismiss };
	static const struct bridge_ops bops = { .add = bridge_add_op, .accept = bridge_accept_op, .restart = bridge_restart_op,
		.restart_accept = bridge_restart_accept_op, .sources = bridge_sources_op, .remove = bridge_remove_op,
		.channel_open = bridge_open_op, .channel_input = bridge_input_op, .channel_closed = bridge_closed_op };
	static const struct forward_ops fops = { make_line, line_remote, line_heard, on_bridge_state, on_bridge_text };
	struct forward_config fcfg = { .cert = w->cert, .audio_ssrc = 0xB0, .video_ssrc = 0xB1 };
	struct server_config scfg = { .domain = "h.example", .max_people = 20, .max_rooms = 10, .audio_ssrc = 0xB0,
		.video_ssrc = 0xB1, .tls = true };

	if (forward_new(&w->forward, &fcfg, &fops, w) || server_new(&w->server, &scfg, &sops, w, &bops, w))
		die(w, "no host");
}

static void drop_events(struct world *w)
{
	while (w->events) {
		struct event *e = w->events;

		w->events = e->next;
		free(e->text);
		free(e);
	}
	w->events_last = &w->events;
}

/* Gone at once, as a machine that loses power. */
static void host_down(struct world *w)
{
	server_free(&w->server);
	forward_free(&w->forward);
	drop_events(w);
	for (struct link *l = w->links; l; l = l->next) {
		l->dead = true;
		l->conn = NULL;
		l->ch = NULL;
		if (l->p)
			note(w, CLOSED, l, 0, 1006, NULL, 0);
	}
	w->down_until = w->now + (int64_t)(5 + draw(w, 60)) * SEC;
	w->restarts++;
}

/* ---- a client's side ---- */

static void op_http(void *ctx, unsigned tag, const char *method, const char *url, const char *body, const char *bearer)
{
	struct person *p = ctx;
	struct link *l = new_link(p, false);

	(void)method, (void)url, (void)bearer;
	l->dead = true;         /* answers once */
	note(p->w, HTTP, l, tag, 0, body, body ? strlen(body) : 0);
}

static void op_stream_open(void *ctx, const char *url, const char *origin)
{
	struct person *p = ctx;

	(void)url, (void)origin;
	drop_link(p->w, &p->stream, CLOSED_WELL);
	p->stream = new_link(p, false);
	note(p->w, OPENED, p->stream, 0, 0, NULL, 0);
}

static void op_stream_send(void *ctx, const char *text, size_t len)
{
	struct person *p = ctx;

	if (p->stream)
		note(p->w, TO_SERVER, p->stream, 0, 0, text, len);
}

static void op_stream_close(void *ctx, bool cut)
{
	struct person *p = ctx;

	drop_link(p->w, &p->stream, cut ? CUT : CLOSED_WELL);
}

static void op_channel_open(void *ctx, const char *url, const char *origin)
{
	struct person *p = ctx;
	const char *path = strstr(url, "/colibri-ws");

	(void)origin;
	drop_link(p->w, &p->channel, CLOSED_WELL);
	p->channel = new_link(p, true);
	note(p->w, OPENED, p->channel, 0, 0, path ? path : "", path ? strlen(path) : 0);
}

static void op_channel_send(void *ctx, const char *text, size_t len)
{
	struct person *p = ctx;

	if (p->channel)
		note(p->w, TO_SERVER, p->channel, 0, 0, text, len);
}

static void op_channel_close(void *ctx)
{
	struct person *p = ctx;

	drop_link(p->w, &p->channel, CLOSED_WELL);
}

static void on_peer_state(void *ctx, enum peer_state state, const char *why)
{
	struct person *p = ctx;

	(void)why;
	p->state = state;
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct person *p = ctx;

	for (int i = 0; i < PEOPLE; i++)
		if (p->w->person[i].ssrc == f->ssrc && p->w->person[i].peer)
			p->heard[i]++;
}

static int make_client_end(void *ctx, struct transport **out, const struct transport_events *ev, void *ev_ctx)
{
	struct person *p = ctx;
	struct line *l = line_of(p->w, p->ufrag);

	if (!l || l->p || !l->client.inner)
		return -1;      /* of a host that is down */
	l->p = p;
	transport_fake_handlers(l->client.inner, ev, ev_ctx);
	*out = &l->client.base;
	return 0;
}

static void end_media(struct person *p)
{
	peer_free(&p->peer);            /* and its ends of lines */
	p->ssrc = 0;
	p->state = -1;
}

static void op_media_stop(void *ctx)
{
	end_media(ctx);
}

static void op_media_start(void *ctx, const struct call_media *m)
{
	static const struct peer_events ev = { .state = on_peer_state, .frame = on_frame };
	struct person *p = ctx;
	const struct jingle_transport *t = &m->offer->transport;
	struct peer_config cfg = { .cert = p->cert, .dtls_client = strcmp(t->setup, "active") != 0, .hash = t->hash,
		.fingerprint = t->fingerprint, .ssrc = m->ssrc, .rtcp_ssrc = m->ssrc, .cname = m->cname, .pt_opus = 111,
		.ext_level = jingle_ext_id(&m->offer->audio, EXT_AUDIO_LEVEL), .first_seq = 1000 };

	end_media(p);
	text_copy(p->ufrag, sizeof(p->ufrag), t->ufrag);
	text_copy(p->sid, sizeof(p->sid), m->sid);
	p->ssrc = m->ssrc;
	p->tick_us = 0;
	p->state = PEER_CONNECTING;
	if (peer_new(&p->peer, &cfg, make_client_end, p, &ev, p)) {
		p->state = PEER_FAILED;
		p->peer = NULL;
	}
}

static void op_media_restart(void *ctx, const struct call_media_restart *r)
{
	struct person *p = ctx;

	if (!p->peer || !r->local_ufrag)
		return;
	text_copy(p->ufrag, sizeof(p->ufrag), r->transport->ufrag);
	peer_try(p->peer, PEER_TRY_DIRECT, make_client_end, p);
	p->tick_us = 0;
	p->w->ways++;
}

static void op_media_services(void *ctx, const struct ext_service *v, size_t count)
{
	(void)ctx, (void)v, (void)count;
}

/* The channel over SCTP is not asked for here (CALL_CHANNEL_WEBSOCKET). */
static void op_data_open(void *ctx, uint16_t port)
{
	(void)port;
	die(((struct person *)ctx)->w, "a data channel is opened");
}

static void op_data_send(void *ctx, const char *text, size_t len)
{
	(void)ctx, (void)text, (void)len;
}

static void op_data_close(void *ctx)
{
	(void)ctx;
}

static void on_call_event(void *ctx, const struct call_event *ev)
{
	struct person *p = ctx;

	if (ev->type == CALL_EV_ERROR)
		p->errors++;
	p->was_in |= ev->type == CALL_EV_JOINED;
	if (ev->type != CALL_EV_ENDED || p->leaving)
		return;
	/* Who comes while the host is down is told so, and comes again. */
	p->leaving = !p->was_in && ev->end == CALL_END_NO_SERVER;
	p->away_until = p->w->now + 10 * SEC;
	if (!p->leaving)
		die(p->w, "%s was put out: %s %s", p->name, ev->kind, ev->text);
}

static void come(struct person *p)
{
	static const struct call_ops ops = { .http = op_http, .stream_open = op_stream_open, .stream_send = op_stream_send,
		.stream_close = op_stream_close, .channel_open = op_channel_open, .channel_send = op_channel_send,
		.channel_close = op_channel_close, .media_start = op_media_start, .media_stop = op_media_stop,
		.media_restart = op_media_restart, .media_services = op_media_services, .data_open = op_data_open,
		.data_send = op_data_send, .data_close = op_data_close };
	struct call_config cfg = { .url = "https://h.example/soak", .name = p->name, .fingerprint = dtls_cert_fingerprint(p->cert),
		.privacy_version = true, .reconnect_for_us = INT64_MAX / 4, .patient = true, .channel = CALL_CHANNEL_WEBSOCKET, .seed = (uint32_t)draw(p->w, 1 << 30) | 1 };

	p->leaving = p->was_in = false;
	p->away_until = 0;
	p->talks = true;
	if (call_new(&p->call, &cfg, &ops, p, on_call_event, p))
		die(p->w, "no call");
	call_join(p->call, p->w->now);
}

static void go(struct person *p)
{
	if (!p->call || p->leaving)
		return;
	p->leaving = true;
	call_leave(p->call, p->w->now);
	p->w->leaves++;
	p->away_until = p->w->now + (int64_t)(5 + draw(p->w, 120)) * SEC;
}

/* ---- what happens at a step ---- */

static void give_client(struct world *w, struct note *n)
{
	struct link *l = n->link;
	struct person *p = l->p;

	if (!p || !p->call)
		return;
	if (n->what == TO_CLIENT && l->channel)
		call_channel_input(p->call, n->text, strlen(n->text), w->now);
	else if (n->what == TO_CLIENT)
		call_stream_input(p->call, n->text, strlen(n->text), w->now);
	else if (l->channel) {
		p->channel = NULL;
		l->p = NULL;
		call_channel_closed(p->call, n->code, n->tag ? 403 : 0, w->now);
	} else {
		p->stream = NULL;
		l->p = NULL;
		call_stream_closed(p->call, n->tag ? NET_REFUSED : NET_CLOSED, 0, "closed", w->now);
	}
}

static void open_link(struct world *w, struct note *n)
{
	struct link *l = n->link;
	char *query;

	if (!l->p)
		return;
	if (w->server && !l->channel) {
		l->conn = server_connect(w->server, l, "192.0.2.1", "h.example", w->now);
	} else if (w->server) {
		query = strchr(n->text, '?');
		if (query)
			*query++ = 0;
		l->ch = server_channel_open(w->server, l, n->text, query ? query : "", w->now);
	}
	l->dead = !l->conn && !l->ch;
	if (l->dead)
		note(w, CLOSED, l, 1, 1006, NULL, 0);
	else if (l->channel)
		call_channel_opened(l->p->call, w->now);
	else
		call_stream_opened(l->p->call, w->now);
}

static void answer_http(struct world *w, struct note *n)
{
	static const char js[] = "var config = { hosts: { domain: 'h.example', muc: 'conference.h.example', focus: 'focus.h.example' },"
		"enableIceRestart: true, websocket: 'wss://h.example/xmpp-websocket', conferenceRequestUrl: '/conference-request/v1' };";
	struct call_http_answer a = { .status = 200, .body = js, .len = sizeof(js) - 1, .url = "https://h.example/config.js",
		.error = "" };
	struct buf b = { 0 };

	if (!n->link->p || !n->link->p->call)
		return;
	if (!w->server) {
		a.status = 0;
		a.refused = true;
		a.error = "refused";
	} else if (*n->text) {
		a.status = server_conference(w->server, "192.0.2.1", n->text, strlen(n->text), &b, w->now);
		a.body = buf_str(&b);
		a.len = b.len;
	}
	call_http_input(n->link->p->call, n->tag, &a, w->now);
	buf_free(&b);
	n->link->p = NULL;
}

static void give_server(struct world *w, struct note *n)
{
	struct link *l = n->link;

	if (l->dead || !w->server)
		return;
	if (n->what == TO_SERVER && l->channel && l->ch)
		server_channel_input(w->server, l->ch, n->text, strlen(n->text), w->now);
	else if (n->what == TO_SERVER && l->conn)
		server_input(w->server, l->conn, n->text, strlen(n->text), w->now);
	else if (n->what == GONE) {
		l->dead = true;
		if (l->ch)
			server_channel_gone(w->server, l->ch, w->now);
		else if (l->conn)
			server_gone(w->server, l->conn, n->code, w->now);
		l->ch = NULL;
		l->conn = NULL;
	}
}

static void run_notes(struct world *w)
{
	struct note *n = w->first;

	w->first = NULL;        /* what these bring about waits for the next step */
	w->last = &w->first;
	while (n) {
		struct note *next = n->next;

		switch (n->what) {
		case TO_CLIENT: case CLOSED: give_client(w, n); break;
		case TO_SERVER: case GONE: give_server(w, n); break;
		case OPENED: open_link(w, n); break;
		case HTTP: answer_http(w, n); break;
		}
		free(n->text);
		free(n);
		n = next;
	}
}

/* Links that neither side knows, once nothing speaks of them any more. */
static void sweep(struct world *w)
{
	for (struct link *l = w->links; l; l = l->next)
		if (l->found_us && w->now >= l->found_us) {
			l->found_us = 0;
			note(w, GONE, l, 0, 0, NULL, 0);
		}
	if (w->first)
		return;
	for (struct link **l = &w->links; *l;) {
		struct link *x = *l;

		if (x->p || !x->dead || x->found_us) {
			l = &x->next;
			continue;
		}
		*l = x->next;
		free(x);
	}
}

static void run_events(struct world *w)
{
	while (w->events) {
		struct event *e = w->events;

		w->events = e->next;
		if (!w->events)
			w->events_last = &w->events;
		if (e->is_state)
			server_bridge_state(w->server, e->room, e->id, e->session, e->state, e->text, w->now);
		else
			server_bridge_send(w->server, e->room, e->id, e->text, strlen(e->text), w->now);
		free(e->text);
		free(e);
	}
}

static void run_person(struct person *p)
{
	struct world *w = p->w;
	uint8_t sound[60];
	int state;

	if (!p->call) {
		if (w->now >= p->away_until)
			come(p);
		return;
	}
	call_tick(p->call, w->now);
	if (p->peer && w->now >= p->tick_us)
		p->tick_us = peer_tick(p->peer, w->now);
	state = p->state;
	if (state >= 0 && *p->sid) {
		static const int none = -2;

		p->state = none;        /* told once */
		call_media_state(p->call, p->sid, state, "", w->now);
		if (p->state == none)
			p->state = -1;
	}
	if (p->peer && p->talks) {
		struct media_packet pkt = { .payload = sound, .len = sizeof(sound), .samples = FRAME, .level = -20, .voice = true };

		memset(sound, 0x78, sizeof(sound));
		peer_send(p->peer, &pkt, w->now);
	} else if (p->peer) {
		peer_skip(p->peer, FRAME);
	}
	if (p->leaving && call_get_state(p->call) == CALL_LEFT)
		call_free(&p->call);
}

static void lines_tick(struct world *w)
{
	for (int i = 0; i < LINES; i++) {
		if (w->line[i].bridge.inner)
			transport_fake_tick(w->line[i].bridge.inner, w->now);
		if (w->line[i].p && w->line[i].client.inner)
			transport_fake_tick(w->line[i].client.inner, w->now);
	}
}

/* ---- what is done to people ---- */

static void act(struct world *w)
{
	struct person *p = &w->person[draw(w, PEOPLE)];

	if (!p->call || p->leaving || call_get_state(p->call) != CALL_JOINED)
		return;
	switch (draw(w, 12)) {
	case 0:
		go(p);
		break;
	case 1: case 2:         /* the socket breaks; the host notices, too, or has to find out */
		if (!p->stream)
			break;
		drop_link(w, &p->stream, draw(w, 2) ? CUT : CUT_UNNOTICED);
		w->cuts++;
		call_stream_closed(p->call, NET_CLOSED, 0, "cut", w->now);
		break;
	case 3:
		if (!p->channel)
			break;
		drop_link(w, &p->channel, CUT);
		w->channel_cuts++;
		call_channel_closed(p->call, 1006, 0, w->now);
		break;
	case 4: case 5:
		call_set_muted(p->call, draw(w, 2), w->now);
		break;
	case 6:
		call_set_hand(p->call, draw(w, 2), w->now);
		break;
	case 7:
		call_set_name(p->call, p->name, w->now);
		break;
	default:
		p->talks = draw(w, 3) == 0;
		call_say(p->call, "something that is written to all", NULL, NULL, w->now);
		w->messages++;
	}
}

static void step(struct world *w)
{
	w->now += STEP_US;
	if (!w->server && w->now >= w->down_until)
		host_up(w);
	run_notes(w);
	lines_tick(w);
	if (w->server) {
		run_events(w);
		if (server_due(w->server) <= w->now)
			server_tick(w->server, w->now);
		forward_tick(w->forward, w->now);
	}
	for (int i = 0; i < PEOPLE; i++)
		run_person(&w->person[i]);
	sweep(w);
	if (w->quiet)
		return;
	if (draw(w, 100) == 0)
		act(w);
	if (w->server && draw(w, 50 * 3600) == 0)       /* once an hour or so */
		host_down(w);
}

static void pass(struct world *w, int64_t us)
{
	for (int64_t end = w->now + us; w->now < end;)
		step(w);
}

/* ---- looking ---- */

struct look { long rss_kib; size_t bytes; unsigned fds; };

static struct look look(void)
{
	struct look l = { 0 };
	FILE *f = fopen("/proc/self/statm", "r");
	DIR *d = opendir("/proc/self/fd");
	long pages = 0;

	if (f && fscanf(f, "%*s %ld", &pages) == 1)
		l.rss_kib = pages * (sysconf(_SC_PAGESIZE) / 1024);
	if (f)
		fclose(f);
	while (d && readdir(d))
		l.fds++;
	if (d)
		closedir(d);
	l.bytes = mallinfo2().uordblks;
	return l;
}

/* All together, and each hears each. */
static void gather(struct world *w)
{
	w->quiet = true;
	if (!w->server)
		w->down_until = w->now;
	pass(w, (int64_t)SETTLE_S * SEC);
	for (int i = 0; i < PEOPLE; i++) {
		struct person *p = &w->person[i];

		if (!p->call)
			p->away_until = w->now;
		p->talks = true;
	}
	pass(w, (int64_t)SETTLE_S * SEC);
	for (int i = 0; i < PEOPLE; i++)
		memset(w->person[i].heard, 0, sizeof(w->person[i].heard));
	pass(w, (int64_t)DEAF_S * SEC);
	for (int i = 0; i < PEOPLE; i++) {
		struct person *p = &w->person[i];

		if (!p->call || call_get_state(p->call) != CALL_JOINED || call_people(p->call) != PEOPLE) {
			struct buf b = { 0 };

			if (p->call)
				call_print(p->call, &b);
			die(w, "%s is not in the room with the others:\n%s", p->name, buf_str(&b));
		}
		for (int k = 0; k < PEOPLE; k++)
			if (k != i && p->heard[k] < (uint64_t)DEAF_S * 50 * 9 / 10) {
				struct buf b = { 0 };

				call_print(p->call, &b);
				call_print(w->person[k].call, &b);
				die(w, "%s heard %llu packets of %s in %d s\n%s", p->name, (unsigned long long)p->heard[k],
				    w->person[k].name, DEAF_S, buf_str(&b));
			}
	}
	w->quiet = false;
}

static void tear_down(struct world *w)
{
	for (int i = 0; i < PEOPLE; i++) {
		call_free(&w->person[i].call);
		end_media(&w->person[i]);
		dtls_cert_free(&w->person[i].cert);
	}
	server_free(&w->server);
	forward_free(&w->forward);
	dtls_cert_free(&w->cert);
}

int main(void)
{
	static struct world world;
	struct world *w = &world;
	int hours = getenv("LONG_HOURS") ? atoi(getenv("LONG_HOURS")) : 8;
	struct look first = { 0 }, now;
	struct call_counters n, sum = { 0 };

	w->now = INT64_C(1000) * SEC;
	w->lot = getenv("LONG_SEED") ? strtoull(getenv("LONG_SEED"), NULL, 10) | 1 : 12345;
	w->last = &w->first;
	w->events_last = &w->events;
	if (dtls_cert_new(&w->cert))
		die(w, "no certificate");
	host_up(w);
	for (int i = 0; i < PEOPLE; i++) {
		w->person[i].w = w;
		w->person[i].state = -1;
		snprintf(w->person[i].name, sizeof(w->person[i].name), "P%d", i);
		if (dtls_cert_new(&w->person[i].cert))
			die(w, "no certificate");
	}
	for (int h = 1; h <= hours; h++) {
		w->quiet_us = w->now + INT64_C(3600) * SEC - (int64_t)(2 * SETTLE_S + DEAF_S) * SEC;
		pass(w, w->quiet_us - w->now);
		gather(w);
		now = look();
		printf("hour %d: %zu KiB allocated, %ld KiB resident, %u descriptors; %u left, %u cuts, %u of channels, "
		       "%u lines to break, %u new ways in place, %u restarts of the host, %u messages\n", h, now.bytes / 1024, now.rss_kib,
		       now.fds, w->leaves, w->cuts, w->channel_cuts, w->line_cuts, w->ways, w->restarts, w->messages);
		fflush(stdout);
		if (h == 2)
			first = now;
		if (h > 2 && (now.bytes > first.bytes + first.bytes / 20 + 65536 || now.fds != first.fds ||
			      now.rss_kib > first.rss_kib + first.rss_kib / 10 + 1024))
			die(w, "it grows: %zu KiB, %ld KiB resident, %u descriptors after two hours", first.bytes / 1024,
			    first.rss_kib, first.fds);
	}
	for (int i = 0; i < PEOPLE; i++) {
		call_counters(w->person[i].call, &n);
		sum.forged += n.forged;
		sum.malformed += n.malformed;
	}
	if (sum.forged || sum.malformed)
		die(w, "%llu forged, %llu malformed", (unsigned long long)sum.forged, (unsigned long long)sum.malformed);
	tear_down(w);
	printf("ok: %d hours of a call of %d, flat\n", hours, PEOPLE);
	return 0;
}
