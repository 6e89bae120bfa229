/* people.c - a row for each person
 *
 *	│ ▂▅▇ @Clara Nightingale  ↑1 80% × ~
 *
 * level, name, and at the right end what else is true.  The order is the
 * session's.  Where there are more people than rows, the last row but one
 * counts the rest, and the last row is me.
 */
#include "ui/people.h"
#include <stdio.h>
#include <string.h>
#include "ui/width.h"

enum { BAD_QUALITY = 30 };      /* per cent, as the bridge's endpoints tell it */

/* Speech at arm's length is about -25 dBov; a raised voice passes -15. */
static int level_of(const struct person *p)
{
	if (!p->talking)
		return 0;
	return p->level > -18 ? 3 : p->level > -34 ? 2 : 1;
}

static bool is_bad(const struct person *p)
{
	return p->interrupted || (p->quality >= 0 && p->quality < BAD_QUALITY);
}

static const char *name_of(const struct person *p)
{
	return p->me ? "you" : p->name;
}

static struct ink name_ink(const struct canvas *c, const struct view *v, const struct person *p)
{
	const struct look *l = c->look;
	struct ink ink = l->nick[nick_colour(v->nicks, p->id) % NICK_COLOURS];

	if (p->talking)
		return ink_with(ink, A_BOLD);
	if (p->muted)
		return l->ink[STYLE_DIM];
	return ink;
}

struct flag { char text[16]; enum style style; };

static size_t flags_of(const struct canvas *c, const struct person *p, struct flag *f)
{
	const struct marks *m = c->look->marks;
	size_t n = 0;

	if (p->hand) {
		snprintf(f[n].text, sizeof(f[n].text), "%s%u", m->hand, p->hand % 1000);
		f[n++].style = STYLE_HAND;
	}
	if (p->volume != 100 && !p->me) {
		snprintf(f[n].text, sizeof(f[n].text), "%d%%", p->volume);
		f[n++].style = STYLE_DIM;
	}
	if (p->video)
		f[n++] = (struct flag){ "v", STYLE_DIM };
	if (p->screen)
		f[n++] = (struct flag){ "s", STYLE_DIM };
	if (p->muted) {
		snprintf(f[n].text, sizeof(f[n].text), "%s", m->muted);
		f[n++].style = STYLE_DIM;
	}
	if (is_bad(p)) {
		snprintf(f[n].text, sizeof(f[n].text), "%s", m->bad);
		f[n++].style = STYLE_BAD;
	}
	return n;
}

/* From the right end; returns the columns taken, the gap before included.  The
 * name is the last to give way. */
static int draw_flags(const struct canvas *c, int y, int x, int columns, const struct person *p,
		      bool chosen)
{
	enum { NAME_LEAST = 5 };
	struct flag f[6];
	size_t n = flags_of(c, p, f);
	int used = 0;

	for (size_t i = n; i-- > 0;) {
		int w = width_str(c->look->utf8, f[i].text);

		if (used + w + 1 > columns - NAME_LEAST)
			break;
		draw_text(c, y, x + columns - used - w, w, f[i].text,
			  c->look->ink[chosen ? STYLE_CHOSEN : f[i].style]);
		used += w + 1;
	}
	return used;
}

static void draw_person(const struct canvas *c, int y, int x, int columns, const struct view *v,
			const struct person *p, bool chosen)
{
	const struct look *l = c->look;
	struct ink over = l->ink[STYLE_CHOSEN];
	int flags;

	if (chosen)
		draw_fill(c, y, x, columns, NULL, over);
	draw_text(c, y, x, columns < 3 ? columns : 3, l->marks->level[level_of(p)],
		  chosen ? over : l->ink[STYLE_LEVEL]);
	x += 4;
	columns -= 4;
	flags = draw_flags(c, y, x, columns, p, chosen);
	if (p->moderator)
		draw_text(c, y, x, 1, "@", chosen ? over : l->ink[STYLE_STRONG]);
	draw_text(c, y, x + 1, columns - 1 - flags, name_of(p),
		  chosen ? ink_with(over, A_BOLD) : name_ink(c, v, p));
}

static size_t find_chosen(const struct view *v, const char *id)
{
	for (size_t i = 0; *id && i < v->people; i++)
		if (!strcmp(v->person[i].id, id))
			return i;
	return SIZE_MAX;
}

static bool ends_with_me(const struct view *v)
{
	return v->people && v->person[v->people - 1].me;
}

/* First person of the list so that the chosen one is among `rows`. */
static size_t first_shown(size_t chosen, size_t rows, size_t total)
{
	if (chosen >= total || chosen < rows)
		return 0;
	return chosen + 1 - rows;
}

void people_draw(const struct canvas *c, struct rect r, const struct view *v,
		 const char *chosen, bool beside)
{
	const struct look *l = c->look;
	size_t rows = (size_t)(r.rows > 0 ? r.rows : 0), pick = find_chosen(v, chosen), first, list;
	bool me = ends_with_me(v), all = v->people <= rows;
	int x = r.x, y = r.y, columns = r.columns;
	char more[32];

	draw_clear(c, r);
	if (beside) {
		for (int i = 0; i < r.rows; i++)
			draw_text(c, r.y + i, x, 1, l->marks->column, l->ink[STYLE_RULE]);
		x += 2;
		columns -= 2;
	}
	if (rows < 3 && !all) {
		for (size_t i = 0; i < rows; i++)
			draw_person(c, y + (int)i, x, columns, v, &v->person[i], i == pick);
		return;
	}
	list = all ? v->people : rows - 1 - me;
	first = all ? 0 : first_shown(pick, list, v->people - me);
	for (size_t i = 0; i < list; i++)
		draw_person(c, y++, x, columns, v, &v->person[first + i], first + i == pick);
	if (all)
		return;
	snprintf(more, sizeof(more), "and %zu more", v->people_all - list - me);
	draw_text(c, y++, x + 5, columns - 5, more, l->ink[STYLE_DIM]);
	if (me)
		draw_person(c, y, x, columns, v, &v->person[v->people - 1],
			    pick == v->people - 1);
}

/* Those who talk, with their level, then raised hands; as many as fit. */
static int fold_person(const struct canvas *c, int y, int x, int columns, const struct view *v,
		       const struct person *p)
{
	const struct look *l = c->look;
	char hand[16] = "";
	int level = level_of(p), tail, w;

	if (level == 0 && p->hand)
		snprintf(hand, sizeof(hand), "%s%u", l->marks->hand, p->hand % 1000);
	tail = level ? 4 : 1 + width_str(l->utf8, hand);
	w = width_str(l->utf8, name_of(p)) + p->moderator;
	if (w > 14)
		w = 14;
	if (w + tail > columns)
		return 0;
	if (p->moderator)
		draw_text(c, y, x, 1, "@", l->ink[STYLE_STRONG]);
	draw_text(c, y, x + p->moderator, w - p->moderator, name_of(p), name_ink(c, v, p));
	draw_text(c, y, x + w + 1, tail - 1, level ? l->marks->level[level] : hand,
		  l->ink[level ? STYLE_LEVEL : STYLE_HAND]);
	return w + tail + 1;
}

void people_fold(const struct canvas *c, struct rect r, const struct view *v)
{
	int x = 0, used;

	if (r.rows < 1)
		return;
	draw_clear(c, r);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < v->people; i++) {
			const struct person *p = &v->person[i];

			if (pass == 0 ? !p->talking : p->talking || !p->hand)
				continue;
			used = fold_person(c, r.y, r.x + x, r.columns - x, v, p);
			if (!used)
				return;
			x += used;
		}
	if (!x && v->people)
		draw_text(c, r.y, r.x, r.columns, v->people_all == 1 ? "nobody else is here"
			  : "nobody talks", c->look->ink[STYLE_DIM]);
}
