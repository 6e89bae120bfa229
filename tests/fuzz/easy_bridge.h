/* easy_bridge.h - a bridge that takes all, below a fuzzed host
 *
 * Only what no host may hand to its bridge, whatever strangers wrote, ends it.
 */
#ifndef FUZZ_EASY_BRIDGE_H
#define FUZZ_EASY_BRIDGE_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/server.h"

static int b_restart(void *b, unsigned room, const char *id, struct jingle_transport *t)
{
	(void)b;
	(void)room;
	(void)id;
	snprintf(t->ufrag, sizeof(t->ufrag), "ufrag");
	snprintf(t->pwd, sizeof(t->pwd), "0123456789012345678901");
	snprintf(t->hash, sizeof(t->hash), "sha-256");
	snprintf(t->fingerprint, sizeof(t->fingerprint), "AB:CD");
	snprintf(t->setup, sizeof(t->setup), "actpass");
	return 0;
}

static int b_add(void *b, const struct bridge_endpoint *e, struct jingle_transport *t)
{
	return b_restart(b, e->room, e->id, t);
}

static int b_accept(void *b, unsigned room, const char *id, const struct jingle_transport *t)
{
	(void)b;
	(void)room;
	(void)id;
	return strlen(t->fingerprint) > 180 ? -EINVAL : 0;
}

static void b_sources(void *b, unsigned room, const char *id, const struct source_set *s)
{
	(void)b;
	(void)room;
	(void)id;
	if (s->count > 20 || s->groups > 20)
		abort();
}

static void b_id(void *b, unsigned room, const char *id)
{
	(void)b;
	(void)room;
	(void)id;
}

static void b_text(void *b, unsigned room, const char *id, const char *text, size_t len)
{
	(void)b;
	(void)room;
	(void)id;
	(void)text;
	(void)len;
}

static const struct bridge_ops easy_bridge = {
	.add = b_add, .accept = b_accept, .restart = b_restart, .restart_accept = b_accept,
	.sources = b_sources, .remove = b_id,
	.channel_open = b_id, .channel_input = b_text, .channel_closed = b_id,
};

#endif
