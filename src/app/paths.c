/* paths.c - where files are, by the XDG base directory specification */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include <signal.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/text.h"

/* Unset and empty mean the usual default; relative paths are invalid. */
static char *path_xdg(const char *variable, const char *usual, const char *name)
{
	const char *v = getenv(variable), *home = getenv("HOME");
	struct buf b = { 0 };

	if (v && *v == '/')
		buf_adds(&b, v);
	else
		buf_addf(&b, "%s/%s", home && *home ? home : "/", usual);
	buf_addf(&b, "/ttymeet/%s", name);
	return buf_steal(&b);
}

char *path_config(const char *name)
{
	return path_xdg("XDG_CONFIG_HOME", ".config", name);
}

char *path_state(const char *name)
{
	return path_xdg("XDG_STATE_HOME", ".local/state", name);
}

char *path_data(const char *name)
{
	return path_xdg("XDG_DATA_HOME", ".local/share", name);
}

/* A folder that is ours and that nobody else can enter. */
static bool is_private(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       !(st.st_mode & 077);
}

char *path_runtime(bool make)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
	struct buf b = { 0 };
	char *path;

	if (run && *run == '/')
		buf_addf(&b, "%s/ttymeet", run);
	else
		buf_addf(&b, "%s/ttymeet-%u", tmp && *tmp == '/' ? tmp : "/tmp", (unsigned)getuid());
	path = buf_steal(&b);
	if (path && make && mkdir(path, 0700) && errno != EEXIST) {
		free(path);
		return NULL;
	}
	if (path && !is_private(path)) {
		free(path);
		return NULL;
	}
	return path;
}

/* $TTYMEET_DATA; beside the sources of a build, some folders up from the
 * program; ../share beside an installed one; where it was told to install. */
char *path_demo_file(const char *name)
{
	const char *env = getenv("TTYMEET_DATA");
	char exe[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct buf b = { 0 };

	if (env && *env) {
		buf_addf(&b, "%s/%s", env, name);
		return buf_steal(&b);
	}
	exe[n > 0 ? n : 0] = 0;
	for (int up = 0; up < 5 && (slash = strrchr(exe, '/')); up++) {
		*slash = 0;
		buf_clear(&b);
		buf_addf(&b, "%s/%s/%s", exe, up == 1 ? "share/ttymeet" : "src/app/demo", name);
		if (!access(buf_str(&b), R_OK))
			return buf_steal(&b);
	}
	buf_clear(&b);
	buf_addf(&b, "%s/%s", TTYMEET_DATADIR, name);
	return buf_steal(&b);
}

char *host_file_url(void)
{
	char *dir = path_runtime(false), *url = NULL;
	struct buf b = { 0 };
	json_t *j;
	long pid;

	if (!dir)
		return NULL;
	buf_addf(&b, "%s/host.json", dir);
	j = json_load_file(buf_str(&b), 0, NULL);
	pid = (long)json_integer_value(json_object_get(j, "pid"));
	/* A file that a killed host left behind names a process that is gone. */
	if (pid > 0 && (!kill((pid_t)pid, 0) || errno == EPERM)) {
		const char *u = json_string_value(json_object_get(j, "url"));

		url = u ? strdup(u) : NULL;
	}
	json_decref(j);
	buf_free(&b);
	free(dir);
	return url;
}
