/* rooms: base io xmpp rtc host */
/* What it costs to pass one packet of sound on to 19 others: decrypted once,
 * encrypted 19 times, without and with the kernel. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "host/endpoint.h"
#include "rtc/ice_mux_priv.h"
#include "rtc/wire.h"

enum { PEOPLE = 20, PACKETS = 20000, PAYLOAD = 80, BATCH = 5 };

struct line {
	struct transport base;
	struct ice_mux *mux;            /* NULL: what is sent goes nowhere */
	struct mux_pair to;
	uint64_t sent;
};

struct bench {
	struct line *making;
	struct ice_mux *mux;
	struct sockaddr_in sink;
	struct line line[PEOPLE];
	struct forward *f;
	struct srtp_box *box;           /* of the one who talks */
};

static int line_send(struct transport *t, const uint8_t *p, size_t len)
{
	struct line *l = (struct line *)t;

	l->sent++;
	return l->mux ? mux_send(l->mux, &l->to, p, len) : 0;
}

static void line_free(struct transport *t)
{
	(void)t;
}

static const struct transport_ops line_ops = { line_send, line_free, NULL };

static int make(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
		const struct transport_events *ev, void *ev_ctx)
{
	struct bench *b = ctx;
	struct line *l = b->making;
	struct sockaddr_storage a = {0};

	(void)ufrag;
	(void)pwd;
	memcpy(&a, &b->sink, sizeof(b->sink));
	mux_addr_from_sock(&l->to.remote, &a);
	l->mux = b->mux;
	l->base.ops = &line_ops;
	l->base.ev = *ev;
	l->base.ctx = ev_ctx;
	*out = &l->base;
	return 0;
}

static int64_t heard_us(void *ctx, const struct transport *t)
{
	(void)ctx;
	(void)t;
	return 0;
}

static void on_state(void *ctx, unsigned room, const char *id, uint64_t session,
		     enum bridge_endpoint_state state, const char *why)
{
	(void)ctx;
	(void)room;
	(void)id;
	(void)session;
	(void)state;
	(void)why;
}

/* Keys without a handshake: both directions the same bytes. */
static struct srtp_box *make_box(void)
{
	struct dtls_keys k = { .profile = DTLS_SRTP_GCM_128, .len = 28 };
	struct srtp_box *box;

	memset(k.send, 7, sizeof(k.send));
	memset(k.recv, 7, sizeof(k.recv));
	if (srtp_box_new(&box, &k))
		abort();
	return box;
}

static void open_room(struct bench *b, struct dtls_cert *cert)
{
	static const struct forward_ops ops = { make, NULL, heard_us, on_state, NULL };
	struct forward_config cfg = { cert, 1, 2 };
	struct source src = { .ssrc = 1000 };
	struct source_set s = { .v = &src, .count = 1 };

	forward_new(&b->f, &cfg, &ops, b);
	for (int i = 0; i < PEOPLE; i++) {
		struct bridge_endpoint e = { .room = 1, .pt_opus = 111, .ext_level = 1 };
		char id[16];

		snprintf(id, sizeof(id), "e%d", i);
		e.id = id;
		b->making = b->line + i;
		if (forward_add(b->f, &e, "ufrag", "pwd", clock_now_us()))
			abort();
		forward_find(b->f, 1, id)->box = make_box();
	}
	forward_sources(b->f, 1, "e0", &s, clock_now_us());
	b->box = make_box();
}

static size_t write_packet(struct bench *b, uint8_t *p, unsigned i)
{
	size_t len = rtp_write_header(p, 111, false, (uint16_t)i, i * 960, 1000, 1, -20, true);

	memset(p + len, (int)i, PAYLOAD);
	len += PAYLOAD;
	if (srtp_box_protect(b->box, p, &len))
		abort();
	return len;
}

/* Returns microseconds for one packet. */
static double run(struct bench *b)
{
	struct line *l = b->line;
	int64_t spent = 0;

	for (unsigned i = 0; i < PACKETS; i += BATCH) {
		_Alignas(8) uint8_t p[BATCH][256];
		size_t len[BATCH];
		int64_t began;

		for (unsigned k = 0; k < BATCH; k++)
			len[k] = write_packet(b, p[k], i + k);
		began = clock_now_us();
		/* Less than 2000 a second, lest the limit drops them. */
		for (unsigned k = 0; k < BATCH; k++)
			l->base.ev.datagram(l->base.ctx, p[k], len[k], (int64_t)(i + k + 1) * 1000);
		if (b->mux)
			ice_mux_flush(b->mux);
		spent += clock_now_us() - began;
	}
	for (int i = 1; i < PEOPLE; i++)
		if (b->line[i].sent < PACKETS)
			abort();
	return (double)spent / PACKETS;
}

static void print_line(const char *name, double value, const char *unit, const char *note)
{
	printf("%-38s %10.2f %-8s (%s)\n", name, value, unit, note);
}

int main(void)
{
	struct ice_mux_config mux = { .address = "127.0.0.1" };
	struct dtls_cert *cert;
	double us[2];

	if (dtls_cert_new(&cert))
		return 1;
	for (int i = 0; i < 2; i++) {
		struct bench *b = calloc(1, sizeof(*b));
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		socklen_t len = sizeof(b->sink);

		/* Nobody reads there: what does not fit is thrown away. */
		b->sink = (struct sockaddr_in){ .sin_family = AF_INET };
		b->sink.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (fd < 0 || bind(fd, (struct sockaddr *)&b->sink, len) ||
		    getsockname(fd, (struct sockaddr *)&b->sink, &len))
			return 1;
		mux.context = g_main_context_new();
		if (i && ice_mux_new(&b->mux, &mux))
			return 1;
		open_room(b, cert);
		us[i] = run(b);
		forward_free(&b->f);
		ice_mux_free(&b->mux);
		srtp_box_free(&b->box);
		g_main_context_unref(mux.context);
		close(fd);
		free(b);
	}
	dtls_cert_free(&cert);
	print_line("bridge_forward_19", us[0], "us", "goal 28.5: 19 times 1.5 for GCM");
	print_line("bridge_forward_19_sent", us[1], "us", "with sendmmsg; 20 microphones leave 1000");
	print_line("bridge_packets_out", 19e6 / us[1], "1/s", "a Jitsi bridge's limit 50000, in and out");
	return 0;
}
