/* guests.c - the demo's guests: people made of a voice file and a few lines
 *
 * Each is a session like yours, headless, over the same protocol.  They talk
 * by turns because their files are of one length and begin together; in
 * writing they greet who comes in, and answer who writes.
 */
#include "app/demo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

const struct demo_guest demo_guests[DEMO_GUESTS] = {
	{ "Anna", "anna.opus" }, { "Ben", "ben.opus" }, { "Clara", "clara.opus" },
	{ "Tune", "tune.opus" },
};

/* What each says to somebody who came in, and when (ms after). */
static const struct { int after_ms; const char *text; } greeting[DEMO_GUESTS] = {
	{ 400, "hello %s, good to have you here" },
	{ 1500, "hi %s! side B is next, the long one" },
	{ 2600, "the sleeve notes are here: https://example.org/notes" },
	{ 3700, "♪ four bars on a plucked string, over and over" },
};

/* Small talk when nobody writes, by turns. */
static const char *const talk[] = {
	"did you hear the crackle at the start? I like that",
	"the third one was recorded in one take, they say",
	"who brings a record next time?",
	"♪ still the same four bars",
};

struct guests;
struct guest {
	struct guests *all;
	int number;
	struct settings *settings;
	struct session *session;
	struct session_listener listener;
	struct loop_timer *timer;
	char *say;                      /* waits for the timer */
	char *say_to;                   /* NULL: to all */
	bool joined;
};

struct guests {
	struct loop *loop;
	struct guest guest[DEMO_GUESTS];
	struct loop_timer *chatter;
	struct loop_watch *stdin_watch;
	unsigned turn, said;
	int joined;
};

static bool is_guest(const char *name)
{
	for (int i = 0; i < DEMO_GUESTS; i++)
		if (!strcmp(demo_guests[i].name, name))
			return true;
	return false;
}

static void say_later(struct guest *g, int after_ms, const char *to, char *text)
{
	free(g->say);
	free(g->say_to);
	g->say = text;
	g->say_to = to ? strdup(to) : NULL;
	loop_timer_set(g->timer, clock_now_us() + after_ms * INT64_C(1000));
}

static void on_timer(void *ctx, int64_t now_us)
{
	struct guest *g = ctx;
	struct buf line = { 0 }, answer = { 0 };
	const char *kind;

	(void)now_us;
	if (!g->say)
		return;
	if (g->say_to)
		buf_addf(&line, "msg \"%s\" %s", g->say_to, g->say);
	else
		buf_addf(&line, "say %s", g->say);
	session_command(g->session, buf_str(&line), &answer, &kind);
	buf_free(&line);
	buf_free(&answer);
	free(g->say);
	g->say = NULL;
}

static char *format_name(const char *fmt, const char *name)
{
	const char *at = strstr(fmt, "%s");
	struct buf b = { 0 };

	if (!at)
		return strdup(fmt);
	buf_add(&b, fmt, (size_t)(at - fmt));
	buf_addf(&b, "%s%s", name, at + 2);
	return buf_steal(&b);
}

/* No wit, but it shows that the line arrived and was read. */
static char *make_answer(const struct message *m)
{
	struct buf b = { 0 };
	const char *t = m->text;

	if (strchr(t, '?'))
		buf_addf(&b, "good question, %s; let me think about it until the record ends", m->name);
	else if (strlen(t) < 12)
		buf_addf(&b, "%s says \"%s\", and I agree", m->name, t);
	else
		buf_addf(&b, "I read you, %s: \"%.40s%s\"", m->name, t, strlen(t) > 40 ? "…" : "");
	return buf_steal(&b);
}

static void on_message(struct guest *g, const struct message *m)
{
	struct guests *a = g->all;

	if (!m || m->history || m->mine || is_guest(m->name) || !*m->from)
		return;
	if (m->private_)
		say_later(g, 900, m->name, make_answer(m));
	else if (g->number == (int)(a->said % 3))       /* one of the three answers */
		say_later(g, 1000, NULL, make_answer(m));
	if (!m->private_ && g->number == DEMO_GUESTS - 1)
		a->said++;                              /* all have seen it by then */
}

static void on_event(void *ctx, const struct session_event *ev)
{
	struct guest *g = ctx;

	if (ev->type == SESSION_EV_JOINED && !g->joined) {
		g->joined = true;
		if (++g->all->joined == DEMO_GUESTS) {
			printf("ready\n");
			fflush(stdout);
		}
	}
	if (ev->type == SESSION_EV_PERSON_JOINED && !ev->quiet && ev->person && !ev->person->me &&
	    !is_guest(ev->person->name))
		say_later(g, greeting[g->number].after_ms, NULL,
			  format_name(greeting[g->number].text, ev->person->name));
	if (ev->type == SESSION_EV_MESSAGE)
		on_message(g, ev->message);
	if (ev->type == SESSION_EV_LEFT) {
		log_warn("demo", "%s left: %s", demo_guests[g->number].name, ev->text);
		loop_quit(g->all->loop);
	}
}

static void on_chatter(void *ctx, int64_t now_us)
{
	struct guests *a = ctx;
	struct guest *g = &a->guest[a->turn % DEMO_GUESTS];

	if (!g->say && session_people(g->session) > DEMO_GUESTS)
		say_later(g, 0, NULL, strdup(talk[a->turn % (sizeof(talk) / sizeof(talk[0]))]));
	a->turn++;
	loop_timer_set(a->chatter, now_us + 25000000);
}

static void on_stdin(void *ctx, int fd, GIOCondition ready)
{
	struct guests *a = ctx;
	char c[64];

	(void)ready;
	if (read(fd, c, sizeof(c)) <= 0)
		loop_quit(a->loop);
}

static int start_guest(struct guests *a, int i, const char *url)
{
	struct guest *g = &a->guest[i];
	char *path = path_demo_file(demo_guests[i].file), *why = NULL;
	struct buf mic = { 0 };
	int err;

	g->all = a;
	g->number = i;
	buf_addf(&mic, "file:%s,loop", path ? path : "");
	err = settings_new(&g->settings);
	if (!err)
		err = session_new(&g->session, a->loop, g->settings);
	if (!err)
		err = loop_timer_new(&g->timer, a->loop, "guest", on_timer, g);
	if (!err) {
		settings_set(g->settings, "name", demo_guests[i].name, NULL);
		settings_set(g->settings, "audio.mic", buf_str(&mic), NULL);
		settings_set(g->settings, "audio.speaker", "none", NULL);
		g->listener = (struct session_listener){ .event = on_event, .ctx = g };
		session_listen(g->session, &g->listener);
		err = session_join(g->session, url, &why);
	}
	if (err)
		app_fail(EXIT_OTHER, "the guest %s cannot come: %s", demo_guests[i].name,
			 why ? why : strerror(-err));
	free(why);
	free(path);
	buf_free(&mic);
	return err;
}

static void on_signal(void *ctx, int sig)
{
	struct guests *a = ctx;

	(void)sig;
	loop_quit(a->loop);
}

int demo_run_guests(const char *url)
{
	static const struct signals_handlers handlers = { on_signal, NULL, NULL, NULL };
	struct guests a = { 0 };
	struct signals *signals = NULL;
	int err = loop_new(&a.loop, "guests");

	if (!err)
		err = signals_new(&signals, a.loop, &handlers, NULL, &a);
	if (!err)
		err = loop_timer_new(&a.chatter, a.loop, "chatter", on_chatter, &a);
	if (!err)
		err = loop_watch_new(&a.stdin_watch, a.loop, "stdin", STDIN_FILENO,
				     G_IO_IN | G_IO_HUP, on_stdin, &a);
	for (int i = 0; !err && i < DEMO_GUESTS; i++)
		err = start_guest(&a, i, url);
	if (!err) {
		loop_timer_set(a.chatter, clock_now_us() + 20000000);
		loop_run(a.loop);
	}
	for (int i = 0; i < DEMO_GUESTS; i++)
		if (a.guest[i].session) {
			session_unlisten(a.guest[i].session, &a.guest[i].listener);
			session_leave(a.guest[i].session);
		}
	for (int i = 0; i < DEMO_GUESTS; i++) {
		session_free(&a.guest[i].session);
		settings_free(&a.guest[i].settings);
		loop_timer_free(&a.guest[i].timer);
		free(a.guest[i].say);
		free(a.guest[i].say_to);
	}
	loop_watch_free(&a.stdin_watch);
	loop_timer_free(&a.chatter);
	signals_free(&signals);
	loop_free(&a.loop);
	return err ? EXIT_OTHER : 0;
}
