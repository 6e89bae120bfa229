/* sound.c - joins the media thread of `call` with the engine of `audio`
 *
 *	loop thread                    media thread
 *	sound_device(), _gain() ...    audio_tick() -> packet -> media_send()
 *	   -- media_post() -->         media frame -> audio_input()
 *	session_on_device() <-- post   every 100 ms: a snapshot under a leaf mutex
 *
 * The engine is made before the thread touches it and freed on the thread.
 */
#include "session/session_priv.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"

enum { SNAPSHOT_US = 100000 };

struct sound {
	struct session *session;
	struct media *media;
	struct post *post;              /* media thread to loop */
	struct loop_watch *watch;

	struct audio *audio;            /* media thread, once ready */
	bool ready;                     /* media thread */
	bool played;                    /* media thread: there is a player */
	int64_t snapshot_us;            /* media thread */

	pthread_mutex_t lock;           /* leaf: guards snap alone */
	struct sound_snapshot snap;
};

/* ---- media thread ---- */

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	struct sound *so = ctx;

	if (pkt)
		media_send(so->media, pkt, clock_now_us());
	else
		media_skip(so->media, samples);
}

struct device_news {
	struct post_msg m;
	struct sound *so;
	enum audio_side side;
	enum audio_dev_state state;
	bool real;
	char text[256];
};

static void device_news_run(struct post_msg *m)
{
	struct device_news *n = (struct device_news *)m;

	session_on_device(n->so->session, n->side, n->state, n->text, n->real);
	free(n);
}

static void news_drop(struct post_msg *m)
{
	free(m);
}

static void on_device(void *ctx, enum audio_side side, enum audio_dev_state state,
		      const char *text, bool real)
{
	struct sound *so = ctx;
	struct device_news *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->m.run = device_news_run;
	n->m.drop = news_drop;
	n->so = so;
	n->side = side;
	n->state = state;
	n->real = real;
	snprintf(n->text, sizeof(n->text), "%s", text ? text : "");
	post_send(so->post, &n->m);
}

static void take_snapshot(struct sound *so)
{
	struct sound_snapshot s;

	memset(&s, 0, sizeof(s));
	audio_stats(so->audio, &s.audio);
	if (so->played)
		player_status(audio_player(so->audio), &s.player);
	s.sources = audio_sources(so->audio, s.source, SOUND_SOURCES);
	pthread_mutex_lock(&so->lock);
	so->snap = s;
	pthread_mutex_unlock(&so->lock);
}

static void sink_frame(void *ctx, const struct media_frame *f)
{
	struct sound *so = ctx;

	if (so->ready)
		audio_input(so->audio, f);
}

static int64_t sink_tick(void *ctx, int64_t now_us)
{
	struct sound *so = ctx;
	int64_t next;

	if (!so->ready)
		return now_us + 10000;
	next = audio_tick(so->audio, now_us);
	if (now_us - so->snapshot_us >= SNAPSHOT_US) {
		so->snapshot_us = now_us;
		take_snapshot(so);
	}
	return next;
}

static void set_ready(void *ctx)
{
	struct sound *so = ctx;

	so->ready = true;
}

static void end_audio(void *ctx)
{
	struct sound *so = ctx;

	if (so->audio)
		take_snapshot(so);
	so->ready = false;
	audio_free(&so->audio);
}

/* ---- orders, loop to media ---- */

enum order { ORDER_DEVICE, ORDER_MUTED, ORDER_DEAF, ORDER_DELAY, ORDER_SENDING, ORDER_LINE, ORDER_PROGRAM,
	ORDER_FILES, ORDER_GAIN, ORDER_GONE };

struct order_msg {
	struct post_msg m;
	struct sound *so;
	enum order order;
	enum audio_side side;
	bool on, by_key;
	enum audio_delay delay;
	uint32_t ssrc;
	double value;
	char *text;
	struct audio_sending sending;
	struct audio_line line;
	struct audio_program program;
};

static void order_drop(struct post_msg *m)
{
	free(((struct order_msg *)m)->text);
	free(m);
}

static void order_run(struct post_msg *m)
{
	struct order_msg *o = (struct order_msg *)m;
	struct sound *so = o->so;
	int err = 0;

	if (so->ready) {
		switch (o->order) {
		case ORDER_DEVICE:
			err = audio_set_device(so->audio, o->side, o->text);
			break;
		case ORDER_MUTED:
			audio_set_muted(so->audio, o->on, o->by_key);
			break;
		case ORDER_DEAF:
			audio_set_deaf(so->audio, o->on);
			break;
		case ORDER_SENDING:
			audio_set_sending(so->audio, &o->sending);
			break;
		case ORDER_LINE:
			audio_set_line(so->audio, &o->line);
			break;
		case ORDER_DELAY:
			audio_set_delay(so->audio, o->delay);
			break;
		case ORDER_PROGRAM:
			audio_set_program(so->audio, &o->program);
			break;
		case ORDER_FILES:
			audio_start_files(so->audio);
			break;
		case ORDER_GAIN:
			audio_source_gain(so->audio, o->ssrc, o->value);
			break;
		case ORDER_GONE:
			audio_source_remove(so->audio, o->ssrc);
			media_forget(so->media, o->ssrc);
			break;
		}
	}
	if (err)
		on_device(so, o->side, AUDIO_DEV_FAILED, strerror(-err), false);
	order_drop(m);
}

static void order(struct sound *so, struct order_msg what)
{
	struct order_msg *o = malloc(sizeof(*o));

	if (!o)
		abort();
	*o = what;
	o->m.run = order_run;
	o->m.drop = order_drop;
	o->so = so;
	media_post(so->media, &o->m);
}

void sound_device(struct sound *so, enum audio_side side, const char *spec)
{
	char *text = strdup(spec);

	if (!text)
		abort();
	order(so, (struct order_msg){ .order = ORDER_DEVICE, .side = side, .text = text });
}

void sound_muted(struct sound *so, bool muted, bool by_key)
{
	order(so, (struct order_msg){ .order = ORDER_MUTED, .on = muted, .by_key = by_key });
}

void sound_deaf(struct sound *so, bool deaf)
{
	order(so, (struct order_msg){ .order = ORDER_DEAF, .on = deaf });
}

/* Music's frames follow /delay: a teacher wants them short. */
static unsigned frame_ms(const struct settings *set)
{
	const char *delay = settings_text(set, "audio.delay");

	if (!settings_bool(set, "audio.music"))
		return (unsigned)settings_int(set, "audio.frame_ms");
	return !strcmp(delay, "low") ? 10 : !strcmp(delay, "safe") ? 40 : 20;
}

/* What the settings say of the microphone. */
static struct audio_sending sending(const struct settings *set)
{
	return (struct audio_sending){
		.bitrate = (int)settings_int(set, "audio.bitrate") * 1000,
		.frame_ms = frame_ms(set),
		.budget = (int)settings_int(set, "audio.budget") * 1000,
		.music = settings_bool(set, "audio.music"),
		.music_bitrate = (int)settings_int(set, "audio.music_bitrate") * 1000,
		.processing = !strcmp(settings_text(set, "audio.processing"), "on") ? AUDIO_PROCESS_ON :
			!strcmp(settings_text(set, "audio.processing"), "off") ? AUDIO_PROCESS_OFF :
			AUDIO_PROCESS_AUTO,
		.aec = settings_bool(set, "audio.aec"), .ns = settings_bool(set, "audio.ns"),
		.agc = settings_bool(set, "audio.agc"),
		.threshold = -(int)settings_int(set, "audio.voice_threshold"),
	};
}

static enum audio_delay delay_of(const char *word)
{
	return !strcmp(word, "low") ? AUDIO_DELAY_LOW
	     : !strcmp(word, "safe") ? AUDIO_DELAY_SAFE : AUDIO_DELAY_NORMAL;
}

void sound_delay(struct sound *so, const char *word)
{
	order(so, (struct order_msg){ .order = ORDER_DELAY, .delay = delay_of(word) });
}

void sound_sending(struct sound *so)
{
	order(so, (struct order_msg){ .order = ORDER_SENDING,
				      .sending = sending(so->session->settings) });
}

void sound_line(struct sound *so, const struct audio_line *line)
{
	order(so, (struct order_msg){ .order = ORDER_LINE, .line = *line });
}

void sound_program(struct sound *so, const struct audio_program *want)
{
	order(so, (struct order_msg){ .order = ORDER_PROGRAM, .program = *want });
}

void sound_start_files(struct sound *so)
{
	order(so, (struct order_msg){ .order = ORDER_FILES });
}

void sound_gain(struct sound *so, uint32_t ssrc, double gain)
{
	order(so, (struct order_msg){ .order = ORDER_GAIN, .ssrc = ssrc, .value = gain });
}

void sound_source_gone(struct sound *so, uint32_t ssrc)
{
	order(so, (struct order_msg){ .order = ORDER_GONE, .ssrc = ssrc });
}

/* ---- orders that are waited for ---- */

struct errand {
	struct sound *so;
	enum player_order order;
	const char *path;
	struct buf *text;
	int64_t sample;
	struct recorder *recorder;
	struct system_sound *system;
	int err;
};

static void run_player(void *ctx)
{
	struct errand *e = ctx;
	struct player *p = e->so->ready ? audio_player(e->so->audio) : NULL;

	if (!p) {
		e->err = -ENOMEM;
		return;
	}
	e->so->played = true;
	switch (e->order) {
	case PLAYER_ADD:
		e->err = player_add(p, e->path);
		break;
	case PLAYER_NEXT:
		player_next(p);
		break;
	case PLAYER_PAUSE:
	case PLAYER_GO_ON:
		player_pause(p, e->order == PLAYER_PAUSE);
		break;
	case PLAYER_STOP:
		player_stop(p);
		break;
	case PLAYER_SEEK:
		player_seek(p, e->sample);
		break;
	}
	take_snapshot(e->so);
}

void sound_player(struct sound *so, enum player_order order, const char *path, int64_t sample, int *err)
{
	struct errand e = { .so = so, .order = order, .path = path, .sample = sample };

	media_run(so->media, run_player, &e);
	if (err)
		*err = e.err;
}

static void run_queue_order(void *ctx)
{
	struct errand *e = ctx;
	char name[512];

	if (!e->so->ready || !e->so->played)
		return;
	for (unsigned i = 0; player_queued(audio_player(e->so->audio), i, name, sizeof(name)); i++)
		buf_addf(e->text, "\n%u  %s", i + 1, name);
}

void sound_queue(struct sound *so, struct buf *text)
{
	struct errand e = { .so = so, .text = text };

	media_run(so->media, run_queue_order, &e);
}

static void run_record_order(void *ctx)
{
	struct errand *e = ctx;

	if (e->so->ready)
		audio_record(e->so->audio, e->recorder);
}

static void run_system_order(void *ctx)
{
	struct errand *e = ctx;

	e->err = e->so->ready ? audio_system(e->so->audio, e->system) : -ENOTCONN;
}

int sound_system(struct sound *so, struct system_sound *y)
{
	struct errand e = { .so = so, .system = y };

	media_run(so->media, run_system_order, &e);
	return e.err;
}

void sound_record(struct sound *so, struct recorder *r)
{
	struct errand e = { .so = so, .recorder = r };

	media_run(so->media, run_record_order, &e);
}

/* ---- loop thread ---- */

static void on_media_state(void *ctx, const char *sid, int state, const char *why)
{
	struct sound *so = ctx;

	session_on_media(so->session, sid, state, why);
}

static void on_media_channel(void *ctx, const char *sid, bool open, bool over, const char *why)
{
	struct sound *so = ctx;

	session_on_channel(so->session, sid, open, over, why);
}

static void on_media_text(void *ctx, const char *sid, const char *text, size_t len)
{
	struct sound *so = ctx;

	session_on_channel_text(so->session, sid, text, len);
}

static void on_media_want(void *ctx, const char *sid, enum call_want want, const char *why)
{
	struct sound *so = ctx;

	session_on_want(so->session, sid, want, why);
}

int sound_new(struct sound **out, struct session *s, bool loopback)
{
	static const struct audio_events audio_ev = { on_packet, on_device };
	static const struct media_sink sink = { sink_frame, sink_tick };
	static const struct media_events media_ev = {
		on_media_state, on_media_channel, on_media_text, on_media_want
	};
	struct settings *set = s->settings;
	struct audio_config ac = {
		.sending = sending(set),
		.complexity = (int)settings_int(set, "audio.complexity"),
		.delay = delay_of(settings_text(set, "audio.delay")),
	};
	struct media_config mc = {
		.loopback = loopback,
		.relay_only = settings_bool(set, "network.relay_only"),
		.turn = settings_text(set, "network.turn"),
		.ca_file = settings_text(set, "network.ca_file"),
		.insecure = settings_bool(set, "network.insecure"),
	};
	struct sound *so = calloc(1, sizeof(*so));
	int err = -ENOMEM;

	*out = NULL;
	if (!so)
		return err;
	pthread_mutex_init(&so->lock, NULL);
	so->session = s;
	err = post_new(&so->post, 0);
	if (err)
		goto fail;
	err = loop_attach_post(&so->watch, s->loop, so->post);
	if (err)
		goto fail;
	err = audio_new(&so->audio, &ac, &audio_ev, so);
	if (err)
		goto fail;
	err = media_new(&so->media, s->loop, &mc, &sink, so, &media_ev, so);
	if (err)
		goto fail;
	media_run(so->media, set_ready, so);
	*out = so;
	return 0;
fail:
	log_error("session", "the sound could not be set up: %s", strerror(-err));
	sound_free(&so);
	return err;
}

void sound_free(struct sound **sop)
{
	struct sound *so = *sop;

	if (!so)
		return;
	if (so->media)
		media_run(so->media, end_audio, so);
	media_free(&so->media);
	audio_free(&so->audio);         /* if there was no thread to do it */
	loop_watch_free(&so->watch);
	post_free(&so->post);
	pthread_mutex_destroy(&so->lock);
	free(so);
	*sop = NULL;
}

const char *sound_fingerprint(const struct sound *so)
{
	return media_fingerprint(so->media);
}

void sound_start(struct sound *so, const struct call_media *m)
{
	media_start(so->media, m);
}

void sound_stop(struct sound *so)
{
	media_stop(so->media);
}

struct media *sound_media(struct sound *so)
{
	return so->media;
}

void sound_snapshot(struct sound *so, struct sound_snapshot *out)
{
	pthread_mutex_lock(&so->lock);
	*out = so->snap;
	pthread_mutex_unlock(&so->lock);
}

void sound_media_stats(struct sound *so, struct media_stats *out)
{
	media_stats(so->media, out);
}
