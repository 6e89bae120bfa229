/* media_servers.c - TURN servers by name
 *
 * STUN servers would tell us an address of ours that nobody asks for: a bridge
 * learns it from our checks (RFC 8445 section 7.3.1.3).  So those that are named
 * are let be.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "call/media_priv.h"

enum { TURN_PORT = 3478, TURNS_PORT = 443 };

static void add(struct media_servers *s, const char *type, const char *host, unsigned port,
		const char *protocol, const char *user, const char *password)
{
	struct media_server *v = &s->v[s->count];

	if (s->count == MEDIA_SERVERS || !port || port > 65535)
		return;
	memset(v, 0, sizeof(*v));
	if (!*host || !text_copy(v->host, sizeof(v->host), host) ||
	    !text_copy(v->type, sizeof(v->type), type) ||
	    !text_copy(v->protocol, sizeof(v->protocol), protocol))
		return;
	v->port = (uint16_t)port;
	if (text_set(&v->user, user ? user : "") || text_set(&v->password, password ? password : ""))
		abort();
	s->count++;
}

void media_servers_add_services(struct media_servers *s, const struct ext_service *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].type, "turn") || !strcmp(v[i].type, "turns"))
			add(s, v[i].type, v[i].host, v[i].port, v[i].transport, v[i].username,
			    v[i].password);
}

/* "host", "host:port", "[v6]:port" */
static void split_port(char *host, unsigned *port)
{
	char *colon = strrchr(host, ':'), *bracket = strchr(host, ']');
	uint64_t n;

	if (*host == '[' && bracket) {
		*bracket = 0;
		if (bracket[1] == ':' && !text_u64(bracket + 2, 1, 65535, &n))
			*port = (unsigned)n;
		memmove(host, host + 1, strlen(host));
	} else if (colon && strchr(host, ':') == colon && !text_u64(colon + 1, 1, 65535, &n)) {
		*colon = 0;
		*port = (unsigned)n;
	}
}

/* "turn:user:password@host[:port][?transport=tcp]", or "turns:" for TLS */
void media_servers_add_turn(struct media_servers *s, const char *spec)
{
	bool tls = text_starts(spec, "turns:");
	char *copy, *user, *password, *at, *query;
	unsigned port = tls ? TURNS_PORT : TURN_PORT;

	if (!*spec)
		return;
	copy = strdup(spec);
	if (!copy)
		abort();
	user = copy + (tls ? 6 : text_starts(copy, "turn:") ? 5 : 0);
	at = strrchr(user, '@');
	password = strchr(user, ':');
	if (at && password && password < at) {
		*at++ = *password++ = 0;
		query = strchr(at, '?');
		if (query)
			*query++ = 0;
		split_port(at, &port);
		add(s, tls ? "turns" : "turn", at, port,
		    tls || (query && strstr(query, "transport=tcp")) ? "tcp" : "udp", user, password);
	} else {
		log_warn("call", "network.turn is turn[s]:user:password@host[:port][?transport=tcp]");
	}
	text_wipe(copy, strlen(spec));
	free(copy);
}

static void put_address(struct media_server *v, const struct sockaddr_storage *a)
{
	socklen_t len = a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
		: sizeof(struct sockaddr_in);

	if (v->addresses < MEDIA_ADDRESSES &&
	    !getnameinfo((const struct sockaddr *)a, len, v->address[v->addresses],
			 sizeof(v->address[0]), NULL, 0, NI_NUMERICHOST))
		v->addresses++;
}

static void on_answer(void *ctx, const struct resolve_answer *a)
{
	struct media_lookup *k = ctx;
	struct media_servers *s = k->s;

	k->call = NULL;
	s->waiting--;
	if (a->error || !a->count)
		log_info("call", "relay %s: %s", s->v[k->i].host, a->text);
	for (size_t i = 0; !a->error && i < a->count; i++)
		put_address(&s->v[k->i], &a->addrs[i]);
	s->done(s->ctx);
}

static bool is_numeric(struct media_server *v)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM }, *list;

	if (getaddrinfo(v->host, NULL, &hints, &list))
		return false;
	freeaddrinfo(list);
	v->addresses = text_copy(v->address[0], sizeof(v->address[0]), v->host);
	return v->addresses;
}

void media_servers_look_up(struct media_servers *s, struct loop *l, void (*done)(void *ctx),
			   void *ctx)
{
	s->done = done;
	s->ctx = ctx;
	for (size_t i = 0; i < s->count; i++) {
		s->lookup[i] = (struct media_lookup){ s, i, NULL };
		if (!is_numeric(&s->v[i]) &&
		    !resolve_start(&s->lookup[i].call, l, s->v[i].host, s->v[i].port, on_answer,
				   &s->lookup[i]))
			s->waiting++;
	}
}

size_t media_servers_relays(const struct media_servers *s, bool tls)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->v[i].addresses && (!strcmp(s->v[i].type, "turn") ||
					   (tls && !strcmp(s->v[i].type, "turns")));
	return n;
}

bool media_servers_want_tls(const struct media_servers *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->v[i].type, "turns"))
			return true;
	return false;
}

static bool has(const struct media_servers *s, const struct media_server *v)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->v[i].type, v->type) && !strcmp(s->v[i].host, v->host) &&
		    !strcmp(s->v[i].user, v->user) && !strcmp(s->v[i].password, v->password))
			return true;
	return false;
}

bool media_servers_changed(const struct media_servers *before, const struct media_servers *now,
			   const char *name)
{
	for (size_t i = 0; i < before->count; i++)
		if ((!name || !strcmp(before->v[i].host, name)) && !has(now, &before->v[i]))
			return true;
	return before->count == 0 && now->count > 0;
}

void media_servers_clear(struct media_servers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		resolve_cancel(&s->lookup[i].call);
		free(s->v[i].user);
		text_forget(&s->v[i].password);
	}
	s->count = s->waiting = 0;
}
