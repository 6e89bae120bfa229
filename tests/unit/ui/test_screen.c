/* test_screen.c - whole screens, compared with tests/screen */
#include "unit/ui/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sizes(void **state)
{
	static const int size[][2] = {
		{ 120, 34 }, { 80, 24 }, { 60, 20 }, { 40, 12 }, { 30, 6 }, { 20, 5 }, { 5, 2 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct picture *p;
		char name[32];

		picture_new(&p, size[i][0], size[i][1]);
		snprintf(name, sizeof(name), "call-%dx%d", size[i][0], size[i][1]);
		picture_is(p, name);
		picture_free(&p);
	}
}

static void no_size_hurts(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	for (int columns = 1; columns < 90; columns += columns < 12 ? 1 : 7)
		for (int rows = 1; rows < 26; rows += rows < 8 ? 1 : 4) {
			p->rows = rows;
			p->columns = columns;
			term_out_resize(p->out, rows, columns);
			p->screen.pane_over = rows % 2;
			free(picture_text(p));
		}
	picture_free(&p);
}

static void twenty_people_and_long_names(void **state)
{
	static char name[20][64], id[20][8];
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	p->view.people = p->view.people_all = 0;
	for (int i = 0; i < 26; i++) {
		struct person *q;

		snprintf(id[i % 20], sizeof(id[0]), "p%02d", i);
		snprintf(name[i % 20], sizeof(name[0]), i % 5 ? "Guest %d" : "Maximiliane-Friederike the %dth", i);
		q = picture_person(p, i == 25 ? "0a1b" : id[i % 20], i == 25 ? "fritz" : name[i % 20]);
		q->muted = i % 3 == 0;
		q->hand = i % 7 == 0 ? (unsigned)i / 7 + 1 : 0;
		q->moderator = i == 4;
		q->volume = i == 6 ? 400 : 100;
		q->me = i == 25;
		if (i >= 20) {
			q->id = "zz";
			q->name = "李小龍 Bruce";
		}
	}
	picture_is(p, "people-80x24");
	/* The chosen one is always on the screen. */
	snprintf(p->screen.chosen, sizeof(p->screen.chosen), "zz");
	picture_is(p, "people-chosen-80x24");
	p->columns = 40;
	p->rows = 12;
	term_out_resize(p->out, 12, 40);
	p->screen.pane_over = true;
	picture_is(p, "people-over-40x12");
	picture_free(&p);
}

static void own_state_is_a_word(void **state)
{
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 80, 24);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n MUTED "));
	free(text);
	p->view.muted = false;
	text = picture_text(p);
	assert_non_null(strstr(text, "\n OPEN "));
	free(text);
	p->view.on_air = true;
	text = picture_text(p);
	assert_non_null(strstr(text, "\n ON AIR "));
	free(text);
	p->view.has_mic = false;
	text = picture_text(p);
	assert_non_null(strstr(text, "\n LISTENING "));
	free(text);
	picture_free(&p);
}

static void trouble_pushes_figures_away(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	p->view.state = SESSION_RECONNECTING;
	p->view.joined = false;
	p->view.retry_s = 8;
	p->view.attempt = 3;
	p->view.media = SESSION_MEDIA_NONE;
	p->view.deaf = p->view.insecure = true;
	p->view.trouble = "no sound: PulseAudio went away";
	picture_is(p, "trouble-80x24");
	picture_free(&p);
	picture_new(&p, 40, 12);
	p->view.state = SESSION_RECONNECTING;
	p->view.joined = false;
	p->view.retry_s = 8;
	p->view.attempt = 3;
	picture_is(p, "trouble-40x12");
	picture_free(&p);
}

static void ascii_and_no_colour_say_the_same(void **state)
{
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 80, 24);
	look_set(&p->screen.look, false, false, false);
	picture_is(p, "ascii-80x24");
	text = picture_text(p);
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c < 127);
	/* Without colours a private message and my state still stand out. */
	assert_int_not_equal(p->screen.look.ink[STYLE_PRIVATE].attr, 0);
	assert_true(p->screen.look.ink[STYLE_MUTED].attr & A_REVERSE);
	assert_int_equal(p->screen.look.ink[STYLE_MUTED].pair, 0);
	free(text);
	picture_free(&p);
}

static void before_the_call(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	p->view.state = SESSION_CONNECTING;
	p->view.joined = false;
	p->view.media = SESSION_MEDIA_NONE;
	p->view.people = p->view.people_all = 0;
	p->view.subject = "";
	p->view.elapsed_s = -1;
	p->view.next = p->view.first;
	picture_is(p, "connecting-80x24");
	picture_free(&p);
}

static void strangers_bring_no_controls(void **state)
{
	static const char nasty[] = "\033[2J\033]0;x\a\b\x7F\xC2\x9B" "31m\xFF\xFE\r\n\ttext";
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 80, 24);
	picture_person(p, "n1", nasty)->talking = true;
	picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .time_us = picture_time(21, 9),
		    .from = "n1", .name = nasty, .text = nasty });
	p->view.room = p->view.subject = p->view.host = p->view.trouble = nasty;
	text = picture_text(p);         /* looks at every cell */
	assert_null(strchr(text, '\033'));
	free(text);
	picture_free(&p);
}

static void the_line_scrolls_under_the_cursor(void **state)
{
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 40, 12);
	for (int i = 0; i < 30; i++)
		input_insert(p->input, " 李 word", 8);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n< "));
	assert_int_equal(p->screen.cursor_y, 11);
	assert_in_range(p->screen.cursor_x, 10, 39);
	free(text);
	input_do(p->input, INPUT_HOME);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n> and now"));
	assert_int_equal(p->screen.cursor_x, 2);
	free(text);
	input_do(p->input, INPUT_CLEAR);
	input_insert(p->input, "one\ntwo", 7);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n> one↵two"));
	free(text);
	picture_free(&p);
}

static void passwords_are_stars(void **state)
{
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 40, 12);
	input_do(p->input, INPUT_CLEAR);
	input_insert(p->input, "/password größe!", 18);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n> /password ******"));
	assert_null(strstr(text, "gr"));
	assert_int_equal(p->screen.cursor_x, 2 + 16);
	free(text);
	input_do(p->input, INPUT_LEFT);
	text = picture_text(p);
	assert_int_equal(p->screen.cursor_x, 2 + 15);
	free(text);
	input_do(p->input, INPUT_CLEAR);
	input_insert(p->input, "/passwords are bad", 18);
	text = picture_text(p);
	assert_non_null(strstr(text, "\n> /passwords are bad"));
	free(text);
	picture_free(&p);
}

static void hints_and_notes(void **state)
{
	struct picture *p;
	char *text;

	(void)state;
	picture_new(&p, 80, 24);
	text = picture_text(p);
	assert_non_null(strstr(text, "Alt+m speak  /help  /quit"));
	free(text);
	p->view.hints = false;
	text = picture_text(p);
	assert_null(strstr(text, "/help"));
	free(text);
	snprintf(p->screen.note, sizeof(p->screen.note), "/quit leaves the call");
	text = picture_text(p);
	assert_non_null(strstr(text, "/quit leaves the call"));
	free(text);
	picture_free(&p);
}

const struct CMUnitTest test_screen[] = {
	cmocka_unit_test(sizes),
	cmocka_unit_test(no_size_hurts),
	cmocka_unit_test(twenty_people_and_long_names),
	cmocka_unit_test(own_state_is_a_word),
	cmocka_unit_test(trouble_pushes_figures_away),
	cmocka_unit_test(ascii_and_no_colour_say_the_same),
	cmocka_unit_test(before_the_call),
	cmocka_unit_test(strangers_bring_no_controls),
	cmocka_unit_test(the_line_scrolls_under_the_cursor),
	cmocka_unit_test(passwords_are_stars),
	cmocka_unit_test(hints_and_notes),
	{ 0 }
};
