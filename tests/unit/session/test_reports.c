/* test_reports.c - the words that are made of what the call reports */
#include "unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include "session/session_priv.h"

extern const struct CMUnitTest test_reports[];

struct fixture { struct loop *loop; struct settings *settings; struct session *session; };

static void set_up(struct fixture *f)
{
	assert_int_equal(loop_new(&f->loop, "test"), 0);
	assert_int_equal(settings_new(&f->settings), 0);
	assert_int_equal(session_new(&f->session, f->loop, f->settings), 0);
	session_text_set(&f->session->room, "tea");
}

static void tear_down(struct fixture *f)
{
	session_free(&f->session);
	settings_free(&f->settings);
	loop_free(&f->loop);
}

static void person(struct fixture *f, enum call_event_type type, const char *id, const char *name)
{
	struct call_person p = { .id = id, .name = name };
	struct call_event ev = { .type = type, .person = &p };

	session_on_call(f->session, &ev);
}

static void notice(struct fixture *f, const char *text)
{
	struct call_event ev = { .type = CALL_EV_NOTICE, .text = text };

	session_on_call(f->session, &ev);
}

static void said(struct fixture *f, const char *text, bool named)
{
	const struct message *m = session_message(f->session, session_next_serial(f->session) - 1);

	assert_non_null(m);
	assert_string_equal(m->text, text);
	assert_int_equal(m->named, named);
}

static void names_are_known_as_such(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	person(&f, CALL_EV_PERSON_JOINED, "a1b2c3", "anna");
	said(&f, "anna joined", true);
	person(&f, CALL_EV_PERSON_JOINED, "5c1f77", "");
	said(&f, "guest 5c1f joined", false);                   /* that is our word */
	person(&f, CALL_EV_PERSON_CHANGED, "a1b2c3", "ann");
	said(&f, "anna is now called ann", true);
	notice(&f, "tea has a password: /password gives it");
	said(&f, "tea has a password: /password gives it", true);
	notice(&f, "teams are sorted");
	said(&f, "teams are sorted", false);
	notice(&f, "anna: was not let in");                     /* she has another name */
	said(&f, "anna: was not let in", false);
	person(&f, CALL_EV_PERSON_LEFT, "a1b2c3", "ann");
	said(&f, "ann left", true);
	notice(&f, "ann: was not let in");
	said(&f, "ann: was not let in", false);
	tear_down(&f);
}

const struct CMUnitTest test_reports[] = {
	cmocka_unit_test(names_are_known_as_such), { 0 }
};
