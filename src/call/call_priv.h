/* call_priv.h - what the files of the core share
 *
 *	call.c     its life, ends and new beginnings, inputs, time
 *	command.c  what people ask for
 *	state.c    questions
 *	join.c     config.js, stream, discovery
 *	moves.c    servers that send us to another one
 *	request.c  the conference request, refusals of the room
 *	roster.c   people: presences of the room, our own presence
 *	jingle.c   media sessions with the focus, sources
 *	retry.c    what is done when they fail
 *	outage.c   how long there was no sound, and why
 *	resume.c   a connection that was cut, and taken up again
 *	ice_restart.c  new ways to the same bridge
 *	services.c relays' credentials, before they expire
 *	shard.c    deployments of several servers
 *	talk.c     messages, subject
 *	policy.c   what the room wants of our microphone
 *	channel.c  the bridge channel
 *	source_map.c  whose the bridge's own numbers are
 *	rooms.c    the lobby in front of the room, breakout rooms beside it
 *	door.c     the lobby as moderators see it
 */
#ifndef CALL_CALL_PRIV_H
#define CALL_CALL_PRIV_H
#include <jansson.h>
#include "base/buf.h"
#include "base/clock.h"
#include "call/address.h"
#include "call/call.h"
#include "call/config_js.h"
#include "rtc/colibri.h"
#include "xmpp/chat.h"
#include "xmpp/disco.h"
#include "xmpp/focus.h"
#include "xmpp/jid.h"
#include "xmpp/jingle.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

/* XEP-0115 wants an address that tells programs apart; who hides the program's
 * name looks like any other terminal client. */
#define CAPS_NODE "https://ttymeet.org"
#define CAPS_NODE_PLAIN "https://example.net/console"

enum {
	PEOPLE_MAX = 500, NAME_BYTES = 200,
	QUEUE_MAX = 100,                /* messages that wait to be sent */
	IQ_TIMEOUT_US = 10000000,       /* as the web client's */
	CONFERENCE_TIMEOUT_US = 15000000,
	LEAVE_US = 1000000,             /* for the room's goodbye */
	PRESENCE_GAP_US = 250000,       /* 4 presences a second are a server's limit */
	MESSAGE_GAP_US = 500000, MESSAGE_BURST = 3,     /* 3 messages a second are */
	/* The focus takes a restart every 5 s and 5 a minute. */
	RESTART_GAP_US = 5000000, RESTARTS_A_MINUTE = 5, RESTARTS_MAX = 3,
	REJOINS_MAX = 2,                /* in a row for want of sound; then only now and then */
	BREAKOUTS_MAX = 64, KNOCKERS_MAX = 100, GHOSTS_MAX = 8, SEEN_MAX = 512, EARLY_MAX = 16,
	MOVES_MAX = 3                   /* to other WebSockets, in one attempt */
};

enum phase {
	PHASE_IDLE,
	PHASE_CONFIG,           /* config.js is asked for */
	PHASE_CONNECTING,       /* WebSocket, login */
	PHASE_REQUESTING,       /* bound; the focus is asked */
	PHASE_JOINING,          /* the joining presence is out */
	PHASE_JOINED,
	PHASE_ASKING,           /* the room's password is somebody's to give */
	PHASE_LOBBY,            /* knocked; somebody has to let us in */
	PHASE_WAITING,          /* for the next attempt */
	PHASE_LEAVING,
	PHASE_OVER
};

enum { TAG_CONFIG = 1, TAG_REQUEST = 2 };

struct person_entry {
	struct call_person p;           /* points into the strings */
	char *id, *name, *jid;
	bool stale;                     /* of before a rejoin, not seen again yet */
	bool told;                      /* PERSON_JOINED was */
	bool member;                    /* of the room, or more: need not knock */
};

struct knocker {
	char *id, *name, *jid;          /* nick in the lobby, cleaned, real */
	bool greeted;                   /* knows that we talk to it */
};

struct queued {
	struct queued *next;
	char *to, *id, *text;           /* to NULL: all */
	char *room;                     /* in which it was typed */
	/* once sent: */
	uint64_t number;                /* of the stanza, in its stream */
	uint64_t seen_before;           /* messages that were told before it */
	int64_t sent_us;
	bool slow_told;                 /* that no answer comes */
	bool doubt_told;                /* that our ghost may still say it */
	bool handled;                   /* the server has it for sure */
	bool shown;                     /* private: as said by us, once */
};
struct queue { struct queued *first, *last; unsigned count; };

/* Why there is no sound at the moment; a later one says more than those before. */
enum outage {
	OUTAGE_NONE, OUTAGE_LINE, OUTAGE_RENEWED, OUTAGE_FOCUS, OUTAGE_BRIDGE, OUTAGE_MOVED
};

struct asked;                           /* command.c: commands that wait for an answer */
struct dead_stream { struct dead_stream *next; struct xmpp_stream *stream; };

struct call {
	struct call_ops ops;
	void *ops_ctx;
	void (*event)(void *ctx, const struct call_event *ev);
	void *ctx;

	/* config */
	struct address a;
	struct deployment d;
	bool have_deployment;
	unsigned guess;                 /* next one to try */
	struct buf tried;               /* what was, for people */
	char *name, *email, *password, *jwt, *login_user, *login_password, *fingerprint;
	bool no_mic, relay_only, privacy_version, patient;
	int64_t reconnect_for_us, media_timeout_us;
	uint64_t seed;
	char machine_uid[33], stats_id[20], caps_ver[29];

	/* state */
	enum phase phase;
	enum call_state state;
	bool ever_joined;
	int64_t now_us;                 /* of the input that runs */
	int64_t lost_us, next_try_us, leave_until_us;
	unsigned attempt;

	/* stream and room */
	struct xmpp_stream *stream;
	struct dead_stream *dead;       /* freed once none of their handlers runs */
	unsigned inside;                /* calls of the stream that are under way */
	bool stream_up;
	bool cut;                       /* its socket is gone, it may go on on another one */
	bool fate_known;                /* of all that was sent, while it is dropped */
	unsigned resume_try;
	int64_t resume_at_us;
	struct asked *asked;
	char *nick, *room, *occupant;   /* 5c1f…, room@muc, room@muc/5c1f… */
	char *focus_jid, *focus_occupant; /* bare real JID; NULL until seen in the room */
	char *session_id;
	bool http_request, http_ready, http_asked;
	unsigned request_try, join_try, conflict_try;
	unsigned moves;                 /* to other WebSockets, of this attempt */
	unsigned focus_calls;           /* answers that it comes, since it was seen */
	bool visitors_known;            /* the focus would let visitors in */
	bool host_told;                 /* that the room waits for its host */
	bool left_room;                 /* to come in again: our goodbye is on its way back */
	bool request_dead;              /* the focus let an IQ go unanswered */
	int64_t request_at_us, join_limit_us, joined_us;
	char *metadata_jid, *moderation_jid, *breakout_jid; /* components that we listen to */
	char *main_room;                /* of the meeting; room may be a breakout room of it */
	struct { char *jid, *name; } breakout[BREAKOUTS_MAX]; size_t breakouts;
	char *lobby_me, *lobby_host, *lobby_host_name; /* occupants of the lobby; NULL: not there */
	bool thin;                      /* the line, as we were told */
	bool knocked;
	struct {                        /* what moderators keep */
		char *component;        /* domain of lobbies; NULL: none is announced */
		char *room;             /* the one of our room; NULL */
		char *me;               /* our occupant there; NULL: not there */
		char invite[37];        /* id of the last invitation */
		bool on;                /* the room lets members alone in */
		bool locked;            /* and asks for a password */
		bool want;              /* what we ask for */
		bool asking, again;     /* for the room's description; once more after that */
		struct knocker knocker[KNOCKERS_MAX]; size_t knockers;
	} door;
	bool disco_known;               /* pushed by the server, or answered */
	struct {
		char *name;             /* of the server where we logged in; NULL: not said */
		int64_t at_us;          /* when it is asked for the next time; 0 */
		bool asked;
		unsigned moves;         /* for being on another one, in a row */
	} shard;
	struct { char *from, *json; } early[EARLY_MAX]; unsigned earlies; /* before it was */
	struct { char *jid, *nick; bool here; } ghost[GHOSTS_MAX]; unsigned ghosts; /* who we were before */
	struct ext_service *services; size_t service_count;
	int64_t services_at_us;         /* ask for them again; 0 */
	int64_t services_asked_us;      /* when that was last done; 0 */

	/* ourselves */
	bool muted, self_moderator;
	bool muted_by_focus;            /* it has to be asked before we speak again */
	bool unmuting;                  /* it was */
	bool want_start_muted;          /* the room's metadata says so */
	bool audio_full;                /* more open microphones than the server takes */
	bool moderated;                 /* AV moderation: only who is approved speaks */
	bool was_seated;                /* start-muted policies are for newcomers */
	bool source_told;               /* our source is signalled, SourceInfo may name it */
	int64_t hand_ms;
	bool presence_dirty;
	int64_t presence_sent_us;

	/* people */
	struct person_entry *person[PEOPLE_MAX];
	size_t people;
	struct source_set sources;      /* of the others */
	char *subject;
	bool bridge_down, focus_was_gone, e2ee_told, no_restart;

	/* media */
	char *sid, *bridge_session, *local_ufrag, *local_pwd, *source_name, *msid;
	uint32_t ssrc;
	bool media_running, media_up;
	int64_t media_limit_us;         /* people are told that there is no sound */
	int64_t interrupted_us;         /* no answers: when that becomes a failure */
	int64_t restart_at_us;          /* ask for a new session */
	int64_t bridge_lost_us;         /* the first sign that it may have died; 0 */
	int64_t offer_limit_us;         /* one should have come */
	int64_t media_stop_us;          /* of a session of before a rejoin */
	int64_t focus_gone_us;          /* ask for a focus */
	int64_t restarts_us[RESTARTS_A_MINUTE];
	unsigned restarts, restart_row;
	unsigned rejoin_row;            /* rejoins for want of sound, since there was some */
	int64_t silent_us;              /* since when the sound is away; 0 */
	enum outage outage;             /* and why */
	uint64_t sessions;              /* invitations so far */
	struct {                        /* restarts of ICE in place, of this session */
		unsigned generation;    /* the last applied */
		int64_t limit_us;       /* one is under way, until then; 0 */
		int64_t not_before_us;
		int64_t moved_us;       /* when the network last changed; 0 */
	} ice;
	bool no_media_told;
	char media_why[200];            /* the last failure's words */

	/* channel */
	enum call_channel channel_wish;
	bool rewriting, rewriting_wish, feedback;
	int64_t unnamed_us;             /* rewriting is given up then; 0 */
	char *channel_url[JINGLE_WEBSOCKETS]; /* that were offered */
	unsigned channel_urls, channel_turn;
	uint16_t channel_port;          /* of SCTP; 0: not offered */
	enum channel_form { FORM_NONE, FORM_WEBSOCKET, FORM_DATA } channel_form, channel_next;
	bool channel_open, channel_was_open;
	int64_t channel_at_us;          /* when channel_next is tried */
	int64_t channel_limit_us;       /* SCTP should be open by then */
	unsigned channel_try, channel_403;
	char *speaker;                  /* dominant; "" nobody */

	/* messages */
	struct queue out;               /* wait to be sent */
	struct queue sent;              /* to all and not reflected, or private and not handled */
	struct queue unsure;            /* sent on a connection that is no more */
	uint64_t witness;               /* oldest message told before that the history repeats */
	double tokens;
	int64_t tokens_us, hold_us;     /* after a rejoin: history comes first */
	int64_t doubt_us;               /* and what our ghost may still say, until then */
	uint64_t seen[SEEN_MAX], seens; /* hashes: history repeats itself */

	struct call_counters count;
};

/* call.c */
void call_emit(struct call *c, const struct call_event *ev);
void call_step(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void call_notice(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void call_complain(struct call *c, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void call_set_state(struct call *c, enum call_state s, const char *why);
void call_finish(struct call *c, enum call_end end, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What ends a first attempt, and begins another one of a call that was up. */
void call_lost(struct call *c, enum call_end end, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Drops the stream and joins again, at once. */
void call_rejoin(struct call *c, const char *why);
int64_t call_random_us(struct call *c, int64_t lo_us, int64_t hi_us);
void call_drop_stream(struct call *c);
void call_close_stream(struct call *c);         /* the same with a goodbye */
/* Around everything that may call the stream. */
void call_enter(struct call *c, int64_t now_us);
void call_leave_input(struct call *c);
/* Somebody else muted us; text as notice where it is no person's doing. */
void call_muted_by(struct call *c, const struct person_entry *by, const char *notice);
int call_make_caps(struct call *c);             /* after the features changed */
int call_set(char **dst, const char *src);      /* strdup or the end of the program */

/* command.c */
int call_refuse(const char **kind, char **why, int err, const char *k, const char *words);
int call_may_moderate(const struct call *c, const char **kind, char **why);
/* Sends it; people hear of a refusal, or that no answer came, with these words. */
int call_ask(struct call *c, struct xml *iq, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void commands_dropped(struct call *c);  /* with the stream: nobody answers them any more */

/* join.c */
void join_start(struct call *c);
void join_connect(struct call *c);
void join_again(struct call *c);                /* after a loss */
void join_open_socket(struct call *c);          /* for the stream, cut or new */
void join_elsewhere(struct call *c);            /* the same attempt, at d.websocket as it is now */
void join_forget(struct call *c);               /* what is known of a server */
/* door: the WebSocket itself is not there. */
bool join_guess_failed(struct call *c, bool door, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void join_room_created(struct call *c);
void join_new_nick(struct call *c, const char *jid);
char *join_with_room(const struct call *c, const char *url, bool token); /* new string */
struct disco_identity join_identity(const struct call *c);
enum { JOIN_FEATURES_MAX = 16 };
size_t join_features(const struct call *c, const char **v);     /* of that many */

/* moves.c */
void moves_elsewhere(struct call *c, const char *where); /* what <see-other.../> names */

/* request.c */
void request_send(struct call *c);
void request_begin(struct call *c);             /* on the way into c->room */
void request_by_http(struct call *c);
/* Out of the room and in again on the same connection; without one: call_lost(). */
void request_anew(struct call *c, const char *why);
void request_http_answer(struct call *c, const struct call_http_answer *h);
void join_on_error(struct call *c, const struct xml *presence);
void join_tick(struct call *c);

/* roster.c */
void roster_presence(struct call *c, const struct xml *presence);
void roster_send(struct call *c, bool join);    /* our presence, at once */
void roster_dirty(struct call *c);              /* soon */
void roster_tick(struct call *c);
void roster_clear(struct call *c);
void roster_remember_self(struct call *c);      /* our ghost is not shown to us */
bool roster_was_me(const struct call *c, const char *nick);
bool roster_ghost_here(const struct call *c);   /* who we were is still in the room */
struct person_entry *roster_find(struct call *c, const char *id);
struct person_entry *roster_me(struct call *c);
void roster_changed(struct call *c, struct person_entry *e);
bool roster_is_focus(const struct call *c, const char *from);
size_t roster_others(const struct call *c);

/* jingle.c, retry.c */
bool session_iq(struct call *c, const struct xml *iq, const struct xml *jingle);
void session_drop(struct call *c);              /* forgets it, stops the media */
void session_forget_owner(struct call *c, const char *id);
void session_add_source(struct call *c, const struct source *s);
void session_remove_source(struct call *c, uint32_t ssrc);
void session_tell_owner(struct call *c, const char *id); /* its sources, once it is known */
void session_next(const struct call *c, int64_t *next);
void session_tick(struct call *c);
void session_restart(struct call *c, const char *why);
/* Nothing has come from the bridge since then: it may have died. */
void session_bridge_missed(struct call *c, int64_t since_us);
void session_new_credentials(struct call *c);   /* of ICE, ours */
void session_fill_transport(struct call *c, struct jingle_transport *t,
			    const struct jingle_transport *offer);

/* ice_restart.c */
void ice_restart_begin_session(struct call *c);
/* Asks for one, where that can help; returns when to ask for a new session. */
int64_t ice_restart_interrupted(struct call *c, const char *why);
void ice_restart_transport(struct call *c, const struct jingle_transport *t);
void ice_restart_resumed(struct call *c);       /* the stream was taken up again */
void ice_restart_wanted(struct call *c, const char *why);       /* while the sound is there */
void ice_restart_up(struct call *c);            /* the media is up (again) */
void ice_restart_tick(struct call *c);
void ice_restart_next(const struct call *c, int64_t *next);

/* services.c */
void services_take(struct call *c, struct ext_service *v, size_t count); /* takes v */
void services_ask(struct call *c);
void services_refused(struct call *c);          /* a relay does not take what we have */
void services_pushed(struct call *c, const struct xml *services);
void services_tick(struct call *c);
void services_forget(struct call *c);

/* shard.c */
void shard_login(struct call *c, bool again);   /* logged in, or taken up again */
void shard_gone(struct call *c);                /* the stream is cut or dropped */
void shard_named(struct call *c, const char *name); /* by the server; NULL: it did not */
void shard_tick(struct call *c);
void shard_next(const struct call *c, int64_t *next);

/* outage.c */
void outage_begin(struct call *c, enum outage why);
void outage_end(struct call *c);                /* the sound is back */
void outage_forget(struct call *c);             /* nobody is there to be heard */

/* resume.c */
/* False: the stream cannot be resumed. */
bool resume_begin(struct call *c, const char *why);
void resume_tick(struct call *c);
void resume_done(void *ctx);
void resume_refused(void *ctx, bool exact);
void resume_network(struct call *c, int64_t slept_us);  /* it changed, or we slept */
bool token_check(struct call *c);               /* false: expired, and told */

/* talk.c */
void talk_message(struct call *c, const struct xml *message);
void talk_tick(struct call *c);
int64_t talk_next(const struct call *c);
void talk_clear(struct call *c);
void talk_resumed(struct call *c);              /* the stream says again what did not come */
void talk_rejoined(struct call *c);             /* the history comes, and says what arrived */
void talk_stream_gone(struct call *c);          /* before it is dropped: what of the sent is sure? */
void talk_ended(struct call *c);                /* says what was not sent */

/* rooms.c */
void lobby_knock(struct call *c, const char *lobby);
void lobby_leave(struct call *c);
bool lobby_presence(struct call *c, const struct xml *presence); /* true: it was of the lobby */
bool lobby_message(struct call *c, const struct xml *message, const struct chat_message *m);
bool lobby_say(struct call *c, const char *text);       /* to who talks to us at the door */
/* What both sides of the door do: to one occupant of the lobby (takes j), and
 * what was said there, to people; m has from, name, to, text, mine. */
int lobby_send(struct call *c, const char *to, json_t *j);
void lobby_show(struct call *c, struct call_message m);
void breakout_json(struct call *c, const json_t *j);
void breakout_clear(struct call *c);
/* The breakout room is gone, and everybody goes back. */
bool breakout_closed(struct call *c, const struct muc_presence *p);

/* door.c */
/* anew: the room is asked what it is now. */
void door_look(struct call *c, bool anew);
void door_component(struct call *c, const char *jid);
void door_leave(struct call *c);                /* while there is a stream */
void door_forget(struct call *c);               /* the stream is no more */
bool door_presence(struct call *c, const struct xml *presence); /* true: it was of the lobby */
void door_json(struct call *c, const struct chat_message *m);   /* of somebody in the room, to all */
bool door_refused(struct call *c, const struct chat_message *m);
bool door_message(struct call *c, const struct chat_message *m); /* true: it was said in the lobby */
bool door_has(struct call *c, const char *id);
int door_tell(struct call *c, const char *id, const char *text, const char **kind, char **why);

/* policy.c */
bool policy_iq(struct call *c, const struct xml *iq);
void policy_json(struct call *c, const struct chat_message *m);
void policy_known(struct call *c);              /* the components are, now */
void policy_seated(struct call *c);             /* we are in the room */

/* source_map.c */
void source_map_take(struct call *c, const struct colibri *m);
void source_map_watch(struct call *c);          /* is there a channel to learn them from? */

/* channel.c */
void channel_start(struct call *c, const struct jingle *offer);
void channel_stop(struct call *c);
void channel_tick(struct call *c);
void channel_hurry(struct call *c);             /* the sound is interrupted */
void channel_next(const struct call *c, int64_t *next);

/* A string of a JSON object; "" where there is none. */
static inline const char *json_text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

/* A time that is set, and has come. */
static inline bool is_due(const struct call *c, int64_t at_us)
{
	return at_us && c->now_us >= at_us;
}

static inline void sooner(int64_t *next, int64_t at)
{
	if (at && at < *next)
		*next = at;
}

#endif
