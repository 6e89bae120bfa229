/* bridge_world.c - rooms of the media core with clients; see the header */
#include "unit/host/bridge_world.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rtc/wire.h"
#include "unit/unit.h"

struct parcel { struct parcel *next; size_t len; uint8_t p[]; };

struct lane {                   /* one end of a line */
	struct transport base;
	struct lane *other;
	struct parcel *first, **last;   /* towards this end */
	bool open, connected;
	struct client *client;  /* the far end's; NULL at the bridge's end */
	struct lane *next;      /* of the world's */
};

/* ---- lines ---- */

static int lane_send(struct transport *t, const uint8_t *p, size_t len)
{
	struct lane *l = ((struct lane *)t)->other;
	struct parcel *x;

	if (!l->open)
		return 0;       /* lost: nobody is told */
	x = malloc(sizeof(*x) + len);
	assert_non_null(x);
	x->next = NULL;
	x->len = len;
	memcpy(x->p, p, len);
	*l->last = x;
	l->last = &x->next;
	return 0;
}

static void lane_empty(struct lane *l)
{
	while (l->first) {
		struct parcel *x = l->first;

		l->first = x->next;
		free(x);
	}
	l->last = &l->first;
}

static void lane_free(struct transport *t)
{
	struct lane *l = (struct lane *)t;

	l->open = false;
	lane_empty(l);
}

static const struct transport_ops lane_ops = { lane_send, lane_free, NULL };

static struct lane *new_lane(struct world *w)
{
	struct lane *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->base.ops = &lane_ops;
	l->last = &l->first;
	l->open = true;
	l->next = w->lanes;
	w->lanes = l;
	return l;
}

/* Returns whether something was delivered. */
static bool deliver(struct world *w, struct lane *l)
{
	struct parcel *x = l->first;

	if (!x || !l->open)
		return false;
	l->first = x->next;
	if (!l->first)
		l->last = &l->first;
	if (l->base.ev.datagram)
		l->base.ev.datagram(l->base.ctx, x->p, x->len, w->now);
	free(x);
	return true;
}

/* ---- clients ---- */

static void keep_rtp(struct client *c, uint8_t *p, size_t len)
{
	struct got *g;

	if (srtp_box_unprotect(c->box, p, &len))
		return;
	assert_true(c->rtps < PACKETS);
	g = c->rtp + c->rtps++;
	assert_true(len <= sizeof(g->p));
	memcpy(g->p, p, len);
	g->len = len;
	assert_int_equal(rtp_parse(&g->r, g->p, len), 0);
}

static void keep_rtcp(struct client *c, uint8_t *p, size_t len)
{
	struct got_rtcp *g;

	if (srtp_box_unprotect_rtcp(c->box, p, &len))
		return;
	assert_true(c->rtcps < PACKETS);
	g = c->rtcp + c->rtcps++;
	assert_true(len <= sizeof(g->p));
	memcpy(g->p, p, len);
	g->len = len;
}

static void on_datagram(void *ctx, const uint8_t *in, size_t len, int64_t arrival_us)
{
	_Alignas(8) uint8_t p[2048];
	struct client *c = ctx;

	assert_true(len <= sizeof(p));
	memcpy(p, in, len);
	switch (packet_classify(p, len)) {
	case PACKET_DTLS:
		if (c->dtls)
			dtls_input(c->dtls, p, len, arrival_us);
		break;
	case PACKET_RTP:
		if (c->box)
			keep_rtp(c, p, len);
		break;
	case PACKET_RTCP:
		if (c->box)
			keep_rtcp(c, p, len);
		break;
	default:
		fail_msg("the bridge sent what is no packet");
	}
}

static void on_dtls_send(void *ctx, const uint8_t *p, size_t len)
{
	client_raw(ctx, p, len);
}

static void on_dtls_state(void *ctx, enum dtls_state state, const struct dtls_keys *keys, const char *why)
{
	struct client *c = ctx;

	(void)why;
	if (state == DTLS_UP)
		assert_int_equal(srtp_box_new(&c->box, keys), 0);
	else
		c->dtls_failed = true;
}

static void on_dtls_data(void *ctx, const uint8_t *p, size_t len)
{
	struct client *c = ctx;

	if (c->data)
		data_channel_input(c->data, p, len, c->w->now);
}

/* ---- a channel by SCTP ---- */

static void data_send(void *ctx, const uint8_t *p, size_t len)
{
	assert_int_equal(dtls_send(((struct client *)ctx)->dtls, p, len), 0);
}

static void data_open(void *ctx)
{
	((struct client *)ctx)->data_opened++;
}

static void data_closed(void *ctx, bool over, const char *why)
{
	(void)over;
	(void)why;
	((struct client *)ctx)->data_closed++;
}

static void data_text(void *ctx, const char *text, size_t len)
{
	struct client *c = ctx;

	assert_int_equal(strlen(text), len);
	assert_true(c->messages < MESSAGES);
	c->message[c->messages++] = strdup(text);
}

void client_data(struct client *c)
{
	static const struct data_channel_events ev = { data_send, data_open, data_closed, data_text };
	struct data_channel_config cfg = { DATA_CHANNEL_PORT, true, true, 0 };

	data_channel_free(&c->data);
	assert_int_equal(data_channel_new(&c->data, &cfg, &ev, c), 0);
	assert_int_equal(data_channel_start(c->data, c->w->now), 0);
	world_pass(c->w, 100 * MS);
}

void client_data_say(struct client *c, const char *text)
{
	assert_int_equal(data_channel_send(c->data, text, strlen(text), c->w->now), 0);
	world_step(c->w);
}

void client_raw(struct client *c, const void *p, size_t len)
{
	transport_send(&c->lane->base, p, len);
}

/* ---- what the core asks of its owner ---- */

static int make(void *ctx, struct transport **out, const char *ufrag, const char *pwd,
		const struct transport_events *ev, void *ev_ctx)
{
	static const struct transport_events client_ev = { NULL, on_datagram };
	struct world *w = ctx;
	struct lane *a = new_lane(w), *b = new_lane(w);

	(void)ufrag;
	(void)pwd;
	a->other = b;
	b->other = a;
	a->base.ev = *ev;
	a->base.ctx = ev_ctx;
	b->base.ev = client_ev;
	b->base.ctx = b->client = w->making;
	w->making->lane = b;
	*out = &a->base;
	return 0;
}

static int remote(void *ctx, struct transport *t, const char *ufrag, const char *pwd)
{
	struct lane *l = (struct lane *)t;

	(void)ctx;
	assert_true(*ufrag && *pwd);
	l->connected = true;
	return 0;
}

static int64_t heard_us(void *ctx, const struct transport *t)
{
	struct world *w = ctx;

	return ((const struct lane *)t)->connected ? w->heard_us : 0;
}

static struct client *find(struct world *w, unsigned room, const char *id)
{
	for (size_t i = w->clients; i--;)
		if (w->c[i].room == room && !strcmp(w->c[i].id, id))
			return w->c + i;
	fail_msg("an event about %s, whom nobody knows", id);
	return NULL;
}

static void on_state(void *ctx, unsigned room, const char *id, uint64_t session,
		     enum bridge_endpoint_state state, const char *why)
{
	struct client *c = find(ctx, room, id);

	c->session = session;
	c->ups += state == BRIDGE_UP;
	c->failed += state == BRIDGE_FAILED;
	c->expired += state == BRIDGE_EXPIRED;
	snprintf(c->why, sizeof(c->why), "%s", why);
}

static void on_channel_send(void *ctx, unsigned room, const char *id, const char *text, size_t len)
{
	struct client *c = find(ctx, room, id);

	assert_int_equal(strlen(text), len);
	assert_true(c->messages < MESSAGES);
	c->message[c->messages++] = strdup(text);
}

static const struct forward_ops ops = { make, remote, heard_us, on_state, on_channel_send };

/* ---- the world ---- */

void world_open(struct world *w)
{
	struct forward_config cfg = { .audio_ssrc = BRIDGE_AUDIO, .video_ssrc = BRIDGE_VIDEO };

	memset(w, 0, sizeof(*w));
	w->now = 1000 * S;
	assert_int_equal(dtls_cert_new(&w->cert), 0);
	cfg.cert = w->cert;
	assert_int_equal(forward_new(&w->f, &cfg, &ops, w), 0);
}

static void free_client(struct client *c)
{
	data_channel_free(&c->data);
	dtls_free(&c->dtls);
	srtp_box_free(&c->box);
	dtls_cert_free(&c->cert);
	client_forget(c);
	free(c->rtp);
	free(c->rtcp);
}

void world_close(struct world *w)
{
	forward_free(&w->f);
	for (size_t i = 0; i < w->clients; i++)
		free_client(w->c + i);
	while (w->lanes) {
		struct lane *l = w->lanes;

		w->lanes = l->next;
		lane_empty(l);
		free(l);
	}
	dtls_cert_free(&w->cert);
}

void world_step(struct world *w)
{
	bool more;

	w->now += STEP_US;
	do {
		more = false;
		for (struct lane *l = w->lanes; l; l = l->next)
			more |= deliver(w, l);
	} while (more);
	forward_tick(w->f, w->now);
	for (size_t i = 0; i < w->clients; i++)
		if (w->c[i].data)
			data_channel_tick(w->c[i].data, w->now);
}

void world_pass(struct world *w, int64_t us)
{
	for (int64_t end = w->now + us; w->now < end;)
		world_step(w);
	world_step(w);
}

struct client *client_add(struct world *w, unsigned room, const char *id,
			  void (*edit)(struct bridge_endpoint *e))
{
	struct client *c = w->c + w->clients++;

	assert_true(w->clients <= CLIENTS);
	c->w = w;
	c->room = room;
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->cfg = (struct bridge_endpoint){
		.room = room, .id = c->id, .session = w->clients, .pt_opus = PT_OPUS, .pt_vp8 = PT_VP8,
		.pt_rtx = PT_RTX, .ext_level = EXT_LEVEL, .ext_abs_time = EXT_ABS, .ext_tcc = EXT_TCC,
		.video = true,
	};
	if (edit)
		edit(&c->cfg);
	c->rtp = calloc(PACKETS, sizeof(*c->rtp));
	c->rtcp = calloc(PACKETS, sizeof(*c->rtcp));
	assert_int_equal(dtls_cert_new(&c->cert), 0);
	w->making = c;
	assert_int_equal(forward_add(w->f, &c->cfg, "ufrag", "pwdpwdpwdpwdpwdpwdpwdpwd", w->now), 0);
	return c;
}

void client_accept(struct client *c, const char *setup, const char *fingerprint)
{
	struct jingle_transport t = { .ufrag = "abcd", .pwd = "0123456789012345678901", .hash = "sha-256" };

	snprintf(t.fingerprint, sizeof(t.fingerprint), "%s", fingerprint);
	snprintf(t.setup, sizeof(t.setup), "%s", setup);
	forward_accept(c->w->f, c->room, c->id, &t, c->w->now);
}

void client_start_dtls(struct client *c, bool as_client)
{
	static const struct dtls_events ev = { on_dtls_send, on_dtls_state, on_dtls_data };

	assert_int_equal(dtls_new(&c->dtls, c->cert, as_client, "sha-256", dtls_cert_fingerprint(c->w->cert), &ev, c), 0);
	/* The line is there: both sides may begin. */
	if (c->lane->other->open && c->lane->other->base.ev.state)
		c->lane->other->base.ev.state(c->lane->other->base.ctx, TRANSPORT_CONNECTED);
	dtls_start(c->dtls, c->w->now);
}

void client_up(struct client *c)
{
	client_accept(c, "active", dtls_cert_fingerprint(c->cert));
	client_start_dtls(c, true);
	world_step(c->w);
	assert_non_null(c->box);
	assert_int_equal(c->ups, 1);
}

struct client *client_join(struct world *w, unsigned room, const char *id,
			   void (*edit)(struct bridge_endpoint *e))
{
	struct client *c = client_add(w, room, id, edit);

	client_up(c);
	return c;
}

void client_leave(struct client *c)
{
	forward_remove(c->w->f, c->room, c->id, c->w->now);
	c->lane->open = false;
}

void client_sources(struct client *c, uint32_t ssrc_a, uint32_t ssrc_v, uint32_t ssrc_rtx)
{
	char a[24], v[24], none[1] = "";
	struct source src[3] = {
		{ .ssrc = ssrc_a, .owner = c->id, .name = a, .msid = none },
		{ .ssrc = ssrc_v, .video = true, .owner = c->id, .name = v, .msid = none },
		{ .ssrc = ssrc_rtx, .video = true, .owner = c->id, .name = v, .msid = none },
	};
	struct source_group fid = { .semantics = "FID", .video = true, .owner = c->id,
				    .ssrc = { ssrc_v, ssrc_rtx }, .count = 2 };
	struct source_set s = { .v = src, .count = ssrc_rtx ? 3 : ssrc_v ? 2 : 1,
				.g = &fid, .groups = ssrc_rtx ? 1 : 0 };

	snprintf(a, sizeof(a), "%s-a0", c->id);
	snprintf(v, sizeof(v), "%s-v0", c->id);
	forward_sources(c->w->f, c->room, c->id, &s, c->w->now);
}

/* ---- sending ---- */

void client_send(struct client *c, const struct send *s)
{
	_Alignas(8) uint8_t p[1500];
	size_t len = 12, ext = 0;

	p[0] = 0x80;
	p[1] = (uint8_t)((s->marker ? 0x80 : 0) | s->pt);
	put16(p + 2, s->seq);
	put32(p + 4, s->timestamp);
	put32(p + 8, s->ssrc);
	if (s->level >= 0 || s->tcc >= 0) {
		uint8_t *at = p + 16;

		p[0] |= 0x10;
		if (s->level >= 0) {
			*at++ = EXT_LEVEL << 4;
			*at++ = (uint8_t)(0x80 | s->level);
		}
		if (s->tcc >= 0) {
			*at++ = EXT_TCC << 4 | 1;
			put16(at, (uint16_t)s->tcc);
			at += 2;
		}
		*at++ = 10 << 4 | 0;    /* a mid, which does not concern others */
		*at++ = '0';
		while ((at - p) % 4)
			*at++ = 0;
		ext = (size_t)(at - p) - 16;
		put16(p + 12, 0xBEDE);
		put16(p + 14, (uint16_t)(ext / 4));
		len = 16 + ext;
	}
	memcpy(p + len, s->p, s->len);
	len += s->len;
	assert_int_equal(srtp_box_protect(c->box, p, &len), 0);
	client_raw(c, p, len);
}

void client_say(struct client *c, uint32_t ssrc, uint16_t seq, int level)
{
	uint8_t p[60];

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(seq * 7 + i + ssrc);
	client_send(c, &(struct send){ .pt = PT_OPUS, .seq = seq, .timestamp = seq * 960u, .ssrc = ssrc,
				       .level = level, .tcc = -1, .p = p, .len = sizeof(p) });
}

void client_show(struct client *c, uint32_t ssrc, uint16_t seq, bool key)
{
	/* RFC 7741: X, S; I, L, T; a PictureID of 15 bits, TL0PICIDX, TID; P. */
	uint8_t p[40] = { 0x90, 0xE0, 0x81, 0x23, 7, 0, key ? 0x10 : 0x11 };

	for (size_t i = 7; i < sizeof(p); i++)
		p[i] = (uint8_t)(seq + i);
	client_send(c, &(struct send){ .pt = PT_VP8, .marker = true, .seq = seq, .timestamp = seq * 3000u,
				       .ssrc = ssrc, .level = -1, .tcc = -1, .p = p, .len = sizeof(p) });
}

void client_rtcp(struct client *c, const uint8_t *in, size_t len)
{
	_Alignas(8) uint8_t p[1500];

	memcpy(p, in, len);
	assert_int_equal(srtp_box_protect_rtcp(c->box, p, &len), 0);
	client_raw(c, p, len);
}

void client_channel(struct client *c, const char *text)
{
	forward_channel_input(c->w->f, c->room, c->id, text, strlen(text), c->w->now);
}

/* ---- what came ---- */

void client_forget(struct client *c)
{
	c->rtps = c->rtcps = 0;
	while (c->messages)
		free(c->message[--c->messages]);
}

size_t client_count(const struct client *c, uint32_t ssrc)
{
	size_t n = 0;

	for (size_t i = 0; i < c->rtps; i++)
		n += c->rtp[i].r.ssrc == ssrc;
	return n;
}

const struct got *client_last(const struct client *c, uint32_t ssrc)
{
	for (size_t i = c->rtps; i--;)
		if (c->rtp[i].r.ssrc == ssrc)
			return c->rtp + i;
	return NULL;
}

const char *client_message(const struct client *c, const char *text)
{
	for (size_t i = c->messages; i--;)
		if (strstr(c->message[i], text))
			return c->message[i];
	return NULL;
}

size_t client_messages(const struct client *c, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < c->messages; i++)
		n += strstr(c->message[i], text) != NULL;
	return n;
}

struct counting { enum rtcp_kind kind; size_t n; struct rtcp_packet *out; };

static void count_packet(void *ctx, const struct rtcp_packet *p)
{
	struct counting *k = ctx;

	if (p->kind != k->kind)
		return;
	k->n++;
	if (k->out)
		*k->out = *p;
}

size_t client_rtcp_count(const struct client *c, enum rtcp_kind kind, struct rtcp_packet *out)
{
	struct counting k = { kind, 0, out };

	for (size_t i = 0; i < c->rtcps; i++)
		assert_true(rtcp_parse(c->rtcp[i].p, c->rtcp[i].len, count_packet, &k) > 0);
	return k.n;
}
