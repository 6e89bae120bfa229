/* sm.h - stream management, one end of it (XEP-0198, version 3)
 *
 * What both ends of a stream keep: how many stanzas came, which of those that
 * went out the other side has not acknowledged yet, and when it is to be
 * asked.  Writes and reads no XML, opens nothing, reads no clock: client
 * (stream.c) and host share it.  Only iq, presence and message count.
 *
 * What is kept is bounded.  A peer that acknowledges nothing until the bound
 * is reached ends the bookkeeping, not the stream: from then on the stream
 * cannot be resumed (sm_can_resume() is false), and what was sent is as
 * uncertain as without stream management.  The same for a peer whose
 * acknowledgements do not add up: they are not believed.
 */
#ifndef XMPP_SM_H
#define XMPP_SM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sm;

/* max_count stanzas of together max_bytes are kept for the other side. */
int sm_new(struct sm **out, size_t max_count, size_t max_bytes);
void sm_free(struct sm **sm);

/* Both ends count from 0 anew: the client's way from <enable/> on, the
 * server's from <enabled/>. */
void sm_start(struct sm *sm);
/* The same with counters as they are after so many stanzas, all acknowledged. */
void sm_start_at(struct sm *sm, uint64_t sent, uint32_t got);

/* A stanza came, and was dealt with. */
void sm_got(struct sm *sm);
uint32_t sm_h(const struct sm *sm);             /* for <a/>, <resume/>, <resumed/> */

/* A stanza goes out, or would if there were a socket: kept until it is
 * acknowledged.  -ENOBUFS, -ENOMEM: it is not, and nothing is any more. */
int sm_sent(struct sm *sm, const char *text, size_t len, int64_t now_us);
/* h of <a/>, <resumed/>, <failed/>.  -EINVAL: more than was sent, or fewer
 * than before; then nothing changes but that the stream cannot be resumed. */
int sm_acked(struct sm *sm, uint32_t h);
/* The same where the other side's word ends the stream anyway: no side effect. */
bool sm_ack_ok(const struct sm *sm, uint32_t h);

/* The number of the last stanza since sm_start() that is acknowledged, not wrapping. */
uint64_t sm_last_acked(const struct sm *sm);
size_t sm_waiting(const struct sm *sm);         /* kept */
bool sm_can_resume(const struct sm *sm);

/* Those not acknowledged, in order, to send again: begin with *at NULL.
 * NULL: no more.  Lent until the next sm_acked(). */
struct sm_stanza;
const char *sm_next(const struct sm *sm, const struct sm_stanza **at, size_t *len);
int64_t sm_stanza_us(const struct sm_stanza *at);       /* when it was sent first */

/* True: send <r/> now, and it is taken for sent.  After every five stanzas, or
 * two seconds after the last; one question at a time. */
bool sm_ask(struct sm *sm, int64_t now_us);
int64_t sm_ask_at(const struct sm *sm);         /* CLOCK_NEVER: nothing to ask */
/* The socket is another one: what was asked there is not answered here. */
void sm_ask_again(struct sm *sm, int64_t now_us);

/* The h of an element; -EINVAL if it is none, -ENOENT without one. */
int sm_h_parse(const char *attr, uint32_t *h);

#endif
