/* commands_room.c - who comes in: commands for the lobby of a room
 *
 * Who knocks is no person of the room yet, so names are looked up among those
 * who wait: as shown, by how they begin, or by # and the start of the id.
 */
#include "session/session_priv.h"
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/text.h"

size_t session_knockers(const struct session *s)
{
	const char *id, *name;
	size_t n = 0;

	while (session_knocker(s, n, &id, &name))
		n++;
	return n;
}

bool session_knocker(const struct session *s, size_t i, const char **id, const char **name)
{
	const struct call *c = session_call(s);

	return c && call_knocker(c, i, id, name);
}

bool session_has_lobby(const struct session *s)
{
	const struct call *c = session_call(s);

	return c && call_has_lobby(c);
}

/* How somebody who knocks is called in a command: #id where two are alike. */
void knocker_word(const struct session *s, const char *id, const char *name, struct buf *out)
{
	const char *other_id, *other;
	bool alike = *name == '#';

	for (size_t i = 0; session_knocker(s, i, &other_id, &other); i++)
		alike |= strcmp(id, other_id) && !strcasecmp(name, other);
	if (alike)
		buf_addf(out, "#%.4s", id);
	else
		buf_adds(out, name);
}

/* The rest of a line: without blanks behind it, or quotes around. */
static char *trimmed(char *word)
{
	size_t len = strlen(word);

	while (len && (word[len - 1] == ' ' || word[len - 1] == '\t'))
		word[--len] = 0;
	if (len > 2 && (*word == '"' || *word == '\'') && word[len - 1] == *word) {
		word[len - 1] = 0;
		word++;
	}
	return word;
}

const char *knocker_name(const struct session *s, const char *id)
{
	const char *other, *name;

	for (size_t i = 0; session_knocker(s, i, &other, &name); i++)
		if (!strcmp(other, id))
			return name;
	return "";
}

const char *knocker_by_name(struct session *s, const char *word, struct buf *text, const char **kind)
{
	struct naming n = { .word = word };
	const char *id, *name;
	size_t at;
	int err;

	for (size_t i = 0; session_knocker(s, i, &id, &name); i++)
		naming_try(&n, i, id, name);
	err = naming_found(&n, &at);
	if (!err && session_knocker(s, at, &id, &name))
		return id;
	*kind = "unknown-person";
	buf_addf(text, "%s: %s", word, err == -EEXIST
		 ? "more than one of that name knocks; use # and the start of the id, as /lobby shows it"
		 : "nobody of that name knocks; /lobby lists who does");
	return NULL;
}

static void list(struct session *s, struct buf *text)
{
	const char *id, *name;

	buf_adds(text, session_has_lobby(s) ? "the lobby is on: who comes has to knock" : "the lobby is off");
	for (size_t i = 0; session_knocker(s, i, &id, &name); i++)
		buf_addf(text, "%s%s #%.4s", i ? ", " : "\nknocking: ", name, id);
}

int run_lobby(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool on = session_has_lobby(s), want;
	char *why = NULL;
	int err;

	if (argc == 1) {
		list(s, text);
		return 0;
	}
	if (command_on_off(argv[1], on, &want))
		return command_refuse(text, kind, -EINVAL, "usage", "usage: /lobby [on|off]");
	err = call_set_lobby(session_call(s), want, kind, &why, clock_now_us());
	if (!err)
		buf_adds(text, want ? "asked for a lobby: who comes from then on has to knock"
			 : "asked to switch the lobby off: who waits comes in");
	return command_told(s, text, err, why);
}

int run_admit(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	char *word = trimmed(argv[argc - 1]);
	bool all = !strcasecmp(word, "all");
	const char *id = NULL;
	char *why = NULL;
	int err;

	if (!all && session_knockers(s)) {
		id = knocker_by_name(s, word, text, kind);
		if (!id)
			return -ENOENT;
	}
	err = call_admit(session_call(s), id, kind, &why, clock_now_us());
	if (!err)
		buf_adds(text, id ? "asked to let that person in" : "asked to let all in who knock");
	return command_told(s, text, err, why);
}

int run_deny(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	const char *id = "";
	char *why = NULL;
	int err;

	if (session_knockers(s)) {
		id = knocker_by_name(s, trimmed(argv[argc - 1]), text, kind);
		if (!id)
			return -ENOENT;
	}
	err = call_deny(session_call(s), id, kind, &why, clock_now_us());
	if (!err)
		buf_adds(text, "asked to turn that person away");
	return command_told(s, text, err, why);
}
