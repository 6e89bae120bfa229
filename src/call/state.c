/* state.c - questions that others ask the core, and its dump */
#include "call/call_priv.h"
#include <string.h>

enum call_state call_get_state(const struct call *c)
{
	return c->state;
}

bool call_stalls(const struct call *c, int64_t now_us)
{
	enum { LONG_US = 3000000 };

	return c->state == CALL_RECONNECTING ||
	       (c->state == CALL_JOINED && c->stream && xmpp_stream_waits_us(c->stream, now_us) > LONG_US);
}

size_t call_people(const struct call *c)
{
	return c->people;
}

bool call_person(const struct call *c, size_t i, struct call_person *out)
{
	if (i >= c->people)
		return false;
	*out = c->person[i]->p;
	return true;
}

bool call_find_person(const struct call *c, const char *id, struct call_person *out)
{
	for (size_t i = 0; i < c->people; i++)
		if (!strcmp(c->person[i]->id, id)) {
			*out = c->person[i]->p;
			return true;
		}
	return false;
}

const char *call_subject(const struct call *c)
{
	return c->subject;
}

const char *call_room_title(const struct call *c)
{
	return c->a.title;
}

const char *call_url(const struct call *c)
{
	return c->a.page;
}

const char *call_source_owner(const struct call *c, uint32_t ssrc)
{
	const struct source *s = source_set_find(&c->sources, ssrc);

	return s && !s->video && *s->owner && strcmp(s->owner, "jvb") ? s->owner : NULL;
}

bool call_sound(const struct call *c, size_t i, uint32_t *ssrc, const char **owner)
{
	if (i >= c->sources.count)
		return false;
	*ssrc = c->sources.v[i].ssrc;
	*owner = call_source_owner(c, *ssrc);
	return true;
}

int64_t call_next_try_us(const struct call *c)
{
	return c->phase == PHASE_WAITING ? c->next_try_us : c->cut ? c->resume_at_us : 0;
}

unsigned call_attempt(const struct call *c)
{
	return c->cut ? c->resume_try : c->attempt;
}

void call_counters(const struct call *c, struct call_counters *out)
{
	*out = c->count;
}

static const char *channel_words(const struct call *c)
{
	if (c->channel_open)
		return c->channel_form == FORM_DATA ? "open by SCTP" : "open by WebSocket";
	return c->channel_form == FORM_NONE ? "none" : "closed";
}

static const char *lobby_words(const struct call *c)
{
	if (c->door.on)
		return c->door.me ? "on, watched" : "on";
	return c->door.component ? "off" : "none";
}

void call_print(const struct call *c, struct buf *out)
{
	static const char *const phases[] = { "idle", "config", "connecting", "requesting", "joining",
		"joined", "asking", "lobby", "waiting", "leaving", "over" };
	struct xmpp_counters x = { 0 };

	_Static_assert(sizeof(phases) / sizeof(phases[0]) == PHASE_OVER + 1, "a word for each phase");
	if (c->stream)
		xmpp_stream_counters(c->stream, &x);
	buf_addf(out, "call %s\n  phase %s, attempt %u, nick %s, focus %s\n", c->a.page,
		 phases[c->phase], c->attempt, c->nick ? c->nick : "-",
		 c->focus_jid ? c->focus_jid : "-");
	buf_addf(out, "  domain %s, muc %s, websocket %s%s\n", c->d.domain ? c->d.domain : "-",
		 c->d.muc ? c->d.muc : "-", c->d.websocket ? c->d.websocket : "-",
		 c->d.guessed ? " (guessed)" : "");
	buf_addf(out, "  session %s, media %s, ssrc %u, sources %zu, channel %s\n",
		 c->sid ? c->sid : "-", c->media_up ? "up" : c->media_running ? "connecting" : "none",
		 c->ssrc, c->sources.count, channel_words(c));
	buf_addf(out, "  sessions %llu, restarts %llu, bridges replaced %llu, focus lost %llu; "
		 "%llu times without sound, %.1f s in all, at most %.1f s\n",
		 (unsigned long long)c->count.sessions, (unsigned long long)c->count.restarts,
		 (unsigned long long)c->count.moved, (unsigned long long)c->count.focus_lost,
		 (unsigned long long)c->count.outages, (double)c->count.outage_us / 1e6,
		 (double)c->count.longest_outage_us / 1e6);
	buf_addf(out, "  lobby %s, %zu knock; shard %s, next keep-alive in %lld s\n", lobby_words(c),
		 c->door.knockers, c->shard.name ? c->shard.name : "-",
		 c->shard.at_us ? (long long)(c->shard.at_us - c->now_us) / 1000000 : -1);
	buf_addf(out, "  muted %d, hand %lld, people %zu, messages queued %u, not confirmed %u, unsure %u\n",
		 c->muted, (long long)c->hand_ms, c->people, c->out.count, c->sent.count, c->unsure.count);
	buf_addf(out, "  stanzas in %llu, out %llu, malformed %llu; forged %llu, unknown IQs %llu, "
		 "P2P offers declined %llu, rejoined %llu, resumed %llu\n"
		 "  unacknowledged stanzas %zu, sent again %llu, acknowledgements that do not add up %llu%s",
		 (unsigned long long)x.in, (unsigned long long)x.out,
		 (unsigned long long)(x.malformed + c->count.malformed),
		 (unsigned long long)c->count.forged, (unsigned long long)c->count.unknown_iq,
		 (unsigned long long)c->count.p2p_declined, (unsigned long long)c->count.rejoined,
		 (unsigned long long)c->count.resumed, x.unacked, (unsigned long long)x.resent,
		 (unsigned long long)x.bad_acks, !c->stream ? "" : c->cut ? "; cut"
		 : xmpp_stream_managed(c->stream) ? "" : "; no stream management");
}
