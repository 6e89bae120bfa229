/* line.h - line mode: whole sentences, nothing but text, commands as input */
#ifndef UI_LINE_H
#define UI_LINE_H
#include <stddef.h>
#include <stdint.h>
#include "session/session.h"
#include "session/settings.h"

struct line;

/* write() must not block (a bounded queue to a thread). */
int line_new(struct line **out, struct session *s, struct settings *settings,
	     void (*write)(void *ctx, const char *text, size_t len), void *ctx);
void line_free(struct line **l);
void line_input(struct line *l, const char *bytes, size_t len, int64_t now_us);
int64_t line_tick(struct line *l, int64_t now_us);

#endif
