/* bindings.c - the table of keys
 *
 * Letters always type; so voice lives behind Alt.  Not used, because others
 * do: Ctrl+S and Ctrl+Q (flow control), Ctrl+Z (job control), F1, F10, F11
 * (terminal windows).
 */
#include "ui/bindings.h"
#include "ui/input.h"

/* A key with a line of its own in /help keys, and another one for the same. */
#define BIND(code, mods, action, arg, command, help) \
	{ { code, mods }, action, arg, command, NULL, help }
#define ALSO(code, mods, action, arg, command) \
	{ { code, mods }, action, arg, command, NULL, NULL }
#define GROUP(name) { { K_NONE, 0 }, ACT_NONE, 0, NULL, name, NULL }

static const struct binding table[] = {
	GROUP("voice"),
	BIND('m', MOD_ALT, ACT_COMMAND, 0, "ptt", "mute, unmute"),
	BIND('t', MOD_ALT, ACT_COMMAND, 0, "ptt", "talk, stop talking"),
	ALSO(K_FN + 2, 0, ACT_COMMAND, 0, "ptt"),
	BIND('h', MOD_ALT, ACT_COMMAND, 0, "hand", "raise or lower your hand"),
	BIND('u', MOD_ALT, ACT_COMMAND, 0, "music", "music mode on and off"),
	BIND('v', MOD_ALT, ACT_PRINT, 0, "video", "video"),
	ALSO('q', MOD_ALT, ACT_PRINT, 0, "video"),

	GROUP("people and chat"),
	BIND('p', MOD_ALT, ACT_PEOPLE, 0, NULL, "people pane on and off"),
	BIND(K_UP, MOD_ALT, ACT_CHOOSE_UP, 0, NULL, "choose a person"),
	ALSO(K_DOWN, MOD_ALT, ACT_CHOOSE_DOWN, 0, NULL),
	ALSO('1', MOD_ALT, ACT_CHOOSE, 1, NULL),
	ALSO('2', MOD_ALT, ACT_CHOOSE, 2, NULL),
	ALSO('3', MOD_ALT, ACT_CHOOSE, 3, NULL),
	ALSO('4', MOD_ALT, ACT_CHOOSE, 4, NULL),
	ALSO('5', MOD_ALT, ACT_CHOOSE, 5, NULL),
	ALSO('6', MOD_ALT, ACT_CHOOSE, 6, NULL),
	ALSO('7', MOD_ALT, ACT_CHOOSE, 7, NULL),
	ALSO('8', MOD_ALT, ACT_CHOOSE, 8, NULL),
	ALSO('9', MOD_ALT, ACT_CHOOSE, 9, NULL),
	BIND(K_LEFT, MOD_ALT, ACT_QUIETER, 0, NULL, "volume of the chosen person"),
	ALSO(K_RIGHT, MOD_ALT, ACT_LOUDER, 0, NULL),
	BIND('c', MOD_ALT, ACT_CHAT, 0, NULL, "back to the chat and its end"),
	BIND('a', MOD_ALT, ACT_UNREAD, 0, NULL, "next unread"),
	BIND(K_PAGE_UP, 0, ACT_PAGE_UP, 0, NULL, "scroll the chat"),
	ALSO(K_PAGE_DOWN, 0, ACT_PAGE_DOWN, 0, NULL),
	BIND('s', MOD_ALT, ACT_PRINT, 0, "stats", "figures of the call"),
	BIND('l', MOD_CTRL, ACT_REDRAW, 0, NULL, "draw anew"),

	GROUP("input line"),
	BIND(K_ENTER, 0, ACT_SUBMIT, 0, NULL, "say it, run it"),
	BIND(K_TAB, 0, ACT_COMPLETE, 0, NULL, "complete a command or a name"),
	ALSO(K_TAB, MOD_SHIFT, ACT_COMPLETE_BACK, 0, NULL),
	BIND(K_UP, 0, ACT_EDIT, INPUT_OLDER, NULL, "what was typed before"),
	ALSO(K_DOWN, 0, ACT_EDIT, INPUT_NEWER, NULL),
	ALSO('p', MOD_CTRL, ACT_EDIT, INPUT_OLDER, NULL),
	ALSO('n', MOD_CTRL, ACT_EDIT, INPUT_NEWER, NULL),
	BIND('a', MOD_CTRL, ACT_EDIT, INPUT_HOME, NULL, "to the start, to the end"),
	ALSO('e', MOD_CTRL, ACT_EDIT, INPUT_END, NULL),
	ALSO(K_HOME, 0, ACT_EDIT, INPUT_HOME, NULL),
	ALSO(K_END, 0, ACT_EDIT, INPUT_END, NULL),
	BIND('b', MOD_CTRL, ACT_EDIT, INPUT_LEFT, NULL, "by letters"),
	ALSO('f', MOD_CTRL, ACT_EDIT, INPUT_RIGHT, NULL),
	ALSO(K_LEFT, 0, ACT_EDIT, INPUT_LEFT, NULL),
	ALSO(K_RIGHT, 0, ACT_EDIT, INPUT_RIGHT, NULL),
	BIND('b', MOD_ALT, ACT_EDIT, INPUT_WORD_LEFT, NULL, "by words"),
	ALSO('f', MOD_ALT, ACT_EDIT, INPUT_WORD_RIGHT, NULL),
	ALSO(K_LEFT, MOD_CTRL, ACT_EDIT, INPUT_WORD_LEFT, NULL),
	ALSO(K_RIGHT, MOD_CTRL, ACT_EDIT, INPUT_WORD_RIGHT, NULL),
	BIND(K_BACKSPACE, 0, ACT_EDIT, INPUT_BACKSPACE, NULL, "delete a letter"),
	ALSO(K_DELETE, 0, ACT_EDIT, INPUT_DELETE, NULL),
	ALSO('d', MOD_CTRL, ACT_DELETE_OR_HINT, 0, NULL),
	BIND('w', MOD_CTRL, ACT_EDIT, INPUT_KILL_BLANK_LEFT, NULL, "delete a word"),
	ALSO(K_BACKSPACE, MOD_ALT, ACT_EDIT, INPUT_KILL_WORD_LEFT, NULL),
	ALSO('d', MOD_ALT, ACT_EDIT, INPUT_KILL_WORD_RIGHT, NULL),
	BIND('u', MOD_CTRL, ACT_EDIT, INPUT_KILL_HOME, NULL, "delete to the start, to the end"),
	ALSO('k', MOD_CTRL, ACT_EDIT, INPUT_KILL_END, NULL),
	BIND('y', MOD_CTRL, ACT_EDIT, INPUT_YANK, NULL, "put back what was deleted"),
	BIND('t', MOD_CTRL, ACT_EDIT, INPUT_SWAP, NULL, "swap two letters"),
	BIND('c', MOD_CTRL, ACT_INTERRUPT, 0, NULL, "empty the line"),
	BIND(K_ESC, 0, ACT_ESCAPE, 0, NULL, "then a key: works for Alt"),
	ALSO(K_PASTE, 0, ACT_PASTE, 0, NULL),
};

/* The letters of the web client (its handbook, "keyboard shortcuts"). */
static const struct binding web_table[] = {
	GROUP("with /set keys.web on, while the line is empty"),
	BIND('m', 0, ACT_COMMAND, 0, "ptt", "mute, unmute"),
	ALSO(' ', 0, ACT_COMMAND, 0, "ptt"),
	BIND('v', 0, ACT_PRINT, 0, "video", "video"),
	BIND('c', 0, ACT_CHAT, 0, NULL, "chat"),
	BIND('p', 0, ACT_PEOPLE, 0, NULL, "people"),
	BIND('r', 0, ACT_COMMAND, 0, "hand", "hand"),
	BIND('t', 0, ACT_PRINT, 0, "stats", "figures"),
	BIND('?', 0, ACT_HELP, 0, NULL, "this list"),
};

enum {
	COUNT = sizeof(table) / sizeof(table[0]),
	WEB_COUNT = sizeof(web_table) / sizeof(web_table[0]),
	KEYS_COLUMNS = 22
};

static const struct binding *find(const struct binding *t, size_t n, struct key key)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].action != ACT_NONE && t[i].key.code == key.code && t[i].key.mods == key.mods)
			return &t[i];
	return NULL;
}

const struct binding *binding_find(struct key key, bool web)
{
	const struct binding *b = web ? find(web_table, WEB_COUNT, key) : NULL;

	return b ? b : find(table, COUNT, key);
}

static void help_of(struct buf *text, const struct binding *t, size_t n)
{
	for (size_t i = 0; i < n;) {
		struct buf keys = { 0 };
		const char *help = t[i].help;

		if (t[i].action == ACT_NONE) {
			buf_addf(text, "%s%s\n", text->len ? "\n" : "", t[i++].group);
			continue;
		}
		do {
			char name[32];

			keys_name(t[i].key, name, sizeof(name));
			/* Nine digits would say no more than one. */
			if (*name && (t[i].action != ACT_CHOOSE || t[i].arg == 1 || t[i].arg == 9))
				buf_addf(&keys, "%s%s", !keys.len ? "" : t[i].arg == 9 &&
					 t[i].action == ACT_CHOOSE ? ".." : ", ", name);
			i++;
		} while (i < n && !t[i].help && t[i].action != ACT_NONE);
		buf_addf(text, "  %-*s  %s\n", KEYS_COLUMNS, buf_str(&keys), help);
		buf_free(&keys);
	}
}

void bindings_help(struct buf *text)
{
	help_of(text, table, COUNT);
	help_of(text, web_table, WEB_COUNT);
}
