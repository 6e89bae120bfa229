/* listening.c - what is played to the room
 *
 * The player belongs to the sound engine and its thread; here are the words
 * for it.  While something is played the others are told that we are not
 * muted, or their clients would not play it; the microphone stays closed all
 * the same.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/system_sound.h"
#include "base/clock.h"
#include "base/text.h"
#include "session/session_priv.h"

enum {
	/* Between the bridge and the ears of the others: their jitter buffers and cards. */
	OTHERS_MS = 80,
};

struct listening {
	struct player_status now;       /* of the last tick */
	bool playing;                   /* of what the room was told */
	uint64_t failed;
	char title[PLAYER_TITLE];       /* the last one that was told */
	struct system_sound *system;    /* NULL: off */
};

static struct listening *of(struct session *s)
{
	if (!s->listening) {
		s->listening = calloc(1, sizeof(*s->listening));
		if (!s->listening)
			abort();
	}
	return s->listening;
}

bool session_playing(const struct session *s, struct session_playing *out)
{
	const struct listening *l = s->listening;

	memset(out, 0, sizeof(*out));
	if (!l || !l->now.playing)
		return false;
	out->title = l->now.title;
	out->position_s = l->now.position / AUDIO_HZ;
	out->length_s = l->now.length < 0 ? -1 : l->now.length / AUDIO_HZ;
	out->paused = l->now.paused;
	out->queued = l->now.queued;
	return true;
}

/* ---- the room is told ---- */

/* Muted for the others: not while they hear what we play. */
bool listening_hides_mute(const struct session *s)
{
	return s->listening && s->listening->playing;
}

static void tell_playing(struct session *s, struct listening *l, bool playing)
{
	struct call *c = session_call(s);

	l->playing = playing;
	if (c && s->muted && !s->no_mic)
		call_set_muted(c, !playing, clock_now_us());
	session_kick(s);
}

static void tell_title(struct session *s, struct listening *l)
{
	char text[PLAYER_TITLE + 32];

	if (!strcmp(l->title, l->now.title))
		return;
	text_copy(l->title, sizeof(l->title), l->now.title);
	event_push(s, SESSION_EV_QUEUE, NULL, l->title, NULL, l->now.playing, false);
	if (!*l->title || !settings_bool(s->settings, "play.tell") || !session_call(s))
		return;
	snprintf(text, sizeof(text), "now playing: %s", l->title);
	call_say(session_call(s), text, NULL, NULL, clock_now_us());
	session_kick(s);
}

static void stop_system(struct session *s)
{
	struct listening *l = s->listening;

	if (!l->system)
		return;
	if (s->sound)
		sound_system(s->sound, NULL);
	system_sound_free(&l->system);
}

void listening_tick(struct session *s)
{
	struct listening *l = s->listening;
	struct sound_snapshot snap;
	bool playing;

	if (!l || !s->sound)
		return;
	sound_snapshot(s->sound, &snap);
	l->now = snap.player;
	playing = l->system || (l->now.playing && !l->now.paused);
	if (l->system && system_sound_streams(l->system) < 0) {
		message_say(s, MESSAGE_ERROR, "the sound server has gone; /system on takes it up again");
		stop_system(s);
	}
	if (l->now.failed != l->failed) {
		l->failed = l->now.failed;
		message_say(s, MESSAGE_ERROR, "%s", l->now.trouble);
	}
	if (playing != l->playing)
		tell_playing(s, l, playing);
	tell_title(s, l);
}

/* A moderator wants silence. */
void listening_hush(struct session *s)
{
	if (!listening_hides_mute(s))
		return;
	sound_player(s->sound, PLAYER_PAUSE, NULL, 0, NULL);
	s->listening->playing = false;
	message_say(s, MESSAGE_EVENT, "what you play is paused; /pause goes on with it");
}

/* In step with the room: our way to the bridge, about as much to the others, and
 * their buffers. */
void listening_apply(struct session *s)
{
	const struct session_figures *f = &s->figures;
	struct audio_program p = {
		.level = (double)settings_int(s->settings, "play.level") / 100,
		.duck = settings_bool(s->settings, "play.duck"),
		.monitor = settings_bool(s->settings, "play.monitor"),
		.monitor_ms = OTHERS_MS + (unsigned)(f->rtt_ms > 0 ? f->rtt_ms < 1000 ? f->rtt_ms : 1000 : 0),
	};

	if (s->sound)
		sound_program(s->sound, &p);
}

/* ---- /play and its kin ---- */

static int no_sound(struct buf *text, const char **kind)
{
	return command_refuse(text, kind, -ENODEV, "no-mic", "this call sends no sound (--no-mic)");
}

char *session_full_path(const char *path)
{
	const char *home = getenv("HOME");
	struct buf b = { 0 };

	if (text_starts(path, "~/") && home)
		buf_addf(&b, "%s%s", home, path + 1);
	else
		buf_adds(&b, path);
	return buf_steal(&b);
}

static int queue_one(struct session *s, const char *path, struct buf *text)
{
	struct stat st;
	int err = 0;

	if (stat(path, &st) || access(path, R_OK))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!err)
		sound_player(s->sound, PLAYER_ADD, path, 0, &err);
	if (err)
		buf_addf(text, "%s%s: %s", text->len ? "\n" : "", path,
			 err == -ENOSPC ? "the queue is full" : strerror(-err));
	return err;
}

/* "*.flac" and "~" as in a shell; the first error, or how many were queued. */
static int queue_pattern(struct session *s, const char *pattern, struct buf *text)
{
	glob_t g = { 0 };
	int queued = 0, err = 0;

	if (glob(pattern, GLOB_TILDE | GLOB_NOCHECK, NULL, &g))
		return -ENOMEM;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		int e = queue_one(s, g.gl_pathv[i], text);

		queued += !e;
		err = err ? err : e;
	}
	globfree(&g);
	return queued ? queued : err;
}

int run_play(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	int err = 0, queued = 0;

	if (s->no_mic)
		return no_sound(text, kind);
	of(s);
	listening_apply(s);
	for (int i = 1; i < argc; i++) {
		int n = queue_pattern(s, argv[i], text);

		queued += n > 0 ? n : 0;
		err = n < 0 && !err ? n : err;
	}
	if (!queued) {
		*kind = "no-file";
		return err;
	}
	buf_addf(text, "%splays to all: %d file%s", text->len ? "\n" : "", queued, queued > 1 ? "s" : "");
	return 0;
}

static void add_time(struct buf *b, int64_t s)
{
	if (s >= 3600)
		buf_addf(b, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	else
		buf_addf(b, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

void session_playing_text(const struct session_playing *p, struct buf *out)
{
	add_time(out, p->position_s);
	if (p->length_s >= 0) {
		buf_addc(out, '/');
		add_time(out, p->length_s);
	}
}

int run_queue(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct session_playing p;

	(void)argc, (void)argv, (void)kind;
	if (!session_playing(s, &p)) {
		buf_adds(text, "nothing is played");
		return 0;
	}
	buf_addf(text, "%s  ", p.title);
	session_playing_text(&p, text);
	if (p.paused)
		buf_adds(text, "  paused");
	sound_queue(s->sound, text);
	return 0;
}

/* What all of them need: something that is played. */
static bool is_playing(struct session *s, struct buf *text, const char **kind, int *err)
{
	struct session_playing p;

	listening_tick(s);
	if (s->sound && session_playing(s, &p))
		return true;
	*err = command_refuse(text, kind, -ENOENT, "not-playing", "nothing is played; /play FILE");
	return false;
}

int run_next(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	int err;

	(void)argc, (void)argv;
	if (!is_playing(s, text, kind, &err))
		return err;
	sound_player(s->sound, PLAYER_NEXT, NULL, 0, NULL);
	buf_adds(text, s->listening->now.queued ? "the next file" : "that was the last file");
	return 0;
}

int run_pause(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool paused;
	int err;

	(void)argc, (void)argv;
	if (!is_playing(s, text, kind, &err))
		return err;
	paused = s->listening->now.paused;
	sound_player(s->sound, paused ? PLAYER_GO_ON : PLAYER_PAUSE, NULL, 0, NULL);
	buf_adds(text, paused ? "goes on" : "paused; /pause goes on");
	return 0;
}

int run_stop(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	int err;

	(void)argc, (void)argv;
	if (!is_playing(s, text, kind, &err))
		return err;
	sound_player(s->sound, PLAYER_STOP, NULL, 0, NULL);
	buf_adds(text, "stopped, the queue is empty");
	return 0;
}

/* "90", "1:30", "1:02:30", and with a sign from where it is. */
static bool parse_time(const char *t, int64_t now, int64_t *out)
{
	int sign = *t == '+' ? 1 : *t == '-' ? -1 : 0;
	int64_t s = 0;
	int parts = 0;

	for (t += sign != 0; parts < 3; parts++) {
		char *end;
		long v = strtol(t, &end, 10);

		if (end == t || v < 0 || v > 100000)
			return false;
		s = s * 60 + v;
		if (!*end) {
			*out = sign ? now + sign * s : s;
			return true;
		}
		if (*end != ':')
			return false;
		t = end + 1;
	}
	return false;
}

int run_seek(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	const struct player_status *p;
	int64_t to;
	int err;

	(void)argc;
	if (!is_playing(s, text, kind, &err))
		return err;
	p = &s->listening->now;
	if (!parse_time(argv[1], p->position / AUDIO_HZ, &to))
		return command_refuse(text, kind, -EINVAL, "usage", "/seek TIME: 90, 1:30, +10 or -10");
	to = to < 0 ? 0 : to;
	if (p->length >= 0 && to > p->length / AUDIO_HZ)
		to = p->length / AUDIO_HZ;
	sound_player(s->sound, PLAYER_SEEK, NULL, to * AUDIO_HZ, NULL);
	buf_adds(text, "at ");
	add_time(text, to);
	return 0;
}

int run_level(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	int err = argc > 1 ? command_set_for_now(s, "play.level", argv[1], text, kind) : 0;

	if (err)
		*kind = "usage";
	else
		buf_addf(text, "what you play is at %ld %%", settings_int(s->settings, "play.level"));
	return err;
}

int run_duck(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool on;
	int err = command_toggle(argc, argv, settings_bool(s->settings, "play.duck"), &on, text, kind);

	if (!err)
		err = command_set_for_now(s, "play.duck", on ? "on" : "off", text, kind);
	if (!err)
		buf_adds(text, on ? "what you play is softer while somebody talks" :
			 "what you play stays as loud while somebody talks");
	return err;
}

/* ---- /system ---- */

int run_system(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct listening *l = of(s);
	char why[256];
	bool on;
	int err = command_toggle(argc, argv, l->system != NULL, &on, text, kind);

	if (err)
		return err;
	if (s->no_mic)
		return no_sound(text, kind);
	if (!on) {
		stop_system(s);
		buf_adds(text, "what this machine plays stays here");
		return 0;
	}
	err = l->system ? 0 : system_sound_new(&l->system, why, sizeof(why));
	if (err)
		return command_refuse(text, kind, err, "no-device", why);
	listening_apply(s);
	err = sound_system(s->sound, l->system);
	if (err)
		return command_refuse(text, kind, err, "no-device", strerror(-err));
	buf_adds(text, "what other programs here play goes to the room; the call's own sound does not");
	return 0;
}

/* The sound is still there. */
void listening_free(struct session *s)
{
	struct listening *l = s->listening;

	if (!l)
		return;
	stop_system(s);
	free(l);
	s->listening = NULL;
}
