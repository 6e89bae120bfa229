/* script.h - a server for the core: by hand, or as a recording has it
 *
 * Plays the world that struct call asks for: answers HTTP, logs the client in,
 * keeps what it sent, and what it told as one line an event:
 *
 *	state joined | joined 5c1f0a9e | person+ 77aa01bc Ada | left 4 password ...
 *
 * Recordings hold one client's view.  Their `in` lines are fed as they are,
 * with ids of our own requests put in; of their `out` lines the script does
 * what that client's user did (mute, say, leave) and waits until ours has sent
 * the same kind of request.
 */
#ifndef UNIT_CALL_SCRIPT_H
#define UNIT_CALL_SCRIPT_H
#include <jansson.h>
#include "base/buf.h"
#include "call/call.h"
#include "unit/unit.h"
#include "xmpp/xml.h"

#define SEC INT64_C(1000000)       /* us */

enum { SENT_MAX = 4000, IDS_MAX = 400 };

struct script {
	struct call *call;
	int64_t now;                    /* us */
	struct buf told, sent_text;     /* events; stanzas */
	/* what the core asked for and has not got yet */
	char *config_url, *request_url, *request_body;
	char *stream_url, *channel_url, *channel_asked, *keepalive_url;
	unsigned keepalives;
	bool stream_up, channel_up, stream_cut;
	unsigned stream_opens, channel_opens, requests, data_opens;
	uint16_t data_port;             /* of the data channel that is wanted; 0: none */
	/* media */
	unsigned media_starts, media_stops, media_restarts, media_services;
	size_t media_candidates;        /* trickled */
	char *restart_ufrag;            /* theirs, of the last restart */
	char *media_sid;
	uint32_t media_ssrc;
	bool media_silent;              /* never comes up */
	bool server_silent;             /* answers nothing */
	bool channel_refused;           /* 403 to whoever dials */
	bool no_url;                    /* invitations name no WebSocket */
	int64_t media_up_at;
	/* stanzas of the core, parsed */
	struct { struct xml *x; bool answered; int64_t at; } sent[SENT_MAX]; size_t sents;
	struct buf channel_text;
	/* recordings */
	struct { char *theirs, *ours; } id[IDS_MAX]; size_t ids;
	int64_t base;
	const char *file;
	const json_t *lines; size_t at; /* what is played, and where */
	bool no_disco;                  /* the server announces no components */
	bool sm;                        /* it has stream management */
	const struct script_watch *watch; /* NULL: a difference fails the test */
	void *watch_ctx;
	const char *config_js;          /* what config.js says; NULL: as meet.test does */
};

/* Somebody who looks on while a recording is played. */
struct script_watch {
	/* After each line, 0-based. */
	void (*line)(void *ctx, size_t n);
	/* Ours did not do what theirs did; the play goes on. */
	void (*differs)(void *ctx, const char *text);
	/* Theirs did something for which there is no command yet. */
	void (*left_out)(void *ctx, const char *text);
};

struct script_config {
	const char *url, *name, *password, *jwt;
	bool muted, no_mic, hide_version, patient, sm, relay_only;
	enum call_channel channel;
	bool rewriting;
	int64_t reconnect_for_us;
};
void script_new(struct script *s, const struct script_config *cfg);
void script_free(struct script *s);

/* Time passes; what is due is done, pings and discovery are answered. */
void script_run(struct script *s, int64_t us);
void script_in(struct script *s, const char *xml);
void script_inf(struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* config.js of meet.test; http: with a conference request URL. */
void script_config(struct script *s, bool http);
void script_config_js(struct script *s, const char *js); /* another one; js lives as long */
/* The WebSocket opens, and the login goes well. */
void script_login(struct script *s, const char *jid);
/* All of a join to room@conference.meet.test with the focus and Ada in it. */
void script_join(struct script *s);
/* The conference is ready.  NULL in both: focus@auth.meet.test. */
void script_ready(struct script *s, const char *focus);
/* The focus is in the room; more: children of its presence. */
void script_focus(struct script *s, const char *jid, const char *more);
/* error: "type='cancel'><gone xmlns='…'/>" */
void script_refuse_join(struct script *s, const char *error);
struct call_counters script_counters(const struct script *s);
/* The focus invites; sid as given, sources as JSON of owners or NULL. */
void script_invite(struct script *s, const char *sid, const char *sources, const char *more);

/* A call that is up with Ada in it; a session of it that is, with its channel. */
void script_up(struct script *s, const struct script_config *cfg);
void script_session(struct script *s, const char *sid, const char *sources);
/* Somebody comes or changes: children of the presence, and of muc#user. */
void script_person(struct script *s, const char *id, const char *inner, const char *item);
void script_gone(struct script *s, const char *id, const char *x);
/* The server's end breaks; it takes us in again under another address, with
 * our ghost still in the room. */
void script_lose(struct script *s);
void script_come_back(struct script *s, const char *jid);
/* The socket that is asked for opens, up to our <resume/>. */
void script_reopen(struct script *s);
/* We ask the focus to end the session. */
bool script_has_terminate(struct script *s);

/* The newest request of ours with such a child that nobody answered; fails the
 * test if there is none. */
const struct xml *script_iq(struct script *s, const char *child, const char *ns);
bool script_has_iq(struct script *s, const char *child, const char *ns);
void script_answer(struct script *s, const char *child, const char *ns, const char *type, const char *inner);
/* The last presence we sent into the room. */
const struct xml *script_presence(struct script *s);
unsigned script_count(struct script *s, const char *name, const char *attr, const char *value);

bool script_was_told(const struct script *s, const char *line);
void assert_told(const struct script *s, const char *line);
void assert_not_told(const struct script *s, const char *line);

/* Lines from to to of a recording (1-based, to 0: all).  The first call joins. */
void script_play(struct script *s, const char *file, unsigned from, unsigned to);
/* The same of lines that were read: an array of objects. */
void script_play_lines(struct script *s, const json_t *lines, unsigned from, unsigned to);
/* The text of one line of a recording; new string. */
char *script_line(const char *file, unsigned line);

#define ROOM "room@conference.meet.test"
#define FOCUS ROOM "/focus"
#define ME "5c1f0a9e-2b7d-4d7c-9a55-0e6f3f6f1b2d@meet.test/Kq3s"

#endif
