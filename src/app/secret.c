/* secret.c - passwords and tokens from files, stdin and the environment */
#include "app/secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/text.h"

enum { SECRET_MAX = 64 * 1024 };        /* a token with many claims is a few KiB */

static int fail(int err, const char *path, const char *words, char **why)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s: %s", path, words);
	*why = buf_steal(&b);
	return err;
}

int secret_read(const char *path, char **out, char **why)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char *text = malloc(SECRET_MAX + 1);
	size_t len = 0;
	ssize_t n = 0;
	int err = 0;

	*out = *why = NULL;
	if (!text || fd < 0) {
		err = fail(text ? -errno : -ENOMEM, path, strerror(text ? errno : ENOMEM), why);
		goto out;
	}
	while (len < SECRET_MAX && (n = read(fd, text + len, SECRET_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		err = fail(-errno, path, strerror(errno), why);
	else if (len == SECRET_MAX)
		err = fail(-E2BIG, path, "too long for a secret", why);
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	text[len] = 0;
	if (!err && !len)
		err = fail(-EINVAL, path, "is empty", why);
out:
	if (fd > STDIN_FILENO)
		close(fd);
	if (err && text) {
		text_wipe(text, SECRET_MAX);
		free(text);
		text = NULL;
	}
	*out = text;
	return err;
}

char *secret_env(const char *name)
{
	const char *v = getenv(name);
	char *copy = v && *v ? strdup(v) : NULL;

	unsetenv(name);
	return copy;
}
