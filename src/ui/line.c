/* line.c - line mode: the call as sentences, one after the other
 *
 * What is said comes from the session's messages, in their order; the only
 * news without a message is who begins to talk.  Nothing is ever written over
 * or taken back, and nothing asks for a width or a cursor.
 *
 * The terminal shows what is typed, in its own way.  So a secret has a line of
 * its own: when the room asks for a password, or its command came without one,
 * the next line is it, and is not shown.  A command is still a command there.
 */
#include "ui/line.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "ui/line_say.h"

enum {
	LINE_BYTES = 8000,
	TALKERS = 64,
	TALK_US = 10000000      /* who talks is said once in so long for a person */
};

struct line {
	struct session *session;
	struct settings *settings;
	struct session_listener listener;
	struct line_ops ops;
	void *ctx;
	const char *asks;               /* the command whose secret is the next line; NULL */
	char typed[LINE_BYTES];
	size_t len;
	bool too_long;
	uint64_t next;                  /* serial of the message to be said next */
	struct { char id[64]; int64_t said_us; } talker[TALKERS];
	size_t talkers;
	struct { char name[200]; unsigned place; } hand[8];     /* since the last message */
	size_t hands;
};

static void say(struct line *l, struct buf *text)
{
	if (text->len)
		l->ops.write(l->ctx, text->p, text->len);
	buf_free(text);
}

/* The hand that this message tells of. */
static unsigned hand_of(const struct line *l, const struct message *m)
{
	char words[256];

	for (size_t i = 0; i < l->hands; i++) {
		snprintf(words, sizeof(words), "%s raised a hand", l->hand[i].name);
		if (m->kind == MESSAGE_EVENT && !strcmp(words, m->text))
			return l->hand[i].place;
	}
	return 0;
}

static void say_messages(struct line *l)
{
	struct buf text = { 0 };
	uint64_t first = session_first_serial(l->session), end = session_next_serial(l->session);

	if (l->next < first)
		l->next = first;
	for (; l->next < end; l->next++) {
		const struct message *m = session_message(l->session, l->next);

		if (m)
			line_message(&text, m, hand_of(l, m));
	}
	l->hands = 0;
	say(l, &text);
}

/* ---- secrets ---- */

/* False: nobody can be asked here. */
static bool ask(struct line *l, const char *command)
{
	struct buf text = { 0 };

	if (!l->ops.echo(l->ctx, false))
		return false;
	l->asks = command;
	buf_adds(&text, "Type the password and Enter: it is not shown.\n");
	say(l, &text);
	return true;
}

static void ask_no_more(struct line *l)
{
	if (l->asks)
		l->ops.echo(l->ctx, true);
	l->asks = NULL;
}

static void take_secret(struct line *l, const char *secret)
{
	struct buf command = { 0 }, text = { 0 };

	buf_addf(&command, "/%s %s", l->asks, secret);
	ask_no_more(l);
	if (*secret)
		session_input(l->session, buf_str(&command));
	else
		buf_adds(&text, "No password was given; /password asks for it.\n");
	text_wipe(command.p, command.len);
	buf_free(&command);
	say(l, &text);
}

void line_end(struct line *l)
{
	ask_no_more(l);
}

void line_suspend(struct line *l)
{
	if (l->asks)
		l->ops.echo(l->ctx, true);
}

void line_resume(struct line *l)
{
	if (l->asks)
		l->ops.echo(l->ctx, false);
}

/* ---- who talks ---- */

/* The slot of a person; a new one takes the place of who was silent longest. */
static int64_t *said_at(struct line *l, const char *id)
{
	size_t oldest = 0;

	for (size_t i = 0; i < l->talkers; i++) {
		if (!strcmp(l->talker[i].id, id))
			return &l->talker[i].said_us;
		if (l->talker[i].said_us < l->talker[oldest].said_us)
			oldest = i;
	}
	if (l->talkers < TALKERS)
		oldest = l->talkers++;
	text_copy(l->talker[oldest].id, sizeof(l->talker[oldest].id), id);
	l->talker[oldest].said_us = INT64_MIN / 2;
	return &l->talker[oldest].said_us;
}

static void talks(struct line *l, const struct person *p, int64_t now_us)
{
	struct buf text = { 0 };
	int64_t *said;

	if (p->me || !settings_bool(l->settings, "line.talk"))
		return;
	said = said_at(l, p->id);
	if (now_us - *said < TALK_US)
		return;
	*said = now_us;
	say_messages(l);        /* what was before is said before */
	buf_addf(&text, "%s talks.\n", p->name);
	say(l, &text);
}

/* The last words: nobody may call us again.  A reason has its own message. */
static void left(struct line *l, const char *reason)
{
	struct buf text = { 0 };

	say_messages(l);
	if (!reason || !*reason)
		buf_addf(&text, "You left%s%s.\n", *session_room(l->session) ? " " : "",
			 session_room(l->session));
	say(l, &text);
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct line *l = ctx;

	if (ev->type == SESSION_EV_TALKING && ev->on && ev->person)
		talks(l, ev->person, clock_now_us());
	if (ev->type == SESSION_EV_HAND && ev->on && ev->person && !ev->quiet &&
	    l->hands < sizeof(l->hand) / sizeof(l->hand[0])) {
		text_copy(l->hand[l->hands].name, sizeof(l->hand[0].name), ev->person->name);
		l->hand[l->hands++].place = ev->person->hand;
	}
	if (ev->type == SESSION_EV_ERROR && ev->kind && !strcmp(ev->kind, "password") && !l->asks) {
		say_messages(l);        /* why */
		ask(l, "password");
	}
	if (ev->type == SESSION_EV_LEFT)
		left(l, ev->text);
}

static void on_changed(void *ctx, unsigned dirty)
{
	if (dirty & DIRTY_MESSAGES)
		say_messages(ctx);
}

/* ---- input ---- */

static void run_input(struct line *l, const char *text)
{
	const struct command *cmd = session_command_of(text);
	bool secret = cmd && cmd->flags & COMMAND_SECRET;

	if (l->asks && !cmd) {
		take_secret(l, text);
		return;
	}
	if (secret)
		ask_no_more(l);
	if (!secret || text[strcspn(text, " ")] || !ask(l, cmd->name))
		session_input(l->session, text);
}

static void run_line(struct line *l)
{
	struct buf text = { 0 };
	char *clean;

	if (l->too_long) {
		buf_addf(&text, "The line is longer than %d bytes and was not sent.\n", LINE_BYTES);
		say(l, &text);
		return;
	}
	clean = text_clean(l->typed, l->len, 0, TEXT_TRIM);
	if (!clean)
		return;
	run_input(l, clean);
	text_forget(&clean);
	say_messages(l);
}

void line_input(struct line *l, const char *bytes, size_t len, int64_t now_us)
{
	(void)now_us;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			run_line(l);
			text_wipe(l->typed, l->len);
			l->len = 0;
			l->too_long = false;
		} else if (l->len < LINE_BYTES) {
			l->typed[l->len++] = bytes[i];
		} else {
			l->too_long = true;
		}
	}
}

int64_t line_tick(struct line *l, int64_t now_us)
{
	(void)now_us;
	say_messages(l);
	return CLOCK_NEVER;
}

int line_new(struct line **out, struct session *s, struct settings *settings,
	     const struct line_ops *ops, void *ctx)
{
	struct line *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->session = s;
	l->settings = settings;
	l->ops = *ops;
	l->ctx = ctx;
	l->next = session_first_serial(s);
	l->listener = (struct session_listener){ .event = on_event, .changed = on_changed, .ctx = l };
	session_listen(s, &l->listener);
	*out = l;
	return 0;
}

void line_free(struct line **lp)
{
	struct line *l = *lp;

	if (!l)
		return;
	say_messages(l);
	session_unlisten(l->session, &l->listener);
	ask_no_more(l);
	text_wipe(l->typed, sizeof(l->typed));
	free(l);
	*lp = NULL;
}
