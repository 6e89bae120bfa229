/* engine.h - all sound of one call: microphone to frames, frames to speaker
 *
 *	device ring -> processing -> level, gate, encoder -> packet()
 *	audio_input() -> jitter buffer a source -> Opus (PLC, FEC) -> gain
 *	              -> mixer, limiter -> speaker's ring
 *
 * The engine belongs to the media thread, which calls audio_tick() every
 * 10 ms.  Devices are opened and closed by its own sound thread, since that
 * may block; what they report comes back through audio_tick().  A device that
 * fails or vanishes is told once, retried every 2 s, and the call goes on.
 * Sources are SSRCs; nobody here has a name.
 */
#ifndef AUDIO_ENGINE_H
#define AUDIO_ENGINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/frame.h"

struct audio;

enum { AUDIO_HZ = 48000, AUDIO_BLOCK = 480 };   /* 10 ms */

enum audio_side { AUDIO_MIC, AUDIO_SPEAKER };
enum audio_dev_state {
	AUDIO_DEV_OFF,          /* `none` */
	AUDIO_DEV_OPENING,
	AUDIO_DEV_RUNNING,      /* text: what it is, "null: keeps time, silence" */
	AUDIO_DEV_FAILED        /* text: why, for people; it is retried */
};

/* Called from audio_tick() and audio_input(), on the media thread. */
struct audio_events {
	/* An encoded frame to send.  NULL: nothing is sent for `samples` (muted,
	 * or no microphone yet). */
	void (*packet)(void *ctx, const struct media_packet *pkt, unsigned samples);
	void (*device)(void *ctx, enum audio_side side, enum audio_dev_state state,
		       const char *text, bool real /* a sound card: headphones matter */);
};

/* For sound cards alone: files and other fakes stay as they are, bit by bit. */
enum audio_processing { AUDIO_PROCESS_AUTO, AUDIO_PROCESS_ON, AUDIO_PROCESS_OFF };

/* How much is kept in hand against a bad line. */
enum audio_delay {
	AUDIO_DELAY_NORMAL,
	AUDIO_DELAY_LOW,        /* a gap now and then rather than delay */
	AUDIO_DELAY_SAFE        /* delay rather than a gap */
};

/* What the user wants sent. */
struct audio_sending {
	int bitrate;            /* of a voice, bit/s; 0: 32000 */
	unsigned frame_ms;      /* 10, 20, 40, 60; 0: 20 */
	int budget;             /* bit/s that the whole call may put on the line; 0: no cap */
	bool music;             /* two channels, nothing done to them */
	int music_bitrate;      /* bit/s; 0: 128000 */
	int threshold;          /* dBov from which on the microphone is open; 0: always */
	enum audio_processing processing;
	bool aec, ns, agc;      /* echo, noise, gain; for a voice alone */
};

/* What is played to the room. */
struct audio_program {
	double level;           /* 1: as the file is */
	bool duck;              /* softer while somebody talks */
	bool monitor;           /* to the own speaker as well ... */
	unsigned monitor_ms;    /* ... so much later, in step with the room */
};

/* What the line is like; told every now and then. */
struct audio_line {
	unsigned overhead;      /* bytes around a payload, IP header to SRTP tag; 0: not known yet */
	unsigned other_bytes;   /* that the call sent beside sound since this was told last */
	double loss;            /* of our sound at those who listen, on average, 0..1 */
	int rate;               /* bit/s of sound that it carries, headers included; 0: enough */
	bool red;               /* copies (RFC 2198) can be sent */
};

struct audio_config {
	struct audio_sending sending;
	int complexity;         /* 0..10; -1: 9 */
	enum audio_delay delay;
};

int audio_new(struct audio **out, const struct audio_config *cfg,
	      const struct audio_events *ev, void *ctx);
/* Stops the devices (at most 1 s), writes files to their end. */
void audio_free(struct audio **a);

/* Is this a device that can be used?  Opens nothing for real devices; files
 * are tried for reading or writing.  0, or -errno with *why (new string).
 * Any thread; may touch the disk. */
int audio_device_check(enum audio_side side, const char *spec, char **why);
/* Changes a device; returns at once.  "default", "none", "null", "tone:440",
 * "noise", "file:PATH[,loop]", "stdio", a number, a part of a name. */
int audio_set_device(struct audio *a, enum audio_side side, const char *spec);
/* Media is connected for the first time: file microphones begin. */
void audio_start_files(struct audio *a);
/* by_key: as long as a key is held; then it opens a moment early and closes a
 * moment late. */
void audio_set_muted(struct audio *a, bool muted, bool by_key);
void audio_set_deaf(struct audio *a, bool deaf);        /* decodes nothing, plays silence */
void audio_set_delay(struct audio *a, enum audio_delay delay);
void audio_set_sending(struct audio *a, const struct audio_sending *s);
void audio_set_line(struct audio *a, const struct audio_line *l);

/* The files that are played to the room (audio/player.h): media thread, as all
 * here.  Made by the first call; NULL: out of memory. */
struct player *audio_player(struct audio *a);
/* What the machine's other programs play goes to the room, too; lent; NULL: no
 * more.  -ENOMEM. */
struct system_sound;
int audio_system(struct audio *a, struct system_sound *s);
void audio_set_program(struct audio *a, const struct audio_program *want);
/* What goes into the recorder: the room and us, as long as it is lent; NULL: no
 * more.  With people, each one's packets, our own with the SSRC 0. */
struct recorder;
void audio_record(struct audio *a, struct recorder *r);

/* A frame from the network.  A new SSRC makes a source by itself; at most
 * 128, the one silent longest goes. */
void audio_input(struct audio *a, const struct media_frame *f);
/* Remembered before the first frame, too. */
void audio_source_gain(struct audio *a, uint32_t ssrc, double gain);
void audio_source_remove(struct audio *a, uint32_t ssrc);       /* fades out over 10 ms */

/* Does what is due; returns when it wants to be called again (10 ms grid). */
int64_t audio_tick(struct audio *a, int64_t now_us);

struct audio_source_stats {
	uint32_t ssrc;
	uint64_t frames;
	uint64_t late, lost;            /* frames that came too late, never */
	uint64_t concealed_ms, fec_recovered;
	unsigned buffer_ms;             /* what the jitter buffer holds on average */
	unsigned target_ms;             /* what it aims at */
	double jitter_ms;
	int level;                      /* dBov of the last 250 ms, -127 silent */
};
struct audio_stats {
	unsigned sources;
	uint64_t late, concealed_ms, fec_recovered, underruns, overruns;
	int mic_level;                  /* dBov of the last 250 ms */
	/* CLOCK_MONOTONIC of the first sample above -60 dBFS at the speaker; 0 none */
	int64_t first_sound_us;
	unsigned speaker_delay_ms, mic_delay_ms;
	unsigned frame_ms;              /* of what is sent */
	int bitrate;                    /* of the payload, bit/s */
	bool fec, red, music;
	bool tight;                     /* the budget is less than sound needs */
	/* Of microphones that hear a room: somebody talks although muted; a card
	 * that has given nothing but zeros for 5 s. */
	bool talks_muted, mic_dead;
	uint64_t passed;                /* packets of files sent as they stood */
};
void audio_stats(const struct audio *a, struct audio_stats *out);
size_t audio_sources(const struct audio *a, struct audio_source_stats *out, size_t max);

/* For `ttymeet check` and /devices.  Initialises the sound system: may take
 * 200 ms and blocks; not on loop or media.  Call fn with index, name, channels
 * in and out, whether it is the default of a side. */
int audio_list_devices(void (*fn)(void *ctx, int index, const char *name, int in, int out,
				  bool default_in, bool default_out, double latency_ms), void *ctx);

#endif
