/* rooms: base io xmpp rtc call */
/* fuzz_call.c - a core in a room, fed with whatever comes
 *
 * The input is lines; the first byte of each says what it is: a stanza, a
 * message of the bridge channel, an answer by HTTP or to our last request,
 * something that the media or the sockets report, or that time passes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { START_US = 1000000, STEP_US = 700000 };

struct world { struct call *call; char id[64]; };

static void op_http(void *ctx, unsigned tag, const char *m, const char *url, const char *body, const char *b)
{
	(void)ctx, (void)tag, (void)m, (void)url, (void)body, (void)b;
}

static void op_open(void *ctx, const char *url, const char *origin)
{
	(void)ctx, (void)url, (void)origin;
}

/* Keeps the id of our last request, so that answers can be for it. */
static void op_send(void *ctx, const char *text, size_t len)
{
	struct world *w = ctx;
	const char *id = strstr(text, " id=\"");

	(void)len;
	if (id && strstr(text, "<iq ") && (strstr(text, "\"get\"") || strstr(text, "\"set\""))) {
		size_t n = strcspn(id + 5, "\"");

		if (n < sizeof(w->id)) {
			memcpy(w->id, id + 5, n);
			w->id[n] = 0;
		}
	}
}

static void op_close(void *ctx)
{
	(void)ctx;
}

static void op_keepalive(void *ctx, const char *url)
{
	(void)ctx;
	if (strncmp(url, "http", 4))
		abort();
}

static void op_stream_close(void *ctx, bool cut)
{
	(void)cut;
	op_close(ctx);
}

static void op_restart(void *ctx, const struct call_media_restart *r)
{
	(void)ctx;
	if (!r->transport || (r->local_ufrag && strlen(r->local_ufrag) < 4))
		abort();
}

static void op_services(void *ctx, const struct ext_service *v, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		if (!v[i].host)
			abort();
}

static void op_data_open(void *ctx, uint16_t port)
{
	(void)ctx;
	if (!port)
		abort();
}

static void op_media(void *ctx, const struct call_media *m)
{
	(void)ctx;
	/* What media threads rely on. */
	if (!m->sid || !*m->local_ufrag || !*m->offer->transport.ufrag)
		abort();
}

static void on_event(void *ctx, const struct call_event *ev)
{
	struct world *w = ctx;
	struct call_person p;

	if (ev->text && strpbrk(ev->text, "\x1b\x07\r"))
		abort();
	if (ev->type == CALL_EV_KNOCK && (!*ev->text || !*ev->kind || strpbrk(ev->text, "\x1b\x07\r\n") || !ev->why))
		abort();
	if (ev->person && strpbrk(ev->person->name, "\x1b\x07\r\n"))
		abort();
	for (size_t i = 0; call_person(w->call, i, &p); i++)
		if (!p.id || !p.name)
			abort();
}

static void answer(struct world *w, const char *inner, const char *from, int64_t now)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "<iq xmlns='jabber:client' type='result' id='%s'%s%s%s>%s</iq>", w->id,
			 *from ? " from='" : "", from, *from ? "'" : "", inner);

	call_stream_input(w->call, text, (size_t)n, now);
}

static void in(struct world *w, const char *text, int64_t now)
{
	call_stream_input(w->call, text, strlen(text), now);
}

static void join(struct world *w, int64_t now)
{
	static const char js[] = "var config = { hosts: { domain: 'meet.test' }, websocket: 'ws://127.0.0.1/x' };";
	struct call_http_answer a = { .status = 200, .body = js, .len = sizeof(js) - 1, .url = "" };

	call_join(w->call, now);
	call_http_input(w->call, 1, &a, now);
	call_stream_opened(w->call, now);
	in(w, "<features xmlns='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
	   "<mechanism>ANONYMOUS</mechanism></mechanisms></features>", now);
	in(w, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", now);
	in(w, "<features xmlns='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>", now);
	answer(w, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>5c1f0a9e-1@meet.test/r</jid></bind>", "", now);
	/* By request and id the order of ours is conference, disco, services: so all are tried. */
	for (int i = 0; i < 6; i++) {
		char *n = strrchr(w->id, '-');

		if (!n)
			break;
		n[1] = (char)('0' + i);
		answer(w, "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' focusjid='focus@auth.meet.test'/>"
		       "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='component' type='av_moderation' "
		       "name='av.meet.test'/><identity category='component' type='room_metadata' name='md.meet.test'/><identity category='component' "
		       "type='lobbyrooms' name='lobby.meet.test'/></query>",
		       i == 1 ? "focus.meet.test" : "meet.test", now);
	}
	in(w, "<presence xmlns='jabber:client' from='room@conference.meet.test/focus'><x xmlns='http://jabber.org/protocol/muc#user'>"
	   "<item jid='focus@auth.meet.test/focus' role='moderator'/></x></presence>", now);
	in(w, "<presence xmlns='jabber:client' from='room@conference.meet.test/5c1f0a9e'><x xmlns='http://jabber.org/protocol/muc#user'>"
	   "<item jid='5c1f0a9e-1@meet.test/r' role='participant'/><status code='110'/></x></presence>", now);
	if (call_get_state(w->call) != CALL_JOINED)
		abort();        /* or the rest tries nothing */
}

static void line(struct world *w, const char *p, size_t n, int64_t *now)
{
	struct call_http_answer a = { .url = "" };
	char text[400];

	if (!n)
		return;
	switch (*p) {
	case '{':
		call_channel_input(w->call, p, n, *now);
		break;
	case 'H':
		a.status = 200;
		a.body = p + 1;
		a.len = n - 1;
		call_http_input(w->call, 2, &a, *now);
		break;
	case 'T':
		*now += STEP_US * (int64_t)n;
		call_tick(w->call, *now);
		break;
	case 'M':
		call_media_state(w->call, "s", n > 1 ? p[1] % 6 : 2, "", *now);
		break;
	case 'C':
		call_stream_closed(w->call, 7, 0, "", *now);
		break;
	case 'R':
		call_stream_moved(w->call, p + 1, 302, "", *now);
		break;
	case 'L':
		call_set_lobby(w->call, n % 2, NULL, NULL, *now);
		call_admit(w->call, n > 2 ? p + 1 : NULL, NULL, NULL, *now);
		call_tell(w->call, p + 1, "x", NULL, NULL, *now);
		call_deny(w->call, p + 1, NULL, NULL, *now);
		break;
	case 'K':
		call_keepalive_input(w->call, n > 1 ? 200 : 0, p + 1, *now);
		break;
	case 'P':
		call_set_password(w->call, p + 1, *now);
		break;
	case 'A':               /* our last request is answered */
		if (n < 500)
			answer(w, p + 1, n % 2 ? "room@conference.meet.test/focus" : "meet.test", *now);
		break;
	case 'J':               /* and the room takes us, or not */
		snprintf(text, sizeof(text), "<presence xmlns='jabber:client' from='room@conference.meet.test/5c1f0a9e'%s",
			 n % 2 ? "><x xmlns='http://jabber.org/protocol/muc#user'><item jid='5c1f0a9e-1@meet.test/r' "
			 "role='participant'/><status code='110'/></x></presence>" : " type='error'><error type='auth'>"
			 "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>");
		in(w, text, *now);
		break;
	case 'O':
		call_stream_opened(w->call, *now);
		call_channel_opened(w->call, *now);
		break;
	case 'U':
		call_set_muted(w->call, n % 2, *now);
		call_say(w->call, "x", NULL, NULL, *now);
		break;
	default:
		call_stream_input(w->call, p, n, *now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct call_ops ops = {
		op_http, op_open, op_send, op_stream_close, op_open, op_send, op_close, op_media, op_close, op_restart, op_services,
		op_data_open, op_send, op_close, op_keepalive
	};
	struct call_config cfg = { .url = "http://127.0.0.1/room", .name = "x", .fingerprint = "AA", .seed = 1, .patient = true };
	struct world w = { 0 };
	int64_t now = START_US;
	char *copy, *p, *nl;

	if (call_new(&w.call, &cfg, &ops, &w, on_event, &w))
		abort();
	join(&w, now);
	copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	copy[size] = 0;
	for (p = copy; p < copy + size; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(copy + size - p));
		if (!nl)
			nl = copy + size;
		*nl = 0;
		line(&w, p, (size_t)(nl - p), &now);
	}
	call_tick(w.call, now + STEP_US);
	call_free(&w.call);
	free(copy);
	return 0;
}
