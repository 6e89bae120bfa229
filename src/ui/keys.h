/* keys.h - bytes of the terminal to keys
 *
 * Bytes and time come in, keys come out.  ESC before a key is Alt, whether
 * the terminal sent both or a person typed one after the other.  Sequences
 * that are not known are swallowed whole.
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is its character, or one of these, above all characters. */
enum {
	K_NONE = 0x110000, K_ENTER, K_TAB, K_BACKSPACE, K_ESC, K_UP, K_DOWN,
	K_LEFT, K_RIGHT, K_HOME, K_END, K_PAGE_UP, K_PAGE_DOWN, K_INSERT,
	K_DELETE, K_PASTE, K_FN             /* K_FN + 1 is F1, up to 24 */
};
enum { MOD_SHIFT = 1, MOD_ALT = 2, MOD_CTRL = 4 };

struct key { unsigned code, mods; };

struct keys;

int keys_new(struct keys **out);
void keys_free(struct keys **k);
void keys_input(struct keys *k, const char *bytes, size_t len, int64_t now_us);
/* False when there is no whole key (yet). */
bool keys_next(struct keys *k, int64_t now_us, struct key *out);
/* When a sequence that stands open is decided; CLOCK_NEVER if none. */
int64_t keys_deadline(const struct keys *k);
/* After K_PASTE: what was pasted, as it came. */
const char *keys_pasted(const struct keys *k, size_t *len);

/* "Alt+m", "Ctrl+A", "F2", "PageUp" into out. */
void keys_name(struct key key, char *out, size_t size);

#endif
