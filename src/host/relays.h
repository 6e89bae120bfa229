/* relays.h - the TURN servers that the host names to its guests (XEP-0215)
 *
 * One a line, as in a browser but with its credentials:
 *	turn:user:password@host[:port][?transport=tcp]      turns:…
 * Blank lines and lines that begin with # are skipped.
 */
#ifndef HOST_RELAYS_H
#define HOST_RELAYS_H
#include "xmpp/xml.h"

struct relays;

/* 0; -EINVAL with *why (new string) naming the line; -ENOMEM. */
int relays_parse(struct relays **out, const char *text, char **why);
void relays_free(struct relays **r);            /* wipes the passwords; NULL is fine */
/* Adds a <service/> for each; r may be NULL. */
void relays_describe(const struct relays *r, struct xml *services);

#endif
