/* ice_ask.c - asks the other side whether it hears us, when nothing else tells
 *
 * What comes from the other side shows that it is there, not that it gets what
 * we send: a firewall that has closed lets its checks through, and as long as
 * nobody here speaks it has nothing to report.  libnice notices after 50 s, and
 * for good.
 *
 * An answer may be missed: only the first datagram of a queue can be looked at.
 * With hardly any datagrams there is mostly one, and it is asked nine times.  At
 * 20 % of loss in each direction one question in three is lost, nine in a row
 * once in a day of silence; at 5 s without a line nothing is said yet.
 */
#include "rtc/ice_ask.h"
#include <errno.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/rng.h"
#include "rtc/wire.h"

enum {
	EVERY_US = 4 * 1000 * 1000,
	UNHEARD_US = 9 * 1000 * 1000,
	UNHEARD_ASKED = 8,              /* not because the loop stood still */
	MESSAGE = 256, HEADER = 20, ID = 12, ID_AT = 8,
	BEYOND = 32,                    /* the codec takes a MESSAGE-INTEGRITY's length at its word */
	PEEK = 512,                     /* an answer behind a relay's header */
	/* RFC 8445 section 5.1.2.1: type 110 (peer reflexive), one component. */
	PRIORITY_PRFLX = 110 << 24 | 65535 << 8 | 255,
};

struct ice_ask {
	StunAgent agent;
	char *name, *pwd;
	uint64_t tie;
	uint8_t message[MESSAGE];
	StunTransactionId id;
	size_t len;             /* 0: none is under way */
	int64_t since_us;       /* the one under way */
	unsigned asked;         /* times */
	int64_t next_us;
	bool unheard;

	GSource *source;        /* NULL: nothing is watched */
	GPollFD poll;
};

struct watch { GSource source; struct ice_ask *ask; };

int ice_ask_new(struct ice_ask **out, const char *local_ufrag, const char *remote_ufrag,
		const char *remote_pwd)
{
	struct ice_ask *a;

	*out = NULL;
	if (strlen(local_ufrag) + strlen(remote_ufrag) > MESSAGE / 2)
		return -EINVAL; /* RFC 8445 section 5.3 allows 256 characters, nobody has 40 */
	a = g_new0(struct ice_ask, 1);
	stun_agent_init(&a->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	a->name = g_strdup_printf("%s:%s", remote_ufrag, local_ufrag);
	a->pwd = g_strdup(remote_pwd);
	a->tie = (uint64_t)rng_u32() << 32 | rng_u32();
	*out = a;
	return 0;
}

static void forget(struct ice_ask *a)
{
	if (a->len)
		stun_agent_forget_transaction(&a->agent, a->id);
	a->len = 0;
	a->asked = 0;
}

void ice_ask_free(struct ice_ask **aa)
{
	struct ice_ask *a = *aa;

	if (!a)
		return;
	ice_ask_watch(a, NULL, -1);
	g_free(a->name);
	g_free(a->pwd);
	g_free(a);
	*aa = NULL;
}

static void begin(struct ice_ask *a, bool controlling, int64_t now_us)
{
	StunMessage msg;

	forget(a);
	a->len = stun_usage_ice_conncheck_create(&a->agent, &msg, a->message, sizeof(a->message),
						 (const uint8_t *)a->name, strlen(a->name),
						 (const uint8_t *)a->pwd, strlen(a->pwd),
						 controlling, controlling, PRIORITY_PRFLX, a->tie, NULL,
						 STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (a->len)
		stun_message_id(&msg, a->id);
	a->since_us = now_us;
}

size_t ice_ask_tick(struct ice_ask *a, bool quiet, bool controlling, const uint8_t **p,
		    int64_t now_us)
{
	if (!quiet && !a->unheard) {
		forget(a);
		a->next_us = now_us;
		return 0;
	}
	if (now_us < a->next_us)
		return 0;
	if (!a->len)
		begin(a, controlling, now_us);
	a->asked++;
	if (now_us - a->since_us >= UNHEARD_US && a->asked > UNHEARD_ASKED)
		a->unheard = true;
	*p = a->message;
	return a->len;
}

void ice_ask_look(struct ice_ask *a, const uint8_t *p, size_t len, int64_t now_us)
{
	const uint8_t *at = a->len ? memmem(p, len, a->message + ID_AT, ID) : NULL;
	uint8_t answer[PEEK + BEYOND] = { 0 };
	StunMessage msg;
	size_t n;

	if (!at || at - p < ID_AT)
		return;
	at -= ID_AT;
	n = HEADER + (size_t)get16(at + 2);
	if (n > PEEK || n > (size_t)(p + len - at))
		return;
	memcpy(answer, at, n);
	if (stun_agent_validate(&a->agent, &msg, answer, n, NULL, NULL) != STUN_VALIDATION_SUCCESS ||
	    stun_message_get_class(&msg) != STUN_RESPONSE)
		return;
	forget(a);
	a->unheard = false;
	a->next_us = now_us + EVERY_US;
	ice_ask_watch(a, NULL, -1);
}

bool ice_ask_unheard(const struct ice_ask *a)
{
	return a->unheard;
}

/* ---- the socket ---- */

/* Never ready itself: the agent's own source reads what lies there. */
static gboolean on_check(GSource *source)
{
	struct ice_ask *a = ((struct watch *)source)->ask;
	uint8_t buf[PEEK];
	ssize_t n;

	if (!(a->poll.revents & G_IO_IN))
		return FALSE;
	n = recv(a->poll.fd, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	if (n > 0)
		ice_ask_look(a, buf, (size_t)n, clock_now_us());
	return FALSE;
}

void ice_ask_watch(struct ice_ask *a, GMainContext *context, int fd)
{
	static GSourceFuncs funcs = { .check = on_check };

	if (a->source && a->poll.fd == fd)
		return;
	if (a->source) {
		g_source_destroy(a->source);
		g_source_unref(a->source);
		a->source = NULL;
	}
	if (fd < 0)
		return;
	a->source = g_source_new(&funcs, sizeof(struct watch));
	((struct watch *)a->source)->ask = a;
	a->poll = (GPollFD){ .fd = fd, .events = G_IO_IN };
	g_source_add_poll(a->source, &a->poll);
	/* Looked at before the agent's is asked whether it is ready. */
	g_source_set_priority(a->source, G_PRIORITY_HIGH);
	g_source_attach(a->source, context);
}
