/* theme.c - what each style looks like
 *
 * The terminal's own foreground and background stay.  Colours of the 256 are
 * of middling brightness, so that they can be read on black and on white
 * (contrast at least 3.8 to either); which of the two it is nobody asks, since
 * a terminal that does not answer would make us wait.  Bars bring their own
 * background for the same reason.
 */
#include "ui/theme.h"
#include <string.h>

static const struct marks marks_utf8 = {
	.level = { "   ", "▂  ", "▂▅ ", "▂▅▇" },
	.muted = "×", .hand = "↑", .bad = "~", .event = "·", .arrow = "→", .rule = "─",
	.column = "│", .up = "↑", .down = "↓", .ellipsis = "…", .newline = "↵",
};
static const struct marks marks_ascii = {
	.level = { "   ", "-  ", "-= ", "-=#" },
	.muted = "x", .hand = "^", .bad = "~", .event = "-", .arrow = ">", .rule = "-",
	.column = "|", .up = "^", .down = "v", .ellipsis = "~", .newline = "\\",
};

/* fg and bg by number of colours; -1 is the terminal's own. */
struct dye { short fg256, bg256, fg8, bg8; attr_t attr, attr8, mono; };

static const struct dye dyes[STYLE_COUNT] = {
	[STYLE_TEXT]       = { -1, -1, -1, -1, 0, 0, 0 },
	[STYLE_DIM]        = { 243, -1, -1, -1, 0, A_DIM, A_DIM },
	[STYLE_STRONG]     = { -1, -1, -1, -1, A_BOLD, A_BOLD, A_BOLD },
	[STYLE_EVENT]      = { 243, -1, -1, -1, 0, A_DIM, A_DIM },
	[STYLE_ERROR]      = { 160, -1, COLOR_RED, -1, A_BOLD, A_BOLD, A_BOLD },
	[STYLE_PRIVATE]    = { 170, -1, COLOR_MAGENTA, -1, 0, 0, A_UNDERLINE },
	[STYLE_MENTION]    = { 16, 179, COLOR_BLACK, COLOR_YELLOW, 0, 0, A_REVERSE },
	[STYLE_RULE]       = { 239, -1, -1, -1, 0, A_DIM, A_DIM },
	[STYLE_NEW]        = { 166, -1, COLOR_RED, -1, 0, 0, A_BOLD },
	[STYLE_LEVEL]      = { 34, -1, COLOR_GREEN, -1, 0, 0, 0 },
	[STYLE_HAND]       = { 172, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD, A_BOLD },
	[STYLE_BAD]        = { 160, -1, COLOR_RED, -1, 0, 0, 0 },
	[STYLE_BAR]        = { 250, 236, -1, -1, 0, A_REVERSE, A_REVERSE },
	[STYLE_BAR_STRONG] = { 255, 236, -1, -1, A_BOLD, A_REVERSE | A_BOLD, A_REVERSE | A_BOLD },
	[STYLE_BAR_DIM]    = { 245, 236, -1, -1, 0, A_REVERSE, A_REVERSE },
	[STYLE_BAR_WARN]   = { 221, 236, -1, -1, A_BOLD, A_REVERSE | A_BOLD, A_REVERSE | A_BOLD },
	[STYLE_MUTED]      = { 255, 160, COLOR_WHITE, COLOR_RED, A_BOLD, A_BOLD, A_REVERSE | A_BOLD },
	[STYLE_ON_AIR]     = { 16, 40, COLOR_BLACK, COLOR_GREEN, A_BOLD, 0, A_REVERSE | A_BOLD | A_UNDERLINE },
	[STYLE_OPEN]       = { -1, -1, -1, -1, A_BOLD, A_BOLD, A_BOLD },
	[STYLE_CHOSEN]     = { 255, 238, -1, -1, 0, A_REVERSE, A_REVERSE },
};

/* Numbers of the 256: contrast with black and with white both near 4.5. */
static const short nicks256[NICK_COLOURS] = { 32, 166, 28, 133, 30, 162, 64, 97, 130, 63 };
/* Of 8 those that show on either ground, red left to errors; 16 add a bright blue. */
static const short nicks8[] = { COLOR_CYAN, COLOR_GREEN, COLOR_MAGENTA, COLOR_YELLOW };
static const short nicks16[] = { 6, 2, 5, 3, 12 };

/* Pairs are numbered by style, nicks behind them; 0 is the terminal's own. */
static struct ink dye(short pair, short fg, short bg, attr_t attr)
{
	if (fg < 0 && bg < 0)
		return (struct ink){ attr, 0 };
	init_pair(pair, fg, bg);
	return (struct ink){ attr, pair };
}

static void set_nicks(struct look *l, bool colour)
{
	const short *v = COLORS >= 256 ? nicks256 : COLORS >= 16 ? nicks16 : nicks8;

	l->nicks = !colour ? 1 : COLORS >= 256 ? NICK_COLOURS : COLORS >= 16 ? 5 : 4;
	for (unsigned i = 0; i < NICK_COLOURS; i++)
		l->nick[i] = colour ? dye((short)(STYLE_COUNT + 1 + i), v[i % l->nicks], -1, 0)
			: (struct ink){ 0, 0 };
}

void look_set(struct look *l, bool utf8, bool ascii, bool colour)
{
	memset(l, 0, sizeof(*l));
	l->utf8 = utf8;
	l->marks = utf8 && !ascii ? &marks_utf8 : &marks_ascii;
	colour = colour && has_colors() && start_color() == OK && COLORS >= 8 &&
		 use_default_colors() == OK;
	for (int i = 0; i < STYLE_COUNT; i++) {
		const struct dye *d = &dyes[i];

		if (!colour)
			l->ink[i] = (struct ink){ d->mono, 0 };
		else if (COLORS >= 256)
			l->ink[i] = dye((short)(i + 1), d->fg256, d->bg256, d->attr);
		else
			l->ink[i] = dye((short)(i + 1), d->fg8, d->bg8, d->attr8);
	}
	set_nicks(l, colour);
}

struct ink ink_with(struct ink i, attr_t more)
{
	i.attr |= more;
	return i;
}

struct ink ink_link(struct ink i)
{
	return ink_with(i, A_UNDERLINE);
}

/* FNV-1a: short strings, few of them. */
static uint32_t hash_of(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619u;
	return h ^ h >> 16;
}

unsigned nick_colour(struct nicks *n, const char *id)
{
	enum { SLOTS = sizeof(n->v) / sizeof(n->v[0]) };
	uint32_t h = hash_of(id);
	unsigned best = h % NICK_COLOURS, slot;

	for (unsigned i = 0; i < n->n && i < SLOTS; i++)
		if (n->v[i].hash == h)
			return n->v[i].colour;
	for (unsigned i = 0; i < NICK_COLOURS; i++) {
		unsigned c = (h + i) % NICK_COLOURS;

		if (n->used[c] < n->used[best])
			best = c;
	}
	slot = n->n % SLOTS;
	if (n->n >= SLOTS)
		n->used[n->v[slot].colour]--;
	n->v[slot].hash = h;
	n->v[slot].colour = (unsigned char)best;
	n->used[best]++;
	n->n++;
	if (n->n == 2 * SLOTS)          /* keeps the ring's place, bounds the count */
		n->n = SLOTS;
	return best;
}
