/* chat.h - messages of a room: text, private text, subject, JSON */
#ifndef XMPP_CHAT_H
#define XMPP_CHAT_H
#include <stdbool.h>
#include <stdint.h>
#include "xmpp/xml.h"

enum chat_kind {
	CHAT_NONE,      /* nothing for people */
	CHAT_TEXT,
	CHAT_SUBJECT,   /* text is the subject, "" cleared */
	CHAT_JSON,      /* json is the object's text */
	CHAT_REACTION,  /* text is the emoji, ref the message */
	CHAT_RETRACT,   /* ref */
	CHAT_CONFIG,    /* status 104: ask the room again */
	CHAT_INVITE,    /* mediated invitation; text is the room */
	CHAT_ERROR      /* text is the server's word; ref the id it answers */
};

struct chat_message {           /* text lent from the stanza */
	enum chat_kind kind;
	bool group;             /* groupchat, else private */
	const char *from;       /* full occupant JID, room, or component */
	const char *nick;       /* resource of from, "" if none */
	const char *id;         /* "" if none */
	const char *text;
	const char *json;
	const char *ref;        /* message that is answered, reacted to, retracted; "" */
	const char *display_name; /* server-given name of a sender who is no occupant; NULL */
	bool delayed;           /* history; not what our server only kept for us while we were cut off */
	int64_t stamp_us;       /* wall clock of <delay/>; 0 if none or unreadable */
};

void chat_parse(struct chat_message *out, const struct xml *message);
/* XEP-0082 date-time to wall clock us; 0 if unreadable.  "20020910T23:08:25" of XEP-0091, too. */
int64_t chat_stamp_parse(const char *s);
void chat_stamp_write(char out[32], int64_t wall_us);

/* to: room (group) or occupant JID. */
struct xml *chat_text_new(const char *to, bool group, const char *id, const char *text);
struct xml *chat_json_new(const char *to, bool group, const char *json);

#endif
