/* full_priv.h - what the files of the full screen share */
#ifndef UI_FULL_PRIV_H
#define UI_FULL_PRIV_H
#include "ui/bindings.h"
#include "ui/full.h"
#include "ui/screen.h"
#include "ui/term.h"
#include "ui/term_out.h"

struct full {
	struct session *session;
	struct settings *settings;
	struct session_listener listener;
	struct term *term;
	struct term_out *out;
	struct keys *keys;
	struct input *input;
	struct transcript *transcript;
	struct nicks nicks;
	struct view view;
	struct screen screen;
	char looks[32];                 /* the settings that the look was made from */

	unsigned soon, later;           /* parts to draw: at once; at 4 a second */
	bool typed;                     /* a key wants its echo now */
	int64_t drawn_us, later_us;     /* last frame; last one of the slow kind */
	int64_t bar_us;                 /* the lower bar was drawn */
	int64_t stalled_us;             /* the terminal takes nothing since; 0 */
	int64_t dropped_us;             /* a frame was last counted as not drawn */
	int64_t note_until_us;          /* 0: no note */
	int64_t key_us, bell_us;
	uint64_t read_next;             /* first entry not yet looked at for "new" */
};

/* full.c */
void full_layout(struct full *f);               /* the panes changed */
void full_redraw(struct full *f);               /* whatever stands there */
void full_refresh_view(struct full *f, int64_t now_us);
void full_say(struct full *f, enum message_kind kind, const char *text);
void full_note(struct full *f, int64_t now_us, const char *text);

/* full_keys.c */
void full_key(struct full *f, struct key key, int64_t now_us);

#endif
