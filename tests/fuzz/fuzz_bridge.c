/* rooms: base io xmpp rtc host */
/* A room of three in which participants with right keys send what they like:
 * RTP, RTCP, channel messages, changes of sources.  Each action is a byte for
 * what, a byte for how long, then its bytes. */
#include <stdlib.h>
#include <string.h>
#include "host/endpoint.h"
#include "rtc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEOPLE = 3 };

struct line { struct transport base; bool used; };
struct fuzz { struct forward *f; struct line line[PEOPLE]; size_t lines; struct srtp_box *box[PEOPLE]; int64_t now; };

static const char *const ids[PEOPLE] = { "a", "b", "c" };

static int line_send(struct transport *t, const uint8_t *p, size_t len)
{
	(void)t;
	if (!len || len > 2100 || p[0] <= 3)
		abort();
	return 0;
}

static void line_free(struct transport *t)
{
	(void)t;
}

static int make(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
		const struct transport_events *ev, void *ev_ctx)
{
	static const struct transport_ops ops = { line_send, line_free, NULL };
	struct fuzz *z = ctx;
	struct line *l = z->line + z->lines++;

	(void)ufrag;
	(void)pwd;
	l->base = (struct transport){ &ops, *ev, ev_ctx };
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
	(void)session;
	(void)state;
	if (!*id || !why)
		abort();
}

static void on_channel_send(void *ctx, unsigned room, const char *id, const char *text, size_t len)
{
	(void)ctx;
	(void)room;
	if (!*id || strlen(text) != len || text[0] != '{')
		abort();
}

/* Both directions the same bytes, so that either end is made alike. */
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

/* Two sources for each, the numbers by the person. */
static void announce(struct fuzz *z, int who, bool layers)
{
	char name[] = "x-v0", sound[] = "x-a0", none[] = "";
	uint32_t n = 16 * (uint32_t)(who + 1);
	struct source src[] = {
		{ .ssrc = n, .owner = none, .name = sound, .msid = none },
		{ .ssrc = n + 1, .video = true, .owner = none, .name = name, .msid = none },
		{ .ssrc = n + 2, .video = true, .owner = none, .name = name, .msid = none },
		{ .ssrc = n + 3, .video = true, .owner = none, .name = name, .msid = none },
	};
	struct source_group g[] = {
		{ .semantics = "FID", .video = true, .owner = none, .ssrc = { n + 1, n + 2 }, .count = 2 },
		{ .semantics = "SIM", .video = true, .owner = none, .ssrc = { n + 1, n + 3 }, .count = 2 },
	};
	struct source_set s = { src, 4, g, layers ? 2 : 1 };

	name[0] = sound[0] = ids[who][0];
	forward_sources(z->f, 1, ids[who], &s, z->now);
}

static void open_room(struct fuzz *z, const struct dtls_cert *cert)
{
	static const struct forward_ops ops = { make, NULL, heard_us, on_state, on_channel_send };
	struct forward_config cfg = { cert, 1, 2 };

	forward_new(&z->f, &cfg, &ops, z);
	for (int i = 0; i < PEOPLE; i++) {
		struct bridge_endpoint e = { .room = 1, .id = ids[i], .pt_opus = 111, .pt_vp8 = 100, .ext_level = 1,
					     .pt_rtx = i == 1 ? 0 : 96, .ext_abs_time = 3, .ext_tcc = 5,
					     .video = true, .tcc = i != 2 };

		if (forward_add(z->f, &e, "ufrag", "pwd", z->now))
			abort();
		forward_find(z->f, 1, ids[i])->box = make_box();
		z->box[i] = make_box();
		announce(z, i, i == 2);
		if (i)
			forward_channel_open(z->f, 1, ids[i], z->now);
	}
	forward_tick(z->f, z->now);
}

static void send(struct fuzz *z, int who, uint8_t *p, size_t len, bool rtcp)
{
	struct line *l = z->line + who;
	int err = rtcp ? srtp_box_protect_rtcp(z->box[who], p, &len) : srtp_box_protect(z->box[who], p, &len);

	if (!err && forward_find(z->f, 1, ids[who]))
		l->base.ev.datagram(l->base.ctx, p, len, z->now);
}

static void act(struct fuzz *z, uint8_t what, const uint8_t *p, size_t len)
{
	_Alignas(8) uint8_t buf[256 + 64] = {0};
	int who = what & 3 ? (what & 3) - 1 : 0;

	switch (what >> 2 & 7) {
	case 0:
	case 1:
	case 2:         /* the SSRC is its own: others are dropped unread */
		memcpy(buf + 1, p, len);
		buf[0] = (uint8_t)(0x80 | (len ? p[len - 1] & 0x3F : 0));
		if (buf[1] % 4)
			buf[1] = (uint8_t)(buf[1] & 0x80) | (buf[1] % 4 == 1 ? 111 : buf[1] % 4 == 2 ? 100 : 96);
		put32(buf + 8, 16 * (uint32_t)(who + 1) + (buf[11] & 3));
		send(z, who, buf, len + 1 < 12 ? 12 : len + 1, false);
		break;
	case 3:
	case 4:
		memcpy(buf, p, len);
		buf[0] = (uint8_t)(0x80 | (buf[0] & 0x3F));
		send(z, who, buf, len < 8 ? 8 : len, true);
		break;
	case 5:
		forward_channel_input(z->f, 1, ids[who], (const char *)p, len, z->now);
		break;
	case 6:
		announce(z, who, len & 1);
		break;
	case 7:
		z->now += 1000 * (int64_t)(len + 1) * (len + 1);
		if (what & 0x20)
			forward_force_mute(z->f, 1, ids[who], what & 0x40, what & 0x80);
		break;
	}
	z->now += 1000;
	forward_tick(z->f, z->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_cert *cert;
	struct fuzz *z;

	if (!cert && dtls_cert_new(&cert))
		abort();
	if (size > 4096)
		return 0;
	z = calloc(1, sizeof(*z));
	z->now = 1000000;
	open_room(z, cert);
	while (size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		act(z, data[0], data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	forward_free(&z->f);
	for (int i = 0; i < PEOPLE; i++)
		srtp_box_free(z->box + i);
	free(z);
	return 0;
}
