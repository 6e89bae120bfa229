/* post.h - messages to one thread, with a wake
 *
 * Any thread sends; the thread that owns the post runs the messages in
 * order.  A leaf mutex guards a singly linked list; an eventfd wakes the
 * receiver's poll.  A message is a struct of the sender's that begins with
 * struct post_msg:
 *
 *	struct hello { struct post_msg m; char *text; };
 *
 * run() is called once on the owner's thread and frees the message; drop()
 * is called instead when the post is freed first.
 */
#ifndef BASE_POST_H
#define BASE_POST_H
#include <stdbool.h>
#include <stddef.h>

struct post;

struct post_msg {
	struct post_msg *next;                  /* the post's, while queued */
	void (*run)(struct post_msg *m);
	void (*drop)(struct post_msg *m);
};

/* max: how many messages may wait; 0 = no limit. */
int post_new(struct post **out, size_t max);
/* Owner's thread, after all senders have stopped.  Drops what waits. */
void post_free(struct post **p);

/* Readable while messages wait: poll it, then call post_run(). */
int post_fd(const struct post *p);

/* Any thread.  Takes m in any case; -ENOSPC: full, m was dropped. */
int post_send(struct post *p, struct post_msg *m);

/* Owner's thread.  Runs what waited when it was called.  Returns how many.  A
 * message may free the post; those behind it are dropped then. */
size_t post_run(struct post *p);

#endif
