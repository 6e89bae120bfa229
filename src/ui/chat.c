/* chat.c - the chat pane
 *
 *	21:03 @Clara  the sleeve notes are here:
 *	              https://example.org/notes
 *	21:04      ·  Ben raised a hand
 *	────────────────────── new ─
 *	21:05  Ben →  did you bring the other record too?
 *
 * An entry makes some rows: perhaps a rule for a new day, perhaps the rule
 * above what is unread, then its wrapped text.  Nothing of that is kept: rows
 * are counted anew, from the reader's place upwards, for as many as are seen.
 * So five thousand messages cost no more than a page of them.
 */
#include "ui/chat.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "ui/width.h"

enum {
	NICK_MOST = 12, NICK_MOST_NARROW = 8, NICK_LEAST = 5,
	NARROW = 50,            /* columns; below, equal minutes are told once */
	TIMELESS = 36,          /* below, there is no column for the time */
	NAMES_SEEN = 40
};

/* ---- columns ---- */

/* Columns of the time (0: none; the blank behind it counts), names, text;
 * from the pane and the names in the view. */
struct columns { int time, nick, text; bool sparse_times; };

/* Width of the name column's text: name, '@', an arrow for private ones. */
static int nick_width(bool utf8, const struct message *m, const struct view *v)
{
	const struct person *p;

	if (m->kind != MESSAGE_CHAT && m->kind != MESSAGE_ME)
		return 1;
	if (m->private_ || m->kind == MESSAGE_ME)
		return 2 + width_str(utf8, m->private_ && m->mine ? m->to_name : m->name);
	p = view_find(v, m->from);
	return width_str(utf8, m->name) + (p && p->moderator);
}

static void set_columns(struct columns *g, bool utf8, int columns, const struct view *v)
{
	int most = columns < NARROW ? NICK_MOST_NARROW : NICK_MOST, w = NICK_LEAST;
	uint64_t from = v->next - v->first > NAMES_SEEN ? v->next - NAMES_SEEN : v->first;

	for (size_t i = 0; i < v->people && w < most; i++) {
		int n = width_str(utf8, v->person[i].name) + v->person[i].moderator;

		w = n > w ? n : w;
	}
	for (; from < v->next && w < most; from++) {
		const struct message *m = v->message(v->message_ctx, from);
		int n = m ? nick_width(utf8, m, v) : 0;

		w = n > w ? n : w;
	}
	g->time = columns < TIMELESS ? 0 : 6;
	g->nick = w < most ? w : most;
	g->text = columns - g->time - g->nick - 2;
	g->sparse_times = columns < NARROW;
}

/* ---- rows of an entry ---- */

static const struct message *get(const struct view *v, uint64_t n)
{
	return n >= v->first && n < v->next ? v->message(v->message_ctx, n) : NULL;
}

static void local(int64_t wall_us, struct tm *tm)
{
	time_t t = (time_t)(wall_us / 1000000);

	if (!localtime_r(&t, tm))
		memset(tm, 0, sizeof(*tm));
}

static bool same_day(const struct message *a, const struct message *b)
{
	struct tm x, y;

	local(a->time_us, &x);
	local(b->time_us, &y);
	return x.tm_yday == y.tm_yday && x.tm_year == y.tm_year;
}

/* Times of strangers (history) may be anything; a day that goes back is none. */
static bool begins_day(const struct view *v, uint64_t n, const struct message *m)
{
	const struct message *before = get(v, n - 1);

	return before && before->time_us < m->time_us && !same_day(before, m);
}

/* The lists that commands print have the names' columns, too. */
static int text_columns(const struct columns *g, const struct message *m)
{
	bool list = m->kind == MESSAGE_INFO && strchr(m->text, '\n');

	return list ? g->nick + 2 + g->text : g->text;
}

struct rows { bool day, unread; size_t text; };

static size_t rows_of(struct rows *rows, const struct look *l, const struct columns *g,
		      const struct view *v, uint64_t n)
{
	const struct message *m = get(v, n);

	memset(rows, 0, sizeof(*rows));
	if (!m)
		return 0;
	rows->day = begins_day(v, n, m);
	rows->unread = v->unread_at == n && n > v->first;
	rows->text = wrap_rows(l->utf8, m->text, text_columns(g, m));
	return rows->text + rows->day + rows->unread;
}

static size_t count(const struct look *l, const struct columns *g, const struct view *v,
		    uint64_t n)
{
	struct rows rows;

	return rows_of(&rows, l, g, v, n);
}

/* ---- drawing ---- */

static void draw_rule(const struct canvas *c, int y, struct rect r, const char *word, enum style st)
{
	const struct look *l = c->look;
	int w = width_str(l->utf8, word);

	draw_fill(c, y, r.x, r.columns, l->marks->rule, l->ink[STYLE_RULE]);
	if (w + 4 < r.columns) {
		draw_text(c, y, r.x + r.columns - w - 3, 1, " ", l->ink[STYLE_TEXT]);
		draw_text(c, y, r.x + r.columns - w - 2, w, word, l->ink[st]);
		draw_text(c, y, r.x + r.columns - 2, 1, " ", l->ink[STYLE_TEXT]);
	}
}

static void draw_day(const struct canvas *c, int y, struct rect r, const struct message *m)
{
	char day[32];
	struct tm tm;

	local(m->time_us, &tm);
	if (!strftime(day, sizeof(day), "%a %Y-%m-%d", &tm))
		day[0] = 0;
	draw_rule(c, y, r, day, STYLE_DIM);
}

static bool same_minute(const struct message *a, const struct message *b)
{
	return a->time_us / 60000000 == b->time_us / 60000000;
}

static void draw_time(const struct canvas *c, int y, int x, const struct columns *g,
		      const struct view *v, uint64_t n, const struct message *m, bool at_top)
{
	const struct message *before = get(v, n - 1);
	char text[16];
	struct tm tm;

	if (!g->time || (g->sparse_times && !at_top && before && same_minute(before, m)))
		return;
	local(m->time_us, &tm);
	if (!strftime(text, sizeof(text), "%H:%M", &tm))
		return;
	draw_text(c, y, x, g->time, text, c->look->ink[STYLE_DIM]);
}

/* The name ends at the right of its column; an arrow tells who hears it. */
static void draw_name(const struct canvas *c, int y, int x, int columns, const struct view *v,
		      const struct message *m)
{
	const struct look *l = c->look;
	const struct person *p = view_find(v, m->from);
	struct ink ink = l->nick[nick_colour(v->nicks, m->from) % NICK_COLOURS];
	const char *name = m->private_ && m->mine ? m->to_name : m->name;
	bool star = m->kind == MESSAGE_ME && !m->private_;
	bool at = p && p->moderator && !m->private_ && !star;
	int room = columns - at - (m->private_ || star ? 2 : 0);
	int w = width_str(l->utf8, name);

	w = w < room ? w : room;
	if (m->private_)
		ink = l->ink[STYLE_PRIVATE];
	if (m->mention)
		ink = l->ink[STYLE_MENTION];
	if (m->private_ && !m->mine)
		draw_right(c, y, x, columns, l->marks->arrow, ink_with(l->ink[STYLE_PRIVATE], A_BOLD));
	x += columns - w - (m->private_ && !m->mine ? 2 : 0);
	draw_text(c, y, x, w, name, ink_with(ink, A_BOLD));
	if (at)
		draw_text(c, y, x - 1, 1, "@", l->ink[STYLE_STRONG]);
	if (star)
		draw_text(c, y, x - 2, 1, "*", l->ink[STYLE_STRONG]);
	if (m->private_ && m->mine)
		draw_text(c, y, x - 2, 1, l->marks->arrow,
			  ink_with(l->ink[STYLE_PRIVATE], A_BOLD));
}

static void draw_nick(const struct canvas *c, int y, int x, int columns, const struct view *v,
		      const struct message *m)
{
	const struct look *l = c->look;

	switch (m->kind) {
	case MESSAGE_CHAT:
	case MESSAGE_ME:
		if (m->failed && x)
			draw_text(c, y, x - 1, 1, "!", l->ink[STYLE_ERROR]);
		draw_name(c, y, x, columns, v, m);
		break;
	case MESSAGE_EVENT:
		draw_right(c, y, x, columns, l->marks->event, l->ink[STYLE_EVENT]);
		break;
	case MESSAGE_ERROR:
		draw_right(c, y, x, columns, "!", l->ink[STYLE_ERROR]);
		break;
	case MESSAGE_INFO:
		break;
	}
}

static struct ink text_ink(const struct look *l, const struct message *m)
{
	switch (m->kind) {
	case MESSAGE_EVENT:
	case MESSAGE_INFO:
		return l->ink[STYLE_EVENT];
	case MESSAGE_ERROR:
		return l->ink[STYLE_ERROR];
	case MESSAGE_CHAT:
	case MESSAGE_ME:
		break;
	}
	if (m->failed)
		return l->ink[STYLE_ERROR];
	return l->ink[m->private_ ? STYLE_PRIVATE : STYLE_TEXT];
}

/* The link at or behind `from`: its ends, as offsets into text. */
static bool next_link(const char *text, size_t from, size_t *start, size_t *end)
{
	for (const char *p = text + from; (p = strstr(p, "http")); p += 4) {
		size_t scheme = !strncmp(p, "https://", 8) ? 8 : !strncmp(p, "http://", 7) ? 7 : 0;

		if (!scheme || strcspn(p + scheme, " \n\"<>") == 0)
			continue;
		*start = (size_t)(p - text);
		*end = *start + scheme + strcspn(p + scheme, " \n\"<>");
		return true;
	}
	return false;
}

struct link { size_t start, end; bool none; };

/* Links are underlined, on each row they run over. */
static void draw_row(const struct canvas *c, int y, int x, int columns, const char *text,
		     const char *row, size_t len, struct ink ink, struct link *k)
{
	size_t at = (size_t)(row - text), stop = at + len;

	while (at < stop && columns > 0) {
		bool in;
		size_t end;
		int used;

		while (!k->none && at >= k->end)
			k->none = !next_link(text, at, &k->start, &k->end);
		in = !k->none && at >= k->start;
		end = k->none ? stop : in ? k->end : k->start;
		end = end < stop ? end : stop;
		used = draw_part(c, y, x, columns, text + at, end - at, in ? ink_link(ink) : ink);
		x += used;
		columns -= used;
		at = end;
	}
}

static void draw_text_rows(const struct canvas *c, struct rect r, int y, int top,
			   const struct columns *g, const struct view *v, uint64_t n,
			   const struct message *m)
{
	const struct look *l = c->look;
	int columns = text_columns(g, m), bottom = r.y + r.rows;
	int x = r.x + g->time, tx = x + g->nick + 2 + g->text - columns;
	struct link link = { 0 };
	struct wrap w;
	const char *row;
	size_t len;
	bool first = true;

	wrap_start(&w, l->utf8, m->text, columns);
	for (; y < bottom && wrap_next(&w, &row, &len); y++) {
		if (y >= top) {
			if (first || y == top)
				draw_time(c, y, r.x, g, v, n, m, y == top);
			if (first)
				draw_nick(c, y, x, g->nick, v, m);
			draw_row(c, y, tx + w.indent, columns - w.indent, m->text, row, len,
				 text_ink(l, m), &link);
		}
		first = false;
	}
}

/* Draws entry n so that its first row is at y, which may be above the pane. */
static void draw_entry(const struct canvas *c, struct rect r, int y, const struct columns *g,
		       const struct view *v, uint64_t n)
{
	const struct message *m = get(v, n);
	struct rows rows;

	if (!rows_of(&rows, c->look, g, v, n))
		return;
	if (rows.day && y >= r.y)
		draw_day(c, y, r, m);
	y += rows.day;
	if (rows.unread && y >= r.y)
		draw_rule(c, y, r, "new", STYLE_NEW);
	y += rows.unread;
	draw_text_rows(c, r, y, r.y, g, v, n, m);
}

/* ---- the reader's place ---- */

struct place { uint64_t n; size_t row; };       /* a row of an entry */

/* The reader's bottom row; false if there is nothing to read. */
static bool place_of(struct chat *chat, const struct look *l, const struct columns *g,
		     const struct view *v, struct place *p)
{
	size_t rows;

	if (v->first >= v->next)
		return false;
	if (chat->back && (chat->n < v->first || chat->n >= v->next))
		chat_end(chat);
	p->n = chat->back ? chat->n : v->next - 1;
	rows = count(l, g, v, p->n);
	p->row = chat->back && chat->row < rows ? chat->row : rows ? rows - 1 : 0;
	return true;
}

void chat_draw(const struct canvas *c, struct rect r, struct chat *chat, const struct view *v)
{
	struct columns g;
	struct place p;
	long height = 0;
	uint64_t n;
	int y;

	draw_clear(c, r);
	set_columns(&g, c->look->utf8, r.columns, v);
	if (r.rows < 1 || g.text < 4 || !place_of(chat, c->look, &g, v, &p))
		return;
	/* Up from the reader's place until the pane is full ... */
	height = (long)p.row + 1;
	for (n = p.n; height < r.rows && n > v->first; n--)
		height += (long)count(c->look, &g, v, n - 1);
	/* ... and down again, drawing.  A chat that is short begins at the top. */
	y = height > r.rows ? (int)(r.y + r.rows - height) : r.y;
	for (; n < v->next && y < r.y + r.rows; n++) {
		draw_entry(c, r, y, &g, v, n);
		y += (int)count(c->look, &g, v, n);
	}
}

void chat_end(struct chat *chat)
{
	memset(chat, 0, sizeof(*chat));
}

/* Up by rows; stops at the first row of the first entry. */
static void go_up(struct place *p, const struct look *l, const struct columns *g,
		  const struct view *v, size_t rows)
{
	while (rows > p->row && p->n > v->first) {
		size_t above;

		rows -= p->row + 1;
		above = count(l, g, v, --p->n);
		while (!above && p->n > v->first)
			above = count(l, g, v, --p->n);
		p->row = above ? above - 1 : 0;
	}
	p->row -= rows < p->row ? rows : p->row;
}

/* Down by rows; false when that passes the end. */
static bool go_down(struct place *p, const struct look *l, const struct columns *g,
		    const struct view *v, size_t rows)
{
	size_t here = count(l, g, v, p->n);

	while (p->row + rows >= here) {
		if (p->n + 1 >= v->next)
			return false;
		rows -= here - p->row;
		p->row = 0;
		here = count(l, g, v, ++p->n);
	}
	p->row += rows;
	return true;
}

/* The page never shows less than it could: its bottom row is at least the
 * one that a full first page ends with. */
static void keep_full(struct place *p, const struct look *l, const struct columns *g,
		      const struct view *v, struct rect r)
{
	struct place top = { v->first, 0 };

	if (!go_down(&top, l, g, v, (size_t)(r.rows - 1))) {
		p->n = v->next;
		return;
	}
	if (p->n < top.n || (p->n == top.n && p->row < top.row))
		*p = top;
}

static void set_place(struct chat *chat, const struct look *l, const struct columns *g,
		      const struct view *v, const struct place *p)
{
	struct place next = *p;

	chat->back = p->n < v->next && go_down(&next, l, g, v, 1);
	chat->n = p->n;
	chat->row = p->row;
}

void chat_scroll(struct chat *chat, const struct look *l, struct rect r, const struct view *v,
		 long rows)
{
	struct columns g;
	struct place p;

	set_columns(&g, l->utf8, r.columns, v);
	if (r.rows < 1 || !place_of(chat, l, &g, v, &p))
		return;
	if (rows > 0)
		go_up(&p, l, &g, v, (size_t)rows);
	else if (!go_down(&p, l, &g, v, (size_t)-rows)) {
		chat_end(chat);
		return;
	}
	keep_full(&p, l, &g, v, r);
	set_place(chat, l, &g, v, &p);
}

void chat_show(struct chat *chat, const struct look *l, struct rect r, const struct view *v,
	       uint64_t n)
{
	struct columns g;
	struct place p = { n, 0 };

	set_columns(&g, l->utf8, r.columns, v);
	if (r.rows < 1 || !get(v, n))
		return;
	if (!go_down(&p, l, &g, v, (size_t)(r.rows - 1))) {
		chat_end(chat);
		return;
	}
	keep_full(&p, l, &g, v, r);
	set_place(chat, l, &g, v, &p);
}
