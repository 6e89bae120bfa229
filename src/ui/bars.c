/* bars.c - two lines that tell the state
 *
 * The lower bar holds pieces in order of importance: my own state always, then
 * what is wrong, then figures at the right end.  What does not fit is left
 * away from the right.
 */
#include "ui/bars.h"
#include <stdio.h>
#include <string.h>
#include "ui/width.h"

enum { PIECES = 16, TIGHT = 60, SUBJECT_LEAST = 12 };

struct piece { char text[96]; enum style style; };
struct pieces { struct piece v[PIECES]; size_t n; };

__attribute__((format(printf, 3, 4)))
static void add(struct pieces *p, enum style style, const char *fmt, ...)
{
	struct piece *q = &p->v[p->n];
	va_list ap;

	if (p->n == PIECES)
		return;
	va_start(ap, fmt);
	vsnprintf(q->text, sizeof(q->text), fmt, ap);
	va_end(ap);
	q->style = style;
	p->n++;
}

/* ---- upper bar ---- */

void bar_top(const struct canvas *c, struct rect r, const struct view *v, bool with_people)
{
	const struct look *l = c->look;
	int x = r.x + 1, end = r.x + r.columns - 1, w;
	char people[32] = "";

	if (r.rows < 1)
		return;
	draw_fill(c, r.y, r.x, r.columns, NULL, l->ink[STYLE_BAR]);
	if (with_people && v->people_all)
		snprintf(people, sizeof(people), "%zu %s", v->people_all,
			 v->people_all == 1 ? "person" : "people");
	w = width_str(l->utf8, people);
	if (w) {
		end -= w;
		draw_text(c, r.y, end, w, people, l->ink[STYLE_BAR]);
		end -= 2;
	}
	if (!*v->room) {
		draw_text(c, r.y, x, end - x, "ttymeet", l->ink[STYLE_BAR_STRONG]);
		return;
	}
	x += draw_text(c, r.y, x, end - x, v->room, l->ink[STYLE_BAR_STRONG]);
	/* Half a host name says nothing. */
	w = 4 + width_str(l->utf8, v->host);
	if (*v->host && x + w <= end) {
		x += draw_text(c, r.y, x, 4, " at ", l->ink[STYLE_BAR_DIM]);
		x += draw_text(c, r.y, x, end - x, v->host, l->ink[STYLE_BAR_DIM]);
	}
	if (*v->subject && x + 3 + SUBJECT_LEAST <= end)
		draw_text(c, r.y, x + 3, end - x - 3, v->subject, l->ink[STYLE_BAR]);
}

/* ---- lower bar ---- */

/* My own state: one word, always at the same place. */
static void own_state(struct piece *p, const struct view *v)
{
	const char *word = " OPEN ";

	p->style = STYLE_OPEN;
	if (!v->has_mic) {
		word = " LISTENING ";
	} else if (v->muted) {
		word = " MUTED ";
		p->style = STYLE_MUTED;
	} else if (v->on_air) {
		word = " ON AIR ";
		p->style = STYLE_ON_AIR;
	}
	snprintf(p->text, sizeof(p->text), "%s", word);
}

static void connection(struct pieces *p, const struct view *v)
{
	switch (v->state) {
	case SESSION_JOINED:
		if (v->media == SESSION_MEDIA_INTERRUPTED)
			add(p, STYLE_BAR_WARN, "sound interrupted");
		else if (v->media == SESSION_MEDIA_CONNECTING && v->people_all > 1)
			add(p, STYLE_BAR, "sound is coming");
		break;
	case SESSION_RECONNECTING:
		if (v->retry_s)
			add(p, STYLE_BAR_WARN, "reconnecting %d s, attempt %u", v->retry_s, v->attempt);
		else
			add(p, STYLE_BAR_WARN, "reconnecting, attempt %u", v->attempt);
		add(p, STYLE_BAR, v->media == SESSION_MEDIA_CONNECTED ? "sound goes on" : "no sound");
		break;
	case SESSION_CONNECTING:
		add(p, STYLE_BAR_WARN, "connecting");
		break;
	case SESSION_LOBBY:
		add(p, STYLE_BAR_WARN, "waiting to be let in");
		break;
	case SESSION_LEFT:
		add(p, STYLE_BAR_WARN, "not connected");
		break;
	case SESSION_IDLE:
		break;
	}
}

static void warnings(struct pieces *p, const struct view *v, const struct bar_extra *e)
{
	connection(p, v);
	if (v->talks_muted)
		add(p, STYLE_BAR_WARN, "you are muted: Alt+m");
	if (v->knockers)
		add(p, STYLE_BAR_WARN, v->knockers == 1 ? "%zu knocks: /admit" : "%zu knock: /admit", v->knockers);
	if (v->recorded)
		add(p, STYLE_BAR_WARN, "recorded");
	if (*v->playing)
		add(p, STYLE_BAR_STRONG, "%.90s", v->playing);
	else if (v->music)
		add(p, STYLE_BAR_STRONG, "music");
	if (v->deaf)
		add(p, STYLE_BAR_WARN, "deaf");
	if (v->tight)
		add(p, STYLE_BAR_WARN, "budget too small");
	if (*v->trouble)
		add(p, STYLE_BAR_WARN, "%.80s", v->trouble);
	if (v->insecure)
		add(p, STYLE_BAR_WARN, "insecure TLS");
	if (e->scrolled && e->unread)
		add(p, STYLE_BAR_STRONG, "-MORE- %u new", e->unread);
	else if (e->scrolled)
		add(p, STYLE_BAR_STRONG, "-MORE-");
}

static void elapsed(struct pieces *p, int64_t s)
{
	int h = (int)(s / 3600), m = (int)(s / 60 % 60);

	add(p, STYLE_BAR, "%d:%02d:%02d", h, m, (int)(s % 60));
}

static void figures(struct pieces *p, const struct look *l, const struct view *v, bool people,
		    bool tight)
{
	char cap[16] = "";

	if (people && v->people_all)
		add(p, STYLE_BAR, "%zu %s", v->people_all, v->people_all == 1 ? "person" : "people");
	if (!v->joined && v->state != SESSION_RECONNECTING)
		return;
	if (v->budget_kbps)
		snprintf(cap, sizeof(cap), "/%d", v->budget_kbps);
	add(p, STYLE_BAR, "%s%.0f%s %s%.0f%s", l->marks->up, v->out_kbps, cap, l->marks->down,
	    v->in_kbps, tight ? "" : " kbit/s");
	/* What is ours, and the way to the bridge and back. */
	if (!tight && v->rtt_ms >= 0 && v->delay_ms > 0)
		add(p, STYLE_BAR, "%d+%.0f ms", v->delay_ms, v->rtt_ms);
	else if (!tight && v->rtt_ms >= 0)
		add(p, STYLE_BAR, "%.0f ms", v->rtt_ms);
	if (v->elapsed_s >= 0)
		elapsed(p, v->elapsed_s);
}

static int piece_width(const struct look *l, const struct piece *p)
{
	return width_str(l->utf8, p->text) + 2;
}

void bar_bottom(const struct canvas *c, struct rect r, const struct view *v,
		const struct bar_extra *e)
{
	const struct look *l = c->look;
	struct pieces warn = { .n = 0 }, fig = { .n = 0 };
	struct piece own;
	int x = r.x, end = r.x + r.columns, w = 0;
	size_t n;

	if (r.rows < 1)
		return;
	draw_fill(c, r.y, r.x, r.columns, NULL, l->ink[STYLE_BAR]);
	own_state(&own, v);
	x += draw_text(c, r.y, x, r.columns, own.text, l->ink[own.style]) + 1;
	warnings(&warn, v, e);
	figures(&fig, l, v, e->with_people, r.columns < TIGHT);
	for (size_t i = 0; i < warn.n && end - x > 5; i++)
		x += draw_text(c, r.y, x + 1, end - x - 2, warn.v[i].text,
			       l->ink[warn.v[i].style]) + 2;
	for (n = 0; n < fig.n && x + w + piece_width(l, &fig.v[n]) <= end; n++)
		w += piece_width(l, &fig.v[n]);
	/* At the right end where there is room, else right behind. */
	if (r.columns >= TIGHT)
		x = end - w - 1;
	for (size_t i = 0; i < n; i++) {
		draw_text(c, r.y, x + 1, end - x - 1, fig.v[i].text, l->ink[fig.v[i].style]);
		x += piece_width(l, &fig.v[i]);
	}
}
