/* bindings.h - the one list of keys
 *
 * The full screen acts by it, and /help keys prints it.  A key runs a command
 * of the session's table wherever there is one, so that nothing needs a key.
 */
#ifndef UI_BINDINGS_H
#define UI_BINDINGS_H
#include <stdbool.h>
#include "base/buf.h"
#include "ui/keys.h"

enum action {
	ACT_NONE,
	ACT_COMMAND,            /* runs binding.command; only refusals are said */
	ACT_PRINT,              /* the same; what it says is printed, too */
	ACT_EDIT,               /* binding.arg is an enum input_action */
	ACT_SUBMIT, ACT_COMPLETE, ACT_COMPLETE_BACK, ACT_DELETE_OR_HINT, ACT_INTERRUPT,
	ACT_ESCAPE, ACT_PASTE, ACT_REDRAW, ACT_PEOPLE, ACT_CHAT, ACT_UNREAD,
	ACT_PAGE_UP, ACT_PAGE_DOWN, ACT_CHOOSE_UP, ACT_CHOOSE_DOWN, ACT_CHOOSE,
	ACT_LOUDER, ACT_QUIETER, ACT_HELP
};

struct binding {
	struct key key;
	enum action action;
	int arg;
	const char *command;
	const char *group;      /* NULL: that of the line before */
	const char *help;       /* NULL: another key for the line before */
};

/* web: the web client's single letters count, too (keys.web, and nothing is
 * typed yet).  NULL: the key is not bound. */
const struct binding *binding_find(struct key key, bool web);

void bindings_help(struct buf *text);

#endif
