/* server.c - connections come and go, time passes, the dead are swept
 *
 * Every call from outside is: set the time, handle, sweep.  While a stanza is
 * handled lists only grow; a connection that fails in the middle of a
 * broadcast is marked and leaves its rooms afterwards, which may mark others.
 */
#include "host/server_priv.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

void *host_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		log_error("host", "out of memory");
		abort();
	}
	return p;
}

void host_set(char **dst, const char *src)
{
	if (text_set(dst, src)) {
		log_error("host", "out of memory");
		abort();
	}
}

char *host_format(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;
	char *s;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	s = buf_steal(&b);
	if (!s) {
		log_error("host", "out of memory");
		abort();
	}
	return s;
}

int server_new(struct server **out, const struct server_config *cfg, const struct server_ops *ops,
	       void *ctx, const struct bridge_ops *bridge_ops, void *bridge)
{
	struct server *s;

	*out = NULL;
	/* "conference." goes before it, and JIDs have 1023 bytes a part. */
	if (!*cfg->domain || strlen(cfg->domain) > 200 ||
	    cfg->domain[strspn(cfg->domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_")])
		return -EINVAL;
	s = host_alloc(sizeof(*s));
	s->cfg = *cfg;
	host_set(&s->domain, cfg->domain);
	s->muc_domain = host_format("conference.%s", cfg->domain);
	s->focus_domain = host_format("focus.%s", cfg->domain);
	s->auth_domain = host_format("auth.%s", cfg->domain);
	s->end_domain = host_format("endconference.%s", cfg->domain);
	s->focus_jid = host_format("focus@auth.%s", cfg->domain);
	s->focus_full = host_format("focus@auth.%s/focus", cfg->domain);
	host_set(&s->password, cfg->password);
	s->cfg.domain = s->domain;
	s->cfg.password = NULL;
	s->ops = *ops;
	s->ctx = ctx;
	s->bridge_ops = bridge_ops;
	s->bridge = bridge;
	s->due_us = CLOCK_NEVER;
	*out = s;
	return 0;
}

void server_free(struct server **sp)
{
	struct server *s = *sp;

	if (!s)
		return;
	while (s->rooms) {
		struct room *r = s->rooms;

		s->rooms = r->next;
		room_free(r);
	}
	while (s->conns) {
		struct xmpp_conn *c = s->conns;

		s->conns = c->next;
		conn_free(c);
	}
	while (s->channels) {
		struct channel *ch = s->channels;

		s->channels = ch->next;
		free(ch);
	}
	text_forget(&s->password);
	free(s->domain);
	free(s->muc_domain);
	free(s->focus_domain);
	free(s->auth_domain);
	free(s->end_domain);
	free(s->focus_jid);
	free(s->focus_full);
	free(s);
	*sp = NULL;
}

void server_due_at(struct server *s, int64_t at_us)
{
	if (at_us < s->due_us)
		s->due_us = at_us;
}

int64_t server_due(const struct server *s)
{
	return s->due_us;
}

int64_t server_wall_us(const struct server *s)
{
	return s->now_us + s->cfg.wall_offset_us;
}

void server_note(struct server *s, enum notice what, const struct xmpp_conn *c)
{
	notice(&s->stats.notices, what, c && c->peer ? c->peer : "somebody");
}

const struct server_config *server_config(const struct server *s)
{
	return &s->cfg;
}

/* It goes into URLs that clients open: a host and a port, nothing else. */
bool server_authority_ok(const char *a)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";

	return a && *a && strlen(a) <= 255 && !a[strspn(a, allowed)];
}

/* ---- sweeping ---- */

static bool sweep_conns(struct server *s)
{
	struct xmpp_conn **p = &s->conns, *c;
	bool any = false;

	while ((c = *p)) {
		if (!c->dying) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		muc_leave_all(c, c->leave_text);
		if (!c->gone)
			s->ops.close(s->ctx, c->link, c->close_code, c->close_reason);
		conn_free(c);
		any = true;
	}
	return any;
}

static void sweep_rooms(struct server *s)
{
	struct room **p = &s->rooms, *r;

	while ((r = *p)) {
		if (!r->closing) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		room_free(r);
	}
}

static void sweep(struct server *s)
{
	if (!s->to_sweep)
		return;
	s->to_sweep = false;
	while (sweep_conns(s))
		;
	sweep_rooms(s);
	s->to_sweep = false;
}

/* ---- connections ---- */

struct xmpp_conn *server_connect(struct server *s, void *link, const char *peer,
				 const char *authority, int64_t now_us)
{
	struct xmpp_conn *c;

	s->now_us = now_us;
	c = conn_new(s, link, peer, authority);
	c->next = s->conns;
	s->conns = c;
	server_due_at(s, conn_due(c));
	return c;
}

void server_input(struct server *s, struct xmpp_conn *c, const char *text, size_t len,
		  int64_t now_us)
{
	s->now_us = now_us;
	if (!c->dying)
		conn_input(c, text, len);
	sweep(s);
}

void server_gone(struct server *s, struct xmpp_conn *c, bool for_good, int64_t now_us)
{
	s->now_us = now_us;
	if (for_good || !conn_sm_sleep(c))
		c->dying = true;
	c->gone = true;
	s->to_sweep = true;
	sweep(s);
}

void server_shutdown(struct server *s, int64_t now_us)
{
	s->now_us = now_us;
	for (struct room *r = s->rooms; r; r = r->next)
		if (!r->closing)        /* XEP-0045, 9.9: 332, the system shuts down */
			room_destroy(r, NULL, NULL, 332);
	for (struct xmpp_conn *c = s->conns; c; c = c->next)
		if (!c->dying)
			conn_end(c, "system-shutdown", "the host ends", 1001, "the host ends");
	s->to_sweep = true;
	sweep(s);
	while (s->channels)
		channel_close(s->channels, 1001, "the host ends");
}

/* ---- time ---- */

void server_tick(struct server *s, int64_t now_us)
{
	s->now_us = now_us;
	s->due_us = CLOCK_NEVER;
	for (struct xmpp_conn *c = s->conns; c; c = c->next)
		if (!c->dying)
			conn_tick(c);
	for (struct room *r = s->rooms; r; r = r->next)
		if (!r->closing)
			room_tick(r);
	sweep(s);
	for (struct xmpp_conn *c = s->conns; c; c = c->next)
		server_due_at(s, conn_due(c));
	for (struct room *r = s->rooms; r; r = r->next)
		server_due_at(s, room_due(r));
}

/* ---- the bridge's word ---- */

static struct occupant *find_endpoint(struct server *s, unsigned room, const char *endpoint)
{
	for (struct room *r = s->rooms; r; r = r->next)
		if (r->number == room && !r->closing)
			return room_by_nick(r, endpoint);
	return NULL;
}

void server_bridge_state(struct server *s, unsigned room, const char *endpoint, uint64_t session,
			 enum bridge_endpoint_state state, const char *why, int64_t now_us)
{
	struct occupant *o;

	s->now_us = now_us;
	o = find_endpoint(s, room, endpoint);
	if (o)
		focus_bridge_state(o, session, state, why);
	sweep(s);
}

void server_bridge_send(struct server *s, unsigned room, const char *endpoint, const char *text,
			size_t len, int64_t now_us)
{
	struct occupant *o;

	s->now_us = now_us;
	o = find_endpoint(s, room, endpoint);
	if (o && o->session.channel && s->ops.send(s->ctx, o->session.channel->link, text, len) < 0)
		channel_close(o->session.channel, 1008, "does not read");
}

/* ---- figures ---- */

void server_stats(const struct server *s, struct server_stats *out)
{
	*out = s->stats;
	out->connections = out->asleep = out->rooms = out->people = out->largest = out->sessions = out->channels = 0;
	for (const struct xmpp_conn *c = s->conns; c; c = c->next)
		*(c->asleep_until_us ? &out->asleep : &out->connections) += 1;
	for (const struct channel *ch = s->channels; ch; ch = ch->next)
		out->channels++;
	for (const struct room *r = s->rooms; r; r = r->next) {
		out->rooms++;
		out->people += r->people;
		out->largest = r->people > out->largest ? r->people : out->largest;
		for (const struct occupant *o = r->first; o; o = o->next)
			out->sessions += o->session.state == SESSION_ACTIVE;
	}
}
