/* house.h - the host's core with clients and a bridge that are the test's
 *
 * Time stands until the test moves it.  What a client was sent waits in a
 * list; take_*() look for it and remove it.
 */
#ifndef UNIT_HOST_HOUSE_H
#define UNIT_HOST_HOUSE_H
#include <stdbool.h>
#include "host/server.h"
#include "unit/unit.h"
#include "xmpp/jingle.h"
#include "xmpp/xml.h"

enum { HOUSE_GUESTS = 64, HOUSE_ENDPOINTS = 64 };

struct guest {
	struct house *w;
	struct xmpp_conn *conn;         /* NULL: closed */
	struct channel *channel;
	char jid[300], nick[40];
	char **got; size_t gots;        /* not yet taken */
	bool deaf;                      /* cannot be sent to */
	int code; char reason[64];      /* of the close */
	char sid[20], bridge_session[40], invite_id[20];
	struct jingle offer;            /* the last one */
	bool has_offer;
	char sm_id[32];                 /* of its <enabled/> */
	unsigned stanzas;               /* that came since */
};

struct fake_endpoint {
	unsigned room; char id[40]; uint64_t session;
	struct bridge_endpoint e;
	bool accepted, channel;
	struct source_set sources;
};

struct house {
	struct server *s;
	int64_t now;
	struct guest guest[HOUSE_GUESTS];
	size_t guests;
	struct fake_endpoint ep[HOUSE_ENDPOINTS];
	size_t eps;
	int add_error, accept_error;    /* what the bridge answers */
	unsigned restarts;
	char restart_ufrag[32];         /* of the last answer to one */
	unsigned removed;
	char last_channel_text[256];
	char admitted[64][64];          /* conference/endpoint/password */
	size_t admissions;
	const char *password;           /* set before house_begin() */
	unsigned max_people, max_rooms;
	bool tls;
};

struct house *house_new(void);
void house_begin(struct house *w);      /* called by the first client if need be */
void house_free(struct house *w);
void house_pass(struct house *w, int64_t us);   /* time, with its ticks */
struct fake_endpoint *house_endpoint(struct house *w, const char *id);

struct guest *guest_connect(struct house *w);
struct guest *guest_login(struct house *w);   /* bound */
void say(struct guest *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void guest_die(struct guest *c);              /* its socket is gone */
struct guest *guest_back(struct guest *c);    /* it dies, and is logged in anew, not bound */

/* The first that has all of these words; new string. Fails the test without. */
char *take(struct guest *c, const char *word);
char *take2(struct guest *c, const char *word, const char *word2);
void want(struct guest *c, const char *word);                  /* takes and drops it */
void want2(struct guest *c, const char *word, const char *word2);
void want_none(const struct guest *c, const char *word);
void forget(struct guest *c);                                  /* all that was sent */
struct xml *take_xml(struct guest *c, const char *word);

/* Requests the conference and joins; extra goes into the presence. */
void enter(struct guest *c, const char *room, const char *nick, const char *extra);
/* Answers the focus's question for abilities; NULL: what browsers have. */
void answer_caps(struct guest *c, const char *features);
/* Takes the invitation into c->offer and answers it. */
void take_offer(struct guest *c);
/* Accepts it with these source elements for audio and video; NULL: none. */
void accept_offer(struct guest *c, const char *audio, const char *video);
/* All three, with a microphone of this SSRC. */
void talk(struct guest *c, unsigned long ssrc);
char *source_xml(const char *name, unsigned long ssrc, const char *msid);

#define ROOM "standup@conference.meet.test"
#define BROWSER "http://jitsi.org/json-encoded-sources http://jitsi.org/source-name " \
	"http://jitsi.org/tcc urn:ietf:rfc:4588 urn:xmpp:jingle:apps:rtp:audio urn:xmpp:jingle:apps:rtp:video"

#endif
