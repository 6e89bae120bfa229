/* page.h - the texts that the host serves: config.js and two plain pages */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H
#include <stdbool.h>
#include "base/buf.h"

struct page_site {
	const char *domain;     /* XMPP */
	const char *authority;  /* host:port, checked */
	const char *path;       /* of the request, decoded */
	bool tls;
	bool tenant;            /* path begins with one */
};

/* For pages that need nothing from anywhere. */
#define PAGE_HEADERS "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" \
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"

void page_config(const struct page_site *s, struct buf *out);
void page_welcome(const struct page_site *s, struct buf *out);
void page_room(const struct page_site *s, struct buf *out);

#endif
