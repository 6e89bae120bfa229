/* media_trust.c - whom to believe that a relay over TLS is who it says
 *
 * Reading the system's certificates takes some 60 ms: a worker does it, once,
 * when the first such relay is named.  The media thread joins it when its news
 * is there, the loop when the call ends before that.
 */
#include <stdlib.h>
#include "base/log.h"
#include "call/media_priv.h"
#include "io/worker.h"
#include "rtc/turn_tls.h"

struct trust_msg { struct post_msg m; struct media *media; struct turn_trust *trust; const char *why; };

static void trust_drop(struct post_msg *msg)
{
	struct trust_msg *t = (struct trust_msg *)msg;

	turn_trust_free(&t->trust);
	free(t);
}

static void trust_run(struct post_msg *msg)
{
	struct trust_msg *t = (struct trust_msg *)msg;
	struct media *m = t->media;

	pthread_join(m->trust_thread, NULL);
	m->trust_loading = false;
	m->trust = t->trust;
	if (!m->trust)
		log_warn("call", "relays over TLS cannot be used: %s", t->why);
	free(t);
	if (m->session)
		media_path_servers(m);
}

static void *load(void *arg)
{
	struct trust_msg *t = arg;

	turn_trust_new(&t->trust, t->media->ca_file, t->media->insecure, &t->why);
	post_send(t->media->to_media, &t->m);
	return NULL;
}

void media_trust_want(struct media *m)
{
	struct trust_msg *t;

	if (m->trust_tried)
		return;
	t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	t->m.run = trust_run;
	t->m.drop = trust_drop;
	t->media = m;
	m->trust_tried = true;
	m->trust_loading = !worker_start(&m->trust_thread, "trust", load, t);
	if (!m->trust_loading)
		trust_drop(&t->m);
}

/* Before the post to the media thread is freed: it may still be written to. */
void media_trust_end(struct media *m)
{
	if (m->trust_loading)
		pthread_join(m->trust_thread, NULL);
	m->trust_loading = false;
}
