/* figures.h - the stats object of the control socket (files of session) */
#ifndef SESSION_FIGURES_H
#define SESSION_FIGURES_H
#include <jansson.h>

struct session;

json_t *session_figures_json(struct session *s);

#endif
