/* services.c - relays (TURN servers) that the server names (XEP-0215)
 *
 * Pushed at login or asked for.  A relay's credentials expire during a long
 * call: they are asked for again a minute before, and when a relay refuses them
 * (its secret has changed, or this machine slept).  The media is given the new
 * ones for the next way that it needs, and wants one if it is on such a relay.
 */
#include <string.h>
#include "base/clock.h"
#include "call/call_priv.h"

enum {
	BEFORE_US = 60000000,
	SOONEST_US = 10000000,          /* whatever lives shorter, or is refused */
	AGAIN_US = 60000000             /* after no answer, or one that is over: a clock is wrong */
};

static int64_t soonest_expiry_us(const struct ext_service *v, size_t count)
{
	int64_t soonest = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t at = v[i].expires ? chat_stamp_parse(v[i].expires) : 0;

		if (at && v[i].password && (!soonest || at < soonest))
			soonest = at;
	}
	return soonest;
}

static void plan(struct call *c)
{
	int64_t at = soonest_expiry_us(c->services, c->service_count), left_us;

	c->services_at_us = 0;
	if (!at)
		return;
	left_us = at - clock_wall_us();
	if (left_us <= 0)
		left_us = AGAIN_US;
	else
		left_us = left_us > 2 * BEFORE_US ? left_us - BEFORE_US : left_us / 2;
	c->services_at_us = c->now_us + (left_us > SOONEST_US ? left_us : SOONEST_US);
}

void services_take(struct call *c, struct ext_service *v, size_t count)
{
	ext_services_free(&c->services, &c->service_count);
	c->services = v;
	c->service_count = count;
	plan(c);
	if (c->media_running)
		c->ops.media_services(c->ops_ctx, v, count);
}

void services_pushed(struct call *c, const struct xml *services)
{
	struct ext_service *v = NULL;
	size_t n = 0;

	if (!ext_services_parse(&v, &n, services))
		services_take(c, v, n);
}

static void ask(struct call *c, const char *ns, xmpp_iq_fn *fn)
{
	struct xml *iq = xmpp_iq_new("get", c->d.domain);

	xml_add(iq, "services", ns);
	xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, fn, c);
}

static void on_old_answer(void *ctx, const struct xml *answer)
{
	const struct xml *s = xml_child(answer, "services", NS_EXTDISCO1);

	if (s)
		services_pushed(ctx, s);
}

static void on_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const struct xml *s = xml_child(answer, "services", NS_EXTDISCO);
	const char *type = xml_attr(answer, "type");

	if (type && !strcmp(type, "error") && c->stream)
		ask(c, NS_EXTDISCO1, on_old_answer);
	else if (s)
		services_pushed(c, s);
}

void services_ask(struct call *c)
{
	c->services_asked_us = c->now_us;
	ask(c, NS_EXTDISCO, on_answer);
}

void services_refused(struct call *c)
{
	int64_t at = c->services_asked_us ? c->services_asked_us + SOONEST_US : c->now_us;

	if (!c->services_at_us || at < c->services_at_us)
		c->services_at_us = at > c->now_us ? at : c->now_us;
}

void services_tick(struct call *c)
{
	bool can = c->stream && c->stream_up && !c->cut && c->phase == PHASE_JOINED;

	if (!is_due(c, c->services_at_us))
		return;
	c->services_at_us = c->now_us + (can ? AGAIN_US : SOONEST_US);
	if (can)
		services_ask(c);
}

void services_forget(struct call *c)
{
	ext_services_free(&c->services, &c->service_count);
	c->services_at_us = c->services_asked_us = 0;
}
