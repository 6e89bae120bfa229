/* log.h - lines about what happens, with time and room
 *
 * The one process-wide object of the program: passing a log to every
 * function would name it in every header and say nothing.  Its state is a
 * file descriptor and a level, both atomic; a line is formatted on the
 * caller's stack and leaves by one write().  Strings of strangers are cleaned
 * of control characters on the way.  Not RT-safe: the device callback counts
 * in atomics instead.  Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOGL_NONE = -1, LOGL_ERROR, LOGL_WARN, LOGL_INFO, LOGL_DEBUG, LOGL_TRACE };

/* path NULL = stderr.  Returns 0 or -errno; the old target stays then. */
int log_open(const char *path);
void log_close(void);
int log_fd(void);                       /* for stderr of libraries; -1 if none */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* room: "xmpp", "rtc", ...  Debug never speaks per packet; trace may. */
void log_msg(enum log_level level, const char *room, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_msg(LOGL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_msg(LOGL_WARN, __VA_ARGS__)
#define log_info(...)  log_msg(LOGL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOGL_DEBUG, __VA_ARGS__)
#define log_trace(...) log_msg(LOGL_TRACE, __VA_ARGS__)

#endif
