/* jingle.h - session negotiation with the focus (XEP-0166, 0167, 0176, 0320,
 * 0338, 0339 and Jitsi's additions): parser and writer for both ends */
#ifndef XMPP_JINGLE_H
#define XMPP_JINGLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xmpp/source.h"
#include "xmpp/xml.h"

enum jingle_action {
	JINGLE_INITIATE, JINGLE_ACCEPT, JINGLE_TERMINATE, JINGLE_INFO,
	JINGLE_SOURCE_ADD, JINGLE_SOURCE_REMOVE,        /* also addsource, removesource */
	JINGLE_TRANSPORT_INFO, JINGLE_TRANSPORT_REPLACE, JINGLE_TRANSPORT_ACCEPT,
	JINGLE_TRANSPORT_REJECT, JINGLE_CONTENT_MODIFY, JINGLE_UNKNOWN
};

enum {
	JINGLE_CANDIDATES = 32, JINGLE_PAYLOADS = 32, JINGLE_EXTENSIONS = 16, JINGLE_WEBSOCKETS = 4
};

struct jingle_candidate {
	char foundation[33], id[33];
	char ip[64];            /* numeric; candidates with names are left out */
	uint16_t port, rel_port;
	char rel_addr[64];      /* "" if none */
	uint32_t priority;
	char type[8];           /* "host", "srflx", "prflx", "relay" */
	char protocol[8];       /* "udp"; others are left out when parsing */
	unsigned component, generation;
};

struct jingle_payload {
	uint8_t id;
	char name[24];          /* as written: "opus", "VP8", "rtx", "red", "AV1" */
	uint32_t clockrate;
	unsigned channels;      /* 1 where absent */
	uint8_t apt;            /* rtx: the codec it repeats */
	struct { char name[32], value[128]; } param[8];
	size_t params;
	struct { char type[16], subtype[16]; } fb[8];
	size_t fbs;
};

struct jingle_media {           /* the description of one content */
	bool present;           /* there was such a content, or it is to be written */
	char name[32];          /* of the content; "": "audio", "video" */
	char senders[12];       /* "both", "initiator", "responder", "none", …; "": both */
	struct jingle_payload payload[JINGLE_PAYLOADS];
	size_t payloads;
	struct { uint8_t id; char uri[128]; } ext[JINGLE_EXTENSIONS];
	size_t exts;
};

struct jingle_transport {
	bool present;
	char ufrag[257], pwd[257];      /* RFC 8445: up to 256 characters */
	char hash[16];          /* "sha-256" */
	char fingerprint[200];  /* "AB:CD:…" */
	char setup[12];         /* "actpass", "active", "passive" */
	struct jingle_candidate cand[JINGLE_CANDIDATES];
	size_t cands;
	char *websocket[JINGLE_WEBSOCKETS];     /* colibri URLs */
	size_t websockets;
	unsigned sctp_port;     /* 0: no sctpmap */
	unsigned ice_generation; /* 0: none */
};

struct jingle {
	enum jingle_action action;
	char action_text[32];
	char *sid, *initiator, *responder;      /* "" if absent */
	struct jingle_media audio, video;
	bool data;              /* a content of media 'application' */
	struct jingle_transport transport;      /* the first found */
	struct source_set sources; /* JSON and XML alike */
	unsigned bad_sources;   /* left out */
	int initial_last_n;     /* -1: absent, or no limit */
	char *bridge_session;   /* id, "" if absent */
	bool restart;           /* bridge-session restart='true' */
	bool ice_restart;       /* bridge-session ice-restart='true' */
	bool ice_failed;        /* ice-state failed */
	bool startmuted_audio, startmuted_video;
	char reason[32];        /* "success", "decline", …; "" */
	char *reason_text;      /* "" */
};

/* From the <jingle/> element (not the IQ).  -EINVAL: no action or no sid;
 * -ENOMEM.  Unknown elements are ignored, counts bounded. */
int jingle_parse(struct jingle *out, const struct xml *jingle, const char *default_owner);
void jingle_clear(struct jingle *j);    /* frees the strings; zero is cleared */

const struct jingle_payload *jingle_payload_by_name(const struct jingle_media *m, const char *name);
/* The id of an extension, 0 if it is not offered. */
uint8_t jingle_ext_id(const struct jingle_media *m, const char *uri);

/* The whole IQ, type='set', from what j holds.  Contents with description and
 * the full transport: initiate, accept, transport-replace, -accept; sources
 * alone: source-add, -remove; transport alone: transport-info; reason and
 * bridge-session: terminate, info.  json: sources as <json-message/>, else as
 * XML inside the contents.  creator: "initiator" or "responder".  with_owner:
 * ssrc-info in the XML form (the focus's writing).  NULL: out of memory. */
struct xml *jingle_write(const struct jingle *j, const char *to, const char *creator,
			 bool json, bool with_owner);

#define EXT_AUDIO_LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define EXT_ABS_SEND_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
#define EXT_TRANSPORT_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

#endif
