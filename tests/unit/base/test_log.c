/* test_log.c - lines of the log are one line each, and harmless */
#include "unit/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

extern const struct CMUnitTest test_log[];

struct file { char dir[32], path[64], other[64]; };

static int setup(void **state)
{
	struct file *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/unit-log-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
	*state = f;
	return log_open(f->path);
}

static int teardown(void **state)
{
	struct file *f = *state;

	log_close();
	log_set_level(LOGL_WARN);
	unlink(f->path);
	unlink(f->other);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void read_file(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

static void lines_have_time_room_and_level(void **state)
{
	struct file *f = *state;
	char s[4096];
	int h, m, sec, ms, n = 0;

	log_set_level(LOGL_INFO);
	errno = EPIPE;
	log_info("xmpp", "bound as %s", "x@y");
	assert_int_equal(errno, EPIPE);
	log_debug("xmpp", "not this");
	read_file(f->path, s, sizeof(s));
	assert_int_equal(sscanf(s, "%2d:%2d:%2d.%3d xmpp %n", &h, &m, &sec, &ms, &n), 4);
	assert_non_null(strstr(s, "info  bound as x@y\n"));
	assert_null(strstr(s, "not this"));
}

static void strangers_cannot_move_the_cursor(void **state)
{
	struct file *f = *state;
	char s[4096];

	log_warn("xmpp", "%s", "a\033[2J\nb\302\233c\342\200\256d\377e ü");
	read_file(f->path, s, sizeof(s));
	assert_non_null(strstr(s, "a?[2J b?c?d?e ü\n"));
	assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
}

static void a_long_line_is_cut(void **state)
{
	struct file *f = *state;
	static char big[10000], s[20000];

	memset(big, 'x', sizeof(big) - 1);
	log_warn("xmpp", "%s", big);
	log_warn("xmpp", "after");
	read_file(f->path, s, sizeof(s));
	assert_true(strlen(s) < 3000);
	assert_non_null(strstr(s, "x\n"));
	assert_non_null(strstr(s, "after\n"));
}

static void the_file_can_change(void **state)
{
	struct file *f = *state;
	char s[4096];

	assert_int_equal(log_open("/nonexistent/dir/log"), -ENOENT);
	log_warn("app", "first");
	assert_int_equal(log_open(f->other), 0);
	log_warn("app", "second");
	read_file(f->path, s, sizeof(s));
	assert_non_null(strstr(s, "first"));
	assert_null(strstr(s, "second"));
	read_file(f->other, s, sizeof(s));
	assert_non_null(strstr(s, "second"));
	log_set_level(LOGL_NONE);
	log_error("app", "third");
	read_file(f->other, s, sizeof(s));
	assert_null(strstr(s, "third"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest test_log[] = {
	T(lines_have_time_room_and_level), T(strangers_cannot_move_the_cursor),
	T(a_long_line_is_cut), T(the_file_can_change), { 0 }
};
