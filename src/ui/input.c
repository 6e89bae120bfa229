/* input.c - the line editor
 *
 * The text is a bounded array; the cursor stands at the start of a glyph, so
 * that a letter and its marks are moved over and deleted as one.  Deleting by
 * words and lines fills one kill buffer, as readline's main keys do.
 */
#include "ui/input.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "ui/width.h"

enum { TEXT_MAX = 8000, HISTORY = 200 };

struct input {
	char text[TEXT_MAX + 1];
	size_t len, at;
	char kill[TEXT_MAX + 1];
	size_t kill_len;
	bool killing;                   /* the last action was a kill: the next adds */

	char *history[HISTORY];         /* oldest first */
	size_t lines, pick;             /* pick == lines: the line being typed */
	char *typed;                    /* it, while history is shown */

	/* Tab: NULL when the last action was another. */
	char **match;
	size_t matches, turn;           /* turn == matches: the common prefix stands */
	size_t word, tail;              /* where the word begins; bytes behind it */
};

int input_new(struct input **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void matches_drop(struct input *in)
{
	for (size_t i = 0; i < in->matches; i++)
		free(in->match[i]);
	free(in->match);
	in->match = NULL;
	in->matches = 0;
}

void input_free(struct input **inp)
{
	struct input *in = *inp;

	if (!in)
		return;
	matches_drop(in);
	for (size_t i = 0; i < in->lines; i++)
		free(in->history[i]);
	free(in->typed);
	text_wipe(in->text, sizeof(in->text));
	text_wipe(in->kill, sizeof(in->kill));
	free(in);
	*inp = NULL;
}

/* ---- glyphs and words ---- */

static size_t glyph_right(const struct input *in, size_t at)
{
	struct glyph g;
	size_t n = glyph_next(true, in->text + at, in->len - at, &g);

	return at + n;
}

static size_t glyph_left(const struct input *in, size_t at)
{
	while (at > 0) {
		do
			at--;
		while (at > 0 && ((unsigned char)in->text[at] & 0xC0) == 0x80);
		if (!glyph_joins(in->text + at, in->len - at))
			break;
	}
	return at;
}

static bool is_word(const struct input *in, size_t at)
{
	unsigned char c = (unsigned char)in->text[at];

	return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static size_t word_right(const struct input *in, size_t at)
{
	while (at < in->len && !is_word(in, at))
		at = glyph_right(in, at);
	while (at < in->len && is_word(in, at))
		at = glyph_right(in, at);
	return at;
}

static size_t word_left(const struct input *in, size_t at)
{
	while (at > 0 && !is_word(in, glyph_left(in, at)))
		at = glyph_left(in, at);
	while (at > 0 && is_word(in, glyph_left(in, at)))
		at = glyph_left(in, at);
	return at;
}

static size_t blank_left(const struct input *in, size_t at)
{
	while (at > 0 && (in->text[at - 1] == ' ' || in->text[at - 1] == '\n'))
		at--;
	while (at > 0 && in->text[at - 1] != ' ' && in->text[at - 1] != '\n')
		at--;
	return at;
}

/* ---- changing the text ---- */

static void cut(struct input *in, size_t from, size_t to)
{
	memmove(in->text + from, in->text + to, in->len - to);
	in->len -= to - from;
	in->text[in->len] = 0;
	in->at = from;
}

/* What is cut twice in a row is put back as one piece. */
static void kill_text(struct input *in, size_t from, size_t to, bool before)
{
	size_t n = to - from;

	if (!in->killing)
		in->kill_len = 0;
	if (n > TEXT_MAX - in->kill_len)
		n = TEXT_MAX - in->kill_len;
	if (before) {
		memmove(in->kill + n, in->kill, in->kill_len);
		memcpy(in->kill, in->text + from, n);
	} else {
		memcpy(in->kill + in->kill_len, in->text + from, n);
	}
	in->kill_len += n;
	cut(in, from, to);
}

static void insert(struct input *in, const char *s, size_t len)
{
	/* A piece that is too long is cut between characters. */
	if (len > TEXT_MAX - in->len) {
		len = TEXT_MAX - in->len;
		while (len && ((unsigned char)s[len] & 0xC0) == 0x80)
			len--;
	}
	memmove(in->text + in->at + len, in->text + in->at, in->len - in->at);
	memcpy(in->text + in->at, s, len);
	in->len += len;
	in->at += len;
	in->text[in->len] = 0;
}

static void set_text(struct input *in, const char *s)
{
	in->len = in->at = 0;
	insert(in, s, strlen(s));
}

void input_insert(struct input *in, const char *text, size_t len)
{
	char *clean = text_clean(text, len, TEXT_MAX, TEXT_LINES);

	matches_drop(in);
	in->killing = false;
	if (!clean)
		return;
	insert(in, clean, strlen(clean));
	free(clean);
}

static void swap_glyphs(struct input *in)
{
	size_t right = in->at < in->len ? glyph_right(in, in->at) : in->at;
	size_t mid = in->at < in->len ? in->at : glyph_left(in, in->at);
	size_t left = mid ? glyph_left(in, mid) : 0;
	char a[64];
	size_t n = mid - left;

	if (!mid || n > sizeof(a))
		return;
	memcpy(a, in->text + left, n);
	memmove(in->text + left, in->text + mid, right - mid);
	memcpy(in->text + left + (right - mid), a, n);
	in->at = right;
}

static void step_history(struct input *in, bool older)
{
	if (older ? in->pick == 0 : in->pick >= in->lines)
		return;
	if (in->pick == in->lines) {
		free(in->typed);
		in->typed = strdup(in->text);
	}
	in->pick += older ? (size_t)-1 : 1;
	set_text(in, in->pick < in->lines ? in->history[in->pick] : in->typed ? in->typed : "");
}

static bool do_kill(struct input *in, enum input_action a)
{
	switch (a) {
	case INPUT_KILL_WORD_LEFT:
		kill_text(in, word_left(in, in->at), in->at, true);
		return true;
	case INPUT_KILL_BLANK_LEFT:
		kill_text(in, blank_left(in, in->at), in->at, true);
		return true;
	case INPUT_KILL_HOME:
		kill_text(in, 0, in->at, true);
		return true;
	case INPUT_KILL_WORD_RIGHT:
		kill_text(in, in->at, word_right(in, in->at), false);
		return true;
	case INPUT_KILL_END:
		kill_text(in, in->at, in->len, false);
		return true;
	default:
		return false;
	}
}

static void do_move(struct input *in, enum input_action a)
{
	switch (a) {
	case INPUT_LEFT:
		in->at = glyph_left(in, in->at);
		break;
	case INPUT_RIGHT:
		in->at = glyph_right(in, in->at);
		break;
	case INPUT_WORD_LEFT:
		in->at = word_left(in, in->at);
		break;
	case INPUT_WORD_RIGHT:
		in->at = word_right(in, in->at);
		break;
	case INPUT_HOME:
		in->at = 0;
		break;
	case INPUT_END:
		in->at = in->len;
		break;
	default:
		break;
	}
}

void input_do(struct input *in, enum input_action a)
{
	bool killed;

	matches_drop(in);
	killed = do_kill(in, a);
	in->killing = killed;
	if (killed)
		return;
	switch (a) {
	case INPUT_BACKSPACE:
		cut(in, glyph_left(in, in->at), in->at);
		break;
	case INPUT_DELETE:
		cut(in, in->at, glyph_right(in, in->at));
		break;
	case INPUT_YANK:
		insert(in, in->kill, in->kill_len);
		break;
	case INPUT_SWAP:
		swap_glyphs(in);
		break;
	case INPUT_OLDER:
	case INPUT_NEWER:
		step_history(in, a == INPUT_OLDER);
		break;
	case INPUT_CLEAR:
		cut(in, 0, in->len);
		in->pick = in->lines;
		break;
	default:
		do_move(in, a);
	}
}

/* ---- Tab ---- */

static bool same_letter(char a, char b)
{
	if (a >= 'A' && a <= 'Z')
		a |= 0x20;
	if (b >= 'A' && b <= 'Z')
		b |= 0x20;
	return a == b;
}

/* Bytes that all have in common, cut between characters. */
static size_t common(char **v, size_t n)
{
	size_t len = strlen(v[0]);

	for (size_t i = 1; i < n; i++) {
		size_t k = 0;

		while (k < len && v[i][k] && same_letter(v[0][k], v[i][k]))
			k++;
		len = k;
	}
	while (len && ((unsigned char)v[0][len] & 0xC0) == 0x80)
		len--;
	return len;
}

static void replace_word(struct input *in, const char *s, size_t len)
{
	size_t end = in->len - in->tail;

	cut(in, in->word, end);
	insert(in, s, len);
	in->tail = in->len - in->at;
}

static bool begin_matches(struct input *in, input_complete_h *complete, void *ctx)
{
	size_t start = in->at;
	char **v = complete(ctx, in->text, in->at, &start);

	if (!v || !v[0] || start > in->at) {
		for (size_t i = 0; v && v[i]; i++)
			free(v[i]);
		free(v);
		return false;
	}
	in->match = v;
	while (v[in->matches])
		in->matches++;
	in->word = start;
	in->tail = in->len - in->at;
	return true;
}

size_t input_complete(struct input *in, bool backwards, input_complete_h *complete, void *ctx,
		      char *const **all)
{
	size_t n, prefix;

	in->killing = false;
	if (in->matches == 1)           /* it stands; now for what is typed behind it */
		matches_drop(in);
	if (in->match) {
		n = in->matches;
		if (in->turn >= n)
			in->turn = backwards ? n - 1 : 0;
		else
			in->turn = (in->turn + (backwards ? n - 1 : 1)) % n;
	} else {
		if (!begin_matches(in, complete, ctx))
			return 0;
		n = in->matches;
		in->turn = n;
		prefix = common(in->match, n);
		if (n > 1 && prefix > in->at - in->word) {
			replace_word(in, in->match[0], prefix);
			if (all)
				*all = in->match;
			return n;
		}
		in->turn = backwards ? n - 1 : 0;
	}
	replace_word(in, in->match[in->turn], strlen(in->match[in->turn]));
	if (all)
		*all = in->match;
	return n;
}

/* ---- out ---- */

const char *input_text(const struct input *in)
{
	return in->text;
}

size_t input_cursor(const struct input *in)
{
	return in->at;
}

static void remember(struct input *in, const char *line)
{
	char *copy;

	if (!*line || (in->lines && !strcmp(in->history[in->lines - 1], line)))
		return;
	copy = strdup(line);
	if (!copy)
		return;
	if (in->lines == HISTORY) {
		free(in->history[0]);
		memmove(in->history, in->history + 1, (HISTORY - 1) * sizeof(*in->history));
		in->lines--;
	}
	in->history[in->lines++] = copy;
}

char *input_take(struct input *in, bool keep)
{
	char *line = strdup(in->text);

	matches_drop(in);
	in->killing = false;
	if (keep && line)
		remember(in, line);
	in->pick = in->lines;
	text_wipe(in->text, in->len);
	in->len = in->at = 0;
	in->text[0] = 0;
	return line;
}
