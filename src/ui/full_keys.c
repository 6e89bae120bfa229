/* full_keys.c - what keys do
 *
 * Each entry of the table of keys (bindings.c) is one small function here or
 * a command of the session.  A command that a key ran speaks only when it
 * refuses: what it did is seen in the bars and the people pane.
 */
#include "ui/full_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { VOLUME_STEP = 10, VOLUME_MOST = 400 };

static void run_command(struct full *f, const char *command)
{
	struct buf text = { 0 };
	const char *kind;

	if (session_command(f->session, command, &text, &kind))
		full_say(f, MESSAGE_ERROR, text.len ? buf_str(&text) : kind);
	buf_free(&text);
	f->soon |= DRAW_ALL;
}

static void print_command(struct full *f, const char *command)
{
	char line[64];

	snprintf(line, sizeof(line), "/%s", command);
	session_input(f->session, line);
	chat_end(&f->screen.chat);
	f->soon |= DRAW_ALL;
}

static void help_keys(struct full *f)
{
	struct buf text = { 0 };

	bindings_help(&text);
	full_say(f, MESSAGE_INFO, buf_str(&text));
	buf_free(&text);
	chat_end(&f->screen.chat);
}

/* ---- the line ---- */

static void run_line(struct full *f, char *line, const struct command *cmd)
{
	size_t len = strlen(line);

	while (len && (line[len - 1] == ' ' || line[len - 1] == '\n'))
		line[--len] = 0;
	/* A command is one line; what was pasted into it becomes its words. */
	for (char *p = line; *line == '/' && *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (!strcmp(line, "/help keys")) {
		help_keys(f);
		return;
	}
	session_input(f->session, line);
	if (cmd && !strcmp(cmd->name, "clear"))
		transcript_clear(f->transcript);
	if (!strcmp(line, "/help"))
		full_say(f, MESSAGE_INFO, "/help keys lists the keys.");
}

static void submit(struct full *f)
{
	const struct command *cmd = session_command_of(input_text(f->input));
	char *line = input_take(f->input, !cmd || !(cmd->flags & COMMAND_SECRET));

	if (!line)
		return;
	run_line(f, line, cmd);
	text_forget(&line);
	chat_end(&f->screen.chat);
	f->view.unread_at = 0;
	f->soon |= DRAW_ALL;
}

static char **complete(void *ctx, const char *line, size_t at, size_t *start)
{
	struct full *f = ctx;

	return session_complete(f->session, line, at, start);
}

static void complete_word(struct full *f, bool backwards, int64_t now_us)
{
	char *const *all = NULL;
	size_t n = input_complete(f->input, backwards, complete, f, &all);
	struct buf text = { 0 };

	for (size_t i = 0; n > 1 && i < n && text.len < sizeof(f->screen.note); i++)
		buf_addf(&text, "%s%s", i ? " " : "", all[i]);
	full_note(f, now_us, buf_str(&text));
	buf_free(&text);
}

/* Terminals send the line ends of what is pasted as CR. */
static void paste(struct full *f)
{
	size_t len;
	const char *p = keys_pasted(f->keys, &len);
	struct buf text = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\r' && i + 1 < len && p[i + 1] == '\n')
			continue;
		buf_addc(&text, p[i] == '\r' ? '\n' : p[i]);
	}
	while (text.len && text.p[text.len - 1] == '\n')
		text.len--;
	input_insert(f->input, text.p ? text.p : "", text.len);
	buf_free(&text);
}

static void insert_character(struct full *f, unsigned cp)
{
	char utf8[4];

	input_insert(f->input, utf8, text_utf8_put(utf8, cp));
	f->soon |= DRAW_INPUT;
}

/* ---- people ---- */

static void toggle_people(struct full *f)
{
	if (f->screen.layout.wide)
		f->screen.pane_off = !f->screen.pane_off;
	else
		f->screen.pane_over = !f->screen.pane_over;
	full_layout(f);
}

static void back_to_chat(struct full *f)
{
	f->screen.pane_over = false;
	f->screen.chosen[0] = 0;
	chat_end(&f->screen.chat);
	full_layout(f);
}

static const struct person *chosen(struct full *f, size_t *index)
{
	for (size_t i = 0; i < f->view.people; i++)
		if (*f->screen.chosen && !strcmp(f->view.person[i].id, f->screen.chosen)) {
			*index = i;
			return &f->view.person[i];
		}
	return NULL;
}

static void tell_chosen(struct full *f, const struct person *p, int volume, int64_t now_us)
{
	char text[160];

	if (p->me)
		snprintf(text, sizeof(text), "you");
	else
		snprintf(text, sizeof(text), "%.100s: volume %d %%", p->name, volume);
	full_note(f, now_us, text);
	f->soon |= DRAW_PEOPLE;
}

static void choose(struct full *f, size_t index, int64_t now_us)
{
	const struct person *p = &f->view.person[index];

	if (index >= f->view.people || !text_copy(f->screen.chosen, sizeof(f->screen.chosen), p->id))
		return;
	tell_chosen(f, p, p->volume, now_us);
}

static void choose_next(struct full *f, bool up, int64_t now_us)
{
	size_t n = f->view.people, i;

	if (!n)
		return;
	if (!chosen(f, &i))
		i = up ? n - 1 : 0;
	else
		i = (i + (up ? n - 1 : 1)) % n;
	choose(f, i, now_us);
}

static void change_volume(struct full *f, int step, int64_t now_us)
{
	size_t i;
	const struct person *p = chosen(f, &i);
	char command[200];
	int volume;

	if (!p || p->me) {
		full_note(f, now_us, "whose volume? choose with Alt+Up and Alt+Down");
		return;
	}
	volume = p->volume + step;
	volume = volume < 0 ? 0 : volume > VOLUME_MOST ? VOLUME_MOST : volume;
	snprintf(command, sizeof(command), "volume #%s %d", p->id, volume);
	tell_chosen(f, p, volume, now_us);
	run_command(f, command);
}

/* ---- the chat ---- */

static void scroll_chat(struct full *f, int direction)
{
	struct rect r = f->screen.layout.chat;

	if (r.rows > 0)
		chat_scroll(&f->screen.chat, &f->screen.look, r, &f->view,
			    direction * (r.rows > 2 ? r.rows - 1 : 1));
	f->soon |= DRAW_CHAT | DRAW_BOTTOM;
}

/* To where reading stopped; a second time to the end, and all is read. */
static void go_unread(struct full *f)
{
	struct chat before = f->screen.chat;

	if (!f->view.unread_at || f->view.unread_at >= f->view.next) {
		chat_end(&f->screen.chat);
	} else {
		chat_show(&f->screen.chat, &f->screen.look, f->screen.layout.chat, &f->view,
			  f->view.unread_at);
		if (before.back == f->screen.chat.back && before.n == f->screen.chat.n &&
		    before.row == f->screen.chat.row) {
			chat_end(&f->screen.chat);
			f->view.unread_at = 0;
		}
	}
	f->screen.pane_over = false;
	full_layout(f);
}

/* ---- all ---- */

static void act_on_line(struct full *f, const struct binding *b, int64_t now_us)
{
	bool empty = !*input_text(f->input);

	switch (b->action) {
	case ACT_EDIT:
		input_do(f->input, (enum input_action)b->arg);
		break;
	case ACT_SUBMIT:
		submit(f);
		break;
	case ACT_COMPLETE:
	case ACT_COMPLETE_BACK:
		complete_word(f, b->action == ACT_COMPLETE_BACK, now_us);
		break;
	case ACT_INTERRUPT:
	case ACT_DELETE_OR_HINT:
		if (empty)
			full_note(f, now_us, "/quit leaves the call");
		else
			input_do(f->input, b->action == ACT_INTERRUPT ? INPUT_CLEAR : INPUT_DELETE);
		break;
	case ACT_PASTE:
		paste(f);
		break;
	default:
		break;
	}
	f->soon |= DRAW_INPUT;
}

static void act_on_people(struct full *f, const struct binding *b, int64_t now_us)
{
	switch (b->action) {
	case ACT_PEOPLE:
		toggle_people(f);
		break;
	case ACT_CHOOSE_UP:
	case ACT_CHOOSE_DOWN:
		choose_next(f, b->action == ACT_CHOOSE_UP, now_us);
		break;
	case ACT_CHOOSE:
		choose(f, (size_t)b->arg - 1, now_us);
		break;
	case ACT_LOUDER:
	case ACT_QUIETER:
		change_volume(f, b->action == ACT_LOUDER ? VOLUME_STEP : -VOLUME_STEP, now_us);
		break;
	default:
		break;
	}
}

static void act(struct full *f, const struct binding *b, int64_t now_us)
{
	switch (b->action) {
	case ACT_COMMAND:
		run_command(f, b->command);
		break;
	case ACT_PRINT:
		print_command(f, b->command);
		break;
	case ACT_ESCAPE:
		full_note(f, now_us, "Esc, then: m mute  t talk  h hand  p people");
		break;
	case ACT_REDRAW:
		full_redraw(f);
		break;
	case ACT_CHAT:
		back_to_chat(f);
		break;
	case ACT_UNREAD:
		go_unread(f);
		break;
	case ACT_PAGE_UP:
		scroll_chat(f, 1);
		break;
	case ACT_PAGE_DOWN:
		scroll_chat(f, -1);
		break;
	case ACT_HELP:
		help_keys(f);
		break;
	default:
		act_on_people(f, b, now_us);
		act_on_line(f, b, now_us);
	}
}

void full_key(struct full *f, struct key key, int64_t now_us)
{
	bool web = settings_bool(f->settings, "keys.web") && !*input_text(f->input);
	const struct binding *b = binding_find(key, web);

	if (*f->screen.note)
		full_note(f, now_us, "");
	full_refresh_view(f, now_us);
	if (b)
		act(f, b, now_us);
	else if (key.code < K_NONE && !(key.mods & (MOD_ALT | MOD_CTRL)))
		insert_character(f, key.code);
}
