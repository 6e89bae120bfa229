/* jid.h - parts of an XMPP address (RFC 7622), without a copy */
#ifndef XMPP_JID_H
#define XMPP_JID_H
#include <stdbool.h>
#include <stddef.h>

/* "" where there is none; lent from jid. */
const char *jid_resource(const char *jid);
/* Equal up to the resource; NULL is equal to nothing. */
bool jid_same_bare(const char *a, const char *b);
bool jid_has_domain(const char *jid, const char *domain);
/* New strings (free()); NULL when out of memory. */
char *jid_bare(const char *jid);
char *jid_local(const char *jid);       /* "" where there is none */

#endif
