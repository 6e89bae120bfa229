/* transport_nice.c - datagrams by libnice's agent
 *
 * One agent with one stream of one component (rtcp-mux).  Sockets for all
 * local addresses are opened at once, the peer's candidates given right after
 * them: checks go out on the first tick of the pacing timer.  STUN servers are
 * not asked: the peer learns our address from our checks.
 *
 * Trickle mode: the agent does not call a list of checks failed while more
 * candidates may come; how long to wait is the owner's decision.
 *
 * Consent (RFC 7675): the agent checks every 4 to 6 s and gives up 50 s after
 * the last answer; that is final, an agent does not come back from it.  The
 * option CONSENT_FRESHNESS would make it 10 s without repeating a check: at
 * 20 % of loss both ways two checks in a row fail every minute or two.  What
 * shows sooner that a way is dead is in transport_nice_look.c.
 */
#include "rtc/transport_nice_priv.h"
#include <errno.h>
#include <nice/interfaces.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
	/* Ta.  RFC 8445 section 14.2 allows no less than 5 ms; libnice's 20 is
	 * how long the first check would wait. */
	PACING_MS = 5,
	/* RFC 8445 section 14.3: Rc, 7. */
	MAX_REQUESTS = 7,
	CANDIDATES_MAX = 64,
	LOCAL_MAX = 32,
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

void nice_tell(struct nice_transport *t, enum transport_state s)
{
	if (s == t->state)
		return;
	t->state = s;
	if (t->ready && t->base.ev.state)
		t->base.ev.state(t->base.ctx, s);
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
	log_debug("rtc", "ice: %s", nice_component_state_to_string(state));
	if (s == TRANSPORT_CONNECTED)
		nice_begin_looking(t);
	nice_tell(t, s);
}

static void on_check(NiceAgent *agent, guint stream, gpointer data)
{
	struct nice_transport *t = data;

	(void)agent;
	if (stream == t->stream && t->ready)
		t->checked(t->base.ctx);
}

static void on_datagram(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf,
			gpointer data)
{
	struct nice_transport *t = data;

	(void)agent;
	(void)stream;
	(void)component;
	t->came++;
	if (t->base.ev.datagram)
		t->base.ev.datagram(t->base.ctx, (const uint8_t *)buf, len, clock_now_us());
}

/* ---- setting up ---- */

/* fe80::/10 and 169.254.0.0/16, as getifaddrs() writes them. */
static bool is_link_local(const char *ip)
{
	return text_starts(ip, "fe80:") || text_starts(ip, "169.254.");
}

static void add_loopback(struct nice_transport *t)
{
	NiceAddress a;

	nice_address_init(&a);
	if (nice_address_set_from_string(&a, "127.0.0.1"))
		nice_agent_add_local_address(t->agent, &a);
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

static void on_relay_news(void *ctx, enum relay_news news, const char *words)
{
	struct nice_transport *t = ctx;

	if (t->ready && t->relay_news)
		t->relay_news(t->relay_ctx, news, words);
}

/* libnice is given the door of the relay, whatever stands behind it. */
static void set_turn(struct nice_transport *t, const struct ice_server *s)
{
	struct turn_relay *r;
	int err;

	if (!s->username || !s->password || t->ways->relays == RELAYS_MAX)
		return;
	err = turn_relay_new(&r, t->context, s, on_relay_news, t);
	if (err) {
		log_warn("rtc", "the relay %s cannot be used: %s", s->name ? s->name : "",
			 strerror(-err));
		return;
	}
	t->ways->relay[t->ways->relays++] = r;
	nice_agent_set_relay_info(t->agent, t->stream, COMPONENT, "127.0.0.1", turn_relay_port(r),
				  s->username, s->password, NICE_RELAY_TYPE_TURN_UDP);
}

static void set_servers(struct nice_transport *t, const struct transport_nice_config *cfg)
{
	for (size_t i = 0; i < cfg->servers; i++) {
		const struct ice_server *s = cfg->server + i;

		if (s->type && s->addresses && cfg->relay_only)
			set_turn(t, s);
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
	set_servers(t, cfg);
	if (cfg->relay_only)
		add_loopback(t);
	else if (cfg->loopback)
		add_local_addresses(t);
	t->handler = g_signal_connect(t->agent, "component-state-changed", G_CALLBACK(on_state), t);
	if (t->checked)
		t->check_handler = g_signal_connect(t->agent, "initial-binding-request-received",
						    G_CALLBACK(on_check), t);
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

int nice_send_now(struct nice_transport *t, const uint8_t *p, size_t len)
{
	GOutputVector v = { p, len };
	NiceOutputMessage m = { &v, 1 };
	GError *error = NULL;
	int err = -EAGAIN;

	if (nice_agent_send_messages_nonblocking(t->agent, t->stream, COMPONENT, &m, 1,
						 NULL, &error) == 1)
		return 0;
	if (error && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		err = -ENOTCONN;
	g_clear_error(&error);
	return err;
}

static int nice_send(struct transport *base, const uint8_t *p, size_t len)
{
	struct nice_transport *t = (struct nice_transport *)base;

	if (t->state < TRANSPORT_CONNECTED)
		return -ENOTCONN;
	t->sent++;
	return nice_send_now(t, p, len);
}

static const char *type_text(NiceCandidateType type)
{
	static const char *const text[] = { "host", "srflx", "prflx", "relay" };

	return (unsigned)type < 4 ? text[type] : "";
}

/* The relay whose port the pair uses; NULL: none. */
const struct turn_relay *nice_relay_of(const struct nice_transport *t, const NiceCandidate *local)
{
	char ip[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 8];
	bool v6 = nice_address_ip_version(&local->addr) == 6;

	if (local->type != NICE_CANDIDATE_TYPE_RELAYED)
		return NULL;
	nice_address_to_string(&local->addr, ip);
	snprintf(text, sizeof(text), v6 ? "[%s]:%u" : "%s:%u", ip, nice_address_get_port(&local->addr));
	for (size_t i = 0; i < t->ways->relays; i++)
		if (turn_relay_has(t->ways->relay[i], text))
			return t->ways->relay[i];
	return NULL;
}

const struct turn_relay *nice_selected_relay(const struct nice_transport *t)
{
	NiceCandidate *local, *remote;

	if (!t->ways->relays ||
	    !nice_agent_get_selected_pair(t->agent, t->stream, COMPONENT, &local, &remote))
		return NULL;
	return nice_relay_of(t, local);
}

static void nice_path(const struct transport *base, char *out, size_t size)
{
	const struct nice_transport *t = (const struct nice_transport *)base;
	NiceCandidate *local, *remote;
	char ip[INET6_ADDRSTRLEN] = "";
	const struct turn_relay *r;
	bool v6;

	if (!nice_agent_get_selected_pair(t->agent, t->stream, COMPONENT, &local, &remote))
		return;
	v6 = nice_address_ip_version(&remote->addr) == 6;
	nice_address_to_string(&remote->addr, ip);
	r = nice_relay_of(t, local);
	snprintf(out, size, "%s %s %s%s%s:%u", r ? turn_relay_protocol(r) : "udp", type_text(local->type),
		 v6 ? "[" : "", ip, v6 ? "]" : "", nice_address_get_port(&remote->addr));
}

static void relays_free(struct relays *w)
{
	for (size_t i = 0; i < w->relays; i++)
		turn_relay_free(&w->relay[i]);
	g_free(w);
}

static void on_closed(GObject *agent, GAsyncResult *result, gpointer data)
{
	struct relays *w = data;

	(void)result;
	if (w->closing)
		--*w->closing;
	g_object_unref(agent);
	relays_free(w);
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
	for (size_t i = 0; i < t->ways->relays; i++)
		turn_relay_quiet(t->ways->relay[i]);
	if (t->ways->closing)
		++*t->ways->closing;
	nice_agent_attach_recv(t->agent, t->stream, COMPONENT, t->context, on_late_datagram, NULL);
	g_main_context_push_thread_default(t->context);
	nice_agent_close_async(t->agent, on_closed, t->ways);
	t->ways = NULL;
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

	if (t->look) {
		g_source_destroy(t->look);
		g_source_unref(t->look);
	}
	ice_ask_free(&t->ask);
	if (t->handler)
		g_signal_handler_disconnect(t->agent, t->handler);
	if (t->check_handler)
		g_signal_handler_disconnect(t->agent, t->check_handler);
	if (t->agent && t->ways->relays)
		give_relay_back(t);
	else if (t->agent)
		close_agent(t);
	if (t->ways)
		relays_free(t->ways);
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
	t->ways = g_new0(struct relays, 1);
	t->ways->closing = cfg->closing;
	t->relay_news = cfg->relay_news;
	t->relay_ctx = cfg->relay_ctx;
	t->checked = cfg->checked;
	t->context = g_main_context_ref(cfg->context);
	g_main_context_push_thread_default(cfg->context);
	err = ice_ask_new(&t->ask, cfg->local_ufrag, cfg->remote_ufrag, cfg->remote_pwd);
	if (!err)
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

const char *transport_nice_relay(const struct transport *base)
{
	const struct turn_relay *r = nice_selected_relay((const struct nice_transport *)base);

	return r ? turn_relay_name(r) : NULL;
}

int transport_nice_add(struct transport *base, const struct ice_candidate *c)
{
	struct nice_transport *t = (struct nice_transport *)base;

	if (t->candidates >= CANDIDATES_MAX)
		return -ENOSPC;
	give_candidates(t, c, 1);
	return 0;
}
