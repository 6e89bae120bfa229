/* bridge_candidates.c - the addresses that an offer names
 *
 * Looked up for each offer: a laptop changes its networks.  Link-local
 * addresses are left out, for they say nothing without an interface.
 */
#include "host/bridge_priv.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

enum {
	HOSTS_MAX = 16,
	HOST_PREFERENCE = 126, SRFLX_PREFERENCE = 100,  /* RFC 8445 section 5.1.2.2 */
};

static uint32_t priority(unsigned type, size_t place)
{
	return (uint32_t)type << 24 | (uint32_t)(65535 - place) << 8 | 255;
}

static bool has(const struct jingle_transport *t, const char *ip)
{
	for (size_t i = 0; i < t->cands; i++)
		if (!strcmp(t->cand[i].ip, ip))
			return true;
	return false;
}

static struct jingle_candidate *add(struct jingle_transport *t, const char *ip, uint16_t port)
{
	struct jingle_candidate *c = t->cand + t->cands;

	if (t->cands == JINGLE_CANDIDATES || has(t, ip))
		return NULL;
	memset(c, 0, sizeof(*c));
	t->cands++;
	snprintf(c->foundation, sizeof(c->foundation), "%zu", t->cands);
	snprintf(c->id, sizeof(c->id), "c%zu", t->cands);
	text_copy(c->ip, sizeof(c->ip), ip);
	text_copy(c->type, sizeof(c->type), "host");
	text_copy(c->protocol, sizeof(c->protocol), "udp");
	c->port = port;
	c->component = 1;
	c->priority = priority(HOST_PREFERENCE, t->cands - 1);
	return c;
}

/* "" for what no offer names. */
static void numeric(const struct sockaddr *a, char out[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	out[0] = 0;
	if (a->sa_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 16 != 0xA9FE) /* 169.254/16 */
		inet_ntop(AF_INET, &v4->sin_addr, out, INET6_ADDRSTRLEN);
	else if (a->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
		inet_ntop(AF_INET6, &v6->sin6_addr, out, INET6_ADDRSTRLEN);
}

static void add_all(struct jingle_transport *t, bool v6, uint16_t port)
{
	struct ifaddrs *list = NULL;
	char ip[INET6_ADDRSTRLEN];

	if (getifaddrs(&list))
		list = NULL;
	for (struct ifaddrs *i = list; i && t->cands < HOSTS_MAX; i = i->ifa_next) {
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK)
			continue;
		if (i->ifa_addr->sa_family == AF_INET6 && !v6)
			continue;
		numeric(i->ifa_addr, ip);
		if (*ip)
			add(t, ip, port);
	}
	freeifaddrs(list);
	if (t->cands)
		return;
	add(t, "127.0.0.1", port);
	if (v6)
		add(t, "::1", port);
}

static void add_public(struct jingle_transport *t, const char *ip, uint16_t port)
{
	bool v6 = strchr(ip, ':');
	struct jingle_candidate *c = add(t, ip, port);

	if (!c)
		return;
	for (struct jingle_candidate *base = t->cand; base < c; base++) {
		if (!strchr(base->ip, ':') == v6)
			continue;
		/* What a router maps to one of ours. */
		text_copy(c->type, sizeof(c->type), "srflx");
		text_copy(c->rel_addr, sizeof(c->rel_addr), base->ip);
		c->rel_port = port;
		c->priority = priority(SRFLX_PREFERENCE, t->cands - 1);
		return;
	}
}

void bridge_candidates(struct jingle_transport *t, const char *address,
		       const char *public_address, uint16_t port)
{
	bool v6 = !strcmp(address, "::");

	t->cands = 0;
	if (v6 || !strcmp(address, "0.0.0.0"))
		add_all(t, v6, port);
	else
		add(t, address, port);
	if (public_address && *public_address)
		add_public(t, public_address, port);
}
