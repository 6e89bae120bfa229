/* assoc.c - SCTP associations over datagrams, with usrsctp
 *
 *	assoc_input() -> usrsctp -> messages, notices -> handlers
 *	assoc_send()  -> usrsctp -> on_output() -> queue -> ev.send()
 *
 * usrsctp has one state for the whole process, timers included: whoever ticks
 * ticks for all, and a packet of another thread's association may come out of
 * it.  So all calls of the library stand behind one lock, packets go into the
 * queue of the association that they belong to, and each owner empties its
 * own.  The lock is let go before a handler runs.
 *
 * An association's address is a number that is used once, never a pointer: a
 * late packet of a dead one finds nobody, and nothing of ours is told to the
 * peer by it.
 *
 * CRC32c is computed and checked though DTLS protects the packets: RFC 8261
 * asks for it, and not all peers do without.
 */
#include "rtc/assoc.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "rtc/chunks.h"

enum {
	OUT_MAX = 256,                  /* packets in the queue */
	READ_BYTES = 8192,
	SEND_BYTES = ASSOC_MESSAGE_MAX, RECEIVE_BYTES = 128 * 1024,     /* that wait */
	/* RFC 9260 section 16 says one second for lack of knowledge about the
	 * line; here ICE and DTLS have just seen it. */
	RTO_FIRST_MS = 600, RTO_LEAST_MS = 400, RTO_MOST_MS = 10000,
	INITS_MAX = 8, INIT_RTO_MOST_MS = 4000,
	RETRANSMISSIONS_MAX = 10,       /* section 16, Association.Max.Retrans */
	BUSY_US = 3000000,              /* after the last packet or message */
	BUSY_TICK_US = 20000, QUIET_TICK_US = 1000000,
	JUMP_US = 60000000,             /* the machine slept: no more than this at once */
};

struct out_packet { struct out_packet *next; size_t len; uint8_t p[]; };

struct assoc {
	struct assoc *next;             /* of the world's; by the lock */
	uintptr_t id;
	uint16_t port;
	size_t longest;                 /* message that is taken */
	struct socket *socket;
	struct assoc_events ev;
	void *ctx;

	struct out_packet *out, **out_end;      /* by the lock */
	unsigned outs;                          /* by the lock */

	bool started, up, told_down;
	bool reading;                   /* a handler runs */
	int64_t busy_until_us;
	struct buf message;             /* parts of one that is not whole */
	bool skip;                      /* it is too long: the rest of it is, too */
	uint16_t message_stream;
	struct assoc_stats stats;
};

/* usrsctp's state is the process's, so is this.  The lock is a leaf but for
 * the library's own ones, which no handler of ours takes. */
static struct {
	pthread_mutex_t lock;
	struct assoc *first;
	uintptr_t last_id;
	bool begun;
	int64_t ticked_us;              /* its clock; 0: not running */
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the library's side; the lock is held ---- */

static struct assoc *find(uintptr_t id)
{
	struct assoc *a = world.first;

	while (a && a->id != id)
		a = a->next;
	return a;
}

static int on_output(void *address, void *p, size_t len, uint8_t tos, uint8_t set_df)
{
	struct assoc *a = find((uintptr_t)address);
	struct out_packet *k;

	(void)tos;
	(void)set_df;
	if (!a)
		return 0;
	k = a->outs < OUT_MAX ? malloc(sizeof(*k) + len) : NULL;
	if (!k) {
		a->stats.dropped++;     /* it is sent again */
		return 0;
	}
	k->next = NULL;
	k->len = len;
	memcpy(k->p, p, len);
	*a->out_end = k;
	a->out_end = &k->next;
	a->outs++;
	return 0;
}

static void begin_world(void)
{
	if (world.begun)
		return;
	world.begun = true;
	usrsctp_init_nothreads(0, on_output, NULL);
	/* No answer to packets that belong to nothing; and of the extensions
	 * those alone that data channels use (RFC 8831 section 5). */
	usrsctp_sysctl_set_sctp_blackhole(2);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
	usrsctp_sysctl_set_sctp_inits_include_nat_friendly(0);
	/* No wait before a tag may be used again: addresses are not. */
	usrsctp_sysctl_set_sctp_vtag_time_wait(0);
}

static void advance(int64_t now_us)
{
	int64_t ms;

	if (!world.ticked_us)
		world.ticked_us = now_us;
	if (now_us - world.ticked_us > JUMP_US)
		world.ticked_us = now_us - JUMP_US;
	ms = (now_us - world.ticked_us) / 1000;
	if (ms <= 0)            /* another thread was here a moment ago */
		return;
	world.ticked_us += ms * 1000;
	usrsctp_handle_timers((uint32_t)ms);
}

static void enter(struct assoc *a, int64_t now_us)
{
	pthread_mutex_lock(&world.lock);
	advance(now_us);
	a->busy_until_us = now_us + BUSY_US;
}

/* ---- out ---- */

static struct out_packet *take_out(struct assoc *a)
{
	struct out_packet *k;

	pthread_mutex_lock(&world.lock);
	k = a->out;
	a->out = NULL;
	a->out_end = &a->out;
	a->outs = 0;
	pthread_mutex_unlock(&world.lock);
	return k;
}

static void flush(struct assoc *a)
{
	struct out_packet *next;

	for (struct out_packet *k = take_out(a); k; k = next) {
		next = k->next;
		a->ev.send(a->ctx, k->p, k->len);
		free(k);
	}
}

/* ---- in ---- */

static void go_down(struct assoc *a, const char *why)
{
	a->up = false;
	if (a->told_down)
		return;
	a->told_down = true;
	a->ev.down(a->ctx, why);
}

static void on_change(struct assoc *a, const struct sctp_assoc_change *c)
{
	switch (c->sac_state) {
	case SCTP_COMM_UP:
	case SCTP_RESTART:      /* the peer knows nothing of what was before */
		a->up = true;
		a->ev.up(a->ctx);
		break;
	case SCTP_SHUTDOWN_COMP:
		go_down(a, "ended");
		break;
	case SCTP_CANT_STR_ASSOC:
		go_down(a, "no answer");
		break;
	default:
		go_down(a, "lost");
	}
}

static void on_reset(struct assoc *a, const struct sctp_stream_reset_event *e, size_t len)
{
	size_t n = (len - sizeof(*e)) / sizeof(e->strreset_stream_list[0]);

	if (!(e->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) ||
	    e->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED))
		return;
	/* No list: all of them. */
	for (size_t i = 0; !n && i < ASSOC_STREAMS; i++)
		a->ev.reset(a->ctx, (uint16_t)i);
	for (size_t i = 0; i < n; i++)
		a->ev.reset(a->ctx, e->strreset_stream_list[i]);
}

static void on_notice(struct assoc *a, const void *p, size_t len)
{
	const union sctp_notification *n = p;

	if (len < sizeof(n->sn_header) || n->sn_header.sn_length > len)
		return;
	if (n->sn_header.sn_type == SCTP_ASSOC_CHANGE && len >= sizeof(n->sn_assoc_change))
		on_change(a, &n->sn_assoc_change);
	else if (n->sn_header.sn_type == SCTP_STREAM_RESET_EVENT &&
		 len >= sizeof(n->sn_strreset_event))
		on_reset(a, &n->sn_strreset_event, n->sn_header.sn_length);
}

static void on_part(struct assoc *a, const struct sctp_rcvinfo *i, const uint8_t *p, size_t len,
		    bool end)
{
	/* Parts of two messages do not mix on one socket; if they did, the
	 * first would be lost and no more. */
	if (a->message.len && a->message_stream != i->rcv_sid)
		buf_clear(&a->message);
	a->message_stream = i->rcv_sid;
	if (!a->skip && a->message.len + len > a->longest) {
		a->skip = true;
		a->stats.too_long++;
		buf_clear(&a->message);
	}
	if (!a->skip)
		buf_add(&a->message, p, len);
	if (!end)
		return;
	if (!a->skip && !buf_err(&a->message)) {
		a->stats.in_messages++;
		a->ev.message(a->ctx, i->rcv_sid, ntohl(i->rcv_ppid),
			      (const uint8_t *)buf_str(&a->message), a->message.len);
	}
	a->skip = false;
	if (a->message.cap > READ_BYTES)
		buf_free(&a->message);
	else
		buf_clear(&a->message);
}

struct reading {
	_Alignas(8) uint8_t p[READ_BYTES];
	ssize_t len;
	struct sctp_rcvinfo info;
	unsigned kind;
	int flags;
};

/* false: nothing waits. */
static bool read_one(struct assoc *a, struct reading *r)
{
	socklen_t info_len = sizeof(r->info), from_len = 0;

	r->flags = 0;
	r->kind = SCTP_RECVV_NOINFO;
	memset(&r->info, 0, sizeof(r->info));
	pthread_mutex_lock(&world.lock);
	r->len = usrsctp_recvv(a->socket, r->p, sizeof(r->p), NULL, &from_len, &r->info, &info_len,
			       &r->kind, &r->flags);
	pthread_mutex_unlock(&world.lock);
	return r->len > 0;
}

static void read_all(struct assoc *a)
{
	struct reading r = { .len = -1 };

	if (a->reading)
		return;         /* whoever reads goes on when the handler returns */
	a->reading = true;
	while (read_one(a, &r))
		if (r.flags & MSG_NOTIFICATION)
			on_notice(a, r.p, (size_t)r.len);
		else if (r.kind == SCTP_RECVV_RCVINFO)
			on_part(a, &r.info, r.p, (size_t)r.len, r.flags & MSG_EOR);
	/* 0: the end, whatever the notices said. */
	if (a->started && !r.len)
		go_down(a, "ended");
	a->reading = false;
}

/* After each call of the library. */
static void leave(struct assoc *a)
{
	pthread_mutex_unlock(&world.lock);
	flush(a);
	read_all(a);
	flush(a);
}

/* ---- making and freeing ---- */

static int set(struct assoc *a, int level, int option, const void *p, size_t len)
{
	return usrsctp_setsockopt(a->socket, level, option, p, (socklen_t)len) ? -errno : 0;
}

static int set_int(struct assoc *a, int level, int option, int v)
{
	return set(a, level, option, &v, sizeof(v));
}

static int subscribe(struct assoc *a)
{
	static const uint16_t wanted[] = { SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT };
	int err = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted) && !err; i++) {
		struct sctp_event e = { .se_assoc_id = SCTP_ALL_ASSOC, .se_type = wanted[i], .se_on = 1 };

		err = set(a, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof(e));
	}
	return err;
}

static int set_times(struct assoc *a)
{
	struct sctp_rtoinfo rto = {
		.srto_initial = RTO_FIRST_MS, .srto_min = RTO_LEAST_MS, .srto_max = RTO_MOST_MS
	};
	struct sctp_initmsg init = {
		.sinit_num_ostreams = ASSOC_STREAMS, .sinit_max_instreams = ASSOC_STREAMS,
		.sinit_max_attempts = INITS_MAX, .sinit_max_init_timeo = INIT_RTO_MOST_MS,
	};
	struct sctp_assocparams limits = { .sasoc_asocmaxrxt = RETRANSMISSIONS_MAX };
	/* Whether the line lives ICE's own checks tell: no heartbeats. */
	struct sctp_paddrparams path = {
		.spp_address.ss_family = AF_CONN, .spp_pathmtu = ASSOC_PACKET_MAX - 12 /* the common header */,
		.spp_pathmaxrxt = RETRANSMISSIONS_MAX,
		.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE,
	};
	int err = set(a, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto));

	if (!err)
		err = set(a, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof(init));
	if (!err)
		err = set(a, IPPROTO_SCTP, SCTP_ASSOCINFO, &limits, sizeof(limits));
	if (!err)
		err = set(a, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
	return err;
}

static int set_options(struct assoc *a)
{
	struct linger at_once = { .l_onoff = 1 };       /* close says ABORT */
	struct sctp_assoc_value resets = {
		.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ
	};
	int err = usrsctp_set_non_blocking(a->socket, 1) ? -errno : 0;

	if (!err)
		err = set(a, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (!err)
		err = set_int(a, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	if (!err)
		err = set_int(a, SOL_SOCKET, SO_SNDBUF, SEND_BYTES);
	if (!err)
		err = set_int(a, IPPROTO_SCTP, SCTP_NODELAY, 1);
	if (!err)
		err = set_int(a, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);
	if (!err)
		err = set(a, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &resets, sizeof(resets));
	if (!err)
		err = subscribe(a);
	return err ? err : set_times(a);
}

static struct sockaddr_conn address_of(const struct assoc *a)
{
	/* Here and there alike: what tells associations apart is the number. */
	return (struct sockaddr_conn){
		.sconn_family = AF_CONN, .sconn_port = htons(a->port), .sconn_addr = (void *)a->id
	};
}

static int open_socket(struct assoc *a)
{
	struct sockaddr_conn here = address_of(a);
	int err;

	a->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (!a->socket)
		return errno ? -errno : -ENOMEM;
	err = set_options(a);
	if (!err && usrsctp_bind(a->socket, (struct sockaddr *)&here, sizeof(here)))
		err = -errno;
	return err;
}

int assoc_new(struct assoc **out, uint16_t port, size_t longest, const struct assoc_events *ev,
	      void *ctx)
{
	struct assoc *a = calloc(1, sizeof(*a));
	int err;

	*out = NULL;
	if (!a)
		return -ENOMEM;
	a->ev = *ev;
	a->ctx = ctx;
	a->port = port;
	a->longest = longest;
	a->out_end = &a->out;
	pthread_mutex_lock(&world.lock);
	begin_world();
	if (!world.first)
		world.ticked_us = 0;    /* the clock stood still */
	a->id = ++world.last_id;
	a->next = world.first;
	world.first = a;
	usrsctp_register_address((void *)a->id);
	err = open_socket(a);
	pthread_mutex_unlock(&world.lock);
	if (err)
		assoc_free(&a);
	*out = a;
	return err;
}

static void forget(struct assoc *a)
{
	struct assoc **p = &world.first;

	while (*p && *p != a)
		p = &(*p)->next;
	if (*p)
		*p = a->next;
}

void assoc_free(struct assoc **ap)
{
	struct assoc *a = *ap;

	if (!a)
		return;
	pthread_mutex_lock(&world.lock);
	if (a->socket)
		usrsctp_close(a->socket);
	usrsctp_deregister_address((void *)a->id);
	forget(a);
	/* What is left of a closed socket goes with a timer. */
	if (!world.first && world.begun && !usrsctp_finish())
		world.begun = false;
	pthread_mutex_unlock(&world.lock);
	flush(a);
	buf_free(&a->message);
	free(a);
	*ap = NULL;
}

/* ---- what the owner calls ---- */

int assoc_start(struct assoc *a, int64_t now_us)
{
	struct sockaddr_conn there = address_of(a);
	int err = 0;

	if (a->started)
		return -EALREADY;
	enter(a, now_us);
	a->started = true;
	if (usrsctp_connect(a->socket, (struct sockaddr *)&there, sizeof(there)) &&
	    errno != EINPROGRESS)
		err = -errno;
	leave(a);
	return err;
}

void assoc_input(struct assoc *a, const uint8_t *p, size_t len, int64_t now_us)
{
	if (!a->started || a->told_down)
		return;
	if (!chunks_ok(p, len)) {
		a->stats.malformed++;
		return;
	}
	enter(a, now_us);
	usrsctp_conninput((void *)a->id, p, len, 0);
	leave(a);
}

int assoc_send(struct assoc *a, uint16_t stream, uint32_t ppid, const void *p, size_t len,
	       int64_t now_us)
{
	struct sctp_sndinfo info = { .snd_sid = stream, .snd_flags = SCTP_EOR, .snd_ppid = htonl(ppid) };
	int err = 0;

	if (len > ASSOC_MESSAGE_MAX) {
		a->stats.too_long++;
		return -EMSGSIZE;
	}
	if (!a->up) {
		a->stats.unsent++;
		return -ENOTCONN;
	}
	enter(a, now_us);
	if (usrsctp_sendv(a->socket, p, len, NULL, 0, &info, sizeof(info), SCTP_SENDV_SNDINFO, 0) < 0)
		err = errno == EWOULDBLOCK ? -EAGAIN : errno ? -errno : -EIO;
	leave(a);
	if (err)
		a->stats.unsent++;
	else
		a->stats.out_messages++;
	return err;
}

void assoc_reset(struct assoc *a, uint16_t stream, int64_t now_us)
{
	_Alignas(struct sctp_reset_streams) uint8_t v[sizeof(struct sctp_reset_streams) + 2];
	struct sctp_reset_streams r = {
		.srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1
	};

	if (!a->up)
		return;
	memcpy(v, &r, sizeof(r));
	memcpy(v + sizeof(r), &stream, sizeof(stream));
	enter(a, now_us);
	/* Refused while one is under way: the peer's reset follows ours or not. */
	if (set(a, IPPROTO_SCTP, SCTP_RESET_STREAMS, v, sizeof(v)))
		log_debug("rtc", "sctp: stream %u is not reset: %s", stream, strerror(errno));
	leave(a);
}

void assoc_shutdown(struct assoc *a, int64_t now_us)
{
	if (!a->up)
		return;
	enter(a, now_us);
	usrsctp_shutdown(a->socket, SHUT_WR);
	leave(a);
}

int64_t assoc_tick(struct assoc *a, int64_t now_us)
{
	if (!a->started || a->told_down)
		return CLOCK_NEVER;
	pthread_mutex_lock(&world.lock);
	advance(now_us);
	leave(a);
	if (a->told_down)
		return CLOCK_NEVER;
	return now_us + (!a->up || now_us < a->busy_until_us ? BUSY_TICK_US : QUIET_TICK_US);
}

void assoc_stats(const struct assoc *a, struct assoc_stats *out)
{
	pthread_mutex_lock(&world.lock);        /* on_output() counts on any thread */
	*out = a->stats;
	pthread_mutex_unlock(&world.lock);
}
