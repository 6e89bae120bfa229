/* stream.h - the client's XMPP stream over WebSocket (RFC 7395, RFC 6120)
 *
 * From <open/> through SASL and binding to stanzas.  No socket, no clock:
 * text messages and time come in, text and events go out.  Keeps the table
 * of IQs that wait for an answer (by their whole id and the sender), answers
 * pings and what nobody else answers, and pings the server itself.
 *
 * Where the server has stream management (XEP-0198) the stream outlives its
 * socket: xmpp_stream_cut() when that is gone, xmpp_stream_open() on a new one
 * whose URL names xmpp_stream_previd(), then resumed() or not_resumed().
 */
#ifndef XMPP_STREAM_H
#define XMPP_STREAM_H
#include <stdbool.h>
#include <stdint.h>
#include "xmpp/xml.h"

struct xmpp_stream;

enum xmpp_error {
	XMPP_LOGIN,     /* SASL refused; text is the server's reason */
	XMPP_NO_MECHANISM, /* the server offers nothing that we can */
	XMPP_PROTOCOL,  /* it does not speak XMPP as it should */
	XMPP_STREAM,    /* stream error; text has condition and reason */
	XMPP_CLOSED,    /* <close/> */
	XMPP_ELSEWHERE, /* another server has to be asked; text: address, or host[:port] */
	XMPP_DEAD,      /* two pings without an answer; see xmpp_stream_is_cut() */
	XMPP_NO_MEMORY
};

struct xmpp_config {
	const char *domain;             /* of <open to=…> and of pings */
	const char *user, *password;    /* SASL SCRAM-SHA-1, else PLAIN; NULL: ANONYMOUS */
	int64_t ping_interval_us, ping_timeout_us; /* 0: 10 s and 5 s */
	unsigned ping_failures;         /* 0: 2 */
	bool no_sm;                     /* no stream management */
};

/* Called from xmpp_stream_input() and _tick(); must not free the stream. */
struct xmpp_events {
	void (*send)(void *ctx, const char *text, size_t len);
	/* Bound: the full JID that the server gave.  features: the second
	 * <stream:features/>, kept for later (stream management). */
	void (*ready)(void *ctx, const char *jid, const struct xml *features);
	/* Every stanza that is no answer to an IQ of ours.  Returns true if it
	 * was dealt with; an IQ get or set that nobody took is answered with
	 * service-unavailable.  Also called while binding (what servers push
	 * before the bind result). */
	bool (*stanza)(void *ctx, const struct xml *stanza);
	void (*failed)(void *ctx, enum xmpp_error why, const char *text);
	/* The stream goes on where it was cut, with the same address; what the
	 * server had not dealt with was sent again.  NULL with no_sm. */
	void (*resumed)(void *ctx);
	/* The server knows it no more: over, as after failed().  exact: it said
	 * how far it got, so that what is beyond xmpp_stream_handled() was surely
	 * not dealt with. */
	void (*not_resumed)(void *ctx, bool exact);
};

int xmpp_stream_new(struct xmpp_stream **out, const struct xmpp_config *cfg,
		    const struct xmpp_events *ev, void *ctx);
void xmpp_stream_free(struct xmpp_stream **s);  /* waiting IQs are not called */

void xmpp_stream_open(struct xmpp_stream *s, int64_t now_us);
/* One WebSocket message.  Malformed ones are counted, more than a few in a
 * row end the stream. */
void xmpp_stream_input(struct xmpp_stream *s, const char *text, size_t len, int64_t now_us);
int64_t xmpp_stream_tick(struct xmpp_stream *s, int64_t now_us);
/* When the other end of the socket acknowledged something last, where that is
 * known.  While it does, a server that does not answer is waited for longer. */
void xmpp_stream_acked(struct xmpp_stream *s, int64_t acked_us);
/* How long nothing has come although it was asked; 0: it was not, or something came. */
int64_t xmpp_stream_waits_us(const struct xmpp_stream *s, int64_t now_us);
void xmpp_stream_close(struct xmpp_stream *s);  /* sends <close/> */

const char *xmpp_stream_jid(const struct xmpp_stream *s);       /* "" before ready */

/* The socket is gone.  True: the stream is cut and may be resumed; until then
 * what is sent is kept (-ENOBUFS beyond 500 stanzas or 2 MiB, which also ends
 * the chance to resume).  False: it is over. */
bool xmpp_stream_cut(struct xmpp_stream *s, int64_t now_us);
bool xmpp_stream_is_cut(const struct xmpp_stream *s);   /* until resumed() */
/* For the URL of the new socket; NULL: not cut, or cannot be resumed. */
const char *xmpp_stream_previd(const struct xmpp_stream *s);
int64_t xmpp_stream_resume_until(const struct xmpp_stream *s);  /* the server's patience; 0 */

/* Stanzas are numbered from 1 in the order they are sent: the last one, and
 * the last one that the server has surely dealt with.  Without stream
 * management that is known only from its answers to IQs of ours. */
uint64_t xmpp_stream_last(const struct xmpp_stream *s);
uint64_t xmpp_stream_handled(const struct xmpp_stream *s);
/* Is anybody there?  A ping at once; no answer within its time is taken for
 * the end, however many are usually waited for. */
void xmpp_stream_probe(struct xmpp_stream *s, int64_t now_us);
bool xmpp_stream_managed(const struct xmpp_stream *s);  /* <enabled/> came */

/* Sends a stanza and frees it.  xmlns='jabber:client' is on the root. */
int xmpp_stream_send(struct xmpp_stream *s, struct xml **stanza);

/* answer NULL: none came in time, or the stream ended (then in a later tick,
 * never around failed()).  type "error" is an answer like any other. */
typedef void xmpp_iq_fn(void *ctx, const struct xml *answer);
/* Gives the IQ a fresh id, sends it and frees it.  `to` is read from iq; an
 * answer counts only from there (or from the own bare JID or the domain
 * where there is no `to`). */
int xmpp_stream_iq(struct xmpp_stream *s, struct xml **iq, int64_t timeout_us,
		   int64_t now_us, xmpp_iq_fn *fn, void *ctx);
/* Drops all that wait without calling them: before their contexts go.  May be
 * called from any handler. */
void xmpp_stream_forget(struct xmpp_stream *s);
/* Answers to an IQ get or set; the id is echoed whole.  child: owned, may be NULL. */
int xmpp_stream_result(struct xmpp_stream *s, const struct xml *iq, struct xml *child);
int xmpp_stream_error(struct xmpp_stream *s, const struct xml *iq, const char *type,
		      const char *condition, struct xml *extra /* owned, may be NULL */);

struct xmpp_counters {
	uint64_t in, out, malformed, unexpected_answers;
	uint64_t resent, bad_acks;
	size_t unacked;
};
void xmpp_stream_counters(const struct xmpp_stream *s, struct xmpp_counters *out);

/* The pieces the server side writes as well. */
struct xml *xmpp_iq_new(const char *type, const char *to);
struct xml *xmpp_iq_answer(const struct xml *iq, const char *type);     /* from/to swapped, id kept */
struct xml *xmpp_error_add(struct xml *stanza, const char *type, const char *condition, const char *text);
/* Reads an <error/>: condition (lent, "undefined-condition" if odd) and text ("" if none). */
const char *xmpp_error_condition(const struct xml *stanza);
const char *xmpp_error_text(const struct xml *stanza);

#endif
