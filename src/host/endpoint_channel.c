/* endpoint_channel.c - messages of the bridge channel
 *
 * One table maps classes to handlers.  What an endpoint says is copied with
 * bounds; how much it may say is limited by a bucket of tokens, for messages
 * are passed on to up to 19 others.
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"
#include "host/endpoint.h"

enum {
	BURST = 200, PER_S = 50,        /* messages */
	MESSAGE_MAX = 64 * 1024,        /* bytes */
	NAMES_MAX = 256,                /* sources in one subscription or constraints */
};

void endpoint_text(struct endpoint *e, const char *text, size_t len)
{
	if (!e->channel || !len)
		return;
	if (e->by_data)
		endpoint_data_text(e, text, len);
	else
		e->f->ops.channel_send(e->f->ctx, e->room->number, e->id, text, len);
}

/* ---- opening and closing ---- */

static void tell_hello(struct endpoint *e)
{
	struct buf b = {0};

	colibri_write_hello(&b, true);
	endpoint_text(e, buf_str(&b), b.len);
	buf_free(&b);
}

static void tell_inactive(struct endpoint *e)
{
	for (size_t i = 0; i < SLOTS; i++) {
		const struct endpoint *other = e->room->slot[i];
		struct buf b = {0};

		if (!other || !other->inactive)
			continue;
		colibri_write_connectivity(&b, other->id, false);
		endpoint_text(e, buf_str(&b), b.len);
		buf_free(&b);
	}
}

void endpoint_channel_opened(struct endpoint *e, bool by_data, int64_t now_us)
{
	e->channel = true;
	e->by_data = by_data;
	*(by_data ? &e->data_open : &e->websocket) = true;
	e->tokens = BURST;
	e->tokens_us = now_us;
	if (!by_data)           /* the bridge greets on a WebSocket alone */
		tell_hello(e);
	picture_tell_all(e);
	tell_inactive(e);
	hall_tell_dominant(e->room, e);
	hall_dirty(e->room, now_us);
}

static void free_names(char ***v, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		g_free((*v)[i]);
	g_clear_pointer(v, g_free);
	*n = 0;
}

void endpoint_channel_clear(struct endpoint *e)
{
	e->channel = e->websocket = e->data_open = e->by_data = false;
	e->constrained = e->subscribed = false;
	g_clear_pointer(&e->selected, g_free);
	g_clear_pointer(&e->on_stage, g_free);
	g_clear_pointer(&e->constraint, g_free);
	g_clear_pointer(&e->forwarded, g_free);
	e->selected_count = e->on_stage_count = e->constraints = 0;
	free_names(&e->include, &e->includes);
	free_names(&e->exclude, &e->excludes);
}

void endpoint_channel_closed(struct endpoint *e, bool by_data, int64_t now_us)
{
	/* It opens anew in a moment, and says what it wants again or relies on
	 * what it said: the bridge keeps that, too. */
	*(by_data ? &e->data_open : &e->websocket) = false;
	e->by_data = e->data_open;
	e->channel = e->data_open || e->websocket;
	hall_dirty(e->room, now_us);
}

void endpoint_inherit(struct endpoint *e, struct endpoint *before)
{
	e->channel = e->websocket = before->websocket;  /* SCTP ends with its session */
	e->tokens = before->tokens;
	e->tokens_us = before->tokens_us;
	e->constrained = before->constrained;
	e->last_n = before->last_n;
	e->selected = g_steal_pointer(&before->selected);
	e->selected_count = before->selected_count;
	e->on_stage = g_steal_pointer(&before->on_stage);
	e->on_stage_count = before->on_stage_count;
	e->def = before->def;
	e->constraint = g_steal_pointer(&before->constraint);
	e->constraints = before->constraints;
	e->subscribed = before->subscribed;
	e->all = before->all;
	e->include = g_steal_pointer(&before->include);
	e->includes = before->includes;
	e->exclude = g_steal_pointer(&before->exclude);
	e->excludes = before->excludes;
	before->includes = before->excludes = 0;
	before->channel = before->websocket = false;
}

/* ---- what it may hear ---- */

static bool names(char *const *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], name))
			return true;
	return false;
}

/* exclude goes before include, include before all. */
void endpoint_subscription(const struct endpoint *receiver, struct track *t)
{
	bool off = false;

	if (receiver->subscribed && !t->video)
		off = names(receiver->exclude, receiver->excludes, t->name) ||
		      (!receiver->all && !names(receiver->include, receiver->includes, t->name));
	t->sub[receiver->slot].excluded = off;
}

static void copy_names(char ***to, size_t *n, char *const *from, size_t count)
{
	free_names(to, n);
	count = count < NAMES_MAX ? count : NAMES_MAX;
	*to = g_new0(char *, count + 1);
	for (size_t i = 0; i < count; i++)
		(*to)[i] = g_strdup(from[i]);
	*n = count;
}

static void on_subscription(struct endpoint *e, const struct colibri *c, int64_t now_us)
{
	(void)now_us;
	e->subscribed = true;
	e->all = c->all;
	copy_names(&e->include, &e->includes, c->include, c->includes);
	copy_names(&e->exclude, &e->excludes, c->exclude, c->excludes);
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t k = 0; e->room->slot[i] && k < e->room->slot[i]->tracks; k++)
			endpoint_subscription(e, e->room->slot[i]->track[k]);
}

/* ---- what it may see ---- */

static void copy_list(char (**to)[NAME], size_t *n, const char (*from)[64], size_t count)
{
	g_free(*to);
	*to = g_memdup2(from, count * sizeof(*from));
	*n = count;
}

static void on_constraints(struct endpoint *e, const struct colibri *c, int64_t now_us)
{
	size_t n = c->constraints < NAMES_MAX ? c->constraints : NAMES_MAX;

	/* A field that is missing keeps its value. */
	e->constrained = true;
	if (c->has_last_n)
		e->last_n = c->last_n;
	if (c->has_selected)
		copy_list(&e->selected, &e->selected_count, c->selected, c->selected_count);
	if (c->has_on_stage)
		copy_list(&e->on_stage, &e->on_stage_count, c->on_stage, c->on_stage_count);
	if (c->has_default)
		e->def = c->def;
	if (c->has_constraints) {
		g_free(e->constraint);
		e->constraint = g_memdup2(c->constraint, n * sizeof(*c->constraint));
		e->constraints = n;
	}
	hall_dirty(e->room, now_us);
}

static void on_video_type(struct endpoint *e, const struct colibri *c, int64_t now_us)
{
	bool off = text_same_nocase(c->video_type, "none");

	for (size_t i = 0; i < e->tracks; i++) {
		struct track *t = e->track[i];

		/* The old form names no source: it has but one. */
		if (t->video && (!*c->source || !strcmp(t->name, c->source)))
			t->off = off;
	}
	hall_dirty(e->room, now_us);
}

/* ---- what it says to others ---- */

static struct endpoint *in_room(struct hall *r, const char *id)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slot[i] && !strcmp(r->slot[i]->id, id))
			return r->slot[i];
	return NULL;
}

/* A message with its sender's id; nobody writes in another's name. */
static void relay(struct endpoint *e, const char *text, size_t len, const char *to)
{
	char *signed_text = colibri_with_from(text, len, e->id);
	struct endpoint *one = *to ? in_room(e->room, to) : NULL;

	if (!signed_text)
		return;
	if (!*to)
		hall_broadcast(e->room, e, signed_text, strlen(signed_text));
	else if (one)
		endpoint_text(one, signed_text, strlen(signed_text));
	free(signed_text);
}

static void on_hello(struct endpoint *e, const struct colibri *c, int64_t now_us)
{
	(void)c;
	(void)now_us;
	tell_hello(e);
}

static const struct {
	enum colibri_class cls;
	void (*fn)(struct endpoint *e, const struct colibri *c, int64_t now_us);
} handlers[] = {
	{ COLIBRI_CLIENT_HELLO, on_hello },
	{ COLIBRI_RECEIVER_CONSTRAINTS, on_constraints },
	{ COLIBRI_LAST_N, on_constraints },
	{ COLIBRI_VIDEO_TYPE, on_video_type },
	{ COLIBRI_AUDIO_SUBSCRIPTION, on_subscription },
};

static bool may_say(struct endpoint *e, int64_t now_us)
{
	e->tokens += (double)(now_us - e->tokens_us) * PER_S / 1e6;
	e->tokens = e->tokens < BURST ? e->tokens : BURST;
	e->tokens_us = now_us;
	if (e->tokens < 1)
		return false;
	e->tokens--;
	return true;
}

void endpoint_message(struct endpoint *e, const char *text, size_t len, int64_t now_us)
{
	struct colibri c;

	if (len > MESSAGE_MAX || !may_say(e, now_us)) {
		e->f->stats.limited++;
		return;
	}
	if (colibri_parse(&c, text, len)) {
		e->f->stats.dropped++;
		return;
	}
	for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++)
		if (handlers[i].cls == c.cls)
			handlers[i].fn(e, &c, now_us);
	if (c.cls == COLIBRI_ENDPOINT_MESSAGE && c.payload)
		relay(e, text, len, c.to);
	else if (c.cls == COLIBRI_ENDPOINT_STATS)
		relay(e, text, len, "");
	colibri_clear(&c);
}
