/* url.h - the parts of an http, https, ws or wss address */
#ifndef IO_URL_H
#define IO_URL_H
#include <stdbool.h>
#include <stdint.h>

struct url {
	char *scheme;           /* lower case, "http", "https", "ws", "wss" */
	char *host;             /* without brackets */
	uint16_t port;          /* the scheme's own where none was given */
	bool port_given;
	char *path;             /* begins with '/' */
	char *query;            /* without '?', "" if none */
};

/* -EINVAL for what is no absolute address of these schemes.  Blanks and what is
 * not ASCII become percent-codes in path and query; a fragment is left out. */
int url_parse(struct url *out, const char *s);
void url_clear(struct url *u);
bool url_is_secure(const struct url *u);
/* "host", "host:port", "[v6]:port"; new string. */
char *url_authority(const struct url *u);
/* Resolves a reference (absolute, "//host/x", "/x", "x") against a base with
 * RFC 3986 section 5; new string, NULL if it cannot be or has another scheme. */
char *url_resolve(const char *base, const char *ref);

/* 127.0.0.0/8, ::1, localhost and *.localhost */
bool url_host_is_loopback(const char *host);

#endif
