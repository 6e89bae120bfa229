/* source_map.c - whose the bridge's own numbers are (SSRC rewriting)
 *
 *	bridge: 50 slots, each with an SSRC of its own -> AudioSourcesMap
 *	entry: SSRC known, other source	the slot was given to somebody else
 *	       source known, other SSRC	it moved
 *
 * The focus signals no sources then, and whose voice a packet is is known from
 * the channel alone.  Maps say what changed; the first ones after the channel
 * opened say all.  They may come after the first packets: sound of an SSRC that
 * nobody knows is played, and gets its owner's name and volume with the map.
 * Who leaves is not told: the room's presence is.
 */
#include "call/call_priv.h"
#include <string.h>
#include "base/log.h"
#include "base/text.h"

enum { NAMES_US = 20000000 };   /* two forms of the channel have been tried by then */

/* The bridge's own ones only report. */
static bool is_persons(const struct call *c, const char *owner, const char *name)
{
	return *owner && strcmp(owner, "jvb") && strcmp(owner, c->nick) && !text_starts(name, "jvb-");
}

/* Of its other number; who sends two voices names them differently. */
static void forget_moved(struct call *c, const struct source *s)
{
	for (size_t i = c->sources.count; i-- > 0;) {
		const struct source *o = &c->sources.v[i];

		if (!o->video && o->ssrc != s->ssrc && !strcmp(o->name, s->name) &&
		    !strcmp(o->owner, s->owner))
			session_remove_source(c, o->ssrc);
	}
}

static void take(struct call *c, const struct source *s)
{
	const struct source *old = source_set_find(&c->sources, s->ssrc);

	if (old && !strcmp(old->name, s->name) && !strcmp(old->owner, s->owner))
		return;
	/* Buffer and decoder begin anew: it is another voice. */
	if (old)
		session_remove_source(c, s->ssrc);
	forget_moved(c, s);
	session_add_source(c, s);
}

void source_map_take(struct call *c, const struct colibri *m)
{
	/* Nobody may rename what the focus signalled. */
	if (!c->rewriting)
		return;
	for (size_t i = 0; i < m->maps; i++) {
		struct source s = {
			.ssrc = m->map[i].ssrc, .owner = m->map[i].owner, .name = m->map[i].source,
			.msid = (char[]){ "" },
		};

		if (is_persons(c, s.owner, s.name))
			take(c, &s);
	}
}

/* No channel, no names: the room is joined again, and the focus signals the
 * sources.  Features cannot change while one is in it. */
static void give_up(struct call *c)
{
	c->rewriting = false;
	if (call_make_caps(c))
		return;
	log_info("call", "no bridge channel: joining again without SSRC rewriting");
	request_anew(c, "the bridge's channel does not open; joining again without SSRC rewriting");
}

void source_map_watch(struct call *c)
{
	if (!c->rewriting || c->channel_open || c->channel_was_open || !c->media_up ||
	    c->phase != PHASE_JOINED) {
		c->unnamed_us = 0;
		return;
	}
	if (!c->unnamed_us)     /* where none was offered there is nothing to wait for */
		c->unnamed_us = c->now_us + (c->channel_form == FORM_NONE ? 0 : NAMES_US);
	if (c->now_us < c->unnamed_us)
		return;
	c->unnamed_us = 0;
	give_up(c);
}
