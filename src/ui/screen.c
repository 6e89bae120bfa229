/* screen.c - puts the parts together, and the line being typed */
#include "ui/screen.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "session/session.h"
#include "ui/bars.h"
#include "ui/people.h"
#include "ui/width.h"

enum { PROMPT = 2, HINT_LEAST = 16 };

void screen_layout(struct screen *s, int rows, int columns)
{
	/* Which of the two panes counts is known only when the width is. */
	layout_set(&s->layout, rows, columns, !s->pane_off);
	if (!s->layout.wide)
		layout_set(&s->layout, rows, columns, s->pane_over);
}

/* Entries that are below what is seen and not yet read. */
static unsigned screen_unread(const struct screen *s, const struct view *v)
{
	if (!v->unread_at || v->unread_at >= v->next || !s->chat.back)
		return 0;
	return (unsigned)(v->next - v->unread_at);
}

/* ---- the input line ---- */

static int column_of(bool utf8, const char *text, size_t at)
{
	return width_of(utf8, text, at);
}

/* Keeps the cursor on the screen, with some of the line on either side. */
static void scroll_input(struct screen *s, int cursor, int total, int room)
{
	if (total < room)
		s->input_scroll = 0;
	else if (cursor < s->input_scroll)
		s->input_scroll = cursor > room / 3 ? cursor - room / 3 : 0;
	else if (cursor - s->input_scroll >= room)
		s->input_scroll = cursor - room + 1 + room / 3;
	if (s->input_scroll > total)
		s->input_scroll = total;
}

static void draw_line(const struct screen *s, const struct canvas *c, struct rect r,
		      const char *text)
{
	const struct look *l = c->look;
	size_t len = strlen(text), n;
	struct glyph g;
	int x = -s->input_scroll, room = r.columns - PROMPT;

	for (; (n = glyph_next(l->utf8, text, len, &g)) > 0 && x < room; text += n, len -= n) {
		bool newline = *text == '\n';

		if (x >= 0 && x + g.columns <= room)
			draw_part(c, r.y, r.x + PROMPT + x, g.columns,
				  newline ? l->marks->newline : text,
				  newline ? strlen(l->marks->newline) : n,
				  l->ink[newline ? STYLE_DIM : STYLE_TEXT]);
		x += g.columns;
	}
}

static void draw_hint(const struct screen *s, const struct canvas *c, struct rect r, int used,
		      const struct view *v)
{
	const struct look *l = c->look;
	const char *hint = s->note;
	bool note = *hint;
	int room = r.columns - PROMPT - used - 3, w;

	if (!note && v->hints)
		hint = !v->has_mic ? "/help  /quit"
			: v->muted ? "Alt+m speak  /help  /quit" : "Alt+m mute  /help  /quit";
	w = width_str(l->utf8, hint);
	if (!w || (w > room && (!note || room < HINT_LEAST)))
		return;
	w = w < room ? w : room;
	draw_text(c, r.y, r.x + r.columns - w - 1, w, hint, l->ink[note ? STYLE_STRONG : STYLE_DIM]);
}

/* What a secret's command is given shows as stars, one for each character.
 * New string; *at moves with it. */
static char *shown(const char *text, size_t *at)
{
	const struct command *cmd = session_command_of(text);
	bool secret = cmd && cmd->flags & COMMAND_SECRET;
	size_t word = strcspn(text, " \n"), cursor = *at;
	struct buf b = { 0 };

	for (size_t i = 0; text[i]; i++) {
		if (i == cursor)
			*at = b.len;
		if (!secret || i <= word)
			buf_addc(&b, text[i]);
		else if ((text[i] & 0xC0) != 0x80)      /* not inside a character */
			buf_addc(&b, '*');
	}
	if (!text[cursor])
		*at = b.len;
	return buf_steal(&b);
}

static void draw_input(struct screen *s, const struct canvas *c, const struct view *v,
		       const struct input *in)
{
	const struct look *l = c->look;
	struct rect r = s->layout.input;
	size_t at = input_cursor(in);
	int total, cursor, room = r.columns - PROMPT;
	char *text;

	if (r.rows < 1)
		return;
	text = shown(input_text(in), &at);
	if (!text)
		abort();
	total = width_str(l->utf8, text);
	cursor = column_of(l->utf8, text, at);
	scroll_input(s, cursor, total, room);
	draw_fill(c, r.y, r.x, r.columns, NULL, l->ink[STYLE_TEXT]);
	draw_text(c, r.y, r.x, 1, s->input_scroll ? "<" : ">",
		  l->ink[s->input_scroll ? STYLE_DIM : STYLE_STRONG]);
	draw_line(s, c, r, text);
	if (!s->input_scroll)
		draw_hint(s, c, r, total, v);
	s->cursor_y = r.y;
	s->cursor_x = r.x + PROMPT + cursor - s->input_scroll;
	free(text);
}

/* ---- all ---- */

void screen_draw(struct screen *s, WINDOW *win, const struct view *v, const struct input *in,
		 unsigned parts)
{
	struct canvas c = { win, &s->look };
	const struct layout *l = &s->layout;
	struct bar_extra extra = {
		.scrolled = s->chat.back, .unread = screen_unread(s, v),
		.with_people = !l->people_in_top
	};

	if (parts == DRAW_ALL) {
		werase(win);
		s->cursor_y = s->cursor_x = -1;
	}
	if (parts & DRAW_TOP)
		bar_top(&c, l->top, v, l->people_in_top);
	if (parts & DRAW_CHAT && !l->overlay)
		chat_draw(&c, l->chat, &s->chat, v);
	if (parts & DRAW_PEOPLE) {
		people_fold(&c, l->fold, v);
		if (l->people.rows > 0)
			people_draw(&c, l->people, v, s->chosen, !l->overlay);
	}
	extra.scrolled = s->chat.back;  /* drawing may find the end */
	if (parts & DRAW_BOTTOM)
		bar_bottom(&c, l->bottom, v, &extra);
	if (parts & DRAW_INPUT)
		draw_input(s, &c, v, in);
	if (s->cursor_y >= 0)
		wmove(win, s->cursor_y, s->cursor_x);
}
