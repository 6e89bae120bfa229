/* muc.h - multi-user chat as Jitsi uses it (XEP-0045): stanzas in and out
 *
 * Parsers fill structs with text lent from the stanza; writers give a new
 * element.  No state: the room itself is `call`'s and `host`'s.
 */
#ifndef XMPP_MUC_H
#define XMPP_MUC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xmpp/source.h"
#include "xmpp/xml.h"

enum muc_role { MUC_ROLE_NONE, MUC_VISITOR, MUC_PARTICIPANT, MUC_MODERATOR };

struct muc_presence {
	const char *from;       /* occupant JID */
	const char *nick;       /* its resource: the endpoint id */
	bool available;
	const char *jid;        /* real JID, NULL if not shown */
	const char *affiliation; /* "owner", "none", …; "" if not said */
	enum muc_role role;
	bool self;              /* status 110 */
	bool created;           /* 201 */
	bool kicked;            /* 307 */
	bool banned;            /* 301 */
	bool removed;           /* 321, 322, 332, 333 */
	const char *actor;      /* nick of who did it, NULL */
	const char *reason;     /* of kick or destroy, "" */
	bool destroyed;
	const char *destroy_jid; /* where to go instead, NULL */
	const char *status_text; /* <status>text</status> of a leaver, "" */
	bool ignore;            /* <ignore xmlns=jitmeet/> */

	const char *display_name; /* <nick/>, NULL if absent */
	struct source_info sources;
	bool has_audiomuted, audiomuted; /* the older form */
	bool has_videomuted, videomuted;
	int64_t hand_ms;        /* raised hand, epoch ms; 0 lowered; 1 = raised, time unknown */
	bool silent;
	bool e2ee;
	/* of the focus's presence */
	bool bridge_down;       /* <bridgeNotAvailable/> */
	const struct xml *properties; /* <conference-properties/>, NULL */
};

/* A presence without type or with type unavailable.  -EINVAL: something else. */
int muc_presence_parse(struct muc_presence *out, const struct xml *presence);
/* Muted by SourceInfo, else by the older form, else (a source nobody named) true. */
bool muc_presence_audio_muted(const struct muc_presence *p);

/* The value of a <property key=…/> of conference-properties; NULL. */
const char *muc_property(const struct xml *properties, const char *key);

enum muc_join_error {
	MUC_JOIN_PASSWORD,      /* not-authorized */
	MUC_JOIN_LOBBY,         /* registration-required */
	MUC_JOIN_NO_ROOM,       /* room creation restricted, room-does-not-exist */
	MUC_JOIN_LOGIN,         /* authentication-required */
	MUC_JOIN_FULL,          /* service-unavailable */
	MUC_JOIN_NAME_REQUIRED, /* displayname-required */
	MUC_JOIN_CONFLICT,
	MUC_JOIN_BANNED,        /* forbidden */
	MUC_JOIN_REFUSED        /* anything else; the text says why */
};
enum muc_join_error muc_join_error_parse(const struct xml *presence, const char **text,
					 const char **lobby_jid);

/* What we show of ourselves; a presence is state, each carries all of it. */
struct muc_self {
	const char *occupant;   /* room@muc/nick */
	bool join;              /* with <x xmlns=muc/>: the joining one only */
	const char *password;   /* NULL */
	const char *billing_id; /* NULL: conference request was no HTTP */
	const char *stats_id;   /* NULL */
	const char *caps_node, *caps_ver;       /* NULL: no <c/> */
	const char *display_name, *email;       /* NULL or "" : left out */
	const char *region;     /* where the server says we are; NULL */
	const char *source_info; /* JSON text */
	bool audio_muted;       /* also written in the older form */
	int64_t hand_ms;        /* 0: no element */
	bool silent;
	bool lobby;             /* of a room that has no sound */
};
struct xml *muc_presence_new(const struct muc_self *self);
struct xml *muc_leave_new(const char *occupant, const char *status);
struct xml *muc_kick_new(const char *room, const char *nick, const char *reason);       /* an IQ */
struct xml *muc_subject_new(const char *room, const char *subject);
/* Audio; an IQ to the focus. */
struct xml *muc_mute_new(const char *focus, const char *occupant, bool mute);

/* Mediated invitations into a members-only room (XEP-0045, 7.8.2). */
struct xml *muc_invite_new(const char *room, const char *id, const char *const *jids, size_t n);
/* An IQ that makes members of bare addresses. */
struct xml *muc_members_new(const char *room, const char *const *jids, size_t n);
/* The room's configuration: is the field in the answer to a question; an IQ
 * that sets one and leaves the rest. */
#define MUC_MEMBERS_ONLY "muc#roomconfig_membersonly"
#define MUC_WHOIS "muc#roomconfig_whois"
bool muc_config_has(const struct xml *answer, const char *var);
struct xml *muc_config_new(const char *room, const char *var, const char *value);

/* The server's side of a presence: <x xmlns=muc#user/> with <item/>. */
struct xml *muc_user_new(const char *affiliation, const char *role, const char *jid);
void muc_user_status(struct xml *x, int code);

#endif
