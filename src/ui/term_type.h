/* term_type.h - is this a terminal that a screen can be drawn on? */
#ifndef UI_TERM_TYPE_H
#define UI_TERM_TYPE_H
#include <stdbool.h>

/* type NULL: $TERM. */
bool term_type_usable(const char *type);

#endif
