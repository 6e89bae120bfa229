/* disco.h - service discovery, capabilities, external services
 * (XEP-0030, XEP-0115, XEP-0215) */
#ifndef XMPP_DISCO_H
#define XMPP_DISCO_H
#include <stdbool.h>
#include <stddef.h>
#include "xmpp/xml.h"

struct disco_identity { const char *category, *type, *lang, *name; };

/* base64(SHA-1(...)) of XEP-0115 section 5.1; out holds 29 bytes.  Sorts
 * copies; 0 or -ENOMEM.  (SHA-1 lives in disco.c: xmpp has no OpenSSL.) */
int disco_caps_hash(const struct disco_identity *ids, size_t nids,
		    const char *const *features, size_t nfeatures, char out[29]);

/* <query/> of an answer; node NULL: none. */
struct xml *disco_info_new(const char *node, const struct disco_identity *ids, size_t nids,
			   const char *const *features, size_t nfeatures);
/* <c/> of a presence; a failed allocation marks it. */
void disco_caps_add(struct xml *presence, const char *node, const char *ver);

bool disco_has_feature(const struct xml *query, const char *var);
/* @name of the identity category='component' (or 'server') with this type; NULL. */
const char *disco_component(const struct xml *query, const char *type);
/* Value of a field of the form jabber:x:data inside; NULL. */
const char *disco_field(const struct xml *query, const char *var);

struct ext_service {
	char *type;             /* "stun", "turn", "turns" */
	char *host;
	unsigned port;          /* 3478 or 5349 where none is given */
	char *transport;        /* "udp" or "tcp" */
	char *username, *password, *expires;    /* NULL if none */
};
/* From <services/> of either version; at most 16; unknown types are left
 * out.  Frees what was there. */
int ext_services_parse(struct ext_service **out, size_t *count, const struct xml *services);
void ext_services_free(struct ext_service **v, size_t *count);

#endif
