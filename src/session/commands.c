/* commands.c - the one table of commands
 *
 * The input line, keys, the control socket, /help, completion and the man
 * page all read it.  A command gets its words and writes what it has to say;
 * refusals carry a kind for programs and words for people.
 */
#include "session/session_priv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "session/figures.h"

int command_refuse(struct buf *text, const char **kind, int err, const char *k, const char *words)
{
	*kind = k;
	buf_adds(text, words);
	return err;
}

int command_told(struct session *s, struct buf *text, int err, char *why)
{
	if (err)
		buf_adds(text, why ? why : strerror(-err));
	free(why);
	session_kick(s);
	return err;
}

struct member *command_person(struct session *s, const char *name, struct buf *text,
			      const char **kind)
{
	const char *why;
	struct member *m = member_by_name(s, name, &why);

	if (!m) {
		*kind = "unknown-person";
		buf_addf(text, "%s: %s", name, why);
	}
	return m;
}

int command_on_off(const char *word, bool now, bool *out)
{
	if (!word)
		*out = !now;
	else if (!strcmp(word, "on") || !strcmp(word, "up"))
		*out = true;
	else if (!strcmp(word, "off") || !strcmp(word, "down"))
		*out = false;
	else
		return -EINVAL;
	return 0;
}

int command_toggle(int argc, char **argv, bool now, bool *on, struct buf *text, const char **kind)
{
	if (!command_on_off(argc > 1 ? argv[1] : NULL, now, on))
		return 0;
	*kind = "usage";
	buf_addf(text, "/%s [on|off]: without a word it toggles", argv[0]);
	return -EINVAL;
}

int command_set_for_now(struct session *s, const char *key, const char *value, struct buf *text,
			const char **kind)
{
	char *why = NULL;
	int err = settings_set(s->settings, key, value, &why);

	if (err) {
		*kind = "bad-setting";
		return command_told(s, text, err, why);
	}
	command_apply_setting(s, key);
	return 0;
}

/* ---- program ---- */

static void help_one(const struct command *c, struct buf *text)
{
	buf_addf(text, "/%s%s%s  %s", c->name, *c->usage ? " " : "", c->usage, c->help);
	if (c->alias)
		buf_addf(text, " (also /%s)", c->alias);
}

static int run_help(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	size_t n;
	const struct command *t = session_commands(&n);
	const char *group = "";

	(void)s;
	if (argc > 1) {
		const struct command *c = session_command_find(argv[1] + (*argv[1] == '/'));

		if (!c)
			return command_refuse(text, kind, -ENOENT, "unknown-command",
					      "there is no such command; /help lists them");
		help_one(c, text);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (!t[i].run)
			continue;
		if (strcmp(group, t[i].group)) {
			group = t[i].group;
			buf_addf(text, "%s%s\n", i ? "\n" : "", group);
		}
		buf_adds(text, "  ");
		help_one(&t[i], text);
		buf_addc(text, '\n');
	}
	buf_adds(text, "\nA line without a slash is said to all; // sends a line that begins with one.");
	return 0;
}

static int run_quit(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	(void)text;
	(void)kind;
	if (s->link && !s->over) {
		session_leave(s);
		return 0;
	}
	s->over = true;
	event_push(s, SESSION_EV_LEFT, NULL, "", NULL, false, false);
	return 0;
}

static int run_join(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *why = NULL;
	int err = session_join(s, argc > 1 ? argv[1] : NULL, &why);

	if (err)
		*kind = "bad-address";
	return command_told(s, text, err, why);
}

static void show_setting(struct session *s, const struct setting *d, struct buf *text)
{
	const char *v = settings_text(s->settings, d->key);

	buf_addf(text, "%s = %s", d->key, d->secret ? (*v ? "***" : "") : v);
}

void command_apply_setting(struct session *s, const char *key)
{
	const char *v = settings_text(s->settings, key);

	if (s->sound && !strcmp(key, "audio.mic"))
		sound_device(s->sound, AUDIO_MIC, s->no_mic ? "none" : v);
	if (s->sound && !strcmp(key, "audio.speaker"))
		sound_device(s->sound, AUDIO_SPEAKER, v);
	if (s->sound && text_starts(key, "audio."))
		sound_sending(s->sound);
	if (s->sound && !strcmp(key, "audio.delay"))
		sound_delay(s->sound, v);
	if (text_starts(key, "play."))
		listening_apply(s);
	if (!strcmp(key, "name") && session_call(s))
		call_set_name(session_call(s), v, clock_now_us());
	session_kick(s);
	session_touch(s, DIRTY_STATUS | DIRTY_PEOPLE | DIRTY_MESSAGES);
}

static int run_set(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	size_t n;
	const struct setting *t = settings_table(&n), *d;
	char *why = NULL;
	int err;

	for (size_t i = 0; argc < 3 && i < n; i++) {
		if (argc == 2 && !text_starts(t[i].key, argv[1]))
			continue;
		if (text->len)
			buf_addc(text, '\n');
		show_setting(s, &t[i], text);
		if (argc == 2 && !strcmp(t[i].key, argv[1]))
			buf_addf(text, "  (%s)", t[i].help);
	}
	if (argc < 3)
		return text->len ? 0 : command_refuse(text, kind, -ENOENT, "unknown-setting",
					      "there is no such setting; /set lists them");
	d = settings_find(argv[1]);
	if (d && !strcmp(d->key, "video") && strcmp(argv[2], "off"))
		return command_refuse(text, kind, -ENOTSUP, "not-built-in",
				      "video is not built in yet");
	if (d && !strcmp(d->key, "record.tell"))
		return command_refuse(text, kind, -EPERM, "config-only",
				      "that is changed in the config file alone, not in a call");
	err = settings_set(s->settings, argv[1], argv[2], &why);
	if (err) {
		*kind = "bad-setting";
		return command_told(s, text, err, why);
	}
	command_apply_setting(s, argv[1]);
	err = settings_save(s->settings, argv[1], &why);
	show_setting(s, d, text);
	if (err)
		buf_addf(text, " (for this run alone: %s)", why ? why : strerror(-err));
	free(why);
	return 0;
}

static int run_stats(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	(void)kind;
	session_stats_text(s, text);
	return 0;
}

static int run_reconnect(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct call *c = session_call(s);

	(void)argc;
	(void)argv;
	if (!c || s->over)
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "there is no call; /join begins one");
	if (s->state == SESSION_JOINED)
		buf_adds(text, "connected; looking whether the server still answers");
	call_retry(c, clock_now_us());
	session_kick(s);
	return 0;
}

static int run_dump(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	if (!session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "there is no call");
	call_print(session_call(s), text);
	session_channel_text(s, text);
	return 0;
}

/* ---- people ---- */

static void who_group(struct session *s, struct buf *text, const char *title,
		      bool (*in)(const struct person *p))
{
	bool first = true;

	for (size_t i = 0; i < session_people(s); i++) {
		const struct person *p = session_person(s, i);

		if (!in(p))
			continue;
		buf_addf(text, "%s%s%s", first ? title : ", ", first ? ": " : "",
			 p->me ? "you" : p->name);
		if (p->moderator)
			buf_adds(text, " (moderator)");
		if (p->volume != 100 && !p->me)
			buf_addf(text, " (%d %%)", p->volume);
		buf_addf(text, " #%.4s", p->id);
		first = false;
	}
	if (!first)
		buf_adds(text, ". ");
}

static bool who_talks(const struct person *p) { return p->talking; }
static bool who_hand(const struct person *p) { return !p->talking && p->hand; }
static bool who_muted(const struct person *p) { return !p->talking && !p->hand && p->muted; }
static bool who_rest(const struct person *p) { return !p->talking && !p->hand && !p->muted; }

static int run_who(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	if (!session_people(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "you are in no room");
	who_group(s, text, "Talking", who_talks);
	who_group(s, text, "Hands", who_hand);
	who_group(s, text, "Muted", who_muted);
	who_group(s, text, "Also here", who_rest);
	return 0;
}

static int run_nick(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *clean = text_clean(argv[argc - 1], strlen(argv[argc - 1]), 200, TEXT_TRIM);
	int err = clean ? settings_set(s->settings, "name", clean, NULL) : -ENOMEM;

	(void)kind;
	if (!err) {
		command_apply_setting(s, "name");
		buf_addf(text, "you are called %s now", clean);
	}
	free(clean);
	return err;
}

/* For this room alone: another one is not told it. */
static int run_password(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct call *c = session_call(s);

	if (!c || s->over)
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "there is no room to give it to");
	call_set_password(c, argv[argc - 1], clock_now_us());
	session_kick(s);
	return 0;
}

static int run_hand(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct call *c = session_call(s);
	bool up;
	int err;

	if (command_on_off(argc > 1 ? argv[1] : NULL, s->hand, &up))
		return command_refuse(text, kind, -EINVAL, "usage",
				      "/hand [up|down]: without a word it toggles");
	err = call_set_hand(c, up, clock_now_us());
	if (err)
		return command_refuse(text, kind, err, "not-joined", "you are in no room");
	s->hand = up;
	session_kick(s);
	buf_adds(text, up ? "your hand is up; /hand lowers it" : "your hand is down");
	return 0;
}

static int run_kick(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct member *m;
	char *why = NULL;
	int err;

	m = command_person(s, argv[1], text, kind);
	if (!m)
		return -ENOENT;
	err = call_kick(session_call(s), m->id, argc > 2 ? argv[2] : "", kind, &why, clock_now_us());
	if (!err)
		buf_addf(text, "asked to remove %s", m->shown);
	return command_told(s, text, err, why);
}

/* ---- chat ---- */

int command_say(struct session *s, const char *line, struct buf *text, const char **kind)
{
	char *why = NULL;
	int err;

	if (!session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined",
				      "not sent: you are in no room");
	err = call_say(session_call(s), line, kind, &why, clock_now_us());
	return command_told(s, text, err, why);
}

static int run_say(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	return command_say(s, argv[argc - 1], text, kind);
}

static int run_me(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	struct buf b = { 0 };
	int err;

	/* XEP-0245: the text as typed, receivers make the third person. */
	buf_addf(&b, "/me %s", argv[argc - 1]);
	err = command_say(s, buf_str(&b), text, kind);
	buf_free(&b);
	return err;
}

/* To somebody in the room, else to somebody who knocks. */
static int run_msg(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	const char *id = NULL;
	struct buf other = { 0 };
	struct member *m;
	char *why = NULL;
	int err;

	if (!session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined",
				      "not sent: you are in no room");
	m = command_person(s, argv[1], text, kind);
	if (!m)
		id = knocker_by_name(s, argv[1], &other, kind);
	buf_free(&other);
	if (!m && !id)
		return -ENOENT;
	buf_clear(text);
	err = call_tell(session_call(s), m ? m->id : id, argv[argc - 1], kind, &why, clock_now_us());
	return command_told(s, text, err, why);
}

static int run_topic(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *why = NULL;
	int err;

	if (argc == 1) {
		buf_adds(text, *s->subject ? s->subject : "no subject is set");
		return 0;
	}
	if (!session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "you are in no room");
	err = call_topic(session_call(s), argv[1], kind, &why, clock_now_us());
	return command_told(s, text, err, why);
}

static int run_breakout(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	const struct call *c = session_call(s);
	const char *name;
	char *why = NULL;
	int err;

	if (argc > 1) {
		err = call_change_room(session_call(s), strcmp(argv[1], "main") ? argv[1] : NULL, kind, &why,
				       clock_now_us());
		return command_told(s, text, err, why);
	}
	for (size_t i = 0; (name = call_breakout_name(c, i)); i++)
		buf_addf(text, "%s%zu %s", i ? "\n" : "", i + 1, name);
	if (!call_breakout_name(c, 0))
		buf_adds(text, "there are no breakout rooms");
	return 0;
}

static int run_clear(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)argc;
	(void)argv;
	(void)text;
	(void)kind;
	session_clear_messages(s);
	return 0;
}

static int run_video(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	(void)s;
	if (argc > 1 && !strcmp(argv[1], "off")) {
		buf_adds(text, "video is off");
		return 0;
	}
	return command_refuse(text, kind, -ENOTSUP, "not-built-in",
			      "video is not built in yet; it is off");
}

/* ---- the table ---- */

#define LATER(name, group, usage, help) \
	{ name, NULL, group, usage, help, 0, COMMAND_ARGS_MAX, 0, NULL }

/* Grouped as ttymeet(1) lists them; an entry without a function is a name that
 * is kept for a later version and says so. */
static const struct command table[] = {
	{ "help", NULL, "program", "[COMMAND]", "list the commands, or one of them",
	  0, 1, 0, run_help },
	{ "quit", "leave", "program", "", "leave the call and end the program", 0, 0, 0, run_quit },
	{ "join", NULL, "program", "[URL]", "join a room; without an address the last one again",
	  0, 1, 0, run_join },
	{ "reconnect", NULL, "program", "", "try now, where a lost connection waits for its next attempt",
	  0, 0, 0, run_reconnect },
	{ "set", NULL, "program", "[KEY [VALUE]]", "show settings, or change one and keep it",
	  0, 2, COMMAND_RAW, run_set },
	{ "stats", NULL, "program", "", "what the call costs: kbit/s, delay, loss, CPU, memory",
	  0, 0, 0, run_stats },
	{ "dump", NULL, "program", "", "print the state of the call for a bug report",
	  0, 0, 0, run_dump },
	LATER("bind", "program", "KEY COMMAND", "bind a key"),
	LATER("alias", "program", "NAME COMMAND", "name a command"),
	LATER("theme", "program", "NAME", "choose colours"),
	LATER("reload", "program", "", "read the config again"),
	LATER("check", "program", "", "the doctor; see ttymeet check"),

	{ "mute", NULL, "sound", "[NAME]",
	  "close the microphone; with a name, a moderator mutes that person",
	  0, 1, COMMAND_NAME, run_mute },
	{ "unmute", NULL, "sound", "", "open the microphone", 0, 0, 0, run_unmute },
	{ "ptt", NULL, "sound", "[on|off]",
	  "talk or stop talking; on and off: as long as a key is held",
	  0, 1, 0, run_ptt },
	{ "deafen", NULL, "sound", "[on|off]", "hear nobody, or everybody again", 0, 1, 0, run_deafen },
	{ "mic", NULL, "sound", "[DEVICE]", "choose the microphone", 0, 1, COMMAND_RAW, run_mic },
	{ "speaker", NULL, "sound", "[DEVICE]", "choose the speaker", 0, 1, COMMAND_RAW, run_speaker },
	{ "devices", NULL, "sound", "", "list the sound devices", 0, 0, 0, run_devices },
	{ "volume", NULL, "sound", "NAME|all [PERCENT]", "how loud somebody is for you, 0 to 400",
	  1, 2, COMMAND_NAME, run_volume },
	{ "bitrate", NULL, "sound", "[KBIT]", "bitrate of your voice, 6 to 510 kbit/s",
	  0, 1, 0, run_bitrate },
	{ "budget", NULL, "sound", "[KBIT|off]",
	  "cap of what the call puts on the line, kbit/s, all counted", 0, 1, 0, run_budget },
	{ "music", NULL, "sound", "[on|off]", "music mode: stereo, nothing done to the sound",
	  0, 1, 0, run_music },
	{ "aec", NULL, "sound", "[on|off]", "echo cancellation, for this call", 0, 1, 0, run_aec },
	{ "ns", NULL, "sound", "[on|off]", "noise suppression, for this call", 0, 1, 0, run_ns },
	{ "agc", NULL, "sound", "[on|off]", "automatic gain, for this call", 0, 1, 0, run_agc },
	{ "delay", NULL, "sound", "[low|normal|safe]",
	  "how much is kept in hand against a bad line", 0, 1, 0, run_delay },
	{ "record", NULL, "sound", "[FILE]|stop", "record the call into an Ogg Opus file", 0, 1,
	  COMMAND_RAW | COMMAND_CALL, run_record },

	{ "play", NULL, "listening", "FILE...", "play sound files to all, one after the other",
	  1, COMMAND_ARGS_MAX - 1, COMMAND_CALL, run_play },
	{ "queue", NULL, "listening", "", "what is played and what comes", 0, 0, 0, run_queue },
	{ "next", NULL, "listening", "", "play the next file", 0, 0, 0, run_next },
	{ "pause", NULL, "listening", "", "pause playing, or go on", 0, 0, 0, run_pause },
	{ "stop", NULL, "listening", "", "stop playing and empty the queue", 0, 0, 0, run_stop },
	{ "seek", NULL, "listening", "TIME", "go to a place in the file: 90, 1:30, +10, -10", 1, 1, 0, run_seek },
	{ "level", NULL, "listening", "[PERCENT]", "how loud the file is, 0 to 400", 0, 1, 0, run_level },
	{ "duck", NULL, "listening", "[on|off]", "play softer while somebody talks", 0, 1, 0, run_duck },
	{ "system", NULL, "listening", "[on|off]", "send what this machine's other programs play",
	  0, 1, COMMAND_CALL, run_system },

	{ "who", NULL, "people", "", "who is here, who talks, whose hand is up", 0, 0, 0, run_who },
	{ "nick", NULL, "people", "NAME", "change your name", 1, 1, COMMAND_RAW, run_nick },
	{ "hand", NULL, "people", "[up|down]", "raise or lower your hand", 0, 1, COMMAND_CALL, run_hand },
	{ "kick", NULL, "people", "NAME [REASON]", "remove somebody (moderators)",
	  1, 2, COMMAND_NAME | COMMAND_RAW | COMMAND_CALL, run_kick },
	LATER("react", "people", "NAME", "send a reaction"),
	LATER("ignore", "people", "NAME", "hear and read nothing of somebody"),
	LATER("ask", "people", "NAME", "ask somebody to unmute"),
	LATER("grant", "people", "NAME", "make somebody a moderator"),
	LATER("moderate", "people", "audio|video on|off", "let only those talk who are allowed"),
	LATER("follow", "people", "", "follow a moderator's view"),

	{ "say", NULL, "chat", "TEXT", "say to all in writing", 1, 1, COMMAND_RAW, run_say },
	{ "msg", NULL, "chat", "NAME TEXT", "write to one person alone, or to one who knocks",
	  2, 2, COMMAND_NAME | COMMAND_RAW | COMMAND_KNOCKER, run_msg },
	{ "me", NULL, "chat", "TEXT", "say what you do", 1, 1, COMMAND_RAW, run_me },
	{ "topic", NULL, "chat", "[TEXT]", "show or set the subject (moderators)",
	  0, 1, COMMAND_RAW, run_topic },
	{ "clear", NULL, "chat", "", "empty the chat pane", 0, 0, 0, run_clear },
	LATER("reply", "chat", "TEXT", "answer the last message"),
	LATER("search", "chat", "TEXT", "search the chat"),
	LATER("url", "chat", "[N]", "open a link"),

	{ "password", NULL, "room", "TEXT", "give the password that a room asks for", 1, 1,
	  COMMAND_RAW | COMMAND_SECRET, run_password },
	LATER("lock", "room", "", "set a password"),
	LATER("unlock", "room", "", "remove the password"),
	{ "lobby", NULL, "room", "[on|off]", "who comes has to knock (moderators); without a word: who does",
	  0, 1, COMMAND_CALL, run_lobby },
	{ "admit", NULL, "room", "NAME|all", "let somebody in who knocks (moderators)",
	  1, 1, COMMAND_RAW | COMMAND_KNOCKER | COMMAND_CALL, run_admit },
	{ "deny", NULL, "room", "NAME", "turn somebody away who knocks (moderators)",
	  1, 1, COMMAND_RAW | COMMAND_KNOCKER | COMMAND_CALL, run_deny },
	{ "breakout", NULL, "room", "[main|NAME|N]", "the rooms beside this one; go to one, or back",
	  0, 1, COMMAND_RAW | COMMAND_CALL, run_breakout },
	LATER("poll", "room", "...", "ask all"),
	LATER("vote", "room", "...", "answer a poll"),
	LATER("captions", "room", "on|off", "subtitles"),
	LATER("end", "room", "", "end the meeting for all"),

	{ "video", NULL, "picture", "off", "video: off is the only choice of this build",
	  0, 1, 0, run_video },
	LATER("camera", "picture", "DEVICE|off", "choose the camera"),
	LATER("view", "picture", "NAME|speaker|grid|off", "whose picture to show"),
	LATER("style", "picture", "half|ascii|quad|sixel|kitty|auto", "how to draw it"),
	LATER("share", "picture", "terminal|off", "show your terminal"),
};
enum { COUNT = sizeof(table) / sizeof(table[0]) };

const struct command *session_commands(size_t *count)
{
	*count = COUNT;
	return table;
}

const struct command *session_command_find(const char *word)
{
	for (size_t i = 0; i < COUNT; i++)
		if (!strcmp(table[i].name, word) ||
		    (table[i].alias && !strcmp(table[i].alias, word)))
			return &table[i];
	return NULL;
}
