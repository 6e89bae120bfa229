/* ice_mux.c - one UDP port: the socket, the table of addresses, the queue out
 *
 *	recvmmsg -> by address -> STUN: ice_mux_check.c | the rest: its endpoint
 *	transport_send() -> queue -> sendmmsg
 *
 * The kernel is entered once for a batch, not once for a packet: a room of 20
 * with open microphones is 19,000 packets/s out.  What the socket does not
 * take at once is dropped: late sound is no use, and 4 MiB of buffer are a
 * second of all that a host sends.
 *
 * Where the socket takes all addresses, a datagram leaves from the address on
 * which its peer reached us (IP_PKTINFO): with several addresses a machine
 * would pick another one, and peers throw such answers away (RFC 8445 section
 * 7.2.5.2.1).
 *
 * Strangers: datagrams of addresses that belong to nobody are dropped after
 * one look into the table, but for checks with the ufrag of an endpoint, whose
 * HMAC costs something.  Those are limited by address (IPv6: by /64).  Nobody
 * is told that his check was wrong.
 */
#include "rtc/ice_mux_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "rtc/rtp.h"
#include "rtc/sockaddr.h"

enum {
	RX_BATCH = 64,
	TX_BATCH = 128,
	BATCHES = 8,            /* in one turn of the loop, so that timers have theirs */
	SOCKET_BYTES = 4 << 20, /* a keyframe to 19 receivers is several MB */
	BUCKETS = 1024,
	MAX_UNKNOWN = 50,
	CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)),
};

struct mux_queue {
	struct mmsghdr msg[TX_BATCH];
	struct iovec iov[TX_BATCH];
	struct sockaddr_storage addr[TX_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[TX_BATCH][CONTROL];
	_Alignas(8) uint8_t buf[TX_BATCH][MUX_DATAGRAM];
};

/* ---- addresses ---- */

static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };

static bool is_v4(const uint8_t ip[16])
{
	return !memcmp(ip, mapped, sizeof(mapped));
}

void mux_addr_from_sock(struct mux_addr *a, const struct sockaddr_storage *in)
{
	memset(a, 0, sizeof(*a));
	if (in->ss_family == AF_INET) {
		const struct sockaddr_in *s = (const struct sockaddr_in *)in;

		memcpy(a->ip, mapped, sizeof(mapped));
		memcpy(a->ip + 12, &s->sin_addr, 4);
		a->port = ntohs(s->sin_port);
	} else {
		const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)in;

		memcpy(a->ip, &s->sin6_addr, 16);
		a->scope = s->sin6_scope_id;
		a->port = ntohs(s->sin6_port);
	}
}

/* v6: also IPv4 addresses in the form that an IPv6 socket takes. */
void mux_addr_to_sock(const struct mux_addr *a, bool v6, struct sockaddr_storage *out,
		      socklen_t *len)
{
	memset(out, 0, sizeof(*out));
	if (!v6 && is_v4(a->ip)) {
		struct sockaddr_in *s = (struct sockaddr_in *)out;

		s->sin_family = AF_INET;
		memcpy(&s->sin_addr, a->ip + 12, 4);
		s->sin_port = htons(a->port);
		*len = sizeof(*s);
	} else {
		struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;

		s->sin6_family = AF_INET6;
		memcpy(&s->sin6_addr, a->ip, 16);
		s->sin6_scope_id = a->scope;
		s->sin6_port = htons(a->port);
		*len = sizeof(*s);
	}
}

bool mux_addr_same(const struct mux_addr *a, const struct mux_addr *b)
{
	return a->port == b->port && a->scope == b->scope && !memcmp(a->ip, b->ip, 16);
}

static guint addr_hash(gconstpointer p)
{
	const struct mux_addr *a = p;
	uint32_t h = 2166136261u;       /* FNV-1a */

	for (size_t i = 0; i < 16; i++)
		h = (h ^ a->ip[i]) * 16777619u;
	h = (h ^ (a->port & 0xFF)) * 16777619u;
	return (h ^ a->port >> 8) * 16777619u;
}

static gboolean addr_equal(gconstpointer a, gconstpointer b)
{
	return mux_addr_same(a, b);
}

void mux_bind(struct mux_end *e, struct mux_pair *p)
{
	g_hash_table_replace(e->mux->by_addr, &p->remote, e);
	p->bound = true;
}

void mux_unbind(struct mux_end *e, struct mux_pair *p)
{
	if (p->bound)
		g_hash_table_remove(e->mux->by_addr, &p->remote);
	p->bound = false;
}

void mux_wake(struct ice_mux *m, int64_t at_us)
{
	if (at_us < m->next_us)
		m->next_us = at_us;
}

/* ---- out ---- */

static void set_source(struct msghdr *h, uint8_t *control, const struct mux_pair *to, bool v6)
{
	struct cmsghdr *c;

	memset(control, 0, CONTROL);
	h->msg_control = control;
	h->msg_controllen = CONTROL;
	c = CMSG_FIRSTHDR(h);
	if (v6) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(*info));
		memcpy(&info->ipi6_addr, to->local, 16);
	} else {
		struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(c);

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(*info));
		memcpy(&info->ipi_spec_dst, to->local + 12, 4);
	}
	h->msg_controllen = v6 ? CMSG_SPACE(sizeof(struct in6_pktinfo)) :
			    CMSG_SPACE(sizeof(struct in_pktinfo));
}

int mux_send(struct ice_mux *m, const struct mux_pair *to, const uint8_t *p, size_t len)
{
	struct mux_queue *q = m->tx;
	struct msghdr *h;
	socklen_t addr_len;

	if (len > MUX_DATAGRAM)
		return -EMSGSIZE;
	if (m->queued == TX_BATCH)
		ice_mux_flush(m);
	memcpy(q->buf[m->queued], p, len);
	q->iov[m->queued] = (struct iovec){ q->buf[m->queued], len };
	mux_addr_to_sock(&to->remote, m->v6, &q->addr[m->queued], &addr_len);
	h = &q->msg[m->queued].msg_hdr;
	memset(h, 0, sizeof(*h));
	h->msg_name = &q->addr[m->queued];
	h->msg_namelen = addr_len;
	h->msg_iov = &q->iov[m->queued];
	h->msg_iovlen = 1;
	if (to->has_local)
		set_source(h, q->control[m->queued], to, m->v6);
	m->queued++;
	return 0;
}

void ice_mux_flush(struct ice_mux *m)
{
	size_t at = 0;

	while (at < m->queued) {
		int n = sendmmsg(m->fd, m->tx->msg + at, (unsigned)(m->queued - at), MSG_DONTWAIT);

		if (n > 0) {
			at += (size_t)n;
			m->stats.out += (uint64_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
			m->stats.send_full += m->queued - at;
			break;
		}
		at++;           /* this one has no way out; the others may have */
	}
	m->queued = 0;
}

/* ---- in ---- */

static unsigned bucket_of(const struct ice_mux *m, const struct mux_addr *a)
{
	size_t n = is_v4(a->ip) ? 16 : 8;
	uint32_t h = m->seed;

	for (size_t i = 0; i < n; i++)
		h = (h ^ a->ip[i]) * 16777619u;
	return (h ^ h >> 15) % BUCKETS;
}

/* The seed keeps a stranger from choosing whose bucket he shares. */
static bool may_look(struct ice_mux *m, const struct mux_addr *from, int64_t now_us)
{
	unsigned i = bucket_of(m, from);
	int64_t second = now_us / 1000000;

	if (m->bucket[i].second != second) {
		m->bucket[i].second = second;
		m->bucket[i].n = 0;
	}
	return m->bucket[i].n++ < m->max_unknown;
}

static void stranger(struct ice_mux *m, const uint8_t *p, size_t len, enum packet_kind kind,
		     const struct mux_addr *from, const uint8_t local[16], int64_t now_us)
{
	if (kind != PACKET_STUN)
		m->stats.unknown++;
	else if (!may_look(m, from, now_us))
		m->stats.limited++;
	else
		mux_stun_input(m, p, len, from, local, now_us);
}

void mux_input(struct ice_mux *m, const uint8_t *p, size_t len, const struct mux_addr *from,
	       const uint8_t local[16], int64_t now_us)
{
	struct mux_end *e = g_hash_table_lookup(m->by_addr, from);
	enum packet_kind kind = packet_classify(p, len);

	m->stats.in++;
	if (!e) {
		stranger(m, p, len, kind, from, local, now_us);
	} else if (kind == PACKET_STUN) {
		mux_stun_input(m, p, len, from, local, now_us);
	} else if (kind == PACKET_UNKNOWN || e->state == TRANSPORT_FAILED) {
		m->stats.unknown++;
	} else {
		mux_heard(e, mux_find_pair(e, from), now_us);
		if (e->base.ev.datagram)
			e->base.ev.datagram(e->base.ctx, p, len, now_us);
	}
}

static bool local_of(struct msghdr *h, uint8_t out[16])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(out, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
			return true;
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(out, mapped, sizeof(mapped));
			memcpy(out + 12, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr, 4);
			return true;
		}
	}
	return false;
}

static void prepare_receive(struct mux_queue *q)
{
	for (size_t i = 0; i < RX_BATCH; i++) {
		struct msghdr *h = &q->msg[i].msg_hdr;

		q->iov[i] = (struct iovec){ q->buf[i], MUX_DATAGRAM };
		memset(h, 0, sizeof(*h));
		h->msg_name = &q->addr[i];
		h->msg_namelen = sizeof(q->addr[i]);
		h->msg_iov = &q->iov[i];
		h->msg_iovlen = 1;
		h->msg_control = q->control[i];
		h->msg_controllen = CONTROL;
	}
}

/* Returns how many came, 0 when there are no more. */
static int receive_batch(struct ice_mux *m)
{
	struct mux_queue *q = m->rx;
	int64_t now_us;
	int n;

	prepare_receive(q);
	n = recvmmsg(m->fd, q->msg, RX_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;       /* also errors of datagrams that were sent: theirs, not ours */
	now_us = clock_now_us();
	for (int i = 0; i < n; i++) {
		struct msghdr *h = &q->msg[i].msg_hdr;
		struct mux_addr from;
		uint8_t local[16];
		bool has_local = m->any && local_of(h, local);

		if (h->msg_flags & MSG_TRUNC || !h->msg_namelen) {
			m->stats.in++;
			m->stats.unknown++;
			continue;
		}
		mux_addr_from_sock(&from, &q->addr[i]);
		mux_input(m, q->buf[i], q->msg[i].msg_len, &from, has_local ? local : NULL, now_us);
	}
	return n;
}

static gboolean on_readable(GSource *source, GSourceFunc fn, gpointer ctx)
{
	struct ice_mux *m = ctx;
	int n = RX_BATCH;

	(void)source;
	(void)fn;
	for (int i = 0; i < BATCHES && n == RX_BATCH; i++) {
		n = receive_batch(m);
		if (n > 0 && m->batch)
			m->batch(m->batch_ctx);
		ice_mux_flush(m);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- the socket ---- */

static void set_int(int fd, int level, int name, int v)
{
	setsockopt(fd, level, name, &v, sizeof(v));
}

static void set_options(struct ice_mux *m)
{
	set_int(m->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
	set_int(m->fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
	if (m->v6)
		set_int(m->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!m->any)
		return;
	if (m->v6)
		set_int(m->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		set_int(m->fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static int open_socket(struct ice_mux *m, const struct ice_mux_config *cfg)
{
	struct sockaddr_storage a;
	struct mux_addr own;
	socklen_t len;

	if (!cfg->address || sockaddr_parse(&a, &len, cfg->address, cfg->port))
		return -EINVAL;
	m->v6 = a.ss_family == AF_INET6;
	m->any = !strcmp(cfg->address, "0.0.0.0") || !strcmp(cfg->address, "::");
	m->fd = socket(a.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->fd < 0)
		return -errno;
	set_options(m);
	if (bind(m->fd, (struct sockaddr *)&a, len))
		return -errno;
	len = sizeof(a);
	if (getsockname(m->fd, (struct sockaddr *)&a, &len))
		return -errno;
	mux_addr_from_sock(&own, &a);
	m->port = own.port;
	return 0;
}

/* ---- the transport's operations ---- */

static int end_send(struct transport *t, const uint8_t *p, size_t len)
{
	struct mux_end *e = (struct mux_end *)t;
	struct mux_pair *to = e->state == TRANSPORT_FAILED ? NULL : mux_send_pair(e);

	return to ? mux_send(e->mux, to, p, len) : -ENOTCONN;
}

static void end_free(struct transport *t)
{
	struct mux_end *e = (struct mux_end *)t;

	for (size_t i = 0; i < MUX_PAIRS; i++)
		mux_pair_drop(e, e->pair + i);
	if (g_hash_table_lookup(e->mux->by_ufrag, e->ufrag) == e)
		g_hash_table_remove(e->mux->by_ufrag, e->ufrag);
	g_ptr_array_remove_fast(e->mux->ends, e);
	text_wipe(e->pwd, sizeof(e->pwd));
	text_wipe(e->remote_pwd, sizeof(e->remote_pwd));
	g_free(e);
}

static void end_path(const struct transport *t, char *out, size_t size)
{
	const struct mux_end *e = (const struct mux_end *)t;
	const struct mux_addr *a;
	char ip[INET6_ADDRSTRLEN] = "";
	bool v4;

	if (e->selected < 0)
		return;
	a = &e->pair[e->selected].remote;
	v4 = is_v4(a->ip);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, ip, sizeof(ip));
	snprintf(out, size, "udp prflx %s%s%s:%u", v4 ? "" : "[", ip, v4 ? "" : "]", a->port);
}

static const struct transport_ops ops = { end_send, end_free, end_path };

int ice_mux_add(struct transport **out, struct ice_mux *m, const char *ufrag, const char *pwd,
		const struct transport_events *ev, void *ctx)
{
	struct mux_end *e;

	*out = NULL;
	if (strlen(ufrag) < 4 || strlen(ufrag) > MUX_UFRAG || strlen(pwd) < 22 ||
	    strlen(pwd) > MUX_PWD)
		return -EINVAL; /* RFC 8445 section 5.3 */
	if (g_hash_table_lookup(m->by_ufrag, ufrag))
		return -EEXIST;
	e = g_new0(struct mux_end, 1);
	e->base.ops = &ops;
	e->base.ev = *ev;
	e->base.ctx = ctx;
	e->mux = m;
	e->controlling = true;
	e->selected = -1;
	e->state = TRANSPORT_CHECKING;
	text_copy(e->ufrag, sizeof(e->ufrag), ufrag);
	text_copy(e->pwd, sizeof(e->pwd), pwd);
	stun_agent_init(&e->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT |
			STUN_AGENT_USAGE_NO_INDICATION_AUTH);
	g_hash_table_insert(m->by_ufrag, e->ufrag, e);
	g_ptr_array_add(m->ends, e);
	*out = &e->base;
	return 0;
}

int ice_mux_remote(struct transport *t, const char *ufrag, const char *pwd)
{
	struct mux_end *e = (struct mux_end *)t;

	if (!*ufrag || strlen(ufrag) > MUX_UFRAG || !*pwd || strlen(pwd) > MUX_PWD)
		return -EINVAL;
	text_copy(e->remote_ufrag, sizeof(e->remote_ufrag), ufrag);
	text_copy(e->remote_pwd, sizeof(e->remote_pwd), pwd);
	mux_remote_known(e, clock_now_us());
	return 0;
}

int64_t ice_mux_heard_us(const struct transport *t)
{
	return ((const struct mux_end *)t)->checked_us;
}

/* ---- the mux ---- */

int ice_mux_new(struct ice_mux **out, const struct ice_mux_config *cfg)
{
	static GSourceFuncs funcs = { .dispatch = on_readable };
	struct ice_mux *m = g_new0(struct ice_mux, 1);
	int err;

	*out = NULL;
	m->fd = -1;
	m->next_us = CLOCK_NEVER;
	m->max_unknown = cfg->max_unknown_per_s ? cfg->max_unknown_per_s : MAX_UNKNOWN;
	m->seed = rng_u32();
	m->by_ufrag = g_hash_table_new(g_str_hash, g_str_equal);
	m->by_addr = g_hash_table_new(addr_hash, addr_equal);
	m->ends = g_ptr_array_new();
	m->bucket = g_malloc0_n(BUCKETS, sizeof(*m->bucket));
	m->rx = g_new0(struct mux_queue, 1);
	m->tx = g_new0(struct mux_queue, 1);
	err = open_socket(m, cfg);
	if (err) {
		ice_mux_free(&m);
		return err;
	}
	m->source = g_source_new(&funcs, sizeof(GSource));
	g_source_set_callback(m->source, NULL, m, NULL);
	g_source_add_unix_fd(m->source, m->fd, G_IO_IN);
	g_source_attach(m->source, cfg->context);
	log_debug("rtc", "media on UDP port %u", m->port);
	*out = m;
	return 0;
}

void ice_mux_free(struct ice_mux **mm)
{
	struct ice_mux *m = *mm;

	if (!m)
		return;
	while (m->ends->len)
		end_free(g_ptr_array_index(m->ends, 0));
	if (m->source) {
		ice_mux_flush(m);
		g_source_destroy(m->source);
		g_source_unref(m->source);
	}
	if (m->fd >= 0)
		close(m->fd);
	g_hash_table_unref(m->by_ufrag);
	g_hash_table_unref(m->by_addr);
	g_ptr_array_unref(m->ends);
	g_free(m->bucket);
	g_free(m->rx);
	g_free(m->tx);
	g_free(m);
	*mm = NULL;
}

uint16_t ice_mux_port(const struct ice_mux *m)
{
	return m->port;
}

int64_t ice_mux_tick(struct ice_mux *m, int64_t now_us)
{
	if (now_us < m->next_us)
		return m->next_us;
	m->next_us = CLOCK_NEVER;
	for (size_t i = 0; i < m->ends->len; i++)
		mux_end_tick(g_ptr_array_index(m->ends, i), now_us);
	ice_mux_flush(m);
	return m->next_us;
}

void ice_mux_on_batch(struct ice_mux *m, void (*fn)(void *ctx), void *ctx)
{
	m->batch = fn;
	m->batch_ctx = ctx;
}

void ice_mux_stats(const struct ice_mux *m, struct ice_mux_stats *out)
{
	*out = m->stats;
}
