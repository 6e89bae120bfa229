/* view.h - what there is to draw: a plain picture of the call
 *
 * Drawing reads this and nothing else, so that a test can make any call up.
 * view_update() fills it from the session; people and strings are lent until
 * the session's next event.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H
#include "session/session.h"
#include "ui/theme.h"

enum { VIEW_PEOPLE = 100 };     /* more than a host lets in; the rest is counted */

struct view {
	enum session_state state;
	enum session_media media;
	const char *room, *host, *subject, *trouble;
	bool joined, muted, deaf, has_mic, on_air, insecure;
	int retry_s;            /* until the next attempt; 0 none */
	unsigned attempt;
	double out_kbps, in_kbps, rtt_ms;       /* rtt -1: unknown */
	int budget_kbps;        /* 0: none */
	bool tight;             /* it cannot be kept */
	bool music, talks_muted, recorded;
	char playing[96];       /* "side-b 3:12/22:40"; "" nothing */
	int delay_ms;           /* own share; 0: not known */
	int64_t elapsed_s;      /* -1: not joined */

	struct person person[VIEW_PEOPLE];
	size_t people;          /* in person[] */
	size_t people_all;
	size_t knockers;        /* wait in the lobby, for us to let them in */

	/* The chat: entries first to next - 1; each may be gone (NULL). */
	uint64_t first, next;
	const struct message *(*message)(void *ctx, uint64_t n);
	void *message_ctx;
	uint64_t unread_at;     /* the rule stands above it; 0 none (entries count from 1) */

	bool hints;
	struct nicks *nicks;    /* lent */
};

/* The chat as it is shown: the session's messages, and between them what the
 * screen itself says (help on keys).  Numbered from 1. */
struct transcript;

int transcript_new(struct transcript **out);
void transcript_free(struct transcript **t);
/* Takes what is new; true if something came or went. */
bool transcript_update(struct transcript *t, const struct session *s);
void transcript_say(struct transcript *t, enum message_kind kind, int64_t wall_us,
		    const char *text);
void transcript_clear(struct transcript *t);
const struct message *transcript_get(void *transcript, uint64_t n);
uint64_t transcript_first(const struct transcript *t);
uint64_t transcript_next(const struct transcript *t);

void view_update(struct view *v, const struct session *s, struct transcript *t, int64_t now_us);
const struct person *view_find(const struct view *v, const char *id);

#endif
