/* colibri.h - messages of the bridge channel (JSON with a colibriClass) */
#ifndef RTC_COLIBRI_H
#define RTC_COLIBRI_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum colibri_class {
	COLIBRI_UNKNOWN, COLIBRI_CLIENT_HELLO, COLIBRI_SERVER_HELLO, COLIBRI_DOMINANT,
	COLIBRI_CONNECTIVITY, COLIBRI_FORWARDED, COLIBRI_SENDER_CONSTRAINTS,
	COLIBRI_RECEIVER_CONSTRAINTS, COLIBRI_LAST_N, COLIBRI_ENDPOINT_MESSAGE,
	COLIBRI_ENDPOINT_STATS, COLIBRI_CONNECTION_STATS, COLIBRI_VIDEO_TYPE,
	COLIBRI_AUDIO_SUBSCRIPTION, COLIBRI_AUDIO_MAP, COLIBRI_VIDEO_MAP
};

enum { COLIBRI_NAMES = 64 };

struct colibri_constraint { char name[64]; int max_height; double max_fps; };

struct colibri {                /* fields of other classes are zero */
	enum colibri_class cls;
	char endpoint[64];      /* dominant speaker, or whom connectivity is about */
	char previous[10][64]; size_t previous_count;
	bool silence;
	bool active;            /* connectivity */
	char from[64], to[64];  /* endpoint message, stats */
	char *payload;          /* msgPayload as JSON text, NULL if none */
	bool has_last_n; int last_n;
	bool has_selected; char selected[COLIBRI_NAMES][64]; size_t selected_count;
	bool has_on_stage; char on_stage[COLIBRI_NAMES][64]; size_t on_stage_count;
	bool has_default; struct colibri_constraint def;
	bool has_constraints; struct colibri_constraint *constraint; size_t constraints;
	char source[64]; int max_height; /* sender constraints, video type */
	char video_type[20];
	bool all; char **include, **exclude; size_t includes, excludes; /* audio subscription */
	/* endpoint stats, in kbit/s, per cent, ms */
	double upload, download, loss_up, loss_down, quality, rtt;
	int64_t bandwidth_bps;  /* connection stats */
	struct { char source[64], owner[64]; uint32_t ssrc; } *map; size_t maps;
};
/* -EINVAL: no JSON object with a colibriClass; -ENOMEM. */
int colibri_parse(struct colibri *out, const char *json, size_t len);
void colibri_clear(struct colibri *c);
/* Adds "from" to a message and gives it back as text; new string, NULL if it
 * is no object. */
char *colibri_with_from(const char *json, size_t len, const char *from);

/* Writers append one message. */
int colibri_write_hello(struct buf *out, bool server);
int colibri_write_dominant(struct buf *out, const char *endpoint,
			   const char *const *previous, size_t n);
int colibri_write_connectivity(struct buf *out, const char *endpoint, bool active);
int colibri_write_forwarded(struct buf *out, const char *const *names, size_t n);
int colibri_write_sender_constraints(struct buf *out, const char *source, int max_height);
/* ReceiverVideoConstraints with lastN alone */
int colibri_write_last_n(struct buf *out, int last_n);
int colibri_write_connection_stats(struct buf *out, int64_t bps);
int colibri_write_endpoint_stats(struct buf *out, double upload, double download,
				 double loss_up, double loss_down, double quality, double rtt_ms);
int colibri_write_endpoint_message(struct buf *out, const char *to, const char *payload_json);

#endif
