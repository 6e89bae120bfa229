/* session.h - one call with its sound: what every front end stands on
 *
 * Joins `call` with `audio` and `rtc`, keeps the people, the messages, the
 * volumes by name, and runs the one table of commands.  The full screen, line
 * mode, headless, the control socket and the synthetic guests all use this
 * and nothing below it.  Belongs to the loop thread; the media thread is its
 * own affair.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "io/loop.h"

struct session;
struct settings;

enum session_state {            /* names of interface: idle, connecting, … */
	SESSION_IDLE, SESSION_CONNECTING, SESSION_LOBBY, SESSION_JOINED,
	SESSION_RECONNECTING, SESSION_LEFT
};
enum session_media {
	SESSION_MEDIA_NONE, SESSION_MEDIA_CONNECTING, SESSION_MEDIA_CONNECTED,
	SESSION_MEDIA_INTERRUPTED
};
const char *session_state_name(enum session_state s);
const char *session_media_name(enum session_media m);

/* Strings are cleaned for the terminal and live until the next event. */
struct person {
	const char *id, *name;  /* name is never "": "guest 5c1f" where none was given */
	bool me, moderator, muted, video, screen, talking, interrupted;
	unsigned hand;          /* place in the queue, from 1; 0 not raised */
	int64_t hand_ms;
	int level;              /* dBov, 0 to -127 */
	int64_t talked_us;      /* last time it talked, monotonic; 0 never */
	int volume;             /* per cent */
	double quality;         /* 0..100; -1 unknown */
	bool speaker;           /* dominant */
};

enum message_kind { MESSAGE_CHAT, MESSAGE_ME /* "/me" */, MESSAGE_EVENT /* "· Ben joined" */,
	MESSAGE_INFO /* output of commands */, MESSAGE_ERROR };

struct message {
	enum message_kind kind;
	int64_t time_us;        /* wall clock */
	const char *from;       /* id, "" for our own chrome */
	const char *name;
	const char *to_name;    /* private and mine: the receiver; else "" */
	const char *text;       /* may hold '\n' */
	const char *message_id;
	bool private_, mine, history, mention, failed;
	bool named;             /* our own chrome, and it begins with the name of a person or the room */
	uint64_t serial;        /* rises by one */
};

enum session_event_type {
	SESSION_EV_STATE, SESSION_EV_JOINED, SESSION_EV_LEFT, SESSION_EV_PERSON_JOINED,
	SESSION_EV_PERSON_LEFT, SESSION_EV_PERSON_CHANGED, SESSION_EV_TALKING,
	SESSION_EV_SPEAKER, SESSION_EV_MESSAGE, SESSION_EV_HAND, SESSION_EV_SUBJECT,
	SESSION_EV_MUTED_BY, SESSION_EV_MEDIA, SESSION_EV_DEVICE, SESSION_EV_NOTICE, SESSION_EV_ERROR,
	SESSION_EV_QUEUE,       /* text: what is played, on: something is */
	SESSION_EV_RECORDING,   /* text: the file, on: it begins */
	SESSION_EV_KNOCK        /* text: the name, kind: the id; on: somebody waits in the lobby, else no more */
};

struct session_event {
	enum session_event_type type;
	double time;            /* seconds since the epoch */
	const struct person *person;    /* may be NULL */
	const struct message *message;  /* MESSAGE, NOTICE, ERROR */
	const char *text;       /* reason, subject, notice */
	const char *kind;       /* ERROR: machine-readable; DEVICE: "mic", "speaker" */
	bool on;                /* TALKING, DEVICE works */
	bool quiet;             /* was there before us: front ends need not say it */
	int exit_code;          /* LEFT */
};

/* What changed since the last call, for drawing. */
enum session_dirty { DIRTY_PEOPLE = 1, DIRTY_MESSAGES = 2, DIRTY_STATUS = 4, DIRTY_LEVELS = 8 };

/* Several front ends listen at once.  Handlers run from the loop, never
 * inside session_command(); they may call everything here but
 * session_free(). */
struct session_listener {
	void (*event)(void *ctx, const struct session_event *ev);
	void (*changed)(void *ctx, unsigned dirty);     /* either may be NULL */
	void *ctx;
	struct session_listener *next;                  /* the session's */
};

/* settings: lent for the session's life.  Nothing is opened yet. */
int session_new(struct session **out, struct loop *loop, struct settings *settings);
/* Leaves if need be (at most 3 s), stops devices, joins threads. */
void session_free(struct session **s);
void session_listen(struct session *s, struct session_listener *l);
void session_unlisten(struct session *s, struct session_listener *l);

/* Headless runs and those with an end of their own stop when the call is lost
 * for good or no sound path is found; with a person before it, it tries on. */
void session_set_unattended(struct session *s, bool unattended);
/* Where recordings go that have no folder of their own. */
void session_set_record_dir(struct session *s, const char *dir);
/* When the program began (monotonic): first_sound_ms counts from there. */
void session_set_start(struct session *s, int64_t start_us);
/* Folder for the volumes of people by name, kept from call to call. */
void session_set_state_dir(struct session *s, const char *dir);
/* Every signalling message, secrets in it: "in"/"out", "xmpp"/"bridge"/"http". */
void session_set_trace(struct session *s, void (*fn)(void *ctx, const char *dir, const char *ch,
			const char *data, size_t len), void *ctx);

/* url NULL: the last one.  -EINVAL with *why (new string) for a bad address;
 * what fails later is told by events. */
int session_join(struct session *s, const char *url, char **why);
/* Begins to leave; SESSION_EV_LEFT follows. */
void session_leave(struct session *s);
bool session_is_over(const struct session *s);  /* left, or ended for good */
int session_exit_code(const struct session *s);

/* ---- commands: one table, commands.c ---- */

enum command_flags {
	COMMAND_RAW = 1,        /* the rest of the line is one argument, blanks kept */
	COMMAND_NAME = 2,       /* the first argument is a person: Tab completes it */
	COMMAND_CALL = 4,       /* refused where there is no call */
	COMMAND_SECRET = 8,
	COMMAND_KNOCKER = 16    /* the argument is, or may be, somebody who knocks, likewise */
};
struct command {
	const char *name;       /* "mute" */
	const char *alias;      /* "leave" for "quit"; NULL */
	const char *group;      /* "program", "sound", … as in ttymeet(1) */
	const char *usage;      /* "NAME [REASON]" */
	const char *help;       /* one line */
	unsigned min_args, max_args, flags;
	int (*run)(struct session *s, int argc, char **argv, struct buf *text, const char **kind);
};
/* All of them, sorted as /help lists them; *count set. */
const struct command *session_commands(size_t *count);
const struct command *session_command_find(const char *word);
/* Of a line as it is typed ("/volume Ben 80"); NULL: chat, or none of that name. */
const struct command *session_command_of(const char *line);

/* Runs "mute" or "/mute", "volume Ben 80".  text gets what it says (may be
 * several lines).  0, or -errno with *kind ("not-moderator", "usage", …). */
int session_command(struct session *s, const char *line, struct buf *text, const char **kind);
/* What a person typed: a slash command, "//" for a line that begins with a
 * slash, else chat.  The command's output becomes messages (MESSAGE_INFO). */
void session_input(struct session *s, const char *line);
/* Tab: completions of the word that ends at byte `at`; returns a NULL-ended
 * vector of new strings (free each and the vector) and where the word starts. */
char **session_complete(struct session *s, const char *line, size_t at, size_t *start);

/* ---- the picture of the call; lent until the next event ---- */

enum session_state session_get_state(const struct session *s);
enum session_media session_get_media(const struct session *s);
const char *session_url(const struct session *s);       /* "" none */
const char *session_room(const struct session *s);      /* title */
const char *session_host(const struct session *s);
const char *session_subject(const struct session *s);
/* Order of the people pane: who talked in the last 10 s, hands in order, the
 * rest by name, me last; changes at most once a second. */
size_t session_people(const struct session *s);
const struct person *session_person(const struct session *s, size_t i);
const struct person *session_me(const struct session *s);       /* NULL before joining */
/* Who knocks, where you are a moderator; and whether people have to. */
size_t session_knockers(const struct session *s);
bool session_knocker(const struct session *s, size_t i, const char **id, const char **name);
bool session_has_lobby(const struct session *s);
bool session_muted(const struct session *s);
bool session_deaf(const struct session *s);
bool session_has_mic(const struct session *s);
bool session_on_air(const struct session *s);   /* others hear me now */
bool session_insecure(const struct session *s);
const char *session_device_trouble(const struct session *s);    /* "no sound: …" or "" */
int64_t session_retry_us(const struct session *s);      /* until the next attempt; 0 none */
unsigned session_attempt(const struct session *s);

/* Messages are numbered by serial; the oldest are forgotten beyond 5000. */
uint64_t session_first_serial(const struct session *s);
uint64_t session_next_serial(const struct session *s);
const struct message *session_message(const struct session *s, uint64_t serial);
void session_clear_messages(struct session *s);

enum { SESSION_BUDGET_LEAST = 12 };      /* kbit/s: headers alone are 4.3 on IPv4, 5.6 on IPv6 */

struct session_figures {
	double out_kbps, in_kbps;       /* last 5 s, IP and UDP headers counted */
	double rtt_ms;                  /* -1 unknown */
	int64_t joined_us;              /* monotonic; 0 */
	double loss;                    /* of what we send, as the bridge says, 0..1 */
	double loss_down;               /* of what comes to us, over 5 s */
	bool line_bad;                  /* it is too thin, or has a long queue */
	double loss_others;             /* of our sound, at those who listen */
	int budget_kbps;                /* 0: none */
	bool tight;                     /* the budget is less than the call needs */
	bool music;
	bool talks_muted;               /* somebody talks, and nobody hears it */
	int delay_ms;                   /* own share; -1 unknown */
};
void session_figures(const struct session *s, struct session_figures *out);

/* JSON texts of the control socket's methods and events; append to out. */
int session_status_json(struct session *s, struct buf *out);
int session_people_json(struct session *s, struct buf *out);
int session_messages_json(struct session *s, size_t limit, struct buf *out);
int session_stats_json(struct session *s, struct buf *out);
/* {"event":…,"time":…,…} */
int session_event_json(struct session *s, const struct session_event *ev, struct buf *out);
const char *session_event_name(enum session_event_type t);      /* "person-joined" */
/* What is played to the room; false: nothing. */
struct session_playing {
	const char *title;      /* until the next tick */
	int64_t position_s, length_s; /* -1: unknown */
	bool paused;
	unsigned queued;        /* files that come */
};
bool session_playing(const struct session *s, struct session_playing *out);
void session_playing_text(const struct session_playing *p, struct buf *out); /* "3:12/22:40" */
bool session_recording(const struct session *s);
/* Lists devices on a worker; done() gets the JSON text. */
void session_devices(struct session *s, void (*done)(void *ctx, const char *json), void *ctx);

/* For the front end that draws: bytes to the terminal, frames not drawn. */
void session_count_terminal(struct session *s, uint64_t bytes, uint64_t dropped);

#endif
