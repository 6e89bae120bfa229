/* stream_priv.h - what the files of the client's stream share
 *
 *	stream.c        its life, stanzas in and out, IQs that wait, time
 *	stream_login.c  from <open/> to bound, or to resumed
 *	stream_ping.c   is the server still there
 *
 *	CLOSED -> OPENING -> AUTH -> REOPENING -> BINDING -> ENABLING -> READY
 *	             ^                       \-> RESUMING ------------->   |
 *	            CUT <--------------------------------------------------/
 */
#ifndef XMPP_STREAM_PRIV_H
#define XMPP_STREAM_PRIV_H
#include "xmpp/sm.h"
#include "xmpp/stream.h"

enum phase {
	CLOSED,
	CUT,                    /* no socket; what is sent is kept */
	OPENING, AUTH, REOPENING,
	RESUMING,
	BINDING,
	ENABLING,               /* bound; waits for <enabled/> */
	READY
};

struct waiting {
	struct waiting *next;
	char *id, *to;          /* to: "" our own server */
	int64_t until_us;
	uint64_t number;        /* of the stanza */
	xmpp_iq_fn *fn;
	void *ctx;
};

struct xmpp_stream {
	struct xmpp_events ev;
	void *ctx;
	char *domain, *user, *password, *jid;
	struct scram *scram;    /* while we prove the password */
	int64_t ping_interval_us, ping_timeout_us;
	unsigned ping_failures, failures;
	enum phase phase;
	struct xml *features;   /* the second ones */
	struct waiting *waiting;
	unsigned waits;
	char id_prefix[9];
	unsigned next_id, bad_row;
	int64_t now_us;         /* of the call that runs */
	int64_t acked_us;       /* by the socket's other end */
	int64_t asked_us;       /* the first ping since something was heard */
	int64_t heard_us, ping_at_us, pinged_us, login_until_us;
	bool pinging;
	/* stream management */
	struct sm *sm;          /* NULL: not wanted */
	bool sm_on;             /* <enabled/> */
	char *previd;           /* to resume; NULL: cannot */
	int64_t resume_for_us, cut_us; /* as long as the server waits; 0: not cut */
	int64_t enable_until_us;
	uint64_t number;        /* of stanzas sent so far */
	uint64_t number_enabled; /* the last one before <enable/> */
	uint64_t handled;       /* without stream management: the server answered something later */
	struct xmpp_counters count;
};

/* stream.c */
void stream_fail(struct xmpp_stream *s, enum xmpp_error why, const char *text);
void stream_text(struct xmpp_stream *s, const char *text);
int stream_element(struct xmpp_stream *s, const struct xml *x);  /* not a stanza */
void stream_ready(struct xmpp_stream *s);

/* stream_login.c */
void login_open(struct xmpp_stream *s);
void login_features(struct xmpp_stream *s, const struct xml *x);
void login_sasl(struct xmpp_stream *s, const struct xml *x);
void login_sm(struct xmpp_stream *s, const struct xml *x);       /* <enabled/>, <resumed/>, <failed/> */
void login_bound(struct xmpp_stream *s);                         /* the bind was answered */

/* stream_ping.c */
void stream_ping(struct xmpp_stream *s, int64_t now_us);         /* it is time to look */

#endif
