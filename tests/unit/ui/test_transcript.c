/* test_transcript.c - the chat as shown: the session's messages and our own */
#include "unit/unit.h"
#include <string.h>
#include "io/loop.h"
#include "session/session.h"
#include "session/settings.h"
#include "ui/view.h"

struct fixture { struct loop *loop; struct settings *settings; struct session *session; struct transcript *t; };

static void set_up(struct fixture *f)
{
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(settings_new(&f->settings), 0);
	assert_int_equal(session_new(&f->session, f->loop, f->settings), 0);
	assert_int_equal(transcript_new(&f->t), 0);
}

static void tear_down(struct fixture *f)
{
	transcript_free(&f->t);
	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
}

static const char *text_at(struct fixture *f, uint64_t n)
{
	const struct message *m = transcript_get(f->t, n);

	return m ? m->text : "";
}

static void ours_stand_where_they_were_said(void **state)
{
	struct fixture f;
	uint64_t first;

	(void)state;
	set_up(&f);
	first = transcript_first(f.t);
	session_input(f.session, "/one");
	assert_true(transcript_update(f.t, f.session));
	transcript_say(f.t, MESSAGE_INFO, 1, "ours");
	session_input(f.session, "/two");
	assert_true(transcript_update(f.t, f.session));
	assert_false(transcript_update(f.t, f.session));
	assert_int_equal(transcript_next(f.t) - first, 3);
	assert_non_null(strstr(text_at(&f, first), "one"));
	assert_string_equal(text_at(&f, first + 1), "ours");
	assert_non_null(strstr(text_at(&f, first + 2), "two"));
	assert_null(transcript_get(f.t, first + 3));
	tear_down(&f);
}

static void cleared_is_cleared(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	session_input(f.session, "/one");
	transcript_update(f.t, f.session);
	transcript_say(f.t, MESSAGE_INFO, 1, "ours");
	session_clear_messages(f.session);
	assert_true(transcript_update(f.t, f.session));
	assert_int_equal(transcript_first(f.t), transcript_next(f.t));
	transcript_say(f.t, MESSAGE_INFO, 1, "later");
	transcript_update(f.t, f.session);
	assert_string_equal(text_at(&f, transcript_first(f.t)), "later");
	session_input(f.session, "/two");
	transcript_update(f.t, f.session);
	assert_int_equal(transcript_next(f.t) - transcript_first(f.t), 2);
	tear_down(&f);
}

static void it_forgets_with_the_session(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	transcript_say(f.t, MESSAGE_INFO, 1, "ours\033[31m");
	for (int i = 0; i < 5300; i++) {
		session_input(f.session, "/x");
		if (i % 100 == 0)
			transcript_update(f.t, f.session);
		if (i % 10 == 0)
			transcript_say(f.t, MESSAGE_INFO, 1, "ours");
	}
	transcript_update(f.t, f.session);
	for (uint64_t n = transcript_first(f.t); n < transcript_next(f.t); n++)
		assert_non_null(transcript_get(f.t, n));
	assert_true(transcript_next(f.t) - transcript_first(f.t) <= 5100);
	tear_down(&f);
}

const struct CMUnitTest test_transcript[] = {
	cmocka_unit_test(ours_stand_where_they_were_said),
	cmocka_unit_test(cleared_is_cleared),
	cmocka_unit_test(it_forgets_with_the_session),
	{ 0 }
};
