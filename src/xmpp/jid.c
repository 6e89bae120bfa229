/* jid.c - parts of an XMPP address; localpart@domainpart/resourcepart */
#include "xmpp/jid.h"
#include <stdlib.h>
#include <string.h>

static size_t bare_len(const char *jid)
{
	return strcspn(jid, "/");
}

const char *jid_resource(const char *jid)
{
	size_t n;

	if (!jid)
		return "";
	n = bare_len(jid);
	return jid[n] ? jid + n + 1 : jid + n;
}

bool jid_same_bare(const char *a, const char *b)
{
	return a && b && bare_len(a) == bare_len(b) && !strncmp(a, b, bare_len(a));
}

/* The '@' that counts is the first one before the resource. */
static const char *domain_at(const char *jid)
{
	const char *at = memchr(jid, '@', bare_len(jid));

	return at ? at + 1 : jid;
}

bool jid_has_domain(const char *jid, const char *domain)
{
	const char *d = jid ? domain_at(jid) : NULL;

	return d && domain && strlen(domain) == bare_len(d) && !strncmp(d, domain, bare_len(d));
}

char *jid_bare(const char *jid)
{
	return strndup(jid, bare_len(jid));
}

char *jid_local(const char *jid)
{
	const char *d = domain_at(jid);

	return d == jid ? strdup("") : strndup(jid, (size_t)(d - jid - 1));
}
