/* endpoint_path.c - an endpoint's ways: the one in use, one that is to follow
 *
 *	restart: new credentials beside the old -> its checks -> takes over
 *
 * The old way carries media until the new one works, and is listened to for 3 s
 * more; a restart that nobody follows is given up after 20 s.  DTLS and SRTP
 * notice nothing.  Nothing is freed in a handler of the transports: the tick
 * does it.
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "host/endpoint.h"

enum {
	/* The Jitsi bridge's. */
	RESTART_US = 20 * 1000 * 1000, OLD_US = 3 * 1000 * 1000,
};

static void leg_free(struct leg *l)
{
	transport_free(&l->t);
	memset(l, 0, sizeof(*l));
}

static struct leg *leg_in(struct endpoint *e, enum leg_role role)
{
	for (size_t i = 0; i < LEGS; i++)
		if (e->leg[i].t && e->leg[i].role == role)
			return e->leg + i;
	return NULL;
}

static int leg_new(struct endpoint *e, enum leg_role role, const char *ufrag, const char *pwd)
{
	struct leg *l = e->leg;
	int err;

	while (l->t && l < e->leg + LEGS - 1)
		l++;
	leg_free(l);
	l->e = e;
	l->role = role;
	err = e->f->ops.make(e->f->ctx, &l->t, ufrag, pwd, &endpoint_transport_events, l);
	if (err)
		leg_free(l);
	return err;
}

int endpoint_path_open(struct endpoint *e, const char *ufrag, const char *pwd)
{
	int err = leg_new(e, LEG_USED, ufrag, pwd);

	e->transport = e->leg[0].t;
	return err;
}

void endpoint_paths_close(struct endpoint *e)
{
	for (size_t i = 0; i < LEGS; i++)
		leg_free(e->leg + i);
	e->transport = NULL;
}

int endpoint_path_restart(struct endpoint *e, const char *ufrag, const char *pwd, int64_t now_us)
{
	struct leg *old = leg_in(e, LEG_OLD), *next = leg_in(e, LEG_NEXT);
	int err;

	if (e->failed || !e->transport)
		return -EALREADY;
	if (old)
		leg_free(old);
	if (next)
		leg_free(next);
	err = leg_new(e, LEG_NEXT, ufrag, pwd);
	next = leg_in(e, LEG_NEXT);
	if (next)
		next->until_us = now_us + RESTART_US;
	forward_wake(e->f, now_us + RESTART_US);
	return err;
}

int endpoint_path_restart_accept(struct endpoint *e, const char *ufrag, const char *pwd)
{
	struct leg *next = leg_in(e, LEG_NEXT);

	return next ? e->f->ops.remote(e->f->ctx, next->t, ufrag, pwd) : -ENOENT;
}

void endpoint_path_take(struct endpoint *e, struct leg *next)
{
	struct leg *used = leg_in(e, LEG_USED);

	log_info("host", "room %u: %s has another way (ICE restart)", e->room->number, e->id);
	used->role = LEG_OLD;
	used->until_us = 0;             /* the next tick sets it */
	next->role = LEG_USED;
	e->transport = next->t;
	forward_wake(e->f, 0);
}

int64_t endpoint_paths_heard_us(struct endpoint *e)
{
	int64_t latest = 0;

	for (size_t i = 0; i < LEGS; i++) {
		int64_t at = e->leg[i].t ? e->f->ops.heard_us(e->f->ctx, e->leg[i].t) : 0;

		latest = at > latest ? at : latest;
	}
	return latest;
}

static void leg_tick(struct leg *l, int64_t now_us)
{
	if (l && now_us >= l->until_us)
		leg_free(l);
	else if (l)
		forward_wake(l->e->f, l->until_us);
}

void endpoint_paths_tick(struct endpoint *e, int64_t now_us)
{
	struct leg *old = leg_in(e, LEG_OLD), *next = leg_in(e, LEG_NEXT);

	if (old && !old->until_us)
		old->until_us = now_us + OLD_US;
	leg_tick(old, now_us);
	leg_tick(next, now_us);
}
