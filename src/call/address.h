/* address.h - room addresses: what a user pastes, and what follows from it */
#ifndef CALL_ADDRESS_H
#define CALL_ADDRESS_H
#include <stdbool.h>

struct address {
	char *base;             /* "https://host[:port]/[tenant/]" */
	char *page;             /* base + the room as typed */
	char *authority;        /* "host[:port]" */
	char *host;
	char *tenant;           /* cleaned: lower case, dots to '_'; "" if none */
	char *tenant_raw;       /* the path as typed, without slashes at the ends; "" */
	char *room;             /* backend-safe: local part of the room's JID */
	char *title;            /* for people */
	char *jwt;              /* NULL if none; a secret */
	/* of the fragment: NULL or unset where absent */
	char *display_name, *email, *subject;
	bool start_muted, start_silent, start_video_muted, audio_only;
	bool plain;             /* http:// */
};

/* s: https://, http://, jitsi-meet://, org.jitsi.meet://, or host/room where
 * it has a dot or port and a slash; a bare ROOM needs server ("https://host" or
 * NULL).  -EINVAL with *why (new string): one line for people. */
int address_parse(struct address *out, const char *s, const char *server, char **why);
void address_clear(struct address *a);

/* Backend-safe form of a path segment: percent-decoding, NFKC, lower case,
 * encodeURIComponent, lower case.  New string. */
char *address_safe(const char *segment);

#endif
