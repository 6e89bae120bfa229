/* figures.h - the stats object of the control socket (files of session) */
#ifndef SESSION_FIGURES_H
#define SESSION_FIGURES_H
#include <jansson.h>
#include "base/buf.h"

struct session;

json_t *session_figures_json(struct session *s);
/* A line for /dump: what the bridge channel by SCTP carried. */
void session_channel_text(struct session *s, struct buf *out);

#endif
