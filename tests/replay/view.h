/* view.h - what the client that was recorded must have known of its call
 *
 * Reads a recording line by line with nothing but an XML and a JSON parser,
 * none of the program's own readers of presence, Jingle or channel messages:
 * so that the two can be held against each other.
 */
#ifndef REPLAY_VIEW_H
#define REPLAY_VIEW_H
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct view_person {
	char *name;
	bool moderator, muted, hand;
	bool tells_sound;               /* it has said whether it is muted */
};

struct view {
	char *room;                     /* JID of what was joined last; NULL */
	char *me;                       /* nick; NULL until joined */
	char *name;                     /* what it joined with; NULL */
	bool joined;
	bool muted, tells_sound, hand;  /* what it said of itself */
	GHashTable *people;             /* nick -> struct view_person, me too, no focus */
	char *subject;
	unsigned sessions;              /* invitations by the focus */
	char *sid;                      /* of the one that runs; NULL */
	GHashTable *sources;            /* audio SSRC -> nick, of that session */
	char *speaker;
	GPtrArray *messages;            /* texts that people wrote, in order */
	char *end;                      /* "left", "kicked", "denied", "destroyed", "refused: …"; NULL: open */
	char *lobby;                    /* where it knocked; NULL */
	unsigned joins;
};

struct view *view_new(void);
void view_free(struct view *v);
void view_line(struct view *v, const json_t *line);

/* "data" of a line, and its like; "" where there is none. */
const char *view_field(const json_t *line, const char *key);

#endif
