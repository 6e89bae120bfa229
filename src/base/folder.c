/* folder.c - folders on the way to a file */
#include "base/folder.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int folder_make_parent(const char *path, unsigned mode)
{
	char *copy = strdup(path), *p;
	int err = copy ? 0 : -ENOMEM;

	for (p = copy; !err && (p = strchr(p + 1, '/')); *p = '/') {
		*p = 0;
		if (mkdir(copy, mode) && errno != EEXIST)
			err = -errno;
	}
	free(copy);
	return err;
}
