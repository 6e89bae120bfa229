/* net_client.c - the client's end of a WebSocket; all on the net thread
 *
 * The name was looked up before, since libwebsockets would block for it: so
 * it gets a numeric address, and the name as host for TLS and HTTP.  If an
 * address cannot be reached the next one is tried.
 *
 * libwebsockets tells of a failure in one string that names no cause, so the
 * causes are collected on the way: the certificate's fault, whether TCP stood,
 * how long it took.  (Not the server's TLS alert: version 4.1 takes a pointer
 * of one kind for another when it is asked for those of a client.)
 */
#include <errno.h>
#include <netdb.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "io/net_priv.h"
#include "io/tls_text.h"

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len);

static const struct lws_protocols protocols[] = {
	{ "client", client_callback, 0, HEADER_BYTES, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 }
};

/* The system's store costs 60 ms to load: only when somebody says wss. */
static struct lws_vhost *make_vhost(struct net *n, bool tls)
{
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.vhost_name = tls ? "tls" : "plain";
	info.protocols = protocols;
#if LWS_LIBRARY_VERSION_NUMBER >= 4001000
	info.connect_timeout_secs = CONNECT_S;
#endif
	/* Not that of the environment, which knows no exceptions for this machine. */
	info.http_proxy_address = "";
	if (tls) {
		info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.client_ssl_ca_filepath = n->ca_file;
		if (n->ca_file)
			info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	}
	return lws_create_vhost(n->context, &info);
}

struct lws_vhost *net_client_vhost(struct net *n, bool tls)
{
	struct lws_vhost **v = tls ? &n->tls : &n->plain;

	if (!*v)
		*v = make_vhost(n, tls);
	return *v;
}

/* ---- connecting ---- */

static void give_up(struct ws *w, enum net_error why, const char *text)
{
	w->wsi = NULL;
	ws_tell(w, WS_CLOSED, text, 0, w->dead ? NET_CLOSED : why);
	ws_unref(w);
}

static int ssl_flags(const struct net *n, const struct ws *w)
{
	int flags = LCCSCF_USE_SSL;

	if (n->insecure)
		flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
			 LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
	/* It would take "[" for the name; on_certificate() checks instead. */
	if (strchr(w->host, ':'))
		flags |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
	return flags;
}

static bool start(struct net *n, struct ws *w, const struct sockaddr_storage *a)
{
	struct lws_client_connect_info i;
	char address[NI_MAXHOST], port[NI_MAXSERV];
	bool ok;

	if (getnameinfo((const struct sockaddr *)a, sizeof(*a), address, sizeof(address), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return false;
	memset(&i, 0, sizeof(i));
	i.context = n->context;
	i.vhost = net_client_vhost(n, w->secure);
	i.address = address;
	i.port = atoi(port);
	i.path = w->path;
	i.host = w->authority;
	i.protocol = w->protocol;
	i.local_protocol_name = "client";
	i.alpn = "http/1.1";
	i.opaque_user_data = w;
	i.pwsi = &w->wsi;
	i.ietf_version_or_minus_one = -1;
	i.retry_and_idle_policy = net_ping_policy(n, w->ping_s);
	i.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (w->secure ? ssl_flags(n, w) : 0);
	w->tcp = false;
	w->since_us = clock_now_us();
	w->starting = true;
	ok = i.vhost && lws_client_connect_via_info(&i);
	w->starting = false;
	return ok;
}

/* Gives up with `why` if there is no address left. */
static void try_next(struct ws *w, enum net_error why, const char *text)
{
	while (!w->dead && w->addr_next < w->addr_count)
		if (start(w->net, w, &w->addrs[w->addr_next++]))
			return;
	give_up(w, why, text);
}

void net_client_connect(struct net *n, struct ws *w)
{
	struct buf b = { 0 };

	ws_ref(w);              /* the net side's */
	if (w->dead) {
		give_up(w, NET_CLOSED, "closed");
	} else if (w->secure && n->ca_file && access(n->ca_file, R_OK)) {
		buf_addf(&b, "the CA file %s cannot be read: %s", n->ca_file, strerror(errno));
		give_up(w, NET_TLS, buf_str(&b));
	} else {
		buf_addf(&b, "%s cannot be reached", w->authority);
		try_next(w, NET_REFUSED, buf_str(&b));
	}
	buf_free(&b);
}

/* ---- why it failed ---- */

static enum net_error explain_tls(const struct ws *w, struct buf *b)
{
	char *text = tls_text(w->host, w->certificate);

	if (text)
		buf_adds(b, text);
	else
		buf_addf(b, "%s does not speak TLS, or breaks its handshake off", w->authority);
	free(text);
	return NET_TLS;
}

/* said: of libwebsockets; "HS: ..." is about the answer's headers. */
static enum net_error explain(const struct ws *w, const char *said, struct buf *b)
{
	bool late = clock_now_us() - w->since_us >= (w->tcp ? TIMEOUT_S : CONNECT_S) * INT64_C(1000000);

	if (w->certificate)
		return explain_tls(w, b);
	if (w->status && w->status != 101) {
		buf_addf(b, "%s answers HTTP %d in place of a WebSocket", w->authority, w->status);
		return NET_HTTP;
	}
	if (late || strstr(said, "imed out")) {
		buf_addf(b, "%s: no answer in time", w->authority);
		return NET_TIMEOUT;
	}
	if (!w->tcp) {
		buf_addf(b, "%s: connection refused, or no way there", w->authority);
		return NET_REFUSED;
	}
	if (text_starts(said, "HS:") || strstr(said, "header")) {
		buf_addf(b, "%s speaks no WebSocket (%s)", w->authority, said);
		return NET_HTTP;
	}
	if (w->secure && (strstr(said, "SSL") || strstr(said, "SYSCALL") || strstr(said, "connect")))
		return explain_tls(w, b);
	buf_addf(b, "%s hung up before the WebSocket stood", w->authority);
	return NET_FAILED;
}

static void take_location(struct lws *wsi, struct ws *w)
{
	char to[2048];

	if (lws_hdr_copy(wsi, to, sizeof(to), WSI_TOKEN_HTTP_LOCATION) > 0) {
		free(w->location);
		w->location = strdup(to);
	}
}

static void on_error(struct lws *wsi, struct ws *w, const char *said)
{
	struct buf b = { 0 };
	enum net_error e;

	lws_set_opaque_user_data(wsi, NULL);
	w->wsi = NULL;
	w->status = (int)lws_http_client_http_response(wsi);
	if (w->status < 100)
		w->status = 0;
	if (w->status / 100 == 3)
		take_location(wsi, w);
	e = explain(w, said, &b);
	if (!w->tcp)
		try_next(w, e, buf_str(&b));
	else
		give_up(w, e, buf_str(&b));
	buf_free(&b);
}

/* Asked for each certificate of the chain; 0 accepts it. */
static int on_certificate(struct ws *w, X509_STORE_CTX *x, bool good)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(x);

	if (w->net->insecure) {
		X509_STORE_CTX_set_error(x, X509_V_OK);
		return 0;
	}
	if (good && strchr(w->host, ':') && X509_STORE_CTX_get_error_depth(x) == 0 &&
	    X509_check_ip_asc(cert, w->host, 0) != 1) {
		X509_STORE_CTX_set_error(x, X509_V_ERR_IP_ADDRESS_MISMATCH);
		good = false;
	}
	if (good)
		return 0;
	w->certificate = X509_STORE_CTX_get_error(x);
	return 1;
}

/* ---- the callback ---- */

static int add_headers(struct ws *w, unsigned char **p, size_t len)
{
	const char *agent = w->net->user_agent;
	struct buf b = { 0 };
	bool fits;

	/* By hand: libwebsockets would write "http://" before the origin. */
	if (w->origin)
		buf_addf(&b, "Origin: %s\r\n", w->origin);
	if (agent)
		buf_addf(&b, "User-Agent: %s\r\n", agent);
	fits = b.len < len && !buf_err(&b);
	if (fits && b.len) {
		memcpy(*p, b.p, b.len);
		*p += b.len;
	}
	buf_free(&b);
	return fits ? 0 : -1;
}

/* There is more than one way to hear of an end, depending on how far it came;
 * whichever is first takes w from wsi. */
static void on_end(struct lws *wsi, struct ws *w, const char *said)
{
	if (w->starting) {
		lws_set_opaque_user_data(wsi, NULL);
	} else if (!w->up) {
		on_error(wsi, w, said);
	} else {
		lws_set_opaque_user_data(wsi, NULL);
		ws_on_closed(w);
	}
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
			   size_t len)
{
	struct ws *w = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	if (!w)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_WSI_CREATE:
		w->tcp = true;
		return 0;
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		w->tcp = true;
		return on_certificate(w, user, len != 0);
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		w->tcp = true;
		return add_headers(w, in, len);
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
	case LWS_CALLBACK_TIMER:
		ws_on_timer(w, wsi);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		ws_on_peer_close(w, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_end(wsi, w, in ? in : "");
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
	case LWS_CALLBACK_WSI_DESTROY:
		on_end(wsi, w, "");
		return 0;
	default:
		return 0;
	}
}
