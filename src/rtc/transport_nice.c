/* transport_nice.c - datagrams by libnice's agent
 *
 * One agent with one stream of one component (rtcp-mux).  Sockets for all
 * local addresses are opened at once, the peer's candidates given right after
 * them: checks go out on the first tick of the pacing timer, while STUN and
 * TURN servers are still being asked.  What these bring later is checked as
 * it comes.
 *
 * Trickle mode: the agent does not call a list of checks failed while more
 * candidates may come; how long to wait is the owner's decision.
 *
 * Consent (RFC 7675): the agent checks every 4 to 6 s and gives up 50 s after
 * the last answer; that is final, an agent does not come back from it.  The
 * option CONSENT_FRESHNESS would make it 10 s without repeating a check: at
 * 20 % of loss both ways two checks in a row fail every minute or two.  That
 * nothing comes any more the peer notices sooner.
 */
#include "rtc/transport.h"
#include <errno.h>
#include <nice/agent.h>
#include <nice/interfaces.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
	COMPONENT = 1,
	/* Ta.  RFC 8445 section 14.2 allows no less than 5 ms; libnice's 20 is
	 * how long the first check would wait. */
	PACING_MS = 5,
	/* RFC 8445 section 14.3: Rc, 7. */
	MAX_REQUESTS = 7,
	CANDIDATES_MAX = 64,
	LOCAL_MAX = 32,
};

struct nice_transport {
	struct transport base;
	NiceAgent *agent;
	GMainContext *context;
	guint stream;
	gulong handler;
	unsigned candidates;
	bool relay, relay_udp;
	bool ready;             /* made; before that no handler may run */
	bool over;              /* the agent has taken back its own leave to send */
	enum transport_state state;
	unsigned *closing;      /* the owner's count, or NULL */
};

/* ---- what the agent tells ---- */

static enum transport_state state_of(guint state)
{
	switch (state) {
	case NICE_COMPONENT_STATE_DISCONNECTED:
		return TRANSPORT_DISCONNECTED;
	case NICE_COMPONENT_STATE_CONNECTED:
	case NICE_COMPONENT_STATE_READY:
		return TRANSPORT_CONNECTED;
	case NICE_COMPONENT_STATE_FAILED:
		return TRANSPORT_FAILED;
	default:
		return TRANSPORT_CHECKING;
	}
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer data)
{
	struct nice_transport *t = data;
	enum transport_state s = state_of(state);

	(void)agent;
	if (stream != t->stream || component != COMPONENT || s == t->state || t->over)
		return;
	/* A late answer makes the agent say "connected" again, but it goes on refusing
	 * to send: its leave to do so ends for good when answers stay away. */
	t->over = s == TRANSPORT_FAILED && t->state == TRANSPORT_CONNECTED;
	/* A better pair turned up: datagrams flow all the while. */
	if (s == TRANSPORT_CHECKING && t->state == TRANSPORT_CONNECTED)
		return;
	t->state = s;
	log_debug("rtc", "ice: %s", nice_component_state_to_string(state));
	if (t->ready && t->base.ev.state)
		t->base.ev.state(t->base.ctx, s);
}

static void on_datagram(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
			gpointer data)
{
	struct nice_transport *t = data;

	(void)agent;
	(void)stream;
	(void)component;
	if (t->base.ev.datagram)
		t->base.ev.datagram(t->base.ctx, (const uint8_t *)buf, len, clock_now_us());
}

/* ---- setting up ---- */

/* fe80::/10 and 169.254.0.0/16, as getifaddrs() writes them. */
static bool is_link_local(const char *ip)
{
	return text_starts(ip, "fe80:") || text_starts(ip, "169.254.");
}

static void add_local_addresses(struct nice_transport *t)
{
	GList *ips = nice_interfaces_get_local_ips(TRUE);
	unsigned n = 0;

	/* One address added by hand and the agent takes no other: so all. */
	for (GList *i = ips; i && n < LOCAL_MAX; i = i->next) {
		NiceAddress a;

		nice_address_init(&a);
		if (is_link_local(i->data) || !nice_address_set_from_string(&a, i->data))
			continue;
		n += nice_agent_add_local_address(t->agent, &a) ? 1 : 0;
	}
	g_list_free_full(ips, g_free);
}

static void set_stun(struct nice_transport *t, const struct ice_server *s)
{
	g_object_set(t->agent, "stun-server", s->address, "stun-server-port", (guint)s->port, NULL);
}

static void set_turn(struct nice_transport *t, const struct ice_server *s)
{
	bool tcp = s->protocol && !strcmp(s->protocol, "tcp");

	if (!s->username || !s->password)
		return;
	if (!nice_agent_set_relay_info(t->agent, t->stream, COMPONENT, s->address, s->port,
				       s->username, s->password,
				       tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP)) {
		log_warn("rtc", "the relay at %s cannot be used", s->address);
		return;
	}
	t->relay = true;
	t->relay_udp |= !tcp;
}

static void set_servers(struct nice_transport *t, const struct transport_nice_config *cfg)
{
	bool stun = false;

	for (size_t i = 0; i < cfg->servers; i++) {
		const struct ice_server *s = cfg->server + i;

		if (!s->type || !s->address)
			continue;
		if (!strcmp(s->type, "stun") && !stun) {
			set_stun(t, s);
			stun = true;
		} else if (!strcmp(s->type, "turn")) {
			set_turn(t, s);
		} else if (!strcmp(s->type, "turns")) {
			log_debug("rtc", "relay at %s is over TLS: not used", s->address);
		}
	}
}

static bool set_type(NiceCandidate *c, const char *type)
{
	if (!type || !strcmp(type, "host"))
		c->type = NICE_CANDIDATE_TYPE_HOST;
	else if (!strcmp(type, "srflx"))
		c->type = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE;
	else if (!strcmp(type, "prflx"))
		c->type = NICE_CANDIDATE_TYPE_PEER_REFLEXIVE;
	else if (!strcmp(type, "relay"))
		c->type = NICE_CANDIDATE_TYPE_RELAYED;
	else
		return false;
	return true;
}

/* NULL: one that we cannot use (a name instead of an address, port 0). */
static NiceCandidate *make_candidate(const struct nice_transport *t, const struct ice_candidate *in)
{
	NiceCandidate *c = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);

	if (!in->ip || !in->port || !set_type(c, in->type) ||
	    !nice_address_set_from_string(&c->addr, in->ip)) {
		nice_candidate_free(c);
		return NULL;
	}
	nice_address_set_port(&c->addr, in->port);
	c->base_addr = c->addr;
	c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
	c->priority = in->priority;
	c->stream_id = t->stream;
	c->component_id = COMPONENT;
	g_strlcpy(c->foundation, in->foundation ? in->foundation : "1", sizeof(c->foundation));
	return c;
}

static void give_candidates(struct nice_transport *t, const struct ice_candidate *v, size_t n)
{
	GSList *list = NULL;

	for (size_t i = 0; i < n && t->candidates < CANDIDATES_MAX; i++) {
		NiceCandidate *c = make_candidate(t, v + i);

		if (!c)
			continue;
		list = g_slist_prepend(list, c);
		t->candidates++;
	}
	if (list)
		nice_agent_set_remote_candidates(t->agent, t->stream, COMPONENT, list);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static int open_agent(struct nice_transport *t, const struct transport_nice_config *cfg)
{
	t->agent = nice_agent_new_full(cfg->context, NICE_COMPATIBILITY_RFC5245,
				       NICE_AGENT_OPTION_ICE_TRICKLE);
	if (!t->agent)
		return -EIO;
	g_object_set(t->agent, "upnp", FALSE, "ice-tcp", FALSE,
		     "controlling-mode", (gboolean)cfg->controlling, "keepalive-conncheck", TRUE,
		     "stun-pacing-timer", PACING_MS, "stun-max-retransmissions", MAX_REQUESTS,
		     "force-relay", (gboolean)cfg->relay_only, NULL);
	t->stream = nice_agent_add_stream(t->agent, 1);
	if (!t->stream ||
	    !nice_agent_set_local_credentials(t->agent, t->stream,
					      cfg->local_ufrag, cfg->local_pwd))
		return -EIO;
	if (cfg->loopback)
		add_local_addresses(t);
	set_servers(t, cfg);
	t->handler = g_signal_connect(t->agent, "component-state-changed", G_CALLBACK(on_state), t);
	if (!nice_agent_attach_recv(t->agent, t->stream, COMPONENT, cfg->context, on_datagram, t))
		return -EIO;
	if (!nice_agent_gather_candidates(t->agent, t->stream))
		return -ENETUNREACH;
	if (!nice_agent_set_remote_credentials(t->agent, t->stream,
					       cfg->remote_ufrag, cfg->remote_pwd))
		return -EIO;
	give_candidates(t, cfg->cand, cfg->cands);
	return 0;
}

/* ---- the transport's operations ---- */

static int nice_send(struct transport *base, const uint8_t *p, size_t len)
{
	struct nice_transport *t = (struct nice_transport *)base;
	GOutputVector v = { p, len };
	NiceOutputMessage m = { &v, 1 };
	GError *error = NULL;
	int err = -EAGAIN;

	if (t->state < TRANSPORT_CONNECTED)
		return -ENOTCONN;
	if (nice_agent_send_messages_nonblocking(t->agent, t->stream, COMPONENT, &m, 1,
						 NULL, &error) == 1)
		return 0;
	if (error && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		err = -ENOTCONN;
	g_clear_error(&error);
	return err;
}

static const char *type_text(NiceCandidateType type)
{
	static const char *const text[] = { "host", "srflx", "prflx", "relay" };

	return (unsigned)type < 4 ? text[type] : "";
}

static void nice_path(const struct transport *base, char *out, size_t size)
{
	const struct nice_transport *t = (const struct nice_transport *)base;
	NiceCandidate *local, *remote;
	char ip[INET6_ADDRSTRLEN] = "";
	bool tcp, v6;

	if (!nice_agent_get_selected_pair(t->agent, t->stream, COMPONENT, &local, &remote))
		return;
	tcp = local->type == NICE_CANDIDATE_TYPE_RELAYED && !t->relay_udp;
	v6 = nice_address_ip_version(&remote->addr) == 6;
	nice_address_to_string(&remote->addr, ip);
	snprintf(out, size, "%s %s %s%s%s:%u", tcp ? "tcp" : "udp", type_text(local->type),
		 v6 ? "[" : "", ip, v6 ? "]" : "", nice_address_get_port(&remote->addr));
}

static void on_closed(GObject *agent, GAsyncResult *result, gpointer data)
{
	unsigned *closing = data;

	(void)result;
	if (closing)
		--*closing;
	g_object_unref(agent);
}

static void on_late_datagram(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
			     gpointer data)
{
	(void)agent;
	(void)stream;
	(void)component;
	(void)len;
	(void)buf;
	(void)data;
}

/* The relay holds a port for us until it hears otherwise, and the agent has to
 * hear that it did: so it reads on, into nothing. */
static void give_relay_back(struct nice_transport *t)
{
	if (t->closing)
		++*t->closing;
	nice_agent_attach_recv(t->agent, t->stream, COMPONENT, t->context, on_late_datagram, NULL);
	g_main_context_push_thread_default(t->context);
	nice_agent_close_async(t->agent, on_closed, t->closing);
	g_main_context_pop_thread_default(t->context);
}

static void close_agent(struct nice_transport *t)
{
	if (t->stream) {
		nice_agent_attach_recv(t->agent, t->stream, COMPONENT, t->context, NULL, NULL);
		nice_agent_remove_stream(t->agent, t->stream);
	}
	g_object_unref(t->agent);
}

static void nice_free(struct transport *base)
{
	struct nice_transport *t = (struct nice_transport *)base;

	if (t->handler)
		g_signal_handler_disconnect(t->agent, t->handler);
	if (t->relay)
		give_relay_back(t);
	else if (t->agent)
		close_agent(t);
	g_main_context_unref(t->context);
	g_free(t);
}

static const struct transport_ops ops = { nice_send, nice_free, nice_path };

int transport_nice_new(struct transport **out, const struct transport_nice_config *cfg,
		       const struct transport_events *ev, void *ctx)
{
	struct nice_transport *t;
	struct transport *base;
	int err;

	*out = NULL;
	if (!cfg->local_ufrag || !cfg->local_pwd || !cfg->remote_ufrag || !cfg->remote_pwd)
		return -EINVAL;
	t = g_new0(struct nice_transport, 1);
	base = &t->base;
	t->base.ops = &ops;
	t->base.ev = *ev;
	t->base.ctx = ctx;
	t->state = TRANSPORT_CHECKING;
	t->closing = cfg->closing;
	t->context = g_main_context_ref(cfg->context);
	g_main_context_push_thread_default(cfg->context);
	err = open_agent(t, cfg);
	g_main_context_pop_thread_default(cfg->context);
	if (err) {
		transport_free(&base);
		return err;
	}
	t->ready = true;
	*out = base;
	return 0;
}

/* ---- the network changes ---- */

static bool is_ours(const char *ip)
{
	GList *ips = nice_interfaces_get_local_ips(TRUE);
	bool found = false;

	for (GList *i = ips; i && !found; i = i->next)
		found = !strcmp(i->data, ip);
	g_list_free_full(ips, g_free);
	return found;
}

/* The address from which this machine would send to another one today; "" no
 * way there.  Connecting a datagram socket sends nothing. */
static void source_towards(const NiceAddress *to, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	NiceAddress from;
	int fd;

	out[0] = 0;
	nice_address_copy_to_sockaddr(to, (struct sockaddr *)&a);
	fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!connect(fd, (struct sockaddr *)&a, a.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
		     : sizeof(struct sockaddr_in)) &&
	    !getsockname(fd, (struct sockaddr *)&a, &len)) {
		nice_address_set_from_sockaddr(&from, (struct sockaddr *)&a);
		nice_address_to_string(&from, out);
	}
	close(fd);
}

enum transport_way transport_nice_look(const struct transport *base)
{
	const struct nice_transport *t = (const struct nice_transport *)base;
	char ip[INET6_ADDRSTRLEN] = "", today[INET6_ADDRSTRLEN] = "";
	NiceCandidate *local, *remote;

	if (!nice_agent_get_selected_pair(t->agent, t->stream, COMPONENT, &local, &remote))
		return TRANSPORT_WAY_SAME;
	nice_address_to_string(&local->base_addr, ip);
	if (!is_ours(ip))
		return TRANSPORT_WAY_GONE;
	source_towards(&remote->addr, today);
	return *today && strcmp(ip, today) ? TRANSPORT_WAY_OTHER : TRANSPORT_WAY_SAME;
}

int transport_nice_add(struct transport *base, const struct ice_candidate *c)
{
	struct nice_transport *t = (struct nice_transport *)base;

	if (t->candidates >= CANDIDATES_MAX)
		return -ENOSPC;
	give_candidates(t, c, 1);
	return 0;
}
