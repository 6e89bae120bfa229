/* command_line.c - a line as it was typed: its words, what it runs, Tab */
#include "session/session_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MAX_BYTES = 16384 };

/* ---- lines to words ---- */

static char *skip_blanks(char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Cuts one word; quotes hold blanks together.  Returns what is behind it. */
static char *cut_word(char *p, char **word)
{
	char quote = *p == '"' || *p == '\'' ? *p : 0, *end;

	/* An apostrophe may be part of a name: quoted only if it closes. */
	if (quote && strchr(p + 1, quote)) {
		*word = p + 1;
		end = strchr(p + 1, quote);
	} else {
		*word = p;
		end = p + strcspn(p, " \t");
	}
	if (*end)
		*end++ = 0;
	return skip_blanks(end);
}

static size_t longer_name(const char *p, const char *name, size_t best)
{
	size_t len = strlen(name);

	return len > best && !strncasecmp(p, name, len) && (!p[len] || p[len] == ' ') ? len : best;
}

/* A name may have blanks: the longest run of words that is somebody's. */
static char *cut_name(struct session *s, char *p, char **word)
{
	const char *id, *name;
	size_t best = 0;

	if (*p == '"' || *p == '#' || *p == '\'')
		return cut_word(p, word);
	for (size_t i = 0; i < s->members; i++)
		best = longer_name(p, s->member[i]->shown, best);
	for (size_t i = 0; session_knocker(s, i, &id, &name); i++)
		best = longer_name(p, name, best);
	if (!best)
		return cut_word(p, word);
	*word = p;
	if (p[best])
		p[best++] = 0;
	return skip_blanks(p + best);
}

static size_t split(struct session *s, const struct command *c, char *p, char **argv)
{
	size_t argc = 1;

	while (*p && argc <= c->max_args) {
		bool last = argc == c->max_args;

		if (last && c->flags & COMMAND_RAW && !(argc == 1 && c->flags & COMMAND_NAME)) {
			argv[argc++] = p;
			return argc;
		}
		p = argc == 1 && c->flags & COMMAND_NAME ? cut_name(s, p, &argv[argc])
			: cut_word(p, &argv[argc]);
		argc++;
	}
	return *p ? argc + 1 : argc;    /* one too many: a mistake */
}

static int usage(const struct command *c, struct buf *text, const char **kind)
{
	*kind = "usage";
	buf_addf(text, "usage: /%s%s%s", c->name, *c->usage ? " " : "", c->usage);
	return -EINVAL;
}

static int run(struct session *s, const struct command *c, char *argv[], char *rest, struct buf *text,
	       const char **kind)
{
	size_t argc = split(s, c, rest, argv);

	if (argc - 1 < c->min_args || argc - 1 > c->max_args)
		return usage(c, text, kind);
	if (c->flags & COMMAND_CALL && !session_call(s))
		return command_refuse(text, kind, -ENOTCONN, "not-joined", "you are in no room");
	return c->run(s, (int)argc, argv, text, kind);
}

int session_command(struct session *s, const char *line, struct buf *text, const char **kind)
{
	char *copy, *p, *argv[COMMAND_ARGS_MAX + 2];
	const struct command *c;
	int err;

	*kind = "failed";
	line += strspn(line, " \t");
	line += *line == '/';
	if (strlen(line) > LINE_MAX_BYTES)
		return command_refuse(text, kind, -E2BIG, "usage", "the line is too long");
	copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	p = cut_word(copy, &argv[0]);
	c = session_command_find(argv[0]);
	if (!c) {
		*kind = "unknown-command";
		buf_addf(text, "there is no command '%s'; /help lists them", argv[0]);
		err = -ENOENT;
	} else if (!c->run) {
		*kind = "not-built-in";
		buf_addf(text, "/%s is not built in yet", c->name);
		err = -ENOTSUP;
	} else {
		err = run(s, c, argv, p, text, kind);
	}
	free(copy);
	return err;
}

const struct command *session_command_of(const char *line)
{
	size_t len = *line == '/' ? strcspn(line + 1, " \n") : 0;
	char word[32];

	if (!len || len >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), "%.*s", (int)len, line + 1);
	return session_command_find(word);
}

void session_input(struct session *s, const char *line)
{
	struct buf text = { 0 };
	const char *kind = "";
	int err;

	if (!line[strspn(line, " \t")])
		return;
	if (*line == '/' && line[1] != '/')
		err = session_command(s, line, &text, &kind);
	else
		err = command_say(s, line + (*line == '/'), &text, &kind);
	if (text.len) {
		struct message_new n = {
			.kind = err ? MESSAGE_ERROR : MESSAGE_INFO, .text = buf_str(&text),
		};
		uint64_t serial = message_add(s, &n);

		event_push_message(s, err ? SESSION_EV_ERROR : SESSION_EV_NOTICE, serial, kind);
	}
	buf_free(&text);
}

/* ---- Tab ---- */

struct matches { char **v; size_t n; };

static void match(struct matches *m, const char *prefix, const char *before, const char *word,
		  const char *after)
{
	struct buf b = { 0 };

	if (strncasecmp(word, prefix, strlen(prefix)))
		return;
	buf_addf(&b, "%s%s%s", before, word, after);
	m->v = realloc(m->v, (m->n + 2) * sizeof(*m->v));
	if (!m->v)
		abort();
	m->v[m->n] = buf_steal(&b);
	if (!m->v[m->n])
		abort();
	m->v[++m->n] = NULL;
}

static void match_names(struct session *s, struct matches *m, const char *prefix, const char *after)
{
	for (size_t i = 0; i < session_people(s); i++)
		if (!session_person(s, i)->me)
			match(m, prefix, "", session_person(s, i)->name, after);
}

static void match_knockers(struct session *s, struct matches *m, const char *prefix)
{
	const char *id, *name;

	for (size_t i = 0; session_knocker(s, i, &id, &name); i++) {
		struct buf b = { 0 };

		knocker_word(s, id, name, &b);
		match(m, prefix, "", buf_str(&b), "");
		buf_free(&b);
	}
}

static void match_settings(struct matches *m, const char *prefix)
{
	size_t n;
	const struct setting *t = settings_table(&n);

	for (size_t i = 0; i < n; i++)
		match(m, prefix, "", t[i].key, " ");
}

char **session_complete(struct session *s, const char *line, size_t at, size_t *start)
{
	struct matches m = { 0 };
	char word[256], prefix[512];
	size_t count, first = strcspn(line, " ");
	const struct command *table = session_commands(&count), *c;

	*start = at;
	if (at > strlen(line) || at >= sizeof(prefix))
		return NULL;
	snprintf(prefix, sizeof(prefix), "%.*s", (int)at, line);
	if (*line == '/' && at <= first) {
		*start = 0;
		for (size_t i = 0; i < count; i++)
			if (table[i].run)
				match(&m, prefix + 1, "/", table[i].name, " ");
		return m.v;
	}
	if (*line != '/') {             /* a name at the start of a line, or anywhere */
		while (*start && line[*start - 1] != ' ')
			--*start;
		match_names(s, &m, prefix + *start, *start ? " " : ": ");
		return m.v;
	}
	snprintf(word, sizeof(word), "%.*s", (int)(first - 1), line + 1);
	c = session_command_find(word);
	*start = first + strspn(line + first, " ");
	if (!c || *start > at) {
		*start = at;
		return NULL;
	}
	if (c->flags & COMMAND_NAME)
		match_names(s, &m, prefix + *start, " ");
	if (c->flags & COMMAND_KNOCKER)
		match_knockers(s, &m, prefix + *start);
	if (!strcmp(c->name, "set"))
		match_settings(&m, prefix + *start);
	if (!strcmp(c->name, "help"))
		for (size_t i = 0; i < count; i++)
			match(&m, prefix + *start, "", table[i].name, "");
	return m.v;
}
