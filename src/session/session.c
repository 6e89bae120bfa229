/* session.c - one call with its sound: joining, leaving, what front ends ask */
#include "session/session_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "io/url.h"

enum {
	TICK_US = 250000,       /* levels move at most 4 times a second */
	MONITOR_US = 5000000,   /* how often the monitor follows the line */
	QUALITY_US = 10000000,  /* how often others learn of our line */
	QUALITY_BAD_US = 4000000,       /* of one that is too thin */
	GOODBYE_US = 1200000    /* for the server to answer before the program ends */
};

char *session_copy(const char *s)
{
	char *c = strdup(s ? s : "");

	if (!c)
		abort();        /* session ends the program when memory does */
	return c;
}

void session_text_set(char **dst, const char *src)
{
	if (text_set(dst, src ? src : ""))
		abort();
}

const char *session_state_name(enum session_state st)
{
	static const char *const names[] = {
		"idle", "connecting", "lobby", "joined", "reconnecting", "left"
	};

	return names[st];
}

const char *session_media_name(enum session_media m)
{
	static const char *const names[] = { "none", "connecting", "connected", "interrupted" };

	return names[m];
}

struct call *session_call(const struct session *s)
{
	return s->link ? call_link_call(s->link) : NULL;
}

void session_kick(struct session *s)
{
	if (s->link)
		call_link_kick(s->link);
}

/* ---- sound ---- */

static void media_start_op(void *ctx, const struct call_media *m)
{
	struct session *s = ctx;

	if (s->sound)
		sound_start(s->sound, m);
}

static void media_stop_op(void *ctx)
{
	struct session *s = ctx;

	if (s->sound)
		sound_stop(s->sound);
	session_set_media(s, SESSION_MEDIA_NONE, "");
}

static void media_restart_op(void *ctx, const struct call_media_restart *r)
{
	struct session *s = ctx;

	if (s->sound)
		media_restart(sound_media(s->sound), r);
}

static void media_services_op(void *ctx, const struct ext_service *v, size_t count)
{
	struct session *s = ctx;

	if (s->sound)
		media_services(sound_media(s->sound), v, count);
}

static void media_network_op(void *ctx)
{
	struct session *s = ctx;

	if (s->sound)
		media_network(sound_media(s->sound));
}

static void data_open_op(void *ctx, uint16_t port)
{
	struct session *s = ctx;

	if (s->sound)
		media_channel_open(sound_media(s->sound), port);
}

static void data_send_op(void *ctx, const char *text, size_t len)
{
	struct session *s = ctx;

	if (s->sound)
		media_channel_send(sound_media(s->sound), text, len);
}

static void data_close_op(void *ctx)
{
	struct session *s = ctx;

	if (s->sound)
		media_channel_close(sound_media(s->sound));
}

void session_apply_muted(struct session *s, bool muted, bool by_key)
{
	s->muted = muted;
	if (s->sound)
		sound_muted(s->sound, muted, by_key);
	session_touch(s, DIRTY_STATUS | DIRTY_PEOPLE);
}

static void on_trace(void *ctx, const char *dir, const char *ch, const char *data, size_t len)
{
	struct session *s = ctx;

	if (s->trace)
		s->trace(s->trace_ctx, dir, ch, data, len);
}

/* ---- joining and leaving ---- */

static int open_net(struct session *s)
{
	struct net_config cfg = {
		.ca_file = *settings_text(s->settings, "network.ca_file")
			? settings_text(s->settings, "network.ca_file") : NULL,
		.insecure = settings_bool(s->settings, "network.insecure"),
		.user_agent = settings_bool(s->settings, "privacy.version")
			? "ttymeet/" TTYMEET_VERSION : NULL,
	};
	int err = 0;

	if (!s->net)
		err = net_new(&s->net, s->loop, &cfg);
	if (!err && !s->http)
		err = http_new(&s->http, s->loop, &cfg);
	return err;
}

static int open_sound(struct session *s, bool loopback)
{
	int err;

	if (s->sound)
		return 0;
	err = sound_new(&s->sound, s, loopback);
	if (err)
		return err;
	sound_muted(s->sound, s->muted, false);
	sound_deaf(s->sound, s->deaf);
	sound_device(s->sound, AUDIO_MIC, s->no_mic ? "none"
		     : settings_text(s->settings, "audio.mic"));
	sound_device(s->sound, AUDIO_SPEAKER, settings_text(s->settings, "audio.speaker"));
	return 0;
}

static void forget_call(struct session *s)
{
	call_link_free(&s->link);
	members_clear(s);
	session_text_set(&s->speaker, "");
	session_text_set(&s->subject, "");
	s->joined_us = 0;
	s->over = s->was_up = s->hand = false;
	s->exit_code = 0;
	s->media = SESSION_MEDIA_NONE;
	s->samples = 0;
}

/* "user\npassword" of the login file. */
static char *login_part(const struct session *s, bool password)
{
	const char *v = settings_text(s->settings, "secret.login");
	const char *nl = strchr(v, '\n');

	if (!nl)
		return NULL;
	return password ? strdup(nl + 1) : strndup(v, (size_t)(nl - v));
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static enum call_channel channel_wish(const char *v)
{
	if (!strcmp(v, "sctp"))
		return CALL_CHANNEL_SCTP;
	return strcmp(v, "websocket") ? CALL_CHANNEL_AUTO : CALL_CHANNEL_WEBSOCKET;
}

static int start_call(struct session *s)
{
	static const struct call_link_media media = {
		media_start_op, media_stop_op, media_restart_op, media_services_op, media_network_op,
		data_open_op, data_send_op, data_close_op
	};
	const struct settings *set = s->settings;
	char *user = login_part(s, false), *password = login_part(s, true);
	struct call_config cfg = {
		.url = s->url, .server = or_null(settings_text(set, "server")),
		.name = or_null(settings_text(set, "name")),
		.email = or_null(settings_text(set, "email")),
		.muted = s->muted, .no_mic = s->no_mic,
		.password = or_null(settings_text(set, "secret.password")),
		.jwt = or_null(settings_text(set, "secret.jwt")),
		.login_user = user, .login_password = password,
		.fingerprint = sound_fingerprint(s->sound),
		.relay_only = settings_bool(set, "network.relay_only"),
		.privacy_version = settings_bool(set, "privacy.version"),
		.rewriting = settings_bool(set, "network.ssrc_rewriting"),
		.feedback = settings_bool(set, "network.feedback"),
		.channel = channel_wish(settings_text(set, "network.bridge_channel")),
		.patient = !s->unattended,
		/* With a person before it, a client tries for ever. */
		.reconnect_for_us = s->unattended ? settings_duration_us(set, "reconnect_for")
			: INT64_MAX / 4,
	};
	int err = call_link_new(&s->link, s->loop, s->net, s->http, &cfg, &media,
				session_on_call, on_trace, s);

	free(user);
	text_forget(&password);
	return err;
}

int session_join(struct session *s, const char *url, char **why)
{
	struct address a;
	const char *server = settings_text(s->settings, "server");
	bool loopback;
	int err;

	if (why)
		*why = NULL;
	err = address_parse(&a, url ? url : s->url, *server ? server : NULL, why);
	if (err)
		return err;
	loopback = url_host_is_loopback(a.host);
	forget_call(s);
	session_text_set(&s->url, url ? url : s->url);
	session_text_set(&s->room, a.title);
	session_text_set(&s->host, a.authority);
	s->muted = settings_bool(s->settings, "muted") || a.start_muted || s->muted;
	s->no_mic = settings_bool(s->settings, "audio.no_mic");
	if (a.start_silent) {
		s->no_mic = true;
		s->deaf = true;
	}
	if (a.plain && !loopback)
		message_say(s, MESSAGE_EVENT, "http:// without TLS: names, chat and keys of this "
			    "call can be read and changed on the way");
	address_clear(&a);
	err = open_net(s);
	if (!err)
		err = open_sound(s, loopback);
	if (!err)
		err = start_call(s);
	if (err) {
		if (why && !*why)
			*why = strdup(strerror(-err));
		return err;
	}
	call_join(session_call(s), clock_now_us());
	session_kick(s);
	loop_timer_set(s->tick, clock_now_us() + TICK_US);
	return 0;
}

void session_leave(struct session *s)
{
	struct call *c = session_call(s);

	if (!c || s->over)
		return;
	if (s->sound)
		sound_muted(s->sound, true, false);     /* the microphone is off first */
	call_leave(c, clock_now_us());
	session_kick(s);
}

bool session_is_over(const struct session *s)
{
	return s->over;
}

int session_exit_code(const struct session *s)
{
	return s->exit_code;
}

/* ---- life ---- */

static void send_quality(struct session *s, int64_t now_us)
{
	struct call *c = session_call(s);
	struct session_figures f;
	double worst;

	if (!c || s->media != SESSION_MEDIA_CONNECTED)
		return;
	/* Who could send us less should know soon. */
	if (now_us - s->quality_us < (s->figures.line_bad ? QUALITY_BAD_US : QUALITY_US))
		return;
	s->quality_us = now_us;
	session_figures(s, &f);
	worst = f.loss > f.loss_down ? f.loss : f.loss_down;
	call_send_stats(c, f.out_kbps, f.in_kbps, f.loss * 100, f.loss_down * 100,
			worst > 1.0 / 3 ? 0 : 100 - worst * 300, f.rtt_ms < 0 ? 0 : f.rtt_ms);
}

static void on_tick(void *ctx, int64_t now_us)
{
	struct session *s = ctx;

	members_levels(s, now_us);
	members_order(s, now_us, false);
	session_sample(s, now_us);
	listening_tick(s);
	recording_tick(s);
	if (s->listening && now_us / MONITOR_US != (now_us - TICK_US) / MONITOR_US)
		listening_apply(s);
	send_quality(s, now_us);
	session_touch(s, DIRTY_STATUS);
	if (s->link && !s->over)
		loop_timer_set(s->tick, now_us + TICK_US);
}

int session_new(struct session **out, struct loop *loop, struct settings *settings)
{
	struct session *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->settings = settings;
	s->start_us = clock_now_us();
	session_text_set(&s->url, "");
	session_text_set(&s->room, "");
	session_text_set(&s->host, "");
	session_text_set(&s->subject, "");
	session_text_set(&s->speaker, "");
	session_text_set(&s->trouble[0], "");
	session_text_set(&s->trouble[1], "");
	s->figures.rtt_ms = -1;
	err = loop_timer_new(&s->tick, loop, "session tick", on_tick, s);
	if (!err)
		err = loop_timer_new(&s->flush, loop, "session events", event_flush, s);
	if (err) {
		session_free(&s);
		return err;
	}
	*out = s;
	return 0;
}

void session_free(struct session **sp)
{
	struct session *s = *sp;
	int64_t end;

	if (!s)
		return;
	end = clock_now_us() + GOODBYE_US;
	if (s->link && !s->over) {
		session_leave(s);
		while (!s->over && clock_now_us() < end)
			loop_iterate(s->loop, 50000);
	}
	queries_drop(s);
	s->listeners = NULL;
	call_link_free(&s->link);
	listening_free(s);
	recording_free(s);
	sound_free(&s->sound);
	http_free(&s->http);
	net_free(&s->net);
	volumes_save(s);
	loop_timer_free(&s->tick);
	event_drop_all(s);
	loop_timer_free(&s->flush);
	messages_free(s);
	members_clear(s);
	volumes_free(s);
	free(s->url);
	free(s->room);
	free(s->host);
	free(s->subject);
	free(s->speaker);
	free(s->trouble[0]);
	free(s->trouble[1]);
	free(s->state_dir);
	free(s->record_dir);
	wire_free(s);
	free(s);
	*sp = NULL;
}

void session_set_record_dir(struct session *s, const char *dir)
{
	session_text_set(&s->record_dir, dir);
}

void session_set_unattended(struct session *s, bool unattended)
{
	s->unattended = unattended;
}

void session_set_start(struct session *s, int64_t start_us)
{
	s->start_us = start_us;
}

void session_set_state_dir(struct session *s, const char *dir)
{
	session_text_set(&s->state_dir, dir);
	volumes_load(s);
}

void session_set_trace(struct session *s,
		       void (*fn)(void *ctx, const char *dir, const char *ch, const char *data, size_t len),
		       void *ctx)
{
	s->trace = fn;
	s->trace_ctx = ctx;
}

/* ---- questions ---- */

enum session_state session_get_state(const struct session *s)
{
	return s->state;
}

enum session_media session_get_media(const struct session *s)
{
	return s->media;
}

const char *session_url(const struct session *s)
{
	struct call *c = session_call(s);

	return c ? call_url(c) : "";
}

const char *session_room(const struct session *s)
{
	return s->room;
}

const char *session_host(const struct session *s)
{
	return s->host;
}

const char *session_subject(const struct session *s)
{
	return s->subject;
}

bool session_muted(const struct session *s)
{
	return s->muted;
}

bool session_deaf(const struct session *s)
{
	return s->deaf;
}

bool session_has_mic(const struct session *s)
{
	return !s->no_mic && strcmp(settings_text(s->settings, "audio.mic"), "none");
}

bool session_insecure(const struct session *s)
{
	return settings_bool(s->settings, "network.insecure");
}

const char *session_device_trouble(const struct session *s)
{
	return *s->trouble[AUDIO_SPEAKER] ? s->trouble[AUDIO_SPEAKER] : s->trouble[AUDIO_MIC];
}

int64_t session_retry_us(const struct session *s)
{
	struct call *c = session_call(s);
	int64_t at = c ? call_next_try_us(c) : 0, now = clock_now_us();

	return at > now ? at - now : 0;
}

unsigned session_attempt(const struct session *s)
{
	struct call *c = session_call(s);

	return c ? call_attempt(c) : 0;
}

void session_figures(const struct session *s, struct session_figures *out)
{
	*out = s->figures;
	out->joined_us = s->joined_us;
}

void session_count_terminal(struct session *s, uint64_t bytes, uint64_t dropped)
{
	s->terminal_bytes += bytes;
	s->terminal_dropped += dropped;
}
