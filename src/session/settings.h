/* settings.h - every option of the config: one const table
 *
 * The command line, the config file, /set, config.example and the man page
 * all read it.  No disk here: app/config.c loads and saves.
 */
#ifndef SESSION_SETTINGS_H
#define SESSION_SETTINGS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type { SETTING_TEXT, SETTING_BOOL, SETTING_INT, SETTING_CHOICE, SETTING_DURATION };

struct setting {
	const char *key;        /* "audio.mic": section and key; no dot: section [general] */
	enum setting_type type;
	const char *def;        /* default as text */
	const char *choices;    /* "off|receive|on"; INT: "min|max" */
	const char *help;       /* one line: what it does, its unit */
	bool secret;            /* never shown, never saved */
};
const struct setting *settings_table(size_t *count);
const struct setting *settings_find(const char *key);

struct settings;
int settings_new(struct settings **out);
void settings_free(struct settings **s);        /* wipes secrets */
/* -ENOENT: no such key; -EINVAL with *why (new string): what was expected. */
int settings_set(struct settings *s, const char *key, const char *value, char **why);
const char *settings_text(const struct settings *s, const char *key);   /* never NULL */
bool settings_bool(const struct settings *s, const char *key);
int64_t settings_int(const struct settings *s, const char *key);
int64_t settings_duration_us(const struct settings *s, const char *key);
/* app gives this so that /set can save; text for people in *why. */
void settings_set_saver(struct settings *s,
			int (*save)(void *ctx, const char *key, const char *value, char **why),
			void *ctx);
int settings_save(struct settings *s, const char *key, char **why);

#endif
