/* call_priv.h - what the files of the core share
 *
 *	call.c     commands, ends, timers, questions
 *	join.c     config.js, conference request, stream, entering the room
 *	roster.c   people: presences of the room, our own presence
 *	jingle.c   media sessions with the focus, sources
 *	talk.c     messages, subject, what the room asks of us
 *	channel.c  the bridge channel
 */
#ifndef CALL_CALL_PRIV_H
#define CALL_CALL_PRIV_H
#include "base/buf.h"
#include "base/clock.h"
#include "call/address.h"
#include "call/call.h"
#include "call/config_js.h"
#include "xmpp/chat.h"
#include "xmpp/disco.h"
#include "xmpp/focus.h"
#include "xmpp/jid.h"
#include "xmpp/jingle.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

#define CAPS_NODE "https://ttymeet.org"

enum {
	PEOPLE_MAX = 500,
	QUEUE_MAX = 100,                /* messages that wait to be sent */
	IQ_TIMEOUT_US = 10000000,       /* as the web client's */
	CONFERENCE_TIMEOUT_US = 15000000,
	LEAVE_US = 1000000,             /* for the room's goodbye */
	PRESENCE_GAP_US = 250000,       /* 4 presences a second are a server's limit */
	MESSAGE_GAP_US = 500000, MESSAGE_BURST = 3,     /* 3 messages a second are */
	RESTART_GAP_US = 5000000, RESTARTS_A_MINUTE = 5, RESTARTS_MAX = 3
};

enum phase {
	PHASE_IDLE,
	PHASE_CONFIG,           /* config.js is asked for */
	PHASE_CONNECTING,       /* WebSocket, login */
	PHASE_REQUESTING,       /* bound; the focus is asked */
	PHASE_JOINING,          /* the joining presence is out */
	PHASE_JOINED,
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
};

struct queued { struct queued *next; char *to; char *id; char *text; };

/* A moderator's request that waits for its answer: names it in a complaint. */
enum { ASKED_MAX = 16 };
struct asked { struct call *c; char what[64]; };

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
	bool no_mic, relay_only, privacy_version;
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
	struct xmpp_stream *dead_stream;        /* freed once no handler of it runs */
	bool stream_up;
	char *nick, *room, *occupant;   /* 5c1f…, room@muc, room@muc/5c1f… */
	char *focus_jid, *focus_occupant; /* bare real JID; NULL until seen in the room */
	char *session_id;
	bool http_request, http_ready, http_asked, joined_asked;
	unsigned request_try, join_try, conflict_try;
	int64_t request_at_us, join_at_us, join_limit_us;
	char *metadata_jid;             /* components that we listen to */
	bool pushed_disco;
	struct ext_service *services; size_t service_count;

	/* ourselves */
	bool muted, muted_by_focus, self_moderator, want_start_muted;
	int64_t hand_ms;
	bool presence_dirty;
	int64_t presence_sent_us;

	/* people */
	struct person_entry *person[PEOPLE_MAX];
	size_t people;
	struct source_set sources;      /* of the others */
	char *subject;
	bool bridge_down_told;

	/* media */
	char *sid, *bridge_session, *local_ufrag, *local_pwd, *source_name, *msid;
	uint32_t ssrc;
	bool media_running, media_up;
	int64_t media_limit_us, restart_at_us, media_stop_us, focus_gone_us;
	int64_t restarts_us[RESTARTS_A_MINUTE];
	unsigned restarts, restart_row;
	bool no_media_told, restart_asked;

	/* channel */
	char *channel_url;
	bool channel_open;
	int64_t channel_at_us;
	unsigned channel_try;

	/* messages */
	struct queued *queue, *queue_last;
	unsigned queued;
	double tokens;
	int64_t tokens_us;

	struct asked asked[ASKED_MAX];  /* used in turn; more than an IQ's life of them */
	unsigned next_asked;

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
int64_t call_random_us(struct call *c, int64_t lo_us, int64_t hi_us);
void call_drop_stream(struct call *c);
int call_set(char **dst, const char *src);      /* strdup or the end of the program */

/* join.c */
void join_start(struct call *c);
void join_connect(struct call *c);
void join_tick(struct call *c);
void join_request(struct call *c);
void join_on_error(struct call *c, const struct xml *presence);
bool join_on_pushed(struct call *c, const struct xml *message);
void join_stream_failed(struct call *c, enum xmpp_error why, const char *text);
extern const char *const join_features[];
extern const size_t join_feature_count;

/* roster.c */
void roster_presence(struct call *c, const struct xml *presence);
void roster_send(struct call *c, bool join);    /* our presence, at once */
void roster_dirty(struct call *c);              /* soon */
void roster_tick(struct call *c);
void roster_clear(struct call *c);
void roster_mark_stale(struct call *c);
struct person_entry *roster_find(struct call *c, const char *id);
struct person_entry *roster_me(struct call *c);
void roster_changed(struct call *c, struct person_entry *e);
bool roster_is_focus(const struct call *c, const char *from);

/* jingle.c */
bool session_iq(struct call *c, const struct xml *iq, const struct xml *jingle);
void session_drop(struct call *c);              /* forgets it, stops the media */
void session_forget_owner(struct call *c, const char *id);
void session_tick(struct call *c);
void session_restart(struct call *c, const char *why);

/* talk.c */
void talk_message(struct call *c, const struct xml *message);
bool talk_iq(struct call *c, const struct xml *iq);
void talk_tick(struct call *c);
int64_t talk_next(const struct call *c);
void talk_clear(struct call *c);

/* channel.c */
void channel_start(struct call *c, const struct jingle *offer);
void channel_stop(struct call *c);
void channel_tick(struct call *c);

static inline void sooner(int64_t *next, int64_t at)
{
	if (at && at < *next)
		*next = at;
}

#endif
