/* app.h - the subcommands and what they share */
#ifndef APP_APP_H
#define APP_APP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/loop.h"
#include "session/session.h"
#include "session/settings.h"

#define _(text) text            /* strings for people; gettext may come here */

/* The exit codes of interface and man page. */
enum { EXIT_LEFT = 0, EXIT_OTHER = 1, EXIT_USAGE = 2, EXIT_NO_SERVER = 3,
	EXIT_TURNED_AWAY = 4, EXIT_NO_MEDIA = 5, EXIT_LOST = 6 };

/* Each gets argv with its own name first and returns the exit code. */
int app_call(int argc, char **argv, int64_t start_us);
int app_host(int argc, char **argv);
int app_demo(int argc, char **argv, int64_t start_us);
int app_ctl(int argc, char **argv);
int app_check(int argc, char **argv);

void app_version(void);         /* --version: libraries and their versions */
/* "ttymeet: WORDS" on stderr; returns code. */
int app_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- signals.c ---- */

struct signals;
struct signals_handlers {
	void (*leave)(void *ctx, int signal);   /* first SIGINT, SIGTERM, SIGHUP */
	void (*resize)(void *ctx);              /* SIGWINCH; may be NULL */
	void (*suspend)(void *ctx);             /* before the process stops; may be NULL */
	void (*resume)(void *ctx);              /* after it goes on; may be NULL */
};
/* One at a time in a process.  A second fatal signal calls emergency()
 * (async-signal-safe, may be NULL) and ends at once, and so do crashes. */
int signals_new(struct signals **out, struct loop *loop, const struct signals_handlers *h,
		void (*emergency)(void), void *ctx);
void signals_free(struct signals **s);

/* ---- outq.c: a bounded queue to a thread that writes ---- */

struct outq;
/* fd stays the caller's.  Beyond max_bytes what comes is dropped, and told by
 * a line of its own when there is room again: before, the number, after. */
int outq_new(struct outq **out, int fd, size_t max_bytes, const char *lost_before,
	     const char *lost_after);
/* Writes what waits, for at most wait_us. */
void outq_free(struct outq **q, int64_t wait_us);
void outq_write(struct outq *q, const char *text, size_t len);

/* ---- paths.c ---- */

/* New strings; folders are not made. */
char *path_config(const char *name);    /* $XDG_CONFIG_HOME/ttymeet/NAME */
char *path_state(const char *name);     /* $XDG_STATE_HOME/ttymeet/NAME */
char *path_data(const char *name);      /* $XDG_DATA_HOME/ttymeet/NAME */
/* The private folder for sockets: $XDG_RUNTIME_DIR/ttymeet, else a folder of
 * ours alone under the temporary one.  Made with mode 0700 if make; NULL if it
 * cannot be or belongs to somebody else. */
char *path_runtime(bool make);
char *path_demo_file(const char *name); /* where the voices of the demo are */

/* ---- config.c ---- */

/* Reads a config into settings.  Bad lines are told on stderr and passed over;
 * returns how many there were, or -errno (a missing default file is none). */
int config_load(struct settings *s, const char *path, bool must_exist);
/* Changes one key in the file, comments and the rest kept. */
int config_save(const char *path, const char *key, const char *value, char **why);

/* ---- ctl_server.c ---- */

struct ctl_server;
/* path NULL: PID.sock in the runtime folder. */
int ctl_server_new(struct ctl_server **out, struct loop *loop, struct session *s,
		   const char *path, char **why);
void ctl_server_free(struct ctl_server **c);

/* ---- front.c: runs a session with a front end until it is over ---- */

enum front_ui { FRONT_FULL, FRONT_LINE, FRONT_HEADLESS };
struct front {
	enum front_ui ui;
	int64_t for_us;                 /* leave by itself; 0: never */
	bool silent;                    /* headless: no events on stdout */
	const char *socket; bool no_socket;
	/* Called after each event, before front ends; may be NULL. */
	void (*event)(void *ctx, struct session *s, const struct session_event *ev);
	void *ctx;
};
/* --ui and --for; 0, or told and EXIT_USAGE. */
int front_set_ui(struct front *f, const char *name);
int front_set_for(struct front *f, const char *duration);
/* Joins url and runs; returns the exit code. */
int front_run(const struct front *f, struct loop *loop, struct session *s,
	      struct settings *settings, const char *url);
/* full on a terminal, line elsewhere. */
enum front_ui front_default(void);
bool front_has_terminal(void);

/* ---- trace.c ---- */

struct trace;
int trace_new(struct trace **out, const char *dir, const struct settings *s, char **why);
void trace_free(struct trace **t);
void trace_line(void *trace, const char *dir, const char *ch, const char *data, size_t len);

/* Address of the host that runs on this machine ("http://127.0.0.1:8443"), or
 * NULL; new string. */
char *host_file_url(void);

#endif
