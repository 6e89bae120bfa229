/* resolve.c - host names to addresses, by a thread a question
 *
 * getaddrinfo() may take as long as it likes, so its thread is never waited
 * for: it shares a small counted struct with the question, which forgets it
 * when it is cancelled.  Special names are not asked for (RFC 6761, 6.3 and
 * 6.4): "localhost" works without any name service, and what counts as
 * loopback in url_host_is_loopback() stays on this machine; "invalid" is none.
 */
#include "io/resolve.h"
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "io/url.h"
#include "io/worker.h"

enum { ADDRS_MAX = 8 };

struct shared {                 /* of the question and its thread */
	pthread_mutex_t lock;   /* leaf: guards refs and call */
	int refs;
	struct resolve_call *call; /* NULL: cancelled */
	char *host;
	uint16_t port;
};

struct resolve_call {
	struct post_msg m;      /* first: the thread's way back */
	struct shared *shared;
	struct post *post;
	struct loop_watch *watch;
	struct loop_timer *soon;
	void (*done)(void *ctx, const struct resolve_answer *a);
	void *ctx;
	struct sockaddr_storage addrs[ADDRS_MAX];
	size_t count;
	int error;
	bool telling;           /* done() runs: it goes afterwards */
};

static void shared_unref(struct shared *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->refs == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->host);
	free(s);
}

static void call_free(struct resolve_call *c)
{
	loop_timer_free(&c->soon);
	loop_watch_free(&c->watch);
	post_free(&c->post);
	if (c->shared)
		shared_unref(c->shared);
	free(c);
}

static void tell(struct resolve_call *c)
{
	struct resolve_answer a = {
		.error = c->error, .text = c->error ? gai_strerror(c->error) : "",
		.addrs = c->addrs, .count = c->count,
	};
	void (*done)(void *ctx, const struct resolve_answer *a) = c->done;

	if (c->error == EAI_SYSTEM)
		a.text = "the system's resolver failed";
	done(c->ctx, &a);
}

static int look_up(const char *host, uint16_t port, int flags, struct sockaddr_storage *out,
		   size_t *count)
{
	struct addrinfo hints = { .ai_flags = flags | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *i;
	char service[8];
	int err;

	snprintf(service, sizeof(service), "%u", port);
	*count = 0;
	err = getaddrinfo(host, service, &hints, &list);
	if (err)
		return err;
	for (i = list; i && *count < ADDRS_MAX; i = i->ai_next)
		if (i->ai_addrlen <= sizeof(*out))
			memcpy(&out[(*count)++], i->ai_addr, i->ai_addrlen);
	freeaddrinfo(list);
	return *count ? 0 : EAI_NONAME;
}

static bool is_here(const char *host)
{
	return strchr(host, ':') == NULL && (host[0] < '0' || host[0] > '9') &&
	       url_host_is_loopback(host);
}

/* IPv4 first: that is where services listen that mean this machine. */
static void take_loopback(struct resolve_call *c, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&c->addrs[0];
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&c->addrs[1];

	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_addr = in6addr_loopback;
	c->count = 2;
}

static void answer_run(struct post_msg *m)
{
	struct resolve_call *c = (struct resolve_call *)m;

	loop_timer_set(c->soon, clock_now_us());
}

/* It is a part of the call, which is being freed. */
static void answer_drop(struct post_msg *m)
{
	(void)m;
}

static void on_soon(void *ctx, int64_t now_us)
{
	struct resolve_call *c = ctx;

	(void)now_us;
	c->telling = true;
	tell(c);
	pthread_mutex_lock(&c->shared->lock);
	c->shared->call = NULL;
	pthread_mutex_unlock(&c->shared->lock);
	call_free(c);
}

static void *resolve_thread(void *arg)
{
	struct shared *s = arg;
	struct sockaddr_storage addrs[ADDRS_MAX];
	size_t count;
	int err = look_up(s->host, s->port, AI_ADDRCONFIG, addrs, &count);

	pthread_mutex_lock(&s->lock);
	if (s->call) {
		memcpy(s->call->addrs, addrs, sizeof(addrs));
		s->call->count = count;
		s->call->error = err;
		s->call->m.run = answer_run;
		s->call->m.drop = answer_drop;
		post_send(s->call->post, &s->call->m);
	}
	pthread_mutex_unlock(&s->lock);
	shared_unref(s);
	return NULL;
}

int resolve_start(struct resolve_call **out, struct loop *l, const char *host, uint16_t port,
		  void (*done)(void *ctx, const struct resolve_answer *a), void *ctx)
{
	struct resolve_call *c = calloc(1, sizeof(*c));
	struct shared *s = calloc(1, sizeof(*s));
	pthread_t thread;
	int err = -ENOMEM;

	*out = NULL;
	if (!c || !s)
		goto fail;
	pthread_mutex_init(&s->lock, NULL);
	s->refs = 1;
	s->call = c;
	s->port = port;
	s->host = strdup(host);
	c->shared = s;
	c->done = done;
	c->ctx = ctx;
	if (!s->host)
		goto fail;
	err = post_new(&c->post, 0);
	if (!err)
		err = loop_attach_post(&c->watch, l, c->post);
	if (!err)
		err = loop_timer_new(&c->soon, l, "resolved", on_soon, c);
	if (err)
		goto fail;
	if (is_here(host))
		take_loopback(c, port);
	else if (text_ends(host, ".invalid"))
		c->error = EAI_NONAME;
	if (c->count || c->error || !look_up(host, port, AI_NUMERICHOST, c->addrs, &c->count)) {
		loop_timer_set(c->soon, clock_now_us());
	} else {
		s->refs++;
		err = worker_start(&thread, "resolve", resolve_thread, s);
		if (err) {
			s->refs--;
			goto fail;
		}
		pthread_detach(thread);
	}
	*out = c;
	return 0;
fail:
	if (c && !c->shared)
		free(s);
	if (c)
		call_free(c);
	else
		free(s);
	return err;
}

void resolve_cancel(struct resolve_call **cp)
{
	struct resolve_call *c = *cp;

	*cp = NULL;
	if (!c || c->telling)
		return;
	pthread_mutex_lock(&c->shared->lock);
	c->shared->call = NULL;
	pthread_mutex_unlock(&c->shared->lock);
	call_free(c);
}
