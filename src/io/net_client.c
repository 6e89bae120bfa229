/* net_client.c - the client's end of a WebSocket; all on the net thread
 *
 * The name was looked up before, since libwebsockets would block for it: so
 * it gets a numeric address, and the name as host for TLS and HTTP.  If an
 * address fails the next one is tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "io/net_priv.h"

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len);

const struct lws_protocols net_client_protocols[] = {
	{ "client", client_callback, 0, 16384, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 }
};

/* The system's store costs 60 ms to load: only when somebody says wss. */
static struct lws_vhost *make_vhost(struct net *n, bool tls)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.vhost_name = tls ? "tls" : "plain";
	info.protocols = net_client_protocols;
	info.connect_timeout_secs = 15;
	info.timeout_secs = 20;
	if (tls) {
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.client_ssl_ca_filepath = n->ca_file;
	}
	return lws_create_vhost(n->context, &info);
}

static struct lws_vhost *get_vhost(struct net *n, bool tls)
{
	struct lws_vhost **v = tls ? &n->tls : &n->plain;

	if (!*v)
		*v = make_vhost(n, tls);
	return *v;
}

static void give_up(struct ws *w, enum net_error why)
{
	w->wsi = NULL;
	ws_tell(w, WS_CLOSED, w->why ? w->why : "the connection failed", 0, why);
	ws_unref(w);
}

static bool try_next(struct net *n, struct ws *w)
{
	struct lws_client_connect_info i;
	const struct sockaddr_storage *a = &w->addrs[w->addr_next];
	char address[INET6_ADDRSTRLEN] = "";
	struct lws_vhost *vhost = get_vhost(n, w->secure);
	uint16_t port;

	if (w->addr_next >= w->addr_count || !vhost)
		return false;
	w->addr_next++;
	if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)a;

		inet_ntop(AF_INET6, &s->sin6_addr, address, sizeof(address));
		port = ntohs(s->sin6_port);
	} else {
		const struct sockaddr_in *s = (const struct sockaddr_in *)a;

		inet_ntop(AF_INET, &s->sin_addr, address, sizeof(address));
		port = ntohs(s->sin_port);
	}
	memset(&i, 0, sizeof(i));
	i.context = n->context;
	i.vhost = vhost;
	i.address = address;
	i.port = port;
	i.path = w->path;
	i.host = w->authority;
	i.protocol = w->protocol;
	i.local_protocol_name = "client";
	i.opaque_user_data = w;
	i.pwsi = &w->wsi;
	i.ietf_version_or_minus_one = -1;
	if (w->ping.secs_since_valid_ping)
		i.retry_and_idle_policy = &w->ping;
	if (w->secure)
		i.ssl_connection = LCCSCF_USE_SSL | (n->insecure ? LCCSCF_ALLOW_SELFSIGNED |
			LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_EXPIRED |
			LCCSCF_ALLOW_INSECURE : 0);
	return lws_client_connect_via_info(&i) != NULL;
}

void net_client_connect(struct net *n, struct ws *w)
{
	bool closing;

	pthread_mutex_lock(&w->lock);
	closing = w->want_close;
	pthread_mutex_unlock(&w->lock);
	ws_ref(w);              /* the net side's */
	if (closing) {
		give_up(w, NET_CLOSED);
		return;
	}
	while (w->addr_next < w->addr_count)
		if (try_next(n, w))
			return;
	if (!w->why)
		give_up(w, NET_FAILED);
	else
		give_up(w, NET_REFUSED);
}

/* What libwebsockets says, in words and kinds of ours. */
static enum net_error explain(struct ws *w, const char *said)
{
	struct buf b = { 0 };
	enum net_error e = NET_FAILED;

	if (w->status && w->status != 101) {
		buf_addf(&b, "the server answered HTTP %d in place of a WebSocket", w->status);
		e = NET_HTTP;
	} else if (strstr(said, "cert") || strstr(said, "X509") || strstr(said, "tls") ||
		   strstr(said, "ssl") || strstr(said, "TLS") || strstr(said, "CA")) {
		buf_addf(&b, "TLS: %s", said);
		e = NET_TLS;
	} else if (strstr(said, "HS:") || strstr(said, "upgrade")) {
		buf_addf(&b, "no WebSocket there: %s", said);
		e = NET_HTTP;
	} else if (strstr(said, "imed out") || strstr(said, "imeout")) {
		buf_adds(&b, "no answer in time");
		e = NET_TIMEOUT;
	} else {
		buf_addf(&b, "connection refused or unreachable (%s)", *said ? said : "no reason given");
		e = NET_REFUSED;
	}
	free(w->why);
	w->why = buf_steal(&b);
	return e;
}

static void on_error(struct lws *wsi, struct ws *w, const char *said)
{
	enum net_error e;

	w->status = (int)lws_http_client_http_response(wsi);
	if (w->status < 100)
		w->status = 0;
	e = explain(w, said ? said : "");
	w->wsi = NULL;
	if (e == NET_REFUSED || e == NET_FAILED || e == NET_TIMEOUT)
		while (w->addr_next < w->addr_count)
			if (try_next(w->net, w))
				return;
	give_up(w, e);
}

static int add_headers(struct ws *w, unsigned char **p, size_t len)
{
	unsigned char *end = *p + len;
	const char *agent = w->net->user_agent;
	struct buf b = { 0 };
	bool fits;

	if (w->origin)
		buf_addf(&b, "Origin: %s\x0d\x0a", w->origin);
	if (agent)
		buf_addf(&b, "User-Agent: %s\x0d\x0a", agent);
	fits = *p + b.len < end;
	if (fits && b.len) {
		memcpy(*p, b.p, b.len);
		*p += b.len;
	}
	buf_free(&b);
	return fits ? 0 : -1;
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	struct ws *w = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	if (!w)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_headers(w, in, len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_error(wsi, w, in);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		w->wsi = wsi;
		w->up = true;
		ws_tell(w, WS_OPENED, NULL, 0, NET_OK);
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return ws_on_receive(w, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return ws_on_writable(w, wsi);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		ws_on_peer_close(w, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		lws_set_opaque_user_data(wsi, NULL);
		ws_on_closed(w);
		return 0;
	default:
		return 0;
	}
}
