/* http.c - HTTP requests by libcurl, on one worker with a multi handle
 *
 *	loop: http_start() -> list of new calls -> curl_multi_wakeup()
 *	worker: adds them, performs, posts each finished one
 *	loop: done()
 *
 * A call belongs to the worker until it was posted back; cancelling takes its
 * handler away and asks the worker to give it up.
 */
#include "io/http.h"
#include <curl/curl.h>
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/buf.h"
#include "base/text.h"
#include "io/tls_text.h"
#include "io/url.h"
#include "io/worker.h"

struct http_call {
	struct post_msg m;              /* first: the way back */
	struct http_call *next;         /* in the list of new ones */
	struct http *http;
	void (*done)(void *ctx, const struct http_answer *a); /* loop; NULL: cancelled */
	void *ctx;
	CURL *curl;                     /* worker */
	struct curl_slist *headers;
	char *url, *body, *wanted;      /* header */
	char header[256];
	size_t max_bytes;
	struct buf answer;
	bool too_big, downgraded;       /* why the worker broke off */
	atomic_bool cancelled;          /* loop to worker */
	struct http_call *active_next;  /* worker: those in the multi handle */
	CURLcode result;
	long status, verified;          /* X509_V_ERR_ of the certificate */
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
	struct http_call *active;       /* worker */
	pthread_mutex_t lock;           /* leaf: guards fresh and stop */
	struct http_call *fresh, *fresh_last;
	bool stop;
};

enum { REDIRECTS_MAX = 5, BODY_MAX = 1 << 20 };

/* curl's own rule: once a process, before its first handle. */
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
	free(c->wanted);
	free(c->last_url);
	free(c->content_type);
	buf_free(&c->answer);
	free(c);
}

/* ---- worker ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;

	if (size * n > c->max_bytes - c->answer.len) {
		c->too_big = true;
		return 0;
	}
	buf_add(&c->answer, p, size * n);
	return buf_err(&c->answer) ? 0 : size * n;
}

static void take_header(struct http_call *c, const char *p, size_t len)
{
	size_t n = c->wanted ? strlen(c->wanted) : 0;

	if (!n || len <= n || strncasecmp(p, c->wanted, n) || p[n] != ':')
		return;
	for (p += n + 1, len -= n + 1; len && (*p == ' ' || *p == '\t'); len--)
		p++;
	while (len && strchr(" \t\r\n", p[len - 1]))
		len--;
	if (len >= sizeof(c->header))
		return;
	memcpy(c->header, p, len);
	c->header[len] = 0;
}

/* Whom a redirect of an encrypted page would send into the open is stopped
 * before the request goes out, wherever in the chain that happens. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;
	size_t len = size * n, at = 9;
	char *now = NULL;
	long status = 0;

	if (len >= 5 && !memcmp(p, "HTTP/", 5)) {
		buf_clear(&c->answer);          /* the page that only redirected */
		c->header[0] = 0;
	}
	take_header(c, p, len);
	if (len < 14 || strncasecmp(p, "Location:", 9))
		return len;
	while (at < len && (p[at] == ' ' || p[at] == '\t'))
		at++;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->curl, CURLINFO_EFFECTIVE_URL, &now);
	if (status / 100 == 3 && now && !strncasecmp(now, "https:", 6) && len - at >= 5 &&
	    !strncasecmp(p + at, "http:", 5)) {
		c->downgraded = true;
		return 0;
	}
	return len;
}

static void forget_active(struct http *h, struct http_call *c)
{
	for (struct http_call **p = &h->active; *p; p = &(*p)->active_next)
		if (*p == c) {
			*p = c->active_next;
			return;
		}
}

static void finish(struct http *h, CURL *curl, CURLcode result)
{
	struct http_call *c;
	char *s = NULL;

	curl_easy_getinfo(curl, CURLINFO_PRIVATE, &s);
	c = (struct http_call *)(void *)s;
	c->result = result;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status);
	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &c->verified);
	s = NULL;
	curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &s);
	c->last_url = strdup(s ? s : c->url);
	s = NULL;
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &s);
	c->content_type = strdup(s ? s : "");
	curl_multi_remove_handle(h->multi, curl);
	forget_active(h, c);
	post_send(h->post, &c->m);
}

static bool add_fresh(struct http *h)
{
	struct http_call *c, *next;
	bool stop;

	pthread_mutex_lock(&h->lock);
	c = h->fresh;
	h->fresh = h->fresh_last = NULL;
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	for (; c; c = next) {
		next = c->next;
		c->active_next = h->active;
		h->active = c;
		if (curl_multi_add_handle(h->multi, c->curl))
			finish(h, c->curl, CURLE_FAILED_INIT);
	}
	return !stop;
}

static void give_up_cancelled(struct http *h)
{
	for (struct http_call *c = h->active, *next; c; c = next) {
		next = c->active_next;
		if (atomic_load(&c->cancelled))
			finish(h, c->curl, CURLE_ABORTED_BY_CALLBACK);
	}
}

static void *worker(void *arg)
{
	struct http *h = arg;
	int running, left;

	while (add_fresh(h)) {
		CURLMsg *m;

		give_up_cancelled(h);
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
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
		return NET_HTTP;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return NET_CLOSED;
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

/* What OpenSSL found; curl itself looks at the name, and leaves 1 as it began. */
static long fault(const struct http_call *c, const char *said)
{
	if (c->verified > 1)
		return c->verified;
	return strstr(said, "subject name") ? X509_V_ERR_HOSTNAME_MISMATCH : X509_V_OK;
}

/* New string, or NULL where there is nothing to say. */
static char *explain(const struct http_call *c, enum net_error error)
{
	const char *said = *c->error ? c->error : curl_easy_strerror(c->result);
	struct url u;
	char *s = NULL;

	if (error == NET_OK)
		return NULL;
	if (c->downgraded)
		return strdup("the server redirects from https to http");
	if (c->too_big)
		return strdup("the answer is too long");
	if (c->result == CURLE_PEER_FAILED_VERIFICATION && c->last_url && !url_parse(&u, c->last_url)) {
		s = tls_text(u.host, fault(c, said));
		url_clear(&u);
	}
	return s ? s : text_clean(said, strlen(said), 300, TEXT_TRIM);
}

static void call_run(struct post_msg *m)
{
	struct http_call *c = (struct http_call *)m;
	enum net_error error = c->downgraded ? NET_HTTP : map_error(c);
	char *text = explain(c, error);
	struct http_answer a = {
		.error = error, .status = (int)c->status, .url = c->last_url ? c->last_url : "",
		.text = text ? text : "",
		.content_type = c->content_type ? c->content_type : "", .header = c->header,
		.body = buf_str(&c->answer), .len = c->answer.len,
	};

	unlink_live(c->http, c);
	if (c->done)
		c->done(c->ctx, &a);
	free(text);
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
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err;

	if (h->running)
		return 0;
	pthread_once(&once, init_curl);
	if (!h->multi)
		h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	err = worker_start(&h->thread, "http", worker, h);
	h->running = !err;
	return err;
}

static void add_header(struct http_call *c, const char *name, const char *value)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s: %s", name, value);
	c->headers = curl_slist_append(c->headers, buf_str(&b));
	buf_free(&b);
}

static void limit_protocols(CURL *e)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_trust(struct http_call *c)
{
	CURL *e = c->curl;

	if (c->http->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, c->http->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);      /* in place of the system's */
	}
	if (c->http->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* This machine is never reached through a proxy of the environment. */
static void set_proxy(struct http_call *c)
{
	struct url u;

	if (url_parse(&u, c->url))
		return;
	if (url_host_is_loopback(u.host))
		curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
	url_clear(&u);
}

static void set_request(struct http_call *c, const struct http_params *p)
{
	CURL *e = c->curl;

	if (c->body) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(c->body));
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
		add_header(c, "Content-Type", p->content_type ? p->content_type : "application/json");
	} else if (!strcmp(p->method, "HEAD")) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	}
	/* curl keeps a header of this name from other hosts. */
	if (p->authorization)
		add_header(c, "Authorization", p->authorization);
	if (strcmp(p->method, c->body ? "POST" : "GET"))
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, p->method);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
}

static void set_options(struct http_call *c, const struct http_params *p)
{
	CURL *e = c->curl;

	curl_easy_setopt(e, CURLOPT_URL, c->url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, p->no_redirects ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(e, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);    /* leaving waits for no name service */
#endif
	limit_protocols(e);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(p->timeout_us / 1000));
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	if (c->http->user_agent)
		curl_easy_setopt(e, CURLOPT_USERAGENT, c->http->user_agent);
	set_trust(c);
	set_proxy(c);
	set_request(c, p);
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
	c->max_bytes = p->max_bytes ? p->max_bytes : BODY_MAX;
	if (text_set(&c->url, p->url) || text_set(&c->body, p->body) || text_set(&c->wanted, p->header))
		goto fail;
	err = start_worker(h);
	c->curl = err ? NULL : curl_easy_init();
	if (!c->curl)
		goto fail;
	set_options(c, p);
	c->live_next = h->live;
	h->live = c;
	pthread_mutex_lock(&h->lock);
	if (h->fresh_last)
		h->fresh_last->next = c;
	else
		h->fresh = c;
	h->fresh_last = c;
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
	struct http_call *x = *c;

	*c = NULL;
	if (!x || !x->done)
		return;
	x->done = NULL;
	atomic_store(&x->cancelled, true);
	curl_multi_wakeup(x->http->multi);
}
