/* full.c - the full screen: when it is drawn
 *
 *	session --changed--> dirty parts --full_tick()--> curses --> queue --> terminal
 *
 * Nothing is drawn where something changes: parts are marked, and the end of
 * the loop's pass draws them once.  What a key did is shown at once; news
 * after at most 33 ms; levels and figures, which always move, 4 times a
 * second.  While the terminal has not taken the last frame none is made; what
 * was missed is then in the next one, since curses compares with what it sent.
 */
#include "ui/full_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "ui/width.h"

enum {
	FRAME_US = 33000, SLOW_US = 250000, SECOND_US = 1000000,
	STALL_US = 5000000,     /* then the screen is drawn whole */
	NOTE_US = 6000000,
	AWAY_US = 60000000,     /* no key for so long: what comes then is new */
	BELL_US = 2000000
};

/* ---- marking ---- */

static void on_changed(void *ctx, unsigned dirty)
{
	struct full *f = ctx;

	if (dirty & DIRTY_MESSAGES)
		f->soon |= DRAW_CHAT | DRAW_BOTTOM;
	/* Names and '@' are in the chat, their number is in a bar. */
	if (dirty & DIRTY_PEOPLE)
		f->soon |= DRAW_ALL & ~DRAW_INPUT;
	if (dirty & DIRTY_STATUS)
		f->later |= DRAW_TOP | DRAW_BOTTOM | DRAW_INPUT;
	if (dirty & DIRTY_LEVELS)
		f->later |= DRAW_PEOPLE;
}

/* My own state and the call's are never a quarter of a second late. */
static void on_event(void *ctx, const struct session_event *ev)
{
	struct full *f = ctx;
	const struct message *m = ev->message;
	int64_t now = clock_now_us();

	if (ev->type == SESSION_EV_STATE || ev->type == SESSION_EV_MEDIA ||
	    ev->type == SESSION_EV_MUTED_BY || ev->type == SESSION_EV_TALKING)
		f->soon |= DRAW_BOTTOM | DRAW_PEOPLE;
	if (!(ev->type == SESSION_EV_KNOCK && ev->on) &&
	    (ev->type != SESSION_EV_MESSAGE || !m || m->mine || m->history || !(m->private_ || m->mention)))
		return;
	if (settings_bool(f->settings, "ui.bell") && now - f->bell_us > BELL_US &&
	    !term_waits(f->term)) {
		f->bell_us = now;
		term_queue(f->term, "\a", 1);
	}
}

void full_layout(struct full *f)
{
	int rows, columns;

	term_size(f->term, &rows, &columns);
	screen_layout(&f->screen, rows, columns);
	f->soon = DRAW_ALL;
}

void full_redraw(struct full *f)
{
	term_out_forget(f->out);
	f->soon = DRAW_ALL;
}

void full_note(struct full *f, int64_t now_us, const char *text)
{
	snprintf(f->screen.note, sizeof(f->screen.note), "%s", text);
	f->note_until_us = *text ? now_us + NOTE_US : 0;
	f->soon |= DRAW_INPUT;
}

void full_say(struct full *f, enum message_kind kind, const char *text)
{
	transcript_update(f->transcript, f->session);   /* what came before stands before */
	transcript_say(f->transcript, kind, clock_wall_us(), text);
	f->soon |= DRAW_CHAT | DRAW_BOTTOM;
}

/* ---- the look ---- */

static bool wants_colour(const struct full *f)
{
	const char *color = settings_text(f->settings, "ui.color"), *no = getenv("NO_COLOR");

	if (!strcmp(color, "auto"))
		return !(no && *no);    /* no-color.org: set and not empty */
	return !strcmp(color, "always");
}

/* /set ui.color and ui.ascii work at once. */
static void refresh_look(struct full *f)
{
	const char *ascii = settings_text(f->settings, "ui.ascii");
	char now[sizeof(f->looks)];

	snprintf(now, sizeof(now), "%d %s", wants_colour(f), ascii);
	if (!strcmp(now, f->looks))
		return;
	memcpy(f->looks, now, sizeof(now));
	look_set(&f->screen.look, width_is_utf8(), !strcmp(ascii, "on"), wants_colour(f));
	f->soon = DRAW_ALL;
}

/* ---- drawing ---- */

/* The rule "new" is put where reading stopped: nobody typed for a while, or
 * the end of the chat was not on the screen. */
static void find_unread(struct full *f, int64_t now_us)
{
	bool away = f->screen.chat.back || now_us - f->key_us > AWAY_US;
	uint64_t next = transcript_next(f->transcript);

	if (f->read_next < transcript_first(f->transcript))
		f->read_next = transcript_first(f->transcript);
	for (; f->read_next < next; f->read_next++) {
		const struct message *m = transcript_get(f->transcript, f->read_next);

		if (away && !f->view.unread_at && m && !m->mine && !m->history &&
		    (m->kind == MESSAGE_CHAT || m->kind == MESSAGE_ME))
			f->view.unread_at = f->read_next;
	}
}

void full_refresh_view(struct full *f, int64_t now_us)
{
	transcript_update(f->transcript, f->session);
	find_unread(f, now_us);
	view_update(&f->view, f->session, f->transcript, now_us);
	f->view.hints = settings_bool(f->settings, "ui.hints");
	f->view.nicks = &f->nicks;
}

static void flush(struct full *f, int64_t now_us)
{
	size_t went = term_flush(f->term);

	if (went)
		session_count_terminal(f->session, went, 0);
	if (!term_waits(f->term)) {
		/* Long silent: somebody may have looked from another place. */
		if (f->stalled_us && now_us - f->stalled_us > STALL_US)
			full_redraw(f);
		f->stalled_us = 0;
	} else if (!f->stalled_us) {
		f->stalled_us = now_us;
	}
}

static void draw(struct full *f, int64_t now_us)
{
	struct buf bytes = { 0 };
	unsigned parts;

	refresh_look(f);
	parts = f->soon | f->later;
	f->soon = f->later = 0;
	f->typed = false;
	full_refresh_view(f, now_us);
	screen_draw(&f->screen, term_out_window(f->out), &f->view, f->input, parts);
	term_out_frame(f->out, &bytes);
	f->drawn_us = f->later_us = now_us;
	if (parts & DRAW_BOTTOM)
		f->bar_us = now_us;
	term_queue(f->term, buf_str(&bytes), bytes.len);
	buf_free(&bytes);
	flush(f, now_us);
}

/* A frame that the terminal is too slow for; counted as often as the slowest
 * of what moves would have been drawn. */
static void drop_frame(struct full *f, int64_t now_us)
{
	if (now_us - f->dropped_us < SLOW_US)
		return;
	f->dropped_us = now_us;
	session_count_terminal(f->session, 0, 1);
}

/* When the marked parts are due; CLOCK_NEVER if none is marked. */
static int64_t due(const struct full *f)
{
	int64_t at = CLOCK_NEVER;

	if (f->later)
		at = f->later_us + SLOW_US;
	if (f->soon && f->drawn_us + FRAME_US < at)
		at = f->drawn_us + FRAME_US;
	return f->soon && f->typed ? 0 : at;
}

static void take_keys(struct full *f, int64_t now_us)
{
	struct key key;

	while (keys_next(f->keys, now_us, &key)) {
		f->key_us = now_us;
		f->typed = true;
		full_key(f, key, now_us);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t full_tick(struct full *f, int64_t now_us)
{
	int64_t wake;

	if (!term_is_entered(f->term))
		return CLOCK_NEVER;
	take_keys(f, now_us);
	if (f->note_until_us && now_us >= f->note_until_us)
		full_note(f, now_us, "");
	if (now_us - f->bar_us >= SECOND_US)    /* the time goes on */
		f->later |= DRAW_BOTTOM;
	if (due(f) <= now_us) {
		if (term_waits(f->term))
			drop_frame(f, now_us);
		else
			draw(f, now_us);
	}
	wake = earlier(keys_deadline(f->keys), f->bar_us + SECOND_US);
	if (f->note_until_us)
		wake = earlier(wake, f->note_until_us);
	/* While bytes wait, full_writable() is what goes on. */
	if (term_waits(f->term))
		return earlier(keys_deadline(f->keys), now_us + SLOW_US);
	return earlier(wake, due(f));
}

/* ---- the loop's ---- */

int full_fd(const struct full *f)
{
	return term_fd(f->term);
}

bool full_wants_write(const struct full *f)
{
	return term_waits(f->term);
}

bool full_wants_read(const struct full *f)
{
	return term_is_entered(f->term);
}

void full_readable(struct full *f, int64_t now_us)
{
	char bytes[4096];

	/* A bound: a paste without end must not hold the loop. */
	for (int i = 0; i < 16 && term_is_entered(f->term); i++) {
		ssize_t n = read(term_fd(f->term), bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		keys_input(f->keys, bytes, (size_t)n, now_us);
		take_keys(f, now_us);
	}
}

void full_writable(struct full *f, int64_t now_us)
{
	flush(f, now_us);
}

void full_resized(struct full *f)
{
	int rows, columns;

	term_size(f->term, &rows, &columns);
	term_out_resize(f->out, rows, columns);
	full_layout(f);
	full_redraw(f);
	f->typed = true;
}

void full_suspend(struct full *f)
{
	term_leave(f->term);
}

void full_resume(struct full *f)
{
	if (!term_enter(f->term))
		full_resized(f);
}

/* ---- life ---- */

static int open_terminal(struct full *f, char **why)
{
	char *enter, *leave;
	int rows, columns, err = term_open(&f->term, NULL, why);

	if (err)
		return err;
	term_size(f->term, &rows, &columns);
	err = term_out_new(&f->out, NULL, rows, columns, why);
	if (err)
		return err;
	enter = term_out_enter_string();
	leave = term_out_leave_string();
	if (!enter || !leave)
		abort();
	term_strings(f->term, enter, leave);
	free(enter);
	free(leave);
	return 0;
}

int full_new(struct full **out, struct session *s, struct settings *settings, char **why)
{
	struct full *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	*out = NULL;
	if (!f)
		return err;
	f->session = s;
	f->settings = settings;
	f->key_us = clock_now_us();
	err = keys_new(&f->keys);
	if (!err)
		err = input_new(&f->input);
	if (!err)
		err = transcript_new(&f->transcript);
	if (!err)
		err = open_terminal(f, why);
	if (err)
		goto fail;
	err = term_enter(f->term);
	if (err) {
		if (why)
			*why = strdup("the terminal belongs to another job now; bring ttymeet to the foreground");
		goto fail;
	}
	refresh_look(f);
	full_layout(f);
	f->listener = (struct session_listener){ .event = on_event, .changed = on_changed, .ctx = f };
	session_listen(s, &f->listener);
	*out = f;
	return 0;
fail:
	full_free(&f);
	return err;
}

void full_free(struct full **fp)
{
	struct full *f = *fp;

	if (!f)
		return;
	if (f->listener.ctx)
		session_unlisten(f->session, &f->listener);
	term_out_free(&f->out);
	term_close(&f->term);
	transcript_free(&f->transcript);
	input_free(&f->input);
	keys_free(&f->keys);
	free(f);
	*fp = NULL;
}
