/* rooms: base rtc
 *
 * rtc_peer.c - the client's end of a media session, for strangers to talk with
 *
 * Tells its fingerprint, takes what the stranger's description says, and hums
 * until its input ends; what it hears it decodes in the order of arrival and
 * writes as raw samples.  One JSON object a line, both ways:
 *
 *	out {"fingerprint", "ufrag", "pwd", "ssrc"} and, as "mux", {"port"} of 127.0.0.1
 *	in  {"ufrag", "pwd", "hash", "fingerprint", "candidates": [{"ip", "port", "priority"}],
 *	     "controlling", "client", "mux", "channel", "hz", "heard"}
 *	out {"event": "state" | "channel" | "text", ...}
 *	in  {"say": TEXT} or {"stats": true};  out {"event": "stats", ...}
 *
 * With "mux": true (an argument) the way is the host's one port in place of an
 * agent: it is the stranger that has to be given our address.
 */
#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <math.h>
#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "rtc/ice_mux.h"
#include "rtc/peer.h"

enum { HZ = 48000, FRAME = 960, CANDIDATES = 32, TICK_MS = 5, SSRC = 0x7e57ab1e };

static const char ufrag[] = "tty1peer", pwd[] = "0123456789abcdefghijklmn";

struct us {
	GMainLoop *loop;
	struct dtls_cert *cert;
	struct peer *peer;
	struct ice_mux *mux;
	bool client, controlling;
	const char *remote_ufrag, *remote_pwd;
	struct ice_candidate cand[CANDIDATES];
	size_t cands;
	enum peer_state state;

	OpusEncoder *encoder;
	OpusDecoder *decoder;
	FILE *heard;
	double hz, phase;
	int64_t next_frame_us;
};

static void print(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	puts(text);
	fflush(stdout);
	free(text);
	json_decref(j);
}

static void on_state(void *ctx, enum peer_state state, const char *why)
{
	static const char *const names[] = { "connecting", "securing", "up", "interrupted", "failed", "forged" };
	struct us *u = ctx;

	u->state = state;
	print(json_pack("{s:s, s:s, s:s}", "event", "state", "state", names[state], "why", why));
}

static void on_frame(void *ctx, const struct media_frame *f)
{
	struct us *u = ctx;
	int16_t pcm[5760];
	int n = opus_decode(u->decoder, f->payload, (int)f->len, pcm, 5760, 0);

	if (n > 0 && u->heard) {
		fwrite(pcm, sizeof(*pcm), (size_t)n, u->heard);
		fflush(u->heard);
	}
}

static void on_channel(void *ctx, bool open, bool over, const char *why)
{
	(void)ctx;
	print(json_pack("{s:s, s:b, s:b, s:s}", "event", "channel", "open", open, "over", over, "why", why));
}

static void on_text(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print(json_pack("{s:s, s:s%}", "event", "text", "text", text, len));
}

static int make(void *ctx, struct transport **out, const struct transport_events *ev, void *ev_ctx)
{
	struct us *u = ctx;
	struct transport_nice_config cfg = {
		.context = g_main_context_default(), .controlling = u->controlling, .loopback = true,
		.local_ufrag = ufrag, .local_pwd = pwd, .remote_ufrag = u->remote_ufrag,
		.remote_pwd = u->remote_pwd, .cand = u->cand, .cands = u->cands,
	};
	int err;

	if (!u->mux)
		return transport_nice_new(out, &cfg, ev, ev_ctx);
	err = ice_mux_add(out, u->mux, ufrag, pwd, ev, ev_ctx);
	return err ? err : ice_mux_remote(*out, u->remote_ufrag, u->remote_pwd);
}

static void hum(struct us *u, int64_t now_us)
{
	int16_t pcm[FRAME];
	uint8_t payload[1275];
	opus_int32 n;

	for (; u->next_frame_us <= now_us; u->next_frame_us += 20000) {
		for (int i = 0; i < FRAME; i++) {
			pcm[i] = (int16_t)lrint(8000 * sin(u->phase));
			u->phase = fmod(u->phase + 2 * M_PI * u->hz / HZ, 2 * M_PI);
		}
		n = opus_encode(u->encoder, pcm, FRAME, payload, sizeof(payload));
		if (n > 0)
			peer_send(u->peer, &(struct media_packet){ .payload = payload, .len = (size_t)n,
				  .samples = FRAME, .level = -15, .voice = true }, now_us);
	}
}

static gboolean on_tick(gpointer data)
{
	struct us *u = data;
	int64_t now_us = clock_now_us();

	if (u->mux)
		ice_mux_tick(u->mux, now_us);
	peer_tick(u->peer, now_us);
	if (u->state == PEER_UP)
		hum(u, now_us);
	else
		u->next_frame_us = now_us;
	if (u->mux)
		ice_mux_flush(u->mux);
	return G_SOURCE_CONTINUE;
}

static void start(struct us *u, json_t *j)
{
	static const struct peer_events ev = { on_state, on_frame, NULL, on_channel, on_text };
	struct peer_config cfg = {
		.cert = u->cert, .dtls_client = json_is_true(json_object_get(j, "client")),
		.hash = json_string_value(json_object_get(j, "hash")),
		.fingerprint = json_string_value(json_object_get(j, "fingerprint")),
		.ssrc = SSRC, .cname = "ttymeet", .pt_opus = 111, .ext_level = 1, .first_seq = 65500,
	};
	json_t *list = json_object_get(j, "candidates"), *c, *port = json_object_get(j, "channel");
	size_t i;

	u->controlling = json_is_true(json_object_get(j, "controlling"));
	u->remote_ufrag = json_string_value(json_object_get(j, "ufrag"));
	u->remote_pwd = json_string_value(json_object_get(j, "pwd"));
	u->next_frame_us = clock_now_us();
	u->hz = json_number_value(json_object_get(j, "hz"));
	u->heard = fopen(json_string_value(json_object_get(j, "heard")), "wb");
	json_array_foreach(list, i, c) {
		if (u->cands == CANDIDATES)
			break;
		u->cand[u->cands++] = (struct ice_candidate){
			json_string_value(json_object_get(c, "ip")),
			(uint16_t)json_integer_value(json_object_get(c, "port")),
			(uint32_t)json_integer_value(json_object_get(c, "priority")), "host", "1"
		};
	}
	if (peer_new(&u->peer, &cfg, make, u, &ev, u)) {
		print(json_pack("{s:s, s:s}", "event", "error", "why", "peer_new"));
		exit(1);
	}
	if (json_is_integer(port))
		peer_channel_open(u->peer, (uint16_t)json_integer_value(port), clock_now_us());
	g_timeout_add(TICK_MS, on_tick, u);
}

static void tell_stats(struct us *u)
{
	struct peer_stats s;
	struct peer_source source;
	size_t n = peer_sources(u->peer, &source, 1);

	peer_stats(u->peer, &s);
	print(json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:s, s:i}", "event", "stats",
			"in", (json_int_t)s.in_packets, "out", (json_int_t)s.out_packets,
			"lost", (json_int_t)s.lost, "rtt_ms", s.rtt_ms, "out_loss", s.out_loss,
			"bad_srtp", (json_int_t)s.bad_srtp, "malformed", (json_int_t)s.malformed,
			"path", s.path, "level", n ? source.level : 1));
}

static gboolean on_input(GIOChannel *ch, GIOCondition ready, gpointer data)
{
	struct us *u = data;
	char *line = NULL;
	json_t *j;
	const char *say;

	(void)ready;
	if (g_io_channel_read_line(ch, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
		g_main_loop_quit(u->loop);
		return G_SOURCE_REMOVE;
	}
	j = json_loads(line, 0, NULL);          /* lent strings: kept until the end */
	g_free(line);
	say = json_string_value(json_object_get(j, "say"));
	if (!u->peer)
		start(u, j);
	else if (say)
		peer_channel_send(u->peer, say, strlen(say), clock_now_us());
	else
		tell_stats(u);
	return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
	static struct us u;
	struct ice_mux_config mux = { .context = g_main_context_default(), .address = "127.0.0.1" };
	GIOChannel *in = g_io_channel_unix_new(0);
	json_t *hello;
	int err;

	if (dtls_cert_new(&u.cert) || (argc > 1 && !strcmp(argv[1], "mux") && ice_mux_new(&u.mux, &mux)))
		return 1;
	u.encoder = opus_encoder_create(HZ, 1, OPUS_APPLICATION_VOIP, &err);
	u.decoder = opus_decoder_create(HZ, 1, &err);
	if (!u.encoder || !u.decoder)
		return 1;
	hello = json_pack("{s:s, s:s, s:s, s:I}", "fingerprint", dtls_cert_fingerprint(u.cert),
			  "ufrag", ufrag, "pwd", pwd, "ssrc", (json_int_t)SSRC);
	if (u.mux)
		json_object_set_new(hello, "port", json_integer(ice_mux_port(u.mux)));
	print(hello);
	u.loop = g_main_loop_new(NULL, FALSE);
	g_io_add_watch(in, G_IO_IN | G_IO_HUP, on_input, &u);
	g_main_loop_run(u.loop);
	peer_free(&u.peer);
	ice_mux_free(&u.mux);
	dtls_cert_free(&u.cert);
	opus_encoder_destroy(u.encoder);
	opus_decoder_destroy(u.decoder);
	return 0;
}
