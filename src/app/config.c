/* config.c - the config file: INI that people edit and /set changes
 *
 * Read line by line, so that a bad line costs itself and not the file.  Saving
 * one key touches one line; comments, order and what we do not know stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/folder.h"

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r\n", end[-1]))
		*--end = 0;
	return s;
}

/* "key = value" or "[section]"; returns false for blanks and comments. */
static bool parse(char *line, char **section, char **key, char **value)
{
	char *p = trim(line), *eq;

	*section = *key = *value = NULL;
	if (!*p || *p == '#' || *p == ';')
		return false;
	if (*p == '[' && p[strlen(p) - 1] == ']') {
		p[strlen(p) - 1] = 0;
		*section = trim(p + 1);
		return true;
	}
	eq = strchr(p, '=');
	if (eq) {
		*eq = 0;
		*key = trim(p);
		*value = trim(eq + 1);
	}
	return true;
}

/* [general] holds the keys without a dot. */
static void full_key(struct buf *out, const char *section, const char *key)
{
	buf_clear(out);
	if (*section && strcmp(section, "general"))
		buf_addf(out, "%s.", section);
	buf_adds(out, key);
}

static int complain(const char *path, unsigned n, const char *words)
{
	fprintf(stderr, "ttymeet: %s:%u: %s\n", path, n, words);
	return 1;
}

static int load_line(struct settings *s, const char *path, unsigned n, const char *section,
		     const char *key, const char *value, struct buf *full)
{
	const struct setting *d;
	char *why = NULL;
	int bad = 0;

	full_key(full, section, key);
	d = settings_find(buf_str(full));
	if (d && d->secret)
		return complain(path, n, "secrets do not belong into a config; see --password-file");
	if (settings_set(s, buf_str(full), value, &why))
		bad = complain(path, n, why ? why : "out of memory");
	free(why);
	return bad;
}

int config_load(struct settings *s, const char *path, bool must_exist)
{
	FILE *f = fopen(path, "re");
	char line[4096], *sec, *key, *value, section[128] = "general";
	struct buf full = { 0 };
	unsigned n = 0;
	int bad = 0;

	if (!f)
		return errno == ENOENT && !must_exist ? 0 : -errno;
	while (fgets(line, sizeof(line), f)) {
		n++;
		if (!parse(line, &sec, &key, &value))
			continue;
		if (sec)
			snprintf(section, sizeof(section), "%s", sec);
		else if (!key)
			bad += complain(path, n, "expected [section] or key = value");
		else
			bad += load_line(s, path, n, section, key, value, &full);
	}
	buf_free(&full);
	fclose(f);
	return bad;
}

/* Copies the file with the key changed, or added to its section. */
static void rewrite(FILE *in, struct buf *out, const char *section, const char *name,
		    const char *value)
{
	char line[4096], copy[4096], *sec, *key, *v, now[128] = "general";
	bool done = false;

	while (in && fgets(line, sizeof(line), in)) {
		snprintf(copy, sizeof(copy), "%s", line);
		if (parse(copy, &sec, &key, &v)) {
			if (sec && !done && !strcmp(now, section)) {
				buf_addf(out, "%s = %s\n", name, value);
				done = true;
			}
			if (sec)
				snprintf(now, sizeof(now), "%s", sec);
			if (key && !strcmp(now, section) && !strcmp(key, name)) {
				if (!done)
					buf_addf(out, "%s = %s\n", name, value);
				done = true;
				continue;
			}
		}
		buf_adds(out, line);
		if (line[0] && line[strlen(line) - 1] != '\n')
			buf_addc(out, '\n');
	}
	if (done)
		return;
	if (strcmp(now, section))
		buf_addf(out, "%s[%s]\n", out->len ? "\n" : "", section);
	buf_addf(out, "%s = %s\n", name, value);
}

static int write_whole(const char *path, const struct buf *b)
{
	struct buf tmp = { 0 };
	FILE *f;
	int err = 0;

	buf_addf(&tmp, "%s.%d", path, (int)getpid());
	f = fopen(buf_str(&tmp), "we");
	if (!f) {
		err = -errno;
	} else {
		fchmod(fileno(f), 0600);
		if (fwrite(b->p, 1, b->len, f) != b->len)
			err = -EIO;
		if (fclose(f))
			err = -errno;
		if (!err && rename(buf_str(&tmp), path))
			err = -errno;
		if (err)
			unlink(buf_str(&tmp));
	}
	buf_free(&tmp);
	return err;
}

int config_save(const char *path, const char *key, const char *value, char **why)
{
	const char *dot = strchr(key, '.');
	char section[128] = "general";
	struct buf out = { 0 }, words = { 0 };
	FILE *in = fopen(path, "re");
	int err;

	*why = NULL;
	if (dot)
		snprintf(section, sizeof(section), "%.*s", (int)(dot - key), key);
	rewrite(in, &out, section, dot ? dot + 1 : key, value);
	if (in)
		fclose(in);
	err = folder_make_parent(path, 0700);
	if (!err)
		err = write_whole(path, &out);
	if (err) {
		buf_addf(&words, "%s: %s", path, strerror(-err));
		*why = buf_steal(&words);
	}
	buf_free(&out);
	return err;
}
