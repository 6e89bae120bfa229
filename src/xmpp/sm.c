/* sm.c - stream management, one end of it
 *
 *	first .. last    sent, not acknowledged, oldest first
 *	acked            number of the last one that is; acked + count == sent
 *
 * Counters are 64 bits wide and go out modulo 2^32 (XEP-0198, 4: "the counter
 * wraps").  An h is taken as the distance from the last one: more than what
 * waits is absurd, and so is every step back.
 */
#include "xmpp/sm.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

enum {
	ASK_EVERY = 5,          /* as the web client's, and Jitsi's servers */
	ASK_AFTER_US = 2000000
};

struct sm_stanza { struct sm_stanza *next; int64_t sent_us; size_t len; char text[]; };

struct sm {
	size_t max_count, max_bytes;
	struct sm_stanza *first, *last;
	size_t count, bytes;
	uint64_t sent, acked;
	uint32_t got;
	bool lost;              /* not all that counts is kept */
	bool asked;             /* <r/> is out */
	int64_t ask_at_us;
};

int sm_new(struct sm **out, size_t max_count, size_t max_bytes)
{
	struct sm *sm = calloc(1, sizeof(*sm));

	*out = sm;
	if (!sm)
		return -ENOMEM;
	sm->max_count = max_count;
	sm->max_bytes = max_bytes;
	sm->ask_at_us = CLOCK_NEVER;
	return 0;
}

static void drop_first(struct sm *sm)
{
	struct sm_stanza *s = sm->first;

	sm->first = s->next;
	if (!sm->first)
		sm->last = NULL;
	sm->count--;
	sm->bytes -= s->len;
	free(s);
}

static void drop_all(struct sm *sm)
{
	while (sm->first)
		drop_first(sm);
	sm->asked = false;
	sm->ask_at_us = CLOCK_NEVER;
}

void sm_free(struct sm **smp)
{
	if (*smp)
		drop_all(*smp);
	free(*smp);
	*smp = NULL;
}

void sm_start_at(struct sm *sm, uint64_t sent, uint32_t got)
{
	drop_all(sm);
	sm->sent = sm->acked = sent;
	sm->got = got;
	sm->lost = false;
}

void sm_start(struct sm *sm)
{
	sm_start_at(sm, 0, 0);
}

/* ---- in ---- */

void sm_got(struct sm *sm)
{
	sm->got++;
}

uint32_t sm_h(const struct sm *sm)
{
	return sm->got;
}

/* ---- out ---- */

static void lose(struct sm *sm)
{
	sm->lost = true;
	drop_all(sm);
}

int sm_sent(struct sm *sm, const char *text, size_t len, int64_t now_us)
{
	struct sm_stanza *s;

	sm->sent++;
	if (sm->lost)
		return -ENOBUFS;
	if (sm->count >= sm->max_count || len > sm->max_bytes - sm->bytes) {
		lose(sm);
		return -ENOBUFS;
	}
	s = malloc(sizeof(*s) + len);
	if (!s) {
		lose(sm);
		return -ENOMEM;
	}
	s->next = NULL;
	s->sent_us = now_us;
	s->len = len;
	memcpy(s->text, text, len);
	if (sm->last)
		sm->last->next = s;
	else
		sm->first = s;
	sm->last = s;
	sm->count++;
	sm->bytes += len;
	sm->ask_at_us = now_us + ASK_AFTER_US;
	return 0;
}

bool sm_ack_ok(const struct sm *sm, uint32_t h)
{
	return (uint32_t)(h - (uint32_t)sm->acked) <= sm->sent - sm->acked;
}

int sm_acked(struct sm *sm, uint32_t h)
{
	uint32_t more = h - (uint32_t)sm->acked;

	if (!sm_ack_ok(sm, h)) {
		lose(sm);
		return -EINVAL;
	}
	sm->acked += more;
	for (; more && sm->first; more--)
		drop_first(sm);
	sm->asked = false;
	if (!sm->first)
		sm->ask_at_us = CLOCK_NEVER;
	return 0;
}

uint64_t sm_last_acked(const struct sm *sm)
{
	return sm->acked;
}

size_t sm_waiting(const struct sm *sm)
{
	return sm->count;
}

bool sm_can_resume(const struct sm *sm)
{
	return !sm->lost;
}

const char *sm_next(const struct sm *sm, const struct sm_stanza **at, size_t *len)
{
	*at = *at ? (*at)->next : sm->first;
	if (!*at)
		return NULL;
	*len = (*at)->len;
	return (*at)->text;
}

int64_t sm_stanza_us(const struct sm_stanza *at)
{
	return at->sent_us;
}

/* ---- asking ---- */

int64_t sm_ask_at(const struct sm *sm)
{
	return sm->asked ? CLOCK_NEVER : sm->ask_at_us;
}

bool sm_ask(struct sm *sm, int64_t now_us)
{
	if (sm->asked || !sm->count || (sm->count < ASK_EVERY && now_us < sm->ask_at_us))
		return false;
	sm->asked = true;
	return true;
}

void sm_ask_again(struct sm *sm, int64_t now_us)
{
	sm->asked = false;
	sm->ask_at_us = sm->count ? now_us : CLOCK_NEVER;
}

int sm_h_parse(const char *attr, uint32_t *h)
{
	uint64_t n;

	if (!attr)
		return -ENOENT;
	if (text_u64(attr, 0, UINT32_MAX, &n))
		return -EINVAL;
	*h = (uint32_t)n;
	return 0;
}
