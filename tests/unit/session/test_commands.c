/* test_commands.c - the table of commands as people and scripts meet it */
#include "unit/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "session/session.h"
#include "session/settings.h"

extern const struct CMUnitTest test_commands[];

static int setup(void **state);
static int teardown(void **state);

struct fixture { struct loop *loop; struct settings *settings; struct session *session; };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || loop_new(&f->loop, "test") || settings_new(&f->settings) ||
	    session_new(&f->session, f->loop, f->settings))
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static int run(struct fixture *f, const char *line, char **text, const char **kind)
{
	struct buf b = { 0 };
	int err = session_command(f->session, line, &b, kind);

	*text = buf_steal(&b);
	return err;
}

static void unknown_commands_are_refused_by_name(void **state)
{
	const char *kind;
	char *text;

	assert_int_not_equal(run(*state, "/dance", &text, &kind), 0);
	assert_string_equal(kind, "unknown-command");
	assert_non_null(strstr(text, "dance"));
	free(text);
	assert_int_not_equal(run(*state, "poll x", &text, &kind), 0);
	assert_string_equal(kind, "not-built-in");
	free(text);
}

static void usage_is_said(void **state)
{
	const char *kind;
	char *text;

	assert_int_not_equal(run(*state, "volume", &text, &kind), 0);
	assert_string_equal(kind, "usage");
	assert_non_null(strstr(text, "/volume NAME|all"));
	free(text);
	assert_int_not_equal(run(*state, "quit now", &text, &kind), 0);
	assert_string_equal(kind, "usage");
	free(text);
}

static void before_joining_commands_say_so(void **state)
{
	static const char *const lines[] = { "say hello", "msg Ben hello", "hand", "kick Ben", "who" };
	const char *kind;
	char *text;

	for (size_t i = 0; i < 5; i++) {
		assert_int_not_equal(run(*state, lines[i], &text, &kind), 0);
		assert_string_equal(kind, "not-joined");
		free(text);
	}
}

/* Each of the table that needs a call, with as many words as it wants. */
static void without_a_call_none_of_them_runs(void **state)
{
	size_t n, tried = 0;
	const struct command *t = session_commands(&n);

	for (size_t i = 0; i < n; i++) {
		/* Its fewest words and its most, which may do another thing. */
		for (int most = 0; most < 2 && t[i].flags & COMMAND_CALL; most++) {
			unsigned words = !most ? t[i].min_args : t[i].max_args < 3 ? t[i].max_args : 3;
			struct buf line = { 0 };
			const char *kind;
			char *text;

			buf_adds(&line, t[i].name);
			while (words--)
				buf_adds(&line, " on");
			assert_int_equal(run(*state, buf_str(&line), &text, &kind), -ENOTCONN);
			assert_string_equal(kind, "not-joined");
			assert_string_equal(text, "you are in no room");
			buf_free(&line);
			free(text);
			tried++;
		}
	}
	assert_true(tried >= 2 * 9);
}

static void help_lists_what_works(void **state)
{
	const char *kind;
	char *text;

	assert_int_equal(run(*state, "help", &text, &kind), 0);
	assert_non_null(strstr(text, "/mute"));
	assert_non_null(strstr(text, "/topic"));
	assert_null(strstr(text, "/poll"));
	free(text);
	assert_int_equal(run(*state, "help /volume", &text, &kind), 0);
	assert_non_null(strstr(text, "0 to 400"));
	free(text);
}

static void input_never_sends_a_command_as_chat(void **state)
{
	struct fixture *f = *state;
	const struct message *m;

	session_input(f->session, "/secret plan");
	m = session_message(f->session, session_next_serial(f->session) - 1);
	assert_int_equal(m->kind, MESSAGE_ERROR);
	assert_non_null(strstr(m->text, "no command"));
}

static void tab_completes_commands_and_settings(void **state)
{
	struct fixture *f = *state;
	size_t start;
	char **v = session_complete(f->session, "/unm", 4, &start);

	assert_non_null(v);
	assert_string_equal(v[0], "/unmute ");
	assert_null(v[1]);
	assert_int_equal(start, 0);
	free(v[0]);
	free(v);
	v = session_complete(f->session, "/set audio.mi", 13, &start);
	assert_non_null(v);
	assert_string_equal(v[0], "audio.mic ");
	assert_int_equal(start, 5);
	free(v[0]);
	free(v);
	assert_null(session_complete(f->session, "/zzz", 4, &start));
}

static void settings_are_changed_and_shown(void **state)
{
	const char *kind;
	char *text;

	assert_int_equal(run(*state, "set audio.bitrate 48", &text, &kind), 0);
	assert_string_equal(text, "audio.bitrate = 48");
	free(text);
	assert_int_not_equal(run(*state, "set audio.bitrate loud", &text, &kind), 0);
	assert_string_equal(kind, "bad-setting");
	free(text);
	assert_int_equal(run(*state, "delay safe", &text, &kind), 0);
	assert_string_equal(text, "delay: safe");
	free(text);
	assert_int_not_equal(run(*state, "delay much", &text, &kind), 0);
	assert_string_equal(kind, "bad-setting");
	free(text);
	assert_int_equal(run(*state, "delay", &text, &kind), 0);
	assert_string_equal(text, "delay: safe");
	free(text);
	assert_int_not_equal(run(*state, "set video on", &text, &kind), 0);
	assert_string_equal(kind, "not-built-in");
	free(text);
}

const struct CMUnitTest test_commands[] = {
	cmocka_unit_test_setup_teardown(unknown_commands_are_refused_by_name, setup, teardown),
	cmocka_unit_test_setup_teardown(usage_is_said, setup, teardown),
	cmocka_unit_test_setup_teardown(without_a_call_none_of_them_runs, setup, teardown),
	cmocka_unit_test_setup_teardown(before_joining_commands_say_so, setup, teardown),
	cmocka_unit_test_setup_teardown(help_lists_what_works, setup, teardown),
	cmocka_unit_test_setup_teardown(input_never_sends_a_command_as_chat, setup, teardown),
	cmocka_unit_test_setup_teardown(tab_completes_commands_and_settings, setup, teardown),
	cmocka_unit_test_setup_teardown(settings_are_changed_and_shown, setup, teardown),
	{ 0 }
};
