/* input.h - the line being typed: text, cursor, history, kill and yank
 *
 * Knows neither keys nor screen: full.c tells it what to do, and draws from
 * what it says.  Text is valid UTF-8 without control characters but '\n',
 * which a paste may bring; nothing is sent before somebody presses Enter.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

enum input_action {
	INPUT_LEFT, INPUT_RIGHT, INPUT_WORD_LEFT, INPUT_WORD_RIGHT, INPUT_HOME, INPUT_END,
	INPUT_BACKSPACE, INPUT_DELETE, INPUT_KILL_WORD_LEFT, INPUT_KILL_BLANK_LEFT,
	INPUT_KILL_WORD_RIGHT, INPUT_KILL_HOME, INPUT_KILL_END, INPUT_YANK, INPUT_SWAP,
	INPUT_OLDER, INPUT_NEWER, INPUT_CLEAR
};

int input_new(struct input **out);
void input_free(struct input **in);

void input_insert(struct input *in, const char *text, size_t len);
void input_do(struct input *in, enum input_action a);

/* Tab.  complete() is asked once for the word at the cursor and gives what
 * session_complete() gives; further calls go round.  Returns how many there
 * are, and *all (may be NULL) lists them, lent until the next call. */
typedef char **input_complete_h(void *ctx, const char *line, size_t at, size_t *start);
size_t input_complete(struct input *in, bool backwards, input_complete_h *complete, void *ctx,
		      char *const **all);

const char *input_text(const struct input *in);
size_t input_cursor(const struct input *in);    /* byte offset */

/* Takes the line (free()) and empties it; keep: into the history. */
char *input_take(struct input *in, bool keep);

#endif
