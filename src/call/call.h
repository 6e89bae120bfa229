/* call.h - one conference: the shared signalling core
 *
 * Commands go in ("join", "say", "mute"), events come out ("joined",
 * "message", "track").  Knows neither screen nor sound, opens no socket and
 * reads no clock: what it needs of the world it asks for through struct
 * call_ops, and whoever did it answers by one of the call_..._input()
 * functions; call/link.h does that with real sockets.  One thread.
 *
 *	idle -> config -> (conference request) -> stream -> request -> muc -> joined
 *	   \-> waiting (reconnect) <- any failure that can pass
 *	closed rooms (no host yet, a password): lobby, until they open or it is given
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "call/address.h"
#include "rtc/transport.h"
#include "xmpp/disco.h"
#include "xmpp/jingle.h"

struct call;

/* ---- what the core asks for ---- */

/* A media session that was accepted; everything lent for the call. */
struct call_media {
	const struct jingle *offer;     /* transport, payloads, extensions, sources */
	const char *local_ufrag, *local_pwd;
	uint32_t ssrc;                  /* own audio source; 0 with no_mic */
	const char *cname;
	bool restarts;                  /* ICE restarts in place can be had */
	bool feedback;                  /* transport-wide, if it is offered */
	const struct ext_service *services; size_t service_count; /* relays by name */
	const char *sid;
};

/* The bridge has new ICE credentials for the running session: a second agent
 * is made beside the first.  local_ufrag NULL: only more candidates for the one
 * in use. */
struct call_media_restart {
	const char *sid;
	const struct jingle_transport *transport;
	const char *local_ufrag, *local_pwd;
};

/* What the media cannot do by itself. */
enum call_want {
	CALL_WANT_SERVERS,      /* a relay refuses the credentials: others */
	CALL_WANT_RESTART       /* another way than the one that works, before that ends */
};

/* Called from inputs, ticks and commands; the answers come later, never from
 * within. */
struct call_ops {
	/* Answers with call_http_input() of the same tag. */
	void (*http)(void *ctx, unsigned tag, const char *method, const char *url,
		     const char *body /* JSON or NULL */, const char *bearer);
	/* XMPP WebSocket; call_stream_opened(), _input(), _closed(). Opening
	 * anew closes the old one. */
	void (*stream_open)(void *ctx, const char *url, const char *origin);
	void (*stream_send)(void *ctx, const char *text, size_t len);
	/* cut: at once and without goodbye, as it is to go on on another one. */
	void (*stream_close)(void *ctx, bool cut);
	/* Bridge channel by WebSocket, likewise. */
	void (*channel_open)(void *ctx, const char *url, const char *origin);
	void (*channel_send)(void *ctx, const char *text, size_t len);
	void (*channel_close)(void *ctx);
	/* Media: call_media_state(). start in place of a running one replaces it. */
	void (*media_start)(void *ctx, const struct call_media *m);
	void (*media_stop)(void *ctx);
	void (*media_restart)(void *ctx, const struct call_media_restart *r);
	/* Relays with fresh credentials, for the next way. */
	void (*media_services)(void *ctx, const struct ext_service *v, size_t count);
	/* Bridge channel by SCTP, inside the media session that runs:
	 * call_data_state(), _input().  Opening anew gives up the old one. */
	void (*data_open)(void *ctx, uint16_t port);
	void (*data_send)(void *ctx, const char *text, size_t len);
	void (*data_close)(void *ctx);
	/* A GET that follows no redirect; call_keepalive_input(). */
	void (*keepalive)(void *ctx, const char *url);
};

/* Which form of the bridge channel is tried first; the other one follows where
 * it is offered and the first does not open. */
enum call_channel {
	CALL_CHANNEL_AUTO,      /* WebSocket, then SCTP */
	CALL_CHANNEL_WEBSOCKET, /* nothing else: SCTP is not asked for */
	CALL_CHANNEL_SCTP       /* SCTP, then WebSocket */
};

/* ---- what it tells ---- */

enum call_state {
	CALL_IDLE, CALL_CONNECTING, CALL_LOBBY, CALL_JOINED, CALL_RECONNECTING, CALL_LEFT
};

/* Also the exit codes of the program. */
enum call_end {
	CALL_END_LEFT = 0, CALL_END_ERROR = 1, CALL_END_USAGE = 2,
	CALL_END_NO_SERVER = 3, CALL_END_TURNED_AWAY = 4, CALL_END_NO_MEDIA = 5,
	CALL_END_LOST = 6
};

struct call_person {            /* lent until the next event */
	const char *id;         /* endpoint id */
	const char *name;       /* cleaned; "" where none was given */
	const char *jid;
	bool moderator, muted, video, screen, hand, me;
	int64_t hand_ms;        /* for the order */
	bool interrupted;       /* the bridge hears nothing of it */
	double quality;         /* 0..100, what it says of itself; -1 unknown */
	double loss;            /* of what comes down to it, 0..1; -1 unknown */
	double rtt_ms, least_rtt_ms;    /* to the bridge and back: now, at best; 0 unknown */
	int64_t loss_us;        /* when it said so */
};

enum call_event_type {
	CALL_EV_STATE,          /* state, text: why */
	CALL_EV_STEP,           /* text: what is being tried, for people */
	CALL_EV_JOINED,         /* me */
	CALL_EV_ENDED,          /* end, kind, text; the call is idle again */
	CALL_EV_PERSON_JOINED, CALL_EV_PERSON_LEFT,
	CALL_EV_PERSON_CHANGED, /* person; text: reason of leaving; quiet: was there when we came */
	CALL_EV_HAND,           /* person: only the hand changed */
	CALL_EV_MESSAGE,        /* message */
	CALL_EV_SUBJECT,        /* text, person may be NULL */
	CALL_EV_MUTED_BY,       /* person (NULL: the focus): we are muted now */
	CALL_EV_SPEAKER,        /* person: dominant speaker */
	CALL_EV_SOURCE,         /* ssrc, person, added */
	CALL_EV_KNOCK,          /* added: somebody waits in the lobby (text: name, kind: id), or has
				 * another name now; else waits no more, why: "admitted", "denied", "left", "" */
	CALL_EV_CHANNEL,        /* bridge channel up (added) or down */
	CALL_EV_NOTICE,         /* text */
	CALL_EV_ERROR           /* kind, text: something that was asked for failed */
};

struct call_message {
	const char *id;         /* "" if none */
	const char *from;       /* endpoint id; "" the room */
	const char *name;       /* cleaned */
	const char *to;         /* private and ours: the receiver's id; else "" */
	const char *text;       /* cleaned, lines kept */
	bool private_, mine, history;
	int64_t time_us;        /* wall clock */
};

struct call_event {
	enum call_event_type type;
	enum call_state state;
	enum call_end end;
	const char *kind;       /* machine-readable, "not-moderator" */
	const char *text;
	const char *why;        /* of KNOCK */
	const struct call_person *person;
	const struct call_message *message;
	uint32_t ssrc;
	bool added, quiet;
};

struct call_config {
	const char *url;                /* room address */
	const char *server;             /* for a bare room name; NULL */
	const char *name, *email;       /* NULL: the address's, else none */
	bool muted, no_mic;
	const char *password, *jwt;     /* secrets, copied and wiped; NULL */
	const char *login_user, *login_password; /* NULL: anonymous */
	const char *fingerprint;        /* of our DTLS certificate, sha-256 */
	bool relay_only;
	bool privacy_version;           /* name and version in caps and presence */
	/* Somebody sits before it: a closed room is waited for, a password asked for. */
	bool patient;
	enum call_channel channel;
	/* The bridge numbers sources anew and says on its channel whose they
	 * are; where the channel does not open, the room is joined without. */
	bool rewriting;
	bool feedback;                  /* when each packet came is told to the bridge */
	int64_t reconnect_for_us;       /* 0: 15 min */
	int64_t media_timeout_us;       /* 0: 30 s */
	uint32_t seed;                  /* of the jitter of waits; 0: random */
};

/* event() is called from inputs, ticks and commands.  It may ask questions
 * (below) but must not call commands, inputs or call_free(). */
int call_new(struct call **out, const struct call_config *cfg, const struct call_ops *ops,
	     void *ops_ctx, void (*event)(void *ctx, const struct call_event *ev), void *ctx);
void call_free(struct call **c);

/* Commands.  0, or -errno with *kind (static) and *why (new string, for
 * people): "not-joined", "not-moderator", "unknown-person". kind, why may be NULL. */
void call_join(struct call *c, int64_t now_us);
/* Leaves properly; CALL_EV_ENDED follows within 1 s. */
void call_leave(struct call *c, int64_t now_us);
int call_set_muted(struct call *c, bool muted, int64_t now_us);
/* Whether the focus was asked to let us speak, and has not answered yet. */
bool call_asks_to_speak(const struct call *c);
int call_set_name(struct call *c, const char *name, int64_t now_us);
/* Of the room: tried at once where one was asked for (CALL_EV_ERROR of kind
 * "password"), else with the next join.  Copied. */
void call_set_password(struct call *c, const char *password, int64_t now_us);
int call_set_hand(struct call *c, bool up, int64_t now_us);
int call_say(struct call *c, const char *text, const char **kind, char **why, int64_t now_us);
int call_tell(struct call *c, const char *id, const char *text, const char **kind, char **why,
	      int64_t now_us);
int call_topic(struct call *c, const char *text, const char **kind, char **why, int64_t now_us);
int call_kick(struct call *c, const char *id, const char *reason, const char **kind, char **why,
	      int64_t now_us);
/* Into a breakout room of the meeting, by its name or its place in the list
 * (from 1); NULL: back into the main room. */
int call_change_room(struct call *c, const char *name, const char **kind, char **why, int64_t now_us);
/* The lobby, for moderators: id as call_knocker() gives it; NULL: all. */
int call_admit(struct call *c, const char *id, const char **kind, char **why, int64_t now_us);
int call_deny(struct call *c, const char *id, const char **kind, char **why, int64_t now_us);
int call_set_lobby(struct call *c, bool on, const char **kind, char **why, int64_t now_us);
int call_mute_other(struct call *c, const char *id, const char **kind, char **why, int64_t now_us);
/* Broadcast figures about our connection (10 s in the web client). */
void call_send_stats(struct call *c, double up_kbps, double down_kbps, double loss_up,
		     double loss_down, double quality, double rtt_ms);

/* Inputs. */
struct call_http_answer {
	int status;             /* 0: none */
	const char *body;
	size_t len;
	const char *url;        /* the last one, after redirects */
	const char *error;      /* why there is no status, for people */
	bool tls, name_error, refused;
};
void call_http_input(struct call *c, unsigned tag, const struct call_http_answer *a,
		     int64_t now_us);
/* status 0: none.  shard: the answer's x-jitsi-shard, "" without one. */
void call_keepalive_input(struct call *c, int status, const char *shard, int64_t now_us);
void call_stream_opened(struct call *c, int64_t now_us);
void call_stream_input(struct call *c, const char *text, size_t len, int64_t now_us);
/* When the other end of that socket acknowledged something last; before each
 * call_tick(), where it is known. */
void call_stream_acked(struct call *c, int64_t acked_us);
/* The line carries less than the call needs: a server that does not answer is
 * waited for as long as its socket acknowledges.  On a good line that is a
 * server, or something before it, that hangs. */
void call_set_thin(struct call *c, bool thin);
void call_stream_closed(struct call *c, int error /* enum net_error */, int status,
			const char *text, int64_t now_us);
/* In place of closed: the server answered the upgrade by a redirect. */
void call_stream_moved(struct call *c, const char *location, int status, const char *text,
		       int64_t now_us);
void call_channel_opened(struct call *c, int64_t now_us);
void call_channel_input(struct call *c, const char *text, size_t len, int64_t now_us);
void call_channel_closed(struct call *c, int code, int status, int64_t now_us);
/* Somebody asks to try again now. */
void call_retry(struct call *c, int64_t now_us);
/* Addresses or routes of this machine changed, or it slept for as long (in
 * time that `now` does not count). */
void call_network_changed(struct call *c, int64_t slept_us, int64_t now_us);
/* over: it does not open again by itself. */
void call_data_state(struct call *c, const char *sid, bool open, bool over, const char *why,
		     int64_t now_us);
void call_data_input(struct call *c, const char *sid, const char *text, size_t len,
		     int64_t now_us);
/* state: enum peer_state of rtc/peer.h.  PEER_CONNECTING with a why: what is
 * being tried, for people. */
void call_media_state(struct call *c, const char *sid, int state, const char *why, int64_t now_us);
/* Where it can be had; else the media finds out when its way ends. */
void call_media_wants(struct call *c, const char *sid, enum call_want want, const char *why,
		      int64_t now_us);

int64_t call_tick(struct call *c, int64_t now_us);

/* Questions; lent until the next input or command. */
enum call_state call_get_state(const struct call *c);
/* We were in the room, and the server has owed us an answer for some seconds. */
bool call_stalls(const struct call *c, int64_t now_us);
size_t call_people(const struct call *c);       /* with me */
bool call_person(const struct call *c, size_t i, struct call_person *out);
bool call_find_person(const struct call *c, const char *id, struct call_person *out);
const char *call_subject(const struct call *c);
/* Names of the breakout rooms, cleaned; NULL past the last one. */
const char *call_breakout_name(const struct call *c, size_t i);
/* Who waits in the lobby, where we moderate; names are cleaned and never "". */
bool call_knocker(const struct call *c, size_t i, const char **id, const char **name);
bool call_is_locked(const struct call *c);      /* a password is asked of whoever comes now */
bool call_has_lobby(const struct call *c);      /* whoever comes now has to knock */
const char *call_room_title(const struct call *c);
const char *call_url(const struct call *c);     /* without secrets */
/* Owner's endpoint id of an audio SSRC; NULL unknown. */
const char *call_source_owner(const struct call *c, uint32_t ssrc);
/* All sources, for i from 0; *owner NULL: no sound, or nobody's.  False: no more. */
bool call_sound(const struct call *c, size_t i, uint32_t *ssrc, const char **owner);
int64_t call_next_try_us(const struct call *c); /* when reconnecting; 0 */
unsigned call_attempt(const struct call *c);

struct call_counters {
	uint64_t forged, malformed, unknown_iq, p2p_declined, rejoined, resumed;
	uint64_t sessions, restarts;    /* invitations taken; new ones that we asked for */
	uint64_t ice_restarts;          /* asked for, in place */
	uint64_t moved, focus_lost;     /* ended by the focus for another bridge; it left */
	uint64_t outages;               /* times without sound that ended */
	int64_t outage_us, longest_outage_us;   /* in all, and the longest */
};
void call_counters(const struct call *c, struct call_counters *out);
/* Prints the whole state for a bug report. */
void call_print(const struct call *c, struct buf *out);

#endif
