/* shard.c - deployments of several servers: ours is kept, and looked after
 *
 * Who balances the load of such a deployment sends everybody of a room to the
 * same server by ?room=, and may forget that of a room that only WebSockets
 * hold.  So the web client asks it over HTTP now and then, by an address of
 * config.js or the WebSocket's own, and so do we; the answer's header
 * x-jitsi-shard says where the room is now.  If that is not where we logged in,
 * the others are elsewhere: out, and in again.
 *
 * Nobody is asked where nothing speaks of several servers, and no other host
 * than the room's and the WebSocket's, whatever config.js names.
 */
#include "call/call_priv.h"
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "io/url.h"

enum {
	FIRST_US = 5000000,     /* as the web client's: lets a deployment settle */
	JITTER_US = 60000000,
	MOVES_AT_MOST = 3       /* in a row, where the two never agree */
};

/* ---- whom to ask ---- */

static bool is_near(const struct call *c, const char *url)
{
	struct url u, ws;
	bool near = false;

	if (url_parse(&u, url))
		return false;
	if (!url_parse(&ws, c->d.websocket)) {
		near = (text_same_nocase(u.host, ws.host) || text_same_nocase(u.host, c->a.host)) &&
		       (url_is_secure(&u) || !url_is_secure(&ws));
		url_clear(&ws);
	}
	url_clear(&u);
	return near;
}

/* Without the token: it is nobody's business who asks.  NULL: nobody is asked. */
static char *whom(const struct call *c)
{
	struct buf b = { 0 };
	char *url;

	if (!c->d.websocket || c->d.keepalive_us <= 0)
		return NULL;
	if (c->d.keepalive_url)
		return is_near(c, c->d.keepalive_url) ? join_with_room(c, c->d.keepalive_url, false) : NULL;
	if (!c->shard.name)
		return NULL;
	buf_addf(&b, "http%s", c->d.websocket + strlen("ws"));
	url = join_with_room(c, buf_str(&b), false);
	buf_free(&b);
	return url;
}

/* ---- time ---- */

void shard_login(struct call *c, bool again)
{
	c->shard.at_us = c->now_us + (again ? 0 : FIRST_US);
	c->shard.asked = false;
}

void shard_gone(struct call *c)
{
	c->shard.at_us = 0;
	c->shard.asked = false;
}

void shard_tick(struct call *c)
{
	char *url;

	if (!is_due(c, c->shard.at_us) || !c->stream || c->cut)
		return;
	c->shard.at_us = 0;
	url = whom(c);
	c->shard.asked = url != NULL;
	if (url)
		c->ops.keepalive(c->ops_ctx, url);
	free(url);
}

void shard_next(const struct call *c, int64_t *next)
{
	if (c->stream && !c->cut)
		sooner(next, c->shard.at_us);
}

/* ---- where we are ---- */

void shard_named(struct call *c, const char *name)
{
	if (name)
		call_set(&c->shard.name, name);
}

static void elsewhere(struct call *c, const char *shard)
{
	if (c->phase != PHASE_JOINED && c->phase != PHASE_LOBBY) {
		c->shard.at_us = c->now_us + FIRST_US;  /* once we are in, if it is still so */
		return;
	}
	log_warn("call", "logged in at shard %s, but the room's is %s", c->shard.name, shard);
	if (++c->shard.moves > MOVES_AT_MOST) {
		if (c->shard.moves == MOVES_AT_MOST + 1)
			call_notice(c, "%s cannot decide which of its servers this room is on: others may be missing here",
				    c->a.authority);
		return;
	}
	/* What config.js said was of then. */
	call_set(&c->d.shard, NULL);
	call_lost(c, CALL_END_NO_SERVER, "shard", "%s has moved this room to another one of its servers",
		  c->a.authority);
}

void call_keepalive_input(struct call *c, int status, const char *shard, int64_t now_us)
{
	call_enter(c, now_us);
	if (c->shard.asked && c->stream && !c->cut && c->phase != PHASE_OVER) {
		c->shard.asked = false;
		c->shard.at_us = now_us + call_random_us(c, c->d.keepalive_us, c->d.keepalive_us + JITTER_US);
		if (!status)
			log_info("call", "no answer to the keep-alive");
		else if (*shard && c->shard.name && strcmp(shard, c->shard.name))
			elsewhere(c, shard);
		else if (*shard && c->shard.name)
			c->shard.moves = 0;
	}
	call_leave_input(c);
}
