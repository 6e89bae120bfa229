/* test_folder.c - folders on the way to a file */
#include "unit/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/folder.h"

extern const struct CMUnitTest test_folder[];

static void made_with_all_before_them(void **state)
{
	char top[] = "/tmp/ttymeet-folder-XXXXXX", path[100], file[200];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/a/b/c.opus", top);
	for (int i = 0; i < 2; i++)     /* they may be there */
		assert_int_equal(folder_make_parent(path, 0700), 0);
	snprintf(file, sizeof(file), "%s/a/b", top);
	assert_int_equal(stat(file, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(path, &st), -1);
	/* A file is in the way. */
	fclose(fopen(path, "w"));
	snprintf(file, sizeof(file), "%s/d/e", path);
	assert_int_equal(folder_make_parent(file, 0700), -ENOTDIR);
	assert_int_equal(folder_make_parent("here", 0700), 0);
	unlink(path);
	snprintf(path, sizeof(path), "%s/a/b", top);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", top);
	rmdir(path);
	assert_int_equal(rmdir(top), 0);
}

const struct CMUnitTest test_folder[] = { cmocka_unit_test(made_with_all_before_them), { 0 } };
