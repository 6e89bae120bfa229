/* bridge_priv.h - what the bridge's files on the loop thread share */
#ifndef HOST_BRIDGE_PRIV_H
#define HOST_BRIDGE_PRIV_H
#include "xmpp/jingle.h"

/* Where a UDP port can be reached: address itself, or where that means "all"
 * this machine's addresses (loopback if it has no other), then the public
 * one (NULL: none). */
void bridge_candidates(struct jingle_transport *t, const char *address,
		       const char *public_address, uint16_t port);

#endif
