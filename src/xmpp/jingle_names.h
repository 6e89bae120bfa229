/* jingle_names.h - actions and their names (files of xmpp) */
#ifndef XMPP_JINGLE_NAMES_H
#define XMPP_JINGLE_NAMES_H
#include "xmpp/jingle.h"

enum { JINGLE_NAMES = 13 };
struct jingle_name { enum jingle_action action; const char *name; };
/* An action's first name is the one that is written. */
extern const struct jingle_name jingle_names[JINGLE_NAMES];

#endif
