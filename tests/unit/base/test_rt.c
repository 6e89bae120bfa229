/* test_rt.c - debug builds end the program that breaks the callback's rules */
#include "unit/unit.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/post.h"
#include "base/ring.h"
#include "base/rt.h"

extern const struct CMUnitTest test_rt[];

#ifdef TTYMEET_DEBUG
/* Runs fn in a child; out gets what it said on stderr.  Returns the signal. */
static int in_child(void (*fn)(void), char *out, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);       /* cmocka catches it */
		dup2(fds[1], 2);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while (len < size - 1 && (n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void logs(void)
{
	rt_enter();
	log_debug("x", "even what would not be shown");
}

static void locks(void)
{
	struct post_msg m = { 0 };
	struct post *p;

	post_new(&p, 0);
	rt_enter();
	post_send(p, &m);
}

static void behaves(void)
{
	struct ring *r;
	int16_t v[10] = { 0 };

	ring_new(&r, 100);
	rt_enter();
	rt_enter();
	ring_write(r, v, 10);
	ring_read(r, v, 5);
	ring_skip(r, 5);
	ring_used(r);
	clock_now_us();
	rt_leave();
	rt_leave();
	rt_leave();                     /* one too many does not arm it */
	ring_free(&r);
	log_debug("x", "outside it may");
}

static void the_callback_may_not_log_or_lock(void **state)
{
	char said[200];

	(void)state;
	assert_int_equal(in_child(logs, said, sizeof(said)), SIGABRT);
	assert_non_null(strstr(said, "log"));
	assert_int_equal(in_child(locks, said, sizeof(said)), SIGABRT);
	assert_non_null(strstr(said, "lock"));
	assert_int_equal(in_child(behaves, said, sizeof(said)), 0);
}

#ifdef TTYMEET_WRAP
static void allocates(void)
{
	void *volatile p;

	rt_enter();
	p = malloc(10);
	free(p);
}

static void frees(void)
{
	void *volatile p = malloc(10);

	rt_enter();
	free(p);
}

static void the_callback_may_not_allocate(void **state)
{
	char said[200];

	(void)state;
	assert_int_equal(in_child(allocates, said, sizeof(said)), SIGABRT);
	assert_non_null(strstr(said, "malloc"));
	assert_int_equal(in_child(frees, said, sizeof(said)), SIGABRT);
	assert_non_null(strstr(said, "free"));
}
#endif
#endif

const struct CMUnitTest test_rt[] = {
#ifdef TTYMEET_DEBUG
	cmocka_unit_test(the_callback_may_not_log_or_lock),
#ifdef TTYMEET_WRAP
	cmocka_unit_test(the_callback_may_not_allocate),
#endif
#endif
	{ 0 }
};
