/* trace.c - --trace: the signalling of a call as JSON lines, secrets out
 *
 * {"t_ms","dir","ch","data"}, and for HTTP "url" and "method" or "status": the
 * format that `tests/data/recorded` has, for `make replay`.  The file is written
 * by a thread (outq), so that a slow disk costs the call nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

struct trace {
	struct outq *out;
	int fd;
	int64_t start_us;
	const struct settings *settings;
};

int trace_new(struct trace **out, const char *dir, const struct settings *s, char **why)
{
	struct trace *t = calloc(1, sizeof(*t));
	struct buf path = { 0 };
	time_t now = time(NULL);
	char stamp[32];
	int err = 0;

	*out = NULL;
	*why = NULL;
	if (!t)
		return -ENOMEM;
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime(&now));
	buf_addf(&path, "%s/ttymeet-%s-%d.jsonl", dir, stamp, (int)getpid());
	if (mkdir(dir, 0700) && errno != EEXIST)
		err = -errno;
	t->fd = err ? -1 : open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (!err && t->fd < 0)
		err = -errno;
	if (!err)
		err = outq_new(&t->out, t->fd, 16 << 20, "{\"lost\":", "}");
	if (err) {
		buf_addf(&path, ": %s", strerror(-err));
		*why = buf_steal(&path);
		trace_free(&t);
	} else {
		t->start_us = clock_now_us();
		t->settings = s;
		buf_free(&path);
	}
	*out = t;
	return err;
}

/* Cuts out what stands between a mark and the end of its value. */
static void hide_after(struct buf *b, const char *mark, const char *ends)
{
	const char *p = buf_str(b);
	struct buf out = { 0 };
	const char *at;

	while ((at = strstr(p, mark))) {
		at += strlen(mark);
		buf_add(&out, p, (size_t)(at - p));
		p = at + strcspn(at, ends);
		if (p > at)
			buf_adds(&out, "***");
	}
	buf_adds(&out, p);
	buf_free(b);
	*b = out;
}

/* Passwords, tokens, session keys of the bridge and of TURN, SASL. */
static void hide_secrets(struct buf *b)
{
	static const struct { const char *mark, *ends; } secret[] = {
		{ "?pwd=", "\"'&<" }, { "&pwd=", "\"'&<" }, { "token=", "\"'&< " }, { "jwt=", "\"'&< " },
		{ " pwd=\"", "\"" }, { " pwd='", "'" }, { " password=\"", "\"" }, { " password='", "'" },
		{ "\"password\":\"", "\"" }, { "<password>", "<" }, { "mechanism=\"PLAIN\">", "<" },
		{ "mechanism='PLAIN'>", "<" }, { "\"sessionId\":\"", "\"" }, { " session-id=\"", "\"" },
		{ " previd=\"", "\"" },
	};

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		hide_after(b, secret[i].mark, secret[i].ends);
}

/* "POST URL\nbody" or "200 URL\nbody" to fields; returns where the body begins. */
static const char *split_http(json_t *line, const char *text)
{
	const char *space = strchr(text, ' '), *end = strchr(text, '\n');

	if (!space || (end && end < space))
		return text;
	end = end ? end : text + strlen(text);
	json_object_set_new(line, "url", json_stringn(space + 1, (size_t)(end - space - 1)));
	if (*text >= '0' && *text <= '9')
		json_object_set_new(line, "status", json_integer(atoi(text)));
	else
		json_object_set_new(line, "method", json_stringn(text, (size_t)(space - text)));
	return *end ? end + 1 : end;
}

void trace_line(void *trace, const char *dir, const char *ch, const char *data, size_t len)
{
	struct trace *t = trace;
	struct buf b = { 0 };
	const char *body;
	char *text;
	json_t *j, *safe;

	buf_add(&b, data, len);
	hide_secrets(&b);
	j = json_pack("{s:I, s:s, s:s}", "t_ms", (json_int_t)((clock_now_us() - t->start_us) / 1000),
		      "dir", dir, "ch", ch);
	body = !strcmp(ch, "http") ? split_http(j, buf_str(&b)) : buf_str(&b);
	safe = json_stringn(body, b.len - (size_t)(body - buf_str(&b)));
	json_object_set_new(j, "data", safe ? safe : json_string("(not UTF-8)"));
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	buf_clear(&b);
	if (text) {
		buf_addf(&b, "%s\n", text);
		outq_write(t->out, b.p, b.len);
	}
	free(text);
	buf_free(&b);
}

void trace_free(struct trace **tp)
{
	struct trace *t = *tp;

	if (!t)
		return;
	outq_free(&t->out, 1000000);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	*tp = NULL;
}
