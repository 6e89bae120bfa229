/* server_priv.h - what the files of the host's signalling share
 *
 *	server.c        connections come and go, time passes, the dead are swept
 *	xmpp_conn.c     one stream: framing, login, binding, rates
 *	xmpp_sm.c       stream management: who loses its socket keeps its seat
 *	service.c       who a stanza is for; what the server itself answers
 *	room.c          a room and its occupants, what they are told
 *	muc.c           presences and messages to a room; muc_admin.c, muc_config.c: its IQs
 *	focus.c         conference requests, invitations, IQs to the focus
 *	offer.c         the invitation itself
 *	session.c       what clients say about their media session
 *	sources.c       who sends what, and who is told
 *	caps.c          what a client can do
 *	channel.c       bridge channels
 *
 * Nothing is freed while stanzas are handled: connections and rooms are
 * marked, and swept when the call that came from outside is over.
 */
#ifndef HOST_SERVER_PRIV_H
#define HOST_SERVER_PRIV_H
#include "host/server.h"
#include "xmpp/sm.h"
#include "xmpp/xml.h"

enum {
	NICK_BYTES = 32,        /* an endpoint id; browsers have 8 */
	ROOM_BYTES = 1023,      /* RFC 7622, 3.3.1: of a localpart */
	DOMAIN_BYTES = 255,
	HISTORY = 20,           /* messages that a newcomer sees */
	SECRET_BYTES = 24,
	CAPS_KEY_BYTES = 255,
	CAPS_CACHED = 256,
	RESTARTS = 5,           /* a minute; server.md 4.13 */
	FAILURES = 3,           /* media sessions in a row that never came up */
	SM_ID_CHARS = 24,       /* of 62: nobody guesses it */
	PAST_STREAMS = 64,      /* of which is known how far they came */
};
#define FIRST_JOIN_US 15000000          /* a room nobody joins ends; 4.14 */
#define ALONE_US 20000000               /* one person needs no session; 4.14 */
#define CAPS_WAIT_US 2000000
#define RESTART_GAP_US 5000000
#define RESTART_WINDOW_US 60000000

/* ---- connections ---- */

enum conn_state { CONN_NEW, CONN_OPEN, CONN_TRUSTED, CONN_BINDING, CONN_BOUND };

struct backlog { struct backlog *next; size_t len; char text[]; };

struct xmpp_conn {
	struct xmpp_conn *next;
	struct server *server;
	void *link;
	char *peer, *authority;
	enum conn_state state;
	char *jid;              /* full, once bound; "" before */
	int64_t since_us;
	struct bucket bucket;
	struct backlog *first, *last;
	size_t backlog, backlog_bytes;
	size_t stanza_bytes;    /* of the one that is handled */
	unsigned refused_logins;
	struct sm *sm;          /* NULL: not enabled */
	char sm_id[SM_ID_CHARS + 1];    /* "": cannot be resumed */
	int64_t asleep_until_us;        /* its socket died, its seats are kept; 0 */
	struct occupant *seat[LIMIT_ROOMS_EACH];
	bool dying;             /* to be swept */
	bool gone;              /* its link is dead already */
	int close_code;
	const char *close_reason;
	const char *leave_text;         /* its rooms are told; NULL */
};

struct past_stream { char id[SM_ID_CHARS + 1]; uint32_t h; };

/* ---- rooms ---- */

enum affiliation { AFF_NONE, AFF_MEMBER, AFF_OWNER };

/* Media session of an occupant with the focus. */
enum session_state {
	SESSION_NONE,           /* not invited yet */
	SESSION_OFFERED,
	SESSION_ACTIVE,
	SESSION_ENDED           /* by the client or for good: until it joins again */
};

enum feature {
	FEATURE_AUDIO = 1, FEATURE_VIDEO = 2, FEATURE_RTX = 4, FEATURE_TCC = 8, FEATURE_JSON = 16,
	FEATURE_SCTP = 32,
	/* What a client that does not say is taken for; server.md 4.4. */
	FEATURE_DEFAULT = FEATURE_AUDIO | FEATURE_VIDEO | FEATURE_RTX | FEATURE_TCC | FEATURE_JSON
};

struct session {
	enum session_state state;
	unsigned features;
	bool features_known;
	char caps_key[CAPS_KEY_BYTES + 1];      /* "node#ver", "" without <c/> */
	char caps_id[20];                       /* of our question, "" if none waits */
	int64_t caps_until_us;
	char sid[15], ended_sid[2][15];
	char bridge_session[37];
	char invite_id[20];
	char password[SECRET_BYTES + 1];        /* of the channel */
	uint64_t number;
	bool was_invited;
	bool client_passive;                    /* in DTLS: the bridge begins */
	unsigned ice_generation;                /* restarts of ICE in place */
	struct source_set own;                  /* sends */
	struct source_set told;                 /* has been signalled */
	int64_t restart_us[RESTARTS];
	unsigned failures;
	struct channel *channel;
};

struct occupant {
	struct occupant *next;
	struct room *room;
	struct xmpp_conn *conn;
	char nick[NICK_BYTES + 1];
	char *jid;                      /* room@muc/nick */
	enum affiliation affiliation;
	struct xml *presence;           /* the last one, as it is relayed, without muc#user */
	struct session session;
};

struct room {
	struct room *next;
	struct server *server;
	unsigned number;                /* towards the bridge */
	char *name, *jid, *focus;       /* localpart, bare JID, JID of the focus in it */
	char meeting_id[37], conference[17];
	int64_t created_us;
	struct occupant *first;         /* in the order of joining */
	unsigned people;
	bool used;                      /* somebody was in it */
	bool closing;                   /* to be swept */
	char *password;                 /* NULL: open */
	char *subject, *subject_from;   /* NULL: none */
	int64_t subject_us;
	struct xml *history[HISTORY];   /* with their <delay/> */
	unsigned history_next;
	int start_audio_muted, start_video_muted; /* -1 */
	int64_t alone_us;               /* since when one person is left with a session; 0 */
	bool bridged;                   /* shown as bridge-count 1 */
	bool bridge_failed;             /* shown as bridgeNotAvailable */
};

struct channel {
	struct channel *next;
	struct occupant *who;
	void *link;
	struct bucket bucket;
};

struct caps_entry { char key[CAPS_KEY_BYTES + 1]; unsigned features; };

struct server {
	struct server_config cfg;
	char *domain, *muc_domain, *focus_domain, *auth_domain, *end_domain;
	char *focus_jid, *focus_full;   /* focus@auth.DOMAIN, .../focus */
	char *password;
	struct server_ops ops;
	void *ctx;
	const struct bridge_ops *bridge_ops;
	void *bridge;
	int64_t now_us, due_us;
	struct xmpp_conn *conns;
	struct room *rooms;
	struct channel *channels;
	struct past_stream past[PAST_STREAMS];
	unsigned past_next;
	struct caps_entry caps[CAPS_CACHED];
	unsigned caps_next;
	unsigned next_room;
	uint64_t next_session;
	bool to_sweep;
	struct server_stats stats;
};

/* Ends the program without memory, like GLib beside it. */
void *host_alloc(size_t size);
void host_set(char **dst, const char *src);
char *host_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- server.c ---- */
void server_due_at(struct server *s, int64_t at_us);
void server_note(struct server *s, enum notice what, const struct xmpp_conn *c);
int64_t server_wall_us(const struct server *s);
bool server_authority_ok(const char *authority);

/* ---- xmpp_conn.c ---- */
struct xmpp_conn *conn_new(struct server *s, void *link, const char *peer, const char *authority);
void conn_free(struct xmpp_conn *c);
void conn_input(struct xmpp_conn *c, const char *text, size_t len);
/* Half-open ones and those that wait for their turn. */
void conn_tick(struct xmpp_conn *c);
int64_t conn_due(const struct xmpp_conn *c);
void conn_send(struct xmpp_conn *c, struct xml *stanza);        /* and frees it */
void conn_write(struct xmpp_conn *c, const struct xml *stanza); /* and keeps it */
void conn_text(struct xmpp_conn *c, const char *text);
void conn_bytes(struct xmpp_conn *c, const char *text, size_t len);
void conn_drop_backlog(struct xmpp_conn *c);
/* Says goodbye and marks it: with condition a stream error goes before. */
void conn_end(struct xmpp_conn *c, const char *condition, const char *why, int code,
	      const char *reason);

/* ---- xmpp_sm.c ---- */
void conn_sm_element(struct xmpp_conn *c, const struct xml *x);
void conn_sm_sent(struct xmpp_conn *c, const char *text, size_t len);
void conn_sm_ask(struct xmpp_conn *c);
/* Its socket died.  False: it is over. */
bool conn_sm_sleep(struct xmpp_conn *c);
void conn_sm_tick(struct xmpp_conn *c);
int64_t conn_sm_due(const struct xmpp_conn *c);

/* ---- service.c ---- */
struct target { char local[ROOM_BYTES + 1], domain[DOMAIN_BYTES + 1], resource[ROOM_BYTES + 1]; };
int target_parse(struct target *t, const char *jid);    /* lower case but the resource; -EINVAL */
bool service_is_muc(const struct server *s, const char *domain);
void service_stanza(struct xmpp_conn *c, struct xml *stanza);
void service_result(struct xmpp_conn *c, const struct xml *iq, struct xml *child);
/* Nothing for what must not be answered. */
void service_error(struct xmpp_conn *c, const struct xml *stanza, const char *type,
		   const char *condition, const char *text);
void service_error_with(struct xmpp_conn *c, const struct xml *stanza, const char *type,
			const char *condition, const char *text, struct xml *inside, struct xml *after);
bool iq_is_request(const struct xml *iq);

/* ---- room.c ---- */
struct room *room_find(struct server *s, const char *jid);
struct room *room_open(struct server *s, const char *name, const char *domain);
void room_free(struct room *r);
void room_tick(struct room *r);
int64_t room_due(const struct room *r);
struct occupant *room_by_nick(const struct room *r, const char *nick);
struct occupant *room_seat(const struct room *r, const struct xmpp_conn *c);
struct occupant *room_add(struct room *r, struct xmpp_conn *c, const char *nick);
/* out: what is broadcast as its last presence; extra goes into <x/>. */
struct leaving {
	const struct xml *presence;     /* of the leaver, NULL */
	const char *status_text;        /* without one */
	int code;                       /* 307, 332; 0 */
	const struct occupant *actor;
	const char *reason;
	bool destroyed;
	const char *destroy_jid;
};
void room_remove(struct occupant *o, const struct leaving *how);
void room_destroy(struct room *r, const char *jid, const char *reason, int code);
void room_to(const struct occupant *o, struct xml *stanza);     /* frees */
void room_to_all(struct room *r, struct xml *stanza);           /* frees */
/* Role or content of o's presence changed: everyone is told, itself last. */
struct showing {
	const struct occupant *o;
	const char *id;                 /* of the presence that it answers, NULL */
	const struct occupant *actor;   /* who gave the role, NULL */
	bool by_focus;                  /* the focus did */
	const char *reason;
};
void room_show(const struct showing *w);
/* To a newcomer, before and after that: who is here, and what was said. */
void room_introduce(struct occupant *o);
void room_recount(struct occupant *o);
struct xml *room_focus_presence(const struct room *r);
void room_show_focus(struct room *r);
void room_remember(struct room *r, const struct xml *message);
void room_set_subject(struct room *r, const char *subject, const char *from);
void room_changed(struct room *r);      /* status 104 to all */
void room_elect(struct room *r);        /* somebody has to be owner */
bool is_moderator(const struct occupant *o);
const char *affiliation_name(enum affiliation a);
const char *role_name(enum affiliation a);

/* ---- muc.c, muc_admin.c, muc_config.c ---- */
void muc_stanza(struct xmpp_conn *c, struct xml *stanza, const struct target *to);
void muc_leave_all(struct xmpp_conn *c, const char *status_text);
void muc_admin(struct occupant *o, const struct xml *iq, const struct xml *query);
void muc_owner(struct occupant *o, const struct xml *iq, const struct xml *query);
void muc_info(struct xmpp_conn *c, const struct xml *iq, const struct room *r);

/* ---- focus.c ---- */
void focus_request(struct xmpp_conn *c, const struct xml *iq);
void focus_iq(struct occupant *o, const struct xml *iq);
void focus_send(struct occupant *o, struct xml *iq, char id[20]);       /* id may be NULL */
void focus_joined(struct occupant *o);
void focus_left(struct occupant *o);
/* Invites who can be; called when anything has changed. */
void focus_invite_all(struct room *r);
void focus_tick(struct room *r);
int64_t focus_due(const struct room *r);
void focus_bridge_state(struct occupant *o, uint64_t session, enum bridge_endpoint_state state,
			const char *why);

/* ---- offer.c ---- */
void offer_send(struct occupant *o);

/* ---- session.c ---- */
void host_session_jingle(struct occupant *o, const struct xml *iq, const struct xml *jingle);
/* Ends the media session of o: bridge, channel, sources.  reason: the client
 * is sent a session-terminate. */
void host_session_end(struct occupant *o, enum session_state then, const char *reason,
		       const char *text);
void host_session_clear(struct session *s);

/* ---- sources.c ---- */
/* New ones in the words of o; NULL if they are good, else why not. */
const char *sources_check(const struct occupant *o, struct source_set *add);
int sources_view(struct source_set *out, const struct occupant *receiver);
/* The XML form names owners by their occupant JIDs. */
int sources_with_jids(struct source_set *s, const struct room *r);
void sources_sync(struct room *r);

/* ---- caps.c ---- */
void caps_begin(struct occupant *o);
/* An answer to our question? */
bool caps_answer(struct occupant *o, const struct xml *iq);
void caps_give_up(struct occupant *o);

/* ---- channel.c ---- */
void channel_close(struct channel *ch, int code, const char *reason);

#endif
