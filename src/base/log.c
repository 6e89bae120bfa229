/* log.c - one line, one write(); see the header */
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/rt.h"
#include "base/text.h"

enum { LINE_BYTES = 2048 };

/* The process's, like stderr; see the header for why. */
static atomic_int target = 2;
static atomic_int limit = LOGL_WARN;

int log_open(const char *path)
{
	int fd = 2, old = atomic_load(&target);

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		/* Under the old number: a line that is just being written by
		 * another thread lands in one file or the other. */
		if (old > 2) {
			int err = dup3(fd, old, O_CLOEXEC) < 0 ? -errno : 0;

			close(fd);
			return err;
		}
	}
	old = atomic_exchange(&target, fd);
	if (old > 2)
		close(old);
	return 0;
}

void log_close(void)
{
	log_open(NULL);
}

int log_fd(void)
{
	return atomic_load(&target);
}

void log_set_level(enum log_level level)
{
	atomic_store(&limit, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&limit);
}

/* Strangers' words end up here: nothing may move the cursor of who reads, nor
 * reorder what stands beside it.  What is dropped becomes '?', in place. */
static size_t clean(char *s, size_t len)
{
	size_t out = 0, n;
	uint32_t cp;

	for (size_t i = 0; i < len; i += n) {
		n = text_utf8_next(s + i, len - i, &cp);
		if (cp == '\n' || cp == '\t') {
			s[out++] = ' ';
		} else if (text_is_unwanted(cp) || (n == 1 && cp == 0xFFFD)) {
			s[out++] = '?';
		} else {
			memmove(s + out, s + i, n);
			out += n;
		}
	}
	return out;
}

void log_msg(enum log_level level, const char *room, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug", "trace" };
	char line[LINE_BYTES];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int n, fd = atomic_load(&target), error = errno;
	size_t len;

	rt_forbid("log");
	if ((int)level > atomic_load_explicit(&limit, memory_order_relaxed) || fd < 0 ||
	    level < LOGL_ERROR || level > LOGL_TRACE)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = snprintf(line, sizeof(line), "%02d:%02d:%02d.%03ld %-7s %-5s ", tm.tm_hour, tm.tm_min,
		     tm.tm_sec, ts.tv_nsec / 1000000, room, names[level]);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	len = clean(line, strlen(line));
	line[len++] = '\n';
	(void)!write(fd, line, len);
	errno = error;          /* who logs an error often returns it next */
}
