/* endpoint.c - one endpoint: transport, DTLS, connectivity, expiry
 *
 *	offered -> ICE pair, DTLS (the peer begins) -> answer's fingerprint -> UP
 *
 * The peer may be ahead of its own answer: DTLS goes on without a fingerprint
 * and UP waits for it (dtls.h).  Failure is final; the endpoint then lies
 * still until it is replaced, removed or expires.
 *
 * Nothing is freed in a handler of the transport or of DTLS: whoever called
 * them is still working with it.
 */
#include "host/endpoint.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

enum {
	CHECK_US = 500 * 1000,
	/* The Jitsi bridge's: first-transfer-timeout, max-inactivity-limit. */
	FIRST_US = 15 * 1000 * 1000, INACTIVE_US = 8 * 1000 * 1000,
	EXPIRE_US = 60 * 1000 * 1000, NEVER_CAME_US = 120 * 1000 * 1000,
	REPORT_US = 500 * 1000,
	STATS_US = 10 * 1000 * 1000,
	FIRST_BANDWIDTH = 2500000,      /* bit/s, the bridge's first estimate */
};

/* ---- handlers of the transport and of DTLS ---- */

void endpoint_send(struct endpoint *e, const uint8_t *p, size_t len)
{
	if (!e->transport || transport_send(e->transport, p, len)) {
		e->f->stats.dropped++;
		return;
	}
	e->f->stats.out_packets++;
	e->f->stats.out_bytes += len;
}

void endpoint_count_bad(struct endpoint *e, int err)
{
	if (err == -EBADMSG)
		e->f->stats.bad_srtp++;
	else
		e->f->stats.dropped++;
}

static void endpoint_fail(struct endpoint *e, const char *why)
{
	if (e->failed)
		return;
	e->failed = true;
	log_info("host", "room %u: %s failed: %s", e->room->number, e->id, why);
	e->f->ops.state(e->f->ctx, e->room->number, e->id, e->cfg.session, BRIDGE_FAILED, why);
}

static void on_transport_state(void *ctx, enum transport_state state)
{
	struct leg *l = ctx;
	struct endpoint *e = l->e;

	if (l->role == LEG_NEXT && state == TRANSPORT_CONNECTED && !e->failed)
		endpoint_path_take(e, l);
	if (l->role != LEG_USED)
		return;
	if (state == TRANSPORT_CONNECTED && !e->connected) {
		e->connected = true;
		/* A client's hello; a server only begins to count. */
		if (e->dtls && e->dtls_client) {
			dtls_start(e->dtls, 0); /* the next tick supplies the time */
			forward_wake(e->f, 0);
		}
	} else if (state == TRANSPORT_FAILED) {
		endpoint_fail(e, "no answers over UDP for 30 s (ICE)");
	}
}

static bool over_limit(struct endpoint *e, int64_t now_us)
{
	if (e->second != now_us / 1000000) {
		e->second = now_us / 1000000;
		e->datagrams = 0;
	}
	return ++e->datagrams > MEDIA_PER_S;
}

static void on_datagram(void *ctx, const uint8_t *p, size_t len, int64_t arrival_us)
{
	struct endpoint *e = ((struct leg *)ctx)->e;

	e->f->stats.in_packets++;
	e->f->stats.in_bytes += len;
	e->f->now_us = arrival_us;
	if (e->failed || len > DATAGRAM) {
		e->f->stats.dropped++;
		return;
	}
	if (over_limit(e, arrival_us)) {
		e->f->stats.limited++;
		return;
	}
	switch (packet_classify(p, len)) {
	case PACKET_DTLS:
		dtls_input(e->dtls, p, len, arrival_us);
		if (!e->box)
			forward_wake(e->f, arrival_us);
		break;
	case PACKET_RTP:
		endpoint_rtp_in(e, p, len, arrival_us);
		break;
	case PACKET_RTCP:
		endpoint_rtcp_in(e, p, len, arrival_us);
		break;
	default:
		e->f->stats.dropped++;
	}
}

static void on_dtls_send(void *ctx, const uint8_t *p, size_t len)
{
	endpoint_send(ctx, p, len);
}

static void on_dtls_state(void *ctx, enum dtls_state state, const struct dtls_keys *keys,
			  const char *why)
{
	struct endpoint *e = ctx;

	if (state == DTLS_FAILED || state == DTLS_CLOSED) {
		endpoint_fail(e, why);
		return;
	}
	if (state != DTLS_UP || e->box)
		return;
	if (srtp_box_new(&e->box, keys)) {
		endpoint_fail(e, "the media's encryption could not be set up (SRTP)");
		return;
	}
	/* What it missed begins with a whole picture. */
	e->room->dirty = true;
	forward_wake(e->f, 0);
	e->f->ops.state(e->f->ctx, e->room->number, e->id, e->cfg.session, BRIDGE_UP, "");
	endpoint_data_up(e);
}

static void on_dtls_data(void *ctx, const uint8_t *p, size_t len)
{
	endpoint_data_in(ctx, p, len);
}

/* ---- making, the answer, freeing ---- */

const struct transport_events endpoint_transport_events = { on_transport_state, on_datagram };
static const struct dtls_events dtls_events = { on_dtls_send, on_dtls_state, on_dtls_data };

int endpoint_new(struct endpoint **out, struct forward *f, struct hall *r,
		 const struct bridge_endpoint *cfg, const char *ufrag, const char *pwd,
		 int64_t now_us)
{
	struct endpoint *e;
	int err;

	*out = NULL;
	if (!*cfg->id || strlen(cfg->id) >= NAME)
		return -EINVAL;
	e = g_new0(struct endpoint, 1);
	e->f = f;
	e->room = r;
	text_copy(e->id, sizeof(e->id), cfg->id);
	e->cfg = *cfg;
	e->cfg.id = e->id;
	e->created_us = now_us;
	e->next_check_us = now_us + CHECK_US;
	e->next_report_us = now_us + REPORT_US;
	e->next_stats_us = now_us + STATS_US;
	e->bandwidth = FIRST_BANDWIDTH;
	e->last_n = -1;
	e->def.max_height = 180;
	e->all = true;
	err = endpoint_path_open(e, ufrag, pwd);
	if (!err)
		err = dtls_new(&e->dtls, f->cfg.cert, false, NULL, NULL, &dtls_events, e);
	if (err) {
		endpoint_free(&e);
		return err;
	}
	forward_wake(f, now_us);
	*out = e;
	return 0;
}

static int become_client(struct endpoint *e, const struct jingle_transport *t, int64_t now_us)
{
	int err;

	dtls_free(&e->dtls);
	err = dtls_new(&e->dtls, e->f->cfg.cert, true, t->hash, t->fingerprint, &dtls_events, e);
	if (err)
		return err;
	e->dtls_client = true;
	if (e->connected)
		dtls_start(e->dtls, now_us);
	return 0;
}

int endpoint_accept(struct endpoint *e, const struct jingle_transport *t, int64_t now_us)
{
	int err = 0;

	if (e->failed || e->box)
		return -EALREADY;
	if (!strcmp(t->setup, "passive") && !e->dtls_client)
		err = become_client(e, t, now_us);
	else if (!e->dtls_client)
		err = dtls_set_fingerprint(e->dtls, t->hash, t->fingerprint);
	if (err) {
		endpoint_fail(e, "the fingerprint in the answer cannot be used");
		return err;
	}
	if (!e->failed)
		err = e->f->ops.remote(e->f->ctx, e->transport, t->ufrag, t->pwd);
	if (err)
		endpoint_fail(e, "the answer's ICE password cannot be used");
	forward_wake(e->f, now_us);
	return err;
}

void endpoint_free(struct endpoint **ee)
{
	struct endpoint *e = *ee;

	if (!e)
		return;
	endpoint_data_free(e);
	if (e->dtls && e->transport)
		dtls_close(e->dtls);
	dtls_free(&e->dtls);
	endpoint_paths_close(e);
	srtp_box_free(&e->box);
	for (size_t i = 0; i < e->tracks; i++)
		forward_track_free(e->track[i]);
	picture_forget_plain(e);
	endpoint_channel_clear(e);
	tcc_free(&e->tcc);
	g_free(e);
	*ee = NULL;
}

/* ---- connectivity and expiry ---- */

static void tell_connectivity(struct endpoint *e, bool active)
{
	struct buf b = {0};

	e->inactive = !active;
	colibri_write_connectivity(&b, e->id, active);
	hall_broadcast(e->room, NULL, buf_str(&b), b.len);
	buf_free(&b);
}

void endpoint_active(struct endpoint *e, int64_t now_us)
{
	e->active_us = now_us;
	if (e->inactive)
		tell_connectivity(e, true);
}

/* Returns false when it has expired. */
static bool check_signs(struct endpoint *e, int64_t now_us)
{
	int64_t heard_us = endpoint_paths_heard_us(e);
	int64_t limit_us;

	if (heard_us > e->active_us)
		endpoint_active(e, heard_us);
	limit_us = e->active_us ? e->active_us + INACTIVE_US : e->created_us + FIRST_US;
	if (!e->inactive && now_us >= limit_us)
		tell_connectivity(e, false);
	return now_us < (e->active_us ? e->active_us + EXPIRE_US : e->created_us + NEVER_CAME_US);
}

static void tell_stats(struct endpoint *e)
{
	struct buf b = {0};

	if (e->sent_bytes != e->told_bytes && e->channel) {
		colibri_write_connection_stats(&b, (int64_t)e->bandwidth);
		endpoint_text(e, buf_str(&b), b.len);
		buf_free(&b);
	}
	e->told_bytes = e->sent_bytes;
}

static bool is_due(int64_t *at_us, int64_t interval_us, int64_t now_us)
{
	if (now_us < *at_us)
		return false;
	*at_us += interval_us;
	if (*at_us <= now_us)           /* the loop was held up */
		*at_us = now_us + interval_us;
	return true;
}

static void tick_media(struct endpoint *e, int64_t now_us)
{
	if (is_due(&e->next_report_us, REPORT_US, now_us))
		endpoint_reports(e, now_us);
	if (is_due(&e->next_stats_us, STATS_US, now_us))
		tell_stats(e);
	if (e->tcc && now_us >= tcc_due_us(e->tcc))
		endpoint_feedback(e, now_us);
	if (e->tcc)
		forward_wake(e->f, tcc_due_us(e->tcc));
	endpoint_data_tick(e, now_us);
	for (size_t i = 0; i < e->tracks; i++)
		if (e->track[i]->video)
			picture_tick(e->track[i], now_us);
	forward_wake(e->f, e->next_report_us);
}

bool endpoint_tick(struct endpoint *e, int64_t now_us)
{
	endpoint_paths_tick(e, now_us);
	if (!e->failed && !e->box)
		forward_wake(e->f, dtls_tick(e->dtls, now_us));
	if (is_due(&e->next_check_us, CHECK_US, now_us) && !check_signs(e, now_us))
		return false;
	if (e->box && !e->failed)
		tick_media(e, now_us);
	forward_wake(e->f, e->next_check_us);
	return true;
}
