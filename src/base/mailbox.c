/* mailbox.c - one slot between two threads; an atomic exchange is all */
#include "base/mailbox.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mailbox {
	_Atomic(void *) item;
	void (*drop)(void *item);
};

int mailbox_new(struct mailbox **out, void (*drop)(void *item))
{
	struct mailbox *m = calloc(1, sizeof(*m));

	*out = m;
	if (!m)
		return -ENOMEM;
	m->drop = drop;
	return 0;
}

void mailbox_put(struct mailbox *m, void *item)
{
	void *old = atomic_exchange(&m->item, item);

	if (old)
		m->drop(old);
}

void *mailbox_take(struct mailbox *m)
{
	return atomic_exchange(&m->item, NULL);
}

void mailbox_free(struct mailbox **m)
{
	if (*m)
		mailbox_put(*m, NULL);
	free(*m);
	*m = NULL;
}
