/* focus.h - the conference request, as IQ and as JSON over HTTP, both ends */
#ifndef XMPP_FOCUS_H
#define XMPP_FOCUS_H
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "xmpp/xml.h"

struct focus_request {
	char *room;             /* bare MUC JID */
	char *machine_uid;
	char *session_id;       /* NULL */
	char *token;            /* NULL; IQ form only */
	int start_audio_muted, start_video_muted;       /* -1: not sent */
};
struct xml *focus_request_iq(const struct focus_request *r, const char *to);
int focus_request_json(const struct focus_request *r, struct buf *out);
int focus_request_parse_iq(struct focus_request *out, const struct xml *iq);
int focus_request_parse_json(struct focus_request *out, const char *json, size_t len);
void focus_request_clear(struct focus_request *r);

enum focus_error {
	FOCUS_OK,
	FOCUS_NOT_AUTHORIZED,   /* the room does not exist, and we may not open it */
	FOCUS_SESSION_INVALID,  /* forget session-id and ask again */
	FOCUS_RESERVATION,      /* refused for good; text */
	FOCUS_FAILED            /* anything else; text */
};
struct focus_answer {
	enum focus_error error;
	char *text;             /* of an error, "" */
	bool ready;
	char *room;             /* may differ in case */
	char *focus_jid;        /* bare; "" if not said */
	char *session_id, *identity, *vnode;    /* NULL if absent */
	bool authentication;    /* property: accounts are needed to open rooms */
	bool visitors;          /* property: more people may come, as listeners */
};
int focus_answer_parse_iq(struct focus_answer *out, const struct xml *iq);
int focus_answer_parse_json(struct focus_answer *out, int status, const char *body, size_t len);
void focus_answer_clear(struct focus_answer *a);
struct xml *focus_answer_child(const struct focus_answer *a);   /* <conference/> */
int focus_answer_json(const struct focus_answer *a, struct buf *out);

#endif
