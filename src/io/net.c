/* net.c - the thread of libwebsockets, and the way to it and back
 *
 * libwebsockets is used from its own thread alone; the one function of it that
 * any thread may call, lws_cancel_service(), wakes that thread for an order.
 */
#include "io/net_priv.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "io/worker.h"

struct ping_policy { struct ping_policy *next; struct lws_retry_bo bo; };

/* ---- orders to the thread ---- */

void net_order(struct net *n, struct order *o)
{
	o->next = NULL;
	pthread_mutex_lock(&n->lock);
	if (n->last)
		n->last->next = o;
	else
		n->first = o;
	n->last = o;
	pthread_mutex_unlock(&n->lock);
	lws_cancel_service(n->context);
}

static void run_orders(struct net *n)
{
	struct order *o, *next;

	pthread_mutex_lock(&n->lock);
	o = n->first;
	n->first = n->last = NULL;
	pthread_mutex_unlock(&n->lock);
	for (; o; o = next) {
		next = o->next;
		o->run(n, o);
	}
}

static void *service(void *arg)
{
	struct net *n = arg;

	while (!atomic_load(&n->stop)) {
		run_orders(n);
		if (lws_service(n->context, 0) < 0) {
			log_error("io", "libwebsockets has ended its service");
			break;
		}
	}
	run_orders(n);
	return NULL;
}

const struct lws_retry_bo *net_ping_policy(struct net *n, unsigned ping_s)
{
	struct ping_policy *p;

	if (ping_s > UINT16_MAX / 2)
		ping_s = UINT16_MAX / 2;
	for (p = n->policies; p; p = p->next)
		if (p->bo.secs_since_valid_ping == ping_s)
			return &p->bo;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->bo.secs_since_valid_ping = (uint16_t)ping_s;
	p->bo.secs_since_valid_hangup = (uint16_t)(ping_s * 2);
	p->next = n->policies;
	n->policies = p;
	return &p->bo;
}

/* ---- the context ---- */

static void on_lws_log(int level, const char *line)
{
	(void)level;
	log_debug("lws", "%.*s", (int)strcspn(line, "\n"), line);
}

/* libwebsockets ignores SIGPIPE for the whole process; its thread has it
 * blocked instead, and the process stays as it was. */
static struct lws_context *make_context(void)
{
	struct lws_context_creation_info info;
	struct lws_context *c;
	struct sigaction old;

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.fd_limit_per_thread = FD_LIMIT;
	info.timeout_secs = TIMEOUT_S;
	info.max_http_header_data2 = HEADER_BYTES;
	info.pt_serv_buf_size = HEADER_BYTES;
	info.server_string = "ttymeet";
	info.uid = (uid_t)-1;
	info.gid = (gid_t)-1;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
	sigaction(SIGPIPE, NULL, &old);
	c = lws_create_context(&info);
	sigaction(SIGPIPE, &old, NULL);
	return c;
}

static void release(struct net *n)
{
	if (n->context)
		lws_context_destroy(n->context);
	loop_watch_free(&n->watch);
	post_free(&n->post);
	net_replies_release(n);
	net_servers_release(n);
	while (n->policies) {
		struct ping_policy *p = n->policies;

		n->policies = p->next;
		free(p);
	}
	pthread_mutex_destroy(&n->lock);
	free(n->ca_file);
	free(n->user_agent);
	free(n);
}

int net_new(struct net **out, struct loop *loop, const struct net_config *cfg)
{
	struct net *n = calloc(1, sizeof(*n));
	int err = -ENOMEM;

	*out = NULL;
	if (!n)
		return err;
	pthread_mutex_init(&n->lock, NULL);
	n->loop = loop;
	n->insecure = cfg->insecure;
	if (text_set(&n->ca_file, cfg->ca_file) || text_set(&n->user_agent, cfg->user_agent))
		goto fail;
	err = post_new(&n->post, 0);
	if (!err)
		err = loop_attach_post(&n->watch, loop, n->post);
	if (err)
		goto fail;
	err = -ENOMEM;
	n->context = make_context();
	/* The first one made is asked about certificates, whoever connects. */
	if (!n->context || !net_client_vhost(n, false))
		goto fail;
	err = worker_start(&n->thread, "net", service, n);
	if (err)
		goto fail;
	*out = n;
	return 0;
fail:
	release(n);
	return err;
}

void net_free(struct net **np)
{
	struct net *n = *np;

	if (!n)
		return;
	*np = NULL;
	while (n->open) {
		struct ws *w = n->open;

		ws_free(&w);
	}
	atomic_store(&n->stop, true);
	lws_cancel_service(n->context);
	pthread_join(n->thread, NULL);
	/* Only now, since the call above needs the context: closing it calls the
	 * protocols' callbacks on this thread, which is alone. */
	release(n);
}
