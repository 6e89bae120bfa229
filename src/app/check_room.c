/* check_room.c - the doctor, in a room
 *
 * Joins like a listener and takes the time of each step from the signalling as
 * it passes by.  A second visitor makes a conference of it where nobody else is
 * there, and tries the way over the server's relays alone, if it names any: the
 * way out where a firewall drops UDP.  Both are ordinary calls, so what works
 * here works there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/app.h"
#include "app/check.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum {
	MEDIA_WAIT_US = 20000000,       /* UDP first, then each relay */
	SEAT_US = 500000,               /* for the answers to what is asked beside the join */
	SETTLE_US = 1500000             /* one report of the far side: there is a path to show */
};

struct visit {
	struct room_check *room;
	struct session *session;
	struct session_listener listener;
	struct loop_timer *limit;
	bool over;                      /* it has found its way, or waited long enough */
	bool left;
	int64_t start_us, joined_us, media_us;
	int code;
	char why[512];                  /* how it ended */
	char said[512];                 /* the last trouble that it told */
	char relay[512];                /* the last that a TURN relay answered */
	char kind[64];
	char path[128];
};

struct room_check {
	struct loop *loop;
	struct check_report *report;
	struct settings *second;
	const char *url;
	struct visit first, companion;
	struct loop_timer *seat;
	bool seated;
	bool alone, relays;             /* nobody else is there; TURN is offered */
	int64_t http_out_us, http_in_us, ws_us, login_us;
	char bridge[96];                /* "UDP 203.0.113.20:10000" */
};

static void keep(char *to, size_t size, const char *text)
{
	text_copy(to, size, text ? text : "");
}

/* ---- what the signalling tells ---- */

static void copy_attr(char *out, size_t size, const char *text, const char *name)
{
	const char *p = strstr(text, name);

	*out = 0;
	if (p && (p[strlen(name)] == '\'' || p[strlen(name)] == '"'))
		snprintf(out, size, "%.*s", (int)strcspn(p + strlen(name) + 1, "'\""), p + strlen(name) + 1);
}

static void note_bridge(struct room_check *c, const char *data)
{
	const char *cand = strstr(data, "<candidate");
	char ip[64], port[8];

	if (*c->bridge || !cand || !strstr(data, "session-initiate"))
		return;
	copy_attr(ip, sizeof(ip), cand, " ip=");
	copy_attr(port, sizeof(port), cand, " port=");
	if (*ip && !ip[strspn(ip, "0123456789abcdefABCDEF.:")])
		snprintf(c->bridge, sizeof(c->bridge), strchr(ip, ':') ? "UDP [%s]:%.5s" : "UDP %s:%.5s", ip, port);
}

static void on_trace(void *ctx, const char *dir, const char *ch, const char *data, size_t len)
{
	struct room_check *c = ctx;
	bool out = !strcmp(dir, "out"), in = !strcmp(dir, "in");
	int64_t now = clock_now_us();

	(void)len;
	if (!strcmp(ch, "http")) {
		if (out && !c->http_out_us)
			c->http_out_us = now;
		if (in && !c->http_in_us && *data != '0')       /* "200 URL" */
			c->http_in_us = now;
	}
	if (strcmp(ch, "xmpp"))
		return;
	if (out && !c->ws_us)
		c->ws_us = now;
	if (in && !c->login_us && strstr(data, "<jid>"))
		c->login_us = now;
	if (in) {
		note_bridge(c, data);
		c->relays |= strstr(data, "<service ") && (strstr(data, "'turn") || strstr(data, "\"turn"));
	}
}

/* ---- visits ---- */

static void note_path(struct visit *v)
{
	struct buf text = { 0 };
	json_t *j;

	session_stats_json(v->session, &text);
	j = json_loads(buf_str(&text), 0, NULL);
	keep(v->path, sizeof(v->path), json_string_value(json_object_get(j, "path")));
	json_decref(j);
	buf_free(&text);
}

/* Both are there as long as one of them still looks for its way. */
static void step(struct room_check *c)
{
	struct visit *a = &c->first, *b = &c->companion;
	bool a_done = a->over || a->left, b_done = !b->session || b->over || b->left;

	if (!a_done || !b_done || (!c->seated && !a->left))
		return;
	if (!a->left)
		session_leave(a->session);
	if (b->session && !b->left)
		session_leave(b->session);
	if (a->left && (!b->session || b->left))
		loop_quit(c->loop);
}

static void on_limit(void *ctx, int64_t now_us)
{
	struct visit *v = ctx;

	(void)now_us;
	if (v->media_us)
		note_path(v);
	v->over = true;
	step(v->room);
}

static bool visit_begin(struct room_check *c, struct visit *v, const char *name, struct settings *settings);

/* The server's relays are known by now, if it has any. */
static void on_seated(void *ctx, int64_t now_us)
{
	struct room_check *c = ctx;

	(void)now_us;
	c->seated = true;
	c->alone = session_people(c->first.session) < 2;
	if (c->relays)
		settings_set(c->second, "network.relay_only", "on", NULL);
	if (!c->first.left && (c->alone || c->relays))
		visit_begin(c, &c->companion, "ttymeet check, too", c->second);
	step(c);
}

static void on_joined(struct visit *v)
{
	struct room_check *c = v->room;

	v->joined_us = clock_now_us();
	loop_timer_set(v->limit, v->joined_us + MEDIA_WAIT_US);
	if (v == &c->first)
		loop_timer_set(c->seat, v->joined_us + SEAT_US);
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct visit *v = ctx;

	if (ev->type == SESSION_EV_JOINED && !v->joined_us)
		on_joined(v);
	if (ev->type == SESSION_EV_MEDIA && ev->on && !v->media_us) {
		v->media_us = clock_now_us();
		loop_timer_set(v->limit, v->media_us + SETTLE_US);
	}
	if ((ev->type == SESSION_EV_ERROR || ev->type == SESSION_EV_NOTICE) && ev->message)
		keep(v->said, sizeof(v->said), ev->message->text);
	/* "203.0.113.20 over UDP: TURN refused the credentials": a step that
	 * the call only logs, and the very thing to know here. */
	if (ev->type == SESSION_EV_NOTICE && ev->text && strstr(ev->text, "TURN"))
		keep(v->relay, sizeof(v->relay), ev->text);
	if (ev->type == SESSION_EV_LEFT) {
		v->left = true;
		v->code = ev->exit_code;
		keep(v->why, sizeof(v->why), ev->text);
		keep(v->kind, sizeof(v->kind), ev->kind);
		step(v->room);
	}
}

static bool visit_begin(struct room_check *c, struct visit *v, const char *name, struct settings *settings)
{
	char *why = NULL;
	int err;

	v->room = c;
	v->listener = (struct session_listener){ .event = on_event, .ctx = v };
	if (session_new(&v->session, c->loop, settings) || loop_timer_new(&v->limit, c->loop, "check", on_limit, v))
		return false;
	settings_set(settings, "audio.no_mic", "on", NULL);
	settings_set(settings, "audio.speaker", "none", NULL);
	settings_set(settings, "name", name, NULL);
	session_set_unattended(v->session, true);
	if (v == &c->first)
		session_set_trace(v->session, on_trace, c);
	session_listen(v->session, &v->listener);
	v->start_us = clock_now_us();
	if (v == &c->companion)
		loop_timer_set(v->limit, v->start_us + MEDIA_WAIT_US);
	err = session_join(v->session, c->url, &why);
	if (err) {
		v->left = true;
		v->code = EXIT_USAGE;
		keep(v->why, sizeof(v->why), why ? why : strerror(-err));
	}
	free(why);
	return !err;
}

static void visit_clear(struct visit *v)
{
	if (!v->session)
		return;
	session_unlisten(v->session, &v->listener);
	loop_timer_free(&v->limit);
	session_free(&v->session);
}

/* ---- what was found ---- */

static long long ms(int64_t from, int64_t to)
{
	return from && to > from ? (long long)(to - from) / 1000 : 0;
}

/* What the way ended at, and what a person can do about it. */
static void advise_server(const struct room_check *c)
{
	static const struct { const char *kind, *words; } t[] = {
		{ "tls", "Its certificate cannot be trusted from here.  Its owner can renew it; "
		  "--ca-file trusts one of your own." },
		{ "no-jitsi", "Is this the address that you open in a browser?  "
		  "The room's page and this have the same one." },
		{ "login", "Rooms there need an account: --login-file FILE, --jwt-file FILE or ?jwt= in the address." },
		{ "not-authorized", "Somebody with an account has to open the room first, or log in "
		  "yourself: --login-file FILE." },
		{ "protocol", "The server answers, but not as a Jitsi server does." },
		{ "password", "Give it by --password-file FILE or TTYMEET_PASSWORD." },
		{ "no-focus", "The server's conference part (the focus) is down; its owner has to look." },
	};

	check_advice(*c->first.why ? c->first.why : "the server could not be reached");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (!strcmp(c->first.kind, t[i].kind))
			check_advice(t[i].words);
}

static void show_server(struct room_check *c)
{
	const struct visit *v = &c->first;
	struct buf b = { 0 };

	buf_addf(&b, "%s:", session_host(v->session));
	if (c->http_in_us)
		buf_addf(&b, " config.js %lld ms,", ms(c->http_out_us, c->http_in_us));
	if (c->ws_us)
		buf_addf(&b, " WebSocket %lld ms,", ms(c->http_in_us ? c->http_in_us : v->start_us, c->ws_us));
	if (c->login_us)
		buf_addf(&b, " login %lld ms,", ms(c->ws_us, c->login_us));
	if (v->joined_us)
		buf_addf(&b, " room %lld ms", ms(c->login_us, v->joined_us));
	else
		buf_addf(&b, " no further than %s", c->login_us ? "the login" : c->ws_us ? "the WebSocket" :
			 c->http_in_us ? "config.js" : "its name");
	check_row("server", buf_str(&b), v->joined_us ? "good" : "refused");
	buf_free(&b);
	if (!v->joined_us) {
		c->report->faults++;
		advise_server(c);
	}
}

static bool is_relay(const char *path)
{
	return strstr(path, "relay") != NULL;
}

static void show_no_media(struct room_check *c)
{
	const struct visit *a = &c->first, *b = &c->companion;
	struct buf text = { 0 };

	if (c->alone && !b->joined_us) {
		c->report->remarks++;
		check_row("bridge", "nobody else is in the room, so there is no sound path to try", "unknown");
		check_advice("Try again while somebody is there.");
		return;
	}
	c->report->faults++;
	if (*c->bridge)
		buf_addf(&text, "%s: no answer", c->bridge);
	else
		buf_adds(&text, "the focus invites nobody: is its bridge down?");
	check_row("bridge", buf_str(&text), "no sound");
	if (*a->said)
		check_advice(a->said);
	if (*c->bridge && c->relays)
		check_advice("A firewall drops UDP between here and the bridge, and the relays do not help, see below.");
	else if (*c->bridge)
		check_advice("A firewall drops UDP between here and the bridge; the server offers no TURN relay.");
	if (*c->bridge)
		check_advice("Ask for that port, or use a server that offers TURN over TCP or TLS.");
	buf_free(&text);
}

static void show_bridge(struct room_check *c)
{
	const struct visit *a = &c->first;
	struct buf b = { 0 };

	if (!a->media_us) {
		show_no_media(c);
		return;
	}
	if (is_relay(a->path) && *c->bridge)
		buf_addf(&b, "%s: no answer; ", c->bridge);
	buf_addf(&b, "%s, %lld ms after the join", a->path, ms(a->joined_us, a->media_us));
	check_row("bridge", buf_str(&b), is_relay(a->path) ? "slower" : "good");
	buf_free(&b);
	if (is_relay(a->path)) {
		c->report->remarks++;
		check_advice("A firewall on your side drops UDP.  The call works, with more delay.");
	}
}

/* The second visitor went over relays alone. */
static void show_relays(struct room_check *c)
{
	const struct visit *b = &c->companion;
	struct buf text = { 0 };

	if (!c->relays || !b->session || is_relay(c->first.path))
		return;
	if (b->media_us) {
		buf_addf(&text, "%s, %lld ms after the join", b->path, ms(b->joined_us, b->media_us));
		check_row("relay", buf_str(&text), "good");
	} else {
		c->report->remarks++;
		check_row("relay", "the server's TURN relays do not work from here", "no help");
		check_advice(*b->relay ? b->relay : *b->said ? b->said : *b->why ? b->why : "no relay answers");
		check_advice("Without UDP to the bridge there would be no sound.");
	}
	buf_free(&text);
}

int check_room(struct check_report *r, struct settings *settings, struct settings *second, const char *url)
{
	struct room_check c = { .report = r, .second = second, .url = url };
	int code;

	if (loop_new(&c.loop, "main") || loop_timer_new(&c.seat, c.loop, "check", on_seated, &c))
		return app_fail(EXIT_OTHER, "out of memory");
	if (visit_begin(&c, &c.first, "ttymeet check", settings)) {
		loop_run(c.loop);
		show_server(&c);
		if (c.first.joined_us) {
			show_bridge(&c);
			show_relays(&c);
		}
	} else {
		r->faults++;
		check_row("address", c.first.why, "wrong");
	}
	code = c.first.code;
	if (!code && c.first.joined_us && !c.first.media_us && r->faults)
		code = EXIT_NO_MEDIA;
	visit_clear(&c.companion);
	visit_clear(&c.first);
	loop_timer_free(&c.seat);
	loop_free(&c.loop);
	return code;
}
