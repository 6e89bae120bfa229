/* ice_mux_check.c - checks in and out, pairs, consent
 *
 * A pair is made by a check of the peer's that was right; there is no list
 * of candidates to try.  Each new one is answered, and checked in turn once
 * the peer's password is known; the first that answers is selected and
 * nominated at once.
 *
 * The peer moves (another network, a NAT's new port): a right check comes
 * from elsewhere.  While the selected pair is alive nothing changes, for a
 * browser also checks what it does not use.  If it has been quiet it is asked
 * at once, and when it does not answer within MOVE_US the other one is taken.
 *
 * An address that leads to one endpoint is given to another only when that
 * one answered from there: a participant who forges the source of a check
 * cannot cut another's line.
 *
 * Our tie-breaker is the greatest there is, so that the host stays the
 * controlling agent, as its offer says.
 */
#include "rtc/ice_mux_priv.h"
#include <errno.h>
#include <string.h>
#include <stun/usages/ice.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "rtc/wire.h"

enum {
	HEADER = 20,
	COOKIE = 0x2112A442,            /* RFC 8489 section 5 */
	/* RFC 8445 section 5.1.2.1: type 110 (peer reflexive), one component. */
	PRIORITY_PRFLX = 110 << 24 | 65535 << 8 | 255,
	FIRST_WAIT_US = 100000,
	LONGEST_WAIT_US = 1600000,
	CHECK_LIFE_US = 5000000,        /* then the next one has a new id */
	QUIET_US = 1000000, MOVE_US = 600000,
	FRESH_US = 5000000,
	/* RFC 7675 section 5.1: every 5 s, times 0.8 to 1.2; lost after 30 s. */
	CONSENT_MIN_US = 4000000, CONSENT_MAX_US = 6000000,
	LOST_US = 30000000,
	DISCONNECTED_US = 8000000,      /* the bridge's time for "inactive" */
	STUN_PER_S = 200,
	ROLE_CHANGES = 4,
};
static const uint64_t TIE = UINT64_MAX;

/* ---- looking at a message before any work is done for it ---- */

struct look {
	unsigned type;
	const uint8_t *username;
	size_t username_len;
	bool integrity;
};

static bool is_class(const struct look *l, StunClass c)
{
	return l->type == (1u | (unsigned)(c & 1) << 4 | (unsigned)(c & 2) << 7);
}

/* Lengths are checked here because the codec takes a MESSAGE-INTEGRITY at
 * its word. */
static bool look_at(struct look *l, const uint8_t *p, size_t len)
{
	size_t at = HEADER;

	memset(l, 0, sizeof(*l));
	if (len < HEADER || len > MUX_DATAGRAM || get16(p + 2) != len - HEADER ||
	    get32(p + 4) != COOKIE)
		return false;
	l->type = get16(p);
	while (at < len) {
		unsigned type;
		size_t n;

		if (len - at < 4)
			return false;
		type = get16(p + at);
		n = get16(p + at + 2);
		if ((n + 3) / 4 * 4 > len - at - 4)
			return false;
		if (type == STUN_ATTRIBUTE_USERNAME && !l->integrity) {
			l->username = p + at + 4;
			l->username_len = n;
		}
		if (type == STUN_ATTRIBUTE_MESSAGE_INTEGRITY) {
			if (n != 20)
				return false;
			l->integrity = true;
		}
		if (type == STUN_ATTRIBUTE_FINGERPRINT && n != 4)
			return false;
		at += 4 + (n + 3) / 4 * 4;
	}
	return true;
}

static struct mux_end *find_end(struct ice_mux *m, const struct look *l)
{
	const uint8_t *colon = l->username ? memchr(l->username, ':', l->username_len) : NULL;
	char ufrag[MUX_UFRAG + 1];
	size_t n;

	if (!colon)
		return NULL;
	n = (size_t)(colon - l->username);
	if (!n || n > MUX_UFRAG || memchr(l->username, 0, n))
		return NULL;
	memcpy(ufrag, l->username, n);
	ufrag[n] = 0;
	return g_hash_table_lookup(m->by_ufrag, ufrag);
}

/* ---- states and pairs ---- */

static void set_state(struct mux_end *e, enum transport_state state)
{
	if (e->state == state || e->state == TRANSPORT_FAILED)
		return;
	e->state = state;
	log_debug("rtc", "ice %s: %s", e->ufrag, state == TRANSPORT_CONNECTED ? "connected" :
		  state == TRANSPORT_DISCONNECTED ? "disconnected" : "failed");
	if (e->base.ev.state)
		e->base.ev.state(e->base.ctx, state);
}

static struct mux_pair *selected(struct mux_end *e)
{
	return e->selected < 0 ? NULL : e->pair + e->selected;
}

struct mux_pair *mux_find_pair(struct mux_end *e, const struct mux_addr *a)
{
	for (size_t i = 0; i < MUX_PAIRS; i++)
		if (e->pair[i].used && mux_addr_same(&e->pair[i].remote, a))
			return e->pair + i;
	return NULL;
}

static void stop_check(struct mux_end *e, struct mux_pair *p)
{
	if (p->checking)
		stun_agent_forget_transaction(&e->agent, p->id);
	p->checking = false;
	g_clear_pointer(&p->msg, g_free);
}

void mux_pair_drop(struct mux_end *e, struct mux_pair *p)
{
	if (!p->used)
		return;
	stop_check(e, p);
	mux_unbind(e, p);
	if (selected(e) == p)
		e->selected = -1;
	memset(p, 0, sizeof(*p));
}

/* A free place, or that of the pair that has been quiet for longest. */
static struct mux_pair *new_pair(struct mux_end *e, const struct mux_addr *a)
{
	struct mux_pair *p = NULL;

	for (size_t i = 0; i < MUX_PAIRS; i++) {
		struct mux_pair *q = e->pair + i;

		if (q == selected(e))
			continue;
		if (!p || !q->used || (p->used && q->heard_us < p->heard_us))
			p = q;
		if (!q->used)
			break;
	}
	mux_pair_drop(e, p);
	p->used = true;
	p->remote = *a;
	return p;
}

/* Where to send: until a pair is valid, where the last right check came from. */
struct mux_pair *mux_send_pair(struct mux_end *e)
{
	struct mux_pair *p = selected(e);

	if (p)
		return p;
	for (size_t i = 0; i < MUX_PAIRS; i++)
		if (e->pair[i].bound && (!p || e->pair[i].heard_us > p->heard_us))
			p = e->pair + i;
	return p;
}

void mux_heard(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	if (!p)
		return;
	p->heard_us = now_us;
	if (e->state == TRANSPORT_DISCONNECTED && p == selected(e))
		set_state(e, TRANSPORT_CONNECTED);
}

/* ---- own checks ---- */

static void transmit(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	mux_send(e->mux, p, p->msg, p->msg_len);
	p->next_us = now_us + p->wait_us;
	p->wait_us = 2 * p->wait_us < LONGEST_WAIT_US ? 2 * p->wait_us : LONGEST_WAIT_US;
	mux_wake(e->mux, p->next_us);
}

static size_t write_username(const struct mux_end *e, uint8_t *out)
{
	size_t a = strlen(e->remote_ufrag), b = strlen(e->ufrag);

	memcpy(out, e->remote_ufrag, a);
	out[a] = ':';
	memcpy(out + a + 1, e->ufrag, b);
	return a + 1 + b;
}

static void start_check(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	uint8_t name[2 * MUX_UFRAG + 1], buf[MUX_CHECK];
	size_t n = write_username(e, name), len;
	StunMessage msg;

	stop_check(e, p);
	p->nominates = e->controlling && (e->selected < 0 || p == selected(e));
	len = stun_usage_ice_conncheck_create(&e->agent, &msg, buf, sizeof(buf), name, n,
					      (const uint8_t *)e->remote_pwd, strlen(e->remote_pwd),
					      p->nominates, e->controlling, PRIORITY_PRFLX,
					      TIE, NULL,
					      STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (!len)
		return;
	stun_message_id(&msg, p->id);
	p->msg = g_memdup2(buf, len);
	p->msg_len = len;
	p->checking = true;
	p->began_us = now_us;
	p->wait_us = FIRST_WAIT_US;
	transmit(e, p, now_us);
}

static void select_pair(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	bool nominate = e->controlling && !p->nominates;

	e->selected = (int)(p - e->pair);
	e->consent_us = now_us;
	e->next_consent_us = now_us;
	if (!nominate)
		e->next_consent_us += rng_between(CONSENT_MIN_US, CONSENT_MAX_US);
	mux_wake(e->mux, e->next_consent_us);
	set_state(e, TRANSPORT_CONNECTED);
}

void mux_remote_known(struct mux_end *e, int64_t now_us)
{
	for (size_t i = 0; i < MUX_PAIRS; i++)
		if (e->pair[i].used)
			start_check(e, e->pair + i, now_us);
}

/* ---- checks of the peer's ---- */

static bool give_password(StunAgent *agent, StunMessage *msg, uint8_t *name, uint16_t name_len,
			  uint8_t **pwd, size_t *pwd_len, void *ctx)
{
	struct mux_end *e = ctx;

	(void)agent;
	(void)msg;
	(void)name;
	(void)name_len;
	*pwd = (uint8_t *)e->pwd;
	*pwd_len = strlen(e->pwd);
	return true;
}

static void refuse_attributes(struct mux_end *e, const struct mux_pair *p, const StunMessage *rq)
{
	uint8_t buf[MUX_CHECK];
	StunMessage re;
	size_t len = stun_agent_build_unknown_attributes_error(&e->agent, &re, buf,
							       sizeof(buf), rq);

	if (len)
		mux_send(e->mux, p, buf, len);
}

static bool reply(struct mux_end *e, const struct mux_pair *p, StunMessage *rq)
{
	struct sockaddr_storage src;
	uint8_t buf[MUX_CHECK];
	size_t len = sizeof(buf);
	bool control = e->controlling;
	StunUsageIceReturn r;
	StunMessage re;
	socklen_t src_len;

	mux_addr_to_sock(&p->remote, false, &src, &src_len);
	r = stun_usage_ice_conncheck_create_reply(&e->agent, rq, &re, buf, &len, &src, src_len,
						  &control, TIE,
						  STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (len)
		mux_send(e->mux, p, buf, len);
	if (control != e->controlling && e->role_changes++ < ROLE_CHANGES)
		e->controlling = control;
	/* A role conflict that we resolved is answered like any other check;
	 * one that the peer has to resolve was answered with 487. */
	return r == STUN_USAGE_ICE_RETURN_SUCCESS ||
	       (r == STUN_USAGE_ICE_RETURN_ROLE_CONFLICT &&
		stun_message_get_class(&re) == STUN_RESPONSE);
}

static void bind_if_free(struct mux_end *e, struct mux_pair *p)
{
	struct mux_end *owner = g_hash_table_lookup(e->mux->by_addr, &p->remote);
	struct mux_pair *q = owner ? mux_find_pair(owner, &p->remote) : NULL;

	if (owner == e)
		return;
	if (q && q->valid_us && owner->state != TRANSPORT_FAILED)
		return;         /* only by an answer from there */
	if (q)
		mux_pair_drop(owner, q);
	mux_bind(e, p);
}

static void after_check(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	struct mux_pair *s = selected(e);
	bool quiet = s && s != p && now_us - s->heard_us >= QUIET_US;

	if (!*e->remote_pwd)
		return;
	if (!p->checking && (!p->valid_us || (quiet && now_us - p->valid_us >= FRESH_US)))
		start_check(e, p, now_us);
	if (quiet && !s->checking)
		start_check(e, s, now_us);
}

static bool over_limit(struct mux_end *e, int64_t now_us)
{
	if (e->stun_second != now_us / 1000000) {
		e->stun_second = now_us / 1000000;
		e->stuns = 0;
	}
	return ++e->stuns > STUN_PER_S;
}

static void request(struct mux_end *e, const uint8_t *in, size_t len, const struct mux_addr *from,
		    const uint8_t local[16], int64_t now_us)
{
	StunValidationStatus status;
	struct mux_pair *p;
	StunMessage rq;

	status = stun_agent_validate(&e->agent, &rq, in, len, give_password, e);
	if (status != STUN_VALIDATION_SUCCESS &&
	    status != STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE) {
		e->mux->stats.bad_integrity++;
		return;
	}
	e->checked_us = now_us;
	p = mux_find_pair(e, from);
	if (!p)
		p = new_pair(e, from);
	p->has_local = local;
	if (local)
		memcpy(p->local, local, sizeof(p->local));
	bind_if_free(e, p);
	if (status != STUN_VALIDATION_SUCCESS) {
		refuse_attributes(e, p, &rq);
		return;
	}
	if (!reply(e, p, &rq))
		return;
	after_check(e, p, now_us);
	if (!e->controlling && p->valid_us && p != selected(e) &&
	    stun_usage_ice_conncheck_use_candidate(&rq))
		select_pair(e, p, now_us);
	mux_heard(e, p, now_us);
}

/* ---- answers ---- */

static struct mux_end *find_check(struct ice_mux *m, const uint8_t *id, const struct mux_addr *from,
				  struct mux_pair **pair)
{
	for (size_t i = 0; i < m->ends->len; i++) {
		struct mux_end *e = g_ptr_array_index(m->ends, i);

		for (size_t k = 0; k < MUX_PAIRS; k++) {
			struct mux_pair *p = e->pair + k;

			if (p->checking && !memcmp(p->id, id, sizeof(p->id)) &&
			    mux_addr_same(&p->remote, from)) {
				*pair = p;
				return e;
			}
		}
	}
	return NULL;
}

/* The peer answered from there: the address is its own, whoever had it. */
static void take_address(struct mux_end *e, struct mux_pair *p)
{
	struct mux_end *owner = g_hash_table_lookup(e->mux->by_addr, &p->remote);

	if (owner == e)
		return;
	if (owner) {
		struct mux_pair *q = mux_find_pair(owner, &p->remote);
		bool was_selected = q == selected(owner);

		mux_pair_drop(owner, q);
		if (was_selected)
			set_state(owner, TRANSPORT_DISCONNECTED);
	}
	mux_bind(e, p);
}

static void answered(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	stop_check(e, p);
	p->valid_us = now_us;
	take_address(e, p);
	if (e->selected < 0) {
		select_pair(e, p, now_us);
	} else if (p == selected(e)) {
		e->consent_us = now_us;
		e->next_consent_us = now_us + rng_between(CONSENT_MIN_US, CONSENT_MAX_US);
		mux_wake(e->mux, e->next_consent_us);
	}
	mux_heard(e, p, now_us);
}

static void role_conflict(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	if (e->role_changes++ >= ROLE_CHANGES)
		return;
	/* RFC 8445 section 7.2.5.1: the other role, and again. */
	e->controlling = !e->controlling;
	start_check(e, p, now_us);
}

static bool is_error(const StunMessage *msg, int code)
{
	int got;

	return stun_message_get_class(msg) == STUN_ERROR &&
	       stun_message_find_error(msg, &got) == STUN_MESSAGE_RETURN_SUCCESS && got == code;
}

static void answer(struct mux_end *e, struct mux_pair *p, const uint8_t *in, size_t len,
		   int64_t now_us)
{
	struct sockaddr_storage mapped;
	socklen_t mapped_len = sizeof(mapped);
	StunValidationStatus status;
	StunMessage re;

	status = stun_agent_validate(&e->agent, &re, in, len, NULL, NULL);
	if (status != STUN_VALIDATION_SUCCESS) {
		e->mux->stats.bad_integrity++;
		return;
	}
	e->checked_us = now_us;
	switch (stun_usage_ice_conncheck_process(&re, &mapped, &mapped_len,
						 STUN_USAGE_ICE_COMPATIBILITY_RFC5245)) {
	case STUN_USAGE_ICE_RETURN_SUCCESS:
		answered(e, p, now_us);
		break;
	case STUN_USAGE_ICE_RETURN_ROLE_CONFLICT:
		role_conflict(e, p, now_us);
		break;
	default:
		stop_check(e, p);
		/* RFC 7675 section 5.2: the peer takes its consent back. */
		if (p == selected(e) && is_error(&re, STUN_ERROR_FORBIDDEN))
			set_state(e, TRANSPORT_FAILED);
	}
}

void mux_stun_input(struct ice_mux *m, const uint8_t *p, size_t len, const struct mux_addr *from,
		    const uint8_t local[16], int64_t now_us)
{
	struct mux_pair *pair = NULL;
	struct mux_end *e = NULL;
	struct look l;

	if (!look_at(&l, p, len)) {
		m->stats.unknown++;
		return;
	}
	if (is_class(&l, STUN_REQUEST))
		e = find_end(m, &l);
	else if ((is_class(&l, STUN_RESPONSE) || is_class(&l, STUN_ERROR)) && l.integrity)
		e = find_check(m, p + 4, from, &pair);
	if (!e || e->state == TRANSPORT_FAILED) {
		m->stats.unknown++;     /* indications, too: they only keep NATs open */
		return;
	}
	if (over_limit(e, now_us))
		m->stats.limited++;
	else if (pair)
		answer(e, pair, p, len, now_us);
	else
		request(e, p, len, from, local, now_us);
}

/* ---- time ---- */

static void tick_check(struct mux_end *e, struct mux_pair *p, int64_t now_us)
{
	if (!p->checking)
		return;
	if (now_us - p->began_us >= CHECK_LIFE_US) {
		stop_check(e, p);
		if (p == selected(e))
			e->next_consent_us = now_us;
		return;
	}
	if (now_us >= p->next_us)
		transmit(e, p, now_us);
	else
		mux_wake(e->mux, p->next_us);
}

static void tick_consent(struct mux_end *e, int64_t now_us)
{
	struct mux_pair *s = selected(e);

	if (!s || s->checking)
		return;
	if (now_us >= e->next_consent_us)
		start_check(e, s, now_us);
	else
		mux_wake(e->mux, e->next_consent_us);
}

static void look_for_better(struct mux_end *e, int64_t now_us)
{
	struct mux_pair *s = selected(e), *best = NULL;

	if (!s || !s->checking)
		return;
	if (now_us - s->began_us < MOVE_US) {
		mux_wake(e->mux, s->began_us + MOVE_US);
		return;
	}
	for (size_t i = 0; i < MUX_PAIRS; i++) {
		struct mux_pair *p = e->pair + i;

		if (p != s && p->valid_us && now_us - p->valid_us < FRESH_US &&
		    p->heard_us > (best ? best : s)->heard_us)
			best = p;
	}
	if (!best)
		return;
	log_debug("rtc", "ice %s: the peer moved", e->ufrag);
	best->nominates = false;
	select_pair(e, best, now_us);
	tick_consent(e, now_us);
}

static void judge_silence(struct mux_end *e, int64_t now_us)
{
	struct mux_pair *s = selected(e);

	if (!e->consent_us)
		return;
	if (now_us - e->consent_us >= LOST_US) {
		set_state(e, TRANSPORT_FAILED);
		return;
	}
	mux_wake(e->mux, e->consent_us + LOST_US);
	if (e->state != TRANSPORT_CONNECTED || !s)
		return;
	if (now_us - s->heard_us >= DISCONNECTED_US)
		set_state(e, TRANSPORT_DISCONNECTED);
	else
		mux_wake(e->mux, s->heard_us + DISCONNECTED_US);
}

void mux_end_tick(struct mux_end *e, int64_t now_us)
{
	if (e->state == TRANSPORT_FAILED)
		return;
	for (size_t i = 0; i < MUX_PAIRS; i++)
		tick_check(e, e->pair + i, now_us);
	tick_consent(e, now_us);
	look_for_better(e, now_us);
	judge_silence(e, now_us);
}
