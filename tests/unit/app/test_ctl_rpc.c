/* test_ctl_rpc.c - the control socket's conversation, as scripts meet it */
#include "unit/unit.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "app/ctl_rpc.h"
#include "session/settings.h"

extern const struct CMUnitTest test_ctl_rpc[];

struct fixture { struct loop *loop; struct settings *settings; struct session *session;
	struct ctl_rpc *rpc; struct buf out; };

static void on_line(void *ctx, const char *line, size_t len)
{
	buf_add(&((struct fixture *)ctx)->out, line, len);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || loop_new(&f->loop, "test") || settings_new(&f->settings) ||
	    session_new(&f->session, f->loop, f->settings) ||
	    ctl_rpc_new(&f->rpc, f->session, on_line, f))
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ctl_rpc_free(&f->rpc);
	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
	buf_free(&f->out);
	free(f);
	return 0;
}

static json_t *ask(struct fixture *f, const char *line)
{
	json_t *j;

	buf_clear(&f->out);
	assert_int_equal(ctl_rpc_input(f->rpc, line, strlen(line)), 0);
	j = json_loads(buf_str(&f->out), 0, NULL);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "jsonrpc")), "2.0");
	return j;
}

static int error_code(json_t *j)
{
	return (int)json_integer_value(json_object_get(json_object_get(j, "error"), "code"));
}

static void a_status_has_all_its_fields(void **state)
{
	static const char *const keys[] = { "state", "url", "room", "me", "people", "subject", "media",
		"e2ee", "recording", "locked", "lobby" };
	json_t *j = ask(*state, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"status\"}\n");
	json_t *r = json_object_get(j, "result");

	assert_int_equal(json_integer_value(json_object_get(j, "id")), 7);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(r, keys[i]));
	assert_string_equal(json_string_value(json_object_get(r, "state")), "idle");
	json_decref(j);
}

static void commands_are_run_and_refused(void **state)
{
	json_t *j = ask(*state, "{\"id\":1,\"method\":\"command\",\"params\":{\"line\":\"set audio.bitrate 24\"}}\n");

	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "result"), "text")),
			    "audio.bitrate = 24");
	json_decref(j);
	j = ask(*state, "{\"id\":1,\"method\":\"command\",\"params\":{\"line\":\"say hi\"}}\n");
	assert_true(error_code(j) <= -32000);
	assert_string_equal(json_string_value(json_object_get(json_object_get(
		json_object_get(j, "error"), "data"), "kind")), "not-joined");
	json_decref(j);
}

static void mistakes_are_answered(void **state)
{
	static const struct { const char *line; int code; } bad[] = {
		{ "garbage\n", -32700 }, { "{\"id\":1}\n", -32600 }, { "[]\n", -32600 },
		{ "{\"id\":1,\"method\":\"fly\"}\n", -32601 },
		{ "{\"id\":1,\"method\":\"command\",\"params\":[]}\n", -32602 },
		{ "{\"id\":1,\"method\":\"subscribe\"}\n", -32602 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *j = ask(*state, bad[i].line);

		assert_int_equal(error_code(j), bad[i].code);
		json_decref(j);
	}
}

static void a_line_over_64_kib_ends_the_client(void **state)
{
	struct fixture *f = *state;
	char *long_line = malloc(70000);

	assert_non_null(long_line);
	memset(long_line, 'x', 70000);
	assert_int_equal(ctl_rpc_input(f->rpc, long_line, 70000), -EPROTO);
	assert_non_null(strstr(buf_str(&f->out), "64 KiB"));
	free(long_line);
}

static void lines_may_come_in_pieces(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ctl_rpc_input(f->rpc, "{\"id\":1,\"meth", 13), 0);
	assert_int_equal(f->out.len, 0);
	assert_int_equal(ctl_rpc_input(f->rpc, "od\":\"people\"}\n{\"id\":2,\"method\":\"people\"}\n", 42), 0);
	assert_non_null(strstr(buf_str(&f->out), "\"id\":1"));
	assert_non_null(strstr(buf_str(&f->out), "\"id\":2"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest test_ctl_rpc[] = {
	T(a_status_has_all_its_fields), T(commands_are_run_and_refused), T(mistakes_are_answered),
	T(a_line_over_64_kib_ends_the_client), T(lines_may_come_in_pieces),
	{ 0 }
};
