/* term_type.c - looks into terminfo before ncurses is started
 *
 * newterm() forgets some memory when it refuses, and takes terminals that
 * cannot move their cursor.  A file of its own, because <term.h> makes macros
 * of words like `lines` and `columns`.
 */
#include "ui/term_type.h"
#include <curses.h>
#include <term.h>

bool term_type_usable(const char *type)
{
	TERMINAL *before = set_curterm(NULL);
	int err;
	bool can = setupterm(type, 1, &err) == OK && cursor_address && clear_screen;
	TERMINAL *ours = set_curterm(before);

	if (ours)
		del_curterm(ours);
	return can;
}
