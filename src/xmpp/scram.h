/* scram.h - the client's side of SCRAM-SHA-1 (RFC 5802, 7677's older sister)
 *
 * Proves that we know the password without sending it, and has the server
 * prove that it does, too.  Plain text in and out; base64 is the caller's.
 * Passwords are taken as they are: no SASLprep.
 */
#ifndef XMPP_SCRAM_H
#define XMPP_SCRAM_H
#include <stdbool.h>
#include "base/buf.h"

struct scram;

/* nonce: printable, without a comma.  -ENOMEM. */
int scram_new(struct scram **out, const char *user, const char *password, const char *nonce);
void scram_free(struct scram **s);      /* wipes what it knew */

/* "n,,n=user,r=nonce" */
int scram_first(const struct scram *s, struct buf *out);
/* The answer to "r=...,s=...,i=...".  -EINVAL: not such a thing, another's
 * nonce, or more rounds than are reasonable. */
int scram_answer(struct scram *s, const char *challenge, struct buf *out);
/* "v=...": is it from somebody who knows the password? */
bool scram_is_right(const struct scram *s, const char *last);

#endif
