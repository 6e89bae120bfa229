/* commands_sound.c - microphone, speaker, and how loud the others are */
#include "session/session_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

static int set_muted(struct session *s, bool muted, bool by_key, struct buf *text,
		     const char **kind)
{
	struct call *c = session_call(s);
	int err;

	if (!muted && s->no_mic)
		return command_refuse(text, kind, -ENODEV, "no-mic",
				      "there is no microphone in this call");
	err = c && !(muted && listening_hides_mute(s)) ? call_set_muted(c, muted, clock_now_us()) : 0;
	if (err && err != -ENOTCONN)
		return command_told(s, text, err, NULL);
	session_apply_muted(s, muted, by_key);
	session_kick(s);
	buf_adds(text, muted ? "you are muted" : c && call_asks_to_speak(c) ?
		 "asking whether you may speak" : "the others can hear you");
	return 0;
}

int run_mute(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *why = NULL;
	struct member *m;
	int err;

	if (argc == 1)
		return set_muted(s, true, false, text, kind);
	if (!strcmp(argv[1], "all") && argc == 2)
		return command_refuse(text, kind, -ENOTSUP, "not-built-in",
				      "muting all at once is not built in yet; name one");
	if (!session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "you are in no room");
	m = command_person(s, argv[1], text, kind);
	if (!m)
		return -ENOENT;
	if (m->p.me)
		return set_muted(s, true, false, text, kind);
	err = call_mute_other(session_call(s), m->id, kind, &why, clock_now_us());
	if (!err)
		buf_addf(text, "asked to mute %s", m->shown);
	return command_told(s, text, err, why);
}

int run_unmute(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	return set_muted(s, false, false, text, kind);
}

int run_ptt(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool open;
	int err = command_toggle(argc, argv, !s->muted, &open, text, kind);

	return err ? err : set_muted(s, !open, argc > 1, text, kind);
}

int run_deafen(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool on;
	int err = command_toggle(argc, argv, s->deaf, &on, text, kind);

	if (err)
		return err;
	s->deaf = on;
	if (s->sound)
		sound_deaf(s->sound, on);
	session_touch(s, DIRTY_STATUS);
	buf_adds(text, on ? "you hear nobody; /deafen hears again" : "you hear the others");
	return 0;
}

static int set_device(struct session *s, enum audio_side side, const char *key, const char *spec,
		      struct buf *text, const char **kind)
{
	char *why = NULL;
	int err;

	if (!spec) {
		buf_addf(text, "%s: %s%s%s", side == AUDIO_MIC ? "microphone" : "speaker",
			 settings_text(s->settings, key),
			 *s->trouble[side] ? "; " : "", s->trouble[side]);
		return 0;
	}
	err = audio_device_check(side, spec, &why);
	if (!err)
		err = settings_set(s->settings, key, spec, why ? NULL : &why);
	if (err) {
		*kind = "device";
		return command_told(s, text, err, why);
	}
	free(why);
	command_apply_setting(s, key);
	buf_addf(text, "%s: %s", side == AUDIO_MIC ? "microphone" : "speaker", spec);
	return 0;
}

int run_mic(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	if (argc > 1 && s->no_mic)
		return command_refuse(text, kind, -ENODEV, "no-mic",
				      "this call was joined without a microphone; join again without --no-mic");
	return set_device(s, AUDIO_MIC, "audio.mic", argc > 1 ? argv[1] : NULL, text, kind);
}

int run_speaker(struct session *s, int argc, char **argv, struct buf *text,
		       const char **kind)
{
	return set_device(s, AUDIO_SPEAKER, "audio.speaker", argc > 1 ? argv[1] : NULL, text, kind);
}

static void devices_listed(void *ctx, const char *json)
{
	session_devices_say(ctx, json);
}

int run_devices(struct session *s, int argc, char **argv, struct buf *text,
		       const char **kind)
{
	(void)argc;
	(void)argv;
	(void)kind;
	session_devices(s, devices_listed, s);
	buf_adds(text, "looking for sound devices");
	return 0;
}

int run_volume(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *number = argv[argc - 1];
	size_t len = strlen(number);
	struct member *m;
	uint64_t percent;

	if (argc == 2) {
		m = command_person(s, argv[1], text, kind);
		if (!m)
			return -ENOENT;
		buf_addf(text, "%s: %d %%", m->shown, m->p.volume);
		return 0;
	}
	if (len && number[len - 1] == '%')
		number[len - 1] = 0;
	if (text_u64(number, 0, 400, &percent))
		return command_refuse(text, kind, -EINVAL, "usage",
				      "/volume NAME|all PERCENT: a number from 0 to 400");
	if (!strcmp(argv[1], "all")) {
		for (size_t i = 0; i < s->members; i++)
			if (!s->member[i]->p.me)
				volume_set(s, s->member[i], (int)percent);
		buf_addf(text, "everybody: %d %%", (int)percent);
		return 0;
	}
	m = command_person(s, argv[1], text, kind);
	if (!m)
		return -ENOENT;
	volume_set(s, m, (int)percent);
	buf_addf(text, "%s: %d %%", m->shown, (int)percent);
	return 0;
}

int run_bitrate(struct session *s, int argc, char **argv, struct buf *text,
		       const char **kind)
{
	int err = argc > 1 ? command_set_for_now(s, "audio.bitrate", argv[1], text, kind) : 0;

	if (!err)
		buf_addf(text, "Opus at %s kbit/s", settings_text(s->settings, "audio.bitrate"));
	return err;
}

int run_budget(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	const char *word = argc > 1 ? argv[1] : "";
	uint64_t kbit = 0;
	int err;

	if (argc > 1 && strcmp(word, "off") && text_u64(word, SESSION_BUDGET_LEAST, 1000, &kbit))
		return command_refuse(text, kind, -EINVAL, "usage",
				      "/budget KBIT|off: a number from 12 to 1000, or off");
	if (argc > 1) {
		err = command_set_for_now(s, "audio.budget", kbit ? word : "0", text, kind);
		if (err)
			return err;
	}
	kbit = (uint64_t)settings_int(s->settings, "audio.budget");
	if (kbit)
		buf_addf(text, "the call puts at most %d kbit/s on the line; the last 5 s it was %.1f",
			 (int)kbit, s->figures.out_kbps);
	else
		buf_adds(text, "no cap on what the call puts on the line");
	return 0;
}

int run_music(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool on;
	int err = command_toggle(argc, argv, settings_bool(s->settings, "audio.music"), &on, text, kind);

	if (!err)
		err = command_set_for_now(s, "audio.music", on ? "on" : "off", text, kind);
	if (err)
		return err;
	if (on)
		buf_addf(text, "music mode: stereo at %s kbit/s, nothing is done to the sound",
			 settings_text(s->settings, "audio.music_bitrate"));
	else
		buf_adds(text, "voice again");
	return 0;
}

static int switch_step(struct session *s, const char *key, const char *what, int argc, char **argv,
		       struct buf *text, const char **kind)
{
	bool on;
	int err = command_toggle(argc, argv, settings_bool(s->settings, key), &on, text, kind);

	if (!err)
		err = command_set_for_now(s, key, on ? "on" : "off", text, kind);
	if (err)
		return err;
	buf_addf(text, "%s is %s", what, on ? "on" : "off");
	if (on && settings_bool(s->settings, "audio.music"))
		buf_adds(text, ", but not in music mode");
	else if (on && !strcmp(settings_text(s->settings, "audio.processing"), "off"))
		buf_adds(text, ", but audio.processing is off");
	return 0;
}

int run_aec(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	return switch_step(s, "audio.aec", "echo cancellation", argc, argv, text, kind);
}

int run_ns(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	return switch_step(s, "audio.ns", "noise suppression", argc, argv, text, kind);
}

int run_agc(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	return switch_step(s, "audio.agc", "automatic gain", argc, argv, text, kind);
}

int run_delay(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	int err = argc > 1 ? command_set_for_now(s, "audio.delay", argv[1], text, kind) : 0;

	if (err)
		return err;
	buf_addf(text, "delay: %s", settings_text(s->settings, "audio.delay"));
	return 0;
}
