/* rt.c - the guard of what must never wait; see the header */
#include "base/rt.h"
#ifdef TTYMEET_DEBUG
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local int depth;

void rt_enter(void)
{
	depth++;
}

void rt_leave(void)
{
	if (depth)
		depth--;
}

void rt_forbid(const char *what)
{
	static const char words[] = "ttymeet: where nothing may wait: ";

	if (!depth)
		return;
	depth = 0;              /* abort() itself may allocate */
	(void)!write(2, words, sizeof(words) - 1);
	(void)!write(2, what, strlen(what));
	(void)!write(2, "\n", 1);
	abort();
}
#endif
