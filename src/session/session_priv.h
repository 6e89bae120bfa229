/* session_priv.h - what the files of the session share */
#ifndef SESSION_SESSION_PRIV_H
#define SESSION_SESSION_PRIV_H
#include "audio/engine.h"
#include "audio/player.h"
#include "call/link.h"
#include "call/media.h"
#include "session/session.h"
#include "session/settings.h"

enum {
	MESSAGES_MAX = 5000,
	TALK_HOLD_MS = 600,     /* a breath between two words is no silence */
	TALK_LEVEL = -50,       /* dBov: louder than a quiet room */
	RECENT_S = 10           /* "talked lately", for the order of people */
};

/* A person, as the session keeps it; p.id and p.name point into the strings. */
struct member {
	struct person p;
	char *id, *name;        /* name as given, cleaned; "" */
	char *shown;            /* p.name */
	int64_t loud_us;        /* last time its level was speech */
};

struct sound;                   /* sound.c: media thread, audio engine */

/* sound.c keeps figures of the media thread for the loop. */
enum { SOUND_SOURCES = 64 };
struct sound_snapshot {
	struct audio_stats audio;
	struct audio_source_stats source[SOUND_SOURCES];
	size_t sources;
	struct player_status player;
};

struct listening;               /* listening.c: what is played */
struct recording;               /* recording.c */
struct recorder;
struct system_sound;
struct pending_event;

struct session {
	struct loop *loop;
	struct settings *settings;
	struct net *net;
	struct http *http;
	struct call_link *link;
	struct sound *sound;
	struct loop_timer *tick;        /* levels, order, figures */
	struct loop_timer *flush;       /* gives queued events out */

	struct session_listener *listeners;
	struct pending_event *first, *last;
	unsigned dirty;

	enum session_state state;
	enum session_media media;
	bool over, unattended, was_up, told_headphones;
	int exit_code;
	char *url, *room, *host, *subject;
	bool muted, deaf, no_mic, hand;
	int64_t start_us, joined_us;

	struct member **member; size_t members;         /* as they came */
	struct member **order; size_t ordered;          /* as they are shown */
	int64_t ordered_us;
	char *speaker;                  /* id of the dominant speaker */
	struct volume { char *name; int percent; struct volume *next; } *volumes;
	char *state_dir, *record_dir;
	struct listening *listening;    /* NULL: nothing was played */
	struct recording *recording;    /* NULL: nothing was recorded */

	struct message *message;        /* ring of MESSAGES_MAX */
	uint64_t first_serial, next_serial;

	char *trouble[2];               /* of microphone and speaker; "" */
	bool dev_real[2], dev_running[2];

	int64_t warned_muted_us, warned_dead_us;
	int64_t quality_us;     /* others were told of our line last */
	struct wire_watch *wire;        /* wire.c */
	uint64_t other_out;             /* bytes beside sound: reports, ICE, signalling */
	struct { int64_t at_us; uint64_t out, in; } sample[12];
	size_t samples;
	struct session_figures figures;
	int64_t cpu_at_us; double cpu_used_s, cpu_percent;
	uint64_t terminal_bytes, terminal_dropped;
	void (*trace)(void *ctx, const char *dir, const char *ch, const char *data, size_t len);
	void *trace_ctx;
	struct device_query *queries;
};

/* session.c */
struct call *session_call(const struct session *s);     /* NULL before a join */
void session_kick(struct session *s);                   /* after a command to the call */
void session_apply_muted(struct session *s, bool muted, bool by_key);
/* Copies src (NULL: "") into *dst and frees what was there; memory is not refused. */
void session_text_set(char **dst, const char *src);
char *session_copy(const char *s);                      /* a new string; NULL: "" */

/* events.c */
/* Queues an event; person and message are copied.  text, kind may be NULL. */
void event_push(struct session *s, enum session_event_type type, const struct person *p,
		const char *text, const char *kind, bool on, bool quiet);
void event_push_message(struct session *s, enum session_event_type type, uint64_t serial,
			const char *kind);
void event_flush(void *ctx, int64_t now_us);
void event_drop_all(struct session *s);
void session_touch(struct session *s, unsigned dirty);

/* messages.c */
struct message_new {
	enum message_kind kind;
	int64_t time_us;                /* 0: now */
	const char *from, *name, *to_name, *text, *id; /* NULL: "" */
	bool private_, mine, history, mention, failed, named;
};
uint64_t message_add(struct session *s, const struct message_new *m);
/* Our own chrome: "· Ben joined", the output of a command, an error. */
void message_say(struct session *s, enum message_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void messages_free(struct session *s);

/* people.c */
struct member *member_find(const struct session *s, const char *id);
/* By shown name, or "#" and the start of an id.  NULL with *why (static). */
/* Whom a word names: as shown, by how the name begins, or by # and the start of
 * the id.  All that there are are tried; -ENOENT nobody, -EEXIST more than one. */
struct naming { const char *word; size_t exact, begins; unsigned exacts, begin; };
void naming_try(struct naming *n, size_t at, const char *id, const char *name);
int naming_found(const struct naming *n, size_t *at);
/* why: where it is NULL. */
struct member *member_by_name(const struct session *s, const char *name, const char **why);
struct member *member_update(struct session *s, const struct call_person *p, bool *is_new);
void member_remove(struct session *s, const char *id);
void members_clear(struct session *s);
/* Levels of the snapshot to people; true if somebody began or stopped talking. */
void members_levels(struct session *s, int64_t now_us);
void members_order(struct session *s, int64_t now_us, bool force);
int volume_of(const struct session *s, const char *name);
int volume_set(struct session *s, struct member *m, int percent);
void volumes_load(struct session *s);
void volumes_save(struct session *s);
void volumes_free(struct session *s);

/* sound.c */
int sound_new(struct sound **out, struct session *s, bool loopback);
void sound_free(struct sound **so);
const char *sound_fingerprint(const struct sound *so);
void sound_start(struct sound *so, const struct call_media *m);
void sound_stop(struct sound *so);
struct media *sound_media(struct sound *so);
void sound_device(struct sound *so, enum audio_side side, const char *spec);
void sound_muted(struct sound *so, bool muted, bool by_key);
void sound_deaf(struct sound *so, bool deaf);
void sound_sending(struct sound *so);   /* as the settings are now */
void sound_line(struct sound *so, const struct audio_line *line);
void sound_delay(struct sound *so, const char *word);      /* of audio.delay */
void sound_start_files(struct sound *so);
void sound_gain(struct sound *so, uint32_t ssrc, double gain);
void sound_source_gone(struct sound *so, uint32_t ssrc);
void sound_snapshot(struct sound *so, struct sound_snapshot *out);
enum player_order { PLAYER_ADD, PLAYER_NEXT, PLAYER_PAUSE, PLAYER_GO_ON, PLAYER_STOP, PLAYER_SEEK };
/* Waits until the media thread has done it (some ms); err may be NULL. */
void sound_player(struct sound *so, enum player_order order, const char *path, int64_t sample, int *err);
void sound_queue(struct sound *so, struct buf *text);    /* a line for each file that waits; waits, too */
void sound_program(struct sound *so, const struct audio_program *want);
int sound_system(struct sound *so, struct system_sound *y);      /* waits, too */
void sound_record(struct sound *so, struct recorder *r); /* waits, too */
void sound_media_stats(struct sound *so, struct media_stats *out);

/* listening.c */
void listening_tick(struct session *s);
void listening_apply(struct session *s);        /* settings, and the line's delay */
void listening_hush(struct session *s);         /* a moderator muted us */
bool listening_hides_mute(const struct session *s);
void listening_free(struct session *s);
char *session_full_path(const char *path);      /* of what is typed, "~" too; a new string */

/* recording.c */
void recording_tick(struct session *s);
void recording_source(struct session *s, uint32_t ssrc, const char *name); /* whose it is */
void recording_free(struct session *s);

/* wire.c */
void wire_sample(struct session *s, const struct media_stats *m, int64_t now_us);
void wire_free(struct session *s);

/* reports.c, called on the loop */
void session_set_media(struct session *s, enum session_media m, const char *why);
/* Takes what the call reports; ctx is the session. */
void session_on_call(void *ctx, const struct call_event *ev);
/* Into the log and the events; unless quiet to people, too. */
void report_notice(struct session *s, const char *text, bool quiet);
void session_on_device(struct session *s, enum audio_side side, enum audio_dev_state state,
		       const char *text, bool real);
void session_on_media(struct session *s, const char *sid, int state, const char *why);
void session_on_channel(struct session *s, const char *sid, bool open, bool over, const char *why);
void session_on_channel_text(struct session *s, const char *sid, const char *text, size_t len);
void session_on_want(struct session *s, const char *sid, enum call_want want, const char *why);

/* commands.c */
enum { COMMAND_ARGS_MAX = 64 };
typedef int command_fn(struct session *s, int argc, char **argv, struct buf *text,
		       const char **kind);
/* Writes words for people and sets the kind for programs; returns err. */
int command_refuse(struct buf *text, const char **kind, int err, const char *k, const char *words);
int command_say(struct session *s, const char *line, struct buf *text, const char **kind);
/* An answer of the call's, with its words; frees why. */
int command_told(struct session *s, struct buf *text, int err, char *why);
/* The person of that name, or NULL with words and kind. */
struct member *command_person(struct session *s, const char *name, struct buf *text,
			      const char **kind);
/* "on", "up", "off", "down", or no word, which toggles now; -EINVAL for others. */
int command_on_off(const char *word, bool now, bool *out);
/* The same for a command's one word, on or off; says how it is used where it is another. */
int command_toggle(int argc, char **argv, bool now, bool *on, struct buf *text, const char **kind);
/* A command is for this call; what is to be kept, /set keeps. */
int command_set_for_now(struct session *s, const char *key, const char *value, struct buf *text,
			const char **kind);

/* What a setting that was changed does to the call that runs. */
void command_apply_setting(struct session *s, const char *key);

/* commands_sound.c, as the table has them */
command_fn run_mute;
command_fn run_unmute;
command_fn run_ptt;
command_fn run_deafen;
command_fn run_mic;
command_fn run_speaker;
command_fn run_devices;
command_fn run_volume;
command_fn run_bitrate;
command_fn run_budget;
command_fn run_music;
command_fn run_aec;
command_fn run_ns;
command_fn run_agc;
command_fn run_delay;

/* commands_room.c, as the table has them */
command_fn run_lobby;
command_fn run_admit;
command_fn run_deny;
/* NULL with words and kind where it is nobody, or not clear who. */
const char *knocker_by_name(struct session *s, const char *word, struct buf *text, const char **kind);
const char *knocker_name(const struct session *s, const char *id);      /* "" where it is nobody */
/* What to call somebody who knocks in /admit and /deny. */
void knocker_word(const struct session *s, const char *id, const char *name, struct buf *out);

/* listening.c, as the table has them */
command_fn run_play;
command_fn run_queue;
command_fn run_next;
command_fn run_pause;
command_fn run_stop;
command_fn run_seek;
command_fn run_level;
command_fn run_duck;
command_fn run_system;
command_fn run_record;

/* json.c */
void session_sample(struct session *s, int64_t now_us); /* figures of the last 5 s */
void queries_drop(struct session *s);
void session_devices_say(struct session *s, const char *json); /* as lines of chat */
void session_stats_text(struct session *s, struct buf *out);

#endif
