/* transport_nice_look.c - is the way in use alive, and still the best
 *
 * Each second: did a datagram come, be it media or a check?  libnice does not
 * tell, so the socket's own time of its last one is asked for.  And does the
 * other side get what we send?  Where enough is sent its reports tell
 * (peer_rtcp.c), else questions of our own (ice_ask.c).
 */
#include "rtc/transport_nice_priv.h"
#include <errno.h>
#include <linux/sockios.h>
#include <nice/interfaces.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "rtc/sockaddr.h"

enum {
	LOOK_MS = 1000,
	/* Our checks (repeated when lost) and the bridge's, each 4 to 6 s, make
	 * several datagrams in this time, also when nobody speaks. */
	SILENCE_US = 10 * 1000 * 1000,
	/* Datagrams a second: with more going out reports tell; with more coming in
	 * an answer to ice_ask might not be seen among them. */
	QUIET_OUT = 10, QUIET_IN = 100,
};

/* ---- silence ---- */

/* Did a datagram come since we last looked?  libnice keeps the checks to itself,
 * the kernel knows when it last gave one out. */
static bool something_came(struct nice_transport *t)
{
	GSocket *s = nice_agent_get_selected_socket(t->agent, t->stream, COMPONENT);
	const struct turn_relay *r = nice_selected_relay(t);
	struct timeval at = { 0, 0 };
	bool came;

	if (r) {
		came = turn_relay_heard_us(r) != t->relay_heard_us;
		t->relay_heard_us = turn_relay_heard_us(r);
		return came;
	}
	if (!s)
		return true;    /* not to be known: no reason to complain */
	if (ioctl(g_socket_get_fd(s), SIOCGSTAMP, &at) && errno != ENOENT)
		at.tv_sec = t->heard.tv_sec + 1;
	g_object_unref(s);
	came = at.tv_sec != t->heard.tv_sec || at.tv_usec != t->heard.tv_usec;
	t->heard = at;
	return came;
}

/* The one that the way in use reads from; -1: not to be known.  An agent for
 * relays has a single one, and the relays' doors behind it. */
static int socket_of_way(const struct nice_transport *t)
{
	GPtrArray *all;
	GSocket *s;
	int fd;

	if (!nice_selected_relay(t)) {
		s = nice_agent_get_selected_socket(t->agent, t->stream, COMPONENT);
		fd = s ? g_socket_get_fd(s) : -1;
		g_clear_object(&s);
		return fd;
	}
	all = nice_agent_get_sockets(t->agent, t->stream, COMPONENT);
	fd = all && all->len ? g_socket_get_fd(g_ptr_array_index(all, 0)) : -1;
	g_clear_pointer(&all, g_ptr_array_unref);
	return fd;
}

static void ask(struct nice_transport *t, int64_t now)
{
	bool quiet = t->sent < QUIET_OUT && t->came < QUIET_IN;
	int fd = t->over ? -1 : socket_of_way(t);
	gboolean controlling;
	const uint8_t *p;
	size_t len;

	t->sent = t->came = 0;
	if (fd < 0)
		return;
	g_object_get(t->agent, "controlling-mode", &controlling, NULL);
	len = ice_ask_tick(t->ask, quiet, controlling, &p, now);
	ice_ask_watch(t->ask, t->context, len ? fd : -1);
	if (len)
		nice_send_now(t, p, len);
}

static gboolean on_look(gpointer ctx)
{
	struct nice_transport *t = ctx;
	int64_t now = clock_now_us();
	bool silent;

	if (something_came(t))
		t->alive_us = now;
	ask(t, now);
	silent = now - t->alive_us >= SILENCE_US;
	if (t->state == TRANSPORT_CONNECTED && (silent || ice_ask_unheard(t->ask))) {
		log_debug("rtc", silent ? "ice: nothing has come for 10 s"
			  : "ice: no check was answered for 9 s");
		nice_tell(t, TRANSPORT_DISCONNECTED);
	} else if (t->state == TRANSPORT_DISCONNECTED && !t->over && t->alive_us == now &&
		   !ice_ask_unheard(t->ask)) {
		log_debug("rtc", "ice: datagrams come again");
		nice_tell(t, TRANSPORT_CONNECTED);
	}
	return G_SOURCE_CONTINUE;
}

void nice_begin_looking(struct nice_transport *t)
{
	t->alive_us = clock_now_us();
	if (t->look)
		return;
	t->look = g_timeout_source_new(LOOK_MS);
	g_source_set_callback(t->look, on_look, t, NULL);
	g_source_attach(t->look, t->context);
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
 * way there. */
static void source_towards(const NiceAddress *to, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage a, from;
	NiceAddress ip;

	out[0] = 0;
	nice_address_copy_to_sockaddr(to, (struct sockaddr *)&a);
	if (!sockaddr_source(&from, &a, a.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
			      : sizeof(struct sockaddr_in)))
		return;
	nice_address_set_from_sockaddr(&ip, (struct sockaddr *)&from);
	nice_address_to_string(&ip, out);
}

enum transport_way transport_nice_look(const struct transport *base)
{
	const struct nice_transport *t = (const struct nice_transport *)base;
	char ip[INET6_ADDRSTRLEN] = "", today[INET6_ADDRSTRLEN] = "";
	NiceCandidate *local, *remote;

	if (!nice_agent_get_selected_pair(t->agent, t->stream, COMPONENT, &local, &remote))
		return TRANSPORT_WAY_SAME;
	if (nice_relay_of(t, local))
		return turn_relay_look(nice_relay_of(t, local));
	nice_address_to_string(&local->base_addr, ip);
	if (!is_ours(ip))
		return TRANSPORT_WAY_GONE;
	source_towards(&remote->addr, today);
	return *today && strcmp(ip, today) ? TRANSPORT_WAY_OTHER : TRANSPORT_WAY_SAME;
}
