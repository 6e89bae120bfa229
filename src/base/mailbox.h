/* mailbox.h - one slot between two threads; the newest wins */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

struct mailbox;

int mailbox_new(struct mailbox **out, void (*drop)(void *item));
void mailbox_free(struct mailbox **m);          /* drops what lies in it */
/* Any thread; lock-free.  Takes item, drops the one before. */
void mailbox_put(struct mailbox *m, void *item);
/* Any thread; lock-free.  Gives the item to the caller, or NULL. */
void *mailbox_take(struct mailbox *m);

#endif
