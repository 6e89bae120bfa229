/* theme.h - colours, attributes and marks
 *
 * Everything that is drawn has a style by what it means; what that looks like
 * is decided here, once, for 256 colours, for 8 or 16, and for none.  Colour
 * only repeats what words and marks say.
 */
#ifndef UI_THEME_H
#define UI_THEME_H
#include <stdbool.h>
#include <stdint.h>
#include <curses.h>

enum style {
	STYLE_TEXT, STYLE_DIM, STYLE_STRONG, STYLE_EVENT, STYLE_ERROR, STYLE_PRIVATE,
	STYLE_MENTION, STYLE_RULE, STYLE_NEW, STYLE_LEVEL, STYLE_HAND, STYLE_BAD,
	STYLE_BAR, STYLE_BAR_STRONG, STYLE_BAR_DIM, STYLE_BAR_WARN,
	STYLE_MUTED, STYLE_ON_AIR, STYLE_OPEN, STYLE_CHOSEN, STYLE_COUNT
};

enum { NICK_COLOURS = 10 };

struct ink { attr_t attr; short pair; };

struct marks {                  /* each one column wide */
	const char *level[4];   /* three columns: silent to loud */
	const char *muted, *hand, *bad, *event, *arrow, *rule, *column, *up, *down;
	const char *ellipsis, *newline;
};

struct look {
	bool utf8;
	const struct marks *marks;
	struct ink ink[STYLE_COUNT];
	struct ink nick[NICK_COLOURS];
	unsigned nicks;         /* how many differ */
};

/* After newterm().  colour false: attributes alone. */
void look_set(struct look *l, bool utf8, bool ascii, bool colour);

struct ink ink_with(struct ink i, attr_t more);
/* The style of a link within text of another style. */
struct ink ink_link(struct ink i);

/* Who has which colour: by a hash of the id, but two people differ as long as
 * there are colours.  Somebody who came back keeps the colour. */
struct nicks { struct { uint32_t hash; unsigned char colour; } v[64]; unsigned n, used[NICK_COLOURS]; };
unsigned nick_colour(struct nicks *n, const char *id);

#endif
