/* line.h - line mode: whole sentences, nothing but text, commands as input */
#ifndef UI_LINE_H
#define UI_LINE_H
#include <stddef.h>
#include <stdint.h>
#include "session/session.h"
#include "session/settings.h"

struct line;

struct line_ops {
	void (*write)(void *ctx, const char *text, size_t len); /* must not block */
	/* Whether what is typed is shown.  False: that is not to be had here
	 * (no terminal), and then nobody is asked for a secret. */
	bool (*echo)(void *ctx, bool on);
};

int line_new(struct line **out, struct session *s, struct settings *settings,
	     const struct line_ops *ops, void *ctx);
void line_free(struct line **l);        /* what is typed is shown again */
void line_input(struct line *l, const char *bytes, size_t len, int64_t now_us);
void line_end(struct line *l);          /* there is no more input */
void line_suspend(struct line *l);      /* before SIGSTOP: the shell's typing is shown */
void line_resume(struct line *l);       /* after SIGCONT */
int64_t line_tick(struct line *l, int64_t now_us);

#endif
