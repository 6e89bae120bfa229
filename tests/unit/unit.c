/* unit.c - runs the lists of tests of one room */
#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int unit_main(int argc, char **argv, const struct unit_list *lists)
{
	const char *part = argc > 1 ? argv[1] : "";
	struct CMUnitTest *v = NULL;
	size_t n = 0;
	int failed;

	for (; lists->name; lists++)
		for (const struct CMUnitTest *t = lists->tests; t->name; t++) {
			if (*part && !strstr(t->name, part) && !strstr(lists->name, part))
				continue;
			v = realloc(v, (n + 1) * sizeof(*v));
			if (!v)
				abort();
			v[n++] = *t;
		}
	if (!n)
		return 0;
	/* cmocka counts the tests of an array; ours was made just now. */
	failed = _cmocka_run_group_tests(argv[0], v, n, NULL, NULL);
	free(v);
	return failed != 0;
}

char *unit_data(const char *name, size_t *len)
{
	char path[512], *p;
	FILE *f;
	long n;

	snprintf(path, sizeof(path), "tests/data/%s", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing; run from the top of the tree", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), n);
	p[n] = 0;
	fclose(f);
	if (len)
		*len = (size_t)n;
	return p;
}
