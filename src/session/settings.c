/* settings.c - the table, and the values of one run */
#include "session/settings.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

/* Order: as config.example and ttymeet.conf(5) list them. */
static const struct setting table[] = {
	{ "name", SETTING_TEXT, "", NULL, "display name; empty: the login name", false },
	{ "email", SETTING_TEXT, "", NULL, "shown to others as avatar; empty: not sent", false },
	{ "server", SETTING_TEXT, "", NULL,
	  "server for bare room names, e.g. https://meet.example.org", false },
	{ "muted", SETTING_BOOL, "off", NULL, "join muted", false },
	{ "reconnect_for", SETTING_DURATION, "15m", NULL,
	  "how long a lost call is tried again", false },
	{ "video", SETTING_CHOICE, "off", "off|receive|on",
	  "off: no video on the wire in either direction", false },
	{ "audio.mic", SETTING_TEXT, "default", NULL,
	  "microphone: default, none, null, tone[:HZ], noise, file:PATH[,loop], "
	  "a device's name or number", false },
	{ "audio.speaker", SETTING_TEXT, "default", NULL,
	  "speaker: default, none, null, file:PATH, a device's name or number", false },
	{ "audio.no_mic", SETTING_BOOL, "off", NULL,
	  "send no sound at all, open no microphone", false },
	{ "audio.delay", SETTING_CHOICE, "normal", "low|normal|safe",
	  "low: a gap now and then rather than delay; safe: the other way round", false },
	{ "audio.bitrate", SETTING_INT, "32", "6|510", "Opus bitrate in kbit/s", false },
	{ "audio.complexity", SETTING_INT, "9", "0|10",
	  "Opus encoder complexity; less is cheaper", false },
	{ "audio.frame_ms", SETTING_INT, "20", "10|60",
	  "length of a frame in ms: 10, 20, 40 or 60", false },
	{ "audio.budget", SETTING_INT, "0", "0|1000",
	  "cap of what the call puts on the line, kbit/s, headers counted; 0: none", false },
	{ "audio.music", SETTING_BOOL, "off", NULL,
	  "music mode: stereo, nothing done to the sound", false },
	{ "audio.music_bitrate", SETTING_INT, "128", "96|510",
	  "Opus bitrate of music mode in kbit/s", false },
	{ "audio.processing", SETTING_CHOICE, "auto", "auto|on|off",
	  "what is below is done to: auto: sound cards; on: any microphone; off: none", false },
	{ "audio.aec", SETTING_BOOL, "on", NULL, "echo cancellation", false },
	{ "audio.ns", SETTING_BOOL, "on", NULL, "noise suppression", false },
	{ "audio.agc", SETTING_BOOL, "on", NULL, "automatic gain", false },
	{ "audio.voice_threshold", SETTING_INT, "0", "0|90",
	  "voice activation: send only what is louder than minus so many dB; 0: off", false },
	{ "play.level", SETTING_INT, "100", "0|400", "how loud played files are, per cent", false },
	{ "play.duck", SETTING_BOOL, "on", NULL, "play softer while somebody talks", false },
	{ "play.monitor", SETTING_BOOL, "on", NULL,
	  "hear what you play yourself, as late as the room does", false },
	{ "play.tell", SETTING_BOOL, "off", NULL, "say in the chat what is played", false },
	{ "record.folder", SETTING_TEXT, "", NULL,
	  "where recordings go; empty: $XDG_DATA_HOME/ttymeet/recordings", false },
	{ "record.people", SETTING_BOOL, "off", NULL, "record each person in a file as well", false },
	{ "record.tell", SETTING_BOOL, "on", NULL,
	  "say once in the chat that the call is recorded; changed in the config alone", false },
	{ "ui.hints", SETTING_BOOL, "on", NULL, "show a line of keys to new users", false },
	{ "ui.color", SETTING_CHOICE, "auto", "auto|always|never",
	  "colours; NO_COLOR turns them off, too", false },
	{ "ui.ascii", SETTING_CHOICE, "auto", "auto|on|off", "marks in plain ASCII", false },
	{ "ui.bell", SETTING_BOOL, "on", NULL,
	  "ring the terminal's bell for private messages, mentions and who knocks", false },
	{ "line.talk", SETTING_BOOL, "on", NULL, "line mode says who begins to talk", false },
	{ "keys.web", SETTING_BOOL, "off", NULL,
	  "single letters of the web client while the input line is empty", false },
	{ "network.ca_file", SETTING_TEXT, "", NULL,
	  "certificates to trust (PEM) in place of the system's", false },
	{ "network.insecure", SETTING_BOOL, "off", NULL,
	  "accept any TLS certificate; shown in the status line", false },
	{ "network.relay_only", SETTING_BOOL, "off", NULL, "ICE over TURN alone", false },
	{ "network.turn", SETTING_TEXT, "", NULL,
	  "TURN server, turn:user:password@host[:port][?transport=tcp], turns: for TLS (port 443); "
	  "belongs into the config, not on a command line", false },
	{ "network.bridge_channel", SETTING_CHOICE, "auto", "auto|websocket|sctp",
	  "who talks, who is gone: auto takes a WebSocket where one is offered, else SCTP; "
	  "sctp the other way round; websocket nothing else", false },
	{ "network.ssrc_rewriting", SETTING_BOOL, "off", NULL,
	  "let the bridge number all voices anew, 50 at most; whose they are only its channel tells",
	  false },
	{ "network.feedback", SETTING_BOOL, "off", NULL,
	  "tell the bridge when each packet came, ten times a second (6 kbit/s); "
	  "sound alone does not need it", false },
	{ "privacy.version", SETTING_BOOL, "on", NULL,
	  "tell name and version of the program to the server", false },
	{ "secret.password", SETTING_TEXT, "", NULL,
	  "room password (from a file or TTYMEET_PASSWORD)", true },
	{ "secret.jwt", SETTING_TEXT, "", NULL, "token (from a file or TTYMEET_JWT)", true },
	{ "secret.login", SETTING_TEXT, "", NULL, "user and password of a login (from a file)", true },
};
enum { COUNT = sizeof(table) / sizeof(table[0]) };

struct settings {
	char *value[COUNT];
	int (*saver)(void *ctx, const char *key, const char *value, char **why);
	void *saver_ctx;
};

const struct setting *settings_table(size_t *count)
{
	*count = COUNT;
	return table;
}

const struct setting *settings_find(const char *key)
{
	for (size_t i = 0; i < COUNT; i++)
		if (!strcmp(table[i].key, key))
			return &table[i];
	return NULL;
}

static size_t index_of(const char *key)
{
	const struct setting *d = settings_find(key);

	/* A key that the program itself names and that is not there is a
	 * mistake of ours, not of a user. */
	if (!d) {
		fprintf(stderr, "ttymeet: no setting '%s'\n", key);
		abort();
	}
	return (size_t)(d - table);
}

int settings_new(struct settings **out)
{
	struct settings *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < COUNT; i++) {
		s->value[i] = strdup(table[i].def);
		if (!s->value[i]) {
			settings_free(&s);
			return -ENOMEM;
		}
	}
	*out = s;
	return 0;
}

void settings_free(struct settings **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < COUNT; i++) {
		if (table[i].secret)
			text_forget(&(*s)->value[i]);
		free((*s)->value[i]);
	}
	free(*s);
	*s = NULL;
}

static int parse_bool(const char *v)
{
	static const char *const yes[] = { "on", "yes", "true", "1" };
	static const char *const no[] = { "off", "no", "false", "0" };

	for (size_t i = 0; i < 4; i++) {
		if (text_same_nocase(v, yes[i]))
			return 1;
		if (text_same_nocase(v, no[i]))
			return 0;
	}
	return -EINVAL;
}

__attribute__((format(printf, 2, 3)))
static void say(char **why, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	if (!why)
		return;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	*why = buf_steal(&b);
}

static bool is_choice(const char *choices, const char *v)
{
	size_t len = strlen(v);

	for (const char *p = choices; p; p = strchr(p, '|')) {
		p += *p == '|';
		if (!strncmp(p, v, len) && (p[len] == '|' || !p[len]))
			return len > 0;
	}
	return false;
}

static int check(const struct setting *d, const char *v, char **why)
{
	int64_t us;
	uint64_t n, min, max;
	char *bar;

	switch (d->type) {
	case SETTING_TEXT:
		return 0;
	case SETTING_BOOL:
		if (parse_bool(v) >= 0)
			return 0;
		say(why, "%s is on or off, not '%s'", d->key, v);
		return -EINVAL;
	case SETTING_CHOICE:
		if (is_choice(d->choices, v))
			return 0;
		say(why, "%s is one of %s", d->key, d->choices);
		return -EINVAL;
	case SETTING_DURATION:
		if (!text_duration_us(v, &us))
			return 0;
		say(why, "%s is a time like 10s or 5m, not '%s'", d->key, v);
		return -EINVAL;
	case SETTING_INT:
		min = strtoull(d->choices, &bar, 10);
		max = strtoull(bar + 1, NULL, 10);
		if (!text_u64(v, min, max, &n))
			return 0;
		say(why, "%s is a number, %s (least|most)", d->key, d->choices);
		return -EINVAL;
	}
	return -EINVAL;
}

int settings_set(struct settings *s, const char *key, const char *value, char **why)
{
	const struct setting *d = settings_find(key);
	char *copy;
	size_t i;
	int err;

	if (why)
		*why = NULL;
	if (!d) {
		say(why, "there is no setting '%s'", key);
		return -ENOENT;
	}
	err = check(d, value, why);
	if (err)
		return err;
	copy = strdup(d->type == SETTING_BOOL ? (parse_bool(value) ? "on" : "off") : value);
	if (!copy)
		return -ENOMEM;
	i = index_of(key);
	if (d->secret)
		text_forget(&s->value[i]);
	free(s->value[i]);
	s->value[i] = copy;
	return 0;
}

const char *settings_text(const struct settings *s, const char *key)
{
	return s->value[index_of(key)];
}

bool settings_bool(const struct settings *s, const char *key)
{
	return parse_bool(settings_text(s, key)) == 1;
}

int64_t settings_int(const struct settings *s, const char *key)
{
	return strtoll(settings_text(s, key), NULL, 10);
}

int64_t settings_duration_us(const struct settings *s, const char *key)
{
	int64_t us = 0;

	text_duration_us(settings_text(s, key), &us);
	return us;
}

void settings_set_saver(struct settings *s,
			int (*save)(void *ctx, const char *key, const char *value, char **why),
			void *ctx)
{
	s->saver = save;
	s->saver_ctx = ctx;
}

int settings_save(struct settings *s, const char *key, char **why)
{
	if (settings_find(key)->secret || !s->saver)
		return 0;
	return s->saver(s->saver_ctx, key, settings_text(s, key), why);
}
