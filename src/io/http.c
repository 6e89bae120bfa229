/* http.c - HTTP requests by libcurl, on one worker with a multi handle
 *
 *	loop: http_start() -> list of new calls -> curl_multi_wakeup()
 *	worker: adds them, performs, posts each finished one
 *	loop: done()
 *
 * A call belongs to the worker until it was posted back; cancelling only
 * takes its handler away.
 */
#include "io/http.h"
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

struct http_call {
	struct post_msg m;              /* first: the way back */
	struct http_call *next;         /* in the list of new ones */
	struct http *http;
	void (*done)(void *ctx, const struct http_answer *a); /* loop; NULL: cancelled */
	void *ctx;
	CURL *curl;                     /* worker */
	struct curl_slist *headers;
	char *url, *body;
	size_t max_bytes;
	struct buf answer;
	bool too_big;
	CURLcode result;
	long status;
	char *last_url, *content_type;
	char error[CURL_ERROR_SIZE];
	struct http_call *live_next;    /* loop: all that are under way */
};

struct http {
	struct loop *loop;
	struct post *post;
	struct loop_watch *watch;
	char *ca_file, *user_agent;
	bool insecure;
	struct http_call *live;         /* loop */
	pthread_t thread;
	bool running;
	CURLM *multi;                   /* made before the thread, used on it; wakeup anywhere */
	pthread_mutex_t lock;           /* leaf: guards fresh and stop */
	struct http_call *fresh;
	bool stop;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void call_free(struct http_call *c)
{
	if (c->curl)
		curl_easy_cleanup(c->curl);
	curl_slist_free_all(c->headers);
	free(c->url);
	free(c->body);
	free(c->last_url);
	free(c->content_type);
	buf_free(&c->answer);
	free(c);
}

/* ---- worker ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;

	if (c->answer.len + size * n > c->max_bytes) {
		c->too_big = true;
		return 0;
	}
	buf_add(&c->answer, p, size * n);
	return buf_err(&c->answer) ? 0 : size * n;
}

static void finish(struct http *h, CURL *curl, CURLcode result)
{
	struct http_call *c;
	char *s = NULL;

	curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&c);
	c->result = result;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status);
	curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &s);
	c->last_url = strdup(s ? s : c->url);
	s = NULL;
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &s);
	c->content_type = strdup(s ? s : "");
	curl_multi_remove_handle(h->multi, curl);
	post_send(h->post, &c->m);
}

static bool add_fresh(struct http *h)
{
	struct http_call *c, *next;
	bool stop;

	pthread_mutex_lock(&h->lock);
	c = h->fresh;
	h->fresh = NULL;
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	for (; c; c = next) {
		next = c->next;
		curl_multi_add_handle(h->multi, c->curl);
	}
	return !stop;
}

static void *worker(void *arg)
{
	struct http *h = arg;
	int running, left;

	while (add_fresh(h)) {
		CURLMsg *m;

		curl_multi_perform(h->multi, &running);
		while ((m = curl_multi_info_read(h->multi, &left)))
			if (m->msg == CURLMSG_DONE)
				finish(h, m->easy_handle, m->data.result);
		curl_multi_poll(h->multi, NULL, 0, 10000, NULL);
	}
	return NULL;
}

/* ---- loop ---- */

static enum net_error map_error(const struct http_call *c)
{
	switch (c->result) {
	case CURLE_OK:
		return NET_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return NET_NAME;
	case CURLE_COULDNT_CONNECT:
		return NET_REFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return NET_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_USE_SSL_FAILED:
		return NET_TLS;
	default:
		return NET_FAILED;
	}
}

static void unlink_live(struct http *h, struct http_call *c)
{
	for (struct http_call **p = &h->live; *p; p = &(*p)->live_next)
		if (*p == c) {
			*p = c->live_next;
			return;
		}
}

static void call_run(struct post_msg *m)
{
	struct http_call *c = (struct http_call *)m;
	struct http_answer a = {
		.error = map_error(c), .status = (int)c->status, .url = c->last_url ? c->last_url : "",
		.text = c->too_big ? "the answer is too long" : *c->error ? c->error
			: curl_easy_strerror(c->result),
		.content_type = c->content_type ? c->content_type : "",
		.body = buf_str(&c->answer), .len = c->answer.len,
	};

	unlink_live(c->http, c);
	if (c->done)
		c->done(c->ctx, &a);
	call_free(c);
}

static void call_drop(struct post_msg *m)
{
	struct http_call *c = (struct http_call *)m;

	unlink_live(c->http, c);
	call_free(c);
}

int http_new(struct http **out, struct loop *loop, const struct net_config *cfg)
{
	struct http *h = calloc(1, sizeof(*h));
	int err = -ENOMEM;

	*out = NULL;
	if (!h)
		return err;
	pthread_mutex_init(&h->lock, NULL);
	h->loop = loop;
	h->insecure = cfg->insecure;
	if (text_set(&h->ca_file, cfg->ca_file) || text_set(&h->user_agent, cfg->user_agent))
		goto fail;
	err = post_new(&h->post, 0);
	if (!err)
		err = loop_attach_post(&h->watch, loop, h->post);
	if (!err) {
		*out = h;
		return 0;
	}
fail:
	http_free(&h);
	return err;
}

void http_free(struct http **hp)
{
	struct http *h = *hp;

	if (!h)
		return;
	if (h->running) {
		pthread_mutex_lock(&h->lock);
		h->stop = true;
		pthread_mutex_unlock(&h->lock);
		curl_multi_wakeup(h->multi);
		pthread_join(h->thread, NULL);
	}
	loop_watch_free(&h->watch);
	post_free(&h->post);            /* frees the finished ones */
	while (h->live) {               /* and those that were under way */
		struct http_call *c = h->live;

		h->live = c->live_next;
		if (c->curl)
			curl_multi_remove_handle(h->multi, c->curl);
		call_free(c);
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	free(h->ca_file);
	free(h->user_agent);
	free(h);
	*hp = NULL;
}

static int start_worker(struct http *h)
{
	if (h->running)
		return 0;
	pthread_once(&curl_once, init_curl);
	h->multi = curl_multi_init();
	if (!h->multi || pthread_create(&h->thread, NULL, worker, h))
		return -EAGAIN;
	h->running = true;
	return 0;
}

static void add_header(struct http_call *c, const char *name, const char *value)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s: %s", name, value);
	c->headers = curl_slist_append(c->headers, buf_str(&b));
	buf_free(&b);
}

static void limit_protocols(CURL *e, bool secure)
{
	/* A redirect never leads out of TLS. */
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTPS |
			 (secure ? 0 : CURLPROTO_HTTP)));
#endif
}

static void set_options(struct http_call *c, const struct http_params *p)
{
	CURL *e = c->curl;

	curl_easy_setopt(e, CURLOPT_URL, c->url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(e, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	limit_protocols(e, text_starts(c->url, "https:"));
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(p->timeout_us / 1000));
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	if (c->http->user_agent)
		curl_easy_setopt(e, CURLOPT_USERAGENT, c->http->user_agent);
	if (c->http->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, c->http->ca_file);
	if (c->http->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->body) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(c->body));
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
		add_header(c, "Content-Type", p->content_type ? p->content_type : "application/json");
	}
	if (p->authorization)
		add_header(c, "Authorization", p->authorization);
	if (strcmp(p->method, c->body ? "POST" : "GET"))
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, p->method);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
}

int http_start(struct http_call **out, struct http *h, const struct http_params *p,
	       void (*done)(void *ctx, const struct http_answer *a), void *ctx)
{
	struct http_call *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	*out = NULL;
	if (!c)
		return err;
	c->m.run = call_run;
	c->m.drop = call_drop;
	c->http = h;
	c->done = done;
	c->ctx = ctx;
	c->max_bytes = p->max_bytes ? p->max_bytes : 1 << 20;
	if (text_set(&c->url, p->url) || text_set(&c->body, p->body))
		goto fail;
	err = start_worker(h);
	c->curl = err ? NULL : curl_easy_init();
	if (!c->curl)
		goto fail;
	set_options(c, p);
	c->live_next = h->live;
	h->live = c;
	pthread_mutex_lock(&h->lock);
	c->next = h->fresh;
	h->fresh = c;
	pthread_mutex_unlock(&h->lock);
	curl_multi_wakeup(h->multi);
	*out = c;
	return 0;
fail:
	call_free(c);
	return err ? err : -ENOMEM;
}

void http_cancel(struct http_call **c)
{
	if (*c)
		(*c)->done = NULL;
	*c = NULL;
}
