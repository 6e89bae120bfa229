/* picture.h - a call that was never held, and a screen in memory to see it on */
#ifndef UNIT_UI_PICTURE_H
#define UNIT_UI_PICTURE_H
#include "unit/unit.h"
#include "ui/input.h"
#include "ui/screen.h"
#include "ui/term_out.h"

enum { PICTURE_MESSAGES = 6000 };

struct picture {
	struct view view;
	struct nicks nicks;
	struct message message[PICTURE_MESSAGES + 1];   /* entry n at [n] */
	struct screen screen;
	struct input *input;
	struct term_out *out;
	int rows, columns;
};

/* Six people and a bit of chat; as in a listening evening. */
void picture_new(struct picture **out, int columns, int rows);
void picture_free(struct picture **p);

void picture_say(struct picture *p, const struct message *m);
struct person *picture_person(struct picture *p, const char *id, const char *name);

/* Draws all and returns the screen as text, a line a row (free()). */
char *picture_text(struct picture *p);
/* The same, compared with tests/screen/NAME.txt; GENERATE=1 writes that. */
void picture_is(struct picture *p, const char *name);

/* 2026-11-24, hour and minute. */
int64_t picture_time(int hour, int minute);

#endif
