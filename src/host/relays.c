/* relays.c - the TURN servers that the host names to its guests */
#include "host/relays.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { RELAYS_MAX = 8, LINE_BYTES = 500, TURN_PORT = 3478, TURNS_PORT = 5349 };

struct relay {
	char line[LINE_BYTES];          /* the parts point into it */
	const char *type, *user, *password, *host, *transport;
	unsigned port;
};
struct relays { struct relay v[RELAYS_MAX]; size_t count; };

/* "host:port", "[2001:db8::1]:port"; the port may be missing. */
static bool split_host(char *s, struct relay *r)
{
	char *end = s, *colon;
	uint64_t port;

	r->host = s;
	if (*s == '[') {
		r->host = s + 1;
		end = strchr(s, ']');
		if (!end)
			return false;
		*end++ = 0;
		colon = *end == ':' ? end : NULL;
	} else {
		colon = strchr(s, ':');
	}
	if (colon) {
		*colon = 0;
		if (text_u64(colon + 1, 1, 65535, &port))
			return false;
		r->port = (unsigned)port;
	}
	return *r->host != 0;
}

static bool parse_line(struct relay *r)
{
	bool tls = text_starts(r->line, "turns:");
	char *user = r->line + (tls ? 6 : 5), *password, *at, *query;

	if (!tls && !text_starts(r->line, "turn:"))
		return false;
	at = strrchr(user, '@');
	password = strchr(user, ':');
	if (!at || !password || password > at)
		return false;
	*at++ = *password++ = 0;
	query = strchr(at, '?');
	if (query)
		*query++ = 0;
	r->type = tls ? "turns" : "turn";
	r->user = user;
	r->password = password;
	r->port = tls ? TURNS_PORT : TURN_PORT;
	r->transport = tls || (query && !strcmp(query, "transport=tcp")) ? "tcp" : "udp";
	return split_host(at, r) && (!query || text_starts(query, "transport="));
}

int relays_parse(struct relays **out, const char *text, char **why)
{
	struct relays *r = calloc(1, sizeof(*r));
	unsigned n = 0;

	*out = NULL;
	*why = NULL;
	if (!r)
		return -ENOMEM;
	for (const char *p = text; *p; p += *p == '\n') {
		size_t len = strcspn(p, "\n"), cut = len && p[len - 1] == '\r' ? len - 1 : len;
		struct relay *v = &r->v[r->count < RELAYS_MAX ? r->count : 0];
		char words[128];

		n++;
		if (cut && *p != '#') {
			bool fits = cut < LINE_BYTES && r->count < RELAYS_MAX;

			if (fits) {
				memcpy(v->line, p, cut);
				v->line[cut] = 0;
			}
			if (!fits || !parse_line(v)) {
				snprintf(words, sizeof(words), "line %u is not turn[s]:user:password@host[:port]"
					 "[?transport=tcp], or one too many", n);
				*why = strdup(words);
				relays_free(&r);
				return -EINVAL;
			}
			r->count++;
		}
		p += len;
	}
	*out = r;
	return 0;
}

void relays_free(struct relays **r)
{
	if (*r)
		text_wipe((char *)*r, sizeof(**r));
	free(*r);
	*r = NULL;
}

void relays_describe(const struct relays *r, struct xml *services)
{
	for (size_t i = 0; r && i < r->count; i++) {
		struct xml *s = xml_add(services, "service", NULL);

		xml_set(s, "type", r->v[i].type);
		xml_set(s, "host", r->v[i].host);
		xml_setf(s, "port", "%u", r->v[i].port);
		xml_set(s, "transport", r->v[i].transport);
		xml_set(s, "username", r->v[i].user);
		xml_set(s, "password", r->v[i].password);
	}
}
