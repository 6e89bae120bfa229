/* channel.c - bridge channels: WebSockets that carry JSON to the bridge
 *
 * Their address is a secret of one session (server.md 1.5); a second one for
 * the same endpoint takes the place of the first.
 */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "host/admission.h"
#include "host/server_priv.h"

static void forget(struct channel *ch)
{
	struct server *s = ch->who->room->server;
	struct channel **p = &s->channels;

	while (*p != ch)
		p = &(*p)->next;
	*p = ch->next;
	s->bridge_ops->channel_closed(s->bridge, ch->who->room->number, ch->who->nick);
	ch->who->session.channel = NULL;
	free(ch);
}

void channel_close(struct channel *ch, int code, const char *reason)
{
	struct server *s = ch->who->room->server;
	void *link = ch->link;

	forget(ch);
	s->ops.close(s->ctx, link, code, reason);
}

static struct occupant *find(struct server *s, const struct channel_path *p)
{
	struct occupant *o = NULL;

	for (struct room *r = s->rooms; r && !o; r = r->next)
		if (!r->closing && !strcmp(r->conference, p->conference))
			o = room_by_nick(r, p->endpoint);
	if (!o || (o->session.state != SESSION_OFFERED && o->session.state != SESSION_ACTIVE) ||
	    !text_same_secret(o->session.password, p->password))
		return NULL;
	return o;
}

struct channel *server_channel_open(struct server *s, void *link, const char *path,
				    const char *query, int64_t now_us)
{
	struct channel_path p;
	struct channel *ch;
	struct occupant *o;

	s->now_us = now_us;
	o = channel_path_parse(&p, path, query) ? NULL : find(s, &p);
	if (!o) {
		notice(&s->stats.notices, NOTICE_CHANNEL, "somebody");
		return NULL;
	}
	if (o->session.channel)
		channel_close(o->session.channel, 1000, "replaced");
	ch = host_alloc(sizeof(*ch));
	ch->who = o;
	ch->link = link;
	ch->next = s->channels;
	s->channels = ch;
	o->session.channel = ch;
	s->bridge_ops->channel_open(s->bridge, o->room->number, o->nick);
	return ch;
}

void server_channel_input(struct server *s, struct channel *ch, const char *text, size_t len,
			  int64_t now_us)
{
	struct occupant *o = ch->who;

	s->now_us = now_us;
	/* What is too much is left out: the next message says it again. */
	if (!bucket_take(&ch->bucket, 1, LIMIT_CHANNEL_PER_S, LIMIT_CHANNEL_BURST, now_us))
		server_note(s, NOTICE_THROTTLED, o->conn);
	else
		s->bridge_ops->channel_input(s->bridge, o->room->number, o->nick, text, len);
}

void server_channel_gone(struct server *s, struct channel *ch, int64_t now_us)
{
	s->now_us = now_us;
	forget(ch);
}
